"""fastText's classifiers with a softmax, mapped into memory: a model of a gigabyte is held once for all processes.

Such is GlotLID's (256 columns, 1.7 GB). The library reads it into the memory of each process. Here its large matrix stays in the
file and is mapped; of it a text touches the rows of its words and of their n-grams of letters. The sums are those of the library
(Joulin et al., "Bag of Tricks for Efficient Text Classification"): the mean of the rows, times the output matrix, softmax.
"""

import mmap
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curate.filters.jit import Array, compiled, compiled_making
from curate.filters.lid import MAGIC, SUPERVISED, VERSION, mixed, same_bytes, slots_of

SOFTMAX = 3
LONGEST = 64
"""Letters of an n-gram: room for all of a word is taken at once."""
_END = b"</s>"
_LABEL_MARK = b"__label__"
_LABEL_BYTES = np.frombuffer(_LABEL_MARK, np.uint8)
_START = np.uint32(2166136261)


class Mapped(NamedTuple):
    """A model, ready for `predict`; W words, B buckets of n-grams, D columns, L labels."""

    labels: tuple[str, ...]  # without "__label__"
    rows: NDArray[np.float32]  # (W + B, D), in the file
    output: NDArray[np.float32]  # (L, D)
    slots: NDArray[np.int32]  # open-addressed table of words by FNV-1a; -1 is free
    pool: NDArray[np.uint8]  # the words' bytes, one after the other
    ends: NDArray[np.int64]  # (W + 1,) where they begin and end in it
    end: int  # number of the word that ends a line
    buckets: int
    shortest: int
    longest: int


def load(path: Path) -> Mapped | None:
    """The model in a file, or None when the file is not of the shape this code is made for (the library may read it)."""
    try:
        with path.open("rb") as file:
            return _parsed(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (
        struct.error,
        ValueError,
        IndexError,
        OverflowError,
    ):  # it ends too early, or its numbers do not fit together
        return None


def _parsed(data: mmap.mmap) -> Mapped | None:
    if struct.unpack_from("<ii", data) != (MAGIC, VERSION):
        return None
    width, _, _, _, _, word_grams, loss, kind, buckets, shortest, longest, _, _ = struct.unpack_from("<12id", data, 8)
    plain = 1 <= shortest <= longest <= LONGEST and buckets >= 1
    if (word_grams, loss, kind) != (1, SOFTMAX, SUPERVISED) or not plain:
        return None
    at = 8 + struct.calcsize("<12id")
    size, words, labels, _, pruned = struct.unpack_from("<iiiqq", data, at)
    at += struct.calcsize("<iiiqq")
    if pruned >= 0 or words + labels != size:  # quantized models are small
        return None
    entries: list[bytes] = []
    for _ in range(size):
        stop = data.find(b"\0", at)
        if stop < 0:
            return None
        entries.append(data[at:stop])
        at = stop + 1 + struct.calcsize("<qb")
    at, rows = _matrix(data, at)
    at, output = _matrix(data, at)
    if rows.shape != (words + buckets, width) or output.shape != (labels, width) or at != len(data):
        return None
    known = entries[:words]
    names = tuple(name.removeprefix(_LABEL_MARK).decode() for name in entries[words:])
    pool, ends = np.frombuffer(b"".join(known), np.uint8), np.cumsum([0, *map(len, known)])
    end = known.index(_END)
    return Mapped(names, rows, output.copy(), slots_of(known), pool, ends, end, buckets, shortest, longest)


def _matrix(data: mmap.mmap, at: int) -> tuple[int, NDArray[np.float32]]:
    """(where it ends, the matrix that begins at `at`: whether it is quantized, its shape, its rows), not copied."""
    quantized, rows, columns = struct.unpack_from("<?qq", data, at)
    if quantized or min(rows, columns) < 1:
        raise ValueError("another matrix")
    start = at + struct.calcsize("<?qq")
    values = np.frombuffer(data, "<f4", rows * columns, start)
    return start + values.nbytes, values.reshape(rows, columns)


def predict(model: Mapped, text: str) -> tuple[str, float]:
    """The likeliest label of `text`, taken as one line, and its probability; the library adds 1e-5 to it."""
    data = np.frombuffer(text.encode("utf-8", "replace"), np.uint8)
    numbers = _numbers(
        data, np.empty(len(data) + 2, np.uint8), model.slots, model.pool, model.ends, model.end, len(model.ends) - 1, model.buckets, model.shortest, model.longest
    )  # fmt: skip
    hidden = np.zeros(model.rows.shape[1], np.float64)
    _add_rows(model.rows, numbers, hidden)
    scores = model.output @ (hidden / len(numbers)).astype(np.float32)
    best = int(np.argmax(scores))
    return model.labels[best], float(1.0 / np.exp(scores.astype(np.float64) - scores[best]).sum()) + 1e-5


@compiled
def _add_rows(rows: Array, numbers: Array, hidden: Array) -> None:
    """Add the rows of these numbers to `hidden`."""
    for number in numbers:
        for d in range(len(hidden)):
            hidden[d] += rows[number, d]


@compiled_making
def _numbers(
    text: Array, word: Array, slots: Array, pool: Array, ends: Array, end: int, words: int, buckets: int, shortest: int, longest: int
) -> Array:  # fmt: skip
    """Numbers of the rows of all words of `text`, of their n-grams, and of the end of the line."""
    found = np.empty(16, np.int64)
    many, at, mask = 0, 0, len(slots) - 1
    word[0] = 60
    while at < len(text):
        if text[at] == 32 or 9 <= text[at] <= 13 or text[at] == 0:
            at += 1
            continue
        start, value, length = at, _START, 1
        while at < len(text) and not (text[at] == 32 or 9 <= text[at] <= 13 or text[at] == 0):
            value = mixed(value, text[at])
            word[length] = text[at]
            at, length = at + 1, length + 1
        word[length] = 62
        length += 1
        slot = np.int64(value) & mask
        while slots[slot] >= 0 and not same_bytes(text, start, at, pool, ends[slots[slot]], ends[slots[slot] + 1]):
            slot = (slot + 1) & mask
        if slots[slot] == end:
            break  # written out in the text, it ends the line all the same
        if slots[slot] < 0 and same_bytes(
            text, start, min(at, start + len(_LABEL_BYTES)), _LABEL_BYTES, 0, len(_LABEL_BYTES)
        ):
            continue  # the library takes it for a label of training data
        need = many + 1 + length * (longest - shortest + 1)
        if need > len(found):
            more = np.empty(2 * need, np.int64)
            more[:many] = found[:many]
            found = more
        if slots[slot] >= 0:
            found[many] = slots[slot]
            many += 1
        for i in range(length):
            if word[i] & 0xC0 == 0x80:
                continue
            gram, j, n = mixed(_START, word[i]), i + 1, 1
            while True:
                while j < length and word[j] & 0xC0 == 0x80:
                    gram = mixed(gram, word[j])
                    j += 1
                # a mark of the word's beginning or end alone is no n-gram
                if n >= shortest and not (n == 1 and (i == 0 or j == length)):
                    found[many] = words + np.int64(gram % np.uint32(buckets))
                    many += 1
                if j >= length or n >= longest:
                    break
                gram = mixed(gram, word[j])
                j, n = j + 1, n + 1
    if many == len(found):
        more = np.empty(many + 1, np.int64)
        more[:many] = found
        found = more
    found[many] = end
    return found[: many + 1]
