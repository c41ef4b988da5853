"""The bytes of packed dumps, in pieces: plain files and bzip2 from any place on, gzip, xz, zstd and 7z from the start.

bzip2 is made of blocks of at most 900 kB that are independent of each other and begin at any bit. A reader may so begin in
the middle: it looks for the 48 bits that begin a block (Seward, bzip2: 0x314159265359), and makes a stream of its own of
each block. So a file of 20 GB is read by as many processes as there are, and a damaged block costs itself alone.
"""

import bz2
import codecs
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, BinaryIO, NamedTuple

from curate.read.inputs import open_input
from curate.warc.codecs import ERRORS, Codec

CHUNK = 1 << 20
BLOCK, LAST = 0x314159265359, 0x177245385090
"""What begins a block, and what ends a stream."""
CODECS = {"gz": "gzip", "xz": "xz", "zst": "zstd", "bz2": "bzip2"}


class Piece(NamedTuple):
    """Consecutive bytes of a dump, unpacked; or a place where some could not be read."""

    data: bytes
    offset: int
    """Where they begin: for plain files and bzip2 the byte of the file (of the block), else the byte of what is unpacked."""
    own: bool
    """Whether they belong to the range that was asked for; those behind it are read to its last page's end."""
    problem: str = ""


def pieces(
    path: str, packed: str, start: int, end: int, wanted: Callable[[str], bool] | None = None
) -> Iterator[Piece]:
    """The bytes `start` … `end` of a file, unpacked, and those behind them. Of gz, xz, zst and 7z it is always the whole.

    `wanted` chooses among the files of a 7z archive by name. Raises OSError when the file can't be read.
    """
    if packed == "7z":
        yield from _archived(path, wanted or (lambda name: True))
        return
    with closing(open_input(path)) as file:
        if packed == "bz2":
            yield from _blocks(file, start, end)
        elif packed:
            yield from _members(file, Codec(CODECS[packed]))
        else:
            yield from _plain(file, start, end)


