"""`curate recipes`."""

from typing import Any

import click

from curate.commands.options import json_option, printed


@click.command()
@click.argument("name", required=False)
@json_option
def recipes(name: str | None, as_json: bool) -> None:
    """What is built in: cleaning recipes, published mixtures, and baselines.

    With the NAME of a mixture: its table as published, and the epochs that follow from it.
    """
    from curate.mixing import published

    if name is None:
        value: Any = published.overview()
        printed(value, as_json, lambda: published.overview_table(value))
        return
    value = published.details(name)
    printed(value, as_json, lambda: published.details_table(value))
