"""Which blocks share a line: the cells of one row of a table, and a term with what it means."""

import numpy as np
from numpy.typing import NDArray

from curate.filters.jit import Array, compiled
from curate.html.tags import TAG
from curate.html.tape import B_END, B_NODE, B_START, N_PARENT, N_TAG

_TD, _TH, _TR, _TABLE, _DT, _DD = (TAG[name] for name in ("td", "th", "tr", "table", "dt", "dd"))
PLAIN = np.zeros(len(TAG) + 1, np.bool_)  # elements that may stand between a cell and its text
for _name in ("p", "div", "center", "h1", "h2", "h3", "h4", "h5", "h6", "address", "custom", "section", "header"):
    PLAIN[TAG[_name]] = True
LONGEST_CELL = 200  # bytes; a longer cell is a piece of layout, or prose, and keeps a line of its own
ROW, CELL, TERM, MEANING = range(4)
SEPARATOR, AFTER_TERM = b" | ", b": "


@compiled
def _join(
    nodes: Array, blocks: Array, plain: Array, cell: Array, count: Array, last: Array, term: Array, out: Array
) -> None:
    """`cell`: for each element the cell, term or meaning that it is or that holds it with nothing but plain elements between."""
    for node in range(1, len(nodes)):
        tag, parent = nodes[node, N_TAG], nodes[node, N_PARENT]
        if tag in (_TD, _TH, _DT, _DD):
            cell[node] = node
        elif plain[tag]:
            cell[node] = cell[parent]
        elif cell[parent] > 0:
            count[cell[parent]] += 2  # a list, a table, code: not a cell of one line
        if tag == _DD and last[parent] > 0 and nodes[last[parent], N_TAG] == _DT:
            term[node] = last[parent]
        last[parent] = node
    for i in range(len(blocks)):
        held = cell[blocks[i, B_NODE]]
        if held > 0:
            count[held] += 1
            if term[held] > 0 and count[held] == 1:
                out[i, MEANING] = term[held]
    for i in range(len(blocks)):
        held = cell[blocks[i, B_NODE]]
        if held <= 0 or count[held] != 1 or blocks[i, B_END] - blocks[i, B_START] > LONGEST_CELL:
            continue
        tag, parent = nodes[held, N_TAG], nodes[held, N_PARENT]
        if tag == _DT:
            out[i, TERM] = held
        elif tag != _DD and parent > 0 and nodes[parent, N_TAG] == _TR:
            out[i, ROW], out[i, CELL] = parent, held


def joints(nodes: NDArray[np.int32], blocks: NDArray[np.int32]) -> NDArray[np.int32]:
    """For each block: the elements of its row and of its cell where it is all that a short cell holds; its term's element
    where it is one, short and on one line; the element of the term whose meaning begins with it. Else -1."""
    out = np.full((len(blocks), 4), -1, np.int32)
    cell, count, last, term = np.zeros((4, len(nodes)), np.int32)
    _join(nodes, blocks, PLAIN, cell, count, last, term, out)
    return out
