"""Corpora that are there already (ours or others', Parquet or JSON lines) as the source of a job such as dedup."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate import schema, storage
from curate.errors import InputError
from curate.extract import host
from curate.job import Source
from curate.mixing import sources as files
from curate.shards import ShardWriter

BATCH_ROWS = 1024
HEX_ID = r"^[0-9a-f]{32}$"
URL_NAMES = ("url", "uri", "source_url")
DATE_NAMES = ("date", "timestamp", "fetched_at", "crawl_date")


def corpus_source(path: str, name: str | None = None) -> Source:
    """The source of a folder of Parquet or JSON lines with a text column. Raises InputError when there is none.

    Ids of our own form are kept; others are made from the file and the id there, so that they are uniform.
    """
    found = files.find(name or "corpus", path)
    listed = [(file, storage.file_size(file)) for file in found.files]
    kind = _kind(found.files[0])
    digest = hashlib.blake2b(json.dumps([kind, name, listed]).encode(), digest_size=8).hexdigest()
    tasks = [
        {"name": f"{i:06d}", "file": file, "kind": kind, "source": name, "root": path}
        for i, file in enumerate(found.files)
    ]
    return Source(kind, "curate.corpora:run", tasks, listed, digest)


def _kind(file: str) -> str:
    if not file.endswith(".parquet"):
        return "web"
    fs, inner = storage.filesystem(file)
    return "code" if "license_evidence" in pq.read_schema(inner, filesystem=fs).names else "web"


def run(task: dict[str, Any]) -> dict[str, Any]:
    """Task: bring one file of a corpus to rows of `schema.extracted(kind)`."""
    started, table = time.monotonic(), schema.extracted(task["kind"])
    skipped, file = Counter[str](), task["file"]
    with ShardWriter(task["out"], table, scratch=True, runs=["id"]) as writer:
        for batch in rows(task, skipped):
            writer.write(batch)
        writer.facts = {
            "files": {file: {"records": writer.rows + sum(skipped.values()), "skipped": dict(skipped)}},
            "bytes": storage.file_size(file),
            "seconds": round(time.monotonic() - started, 3),
        }
    return {"records": writer.rows + sum(skipped.values()), "rows": writer.rows}


def rows(task: dict[str, Any], skipped: Counter[str]) -> Iterator[pa.Table]:
    """The documents of one file as rows of `schema.extracted(kind)`; where it can't be read on, a failed row says so."""
    table, at = schema.extracted(task["kind"]), 0
    try:
        for batch in (_parquet if task["file"].endswith(".parquet") else _json)(task, table, skipped):
            at += batch.num_rows
            yield batch
    except files.DAMAGE as error:  # what was read stays; that the rest is lost is a row of its own
        yield pa.Table.from_pylist([_damaged(task, at, error)], table)


def _damaged(task: dict[str, Any], at: int, error: BaseException) -> dict[str, Any]:
    return {
        "id": schema.document_id(task["file"], at),
        "source": task["source"] or "corpus",
        "file": task["file"],
        "offset": at,
        "verdict": "failed",
        "reason": "damaged",
        "detail": f"the file can't be read behind row {at}: {error}"[:300],
    }


def _parquet(task: dict[str, Any], table: pa.Schema, skipped: Counter[str]) -> Iterator[pa.Table]:
    fs, inner = storage.filesystem(task["file"])
    at = 0
    with fs.open_input_file(inner) as stream:
        file = pq.ParquetFile(stream)
        present = file.schema_arrow.names
        text = next((name for name in files.TEXT_NAMES if name in present), None)
        if text is None:
            raise InputError(f"{task['file']}: no text column (looked for {', '.join(files.TEXT_NAMES)})")
        names = [text, *(field.name for field in table if field.name in present and field.name != text)]
        for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=names, use_threads=False):
            rows = pa.Table.from_batches([batch]).rename_columns(["text", *names[1:]])
            yield _completed(rows, task, table, at, skipped)
            at += batch.num_rows


