"""`curate push`."""

import click

from curate.commands.options import json_option, printed


@click.command()
@click.argument("folder", metavar="CORPUS")
@click.argument("target", metavar="hf://datasets/OWNER/NAME")
@click.option("--dry-run", is_flag=True, help="Show what would be sent, without contacting the Hub.")
@click.option("--public", is_flag=True, help="Make a new repository public (default: private).")
@json_option
def push(folder: str, target: str, dry_run: bool, public: bool, as_json: bool) -> None:
    """Push a corpus or a mixture to the Hugging Face Hub: its documents, card, ledger and report.

    The files must match the ledger, and the card must be valid for the Hub; both are checked before anything is sent.
    Rejected and extracted texts are not sent. Sign in first: hf auth login (or HF_TOKEN).

    \b
    curate push corpus/ hf://datasets/me/corpus --dry-run
    curate push corpus/ hf://datasets/me/corpus
    """
    from curate.jobs import push as jobs

    asked = jobs.plan(folder.rstrip("/"), target)
    printed(jobs.told(asked), as_json, lambda: jobs.table(asked))
    if dry_run:
        click.echo("nothing was sent (--dry-run)", err=True)
        return
    click.echo(jobs.send(folder.rstrip("/"), asked, private=not public), err=True)
