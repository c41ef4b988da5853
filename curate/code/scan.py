"""Passes over the bytes of a text, compiled: white space folded, words of a fixed list found."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curate.filters.jit import Array, Number, compiled, inner

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


@compiled
def _places(text: Array, classes: Array, following: Array, lengths: Array, last: Number, out: Array) -> Number:
    state = np.uint32(0)
    n = 0
    for i in range(text.size):
        state = following[state + classes[text[i]]]
        if state >= last:
            out[n] = i + 1 - lengths[state]
            n += 1
            state = np.uint32(0)
    return n


@compiled
def _has(text: Array, classes: Array, following: Array, lengths: Array, last: Number) -> Number:
    state = np.uint32(0)
    for i in range(text.size):
        state = following[state + classes[text[i]]]
        if state >= last:
            return True
    return False


@inner
def _code_end(text: Array, at: Number) -> Number:
    """Where a comment or a string that begins at a place ends, roughly; what is not closed goes on to the end of the text or the line."""
    size = text.size
    c = text[at]
    one = text[at + 1] if at + 1 < size else np.uint8(0)
    two = text[at + 2] if at + 2 < size else np.uint8(0)
    if (c == 34 or c == 39) and one == c and two == c:  # three quotes
        i = at + 3
        while i < size and not (text[i] == c and i + 2 < size and text[i + 1] == c and text[i + 2] == c):
            i += 1
        return min(i + 3, size)
    if c == 47 and one == 42:  # /*
        i = at + 2
        while i < size and not (text[i] == 42 and i + 1 < size and text[i + 1] == 47):
            i += 1
        return min(i + 2, size)
    if c == 35 or (c == one and (c == 47 or c == 45 or c == 59)):  # # // -- ;;
        i = at
        while i < size and text[i] != 10:
            i += 1
        return i
    if c != 34 and c != 39:
        return at
    i = at + 1
    while i < size and text[i] != c and text[i] != 10:
        if text[i] == 92:
            if i + 1 >= size or text[i + 1] == 10:
                return i
            i += 1
        i += 1
    return i + 1 if i < size and text[i] == c else i


@inner
def _run(text: Array, at: Number, first: Number) -> Number:
    """Where the letters from `first` (a or A) on that begin at a place end."""
    while at < text.size and first <= text[at] < first + 26:
        at += 1
    return at


@compiled
def _names(text: Array, seen: Array, starts: Array, ends: Array) -> Number:
    """How many different words the names in code have; where they first stand goes into `starts` and `ends`. `seen` has room for twice as many."""
    mask = np.uint64(seen.size - 1)
    i = n = 0
    while i < text.size:
        end = _code_end(text, i)
        if end > i:
            i = end
            continue
        lower = _run(text, i + 1 if 65 <= text[i] <= 90 else i, 97)
        end = lower
        if lower - i < (4 if 65 <= text[i] <= 90 else 3):
            end = _run(text, i, 65)
            end -= end > i and end < text.size and 97 <= text[end] <= 122
            if end - i < 4:
                i += 1
                continue
        h = np.uint64(0xCBF29CE484222325)
        for at in range(i, end):
            h = (h ^ np.uint64(text[at] | 32)) * np.uint64(0x100000001B3)
        slot = h & mask
        while seen[slot] != 0 and seen[slot] != h:
            slot = (slot + np.uint64(1)) & mask
        if seen[slot] == 0:
            seen[slot] = h
            starts[n], ends[n] = i, end
            n += 1
        i = end
    return n


def names_in_code(code: str) -> Iterator[str]:
    """The words (three letters or more, as written where they first stand) that names in code are made of, without comments and strings, roughly."""
    data = code.encode("latin-1", "replace")
    most = len(data) // 3 + 1
    starts, ends = np.empty(most, np.int32), np.empty(most, np.int32)
    n = _names(np.frombuffer(data, np.uint8), np.zeros(1 << (2 * most).bit_length(), np.uint64), starts, ends)
    for start, end in zip(starts[:n].tolist(), ends[:n].tolist(), strict=True):
        yield code[start:end]


def has(text: bytes, wanted: Literals) -> bool:
    """Whether one of the words is in `text`."""
    return bool(_has(np.frombuffer(text, np.uint8), *wanted))


def places(text: bytes, wanted: Literals) -> list[int]:
    """The first bytes of the words in `text`, in order, without overlaps."""
    out = np.empty(len(text), np.int32)
    n = _places(np.frombuffer(text, np.uint8), *wanted, out)
    found: list[int] = out[:n].tolist()
    return found
