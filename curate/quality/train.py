"""Train the linear model of quality (`filters.linear`) and write its folder."""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from curate.errors import OutputError, UsageError
from curate.files import storage
from curate.filters import linear
from curate.filters.jit import Array, compiled
from curate.quality.labelled import Labelled, Text, held_out
from curate.quality.measures import auc_with_interval

BUCKETS, RANGES, EPOCHS = 1 << 18, 10, 6
RATE, DECAY = 0.15, 1e-5
HELD_OUT = 0.1
LEAST = 20
"""Texts of a class below which there is nothing to learn from."""
SHOWN_WORDS = 60
SEEN = "seen.u64"
"""Digests of the hosts and texts that a model has learnt from, sorted, little endian: the hosts first."""


@dataclass(frozen=True)
class Rows:
    """Texts as the model sees them, one behind the other."""

    starts: Array
    places: Array
    values: Array
    signals: Array


def rows_of(texts: Sequence[str], stop_words: Sequence[str], buckets: int) -> Rows:
    """Features of all texts."""
    stops = linear.hashes(tuple(stop_words))
    found = [linear.features(text, stops, buckets) for text in texts]
    starts = np.cumsum([0, *(len(one.places) for one in found)])
    return Rows(
        starts,
        np.concatenate([one.places for one in found]).astype(np.int32),
        np.concatenate([one.values for one in found]).astype(np.float32),
        np.stack([one.signals for one in found]),
    )


@dataclass(frozen=True)
class Weights:
    bias: float
    cuts: Array
    ranges: Array
    words: Array


def learn(rows: Rows, good: Array, order_by: Sequence[int], buckets: int, epochs: int = EPOCHS) -> Weights:
    """The weights. Both classes weigh the same, however many texts they have; `order_by` (digests) gives the order of the rows."""
    cuts = np.quantile(rows.signals, np.linspace(0, 1, RANGES + 1)[1:-1], axis=0).T.copy()
    bins = _binned(rows.signals, cuts)
    costs = np.where(good, 0.5 / good.mean(), 0.5 / (1 - good.mean()))
    words, ranges, bias = np.zeros(buckets), np.zeros((len(linear.SIGNALS), RANGES)), np.zeros(2)
    squares, range_squares = np.zeros(buckets), np.zeros_like(ranges)
    digests = np.array(order_by, np.uint64)
    for epoch in range(epochs):
        order = np.argsort(digests * np.uint64(2 * epoch + 0x9E3779B97F4A7C15), kind="stable")  # another one each time
        _fit(
            rows.starts, rows.places, rows.values, bins, good.astype(np.float64), costs, order, RATE, DECAY,
            words, squares, ranges, range_squares, bias,
        )  # fmt: skip
    return Weights(float(bias[0]), cuts, ranges, words.astype(np.float32))


def scores(weights: Weights, rows: Rows) -> Array:
    """The score of each row."""
    bins = _binned(rows.signals, weights.cuts)
    signals = weights.ranges[np.arange(len(linear.SIGNALS)), bins].sum(axis=1)
    sums = np.add.reduceat(np.append(rows.values * weights.words[rows.places], 0.0), rows.starts[:-1])
    sums[np.diff(rows.starts) == 0] = 0.0
    found: Array = 1.0 / (1.0 + np.exp(-np.clip(weights.bias + signals + sums, -50, 50)))
    return found


def train(found: Labelled, output: str, sources: dict[str, list[str]], *, buckets: int = BUCKETS) -> dict[str, Any]:
    """Train on texts, write the model to the folder `output` and return its card.

    A tenth of the hosts is kept back to score the model; then it learns from all. Raises UsageError where a class has too few
    texts, OutputError where there is something at `output`.
    """
    if storage.exists(output):
        raise OutputError(f"{output} exists already: choose another --output")
    counts = Counter(one.good for one in found.texts)
    if min(counts[True], counts[False]) < LEAST:
        raise UsageError(f"{counts[True]:,} good and {counts[False]:,} bad texts: at least {LEAST} of each are needed")
    texts = found.texts
    rows = rows_of([one.text for one in texts], linear.STOP_WORDS, buckets)
    good = np.array([one.good for one in texts])
    digests = [one.digest for one in texts]
    weights = learn(rows, good, digests, buckets)
    held = _held_out(texts, rows, good, digests, buckets)
    return write(output, found, weights, buckets, sources, held)


