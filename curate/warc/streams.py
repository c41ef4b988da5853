"""The decoded bytes of a file: a stream of gzip members, zstd or LZ4 frames, or plain bytes.

A stream is opened at an offset of the file and grows `buf` by `more()`, until the member ends. Positions in `buf`
below `pos` are consumed and are dropped when it grows. Nothing here holds more than a few pieces of a file.
"""

import re
from typing import NamedTuple, Protocol

from curate.warc.codecs import (
    ERRORS,
    GZIP_MAGIC,
    LZ4_MAGIC,
    ZSTD_DICTIONARY_FRAME,
    ZSTD_MAGIC,
    BrokenError,
    Codec,
    read_dictionary,
)
from curate.warc.headers import ARC_BEGIN, ARC_SOMEWHERE, WARC_BEGIN, WARC_SOMEWHERE
from curate.warc.window import BLOCK, Readable, Window

PIECE = 32 << 10  # raw bytes that are decoded at once
MAX_OUT = 256 << 10  # decoded bytes that one step may yield
PROBE = 80 << 10  # raw bytes that suffice to see how a member begins: a gzip header has 64 KiB at most
PROBE_OUT = 9000  # decoded bytes that suffice to see a record begin
PROBE_MOST = 4 << 20  # raw bytes for that, at most, where a frame is decoded as a whole


class Grammar(NamedTuple):
    """How records of a format are found."""

    name: str
    begin: "re.Pattern[bytes]"
    somewhere: "re.Pattern[bytes]"


WARC = Grammar("warc", WARC_BEGIN, WARC_SOMEWHERE)
ARC = Grammar("arc", ARC_BEGIN, ARC_SOMEWHERE)


class Stream(Protocol):
    """Decoded bytes from an offset of the file on."""

    buf: bytes
    pos: int
    solitary: bool
    """Whether every record is a member of its own."""

    @property
    def raw(self) -> int:
        """Raw bytes of the file consumed so far: where the next member begins once the stream has ended."""
        ...

    def open(self, offset: int) -> None: ...
    def more(self) -> bool: ...
    def place(self) -> tuple[int, int]: ...
    def seek(self, place: tuple[int, int]) -> bool: ...
    def extend(self, begin: "re.Pattern[bytes]") -> bool: ...
    def skippable(self, offset: int) -> int: ...
    def findable(self, grammar: Grammar) -> bool: ...
    def find_anchor(self, grammar: Grammar, offset: int, stop: int) -> int: ...


REWIND = 64 << 20  # decoded bytes that are decoded again, at most, to mend one wrong Content-Length


class Members:
    """The stream of a file of gzip members or zstd frames."""

    solitary = False
    buf: bytes
    pos: int
    raw: int

    def __init__(self, window: Window, codec: Codec) -> None:
        self._window = window
        self._codec = codec
        self.open(0)

    def open(self, offset: int) -> None:
        """Begin at the member at `offset`."""
        self.start = self.raw = offset
        self.buf, self.pos, self.base = b"", 0, 0  # base: decoded bytes before buf[0]
        self.ended = False
        self._extended = False
        self._inflater = self._codec.inflater()

    def more(self) -> bool:
        """Decode a piece more; False at the end of the member. Raises BrokenError."""
        while not self.ended:
            piece = self._window.view(self.raw, PIECE)
            out = self._step(piece)
            if out:
                self._append(out)
                return True
            if not piece and not self.ended:
                raise BrokenError(f"truncated: the file ends inside a {self._codec.name} member")
        return False

    def _step(self, piece: memoryview) -> bytes:
        try:
            out = self._inflater.decompress(piece, MAX_OUT)
        except ERRORS as error:
            if self.raw == self.start and not self._codec.magic.match(piece):
                raise BrokenError(f"garbage: bytes that are no {self._codec.name} member") from None
            raise BrokenError(f"compression: {self._codec.name} data broken before byte {self.raw}: {error}") from None
        self.ended = self._inflater.eof
        rest = self._inflater.unused_data if self.ended else self._inflater.unconsumed_tail
        self.raw += len(piece) - len(rest)
        return out

    def _append(self, out: bytes) -> None:
        self.base += self.pos
        self.buf = self.buf[self.pos :] + out if self.pos < len(self.buf) else out
        self.pos = 0

    def place(self) -> tuple[int, int]:
        """(member, decoded offset) of the cursor."""
        return self.start, self.base + self.pos

    def seek(self, place: tuple[int, int]) -> bool:
        """Back to a place by decoding its member anew; False, with the cursor left alone, when that costs too much.

        The byte before the place stays in `buf`, so that a line can be seen to begin there.
        """
        if self.base + self.pos > REWIND:
            return False
        start, offset = place
        self.open(start)
        while self.base + len(self.buf) < offset:
            self.pos = max(0, len(self.buf) - 1)
            if not self.more() and not self._continue():
                break
        self.pos = min(offset - self.base, len(self.buf))
        return True

    def extend(self, begin: "re.Pattern[bytes]") -> bool:
        """At the end of a member: go on into the next one, when that continues a record (members cut anywhere).

        False at the end of the file, before a member that begins a record, and before bytes that are no member.
        """
        return self.ended and not self.begins(begin, self.raw) and self._continue()

    def _continue(self) -> bool:
        if not self._codec.magic.match(self._window.view(self.raw, 5)):
            return False
        self._inflater = self._codec.inflater()
        self.ended = False
        self._extended = True
        return True

    def skippable(self, offset: int) -> int:
        """The length of what may lie between members and is not data: line ends, skippable zstd frames."""
        head = bytes(self._window.view(offset, 8))
        if head[:2] == b"\x1f\x8b":
            return 0
        if self._codec.name != "gzip" and 0x50 <= head[0] <= 0x5F and head[1:4] == ZSTD_DICTIONARY_FRAME[1:]:
            return 8 + int.from_bytes(head[4:8], "little")
        return len(head) - len(head.lstrip(b"\r\n"))

    def begins(self, begin: "re.Pattern[bytes]", offset: int) -> bool:
        """Whether a member at `offset` begins with a record, in its first byte.

        One that begins with a line end may hold the end of the record before it.
        """
        inflater = self._codec.inflater()
        head, fed = b"", 0
        try:
            while not head and not inflater.eof and fed <= PROBE_MOST:
                piece = self._window.view(offset + fed, PROBE)
                head = inflater.decompress(piece, PROBE_OUT)
                fed += len(piece)
                if not piece:
                    break
        except ERRORS:
            return False
        return begin.match(head) is not None

    def findable(self, grammar: Grammar) -> bool:
        """Whether `find_anchor` finds the member at whose first record the cursor is."""
        return self.base + self.pos == 0 and not self._extended

    def find_anchor(self, grammar: Grammar, offset: int, stop: int) -> int:
        """The first member in `offset` … `stop` that begins with a record; `stop` (at most the size) for none."""
        stop = min(stop, self._window.size)
        while True:
            offset = self._window.find(self._codec.magic, offset, stop, 4)
            if offset < 0:
                return stop
            if self.begins(grammar.begin, offset):
                return offset
            offset += 1


