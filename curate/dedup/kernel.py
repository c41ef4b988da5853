"""Text to MinHash signature, compiled: straight over the bytes of an Arrow string column.

What is computed, in this order; each part can be checked against a library (the tests do):

1. *words*: the text in normal form C and lower case, Latin, Greek and Cyrillic letters without their accents, without
invisible characters, split at everything else that is not a letter, mark or number; each character of Chinese, Japanese,
Thai, Lao, Khmer and Burmese is a word. 2. *shingles*: `ngram` words joined by one space, as UTF-8; a text of fewer words is one
shingle. Hash: the lower half of XXH3-64. 3. *signature*: for each permutation (a, b) the minimum of a·h + b
mod 2^32 over all shingles, h after the finaliser of MurmurHash3. This is the scheme `affine32` of
datasketch 2, with its permutations for the same seed. 4. *band keys*: XXH3-64 of the `rows` values of a
band (little-endian, 32 bits each).

Integers are written with explicit types: numba widens uint32 arithmetic to 64 bits, and makes floats of
mixed signs.
"""

import functools
import operator
import unicodedata
from typing import Any, NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.dedup import normalise
from curate.dedup.normalise import INVISIBLE
from curate.dedup.xxh3 import compiled, xxh3
from curate.filters.jit import Array
from curate.read.columns import values

U32 = np.uint32
Words = npt.NDArray[np.uint32]

SOLO = 1 << 31
"""Flag in the fold table: this character is a word by itself."""
LOOSE = 1 << 30
"""Flag in the fold table: a text with this character may not be in normal form C."""
LEFT_OUT = 1
"""Value in the fold table: as if this character were not there."""
TABLE = 0x30000
ACCENTS = range(0x0300, 0x0370)
SOLO_RANGES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2FFFF),
)


@functools.lru_cache(maxsize=1)
def fold_table() -> npt.NDArray[np.uint32]:
    """Code point -> its folded code point (with SOLO, LOOSE), 0 for what separates words, or LEFT_OUT."""
    table = np.zeros(TABLE, U32)
    for code in range(TABLE):
        kind = unicodedata.category(chr(code))
        if code in ACCENTS or INVISIBLE.match(chr(code)):
            table[code] = LEFT_OUT
        elif kind[0] in "LMN" and kind != "Me":
            table[code] = folded(chr(code))
    for low, high in SOLO_RANGES:
        part = table[low : high + 1]
        part[part > LEFT_OUT] |= U32(SOLO)
    table[list(_loose())] |= U32(LOOSE)
    return table


def _loose() -> set[int]:
    """Code points that normal form C may change or move, or join to what stands before them."""
    found = {*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)}  # vowels and final consonants of Hangul
    for code in range(0x80, TABLE):
        character = chr(code)
        parts = unicodedata.decomposition(character).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            found.add(int(parts[1], 16))
        if unicodedata.combining(character) or not unicodedata.is_normalized("NFC", character):
            found.add(code)
    return found


def folded(character: str) -> int:
    """Lower case without accents, where that is one code point; else lower case; else the character itself.

    The i without dot is an i, the sigma at the end of a word a sigma.
    """
    lower = {"\u0131": "i", "\u03c2": "\u03c3"}.get(character, character.lower())
    bare = [c for c in unicodedata.normalize("NFD", lower) if ord(c) not in ACCENTS]
    return ord(bare[0] if len(bare) == 1 else lower if len(lower) == 1 else character)


def permutations(count: int, seed: int = 1) -> tuple[Words, Words]:
    """(a, b) of `count` permutations a·x + b mod 2^32, a odd; those of datasketch's `affine32` for that
    seed.
    """
    generator = np.random.RandomState(seed)
    a = generator.randint(0, 1 << 31, count, dtype=U32) * U32(2) + U32(1)
    return a, generator.randint(0, 1 << 32, count, dtype=U32)


