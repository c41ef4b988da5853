"""Text to word hashes and word n-gram hashes, compiled.

Words are runs of ASCII letters and digits, lower-cased; everything else (punctuation, quotes, comment marks, line
breaks) separates. That makes a licence text the same whether it is reflowed, indented or commented.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

GRAM = 4
"""Words to a gram."""

_SEED = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)
_MIX = np.uint64(0x9E3779B97F4A7C15)


class Words(NamedTuple):
    """Words of a text, in order; three arrays of equal length."""

    hashes: NDArray[np.uint64]
    starts: NDArray[np.int32]
    """Byte offset of each word."""
    ends: NDArray[np.int32]


@numba.njit(cache=True, nogil=True)
def _is_label(text, start, end, line_start):  # type: ignore[no-untyped-def]
    """A list label at the start of a line: `3.`, `a)`, `(iv)`; they differ between copies of one licence."""
    if not line_start or end - start > 3 or end >= text.size:
        return False
    mark = text[end]
    if mark != 41 and not (mark == 46 and (end + 1 >= text.size or text[end + 1] <= 32)):
        return False
    for i in range(start, end):
        c = text[i] | 32
        if not (48 <= text[i] <= 57 or c == 105 or c == 118 or c == 120 or end - start == 1):
            return False
    return True


@numba.njit(cache=True, nogil=True)
def _words(text):  # type: ignore[no-untyped-def]
    size = text.size
    hashes = np.empty(size // 2 + 1, np.uint64)
    starts = np.empty(size // 2 + 1, np.int32)
    ends = np.empty(size // 2 + 1, np.int32)
    n = 0
    i = 0
    line_start = True
    while i < size:
        c = text[i]
        if c == 10 or c == 13:
            line_start = True
        low = c | 32
        if not (97 <= low <= 122 or 48 <= c <= 57):
            i += 1
            continue
        begin = i
        h = _SEED
        while i < size:
            c = text[i]
            low = c | 32
            if 97 <= low <= 122:
                h = (h ^ np.uint64(low)) * _PRIME
            elif 48 <= c <= 57:
                h = (h ^ np.uint64(c)) * _PRIME
            else:
                break
            i += 1
        if not _is_label(text, begin, i, line_start):
            hashes[n] = h ^ (h >> np.uint64(29))
            starts[n] = begin
            ends[n] = i
            n += 1
        line_start = False
    return hashes[:n].copy(), starts[:n].copy(), ends[:n].copy()


@numba.njit(cache=True, nogil=True)
def gram_hashes(hashes, width):  # type: ignore[no-untyped-def]
    count = max(0, hashes.size - width + 1)
    out = np.empty(count, np.uint64)
    for i in range(count):
        h = _SEED
        for j in range(width):
            h = (h ^ hashes[i + j]) * _MIX
            h ^= h >> np.uint64(31)
        out[i] = h
    return out


def words(text: bytes) -> Words:
    """All words of UTF-8 `text`."""
    return Words(*_words(np.frombuffer(text, np.uint8)))


def words_of(texts: Sequence[bytes]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Word hashes of many texts one after the other; those of text n are `hashes[bounds[n]:bounds[n + 1]]`."""
    found = words(b"\n".join(texts))
    ends = np.cumsum([len(text) + 1 for text in texts])
    bounds = np.searchsorted(found.starts, np.concatenate(([0], ends)))
    return found.hashes, bounds.astype(np.int64)


def grams(hashes: NDArray[np.uint64], width: int = GRAM) -> NDArray[np.uint64]:
    """One hash for each run of `width` words; empty for shorter texts."""
    result: NDArray[np.uint64] = gram_hashes(hashes, width)
    return result
