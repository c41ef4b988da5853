"""What the second pass sees: the first pass's probabilities of a block, its neighbours and everything that holds it."""

import numpy as np

from curate.filters.jit import Array, Number, compiled_making, inner, inner_making
from curate.html.features import Facts
from curate.html.layout import COMMENTS_BIT, TAG_CODE
from curate.html.measure import WORDS
from curate.html.tape import B_NODE, N_PARENT, N_TAG

CONTEXT: tuple[str, ...] = (
    *(f"p_at{offset:+d}" for offset in (-3, -2, -1, 0, 1, 2, 3)),
    *(f"p_up{level}" for level in range(5)),
    *[
        "p_group",
        "p_best",
        "p_mass",
        "p_page",
        "p_left",
        "p_right",
        "p_before",
        "p_after",
        "p_section",
        "p_heading",
        "p_words",
        "p_high",
        "p_container",
        "p_container_down",
        "p_container_f1",
        "p_holder_f1",
        "p_in_comments",
    ],
)


@compiled_making
def context(facts: Facts, p: Array, out: Array) -> None:
    """Fill `out` (blocks, CONTEXT) from the probabilities `p` of the first pass."""
    count = len(facts.blocks)
    mass, weight = masses(facts, p)
    group = groups(facts, p)
    left, right, section, heading = runs(facts, p)
    total, kept, high = 0.0, 0.0, 0.0
    for i in range(count):
        total += facts.measures[i, WORDS]
        kept += p[i] * facts.measures[i, WORDS]
        high = max(high, p[i])
    chosen, far, f1 = container(facts, mass, weight)
    comments = in_comments(facts, p)
    best, most = int(facts.page[0]), int(facts.page[1])
    before = 0.0
    for i in range(count):
        row = out[i]
        for offset in range(-3, 4):
            row[offset + 3] = p[i + offset] if 0 <= i + offset < count else -1.0
        node = facts.blocks[i, B_NODE]
        for level in range(5):
            row[7 + level] = mass[node] / max(1e-9, weight[node])
            node = max(0, facts.nodes[node, N_PARENT])
        row[12] = group[facts.group[i]]
        row[13] = mass[best] / max(1e-9, weight[best])
        row[14] = mass[most] / max(1e-9, weight[most])
        row[15] = mass[0] / max(1e-9, weight[0])
        row[16], row[17] = left[i], right[i]
        row[18] = before / max(1e-9, kept)
        before += p[i] * facts.measures[i, WORDS]
        row[19] = 1 - before / max(1e-9, kept)
        row[20], row[21] = section[i], heading[i]
        row[22] = kept
        row[23] = high
        node = facts.blocks[i, B_NODE]
        row[24], row[25] = far[node] == 0, far[node]
        row[26], row[27] = chosen, f1[node]
        row[28] = comments


@inner
def weight_of(facts: Facts, i: Number) -> Number:
    return facts.measures[i, WORDS] + 1.0


@inner_making
def masses(facts: Facts, p: Array) -> tuple[Number, Number]:
    """For every element: the sum of weighted probabilities of the blocks in it, and of the weights."""
    many = len(facts.nodes)
    mass, weight = np.zeros(many), np.zeros(many)
    for i in range(len(p)):
        node = facts.blocks[i, B_NODE]
        w = weight_of(facts, i)
        mass[node] += w * p[i]
        weight[node] += w
    for node in range(many - 1, 0, -1):
        parent = facts.nodes[node, N_PARENT]
        mass[parent] += mass[node]
        weight[parent] += weight[node]
    return mass, weight


@inner_making
def container(facts: Facts, mass: Array, weight: Array) -> tuple[Number, Number, Number]:
    """The highest F1 that one element would have if just its text were kept; for every element: how many steps the path
    to it leaves that one by, and the highest F1 of the elements that hold it."""
    many = len(facts.nodes)
    far, highest = np.zeros(many, np.int32), np.zeros(many)
    best = 0
    for node in range(many):
        highest[node] = 2 * mass[node] / max(1e-9, weight[node] + mass[0])
        if highest[node] > highest[best]:
            best = node
    top = highest[best]
    for node in range(1, many):
        parent = facts.nodes[node, N_PARENT]
        highest[node] = max(highest[node], highest[parent])
    above = best
    for node in range(many):
        far[node] = -1
    while above >= 0:
        far[above] = 1 if above != best else 0
        above = facts.nodes[above, N_PARENT]
    for node in range(1, many):
        if far[node] < 0:
            held = far[facts.nodes[node, N_PARENT]]
            far[node] = 0 if held == 0 else held + 1
    return top, far, highest


@inner
def in_comments(facts: Facts, p: Array) -> Number:
    """Weighted mean probability of the blocks in comment sections, -1 without any."""
    found, weight = 0.0, 0.0
    for i in range(len(p)):
        if facts.mask[facts.blocks[i, B_NODE]] & COMMENTS_BIT:
            found += p[i] * weight_of(facts, i)
            weight += weight_of(facts, i)
    return found / weight if weight > 0 else -1.0


@inner_making
def groups(facts: Facts, p: Array) -> Number:
    """Weighted mean probability of each group of like blocks."""
    mass, weight = np.zeros(len(p)), np.zeros(len(p))
    for i in range(len(p)):
        w = weight_of(facts, i)
        mass[facts.group[i]] += w * p[i]
        weight[facts.group[i]] += w
    for index in range(len(p)):
        mass[index] /= max(1e-9, weight[index])
    return mass


@inner_making
def runs(facts: Facts, p: Array) -> tuple[Number, Number, Number, Number]:
    """Decaying means of what precedes and follows, mean of the section under one heading, and that heading's own."""
    count = len(p)
    left, right, section, heading = np.zeros(count), np.zeros(count), np.zeros(count), np.zeros(count)
    value = 0.0
    for i in range(count):
        left[i] = value
        share = weight_of(facts, i) / (weight_of(facts, i) + 25.0)
        value += (p[i] - value) * max(0.1, share)
    value = 0.0
    for i in range(count - 1, -1, -1):
        right[i] = value
        share = weight_of(facts, i) / (weight_of(facts, i) + 25.0)
        value += (p[i] - value) * max(0.1, share)
    start, mass, weight, own = 0, 0.0, 0.0, -1.0
    for i in range(count + 1):
        is_heading = i < count and 11 <= TAG_CODE[facts.nodes[facts.blocks[i, B_NODE], N_TAG]] <= 14
        if i == count or is_heading:
            for j in range(start, i):
                section[j] = mass / max(1e-9, weight)
                heading[j] = own
            if i == count:
                break
            start, mass, weight, own = i, 0.0, 0.0, p[i]
            continue
        mass += p[i] * weight_of(facts, i)
        weight += weight_of(facts, i)
    return left, right, section, heading
