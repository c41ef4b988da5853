"""What a job is: what it was asked, what it reads, where it builds, and the stages that make what it makes."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from curate.dedup.base import CorpusStep
from curate.engine.session import Session
from curate.files import storage
from curate.files.output import work_folder


class Watcher(Protocol):
    """What a progress display offers; see `curate.console.progress`."""

    def stage(self, name: str, total: int, total_bytes: int = 0) -> None: ...
    def update(self, **numbers: int) -> None: ...


class Job(ABC):
    """One run. Each kind of job says what is its own; `curate.run.runner` does what all have in common."""

    name: str
    """What its ledger is headed with: clean, dedup, code, mix."""
    output: str
    command: str
    watcher: Watcher | None
    finishers: Sequence[Callable[[Any, Mapping[str, Any]], None]]
    """Called with the job and its ledger before it is published, to write what people read: the report, the card."""

    uses_named: ClassVar[str] = "files_used"
    """What the files of `uses` are called in `job.json`."""

    @property
    def title(self) -> str:
        """What an engine shows of it."""
        return f"curate {self.name}"

    @abstractmethod
    def inputs(self) -> Sequence[str]:
        """The files and folders that it reads."""

    @abstractmethod
    def uses(self) -> Sequence[str]:
        """Lists, models and other files that decide what it writes; these are read whole to know them again."""

    @abstractmethod
    def settings(self) -> Mapping[str, object]:
        """All else that decides what it writes, as JSON."""

    @abstractmethod
    def build(self, s: Session) -> dict[str, Any]:
        """Make everything in `work` but the ledger, and give what is its own in that: `files`, `data` and what it likes.

        Tasks whose files stand there from an earlier run are not run again. Raises BalanceError when something was lost.
        """

    def prepare(self) -> None:  # noqa: B027 (most need nothing)
        """Load once what tasks will need, so that what is missing stops the job before it starts."""

    def indexed(self) -> Sequence[tuple[CorpusStep, str]]:
        """Its corpus-wide steps that have an index, and the folders of their keys."""
        return ()

    @abstractmethod
    def check(self, ledger: Mapping[str, object]) -> None:
        """Raise BalanceError or InputError for what must not be published. That records add up is checked before."""

    def write_pages(self, ledger: Mapping[str, object]) -> None:  # noqa: B027
        """Write what belongs to it beside the ledger; the finishers come after it."""

    def leftovers(self) -> Sequence[str]:
        """Folders in `work` that are no part of what is published."""
        return ["_scratch"]

    def judge(self, ledger: Mapping[str, object]) -> None:  # noqa: B027
        """Raise CurateError for what is published and not as it should be."""

    @property
    def work(self) -> str:
        """The folder it builds in."""
        return work_folder(self.output)

    def path(self, *names: str) -> str:
        """A path in `work`: it will be published."""
        return storage.join(self.work, *names)

    def scratch(self, *names: str) -> str:
        """A path that is gone when the rest is published."""
        return storage.join(self.work, "_scratch", *names)

    @property
    def beats(self) -> str | None:
        """Where running tasks say how far they are; on a store they don't."""
        return self.scratch("beats") if storage.is_local(self.work) else None
