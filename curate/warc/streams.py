"""The decoded bytes of a file: a stream of gzip members, zstd or LZ4 frames, bzip2 or xz streams, or plain bytes.

A stream is opened at an offset of the file and grows `buf` by `more()`, until the member ends. Positions in `buf`
below `pos` are consumed and are dropped when it grows. Nothing here holds more than a few pieces of a file.
"""

import re
from typing import NamedTuple, Protocol

from curate.warc.codecs import ERRORS, BrokenError, Codec, codec_of, is_skippable, read_dictionary
from curate.warc.headers import ARC_BEGIN, ARC_SOMEWHERE, WARC_BEGIN, WARC_SOMEWHERE
from curate.warc.window import BLOCK, Readable, Window

PIECE = 32 << 10  # raw bytes that are decoded at once
MAX_OUT = 256 << 10  # decoded bytes that one step may yield
PROBE = 80 << 10  # raw bytes that suffice to see how a member begins: a gzip header has 64 KiB at most
PROBE_OUT = 9000  # decoded bytes that suffice to see a record begin
PROBE_MOST = 4 << 20  # raw bytes for that, at most, where a frame is decoded as a whole
_ZERO = re.compile(rb"\0")


class Grammar(NamedTuple):
    """How records of a format are found."""

    name: str
    begin: "re.Pattern[bytes]"
    somewhere: "re.Pattern[bytes]"
    reach: int
    """Bytes that `somewhere` matches at most."""
    line_ends: int
    """How many end a record."""


WARC = Grammar("warc", WARC_BEGIN, WARC_SOMEWHERE, 128, 2)
ARC = Grammar("arc", ARC_BEGIN, ARC_SOMEWHERE, PROBE_OUT, 1)


class Stream(Protocol):
    """Decoded bytes from an offset of the file on."""

    buf: bytes
    pos: int
    start: int
    """Where the member began; 0 in a plain file."""
    base: int
    """Decoded bytes of the member (in a plain file: of the file) before `buf`."""
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
    def missing(self, length: int, grammar: Grammar) -> int | None: ...
    def extend(self, begin: "re.Pattern[bytes]") -> bool: ...
    def skippable(self, offset: int) -> int: ...
    def findable(self, grammar: Grammar) -> bool: ...
    def find_anchor(self, grammar: Grammar, offset: int, stop: int) -> int: ...


REWIND, REWINDS = 8 << 20, 4
"""Decoded bytes that are decoded again, at most, to mend the wrong Content-Lengths of one member: this many, and this many
times what was decoded of it."""
TRUSTED = 64 << 10  # a record of a plain file that says it is longer is looked at where it should end
PEEK = 16 << 10  # bytes that are read for this look


