"""One page read into blocks and facts: everything before the model."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curate.extractor.features import Facts, empty_facts, headings
from curate.extractor.layout import alike, containers, totals
from curate.extractor.measure import measure, title_words
from curate.extractor.scan import scan
from curate.extractor.tags import NAMES, tables
from curate.extractor.tape import B_END, B_START, BLOCKS, NODES, SCHEMA, TITLE_END, TITLE_START, Tape, grown, new_tape
from curate.extractor.words import stop_words


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


def read_page(html: str) -> Page:
    """Split `html` into blocks and measure them. Lone surrogates become U+FFFD; NULs are dropped."""
    source = html.replace("\x00", "").encode("utf-8", "replace")
    buffer: NDArray[np.uint8] = np.frombuffer(source, np.uint8)
    known = tables()
    tape = new_tape(len(source), len(NAMES))
    while not scan(buffer, tape, known):
        tape = grown(tape)
    state = tape.state
    facts = empty_facts(tape.nodes[: state[NODES]], tape.blocks[: state[BLOCKS]])
    title = title_words(tape.text, state[TITLE_START], state[TITLE_END])
    count = len(facts.blocks)
    hashes = np.zeros(count, np.uint64)
    measure(tape.text, facts.blocks, count, stop_words(), title, facts.measures, facts.words, hashes)
    nodes = len(facts.nodes)
    totals(facts.nodes, nodes, facts.blocks, count, facts.measures, facts.sums, facts.span, facts.mask)
    alike(facts.nodes, facts.blocks, count, facts.measures, hashes, facts.group, facts.stats, facts.repeats)
    best, mass = containers(facts.nodes, nodes, facts.blocks, count, facts.measures, facts.sums, facts.places)
    facts.page[:4] = best, mass, state[SCHEMA], len(title)
    headings(facts)
    return Page(source, tape, facts)
