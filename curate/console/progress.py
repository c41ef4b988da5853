"""Progress of a job on stderr: a live line in a terminal, a plain line every few seconds in a log, or nothing."""

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from curate.console import heartbeats
from curate.console.terminal import duration, number, one_line, share, size

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

NAMES = {"records": "records", "documents": "records", "bytes": "bytes", "kept": "kept", "rows": "kept"}
"""Numbers of a task that are shown, and as what; others are ignored."""


class Progress:
    """Shows how far a job is. Use as a context manager.

    `stage` begins a stage; `update` tells how many of its tasks are done and what the task that just ended did.
    Running tasks are seen through the folder `beats` (see `curate.console.heartbeats`). In a terminal one live line stands below
    whatever else is printed; elsewhere a line is written when a stage begins and ends and every `interval` seconds.
    `quiet` writes nothing at all.
    """

    def __init__(
        self,
        quiet: bool = False,
        beats: str | None = None,
        stream: TextIO | None = None,
        interval: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stream = stream if stream is not None else sys.stderr
        self.quiet, self.beats, self.interval, self.clock = quiet, beats, interval, clock
        self.name = ""
        self.total: int | None = None
        self.done = 0
        self.reused = 0
        """Tasks of the stage that an earlier run finished."""
        self.total_bytes = 0
        self.began = clock()
        self._ended: dict[str, int] = {}  # of the tasks that ended in this stage
        self._running: dict[str, int] = {}  # of those that run, as last read
        self._read = float("-inf")
        self._live: Live | None = None
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Progress":
        if self.quiet:
            return self
        if self.stream.isatty():
            from rich.console import Console
            from rich.live import Live

            console = Console(file=self.stream)
            self._live = Live(console=console, get_renderable=self._display, refresh_per_second=4, transient=True)
            self._live.start()
        else:
            self._thread = threading.Thread(target=self._tick, name="progress", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()
        self._close(complete=error is None)
        if self._live:
            self._live.stop()
            self._live = None

    def stage(self, name: str, total: int | None = None, total_bytes: int = 0) -> None:
        """Begin the stage `name`, of `total` tasks (and of `total_bytes` of input) where that is known; the one before
        is closed."""
        self._close(complete=True)
        with self._lock:
            self.name, self.total, self.total_bytes = name, total, total_bytes
            self.done = self.reused = 0
            if self.beats:
                heartbeats.clear(self.beats)
            self._ended, self._running, self._read = {}, {}, float("-inf")
            self.began = self.clock()
        if not self._live:
            plural = "" if total == 1 else "s"
            self._say(name if total is None else f"{name}: {number(total)} task{plural}")

    def resumed(self, found: int, others: int = 0) -> None:
        """`found` tasks of the stage were finished by an earlier run; so were `others`, of no use to this one."""
        with self._lock:
            self.done = self.reused = found
        tasks = f"{number(found)} of {number(self.total or 0)} tasks were finished before"
        if others:
            unused = "1 other is" if others == 1 else f"{number(others)} others are"
            self.note(f"{self.name}: {tasks}; {unused} not used: the input is cut otherwise")
        elif found:
            self.note(f"{self.name}: {tasks}")

    def update(self, done: int | None = None, **numbers: int) -> None:
        """`done` tasks of the stage have ended by now; the one that just did counts `numbers` (see NAMES)."""
        with self._lock:
            self.done = self.done if done is None else done
            for key, value in numbers.items():
                if key in NAMES:
                    self._ended[NAMES[key]] = self._ended.get(NAMES[key], 0) + value
            self._read = float("-inf")  # what has ended runs no more: read the beats again

    def note(self, text: str) -> None:
        """A message on a line of its own."""
        self._print(one_line(text, 500))

    def numbers(self) -> dict[str, int]:
        """records, bytes and kept of this stage by now, as far as they are known."""
        with self._lock:
            if self.beats and self.clock() - self._read >= 0.5:
                self._read = self.clock()
                self._running = {}
                for key, value in heartbeats.read(self.beats).items():
                    if key in NAMES:
                        self._running[NAMES[key]] = self._running.get(NAMES[key], 0) + value
            keys = {**self._ended, **self._running}
            return {key: self._ended.get(key, 0) + self._running.get(key, 0) for key in keys}

    def line(self, columns: int = 0) -> str:
        """The state of the stage in one line; of `columns` at most, what matters least is left out first."""
        parts = self._parts()
        while columns and len(parts) > 1 and sum(len(text) + 3 for _, text in parts) - 3 > columns:
            parts.remove(max(parts, key=lambda part: part[0]))
        return one_line(" · ".join(text for _, text in parts), columns or 500)

    def _parts(self) -> list[tuple[int, str]]:
        """What there is to say, in its order; the larger the number, the sooner it may be left out."""
        seconds = max(self.clock() - self.began, 1e-9)
        counts = self.numbers()
        records = counts.get("records", 0)
        parts = [(0, self.name)]
        if self.total is not None and self.total > 1:
            parts.append((1, f"{number(self.done)}/{number(self.total)} tasks"))
        if records:
            parts += [
                (3, f"{number(records)} document{'' if records == 1 else 's'}"),
                (6, f"{number(round(records / seconds))}/s"),
            ]
        if counts.get("bytes"):
            parts.append((7, size(counts["bytes"])))
        if records and counts.get("kept", records + 1) <= records:  # a record of some sources holds several documents
            parts.append((5, f"{share(counts['kept'], records)} kept"))
        parts.append((4, duration(seconds)))
        left = self.eta()
        if left is not None:
            parts.append((2, f"{duration(left)} left"))
        return parts

    def eta(self) -> float | None:
        """Seconds that the stage still takes at its pace so far; None while nothing is known."""
        done = self._fraction(self.reused)
        return (self.clock() - self.began) * (1 - done) / done if 0 < done < 1 else None

    def fraction(self) -> float:
        """The share of the stage that is done: by bytes of input where their total is known, else by tasks."""
        before = self.reused / self.total if self.total else 0.0
        return before + (1 - before) * self._fraction(self.reused)

    def _fraction(self, reused: int) -> float:
        """The share that is done of what an earlier run left to do. Of the bytes that it left nobody knows better than by tasks."""
        if not self.total:
            return 0.0
        left = self.total - reused
        if self.done >= self.total:
            return 1.0
        if self.total_bytes:
            return min(1.0, self.numbers().get("bytes", 0) * self.total / (self.total_bytes * left))
        return (self.done - reused) / left

    def _close(self, complete: bool) -> None:
        with self._lock:
            if not self.name:
                return
            line = self.line() if complete else f"{self.line()} · stopped"
            self.name = ""
        self._print(line)

    def _print(self, line: str) -> None:
        if self._live:
            self._live.console.print(line, markup=False, highlight=False)
        else:
            self._say(line)

    def _say(self, text: str) -> None:
        if not self.quiet:
            print(text, file=self.stream, flush=True)

    def _tick(self) -> None:
        """Write a line every `interval` seconds until the job ends."""
        while not self._stop.wait(self.interval):
            with self._lock:
                if self.name:
                    self._say(self.line())

    def _display(self) -> "RenderableType":
        """What the live line shows: a bar where the total is known, then the figures."""
        from rich.progress_bar import ProgressBar
        from rich.spinner import Spinner
        from rich.table import Table
        from rich.text import Text

        columns = self._live.console.width if self._live else 80
        bar = ProgressBar(1.0, self.fraction(), width=24) if self.total and columns >= 80 else Spinner("dots")
        room = columns - (26 if isinstance(bar, ProgressBar) else 3)
        row = Table.grid(padding=(0, 1))
        row.add_row(bar, Text(self.line(room) if self.name else "starting", no_wrap=True))
        return row
