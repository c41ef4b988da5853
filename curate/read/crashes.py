"""A file at which the process that reads it crashes: it is read again in a fresh one, then it is one failed row.

Files are hostile, and what reads them is native code in part. A file costs at most itself, and never the job. Pages of a
crawl cost less, see `curate.read.web`.
"""

import time
from dataclasses import replace
from typing import Any

import pyarrow as pa

from curate.corpus import schema
from curate.corpus.shards import ShardWriter
from curate.engine import children
from curate.engine.session import supervises
from curate.errors import CrashError
from curate.files import storage
from curate.read.source import Source

REASON = "reading_crash"


def survivable(source: Source) -> Source:
    """The source with tasks that outlive the crash of their reader. A task names its file as `file` or `path`."""
    tasks = [{**task, "reader": source.reference, "kind": source.kind} for task in source.tasks]
    return replace(source, reference=f"{__name__}:run", tasks=tasks)


@supervises
def run(task: dict[str, Any]) -> dict[str, Any]:
    """Task: let `reader` read a file in a child; where that crashes, twice, write one failed row for the file.

    Raises EngineError when it is killed from outside: that is no fault of the file's.
    """
    started = time.monotonic()
    try:
        return children.call(task["reader"], task)
    except CrashError as crash:
        file = task.get("file") or task["path"]
        row = {
            "id": schema.document_id(file, REASON),
            "source": task["source"] or "corpus",
            "file": file,
            "verdict": "failed",
            "reason": REASON,
            "detail": f"read twice, and each time {str(crash).rpartition(': ')[2]}",
        }
    table = schema.extracted(task["kind"])
    with ShardWriter(task["out"], table, scratch=True, runs=["id"]) as writer:
        writer.write(pa.Table.from_pylist([row], table))
        seconds = round(time.monotonic() - started, 3)
        fs, inner = storage.filesystem(file)
        size = fs.get_file_info(inner).size or 0  # of a folder: none
        writer.facts = {"files": {file: {"records": 1, "skipped": {}}}, "bytes": size, "seconds": seconds}
    return {"records": 1, "rows": 1}
