"""Token files and the stream of training rows that is read from them.

A token file is a folder: `tokens.bin` (the documents, each led by the end token, one after another),
`documents.npy` (where each begins, how many tokens and bytes it has, which source it is of) and `meta.json`.
Documents are stored in the order of a hash of their id, so the folder is the same whatever the layout of the
Parquet files it came from.

The stream is a pure function of (files, seed): every document of an epoch once, in an order drawn from the seed
with sources spread evenly, epoch after epoch.  Rows are cut from it end to end, so no token is dropped, and
`batch(step)` needs no state: a run that resumes reads exactly what it would have read.

A stream can be of one part of the documents only: seeds that read different parts are independent samples of the
corpus, so that what differs between them holds the luck of which documents a run happened to get.
"""

import heapq
import json
import zlib
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from threading import Event, Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train_probe.errors import DAMAGE, ProbeError, shortly

DOCUMENTS = np.dtype(
    [("key", "<u8"), ("start", "<i8"), ("tokens", "<i4"), ("bytes", "<i8"), ("source", "<i2"), ("copy", "<i4")]
)
"""key: hash of the id; start: index of the leading end token; tokens: with that token; copy: 0 for the first
document with this key, 1 for the second …"""

DTYPES = ("<u2", "<u4")
"""Types of tokens that `prepare` writes."""
Ints = NDArray[np.int64]


def mix_bits(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit integers (SplitMix64's finalizer, Steele et al. 2014): one to one, no structure left."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = x ^ (x >> np.uint64(31))
    return mixed


@dataclass(frozen=True)
class TokenFile:
    """An opened token file; `tokens` and `documents` are memory-mapped."""

    path: Path
    tokens: NDArray[np.integer]
    documents: NDArray[np.void]
    meta: dict[str, Any]

    @classmethod
    def open(cls, path: Path) -> "TokenFile":
        """Open a folder.  Raises ProbeError when it is missing, empty or damaged."""
        try:
            meta = json.loads((path / "meta.json").read_text(encoding="utf-8"))
            if meta["dtype"] not in DTYPES:
                raise ValueError(f"tokens of type {str(meta['dtype'])[:20]!r}")
            documents = np.load(path / "documents.npy", mmap_mode="r")
            tokens = np.memmap(path / "tokens.bin", dtype=np.dtype(meta["dtype"]), mode="r")
            if not documents.dtype == DOCUMENTS:
                raise ValueError("another table of documents")
            expected = meta["tokens"], meta["documents"]
            ends = documents["start"].astype(np.float64) + documents["tokens"]
            least = min(documents[name].min(initial=0) for name in ("start", "tokens", "source"))
            most = documents["source"].max(initial=-1)
            if least < 0 or ends.max(initial=0) > len(tokens) or (most >= 0 and most >= len(meta["sources"])):
                raise ValueError("documents or sources that are not in it")
        except DAMAGE as error:
            raise ProbeError(f"{path}: not a token file ({shortly(error)}); prepare it again") from None
        if (len(tokens), len(documents)) != expected:
            raise ProbeError(f"{path}: {len(tokens)} tokens where {expected[0]!r} were written; prepare it again")
        return cls(path, tokens, documents, meta)

    @property
    def end(self) -> int:
        """The id that leads every document."""
        return int(self.meta["end"])

    @property
    def sources(self) -> list[str]:
        """Names of the sources; `documents["source"]` counts into it."""
        return list(self.meta["sources"])

    def document(self, index: int) -> NDArray[np.integer]:
        """The ids of one document, with its leading end token."""
        row = self.documents[index]
        return self.tokens[int(row["start"]) : int(row["start"]) + int(row["tokens"])]


def epoch_order(documents: NDArray[np.void], seed: int, epoch: int) -> Ints:
    """The order of the documents in one epoch: shuffled within a source, sources spread evenly.

    A document's place is the share of its source's tokens that come before it, so that after any part of the
    epoch every source has given the same part of its tokens, give or take one document.  The shuffle depends on
    the id alone: documents that two corpora share are in the same relative order in both.
    """
    salt = mix_bits(np.array([seed * 1_000_003 + epoch + 1], dtype=np.uint64))
    copies = documents["copy"].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    draw = mix_bits(documents["key"] ^ salt ^ copies)
    order = np.lexsort((draw, documents["source"]))
    tokens = documents["tokens"][order].astype(np.float64)
    source = documents["source"][order]
    ends = np.cumsum(tokens)
    starts_at = np.searchsorted(source, source, side="left")
    before = ends[starts_at] - tokens[starts_at]
    totals = np.bincount(source, tokens)
    place = (ends - before - tokens / 2) / totals[source]
    return order[np.lexsort((draw[order], place))]


def part_of(documents: NDArray[np.void], sources: list[str], parts: int) -> Ints:
    """Which of `parts` equal parts each document belongs to, int64 [documents].

    Each source is cut by itself, into parts of as many tokens (give or take a document), in the order of a hash of
    the ids: every part has the proportions of the whole, copies of a document stay together, and a document that two
    corpora share is mostly in the same part of both.  Where that leaves a part of a source more than EVEN of a part's
    tokens away, its documents are dealt out by size instead, the largest first, each to the part that has least.  Which
    part a source begins with depends on its name, so that the only document of each of many small sources is not
    always in part 0.
    """
    if parts == 1:
        return np.zeros(len(documents), dtype=np.int64)
    draw = mix_bits(documents["key"] ^ np.uint64(0x7061727473))
    order = np.lexsort((documents["copy"], documents["key"], draw, documents["source"]))
    key, source, tokens = (documents[name][order] for name in ("key", "source", "tokens"))
    before = np.cumsum(tokens.astype(np.int64)) - tokens
    starts = np.searchsorted(source, source, side="left")
    new = np.ones(len(order), dtype=bool)
    new[1:] = (key[1:] != key[:-1]) | (source[1:] != source[:-1])
    first = np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))  # where the copies of a document begin
    totals = np.bincount(source, tokens, minlength=len(sources))
    place = (before[first] - before[starts]) / totals[source]
    home = np.minimum((place * parts).astype(np.int64), parts - 1)
    for i, total in enumerate(totals):
        here = np.flatnonzero(source == i)
        if len(here) and _spread(home[here], tokens[here], parts) > EVEN * total / parts:
            dealt = _dealt(first[here], tokens[here], parts)
            if _spread(dealt, tokens[here], parts) < _spread(home[here], tokens[here], parts):
                home[here] = dealt
    turn = np.array([zlib.crc32(name.encode()) % parts for name in sources], dtype=np.int64)
    found = np.empty(len(documents), dtype=np.int64)
    found[order] = (home + turn[source]) % parts
    return found


