"""Which runs count: each once, and none that diverged. What is fitted to the rest is not to be led by one broken run."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from curate.search import design
from curate.search.surface import Surface
from curate.search.tables import Runs

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
FAR = 8.0
"""Median absolute deviations from the median at which a loss is looked at: of RegMix's tables, none is so far."""
SURPRISE = 10.0
"""Standard deviations of what a surface through the other runs says, at which it is left out."""
MOST = 0.25
"""Share of the runs that may be left out as broken: more are no exception, but what was measured."""
DRAWS = 400


def once(runs: Runs) -> Runs:
    """Runs of the same weights and losses to the last digit count once, whatever they are called: they are copies."""
    table = np.concatenate([runs.weights, runs.losses], 1)
    _, first = np.unique(table, axis=0, return_index=True)
    again = len(table) - len(first)
    if not again:
        return runs
    told = "run has" if again == 1 else "runs have"
    note = f"{again:,} {told} weights and losses of another one to the last digit: a copy, not counted again"
    return replace(_some(runs, np.isin(np.arange(len(table)), first)), notes=(*runs.notes, note))


def steady(runs: Runs) -> Runs:
    """Without the runs that diverged or broke: a loss far from all others that a surface through those does not expect.

    A mixture may be far worse than others (all of one source), so it is not the distance alone that counts.
    """
    far = distances(runs.losses)
    broken = (far > FAR).any(1)
    rest = runs.weights[~broken]
    if not broken.any() or broken.mean() > MOST or len(rest) < design.least(rest.shape[1]):
        return runs
    surprise = _surprise(rest, runs.losses[~broken], runs.weights[broken], runs.losses[broken])
    surprise[far[broken] <= FAR] = 0
    out = np.flatnonzero(broken)[(surprise > SURPRISE).any(1)]
    kept = np.ones(len(runs.weights), dtype=bool)
    kept[out] = False
    reasons = [_reason(runs, int(i), int(np.argmax(far[i]))) for i in out]
    return replace(_some(runs, kept), left_out=(*runs.left_out, *reasons))


def distances(losses: Floats) -> Floats:
    """Of each loss from the median of its metric in median absolute deviations, or so of their logarithms where these are
    farther (a loss of 0 among losses of 3), [runs, metrics]."""
    middle = np.median(losses, 0)
    gap = np.abs(losses - middle)
    found: Floats = gap / np.maximum(np.median(gap, 0), 1e-3 * np.abs(middle) + 1e-300)
    if (middle > 0).all():
        ratio = np.abs(np.log(np.maximum(losses / middle, 1e-9)))
        found = np.maximum(found, ratio / np.maximum(np.median(ratio, 0), 1e-3))
    return found


def _surprise(weights: Floats, losses: Floats, asked: Floats, measured: Floats) -> Floats:
    """How many standard deviations measured losses are from what the runs let expect, [asked, metrics]."""
    drawn = Surface(weights, losses).draws(asked, DRAWS, 0, True)
    low, middle, high = np.quantile(drawn, [0.16, 0.5, 0.84], axis=0)
    found: Floats = np.abs(measured - middle) / np.maximum((high - low) / 2, 1e-9 * np.abs(middle) + 1e-300)
    return found


def _reason(runs: Runs, run: int, metric: int) -> str:
    value, usual = runs.losses[run, metric], float(np.median(runs.losses[:, metric]))
    return (
        f"the run {runs.names[run]!r}: {runs.metrics[metric]} {value:.4g}, of all runs {usual:.4g} in the middle, and not what "
        "its mixture would explain: it diverged or broke"
    )


def _some(runs: Runs, kept: Bools) -> Runs:
    def of(values: Sequence[str]) -> tuple[str, ...]:
        return tuple(value for value, keep in zip(values, kept, strict=True) if keep)

    return replace(runs, weights=runs.weights[kept], losses=runs.losses[kept], names=of(runs.names))
