"""What the report needs from the files of a corpus, in bounded memory and the same for the same corpus.

Documents are looked at one by one in `data/` and `rejected/`. A corpus larger than `LIMIT` documents is looked at by
row groups chosen by a hash of their name; ids are uniform and files are sorted by id, so a row group is a fair
sample. Single documents are chosen by a hash of their id.
"""

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.corpus import schema
from curate.corpus.lookup import by_ids, judged, parts
from curate.corpus.recipe import Recipe
from curate.corpus.shards import bounded_batches, opened, row_count
from curate.dedup import MinHash
from curate.dedup.difference import Piece, excerpts
from curate.files import storage, threads
from curate.filters.sampling import uniform
from curate.report.explain import Survivor, difference, removals_of, survivors_of
from curate.report.trace import Line, RemovalRow, trace

LIMIT = 200_000
"""Documents that are looked at in each of data/ and rejected/."""
LONGEST, MOST_LINES = 1_000_000, 10_000
"""Characters and lines up to which a document is shown with what was cut from it; of a longer one its beginning is. A page of 20 MB
can have a line for every second byte, and each is an object here."""
KEPT_SAMPLES, DROPPED_SAMPLES, PER_REASON, FAILURES = 12, 36, 3, 30
WORST = 20
MANY = 100
"""Languages of which several samples are held; of any more one."""
NAMES = 100_000
"""Different hosts that are counted at a time; beyond that the rare ones are forgotten."""
SALT = "report"
Row = Mapping[str, Any]


@dataclass
class Sample:
    """One document to show."""

    row: Mapping[str, Any]
    """Its columns, without the text."""
    lines: Sequence[Line]
    """The text as extracted, with what was cut (empty when it was not stored)."""
    long: bool = False
    """Whether the lines are only its beginning, as it is stored."""
    removals: Mapping[str, int] = field(default_factory=dict)
    """Lines or spans lost as duplicates, by step."""
    survivor: str | None = None
    """URL or id of the document that keeps most of them."""


@dataclass(frozen=True)
class Pair:
    """A removed document of which its survivor holds the least."""

    value: float
    """The share that was measured."""
    names: tuple[str, str]
    """URL or id of the removed document and of the one that stays."""
    texts: tuple[Sequence[Piece], Sequence[Piece]] | None
    """Excerpts of both, word by word; None where one is not stored."""


@dataclass
class ReportData:
    """What the report shows besides the ledger."""

    looked_at: dict[str, int] = field(default_factory=dict)
    """Documents of data/ and rejected/ that the figures below are about."""
    languages: dict[str, Counter[str]] = field(default_factory=lambda: {"kept": Counter(), "rejected": Counter()})
    places: Counter[str] = field(default_factory=Counter)
    """Hosts of kept pages, or repositories of kept files."""
    licenses: Counter[str] = field(default_factory=Counter)
    lengths: dict[str, Counter[int]] = field(default_factory=lambda: {"extracted": Counter(), "kept": Counter()})
    """Documents by floor(log2(characters))."""
    signals: dict[str, dict[str, list[np.ndarray[Any, Any]]]] = field(default_factory=dict)
    """What steps measured: by name and verdict, arrays of values."""
    kept: list[Sample] = field(default_factory=list)
    dropped: list[Sample] = field(default_factory=list)
    worst: list[Pair] = field(default_factory=list)
    """The removed documents of which their survivors hold the least, the least first."""
    failures: list[Mapping[str, Any]] = field(default_factory=list)
    """Rows of records and pages that failed: file, offset, reason, detail."""


