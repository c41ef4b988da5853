"""The lines of a page whose links and templates are resolved: tables to rows, lists to items, headings with their sections."""

import re

BOXES = re.compile(
    r"infobox|navbox|vertical-navbox|metadata|mbox|noprint|sidebar|toccolours|geography|navigation|succession", re.I
)
"""Classes of tables that are no part of the text."""
DEEPEST = 20
"""Tables within tables that are kept apart; deeper ones are rows of that one."""
_ATTRIBUTES = re.compile(
    r"\s*(?:[\w:-]+\s*=\s*(?:\"[^\"|]*\"|'[^'|]*'|[^\s|\"']*)\s*)+|\s*(?:nowrap|scope|align|style|colspan|rowspan)\s*$|\s*$",
    re.I,
)
_LEADING = re.compile(
    r"\A(?:(?:colspan|rowspan|style|align|valign|width|height|bgcolor|class|scope)\s*=\s*(?:\"[^\"|]*\"|'[^'|]*'|[\w#%]+)(?:\s+|\Z))+",
    re.I,
)
_CELLS = re.compile(r"\|\||!!|\n!")
_MARKS = "*#:;"
BREAK = "\x04"
"""A break within a line: a space in a cell, a new line elsewhere."""
INDENT = "\x03"
"""Stands for a space before a nested item, which is not to be taken for one that is too many."""
_MARKED = frozenset("=-|{" + _MARKS)
"""How lines begin that may be more than text."""
TEXT = 7
"""The level of what is no heading: below all headings."""


def laid_out(source: str) -> str:
    """The text: paragraphs and sections apart by an empty line, list items and table rows a line each, cells apart by tabs.

    Headings without anything below them go (their section held references or links alone).
    """
    page = _Layout()
    paragraph, counters, tables, marked = page.paragraph, page.counters, page.tables, _MARKED
    for line in source.split("\n"):
        stripped = line.strip()
        if stripped and not tables and stripped[0] not in marked:  # most lines
            counters.clear()
            paragraph.append(_code(line) if line[0] == " " else stripped)
        elif tables or stripped.startswith(("{|", ":{|", "::{|", "*{|")):
            page.table_line(stripped)
        elif stripped:
            page.line(line, stripped)
        else:
            if paragraph:
                page.end()
            counters.clear()
    return page.text()


class _Layout:
    """A page, line by line."""

    def __init__(self) -> None:
        self.blocks: list[tuple[int, str]] = []
        self.paragraph: list[str] = []
        self.tables: list[_Table] = []
        """Those that are open, the innermost last."""
        self.counters: list[int] = []

    def end(self) -> None:
        """End the paragraph."""
        if self.paragraph:
            self.blocks.append((TEXT, "\n".join(self.paragraph)))
            self.paragraph.clear()

    def _add(self, table: "_Table") -> None:
        if rows := table.text():
            self.blocks.append((TEXT, rows))

    def table_line(self, stripped: str) -> None:
        """A line of a table, or the first."""
        if _table_line(stripped, self.tables):
            done = self.tables.pop()  # the outermost has ended
            self.end()
            self._add(done)

    def line(self, line: str, stripped: str) -> None:
        """Any other line that is not empty."""
        first = stripped[0]
        if first == "=" and (found := heading(stripped)):
            self.end()
            self.counters.clear()
            self.blocks.append(found)
        elif first in _MARKS and line[0] == first:
            if item := _item(stripped, self.counters):
                self.paragraph.append(item)
        elif first == "-" and not stripped.strip("-") and len(stripped) > 3:
            self.end()
        elif first != "|":  # that is the rest of a table whose beginning is lost, or of a template without an end
            self.counters.clear()
            self.paragraph.append(_code(line) if line[0] == " " else stripped)

    def text(self) -> str:
        """The whole page."""
        self.end()
        for table in self.tables:  # never closed: what it holds stays
            self._add(table)
        return "\n\n".join(text for _, text in _with_content(self.blocks)).replace(BREAK, "\n")


def _code(line: str) -> str:
    return line[1:].rstrip() if line[1:2] == " " else line.strip()


def heading(line: str) -> tuple[int, str] | None:
    """Level and text of `== text ==`; None for any other line."""
    if line[-1] != "=" or len(line) < 3:
        return None
    before, behind = len(line) - len(line.lstrip("=")), len(line) - len(line.rstrip("="))
    level = min(before, behind, 6)
    text = line[level : len(line) - level].strip()
    return (level, text) if text and before < len(line) else None


