"""Train the extraction engine's model from labelled pages: labels, two hashed word models, two tree ensembles.

What a later stage reads of an earlier one is always predicted for pages that the earlier one was not trained on
(three folds by domain inside the training pages), as it will be for new pages.
"""

import argparse
import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import lightgbm
import numpy as np
from numba import njit
from numpy.typing import NDArray
from rapidfuzz.distance import LCSseq

from benchmarks.extractor_pages import Page as Labelled
from benchmarks.extractor_pages import pages
from benchmarks.extractor_scores import tokens
from curate.extractor.context import CONTEXT, context
from curate.extractor.features import FEATURES, fill, word_logits
from curate.extractor.layout import name_logits
from curate.extractor.measure import WORD_BUCKETS, WORDS
from curate.extractor.model import Model
from curate.extractor.page import Page, read_page
from curate.extractor.tape import B_NODE, BUCKETS, N_PARENT, N_TOKENS, N_TOKENS_END
from curate.extractor.trees import Trees, probabilities

Floats = NDArray[np.float32]
Ragged = tuple[NDArray[np.int32], NDArray[np.int64]]  # numbers of all blocks in a row, and how many each has
UNSURE = 0.55  # chosen in cross-validation: see the page of results
NONE: Floats = np.zeros(0, np.float32)


@dataclass(frozen=True)
class Size:
    """How large the ensembles are."""

    trees: int = 60
    leaves: int = 31
    trees_two: int = 60
    leaves_two: int = 31
    rate: float = 0.1


@dataclass
class Example:
    """A labelled page, read and labelled."""

    labelled: Labelled
    page: Page
    labels: Floats  # (blocks,) share of the block's words that gold has in the right place
    weights: Floats  # (blocks,)
    words: Ragged  # hashed words of the blocks
    names: Ragged  # hashed class and id words of what holds them
    rows: Floats = field(default_factory=lambda: NONE)  # (blocks, FEATURES + CONTEXT)


@dataclass(frozen=True)
class Weights:
    """Everything that is learnt."""

    names: Floats
    words: Floats
    one: Trees
    two: Trees


def example(labelled: Labelled) -> Example:
    """Read and label a page."""
    page = read_page(labelled.html)
    labels = label(page, labelled.gold)
    words = page.facts.measures[:, WORDS]
    weights = np.minimum(words, 60.0) ** 0.75 + 0.3
    scaled = (weights / max(1.0, float(weights.sum())) ** 0.6).astype(np.float32)
    return Example(labelled, page, labels, scaled, _block_words(page), _block_names(page))


def label(page: Page, gold: str) -> Floats:
    """For each block: how much of it is gold, by longest common subsequence over the page, or by runs of four words."""
    blocks = [tokens(page.text(i)) for i in range(page.count)]
    want = tokens(gold)
    names: dict[str, int] = {}
    have = [names.setdefault(word, len(names)) for block in blocks for word in block]
    numbers = [names.setdefault(word, len(names)) for word in want]
    hit = np.zeros(len(have) + 1)
    for start, end in _common(have, numbers):
        hit[start:end] = 1
    runs = {tuple(numbers[i : i + 4]) for i in range(len(numbers) - 3)}
    labels = np.zeros(page.count, np.float32)
    at = 0
    for i, block in enumerate(blocks):
        size = len(block)
        if size:
            share = hit[at : at + size].mean()
            grams = [tuple(have[j : j + 4]) in runs for j in range(at, at + size - 3)]
            labels[i] = max(share, sum(grams) / len(grams)) if grams else share
        at += size
    return labels


def _common(have: list[int], want: list[int]) -> list[tuple[int, int]]:
    """Stretches of `have` on the longest common subsequence with `want`."""
    if not have or not want:
        return []
    blocks = LCSseq.opcodes(have, want)
    return [(block.src_start, block.src_end) for block in blocks if block.tag == "equal"]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _logistic(
    ends: NDArray[np.int64], ids: NDArray[np.int32], y: Floats, w: Floats, order: NDArray[np.int64], size: int,
    rounds: int, decay: float,
) -> Floats:  # fmt: skip
    weights = np.zeros(size, np.float32)
    squares = np.full(size, 1e-3)
    for _ in range(rounds):
        for i in order:
            total = 0.0
            for k in range(ends[i], ends[i + 1]):
                total += weights[ids[k]]
            slope = (1.0 / (1.0 + np.exp(-total)) - y[i]) * w[i]
            for k in range(ends[i], ends[i + 1]):
                j = ids[k]
                gradient = slope + decay * weights[j] * w[i]
                squares[j] += gradient * gradient
                weights[j] -= 0.1 * gradient / np.sqrt(squares[j])
    return weights


