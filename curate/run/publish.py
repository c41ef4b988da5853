"""The last task of a job: judged shards to the files that people read."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curate.corpus import schema
from curate.corpus.checksums import total
from curate.corpus.shards import ShardWriter, read_batches, read_checked, read_written
from curate.run.passes import check_documents
from filters.sampling import uniform


def run(task: dict[str, Any]) -> dict[str, Any]:
    """Task: write one shard of `data/`, `rejected/` and `duplicates/` from the judged shards `in`; `out` holds the counts.

    The counts are made from the written files, read again, so they say what is there and not what was meant. Raises
    BalanceError when `in` or a written file does not hold the rows that were written there.
    """
    kind, signals = task["kind"], task["signals"]
    data, rejected = schema.published(kind, signals), schema.judged(kind, signals)
    with ShardWriter(task["data"], data) as keeper, ShardWriter(task["rejected"], rejected) as rejects:
        for path in task["in"]:
            for batch in read_checked(path):
                undecided = pc.is_null(batch["verdict"])
                keeper.write(batch.filter(undecided).select(data.names))
                rejects.write(_without_texts(batch.filter(pc.invert(undecided)), task["text_share"]))
    with ShardWriter(task["duplicates_out"], schema.DUPLICATES) as evidence:
        for path in task["duplicates"]:
            for batch in read_batches(path):
                evidence.write(batch)
    read = total(read_written(path).content for path in task["in"])
    check_documents(task["data"], read, keeper.content + rejects.content)
    counts = recount(task["data"], task["rejected"])
    with ShardWriter(task["out"], pa.schema([])) as writer:
        writer.facts = counts
    return {"records": counts["rows"], "kept": counts["kept"]}


def _without_texts(batch: pa.RecordBatch, share: float) -> pa.RecordBatch:
    if share >= 1:
        return batch
    stays = pa.array(
        [uniform(document_id, "rejected text") < share for document_id in batch["id"].to_pylist()], pa.bool_()
    )
    at = batch.schema.get_field_index("text")
    return batch.set_column(at, batch.schema.field(at), pc.if_else(stays, batch["text"], pa.scalar(None, pa.string())))


def recount(data: str, rejected: str) -> dict[str, Any]:
    """Count the rows of two written files: by input file, verdict and reason; text bytes; lines removed by rule; content.

    Raises BalanceError when they do not hold the rows that were written there.
    """
    files: dict[str, dict[str, Any]] = {}
    removed, text_bytes, rows, kept = Counter[str](), 0, 0, 0
    for batch in read_checked(data, ["id", "file", "text", "removed"], rows=8192):
        rows += batch.num_rows
        kept += batch.num_rows
        text_bytes += pc.sum(pc.binary_length(batch["text"])).as_py() or 0
        for file, count in _values(batch["file"]):
            _entry(files, file)["kept"] += count
        _add_removed(removed, batch["removed"])
    for batch in read_checked(rejected, ["id", "file", "text", "verdict", "reason", "removed"], rows=8192):
        rows += batch.num_rows
        table = pa.Table.from_batches([batch]).group_by(["file", "verdict", "reason"]).aggregate([([], "count_all")])
        for row in table.to_pylist():
            reasons = _entry(files, row["file"])[row["verdict"]]
            reasons[row["reason"]] = reasons.get(row["reason"], 0) + row["count_all"]
        _add_removed(removed, batch["removed"])
    return {
        "files": files,
        "removed": dict(sorted(removed.items())),
        "text_bytes": text_bytes,
        "rows": rows,
        "kept": kept,
        "content": total(read_written(path).content for path in (data, rejected)).to_dict(),
    }


def _entry(files: dict[str, dict[str, Any]], file: str | None) -> dict[str, Any]:
    return files.setdefault(file or "", {"kept": 0, "rejected": {}, "failed": {}})


def _values(column: pa.Array) -> Iterator[tuple[str, int]]:
    for item in pc.value_counts(column).to_pylist():
        yield item["values"], item["counts"]


def _add_removed(total: Counter[str], column: pa.Array) -> None:
    for item in pc.list_flatten(column).to_pylist():
        total[item["rule"]] += item["count"]
