"""`curate bundle`: the code for executors."""

import zipfile
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable

import click

from curate.files import storage


@click.command()
@click.argument("output", metavar="OUT.zip", type=click.Path(dir_okay=False, writable=True))
def bundle(output: str) -> None:
    """Pack the package curate for spark-submit --py-files.

    It is a .zip, because executors can import from that; a .whl given to --py-files is imported by the driver only.
    Libraries with native code (pyarrow, fastwarc, resiliparse …) are not included: executors need an environment that
    has them.
    """
    files = _write(output)
    click.echo(f"{output}: {files} files")


def _write(output: str) -> int:
    """Write the zip (the same bytes for the same code) and return its number of files."""
    members = sorted(_walk(resources.files("curate"), "curate"), key=lambda member: member[0])
    with storage.atomic(output) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, item in members:
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), item.read_bytes(), zipfile.ZIP_DEFLATED)
    return len(members)


def _walk(folder: Traversable, name: str) -> Iterator[tuple[str, Traversable]]:
    for item in folder.iterdir():
        if item.name == "__pycache__" or item.name.startswith("."):
            continue
        path = f"{name}/{item.name}"
        if item.is_dir():
            yield from _walk(item, path)
        else:
            yield path, item
