"""Passes over the bytes of a text, compiled: white space folded, words of a fixed list found."""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from curate.filters.jit import Array, Number, compiled

WHITE = np.zeros(256, np.bool_)
WHITE[[9, 10, 11, 12, 13, 28, 29, 30, 31, 32, 0x85, 0xA0]] = True
"""What `str.isspace` says of the characters of Latin-1."""


@compiled
def _fold(text: Array, white: Array, out: Array, here: Array, there: Array) -> tuple[Number, Number]:
    """How many bytes of `out`, and of the places `here` and `there`, there are."""
    here[0] = there[0] = 0
    size, i, n, parts = text.size, 0, 0, 1
    while i < size:
        if not white[text[i]]:
            out[n] = text[i]
            n += 1
            i += 1
            continue
        start = i
        while i < size and white[text[i]]:
            i += 1
        out[n] = 32
        n += 1
        if i - start > 1 or text[start] != 32:
            here[parts] = n
            there[parts] = i
            parts += 1
    return n, parts


def fold(text: bytes) -> tuple[bytes, NDArray[np.int32], NDArray[np.int32]]:
    """Latin-1 `text` with each run of white space as one blank; places here, and in `text`, where the two part."""
    most = len(text) // 2 + 2
    out, here, there = bytearray(len(text)), np.empty(most, np.int32), np.empty(most, np.int32)
    size, parts = _fold(np.frombuffer(text, np.uint8), WHITE, np.frombuffer(out, np.uint8), here, there)
    return bytes(memoryview(out)[:size]), here[:parts], there[:parts]


class Literals(NamedTuple):
    """Words to find, as an automaton (Aho and Corasick 1975)."""

    classes: NDArray[np.uint8]
    """Class of each byte: one for each letter of the words, whether upper or lower case, and 0 for all others."""
    following: NDArray[np.uint32]
    """Where the row of the next state begins: one column a class. The states in which a word ends come last."""
    lengths: NDArray[np.uint32]
    """Bytes of the word that ends at the state of a row, 0 for none."""
    last: int
    """Where the first row of a state begins in which a word ends."""


def literals(found: tuple[str, ...]) -> Literals:
    """The automaton of some words of ASCII in lower case; upper case counts as lower."""
    classes = np.zeros(256, np.uint8)
    letters = sorted({byte for word in found for byte in word.encode("ascii")})
    classes[letters] = np.arange(1, len(letters) + 1)
    rows: list[dict[int, int]] = [{}]
    lengths = [0]
    for word in found:
        state = 0
        for letter in classes[list(word.encode("ascii"))].tolist():
            if letter not in rows[state]:
                rows[state][letter] = len(rows)
                rows.append({})
                lengths.append(0)
            state = rows[state][letter]
        lengths[state] = len(word)
    following = np.zeros((len(rows), len(letters) + 1), np.uint32)
    waiting, fail = [0], [0] * len(rows)
    for state in waiting:  # by depth: a state's row needs those of shorter ones
        following[state] = following[fail[state]]
        lengths[state] = lengths[state] or lengths[fail[state]]
        for letter, child in rows[state].items():
            fail[child] = int(following[state, letter]) if state else 0
            following[state, letter] = child
            waiting.append(child)
    classes[65:91] = classes[97:123]
    ends = np.array(lengths, np.uint32)
    order = np.argsort(ends > 0, kind="stable")
    columns = len(letters) + 1
    row = np.empty(len(rows), np.uint32)
    row[order] = np.arange(len(rows), dtype=np.uint32) * columns
    first = int(np.count_nonzero(ends == 0)) * columns
    return Literals(classes, row[following[order]].ravel(), np.repeat(ends[order], columns), first)


@numba.njit(cache=True, nogil=True)
def _places(text, classes, following, lengths, last):  # type: ignore[no-untyped-def]
    out = [(0, 0) for _ in range(0)]
    state = np.uint32(0)
    for i in range(text.size):
        state = following[state + classes[text[i]]]
        if state >= last:
            out.append((i + 1 - int(lengths[state]), i + 1))
            state = np.uint32(0)
    return out


@compiled
def _has(text: Array, classes: Array, following: Array, lengths: Array, last: Number) -> Number:
    state = np.uint32(0)
    for i in range(text.size):
        state = following[state + classes[text[i]]]
        if state >= last:
            return True
    return False


def has(text: bytes, wanted: Literals) -> bool:
    """Whether one of the words is in `text`."""
    return bool(_has(np.frombuffer(text, np.uint8), *wanted))


def places(text: bytes, wanted: Literals) -> list[tuple[int, int]]:
    """(first byte, one after last) of the words in `text`, in order, without overlaps."""
    result: list[tuple[int, int]] = _places(np.frombuffer(text, np.uint8), *wanted)
    return result
