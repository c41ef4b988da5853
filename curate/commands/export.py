"""`curate export`."""

import click

from curate.commands.options import engine_options, json_option, printed


@click.command()
@click.argument("corpus", metavar="CORPUS")
@click.option(
    "--format",
    "format",
    required=True,
    type=click.Choice(["jsonl.zst", "webdataset", "lance"]),
    help="Output format: JSON lines compressed with zstd, tar files for WebDataset, or one Lance table.",
)
@click.option("--output", required=True, metavar="DIR", help="Folder to write; must not exist.")
@engine_options
@json_option
def export(corpus: str, format: str, output: str, as_json: bool, **engine: object) -> None:
    """Write the documents of a finished corpus or mixture in another file format.

    Each file of data/ becomes one file (Lance: all become one table), which is counted again after it is written;
    ledger.json has the numbers of documents and bytes, and checksums. The same corpus gives the same bytes (except
    Lance, which names files at random).

    \b
    curate export corpus/ --format jsonl.zst --output corpus-jsonl/
    curate export mixes/a --format webdataset --output s3://bucket/a
    """
    from curate.engine.session import EngineOptions
    from curate.jobs.export import Options, summary
    from curate.jobs.export import export as run

    ledger = run(Options(corpus, format, output), EngineOptions(**engine))  # type: ignore[arg-type]
    printed(ledger, as_json, lambda: summary(ledger))
