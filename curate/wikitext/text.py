"""One page of wikitext to text and links, in time linear in its length, without recursion.

Four passes, each over the whole page: (1) comments go, and so do tags whose content is no wikitext, or no text (`ref`,
`gallery`, `math` …): what shows is put by and comes back last; (2) braces and square brackets are matched with a stack, from
the innermost out: templates and links become what they show; (3) emphasis, links to other sites and HTML tags; (4) lines:
tables, lists, headings (`layout.py`). What is left open is closed nowhere and vanishes alone; its content stays.

Gone are references, comments, categories, files with their captions, navigation, infoboxes, tables of the classes in
`layout.BOXES`, and every template that `templates.TABLE` does not know.
"""

import functools
import html
import re
from html.entities import html5
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from curate.filters.jit import Array
from curate.wikitext import scan
from curate.wikitext.layout import BREAK, INDENT, laid_out
from curate.wikitext.site import CATEGORY, CODES, FILE, KNOWN_NAMES, MEDIA, SPECIAL, Site
from curate.wikitext.templates import KNOWN, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEEPEST = 60
"""Nested templates and links that are followed; MediaWiki itself expands 40 (wgMaxTemplateDepth)."""
LONGEST_SHOWN = 1 << 20
"""Characters of a template's content that are read for its arguments; a longer one is none that carries a phrase."""
HIDDEN = """
    ref references gallery timeline imagemap score hiero graph mapframe maplink templatedata templatestyles indicator
    categorytree inputbox includeonly section style script
"""
"""Tags that go with their content."""
LITERAL = """
    nowiki pre math chem ce code source syntaxhighlight poem
"""
"""Tags whose content stays: as it stands, and its lines with it."""
_HIDDEN, _LITERAL = HIDDEN.split(), LITERAL.split()
_OPENING = re.compile(rf"<!--|<({'|'.join(_HIDDEN + _LITERAL)}|noinclude|onlyinclude)(?![\w-])([^<>]*)>", re.IGNORECASE)
_CLOSING = {name: re.compile(rf"</{name}\s*>", re.IGNORECASE) for name in _HIDDEN + _LITERAL}
_BEHIND = ",;\\.:!?')"
_SPACE_BYTES = (
    rb"(?:\s|\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80|[\x1c-\x1f])*"
)
_OPENING_BYTES = re.compile(_OPENING.pattern.encode(), re.IGNORECASE)
_CLOSING_BYTES = {name: re.compile(rb"</%s%s>" % (name.encode(), _SPACE_BYTES), re.IGNORECASE) for name in _CLOSING}
_URL = re.compile(r"://[^\s<>\[\]{}|\"\x00-\x08]+")
_PLAIN_LINK = re.compile(r"\[\[([^\[\]{}|:\n]+)\]\]")
_LABELLED_LINK = re.compile(r"\[\[[^\[\]{}|:\n]+\|([^\[\]{}|\n]+)\]\]")
_BRACKETS = re.compile(r"(\{\{+|\}\}+|\[\[|\]\])")
_EXTERNAL = re.compile(
    r"\[(?:(?:https?|ftps?|ircs?|mailto|news|gopher|sip|git|svn):(?://)?|//)[^\s\]<>\"\[]+[ \t]*([^\[\]\n]*)\]", re.I
)
_EMPHASIS = ("'''''", "'''", "''")
_REFERENCE = re.compile("&(?:#|[A-Za-z0-9]+;|" + "|".join(name for name in html5 if name[-1] != ";") + ")")
"""What `html.unescape` may change: a name without a semicolon has to be one of those that may lack it."""
_SWITCH = re.compile(r"__[^\W\d_]{3,30}__")
_HIDDEN_SPAN = re.compile(r"<span[^<>]*display:\s*none[^<>]*>[^<>]*</span\s*>", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s|/)[^<>]*)?>")
_BREAKING = """
    p div blockquote center ul ol dl table tr caption h1 h2 h3 h4 h5 h6 hr section article
"""
_INLINE = """
    a abbr b bdi bdo big cite code data dd del dfn em font i ins kbd mark q rb rp rt rtc ruby s samp small span strike
    strong sub sup time tt u var wbr noinclude onlyinclude includeonly tbody thead tfoot col colgroup nobr ref
    references br li dt td th noprint includeonly link meta nowiki math gallery poem pre source syntaxhighlight score
    timeline
"""
_BREAKING_NAMES, _INLINE_NAMES = frozenset(_BREAKING.split()), frozenset(_INLINE.split())
_VARIANT = re.compile(r"-\{([^{}]*)\}-")
_GROUP = itemgetter(1)  # as r"\1", which the module expands in Python at each match
_KEPT = re.compile("\x00(\\d+)\x00")
_EMPTY_PARENTHESES = re.compile(r"\([\s,;:]*\)")
_AFTER_OPENING = re.compile(r"\([ \t]*[,;:][ \t,;:]*")
_SPACES = re.compile(r"  +")
_PIPE, _EQUALS = "\x01", "\x02"  # in what a template or link shows: the template around it must not split there


