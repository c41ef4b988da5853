"""fastText's language classifier in compiled loops: the library's answers in a fraction of its time.

A supervised model of fastText 0.9 is a table of rows: one for each known word and one for each hashed n-gram of letters (in a
quantized model, `.ftz`, for each that its pruning kept). A text's vector is the mean of the rows of its words and n-grams; a walk down
a Huffman tree of labels turns it into probabilities (Joulin et al., "Bag of Tricks for Efficient Text Classification" and
"FastText.zip"). The library decodes each row anew from its codes and looks each n-gram up in a chained table; here rows are decoded
once, a word's rows are summed once, and one bit tells whether an n-gram was kept.
"""

import math
import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from curate.filters.jit import Array, Number, compiled, compiled_making, hot, inner

MAGIC, VERSION = 793712314, 12
HIERARCHICAL, SUPERVISED = 1, 3
WIDTH, SHORTEST, LONGEST, BUCKETS = 16, 2, 4, 2_000_000  # lid.176's; constants, so that the loops are compiled for them
_SPACE = (0, 9, 10, 11, 12, 13, 32)
_END = b"</s>"
_LABEL = np.frombuffer(b"__label__", np.uint8)
_FNV_START, _FNV_PRIME = np.uint32(2166136261), np.uint32(16777619)


class Lid(NamedTuple):
    """A model, ready for `predict`; W words, K kept n-grams, D = WIDTH columns, L labels."""

    labels: tuple[str, ...]  # without "__label__"
    kept: NDArray[np.uint64]  # (BUCKETS / 64 + 1, 2): a bit for each bucket, and how many are kept before these 64
    rows: NDArray[np.float32]  # (K, D), by bucket
    word_sums: NDArray[np.float32]  # (W, D) of the word's own row and those of its n-grams
    word_rows: NDArray[np.int32]  # (W,) how many these are
    slots: NDArray[np.int32]  # open-addressed table of words by FNV-1a; -1 is free
    pool: NDArray[np.uint8]  # the words' bytes, one after the other
    ends: NDArray[np.int64]  # (W + 1,) where they begin and end in it
    end: int  # number of the word that ends a line
    output: NDArray[np.float32]  # (L, D)
    left: NDArray[np.int32]  # (2 L - 1,) the tree; leaves come first
    right: NDArray[np.int32]


