"""`curate decontaminate`."""

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import click

from curate.commands.options import engine_options, json_option, printed

if TYPE_CHECKING:
    from rich.console import Group


@click.command()
@click.argument("corpus", metavar="CORPUS")
@click.option("--output", required=True, metavar="DIR", help="Folder of the new corpus; must not exist.")
@click.option(
    "--against",
    "tasks",
    multiple=True,
    metavar="PATH",
    help="Evaluation tasks: JSON lines or arrays, or a folder of them.  [default: the bundled ones]",
)
@click.option(
    "--cut", "action", flag_value="cut", help="Cut the words from question to answer; default: drop documents."
)
@click.option("--report", "--report-only", "action", flag_value="report", help="Report matches, and change nothing.")
@click.option(
    "--common",
    type=click.IntRange(min=0),
    help="A question found without its answer in more documents than this is common text, and is kept.  [default: 10]",
)
@click.option("--least", type=click.IntRange(min=0), help="Drop a cut text with fewer words left.  [default: 20]")
@click.option("--text-column", default="", metavar="COLUMN", help="Text column, if it has no usual name.")
@click.option("--id-column", default="", metavar="COLUMN", help="Id column, likewise.")
@click.option("--keep-rejected", is_flag=True, help="Keep the text of every removed document (default: of a sample).")
@engine_options
@json_option
def decontaminate(
    corpus: str,
    output: str,
    tasks: tuple[str, ...],
    text_column: str,
    id_column: str,
    keep_rejected: bool,
    as_json: bool,
    **parameters: Any,
) -> None:
    """Remove documents that contain questions of evaluation tasks and their answers.

    The evidence is in duplicates/: task and item, which part was found, where, how much, and in how many documents.

    \b
    curate decontaminate corpus/ --against gsm8k.jsonl --against my-benchmark/ --output clean/
    curate decontaminate corpus/ --report --output found/
    """
    from curate.engine.session import EngineOptions
    from curate.jobs.decontaminate import Options
    from curate.jobs.decontaminate import decontaminate as run

    engine = EngineOptions(**{found.name: parameters.pop(found.name) for found in fields(EngineOptions)})
    given = {name: value for name, value in parameters.items() if value is not None}
    if tasks:
        given["tasks"] = list(tasks)
    options = Options(corpus, output, given, keep_rejected, text_column, id_column)
    ledger = run(options, engine)

    printed(ledger, as_json, lambda: _told(ledger))
    if not as_json:
        click.echo(f"corpus: {output}   report: {output.rstrip('/')}/report.html", err=True)


def _told(ledger: Mapping[str, Any]) -> "Group":
    """The funnel, and what was found of the tasks."""
    from rich.console import Group
    from rich.text import Text

    from curate.console.terminal import funnel

    (facts,) = ledger["dedup"]
    lines = [f"{facts['contaminated']} documents hold items of tasks ({facts['action']})"]
    if facts["too_short"]:
        lost = "can't be found: too short, or of words that many items share"
        lines.append(f"  {facts['too_short']:,} texts of {facts['questions']:,} items {lost}")
    common = list(facts["common"].items())[:5]
    lines += [f"  common text, left alone: {name} in {number} documents" for name, number in common]
    return Group(funnel(ledger), *map(Text, lines))
