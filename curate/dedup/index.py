"""Comparing with what was there before: another corpus (`against`), or all that earlier runs kept (`index`).

Both are tables like the keys of this run, whose ranks are negative: (rank - 2^63) of what they were. So every document
of before wins over every new one, and never loses anything.

An index is a folder: `parameters.json`, `runs.json` (which runs it knows, and how many rows each has), and a folder of
Parquet files for each run. It changes when a corpus appears, and not before: a run lays its folder there and a note
`pending-….json` that says which corpus it is of; whoever uses the index next, the run itself if nothing stopped it, puts
those into `runs.json` whose corpora have appeared. What was killed before that is in no list.

A run is its documents and the place that they came from. When it is repeated it leaves its own entry out, so that it does
not find itself, and takes its place. The same documents from another place are copies.
"""

import hashlib
import json
import os
import re
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypedDict, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.corpus import schema
from curate.corpus.shards import FACTS, opened, read_facts
from curate.dedup.base import CorpusStep, documents_of, with_signals
from curate.dedup.tables import count
from curate.engine.tasks import function, missing, reference
from curate.errors import InputError, OutputError, UsageError
from curate.files import storage
from curate.files.output import BUILT, IDENTITY, believed, dump_json, read_json, work_folder
from curate.read import corpora, tables
from curate.read.corpora import CorpusTask, tables_source
from curate.read.source import Source

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from pyspark.sql import DataFrame

    from curate.engine.session import Session

FORMAT = 6
"""Raised when the layout or the keys of any step change: what was made by other code can't be compared."""
UNREAD = {"damaged", "no_column"}
"""Reasons of `curate.read` that stand for all rows which can't be reached."""
LOOKED_INTO = 8
"""Files of a corpus to compare with that are looked into before a job begins."""
_UNREADABLE = "it can't be read to its end"
ODD = np.uint64(0x9E3779B97F4A7C15)
PARAMETERS, RUNS, PENDING = "parameters.json", "runs.json", "pending-"
ENTRY = re.compile(r"[0-9a-f]{16}-[0-9a-f]{8}")
"""Names of the folders of runs."""


def parameters(step: CorpusStep) -> dict[str, object]:
    """What the keys of a step depend on: keys made with other parameters can't be compared. Raises UsageError for a step that
    does not say."""
    if not hasattr(step, "key_parameters"):
        raise UsageError(f"{type(step).__name__} can have no index: it has no `key_parameters` (see CONTRIBUTING.md)")
    return {"step": type(step).__name__, "format": FORMAT, **step.key_parameters()}


def check(steps: Iterable[CorpusStep]) -> list[str]:
    """The folders of the indexes that steps name. Raises UsageError when one can't be used: made by another step, with
    other parameters or by another version, or named twice in one recipe."""
    folders: list[str] = []
    for step in steps:
        if folder := getattr(step, "index", ""):
            if folder in folders:
                raise UsageError(f"two steps name the index {folder}: each needs one of its own")
            _check_parameters(step)
            folders.append(folder)
    return folders


def _check_parameters(step: CorpusStep) -> None:
    stored, wanted = read_json(storage.join(step.index, PARAMETERS)), parameters(step)
    if not stored:
        if storage.exists(storage.join(step.index, RUNS)):
            raise UsageError(f"{step.index} has no {PARAMETERS}: take another --index")
        return
    if stored.get("format") != FORMAT:
        raise UsageError(f"{step.index} was made by another version of curate: take another --index")
    if stored != wanted:
        names = sorted(name for name in {*stored, *wanted} if stored.get(name) != wanted.get(name))
        told = ", ".join(f"{name} {stored.get(name)} instead of {wanted.get(name)}" for name in names)
        raise UsageError(f"{step.index} was made with {told}: take another --index, or those parameters")


# ---- what to compare with ----


class Run(TypedDict):
    """A run in the list of an index."""

    folder: str
    rows: int


class Found(TypedDict):
    """What a run compares with."""

    run: str
    """Its name."""
    entry: str
    """The name of the folder it will have."""
    runs: dict[str, Run]
    """The others."""


class Note(Found):
    """What is laid into an index of a run whose corpus has not appeared yet."""

    output: str
    identity: str
    rows: int
    parameters: dict[str, object]


def consult(step: CorpusStep, keys: str, place: str = "") -> Found:
    """What this run, whose keys are in the folder `keys`, compares with. Asked once; written beside the keys, so that it
    stays the same.

    `place` says where the documents came from. Raises InputError when the index is not what it says it is.
    """
    with believed(step.index):
        return _consulted(step, keys, place)


def _consulted(step: CorpusStep, keys: str, place: str) -> Found:
    note = f"{keys}.index.json"
    if written := read_json(note):
        return Found(run=written["run"], entry=written["entry"], runs=written["runs"])
    _check_parameters(step)
    settle(step.index)
    run = run_name(keys, place)
    runs = _others(step.index, run)
    for entry in runs.values():
        if count(_entry(step.index, entry["folder"])) != entry["rows"]:
            raise InputError(f"{step.index}/{entry['folder']} does not hold the {entry['rows']} rows that it should")
    found = Found(run=run, entry=f"{run}-{uuid.uuid4().hex[:8]}", runs=runs)
    storage.write_text(note, dump_json(found))
    return found


