"""`curate whatif`: what other limits would keep."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from curate.commands.options import json_option, on_console

if TYPE_CHECKING:
    from rich.console import Console

    from curate.quality.answer import Answer


@click.command("whatif")
@click.argument("corpus")
@click.option(
    "--set", "changes", multiple=True, metavar="STEP.PARAMETER=VALUE", help="Another value of a limit; may be repeated."
)
@click.option(
    "--sweep", "span", metavar="STEP.PARAMETER=FROM:TO", help="A table of values from FROM to TO (FROM:TO:POINTS)."
)
@click.option("--recipe", "write", metavar="FILE", help="Write the changed recipe here, to run it.")
@click.option("--html", "page", metavar="FILE", help="Also write a page: the answer, and a curve for each limit.")
@click.option("--top", default=10, show_default=True, type=click.IntRange(1), help="Rows to list per table.")
@json_option
def whatif(
    corpus: str,
    changes: tuple[str, ...],
    span: str | None,
    write: str | None,
    page: str | None,
    top: int,
    as_json: bool,
) -> None:
    """Show what CORPUS, the output of a job, would contain under other limits of its recipe.

    No text is read again: steps have stored what they measured. Without --set the limits that can be changed are
    listed. What can't be known from the columns is counted separately: run the recipe (--recipe FILE, then `curate
    clean --input CORPUS --recipe FILE`) to find out.
    """
    from curate.console.terminal import json_text
    from curate.quality import answer

    found = answer.ask(corpus, changes, span)
    if write:
        answer.write_recipe(found, write)
    if page:
        answer.write_page(found, page)
    if as_json:
        click.echo(json_text(answer.as_json(found)))
        return
    on_console(lambda console: _show(console, found, top))


def _show(console: "Console", found: "Answer", top: int) -> None:
    from curate.console.terminal import number, share

    if not found.changes and not found.curve:
        if not found.limits:
            console.print("the recipe has no limit that can be moved: no step of it keeps what it measured")
            return
        console.print(_table(("limit", "value"), [(name, str(value)) for name, value in found.limits]))
        return
    whole = found.rows
    console.print(f"kept      {number(found.kept_before)} ({share(found.kept_before, whole)})", end="")
    console.print(f"  ->  {number(found.kept)} ({share(found.kept, whole)})")
    if found.unknown:
        console.print(f"not known {number(found.unknown)} ({share(found.unknown, whole)})")
    for note in found.notes:
        console.print(f"note: {note}")
    if found.curve:
        points = [
            (f"{value:g}", number(kept), share(kept, whole), number(unknown)) for value, kept, unknown in found.curve
        ]
        console.print()
        console.print(_table((found.swept, "kept", "share", "not known"), points))
    if not found.changes:
        return
    moved = [row for row in found.reasons if row[1] != row[2]] or list(found.reasons)
    console.print()
    console.print(_table(("reason", "before", "now"), [(name, number(a), number(b)) for name, a, b in moved[:top]]))
    for name, rows in found.tables.items():
        console.print()
        cells = [(one, number(a), number(b), number(c)) for one, a, b, c in rows[:top]]
        console.print(_table((name, "kept before", "now", "not known"), cells))


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Any:
    from rich.text import Text

    from curate.console.tables import Table
    from curate.console.terminal import one_line

    table = Table(box=None, pad_edge=False, header_style="bold")
    for at, name in enumerate(heads):
        table.add_column(name, justify="right" if at else "left")
    for row in rows:
        table.add_row(*(Text(one_line(cell, 70)) for cell in row))
    return table
