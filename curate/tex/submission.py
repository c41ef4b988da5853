"""A submission to arXiv as it is kept: the bytes of a `.gz` (one file, or a tar), a tar, a zip; and what is in it."""

import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator

from curate.files import tar, zips
from curate.files.salvage import salvaged
from curate.tex.project import ENDINGS, is_tex

MAX_FILE, MAX_TOTAL, MAX_RATIO, MAX_FILES = 32 << 20, 512 << 20, 200, 20_000
"""Bytes of a source file that is read; what a submission may unpack to; over LEAST_BOMB, how many times its size; its files."""
LEAST_BOMB = 64 << 20
BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, ValueError)
_WITHDRAWN = re.compile(rb"\s*%auto-ignore", re.IGNORECASE)
_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|title)\b", re.IGNORECASE | re.DOTALL
)
_PAGES = (".html", ".htm", ".xhtml")
_WORTH = (*ENDINGS, *_PAGES)


class BadSubmissionError(Exception):
    """A submission that can't be read; the first word, up to a colon, is the reason: damaged, bomb, empty."""


def members(data: bytes, name: str) -> tuple[dict[str, bytes], str]:
    """The files of a submission that may hold text, by path, and why the archive could not be read to its end (or nothing).

    What is damaged gives the files before the damage. Raises BadSubmissionError where there is none.
    """
    if not data:
        raise BadSubmissionError("empty: no bytes")
    damage, found = "", dict[str, bytes]()
    inner, damage = _unpacked(data) if data.startswith(b"\x1f\x8b") else (data, "")
    room = _Room(len(data))
    try:
        if is_tar(inner):
            for path, content in _of_tar(inner, room):
                found[path] = content
        elif inner.startswith(zips.SIGNATURE):
            try:
                for path, content in _of_zip(inner, room):
                    found[path] = content
            except zipfile.BadZipFile as error:
                damage = str(error)
                found |= _of_damaged_zip(inner, _Room(len(data)))
        elif inner:
            found[_single(name)] = inner[:MAX_FILE]
    except BROKEN as error:
        damage = damage or str(error) or type(error).__name__
    if not found and damage:
        raise BadSubmissionError(f"damaged: {damage}")
    return found, damage


def is_tar(data: bytes) -> bool:
    """Whether bytes begin as a tar does, old ones without a magic word too: by the sum of the first header."""
    if len(data) < 512:
        return False
    if data[257:262] == b"ustar":
        return True
    field = data[148:156].strip(b" \x00")
    if not re.fullmatch(rb"[0-7]{2,7}", field):
        return False
    return int(field, 8) == sum(data[:148]) + 8 * 32 + sum(data[156:512])


def kind(files: dict[str, bytes]) -> str:
    """What a submission is: tex, html; or why it has no text: withdrawn, pdf_only, postscript_only, no_source."""
    if not files:
        return "no_source"
    texts = {path: data for path, data in files.items() if is_tex(path, data) or _is_page(path, data)}
    if all(_WITHDRAWN.match(data) for data in files.values()):
        return "withdrawn"
    if texts and all(_WITHDRAWN.match(data) or not data.strip() for data in texts.values()):
        return "withdrawn"
    if any(
        is_tex(path, data) and not _HTML.match(data) and path.lower().endswith(_SOURCES) for path, data in texts.items()
    ):
        return "tex"
    if any(_is_page(path, data) for path, data in files.items()):
        return "html"
    if any(is_tex(path, data) for path, data in texts.items()):
        return "tex"
    heads = [data[:1024].lstrip() for data in files.values()]
    if any(head.startswith(b"%PDF") for head in heads):
        return "pdf_only"
    if any(head.startswith((b"%!PS", b"\x04%!PS", b"\xc5\xd0\xd3\xc6")) for head in heads):
        return "postscript_only"
    return "no_source"


_SOURCES = (".tex", ".ltx", ".latex")


