"""ScanCode's rules and texts: a table of word sequences, each with the licences that it says.

What stands here is exact: a text that differs by a word is none of these.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curate.code.arrays import Arrays, of_strings, saved, strings
from curate.code.prose import without_copyrights
from curate.code.spdx import plain
from curate.code.texts import (
    Table,
    database,
    hash_table,
    lookup,
    number_of,
    of_table,
    plainest,
    readables,
    spdx_data,
    table_of,
)
from curate.code.tokens import anchors_in, grams, some_of, words_of
from curate.filters.jit import Array, Number, compiled, inner

ANCHOR = 4
"""Words by which a longer notice is found; shorter ones are found by all their words."""


class Phrases(NamedTuple):
    """Notices, those with the same first words together, the longest first."""

    saying: Sequence[str]
    """What they say, each once: the SPDX expression, and behind a tab the files that the notice points to, by blanks."""
    says: NDArray[np.int32]
    """Which of these notice n says."""
    vocabulary: Table
    """Hashes of the words of all notices, with a number each."""
    words: NDArray[np.uint16]
    """The words of notice n by their numbers are `words[bounds[n]:bounds[n + 1]]`."""
    bounds: NDArray[np.int64]
    pairs: NDArray[np.uint8]
    """The first two words of all notices, as of `some_of`."""
    anchors: tuple[Table, ...]
    """For 2 to 4 words the anchors of so many, with their numbers."""
    first: NDArray[np.int64]
    """Notices of anchor a are `first[a]` to `first[a + 1]`."""

    def said(self, number: int) -> tuple[str, str]:
        """The expression of a notice, empty where it says no licence (a false friend), and the files that it points to."""
        expression, _, files = self.saying[self.says[number]].partition("\t")
        return expression, files


class Phrase(NamedTuple):
    """One notice found in a text."""

    first: int
    """First word."""
    last: int
    """One after its last word."""
    number: int
    """For `Phrases.said`."""


@inner
def _longest(
    text: Array,
    at: Number,
    candidates: tuple[Number, Number],
    vocabulary: tuple[Array, Array],
    known: Array,
    bounds: Array,
) -> Number:
    """The first of the notices from `candidates[0]` to `candidates[1]`, the longest first, that stands at `at`; -1 for none."""
    for phrase in range(candidates[0], candidates[1]):
        size = bounds[phrase + 1] - bounds[phrase]
        if at + size > text.size:
            continue
        same = True
        for i in range(size):
            if number_of(vocabulary[0], vocabulary[1], text[at + i]) != known[bounds[phrase] + i]:
                same = False
                break
        if same:
            return phrase
    return -1


@compiled
def _standing(
    text: Array, anchors: Array, vocabulary: tuple[Array, Array], known: tuple[Array, Array, Array], out: Array
) -> Number:
    """How many rows of `out` there are: (first word, one after the last, number) of the longest notice that stands at each anchor."""
    words, bounds, first = known
    n = 0
    for row in range(anchors.shape[0]):
        at, anchor = anchors[row, 1], anchors[row, 2]
        phrase = _longest(text, at, (first[anchor], first[anchor + 1]), vocabulary, words, bounds)
        if phrase >= 0:
            out[n, 0], out[n, 1], out[n, 2] = at, at + bounds[phrase + 1] - bounds[phrase], phrase
            n += 1
    return n


def _rows() -> list[tuple[str, str, str]]:
    """(expression, files pointed to, text) of everything that is known word for word."""
    data = database()
    rules = [(said, files, text) for said, texts in sorted(data["notices"].items()) for text, files in texts]
    texts = [(f"WITH {r['ids'][0]}" if r["kind"] == "exception" else r["ids"][0], "", r["text"]) for r in data["texts"]]
    rules = [
        (said if " OR " not in said or _CHOICE.search(text) else said.replace(" OR ", " AND "), files, text)
        for said, files, text in rules
    ]
    return [*texts, *rules, *_listed()]


def _listed() -> list[tuple[str, str, str]]:
    """The texts of the SPDX list as the list prints them, with all that may be left out and with nothing of it."""
    rows = [row for row in spdx_data()["texts"] if row["kind"] == "license"]
    both = {
        (plainest(row["ids"]), plain(row["template"], optional)): None for row in rows for optional in (True, False)
    }
    long = [(name, text) for name, text in both if len(text.split()) >= ANCHOR]
    texts = without_copyrights([text for _, text in long])
    return [(name, "", text) for (name, _), text in zip(long, texts, strict=True)]


_CHOICE = re.compile(
    r"\b(?:or|either|dual|double|tri|triple|option|choice|choose|alternativ\w*|whichever|perl)\b|[/|]", re.I
)
"""What a rule that ScanCode reads as a choice must say; `MIT & GPL` is both."""


def _built() -> Arrays:
    """The arrays of `phrases`."""
    rows = _rows()
    (hashes, _, _), bounds = words_of(readables([text for _, _, text in rows]))
    sizes = np.diff(bounds)
    widths = np.minimum(sizes, ANCHOR)
    keys = np.zeros(len(rows), np.uint64)
    for width in range(2, ANCHOR + 1):
        keys[widths == width] = grams(hashes, width)[bounds[:-1][widths == width]]
    order = np.lexsort((-sizes, keys, widths))
    pairs = np.stack((widths[order].astype(np.uint64), keys[order]), 1)
    new = np.flatnonzero(np.any(np.diff(pairs, axis=0, prepend=0), axis=1))
    ordered = hashes[
        np.repeat(bounds[order] - np.cumsum(sizes[order]) + sizes[order], sizes[order]) + np.arange(sizes.sum())
    ]
    vocabulary = hash_table(np.unique(ordered))
    words = lookup(vocabulary, ordered)
    if words.max() > np.iinfo(np.uint16).max:
        raise OverflowError(f"{words.max() + 1} different words do not fit into 16 bits")
    tables = [hash_table(pairs[new, 1] * (pairs[new, 0] == width)) for width in range(2, ANCHOR + 1)]
    saying = {said: n for n, said in enumerate(dict.fromkeys(f"{row[0]}\t{row[1]}" for row in rows))}
    return {
        **of_strings("saying", list(saying)),
        "says": np.array([saying[f"{rows[n][0]}\t{rows[n][1]}"] for n in order], np.int32),
        **of_table("vocabulary", vocabulary),
        "pairs": some_of(grams(hashes, 2)[bounds[:-1][widths > 1]]),
        "words": words.astype(np.uint16),
        "bounds": np.concatenate(([0], np.cumsum(sizes[order]))),
        "first": np.append(new, len(order)).astype(np.int64),
        **{name: array for n, one in enumerate(tables, 2) for name, array in of_table(f"anchors-{n}", one).items()},
    }


@lru_cache(maxsize=1)
def phrases() -> Phrases:
    """All of them; takes about two seconds where no process has made them yet."""
    found = saved("phrases", _built)
    return Phrases(
        strings("saying", found),
        found["says"],
        table_of("vocabulary", found),
        found["words"],
        found["bounds"],
        found["pairs"],
        tuple(table_of(f"anchors-{w}", found) for w in range(2, ANCHOR + 1)),
        found["first"],
    )


def found_in(hashes: NDArray[np.uint64]) -> list[Phrase]:
    """The known texts among words, by their hashes, that lie in no longer one, in order; of two that overlap the longer one."""
    known = phrases()
    anchors = anchors_in(hashes, known.pairs, known.anchors, 2)
    out = np.empty_like(anchors)
    n = _standing(hashes, anchors, known.vocabulary, (known.words, known.bounds, known.first), out)
    taken, found = bytearray(len(hashes)), list[Phrase]()
    for first, last, number in sorted(out[:n].tolist(), key=lambda row: (row[0] - row[1], row[0])):
        if taken.find(1, first, last) < 0:
            taken[first:last] = b"\1" * (last - first)
            found.append(Phrase(first, last, number))
    return sorted(found)
