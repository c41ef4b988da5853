"""`curate recipes`."""

from pathlib import Path
from typing import Any

import click

from curate.commands.options import json_option, printed


@click.command()
@click.argument("name", required=False)
@click.argument("target", required=False, type=click.Path(dir_okay=False), metavar="[FILE]")
@click.option("--copy", is_flag=True, help="Copy the recipe or mixture NAME to FILE, for editing.")
@json_option
def recipes(name: str | None, target: str | None, copy: bool, as_json: bool) -> None:
    """List what is built in: cleaning recipes, published mixtures, and baselines.

    With the NAME of a recipe: its text. With the NAME of a mixture: its table as published, and the resulting epochs.
    If a NAME is both, both are shown; `recipes/NAME` and `mixtures/NAME` select one.

    \b
    curate recipes c4                    # print it
    curate recipes --copy c4 mine.toml   # then: curate clean --recipe mine.toml
    """
    from curate.errors import UsageError
    from curate.mixing import published

    if copy or target:
        if not (copy and name and target):
            raise UsageError("to copy a recipe: curate recipes --copy NAME FILE")
        found = published.sources_of(name)
        if len(found) > 1:
            raise UsageError(
                f"{name} is a recipe and a mixture: say which, --copy recipes/{name} or --copy mixtures/{name}"
            )
        _copy(next(iter(found.values())), Path(target))
        option = "--recipe" if "recipes" in found else "--weights"
        click.echo(f"{target}: change it, then {option} {target}", err=True)
        return
    if name is None:
        value: Any = published.overview()
        printed(value, as_json, lambda: published.overview_table(value))
        return
    found = published.sources_of(name)
    value = published.details(name.rpartition("/")[2]) if "mixtures" in found else {"name": name}
    if as_json:
        printed({**value, **({"text": found["recipes"]} if "recipes" in found else {})}, True, str)
        return
    click.echo(found.get("recipes", ""), nl=False)
    if "mixtures" in found:
        printed(value, False, lambda: published.details_table(value))


def _copy(text: str, target: Path) -> None:
    """Write it where nothing stands. Raises OutputError for a file that is there."""
    from curate.errors import OutputError

    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise OutputError(f"{target} is there already: choose another name") from None
