"""`curate mix` from sources to a finished folder: count, plan, draw, exchange, finish, account, publish.

Everything is built in `<output>.partial/` and renamed at the end. A task that finished is a file that stands
there; `resume` runs the rest.
"""

import json
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from curate import storage
from curate.engine import Session
from curate.errors import AlarmError, OutputError
from curate.job import Watcher
from curate.mixing import account, card, counts, pack, report, request, tables
from curate.mixing.plan import Draw, Plan
from curate.mixing.request import Request, Run
from curate.shards import part_name

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
        return storage.join(f"{self.output.rstrip('/')}.partial", *names)

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
    _free(job, resume)
    with job.stage("count", sum(len(source.files) for source in job.request.sources)):
        planned = plan(job.request, lambda reference, tasks: job.run(session, reference, tasks))
    check(job.request, planned)
    _begin(job, planned, resume)
    drawn = _draw(session, job, planned)
    shards = _shards(job.request, planned)
    _exchange(session, job, planned, shards)
    finished = _finish(session, job, planned, shards)
    held_out = _held_out(session, job, planned)
    ledger = account.ledger(job.request, planned, drawn, finished, held_out)
    account.check(ledger)
    _publish(job, planned, ledger, finished)
    return ledger


# ---- where it is built -------------------------------------------------------------------------------------


def _free(job: Build, resume: bool) -> None:
    if not storage.is_empty(job.output):
        raise OutputError(f"{job.output} exists: choose another --output or delete it")
    storage.remove_empty(job.output)
    if storage.exists(job.path("plan.json")) and not resume:
        raise OutputError(f"an unfinished run is in {job.path()}: continue it with --resume, or delete it")


def _begin(job: Build, planned: Plan, resume: bool) -> None:
    """Write down what is being built, or make sure that the unfinished run there builds the same."""
    text = json.dumps(_identity(job, planned), indent=1, sort_keys=True) + "\n"
    if not storage.exists(job.path("plan.json")):
        storage.write_text(job.path("plan.json"), text)
        return
    if storage.read_bytes(job.path("plan.json")).decode() != text:
        raise OutputError(f"{job.path()} holds an unfinished run of another mixture (or other sources): delete it")
    for leftover in storage.temporary_files(job.path()):
        storage.remove(leftover)


def _identity(job: Build, planned: Plan) -> dict[str, Any]:
    order = job.request
    return {
        **tables.plan_json(planned),
        "held_out": order.held_out,
        "shards": _shards(order, planned),
        "tokenize": order.tokenize,
        "tokenizer": order.tokenizer.digest if order.tokenizer else None,
        "files": {source.name: list(source.files) for source in order.sources},
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
        "out": job.path("drawn", f"{source.name}-{place:06d}.parquet"),
        "held_out_file": job.path("kept-back", f"{source.name}-{place:06d}.parquet"),
    }


def _exchange(session: Session, job: Build, planned: Plan, shards: int) -> None:
    """Bring the drawn rows to one folder a shard, through the engine. A single shard is what was drawn, as it is."""
    with job.stage("exchange", 1) as entry:
        entry["bytes"] = planned.drawn.bytes
        if shards == 1 or storage.exists(job.path("exchanged")):
            return
        frame = session.read(job.path("drawn"))
        session.write(session.clustered(frame, "shard", shards), job.path("buckets"), by="shard")
        storage.write_text(job.path("exchanged"), "")


def _finish(session: Session, job: Build, planned: Plan, shards: int) -> list[dict[str, Any]]:
    order = job.request
    tasks = [
        {
            "bucket": job.path("buckets", f"shard={i}") if shards > 1 else job.path("drawn"),
            "out": job.path("data", part_name(i, shards)),
            "packed": job.path("packed", f"{i:05d}") if order.tokenize else "",
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


# ---- publishing --------------------------------------------------------------------------------------------


def _publish(job: Build, planned: Plan, ledger: dict[str, Any], finished: Sequence[dict[str, Any]]) -> None:
    order = job.request
    if order.tokenize and order.tokenizer:
        parts = [job.path("packed", f"{i:05d}") for i in range(len(finished))]
        names = [draw.source for draw in planned.draws]
        ledger["packed"] = pack.join(parts, job.path("tokens"), names, order.tokenizer)
    ledger["command"] = job.command
    ledger["stages"] = job.stages
    ledger["data"] = account.manifest(job.path(), order.tokenize)
    storage.write_text(job.path("manifest.json"), json.dumps({"files": ledger["data"]}, indent=1) + "\n")
    storage.write_text(job.path("ledger.json"), json.dumps(ledger, indent=1) + "\n")
    storage.write_text(job.path("README.md"), card.text(order, planned, ledger))
    parts = [str(one["out"]) for one in finished]
    storage.write_text(job.path("report.html"), report.page(planned, ledger, parts))
    for name in ("drawn", "kept-back", "buckets", "packed", "exchanged", "plan.json"):
        storage.remove(job.path(name))
    storage.rename_folder(job.path(), job.output)
