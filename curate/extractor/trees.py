"""Gradient-boosted trees as arrays, and their sum over many rows.

The order of additions is fixed (tree by tree, in double precision), so the same rows give the same bytes on any
machine and with any number of threads.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curate.extractor.jit import Array, compiled


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
        out[i] = 1.0 / (1.0 + np.exp(-sums[i]))
