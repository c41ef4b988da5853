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

from benchmarks.extractor_labels import label
from benchmarks.extractor_pages import NEWS, news, pages
from benchmarks.extractor_pages import Page as Labelled
from curate.html.columns import FEATURES
from curate.html.context import CONTEXT, context
from curate.html.features import Facts, fill, word_logits
from curate.html.layout import S_STOPS, name_logits
from curate.html.measure import CAPITALS, INITIALS, STOPS, WORD_BUCKETS, WORDS
from curate.html.model import Model
from curate.html.page import Page, read_page
from curate.html.tape import B_NODE, BUCKETS, N_PARENT, N_TOKENS, N_TOKENS_END
from curate.html.trees import LEVELS, Trees, probabilities

Floats = NDArray[np.float32]
Ragged = tuple[NDArray[np.int32], NDArray[np.int64]]  # numbers of all blocks in a row, and how many each has
UNSURE = 0.2  # expected F1 below which trafilatura takes over: .28 gives .0004 of F1 more, and takes a tenth of extraction's time
UNKNOWN_EVERY = 8  # one page in so many is learnt from as if its language were unknown
NONE: Floats = np.zeros(0, np.float32)


@dataclass(frozen=True)
class Size:
    """How large the ensembles are."""

    trees: int = 120
    trees_two: int = 120
    depth: int = LEVELS  # at most
    leaves: int = 40
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


def fill_rows(item: Example, names: Floats, words: Floats, foreign: bool = False) -> None:
    """Compute the rows of the first pass with these word weights; `foreign`: as if no word of the page were known."""
    facts = item.page.facts
    if foreign:
        facts = unknown_language(facts)
        words = np.zeros_like(words)
    item.rows = np.zeros((item.page.count, len(FEATURES) + len(CONTEXT)), np.float32)
    name_logits(facts.nodes, len(facts.nodes), item.page.tape.tokens, names, facts.places)
    word_logits(facts.words, words, facts.logits)
    if item.page.count:
        fill(facts, 0, item.page.count, item.rows)


def unknown_language(facts: Facts) -> Facts:
    """The same page as if it were in a language that has no word in our lists."""
    measures, sums = facts.measures.copy(), facts.sums.copy()
    measures[:, [STOPS, CAPITALS, INITIALS]] = 0
    sums[:, S_STOPS] = 0
    return facts._replace(measures=measures, sums=sums)


def fill_context(item: Example, one: Trees) -> None:
    """Add the columns of the second pass."""
    if item.page.count:
        p = np.zeros(item.page.count, np.float32)
        probabilities(one, item.rows, p)
        context(item.page.facts, p, item.rows[:, len(FEATURES) :])


def boost(examples: Sequence[Example], columns: int, trees: int, size: Size) -> Trees:
    """Train one ensemble on the first `columns` columns; the same bytes from the same data."""
    x = np.concatenate([item.rows[:, :columns] for item in examples])
    y = np.concatenate([item.labels for item in examples])
    w = np.concatenate([item.weights for item in examples])
    data = lightgbm.Dataset(x, y, weight=w / w.mean(), params={"max_bin": 127, "verbose": -1})
    settings = {
        "objective": "cross_entropy", "num_leaves": size.leaves, "max_depth": size.depth, "learning_rate": size.rate, "min_data_in_leaf": 60,
        "feature_fraction": 0.5, "bagging_fraction": 0.7, "bagging_freq": 1, "lambda_l2": 5.0, "num_threads": 1,
        "deterministic": True, "force_col_wise": True, "seed": 7, "verbose": -1, "max_bin": 127,
    }  # fmt: skip
    return as_arrays(lightgbm.train(settings, data, trees))


def as_arrays(booster: Any) -> Trees:
    """LightGBM's trees as complete ones that compare single-precision rows exactly as LightGBM compares them."""
    trees = booster.dump_model()["tree_info"]
    made = Trees(
        np.zeros((len(trees), 2**LEVELS - 1), np.int16),
        np.full((len(trees), 2**LEVELS - 1), np.inf, np.float32),
        np.zeros((len(trees), 2**LEVELS), np.float32),
    )

    def walk(number: int, node: dict[str, Any], index: int, level: int) -> None:
        if "leaf_value" in node:  # nothing below it is asked: every row that comes here finds the same value
            span = 1 << (LEVELS - level)
            first = (index + 1) * span - 2**LEVELS
            made.leaf[number, first : first + span] = node["leaf_value"]
            return
        made.feature[number, index] = node["split_feature"]
        made.threshold[number, index] = _below(node["threshold"])
        walk(number, node["left_child"], 2 * index + 1, level + 1)
        walk(number, node["right_child"], 2 * index + 2, level + 1)

    for number, tree in enumerate(trees):
        walk(number, tree["tree_structure"], 0, 0)
    return made


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
                fill_rows(item, names, words, fold_of(item.labelled.path, UNKNOWN_EVERY, "language") == 0)
    return hashed(examples, "names"), hashed(examples, "words")


def train(examples: Sequence[Example], size: Size, known: tuple[Floats, Floats] | None = None) -> Weights:
    """All weights from these pages; `known` is what `read_words` returned for them, if it was called before."""
    names, words = known or read_words(examples)
    inner = [fold_of(item.labelled.domain, 3, "inner") for item in examples]
    for k in range(3):
        others = [item for item, fold in zip(examples, inner, strict=True) if fold != k]
        one = boost(others, len(FEATURES), size.trees, size)
        for item, fold in zip(examples, inner, strict=True):
            if fold == k:
                fill_context(item, one)
    one = boost(examples, len(FEATURES), size.trees, size)
    two = boost(examples, len(FEATURES) + len(CONTEXT), size.trees_two, size)
    return Weights(names, words, one, two)


def predict(item: Example, weights: Weights) -> Floats:
    """Probability of each block that it is main text."""
    fill_rows(item, weights.names, weights.words)
    fill_context(item, weights.one)
    p = np.zeros(item.page.count, np.float32)
    if item.page.count:
        probabilities(weights.two, item.rows, p)
    return p


def read_examples(testdata: Path, news_weight: float | None) -> list[Example]:
    """Every page whose gold is the whole main text, read and labelled; the news weigh `news_weight`, None leaves them out."""
    more = () if news_weight is None else news(testdata)
    examples = [example(page) for page in (*pages(testdata), *more) if not page.partial]
    for item in examples:
        if item.labelled.set == NEWS and news_weight is not None:
            item.weights = item.weights * np.float32(news_weight)
    return examples


def main() -> None:
    """`python -m benchmarks.extractor_train [OUT] [--size …] [--unsure F] [--news W]`: the model in the package, from all pages."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("out", type=Path, nargs="?", default=Path("curate/html/model.bin"))
    parser.add_argument("--size", type=lambda text: Size(*map(int, text.split(","))), default=Size())
    parser.add_argument("--unsure", type=float, default=UNSURE, help="expected F1 below which trafilatura takes over")
    parser.add_argument("--news", type=float, help="learn from the news in five languages, too, with this weight")
    args = parser.parse_args()
    testdata = Path(os.environ.get("CURATE_TESTDATA", "~/.cache/curate-testdata")).expanduser()
    examples = read_examples(testdata, args.news)
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