@compiled
def _words(data: Array, start: int, end: int, table: Array, norm: Array, starts: Array) -> Any:
    """Write the words, each followed by a space, to `norm` and where they begin to `starts`; the number of
    words, and whether the text may not be in normal form C.
    """
    at, out, count = start, 0, 0
    inside = loose = 0
    while at < end:
        code = nb.int64(data[at])
        if code < 0x80:  # without branches: the ends of words can't be foreseen
            value = nb.int64(table[code])
            is_word = nb.int64(value != 0)
            starts[count] = out
            count += is_word & (inside ^ 1)
            norm[out] = value + 32 * (is_word ^ 1)
            out += is_word | inside
            inside = is_word
            at += 1
            continue
        size = 1
        if code >= 0xC0:
            size = 2 if code < 0xE0 else 3 if code < 0xF0 else 4
            code &= 0x7F >> size
            if at + size > end:  # cut inside a character: Arrow doesn't check what it reads
                break
            for k in range(1, size):
                code = code << 6 | nb.int64(data[at + k]) & 0x3F
        at += size
        value = nb.int64(table[code]) if code < TABLE else 0
        loose |= value & LOOSE
        value &= ~LOOSE
        if value == LEFT_OUT:
            continue
        solo = value >= SOLO
        if inside and (value == 0 or solo):
            norm[out] = 32
            out += 1
            inside = 0
        if value == 0:
            continue
        starts[count] = out
        count += inside ^ 1
        out = _encode(value & SOLO - 1, norm, out)
        norm[out] = 32
        out += nb.int64(solo)
        inside = nb.int64(not solo)
    norm[out] = 32
    out += inside
    starts[count] = out
    return count, loose != 0


@compiled
def _encode(code: int, norm: Array, out: int) -> int:
    """Append `code` as UTF-8; the new end."""
    if code < 0x80:
        norm[out] = code
        return out + 1
    if code < 0x800:
        norm[out] = 0xC0 | code >> 6
        norm[out + 1] = 0x80 | code & 0x3F
        return out + 2
    if code < 0x10000:
        norm[out] = 0xE0 | code >> 12
        norm[out + 1] = 0x80 | code >> 6 & 0x3F
        norm[out + 2] = 0x80 | code & 0x3F
        return out + 3
    norm[out] = 0xF0 | code >> 18
    norm[out + 1] = 0x80 | code >> 12 & 0x3F
    norm[out + 2] = 0x80 | code >> 6 & 0x3F
    norm[out + 3] = 0x80 | code & 0x3F
    return out + 4


@compiled
def fmix32(h: Any) -> Any:
    """The finaliser of MurmurHash3: a bijection on 32 bits that mixes well."""
    h = nb.uint32((h ^ h >> nb.uint32(16)) * nb.uint32(0x85EBCA6B))
    h = nb.uint32((h ^ h >> nb.uint32(13)) * nb.uint32(0xC2B2AE35))
    return nb.uint32(h ^ h >> nb.uint32(16))


@compiled
def _shingles(norm: Array, starts: Array, words: int, ngram: int, hashes: Array) -> int:
    """Hash each shingle of the normalised text to `hashes`; the number of shingles."""
    if words == 0:
        return 0
    count = max(1, words - ngram + 1)
    for i in range(count):
        hashes[i] = fmix32(nb.uint32(xxh3(norm, starts[i], starts[min(i + ngram, words)] - 1)))
    return count


@compiled
def _signature(hashes: Array, count: int, a: Array, b: Array, signature: Array) -> None:
    """Permutation outside, shingles inside: the inner loop is three vector instructions for eight shingles."""
    for p in range(len(a)):
        ap, bp = a[p], b[p]
        least = nb.uint32(0xFFFFFFFF)
        for i in range(count):
            least = min(least, nb.uint32(nb.uint32(hashes[i] * ap) + bp))
        signature[p] = least


@compiled
def _batch(
    data: Array,
    offsets: Array,
    table: Array,
    a: Array,
    b: Array,
    ngram: int,
    signatures: Array,
    same: Array,
    ends: Array,
    loose: Array,
    out: Array,
) -> int:
    """Fill, per document, `signatures`, `same`, `ends` and `loose`, and, where it has room, `out` with all shingle hashes."""
    longest = 0
    for i in range(len(offsets) - 1):
        longest = max(longest, offsets[i + 1] - offsets[i])
    norm = np.empty(2 * longest + 16, np.uint8)
    starts = np.empty(longest + 2, np.int64)
    hashes = np.empty(longest + 2, np.uint32)
    total = 0
    for i in range(len(offsets) - 1):
        words, loose[i] = _words(data, offsets[i], offsets[i + 1], table, norm, starts)
        count = _shingles(norm, starts, words, ngram, hashes)
        _signature(hashes, count, a, b, signatures[i])
        same[i] = nb.int64(xxh3(norm, 0, starts[words]))
        if len(out):
            out[total : total + count] = hashes[:count]
        total += count
        ends[i] = total
    return total


