"""What is in a folder of tables with texts: counts, languages, hosts, lengths, documents chosen by hash."""

import hashlib
import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import InputError
from curate.filters.labels import folder
from curate.filters.sampling import uniform
from curate.read import files, tables
from curate.read.columns import Asked

if TYPE_CHECKING:
    from curate.console.progress import Progress

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
COUNTED = ("language", "host", "source", "repo", "license", "charset")
"""Columns whose values are counted, where they exist."""
FIELDS = ("text", "id", "url", "language", "source", "repo", "path", "license")
Row = Mapping[str, Any]
OWN = (pa.field("host", pa.string()), pa.field("charset", pa.string()))
NAMES = 200_000


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
    groups: dict[str, Counter[int]] = field(default_factory=dict)
    """Documents by number of characters, for each value of the column that was asked for; "" where it has none."""
    group_bytes: Counter[str] = field(default_factory=Counter)
    documents_shown: list[dict[str, Any]] = field(default_factory=list)
    unreadable: Counter[str] = field(default_factory=Counter)
    """Rows that are no documents, by kind: see `curate.read.tables`."""
    where: dict[str, str] = field(default_factory=dict)
    """The first place of each kind."""
    notes: tuple[str, ...] = ()
    """What is left out."""

    @property
    def characters(self) -> int:
        return sum(length * count for length, count in self.lengths.items())


def inspect(
    folder: str,
    *,
    text: str = "",
    random: int = 0,
    seed: str = "0",
    by: str = "",
    progress: "Progress | None" = None,
) -> Contents:
    """Look at every document of `folder` (its data/, where it is a corpus of ours; else all tables in it).

    `random` documents are chosen by a hash of their id (of their text, where there is no id) and `seed`: the same
    ones each time, whatever the files are called. `by` is a column of COUNTED, by whose values all is told apart. `text` names the column with the text, where it has no usual name.
    Raises InputError where there is nothing that can be read, or no such column. A corpus of ours may be empty.
    """
    asked = Asked(text)
    listed = files.find(folder, asked)
    found, chosen = Contents(files=len(listed.files), notes=listed.notes), _Chosen(random, seed)
    found.columns = tables.column_types(listed.files[0])
    if progress:
        progress.stage("inspect", len(listed.files))
    for done, (path, size) in enumerate(zip(listed.files, listed.sizes, strict=True), 1):
        found.file_bytes += size
        rows = found.documents
        for batch in tables.read(path, FIELDS, asked, own=OWN):
            good = _without_unreadable(batch, found, path)
            _add(found, good)
            if by:
                _group(found, good, by)
            chosen.look(good)
        if progress:
            progress.update(done=done, records=found.documents - rows, bytes=size)
    found.documents_shown = chosen.documents()
    if not found.documents and (found.unreadable or not tables.corpus_kind(listed.files[0])):
        told = ", ".join(f"{count:,} {kind} ({found.where[kind]})" for kind, count in found.unreadable.items())
        raise InputError(
            f"{folder}: " + (f"nothing in it can be read: {told}" if told else "there is no document in it")
        )
    return found


def _without_unreadable(batch: pa.RecordBatch, found: Contents, path: str) -> pa.RecordBatch:
    """The documents of a batch, those without a text among them; the rest is counted."""
    problems = batch.column("_problem")
    empty = pc.fill_null(pc.is_in(problems, pa.array(tables.EMPTY)), True)
    at = batch.schema.get_field_index("_problem")
    marked = batch.set_column(at, batch.schema.field(at), pc.if_else(empty, None, problems))
    where = dict[str, str]()
    good = tables.without_problems(marked, found.unreadable, where)
    found.where = {**{kind: f"{path}: {detail}" for kind, detail in where.items()}, **found.where}
    return good


def _add(found: Contents, batch: pa.RecordBatch) -> None:
    found.documents += batch.num_rows
    texts = batch["text"]
    found.text_bytes += pc.sum(pc.binary_length(texts)).as_py() or 0
    for item in pc.value_counts(pc.fill_null(pc.utf8_length(texts), 0)).to_pylist():
        found.lengths[item["values"]] += item["counts"]
    found.empty = found.lengths[0]
    for name in COUNTED:
        column = pc.list_flatten(batch[name]) if pa.types.is_list(batch[name].type) else batch[name]
        if column.null_count < len(column):
            _count(found.counts.setdefault(name, Counter()), column)


def _group(found: Contents, batch: pa.RecordBatch, by: str) -> None:
    column = batch[by]
    if pa.types.is_list(column.type):
        column = pc.list_element(pc.if_else(pc.greater(pc.list_value_length(column), 0), column, None), 0)
    chars = pc.fill_null(pc.utf8_length(batch["text"]), 0)
    sizes = pc.fill_null(pc.binary_length(batch["text"]), 0)
    names = pc.fill_null(column.cast(pa.string()), "")
    table = pa.table([names, chars, sizes], ["name", "chars", "bytes"])
    for row in table.group_by(["name", "chars"]).aggregate([("bytes", "sum"), ([], "count_all")]).to_pylist():
        found.groups.setdefault(row["name"], Counter())[row["chars"]] += row["count_all"]
        found.group_bytes[row["name"]] += row["bytes_sum"]


def grouped(found: Contents, ledger: Row | None = None) -> list[Row]:
    """A row a value of the column that was asked for, the one with most documents first. With the ledger of a corpus a language has what it lost,
    too: `read`, and `lost` by reason."""
    rows = []
    for name, lengths in found.groups.items():
        documents = sum(lengths.values())
        row: dict[str, Any] = {
            "value": name,
            "documents": documents,
            "text_bytes": found.group_bytes[name],
            "mean_characters": sum(length * count for length, count in lengths.items()) / documents,
            "median_characters": quantiles(lengths, (0.5,))[0.5],
        }
        entry = (ledger or {}).get("languages", {}).get(folder(name) if name else "")
        if entry:
            row["lost"] = {**entry["rejected"], **entry["failed"]}
            row["read"] = entry["kept"] + sum(row["lost"].values())
        rows.append(row)
    return sorted(rows, key=lambda row: (-row["documents"], row["value"]))


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
        self._heap: list[tuple[float, str, int, dict[str, Any]]] = []
        self._added = 0

    def look(self, batch: pa.RecordBatch) -> None:
        if not self.size:
            return
        for at, (name, text) in enumerate(zip(batch["id"].to_pylist(), batch["text"].to_pylist(), strict=True)):
            key = name or hashlib.blake2b((text or "").encode(), digest_size=16).hexdigest()
            rank = uniform(key, self.seed)
            if len(self._heap) < self.size or rank < -self._heap[0][0]:
                self._added += 1  # rows with one id are told apart by their order, and never compared
                entry = (-rank, key, -self._added, {**batch.slice(at, 1).to_pylist()[0], "id": key})
                (heapq.heappush if len(self._heap) < self.size else heapq.heappushpop)(self._heap, entry)

    def documents(self) -> list[dict[str, Any]]:
        ordered = sorted(self._heap, key=lambda item: (-item[0], item[1], -item[2]))
        return [{name: value for name, value in row.items() if not name.startswith("_")} for *_, row in ordered]


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
        "unreadable": dict(found.unreadable),
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
