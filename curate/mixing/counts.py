"""Tokens, bytes and words of every document, counted once per source file and kept.

Row i of a counts file is document i of the source file as `sources.read` gives it. The file's name is a
digest of what the counts depend on (path and stamp of the source file, columns, tokenizer), so counts
never go stale silently.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curate.console.heartbeats import Beat
from curate.errors import InputError
from curate.files import fingerprints, storage, typed_json
from curate.filters.caching import cache_home, temporary_cache, writable
from curate.mixing.hashing import document_keys
from curate.mixing.sources import Source, SourceFile, read
from curate.tokens import tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer

VERSION = 3
ROW_GROUP = 1 << 18
"""Counts and hits of a file have the same row groups, so that both are read in step."""
COUNTS = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),  # hash of the id
        pa.field("tokens", pa.int64(), nullable=False),  # without separators; 0 when there is no tokenizer
        pa.field("bytes", pa.int64(), nullable=False),  # UTF-8
    ]
)
TIMES = pa.field("times", pa.int64(), nullable=False)
"""Besides, where documents are repeated: how often an epoch holds each."""
UNITS = ("tokens", "bytes", "documents")


@dataclass(frozen=True)
class Totals:
    """Sums over documents."""

    documents: int = 0
    tokens: int = 0
    bytes: int = 0

    def of(self, unit: str) -> int:
        """The sum in one of UNITS."""
        return int(getattr(self, unit))

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(self.documents + other.documents, self.tokens + other.tokens, self.bytes + other.bytes)

    def times(self, number: int) -> "Totals":
        """The sums of so many repeats."""
        return Totals(self.documents * number, self.tokens * number, self.bytes * number)


@dataclass(frozen=True)
class FileCounts:
    """What was counted in one source file."""

    source: str
    file: str
    path: str
    """The counts file: COUNTS, one row a document."""
    totals: Totals
    characters: int
    words: int
    skipped: dict[str, int]
    contamination: str = ""
    """File with a column `hits` (items of tasks), row by row beside the counts; empty when nobody looked, or to report only."""
    evidence: str = ""
    """What was found there (`curate.mixing.contamination`); empty when nobody looked."""
    spread: str = ""
    """In how many documents of all sources each item stands."""
    where: dict[str, str] = field(default_factory=dict)
    """The first place of each kind of what was skipped."""


class Amounts:
    """Columns of some documents of one file: key uint64; tokens, bytes (of the document once) and times int64; all [documents]."""

    def __init__(self, counts: pa.Table, hits: pa.Table | None) -> None:
        self.key: NDArray[np.uint64] = counts.column("key").to_numpy()
        self.tokens: NDArray[np.int64] = counts.column("tokens").to_numpy()
        self.bytes: NDArray[np.int64] = counts.column("bytes").to_numpy()
        self.times: NDArray[np.int64] = (
            counts.column("times").to_numpy() if "times" in counts.column_names else np.ones(len(self.key), np.int64)
        )
        self.contaminated = np.zeros(len(self.key), np.bool_) if hits is None else hits.column("hits").to_numpy() > 0

    def slice(self, start: int, stop: int) -> "Amounts":
        """The documents from `start` to before `stop`."""
        part = object.__new__(Amounts)
        for name in ("key", "tokens", "bytes", "times", "contaminated"):
            setattr(part, name, getattr(self, name)[start:stop])
        return part

    def of(self, unit: str) -> NDArray[np.int64]:
        """The amounts of an epoch in one of UNITS."""
        if unit == "documents":
            return self.times
        amounts: NDArray[np.int64] = getattr(self, unit)
        return amounts * self.times

    def totals(self, mask: NDArray[np.bool_]) -> Totals:
        """Sums of an epoch over the documents in `mask`."""
        return Totals(*(int(self.of(unit)[mask].sum()) for unit in ("documents", "tokens", "bytes")))

    def once(self, mask: NDArray[np.bool_]) -> Totals:
        """Sums over the documents in `mask`, each taken once."""
        return Totals(int(mask.sum()), int(self.tokens[mask].sum()), int(self.bytes[mask].sum()))


def cache_folder() -> str:
    """Where counts are kept when nothing else is asked: `counts/` in $CURATE_CACHE, else in `curate/` of the user's cache folder."""
    root = os.environ.get("CURATE_CACHE")
    if not root:
        home = cache_home()
        root = os.path.join(home if writable(home) else temporary_cache(), "curate")
    return os.path.join(root, "counts")


@dataclass(frozen=True, slots=True)
class CountTask:
    """A file of a source, where its counts are kept, and the tokenizer to count with (empty: none)."""

    file: SourceFile
    counts: str
    tokenizer: str
    beats: str | None = None


