"""Lines (paragraphs) that other pages have too: by the one form of texts, by the released C4 code's rule and by CCNet's."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.dedup import keep_first, normalise
from curate.dedup.base import Removal, column, doc64, texts
from curate.filters.base import Decision, Document, drop, keep

if TYPE_CHECKING:
    from curate.engine.session import Session

RULES = {"same": normalise.same, "c4": normalise.line, "ccnet": normalise.plain}


def page_rank(batch: pa.RecordBatch) -> npt.NDArray[np.int64]:
    """First 63 bits of the md5 of the URL as it is (of the id where there is none): smallest wins in the C4
    code.
    """
    holders = zip(column(batch, "url"), batch.column("id").to_pylist(), strict=True)
    names = [url or name for url, name in holders]
    digests = (hashlib.md5(name.encode(), usedforsecurity=False).digest() for name in names)
    heads = (int.from_bytes(digest[:8], "big") >> 1 for digest in digests)
    return np.fromiter(heads, np.int64, len(names))


@dataclass(frozen=True)
class Lines:
    """Each line stays in one place only.

    `rule="same"`: lines are compared in one form (`normalise.same`). A line that occurs more than once stays on the page
    whose URL has the smallest md5, at its first place there.

    `rule="c4"` (released code of C4): the same, but lines are only lower-cased and stripped.

    `rule="ccnet"` (CCNet): lines are compared in lower case, digits as 0, without punctuation. A line that
    occurs more than once goes everywhere, its first copy too.

    Blank lines are not compared. A page of which only blank lines are left is dropped.
    """

    rule: str = "same"
    index: str = ""
    """Folder of what earlier runs kept: it wins, and what this run keeps is added."""
    against: str = ""
    """Folder of another corpus: it wins."""

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ValueError(f"rule must be one of {', '.join(RULES)}, got {self.rule!r}")

    def key_parameters(self) -> dict[str, object]:
        """What its keys depend on."""
        return {"rule": self.rule}

    def keys(self, batch: pa.RecordBatch, /) -> pa.Table:
        """One key a line."""
        rows, positions, values = [], [], []
        for row, text in enumerate(texts(batch)):
            for pos, line in enumerate(text.split("\n")):
                value = RULES[self.rule](line)
                if value:
                    rows.append(row)
                    positions.append(pos)
                    values.append(value)
        docs = doc64(batch.column("id").to_pylist())
        return keep_first.table(keep_first.digests(values), page_rank(batch)[rows], docs[rows], positions)

    def resolve(self, s: "Session", keys: str, out: str, shards: int, /) -> Mapping[str, object]:
        """Elect the page of each line."""
        return keep_first.elect(s, self, keys, out, shards, keep_one=self.rule != "ccnet")

    def apply(self, doc: Document, lost: Sequence[Removal], /) -> Decision:
        """Cut the lines that the page lost."""
        gone = {removal.pos for removal in lost}
        left = [line for pos, line in enumerate(doc.text.split("\n")) if pos not in gone]
        removed = {"duplicate": len(gone)}
        if not any(line.strip() for line in left):
            return drop(doc, "empty", float(len(gone)), removed=removed)
        return keep(replace(doc, text="\n".join(left)), removed=removed)
