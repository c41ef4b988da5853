"""`curate inspect`: what is in a corpus."""

import json
from typing import TYPE_CHECKING, Any

import click

from curate.commands.options import on_console

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from curate.report.inspect import Contents, Row

SHOWN_CHARS = 1_500


@click.command("inspect")
@click.argument("corpus")
@click.option("--random", "count", default=0, type=click.IntRange(0), help="Also show this many documents.")
@click.option("--seed", default="0", show_default=True, help="Another seed chooses other documents.")
@click.option("--top", default=15, show_default=True, type=click.IntRange(1), help="Values to list per column.")
@click.option(
    "--by",
    type=click.Choice(["language", "source", "host", "repo", "license", "charset"]),
    help="Break down lengths and bytes by this column; by language, also show what was removed.",
)
@click.option(
    "--text-column",
    "--text",
    "text",
    default="",
    metavar="COLUMN",
    help="Text column, if it has no usual name.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--quiet", is_flag=True, help="No progress.")
def inspect(
    corpus: str, count: int, seed: str, top: int, by: str | None, text: str, as_json: bool, quiet: bool
) -> None:
    """Show what is in CORPUS: documents, bytes, languages, hosts, lengths, random documents.

    CORPUS is the output of a job, or any folder of Parquet or JSON lines with a text column. Every document is read.
    """
    from curate.console.progress import Progress
    from curate.console.terminal import notes
    from curate.report import inspect as inspecting

    with Progress(quiet=quiet) as progress:
        found = inspecting.inspect(corpus, text=text, random=count, seed=seed, by=by or "", progress=progress)
    notes(found.notes)
    groups = inspecting.grouped(found, _ledger(corpus) if by == "language" else None)
    if as_json:
        told = {**inspecting.as_json(found, top), **({"by": by, "groups": groups} if by else {})}
        click.echo(json.dumps(told, ensure_ascii=True, default=str))
        return

    def shown(console: "Console") -> None:
        _show(console, found, top)
        if by:
            console.print()
            console.print(_groups(by, groups))

    on_console(shown)


def _ledger(corpus: str) -> "Row":
    """The ledger of a corpus of ours; nothing of another folder."""
    from curate.errors import CurateError
    from curate.files import storage
    from curate.files.output import read_json

    try:
        return read_json(storage.join(corpus, "ledger.json"))
    except (CurateError, OSError):  # a file, or a ledger of somebody else's: the documents are told all the same
        return {}


def _groups(by: str, rows: "list[Row]") -> "Table":
    from rich.text import Text

    from curate.console.tables import Table
    from curate.console.terminal import number, one_line, share, size

    table = Table(box=None, pad_edge=False, header_style="bold")
    losses = any("read" in row for row in rows)
    for name in (by, "documents", "text", "mean characters", "median", *(["kept", "most lost to"] if losses else [])):
        table.add_column(name, justify="left" if name in (by, "most lost to") else "right")
    for row in rows:
        cells: list[str | Text] = [
            Text(one_line(row["value"] or "none", 40)),
            number(row["documents"]),
            size(row["text_bytes"]),
            f"{row['mean_characters']:,.0f}",
            number(row["median_characters"]),
        ]
        if "read" in row:
            worst = max(row["lost"].items(), key=lambda item: item[1], default=("", 0))
            told = f"{worst[0]} {share(worst[1], row['read'])}" if worst[1] else ""
            cells += [share(row["documents"], row["read"]), Text(one_line(told, 60))]
        table.add_row(*cells)
    return table


def _show(console: "Console", found: "Contents", top: int) -> None:
    from curate.console.terminal import number, size
    from curate.report.inspect import as_json, most

    facts = as_json(found)
    files = "1 file" if found.files == 1 else f"{number(found.files)} files"
    length = facts["length"]
    spread = "  ".join(f"{float(share):.0%} {number(value)}" for share, value in length["quantiles"].items())
    rows = [
        ("documents", f"{number(found.documents)} in {files} ({size(found.file_bytes)})"),
        ("text", f"{size(found.text_bytes)}, {number(found.characters)} characters"),
        ("without text", number(found.empty)),
        *[(kind, f"{number(count)} rows, the first: {found.where[kind]}") for kind, count in found.unreadable.items()],
        ("characters", f"least {number(length['min'])}  mean {length['mean']:,.0f}  most {number(length['max'])}"),
        ("quantiles", spread),
        ("columns", ", ".join(found.columns)),
    ]
    console.print(_grid(rows))
    for name, counter in found.counts.items():
        if counter:
            console.print()
            console.print(_counts(name, most(counter, top), len(counter), found.documents))
    for document in found.documents_shown:
        console.print()
        _document(console, document)


def _grid(rows: list[tuple[str, str]]) -> Any:
    from rich.table import Table
    from rich.text import Text

    from curate.console.terminal import clean

    table = Table.grid(padding=(0, 2))
    for name, value in rows:
        table.add_row(Text(name, style="dim"), Text(clean(value), overflow="fold"))
    return table


def _counts(name: str, counts: list[tuple[str, int]], distinct: int, documents: int) -> Any:
    from rich.text import Text

    from curate.console.tables import Table
    from curate.console.terminal import number, one_line, share

    table = Table(box=None, pad_edge=False, header_style="bold")
    more = f" ({number(distinct)} in all)" if distinct > len(counts) else ""
    table.add_column(f"{name}{more}")
    table.add_column("documents", justify="right")
    table.add_column("share", justify="right")
    for value, count in counts:
        table.add_row(Text(one_line(value, 60)), number(count), share(count, documents))
    return table


def _document(console: "Console", row: dict[str, Any]) -> None:
    """One document: where it is from, then its text, made harmless and cut."""
    from rich.text import Text

    from curate.console.terminal import clean, number, one_line

    name = row.get("url") or "/".join(part for part in (row.get("repo"), row.get("path")) if part)
    console.rule(Text(one_line(str(row["id"]), 80)), align="left")
    if name:
        console.print(Text(one_line(name, 500), style="dim", overflow="fold"))
    text = str(row.get("text") or "")
    console.print(Text(clean(text[:SHOWN_CHARS])))
    if len(text) > SHOWN_CHARS:
        console.print(Text(f"… {number(len(text) - SHOWN_CHARS)} more characters", style="dim"))
