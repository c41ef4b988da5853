"""The engine `curate`: blocks, features, two passes of the model, lines of text; trafilatura where it is unsure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curate.extractor.context import CONTEXT, context
from curate.extractor.features import FEATURES, fill, word_logits
from curate.extractor.jit import Array, Number, compiled
from curate.extractor.layout import name_logits
from curate.extractor.lines import rows_of_tables
from curate.extractor.measure import WORDS
from curate.extractor.model import Model, model
from curate.extractor.page import Page, read_page
from curate.extractor.trees import probabilities

LOWEST, HIGHEST = 0.3, 0.45  # bounds of the probability from which a block is kept (chosen in cross-validation)
CHUNK = 8192  # blocks whose features are held at once: memory stays flat on pages with millions


@dataclass(frozen=True)
class Judged:
    """A page with the model's opinion of each of its blocks."""

    page: Page
    probability: NDArray[np.float32]  # (blocks,) that the block is main text
    keep: NDArray[np.bool_]  # (blocks,)
    expected: float  # token-level F1 that the probabilities promise, 0 to 1
    unsure: bool  # whether that is too low, so that trafilatura's text is taken


@dataclass(frozen=True)
class Extraction:
    """The text of a page and the engine that it is from: "curate" or "trafilatura"."""

    text: str
    engine: str


def prepare() -> None:
    """Load the model and the compiled code: a second, or half a minute the first time on a machine (it is cached)."""
    judge("<title>a</title><p>a")


def extract(html: str, url: str | None = None) -> str:
    """The main text of `html`, one line a block."""
    return extract_page(html, url).text


def extract_page(html: str, url: str | None = None) -> Extraction:
    """The main text of `html`, and which engine it is from."""
    judged = judge(html)
    if judged.unsure:
        from curate.extractors import extractor

        return Extraction(extractor("trafilatura")(html, url), "trafilatura")
    return Extraction(assemble(judged), "curate")


def judge(html: str, using: Model | None = None) -> Judged:
    """Read a page and judge its blocks, with the package's model or another."""
    weights = using or model()
    page = read_page(html)
    p = block_probabilities(page, weights)
    words = page.facts.measures[:, WORDS].astype(np.float64)
    keep, expected = decide(p, words)
    return Judged(page, p, keep, expected, expected < weights.unsure)


def block_probabilities(page: Page, weights: Model) -> NDArray[np.float32]:
    """Both passes over a page: the probability of each block."""
    facts = page.facts
    count = page.count
    name_logits(facts.nodes, len(facts.nodes), page.tape.tokens, weights.names, facts.places)
    word_logits(facts.words, weights.words, facts.logits)
    one, two = np.zeros(count, np.float32), np.zeros(count, np.float32)
    width = len(FEATURES)
    rows = np.empty((min(count, CHUNK), width + len(CONTEXT)), np.float32)
    for first in range(0, count, CHUNK):
        last = min(first + CHUNK, count)
        fill(facts, first, last, rows)
        probabilities(weights.one, rows[: last - first], one[first:last])
    around = np.empty((count, len(CONTEXT)), np.float32)
    context(facts, one, around)
    for first in range(0, count, CHUNK):
        last = min(first + CHUNK, count)
        if count > CHUNK:
            fill(facts, first, last, rows)
        rows[: last - first, width:] = around[first:last]
        probabilities(weights.two, rows[: last - first], two[first:last])
    return two


def decide(p: NDArray[np.float32], words: NDArray[np.float64]) -> tuple[NDArray[np.bool_], float]:
    """Which blocks to keep so that the expected F1 is highest, and that F1.

    The expected F1 of keeping the likeliest blocks is `2 tp / (kept + total)`, with sums of words weighted by
    probability for `tp` and `total`; it is highest for all blocks down to some probability (Lipton, Elkan and
    Naryanaswamy 2014, theorem 1). That probability is held within `LOWEST` and `HIGHEST`.
    """
    order = np.argsort(-p, kind="stable")
    least = min(max(likeliest(p, words, order), LOWEST), HIGHEST)
    return p >= least, promised(p, words, least)


@compiled
def likeliest(p: Array, words: Array, order: Array) -> Number:
    """The probability down to which blocks are kept for the highest expected F1, summed in the order given."""
    total = 0.0
    for i in order:
        total += p[i] * words[i]
    found, kept, best, least = 0.0, 0.0, -1.0, 1.0
    for i in order:
        found += p[i] * words[i]
        kept += words[i]
        if kept + total > 0 and 2 * found / (kept + total) > best:
            best, least = 2 * found / (kept + total), p[i]
    return least


@compiled
def promised(p: Array, words: Array, least: Number) -> Number:
    """Expected F1 of keeping the blocks whose probability is at least `least`."""
    found, kept, total = 0.0, 0.0, 0.0
    for i in range(len(p)):
        total += p[i] * words[i]
        if p[i] >= least:
            found += p[i] * words[i]
            kept += words[i]
    return 2 * found / (kept + total) if kept + total > 0 else 0.0


def assemble(judged: Judged) -> str:
    """The kept blocks as lines: one a block, the cells of a table's row on one line, preformatted text as it is."""
    page = judged.page
    kept = np.flatnonzero(judged.keep).tolist()
    rows = rows_of_tables(page.facts.nodes, page.facts.blocks)
    pieces: list[str] = []
    before = -1
    for i in kept:
        if pieces:
            beside = rows[i, 0] >= 0 and rows[i, 0] == rows[before, 0] and rows[i, 1] != rows[before, 1]
            pieces.append(" | " if beside else "\n")
        pieces.append(page.text(i))
        before = i
    return "".join(pieces)
