"""WACZ files (Web Archive Collection Zipped 1.1.1): crawl files in the folder `archive/` of a ZIP.

Such a crawl file is named as if the WACZ were a folder: `crawl.wacz/archive/data.warc.gz`. Nothing is unpacked: the
format stores crawl files as they are, so that one is a range of bytes of the WACZ, and is read and split like a file.
"""

import io
import itertools
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, cast

from curate.errors import InputError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_ARCHIVE = re.compile(r"archive/.*\.(warc|arc)(\.\w{1,4})?", re.IGNORECASE | re.DOTALL)
_MAX_DIRECTORY = 64 << 20
_LAST_RECORD, _LAST_RECORD_BYTES = b"PK\5\6", 22
_TAIL, _MOST_ENDS = 1 << 20, 64
"""Bytes at the end of a file in which the last record of its directory is looked for, and places that are tried."""
_BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError, OSError)


class Part(io.RawIOBase):
    """Bytes `start` … `start + size` of a file that can be read anywhere, as a file of its own. Closes it when closed."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        super().__init__()
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The position."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a place, counted as `whence` says. Raises OSError for one before the beginning."""
        to = offset + (0, self._at, self._size)[whence]
        if to < 0:
            raise OSError(f"position {to} is before the beginning")
        self._at = to
        return to

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill the buffer, as far as the part goes."""
        view = memoryview(buffer)
        length, filled = max(0, min(len(view), self._size - self._at)), 0
        if length:
            self._file.seek(self._start + self._at)
        while filled < length and (data := self._file.read(length - filled)):
            view[filled : filled + len(data)] = data
            filled += len(data)
        self._at += filled
        return filled

    def close(self) -> None:
        """Close the file, too."""
        self._file.close()
        super().close()


class _Lent(Part):
    """A whole file for `zipfile`, which reads the directory at once: not more than `_MAX_DIRECTORY`, and closes nothing."""

    def read(self, size: int = -1, /) -> bytes:
        if not 0 <= size <= _MAX_DIRECTORY and self._size - self._at > _MAX_DIRECTORY:
            raise zipfile.BadZipFile(f"its directory has more than {_MAX_DIRECTORY} bytes")
        return super().read(size) or b""

    def close(self) -> None:
        io.RawIOBase.close(self)


def crawl_files(file: BinaryIO, size: int) -> dict[str, tuple[int, bool]]:
    """Name -> (bytes, whether stored as they are) of the crawl files in an open WACZ of `size` bytes.

    Empty where the directory is damaged or names none. One with encrypted or overlapping entries, or with two of one
    name, counts as damaged: if a thousand names shared the same bytes, these would be read a thousand times.
    """
    try:
        return {name: (entry.file_size, _stored(entry)) for name, entry in _entries(file, size).items()}
    except _BROKEN:
        return {}


def open_crawl_file(file: BinaryIO, size: int, path: str, name: str) -> BinaryIO:
    """Open the crawl file `name` of an open WACZ for reading anywhere; `file` is closed with it.

    Raises InputError when it can't be had.
    """
    try:
        entry = _entries(file, size)[name]
        if not _stored(entry):
            return _unpacked(file, size, path, entry)
        file.seek(entry.header_offset)
        head = file.read(30)
        if head[:4] != b"PK\3\4" or len(head) < 30:
            raise zipfile.BadZipFile(f"no entry at byte {entry.header_offset}")
    except KeyError:
        raise InputError(f"{path}: no {name} in it") from None
    except _BROKEN as error:
        raise InputError(f"{path}: {name} can't be read: {error}") from None
    start = entry.header_offset + 30 + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
    return cast(BinaryIO, Part(file, start, entry.file_size))


def _stored(entry: zipfile.ZipInfo) -> bool:
    return entry.compress_type == zipfile.ZIP_STORED


def _entries(file: BinaryIO, size: int) -> dict[str, zipfile.ZipInfo]:
    entries = sorted(_directory(file, size)[1], key=lambda entry: entry.header_offset)
    for entry, following in itertools.pairwise(entries):
        if entry.header_offset + entry.compress_size > following.header_offset:
            raise zipfile.BadZipFile("entries overlap")
    archives = [entry for entry in entries if _ARCHIVE.fullmatch(entry.filename)]
    found = {entry.filename: entry for entry in archives}
    if len(found) < len(archives):
        raise zipfile.BadZipFile("two entries have one name")
    if any(entry.flag_bits & 1 for entry in found.values()):
        raise zipfile.BadZipFile("entries are encrypted")
    return found


def _directory(file: BinaryIO, size: int) -> tuple[int, list[zipfile.ZipInfo]]:
    """Where the ZIP in a file ends, but for its comment, and its entries. Raises what `zipfile` does where it has none."""
    problem: Exception = zipfile.BadZipFile("no directory")
    for end in _ends(file, size):
        try:
            with zipfile.ZipFile(cast(BinaryIO, _Lent(file, 0, end))) as archive:
                if entries := archive.infolist():
                    return end, entries
        except _BROKEN as error:
            problem = error
    raise problem


def _ends(file: BinaryIO, size: int) -> Iterator[int]:
    """Where a ZIP may end: at the end of the file; behind what looks like the last record of its directory, the last first.

    A comment may hold such a record's mark, and more may follow on a ZIP than a comment can have bytes.
    """
    yield size
    start = max(0, size - _TAIL)
    tail, found = _Lent(file, start, size - start).read(), 0
    at = len(tail)
    while found < _MOST_ENDS and (at := tail.rfind(_LAST_RECORD, 0, at)) >= 0:
        disks, here, total = tail[at + 4 : at + 8], tail[at + 8 : at + 10], tail[at + 10 : at + 12]
        if disks in (bytes(4), b"\xff" * 4) and here == total:
            found += 1
            yield min(size, start + at + _LAST_RECORD_BYTES)


def _unpacked(file: BinaryIO, size: int, path: str, entry: zipfile.ZipInfo) -> BinaryIO:
    """A copy on disk without a name, gone when it is closed: for a crawl file that, against the format, is deflated."""
    folder = tempfile.gettempdir()
    if shutil.disk_usage(folder).free < entry.file_size:
        raise InputError(
            f"{path}: {entry.filename} is compressed and needs {entry.file_size} bytes of room in {folder}"
        )
    copy = tempfile.TemporaryFile()  # noqa: SIM115 (the reader closes it)
    try:
        end, _ = _directory(file, size)
        with zipfile.ZipFile(cast(BinaryIO, _Lent(file, 0, end))) as archive, archive.open(entry) as packed:
            shutil.copyfileobj(packed, copy, 1 << 20)
    except _BROKEN:
        pass  # what was unpacked is read; the reader sees where it ends
    file.close()
    return cast(BinaryIO, copy)
