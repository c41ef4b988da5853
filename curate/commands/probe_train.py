"""`curate probe-train`: which of several corpora is better, measured by training small models on them."""

import click

from curate.commands.probe_options import forward, passed_on


@click.command("probe-train", **passed_on)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def probe_train(arguments: tuple[str, ...]) -> None:
    """Train on every mixture with every seed and say which is better."""
    forward("train", arguments)
