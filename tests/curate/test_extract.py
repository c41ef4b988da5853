"""Extraction: pages that hang, crash, explode or lie cost themselves alone."""

import gzip
import os
import random
import signal
import threading
from urllib.parse import urlsplit

import pytest

from curate.corpus import schema
from curate.engine import children
from curate.errors import EngineError
from curate.read import web
from curate.read.inputs import expand_inputs
from curate.read.splits import plan_splits
from tests.tasks import importable

SELF = "tests_extract_tasks"

TASKS = """
import os, signal, sys, time
from curate.read import web

def engine(page, url):
    html = page.decode()
    if "hang-in-c" in html: sum(range(10 ** 11))
    if "hang" in html:
        while True: pass
    if "crash" in html: os.kill(os.getpid(), signal.SIGSEGV)
    if "kill-once" in html and once("page"): os.kill(os.getpid(), signal.SIGKILL)
    if "kill-always" in html: os.kill(os.getpid(), signal.SIGKILL)
    if "slow" in html: time.sleep(0.01)
    if "recurse" in html: return engine(page, url)
    if "raise" in html: raise ValueError("no \\ud800 sense")
    return html.replace("<p>", "").replace("</p>", ""), "second" if "unsure" in html else "x"

def pages(task: web.PagesTask):
    web.named_extractor = lambda name, **how: engine
    yield from web.pages(task)

def once(name):
    try: os.close(os.open(os.path.join(os.path.dirname(__file__), name), os.O_CREAT | os.O_EXCL))
    except FileExistsError: return False
    return True

def dies_once(task: web.PagesTask):
    for number, batch in enumerate(pages(task)):
        yield batch
        if once("batch"): os.kill(os.getpid(), signal.SIGKILL)

def dies(task: web.PagesTask):
    if task.done: os.kill(os.getpid(), signal.Signals[task.task.source])
    yield from pages(task)
    os.kill(os.getpid(), signal.Signals[task.task.source])
"""


