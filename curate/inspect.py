"""What is in a folder of Parquet with texts: counts, languages, hosts, lengths, documents chosen by hash."""

import hashlib
import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from curate import storage
from curate.errors import InputError, nearest
from filters.sampling import uniform

if TYPE_CHECKING:
    from curate.progress import Progress

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
COUNTED = ("language", "host", "source", "repo", "license", "charset")
"""Columns whose values are counted, where they exist."""
NAMES = 200_000
BATCH_ROWS = 512


@dataclass
class Contents:
    """What `inspect` found."""

    files: int = 0
    documents: int = 0
    file_bytes: int = 0
    text_bytes: int = 0
    columns: dict[str, str] = field(default_factory=dict)
    empty: int = 0
    """Documents without text (null or nothing)."""
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    lengths: Counter[int] = field(default_factory=Counter)
    """Documents by number of characters."""
    documents_shown: list[dict[str, Any]] = field(default_factory=list)

    @property
    def characters(self) -> int:
        return sum(length * count for length, count in self.lengths.items())


def inspect(
    folder: str,
    *,
    text: str = "text",
    random: int = 0,
    seed: str = "0",
    progress: "Progress | None" = None,
) -> Contents:
    """Look at every document of `folder` (its data/, where it is a corpus of ours; else all Parquet below it).

    `random` documents are chosen by a hash of their id (of their text, where there is no id) and `seed`: the same
    ones each time, whatever the files are called. Raises InputError where there is nothing, or no column `text`.
    """
    paths = find_files(folder)
    found, chosen = Contents(files=len(paths)), _Chosen(random, seed)
    found.columns = _columns(paths[0], text)
    if progress:
        progress.stage("inspect", len(paths))
    for done, path in enumerate(paths, 1):
        size = storage.file_size(path)
        found.file_bytes += size
        rows = found.documents
        for batch in _batches(path, text):
            _add(found, batch, text)
            chosen.look(batch, text)
        if progress:
            progress.update(done=done, records=found.documents - rows, bytes=size)
    found.documents_shown = chosen.documents(text)
    return found


def find_files(folder: str) -> list[str]:
    """Parquet files of a corpus (its data/), or below any folder, or the one file named. Sorted; never none."""
    if not storage.exists(folder):
        raise InputError(f"{folder} is not there")
    if folder.endswith(".parquet") and _is_file(folder):
        return [folder]
    data = storage.join(folder, "data")
    paths = storage.list_files(data, ".parquet") or _below(folder)
    if not paths:
        raise InputError(f"{folder} holds no Parquet files")
    return paths


def _is_file(path: str) -> bool:
    fs, inner = storage.filesystem(path)
    return bool(fs.get_file_info(inner).type == pafs.FileType.File)


def _below(folder: str) -> list[str]:
    fs, inner = storage.filesystem(folder)
    found = fs.get_file_info(pafs.FileSelector(inner, recursive=True))
    inside = [info.path[len(inner) :].lstrip("/") for info in found if info.type == pafs.FileType.File]
    good = [name for name in inside if name.endswith(".parquet") and not any(p[0] in "._" for p in name.split("/"))]
    return [storage.join(folder, name) for name in sorted(good)]


def _columns(path: str, text: str) -> dict[str, str]:
    fs, inner = storage.filesystem(path)
    try:
        schema = pq.read_schema(inner, filesystem=fs)
    except pa.ArrowInvalid as error:
        raise InputError(f"{path} is not Parquet: {error}") from error
    if text not in schema.names:
        raise InputError(f"{path} has no column {text!r}{nearest(text, schema.names)} (choose one with --text)")
    return {item.name: str(item.type) for item in schema}


