"""The rows of JSON files, packed or not, whichever way they are written: an object a line (of which a line may hold
several), an array of objects, objects over several lines. What is none is a row with a problem."""

import bz2
import gzip
import io
import json
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import lz4.frame
import pyarrow as pa
from backports import zstd

from curate.encodings.decode import SIGNATURES
from curate.errors import InputError, said
from curate.files import storage

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_LINE = 512 << 20
"""Bytes of a line (or of an object over several lines) that is read; one line must not fill the memory."""
MAX_VALUES = 4 << 20
"""Values, names among them, of an object that is read: three bytes of them take a hundred of memory, and pack to nothing."""
READ_AHEAD = 1 << 20
DAMAGE = (
    EOFError,
    OSError,
    RuntimeError,  # LZ4's
    UnicodeDecodeError,  # names of columns in a broken Parquet file
    lzma.LZMAError,
    pa.ArrowException,
    zlib.error,
    zstd.ZstdError,
)


class Problem(NamedTuple):
    kind: str
    detail: str


_Line = tuple[int, bytes | None]
"""Number of a line, from 1; None for one that is too long."""


class Record(NamedTuple):
    """One row of a JSON file."""

    line: int
    """Where it ends, counted from 1."""
    value: dict[str, Any] | Problem


def records(stream: BinaryIO, max_line: int = MAX_LINE) -> Iterator[Record]:
    """The objects of an unpacked JSON file, whichever way they are written; and what is none, as a problem.

    UTF-16 and UTF-32 are problems: JSON that is exchanged is UTF-8 (RFC 8259).
    """
    yield from _each(_lines(stream, max_line), max_line, first=True)


def _each(lines: Iterator[_Line], limit: int, *, first: bool) -> Iterator[Record]:
    for number, line in lines:
        if line is None:
            yield Record(number, Problem("long_line", f"line {number:,} is longer than {limit:,} bytes"))
            first = False
            continue
        if first and line.startswith(_WIDE):
            yield Record(number, Problem("damaged", "UTF-16 or UTF-32, or no text at all; JSON has to be UTF-8"))
            return
        try:
            if _is_rich(line):
                _check_values(_text(line), 0)
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            value = _with_huge_numbers(line, error)
        except MemoryError:
            yield Record(number, Problem("long_line", f"line {number:,} takes more memory than there is"))
            first = False
            continue
        if value is _END:
            text = _text(line).strip(" \t\r\n\v\f")
            if not text:
                continue
            if first and text[0] in "[{":
                values = _Values(lines, text, number, limit)
                if values.begin():
                    yield from values.all()
                    return
                lines = chain(values.taken, lines)
                yield from _several(text, number)
                yield from _each(lines, limit, first=False)
                return
            yield from _several(text, number)
        elif type(value) is dict:
            yield Record(number, value)
        else:
            yield from (Record(number, one) for one in _objects(value))
        first = False


