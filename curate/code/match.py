"""Which licence texts a file holds: containment of word n-grams, then a check of the region that matched."""

from typing import NamedTuple

import numba
import numpy as np

from curate.code.texts import Index, index, lookup
from curate.code.tokens import GRAM, Words, grams

MIN_COVERED = 0.72
"""Share of a reference's words that must be found."""
CANDIDATE = 0.5
"""Share of its different grams that a text must have for a reference to be looked at; above 1 - `texts.POSTED`."""
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
def _candidates(keys, index, seen, hits):  # type: ignore[no-untyped-def]
    """References with enough of their different grams in the text, those with the largest share first.

    `postings` name a reference for its `posted` rarest grams only. One that has `needed` grams of its own in the text
    must have some of those, and how many is known (prefix filtering, Chaudhuri et al. 2006): for nearly all
    references that share but the usual disclaimers, the walk over the common grams is saved.
    """
    postings, rarest, posted, needed, most = index
    owners, first = postings
    values, bounds = rarest
    touched = np.empty(hits.size, np.int32)
    count = 0
    for k in keys:
        if k >= 0 and not seen[k]:
            seen[k] = True
            for p in range(first[k], first[k + 1]):
                if hits[owners[p]] == 0:
                    touched[count] = owners[p]
                    count += 1
                hits[owners[p]] += 1
    ranks = np.empty(count, np.int64)
    good = 0
    for n in touched[:count]:
        size = bounds[n + 1] - bounds[n]
        spare = size - needed[n]
        missing = posted[n] - hits[n]
        hits[n] = 0
        for p in range(bounds[n] + posted[n], bounds[n + 1]):
            if missing > spare:
                break
            missing += not seen[values[p]]
        if missing <= spare:
            share = np.int64(np.rint((size - missing) / size * 1000))
            ranks[good] = -((share << 50) | (np.int64(size - missing) << 25) | (np.int64(1 << 24) - n))
            good += 1
    for k in keys:
        if k >= 0:
            seen[k] = False
    best = np.sort(ranks[:good])[:most]
    return ((1 << 24) - (-best & ((1 << 25) - 1))).astype(np.int32)


@numba.njit(cache=True, nogil=True)
def _densest(text, mark, begin, last, width):  # type: ignore[no-untyped-def]
    """The part of a region with the most words of the reference less words that are not: (first, one after last).

    A few shared words of a neighbour, some way off, would otherwise pull the region over it.
    """
    best, best_first, best_end = 0, begin, begin
    run, first, until = 0, begin, begin
    for q in range(begin, last + width):
        if q <= last and mark[text[q]] & 1:
            until = q + width
        if run <= 0:
            run, first = 0, q
        run += 1 if q < until else -1
        if run > best:
            best, best_first, best_end = run, first, q + 1
    return best_first, best_end


@numba.njit(cache=True, nogil=True)
def _covered(text, own, mark, first, end, width):  # type: ignore[no-untyped-def]
    """Words of [first, end) that the reference has, and words of the reference that are there."""
    covered, until = 0, first
    for q in range(first, end - width + 1):
        if mark[text[q]] & 1:
            covered += q + width - max(until, q)
            until = q + width
            mark[text[q]] |= 2
    reference, until = 0, 0
    for p in range(own.size):
        if mark[own[p]] & 2:
            reference += p + width - max(until, p)
            until = p + width
    for q in range(first, end - width + 1):
        mark[text[q]] &= 1
    return covered, reference


@numba.njit(cache=True, nogil=True)
def _regions(text, own, mark, gap, width):  # type: ignore[no-untyped-def]
    """Rows (first word, one after last, words of the text covered, words of the reference covered).

    `text` and `own` are grams by the numbers of `_numbered`, `mark` is blank and has a place for each.
    """
    for p in range(own.size):
        mark[own[p]] = 1
    mark[0] = 0
    out = [(0, 0, 0, 0) for _ in range(0)]
    size = text.size
    i = 0
    while i < size:
        if mark[text[i]] == 0:
            i += 1
            continue
        last = i
        j = i
        while j < size and j - last <= gap:
            if mark[text[j]] != 0:
                last = j
            j += 1
        first, end = i, last + width
        if own.size >= LONG:  # of a short one every word around may be a changed clause: none is left out
            first, end = _densest(text, mark, i, last, width)
        covered, reference = _covered(text, own, mark, first, end, width)
        out.append((first, end, covered, reference))
        i = last + 1
    mark[:] = 0
    return out


@numba.njit(cache=True, nogil=True)
def _numbered(keys, numbers):  # type: ignore[no-untyped-def]
    """The different grams of the text numbered from 1 in `numbers`, 0 for what no reference has; and how many they are.

    Marks for these few stay in the processor's nearest cache, those for all keys of the index would not.
    """
    text = np.zeros(keys.size, np.uint32)
    count = 0
    for i in range(keys.size):
        if keys[i] >= 0:
            if numbers[keys[i]] == 0:
                count += 1
                numbers[keys[i]] = count
            text[i] = numbers[keys[i]]
    return text, count


