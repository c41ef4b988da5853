"""Files of evaluation tasks: JSON lines by path, in folders, or out of the package of the probe trainer."""

import gzip
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from curate.errors import InputError
from curate.files import storage

BUNDLED = ("train_probe", "tasks")
"""Package and folder of the evaluation tasks that come with the probe trainer."""
PACKAGE = "package://"
ENDINGS = (".jsonl", ".jsonl.gz")


def bundled() -> list[str]:
    """The evaluation tasks that are installed with the probe trainer, as PACKAGE:// names; empty without them."""
    try:
        found = [item.name for item in _folder().iterdir() if item.name.endswith(".jsonl")]
    except (ModuleNotFoundError, FileNotFoundError, NotADirectoryError):
        return []
    return [PACKAGE + name for name in sorted(found)]


def _folder() -> Any:
    package, folder = BUNDLED
    return resources.files(package) / folder


def _read(path: str) -> bytes:
    """A file by path, by URL, or out of the trainer's package (which may be a zip on the machines of a cluster)."""
    try:
        if path.startswith(PACKAGE):
            data: bytes = (_folder() / path.removeprefix(PACKAGE)).read_bytes()
            return data
        return storage.read_bytes(path)
    except OSError as error:
        raise InputError(f"evaluation tasks {path}: {error}") from error


def files(paths: Sequence[str]) -> list[str]:
    """The files that are named, and the *.jsonl and *.jsonl.gz in folders. Raises InputError for a folder without."""
    found: list[str] = []
    for path in paths:
        folder = Path(path)
        inside = sorted(str(file) for end in ENDINGS for file in folder.rglob(f"*{end}")) if folder.is_dir() else [path]
        if not inside:
            raise InputError(f"evaluation tasks {path}: no .jsonl files in this folder")
        found += inside
    return found


def stamp(path: str) -> str:
    """What changes with a file of this machine; nothing is known of others without asking."""
    try:
        found = os.stat(path)
    except OSError:
        return ""
    return f"{found.st_size} {found.st_mtime_ns}"


def records(path: str) -> Iterator[tuple[int, Any]]:
    """(line, record) of a file of JSON lines, also packed by gzip. Raises InputError for what is no JSON."""
    content = _read(path)
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"evaluation tasks {path}: damaged gzip: {error}") from error
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"evaluation tasks {path}, line {number}: not JSON: {error}") from error
        yield number, record


def texts_in(value: Any) -> Iterator[str]:
    """Every string in a JSON value; half a surrogate pair is U+FFFD."""
    if isinstance(value, str):
        yield value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_in(inner)
