"""Train an n-gram language model: modified Kneser-Ney smoothing, interpolated (Chen and Goodman 1998), as KenLM's lmplz estimates it."""

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import xxhash

from curate.errors import OutputError, UsageError
from curate.files import storage
from curate.filters import ngram
from curate.filters.jit import Array, Number, compiled
from curate.quality import ngram_counts as counting
from curate.read import files, tables
from curate.read.columns import Asked

UNKNOWN_ID, START_ID, END_ID = 0, counting.START_ID, 2
SPECIAL = (ngram.UNKNOWN, ngram.START, ngram.END)
SPARE = 1.5
"""Room in a table for each of its n-grams."""
FALLBACK = (0.5, 1.0, 1.5)
"""Discounts where the text is too small, or too odd, to tell any (lmplz's --discount_fallback)."""
PIECE = 1 << 20
"""Bytes of text that are cut into words together."""


@dataclass(frozen=True)
class Options:
    """How a model is trained."""

    order: int = 5
    vocabulary: int = 1 << 21
    """Words that it knows at most, the commonest."""
    prune: tuple[int, ...] = ()
    """N-grams that stand in the text that often, or less, are left out: a number for each order; the last one goes for longer ones."""
    words: str = ngram.WORDS
    tokenizer: str = ""
    memory: int = 1 << 30
    """Bytes for sorting; the words themselves are held besides."""
    language: str = ""
    """Only texts of this language."""
    column: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.order <= ngram.LARGEST_ORDER:
            raise UsageError(f"--order must be from 1 to {ngram.LARGEST_ORDER}, got {self.order}")
        if self.vocabulary < 1:
            raise UsageError(f"--vocabulary must be at least 1, got {self.vocabulary}")
        falls = any(a > b for a, b in zip(self.prune, self.prune[1:], strict=False))
        if len(self.prune) > self.order or falls or min(self.prune, default=0) < 0:
            raise UsageError(
                f"--prune takes up to {self.order} numbers that do not fall, such as 0,0,1: the first is of single words"
            )
        if self.prune and self.prune[0]:
            raise UsageError("--prune: single words are not left out by count, --vocabulary does that: begin with 0")
        if self.words == ngram.PIECES and not self.tokenizer:
            raise UsageError("words of a tokenizer need --tokenizer tokenizer.json")

    def least(self, n: int) -> int:
        """The count up to which n-grams of n words are left out."""
        return (*self.prune, *[self.prune[-1] if self.prune else 0] * self.order)[n - 1]


def train(inputs: Sequence[str], output: str, options: Options, arpa: str = "") -> dict[str, Any]:
    """Train on all texts, write the model to the folder `output` and return its card; `arpa`: a file to write it to as well.

    The same texts give the same bytes, in whatever files and order. Raises OutputError where there is something at `output`,
    UsageError where there is no text.
    """
    for path in (output, arpa):
        if path and storage.exists(path):
            raise OutputError(f"{path} exists already: choose another name or delete it")
    kind = ngram.PIECES if options.tokenizer else options.words
    read = ngram.reader_of(kind, Path(options.tokenizer))
    notes = list[str]()
    with tempfile.TemporaryDirectory(prefix="curate-ngram-") as name:
        folder = Path(name)
        words = Words(folder / "tokens")
        texts = 0
        for text in _texts(inputs, options, notes):
            words.add(read(text))
            texts += 1
        words.finish()
        if not words.lines:
            told = f": {'; '.join(notes)}" if notes else ""
            raise UsageError(f"there is no word in the inputs, so there is nothing to learn from{told}")
        vocabulary, numbers = words.ranked(options.vocabulary)
        grams = count(words, numbers, len(vocabulary), options, folder)
        model = estimate(grams, vocabulary, options, folder / "tables")
        card = {
            "format": ngram.FORMAT,
            "version": ngram.VERSION,
            "order": options.order,
            "words": kind,
            "data": {
                "inputs": list(inputs),
                "language": options.language,
                "texts": texts,
                "lines": words.lines,
                "words": words.tokens - words.lines,
                "different_words": words.different,
                "vocabulary": len(vocabulary),
                "pruned": [options.least(n) for n in range(1, options.order + 1)],
            },
            "discounts": [[float(f"{one:.6g}") for one in row] for row in model.discounts],
            "notes": notes + model.notes,
        }
        write(output, card, model.tables, options.tokenizer)
        if arpa:
            from curate.quality import arpa as arpas

            arpas.write(arpa, grams, vocabulary, model.tables)
    return card


