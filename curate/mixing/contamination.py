"""What the documents of sources hold of evaluation tasks: looked up once per source file and kept, then judged over all of them.

The rule and its evidence are those of `curate decontaminate`. A question without its answer is common text where more than so many
documents of all sources hold it, so a file's evidence alone does not say which of its documents stay out: `judge` does. A file
of hits stands row by row beside the counts of the same source file (see `counts`).
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curate.corpus.shards import ShardWriter, read_facts
from curate.engine.session import Session
from curate.engine.tasks import Run, missing
from curate.files import storage
from curate.mixing import counts
from curate.mixing.decontam_items import label
from curate.mixing.plan import Plan
from curate.mixing.sources import Source, SourceFile, read
from curate.run.runner import run_tasks, stage

if TYPE_CHECKING:
    from curate.mixing.decontam_match import Tasks
    from curate.mixing.job import MixJob, Request

EVIDENCE = pa.schema(
    [
        pa.field("row", pa.int64()),  # of the column that was looked at
        pa.field("item", pa.int32()),
        pa.field("label", pa.string()),  # task#line
        pa.field("part", pa.string()),  # both, question or passage
        pa.field("pos", pa.int32()),  # first word in the document, as MinHash counts words
        pa.field("value", pa.float64()),  # how many words
        pa.field("note", pa.string()),  # JSON, without the number of documents and the closing brace
    ]
)
COMMON = 10
"""A question without its answer in more documents than this is common text."""
SHOWN_WORDS = 60
CONTAMINATED = "contaminated"
"""Folder of what documents hold of evaluation tasks."""
HITS = pa.schema([pa.field("hits", pa.int32(), nullable=False)])
LOOKED = pa.schema([*EVIDENCE, pa.field("id", pa.string())])
PUBLISHED = pa.schema(
    [pa.field("source", pa.string()), *(LOOKED.field(n) for n in ("id", "label", "part", "pos", "value", "note"))]
)
SPREAD = pa.schema([pa.field(name, pa.int64()) for name in ("alone", "passages", "documents")])
"""By item: documents that hold its question without the answer, those that hold its passage, and those with its question."""
I64 = NDArray[np.int64]
BATCH = 1 << 16


@dataclass(frozen=True, slots=True)
class LookTask:
    """A file of a source, the evaluation tasks to look for, and the file for the evidence."""

    file: SourceFile
    tasks: tuple[str, ...]
    out: str


@dataclass(frozen=True, slots=True)
class JudgeTask:
    """The evidence of one file, in how many documents items stand (a file of SPREAD), the number of its documents, and the file for the hits."""

    evidence: str
    spread: str
    common: int
    documents: int
    out: str


@dataclass(frozen=True, slots=True)
class EvidenceTask:
    """The evidence of all files of a source, in how many documents items stand, and the file that it becomes."""

    source: str
    evidence: tuple[str, ...]
    spread: str
    common: int
    out: str


def looked(
    request: "Request", known: "Tasks", folder: str, run: Run, found: Mapping[tuple[str, str], counts.FileCounts]
) -> dict[tuple[str, str], counts.FileCounts]:
    """The counts with what documents hold of the tasks; evidence and hits that are kept are not made again."""
    tasks = [task for source in request.sources for task in looks(source, folder, request.tasks, known.digest)]
    for _ in run(look, missing(tasks)):
        pass
    spread = write_spread([task.out for task in tasks], len(known.items), folder)
    judged = dict[tuple[str, str], counts.FileCounts]()
    judges = []
    for task in tasks:
        key = task.file.source, task.file.path
        judging = judge_task(task.out, found[key].totals.documents, spread, request.common, folder)
        hits = "" if request.report_only else judging.out
        judged[key] = replace(found[key], contamination=hits, evidence=task.out, spread=spread)
        judges.append(judging)
    for _ in run(judge, [] if request.report_only else missing(judges)):
        pass
    return judged


def looks(source: Source, folder: str, tasks: Sequence[str], digest: str) -> list[LookTask]:
    """One task per file of a source; `digest` is that of `tasks`."""
    names = (counts.fingerprint(source, file, f"evidence-{digest}") for file in source.files)
    return [
        LookTask(source.only(file), tuple(tasks), storage.join(folder, f"{name}.parquet"))
        for file, name in zip(source.files, names, strict=True)
    ]


def look(task: LookTask) -> int:
    """Task: write the evidence of one file; gives its number of rows."""
    from curate.mixing.decontam_match import known_items  # its compiler takes longer to import than many commands do

    known, first = known_items(task.tasks), 0
    with ShardWriter(task.out, LOOKED) as out:
        for batch in read(task.file, Counter()):
            found = evidence(known, batch.column("text"))
            ids = batch.column("id").take(found["row"]).cast(pa.string())
            rows = pa.array(found["row"].to_numpy() + first, pa.int64())
            out.write(pa.table([rows, *found.columns[1:], ids], schema=LOOKED))
            first += batch.num_rows
    return out.rows


def write_spread(looked: Iterable[str], items: int, folder: str) -> str:
    """Count in how many documents each of `items` items stands; gives the file of SPREAD, named by what is in it."""
    alone, passages, documents = np.zeros((3, items), np.int64)
    for path in looked:
        for batch in _batches(path, ["item", "part"]):
            item, part = batch["item"].to_numpy(), _parts(batch)
            documents += np.bincount(item[part != "passage"], minlength=items)
            alone += np.bincount(item[part == "question"], minlength=items)
            passages += np.bincount(item[part == "passage"], minlength=items)
    name = hashlib.sha256(alone.tobytes() + passages.tobytes() + documents.tobytes()).hexdigest()[:32]
    path = storage.join(folder, f"spread-{name}.parquet")
    if not storage.exists(path):
        with storage.atomic(path) as temporary:
            pq.write_table(pa.table([alone, passages, documents], schema=SPREAD), temporary)
    return path


def judge_task(looked: str, documents: int, spread: str, common: int, folder: str) -> JudgeTask:
    """The task that judges the evidence of a file with so many documents."""
    key = json.dumps([name.rsplit("/", 1)[-1] for name in (looked, spread)] + [common]).encode()
    name = f"hits-{hashlib.sha256(key).hexdigest()[:32]}.parquet"
    return JudgeTask(looked, spread, common, documents, storage.join(folder, name))


def judge(task: JudgeTask) -> int:
    """Task: write how many items that count each document of one file holds; gives how many hold one."""
    hits, alone = np.zeros(task.documents, np.int32), _spread(task.spread)[0]
    for batch in _batches(task.evidence, ["row", "item", "part"]):
        bad = guilty(_parts(batch), alone[batch["item"].to_numpy()], task.common)
        np.add.at(hits, batch["row"].to_numpy()[bad], 1)
    with storage.atomic(task.out) as temporary:
        table = pa.table([pa.array(hits)], schema=HITS)
        pq.write_table(table, temporary, row_group_size=counts.ROW_GROUP, compression="zstd")
    return int((hits > 0).sum())


@dataclass(frozen=True, slots=True)
class Evidence:
    """How many documents of a source hold an item of a task that counts."""

    documents: int


def write_evidence(task: EvidenceTask) -> Evidence:
    """Task: write what was found in a source and counts (PUBLISHED), in the order of its files. What it gives
    stands in the written file, too."""
    alone, _, documents = _spread(task.spread)
    held = 0
    with ShardWriter(task.out, PUBLISHED) as out:
        for path in task.evidence:
            rows = [np.zeros(0, np.int64)]
            for batch in _batches(path, LOOKED.names):
                item = batch["item"].to_numpy()
                bad = np.flatnonzero(guilty(_parts(batch), alone[item], task.common))
                kept = batch.take(pa.array(bad))
                number = documents[item[bad]].tolist()
                notes = [
                    f'{note}, "documents": {n}}}' for note, n in zip(kept["note"].to_pylist(), number, strict=True)
                ]
                source = pa.array([task.source] * len(bad), pa.string())
                columns = [source, *(kept[name] for name in PUBLISHED.names[1:-1]), pa.array(notes, pa.string())]
                out.write(pa.table(columns, schema=PUBLISHED))
                rows.append(kept["row"].to_numpy())
            held += len(np.unique(np.concatenate(rows)))
        out.facts = {"documents": held}
    return Evidence(held)


def common_items(spread: str, common: int) -> dict[int, int]:
    """By number of the item, in how many documents those stand that are common text, and passages; most first."""
    alone, passages, _ = _spread(spread)
    left = np.where(alone > common, alone, 0) + passages
    order = np.argsort(-left, kind="stable")
    return {int(item): int(left[item]) for item in order[: int((left > 0).sum())]}


def _spread(path: str) -> list[I64]:
    table = pa.Table.from_batches(_batches(path, SPREAD.names), SPREAD)
    return [column.to_numpy() for column in table.columns]


def _parts(batch: pa.RecordBatch) -> NDArray[np.object_]:
    found: NDArray[np.object_] = batch["part"].to_numpy(zero_copy_only=False)
    return found


def _batches(path: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    fs, inner = storage.filesystem(path)
    with fs.open_input_file(inner) as stream:
        yield from pq.ParquetFile(stream).iter_batches(BATCH, columns=list(columns))


def keep_evidence(s: Session, job: "MixJob", planned: Plan) -> dict[str, int]:
    """By source, how many documents hold items of evaluation tasks; what they hold is written. Empty where nobody looked."""
    tasks = {}
    for draw in planned.draws:
        looked = [file for file in draw.stock.files if file.evidence]
        if looked:
            names, spread = tuple(file.evidence for file in looked), looked[0].spread
            out = job.path(CONTAMINATED, f"{draw.source}.parquet")
            tasks[draw.source] = EvidenceTask(draw.source, names, spread, job.request.common, out)
    if tasks:
        with stage(job, "evidence", len(tasks)) as facts:
            facts["worked"] = run_tasks(s, job, write_evidence, list(tasks.values()))
    return {name: int(read_facts(task.out)["documents"]) for name, task in tasks.items()}


def evidence(known: "Tasks", column: Any) -> pa.Table:
    """EVIDENCE: a row for each item that a text of a string column holds, in the order of the texts."""
    from curate.dedup import kernel  # importing its compiler takes longer than many commands do

    rows, row, words = [], -1, list[str]()
    for found in known.find(column):
        if found.row != row:
            row, words = found.row, kernel.words(column[found.row].as_py() or "")
        item = known.items[found.item]
        facts = {
            "task": item.task,
            "item": item.number,
            "part": found.part,
            "held": round(found.held, 4),
            "run": found.run,
            "words": " ".join(words[found.first : found.end][:SHOWN_WORDS]),
        }
        told = json.dumps(facts, ensure_ascii=False)[:-1]
        size = float(found.end - found.first)
        rows.append((row, found.item, label(item), found.part, found.first, size, told))
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(EVIDENCE)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, EVIDENCE, strict=True)], schema=EVIDENCE)


def guilty(part: Any, alone: Any, common: int) -> Any:
    """Which rows of evidence make a document contaminated: question and answer, or a question that is no common text.

    `part` and `alone` (documents that hold the item without its answer) are columns of an engine or arrays of numpy.
    """
    return (part == "both") | ((part == "question") & (alone <= common))
