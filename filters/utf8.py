"""UTF-8 in compiled loops: one character read or written."""

import numpy as np

from curate.filters.jit import Array, Number, hot


@hot
def decode(text: Array, at: int) -> tuple[Number, int]:
    """The code point that begins here, in valid UTF-8, and its bytes."""
    byte = np.int64(text[at])
    if byte < 0x80:
        return byte, 1
    if byte < 0xE0:
        return (byte & 31) << 6 | text[at + 1] & 63, 2
    if byte < 0xF0:
        return (byte & 15) << 12 | (text[at + 1] & 63) << 6 | text[at + 2] & 63, 3
    return (byte & 7) << 18 | (np.int64(text[at + 1]) & 63) << 12 | (text[at + 2] & 63) << 6 | text[at + 3] & 63, 4


@hot
def encode(code: Number, made: Array, at: int) -> int:
    """Write a code point; where it ends."""
    if code < 0x80:
        made[at] = code
        return at + 1
    if code < 0x800:
        made[at], made[at + 1] = 0xC0 | code >> 6, 0x80 | code & 63
        return at + 2
    if code < 0x10000:
        made[at], made[at + 1], made[at + 2] = 0xE0 | code >> 12, 0x80 | code >> 6 & 63, 0x80 | code & 63
        return at + 3
    made[at], made[at + 1] = 0xF0 | code >> 18, 0x80 | code >> 12 & 63
    made[at + 2], made[at + 3] = 0x80 | code >> 6 & 63, 0x80 | code & 63
    return at + 4