def _texts(inputs: Sequence[str], options: Options, notes: list[str]) -> Iterator[str]:
    fields = ("text", "language") if options.language else ("text",)
    for path in inputs:
        listed = files.find(path, Asked(options.column))
        notes += listed.notes
        for file in listed.files:
            problems = Counter[str]()
            for batch in tables.read(file, fields, Asked(options.column)):
                good: pa.RecordBatch = tables.without_problems(batch, problems, {})
                texts = good["text"].to_pylist()
                spoken = good["language"].to_pylist() if options.language else [""] * len(texts)
                yield from (text for text, one in zip(texts, spoken, strict=True) if (one or "") == options.language)
            if problems:
                told = ", ".join(f"{count:,} {kind}" for kind, count in sorted(problems.items()))
                notes.append(f"{file}: rows that are no texts: {told}")


def evaluate(model: str, inputs: Sequence[str], column: str = "") -> dict[str, Any]:
    """The perplexity of all texts together, the share of words that the model doesn't know, and the tenths of the texts'
    perplexities. Raises FileNotFoundError and ValueError as `ngram.load`, UsageError where there is no text."""
    loaded = ngram.load(Path(model).expanduser())
    found = [ngram.score(loaded, text) for text in _texts(inputs, Options(column=column), [])]
    if not found:
        raise UsageError("there is no text in the inputs")
    words = sum(one.words for one in found)
    whole = ngram.Score(sum(one.log10 for one in found), words, sum(one.unknown for one in found))
    tenths = np.quantile([one.perplexity for one in found], np.linspace(0.1, 0.9, 9), method="inverted_cdf")
    return {
        "texts": len(found),
        "words": words,
        "perplexity": whole.perplexity,
        "unknown": round(whole.unknown / words, 6),
        "tenths": tenths.tolist(),
    }


# ---- words ----


class Words:
    """All words of the texts as numbers in a file, in the order in which they were first seen; the words are in memory."""

    def __init__(self, path: Path) -> None:
        self.path, self._file = path, path.open("wb")
        self.tokens, self.lines = 0, 0
        self._waiting, self._size = list[str](), 0
        self._slots = np.full(1 << 16, -1, np.int32)
        self._keys, self._counts = np.zeros(1 << 15, np.uint64), np.zeros(1 << 15, np.int64)
        self._ends, self._pool = np.zeros(1 << 15, np.int64), np.zeros(1 << 20, np.uint8)
        self._many = 0
        for word in SPECIAL:
            self._intern(np.frombuffer(word, np.uint8), special=True)

    @property
    def different(self) -> int:
        """How many different words there are."""
        return self._many - len(SPECIAL)

    def add(self, words: str) -> None:
        """Words with spaces between, in lines."""
        self._waiting.append(words)
        self._size += len(words)
        if self._size >= PIECE:
            self.flush()

    def flush(self) -> None:
        """Turn what is waiting into numbers."""
        data = "\n".join([*self._waiting, ""]).encode("utf-8", "replace")
        self._waiting, self._size = [], 0
        for start in range(0, len(data), 4 * PIECE):  # a text of many megabytes is cut within a word at worst
            self._intern(np.frombuffer(data[start : start + 4 * PIECE], np.uint8))

    def finish(self) -> None:
        """All texts are there."""
        self.flush()
        self._file.close()

    def _intern(self, text: Array, special: bool = False) -> None:
        most = len(text) // 2 + 2
        self._keys = _roomy(self._keys, self._many + most)
        self._counts = _roomy(self._counts, self._many + most)
        self._ends = _roomy(self._ends, self._many + most + 1)
        self._pool = _roomy(self._pool, int(self._ends[self._many]) + len(text))
        while len(self._slots) < 2 * (self._many + most):
            self._slots = np.full(2 * len(self._slots), -1, np.int32)
        _slot_all(self._slots, self._keys, self._many)
        tokens = np.empty(len(text) + 2, np.uint32)
        sizes = np.array([self._many, 0, 0], np.int64)
        _number(text, self._slots, self._keys, self._counts, self._ends, self._pool, special, tokens, sizes)
        self._many = int(sizes[0])
        if not special:
            tokens[: sizes[1]].tofile(self._file)
            self.tokens += int(sizes[1])
            self.lines += int(sizes[2])

    def ranked(self, most: int) -> tuple[list[bytes], Array]:
        """The words that the model knows, the commonest first behind the special ones; and the number of each word as it was
        first numbered there, UNKNOWN_ID for those that it doesn't know."""
        pool = self._pool.tobytes()
        ends = self._ends.tolist()
        known = [pool[ends[i] : ends[i + 1]] for i in range(self._many)]
        counts = self._counts.tolist()
        order = sorted(range(len(SPECIAL), self._many), key=lambda i: (-counts[i], known[i]))[:most]
        numbers = np.zeros(self._many, np.int64)
        numbers[: len(SPECIAL)] = range(len(SPECIAL))
        numbers[order] = range(len(SPECIAL), len(SPECIAL) + len(order))
        return [*SPECIAL, *(known[i] for i in order)], numbers


