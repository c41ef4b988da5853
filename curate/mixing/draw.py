"""Draw the documents of the source files: a row for each time a document is drawn, with its place in the
shuffle.

The place is a number of its own (hash of seed, source, id and epoch): its upper bits name the shard, all of
it the order within the shard. So the shuffle is global, and neither files nor cores nor partitions have a
part in it.
"""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.console.heartbeats import Beat
from curate.corpus.checksums import Content
from curate.corpus.shards import ShardWriter, read_facts, read_written
from curate.engine.session import Session
from curate.errors import InputError
from curate.files import typed_json
from curate.mixing.counts import Amounts, FileCounts, read_amounts
from curate.mixing.hashing import DRAW, HELD_OUT, ORDER, U64, below, document_keys, held_out, numbers
from curate.mixing.plan import Draw, Plan
from curate.mixing.sources import Source, SourceFile, read
from curate.run.exchange import together
from curate.run.runner import run_tasks, stage

if TYPE_CHECKING:
    from curate.mixing.job import MixJob

DRAWN = pa.schema(
    [
        pa.field("shard", pa.int32(), nullable=False),
        pa.field("place", pa.int64(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("epoch", pa.int32(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("tokens", pa.int64(), nullable=False),
    ]
)
RUNS = ("shard", "place")
"""How rows are sorted in what `draw_file` writes, for the exchange."""
SIGN = np.uint64(1 << 63)
"""Turns the order of unsigned into that of signed numbers: engines have no unsigned ones."""
KEPT_BACK = pa.schema([field for field in DRAWN if field.name not in ("shard", "epoch")])


HELD_OUT_BYTES = 64 << 20
"""The held-out file of a source is cut to about so much text; all held-out documents stay out of the
mixture."""


@dataclass(frozen=True, slots=True)
class DrawnRows:
    """All rows that were drawn, brought together by shard."""

    files: list["Drawn"]
    """What became of each file of the sources."""
    written: dict[str, Content]
    """What the tasks wrote, by their files."""
    held_out: dict[str, list[str]]
    """Of each source the files of what is held out of it."""
    folder: str
    """Where the rows are."""
    parts: int
    """In how many files."""


def draw(s: Session, job: "MixJob", planned: Plan) -> DrawnRows:
    """Draw from every file of every source, and bring the rows of each shard together."""
    tasks = draw_tasks(job, planned)
    with stage(job, "draw", len(tasks)) as facts:
        facts["worked"] = run_tasks(s, job, draw_file, tasks)
        drawn = [typed_json.load(Drawn, read_facts(task.out)) for task in tasks]
        facts.update(records=sum(one.records for one in drawn), rows=sum(one.rows for one in drawn))
    written = {task.out: read_written(task.out).content for task in tasks}
    kept_back = {source.name: list[str]() for source in job.request.sources}
    for task in tasks:
        kept_back[task.file.source].append(task.held_out_file)
    with stage(job, "exchange", 1) as facts:
        facts["bytes"] = planned.drawn.bytes
        shards = planned.number_of_shards(job.request.shards)
        return DrawnRows(drawn, written, kept_back, *together(s, written, job.scratch("merged"), shards, RUNS))


def draw_tasks(job: "MixJob", planned: Plan) -> list["DrawTask"]:
    """A task for each file of each source, in their order."""
    return [
        draw_task(job, planned, source, one, file, place)
        for source, one in zip(job.request.sources, planned.draws, strict=True)
        for place, file in enumerate(one.stock.files)
    ]


def draw_task(job: "MixJob", planned: Plan, source: Source, drawn: Draw, file: FileCounts, place: int) -> "DrawTask":
    size = drawn.stock.held_out.bytes
    shown = min(1.0, HELD_OUT_BYTES / size) if size else 1.0
    return DrawTask(
        file=source.only(file.file),
        counts=file.path,
        contamination=file.contamination,
        seed=planned.seed,
        whole=drawn.whole,
        threshold=drawn.threshold,
        extra=drawn.extra,
        held_out=job.request.held_out,
        held_out_shown=job.request.held_out * shown,
        shards=planned.number_of_shards(job.request.shards),
        out=job.scratch("drawn", f"{source.name}-{place:06d}.parquet"),
        held_out_file=job.scratch("kept-back", f"{source.name}-{place:06d}.parquet"),
        beats=job.beats,
    )


@dataclass(frozen=True, slots=True)
class DrawTask:
    """A file of a source, what was counted in it, and how often its documents are drawn (see `curate.mixing.plan.Draw`)."""

    file: SourceFile
    counts: str
    contamination: str
    seed: int
    whole: int
    threshold: int
    extra: tuple[int, ...]
    held_out: float
    """Share of the ids that is held out."""
    held_out_shown: float
    """Share of the ids that goes into the held-out file."""
    shards: int
    out: str
    held_out_file: str
    beats: str | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """What became of the records of one file: documents, and rows that were written."""

    source: str
    file: str
    records: int
    skipped: dict[str, int]
    held_out: int
    contaminated: int
    drawn: int
    rows: int


def draw_file(task: DrawTask) -> Drawn:
    """Task: write the drawn rows (`out`) and the held-out rows (`held_out_file`) of one file.

    What it gives stands in the written file, too. Raises InputError when the file changed since it was counted.
    """
    counted, beat = read_amounts(task.counts, task.contamination), Beat(task.out, task.beats)
    skipped: Counter[str] = Counter()
    facts: Counter[str] = Counter()
    with (
        ShardWriter(task.out, DRAWN, scratch=True, runs=RUNS) as out,
        ShardWriter(task.held_out_file, KEPT_BACK) as kept,
    ):
        start = 0
        for batch in read(task.file, skipped):
            part = counted.slice(start, start + batch.num_rows)
            start += batch.num_rows
            _same_documents(batch, part, task)
            _draw_batch(batch, part, task, out, kept, facts)
            beat(documents=start)
        if start != len(counted.key):
            raise InputError(_changed(task))
        drawn = Drawn(
            task.file.source,
            task.file.path,
            start + sum(skipped.values()),
            {kind: number for kind, number in sorted(skipped.items()) if number},
            *(facts[name] for name in ("held_out", "contaminated", "drawn", "rows")),
        )
        out.facts = asdict(drawn)
    beat.end()
    return drawn


def _same_documents(batch: pa.RecordBatch, part: Amounts, task: DrawTask) -> None:
    keys = document_keys(batch.column("id").to_pylist())
    if len(keys) != len(part.key) or bool((keys != part.key).any()):
        raise InputError(_changed(task))


def _changed(task: DrawTask) -> str:
    return f"{task.file.path} changed after it was counted; start again"


def _draw_batch(
    batch: pa.RecordBatch,
    part: Amounts,
    task: DrawTask,
    out: ShardWriter,
    kept: ShardWriter,
    facts: Counter[str],
) -> None:
    back = held_out(part.key, task.held_out)
    free = ~back & ~part.contaminated
    times = _times(part.key, task, free) * part.times
    facts["held_out"] += int(back.sum())
    facts["contaminated"] += int((~back & part.contaminated).sum())
    facts["drawn"] += int((times > 0).sum())
    facts["rows"] += int(times.sum())
    for epoch in range(int(times.max(initial=0))):
        chosen = np.flatnonzero(times > epoch)
        places = numbers(part.key[chosen], ORDER, task.seed, task.file.source, epoch)
        out.write(_rows(batch, part, chosen, task, places, epoch))
    shown = np.flatnonzero(back & held_out(part.key, task.held_out_shown))
    places = numbers(part.key[shown], HELD_OUT, 0, "", 0)
    kept.write(_rows(batch, part, shown, task, places, 0))


def _times(keys: U64, task: DrawTask, free: NDArray[np.bool_]) -> NDArray[np.int64]:
    """In how many epochs each document is drawn: floor or ceil of those that were asked for."""
    values = numbers(keys, DRAW, task.seed, task.file.source, task.whole)
    partly = below(values, task.threshold)
    for extra in task.extra:
        partly |= values == np.uint64(extra)
    return np.where(free, task.whole + partly.astype(np.int64), 0)


def _rows(
    batch: pa.RecordBatch, part: Amounts, chosen: NDArray[np.int64], task: DrawTask, places: U64, epoch: int
) -> pa.Table:
    count = len(chosen)
    taken = batch.take(pa.array(chosen))
    shards = (places >> np.uint64(32)) * np.uint64(task.shards) >> np.uint64(32)
    columns = [
        pa.array(shards.astype(np.int32)),
        pa.array((places ^ SIGN).view(np.int64)),
        pa.array([task.file.source] * count, pa.string()),
        pa.array(np.full(count, epoch, np.int32)),
        taken.column("id").cast(pa.string()),
        taken.column("text").cast(pa.string()),
        pa.array(part.tokens[chosen]),
    ]
    return pa.table(columns, schema=DRAWN)
