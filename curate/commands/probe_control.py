"""`curate probe-control`."""

import click

from curate.commands.probe_options import forward, passed_on


@click.command("probe-control", **passed_on)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def probe_control(arguments: tuple[str, ...]) -> None:
    """Measure the noise of every metric: the proportional mixture, several seeds."""
    forward("control", arguments)
