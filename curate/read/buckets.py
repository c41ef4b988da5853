"""Records parted by a number, in one file: what one task writes and each of many reads a part of.

A site of questions and answers may be larger than memory, and an answer stands far from its question. So the first tasks
part the posts by their question's number, and a task a bucket joins them. Records are JSON; a bucket's lie in stretches,
compressed, that are found by a table at the file's end. Memory: `HELD` bytes, whatever the file.
"""

import json
from array import array
from collections.abc import Iterator
from contextlib import closing
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt
import zstandard

from curate.errors import BalanceError
from curate.files import storage

HELD = 96 << 20
"""Bytes of records that wait before they are written."""
_TAIL = 24


class BucketWriter:
    """Write records to buckets; the file appears whole, with `facts` (a JSON object) in it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.facts: dict[str, Any] = {}
        self.numbers = array("q")
        """Numbers that every reader of the file wants at once, beside the records."""
        self._waiting: dict[int, list[bytes]] = {}
        self._size = 0
        self._table: list[tuple[int, int, int, int]] = []  # bucket, offset, bytes, records

    def __enter__(self) -> Self:
        self._atomic = storage.atomic(self.path)
        self._file: BinaryIO = open(self._atomic.__enter__(), "wb")
        return self

    def add(self, bucket: int, record: list[object]) -> None:
        """Add a record."""
        line = json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass")
        self._waiting.setdefault(bucket, []).append(line)
        self._size += len(line) + 100
        if self._size > HELD:
            self._flush()

    def _flush(self) -> None:
        packer = zstandard.ZstdCompressor(level=1)
        for bucket in sorted(self._waiting):
            lines = self._waiting[bucket]
            data = packer.compress(b"\n".join(lines))
            self._table.append((bucket, self._file.tell(), len(data), len(lines)))
            self._file.write(data)
        self._waiting.clear()
        self._size = 0

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        try:
            if kind is None:
                self._flush()
                table = np.array(self._table, np.int64).reshape(-1, 4).tobytes()
                facts = json.dumps(self.facts, sort_keys=True).encode()
                parts = (table, facts, self.numbers.tobytes())
                self._file.write(b"".join([*parts, *(len(part).to_bytes(8, "little") for part in parts)]))
        finally:
            self._file.close()
        self._atomic.__exit__(kind, error, tb)


class BucketFile:
    """A file by BucketWriter."""

    def __init__(self, path: str) -> None:
        self.path = path
        with closing(self._open()) as file:
            size = file.size()
            file.seek(size - _TAIL)
            tail = file.read(_TAIL)
            tables, facts, self._numbers = (int.from_bytes(tail[at : at + 8], "little") for at in (0, 8, 16))
            file.seek(size - _TAIL - self._numbers - facts - tables)
            self._table = np.frombuffer(file.read(tables), np.int64).reshape(-1, 4)
            self.facts: dict[str, Any] = json.loads(file.read(facts))

    def _open(self) -> Any:
        fs, inner = storage.filesystem(self.path)
        return fs.open_input_file(inner)

    def numbers(self) -> npt.NDArray[np.int64]:
        """The numbers beside the records."""
        with closing(self._open()) as file:
            file.seek(file.size() - _TAIL - self._numbers)
            return np.frombuffer(file.read(self._numbers), np.int64)

    def read(self, bucket: int) -> Iterator[list[Any]]:
        """The records of a bucket, in the order in which they were added. Raises BalanceError when some are missing."""
        with closing(self._open()) as file:
            for _, offset, length, count in self._table[self._table[:, 0] == bucket].tolist():
                file.seek(offset)
                lines = zstandard.ZstdDecompressor().decompress(file.read(length)).split(b"\n")
                if len(lines) != count:
                    raise BalanceError(f"{self.path}: {len(lines)} records where {count} were written")
                for line in lines:
                    yield json.loads(line.decode("utf-8", "surrogatepass"))
