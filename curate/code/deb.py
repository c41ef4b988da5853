"""Debian packages (`.deb`): what is installed, and the licence that the package's copyright file states for it.

A package is an `ar` archive of `debian-binary`, `control.tar.*` and `data.tar.*` (deb(5)). It is hostile input as every
archive is: sizes that lie, members that unpack to far too much and names that climb are refused as in `members`.
"""

import io
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import IO, TYPE_CHECKING, NamedTuple, cast

import pyarrow as pa

from curate.code.debian import FORMAT, paragraphs
from curate.code.detect import Detector
from curate.code.evidence import Evidence
from curate.code.members import Budget, Member, tar_members
from curate.code.repository import Licences

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

ENDINGS = (".deb", ".udeb")
SCRIPTS = "DEBIAN"
"""Folder for the files of `control.tar`, the name that dpkg-deb gives it."""
MAX_PARTS = 20
"""Members of the outer archive; a package has 3, a signed one some more."""
_MAGIC, _HEADER = b"!<arch>\n", 60
_TAR = re.compile(r"(control|data)\.tar(?:\.(gz|xz|zst|bz2|lzma))?")
_PACKAGE = re.compile(rb"^Package:[ \t]*([a-z0-9][a-z0-9+.-]{0,200})[ \t]*$", re.M | re.I)


class Part(NamedTuple):
    """One member of an `ar` archive: where its bytes lie."""

    name: str
    start: int
    size: int


def is_deb(path: str) -> bool:
    """Whether `path` is named like a Debian package."""
    return path.lower().endswith(ENDINGS)


def parts(file: IO[bytes], size: int) -> Iterator[Part]:
    """The members of an `ar` archive of `size` bytes. Raises OSError where it is none, or says what can't be."""
    if file.read(len(_MAGIC)) != _MAGIC:
        raise OSError("no ar archive")
    at = len(_MAGIC)
    for _ in range(MAX_PARTS):
        if at >= size:
            return
        file.seek(at)
        header = file.read(_HEADER)
        number = header[48:58].rstrip(b" ")
        if len(header) < _HEADER or header[58:] != b"`\n" or not number.isdigit():
            raise OSError(f"no header of a member at byte {at}")
        at += _HEADER
        part = Part(header[:16].decode("latin-1").rstrip(" ").removesuffix("/"), at, int(number))
        if part.size > size - at:
            raise OSError(f"a member of {part.size} bytes at byte {at} of {size}")
        yield part
        at += part.size + part.size % 2
    if at < size:
        raise OSError(f"more than {MAX_PARTS} members in the ar archive")


class _Slice(io.RawIOBase):
    """A part of a file as a stream. The file belongs to the caller and stays open."""

    def __init__(self, file: IO[bytes], part: Part) -> None:
        file.seek(part.start)
        self._file, self._left = file, part.size

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        data = self._file.read(min(len(view), self._left))
        view[: len(data)] = data
        self._left -= len(data)
        return len(data)

    def readable(self) -> bool:
        return True


def deb_members(path: str) -> Iterator[Member]:
    """The files of a package in the order of its archives: scripts below `DEBIAN/`, then what is installed.

    Raises what `members` does; OSError also for an `ar` archive that is no package.
    """
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        found = list(parts(file, size))
        kinds = [match.group(1) for match in map(_TAR.fullmatch, (part.name for part in found)) if match]
        if not found or found[0].name != "debian-binary" or kinds != ["control", "data"]:
            raise OSError("no Debian package: debian-binary, one control.tar and then one data.tar are needed")
        budget = Budget(size)
        for part in found[1:]:
            match = _TAR.fullmatch(part.name)
            if match is None:
                yield Member(repr(part.name)[:200], skipped="no_archive")  # a signature
                continue
            for member in _unpacked(file, part, match.group(2), budget):
                yield replace(member, path=f"{SCRIPTS}/{member.path}") if match.group(1) == "control" else member


def _unpacked(file: IO[bytes], part: Part, packing: str | None, budget: Budget) -> Iterator[Member]:
    stream = _Slice(file, part)
    try:
        if packing != "zst":
            yield from tar_members(cast(IO[bytes], stream), budget)
            return
        with pa.CompressedInputStream(pa.PythonFile(stream, mode="r"), "zstd") as plain:
            yield from tar_members(plain, budget)
    except pa.ArrowException as error:
        raise OSError(f"{part.name}: {error}") from error


def deb_survey(found: Iterable[Member], detector: Detector) -> Licences:
    """What the licence files of a package say. Its own `usr/share/doc/PACKAGE/copyright` speaks for all of its files.

    The `Files:` paragraphs of that file name places in the source, which nothing ties to the installed ones. So all of
    them hold at once; those of the packaging alone (`debian/*`) hold for the scripts of the package and nothing else.
    Debian puts the licence of the source there, so it is also what a file means that says "see LICENSE".
    """
    licences, own = Licences(installed=True), ""
    for member in found:
        if not own and member.path == f"{SCRIPTS}/control":
            name = _PACKAGE.search(member.data)
            own = f"usr/share/doc/{name.group(1).decode()}/copyright" if name else ""
        elif own and member.path == own and not member.skipped:
            said = _copyright(member, detector)
            licences.put("copyright", said[""])
            for folder, evidence in said.items():
                licences.texts.setdefault(folder, []).extend(evidence)
        else:
            licences.add(member, detector)
    return licences


def _copyright(member: Member, detector: Detector) -> dict[str, list[Evidence]]:
    text = member.data.decode("utf-8", "replace")
    stated = paragraphs(text, member.path, detector.licence_of_text) if FORMAT.search(text[:2000]) else []
    if not stated:
        return {"": detector.detect(member.data, member.path)}
    by_place: dict[bool, list[Evidence]] = {True: [], False: []}
    for paragraph in stated:
        by_place[all(glob.startswith("debian/") for glob in paragraph.globs)].append(paragraph.evidence)
    packaging, upstream = by_place[True], by_place[False]
    found = {"": upstream or packaging}
    if packaging:
        found[SCRIPTS] = packaging
    return {folder: list({e.expression: e for e in evidence}.values()) for folder, evidence in found.items()}
