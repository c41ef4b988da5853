"""The body of an HTTP response: transfer and content codings undone, within a limit.

Crawlers differ: some store the body as it came over the wire, some store it decoded and leave the header alone. So a
coding is undone only where the bytes look like it. What a cut-off body still holds is kept, as browsers do; bytes
that contradict the coding are an error.
"""

import re
import zlib

import pyarrow as pa
import zstandard

from curate.warc.headers import Http

_CHUNK = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]{0,1000})?\r?\n")
_MAX_CODINGS = 4
_STEP = 64 << 10


class BodyError(Exception):
    """The body can't be decoded; the text is `code: what`."""


def decode_body(data: bytes, http: Http, limit: int) -> tuple[bytes, str | None]:
    """The payload of at most `limit` bytes, and the error for which there is none."""
    try:
        if "chunked" in http.transfer_encoding:
            data = unchunk(data)
        codings = [c.strip() for c in http.content_encoding.split(",")] if http.content_encoding else []
        if len(codings) > _MAX_CODINGS:
            raise BodyError(f"encoding: {len(codings)} codings on top of each other")
        for coding in reversed(codings):
            data = undo_coding(data, coding, limit)
    except BodyError as error:
        return b"", str(error)
    if len(data) > limit:
        return b"", f"too_large: more than {limit} bytes"
    return data, None


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
    """Undo one content coding. Raises BodyError for broken or unknown ones and for what decodes to over `limit`."""
    if coding in ("", "identity", "none", "utf-8", "utf8"):
        return data
    if coding in ("gzip", "x-gzip"):
        return _inflate(data, 31, limit) if data[:2] == b"\x1f\x8b" else data
    if coding == "deflate":
        return _undeflate(data, limit)
    if coding in ("br", "zstd"):
        return _stream(data, coding, limit)
    raise BodyError(f"encoding: unknown content coding {coding[:40]!r}")


def _undeflate(data: bytes, limit: int) -> bytes:
    """ "deflate" is zlib by the standard and raw deflate by habit; neither has a magic number worth the name."""
    for wbits in (15, -15):
        try:
            return _inflate(data, wbits, limit)
        except BodyError as error:
            if str(error).startswith("too_large"):
                raise
    if _looks_like_text(data):
        return data
    raise BodyError("encoding: deflate data broken")


def _inflate(data: bytes, wbits: int, limit: int) -> bytes:
    parts: list[bytes] = []
    left = limit + 1
    while data and left > 0:
        inflater = zlib.decompressobj(wbits)
        try:
            part = inflater.decompress(data, left)
        except zlib.error as error:
            if parts:  # bytes after a complete member
                break
            raise BodyError(f"encoding: compressed body broken: {error}") from None
        parts.append(part)
        left -= len(part)
        data = inflater.unused_data if inflater.eof and wbits > 15 else b""
    if left <= 0:
        raise BodyError(f"too_large: decodes to more than {limit} bytes")
    return b"".join(parts)


def _stream(data: bytes, coding: str, limit: int) -> bytes:
    parts: list[bytes] = []
    total = 0
    try:
        if coding == "br":
            reader = pa.CompressedInputStream(pa.BufferReader(data), "brotli")
        else:
            reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(data, read_across_frames=True)
        while part := reader.read(_STEP):
            parts.append(part)
            total += len(part)
            if total > limit:
                raise BodyError(f"too_large: decodes to more than {limit} bytes")
    except (OSError, zstandard.ZstdError) as error:
        if parts and "runcated" in str(error):
            return b"".join(parts)
        if _looks_like_text(data):
            return data
        raise BodyError(f"encoding: {coding} body broken: {error}") from None
    return b"".join(parts)


def _looks_like_text(data: bytes) -> bool:
    """Whether bytes that should be compressed are a page already: markup, and no control characters, at the start."""
    head = data[:512].lstrip()
    return head[:1] == b"<" and not any(byte < 9 for byte in head)
