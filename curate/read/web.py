"""From a split of a crawl file to a Parquet file of documents: the expensive step of the main job.

Two halves. `pages` runs in a child process: it reads records, decodes them and extracts text, one row a record. `run` is
the task: it watches the child, writes its rows, and when a page kills the child it writes that page down as failed and
goes on behind it with a new child. A page costs at most itself.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Protocol
from urllib.parse import urlsplit

import pyarrow as pa

from curate.corpus import schema
from curate.encodings.decode import decode_page, looks_binary
from curate.engine import children, tasks
from curate.errors import EngineError
from curate.files import typed_json
from curate.filters.base import Document
from curate.html.extractors import UNION, UNITED, clean_text, named_extractor
from curate.read.opt_outs import declared
from curate.read.rows import SKIPPED, in_batches, printable, write_rows
from curate.read.source import ReadResult, ReadTask
from curate.read.splits import Split, read_split
from curate.read.union import Union
from curate.warc import Limits, Record, skip_reason

BATCH_ROWS = 192
ROWS = schema.extracted("web")
ATTEMPTS = 4
"""Processes that may die between pages, one after the other without a row, before a split is given up."""
FALLBACK = b"fallback"  # in the metadata of a batch: pages of it that another engine than the one asked for has read


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitTask(ReadTask):
    """A part of a file, and what one of its documents may cost."""

    split: Split
    source: str
    """The column of that name."""
    cpu_seconds: float
    memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebTask(SplitTask):
    """A split of a crawl file, and how its pages become text."""

    engine: str
    page_bytes: int
    title: bool = False
    """Whether the first line of a text is the title of its page."""
    recipe: str = ""
    """Text of the recipe that chooses between the engines of `union`."""
    robots: bool = False
    """Whether the stages before have read records of robots.txt and tdmrep.json."""


@dataclass(frozen=True, slots=True)
class PagesTask:
    """What a child is given of a split: the records from number `done` on, but for those that killed one before, with why."""

    task: WebTask
    done: int = 0
    poison: dict[str, str] = field(default_factory=dict)
    """By the number of the record."""


class Part(Protocol):
    """A part of a file."""

    @property
    def file(self) -> str: ...
    @property
    def start(self) -> int: ...


class Survivable(Protocol):
    """A task of which pages may kill the process that reads them."""

    @property
    def split(self) -> Part: ...
    @property
    def source(self) -> str: ...
    @property
    def memory_bytes(self) -> int: ...


@tasks.supervises
def run(task: WebTask) -> ReadResult:
    """Task: extract `split` into the file `out`. Facts: records and skipped by file, pages that another engine than the
    task's read (`fallback`), bytes read, seconds.
    """
    split, facts = task.split, {"fallback": 0}

    def counted() -> Iterator[pa.RecordBatch]:
        for batch in survive(task):
            facts["fallback"] += int((batch.schema.metadata or {}).get(FALLBACK, 0))
            yield batch

    def place(batch: pa.RecordBatch) -> int:
        return int(batch["offset"][-1].as_py()) - split.start

    return write_rows(task, ROWS, counted(), split.end - split.start, place, facts)


def survive(task: Survivable, reference: str = f"{__name__}:pages") -> Iterator[pa.RecordBatch]:
    """Batches of the rows that the generator `reference` makes in a child (of a `PagesTask` or its like). A page at which the child dies is tried again in a
    fresh one, and becomes a failed row when that dies too (over its CPU limit: at once).

    Between pages a child is replaced `ATTEMPTS` times; then, if it crashes each time, the rest of the split is one failed
    row. Raises EngineError when it is killed from outside each time.
    """
    asked = typed_json.dump(task)
    done, poison, suspect, between, fresh = 0, dict[str, str](), -1, 0, False
    while True:
        try:
            with children.lease(task.memory_bytes, fresh=fresh) as child:
                for answer in child.request(reference, {"task": asked, "done": done, "poison": poison}):
                    if not isinstance(answer, pa.RecordBatch):
                        return
                    done += answer.num_rows
                    between = 0
                    yield answer
        except children.ChildDied as died:
            if children.ending():
                raise
            fresh, between = True, between + 1 if died.mark < 0 else 0
            if died.mark >= 0 and (died.mark == suspect or died.reason == "timeout"):
                poison[str(died.mark)] = died.reason
            elif between >= ATTEMPTS:
                yield _unread(task, done, died)
                return
            suspect = died.mark


def _unread(task: Survivable, done: int, died: children.ChildDied) -> pa.RecordBatch:
    """The row for the rest of a split that can't be read. Raises EngineError when that is not the split's own fault."""
    split = task.split
    where = f"{split.file} (from byte {split.start}, behind {done} records)"
    if died.reason != "crash" or "exit code" in died.detail:
        raise EngineError(f"{where}: reading ended {ATTEMPTS} times: {died.detail}{children.advice(died)}") from died
    row = {
        "id": schema.document_id(PurePosixPath(split.file).name, split.start, done, "unread"),
        "source": task.source,
        "file": split.file,
        "offset": split.start,
        "verdict": "failed",
        "reason": "reading_crash",
        "detail": f"what follows {done} records from byte {split.start} on could not be read: {died.detail}",
    }
    return pa.RecordBatch.from_pylist([row], ROWS)


def pages(task: PagesTask) -> Iterator[pa.RecordBatch]:
    """In the child: one row for each record of the split, from record number `done` on, in batches.

    The verdict is `skipped` for records that are no pages (reason: their kind), `failed` or `rejected` where there is no
    text, else null. Records whose number is in `poison` have killed a child before and are not tried again.
    """
    web = task.task
    extract, used = _extractor(web), Counter[str]()
    decode_page(b"a\x00\xc3\xa9", None, html=True)  # compiled loops are loaded before the time of a page begins
    sites = _sites(web)

    def rows() -> Iterator[dict[str, object]]:
        for number, record in enumerate(read_split(web.split, limits=Limits(body=web.page_bytes))):
            if number < task.done:
                continue
            row, reason = _row(record, web.source), task.poison.get(str(number))
            if reason:
                row.update(verdict="failed", reason=f"page_{reason}", detail=_details(web)[reason])
            elif row["verdict"] is None:
                if sites:
                    row["opt_outs"] = sites(record.url)
                _fill(row, record, number, extract, web)
                used[str(row.get("extractor") or first)] += 1
            yield row

    first = UNITED[0] if web.engine == UNION else web.engine
    for batch in in_batches(rows(), ROWS, BATCH_ROWS):
        yield batch.replace_schema_metadata({FALLBACK: str(used.total() - used[first])})
        used.clear()


def _sites(web: WebTask) -> Callable[[str | None], list[str]] | None:
    """What the files of its site declare of an address; None where nobody asked."""
    if not web.robots:
        return None
    from curate.read.robots import sites

    return sites(web.scratch).declared


Extract = Callable[[str, str | None, bytes | None, Document], tuple[str, str]]
"""(page, address, the page in UTF-8 where it came so, what is known of it) -> text and the engine that it is from."""


def _extractor(web: WebTask) -> Extract:
    if web.engine == UNION:
        return Union(web.recipe, web.title)
    named = named_extractor(web.engine, decoded=True, title=web.title)

    def extract(html: str, url: str | None, utf8: bytes | None, document: Document) -> tuple[str, str]:
        return named(html, url, utf8)

    return extract


def _details(task: WebTask) -> dict[str, str]:
    """What is said of a page that went over a limit: the same words whether it was interrupted or ended its process."""
    return {
        "timeout": f"more than {task.cpu_seconds:g} s of CPU time",
        "memory": f"more than {task.memory_bytes >> 20} MiB of memory",
        "crash": "the page crashed the process that read it, twice",
        "killed": "the process that read the page was killed, twice (SIGKILL comes when memory runs out)",
    }


def _row(record: Record, source: str) -> dict[str, object]:
    kind = None if record.error else skip_reason(record)
    if kind:  # two of three records of a crawl; they are counted and go nowhere
        return {"text": None, "offset": record.offset, "verdict": SKIPPED, "reason": kind}
    where: tuple[Any, ...] = (record.record_id,)
    if not record.record_id:
        where = PurePosixPath(record.file).name, record.offset, record.inner
    return {
        "id": schema.document_id(*where, record.url, record.date, record.payload_digest),
        "text": None,
        "source": source,
        "file": record.file,
        "offset": record.offset,
        "url": record.url,
        "host": host(record.url),
        "date": record.date,
        "record_id": record.record_id,
        "ip": record.ip,
        "payload_digest": record.payload_digest,
        "truncated": record.truncated,
        "status": record.status if record.status is not None and 0 <= record.status < 1000 else None,
        "content_type": record.content_type,
        "verdict": None,
    }


def host(url: str | None) -> str | None:
    """The host of a URL in lower case, without port; None where there is none."""
    try:
        return urlsplit(url or "").hostname or None
    except ValueError:
        return None


def _fill(
    row: dict[str, object],
    record: Record,
    number: int,
    extract: Extract,
    task: WebTask,
) -> None:
    if record.error:
        row.update(verdict="failed", reason=record.error_code, detail=printable(record.error))
        return
    try:
        with children.page(number, task.cpu_seconds):
            _text(row, record, extract)
    except children.PageTimeout:
        row.update(text=None, verdict="failed", reason="page_timeout", detail=_details(task)["timeout"])
    except MemoryError:
        row.update(text=None, verdict="failed", reason="page_memory", detail=_details(task)["memory"])
    except RecursionError:
        row.update(text=None, verdict="failed", reason="page_nesting", detail="nested too deeply for the extractor")
    except Exception as error:  # whatever a parser raises costs this page alone
        row.update(text=None, verdict="failed", reason=f"page_{type(error).__name__}", detail=printable(error))


def _text(row: dict[str, Any], record: Record, extract: Extract) -> None:
    body = record.body or b""
    if looks_binary(body):
        row.update(verdict="rejected", reason="extract.binary", value=float(len(body)))
        return
    html = record.kind == "response" and record.content_type != "text/plain"
    text, row["charset"], as_it_was = decode_page(body, record.http_charset, html=html)
    if record.kind == "response":
        row["opt_outs"] = declared(record.reserving, text if html else "", row.get("opt_outs") or ())
    if html:
        said = tuple(row["opt_outs"])
        known = Document(id=row["id"], text="", source=row["source"], url=record.url, opt_outs=said)
        text, row["extractor"] = extract(text, record.url, body if as_it_was else None, known)
    else:
        text = clean_text(text)
    if text.strip("\ufffd\n"):  # U+FFFD alone: an encoding that the standard replaces, as ISO-2022-KR and HZ
        row["text"] = text
    else:
        row.update(verdict="rejected", reason="extract.no_text", value=float(len(body)))
