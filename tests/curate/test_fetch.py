"""Downloads against a server that cuts connections, is busy, and changes its files."""

import gzip
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from curate.commands.fetch import fetch
from curate.errors import InputError, OutputError, UsageError
from curate.files.remote import HttpFile, backoff
from curate.jobs.fetch import MANIFEST, Fetched, check_path, choose, crawl_paths, fetch_files

CRAWL = "CC-MAIN-2026-30"


@dataclass
class Site:
    """What the server has, and how it misbehaves."""

    files: dict[str, bytes]
    url: str = ""
    ranges: bool = True
    md5: bool = True
    busy: int = 0  # answers of 503 to come
    cut: list[int] = field(default_factory=list)  # bytes after which the next answers break off
    log: list[tuple[str, str, str | None]] = field(default_factory=list)

    def etag(self, data: bytes) -> str:
        digest = hashlib.md5(data).hexdigest()
        return f'"{digest}"' if self.md5 else f'"{digest}-2"'


def handler_of(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.answer(False)

        def do_GET(self) -> None:
            self.answer(True)

        def answer(self, body: bool) -> None:
            asked = self.headers.get("Range") if site.ranges else None
            site.log.append((self.command, self.path, self.headers.get("Range")))
            data = site.files.get(self.path.lstrip("/"))
            if site.busy > 0 or data is None:
                site.busy -= 1
                self.send_response(503 if data is not None else 404)
                self.send_header("Retry-After", "1")
                self.end_headers()
                return
            etag, start = site.etag(data), 0
            condition = self.headers.get("If-Range")
            if asked and condition in (None, etag):
                start = int(asked.removeprefix("bytes=").rstrip("-"))
                if start >= len(data):
                    self.send_response(416)
                    self.end_headers()
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            else:
                self.send_response(200)
            self.send_header("ETag", etag)
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            if body:
                part = data[start:]
                self.wfile.write(part[: site.cut.pop(0)] if site.cut else part)

    return Handler


@pytest.fixture
def site() -> Iterator[Site]:
    paths = [f"crawl-data/{CRAWL}/segments/1/warc/CC-{i:05d}.warc.gz" for i in range(5)]
    files = {path: bytes([i]) * 300_000 + b"end" for i, path in enumerate(paths)}
    files[f"crawl-data/{CRAWL}/warc.paths.gz"] = gzip.compress("".join(f"{p}\n" for p in paths).encode())
    site = Site(files)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(site))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    site.url = f"http://127.0.0.1:{server.server_port}/"
    yield site
    server.shutdown()
    server.server_close()


def get(site: Site, output: Path, files: int = 1) -> list[Fetched]:
    paths = choose(crawl_paths(CRAWL, "warc", site.url, unit=0.001), files, first=True)
    return fetch_files(paths, output, site.url, unit=0.001)


def whole(site: Site, i: int = 0) -> bytes:
    return site.files[f"crawl-data/{CRAWL}/segments/1/warc/CC-{i:05d}.warc.gz"]


def test_files_arrive_with_checksums(site: Site, tmp_path: Path) -> None:
    first, second = get(site, tmp_path, 2)
    assert Path(first.file).read_bytes() == whole(site, 0)
    assert Path(second.file).read_bytes() == whole(site, 1)
    assert first.sha256 == hashlib.sha256(whole(site, 0)).hexdigest()
    assert (first.verified, first.status) == ("md5", "downloaded")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["CC-00000.warc.gz", "CC-00001.warc.gz", MANIFEST]
    assert json.loads((tmp_path / MANIFEST).read_text())["CC-00001.warc.gz"]["sha256"] == second.sha256


def test_what_is_there_is_left_alone(site: Site, tmp_path: Path) -> None:
    get(site, tmp_path)
    site.log.clear()
    assert [f.status for f in get(site, tmp_path)] == ["present"]
    assert [entry[0] for entry in site.log] == ["GET", "HEAD"]  # the list, the file


