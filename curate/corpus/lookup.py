"""Rows of a corpus by the beginning of their id: of sorted files, only the row groups that can hold one are read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.errors import InputError
from curate.files import storage


def parts(corpus: str, folder: str) -> list[str]:
    """The Parquet files of a folder of the corpus, in order; `data/` may have a folder a language."""
    root = storage.join(corpus, folder)
    found = [name for name in storage.names_below(root) if name.endswith(".parquet")]
    return [storage.join(root, name) for name in found if not any(part.startswith(".") for part in name.split("/"))]


def check_whole(corpus: str, listed: Iterable[Mapping[str, Any]]) -> None:
    """Raises InputError for a file that the ledger lists (`file`, `bytes`) and that is missing in its corpus, or of another size, and for
    a name that leads out of the corpus: it is read, sent, and written elsewhere under this name."""
    listed = list(listed)
    for one in listed:
        parts = str(one.get("file", "")).split("/")
        if not {"", ".", ".."}.isdisjoint(parts) or "\\" in one["file"] or "\0" in one["file"]:
            raise InputError(
                f"{corpus}: its ledger names {one['file']!r}, which is no file of a corpus: somebody changed it"
            )
    sizes = {storage.join(corpus, one["file"]): one.get("bytes") for one in listed}
    there = storage.existing(list(sizes))
    for path, size in sizes.items():
        if path not in there:
            raise InputError(f"{path}: missing, but the ledger lists it: make the corpus again")
        if size is not None and (found := storage.file_size(path)) != size:
            raise InputError(f"{path}: {found:,} bytes, not the {size:,} that the ledger says: make the corpus again")


def check_documents(corpus: str) -> None:
    """Raises InputError for a folder whose data/ holds no documents, but the addresses of `curate links`."""
    found = parts(corpus, "data")
    try:
        names = schema_of(found[0]).names if found else ["id"]
    except (OSError, pa.ArrowException):
        return  # what reads the documents says what is damaged
    if "id" not in names:
        raise InputError(
            f"{corpus}: data/ holds no documents (its files have no column id), such as the addresses of curate links: give a corpus "
            "or a mixture, or read data/*.parquet yourself"
        )


def judged(row: Mapping[str, Any]) -> bool:
    """Whether the steps of the recipe saw a row of the corpus; else the reader decided it.

    Several rows may have one id (a record that was read twice); the steps saw one of them at most.
    """
    reason = row.get("reason")
    return reason is None or ("." in reason and not reason.startswith("extract."))


def by_id(paths: Sequence[str], prefix: str) -> Iterator[dict[str, Any]]:
    """Rows whose id begins with `prefix`, in the order of the files; found in files that are not sorted too."""
    found = False
    for row in by_ids(paths, [prefix]):
        found = True
        yield row
    span = (prefix.ljust(32, "0"), prefix.ljust(32, "f"), prefix)
    for path in () if found else paths:
        yield from _rows(path, [span])


def by_ids(paths: Sequence[str], prefixes: Iterable[str], *, texts: bool = True) -> Iterator[dict[str, Any]]:
    """Rows whose id begins with one of `prefixes`, in the order of the files, each group of rows read once; without `texts` where nobody
    needs them.

    Files of one folder and their rows are sorted by id, as the job writes them: of many files few are opened, by bisection.
    """
    wanted = list(prefixes)
    for _, group in groupby(paths, key=lambda path: path.rpartition("/")[0]):
        yield from _by_ids(list(group), wanted, texts=texts)


def _by_ids(paths: Sequence[str], prefixes: Iterable[str], *, texts: bool) -> Iterator[dict[str, object]]:
    """`by_ids` for the files of one folder."""
    spans = sorted({(prefix.ljust(32, "0"), prefix.ljust(32, "f"), prefix) for prefix in prefixes})
    known: dict[int, tuple[str, str] | None] = {}
    wanted: dict[int, list[tuple[str, str, str]]] = {}
    for span in spans:
        for at in _files(paths, *span[:2], known):
            wanted.setdefault(at, []).append(span)
    for at in sorted(wanted):
        yield from _rows(paths[at], wanted[at], texts=texts)


def _files(paths: Sequence[str], low: str, high: str, known: dict[int, tuple[str, str] | None]) -> Iterator[int]:
    """Places in `paths` of the files with ids in [low, high]; the first by bisection, over files without rows too."""
    first, last = 0, len(paths)
    while first < last:
        middle = at = (first + last) // 2
        while at < last and _bounds(paths, at, known) is None:
            at += 1
        bounds = _bounds(paths, at, known) if at < last else None
        if bounds and bounds[1] < low:
            first = at + 1
        else:
            last = middle
    for at in range(first, len(paths)):
        bounds = _bounds(paths, at, known)
        if bounds and bounds[0] > high:
            return
        if bounds:
            yield at


def _bounds(paths: Sequence[str], at: int, known: dict[int, tuple[str, str] | None]) -> tuple[str, str] | None:
    """The smallest and the largest id of a file, None where it has none."""
    if at not in known:
        inner, fs = opened(paths[at])
        ranges = [found for _, found in _groups(pq.read_metadata(inner, filesystem=fs)) if found]
        known[at] = (min(low for low, _ in ranges), max(high for _, high in ranges)) if ranges else None
    return known[at]


def _groups(metadata: pq.FileMetaData) -> Iterator[tuple[int, tuple[str, str] | None]]:
    """Row groups with the range of their ids, None where it is not known."""
    columns = [metadata.schema.column(i).path for i in range(metadata.num_columns)]
    for group in range(metadata.num_row_groups if "id" in columns else 0):
        found = metadata.row_group(group).column(columns.index("id")).statistics
        yield group, (found.min, found.max) if found is not None and found.has_min_max else ("", "g")


def _rows(path: str, spans: Sequence[tuple[str, str, str]], *, texts: bool = True) -> Iterator[dict[str, Any]]:
    inner, fs = opened(path)
    with pq.ParquetFile(inner, filesystem=fs) as file:
        columns = None if texts else [name for name in file.schema_arrow.names if name != "text"]
        for group, range_ in _groups(file.metadata):
            here = [prefix for low, high, prefix in spans if range_ and range_[0] <= high and range_[1] >= low]
            if not here:
                continue
            ids = file.read_row_group(group, columns=["id"])["id"]
            mask = reduce(pc.or_, [pc.starts_with(ids, prefix) for prefix in here])
            if pc.any(mask).as_py():
                yield from file.read_row_group(group, columns=columns).filter(mask).to_pylist()


def opened(path: str) -> tuple[str, Any]:
    """The path inside its file system, and that."""
    fs, inner = storage.filesystem(path)
    return inner, fs


def schema_of(path: str) -> pa.Schema:
    """The columns of a Parquet file."""
    inner, fs = opened(path)
    return pq.read_schema(inner, filesystem=fs)
