"""Filters over shards: a pass runs the per-document steps up to the next corpus-wide step, on one working shard.

A corpus-wide step has three parts (`dedup/base.py`), and texts are read once a pass, so each has its place in it: the pass before the
step ends with its `keys`, `resolve` then says by shard what is lost, and the pass behind it begins with taking that away (a step that
cuts within documents says by `apply` what is left of one).

All rows stay. A row that is rejected keeps its reason, the value that decided and what the other cheap steps measure, so
that a limit can be chosen again from the stored columns.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from numbers import Integral
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.console.heartbeats import Beat
from curate.corpus import checksums, schema
from curate.corpus.checksums import Content
from curate.corpus.recipe import parse
from curate.corpus.shards import ShardWriter, part_name, read_checked, read_written
from curate.dedup import index
from curate.dedup.base import WHOLE, CorpusStep, Removal, doc64, doc_hex, documents_of, with_signals
from curate.dedup.removals import Removals, rows_by_shard
from curate.engine.session import Session
from curate.errors import BalanceError
from curate.files import output, storage
from curate.files.output import INDEX, dump_json, read_json
from curate.filters.base import Decision, Document, decision_of, drop
from curate.read.rows import UNFIT, printable, unfit
from curate.run.runner import run_tasks, stage

if TYPE_CHECKING:
    from curate.run.pipeline import CorpusJob

Row = dict[str, Any]
UNPACKED = 1 << 30
"""Bytes of text up to which passes write files without compression, on this machine: a hundredth of a job's time, and twice
as much room for a while."""
EDITABLE = ("text", "language", "language_score", "script", "license", "redacted")
BEFORE = "text before"
"""Where a row keeps the text that it came with."""
DOCUMENT_FIELDS = ("id", "source", "url", "repo", "path", "opt_outs", *EDITABLE)


def judge_corpus(s: Session, job: "CorpusJob", parts: Sequence[str]) -> list[str]:
    """Run the recipe; returns the judged shards. A pass whose results were used up by a later one is not run again."""
    names = [path.rsplit("/", 1)[1] for path in parts]
    outs = [[job.scratch(f"pass-{n}", name) for name in names] for n in range(1, len(job.recipe.segments()) + 1)]
    storage.write_text(job.scratch("recipe.toml"), job.recipe.text)
    done = max((n for n, paths in enumerate(outs, 1) if storage.existing(paths).issuperset(paths)), default=0)
    sources, size = list(parts), int(read_json(job.path("extracted", INDEX))["content"]["bytes"])
    for number, paths in enumerate(outs, 1):
        if number >= done:
            size = _pass(s, job, number, sources, paths, size)
            if number < len(outs):
                _resolve(s, job, number, len(names))
        if number > 1 and number >= done:
            storage.remove(job.scratch(f"pass-{number - 1}"))
        sources = paths
    return sources


def _pass(s: Session, job: "CorpusJob", number: int, sources: Sequence[str], outs: Sequence[str], size: int) -> int:
    """Apply what the corpus-wide step before took, judge every shard (of `size` bytes of text in all) up to the next one, and write the
    keys of that. Gives the bytes of text that were written."""
    recipe, count = job.recipe, len(outs)
    first, last = recipe.segments()[number - 1]
    lost, keys = job.scratch(f"lost-{number - 1}", "lost"), job.scratch(f"keys-{number}")
    removals = read_json(found_by(job, number - 1))["losses"] if number > 1 else []
    tasks = [
        PassTask(
            source=source,
            out=out,
            recipe=job.scratch("recipe.toml"),
            where=recipe.name,
            kind=job.source.kind,
            first=first,
            last=last,
            lost=storage.join(lost, f"shard={i}") if number > 1 else "",
            removals=removals[i] if number > 1 else None,
            duplicates=job.scratch(f"duplicates-{number}", part_name(i, count)) if number > 1 else "",
            keys=storage.join(keys, part_name(i, count)) if last < len(recipe.steps) else "",
            packed=size > UNPACKED or not storage.is_local(job.work),
            beats=job.beats,
        )
        for i, (source, out) in enumerate(zip(sources, outs, strict=True))
    ]
    with stage(job, f"pass {number}", count, size) as facts:
        facts["worked"] = run_tasks(s, job, run, tasks)
        written = [read_written(out) for out in outs]
        facts["kept"] = sum(one.facts.get("kept", 0) for one in written)
        whole = checksums.total(one.content for one in written)
        _check_pass(job, number, whole)
    return whole.bytes


def _check_pass(job: "CorpusJob", number: int, written: Content) -> None:
    """Raise BalanceError unless a pass wrote the documents that were extracted."""
    extracted = checksums.from_dict(read_json(job.path("extracted", INDEX))["content"])
    if not written.same_documents(extracted):
        raise BalanceError(f"pass {number} wrote {written}, but {extracted} were extracted: other documents")


@dataclass(frozen=True, slots=True)
class PassTask:
    """A working shard (`source`), and the steps [first, last) of a recipe for it."""

    source: str
    out: str
    recipe: str
    """Path of its text: one with parameters for many languages is too long to be sent with each task."""
    where: str
    """Its name in messages."""
    kind: str
    first: int
    last: int
    lost: str = ""
    """Folder of what the corpus-wide step before `first` took away; empty: there is none."""
    removals: int | None = None
    """Rows in it, where that is known."""
    duplicates: str = ""
    """File for what was taken away."""
    keys: str = ""
    """File for the rows that the corpus-wide step at `last` compares; empty: there is none."""
    packed: bool = True
    """Whether `out` is compressed."""
    beats: str | None = None
    """Folder in which it says how far it is."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Documents by what became of them."""

    kept: int = 0
    rejected: int = 0
    failed: int = 0
    bytes: int = 0
    """Of the texts that were read."""
    kept_bytes: int = 0
    """Of the texts that are kept so far."""


