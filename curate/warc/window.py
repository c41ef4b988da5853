"""Random access to the raw bytes of a file."""

import re
from typing import Protocol

BLOCK = 1 << 20  # bytes that are read at once


class Readable(Protocol):
    """A file that can be read anywhere."""

    def seek(self, offset: int, /) -> int: ...
    def read(self, size: int, /) -> bytes: ...


class Window:
    """Random access to a file through one buffered block."""

    def __init__(self, file: Readable, size: int, block: int = BLOCK) -> None:
        self.size = size
        self._file = file
        self._block = block
        self._start = 0
        self._bytes = memoryview(b"")

    def other(self, block: int) -> "Window":
        """Another window on the same file, for looks elsewhere that leave this one where it is."""
        return Window(self._file, self.size, block)

    def view(self, offset: int, length: int) -> memoryview:
        """Bytes `offset` … `offset + length` of the file; fewer only at its end."""
        length = max(0, min(length, self.size - offset))
        begin = offset - self._start
        if begin < 0 or begin + length > len(self._bytes):
            self._bytes = memoryview(self._read(offset, max(length, self._block)))
            self._start = offset
            begin = 0
        return self._bytes[begin : begin + length]

    def _read(self, offset: int, length: int) -> bytes:
        self._file.seek(offset)
        parts = []
        while length > 0:
            part = self._file.read(length)
            if not part:
                break
            parts.append(part)
            length -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def find(self, pattern: "re.Pattern[bytes]", offset: int, stop: int, reach: int) -> int:
        """The first place in `offset` … `stop` where `pattern` matches (within `reach` bytes), -1 for none."""
        at = offset
        while at < min(stop, self.size):
            view = self.view(at, min(self._block, stop - at) + reach)
            if found := pattern.search(view):
                place = at + found.start()
                return place if place < stop else -1
            if at + len(view) >= min(stop + reach, self.size):
                return -1
            at += len(view) - reach
        return -1
