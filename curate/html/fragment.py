"""A piece of HTML that people wrote, such as a post, to text: all of it, with code as it stands. No main content is looked for."""

import re
from typing import Any

from lxml import etree

from curate.html.whole import whole_text

_APART = frozenset(
    [
        "p",
        "div",
        "blockquote",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "ul",
        "ol",
        "dl",
        "table",
        "pre",
        "hr",
        "section",
        "article",
        "figure",
        "details",
        "summary",
    ]
)
_LINES = frozenset(["li", "tr", "dt", "dd", "br"])
_DROPPED = frozenset(["script", "style", "head", "title", "noscript", "template"])
_SPACE = re.compile(r"[ \t\r\n\f]+")


def fragment_text(html: str) -> str:
    """The text of a fragment: paragraphs apart by an empty line, items and rows a line each, `pre` with its lines and spaces."""
    html = html.replace("\x00", "")
    if not html.strip():
        return ""
    parser = etree.HTMLParser(no_network=True, remove_comments=True, remove_pis=True, encoding="utf-8", huge_tree=True)
    try:
        root = etree.fromstring(html.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:  # nothing in it that the parser takes for content
        return ""
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):  # nested too deeply: it ends there
        return whole_text(html)[0]
    return _Writer().text(root) if root is not None else ""


class _Writer:
    """Collects text; knows what stands before the place it is at."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.breaks = 2  # newlines at the end of what is written, as far as they count
        self.space = False  # a space is due before the next word
        self.code = self.dropped = 0
        self.lists: list[int] = []  # numbers of the items so far; -1 for lists without numbers

    def text(self, root: Any) -> str:
        """The text below `root`, without recursion."""
        for event, element in etree.iterwalk(root, events=("start", "end")):
            name = element.tag if isinstance(element.tag, str) else ""
            if event == "start":
                self._start(name)
                self._say(element.text)
            else:
                self._end(name)
                self._say(element.tail)
        return "".join(self.out).strip("\n").rstrip()

    def _start(self, name: str) -> None:
        if name in _DROPPED:
            self.dropped += 1
        if name in ("ul", "ol"):
            self._break(1 if self.lists else 2)
            self.lists.append(0 if name == "ol" else -1)
        elif name in _APART:
            self._break(1 if self.lists and name == "p" else 2)
        elif name in _LINES:
            self._break(1)
        elif name in ("td", "th"):
            if not self.breaks:
                self.out.append("\t")
            self.space = False
        if name == "pre":
            self.code += 1
        if name == "li":
            self._item()

    def _item(self) -> None:
        indent = "  " * min(len(self.lists) - 1, 10) if self.lists else ""
        mark = "- "
        if self.lists and self.lists[-1] >= 0:
            self.lists[-1] += 1
            mark = f"{self.lists[-1]}. "
        self.out.append(indent + mark)
        self.breaks = 2  # a paragraph right in an item begins on its line

    def _end(self, name: str) -> None:
        if name in _DROPPED:
            self.dropped -= 1
        if name == "pre":
            self.code -= 1
        if name in ("ul", "ol") and self.lists:
            self.lists.pop()
            self._break(1 if self.lists else 2)
        elif name in _APART:
            self._break(1 if self.lists and name == "p" else 2)
        elif name in ("li", "tr"):
            self._break(1)

    def _break(self, count: int) -> None:
        if count > self.breaks:
            self.out.append("\n" * (count - self.breaks))
            self.breaks = count
        self.space = False

    def _say(self, text: str | None) -> None:
        if not text or self.dropped:
            return
        if self.code:
            lines = text.replace("\r\n", "\n")
            self.out.append(lines)
            self.breaks = min(2, len(lines) - len(lines.rstrip("\n")))
            return
        words = _SPACE.sub(" ", text)
        if (self.space or words[0] == " ") and not self.breaks and words.strip(" "):
            self.out.append(" ")
        if words.strip(" "):
            self.out.append(words.strip(" "))
            self.breaks, self.space = 0, words[-1] == " "
        else:
            self.space = True
