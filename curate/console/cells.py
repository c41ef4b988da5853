"""Tables whose cells are texts: on a terminal, in a pipe, as Markdown."""

from collections.abc import Sequence


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a Markdown table: first column to the left, the others to the right."""
    head, *body = rows
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in body]
    return "\n".join(lines) + "\n"


GAP = 2
"""Blanks between two columns on a terminal."""


def show(rows: Sequence[Sequence[str]]) -> None:
    """Print rows to stdout: a table on a terminal, tab-separated lines into a pipe.

    What is too wide for the terminal continues in a table below, with the first column again.
    """
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, soft_wrap=False)
    if not console.is_terminal:
        for row in rows:
            print("\t".join(row))
        return
    for number, columns in enumerate(fitting(rows, console.width)):
        table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
        for place in columns:
            table.add_column(rows[0][place], justify="right" if place else "left", no_wrap=place == 0)
        for row in rows[1:]:
            table.add_row(*(row[place] for place in columns))
        if number:
            console.print()
        console.print(table)


def fitting(rows: Sequence[Sequence[str]], width: int) -> list[list[int]]:
    """The columns in groups that fit a width in characters, each with the first column in front."""
    from rich.cells import cell_len

    sizes = [GAP + max(cell_len(cell) for cell in column) for column in zip(*rows, strict=True)]
    groups, left = [[0]], width - sizes[0]
    for place, size in enumerate(sizes[1:], 1):
        if size > left + GAP and len(groups[-1]) > 1:
            groups.append([0])
            left = width - sizes[0]
        groups[-1].append(place)
        left -= size
    return groups
