"""Text to MinHash signature, compiled: straight over the bytes of an Arrow string column.

What is computed, in this order; each part can be checked against a library (the tests do):

1. *words*: the text in its one form (`normalise.same`), Latin, Greek and Cyrillic letters without their accents, Devanagari
without its dots, split at everything that is not a letter, mark or number, and where words meet that the script does not part
(`curate.filters.scripts`). A text without a letter, mark or number: its runs without white space. 2. *shingles*: `ngram` words joined by one space, as UTF-8; a text of fewer words is one
shingle, and so is a text of none. Hash: the lower half of XXH3-64. 3. *signature*: for each permutation (a, b) the minimum of a·h + b
mod 2^32 over all shingles, h after the finaliser of MurmurHash3. This is the scheme `affine32` of
datasketch 2, with its permutations for the same seed. 4. *band keys*: XXH3-64 of the `rows` values of a
band (little-endian, 32 bits each).

Integers are written with explicit types: numba widens uint32 arithmetic to 64 bits, and makes floats of
mixed signs.
"""

import functools
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.dedup import normalise
from curate.dedup.xxh3 import xxh3
from curate.filters import scripts
from curate.filters.jit import Array, Number, compiled_like_numpy
from curate.filters.utf8 import encode
from curate.read.columns import values

U32 = np.uint32
Words = npt.NDArray[np.uint32]

PAIR = 1 << 28
"""Flag in the fold table: the rest is the place of several characters in `Fold.several`."""
COMPOSE = 1 << 31
"""Flag in the fold table: a text with this character may not be in normal form C."""
REFORM = 1 << 30
"""Flag in the fold table: the one form of a text with this character is not made character by character."""
PART = 1 << 29
"""Flag in the fold table: the script of this character puts no space between words."""
ANEW = 1 << 27
"""Flag in the fold table: this character is left out or another one, so that those beside it may compose."""
MARK = 1 << 26
"""Flag in the fold table: normal form C may move this mark or join it to its letter; the words are the same either way."""
CODE = MARK - 1
IN_PYTHON = REFORM | PART
"""A text with one of these goes to Python whatever comes behind it."""
LEFT_OUT = 1
"""Value in the fold table: as if this character were not there."""
TABLE = 0x30000
"""Code points in the table. Beyond them: Han (planes 2 and 3), characters without a shape (plane 14), private ones."""
ACCENTS = frozenset([*map(chr, range(0x0300, 0x0370)), "\u093c"])
SEVERAL = 4
"""So many characters at most are folded in the kernel for one."""
_EVEN = (
    range(0x3400, 0x4DC0),
    range(0x4E00, 0xA000),
    range(0xAC00, 0xD7A4),
    range(0x20000, 0x2F800),
    range(0x2FA20, TABLE),
)
"""Han and Hangul: each its own form."""


class Fold(NamedTuple):
    """What the kernel knows of characters."""

    table: npt.NDArray[np.uint32]
    """(TABLE,) Code point -> its folded code point with flags, 0 for what separates words, or LEFT_OUT."""
    symbols: npt.NDArray[np.uint32]
    """The same where all but white space is part of a word."""
    several: npt.NDArray[np.int64]
    """(n, SEVERAL) What one character is folded to where that is more than one; the rest is 0."""


@functools.lru_cache(maxsize=1)
def fold() -> Fold:
    """The tables."""
    table, symbols = np.arange(TABLE, dtype=U32), np.arange(TABLE, dtype=U32)
    several: list[str] = []
    for char in _uneven():
        code, form = ord(char), normalise.form(char)
        table[code] = _value(char, several)
        if char.isspace() or not form:
            symbols[code] = LEFT_OUT if not form else 0
        elif form != char and 0 < len(form) <= SEVERAL and len(form.encode()) <= len(char.encode()):
            symbols[code] = _entered(form, several)
    loose = np.array(sorted(_loose()))
    table[loose] |= np.where(table[loose] == LEFT_OUT, U32(MARK), U32(COMPOSE))
    # What stands for several characters may come about when a mark is composed with what is before it.
    table[[mark for code in np.flatnonzero(table == REFORM).tolist() for mark in _second(chr(code))]] |= U32(REFORM)
    table[[code for char in normalise.left_out_or_other() if (code := ord(char)) < TABLE]] |= U32(ANEW)
    table[
        [ord(char) for char in scripts.unspaced("".join(map(chr, [*range(0x80, 0xD800), *range(0xE000, TABLE)])))]
    ] |= U32(PART)
    lists = [[ord(char) for char in found.ljust(SEVERAL, "\0")] for found in several]
    return Fold(table, symbols, np.array(lists, np.int64).reshape(-1, SEVERAL))


