"""The numbers that the model sees of each block: itself, what holds it, its neighbours, the page."""

# ruff: noqa: I001 (names of columns, by the line)

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curate.html.columns import LEVELS, NEAR
from curate.filters.jit import Array, Number, compiled, inner
from curate.html.layout import (
    ANCESTOR_BITS,
    G_CHARS,
    G_COUNT,
    G_LINKED,
    G_WORDS,
    GROUPS,
    L_OWN,
    L_PATH,
    PLACES,
    S_BLOCKS,
    S_CHARS,
    S_COMMAS,
    S_ENDS,
    S_LINKED,
    S_PARAGRAPHS,
    S_PROSE,
    S_STOPS,
    S_WORDS,
    SUMS,
    TAG_CODE,
    COMMENTS_BIT,
    is_prose,
)
from curate.html.measure import (
    BARS,
    CAPITALS,
    CHARS,
    COLON,
    COMMAS,
    DESCRIBED,
    DIGITS,
    ENDS,
    FIRST,
    FOREIGN,
    IN_TITLE,
    INITIALS,
    LONGEST,
    MARKS,
    MEASURES,
    STOPS,
    TERMINAL,
    WORD_COLUMNS,
    WORDS,
    YEARS,
)
from curate.html.tape import (
    B_BOLD,
    B_CODE,
    B_FIELDS,
    B_IMAGES,
    B_LINKED,
    B_LINKS,
    B_NODE,
    B_SOFT,
    N_DEPTH,
    N_PARENT,
    N_TAG,
)

PAGE = 8
H_H1, H_HEADING, H_LEVEL, H_WORDS, H_PROSE, H_COMMENTS, HEADS = range(7)


class Facts(NamedTuple):
    """What is known of a page before the model: see the modules that fill each part."""

    nodes: NDArray[np.int32]
    blocks: NDArray[np.int32]
    measures: NDArray[np.float32]  # (blocks, MEASURES)
    words: NDArray[np.int32]  # (blocks, WORD_COLUMNS)
    logits: NDArray[np.float32]  # (blocks,)
    sums: NDArray[np.float64]  # (nodes, SUMS)
    span: NDArray[np.int32]  # (nodes, 2)
    mask: NDArray[np.int64]  # (nodes,)
    places: NDArray[np.float32]  # (nodes, PLACES)
    group: NDArray[np.int32]  # (blocks,)
    stats: NDArray[np.float64]  # (groups, GROUPS)
    repeats: NDArray[np.int32]  # (blocks, 2): blocks with the same text, and those of them that come before
    heads: NDArray[np.float32]  # (blocks, HEADS)
    before: NDArray[np.float64]  # (blocks,) characters before the block
    page: NDArray[np.float64]  # (PAGE,): best container, container of most prose, schema bits, words of the title,
    # words in comments, words of prose outside them, words of the description, words of the largest group


def empty_facts(nodes: NDArray[np.int32], blocks: NDArray[np.int32]) -> Facts:
    """Room for the facts of a page with these elements and blocks."""
    many, count = len(nodes), len(blocks)
    return Facts(
        nodes, blocks,
        np.zeros((count, MEASURES), np.float32), np.empty((count, WORD_COLUMNS), np.int32),
        np.zeros(count, np.float32), np.zeros((many, SUMS)), np.empty((many, 2), np.int32),
        np.zeros(many, np.int64), np.zeros((many, PLACES), np.float32), np.zeros(count, np.int32),
        np.zeros((count, GROUPS)), np.zeros((count, 2), np.int32), np.zeros((count, HEADS), np.float32),
        np.zeros(count), np.zeros(PAGE),
    )  # fmt: skip


@compiled
def word_logits(words: Array, weights: Array, logits: Array) -> None:
    """Fill `logits`: the sum of the weights of a block's hashed words."""
    for i in range(len(words)):
        total = 0.0
        for column in range(words.shape[1]):
            if words[i, column] >= 0:
                total += weights[words[i, column]]
        logits[i] = total