class _Reader:
    """Little-endian values from bytes; struct.error or ValueError where they end too early."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def array(self, kind: str, count: int) -> Array:
        values = np.frombuffer(self.data, kind, count, self.at).copy()
        self.at += values.nbytes
        return values

    def word(self) -> bytes:
        stop = self.data.index(b"\0", self.at)
        found, self.at = self.data[self.at : stop], stop + 1
        return found


def load(path: Path) -> Lid | None:
    """The model in a file, or None when the file is not of the shape this code is made for (the library may read it)."""
    try:
        return _parsed(_Reader(path.read_bytes()))
    except (struct.error, ValueError, IndexError):  # it ends too early, or its numbers do not fit together
        return None


def _parsed(read: _Reader) -> Lid | None:
    if read.take("ii") != (MAGIC, VERSION):
        return None
    width, _, _, _, _, word_grams, loss, kind, buckets, shortest, longest, _, _ = read.take("12id")
    if (word_grams, loss, kind) != (1, HIERARCHICAL, SUPERVISED):
        return None
    if (width, shortest, longest, buckets) != (WIDTH, SHORTEST, LONGEST, BUCKETS):
        return None
    size, words, _, _, pruned = read.take("iiiqq")
    entries = [(read.word(), *read.take("qb")) for _ in range(size)]
    pairs = read.array("<i4", 2 * max(pruned, 0)).reshape(-1, 2)
    table = _quantized(read) if read.take("?") == (True,) else _matrix(read)
    if read.take("?") != (False,):
        return None
    output = _matrix(read)
    pairs = pairs[np.argsort(pairs[:, 0])]
    own = table[:words]
    rows = table[words:] if pruned < 0 else np.ascontiguousarray(table[words + pairs[:, 1]])
    kept = _kept(pairs[:, 0] if pruned >= 0 else np.arange(len(rows)))
    known = [entry[0] for entry in entries[:words]]
    sums, counts = _word_sums(known, kept, own, rows)
    left, right = _tree([entry[1] for entry in entries[words:]])
    return Lid(
        tuple(entry[0].decode().removeprefix("__label__") for entry in entries[words:]), kept, rows, sums, counts,
        slots_of(known), np.frombuffer(b"".join(known), np.uint8), np.cumsum([0, *map(len, known)]),
        known.index(_END), output, left, right,
    )  # fmt: skip


def _kept(buckets: Array) -> NDArray[np.uint64]:
    """`Lid.kept` for sorted numbers of buckets."""
    kept = np.zeros((BUCKETS // 64 + 1, 2), np.uint64)
    np.bitwise_or.at(kept[:, 0], buckets // 64, np.uint64(1) << (buckets % 64).astype(np.uint64))
    kept[:, 1] = np.searchsorted(buckets, 64 * np.arange(len(kept)))
    return kept


def _matrix(read: _Reader) -> NDArray[np.float32]:
    """A matrix as it is."""
    shape = read.take("qq")
    made: NDArray[np.float32] = read.array("<f4", shape[0] * shape[1]).reshape(shape)
    return made


def _quantized(read: _Reader) -> NDArray[np.float32]:
    """A matrix of product-quantized rows, decoded."""
    (scaled,) = read.take("?")
    count, width, codes = read.take("qqi")
    coded = read.array("u1", codes).reshape(count, -1)
    centroids = _centroids(read)
    rows = np.concatenate([centroids[i][coded[:, i]] for i in range(len(centroids))], axis=1)
    if scaled:
        norms = read.array("u1", count)
        rows *= _centroids(read)[0][norms]
    made: NDArray[np.float32] = np.ascontiguousarray(rows[:, :width])
    return made


def _centroids(read: _Reader) -> list[NDArray[np.float32]]:
    """For each part of a row, its 256 centroids."""
    width, parts, each, last = read.take("iiii")
    values = read.array("<f4", width * 256)
    full = (parts - 1) * 256 * each
    return [*values[:full].reshape(parts - 1, 256, each), values[full:].reshape(256, last)]


def slots_of(words: list[bytes]) -> NDArray[np.int32]:
    """`Lid.slots` for these words."""
    table = np.full(1 << (4 * len(words)).bit_length(), -1, np.int32)
    for number, word in enumerate(words):
        slot = int(_fnv(np.frombuffer(word, np.uint8), 0, len(word))) & (len(table) - 1)
        while table[slot] >= 0:
            slot = (slot + 1) & (len(table) - 1)
        table[slot] = number
    return table


def _word_sums(
    words: list[bytes], kept: Array, own: Array, rows: Array
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """The rows of each word and its n-grams summed, and how many there are."""
    sums, counts = own.copy(), np.ones(len(words), np.int32)
    for number, word in enumerate(words):
        if word != _END:
            text = np.frombuffer(b"<" + word + b">", np.uint8)
            counts[number] += _add_grams(text, len(text), kept, rows, sums[number])
    return sums, counts


def _tree(counts: list[int]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The children of each node of the Huffman tree over labels with these counts, in falling order; -1 for leaves."""
    many = len(counts)
    total = [*counts, *[10**15] * (many - 1)]
    left, right = np.full(2 * many - 1, -1, np.int32), np.full(2 * many - 1, -1, np.int32)
    leaf, node = many - 1, many
    for made in range(many, 2 * many - 1):
        pair = []
        for _ in range(2):
            if leaf >= 0 and total[leaf] < total[node]:
                pair.append(leaf)
                leaf -= 1
            else:
                pair.append(node)
                node += 1
        left[made], right[made] = pair
        total[made] = total[pair[0]] + total[pair[1]]
    return left, right


def predict(model: Lid, text: str) -> tuple[str, float]:
    """The likeliest label of `text`, taken as one line, and its probability."""
    data = np.frombuffer(text.encode("utf-8", "replace"), np.uint8)
    hidden = np.zeros(WIDTH, np.float32)
    count = _read(
        data, np.empty(len(data) + 2, np.uint8), model.kept, model.rows, model.word_sums, model.word_rows, model.slots, model.pool, model.ends, model.end, hidden
    )  # fmt: skip
    hidden += model.word_sums[model.end]
    hidden *= np.float32(1 / (count + 1))
    label, score = _best(hidden, model.output, model.left, model.right)
    return model.labels[label], math.exp(score)


@compiled
def _fnv(text: Array, start: int, stop: int) -> Number:
    """FNV-1a of 32 bits over bytes that are signed, as fastText has it."""
    value = _FNV_START
    for i in range(start, stop):
        value = mixed(value, text[i])
    return value


@hot
def mixed(value: Number, byte: Number) -> Number:
    """FNV-1a, one byte further."""
    signed = np.uint32(byte) | np.uint32(0xFFFFFF00) if byte >= 128 else np.uint32(byte)
    return np.uint32((value ^ signed) * _FNV_PRIME)


@hot
def _add(value: Number, kept: Array, rows: Array, hidden: Array) -> int:
    """Add the row of the n-gram with this hash, if it was kept; how many that are."""
    bucket = np.int64(value % np.uint32(BUCKETS))
    bits = kept[bucket >> 6, 0] << np.uint64(63 - (bucket & 63))  # the bucket's own bit on top, those before it below
    if bits >> np.uint64(63) == 0:
        return 0
    row = np.int64(kept[bucket >> 6, 1]) + _ones(bits) - 1
    for d in range(WIDTH):
        hidden[d] += rows[row, d]
    return 1