@numba.njit(cache=True, nogil=True)
def _found(keys, candidates, own, sizes, numbers, limits):  # type: ignore[no-untyped-def]
    """Regions of all candidates that hold enough of the reference: (reference, first, last) and (covered, foreign, score)."""
    values, bounds = own
    gap, width, least = limits
    places, shares = [(0, 0, 0) for _ in range(0)], [(0.0, 0.0, 0.0) for _ in range(0)]
    text, count = _numbered(keys, numbers)
    mark = np.zeros(count + 1, np.uint8)
    for n in candidates:
        size = sizes[n]
        here = numbers[values[bounds[n] : bounds[n + 1]]]
        for first, last, covered, reference in _regions(text, here, mark, gap, width):
            if reference < least * size or reference < 6:
                continue
            inside = min(covered, last - first)
            score = min(reference / (size + (last - first) - inside), 1.0)
            places.append((n, first, last))
            shares.append((reference / size, 1 - inside / (last - first), score))
    for k in keys:
        if k >= 0:
            numbers[k] = 0
    return places, shares


@numba.njit(cache=True, nogil=True)
def _is_exact(i, places, shares, listed):  # type: ignore[no-untyped-def]
    """Whether a text that is not listed stands there whole, with little besides, and no listed one fits as well.

    What people fill in (names, copyright lines) makes the score of even the right text less than 1.
    """
    _, begin, end = places[i]
    if shares[i][0] < 0.995 or shares[i][1] > 0.12:
        return False
    for j in range(len(places)):
        n, first, last = places[j]
        shared = min(end, last) - max(begin, first)
        whole = shares[j][0] > 0.995 and shares[j][2] > shares[i][2] - 0.07
        if listed[n] and (shares[j][2] >= 0.97 or whole) and shared * 10 >= 8 * (end - begin):
            return False
    return True


@numba.njit(cache=True, nogil=True)
def _best(places, shares, listed, handicap):  # type: ignore[no-untyped-def]
    """Which regions to keep, the best first: none of which a fifth lies in better ones.

    A long text goes before the short ones inside it, unless it fits much worse.
    """
    ranks = np.empty(len(places), np.int64)
    for i in range(len(places)):
        n, first, last = places[i]
        score = shares[i][2]
        own = listed[n] or score > 0.99 or _is_exact(i, places, shares, listed)
        fit = score if own else max(0.0, score - handicap)
        ranks[i] = -(np.int64(np.rint((last - first) * fit**4 * 1000)) << 24) + n
    chosen = [0 for _ in range(0)]
    for i in np.argsort(ranks, kind="mergesort"):
        _, first, last = places[i]
        shared = 0
        for other in chosen:
            shared += max(0, min(last, places[other][2]) - max(first, places[other][1]))
        if shared * 5 < last - first:
            chosen.append(i)
    return chosen


@numba.njit(cache=True, nogil=True)
def _search(keys, index, scratch, limits, handicap):  # type: ignore[no-untyped-def]
    grams_, own, sizes, listed = index
    seen, hits, numbers = scratch
    candidates = _candidates(keys, grams_, seen, hits)
    places, shares = _found(keys, candidates, own, sizes, numbers, limits)
    chosen = _best(places, shares, listed, handicap)
    return [places[i] for i in chosen], [shares[i] for i in chosen]


@numba.njit(cache=True, nogil=True)
def _foreign(keys, own, mark, width, first):  # type: ignore[no-untyped-def]
    """Runs (first word, one after last) that lie in none of the reference's grams."""
    for k in own:
        mark[k] = 1
    runs = [(0, 0) for _ in range(0)]
    until = begin = 0
    for q in range(keys.size + width - 1):
        if q < keys.size and keys[q] >= 0 and mark[keys[q]] == 1:
            until = q + width
        if q < until:
            if begin < q:
                runs.append((first + begin, first + q))
            begin = q + 1
    if begin < keys.size + width - 1:
        runs.append((first + begin, first + keys.size + width - 1))
    for k in own:
        mark[k] = 0
    return runs


class Matcher:
    """Finds references in texts. Holds scratch arrays, so one a thread."""

    def __init__(self, source: Index | None = None) -> None:
        known = self.index = source or index()
        size = len(known.postings.bounds) - 1
        self._numbers = np.zeros(size, np.uint32)
        self._scratch = (np.zeros(size, np.bool_), np.zeros(len(known.references), np.int32), self._numbers)
        needed = np.ceil(CANDIDATE * np.diff(known.rarest.bounds)).astype(np.int64)
        sizes = np.array([reference.size for reference in known.references], np.int64)
        listed = np.array([not r.ids[0].startswith("LicenseRef-") for r in known.references], np.bool_)
        candidates = (known.postings, known.rarest, known.posted, needed, MAX_CANDIDATES)
        self._data = (candidates, known.grams, sizes, listed)

    def matches(self, text: Words) -> list[Match]:
        """The best references that do not overlap, in the order of the text."""
        keys = lookup(self.index.table, grams(text.hashes))
        places, shares = _search(keys, self._data, self._scratch, (MAX_GAP, GRAM, MIN_COVERED), UNLISTED)
        found = [Match(*place, *share) for place, share in zip(places, shares, strict=True)]
        return sorted(found, key=lambda m: (m.first, m.reference))

    def foreign_runs(self, match: Match, text: Words) -> list[tuple[int, int]]:
        """Runs (first word, one after last) of the region that the reference does not have."""
        keys = lookup(self.index.table, grams(text.hashes[match.first : match.last]))
        own = self.index.grams.of(match.reference)
        runs: list[tuple[int, int]] = _foreign(keys, own, self._numbers, GRAM, match.first)
        return runs
