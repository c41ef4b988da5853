"""How the processes of `children` are started: without what these import, so that a command starts some before it has imported the
rest of itself. Both then import at once."""

import mmap
import os
import struct
import subprocess
import sys
import tempfile
from contextlib import suppress
from typing import NamedTuple

from curate.engine.memory import allowed, cores_that_fit, cpu_count, free
from curate.errors import EngineError

MARK = struct.Struct("<q")
AHEAD = 2
"""As many are started before it is known for how many there is work."""

CHILD = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); from curate.engine.children import main; main()"
"""Ctrl-C is the parent's to handle."""


class Started(NamedTuple):
    """A process, and the page of memory in which it says what it is at."""

    process: "subprocess.Popen[bytes]"
    mark: mmap.mmap


_ahead: list[Started] = []


def ahead(cores: int | None, memory: int | None) -> None:
    """Start processes for whoever takes them, no more than there are cores and memory for. What is in the way is said by those who
    need them."""
    with suppress(EngineError, OSError):
        for _ in range(cores_that_fit(min(AHEAD, cores or cpu_count()), free(memory), allowed(), memory)):
            _ahead.append(start())


def waiting() -> int:
    """How many processes were started and not taken."""
    return len(_ahead)


def take() -> Started:
    """A process that was started before, or a new one. Raises OSError where there can be none."""
    while _ahead:
        started = _ahead.pop(0)
        if started.process.poll() is None:
            return started
    return start()


def start() -> Started:
    """A new process. Raises OSError where there can be none."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path)}
    environment.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryFile() as file:  # without a name: nothing is left behind, whoever is killed
        file.write(MARK.pack(-1))
        file.flush()
        mark = mmap.mmap(file.fileno(), MARK.size)
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(file.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            pass_fds=(file.fileno(),),
        )
    return Started(process, mark)
