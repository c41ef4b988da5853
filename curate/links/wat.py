"""Links of pages, as Common Crawl's WAT files list them: one JSON record a page, its links in `Links`."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

from curate.links.reddit import MAX_TITLE, Link
from curate.links.rules import address

MAX_LINKS = 20_000
"""Links of one page that are read."""


def links(body: bytes, *, wikipedia: bool = False) -> Iterator[Link | str]:
    """The links of one WAT record, or for each that is none the reason: embedded (a picture, a script), nofollow,
    same_host, or one of `rules.address`; a record that is no page's gives one reason: not_a_page, bad_json."""
    try:
        record = json.loads(body)
    except (ValueError, RecursionError):
        yield "bad_json"
        return
    page = _at(record, "Envelope", "WARC-Header-Metadata", "WARC-Target-URI")
    html = _at(record, "Envelope", "Payload-Metadata", "HTTP-Response-Metadata", "HTML-Metadata")
    if not isinstance(page, str) or not isinstance(html, dict):
        yield "not_a_page"
        return
    base = _at(html, "Head", "Base")
    start = _joined(page, base) if isinstance(base, str) else page
    here = _host(page)
    found = html.get("Links")
    for item in (found if isinstance(found, list) else [])[:MAX_LINKS]:
        yield _link(item, start, here, wikipedia)


def _link(item: object, base: str, here: str, wikipedia: bool) -> Link | str:
    if not isinstance(item, dict) or not isinstance(item.get("url"), str):
        return "no_url"
    path = item.get("path")
    if isinstance(path, str) and not path.upper().startswith(("A@", "AREA@")):
        return "embedded"
    if "nofollow" in str(item.get("rel") or "").lower():
        return "nofollow"
    if item["url"].lower().startswith(("mailto:", "javascript:", "tel:", "data:")):
        return "not_http"
    found = address(_joined(base, item["url"]), wikipedia=wikipedia)
    if isinstance(found, str):
        return found
    if found.host == here or not here:
        return "same_host"
    text = item.get("text")
    words = " ".join(text.split())[:MAX_TITLE] if isinstance(text, str) else ""
    return Link(found, 1, words.encode("utf-8", "replace").decode(), here)


def _joined(base: str, url: str) -> str:
    try:
        return urljoin(base, url.strip())
    except ValueError:
        return ""


def _host(url: str) -> str:
    try:
        host = (urlsplit(url).hostname or "").removeprefix("www.").rstrip(".")
        return host.encode("utf-8", "replace").decode()
    except ValueError:
        return ""


def _at(value: object, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