class Link(NamedTuple):
    """A link to another site."""

    url: str
    reference: bool
    """Whether it stands in a footnote."""


class Article(NamedTuple):
    """What a page says."""

    text: str
    links: list[Link]


def to_text(source: str, site: Site, title: str = "", packed: bytes | None = None) -> Article:
    """The text and the links of a page. `source` must not hold characters below U+0009: XML forbids them. `packed` is the same
    in UTF-8, where it is known."""
    kept: list[str] = []
    links: list[Link] = []
    if "\x00" in source:
        source, packed = source.translate(_CONTROLS), None
    text = None
    if len(source) >= _COMPILED:
        text = _scanned(packed or source.encode("utf-8", "surrogatepass"), site, title, kept, links)
    if text is None:
        kept.clear()
        links.clear()
        text = _without_extensions(source, kept, links)
        links += [Link(url, False) for url in urls(text)]
        text = _matched(text, site, title)
    if "{" in text and "-{" in text:  # a sign alone is looked for far faster
        text = _VARIANT.sub(_variant, text)
    if "[" in text:
        text = _EXTERNAL.sub(_GROUP, text)
    if "__" in text:
        text = _SWITCH.sub(_switch, text)
    if "<" in text:
        text = _TAG.sub(_tag, _HIDDEN_SPAN.sub("", text))
    for marks in _EMPHASIS:
        text = text.replace(marks, "")
    text = laid_out(text)
    if "&" in text:
        text = html.unescape(text)
    return Article(_restored(_tidy(text), kept), list(dict.fromkeys(links)))


_CONTROLS = dict.fromkeys([0, 1, 2, 3, 4])


# ---- the same by compiled loops ----

_COMPILED = 1 << 10
"""Characters from which on compiled loops are worth their calls."""


def _bytes(text: str) -> "NDArray[np.uint8]":
    return np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)


def _text(out: "NDArray[np.uint8]", size: int) -> str:
    return out[:size].tobytes().decode("utf-8", "surrogatepass")


@functools.cache
def _tags() -> Array:
    own = {"ref": 2, "references": 3}
    return scan.table({name: own.get(name, 1) for name in [*_HIDDEN, *_LITERAL, "noinclude", "onlyinclude"]})


@functools.cache
def _templates() -> Array:
    return scan.table(KNOWN)


_prefixes_of: list[tuple[Site, Array]] = []


def _prefixes(site: Site) -> Array:
    """Kept of the last site: all pages of a dump are of one."""
    if not _prefixes_of or _prefixes_of[0][0] is not site:
        _prefixes_of[:] = [(site, scan.table(_kinds(site)))]
    return _prefixes_of[0][1]


def _kinds(site: Site) -> dict[str, int]:
    kinds = dict.fromkeys(CODES, scan.TONGUE)
    for name in [*KNOWN_NAMES, *site.namespaces]:
        space = site.namespace(name)
        if space is not None:
            gone = space in (FILE, CATEGORY, MEDIA)
            kinds[name] = scan.GONE if gone else scan.SPECIAL if space == SPECIAL else scan.OTHER
    return kinds


def _scanned(packed: bytes, site: Site, title: str, kept: list[str], links: list[Link]) -> str | None:
    """What `_matched` gives of what `_without_extensions` leaves of a page; None where those have to look themselves."""
    data = _scanned_tags(packed, kept, links)
    return None if data is None else _scanned_brackets(data, site, title)