def recoded(found: Iterator[Piece], encoding: str) -> Iterator[Piece]:
    """The pieces of a text in UTF-16 as UTF-8; what is no UTF-16 becomes U+FFFD."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for piece in found:
        if piece.problem:
            decoder.reset()
        yield piece._replace(data=decoder.decode(piece.data).encode("utf-8", "replace"))


def splittable(packed: str) -> bool:
    """Whether reading may begin anywhere."""
    return packed in ("", "bz2")


def _plain(file: BinaryIO, start: int, end: int) -> Iterator[Piece]:
    file.seek(start)
    at = start
    while data := file.read(min(CHUNK, end - at) if at < end else CHUNK):
        yield Piece(data, at, at < end)
        at += len(data)


def _members(file: BinaryIO, codec: Codec) -> Iterator[Piece]:
    """The members of a gzip, xz or zstd file one after the other. What is damaged ends it."""
    inflater, rest, at, whole = codec.inflater(), b"", 0, True
    while True:
        data = rest or file.read(CHUNK) or b""
        if not data:
            if not whole:
                yield Piece(b"", at, True, f"cut: the {codec.name} data end too early")
            return
        try:
            if whole and not data.strip(b"\x00"):  # padding behind the last member
                rest = b""
                continue
            whole = False
            out = inflater.decompress(data, 4 * CHUNK)
        except ERRORS as error:
            yield Piece(b"", at, True, f"damaged: {error}")
            return
        rest = inflater.unconsumed_tail
        if inflater.eof:
            rest, whole = inflater.unused_data, True
            inflater = codec.inflater()
        if out:
            yield Piece(out, at, True)
            at += len(out)


# ---- bzip2 ----


def _patterns(magic: int) -> list[tuple[bytes, int, int, int]]:
    """For each shift by bits: the five bytes that the 48 bits surely fill, the shift, the bits before them and behind."""
    return [
        ((magic >> shift & (1 << 40) - 1).to_bytes(5, "big"), shift, magic >> (40 + shift), magic & (1 << shift) - 1)
        for shift in range(8)
    ]


_PATTERNS = [(found, magic == LAST) for magic in (BLOCK, LAST) for found in _patterns(magic)]


def marks(data: bytes) -> list[tuple[int, bool]]:
    """(bit, is the end of a stream) of all that may begin a block or end a stream, sorted."""
    found = []
    for (inner, shift, before, behind), last in _PATTERNS:
        at = data.find(inner, 1)
        while at >= 0:
            head = data[at - 1] & (1 << (8 - shift)) - 1 if shift else data[at - 1]
            tail = data[at + 5] >> (8 - shift) if shift and at + 5 < len(data) else 0
            if head == before and tail == behind and (not shift or at + 5 < len(data)):
                found.append(((at - 1) * 8 + shift, last))
            at = data.find(inner, at + 1)
    return sorted(found)


def unpack_block(data: bytes, start: int, end: int) -> bytes | None:
    """The block in the bits `start` … `end` of `data`; None when it is damaged."""
    bits = end - start
    if bits < 80:
        return None
    value = int.from_bytes(data[start // 8 : -(-end // 8)], "big") >> (-end % 8)
    value &= (1 << bits) - 1
    checksum = value >> (bits - 80) & 0xFFFFFFFF  # of a stream of one block it is that of the block
    value = (value << 80 | LAST << 32 | checksum) << (-bits % 8)
    try:
        return bz2.decompress(b"BZh9" + value.to_bytes(-(-bits // 8) + 10, "big"))
    except (OSError, ValueError, EOFError):
        return None


class _Window:
    """The part of a bzip2 file that is needed still, and the marks in it by their bit in the file."""

    def __init__(self, file: BinaryIO, start: int) -> None:
        self.file, self.base, self.data = file, start, b""
        file.seek(start)

    def marks(self) -> Iterator[tuple[int, bool]]:
        """(bit, is the end of a stream), in order, reading on where there are no more."""
        newest, scanned = -1, self.base
        while more := self.file.read(CHUNK):
            self.data += more
            low = max(0, scanned - self.base - 8)
            found = [(bit + (self.base + low) * 8, last) for bit, last in marks(self.data[low:])]
            scanned = self.base + len(self.data)
            for bit, last in found:
                if bit > newest:
                    newest = bit
                    yield bit, last

    def forget(self, bit: int) -> None:
        """Drop what lies before a bit."""
        self.data, self.base = self.data[bit // 8 - self.base :], bit // 8

    def unpack(self, start: int, end: int) -> bytes | None:
        """The block between two bits of the file."""
        return unpack_block(self.data, start - self.base * 8, end - self.base * 8)


def _blocks(file: BinaryIO, start: int, end: int) -> Iterator[Piece]:
    """The blocks that begin in the bytes `start` … `end`, and those behind.

    Where a block can't be unpacked, its end may be no end: the 48 bits may occur in data by chance, once in 35 TB. So it is
    tried once more up to the next one.
    """
    window = _Window(file, start)
    at: int | None = None
    broken: int | None = None

    def damaged(bit: int) -> Piece:
        return Piece(b"", bit // 8, bit // 8 < end, "damaged: a block of bzip2 has a wrong checksum or structure")

    for bit, last in window.marks():
        if at is not None:
            data = window.unpack(at, bit)
            if data is None and broken is not None:
                data = window.unpack(broken, bit)
                if data is not None:
                    at, broken = broken, None
            if data is not None:
                if broken is not None:
                    yield damaged(broken)
                    broken = None
                yield Piece(data, at // 8, at // 8 < end)
            else:
                if broken is not None:
                    yield damaged(broken)
                broken = at
        at = None if last else bit
        if last and broken is not None:
            yield damaged(broken)
            broken = None
        window.forget(bit if broken is None else broken)
    if broken is not None:
        yield damaged(broken)
    if at is not None:
        yield Piece(b"", at // 8, at // 8 < end, "cut: the last block of bzip2 is not whole")


# ---- 7z ----


class _Sink:
    """Takes a file of an archive from py7zr, in its thread, and hands it on in chunks."""

    def __init__(self, chunks: "queue.Queue[bytes | BaseException | None]", stopped: threading.Event) -> None:
        self.chunks, self.stopped, self.length = chunks, stopped, 0

    def create(self, name: str) -> "_Sink":
        """py7zr asks for something to write to."""
        return self

    def write(self, data: bytes | bytearray) -> int:
        """Hand on, once there is room."""
        self.length += len(data)
        while not self.stopped.is_set():
            try:
                self.chunks.put(bytes(data), timeout=0.5)
                return len(data)
            except queue.Full:
                continue
        raise InterruptedError("nobody reads on")

    def read(self, size: int | None = None) -> bytes:
        """Nothing is read back."""
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        """Nothing is read back."""
        return 0

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """The reader knows by the end of the work."""

    def size(self) -> int:
        """Bytes so far."""
        return self.length


def _archived(path: str, wanted: Callable[[str], bool]) -> Iterator[Piece]:
    """The files of a 7z archive whose names `wanted` takes, one after the other."""
    import py7zr

    try:
        with closing(open_input(path)) as file, py7zr.SevenZipFile(file) as archive:
            names = [info.filename for info in archive.list() if not info.is_directory and wanted(info.filename)]
            at = 0
            for name in names:
                archive.reset()
                for piece in _one_file(archive, name, at):
                    yield piece
                    at += len(piece.data)
    except Exception as error:  # py7zr raises errors of many kinds at damaged bytes
        yield Piece(b"", 0, True, f"damaged: {type(error).__name__}: {error}")


def _one_file(archive: Any, name: str, at: int) -> Iterator[Piece]:
    chunks: queue.Queue[bytes | BaseException | None] = queue.Queue(maxsize=16)
    stopped = threading.Event()

    def work() -> None:
        end: BaseException | None = None
        try:
            archive.extract(targets=[name], factory=_Sink(chunks, stopped))
        except BaseException as error:
            end = error
        while not stopped.is_set():
            try:
                chunks.put(end, timeout=0.5)
                return
            except queue.Full:
                continue

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while isinstance(found := chunks.get(), bytes):
            yield Piece(found, at, True)
            at += len(found)
        if found is not None:
            yield Piece(b"", at, True, f"damaged: {type(found).__name__}: {found}")
    finally:
        stopped.set()
        thread.join()