class Members:
    """The stream of a file of gzip members or zstd frames."""

    solitary = False
    buf: bytes
    pos: int
    start: int
    base: int
    raw: int

    def __init__(self, window: Window, codec: Codec) -> None:
        self._window = window
        self._codec = codec
        self._no_zero = 0, -1  # there is no zero byte between these offsets of the file
        self.open(0)

    def open(self, offset: int) -> None:
        """Begin at the member at `offset`."""
        self._rewound = 0
        self._open(offset)

    def _open(self, offset: int) -> None:
        self.start = self.raw = offset
        self.buf, self.pos, self.base = b"", 0, 0
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
        self._rewound += self.base + self.pos
        if self._rewound > REWIND + REWINDS * (self.base + self.pos):
            return False
        start, offset = place
        self._open(start)
        while self.base + len(self.buf) < offset:
            self.pos = max(0, len(self.buf) - 1)
            if not self.more() and not self._continue():
                break
        self.pos = min(offset - self.base, len(self.buf))
        return True

    def missing(self, length: int, grammar: Grammar) -> int | None:
        """What a record of `length` lacks shows itself when it is decoded."""
        return None

    def extend(self, begin: "re.Pattern[bytes]") -> bool:
        """At the end of a member: go on into the next one, when that continues a record (members cut anywhere).

        False at the end of the file, before a member that begins a record, and before bytes that are no member.
        """
        return self.ended and not self.begins(begin, self.raw) and self._continue()

    def _continue(self) -> bool:
        if not self._codec.magic.match(self._window.view(self.raw, 10)):
            return False
        self._inflater = self._codec.inflater()
        self.ended = False
        self._extended = True
        return True

    def skippable(self, offset: int) -> int:
        """The length of what may lie between members and is not data: line ends, skippable frames, the padding of xz."""
        head = bytes(self._window.view(offset, 8))
        if head[:2] == b"\x1f\x8b":
            return 0
        if self._codec.name in ("zstd", "lz4") and is_skippable(head):
            length = 8 + int.from_bytes(head[4:8], "little")
            return length if offset + length <= self._window.size else 0  # more than the file has: damage
        if self._codec.name == "xz" and head[:4] == bytes(4):
            return 4
        return len(head) - len(head.lstrip(b"\r\n"))

    def begins(self, begin: "re.Pattern[bytes]", offset: int) -> bool:
        """Whether a member at `offset` begins with a record, in its first byte.

        One that begins with a line end may hold the end of the record before it.
        """
        if self._codec.name == "gzip" and not self._header_ends(offset):
            return False
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

    def _header_ends(self, offset: int) -> bool:
        """Whether the gzip header at `offset` (RFC 1952) ends within reach.

        A name in it ends with a zero byte, and the next one is looked for once for all candidates before it.
        """
        flags, at = self._window.view(offset + 3, 1), offset + 10
        if not flags:
            return False
        if flags[0] & 4:
            at += 2 + int.from_bytes(self._window.view(at, 2), "little")
        for flag in (8, 16):
            if flags[0] & flag and at - offset <= PROBE:
                at = self._next_zero(at) + 1
        return at - offset <= PROBE

    def _next_zero(self, at: int) -> int:
        """The first zero byte from `at` on, or a place `PROBE` behind `at` at least, up to which there is none."""
        since, until = self._no_zero
        if not since <= at <= until:
            since, until = at, at
        found = self._window.find(_ZERO, until, at + PROBE, 1)
        self._no_zero = since, found if found >= 0 else max(until, at + PROBE)
        return self._no_zero[1]

    def findable(self, grammar: Grammar) -> bool:
        """Whether `find_anchor` finds the member at whose first record the cursor is: decoders take heads that the search doesn't
        (isal those of gzip with reserved flags)."""
        first = self.base + self.pos == 0 and not self._extended
        return first and self._codec.magic.match(self._window.view(self.start, 10)) is not None

    def find_anchor(self, grammar: Grammar, offset: int, stop: int) -> int:
        """The first member in `offset` … `stop` that begins with a record; `stop` (at most the size) for none."""
        stop = min(stop, self._window.size)
        while True:
            offset = self._window.find(self._codec.magic, offset, stop, 10)
            if offset < 0:
                return stop
            if self.begins(grammar.begin, offset):
                return offset
            offset += 1


class Plain:
    """The stream of a file that is not compressed: every record is its own member."""

    solitary = True
    start = 0

    def __init__(self, window: Window) -> None:
        self._window = window
        self._peek = window.other(PEEK)
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

    def missing(self, length: int, grammar: Grammar) -> int | None:
        """How many bytes the file lacks of a block of `length` bytes at the cursor; None when, by a look at its end, a
        record may end there. So lengths that lie cost no reading of what they claim."""
        end = self.raw + length
        if end > self._window.size or length <= TRUSTED:
            return max(0, end - self._window.size) or None
        view = bytes(self._peek.view(end, PROBE_OUT))
        rest = view.lstrip(b"\r\n")
        line_ends = view.count(b"\n", 0, len(view) - len(rest))
        unseen = b"\n" not in rest and end + len(view) < self._window.size
        return None if unseen or line_ends >= grammar.line_ends or not rest or grammar.begin.match(rest) else 0

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
    named = codec_of(bytes(window.view(0, 10)), name)
    codec = Codec(named, read_dictionary(window) if named == "zstd" else None) if named else None
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