def _value(char: str, several: list[str]) -> int:
    """The entry of a character in the fold table; `several` gets what is more than one character."""
    if unicodedata.category(char) == "Cn" and not normalise.INVISIBLE.match(char):
        return 0
    found = folded(char)
    words = [unicodedata.category(one)[0] in "LMN" and unicodedata.category(one) != "Me" for one in found]
    if not found:
        return LEFT_OUT
    if not any(words):
        return 0
    if (
        not all(words)
        or (len(found) > 1 and scripts.is_unspaced(found))
        or len(found) > SEVERAL
        or len(found.encode()) > len(char.encode())
    ):
        return REFORM
    return _entered(found, several)


def _entered(found: str, several: list[str]) -> int:
    if len(found) == 1:
        return ord(found)
    several.append(found)
    return PAIR | len(several) - 1


def _uneven() -> Iterator[str]:
    """All characters in the table but Han and Hangul."""
    ends = [0, *(code for codes in _EVEN for code in (codes.start, codes.stop))]
    return (chr(code) for low, high in zip(ends[::2], ends[1::2], strict=False) for code in range(low, high))


def _loose() -> set[int]:
    """Code points that normal form C may change or move, or join to what stands before them."""
    found = {*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)}  # vowels and final consonants of Hangul
    for character in _uneven():
        found.update(_second(character))
        made_of = unicodedata.decomposition(character)
        if unicodedata.combining(character) or (made_of and not unicodedata.is_normalized("NFC", character)):
            found.add(ord(character))
    return found


def _second(character: str) -> list[int]:
    """The code point behind the first of the two that a character is canonically composed of; of no other character."""
    parts = unicodedata.decomposition(character).split()
    return [int(parts[1], 16)] if len(parts) == 2 and parts[0][0] != "<" else []


def folded(character: str) -> str:
    """The one form of a character without accents: `""` for what is left out."""
    found = normalise.form(character)
    if found.isascii() or (
        found == character and not unicodedata.combining(found) and not unicodedata.decomposition(found)
    ):
        return found
    return unicodedata.normalize("NFC", "".join(c for c in unicodedata.normalize("NFD", found) if c not in ACCENTS))


def permutations(count: int, seed: int = 1) -> tuple[Words, Words]:
    """(a, b) of `count` permutations a·x + b mod 2^32, a odd; those of datasketch's `affine32` for that
    seed.
    """
    generator = np.random.RandomState(seed)
    a = generator.randint(0, 1 << 31, count, dtype=U32) * U32(2) + U32(1)
    return a, generator.randint(0, 1 << 32, count, dtype=U32)


@compiled_like_numpy
def _entry(code: int, table: Array) -> Number:
    """The entry of a code point in a fold table, with its flags."""
    if code < TABLE:
        return nb.int64(table[code])
    if code < 0x40000:
        return nb.int64(code | PART)
    if 0xE0000 <= code < 0xE1000:
        return nb.int64(LEFT_OUT | ANEW)
    return nb.int64(0 if table[0x2014] == 0 else code)  # a dash is a part of a word in `symbols` alone


@compiled_like_numpy
def _size(first: int) -> int:
    """Bytes of the character that begins with this byte of UTF-8."""
    return 1 if first < 0xC0 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4


@compiled_like_numpy
def _code(data: Array, at: int, size: int) -> Number:
    """The code point of the character of `size` bytes at `at`."""
    first = nb.int64(data[at])
    if size == 1:
        return first
    second = nb.int64(data[at + 1]) & 0x3F
    if size == 2:
        return (first & 0x1F) << 6 | second
    third = nb.int64(data[at + 2]) & 0x3F
    if size == 3:
        return (first & 0xF) << 12 | second << 6 | third
    return (first & 0x7) << 18 | second << 12 | third << 6 | nb.int64(data[at + 3]) & 0x3F


