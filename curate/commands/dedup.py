"""`curate dedup`, and what `jobs/dedup.py` runs."""

from dataclasses import fields
from typing import Any

import click

from curate.commands.options import engine_options, json_option, printed

METHODS = ["minhash", "exact", "spans", "lines", "url", "substring"]


@click.command()
@click.argument("corpus", metavar="CORPUS")
@click.option("--output", required=True, metavar="DIR", help="Folder of the new corpus; must not exist.")
@click.option(
    "--method",
    type=click.Choice(METHODS),
    default="minhash",
    show_default=True,
    help="minhash: near-duplicates. exact: identical texts. spans: three sentences (C4 paper). lines: as in C4's code. url: keep the newest page. substring: repeated runs of words.",
)
@click.option(
    "--threshold", type=click.FloatRange(0, 1, min_open=True), help="Target Jaccard similarity.  [default: 0.8]"
)
@click.option("--ngram", type=click.IntRange(min=1), help="Words per shingle.  [default: 3; 5 with jaccard]")
@click.option("--permutations", type=click.IntRange(min=1), help="Upper limit of bands x rows.  [default: 128]")
@click.option("--bands", type=click.IntRange(min=1), help="With --rows: overrides the choice by threshold.")
@click.option("--rows", type=click.IntRange(min=1), help="Values per band.")
@click.option(
    "--verify",
    type=click.Choice(["containment", "jaccard", "none"]),
    help="containment: the kept text must contain the removed one. jaccard: the two must be similar.  [default: containment]",
)
@click.option("--no-verify", "verify", flag_value="none", help="Same as --verify none: sharing a band is enough.")
@click.option(
    "--minimum",
    type=click.FloatRange(0, 1, min_open=True),
    help="Minimum share of the removed text's n-grams that the kept one contains.  [default: 0.99]",
)
@click.option(
    "--gap", type=click.IntRange(min=0), help="Maximum run of its words that the kept one may lack.  [default: 3]"
)
@click.option(
    "--merge-near", type=click.Choice(["numbers"]), help="Treat texts that differ only in numbers as the same."
)
@click.option(
    "--representative", is_flag=True, default=None, help="Compare with the kept text only, without transitive closure."
)
@click.option(
    "--length", type=click.IntRange(min=2), help="With --method substring: words (or bytes) of a run.  [default: 50]"
)
@click.option(
    "--unit", type=click.Choice(["token", "byte"]), help="What --length counts.  [default: token, i.e. words]"
)
@click.option("--ends", type=click.Choice(["word", "sentence", "line"]), help="Where cuts may end.  [default: word]")
@click.option("--least", type=click.IntRange(min=0), help="Drop a cut text with fewer words left.  [default: 20]")
@click.option(
    "--rule",
    type=click.Choice(["same", "c4", "ccnet"]),
    help="With --method lines: compare lines after Unicode normalisation, as in C4's code, or as in CCNet (no copy is kept).  [default: same]",
)
@click.option("--against", metavar="DIR", help="Another corpus: keep only what is not in it.")
@click.option("--index", metavar="DIR", help="Index of what earlier runs kept; what this run keeps is added.")
@click.option(
    "--max-cluster-share", type=click.FloatRange(0, 1), help="Stop if one cluster loses more.  [default: 0.2]"
)
@click.option("--max-host-share", type=click.FloatRange(0, 1), help="Stop if a host loses more.  [default: 0.95]")
@click.option("--max-source-share", type=click.FloatRange(0, 1), help="Stop if a source loses more.  [default: 0.5]")
@click.option("--text-column", default="", metavar="COLUMN", help="Text column, if it has no usual name.")
@click.option("--id-column", default="", metavar="COLUMN", help="Id column, likewise.")
@click.option("--keep-rejected", is_flag=True, help="Keep the text of every removed document (default: of a sample).")
@engine_options
@json_option
def dedup(
    corpus: str,
    output: str,
    method: str,
    text_column: str,
    id_column: str,
    keep_rejected: bool,
    as_json: bool,
    **parameters: Any,
) -> None:
    """Remove duplicates from a corpus.

    CORPUS is a corpus of curate, or a folder of Parquet or JSON lines with a text. Every removed document is recorded
    with the one that was kept.

    \b
    curate dedup corpus/ --output deduped/
    curate dedup new-crawl/ --output news/ --index index/
    """
    from curate.console.terminal import funnel
    from curate.engine.session import EngineOptions
    from curate.jobs.dedup import Options, deduplicate

    engine = EngineOptions(**{found.name: parameters.pop(found.name) for found in fields(EngineOptions)})
    given = {name: value for name, value in parameters.items() if value is not None}
    options = Options(
        corpus=corpus,
        output=output,
        method=method,
        parameters=given,
        keep_rejected=keep_rejected,
        text_column=text_column,
        id_column=id_column,
    )
    ledger = deduplicate(options, engine)
    printed(ledger, as_json, lambda: funnel(ledger))
    if not as_json:
        click.echo(f"corpus: {output}   report: {output.rstrip('/')}/report.html", err=True)
