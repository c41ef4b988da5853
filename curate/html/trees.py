"""Gradient-boosted trees as arrays, and their sum over many rows.

Every tree is complete down to LEVELS levels, and its nodes lie in the order of a heap: the children of node i are
2 i + 1 and 2 i + 2. All its nodes are asked for many rows at once, and then of each two answers the one that a row comes to is
chosen: comparisons and choices of whole registers are several times as fast as a walk that looks up a node for each row. Neighbours on
a page often go one way at the uppermost nodes; what lies the other way is left out then. The
order of additions is fixed (tree by tree, in double precision), so the same rows give the same bytes on any
machine and with any number of threads.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from curate.filters.jit import Array, Number, compiled_making, inner

LEVELS = 6  # of a tree
TOGETHER = 32  # rows that are asked together: twice as many are a tenth faster where registers are long, far slower where they are short
INSIDE = (1 << LEVELS) - 1  # nodes of a tree that ask
UPPER = 3  # nodes of a tree of which a child is left out where none of the rows that are asked together came to it
_LINE = 16  # single-precision numbers of a line of the cache: registers are loaded twice as fast from its beginning
_I32, _I64 = ir.IntType(32), ir.IntType(64)
_ROWS = ir.VectorType(ir.FloatType(), TOGETHER)


class Trees(NamedTuple):
    """An ensemble. A row goes left where its feature is at most the threshold."""

    feature: NDArray[np.int16]  # (trees, 2^LEVELS - 1)
    threshold: NDArray[np.float32]  # (trees, 2^LEVELS - 1)
    leaf: NDArray[np.float32]  # (trees, 2^LEVELS) summed to a log-odds


@intrinsic  # type: ignore[untyped-decorator]
def _leaves(_context: Any, columns: Any, feature: Any, threshold: Any, leaf: Any, out: Any) -> object:
    """Put into `out` the leaf of one tree that each of TOGETHER rows comes to; the rows lie column by column."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> object:
        rows, features, thresholds, leaves, found = (
            context.make_array(kind)(context, builder, argument).data
            for kind, argument in zip(signature.args, arguments, strict=True)
        )

        def item(data: Any, index: int) -> Any:
            return builder.load(builder.gep(data, [ir.Constant(_I32, index)]))

        def everywhere(number: Any) -> Any:
            some = ir.Constant(_ROWS, ir.Undefined)
            first = builder.insert_element(some, number, ir.Constant(_I32, 0))
            return builder.shuffle_vector(first, some, ir.Constant(ir.VectorType(_I32, TOGETHER), [0] * TOGETHER))

        def reached(node: int) -> Any:
            if node >= INSIDE:
                return everywhere(item(leaves, node - INSIDE))
            at = builder.mul(builder.zext(item(features, node), _I64), ir.Constant(_I64, TOGETHER))
            values = builder.load(builder.bitcast(builder.gep(rows, [at]), _ROWS.as_pointer()), align=4)
            right = builder.fcmp_ordered(">", values, everywhere(item(thresholds, node)))
            if node >= UPPER:
                return builder.select(right, reached(2 * node + 2), reached(2 * node + 1))
            went = builder.bitcast(right, ir.IntType(TOGETHER))
            return builder.select(right, below(node, 2, went, 0), below(node, 1, went, -1))

        def below(node: int, side: int, went: Any, nobody: int) -> Any:
            """What `reached` gives of a child that some rows came to; of one that nobody came to, anything."""
            before = builder.block
            some = builder.icmp_signed("!=", went, ir.Constant(ir.IntType(TOGETHER), nobody))
            with builder.if_then(some):
                value = reached(2 * node + side)
                inside = builder.block
            found = builder.phi(_ROWS)
            found.add_incoming(ir.Constant(_ROWS, ir.Undefined), before)
            found.add_incoming(value, inside)
            return found

        builder.store(reached(0), builder.bitcast(found, _ROWS.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(columns, feature, threshold, leaf, out), generate


@compiled_making
def probabilities(trees: Trees, rows: Array, out: Array) -> None:
    """Fill `out` (float32, one a row) with the probability that the ensemble gives each of `rows` (float32)."""
    count, columns = rows.shape
    room = np.zeros(columns * TOGETHER + _LINE, np.float32)
    turned = room[-(room.ctypes.data // 4) % _LINE :]  # by column, so that neighbours are read together
    found = np.zeros(TOGETHER, np.float32)
    sums = np.zeros(TOGETHER)
    for first in range(0, count, TOGETHER):
        size = min(TOGETHER, count - first)
        for i in range(size):
            for column in range(columns):
                turned[column * TOGETHER + i] = rows[first + i, column]
        sums[:] = 0.0
        for tree in range(len(trees.leaf)):
            _leaves(turned, trees.feature[tree], trees.threshold[tree], trees.leaf[tree], found)
            for i in range(TOGETHER):
                sums[i] += found[i]
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
