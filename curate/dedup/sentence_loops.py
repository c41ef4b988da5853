"""`normalise.folded_sentences` in one compiled loop over UTF-8: where sentences end and what their one form is.

It knows texts whose ends are Western marks and whose characters have their one form whatever stands beside them, which nearly all are.
The others are left to the caller.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curate.dedup import normalise
from curate.dedup.xxh3 import U64
from curate.dedup.xxh128 import xxh128
from curate.filters.jit import Array, Number, compiled, compiled_like_numpy, inner
from curate.filters.sentence_ends import INVISIBLE, MAY_DEPEND
from curate.filters.utf8 import decode, encode

_SPACE, _MARK, _CLOSER, _DEPENDS = (1 << bit for bit in range(4))
_ORDINARY, _IN_MARKS, _IN_CLOSERS, _IN_SPACE = range(4)
_OTHER_WAY, _NO_ROOM, _UNMET, _UNKNOWN_FROM = -1, -2, -3, -16
"""Why a text was left: for good; for want of room; for a character not among `_several`; for one of no known form (-16 less it)."""
_LF, _A, _Z = (ord(char) for char in "\naz")
_LAST = len(normalise.learn(())) - 1
_UNKNOWN, _TOGETHER, _SEVERAL, _NONE = normalise.UNKNOWN, normalise.TOGETHER, normalise.SEVERAL, normalise.NONE
_RARE = _UNKNOWN | _TOGETHER | _SEVERAL | _NONE


class Folded(NamedTuple):
    """The sentences of a text, each in its one form."""

    data: NDArray[np.uint8]
    """In UTF-8, one behind the other."""
    ends: NDArray[np.int64]
    """Where each ends."""


class _Several(NamedTuple):
    """Characters whose one form is several."""

    codes: NDArray[np.int64]
    ends: NDArray[np.int64]
    data: NDArray[np.uint8]


def folded(data: bytes) -> Folded | None:
    """The sentences of a text in UTF-8; None where the loop does not know it."""
    text, forms, several = np.frombuffer(data, np.uint8), normalise.learn(()), _several()
    room = len(data) + 64
    while True:
        made, ends = np.empty(room, np.uint8), np.empty(room // 8, np.int64)
        found = _fold(text, _kinds(), forms, several.codes, several.ends, several.data, made, ends)
        if found >= 0:
            ends = ends[:found]
            return Folded(made[: ends[-1] if found else 0], ends)
        if found == _OTHER_WAY:
            return None
        if found == _NO_ROOM:
            room *= 8
        elif found == _UNMET:
            _several.cache_clear()
            several = _several()
        else:
            normalise.learn([_UNKNOWN_FROM - found])


@lru_cache(maxsize=1)
def _several() -> _Several:
    """Those that have been met."""
    codes = np.flatnonzero(normalise.learn(()) & _SEVERAL)
    forms = [normalise.one_form(chr(code)).encode() for code in codes.tolist()]
    return _Several(codes, np.cumsum([0, *map(len, forms)]), np.frombuffer(b"".join(forms), np.uint8))


@lru_cache(maxsize=1)
def _kinds() -> NDArray[np.uint8]:
    """What characters are to where sentences end."""
    every = "".join(map(chr, [*range(0xD800), *range(0xE000, _LAST)]))
    found = np.zeros(_LAST + 1, np.uint8)
    for kind, chars in (
        (_SPACE, [char for char in every[:0x3001] if char.isspace()]),
        (_MARK, normalise.END),
        (_CLOSER, "\"'\u201d\u2019\xbb)]\u300d\u300f\uff09" + INVISIBLE),
        (_DEPENDS, MAY_DEPEND.findall(every)),
    ):
        found[[ord(char) for char in chars]] |= kind
    return found


@compiled
def _fold(
    text: Array,
    kinds: Array,
    forms: Array,
    several: Array,
    several_ends: Array,
    several_data: Array,
    made: Array,
    ends: Array,
) -> Number:
    """Write the sentences; how many there are, or why not."""
    size = count = at = start = 0
    state = _ORDINARY
    any_word = waiting = (
        False  # of the sentence: whether it has more than white space; whether white space is to be written
    )
    while at < len(text):
        if size + 64 > len(made) or count + 2 > len(ends):
            return _NO_ROOM
        code, length = decode(text, at)
        at += length
        code = min(code, _LAST)
        kind = kinds[code]
        if kind & _DEPENDS:
            return _OTHER_WAY
        if code == _LF or (state == _IN_SPACE and not kind & _SPACE and not _A <= code <= _Z):
            if any_word:
                ends[count] = start = size
                count += 1
            any_word = waiting = False
            state = _ORDINARY
            if code == _LF:
                continue
        if kind & _SPACE:
            state = _IN_SPACE if state != _ORDINARY else state
            waiting = True
            continue
        any_word = True
        if kind & _MARK:
            state = _IN_MARKS
        elif not kind & _CLOSER:
            state = _ORDINARY
        elif state != _ORDINARY:
            state = _IN_CLOSERS if state != _IN_SPACE else _ORDINARY
        form = np.int64(forms[code])
        if form & _RARE:
            if form & _UNKNOWN:
                return _UNKNOWN_FROM - code
            if form & _TOGETHER:
                return _OTHER_WAY
            if form & _NONE:
                continue
        if kinds[form & (_NONE - 1)] & _SPACE:
            waiting = True
            continue
        if waiting:
            if size > start:
                made[size] = 32
                size += 1
            waiting = False
        if form & _SEVERAL:
            size = _copy(code, several, several_ends, several_data, made, size)
            if size < 0:
                return size
        else:
            size = encode(form, made, size)
    if any_word:
        ends[count] = size
        count += 1
    return count


@inner
def _copy(code: Number, codes: Array, ends: Array, data: Array, made: Array, at: int) -> int:
    """Write the several characters of a code point's one form; where they end, or why not: white space is among them, or they are many."""
    for i in range(len(codes)):
        if codes[i] == code:
            if ends[i + 1] - ends[i] > 32:
                return _OTHER_WAY
            for j in range(ends[i], ends[i + 1]):
                if data[j] <= 32:
                    return _OTHER_WAY
                made[at] = data[j]
                at += 1
            return at
    return _UNMET


def spans(sentences: Folded, size: int) -> NDArray[np.int64]:
    """(spans, 2): the upper and lower half of the key of each run of `size` sentences, as numbers. Each sentence is hashed once; a span is
    the hash of its sentences' hashes."""
    count = len(sentences.ends)
    found = np.empty((max(0, count - size + 1), 2), np.int64)
    if len(found):
        _spans(sentences.data, sentences.ends, np.empty(16 * count, np.uint8), size, found)
    return found


@compiled_like_numpy
def _spans(data: Array, ends: Array, hashes: Array, size: int, found: Array) -> None:
    start = 0
    for i in range(len(ends)):
        low, high = xxh128(data, start, ends[i])
        for j in range(8):
            hashes[16 * i + j] = high >> U64(56 - 8 * j)
            hashes[16 * i + 8 + j] = low >> U64(56 - 8 * j)
        start = ends[i]
    for i in range(len(found)):
        low, high = xxh128(hashes, 16 * i, 16 * (i + size))
        found[i, 0], found[i, 1] = high, low
