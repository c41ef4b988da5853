"""Corpora that are there already (ours or others', Parquet or JSON) as the source of a job such as dedup."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from curate.corpus import schema
from curate.corpus.shards import ShardWriter
from curate.files import storage
from curate.files.fingerprints import digest_of
from curate.read import columns, files, tables
from curate.read.columns import Asked
from curate.read.rows import survivable
from curate.read.source import FileTask, ReadResult, Source

FIELDS = ("text", "id", "url", "date", "language", "language_score", "source")
CODE_FIELDS = ("text", "id", "language", "language_score", "source", "repo", "path")


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusTask(FileTask):
    """A file of a corpus, and what its columns are called where they have no usual name."""

    root: str
    """What was named as input: the folder, or the file itself."""
    kind: str
    text: str = ""
    ident: str = ""

    @property
    def asked(self) -> Asked:
        """The columns that were named."""
        return Asked(self.text, self.ident)


def corpus_source(paths: str | Sequence[str], name: str | None = None, text: str = "", ident: str = "") -> Source:
    """`tables_source`, of which a file that crashes its reader costs itself: its tasks are `rows.run_safe`, which calls `run` below in a
    child."""
    return survivable(tables_source(paths, name, text, ident))


def tables_source(paths: str | Sequence[str], name: str | None = None, text: str = "", ident: str = "") -> Source:
    """The source of folders of Parquet or JSON with a text column. Raises InputError when there is none.

    Ids of a corpus of ours are kept. Rows of others get ids that no two rows share, and keep their own in `record_id`.
    """
    named = [paths] if isinstance(paths, str) else list(paths)
    found = [files.find(path, Asked(text, ident)) for path in named]
    inputs = {file: (one.path, size) for one in found for file, size in zip(one.files, one.sizes, strict=True)}
    kind = next(filter(None, map(tables.corpus_kind, list(inputs)[:1])), "web")
    listed = [(file, size) for file, (_, size) in inputs.items()]
    asked = [text, ident] if text or ident else []
    digest = digest_of([kind, name, listed, *asked])
    tasks = [
        CorpusTask(name=f"{i:06d}", file=file, root=root, kind=kind, source=name, text=text, ident=ident)
        for i, (file, (root, _)) in enumerate(inputs.items())
    ]
    notes = [note for one in found for note in one.notes]
    firsts = {task.root: task for task in reversed(tasks)}
    notes += [told for root in dict.fromkeys(task.root for task in tasks) for told in _not_carried(firsts[root])]
    return Source(kind, run, tasks, listed, digest, notes=notes)


def _not_carried(task: CorpusTask) -> list[str]:
    """A sentence on the columns of a file, the first of its folder, that have no place in the corpus."""
    types, asked, inside = tables.column_types(task.file), task.asked, list[str]()
    flat = [
        name for name, kind in types.items() if not kind.startswith(("list", "struct", "map", "large_list", "dict<"))
    ]
    if tables.corpus_kind(task.file):
        used = {*schema.extracted(task.kind).names}
    else:
        used = {name for field in _fields(task) for name in columns.spelled(asked.names(field), flat)}
        used |= {*columns.spelled(columns.CONTAINERS, types)}
        inside = tables.contained(task.file)
        used |= {name for field in _fields(task) for name in columns.spelled(asked.names(field), inside)}
    rest = [name for name in (*types, *inside) if name not in used]
    told = columns.listed(rest, 10) + (" …" if len(rest) > 10 else "")
    return [f"{task.root}: columns that are not carried over: {told}"] if rest else []


def _fields(task: CorpusTask) -> tuple[str, ...]:
    names = schema.DOCUMENTS[task.kind].names
    return tuple(name for name in dict.fromkeys((*FIELDS, *CODE_FIELDS)) if name in names)


def run(task: CorpusTask) -> ReadResult:
    """Task: bring one file of a corpus to rows of `schema.extracted(kind)`. Rows without a text are skipped and counted."""
    started, skipped = time.monotonic(), Counter[str]()
    with ShardWriter(task.out, schema.extracted(task.kind), scratch=True, packed=task.packed, runs=["id"]) as writer:
        for batch in rows(task, skipped):
            writer.write(batch)
        count = writer.rows + sum(skipped.values())
        writer.facts = {
            "files": {task.file: {"records": count, "skipped": dict(skipped)}},
            "bytes": storage.file_size(task.file),
            "seconds": round(time.monotonic() - started, 3),
        }
    return ReadResult(count, writer.rows)


def rows(task: CorpusTask, skipped: Counter[str]) -> Iterator[pa.Table]:
    """The documents of one file as rows of `schema.extracted(kind)`; those that can't be read are failed ones."""
    table, fields = schema.extracted(task.kind), _fields(task)
    ours = tables.corpus_kind(task.file) is not None
    own = [field for field in table if field.name not in (*fields, "file", "offset")] if ours else []
    place = files.place(task.root, task.file)
    for batch in tables.read(task.file, fields, task.asked, own=own):
        if ours:  # a record of ours that failed has no text, and stays what it is
            known = pc.and_(pc.is_valid(batch["verdict"]), pc.equal(batch["_problem"], "no_text"))
            at = batch.schema.get_field_index("_problem")
            batch = batch.set_column(at, "_problem", pc.if_else(pc.fill_null(known, False), None, batch["_problem"]))
        empty = pc.fill_null(pc.is_in(batch["_problem"], pa.array(tables.EMPTY)), False)
        skipped.update(batch["_problem"].filter(empty).to_pylist())
        yield _completed(batch.filter(pc.invert(empty)), task, table, place, ours)


def _completed(batch: pa.RecordBatch, task: CorpusTask, table: pa.Schema, place: str, ours: bool) -> pa.Table:
    count = batch.num_rows
    found = {name: batch[name] for name in batch.schema.names if name in table.names}
    found["file"] = pa.array([task.file] * count, pa.string())
    found["offset"] = batch["_row"]
    found["source"] = pc.fill_null(batch["source"], task.source or "corpus")
    ids = (
        [None if id_ is None or not schema.is_id(id_) else id_ for id_ in batch["id"].to_pylist()]
        if ours
        else [None] * count
    )
    if None in ids:
        parts = zip(ids, *(batch[name].to_pylist() for name in ("_row", "id", "text")), strict=True)
        ids = [kept or schema.document_id(place, row, id_, text) for kept, row, id_, text in parts]
    found["id"] = pa.array(ids, pa.string())
    if not ours and "url" in table.names:
        found["record_id"] = batch["id"]
        found["host"] = pa.array([schema.host(url) for url in batch["url"].to_pylist()], pa.string())
    bad = batch["_problem"].is_valid()
    for name, value in (("verdict", "failed"), ("reason", batch["_problem"]), ("detail", batch["_detail"])):
        known = found.get(name, pa.nulls(count, pa.string()))
        found[name] = pc.if_else(bad, value, known)
    return pa.table({f.name: found.get(f.name, pa.nulls(count, f.type)).cast(f.type) for f in table}, schema=table)
