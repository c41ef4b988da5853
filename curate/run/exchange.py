"""Rows to where they belong without an engine that sees a text: whoever writes a file reads its range of rows out of sorted ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.corpus import checksums
from curate.corpus.checksums import Content
from curate.corpus.shards import (
    ShardWriter,
    opened,
    part_name,
    read_batches,
    read_checked,
    shard_of,
)
from curate.engine.session import Session
from curate.engine.tasks import missing
from curate.errors import BalanceError
from curate.files import storage

Key = TypeVar("Key", str, int)
MERGE_SHARDS, MERGE_BYTES = 64, 128 << 20
"""For more shards than that, files are first merged to ones of so many bytes of text: else pieces would be too small."""


def together(
    s: Session, parts: Mapping[str, Content], merged: str, shards: int, runs: Sequence[str]
) -> tuple[str, int]:
    """The folder whose files `between` reads for so many shards, and how many these are: that of `parts`, or `merged`."""
    if parts and shards <= MERGE_SHARDS:
        return next(iter(parts)).rsplit("/", 1)[0], len(parts)
    groups: list[list[str]] = []
    size = 0
    for path, held in parts.items():
        if not groups or size + held.bytes > MERGE_BYTES:
            groups.append([])
            size = 0
        size += held.bytes
        groups[-1].append(path)
    tasks = [
        MergeTask(tuple(group), storage.join(merged, part_name(i, len(groups))), shards, tuple(runs))
        for i, group in enumerate(groups)
    ]
    for _ in s.run(merge, missing(tasks)):
        pass
    return merged, len(groups)


@dataclass(frozen=True, slots=True)
class MergeTask:
    """Files to merge, and by which columns their rows are sorted."""

    sources: tuple[str, ...]
    out: str
    shards: int
    runs: tuple[str, ...]


def merge(task: MergeTask) -> int:
    """Task: the rows of files in the file `out`, as long runs with row groups that end where shards do; their number."""
    by, schema = task.runs[0], _schema(task.sources[0])
    with ShardWriter(task.out, schema, scratch=True) as writer:
        for run in _long_runs(task.sources, schema):
            run = run.take(pc.sort_indices(run, [(name, "ascending") for name in task.runs]))
            keys = run[by].to_pylist()
            shard = np.array(keys if by == "shard" else [shard_of(name, task.shards) for name in keys], np.int64)
            starts = np.flatnonzero(np.diff(shard, prepend=-1)).tolist()
            for start, stop in zip(starts, [*starts[1:], len(shard)], strict=True):
                writer.write(run.slice(start, stop - start))
                writer.cut()
    return writer.rows


def _schema(path: str) -> pa.Schema:
    fs, inner = storage.filesystem(path)
    return pq.read_schema(inner, filesystem=fs).remove_metadata()


def _long_runs(paths: Sequence[str], schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows of files in tables of about MERGE_BYTES: no more is held at a time, however large a file is."""
    waiting, size = list[pa.RecordBatch](), 0
    for path in paths:
        for batch in read_batches(path):
            waiting.append(batch)
            size += batch.nbytes
            if size >= MERGE_BYTES:
                yield pa.Table.from_batches(waiting, schema).combine_chunks()
                waiting, size = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting, schema).combine_chunks()


def between(folder: str, files: int, column: str, first: Key, end: Key, schema: pa.Schema) -> pa.Table:
    """The rows of all `files` Parquet files of a folder whose `column` is in [first, end), cast to `schema`, in no order.

    Raises BalanceError when there are other files than so many.
    """
    paths = storage.list_files(folder, ".parquet")
    if len(paths) != files:
        raise BalanceError(f"{folder} holds {len(paths)} files instead of {files}")
    tables: list[pa.Table] = [
        table.select(schema.names).cast(schema) for path in paths for table in _between(path, column, first, end)
    ]
    return pa.concat_tables([schema.empty_table(), *tables]).combine_chunks()


def _between(path: str, column: str, first: Key, end: Key) -> Iterator[pa.Table]:
    with opened(path) as file:
        at = file.schema_arrow.names.index(column)  # none of the columns before it is nested
        for group in range(file.num_row_groups):
            known = file.metadata.row_group(group).column(at).statistics
            if known is None or not known.has_min_max or (known.max >= first and known.min < end):
                table = file.read_row_group(group, use_threads=False)
                values = table[column]
                yield table.filter(pc.and_(pc.greater_equal(values, first), pc.less(values, end)))


def check_moved(what: str, parts: Mapping[str, Content], found: Content) -> None:
    """Raise BalanceError unless what was written is what the files `parts` were written with."""
    wanted = checksums.total(parts.values())
    if found == wanted:
        return
    for path in parts:  # says which file is the one
        for _ in read_checked(path, list(checksums.COLUMNS)):
            pass
    raise BalanceError(f"{what} wrote {found}, but {wanted} went in: rows were lost, doubled or changed")
