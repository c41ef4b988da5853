"""Rows to sorted Parquet shards whose bytes depend on the rows alone."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.corpus import checksums
from curate.corpus.checksums import Content
from curate.errors import BalanceError, OutputError, of_disk
from curate.files import storage

ROW_GROUP_ROWS = 4096
ROW_GROUP_BYTES = 32 << 20
SMALL_BYTES, SMALL_BATCH = 8 << 20, 128
"""Row groups end earlier in files that are read from one end to the other, as writer and reader hold one; and pages are looked at after so
many rows, so that they are of a megabyte: the writer would hold three times eight."""
TOGETHER = 8 << 20
"""Bytes of row groups that are read together."""
FETCHED_WHOLE = 128 << 20
"""Bytes of a remote file that are fetched together; of a larger one, column by column."""
PIECE = 1024
"""Rows of a row group that are held as one. So many are a batch of Parquet's writer: its pages are the same as those of one piece."""
PIECE_ROWS, PIECE_BYTES = 128, 512 << 10
"""Row groups end earlier in files that an exchange reads by ranges."""
RANGED = ("id", "shard")
"""Columns with statistics: rows are looked up by them. No other has any. Readers that take a missing minimum for a known
one give wrong values (Sail 0.7.2 does), and minima of texts and of columns in no order help nobody."""
Sizes = npt.NDArray[np.int64]
FACTS, CONTENT = b"curate", b"curate.content"


def shard_of(document_id: str, shards: int) -> int:
    """The shard of an id: ids are uniform, so shard i holds the i-th range of them, and shards are alike in size."""
    return int(document_id[:8], 16) * shards >> 32


def first_id(shard: int, shards: int) -> str:
    """The beginning of the smallest id that a shard may hold; of `shards` itself, what no id reaches."""
    return f"{-(-(shard << 32) // shards):08x}" if shard < shards else "g"


def part_name(index: int, count: int) -> str:
    """`part-00003-of-00016.parquet`."""
    return f"part-{index:05d}-of-{count:05d}.parquet"


