"""Start an engine and a progress display and run a job: what every command that writes a corpus or a mixture does."""

import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from curate.console.terminal import without_secrets
from curate.engine.session import Session, session
from curate.files import output
from curate.run import runner
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
    memory: int | None = None


def run_job(job: Job, options: EngineOptions | None = None) -> dict[str, object]:
    """Run the job on the engine asked for, with progress on stderr; returns the ledger. Raises as `runner.run` does."""
    options = options or EngineOptions()
    job.prepare()
    with runner.claimed(job, resume=options.resume):
        if ledger := output.built(job.work):  # only the name is missing: no engine is needed for that
            return runner.complete(job, ledger)
        with running(job.title, options, job.beats) as (s, job.watcher):
            return runner.build(s, job)


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


def command_line(arguments: Sequence[str]) -> str:
    """The command as a person would type it again (the program by its name, not by where it is installed), without secrets."""
    program = os.path.basename(arguments[0]) if arguments else "curate"
    return shlex.join(["curate" if program == "__main__.py" else program, *map(without_secrets, arguments[1:])])
