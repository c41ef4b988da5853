"""Rows on their way from a reader to the file of its task: in batches, out of a child that a page or a file may kill, and counted
as they are written.

Input is hostile, and what reads it is native code in part. `survive` watches a child row by row: the page that kills it is one failed
row, and the next child goes on behind it. `survivable` is for readers of whole files: a file at which its reader crashes is read
again in a fresh process, then it is one failed row. So a page or a file costs at most itself, and never the job.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Protocol, TypeVar, cast

import pyarrow as pa
import pyarrow.compute as pc

from curate.console.heartbeats import Beat
from curate.corpus import schema
from curate.corpus.shards import ShardWriter
from curate.engine import children
from curate.engine.tasks import reference as named
from curate.engine.tasks import supervises
from curate.errors import CrashError, EngineError
from curate.files import storage, typed_json
from curate.read.source import FileTask, ReadResult, Source

T = TypeVar("T")
SKIPPED = "skipped"
"""The verdict of what is no document: such rows are counted by their reason and go nowhere."""
BATCH_BYTES = 4 << 20
ATTEMPTS = 4
"""Processes that may die between pages, one after the other without a row, before a split is given up."""
CRASH = "reading_crash"
FILE_MEMORY, TIMES_SIZE = 4 << 30, 2
"""Bytes of memory that the reader of a whole file may take, and as many times the bytes of the file: what is packed, or said in a few
bytes for many rows, unpacks to no end."""
UNFIT = (TypeError, ValueError, OverflowError)
"""What Arrow raises for a value that a column can't hold."""


class Part(Protocol):
    """A part of a file."""

    @property
    def file(self) -> str: ...
    @property
    def start(self) -> int: ...


class PartTask(Protocol):
    """A task that reads a part of a file, of which pages may kill the process that reads them."""

    @property
    def out(self) -> str: ...
    @property
    def beats(self) -> str | None: ...
    @property
    def packed(self) -> bool: ...
    @property
    def split(self) -> Part: ...
    @property
    def source(self) -> str: ...
    @property
    def memory_bytes(self) -> int: ...


def in_batches(
    rows: Iterable[dict[str, object]], table: pa.Schema, most: int, large: str = "text"
) -> Iterator[pa.RecordBatch]:
    """The rows in batches of `most` rows and about BATCH_BYTES characters of the column `large` at most. No row is asked for before the
    batch of those before it is full. A row with a value that its column can't hold is a failed one."""
    waiting, size = list[dict[str, object]](), 0
    for row in rows:
        waiting.append(row)
        text = row.get(large)
        size += len(text) if isinstance(text, str) else 0
        if len(waiting) >= most or size >= BATCH_BYTES:
            yield _batch(waiting, table)
            waiting, size = [], 0
    if waiting:
        yield _batch(waiting, table)


def _batch(rows: list[dict[str, object]], table: pa.Schema) -> pa.RecordBatch:
    try:
        return pa.RecordBatch.from_pylist(rows, table)
    except UNFIT:
        if "verdict" not in table.names:
            raise
        return pa.RecordBatch.from_pylist([_fitting(row, table) for row in rows], table)


def _fitting(row: dict[str, object], table: pa.Schema) -> dict[str, object]:
    """The row; or the failed one in its place, where a value is none of its column: a number too large, half a character."""
    if not (told := unfit(row, table)):
        return row
    kind, detail = told
    known = {name: row.get(name) for name in ("id", "source", "file", "offset")}
    return {**known, "verdict": "failed", "reason": f"page_{kind}", "detail": detail}


def unfit(row: Mapping[str, object], table: pa.Schema) -> tuple[str, str] | None:
    """Kind and words of what is wrong with the first value of a row that its column can't hold; None where all fit."""
    for column in table:
        try:
            pa.array([row.get(column.name)], column.type)
        except UNFIT as error:
            return type(error).__name__, printable(f"column {column.name}: {error}")
    return None


def printable(told: object) -> str:
    """A message of somebody else's as the column `detail` takes it."""
    return str(told).encode("utf-8", "replace").decode()[:300]


def in_time(work: Callable[[], T], cpu_seconds: float) -> T | None:
    """What a part of a file's work gives; None where that takes more CPU time. For what a child does."""
    try:
        with children.page(0, cpu_seconds):
            return work()
    except children.PageTimeout:
        return None


