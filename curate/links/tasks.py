"""From files to links, in two steps: each file to rows by bucket of the address; each bucket to one row an address. What of
a file can't be read is a row of its own, with its place.

A bucket is a share of all addresses by hash. It holds some 32 MB, whatever the input, and is all that is in memory.
"""

import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from curate.files import storage
from curate.links import reddit, wat
from curate.links.reddit import Link
from curate.links.rules import digest
from curate.read.inputs import file_size
from curate.read.jsonl import Problem, records
from curate.read.source import ReadResult
from curate.read.splits import Split, read_split
from curate.read.unpack import Unbroken, pieces
from curate.warc import Limits, Record

ROWS = pa.schema(
    [
        pa.field("url", pa.string(), nullable=False),
        pa.field("key", pa.string(), nullable=False),  # what equal addresses have in common (links/rules.py)
        pa.field("host", pa.string(), nullable=False),
        pa.field("score", pa.int32(), nullable=False),  # Reddit: the greatest karma; WAT: how many hosts link to it
        pa.field("count", pa.int32(), nullable=False),  # submissions, or links
        pa.field("text", pa.string()),  # title of the best submission; the commonest anchor
    ]
)
"""Columns of links/, whatever they are from."""
RUN = pa.schema([*ROWS, pa.field("from", pa.string())])
"""Rows of one file: `from` is the host that links, empty for Reddit."""
FAILED = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        pa.field("offset", pa.int64()),  # of a damaged place, as for other dumps; null for a line that is no JSON
        pa.field("line", pa.int64()),  # of such a line, from 1
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
    ]
)
"""Columns of what could not be read."""
FAILED_ROWS = 10_000
RUN_ROWS = 100_000
"""Links in memory before they are written as a run of all buckets."""
MAX_RECORD = 64 << 20


@dataclass(frozen=True, slots=True)
class ReadTask:
    """A file, and which of its links count."""

    file: str
    kind: str
    packed: str
    """As in `curate.read.dumps.Head`."""
    buckets: int
    out: str
    failed: str
    """Where the rows of what can't be read go; it stands before `out` does."""
    min_score: int
    over_18: bool
    wikipedia: bool


@dataclass(frozen=True, slots=True)
class MergeTask:
    """A bucket of the files that were read."""

    name: str
    bucket: int
    buckets: int
    runs: tuple[str, ...]
    out: str
    min_score: int


class Failure(NamedTuple):
    """A line or a record that can't be read, or a damaged place."""

    reason: str
    detail: str
    offset: int | None = None
    line: int | None = None


def read(task: ReadTask) -> ReadResult:
    """Task: the links of `file` to the Parquet file `out`, a row group a bucket and run. Facts: what was seen (submissions; of
    WAT files links, and records without any), skipped and failed by reason, links written."""
    skipped, failed = Counter[str](), Counter[str]()
    seen, written, waiting = 0, 0, dict[tuple[str, str], list[Any]]()
    bad = list[dict[str, Any]]()
    with (
        storage.atomic(task.out) as path,
        pq.ParquetWriter(path, RUN, compression="zstd") as writer,
    ):
        with storage.atomic(task.failed) as beside, pq.ParquetWriter(beside, FAILED, compression="zstd") as failures:
            for found in _found(task):
                seen += 1
                if isinstance(found, str):
                    skipped[found] += 1
                elif isinstance(found, Failure):
                    failed[found.reason] += 1
                    bad.append({"file": task.file, **found._asdict()})
                else:
                    written += 1
                    _add(waiting, found)
                if len(waiting) >= RUN_ROWS:
                    _write(writer, waiting, task.buckets)
                    waiting = {}
                if len(bad) >= FAILED_ROWS:
                    failures.write_table(pa.Table.from_pylist(bad, FAILED))
                    bad = []
            failures.write_table(pa.Table.from_pylist(bad, FAILED))
        _write(writer, waiting, task.buckets)
        facts = {
            "file": task.file,
            "seen": seen,
            "skipped": dict(skipped),
            "failed": dict(failed),
            "links": written,
        }
        writer.add_key_value_metadata({"facts": json.dumps(facts)})
    return ReadResult(seen, written, file_size(task.file))


def facts_of(path: str) -> dict[str, Any]:
    """What `read` or `merge` said of the file that it wrote."""
    fs, inner = storage.filesystem(path)
    with fs.open_input_file(inner) as file:
        told: dict[str, Any] = json.loads(pq.ParquetFile(file).metadata.metadata[b"facts"])
    return told


def _add(waiting: dict[tuple[str, str], list[object]], link: Link) -> None:
    """Links of one address (from one host) are one row: greatest score first, then the least address."""
    place = link.address.key, link.host
    row = [link.score, link.address.url, link.address.host, 1, link.text]
    known = waiting.get(place)
    if known is None:
        waiting[place] = row
        return
    waiting[place] = _together(known, row)


