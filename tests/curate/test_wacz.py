"""Crawl files inside WACZ files: found, named, split, read; damage and hostile archives."""

import gzip
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from curate.cli import group
from curate.errors import InputError
from curate.read.inputs import expand_inputs, open_input
from curate.read.splits import plan_splits, read_split
from curate.warc import Record


def page(number: int) -> bytes:
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + b"page %d " % number * 200
    head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.org/{number}\r\nContent-Length: {len(block)}\r\n\r\n"
    return gzip.compress(head.encode() + block + b"\r\n\r\n", mtime=0)


def wacz(path: Path, files: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


ONE, TWO = b"".join(map(page, range(40))), b"".join(map(page, range(40, 60)))
FILES = {"archive/b.warc.gz": TWO, "archive/a.warc.gz": ONE, "datapackage.json": b"{}", "pages/pages.jsonl": b"{}\n"}


def read(path: Path | str, split_bytes: int = 1 << 30) -> Iterator[Record]:
    for file in expand_inputs([str(path)]):
        for split in plan_splits(file, split_bytes):
            yield from read_split(split)


@pytest.mark.parametrize("split_bytes", [1 << 30, 500])
def test_the_crawl_files_in_it_are_read_as_if_they_lay_beside(tmp_path: Path, split_bytes: int) -> None:
    path = wacz(tmp_path / "x.wacz", FILES)
    assert [(f.path, f.size) for f in expand_inputs([str(tmp_path)])] == [
        (f"{path}/archive/a.warc.gz", len(ONE)),
        (f"{path}/archive/b.warc.gz", len(TWO)),
    ]
    found = list(read(path, split_bytes))
    assert [(r.url, r.error) for r in found] == [(f"http://a.org/{i}", None) for i in range(60)]
    assert found[41].offset == len(page(40))
    (tmp_path / "a.warc.gz").write_bytes(ONE)
    beside = list(read(tmp_path / "a.warc.gz"))
    assert [(r.offset, r.length, r.body) for r in beside] == [(r.offset, r.length, r.body) for r in found[:40]]


def test_one_crawl_file_can_be_named_and_a_folder_may_have_such_a_name(tmp_path: Path) -> None:
    path = wacz(tmp_path / "x.WACZ", FILES)
    with open_input(f"{path}/archive/b.warc.gz") as file:
        assert file.read(1 << 20) == TWO
    with pytest.raises(InputError, match=r"no archive/none\.warc\.gz in it"):
        open_input(f"{path}/archive/none.warc.gz")
    folder = tmp_path / "unpacked.wacz" / "archive"
    folder.mkdir(parents=True)
    (folder / "a.warc.gz").write_bytes(ONE)
    assert len(list(read(tmp_path / "unpacked.wacz"))) == 40


def test_a_deflated_crawl_file_is_read_whole(tmp_path: Path) -> None:
    path = wacz(tmp_path / "x.wacz", {"archive/a.warc": gzip.decompress(ONE)}, zipfile.ZIP_DEFLATED)
    (file,) = expand_inputs([str(path)])
    assert not file.splittable
    assert len(plan_splits(file, 100)) == 1
    assert [r.url for r in read(path, 100)] == [f"http://a.org/{i}" for i in range(40)]


def test_a_download_that_broke_off_loses_what_is_missing_and_no_more(tmp_path: Path) -> None:
    path = wacz(tmp_path / "x.wacz", FILES)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(ONE) + len(ONE) // 2])
    found = list(read(path))
    urls = [r.url for r in found if r.error is None]
    assert urls[:20] == [f"http://a.org/{i}" for i in range(40, 60)]
    assert 15 <= len(urls) - 20 <= 20
    assert {r.error_code for r in found} <= {None, "garbage", "truncated"}
    assert sum(r.length for r in found) == path.stat().st_size


def test_a_damaged_directory_loses_nothing(tmp_path: Path) -> None:
    path = wacz(tmp_path / "x.wacz", FILES)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"PK\5\6", b"PK\0\0"))
    assert sum(r.error is None for r in read(path)) == 60