_parsed = lru_cache(maxsize=2)(parse)
"""A process reads a recipe once: one with parameters for two thousand languages takes a second."""


def run(task: PassTask) -> Judged:
    """Task: judge the shard `source` with the steps [first, last) of `recipe` and write it to `out`.

    Where `lost` is given, what the corpus-wide step before took away is applied first (and written to `duplicates`);
    where `keys` is given, the rows for the corpus-wide step behind are written there. Raises BalanceError when `source`
    does not hold the rows that were written there.
    """
    recipe = _parsed(storage.read_bytes(task.recipe).decode(), task.where)
    steps = list(zip(recipe.labels, recipe.steps, strict=True))
    removals = Removals.read(task.lost, task.removals) if task.lost else None
    before = steps[task.first - 1] if task.first else None
    removed: list[tuple[str, int]] = []
    written = Counter[str]()
    table = schema.judged(task.kind, recipe.signals)
    keys = _keys(task.keys, recipe.steps[task.last], schema.DOCUMENTS[task.kind]) if task.keys else nullcontext()
    beat = Beat(task.out, task.beats)
    with ShardWriter(task.out, table, scratch=True, packed=task.packed) as writer, keys as add_keys:
        for batch in read_checked(task.source):
            rows = _rows(batch)
            if removals and before:
                removed += _apply(rows, before, removals)
            judge(rows, steps[task.first : task.last])
            made = _batch(batch, rows, table)
            writer.write(made)
            _count(written, made)
            written["bytes"] += pc.sum(pc.binary_length(batch["text"])).as_py() or 0
            beat(bytes=written["bytes"])
            if add_keys:
                add_keys(made)
        if removals and before:
            removals.check(removed)
            with ShardWriter(task.duplicates, schema.DUPLICATES) as evidence:
                evidence.write(removals.evidence(before[0], removed))
        check_documents(task.source, read_written(task.source).content, writer.content)
        judged = Judged(**written)
        writer.facts = asdict(judged)
    beat.end()
    return judged


def check_documents(path: str, read: Content, written: Content) -> None:
    """Raise BalanceError unless the same documents were written as were read from `path`; steps may change texts."""
    if not written.same_documents(read):
        raise BalanceError(f"{path}: {read} were read, but {written} written: documents were lost, doubled or renamed")


# ---- a corpus-wide step: its keys, what is lost, what is left ----


@contextmanager
def _keys(path: str, step: CorpusStep, documents: pa.Schema) -> Iterator[Callable[[pa.RecordBatch], None]]:
    """Take batches of judged documents, and write the keys of those that are still undecided to a file that appears when it is whole."""
    columns = step.keys(pa.RecordBatch.from_pylist([], documents_of(step, documents))).schema
    plain = {"compression": "none", "use_dictionary": False, "write_statistics": False}
    with storage.atomic(path) as temporary, pq.ParquetWriter(temporary, columns, **plain) as writer:

        def add(judged: pa.RecordBatch) -> None:
            alive = with_signals(step, judged, documents).filter(pc.is_null(judged["verdict"]))
            if alive.num_rows:
                writer.write_table(step.keys(alive).cast(columns))

        yield add


