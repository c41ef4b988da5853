"""Gopher's repetition rules: documents that repeat themselves.

Source of all: Rae et al., "Scaling Language Models: Methods, Analysis & Insights from Training Gopher"
(2021), appendix A.1.1, table A1, whose limits are the defaults. Shares are of the characters of the whole
text, and a line's or an n-gram's first copy is not a duplicate, as in datatrove (DCLM counts it). Words are separated
by white space (see `filters.scripts` for scripts without spaces); a tokenizer that splits off punctuation finds
different n-grams. Lines and paragraphs are stripped before they are compared, blank ones are ignored, and the
separator is one line break (or two); datatrove splits only at line feeds, so that white-space lines are copies of
each other and do not separate paragraphs: `blank_lines = true`.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from curate.filters.base import Decision, Document, Limit, drop, keep
from curate.filters.limits import OFF, above, check_limit
from curate.filters.text import lines, words

_PARAGRAPH = re.compile(r"\n{2,}")
_BLANK = re.compile(r"\n\s*\n")
_LINE = re.compile(r"\n+")
_LARGEST = 2**63 - 1


def repeated(items: Sequence[str]) -> tuple[int, int]:
    """(items, their characters) that occurred before in the sequence."""
    counts = Counter(items)
    if len(counts) == len(items):
        return 0, 0
    extra = [(item, times - 1) for item, times in counts.items() if times > 1]
    return sum(times for _, times in extra), sum(len(item) * times for item, times in extra)


@dataclass(frozen=True)
class RepeatedLines:
    """Drops documents with repeated lines: too large a share of the lines, or of the characters.

    Source: Gopher, table A1: duplicate line fraction 0.30, duplicate line character fraction 0.20.
    No deviations.
    """

    signals: ClassVar[tuple[str, ...]] = ("repeated_lines", "repeated_line_chars")
    limits: ClassVar[tuple[Limit, ...]] = (
        Limit("lines", "repeated_lines", ">", "max_share"),
        Limit("chars", "repeated_line_chars", ">", "max_chars"),
    )

    max_share: float = 0.3
    """Maximum share of the lines (blank lines don't count)."""
    max_chars: float = 0.2
    """Maximum share of the characters of the text."""
    blank_lines: bool = False
    """Split only at line feeds and do not strip, as datatrove does."""
    zero_is_off: bool = False
    """Treat a limit of 0 as -1 (off), as datatrove does: six of FineWeb-2's languages have `dup_line_frac: 0`."""

    def __post_init__(self) -> None:
        for name in ("max_share", "max_chars"):
            if self.zero_is_off and getattr(self, name) == 0:
                object.__setattr__(self, name, OFF)
        _check_shares(self.max_share, self.max_chars)

    def __call__(self, doc: Document) -> Decision:
        share, chars = self._shares(doc.text)
        signals = {"repeated_lines": share, "repeated_line_chars": chars}
        if above(share, self.max_share):
            return drop(doc, "lines", share, signals=signals)
        if above(chars, self.max_chars):
            return drop(doc, "chars", chars, signals=signals)
        return keep(doc, share, signals=signals)

    def _shares(self, text: str) -> tuple[float, float]:
        if self.blank_lines:
            return _shares(_LINE.split(text), len(text))
        found = [trimmed for line in lines(text) if (trimmed := line.strip())]
        return _shares(found, sum(map(len, found)) + len(found) - 1)


@dataclass(frozen=True)
class RepeatedParagraphs:
    """Drops documents with repeated paragraphs (separated by blank lines).

    Source: Gopher, table A1: duplicate paragraph fraction 0.30, duplicate paragraph character fraction 0.20.
    No deviations.
    """

    signals: ClassVar[tuple[str, ...]] = ("repeated_paragraphs", "repeated_paragraph_chars")
    limits: ClassVar[tuple[Limit, ...]] = (
        Limit("paragraphs", "repeated_paragraphs", ">", "max_share"),
        Limit("chars", "repeated_paragraph_chars", ">", "max_chars"),
    )

    max_share: float = 0.3
    """Maximum share of the paragraphs."""
    max_chars: float = 0.2
    """Maximum share of the characters of the text."""
    blank_lines: bool = False
    """Split only at line feeds and do not strip, as datatrove does."""

    def __post_init__(self) -> None:
        _check_shares(self.max_share, self.max_chars)

    def __call__(self, doc: Document) -> Decision:
        share, chars = self._shares(doc.text)
        signals = {"repeated_paragraphs": share, "repeated_paragraph_chars": chars}
        if above(share, self.max_share):
            return drop(doc, "paragraphs", share, signals=signals)
        if above(chars, self.max_chars):
            return drop(doc, "chars", chars, signals=signals)
        return keep(doc, share, signals=signals)

    def _shares(self, text: str) -> tuple[float, float]:
        if self.blank_lines:
            return _shares(_PARAGRAPH.split(text.strip()), len(text))
        found = [trimmed for part in _BLANK.split("\n".join(lines(text))) if (trimmed := part.strip())]
        return _shares(found, sum(map(len, found)) + 2 * (len(found) - 1))


@dataclass(frozen=True)
class TopNgrams:
    """Drops documents in which one n-gram makes up too much of the text.

    Source: Gopher, table A1: the most frequent 2-, 3- and 4-gram, with 0.20, 0.18 and 0.16 of the characters
    at most. All its occurrences count, including overlapping ones. Differs from the source: the definition of a word,
    see above.
    """

    signals: ClassVar[tuple[str, ...]] = ("top_2gram_chars", "top_3gram_chars", "top_4gram_chars")
    limits: ClassVar[tuple[Limit, ...]] = tuple(
        Limit(f"top_{n}gram", f"top_{n}gram_chars", ">", "max_chars", n - 2) for n in (2, 3, 4)
    )

    max_chars: tuple[float, ...] = (0.20, 0.18, 0.16)
    """Maximum shares of the characters for n = 2, 3, 4; pairs like `[2, 0.2]` also work."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "max_chars", _by_size(self.max_chars, range(2, 5)))

    def __call__(self, doc: Document) -> Decision:
        total = len(doc.text) or 1
        found = words(doc.text)
        shares = [top_ngram(found, n) / total for n in (2, 3, 4)]
        signals = dict(zip(self.signals, shares, strict=True))
        for n, share, limit in zip((2, 3, 4), shares, self.max_chars, strict=True):
            if above(share, limit):
                return drop(doc, f"top_{n}gram", share, signals=signals)
        return keep(doc, max(shares), signals=signals)


def top_ngram(found: Sequence[str], n: int) -> int:
    """Characters in all copies of the most frequent n-gram of words, joined by spaces; of several the
    first."""
    if len(found) < n:
        return 0
    counts = Counter(zip(*(found[i:] for i in range(n)), strict=False))
    top, times = max(counts.items(), key=_times)
    return (sum(map(len, top)) + n - 1) * times


def _times(item: tuple[tuple[str, ...], int]) -> int:
    return item[1]


@dataclass(frozen=True)
class RepeatedNgrams:
    """Drops documents with too many characters in repeated n-grams.

    Source: Gopher, table A1: duplicate 5- to 10-gram character fractions 0.15, 0.14, 0.13, 0.12, 0.11, 0.10.
    Scanned from the left; the search continues after a repeated n-gram, so no character counts twice, as in
    datatrove. Differs from the source: the definition of a word, see above.
    """

    signals: ClassVar[tuple[str, ...]] = tuple(f"repeated_{n}gram_chars" for n in range(5, 11))
    limits: ClassVar[tuple[Limit, ...]] = tuple(
        Limit(f"repeated_{n}gram", f"repeated_{n}gram_chars", ">", "max_chars", n - 5) for n in range(5, 11)
    )

    max_chars: tuple[float, ...] = (0.15, 0.14, 0.13, 0.12, 0.11, 0.10)
    """Maximum shares of the characters for n = 5 to 10; pairs like `[5, 0.15]` also work."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "max_chars", _by_size(self.max_chars, range(5, 11)))

    def __call__(self, doc: Document) -> Decision:
        total = len(doc.text) or 1
        shares = [chars / total for chars in repeated_ngrams(words(doc.text), 5, 10)]
        signals = dict(zip(self.signals, shares, strict=True))
        for n, share, limit in zip(range(5, 11), shares, self.max_chars, strict=True):
            if above(share, limit):
                return drop(doc, f"repeated_{n}gram", share, signals=signals)
        return keep(doc, max(shares), signals=signals)


def repeated_ngrams(found: Sequence[str], low: int, high: int) -> list[int]:
    """For each n from `low` to `high`: characters (without spaces) in n-grams that occurred before.

    An n-gram can only be repeated where the shorter one is, so each n looks only at the places the last n
    left: in ordinary text that is none after the first. An n-gram is one number, made of the number of the n-gram
    that is a word shorter and that of its last word: no two have the same.
    """
    totals, size = [0] * (high - low + 1), len(found)
    ids: dict[str, int] = {}
    words = np.fromiter((ids.setdefault(word, len(ids)) for word in found), np.int64, size)
    ends = np.cumsum(np.fromiter(map(len, found), np.int64, size))
    places, grams, bound = np.arange(size), words, max(1, len(ids))
    for n in range(2, high + 1):
        whole = int(np.searchsorted(places, size - n, "right"))
        places, grams = places[:whole], grams[:whole]
        if bound * len(ids) > _LARGEST:
            grams = np.unique(grams, return_inverse=True)[1]
            bound = whole
        grams = grams * len(ids) + words[places + (n - 1)]
        bound *= len(ids)
        if n < low:
            continue
        copied = _copied(grams)
        if copied is None:
            break
        places, grams = places[copied], grams[copied]
        totals[n - low] = _from_the_left(places.tolist(), grams.tolist(), n, ends)
    return totals


def _copied(grams: NDArray[np.int64]) -> NDArray[np.bool_] | None:
    """Which of the numbers there are several of; None where each is the only one."""
    ordered = np.sort(grams)
    same = ordered[1:] == ordered[:-1]
    if not same.any():
        return None
    several = ordered[1:][same]
    found: NDArray[np.bool_] = several[np.minimum(np.searchsorted(several, grams), len(several) - 1)] == grams
    return found


def _from_the_left(places: list[int], grams: list[int], n: int, ends: NDArray[np.int64]) -> int:
    """Characters of the n-grams at `places` that came before; `ends` are the characters up to and with each word."""
    seen: set[int] = set()
    free, starts = 0, []
    for at, gram in zip(places, grams, strict=True):
        if at < free:
            continue
        if gram in seen:
            starts.append(at)
            free = at + n
        else:
            seen.add(gram)
    first = np.array(starts, np.int64)
    return int((ends[first + (n - 1)] - np.where(first > 0, ends[first - 1], 0)).sum())


def _shares(items: Sequence[str], total: int) -> tuple[float, float]:
    """Shares of the items that are copies, and of their characters among `total`."""
    times, chars = repeated(items)
    return times / (len(items) or 1), chars / max(1, total)


def _check_shares(*values: float) -> None:
    for value in values:
        check_limit("shares", value)


def _by_size(limits: Sequence[Any], sizes: Sequence[int]) -> tuple[float, ...]:
    """The limit for each of `sizes`: as given, in order, or as pairs (n, limit). Raises ValueError for other sizes."""
    pairs = [tuple(one) for one in limits if isinstance(one, list | tuple)]
    if pairs and (len(pairs) != len(limits) or [one[:1] for one in pairs] != [(n,) for n in sizes]):
        raise ValueError(f"max_chars needs pairs (n, share) for n = {', '.join(map(str, sizes))}, got {list(limits)}")
    found = tuple(one[1] if isinstance(one, list | tuple) else one for one in limits)
    if len(found) != len(sizes):
        raise ValueError(f"max_chars needs {len(sizes)} values, got {len(found)}")
    if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in found):
        raise ValueError(f"max_chars must be numbers, got {list(limits)}")
    _check_shares(*found)
    return found
