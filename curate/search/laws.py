"""What the surface is tried against: the exponential law of data mixing, and a forest of regression trees.

Both say how sure they are by the bootstrap: they are fitted again to runs drawn with replacement (those of one mixture together), and the size of their
left-out errors is added where the noise of a run is asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.search.design import alike, rows_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
BOTTOMS = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
"""Candidates for the constant of the law, as shares of the smallest loss."""
RIDGES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
TREES, LEAST_LEAF = 100, 3


class Law:
    """c + exp(b + t·w) for each metric (Ye et al. 2024). For each candidate of c the rest is ridge regression; the c and
    the ridge with the smallest left-out error stay."""

    name = "law"

    def __init__(self, weights: Floats, losses: Floats) -> None:
        """Fit to [n, sources] and [n, metrics]."""
        self._runs = weights, losses
        self._columns = [_law(weights, losses[:, j]) for j in range(losses.shape[1])]

    def mean(self, weights: Floats) -> Floats:
        """Predicted losses, [k, metrics]."""
        return np.stack([bottom + np.exp(np.clip(weights @ slope, -50, 50)) for bottom, slope in self._columns], 1)

    def draws(self, weights: Floats, count: int, seed: int, noise: bool = False) -> Floats:
        """[count, k, metrics] by bootstrap."""
        return _bootstrap(lambda w, x: Law(w, x).mean, self._runs, self.mean, weights, count, seed, noise)


def _law(weights: Floats, y: Floats) -> tuple[float, Floats]:
    shift = min(0.0, float(y.min()) - 1e-6)  # a loss of 0 and less has a law as well, shifted
    best, found = np.inf, (0.0, np.zeros(weights.shape[1]))
    u, s, vt = np.linalg.svd(weights, full_matrices=False)
    for part in BOTTOMS:
        bottom = shift + part * (float(y.min()) - shift)
        target = np.log(np.maximum(y - bottom, 1e-9))
        middle = target.mean()  # weights add up to 1: a constant is in their span, and is not to shrink
        for ridge in RIDGES:
            keep = s**2 / (s**2 + ridge)
            fitted = u @ (keep * (u.T @ (target - middle)))
            own = np.minimum((u**2 * keep).sum(1), 1 - 1e-9)
            left_out = target - (target - middle - fitted) / (1 - own)
            error = float(((bottom + np.exp(np.clip(left_out, -50, 50)) - y) ** 2).mean())
            if error < best:
                slope = vt.T @ (s / (s**2 + ridge) * (u.T @ (target - middle))) + middle
                best, found = error, (bottom, slope)
    return found


@dataclass(frozen=True)
class _Node:
    value: Floats
    source: int = -1
    at: float = 0.0
    low: Any = None
    high: Any = None


class Forest:
    """Regression trees on shares, each grown on runs drawn with replacement and random sources (Breiman 2001).

    A tree is of all metrics at once, standardised.
    """

    name = "trees"

    def __init__(self, weights: Floats, losses: Floats, trees: int = TREES) -> None:
        """Grow to [n, sources] and [n, metrics]."""
        rng = np.random.Generator(np.random.PCG64(0))
        self._middle, self._scale = losses.mean(0), np.maximum(losses.std(0), 1e-12)
        y = (losses - self._middle) / self._scale
        groups = alike(weights)
        n = int(groups.max()) + 1
        self._runs = weights, losses
        self._trees = []
        for _ in range(trees):
            chosen = rows_of(groups, rng.integers(0, n, n))
            self._trees.append(_grow(weights[chosen], y[chosen], rng))

    def mean(self, weights: Floats) -> Floats:
        """Predicted losses, [k, metrics]."""
        found: Floats = np.mean(self._each(weights), 0)
        return found

    def draws(self, weights: Floats, count: int, seed: int, noise: bool = False) -> Floats:
        """[count, k, metrics]: each the mean of a fresh tenth of the trees, which spreads as a refitted forest does."""
        rng = np.random.Generator(np.random.PCG64(seed))
        each = self._each(weights)
        found = np.stack([each[rng.integers(0, len(each), max(1, len(each) // 10))].mean(0) for _ in range(count)])
        return found + _errors(self.mean, self._runs, found.shape, rng) if noise else found

    def _each(self, weights: Floats) -> Floats:
        found = np.empty((len(self._trees), len(weights), len(self._middle)))
        for tree, out in zip(self._trees, found, strict=True):
            _follow(tree, weights, np.arange(len(weights)), out)
        return np.asarray(found * self._scale + self._middle, dtype=np.float64)


def _grow(weights: Floats, y: Floats, rng: np.random.Generator) -> _Node:
    n, m = weights.shape
    if n < 2 * LEAST_LEAF:
        return _Node(y.mean(0))
    tried = np.sort(rng.permutation(m)[: max(1, -(-m // 3))])
    order = np.argsort(weights[:, tried], axis=0, kind="stable")
    x = np.take_along_axis(weights[:, tried], order, 0)
    sums = np.cumsum(y[order], axis=0)  # [n, tried, metrics]
    left = np.arange(1, n)[:, None]
    gain = (sums[:-1] ** 2).sum(2) / left + ((sums[-1] - sums[:-1]) ** 2).sum(2) / (n - left)
    allowed = (x[1:] > x[:-1]) & (left >= LEAST_LEAF) & (n - left >= LEAST_LEAF)
    gain = np.where(allowed, gain, -np.inf)
    row, column = np.unravel_index(int(gain.argmax()), gain.shape)
    if not np.isfinite(gain[row, column]):
        return _Node(y.mean(0))
    source, at = int(tried[column]), float(x[row, column])
    low = weights[:, source] <= at
    return _Node(y.mean(0), source, at, _grow(weights[low], y[low], rng), _grow(weights[~low], y[~low], rng))


def _follow(node: _Node, weights: Floats, rows: Ints, out: Floats) -> None:
    if node.source < 0:
        out[rows] = node.value
        return
    low = weights[rows, node.source] <= node.at
    _follow(node.low, weights, rows[low], out)
    _follow(node.high, weights, rows[~low], out)


def _bootstrap(
    fit: Callable[[Floats, Floats], Callable[[Floats], Floats]],
    runs: tuple[Floats, Floats],
    mean: Callable[[Floats], Floats],
    weights: Floats,
    count: int,
    seed: int,
    noise: bool,
) -> Floats:
    rng = np.random.Generator(np.random.PCG64(seed))
    groups = alike(runs[0])
    n = int(groups.max()) + 1
    drawn = [rows_of(groups, some) for some in rng.integers(0, n, (min(count, 200), n))]
    refits = [fit(runs[0][chosen], runs[1][chosen])(weights) for chosen in drawn]
    found = np.stack(refits)[np.arange(count) % len(refits)]
    return found + _errors(mean, runs, found.shape, rng) if noise else found


def _errors(
    mean: Callable[[Floats], Floats], runs: tuple[Floats, Floats], shape: tuple[int, ...], rng: np.random.Generator
) -> Floats:
    """Errors of the fit, drawn run by run, so that metrics stay together."""
    left = runs[1] - mean(runs[0])
    found: Floats = left[rng.integers(0, len(left), shape[:2])]
    return found
