"""Tables for a terminal of any width. Imported where one is made: it needs `rich`."""

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Column
from rich.table import Table as RichTable
from rich.text import Text

ENOUGH = 10_000
"""Columns of a terminal on which everything fits."""


class Table(RichTable):
    """A table of `rich` that cuts no word: where the words of its columns don't fit beside each other, each row becomes a block, its
    first cell and below it a line a column."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        wide = options.update_width(ENOUGH)
        for column in self.columns:
            column.width = None
        needs = [_need(console, wide, column, self.show_header) for column in self.columns]
        between = self.__rich_measure__(console, wide).maximum - sum(need.maximum for need in needs)
        room = options.max_width - between - sum(need.minimum for need in needs)
        if room >= 0 or not self.show_header or len(needs) < 3:
            for column, width in zip(self.columns, dealt(needs, room), strict=True):
                column.width = width
            yield from super().__rich_console__(console, options)
            return
        if self.title:
            yield Text(str(self.title), style="table.title")
        heads = [column.header for column in self.columns[1:]]
        for first, *cells in zip(*(column.cells for column in self.columns), strict=True):
            yield Text.assemble(first, style="bold") if isinstance(first, str | Text) else first
            block = RichTable.grid(padding=(0, 2))
            block.add_column(style="dim", width=max(len(str(head)) for head in heads) + 2)
            block.add_column(overflow="fold")
            for head, cell in zip(heads, cells, strict=True):
                if str(cell):
                    block.add_row(f"  {head}", cell)
            yield block


def _need(console: Console, options: ConsoleOptions, column: Column, header: bool) -> Measurement:
    """What the longest word and the longest line of a column take. A figure keeps its unit beside it."""
    cells = [Measurement.get(console, options, cell) for cell in column.cells]
    if column.no_wrap or column.justify == "right":
        cells = [Measurement(cell.maximum, cell.maximum) for cell in cells]
    found = [*cells, *([Measurement.get(console, options, column.header)] if header else [])]
    return Measurement(max((one.minimum for one in found), default=1), max((one.maximum for one in found), default=1))


def dealt(needs: Sequence[Measurement], room: int) -> list[int]:
    """A width for each column: its longest word and a part of the `room` that is left, those first that want the least of it."""
    widths = [need.minimum for need in needs]
    if room < 0:
        return [max(1, width) for width in widths]
    order = sorted(range(len(needs)), key=lambda at: needs[at].maximum - needs[at].minimum)
    for place, at in enumerate(order):
        more = min(needs[at].maximum - needs[at].minimum, -(-room // (len(order) - place)))
        widths[at] += more
        room -= more
    return widths
