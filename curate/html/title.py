"""The title of a page: the heading that its `title` names, or that itself without the site's name."""

import re
from urllib.parse import urlsplit

import numpy as np

from curate.html.page import Page
from curate.html.tags import TAG
from curate.html.tape import B_NODE, N_PARENT, N_TAG, TITLE_END, TITLE_START

_LEVELS = {TAG["h1"]: 1, TAG["h2"]: 2, TAG["h3"]: 3}
_HEADINGS = np.zeros(len(TAG) + 1, np.bool_)
_HEADINGS[list(_LEVELS)] = True
_APART = re.compile(r"\s+[-–—·•:/~]+\s+|\s*[|｜丨»«›‹·•_]+\s*|\s*::\s*|\s*--+\s*")
_TOKEN = re.compile(r"[^\W_]+")
_UNPARTED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
"""Thai, Japanese, Chinese: no spaces part their words; pairs of characters stand for them."""
_ALIKE = 0.6  # share of a heading's words that the title has
_LONGEST = 300  # characters
_MOST = 200  # headings that are looked at
_FIRST_LINES = 10


def title_of(page: Page, url: str | None = None) -> str:
    """The page's title on one line; empty where it has none."""
    start, end = page.tape.state[TITLE_START], page.tape.state[TITLE_END]
    said = " ".join(page.tape.text[start:end].tobytes().decode("utf-8", "replace").split())
    parts = [part for part in _APART.split(said) if part]
    main = set(_tokens(max(parts, key=lambda part: len(_tokens(part)), default="")))
    found = list(_headings(page))
    named = [(level, text) for level, text in found if _names(text, main)]
    if named:
        return min(named, key=lambda one: (one[0], -len(set(_tokens(one[1])) & main)))[1]
    if said:
        return _without_site(said, parts, url)[:_LONGEST].strip()
    first = [text for level, text in found if level == 1]
    return first[0] if len(first) == 1 else ""


def with_title(text: str, title: str) -> str:
    """`text` with the title as its first line. Where one of its first lines is the title, that is moved to the top."""
    if not title or not text:
        return text
    lines, wanted = text.split("\n"), _tokens(title)
    some = max(wanted, key=len, default="")  # that most lines lack
    for place, line in enumerate(lines):
        if len(line) <= 2 * _LONGEST and some in line.casefold() and _tokens(line) == wanted:
            if place >= _FIRST_LINES:
                return text
            return "\n".join([line, *lines[:place], *lines[place + 1 :]])
    return f"{title}\n{text}"


def _headings(page: Page) -> list[tuple[int, str]]:
    """Level and text of the page's first headings, those that stand alone in theirs."""
    nodes, blocks = page.facts.nodes, page.facts.blocks
    of_block = blocks[:, B_NODE]
    own = _HEADINGS[nodes[of_block, N_TAG]]
    above = _HEADINGS[nodes[np.maximum(nodes[of_block, N_PARENT], 0), N_TAG]]
    found = []
    for i in np.flatnonzero(own | above)[:_MOST].tolist():
        node = of_block[i] if own[i] else nodes[of_block[i], N_PARENT]
        text = page.text(i)
        if len(text) <= _LONGEST and "\n" not in text:
            found.append((_LEVELS[int(nodes[node, N_TAG])], text))
    return found


def _names(heading: str, main: set[str]) -> bool:
    words = set(_tokens(heading))
    return len(words & main) >= max(_ALIKE * len(words), min(2, len(main)), 1)


def _without_site(said: str, parts: list[str], url: str | None) -> str:
    """The title without its first or last part where that is the name of the site, as the address has it."""
    host = "".join(_TOKEN.findall((_host(url) or "").casefold()))
    for part in (parts[-1], parts[0]) if len(parts) > 1 else ():
        name = "".join(_tokens(part))
        if len(name) > 2 and name in host:
            rest = said.removesuffix(part) if part == parts[-1] else said.removeprefix(part)
            return re.sub(r"^[\W_]+(?=\s)|(?<=\s)[-–—·•:/~|»«›‹_]+\s*$", "", rest).strip(" |»«›‹·•_-–—:")
    return said


def _host(url: str | None) -> str | None:
    try:
        return urlsplit(url or "").hostname
    except ValueError:
        return None


def _tokens(text: str) -> list[str]:
    runs: list[str] = _TOKEN.findall(text.casefold())
    if text.isascii() or not _UNPARTED.search(text):  # most
        return runs
    found = list[str]()
    for run in runs:
        unparted = len(run) > 1 and _UNPARTED.search(run)
        found += [run[i : i + 2] for i in range(len(run) - 1)] if unparted else [run]
    return found
