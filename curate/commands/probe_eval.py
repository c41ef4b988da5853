"""`curate probe-eval`."""

import click

from curate.commands.probe_options import forward, passed_on


@click.command("probe-eval", **passed_on)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def probe_eval(arguments: tuple[str, ...]) -> None:
    """Evaluate a checkpoint on held-out text and on tasks."""
    forward("evaluate", arguments)