def _scanned_tags(packed: bytes, kept: list[str], links: list[Link]) -> "NDArray[np.uint8] | None":
    data, size = np.frombuffer(packed, np.uint8), len(packed)
    out, notes, state = np.empty(size + 16, np.uint8), np.empty(size + 16, np.uint8), np.zeros(6, np.int64)
    names, unclosed = _tags(), set[str]()
    while (asks := scan.without_notes(data, out, notes, state, names)) == scan.ASK:
        found = _OPENING_BYTES.match(packed, int(state[0]))
        if found is None:
            return None
        name, at = found[1].lower().decode(), found.end()
        state[0] = at
        if found[2].endswith(b"/") or name in unclosed or name not in _CLOSING:
            continue
        closing = _CLOSING_BYTES[name].search(packed, at)
        if closing is None:
            unclosed.add(name)
            continue
        state[0] = closing.end()
        if name in _LITERAL:
            inner = packed[at : closing.start()].decode("utf-8", "surrogatepass")
            shown = _literal(name, found[2].decode("utf-8", "surrogatepass"), inner, kept).encode(
                "utf-8", "surrogatepass"
            )
            made = int(state[1])
            out[made : made + len(shown)] = np.frombuffer(shown, np.uint8)
            state[1] = made + len(shown)
    if asks == scan.BAIL:
        return None
    links += [Link(url, True) for url in _addresses(notes[: state[2]])]
    links += [Link(url, False) for url in _addresses(out[: state[1]])]
    return out[: state[1]]


def _addresses(data: "NDArray[np.uint8]") -> list[str]:
    """What `urls` gives."""
    spans, at, found, packed = np.empty((256, 3), np.int64), 0, list[str](), data.tobytes()
    while count := scan.addresses(data, spans, at):
        for start, colon, end in spans[:count].tolist():
            url = packed[start:end].decode("utf-8", "surrogatepass")
            found.append(_whole(url if url[:4] == "http" else url[: colon - start].lower() + url[colon - start :]))
        at = int(spans[count - 1, 2])
    return found


def _scanned_brackets(data: "NDArray[np.uint8]", site: Site, title: str) -> str | None:
    out = np.empty(2 * len(data) + 4096, np.uint8)
    frames, state = np.empty((DEEPEST, 4), np.int64), np.zeros(9, np.int64)
    names, prefixes, room = _templates(), _prefixes(site), out.data
    while asks := scan.matched(data, out, frames, state, names, prefixes):
        if asks == scan.BAIL:
            return None
        at, end, depth, rest, taken, start = state[:6].tolist()
        content = str(room[start:end], "utf-8", "surrogatepass")
        shown = _link(content, site) if asks == scan.ASK_LINK else _template(content, site, title)
        end = start
        if shown:
            put = _protected(shown).encode("utf-8", "surrogatepass")
            end += len(put)
            if end + len(data) - at + 16 > len(out):
                return None
            room[start:end] = put
        state[scan.SIZE] = end
        if asks == scan.ASK:
            state[scan.REST] = rest - taken
            frames[depth - 1, scan.COUNT] -= taken
            if frames[depth - 1, scan.COUNT] < 2:
                state[scan.DEPTH] = depth - 1
    return _text(out, int(state[scan.SIZE]))


def urls(source: str) -> list[str]:
    """The addresses of other sites in wikitext, in order."""
    found = []
    for match in _URL.finditer(source):  # a pattern that begins with a fixed text is searched for ten times as fast
        start = match.start()
        before = source[max(0, start - 5) : start].lower()
        if before == "https":
            found.append(_whole("https" + match[0]))
        elif before.endswith("http"):
            found.append(_whole("http" + match[0]))
        elif before.endswith("ftp"):
            found.append(_whole("ftp" + match[0]))
    return found


def _whole(url: str) -> str:
    """A bare URL without the punctuation of the sentence around it, as MediaWiki links it."""
    if "&" in url and _REFERENCE.search(url):  # its query has names, most of which are none of characters
        url = html.unescape(url)
    if url[-1] in _BEHIND:
        url = url.rstrip(_BEHIND if "(" not in url else _BEHIND[:-1])
    return url.partition("''")[0] if "''" in url else url


# ---- comments and extension tags ----


