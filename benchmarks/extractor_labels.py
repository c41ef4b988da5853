"""Which blocks of a labelled page are main text: its words aligned with those of the gold text."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import LCSseq

from benchmarks.extractor_scores import tokens
from curate.html.page import Page


def label(page: Page, gold: str) -> NDArray[np.float32]:
    """For each block: how much of it is gold, by longest common subsequence over the page, or by runs of four words."""
    blocks = [tokens(page.text(i)) for i in range(page.count)]
    want = tokens(gold)
    names: dict[str, int] = {}
    have = [names.setdefault(word, len(names)) for block in blocks for word in block]
    numbers = [names.setdefault(word, len(names)) for word in want]
    hit = np.zeros(len(have) + 1)
    for start, end in _common(have, numbers):
        hit[start:end] = 1
    runs = Counter(tuple(numbers[i : i + 4]) for i in range(len(numbers) - 3))
    labels = np.zeros(page.count, np.float32)
    ends = np.cumsum([0, *map(len, blocks)])
    for i, block in enumerate(blocks):
        if block:
            labels[i] = hit[ends[i] : ends[i + 1]].mean()
    # what is found in order comes first: of two blocks with the same text, gold has as many as it has
    for i in np.argsort(-labels, kind="stable").tolist():
        grams = [tuple(have[j : j + 4]) for j in range(ends[i], ends[i + 1] - 3)]
        found = [gram for gram in grams if runs[gram] > 0]
        for gram in found:
            runs[gram] -= 1
        if grams:
            labels[i] = max(labels[i], len(found) / len(grams))
    return labels


def _common(have: list[int], want: list[int]) -> list[tuple[int, int]]:
    """Stretches of `have` on the longest common subsequence with `want`."""
    if not have or not want:
        return []
    blocks = LCSseq.opcodes(have, want)
    return [(block.src_start, block.src_end) for block in blocks if block.tag == "equal"]
