"""Task functions of a test's own, in a module that children can import."""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from curate.engine import children


def linger(task: dict[str, str]) -> dict[str, str]:
    """Task: says who it is, and stays."""
    Path(task["path"] + ".new").write_text(str(os.getpid()))
    os.replace(task["path"] + ".new", task["path"])
    time.sleep(60)
    return {}


def runs(pid: int) -> bool:
    """Whether a process is there, and has not ended."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
    except OSError:
        return False


def wait_for_end(pids: Iterable[int]) -> None:
    """Wait until none of the processes runs, a minute at most."""
    deadline = time.monotonic() + 60
    for pid in pids:
        while runs(pid):
            assert time.monotonic() < deadline
            time.sleep(0.05)


@contextmanager
def importable(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, code: str) -> Iterator[None]:
    """A module `name` in `folder`, for this process and for its children: those that wait were started without it."""
    (folder / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(str(folder))
    children.close_all()
    yield
    children.close_all()
