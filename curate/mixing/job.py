"""The stages of a job that makes a mixture: count, plan, draw, exchange, finish, held-out, evidence, tokens. See ARCHITECTURE.md."""

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, TypeVar

from curate.corpus import checksums
from curate.corpus.shards import part_name, read_facts, read_written
from curate.engine.session import Session
from curate.errors import AlarmError, InputError, UsageError
from curate.files import storage, typed_json
from curate.files.output import IDENTITY, read_json
from curate.mixing import contamination, counts, finish, request
from curate.mixing import ledger as ledgers
from curate.mixing.contamination import EvidenceTask
from curate.mixing.decontam_files import files
from curate.mixing.draw import RUNS, Drawn, DrawTask, draw_file
from curate.mixing.finish import HeldOutTask, PackHeldOutTask, ShardTask
from curate.mixing.plan import Draw, Plan
from curate.mixing.request import Request
from curate.mixing.sources import Source
from curate.run.exchange import check_moved, together
from curate.run.ledger import Ledger, framed
from curate.run.runner import Job, Watcher, run_tasks, stage
from curate.tokens import formats, pack
from curate.tokens import tokenizer as tokenizers

HELD_OUT_BYTES = 64 << 20
"""The held-out file of a source is cut to about so much text; all held-out documents stay out of the
mixture."""
T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True)
class MixJob(Job):
    """Sources, drawn from with stated weights, to a mixture."""

    request: Request
    output: str
    command: str = ""
    watcher: Watcher | None = None
    finishers: Sequence[Callable[["MixJob", Ledger], None]] = ()
    name: str = "mix"
    planned: Plan | None = None
    """Known when the sources are counted."""

    inputs: Sequence[str] = field(init=False)
    uses: Sequence[str] = field(init=False)
    settings: Mapping[str, object] = field(init=False)
    uses_named: ClassVar[str] = "files_of_tasks"

    def __post_init__(self) -> None:
        """Files of all sources, evaluation tasks that are kept out, what was asked for. Raises UsageError where packed tokens could not
        be written."""
        order = self.request
        self.inputs = [file for source in order.sources for file in source.files]
        self.uses = [path for path in files(order.tasks) if os.path.exists(path)]
        self.settings = {
            "mixture": asdict(order.mixture),
            "amount": [order.unit, order.budget, order.max_epochs],
            "seed": order.seed,
            "held_out": order.held_out,
            "decontamination": [list(order.tasks), order.common, order.report_only],
            "shards": order.shards,
            "tokenize": [order.format, order.sequence_length] if order.tokenize else False,
            "tokenizer": order.tokenizer.digest if order.tokenizer else None,
            "columns": {source.name: [source.text_column, source.id_column] for source in order.sources},
            "repeats": {source.name: asdict(source.repeats) for source in order.sources if source.repeats},
            "files": {source.name: list(source.files) for source in order.sources},
        }
        if order.tokenize and order.tokenizer:
            pack.check_folder(self.path("tokens"))
            formats.check(order.format, order.sequence_length, order.tokenizer.vocabulary)

    def build(self, s: Session) -> Ledger:
        """All stages. Raises AlarmError for too many repeats, BalanceError when what was written is not what was planned,
        and what `plan.make` raises."""
        try:
            planned = self.planned = _plan(s, self)
        except (InputError, UsageError, AlarmError):
            if not storage.exists(self.scratch("drawn")):  # nothing to go on from: counts are kept elsewhere
                storage.remove(self.work)
            raise
        draws = _draw(s, self, planned)
        shards = _shards(s, self, planned, draws)
        held_out = _held_out(s, self, planned)
        evidence = _evidence(s, self, planned)
        packed = _packed(s, self, planned, shards)
        drawn = [typed_json.load(Drawn, read_facts(task.out)) for task in draws]
        finished = [finish.finished_of(task) for task in shards]
        own = ledgers.of_mixture(self.request, planned, drawn, finished, held_out, evidence)
        if packed:
            own["packed"] = packed
        own["files_of_tasks"] = read_json(self.path(IDENTITY))["files_of_tasks"]
        ledger = framed(self, {**own, "data": ledgers.manifest(self.work)})
        ledgers.check(ledger)
        return ledger