def _batches(path: str, text: str) -> Iterator[pa.RecordBatch]:
    fs, inner = storage.filesystem(path)
    try:
        with pq.ParquetFile(inner, filesystem=fs) as file:
            names = file.schema_arrow.names
            wanted = [name for name in (text, "id", "url", "repo", "path", *COUNTED) if name in names]
            yield from file.iter_batches(BATCH_ROWS, columns=sorted(set(wanted)), use_threads=False)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path} can't be read: {error}") from error


def _add(found: Contents, batch: pa.RecordBatch, text: str) -> None:
    found.documents += batch.num_rows
    if text in batch.schema.names:
        texts = batch[text].cast(pa.large_string())
        found.text_bytes += pc.sum(pc.binary_length(texts)).as_py() or 0
        lengths = pc.fill_null(pc.utf8_length(texts), 0)
        for item in pc.value_counts(lengths).to_pylist():
            found.lengths[item["values"]] += item["counts"]
        found.empty = found.lengths[0]
    for name in COUNTED:
        if name in batch.schema.names:
            _count(found.counts.setdefault(name, Counter()), batch[name])


def _count(counter: Counter[str], column: pa.Array) -> None:
    for item in pc.value_counts(column).to_pylist():
        if item["values"] is not None:
            counter[str(item["values"])] += item["counts"]
    if len(counter) > 2 * NAMES:  # bounded memory: the rare ones are forgotten
        frequent = most(counter, NAMES)
        counter.clear()
        counter.update(dict(frequent))


def most(counter: Mapping[str, int], count: int) -> list[tuple[str, int]]:
    """The largest counts, equal ones by name."""
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))[:count]


class _Chosen:
    """The documents with the smallest hash of id and seed."""

    def __init__(self, size: int, seed: str) -> None:
        self.size, self.seed = size, f"inspect {seed}"
        self._heap: list[tuple[float, str, dict[str, Any]]] = []

    def look(self, batch: pa.RecordBatch, text: str) -> None:
        if not self.size:
            return
        has_id = "id" in batch.schema.names
        names = batch["id"] if has_id else batch[text]
        for at, name in enumerate(names.to_pylist()):
            key = str(name) if has_id else hashlib.blake2b(str(name).encode(), digest_size=16).hexdigest()
            rank = uniform(key, self.seed)
            if len(self._heap) < self.size or rank < -self._heap[0][0]:
                entry = (-rank, key, {**batch.slice(at, 1).to_pylist()[0], "id": key})
                (heapq.heappush if len(self._heap) < self.size else heapq.heappushpop)(self._heap, entry)

    def documents(self, text: str) -> list[dict[str, Any]]:
        ordered = sorted(self._heap, key=lambda item: (-item[0], item[1]))
        return [{("text" if key == text else key): value for key, value in row.items()} for _, _, row in ordered]


def quantiles(lengths: Mapping[int, int], shares: Sequence[float] = QUANTILES) -> dict[float, int]:
    """The least length that at least the share of the documents does not exceed; exact."""
    total, seen, found = sum(lengths.values()), 0, {}
    waiting = sorted(shares, reverse=True)
    for length in sorted(lengths):
        seen += lengths[length]
        while waiting and seen >= waiting[-1] * total and total:
            found[waiting.pop()] = length
    return found


def as_json(found: Contents, top: int = 50) -> dict[str, Any]:
    """The contents with stable keys, for `--json`."""
    used = [length for length, count in found.lengths.items() if count]
    return {
        "files": found.files,
        "documents": found.documents,
        "file_bytes": found.file_bytes,
        "text_bytes": found.text_bytes,
        "characters": found.characters,
        "empty": found.empty,
        "columns": found.columns,
        "length": {
            "min": min(used, default=0),
            "max": max(used, default=0),
            "mean": found.characters / found.documents if found.documents else 0.0,
            "quantiles": {f"{share:g}": length for share, length in quantiles(found.lengths).items()},
        },
        "counts": {name: dict(most(counter, top)) for name, counter in found.counts.items()},
        "distinct": {name: len(counter) for name, counter in found.counts.items()},
        "random": found.documents_shown,
    }