class Reservoir:
    """Keeps the `size` rows whose ids have the smallest hash; of rows with one id those that came first."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._heap: list[tuple[float, str, int, Mapping[str, Any]]] = []
        self._added = 0
        self.seen = 0
        """Documents that were offered."""

    def wants(self, document: str) -> bool:
        """Whether the document would be kept now; also counts it."""
        self.seen += 1
        return len(self._heap) < self.size or uniform(document, SALT) < -self._heap[0][0]

    def add(self, row: Mapping[str, Any]) -> None:
        self._added += 1  # no two items are equal up to here, so that rows are never compared
        item = (-uniform(row["id"], SALT), row["id"], -self._added, row)
        if len(self._heap) < self.size:
            heapq.heappush(self._heap, item)
        else:
            heapq.heappushpop(self._heap, item)

    def rows(self) -> list[Mapping[str, Any]]:
        """The rows kept, by hash."""
        return [row for *_, row in sorted(self._heap, key=lambda item: (-item[0], item[1], -item[2]))]


def gather(corpus: str, recipe: Recipe | None, limit: int = LIMIT) -> ReportData:
    """Look at the files of a corpus; see `ReportData`. Missing folders count as empty."""
    data = ReportData()
    kept: dict[str, Reservoir] = {}
    with threads.pool(1) as pool:  # Arrow reads beside it
        extracted = pool.submit(_lengths, corpus, limit)
        for batch in _batches(corpus, "data", limit):
            _count(data, batch, "kept")
            _sample(kept, batch)
        by_reason = _rejected(corpus, data, limit)
        data.kept, data.dropped = _traced(corpus, [_of_languages(kept), _fair(by_reason)], recipe)
        data.worst = _worst(corpus, recipe)
        data.lengths["extracted"] = extracted.result()
    return data


def _lengths(corpus: str, limit: int) -> Counter[int]:
    """How long the texts were as extracted."""
    found = Counter[int]()
    for batch in _batches(corpus, "extracted", limit, ["text"]):
        found.update(_log_lengths(batch["text"]))
    return found


def _worst(corpus: str, recipe: Recipe | None) -> list[Pair]:
    """The documents of which the least is held, of the steps that measure that."""
    steps = zip(recipe.labels, recipe.steps, strict=True) if recipe else ()
    labels = [label for label, step in steps if isinstance(step, MinHash) and step.measure == "containment"]
    if not labels:
        return []
    keys = [("value", "ascending"), ("id", "ascending")]
    least = schema.DUPLICATES.empty_table()
    for path in parts(corpus, "duplicates"):
        with opened(path) as file:
            for batch in file.iter_batches(1 << 16, use_threads=False):
                chosen = pa.Table.from_batches([batch]).filter(
                    pc.and_(pc.is_in(batch["step"], pa.array(labels)), pc.less(batch["value"], 1.0))
                )
                least = pa.concat_tables([least, chosen.cast(schema.DUPLICATES)]).sort_by(keys).slice(0, WORST)
    rows = least.to_pylist()
    survivors = survivors_of(corpus, sorted({row["survivor"] for row in rows}), LONGEST)
    removed: dict[str, Mapping[str, Any]] = {}
    for folder in ("rejected", "extracted"):
        found = by_ids(parts(corpus, folder), [row["id"] for row in rows])
        removed |= {one["id"]: one for one in found if one.get("text") and not _is_long(one)}
    return [_pair(row, removed.get(row["id"], {}), survivors[row["survivor"]]) for row in rows]


def _pair(row: Mapping[str, Any], removed: Mapping[str, Any], survivor: Survivor) -> Pair:
    text, other = removed.get("text"), survivor.text
    names = (removed.get("url") or removed.get("path") or row["id"], survivor.url or survivor.id)
    if not text or not other:
        return Pair(row["value"], names, None)
    both = difference(text, other)
    return Pair(row["value"], names, (excerpts(both.removed), excerpts(both.survivor)))


def _rejected(corpus: str, data: ReportData, limit: int) -> dict[str, Reservoir]:
    """Count rejected/ and choose rows by reason; rows whose text was not kept are no samples."""
    by_reason: dict[str, Reservoir] = {}
    failures = Reservoir(FAILURES)
    for batch in _batches(corpus, "rejected", limit):
        _count(data, batch, "rejected")
        has_text = pc.is_valid(batch["text"]).to_pylist()
        rows = zip(batch["id"].to_pylist(), batch["verdict"].to_pylist(), batch["reason"].to_pylist(), strict=True)
        for at, (document, verdict, reason) in enumerate(rows):
            failed = verdict == "failed"
            chosen = failures if failed else by_reason.setdefault(reason, Reservoir(PER_REASON))
            if (failed or has_text[at]) and chosen.wants(document):
                chosen.add(_row(batch, at))
    data.failures = failures.rows()
    return by_reason


def _fair(by_reason: Mapping[str, Reservoir]) -> list[Mapping[str, Any]]:
    """Rows of all reasons by turns, at most DROPPED_SAMPLES, put together by reason again."""
    groups = [by_reason[reason].rows() for reason in sorted(by_reason)]
    turns = [row for turn in range(PER_REASON) for rows in groups for row in rows[turn : turn + 1]]
    return sorted(turns[:DROPPED_SAMPLES], key=lambda row: (row["reason"], uniform(row["id"], SALT)))


def _batches(corpus: str, folder: str, limit: int, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of a folder, or of a fair sample of its row groups."""
    paths = parts(corpus, folder)
    total = sum(row_count(path) for path in paths)
    share = 1.0 if total <= limit else limit / total
    for path in paths:
        name = path.removeprefix(storage.join(corpus, folder) + "/")
        with opened(path) as file:
            groups = range(file.metadata.num_row_groups)
            chosen = [group for group in groups if share >= 1 or uniform(f"{name}:{group}", SALT) < share]
            if chosen:
                yield from bounded_batches(file, 1024, chosen, columns)


def _count(data: ReportData, batch: pa.RecordBatch, verdict: str) -> None:
    data.looked_at[verdict] = data.looked_at.get(verdict, 0) + batch.num_rows
    names = batch.schema.names
    if "language" in names:
        _add(data.languages[verdict], batch["language"])
    if "signals" in names:
        _measured(data, batch["signals"], verdict)
    if verdict == "kept":
        place = next((name for name in ("host", "repo") if name in names), None)
        if place:
            _add(data.places, batch[place])
        if "license" in names:
            _add(data.licenses, batch["license"])
        data.lengths["kept"].update(_log_lengths(batch["text"]))


