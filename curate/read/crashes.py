"""A file at which the process that reads it crashes: it is read again in a fresh one, then it is one failed row.

Files are hostile, and what reads them is native code in part. A file costs at most itself, and never the job. Pages of a
crawl cost less, see `curate.read.web`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import pyarrow as pa

from curate.corpus import schema
from curate.corpus.shards import ShardWriter
from curate.engine import children
from curate.engine.tasks import reference, supervises
from curate.errors import CrashError
from curate.files import storage, typed_json
from curate.read.source import FileTask, ReadResult, Source

REASON = "reading_crash"


@dataclass(frozen=True, slots=True, kw_only=True)
class SafeTask(FileTask):
    """The task of another reader."""

    kind: str
    reader: str
    """Its function."""
    task: dict[str, object]
    """Its own task, as JSON."""

    def reads(self, function: Callable[..., object]) -> bool:
        """Whether that is the reader."""
        return self.reader == reference(function)


def survivable(source: Source) -> Source:
    """The source, whose tasks are of a file each, with tasks that outlive the crash of their reader."""
    if source.run is None:
        return source
    reader = reference(source.run)
    tasks = [
        SafeTask(
            name=task.name,
            file=task.file,
            source=task.source,
            kind=source.kind,
            reader=reader,
            task=cast("dict[str, object]", typed_json.dump(task)),
        )
        for task in source.tasks
        if isinstance(task, FileTask)
    ]
    return replace(source, run=run, tasks=tasks)


@supervises
def run(task: SafeTask) -> ReadResult:
    """Task: let `reader` read a file in a child; where that crashes, twice, write one failed row for the file.

    Raises EngineError when it is killed from outside: that is no fault of the file's.
    """
    started = time.monotonic()
    try:
        answer = children.call_json(task.reader, {**task.task, "out": task.out, "beats": task.beats})
        return typed_json.load(ReadResult, answer)
    except CrashError as crash:
        row = {
            "id": schema.document_id(task.file, REASON),
            "source": task.source or "corpus",
            "file": task.file,
            "verdict": "failed",
            "reason": REASON,
            "detail": f"read twice, and each time {str(crash).rpartition(': ')[2]}",
        }
    table = schema.extracted(task.kind)
    with ShardWriter(task.out, table, scratch=True, runs=["id"]) as writer:
        writer.write(pa.Table.from_pylist([row], table))
        seconds = round(time.monotonic() - started, 3)
        fs, inner = storage.filesystem(task.file)
        size = fs.get_file_info(inner).size or 0  # of a folder: none
        writer.facts = {"files": {task.file: {"records": 1, "skipped": {}}}, "bytes": size, "seconds": seconds}
    return ReadResult(1, 1)
