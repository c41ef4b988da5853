"""`curate sample-crawl`: write the embedded sample crawl to a folder."""

import json
from pathlib import Path

import click


@click.command("sample-crawl")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--expected", "with_expected", is_flag=True, help="Also write expected.json: the expected outcome of every page."
)
@click.option("--json", "as_json", is_flag=True, help="Print the files as JSON.")
def sample_crawl(folder: Path, with_expected: bool, as_json: bool) -> None:
    """Write the sample crawl (three WARC files and a WET file, made by this program) to FOLDER."""
    from curate.sample.crawl import expected, write

    paths = write(folder)
    if with_expected:
        text = json.dumps(expected(), indent=1, ensure_ascii=False)
        (folder / "expected.json").write_text(text + "\n", encoding="utf-8")
    rows = [{"path": str(path), "bytes": path.stat().st_size} for path in paths]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        click.echo(f"{row['path']}  {row['bytes']:,} bytes")