def write(
    output: str,
    found: Labelled,
    weights: Weights,
    buckets: int,
    sources: dict[str, list[str]],
    held: dict[str, object] | None = None,
) -> dict[str, Any]:
    """Write weights that were learnt from texts as a model to the folder `output` and return its card. `held` is what it is worth."""
    card = _card(found.texts, weights, buckets, sources)
    card["held_out"] = held
    card["notes"] = found.notes
    _write(output, card, weights, _seen(found.texts))
    return card


def _held_out(
    texts: Sequence[Text], rows: Rows, good: Array, digests: Sequence[int], buckets: int
) -> dict[str, object]:
    """How well weights that were learnt from nine tenths of the hosts tell the texts of the others apart."""
    back = np.array(held_out(texts, HELD_OUT))
    if min(good[back].sum(), (~good[back]).sum(), good[~back].sum(), (~good[~back]).sum()) < 2:
        return {"documents": int(back.sum()), "auc": None}
    at = np.flatnonzero(~back)
    kept = at.tolist()
    weights = learn(_part(rows, at), good[at], [digests[i] for i in kept], buckets)
    rest = np.flatnonzero(back)
    area = auc_with_interval(scores(weights, _part(rows, rest)), good[rest], [texts[i].group for i in rest.tolist()])
    hosts = len({texts[i].group for i in rest.tolist()})
    return {"documents": len(rest), "hosts": hosts, "auc": area.value, "low": area.low, "high": area.high}


def _part(rows: Rows, at: Array) -> Rows:
    lengths = np.diff(rows.starts)[at]
    inside = np.concatenate([np.arange(rows.starts[i], rows.starts[i + 1]) for i in at])
    return Rows(np.cumsum([0, *lengths]), rows.places[inside], rows.values[inside], rows.signals[at])


def _card(texts: Sequence[Text], weights: Weights, buckets: int, sources: dict[str, list[str]]) -> dict[str, object]:
    data = weights.words.astype("<f4").tobytes()
    whole = hashlib.sha256()
    for one in texts:
        whole.update(f"{one.digest:016x}{int(one.good)}".encode())
    goods = sum(one.good for one in texts)
    return {
        "format": linear.FORMAT,
        "version": linear.VERSION,
        "buckets": buckets,
        "words_sha256": hashlib.sha256(data).hexdigest(),
        "stop_words": list(linear.STOP_WORDS),
        "signals": list(linear.SIGNALS),
        "bias": weights.bias,
        "cuts": [[float(f"{x:.6g}") for x in row] for row in weights.cuts.tolist()],
        "ranges": [[float(f"{x:.6g}") for x in row] for row in weights.ranges.tolist()],
        "strongest_words": _strongest(texts, weights, buckets),
        "data": {
            **sources,
            "good_texts": goods,
            "bad_texts": len(texts) - goods,
            "hosts": len({one.group for one in texts}),
            "languages": dict(Counter(one.language for one in texts if one.language).most_common(10)),
            "digest": whole.hexdigest()[:32],
        },
    }


