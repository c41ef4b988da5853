"""Whether a file is a whole fastText model: its library believes what a file says, lengths and indices too."""

import math
import mmap
import struct
from pathlib import Path
from typing import Any

import numpy as np

MAGIC, VERSIONS = 793712314, (11, 12)
SUPERVISED = 3
MOST_WIDTH, MOST_ENTRIES, MOST_SEEN = 4096, 1 << 27, 10**15
"""Columns; words and labels; labels in its training data, as a node of the tree over them that is not made yet counts so many."""
CHUNK = 1 << 22
"""Numbers that are looked at together."""


class _File:
    """A mapped file that is read from its beginning, never beyond its end."""

    def __init__(self, data: Any) -> None:
        self.data, self.at = data, 0

    def take(self, kinds: str) -> tuple[Any, ...]:
        """Numbers of these kinds, as `struct` names them."""
        size = struct.calcsize("<" + kinds)
        self._room(size)
        found = struct.unpack_from("<" + kinds, self.data, self.at)
        self.at += size
        return found

    def word(self) -> None:
        """Skip a text that ends in a zero byte."""
        end = self.data.find(b"\0", self.at, self.at + (1 << 16))
        if end < 0:
            raise ValueError("a word does not end")
        self.at = end + 1

    def skip(self, size: int) -> None:
        """Skip bytes."""
        self._room(size)
        self.at += size

    def floats(self, count: int) -> None:
        """Skip numbers, all of which must be finite."""
        self._room(4 * count)
        for first in range(0, count, CHUNK):
            some = np.frombuffer(self.data, "<f4", min(CHUNK, count - first), self.at + 4 * first)
            finite = bool(np.isfinite(some).all())
            del some  # the map can't be closed while somebody looks into it
            if not finite:
                raise ValueError("it holds a number that is not finite")
        self.at += 4 * count

    def _room(self, size: int) -> None:
        if size < 0 or self.at + size > len(self.data):
            raise ValueError("it ends too early")


def check(path: Path) -> None:
    """Raise ValueError where the file is no whole supervised model of fastText."""
    if told := problem(path):
        raise ValueError(f"{path} is no fastText model that can be used: {told}")


def problem(path: Path) -> str:
    """Why a file is no whole supervised model of fastText (lengths that do not fit, numbers that are none); nothing where it is one."""
    if path.stat().st_size < 64:
        return "it is too short"
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            read = _File(data)
            _check(read)
            if read.at != len(data):
                raise ValueError("something follows its end")
            del read
    except (ValueError, struct.error) as error:
        return str(error)
    return ""


def _check(read: _File) -> None:
    magic, version = read.take("ii")
    if magic != MAGIC or version not in VERSIONS:
        raise ValueError("it does not begin as one")
    width, _, _, _, _, word_grams, _, kind, buckets, shortest, longest, _, rate = read.take("12id")
    if kind != SUPERVISED:
        raise ValueError("it was not trained with labels")
    plain = 0 < width <= MOST_WIDTH and 0 <= buckets <= 1 << 31 and shortest >= 0 and 0 <= longest <= 64
    if not plain or not 0 < word_grams <= 64 or not math.isfinite(rate):
        raise ValueError("its settings are out of range")
    if not buckets and (longest or word_grams > 1):
        raise ValueError("it has n-grams and no buckets for them")  # the library divides by their number
    size, words, labels, _, pruned = read.take("iiiqq")
    if not 0 < size <= MOST_ENTRIES or words < 0 or labels < 1 or words + labels != size or pruned < -1:
        raise ValueError("its dictionary's sizes do not fit together")
    kinds, seen = [0, 0], 0
    for _ in range(size):
        read.word()
        count, entry = read.take("qb")
        if entry not in (0, 1):
            raise ValueError("its dictionary has entries of an unknown kind")
        kinds[entry] += 1
        seen += count * entry
        if count < 0 or seen >= MOST_SEEN:
            raise ValueError("its counts are out of range")
    if kinds != [words, labels]:
        raise ValueError("its dictionary's sizes do not fit together")
    rows = words + (buckets if pruned < 0 else pruned)
    _pairs(read, max(pruned, 0), buckets)
    quantized = _flag(read)
    if quantized and version < 12:
        raise ValueError("its version has no compressed models")
    (_quantized if quantized else _matrix)(read, rows, width)
    if _flag(read):
        _quantized(read, labels, width)
    else:
        _matrix(read, labels, width)


def _pairs(read: _File, count: int, buckets: int) -> None:
    """Buckets that are left, and their rows."""
    start = read.at
    read.skip(8 * count)
    pairs = np.frombuffer(read.data, "<i4", 2 * count, start).reshape(-1, 2).copy()
    if count and (pairs.min() < 0 or pairs[:, 0].max() >= buckets or pairs[:, 1].max() >= count):
        raise ValueError("an index of its buckets is out of range")


def _flag(read: _File) -> bool:
    (value,) = read.take("B")
    if value > 1:
        raise ValueError("a mark that is neither yes nor no")
    return bool(value)


def _matrix(read: _File, rows: int, width: int) -> None:
    if read.take("qq") != (rows, width):
        raise ValueError("a matrix has another size than its dictionary")
    read.floats(rows * width)


def _quantized(read: _File, rows: int, width: int) -> None:
    norms = _flag(read)
    *shape, codes = read.take("qqi")
    if shape != [rows, width] or codes < 0:
        raise ValueError("a matrix has another size than its dictionary")
    read.skip(codes)
    parts = _quantizer(read, width)
    if codes != rows * parts:
        raise ValueError("a compressed matrix has too few codes")
    if norms:
        read.skip(rows)
        _quantizer(read, 1)


def _quantizer(read: _File, width: int) -> int:
    """The table of a product quantizer; returns its number of parts."""
    dim, parts, part, last = read.take("iiii")
    if dim != width or not 0 < part <= width or not 0 < last <= part or (parts - 1) * part + last != width:
        raise ValueError("a table of codes does not fit its matrix")
    read.floats(dim * 256)
    return int(parts)
