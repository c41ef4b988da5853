"""The headers of WARC and ARC records and of HTTP messages, read leniently: crawls hold all that writers ever did."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from curate.warc.record import Record

BLANK_LINE = re.compile(rb"\n\r{0,2}\n")  # two \r: files that went through a conversion of line ends
WARC_BEGIN = re.compile(rb"(?i:WARC)/\d[\d.]{0,9}[ \t]{0,9}\r{0,2}\n")
"""How a record begins, at a place where one should."""
ARC_BEGIN = re.compile(
    rb"[A-Za-z][A-Za-z0-9+.\-]*:[^\r\n]{0,8000}? [^ \r\n]+ \d{8,17} [^\r\n]{0,500}\d[ \t]{0,9}\r{0,2}\n"
)
WARC_SOMEWHERE = re.compile(WARC_BEGIN.pattern + rb"(?=[A-Za-z][A-Za-z0-9\-]{0,60}[ \t]{0,9}:)")
"""How a record begins after damage, when it may stand anywhere, in a line after garbage too."""
ARC_SOMEWHERE = re.compile(rb"(?<=\n)" + ARC_BEGIN.pattern)
_BRIEF_KIND = re.compile(rb"\nwarc-type:[ \t]*(request|metadata)[ \t]*\r?\n")
_BRIEF_LENGTH = re.compile(rb"\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r?\n")
_HTTP = re.compile(rb"[Hh][Tt][Tt][Pp]/\d[\d.]*[ \t]+(\d{3})")
_FOLD = re.compile(rb"[ \t\r]*\n[ \t]+")
_CHARSET = re.compile(r"(?<![\w-])charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:\-]{1,40})", re.IGNORECASE)
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+")
_ARC_DATE = re.compile(rb"\d{8,17}")
_MAX_DIGITS = 18
_RESERVING = (b"x-robots-tag", b"tdm-reservation", b"tdm-policy", b"content-usage")
_MOST_RESERVING = 100
"""Lines of such fields in one header that are read."""


class Http(NamedTuple):
    """What matters of an HTTP header."""

    status: int | None
    content_type: str | None
    charset: str | None
    transfer_encoding: str
    content_encoding: str
    reserving: tuple[tuple[str, str], ...] = ()
    """Fields by which a site says what its pages may not be used for: name in lower case and value, a line each."""


def header_end(data: bytes, start: int, stop: int) -> int:
    """Where the header that begins at `start` ends, behind its blank line; -1 when that is not before `stop`."""
    end = data.find(b"\n\r\n", start, stop)
    if end >= 0 and data.find(b"\n\n", start, end + 1) < 0 and data.find(b"\n\r\r\n", start, end) < 0:
        return end + 3
    found = BLANK_LINE.search(data, start, stop)  # several times slower, for other line ends
    return found.end() if found else -1


def swallowed(data: bytes, start: int, stop: int) -> bool:
    """Whether the WARC header in `start` … `stop`, its blank line being damaged, runs into the next record."""
    behind = start + 5
    if data.find(b"WARC/", behind, stop) < 0 and data.find(b"warc/", behind, stop) < 0:
        return False
    found = WARC_SOMEWHERE.search(data, behind, stop)
    return found is not None and data[found.start() - 1] not in b" \t"


def fields(block: bytes) -> dict[bytes, bytes]:
    """Names in lower case -> values of a header without its first line; folded lines are joined, the first wins."""
    if b"\n " in block or b"\n\t" in block:
        block = _FOLD.sub(b" ", block)
    lines = block.split(b"\n")
    lines.reverse()
    parts = [line.partition(b":") for line in lines]
    return {name.strip().lower(): value.strip() for name, colon, value in parts if colon}


def parse_warc(block: bytes, record: Record) -> int | None:
    """Fill `record` from a WARC header; return its Content-Length, None when it has none that can be used."""
    names = fields(block[block.find(b"\n") + 1 :])
    record.kind = _text(names.get(b"warc-type"), 40).lower() or "unknown"
    record.url = _address(_text(names.get(b"warc-target-uri")))
    record.record_id = _text(names.get(b"warc-record-id")) or None
    record.date = parse_date(names.get(b"warc-date", b""))
    record.ip = _text(names.get(b"warc-ip-address"), 64) or None
    record.payload_digest = _text(names.get(b"warc-payload-digest"), 200) or None
    record.truncated = _text(names.get(b"warc-truncated"), 40) or None
    if b"warc-segment-number" in names and record.truncated is None:
        record.truncated = "segment"
    declared = names.get(b"warc-identified-payload-type") or names.get(b"content-type")
    record.content_type = media_type(_text(declared, 200))[0]
    return _length(names.get(b"content-length", b""))


def parse_brief(block: bytes, record: Record) -> int | None:
    """Fill in the kind alone where it is one that is no page, and return the Content-Length; None where the header is to be read as a whole:
    two of three records of a crawl are of such kinds, and nothing else of them is asked."""
    low = block.lower()
    kind, length = _BRIEF_KIND.search(low), _BRIEF_LENGTH.search(low)
    if kind is None or length is None or b"\n " in low or b"\n\t" in low:
        return None
    if low.count(b"warc-type") > 1 or low.count(b"content-length") > 1:  # the first counts, if it is one
        return None
    record.kind = kind[1].decode()
    return int(length[1])


def _address(text: str) -> str | None:
    """A URL; some writers put it in angle brackets, as an early draft of WARC showed it."""
    return (text[1:-1] if text.startswith("<") and text.endswith(">") else text) or None


def parse_arc(block: bytes, record: Record) -> int | None:
    """Fill `record` from the line that begins an ARC record (version 1 or 2); return the length it declares.

    The fields are found from the date on, because addresses with spaces occur.
    """
    words = block.strip().split(b" ")
    place = next((i for i, word in enumerate(words) if i >= 2 and _ARC_DATE.fullmatch(word)), 0)
    if place == 0:
        return None
    record.url = _text(b" ".join(words[: place - 1])) or None
    record.kind = "warcinfo" if (record.url or "").startswith("filedesc:") else "response"
    record.ip = _text(words[place - 1], 64) or None
    record.date = _arc_date(words[place])
    if place + 1 < len(words) - 1:
        record.content_type = media_type(_text(words[place + 1], 200))[0]
    return _length(words[-1])


def parse_http(block: bytes) -> Http | None:
    """Read the header of an HTTP response; None when the bytes do not begin with a status line."""
    line = _HTTP.match(block)
    if line is None:
        return None
    names = fields(block[block.find(b"\n") + 1 :])
    kind, charset = _type_of_all(_text(_all(block, names, b"content-type"), 400))
    return Http(
        int(line[1]),
        kind,
        charset,
        _text(_all(block, names, b"transfer-encoding"), 400).lower(),
        _text(_all(block, names, b"content-encoding"), 400).lower(),
        tuple(_reserving(block, names)),
    )


def _reserving(block: bytes, names: dict[bytes, bytes]) -> Iterator[tuple[str, str]]:
    """Line by line: a line of X-Robots-Tag that names a crawler holds for that crawler, the next one for all again."""
    for name in _RESERVING:
        if name in names:
            for value in _lines(block, name)[:_MOST_RESERVING]:
                yield name.decode(), _text(value.strip(), 1000)


def _all(block: bytes, names: dict[bytes, bytes], name: bytes) -> bytes | None:
    """The value of a field, joined with commas where it is repeated (RFC 9110, section 5.3)."""
    value = names.get(name)
    if value is None or block.lower().count(b"\n" + name) < 2:
        return value
    return b",".join(_lines(block, name))


def _lines(block: bytes, name: bytes) -> list[bytes]:
    """The values of a field, as often as it is there."""
    return re.findall(rb"(?im)^" + name + rb"[ \t]*:([^\r\n]*)", _FOLD.sub(b" ", block))


def media_type(value: str) -> tuple[str | None, str | None]:
    """`Text/HTML; charset=x` -> ("text/html", "x"); None for what is missing."""
    kind = value.partition(";")[0].partition(",")[0].strip().lower()
    charset = _CHARSET.search(value)
    return kind or None, charset[1] if charset else None


def _type_of_all(value: str) -> tuple[str | None, str | None]:
    """Media type and charset of all values of Content-Type: those of the last that is one (Fetch, "extract a MIME type")."""
    kind, charset = None, None
    for part in value.split(","):
        name, own = media_type(part)
        name = (name or "").strip("\"' ")
        if _MEDIA_TYPE.fullmatch(name):
            charset = own or (charset if name == kind else None)
            kind = name
    return (kind, charset) if kind else media_type(value)


def parse_date(value: bytes) -> datetime | None:
    """A WARC-Date (ISO 8601) in UTC, None when it is missing or none."""
    try:
        date = datetime.fromisoformat(value.decode("ascii"))
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _arc_date(digits: bytes) -> datetime | None:
    try:
        return datetime.strptime(digits[:14].ljust(14, b"0").decode("ascii"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _length(value: bytes) -> int | None:
    return int(value) if value.isdigit() and len(value) <= _MAX_DIGITS else None


def _text(value: bytes | None, limit: int = 16384) -> str:
    """A header value as text that Arrow takes: no NUL, no broken bytes, no more than `limit` bytes."""
    if not value:
        return ""
    return value[:limit].decode("utf-8", "replace").replace("\0", "").strip()
