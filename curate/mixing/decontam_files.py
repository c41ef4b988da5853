"""Files of evaluation tasks: JSON lines (or one JSON value) by path, in folders, or out of the package of the probe trainer."""

import json
import os
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from curate.errors import InputError
from curate.read import jsonl, tables

BUNDLED = ("train_probe", "tasks")
"""Package and folder of the evaluation tasks that come with the probe trainer."""
PACKAGE = "package://"
ENDINGS = tuple(end for end in tables.ENDINGS if end != ".parquet")
HOLDERS = ("data", "examples", "instances", "items", "questions")
"""Where the one object of a file may hold the records: BIG-bench has `examples`."""
NO_TASKS = (".md", ".txt", ".rst", ".py", ".yaml", ".yml", ".toml")
"""Ends of names of what comes with tasks and needs no word; so do names without an end, or with a dot in front."""
SHOWN = 3


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
    """A file by path, by URL, or out of the trainer's package (which may be a zip on the machines of a cluster), unpacked."""
    try:
        if path.startswith(PACKAGE):
            data: bytes = (_folder() / path.removeprefix(PACKAGE)).read_bytes()
            return data
        with jsonl.opened(path) as stream:
            return stream.read()
    except (InputError, *jsonl.DAMAGE) as error:
        raise InputError(f"evaluation tasks {path}: {jsonl.first_line(error)}") from error


def files(paths: Sequence[str]) -> list[str]:
    """The files that are named, and those of JSON in folders, packed or not. Raises InputError for a folder without."""
    found: list[str] = []
    for path in paths:
        inside = [file for file in _below(path) if file.lower().endswith(ENDINGS)] if Path(path).is_dir() else [path]
        if not inside:
            raise InputError(f"evaluation tasks {path}: no .jsonl or .json files in this folder")
        found += inside
    return found


def _below(folder: str) -> list[str]:
    """Files of a folder that are not hidden, in order."""
    root = Path(folder)
    found = (file for file in root.rglob("*") if file.is_file())
    return sorted(str(file) for file in found if not any(p.startswith(".") for p in file.relative_to(root).parts))


def notes(paths: Sequence[str]) -> list[str]:
    """A sentence for each folder with files that may be tasks and are not read."""
    told = []
    for path in paths:
        others = [os.path.basename(file) for file in _below(path) if not file.lower().endswith((*ENDINGS, *NO_TASKS))]
        others = [name for name in others if "." in name]
        if others:
            shown = ", ".join(others[:SHOWN]) + (" …" if len(others) > SHOWN else "")
            told.append(f"{path}: not read, as tasks are JSON: {shown}")
    return told


def stamp(path: str) -> str:
    """What changes with a file of this machine; nothing is known of others without asking."""
    try:
        found = os.stat(path)
    except OSError:
        return ""
    return f"{found.st_size} {found.st_mtime_ns}"


def records(path: str) -> Iterator[tuple[int, Any]]:
    """(number, record) of a file of JSON lines, packed or not; of one that is an array, or an object that holds one, its
    objects. The number is that of the line, or that in the array. Raises InputError for what is no JSON."""
    content = _read(path)
    try:
        whole = json.loads(content)
    except (ValueError, RecursionError):
        yield from _lines(path, content)
        return
    held = [whole[name] for name in HOLDERS if name in whole] if isinstance(whole, dict) else [whole]
    found = next(filter(_are_objects, held), [whole])
    yield from enumerate(found, 1)


def _are_objects(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(one, dict) for one in value)


def _lines(path: str, content: bytes) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            told = f"line {number}: not JSON: {jsonl.first_line(error)}"
            raise InputError(f"evaluation tasks {path}, {told}; tasks are JSON lines, one question each") from error
        yield from ((number, one) for one in (record if _are_objects(record) else [record]))


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