@compiled_like_numpy
def _words(
    data: Array, start: int, end: int, table: Array, several: Array, norm: Array, starts: Array, stop: int
) -> tuple[int, int]:
    """Write the words, each followed by a space, to `norm` and where they begin to `starts`; the number of words, and the flags
    of all characters up to the first that has one of `stop`.
    """
    at, out, count = start, 0, 0
    inside = 0
    flags = nb.int64(0)
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
        size = _size(code)
        if at + size > end:  # cut inside a character: Arrow doesn't check what it reads
            break
        value = _entry(_code(data, at, size), table)
        at += size
        flags |= value
        if value & stop:
            break
        pair = value & PAIR
        value &= CODE
        if value == LEFT_OUT and pair == 0:
            continue
        if value == 0 and pair == 0:
            norm[out] = 32
            out += inside
            inside = 0
            continue
        starts[count] = out
        count += inside ^ 1
        inside = 1
        if pair == 0:
            out = encode(value, norm, out)
            continue
        for k in range(SEVERAL):
            if several[value, k] != 0:
                out = encode(several[value, k], norm, out)
    norm[out] = 32
    out += inside
    starts[count] = out
    return count, flags


@compiled_like_numpy
def _needs(words: int, flags: int) -> bool:
    """Whether a text must go to Python before its words are told: a mark alone is part of a word where there is no letter."""
    return bool(flags & (IN_PYTHON | COMPOSE)) or (words == 0 and bool(flags & MARK))


@compiled_like_numpy
def fmix32(h: Number) -> Number:
    """The finaliser of MurmurHash3: a bijection on 32 bits that mixes well."""
    h = nb.uint32((h ^ h >> nb.uint32(16)) * nb.uint32(0x85EBCA6B))
    h = nb.uint32((h ^ h >> nb.uint32(13)) * nb.uint32(0xC2B2AE35))
    return nb.uint32(h ^ h >> nb.uint32(16))


@compiled_like_numpy
def _shingles(norm: Array, starts: Array, words: int, ngram: int, hashes: Array) -> int:
    """Hash each shingle of the normalised text to `hashes`; the number of shingles."""
    if words == 0:
        hashes[0] = fmix32(nb.uint32(xxh3(norm, 0, 0)))
        return 1
    count = max(1, words - ngram + 1)
    for i in range(count):
        hashes[i] = fmix32(nb.uint32(xxh3(norm, starts[i], starts[min(i + ngram, words)] - 1)))
    return count


@compiled_like_numpy
def _signature(hashes: Array, count: int, a: Array, b: Array, signature: Array) -> None:
    """Permutation outside, shingles inside: the inner loop is three vector instructions for eight shingles."""
    for p in range(len(a)):
        ap, bp = a[p], b[p]
        least = nb.uint32(0xFFFFFFFF)
        for i in range(count):
            least = min(least, nb.uint32(nb.uint32(hashes[i] * ap) + bp))
        signature[p] = least


@compiled_like_numpy
def _batch(
    data: Array,
    offsets: Array,
    table: Array,
    symbols: Array,
    several: Array,
    a: Array,
    b: Array,
    ngram: int,
    signatures: Array,
    same: Array,
    ends: Array,
    needs: Array,
    out: Array,
) -> int:
    """Fill, per document, `signatures`, `same` and `ends`, and, where it has room, `out` with all shingle hashes.

    Where `needs` has room it gets, per document, what it needs of Python before its words can be told; such a one is passed over.
    """
    longest = 0
    for i in range(len(offsets) - 1):
        longest = max(longest, offsets[i + 1] - offsets[i])
    norm = np.empty(2 * longest + 16, np.uint8)
    starts = np.empty(longest + 2, np.int64)
    hashes = np.empty(longest + 2, np.uint32)
    stop = IN_PYTHON if len(needs) else 0
    total = 0
    for i in range(len(offsets) - 1):
        ends[i] = total
        words, flags = _words(data, offsets[i], offsets[i + 1], table, several, norm, starts, stop)
        if len(needs) and _needs(words, flags):
            needs[i] = flags & ~CODE
            continue
        if words == 0:
            words, _ = _words(data, offsets[i], offsets[i + 1], symbols, several, norm, starts, 0)
        count = _shingles(norm, starts, words, ngram, hashes)
        _signature(hashes, count, a, b, signatures[i])
        same[i] = nb.int64(xxh3(norm, 0, starts[words]))
        if len(out):
            out[total : total + count] = hashes[:count]
        total += count
        ends[i] = total
    return total


