"""Every record exactly once, whatever the split size, the container and the damage."""

import bz2
import gzip
import itertools
import json
import lzma
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate.files import typed_json
from curate.read.inputs import InputFile
from curate.read.splits import Split, plan_splits, read_split
from curate.warc import Record

SETTINGS = settings(
    max_examples=int(os.environ.get("CURATE_EXAMPLES", "8")),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


RESPONSES = (b"response",)
MIXED = (b"request", b"response", b"metadata", b"Request ", b"warcinfo")


@dataclass
class Crawl:
    """A file, the bytes of each record's member in it, and the bodies."""

    data: bytes
    spans: list[tuple[int, int]]
    bodies: list[bytes]


def record(i: int, body: bytes, line: bytes = b"\r\n", kind: bytes = b"response") -> bytes:
    http = b"HTTP/1.1 200 OK" + line + b"Content-Type: text/html; charset=utf-8" + line + line + body
    header = line.join(
        [
            b"WARC/1.0",
            b"WARC-Type: " + kind,
            b"WARC-Target-URI: http://example.org/%d" % i,
            b"WARC-Date: 2026-11-24T12:00:00Z",
            b"WARC-Record-ID: <urn:test:%d>" % i,
            b"Content-Type: application/http;msgtype=response",
            b"Content-Length: %d" % len(http),
        ]
    )
    return header + line * 2 + http + line * 2


def per_record(compress: Callable[[bytes], bytes], line: bytes = b"\r\n") -> Callable[..., Crawl]:
    def build(bodies: list[bytes], kinds: Sequence[bytes] = RESPONSES) -> Crawl:
        data, spans = b"", []
        for i, body in enumerate(bodies):
            member = compress(record(i, body, line, kinds[i % len(kinds)]))
            spans.append((len(data), len(data) + len(member)))
            data += member
        return Crawl(data, spans, bodies)

    return build


def cut_anywhere(size: int) -> Callable[..., Crawl]:
    """Members that end where it suits the compressor, as bgzip and pigz write them."""

    def build(bodies: list[bytes], kinds: Sequence[bytes] = RESPONSES) -> Crawl:
        whole = b"".join(record(i, body, kind=kinds[i % len(kinds)]) for i, body in enumerate(bodies))
        data = b"".join(gzip.compress(whole[at : at + size], 6, mtime=0) for at in range(0, len(whole), size))
        return Crawl(data, [], bodies)

    return build


def identity(data: bytes) -> bytes:
    return data


def gz(data: bytes) -> bytes:
    return gzip.compress(data, 6, mtime=0)


def lz4(data: bytes) -> bytes:
    return bytes(pa.compress(data, "lz4", asbytes=True))


CONTAINERS = {
    "crawl.warc.gz": per_record(gz),
    "stored.warc.gz": per_record(lambda data: gzip.compress(data, 0, mtime=0)),
    "crawl.warc": per_record(identity),
    "lines.warc": per_record(identity, b"\n"),
    "crawl.warc.zst": per_record(zstandard.ZstdCompressor().compress),
    "crawl.warc.lz4": per_record(lz4),
    "crawl.warc.bz2": per_record(bz2.compress),
    "crawl.warc.xz": per_record(lzma.compress),
    "single.warc.gz": cut_anywhere(1 << 30),
    "blocks.warc.gz": cut_anywhere(700),
    "small.warc.gz": cut_anywhere(7),
}


def read(path: Path, splits: int, lookback: int = 1 << 20, brief: bool = False) -> list[Record]:
    """All records, read in about `splits` splits."""
    size = path.stat().st_size
    file = InputFile(str(path), size, "warc")
    cut = plan_splits(file, max(1, size // splits))
    return [r for split in cut for r in read_split(split, lookback=lookback, brief=brief)]


words = st.sampled_from(
    [b"<p>word</p>", b"\r\n\r\n", b"\n", b"\x1f\x8b\x08", b"Content-Length: 3\r\n", b"\0", b"x" * 700]
)
bodies_of = st.lists(st.lists(words | st.binary(max_size=40), max_size=8).map(b"".join), min_size=1, max_size=12)


@st.composite
def damages(draw: st.DrawFn, size: int) -> list[tuple[str, int, int, bytes]]:
    """(what, offset, length, bytes) from the back to the front, so that offsets stay true."""
    count = draw(st.integers(1, 3))
    found, room = [], size
    for at in sorted({draw(st.integers(0, max(0, size - 1))) for _ in range(count)}, reverse=True):
        what = draw(st.sampled_from(["flip", "zero", "insert", "delete", "truncate"]))
        length = min(draw(st.integers(1, 300)), room - at)  # no overlaps
        room = at
        found.append((what, at, length, draw(st.binary(min_size=1, max_size=60))))
    return found


def hurt(crawl: Crawl, damage: list[tuple[str, int, int, bytes]]) -> tuple[bytes, list[bytes]]:
    """The damaged file, and the bodies of the records that no damage touches (spans only)."""
    data, touched = bytearray(crawl.data), set()
    for what, at, length, junk in damage:
        end = min(at + length, len(crawl.data))
        if what == "flip":
            data[at] ^= 1 << (length % 8)
            end = at + 1
        elif what == "zero":
            data[at:end] = bytes(end - at)
        elif what == "insert":
            data[at:at] = junk
            end = at
        elif what == "delete":
            del data[at:end]
        else:
            del data[at:]
            end = len(crawl.data)
        for i, (a, b) in enumerate(crawl.spans):
            if (a < end and at < b) or (what == "insert" and a < at < b):
                touched.add(i)
    return bytes(data), [body for i, body in enumerate(crawl.bodies) if i not in touched]


@pytest.mark.parametrize("name", CONTAINERS)
@given(bodies=bodies_of, splits=st.integers(1, 60), lookback=st.sampled_from([0, 1, 50, 1 << 20]))
@SETTINGS
def test_sound_files(name: str, bodies: list[bytes], splits: int, lookback: int, tmp_path: Path) -> None:
    crawl = CONTAINERS[name](bodies)
    path = tmp_path / name
    path.write_bytes(crawl.data)
    found = read(path, splits, lookback)
    assert [r.error for r in found] == [None] * len(bodies)
    assert [r.body for r in found] == bodies
    assert [r.url for r in found] == [f"http://example.org/{i}" for i in range(len(bodies))]
    if crawl.spans:
        assert [(r.offset, r.offset + r.length) for r in found] == crawl.spans
    if name not in ("blocks.warc.gz", "small.warc.gz"):  # there a last member may hold nothing but line ends
        assert sum(r.length for r in found) == len(crawl.data)


@pytest.mark.parametrize("name", CONTAINERS)
@given(data=st.data(), bodies=bodies_of, splits=st.integers(1, 60), lookback=st.sampled_from([0, 100]))
@SETTINGS
def test_damaged_files(
    name: str, data: st.DataObject, bodies: list[bytes], splits: int, lookback: int, tmp_path: Path
) -> None:
    crawl = CONTAINERS[name](bodies)
    broken, untouched = hurt(crawl, data.draw(damages(len(crawl.data))))
    path = tmp_path / name
    path.write_bytes(broken)
    whole = read(path, 1)
    # In files that are cut anywhere, no split but the first can know where a record begins after damage.
    some = read(path, splits, lookback if crawl.spans else 1 << 20)
    assert some == whole
    if crawl.spans:
        good = [r.body for r in whole if r.error is None]
        assert _contains(good, untouched)
        if name not in ("crawl.warc", "lines.warc"):  # nothing but the line ends between records may be left out
            assert sum(r.length for r in whole) >= len(broken) - broken.count(b"\n") - broken.count(b"\r")


@pytest.mark.parametrize("name", CONTAINERS)
@given(data=st.data(), bodies=bodies_of)
@SETTINGS
def test_in_brief_only_sound_records_that_are_no_pages_say_less(
    name: str, data: st.DataObject, bodies: list[bytes], tmp_path: Path
) -> None:
    crawl = CONTAINERS[name](bodies, MIXED)
    path = tmp_path / name
    path.write_bytes(hurt(crawl, data.draw(damages(len(crawl.data))))[0] if data.draw(st.booleans()) else crawl.data)
    whole, brief = read(path, 1), read(path, 1, brief=True)
    assert len(whole) == len(brief)
    for one, other in zip(whole, brief, strict=True):
        if one.kind in ("request", "metadata"):
            one = Record(one.file, one.offset, one.length, one.inner, one.kind)
            assert other.body is None
            other = Record(other.file, other.offset, other.length, other.inner, other.kind, error=other.error)
        assert other == one


@pytest.mark.parametrize("name", ["crawl.warc.gz", "stored.warc.gz"])
@pytest.mark.parametrize("splits", range(1, 13))
def test_a_member_with_reserved_flags(name: str, splits: int, tmp_path: Path) -> None:
    """isal decodes it, and no split finds its beginning: it belongs to the split of the record before."""
    bodies = [b"<p>word</p>" * 9, b"1", b"2", b"3", b"4"]
    crawl = CONTAINERS[name](bodies)
    for flagged in (2, 4):
        for size in (len(crawl.data), len(crawl.data) - 100):
            data = bytearray(crawl.data)
            data[crawl.spans[flagged][0] + 3] ^= 1 << 5
            path = tmp_path / name
            path.write_bytes(data[:size])
            for lookback in (0, 100):
                assert read(path, splits, lookback) == read(path, 1)


def _contains(some: list[bytes | None], wanted: list[bytes]) -> bool:
    """Whether `wanted` is a subsequence of `some`."""
    rest: Iterator[bytes | None] = iter(some)
    return all(body in rest for body in wanted)


@given(splits=st.integers(1, 200))
@SETTINGS
def test_archive_inside_a_record(splits: int, tmp_path: Path) -> None:
    inner = b"".join(gz(record(i, b"inner %d" % i)) for i in range(5))
    plain = b"".join(record(i, b"inner %d" % i) for i in range(5))
    bodies = [b"first", inner, b"middle", plain, b"last"]
    for name in ("stored.warc.gz", "crawl.warc"):
        path = tmp_path / name
        path.write_bytes(CONTAINERS[name](bodies).data)
        assert [r.body for r in read(path, splits)] == bodies


def test_splits_cover_the_file_and_travel_as_json() -> None:
    splits = plan_splits(InputFile("x.warc.gz", 1001, "warc"), 100)
    assert len(splits) == 10
    assert [len(plan_splits(InputFile("x.warc.gz", size, "warc"), 100)) for size in (1, 149, 150, 249, 250)] == [
        1,
        1,
        2,
        2,
        3,
    ]
    assert splits[0].start == 0
    assert splits[-1].end == 1001
    assert all(a.end == b.start for a, b in itertools.pairwise(splits))
    assert max(s.end - s.start for s in splits) - min(s.end - s.start for s in splits) <= 1
    assert [typed_json.load(Split, json.loads(json.dumps(typed_json.dump(s)))) for s in splits] == splits
    assert plan_splits(InputFile("empty.warc", 0, "warc"), 100) == [Split("empty.warc", "warc", 0, 0, 0)]
    with pytest.raises(ValueError, match="at least 1, got 0"):
        plan_splits(InputFile("x", 1, "warc"), 0)


def test_zlib_and_the_fast_inflater_agree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    crawl = CONTAINERS["crawl.warc.gz"]([b"a" * 5000, bytes(range(256)) * 40, b"c"])
    data = bytearray(crawl.data)
    data[crawl.spans[1][0] + 300] ^= 255
    path = tmp_path / "crawl.warc.gz"
    path.write_bytes(data)
    fast = read(path, 1)
    monkeypatch.setattr("curate.warc.codecs.inflate", zlib)
    slow = read(path, 1)
    assert [(r.offset, r.length, r.kind, r.body) for r in fast] == [(r.offset, r.length, r.kind, r.body) for r in slow]
    assert [r.kind for r in fast] == ["response", "damaged", "response"]
