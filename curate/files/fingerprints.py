"""What a file held when a job began: so that one of the same name with other content is noticed, cheaply.

* a local input: size, time of change, and a digest of its head, middle and tail;
* an object: its ETag, else size and time; a file on a web server: ETag, else time, and size;
* a folder: names, sizes and times of what is in it, but for hidden folders;
* what a recipe names (word lists, models): a digest of every byte, if it is not very large.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from curate.console.terminal import without_secrets
from curate.errors import InputError, said
from curate.files import storage, threads
from curate.files.remote import remote_file

PIECE = 64 << 10
FULL, FULL_OF_MANY = 512 << 20, 16 << 20
"""Bytes of a file that is read whole: alone, and in a folder."""
AT_ONCE = 16


def stamps(paths: Iterable[str]) -> dict[str, str]:
    """`stamp` of each path. What is secret in an address is left out of its name."""
    names = sorted(set(paths))
    with threads.pool(AT_ONCE) as pool:
        return dict(zip(map(without_secrets, names), pool.map(stamp, names), strict=True))


def stamp(path: str) -> str:
    """What can be known of an input without reading all of it. Raises InputError when there is none."""
    try:
        if path.startswith(("http://", "https://")):
            return _web(path)
        if not storage.is_local(path):
            return _object(path)
        inner = storage.filesystem(path)[1]
        return _folder(inner) if os.path.isdir(inner) else _pieces(inner)
    except OSError as error:
        raise InputError(f"{path}: {said(error)}") from error


def digest(path: str) -> str:
    """SHA-256 of a local file; of all files of a folder with their names; of stamps where they are large or far away.

    Raises InputError when there is none."""
    try:
        if not storage.is_local(path):
            lines = [f"{name} {stamp(storage.join(path, name))}" for name in storage.names_below(path)]
            return _sha256("\n".join(lines or [stamp(path)]).encode())
        root = Path(path).expanduser()
        if not root.is_dir():
            return _file(root, FULL)
        lines = [f"{name} {_file(root / name, FULL_OF_MANY)}" for name in _names(str(root))]
    except OSError as error:
        raise InputError(f"{path}: {said(error)}") from error
    return _sha256("\n".join(lines).encode("utf-8", "surrogateescape"))


def _file(path: Path, most: int) -> str:
    return _sha256(path.read_bytes()) if path.stat().st_size <= most else _pieces(str(path))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _pieces(path: str) -> str:
    found = hashlib.blake2b(digest_size=8)
    with open(path, "rb") as file:
        info = os.fstat(file.fileno())
        for at in sorted({0, max(0, info.st_size // 2 - PIECE // 2), max(0, info.st_size - PIECE)}):
            file.seek(at)
            found.update(file.read(PIECE))
    return f"{info.st_size} {info.st_mtime_ns} {found.hexdigest()}"


def _folder(path: str) -> str:
    found = hashlib.blake2b(digest_size=8)
    for name in _names(path):
        info = os.lstat(os.path.join(path, name))
        found.update(f"{name} {info.st_size} {info.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return found.hexdigest()


def _names(path: str) -> list[str]:
    """Names of the files below a folder, those in hidden folders left out (a repository's own notes change when read)."""
    names = []
    for root, folders, files in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__pycache__"]
        names += [os.path.relpath(os.path.join(root, name), path) for name in files]
    return sorted(names)


def _object(path: str) -> str:
    fs, inner = storage.filesystem(path)
    info = fs.get_file_info(inner)
    if not info.is_file:
        raise InputError(f"no such file: {path}")
    with fs.open_input_file(inner) as file:
        told = {_text(key).lower(): _text(value) for key, value in (file.metadata() or {}).items()}
    return f"{info.size} {told.get('etag') or info.mtime_ns}"


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _web(path: str) -> str:
    found = remote_file(path)
    return " ".join(filter(None, ["" if found.size is None else str(found.size), found.etag, found.modified]))


def digest_of(value: object) -> str:
    """16 hexadecimal digits that stand for a value of JSON: of what a source was asked, of a task."""
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=8).hexdigest()
