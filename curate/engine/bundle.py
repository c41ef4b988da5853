"""Pack our package into a zip that Spark's executors can import from."""

import zipfile
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable

from curate.files import storage

PACKAGES = ("curate",)


def write(output: str) -> int:
    """Write the zip (the same bytes for the same code) and return its number of files."""
    members = [member for package in PACKAGES for member in _walk(resources.files(package), package)]
    with storage.atomic(output) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, item in sorted(members, key=lambda member: member[0]):
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
