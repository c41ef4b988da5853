"""`curate mix` from sources to a finished folder: count, plan, draw, exchange, finish, account, publish.

A task that finished is a file that stands there; `resume` runs the rest. See `curate.files.output`.
"""

import json
import math
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import curate
from curate.corpus import checksums
from curate.corpus.checksums import Content
from curate.corpus.shards import part_name
from curate.engine.session import Session, check_path
from curate.errors import AlarmError, InputError, UsageError
from curate.files import fingerprints, output, storage
from curate.mixing import counts, request
from curate.mixing import ledger as ledgers
from curate.mixing.draw import RUNS
from curate.mixing.plan import Draw, Plan
from curate.mixing.request import Request, Run
from curate.report import mixture, mixture_card
from curate.run.exchange import check_moved, together
from curate.run.job import Watcher
from curate.tokens import pack

HELD_OUT_BYTES = 64 << 20
"""The held-out file of a source is cut to about so much text; all held-out documents stay out of the
mixture."""


@dataclass
class Build:
    """One run: what was asked, where it is built, and how far it is."""

    request: Request
    output: str
    command: str = ""
    watcher: Watcher | None = None
    stages: list[dict[str, Any]] = field(default_factory=list)

    def path(self, *names: str) -> str:
        """A path in the folder where it is built."""
        return storage.join(output.work_folder(self.output), *names)

    def scratch(self, *names: str) -> str:
        """A path that is gone when the mixture is published."""
        return self.path("_scratch", *names)

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[dict[str, Any]]:
        """Time a stage; the block may add facts to the entry of the ledger."""
        if self.watcher:
            self.watcher.stage(name, total)
        started, entry = time.monotonic(), dict[str, Any](name=name)
        yield entry
        self.stages.append({**entry, "seconds": round(time.monotonic() - started, 3)})

    def run(self, session: Session, reference: str, tasks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Run tasks and show how many are done; results in the order they came."""
        found = []
        for result in session.run(reference, tasks):
            found.append(result)
            if self.watcher:
                numbers = {key: value for key, value in result.items() if isinstance(value, int)}
                self.watcher.update(done=len(found), **numbers)
        return found


def plan(order: Request, run: Run) -> Plan:
    """Count the sources where that was not done before, and plan."""
    return request.answer(order, request.measure(order, run))


def check(order: Request, planned: Plan) -> None:
    """Raise AlarmError when a source would be repeated more often than allowed."""
    if found := planned.too_often(order.max_epochs):
        raise AlarmError("; ".join(found))


def build(session: Session, job: Build, *, resume: bool = False) -> dict[str, Any]:
    """Build the mixture and give its ledger.

    Raises OutputError when the output is in the way, AlarmError for too many repeats, BalanceError when what
    was written is not what was planned, and what `mixture.settle`, `plan.make` and `sources.find` raise.
    """
    with output.claimed(job.output, identity(job.request), resume=resume):
        ledger = output.built(job.path())
        if ledger is None:
            ledger = _build(session, job)
        return complete(job, ledger)


def _build(session: Session, job: Build) -> dict[str, Any]:
    check_path(session, job.path())
    try:
        with job.stage("count", sum(len(source.files) for source in job.request.sources)):
            planned = plan(job.request, lambda reference, tasks: job.run(session, reference, tasks))
        check(job.request, planned)
    except (InputError, UsageError, AlarmError):
        if not storage.exists(
            job.scratch()
        ):  # nothing was written that is worth going on from: counts are kept elsewhere
            storage.remove(job.path())
        raise
    drawn = _draw(session, job, planned)
    shards = _shards(job.request, planned)
    finished = _finish(session, job, planned, _exchange(session, job, planned, drawn, shards), shards)
    check_moved("the exchange", _contents(drawn), checksums.total(_contents(finished).values()))
    held_out = _held_out(session, job, planned)
    ledger = ledgers.ledger(job.request, planned, drawn, finished, held_out)
    ledgers.check(ledger)
    _write(job, planned, ledger, finished)
    return ledger


def complete(job: Build, ledger: dict[str, Any]) -> dict[str, Any]:
    """The last steps of a mixture whose ledger is written: clear up, give it its name."""
    output.promised(job.path(), [part["file"] for part in ledger["data"]], output.BUILT)
    output.finish(job.output, ["_scratch"])
    return ledger


def identity(order: Request) -> dict[str, Any]:
    """All that decides what is written; kept as `job.json`. An unfinished run goes on only as the same job."""
    return {
        "job": "mix",
        "curate": curate.__version__,
        "mixture": asdict(order.mixture),
        "amount": [order.unit, order.budget, order.max_epochs],
        "seed": order.seed,
        "held_out": order.held_out,
        "decontamination": [list(order.tasks), order.ngram],
        "shards": order.shards,
        "tokenize": order.tokenize,
        "tokenizer": order.tokenizer.digest if order.tokenizer else None,
        "columns": {source.name: [source.text_column, source.id_column] for source in order.sources},
        "files": {source.name: list(source.files) for source in order.sources},
        "contents": fingerprints.stamps(file for source in order.sources for file in source.files),
        "files_of_tasks": {path: fingerprints.digest(path) for path in order.tasks if os.path.exists(path)},
    }


def _shards(order: Request, planned: Plan) -> int:
    return order.shards or max(1, math.ceil(planned.drawn.bytes / request.SHARD_BYTES))


# ---- stages ------------------------------------------------------------------------------------------------


def _draw(session: Session, job: Build, planned: Plan) -> list[dict[str, Any]]:
    tasks = [
        _draw_task(job, planned, draw, file, place)
        for source, draw in zip(job.request.sources, planned.draws, strict=True)
        for place, file in enumerate(draw.stock.files)
        if file.source == source.name
    ]
    with job.stage("draw", len(tasks)) as entry:
        found = job.run(session, "curate.mixing.draw:draw_file", tasks)
        entry.update(records=sum(one["records"] for one in found), rows=sum(one["rows"] for one in found))
    order = {(task["source"], task["file"]): place for place, task in enumerate(tasks)}
    return sorted(found, key=lambda one: order[one["source"], one["file"]])


def _draw_task(job: Build, planned: Plan, draw: Draw, file: counts.FileCounts, place: int) -> dict[str, Any]:
    source = next(one for one in job.request.sources if one.name == draw.source)
    size = draw.stock.held_out.bytes
    shown = min(1.0, HELD_OUT_BYTES / size) if size else 1.0
    return {
        "source": source.name,
        "file": file.file,
        "text_column": source.text_column,
        "id_column": source.id_column,
        "counts": file.path,
        "contamination": file.contamination,
        "seed": planned.seed,
        "whole": draw.whole,
        "threshold": f"{draw.threshold:x}",
        "extra": [f"{number:x}" for number in draw.extra],
        "held_out": job.request.held_out,
        "held_out_shown": job.request.held_out * shown,
        "shards": _shards(job.request, planned),
        "out": job.scratch("drawn", f"{source.name}-{place:06d}.parquet"),
        "held_out_file": job.scratch("kept-back", f"{source.name}-{place:06d}.parquet"),
    }


def _contents(found: Sequence[dict[str, Any]]) -> dict[str, Content]:
    """By file, what tasks wrote."""
    return {str(one["out"]): checksums.from_dict(one["content"]) for one in found}


def _exchange(
    session: Session, job: Build, planned: Plan, drawn: Sequence[dict[str, Any]], shards: int
) -> tuple[str, int]:
    """Bring the drawn rows together for so many shards: the folder to read them from, and its number of files."""
    with job.stage("exchange", 1) as entry:
        entry["bytes"] = planned.drawn.bytes
        return together(session, _contents(drawn), job.scratch("merged"), shards, RUNS)


def _finish(session: Session, job: Build, planned: Plan, drawn: tuple[str, int], shards: int) -> list[dict[str, Any]]:
    order = job.request
    folder, files = drawn
    tasks = [
        {
            "in": folder,
            "files": files,
            "shard": i,
            "out": job.path("data", part_name(i, shards)),
            "packed": job.scratch("packed", f"{i:05d}") if order.tokenize else "",
            "tokenizer": order.tokenizer.path if order.tokenizer else "",
            "vocabulary": order.tokenizer.vocabulary if order.tokenizer else 0,
            "sources": [draw.source for draw in planned.draws],
        }
        for i in range(shards)
    ]
    with job.stage("finish", len(tasks)) as entry:
        found = job.run(session, "curate.mixing.finish:finish_shard", tasks)
        entry["rows"] = sum(one["rows"] for one in found)
    return sorted(found, key=lambda one: str(one["out"]))


def _held_out(session: Session, job: Build, planned: Plan) -> list[dict[str, Any]]:
    tasks = [
        {
            "source": draw.source,
            "parts": [
                _draw_task(job, planned, draw, file, i)["held_out_file"] for i, file in enumerate(draw.stock.files)
            ],
            "out": job.path("heldout", f"{draw.source}.parquet"),
        }
        for draw in planned.draws
    ]
    with job.stage("held-out", len(tasks)):
        found = job.run(session, "curate.mixing.finish:write_held_out", tasks)
    return sorted(found, key=lambda one: str(one["source"]))


# ---- what people read --------------------------------------------------------------------------------------------


def _write(job: Build, planned: Plan, ledger: dict[str, Any], finished: Sequence[dict[str, Any]]) -> None:
    """Write all that people read, the ledger last."""
    order = job.request
    if order.tokenize and order.tokenizer:
        parts = [job.scratch("packed", f"{i:05d}") for i in range(len(finished))]
        names = [draw.source for draw in planned.draws]
        ledger["packed"] = pack.join(parts, job.path("tokens"), names, order.tokenizer)
    ledger["command"] = job.command
    ledger["stages"] = job.stages
    known = output.read_json(job.path(output.IDENTITY))
    ledger |= {name: known[name] for name in ("contents", "files_of_tasks")}
    ledger["data"] = ledgers.manifest(job.path(), order.tokenize)
    storage.write_text(job.path("manifest.json"), json.dumps({"files": ledger["data"]}, indent=1) + "\n")
    storage.write_text(job.path("README.md"), mixture_card.text(order, planned, ledger))
    parts = [str(one["out"]) for one in finished]
    storage.write_text(job.path("report.html"), mixture.page(planned, ledger, parts))
    storage.write_text(job.path(output.BUILT), json.dumps(ledger, indent=1) + "\n")
