"""Fit each form to the runs, and keep the one that predicts left-out runs best."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from curate.search.laws import Forest, Law
from curate.search.surface import Surface

Floats = NDArray[np.float64]
FOLDS = 5


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


def fit(weights: Floats, losses: Floats, seed: int = 0) -> tuple[Fit, list[Tried]]:
    """The form to use, fitted to all runs [n, sources] and [n, metrics], and what cross-validation found of each.

    The surface is used unless another form's squared error of the objective is smaller by more than its standard error
    over the runs: small samples would else choose by luck.
    """
    measured = losses.mean(1)
    tried = [_tried(form, weights, losses, seed) for form in FORMS]
    squares = [(one.predicted - measured) ** 2 for one in tried]
    best = 0
    for i in range(1, len(FORMS)):
        ahead = squares[0] - squares[i]
        sure = ahead.mean() > ahead.std(ddof=1) / np.sqrt(len(ahead))
        if sure and (best == 0 or squares[i].mean() < squares[best].mean()):
            best = i
    return FORMS[best](weights, losses), tried


def _tried(form: Callable[[Floats, Floats], Fit], weights: Floats, losses: Floats, seed: int) -> Tried:
    n = len(weights)
    order = np.random.Generator(np.random.PCG64(seed)).permutation(n)
    predicted = np.empty(n)
    for fold in range(FOLDS):
        out = order[fold::FOLDS]
        rest = np.setdiff1d(order, out)
        predicted[out] = form(weights[rest], losses[rest]).mean(weights[out]).mean(1)
    measured = losses.mean(1)
    error = float(np.sqrt(((predicted - measured) ** 2).mean()))
    name = {"Surface": "surface", "Law": "law", "Forest": "trees"}[getattr(form, "__name__", "")]
    return Tried(name, error, rank_correlation(predicted, measured), predicted)


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
