"""Repositories, tables and crawls as the source of a job: one task a repository, archive or file."""

import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa

from curate.code.debsource import is_dsc, parts
from curate.code.detect import Detector, is_license_file
from curate.code.evidence import Evidence, conjunction, to_json
from curate.code.languages import language_of
from curate.code.members import BROKEN, Bomb, Member
from curate.code.metadata import is_metadata
from curate.code.names import UNKNOWN
from curate.code.packages import is_package, members_of, survey_of
from curate.code.pages import is_crawl, page_language, pages
from curate.code.repository import Licences, agreed, is_readme, licence_of
from curate.code.tables import is_table, rows
from curate.code.texts import database_file
from curate.corpus import schema
from curate.corpus.shards import ShardWriter
from curate.errors import InputError
from curate.files import storage
from curate.files.fingerprints import digest_of
from curate.read.rows import in_time, printable, survivable
from curate.read.source import FileTask, ReadResult, Source

BATCH = 256
CPU_SECONDS = 120.0
"""CPU time that one file's licence may take."""
_LOADING = (
    b"# Copyright (c) 2024 A Person. Licensed under the MIT License, see LICENSE. Others need our leave to sell it."
)
_ENDINGS = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar", ".zip", ".whl", ".crate", ".git", ".dsc", ".deb", ".udeb")
"""What is no part of a repository's name."""
ROWS = schema.extracted("code")


def code_source(inputs: Sequence[str], name: str | None = None) -> Source:
    """The source of repositories: folders and archives, by path or glob. Raises InputError when there is none."""
    database_file()  # said now, when it is missing, and not by a task
    found: dict[str, int] = {}
    for pattern in inputs:
        paths = [pattern] if os.path.exists(pattern) else storage.matching(pattern)
        for path in paths:
            storage.refuse_special(path)
        known = [path for path in paths if is_package(path) or is_table(path) or is_crawl(path)]
        if not known:
            raise InputError(
                f"--input {pattern}: no folder, archive (.tar.gz, .zip, .whl …), Debian package (.deb, .dsc), "
                "table (.parquet, .jsonl …) or crawl (.warc.gz …) of that name"
            )
        found.update({path: 0 if os.path.isdir(path) else os.path.getsize(path) for path in known})
    together = [part for path in found if is_dsc(path) for part in _parts(path)]
    for part in together:  # is read as a part of the package, not once more for itself
        found.pop(part, None)
    listed = sorted(found.items())
    digest = digest_of([name, listed])
    tasks = [FileTask(name=f"{i:06d}", file=path, source=name or "code") for i, (path, _) in enumerate(listed)]
    reads = [*found, *filter(os.path.exists, together)]
    uses = [str(database_file())]
    return survivable(Source("code", run, tasks, listed, digest, reads=reads, uses=uses))


class Patient(Detector):
    """A detector that gives a text up on which it has worked for CPU_SECONDS: its licence is unknown, which is not free."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("LICENSE", "a.py"):  # what is loaded and compiled for the first text is no work on it
            super().detect(_LOADING, name)

    def detect(self, text: bytes, name: str) -> list[Evidence]:
        """As of `Detector`."""
        found = in_time(lambda: super(Patient, self).detect(text, name), CPU_SECONDS)
        if found is None:
            return [Evidence(UNKNOWN, "full-text", f"{name}:1", f"not read within {CPU_SECONDS:g} s of CPU time", 0.0)]
        return found


def _parts(path: str) -> list[str]:
    try:
        return parts(path)
    except OSError:  # said by the task that reads it
        return []


def _reader(path: str) -> Callable[[FileTask, Detector, Counter[str]], Iterator[dict[str, object]]]:
    return _table if is_table(path) else _crawl if is_crawl(path) else _repository


def run(task: FileTask) -> ReadResult:
    """Task: read one repository to rows of `schema.extracted("code")`."""
    started, path, detector = time.monotonic(), task.file, Patient()
    skipped, waiting = Counter[str](), list[dict[str, object]]()
    with ShardWriter(task.out, ROWS, scratch=True, packed=task.packed, runs=["id"]) as writer:
        try:
            seen = set[int]()
            for row in _reader(path)(task, detector, skipped):
                short = int(str(row["id"])[:16], 16)
                if short in seen:  # the same name with the same bytes once more: one document, not two of one id
                    skipped["repeated"] += 1
                    continue
                seen.add(short)
                waiting.append(row)
                if len(waiting) >= BATCH:
                    writer.write(pa.Table.from_pylist(waiting, ROWS))
                    waiting.clear()
        except (Bomb, pa.ArrowInvalid, *BROKEN) as error:
            reason = {Bomb: "archive_bomb", PermissionError: "no_permission"}.get(type(error), "archive_damaged")
            waiting.append(_failed(task, reason, error))
        writer.write(pa.Table.from_pylist(waiting, ROWS))
        records = writer.rows + sum(skipped.values())
        writer.facts = {
            "files": {path: {"records": records, "skipped": dict(skipped)}},
            "bytes": 0 if os.path.isdir(path) else os.path.getsize(path),
            "seconds": round(time.monotonic() - started, 3),
        }
    return ReadResult(records, writer.rows)


def _repository(task: FileTask, detector: Detector, skipped: Counter[str]) -> Iterator[dict[str, object]]:
    path = task.file
    licences, repo = survey_of(path, detector), _repository_name(path)
    for number, member in enumerate(members_of(path)):
        file = _source_file(member, skipped)
        if file:
            yield _row(task, repo, member, number, file, licence_of(member, licences, detector))


def _table(task: FileTask, detector: Detector, skipped: Counter[str]) -> Iterator[dict[str, object]]:
    """Rows of a table: a file's own header counts, else the licence files of its repository with the license column."""
    licences: dict[str, Licences] = {}
    for repo, member, _ in rows(task.file):
        if _says_licence(member):
            licences.setdefault(repo, Licences()).add(member, detector)
    for number, (repo, member, stated) in enumerate(rows(task.file)):
        file = _source_file(member, skipped)
        if file is None:
            continue
        known = licences.get(repo, Licences()) if repo else Licences()  # files of nobody share no licence
        expression, evidence = licence_of(member, known, detector)
        if stated and all(item.where.rsplit(":", 1)[0] != member.path for item in evidence):
            evidence = agreed(evidence, [stated])
            expression = conjunction(item.expression for item in evidence)
        yield _row(task, repo or _repository_name(task.file), member, number, file, (expression, evidence))