def pages(files: dict[str, bytes]) -> list[bytes]:
    """The HTML pages of a submission in the order of their names."""
    return [data for path, data in sorted(files.items()) if _is_page(path, data)]


def _is_page(path: str, data: bytes) -> bool:
    return bool(_HTML.match(data[:4096])) or path.lower().endswith(_PAGES)


def _single(name: str) -> str:
    """The name of what a `.gz` holds."""
    base = re.sub(r"\.gz$", "", name.rsplit("/", 1)[-1], flags=re.IGNORECASE)
    return base or "source"


def _unpacked(data: bytes) -> tuple[bytes, str]:
    """What a gzip holds, as far as it is whole, and what is wrong with the rest."""
    parts, size, most = list[bytes](), 0, max(LEAST_BOMB, min(MAX_TOTAL, MAX_RATIO * len(data)))
    while data:
        packed, whole, begun = zlib.decompressobj(31), data, size
        while not packed.eof:
            try:
                part = packed.decompress(data, 1 << 20)
            except zlib.error as error:
                known = size - begun
                return b"".join([*parts, salvaged(lambda: zlib.decompressobj(31), whole, known, (zlib.error,))]), str(
                    error
                )
            data = packed.unconsumed_tail
            parts.append(part)
            size += len(part)
            if size > most:
                raise BadSubmissionError(f"bomb: unpacks to more than {most >> 20} MiB")
            if not part and not data and not packed.eof:
                return b"".join(parts), "it is cut off"
        data = packed.unused_data.lstrip(b"\x00")
        if not data.startswith(b"\x1f\x8b"):
            break  # what tape drives and mailers put behind
    return b"".join(parts), ""


class _Room:
    def __init__(self, size: int) -> None:
        self.size, self.total, self.files = max(1, size), 0, 0

    def add(self, size: int) -> None:
        self.total += size
        self.files += 1
        if self.files > MAX_FILES:
            raise BadSubmissionError(f"bomb: more than {MAX_FILES} files")
        if self.total > MAX_TOTAL or (self.total > LEAST_BOMB and self.total > MAX_RATIO * self.size):
            raise BadSubmissionError("bomb: unpacks to too much")


def _worth(path: str) -> bool:
    """Whether a file may hold text, by its name: hidden ones and Apple's doubles (._name) do not."""
    base = path.rsplit("/", 1)[-1]
    return not base.startswith(("._", ".DS_")) and "__MACOSX" not in path and ".." not in path.split("/")


def _wanted(path: str, size: int) -> int:
    """How many bytes of a file are read: all of a source, of others those that tell what it is."""
    if path.lower().endswith(_WORTH) or "." not in path.rsplit("/", 1)[-1] or path.lower().startswith("00readme"):
        return min(size, MAX_FILE)
    return 1024


def _of_tar(data: bytes, room: _Room) -> Iterator[tuple[str, bytes]]:
    for item, read in tar.entries(io.BytesIO(data)):
        room.add(0)
        path = item.name.removeprefix("./")
        if item.isreg() and _worth(path):
            content = read(_wanted(path, item.size))
            room.add(len(content))
            yield path, content


def _of_zip(data: bytes, room: _Room) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for item in archive.infolist():
            room.add(0)
            path = item.filename.removeprefix("./")
            if item.is_dir() or not _worth(path) or item.flag_bits & 1:
                continue
            with archive.open(item) as packed:
                content = packed.read(_wanted(path, MAX_FILE))
            room.add(len(content))
            yield path, content


def _of_damaged_zip(data: bytes, room: _Room) -> dict[str, bytes]:
    """The whole files of a zip of which the list, or a file, is damaged."""
    found = dict[str, bytes]()
    for item in zips.entries(data):
        room.add(0)
        path = item.name.removeprefix("./")
        if item.encrypted or path.endswith("/") or not _worth(path):
            continue
        try:
            content = zips.read(data, item, _wanted(path, MAX_FILE))
        except (*zips.DAMAGED, NotImplementedError):
            continue
        room.add(len(content))
        found[path] = content
    return found
