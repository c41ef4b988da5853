"""What `mojibake` must know of a page before it looks closer, counted in one pass over its UTF-8; and whether it is UTF-8."""

from typing import NamedTuple

import numpy as np

from curate.filters.jit import Array, Number, compiled, inner

_FOLLOW = np.isin(np.arange(256), [0xC2, 0xC5, 0xC6, 0xCB, 0xE2])  # how the characters of 80 to BF begin in UTF-8


class Seen(NamedTuple):
    """Counts of characters; numpy takes five passes for them."""

    c1: int
    """C1 characters: C2 and 80 to 9F. Far faster than an expression on a page of spaces (C2 A0)."""
    leading: int
    """C3 with two bytes or more behind it: it may lead a sequence of windows-1252."""
    beyond: int
    """Of these, those with a character beyond ASCII behind them."""
    following: int
    """Of these, those before a character that may follow in a sequence."""
    characters: int
    """Characters beyond ASCII."""


def look(utf8: bytes) -> Seen:
    """The counts of a text in UTF-8; of what is none, too."""
    return _looked(utf8)[1]


def checked(data: bytes) -> Seen | None:
    """The counts; None where the bytes are no UTF-8 (RFC 3629)."""
    valid, seen = _looked(data)
    return seen if valid else None


def _looked(data: bytes) -> tuple[bool, Seen]:
    array, counts = np.frombuffer(data, np.uint8), np.zeros(len(Seen._fields), np.int64)
    valid = _count(array, array[: len(data) & ~7].view(np.uint64), _FOLLOW, counts)
    return bool(valid), Seen(*counts.tolist())


_TOGETHER = 8  # words that are known to be ASCII at once
_BEYOND = np.uint64(0x8080808080808080)


@compiled
def _count(data: Array, words: Array, follow: Array, counts: Array) -> Number:
    valid, until = True, 0  # until: where the last sequence ends
    for first in range(0, len(words) + 1, _TOGETHER):
        if first + _TOGETHER <= len(words):
            some = np.uint64(0)
            for k in range(_TOGETHER):
                some |= words[first + k]
            if some & _BEYOND == 0:
                continue
        for word in range(first, min(first + _TOGETHER, len(words) + 1)):
            if word < len(words) and words[word] & _BEYOND == 0:
                continue
            for i in range(8 * word, min(8 * word + 8, len(data))):
                byte = data[i]
                if byte < 0xC2:
                    valid &= byte < 0x80 or i < until
                    continue
                size = sequence(data, i)
                valid &= size > 0
                until = i + size
                counts[4] += 1
                if byte == 0xC2 and i + 1 < len(data) and data[i + 1] < 0xA0:
                    counts[0] += 1
                elif byte == 0xC3 and i + 2 < len(data):
                    counts[1] += 1
                    counts[2] += data[i + 2] > 0xC1
                    counts[3] += follow[data[i + 2]]
    return valid


@inner
def sequence(data: Array, at: Number) -> Number:
    """How many bytes the character of two or more takes that begins at `at`; 0 where it is none. The second byte tells longer
    forms, surrogates and what is beyond Unicode (RFC 3629, section 4)."""
    lead = data[at]
    size = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
    if lead > 0xF4 or at + size > len(data):
        return 0
    second = data[at + 1]
    low = 0xA0 if lead == 0xE0 else 0x90 if lead == 0xF0 else 0x80
    high = 0x9F if lead == 0xED else 0x8F if lead == 0xF4 else 0xBF
    if second < low or second > high:
        return 0
    for k in range(2, size):
        if data[at + k] & 0xC0 != 0x80:
            return 0
    return size
