"""Brings rows to their shards by tasks: each reads its range of ids out of sorted files. No engine sees a text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.corpus import checksums
from curate.corpus import schema as schemas
from curate.corpus.checksums import Content
from curate.corpus.shards import (
    ShardWriter,
    first_id,
    part_name,
    read_batches,
    read_checked,
    read_written,
    shard_of,
    whole_file,
)
from curate.engine.session import Session
from curate.engine.tasks import missing
from curate.errors import BalanceError
from curate.files import storage

Key = TypeVar("Key", str, int)
SOME_ROWS = 256
"""Rows that are brought in order together: each is there twice then."""
MERGE_SHARDS, MERGE_BYTES = 64, 128 << 20
"""For more shards than that, files are first merged to ones of so many bytes of text: else pieces would be too small."""


def exchange(s: Session, parts: Mapping[str, Content], merged: str, out: str, shards: int, kind: str) -> list[str]:
    """Bring the rows of files with runs by id, all in one folder, to `shards` files sorted by id. Returns their paths.

    The text moves once and passes through no engine: a task a shard reads its range of ids out of each file and sorts it.
    It holds the text of a shard, whatever the input. Where there are many shards, groups of files are merged to one in
    the folder `merged` before. What stands already is not made again. Raises BalanceError when other rows come out than
    `parts` says.
    """
    paths = [storage.join(out, part_name(i, shards)) for i in range(shards)]
    if not storage.existing(paths).issuperset(paths):
        folder, files = together(s, parts, merged, shards, ["id"])
        tasks = [
            FinishTask(folder, files, path, kind, first_id(i, shards), first_id(i + 1, shards))
            for i, path in enumerate(paths)
        ]
        for _ in s.run(finish, missing(tasks)):
            pass
    check_moved("the exchange", parts, checksums.total(read_written(path).content for path in paths))
    storage.remove(merged)
    return paths


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
    fs, inner = storage.filesystem(path)
    with whole_file(path), pq.ParquetFile(inner, filesystem=fs) as file:
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


@dataclass(frozen=True, slots=True)
class FinishTask:
    """A shard: the rows of all `files` files of the folder `source` whose ids are in [first, end)."""

    source: str
    files: int
    out: str
    kind: str
    first: str
    end: str


def finish(task: FinishTask) -> int:
    """Task: sort one shard by id and write it; the number of its rows. Of a record that was read twice the better copy is kept, see `PREFERRED`;
    the others are rejected as `duplicate_record`, those that failed stay failed."""
    schema = schemas.extracted(task.kind)
    table = between(task.source, task.files, "id", task.first, task.end, schema)
    order, again = _order(table)
    with ShardWriter(task.out, schema) as writer:
        for start in range(0, table.num_rows, SOME_ROWS):
            rows = table.take(order.slice(start, SOME_ROWS))
            writer.write(_rejected(rows, again.slice(start, SOME_ROWS)))
    return int(table.num_rows)


def _order(table: pa.Table) -> tuple[pa.Array, pa.Array]:
    """The order of rows by id, of rows with one id the best first; and whether a row in this order has the id of the one
    before."""
    order = pc.sort_indices(table, [("id", "ascending")])
    again = _repeated(table, order)
    if pc.any(again).as_py():
        order = pc.sort_indices(_ranked(table), [("id", "ascending"), *PREFERRED])
    return order, again


def _repeated(table: pa.Table, order: pa.Array) -> pa.Array:
    ids = table["id"].take(order).combine_chunks()
    if len(ids) < 2:
        return pa.array([False] * len(ids), pa.bool_())
    return pa.concat_arrays([pa.array([False]), pc.equal(ids[1:], ids[:-1])])


WHOLE, TRUNCATED, REJECTED, FAILED = range(4)
PREFERRED = [(name, "ascending") for name in ("quality", "missing", "file", "offset", "text")]
"""Of several copies of a record: one that was read well before one that the crawler cut, before one without text, before
a damaged one; the longest text; then names of files, so that it does not matter in which order they were read."""


def _ranked(table: pa.Table) -> pa.Table:
    """The table with the columns of PREFERRED."""
    cut = pc.is_valid(table["truncated"]) if "truncated" in table.column_names else pa.scalar(False)
    undecided = pc.if_else(cut, TRUNCATED, WHOLE)
    decided = pc.if_else(pc.equal(table["verdict"], "failed"), FAILED, REJECTED)
    quality = pc.if_else(pc.is_null(table["verdict"]), undecided, decided)
    missing = pc.negate(pc.fill_null(pc.binary_length(table["text"]), 0))
    return table.append_column("quality", quality).append_column("missing", missing)


def _rejected(rows: pa.Table, again: pa.Array) -> pa.Table:
    """The rows with those decided that stand `again` and are not decided yet."""
    again = pc.and_(again, pc.is_null(rows["verdict"]))
    if not pc.any(again).as_py():
        return rows
    decision = {
        "verdict": pa.scalar("rejected"),
        "reason": pa.scalar("duplicate_record"),
        "detail": pc.utf8_slice_codeunits(rows["id"], 0, 16),
    }
    for name, value in decision.items():
        at = rows.schema.get_field_index(name)
        rows = rows.set_column(at, rows.schema.field(name), pc.if_else(again, value, rows[name]))
    return rows