def _without_extensions(source: str, kept: list[str], links: list[Link]) -> str:
    """The page without comments and the tags in HIDDEN; what is in LITERAL tags goes to `kept` and leaves a mark."""
    out: list[str] = []
    notes: list[str] = []
    at, unclosed = 0, set[str]()
    while found := _OPENING.search(source, at):
        out.append(source[at : found.start()])
        at = found.end()
        if found[1] is None:
            end = source.find("-->", at)
            at = len(source) if end < 0 else end + 3
            continue
        name = found[1].lower()
        if found[2].endswith("/") or name in unclosed or name not in _CLOSING:
            continue
        closing = _CLOSING[name].search(source, at)
        if closing is None:
            unclosed.add(name)  # the tag alone goes, and nothing looks for its end again
            continue
        inner = source[at : closing.start()]
        at = closing.end()
        if name in ("ref", "references"):
            notes.append(inner)
        elif name in _LITERAL:
            out.append(_literal(name, found[2], inner, kept))
    if not out:
        return source
    links += [Link(url, True) for url in urls("\n".join(notes))]
    out.append(source[at:])
    return "".join(out)


def _literal(name: str, attributes: str, inner: str, kept: list[str]) -> str:
    """What stands for the content of a LITERAL tag: wikitext that goes on as such, or the mark of what is put by."""
    if name in ("code", "poem") and ("\n" not in inner or name == "poem"):
        lines = inner.strip("\n")
        return lines if "\n" not in lines else f"\n{lines}\n"
    if name in ("code", "pre", "nowiki"):
        inner = re.sub(r"</?nowiki\s*/?>", "", inner, flags=re.IGNORECASE)
        if name != "nowiki":
            inner = _TAG.sub(lambda tag: "" if tag[2].lower() in _INLINE_NAMES else tag[0], inner)
        inner = html.unescape(inner)
    if name == "nowiki" and not inner:
        return ""
    kept.append(inner.strip() if name in ("math", "chem", "ce") else inner.strip("\n"))
    mark = f"\x00{len(kept) - 1}\x00"
    alone = name in ("pre", "source", "syntaxhighlight") and "inline" not in attributes and "\n" in inner.strip("\n")
    return f"\n{mark}\n" if alone or (name == "code" and "\n" in kept[-1]) else mark


def _restored(text: str, kept: list[str]) -> str:
    return _KEPT.sub(lambda found: kept[int(found[1])] if int(found[1]) < len(kept) else "", text) if kept else text


# ---- templates and links ----


class _Frame:
    """An opening that waits for its end: `{` of `count` braces, or `[`."""

    __slots__ = ("count", "kind", "out")

    def __init__(self, kind: str, count: int) -> None:
        self.kind, self.count = kind, count
        self.out: list[str] = []


def _matched(text: str, site: Site, title: str) -> str:
    """The page with templates and links replaced by what they show."""
    if "[[" in text:
        text = _LABELLED_LINK.sub(_GROUP, _PLAIN_LINK.sub(_GROUP, text))
    pieces = _BRACKETS.split(text)
    if len(pieces) == 1:
        return text
    stack = [_Frame("", 0)]
    out = stack[0].out
    out.append(pieces[0])
    for at in range(1, len(pieces), 2):
        token, after = pieces[at], pieces[at + 1]
        first = token[0]
        if first in "{[":
            if len(stack) <= DEEPEST:
                stack.append(_Frame(first, len(token)))
                out = stack[-1].out
        elif first == "]":
            _unwind(stack, "[", site)
            if stack[-1].kind == "[":
                content = "".join(stack.pop().out)
                stack[-1].out.append(_protected(_link(content, site)))
            out = stack[-1].out
        else:
            _close_braces(stack, len(token), site, title)
            out = stack[-1].out
        if after:
            out.append(after)
    while len(stack) > 1:  # what was never closed: its marks go, its content stays
        _flatten(stack, site)
    return "".join(stack[0].out).replace(_PIPE, "|").replace(_EQUALS, "=")