def _resolve(s: Session, job: "CorpusJob", number: int, shards: int) -> None:
    """Have the corpus-wide step behind a pass say what is lost, from the keys that the pass has written."""
    at = job.recipe.segments()[number - 1][1]
    label, lost, keys = job.recipe.labels[at], job.scratch(f"lost-{number}", "lost"), job.scratch(f"keys-{number}")
    with stage(job, label, 1) as facts:
        facts["worked"] = not storage.exists(found_by(job, number))
        if facts["worked"]:
            step = job.recipe.steps[at]
            folder = keys.removeprefix(f"{job.work}/")
            output.promised(job.work, [f"{folder}/{part_name(i, shards)}" for i in range(shards)], f"pass {number}")
            if getattr(step, "index", ""):
                index.consult(step, keys, index.place_of(path for path, _ in job.source.inputs))
            found = step.resolve(s, keys, lost, shards)
            found = {"step": label, "facts": found, "losses": rows_by_shard(lost, shards)}
            storage.write_text(found_by(job, number), dump_json(found))
    storage.remove(keys)  # what stands beside it under its name stays until the corpus appears


def found_by(job: "CorpusJob", number: int) -> str:
    """The file that says what a corpus-wide step found, written when its removals are."""
    return job.scratch(f"facts-{number}.json")


def _apply(rows: list[Row], step: tuple[str, Any], removals: Removals) -> list[tuple[str, int]]:
    """Take from each undecided row what it lost; returns the (id, doc) of those that lost something."""
    label, corpus_step = step
    removed = []
    for row, doc in zip(rows, doc64([row["id"] for row in rows]).tolist(), strict=True):
        if decided(row) or not (lost := removals.of(doc)):
            continue
        step_of(row, label, partial(take_away, corpus_step, lost), _document(row))
        if decided(row) == "rejected":
            row["detail"] = doc_hex(lost[0].survivor) if lost[0].survivor is not None else None
        removed.append((row["id"], doc))
    return removed


def take_away(step: Any, lost: Sequence[Removal], document: Document) -> Decision:
    """What is left of a document that lost something: what `apply` of the step says. Without one the document goes, with the value of its
    removal (what was measured, or the number of copies)."""
    if lost[0].pos == WHOLE and not hasattr(step, "apply"):
        return drop(document, "duplicate", lost[0].value)
    decision: Decision = step.apply(document, lost)
    return decision


# ---- documents through the steps ----


def _rows(batch: pa.RecordBatch) -> list[Row]:
    """The rows; the texts of those that are decided stay in the batch: nothing asks for them."""
    known = (*DOCUMENT_FIELDS, "verdict", "reason", "value", "detail")
    names = [name for name in known if name in batch.schema.names and name != "text"]
    columns = [batch[name].to_pylist() for name in names]
    rows = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
    texts = iter(batch["text"].filter(pc.is_null(batch["verdict"])).to_pylist())
    for row in rows:
        row["text"] = row[BEFORE] = None if row["verdict"] is not None else next(texts)
    for name, missing in (("signals", {}), ("removed", [])):
        stored = batch[name].to_pylist() if name in batch.schema.names else [missing] * len(rows)
        for row, value in zip(rows, stored, strict=True):
            row[name] = value
    for row in rows:
        row["signals"] = {key: value for key, value in (row["signals"] or {}).items() if value is not None}
        row["removed"] = {item["rule"]: item["count"] for item in row["removed"] or []}
    return rows


def _document(row: Row) -> Document:
    return Document(
        id=row["id"],
        text=row["text"] or "",
        source=row["source"],
        url=row.get("url"),
        language=row.get("language"),
        language_score=row.get("language_score"),
        repo=row.get("repo"),
        path=row.get("path"),
        license=row.get("license"),
        redacted=row.get("redacted"),
        script=row.get("script"),
        opt_outs=tuple(row.get("opt_outs") or ()),
    )


def decided(row: Row) -> str | None:
    """The verdict, or None while the row is undecided."""
    verdict: str | None = row["verdict"]
    return verdict


def judge(rows: Iterable[Row], steps: Sequence[tuple[str, object]]) -> None:
    """Run the steps on each undecided row, in place. The first reason decides."""
    for row in rows:
        if decided(row):
            continue
        document: Document | None = None
        for label, step in steps:
            verdict = decided(row)
            document = document or _document(row)
            if not verdict:
                document = step_of(row, label, step, document)
            elif verdict == "rejected" and not getattr(step, "costly", False):
                document = _measure(row, step, document)