def write_rows(
    task: PartTask,
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
    with ShardWriter(task.out, table, scratch=True, packed=task.packed, runs=["id"]) as writer:
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


def survive(task: PartTask, reference: str) -> Iterator[pa.RecordBatch]:
    """Batches of the rows that the generator `reference` makes in a child (of a `PagesTask` or its like). A page at which the child
    dies is tried again in a fresh one, and becomes a failed row when that dies too (over its CPU limit: at once).

    Between pages a child is replaced `ATTEMPTS` times; then, if it crashes each time, the rest of the split is one failed
    row. Raises EngineError when it is killed from outside each time.
    """
    asked = typed_json.dump(task)
    done, poison, suspect, between, fresh = 0, dict[str, str](), -1, 0, False
    while True:
        try:
            with children.lease(task.memory_bytes, fresh=fresh) as child:
                for answer in child.request(reference, {"task": asked, "done": done, "poison": poison}):
                    if not isinstance(answer, pa.RecordBatch):
                        return
                    done += answer.num_rows
                    between = 0
                    yield answer
        except children.ChildDied as died:
            if children.ending():
                raise
            fresh, between = True, between + 1 if died.mark < 0 else 0
            if died.mark >= 0 and (died.mark == suspect or died.reason == "timeout"):
                poison[str(died.mark)] = died.reason
            elif between >= ATTEMPTS:
                yield _unread(task, done, died)
                return
            suspect = died.mark


def _unread(task: PartTask, done: int, died: children.ChildDied) -> pa.RecordBatch:
    """The row for the rest of a split that can't be read. Raises EngineError when that is not the split's own fault."""
    split = task.split
    where = f"{split.file} (from byte {split.start}, behind {done} records)"
    if died.reason != "crash" or "exit code" in died.detail:
        raise EngineError(f"{where}: reading ended {ATTEMPTS} times: {died.detail}{children.advice(died)}") from died
    row = {
        "id": schema.document_id(PurePosixPath(split.file).name, split.start, done, "unread"),
        "source": task.source,
        "file": split.file,
        "offset": split.start,
        "verdict": "failed",
        "reason": CRASH,
        "detail": f"what follows {done} records from byte {split.start} on could not be read: {died.detail}",
    }
    return pa.RecordBatch.from_pylist([row], schema.extracted("web"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SafeTask(FileTask):
    """The task of another reader."""

    kind: str
    reader: str
    """Its function."""
    task: dict[str, object]
    """Its own task, as JSON."""
    memory_bytes: int
    """What the process that reads may take, beside what it holds before."""

    def reads(self, function: Callable[..., object]) -> bool:
        """Whether that is the reader."""
        return self.reader == named(function)


def survivable(source: Source) -> Source:
    """The source, whose tasks are of a file each, with tasks that outlive the crash of their reader."""
    if source.run is None:
        return source
    reader, most = named(source.run), FILE_MEMORY + TIMES_SIZE * max((size for _, size in source.inputs), default=0)
    tasks = [
        SafeTask(
            name=task.name,
            file=task.file,
            source=task.source,
            kind=source.kind,
            reader=reader,
            task=cast("dict[str, object]", typed_json.dump(task)),
            memory_bytes=most,
        )
        for task in source.tasks
        if isinstance(task, FileTask)
    ]
    return replace(source, run=run_safe, tasks=tasks, memory_bytes=most)


@supervises
def run_safe(task: SafeTask) -> ReadResult:
    """Task: let `reader` read a file in a child; where that crashes, twice, or raises what it does not know, write one failed row for the
    file.

    Raises EngineError when it is killed from outside: that is no fault of the file's.
    """
    started = time.monotonic()
    try:
        asked = {**task.task, "out": task.out, "beats": task.beats, "packed": task.packed}
        answer = children.call_json(task.reader, asked, task.memory_bytes, limited=True)
        return typed_json.load(ReadResult, answer)
    except CrashError as crash:
        reason, detail = CRASH, f"read twice, and each time {str(crash).rpartition(': ')[2]}"
    except children.ChildError as error:
        kind, _, told = str(error).strip().rpartition("\n")[2].partition(": ")
        reason, detail = f"reading_{kind.rpartition('.')[2]}", printable(told)
    row = {
        "id": schema.document_id(task.file, CRASH),
        "source": task.source or "corpus",
        "file": task.file,
        "verdict": "failed",
        "reason": reason,
        "detail": detail,
    }
    table = schema.extracted(task.kind)
    with ShardWriter(task.out, table, scratch=True, packed=task.packed, runs=["id"]) as writer:
        writer.write(pa.Table.from_pylist([row], table))
        seconds = round(time.monotonic() - started, 3)
        fs, inner = storage.filesystem(task.file)
        size = fs.get_file_info(inner).size or 0  # of a folder: none
        writer.facts = {"files": {task.file: {"records": 1, "skipped": {}}}, "bytes": size, "seconds": seconds}
    return ReadResult(1, 1)