class Plain:
    """The stream of a file that is not compressed: every record is its own member."""

    solitary = True

    def __init__(self, window: Window) -> None:
        self._window = window
        self.buf, self.pos, self.base = b"", 0, 0

    @property
    def raw(self) -> int:
        """Where the cursor is in the file."""
        return self.base + self.pos

    def open(self, offset: int) -> None:
        """Move the cursor to `offset`."""
        if self.base <= offset <= self.base + len(self.buf):
            self.pos = offset - self.base
        else:
            self.buf, self.pos, self.base = b"", 0, offset

    def more(self) -> bool:
        """Read a piece more; False at the end of the file."""
        piece = bytes(self._window.view(self.base + len(self.buf), MAX_OUT))
        self.base += self.pos
        self.buf = self.buf[self.pos :] + piece
        self.pos = 0
        return bool(piece)

    def place(self) -> tuple[int, int]:
        """(offset of the cursor, 0)."""
        return self.raw, 0

    def seek(self, place: tuple[int, int]) -> bool:
        """Back to a place; the byte before it stays in `buf`."""
        self.open(max(0, place[0] - 1))
        if place[0] > 0 and self.pos == len(self.buf):
            self.more()
        self.pos += min(place[0], 1)
        return True

    def extend(self, begin: "re.Pattern[bytes]") -> bool:
        """There is nothing after the end of the file."""
        return False

    def skippable(self, offset: int) -> int:
        """Line ends before a record are skipped by the reader itself."""
        return 0

    def findable(self, grammar: Grammar) -> bool:
        """Whether `find_anchor` finds the record at the cursor; it is stricter than who knows where to look."""
        if self.pos > 0 and len(self.buf) - self.pos > PROBE_OUT:
            return grammar.somewhere.match(self.buf, self.pos) is not None
        start = max(0, self.raw - 1)
        view = self._window.view(start, PROBE_OUT + 1)
        return self.raw == 0 or grammar.somewhere.match(view, self.raw - start) is not None

    def find_anchor(self, grammar: Grammar, offset: int, stop: int) -> int:
        """The first place in `offset` … `stop` where a record begins; `stop` (at most the size) for none."""
        stop = min(stop, self._window.size)
        if offset == 0 and grammar.begin.match(self._window.view(0, PROBE_OUT)):
            return 0
        start = max(0, offset - 1)  # a line is seen to begin by the byte before it
        found = self._window.find(grammar.somewhere, start, stop, PROBE_OUT)
        if 0 <= found < offset:
            found = self._window.find(grammar.somewhere, offset, stop, PROBE_OUT)
        return found if found >= 0 else stop


def open_stream(file: Readable, size: int, name: str, block: int = BLOCK) -> tuple[Stream, Grammar]:
    """The stream of a file and its format, by its first bytes; by its name where these are damaged."""
    window = Window(file, size, block)
    head = bytes(window.view(0, 4))
    name = name.lower()
    codec = None
    if head in (ZSTD_MAGIC, ZSTD_DICTIONARY_FRAME) or (name.endswith(".zst") and head != b"WARC"):
        codec = Codec("zstd", read_dictionary(window))
    elif head == LZ4_MAGIC or name.endswith(".lz4"):
        codec = Codec("lz4")
    elif head[:3] == GZIP_MAGIC or (name.endswith(".gz") and head not in (b"WARC", b"file")):
        codec = Codec("gzip")
    stream: Stream = Members(window, codec) if codec else Plain(window)
    return stream, ARC if _format(stream, name) == "arc" else WARC


def _format(stream: Stream, name: str) -> str:
    try:
        stream.open(0)
        stream.more()
    except BrokenError:
        pass
    head = stream.buf.lstrip(b"\r\n")
    if head[:5] == b"WARC/" or not head:
        return "arc" if not head and ".arc" in name else "warc"
    return "arc" if head[:9] == b"filedesc:" or ".arc" in name else "warc"
