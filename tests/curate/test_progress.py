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


def test_a_resumed_stage_counts_what_was_finished_before() -> None:
    log, clock = io.StringIO(), Clock()
    with Progress(stream=log, interval=60, clock=clock) as progress:
        progress.stage("extract", 8, total_bytes=800)
        progress.resumed(6)
        assert progress.line() == "extract · 6/8 tasks · 0.0 s"
        assert (progress.fraction(), progress.eta()) == (0.75, None)
        clock.now += 10
        progress.update(done=7, records=10, kept=5, bytes=100)
        assert progress.eta() == pytest.approx(10)  # one task took ten seconds, one is left
        clock.now += 10
        progress.update(done=8, records=10, kept=5, bytes=70)
        assert progress.eta() is None
        progress.stage("pass 1", 4)
        progress.resumed(4)
        progress.stage("publish", 8)
        progress.resumed(0, others=5)
    assert log.getvalue().splitlines() == [
        "extract: 8 tasks",
        "extract: 6 of 8 tasks were finished before",
        "extract · 8/8 tasks · 20 documents · 1/s · 170 B · 50.0 % kept · 20 s",
        "pass 1: 4 tasks",
        "pass 1: 4 of 4 tasks were finished before",
        "pass 1 · 4/4 tasks · 0.0 s",
        "publish: 8 tasks",
        "publish: 0 of 8 tasks were finished before; 5 others are not used: the input is cut otherwise",
        "publish · 0/8 tasks · 0.0 s",
    ]


def test_what_a_killed_run_left_is_not_counted(tmp_path: Path) -> None:
    Beat("killed.parquet", str(tmp_path))(records=9, kept=4_000)
    progress = Progress(stream=io.StringIO(), beats=str(tmp_path))
    progress.stage("publish", 2)
    progress.update(done=1, records=10, kept=8)
    assert progress.numbers() == {"records": 10, "kept": 8}
    assert "80.0 % kept" in progress.line()
    progress.update(done=2, records=1, kept=90)  # an archive is one record and ninety documents
    assert "kept" not in progress.line()


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (200, "extract · 2/4 tasks · 1,000 documents · 50/s · 3.0 MB · 40.0 % kept · 20 s · 20 s left"),
        (60, "extract · 2/4 tasks · 1,000 documents · 20 s · 20 s left"),
        (40, "extract · 2/4 tasks · 20 s left"),
        (12, "extract"),
        (5, "extr…"),
    ],
)
def test_a_narrow_terminal_gets_what_matters_most(columns: int, line: str) -> None:
    clock = Clock()
    progress = Progress(stream=io.StringIO(), clock=clock)
    progress.stage("extract", 4)
    clock.now += 20
    progress.update(done=2, records=1_000, kept=400, bytes=3_000_000)
    assert progress.line(columns) == line


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_the_live_line_stays_one_line(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", str(columns))
    with Progress(stream=Terminal()) as progress:
        progress.stage("a stage with a long name", 400)
        progress.update(done=123, records=1_234_567, kept=1_000_000, bytes=3_000_000_000)
        assert progress._live is not None
        shown = progress._live.console.render_lines(progress._display(), pad=False)
    assert len(shown) == 1
    assert sum(part.cell_length for part in shown[0]) <= columns
