"""The main job as one function: crawl files in, corpus out."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from curate import pipeline, storage
from curate.crawl import crawl_source
from curate.engine import session
from curate.recipe import load


@dataclass(frozen=True, slots=True)
class Options:
    """What a person asks of `curate clean`."""

    inputs: Sequence[str]
    output: str
    recipe: str = "c4"
    extractor: str | None = None
    bad_words: str | None = None
    source: str | None = None
    engine: str | None = None
    master: str | None = None
    cores: int | None = None
    split_bytes: int = 0
    resume: bool = False
    keep_rejected: bool = False
    keep_extracted: bool = True
    quiet: bool = False
    command: Sequence[str] = field(default_factory=lambda: tuple(sys.argv))


def clean(options: Options) -> dict[str, Any]:
    """Run the job and return its ledger. Raises CurateError for whatever the person can mend."""
    from curate.progress import Progress
    from curate.report import finish_report

    overrides = {"extract": {"engine": options.extractor}} if options.extractor else None
    steps = {"BadWords": {"words": options.bad_words}} if options.bad_words else None
    recipe = load(options.recipe, overrides, steps)
    source = crawl_source(options.inputs, recipe, options.source, options.split_bytes)
    job = pipeline.Job(
        name="clean",
        source=source,
        recipe=recipe,
        output=options.output.rstrip("/"),
        command=command_line(options.command),
        keep_rejected=options.keep_rejected,
        keep_extracted=options.keep_extracted,
        finishers=(finish_report,),
    )
    beats = job.scratch("beats") if storage.is_local(job.work) else None
    name = f"curate clean {recipe.name}"
    with (
        Progress(quiet=options.quiet, beats=beats) as job.watcher,
        session(name, options.engine, options.master, options.cores) as s,
    ):
        return pipeline.run(s, job, resume=options.resume)


def command_line(arguments: Sequence[str]) -> str:
    """The command as a person would type it again (the program by its name, not by where it is installed)."""
    import os
    import shlex

    return shlex.join([os.path.basename(arguments[0]) if arguments else "curate", *arguments[1:]])
