"""Tables of source files, as published code datasets have them: Parquet or JSON lines with (repo, path, content[, license]).

Columns go by the names of the published sets (The Stack, its successors, GitHub's public dataset, CodeParrot's). A table
is read in pieces; a row that is no source file with a name is skipped and counted, whatever it holds.
"""

import gzip
import io
import json
from collections.abc import Iterator, Mapping
from typing import IO, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from curate.code.evidence import Evidence, canonical, conjunction
from curate.code.members import MAX_FILE, Bomb, Member, safe_name
from curate.code.names import UNKNOWN
from curate.errors import InputError

ENDINGS = (".parquet", ".jsonl", ".jsonl.gz", ".jsonl.zst", ".ndjson", ".json.gz")
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "repo": ("repo", "repo_name", "repository_name", "max_stars_repo_name", "repository"),
    "path": ("path", "file_path", "max_stars_repo_path", "func_path_in_repository", "filename"),
    "content": ("content", "code", "text", "whole_func_string", "file_contents"),
    "license": ("license", "licenses", "max_stars_repo_licenses", "detected_licenses", "license_expression"),
}
"""For each thing the names that its column may have; the first one that is there counts."""
MAX_LINE = 8 * MAX_FILE
"""Bytes of one JSON line: a file of the largest size with every character escaped fits."""
MAX_TEXT = 1 << 40
"""Bytes that one file of JSON lines may unpack to."""
_NOTHING = {"other", "noassertion", "none", "no-license", "unknown", ""}
"""What the column says where it says nothing."""


class Row(NamedTuple):
    """One row: the file, its repository, and what the license column says."""

    repo: str
    member: Member
    stated: Evidence | None


def is_table(path: str) -> bool:
    """Whether `path` is named like a table of source files."""
    return path.lower().endswith(ENDINGS)


def rows(path: str) -> Iterator[Row]:
    """The rows of a table, in order. Raises InputError without the columns, OSError or ArrowInvalid for a damaged file."""
    number = 0
    for record in _parquet(path) if path.lower().endswith(".parquet") else _lines(path):
        number += 1
        if record is None:
            yield Row("", Member(f"line {number}", skipped="bad_record"), None)
            continue
        yield _row(record, path, number)


def _row(record: Mapping[str, Any], path: str, number: int) -> Row:
    repo, name, content = record["repo"], record["path"], record["content"]
    if not isinstance(name, str) or not isinstance(content, str | bytes):
        return Row("", Member(f"line {number}", skipped="bad_record"), None)
    repo = repo if isinstance(repo, str) else ""
    repo = repo.encode("utf-8", "replace").decode()[:500]
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    known = safe_name(name)
    if known is None:
        return Row(repo, Member(repr(name)[:200], skipped="unsafe_name"), None)
    if len(data) > MAX_FILE:
        return Row(repo, Member(known, skipped="too_large"), None)
    return Row(repo, Member(known, data), stated(record["license"], f"{path}:{number}"))


def stated(value: Any, where: str) -> Evidence | None:
    """What a license column says: an SPDX expression or a list of ids, all of which hold; None for nothing.

    A value that is no expression of known ids is an unknown licence.
    """
    values = value if isinstance(value, list | tuple) else [value]
    strings = (v.encode("utf-8", "replace").decode().strip() for v in values if isinstance(v, str))
    texts = [text for text in strings if text.lower() not in _NOTHING]
    if not texts:
        return None
    expression = conjunction(canonical(text) or UNKNOWN for text in texts) or UNKNOWN
    score = 0.5 if UNKNOWN in expression else 0.9
    return Evidence(expression, "metadata", where, "; ".join(texts)[:200], score)


def _named(names: list[str], path: str) -> dict[str, str | None]:
    found = {what: next((n for n in known if n in names), None) for what, known in COLUMNS.items()}
    missing = [what for what in ("path", "content") if found[what] is None]
    if missing:
        raise InputError(
            f"{path}: no column for the {' and the '.join(missing)} of a file; columns: {', '.join(names[:20])[:400]}"
        )
    return found


def _parquet(path: str) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(path) as file:
        columns = _named(file.schema_arrow.names, path)
        wanted = [column for column in columns.values() if column is not None]
        for batch in file.iter_batches(batch_size=256, columns=wanted):
            yield from _records(batch, columns)


def _records(batch: pa.RecordBatch, columns: Mapping[str, str | None]) -> Iterator[dict[str, Any]]:
    for index in range(batch.num_rows):
        try:
            yield {what: batch[name][index].as_py() if name else None for what, name in columns.items()}
        except UnicodeDecodeError:  # a string column that holds no UTF-8
            yield {"repo": None, "path": None, "content": None, "license": None}


def _lines(path: str) -> Iterator[dict[str, Any] | None]:
    """The objects of a file of JSON lines; None for a line that is none."""
    columns: dict[str, str | None] | None = None
    with _opened(path) as file:
        total = 0
        while line := file.readline(MAX_LINE + 1):
            total += len(line)
            if total > MAX_TEXT:
                raise Bomb(f"unpacks to more than {MAX_TEXT >> 40} TiB")
            if len(line) > MAX_LINE:
                while line and not line.endswith(b"\n"):
                    line = file.readline(MAX_LINE)
                yield None
                continue
            if not line.strip():
                continue
            record = _object(line)
            if record is not None and columns is None:
                columns = _named(list(record), path)
            named = columns or {}
            yield None if record is None else {what: record.get(name) if name else None for what, name in named.items()}


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _opened(path: str) -> IO[bytes]:
    if path.lower().endswith(".gz"):
        return gzip.open(path, "rb")  # type: ignore[return-value]
    if path.lower().endswith(".zst"):
        return io.BufferedReader(pa.input_stream(path, compression="zstd"))
    return open(path, "rb")
