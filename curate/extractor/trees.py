"""Gradient-boosted trees as arrays, and their sum over many rows.

The order of additions is fixed (tree by tree, in double precision), so the same rows give the same bytes on any
machine and with any number of threads.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curate.extractor.jit import Array, Number, compiled, inner


class Trees(NamedTuple):
    """An ensemble. A row goes left where its feature is at most the threshold; a negative child is leaf -1 - child."""

    roots: NDArray[np.int32]  # (trees,) index of each tree's first node; a tree of one leaf is a negative child
    feature: NDArray[np.int16]  # (nodes,)
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    leaf: NDArray[np.float32]  # (leaves,) summed to a log-odds


@compiled
def probabilities(trees: Trees, rows: Array, out: Array) -> None:
    """Fill `out` (float32, one a row) with the probability that the ensemble gives each of `rows` (float32)."""
    count = len(rows)
    sums = np.zeros(count)
    for tree in range(len(trees.roots)):
        root = trees.roots[tree]
        for i in range(count):
            node = root
            while node >= 0:
                if rows[i, trees.feature[node]] <= trees.threshold[node]:
                    node = trees.left[node]
                else:
                    node = trees.right[node]
            sums[i] += trees.leaf[-1 - node]
    for i in range(count):
        out[i] = 1.0 / (1.0 + exponential(-sums[i]))


LOG2E, LN2_HIGH, LN2_LOW = 1.4426950408889634, 6.93147180369123816490e-01, 1.90821492927058770002e-10


@inner
def exponential(x: Number) -> Number:
    """e to the power of x by additions and multiplications alone: libraries differ in the last bit, these don't."""
    x = min(40.0, max(-40.0, x))
    k = np.floor(x * LOG2E + 0.5)
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    total = 1.0
    for n in range(14, 0, -1):
        total = 1.0 + total * r / n
    return math.ldexp(total, int(k))
