"""Zip archives whose list of files is damaged or cut off: what they hold, by the header that stands before each file.

A zip ends with its list (APPNOTE 4.3.12), so one that was cut has none. Each file has a header of its own in front (4.3.7),
which says its name and, mostly, its size. Nothing is written to disk, and no name is used as one.
"""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import NamedTuple

SIGNATURE = b"PK\x03\x04"
_HEADER = struct.Struct("<4s5H3I2H")
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _SIZE_BEHIND, _UTF8 = 1, 8, 0x800
DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error)
"""What reading a file may raise."""


class Entry(NamedTuple):
    """A file in a zip."""

    name: str
    offset: int
    """Of its header."""
    encrypted: bool
    method: int
    crc: int | None
    """None where it stands behind the file."""
    start: int
    size: int | None
    """Packed bytes; None where the header does not say them."""


def entries(data: bytes) -> Iterator[Entry]:
    """The files of a zip in the order in which they stand, whatever its list says."""
    at = data.find(SIGNATURE)
    while at >= 0:
        try:
            _, _, flags, method, _, _, crc, packed, _, name, extra = _HEADER.unpack_from(data, at)
        except struct.error:
            return
        start = at + _HEADER.size + name + extra
        raw = data[at + _HEADER.size : at + _HEADER.size + name]
        known = not flags & _SIZE_BEHIND and packed != 0xFFFFFFFF
        yield Entry(
            raw.decode("utf-8" if flags & _UTF8 else "cp437", "replace"),
            at,
            bool(flags & _ENCRYPTED),
            method,
            crc if known else None,
            start,
            packed if known else None,
        )
        at = data.find(SIGNATURE, start + packed if known and start + packed <= len(data) else start)


def read(data: bytes, entry: Entry, most: int) -> bytes:
    """The content of a file, `most` bytes at most. Raises one of DAMAGED where it is not whole, NotImplementedError for a
    packing that the walk does not know."""
    if entry.method == _STORED:
        if entry.size is None:
            raise NotImplementedError("a stored file whose header does not say its size")
        found, whole = data[entry.start : entry.start + min(entry.size, most)], entry.size <= most
        if whole and len(found) < entry.size:
            raise zipfile.BadZipFile(f"{entry.name} is cut off")
    elif entry.method == _DEFLATED:
        end = len(data) if entry.size is None else entry.start + entry.size
        unpacked = zlib.decompressobj(-15)
        found = unpacked.decompress(memoryview(data)[entry.start : end], most)
        whole = unpacked.eof
        if not whole and len(found) < most:
            raise zipfile.BadZipFile(f"{entry.name} is cut off")
    else:
        raise NotImplementedError(f"packed by method {entry.method}")
    if whole and entry.crc is not None and zlib.crc32(found) != entry.crc:
        raise zipfile.BadZipFile(f"Bad CRC-32 for file {entry.name!r}")
    return found
