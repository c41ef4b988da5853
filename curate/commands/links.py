"""`curate links`."""

import click

from curate.commands.options import engine_options, inputs_option, json_option, printed


@click.command()
@inputs_option("Reddit submissions (RS_*.zst, .xz, .bz2, .gz or plain), or WAT files; globs, folders. Repeatable.")
@click.option("--output", required=True, metavar="DIR", help="Folder of the links; must not exist.")
@click.option(
    "--min-score", default=3, show_default=True, help="Minimum karma; for WAT files: minimum number of hosts."
)
@click.option("--over-18", is_flag=True, help="Keep submissions marked as adult content.")
@click.option("--wikipedia", is_flag=True, help="Keep links to Wikipedia, which WebText leaves out.")
@engine_options
@json_option
def links(
    inputs: tuple[str, ...],
    output: str,
    min_score: int,
    over_18: bool,
    wikipedia: bool,
    as_json: bool,
    **engine: object,
) -> None:
    """Collect the pages that people or other pages link to, with a score.

    Reads dumps of Reddit submissions (the score is the highest karma) or Common Crawl's WAT files (the score is how
    many hosts link to the page) and writes one row per URL, and a ledger that accounts for every link. User names are
    not read.

    \b
    curate links --input 'RS_2019-*.zst' --min-score 3 --output links/
    curate fetch CC-MAIN-2026-30 --urls links/ --output crawl/
    curate clean --input 'crawl/*.warc.gz' --urls links/ --recipe webtext --output webtext/
    """
    from curate.engine.session import EngineOptions
    from curate.jobs.links import Options, summary
    from curate.jobs.links import links as run

    options = Options(inputs, output.rstrip("/"), min_score, over_18, wikipedia)
    ledger = run(options, EngineOptions(**engine))  # type: ignore[arg-type]
    printed(ledger, as_json, lambda: summary(ledger))
