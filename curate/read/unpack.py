"""The bytes of packed dumps, in pieces: plain files and bzip2 from any place on, gzip, xz, zstd and 7z from the start.

bzip2 is made of blocks of at most 900 kB that are independent of each other and begin at any bit. A reader may so begin in
the middle: it looks for the 48 bits that begin a block (Seward, bzip2: 0x314159265359), and unpacks each block
for itself (`bzip2.py`, else libbz2). So a file of 20 GB is read by as many processes as there are, and a damaged block costs itself alone.
"""

import bz2
import codecs
import io
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from curate.files.salvage import salvaged
from curate.read.inputs import open_input
from curate.warc.codecs import ERRORS, Codec

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK = 1 << 20
BLOCK, LAST = 0x314159265359, 0x177245385090
"""What begins a block, and what ends a stream."""
_STREAM_HEAD, _STREAM_TAIL = 32, 80
"""Bits of `BZh9` before the first block of a stream; of the mark of its end with its checksum, before it is filled up to a byte."""
LONGEST_BLOCKS = 4 << 20
"""Bytes that are kept of packed data in which there is no mark: more than two blocks have."""
DAMAGED = "damaged: a block of bzip2 has a wrong checksum or structure"
CODECS = {"gz": "gzip", "xz": "xz", "zst": "zstd", "bz2": "bzip2", "lz4": "lz4"}
STEP, STEP_OUT = 32 << 10, 256 << 10
"""Packed bytes that are unpacked at once, and unpacked bytes that come of it at most."""
REPLAY = 8 << 20
"""Packed bytes of a member that is unpacked once more where it is damaged, so that all before the damage comes through."""


class Piece(NamedTuple):
    """Consecutive bytes of a dump, unpacked; or a place where some could not be read."""

    data: bytes
    offset: int
    """Where they begin: for plain files and bzip2 the byte of the file (of the block), else the byte of what is unpacked."""
    own: bool
    """Whether they belong to the range that was asked for; those behind it are read to its last page's end."""
    problem: str = ""
    moves: bool = True
    """Whether `offset` is one of bytes like these, so that it moves with each; else it is of the block that they are from."""