def _roomy(values: Array, size: int) -> Array:
    """The same values with room for `size`."""
    if len(values) >= size:
        return values
    made = np.zeros(max(size, 2 * len(values)), values.dtype)
    made[: len(values)] = values
    return made


@compiled
def _slot_all(slots: Array, keys: Array, many: int) -> None:
    """Enter all words where the table is new."""
    if many == 0 or slots[ngram.place(keys[0], len(slots))] >= 0:
        return
    for i in range(many):
        at = ngram.place(keys[i], len(slots))
        while slots[at] >= 0:
            at = at + 1 if at + 1 < len(slots) else 0
        slots[at] = i


@compiled
def _number(
    text: Array,
    slots: Array,
    keys: Array,
    counts: Array,
    ends: Array,
    pool: Array,
    special: bool,
    tokens: Array,
    sizes: Array,
) -> None:
    """Number the words of a text. `sizes`: different words, tokens, lines."""
    many, written, lines, at, inside = sizes[0], 0, 0, 0, False
    while at <= len(text):
        while at < len(text) and ngram.blank(text[at]):
            at += 1
        if at == len(text) or text[at] == 10:
            if inside:
                tokens[written] = END_ID
                written += 1
                lines += 1
            inside = False
            at += 1
            continue
        begin = at
        while at < len(text) and text[at] != 10 and not ngram.blank(text[at]):
            at += 1
        key = ngram.word_hash(text, begin, at)
        slot = ngram.place(key, len(slots))
        while slots[slot] >= 0 and keys[slots[slot]] != key:
            slot = slot + 1 if slot + 1 < len(slots) else 0
        found: Number = slots[slot]
        if at - begin > ngram.LONGEST_WORD or 0 <= found <= END_ID:
            found = UNKNOWN_ID
        elif found < 0:
            found = many
            slots[slot], keys[many] = many, key
            for i in range(at - begin):
                pool[ends[many] + i] = text[begin + i]
            ends[many + 1] = ends[many] + at - begin
            many += 1
        counts[found] += 1
        inside = True
        tokens[written] = found
        written += 1
    sizes[0], sizes[1], sizes[2] = many, written, lines


# ---- counts ----


class Grams(NamedTuple):
    """The n-grams of each order, sorted, mapped from files."""

    rows: list[Array]
    bits: int
    """Of one word."""


def count(words: Words, numbers: Array, vocabulary: int, options: Options, folder: Path) -> Grams:
    """Count n-grams of all orders. Raises UsageError where an n-gram has no room in 128 bits."""
    bits = max(2, (vocabulary - 1).bit_length())
    if bits * options.order > 128:
        raise UsageError(
            f"{vocabulary:,} words take {bits} bits each, {options.order} of them more than 128: lower --vocabulary to "
            f"{1 << (128 // options.order):,} or --order"
        )
    runs = counting.Runs(folder, f"grams-{options.order}", bits * options.order, options.memory)
    tokens = np.memmap(words.path, np.uint32, "r")
    history = np.zeros(2, np.uint64)
    for _ in range(options.order):
        history[:] = _pushed(history, bits, options.order)
    for start in range(0, len(tokens), runs.most):
        part = np.asarray(tokens[start : start + runs.most])
        rows = np.empty((len(part), 4), np.uint64)
        counting.grams(part, numbers, options.order, bits, END_ID, history, rows)
        runs.add(rows)
    found = [runs.merged()]
    for n in range(options.order, 1, -1):
        runs = counting.Runs(folder, f"grams-{n - 1}", bits * (n - 1), options.memory)
        for start in range(0, len(found[-1]), runs.most):
            part = found[-1][start : start + runs.most]
            rows = np.empty_like(part)
            counting.shorten(part, bits, n, rows)
            runs.add(rows)
        found.append(runs.merged())
    return Grams(found[::-1], bits)


