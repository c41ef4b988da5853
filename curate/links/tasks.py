"""From files to links, in two steps: each file to rows by bucket of the address; each bucket to one row an address.

A bucket is a share of all addresses by hash. It holds some 32 MB, whatever the input, and is all that is in memory.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curate.files import storage
from curate.links import reddit, wat
from curate.links.reddit import Link
from curate.links.rules import digest
from curate.read.inputs import file_size
from curate.read.jsonl import DAMAGE, Problem, first_line, opened, records
from curate.read.splits import Split, read_split
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
RUN_ROWS = 400_000
"""Links in memory before they are written as a run of all buckets."""
MAX_RECORD = 64 << 20


@dataclass(frozen=True, slots=True)
class ReadTask:
    """A file, and which of its links count."""

    file: str
    kind: str
    buckets: int
    out: str
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


def read(task: ReadTask) -> dict[str, Any]:
    """Task: the links of `file` to the Parquet file `out`, a row group a bucket and run. Facts: records and links that were
    seen, skipped by reason, links written, damage."""
    tally, damage = Counter[str](), list[str]()
    seen, records_, written, waiting = 0, 0, 0, dict[tuple[str, str], list[Any]]()
    with storage.atomic(task.out) as path, pq.ParquetWriter(path, RUN, compression="zstd") as writer:
        for number, found in _found(task, damage):
            records_ = number
            seen += 1
            if isinstance(found, str):
                tally[found] += 1
                continue
            written += 1
            _add(waiting, found)
            if len(waiting) >= RUN_ROWS:
                _write(writer, waiting, task.buckets)
                waiting = {}
        _write(writer, waiting, task.buckets)
        facts = {
            "file": task.file,
            "records": records_,
            "seen": seen,
            "skipped": dict(tally),
            "links": written,
            "damage": damage,
        }
        writer.add_key_value_metadata({"facts": json.dumps(facts)})
    return facts


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


def _found(task: ReadTask, damage: list[str]) -> Iterator[tuple[int, Link | str]]:
    """(number of the record, link or reason) of one file."""
    yield from _of_wat(task, damage) if task.kind == "wat" else _of_reddit(task, damage)


def _of_reddit(task: ReadTask, damage: list[str]) -> Iterator[tuple[int, Link | str]]:
    number = 0
    with opened(task.file) as stream:
        try:
            for number, record in enumerate(records(stream, MAX_RECORD), 1):
                if isinstance(record.value, Problem):
                    yield number, f"bad_{record.value.kind}"
                    continue
                options = {"over_18": task.over_18, "wikipedia": task.wikipedia}
                yield number, reddit.link(record.value, task.min_score, **options)
        except DAMAGE as error:
            damage.append(f"{task.file}: damaged behind record {number}: {first_line(error)}")


def _is_metadata(record: Record) -> bool:
    return record.kind == "metadata"


def _of_wat(task: ReadTask, damage: list[str]) -> Iterator[tuple[int, Link | str]]:
    size = file_size(task.file)
    split = Split(task.file, "warc", 0, size, size)
    for number, record in enumerate(read_split(split, _is_metadata, Limits(body=MAX_RECORD)), 1):
        if record.error:
            damage.append(f"{task.file}: byte {record.offset}: {record.error}"[:300])
            yield number, f"bad_{record.error_code}"
        elif not _is_metadata(record):
            yield number, f"type_{record.kind}"
        else:
            for found in wat.links(record.body or b"", wikipedia=task.wikipedia):
                yield number, found


def merge(task: MergeTask) -> dict[str, Any]:
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
    return facts


def _bucket(path: str, bucket: int, buckets: int) -> Iterator[dict[str, Any]]:
    fs, inner = storage.filesystem(path)
    with fs.open_input_file(inner) as file:
        whole = pq.ParquetFile(file)
        for group in range(bucket, whole.num_row_groups, buckets):
            yield from whole.read_row_group(group).to_pylist()
