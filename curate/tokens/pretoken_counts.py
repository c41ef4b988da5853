"""Tokens of texts by their pieces, compiled: split the bytes as the tokenizer does, and look up each piece's size.

For byte-level vocabularies whose splitting pattern is one of those below. A piece is known by its 64-bit hash (XXH3); one
that is new is handed back and asked of the tokenizer. Texts with a character on which the tokenizer's own regular
expressions might differ from the classes used here are left out (-1).
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import regex

from curate.dedup.xxh3 import xxh3
from curate.filters.jit import Array, Number, compiled_like_numpy

OTHER, LETTER, NUMBER, SPACE, NEWLINE, STRANGE = range(6)
APOSTROPHE, BLANK = 0x27, 0x20
LONG_S = 0x17F
"""Equal to `s` where case is ignored."""
LONGEST = 64
"""Bytes of a piece that is remembered."""


class Style(NamedTuple):
    """What a splitting pattern says, alternative by alternative."""

    letters: str
    """Characters of a word."""
    contractions: int = 0
    """'s, 't, 're … are pieces: 0 no, 1 in small letters, 2 in any."""
    digits: int = 0
    """Most digits of a piece; 0: no limit."""
    blank_before_digits: bool = True
    any_before_word: bool = False
    """Any character but a line end, letter or digit may open a word; else only a blank."""
    newlines: bool = False
    """Line ends belong to the punctuation before them, and end a piece of white space."""


STYLES = {
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+": Style(r"\p{L}", contractions=1),
    (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ): Style(r"\p{L}", 2, 3, blank_before_digits=False, any_before_word=True, newlines=True),
    r" ?[\p{L}\p{M}]+| ?\p{N}{1,2}| ?[^\s\p{L}\p{M}\p{N}]+|\s+(?!\S)|\s+": Style(r"[\p{L}\p{M}]", digits=2),
}
"""GPT-2's pattern, GPT-4's with which this project trains, and the probe's, which are published with their models."""


@lru_cache(maxsize=8)
def classes(style: Style, strange: Any, size: int) -> npt.NDArray[np.uint8]:
    """(size,) the class of each code point; `strange` is a pattern that finds those to leave alone."""
    kinds = [(style.letters, LETTER), (r"\p{N}", NUMBER), (r"[\r\n]", NEWLINE), (r"\s", SPACE)]
    patterns = [(regex.compile(pattern), kind) for pattern, kind in kinds]
    table = np.full(size, OTHER, np.uint8)
    for code in range(size):
        sign = chr(code)
        if strange.search(sign) or (style.contractions == 2 and code == LONG_S):
            table[code] = STRANGE
        else:
            table[code] = next((kind for pattern, kind in patterns if pattern.match(sign)), OTHER)
    table.setflags(write=False)
    return table


@compiled_like_numpy
def _classify(data: Array, start: int, end: int, table: Array, kinds: Array, places: Array) -> int:
    """Class and place of each character of a text; how many, or -1 where one is strange."""
    at, count = start, 0
    while at < end:
        code, size = data[at] + 0, 1
        if code >= 0x80:
            size = 2 if code < 0xE0 else 3 if code < 0xF0 else 4
            if at + size > end:
                return -1
            code &= 0x7F >> size
            for k in range(1, size):
                code = code << 6 | data[at + k] & 0x3F
        if code >= len(table) or table[code] == STRANGE:
            return -1
        kinds[count], places[count] = table[code], at
        count += 1
        at += size
    places[count] = end
    return count


@compiled_like_numpy
def _run(kinds: Array, i: int, n: int, kind: int) -> int:
    while i < n and kinds[i] == kind:
        i += 1
    return i


@compiled_like_numpy
def _contraction(data: Array, at: int, end: int, any_case: bool) -> int:
    """Characters of the contraction that begins with the apostrophe at `at`; 0: none."""
    first = data[at + 1] + 0 if at + 1 < end else 0
    second = data[at + 2] + 0 if at + 2 < end else 0
    if any_case:
        first |= 0x20 if 0x41 <= first <= 0x5A else 0
        second |= 0x20 if 0x41 <= second <= 0x5A else 0
    if first in (0x73, 0x74, 0x6D, 0x64):  # s t m d
        return 2
    if (first in (0x72, 0x76) and second == 0x65) or (first == 0x6C and second == 0x6C):  # re ve ll
        return 3
    return 0


@compiled_like_numpy
def _space_end(kinds: Array, i: int, n: int, newlines: bool) -> int:
    r"""The end of `\s*[\r\n]+` (with `newlines`), else of `\s+(?!\S)`, else of `\s+`."""
    j, last = i, -1
    while j < n and (kinds[j] == SPACE or kinds[j] == NEWLINE):
        last = j if kinds[j] == NEWLINE else last
        j += 1
    if newlines and last >= 0:
        return last + 1
    return j if j == n or j - i == 1 else j - 1


