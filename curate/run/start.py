"""Start an engine and a progress display and run a job of the pipeline: what every command that writes a corpus does."""

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from curate.console.terminal import without_secrets
from curate.corpus.recipe import Recipe
from curate.engine.session import Session, session
from curate.errors import RecipeError
from curate.files import output, storage
from curate.run import pipeline
from curate.run.job import Job

if TYPE_CHECKING:
    from curate.console.progress import Progress


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What `curate.commands.options.engine_options` reads from the command line."""

    engine: str | None = None
    master: str | None = None
    cores: int | None = None
    resume: bool = False
    quiet: bool = False
    private: bool = False


def run_job(job: Job, options: EngineOptions) -> dict[str, Any]:
    """Run the job on the engine asked for, with progress on stderr; returns the ledger."""
    from curate.console.progress import Progress

    prepare(job.recipe)
    beats = job.scratch("beats") if storage.is_local(job.work) else None
    name = f"curate {job.name} {job.recipe.name}"
    with pipeline.claimed(job, resume=options.resume):
        if ledger := output.built(job.work):  # only the name is missing: no engine is needed for that
            return pipeline.complete(job, ledger)
        with (
            Progress(quiet=options.quiet, beats=beats) as job.watcher,
            session(name, options.engine, options.master, options.cores, options.private) as s,
        ):
            tell_notes(s, job.watcher)
            return pipeline.build(s, job)


def tell_notes(s: Session, progress: "Progress") -> None:
    """Say what the person should know about the engine."""
    for note in s.notes:
        progress.note(note)


def prepare(recipe: Recipe) -> None:
    """Load the models and lists of the steps once, so that a missing one stops the job before it starts.

    Raises RecipeError with what is missing or no model or list, and how to get it.
    """
    for label, step in zip(recipe.labels, recipe.steps, strict=True):
        if hasattr(step, "prepare"):
            try:
                step.prepare()
            except (OSError, ValueError) as error:
                raise RecipeError(f"{recipe.name}: {label}: {error}") from error


def command_line(arguments: Sequence[str]) -> str:
    """The command as a person would type it again (the program by its name, not by where it is installed), without secrets."""
    program = os.path.basename(arguments[0]) if arguments else "curate"
    return shlex.join(["curate" if program == "__main__.py" else program, *map(without_secrets, arguments[1:])])
