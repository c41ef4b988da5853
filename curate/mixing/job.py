"""A mixture as a job: what is asked for, and the stages that make it: count, plan, draw, exchange, finish, held-out, evidence, tokens.
See ARCHITECTURE.md."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import ClassVar, TypeVar

from curate.engine.session import Session
from curate.engine.tasks import Run
from curate.errors import AlarmError, InputError, UsageError
from curate.files import storage
from curate.files.output import IDENTITY, read_json
from curate.mixing import contamination, counts, draw, finish
from curate.mixing import ledger as ledgers
from curate.mixing import plan as plans
from curate.mixing.contamination import COMMON
from curate.mixing.decontam_items import files
from curate.mixing.mixture import Mixture
from curate.mixing.plan import Plan
from curate.mixing.sources import Source
from curate.run.ledger import Ledger
from curate.run.runner import Job, Watcher, framed, stage
from curate.tokens import formats, pack
from curate.tokens.tokenizer import TokenizerFile

T = TypeVar("T")
R = TypeVar("R")


HELD_OUT = 0.01
MAX_EPOCHS = plans.EPOCHS_WITHOUT_LOSS


@dataclass(frozen=True)
class Request:
    """A mixture to plan or to build."""

    mixture: Mixture
    sources: tuple[Source, ...]
    tokenizer: TokenizerFile | None
    counts: str
    """Folder where counts are kept; empty: in the user's cache (`counts.cache_folder`)."""
    unit: str = "tokens"
    budget: int | None = None
    """In `unit`; None: as much as the sources give without repeating any."""
    seed: int = 0
    max_epochs: float = MAX_EPOCHS
    held_out: float = HELD_OUT
    """Share of the ids of each source that no mixture draws from."""

    tasks: tuple[str, ...] = ()
    """Evaluation tasks of which no drawn document may hold an item; empty: nobody looks."""
    common: int = COMMON
    """A question without its answer in more documents than this is common text, and stays."""
    report_only: bool = False
    """Say what is found, and draw it all the same."""
    tokenize: bool = False
    """Write packed token ids, too."""
    format: str = formats.OURS
    """Of the packed token ids, see `curate.tokens.formats`."""
    sequence_length: int = formats.SEQUENCE_LENGTH
    """Tokens of a sample, in formats that have samples."""
    shards: int | None = None
    """Files to write; None: one per SHARD_BYTES of text."""

    def __post_init__(self) -> None:
        if self.unit not in counts.UNITS:
            raise UsageError(f"--unit is tokens, bytes or documents, not {self.unit!r}")
        if self.unit == "tokens" and self.tokenizer is None:
            raise UsageError("counting in tokens needs a tokenizer (or --unit bytes)")
        if self.tokenize and self.tokenizer is None:
            raise UsageError("--tokenize needs a tokenizer")
        if not 0 <= self.held_out < 1:
            raise UsageError(f"--held-out must be at least 0 and below 1, got {self.held_out:g}")
        if self.common < 0:
            raise UsageError(f"--common must be at least 0, got {self.common}")
        if not self.max_epochs > 0:
            raise UsageError(f"--max-epochs must be above 0, got {self.max_epochs:g}")
        names = [source.name for source in self.sources]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UsageError(
                f"--source {twice[0]} is given twice; one source may be a folder with several folders in it"
            )


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
        drawn = draw.draw(s, self, planned)
        shards = finish.shards(s, self, planned, drawn)
        held_out = finish.held_out(s, self, drawn)
        evidence = contamination.keep_evidence(s, self, planned)
        packed = finish.tokens(s, self, planned, shards)
        finished = [finish.finished_of(task) for task in shards]
        own = ledgers.of_mixture(self.request, planned, drawn.files, finished, held_out, evidence)
        if packed:
            own["packed"] = packed
        own["files_of_tasks"] = read_json(self.path(IDENTITY))["files_of_tasks"]
        ledger = framed(self, {**own, "data": ledgers.manifest(self.work)})
        ledgers.check(ledger)
        return ledger


# ---- stages ----


def _plan(s: Session, job: MixJob) -> Plan:
    def run(function: Callable[[T], R], tasks: Sequence[T]) -> Iterable[R]:
        for done, result in enumerate(s.run(function, tasks), 1):
            if job.watcher:
                totals = result.totals if isinstance(result, counts.FileCounts) else counts.Totals()
                job.watcher.update(done=done, records=totals.documents, bytes=totals.bytes)
            yield result

    with stage(job, "count", sum(len(source.files) for source in job.request.sources)):
        planned = plans.answer(job.request, measure(job.request, run, job.beats))
    planned.check_repeats(job.request.max_epochs)
    return planned


def measure(request: Request, run: Run, beats: str | None = None) -> list[list[counts.FileCounts]]:
    """Count every file of every source (or take the kept counts); one list per source, files in order."""
    folder = request.counts or counts.cache_folder()
    tasks = [task for source in request.sources for task in counts.tasks(source, folder, request.tokenizer, beats)]
    found = {(one.source, one.file): one for one in run(counts.count_file, tasks)}
    if request.tasks:
        from curate.mixing.decontam_match import (
            known_items,  # its compiler takes longer to import than many commands do
        )

        found = contamination.looked(request, known_items(request.tasks), folder, run, found)
    return [[found[source.name, file] for file in source.files] for source in request.sources]
