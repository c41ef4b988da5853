"""How the processes of `children` are started: without what these import, so that a command starts the first before it has imported
the rest of itself.

That first one is a server: it imports what tasks need, loads what it is told to, and is then forked for each child, which takes
milliseconds instead of half a second and shares memory. It sees nothing that was crawled. What children need at first and what they need
later can be loaded side by side, by two servers forked from it (`apart`, `turn`). Where Python can't fork well (not on Linux), each child
is started anew.
"""

import errno
import mmap
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, NamedTuple, Protocol

from curate.engine.memory import allowed, cores_that_fit, free
from curate.errors import EngineError

MARK = struct.Struct("<q")
ORDER = struct.Struct("<q")
"""What a server is asked: 0 (with three files; with four, a server's) to fork, or how the process of this number has ended. It answers
with a number, too: that of the new process, an exit code or ALIVE, the negative number of an error."""
ALIVE = 1 << 32
FORKS = sys.platform == "linux" and os.path.exists("/proc/self/maps")  # what is not to be shared is looked for there
KILLED = frozenset({errno.EPIPE, errno.ECONNRESET})
LOST = KILLED | {errno.EDEADLK}
"""Errors of a server that is no more, or must not be forked: another one can be."""

SERVERS = 3
"""So many are tried for one child."""

SPARING = {"OMP_NUM_THREADS": "1", "MIMALLOC_PURGE_DELAY": "3"}
"""Environment of a child, unless it is set: one thread; and Arrow's allocator gives the system what is freed within 3 ms, where it keeps
half as much again as is used. At once takes 4 % more CPU time."""

CHILD = "from curate.engine.children import main; main()"


class Process(Protocol):
    """What `subprocess.Popen` has, and `Forked`."""

    pid: int

    def poll(self) -> int | None: ...
    def wait(self) -> int: ...
    def kill(self) -> None: ...


class Started(NamedTuple):
    """A process, the pipes to and from it, and the page of memory in which it says what it is at."""

    process: Process
    requests: IO[bytes]
    answers: IO[bytes]
    mark: mmap.mmap

    def close(self) -> None:
        """End it; safe to call at any time."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.requests, self.answers):
            with suppress(OSError):
                stream.close()
        self.mark.close()


class Server:
    """A process that is forked."""

    def __init__(self, base: "Server | None" = None) -> None:
        self.lock = threading.RLock()
        self.forked = False
        """Whether it was: it can't be asked to load anything then."""
        self._socket, theirs = socket.socketpair()
        try:
            with theirs:
                self.started = base.fork(theirs.fileno()) if base else _start(theirs.fileno())
        except BaseException:
            self._socket.close()
            raise

    def fork(self, *files: int) -> Started:
        """A new process; with the socket of a server, where it is to be one. Raises OSError where there can be none."""
        with self.lock, _mark() as (file, mark):
            if not self.forked:
                self.forked = True
                self.started.requests.write(b"\n")
                self.started.requests.flush()
            (stdin, requests), (answers, stdout) = os.pipe(), os.pipe()
            found = Started(Forked(self), os.fdopen(requests, "wb"), os.fdopen(answers, "rb"), mark)
            try:
                found.process.pid = self.ask(0, (stdin, stdout, file, *files))
            except OSError:
                found.requests.close()
                found.answers.close()
                raise
            finally:
                os.close(stdin)
                os.close(stdout)
        return found

    def ask(self, order: int, files: Sequence[int] = ()) -> int:
        """Its answer. Raises OSError for an error, or where it is no more."""
        with self.lock:
            socket.send_fds(self._socket, [ORDER.pack(order)], files)
            told = self._socket.recv(ORDER.size)
        if not told:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        (answer,) = ORDER.unpack(told)
        if order == 0 and answer < 0:
            raise OSError(-answer, os.strerror(-answer))
        return int(answer)

    def close(self) -> None:
        """End it, and so what was forked from it."""
        self.started.close()
        self._socket.close()


