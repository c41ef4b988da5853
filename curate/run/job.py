"""What a job of the pipeline is: where its documents come from, its recipe, and the folders it builds in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from curate.corpus.recipe import Recipe
from curate.files import storage
from curate.files.output import work_folder
from curate.read.source import Source


class Watcher(Protocol):
    """What a progress display offers; see `curate.console.progress`."""

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
