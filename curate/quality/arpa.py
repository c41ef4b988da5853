"""ARPA files: the text form in which all tools exchange n-gram models."""

import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from curate.errors import InputError, OutputError
from curate.files import storage
from curate.filters import ngram
from curate.filters.jit import Array, compiled
from curate.quality import ngram as models
from curate.quality import ngram_counts as counting
from curate.read.inputs import open_input

LONGEST_LINE = 1 << 16
MISSING_UNKNOWN = -100.0
"""Logarithm of the probability of unknown words where a file has none, as KenLM takes it."""


class _Section(NamedTuple):
    """The n-grams of one order."""

    words: Array
    """Numbers of their words: n-grams x n."""
    chances: Array
    backs: Array


def convert(path: str, output: str, kind: str = ngram.PLAIN, tokenizer: str = "") -> dict[str, Any]:
    """Make a model's folder of an ARPA file and return its card. The words stand between white space, unless `kind` says otherwise.

    Raises InputError that says where the file is wrong, OutputError where there is something at `output`.
    """
    if storage.exists(output):
        raise OutputError(f"{output} exists already: choose another --output or delete it")
    with open_input(path) as file:
        sections, hashes, notes = _read(_Lines(io.BufferedReader(file, 1 << 20), path))  # type: ignore[type-var]
    keys = [_keys(section.words, hashes) for section in sections]
    for n in range(1, len(sections)):
        _check_contexts(path, sections[n], n + 1, keys[n - 1], hashes)
    added = _close(sections, keys, hashes)
    made = models.new_tables([len(key) for key in keys])
    _fill(path, made, sections, keys, hashes, added)
    card = {
        "format": ngram.FORMAT,
        "version": ngram.VERSION,
        "order": len(sections),
        "words": ngram.PIECES if tokenizer else kind,
        "data": {"arpa": path, "added": [len(one) - first for one, first in zip(keys, added, strict=True)]},
        "notes": notes,
    }
    models.write(output, card, made, tokenizer)
    return card


class _Lines:
    """Lines of a file, with their number for messages."""

    def __init__(self, file: BinaryIO, path: str) -> None:
        self.file, self.path, self.number = file, path, 0

    def next(self) -> bytes:
        """The next line that is not blank, without white space at its ends. InputError where there is none."""
        while line := self.file.readline(LONGEST_LINE + 1):
            self.number += 1
            if len(line) > LONGEST_LINE:
                raise self.wrong(f"it is longer than {LONGEST_LINE:,} bytes")
            if found := line.strip(b" \t\r\n"):
                return found
        raise InputError(f"{self.path}: the file ends before \\end\\: it is cut off")

    def wrong(self, told: str) -> InputError:
        return InputError(f"{self.path}, line {self.number:,}: {told}")


def _counts(lines: _Lines) -> tuple[list[int], bytes]:
    """How many n-grams of each order there are, as the head says, and the line behind it."""
    while lines.next() != b"\\data\\":
        if lines.number > 1000:
            raise lines.wrong("no \\data\\ so far: this is not an ARPA file")
    counts = list[int]()
    while (line := lines.next()).startswith(b"ngram "):
        order, _, number = line[6:].partition(b"=")
        if not (order.strip().isdigit() and number.strip().isdigit()) or int(order) != len(counts) + 1:
            raise lines.wrong(f"expected ngram {len(counts) + 1}=NUMBER")
        counts.append(int(number))
    if not 1 <= len(counts) <= ngram.LARGEST_ORDER:
        raise lines.wrong(f"n-grams of 1 to {ngram.LARGEST_ORDER} words can be read, here are {len(counts)}")
    return counts, line


def _read(lines: _Lines) -> tuple[list[_Section], Array, list[str]]:
    counts, line = _counts(lines)
    known, hashes, notes = dict[bytes, int](), list[np.uint64](), list[str]()
    sections = list[_Section]()
    for n, count in enumerate(counts, 1):
        if line != b"\\%d-grams:" % n:
            raise lines.wrong(f"expected \\{n}-grams:")
        section, line = _section(lines, n, n < len(counts), known, hashes)
        if len(section.chances) != count:
            raise lines.wrong(f"{len(section.chances):,} {n}-grams, the head says {count:,}")
        if n == 1 and ngram.UNKNOWN not in known:
            known[ngram.UNKNOWN] = len(known)
            hashes.append(ngram.UNKNOWN_HASH)
            section = _Section(
                *(np.append(a, [b], 0) for a, b in zip(section, ([len(known) - 1], MISSING_UNKNOWN, 0.0), strict=True))
            )
            notes.append(f"the file has no <unk>: the logarithm of its probability is taken as {MISSING_UNKNOWN}")
        sections.append(section)
    if line != b"\\end\\":
        raise lines.wrong("expected \\end\\")
    for word in (ngram.START, ngram.END):
        if word not in known:
            raise InputError(f"{lines.path}: no {word.decode()} among its words")
    return sections, np.array(hashes, np.uint64), notes