class Window:
    """Pieces one behind the other, of which the front is dropped when it has been read."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._base, self._length, self._own = 0, 0, 0  # bytes before the window, with it, and of own pieces
        self._known: list[tuple[int, int, bool]] = []

    def add(self, piece: Piece) -> None:
        """The bytes of a piece follow."""
        self._known.append((self._length, piece.offset, piece.moves))
        self.data += piece.data
        self._length += len(piece.data)
        self._own = self._length if piece.own else self._own

    def drop(self, count: int) -> None:
        """Without its first bytes."""
        del self.data[:count]
        self._base += count

    def shorten(self, data: bytearray) -> None:
        """Other bytes, fewer of them, that end as it does."""
        self._base += len(self.data) - len(data)
        self.data = data

    def owns(self, at: int) -> bool:
        """Whether what begins at this place of the window begins in an own piece."""
        return self._base + at < self._own

    def offset(self, at: int = 0) -> int:
        """The offset of a place of the window; those before it are not asked for again."""
        at += self._base
        first = 0
        while first + 1 < len(self._known) and self._known[first + 1][0] <= at:
            first += 1
        del self._known[:first]
        if not self._known:
            return 0
        before, offset, moves = self._known[0]
        return offset + (at - before if moves else 0)


class Unbroken(io.RawIOBase):
    """Pieces as a file: their bytes up to the first that is a problem, or to the end."""

    def __init__(self, found: Iterator[Piece]) -> None:
        super().__init__()
        self._found, self._rest = found, memoryview(b"")
        self.problem: Piece | None = None
        """What ended it; what `found` gives next is what follows."""

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill the buffer, partly; 0 at the end."""
        while not self._rest and self.problem is None:
            piece = next(self._found, None)
            if piece is None:
                return 0
            if piece.problem:
                self.problem = piece
            self._rest = memoryview(piece.data)
        view = memoryview(buffer)
        size = min(len(view), len(self._rest))
        view[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


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


def beginning(data: bytes, packed: str, most: int) -> bytes:
    """What packed bytes begin with, `most` bytes at most; up to where they are damaged or end."""
    if packed == "bz2":  # whose decompressor gives a block before it has looked at its checksum
        found = b""
        for piece in _blocks(io.BytesIO(data), 0, len(data)):
            found += piece.data
            if piece.problem or len(found) >= most:
                break
        return found[:most]
    inflater, out = Codec(CODECS[packed]).inflater(), b""
    try:
        while len(out) < most and not inflater.eof:
            part = inflater.decompress(data, min(4096, most - len(out)))
            data = inflater.unconsumed_tail
            out += part
            if not part and not data:
                break
    except ERRORS:
        pass
    return out


def _members(file: BinaryIO, codec: Codec) -> Iterator[Piece]:
    """The members of a gzip, xz, zstd or LZ4 file one after the other. A damaged one gives what is before the damage; what
    follows begins at the next member."""
    at, raw = 0, _Raw(file)
    while raw.skip_padding():
        begun = at
        try:
            for out in _member(raw, codec):
                yield Piece(out, at, True)
                at += len(out)
        except EOFError:
            yield Piece(b"", at, True, f"cut: the {codec.name} data end too early")
            return
        except ERRORS as error:
            if more := salvaged(codec.inflater, raw.replay(), at - begun, ERRORS):
                yield Piece(more, at, True)
                at += len(more)
            yield Piece(b"", at, True, f"damaged: {error}")
            raw.seek_member(codec)


def _member(raw: "_Raw", codec: Codec) -> Iterator[bytes]:
    """One member, in pieces; `raw` stands behind it then. Raises EOFError where it is cut, one of ERRORS where it is damaged."""
    inflater = codec.inflater()
    raw.begin()
    while not inflater.eof:
        data = raw.step()
        if not data and not raw.waits:
            raise EOFError
        out = inflater.decompress(data, STEP_OUT)
        raw.waits = bool(out)  # there may be more of the same
        raw.give_back(inflater.unused_data if inflater.eof else inflater.unconsumed_tail)
        if out:
            yield out


class _Raw:
    """The packed bytes of a file, which can be given back, and those of the member that is being read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._rest = file, b""
        self._fed: list[bytes] | None = []
        self._size, self._last = 0, b""
        self.waits = False

    def skip_padding(self) -> bool:
        """Whether there is anything but zeros (as xz pads); those are passed over."""
        while True:
            self._rest = self._rest.lstrip(b"\x00")
            if self._rest:
                return True
            self._rest = self._file.read(STEP) or b""
            if not self._rest:
                return False

    def begin(self) -> None:
        """A member begins here."""
        self._fed, self._size, self._last, self.waits = [], 0, b"", False

    def step(self) -> bytes:
        """The next bytes; none at the end."""
        self._last = self._rest or self._file.read(STEP) or b""
        self._rest = b""
        return self._last

    def give_back(self, rest: bytes) -> None:
        """Of the last step these bytes were not used."""
        used = self._last[: len(self._last) - len(rest)]
        self._last, self._rest = b"", bytes(rest)
        self._size += len(used)
        if self._fed is not None:
            self._fed.append(used)
            if self._size > REPLAY:
                self._fed = None

    def replay(self) -> bytes:
        """The bytes of the member up to the damage and some behind; none where those are too many."""
        return b"".join([*self._fed, self._last]) if self._fed is not None else b""

    def seek_member(self, codec: Codec) -> None:
        """Go on to the next bytes that begin a member which can be unpacked, or to the end."""
        data, at = self._last, 0 if self._size else 1
        self._last = b""
        while True:
            while found := codec.magic.search(data, at):
                at = found.start()
                if len(data) - at < 2 * STEP:
                    data, at = data[at:] + (self._file.read(2 * STEP) or b""), 0
                try:
                    if codec.inflater().decompress(data[at : at + 2 * STEP], 64):
                        self._rest = data[at:]
                        return
                except ERRORS:
                    pass
                at += 1
            more = self._file.read(STEP) or b""
            if not more:
                return
            data, at = data[max(at, len(data) - 9) :] + more, 0


# ---- bzip2 ----


def _patterns(magic: int) -> list[tuple[bytes, int, int, int]]:
    """For each shift by bits: the five bytes that the 48 bits surely fill, the shift, the bits before them and behind."""
    return [
        ((magic >> shift & (1 << 40) - 1).to_bytes(5, "big"), shift, magic >> (40 + shift), magic & (1 << shift) - 1)
        for shift in range(8)
    ]


_PATTERNS = [(found, magic == LAST) for magic in (BLOCK, LAST) for found in _patterns(magic)]
_INNER = tuple(found[0] for found, _ in _PATTERNS)
_COMPILED = 64 << 10
"""Packed bytes from which on compiled loops are worth their loading."""


def marks(data: bytes) -> list[tuple[int, bool]]:
    """(bit, is the end of a stream) of all that may begin a block or end a stream, sorted."""
    found = []
    for at in _places(data):
        (_, shift, before, behind), last = _PATTERNS[_INNER.index(data[at : at + 5])]
        head = data[at - 1] & (1 << (8 - shift)) - 1 if shift else data[at - 1]
        tail = data[at + 5] >> (8 - shift) if shift and at + 5 < len(data) else 0
        if head == before and tail == behind and (not shift or at + 5 < len(data)):
            found.append(((at - 1) * 8 + shift, last))
    return sorted(found)


def _places(data: bytes) -> list[int]:
    """Where any of the five bytes of _PATTERNS stand."""
    if len(data) >= _COMPILED:
        from curate.read.bzip2 import places_of

        if (found := places_of(_INNER, data)) is not None:
            return found
    found = []
    for inner in _INNER:
        at = data.find(inner, 1)
        while at >= 0:
            found.append(at)
            at = data.find(inner, at + 1)
    return found


def unpack_block(data: bytes, start: int, end: int) -> bytes | None:
    """The block in the bits `start` … `end` of `data`; None when it is damaged."""
    bits = end - start
    if bits < 80:
        return None
    if bits >= 8 * _COMPILED:
        from curate.read import bzip2

        if (found := bzip2.unpack_block(data, start, end)) is not None:
            return found
    return _by_libbz2(data, start, end)


def _by_libbz2(data: bytes, start: int, end: int) -> bytes | None:
    bits = end - start
    value = int.from_bytes(data[start // 8 : -(-end // 8)], "big") >> (-end % 8)
    value &= (1 << bits) - 1
    checksum = value >> (bits - 80) & 0xFFFFFFFF  # of a stream of one block it is that of the block
    value = (value << 80 | LAST << 32 | checksum) << (-bits % 8)
    try:
        return bz2.decompress(b"BZh9" + value.to_bytes(-(-bits // 8) + 10, "big"))
    except (OSError, ValueError, EOFError):
        return None


def unpack_open(data: bytes, start: int, end: int) -> bytes | None:
    """The block that begins at the bit `start`, ends well before the bit `end`, and whose own end no mark tells; else None.

    A decompressor gives nothing before it has read a block to its end: so the byte in which that is is searched for, and
    then the bit by the block's checksum.
    """
    size = end - start
    value = int.from_bytes(data[start // 8 : -(-end // 8)], "big") >> (-end % 8) & (1 << max(0, size)) - 1
    stream = b"BZh9" + (value << (-size % 8)).to_bytes(-(-size // 8), "big") if size > 0 else b""

    def gives(length: int) -> bool:
        try:
            return bool(bz2.BZ2Decompressor().decompress(stream[:length], 1))
        except (OSError, ValueError):
            return False

    low, high = 4, len(stream) - 8
    if high <= low or not gives(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if gives(middle) else (middle, high)
    ends = (start + bits for bits in range(8 * (high - 4), 8 * (high - 5), -1))
    return next((found for one in ends if (found := unpack_block(data, start, one)) is not None), None)


class _Window:
    """The part of a bzip2 file that is needed still, and the marks in it by their bit in the file."""

    def __init__(self, file: BinaryIO, start: int) -> None:
        self.file, self.base, self.data = file, start, b""
        file.seek(start)

    def marks(self) -> Iterator[tuple[int, bool] | None]:
        """(bit, is the end of a stream), in order, reading on where there are no more; None whenever more was read."""
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
            yield None

    @property
    def end(self) -> int:
        """The bit behind what was read."""
        return (self.base + len(self.data)) * 8

    def forget(self, bit: int) -> None:
        """Drop what lies before a bit."""
        self.data, self.base = self.data[bit // 8 - self.base :], bit // 8

    def rest(self, bit: int) -> bool:
        """Whether anything but zeros stands behind a bit, as far as it is remembered."""
        return bool(self.data[max(0, bit // 8 - self.base) :].strip(b"\x00"))

    def unpack(self, start: int, end: int) -> bytes | None:
        """The block between two bits of the file."""
        return unpack_block(self.data, start - self.base * 8, end - self.base * 8)

    def unpack_open(self, start: int, end: int) -> bytes | None:
        """The block at a bit of the file that ends somewhere before another."""
        return unpack_open(self.data, start - self.base * 8, end - self.base * 8)


def _blocks(file: BinaryIO, start: int, end: int) -> Iterator[Piece]:
    """The blocks that begin in the bytes `start` … `end`, and those behind.

    Where a block can't be unpacked, its end may be no end: the 48 bits may occur in data by chance, once in 35 TB. So it is
    tried once more up to the next one. Or the mark behind it is damaged: then its end is looked for. Of streams one behind
    the other a damaged first mark shows by what stands between them.
    """
    blocks = _Blocks(_Window(file, start), start, end)
    for mark in blocks.window.marks():
        yield from blocks.unmarked() if mark is None else blocks.mark(*mark)
    yield from blocks.rest()


class _Blocks:
    """The blocks between marks, as the marks come."""

    def __init__(self, window: _Window, start: int, end: int) -> None:
        self.window, self.last = window, end
        self.at: int | None = None
        """The bit at which the block begins that is being read."""
        self.broken: int | None = None
        """That of the one before it, where it could not be unpacked."""
        self.ended: int | None = None if start else 0
        """The bit behind a stream that has ended, or before the first."""

    def _piece(self, bit: int, data: bytes, problem: str = "") -> Piece:
        return Piece(data, bit // 8, bit // 8 < self.last, problem, moves=bool(problem))

    def _lost(self, bit: int, until: int, told: str) -> Iterator[Piece]:
        if (found := self.window.unpack_open(bit, until)) is not None:
            yield self._piece(bit, found)
        yield self._piece(bit, b"", told)

    def _lost_before(self, until: int) -> Iterator[Piece]:
        if self.broken is not None:
            yield from self._lost(self.broken, until, DAMAGED)
            self.broken = None

    def unmarked(self) -> Iterator[Piece]:
        """More was read and no mark is in it: there is nothing to remember but what may begin one."""
        window, first = self.window, self.at if self.broken is None else self.broken
        if first is None:
            window.forget(max(window.base * 8, window.end - 64))
        elif window.end - first > 8 * LONGEST_BLOCKS:
            yield from self._lost(first, window.end, DAMAGED)
            window.forget(window.end - 64)
            self.at = self.broken = None

    def mark(self, bit: int, last: bool) -> Iterator[Piece]:
        """A mark at a bit, of a block or of the end of a stream: what ends there."""
        if self.at is None and self.ended is not None and bit != self.ended + _STREAM_HEAD:
            yield self._piece(self.ended, b"", "damaged: bytes that begin no stream of bzip2")
        self.ended = (bit + _STREAM_TAIL + 7) // 8 * 8 if last else None
        if self.at is not None:
            yield from self._block(self.at, bit)
        self.at = None if last else bit
        if last:
            yield from self._lost_before(bit)
        self.window.forget(bit if self.broken is None else self.broken)

    def _block(self, at: int, bit: int) -> Iterator[Piece]:
        data = self.window.unpack(at, bit)
        if data is None and self.broken is not None and (data := self.window.unpack(self.broken, bit)) is not None:
            at, self.broken = self.broken, None
        yield from self._lost_before(at)
        if data is None:
            self.broken = at
        else:
            yield self._piece(at, data)

    def rest(self) -> Iterator[Piece]:
        """What stands behind the last mark."""
        window = self.window
        yield from self._lost_before(window.end if self.at is None else self.at)
        if self.at is not None:
            yield from self._lost(self.at, window.end, "cut: the end of the bzip2 data is missing")
        elif self.ended is not None and window.rest(self.ended):
            yield self._piece(self.ended, b"", "cut: the end of the bzip2 data is missing")


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