@pytest.fixture(scope="module", autouse=True)
def _tasks(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch, importable(patch, tmp_path_factory.mktemp("tasks"), SELF, TASKS):
        yield


def record(number: int, body: bytes, content_type: str = "text/html", status: str = "200 OK") -> bytes:
    http = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n\r\n".encode() + body
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://h.example/{number}\r\n"
        f"WARC-Date: 2026-01-01T00:00:{number % 60:02d}Z\r\nWARC-Record-ID: <urn:uuid:{number:032d}>\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + http + b"\r\n\r\n", mtime=0)


def task_of(tmp_path, bodies, **settings):
    path = tmp_path / "t.warc.gz"
    path.write_bytes(b"".join(record(i, body) for i, body in enumerate(bodies)))
    (split,) = plan_splits(expand_inputs([str(path)])[0], 1 << 30)
    asked = {"name": "t", "source": "test", "engine": "x", "cpu_seconds": 0.3, "page_bytes": 1 << 20}
    return web.WebTask(**{**asked, "split": split, "memory_bytes": 4 << 30, **settings})


def rows(tmp_path, bodies, reference="pages", **settings):
    task = task_of(tmp_path, bodies, **settings)
    return [row for batch in web.survive(task, f"{SELF}:{reference}") for row in batch.to_pylist()]


def test_each_bad_page_costs_itself(tmp_path):
    bodies = [
        b"<p>one</p>",
        b"hang",
        b"<p>two</p>",
        b"crash",
        b"<p>three</p>",
        b"hang-in-c",
        b"recurse",
        b"raise",
        b"<p>four</p>",
    ]
    found = rows(tmp_path, bodies)
    assert [row["url"] for row in found] == [f"http://h.example/{i}" for i in range(len(bodies))]
    assert [row["text"] for row in found] == ["one", None, "two", None, "three", None, None, None, "four"]
    assert [row["reason"] for row in found] == [
        None,
        "page_timeout",
        None,
        "page_crash",
        None,
        "page_timeout",
        "page_nesting",
        "page_ValueError",
        None,
    ]
    assert {row["verdict"] for row in found} == {None, "failed"}


def test_pages_that_another_engine_read_are_counted_once(tmp_path):
    bodies = [b"<p>sure", b"<p>unsure", b"<p>crash", b"<p>unsure too", *[b"<p>unsure"] * 200, b"<p>raise unsure"]
    task = task_of(tmp_path, bodies)
    batches = list(web.survive(task, f"{SELF}:pages"))
    assert len(batches) > 1
    assert sum(int(batch.schema.metadata[web.FALLBACK]) for batch in batches) == 202


def test_a_large_page_is_not_tried(tmp_path):
    found = rows(tmp_path, [b"<p>small</p>", b"x" * (2 << 20), b"<p>after</p>"])
    assert [(row["text"], row["reason"]) for row in found] == [("small", None), (None, "too_large"), ("after", None)]


def test_bytes_that_are_no_page(tmp_path):
    found = rows(
        tmp_path,
        [
            b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4,
            b"<p>a\x00b" + b" and so on" * 50 + b"</p>",
            b"",
            b"<p>\xff\xfe caf\xe9</p>",
            b"<meta charset=hz-gb-2312><p>~{VPND~}</p>",
        ],
    )
    assert found[0]["reason"] == "extract.binary"
    assert "\x00" not in found[1]["text"]
    assert found[2]["reason"] == "extract.no_text"
    assert found[3]["text"]
    assert (found[4]["reason"], found[4]["charset"]) == ("extract.no_text", "replacement")


def test_a_page_that_was_killed_once_is_read_after_all(tmp_path):
    found = rows(tmp_path, [b"<p>one</p>", b"<p>kill-once</p>", b"<p>two</p>"])
    assert [row["text"] for row in found] == ["one", "kill-once", "two"]


def test_a_page_that_is_killed_each_time_costs_itself_and_says_why(tmp_path):
    found = rows(tmp_path, [b"<p>one</p>", b"<p>kill-always</p>", b"<p>two</p>"])
    assert [row["text"] for row in found] == ["one", None, "two"]
    assert found[1]["reason"] == "page_killed"
    assert "memory" in found[1]["detail"]


def test_a_process_that_is_killed_between_pages_is_replaced(tmp_path):
    bodies = [b"<p>%d</p>" % number for number in range(500)]
    assert [row["text"] for row in rows(tmp_path, bodies, "dies_once")] == [str(number) for number in range(500)]


def test_a_process_that_is_always_killed_between_pages_is_not_the_inputs_fault(tmp_path):
    with pytest.raises(EngineError, match=r"t\.warc\.gz \(from byte 0, behind 1 records\).*SIGKILL.*short of memory"):
        rows(tmp_path, [b"<p>one</p>"], "dies", source="SIGKILL")


def test_a_split_that_always_crashes_its_reader_between_pages_costs_its_rest(tmp_path):
    first, last = rows(tmp_path, [b"<p>one</p>"], "dies", source="SIGSEGV")
    assert first["text"] == "one"
    assert (last["verdict"], last["reason"]) == ("failed", "reading_crash")
    assert "SIGSEGV" in last["detail"]


@pytest.mark.parametrize("seed", range(2))
def test_children_killed_at_random_moments_change_nothing(tmp_path, seed):
    bodies = [b"<p>slow %d</p>" % number for number in range(200)]
    whole, chance, killed, pages = rows(tmp_path, bodies), random.Random(seed), [], []
    over = threading.Event()

    def kill() -> None:
        while not over.wait(chance.uniform(0.1, 0.8)) and len(killed) < 3:
            for child in list(children._busy):
                page = child.mark  # twice at one page, on a busy machine, would be a failed row
                if child.pid not in killed and (page < 0 or all(abs(page - other) > 1 for other in pages)):
                    killed.append(child.pid)
                    pages.append(page)
                    os.kill(child.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        assert rows(tmp_path, bodies) == whole
    finally:
        over.set()
        killer.join()
    assert killed


@pytest.mark.parametrize("engine", ["trafilatura", "resiliparse"])
def test_deep_nesting_and_odd_markup(tmp_path, engine):
    deep = b"<div>" * 50_000 + b"deep down there is a sentence." + b"</div>" * 50_000
    table = b"<table>" * 3000 + b"<tr><td>cell" + b"</table>" * 3000
    bodies = [deep, table, b"<!--" * 1000, b"<p>A good page. It has two sentences.</p>" * 5]
    path = tmp_path / "t.warc.gz"
    path.write_bytes(b"".join(record(i, body) for i, body in enumerate(bodies)))
    (split,) = plan_splits(expand_inputs([str(path)])[0], 1 << 30)
    asked = {"name": "t", "source": "t", "engine": engine, "cpu_seconds": 2.0, "page_bytes": 20 << 20}
    task = web.WebTask(**asked, split=split, memory_bytes=4 << 30)
    before = os.times().children_user
    found = [row for batch in web.survive(task, "curate.read.web:pages") for row in batch.to_pylist()]
    children.close_all()  # what has ended is counted
    assert len(found) == len(bodies)
    assert "A good page." in found[-1]["text"]
    assert os.times().children_user - before < 60  # seconds; 4 pages of 2 may take them


def test_hosts():
    assert schema.host("http://user:pw@EXAMPLE.org:80/a") == "example.org"
    assert schema.host("http://[bad/") is None
    assert schema.host("http://example.org\\@other.org/") == urlsplit("http://example.org\\@other.org/").hostname
    for end in ("", "/", "?a", "#a", ":80", ":", ":x/", "\n", "\t/", "@b.org/", "\\", "é/", "A/"):
        for begin in (
            "http://a-b.example.org",
            "https://1.2.3.4",
            "http://.",
            "http:///",
            "ftp://a.org",
            "//a.org",
            "HTTP://a.org",
        ):
            assert schema.host(begin + end) == (urlsplit(begin + end).hostname or None)
    assert schema.host(None) is None


def test_each_row_says_which_engine_its_text_is_from(tmp_path):
    found = rows(tmp_path, [b"<p>one</p>", b"unsure", b"raise"])
    assert [row["extractor"] for row in found] == ["x", "second", None]
