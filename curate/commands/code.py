"""`curate code`, and what `jobs/code_clean.py` runs."""

import click

from curate.commands.options import engine_options, inputs_option, json_option, printed


@click.command()
@inputs_option(
    "Folder or bare git repository, archive (.tar.gz, .zip, .whl …), table of files (.parquet, .jsonl …), Debian source (.dsc), crawl (.warc.gz …), or glob of them. Repeatable."
)
@click.option("--output", required=True, metavar="DIR", help="Folder of the corpus; must not exist.")
@click.option("--licenses", metavar="LIST", help="apache-bsd-mit (LLaMA), permissive (The Stack), or a file with one SPDX id per line.  [default: permissive]")  # fmt: skip
@click.option(
    "--recipe", default="code", show_default=True, metavar="NAME|FILE", help="Built-in recipe or a TOML file."
)
@click.option("--keep-rejected", is_flag=True, help="Keep the text of every rejected file (default: of a sample).")
@engine_options
@json_option
def code(
    inputs: tuple[str, ...],
    output: str,
    licenses: str | None,
    recipe: str,
    keep_rejected: bool,
    as_json: bool,
    **engine: object,
) -> None:
    """Build a corpus from source code whose licences allow it.

    A file's licence is taken from its own header, else from the nearest folder with a licence file, else from the
    package's metadata. No evidence means not allowed. LICENSES.csv lists what was used.

    \b
    curate code --input 'repos/*' --output code/
    curate code --input 'sdists/*.tar.gz' --licenses apache-bsd-mit --output code/
    """
    from curate.console.terminal import funnel
    from curate.engine.session import EngineOptions
    from curate.jobs.code import Options, clean_code

    options = Options(inputs, output, recipe, licenses, keep_rejected)
    ledger = clean_code(options, EngineOptions(**engine))  # type: ignore[arg-type]
    printed(ledger, as_json, lambda: funnel(ledger))
    if not as_json:
        click.echo(f"corpus: {output}   report: {output.rstrip('/')}/report.html", err=True)