def _strongest(texts: Sequence[Text], weights: Weights, buckets: int) -> dict[str, float]:
    """Words and pairs of at least five of the texts with the strongest weights, for people to read."""
    counts = Counter[str]()
    for one in texts[:: max(1, len(texts) // 5000)]:
        known = linear.words(one.text[:20_000])
        counts.update({*known, *map(" ".join, pairwise(known))})
    common = [word for word, count in counts.items() if count >= 5]
    weighed = {word: float(weights.words[linear.bucket(word, buckets)]) for word in common}
    ranked = sorted(weighed.items(), key=lambda item: (-abs(item[1]), item[0]))[:SHOWN_WORDS]
    return {word: float(f"{weight:.4g}") for word, weight in ranked}


def _seen(texts: Sequence[Text]) -> tuple[list[int], list[int]]:
    return sorted({one.group for one in texts if one.host}), sorted({one.digest for one in texts})


def _write(output: str, card: dict[str, object], weights: Weights, seen: tuple[list[int], list[int]]) -> None:
    card["seen"] = {"hosts": len(seen[0]), "texts": len(seen[1])}
    with storage.atomic(storage.join(output, linear.WORDS)) as path:
        Path(path).write_bytes(weights.words.astype("<f4").tobytes())
    with storage.atomic(storage.join(output, SEEN)) as path:
        Path(path).write_bytes(np.array([*seen[0], *seen[1]], "<u8").tobytes())
    storage.write_text(storage.join(output, linear.CARD), json.dumps(card, indent=1, ensure_ascii=False) + "\n")


def seen(folder: Path | Traversable, card: Any) -> tuple[Array, Array]:
    """Digests of the (hosts, texts) that a model has learnt from; empty where its folder does not say."""
    path = folder / SEEN
    told = card.get("seen") if isinstance(card.get("seen"), dict) else {}
    hosts, texts = told.get("hosts"), told.get("texts")
    if not path.is_file() or type(hosts) is not int or type(texts) is not int:
        return np.empty(0, np.uint64), np.empty(0, np.uint64)
    found = path.read_bytes()
    if min(hosts, texts) < 0 or len(found) != 8 * (hosts + texts):
        raise ValueError(f"{path} is not as long as the card says")
    data = np.frombuffer(found, "<u8")
    return data[:hosts], data[hosts:]


@compiled
def _fit(
    starts: Array, places: Array, values: Array, bins: Array, good: Array, costs: Array, order: Array, rate: float, decay: float,
    words: Array, word_squares: Array, ranges: Array, range_squares: Array, bias: Array,
) -> float:  # fmt: skip
    """One run over all rows in `order` of logistic regression by AdaGrad; changes the weights in place and returns the mean loss.

    Row i has the buckets places[starts[i]:starts[i + 1]] with `values`, and the range bins[i, s] of signal s. `costs` weighs the
    rows, `decay` draws weights to zero whenever they are used.
    """
    loss, weight = 0.0, 0.0
    for row in order:
        total = bias[0]
        for s in range(bins.shape[1]):
            total += ranges[s, bins[row, s]]
        for i in range(starts[row], starts[row + 1]):
            total += values[i] * words[places[i]]
        chance = 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, total))))
        error = (chance - good[row]) * costs[row]
        loss -= costs[row] * math.log(max(1e-12, chance if good[row] > 0.5 else 1.0 - chance))
        weight += costs[row]
        bias[1] += error * error
        bias[0] -= rate * error / math.sqrt(1e-8 + bias[1])
        for s in range(bins.shape[1]):
            at = bins[row, s]
            slope = error + decay * ranges[s, at]
            range_squares[s, at] += slope * slope
            ranges[s, at] -= rate * slope / math.sqrt(1e-8 + range_squares[s, at])
        for i in range(starts[row], starts[row + 1]):
            at = places[i]
            slope = error * values[i] + decay * words[at]
            word_squares[at] += slope * slope
            words[at] -= rate * slope / math.sqrt(1e-8 + word_squares[at])
    return loss / max(weight, 1e-12)


def _binned(signals: Array, cuts: Array) -> Array:
    """The range of each signal of each row: rows x signals."""
    found = [np.searchsorted(cuts[s], signals[:, s], side="right") for s in range(signals.shape[1])]
    return np.stack(found, axis=1).astype(np.int64)
