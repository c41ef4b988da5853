"""Gradient-boosted trees as arrays, and their sum over many rows.

Every tree is complete down to `depth` levels, and its nodes lie in the order of a heap: the children of node i are
2 i + 1 and 2 i + 2. A row then walks a fixed number of steps without a branch, so the processor can follow many rows at
once. The order of additions is fixed (tree by tree, in double precision), so the same rows give the same bytes on any
machine and with any number of threads.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curate.filters.jit import Array, Number, compiled_making, inner

DEEPEST = 12  # levels of a tree
TOGETHER = 32  # rows that walk a tree side by side: they stay in the nearest cache
U32 = np.uint32  # unsigned, so that compiled code need not ask whether an index is negative


class Trees(NamedTuple):
    """An ensemble. A row goes left where its feature is at most the threshold."""

    feature: NDArray[np.int16]  # (trees, 2^depth - 1)
    threshold: NDArray[np.float32]  # (trees, 2^depth - 1)
    leaf: NDArray[np.float32]  # (trees, 2^depth) summed to a log-odds


@compiled_making
def probabilities(trees: Trees, rows: Array, out: Array) -> None:
    """Fill `out` (float32, one a row) with the probability that the ensemble gives each of `rows` (float32)."""
    count, columns = rows.shape
    many, inside = trees.feature.shape
    depth = 0
    while (1 << depth) <= inside:
        depth += 1
    turned = np.zeros(columns * TOGETHER, np.float32)  # by column, so that neighbours are read together
    node = np.zeros(TOGETHER, np.uint32)
    sums = np.zeros(TOGETHER)
    for first in range(0, count, TOGETHER):
        size = min(TOGETHER, count - first)
        for i in range(size):
            for column in range(columns):
                turned[column * TOGETHER + i] = rows[first + i, column]
        sums[:] = 0.0
        for tree in range(many):
            feature, threshold, leaf = trees.feature[tree], trees.threshold[tree], trees.leaf[tree]
            node[:] = 0
            for _ in range(depth):
                for i in range(TOGETHER):
                    at = node[i]
                    right = turned[U32(feature[at]) * U32(TOGETHER) + U32(i)] > threshold[at]
                    node[i] = U32(2) * at + U32(1) + U32(right)
            for i in range(TOGETHER):
                sums[i] += leaf[node[i] - U32(inside)]
        for i in range(size):
            out[first + i] = 1.0 / (1.0 + exponential(-sums[i]))


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