def _pushed(history: Array, bits: int, order: int) -> tuple[np.uint64, np.uint64]:
    """START_ID behind what is there."""
    value = (int(history[0]) << 64 | int(history[1])) << bits | START_ID
    value &= (1 << bits * order) - 1
    return np.uint64(value >> 64), np.uint64(value & (1 << 64) - 1)


# ---- probabilities ----


class Tables(NamedTuple):
    """The tables of a model, in memory or mapped."""

    table: Array
    counts: list[int]
    slots: Array

    @property
    def firsts(self) -> Array:
        """Where each begins, in entries."""
        return np.cumsum([0, *self.slots.tolist()])[:-1]


class Estimated(NamedTuple):
    """A model, its discounts for n-grams counted once, twice and more often, by order; and what was odd."""

    tables: Tables
    discounts: list[tuple[float, float, float]]
    notes: list[str]


def new_tables(counts: Sequence[int], path: Path | None = None) -> Tables:
    """Empty tables for so many n-grams of each order; with `path` they are mapped from a new file there."""
    slots = np.array([max(count + 1, int(SPARE * count)) for count in counts], np.int64)
    size = 2 * int(slots.sum())
    table = np.asarray(np.memmap(path, np.uint64, "w+", shape=size)) if path else np.zeros(size, np.uint64)
    return Tables(table, list(counts), slots)


def estimate(grams: Grams, vocabulary: Sequence[bytes], options: Options, path: Path | None = None) -> Estimated:
    """The probability and back-off weight of each n-gram; `path` as for `new_tables`."""
    hashes = np.array([ngram.hash_of(word) for word in vocabulary], np.uint64)
    kept, discounts, notes = [len(vocabulary)], list[tuple[float, float, float]](), list[str]()
    for n, rows in enumerate(grams.rows, 1):
        found = np.zeros(6, np.int64)
        _count_counts(rows, grams.bits, n, options.least(n), found)
        if n > 1:
            kept.append(int(found[5]))
        told = discounts_of(found[1:5].tolist())
        discounts.append(told or FALLBACK)
        if told is None:
            notes.append(f"too little text to tell discounts of {n}-grams: {FALLBACK} are taken")
    made = new_tables(kept, path)
    table, firsts, slots = made.table, made.firsts, made.slots
    floats = table.view(np.float32)
    _single(grams.rows[0], hashes, np.array(discounts[0]), table, floats, firsts, slots)
    for n in range(2, len(grams.rows) + 1):
        args = (grams.rows[n - 1], grams.bits, n, options.least(n), hashes, np.array(discounts[n - 1]))
        if _longer(*args, table, floats, firsts, slots):
            raise UsageError(f"two {n}-grams have the same hash of 64 bits: train with another --vocabulary")
    return Estimated(made, discounts, notes)


def discounts_of(t: Sequence[int]) -> tuple[float, float, float] | None:
    """The discounts of n-grams counted once, twice, and more often, from how many are counted 1 to 4 times (Chen and Goodman 1998,
    equation 26); None where these are too few, or no discount follows from them."""
    if not all(t):
        return None
    y = t[0] / (t[0] + 2 * t[1])
    found = tuple(k - (k + 1) * y * t[k] / t[k - 1] for k in (1, 2, 3))
    return (found[0], found[1], found[2]) if all(0 <= one <= k for k, one in enumerate(found, 1)) else None


@compiled
def _count_counts(rows: Array, bits: int, n: int, least: int, found: Array) -> None:
    """How many n-grams are counted 1 to 4 times, in found[1:5]; how many stay, in found[5]."""
    for i in range(len(rows)):
        if counting.filled(rows[i, 0], rows[i, 1], bits, n):
            continue
        times = np.int64(rows[i, 2])
        if times <= 4:
            found[times] += 1
        if np.int64(rows[i, 3]) > least:
            found[5] += 1


