"""Which blocks share a line: the cells of one row of a table."""

import numpy as np
from numpy.typing import NDArray

from curate.filters.jit import compiled
from curate.html.tags import TAG
from curate.html.tape import B_END, B_NODE, B_START, N_PARENT, N_TAG

_TD, _TH, _TR = TAG["td"], TAG["th"], TAG["tr"]
LONGEST_CELL = 200  # bytes; a longer cell is a piece of layout, or prose, and keeps a line of its own


@compiled
def _rows(nodes: NDArray[np.int32], blocks: NDArray[np.int32], out: NDArray[np.int32]) -> None:
    for i in range(len(blocks)):
        node = blocks[i, B_NODE]
        tag = nodes[node, N_TAG]
        out[i, 0] = out[i, 1] = -1
        if (tag in (_TD, _TH)) and blocks[i, B_END] - blocks[i, B_START] <= LONGEST_CELL:
            parent = nodes[node, N_PARENT]
            if parent > 0 and nodes[parent, N_TAG] == _TR:
                out[i, 0], out[i, 1] = parent, node


def rows_of_tables(nodes: NDArray[np.int32], blocks: NDArray[np.int32]) -> NDArray[np.int32]:
    """For each block the elements of its row and of its cell, -1 when it is not text right inside a short cell."""
    out = np.empty((len(blocks), 2), np.int32)
    _rows(nodes, blocks, out)
    return out