@hot
def _ones(bits: Number) -> Number:
    """The number of bits that are set in 64."""
    bits -= (bits >> np.uint64(1)) & np.uint64(0x5555555555555555)
    bits = (bits & np.uint64(0x3333333333333333)) + ((bits >> np.uint64(2)) & np.uint64(0x3333333333333333))
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((bits * np.uint64(0x0101010101010101)) >> np.uint64(56))


@compiled
def _add_grams(word: Array, length: int, kept: Array, rows: Array, hidden: Array) -> int:
    """Add the rows of the n-grams of `word`, which has its marks "<" and ">", to `hidden`; how many there were."""
    added = 0
    for i in range(length):
        if word[i] & 0xC0 == 0x80:
            continue
        value, j, n = mixed(_FNV_START, word[i]), i + 1, 1
        while True:
            while j < length and word[j] & 0xC0 == 0x80:
                value = mixed(value, word[j])
                j += 1
            if n >= SHORTEST:
                added += _add(value, kept, rows, hidden)
            if j >= length or n >= LONGEST:
                break
            value = mixed(value, word[j])
            j, n = j + 1, n + 1
    return added


@inner
def _add_plain_grams(word: Array, length: int, kept: Array, rows: Array, hidden: Array) -> int:
    """The same where each letter is one byte, which most are: without a question for each byte."""
    added = 0
    for i in range(length - 1):
        value = mixed(_FNV_START, word[i])
        for j in range(i + 1, min(i + LONGEST, length)):
            value = mixed(value, word[j])
            added += _add(value, kept, rows, hidden)
    return added


@compiled
def _read(
    text: Array, word: Array, kept: Array, rows: Array, sums: Array, counts: Array, slots: Array, pool: Array, ends: Array,
    end: int, hidden: Array,
) -> int:  # fmt: skip
    """Add the rows of all words of `text` to `hidden`; how many there were.

    `word` is room for the longest and two bytes.
    """
    added, at, mask = 0, 0, len(slots) - 1
    word[0] = 60
    while at < len(text):
        if text[at] in _SPACE:
            at += 1
            continue
        start, value, all_bits, length = at, _FNV_START, np.uint8(0), 1
        while at < len(text) and text[at] not in _SPACE:
            value = mixed(value, text[at])
            all_bits |= text[at]
            word[length] = text[at]
            at, length = at + 1, length + 1
        word[length] = 62
        length += 1
        slot = np.int64(value) & mask
        while slots[slot] >= 0 and not same_bytes(text, start, at, pool, ends[slots[slot]], ends[slots[slot] + 1]):
            slot = (slot + 1) & mask
        if slots[slot] == end:
            break  # written out in the text, it ends the line all the same
        if slots[slot] >= 0:
            for d in range(WIDTH):
                hidden[d] += sums[slots[slot], d]
            added += counts[slots[slot]]
        elif same_bytes(text, start, min(at, start + len(_LABEL)), _LABEL, 0, len(_LABEL)):
            continue  # the library takes it for a label of training data
        elif all_bits < 128:
            added += _add_plain_grams(word, length, kept, rows, hidden)
        else:
            added += _add_grams(word, length, kept, rows, hidden)
    return added


@inner
def same_bytes(text: Array, start: int, stop: int, other: Array, first: int, last: int) -> bool:
    """Whether two pieces of bytes are equal."""
    if stop - start != last - first:
        return False
    for i in range(stop - start):  # noqa: SIM110 (compiled)
        if text[start + i] != other[first + i]:
            return False
    return True


@compiled_making
def _best(hidden: Array, output: Array, left: Array, right: Array) -> tuple[int, float]:
    """The likeliest leaf and its log-probability; logs are of 1e-5 more, as in fastText."""
    labels = len(output)
    nodes, scores = np.empty(2 * labels, np.int64), np.empty(2 * labels, np.float64)
    nodes[0], scores[0], depth = 2 * labels - 2, 0.0, 1
    best, found = -np.inf, -1
    while depth > 0:
        depth -= 1
        node, score = nodes[depth], scores[depth]
        if score <= best or score < math.log(1e-5):
            continue
        if node < labels:
            best, found = score, node
            continue
        total = 0.0
        for d in range(WIDTH):
            total += hidden[d] * output[node - labels, d]
        share = 1.0 / (1.0 + math.exp(-total))
        nodes[depth], scores[depth] = right[node], score + math.log(share + 1e-5)
        nodes[depth + 1], scores[depth + 1] = left[node], score + math.log(1.0 - share + 1e-5)
        depth += 2
    return found, best