def _flatten(stack: list[_Frame], site: Site) -> None:
    """Give up an opening: its content goes to what is around it, but for the line that names a file or category."""
    frame = stack.pop()
    out = frame.out
    if frame.kind == "[" and out and ":" in out[0] and site.namespace(out[0].partition(":")[0]) in (FILE, CATEGORY):
        _, line_end, rest = "".join(out).partition("\n")
        out = [line_end + rest]
    stack[-1].out.extend(out)


def _unwind(stack: list[_Frame], kind: str, site: Site) -> None:
    """Give up openings of the other kind in front of the nearest one of `kind`, if there is one: they were never closed.

    So a link that was never closed ends with the template it stands in, and a template with the link.
    """
    other = "[" if kind == "{" else "{"
    depth = len(stack) - 1
    while depth > 0 and stack[depth].kind == other:
        depth -= 1
    if depth == 0:
        return
    while len(stack) - 1 > depth:
        _flatten(stack, site)


def _close_braces(stack: list[_Frame], count: int, site: Site, title: str) -> None:
    while count >= 2:
        _unwind(stack, "{", site)
        frame = stack[-1]
        if frame.kind != "{":
            return
        taken = min(3 if frame.count >= 3 and count >= 3 and frame.count != 4 else 2, count)
        content = "".join(frame.out)
        result = _parameter(content) if taken == 3 else _template(content, site, title)
        count -= taken
        frame.count -= taken
        if frame.count >= 2:
            frame.out = [_protected(result)]
        else:
            stack.pop()
            stack[-1].out.append(_protected(result))


def _protected(text: str) -> str:
    if "|" in text:
        text = text.replace("|", _PIPE)
    return text.replace("=", _EQUALS) if "=" in text else text


def _parameter(content: str) -> str:
    """{{{name|default}}}: outside a template only the default shows."""
    return content.partition("|")[2]


def _template(content: str, site: Site, title: str) -> str:
    name, bar, rest = content.partition("|")
    if len(name) > 200 or len(rest) > LONGEST_SHOWN:
        return ""
    found = shown(name, rest.split("|") if bar else [], title, site.language)
    return found or ""


def _link(content: str, site: Site) -> str:
    """What [[content]] shows."""
    target, bar, label = content.partition("|")
    target = target.strip()
    prefix, colon, _ = target.partition(":")
    if colon and prefix:
        space = site.namespace(prefix)
        if space in (FILE, CATEGORY, MEDIA) or (space == SPECIAL and not bar):
            return ""
        if space is None and not bar and site.is_language(prefix):
            return ""  # the same article in another language: shown beside the page
    if bar and label:
        return label.rpartition("|")[2]
    return target.lstrip(":")


# ---- tags and the rest ----


def _tag(found: re.Match[str]) -> str:
    name = found[2].lower()
    if name in ("br", "wbr"):
        return BREAK if name == "br" else ""
    if name in _BREAKING_NAMES:
        return "\n"
    if name in ("li", "dt", "dd"):
        return "" if found[1] else "\n* " if name == "li" else "\n"
    if name in ("td", "th"):
        return "" if found[1] else "\t"
    return "" if name in _INLINE_NAMES else found[0]


def _switch(found: re.Match[str]) -> str:
    return "" if found[0] == found[0].upper() else found[0]


def _variant(found: re.Match[str]) -> str:
    """-{zh-hans:x;zh-hant:y}-: writing systems of one text; the first is taken, flags in front of a pipe are no text."""
    text = found[1].rpartition("|")[2]
    first = text.partition(";")[0]
    return first.partition(":")[2] if re.match(r"\s*[a-z]{2}(-[a-z]+)?\s*:", first) else text


def _tidy(text: str) -> str:
    """The gaps that templates left: empty parentheses, separators with nothing before or behind them, doubled spaces."""
    if len(text) >= _COMPILED:
        data = _bytes(text)
        out = np.empty(len(data) + 1, np.uint8)
        return _text(out, scan.tidied(data, out))
    for space in "\xa0\u2009\u202f":
        text = text.replace(space, " ")
    if "(" in text:
        text = _EMPTY_PARENTHESES.sub("", _AFTER_OPENING.sub("(", text))
    text = _SPACES.sub(" ", text).replace(" )", ")").replace("( ", "(")
    for mark in ",.":
        text = text.replace(f" {mark} ", f"{mark} ").replace(f" {mark}\n", f"{mark}\n")
    return text.replace(INDENT, " ")