@compiled
def headings(facts: Facts) -> None:
    """Fill `heads` and `before`: what heading a block is under, and how far."""
    h1, heading, words, chars, level = -1, -1, 0.0, 0.0, 0.0
    for i in range(len(facts.blocks)):
        code = TAG_CODE[facts.nodes[facts.blocks[i, B_NODE], N_TAG]]
        row = facts.heads[i]
        row[H_H1] = i - h1 if h1 >= 0 else -1
        row[H_HEADING] = i - heading if heading >= 0 else -1
        row[H_LEVEL] = level
        row[H_WORDS] = words
        row[H_PROSE] = facts.page[5]
        row[H_COMMENTS] = facts.page[4]
        facts.before[i] = chars
        chars += facts.measures[i, CHARS]
        if facts.mask[facts.blocks[i, B_NODE]] & COMMENTS_BIT:
            facts.page[4] += facts.measures[i, WORDS]
        elif is_prose(facts.measures[i], float(facts.blocks[i, B_LINKED])):
            facts.page[5] += facts.measures[i, WORDS]
        words += facts.measures[i, WORDS]
        if facts.stats[facts.group[i], G_WORDS] > facts.stats[int(facts.page[7]), G_WORDS]:
            facts.page[7] = facts.group[i]
        if 11 <= code <= 14:
            heading, words, level = i, 0.0, code - 10
            if code == 11 and h1 < 0:
                h1 = i
    facts.page[2] += 65536 if h1 >= 0 else 0


@compiled
def fill(facts: Facts, first: Number, last: Number, out: Array) -> None:
    """Fill `out` (last - first rows, one a block; columns FEATURES) for the blocks `first` to `last`."""
    for i in range(first, last):
        row = out[i - first]
        at = fill_block(facts, i, row, 0)
        at = fill_holders(facts, i, row, at)
        at = fill_place(facts, i, row, at)
        at = fill_near(facts, i, row, at)
        at = fill_page(facts, i, row, at)


@inner
def fill_block(facts: Facts, i: Number, row: Array, at: Number) -> Number:
    m = facts.measures[i]
    b = facts.blocks[i]
    chars = max(np.float32(1), m[CHARS])
    words = max(np.float32(1), m[WORDS])
    row[at] = m[WORDS]
    row[at + 1] = m[CHARS]
    row[at + 2] = min(1.0, b[B_LINKED] / chars)
    row[at + 3] = min(1.0, b[B_BOLD] / chars)
    row[at + 4] = min(1.0, b[B_CODE] / chars)
    row[at + 5] = b[B_LINKS]
    row[at + 6] = b[B_IMAGES]
    row[at + 7] = b[B_FIELDS]
    row[at + 8] = b[B_SOFT]
    row[at + 9] = m[DIGITS] / chars
    row[at + 10] = m[CAPITALS] / chars
    row[at + 11] = m[COMMAS]
    row[at + 12] = m[ENDS]
    row[at + 13] = m[MARKS] / chars
    row[at + 14] = m[STOPS]
    row[at + 15] = m[INITIALS] / words
    row[at + 16] = m[FOREIGN] / chars
    row[at + 17] = m[LONGEST]
    row[at + 18] = m[IN_TITLE] / words
    row[at + 19] = m[IN_TITLE] / max(1.0, facts.page[3])
    row[at + 20] = m[TERMINAL]
    row[at + 21] = m[FIRST]
    row[at + 22] = m[BARS]
    row[at + 23] = m[YEARS]
    row[at + 24] = m[COLON]
    row[at + 25] = facts.logits[i]
    row[at + 26] = facts.repeats[i, 0]
    row[at + 27] = TAG_CODE[facts.nodes[b[B_NODE], N_TAG]]
    row[at + 28] = m[STOPS] / words
    row[at + 29] = m[WORDS] / (1 + m[ENDS])
    row[at + 30] = facts.repeats[i, 1]
    row[at + 31] = m[DESCRIBED] / words
    row[at + 32] = m[DESCRIBED] / max(1.0, facts.page[6])
    at += 33
    mask = facts.mask[b[B_NODE]]
    for bit in range(ANCESTOR_BITS):
        row[at + bit] = (mask >> bit) & 1
    return at + ANCESTOR_BITS


