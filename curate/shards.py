"""Rows to sorted Parquet shards whose bytes depend on the rows alone, and the exchange that brings rows to their shard."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate import content, storage
from curate import schema as schemas
from curate.content import Content
from curate.engine import Session
from curate.errors import BalanceError, OutputError, of_disk

ROW_GROUP_ROWS = 4096
ROW_GROUP_BYTES = 32 << 20
FETCHED_WHOLE = 128 << 20
"""Bytes of a remote file that are fetched together; of a larger one, column by column."""
PIECE_ROWS, PIECE_BYTES = 128, 512 << 10
"""Row groups end earlier in files that an exchange reads by ranges."""
MERGE_SHARDS, MERGE_BYTES = 64, 128 << 20
"""For more shards than that, files are first merged to ones of so many bytes of text: else pieces would be too small."""
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
    says that the file is read once and deleted: it is compressed less, in half the time. `runs` names columns (the first
    of RANGED) by which the rows between two row-group ends are sorted, in row groups of few rows: for `exchange`.
    """

    def __init__(self, path: str, schema: pa.Schema, *, scratch: bool = False, runs: Sequence[str] = ()) -> None:
        self.path, self.schema, self.level = path, schema, 1 if scratch else 3
        self.facts: dict[str, Any] | None = None
        self.rows = 0
        self.content = Content()
        self._runs = [(name, "ascending") for name in runs]
        self._waiting: list[pa.Table] = []
        self._sizes: list[Sizes] = []  # bytes of text of each waiting row
        self._waiting_rows = self._waiting_bytes = 0

    def __enter__(self) -> Self:
        self._atomic = storage.atomic(self.path)
        self._writer = pq.ParquetWriter(
            self._atomic.__enter__(),
            self.schema,
            compression="zstd",
            compression_level=self.level,
            use_dictionary=[f.name for f in self.schema if f.name not in ("id", "text", "url", "offset")],
            write_statistics=[name for name in self.schema.names if name in RANGED],
            column_encoding=None,
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        try:
            if kind is None:
                self._flush(everything=True)
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
        return all(name in self.schema.names for name in content.COLUMNS)

    def write(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Add rows; columns in any order, types are cast."""
        table = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
        if not table.schema.equals(self.schema):
            table = table.select(self.schema.names).cast(self.schema)
        sizes = np.zeros(table.num_rows, np.int64)
        if "text" in table.schema.names:
            sizes = pc.fill_null(pc.binary_length(table["text"]), 0).to_numpy().astype(np.int64)
        if self._has_content:
            self.content += content.of_rows(table)
        self.rows += table.num_rows
        self._waiting.append(table)
        self._sizes.append(sizes)
        self._waiting_rows += table.num_rows
        self._waiting_bytes += int(sizes.sum())
        if self._waiting_rows >= ROW_GROUP_ROWS or self._waiting_bytes >= ROW_GROUP_BYTES:
            self._flush(everything=False)

    def _flush(self, *, everything: bool) -> None:
        """Write the row groups that are full, and with `everything` what is left."""
        if not self._waiting:
            return
        table, sizes = pa.concat_tables(self._waiting).combine_chunks(), np.concatenate(self._sizes)
        start = 0
        while (stop := _group_end(sizes, start)) is not None:
            self._write_group(table.slice(start, stop - start), sizes[start:stop])
            start = stop
        if everything and start < len(sizes):
            self._write_group(table.slice(start), sizes[start:])
            start = len(sizes)
        rest = sizes[start:]
        self._waiting, self._sizes = [table.slice(start)], [rest]
        self._waiting_rows, self._waiting_bytes = len(rest), int(rest.sum())

    def _write_group(self, group: pa.Table, sizes: Sizes) -> None:
        if not self._runs:
            self._writer.write_table(group, row_group_size=ROW_GROUP_ROWS)
            return
        order = pc.sort_indices(group, self._runs)
        group, sizes = group.take(order), sizes[order.to_numpy()]
        start = 0
        while start < len(sizes):
            stop = _group_end(sizes, start, PIECE_ROWS, PIECE_BYTES) or len(sizes)
            self._writer.write_table(group.slice(start, stop - start))
            start = stop

    def cut(self) -> None:
        """End the row group here."""
        self._flush(everything=True)


def _group_end(sizes: Sizes, start: int, most: int = ROW_GROUP_ROWS, most_bytes: int = ROW_GROUP_BYTES) -> int | None:
    """Where the row group that begins at `start` ends, or None while it is not full."""
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
    return Written(json.loads(metadata.get(FACTS, b"{}")), content.from_dict(json.loads(metadata[CONTENT])))


def read_facts(path: str) -> dict[str, Any]:
    """The facts that a ShardWriter stored in a file."""
    facts: dict[str, Any] = json.loads(_metadata(path).get(FACTS, b"{}"))
    return facts


def _metadata(path: str) -> dict[bytes, bytes]:
    fs, inner = storage.filesystem(path)
    with _whole(path):
        return pq.read_metadata(inner, filesystem=fs).metadata or {}


@contextmanager
def _whole(path: str) -> Iterator[None]:
    """Raise OutputError where what a job wrote can't be read in the block: a machine that lost its power may leave such files."""
    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, FileNotFoundError) or of_disk(error):
            raise
        told = str(error).split("\n", 1)[0]
        raise OutputError(f"{path} is damaged ({told}): delete it, and go on with --resume") from error


def read_batches(path: str, columns: list[str] | None = None, rows: int = 1024) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file, in order, in bounded memory. From a store a file comes in few requests, unless it is large."""
    fs, inner = storage.filesystem(path)
    with _whole(path), fs.open_input_file(inner) as source:
        whole = not storage.is_local(path) and source.size() <= FETCHED_WHOLE
        file = pq.ParquetFile(source, pre_buffer=whole)
        yield from file.iter_batches(batch_size=rows, columns=columns, use_threads=False)


def read_checked(path: str, columns: list[str] | None = None, rows: int = 1024) -> Iterator[pa.RecordBatch]:
    """`read_batches` of a file by ShardWriter, with the columns `id` and `text` among others.

    Raises BalanceError at the end when these are not the rows that were written there.
    """
    found, written = Content(), read_written(path).content
    for batch in read_batches(path, columns, rows):
        found += content.of_rows(batch)
        yield batch
    if found != written:
        raise BalanceError(f"{path} holds {found}, but {written} were written")


# ---- the exchange ----


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
        shared = {"in": folder, "files": files, "kind": kind}
        tasks: list[dict[str, Any]] = [
            {**shared, "first": first_id(i, shards), "end": first_id(i + 1, shards), "out": path}
            for i, path in enumerate(paths)
        ]
        there = storage.existing(task["out"] for task in tasks)
        for _ in s.run("curate.shards:finish", [task for task in tasks if task["out"] not in there]):
            pass
    check_moved("the exchange", parts, content.total(read_written(path).content for path in paths))
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
    tasks: list[dict[str, Any]] = [
        {"in": group, "out": storage.join(merged, part_name(i, len(groups))), "shards": shards, "runs": list(runs)}
        for i, group in enumerate(groups)
    ]
    there = storage.existing(task["out"] for task in tasks)
    for _ in s.run("curate.shards:merge", [task for task in tasks if task["out"] not in there]):
        pass
    return merged, len(groups)


def merge(task: dict[str, Any]) -> dict[str, Any]:
    """Task: the rows of the files `in` in the file `out`, as long runs with row groups that end where shards do."""
    by, schema = task["runs"][0], _schema(task["in"][0])
    with ShardWriter(task["out"], schema, scratch=True) as writer:
        for run in _long_runs(task["in"], schema):
            run = run.take(pc.sort_indices(run, [(name, "ascending") for name in task["runs"]]))
            keys = run[by].to_pylist()
            shard = np.array(keys if by == "shard" else [shard_of(name, task["shards"]) for name in keys], np.int64)
            starts = np.flatnonzero(np.diff(shard, prepend=-1)).tolist()
            for start, stop in zip(starts, [*starts[1:], len(shard)], strict=True):
                writer.write(run.slice(start, stop - start))
                writer.cut()
    return {"rows": writer.rows}


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


def between(folder: str, files: int, column: str, first: Any, end: Any, schema: pa.Schema) -> pa.Table:
    """The rows of all `files` Parquet files of a folder whose `column` is in [first, end), cast to `schema`, in no order.

    Raises BalanceError when there are other files than so many.
    """
    paths = storage.list_files(folder, ".parquet")
    if len(paths) != files:
        raise BalanceError(f"{folder} holds {len(paths)} files instead of {files}")
    tables = [table.select(schema.names).cast(schema) for path in paths for table in _between(path, column, first, end)]
    return pa.concat_tables([schema.empty_table(), *tables]).combine_chunks()


def _between(path: str, column: str, first: Any, end: Any) -> Iterator[pa.Table]:
    fs, inner = storage.filesystem(path)
    with _whole(path), pq.ParquetFile(inner, filesystem=fs) as file:
        at = file.schema_arrow.names.index(column)  # none of the columns before it is nested
        for group in range(file.num_row_groups):
            known = file.metadata.row_group(group).column(at).statistics
            if known is None or not known.has_min_max or (known.max >= first and known.min < end):
                table = file.read_row_group(group, use_threads=False)
                values = table[column]
                yield table.filter(pc.and_(pc.greater_equal(values, first), pc.less(values, end)))


def check_moved(what: str, parts: Mapping[str, Content], found: Content) -> None:
    """Raise BalanceError unless what was written is what the files `parts` were written with."""
    wanted = content.total(parts.values())
    if found == wanted:
        return
    for path in parts:  # says which file is the one
        for _ in read_checked(path, list(content.COLUMNS)):
            pass
    raise BalanceError(f"{what} wrote {found}, but {wanted} went in: rows were lost, doubled or changed")


def finish(task: dict[str, Any]) -> dict[str, Any]:
    """Task: sort one shard by id and write it. Of a record that was read twice the better copy is kept, see `PREFERRED`;
    the others are rejected as `duplicate_record`, those that failed stay failed."""
    schema = schemas.extracted(task["kind"])
    table = between(task["in"], task["files"], "id", task["first"], task["end"], schema)
    order, again = _order(table)
    with ShardWriter(task["out"], schema) as writer:
        for start in range(0, table.num_rows, ROW_GROUP_ROWS):
            rows = table.take(order.slice(start, ROW_GROUP_ROWS))
            writer.write(_rejected(rows, again.slice(start, ROW_GROUP_ROWS)))
    return {"rows": table.num_rows}


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
