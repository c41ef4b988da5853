"""Every number that a rule measures: of a text of nothing, and of repeated text by plain counting."""

import dataclasses
import importlib
import inspect
import pkgutil
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate import filters
from curate.filters import quality, repetition
from curate.filters.base import Document

WITH_A_MODEL = ("Cld3", "FastText", "Perplexity", "Quality")
EVERY = [
    kind
    for found in pkgutil.iter_modules(filters.__path__)
    for name, kind in vars(importlib.import_module(f"curate.filters.{found.name}")).items()
    if inspect.isclass(kind) and kind.__module__.endswith(f".{found.name}") and hasattr(kind, "signals")
    if dataclasses.is_dataclass(kind)
]
STEPS = [kind for kind in EVERY if kind.__name__ not in WITH_A_MODEL]
OF_BLANKS = {"chars": 4.0, "characters": 4.0, "code_longest_line": 1.0, "code_mean_line": 1.0, "newlines_per_word": 2.0}
"""What there is to measure in a space, a line feed, a tab and a line feed."""


@pytest.mark.parametrize("kind", STEPS, ids=lambda kind: kind.__name__)
def test_there_is_nothing_to_measure_in_nothing(kind: Any) -> None:
    for text in ("", " \n\t\n"):
        found = kind()(Document("1", text)).signals
        assert set(found) <= set(kind.signals)
        wanted = {name: OF_BLANKS.get(name, 0.0) if text else 0.0 for name in found}
        assert {**found, "sample_draw": 0.0} == {**wanted, "sample_draw": 0.0}  # of the id alone


@pytest.mark.parametrize("kind", [one for one in EVERY if one.__name__ != "Perplexity"], ids=lambda kind: kind.__name__)
def test_lists_of_a_recipe_are_as_good_as_what_stands_in_the_code(kind: Any) -> None:
    """TOML has no tuples, and what is kept by a step must be hashable."""
    plain = kind()
    given = {field.name: getattr(plain, field.name) for field in dataclasses.fields(kind)}
    listed = kind(**{name: list(value) if isinstance(value, tuple) else value for name, value in given.items()})
    assert (listed, hash(listed)) == (plain, hash(plain))


WORDS = st.lists(st.sampled_from(["a", "bb", "a", "ccc", "dd,"]), max_size=60)
LINES = st.lists(st.sampled_from(["one", " one ", "two words", "", " ", "\t"]), max_size=15)


def copies(items: Sequence[str], total: int) -> tuple[float, float]:
    """The share of the items that came before, and that of their characters."""
    again = [item for at, item in enumerate(items) if item in items[:at]]
    return len(again) / len(items) if items else 0.0, sum(map(len, again)) / total if total else 0.0


def shares(step: Any, text: str) -> tuple[float, ...]:
    decision = step(Document("1", text))
    return tuple(decision.signals[name] for name in step.signals)


@given(LINES)
def test_copies_of_lines_and_paragraphs(lines: list[str]) -> None:
    text = "\n".join(lines)
    kept = [line.strip() for line in lines if line.strip()]
    parts = ["\n".join(group).strip() for blank, group in groupby(lines, lambda line: not line.strip()) if not blank]
    assert shares(repetition.RepeatedLines(), text) == copies(kept, len("\n".join(kept)))
    assert shares(repetition.RepeatedParagraphs(), text) == copies(parts, len("\n\n".join(parts)))


@given(WORDS)
def test_what_the_commonest_and_the_repeated_words_take(words: list[str]) -> None:
    text = " ".join(words)
    top, again = [], []
    for n in range(2, 11):
        grams = [tuple(words[at : at + n]) for at in range(len(words) - n + 1)]
        most = max(Counter(grams).items(), key=lambda pair: pair[1], default=((), 0))
        top.append(len(" ".join(most[0])) * most[1] / (len(text) or 1))
        seen, at, chars = set(), 0, 0
        while at < len(grams):
            chars += sum(map(len, grams[at])) if grams[at] in seen else 0
            step = n if grams[at] in seen else 1
            seen.add(grams[at])
            at += step
        again.append(chars / (len(text) or 1))
    assert shares(repetition.TopNgrams(), text) == pytest.approx(top[:3])
    assert shares(repetition.RepeatedNgrams(), text) == pytest.approx(again[3:])


@pytest.mark.parametrize(
    ("limits", "reason"),
    [((0.3, -1, -1), "top_2gram"), ((-1, 0.5, -1), "top_3gram"), ((-1, -1, 0.6), "top_4gram"), ((1, 1, 1), None)],
)
def test_the_size_that_is_too_common_is_named(limits: tuple[float, ...], reason: str | None) -> None:
    assert repetition.TopNgrams(limits)(Document("1", "aa bb cc dd x aa bb cc dd y")).reason == reason


@given(LINES, st.lists(st.sampled_from(["the", "The,", "(of)", "cat", "\u201cand\u201d"]), max_size=9))
def test_plain_measures_of_quality(lines: list[str], words: list[str]) -> None:
    sizes = [len(line.strip()) for line in lines if line.strip()]
    assert shares(quality.MeanLineLength(), "\n".join(lines)) == (sum(sizes) / max(1, len(sizes)),)
    assert shares(quality.StopWordShare(), " ".join(words)) == (
        sum(word != "cat" for word in words) / max(1, len(words)),
    )
