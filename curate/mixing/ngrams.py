"""Compiled code for n-grams of words: apart, because importing the compiler takes longer than many commands do.

Words are runs of letters, digits and other characters that are no punctuation; ASCII letters are lower-cased.
"""

import numpy as np
from numpy.typing import NDArray

from curate.dedup.xxh3 import compiled
from curate.filters.jit import Array

U64 = NDArray[np.uint64]
FNV_START, FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)


def _letters() -> NDArray[np.uint8]:
    """By byte below 128: the lower-case letter or digit, or 0 for a separator."""
    table = np.zeros(128, np.uint8)
    for byte in range(128):
        table[byte] = ord(chr(byte).lower()) if chr(byte).isalnum() else 0
    return table


LETTERS = _letters()


@compiled
def _wide(data: Array, at: int, stop: int) -> int:
    """Bytes of the character beyond ASCII at `at`: positive for a letter, negative for a separator.

    Latin-1 signs (U+0080-00BF), general punctuation (U+2000-207F) and CJK punctuation (U+3000-303F) separate; all else
    counts as a letter.
    """
    byte = data[at]
    length = min(4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2, stop - at)
    second = data[at + 1] if at + 1 < stop else 0
    general = byte == 0xE2 and (second == 0x80 or second == 0x81)
    if byte == 0xC2 or general or (byte == 0xE3 and second == 0x80):
        return -length
    return length


@compiled
def _finish(x: np.uint64) -> np.uint64:
    x = (x ^ (x >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    x = (x ^ (x >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return x ^ (x >> np.uint64(33))


@compiled
def _word_hashes(data: Array, start: int, stop: int, out: Array) -> int:
    """Hash each word of data[start:stop] (FNV-1a, finished) into `out`; gives their number."""
    count, at, inside = 0, start, False
    value = FNV_START
    while at < stop:
        byte = data[at]
        if byte < 128:
            letter = LETTERS[byte]
            at += 1
            if letter:
                value = (value ^ np.uint64(letter)) * FNV_PRIME
                inside = True
                continue
        else:
            length = _wide(data, at, stop)
            if length > 0:
                for place in range(at, at + length):
                    value = (value ^ np.uint64(data[place])) * FNV_PRIME
                at += length
                inside = True
                continue
            at -= length
        if inside:
            out[count] = _finish(value)
            count, value, inside = count + 1, FNV_START, False
    if inside:
        out[count] = _finish(value)
        count += 1
    return count


@compiled
def _roll(words: Array, count: int, ngram: int, out: Array) -> int:
    """Hashes of all runs of `ngram` words: a polynomial over their hashes, finished; 0 is not used."""
    base, power = np.uint64(0x9E3779B97F4A7C15), np.uint64(1)
    for _ in range(ngram - 1):
        power *= base
    value = np.uint64(0)
    for at in range(count):
        if at >= ngram:
            value -= words[at - ngram] * power
        value = value * base + words[at]
        if at >= ngram - 1:
            hashed = _finish(value)
            out[at - ngram + 1] = hashed if hashed != 0 else np.uint64(1)
    return max(0, count - ngram + 1)


@compiled
def _ngrams(data: Array, ngram: int) -> U64:
    words = np.empty(len(data) // 2 + 1, np.uint64)
    count = _word_hashes(data, 0, len(data), words)
    out = np.empty(max(count, 1), np.uint64)
    return out[: _roll(words, count, ngram, out)]


def hash_ngrams(data: NDArray[np.uint8], ngram: int) -> U64:
    """uint64 hashes of all n-grams of a text in UTF-8, in order."""
    found: U64 = _ngrams(data, ngram)
    return found


@compiled
def fill(table: Array, values: Array) -> U64:
    mask = np.uint64(len(table) - 1)
    for value in values:
        place = value & mask
        while table[place] != 0:
            place = (place + np.uint64(1)) & mask
        table[place] = value
    return table


@compiled
def count_hits(data: Array, offsets: Array, table: Array, ngram: int) -> NDArray[np.int32]:
    documents = len(offsets) - 1
    out = np.zeros(documents, np.int32)
    longest = 0
    for i in range(documents):
        longest = max(longest, offsets[i + 1] - offsets[i])
    words = np.empty(longest // 2 + 1, np.uint64)
    grams = np.empty(longest // 2 + 1, np.uint64)
    mask = np.uint64(len(table) - 1)
    for i in range(documents):
        count = _word_hashes(data, offsets[i], offsets[i + 1], words)
        for at in range(_roll(words, count, ngram, grams)):
            place = grams[at] & mask
            while table[place] != 0:
                if table[place] == grams[at]:
                    out[i] += 1
                    break
                place = (place + np.uint64(1)) & mask
    return out
