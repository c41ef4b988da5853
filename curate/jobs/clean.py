"""The main job as one function: crawl files, or a corpus that exists, in; a clean corpus out."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curate.console.terminal import command_line, notes
from curate.corpus.by_language import ByLanguage
from curate.corpus.recipe import Recipe, load
from curate.engine.session import EngineOptions
from curate.errors import UsageError
from curate.links.listed import Listed
from curate.read import corpora
from curate.read.documents import document_source
from curate.read.rows import SafeTask
from curate.run.ledger import Ledger
from curate.run.pipeline import CorpusJob
from curate.run.runner import run_job


@dataclass(frozen=True, slots=True)
class Options:
    """What a person asks of `curate clean`."""

    inputs: Sequence[str]
    output: str
    recipe: str = "c4"
    extractor: str | None = None
    bad_words: str | None = None
    urls: str | None = None
    """Addresses of the pages that are kept: a folder of `curate links`, or a file."""
    parameters: str | None = None
    """Parameters by language, instead of the recipe's: a folder or a TOML file."""
    language_model: str | None = None
    """Model of the step FastText."""
    metadata: str | None = None
    """Of e-prints: file of arXiv's metadata."""
    block_lists: Sequence[str] = ()
    """Lists of hosts and URLs that are left out (see `filters.urls.UrlBlocklist`)."""
    opt_outs: str = "count"
    """What is done about pages whose sites declared against their use: `count`, or `honour`: they are dropped."""
    robots: Sequence[str] = ()
    """Crawl files with records of robots.txt and tdmrep.json."""
    source: str | None = None
    base: str | None = None
    split_bytes: int = 0
    keep_rejected: bool = False
    keep_extracted: bool = True
    text_column: str = ""
    """Column of the texts in tables, where it has no usual name."""
    id_column: str = ""
    """Column of the ids, likewise."""
    command: Sequence[str] = field(default_factory=lambda: tuple(sys.argv))


def clean(options: Options, engine: EngineOptions | None = None) -> Ledger:
    """Run the job and return its ledger. Raises CurateError for whatever the person can mend."""
    from curate.report.write import finish_links, finish_report

    recipe = _recipe(options)
    source = document_source(
        options.inputs,
        recipe,
        (options.text_column, options.id_column),
        name=options.source,
        split_bytes=options.split_bytes,
        base=options.base,
        robots=options.robots,
    )
    if options.extractor and any(isinstance(task, SafeTask) and task.reads(corpora.run) for task in source.tasks):
        raise UsageError("--extractor is for crawl files; these are tables that have a text")
    notes(source.notes)
    if any(isinstance(step, Listed) and not step.urls for step in recipe.steps):
        notes([f"without --urls the recipe {recipe.name} keeps pages of every address: make a list with curate links"])
    job = CorpusJob(
        name="clean",
        source=source,
        recipe=recipe,
        output=options.output.rstrip("/"),
        command=command_line(options.command),
        keep_rejected=options.keep_rejected,
        keep_extracted=options.keep_extracted,
        finishers=(finish_report, finish_links),
    )
    return run_job(job, engine)


def _recipe(options: Options) -> Recipe:
    """The recipe with what the person asks for."""
    if options.opt_outs not in ("count", "honour", "honor"):
        raise UsageError(f"opt-outs are counted or honoured (count, honour), not {options.opt_outs!r}")
    if options.metadata and load(options.recipe).source is None:
        raise UsageError("--metadata is for sources of e-prints: --recipe arxiv")
    blocked = [str(Path(name).absolute()) for name in options.block_lists]
    first: list[dict[str, Any]] = [{"use": "filters.opt_outs.OptOuts"}] if options.opt_outs != "count" else []
    first += [{"use": "filters.urls.UrlBlocklist", "lists": blocked}] if blocked else []
    overrides: dict[str, Any] = {
        "extract": options.extractor and {"engine": options.extractor},
        "source": options.metadata and {"metadata": options.metadata},
        "parameters": options.parameters and str(Path(options.parameters).absolute()),
    }
    steps: dict[str, dict[str, Any]] = {
        "FastText": {"model": options.language_model},
        "UrlBlocklist": {"lists": blocked},
        "BadWords": {"words": options.bad_words},
        "Listed": {"urls": options.urls},
    }
    overrides = {key: value for key, value in overrides.items() if value}
    steps = {name: given for name, given in steps.items() if all(given.values())}
    found = load(options.recipe, overrides or None, steps or None, first)
    if options.parameters and not any(isinstance(step, ByLanguage) for step in found.steps):
        raise UsageError(
            f'--parameters: no step of {options.recipe} has a parameter by language ("@key"; see fineweb-2)'
        )
    return found
