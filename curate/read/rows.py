"""Rows on their way from a reader to the file of its task: in batches out of a child, and counted as they are written."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from curate.console.heartbeats import Beat
from curate.corpus.shards import ShardWriter
from curate.read.source import ReadResult

SKIPPED = "skipped"
"""The verdict of what is no document: such rows are counted by their reason and go nowhere."""
BATCH_BYTES = 4 << 20
_UNFIT = (TypeError, ValueError, OverflowError)
"""What Arrow raises for a value that a column can't hold."""


class _Part(Protocol):
    @property
    def file(self) -> str: ...


class _Task(Protocol):
    """A task that reads a part of a file."""

    @property
    def out(self) -> str: ...
    @property
    def beats(self) -> str | None: ...
    @property
    def split(self) -> _Part: ...


def in_batches(rows: Iterable[dict[str, object]], table: pa.Schema, most: int) -> Iterator[pa.RecordBatch]:
    """The rows in batches of `most` rows and about BATCH_BYTES characters of text at most. No row is asked for before the
    batch of those before it is full. A row with a value that its column can't hold is a failed one."""
    waiting, size = list[dict[str, object]](), 0
    for row in rows:
        waiting.append(row)
        text = row.get("text")
        size += len(text) if isinstance(text, str) else 0
        if len(waiting) >= most or size >= BATCH_BYTES:
            yield _batch(waiting, table)
            waiting, size = [], 0
    if waiting:
        yield _batch(waiting, table)


def _batch(rows: list[dict[str, object]], table: pa.Schema) -> pa.RecordBatch:
    try:
        return pa.RecordBatch.from_pylist(rows, table)
    except _UNFIT:
        if "verdict" not in table.names:
            raise
        return pa.RecordBatch.from_pylist([_fitting(row, table) for row in rows], table)


def _fitting(row: dict[str, object], table: pa.Schema) -> dict[str, object]:
    """The row; or the failed one in its place, where a value is none of its column: a number too large, half a character."""
    for column in table:
        try:
            pa.array([row.get(column.name)], column.type)
        except _UNFIT as error:
            known = {name: row.get(name) for name in ("id", "source", "file", "offset")}
            detail = printable(f"column {column.name}: {error}")
            return {**known, "verdict": "failed", "reason": f"page_{type(error).__name__}", "detail": detail}
    return row


def printable(told: object) -> str:
    """A message of somebody else's as the column `detail` takes it."""
    return str(told).encode("utf-8", "replace").decode()[:300]


def write_rows(
    task: _Task,
    table: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    size: int,
    place: Callable[[pa.RecordBatch], int],
    facts: Mapping[str, int] | None = None,
) -> ReadResult:
    """Write the rows of a task but for those that are skipped to the file `out`, and say how far it is.

    Facts of the file: records and skipped by file, `size` as the bytes read, seconds, and `facts` as they are when the
    last batch has come. `place` gives the bytes that are read with a batch.
    """
    started, tally, records = time.monotonic(), Counter[str](), 0
    beat = Beat(task.out, task.beats)
    with ShardWriter(task.out, table, scratch=True, runs=["id"]) as writer:
        for batch in batches:
            records += batch.num_rows
            skipped = pc.equal(pc.fill_null(batch["verdict"], ""), SKIPPED)
            tally.update(batch.filter(skipped)["reason"].to_pylist())
            writer.write(_fitted(batch.filter(pc.invert(skipped)), table))
            beat(records=records, kept=writer.rows, bytes=place(batch))
        writer.facts = {
            "files": {task.split.file: {"records": records, "skipped": dict(tally)}},
            **(facts or {}),
            "bytes": size,
            "seconds": round(time.monotonic() - started, 3),
        }
    beat.end()
    return ReadResult(records, writer.rows, size)


def _fitted(batch: pa.RecordBatch, table: pa.Schema) -> pa.Table:
    """The batch with the columns of the table: the row of a file that could not be read on is one of a crawl's."""
    count = batch.num_rows
    found = {name: batch[name] for name in batch.schema.names}
    return pa.table({f.name: found.get(f.name, pa.nulls(count, f.type)) for f in table}, schema=table)


def tallies(written: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Add up the facts of source tasks: {file: {"records": n, "skipped": {kind: n}}}."""
    files: dict[str, Any] = {}
    for facts in written:
        for file, tally in facts["files"].items():
            entry = files.setdefault(file, {"records": 0, "skipped": {}})
            entry["records"] += tally["records"]
            for kind, count in tally["skipped"].items():
                entry["skipped"][kind] = entry["skipped"].get(kind, 0) + count
    return dict(sorted(files.items()))
