"""The engine `curate`: blocks, features, two passes of the model, lines of text; trafilatura where it is unsure."""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curate.filters.caching import is_compiled
from curate.filters.jit import Array, Number, compiled_making
from curate.html.columns import FEATURES
from curate.html.context import CONTEXT, context
from curate.html.features import fill, word_logits
from curate.html.hidden import visible
from curate.html.layout import name_logits
from curate.html.lines import joined, joints
from curate.html.measure import WORDS
from curate.html.model import Model, model
from curate.html.page import Page, read_page
from curate.html.shortcodes import shortcodes
from curate.html.start import ARTICLE
from curate.html.structured import article_body, is_html
from curate.html.tags import TAG
from curate.html.tape import B_CODE, B_END, B_NODE, B_START, N_TAG
from curate.html.title import title_of, with_title
from curate.html.trees import probabilities

STEPS = 40  # of probability that the choice of blocks tells apart
FEW_WORDS = 40  # on which a page has no article of its own
_PRE = TAG["pre"]
CHUNK = 8192  # blocks whose features are held at once: memory stays flat on pages with millions


@dataclass(frozen=True)
class Judged:
    """A page with the model's opinion of each of its blocks."""

    page: Page
    probability: NDArray[np.float32]  # (blocks,) that the block is main text
    keep: NDArray[np.bool_]  # (blocks,)
    expected: float  # token-level F1 that the probabilities promise, 0 to 1
    unsure: bool  # whether that is too low though the page has text, so that trafilatura's is taken


@dataclass(frozen=True)
class Extraction:
    """The text of a page and the engine that it is from: "curate" or "trafilatura"."""

    text: str
    engine: str


def prepare() -> None:
    """Load the model and the compiled code: a second, or half a minute the first time on a machine (it is cached).

    Where nothing is cached one process compiles, and the others wait for what it makes.
    """
    with alone() if is_cold() else nullcontext():
        judged = judge("<title>a</title><h1>a</h1><p>a")
        assemble(judged)
        title_of(judged.page, None)


def is_cold() -> bool:
    """Whether this machine has no compiled code yet of `best_step`, the last function that a page needs."""
    return not is_compiled(Path(__file__), "best_step")


def _cache() -> Path:
    stats = getattr(best_step, "stats", None)  # there is none where numba is switched off
    return Path(stats.cache_path if stats else tempfile.gettempdir())


@contextmanager
def alone() -> Iterator[None]:
    """Hold the lock of the folder of compiled code."""
    folder = _cache()
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl

        lock = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):  # no such locks here: each process compiles for itself
        yield
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def extract(html: str, url: str | None = None) -> str:
    """The main text of `html`, one line a block."""
    return extract_page(html, url).text


def extract_page(html: str | bytes, url: str | None = None, title: bool = False) -> Extraction:
    """The main text of `html`, and which engine it is from. Bytes are UTF-8 as `curate.encodings.decode` leaves it.

    `title`: the page's title is the first line, where there is a text.
    """
    judged = judge(html)
    done = _extracted(html, url, judged)
    if not title:
        return done
    return Extraction(with_title(done.text, title_of(judged.page, url)), done.engine)


def _extracted(html: str | bytes, url: str | None, judged: Judged) -> Extraction:
    if (text := elsewhere(html, judged)) is not None:
        return Extraction(text, "curate")
    if judged.unsure:
        from curate.html.extractors import fallback

        return Extraction(fallback(_text(html), url), "trafilatura")
    return Extraction(assemble(judged), "curate")


def _text(html: str | bytes) -> str:
    return html if isinstance(html, str) else html.decode()