def check(order: Request, planned: Plan) -> None:
    """Raise AlarmError when a source would be repeated more often than allowed."""
    if found := planned.too_often(order.max_epochs):
        raise AlarmError("; ".join(found))


# ---- stages ----


def _plan(s: Session, job: MixJob) -> Plan:
    def run(function: Callable[[T], R], tasks: Sequence[T]) -> Iterable[R]:
        for done, result in enumerate(s.run(function, tasks), 1):
            if job.watcher:
                totals = result.totals if isinstance(result, counts.FileCounts) else counts.Totals()
                job.watcher.update(done=done, records=totals.documents, bytes=totals.bytes)
            yield result

    with stage(job, "count", sum(len(source.files) for source in job.request.sources)):
        planned = request.answer(job.request, request.measure(job.request, run, job.beats))
    check(job.request, planned)
    return planned


def _draw(s: Session, job: MixJob, planned: Plan) -> list[DrawTask]:
    tasks = draw_tasks(job, planned)
    with stage(job, "draw", len(tasks)) as facts:
        facts["worked"] = run_tasks(s, job, draw_file, tasks)
        drawn = [read_facts(task.out) for task in tasks]
        facts.update(records=sum(one["records"] for one in drawn), rows=sum(one["rows"] for one in drawn))
    return tasks


def draw_tasks(job: MixJob, planned: Plan) -> list[DrawTask]:
    """A task for each file of each source, in their order."""
    return [
        _draw_task(job, planned, source, draw, file, place)
        for source, draw in zip(job.request.sources, planned.draws, strict=True)
        for place, file in enumerate(draw.stock.files)
    ]


def _draw_task(job: MixJob, planned: Plan, source: Source, draw: Draw, file: counts.FileCounts, place: int) -> DrawTask:
    size = draw.stock.held_out.bytes
    shown = min(1.0, HELD_OUT_BYTES / size) if size else 1.0
    return DrawTask(
        file=source.only(file.file),
        counts=file.path,
        contamination=file.contamination,
        seed=planned.seed,
        whole=draw.whole,
        threshold=draw.threshold,
        extra=draw.extra,
        held_out=job.request.held_out,
        held_out_shown=job.request.held_out * shown,
        shards=_number_of_shards(job.request, planned),
        out=job.scratch("drawn", f"{source.name}-{place:06d}.parquet"),
        held_out_file=job.scratch("kept-back", f"{source.name}-{place:06d}.parquet"),
        beats=job.beats,
    )


def _number_of_shards(order: Request, planned: Plan) -> int:
    return order.shards or max(1, math.ceil(planned.drawn.bytes / request.SHARD_BYTES))


def _shards(s: Session, job: MixJob, planned: Plan, draws: Sequence[DrawTask]) -> list[ShardTask]:
    """Bring the drawn rows together, and write each shard in the order of the shuffle."""
    order, shards = job.request, _number_of_shards(job.request, planned)
    drawn = {task.out: read_written(task.out).content for task in draws}
    with stage(job, "exchange", 1) as facts:
        facts["bytes"] = planned.drawn.bytes
        folder, files = together(s, drawn, job.scratch("merged"), shards, RUNS)
    tasks = [
        ShardTask(
            drawn=folder,
            files=files,
            shard=i,
            out=job.scratch("counts", part_name(i, shards)),
            data=job.path("data", part_name(i, shards)),
            counted=order.tokenizer is not None,
            packed=_pack_task(job, planned, i),
        )
        for i in range(shards)
    ]
    with stage(job, "finish", len(tasks)) as facts:
        facts["worked"] = run_tasks(s, job, finish.finish_shard, tasks)
        finished = [finish.finished_of(task) for task in tasks]
        facts["rows"] = sum(one.rows for one in finished)
    check_moved("the exchange", drawn, checksums.total(one.content for one in finished))
    return tasks


