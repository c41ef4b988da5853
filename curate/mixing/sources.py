"""Sources: folders of other people's corpora and ours, read as batches of (id, text). See `curate.read`."""

import fnmatch
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import InputError, RecipeError, UsageError, nearest, refuse_empty
from curate.files import storage
from curate.mixing.hashing import content_id
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


def check_name(name: str, where: str) -> None:
    """Refuse names of sources that can't be names of files on every system."""
    allowed = name and len(name) <= 80 and name[0] not in "._-" and all(c.isalnum() or c in "._-+" for c in name)
    if not allowed:
        raise RecipeError(f"{where}: {name!r} can't name a source (letters, digits, . _ - +; at most 80)")


def source_paths(texts: Sequence[str]) -> dict[str, str]:
    """Path of each source by name, from NAME=PATH, or from FOLDER/KEY=* with a source a folder: `corpus/data/language=*`.

    Raises UsageError.
    """
    found: dict[str, str] = {}
    for name, path in (pair for text in texts for pair in _named(text)):
        check_name(name, "--source")
        if name in found:
            raise UsageError(f"--source {name} is given twice; a glob pattern can name several folders")
        found[name] = path
    return found


def _named(text: str) -> list[tuple[str, str]]:
    """(name, path) of one --source."""
    name, equals, path = text.partition("=")
    if equals and path and "/" not in name:
        return [(name, path)]
    refuse_empty(text, "--source")
    if name and equals:
        refuse_empty(path, f"the path of --source {name}")
    folder, slash, last = text.rstrip("/").rpartition("/")
    if not (slash and "=" in last):
        raise UsageError(f"--source {text}: write NAME=PATH, or FOLDER/language=* for a source a language")
    if not storage.exists(folder):
        raise UsageError(f"--source {text}: there is no folder {folder}; a name has no slash: NAME=PATH")
    below = {name.split("/")[0] for name in files.tree(folder)[0] if "/" in name}
    matching = sorted(one for one in below if one == last or fnmatch.fnmatchcase(one, last))
    if not matching:
        raise UsageError(f"--source {text}: no folder in {folder} is called so")
    return [(one.partition("=")[2], storage.join(folder, one)) for one in matching]


def columns_by_source(texts: Sequence[str], names: Mapping[str, str], option: str) -> dict[str, str]:
    """Column by source, from COLUMN (for all) and SOURCE=COLUMN."""
    found: dict[str, str] = {}
    for text in sorted(texts, key=lambda one: "=" in one):
        source, equals, column = text.rpartition("=")
        if not equals:
            found.update(dict.fromkeys(names, column))
        elif source in names:
            found[source] = column
        else:
            raise UsageError(f"{option} {text}: no source {source!r}{nearest(source, names)}")
    return found


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
            ids = _filled(good.column("id").cast(pa.large_string()), good.column("text"))
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


def _filled(ids: pa.Array, texts: pa.Array) -> pa.Array:
    """The ids, with one made from the text where there is none."""
    absent = ids.is_null()
    if not pc.any(absent).as_py():
        return ids
    made = pa.array([content_id(text) for text in texts.filter(absent).to_pylist()], pa.large_string())
    return pc.replace_with_mask(ids, absent, made)
