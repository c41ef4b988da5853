"""C4's line rules in a compiled loop over the UTF-8 bytes of a text: what `c4.LineRules` says of most lines, far faster.

A line that the loop can't be sure of (citation marks, a character without width at its end, words without spaces, a phrase that
may be one of those looked for) is left to the caller.
"""

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from curate.filters.jit import Array, Number, compiled, inner
from curate.filters.sentence_ends import INVISIBLE, terminals
from curate.filters.utf8 import decode

LONG_WORD, CITATION, NO_END_MARK, FEW_WORDS = (1 << bit for bit in range(4))
"""Rules that may be on."""
CUT_NO_END_MARK, CUT_FEW_WORDS, KEPT = range(3)
"""What is counted: lines by the rule that cut them, and those that stay."""
START, STOP, UNSURE = range(3)
"""Columns of `judge`'s rows: lines that stay, without white space round them (or several of them, parted by one \\n); or a whole line
to be looked at."""

SPACES = "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
"""White space of `str.strip` and `str.split`."""
BREAKS = "\n\x0b\x0c\r\x1c\x1d\x1e\x85\u2028\u2029"
"""Where `str.splitlines` ends a line, with \\r\\n."""
_SPACE, _BREAK, _END, _ODD_END, _UNSPACED, _ODD = (1 << bit for bit in range(6))
_BEYOND = 1 << 16
_BLANK, _DELETE = 32, 127
_LF, _CR, _DOT, _BRACKET, _COLON, _SEMICOLON = (ord(char) for char in "\n\r.[:;")
_CITATIONS = np.frombuffer(b"0123456789]ec", np.uint8)
_KELVIN = 0x212A  # its small letter is k, the only letter of a phrase that has another one beyond ASCII
_WORDS = tuple(np.frombuffer(word, np.uint8) for word in (b"javascript", b"cookie", b"policy", b"terms"))
_JAVASCRIPT, _COOKIE, _POLICY, _TERMS = _WORDS

U8, U64 = np.uint8, np.uint64
_BLOCK = 32  # bytes that are compared at once

Rows: TypeAlias = NDArray[np.int64]


def kinds(end_marks: Iterable[str], other_ends: bool, without_width: str) -> NDArray[np.uint8]:
    """What each character of the basic plane is to `judge`, and in the last entry all beyond it.

    `other_ends`: marks of other scripts end a line, too; `without_width`: characters that hide the end mark before them.
    """
    found = np.zeros(_BEYOND + 1, np.uint8)
    found[list(map(ord, SPACES))] |= _SPACE
    found[list(map(ord, BREAKS))] |= _BREAK
    ends = [*end_marks, *(terminals() if other_ends else ())]
    found[[ord(mark) for mark in ends if ord(mark) < _BEYOND]] |= _END
    odd = [*without_width, *(f"{INVISIBLE}\u1361" if other_ends else "")]
    found[list(map(ord, odd))] |= _ODD_END
    for first, last in ((0x800, 0x2000), (0x3000, 0xB000), (0xF000, _BEYOND + 1)):  # those outside `scripts._PLAIN`
        found[first:last] |= _UNSPACED
    found[_BEYOND] |= _ODD_END
    found[_KELVIN] |= _ODD
    return found


