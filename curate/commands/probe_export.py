"""`curate probe-export`."""

import click

from curate.commands.probe_options import forward, passed_on


@click.command("probe-export", **passed_on)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def probe_export(arguments: tuple[str, ...]) -> None:
    """Write a checkpoint as a Hugging Face folder."""
    forward("export", arguments)
