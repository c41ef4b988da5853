"""Spans of three sentences that occur more than once: the rule of the C4 paper.

T5 paper (Raffel et al. 2020, section 2.2): all but one of any three-sentence span that occurs more than
once in the data set is discarded. The paper does not say how sentences are compared or which copy stays;
here they are compared in one form (`normalise.same`), and the copy on the page whose
URL has the smallest md5 stays, as with the lines of the released code.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.dedup import keep_first, normalise
from curate.dedup.base import Removal, doc64
from curate.dedup.lines import page_rank
from curate.filters.base import Decision, Document, drop, keep

if TYPE_CHECKING:
    from curate.engine.session import Session


@dataclass(frozen=True)
class Spans:
    """Each span of `sentences` sentences stays in one place only.

    Spans overlap. A sentence goes when it lies in a span that the page lost and in no repeated span that
    the page keeps: so exactly one copy of every repeated span is left whole. Pages with fewer sentences are
    left alone. A page without a sentence left is dropped.
    """

    sentences: int = 3
    index: str = ""
    """Folder of what earlier runs kept: it wins, and what this run keeps is added."""
    against: str = ""
    """Folder of another corpus: it wins."""

    def __post_init__(self) -> None:
        if self.sentences < 1:
            raise ValueError(f"sentences must be at least 1, got {self.sentences}")

    def prepare(self) -> None:
        """Load the compiled code, and what knows other scripts."""
        self._spans("One. \U00010400. ".encode() * self.sentences)

    def key_parameters(self) -> dict[str, object]:
        """What its keys depend on."""
        return {"sentences": self.sentences}

    def keys(self, batch: pa.RecordBatch, /) -> pa.Table:
        """One key a span; its position is that of its first sentence."""
        found = [self._spans(text or b"") for text in batch.column("text").cast(pa.binary()).to_pylist()]
        rows = np.repeat(np.arange(len(found)), list(map(len, found)))
        positions = np.concatenate([np.zeros(0, np.int32), *(np.arange(len(one), dtype=np.int32) for one in found)])
        docs = doc64(batch.column("id").to_pylist())
        words = np.concatenate([np.zeros((0, 2), np.int64), *found])
        return keep_first.table_of(words, page_rank(batch)[rows], docs[rows], positions)

    def _spans(self, text: bytes) -> npt.NDArray[np.int64]:
        # Each sentence is hashed once; a span is the hash of its sentences' hashes.
        from curate.dedup import sentence_loops as loops  # with numba: not for who only reads a recipe

        sentences = loops.folded(text)
        if sentences is not None:
            return loops.spans(sentences, self.sentences)
        one = keep_first.digests(normalise.folded_sentences(text.decode()))
        size = self.sentences
        return keep_first.words(keep_first.digest(b"".join(one[at : at + size])) for at in range(len(one) - size + 1))

    def resolve(self, s: "Session", keys: str, out: str, shards: int, /) -> Mapping[str, object]:
        """Elect the place of each span."""
        return keep_first.elect(s, self, keys, out, shards, owners=True)

    def apply(self, doc: Document, lost: Sequence[Removal], /) -> Decision:
        """Cut the sentences that the page lost."""
        kept = self._covered(removal.pos for removal in lost if removal.value == keep_first.OWNER)
        gone = self._covered(removal.pos for removal in lost if removal.value != keep_first.OWNER) - kept
        if not gone:
            return keep(doc)
        text = without(doc.text, gone)
        removed = {"duplicate": len(gone)}
        if not text.strip():
            return drop(doc, "empty", float(len(gone)), removed=removed)
        return keep(replace(doc, text=text), removed=removed)

    def _covered(self, starts: Iterable[int]) -> set[int]:
        return {start + offset for start in starts for offset in range(self.sentences)}


def without(text: str, gone: set[int]) -> str:
    """`text` without the sentences whose numbers are in `gone`; a line that loses its last sentence goes
    with it.
    """
    if gone.issuperset(range(len(normalise.text_sentences(text)))):
        return ""
    left: list[str] = []
    number = 0
    for line in text.split("\n"):
        pieces = normalise.sentences(line)
        numbers = range(number, number + len(pieces))
        number += len(pieces)
        if gone.isdisjoint(numbers):
            left.append(line)
        elif kept := "".join(piece for at, piece in zip(numbers, pieces, strict=True) if at not in gone).rstrip():
            left.append(kept)
    return "\n".join(left)
