"""All the text of a page that was written to be read whole: a book's chapter, a paper. Nothing is judged: what is in the page
is in the text, but for scripts, styles, pictures, and elements of the names and classes that the caller leaves out.

The page is read as a stream of tags by libxml2, which builds no tree: any depth, linear time.
"""

import re
from collections.abc import Collection
from typing import Any

from lxml import etree


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


BLOCKS = _names("""address article aside blockquote body caption center dd details dir div dl dt fieldset figcaption figure footer form
    h1 h2 h3 h4 h5 h6 header hr html legend li main menu nav ol p pre section summary table tbody tfoot thead title ul
    tr""")
_CLOSE = frozenset(("li", "dt", "dd", "tr", "title", "legend", "summary"))
"""Blocks that stand on lines of their own without a blank line between."""
SILENT = _names("""script style template iframe object embed applet svg canvas audio video head select option button noembed
    noframes map""")
_VOID = _names("area base br col embed hr img input link meta param source track wbr")
_EMPTY = re.compile(r"<([A-Za-z][\w:.-]*)((?:\s[^<>]*)?)/>")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_KEEP_SPACE, _KEEP_LINE = "\ue000", "\ue001"
_SPACES = re.compile(r"[ \t\r\f\u00a0]+")
_LINES = re.compile(r" *\n *")
_GAP = re.compile(r"\n{3,}")


def whole_text(html: str, leave_out: Collection[str] = (), classes: Collection[str] = ()) -> tuple[str, str]:
    """The text of a page and its title. Paragraphs are a blank line apart, cells of a table " | ", list items begin with
    "- ". Elements named in `leave_out`, and those with a class in `classes`, go with all they hold."""
    collector = _Collector(frozenset(leave_out) | SILENT, frozenset(classes))
    parser = etree.HTMLParser(target=collector, huge_tree=True, remove_comments=True, remove_pis=True, encoding="utf-8")
    page = _DECLARATION.sub("", html.replace("\x00", "")).replace(_KEEP_SPACE, "").replace(_KEEP_LINE, "")
    page = _EMPTY.sub(_closed, page)
    parser.feed(page.encode("utf-8", "replace"))
    if not page.strip():
        return "", ""
    text, title = parser.close()
    return text, title


def _closed(found: re.Match[str]) -> str:
    """XHTML's `<a id="x"/>`, which HTML reads as the beginning of a link."""
    name = found[1]
    return found[0] if name.lower() in _VOID else f"<{name}{found[2]}></{name}>"


class _Collector:
    """What libxml2 tells of the tags."""

    def __init__(self, silent: frozenset[str], classes: frozenset[str]) -> None:
        self._silent, self._classes = silent, classes
        self._parts: list[str] = []
        self._title: list[str] = []
        self._open: list[str] = []
        """Names of the elements in one that is left out, the outermost first."""
        self._in_title = False
        self._pre = 0

    def start(self, tag: Any, attributes: Any) -> None:
        name = str(tag).rpartition(":")[2].lower()
        if self._open:
            if name == "title" and self._open[0] == "head":
                self._in_title = True
            if name not in _VOID:
                self._open.append(name)
            return
        if name in self._silent or (
            self._classes and not self._classes.isdisjoint(attributes.get("class", "").split())
        ):
            if name not in _VOID:
                self._open.append(name)
            return
        if name == "br":
            self._parts.append("\n")
        elif name in ("td", "th"):
            self._parts.append(" | " if self._parts and not self._parts[-1].endswith("\n") else "")
        elif name in BLOCKS:
            self._break(name)
            if name == "li":
                self._parts.append("- ")
            self._pre += name == "pre"

    def end(self, tag: Any) -> None:
        name = str(tag).rpartition(":")[2].lower()
        if self._open:
            self._in_title = False
            if name in self._open[-8:]:
                while self._open.pop() != name:
                    pass
            return
        if name in BLOCKS:
            self._break(name)
            self._pre -= name == "pre" and self._pre > 0

    def _break(self, name: str) -> None:
        """End the line, or the paragraph."""
        if name not in _CLOSE:
            self._parts.append("\n\n")
        elif not (self._parts and self._parts[-1].endswith("\n")):
            self._parts.append("\n")

    def data(self, data: str) -> None:
        if self._in_title:
            self._title.append(data)
        elif self._open:
            return
        elif self._pre:
            self._parts.append(data.replace(" ", _KEEP_SPACE).replace("\n", _KEEP_LINE))
        else:
            self._parts.append(data.replace("\n", " "))

    def close(self) -> tuple[str, str]:
        text = _LINES.sub("\n", _SPACES.sub(" ", "".join(self._parts)))
        text = _GAP.sub("\n\n", text).replace("\n- \n", "\n- ").strip()
        text = text.replace(_KEEP_SPACE, " ").replace(_KEEP_LINE, "\n")
        return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n"), " ".join("".join(self._title).split())
