"""Repositories as the source of a job: one task a repository or archive."""

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
from curate.code.detect import Detector
from curate.code.evidence import to_json
from curate.code.languages import language_of
from curate.code.members import BROKEN, Bomb, Member, is_repository, members
from curate.code.repository import Licences, licence_of, survey
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
        known = [path for path in paths if is_repository(path)]
        if not known:
            raise InputError(f"--input {pattern}: no folder and no archive (.tar.gz, .zip, .whl …) of that name")
        found.update({path: 0 if os.path.isdir(path) else os.path.getsize(path) for path in known})
    listed = sorted(found.items())
    digest = hashlib.blake2b(json.dumps([name, listed]).encode(), digest_size=8).hexdigest()
    tasks = [{"name": f"{i:06d}", "path": path, "source": name or "code"} for i, (path, _) in enumerate(listed)]
    return Source("code", "curate.code.source:run", tasks, listed, digest)


def run(task: dict[str, Any]) -> dict[str, Any]:
    """Task: read one repository to rows of `schema.extracted("code")`."""
    started, path, detector = time.monotonic(), task["path"], Detector()
    skipped, waiting = Counter[str](), list[dict[str, Any]]()
    with ShardWriter(task["out"], ROWS) as writer:
        try:
            licences = survey(members(path), detector)
            for row in _rows(task, licences, detector, skipped):
                waiting.append(row)
                if len(waiting) >= BATCH:
                    writer.write(pa.Table.from_pylist(waiting, ROWS))
                    waiting.clear()
        except (Bomb, *BROKEN) as error:
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


def _rows(
    task: dict[str, Any], licences: Licences, detector: Detector, skipped: Counter[str]
) -> Iterator[dict[str, Any]]:
    repo = _repository_name(task["path"])
    for number, member in enumerate(members(task["path"])):
        kind = member.skipped or _no_text(member)
        if kind:
            skipped[kind] += 1
            continue
        language = language_of(member.path, member.data)
        if language is None:
            skipped["no_source_file"] += 1
            continue
        expression, evidence = licence_of(member, licences, detector)
        yield {
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
    for ending in (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar", ".zip", ".whl", ".crate"):
        name = name.removesuffix(ending)
    return name.encode("utf-8", "replace").decode()