def overlapping(data: bytes) -> bytes:
    """Two names for the same bytes."""
    at = data.index(b"PK\1\2")
    end = data.index(b"PK\5\6")
    entries, tail = data[at:end], bytearray(data[end:])
    tail[8:12] = tail[8:10] * 2
    return (
        data[:at] + entries * 2 + bytes(tail[:8]) + b"\2\0\2\0" + (2 * len(entries)).to_bytes(4, "little") + tail[16:]
    )


def encrypted(data: bytes) -> bytes:
    at = data.index(b"PK\1\2")
    return data[: at + 8] + b"\1\0" + data[at + 10 :]


@pytest.mark.parametrize("attack", [overlapping, encrypted])
def test_an_archive_that_lies_counts_as_damaged(tmp_path: Path, attack: Callable[[bytes], bytes]) -> None:
    path = wacz(tmp_path / "x.wacz", {"archive/a.warc.gz": ONE})
    path.write_bytes(attack(path.read_bytes()))
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist()
    assert [file.path for file in expand_inputs([str(path)])] == [str(path)]
    assert sum(r.error is None for r in read(path)) == 40


@pytest.mark.parametrize("name", ["archive/../../../etc/x.warc.gz", "archive//x.warc.gz", "archive/\x1b[31m\n.warc.gz"])
def test_a_name_in_it_is_never_a_path_on_disk(tmp_path: Path, name: str) -> None:
    path = wacz(tmp_path / "x.wacz", {name: ONE})
    assert len([r for r in read(path) if r.error is None]) == 40
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.wacz"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_of_one_name_are_both_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.wacz", "w") as archive:
        archive.writestr("archive/a.warc.gz", ONE)
        archive.writestr("archive/a.warc.gz", TWO)
    found = [record for record in read(tmp_path / "x.wacz") if record.url]
    assert [(r.url, r.error) for r in found] == [(f"http://a.org/{i}", None) for i in range(60)]


def test_one_without_a_crawl_file_is_no_archive(tmp_path: Path) -> None:
    path = wacz(tmp_path / "x.wacz", {"datapackage.json": b"{}"})
    assert [r.error_code for r in read(path)] == ["not_an_archive"]
    (tmp_path / "y.wacz").write_bytes(b"")
    assert [r.error_code for r in read(tmp_path / "y.wacz")] == ["empty"]


def test_a_directory_of_more_than_64_mib_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curate.read.wacz._MAX_DIRECTORY", 1000)
    path = wacz(tmp_path / "x.wacz", {f"archive/{i}.warc.gz": ONE for i in range(30)})
    assert [file.path for file in expand_inputs([str(path)])] == [str(path)]


def commented(data: bytes, comment: bytes) -> bytes:
    return data[:-2] + len(comment).to_bytes(2, "little") + comment


EMPTY_ZIP = b"PK\5\6" + bytes(18)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"#!/bin/sh\n" * 20 + data,
        lambda data: commented(data, b"made by hand " * 40),
        lambda data: commented(data, b"PK\5\6" * 50),
        lambda data: commented(data, EMPTY_ZIP * 3),
        lambda data: data + bytes(100),
        lambda data: data + bytes(70_000),
        lambda data: data + b"PK\5\6" * 9_000,
    ],
)
def test_what_stands_before_and_behind_it_counts_for_nothing(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    path = wacz(tmp_path / "x.wacz", FILES)
    path.write_bytes(change(path.read_bytes()))
    assert [(r.url, r.error) for r in read(path)] == [(f"http://a.org/{i}", None) for i in range(60)]


@pytest.mark.engine
def test_a_job_reads_it(tmp_path: Path) -> None:
    path = wacz(tmp_path / "x.wacz", FILES)
    options = ["--output", str(tmp_path / "out"), "--quiet", "--extractor", "resiliparse"]
    done = CliRunner().invoke(group, ["clean", "--input", str(path), *options])
    assert done.exit_code == 0, done.output
    ledger = json.loads((tmp_path / "out" / "ledger.json").read_text())
    assert ledger["records"] == 60
    assert set(ledger["files"]) == {f"{path}/archive/{name}.warc.gz" for name in "ab"}
    assert set(ledger["contents"]) == {str(path)}