def _crawl(task: FileTask, detector: Detector, skipped: Counter[str]) -> Iterator[dict[str, object]]:
    """Source files among the pages of a crawl: own headers, and the licence files of sites that host repositories."""
    licences: dict[str, Licences] = {}
    for page in pages(task.file):
        if page.shared and _says_licence(page.member):
            licences.setdefault(page.repo, Licences()).add(page.member, detector)
    for number, page in enumerate(pages(task.file)):
        file = _source_file(page.member, skipped, page_language)
        if file:
            known = licences.get(page.repo, Licences()) if page.shared else Licences()
            yield _row(task, page.repo, page.member, number, file, licence_of(page.member, known, detector))


def _says_licence(member: Member) -> bool:
    path = member.path
    named = is_license_file(path) or is_metadata(path) or is_readme(path) or path.endswith("REUSE.toml")
    return named and not member.skipped


class _File(NamedTuple):
    language: str
    text: str


def _source_file(
    member: Member, skipped: Counter[str], language_of: Callable[[str, bytes], str | None] = language_of
) -> _File | None:
    """Language and text of a source file; None for anything else, which is counted."""
    kind, language, text = member.skipped, None, ""
    if kind is None and not member.data.strip():
        kind = "empty"
    elif kind is None and b"\x00" in member.data[:8000]:
        kind = "binary"
    elif kind is None:
        language = language_of(member.path, member.data)
        try:
            text = member.data.decode("utf-8-sig") if language else ""  # a byte order mark is no text
        except UnicodeDecodeError:
            kind, language = "not_utf8", None
    if language is None:
        skipped[kind or "no_source_file"] += 1
        return None
    return _File(language, text)


def _row(
    task: FileTask,
    repo: str,
    member: Member,
    number: int,
    file: _File,
    licence: tuple[str | None, list[Evidence]],
) -> dict[str, object]:
    return {
        # The licence is a part of it: of two repositories of one name, one may be free and the other not.
        "id": schema.document_id(repo, member.path, hashlib.sha256(member.data).hexdigest(), licence[0]),
        "text": file.text.replace("\x00", "").replace("\r\n", "\n"),
        "source": task.source,
        "file": task.file,
        "offset": number,
        "repo": repo,
        "path": member.path,
        "language": file.language,
        "license": licence[0],
        "license_evidence": to_json(licence[1]),
    }


def _failed(task: FileTask, reason: str, error: BaseException) -> dict[str, object]:
    return {
        "id": schema.document_id(task.file, reason),
        "source": task.source,
        "file": task.file,
        "repo": _repository_name(task.file),
        "verdict": "failed",
        "reason": reason,
        "detail": printable(error),
    }


def _repository_name(path: str) -> str:
    name = os.path.basename(path.rstrip("/"))
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    return name.encode("utf-8", "replace").decode()
