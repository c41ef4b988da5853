"""Pages out of a crawl by its index, against a server that breaks off."""

import gzip
import hashlib
import json
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from curate.commands.fetch import fetch
from curate.errors import InputError, OutputError, UsageError
from curate.files import locks, remote, threads
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
    log, cut, hang, busy = [], [], [], []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_HEAD(self):
            self.answer(False)

        def do_GET(self):
            self.answer(True)

        def answer(self, whole):
            if hang and self.path.lstrip("/") == WARC and self.headers.get("Range"):
                found.hanging.set()
                hang.pop().wait()
            if busy and self.headers.get("Range"):
                busy.pop()
                self.send_response(503)
                self.end_headers()
                return
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
                if start >= len(data):
                    self.send_response(416)
                    self.end_headers()
                    return
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

    class Server(ThreadingHTTPServer):
        request_queue_size = 64  # who finds the queue full (5 by default) tries again after a second

    found = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    found.files, found.log, found.cut, found.hang, found.busy = files, log, cut, hang, busy
    found.hanging = threading.Event()
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


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_server_that_hangs_keeps_nobody_from_stopping(site, tmp_path, stop, code):
    """And what was there goes on to the same pages."""
    (tmp_path / "urls.txt").write_text("\n".join(URLS))
    release = threading.Event()
    site.hang[:] = [release] * 40
    words = [
        "fetch",
        CRAWL,
        "--urls",
        str(tmp_path / "urls.txt"),
        "--base",
        site.url,
        "--output",
        str(tmp_path / "out"),
    ]
    running = subprocess.Popen([sys.executable, "-m", "curate", *words], stderr=subprocess.PIPE, text=True)
    try:
        assert site.hanging.wait(100)
        running.send_signal(stop)
        _, said = running.communicate(timeout=50)  # a request has 60 s, and is made six times
    finally:
        release.set()
        running.kill()
    assert running.returncode == code
    assert said.splitlines()[-1].startswith("stopped; ")
    assert "Traceback" not in said
    site.hang.clear()
    assert fetch_urls(CRAWL, URLS, tmp_path / "out", site.url, unit=0.001)["status"]["fetched"] == 15


def test_threads_that_wait_keep_no_error_waiting():
    release, began = threading.Event(), threading.Event()

    def work(number):
        if number:
            began.set()
            return release.wait()
        began.wait()
        raise InputError("no")

    try:
        with pytest.raises(InputError, match="no"), threads.pool(2) as pool:
            list(pool.map(work, range(2)))
        assert not release.is_set()
    finally:
        release.set()


def test_nobody_waits_for_threads_by_a_with():
    """`with ThreadPoolExecutor` waits for what hangs: Ctrl-C would."""
    root = Path(module.__file__).parents[1]
    found = [path for path in root.rglob("*.py") if "with ThreadPoolExecutor" in path.read_text()]
    assert not found


@pytest.mark.parametrize("what", ["busy", "cut"])
def test_a_server_that_is_busy_or_breaks_off_is_told(site, tmp_path, monkeypatch, capsys, what):
    monkeypatch.setattr(remote, "TOLD", 0.0)
    if what == "busy":
        site.busy[:] = [503] * 4
    else:
        site.cut[:] = [10, 3, 0]
    assert fetch_urls(CRAWL, URLS, tmp_path / "out", site.url, unit=0.001)["status"]["fetched"] == 15
    said = capsys.readouterr().err
    assert ("HTTP 503" if what == "busy" else "bytes") in said
    assert "asked again in 0 s (2 of 6)" in said


def test_lines_that_are_no_addresses_are_counted(site, tmp_path):
    (tmp_path / "urls.txt").write_text("url\n\n" + "\n".join(URLS[:3]) + "\nwww.example.org/x\nftp://a/b\n\x00\n")
    found = module.fetch_listed(CRAWL, str(tmp_path / "urls.txt"), tmp_path / "out", site.url)
    assert found["status"] == {"bad_url": 4, "fetched": 3}


@pytest.mark.parametrize(
    "fields",
    [
        {"filename": "../../etc/passwd"},
        {"filename": None},
        {"filename": "http://elsewhere/x.warc.gz"},
        {"filename": "\u0000"},
        {"offset": "²"},
        {"offset": "9" * 5000},
        {"offset": "9" * 15},
        {"length": "0"},
        {"length": "-1"},
        {"length": None},
        {"digest": 5},
        {"url": 7},
    ],
)
def test_an_odd_line_of_the_index_costs_its_page_alone(tmp_path, fields):
    pages = [(f"https://a{n}.org/", "20260701", "200") for n in range(9)]
    files = crawl_of(pages)
    lines = gzip.decompress(files[f"{FOLDER}/cdx-00000.gz"]).decode().splitlines(keepends=True)
    key, stamp, rest = lines[3].split(" ", 2)
    lines[3] = f"{key} {stamp} {json.dumps(json.loads(rest) | fields)}\n"
    block = gzip.compress("".join(lines).encode(), mtime=0)
    files[f"{FOLDER}/cdx-00000.gz"] = block
    files[f"{FOLDER}/cluster.idx"] = f"{key[:4]} 1\tcdx-00000.gz\t0\t{len(block)}\t0\n".encode()
    with server(files) as found:
        status = fetch_urls(CRAWL, [url for url, _, _ in pages], tmp_path / "out", found.url, unit=0.001)["status"]
    assert status["fetched"] == (9 if "digest" in fields else 8)
    assert sum(status.values()) == 9


@pytest.mark.parametrize("how", ["no gzip", "a path", "no number"])
def test_a_broken_block_of_the_index_costs_its_pages_alone(site, tmp_path, how):
    lines = site.files[f"{FOLDER}/cluster.idx"].decode().splitlines()
    fields = lines[3].split("\t")
    fields[{"no gzip": 2, "a path": 1, "no number": 3}[how]] = {"no gzip": "5", "a path": "../x", "no number": "²"}[how]
    lines[3] = "\t".join(fields)
    site.files[f"{FOLDER}/cluster.idx"] = ("\n".join(lines) + "\n").encode()
    urls = [f"http://a{n}.org/Page/?b=2&a={n}" for n in range(40)]
    status = fetch_urls(CRAWL, urls, tmp_path / "out", site.url, unit=0.001)["status"]
    assert 36 <= status["fetched"] < 40
    assert status["fetched"] + status["bad_index"] == 40


@pytest.mark.parametrize("words", [["--files", "3"], ["--kind", "wet"], ["--first"], ["--first", "--kind", "warc"]])
def test_options_that_a_list_of_pages_has_not_are_refused(tmp_path, words):
    (tmp_path / "urls.txt").write_text("https://a.org/\n")
    done = CliRunner().invoke(fetch, [CRAWL, "--urls", str(tmp_path / "urls.txt"), *words])
    assert isinstance(done.exception, UsageError)
    assert words[0] in str(done.exception)