@compiled
def _discount(times: Number, discounts: Array) -> Number:
    return discounts[(np.int64(times) if times < np.uint64(3) else 3) - 1]


@compiled
def _log10(value: float) -> float:
    return np.log10(value) if value > 0.0 else -99.0


@compiled
def _single(
    rows: Array, hashes: Array, discounts: Array, table: Array, floats: Array, firsts: Array, slots: Array
) -> None:
    """Single words: discounted, and what is taken away shared out to all words but <s>."""
    total, taken = 0.0, 0.0
    for i in range(len(rows)):
        total += rows[i, 2]
        taken += _discount(rows[i, 2], discounts)
    rest = taken / total / (len(hashes) - 1)
    at = 0
    for word in range(len(hashes)):
        chance = rest
        if at < len(rows) and np.int64(rows[at, 1]) == word:
            chance += (rows[at, 2] - _discount(rows[at, 2], discounts)) / total
            at += 1
        entry = ngram.put(table, firsts, slots, 1, hashes[word])
        floats[4 * entry + 2] = -99.0 if word == START_ID else _log10(chance)


@compiled
def key_of(high: Number, low: Number, bits: int, first: int, last: int, hashes: Array) -> Number:
    """The hash of the words of an n-gram from place `first` to place `last`, which count from the last word."""
    key = hashes[counting.word_at(high, low, bits, first)]
    for place in range(first + 1, last + 1):
        key = ngram.longer(key, hashes[counting.word_at(high, low, bits, place)])
    return key


@compiled
def _longer(
    rows: Array, bits: int, n: int, least: int, hashes: Array, discounts: Array, table: Array, floats: Array, firsts: Array,
    slots: Array,
) -> int:  # fmt: skip
    """N-grams of n > 1 words, from those of n - 1, whose back-off weights are set. Returns how many had the hash of another."""
    start, twice = 0, 0
    while start < len(rows):
        stop = start
        total, rest = 0.0, 0.0
        while stop < len(rows) and _same_context(rows, start, stop, bits):
            total += rows[stop, 2]
            rest += (
                _discount(rows[stop, 2], discounts) if np.int64(rows[stop, 3]) > least else np.float64(rows[stop, 2])
            )
            stop += 1
        if not counting.filled(rows[start, 0], rows[start, 1], bits, n):
            rest /= total
            context = ngram.find(
                table, firsts, slots, n - 1, key_of(rows[start, 0], rows[start, 1], bits, 1, n - 1, hashes)
            )
            if context >= 0:
                floats[4 * context + 3] = _log10(rest)
            for i in range(start, stop):
                if np.int64(rows[i, 3]) <= least:
                    continue
                shorter = ngram.find(
                    table, firsts, slots, n - 1, key_of(rows[i, 0], rows[i, 1], bits, 0, n - 2, hashes)
                )
                chance = (rows[i, 2] - _discount(rows[i, 2], discounts)) / total
                chance += rest * 10.0 ** np.float64(floats[4 * shorter + 2])
                entry = ngram.put(table, firsts, slots, n, key_of(rows[i, 0], rows[i, 1], bits, 0, n - 1, hashes))
                if entry < 0:
                    twice += 1
                else:
                    floats[4 * entry + 2] = min(0.0, _log10(chance))
        start = stop
    return twice


@compiled
def _same_context(rows: Array, one: int, other: int, bits: int) -> Any:
    shift = np.uint64(bits)
    return rows[one, 0] == rows[other, 0] and (rows[one, 1] >> shift) == (rows[other, 1] >> shift)


# ---- writing ----


def write(output: str, card: dict[str, Any], made: Tables, tokenizer: str) -> None:
    """Write a model's folder, the card last."""
    card["counts"], card["slots"] = made.counts, made.slots.tolist()
    card["tables_xxh3"] = xxhash.xxh3_128_hexdigest(made.table.data)
    with storage.atomic(storage.join(output, ngram.TABLES)) as path:
        made.table.astype("<u8", copy=False).tofile(path)
    if tokenizer:
        with storage.atomic(storage.join(output, ngram.TOKENIZER)) as path:
            Path(path).write_bytes(Path(tokenizer).read_bytes())
    storage.write_text(storage.join(output, ngram.CARD), json.dumps(card, indent=1, ensure_ascii=False) + "\n")
