"""What each element holds: totals of its text, how its class names read, where the best container is."""

# ruff: noqa: I001 (names of columns, by the line)

import numpy as np

from curate.filters.jit import Array, Number, compiled, compiled_making, inner
from curate.html.measure import CHARS, COMMAS, ENDS, STOPS, WORDS
from curate.html.tags import NAMES, TAG
from curate.html.tape import (
    ARTICLE_BODY,
    COMMENTS,
    B_LINKED,
    B_NODE,
    HIDDEN,
    N_FLAGS,
    N_PARENT,
    N_SIGN,
    N_TAG,
    N_TOKENS,
    N_TOKENS_END,
)

# columns of an element's totals
S_CHARS, S_WORDS, S_LINKED, S_COMMAS, S_ENDS, S_PARAGRAPHS, S_BLOCKS, S_STOPS, S_PROSE, SUMS = range(10)
# columns of what an element's place says
L_OWN, L_PATH, L_LOW, L_HIGH, L_UP_BEST, L_DOWN_BEST, L_UP_MASS, L_DOWN_MASS, PLACES = range(9)
# columns of a group of blocks that have the same tags and classes up to three elements above
G_COUNT, G_WORDS, G_LINKED, G_CHARS, GROUPS = range(5)

_ANCESTORS = (
    "nav", "footer", "header", "aside", "main", "article", "section", "form", "table", "ul ol menu", "li",
    "figure figcaption", "blockquote", "button select", "details summary", "dialog", "noscript template", "dl",
    "h1 h2 h3 h4 h5 h6", "td th", "p", "pre", "object video audio canvas map",
)  # fmt: skip
ANCESTOR_BITS = len(_ANCESTORS) + 3
_MARKED = ("in_hidden", "in_article_body", "in_comments")  # by attributes, not by tag
ANCESTOR_NAMES = (*tuple("in_" + names.replace(" ", "_") for names in _ANCESTORS), *_MARKED)
TAG_BIT = np.zeros(len(NAMES), np.int64)
for _bit, _names in enumerate(_ANCESTORS):
    for _name in _names.split():
        TAG_BIT[TAG[_name]] = 1 << _bit
HIDDEN_BIT, BODY_BIT, COMMENTS_BIT = (1 << (len(_ANCESTORS) + bit) for bit in range(3))
# what a block's own element is, as one number: near numbers are alike
_CODES = (
    "p", "blockquote", "pre", "li", "dd", "dt", "td", "th", "div", "section article main", "custom", "h1", "h2", "h3",
    "h4 h5 h6", "figcaption caption", "summary details", "header", "footer", "nav aside", "form fieldset legend",
    "button select option",
)  # fmt: skip
TAG_CODE = np.full(len(NAMES), 8, np.float32)
for _code, _names in enumerate(_CODES):
    for _name in _names.split():
        TAG_CODE[TAG[_name]] = _code
