"""What a person asks `curate mix` for, and the plan that answers it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from curate.engine.tasks import Run, missing
from curate.errors import UsageError
from curate.mixing import contamination, counts, plan
from curate.mixing import mixture as mixtures
from curate.mixing.decontam_evidence import COMMON
from curate.mixing.decontam_files import files
from curate.mixing.mixture import Mixture
from curate.mixing.sources import Source
from curate.tokens import formats
from curate.tokens.tokenizer import TokenizerFile

if TYPE_CHECKING:
    from curate.mixing.decontam_match import Tasks

HELD_OUT = 0.01
SHARD_BYTES = 256 << 20
MAX_EPOCHS = plan.EPOCHS_WITHOUT_LOSS


@dataclass(frozen=True)
class Request:
    """A mixture to plan or to build."""

    mixture: Mixture
    sources: tuple[Source, ...]
    tokenizer: TokenizerFile | None
    counts: str
    """Folder where counts are kept."""
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


def measure(request: Request, run: Run, beats: str | None = None) -> list[list[counts.FileCounts]]:
    """Count every file of every source (or take the kept counts); one list per source, files in order."""
    tasks = [
        task for source in request.sources for task in counts.tasks(source, request.counts, request.tokenizer, beats)
    ]
    found = {(one.source, one.file): one for one in run(counts.count_file, tasks)}
    if request.tasks:
        found = _looked(request, run, found)
    return [[found[source.name, file] for file in source.files] for source in request.sources]


def _looked(
    request: Request, run: Run, found: dict[tuple[str, str], counts.FileCounts]
) -> dict[tuple[str, str], counts.FileCounts]:
    """The counts with what documents hold of the tasks; evidence and hits that are kept are not made again."""
    known = load_tasks(request)
    looks = [
        task
        for source in request.sources
        for task in contamination.looks(source, request.counts, request.tasks, known.digest)
    ]
    for _ in run(contamination.look, missing(looks)):
        pass
    spread = contamination.write_spread([task.out for task in looks], len(known.items), request.counts)
    judged = dict[tuple[str, str], counts.FileCounts]()
    tasks = []
    for task in looks:
        key = task.file.source, task.file.path
        judge = contamination.judging(task.out, found[key].totals.documents, spread, request.common, request.counts)
        hits = "" if request.report_only else judge.out
        judged[key] = replace(found[key], contamination=hits, evidence=task.out, spread=spread)
        tasks.append(judge)
    for _ in run(contamination.judge, [] if request.report_only else missing(tasks)):
        pass
    return judged


def load_tasks(request: Request) -> "Tasks":
    """The items of the tasks that are kept out. Raises InputError for what is no task."""
    from curate.mixing.decontam_match import load

    return load(tuple(files(request.tasks)))


def answer(request: Request, files: Sequence[Sequence[counts.FileCounts]]) -> plan.Plan:
    """The plan for sources that are counted. Raises RecipeError, InputError as `mixture.settle` and
    `plan.make` do."""
    stocks = [
        plan.stock(source.name, found, request.held_out) for source, found in zip(request.sources, files, strict=True)
    ]
    sizes = {one.name: float(one.available.of(request.unit)) for one in stocks}
    total = sum(sizes.values())
    weights = mixtures.resolve(request.mixture, sizes, request.budget or total, request.max_epochs)
    weights = {one.name: weights.get(one.name, 0.0) for one in stocks}
    if request.mixture.baseline:
        for one in stocks:
            plan.check_stock(one, request.unit)
    budget = float(request.budget or 0)
    if not budget:
        free = request.mixture.baseline == "unimax"
        budget = total if free else plan.once(stocks, weights, request.unit)
    return plan.make(stocks, weights, budget, request.unit, request.seed)
