"""The one way a job runs, whatever it makes: claim the output, run the stages, write the ledger, give it its name.

A job says what it was asked, what it reads, where it builds, and the stages that make what it makes.

A task that finished is a file that stands there; `resume` runs the tasks whose files are missing. What one step says it
wrote, the next one checks: a file that is promised and missing is an error, never taken for "nothing". See
ARCHITECTURE.md and `curate.files.output`.
"""

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, cast

import curate
from curate.console.terminal import notes
from curate.dedup import index
from curate.dedup.base import CorpusStep
from curate.engine import memory
from curate.engine.session import EngineOptions, Session, check_path, session
from curate.engine.tasks import OutTask, missing
from curate.errors import InputError, OutputError
from curate.files import fingerprints, locks, output, storage
from curate.files.output import dump_json, read_json, work_folder
from curate.run import ledger as ledgers
from curate.run.ledger import Ledger, StageFacts

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from curate.console.progress import Progress

VERSION = 1
"""Of `ledger.json`."""
STAGES = "stages.json"
"""What each stage took and found, so far; in the folder for scratch."""
T = TypeVar("T", bound=OutTask)
R = TypeVar("R", bound="DataclassInstance")


class Watcher(Protocol):
    """What a progress display offers; see `curate.console.progress`."""

    def stage(self, name: str, total: int, total_bytes: int = 0) -> None: ...
    def resumed(self, found: int, others: int = 0) -> None: ...
    def update(self, **numbers: int) -> None: ...


class Job(ABC):
    """One run. Each kind of job says what is its own, most of it as data; `run_job` does what all have in common."""

    name: str
    """What its ledger is headed with: clean, dedup, code, mix."""
    output: str
    command: str
    watcher: Watcher | None
    finishers: Sequence[Callable[[Any, Ledger], None]]
    """Called with the job and its ledger before it is published, to write what people read: the report, the card."""

    inputs: Sequence[str]
    """The files and folders that it reads."""
    uses: Sequence[str] = ()
    """Lists, models and other files that decide what it writes; these are read whole to know them again."""
    uses_named: ClassVar[str] = "files_used"
    """What the files of `uses` are called in `job.json`."""
    settings: Mapping[str, object]
    """All else that decides what it writes, as JSON."""
    indexed: Sequence[tuple[CorpusStep, str]] = ()
    """Its corpus-wide steps that have an index, and the folders of their keys."""
    leftovers: Sequence[str] = ("_scratch",)
    """Folders in `work` that are no part of what is published."""

    def ready(self) -> None:  # noqa: B027 # most have nothing to do
        """What must be there before the output is claimed: look for it, load it. Raises CurateError with what is missing."""

    @abstractmethod
    def build(self, s: Session) -> Ledger:
        """Make everything in `work` but the ledger, and give that: `framed` with what is its own.

        Tasks whose files stand there from an earlier run are not run again. Raises BalanceError when something was lost,
        InputError for what must not be published.
        """

    @property
    def title(self) -> str:
        """What an engine shows of it."""
        return f"curate {self.name}"

    @property
    def work(self) -> str:
        """The folder it builds in."""
        return work_folder(self.output)

    def path(self, *names: str) -> str:
        """A path in `work`: it will be published."""
        return storage.join(self.work, *names)

    def scratch(self, *names: str) -> str:
        """A path that is gone when the rest is published."""
        return storage.join(self.work, "_scratch", *names)

    @property
    def beats(self) -> str | None:
        """Where running tasks say how far they are; on a store they don't."""
        return self.scratch("beats") if storage.is_local(self.work) else None


def run_job(job: Job, options: EngineOptions | None = None) -> Ledger:
    """Run the job on the engine asked for, with progress on stderr; returns the ledger: of a job to be resumed that is finished
    (a scheduler that starts it once more) the one that it has. Raises as `Job.ready` and `run` do."""
    options = options or EngineOptions()
    options.check()  # before anything is said, or takes its time
    job.ready()
    try:
        with claimed(job, resume=options.resume):
            if ledger := _built(job):  # only the name is missing: no engine is needed for that
                return complete(job, ledger)
            with ExitStack() as stack:
                try:
                    s, job.watcher = stack.enter_context(running(job.title, options, job.beats))
                except BaseException:
                    output.unclaim(job.output)
                    raise
                return build(s, job)
    except output.FinishedError as finished:
        notes([str(finished)])
        return cast("Ledger", output.built(job.output))


@contextmanager
def running(title: str, options: EngineOptions, beats: str | None = None) -> Iterator[tuple[Session, "Progress"]]:
    """The engine asked for and a progress display on stderr, which said what the person should know of the engine."""
    from curate.console.progress import Progress

    with (
        Progress(quiet=options.quiet, beats=beats) as progress,
        session(title, options.engine, options.master, options.cores, options.private, options.memory) as s,
    ):
        for note in s.notes:
            progress.note(note)
        yield s, progress


