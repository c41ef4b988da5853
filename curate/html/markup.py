"""Small compiled functions that find where tags, attributes and comments end."""

import numpy as np

from curate.filters.jit import Array, Number, inner

FNV_START, FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
GT, DASH, BANG, EQUALS = 62, 45, 33, 61
U8, U64 = np.uint8, np.uint64  # unsigned, so that compiled code need not ask whether an index is negative
BLOCK = 64  # bytes that are compared at once


@inner
def is_letter(c: Number) -> Number:
    return (97 <= c <= 122) or (65 <= c <= 90)


@inner
def is_space(c: Number) -> Number:
    return c == 32 or (9 <= c <= 13 and c != 11)


@inner
def lower(c: Number) -> Number:
    return c + 32 if 65 <= c <= 90 else c


@inner
def find(buf: Array, at: Number, stop: Number, wanted: Number) -> Number:
    """The first place of a byte from `at` on; `stop` if there is none before. Blocks without it are passed over as a whole."""
    i, end, byte = U64(at), U64(max(at, stop)), U8(wanted)
    while i + U64(BLOCK) <= end:
        found = U8(0)
        for k in range(BLOCK):
            found |= U8(buf[i + U64(k)] == byte)
        if found:
            break
        i += U64(BLOCK)
    while i < end and buf[i] != byte:
        i += U64(1)
    return np.int64(i)


@inner
def fnv_lower(buf: Array, at: Number) -> tuple[Number, Number]:
    """Hash of the tag name at `at` in lower case, and the place after it."""
    value = FNV_START
    i = at
    while i < len(buf):
        c = buf[U64(i)]
        if is_space(c) or c == 47 or c == GT:
            break
        value = (value ^ np.uint64(lower(c))) * FNV_PRIME
        i += 1
    return value, i


@inner
def tag_end(buf: Array, at: Number) -> Number:
    """The place after the ">" that ends the tag in which `at` lies, quotes respected; beyond the end if none."""
    size = len(buf)
    i = at
    while i < size:
        c = buf[U64(i)]
        i += 1
        if c == GT:
            return i
        if c == EQUALS:
            while i < size and is_space(buf[U64(i)]):
                i += 1
            if i < size and (buf[U64(i)] == 34 or buf[U64(i)] == 39):
                i = find(buf, i + 1, size, buf[U64(i)]) + 1
    return size + 1


@inner
def skip_comment(buf: Array, at: Number, bang: Number) -> Number:
    """The place after the comment whose text starts at `at`; `bang` when "<!" opened it, so that "--" may follow."""
    size = len(buf)
    if not (bang and at + 1 < size and buf[at] == DASH and buf[at + 1] == DASH):
        return min(find(buf, at, size, GT) + 1, size)
    i = at + 2
    if i < size and buf[i] == GT:
        return i + 1
    if i + 1 < size and buf[i] == DASH and buf[i + 1] == GT:
        return i + 2
    while i + 2 < size:
        if buf[i] == DASH and buf[i + 1] == DASH:
            if buf[i + 2] == GT:
                return i + 3
            if buf[i + 2] == BANG and i + 3 < size and buf[i + 3] == GT:
                return i + 4
        i += 1
    return size
