"""Start an engine and a progress display and run a job of the pipeline: what every command that writes a corpus does."""

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from curate import pipeline, storage
from curate.engine import session


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What `curate.commands.options.engine_options` reads from the command line."""

    engine: str | None = None
    master: str | None = None
    cores: int | None = None
    resume: bool = False
    quiet: bool = False


def run_job(job: pipeline.Job, options: EngineOptions) -> dict[str, Any]:
    """Run the job on the engine asked for, with progress on stderr; returns the ledger."""
    from curate.progress import Progress

    beats = job.scratch("beats") if storage.is_local(job.work) else None
    name = f"curate {job.name} {job.recipe.name}"
    with (
        Progress(quiet=options.quiet, beats=beats) as job.watcher,
        session(name, options.engine, options.master, options.cores) as s,
    ):
        return pipeline.run(s, job, resume=options.resume)


def command_line(arguments: Sequence[str]) -> str:
    """The command as a person would type it again (the program by its name, not by where it is installed)."""
    program = os.path.basename(arguments[0]) if arguments else "curate"
    return shlex.join(["curate" if program == "__main__.py" else program, *arguments[1:]])