def _with_content(blocks: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """The blocks without headings that have no text before the next heading of their level or above."""
    out: list[tuple[int, str]] = []
    below = 0  # the level of the heading that ends what lies behind the place looked at, from the end on
    for level, text in reversed(blocks):
        if level == TEXT or below > level:
            out.append((level, text))
            below = level
    out.reverse()
    return out


def _item(line: str, counters: list[int]) -> str:
    """A line of a list: `- ` for *, a number for #, nothing for : and ;. Empty for an item without text."""
    if line[0] == "*" and line[1:2] not in _MARKED:  # most items
        text = line[1:].strip()
        if text:
            counters[:] = counters[:1] or [0]
            return f"- {text}"
        return ""
    text = line.lstrip(_MARKS)
    marks = line[: len(line) - len(text)]
    text = text.strip()
    if not text:
        return ""
    depth, last = len(marks), marks[-1]
    del counters[depth:]
    counters.extend([0] * (min(depth, 20) - len(counters)))
    indent = 2 * INDENT * min(sum(mark in "*#" for mark in marks) - 1, 10)
    if last == "*":
        return f"{indent}- {text}"
    if last == "#":
        counters[-1] += 1
        return f"{indent}{counters[-1]}. {text}"
    return text


class _Table:
    """A table that is being read: rows of cells, each cell's lines."""

    __slots__ = ("box", "caption", "rows")

    def __init__(self, attributes: str) -> None:
        self.box = bool(BOXES.search(attributes))
        self.rows: list[list[str]] = [[]]
        self.caption = ""

    def text(self) -> str:
        """A line a row, cells apart by tabs; empty for a box."""
        if self.box:
            return ""
        lines = [self.caption, *("\t".join(map(_clean, row)).strip("\t ") for row in self.rows)]
        return "\n".join(line for line in lines if line)


def _clean(cell: str) -> str:
    if "\n" not in cell and BREAK not in cell:
        return cell_line(cell) if cell.strip() else ""
    return " ".join(cell_line(line) for line in cell.replace(BREAK, "\n").split("\n") if line.strip())


def cell_line(line: str) -> str:
    """A line of a cell, without the marks of lists and without tabs, which part cells."""
    line = line.strip()
    return (line.lstrip(_MARKS + " ") if line[0] in _MARKS else line).replace("\t", " ")


def _table_line(line: str, tables: list[_Table]) -> bool:
    """Take one line into the innermost open table; whether the outermost ended with it."""
    first = line[:1]
    if first in "{:*" and (start := line.lstrip(":* ")).startswith("{|"):
        if len(tables) < DEEPEST:
            tables.append(_Table(start[2:]))
        return False
    table = tables[-1]
    if line.startswith("|}"):
        if len(tables) == 1:
            return True
        tables.pop()
        _into_cell(tables[-1], table.text())
        _into_cell(tables[-1], line[2:].strip())
    elif first == "|":
        _bar(line, table)
    elif first == "!" and not table.box:
        table.rows[-1].extend(map(_without_attributes, _CELLS.split(line[1:])))
    elif not table.box:
        _into_cell(table, line)
    return False


def _bar(line: str, table: _Table) -> None:
    """Take a line that begins with a bar: a new row, the caption, or cells."""
    second = line[1:2]
    if second == "-":
        if table.rows[-1]:
            table.rows.append([])
    elif second == "+":
        table.caption = _without_attributes(line[2:])
    elif not table.box:
        table.rows[-1].extend(map(_without_attributes, line[1:].split("||")))


def _into_cell(table: _Table, text: str) -> None:
    row = table.rows[-1]
    if not text:
        return
    if row:
        row[-1] = f"{row[-1]}\n{text}" if row[-1] else text
    else:
        row.append(text)


def _without_attributes(cell: str) -> str:
    """The content of `style="…" | content`; also where the bar was in a template that shows nothing, or a mark of a header is doubled."""
    if "|" not in cell:
        cell = cell.strip()
        return cell if "=" not in cell else _LEADING.sub("", cell)
    before, _, content = cell.partition("|")
    return (
        content.strip()
        if _ATTRIBUTES.fullmatch(before.replace("!", " "))
        else f"{before.strip()} {content.strip()}".strip()
    )
