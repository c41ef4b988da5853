"""Fit each form to the runs, and keep the one that predicts left-out runs best."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from curate.search import design
from curate.search.laws import Forest, Law
from curate.search.surface import Surface

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
FOLDS = 5
SPREADS = 400
"""Draws from which the spread of a left-out run is taken."""
WIDEST = 10.0


class Fit(Protocol):
    """Losses of any mixture, from runs."""

    name: str

    def mean(self, weights: Floats) -> Floats:
        """Predicted losses, [k, metrics]."""
        ...

    def draws(self, weights: Floats, count: int, seed: int, noise: bool = False) -> Floats:
        """Losses that the runs allow, [count, k, metrics]; with the noise of a run if asked."""
        ...


FORMS: Sequence[Callable[[Floats, Floats], Fit]] = (Surface, Law, Forest)


@dataclass(frozen=True)
class Tried:
    """How well one form predicts the objective of runs that it was not fitted to."""

    name: str
    error: float
    """Root of the mean square."""
    correlation: float
    """Spearman's, predicted with measured."""
    predicted: Floats
    """[n], each run from the other folds."""
    without: list[tuple[Fit, Ints]]
    """Each fold's fit, and the runs that took no part in it."""


def fit(
    weights: Floats, losses: Floats, seed: int = 0, tell: Callable[[str], None] | None = None
) -> tuple[Fit, list[Tried]]:
    """The form to use, fitted to all runs [n, sources] and [n, metrics], and what cross-validation found of each.

    The surface is used unless another form's squared error of the objective is smaller by more than its standard error
    over the runs: small samples would else choose by luck.
    """
    measured = losses.mean(1)
    tried = [_tried(form, weights, losses, seed, tell) for form in FORMS]
    squares = [(one.predicted - measured) ** 2 for one in tried]
    best = 0
    for i in range(1, len(FORMS)):
        ahead = squares[0] - squares[i]
        sure = ahead.mean() > ahead.std(ddof=1) / np.sqrt(len(ahead))
        if sure and (best == 0 or squares[i].mean() < squares[best].mean()):
            best = i
    if tell:
        tell(f"{tried[best].name}: fitted to all runs")
    return FORMS[best](weights, losses), tried


def _tried(
    form: Callable[[Floats, Floats], Fit],
    weights: Floats,
    losses: Floats,
    seed: int,
    tell: Callable[[str], None] | None,
) -> Tried:
    name = {"Surface": "surface", "Law": "law", "Forest": "trees"}[getattr(form, "__name__", "")]
    n, groups = len(weights), design.alike(weights)
    order = np.random.Generator(np.random.PCG64(seed)).permutation(int(groups.max()) + 1)
    predicted = np.empty(n)
    without = []
    for fold in range(FOLDS):
        if tell:
            tell(f"{name}: left-out runs, {fold + 1} of {FOLDS}")
        out = design.rows_of(groups, order[fold::FOLDS])  # runs of one mixture stay together: they tell each other
        rest = np.setdiff1d(np.arange(n), out)
        one = form(weights[rest], losses[rest])
        predicted[out] = one.mean(weights[out]).mean(1)
        without.append((one, out))
    measured = losses.mean(1)
    error = float(np.sqrt(((predicted - measured) ** 2).mean()))
    return Tried(name, error, rank_correlation(predicted, measured), predicted, without)


def widening(
    without: Sequence[tuple[Fit, Ints]],
    weights: Floats,
    losses: Floats,
    seed: int = 0,
    tell: Callable[[str], None] | None = None,
) -> float:
    """How many times too narrow the objective's spread is, by runs that took no part in a fit: 1 at least.

    The root mean square of the left-out errors in standard deviations of what was drawn for them, the noise of a run among
    it. A form that is right about its own errors has 1 there; the errors of a mean over metrics are the first to be taken
    for too small, as they depend on how the errors of the metrics go together, and a smooth surface is an assumption.
    """
    measured = losses.mean(1)
    least = 1e-6 * max(float(measured.std()), 1e-300)
    squares = []
    for number, (one, out) in enumerate(without, 1):
        if tell:
            tell(f"{one.name}: spread of left-out runs, {number} of {len(without)}")
        drawn = one.draws(weights[out], SPREADS, seed, True).mean(2)
        squares.append(((measured[out] - drawn.mean(0)) / np.maximum(drawn.std(0), least)) ** 2)
    return float(np.clip(np.sqrt(np.concatenate(squares).mean()), 1.0, WIDEST))


def rank_correlation(a: Floats, b: Floats) -> float:
    """Spearman's; 0 where one of them does not vary."""
    x, y = _ranks(a), _ranks(b)
    if x.std() == 0 or y.std() == 0:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])


def _ranks(values: Floats) -> Floats:
    """Ranks, equal values sharing theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    found: Floats = (ends - (counts - 1) / 2)[inverse]
    return found
