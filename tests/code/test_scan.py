"""The compiled passes give what the plain definitions give."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.code.detect import Detector
from curate.code.names import folded
from curate.code.notices import has_trigger
from curate.code.scan import fold, literals, names_in_code, places
from curate.code.tokens import words, words_of

WHITE = st.text(st.sampled_from("ab \t\n\r\x0b\x0c\x1c\x1f\x85\xa0é"), max_size=60)


@settings(deadline=None)  # the first call loads compiled code
@given(WHITE)
def test_each_run_of_white_space_is_a_blank(text):
    found = folded(text)
    assert found.text == re.sub(r"\s+", " ", text)
    assert found.data == found.text.encode("latin-1")


@settings(deadline=None)  # the first call loads compiled code
@given(WHITE)
def test_wide_characters_are_folded_alike(text):
    narrow, wide = folded(text + "x"), folded(text + "\u2192")
    assert wide.text[:-1] == narrow.text[:-1]
    assert (list(wide.here), list(wide.there)) == (list(narrow.here), list(narrow.there))


@settings(deadline=None)  # the first call loads compiled code
@given(st.text(st.characters(max_codepoint=255), max_size=80))
def test_places_of_a_folded_text_are_found_again(text):
    found = folded(text)
    for place, character in enumerate(found.text):
        assert text[found.unfolded(place)] == character or (character == " " and text[found.unfolded(place)].isspace())


def test_fold_says_where_the_two_part():
    data, here, there = fold(b"a  b\nc d")
    assert (data, here.tolist(), there.tolist()) == (b"a b c d", [0, 2, 4], [0, 3, 5])


@settings(deadline=None)  # the first call loads compiled code
@given(
    st.lists(st.text("abc-", min_size=1, max_size=4), min_size=1, max_size=6, unique=True),
    st.text("abcABC- ", max_size=60),
)
def test_words_of_a_list_are_found(found, text):
    """The next word is the one that ends first, the longest of those, behind the one before."""
    expected, at = [], 0
    for end in range(1, len(text) + 1):
        fitting = [w for w in found if text[at:end].lower().endswith(w)]
        if fitting:
            expected.append((end - max(map(len, fitting)), end))
            at = end
    assert places(text.encode(), literals(tuple(found))) == [start for start, _ in expected]


@settings(deadline=None)  # the first call loads compiled code
@given(st.lists(st.text("ab1 .)\n", max_size=12), max_size=8))
def test_words_of_many_texts(texts):
    (hashes, _, _), bounds = words_of([text.encode() for text in texts])
    for n, text in enumerate(texts):
        assert hashes[bounds[n] : bounds[n + 1]].tolist() == words(text.encode()).hashes.tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("released under\u00a0the NAME", True), ("subject\n to\x1fNAME", True), ("ünder NAME", False),
        ("under" + " " * 160 + "NAME", False), ("he blunders on NAME", False), ("it goes under NAME", True),
    ],
)  # fmt: skip
def test_a_verb_before_a_name(text, expected):
    low = text.lower()
    assert has_trigger(low, low.index("name"), len(low)) is expected


def test_a_text_that_comes_up_again_has_the_same_evidence_elsewhere(monkeypatch):
    monkeypatch.setattr("curate.code.detect.REMEMBERED", 2)
    detector = Detector()
    texts = [
        b"# SPDX-License-Identifier: MIT\n",
        b"Released under the ISC license\n",
        b"x = 1\n",
        b"licensed under Zlib license\n",
    ]
    for number, text in enumerate(texts * 3):
        name = f"folder{number}/LICENSE"
        assert detector.detect(text, name) == Detector().detect(text, name)
        assert detector.detect(text, f"f{number}.py") == Detector().detect(text, f"f{number}.py")
        assert detector.detect(text, name)[:1] == Detector().detect(text, name)[:1]
        assert len(detector._read) <= 2


_NO_CODE = re.compile(
    r'"""[\s\S]*?(?:"""|\Z)'
    r"|'''[\s\S]*?(?:'''|\Z)|/\*[\s\S]*?(?:\*/|\Z)|(?:#|//|--|;;)[^\n]*"
    r'|"(?:[^"\\\n]|\\.)*"?'
    r"|'(?:[^'\\\n]|\\.)*'?"
)
_IN_NAMES = re.compile(r"[A-Z]?[a-z]{3,}|[A-Z]{4,}(?![a-z])")
_PIECES = [*"\"'\\\n/*#-;abB \xe9(1", "abc", "ABCD", "ABCDE", "Abcd", '"""', "'''", "/*", "*/"]


@settings(deadline=None)
@given(st.lists(st.sampled_from(_PIECES), max_size=30).map("".join))
def test_names_in_code_are_those_that_these_patterns_find(code):
    expected = {word.lower() for word in _IN_NAMES.findall(_NO_CODE.sub(" ", code))}
    assert {word.lower() for word in names_in_code(code)} == expected
