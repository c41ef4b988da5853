"""`curate sample-dumps`: write the embedded samples of dumps to a folder."""

import json
from pathlib import Path

import click


@click.command("sample-dumps")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the files and folders as JSON.")
def sample_dumps(folder: Path, as_json: bool) -> None:
    """Write samples of every source that is no crawl to FOLDER, in the forms they are published in.

    wikipedia/ (XML in bzip2), stackexchange/ (7z), arxiv/ (a bulk archive), books/ (Gutenberg, epub), github/ (source archives),
    reddit/ (submissions, zstd). They are made by this program and belong to nobody.
    """
    from curate.sample import dumps, sources

    writers = {
        "wikipedia": dumps.write_wiki,
        "stackexchange": dumps.write_site,
        "arxiv": sources.write_arxiv,
        "books": sources.write_books,
        "github": sources.write_code,
        "reddit": sources.write_reddit,
    }
    paths = [write(folder / name) for name, write in writers.items()]
    if as_json:
        click.echo(json.dumps([{"path": str(path)} for path in paths]))
        return
    for path in paths:
        click.echo(path)