@compiled_like_numpy
def _piece_end(data: Array, kinds: Array, places: Array, i: int, n: int, style: Array) -> int:
    """The character after the piece that begins at character `i`."""
    contractions, digits, blank_digits, any_before, newlines = style
    kind, sign = kinds[i], data[places[i]]
    following = kinds[i + 1] if i + 1 < n else STRANGE
    if contractions and sign == APOSTROPHE:
        size = _contraction(data, places[i], places[n], contractions == 2)
        if size:
            return i + size
    opens = kind in (OTHER, SPACE) if any_before else sign == BLANK
    if kind == LETTER or (following == LETTER and opens):
        return _run(kinds, i + 1, n, LETTER)
    if kind == NUMBER or (following == NUMBER and blank_digits and sign == BLANK):
        first = i if kind == NUMBER else i + 1
        return _run(kinds, first, min(n, first + digits) if digits else n, NUMBER)
    if kind == OTHER or (following == OTHER and sign == BLANK):
        end = _run(kinds, i + 1, n, OTHER)
        return _run(kinds, end, n, NEWLINE) if newlines else end
    return _space_end(kinds, i, n, newlines != 0)


@compiled_like_numpy
def _slot(keys: Array, key: Number) -> Number:
    mask = len(keys) - 1
    at = np.int64(key & np.uint64(mask))
    while keys[at] != 0 and keys[at] != key:
        at = at + 1 & mask
    return at


@compiled_like_numpy
def _count(
    data: Array,
    offsets: Array,
    first: int,
    table: Array,
    style: Array,
    keys: Array,
    sizes: Array,
    kinds: Array,
    places: Array,
    totals: Array,
    new: Array,
) -> tuple[int, int]:
    """Fill `totals` from text `first` on: tokens, or -1. Unknown pieces go to `new` as (text, start, end). Returns (the
    text to go on with, since `new` was full, or the number of texts; unknown pieces)."""
    unknown = 0
    for d in range(first, len(offsets) - 1):
        n = _classify(data, offsets[d], offsets[d + 1], table, kinds, places)
        totals[d] = min(n, 0)
        i, before = 0, unknown
        while i < n:
            j = _piece_end(data, kinds, places, i, n, style)
            key = xxh3(data, places[i], places[j]) | np.uint64(1)
            at = _slot(keys, key)
            if keys[at] != 0:
                totals[d] += sizes[at]
            elif unknown == len(new):
                return d, before
            else:
                new[unknown, 0], new[unknown, 1], new[unknown, 2] = d, places[i], places[j]
                unknown += 1
            i = j
    return len(offsets) - 1, unknown


@compiled_like_numpy
def _insert(keys: Array, sizes: Array, key: Number, size: int) -> Number:
    """Enter a piece; 1 where it is new."""
    at = _slot(keys, key)
    fresh = keys[at] == 0
    keys[at], sizes[at] = key, size
    return fresh + 0


@compiled_like_numpy
def _key(data: Array, start: int, end: int) -> np.uint64:
    return xxh3(data, start, end) | np.uint64(1)


@compiled_like_numpy
def _rehash(keys: Array, sizes: Array, new_keys: Array, new_sizes: Array) -> None:
    for at in range(len(keys)):
        if keys[at] != 0:
            _insert(new_keys, new_sizes, keys[at], sizes[at])


class PieceCounter:
    """Counts tokens for one tokenizer: `style` and `table` say how it splits, `size_of` asks it for a piece's tokens."""

    def __init__(self, style: Style, table: npt.NDArray[np.uint8], size_of: Callable[[str], int], most: int) -> None:
        self._style = np.array(style[1:], np.int64)
        self._table, self._size_of, self._most = table, size_of, most
        self._clear()

    def _clear(self) -> None:
        self._known, self._keys, self._sizes = 0, np.zeros(1 << 16, np.uint64), np.zeros(1 << 16, np.int32)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text; -1 for a text that is left to the tokenizer. Raises UnicodeEncodeError for lone
        surrogates."""
        if not texts:
            return []
        column = pa.array(texts, pa.large_string())
        _, places, buffer = column.buffers()
        offsets = np.frombuffer(places, np.int64)[: len(texts) + 1]
        data = np.frombuffer(buffer, np.uint8) if buffer and buffer.size else np.zeros(1, np.uint8)
        longest = int(np.diff(offsets).max())
        kinds, starts = np.empty(longest + 1, np.uint8), np.empty(longest + 1, np.int64)
        new, totals = np.empty((max(1 << 16, longest), 3), np.int64), np.zeros(len(texts), np.int64)
        first = 0
        while first < len(texts):
            first, unknown = _count(
                data, offsets, first, self._table, self._style, self._keys, self._sizes, kinds, starts, totals, new
            )
            self._learn(data, new[:unknown], totals)
        return totals.tolist()

    def _learn(self, data: npt.NDArray[np.uint8], new: npt.NDArray[np.int64], totals: npt.NDArray[np.int64]) -> None:
        """Add the sizes of unknown pieces to their texts, and remember them."""
        found: dict[bytes, int] = {}
        memory = memoryview(data.data)
        for text, start, end in new.tolist():
            piece = bytes(memory[start:end])
            size = found.get(piece)
            if size is None:
                size = found[piece] = self._size_of(piece.decode())
                if len(piece) <= LONGEST:
                    self._known += int(_insert(self._keys, self._sizes, np.uint64(_key(data, start, end)), size))
                    self._grow()
            if totals[text] >= 0:  # a text that turned out to be strange has no pieces here
                totals[text] += size

    def _grow(self) -> None:
        if self._known > self._most:
            self._clear()
        elif 2 * self._known > len(self._keys):
            keys, sizes = np.zeros(2 * len(self._keys), np.uint64), np.zeros(2 * len(self._keys), np.int32)
            _rehash(self._keys, self._sizes, keys, sizes)
            self._keys, self._sizes = keys, sizes