def run(s: Session, job: Job, *, resume: bool = False) -> Ledger:
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
    for path in job.inputs:
        storage.check_name(path)
    _refuse_inside(job)
    with ExitStack() as stack:
        for folder in sorted(index.check(step for step, _ in job.indexed)):
            busy = f"{folder}: another run is using this index at this moment; wait for it"
            stack.enter_context(locks.held(folder, busy))
            if storage.is_local(folder) and not os.access(storage.filesystem(folder)[1], os.W_OK | os.X_OK):
                raise OutputError(f"{folder}: this index can't be written to, and would miss what the run keeps")
            index.settle(folder)
        begun = resume and storage.exists(job.path(output.IDENTITY))
        stack.enter_context(output.claimed(job.output, identity(job), resume=resume))
        if begun:  # by this program, or it was brought from somewhere
            stack.enter_context(output.believed(job.work))
        for step, keys in job.indexed:
            index.check_unchanged(step, keys, job.output)
        stack.enter_context(storage.patient())
        try:
            yield
        except InputError:
            output.unclaim(job.output)
            raise


def _refuse_inside(job: Job) -> None:
    """Raise OutputError for an output in a folder that is read as a whole: the input would change as the job writes."""
    if not storage.is_local(job.output):
        return
    output = os.path.join(os.path.realpath(storage.filesystem(job.output)[1]), "")
    for path in job.inputs:
        inner = os.path.realpath(storage.filesystem(path)[1]) if storage.is_local(path) else ""
        if os.path.isdir(inner) and output.startswith(os.path.join(inner, "")):
            raise OutputError(f"{job.output} lies in {path}, which is read: choose another --output")


def identity(job: Job) -> dict[str, object]:
    """All that decides what a job writes; kept as `job.json`. An unfinished run goes on only as the same job."""
    return {
        "job": job.name,
        "curate": curate.__version__,
        "contents": fingerprints.stamps(job.inputs),
        job.uses_named: {path: fingerprints.digest(path) for path in job.uses},
        **job.settings,
    }


def build(s: Session, job: Job) -> Ledger:
    """`run`, for who holds the output already (`claimed`)."""
    check_path(s, job.work)
    ledger = _built(job)
    if ledger is None:
        ledger = job.build(s)
        ledgers.check(ledger)
        for finisher in job.finishers:
            finisher(job, ledger)
        storage.write_text(job.path(output.BUILT), dump_json(ledger))
    return complete(job, ledger)


def _built(job: Job) -> Ledger | None:
    return cast("Ledger | None", output.built(job.work))


def complete(job: Job, ledger: Ledger) -> Ledger:
    """The last steps of a job whose ledger is written: clear up, give what was made its name."""
    output.promised(job.work, [part["file"] for part in ledger["data"]], output.BUILT)
    for step, keys in job.indexed:
        index.lay(step, keys, job.output, storage.read_bytes(job.path(output.IDENTITY)).decode())
    output.finish(job.output, job.leftovers)
    for step, _ in job.indexed:
        index.settle(step.index)
    ledgers.check_failures(job.output, ledger)
    return ledger


# ---- for the stages of a job ----


@contextmanager
def stage(job: Job, name: str, total: int, total_bytes: int = 0) -> Iterator[dict[str, Any]]:
    """Time a stage; what the block puts into the yielded dict is kept in `stages.json` with it.

    Where that has `worked: False`, a resumed run found the stage done: its figures stand.
    """
    if job.watcher:
        job.watcher.stage(name, total, total_bytes)
    stages = stages_of(job)
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
    storage.write_text(job.scratch(STAGES), dump_json(stages))
    memory.give_back()


def stages_of(job: Job) -> dict[str, Any]:
    """What the stages have told so far, by name. Raises OutputError for what `stage` has not written."""
    found = read_json(path := job.scratch(STAGES))
    for one in found.values():
        numbers = isinstance(one, dict) and [one.get("seconds"), one.get("records", 0), one.get("bytes", 0)]
        if numbers and all(isinstance(number, int | float) for number in numbers):
            continue
        raise OutputError(f"{path} is damaged: delete the folder that it is in, and start again")
    return found


def run_tasks(s: Session, job: Job, function: Callable[[T], R], tasks: Sequence[T], others: int = 0) -> bool:
    """Run those tasks whose file `out` is not there yet, and show progress. Returns whether there were any.

    `others` is how many files an earlier run left of tasks that are not among these.
    """
    todo = missing(tasks)
    if job.watcher and (len(todo) < len(tasks) or others):
        job.watcher.resumed(len(tasks) - len(todo), others)
    for done, result in enumerate(s.run(function, todo), len(tasks) - len(todo) + 1):
        if job.watcher:
            numbers = {name: value for name, value in asdict(result).items() if isinstance(value, int)}
            job.watcher.update(done=done, **numbers)
    return bool(todo)


def framed(job: Job, own: Ledger) -> Ledger:
    """The ledger of a job: what is in each, and what is its `own` (with `files`, from which the totals are added up)."""
    files, known, stages = own["files"], read_json(job.path(output.IDENTITY)), stages_of(job)
    return {
        "version": VERSION,
        "curate": curate.__version__,
        "job": job.name,
        "command": job.command,
        "contents": known.get("contents", {}),
        "records": sum(entry["records"] for entry in files.values()),
        "skipped": ledgers.added(entry["skipped"] for entry in files.values()),
        "rejected": ledgers.added(entry["rejected"] for entry in files.values()),
        "failed": ledgers.added(entry["failed"] for entry in files.values()),
        "kept": sum(entry["kept"] for entry in files.values()),
        "stages": [StageFacts(name=name) | facts for name, facts in stages.items()],
        **own,
    }
