"""Tar archives out of hostile hands, read as a stream: each byte is unpacked once and in order.

Python's `tarfile` takes a damaged header for the end of an archive, and reads headers of any size into memory. Here an
archive ends at its end mark or is damaged, and what stands between two files is limited.
"""

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import IO, Any, Self, cast

MAX_HEADERS = 1 << 20
"""Bytes of the headers of one file: its name, its links, its times."""


class _Header(tarfile.TarInfo):
    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # the end mark
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"the archive is cut off or damaged: {error}") from error


class _Limited:
    """A stream that may be read up to `until`."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.at, self.until = file, 0, MAX_HEADERS

    def read(self, size: int) -> bytes:
        data = self.file.read(size)
        self.at += len(data)
        if self.at > self.until + tarfile.RECORDSIZE:  # tarfile reads ahead by less than this
            raise tarfile.ReadError(f"a file with headers of more than {MAX_HEADERS >> 20} MiB")
        return data


def entries(file: IO[bytes]) -> Iterator[tuple[tarfile.TarInfo, Callable[[int], bytes]]]:
    """What the archive holds in its order, and how to read the first bytes of each before the next is asked for.

    Raises tarfile.TarError, EOFError, OSError or zlib.error where it is damaged, cut off or has headers without end.
    """
    limited = _Limited(_unpacked(file))
    with tarfile.open(fileobj=cast(Any, limited), mode="r|", tarinfo=_Header, bufsize=tarfile.RECORDSIZE) as archive:
        while (item := archive.next()) is not None:
            limited.until = archive.offset + MAX_HEADERS
            yield item, partial(_first, archive, item)
            archive.members = []  # type: ignore[attr-defined]  # it would hold on to every header


def next_header(file: IO[bytes], at: int) -> int | None:
    """The next place from the byte `at` of a plain archive on where a header stands whose checksum is right; None at the end."""
    at = -(-at // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
    file.seek(at)
    rest = b""
    while data := rest + (file.read(1 << 20) or b""):
        blocks = len(data) // tarfile.BLOCKSIZE
        for number in range(blocks):
            block = data[number * tarfile.BLOCKSIZE : (number + 1) * tarfile.BLOCKSIZE]
            if block[257:262] == b"ustar" and _is_header(block):
                return at + number * tarfile.BLOCKSIZE
        if not blocks:
            return None
        at, rest = at + blocks * tarfile.BLOCKSIZE, data[blocks * tarfile.BLOCKSIZE :]
    return None


def _is_header(block: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "replace")
    except tarfile.HeaderError:
        return False
    return True


def _first(archive: tarfile.TarFile, item: tarfile.TarInfo, size: int) -> bytes:
    data = archive.extractfile(item)
    return data.read(size) if data else b""


def _unpacked(file: IO[bytes]) -> IO[bytes]:
    raw = file if hasattr(file, "peek") else io.BufferedReader(cast(io.RawIOBase, file))
    buffered = cast(io.BufferedReader, raw)
    head = buffered.peek(6)[:6]
    if head.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.GzipFile(fileobj=buffered))
    if head.startswith(b"BZh"):
        return bz2.BZ2File(buffered)
    if head.startswith((b"\xfd7zXZ", b"]\x00\x00")):
        return lzma.LZMAFile(buffered)
    return buffered