@compiled_like_numpy
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
    """(n,) Where the shingles of each document end in `shingles`; each has one at least."""
    shingles: Words
    """Hashes of all shingles in order of the text, or empty where they were not wanted."""


def fingerprints(column: pa.Array, ngram: int, bands: int, rows: int, seed: int, *, shingles: bool) -> Fingerprints:
    """Fingerprints of a string column; null counts as empty."""
    found, same, ends, hashes = _run(column, ngram, bands * rows, seed, shingles=shingles)
    keys = np.zeros((len(column), bands), np.int64)
    _bands(found.view(np.uint8), rows, keys)
    return Fingerprints(same, keys, ends, hashes)


def signatures(column: pa.Array, ngram: int, count: int, seed: int = 1) -> Words:
    """(n, count) MinHash signatures of a string column; null counts as empty."""
    return _run(column, ngram, count, seed, shingles=False)[0]


def _run(
    column: pa.Array, ngram: int, count: int, seed: int, *, shingles: bool
) -> tuple[Words, npt.NDArray[np.int64], npt.NDArray[np.int64], Words]:
    """(signatures, same, ends, shingles). Most texts are read once, by the kernel alone."""
    needs = np.zeros(len(column), np.int64)
    read = functools.partial(_read, permutations=permutations(count, seed), ngram=ngram, shingles=shingles)
    found, same, ends, hashes = read(column, needs)
    if not needs.any():
        return found, same, ends, hashes
    rows = np.flatnonzero(needs)
    found[rows], same[rows], more, others = read(_prepared(column, needs), needs[:0])
    each = np.diff(ends, prepend=0)
    each[rows] = np.diff(more, prepend=0)
    if shingles:
        is_other = np.repeat(needs != 0, each)
        hashes, first = np.empty(len(is_other), U32), hashes
        hashes[is_other], hashes[~is_other] = others, first
    return found, same, each.cumsum(), hashes


def _read(
    column: pa.Array, needs: npt.NDArray[np.int64], permutations: tuple[Words, Words], ngram: int, *, shingles: bool
) -> tuple[Words, npt.NDArray[np.int64], npt.NDArray[np.int64], Words]:
    """(signatures, same, ends, shingles) as `_batch` fills them."""
    data, offsets = buffers(column)
    n = len(column)
    found, same, ends = np.empty((n, len(permutations[0])), U32), np.zeros(n, np.int64), np.zeros(n, np.int64)
    # A word and what separates it are two bytes or more.
    room = int(offsets[-1] - offsets[0]) // 2 + n + 1 if shingles else 0
    hashes = np.empty(room, U32)
    total = _batch(data, offsets, *fold(), *permutations, ngram, found, same, ends, needs, hashes)
    return found, same, ends, hashes[:total]


def _prepared(column: pa.Array, needs: npt.NDArray[np.int64]) -> pa.Array:
    """The texts that need something, such that the fold table alone tells their words."""
    texts = values(column.filter(pa.array(needs != 0)))
    kinds = needs[needs != 0].tolist()
    return pa.array([_one_prepared(text, need) for text, need in zip(texts, kinds, strict=True)], column.type)


def _one_prepared(text: str, need: int) -> str:
    if need & (IN_PYTHON | ANEW):
        return scripts.part_words(normalise.one_form(text))
    return normalise.composed(text)


def premixed(hashes: Words) -> Words:
    """`fmix32` of each number: what the kernel keeps of a shingle is premixed(lower half of its XXH3-64)."""
    return np.array([fmix32(U32(h)) for h in hashes], U32)


def words(text: str) -> list[str]:
    """The words of a text, as the kernel sees them."""
    found, need = _words_of(text, IN_PYTHON)
    if need:
        found, _ = _words_of(_one_prepared(text, need), 0)
    return found.split()


def _words_of(text: str, stop: int) -> tuple[str, int]:
    """The words of `text` with spaces between them, and the flags of its characters if it needs Python."""
    data = np.frombuffer(text.encode(), np.uint8)
    norm, starts = np.empty(2 * len(data) + 16, np.uint8), np.empty(len(data) + 2, np.int64)
    table, symbols, several = fold()
    count, flags = _words(data, 0, len(data), table, several, norm, starts, stop)
    if _needs(count, flags) and stop:
        return "", flags
    if not count:
        count, _ = _words(data, 0, len(data), symbols, several, norm, starts, 0)
    return norm[: starts[count]].tobytes().decode(), 0


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