_WIDE = (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff", b"{\0", b"[\0", b"\0{", b"\0[", b"\0\0\0{", b"\0\0\0[")
"""How JSON begins in UTF-16 and UTF-32."""


def _lines(stream: BinaryIO, limit: int) -> Iterator[_Line]:
    """Lines with their numbers from 1; None for a longer one than `limit`."""
    number = 0
    while line := stream.readline(limit + 1):
        number += 1
        if len(line) > limit and not line.endswith(b"\n"):
            while (rest := stream.readline(READ_AHEAD)) and not rest.endswith(b"\n"):
                pass
            yield number, None
        else:
            yield number, line


def _text(line: bytes) -> str:
    """A line as text. Bytes that are no UTF-8 become U+FFFD, as in a text column."""
    return line.decode("utf-8", "replace").removeprefix("\ufeff")


def _objects(value: object) -> list[dict[str, object] | Problem]:
    """A JSON value as rows: an object is one, an array with objects in it so many."""
    inside = value if isinstance(value, list) and any(isinstance(one, dict) for one in value) else [value]
    return [
        one if isinstance(one, dict) else Problem("not_object", f"a {type(one).__name__}, no object") for one in inside
    ]


def _several(text: str, number: int) -> Iterator[Record]:
    """The rows of a line that is not one JSON value: several, one behind the other, or what is wrong with it."""
    rich = _is_rich(text)
    try:
        for _ in _values_in(text, rich):
            pass
    except (ValueError, RecursionError, MemoryError) as error:
        yield Record(number, Problem("not_json", f"line {number:,}: {first_line(error)}"))
        return
    for value in _values_in(text, rich):
        yield from (Record(number, one) for one in _objects(value))


def _values_in(text: str, rich: bool) -> Iterator[object]:
    at = 0
    while at < len(text):
        value, at = _decoded(text, at, rich)
        yield value
        at = _end(_SPACE, text, at)


def _whole(digits: str) -> int | float:
    """A whole number, or what is nearest where Python makes none of so many digits, as the time grows with their square."""
    try:
        return int(digits)
    except ValueError:
        return float(digits)


_DECODER, _LENIENT = json.JSONDecoder(), json.JSONDecoder(parse_int=_whole)


_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[{\]},]', re.DOTALL)


class _RichError(ValueError):
    """A value holds too many others."""


def _is_rich(text: Any) -> bool:
    """Whether a text or its bytes may hold more than MAX_VALUES values."""
    signs: tuple[Any, ...] = ("[", "{", ",") if isinstance(text, str) else (b"[", b"{", b",")
    return len(text) > 2 * MAX_VALUES and sum(map(text.count, signs)) > MAX_VALUES


def _check_values(text: str, at: int) -> None:
    """Raises _RichError where the value at a place holds more than MAX_VALUES."""
    depth = 0
    for count, token in enumerate(_TOKEN.finditer(text, at)):
        if count > 2 * MAX_VALUES:
            raise _RichError(f"an object of more than {MAX_VALUES:,} values")
        sign = text[token.start()]
        depth += (sign in "[{") - (sign in "]}")
        if depth <= 0:
            return


def _decoded(text: str, at: int, rich: bool = False) -> tuple[Any, int]:
    """The JSON value at a place, and where it ends. Raises ValueError (JSONDecodeError) for what is none, RecursionError for what is
    nested too deeply. `rich`: the text may hold too many values for one of them."""
    if rich:
        _check_values(text, at)
    try:
        return _DECODER.raw_decode(text, at)
    except json.JSONDecodeError:
        raise
    except ValueError:  # a number of more digits than Python takes
        return _LENIENT.raw_decode(text, at)


def _with_huge_numbers(line: bytes, error: Exception) -> object:
    """The JSON value of a line that was not read for `error`; _END where that was not the length of a number, or not that alone."""
    if type(error) is not ValueError:
        return _END
    try:
        return json.loads(line, parse_int=_whole)
    except (ValueError, RecursionError):
        return _END


_SPACE, _GAP = re.compile(r"\s*"), re.compile(r"[\s,]*")


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Where what `pattern` matches at a place ends."""
    match = pattern.match(text, at)
    return match.end() if match else at


class _Values:
    """JSON values over several lines: those of an array, or one behind the other. Holds about one value."""

    def __init__(self, lines: Iterator[_Line], begun: str, number: int, limit: int) -> None:
        self._lines, self._limit, self._line = lines, limit, number
        self._array = begun.startswith("[")
        self._text, self._at = begun + "\n", int(self._array)
        self._rich = _is_rich(begun)
        self._first: Any = None
        self.taken: list[_Line] = []
        """The lines that were read to see how the file begins."""

    def begin(self) -> bool:
        """Whether an object follows, so that the file is written in this way."""
        try:
            self._first = self._next()
        except (ValueError, RecursionError, MemoryError):
            return False
        self.taken.clear()
        return isinstance(self._first, dict)

    def all(self) -> Iterator[Record]:
        """The rows, up to where the file is no JSON, and that as a row."""
        value = self._first
        while value is not _END:
            yield from (Record(self._line, one) for one in _objects(value))
            try:
                value = self._next()
                self.taken.clear()
            except (ValueError, RecursionError, MemoryError) as error:
                detail = f"can't be read behind line {self._line:,}: {first_line(error)}"
                yield Record(self._line, Problem("damaged", detail))
                return

    def _next(self) -> object:
        """The next value, or _END. Raises ValueError for what is no JSON, RecursionError for what is nested too deeply."""
        while (at := _end(_GAP, self._text, self._at)) == len(self._text) or self._text[at] == "]":
            self._at = at
            if at < len(self._text):
                if not self._array:
                    raise ValueError("an array is closed that was not begun")
                self._array, self._at = False, at + 1
            elif not self._more(1):
                if self._array:
                    raise ValueError("the array is not closed")
                return _END
        step = 1
        while True:
            try:
                value, self._at = _decoded(self._text, at, self._rich)
                return value
            except json.JSONDecodeError as error:
                cut = error.pos >= len(self._text) - 12 or error.msg.startswith("Unterminated string")
                if not cut or len(self._text) - at > self._limit or not self._more(step):
                    raise
                at, step = _end(_GAP, self._text, self._at), step * 2

    def _more(self, count: int) -> bool:
        """Take `count` more lines, fewer where they are as much as is read; what was used up is forgotten."""
        lines, size = list[_Line](), len(self._text) - self._at
        for number, line in islice(self._lines, count):
            lines.append((number, line))
            if line is None or (size := size + len(line)) > self._limit:
                break
        if self._first is None:
            self.taken += [line for line in lines if line[1] is None or line[1].strip()]
        read = [_text(line) for _, line in lines if line is not None]
        if len(read) < len(lines):
            raise ValueError(f"a line is longer than {self._limit:,} bytes")
        self._text, self._at = self._text[self._at :] + "".join(read), 0
        self._rich = _is_rich(self._text)
        self._line = lines[-1][0] if lines else self._line
        return bool(lines)


_END = object()


# ---- files -------------------------------------------------------------------------------------------------

_PIECE = 32 << 10  # raw bytes that are unpacked at once


class _Streams(io.RawIOBase):
    """The bytes of bzip2 or xz streams, one behind the other, with or without zeros between them (xz pads with zeros).

    Python's own files take whatever is no stream, padding included, for the end, and say nothing. Reading raises EOFError,
    OSError or LZMAError where a stream is cut or broken.
    """

    def __init__(self, raw: BinaryIO, begin: Callable[[], object]) -> None:
        super().__init__()
        self._raw, self._begin = raw, begin
        self._stream: Any = None
        self._ahead = b""

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill the buffer, partly; 0 at the end."""
        view, out = memoryview(buffer), b""
        while not out:
            if self._stream is None:
                ahead = self._ahead or self._raw.read(_PIECE)
                if not ahead:
                    return 0
                self._ahead = ahead.lstrip(b"\0")
                if not self._ahead:
                    continue
                self._stream = self._begin()
            fed = b""
            if self._stream.needs_input:
                fed, self._ahead = self._ahead or self._raw.read(_PIECE), b""
                if not fed:
                    raise EOFError("the file ends inside a compressed stream")
            out = self._stream.decompress(fed, len(view))
            if self._stream.eof:
                self._ahead, self._stream = self._stream.unused_data, None
        view[: len(out)] = out
        return len(out)


def _streams(begin: Callable[[], object]) -> Callable[[BinaryIO], BinaryIO]:
    return lambda raw: io.BufferedReader(_Streams(raw, begin))  # little at once: what stands before damage is read


_UNPACKED: dict[str, Callable[[Any], Any]] = {
    "gz": lambda raw: gzip.GzipFile(fileobj=raw),
    "zst": lambda raw: zstd.ZstdFile(raw, options={zstd.DecompressionParameter.window_log_max: 31}),
    "bz2": _streams(bz2.BZ2Decompressor),
    "xz": _streams(lzma.LZMADecompressor),
    "lz4": lz4.frame.LZ4FrameFile,
}
"""What reads a compressed file."""
_SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18", re.DOTALL)
"""How a frame begins that zstd and LZ4 pass over: pzstd puts one before each of its own."""


@contextmanager
def opened(file: str) -> Iterator[BinaryIO]:
    """The bytes of a file, unpacked where it is gzip, zstd (long windows, too), bzip2, xz or LZ4, by what it begins with.

    Raises InputError when it can't be opened; reading raises one of DAMAGE where it is damaged or cut.
    """
    with raw_stream(file) as raw:
        plain = io.BufferedReader(raw, READ_AHEAD)
        head = _head(plain)
        unpack = next((read for kind, read in _UNPACKED.items() if head.startswith(SIGNATURES[kind])), None)
        yield plain if unpack is None else unpack(plain)


def _head(plain: io.BufferedReader) -> bytes:
    """How the data of a file begins, behind skippable frames; these are consumed where they stand in front."""
    while _SKIPPABLE.match(head := plain.peek(8)[:8]):
        left = 8 + int.from_bytes(head[4:], "little")
        while left and (skipped := len(plain.read(min(left, READ_AHEAD)))):
            left -= skipped
    return head[:6]


def raw_stream(file: str) -> Any:
    fs, inner = storage.filesystem(file)
    storage.refuse_special(file)
    try:
        return fs.open_input_stream(inner, compression=None, buffer_size=0)
    except OSError as error:
        raise InputError(f"{file}: {said(error)}") from error


def first_line(error: BaseException) -> str:
    """What an exception says, on one line."""
    return (str(error).strip().split("\n", 1)[0] or type(error).__name__)[:300]


def refuse_unreachable(file: str, error: BaseException) -> None:
    """Raise InputError for what is no damage of the file: a file system that says no, a store that doesn't answer."""
    if isinstance(error, OSError) and (error.errno is not None or "AWS Error" in str(error)):
        raise InputError(f"{file}: {said(error)}") from error