def test_a_damaged_file_is_fetched_again(site: Site, tmp_path: Path) -> None:
    (item,) = get(site, tmp_path)
    data = bytearray(whole(site))
    data[1000] ^= 1
    Path(item.file).write_bytes(data)
    assert [f.status for f in get(site, tmp_path)] == ["downloaded"]
    assert Path(item.file).read_bytes() == whole(site)


def test_a_connection_that_breaks_is_taken_up(site: Site, tmp_path: Path) -> None:
    paths = crawl_paths(CRAWL, "warc", site.url)
    site.cut = [100_000, 50_000]
    (item,) = fetch_files(paths[:1], tmp_path, site.url, unit=0.001)
    assert Path(item.file).read_bytes() == whole(site)
    assert [entry[2] for entry in site.log[1:]] == [None, "bytes=100000-", "bytes=150000-"]


def test_an_interrupted_download_is_resumed(site: Site, tmp_path: Path) -> None:
    part = tmp_path / "CC-00000.warc.gz.part"
    part.write_bytes(whole(site)[:200_000])
    url = site.url + f"crawl-data/{CRAWL}/segments/1/warc/CC-00000.warc.gz"
    part.with_name(part.name + ".json").write_text(json.dumps({"url": url, "etag": site.etag(whole(site))}))
    (item,) = get(site, tmp_path)
    assert (item.status, site.log[-1][2]) == ("resumed", "bytes=200000-")
    assert Path(item.file).read_bytes() == whole(site)
    assert not list(tmp_path.glob("*.part*"))


def test_a_file_that_changed_in_between_starts_anew(site: Site, tmp_path: Path) -> None:
    part = tmp_path / "CC-00000.warc.gz.part"
    part.write_bytes(b"of another version")
    url = site.url + f"crawl-data/{CRAWL}/segments/1/warc/CC-00000.warc.gz"
    part.with_name(part.name + ".json").write_text(json.dumps({"url": url, "etag": '"old"'}))
    (item,) = get(site, tmp_path)
    assert Path(item.file).read_bytes() == whole(site)


def test_a_part_of_unknown_origin_is_not_trusted(site: Site, tmp_path: Path) -> None:
    (tmp_path / "CC-00000.warc.gz.part").write_bytes(b"?" * 1000)
    (item,) = get(site, tmp_path)
    assert Path(item.file).read_bytes() == whole(site)


def test_a_server_without_ranges(site: Site, tmp_path: Path) -> None:
    site.ranges = False
    paths = crawl_paths(CRAWL, "warc", site.url)
    site.cut = [100_000]
    (item,) = fetch_files(paths[:1], tmp_path, site.url, unit=0.001)
    assert Path(item.file).read_bytes() == whole(site)


def test_a_busy_server_is_asked_again(site: Site, tmp_path: Path) -> None:
    site.busy = 3
    (item,) = get(site, tmp_path)
    assert Path(item.file).read_bytes() == whole(site)


def test_a_list_whose_connection_breaks_is_whole(site: Site) -> None:
    name = f"crawl-data/{CRAWL}/warc.paths.gz"
    site.files[name] = gzip.decompress(site.files[name])  # a plain one does not say where it ends
    paths = crawl_paths(CRAWL, "warc", site.url, unit=0.001)
    site.cut = [len(paths[0]), 10, 70]
    assert crawl_paths(CRAWL, "warc", site.url, unit=0.001) == paths


def test_a_file_whose_server_stays_busy_is_given_up_in_one_round(site: Site) -> None:
    site.busy = 100
    with pytest.raises(InputError, match="6 times"), HttpFile(site.url + next(iter(site.files)), unit=0.001) as file:
        file.read(1)
    assert len(site.log) == 6


