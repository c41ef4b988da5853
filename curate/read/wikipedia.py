"""Dumps of wikis by MediaWiki (Wikipedia and its sisters): articles, current pages and whole histories, packed or not.

A dump is one XML document, but it is never read as one: pages are found by their tags (text is escaped, so that `<page>` is
always markup), and each is parsed for itself. So a file is split anywhere, a damaged place costs the pages it touches, and
no document type, with what entities it may declare, is ever looked at. Of a history the newest revision counts: those before
are let go as they come by.
"""

import functools
import hashlib
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
from lxml import etree

from curate.corpus import schema
from curate.engine import children
from curate.engine.memory import cpu_count
from curate.engine.tasks import supervises
from curate.files import typed_json
from curate.files.fingerprints import digest_of
from curate.read.dumps import Head, place
from curate.read.rows import SKIPPED, in_batches, survive, write_rows
from curate.read.source import ReadResult, ReadTask, Source
from curate.read.unpack import Piece, Window, pieces, recoded, splittable
from curate.wikitext.site import Site

ROWS = schema.extracted("wikipedia")
SPLIT_BYTES, LEAST_SPLIT_BYTES = 64 << 20, 2 << 20
BATCH_ROWS = 192
COMPACT = 8 << 20
"""Bytes of a page from which on older revisions are let go as they come by."""
VERSION = 4
"""Changes when the same dump gives other rows."""
LICENSES = {"wikinews": "CC-BY-2.5", "wikidata": "CC0-1.0"}
"""Licences of the text by the name of the project; of all others CC BY-SA 4.0 (Wikimedia's terms of use since June 2023)."""
_PAGE, _PAGE_END, _REVISION, _REVISION_END = b"<page>", b"</page>", b"<revision>", b"</revision>"
_ROOT_END = b"</mediawiki>"
_DAY = re.compile("([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z")
_LONG = 500
"""Bytes from which on the text of a page is read apart from what is around it."""
_STAMP = re.compile(rb"<timestamp>([^<]{1,40})</timestamp>")