EVEN = 0.02


def _spread(home: Ints, tokens: NDArray[np.integer], parts: int) -> float:
    """How far the part that is farthest from the mean is from it, in tokens."""
    loads = np.bincount(home, tokens, minlength=parts)
    return float(abs(loads - loads.mean()).max())


def _dealt(group: Ints, tokens: NDArray[np.integer], parts: int) -> Ints:
    """A part for each document, the same for those of one group: the largest groups first, to the emptiest part."""
    _, member = np.unique(group, return_inverse=True)
    sizes = np.bincount(member, tokens)
    home = np.empty(len(sizes), dtype=np.int64)
    loads = [(0.0, part) for part in range(parts)]
    for i in np.lexsort((np.arange(len(sizes)), -sizes)):
        load, part = heapq.heappop(loads)
        home[i] = part
        heapq.heappush(loads, (load + float(sizes[i]), part))
    dealt: Ints = home[member]
    return dealt


class Stream:
    """The endless stream of tokens of one corpus, or one part of it, under one seed."""

    def __init__(self, file: TokenFile, seed: int, part: int = 0, parts: int = 1) -> None:
        """Nothing is read yet.  Raises ProbeError when there are no documents."""
        self.documents: NDArray[np.void] = file.documents
        if parts > 1:
            self.documents = file.documents[part_of(file.documents, file.sources, parts) == part]
        if not len(self.documents):
            which = f"part {part} of {parts} " if parts > 1 else ""
            raise ProbeError(f"{file.path}: {which}holds no documents, so nothing can be trained on it")
        self.file, self.seed, self.part = file, seed, (part, parts)
        self.length = int(self.documents["tokens"].sum(dtype=np.int64))
        """Tokens per epoch."""
        self._epochs: dict[int, tuple[Ints, Ints]] = {}

    def read(self, start: int, count: int) -> Ints:
        """`count` tokens from position `start` of the stream, int64 [count]."""
        out = np.empty(count, dtype=np.int64)
        done = 0
        while done < count:
            epoch, offset = divmod(start + done, self.length)
            take = min(count - done, self.length - offset)
            out[done : done + take] = self._within(epoch, offset, take)
            done += take
        return out

    def bytes_of(self, tokens: int) -> float:
        """Bytes of text in the first `tokens` tokens of the stream, those of a document spread evenly."""
        epochs, rest = divmod(tokens, self.length)
        sizes = self.documents["bytes"].astype(np.float64)
        order, ends = self._epoch(epochs)
        count = int(np.searchsorted(ends, rest, side="right"))
        total = epochs * sizes.sum() + sizes[order[:count]].sum()
        if count < len(order):
            last = order[count]
            total += sizes[last] * (rest - (ends[count - 1] if count else 0)) / self.documents["tokens"][last]
        return float(total)

    def batch(self, step: int, rows: int, width: int, first: int = 0, take: int | None = None) -> Ints:
        """Rows `first` … `first + take` of the batch of `rows` at `step`: int64 [take, width + 1].

        Row r of the run covers the stream from r*width; its last token is the first of the next row, because it is
        the target there.
        """
        take = rows if take is None else take
        start = (step * rows + first) * width
        tokens = self.read(start, take * width + 1)
        index = np.arange(take)[:, None] * width + np.arange(width + 1)[None, :]
        batch: Ints = tokens[index]
        return batch

    def unique_tokens(self) -> dict[str, int]:
        """Tokens by source, each document once however often it was repeated."""
        names = self.file.sources
        _, first = np.unique(self.documents[["source", "key"]], return_index=True)
        counts = np.bincount(self.documents["source"][first], self.documents["tokens"][first], minlength=len(names))
        return {name: int(n) for name, n in zip(names, counts, strict=True)}

    def consumed(self, tokens: int) -> dict[str, int]:
        """How many of the first `tokens` tokens of the stream are of each source."""
        epochs, rest = divmod(tokens, self.length)
        documents, names = self.documents, self.file.sources
        whole = np.bincount(documents["source"], documents["tokens"], minlength=len(names))
        order, ends = self._epoch(epochs)
        count = int(np.searchsorted(ends, rest, side="right"))
        part = np.bincount(documents["source"][order[:count]], documents["tokens"][order[:count]], minlength=len(names))
        if count < len(order):
            part[documents["source"][order[count]]] += rest - (ends[count - 1] if count else 0)
        return {name: int(epochs * whole[i] + part[i]) for i, name in enumerate(names)}

    def _epoch(self, epoch: int) -> tuple[Ints, Ints]:
        if epoch not in self._epochs:
            order = epoch_order(self.documents, self.seed, epoch)
            ends = np.cumsum(self.documents["tokens"][order].astype(np.int64))
            kept = {e: v for e, v in self._epochs.items() if e >= epoch - 1}  # a batch spans two epochs at most
            self._epochs = {**kept, epoch: (order, ends)}
        return self._epochs[epoch]

    def _within(self, epoch: int, offset: int, count: int) -> NDArray[np.integer]:
        order, ends = self._epoch(epoch)
        first = int(np.searchsorted(ends, offset, side="right"))
        last = int(np.searchsorted(ends, offset + count, side="left")) + 1
        chosen = self.documents[order[first:last]]
        lengths = chosen["tokens"].astype(np.int64)
        begins = ends[first:last] - lengths  # places in the epoch
        shift = np.repeat(chosen["start"] - begins, lengths)
        places = np.arange(begins[0], begins[0] + lengths.sum())
        inside = slice(offset - begins[0], offset - begins[0] + count)
        found: NDArray[np.integer] = self.file.tokens[(places + shift)[inside]]
        return found


def segments(rows: Ints, end: int) -> Ints:
    """Which document of its row each token belongs to, counted from 0: int64, the shape of `rows`."""
    counted: Ints = np.cumsum(rows == end, axis=1)
    return counted - counted[:, :1]


def prefetch(make: Any, first: int, last: int, depth: int = 4) -> Generator[Any]:
    """`make(step)` for each step, made by a thread while the caller trains.  Errors of `make` are raised here."""
    queue: Queue[tuple[Any, BaseException | None]] = Queue(depth)
    stop = Event()

    def work() -> None:
        for step in range(first, last):
            try:
                made: tuple[Any, BaseException | None] = (make(step), None)
            except BaseException as error:  # handed to the caller, who raises it
                made = (None, error)
            queue.put(made)
            if stop.is_set() or made[1] is not None:
                return

    thread = Thread(target=work, daemon=True)
    thread.start()
    try:
        for _ in range(first, last):
            value, error = queue.get()
            if error is not None:
                raise error
            yield value
    finally:
        stop.set()
        while thread.is_alive():  # it may wait for room in the queue
            if not queue.empty():
                queue.get_nowait()
            thread.join(0.01)
