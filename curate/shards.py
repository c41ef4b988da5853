"""Rows to sorted Parquet shards whose bytes depend on the rows alone, and the exchange that brings rows to their shard."""

import json
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate import schema as schemas
from curate import storage
from curate.engine import Session

ROW_GROUP_ROWS = 4096
ROW_GROUP_BYTES = 32 << 20
FACTS = b"curate"


def shard_of(document_id: str, shards: int) -> int:
    """The shard of an id: ids are uniform, so shard i holds the i-th range of them, and shards are alike in size."""
    return int(document_id[:8], 16) * shards >> 32


def part_name(index: int, count: int) -> str:
    """`part-00003-of-00016.parquet`."""
    return f"part-{index:05d}-of-{count:05d}.parquet"


class ShardWriter:
    """Write a Parquet file atomically. Row groups end where the rows say so, whatever the batches they come in.

    `facts` (a JSON object) may be set until the end of the `with` block; it is stored in the file's metadata, so that a
    task's counts appear in the same instant as its rows. `scratch` says that the file is read once and deleted: it is
    compressed less, in half the time.
    """

    def __init__(self, path: str, schema: pa.Schema, *, scratch: bool = False) -> None:
        self.path, self.schema, self.level = path, schema, 1 if scratch else 3
        self.facts: dict[str, Any] | None = None
        self.rows = 0
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0

    def __enter__(self) -> Self:
        self._atomic = storage.atomic(self.path)
        self._writer = pq.ParquetWriter(
            self._atomic.__enter__(),
            self.schema,
            compression="zstd",
            compression_level=self.level,
            use_dictionary=[f.name for f in self.schema if f.name not in ("id", "text", "url", "offset")],
            write_statistics=True,
            column_encoding=None,
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        try:
            if kind is None:
                self._flush(everything=True)
                if self.facts is not None:
                    self._writer.add_key_value_metadata({FACTS: json.dumps(self.facts, sort_keys=True).encode()})
            self._writer.close()
        except BaseException as failure:
            self._atomic.__exit__(type(failure), failure, failure.__traceback__)
            raise
        self._atomic.__exit__(kind, error, tb)

    def write(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Add rows; columns in any order, types are cast."""
        table = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
        self._waiting.append(table.select(self.schema.names).cast(self.schema))
        self._waiting_rows += table.num_rows
        self.rows += table.num_rows
        if self._waiting_rows >= ROW_GROUP_ROWS or sum(t.nbytes for t in self._waiting) > 2 * ROW_GROUP_BYTES:
            self._flush(everything=False)

    def _flush(self, *, everything: bool) -> None:
        if not self._waiting:
            return
        table = pa.concat_tables(self._waiting).combine_chunks()
        sizes = np.zeros(table.num_rows, np.int64)
        if "text" in table.schema.names:
            sizes = pc.fill_null(pc.binary_length(table["text"]), 0).to_numpy().astype(np.int64)
        start = 0
        while (stop := _group_end(sizes, start)) is not None:
            self._writer.write_table(table.slice(start, stop - start), row_group_size=ROW_GROUP_ROWS)
            start = stop
        rest = table.slice(start)
        if everything and rest.num_rows:
            self._writer.write_table(rest, row_group_size=ROW_GROUP_ROWS)
            rest = table.slice(0, 0)
        self._waiting, self._waiting_rows = [rest], rest.num_rows


def _group_end(sizes: np.ndarray[Any, Any], start: int) -> int | None:
    """Where the row group that begins at `start` ends, or None while it is not full."""
    rows = sizes[start : start + ROW_GROUP_ROWS]
    full = np.flatnonzero(np.cumsum(rows) >= ROW_GROUP_BYTES)
    if len(full):
        return start + int(full[0]) + 1
    return start + ROW_GROUP_ROWS if len(rows) == ROW_GROUP_ROWS else None


def read_facts(path: str) -> dict[str, Any]:
    """The facts that a ShardWriter stored in a file."""
    fs, inner = storage.filesystem(path)
    metadata = pq.read_metadata(inner, filesystem=fs).metadata or {}
    facts: dict[str, Any] = json.loads(metadata.get(FACTS, b"{}"))
    return facts


def read_batches(path: str, columns: list[str] | None = None, rows: int = 1024) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file, in order, in bounded memory."""
    fs, inner = storage.filesystem(path)
    with pq.ParquetFile(inner, filesystem=fs, pre_buffer=False) as file:
        yield from file.iter_batches(batch_size=rows, columns=columns, use_threads=False)


def exchange(s: Session, parts: Sequence[str], buckets: str, out: str, shards: int, kind: str) -> list[str]:
    """Bring the rows of many files to `shards` files sorted by id. Returns their paths.

    The text moves once: rows are written to a folder a shard (by the engine, which spills or streams), then a task sorts
    each folder into its file. Both halves are skipped where their result stands already.
    """
    import pyspark.sql.functions as F

    paths = [storage.join(out, part_name(i, shards)) for i in range(shards)]
    todo = [path for path in paths if not storage.exists(path)]
    if not todo:
        return paths
    shard = F.expr(f"cast(shiftright(cast(conv(substring(id, 1, 8), 16, 10) as bigint) * {shards}, 32) as int)")
    frame = s.read(parts).withColumn("shard", shard)
    s.write(s.clustered(frame, "shard", shards), buckets, by="shard")
    tasks = [
        {"bucket": storage.join(buckets, f"shard={i}"), "out": path, "kind": kind}
        for i, path in enumerate(paths)
        if path in todo
    ]
    for _ in s.run("curate.shards:finish", tasks):
        pass
    storage.remove(buckets)
    return paths


def finish(task: dict[str, Any]) -> dict[str, Any]:
    """Sort one shard by id and write it. A record that was read from two files keeps its first copy, the rest is rejected."""
    schema = schemas.extracted(task["kind"])
    tables = [schema.empty_table()]
    for path in storage.list_files(task["bucket"], ".parquet"):
        fs, inner = storage.filesystem(path)
        tables.append(pq.ParquetFile(inner, filesystem=fs).read().select(schema.names).cast(schema))
    table = pa.concat_tables(tables)
    order = pc.sort_indices(table, [("id", "ascending"), ("file", "ascending"), ("offset", "ascending")])
    table = _without_repeats(table.take(order).combine_chunks())
    with ShardWriter(task["out"], schema) as writer:
        writer.write(table)
    return {"rows": table.num_rows}


def _without_repeats(table: pa.Table) -> pa.Table:
    ids = table["id"].combine_chunks()
    if len(ids) < 2:
        return table
    again = pa.concat_arrays([pa.array([False]), pc.equal(ids[1:], ids[:-1])])
    again = pc.and_(again, pc.is_null(table["verdict"].combine_chunks()))
    if not pc.any(again).as_py():
        return table
    for name, value in (("verdict", "rejected"), ("reason", "duplicate_record")):
        column = pc.if_else(again, pa.scalar(value), table[name].combine_chunks())
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), column)
    detail = pc.if_else(again, pc.utf8_slice_codeunits(ids, 0, 16), table["detail"].combine_chunks())
    return table.set_column(table.schema.get_field_index("detail"), table.schema.field("detail"), detail)
