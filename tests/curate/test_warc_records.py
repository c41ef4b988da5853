"""What one record yields: fields, bodies, errors, the reason why it does not go on."""

import bz2
import gzip
import lzma
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import brotli
import pytest
import zstandard
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.read.inputs import InputFile
from curate.read.splits import plan_splits, read_split
from curate.warc import ERRORS, Limits, Record, chain, goes_on, skip_reason
from curate.warc.codecs import Codec
from curate.warc.headers import Http, parse_brief, parse_warc
from curate.warc.payload import decode_body
from curate.warc.streams import Members, Plain


def warc(
    block: bytes, kind: str = "response", url: str = "http://a.org/", extra: bytes = b"", length: int | None = None
) -> bytes:
    size = len(block) if length is None else length
    head = f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nContent-Length: {size}\r\n".encode()
    return head + extra + b"\r\n" + block + b"\r\n\r\n"


def http(body: bytes, *fields: bytes, status: bytes = b"200 OK", kind: bytes = b"text/html") -> bytes:
    lines = [b"HTTP/1.1 " + status, *([b"Content-Type: " + kind] if kind else []), *fields]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def read(tmp_path: Path, data: bytes, name: str = "x.warc", limits: Limits | None = None) -> list[Record]:
    path = tmp_path / name
    path.write_bytes(data)
    return [
        r for s in plan_splits(InputFile(str(path), len(data), "warc"), 1 << 30) for r in read_split(s, limits=limits)
    ]


def one(tmp_path: Path, data: bytes, limits: Limits | None = None) -> Record:
    (record,) = read(tmp_path, data, limits=limits)
    return record


def zipped(data: bytes) -> bytes:
    """Without the time of day: it would be in the names of tests, which two processes must give alike."""
    return gzip.compress(data, mtime=0)


def test_fields(tmp_path: Path) -> None:
    extra = (
        b"WARC-Date: 2026-11-24T12:30:00.123456Z\r\nwarc-record-id: <urn:uuid:1>\r\nWARC-IP-Address: 10.0.0.1\r\n"
        b"WARC-Payload-Digest: sha1:ABC\r\nWARC-Truncated: length\r\n"
    )
    block = http(b"<p>hi</p>", kind=b'Text/HTML; Charset="UTF-8"')
    record = one(tmp_path, warc(block, url="<http://a.org/x y>", extra=extra))
    assert record.url == "http://a.org/x y"
    assert record.date == datetime(2026, 11, 24, 12, 30, 0, 123456, UTC)
    assert (record.record_id, record.ip, record.payload_digest) == ("<urn:uuid:1>", "10.0.0.1", "sha1:ABC")
    assert (record.truncated, record.status) == ("length", 200)
    assert (record.content_type, record.http_charset) == ("text/html", "UTF-8")
    assert (record.body, record.error, skip_reason(record)) == (b"<p>hi</p>", None, None)


def test_odd_fields(tmp_path: Path) -> None:
    extra = b"WARC-Date: yesterday\r\nX-Long: a\r\n  folded\r\nno colon\r\nWARC-Segment-Number: 1\r\n"
    record = one(
        tmp_path, warc(b"HTTP/1.0 200\nContent-Type: text/plain\n\nhi", url="http://a.org/\xff\0", extra=extra)
    )
    assert record.date is None
    assert record.url == "http://a.org/ÿ"
    assert (record.truncated, record.status, record.body) == ("segment", 200, b"hi")


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("<http://a.org/>", "http://a.org/"),  # as an early draft of WARC has it
        ("http://a.org/?a>", "http://a.org/?a>"),
        ("<http://a.org/", "<http://a.org/"),
        ("<>", None),
    ],
)
def test_addresses_in_angle_brackets(tmp_path: Path, written: str, url: str | None) -> None:
    assert one(tmp_path, warc(http(b"hi"), url=written)).url == url


def test_line_ends_that_were_converted(tmp_path: Path) -> None:
    data = warc(http(b"hi")).replace(b"\r\n", b"\r\r\n")
    (record,) = read(tmp_path, data)
    assert record.url == "http://a.org/"  # its length is wrong now, but it is seen


