"""The body of an HTTP response: transfer and content codings undone, within a limit.

Crawlers differ: some store the body as it came over the wire, some store it decoded and leave the header alone. Servers
differ too: they name codings that are none. So a coding is undone where the bytes look like it, and an unknown one on a
plain body is none, as in browsers. What a cut-off body still holds is kept; bytes that contradict the coding are an
error.
"""

import re
import zlib
from collections.abc import Iterator

import pyarrow as pa
import zstandard

from curate.warc.headers import Http

_CHUNK = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]{0,1000})?\r?\n")
_MAX_CODINGS = 4
_STEP = 64 << 10
_SMALL_STEP = 256  # bytes of a cut-off stream that may be lost
_TELLING = 64  # bytes of a coded body among which there is a control character (but for one body in a thousand)
_GZIP = re.compile(rb"[\r\n\t ]{0,16}(?=\x1f\x8b\x08)")  # white space before it: scripts that print too early
_GZIP_HEADER = re.compile(rb"\x1f\x8b\x08([\x00-\x1f]).{6}", re.DOTALL)
_ZSTD = b"\x28\xb5\x2f\xfd"
_CONTROL = bytes(b for b in (*range(32), 127) if b not in (9, 10, 12, 13, 27))
_UTF16 = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")
_KNOWN = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate", "br": "br", "zstd": "zstd"}
_BROKEN_SUM = ("incorrect data check", "incorrect length check")  # zlib's words for a checksum or length that is wrong


class BodyError(Exception):
    """The body can't be decoded; the text is `code: what`."""


def decode_body(data: bytes, http: Http, limit: int) -> tuple[bytes, str | None]:
    """The payload of at most `limit` bytes, and the error for which there is none."""
    try:
        transfer = _names(http.transfer_encoding)
        if "chunked" in transfer:
            data = unchunk(data)
        named = _names(http.content_encoding) + [name for name in transfer if name != "chunked"]
        codings = [_KNOWN[name] for name in named if name in _KNOWN]
        if len(codings) > _MAX_CODINGS:
            raise BodyError(f"encoding: {len(codings)} codings on top of each other")
        for coding in reversed(codings):
            data = undo_coding(data, coding, limit)
        _check_unknown(data, named)
    except BodyError as error:
        return b"", str(error)
    if len(data) > limit:
        return b"", f"too_large: more than {limit} bytes"
    return data, None


def _names(field: str) -> list[str]:
    """The codings of a header field in the order they were applied, without parameters, quotes and empty ones."""
    names = (part.partition(";")[0].strip(" \t\"'") for part in field.split(","))
    return [name for name in names if name]


def _check_unknown(data: bytes, named: list[str]) -> None:
    """Unknown codings are real where the body is no text. Raises BodyError then."""
    unknown = [name for name in named if name not in _KNOWN and name not in ("identity", "none")]
    if unknown and not _is_plain(data):
        raise BodyError(f"encoding: unknown content coding {unknown[0][:40]!r}")


def unchunk(data: bytes) -> bytes:
    """Undo the chunked transfer coding; bytes that do not begin with a chunk are taken as decoded already."""
    parts: list[bytes] = []
    at = 0
    while size := _CHUNK.match(data, at):
        length = int(size[1], 16)
        if length == 0:
            break
        parts.append(data[size.end() : size.end() + length])
        at = size.end() + length
        if data[at : at + 2] == b"\r\n":
            at += 2
        elif data[at : at + 1] == b"\n":
            at += 1
        elif at < len(data):
            return data if len(parts) == 1 else b"".join(parts)
    return b"".join(parts) if parts or _CHUNK.fullmatch(data[:1024].strip() + b"\r\n") else data


