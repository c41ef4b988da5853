"""The progress display: live in a terminal, plain lines in a log, silent when asked."""

import io
import time
from pathlib import Path

import pytest

from curate.console.heartbeats import Beat
from curate.console.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_log_has_a_line_for_begin_and_end() -> None:
    log, clock = io.StringIO(), Clock()
    with Progress(stream=log, interval=60, clock=clock) as progress:
        progress.stage("extract", 4)
        clock.now += 10
        progress.update(done=2, records=500, kept=100, bytes=3_000_000, unknown=7)
        clock.now += 10
        progress.update(done=4, records=500, rows=300)
        progress.stage("publish")
    assert log.getvalue().splitlines() == [
        "extract: 4 tasks",
        "extract · 4/4 tasks · 1,000 documents · 50/s · 3.0 MB · 40.0 % kept · 20 s",
        "publish",
        "publish · 0.0 s",
    ]


def test_line_and_eta() -> None:
    clock = Clock()
    progress = Progress(stream=io.StringIO(), clock=clock)
    progress.stage("extract", 4)
    assert progress.eta() is None
    clock.now += 10
    progress.update(done=1, records=50)
    assert progress.eta() == pytest.approx(30)
    assert progress.line() == "extract · 1/4 tasks · 50 documents · 5/s · 10 s · 30 s left"
    progress.update(done=4)
    assert progress.eta() is None


def test_running_tasks_are_seen_and_never_counted_twice(tmp_path: Path) -> None:
    clock = Clock()
    progress = Progress(stream=io.StringIO(), clock=clock, beats=str(tmp_path / "beats"))
    progress.stage("extract", 2)
    beat = Beat("one.parquet", str(tmp_path / "beats"))
    beat(records=10, bytes=1_000, kept=4)
    assert progress.numbers() == {"records": 10, "bytes": 1_000, "kept": 4}
    beat.end()
    progress.update(done=1, records=12, bytes=1_200)
    assert progress.numbers() == {"records": 12, "bytes": 1_200}


def test_plain_lines_every_interval() -> None:
    log = io.StringIO()
    with Progress(stream=log, interval=0.01) as progress:
        progress.stage("extract", 2)
        deadline = time.monotonic() + 60
        while log.getvalue().count("\n") < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert log.getvalue().count("extract · 0/2 tasks") >= 3


def test_quiet_prints_nothing() -> None:
    for stream in (io.StringIO(), Terminal()):
        with Progress(quiet=True, stream=stream) as progress:
            progress.stage("extract", 1)
            progress.update(done=1, records=5)
            progress.note("something")
        assert stream.getvalue() == ""


def test_terminal_gets_a_live_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    stream = Terminal()
    with Progress(stream=stream) as progress:
        progress.stage("extract", 2)
        progress.update(done=1, records=1_234)
        progress.note("file \x1b[2J damaged")
    out = stream.getvalue()
    assert "1,234 documents" in out
    assert "\x1b[?25l" in out  # the cursor is hidden while it lives
    assert "\x1b[?25h" in out  # and shown again
    assert "\x1b[2J" not in out
    assert "file  damaged" in out or "file damaged" in out


def test_interrupted_stage_says_so() -> None:
    log = io.StringIO()

    def work() -> None:
        with Progress(stream=log) as progress:
            progress.stage("extract", 2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert log.getvalue().splitlines()[-1].endswith("· stopped")
