"""`curate explain`: why a page was kept or dropped."""

import json
from typing import TYPE_CHECKING

import click

from curate.commands.options import on_console

if TYPE_CHECKING:
    from rich.console import Console


@click.command("explain")
@click.argument("corpus")
@click.argument("document", metavar="URL-or-id")
@click.option("--full", is_flag=True, help="Show every line of the text, including long unchanged stretches.")
@click.option("--scan", is_flag=True, help="Also search the crawl files for a skipped record.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON (a list with one entry per record).")
def explain(corpus: str, document: str, full: bool, scan: bool, as_json: bool) -> None:
    """Explain why the page with this URL or id was kept or dropped; for code give its path.

    An id is the corpus's own, or the document's original one; a unique prefix is enough.

    CORPUS is the output folder of a job. It shows each rule that fired with what it measured, the lines it removed,
    and for duplicates the page that was kept.
    """
    from curate.errors import InputError
    from curate.report import explain as explaining

    try:
        found = explaining.explain(corpus, document)
    except InputError:
        if not scan:
            raise
        _skipped(corpus, document, as_json)
        return
    if as_json:
        click.echo(json.dumps([explaining.as_json(one) for one in found], ensure_ascii=True))
        return
    from curate.report.explain_view import view

    def shown(console: "Console") -> None:
        for at, one in enumerate(found):
            if at:
                console.rule()
            for part in view(one, console.width, full, console.is_terminal):
                console.print(part)
                console.print()

    on_console(shown)


def _skipped(corpus: str, url: str, as_json: bool) -> None:
    """Say why records that are no documents were left out."""
    from dataclasses import asdict

    from curate.console.terminal import number, one_line
    from curate.report.skipped import find_skipped

    found = find_skipped(corpus, url)
    if as_json:
        click.echo(json.dumps([{"verdict": "skipped", **asdict(one)} for one in found], ensure_ascii=True))
        return
    for one in found:
        facts = [one.kind, one.status, one.content_type, one.date]
        told = ", ".join(str(fact) for fact in facts if fact is not None)
        click.echo(one_line(f"SKIPPED  {one.reason}  ({told})  {one.file} at byte {number(one.offset)}", 500))
