"""How well scores tell good from bad: area under the ROC curve, its interval, reliability."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from curate.filters.jit import Array

RESAMPLES = 1000
BINS = 10


class Area(NamedTuple):
    """Area under the curve with a 95 % interval, of resampled groups."""

    value: float
    low: float
    high: float


def ranks(values: Array) -> Array:
    """Ranks from 1; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    means: Array = last - (counts - 1) / 2
    return means[inverse]


def auc(scores: Array, good: Array) -> float:
    """Chance that a good one has a higher score than a bad one; equal scores count half. NaN where a class is missing."""
    goods = int(good.sum())
    bads = len(good) - goods
    if not goods or not bads:
        return float("nan")
    return float((ranks(scores)[good].sum() - goods * (goods + 1) / 2) / (goods * bads))


def auc_with_interval(scores: Array, good: Array, groups: Sequence[int]) -> Area:
    """The area, and between which values 95 % of RESAMPLES samples of the groups (hosts) lie; the same ones each time."""
    _, number = np.unique(np.array(groups, np.uint64), return_inverse=True)
    count = int(number.max()) + 1
    order = np.argsort(number, kind="stable")
    starts = np.searchsorted(number[order], np.arange(count + 1))
    rng = np.random.default_rng(17)
    found = []
    for _ in range(RESAMPLES):
        chosen = rng.integers(0, count, count)
        at = order if count == 1 else np.concatenate([order[starts[g] : starts[g + 1]] for g in chosen])
        found.append(auc(scores[at], good[at]))
    known = np.array(found)[~np.isnan(found)]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (float("nan"), float("nan"))
    return Area(auc(scores, good), float(low), float(high))


class Reliability(NamedTuple):
    """Texts whose score lies in a tenth: how many, the mean score, the share that is good."""

    low: float
    texts: int
    mean: float
    good: float


def reliability(scores: Array, good: Array) -> list[Reliability]:
    """By tenths of the score; empty tenths are left out."""
    at = np.minimum((scores * BINS).astype(int), BINS - 1)
    rows = [(one / BINS, at == one) for one in range(BINS)]
    return [
        Reliability(low, int(here.sum()), float(scores[here].mean()), float(good[here].mean()))
        for low, here in rows
        if here.any()
    ]
