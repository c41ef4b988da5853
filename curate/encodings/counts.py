"""What `mojibake` must know of a page before it looks closer, counted in one pass over its UTF-8."""

from typing import NamedTuple

import numpy as np

from curate.filters.jit import Array, compiled

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
    """The counts of a text in UTF-8."""
    data, counts = np.frombuffer(utf8, np.uint8), np.zeros(len(Seen._fields), np.int64)
    _count(data, data[: len(data) & ~7].view(np.uint64), _FOLLOW, counts)
    return Seen(*counts.tolist())


@compiled
def _count(data: Array, words: Array, follow: Array, counts: Array) -> None:
    for word in range(len(words) + 1):
        if word < len(words) and words[word] & np.uint64(0x8080808080808080) == 0:  # eight of ASCII
            continue
        for i in range(8 * word, min(8 * word + 8, len(data))):
            byte = data[i]
            if byte < 0xC2:
                continue
            counts[4] += 1
            if byte == 0xC2 and i + 1 < len(data) and data[i + 1] < 0xA0:
                counts[0] += 1
            elif byte == 0xC3 and i + 2 < len(data):
                counts[1] += 1
                counts[2] += data[i + 2] > 0xC1
                counts[3] += follow[data[i + 2]]