def _section(
    lines: _Lines, n: int, may_back_off: bool, known: dict[bytes, int], hashes: list[np.uint64]
) -> tuple[_Section, bytes]:
    """The n-grams of one order, and the line behind them. Of single words each becomes known."""
    words, chances, backs = list[list[int]](), list[float](), list[float]()
    while not (line := lines.next()).startswith(b"\\"):
        parts = line.split()
        if len(parts) != n + 1 and not (may_back_off and len(parts) == n + 2):
            raise lines.wrong(
                f"expected a number, {n} words{' and a number' if may_back_off else ''}, got {len(parts)} parts"
            )
        chances.append(_number(lines, parts[0], 0.0))
        backs.append(_number(lines, parts[n + 1], 1000.0) if len(parts) == n + 2 else 0.0)
        if n == 1:
            word = ngram.UNKNOWN if parts[1] == b"<UNK>" else parts[1]
            if word in known:
                raise lines.wrong(f"{_shown(word)} stands there twice")
            known[word] = len(known)
            hashes.append(ngram.hash_of(word))
        found = [known.get(ngram.UNKNOWN if word == b"<UNK>" else word, -1) for word in parts[1 : n + 1]]
        if min(found) < 0:
            raise lines.wrong(f"{_shown(parts[1 + found.index(-1)])} is not among the single words")
        words.append(found)
    return _Section(np.array(words, np.int64).reshape(-1, n), np.array(chances), np.array(backs)), line


