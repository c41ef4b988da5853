"""The files of a repository, wherever it lies: a folder, bare git, a tar archive (sdists, .crate, npm), a zip (wheels).

Archives are hostile input. Nothing is written to disk, so a name can't escape; a name that tries is refused all the same,
as are links, devices and files over the limit. An archive that unpacks to too much, or far more than it weighs, or holds
too many files is given up at that point, and that is said.
"""

import io
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from curate.code.git import head_of, is_bare, opened
from curate.files import tar

MAX_FILE = 1 << 20
"""Bytes of the largest source file: 1 MB, as The Stack (Kocetkov et al. 2022, section 3)."""
MAX_TOTAL = 4 << 30
"""Bytes that one archive may unpack to."""
MAX_RATIO = 200
"""How many times its size an archive may unpack to, once that is more than 64 MiB."""
MAX_FILES = 500_000
MAX_DIRECTORY = 64 << 20
"""Bytes of the directory of a zip archive, which is read whole."""
TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".crate", ".gem")
ZIP_ENDINGS = (".zip", ".whl", ".egg", ".jar")
BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError)


@dataclass(frozen=True, slots=True)
class Member:
    """One file: its path inside the repository and its bytes, or why there are none."""

    path: str
    data: bytes = b""
    skipped: str | None = None
    """link, device, submodule, unsafe_name, too_large, encrypted."""


class Bomb(Exception):
    """The archive is given up; the message says at which limit."""


def is_repository(path: str) -> bool:
    """Whether `path` is something that `members` reads."""
    return os.path.isdir(path) or path.lower().endswith(TAR_ENDINGS + ZIP_ENDINGS)


def members(path: str) -> Iterator[Member]:
    """The files of a repository in a fixed order. Raises Bomb at a limit, one of BROKEN where it can't be read on."""
    if is_bare(path):
        yield from _bare(path)
    elif os.path.isdir(path):
        yield from _folder(Path(path))
    elif path.lower().endswith(ZIP_ENDINGS):
        yield from _zip(path)
    else:
        yield from _tar(path)


def safe_name(name: str) -> str | None:
    """The name as a relative path without `.` parts; None for one that is absolute, climbs, or has odd characters."""
    if not name or len(name) > 4096 or "\\" in name or any(ord(c) < 32 or ord(c) == 127 for c in name):
        return None
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or (len(name) > 1 and name[1] == ":"):
        return None
    text = str(path).encode("utf-8", "replace").decode()
    return text if text != "." else None


class Budget:
    """Counts what an archive gave and raises Bomb at a limit."""

    def __init__(self, weight: int) -> None:
        self.weight, self.bytes, self.files = max(1, weight), 0, 0

    def add(self, size: int) -> None:
        self.bytes += size
        self.files += 1
        if self.files > MAX_FILES:
            raise Bomb(f"more than {MAX_FILES} files")
        if self.bytes > MAX_TOTAL:
            raise Bomb(f"unpacks to more than {MAX_TOTAL >> 30} GiB")
        if self.bytes > 64 << 20 and self.bytes > MAX_RATIO * self.weight:
            raise Bomb(f"unpacks to more than {MAX_RATIO} times its size")


def _raise(error: OSError) -> None:
    raise error


def _folder(root: Path) -> Iterator[Member]:
    budget = Budget(1 << 40)
    for folder, folders, names in os.walk(root, onerror=_raise, followlinks=False):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f != "__pycache__")  # .git, .venv, .tox …
        for name in sorted(names):
            full = os.path.join(folder, name)
            path = safe_name(os.path.relpath(full, root).replace(os.sep, "/"))
            if path is None:
                yield Member(repr(name)[:200], skipped="unsafe_name")
                continue
            status = os.lstat(full)
            budget.add(0)
            if not stat.S_ISREG(status.st_mode):
                yield Member(path, skipped="link" if stat.S_ISLNK(status.st_mode) else "device")
            elif status.st_size > MAX_FILE:
                yield Member(path, skipped="too_large")
            else:
                with open(full, "rb") as file:
                    yield Member(path, file.read(MAX_FILE))


_GIT_KINDS = {"120000": "link", "160000": "submodule"}


def _bare(path: str) -> Iterator[Member]:
    budget = Budget(1 << 40)
    commit = head_of(path)
    with opened(path) as objects:
        reader = objects.files()
        for blob in objects.tree(commit):
            budget.add(blob.size)
            name = safe_name(blob.path)
            if name is None:
                yield Member(repr(blob.path)[:200], skipped="unsafe_name")
            elif not blob.mode.startswith("100"):
                yield Member(name, skipped=_GIT_KINDS.get(blob.mode, "device"))
            elif blob.size > MAX_FILE:
                yield Member(name, skipped="too_large")
            else:
                yield Member(name, reader.read(blob))


def _tar(path: str) -> Iterator[Member]:
    with open(path, "rb") as file:
        yield from tar_members(file, Budget(os.path.getsize(path)))


def tar_members(file: IO[bytes], budget: Budget) -> Iterator[Member]:
    """The files of a tar archive, packed or not, that is read as a stream; `budget` raises Bomb at a limit."""
    for item, read in tar.entries(file):
        if item.isdir():
            continue
        budget.add(item.size)
        name = safe_name(item.name)
        if name is None:
            yield Member(repr(item.name)[:200], skipped="unsafe_name")
        elif item.issym() or item.islnk():
            yield Member(name, skipped="link")
        elif not item.isreg():
            yield Member(name, skipped="device")
        elif item.size > MAX_FILE:
            yield Member(name, skipped="too_large")
        else:
            yield Member(name, read(MAX_FILE))


class _Careful(io.BufferedReader):
    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > MAX_DIRECTORY:
            raise zipfile.BadZipFile(f"a directory of more than {MAX_DIRECTORY >> 20} MiB")
        return super().read(size)


def _zip(path: str) -> Iterator[Member]:
    budget = Budget(os.path.getsize(path))
    with _Careful(io.FileIO(path)) as file, zipfile.ZipFile(file) as archive:
        for item in archive.infolist():
            if item.is_dir():
                continue
            name = safe_name(item.filename)
            if name is None:
                yield Member(repr(item.filename)[:200], skipped="unsafe_name")
            elif stat.S_ISLNK(item.external_attr >> 16):
                yield Member(name, skipped="link")
            elif item.flag_bits & 1:
                yield Member(name, skipped="encrypted")
            else:
                with archive.open(item) as unpacked:
                    data = unpacked.read(MAX_FILE + 1)  # the size in the directory may lie
                budget.add(len(data))
                yield Member(name, data) if len(data) <= MAX_FILE else Member(name, skipped="too_large")