def hashed(examples: Sequence[Example], which: str) -> Floats:
    """Weights of the hashed words of blocks ("words") or of the class and id words that hold them ("names")."""
    lists = [item.words if which == "words" else item.names for item in examples]
    ids = np.concatenate([one[0] for one in lists])
    ends = np.cumsum(np.concatenate([np.zeros(1, np.int64), *(one[1] for one in lists)]))
    y = np.concatenate([item.labels for item in examples])
    w = np.concatenate([item.weights for item in examples])
    order = np.random.default_rng(1).permutation(len(y))
    size = WORD_BUCKETS if which == "words" else BUCKETS
    scaled = (w / w.mean()).astype(np.float32)
    made: Floats = _logistic(ends, ids, y, scaled, order, size, 4, 0.02 if which == "words" else 0.01)
    return made.astype(np.float16).astype(np.float32)  # as the model's file keeps them


def _block_words(page: Page) -> Ragged:
    words = page.facts.words
    there = words >= 0
    return words[there], there.sum(axis=1)


def _block_names(page: Page) -> Ragged:
    """The class and id words of all elements that hold a block, at most 60, the nearest first."""
    nodes, used = page.facts.nodes, page.tape.tokens
    paths: list[list[int]] = []
    for node in range(len(nodes)):
        own = used[nodes[node, N_TOKENS] : nodes[node, N_TOKENS_END]].tolist()
        above = paths[nodes[node, N_PARENT]] if node else []
        paths.append((own + above)[:60])
    found = [paths[block[B_NODE]] for block in page.facts.blocks]
    flat = np.array([x for one in found for x in one], np.int32)
    return flat, np.array([len(one) for one in found], np.int64)


def fill_rows(item: Example, names: Floats, words: Floats) -> None:
    """Compute the rows of the first pass with these word weights."""
    facts = item.page.facts
    item.rows = np.zeros((item.page.count, len(FEATURES) + len(CONTEXT)), np.float32)
    name_logits(facts.nodes, len(facts.nodes), item.page.tape.tokens, names, facts.places)
    word_logits(facts.words, words, facts.logits)
    if item.page.count:
        fill(facts, 0, item.page.count, item.rows)


def fill_context(item: Example, one: Trees) -> None:
    """Add the columns of the second pass."""
    if item.page.count:
        p = np.zeros(item.page.count, np.float32)
        probabilities(one, item.rows, p)
        context(item.page.facts, p, item.rows[:, len(FEATURES) :])


def boost(examples: Sequence[Example], columns: int, trees: int, leaves: int, rate: float) -> Trees:
    """Train one ensemble on the first `columns` columns; the same bytes from the same data."""
    x = np.concatenate([item.rows[:, :columns] for item in examples])
    y = np.concatenate([item.labels for item in examples])
    w = np.concatenate([item.weights for item in examples])
    data = lightgbm.Dataset(x, y, weight=w / w.mean(), params={"max_bin": 127, "verbose": -1})
    settings = {
        "objective": "cross_entropy", "num_leaves": leaves, "learning_rate": rate, "min_data_in_leaf": 60,
        "feature_fraction": 0.5, "bagging_fraction": 0.7, "bagging_freq": 1, "lambda_l2": 5.0, "num_threads": 1,
        "deterministic": True, "force_col_wise": True, "seed": 7, "verbose": -1, "max_bin": 127,
    }  # fmt: skip
    return as_arrays(lightgbm.train(settings, data, trees))


