"""Text to word hashes and word n-gram hashes, compiled.

Words are runs of letters and digits (ASCII lower-cased; any byte of another script counts as a letter; a Chinese, Japanese or
Korean character is one), everything else
(punctuation, quotes, comment marks, line breaks) separates. That makes a licence text the same whether it is reflowed,
indented or commented, and different as soon as a word is, in whatever script. Words that SPDX's guidelines take for each
other (`equivalentwords.txt`) have one hash.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curate.code.arrays import Arrays, saved
from curate.code.texts import Table, hash_table, number_of, of_table, spdx_data, table_of
from curate.filters.jit import Array, Number, compiled, compiled_making, inner

_SEED = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)
_MIX = np.uint64(0x9E3779B97F4A7C15)


class Words(NamedTuple):
    """Words of a text, in order; three arrays of equal length."""

    hashes: NDArray[np.uint64]
    starts: NDArray[np.int32]
    """Byte offset of each word."""
    ends: NDArray[np.int32]


@inner
def _label_end(text: Array, start: Number, end: Number, line_start: Number) -> Number:
    """Where the label of a list (`3.`, `3, `, `a)`, `(iv)`, `3a.`, `1.2.`, `o `) that begins at `start` ends; `start` for none.

    Labels differ between copies of one licence. They stand at the start of a line, or anywhere in brackets.
    """
    size = text.size
    if end >= size or end - start > 3:
        return start
    mark, low = text[end], text[start] | 32
    short = True
    for i in range(start, end):
        c = text[i] | 32
        short &= 48 <= text[i] <= 57 or c == 105 or c == 118 or c == 120 or end - start == 1
    if short and mark == 41 and start > 0 and text[start - 1] == 40:
        return end
    if not line_start:
        return start
    at = end
    while 48 <= text[start] <= 57 and at + 1 < size and text[at] == 46 and 48 <= text[at + 1] <= 57 and at - start < 8:
        at += 1
        while at < size and 48 <= text[at] <= 57:
            at += 1
    if at > end and at < size and (text[at] == 46 or text[at] == 41):
        return at
    blank = end + 1 >= size or text[end + 1] <= 32
    numbered = mark == 44 and 48 <= low <= 57 and blank and end - start == 1
    if (
        numbered
        or (short and (mark == 41 or (mark == 46 and blank)))
        or (end - start == 1 and low == 111 and mark == 32)
    ):
        return end
    if (
        end - start == 2
        and 48 <= text[start] <= 57
        and 97 <= text[start + 1] | 32 <= 122
        and (mark == 46 or mark == 41)
    ):
        return end
    return start


@inner
def _may_begin(text: Array, last: Number, lines: Number) -> Number:
    """Whether a label may stand behind the word that ends at `last` and `lines` line breaks: not where a sentence was wrapped."""
    if lines > 1 or last <= 0:
        return True
    at = last
    while at < text.size and text[at] <= 32 and text[at] != 10:
        at += 1
    c = text[at] if at < text.size else np.uint8(10)
    if c != 10 and c != 13:
        return True
    c = text[last - 1]
    if not (97 <= c <= 122 or 48 <= c <= 57):
        return True
    if last >= 3 and c == 100 and text[last - 2] == 110 and text[last - 3] == 97:  # and
        return True
    return last >= 2 and c == 114 and text[last - 2] == 111  # or


@compiled
def _words(
    text: Array, hashes: Array, starts: Array, ends: Array, spelled: tuple[Array, Array], meant: Array
) -> Number:
    """How many words there are; what they are goes into `hashes`, `starts` and `ends`.

    A hash of `spelled` (a table: hashes, numbers) is written as the one of `meant` that it stands for.
    """
    size = text.size
    n = 0
    i = 0
    lines, last = 1, 0
    while i < size:
        c = text[i]
        if c == 10 or (c == 13 and (i + 1 >= size or text[i + 1] != 10)):
            lines += 1
        low = c | 32
        if not ((97 <= low <= 122 and c < 128) or 48 <= c <= 57 or c >= 128):
            i += 1
            continue
        if c == 0xE3 and i + 2 < size and text[i + 1] == 0x80:  # marks of Chinese and Japanese
            i += 3
            continue
        begin = i
        h = _SEED
        while i < size:
            c = text[i]
            low = c | 32
            if 0xE3 <= c <= 0xE9 and i + 2 < size:  # a character is a word: lines end anywhere between them
                if i > begin:
                    break
                h = (((h ^ np.uint64(c)) * _PRIME ^ np.uint64(text[i + 1])) * _PRIME ^ np.uint64(text[i + 2])) * _PRIME
                i += 3
                break
            if 97 <= low <= 122 and c < 128:
                h = (h ^ np.uint64(low)) * _PRIME
            elif c >= 128 or 48 <= c <= 57:
                h = (h ^ np.uint64(c)) * _PRIME
            else:
                break
            i += 1
        label = _label_end(text, begin, i, lines > 0 and _may_begin(text, last, lines))
        if label == begin:
            h ^= h >> np.uint64(29)
            other = number_of(spelled[0], spelled[1], h)
            hashes[n] = meant[other] if other >= 0 else h
            starts[n] = begin
            ends[n] = i
            n += 1
        else:
            i = label
        lines, last = 0, i
    return n


@inner
def _longer(h: Number, word: Number) -> Number:
    """The hash of a run of words, by that of all but its last one."""
    h = (h ^ word) * _MIX
    return h ^ (h >> np.uint64(31))


@compiled_making
def gram_hashes(hashes: Array, width: Number) -> Array:
    count = max(0, hashes.size - width + 1)
    out = np.empty(count, np.uint64)
    for at in range(count):
        h = _SEED
        for i in range(at, at + width):
            h = _longer(h, hashes[i])
        out[at] = h
    return out


@compiled
def _anchors(hashes: Array, pairs: Array, tables: tuple[tuple[Array, Array], ...], least: Number, out: Array) -> Number:
    """How many rows of `out` there are: those of `anchors_in`."""
    n = 0
    mask = np.uint64(pairs.size * 8 - 1)
    for at in range(hashes.size):
        h = _SEED
        for width in range(1, min(least + len(tables), hashes.size - at + 1)):
            h = _longer(h, hashes[at + width - 1])
            if width == 2 and not (pairs[(h & mask) >> np.uint64(3)] >> (h & np.uint64(7))) & np.uint64(1):
                break
            if width >= least:
                number = number_of(tables[width - least][0], tables[width - least][1], h)
                if number >= 0:
                    out[n, 0], out[n, 1], out[n, 2] = width, at, number
                    n += 1
    return n


def anchors_in(
    hashes: NDArray[np.uint64], pairs: NDArray[np.uint8], tables: tuple[Table, ...], least: int
) -> NDArray[np.int64]:
    """Rows (words, first word, number) of the runs of words of a text that a table has, by place; `tables[0]` is the one of runs of `least` words.

    Of several words only where two begin that may be of `pairs`, as `some_of` made it.
    """
    out = np.empty((len(hashes) * len(tables), 3), np.int64)
    return out[: _anchors(hashes, pairs, tables, least, out)]


def some_of(hashes: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """A bit for each hash by its last bits: where it is 0 there is none."""
    bits = np.zeros(1 << (16 * max(4, len(np.unique(hashes))) - 1).bit_length(), np.uint8)
    bits[hashes & np.uint64(len(bits) - 1)] = 1
    return np.packbits(bits, bitorder="little")


@lru_cache(maxsize=1)
def _equivalent() -> tuple[Table, NDArray[np.uint64]]:
    """Hashes of spellings, and of the words that they stand for."""
    found = saved("equivalent", _pairs)
    return table_of("spelled", found), found["meant"]


def _pairs() -> Arrays:
    """The arrays of `_equivalent`."""
    pairs = [(b, a) for a, b in spdx_data()["equivalent"] if f"{a}{b}".isalpha()]
    pairs += [("owner", "holder"), ("owners", "holders"), ("https", "http"), ("licences", "licenses"), ("licenced", "licensed")]  # fmt: skip
    pairs += [("authorise", "authorize"), ("authorises", "authorizes"), ("authorising", "authorizing"), ("sublicence", "sublicense")]  # fmt: skip
    found = {_hash(a): _hash(b) for a, b in reversed(pairs)}
    table = hash_table(np.array(list(found), np.uint64))
    return {**of_table("spelled", table), "meant": np.array(list(found.values()), np.uint64)}


def _hash(word: str) -> int:
    none = Table(np.zeros(1, np.uint64), np.zeros(1, np.int32))
    return int(_words_of(word.encode(), none, np.zeros(1, np.uint64)).hashes[0])


def _words_of(text: bytes, spelled: Table, meant: NDArray[np.uint64]) -> Words:
    most = len(text) // 2 + 1
    hashes, starts, ends = np.empty(most, np.uint64), np.empty(most, np.int32), np.empty(most, np.int32)
    n = _words(np.frombuffer(text, np.uint8), hashes, starts, ends, (spelled.hashes, spelled.numbers), meant)
    return Words(hashes[:n], starts[:n], ends[:n])


def words(text: bytes) -> Words:
    """All words of UTF-8 `text`."""
    return _words_of(text, *_equivalent())


def words_of(texts: Sequence[bytes], between: bytes = b"\n\n") -> tuple[Words, NDArray[np.int64]]:
    """Words of many texts one after the other, `between` them; those of text n are `hashes[bounds[n]:bounds[n + 1]]`."""
    found = words(between.join(texts))
    ends = np.cumsum([len(text) + len(between) for text in texts])
    bounds = np.searchsorted(found.starts, np.concatenate(([0], ends)))
    return found, bounds.astype(np.int64)


def grams(hashes: NDArray[np.uint64], width: int) -> NDArray[np.uint64]:
    """One hash for each run of `width` words; empty for shorter texts."""
    return gram_hashes(hashes, width)
