"""What a person asks `curate mix` for, and the plan that answers it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from curate.engine.tasks import Run, missing
from curate.errors import UsageError
from curate.mixing import contamination, counts, decontaminate, plan
from curate.mixing import mixture as mixtures
from curate.mixing.mixture import Mixture
from curate.mixing.sources import Source
from curate.tokens.tokenizer import TokenizerFile

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
    """Evaluation tasks whose n-grams no drawn document may hold; empty: nobody looks."""
    ngram: int = decontaminate.NGRAM
    tokenize: bool = False
    """Write packed token ids, too."""
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
        looks = _looks(request)
        for _ in run(contamination.look, missing(looks)):
            pass
        for task in looks:
            key = task.file.source, task.file.path
            found[key] = replace(found[key], contamination=task.out)
    return [[found[source.name, file] for file in source.files] for source in request.sources]


def _looks(request: Request) -> list[contamination.LookTask]:
    ngrams = decontaminate.load(request.tasks, request.ngram)
    found = (contamination.tasks(source, request.counts, request.tasks, ngrams) for source in request.sources)
    return [job for jobs in found for job in jobs]


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