def _measured(data: ReportData, signals: pa.StructArray, verdict: str) -> None:
    for item, values in zip(signals.type, signals.flatten(), strict=True):
        known = values.drop_null()
        if len(known):
            by_verdict = data.signals.setdefault(item.name, {"kept": [], "rejected": []})
            by_verdict[verdict].append(known.to_numpy(zero_copy_only=False))


def _add(counter: Counter[str], column: pa.Array) -> None:
    for item in pc.value_counts(column).to_pylist():
        if item["values"] is not None:
            counter[item["values"]] += item["counts"]
    if len(counter) > 2 * NAMES:
        frequent = sorted(counter.items(), key=lambda item: (-item[1], item[0]))[:NAMES]
        counter.clear()
        counter.update(dict(frequent))


def _log_lengths(texts: pa.Array) -> Counter[int]:
    lengths = pc.utf8_length(texts.drop_null()).to_numpy(zero_copy_only=False)
    lengths = lengths[lengths > 0]
    bins, counts = np.unique(np.floor(np.log2(lengths)).astype(int), return_counts=True)
    return Counter(dict(zip(bins.tolist(), counts.tolist(), strict=True)))


def _sample(by_language: dict[str, Reservoir], batch: pa.RecordBatch) -> None:
    languages = batch["language"].to_pylist() if "language" in batch.schema.names else [None] * batch.num_rows
    for at, (document, language) in enumerate(zip(batch["id"].to_pylist(), languages, strict=True)):
        reservoir = by_language.setdefault(language or "", Reservoir(KEPT_SAMPLES if len(by_language) < MANY else 1))
        if reservoir.wants(document):
            reservoir.add(_row(batch, at))


def _row(batch: pa.RecordBatch, at: int) -> Row:
    """A row, of its text no more than shows that it is long."""
    row: dict[str, Any] = batch.slice(at, 1).to_pylist()[0]
    return {**row, "text": row["text"][: LONGEST + 1]} if _is_long(row) else row


def _is_long(row: Row) -> bool:
    text = row.get("text") or ""
    return len(text) > LONGEST or len(text.splitlines()) > MOST_LINES


def _of_languages(by_language: Mapping[str, Reservoir]) -> list[Row]:
    """Rows of one language, or of several by turns, those with the most documents first, put together by language again."""
    groups = sorted(by_language.values(), key=lambda one: (-one.seen, one.rows()[0]["language"] or ""))
    most = KEPT_SAMPLES if len(groups) == 1 else max(KEPT_SAMPLES, min(2 * KEPT_SAMPLES, 2 * len(groups)))
    turns = [
        (at, row)
        for turn in range(KEPT_SAMPLES)
        for at, one in enumerate(groups)
        for row in one.rows()[turn : turn + 1]
    ]
    return [row for _, row in sorted(turns[:most], key=lambda item: (item[0], uniform(item[1]["id"], SALT)))]


def _traced(corpus: str, samples: Sequence[Sequence[Mapping[str, Any]]], recipe: Recipe | None) -> list[list[Sample]]:
    """The documents with every line that the recipe cut; without `extracted/` as they are stored."""
    long = {row["id"] for rows in samples for row in rows if _is_long(row)}
    documents = [row["id"] for rows in samples for row in rows]
    sources: dict[str, Row] = {}
    for row in by_ids(parts(corpus, "extracted"), set(documents) - long) if recipe else ():
        if _is_long(row):
            long.add(row["id"])
        elif not row.get("verdict"):
            sources[row["id"]] = row
    removals = removals_of(corpus, set(documents) - long)
    removals |= {document: {} for document in long}
    survivor_ids = {document: _survivor(document, removals[document]) for document in documents}
    survivors = survivors_of(corpus, sorted({survivor for survivor in survivor_ids.values() if survivor}), 0)

    def sample(row: Mapping[str, Any]) -> Sample:
        document = row["id"]
        lines: Sequence[Line] = [
            Line(line, line) for line in (row.get("text") or "")[:LONGEST].splitlines()[:MOST_LINES]
        ]
        facts = {key: value for key, value in row.items() if key != "text"}
        if document in long:
            return Sample(facts, lines, long=True)
        if not judged(row):  # another row of this id may have lost something
            return Sample(facts, lines)
        if recipe and document in sources:
            lines = trace(sources[document], recipe, removals[document]).lines
        survivor = survivors.get(survivor_ids[document] or "")
        name = (survivor.url or survivor.id) if survivor else None
        return Sample(facts, lines, removals=_removal(document, removals[document]), survivor=name)

    return [[sample(row) for row in rows] for rows in samples]


def _survivor(document: str, removals: Mapping[str, Sequence[RemovalRow]]) -> str | None:
    """Who keeps most of what the document lost: the beginning of an id."""
    own = document[:16]
    counts = Counter(
        removal.survivor for found in removals.values() for removal in found if removal.survivor not in ("", own)
    )
    return min(counts, key=lambda name: (-counts[name], name)) if counts else None


def _removal(document: str, removals: Mapping[str, Sequence[RemovalRow]]) -> dict[str, int]:
    own = document[:16]
    counts = {step: sum(removal.survivor != own for removal in found) for step, found in removals.items()}
    return {step: count for step, count in counts.items() if count}
