"""Arrays that take seconds to make of the licence texts, made once and mapped into memory by all processes after that.

A file of them lies in `licences-STATE` of the folder for assets (`curate.filters.assets`). STATE is a digest of all that
the arrays are made of, the code of this package among it, so a table is never an old one; where the folder can't be written
the arrays are made anew in each process. The file is a line of JSON (name, type and number of each array, and a checksum of
what follows) and then the values, each array at a multiple of `ALIGN` bytes.
"""

import contextlib
import hashlib
import json
import mmap
import os
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.filters import assets

ALIGN = 64
"""Bytes."""
KEPT = 3
"""States of which tables are kept, the one in use among them; older ones are deleted."""

Arrays = Mapping[str, NDArray[Any]]


@lru_cache(maxsize=1)
def state() -> str:
    """A digest of the code and the data that licences are read with, and of the fetched database if there is one."""
    found = hashlib.blake2b(f"{sys.version_info[:2]} {sys.byteorder} {np.__version__}".encode(), digest_size=16)
    data = (f for f in (files("curate.filters") / "data").iterdir() if f.name.startswith("licenses-"))
    code = (f for f in files("curate.code").iterdir() if f.name.endswith(".py"))
    for file in sorted([*data, *code], key=lambda f: f.name):
        content = file.read_bytes()
        found.update(f"{file.name} {len(content)}\n".encode() + content)
    with contextlib.suppress(assets.AssetMissingError):
        found.update(assets.find("licensedb").read_bytes())
    return found.hexdigest()


def saved(name: str, build: Callable[[], Arrays]) -> Arrays:
    """The arrays called `name`: of the file that an earlier process wrote, else made by `build` and written for the next."""
    folder = assets.folders()[0] / f"licences-{state()}"
    with contextlib.suppress(OSError, ValueError):  # not there, or not whole
        return _mapped(folder / name)
    made = build()
    for array in made.values():
        array.flags.writeable = False  # as those of a file are
    with contextlib.suppress(OSError):  # a folder that is only read: slower, and the same
        _write(folder / name, made)
        _forget(folder)
    return made


def _mapped(path: Path) -> Arrays:
    """The arrays of a file. Raises OSError without one, ValueError for one that is not as it was written."""
    with path.open("rb") as file:
        head = file.readline(10_000)
        start = _aligned(len(head))
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    said = json.loads(head)
    if zlib.crc32(content[start:]) != said["checksum"]:
        raise ValueError(f"{path} is not as it was written")
    arrays, at = {}, start
    for name, kind, size in said["arrays"]:
        arrays[name] = np.frombuffer(content, kind, size, at) if size else np.frombuffer(b"", kind)
        at = _aligned(at + arrays[name].nbytes)
    return arrays


def _aligned(size: int) -> int:
    return -(-size // ALIGN) * ALIGN


def _write(path: Path, arrays: Arrays) -> None:
    body = b"".join(a.tobytes().ljust(_aligned(a.nbytes), b"\0") for a in arrays.values())
    said = {
        "arrays": [[name, a.dtype.str, a.size] for name, a in arrays.items()],
        "checksum": zlib.crc32(body),
    }
    head = json.dumps(said).encode() + b"\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as scratch:
        whole = Path(scratch) / path.name
        whole.write_bytes(head.ljust(_aligned(len(head)), b"\0") + body)
        os.replace(whole, path)


def _forget(folder: Path) -> None:
    """Deletes the tables of all but the last states. A process that has one mapped goes on with it."""
    others = [path for path in folder.parent.glob("licences-*") if path.is_dir() and path != folder]
    for path in sorted(others, key=lambda p: p.stat().st_mtime, reverse=True)[KEPT - 1 :]:
        shutil.rmtree(path, ignore_errors=True)


def of_strings(name: str, values: Sequence[str]) -> Arrays:
    """Strings as two arrays: their bytes in UTF-8, and where each ends."""
    rows = [value.encode() for value in values]
    return {
        f"{name}-text": np.frombuffer(b"".join(rows), np.uint8),
        f"{name}-ends": np.cumsum([len(row) for row in rows], dtype=np.int64),
    }


def strings(name: str, arrays: Arrays) -> list[str]:
    """The strings that `of_strings` made arrays of."""
    text, ends = arrays[f"{name}-text"].tobytes(), arrays[f"{name}-ends"].tolist()
    return [text[start:end].decode() for start, end in zip([0, *ends], ends, strict=False)]