def step_of(row: Row, label: str, step: Any, document: Document) -> Document | None:
    """Run one step on a row and write down what it says; the document, None where it is another one now. A step that raises makes the row
    `failed`, never kept."""
    try:
        decision = decision_of(step, document)
        _check_made(decision, document)
    except Exception as error:
        row.update(verdict="failed", reason=f"{label}.{type(error).__name__}", detail=printable(error))
        return document
    row["signals"].update(decision.signals)
    for code, count in decision.removed.items():
        rule = f"{label}.{code}"
        row["removed"][rule] = row["removed"].get(rule, 0) + count
    if decision.reason is not None:
        row.update(verdict="rejected", reason=f"{label}.{decision.reason}", value=decision.value)
    return _edited(row, document, decision.doc)


def _edited(row: Row, document: Document, made: Document) -> Document | None:
    """Write down what a step changed; the document where that is nothing."""
    if made is document:
        return document
    row.update({name: getattr(made, name) for name in EDITABLE if name in row})
    return None


def _check_made(decision: Decision, document: Document) -> None:
    """Raises TypeError for a text that is none (Arrow would take bytes for one), and for a count that is none."""
    changed = [getattr(decision.doc, name) for name in EDITABLE] if decision.doc is not document else []
    if any(isinstance(one, bytes) for one in changed) or not isinstance(decision.doc.text, str):
        raise TypeError("a text is bytes")
    if decision.removed and not all(isinstance(count, Integral) for count in decision.removed.values()):
        raise TypeError("what a step removed is counted")
    if not isinstance(decision.reason, str | None):
        raise TypeError(f"a reason is a text, not {type(decision.reason).__name__}")


def _measure(row: Row, step: Any, document: Document) -> Document | None:
    try:
        decision = decision_of(step, document)
        row["signals"].update(decision.signals)
        if hasattr(step, "limits"):  # what it changes is an annotation; such steps change no text
            return _edited(row, document, decision.doc)
    except Exception:  # the row is rejected already; a step that can't measure it has nothing to add
        return document
    return document


def judged_batch(batch: pa.RecordBatch, steps: Sequence[tuple[str, object]], table: pa.Schema) -> pa.RecordBatch:
    """Run per-document steps over a batch of `schema.extracted` rows: the pure heart of a pass, without files."""
    rows = _rows(batch)
    judge(rows, steps)
    return _batch(batch, rows, table)


def _batch(batch: pa.RecordBatch, rows: list[Row], table: pa.Schema) -> pa.RecordBatch:
    """The batch with what the steps changed. A row of which a step made what no column holds (half a character, text for a number) is
    `failed`, as it was before."""
    try:
        return _built(batch, rows, table)
    except UNFIT:
        for row, before in zip(rows, _rows(batch), strict=True):
            if told := unfit({**row, "removed": _removed(row)}, table):
                row.clear()
                row.update(before, verdict="failed", reason=f"step.{told[0]}", detail=told[1])
        return _built(batch, rows, table)


def _removed(row: Row) -> list[dict[str, object]]:
    return [{"rule": k, "count": v} for k, v in sorted(row["removed"].items())]


def _built(batch: pa.RecordBatch, rows: list[Row], table: pa.Schema) -> pa.RecordBatch:
    """The batch with what the steps changed; columns nobody touches are passed on as they are."""
    columns = []
    for field in table:
        if field.name == "text":
            columns.append(_texts(batch["text"], rows).cast(field.type))
            continue
        if field.name == "removed":
            values = [_removed(row) for row in rows]
        elif field.name in rows[0] if rows else False:
            values = [row[field.name] for row in rows]
        else:  # a corpus of an earlier version may lack a column
            known = field.name in batch.schema.names
            columns.append(batch[field.name] if known else pa.nulls(len(rows), field.type))
            continue
        columns.append(pa.array(values, field.type))
    return pa.RecordBatch.from_arrays(columns, schema=table)


def _texts(column: pa.Array, rows: Sequence[Row]) -> pa.Array:
    """The texts, of which only those are made anew that a step has changed."""
    changed = [row["text"] is not row[BEFORE] for row in rows]
    if not any(changed):
        return column
    made = pa.array([row["text"] for row, anew in zip(rows, changed, strict=True) if anew], column.type)
    return pc.replace_with_mask(column, pa.array(changed), made)


def _count(written: Counter[str], judged: pa.RecordBatch) -> None:
    written.update(verdict or "kept" for verdict in judged["verdict"].to_pylist())
    kept = judged["text"].filter(pc.is_null(judged["verdict"]))
    written["kept_bytes"] += pc.sum(pc.binary_length(kept)).as_py() or 0