def _together(one: list[Any], other: list[Any]) -> list[Any]:
    """Two rows (score, address, host, count, text) of one address as one."""
    first = min(one, other, key=lambda row: (-row[0], row[1], not row[4], row[4]))
    return [*first[:3], one[3] + other[3], first[4]]


def _write(writer: Any, waiting: dict[tuple[str, str], list[Any]], buckets: int) -> None:
    """One row group for each bucket, empty ones as well: group i of a file is of bucket i modulo their number."""
    parts: list[list[tuple[str, str]]] = [[] for _ in range(buckets)]
    for place in waiting:
        parts[digest(place[0]) % buckets].append(place)
    for part in parts:
        rows = [
            {"url": r[1], "key": place[0], "host": r[2], "score": r[0], "count": r[3], "text": r[4], "from": place[1]}
            for place in sorted(part)
            for r in [waiting[place]]
        ]
        writer.write_table(pa.Table.from_pylist(rows, RUN), row_group_size=max(1, len(rows)))


def _found(task: ReadTask) -> Iterator[Link | str | Failure]:
    """The links of one file; or why one is none, or can't be read."""
    yield from _of_wat(task) if task.kind == "wat" else _of_reddit(task)


def _of_reddit(task: ReadTask) -> Iterator[Link | str | Failure]:
    """Behind a damaged place it goes on with the next line."""
    found, lines = pieces(task.file, task.packed, 0, file_size(task.file)), 0
    while True:
        whole = Unbroken(found)
        stream = io.BufferedReader(whole, 1 << 16)
        if lines:
            stream.readline(MAX_RECORD)
        before = lines
        for record in records(stream, MAX_RECORD):
            lines = before + record.line
            if isinstance(record.value, Problem):
                yield Failure(record.value.kind, record.value.detail, line=lines)
                continue
            options = {"over_18": task.over_18, "wikipedia": task.wikipedia}
            yield reddit.link(record.value, task.min_score, **options)
        if whole.problem is None:
            return
        code, _, told = whole.problem.problem.partition(":")
        yield Failure(f"dump_{code}", f"{told.strip()}, behind line {lines:,}", offset=whole.problem.offset)
        lines += 1


def _is_metadata(record: Record) -> bool:
    return record.kind == "metadata"


def _of_wat(task: ReadTask) -> Iterator[Link | str | Failure]:
    size = file_size(task.file)
    split = Split(task.file, "warc", 0, size, size)
    for record in read_split(split, _is_metadata, Limits(body=MAX_RECORD)):
        if record.error:
            yield Failure(record.error_code or "damaged", record.error[:300], offset=record.offset)
        elif not _is_metadata(record):
            yield f"type_{record.kind}"
        else:
            for found in wat.links(record.body or b"", wikipedia=task.wikipedia):
                yield Failure(found, "a record that is no JSON", offset=record.offset) if found == "bad_json" else found


def merge(task: MergeTask) -> ReadResult:
    """Task: one bucket of all `runs` to the file `out`: a row an address, sorted by key. Facts: addresses, links,
    addresses under the score."""
    best, hosts = dict[str, list[Any]](), dict[str, set[str]]()
    anchors = dict[str, Counter[str]]()
    links = 0
    for path in task.runs:
        for row in _bucket(path, task.bucket, task.buckets):
            key, links = row["key"], links + row["count"]
            new = [row["score"], row["url"], row["host"], row["count"], row["text"] or ""]
            if row["from"]:
                hosts.setdefault(key, set()).add(row["from"])
                if row["text"]:
                    anchors.setdefault(key, Counter())[row["text"]] += 1
            known = best.get(key)
            if known is not None:
                new = _together(known, new)
            best[key] = new
    rows, low = [], 0
    for key in sorted(best):
        score, url, host, count, text = best[key]
        if key in hosts:
            score = len(hosts[key])
            text = min(anchors[key], key=lambda one: (-anchors[key][one], one)) if key in anchors else ""
            if score < task.min_score:
                low += 1
                continue
        rows.append({"url": url, "key": key, "host": host, "score": score, "count": count, "text": text or None})
    facts = {"file": task.name, "addresses": len(best), "links": links, "low_score": low, "rows": len(rows)}
    with storage.atomic(task.out) as path:
        table = pa.Table.from_pylist(rows, ROWS).replace_schema_metadata({"facts": json.dumps(facts)})
        pq.write_table(table, path, compression="zstd")
    return ReadResult(links, len(rows))


def _bucket(path: str, bucket: int, buckets: int) -> Iterator[dict[str, Any]]:
    fs, inner = storage.filesystem(path)
    with fs.open_input_file(inner) as file:
        whole = pq.ParquetFile(file)
        for group in range(bucket, whole.num_row_groups, buckets):
            yield from whole.read_row_group(group).to_pylist()
