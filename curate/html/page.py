"""One page read into blocks and facts: everything before the model."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curate.html.features import Facts, empty_facts, headings
from curate.html.layout import alike, containers, totals
from curate.html.mathematics import with_latex
from curate.html.measure import FIRST_WORDS, NEAR, distinct_words, measure
from curate.html.scan import scan
from curate.html.tags import NAMES, tables
from curate.html.tape import (
    ABOUT_END,
    ABOUT_START,
    B_END,
    B_START,
    BLOCKS,
    FORMULAS,
    NODES,
    SCHEMA,
    TITLE_END,
    TITLE_START,
    Tape,
    grown,
    new_tape,
)
from curate.html.words import stop_words


@dataclass(frozen=True)
class Page:
    """A page as blocks of text; what depends on the model's weights in `facts` is still zero."""

    source: bytes
    tape: Tape
    facts: Facts

    @property
    def count(self) -> int:
        """Number of blocks."""
        return len(self.facts.blocks)

    def text(self, index: int) -> str:
        """Text of block `index`."""
        start, end = self.facts.blocks[index, B_START], self.facts.blocks[index, B_END]
        return self.tape.text[start:end].tobytes().decode("utf-8", "replace")


def as_bytes(html: str) -> bytes:
    """`html` in UTF-8 without NULs; lone surrogates become U+FFFD."""
    try:
        source = html.encode()
    except UnicodeEncodeError:
        source = html.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
    return source.replace(b"\x00", b"")  # bytes are searched several times as fast as text that is not Latin


def scanned(source: bytes) -> Tape:
    """What the scanner makes of a page in UTF-8."""
    buffer: NDArray[np.uint8] = np.frombuffer(source, np.uint8)
    tape = new_tape(len(source), len(NAMES))
    while not scan(buffer, tape, tables()):
        tape = grown(tape)
    return tape


def read_page(html: str | bytes) -> Page:
    """Split `html` into blocks and measure them. Lone surrogates become U+FFFD; NULs are dropped.

    Bytes must be valid UTF-8 without NULs: to encode a page that came as UTF-8 takes a tenth of the time of reading it.
    """
    source = html if isinstance(html, bytes) else as_bytes(html)
    tape = scanned(source)
    if tape.state[FORMULAS]:
        source = with_latex(source)
        tape = scanned(source)
    buffer, state = np.frombuffer(source, np.uint8), tape.state
    facts = empty_facts(tape.nodes[: state[NODES]], tape.blocks[: state[BLOCKS]])
    title = distinct_words(tape.text, state[TITLE_START], state[TITLE_END])
    about = distinct_words(buffer, state[ABOUT_START], state[ABOUT_END])
    count = len(facts.blocks)
    hashes, recent = np.zeros(count, np.uint64), np.zeros(FIRST_WORDS + 1, np.uint64)
    near = np.zeros(NEAR, np.uint8)
    measure(
        tape.text, facts.blocks, count, stop_words(), title, about, near, facts.measures, facts.words, hashes, recent
    )
    nodes = len(facts.nodes)
    totals(facts.nodes, nodes, facts.blocks, count, facts.measures, facts.sums, facts.span, facts.mask)
    alike(facts.nodes, facts.blocks, count, facts.measures, hashes, facts.group, facts.stats, facts.repeats)
    best, mass = containers(facts.nodes, nodes, facts.blocks, count, facts.measures, facts.sums, facts.places)
    facts.page[:4] = best, mass, state[SCHEMA], len(title)
    facts.page[6] = len(about)
    headings(facts)
    return Page(source, tape, facts)