def elsewhere(html: str | bytes, judged: Judged) -> str | None:
    """The article in a page's JSON-LD, where the page shows next to nothing of its own; None where it does."""
    if not int(judged.page.facts.page[2]) & ARTICLE:
        return None
    shown = judged.page.facts.measures[judged.keep, WORDS].sum()
    if shown > FEW_WORDS:
        return None
    body = article_body(_text(html))
    if len(body.split()) <= 4 * shown + FEW_WORDS:
        return None
    if not is_html(body):
        return body
    inner = read_page(body)
    return "\n".join(inner.text(i) for i in range(inner.count))


def judge(html: str | bytes, using: Model | None = None) -> Judged:
    """Read a page and judge its blocks, with the package's model or another."""
    weights = using or model()
    page = read_page(html)
    p = block_probabilities(page, weights)
    words = page.facts.measures[:, WORDS].astype(np.float64)
    keep, expected = decide(p, words)
    keep = visible(page.facts.nodes, page.facts.blocks, keep, words)
    return Judged(page, p, keep, expected, page.count > 0 and expected < weights.unsure)


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
    """Which blocks to keep so that the expected F1 of the page is highest, and that F1.

    The blocks of a page are right or wrong together: a whole section of comments is wanted or not. So the truth is
    thought of as all blocks down to some probability u, where each u is as likely (which gives every block its
    probability), and the expectation is a mean over u. What is kept is all blocks down to a probability too.
    """
    step, expected = best_step(p, words)
    return p >= np.float32(step / STEPS), expected


@compiled_making
def best_step(p: Array, words: Array) -> tuple[Number, Number]:
    """The step (of STEPS) from which blocks are kept for the highest expected F1, and that F1."""
    down_to = np.zeros(STEPS + 2)  # words in blocks whose probability reaches a step
    for i in range(len(p)):
        step = int(p[i] * np.float32(STEPS))
        while step > 0 and p[i] < np.float32(step / STEPS):
            step -= 1
        while step < STEPS and p[i] >= np.float32((step + 1) / STEPS):
            step += 1
        down_to[step] += words[i]
    for step in range(STEPS, -1, -1):
        down_to[step] += down_to[step + 1]
    best, found = -1.0, 1
    for step in range(1, STEPS):
        total = 0.0
        for truth in range(1, STEPS, 2):
            if down_to[step] + down_to[truth] > 0:
                total += 2 * down_to[max(step, truth)] / (down_to[step] + down_to[truth])
        expected = total / (STEPS // 2)
        if expected > best:
            best, found = expected, step
    return found, best


def assemble(judged: Judged) -> str:
    """The kept blocks as lines: one a block, the cells of a table's row on one line, a short term before what it means,
    preformatted text as it is, shortcodes gone."""
    page, kept = judged.page, np.flatnonzero(judged.keep)
    if not len(kept):
        return ""
    text, blocks = page.tape.text, page.facts.blocks[kept]
    near = joints(page.facts.nodes, page.facts.blocks)[kept]
    source = text[blocks[0, B_START] : blocks[-1, B_END]].tobytes()
    if b"[" in source and (codes := shortcodes(source)):
        tags = page.facts.nodes[blocks[:, B_NODE], N_TAG]
        text, blocks = _without(codes, text, blocks, (blocks[:, B_CODE] == 0) & (tags != _PRE))
    return joined(text, blocks, near).decode("utf-8", "replace")


def _without(
    codes: re.Pattern[bytes], text: NDArray[np.uint8], blocks: NDArray[np.int32], among: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """The texts of blocks, those `among` which codes are looked for without them, and where each is then."""
    blocks, parts, size = blocks.copy(), list[bytes](), 0
    for i, (start, end) in enumerate(blocks[:, [B_START, B_END]].tolist()):
        part = text[start:end].tobytes()
        if among[i] and b"[" in part:
            part = b" ".join(codes.sub(b"", part).split())
        parts.append(part)
        blocks[i, B_START], blocks[i, B_END] = size, size + len(part)
        size += len(part)
    return np.frombuffer(bytearray().join(parts), np.uint8), blocks  # writable, as a tape is: compiled once for both