def tasks(
    source: Source, folder: str, tokenizer_file: tokenizer.TokenizerFile | None, beats: str | None = None
) -> list[CountTask]:
    """One counting task per file of a source."""
    digest, path = (tokenizer_file.digest, tokenizer_file.path) if tokenizer_file else ("", "")
    return [
        CountTask(source.only(file), storage.join(folder, f"{fingerprint(source, file, digest)}.parquet"), path, beats)
        for file in source.files
    ]


def fingerprint(source: Source, file: str, digest: str) -> str:
    """Digest of all that the counts of a file depend on."""
    inner = storage.filesystem(file)[1]
    facts = [VERSION, inner, fingerprints.stamp(file), source.text_column, source.id_column, digest]
    if source.repeats:
        facts.append([source.repeats.column, *source.repeats.starts, *source.repeats.times])
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def count_file(task: CountTask) -> FileCounts:
    """Task: count one file unless that was done before."""
    note = f"{task.counts}.json"
    if storage.exists(note):
        known = typed_json.load(FileCounts, json.loads(storage.read_bytes(note)), note)
        return replace(known, source=task.file.source, file=task.file.path)  # the same file under another name or path
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # one core a task: the engine runs many
    encoder = tokenizer.load(task.tokenizer) if task.tokenizer else None
    skipped: Counter[str] = Counter()
    facts: Counter[str] = Counter()
    where: dict[str, str] = {}
    batches, beat = list[pa.RecordBatch](), Beat(task.counts, task.beats)
    for batch in read(task.file, skipped, where):
        batches.append(_count_batch(batch, encoder, facts))
        beat(documents=facts["documents"], bytes=facts["bytes"])
    with storage.atomic(task.counts) as temporary:
        table = pa.Table.from_batches(batches, COUNTS.append(TIMES) if task.file.repeats else COUNTS)
        pq.write_table(table, temporary, row_group_size=ROW_GROUP, compression="zstd")
    result = FileCounts(
        source=task.file.source,
        file=task.file.path,
        path=task.counts,
        totals=Totals(facts["documents"], facts["tokens"], facts["bytes"]),
        characters=facts["characters"],
        words=facts["words"],
        skipped={kind: number for kind, number in sorted(skipped.items()) if number},
        where=where,
    )
    storage.write_text(note, json.dumps(typed_json.dump(result)))
    beat.end()
    return result


def _count_batch(batch: pa.RecordBatch, encoder: "Tokenizer | None", facts: Counter[str]) -> pa.RecordBatch:
    texts = batch.column("text").to_pylist()
    tokens = tokenizer.count(encoder, texts) if encoder is not None else [0] * len(texts)
    sizes = pc.binary_length(batch.column("text")).cast(pa.int64())
    facts["documents"] += len(texts)
    facts["tokens"] += sum(tokens)
    facts["bytes"] += pc.sum(sizes).as_py() or 0
    facts["characters"] += sum(map(len, texts))
    facts["words"] += sum(len(text.split()) for text in texts)
    keys = pa.array(document_keys(batch.column("id").to_pylist()))
    found = [keys, pa.array(tokens, pa.int64()), sizes]
    if "times" in batch.schema.names:
        return pa.record_batch([*found, batch.column("times")], schema=COUNTS.append(TIMES))
    return pa.record_batch(found, schema=COUNTS)


def amounts(files: Sequence[FileCounts]) -> Iterator[Amounts]:
    """The counts of all documents of some files, a row group at a time: memory does not grow with the
    source."""
    for one in files:
        try:
            with ExitStack() as stack:
                counts = _open(one.path, stack)
                hits = _open(one.contamination, stack) if one.contamination else None
                for group in range(counts.num_row_groups):
                    yield Amounts(counts.read_row_group(group), hits.read_row_group(group) if hits else None)
        except (OSError, pa.ArrowException) as error:
            name = one.path.rsplit("/", 1)[-1]
            raise InputError(
                f"the counts of {one.file} can't be read ({error}); delete {name} to count anew"
            ) from error


def read_amounts(path: str, contamination: str) -> Amounts:
    """The counts of one file as a whole."""
    with ExitStack() as stack:
        hits = _open(contamination, stack).read() if contamination else None
        return Amounts(_open(path, stack).read(), hits)


def _open(path: str, stack: ExitStack) -> pq.ParquetFile:
    fs, inner = storage.filesystem(path)
    return pq.ParquetFile(stack.enter_context(fs.open_input_file(inner)))