def undo_coding(data: bytes, coding: str, limit: int) -> bytes:
    """Undo `gzip`, `deflate`, `br` or `zstd`; gzip and zstd, which begin with a mark, whatever coding was named.

    Raises BodyError for what is broken and for what decodes to over `limit` bytes.
    """
    if begin := _GZIP.match(data):
        return _inflate(data[begin.end() :], 31, limit)
    if data.startswith(_ZSTD):
        return _stream(data, "zstd", limit)
    plain = _is_plain(data)
    if coding == "gzip" or (plain and len(data) >= _TELLING):
        return data
    try:
        decoded = _undeflate(data, limit) if coding == "deflate" else _stream(data, coding, limit)
        return data if plain and not decoded else decoded
    except BodyError as error:
        if plain and not str(error).startswith("too_large"):
            return data
        raise


def _undeflate(data: bytes, limit: int) -> bytes:
    """ "deflate" is zlib by the standard and raw deflate by habit; neither has a magic number worth the name."""
    for wbits in (15, -15):
        try:
            return _inflate(data, wbits, limit)
        except BodyError as error:
            if str(error).startswith("too_large"):
                raise
    raise BodyError("encoding: deflate data broken")


def _inflate(data: bytes, wbits: int, limit: int) -> bytes:
    """All members of gzip (`wbits` 31), or the one stream of zlib (15) or raw deflate (-15)."""
    parts: list[bytes] = []
    left = limit + 1
    while data and left > 0:
        inflater = zlib.decompressobj(wbits)
        try:
            part = inflater.decompress(data, left)
        except zlib.error as error:
            if str(error).endswith(_BROKEN_SUM) and (start := _deflated_at(data, wbits)):
                parts.append(_inflate(data[start:], -15, max(0, left - 1)))  # browsers do not check sums
            elif not parts:  # else: bytes after a complete member
                raise BodyError(f"encoding: compressed body broken: {error}") from None
            break
        parts.append(part)
        left -= len(part)
        data = inflater.unused_data if inflater.eof and wbits > 15 else b""
    if left <= 0:
        raise BodyError(f"too_large: decodes to more than {limit} bytes")
    return b"".join(parts)


def _deflated_at(data: bytes, wbits: int) -> int:
    """Where the raw deflate stream begins behind a header of zlib or gzip (RFC 1952, section 2.3); 0 for no header."""
    if wbits == 15:
        return 2
    header = _GZIP_HEADER.match(data)
    if header is None:
        return 0
    flags, at = header[1][0], header.end()
    if flags & 4:
        at += 2 + int.from_bytes(data[at : at + 2], "little")
    for flag in (8, 16):  # a name, a comment
        if flags & flag:
            at = data.find(b"\0", at) + 1
    return at + (2 if flags & 2 else 0)


def _stream(data: bytes, coding: str, limit: int) -> bytes:
    try:
        return b"".join(_parts(data, coding, limit, _STEP))
    except (OSError, zstandard.ZstdError) as error:
        if "runcated" not in str(error):
            raise BodyError(f"encoding: {coding} body broken: {error}") from None
    parts = []
    try:
        for part in _parts(data, coding, limit, _SMALL_STEP):  # a step that meets the end gives nothing
            parts.append(part)
    except (OSError, zstandard.ZstdError) as error:
        if not parts:
            raise BodyError(f"encoding: {coding} body broken: {error}") from None
    return b"".join(parts)


def _parts(data: bytes, coding: str, limit: int, step: int) -> Iterator[bytes]:
    if coding == "br":
        reader = pa.CompressedInputStream(pa.BufferReader(data), "brotli")
    else:
        reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(data, read_across_frames=True)
    total = 0
    while part := reader.read(step):
        yield part
        total += len(part)
        if total > limit:
            raise BodyError(f"too_large: decodes to more than {limit} bytes")


def _is_plain(data: bytes) -> bool:
    """Whether bytes that should be coded are text already: no control characters at the start (NULs in UTF-16)."""
    head = data[:512]
    if head.startswith(_UTF16):
        head = head.replace(b"\0", b"")
    return len(head) == len(head.translate(None, _CONTROL))
