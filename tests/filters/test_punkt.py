"""Sentence counts must be NLTK's own, sentence by sentence."""

from collections import defaultdict
from functools import lru_cache
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.filters import punkt

PIECES = [
    ".", "?", "!", '"', "'", ")", "(", "\u201d", "\u2019", "\xbb", "-", "--", ",", ";", " ", " ", " ", "\n", "\t", "\x1c", "\x85",
    "\xa0", "a", "A", "Mr", "U.S", "etc", "1", "2.5", "-3", "I", "The", "the", "however", "\u2026", "...", ". . .", "\xe9", "_", ":",
    "[", "*", "@", "Inc", "Jan", "vs", "e.g", "Bach", "p.m", "No", "##number##", "\u3002", "\u0130",
]  # fmt: skip


@lru_cache
def nltk() -> Any:
    reference = pytest.importorskip("nltk.tokenize.punkt")
    from punkt.data import english

    parameters = reference.PunktParameters()
    parameters.abbrev_types = set(english.ABBREV_TYPES)
    parameters.collocations = set(english.COLLOCATIONS)
    parameters.sent_starters = set(english.SENT_STARTERS)
    parameters.ortho_context = defaultdict(int, english.ORTHO_CONTEXT)
    return reference.PunktSentenceTokenizer(parameters)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_nltk_on_pieces(text: str) -> None:
    assert punkt.count(text) == len(nltk().tokenize(text))


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_nltk_on_any_text(text: str) -> None:
    assert punkt.count(text) == len(nltk().tokenize(text))


@pytest.mark.parametrize(
    ("text", "unicode", "ascii"),
    [
        ("", 0, 0),
        ("  \n ", 0, 0),
        ("no mark at all", 1, 1),
        ("One. Two. Three.", 3, 3),
        ("\u201cGo.\u201d He went.", 2, 1),
        ('"Go." He went.', 2, 2),
    ],
)
def test_quotes(text: str, unicode: int, ascii: int) -> None:
    assert (punkt.count(text), punkt.count(text, "ascii")) == (unicode, ascii)


def test_real_text(testdata: Any) -> None:
    book = (testdata / "G-text/gutenberg/84/84.txt").read_text(encoding="utf-8", errors="replace")
    for piece in book[:150_000].split("\n\n"):
        assert punkt.count(piece) == len(nltk().tokenize(piece))


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Dr. Smith arrived at 5 p.m. on Jan. 5 with Mr. J. R. Jones Jr. of the U.S. Army.", 1),
        ("It was 5 p.m. Monday.", 1),
        ("The meeting is at 10 a.m. The hall is cold.", 2),
        ("Prof. Dr. M\u00fcller et al. wrote pp. 3-5, vol. 2, fig. 3, no. 4.", 1),
        ("He said no. Then he left.", 2),
        ("Use e.g. apples, i.e. fruit, etc. and so on.", 1),
        ("Apples, pears, etc. The end.", 2),
        ("Gen. Lee met Sen. Smith, Rep. Jones and Gov. Brown on Feb. 3.", 1),
        ("The U.S. is big. The U.K. is not.", 2),
        ("J. K. Rowling and Martin Luther King Jr. wrote it.", 1),
        ("It costs $3.50, not 3.5 million. See www.example.com/a.b?c.d!e for version 2.0.1 now.", 2),
        ("1. First item here.", 1),
        ("1. First one. 2. Second one. 3. Third one.", 3),
        ("a. First one. b. Second one.", 2),
        ("So . . . he waits. And then... nothing. And\u2026 nothing.", 3),
        ("What?! No!!! Really???", 3),
        ("He said \u201cno.\u201d She left. (It is so.) \u2018Go.\u2019 He went.", 5),
        ("First line\nsecond line", 1),
        ("\u4e00\u4e8c\u3002\u4e09\u56db\uff01", 2),
        ("\u042d\u0442\u043e \u0442\u0435\u0441\u0442. \u0412\u0442\u043e\u0440\u043e\u0439.", 2),
        ("", 0),
        ("1. 2. 3. ... !!! ?", 0),
    ],
)
def test_english(text: str, sentences: int) -> None:
    assert punkt.count_english(text) == sentences


WORDS = st.sampled_from(
    ["the", "Dr", "St", "U", "etc", "Jan", "He", "it", "lt", "no", "Sen", "Louis", "In", "a", "dogs", "Fig"]
)


@given(WORDS, st.sampled_from(".?!"), st.sampled_from([" ", "  ", "\n", "\t"]), WORDS, st.sampled_from(["", ","]))
def test_the_short_way_for_plain_words_is_the_long_one(
    word: str, mark: str, space: str, after: str, comma: str
) -> None:
    context = f"{word}{mark}{space}{after}{comma}"
    for rules in get_args(punkt.Rules):
        short = punkt._plain_break(context, punkt._english(rules == "english"))
        assert short is None or short == punkt._has_break.__wrapped__(context, rules)


@given(st.text("ab .?!\u2026\u3002,", max_size=12))
def test_a_line_without_a_mark_inside_is_one_sentence_at_most(text: str) -> None:
    pieces = punkt._OTHER_ENDS.split(punkt._ELLIPSES.sub("...", text))
    assert punkt.count_english(text) == sum(map(punkt._count_words, pieces))
