"""Common Crawl's URL index: from an address to the place of its record.

The index of a crawl is a list of captures sorted by a key of the address (SURT: the host turned round, then the path), in
files of gzip blocks of 3,000 lines. `cluster.idx` has the first key of each block: key and time, file, offset, length.
"""

import bisect
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from curate.errors import InputError
from curate.links.rules import key_of

MAX_BLOCK = 64 << 20
_DIGITS = re.compile(r"[0-9]{1,18}")
_WWW = re.compile(r"^www\d*\.")
_SESSION = re.compile(r"(?:jsessionid|phpsessid|sid|aspsessionid[a-z]{8})=[0-9a-z]{16,64}(?:&|$)", re.IGNORECASE)
_PAGES = ("text/html", "application/xhtml+xml")


class BadIndexError(InputError):
    """What the index says of some pages can't be read; the others are there all the same."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page lies."""

    url: str
    """As it was crawled."""
    file: str
    """Path of the WARC file below the crawl's base address."""
    offset: int
    length: int
    digest: str
    """SHA-1 of the payload in base 32; empty where the index does not say it."""
    timestamp: str


def surt(url: str) -> str:
    """`http://www.Example.org/A/?b=2&a=1` -> `org,example)/a?a=1&b=2`: the key that the index is sorted by.

    As the Internet Archive's canonicaliser makes it: no scheme, no `www.`, no default port, lower case, no last slash,
    parameters in order, no session ids. Of its rarer rules (percent-encodings normalised) there is none.
    """
    parts = urlsplit(url)
    host = _WWW.sub("", (parts.hostname or "").lower().rstrip("."))
    turned = ",".join(reversed(host.split(".")))
    port = f":{parts.port}" if parts.port and parts.port not in (80, 443) else ""
    path = re.sub(r";jsessionid=[0-9a-z]{32}$", "", parts.path.lower())
    path = path.rstrip("/") or "/"
    query = "&".join(sorted(filter(None, _SESSION.sub("", parts.query.lower()).split("&"))))
    return f"{turned}{port}){path}" + (f"?{query}" if query else "")


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the index."""

    file: str
    offset: int
    length: int


class Clusters:
    """`cluster.idx`, in memory as one piece of text: a line a block, in order."""

    def __init__(self, data: bytes) -> None:
        self._lines = data.splitlines()
        self._keys = [line.partition(b" ")[0] for line in self._lines]
        if not self._lines:
            raise InputError("the index of the crawl is empty")

    def blocks(self, key: str) -> Iterator[Block]:
        """Blocks that may hold captures of a key: the last that begins before it, and those that begin with it."""
        wanted = key.encode()
        at = max(0, bisect.bisect_left(self._keys, wanted) - 1)
        while at < len(self._lines) and (self._keys[at] <= wanted):
            fields = self._lines[at].split(b"\t")
            if len(fields) < 4 or not all(_DIGITS.fullmatch(field.decode("latin-1")) for field in fields[2:4]):
                raise BadIndexError(f"the index of the crawl has a line that is none: {self._lines[at][:100]!r}")
            yield Block(fields[1].decode("utf-8", "replace"), int(fields[2]), int(fields[3]))
            at += 1


def captures(block: bytes) -> list[tuple[str, str, dict[str, object]]]:
    """(key, timestamp, fields) of each line of a block that can be read. Raises BadIndexError for what is no gzip."""
    try:
        text = zlib.decompressobj(31).decompress(block, MAX_BLOCK).decode("utf-8", "replace")
    except zlib.error as error:
        raise BadIndexError(f"a block of the index is broken: {error}") from None
    found = []
    for line in text.splitlines():
        key, _, rest = line.partition(" ")
        timestamp, _, fields = rest.partition(" ")
        try:
            value = json.loads(fields)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            found.append((key, timestamp, value))
    return found


def choose(wanted: str, key: str, lines: list[tuple[str, str, dict[str, Any]]]) -> Place | str:
    """The newest capture of the page with the address `wanted`, or why there is none: not_in_index, no_page.

    Captures of one key are those of its address in any spelling; the page is the one whose address is the same as
    addresses are compared here (`rules.key_of`), else the nearest: the same key.
    """
    same = [(timestamp, fields) for one, timestamp, fields in lines if one == key]
    if not same:
        return "not_in_index"
    pages = [
        (key_of(str(fields.get("url"))) == key_of(wanted), timestamp, str(fields.get("url")), fields)
        for timestamp, fields in same
        if str(fields.get("status")) == "200"
        and (fields.get("mime-detected") or fields.get("mime")) in _PAGES
        and _DIGITS.fullmatch(str(fields.get("offset")))
        and _DIGITS.fullmatch(str(fields.get("length")))
        and int(fields["length"])
    ]
    if not pages:
        return "no_page"
    _, timestamp, url, fields = max(pages, key=lambda page: page[:3])
    return Place(
        url,
        str(fields.get("filename")),
        int(fields["offset"]),
        int(fields["length"]),
        str(fields.get("digest") or ""),
        timestamp,
    )
