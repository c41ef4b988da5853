"""A stream of rows drawn from several token files with stated weights: no mixture is written.

Each row is of one source.  Which one follows from the weights alone, and every beginning of a run has each source
within one row of what was asked.  Rows of a source come from its
own stream, in the order that any other mixture reads them with the same seed.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train_probe.data import DOCUMENTS, Stream, TokenFile, mix_bits
from train_probe.errors import ProbeError

Ints = NDArray[np.int64]


def some_of(file: TokenFile, share: float) -> TokenFile:
    """The documents of `file` that come first by a hash of their keys, as many as hold `share` of its tokens.

    At least one document; the last one is taken when that comes nearer to the share.
    """
    if share >= 1:
        return file
    draw = mix_bits(file.documents["key"] ^ np.uint64(0x73756273))
    order = np.lexsort((file.documents["copy"], file.documents["key"], draw))
    ends = np.cumsum(file.documents["tokens"][order].astype(np.int64))
    count = max(1, int(np.abs(ends - share * ends[-1]).argmin()) + 1)
    return TokenFile(file.path, file.tokens, file.documents[np.sort(order[:count])], file.meta)


def schedule(weights: NDArray[np.float64], rows: int) -> Ints:
    """The source of each row, int64 [rows]: after r rows each has r times its weight, give or take less than one row.

    Tijdeman (1980), the chairman assignment problem: of the sources that are due, the one whose time runs out first.
    """
    used = np.flatnonzero(weights * rows > 1e-6)
    slack = 1 / (2 * len(used) - 2) if len(used) > 1 else 0.0
    shares = weights[used] / weights[used].sum()
    behind = np.zeros(len(used))
    found = np.empty(rows, dtype=np.int64)
    for row in range(rows):
        behind += shares
        deadline = (1 - slack - behind) / shares
        chosen = int(np.argmin(np.where(behind >= slack - 1e-9, deadline, np.inf)))
        behind[chosen] -= 1
        found[row] = used[chosen]
    return found


@dataclass(frozen=True)
class _Described:
    """What a trainer asks of the file of a stream: here one stand-in document for each source, of its weight."""

    path: Path
    meta: dict[str, Any]
    documents: NDArray[np.void]
    sources: list[str]


class Blend:
    """A stream of several sources, with what `Trainer` asks of a stream."""

    def __init__(
        self, files: dict[str, TokenFile], weights: dict[str, float], rows: int, width: int, seed: int
    ) -> None:
        """`rows` rows of `width` tokens in the whole run.  Raises ProbeError when sources don't fit together."""
        names = list(files)
        for key in ("tokenizer", "end", "mask"):
            if len({file.meta[key] for file in files.values()}) > 1:
                raise ProbeError(f"the sources were tokenized apart: {key} differs; prepare them again")
        self.weights = np.array([weights[name] for name in names])
        self.weights = self.weights / self.weights.sum()
        self.streams = [Stream(file, seed) for file in files.values()]
        self.rows, self.width, self.seed, self.part = rows, width, seed, (0, 1)
        self.order = schedule(self.weights, rows)
        self.place = np.zeros(rows, dtype=np.int64)
        """Which row of its source each row is."""
        for i in range(len(names)):
            mine = self.order == i
            self.place[mine] = np.arange(int(mine.sum()))
        documents = np.zeros(len(names), dtype=DOCUMENTS)
        documents["source"] = np.arange(len(names))
        documents["tokens"] = np.round(self.weights * 1e9).astype(np.int32)
        prints = {name: file.meta["fingerprint"] for name, file in files.items()}
        meta = {**next(iter(files.values())).meta, "fingerprint": prints, "weights": self.weights.round(9).tolist()}
        self.file = _Described(next(iter(files.values())).path, meta, documents, names)

    def batch(self, step: int, rows: int, width: int, first: int = 0, take: int | None = None) -> Ints:
        """Rows `first` … `first + take` of the batch of `rows` at `step`: int64 [take, width + 1]."""
        take = rows if take is None else take
        found = np.empty((take, width + 1), dtype=np.int64)
        for i in range(take):
            row = step * rows + first + i
            found[i] = self.streams[self.order[row]].read(int(self.place[row]) * width, width + 1)
        return found

    def consumed(self, tokens: int) -> dict[str, int]:
        """How many of the first `tokens` tokens are of each source."""
        rows = np.bincount(self.order[: tokens // self.width], minlength=len(self.streams))
        return {name: int(n) * self.width for name, n in zip(self.file.sources, rows, strict=True)}

    def unique_tokens(self) -> dict[str, int]:
        """Tokens that each source has."""
        return {name: stream.length for name, stream in zip(self.file.sources, self.streams, strict=True)}

    def bytes_of(self, tokens: int) -> float:
        """Bytes of text in the first `tokens` tokens."""
        seen = self.consumed(tokens)
        return sum(stream.bytes_of(seen[name]) for name, stream in zip(self.file.sources, self.streams, strict=True))