@inner
def fill_holders(facts: Facts, i: Number, row: Array, at: Number) -> Number:
    node = facts.blocks[i, B_NODE]
    page_words = max(1.0, facts.sums[0, S_WORDS])
    for _ in range(LEVELS):
        s = facts.sums[node]
        words = max(1.0, s[S_WORDS])
        row[at] = s[S_WORDS]
        row[at + 1] = s[S_LINKED] / max(1.0, s[S_CHARS])
        row[at + 2] = s[S_COMMAS] / words
        row[at + 3] = s[S_PARAGRAPHS] / max(1.0, s[S_BLOCKS])
        row[at + 4] = s[S_WORDS] / page_words
        row[at + 5] = s[S_STOPS] / words
        row[at + 6] = s[S_BLOCKS]
        row[at + 7] = TAG_CODE[facts.nodes[node, N_TAG]]
        row[at + 8] = facts.places[node, L_OWN]
        at += 9
        node = max(0, facts.nodes[node, N_PARENT])
    return at


@inner
def fill_place(facts: Facts, i: Number, row: Array, at: Number) -> Number:
    node = facts.blocks[i, B_NODE]
    row[at] = facts.nodes[node, N_DEPTH]
    for column in range(8):
        row[at + 1 + column] = facts.places[node, column]
    for which in range(2):
        target = int(facts.page[which])
        first, last = facts.span[target, 0], facts.span[target, 1]
        row[at + 9 + 2 * which] = max(0, first - i)
        row[at + 10 + 2 * which] = max(0, i - last)
    at += 13
    g = facts.stats[facts.group[i]]
    row[at] = g[G_COUNT]
    row[at + 1] = g[G_WORDS] / max(1.0, g[G_COUNT])
    row[at + 2] = min(1.0, g[G_LINKED] / max(1.0, g[G_CHARS]))
    row[at + 3] = g[G_WORDS] / max(1.0, facts.sums[0, S_WORDS])
    return at + 4


@inner
def fill_near(facts: Facts, i: Number, row: Array, at: Number) -> Number:
    parent = facts.nodes[facts.blocks[i, B_NODE], N_PARENT]
    for offset in NEAR:
        j = i + offset
        if 0 <= j < len(facts.blocks):
            m = facts.measures[j]
            node = facts.blocks[j, B_NODE]
            row[at] = m[WORDS]
            row[at + 1] = min(1.0, facts.blocks[j, B_LINKED] / max(1.0, float(m[CHARS])))
            row[at + 2] = TAG_CODE[facts.nodes[node, N_TAG]]
            row[at + 3] = m[ENDS]
            row[at + 4] = facts.logits[j]
            row[at + 5] = facts.places[node, L_PATH]
            row[at + 6] = facts.nodes[node, N_PARENT] == parent
        else:
            for column in range(7):
                row[at + column] = -1
        at += 7
    for column in range(H_COMMENTS):
        row[at + column] = facts.heads[i, column]
    since = int(facts.heads[i, H_HEADING])
    row[at + H_COMMENTS] = facts.logits[i - since] if since > 0 else 0.0
    return at + H_COMMENTS + 1


@inner
def fill_page(facts: Facts, i: Number, row: Array, at: Number) -> Number:
    s = facts.sums[0]
    words, chars = max(1.0, s[S_WORDS]), max(1.0, s[S_CHARS])
    count = len(facts.blocks)
    schema = int(facts.page[2])
    row[at] = i / count
    row[at + 1] = facts.before[i] / chars
    row[at + 2] = count - i
    row[at + 3] = count
    row[at + 4] = s[S_WORDS]
    row[at + 5] = s[S_LINKED] / chars
    row[at + 6] = s[S_PARAGRAPHS]
    row[at + 7] = s[S_PROSE] / words
    row[at + 8] = s[S_ENDS] / count
    row[at + 9] = facts.sums[int(facts.page[0]), S_WORDS] / words
    row[at + 10] = facts.sums[int(facts.page[1]), S_WORDS] / words
    row[at + 11] = schema & 0xFFFF
    row[at + 12] = schema >> 16
    row[at + 13] = facts.page[3]
    row[at + 14] = s[S_STOPS] / words
    row[at + 15] = facts.page[4] / words
    row[at + 16] = facts.page[5]
    largest = facts.stats[int(facts.page[7]), G_WORDS]
    row[at + 17] = largest / words
    row[at + 18] = facts.group[i] == int(facts.page[7])
    row[at + 19] = facts.page[6]
    row[at + 20] = facts.heads[i, H_COMMENTS]
    return at + 21