@dataclass(frozen=True, slots=True)
class Wikipedia:
    """Which pages of a wiki become documents."""

    what: ClassVar[str] = "a dump of a wiki"
    recipe: ClassVar[str] = "wikipedia"

    namespaces: tuple[int, ...] = (0,)
    """Numbers of the namespaces that are read; 0 holds the articles."""
    redirects: bool = False
    disambiguations: bool = False
    lists: bool = True
    """Whether articles that are lists by their title are read."""
    page_bytes: int = 64_000_000
    """Bytes of the largest page that is read, older revisions apart."""
    cpu_seconds: float = 30.0
    """CPU time a page may use."""
    memory_bytes: int = 4 << 30
    """Memory of the process that reads, in bytes, beside what it holds before the first page."""

    def __post_init__(self) -> None:
        if self.page_bytes < 1 or self.cpu_seconds <= 0:
            raise ValueError("page_bytes and cpu_seconds must be more than 0")

    def recognises(self, head: Head) -> bool:
        """Whether a file holds pages of a wiki. One whose beginning is damaged is, if its name says so."""
        if head.packed == "7z":
            if not head.members:  # its list is damaged
                return _named(head)
            return any(map(_is_xml, head.members)) and not any(
                name.lower().endswith(("posts.xml", "comments.xml", "badges.xml", "tags.xml")) for name in head.members
            )
        if head.data:
            return b"<mediawiki" in head.data or (_PAGE in head.data and b"<revision>" in head.data)
        return _named(head)

    def source(self, files: Sequence[Head], name: str | None, split_bytes: int) -> Source:
        """The source of dumps: a task a range of bytes of plain files and bzip2, a task a file of others."""
        options = asdict(self)
        tasks = list[WikiTask]()
        for head in files:
            site = site_of(head)
            busy = max(LEAST_SPLIT_BYTES, head.size // (4 * cpu_count()))
            each = split_bytes or min(SPLIT_BYTES, busy)
            count = max(1, -(-head.size // each)) if splittable(head.packed) and not head.encoding else 1
            cuts = [head.size * i // count for i in range(count + 1)]
            for start, end in itertools.pairwise(cuts):
                split = WikiSplit(head.path, start, end, head.packed, head.encoding, _is_rooted(head))
                tasks.append(WikiTask(name="", split=split, source=name or site.database, site=site, options=self))
        named = [replace(task, name=f"{i:06d}-{digest_of(typed_json.dump(task))}") for i, task in enumerate(tasks)]
        listed = [(head.path, head.size) for head in files]
        digest = digest_of([VERSION, options, name, listed])
        return Source("wikipedia", run, named, listed, digest, memory_bytes=self.memory_bytes)


@dataclass(frozen=True, slots=True)
class WikiSplit:
    """Bytes `start` … `end` of a dump."""

    file: str
    start: int
    end: int
    packed: str
    encoding: str
    rooted: bool = True
    """Whether a root element was opened, which the end of the file has to close."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WikiTask(ReadTask):
    """A part of a dump, the wiki that it is of, and which of its pages are wanted."""

    split: WikiSplit
    source: str
    """The column of that name."""
    site: Site
    options: Wikipedia

    @property
    def memory_bytes(self) -> int:
        """Memory of the process that reads."""
        return self.options.memory_bytes


@dataclass(frozen=True, slots=True)
class PagesTask:
    """What a child is given, see `curate.read.web.PagesTask`."""

    task: WikiTask
    done: int = 0
    poison: dict[str, str] = field(default_factory=dict)


def site_of(head: Head) -> Site:
    """What the beginning of a dump says of its wiki. What it does not say is taken from the name of the file."""
    data = head.data
    if head.packed == "7z":
        data = b""
        for piece in pieces(head.path, "7z", 0, 0, _is_xml):
            data += piece.data
            if len(data) > 1 << 16 or piece.problem:
                break
    return site_from(data, head.name)


def _is_xml(name: str) -> bool:
    return name.lower().endswith(".xml")


def _is_rooted(head: Head) -> bool:
    """Whether the end of a file has to close its root: some streams out of a dump have none, and one without pages may be an empty element."""
    return head.packed == "7z" or bool(re.search(rb"<mediawiki\b[^<>]*(?<!/)>", head.data))


def _named(head: Head) -> bool:
    """Whether a file that says nothing of itself has the name of a dump."""
    return head.size > 0 and bool(re.search(r"wik(i|t).*(pages|xml)|wik[a-z_]*-\d{8}", head.name))


def site_from(data: bytes, name: str) -> Site:
    """The wiki whose dump begins with `data` and is called `name`."""
    text = data[: data.find(_PAGE) if _PAGE in data else len(data)].decode("utf-8", "replace")
    said = re.match(r"([a-z][a-z_]*wik(?:i|tionary|ibooks|iquote|isource|inews|iversity|ivoyage))\b", name)
    values = {
        key: _unescaped(found[1])
        for key in ("dbname", "base")
        if (found := re.search(rf"<{key}>([^<]*)</{key}>", text))
    }
    database = values.get("dbname") or (said[1] if said else "wiki")
    found = re.search(r'<mediawiki[^>]*xml:lang="([A-Za-z-]+)"', text)
    language = found[1].lower() if found else database.partition("wik")[0] or "en"
    base = values.get("base") or f"https://{language}.wikipedia.org/wiki/Main_Page"
    spaces = re.findall(r'<namespace key="(-?\d{1,5})"[^>]*>([^<]*)</namespace>', text)
    return Site(database, language, base, {_unescaped(label).lower(): int(key) for key, label in spaces})


def _unescaped(text: str) -> str:
    from html import unescape

    return unescape(text)


# ---- pages out of bytes ----


class Page(NamedTuple):
    """The bytes of a page, or of a place that could not be read."""

    data: bytes
    offset: int
    problem: str = ""


def raw_pages(found: Iterator[Piece], most: int, *, first: bool = True, rooted: bool = True) -> Iterator[Page]:
    """The pages that begin in the own pieces of a range, each from <page> to </page>, and the damaged places among them.

    A page of more than `most` bytes (of the page's head and its newest revision) is a problem; it is never in memory whole.
    So is one that another begins in, and one whose beginning is lost: these marks can't stand in a page, where < is written
    as an entity. The lost beginning is told by the range that the page before it begins in, or by the `first` one of a file.
    So is the end of a `rooted` file that is cut between two pages: no </mediawiki> is behind the last one.
    """
    reading = _Reading(most, known=first)
    for piece in found:
        yield from reading.damage(piece) if piece.problem else reading.pages(piece)
        if reading.done:
            return
    if reading.inside:
        yield Page(b"", reading.here, "cut: the file ends within a page")
    elif rooted and reading.known and not reading.closed:
        yield Page(
            b"", reading.window.offset(len(reading.window.data)), f"cut: the file ends without {_ROOT_END.decode()}"
        )


class _Reading:
    """The bytes of a range that were read and not used yet, and what is known of them."""

    def __init__(self, most: int, *, known: bool) -> None:
        self.most = most
        self.known = known
        """Whether what stands before the window was read."""
        self.window = Window()
        self.looked = 0
        """Up to where the window has been looked at."""
        self.inside = self.losing = self.done = self.closed = False
        """Whether it begins with a page, whether that is lost, whether all pages of the range were read, and the root was closed."""
        self.here = 0
        """Offset of that page."""

    def damage(self, piece: Piece) -> Iterator[Page]:
        """A piece that can't be read: so is the page that it breaks off."""
        if piece.own or self.inside:
            yield Page(b"", piece.offset, piece.problem)
        self.window.drop(len(self.window.data))
        self.inside, self.known, self.looked, self.losing = False, False, 0, False
        self.done = not piece.own

    def pages(self, piece: Piece) -> Iterator[Page]:
        """The pages that end in a piece."""
        self.window.add(piece)
        while mark := self._next_mark():
            begins, at = mark
            if page := self._begin(at) if begins else self._end(at + len(_PAGE_END)):
                yield page
            if self.done:
                return
        self._keep(piece)

    def _next_mark(self) -> tuple[bool, int] | None:
        """Where the next <page> or </page> is, and whether it is a <page>."""
        data = self.window.data
        end = data.find(_PAGE_END, self.looked)
        at = data.find(_PAGE, self.looked, end if end >= 0 else len(data))
        if at >= 0:
            return True, at
        return (False, end) if end >= 0 else None

    def _begin(self, at: int) -> Page | None:
        """A page begins at a place of the window; gives the one before it where that has not ended."""
        broken = None
        if self.inside:
            told = _too_large(self.most) if self.losing else "page_xml: another <page> before its </page>"
            broken = Page(b"", self.here, told)
        if self.window.owns(at):
            self.window.drop(at)
            self.inside, self.known, self.losing, self.closed = True, True, False, False
            self.here, self.looked = self.window.offset(), len(_PAGE)
        else:
            self.done = True
        return broken

    def _end(self, end: int) -> Page | None:
        """A page ends at a place of the window; gives it, or what is left of it."""
        page = None
        if self.inside:
            page = _page(self.window.data[:end], self.here, self.most, self.losing)
        elif self.known:
            page = Page(b"", self.window.offset(end), "page_xml: a </page> without its <page>")
        self.window.drop(end)
        self.inside, self.looked, self.losing = False, 0, False
        return page

    def _keep(self, piece: Piece) -> None:
        """Drop what can be no part of a page that is still to come."""
        mark = _PAGE_END if self.inside else _ROOT_END
        behind = max(self.looked, len(self.window.data) - len(mark) + 1)
        self.closed = self.closed or (not self.inside and _ROOT_END in self.window.data)
        if self.inside:
            self.looked, self.losing = _short(self.window, behind, self.most, self.losing)
        elif piece.own or self.known or self.window.owns(behind):
            self.window.drop(behind)
            self.looked = 0
        else:
            self.done = True


def _too_large(most: int) -> str:
    return f"page_too_large: more than {most} bytes"


def _page(data: bytearray, offset: int, most: int, lost: bool) -> Page:
    """A page that is read to its end; one that is `lost` was too large, and is not whole."""
    whole = data if len(data) <= COMPACT or lost else _compacted(data)
    if lost or len(whole) > most:
        return Page(b"", offset, _too_large(most))
    return Page(bytes(whole), offset)


def _short(window: Window, looked: int, most: int, losing: bool) -> tuple[int, bool]:
    """Keep the window short that holds the beginning of a page: without its older revisions, and where that is not enough without
    the page. Gives up to where it has been looked at, and whether the page is lost."""
    if len(window.data) > COMPACT and not losing:
        before = len(window.data)
        window.shorten(_compacted(window.data))
        looked = max(len(_PAGE), looked - (before - len(window.data)))
    if len(window.data) > most + COMPACT or losing:
        window.drop(len(window.data) - len(_PAGE_END))
        return 0, True
    return looked, losing


def _compacted(page: bytearray) -> bytearray:
    """The head of a page, the newest of its whole revisions, and what follows them."""
    first, last = page.find(_REVISION), page.rfind(_REVISION_END)
    if first < 0 or last < first:
        return page
    end = last + len(_REVISION_END)
    revisions = bytes(page[first:end]).split(_REVISION_END)[:-1]
    newest = max(revisions, key=_stamp)
    return page[:first] + newest + _REVISION_END + page[end:]


def _stamp(revision: bytes) -> bytes:
    found = _STAMP.search(revision)
    return found[1] if found else b""


# ---- rows out of pages ----


def page_row(page: Page, task: WikiTask) -> dict[str, object]:
    """The row of a page: with its text, or the reason why it has none."""
    file = task.split.file
    row: dict[str, object] = {"text": None, "source": task.source, "file": file, "offset": page.offset, "verdict": None}
    if page.problem:
        code = page.problem.partition(":")[0]
        return {
            **row,
            "id": schema.document_id(place(file), page.offset, code),
            "verdict": "failed",
            "reason": f"dump_{code}" if not code.startswith("page") else code,
            "detail": page.problem,
        }
    try:
        around, packed = _parted(page.data)
        try:
            source = packed.decode() if packed is not None else None
        except UnicodeDecodeError:  # the parser says where
            around, packed, source = page.data, None, None
        element = etree.fromstring(around, _parser())
    except etree.XMLSyntaxError as error:
        told = str(error).partition(",")[0]
        return {
            **row,
            "id": schema.document_id(place(file), page.offset, hashlib.sha256(page.data).hexdigest()),
            "verdict": "failed",
            "reason": "page_xml",
            "detail": f"no XML: {told}"[:300],
        }
    return _filled(row, element, source, packed, task)


def _parted(page: bytes) -> tuple[bytes, bytes | None]:
    """A page of one revision without its text, and the text; the page and None where a parser has to look at the text, too.

    The text is nearly all of a page, and nothing but characters and four entities.
    """
    from curate.wikitext import scan  # compiled: loaded where pages are read

    start = page.find(b"<text")
    end = page.find(b"</text>", start)
    first = page.find(b">", start) + 1
    if not 0 < start < first <= end or end - start < _LONG or page.find(b"<revision>", end) > 0:
        return page, None
    if page[first - 2 : first - 1] == b"/" or page.find(b"<text", end) > 0 or page.find(b"</text>", end + 1) > 0:
        return page, None
    data = np.frombuffer(page, np.uint8)[first:end]
    out = np.empty(len(data), np.uint8)
    size = scan.unescaped(data, out)
    return (page, None) if size < 0 else (page[:first] + page[end:], out[:size].tobytes())


@functools.cache
def _parser() -> object:
    # Predefined entities only: a page has no document type, and another entity is a syntax error.
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)


def _filled(
    row: dict[str, Any], element: etree._Element, known: str | None, packed: bytes | None, task: WikiTask
) -> dict[str, object]:
    from curate.wikitext.text import to_text

    site = task.site
    title = element.findtext("title") or ""
    number, revision = _whole(element.findtext("id")), _newest(element)
    row["id"] = schema.document_id(site.database, number or title, *map(_text_of(revision), ("id", "timestamp")))
    space = _whole(element.findtext("ns"))
    space = site.of_title(title) if space is None else space
    text = revision.find("text") if revision is not None else None
    source = known if known is not None else (text.text or "") if text is not None else ""
    row.update(
        title=title,
        url=site.url(title),
        date=_date(_text_of(revision)("timestamp")),
        language=site.language,
        license=next((known for name, known in LICENSES.items() if name in site.database), "CC-BY-SA-4.0"),
        wiki=site.database,
        page_id=number,
        revision=_whole(_text_of(revision)("id")),
    )
    kind = _skip(element, revision, text, source, packed, space, title, task.options)
    if kind:
        return {"text": None, "offset": row["offset"], "verdict": SKIPPED, "reason": kind}
    article = to_text(source, site, title, packed)
    row["links"] = [{"url": link.url, "reference": link.reference} for link in article.links]
    if article.text.strip():
        row["text"] = article.text
    else:
        row.update(verdict="rejected", reason="extract.no_text", value=float(len(source)))
    return row


def _text_of(element: etree._Element) -> Callable[[str], str]:
    return lambda name: (element.findtext(name) or "") if element is not None else ""


def _skip(
    element: etree._Element,
    revision: etree._Element,
    text: etree._Element,
    source: str,
    packed: bytes | None,
    space: int,
    title: str,
    options: Wikipedia,
) -> str | None:
    """Why a page is no document; None for one that is."""
    from curate.wikitext.kinds import is_disambiguation, is_list

    if space not in options.namespaces:
        return "other_namespace"
    if revision is None:
        return "no_revision"
    if element.find("redirect") is not None:
        return None if options.redirects else "redirect"
    if text is None or text.get("deleted") is not None:
        return "deleted"
    if (revision.findtext("model") or "wikitext") != "wikitext":
        return "not_wikitext"
    if not source.strip():
        return "no_text"  # stubs of dumps have none
    if (
        not options.redirects
        and re.match(r"\s*#\s*\w{4,20}\s*:?\s*\[\[[^\]\n]+\]\]\s*(\{\{|$|\n|<)", source)
        and len(source) < 5000
    ):
        return "redirect"
    if not options.disambiguations and is_disambiguation(source, packed):
        return "disambiguation"
    if not options.lists and is_list(title):
        return "list"
    return None


def _newest(element: etree._Element) -> etree._Element | None:
    """The newest revision of a page by its time; of those of one time the last."""
    best, newest = None, ""
    for revision in element.iterfind("revision"):
        stamp = revision.findtext("timestamp") or ""
        if best is None or stamp >= newest:
            best, newest = revision, stamp
    return best


def _whole(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if re.fullmatch(r"-?[0-9]{1,15}", text) else None


def _date(text: str | None) -> datetime | None:
    if found := _DAY.fullmatch(text or ""):
        try:
            return datetime(*map(int, found.groups()), tzinfo=UTC)  # type: ignore[arg-type, misc]
        except ValueError:
            return None
    try:
        return datetime.strptime(text or "", "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def documents(task: PagesTask) -> Iterator[pa.RecordBatch]:
    """In the child: a row for each page of the range, from page number `done` on, in batches. See `curate.read.web.pages`."""
    return in_batches(_rows(task), ROWS, BATCH_ROWS)


_SAMPLE = (
    b"<page><title>A</title><ns>%d</ns><id>1</id><revision><id>1</id><text>"
    + b"A [[b|c]] and {{d}} &lt;ref&gt;http://e.example f&lt;/ref&gt; of [http://g.example h].\n\n* i\n" * 20
    + b"</text></revision></page>"
)


def prepare(task: WikiTask) -> None:
    """Load the compiled loops, or compile them the first time on a machine: that is not on the time of the first page."""
    for space in task.options.namespaces[:1]:  # pages of others are skipped unread
        page_row(Page(_SAMPLE % space, 0), task)


def _rows(task: PagesTask) -> Iterator[dict[str, object]]:
    own, split = task.task, task.task.split
    prepare(own)
    found = pieces(split.file, split.packed, split.start, split.end, _is_xml)
    if split.encoding:
        found = recoded(found, split.encoding)
    for number, page in enumerate(
        raw_pages(found, own.options.page_bytes, first=split.start == 0, rooted=split.rooted)
    ):
        if number >= task.done:
            reason = task.poison.get(str(number))
            yield _failed(page, own, f"page_{reason}") if reason else _row(number, page, own)


def _row(number: int, page: Page, task: WikiTask) -> dict[str, object]:
    try:
        with children.page(number, task.options.cpu_seconds):
            return page_row(page, task)
    except children.PageTimeout:
        return _failed(page, task, "page_timeout")
    except MemoryError:
        return _failed(page, task, "page_memory")


def _failed(page: Page, task: WikiTask, reason: str) -> dict[str, object]:
    file = task.split.file
    found = re.search(rb"<title>([^<]{1,300})</title>", page.data)
    return {
        "id": schema.document_id(place(file), page.offset, reason, found[1] if found else b""),
        "text": None,
        "source": task.source,
        "file": file,
        "offset": page.offset,
        "title": found[1].decode("utf-8", "replace") if found else None,
        "verdict": "failed",
        "reason": reason,
        "detail": "the page went over a limit, or ended the process that read it, twice",
    }


@supervises
def run(task: WikiTask) -> ReadResult:
    """Task: bring the pages of a range to the file `out`. Facts: records and skipped by file, bytes read, seconds."""
    size = task.split.end - task.split.start
    return write_rows(task, ROWS, survive(task, f"{__name__}:documents"), size, lambda batch: 0)