def judge(
    data: bytes, kinds: NDArray[np.uint8], rules: int, min_words: int, longest: int, *, exact: bool, phrases: bool
) -> tuple[list[list[int]], list[int]]:
    """(rows, counts) of a text in UTF-8.

    `rules` are those that are on, NO_END_MARK among them or FEW_WORDS: an empty line is neither kept nor counted. `phrases`: lines
    with a word of the phrases are to be looked at.
    """
    text, counts = np.frombuffer(data, np.uint8), np.zeros(3, np.int64)
    rows = np.empty((len(data) // 32 + 16, 3), np.int64)
    found = _judge(text, kinds, rules, min_words, longest, exact, phrases, rows, counts)
    if found < 0:
        counts[:] = 0
        rows = np.empty((len(data) + 1, 3), np.int64)
        found = _judge(text, kinds, rules, min_words, longest, exact, phrases, rows, counts)
    return rows[:found].tolist(), counts.tolist()


@compiled
def _judge(
    text: Array,
    kinds: Array,
    rules: int,
    min_words: int,
    longest: int,
    exact: bool,
    phrases: bool,
    rows: Array,
    counts: Array,
) -> int:
    """Write the rows; how many there are, or -1 where there is no room for them."""
    used = at = 0
    while at < len(text):
        line = at
        start, stop, word, words, widest = -1, at, -1, 0, 0
        seen, odd = 0, False
        code: Number = np.int64(0)
        before: Number = np.int64(0)
        while at < len(text):
            byte = text[U64(at)]
            if byte == _BLANK:
                if word >= 0:
                    widest, word = max(widest, at - word), -1
                at += 1
                continue
            first = at
            while at < len(text) and _BLANK < text[U64(at)] < _DELETE and text[U64(at)] != _BRACKET:
                at += 1
            if at > first:  # most of a text: none of these is more to the rules than the last two
                if word < 0:
                    word, words = first, words + 1
                    if start < 0:
                        start = first
                before = np.int64(text[U64(at - 2)]) if at - first > 1 else code
                code, stop = np.int64(text[U64(at - 1)]), at
                continue
            char, size = decode(text, at)
            kind = kinds[min(char, _BEYOND)]
            if kind & _SPACE:
                if word >= 0:
                    widest, word = max(widest, at - word), -1
                if kind & _BREAK:
                    break
                at += size
                continue
            if word < 0:
                word, words = at, words + 1
                if start < 0:
                    start = at
            if char == _BRACKET and at + 1 < len(text):
                odd = odd or text[at + 1] >= 128 or _is_in(text[at + 1], _CITATIONS)
            seen |= kind
            before, code = code, char
            at += size
            stop = at
        if word >= 0:
            widest = max(widest, at - word)
        end = at
        if at < len(text):
            at += decode(text, at)[1]
            if text[end] == _CR and at < len(text) and text[at] == _LF:
                at += 1
        if start < 0:
            continue
        kind = kinds[min(code, _BEYOND)]
        unsure = seen & _ODD != 0 or (rules & CITATION != 0 and odd) or (rules & LONG_WORD != 0 and widest > longest)
        if not unsure and rules & NO_END_MARK:
            if kind & _ODD_END or (not exact and code in (_COLON, _SEMICOLON) and before >= 128):
                unsure = True
            elif not kind & _END or _are_dots(text, start, stop):
                counts[CUT_NO_END_MARK] += 1
                continue
        if not unsure and rules & FEW_WORDS and words < min_words:
            if exact or not seen & _UNSPACED:
                counts[CUT_FEW_WORDS] += 1
                continue
            unsure = True
        unsure = unsure or (phrases and _holds_any(text, start, stop))
        if not unsure:
            counts[KEPT] += 1
            if used and not rows[used - 1, UNSURE] and start == rows[used - 1, STOP] + 1 and text[start - 1] == _LF:
                rows[used - 1, STOP] = stop
                continue
        if used == len(rows):
            return -1
        rows[used, START], rows[used, STOP], rows[used, UNSURE] = (line, end, 1) if unsure else (start, stop, 0)
        used += 1
    return used


@inner
def _are_dots(text: Array, start: int, stop: int) -> bool:
    """Whether a line ends in three dots."""
    return stop - start >= 3 and text[stop - 1] == _DOT and text[stop - 2] == _DOT and text[stop - 3] == _DOT


@inner
def _may_hold(text: Array, start: int, stop: int) -> bool:
    """Whether the first four letters of such a word may begin in a line."""
    at = U64(start)
    while at < U64(stop):
        if at + U64(_BLOCK + 3) > U64(len(text)):
            return True
        found = U8(0)
        for k in range(_BLOCK):
            i = at + U64(k)
            one, two, three, four = (
                text[i] | U8(32),
                text[i + U64(1)] | U8(32),
                text[i + U64(2)] | U8(32),
                text[i + U64(3)] | U8(32),
            )
            found |= U8((one == U8(99)) & (two == U8(111)) & (three == U8(111)) & (four == U8(107)))  # cook
            found |= U8((one == U8(112)) & (two == U8(111)) & (three == U8(108)) & (four == U8(105)))  # poli
            found |= U8((one == U8(116)) & (two == U8(101)) & (three == U8(114)) & (four == U8(109)))  # term
            found |= U8((one == U8(106)) & (two == U8(97)) & (three == U8(118)) & (four == U8(97)))  # java
        if found:
            return True
        at += U64(_BLOCK)
    return False


@inner
def _holds_any(text: Array, start: int, stop: int) -> bool:
    """Whether a word of a phrase is in a line, in any case."""
    if not _may_hold(text, start, stop):
        return False
    for at in range(start, stop):
        small = text[at] | 32
        if small == 99:
            if _is_at(text, at, stop, _COOKIE):
                return True
        elif small == 112:
            if _is_at(text, at, stop, _POLICY):
                return True
        elif small == 116:
            if _is_at(text, at, stop, _TERMS):
                return True
        elif small == 106 and _is_at(text, at, stop, _JAVASCRIPT):
            return True
    return False


@inner
def _is_at(text: Array, at: int, stop: int, word: Array) -> bool:
    if stop - at < len(word):
        return False
    for i in range(len(word)):  # noqa: SIM110 (compiled)
        if text[at + i] | 32 != word[i]:
            return False
    return True


@inner
def _is_in(byte: int, chars: Array) -> bool:
    for char in chars:  # noqa: SIM110 (compiled)
        if byte == char:
            return True
    return False