def as_arrays(booster: Any) -> Trees:
    """LightGBM's trees as arrays that compare single-precision rows exactly as LightGBM compares them."""
    roots, feature, threshold, left, right, leaf = [], [], [], [], [], []  # type: ignore[var-annotated]

    def walk(node: dict[str, Any]) -> int:
        if "leaf_value" in node:
            leaf.append(node["leaf_value"])
            return -len(leaf)
        index = len(feature)
        feature.append(node["split_feature"])
        threshold.append(_below(node["threshold"]))
        left.append(0)
        right.append(0)
        left[index] = walk(node["left_child"])
        right[index] = walk(node["right_child"])
        return index

    for tree in booster.dump_model()["tree_info"]:
        roots.append(walk(tree["tree_structure"]))
    return Trees(
        np.array(roots, np.int32), np.array(feature, np.int16), np.array(threshold, np.float32),
        np.array(left, np.int32), np.array(right, np.int32), np.array(leaf, np.float32),
    )  # fmt: skip


def _below(value: float) -> np.float32:
    """The largest single-precision number that is at most `value`."""
    near = np.float32(value)
    return near if float(near) <= value else np.nextafter(near, np.float32(-np.inf))


def fold_of(domain: str, folds: int, salt: str = "") -> int:
    """The fold of a domain: by a hash of its name."""
    return crc32(f"{salt}{domain}".encode()) % folds


def read_words(examples: Sequence[Example]) -> tuple[Floats, Floats]:
    """The two word models of these pages; their rows are filled with weights that did not see their domain."""
    inner = [fold_of(item.labelled.domain, 3, "inner") for item in examples]
    for k in range(3):
        others = [item for item, fold in zip(examples, inner, strict=True) if fold != k]
        names, words = hashed(others, "names"), hashed(others, "words")
        for item, fold in zip(examples, inner, strict=True):
            if fold == k:
                fill_rows(item, names, words)
    return hashed(examples, "names"), hashed(examples, "words")


def train(examples: Sequence[Example], size: Size, known: tuple[Floats, Floats] | None = None) -> Weights:
    """All weights from these pages; `known` is what `read_words` returned for them, if it was called before."""
    names, words = known or read_words(examples)
    inner = [fold_of(item.labelled.domain, 3, "inner") for item in examples]
    for k in range(3):
        others = [item for item, fold in zip(examples, inner, strict=True) if fold != k]
        one = boost(others, len(FEATURES), size.trees, size.leaves, size.rate)
        for item, fold in zip(examples, inner, strict=True):
            if fold == k:
                fill_context(item, one)
    one = boost(examples, len(FEATURES), size.trees, size.leaves, size.rate)
    two = boost(examples, len(FEATURES) + len(CONTEXT), size.trees_two, size.leaves_two, size.rate)
    return Weights(names, words, one, two)


def predict(item: Example, weights: Weights) -> Floats:
    """Probability of each block that it is main text."""
    fill_rows(item, weights.names, weights.words)
    fill_context(item, weights.one)
    p = np.zeros(item.page.count, np.float32)
    if item.page.count:
        probabilities(weights.two, item.rows, p)
    return p


def main() -> None:
    """`python -m benchmarks.extractor_train [OUT] [--size …] [--unsure F]`: the model in the package, from all pages."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("out", type=Path, nargs="?", default=Path("curate/extractor/model.bin"))
    parser.add_argument("--size", type=lambda text: Size(*map(int, text.split(","))), default=Size())
    parser.add_argument("--unsure", type=float, default=UNSURE, help="expected F1 below which trafilatura takes over")
    args = parser.parse_args()
    testdata = Path(os.environ.get("CURATE_TESTDATA", "~/.cache/curate-testdata")).expanduser()
    examples = [example(page) for page in pages(testdata) if not page.partial]
    weights = train(examples, args.size)
    card = {
        "pages": len(examples),
        "blocks": sum(item.page.count for item in examples),
        "domains": len({item.labelled.domain for item in examples}),
        "sets": dict(sorted(Counter(item.labelled.set for item in examples).items())),
        "kinds": dict(sorted(Counter(item.labelled.kind for item in examples).items())),
        "size": asdict(args.size),
        "lightgbm": lightgbm.__version__,
    }
    made = Model(weights.names, weights.words, weights.one, weights.two, args.unsure, card)
    data = made.to_bytes()
    args.out.write_bytes(data)
    print(f"{args.out}: {len(data):,} bytes, sha256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
