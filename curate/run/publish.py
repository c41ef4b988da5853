"""The last stage of a corpus: judged shards to the files that people read, and the ledger of what is in these."""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from curate.corpus import checksums, opt_outs, schema
from curate.corpus.checksums import Content, total
from curate.corpus.shards import (
    ShardWriter,
    part_name,
    read_batches,
    read_checked,
    read_facts,
    read_written,
    write_facts,
)
from curate.dedup import copies
from curate.dedup.copies import Sizes
from curate.dedup.removals import rows_by_shard
from curate.engine.session import Session
from curate.errors import InputError
from curate.files import storage, threads, typed_json
from curate.files.output import IDENTITY, INDEX, dump_json, read_json
from curate.filters.labels import folder
from curate.filters.sampling import uniform
from curate.run.languages import Published, by_language, write_piece
from curate.run.ledger import Account, ByLanguage, Ledger, OptOuts, added, check_corpus, describe, first_failure
from curate.run.passes import check_documents, found_by
from curate.run.runner import framed, run_tasks, stage

if TYPE_CHECKING:
    from curate.run.pipeline import CorpusJob


def publish_corpus(s: Session, job: "CorpusJob", judged: Sequence[str]) -> Ledger:
    """Write what people read; gives the ledger of what is in it. Raises as `of_corpus` does, and BalanceError where files hold other
    rows than were written."""
    facts = [read_facts(path) for path in judged]
    kept_bytes = sum(f["kept_bytes"] for f in facts)
    rejected = sum(f.get("rejected", 0) for f in facts)
    shards = min(len(judged), max(1, math.ceil(kept_bytes / job.recipe.shards.target_bytes)))
    groups: list[list[int]] = [[] for _ in range(shards)]
    for i in range(len(judged)):
        groups[i * shards // len(judged)].append(i)
    last = len(job.recipe.segments())
    sizes = _sizes(s, job, len(judged))
    apart = job.recipe.output.by == "language"
    pieces = [job.scratch("pieces", part_name(i, len(judged))) for i in range(len(judged))] if apart else []
    tasks = [
        PublishTask(
            sources=tuple(judged[j] for j in group),
            out=job.scratch("counts", part_name(i, shards)),
            data=job.path("data", part_name(i, shards)),
            rejected=job.path("rejected", part_name(i, shards)),
            duplicates=job.path("duplicates", part_name(i, shards)),
            evidence=tuple(
                job.scratch(f"duplicates-{n}", part_name(j, len(judged))) for n in range(2, last + 1) for j in group
            ),
            kind=job.source.kind,
            signals=tuple(job.recipe.signals),
            text_share=1.0 if job.keep_rejected else min(1.0, max(0.01, 2000 / max(1, rejected))),
            pieces=tuple(pieces[j] for j in group) if apart else (),
            sizes=tuple(sizes[j] for j in group) if sizes else (),
        )
        for i, group in enumerate(groups)
    ]
    with stage(job, "publish", len(tasks)) as timing:
        timing["worked"] = run_tasks(s, job, run, tasks)
    written = by_language(s, job, pieces, sized=bool(sizes)) if apart else {"data": [task.data for task in tasks]}
    return of_corpus(job, [counts_of(task) for task in tasks], written, read_json(job.path("extracted", INDEX)))


def _sizes(s: Session, job: "CorpusJob", shards: int) -> list["SizesFolder"]:
    """Where the sizes of clusters are, by working shard; none where no step takes copies away."""
    ends = [last for _, last in job.recipe.segments()[:-1]]
    numbers = [n for n, last in enumerate(ends, 1) if getattr(job.recipe.steps[last], "copies", False)]
    if not numbers:
        return []
    out, told = job.scratch("sizes"), job.scratch("sizes.json")
    with stage(job, "copies", 1) as facts:
        facts["worked"] = not storage.exists(told)
        if facts["worked"]:
            copies.write(s, [job.scratch(f"lost-{n}", "lost") for n in numbers], out, shards)
            storage.write_text(told, dump_json(rows_by_shard(out, shards)))
    rows = json.loads(storage.read_bytes(told))
    return [SizesFolder(storage.join(out, f"shard={i}"), rows[i]) for i in range(shards)]


@dataclass(frozen=True, slots=True)
class SizesFolder:
    """Sizes of clusters of one working shard (`dedup.copies`), and how many rows were written there."""

    path: str
    rows: int


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
    pieces: tuple[str, ...] = ()
    """Instead of `data`, where that has a folder a language: a file for the kept rows of each source, language by language."""
    sizes: tuple[SizesFolder, ...] = ()
    """Of each source, where the sizes of clusters are; empty: no step made any."""


@dataclass(frozen=True, slots=True)
class FileCounts:
    """What became of the documents of one input file, or of one language: how many were kept, and how many have each reason."""

    kept: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counts:
    """What is in the written files."""

    files: dict[str, FileCounts]
    languages: dict[str, FileCounts]
    """By language as folders are named; "" for documents whose language nothing told."""
    language_bytes: dict[str, int]
    """Of kept text, by language."""
    removed: dict[str, int]
    """Lines that were cut, by rule."""
    opt_outs: dict[str, dict[str, int]]
    """Of kept and of dropped documents: at how many anybody looked, how many have `any`, and each kind."""
    text_bytes: int
    rows: int
    kept: int
    content: Content


def run(task: PublishTask) -> Published:
    """Task: write one shard of `data/`, `rejected/` and `duplicates/` from the judged shards; `out` holds the counts.

    The counts are made from the written files, read again, so they say what is there and not what was meant. Raises
    BalanceError when a judged or a written file does not hold the rows that were written there.
    """
    kind, signals = task.kind, list(task.signals)
    data = schema.published(kind, signals, sizes=bool(task.sizes))
    rejected = schema.judged(kind, signals)
    kept = Content()
    with ShardWriter(task.rejected, rejected) as rejects:
        if task.pieces:
            for at, piece in enumerate(task.pieces):
                kept += write_piece(piece, data, _kept(task, at, data, rejects))
        else:
            with ShardWriter(task.data, data) as writer:
                for at in range(len(task.sources)):
                    for batch in _kept(task, at, data, rejects):
                        writer.write(batch)
                with threads.pool(2) as pool:  # what is left of both is compressed at once
                    list(pool.map(ShardWriter.cut, (writer, rejects)))
            kept = writer.content
    with ShardWriter(task.duplicates, schema.DUPLICATES) as evidence:
        for path in task.evidence:
            for batch in read_batches(path):
                evidence.write(batch)
    read = total(read_written(path).content for path in task.sources)
    check_documents(task.rejected, read, kept + rejects.content)
    counts = recount(task.pieces or [task.data], task.rejected)
    write_facts(task.out, asdict(counts))
    return Published(counts.rows, counts.kept)


def _kept(task: PublishTask, at: int, data: pa.Schema, rejects: ShardWriter) -> Iterator[pa.RecordBatch]:
    """The kept rows of source number `at`; the others are written to `rejects`."""
    clusters = Sizes(task.sizes[at].path, task.sizes[at].rows) if task.sizes else None
    for batch in read_checked(task.sources[at]):
        undecided = pc.is_null(batch["verdict"])
        kept = batch.filter(undecided)
        if clusters:
            kept = kept.append_column(schema.CLUSTER_SIZE, pa.array(clusters.of(kept["id"].to_pylist())))
        yield kept.select(data.names)
        rejects.write(_without_texts(batch.filter(pc.invert(undecided)), task.text_share))


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


def recount(data: Sequence[str], rejected: str) -> Counts:
    """Count the rows of written files: by input file, language, verdict and reason; text bytes; lines removed by rule; content.

    Raises BalanceError when they do not hold the rows that were written there.
    """
    counts: dict[str, dict[str, FileCounts]] = {"file": {}, "language": {}}
    removed, language_bytes, text_bytes, rows, kept = Counter[str](), Counter[str](), 0, 0, 0
    declared = {"kept": Counter[str](), "dropped": Counter[str]()}
    for path in data:
        for batch in read_checked(path, ["id", "file", "text", "language", "removed", "opt_outs"], rows=1024):
            _add_opt_outs(declared["kept"], batch)
            rows += batch.num_rows
            kept += batch.num_rows
            sizes = pc.fill_null(pc.binary_length(batch["text"]), 0)
            text_bytes += pc.sum(sizes).as_py() or 0
            table = pa.table(
                [pc.fill_null(batch["file"], ""), _labels(batch["language"]), sizes], ["file", "language", "bytes"]
            )
            for name, entries in counts.items():
                for row in table.group_by(name).aggregate([("bytes", "sum"), ([], "count_all")]).to_pylist():
                    entry = entries.setdefault(row[name], FileCounts())
                    entries[row[name]] = replace(entry, kept=entry.kept + row["count_all"])
                    if name == "language":
                        language_bytes[row[name]] += row["bytes_sum"]
            _add_removed(removed, batch["removed"])
    columns = ["id", "file", "text", "language", "verdict", "reason", "removed", "opt_outs"]
    for batch in read_checked(rejected, columns, rows=1024):
        _add_opt_outs(declared["dropped"], batch)
        rows += batch.num_rows
        fates = [pc.fill_null(batch["file"], ""), _labels(batch["language"]), batch["verdict"], batch["reason"]]
        table = pa.table(fates, ["file", "language", "verdict", "reason"])
        for name, entries in counts.items():
            for row in table.group_by([name, "verdict", "reason"]).aggregate([([], "count_all")]).to_pylist():
                entry = entries.setdefault(row[name], FileCounts())
                reasons = entry.failed if row["verdict"] == "failed" else entry.rejected
                reasons[row["reason"]] = reasons.get(row["reason"], 0) + row["count_all"]
        _add_removed(removed, batch["removed"])
    content = total(read_written(path).content for path in (*data, rejected))
    return Counts(
        counts["file"], counts["language"], dict(sorted(language_bytes.items())), dict(sorted(removed.items())),
        {part: dict(sorted(found.items())) for part, found in declared.items()}, text_bytes, rows, kept, content,
    )  # fmt: skip


def _labels(column: pa.Array) -> pa.Array:
    """Languages as folders are named, "" where there is none."""
    known = {label: folder(label) for label in pc.unique(column).to_pylist() if label is not None}
    return pa.array([known.get(label, "") for label in column.to_pylist()], pa.string())


def _add_opt_outs(total: Counter[str], batch: pa.RecordBatch) -> None:
    """Documents that were looked at, that have any, and those of each kind; a document counts once a kind."""
    if "opt_outs" not in batch.schema.names:  # not of web pages: Arrow reads the columns that there are
        return
    column = batch["opt_outs"]
    total["looked_at"] += len(column) - column.null_count
    total["any"] += pc.sum(pc.greater(pc.list_value_length(column), 0)).as_py() or 0
    total.update(opt_outs.kinds(column))


def _add_removed(total: Counter[str], column: pa.Array) -> None:
    for item in pc.list_flatten(column).to_pylist():
        total[item["rule"]] += item["count"]


def of_corpus(
    job: "CorpusJob", counts: Sequence[Counts], written: Mapping[str, Sequence[str]], index: Mapping[str, Any]
) -> Ledger:
    """The ledger of a job that has published what was counted; `written` are the files of documents by folder, `index` is that of
    `extracted/`. Raises BalanceError when other documents were published than extracted, InputError when none could be read."""
    files: dict[str, Account] = {
        name: Account(records=tally["records"], skipped=tally["skipped"], rejected={}, failed={}, kept=0)
        for name, tally in index["files"].items()
    }
    for count in counts:
        for name, one in count.files.items():
            entry = files.setdefault(name, {"records": 0, "skipped": {}, "rejected": {}, "failed": {}, "kept": 0})
            entry["kept"] += one.kept
            for counted, reasons in ((entry["rejected"], one.rejected), (entry["failed"], one.failed)):
                for reason, number in reasons.items():
                    counted[reason] = counted.get(reason, 0) + number
    failed = added(entry["failed"] for entry in files.values())
    in_steps = sum(n for reason, n in failed.items() if "." in reason)
    documents = sum(entry["kept"] + sum(entry["rejected"].values()) for entry in files.values()) + in_steps
    known = read_json(job.path(IDENTITY))
    own: Ledger = {
        "kind": job.source.kind,
        "recipe": {
            "name": job.recipe.name,
            "digest": job.recipe.digest,
            "steps": list(job.recipe.labels),
            "files": known.get(job.uses_named, {}),
        },
        "extract": {"fallback": index.get("fallback", 0)},
        "removed": added(count.removed for count in counts),
        "bytes": {
            "input": sum(size for _, size in job.source.inputs),
            "text_extracted": index["bytes"],
            "text_kept": sum(count.text_bytes for count in counts),
        },
        "dedup": [_found(found_by(job, n)) for n in range(1, len(job.recipe.segments()))],
        "limits": {
            "failed_share": in_steps / documents if documents else 0.0,
            "max_failed": job.recipe.limits.max_failed,
        },
        "content": {
            "extracted": index["content"],
            "published": checksums.total(count.content for count in counts).to_dict(),
        },
        "files": files,
        "languages": _languages(counts),
        "opt_outs": _opt_outs(counts),
        "data": [
            describe(folder, path, read_written(path).content.rows)
            for folder, paths in written.items()
            for path in paths
        ],
    }
    ledger = framed(job, own)
    check_corpus(ledger)
    _refuse_nothing(job, ledger)
    return ledger


def _opt_outs(counts: Sequence[Counts]) -> OptOuts:
    """At how many documents anybody looked for declarations against their use, and what was found, by what became of them."""
    found = {part: added(count.opt_outs.get(part, {}) for count in counts) for part in ("kept", "dropped")}
    looked = sum(kinds.pop("looked_at", 0) for kinds in found.values())
    kept, dropped = ({kind: n for kind, n in kinds.items() if n} for kinds in found.values())
    return {"looked_at": looked, "kept": kept, "dropped": dropped}


def _languages(counts: Sequence[Counts]) -> dict[str, ByLanguage]:
    """What became of the documents of each language, and the bytes of text that were kept; "" is where nothing told the language."""
    names = sorted({name for count in counts for name in count.languages})
    found = dict[str, ByLanguage]()
    for name in names:
        ones = [count.languages[name] for count in counts if name in count.languages]
        found[name] = {
            "kept": sum(one.kept for one in ones),
            "rejected": added(one.rejected for one in ones),
            "failed": added(one.failed for one in ones),
            "text_kept": sum(count.language_bytes.get(name, 0) for count in counts),
        }
    return found


def _found(path: str) -> dict[str, object]:
    """What a corpus-wide step says of itself, and how many removals it told of."""
    stored = json.loads(storage.read_bytes(path))
    return {"step": stored["step"], **stored["facts"], "losses": sum(stored["losses"])}


def _refuse_nothing(job: "CorpusJob", ledger: Ledger) -> None:
    """Raise InputError where not one document could be read, and leave nothing: an empty corpus would look like a result."""
    if ledger["kept"] or ledger["rejected"] or any("." in reason for reason in ledger["failed"]):
        return  # a reason with a dot is a step's: it had the document
    counts = {**ledger["failed"], **ledger["skipped"]}
    told = ", ".join(f"{count:,} {kind}" for kind, count in counts.items()) or _of_nothing(job)
    files = "1 file" if len(job.source.inputs) == 1 else f"{len(job.source.inputs):,} files"
    message = f"no document could be read from {files}: {told}{first_failure(job)}"
    storage.remove(job.work)
    raise InputError(message)


def _of_nothing(job: "CorpusJob") -> str:
    """Why nothing was read where nothing failed: a dump without pages is not empty."""
    if not any(size for _, size in job.source.inputs):
        return "they are empty"
    return f"no record is in {'it' if len(job.source.inputs) == 1 else 'them'}"
