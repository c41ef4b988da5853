"""The title of a page: the heading that its `title` names, or that itself without the site's name."""

import re
from urllib.parse import urlsplit

import numpy as np

from curate.filters.jit import Array, Number, compiled
from curate.html.markup import U64
from curate.html.page import Page
from curate.html.tags import TAG
from curate.html.tape import B_END, B_NODE, B_START, N_PARENT, N_TAG, TITLE_END, TITLE_START

_LEVEL = np.zeros(len(TAG) + 1, np.int32)
"""Of each element: 1 to 3 for headings, else 0."""
for _level in (1, 2, 3):
    _LEVEL[TAG[f"h{_level}"]] = _level
_BARS = "|ㅣ│┃»«›‹·•_"  # part a title wherever they stand, dashes and the like between blanks
_APART = re.compile(rf"\s+[-–—·•:/~>@]+\s+|\s*[｜丨{_BARS}]+\s*|\s*::\s*|\s*--+\s*")
_AT_ITS_ENDS = re.compile(rf"^[\W_]+(?=\s)|(?<=\s)[-–—:/~>@{_BARS}]+\s*$")
_TOKEN = re.compile(r"[^\W_]+")
_UNPARTED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
"""Thai, Japanese, Chinese: no spaces part their words; pairs of characters stand for them."""
_ALIKE = 0.6  # share of a heading's words that the title has
_LONGEST = 300  # characters
_MOST = 200  # headings that are looked at
_MOST_PARTS = 8  # of a title
_FIRST_LINES = 10


def title_of(page: Page, url: str | None = None) -> str:
    """The page's title on one line; empty where it has none."""
    start, end = page.tape.state[TITLE_START], page.tape.state[TITLE_END]
    said = " ".join(page.tape.text[start:end].tobytes().decode("utf-8", "replace").split())
    parts = [part for part in _APART.split(said) if part]
    words: list[str] = max(map(_tokens, parts), key=len, default=[])
    main = set(words)
    least = max(min(2, len(main)), 1)
    found = _headings(page)
    named = [(level, -shared, text) for level, text in found if (shared := _named(text, main, least))]
    if named:
        return min(named, key=lambda one: one[:2])[2]
    if said:
        return (_shown(said, words, page, url) or _without_site(said, parts, url)[:_LONGEST]).strip()
    first = [text for level, text in found if level == 1]
    return first[0] if len(first) == 1 else ""


def with_title(text: str, title: str) -> str:
    """`text` with the title as its first line. Where one of its first lines is the title, that is moved to the top."""
    if not title or not text:
        return text
    lines, wanted = text.split("\n"), _tokens(title)
    some = max(wanted, key=len, default="")  # that most lines lack
    begin = wanted[0][0] if wanted else ""
    for place, line in enumerate(lines):
        first = line[:1]
        if first.isalnum() and first.casefold()[0] != begin:  # most
            continue
        if len(line) <= 2 * _LONGEST and some in line.casefold() and _tokens(line) == wanted:
            if place >= _FIRST_LINES:
                return text
            return "\n".join([line, *lines[:place], *lines[place + 1 :]])
    return f"{title}\n{text}"


def _headings(page: Page) -> list[tuple[int, str]]:
    """Level and text of the page's first headings, those that stand alone in theirs."""
    spans = np.empty((_MOST, 3), np.int32)
    count = _found(page.facts.nodes, page.facts.blocks, _LEVEL, 4 * _LONGEST, spans)
    data = page.tape.text.data
    texts = [(level, str(data[start:end], "utf-8", "replace")) for level, start, end in spans[:count].tolist()]
    return [(level, text) for level, text in texts if len(text) <= _LONGEST and "\n" not in text]


@compiled
def _found(nodes: Array, blocks: Array, levels: Array, longest: Number, out: Array) -> Number:
    """Level, start and end of blocks in headings of at most `longest` bytes; how many of the first len(out) there are."""
    seen = count = 0
    for i in range(len(blocks)):
        node = blocks[i, B_NODE]
        level = levels[nodes[node, N_TAG]]
        if level == 0:
            level = levels[nodes[max(nodes[node, N_PARENT], 0), N_TAG]]
        if level == 0:
            continue
        if blocks[i, B_END] - blocks[i, B_START] <= longest:
            out[count, 0], out[count, 1], out[count, 2] = level, blocks[i, B_START], blocks[i, B_END]
            count += 1
        seen += 1
        if seen == len(out):
            break
    return count


def _named(heading: str, main: set[str], least: int) -> int:
    """How many words (`least` or more) a heading shares with the title's main part, where that names it, else 0."""
    folded, there = heading.casefold(), 0
    for word in main:
        there += word in folded
    if there < least:  # most
        return 0
    words = set(_tokens(heading))
    shared = len(words & main)
    return shared if shared >= max(_ALIKE * len(words), least) else 0


def _shown(said: str, words: list[str], page: Page, url: str | None) -> str:
    """What of the title is a block of the page: sites whose headings are no `h1` show it so. Of the runs of its parts the longest with
    the main one (that of the `words`), which is the site's where it stands last; else the longest that begins the title. Empty
    where there is none but the site's name."""
    cuts = [match.span() for match in _APART.finditer(said)][:_MOST_PARTS]
    begins, ends = [0, *(end for _, end in cuts)], [*(start for start, _ in cuts), len(said)]
    main = next((i for i, span in enumerate(zip(begins, ends, strict=True)) if _tokens(said[slice(*span)]) == words), 0)
    last = len(cuts)
    runs = [(first, end) for first in range(last + 1) for end in range(first, last + 1)]
    runs = [(first, end) for first, end in runs if first == 0 or first <= main <= end < last]
    for first, end in sorted(runs, key=lambda run: (not run[0] <= main <= run[1], begins[run[0]] - ends[run[1]])):
        part = said[begins[first] : ends[end]]
        if part and len(part) <= _LONGEST and _is_shown(part, page) and not _is_site(part, url):
            return part
    return ""


def _is_shown(part: str, page: Page) -> bool:
    wanted = np.frombuffer(part.encode(), np.uint8)
    return bool(_is_block(page.facts.blocks, page.tape.text, wanted, _MOST))


@compiled
def _is_block(blocks: Array, text: Array, wanted: Array, most: Number) -> Number:
    """Whether one of the first `most` blocks as long as a text is this text."""
    seen, size = 0, len(wanted)
    for i in range(len(blocks)):
        start = blocks[i, B_START]
        if blocks[i, B_END] - start != size:
            continue
        k = 0
        while k < size and text[U64(start + k)] == wanted[U64(k)]:
            k += 1
        if k == size:
            return True
        seen += 1
        if seen == most:
            break
    return False


def _without_site(said: str, parts: list[str], url: str | None) -> str:
    """The title without its first or last part where that is the name of the site, as the address has it."""
    for part in (parts[-1], parts[0]) if len(parts) > 1 else ():
        if _is_site(part, url):
            rest = said.removesuffix(part) if part == parts[-1] else said.removeprefix(part)
            return _AT_ITS_ENDS.sub("", rest).strip(f" -–—:>@{_BARS}")
    return said


def _is_site(part: str, url: str | None) -> bool:
    """Whether a part of a title is the name of the site, as the address has it."""
    name = "".join(_tokens(part))
    return len(name) > 2 and name in "".join(_TOKEN.findall((_host(url) or "").casefold()))


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
