"""The detector's n-grams and answers must be langdetect's."""

from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.filters import detector

PIECES = [
    "The ", "and ", "NASA ", "NATOs ", "Aa", "aA", " ", "  ", "\n", ".", ",", "1", "'", "\u00e9", "\u00c9", "e\u0301", "a\u0323", "\u015f",
    "\u021b", "\u00df", "\u0130", "\u4e2d\u56fd", "\u306e", "\u30ab", "\ud55c\uae00", "\u0434\u0430 ", "\u0416\u0418", "\u06cc",
    "\u1ea1", "\u1e00", "\u2014", "http://a.b/c?d=e ", "x.y@z.org ", "der Hund ", "est une ", "\u0e44\u0e17\u0e22", "[", "^", "`", "\x00",
]  # fmt: skip
TEXTS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=25).map("".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
)


@lru_cache
def reference() -> Any:
    """langdetect's own detector over the same profiles."""
    from langdetect.detector import Detector

    return lambda: Detector(detector._factory())


@settings(max_examples=250, deadline=None)
@given(TEXTS)
def test_same_ngrams(text: str) -> None:
    theirs = reference()()
    theirs.append(text)
    theirs.cleaning_text()
    assert detector._grams(detector._prepare(text)) == theirs._extract_ngrams()


def answer(text: str) -> tuple[str | None, float]:
    from langdetect.lang_detect_exception import LangDetectException

    theirs = reference()()
    theirs.append(text)
    try:
        best = theirs.get_probabilities()
    except LangDetectException:
        return None, 0.0
    return (best[0].lang, best[0].prob) if best else (None, 0.0)


@settings(max_examples=25, deadline=None)
@given(TEXTS)
def test_same_answer(text: str) -> None:
    assert detector.detect(text) == answer(text)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("It was a bright cold day in April, and the clocks were striking thirteen.", "en"),
        ("Die Uhren schlugen gerade dreizehn, als er an diesem kalten Apriltag nach Hause ging.", "de"),
        ("\u042d\u0442\u043e \u0431\u044b\u043b \u044f\u0441\u043d\u044b\u0439 \u0445\u043e\u043b\u043e\u0434\u043d\u044b\u0439 \u0434\u0435\u043d\u044c.", "ru"),
        ("word " * 5000, "af"),
        ("Aaa\u0323\u4e2d\u56fd\u4e2d\u56fd", "zh-cn"),
        ("", None),
        ("123 456", None),
    ],
)  # fmt: skip
def test_plain_cases(text: str, language: str | None) -> None:
    assert detector.detect(text) == answer(text)
    assert detector.detect(text)[0] == language
