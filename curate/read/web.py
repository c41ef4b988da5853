"""From a split of a crawl file to a Parquet file of documents: the expensive step of the main job.

Two halves. `pages` runs in a child process: it reads records, decodes them and extracts text, one row a record. `run` is
the task: it writes the child's rows. A page costs at most itself (`curate.read.rows`).
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa

from curate.corpus import schema
from curate.corpus.recipe import is_corpus_wide, parse
from curate.encodings.decode import looks_binary, utf8_page
from curate.engine import children, tasks
from curate.filters.base import Document
from curate.html.extractors import UNION, UNITED, clean_text, named_extractor
from curate.read.opt_outs import declared
from curate.read.rows import SKIPPED, in_batches, printable, survive, write_rows
from curate.read.source import ReadResult
from curate.read.splits import SplitTask, read_split
from curate.warc import Limits, Record, skip_reason

BATCH_ROWS = 192
ROWS = schema.extracted("web")
FALLBACK = b"fallback"  # in the metadata of a batch: pages of it that another engine than the one asked for has read


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


@tasks.supervises
def run(task: WebTask) -> ReadResult:
    """Task: extract `split` into the file `out`. Facts: records and skipped by file, pages that another engine than the
    task's read (`fallback`), bytes read, seconds.
    """
    split, facts = task.split, {"fallback": 0}

    def counted() -> Iterator[pa.RecordBatch]:
        for batch in survive(task, f"{__name__}:pages"):
            facts["fallback"] += int((batch.schema.metadata or {}).get(FALLBACK, 0))
            yield batch

    def place(batch: pa.RecordBatch) -> int:
        return int(batch["offset"][-1].as_py()) - split.start

    return write_rows(task, ROWS, counted(), split.end - split.start, place, facts)


def pages(task: PagesTask) -> Iterator[pa.RecordBatch]:
    """In the child: one row for each record of the split, from record number `done` on, in batches.

    The verdict is `skipped` for records that are no pages (reason: their kind), `failed` or `rejected` where there is no
    text, else null. Records whose number is in `poison` have killed a child before and are not tried again.
    """
    web = task.task
    extract, used = _extractor(web), Counter[str]()
    clean_text(utf8_page("<meta>é".encode())[0].decode())  # compiled loops are loaded before the time of a page begins
    sites = _sites(web)

    def rows() -> Iterator[dict[str, object]]:
        for number, record in enumerate(read_split(web.split, limits=Limits(body=web.page_bytes), brief=True)):
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


Extract = Callable[[bytes, str | None, Document], tuple[str, str]]
"""(page in UTF-8, address, what is known of it) -> text and the engine that it is from."""


def _extractor(web: WebTask) -> Extract:
    if web.engine == UNION:
        return Union(web.recipe, web.title)
    named = named_extractor(web.engine, title=web.title)

    def extract(page: bytes, url: str | None, document: Document) -> tuple[str, str]:
        return named(page, url)

    return extract


class Union:
    """`--extractor union`: of two engines' texts of a page the first that the recipe keeps.

    Engines disagree on pages, and what one makes of a page is often dropped by rules that keep what another makes of it. So the
    second engine is asked where the recipe would drop the first one's text, but not for its language: that is the page's. What needs
    two documents can't be asked of one page: steps of the whole corpus are left out of the question, and decide later, as ever.
    """

    def __init__(self, recipe: str, title: bool) -> None:
        from curate.filters.language import OTHER_LANGUAGE  # and all that knows languages: for union alone

        self._final = OTHER_LANGUAGE
        self._steps = [step for step in parse(recipe, "the recipe").steps if not is_corpus_wide(step)]
        self._engines = [(name, named_extractor(name, title=title)) for name in UNITED]

    def __call__(self, page: bytes, url: str | None, document: Document) -> tuple[str, str]:
        """The text of the first engine that the steps keep, and that engine; the first text of all where they keep none.

        An engine behind the first may fail: the page is as good as without it.
        """
        found: list[tuple[str, str]] = []
        for name, extract in self._engines:
            if any(engine == name for _, engine in found):  # the one before fell back on it
                continue
            try:
                text, engine = extract(page, url)
            except Exception:
                if not found:
                    raise
                continue
            dropped = self._dropped(replace(document, text=text)) if text else "no text"
            if dropped is None:
                return text, engine
            found.append((text, engine))
            if dropped == self._final:
                break
        return next((one for one in found if one[0]), found[0])

    def _dropped(self, document: Document) -> str | None:
        """Why the first step on one document that drops it does so; None where all keep it. One that raises drops it."""
        for step in self._steps:
            try:
                decision: Any = step(document)
            except Exception as error:
                return type(error).__name__
            if decision.reason is not None:
                return str(decision.reason)
            document = decision.doc
        return None


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
        "host": schema.host(record.url),
        "date": record.date,
        "record_id": record.record_id,
        "ip": record.ip,
        "payload_digest": record.payload_digest,
        "truncated": record.truncated,
        "status": record.status if record.status is not None and 0 <= record.status < 1000 else None,
        "content_type": record.content_type,
        "verdict": None,
    }


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
    page, row["charset"] = utf8_page(body, record.http_charset, html=html)
    if record.kind == "response":
        row["opt_outs"] = declared(record.reserving, page if html else "", row.get("opt_outs") or ())
    if html:
        said = tuple(row["opt_outs"])
        known = Document(id=row["id"], text="", source=row["source"], url=record.url, opt_outs=said)
        text, row["extractor"] = extract(page, record.url, known)
    else:
        text = clean_text(page.decode())
    if text.strip("\ufffd\n"):  # U+FFFD alone: an encoding that the standard replaces, as ISO-2022-KR and HZ
        row["text"] = text
    else:
        row.update(verdict="rejected", reason="extract.no_text", value=float(len(body)))
