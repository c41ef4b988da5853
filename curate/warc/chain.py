"""From one record to the next, through damage: the one way in which every split walks a file.

The walk alternates between *groups* (a member that begins with a record, and all records up to the next such member;
in a plain file a group is one record) and damaged regions. The next group is at the end of the one before; after
damage it is at the next place that begins with a record. So the walk is a function of the file and of where it began,
and two walks that once meet stay together.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from curate.warc.codecs import BrokenError
from curate.warc.headers import Http, header_end, parse_arc, parse_brief, parse_http, parse_warc, swallowed
from curate.warc.payload import decode_body
from curate.warc.record import DAMAGED, Record, Wanted
from curate.warc.streams import ARC, PROBE_OUT, Grammar, Stream

_NOT_LINE_END = re.compile(rb"[^\r\n]")
_NEXT, _END, _JUNK = "another record follows", "the group ends", "bytes of no record follow"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one record may cost, in bytes."""

    header: int = 1 << 20
    """The longest WARC or HTTP header."""
    body: int = 16 << 20
    """The longest page, before and after HTTP's compression is undone."""


class Chain:
    """The walk over one file. `wanted` decides which bodies are loaded. `brief`: of sound records that are no pages only the kind is told."""

    def __init__(
        self,
        stream: Stream,
        size: int,
        grammar: Grammar,
        file: str,
        limits: Limits,
        wanted: Wanted,
        brief: bool = False,
    ) -> None:
        self._stream = stream
        self._size = size
        self._grammar = grammar
        self._begin = grammar.begin
        self._arc = grammar is ARC
        self._next = 0
        self._blank = 0, 0, -1, False  # in the member at, no blank line ends since … until; one ends there
        self._file = file
        self._limits = limits
        self._wanted = wanted
        self._brief = brief and not self._arc
        self._unread: bytes | None = None  # the header of a record of which only the kind is told

    def anchor(self, offset: int, stop: int) -> int:
        """The first place in `offset` … `stop` where a group begins; `stop` for none."""
        return self._stream.find_anchor(self._grammar, offset, stop)

    def walk(self, start: int, load_from: int) -> Iterator[tuple[int | None, Record]]:
        """Yield (offset of its group, record) from `start` on.

        None instead of the offset stands for what `anchor` would not find: a damaged region, or a record that shows
        itself only to who comes from the one before. Bodies are loaded in groups at `load_from` and later.
        """
        stream, at = self._stream, start
        while at < self._size:
            if skipped := stream.skippable(at):
                at += skipped
                continue
            stream.open(at)
            why = "garbage: bytes that begin no record"
            try:
                found = self._at_record()
            except BrokenError as error:
                found, why = False, str(error)
            if found:
                place = stream.place()[0]
                anchor = place if stream.findable(self._grammar) else None
                for record in self._group(place, place >= load_from):
                    yield anchor, record
                at = self._next
            elif found is None:
                at = max(stream.raw, at + 1)  # nothing but line ends
            else:
                after = self.anchor(at + 1, self._size)
                yield None, Record(self._file, at, after - at, error=why)
                at = after

    def _group(self, at: int, load: bool) -> Iterator[Record]:
        """Yield the records of the group at the cursor; leave the offset of what follows in `_next`."""
        stream, mark, junk = self._stream, at, False
        while True:
            place = stream.place()
            record, self._unread = Record(self._file, place[0], inner=place[1]), None
            try:
                state = self._junk(record) if junk else self._record(record, load)
                self._next = stream.raw
            except BrokenError as error:
                self._read_all(record)
                _damage(record, str(error))
                state, self._next = _END, self.anchor(at + 1, self._size)
            record.length, mark = self._next - mark, self._next
            yield record
            if state == _END or stream.solitary:
                return
            junk = state == _JUNK

    def _junk(self, record: Record) -> str:
        _damage(record, "garbage: bytes that begin no record")
        return _NEXT if self._to_begin() else _END

    def _record(self, record: Record, load: bool) -> str:
        """Read the record at the cursor and say what follows it."""
        header = self._header()
        body = self._stream.place()
        length = None
        if header is not None:
            length = self._parse(header, record)
        if length is None:
            _damage(record, "header: no blank line ends it" if header is None else "header: no usable length")
            self._stream.pos += header is None  # past the beginning of this record
            return _NEXT if self._to_begin() else _END
        missing = self._stream.missing(length, self._grammar)
        if missing is None:
            missing = self._block(record, length) if load else self._skip(length)
            if missing == 0:
                line_ends = self._skip_line_ends()
                if (found := self._at_record()) is not False:
                    return _NEXT if found else _END
                if line_ends >= self._grammar.line_ends:
                    return _JUNK
        return self._mend(record, body, length, missing)

    def _parse(self, header: bytes, record: Record) -> int | None:
        if self._arc:
            return parse_arc(header, record)
        if self._brief and (length := parse_brief(header, record)) is not None:
            self._unread = header
            return length
        return parse_warc(header, record)

    def _read_all(self, record: Record) -> None:
        """Fill in what was left out of a record that turns out to be damaged."""
        if self._unread:
            parse_warc(self._unread, record)

    def _mend(self, record: Record, body: tuple[int, int], length: int, missing: int) -> str:
        """The record does not end where its header says: find out where, by the next that begins on a line."""
        stream = self._stream
        self._read_all(record)
        stream.seek(body)
        found = self._to_begin()
        if missing and not found and stream.raw >= self._size and stream.solitary:
            _damage(record, f"truncated: the file ends {missing} bytes before the record does")
        else:
            _damage(record, f"length: the record does not end after the {length} bytes that its header declares")
        return _NEXT if found else _END

    def _header(self) -> bytes | None:
        """Take the header at the cursor; None (and the cursor where it was) when none ends within the limit."""
        stream = self._stream
        end = self._line_end() if self._arc else self._blank_line()
        if end < 0 or (not self._arc and swallowed(stream.buf, stream.pos, end)):
            return None
        header = stream.buf[stream.pos : end]
        stream.pos = end
        return header

    def _line_end(self) -> int:
        stream = self._stream
        while (end := stream.buf.find(b"\n", stream.pos)) < 0:
            if len(stream.buf) - stream.pos > self._limits.header or not self._more():
                return -1
        return end + 1

    def _blank_line(self) -> int:
        """Where in `buf` the first blank line behind the cursor ends; -1 when there is none within the limit.

        What was looked through is remembered: damage may show thousands of beginnings before one blank line.
        """
        stream, limit = self._stream, self._limits.header
        here = stream.base + stream.pos
        member, since, until, found = self._blank
        if member != stream.start or not since <= here < until:
            since, until, found = here, here, False
        while not found and until - here <= limit:
            end = header_end(stream.buf, until - stream.base, len(stream.buf))
            if end >= 0:
                until, found = stream.base + end, True
            else:
                until = max(until, stream.base + len(stream.buf) - 3)
                if not self._more():
                    break
        self._blank = stream.start, since, until, found
        if not found or until - here > limit:
            return -1
        while stream.base + len(stream.buf) < until and self._more():
            pass
        return until - stream.base

    def _block(self, record: Record, length: int) -> int:
        """Read the block of `length` bytes at the cursor into `record`; return how many bytes are missing."""
        http, missing = None, 0
        if record.kind == "response":
            http, length = self._http(record, length)
        if record.error or not self._wanted(record):
            return self._skip(length)
        if length > self._limits.body:
            record.error = f"too_large: {length} bytes, the limit is {self._limits.body}"
            return self._skip(length)
        data, missing = self._take(length)
        if missing == 0:
            if http:
                data, record.error = decode_body(data, http, self._limits.body)
            record.body = None if record.error else data
        return missing

    def _http(self, record: Record, length: int) -> tuple[Http | None, int]:
        """Take an HTTP header at the cursor, if there is one; return it and what is left of `length`."""
        stream, searched = self._stream, 0
        while True:
            end = header_end(stream.buf, stream.pos + searched, stream.pos + length)
            found = end >= 0
            size = end - stream.pos if found else min(len(stream.buf) - stream.pos, length)
            if found or size == length or size > self._limits.header or not self._more():
                break
            searched = max(0, size - 3)
        http = parse_http(stream.buf[stream.pos : stream.pos + size])
        if http is None:
            return None, length
        if not found and size > self._limits.header:
            record.error = f"http: a header of more than {self._limits.header} bytes"
        stream.pos += size
        outer = record.content_type if record.content_type != "application/http" else None
        record.status, record.http_charset, record.reserving = http.status, http.charset, http.reserving
        record.content_type = http.content_type or outer
        return http, length - size

    def _take(self, length: int) -> tuple[bytes, int]:
        """`length` bytes from the cursor on, and how many are missing."""
        stream, parts = self._stream, []
        while True:
            part = stream.buf[stream.pos : stream.pos + length]
            stream.pos += len(part)
            length -= len(part)
            parts.append(part)
            if length == 0 or not self._more():
                return parts[0] if len(parts) == 1 else b"".join(parts), length

    def _skip(self, length: int) -> int:
        """Pass over `length` bytes; return how many are missing."""
        stream = self._stream
        while True:
            here = min(length, len(stream.buf) - stream.pos)
            stream.pos += here
            length -= here
            if length == 0 or not self._more():
                return length

    def _more(self) -> bool:
        """Decode more of the group, across members when a record goes on in the next."""
        while not self._stream.more():
            if not self._stream.extend(self._begin):
                return False
        return True

    def _skip_line_ends(self) -> int:
        """Pass over line ends up to the end of the member; return how many there were."""
        stream, count = self._stream, 0
        while True:
            found = _NOT_LINE_END.search(stream.buf, stream.pos)
            end = found.start() if found else len(stream.buf)
            count += stream.buf.count(b"\n", stream.pos, end)
            stream.pos = end
            if found or not stream.more():
                return count

    def _at_record(self) -> bool | None:
        """Whether a record begins at the cursor, after line ends; None at the end of the member."""
        stream = self._stream
        if self._begin.match(stream.buf, stream.pos):
            return True
        self._skip_line_ends()
        if stream.pos == len(stream.buf):
            return None
        while not self._begin.match(stream.buf, stream.pos):
            if b"\n" in stream.buf[stream.pos : stream.pos + PROBE_OUT] or len(stream.buf) - stream.pos > PROBE_OUT:
                return False
            if not self._more():
                return False
        return True

    def _to_begin(self) -> bool:
        """Pass over bytes up to the next place where a record begins; False, at the end, when there is none."""
        stream = self._stream
        while True:
            if found := self._grammar.somewhere.search(stream.buf, stream.pos):
                stream.pos = found.start()
                return True
            stream.pos = max(stream.pos, len(stream.buf) - self._grammar.reach)
            if not self._more():
                stream.pos = len(stream.buf)
                return False


def _damage(record: Record, error: str) -> None:
    record.kind, record.body, record.error = DAMAGED, None, error
