"""Sentence counts must be NLTK's own, sentence by sentence."""

from collections import defaultdict
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters import punkt

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