def _pack_task(job: MixJob, planned: Plan, shard: int) -> pack.PackTask | None:
    return _pack_into(job, planned, "packed", shard) if job.request.tokenize else None


def _pack_into(job: MixJob, planned: Plan, folder: str, number: int) -> pack.PackTask | None:
    tokenizer = job.request.tokenizer
    if tokenizer is None:
        return None
    names = tuple(draw.source for draw in planned.draws)
    return pack.PackTask(job.scratch(folder, f"{number:05d}"), tokenizer.path, tokenizer.vocabulary, names)


def _held_out(s: Session, job: MixJob, planned: Plan) -> dict[str, finish.HeldOut]:
    """By source, what is held out."""
    tasks = {
        source.name: HeldOutTask(
            tuple(
                _draw_task(job, planned, source, draw, file, i).held_out_file for i, file in enumerate(draw.stock.files)
            ),
            job.path("heldout", f"{source.name}.parquet"),
        )
        for source, draw in zip(job.request.sources, planned.draws, strict=True)
    }
    with stage(job, "held-out", len(tasks)) as facts:
        facts["worked"] = run_tasks(s, job, finish.write_held_out, list(tasks.values()))
    return {name: finish.held_out_of(task) for name, task in tasks.items()}


def _evidence(s: Session, job: MixJob, planned: Plan) -> dict[str, int]:
    """By source, how many documents hold items of evaluation tasks; what they hold is written. Empty where nobody looked."""
    tasks = {}
    for draw in planned.draws:
        looked = [file for file in draw.stock.files if file.evidence]
        if looked:
            names, spread = tuple(file.evidence for file in looked), looked[0].spread
            out = job.path(ledgers.CONTAMINATED, f"{draw.source}.parquet")
            tasks[draw.source] = EvidenceTask(draw.source, names, spread, job.request.common, out)
    if tasks:
        with stage(job, "evidence", len(tasks)) as facts:
            facts["worked"] = run_tasks(s, job, contamination.write_evidence, list(tasks.values()))
    return {name: int(read_facts(task.out)["documents"]) for name, task in tasks.items()}


def _packed(s: Session, job: MixJob, planned: Plan, shards: Sequence[ShardTask]) -> dict[str, Any] | None:
    """Put the packed tokens of all shards together in the format asked for, the tokenizer beside; what their `meta.json` says."""
    order, tokenizer, folder = job.request, job.request.tokenizer, job.path("tokens")
    if not order.tokenize or tokenizer is None:
        return None
    parts = [task.packed.path for task in shards if task.packed]
    if order.format == "nanogpt":
        validation = _packed_held_out(s, job, planned)
        formats.write_validation(formats.Stream(validation, tokenizer), folder)
    with stage(job, "tokens", 1):
        storage.write_text(storage.join(folder, "tokenizer.json"), tokenizers.text_of(tokenizer.path))
        if order.format != formats.OURS:
            return formats.write(order.format, formats.Stream(parts, tokenizer), folder, order.sequence_length)
        return pack.join(parts, folder, [draw.source for draw in planned.draws], tokenizer)


def _packed_held_out(s: Session, job: MixJob, planned: Plan) -> list[str]:
    """The packed held-out documents of each source."""
    tasks = []
    for number, source in enumerate(job.request.sources):
        if packed := _pack_into(job, planned, "packed-heldout", number):
            data = job.path("heldout", f"{source.name}.parquet")
            tasks.append(PackHeldOutTask(data, packed, f"{packed.path}.parquet"))
    with stage(job, "held-out tokens", len(tasks)) as facts:
        facts["worked"] = run_tasks(s, job, finish.pack_held_out, tasks)
    return [task.packed.path for task in tasks]
