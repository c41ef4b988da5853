"""Dumps of Stack Exchange: posts (questions and answers) and comments as XML, loose or in 7z; a document a question.

First the posts are parted by their question's number (`part`), a task a range of a loose file or an archive; comments
follow, which need to know whose answer they are of. Then a task a bucket joins questions and answers (`run`). Nothing but a
bucket is in memory, and the numbers of the answers (16 bytes each) where comments are asked for.

Each post is a record of the ledger: a question is a row; an answer is in its question's document, or skipped by kind.
"""

import itertools
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from lxml import etree

from curate.corpus import schema
from curate.corpus.shards import ShardWriter
from curate.engine.memory import cpu_count
from curate.errors import InputError
from curate.files import storage
from curate.files.fingerprints import digest_of
from curate.html.fragment import fragment_text
from curate.read.buckets import BucketFile, BucketWriter
from curate.read.dumps import Head, place
from curate.read.source import ReadResult, ReadTask, Source, Stage
from curate.read.unpack import Piece, Window, pieces, recoded, splittable

ROWS = schema.extracted("stackexchange")
SPLIT_BYTES, LEAST_SPLIT_BYTES = 64 << 20, 4 << 20
BUCKET_BYTES = 128 << 20
"""Bytes of XML whose questions are joined by one task."""
LONGEST_ROW = 32 << 20
BATCH = 256
VERSION = 3
"""Changes when the same dump gives other rows."""
TABLES = ("posts", "comments", "badges", "posthistory", "postlinks", "tags", "users", "votes")
_ROOT = re.compile(rf"<({'|'.join(TABLES)})[\s>/]", re.IGNORECASE)
_NAME = re.compile(rf"(?:^|[-/])({'|'.join(TABLES)})\.(?:xml|7z)", re.IGNORECASE)
_SITES = re.compile(
    r"stackexchange|stackoverflow|superuser|serverfault|askubuntu|mathoverflow|stackapps", re.IGNORECASE
)
_ROW = b"<row "
_ROOT_END = re.compile(rb"</(?:posts|comments)\s*>|<(?:posts|comments)\s*/>", re.IGNORECASE)
_LONGEST_END = 24
"""Bytes of the longest end of a table that is looked for."""
QUESTION, ANSWER = 1, 2
LICENSES = (("2011-04-08", "CC-BY-SA-2.5"), ("2018-05-02", "CC-BY-SA-3.0"), ("", "CC-BY-SA-4.0"))
"""Licence of a post by the day before which it was written (stackoverflow.com/help/licensing), where the dump does not say."""


