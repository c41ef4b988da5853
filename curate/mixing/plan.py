"""From weights and counts to draws: how often each document of each source goes into the mixture.

A source that is asked for e = k + f epochs (k whole, 0 <= f < 1) gives each document k times, and in epoch k the
documents whose number (a hash of seed, source, id and epoch) lies below a threshold: each document is drawn floor(e) or
ceil(e) times. The threshold is found from the counts: in the order of their numbers documents are taken as long as that
brings the sum nearer to what was asked. Where that leaves more than a thousandth, because documents are large, the cut
is made before the document that is too much, and up to four of the next thousand are drawn besides, to fill the gap.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from curate.errors import AlarmError, InputError, UsageError
from curate.mixing.counts import UNITS, Amounts, FileCounts, Totals, amounts
from curate.mixing.hashing import DRAW, U64, held_out, numbers
from curate.mixing.mixture import resolve
from curate.mixing.units import rounded_down, short

if TYPE_CHECKING:
    from curate.mixing.job import Request

BINS = 1 << 16
SHARD_BYTES = 256 << 20
SHARE_TOLERANCE = 1e-3
"""The drawn share of a source lies within this fraction of its weight, or the plan says why not."""
FILLERS, MOST_FILLERS = 1000, 4
"""Documents after the cut among which some are looked for that fill the gap, and how many at most."""
SAMPLED_IDS = 1 << 21
"""Repeated ids are looked for among about so many documents of a source."""
EPOCHS_WITHOUT_LOSS = 4.0
"""Up to about four epochs repeated data is nearly as good as new (Muennighoff et al. 2023, Scaling
Data-Constrained Language Models)."""


@dataclass(frozen=True)
class Stock:
    """What a source holds, and what of it may be drawn."""

    name: str
    files: tuple[FileCounts, ...]
    fraction: float
    """Share of the ids that is held out."""
    available: Totals
    """Without held-out and contaminated documents; of repeated ones (see `repeats`), with the repeats of an epoch."""
    held_out: Totals
    contaminated: Totals
    repeated_ids: int = 0
    """Documents whose id another one has, too (estimated for sources of many documents)."""


@dataclass(frozen=True)
class Draw:
    """What is drawn from one source."""

    source: str
    weight: float
    stock: Stock
    target: float
    """Amount asked for, in the unit of the mixture."""
    whole: int
    """Epochs in which every document is drawn."""
    threshold: int
    """In epoch number `whole`, documents with numbers below this (0..2**64) are drawn."""
    drawn: Totals
    """With repeats."""
    extra: tuple[int, ...]
    """Numbers of documents above the threshold that are drawn besides, to fill a gap; mostly none."""
    step: float
    """Amount of the document at the threshold."""


@dataclass(frozen=True)
class Plan:
    """All draws of a mixture."""

    seed: int
    unit: str
    budget: float
    draws: tuple[Draw, ...]

    @property
    def drawn(self) -> Totals:
        """Sum over the sources."""
        return sum((draw.drawn for draw in self.draws), Totals())

    def epochs(self, draw: Draw) -> float:
        """Drawn over available, in the unit of the mixture."""
        available = draw.stock.available.of(self.unit)
        return draw.drawn.of(self.unit) / available if available else 0.0

    def share(self, draw: Draw) -> float:
        """The part of the mixture that the source really makes up."""
        total = self.drawn.of(self.unit)
        return draw.drawn.of(self.unit) / total if total else 0.0

    def deviations(self) -> list[str]:
        """Why the drawn share of a source is further from its weight than SHARE_TOLERANCE, one sentence a
        source."""
        found = []
        for draw in self.draws:
            off = self.share(draw) / draw.weight - 1 if draw.weight else 0.0
            if abs(off) > SHARE_TOLERANCE:
                missed = draw.drawn.of(self.unit) - draw.target
                near = f"the next document has {draw.step:,.0f}" if draw.step else "no document is left of the round"
                found.append(
                    f"{draw.source}: the drawn share is {off:+.2%} off its weight, as documents are not cut: "
                    f"{missed:+,.0f} {self.unit} against {draw.target:,.0f} asked, and {near}. "
                    "A larger budget makes the difference smaller"
                )
        return found

    def number_of_shards(self, asked: int | None) -> int:
        """Files of the mixture: as many as were asked for, else one per SHARD_BYTES of text."""
        return asked or max(1, math.ceil(self.drawn.bytes / SHARD_BYTES))

    def check_repeats(self, max_epochs: float) -> None:
        """Raise AlarmError when a source would be repeated more often than allowed."""
        if found := self.too_often(max_epochs):
            raise AlarmError("; ".join(found))

    def too_often(self, max_epochs: float) -> list[str]:
        """Sources that would be repeated more than `max_epochs` times, one sentence each."""
        found = []
        for draw in self.draws:
            asked = draw.target / draw.stock.available.of(self.unit)
            if asked > max_epochs * (1 + 1e-9):
                most = draw.stock.available.of(self.unit) * max_epochs / draw.weight
                found.append(
                    f"{draw.source} would be repeated {asked:.2f} times, more than --max-epochs "
                    f"{max_epochs:g}: ask for at most {short(rounded_down(most))} {self.unit}, give it less weight or more data, "
                    "or raise the limit"
                )
        return found


def answer(request: "Request", files: Sequence[Sequence[FileCounts]]) -> Plan:
    """The plan for sources that are counted. Raises RecipeError, InputError as `mixture.resolve` and
    `make` do."""
    stocks = [stock(source.name, found, request.held_out) for source, found in zip(request.sources, files, strict=True)]
    sizes = {one.name: float(one.available.of(request.unit)) for one in stocks}
    total = sum(sizes.values())
    weights = resolve(request.mixture, sizes, request.budget or total, request.max_epochs)
    weights = {one.name: weights.get(one.name, 0.0) for one in stocks}
    if request.mixture.baseline:
        for one in stocks:
            check_stock(one, request.unit)
    budget = float(request.budget or 0)
    if not budget:
        free = request.mixture.baseline == "unimax"
        budget = total if free else once(stocks, weights, request.unit)
    made = make(stocks, weights, budget, request.unit, request.seed)
    if not made.drawn.documents:
        raise UsageError(f"no document fits into {budget:,.0f} {request.unit}: give a larger --{request.unit}")
    return made


def stock(name: str, files: Sequence[FileCounts], fraction: float) -> Stock:
    """Add up a source: what may be drawn, what is held out (`fraction` of the ids), what is contaminated."""
    available = kept_back = dirty = Totals()
    total = sum(file.totals.documents for file in files)
    part = max(1, total // SAMPLED_IDS)
    sampled: list[U64] = []
    for batch in amounts(files):
        sampled.append(batch.key[batch.key % np.uint64(part) == 0] if part > 1 else batch.key)
        out = held_out(batch.key, fraction)
        available += batch.totals(~out & ~batch.contaminated)
        kept_back += batch.once(out)
        dirty += batch.once(~out & batch.contaminated)
    return Stock(name, tuple(files), fraction, available, kept_back, dirty, part * _repeats(sampled))


def _repeats(keys: Sequence[U64]) -> int:
    """How many keys stand after an equal one."""
    joined = np.concatenate(keys) if keys else np.zeros(0, np.uint64)
    return len(joined) - len(np.unique(joined))


def make(stocks: Sequence[Stock], weights: Mapping[str, float], budget: float, unit: str, seed: int) -> Plan:
    """The plan for weights that add up to 1. Raises InputError for a source with weight and no document to
    draw."""
    for one in stocks:
        if weights[one.name]:
            check_stock(one, unit)
    draws = tuple(_draw(one, weights[one.name], weights[one.name] * budget, unit, seed) for one in stocks)
    return Plan(seed, unit, budget, draws)


def skipped_told(one: Stock) -> list[str]:
    """Records of a source that could not be read: how many of each kind, and where the first one is."""
    skipped, where = Counter[str](), dict[str, str]()
    for file in one.files:
        skipped.update(file.skipped)
        where = {**{kind: f" ({file.file}: {place})" for kind, place in file.where.items()}, **where}
    return [f"{number} {kind}{where.get(kind, '')}" for kind, number in sorted(skipped.items())]


def check_stock(one: Stock, unit: str) -> None:
    """Raise InputError, with the reasons, when a source holds nothing that may be drawn."""
    if one.available.of(unit):
        return
    why = skipped_told(one)
    why += [f"{one.held_out.documents} held out"] if one.held_out.documents else []
    why += [f"{one.contaminated.documents} contaminated"] if one.contaminated.documents else []
    reasons = ", ".join(why) or "no records"
    raise InputError(f"source {one.name} is empty: {len(one.files)} files, no document to draw ({reasons})")


def once(stocks: Sequence[Stock], weights: Mapping[str, float], unit: str) -> float:
    """The largest budget for which no source is repeated."""
    used = [one for one in stocks if weights[one.name] > 0]
    for one in used:
        check_stock(one, unit)
    return min(one.available.of(unit) / weights[one.name] for one in used)


@dataclass(frozen=True)
class _Cut:
    """Where the order of numbers is cut, and what lies below."""

    threshold: int = 0
    extra: tuple[int, ...] = ()
    below: Totals = field(default_factory=Totals)
    step: float = 0.0


def _draw(one: Stock, weight: float, target: float, unit: str, seed: int) -> Draw:
    available = one.available.of(unit)
    whole = math.floor(target / available + 1e-9) if available else 0
    rest = max(0.0, target - whole * available)
    cut = _cut(one, rest, SHARE_TOLERANCE / 2 * target, unit, seed, whole)
    drawn = one.available.times(whole) + cut.below
    return Draw(one.name, weight, one, target, whole, cut.threshold, drawn, cut.extra, cut.step)


def _cut(one: Stock, rest: float, allowed: float, unit: str, seed: int, epoch: int) -> _Cut:
    """Cut the order of numbers so that `rest` lies below, up to `allowed` where that can be.

    Two passes over the counts: sums by the upper 16 bits of the numbers, then the exact order within the bins around
    the cut. Memory: 65,536 bins and the documents of those few.
    """
    if rest <= 0:
        return _Cut()
    sums = np.zeros((3, BINS))
    for batch, values in _eligible(one, seed, epoch):
        bins = (values >> np.uint64(48)).astype(np.int64)
        for row, name in enumerate(UNITS):
            sums[row] += np.bincount(bins, batch.of(name), BINS)
    reached = np.cumsum(sums[UNITS.index(unit)])
    first = min(int(np.searchsorted(reached, rest, side="right")), BINS - 1)
    last = min(BINS - 1, first + math.ceil(2 * FILLERS * BINS / max(1, one.available.documents)))
    tokens, size, documents = (int(sums[row, :first].sum()) for row in range(3))
    window = _Window(one, seed, epoch, first, last)
    return window.cut(Totals(documents, tokens, size), rest, allowed, unit)


def _largest(sizes: NDArray[np.float64], room: float) -> int:
    """The first place of the largest positive size that fits, or -1."""
    fits = np.where(sizes <= room, sizes, 0)
    return int(np.argmax(fits)) if fits.size and fits.max() > 0 else -1


class _Window:
    """The documents of a few bins in the order of their numbers."""

    def __init__(self, one: Stock, seed: int, epoch: int, first: int, last: int) -> None:
        found = []
        for batch, values in _eligible(one, seed, epoch):
            bins = values >> np.uint64(48)
            mask = (bins >= np.uint64(first)) & (bins <= np.uint64(last))
            found.append((values[mask], *(batch.of(unit)[mask] for unit in UNITS)))
        values, tokens, sizes, documents = (np.concatenate(column) for column in zip(*found, strict=True))
        order = np.argsort(values, kind="stable")
        self.values, self.tokens, self.sizes = values[order], tokens[order], sizes[order]
        self.documents = documents[order]
        self.end = (last + 1) << 48
        # Documents with one id have one number: they are drawn together or not at all.
        self.apart = np.concatenate([[True], self.values[1:] != self.values[:-1], [True]])

    def cut(self, before: Totals, rest: float, allowed: float, unit: str) -> _Cut:
        """The nearest cut, or the one before `rest` and a document that fills the gap, where that is needed and
        nearer."""
        if not len(self.values):
            return _Cut(self.end, (), before)
        amount = {"tokens": self.tokens, "bytes": self.sizes, "documents": self.documents}[unit]
        sums = before.of(unit) + np.concatenate([[0], np.cumsum(amount)])
        distance = np.where(self.apart, np.abs(sums - rest), np.inf)
        take = int(np.argmin(distance))
        step = float(amount[min(take, len(amount) - 1)])
        nearest = _Cut(self._number(take), (), self._below(before, take), step)
        if distance[take] <= allowed:
            return nearest
        under = int(np.flatnonzero(self.apart & (sums <= rest))[-1])
        fillers, gap = self._fillers(amount, under, rest - float(sums[under]), allowed)
        if not fillers or abs(gap) >= distance[take]:
            return nearest
        drawn = sum((self._at(place) for place in fillers), self._below(before, under))
        return _Cut(self._number(under), tuple(int(self.values[place]) for place in fillers), drawn, step)

    def _fillers(self, amount: NDArray[np.int64], under: int, gap: float, allowed: float) -> tuple[list[int], float]:
        """Places of documents after the cut that fill a gap, largest fitting first, and what is left of it."""
        stop = under + FILLERS
        sizes = np.where((self.apart[:-1] & self.apart[1:])[under:stop], amount[under:stop], 0).astype(np.float64)
        chosen: list[int] = []
        while len(chosen) < MOST_FILLERS and abs(gap) > allowed:
            close = np.where(sizes > 0, np.abs(sizes - gap), np.inf)
            place = int(np.argmin(close)) if close.size and close.min() <= allowed else _largest(sizes, gap)
            if place < 0:
                break
            chosen.append(under + place)
            gap -= float(sizes[place])
            sizes[place] = 0
        return chosen, gap

    def _number(self, place: int) -> int:
        return int(self.values[place]) if place < len(self.values) else self.end

    def _below(self, before: Totals, place: int) -> Totals:
        below = (self.documents, self.tokens, self.sizes)
        return before + Totals(*(int(amounts[:place].sum()) for amounts in below))

    def _at(self, place: int) -> Totals:
        return Totals(int(self.documents[place]), int(self.tokens[place]), int(self.sizes[place]))


def _eligible(one: Stock, seed: int, epoch: int) -> Iterator[tuple["_Chosen", U64]]:
    """The documents that may be drawn, with their numbers, batch by batch."""
    for batch in amounts(one.files):
        mask = ~held_out(batch.key, one.fraction) & ~batch.contaminated
        yield _Chosen(batch, mask), numbers(batch.key[mask], DRAW, seed, one.name, epoch)


class _Chosen:
    def __init__(self, batch: Amounts, mask: NDArray[np.bool_]) -> None:
        self._batch, self._mask = batch, mask

    def of(self, unit: str) -> NDArray[np.int64]:
        return self._batch.of(unit)[self._mask]
