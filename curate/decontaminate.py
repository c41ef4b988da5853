"""Documents that share long runs of words with evaluation tasks: found by hashed n-grams.

Brown et al. 2020 (GPT-3, appendix C) call a document contaminated when it shares an n-gram of 13 words with a
test set, after lower-casing and dropping punctuation. That rule, with one difference: the whole document is
removed, not a window around the hit. Evaluation texts of fewer than n words can't be matched this way; they
are counted as `too_short`.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.dedup.xxh3 import compiled
from curate.errors import InputError, UsageError

NGRAM = 13
BUNDLED = ("train_probe", "tasks")
"""Package and folder of the evaluation tasks that come with the probe trainer."""
U64 = NDArray[np.uint64]
FNV_START, FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)


@dataclass(frozen=True)
class Ngrams:
    """The n-grams of some evaluation tasks, as an open hash table."""

    table: U64
    """uint64 [a power of two]: hashes at their places, 0 where there is none; at most half full."""
    ngram: int
    distinct: int
    texts: int
    too_short: int
    """Evaluation texts of fewer than `ngram` words."""
    digest: str
    """Of the n-grams and n: what the hits depend on."""


def bundled() -> list[str]:
    """Paths of the evaluation tasks that are installed with the probe trainer; empty without them."""
    package, folder = BUNDLED
    try:
        root = resources.files(package) / folder
        names = sorted(item.name for item in root.iterdir() if item.name.endswith(".jsonl"))
    except (ModuleNotFoundError, FileNotFoundError, NotADirectoryError):
        return []
    return [str(root / name) for name in names]


def load(paths: Sequence[str], ngram: int = NGRAM) -> Ngrams:
    """The n-grams of all strings in these JSON lines (files, or folders of *.jsonl).

    Raises UsageError for an `ngram` outside 2..100, InputError for a file that is missing or holds no JSON.
    """
    if not 2 <= ngram <= 100:
        raise UsageError(f"--ngram must lie between 2 and 100, got {ngram}")
    return _load(tuple(_stamp(path) for path in _files(paths)), ngram)


def _files(paths: Sequence[str]) -> list[str]:
    found: list[str] = []
    for path in paths:
        folder = Path(path)
        inside = sorted(str(file) for file in folder.rglob("*.jsonl")) if folder.is_dir() else [path]
        if not inside:
            raise InputError(f"--decontaminate {path}: no .jsonl files in this folder")
        found += inside
    return found


def _stamp(path: str) -> tuple[str, int, int]:
    try:
        found = Path(path).stat()
    except OSError as error:
        raise InputError(f"--decontaminate {path}: {error}") from error
    return path, found.st_size, found.st_mtime_ns


@lru_cache(maxsize=2)
def _load(files: tuple[tuple[str, int, int], ...], ngram: int) -> Ngrams:
    texts, short, found = 0, 0, []
    for path, _, _ in files:
        for text in _strings(path):
            hashes = hash_ngrams(np.frombuffer(text.encode("utf-8", "replace"), np.uint8), ngram)
            texts += 1
            short += not len(hashes)
            found.append(hashes)
    distinct = np.unique(np.concatenate(found)) if found else np.zeros(0, np.uint64)
    size = 1 << max(4, int(2 * len(distinct)).bit_length())
    digest = hashlib.sha256(distinct.tobytes() + bytes([ngram])).hexdigest()[:16]
    return Ngrams(_fill(np.zeros(size, np.uint64), distinct), ngram, len(distinct), texts, short, digest)


def _strings(path: str) -> Iterator[str]:
    """Every string value in the records of a file, however deep."""
    with open(path, encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise InputError(f"--decontaminate {path}, line {number}: not JSON: {error}") from error
            yield from _strings_in(record)


def _strings_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings_in(inner)


def hits(ngrams: Ngrams, texts: pa.Array) -> NDArray[np.int32]:
    """int32 [documents]: how many n-grams of each text (large_string, no nulls) occur in the tasks."""
    if not ngrams.distinct or not len(texts):
        return np.zeros(len(texts), np.int32)
    offsets = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    found: NDArray[np.int32] = _count_hits(data, offsets, ngrams.table, ngrams.ngram)
    return found


def contaminated(ngrams: Ngrams, text: str) -> int:
    """How many n-grams of one text occur in the tasks."""
    return int(hits(ngrams, pa.array([text], pa.large_string()))[0])


# ---- kernels: words are runs of letters, digits and other non-punctuation; ASCII letters are lower-cased ---


def _letters() -> NDArray[np.uint8]:
    """By byte below 128: the lower-case letter or digit, or 0 for a separator."""
    table = np.zeros(128, np.uint8)
    for byte in range(128):
        table[byte] = ord(chr(byte).lower()) if chr(byte).isalnum() else 0
    return table


LETTERS = _letters()


@compiled
def _wide(data: Any, at: int, stop: int) -> int:
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
def _finish(x: Any) -> Any:
    x = (x ^ (x >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    x = (x ^ (x >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return x ^ (x >> np.uint64(33))


@compiled
def _word_hashes(data: Any, start: int, stop: int, out: Any) -> int:
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
def _roll(words: Any, count: int, ngram: int, out: Any) -> int:
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
def _ngrams(data: Any, ngram: int) -> Any:
    words = np.empty(len(data) // 2 + 1, np.uint64)
    count = _word_hashes(data, 0, len(data), words)
    out = np.empty(max(count, 1), np.uint64)
    return out[: _roll(words, count, ngram, out)]


def hash_ngrams(data: NDArray[np.uint8], ngram: int) -> U64:
    """uint64 hashes of all n-grams of a text in UTF-8, in order."""
    found: U64 = _ngrams(data, ngram)
    return found


@compiled
def _fill(table: Any, values: Any) -> Any:
    mask = np.uint64(len(table) - 1)
    for value in values:
        place = value & mask
        while table[place] != 0:
            place = (place + np.uint64(1)) & mask
        table[place] = value
    return table


@compiled
def _count_hits(data: Any, offsets: Any, table: Any, ngram: int) -> Any:
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