def chunked(body: bytes, size: int = 5) -> bytes:
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x;ext=1\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"


PAGE = b"<html>" + b"text " * 50
GZIP_HEADER = b"\x1f\x8b\x08\x1e" + bytes(6) + b"\2\0XYname\0comment\0"  # all that may be in one
NAMED_GZIP = GZIP_HEADER + (zlib.crc32(GZIP_HEADER) & 0xFFFF).to_bytes(2, "little") + zipped(PAGE)[10:]
RAW_DEFLATE = zlib.compress(PAGE)[2:-4]


@pytest.mark.parametrize(
    ("fields", "kind", "charset"),
    [
        ((b"Content-Type: Text/HTML; Charset=koi8-r",), "text/html", "koi8-r"),
        ((b"Content-Type: application/octet-stream", b"Content-Type: text/html"), "text/html", None),  # the last
        ((b"Content-Type: text/html;charset=big5", b"Content-Type: text/html"), "text/html", "big5"),
        ((b"Content-Type: text/plain;charset=big5", b"Content-Type: text/html"), "text/html", None),
        ((b"Content-Type: text/html; charset=a, text/html; charset=b",), "text/html", "b"),
        ((b"Content-Type: text/html", b"Content-Type: nonsense"), "text/html", None),
        ((b'Content-Type: "text/html"; charset="utf-8"',), "text/html", "utf-8"),
        ((b"Content-Type: text/html; x-charset=koi8-r; charset = 'utf-8'",), "text/html", "utf-8"),
        ((b"Content-Type:\r\n text/html;\r\n charset=utf-8",), "text/html", "utf-8"),
        ((b"Content-Type: charset=utf-8",), "charset=utf-8", "utf-8"),
        ((b"Content-Type:",), None, None),
    ],
)
def test_media_types_and_charsets(
    tmp_path: Path, fields: tuple[bytes, ...], kind: str | None, charset: str | None
) -> None:
    record = one(tmp_path, warc(http(b"", *fields, kind=b"")))
    assert (record.content_type, record.http_charset) == (kind, charset)


