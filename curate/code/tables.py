"""Tables of source files, as published code datasets have them: Parquet or JSON lines with (repo, path, content[, license]).

Columns go by the names of the published sets (The Stack, its successors, GitHub's public dataset, CodeParrot's). A table
is read in pieces; a row that is no source file with a name is skipped and counted, whatever it holds.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from curate.code.evidence import Evidence, canonical, conjunction
from curate.code.members import MAX_FILE, Member, safe_name
from curate.code.names import UNKNOWN
from curate.errors import InputError
from curate.read import columns, tables

ENDINGS = tuple(ending for ending in tables.ENDINGS if ending != ".json")
FIELDS = ("content", "repo", "path", "license")
MAX_LINE = 8 * MAX_FILE
"""Bytes of one JSON line: a file of the largest size with every character escaped fits."""
_NOTHING = {"other", "noassertion", "none", "no-license", "unknown", ""}
"""What the column says where it says nothing."""


class Row(NamedTuple):
    """One row: the file, its repository, and what the license column says."""

    repo: str
    member: Member
    stated: Evidence | None


def is_table(path: str) -> bool:
    """Whether `path` is named like a table of source files. A bare .json is not: repositories are full of them."""
    return path.lower().endswith(ENDINGS)


def rows(path: str) -> Iterator[Row]:
    """The rows of a table, in order. Raises InputError without the columns, or where the file can't be opened; OSError,
    behind all rows that can be read, for a damaged one."""
    names = tables.names(path)
    missing = [what for what in ("path", "content") if names and not columns.spelled(columns.NAMES[what], names)]
    if missing:
        raise InputError(
            f"{path}: no column for the {' and the '.join(missing)} of a file; columns: {columns.listed(names)}"
        )
    damage = ""
    for batch in tables.read(path, FIELDS, max_line=MAX_LINE):
        for record in batch.to_pylist():
            if record["_problem"] == "damaged":
                damage = record["_detail"]
            else:
                yield _row(record, path, record["_row"] + 1)
    if damage:  # said when what can be read is read
        raise OSError(damage)


def _row(record: Mapping[str, Any], path: str, number: int) -> Row:
    name, content, problem = record["path"], record["content"] or "", record["_problem"]
    if problem not in (None, "empty_text") or name is None:
        return Row("", Member(f"line {number}", skipped="bad_record"), None)
    repo, data = (record["repo"] or "")[:500], content.encode()
    known = safe_name(name)
    if known is None:
        return Row(repo, Member(repr(name)[:200], skipped="unsafe_name"), None)
    if len(data) > MAX_FILE:
        return Row(repo, Member(known, skipped="too_large"), None)
    return Row(repo, Member(known, data), stated(record["license"], f"{path}:{number}"))


def stated(value: object, where: str) -> Evidence | None:
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