def earlier(s: "Session", step: CorpusStep, keys: str, work: str) -> list[str]:
    """Folders of keys with negative ranks to compare with, made if need be (in `work`)."""
    folders = []
    if step.against:
        folders.append(keys_of_corpus(s, step, step.against, work))
    if step.index:
        folders += [storage.join(step.index, entry["folder"]) for entry in consult(step, keys)["runs"].values()]
    return [folder for folder in folders if count(folder)]


def run_name(keys: str, place: str = "") -> str:
    """A digest of the documents in the folder `keys`, whatever their order and files, and of the place they came from."""
    total, rows = 0, 0
    for path in storage.list_files(keys, ".parquet"):
        with opened(path) as file:
            for batch in file.iter_batches(columns=["doc"]):
                docs = batch.column(0).to_numpy().view(np.uint64)
                total = (total + int(np.add.reduce((docs ^ docs >> np.uint64(29)) * ODD))) % 2**64
                rows += len(docs)
    return hashlib.blake2b(f"{rows} {total} {place}".encode(), digest_size=8).hexdigest()


def place_of(paths: Iterable[str]) -> str:
    """A digest of where inputs are, however a local path is written."""
    real = sorted(os.path.realpath(path) if storage.is_local(path) else path for path in paths)
    return hashlib.blake2b("\0".join(real).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


# ---- what to remember ----


def kept(keys: str) -> str:
    """The folder where a run notes what it keeps, until its corpus appears."""
    return f"{keys}.kept"


def remember(s: "Session", step: CorpusStep, keys: str, lost: "DataFrame | None", on: list[str]) -> None:
    """Note what this run keeps: its keys without the rows whose `on` stands in the frame `lost` (or None)."""
    if not step.index:
        return
    from pyspark.sql import functions as F

    rows = s.read(keys)
    if lost is not None:
        rows = rows.join(lost.select(*on).distinct(), on, "left_anti")
    s.write(rows.withColumn("rank", F.col("rank") - F.lit(2**62) - F.lit(2**62)), kept(keys))


def check_unchanged(step: CorpusStep, keys: str, output: str) -> None:
    """Raise OutputError when the index has got other runs since this one compared with it (it was killed in between)."""
    found = read_json(f"{keys}.index.json") or _pending(step.index, output)
    if found and _others(step.index, found["run"]) != found["runs"]:
        raise OutputError(
            f"{step.index} has got documents of other runs since {output} was compared with it: "
            f"delete {work_folder(output)} and start again"
        )


def _others(index: str, run: str) -> dict[str, Run]:
    return {name: entry for name, entry in _runs(index).items() if name != run}


def _pending(index: str, output: str) -> Note | None:
    """The note that a run which builds `output` laid into the index; None when there is none."""
    notes = (_note(path) for path in _notes(index))
    return next((note for note in notes if note["output"] == _full(output)), None)


def _entry(index: str, name: object) -> str:
    """The folder of a run. Raises InputError for a name that this program does not give: it could lead anywhere."""
    if not isinstance(name, str) or not ENTRY.fullmatch(name):
        raise InputError(f"{index} names {name!r}, which is no folder of an index: somebody changed it, take another")
    return storage.join(index, name)


def _notes(index: str) -> list[str]:
    return [path for path in storage.list_files(index, ".json") if path.rsplit("/", 1)[1].startswith(PENDING)]


def _full(output: str) -> str:
    return os.path.abspath(output) if storage.is_local(output) else output.rstrip("/")


def lay(step: CorpusStep, keys: str, output: str, identity: str) -> None:
    """Lay what was noted of this run into the index, and a note which corpus it is of. No list has it yet.

    `identity` is the text of the corpus's `job.json`. Where the run was killed behind this, it is done already.
    """
    found = read_json(f"{keys}.index.json")
    if not found:
        return
    folder = storage.join(step.index, found["entry"])
    storage.copy_folder(kept(keys), folder)
    note = {
        **found,
        "output": _full(output),
        "identity": _digest(identity),
        "rows": count(folder),
        "parameters": parameters(step),
    }
    storage.write_text(storage.join(step.index, f"{PENDING}{found['entry']}.json"), dump_json(note))


def settle(index: str) -> None:
    """Put the runs whose corpora have appeared into the list; drop what is left of others for good.

    The caller holds the lock of the index, so what is half written in it is a killed run's, and so is a folder of which
    neither the list nor a note speaks: who laid it there and goes on lays it again, and who replaced it has gone on.
    """
    with believed(index):
        _settle(index)


def _settle(index: str) -> None:
    storage.remove_garbage(index)
    for path in _notes(index):
        note = _note(path)
        if _appeared(note):
            _add(index, note)
        elif storage.exists(work_folder(note["output"])):
            continue  # it may be resumed
        else:
            storage.remove(_entry(index, note["entry"]))
        storage.remove(path)
    known = {entry["folder"] for entry in _runs(index).values()} | {read_json(path)["entry"] for path in _notes(index)}
    for name in {name.partition("/")[0] for name in storage.names_below(index)} - known:
        if ENTRY.fullmatch(name):
            storage.remove(storage.join(index, name))


def _appeared(note: Note) -> bool:
    job, ledger = (storage.join(note["output"], name) for name in (IDENTITY, BUILT))
    if not storage.exists(job) or not storage.exists(ledger):
        return False
    return _digest(storage.read_bytes(job).decode()) == str(note["identity"])


def _note(path: str) -> Note:
    return cast(Note, read_json(path))


def _add(index: str, note: Note) -> None:
    runs = _runs(index)
    before = runs.get(note["run"])
    runs[note["run"]] = Run(folder=note["entry"], rows=note["rows"])
    storage.write_text(storage.join(index, PARAMETERS), dump_json(note["parameters"]))
    storage.write_text(storage.join(index, RUNS), dump_json(runs))
    if before and before["folder"] != note["entry"]:
        storage.remove(_entry(index, before["folder"]))


def _runs(index: str) -> dict[str, Run]:
    return read_json(storage.join(index, RUNS))


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


# ---- another corpus ----


def check_against(corpus: str) -> None:
    """Raise InputError where a corpus to compare with, or one of its first files, can't be read, or begins with no document: before a
    job has begun."""
    source = _listed(corpus)
    kinds = [task for task in source.tasks if isinstance(task, CorpusTask)]
    found = False
    for task in kinds[:LOOKED_INTO]:
        first = next(iter(corpora.rows(task, Counter[str]())), None)
        reasons = first["reason"].to_pylist() if first is not None else []
        if not UNREAD.isdisjoint(reasons):
            raise InputError(f"--against {task.file}: {_UNREADABLE}")
        found |= None in reasons or tables.corpus_kind(task.file) is not None  # ours may be empty
    if not found and len(kinds) <= LOOKED_INTO:
        raise InputError(f"--against {corpus}: there is no document in it to compare with")


def _listed(corpus: str) -> Source:
    try:
        return tables_source(corpus)
    except (InputError, OSError, pa.ArrowException) as error:
        raise InputError(f"--against {corpus}: {error}") from error


def keys_of_corpus(s: "Session", step: CorpusStep, corpus: str, out: str) -> str:
    """Write the keys of a corpus (of curate, or anybody's Parquet or JSON lines with a text) with negative ranks to the
    folder `out`. Raises InputError when there is none."""
    from curate.console.terminal import notes

    source = _listed(corpus)
    notes(source.notes)
    own = {**asdict(cast("DataclassInstance", step)), "against": "", "index": ""}
    tasks = [
        KeysTask(storage.join(out, f"{number:05d}.parquet"), task, reference(type(step)), own)
        for number, task in enumerate(source.tasks)
        if isinstance(task, CorpusTask)
    ]
    for _ in s.run(write_keys, missing(tasks)):
        pass
    documents = sum(read_facts(task.out)["documents"] for task in tasks)
    if not documents and not any(tables.corpus_kind(task.corpus.file) for task in tasks):  # ours may be empty
        raise InputError(f"--against {corpus}: there is no document in it to compare with")
    return out


@dataclass(frozen=True, slots=True)
class KeysTask:
    """A file of a corpus, and the step whose keys of it are wanted."""

    out: str
    corpus: CorpusTask
    step: str
    """`package.module:Class`."""
    parameters: dict[str, object]


def write_keys(task: KeysTask) -> int:
    """Task: write the keys of the documents of one file, with negative ranks, to `out`; gives the number of the documents,
    which may be too short for a key, and stores it.

    Raises InputError for a file that can't be read to its end: what is not compared with would be taken for new.
    """
    kind: Any = function(task.step)
    step, documents = kind(**task.parameters), schema.DOCUMENTS[task.corpus.kind]
    empty = step.keys(pa.RecordBatch.from_pylist([], documents_of(step, documents)))
    at, read = empty.schema.get_field_index("rank"), 0
    with (
        storage.atomic(task.out) as temporary,
        pq.ParquetWriter(temporary, empty.schema, compression="zstd", write_statistics=False) as writer,
    ):
        for table in corpora.rows(task.corpus, Counter[str]()):
            if not UNREAD.isdisjoint(table["reason"].to_pylist()):
                raise InputError(f"--against {task.corpus.file}: {_UNREADABLE}")
            for batch in table.select(documents.names).combine_chunks().to_batches():
                batch = batch.filter(batch["text"].is_valid())
                keys = step.keys(with_signals(step, batch, documents))
                old = pa.array(keys["rank"].to_numpy() + np.int64(-(2**63)))
                writer.write_table(keys.set_column(at, empty.schema.field(at), old).cast(empty.schema))
                read += len(batch)
        writer.add_key_value_metadata({FACTS: json.dumps({"documents": read}).encode()})
    return read
