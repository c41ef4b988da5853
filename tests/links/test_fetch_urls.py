"""Pages out of a crawl by its index, against a server that breaks off."""

import gzip
import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from curate.commands.fetch import fetch
from curate.errors import InputError, OutputError
from curate.files import locks
from curate.jobs import fetch_urls as module
from curate.jobs.fetch_urls import JOURNAL, fetch_urls
from curate.links.index import Clusters, surt
from curate.read.inputs import expand_inputs
from curate.read.splits import plan_splits, read_split

CRAWL = "CC-MAIN-2026-30"
WARC = f"crawl-data/{CRAWL}/segments/1/warc/CC-00000.warc.gz"
FOLDER = f"cc-index/collections/{CRAWL}/indexes"


def record(url, text):
    body = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>{text}".encode()
    head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2026-07-01T00:00:00Z\r\nWARC-Record-ID: <urn:uuid:{text}>\r\nContent-Type: application/http; msgtype=response\r\nContent-Length: {len(body)}\r\n\r\n"
    return gzip.compress(head.encode() + body + b"\r\n\r\n", mtime=0)


def crawl_of(pages):
    """Files of a crawl of (url, timestamp, status): one WARC, an index of blocks of two lines."""
    data, lines = b"", []
    for number, (url, timestamp, status) in enumerate(pages):
        one = record(url, f"page {number}")
        fields = {
            "url": url,
            "mime": "text/html",
            "status": status,
            "length": str(len(one)),
            "offset": str(len(data)),
            "filename": WARC,
        }
        lines.append(f"{surt(url)} {timestamp} {json.dumps(fields)}\n")
        data += one
    lines.sort()
    blocks, index = b"", ""
    for start in range(0, len(lines), 2):
        block = gzip.compress("".join(lines[start : start + 2]).encode(), mtime=0)
        key, timestamp, _ = lines[start].split(" ", 2)
        index += f"{key} {timestamp}\tcdx-00000.gz\t{len(blocks)}\t{len(block)}\t{start}\n"
        blocks += block
    return {WARC: data, f"{FOLDER}/cdx-00000.gz": blocks, f"{FOLDER}/cluster.idx": index.encode()}


@contextmanager
def server(files):
    """A server of files by name and range; it logs requests, and breaks off after as many bytes as `cut` says."""
    log, cut = [], []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_HEAD(self):
            self.answer(False)

        def do_GET(self):
            self.answer(True)

        def answer(self, whole):
            data, asked = files.get(self.path.lstrip("/")), self.headers.get("Range")
            log.append((self.path, asked))
            if data is None:
                self.send_response(404)
                self.end_headers()
                return
            start, end = 0, len(data)
            if asked:
                first, _, last = asked.removeprefix("bytes=").partition("-")
                start, end = int(first), int(last or end - 1) + 1
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
            else:
                self.send_response(200)
            self.send_header("ETag", f'"{hashlib.md5(data).hexdigest()}"')
            self.send_header("Content-Length", str(end - start))
            self.end_headers()
            if whole:
                part = data[start:end]
                self.wfile.write(part[: cut.pop()] if cut and asked else part)

    found = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=found.serve_forever, daemon=True).start()
    found.files, found.log, found.cut = files, log, cut
    found.url = f"http://127.0.0.1:{found.server_port}/"
    yield found
    found.shutdown()
    found.server_close()


@pytest.fixture
def site():
    pages = [(f"https://www.a{n}.org/Page/?b=2&a={n}", "20260701", "200") for n in range(40)]
    pages += [
        ("http://twice.org/", "20260701", "200"),
        ("https://twice.org/", "20260709", "200"),
        ("https://gone.org/", "20260701", "404"),
    ]
    with server(crawl_of(pages)) as found:
        yield found


URLS = [f"http://a{n}.org/Page/?b=2&a={n}" for n in range(0, 40, 3)] + [
    "http://twice.org",
    "https://gone.org/",
    "https://never.org/x",
    "ftp://no",
]


def urls_in(folder):
    [file] = expand_inputs([str(next(Path(folder).glob("*.warc.gz")))])
    return [record.url for split in plan_splits(file) for record in read_split(split)]


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://www.Example.org/A/?b=2&a=1", "org,example)/a?a=1&b=2"),
        ("https://example.org:443", "org,example)/"),
        ("https://www2.example.co.uk:8080/x/", "uk,co,example:8080)/x"),
        ("http://a.org/x?", "org,a)/x"),
    ],
)
def test_keys(url, key):
    assert surt(url) == key


def test_blocks_of_a_key_that_fills_several():
    lines = "".join(f"{key} 1\tcdx-00000.gz\t{at}\t5\t1\n" for at, key in enumerate(["a)/", "b)/", "b)/", "c)/"]))
    assert [block.offset for block in Clusters(lines.encode()).blocks("b)/")] == [0, 1, 2]
    assert [block.offset for block in Clusters(lines.encode()).blocks("bb)/")] == [2]


