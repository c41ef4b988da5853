"""Words of a text as it is written, and hashes of all runs of so many: what exact substring deduplication compares.

A word is what stands between white space; where a script puts none between words ICU's dictionaries part them
(`curate.filters.scripts`). A run is parted the same in any text but for a word at its ends. A text cut between words is whole UTF-8.
Words are compared byte by byte; the white space between them is not.

A window's hash is 128 bits: two polynomials over the hashes of its words, which move on in one step a word. Windows are of up to
`LONGEST` words, since polynomials modulo 2^64 are known to collide for made-up texts of two thousand.
"""

import functools
from collections.abc import Sequence

import numba as nb
import numpy as np
import numpy.typing as npt

from curate.dedup.kernel import TABLE
from curate.dedup.xxh3 import xxh3
from curate.filters.jit import Array, compiled_like_numpy
from curate.filters.scripts import part_words

LONGEST = 1000
I64 = npt.NDArray[np.int64]


@functools.lru_cache(maxsize=1)
def spaces() -> npt.NDArray[np.bool_]:
    """Code point -> whether it is white space."""
    return np.fromiter((chr(code).isspace() for code in range(TABLE)), np.bool_, TABLE)


@compiled_like_numpy
def _spans(data: Array, table: Array, starts: Array, ends: Array) -> int:
    """Where the words between white space begin and end; their number."""
    at, count, inside = 0, 0, False
    while at < len(data):
        code, size = nb.int64(data[at]), 1
        if code >= 0xC0:
            size = min(2 if code < 0xE0 else 3 if code < 0xF0 else 4, len(data) - at)
            code &= 0x7F >> size
            for k in range(1, size):
                code = code << 6 | nb.int64(data[at + k]) & 0x3F
        if code < len(table) and table[code]:
            inside = False
        else:
            if not inside:
                starts[count] = at
                count += 1
            ends[count - 1] = at + size
            inside = True
        at += size
    return count


@compiled_like_numpy
def _mixed(x: np.uint64) -> np.uint64:
    """The finaliser of MurmurHash3, 64 bits."""
    x = (x ^ (x >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    x = (x ^ (x >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return x ^ (x >> np.uint64(33))


@compiled_like_numpy
def _windows(
    data: Array, starts: Array, ends: Array, count: int, length: int, in_bytes: bool, hi: Array, lo: Array, sizes: Array
) -> int:
    """Hash the windows of a text of `count` words, one for each word where one begins; their number.

    A window is `length` words, or the fewest words that span `length` bytes (of LONGEST words at most). `sizes` gets its words.
    """
    a, b = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
    powers_a, powers_b = np.empty(LONGEST + 1, np.uint64), np.empty(LONGEST + 1, np.uint64)
    powers_a[0] = powers_b[0] = np.uint64(1)
    for k in range(LONGEST):
        powers_a[k + 1], powers_b[k + 1] = powers_a[k] * a, powers_b[k] * b
    words = np.empty(count, np.uint64)
    for i in range(count):
        words[i] = xxh3(data, starts[i], ends[i])
    x, y, end, made = np.uint64(0), np.uint64(0), 0, 0
    for i in range(count):
        while end < count and (end <= i or (ends[end - 1] - starts[i] < length if in_bytes else end - i < length)):
            if end - i >= LONGEST:
                break
            x, y = x * a + words[end], y * b + _mixed(words[end] + b)
            end += 1
        full = ends[end - 1] - starts[i] >= length if in_bytes else end - i >= length
        if not full and end == count:
            break
        size = end - i
        hi[made], lo[made], sizes[made] = _mixed(x + np.uint64(size)), _mixed(y), size
        made += 1
        x -= words[i] * powers_a[size - 1]
        y -= _mixed(words[i] + b) * powers_b[size - 1]
    return made


def spans(text: bytes) -> tuple[I64, I64]:
    """(starts, ends) of the words of a text (UTF-8), in bytes."""
    data = np.frombuffer(text, np.uint8)
    if len(data) and int(data.max()) >= 0x80:
        whole = text.decode()
        parted = part_words(whole)
        if parted != whole:
            return _found(whole, parted.split())
    starts, ends = np.empty(len(data) + 1, np.int64), np.empty(len(data) + 1, np.int64)
    count = _spans(data, spaces(), starts, ends)
    return starts[:count], ends[:count]


def _found(text: str, words: Sequence[str]) -> tuple[I64, I64]:
    """(starts, ends) in bytes of words that stand in a text in this order."""
    sizes, at = list[int](), 0
    for word in words:
        start = text.index(word, at)
        sizes += (len(text[at:start].encode()), len(word.encode()))
        at = start + len(word)
    edges = np.cumsum(np.array(sizes, np.int64))
    return edges[::2], edges[1::2]


def windows(
    data: npt.NDArray[np.uint8], first: int, end: int, length: int, in_bytes: bool
) -> tuple[I64, I64, npt.NDArray[np.int16]]:
    """(hi, lo, sizes) of the windows of data[first:end]: int64, int64, and their words as int16."""
    starts, ends = spans(data[first:end].tobytes())
    count = len(starts)
    hi, lo, sizes = np.empty(count, np.uint64), np.empty(count, np.uint64), np.empty(count, np.int16)
    made = _windows(data, starts + first, ends + first, count, length, in_bytes, hi, lo, sizes)
    return hi[:made].view(np.int64), lo[:made].view(np.int64), sizes[:made]
