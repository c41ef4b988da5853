"""The article in a page's JSON-LD (schema.org), for pages whose own text is made by a script."""

import html
import json
import re
from collections.abc import Iterator

_SCRIPT = re.compile(r"<script\b[^>]*\bapplication/ld\+json[^>]*>", re.IGNORECASE)
_END = re.compile(r"</script", re.IGNORECASE)
_TAG = re.compile(r"<(?:/?[a-zA-Z]|!--)")
_LONGEST = 2 << 20  # characters of a script that is parsed
_SCRIPTS = 20


def article_body(page: str) -> str:
    """The longest `articleBody` of a page's JSON-LD; empty where there is none. May hold HTML."""
    found = ""
    for script in _scripts(page):
        try:
            data = json.loads(script, strict=False)
        except (ValueError, RecursionError):
            continue
        found = max(found, *_bodies(data), key=len)
    return html.unescape(found) if _TAG.search(found) is None else found


def is_html(text: str) -> bool:
    """Whether there is a tag in it."""
    return _TAG.search(text) is not None


def _scripts(page: str) -> Iterator[str]:
    at = 0
    for _ in range(_SCRIPTS):
        begin = _SCRIPT.search(page, at)
        end = _END.search(page, begin.end()) if begin else None
        if begin is None or end is None:
            return
        at = end.end()
        if end.start() - begin.end() <= _LONGEST:
            yield page[begin.end() : end.start()]


def _bodies(data: object) -> Iterator[str]:
    yield ""
    waiting = [data]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            body = item.get("articleBody")
            if isinstance(body, str):
                yield body
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
