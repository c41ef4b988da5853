"""Notices known word for word: a table of word sequences, each with the licences that it says.

What stands here is exact. A notice that differs by a word is none of these, and the rules for names and changed texts
read it instead.
"""

from functools import lru_cache
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from curate.code.texts import Table, american, database, hash_table, lookup
from curate.code.tokens import Words, grams, words

ANCHOR = 4
"""Words by which a longer notice is found; shorter ones are found by all their words."""


class Phrases(NamedTuple):
    """Notices, those with the same first words together, the longest first."""

    expressions: tuple[str, ...]
    """SPDX expression of each; empty where it says no licence (a false friend, "see the file LICENSE")."""
    hashes: NDArray[np.uint64]
    """Word hashes of notice n are `hashes[bounds[n]:bounds[n + 1]]`."""
    bounds: NDArray[np.int64]
    anchors: tuple[Table, ...]
    """For 2 to 4 words the anchors of so many, with their numbers."""
    first: NDArray[np.int64]
    """Notices of anchor a are `first[a]` to `first[a + 1]`."""


class Phrase(NamedTuple):
    """One notice found in a text."""

    first: int
    """First word."""
    last: int
    """One after its last word."""
    number: int
    """Which of `Phrases.expressions`."""


@numba.njit(cache=True, nogil=True)
def _longest(text, places, rows, hashes, bounds, first):  # type: ignore[no-untyped-def]
    """Rows (first word, one after last, notice): the longest notice that stands at each of `places`."""
    out = []
    for n in range(places.size):
        at = places[n]
        for phrase in range(first[rows[n]], first[rows[n] + 1]):
            size = bounds[phrase + 1] - bounds[phrase]
            if at + size > text.size:
                continue
            same = True
            for i in range(size):
                if text[at + i] != hashes[bounds[phrase] + i]:
                    same = False
                    break
            if same:
                out.append((at, at + size, phrase))
                break
    return out


@lru_cache(maxsize=1)
def phrases() -> Phrases:
    """All notices of the database; takes about a second, once a process."""
    known = [
        (words(american(text.encode())).hashes, expression)
        for expression, texts in sorted(database()["notices"].items())
        for text in texts
    ]
    keyed = [
        (min(len(h), ANCHOR), int(grams(h[:ANCHOR], min(len(h), ANCHOR))[0]), -len(h), n)
        for n, (h, _) in enumerate(known)
    ]
    keyed.sort()
    order = [n for *_, n in keyed]
    pairs = np.array([(width, key) for width, key, *_ in keyed], np.uint64)
    new = np.flatnonzero(np.any(np.diff(pairs, axis=0, prepend=0), axis=1))
    sizes = np.array([len(known[n][0]) for n in order], np.int64)
    return Phrases(
        tuple(known[n][1] for n in order),
        np.concatenate([known[n][0] for n in order]),
        np.concatenate(([0], np.cumsum(sizes))),
        tuple(hash_table(pairs[new, 1] * (pairs[new, 0] == width)) for width in range(2, ANCHOR + 1)),
        np.append(new, len(order)).astype(np.int64),
    )


def found_in(text: Words) -> list[Phrase]:
    """The notices in a text that lie in no longer one, in order; of two that overlap the longer one."""
    known = phrases()
    found: list[Phrase] = []
    for width, anchors in enumerate(known.anchors, 2):
        rows = lookup(anchors, grams(text.hashes, width))
        places = np.flatnonzero(rows >= 0)
        if places.size:
            standing = _longest(text.hashes, places, rows[places], known.hashes, known.bounds, known.first)
            found += (Phrase(*row) for row in standing)
    return _apart(found)


def _apart(found: list[Phrase]) -> list[Phrase]:
    taken = np.zeros(max((p.last for p in found), default=0), np.bool_)
    chosen = []
    for phrase in sorted(found, key=lambda p: (p.first - p.last, p.first)):
        if not taken[phrase.first : phrase.last].any():
            taken[phrase.first : phrase.last] = True
            chosen.append(phrase)
    return sorted(chosen)