@dataclass(frozen=True, slots=True)
class StackExchange:
    """Which answers stand in a document, and in what order."""

    what: ClassVar[str] = "a dump of Stack Exchange"
    recipe: ClassVar[str] = "stackexchange"

    accepted_first: bool = False
    """Whether the answer that the asker accepted comes before better ones."""
    minimum_score: int | None = None
    """Least score of an answer; none is left out by default."""
    maximum_answers: int = 0
    """Answers in a document at most, the best; 0: all."""
    unanswered: bool = True
    """Whether a question is a document that has no answer, or none left."""
    comments: bool = False

    def __post_init__(self) -> None:
        if self.maximum_answers < 0:
            raise ValueError(f"maximum_answers must be at least 0, got {self.maximum_answers}")

    def recognises(self, head: Head) -> bool:
        """Whether a file is one of the tables of a site, or an archive of them."""
        if head.packed == "7z":
            return any(map(table_of, head.members)) or (not head.members and bool(_SITES.search(head.name)))
        if not head.data:  # nothing of it can be unpacked
            return bool(head.packed and table_of(head.name))
        return (bool(_ROOT.search(head.data[:4096].decode("utf-8", "replace"))) and b"<row" in head.data) or _is_empty(
            head
        )

    def source(self, files: Sequence[Head], name: str | None, split_bytes: int) -> Source:
        """The source of sites. Raises InputError where no file has posts."""
        options, parts, joins, notes = asdict(self), list[PartTask](), list[JoinTask](), list[str]()
        sites: dict[tuple[str, str], dict[str, list[tuple[Head, str]]]] = {}
        for head in files:
            found = _tables(head)
            if not {"posts", "comments"} & {table for table, _ in found}:
                notes.append(f"{head.path}: holds no posts; left out")
            for table, member in found:
                sites.setdefault((head.path.rpartition("/")[0], site_of(head.path)), {}).setdefault(table, []).append(
                    (head, member)
                )
        listed = [(head.path, head.size) for head in files]
        if not any("posts" in tables for tables in sites.values()):
            raise InputError(f"{files[0].path}: holds no posts: name Posts.xml, or an archive with it")
        late: list[PartTask] = []
        named = Counter(site for _, site in sites)
        for (folder, site), tables in sorted(sites.items()):
            if "posts" not in tables:
                notes.append(f"{site}: comments without posts; left out")
                continue
            buckets = max(1, sum(_unpacked_size(head, member) for head, member in tables["posts"]) // BUCKET_BYTES)
            site = site if named[site] == 1 else folder or site  # two sites of one name are not one
            ranges = [one for item in tables["posts"] for one in _ranges(*item, "posts", split_bytes)]
            early = [
                _part_task(len(parts) + at, site, buckets, one, pairs=self.comments) for at, one in enumerate(ranges)
            ]
            names = tuple(one.name for one in early)
            parts += early
            after: list[PartTask] = []
            if self.comments:
                items = tables.get("comments", [])
                ranges = [one for item in items for one in _ranges(*item, "comments", split_bytes)]
                after = [_part_task(len(late) + at, site, buckets, one, names) for at, one in enumerate(ranges)]
                late += after
            comments = tuple(one.name for one in after)
            joins += [
                JoinTask(
                    name=f"{len(joins) + bucket:06d}",
                    source=name or site,
                    site=site,
                    bucket=bucket,
                    posts=names,
                    comments_of=comments,
                    options=self,
                )
                for bucket in range(buckets)
            ]
        before = [Stage("posts", part, parts)]
        if late:
            before.append(Stage("comments", part, late))
        digest = digest_of([VERSION, options, name, listed])
        return Source("stackexchange", run, joins, listed, digest, notes=notes, before=before)


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes `start` … `end` of a table, or a file `member` of an archive."""

    file: str
    packed: str
    encoding: str
    member: str
    table: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartTask(ReadTask):
    """Posts or comments of a site to part by their question."""

    site: str
    buckets: int
    range: Range
    pairs: bool = False
    """Of posts: whether comments will ask for their questions."""
    posts: tuple[str, ...] = ()
    """For comments: the tasks that parted the posts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinTask(ReadTask):
    """A bucket of a site: questions with their answers."""

    source: str
    """The column of that name."""
    site: str
    bucket: int
    posts: tuple[str, ...]
    comments_of: tuple[str, ...]
    options: StackExchange


def _part_task(
    number: int, site: str, buckets: int, own: Range, posts: tuple[str, ...] = (), pairs: bool = False
) -> PartTask:
    name = f"{number:06d}-{digest_of([site, buckets, asdict(own)])}"
    return PartTask(name=name, site=site, buckets=buckets, range=own, posts=posts, pairs=pairs)


def _is_empty(head: Head) -> bool:
    """A table without rows."""
    return bool(
        re.search(rf"<({'|'.join(TABLES)})\s*(/>|>\s*</\1>)", head.data[:4096].decode("utf-8", "replace"), re.I)
    )


def table_of(name: str) -> str:
    """The table that a file is by its name; empty for none."""
    found = _NAME.search(name)
    return found[1].lower() if found else ""


def site_of(path: str) -> str:
    """The site by the name of its archive (beer.stackexchange.com.7z, stackoverflow.com-Posts.7z) or its folder."""
    folder, _, name = path.rpartition("/")
    if name.lower().endswith(".7z"):
        return re.sub(rf"(-({'|'.join(TABLES)}))?\.7z$", "", name, flags=re.IGNORECASE)
    return folder.rpartition("/")[2] or "stackexchange"


def _tables(head: Head) -> list[tuple[str, str]]:
    """(table, name in the archive) of what a file holds; a damaged archive is taken for posts, so that it is accounted for."""
    if head.packed == "7z":
        found = [(table_of(name), name) for name in head.members if table_of(name)]
        return found if head.members else [("posts", "")]
    root = _ROOT.search(head.data[:4096].decode("utf-8", "replace"))
    name = root[1].lower() if root else table_of(head.name)
    return [(name, "")] if name else []


def _unpacked_size(head: Head, member: str) -> int:
    if head.packed != "7z" or not member:
        return head.size * (1 if not head.packed else 6)
    import py7zr

    from curate.read.inputs import open_input

    with open_input(head.path) as file, py7zr.SevenZipFile(file) as archive:
        return next((int(info.uncompressed) for info in archive.list() if info.filename == member), head.size)


def _ranges(head: Head, member: str, table: str, split_bytes: int) -> Iterator[Range]:
    each = split_bytes or min(SPLIT_BYTES, max(LEAST_SPLIT_BYTES, head.size // (4 * cpu_count())))
    count = max(1, -(-head.size // each)) if splittable(head.packed) and not head.encoding else 1
    for start, end in itertools.pairwise(head.size * i // count for i in range(count + 1)):
        yield Range(head.path, head.packed, head.encoding, member, table, start, end)


# ---- rows out of bytes ----


def rows(found: Iterator[Piece], *, first: bool = True) -> Iterator[tuple[bytes, int, str]]:
    """(element, offset, problem) of each <row …> that begins in the own pieces of a range, and of each damaged place.

    In well-formed XML no value holds a `<`: so `<row ` begins a row and the next `<` ends it. That the file ends without the end of its
    table is told by the range that the last row begins in, or by the `first` one of a file.
    """
    window, known, closed = Window(), first, False
    for piece in found:
        if piece.problem:
            window.drop(len(window.data))
            known = False
            if not piece.own:
                return
            yield b"", piece.offset, piece.problem
            continue
        window.add(piece)
        data, at = window.data, 0
        while (start := data.find(_ROW, at)) >= 0:
            if not window.owns(start):
                return
            end = data.find(b"<", start + 1)
            if end < 0:
                at = start
                break
            yield bytes(data[start:end]), window.offset(start), ""
            at, known, closed = end, True, False
        else:
            closed = closed or bool(_ROOT_END.search(data, at))
            at = max(at, len(data) - _LONGEST_END)
            if not (piece.own or known or window.owns(at)):
                return
        window.drop(at)
        if len(data) > LONGEST_ROW:
            yield b"", window.offset(), f"row_too_large: more than {LONGEST_ROW} bytes"
            window.drop(len(data))
    if window.data.startswith(_ROW) and window.owns(0):
        if attributes(bytes(window.data)) is None:
            yield b"", window.offset(), "cut: the file ends within a row"
            return
        yield bytes(window.data), window.offset(), ""
        known, closed = True, False
    if known and not closed:
        yield b"", window.offset(len(window.data)), "cut: the file ends without the end of its table"


def attributes(element: bytes) -> dict[str, str] | None:
    """The attributes of a row; None where it is no XML. An entity that XML does not know is a syntax error."""
    element = element.rstrip()
    if not element.endswith(b">"):
        return None
    closed = element if element.endswith(b"/>") else element[:-1] + b"/>"
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    try:
        return dict(etree.fromstring(closed, parser).attrib)
    except etree.XMLSyntaxError:
        return None


def _whole(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"-?[0-9]{1,15}", text) else None


def part(task: PartTask) -> ReadResult:
    """Task: part the posts or comments of a range by their question. Those that can't be in a document are counted."""
    skipped, failed, records = Counter[str](), list[list[Any]](), 0
    own = task.range
    found = pieces(own.file, own.packed, own.start, own.end, lambda name: not own.member or name == own.member)
    if own.encoding:
        found = recoded(found, own.encoding)
    questions = _Questions(task) if own.table == "comments" else None
    with BucketWriter(task.out) as writer:
        for element, offset, problem in rows(found, first=own.start == 0):
            records += 1
            values = None if problem else attributes(element)
            if values is None:
                told = problem or "row_xml: no XML"
                failed.append([offset, told])
                continue
            record = _comment(values, questions) if questions else _post(values, offset)
            if isinstance(record, str):
                skipped[record] += 1
            else:
                writer.add(record[0] % task.buckets, record)
                if task.pairs:
                    writer.numbers.extend((record[2], record[0]))
        writer.facts = {"file": own.file, "records": records, "skipped": dict(skipped), "failed": failed}
    return ReadResult(records, 0)


def _post(values: dict[str, str], offset: int) -> list[Any] | str:
    """[question, type, id, …] of a post, or why it is in no document."""
    number, kind = _whole(values.get("Id")), _whole(values.get("PostTypeId"))
    if values.get("DeletionDate"):
        return "deleted_post"
    if number is None:
        return "post_without_id"
    if kind not in (QUESTION, ANSWER):
        return f"post_type_{kind}" if kind is not None and 0 <= kind < 100 else "post_type_unknown"
    question = number if kind == QUESTION else _whole(values.get("ParentId"))
    if question is None:
        return "answer_without_question"
    score, day = _whole(values.get("Score")) or 0, values.get("CreationDate", "")
    common = [
        question,
        kind,
        number,
        score,
        day[:23],
        values.get("Body", ""),
        license_of(values.get("ContentLicense"), day),
        offset,
    ]
    if kind == QUESTION:
        common += [values.get("Title", ""), tags_of(values.get("Tags", "")), _whole(values.get("AcceptedAnswerId"))]
    return common


def _comment(values: dict[str, str], questions: "_Questions") -> list[Any] | str:
    """[question, 0, post, comment, score, text]."""
    number, post = _whole(values.get("Id")), _whole(values.get("PostId"))
    question = questions.of(post) if post is not None else None
    if number is None or post is None or question is None:
        return "comment_without_post"
    return [question, 0, post, number, _whole(values.get("Score")) or 0, values.get("Text", "")]


class _Questions:
    """Post -> question, of a whole site."""

    def __init__(self, task: PartTask) -> None:
        posts, questions = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for name in task.posts:
            table = BucketFile(storage.join(task.scratch, "posts", name)).numbers().reshape(-1, 2)
            posts.append(table[:, 0])
            questions.append(table[:, 1])
        joined = np.concatenate(posts)
        order = np.argsort(joined, kind="stable")
        self._posts, self._questions = joined[order], np.concatenate(questions)[order]

    def of(self, post: int) -> int | None:
        """The question of a post; None for one that is not in the dump."""
        at = int(np.searchsorted(self._posts, post))
        return int(self._questions[at]) if at < len(self._posts) and self._posts[at] == post else None


def tags_of(text: str) -> list[str]:
    """Tags in either form: <a><b>, as until 2022, or |a|b|."""
    return [tag for tag in re.split(r"[<>|]+", text) if tag]


def license_of(said: str | None, day: str) -> str:
    """SPDX: CC BY-SA 4.0 -> CC-BY-SA-4.0; by the day where nothing is said."""
    if said and (found := re.fullmatch(r"CC BY-SA (\d\.\d)", said.strip())):
        return f"CC-BY-SA-{found[1]}"
    return next(name for before, name in LICENSES if not before or day[:10] < before)


# ---- documents ----


def run(task: JoinTask) -> ReadResult:
    """Task: join the questions of a bucket with their answers, a row a question. Facts: records and skipped by file."""
    started = time.monotonic()
    files: dict[str, dict[str, Any]] = {}
    with ShardWriter(task.out, ROWS, scratch=True, packed=task.packed, runs=["id"]) as writer:
        waiting: list[dict[str, object]] = []
        for row in _documents(task, files):
            waiting.append(row)
            if len(waiting) >= BATCH:
                writer.write(pa.Table.from_pylist(waiting, ROWS))
                waiting.clear()
        writer.write(pa.Table.from_pylist(waiting, ROWS))
        writer.facts = {"files": files, "bytes": 0, "seconds": round(time.monotonic() - started, 3)}
    return ReadResult(sum(one["records"] for one in files.values()), writer.rows)


def _documents(task: JoinTask, files: dict[str, dict[str, Any]]) -> Iterator[dict[str, object]]:
    posts = _Posts(files)
    for stage, names in (("posts", task.posts), ("comments", task.comments_of)):
        for name in names:
            part = BucketFile(storage.join(task.scratch, stage, name))
            if task.bucket == 0:
                yield from _not_joined(task, part.facts, files)
            for record in part.read(task.bucket):
                posts.add(record, part.facts["file"])
    yield from posts.joined(task)


class _Posts:
    """The posts and comments of a bucket; `files` is the account of what became of them."""

    def __init__(self, files: dict[str, dict[str, Any]]) -> None:
        self.files = files
        self.questions: dict[int, tuple[list[Any], str]] = {}
        self.answers: dict[int, list[tuple[list[Any], str]]] = {}
        self.comments: dict[int, list[list[Any]]] = {}
        self.seen = set[int]()

    def _skip(self, file: str, kind: str) -> None:
        skipped = self.files.setdefault(file, {"records": 0, "skipped": {}})["skipped"]
        skipped[kind] = skipped.get(kind, 0) + 1

    def add(self, record: list[Any], file: str) -> None:
        """Take a record of a file."""
        self.files.setdefault(file, {"records": 0, "skipped": {}})["records"] += 1
        if record[1] == 0:
            self.comments.setdefault(record[2], []).append([*record, file])
        elif record[2] in self.seen:
            self._skip(file, "repeated_post")
        else:
            self.seen.add(record[2])
            if record[1] == QUESTION:
                self.questions[record[2]] = (record, file)
            else:
                self.answers.setdefault(record[0], []).append((record, file))

    def joined(self, task: JoinTask) -> Iterator[dict[str, object]]:
        """The rows of the questions, by number; all else is counted as skipped."""
        used = set[int]()
        for number in sorted(self.questions):
            question, file = self.questions[number]
            mine = self.answers.pop(number, [])
            kept, lost = chosen([record for record, _ in mine], question[10], task.options)
            where = {record[2]: name for record, name in mine}
            for record, kind in [*((record, "answer_in_document") for record in kept), *lost]:
                self._skip(where[record[2]], kind)
            if not kept and not task.options.unanswered:
                self._skip(file, "question_without_answer")
                continue
            yield _row(task, question, file, kept, self.comments)
            used.update([number, *(record[2] for record in kept)])
        self._skip_rest(used)

    def _skip_rest(self, used: set[int]) -> None:
        for post, found in self.comments.items():
            for comment in found:
                self._skip(comment[-1], "comment_in_document" if post in used else "comment_of_no_document")
        for orphans in self.answers.values():
            for _, file in orphans:
                self._skip(file, "orphaned_answer")


def _not_joined(task: JoinTask, facts: dict[str, Any], files: dict[str, dict[str, Any]]) -> Iterator[dict[str, object]]:
    """The posts of a part that are in no bucket: counts, and a failed row for each place that could not be read."""
    file = facts["file"]
    entry = files.setdefault(file, {"records": 0, "skipped": {}})
    for kind, count in facts["skipped"].items():
        entry["records"] += count
        entry["skipped"][kind] = entry["skipped"].get(kind, 0) + count
    for offset, told in facts["failed"]:
        entry["records"] += 1
        code = told.partition(":")[0]
        yield {
            "id": schema.document_id(place(file), offset, code),
            "source": task.source,
            "file": file,
            "offset": offset,
            "site": task.site,
            "verdict": "failed",
            "reason": code if code.startswith("row") else f"dump_{code}",
            "detail": told[:300],
        }


def chosen(
    answers: list[list[Any]], accepted: int | None, options: StackExchange
) -> tuple[list[list[Any]], list[tuple[list[Any], str]]]:
    """The answers of a document in its order, and the others with the reason. Scores are compared as numbers."""
    first = accepted if options.accepted_first else None
    order = sorted(answers, key=lambda one: (one[2] != first, -one[3], one[2]))
    least, most = options.minimum_score, options.maximum_answers
    good = [one for one in order if least is None or one[3] >= least]
    lost = [(one, "answer_of_low_score") for one in order if least is not None and one[3] < least]
    kept = good[:most] if most else good
    return kept, lost + [(one, "answer_beyond_the_maximum") for one in good[len(kept) :]]


def _row(
    task: JoinTask, question: list[Any], file: str, answers: list[list[Any]], comments: dict[int, list[list[Any]]]
) -> dict[str, object]:
    number, title = question[2], " ".join(question[8].split())
    parts = [f"Q: {title}" if title else "Q:", fragment_text(question[5]), *_comments(comments.get(number, []))]
    for answer in answers:
        parts += [f"A: {fragment_text(answer[5])}", *_comments(comments.get(answer[2], []))]
    row: dict[str, object] = {
        "id": schema.document_id(task.site, number),
        "text": "\n\n".join(part for part in parts if part),
        "source": task.source,
        "file": file,
        "offset": question[7],
        "url": f"https://{task.site}/questions/{number}",
        "title": title or None,
        "date": _date(question[4]),
        "license": " AND ".join(sorted({question[6], *(answer[6] for answer in answers)})),
        "site": task.site,
        "question_id": number,
        "tags": question[9],
        "score": question[3],
        "answer_ids": [answer[2] for answer in answers],
        "answer_scores": [answer[3] for answer in answers],
        "accepted": question[10],
    }
    if row["text"] in ("Q:", ""):
        row.update(text=None, verdict="rejected", reason="extract.no_text", value=0.0)
    return row


def _comments(found: list[list[Any]]) -> list[str]:
    """Comments are Markdown in one line, with entities of HTML; they stand in the order in which they were written."""
    from html import unescape

    return [f"Comment: {' '.join(unescape(one[5]).split())}" for one in sorted(found, key=lambda one: one[3])]


def _date(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return None