def _number(lines: _Lines, text: bytes, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not -1000.0 <= value <= most:
        raise lines.wrong(f"{_shown(text)} is no logarithm{' of a probability' if most == 0 else ''}")
    return value


def _shown(word: bytes) -> str:
    return repr(word[:60].decode("utf-8", "replace"))


def _keys(words: Array, hashes: Array) -> Array:
    keys = np.empty(len(words), np.uint64)
    _combine(words, hashes, keys)
    return keys


@compiled
def _combine(words: Array, hashes: Array, keys: Array) -> None:
    """The hash of each n-gram."""
    for i in range(len(words)):
        last = words.shape[1] - 1
        key = hashes[words[i, last]]
        for place in range(last - 1, -1, -1):
            key = ngram.longer(key, hashes[words[i, place]])
        keys[i] = key


def _check_contexts(path: str, section: _Section, n: int, shorter: Array, hashes: Array) -> None:
    """InputError for an n-gram whose first words are not there: its probability could not be found."""
    there = np.isin(_keys(section.words[:, :-1], hashes), shorter)
    if not there.all():
        raise InputError(
            f"{path}: {int((~there).sum()):,} of the {n}-grams begin with words that are no {n - 1}-gram of the file"
        )


def _close(sections: list[_Section], keys: list[Array], hashes: Array) -> list[int]:
    """Add n-grams whose last words stand in a longer one, but not by themselves (some tools leave them out); returns how many
    there were of each order before. Their probability follows from shorter ones."""
    before = [len(key) for key in keys]
    for n in range(len(sections), 2, -1):
        tails = sections[n - 1].words[:, 1:]
        tail_keys, first = np.unique(_keys(tails, hashes), return_index=True)
        missing = ~np.isin(tail_keys, keys[n - 2])
        if missing.any():
            short = sections[n - 2]
            empty = np.full(int(missing.sum()), np.nan)
            sections[n - 2] = _Section(
                np.concatenate([short.words, tails[first[missing]]]),
                np.concatenate([short.chances, empty]),
                np.concatenate([short.backs, 0.0 * np.arange(len(empty))]),
            )
            keys[n - 2] = np.concatenate([keys[n - 2], tail_keys[missing]])
    return before


def _fill(
    path: str, made: models.Tables, sections: list[_Section], keys: list[Array], hashes: Array, own: Sequence[int]
) -> None:
    for n, (section, key) in enumerate(zip(sections, keys, strict=True), 1):
        added = section.words[own[n - 1] :]
        tails, contexts = _keys(added[:, 1:], hashes), _keys(added[:, :-1], hashes)
        args = (made.table, made.table.view(np.float32), made.firsts, made.slots)
        at = _enter(n, key, section.chances, section.backs, own[n - 1], tails, contexts, *args)
        if at >= 0:
            words = section.words[at].tolist()
            again = np.flatnonzero(key[:at] == key[at])[0]
            what = "stands there twice" if section.words[again].tolist() == words else "has the hash of another one"
            raise InputError(f"{path}: the {at + 1:,}th of the {n}-grams {what}")


@compiled
def _enter(
    n: int, keys: Array, chances: Array, backs: Array, own: int, tails: Array, contexts: Array, table: Array, floats: Array,
    firsts: Array, slots: Array,
) -> int:  # fmt: skip
    """Enter n-grams; from `own` on their probability is that of their `tails` after backing off. Returns one whose hash is taken."""
    for i in range(len(keys)):
        entry = ngram.put(table, firsts, slots, n, keys[i])
        if entry < 0:
            return i
        chance = chances[i]
        if i >= own:
            shorter = ngram.find(table, firsts, slots, n - 1, tails[i - own])
            context = ngram.find(table, firsts, slots, n - 1, contexts[i - own])
            chance = floats[4 * shorter + 2] + (floats[4 * context + 3] if context >= 0 else 0.0)
        floats[4 * entry + 2], floats[4 * entry + 3] = min(0.0, chance), backs[i]
    return -1


def write(path: str, grams: "models.Grams", vocabulary: Sequence[bytes], made: "models.Tables") -> None:
    """Write a model that was just trained as an ARPA file."""
    with storage.atomic(path) as local, Path(local).open("wb") as out:
        out.write(b"\\data\\\n")
        out.writelines(b"ngram %d=%d\n" % (n, count) for n, count in enumerate(made.counts, 1))
        for n in range(1, len(made.counts) + 1):
            out.write(b"\n\\%d-grams:\n" % n)
            out.writelines(_written(n, n < len(made.counts), grams, vocabulary, made))
        out.write(b"\n\\end\\\n")


def _written(
    n: int, may_back_off: bool, grams: "models.Grams", vocabulary: Sequence[bytes], made: "models.Tables"
) -> Iterator[bytes]:
    hashes = np.array([ngram.hash_of(word) for word in vocabulary], np.uint64)
    rows = grams.rows[n - 1] if n > 1 else np.zeros((len(vocabulary), 4), np.uint64)
    if n == 1:
        rows[:, 1] = np.arange(len(vocabulary))
    for start in range(0, len(rows), 1 << 16):
        part = rows[start : start + (1 << 16)]
        words, entries = np.empty((len(part), n), np.int64), np.empty(len(part), np.int64)
        _look_up(part, grams.bits, n, hashes, made.table, made.firsts, made.slots, words, entries)
        there = entries >= 0
        values = made.table.view(np.float32).reshape(-1, 4)[entries[there]][:, 2:].tolist()
        for (chance, back), numbers in zip(values, words[there].tolist(), strict=True):
            text = b" ".join([vocabulary[one] for one in numbers])
            yield (
                b"%s\t%s\t%s\n" % (_digits(chance), text, _digits(back))
                if may_back_off
                else b"%s\t%s\n" % (_digits(chance), text)
            )


def _digits(value: float) -> bytes:
    """A number of 32 bits, so that the same one is read."""
    return f"{value:.9g}".encode()


@compiled
def _look_up(
    rows: Array,
    bits: int,
    n: int,
    hashes: Array,
    table: Array,
    firsts: Array,
    slots: Array,
    words: Array,
    entries: Array,
) -> None:
    """The words of each row, the first one first, and its entry; -1 where it was left out."""
    for i in range(len(rows)):
        for place in range(n):
            words[i, n - 1 - place] = counting.word_at(rows[i, 0], rows[i, 1], bits, place)
        entries[i] = -1
        if not counting.filled(rows[i, 0], rows[i, 1], bits, n):
            entries[i] = ngram.find(
                table, firsts, slots, n, models.key_of(rows[i, 0], rows[i, 1], bits, 0, n - 1, hashes)
            )
