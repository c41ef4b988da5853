"""Repositories and tables of files as the source of a job: one task a repository, archive or table."""

import glob
import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from curate import schema
from curate.code.detect import Detector, is_license_file
from curate.code.evidence import Evidence, conjunction, to_json
from curate.code.languages import language_of
from curate.code.members import BROKEN, Bomb, Member, is_repository, members
from curate.code.metadata import is_metadata
from curate.code.repository import Licences, agreed, licence_of, survey
from curate.code.tables import is_table, rows
from curate.errors import InputError
from curate.job import Source
from curate.shards import ShardWriter

BATCH = 256
ROWS = schema.extracted("code")


def code_source(inputs: Sequence[str], name: str | None = None) -> Source:
    """The source of repositories: folders and archives, by path or glob. Raises InputError when there is none."""
    found: dict[str, int] = {}
    for pattern in inputs:
        paths = sorted(glob.glob(pattern)) if not os.path.exists(pattern) else [pattern]
        known = [path for path in paths if is_repository(path) or is_table(path)]
        if not known:
            raise InputError(
                f"--input {pattern}: no folder, archive (.tar.gz, .zip, .whl …) or table (.parquet, .jsonl …) of that name"
            )
        found.update({path: 0 if os.path.isdir(path) else os.path.getsize(path) for path in known})
    listed = sorted(found.items())
    digest = hashlib.blake2b(json.dumps([name, listed]).encode(), digest_size=8).hexdigest()
    tasks = [{"name": f"{i:06d}", "path": path, "source": name or "code"} for i, (path, _) in enumerate(listed)]
    return Source("code", "curate.code.source:run", tasks, listed, digest)


def run(task: dict[str, Any]) -> dict[str, Any]:
    """Task: read one repository to rows of `schema.extracted("code")`."""
    started, path, detector = time.monotonic(), task["path"], Detector()
    skipped, waiting = Counter[str](), list[dict[str, Any]]()
    with ShardWriter(task["out"], ROWS, scratch=True) as writer:
        try:
            seen = set[int]()
            for row in (_table if is_table(path) else _repository)(task, detector, skipped):
                short = int(row["id"][:16], 16)
                if short in seen:  # the same name with the same bytes once more: one document, not two of one id
                    skipped["repeated"] += 1
                    continue
                seen.add(short)
                waiting.append(row)
                if len(waiting) >= BATCH:
                    writer.write(pa.Table.from_pylist(waiting, ROWS))
                    waiting.clear()
        except (Bomb, pa.ArrowInvalid, *BROKEN) as error:
            reason = "archive_bomb" if isinstance(error, Bomb) else "archive_damaged"
            waiting.append(_failed(task, reason, error))
        writer.write(pa.Table.from_pylist(waiting, ROWS))
        records = writer.rows + sum(skipped.values())
        writer.facts = {
            "files": {path: {"records": records, "skipped": dict(skipped)}},
            "bytes": 0 if os.path.isdir(path) else os.path.getsize(path),
            "seconds": round(time.monotonic() - started, 3),
        }
    return {"records": records, "rows": writer.rows}


def _repository(task: dict[str, Any], detector: Detector, skipped: Counter[str]) -> Iterator[dict[str, Any]]:
    licences = survey(members(task["path"]), detector)
    repo = _repository_name(task["path"])
    for number, member in enumerate(members(task["path"])):
        language = _language(member, skipped)
        if language:
            expression, evidence = licence_of(member, licences, detector)
            yield _row(task, repo, member, number, language, expression, evidence)


def _table(task: dict[str, Any], detector: Detector, skipped: Counter[str]) -> Iterator[dict[str, Any]]:
    """Rows of a table: a file's own header counts, else the licence files of its repository with the license column."""
    licences: dict[str, Licences] = {}
    for repo, member, _ in rows(task["path"]):
        if not member.skipped and (is_license_file(member.path) or is_metadata(member.path)):
            licences.setdefault(repo, Licences()).add(member, detector)
    for number, (repo, member, stated) in enumerate(rows(task["path"])):
        language = _language(member, skipped)
        if language is None:
            continue
        known = licences.get(repo, Licences()) if repo else Licences()  # files of nobody share no licence
        expression, evidence = licence_of(member, known, detector)
        if stated and all(item.where.rsplit(":", 1)[0] != member.path for item in evidence):
            evidence = agreed(evidence, [stated])
            expression = conjunction(item.expression for item in evidence)
        yield _row(task, repo or _repository_name(task["path"]), member, number, language, expression, evidence)


def _language(member: Member, skipped: Counter[str]) -> str | None:
    """The language of a source file; None for anything else, which is counted."""
    language = None
    kind = member.skipped or _no_text(member)
    if kind is None:
        language = language_of(member.path, member.data)
    if language is None:
        skipped[kind or "no_source_file"] += 1
    return language


def _row(
    task: dict[str, Any],
    repo: str,
    member: Member,
    number: int,
    language: str,
    expression: str | None,
    evidence: list[Evidence],
) -> dict[str, Any]:
    return {
        "id": schema.document_id(repo, member.path, hashlib.sha256(member.data).hexdigest()),
        "text": member.data.decode("utf-8").replace("\x00", "").replace("\r\n", "\n"),
        "source": task["source"],
        "file": task["path"],
        "offset": number,
        "repo": repo,
        "path": member.path,
        "language": language,
        "license": expression,
        "license_evidence": to_json(evidence),
    }


def _no_text(member: Member) -> str | None:
    if not member.data.strip():
        return "empty"
    if b"\x00" in member.data[:8000]:
        return "binary"
    try:
        member.data.decode("utf-8")
    except UnicodeDecodeError:
        return "not_utf8"
    return None


def _failed(task: dict[str, Any], reason: str, error: BaseException) -> dict[str, Any]:
    return {
        "id": schema.document_id(task["path"], reason),
        "source": task["source"],
        "file": task["path"],
        "repo": _repository_name(task["path"]),
        "verdict": "failed",
        "reason": reason,
        "detail": str(error).encode("utf-8", "replace").decode()[:300],
    }


def _repository_name(path: str) -> str:
    name = os.path.basename(path.rstrip("/"))
    for ending in (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar", ".zip", ".whl", ".crate", ".git"):
        name = name.removesuffix(ending)
    return name.encode("utf-8", "replace").decode()
