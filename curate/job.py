"""What a job of the pipeline is: where its documents come from, its recipe, and the folders it builds in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from curate import storage
from curate.output import work_folder
from curate.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Source:
    """Where documents come from: task functions that each write one Parquet file of rows (`schema.extracted(kind)`).

    A task is a JSON object with a `name` that is stable over re-runs; the pipeline adds `out` (the file to write) and
    `beats` (the folder for progress). The facts of the file are {"files": {file: {"records": n, "skipped": {kind: n}}},
    "bytes": n}.
    """

    kind: str
    """`web` or `code`: the columns."""
    reference: str
    """`package.module:name` of the task function."""
    tasks: Sequence[dict[str, Any]]
    inputs: Sequence[tuple[str, int]]
    """Path and size of each input."""
    digest: str
    """Changes when the same inputs would give other rows."""
    notes: Sequence[str] = ()
    """What a person should know before the job starts: files and columns that are left out."""
    extraction: dict[str, Any] | None = None
    """All that decides what text a page gives; None where the documents come from tables."""
    reuse: str | None = None
    """Folder `extracted/` of an earlier corpus that holds these very rows: nothing is extracted again."""
    reads: Sequence[str] = ()
    """The files and folders that are read, where these are not the inputs."""
    uses: Sequence[str] = ()
    """Local files that decide what the rows are: databases, models."""


class Watcher(Protocol):
    """What a progress display offers; see `curate.progress`."""

    def stage(self, name: str, total: int, total_bytes: int = 0) -> None: ...
    def update(self, **numbers: int) -> None: ...


@dataclass(slots=True)
class Job:
    """One run: where it builds, what it was asked."""

    name: str
    source: Source
    recipe: Recipe
    output: str
    command: str = ""
    keep_rejected: bool = False
    keep_extracted: bool = True
    watcher: Watcher | None = None
    finishers: Sequence[Callable[["Job", dict[str, Any]], None]] = field(default_factory=tuple)
    """Called with the ledger before the corpus is published, to write further files into `work`."""

    @property
    def work(self) -> str:
        """The folder it builds in."""
        return work_folder(self.output)

    def path(self, *names: str) -> str:
        """A path in `work`: it will be part of the corpus."""
        return storage.join(self.work, *names)

    def scratch(self, *names: str) -> str:
        """A path that is gone when the corpus is published."""
        return storage.join(self.work, "_scratch", *names)