@compiled
def _bands(signatures: Array, rows: int, out: Array) -> None:
    """Fill `out`, (n, bands), with the hash of each band of each signature, (n, bands x rows x 4) bytes."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = nb.int64(xxh3(signatures[i], 4 * j * rows, 4 * (j + 1) * rows))


class Fingerprints(NamedTuple):
    """What MinHash knows of the documents of a batch."""

    same: npt.NDArray[np.int64]
    """(n,) Equal for texts with equal words in equal order (64 bits)."""
    bands: npt.NDArray[np.int64]
    """(n, bands) Band keys."""
    ends: npt.NDArray[np.int64]
    """(n,) Where the shingles of each document end in `shingles`; no shingles: not a word in the text."""
    shingles: Words
    """Hashes of all shingles in order of the text, or empty where they were not wanted."""


def fingerprints(column: pa.Array, ngram: int, bands: int, rows: int, seed: int, *, shingles: bool) -> Fingerprints:
    """Fingerprints of a string column; null counts as empty."""
    found, same, ends, hashes = _run(column, ngram, bands * rows, seed, shingles=shingles)
    keys = np.zeros((len(column), bands), np.int64)
    _bands(found.view(np.uint8), rows, keys)
    return Fingerprints(same, keys, ends, hashes)


def signatures(column: pa.Array, ngram: int, count: int, seed: int = 1) -> Words:
    """(n, count) MinHash signatures of a string column; all ones where there is no word."""
    return _run(column, ngram, count, seed, shingles=False)[0]


def _run(
    column: pa.Array, ngram: int, count: int, seed: int, *, shingles: bool
) -> tuple[Words, npt.NDArray[np.int64], npt.NDArray[np.int64], Words]:
    data, offsets = buffers(column)
    n = len(column)
    found, same, ends = np.empty((n, count), U32), np.zeros(n, np.int64), np.zeros(n, np.int64)
    loose = np.zeros(n, np.bool_)
    # A word and what separates it are two bytes or more; words of one character without a gap are three.
    room = int(offsets[-1] - offsets[0]) // 2 + n + 1 if shingles else 0
    hashes = np.empty(room, U32)
    total = _batch(data, offsets, fold_table(), *permutations(count, seed), ngram, found, same, ends, loose, hashes)
    if loose.any() and (composed := _composed(column, loose)) is not None:
        return _run(composed, ngram, count, seed, shingles=shingles)
    return found, same, ends, hashes[:total]


def _composed(column: pa.Array, loose: npt.NDArray[np.bool_]) -> pa.Array | None:
    """A string column with the texts `loose` in normal form C; None where they are that already, as most are."""
    mask = pa.array(loose)
    texts = values(column.filter(mask))
    found = [normalise.composed(text) for text in texts]
    if all(map(operator.is_, texts, found)):
        return None
    return pc.replace_with_mask(column, mask, pa.array(found, column.type))


def premixed(hashes: Words) -> Words:
    """`fmix32` of each number: what the kernel keeps of a shingle is premixed(lower half of its XXH3-64)."""
    return np.array([fmix32(U32(h)) for h in hashes], U32)


def words(text: str) -> list[str]:
    """The words of a text, as the kernel sees them."""
    data = np.frombuffer(normalise.composed(text).encode(), np.uint8)
    norm, starts = np.empty(2 * len(data) + 16, np.uint8), np.empty(len(data) + 2, np.int64)
    count, _ = _words(data, 0, len(data), fold_table(), norm, starts)
    return norm[: starts[count]].tobytes().decode().split()


def buffers(column: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """(bytes, offsets) of a string column, without copying the bytes; offsets count from the start of the
    bytes.
    """
    if not len(column):
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    if column.null_count:
        column = column.fill_null("")
    large = pa.types.is_large_string(column.type)
    _, offsets, data = column.buffers()
    found = np.frombuffer(offsets, np.int64 if large else np.int32)[column.offset : column.offset + len(column) + 1]
    return np.frombuffer(data or b"", np.uint8), found.astype(np.int64)
