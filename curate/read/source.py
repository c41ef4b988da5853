"""What every reader gives a job: its tasks, its inputs, and what decides the rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


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
