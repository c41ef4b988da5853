"""One record of an archive, and the question whether it goes on to extraction."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

DAMAGED = "damaged"
PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml", "text/plain"})
"""The media types that go on: HTML, XHTML, plain text."""


@dataclass(slots=True)
class Record:
    """One record, or one damaged region, of a file.

    `offset` and `length` are bytes of the file on disk; the lengths of all records of a file add up to its size,
    white space between records aside. In a `.gz` or `.zst` file `offset` is that of the member; where one member
    holds several records, `inner` is the record's offset in the member's decoded bytes.
    """

    file: str
    offset: int
    length: int = 0
    inner: int = 0
    kind: str = DAMAGED
    """WARC-Type in lower case, or "damaged"."""
    url: str | None = None
    date: datetime | None = None
    """WARC-Date, in UTC."""
    record_id: str | None = None
    ip: str | None = None
    payload_digest: str | None = None
    truncated: str | None = None
    """WARC-Truncated; "segment" for a record that the writer cut into several."""
    status: int | None = None
    """HTTP status, for responses over HTTP."""
    content_type: str | None = None
    """Media type of the payload in lower case, without parameters."""
    http_charset: str | None = None
    reserving: tuple[tuple[str, str], ...] = ()
    """Fields of the HTTP header that reserve rights (see `headers.Http`)."""
    body: bytes | None = None
    """The payload without HTTP framing; None where the record does not go on or `error` says why there is none."""
    error: str | None = None
    """`code: what happened`. The code is one of `ERRORS`."""

    @property
    def error_code(self) -> str | None:
        """The part of `error` that a ledger counts by."""
        return self.error.partition(":")[0] if self.error else None


ERRORS: dict[str, str] = {
    "compression": "the compressed bytes are broken",
    "truncated": "the file ends inside the record",
    "garbage": "bytes that belong to no record",
    "header": "the record's header can't be understood or has no length",
    "length": "Content-Length disagrees with where the record ends",
    "not_an_archive": "no record in the whole file",
    "empty": "the file has no bytes",
    "too_large": "the page is larger than the limit",
    "encoding": "the HTTP body's compression is broken or unknown",
    "http": "the HTTP header can't be understood or is larger than the limit",
}
"""Every error code, and what it means."""

Wanted = Callable[[Record], bool]
"""Whether the body of a record is to be loaded, asked when its headers are known."""

_TYPES = frozenset({"request", "metadata", "warcinfo", "revisit", "resource", "continuation", "conversion"})
_FAMILIES = frozenset({"image", "audio", "video", "font", "application", "text"})
_FORMATS = {
    "application/pdf": "content_pdf",
    "application/json": "content_json",
    "application/javascript": "content_javascript",
    "application/x-javascript": "content_javascript",
    "text/javascript": "content_javascript",
    "text/css": "content_css",
    "text/xml": "content_xml",
    "application/xml": "content_xml",
    "application/rss+xml": "content_xml",
    "application/atom+xml": "content_xml",
}
_SITE_FILE = re.compile(r"https?://[^/?#]*/(?:(robots\.txt)|(\.well-known/tdmrep\.json))(?:$|[?#])", re.IGNORECASE)
_STATUSES = frozenset({301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 410, 429, 500, 502, 503})


def skip_reason(record: Record) -> str | None:
    """Why a sound record does not go on to extraction; None when it does.

    Responses over HTTP with a 2xx status and a type of `PAGE_TYPES` go on, and so do text conversions (WET). The
    reasons are few whatever the crawl holds: types, statuses and media types beyond the known ones are folded.
    """
    if record.kind == "conversion" and record.content_type in (None, "text/plain"):
        return None
    if record.kind != "response":
        return f"type_{record.kind}" if record.kind in _TYPES else "type_other"
    if record.status is None:
        return "not_http"
    if not 200 <= record.status <= 299:
        return _status_reason(record.status)
    if told := site_file(record.url):
        return told
    if record.content_type in PAGE_TYPES:
        return None
    return _content_reason(record.content_type)


def site_file(url: str | None) -> Literal["robots_txt", "tdmrep_json"] | None:
    """Whether a record is a site's word on the use of its pages, or what the site sent for it: never a page."""
    found = _SITE_FILE.match(url) if url else None
    if not found:
        return None
    return "robots_txt" if found[1] else "tdmrep_json"


def goes_on(record: Record) -> bool:
    """Whether `record` is a page; the default of `read_split`."""
    return skip_reason(record) is None


def _status_reason(status: int) -> str:
    if status in _STATUSES:
        return f"status_{status}"
    return f"status_{status // 100}xx" if 100 <= status <= 599 else "status_other"


def _content_reason(content_type: str | None) -> str:
    if content_type is None:
        return "content_missing"
    if content_type in _FORMATS:
        return _FORMATS[content_type]
    family = content_type.partition("/")[0]
    return f"content_{family}" if family in _FAMILIES else "content_other"
