"""Which blocks share a line: the cells of one row of a table, and a term with what it means."""

import numpy as np
from numpy.typing import NDArray

from curate.filters.jit import Array, Number, compiled, inner
from curate.html.markup import U64
from curate.html.tags import TAG
from curate.html.tape import B_END, B_NODE, B_START, N_PARENT, N_TAG

_TD, _TH, _TR, _TABLE, _DT, _DD = (TAG[name] for name in ("td", "th", "tr", "table", "dt", "dd"))
PLAIN = np.zeros(len(TAG) + 1, np.bool_)  # elements that may stand between a cell and its text
for _name in ("p", "div", "center", "h1", "h2", "h3", "h4", "h5", "h6", "address", "custom", "section", "header"):
    PLAIN[TAG[_name]] = True
LONGEST_CELL = 200  # bytes; a longer cell is a piece of layout, or prose, and keeps a line of its own
ROW, CELL, TERM, MEANING = range(4)
BETWEEN_CELLS = 3  # bytes of what parts cells, " | "
_BLANK, _BAR, _COLON, _LINE_FEED = 32, 124, 58, 10
_BEFORE_COLON = np.array([c >= 128 or chr(c).isalnum() or chr(c) in ")]\"'" for c in range(256)])
"""Bytes behind which a term's colon is put: other marks end it themselves."""


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


def joined(text: NDArray[np.uint8], blocks: NDArray[np.int32], near: NDArray[np.int32]) -> bytes:
    """The texts of blocks as lines, where `near` (see `joints`) does not say that two share one. Empty blocks are none."""
    sizes = blocks[:, B_END] - blocks[:, B_START]
    out = np.empty(int(sizes.sum()) + BETWEEN_CELLS * len(blocks), np.uint8)
    return out[: _write(text, blocks, near, out)].tobytes()


@compiled
def _write(text: Array, blocks: Array, near: Array, out: Array) -> Number:
    """Fill `out`; how many bytes that takes."""
    size, before = 0, -1
    for i in range(len(blocks)):
        start, end = U64(blocks[i, B_START]), U64(blocks[i, B_END])
        if start == end:
            continue
        if before >= 0:
            size = _part(near[before], near[i], out, size)
        before = i
        at = U64(size)
        for k in range(start, end):
            out[at + (k - start)] = text[k]
        size += int(end - start)
    return size


@inner
def _part(one: Array, other: Array, out: Array, size: Number) -> Number:
    """Put what parts two blocks behind the first; the size then."""
    if other[ROW] >= 0 and other[ROW] == one[ROW] and other[CELL] != one[CELL]:
        out[size], out[size + 1], out[size + 2] = _BLANK, _BAR, _BLANK
        return size + BETWEEN_CELLS
    if one[TERM] >= 0 and other[MEANING] == one[TERM]:
        if _BEFORE_COLON[out[size - 1]]:
            out[size] = _COLON
            size += 1
        out[size] = _BLANK
        return size + 1
    out[size] = _LINE_FEED
    return size + 1
