"""`curate clean`, and what `jobs/c4_clean.py` runs."""

import click

from curate.commands.options import engine_options, inputs_option, json_option, printed


@click.command()
@inputs_option(
    "Crawl file, glob, folder, list of paths (*.paths.gz), URL; or an existing corpus: one of curate (its extracted/ is used), or any Parquet or JSON lines. Repeatable."
)
@click.option("--output", required=True, metavar="DIR", help="Folder of the corpus; must not exist.")
@click.option(
    "--recipe",
    default="c4",
    show_default=True,
    metavar="NAME|FILE",
    help="Built-in recipe or a TOML file. A recipe runs code: trust it as you would a program.",
)
@click.option(
    "--extractor",
    metavar="NAME",
    help="HTML to text: curate, trafilatura, union (what either keeps), resiliparse or package.module.function; default: the recipe's.",
)
@click.option(
    "--bad-words",
    metavar="FILE|DIR",
    type=click.Path(exists=True),
    help="Bad-word list, or a folder of lists named by language, instead of the small embedded one.",
)
@click.option(
    "--parameters",
    metavar="DIR|FILE",
    type=click.Path(exists=True),
    help="Parameters by language (hin_Deva.yml …), such as FineWeb-2's configs/, instead of the recipe's.",
)
@click.option(
    "--language-model",
    metavar="FILE",
    help="fastText model of the step FastText, such as GlotLID's; default: the recipe's.",
)
@click.option(
    "--urls",
    metavar="DIR|FILE",
    help="Keep only pages whose URL is in this folder made by curate links, or in this file (recipe webtext).",
)
@click.option(
    "--metadata", metavar="FILE", help="For e-prints: arXiv's metadata (JSON lines) with date, categories, licence."
)
@click.option(
    "--block-list",
    "block_lists",
    multiple=True,
    metavar="FILE|DIR",
    type=click.Path(exists=True),
    help="Drop pages of these hosts and URLs: a text file, or a category of UT1's lists (folder or .tar.gz). Repeatable.",
)
@click.option(
    "--opt-outs",
    type=click.Choice(["count", "honour", "honor"]),
    default="count",
    show_default=True,
    help="Pages whose sites opt out of their use (noai, noindex, TDM-Reservation, robots.txt, tdmrep.json): count them, or drop them as well.",
)
@click.option(
    "--robots",
    multiple=True,
    metavar="PATH",
    help="Crawl files with records of robots.txt (Common Crawl's robotstxt/) and tdmrep.json, as --input; read first. Repeatable.",
)
@click.option("--source", metavar="NAME", help="Value of the source column; default: the crawl's name, from the path.")
@click.option("--base", metavar="URL", help="What the paths of a published list (*.paths.gz) are relative to.")
@click.option("--split-mb", type=click.IntRange(min=1), help="Megabytes of a crawl file per task.  [default: 64]")
@click.option("--text-column", default="", metavar="COLUMN", help="For tables: text column, if it has no usual name.")
@click.option("--id-column", default="", metavar="COLUMN", help="For tables: id column, likewise.")
@click.option("--keep-rejected", is_flag=True, help="Keep the text of every rejected document (default: of a sample).")
@click.option(
    "--drop-extracted",
    is_flag=True,
    help="Don't keep extracted/ (all texts before filtering; explain and other recipes start from it).",
)
@engine_options
@json_option
def clean(
    inputs: tuple[str, ...],
    output: str,
    recipe: str,
    extractor: str | None,
    bad_words: str | None,
    parameters: str | None,
    language_model: str | None,
    urls: str | None,
    metadata: str | None,
    block_lists: tuple[str, ...],
    opt_outs: str,
    robots: tuple[str, ...],
    source: str | None,
    base: str | None,
    split_mb: int | None,
    text_column: str,
    id_column: str,
    keep_rejected: bool,
    drop_extracted: bool,
    as_json: bool,
    **engine: object,
) -> None:
    """Turn crawl files, or an existing corpus, into a clean, sharded corpus.

    Reads WARC, WET and ARC files and extracts the text, or reads text from Parquet and JSON lines; applies the
    recipe's filters and deduplication; and writes Parquet, a ledger that accounts for every record, a report and a
    dataset card.

    \b
    curate clean --input 'crawl/*.warc.gz' --output corpus/
    curate clean --input corpus/ --recipe gopher --output corpus-gopher/
    curate clean --input some-dataset/ --recipe gopher --output filtered/
    """
    from curate.console.terminal import funnel, opt_outs_line
    from curate.engine.session import EngineOptions
    from curate.jobs.clean import Options
    from curate.jobs.clean import clean as run

    options = Options(
        inputs=inputs,
        output=output,
        recipe=recipe,
        extractor=extractor,
        bad_words=bad_words,
        parameters=parameters,
        language_model=language_model,
        urls=urls,
        metadata=metadata,
        block_lists=block_lists,
        opt_outs=opt_outs,
        robots=robots,
        source=source,
        base=base,
        split_bytes=(split_mb or 0) << 20,
        text_column=text_column,
        id_column=id_column,
        keep_rejected=keep_rejected,
        keep_extracted=not drop_extracted,
    )
    ledger = run(options, EngineOptions(**engine))  # type: ignore[arg-type]
    printed(ledger, as_json, lambda: funnel(ledger))
    if not as_json:
        if told := opt_outs_line(ledger):
            click.echo(told, err=True)
        click.echo(f"corpus: {output}   report: {output.rstrip('/')}/report.html", err=True)
