"""Sources: folders of other people's corpora and ours, read as batches of (id, text). See `curate.read`."""

import itertools
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from curate.errors import InputError
from curate.mixing.hashing import filled_ids
from curate.mixing.repeats import Repeats
from curate.read import files, tables
from curate.read.columns import Asked

BATCH = pa.schema([pa.field("id", pa.large_string()), pa.field("text", pa.large_string())])
REPEATED = BATCH.append(pa.field("times", pa.int64()))
"""Where documents are repeated: how often an epoch holds each."""


@dataclass(frozen=True)
class Source:
    """One source: a name, its files in sorted order, and what its columns are called."""

    name: str
    path: str
    files: tuple[str, ...]
    text_column: str = ""
    """Empty: the first of the usual names that a file has."""
    id_column: str = ""
    """Empty: by the usual names, else ids are made from the text."""
    notes: tuple[str, ...] = ()
    """Which files of the folder are left out, and why."""
    repeats: Repeats | None = None

    def only(self, file: str) -> "SourceFile":
        """One of its files."""
        return SourceFile(self.name, file, self.text_column, self.id_column, self.repeats)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a source, as a task is given it."""

    source: str
    path: str
    text_column: str = ""
    id_column: str = ""
    repeats: Repeats | None = None


def find(name: str, path: str, text_column: str = "", id_column: str = "") -> Source:
    """List the files of a source: a folder, a file, a URL or a glob pattern. Raises InputError when there are
    none."""
    try:
        found = files.find(path, Asked(text_column, id_column))
    except InputError as error:
        raise InputError(f"source {name}: {error}") from error
    return Source(name, path, found.files, text_column, id_column, found.notes)


def read(file: SourceFile, skipped: Counter[str], where: dict[str, str] | None = None) -> Iterator[pa.RecordBatch]:
    """Batches of BATCH, or of REPEATED, from one file, in file order, the same ones each time.

    What can't be read is counted in `skipped` by kind (see `tables.EMPTY`); `where` gets the place of the first row of
    each kind. A column that is missing or not text altogether raises InputError: that is a wrong option, not a damaged
    record.
    """
    asked, by = Asked(file.text_column, file.id_column), file.repeats
    rows = values = 0
    try:
        for batch in tables.read(file.path, ("text", "id"), asked, label=by.column if by else ""):
            good = tables.without_problems(batch, skipped, where)
            if not good.num_rows:
                continue
            ids = filled_ids(good.column("id").cast(pa.large_string()), good.column("text"))
            made = pa.record_batch([ids, good.column("text")], schema=BATCH)
            if by:
                said = good.column(by.column)
                rows, values = rows + good.num_rows, values + good.num_rows - said.null_count
                times = pa.array(by.of(said, file.path))
                made = pa.record_batch([*made.columns, times], schema=REPEATED)
            yield made
        if by and rows and not values:
            raise InputError(f"{file.path} has no column {by.column}, or nothing in it: --repeat-by needs it")
    except InputError as error:
        raise InputError(f"source {file.source}: {error}") from error


def shared(found: Sequence[Source]) -> list[str]:
    """A sentence for each two sources that read the same files: what is drawn for one may be drawn for the other."""
    held = [{one if "://" in one else os.path.realpath(one) for one in source.files} for source in found]
    return [
        f"sources {found[a].name} and {found[b].name} both read {sorted(both)[0]}{f' and {len(both) - 1} more' if len(both) > 1 else ''}: "
        "its documents may be drawn for each of them"
        for a, b in itertools.combinations(range(len(found)), 2)
        if (both := held[a] & held[b])
    ]