class Forked:
    """A process that a server has forked: it alone knows how that ended, and nobody else takes its number until it was asked."""

    def __init__(self, server: Server) -> None:
        self.pid = 0
        self.returncode: int | None = None
        self._server = server

    def poll(self) -> int | None:
        """The exit code, or None."""
        with self._server.lock:
            if self.returncode is None:
                try:
                    code = self._server.ask(self.pid)
                except OSError:  # the server was killed
                    self.kill()
                    code = -signal.SIGKILL
                self.returncode = None if code == ALIVE else code
            return self.returncode

    def wait(self) -> int:
        """The exit code of a process that is ending."""
        while (code := self.poll()) is None:
            time.sleep(0.001)
        return code

    def kill(self) -> None:
        """End it; takes no lock, so a handler of signals may."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


_servers: list[Server] = []
"""Children are forked from the first; the last was started, those before it were forked from it."""
_lock = threading.RLock()


def ahead(memory: int | None) -> None:
    """Start the first process for whoever takes it, if there is memory for one. What is in the way is said by those who need it."""
    with suppress(EngineError, OSError):
        cores_that_fit(1, free(memory), allowed(), memory)
        server()


def server() -> Server | None:
    """The process that is forked from, a new one where there is none; None where children are not forked. Raises OSError where there
    can be none."""
    with _lock:
        if _servers and _servers[0].started.process.poll() is not None:
            close()
        if FORKS and not _servers:
            _servers.append(Server())
        return _servers[0] if _servers else None


def apart(count: int) -> list[Server]:
    """So many processes, to load what children need in turn; none where children are not forked, or another job has its own there.
    Raises OSError where there can be none."""
    with _lock:
        base = server()
        if not base or base.forked or _servers[1:]:
            return []
        if count == 1:
            return [base]
        for _ in range(count):
            _servers.insert(-1, Server(base))
        return _servers[:count]


def more() -> bool:
    """Whether there is a next one of `apart`."""
    return len(_servers) > 2


def turn() -> None:
    """Fork children from the next of `apart` from now on; the one before ends."""
    with _lock:
        _servers.pop(0).close()


def start() -> Started:
    """A new process for a child. Raises OSError where there can be none, one of KILLED where each server was killed as it began."""
    with _lock:
        for left in reversed(range(SERVERS)):
            try:
                found = server()
                return found.fork() if found else _start()
            except OSError as error:
                if error.errno not in LOST:
                    raise
                close()
                if not left:
                    raise
        raise AssertionError


def server_pids() -> list[int]:
    """The numbers of the processes that children are forked from: they share what these hold, and what is said to be needed for a child
    counts that."""
    return [one.started.process.pid for one in _servers]


def kill() -> None:
    """End the servers and no more: another thread may be reading from one."""
    for one in [*_servers]:
        one.started.process.kill()


def close() -> None:
    """End the servers."""
    with _lock:
        while _servers:
            _servers.pop(0).close()


@contextmanager
def _mark() -> Iterator[tuple[int, mmap.mmap]]:
    """A page of memory, and the file that it is of."""
    with tempfile.TemporaryFile() as file:  # without a name: nothing is left behind, whoever is killed
        file.write(MARK.pack(-1))
        file.flush()
        yield file.fileno(), mmap.mmap(file.fileno(), MARK.size)


def _start(*files: int) -> Started:
    """A process of this one's own, with the socket of a server, where it is to be one."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path)}
    for name, value in SPARING.items():
        environment.setdefault(name, value)
    with _mark() as (file, mark):
        # Ctrl-C is the parent's to handle; a process begins with what is blocked here
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process = subprocess.Popen(
                [sys.executable, "-c", CHILD, str(file), *map(str, files)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
                pass_fds=(file, *files),
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    assert process.stdin
    assert process.stdout
    return Started(process, process.stdin, process.stdout, mark)