HEADING_CODES = (11.0, 14.0)
_LEAVES = np.array(
    [
        NAMES[i] in ["p", "li", "dd", "dt", "td", "th", "pre", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6"]
        for i in range(len(NAMES))
    ]
)


@inner
def is_prose(m: Array, linked: Number) -> Number:
    """Whether a block with these measures reads like a paragraph."""
    return m[ENDS] >= 1 and m[WORDS] >= 8 and linked < 0.35 * m[CHARS]


@compiled
def totals(
    nodes: Array,
    node_count: Number,
    blocks: Array,
    block_count: Number,
    measures: Array,
    sums: Array,
    span: Array,
    mask: Array,
) -> None:
    """Fill `sums` (nodes, SUMS), `span` (nodes, 2: first and last block inside) and `mask` (bits of ancestors)."""
    span[:node_count, 0] = block_count
    span[:node_count, 1] = -1
    for i in range(block_count):
        node = blocks[i, B_NODE]
        m = measures[i]
        row = sums[node]
        linked = float(blocks[i, B_LINKED])
        row[S_CHARS] += m[CHARS]
        row[S_WORDS] += m[WORDS]
        row[S_LINKED] += min(linked, m[CHARS])
        row[S_COMMAS] += m[COMMAS]
        row[S_ENDS] += m[ENDS]
        row[S_BLOCKS] += 1
        row[S_STOPS] += m[STOPS]
        if is_prose(m, linked):
            row[S_PARAGRAPHS] += 1
            row[S_PROSE] += m[WORDS]
        span[node, 0] = min(span[node, 0], i)
        span[node, 1] = max(span[node, 1], i)
    for node in range(node_count - 1, 0, -1):
        parent = nodes[node, N_PARENT]
        for column in range(SUMS):
            sums[parent, column] += sums[node, column]
        span[parent, 0] = min(span[parent, 0], span[node, 0])
        span[parent, 1] = max(span[parent, 1], span[node, 1])
    for node in range(node_count):
        flags = nodes[node, N_FLAGS]
        own = TAG_BIT[nodes[node, N_TAG]]
        if flags & HIDDEN and node > 0:
            own |= HIDDEN_BIT
        if flags & ARTICLE_BODY:
            own |= BODY_BIT
        if flags & COMMENTS and node > 0:  # the page itself often says that it can be commented on
            own |= COMMENTS_BIT
        mask[node] = own | (mask[nodes[node, N_PARENT]] if node > 0 else 0)


@compiled
def name_logits(nodes: Array, node_count: Number, tokens: Array, weights: Array, places: Array) -> None:
    """Fill L_OWN, L_PATH, L_LOW, L_HIGH: how much the class and id words of an element and those above it say."""
    for node in range(node_count):
        total = 0.0
        for i in range(nodes[node, N_TOKENS], nodes[node, N_TOKENS_END]):
            total += weights[tokens[i]]
        places[node, L_OWN] = total
        if node == 0:
            places[node, L_PATH] = places[node, L_LOW] = places[node, L_HIGH] = total
        else:
            above = places[nodes[node, N_PARENT]]
            places[node, L_PATH] = above[L_PATH] + total
            places[node, L_LOW] = min(above[L_LOW], total)
            places[node, L_HIGH] = max(above[L_HIGH], total)


@compiled_making
def containers(
    nodes: Array, node_count: Number, blocks: Array, block_count: Number, measures: Array, sums: Array, places: Array
) -> tuple[Number, Number]:
    """Find the best container by Readability's scoring and the smallest one with most of the prose; where all lie."""
    scores = np.zeros(node_count)
    for i in range(block_count):
        chars = measures[i, CHARS]
        if chars < 25:
            continue
        score = (1 + measures[i, COMMAS] + min(chars / 100, 3.0)) * (1 - min(1.0, blocks[i, B_LINKED] / chars))
        node = blocks[i, B_NODE]
        if _LEAVES[nodes[node, N_TAG]] and node > 0:
            node = nodes[node, N_PARENT]
        share = 1.0
        for level in range(3):
            if node < 0:
                break
            scores[node] += score * share
            share = 0.5 if level == 0 else 0.33
            node = nodes[node, N_PARENT]
    best = 0
    for node in range(node_count):
        density = sums[node, S_LINKED] / max(1.0, sums[node, S_CHARS])
        scores[node] *= 1 - density
        if scores[node] > scores[best]:
            best = node
    distances(nodes, node_count, best, places, L_UP_BEST)
    mass = widest(nodes, node_count, sums)
    distances(nodes, node_count, mass, places, L_UP_MASS)
    return best, mass


@inner
def widest(nodes: Array, node_count: Number, sums: Array) -> Number:
    """The deepest element that still holds .75 of the page's prose."""
    need = 0.75 * sums[0, S_PROSE]
    found = 0
    if need > 0:
        for node in range(1, node_count):
            if nodes[node, N_PARENT] == found and sums[node, S_PROSE] >= need:
                found = node
    return found


@inner
def distances(nodes: Array, node_count: Number, target: Number, places: Array, column: Number) -> None:
    """For every element: how far up from `target` the path to it leaves (`column`), and how far down from there."""
    for node in range(node_count):
        places[node, column] = -1
    steps = 0
    node = target
    while node >= 0:
        places[node, column] = steps
        steps += 1
        node = nodes[node, N_PARENT]
    for node in range(node_count):
        if places[node, column] < 0:
            parent = nodes[node, N_PARENT]
            places[node, column] = places[parent, column]
            places[node, column + 1] = places[parent, column + 1] + 1


@compiled_making
def alike(
    nodes: Array,
    blocks: Array,
    block_count: Number,
    measures: Array,
    hashes: Array,
    group: Array,
    stats: Array,
    repeats: Array,
) -> Number:
    """Number the groups of blocks of one template (`group`, `stats`) and count blocks with the same text.

    Returns the number of groups.
    """
    size = 1
    while size < 2 * block_count + 2:
        size *= 2
    keys, values = np.zeros(size, np.uint64), np.zeros(size, np.int64)
    seen, counts = np.zeros(size, np.uint64), np.zeros(size, np.int32)
    slots = np.zeros(block_count, np.int64)
    number = 0
    for i in range(block_count):
        key = signature(nodes, blocks[i, B_NODE])
        slot = place(keys, key)
        if keys[slot] == 0:
            keys[slot] = key
            values[slot] = number
            number += 1
        index = values[slot]
        group[i] = index
        stats[index, G_COUNT] += 1
        stats[index, G_WORDS] += measures[i, WORDS]
        stats[index, G_LINKED] += blocks[i, B_LINKED]
        stats[index, G_CHARS] += measures[i, CHARS]
        slot = place(seen, hashes[i] | np.uint64(1))
        seen[slot] = hashes[i] | np.uint64(1)
        counts[slot] += 1
        slots[i] = slot
        repeats[i, 1] = counts[slot] - 1
    for i in range(block_count):
        repeats[i, 0] = counts[slots[i]]
    return number


@inner
def place(keys: Array, key: Number) -> Number:
    """The slot of `key`, or the empty one where it belongs."""
    mask = len(keys) - 1
    slot = np.int64(key ^ (key >> np.uint64(32))) & mask
    while keys[slot] != 0 and keys[slot] != key:
        slot = (slot + 1) & mask
    return slot


@inner
def signature(nodes: Array, node: Number) -> Number:
    value = np.uint64(1469598103934665603)
    for _ in range(3):
        if node < 0:
            break
        value = (value ^ np.uint64(nodes[node, N_SIGN])) * np.uint64(0x100000001B3)
        value = (value ^ np.uint64(nodes[node, N_TAG])) * np.uint64(0x100000001B3)
        node = nodes[node, N_PARENT]
    return value | np.uint64(1)