class ShardWriter:
    """Write a Parquet file atomically. Row groups end where the rows say so, whatever the batches they come in.

    `facts` (a JSON object) may be set until the end of the `with` block; it is stored in the file's metadata, so that a
    task's counts appear in the same instant as its rows, and so is the content of tables with ids and texts. `scratch`
    says that the file is read once and deleted: it is compressed less, in half the time, and not at all unless `packed`
    (three times the room, a seventh of the time); such files, and `small` ones, have smaller row groups. `runs` names columns (the first
    of RANGED) by which the rows between two row-group ends are sorted, in row groups of few rows: for `exchange`.
    """

    def __init__(
        self,
        path: str,
        schema: pa.Schema,
        *,
        scratch: bool = False,
        packed: bool = True,
        small: bool = False,
        runs: Sequence[str] = (),
    ) -> None:
        self.path, self.schema, self.level = path, schema, (1 if packed else None) if scratch else 3
        self.facts: dict[str, Any] | None = None
        self.rows = 0
        self.groups = 0
        """Row groups written so far."""
        self.content = Content()
        self._runs = [(name, "ascending") for name in runs]
        self._small = (scratch or small) and not runs
        self._most = SMALL_BYTES if self._small else ROW_GROUP_BYTES
        self._pieces: list[pa.Table] = []  # of the row group, of PIECE rows each
        self._waiting: list[pa.Table] = []  # slices of what came in, after them
        self._sizes: list[Sizes] = []  # bytes of text of each row of the row group
        self._group_rows = self._group_bytes = 0

    def __enter__(self) -> Self:
        self._atomic = storage.atomic(self.path)
        self._writer = pq.ParquetWriter(
            self._atomic.__enter__(),
            self.schema,
            compression="none" if self.level is None else "zstd",
            compression_level=self.level,
            use_dictionary=[f.name for f in self.schema if f.name not in ("id", "text", "url", "offset")],
            write_statistics=[name for name in self.schema.names if name in RANGED],
            column_encoding=None,
            write_batch_size=SMALL_BATCH if self._small else None,
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        try:
            if kind is None:
                self.cut()
                self._writer.add_key_value_metadata(self._metadata())
            self._writer.close()
        except BaseException as failure:
            self._atomic.__exit__(type(failure), failure, failure.__traceback__)
            raise
        self._atomic.__exit__(kind, error, tb)

    def _metadata(self) -> dict[bytes, bytes]:
        found = {} if self.facts is None else {FACTS: self.facts}
        if self._has_content:
            found[CONTENT] = self.content.to_dict()
        return {key: json.dumps(value, sort_keys=True).encode() for key, value in found.items()}

    @property
    def _has_content(self) -> bool:
        return all(name in self.schema.names for name in checksums.COLUMNS)

    def write(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Add rows; columns in any order, types are cast."""
        table = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
        if not table.schema.equals(self.schema):
            table = table.select(self.schema.names).cast(self.schema)
        sizes = np.zeros(table.num_rows, np.int64)
        if "text" in table.schema.names:
            sizes = pc.fill_null(pc.binary_length(table["text"]), 0).to_numpy().astype(np.int64)
        if self._has_content:
            self.content += checksums.of_rows(table)
        self.rows += table.num_rows
        start = 0
        while start < len(sizes):
            left = min(PIECE - self._group_rows % PIECE, ROW_GROUP_ROWS - self._group_rows)
            stop = _group_end(sizes, start, left, self._most - self._group_bytes) or len(sizes)
            self._waiting.append(table.slice(start, stop - start))
            self._sizes.append(sizes[start:stop])
            self._group_rows += stop - start
            self._group_bytes += int(sizes[start:stop].sum())
            start = stop
            if self._group_rows == ROW_GROUP_ROWS or self._group_bytes >= self._most:
                self.cut()
            elif self._group_rows % PIECE == 0:
                self._join()

    def _join(self) -> None:
        """Copy what waits to one piece, so that batches of which it was a part can go."""
        if self._waiting:
            self._pieces.append(pa.concat_tables(self._waiting).combine_chunks())
        self._waiting = []

    def cut(self) -> None:
        """End the row group here."""
        self._join()
        if not self._pieces:
            return
        group, sizes = pa.concat_tables(self._pieces), np.concatenate(self._sizes)
        self._pieces, self._sizes, self._group_rows, self._group_bytes = [], [], 0, 0
        if not self._runs:
            self._writer.write_table(group, row_group_size=ROW_GROUP_ROWS)
            self.groups += 1
            return
        group = group.combine_chunks()  # what came in is not held beside it
        order = pc.sort_indices(group, self._runs)
        group, sizes = group.take(order), sizes[order.to_numpy()]
        start = 0
        while start < len(sizes):
            stop = _group_end(sizes, start, PIECE_ROWS, PIECE_BYTES) or len(sizes)
            self._writer.write_table(group.slice(start, stop - start))
            self.groups += 1
            start = stop


def _group_end(sizes: Sizes, start: int, most: int, most_bytes: int) -> int | None:
    """Where rows from `start` on are `most`, or of `most_bytes`; None where they are fewer."""
    rows = sizes[start : start + most]
    full = np.flatnonzero(np.cumsum(rows) >= most_bytes)
    if len(full):
        return start + int(full[0]) + 1
    return start + most if len(rows) == most else None


class Written(NamedTuple):
    """What a file says of itself."""

    facts: dict[str, Any]
    content: Content


def read_written(path: str) -> Written:
    """What a ShardWriter stored in a file of documents. Raises BalanceError when it does not say what it holds."""
    metadata = _metadata(path)
    if CONTENT not in metadata:
        raise BalanceError(f"{path} does not say what it holds: it is not the file that this job wrote")
    return Written(json.loads(metadata.get(FACTS, b"{}")), checksums.from_dict(json.loads(metadata[CONTENT])))


def read_facts(path: str) -> dict[str, Any]:
    """The facts that a ShardWriter stored in a file."""
    facts: dict[str, Any] = json.loads(_metadata(path).get(FACTS, b"{}"))
    return facts


def write_facts(path: str, facts: Mapping[str, Any]) -> None:
    """Write a file without rows that stores facts: what a task counted, for `read_facts`."""
    with ShardWriter(path, pa.schema([])) as writer:
        writer.facts = dict(facts)


def _metadata(path: str) -> dict[bytes, bytes]:
    with opened(path) as file:
        return file.metadata.metadata or {}


def row_count(path: str) -> int:
    """Rows of a Parquet file that a job wrote, from its footer."""
    with opened(path) as file:
        return int(file.metadata.num_rows)


@contextmanager
def opened(path: str) -> Iterator[pq.ParquetFile]:
    """A Parquet file that a job wrote. Raises as `whole_file` does."""
    fs, inner = storage.filesystem(path)
    with whole_file(path), pq.ParquetFile(inner, filesystem=fs) as file:
        yield file


@contextmanager
def whole_file(path: str) -> Iterator[None]:
    """Raise OutputError where what a job wrote can't be read in the block: a machine that lost its power may leave such files."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, FileNotFoundError | MemoryError) or of_disk(error):
            raise
        told = str(error).split("\n", 1)[0]
        raise OutputError(f"{path} is damaged ({told}): delete it, and go on with --resume") from error


def read_batches(path: str, columns: list[str] | None = None, rows: int = 1024) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file, in order, in bounded memory. From a store a file comes in few requests, unless it is large."""
    fs, inner = storage.filesystem(path)
    with whole_file(path), fs.open_input_file(inner) as source:
        whole = not storage.is_local(path) and source.size() <= FETCHED_WHOLE
        file = pq.ParquetFile(source, pre_buffer=whole)
        yield from bounded_batches(file, rows, columns=columns)


def bounded_batches(
    file: pq.ParquetFile, rows: int, groups: Sequence[int] | None = None, columns: list[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Batches of at most so many rows, of all row groups or of some. A batch of Arrow goes over the ends of row groups, so that as
    many documents of 20 MB would be held; here it ends with a group that makes TOGETHER bytes full."""
    together, size = list[int](), 0
    for group in range(file.num_row_groups) if groups is None else groups:
        size += file.metadata.row_group(group).total_byte_size
        together.append(group)
        if size >= TOGETHER:
            yield from file.iter_batches(rows, row_groups=together, columns=columns, use_threads=False)
            together, size = [], 0
    if together:
        yield from file.iter_batches(rows, row_groups=together, columns=columns, use_threads=False)


def read_groups(path: str, groups: Iterable[int]) -> Iterator[pa.Table]:
    """Row groups of a Parquet file, one after the other."""
    with opened(path) as file:
        for group in groups:
            yield file.read_row_group(group, use_threads=False)


def read_checked(path: str, columns: list[str] | None = None, rows: int = 256) -> Iterator[pa.RecordBatch]:
    """`read_batches` of a file by ShardWriter, with the columns `id` and `text` among others.

    Raises BalanceError at the end when these are not the rows that were written there.
    """
    found, written = Content(), read_written(path).content
    for batch in read_batches(path, columns, rows):
        found += checksums.of_rows(batch)
        yield batch
    if found != written:
        raise BalanceError(f"{path} holds {found}, but {written} were written")
