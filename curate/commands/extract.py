"""`curate extract`."""

import sys
from pathlib import Path

import click


@click.command()
@click.argument("page", type=click.Path(dir_okay=False, path_type=Path), metavar="PAGE.html")
@click.option("--url", help="The page's URL, for engines that use it.")
@click.option(
    "--extractor",
    metavar="NAME",
    help="curate, trafilatura, resiliparse or package.module.function.  [default: curate]",
)
@click.option("--engine", hidden=True, metavar="NAME", help="The former name of --extractor.")
@click.option(
    "--title/--no-title", default=True, help="The page's title as the first line, as in a corpus.  [default: yes]"
)
@click.option(
    "--html", "as_html", is_flag=True, help="Print a page that shows each block (kept green, dropped grey) and why."
)
@click.option("--json", "as_json", is_flag=True, help="Print every block with its probability and features.")
def extract(
    page: Path,
    url: str | None,
    extractor: str | None,
    engine: str | None,
    title: bool,
    as_html: bool,
    as_json: bool,
) -> None:
    """Print the text of one page: a file, or - for standard input.

    --html and --json show how the extractor `curate` scores every block; they write to standard output.
    """
    from curate.errors import UsageError
    from curate.html.extractors import DEFAULT

    if engine:
        if extractor:
            raise UsageError("--engine is the former name of --extractor; give one")
        click.echo("note: --engine is called --extractor here now; elsewhere --engine is sail or spark", err=True)
    name = extractor or engine or DEFAULT
    if as_html and as_json:
        raise UsageError("--html and --json exclude each other; give one")
    if (as_html or as_json) and name != "curate":
        raise UsageError(f"--html and --json show the blocks of the extractor curate; {name} has none")
    html = _read(page)
    if as_html or as_json:
        from curate.html.extract import judge
        from curate.html.show import page_html, page_json

        judged = judge(html)
        _write(page_html(judged, str(page)) if as_html else page_json(judged, url))
        return
    from curate.html import extractors

    _write(extractors.extractor(name, title=title)(html, url))


def _read(page: Path) -> str:
    from curate.encodings.decode import decode, kind_of_binary
    from curate.errors import InputError

    try:
        body = sys.stdin.buffer.read() if str(page) == "-" else page.read_bytes()
    except OSError as error:
        raise InputError(f"{page}: {error.strerror or error}") from error
    if kind := kind_of_binary(body):
        raise InputError(f"{page}: {kind}, not a page of HTML")
    return decode(body)[0]


def _write(text: str) -> None:
    """To a terminal without what it would obey, else as it is."""
    if sys.stdout.isatty():
        from curate.console.terminal import clean

        text = clean(text)
    click.echo(text)