def test_just_the_pages_of_the_list(site, tmp_path):
    found = fetch_urls(CRAWL, URLS, tmp_path / "out", site.url, unit=0.001)
    assert found["status"] == {"bad_url": 1, "fetched": 15, "no_page": 1, "not_in_index": 1}
    urls = urls_in(tmp_path / "out")
    assert len(urls) == 15
    assert "https://twice.org/" in urls  # the newer one
    assert {url for url in urls if "twice" not in url} == {
        f"https://www.a{n}.org/Page/?b=2&a={n}" for n in range(0, 40, 3)
    }
    assert not any(path == f"/{WARC}" and not asked for path, asked in site.log)


def test_a_connection_that_breaks_off_is_taken_up_again(site, tmp_path):
    site.cut[:] = [10, 3, 0]
    assert fetch_urls(CRAWL, URLS, tmp_path / "out", site.url, unit=0.001)["status"]["fetched"] == 15


@pytest.mark.parametrize("lines", [0, 1, 4, 9])
def test_an_interrupted_run_goes_on_to_the_same_bytes(site, tmp_path, lines):
    fetch_urls(CRAWL, URLS, tmp_path / "whole", site.url, unit=0.001)
    whole = next((tmp_path / "whole").glob("*.warc.gz")).read_bytes()
    fetch_urls(CRAWL, URLS, tmp_path / "cut", site.url, unit=0.001)
    journal = (tmp_path / "cut" / JOURNAL).read_text().splitlines(keepends=True)
    (tmp_path / "cut" / JOURNAL).write_text("".join(journal[:lines]) + '{"half')
    file = next((tmp_path / "cut").glob("*.warc.gz"))
    file.rename(f"{file}.part")
    before = len(site.log)
    fetch_urls(CRAWL, URLS, tmp_path / "cut", site.url, unit=0.001)
    assert file.read_bytes() == whole
    assert sum(path == f"/{WARC}" for path, _ in site.log[before:]) <= 15


@pytest.mark.parametrize("lost", ["first", "last", "end of the last"])
def test_bytes_that_are_gone_are_fetched_again(site, tmp_path, monkeypatch, lost):
    monkeypatch.setattr(module, "FILE_BYTES", 1000)
    fetch_urls(CRAWL, URLS, tmp_path / "out", site.url, unit=0.001)
    files = sorted((tmp_path / "out").glob("*.warc.gz"))
    whole = [file.read_bytes() for file in files]
    file = files[0] if lost == "first" else files[-1]
    if lost == "end of the last":
        file.write_bytes(file.read_bytes()[:-40])
    else:
        file.unlink()
    fetch_urls(CRAWL, URLS, tmp_path / "out", site.url, unit=0.001)
    assert [file.read_bytes() for file in files] == whole
    assert not list((tmp_path / "out").glob("*.part"))


def test_two_runs_at_once_are_refused(site, tmp_path):
    with locks.held(str(tmp_path / "out"), "busy"), pytest.raises(OutputError, match="another run is fetching"):
        fetch_urls(CRAWL, URLS, tmp_path / "out", site.url, unit=0.001)


def test_a_record_that_is_not_what_the_index_says_is_left_out(site, tmp_path):
    data = bytearray(site.files[WARC])
    data[30] ^= 255
    site.files[WARC] = bytes(data)
    found = fetch_urls(CRAWL, URLS, tmp_path / "out", site.url, unit=0.001)
    assert found["status"]["changed"] == 1
    assert found["status"]["fetched"] == 14


def test_another_list_does_not_go_into_the_same_folder(site, tmp_path):
    fetch_urls(CRAWL, URLS, tmp_path / "out", site.url, unit=0.001)
    with pytest.raises(OutputError, match="another list"):
        fetch_urls(CRAWL, URLS[:3], tmp_path / "out", site.url, unit=0.001)


def test_nothing_fetched_and_no_index_are_errors(site, tmp_path):
    with pytest.raises(InputError, match="none of the 1 addresses"):
        fetch_urls(CRAWL, ["https://never.org/"], tmp_path / "a", site.url, unit=0.001)
    assert not list((tmp_path / "a").glob("*.warc.gz*"))
    with pytest.raises(InputError, match="has no index"):
        fetch_urls("CC-MAIN-1999-01", URLS, tmp_path / "b", site.url, unit=0.001)


def test_large_lists_fill_several_files(site, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FILE_BYTES", 1000)
    fetch_urls(CRAWL, URLS, tmp_path / "out", site.url, unit=0.001)
    assert len(list((tmp_path / "out").glob("*.warc.gz"))) > 2


def test_command(site, tmp_path):
    (tmp_path / "urls.txt").write_text("\n".join(URLS[:5]))
    done = CliRunner().invoke(
        fetch,
        [
            CRAWL,
            "--urls",
            str(tmp_path / "urls.txt"),
            "--base",
            site.url,
            "--output",
            str(tmp_path / "o"),
            "--quiet",
            "--json",
        ],
    )
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["status"] == {"fetched": 5}
