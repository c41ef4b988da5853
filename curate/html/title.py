"""The title of a page: the heading that its `title` names, or that itself without the site's name."""

import re
from collections.abc import Collection
from urllib.parse import urlsplit

import numpy as np

from curate.filters.jit import Array, Number, compiled, inner
from curate.html.markup import U8, U64, lower
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
_MOST_SOUGHT = 512  # bytes of words that are looked for in each heading by loops
_FIRST_LINES = 10
_BYTES = 4  # of a character at most
_NONE = "\0"  # in no text


def title_of(page: Page, url: str | None = None) -> str:
    """The page's title on one line; empty where it has none."""
    start, end = page.tape.state[TITLE_START], page.tape.state[TITLE_END]
    said = " ".join(page.tape.text[start:end].tobytes().decode("utf-8", "replace").split())
    parts = [part for part in _APART.split(said) if part]
    words: list[str] = max(map(_tokens, parts), key=len, default=[])
    main = set(words)
    least = max(min(2, len(main)), 1)
    if not said:
        first = [text for level, text in _headings(page) if level == 1]
        return first[0] if len(first) == 1 else ""
    found = _headings(page, main, least)
    named = [(level, -shared, text) for level, text in found if (shared := _named(text, main, least))]
    if named:
        return min(named, key=lambda one: one[:2])[2]
    return (_shown(said, words, page, url) or _without_site(said, parts, url)[:_LONGEST]).strip()


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


def _headings(page: Page, main: Collection[str] = (), least: int = 0) -> list[tuple[int, str]]:
    """Level and text of the page's first headings, those that stand alone in theirs; but for some that have fewer than `least` of the
    words `main`, where these are not too many to be looked for."""
    spans = np.empty((_MOST, 3), np.int32)
    words = np.frombuffer(_NONE.join([*main, ""]).encode(), np.uint8)
    if len(words) > _MOST_SOUGHT:
        least = 0
    count = _found(page.tape.text, page.facts.nodes, page.facts.blocks, _LEVEL, _LONGEST, words, least, spans)
    data = page.tape.text.data
    texts = [(level, str(data[start:end], "utf-8", "replace")) for level, start, end in spans[:count].tolist()]
    return [(level, text) for level, text in texts if len(text) <= _LONGEST and "\n" not in text]


@compiled
def _found(
    text: Array, nodes: Array, blocks: Array, levels: Array, longest: Number, words: Array, least: Number, out: Array
) -> Number:
    """Level, start and end of blocks in headings that may have `longest` characters at most; how many of the first len(out) there are.
    Left out are such of ASCII that hold fewer than `least` of the `words`."""
    seen = count = 0
    for i in range(len(blocks)):
        node = blocks[i, B_NODE]
        level = levels[nodes[node, N_TAG]]
        if level == 0:
            level = levels[nodes[max(nodes[node, N_PARENT], 0), N_TAG]]
        if level == 0:
            continue
        start, end = blocks[i, B_START], blocks[i, B_END]
        likely = end - start <= _BYTES * longest
        if likely and _is_ascii(text, start, end):
            likely = end - start <= longest and (least == 0 or _has(text, start, end, words, least))
        if likely:
            out[count, 0], out[count, 1], out[count, 2] = level, start, end
            count += 1
        seen += 1
        if seen == len(out):
            break
    return count


@inner
def _is_ascii(text: Array, start: Number, end: Number) -> Number:
    found = U8(0)
    for i in range(U64(start), U64(end)):
        found |= text[i]
    return found < 128


@inner
def _has(text: Array, start: Number, end: Number, words: Array, least: Number) -> Number:
    """Whether ASCII holds `least` of some words in small letters, behind each of which stands a zero byte."""
    there = begin = 0
    for stop in range(len(words)):
        if words[stop] == 0:
            there += _holds(text, start, end, words, begin, stop)
            if there >= least:
                return True
            begin = stop + 1
    return False


@inner
def _holds(text: Array, start: Number, end: Number, word: Array, begin: Number, stop: Number) -> Number:
    """Whether bytes `start` to `end`, in small letters, hold the bytes `begin` to `stop` of `word`."""
    size = stop - begin
    for i in range(start, end - size + 1):
        k = 0
        while k < size and lower(text[U64(i + k)]) == word[U64(begin + k)]:
            k += 1
        if k == size:
            return True
    return False


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
