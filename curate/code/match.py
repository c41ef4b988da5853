"""Which licence texts a file holds: containment of word n-grams, then a check of the region that matched."""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from curate.code.texts import Index, index, lookup
from curate.code.tokens import GRAM, Words, grams

MIN_COVERED = 0.72
"""Share of a reference's words that must be found."""
MAX_GAP = 60
"""Words in a row that belong to no gram of the reference end a region."""
MAX_CANDIDATES = 40
UNLISTED = 0.16
"""How much better a text that is not on the SPDX list must fit than one that is: most of them are wordings of those."""
LONG = 500
"""Words from which a reference is long."""


class Match(NamedTuple):
    """One reference found in a text."""

    reference: int
    """Number in `Index.references`."""
    first: int
    """First word of the region."""
    last: int
    """One after its last word."""
    covered: float
    """Share of the reference's words found in the region."""
    foreign: float
    """Share of the region's words that the reference does not have."""
    score: float
    """Jaccard similarity of region and reference in words."""


@numba.njit(cache=True, nogil=True)
def _count(keys, first, postings, counts, seen):  # type: ignore[no-untyped-def]
    """How many different grams of the text each reference has."""
    for i in range(keys.size):
        k = keys[i]
        if k >= 0 and not seen[k]:
            seen[k] = True
            for p in range(first[k], first[k + 1]):
                counts[postings[p]] += 1
    for i in range(keys.size):
        if keys[i] >= 0:
            seen[keys[i]] = False


@numba.njit(cache=True, nogil=True)
def _densest(keys, mark, begin, last, width):  # type: ignore[no-untyped-def]
    """The part of a region with the most words of the reference less words that are not: (first, one after last).

    A few shared words of a neighbour, some way off, would otherwise pull the region over it.
    """
    best, best_first, best_end = 0, begin, begin
    run, first, until = 0, begin, begin
    for q in range(begin, last + width):
        if q <= last and keys[q] >= 0 and mark[keys[q]] & 1:
            until = q + width
        if run <= 0:
            run, first = 0, q
        run += 1 if q < until else -1
        if run > best:
            best, best_first, best_end = run, first, q + 1
    return best_first, best_end


@numba.njit(cache=True, nogil=True)
def _covered(keys, own, mark, first, end, width):  # type: ignore[no-untyped-def]
    """Words of [first, end) that the reference has, and words of the reference that are there."""
    covered, until = 0, first
    for q in range(first, end - width + 1):
        if keys[q] >= 0 and mark[keys[q]] & 1:
            covered += q + width - max(until, q)
            until = q + width
            mark[keys[q]] |= 2
    reference, until = 0, 0
    for p in range(own.size):
        if mark[own[p]] & 2:
            reference += p + width - max(until, p)
            until = p + width
    for q in range(first, end - width + 1):
        if keys[q] >= 0:
            mark[keys[q]] &= 1
    return covered, reference


@numba.njit(cache=True, nogil=True)
def _regions(keys, own, mark, gap, width):  # type: ignore[no-untyped-def]
    """Rows (first word, one after last, words of the text covered, words of the reference covered)."""
    for i in range(own.size):
        mark[own[i]] |= 1
    out = []
    size = keys.size
    i = 0
    while i < size:
        if keys[i] < 0 or mark[keys[i]] == 0:
            i += 1
            continue
        last = i
        j = i
        while j < size and j - last <= gap:
            if keys[j] >= 0 and mark[keys[j]] != 0:
                last = j
            j += 1
        first, end = i, last + width
        if own.size >= LONG:  # of a short one every word around may be a changed clause: none is left out
            first, end = _densest(keys, mark, i, last, width)
        covered, reference = _covered(keys, own, mark, first, end, width)
        out.append((first, end, covered, reference))
        i = last + 1
    for i in range(own.size):
        mark[own[i]] = 0
    return out


class Matcher:
    """Finds references in texts. Holds scratch arrays, so one a thread."""

    def __init__(self, source: Index | None = None) -> None:
        self.index = source or index()
        size = len(self.index.first) - 1
        self._seen = np.zeros(size, np.bool_)
        self._mark = np.zeros(size, np.uint8)

    def candidates(self, keys: NDArray[np.int32]) -> list[int]:
        """References that may be in the text, those with the largest share of their grams first."""
        counts = np.zeros(len(self.index.references), np.int32)
        _count(keys, self.index.first, self.index.postings, counts, self._seen)
        share = counts / np.maximum(self.index.distinct, 1)
        good = np.flatnonzero(share >= MIN_COVERED - 0.22)
        order = good[np.lexsort((good, -counts[good], -np.round(share[good], 3)))]
        return [int(n) for n in order[:MAX_CANDIDATES]]

    def all_matches(self, text: Words) -> list[Match]:
        """Every reference found, overlapping ones too, best score first."""
        keys = lookup(self.index.table, grams(text.hashes))
        if not (keys >= 0).any():
            return []
        found = []
        for n in self.candidates(keys):
            size = self.index.references[n].size
            for first, last, covered, reference in _regions(
                keys, self.index.references[n].keys, self._mark, MAX_GAP, GRAM
            ):
                if reference < MIN_COVERED * size or reference < 6:
                    continue
                inside = min(covered, last - first)
                score = reference / (size + (last - first) - inside)
                found.append(Match(n, first, last, reference / size, 1 - inside / (last - first), min(score, 1.0)))
        found.sort(key=lambda m: (-m.score, -(m.last - m.first), m.reference))
        return found

    def matches(self, text: Words) -> list[Match]:
        """The best references that do not overlap, in the order of the text."""
        chosen: list[Match] = []
        for match in sorted(self.all_matches(text), key=self._rank):
            shared = sum(max(0, min(match.last, m.last) - max(match.first, m.first)) for m in chosen)
            if shared * 5 < match.last - match.first:
                chosen.append(match)
        return sorted(chosen, key=lambda m: (m.first, m.reference))

    def foreign_runs(self, match: Match, text: Words) -> list[tuple[int, int]]:
        """Runs (first word, one after last) of the region that the reference does not have."""
        keys = lookup(self.index.table, grams(text.hashes[match.first : match.last]))
        reference = self.index.references[match.reference].keys
        self._mark[reference] = 1
        own = (keys >= 0) & (self._mark[keys] == 1)
        self._mark[reference] = 0
        covered = np.zeros(match.last - match.first, np.bool_)
        for shift in range(GRAM):
            covered[shift : shift + len(own)] |= own
        edges = np.flatnonzero(np.diff(np.concatenate(([1], covered.view(np.int8), [1]))))
        return [(match.first + int(a), match.first + int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]

    def _rank(self, match: Match) -> tuple[float, int]:
        """A long text before the short ones inside it, unless it fits much worse."""
        listed = not self.index.references[match.reference].ids[0].startswith("LicenseRef-")
        score = match.score if listed or match.score > 0.99 else max(0.0, match.score - UNLISTED)
        return (-round((match.last - match.first) * score**4, 3), match.reference)
