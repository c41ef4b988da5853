"""Bytes of the sample crawl: WARC records, HTTP messages and gzip members.

gzip members hold *stored* blocks written here, not compressed ones: compressors differ between machines,
and the sample must not.
"""

import base64
import hashlib
import struct
import uuid
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

BLOCK = 65_535
START = datetime(2026, 7, 4, 6, 0, 0, tzinfo=UTC)


def gzip_member(data: bytes) -> bytes:
    """One gzip member with `data` in stored blocks; no name, time 0: the bytes depend on `data` only."""
    parts = [b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"]
    for start in range(0, max(1, len(data)), BLOCK):
        block = data[start : start + BLOCK]
        last = start + BLOCK >= len(data)
        parts.append(struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF) + block)
    parts.append(struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF))
    return b"".join(parts)


def chunked(body: bytes, size: int = 700) -> bytes:
    """`body` in HTTP/1.1 chunks."""
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def http_message(status: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """An HTTP response; `status` as in "200 OK"."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode("latin-1") + body


def digest(data: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()


def record_id(*parts: object) -> str:
    return f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, '|'.join(map(str, parts)))}>"


def date(second: int) -> str:
    """WARC-Date of the moment `second` seconds after the crawl began."""
    return (START + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")


def warc_record(headers: Mapping[str, str], block: bytes, length: int | None = None) -> bytes:
    """One WARC record, uncompressed. `length` lies about the length of `block` where a case wants that."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    size = len(block) if length is None else length
    return f"WARC/1.0\r\n{lines}Content-Length: {size}\r\n\r\n".encode() + block + b"\r\n\r\n"
