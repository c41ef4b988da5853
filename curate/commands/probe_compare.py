"""`curate probe-compare`."""

import click

from curate.commands.probe_options import forward, passed_on


@click.command("probe-compare", **passed_on)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def probe_compare(arguments: tuple[str, ...]) -> None:
    """Say again which mixture is better, from what is on disk."""
    forward("compare", arguments)
