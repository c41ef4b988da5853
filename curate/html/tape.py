"""What the scanner writes: elements, blocks of text and state, as arrays that grow between calls."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# columns of `nodes`: one row an element that holds text (formatting elements have none); row 0 is the page
N_PARENT, N_TAG, N_DEPTH, N_TOKENS, N_TOKENS_END, N_FLAGS, N_SIGN, NODE_COLUMNS = range(8)
# bits of N_FLAGS
HIDDEN, ARTICLE_BODY, COMMENTS, OPEN = 1, 2, 4, 8
# columns of `blocks`: one row a run of text between two boundaries
(
    B_NODE, B_START, B_END, B_FROM, B_TO, B_LINKED, B_BOLD, B_LINKS, B_IMAGES, B_FIELDS, B_CODE, B_SOFT,
    BLOCK_COLUMNS,
) = range(13)  # fmt: skip
# entries of `state`
(
    POS, NODES, TOKENS, BLOCKS, TEXT, DEPTH, OVER, SPACE, START, FROM, LINK, BOLD_ON, CODE_ON, LINKED, BOLDED,
    LINKS, IMAGES, FIELDS, CODED, SOFT, TITLE_START, TITLE_END, SCHEMA, NO_SVG_END, A_FLAGS, A_SIGN, A_LD,
    A_OG, A_ABOUT, A_FROM, ABOUT_START, ABOUT_END, RAISED_END, RAISED_CLOSE, RAISED_OPEN, RAISED_FROM, RUBY_ON, READING_ON, LINK_FROM, FAILED, FORMULAS, STATES,
) = range(42)  # fmt: skip

MAX_DEPTH = 256  # open elements; deeper ones are read as part of what holds them (libxml2 stops at 256 too)
MAX_NODES = MAX_BLOCKS = 4_000_000
MAX_NAMES = 48  # class and id words of one element
BUCKETS = 1 << 13  # of hashed class and id words


class Tape(NamedTuple):
    """Arrays that one page is read into."""

    state: NDArray[np.int64]
    nodes: NDArray[np.int32]  # (nodes, NODE_COLUMNS)
    tokens: NDArray[np.int32]  # hashed class and id words, node by node
    blocks: NDArray[np.int32]  # (blocks, BLOCK_COLUMNS)
    text: NDArray[np.uint8]
    stack_node: NDArray[np.int32]
    stack_tag: NDArray[np.int32]
    stack_name: NDArray[np.uint64]
    opened: NDArray[np.int32]  # how many elements of each tag are open


def new_tape(size: int, tags: int) -> Tape:
    """A tape for a page of `size` bytes. The text can't outgrow it: a reference yields at most 6/5 of its bytes."""
    room = 64 + size // 200
    tape = Tape(
        np.zeros(STATES, np.int64),
        np.zeros((room, NODE_COLUMNS), np.int32),
        np.zeros(4 * room + MAX_NAMES, np.int32),
        np.zeros((room, BLOCK_COLUMNS), np.int32),
        np.empty(size + size // 5 + 64, np.uint8),
        np.zeros(MAX_DEPTH, np.int32),
        np.zeros(MAX_DEPTH, np.int32),
        np.zeros(MAX_DEPTH, np.uint64),
        np.zeros(tags, np.int32),
    )
    tape.state[NODES] = tape.state[DEPTH] = 1
    tape.nodes[0, N_PARENT] = -1
    return tape


def grown(tape: Tape) -> Tape:
    """The same tape with twice the room in those of its tables that are half full or more."""

    def twice(table: NDArray[np.int32], used: int) -> NDArray[np.int32]:
        if used * 2 < len(table):
            return table
        bigger = np.zeros((len(table) * 2, *table.shape[1:]), np.int32)
        bigger[: len(table)] = table
        return bigger

    state = tape.state
    return tape._replace(
        nodes=twice(tape.nodes, state[NODES]),
        tokens=twice(tape.tokens, state[TOKENS] + 2 * MAX_NAMES),
        blocks=twice(tape.blocks, state[BLOCKS]),
    )
