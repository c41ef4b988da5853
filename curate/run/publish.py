"""The last task of a job: judged shards to the files that people read."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

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
    read_groups,
    read_written,
    write_facts,
)
from curate.dedup import copies
from curate.dedup.copies import Sizes
from curate.dedup.removals import rows_by_shard
from curate.engine.session import Session
from curate.errors import BalanceError
from curate.files import storage, threads, typed_json
from curate.files.output import INDEX, dump_json, read_json
from curate.filters.labels import UNKNOWN, folder
from curate.filters.sampling import uniform
from curate.run.ledger import Ledger, of_corpus
from curate.run.passes import check_documents
from curate.run.runner import run_tasks, stage

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
    written = _languages(s, job, pieces, sized=bool(sizes)) if apart else {"data": [task.data for task in tasks]}
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


def _languages(s: Session, job: "CorpusJob", pieces: Sequence[str], *, sized: bool) -> dict[str, list[str]]:
    """The files of `data/`, a folder a language: paths by folder. Raises BalanceError when they hold other rows than the pieces."""
    tasks, written = list[LanguageTask](), dict[str, list[str]]()
    found_sizes = of_languages(pieces) or {UNKNOWN: {}}  # a corpus of nothing is a file of no rows
    for language, sizes in found_sizes.items():
        parts = grouped(sizes, job.recipe.shards.target_bytes)
        name = f"data/language={language}"
        written[name] = [job.path(*name.split("/"), part_name(i, len(parts))) for i in range(len(parts))]
        tasks += [
            LanguageTask(group, language, out, job.source.kind, tuple(job.recipe.signals), sized)
            for group, out in zip(parts, written[name], strict=True)
        ]
    with stage(job, "languages", len(tasks)) as timing:
        timing["worked"] = run_tasks(s, job, gather_language, tasks)
    meant = checksums.total(read_written(path).content for path in pieces)
    found = checksums.total(read_written(path).content for paths in written.values() for path in paths)
    if found != meant:
        raise BalanceError(f"data/ holds {found}, but {meant} were kept")
    return written


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
    data = schema.published(kind, signals, sizes=bool(task.sizes))
    rejected = schema.judged(kind, signals)
    kept = Content()
    with ShardWriter(task.rejected, rejected) as rejects:
        if task.pieces:
            for at, piece in enumerate(task.pieces):
                kept += _piece(piece, data, _kept(task, at, data, rejects))
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


def _piece(path: str, table: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Content:
    """Write the kept rows of one working shard, each language in row groups of its own, by id in each; what they hold.

    Its facts say of each language which row groups are its, and what they hold.
    """
    rows = pa.Table.from_batches(batches, table).combine_chunks()
    names = pa.array([folder(label) for label in rows["language"].to_pylist()], pa.string())
    facts = {}
    with ShardWriter(path, table, scratch=True) as writer:
        for name in sorted(set(names.to_pylist())):
            first, before = writer.groups, writer.content
            writer.write(rows.filter(pc.equal(names, name)))
            writer.cut()
            held = checksums.difference(writer.content, before)
            facts[name] = {"groups": [first, writer.groups], "content": held.to_dict()}
        writer.facts = {"languages": facts}
    return writer.content


@dataclass(frozen=True, slots=True)
class LanguageTask:
    """A file of `data/language=…/`: the rows of one language in some pieces."""

    sources: tuple[str, ...]
    language: str
    """As its folder is named."""
    out: str
    kind: str
    signals: tuple[str, ...]
    sizes: bool = False
    """Whether there is a column of the sizes of clusters."""


def gather_language(task: LanguageTask) -> Published:
    """Task: write `out`, and read it again. Raises BalanceError when it does not hold what the pieces say of the language."""
    table = schema.by_language(schema.published(task.kind, list(task.signals), sizes=task.sizes))
    held = Content()
    with ShardWriter(task.out, table) as writer:
        for path in task.sources:
            facts = read_facts(path)["languages"].get(task.language)
            if facts is None:
                continue
            held += checksums.from_dict(facts["content"])
            for batch in read_groups(path, range(*facts["groups"])):
                writer.write(batch)
    if writer.content != held:
        raise BalanceError(f"{task.out} got {writer.content}, but its pieces hold {held}")
    rows = sum(batch.num_rows for batch in read_checked(task.out, list(checksums.COLUMNS)))
    return Published(rows, rows)


def of_languages(pieces: Sequence[str]) -> dict[str, dict[str, int]]:
    """By language, as folders are named: bytes of text in each piece that has any document of it, in their order."""
    found: dict[str, dict[str, int]] = {}
    for path in pieces:
        for name, facts in read_facts(path)["languages"].items():
            found.setdefault(name, {})[path] = facts["content"]["bytes"]
    return dict(sorted(found.items()))


def grouped(sizes: Mapping[str, int], target: int) -> list[tuple[str, ...]]:
    """Pieces in their order, in as few groups as keep each at about `target` bytes; never none."""
    count = max(1, math.ceil(sum(sizes.values()) / target))
    groups: list[list[str]] = [[] for _ in range(count)]
    seen, whole = 0, max(1, sum(sizes.values()))
    for path, size in sizes.items():
        groups[min(count - 1, seen * count // whole)].append(path)
        seen += size
    return [tuple(group) for group in groups if group] or [()]


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
                [_named(batch["file"], ""), _labels(batch["language"]), sizes], ["file", "language", "bytes"]
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
        fates = [_named(batch["file"], ""), _labels(batch["language"]), batch["verdict"], batch["reason"]]
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


def _named(column: pa.Array, missing: str) -> pa.Array:
    return pc.fill_null(column, missing)


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
