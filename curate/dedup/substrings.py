"""Runs of words that stand elsewhere in the corpus too (exact substring deduplication; Lee et al. 2022, section 4.1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.dedup import normalise
from curate.dedup.base import Removal, doc64, survivor_rank
from curate.filters import scripts
from curate.filters.base import Decision, Document, drop, keep

if TYPE_CHECKING:
    from curate.engine.session import Session

WINDOWS = pa.schema(
    [
        pa.field("doc", pa.int64()),
        pa.field("rank", pa.int64()),
        pa.field("hi", pa.list_(pa.int64())),  # one for each window, in the order of the text
        pa.field("lo", pa.list_(pa.int64())),
        pa.field("sizes", pa.list_(pa.int16())),  # words of each window
    ]
)
UNITS = ("token", "byte")
ENDS = ("word", "sentence", "line")


@dataclass(frozen=True)
class Substrings:
    """A run of at least `length` words (or bytes) that stands in several places stays in one.

    A window of `length` words that occurs more than once stays where the longest text has it (then the earliest, then that with
    the smallest id; in one text its first place) and is cut everywhere else: all words that lie in such a window go, but those
    of a window that stays there. Cuts end between words, or where asked between sentences or lines. A text that lost something
    and has fewer than `least` words left, and less than `length`, is dropped as `little_left`: so no window goes with it.
    """

    length: int = 50
    unit: str = "token"
    """"token": words. "byte": bytes of the text, rounded up to whole words."""
    ends: str = "word"
    """Where cuts may end: "word", "sentence" or "line"; of a run its whole sentences or lines go."""
    least: int = 20
    index: str = ""
    """Not there for this step."""
    against: str = ""
    """Folder of another corpus: its places win."""

    def __post_init__(self) -> None:
        from curate.dedup.windows import LONGEST

        most = LONGEST if self.unit == "token" else 100 * LONGEST
        if self.unit not in UNITS:
            raise ValueError(f"unit must be one of {', '.join(UNITS)}, got {self.unit!r}")
        if not 2 <= self.length <= most:
            raise ValueError(f"length must lie between 2 and {most}, got {self.length}")
        if self.ends not in ENDS:
            raise ValueError(f"ends must be one of {', '.join(ENDS)}, got {self.ends!r}")
        if self.least < 0:
            raise ValueError(f"least must be at least 0, got {self.least}")
        if self.index:
            raise ValueError("runs of words have no index: take against, a folder of the other corpus")

    def key_parameters(self) -> dict[str, object]:
        """What its keys depend on."""
        return {"length": self.length, "unit": self.unit, "words": scripts.segmenter()}

    def keys(self, batch: pa.RecordBatch, /) -> pa.Table:
        """The windows of each text: 18 bytes a word."""
        from curate.dedup.kernel import buffers
        from curate.dedup.windows import windows

        data, offsets = buffers(batch.column("text"))
        found = [
            windows(data, first, end, self.length, self.unit == "byte")
            for first, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
        ]
        rows = [row for row, (hi, _, _) in enumerate(found) if len(hi)]
        docs, ranks = doc64(batch.column("id").to_pylist()), survivor_rank(batch)
        ends = np.concatenate([[0], np.cumsum([len(found[row][0]) for row in rows])]).astype(np.int32)
        lists = [
            pa.ListArray.from_arrays(
                pa.array(ends), pa.array(np.concatenate([found[row][k] for row in rows]) if rows else np.zeros(0, kind))
            )
            for k, kind in enumerate((np.int64, np.int64, np.int16))
        ]
        return pa.table([pa.array(docs[rows]), pa.array(ranks[rows]), *lists], schema=WINDOWS)

    def resolve(self, s: "Session", keys: str, out: str, shards: int, /) -> Mapping[str, object]:
        """Find the place of each run."""
        from curate.dedup.repeated import resolve

        return resolve(s, self, keys, out, shards)

    def apply(self, doc: Document, lost: Sequence[Removal], /) -> Decision:
        """Cut the runs: `pos` is the first word of each, its value how many words it has."""
        text, runs, left = cut(
            doc.text, [(removal.pos, removal.pos + int(removal.value)) for removal in lost], self.ends
        )
        if not runs:
            return keep(doc)
        removed = {"repeated": runs}
        size = left if self.unit == "token" else len(text.encode())
        if (left < self.least and size < self.length) or not left:
            return drop(doc, "little_left", float(left), removed=removed)
        return keep(replace(doc, text=text), removed=removed)


def cut(text: str, runs: Sequence[tuple[int, int]], ends: str = "word") -> tuple[str, int, int]:
    """The text without those runs of words [first, end); how many were cut, and words left."""
    from curate.dedup.windows import spans

    data = text.encode()
    starts, _ = spans(data)
    gone = np.zeros(len(starts) + 1, np.bool_)
    for first, end in runs:
        gone[first:end] = True
    limits = np.arange(len(starts) + 1) if ends == "word" else _limits(text, starts, ends)
    pieces, at, done = list[bytes](), 0, 0
    edges = np.flatnonzero(np.diff(gone.astype(np.int8), prepend=0))
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        low = int(limits[np.searchsorted(limits, first)])
        high = int(limits[np.searchsorted(limits, end, side="right") - 1])
        if low >= high:
            continue
        behind = int(starts[high]) if high < len(starts) else len(data)
        pieces.append(data[at : int(starts[low])])
        if b"\n" in data[int(starts[low]) : behind] and not pieces[-1].endswith(b"\n") and low:
            pieces[-1] = pieces[-1].rstrip(b" \t") + b"\n"  # a line does not run on into one that stood further down
        at, done = behind, done + 1
    rest = b"".join([*pieces, data[at:]])
    left = len(spans(rest)[0])
    return (rest.decode().rstrip() if done and at == len(data) else rest.decode()), done, left


def _limits(text: str, starts: npt.NDArray[np.int64], ends: str) -> npt.NDArray[np.intp]:
    """The numbers of the words with which sentences or lines begin, and the number of words."""
    offsets, at = [0], 0
    for line in text.split("\n"):
        begins = at
        for piece in normalise.sentences(line) if ends == "sentence" else [line]:
            offsets.append(at)
            at += len(piece.encode())
        at = begins + len(line.encode()) + 1
    return np.unique(np.append(np.searchsorted(starts, np.array(offsets)), len(starts)))
