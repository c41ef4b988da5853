"""What every reader gives a job: its tasks, its inputs, and what decides the rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Stage:
    """Tasks that come before those of a source, each of which writes one file `out` = scratch folder / `folder` / its name.

    Tasks of stages and of such a source get `scratch`, where they find the files of the stages before.
    """

    folder: str
    reference: str
    tasks: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Source:
    """Where documents come from: task functions that each write one Parquet file of rows (`schema.extracted(kind)`).

    A task is a JSON object with a `name` that is stable over re-runs; the pipeline adds `out` (the file to write) and
    `beats` (the folder for progress). The facts of the file are {"files": {file: {"records": n, "skipped": {kind: n}}},
    "bytes": n}.
    """

    kind: str
    """The columns: a key of `schema.DOCUMENTS`."""
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
    before: Sequence[Stage] = ()
    """What has to be done first where a document is made of records that lie apart, one stage after the other."""
