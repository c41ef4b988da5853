"""The last task of a job: judged shards to the files that people read."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace

import pyarrow as pa
import pyarrow.compute as pc

from curate.corpus import schema
from curate.corpus.checksums import Content, total
from curate.corpus.shards import ShardWriter, read_batches, read_checked, read_facts, read_written
from curate.files import typed_json
from curate.filters.sampling import uniform
from curate.run.passes import check_documents


@dataclass(frozen=True, slots=True)
class PublishTask:
    """Judged shards (`sources`), and the three files that they become."""

    sources: tuple[str, ...]
    out: str
    """File for the counts."""
    data: str
    rejected: str
    duplicates: str
    evidence: tuple[str, ...]
    """What passes wrote of the duplicates."""
    kind: str
    signals: tuple[str, ...]
    text_share: float
    """Share of the rejected documents whose text is kept."""


@dataclass(frozen=True, slots=True)
class FileCounts:
    """What became of the documents of one input file: how many were kept, and how many have each reason."""

    kept: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counts:
    """What is in two written files."""

    files: dict[str, FileCounts]
    removed: dict[str, int]
    """Lines that were cut, by rule."""
    text_bytes: int
    rows: int
    kept: int
    content: Content


@dataclass(frozen=True, slots=True)
class Published:
    """For the progress display."""

    records: int
    kept: int


def run(task: PublishTask) -> Published:
    """Task: write one shard of `data/`, `rejected/` and `duplicates/` from the judged shards; `out` holds the counts.

    The counts are made from the written files, read again, so they say what is there and not what was meant. Raises
    BalanceError when a judged or a written file does not hold the rows that were written there.
    """
    kind, signals = task.kind, list(task.signals)
    data, rejected = schema.published(kind, signals), schema.judged(kind, signals)
    with ShardWriter(task.data, data) as keeper, ShardWriter(task.rejected, rejected) as rejects:
        for path in task.sources:
            for batch in read_checked(path):
                undecided = pc.is_null(batch["verdict"])
                keeper.write(batch.filter(undecided).select(data.names))
                rejects.write(_without_texts(batch.filter(pc.invert(undecided)), task.text_share))
    with ShardWriter(task.duplicates, schema.DUPLICATES) as evidence:
        for path in task.evidence:
            for batch in read_batches(path):
                evidence.write(batch)
    read = total(read_written(path).content for path in task.sources)
    check_documents(task.data, read, keeper.content + rejects.content)
    counts = recount(task.data, task.rejected)
    with ShardWriter(task.out, pa.schema([])) as writer:
        writer.facts = asdict(counts)
    return Published(counts.rows, counts.kept)


def counts_of(task: PublishTask) -> Counts:
    """What a finished task counted."""
    return typed_json.load(Counts, read_facts(task.out))


def _without_texts(batch: pa.RecordBatch, share: float) -> pa.RecordBatch:
    if share >= 1:
        return batch
    stays = pa.array(
        [uniform(document_id, "rejected text") < share for document_id in batch["id"].to_pylist()], pa.bool_()
    )
    at = batch.schema.get_field_index("text")
    return batch.set_column(at, batch.schema.field(at), pc.if_else(stays, batch["text"], pa.scalar(None, pa.string())))


def recount(data: str, rejected: str) -> Counts:
    """Count the rows of two written files: by input file, verdict and reason; text bytes; lines removed by rule; content.

    Raises BalanceError when they do not hold the rows that were written there.
    """
    files: dict[str, FileCounts] = {}
    removed, text_bytes, rows, kept = Counter[str](), 0, 0, 0
    for batch in read_checked(data, ["id", "file", "text", "removed"], rows=8192):
        rows += batch.num_rows
        kept += batch.num_rows
        text_bytes += pc.sum(pc.binary_length(batch["text"])).as_py() or 0
        for file, count in _values(batch["file"]):
            entry = files.setdefault(file or "", FileCounts())
            files[file or ""] = replace(entry, kept=entry.kept + count)
        _add_removed(removed, batch["removed"])
    for batch in read_checked(rejected, ["id", "file", "text", "verdict", "reason", "removed"], rows=8192):
        rows += batch.num_rows
        table = pa.Table.from_batches([batch]).group_by(["file", "verdict", "reason"]).aggregate([([], "count_all")])
        for row in table.to_pylist():
            entry = files.setdefault(row["file"] or "", FileCounts())
            reasons = entry.failed if row["verdict"] == "failed" else entry.rejected
            reasons[row["reason"]] = reasons.get(row["reason"], 0) + row["count_all"]
        _add_removed(removed, batch["removed"])
    content = total(read_written(path).content for path in (data, rejected))
    return Counts(files, dict(sorted(removed.items())), text_bytes, rows, kept, content)


def _values(column: pa.Array) -> Iterator[tuple[str | None, int]]:
    for item in pc.value_counts(column).to_pylist():
        yield item["values"], item["counts"]


def _add_removed(total: Counter[str], column: pa.Array) -> None:
    for item in pc.list_flatten(column).to_pylist():
        total[item["rule"]] += item["count"]
