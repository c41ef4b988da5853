"""The one way a job runs, whatever it makes: claim the output, run the stages, write the ledger, give it its name.

A task that finished is a file that stands there; `resume` runs the tasks whose files are missing. What one step says it
wrote, the next one checks: a file that is promised and missing is an error, never taken for "nothing". See
ARCHITECTURE.md and `curate.files.output`.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

import curate
from curate.dedup import index
from curate.engine.session import Session, check_path
from curate.engine.tasks import OutTask, missing
from curate.errors import OutputError
from curate.files import fingerprints, locks, output, storage
from curate.files.output import dump_json, read_json
from curate.run import ledger as ledgers
from curate.run.job import Job

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound=OutTask)
R = TypeVar("R", bound="DataclassInstance")


def run(s: Session, job: Job, *, resume: bool = False) -> dict[str, Any]:
    """Run a job on an engine that is there to the end and return its ledger.

    Raises OutputError when the output is in the way, BalanceError when something was lost, CurateError for what the job
    itself finds wrong.
    """
    with claimed(job, resume=resume):
        return build(s, job)


@contextmanager
def claimed(job: Job, *, resume: bool) -> Iterator[None]:
    """Hold the output and the indexes of its steps for one run. Raises OutputError and UsageError for what is in the way."""
    output.check_name(job.output)
    for path in job.inputs():
        storage.check_name(path)
    _refuse_inside(job)
    with ExitStack() as stack:
        for folder in sorted(index.check(step for step, _ in job.indexed())):
            busy = f"{folder}: another run is using this index at this moment; wait for it"
            stack.enter_context(locks.held(folder, busy))
            if storage.is_local(folder) and not os.access(storage.filesystem(folder)[1], os.W_OK | os.X_OK):
                raise OutputError(f"{folder}: this index can't be written to, and would miss what the run keeps")
            index.settle(folder)
        stack.enter_context(output.claimed(job.output, identity(job), resume=resume))
        for step, keys in job.indexed():
            index.check_unchanged(step, keys, job.output)
        yield


def _refuse_inside(job: Job) -> None:
    """Raise OutputError for an output in a folder that is read as a whole: the input would change as the job writes."""
    if not storage.is_local(job.output):
        return
    output = os.path.join(os.path.realpath(storage.filesystem(job.output)[1]), "")
    for path in job.inputs():
        inner = os.path.realpath(storage.filesystem(path)[1]) if storage.is_local(path) else ""
        if os.path.isdir(inner) and output.startswith(os.path.join(inner, "")):
            raise OutputError(f"{job.output} lies in {path}, which is read: choose another --output")


def identity(job: Job) -> dict[str, Any]:
    """All that decides what a job writes; kept as `job.json`. An unfinished run goes on only as the same job."""
    return {
        "job": job.name,
        "curate": curate.__version__,
        "contents": fingerprints.stamps(job.inputs()),
        job.uses_named: {path: fingerprints.digest(path) for path in job.uses()},
        **job.settings(),
    }


def build(s: Session, job: Job) -> dict[str, Any]:
    """`run`, for who holds the output already (`claimed`)."""
    check_path(s, job.work)
    ledger = output.built(job.work)
    if ledger is None:
        ledger = ledgers.framed(job, job.build(s))
        ledgers.check(ledger)
        job.check(ledger)
        job.write_pages(ledger)
        for finisher in job.finishers:
            finisher(job, ledger)
        storage.write_text(job.path(output.BUILT), dump_json(ledger))
    return complete(job, ledger)


def complete(job: Job, ledger: dict[str, Any]) -> dict[str, object]:
    """The last steps of a job whose ledger is written: clear up, give what was made its name."""
    output.promised(job.work, [part["file"] for part in ledger["data"]], output.BUILT)
    for step, keys in job.indexed():
        index.lay(step, keys, job.output, storage.read_bytes(job.path(output.IDENTITY)).decode())
    output.finish(job.output, job.leftovers())
    for step, _ in job.indexed():
        index.settle(step.index)
    job.judge(ledger)
    return ledger


# ---- for the stages of a job ----


@contextmanager
def stage(job: Job, name: str, total: int, total_bytes: int = 0) -> Iterator[dict[str, Any]]:
    """Time a stage; what the block puts into the yielded dict is kept in `stages.json` with it.

    Where that has `worked: False`, a resumed run found the stage done: its figures stand.
    """
    if job.watcher:
        job.watcher.stage(name, total, total_bytes)
    stages = read_json(job.scratch(ledgers.STAGES))
    started = time.monotonic()
    facts: dict[str, Any] = {}
    yield facts
    earlier, worked = stages.get(name, {}), facts.pop("worked", True)
    if earlier and not worked:
        return
    stages[name] = {
        **earlier,
        **facts,
        "seconds": round(earlier.get("seconds", 0.0) + time.monotonic() - started, 3),
    }
    storage.write_text(job.scratch(ledgers.STAGES), dump_json(stages))


def run_tasks(s: Session, job: Job, function: Callable[[T], R], tasks: Sequence[T]) -> bool:
    """Run those tasks whose file `out` is not there yet, and show progress. Returns whether there were any."""
    todo = missing(tasks)
    for done, result in enumerate(s.run(function, todo), len(tasks) - len(todo) + 1):
        if job.watcher:
            numbers = {name: value for name, value in asdict(result).items() if isinstance(value, int)}
            job.watcher.update(done=done, **numbers)
    return bool(todo)
