"""What every reader gives a job: its tasks, its inputs, and what decides the rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTask:
    """What a reader does at a time; each has its own, with more fields. The pipeline sets `out`, `beats`, `scratch` and `packed`."""

    name: str
    """Stable over re-runs."""
    out: str = ""
    """The file to write."""
    beats: str | None = None
    """Folder for the progress."""
    scratch: str = ""
    """Folder of the files that the stages before have written, where there are such."""
    packed: bool = True
    """Whether `out` is compressed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTask(ReadTask):
    """One file (or folder, or archive), read as a whole."""

    file: str
    source: str | None = None
    """The column of that name."""


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What a task has read; the progress display adds it up."""

    records: int
    rows: int
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Stage:
    """Tasks that come before those of a source, each of which writes one file `out` = scratch folder / `folder` / its name.

    Tasks of stages and of such a source get `scratch`, where they find the files of the stages before.
    """

    folder: str
    run: Callable[..., ReadResult]
    tasks: Sequence[ReadTask]


@dataclass(frozen=True, slots=True)
class Source:
    """Where documents come from: task functions that each write one Parquet file of rows (`schema.extracted(kind)`).

    The facts of the file are {"files": {file: {"records": n, "skipped": {kind: n}}},
    "bytes": n}.
    """

    kind: str
    """The columns: a key of `schema.DOCUMENTS`."""
    run: Callable[..., ReadResult] | None
    """The task function; None where nothing is to be read (`reuse`)."""
    tasks: Sequence[ReadTask]
    inputs: Sequence[tuple[str, int]]
    """Path and size of each input."""
    digest: str
    """Changes when the same inputs would give other rows."""
    notes: Sequence[str] = ()
    """What a person should know before the job starts: files and columns that are left out."""
    extraction: dict[str, str | int | float] | None = None
    """All that decides what text a page gives; None where the documents come from tables."""
    reuse: str | None = None
    """Folder `extracted/` of an earlier corpus that holds these very rows: nothing is extracted again."""
    reads: Sequence[str] = ()
    """The files and folders that are read, where these are not the inputs."""
    uses: Sequence[str] = ()
    """Local files that decide what the rows are: databases, models."""
    memory_bytes: int = 0
    """What the processes that read may hold; 0: no limit."""
    before: Sequence[Stage] = ()
    """What has to be done first where a document is made of records that lie apart, one stage after the other."""
