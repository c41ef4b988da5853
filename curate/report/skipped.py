"""Records that never became rows: found again in the crawl files of a job, to say why they were skipped."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from curate.errors import InputError
from curate.files import storage
from curate.read.inputs import InputFile
from curate.read.splits import plan_splits, read_split
from curate.warc import Record, skip_reason

COMPANIONS = ("request", "metadata", "warcinfo")
"""Kinds of records that stand beside a response; told only where there is nothing else."""


@dataclass(frozen=True)
class Skipped:
    """A record of the input that was counted and left out."""

    reason: str
    """As the ledger counts it, e.g. status_404."""
    file: str
    offset: int
    kind: str
    url: str | None
    date: str | None
    status: int | None
    content_type: str | None
    truncated: str | None


def find_skipped(corpus: str, url: str) -> list[Skipped]:
    """Read the headers in the input files of the job that made `corpus` for records of `url` that were skipped.

    Raises InputError when the files are not where they were, or hold no such record.
    """
    found = [skipped for path, size in _inputs(corpus) for skipped in _in_file(path, size, url)]
    if not found:
        raise InputError(f"no record of {url!r} was skipped in the input files of {corpus}")
    return [one for one in found if one.kind not in COMPANIONS] or found


def _inputs(corpus: str) -> list[tuple[str, int]]:
    path = storage.join(corpus, "job.json")
    if not storage.exists(path):
        raise InputError(f"{path} is not there, so the input files are not known")
    inputs = json.loads(storage.read_bytes(path)).get("inputs", [])
    return [(str(name), int(size)) for name, size in inputs]


def _in_file(path: str, size: int, url: str) -> Iterator[Skipped]:
    for split in plan_splits(InputFile(path, size, "warc"), max(1, size)):
        for record in read_split(split, wanted=lambda _: False):
            if record.url == url and (reason := skip_reason(record)):
                yield _skipped(record, reason)


def _skipped(record: Record, reason: str) -> Skipped:
    facts: dict[str, Any] = {item.name: getattr(record, item.name, None) for item in fields(Skipped)}
    date = record.date.isoformat() if record.date else None
    return Skipped(**{**facts, "reason": reason, "date": date})
