"""`curate mix` as functions: what a person asks, to a plan or to a mixture."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from curate.console.terminal import command_line, notes
from curate.engine.session import EngineOptions
from curate.errors import UsageError
from curate.mixing import decontam_items, job, mixture, plan, repeats, sources, units
from curate.mixing.contamination import COMMON
from curate.mixing.job import MixJob, Request
from curate.run.ledger import Ledger
from curate.run.runner import run_job, running
from curate.tokens import formats, tokenizer


@dataclass(frozen=True, slots=True)
class Options:
    """What a person asks of `curate mix`."""

    weights: str
    sources: Sequence[str]
    """NAME=PATH each."""
    output: str | None = None
    """None: only the plan is wanted."""
    text_column: Sequence[str] = ()
    """COLUMN, of all sources, or NAME=COLUMN."""
    id_column: Sequence[str] = ()
    repeat_by: str | None = None
    """COLUMN=RULE, see `curate.mixing.repeats`."""
    normalise: bool = False
    drop_missing: bool = False
    tokens: str | None = None
    """Budget, of which one may be given; none: as much as fits without repeats."""
    size: str | None = None
    documents: str | None = None
    unit: str | None = None
    max_epochs: float = job.MAX_EPOCHS
    seed: int = 0
    held_out: float = job.HELD_OUT
    tokenizer: str | None = None
    tasks: Sequence[str] = ()
    """Evaluation tasks to keep out; none: the bundled ones."""
    no_decontaminate: bool = False
    common: int = COMMON
    report_only: bool = False
    """Look for evaluation tasks, and draw documents that hold them all the same."""
    tokenize: bool = False
    format: str | None = None
    """Of the tokens, see `curate.tokens.formats`; None: our own."""
    sequence_length: int | None = None
    shards: int | None = None
    counts: str | None = None
    command: Sequence[str] = field(default_factory=lambda: tuple(sys.argv))


def mix(options: Options, engine: EngineOptions | None = None) -> Ledger:
    """Build the mixture and return its ledger. Raises CurateError for whatever the person can mend."""
    from curate.report.mixture import finish_mixture

    if not options.output:
        raise UsageError("give --output DIR, or --plan to see the table only")
    order, output = asked(options), options.output.rstrip("/")
    return run_job(MixJob(order, output, command_line(options.command), finishers=(finish_mixture,)), engine)


def show(options: Options, engine: EngineOptions | None = None) -> tuple[plan.Plan, Request]:
    """The plan, with nothing written but the counts. Raises as `mix` does, but for too many repeats (`Plan.check_repeats`)."""
    order = asked(options)
    with running("curate mix", engine or EngineOptions()) as (s, _):
        return plan.answer(order, job.measure(order, s.run)), order


def asked(options: Options) -> Request:
    """What was asked for. Raises UsageError, RecipeError, InputError."""
    unit, budget = _budget(options)
    _check_format(options)
    tasks = _tasks(options)
    names = mixture.source_paths(options.sources)
    texts, ids = (
        mixture.columns_by_source(options.text_column, names, "--text-column"),
        mixture.columns_by_source(options.id_column, names, "--id-column"),
    )
    stated = mixture.load(options.weights)
    settled = mixture.settle(stated, names, normalise=options.normalise, drop=options.drop_missing)
    used = [name for name in names if settled.baseline or name in settled.weights]
    found = [sources.find(name, names[name], texts.get(name, ""), ids.get(name, "")) for name in used]
    if options.repeat_by:
        by = repeats.read(options.repeat_by, used)
        found = [replace(source, repeats=by[source.name]) for source in found]
    left = [f"source {name} has weight 0: nothing of it is drawn" for name in names if name not in used]
    notes(
        [
            *(note for source in found for note in source.notes),
            *left,
            *sources.shared(found),
            *decontam_items.notes(tasks),
        ]
    )
    needs = unit == "tokens" or options.tokenizer or options.tokenize
    return Request(
        mixture=settled,
        sources=tuple(found),
        tokenizer=tokenizer.find(options.tokenizer) if needs else None,
        counts=options.counts or "",
        unit=unit,
        budget=budget,
        seed=options.seed,
        max_epochs=options.max_epochs,
        held_out=options.held_out,
        tasks=tasks,
        common=options.common,
        report_only=options.report_only,
        tokenize=options.tokenize,
        format=options.format or formats.OURS,
        sequence_length=options.sequence_length or formats.SEQUENCE_LENGTH,
        shards=options.shards,
    )


def _check_format(options: Options) -> None:
    if options.format and not options.tokenize:
        raise UsageError("--format says how tokens are written: it needs --tokenize")
    if options.sequence_length is not None and options.format not in formats.WITH_SEQUENCES:
        raise UsageError(f"--sequence-length needs --format {' or '.join(formats.WITH_SEQUENCES)}")


def _budget(options: Options) -> tuple[str, int | None]:
    named = (("tokens", options.tokens), ("bytes", options.size), ("documents", options.documents))
    given = [(unit, text) for unit, text in named if text is not None]
    if len(given) > 1:
        raise UsageError("give one of --tokens, --bytes and --documents")
    if not given:
        return options.unit or "tokens", None
    unit, text = given[0]
    if options.unit not in (None, unit):
        raise UsageError(f"--{unit} says that weights are shares of {unit}, --unit says {options.unit}")
    return unit, units.parse(text, f"--{unit}")


def _tasks(options: Options) -> tuple[str, ...]:
    if options.no_decontaminate:
        for given, option in ((options.tasks, "--decontaminate"), (options.report_only, "--report-only")):
            if given:
                raise UsageError(f"{option} and --no-decontaminate contradict each other")
        return ()
    return tuple(options.tasks) or tuple(decontam_items.bundled())
