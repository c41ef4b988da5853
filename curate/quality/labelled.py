"""Texts with a label, good or bad: from corpora, or from a column of a table."""

import hashlib
import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from curate.corpus.schema import host as host_of
from curate.errors import InputError, UsageError
from curate.filters.sampling import uniform
from curate.read import files, tables
from curate.read.columns import Asked

FIELDS = ("text", "id", "url", "language")
GOOD = {"1": True, "1.0": True, "true": True, "good": True, "0": False, "0.0": False, "false": False, "bad": False}
"""Labels that go without saying which one is meant."""
SALT = "quality"


@dataclass(frozen=True, slots=True)
class Text:
    """A text and its label."""

    text: str
    good: bool
    host: str
    """Of its URL; empty: not known, then it is a group by itself."""
    language: str

    @property
    def digest(self) -> int:
        """64 bits of the text, white space apart."""
        return number(" ".join(self.text.split()))

    @property
    def group(self) -> int:
        """64 bits that texts of one host share."""
        return number(f"host {self.host}") if self.host else self.digest


def number(text: str) -> int:
    """64 bits of a text."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big")


@dataclass(slots=True)
class Labelled:
    """Texts, and what was left out."""

    texts: list[Text] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read(
    good: Sequence[str] = (),
    bad: Sequence[str] = (),
    labelled: Sequence[str] = (),
    *,
    most: int = 0,
    column: str = "",
    label: str = "label",
    good_label: str = "",
) -> Labelled:
    """Texts of corpora that are good or bad, and of tables with a column `label`; of each class at most `most` (0: all), chosen by
    a hash of the text, so that files and their order change nothing.

    A text that stands there several times is taken once; one in both classes is in neither. Raises InputError for what can't be
    read or has no label that is understood, UsageError where a class is empty.
    """
    found = Labelled()
    kept: dict[int, Text] = {}
    classes: dict[int, bool] = {}  # of every text, chosen or not
    both: set[int] = set()
    again = 0
    smallest: tuple[list[int], list[int]] = ([], [])
    for one in _all(good, bad, labelled, column, label, good_label, found):
        digest = one.digest
        if digest in classes:
            again += 1
            if classes[digest] != one.good:
                both.add(digest)
            continue
        classes[digest] = one.good
        kept[digest] = one
        if most:
            _bounded(kept, smallest[one.good], digest, most)
    found.texts = [kept[digest] for digest in sorted(kept) if digest not in both]
    if again:
        found.notes.append(f"{again:,} texts stand in the inputs more than once: each counts once")
    if both:
        found.notes.append(f"{len(both):,} texts are in both classes: they are left out")
    _check(found)
    return found


def _bounded(kept: dict[int, Text], heap: list[int], digest: int, most: int) -> None:
    """Keep the texts of a class with the smallest digests."""
    heapq.heappush(heap, -digest)
    while len(heap) > most:
        kept.pop(-heapq.heappop(heap), None)


def _check(found: Labelled) -> None:
    counts = Counter(one.good for one in found.texts)
    for is_good, name in ((True, "good"), (False, "bad")):
        if not counts[is_good]:
            told = "; ".join(found.notes)
            raise UsageError(f"there is no {name} text, so there is nothing to tell apart{': ' if told else ''}{told}")


def _all(
    good: Sequence[str],
    bad: Sequence[str],
    labelled: Sequence[str],
    column: str,
    label: str,
    good_label: str,
    found: Labelled,
) -> Iterator[Text]:
    for paths, is_good in ((good, True), (bad, False)):
        for path in paths:
            yield from _corpus(path, is_good, column, found)
    for path in labelled:
        yield from _table(path, column, label, good_label, found)


def _corpus(path: str, is_good: bool, column: str, found: Labelled) -> Iterator[Text]:
    for batch in _batches(path, column, "", found):
        for text, url, language in zip(*(batch[name].to_pylist() for name in ("text", "url", "language")), strict=True):
            yield Text(text, is_good, host_of(url) or "", language or "")


def _table(path: str, column: str, label: str, good_label: str, found: Labelled) -> Iterator[Text]:
    if label in FIELDS:
        raise InputError(f"--label-column {label}: that column is no label; name another")
    unlabelled, labelled, others = 0, 0, Counter[str]()
    for batch in _batches(path, column, label, found):
        rows = zip(*(batch[name].to_pylist() for name in ("text", "url", "language", label)), strict=True)
        for text, url, language, value in rows:
            if value is None:
                unlabelled += 1
                continue
            labelled += 1
            is_good = _is_good(value, good_label)
            if is_good is None:
                others[value] += 1
                continue
            yield Text(text, is_good, host_of(url) or "", language or "")
    if not labelled:
        raise InputError(f"{path} has no column {label!r} with labels (--label-column names another)")
    if others:
        told = ", ".join(f"{name!r} ({count:,})" for name, count in others.most_common(5))
        raise InputError(
            f"{path}: labels that are neither good nor bad: {told}; --good-label VALUE says which one is good"
        )
    if unlabelled:
        found.notes.append(f"{path}: {unlabelled:,} texts have no label: they are left out")


def _is_good(value: str, good_label: str) -> bool | None:
    return value == good_label if good_label else GOOD.get(value.lower())


def _batches(path: str, column: str, label: str, found: Labelled) -> Iterator[pa.RecordBatch]:
    listed = files.find(path, Asked(column))
    found.notes += listed.notes
    for file in listed.files:
        problems = Counter[str]()
        for batch in tables.read(file, FIELDS, Asked(column), label=label):
            yield tables.without_problems(batch, problems, {})
        if problems:
            told = ", ".join(f"{count:,} {kind}" for kind, count in sorted(problems.items()))
            found.notes.append(f"{file}: rows that are no texts: {told}")


def held_out(texts: Sequence[Text], share: float) -> list[bool]:
    """For each text whether its host is among the `share` of hosts that are kept back, chosen by hash."""
    return [uniform(f"{one.group:016x}", SALT) < share for one in texts]
