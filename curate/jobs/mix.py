"""`curate mix` as functions: what a person asks, to a plan or to a mixture."""

import fnmatch
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from curate.console.terminal import command_line, notes
from curate.errors import UsageError, nearest, refuse_empty
from curate.files import storage
from curate.mixing import counts, decontam_files, mixture, plan, repeats, request, sources, units
from curate.mixing.decontam_evidence import COMMON
from curate.mixing.job import MixJob
from curate.mixing.request import Request
from curate.read import files
from curate.run.ledger import Ledger
from curate.run.runner import EngineOptions, run_job, running
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
    max_epochs: float = request.MAX_EPOCHS
    seed: int = 0
    held_out: float = request.HELD_OUT
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
    """The plan, with nothing written but the counts. Raises as `mix` does, but for too many repeats (`curate.mixing.job.check`)."""
    order = asked(options)
    with running("curate mix", engine or EngineOptions()) as (s, _):
        return request.answer(order, request.measure(order, s.run)), order


def asked(options: Options) -> Request:
    """What was asked for. Raises UsageError, RecipeError, InputError."""
    unit, budget = _budget(options)
    _check_format(options)
    names = source_paths(options.sources)
    texts, ids = (
        _columns(options.text_column, names, "--text-column"),
        _columns(options.id_column, names, "--id-column"),
    )
    stated = mixture.load(options.weights)
    settled = mixture.settle(stated, names, normalise=options.normalise, drop=options.drop_missing)
    used = [name for name in names if settled.baseline or name in settled.weights]
    found = [sources.find(name, names[name], texts.get(name, ""), ids.get(name, "")) for name in used]
    if options.repeat_by:
        by = repeats.read(options.repeat_by, used)
        found = [replace(source, repeats=by[source.name]) for source in found]
    tasks = _tasks(options)
    notes([*(note for source in found for note in source.notes), *decontam_files.notes(tasks)])
    needs = unit == "tokens" or options.tokenizer or options.tokenize
    return Request(
        mixture=settled,
        sources=tuple(found),
        tokenizer=tokenizer.find(options.tokenizer) if needs else None,
        counts=options.counts or counts.cache_folder(),
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


def source_paths(texts: Sequence[str]) -> dict[str, str]:
    """Path of each source by name, from NAME=PATH, or from FOLDER/KEY=* with a source a folder: `corpus/data/language=*`.

    Raises UsageError.
    """
    found: dict[str, str] = {}
    for name, path in (pair for text in texts for pair in _named(text)):
        mixture.check_name(name, "--source")
        if name in found:
            raise UsageError(f"--source {name} is given twice; a glob pattern can name several folders")
        found[name] = path
    return found


def _named(text: str) -> list[tuple[str, str]]:
    """(name, path) of one --source."""
    name, equals, path = text.partition("=")
    if equals and path and "/" not in name:
        return [(name, path)]
    refuse_empty(text, "--source")
    if name and equals:
        refuse_empty(path, f"the path of --source {name}")
    folder, slash, last = text.rstrip("/").rpartition("/")
    if not (slash and "=" in last):
        raise UsageError(f"--source {text}: write NAME=PATH, or FOLDER/language=* for a source a language")
    if not storage.exists(folder):
        raise UsageError(f"--source {text}: there is no folder {folder}; a name has no slash: NAME=PATH")
    below = {name.split("/")[0] for name in files.tree(folder)[0] if "/" in name}
    matching = sorted(one for one in below if one == last or fnmatch.fnmatchcase(one, last))
    if not matching:
        raise UsageError(f"--source {text}: no folder in {folder} is called so")
    return [(one.partition("=")[2], storage.join(folder, one)) for one in matching]


def _columns(texts: Sequence[str], names: Mapping[str, str], option: str) -> dict[str, str]:
    """Column by source, from COLUMN (for all) and SOURCE=COLUMN."""
    found: dict[str, str] = {}
    for text in sorted(texts, key=lambda one: "=" in one):
        source, equals, column = text.rpartition("=")
        if not equals:
            found.update(dict.fromkeys(names, column))
        elif source in names:
            found[source] = column
        else:
            raise UsageError(f"{option} {text}: no source {source!r}{nearest(source, names)}")
    return found


def _tasks(options: Options) -> tuple[str, ...]:
    if options.no_decontaminate:
        for given, option in ((options.tasks, "--decontaminate"), (options.report_only, "--report-only")):
            if given:
                raise UsageError(f"{option} and --no-decontaminate contradict each other")
        return ()
    return tuple(options.tasks) or tuple(decontam_files.bundled())