@pytest.mark.parametrize(
    ("fields", "body", "page"),
    [
        ((b"Transfer-Encoding: chunked",), chunked(PAGE), PAGE),
        ((b"Transfer-Encoding: chunked",), PAGE, PAGE),  # stored decoded
        ((b"Transfer-Encoding: chunked",), chunked(PAGE, 100)[:-20], PAGE[:-13]),  # cut off
        ((b"Transfer-Encoding: chunked",), b"0\r\n\r\n", b""),
        ((b"Content-Encoding: gzip",), zipped(PAGE), PAGE),
        ((b"Content-Encoding: gzip",), PAGE, PAGE),
        ((b"Content-Encoding: gzip",), zipped(PAGE[:100]) + zipped(PAGE[100:]), PAGE),
        ((b"Content-Encoding: GZIP", b"Transfer-Encoding: Chunked"), chunked(zipped(PAGE)), PAGE),
        ((b"Content-Encoding: gzip, gzip",), zipped(zipped(PAGE)), PAGE),
        ((b"Content-Encoding: deflate",), zlib.compress(PAGE), PAGE),
        ((b"Content-Encoding: deflate",), RAW_DEFLATE, PAGE),
        ((b"Content-Encoding: deflate",), PAGE, PAGE),
        ((b"Content-Encoding: br",), brotli.compress(PAGE), PAGE),
        ((b"Content-Encoding: br",), PAGE, PAGE),
        ((b"Content-Encoding: zstd",), zstandard.compress(PAGE), PAGE),
        ((b"Content-Encoding: identity",), PAGE, PAGE),
        ((b"Content-Encoding: ISO-8859-1",), PAGE, PAGE),  # no coding at all: browsers take the body as it is
        ((b"Content-Encoding: text/html",), PAGE, PAGE),
        ((b"Content-Encoding: UTF-8, 8bit",), b"plain text", b"plain text"),
        ((b"Content-Encoding: pack200-gzip",), "é".encode("utf-16"), "é".encode("utf-16")),
        ((b"Content-Encoding: foo, gzip",), zipped(PAGE), PAGE),
        ((b"Content-Encoding: identity", b"Content-Encoding: gzip"), zipped(PAGE), PAGE),  # repeated: in order
        ((b"Content-Encoding: deflate", b"X: y", b"content-encoding:\r\n gzip"), zipped(zlib.compress(PAGE)), PAGE),
        ((b"Content-Encoding: br", b"Content-Encoding: gzip"), zipped(brotli.compress(PAGE)), PAGE),
        ((b"Content-Encoding: gzip", b"Content-Encoding: gzip"), zipped(PAGE), PAGE),  # named twice, done once
        ((b'Content-Encoding: "gzip";q=1',), zipped(PAGE), PAGE),
        ((b"Content-Encoding: x-gzip",), zipped(PAGE), PAGE),
        ((b"Content-Encoding: gzip",), b"\r\n" + zipped(PAGE), PAGE),  # a script that printed an empty line first
        ((b"Content-Encoding: gzip",), zipped(PAGE) + b"\0" * 20, PAGE),
        ((b"Content-Encoding: gzip",), zipped(PAGE)[:-8] + b"\0" * 8, PAGE),  # wrong checksum and length
        ((b"Content-Encoding: gzip",), NAMED_GZIP[:-8] + b"\0" * 8, PAGE),
        ((b"Content-Encoding: deflate",), zlib.compress(PAGE)[:-4] + b"\0" * 4, PAGE),
        ((b"Content-Encoding: deflate",), zipped(PAGE), PAGE),  # gzip under another name
        ((b"Content-Encoding: br",), zipped(PAGE), PAGE),
        ((b"Content-Encoding: gzip",), zstandard.compress(PAGE), PAGE),
        ((b"Content-Encoding: deflate",), b"hi", b"hi"),
        ((b"Content-Encoding: br",), b"hi there", b"hi there"),
        ((b"Transfer-Encoding: gzip, chunked",), chunked(zipped(PAGE)), PAGE),
        ((b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked"), chunked(zipped(PAGE)), PAGE),
        ((b"Transfer-Encoding: gzip, chunked", b"Content-Encoding: br"), chunked(zipped(brotli.compress(PAGE))), PAGE),
        ((b"Transfer-Encoding: gzip, chunked",), PAGE, PAGE),  # stored decoded
        ((b"Transfer-Encoding: deflate",), zlib.compress(PAGE), PAGE),
        ((b"Transfer-Encoding: identity",), PAGE, PAGE),
        ((b"Transfer-Encoding: chunked",), chunked(PAGE) + b"X-Trailer: 1\r\n\r\n", PAGE),
        ((b"Transfer-Encoding: chunked",), chunked(PAGE)[:-4] + b"X-Trailer: 1\r\n\r\n", PAGE),
        ((), PAGE, PAGE),
    ],
)
def test_bodies(tmp_path: Path, fields: tuple[bytes, ...], body: bytes, page: bytes) -> None:
    record = one(tmp_path, warc(http(body, *fields)))
    assert (record.error, record.body) == (None, page)


def test_a_cut_off_compressed_body_is_kept_as_far_as_it_goes(tmp_path: Path) -> None:
    text = b"".join(b"%d green bottles hanging on the wall\n" % number for number in range(400))
    for coding, body in ((b"gzip", zipped(text)), (b"br", brotli.compress(text)), (b"deflate", zlib.compress(text))):
        record = one(tmp_path, warc(http(body[: len(body) // 2], b"Content-Encoding: " + coding)))
        assert record.error is None, coding
        assert record.body is not None
        assert text.startswith(record.body)
        assert len(record.body) > len(text) // 4, coding


@pytest.mark.parametrize(
    ("fields", "body", "error"),
    [
        ((b"Content-Encoding: gzip",), zipped(PAGE)[:10] + b"\xff" * 50, "encoding"),
        ((b"Content-Encoding: deflate",), b"\xff\xfe\x00\x01" * 9, "encoding"),
        ((b"Content-Encoding: br",), b"\xff\xfe\x00\x01" * 9, "encoding"),
        ((b"Content-Encoding: zstd",), b"\x28\xb5\x2f\xfd" + b"\xff" * 40, "encoding"),
        ((b"Content-Encoding: compress",), b"\x1f\x9d\x90\x01", "encoding"),
        ((b"Transfer-Encoding: compress",), b"\x1f\x9d\x90\x01", "encoding"),
        ((b"Content-Encoding: gzip",), zipped(bytes(5_000_000))[:-8] + b"\0" * 8, "too_large"),
        ((b"Transfer-Encoding: gzip, gzip",), zipped(zipped(bytes(5_000_000)))[:-9], "too_large"),
        ((b"Content-Encoding: gzip",) * 9, PAGE, "encoding"),
        ((b"Content-Encoding: " + b"gzip," * 9,), PAGE, "encoding"),
        ((b"Content-Encoding: gzip",), zipped(bytes(5_000_000)), "too_large"),
        ((b"Content-Encoding: deflate",), zlib.compress(bytes(5_000_000)), "too_large"),
        ((b"Content-Encoding: br",), brotli.compress(bytes(5_000_000)), "too_large"),
        ((b"Content-Encoding: zstd",), zstandard.compress(bytes(5_000_000)), "too_large"),
        ((b"Transfer-Encoding: chunked",), chunked(b"x" * 1_100_000, 100_000), "too_large"),
        ((), b"x" * 1_000_001, "too_large"),
        ((b"X: " + b"y" * 2_000_000,), b"", "http"),
    ],
)
def test_bodies_that_can_not_be_had(tmp_path: Path, fields: tuple[bytes, ...], body: bytes, error: str) -> None:
    data = warc(http(body, *fields)) + warc(http(b"after"))
    record, after = read(tmp_path, data, limits=Limits(body=1_000_000, header=1_000_000))
    assert (record.error_code, record.body, record.kind, record.url) == (error, None, "response", "http://a.org/")
    assert after.body == b"after"
    assert error in ERRORS


def quick_xz(data: bytes) -> bytes:
    return lzma.compress(data, preset=0)


@pytest.mark.parametrize("name", ["big.warc.gz", "big.warc", "big.warc.zst", "big.warc.xz"])
def test_a_huge_page_costs_no_memory(tmp_path: Path, name: str) -> None:
    page = warc(http(b"word " * 16_000_000))  # 80 MB
    packs = {"gz": lambda d: gzip.compress(d, 1), "zst": zstandard.compress, "xz": quick_xz}
    pack = packs.get(name.rpartition(".")[2], bytes)
    data = pack(page) + pack(warc(http(b"after")))
    path = tmp_path / name
    path.write_bytes(data)
    del page
    tracemalloc.start()
    (split,) = plan_splits(InputFile(str(path), len(data), "warc"), 1 << 30)
    huge, after = read_split(split)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert huge.error == "too_large: 80000000 bytes, the limit is 16777216"
    assert after.body == b"after"
    assert peak < 12_000_000


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (warc(b"GET / HTTP/1.1\r\n\r\n", "request"), "type_request"),
        (warc(b"", "WarcInfo"), "type_warcinfo"),
        (warc(b"", "x" * 90), "type_other"),
        (warc(b"text", "conversion", extra=b"Content-Type: text/plain\r\n"), None),
        (warc(b"png", "conversion", extra=b"Content-Type: image/png\r\n"), "type_conversion"),
        (warc(b"2026 a.org A 1.2.3.4", url="dns:a.org"), "not_http"),
        (warc(http(b"", status=b"404 Gone")), "status_404"),
        (warc(http(b"", status=b"418 Teapot")), "status_4xx"),
        (warc(http(b"", status=b"999 Go away")), "status_other"),
        (warc(http(b"", kind=b"image/png")), "content_image"),
        (warc(http(b"", kind=b"application/pdf")), "content_pdf"),
        (warc(http(b"", kind=b"evil\x1b[2J/x")), "content_other"),
        (warc(http(b"", kind=b"text/x-anything")), "content_text"),
        (warc(http(b"", kind=b"")), "content_missing"),
        (warc(http(b"x", kind=b""), extra=b"WARC-Identified-Payload-Type: text/html\r\n"), None),
        (warc(http(b"", kind=b"application/xhtml+xml;charset=x", status=b"206 Partial")), None),
        (warc(http(b"", kind=b"text/plain, text/html")), None),
    ],
)
def test_skip_reasons(tmp_path: Path, data: bytes, reason: str | None) -> None:
    record = one(tmp_path, data)
    assert (skip_reason(record), goes_on(record)) == (reason, reason is None)
    assert (record.body is None) == (reason is not None)


@pytest.mark.parametrize(
    ("data", "errors"),
    [
        (b"", ["empty"]),
        (b"\r\n", ["not_an_archive"]),
        (b"<!DOCTYPE html><html>", ["not_an_archive"]),
        (warc(http(b"a"))[:-30], ["truncated"]),
        (warc(http(b"a"), length=5000), ["truncated"]),
        (warc(http(b"a"), length=3) + warc(http(b"b")), ["length", None]),
        (warc(http(b"a"), length=100) + warc(http(b"b")), ["length", None]),
        (warc(http(b"a"), length=10**15) + warc(http(b"b")), ["length", None]),
        (warc(http(b"a")).replace(b"Content-Length", b"Content-Lungth") + warc(http(b"b")), ["header", None]),
        (warc(http(b"a"), length=-1) + warc(http(b"b")), ["header", None]),
        (warc(http(b"a")) + b"garbage" * 9 + warc(http(b"b")), [None, "garbage", None]),
        (b"\0" * 50 + warc(http(b"b")), ["garbage", None]),
        (warc(http(b"a")) + b"WARC/1.0\r\nX: " + b"y" * 3_000_000, [None, "header"]),
        (warc(http(b"a")).rstrip(b"\r\n") + warc(http(b"b")), [None, None]),  # no line ends in between
        (warc(b"", "metadata").rstrip(b"\r\n") + warc(http(b"b")), ["header", None]),  # runs into the next
        (warc(b"", "metadata").rstrip(b"\r\n") + b"\0\n\r\n" + warc(http(b"b")), ["header", None]),
        (b"\r\n\r\n" + warc(http(b"a")) + b"\r\n\r\n\r\n", [None]),
    ],
)
def test_damage_in_plain_files(tmp_path: Path, data: bytes, errors: list[str | None]) -> None:
    found = read(tmp_path, data)
    assert [r.error_code for r in found] == errors
    assert all(r.kind == "damaged" for r in found if r.error)
    assert {e for e in errors if e} <= set(ERRORS)


def gz(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


A, B = warc(http(b"a")), warc(http(b"b"))
FLIPPED = bytearray(gz(A))
FLIPPED[30] ^= 255


@pytest.mark.parametrize(
    ("data", "errors"),
    [
        (gz(A)[:-3], ["truncated"]),
        (gz(A)[:40], ["truncated"]),
        (gz(A)[:5], ["truncated"]),
        (bytes(FLIPPED) + gz(B), ["compression", None]),
        (gz(A)[:-8] + b"\0" * 8 + gz(B), ["compression", None]),  # the checksum
        (gz(A) + b"\0" * 512, [None, "garbage"]),
        (gz(A) + b"\0" * 512 + gz(B), [None, "garbage", None]),
        (gz(A) + gz(b"junk") + gz(B), [None, "garbage", None]),
        (gz(A) + gz(b"") + gz(b"\r\n") + b"\r\n" + gz(B), [None, None]),
        (gz(A + B), [None, None]),  # two records in a member
        (gz(A + b"junk\r\n" + B) + gz(B), [None, "garbage", None, None]),
        (gz(warc(http(b"a"), length=9999)) + gz(B), ["length", None]),
        (gz(warc(http(b"a"), length=9)) + gz(B), ["length", None]),
        (gz(A[:-5]) + gz(B), ["length", None]),
    ],
)
def test_damage_in_compressed_files(tmp_path: Path, data: bytes, errors: list[str | None]) -> None:
    found = read(tmp_path, data, "x.warc.gz")
    assert [r.error_code for r in found] == errors
    assert [r.body for r in found if r.error is None][-1:] == (
        [b"b"] if None in errors[1:] else [b"a"][: errors.count(None)]
    )


def test_a_damaged_record_says_what_it_was(tmp_path: Path) -> None:
    (record,) = read(tmp_path, gz(warc(http(b"a" * 5000)))[:-8], "x.warc.gz")
    assert (record.kind, record.url, record.status, record.body) == ("damaged", "http://a.org/", 200, None)


def test_records_in_one_member_have_their_place(tmp_path: Path) -> None:
    found = read(tmp_path, gz(A) + gz(A + B), "x.warc.gz")
    assert [(r.offset, r.inner) for r in found] == [(0, 0), (len(gz(A)), 0), (len(gz(A)), len(A))]


def test_zstd_with_a_dictionary(tmp_path: Path) -> None:
    words = zstandard.ZstdCompressionDict(A * 20, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    compress = zstandard.ZstdCompressor(dict_data=words).compress
    for raw in (words.as_bytes(), zstandard.compress(words.as_bytes())):
        frame = b"\x5d\x2a\x4d\x18" + struct.pack("<I", len(raw)) + raw
        found = read(tmp_path, frame + compress(A) + compress(B), "x.warc.zst")
        assert [r.body for r in found] == [b"a", b"b"]
        assert found[0].offset == len(frame)


def test_zstd_with_a_window_of_more_than_128_mib(tmp_path: Path) -> None:
    wide = {zstd.CompressionParameter.window_log: 31, zstd.CompressionParameter.enable_long_distance_matching: 1}
    compressor = zstd.ZstdCompressor(options=wide)
    data = compressor.compress(A + B) + compressor.flush()
    assert zstd.get_frame_info(data).decompressed_size is None  # streamed, so that the header keeps its window
    found = read(tmp_path, data, "x.warc.zst")
    assert [(r.body, r.error) for r in found] == [(b"a", None), (b"b", None)]


def test_a_skippable_frame_longer_than_the_file_hides_nothing(tmp_path: Path) -> None:
    lying = b"\x50\x2a\x4d\x18" + struct.pack("<I", 1 << 30) + b"junk"
    found = read(tmp_path, zstandard.compress(A) + lying + zstandard.compress(B), "x.warc.zst")
    assert [(r.body, r.error_code) for r in found] == [(b"a", None), (None, "truncated"), (b"b", None)]


@pytest.mark.parametrize("name", ["x", "x.warc.gz", "x.warc.zst"])
def test_frames_without_data_and_padding_are_passed_over(tmp_path: Path, name: str) -> None:
    sizes = b"\x50\x2a\x4d\x18" + struct.pack("<I", 4) + b"size"  # as pzstd writes them before each frame
    packed = sizes + zstandard.compress(A) + sizes + zstandard.compress(B)
    assert [(r.body, r.error) for r in read(tmp_path, packed, name)] == [(b"a", None), (b"b", None)]
    padded = lzma.compress(A) + bytes(8) + lzma.compress(B) + bytes(4)
    assert [(r.body, r.error) for r in read(tmp_path, padded, name)] == [(b"a", None), (b"b", None)]


@pytest.mark.parametrize("name", ["x", "x.warc.gz", "x.warc.zst", "x.wacz"])
@pytest.mark.parametrize("pack", [zipped, zstandard.compress, bz2.compress, lzma.compress, bytes])
def test_the_bytes_decide_how_a_file_is_packed(tmp_path: Path, pack: Callable[[bytes], bytes], name: str) -> None:
    assert [r.body for r in read(tmp_path, pack(A) + pack(B), name)] == [b"a", b"b"]


NO_BLANK_LINE = {
    "beginnings.warc": lambda n: b"WARC/1.0\r\nX:" * n,
    "fields.warc": lambda n: b"WARC/1.0\r\n" + b"A: b\r\n" * n,
    "blank line at the end.warc": lambda n: b"WARC/1.0\r\nX:" * n + b"\r\n\r\n",
    "magic.warc.gz": lambda n: b"\x1f\x8b\x08" * n,
    "magic and names.warc.gz": lambda n: b"\x1f\x8b\x08\x08abc" * n,
    "lengths.warc": lambda n: b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: 99999\r\n\r\n" * n,
    "lengths in one member.warc.gz": lambda n: zipped(
        b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: 999999\r\n\r\n" * n
    ),
    "a byte a member.warc.gz": lambda n: zipped(b"WARC/1.0\r\n") + zipped(b"a") * n,
}


@pytest.mark.parametrize("name", NO_BLANK_LINE)
def test_hostile_bytes_are_looked_through_once(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts bytes that are searched and decoded, which noise does not change: twice the input, twice the work."""
    work = 0
    header_end, more, append, inflater = chain.header_end, Plain.more, Members._append, Codec.inflater

    def counted_header_end(data: bytes, start: int, stop: int) -> int:
        nonlocal work
        end = header_end(data, start, stop)
        work += (stop if end < 0 else end) - start
        return end

    def counted_more(self: Plain) -> bool:
        nonlocal work
        kept = len(self.buf) - self.pos
        found = more(self)
        work += len(self.buf) - kept
        return found

    def counted_append(self: Members, out: bytes) -> None:
        nonlocal work
        work += len(out)
        append(self, out)

    def counted_inflater(self: Codec) -> Any:
        nonlocal work
        work += 100
        return inflater(self)

    monkeypatch.setattr(chain, "header_end", counted_header_end)
    monkeypatch.setattr(Plain, "more", counted_more)
    monkeypatch.setattr(Members, "_append", counted_append)
    monkeypatch.setattr(Codec, "inflater", counted_inflater)
    costs = []
    for count in (8000, 16_000):
        work = 0
        read(tmp_path, NO_BLANK_LINE[name](count), name)
        costs.append(work)
    assert costs[1] <= 2.2 * costs[0] + 1000


def arc(block: bytes, url: str = "http://a.org/", date: str = "20080430204825") -> bytes:
    return f"{url} 10.0.0.1 {date} text/html {len(block)}\n".encode() + block + b"\n"


INFO = b"1 0 Someone\nURL IP-address Archive-date Content-type Archive-length\n"


def test_arc(tmp_path: Path) -> None:
    parts = [
        arc(INFO, "filedesc://x.arc"),
        arc(http(b"a"), "http://a.org/x y"),
        arc(b"raw", "dns:a.org"),
        arc(http(b"b")),
    ]
    for name, data in {"x.arc": b"".join(parts), "x.arc.gz": b"".join(map(gz, parts))}.items():
        info, page, dns, last = read(tmp_path, data, name)
        assert (info.kind, info.url) == ("warcinfo", "filedesc://x.arc")
        assert (page.url, page.ip, page.body) == ("http://a.org/x y", "10.0.0.1", b"a")
        assert page.date == datetime(2008, 4, 30, 20, 48, 25, tzinfo=UTC)
        assert skip_reason(dns) == "not_http"
        assert last.body == b"b"


def test_damaged_arc(tmp_path: Path) -> None:
    found = read(tmp_path, arc(INFO, "filedesc://x") + arc(http(b"a"))[:-9] + b"\n" + arc(http(b"b")), "x.arc")
    assert [r.error_code for r in found] == [None, "length", None]


def test_version_2_of_arc(tmp_path: Path) -> None:
    block = http(b"a")
    line = f"http://a.org/ 10.0.0.1 20080430204825 text/html 200 abc - 123 x.arc {len(block)}\n".encode()
    found = read(tmp_path, arc(INFO, "filedesc://x.arc") + line + block + b"\n", "x.arc")
    assert [(r.url, r.body) for r in found[1:]] == [("http://a.org/", b"a")]


def split_reading(path: Path, splits: int) -> list[Record]:
    size = path.stat().st_size
    file = InputFile(str(path), size, "warc")
    return [r for s in plan_splits(file, max(1, size // splits)) for r in read_split(s, lookback=1000)]


def test_real_files_in_any_split(testdata: Path) -> None:
    paths = [p for p in sorted((testdata / "A-warc").rglob("*.*arc*")) if p.is_file() and p.stat().st_size < 60_000]
    assert len(paths) > 60
    for path in paths:
        assert split_reading(path, 7) == split_reading(path, 1), path


def test_the_same_crawl_as_warc_and_arc(testdata: Path) -> None:
    base = testdata / "A-warc/archivesunleashed__aut/src/test/resources"
    warcs = split_reading(base / "warc/example.warc.gz", 4)
    arcs = split_reading(base / "arc/example.arc.gz", 3)
    assert len(warcs) == 822
    assert len(arcs) == 300
    pages = [(r.url, r.status, r.content_type, r.body) for r in warcs if r.kind == "response"]
    assert sorted(pages, key=repr) == sorted(((r.url, r.status, r.content_type, r.body) for r in arcs[1:]), key=repr)
    assert sum(len(r.body or b"") for r in warcs if skip_reason(r) is None) > 1_000_000


CODERS = {
    "gzip": zipped,
    "x-gzip": zipped,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
    "identity": bytes,
    "utf-8": bytes,
}
coded = st.lists(st.sampled_from(sorted(CODERS)), max_size=4)


@settings(deadline=None, derandomize=True)
@given(st.text(min_size=80, alphabet="abc é\n<>"), coded, coded, st.booleans(), st.integers(1, 99))
def test_whatever_was_done_to_a_body_is_undone(
    text: str, content: list[str], transfer: list[str], chunks: bool, size: int
) -> None:
    body = text.encode()
    for name in content[:2] + transfer[:2]:
        body = CODERS[name](body)
    if chunks:
        body = chunked(body, size)
    fields = [*transfer[:2], *(["chunked"] if chunks else [])]
    given_http = Http(200, "text/html", None, ", ".join(fields), ",".join(content[:2]))
    assert decode_body(body, given_http, 1 << 20) == (text.encode(), None)


@settings(deadline=None, derandomize=True)
@given(st.binary(max_size=300), coded | st.lists(st.text(max_size=9)), coded | st.just(["chunked"]), st.integers(0, 50))
def test_no_body_breaks_the_reader(body: bytes, content: list[str], transfer: list[str], limit: int) -> None:
    page, error = decode_body(body, Http(200, None, None, ",".join(transfer), ",".join(content)), limit)
    assert len(page) <= limit
    assert error is None or error.partition(":")[0] in ERRORS


LINES = st.sampled_from([b"WARC-Type: request", b"warc-type:metadata ", b"WARC-Type: response", b"WARC-Type : request", b" WARC-Type: request", b"Content-Length: 12", b"CONTENT-LENGTH:7\t", b"Content-Length: x", b"Content-Length: 1234567890123456789", b"WARC-Target-URI: http://a.org/?warc-type=a", b"\x0bWARC-Type: metadata", b"\tfolded", b"X: y", b"WARC-Type: request\r"])  # fmt: skip


@given(st.lists(LINES, max_size=7), st.sampled_from([b"\r\n", b"\n"]))
def test_a_header_read_in_brief_says_the_same(lines: list[bytes], end: bytes) -> None:
    header = end.join([b"WARC/1.0", *lines, b"", b""])
    one, other = Record("f", 0), Record("f", 0)
    length = parse_brief(header, one)
    if length is not None:
        assert (length, one.kind) == (parse_warc(header, other), other.kind)
        assert one.kind in ("request", "metadata")
