"""`curate fetch`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from curate.commands.options import given, json_option, printed, spelled
from curate.errors import UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from curate.jobs.fetch import Fetched


@click.command()
@click.argument("crawl")
@click.option("--files", type=click.IntRange(min=1), default=1, show_default=True, help="How many files.")
@click.option(
    "--kind",
    type=click.Choice(["warc", "wet", "wat"]),
    default="warc",
    show_default=True,
    help="Pages as crawled, their extracted text, or their metadata.",
)
@click.option("--output", type=click.Path(path_type=Path), help="Folder to download to.  [default: CRAWL]")
@click.option("--base", default="https://data.commoncrawl.org/", show_default=True, help="Base URL of the lists.")
@click.option("--first", is_flag=True, help="Take the first files of the list instead of a sample.")
@click.option("--urls", metavar="DIR|FILE", help="Only these pages: a folder made by curate links, or a file of URLs.")
@click.option("--quiet", is_flag=True, help="No progress.")
@json_option
def fetch(
    crawl: str,
    files: int,
    kind: str,
    output: Path | None,
    base: str,
    first: bool,
    urls: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Download files of CRAWL, such as CC-MAIN-2026-30, from its published list of paths.

    The files are a sample of the list, the same each time; a larger sample includes the smaller one. An interrupted
    download resumes where it stopped; a file gets its final name once it is complete and verified.

    With --urls only the pages of a list are fetched, by the crawl's URL index and byte ranges, into WARC files.
    """
    from dataclasses import asdict

    from curate.jobs.fetch import choose, crawl_paths, fetch_files

    if urls is not None:
        if unused := [spelled(name) for name in given() if name in ("files", "kind", "first")]:
            raise UsageError(
                f"--urls has no {', '.join(unused)}: it fetches the pages of a list, whatever file they are in"
            )
        _fetch_urls(crawl, urls, output or Path(crawl.replace("/", "-")), base, quiet, as_json)
        return
    paths = choose(crawl_paths(crawl, kind, base), files, first=first)
    folder = output or Path(crawl.replace("/", "-"))
    with _Bars(quiet) as progress:
        fetched = fetch_files(paths, folder, base, progress.show)
    printed([asdict(item) for item in fetched], as_json, lambda: _table(fetched))


def _fetch_urls(crawl: str, urls: str, output: Path, base: str, quiet: bool, as_json: bool) -> None:
    from curate.jobs.fetch_urls import fetch_listed

    with _Bars(quiet) as progress:
        found = fetch_listed(crawl, urls, output, base, progress.show)
    told = "\n".join(f"{status:<14}{count:>12,}" for status, count in found["status"].items())
    printed(found, as_json, lambda: told)


class _Bars:
    """A progress bar for each file, on stderr; nothing when `quiet` or where stderr is no terminal."""

    def __init__(self, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.progress import TransferSpeedColumn as Speed

        talk = Console(stderr=True)
        name = TextColumn("{task.description}", markup=False)
        columns = (name, BarColumn(), DownloadColumn(), Speed(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=talk, disable=quiet or not talk.is_terminal)
        self._tasks: dict[str, object] = {}

    def __enter__(self) -> "_Bars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, name: str, done: int, total: int) -> None:
        """`done` of `total` bytes (-1: not known) of a file are here."""
        size = total if total >= 0 else None
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=size)
        self._progress.update(self._tasks[name], completed=done, total=size)  # type: ignore[arg-type]


def _table(fetched: "list[Fetched]") -> "RenderableType":
    from curate.console.tables import Table

    table = Table("file", "bytes", "verified by", "status")
    for item in fetched:
        table.add_row(item.file, f"{item.bytes:,}", item.verified, item.status)
    return table
