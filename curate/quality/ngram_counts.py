"""Counts of n-grams in bounded memory: sorted runs on disk, merged range by range; linear time.

An n-gram is a number of 128 bits in two columns: `bits` for each word, the first word on top. A *row* is four numbers of 64 bits: the
two of the n-gram, its adjusted count, and how often it stands in the text.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from curate.filters.jit import Array, Number, compiled, hot, inner

START_ID = 1
DIGIT = 11
ROW_BYTES = 32
_ONE, _64 = np.uint64(1), np.uint64(64)


class Runs:
    """Rows in any order, as files of sorted ones; `merged` adds up those that are equal."""

    def __init__(self, folder: Path, name: str, bits: int, memory: int) -> None:
        """`bits` of a whole n-gram; `memory` in bytes for sorting."""
        self.folder, self.name, self.bits, self.files = folder, name, bits, list[Path]()
        self.most = max(1024, memory // (3 * ROW_BYTES))

    def add(self, rows: Array) -> None:
        """Sort rows (their memory is used) and write them as a run."""
        if len(rows):
            path = self.folder / f"{self.name}-{len(self.files):06d}"
            combined(rows, self.bits).tofile(path)
            self.files.append(path)

    def merged(self) -> Array:
        """All rows, sorted, equal ones added up: mapped from a file."""
        path = self.folder / self.name
        with path.open("wb") as out:
            for rows in self._ranges():
                rows.tofile(out)
        for file in self.files:
            file.unlink()
        return mapped(path)

    def _ranges(self) -> Iterator[Array]:
        runs = [mapped(file) for file in self.files]
        if len(runs) < 2:
            yield from runs
            return
        step = max(1, self.most // (16 * len(runs)))
        seen = np.sort(np.concatenate([run[::step, 0] for run in runs]))  # one of each `step` rows of each run
        cuts = np.unique(seen[16 * len(runs) // 2 :: 16 * len(runs) // 2])  # half of what there is room for
        ends = [np.searchsorted(run[:, 0], cuts, "left") for run in runs]
        for at in range(len(cuts) + 1):
            parts = [
                run[(end[at - 1] if at else 0) : (end[at] if at < len(cuts) else len(run))]
                for run, end in zip(runs, ends, strict=True)
            ]
            yield combined(np.concatenate(parts), self.bits)


def mapped(path: Path) -> Array:
    """The rows of a file."""
    if not path.stat().st_size:
        return np.empty((0, 4), np.uint64)
    found: Array = np.asarray(np.memmap(path, np.uint64, "r")).reshape(-1, 4)
    return found


def combined(rows: Array, bits: int) -> Array:
    """Rows sorted by n-gram, the counts of equal ones added up. Uses the memory of `rows`."""
    ordered = sort(rows, bits)
    return ordered[: _add_up(ordered)]


def sort(rows: Array, bits: int) -> Array:
    """Rows sorted by the lowest `bits` of their first two columns, digit by digit from the last: linear time. Uses their memory."""
    source, target, counts = rows, np.empty_like(rows), np.empty(1 << DIGIT, np.int64)
    for shift in range(0, bits, DIGIT):
        if _pass(source, target, counts, shift):
            source, target = target, source
    return source


@hot
def _digit(high: Number, low: Number, shift: int) -> Number:
    if shift >= 64:
        value = high >> np.uint64(shift - 64)
    elif shift > 64 - DIGIT:
        value = (low >> np.uint64(shift)) | (high << np.uint64(64 - shift))
    else:
        value = low >> np.uint64(shift)
    return np.int64(value & np.uint64((1 << DIGIT) - 1))


@compiled
def _pass(source: Array, target: Array, counts: Array, shift: int) -> bool:
    """Rows by one digit, in the order in which they were; False where all have the same one, and nothing is done."""
    counts[:] = 0
    for i in range(len(source)):
        counts[_digit(source[i, 0], source[i, 1], shift)] += 1
    before = 0
    for digit in range(len(counts)):
        if counts[digit] == len(source):
            return False
        here = counts[digit]
        counts[digit] = before
        before += here
    for i in range(len(source)):
        digit = _digit(source[i, 0], source[i, 1], shift)
        at = counts[digit]
        counts[digit] = at + 1
        for c in range(4):
            target[at, c] = source[i, c]
    return True


@compiled
def _add_up(rows: Array) -> int:
    """Equal n-grams of sorted rows become one, in place; returns how many are left."""
    kept = 0
    for i in range(len(rows)):
        if kept and rows[kept - 1, 0] == rows[i, 0] and rows[kept - 1, 1] == rows[i, 1]:
            rows[kept - 1, 2] += rows[i, 2]
            rows[kept - 1, 3] += rows[i, 3]
        else:
            for c in range(4):
                rows[kept, c] = rows[i, c]
            kept += 1
    return kept


# ---- n-grams as numbers ----


@inner
def _mask(bits: int) -> Number:
    return ~np.uint64(0) if bits >= 64 else (_ONE << np.uint64(bits)) - _ONE


@compiled
def word_at(high: Number, low: Number, bits: int, place: int) -> Number:
    """A word of an n-gram; places count from 0, the last one."""
    shift = bits * place
    if shift >= 64:
        value = high >> np.uint64(shift - 64)
    elif shift:
        value = (low >> np.uint64(shift)) | (high << (_64 - np.uint64(shift)))
    else:
        value = low
    return np.int64(value & _mask(bits))


@compiled
def grams(tokens: Array, numbers: Array, order: int, bits: int, end: int, history: Array, rows: Array) -> None:
    """A row for each token: the n-gram that ends with it, filled up with START_ID where its line begins.

    `numbers` gives a token its number; after `end` a line begins. `history` (two numbers) goes from call to call.
    """
    high, low = history[0], history[1]
    wide = order * bits
    high_mask, low_mask = _mask(max(0, wide - 64)), _mask(wide)
    if wide <= 64:
        high_mask = np.uint64(0)
    for i in range(len(tokens)):
        word = np.uint64(numbers[tokens[i]])
        high = ((high << np.uint64(bits)) | (low >> (_64 - np.uint64(bits)))) & high_mask
        low = ((low << np.uint64(bits)) | word) & low_mask
        rows[i, 0], rows[i, 1], rows[i, 2], rows[i, 3] = high, low, _ONE, _ONE
        if tokens[i] == end:
            high, low = np.uint64(0), np.uint64(0)
            for _ in range(order):
                high = ((high << np.uint64(bits)) | (low >> (_64 - np.uint64(bits)))) & high_mask
                low = ((low << np.uint64(bits)) | np.uint64(START_ID)) & low_mask
    history[0], history[1] = high, low


@compiled
def filled(high: Number, low: Number, bits: int, n: int) -> bool:
    """Whether an n-gram only stands for a shorter one at the beginning of a line: it begins with two marks of the beginning."""
    return n > 1 and word_at(high, low, bits, n - 2) == START_ID


@compiled
def shorten(rows: Array, bits: int, n: int, out: Array) -> None:
    """The n-grams without their first word. Each counts once, for one more word before it (Kneser and Ney's count); at the
    beginning of a line, where nothing else can stand before, as often as it is there.
    """
    wide = (n - 1) * bits
    high_mask, low_mask = _mask(max(0, wide - 64)), _mask(wide)
    if wide <= 64:
        high_mask = np.uint64(0)
    for i in range(len(rows)):
        high, low = rows[i, 0], rows[i, 1]
        out[i, 0], out[i, 1], out[i, 3] = high & high_mask, low & low_mask, rows[i, 3]
        out[i, 2] = rows[i, 2] if filled(high, low, bits, n) else _ONE
