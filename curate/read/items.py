"""Documents that come one by one out of files (the papers of an archive, books), as rows: each in a child, with limits.

A reader's generator `package.module:name` takes a task and yields `Item`s in a fixed order. What an item raises costs that
item alone: `Skip` is for what is no document, `Reject` for what has no text, `Fail` for what is damaged.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from curate.console.heartbeats import Beat
from curate.corpus import schema
from curate.corpus.shards import ShardWriter
from curate.engine import children
from curate.engine.tasks import function, supervises
from curate.read.source import ReadResult
from curate.read.web import SKIPPED, SplitTask, survive

BATCH_ROWS, BATCH_BYTES = 64, 4 << 20


class Skip(Exception):
    """Not a document; the message is its kind."""


class Reject(Exception):
    """A document without text; the message is the code of the reason."""


class Fail(Exception):
    """A document that can't be read; the first word of the message, up to a colon, is the reason."""


@dataclass(frozen=True, slots=True)
class Item:
    """One document of a file, not yet read."""

    offset: int
    """Bytes into the file, where it is known; else its number."""
    key: str
    """What tells it from the others of its source, wherever the file lies."""
    make: Callable[[], dict[str, Any]]
    """The columns, `text` among them; raises Skip, Reject or Fail."""
    row: dict[str, Any] = field(default_factory=dict)
    """Columns that are known whatever `make` does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemTask(SplitTask):
    """A file, and the generator that gives its items."""

    kind: str
    reader: str
    """`package.module:name`."""
    options: dict[str, object] = field(default_factory=dict)
    """Of the reader."""


@dataclass(frozen=True, slots=True)
class ItemsTask:
    """What a child is given: the items from number `done` on, but for those that killed one before, with why."""

    task: ItemTask
    done: int = 0
    poison: dict[str, str] = field(default_factory=dict)
    """By the number of the item."""


@supervises
def run(task: ItemTask) -> ReadResult:
    """Task: bring the items of `split.file` to the rows of `kind` in the file `out`."""
    started, tally, rows = time.monotonic(), Counter[str](), 0
    table, split = schema.extracted(task.kind), task.split
    beat = Beat(task.out, task.beats)
    with ShardWriter(task.out, table, scratch=True, runs=["id"]) as writer:
        for batch in survive(task, f"{__name__}:items"):
            rows += batch.num_rows
            skipped = pc.equal(pc.fill_null(batch["verdict"], ""), SKIPPED)
            tally.update(batch.filter(skipped)["reason"].to_pylist())
            writer.write(fitted(batch.filter(pc.invert(skipped)), table))
            beat(records=rows, kept=writer.rows, bytes=min(split.size, batch["offset"][-1].as_py() or 0))
        writer.facts = {
            "files": {split.file: {"records": rows, "skipped": dict(tally)}},
            "bytes": split.size,
            "seconds": round(time.monotonic() - started, 3),
        }
    beat.end()
    return ReadResult(rows, writer.rows, split.size)


def fitted(batch: pa.RecordBatch, table: pa.Schema) -> pa.Table:
    """The batch with the columns of the table: the row of a file that could not be read on is one of a crawl's."""
    count = batch.num_rows
    found = {name: batch[name] for name in batch.schema.names}
    return pa.table({f.name: found.get(f.name, pa.nulls(count, f.type)) for f in table}, schema=table)


def items(task: ItemsTask) -> Iterator[pa.RecordBatch]:
    """In the child: a row for each item from number `done` on, in batches."""
    one, waiting, size = task.task, list[dict[str, Any]](), 0
    table, found = schema.extracted(one.kind), cast("Iterator[Item]", function(one.reader)(one))
    for number, item in enumerate(found):
        if number < task.done:
            continue
        row = _row(item, number, one, task.poison.get(str(number)))
        waiting.append(row)
        size += len(row.get("text") or "")
        if len(waiting) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield pa.RecordBatch.from_pylist(waiting, table)
            waiting, size = [], 0
    if waiting:
        yield pa.RecordBatch.from_pylist(waiting, table)


def _row(item: Item, number: int, task: ItemTask, known: str | None) -> dict[str, Any]:
    row = {
        "id": schema.document_id(task.kind, item.key),
        "source": task.source,
        "file": task.split.file,
        "offset": item.offset,
        **item.row,
    }
    if known:
        return {**row, "verdict": "failed", "reason": f"page_{known}", "detail": "reading it ended the process, twice"}
    try:
        with children.page(number, task.cpu_seconds):
            row.update(item.make())
        if not (row.get("text") or "").strip():
            raise Reject("no_text")
    except Skip as skip:
        row.update(text=None, verdict=SKIPPED, reason=str(skip))
    except Reject as none:
        row.update(text=None, verdict="rejected", reason=f"extract.{none}")
    except Fail as fail:
        reason, _, detail = str(fail).partition(":")
        row.update(text=None, verdict="failed", reason=reason, detail=_printable(detail.strip()))
    except children.PageTimeout:
        detail = f"more than {task.cpu_seconds:g} s of CPU time"
        row.update(text=None, verdict="failed", reason="page_timeout", detail=detail)
    except MemoryError:
        detail = f"more than {task.memory_bytes >> 20} MiB of memory"
        row.update(text=None, verdict="failed", reason="page_memory", detail=detail)
    except Exception as error:  # whatever a parser raises costs this item alone
        row.update(text=None, verdict="failed", reason=f"page_{type(error).__name__}", detail=_printable(str(error)))
    return row


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()[:300]