def _completed(rows: pa.Table, task: dict[str, Any], table: pa.Schema, at: int, skipped: Counter[str]) -> pa.Table:
    count = rows.num_rows
    columns: dict[str, Any] = {name: rows[name].combine_chunks() for name in rows.column_names}
    ids = columns.get("id", pa.nulls(count, pa.string())).cast(pa.string())
    ours = pc.fill_null(pc.match_substring_regex(ids, HEX_ID), False)
    if not pc.all(ours).as_py():
        relative = task["file"].removeprefix(task["root"]).lstrip("/")
        known = zip(ids.to_pylist(), columns["text"].to_pylist(), strict=True)
        # The text is a part of it: files of one name in two folders are not one file.
        made = [schema.document_id(relative, name or at + i, text) for i, (name, text) in enumerate(known)]
        ids = pc.if_else(ours, ids, pa.array(made, pa.string()))
    columns["id"] = ids
    columns.setdefault("source", pa.array([task["source"] or "corpus"] * count))
    if "file" not in columns or columns["file"].null_count:
        columns["file"] = pa.array([task["file"]] * count)
        columns["offset"] = pa.array(range(at, at + count), pa.int64())
    columns["file"] = pa.array([task["file"]] * count)  # the ledger counts the files of this job
    if "url" in columns and "host" in table.names and "host" not in columns:
        columns["host"] = pa.array([host(url) for url in columns["url"].to_pylist()], pa.string())
    for field in table:
        columns[field.name] = _cast(columns.get(field.name), field, count)
    out = pa.table({field.name: columns[field.name] for field in table}, schema=table)
    empty = pc.equal(pc.fill_null(pc.binary_length(out["text"]), 0), 0)
    lost = pc.sum(empty).as_py() or 0
    if lost:
        skipped["empty_text"] += lost
        out = out.filter(pc.invert(empty))
    return out


def _cast(column: Any, field: pa.Field, count: int) -> Any:
    if column is None:
        return pa.nulls(count, field.type)
    try:
        return column.cast(field.type)
    except (pa.ArrowException, ValueError):  # another corpus' column of the same name and another meaning
        return pa.nulls(count, field.type)


def _json(task: dict[str, Any], table: pa.Schema, skipped: Counter[str]) -> Iterator[pa.Table]:
    at, waiting, size = 0, list[dict[str, Any]](), 0
    for line in files.lines(task["file"], skipped):
        row = _row(line, skipped)
        if row is not None:
            waiting.append(row)
            size += len(row["text"])
        if len(waiting) >= BATCH_ROWS or size >= files.BATCH_BYTES:
            yield _completed(pa.Table.from_pylist(waiting, _LINE), task, table, at, skipped)
            at, waiting, size = at + len(waiting), [], 0
    if waiting:
        yield _completed(pa.Table.from_pylist(waiting, _LINE), task, table, at, skipped)


_LINE = pa.schema(
    [
        ("id", pa.string()),
        ("text", pa.string()),
        ("url", pa.string()),
        ("date", pa.timestamp("us", tz="UTC")),
        ("language", pa.string()),
        ("language_score", pa.float32()),
    ]
)


def _row(line: bytes, skipped: Counter[str]) -> dict[str, Any] | None:
    record = files.parse_line(line, skipped)
    if record is None:
        return None
    metadata = record.get("metadata")
    more: dict[str, Any] = metadata if isinstance(metadata, dict) else {}
    text = next((record[name] for name in files.TEXT_NAMES if isinstance(record.get(name), str)), None)
    if text is None:
        skipped["no_text"] += 1
        return None
    ident = next((record[name] for name in files.ID_NAMES if isinstance(record.get(name), str | int)), None)
    score = record.get("language_score")
    return {
        "id": files.encodable(str(ident)) if ident is not None else None,
        "text": files.encodable(text),
        "url": _first((record, more), URL_NAMES),
        "date": _date(_first((record, more), DATE_NAMES)),
        "language": _first((record, more), ("language", "lang")),
        "language_score": float(score) if isinstance(score, int | float) else None,
    }


def _first(records: Sequence[dict[str, Any]], names: Sequence[str]) -> str | None:
    for record in records:
        for name in names:
            if isinstance(record.get(name), str):
                return files.encodable(record[name])
    return None


def _date(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found
