"""Logistic regression on sparse rows, by AdaGrad, in a fixed order: the same rows give the same weights."""

import math

import numpy as np

from curate.filters.jit import Array, compiled


@compiled
def fit(
    starts: Array, places: Array, values: Array, bins: Array, good: Array, costs: Array, order: Array, rate: float, decay: float,
    words: Array, word_squares: Array, ranges: Array, range_squares: Array, bias: Array,
) -> float:  # fmt: skip
    """One run over all rows in `order`; changes the weights in place and returns the mean loss.

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


def binned(signals: Array, cuts: Array) -> Array:
    """The range of each signal of each row: rows x signals."""
    found = [np.searchsorted(cuts[s], signals[:, s], side="right") for s in range(signals.shape[1])]
    return np.stack(found, axis=1).astype(np.int64)