def test_a_proxy_that_nobody_answers_at_is_named_without_its_password(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was the server that seemed to refuse."""
    monkeypatch.setenv("http_proxy", "http://me:secret@127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setattr("urllib.request._opener", None)  # the one that knew no proxy
    with pytest.raises(InputError, match="Connection refused") as told:
        crawl_paths(CRAWL, "warc", "http://example.org/", unit=0.001)
    assert str(told.value).endswith(
        ", 6 times (through the proxy of http_proxy): check the network, or try again later"
    )
    assert "secret" not in str(told.value)


def test_a_server_that_stays_busy(site: Site) -> None:
    site.busy = 100
    with pytest.raises(InputError, match=r"warc\.paths\.gz: HTTP 503 .*, 6 times"):
        crawl_paths(CRAWL, "warc", site.url, unit=0.001)


def test_wrong_bytes_are_not_kept(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "etag", lambda data: '"' + "0" * 32 + '"')
    with pytest.raises(OutputError, match="MD5 is wrong"):
        get(site, tmp_path)
    assert not list(tmp_path.glob("*"))


def test_an_etag_that_is_no_md5(site: Site, tmp_path: Path) -> None:
    site.md5 = False
    assert [f.verified for f in get(site, tmp_path)] == ["size"]


@pytest.mark.parametrize(
    "path", ["../etc/passwd", "/etc/passwd", "a/../../b", "a//b", ".hidden", "a\\b", "a b", "x" * 501, "c:\\d"]
)
def test_paths_that_lead_elsewhere(path: str) -> None:
    with pytest.raises(InputError, match="no path of a crawl file"):
        check_path(path, "list")


def test_no_such_crawl(site: Site) -> None:
    with pytest.raises(InputError, match=r"CC-MAIN-2031-99.*no such list"):
        crawl_paths("CC-MAIN-2031-99", "warc", site.url)
    with pytest.raises(UsageError, match="no name of a crawl"):
        crawl_paths("../x", "warc", site.url)
    with pytest.raises(UsageError, match="unknown kind 'arc'"):
        crawl_paths(CRAWL, "arc", site.url)


def test_more_files_include_the_fewer() -> None:
    paths = [f"a/{i}.warc.gz" for i in range(1000)]
    few, many = choose(paths, 3), choose(paths, 30)
    assert many[:3] == few
    assert choose(list(reversed(paths)), 30) == many
    assert choose(paths, 3, first=True) == paths[:3]


def test_the_command(site: Site, tmp_path: Path) -> None:
    arguments = [CRAWL, "--files", "2", "--base", site.url, "--output", str(tmp_path / "x"), "--json"]
    result = CliRunner().invoke(fetch, arguments, catch_exceptions=False)
    rows = json.loads(result.stdout)
    assert result.exit_code == 0
    assert [row["status"] for row in rows] == ["downloaded"] * 2
    assert sorted(rows[0]) == ["bytes", "etag", "file", "sha256", "status", "url", "verified"]
    table = CliRunner().invoke(fetch, arguments[:-1], catch_exceptions=False)
    assert "present" in table.stdout


def test_reading_by_ranges(site: Site) -> None:
    data = whole(site, 3)
    with HttpFile(site.url + f"crawl-data/{CRAWL}/segments/1/warc/CC-00003.warc.gz", unit=0.001) as file:
        file.seek(299_990)
        assert file.read(100) == data[299_990:]
        assert file.read(100) == b""
        file.seek(10)
        site.cut = [1000, 1000]
        found = b"".join(iter(lambda: file.read(70_000), b""))
        assert found == data[10:]
        file.seek(0)
        site.files = {name: body + b"x" for name, body in site.files.items()}
        with pytest.raises(InputError, match="changed while it was read"):
            file.read(10)


def test_waits_grow_and_obey_the_server() -> None:
    assert [backoff(i) for i in range(7)] == [1, 2, 4, 8, 16, 32, 32]
    assert backoff(0, {"Retry-After": "20"}) == 20
    assert backoff(0, {"Retry-After": "86400"}) == 120
    assert backoff(0, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}) == 1
