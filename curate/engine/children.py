"""Child processes that do one task at a time, with limits, and are replaced when they die.

Hostile pages hang parsers, crash them or eat memory. So whatever touches crawled bytes runs in a child:

* a page that uses more CPU time than its limit is interrupted (`PageTimeout`); when it is stuck in C code, where Python
  can't interrupt it, the kernel ends the child a little later. CPU time, not wall time: a busy machine must
  not change the corpus;
* memory is limited (`RLIMIT_DATA`);
* the child notes which page it is at in a shared page of memory, so that the parent knows which page killed it.

A child may also be killed from outside (the kernel short of memory, a person): what it was at is tried once more in a fresh
one before anything is said to be its fault.

Messages are length-prefixed frames on pipes, JSON and Arrow only: nothing that comes from a child is ever unpickled.
"""

import errno
import gc
import importlib
import json
import mmap
import os
import resource
import signal
import socket
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from types import FrameType
from typing import IO, TypedDict, TypeVar

import pyarrow as pa

from curate import errors
from curate.engine import memory, starts
from curate.engine import tasks as typed
from curate.engine.starts import ALIVE, MARK, ORDER
from curate.errors import CrashError, CurateError, EngineError
from curate.files import storage, typed_json

T = TypeVar("T")
R = TypeVar("R")

HEADER = struct.Struct("<cQ")
RESULT, BATCH, ERROR = b"J", b"B", b"E"
FROM_OUTSIDE = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT})
"""Signals that no fault of a program sends to itself; SIGKILL is what the kernel sends when memory runs out."""


class Request(TypedDict):
    """What a child is asked."""

    function: str
    """`package.module:name`."""
    task: object
    """Its argument, as JSON."""
    memory: int
    """What it may hold in bytes, beside what it held before the first such request; 0: no limit."""


class PageTimeout(BaseException):
    """A page used up its CPU time. Not an Exception: libraries that catch everything must not swallow it."""


class ChildError(Exception):
    """A task raised inside the child; the message holds its type, text and traceback."""


class ChildDied(Exception):
    """The child ended: `reason` is timeout, memory, killed (from outside, or so it seems) or crash; `mark` is the page it was
    at (-1: none)."""

    def __init__(self, reason: str, mark: int, detail: str) -> None:
        super().__init__(f"{reason} at {mark}: {detail}")
        self.reason, self.mark, self.detail = reason, mark, detail


# ---- in the child ----

_shared: mmap.mmap | None = None
_fired = False
"""Whether the limit of the page that is worked on has passed."""


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    global _fired
    _fired = True
    raise PageTimeout


@contextmanager
def page(mark: int, cpu_seconds: float) -> Iterator[None]:
    """Work on the page `mark` (a byte offset) with a limit of CPU time; raises PageTimeout when it is used up."""
    global _fired
    _fired = False
    if _shared is None:
        previous = signal.signal(signal.SIGPROF, _interrupt)
    else:  # a child has set it once for all
        MARK.pack_into(_shared, 0, mark)
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds, 1.0)
    if _shared is not None:
        signal.setitimer(signal.ITIMER_VIRTUAL, 1.25 * cpu_seconds + 0.5)  # default action: the process ends
    at = -1
    try:
        yield
    except MemoryError:
        at = mark  # whoever catches it may fail in turn: leave the page's number for the parent
        raise
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        if _shared is None:
            signal.signal(signal.SIGPROF, previous)
        else:
            MARK.pack_into(_shared, 0, at)
    if _fired:  # something swallowed the exception: the text it then made depends on the moment
        raise PageTimeout


def _send(stream: IO[bytes], kind: bytes, payload: bytes | memoryview) -> None:
    try:
        stream.write(HEADER.pack(kind, len(payload)))
        stream.write(payload)
        stream.flush()
    except BrokenPipeError:  # the parent was killed: nobody wants the answer, nor a traceback
        os._exit(1)


def _pack(batch: pa.RecordBatch) -> memoryview:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return memoryview(sink.getvalue())


@cache
def _function(reference: str) -> Callable[..., object]:
    """A function, imported. What that makes stays for good: it is no garbage, and going through it at each full collection takes a
    tenth of a second."""
    gc.disable()
    try:
        return typed.function(reference)
    finally:
        gc.freeze()
        gc.enable()


def _serve(request: Request, out: IO[bytes]) -> None:
    try:
        answer = typed.call_json(_function(request["function"]), request["task"])
        if isinstance(answer, Iterator):
            for batch in answer:
                _send(out, BATCH, _pack(batch))
            answer = {}
        _send(out, RESULT, json.dumps(answer).encode())
    except MemoryError:
        _send(out, ERROR, json.dumps({"type": "MemoryError", "text": "out of memory", "user": False}).encode())
    except Exception as error:
        if isinstance(error, OSError):
            error = errors.of_disk(error) or error
        user = isinstance(error, CurateError)
        text = str(error) if user else traceback.format_exc()
        _send(out, ERROR, json.dumps({"type": type(error).__name__, "text": text, "user": user}).encode())


def main() -> None:
    """Serve requests (one JSON object a line on stdin) until stdin ends, or the parent does. With the number of a socket after that of
    the shared page: until there is an empty line, then be forked; the new process serves requests."""
    global _shared
    storage.be_patient()
    orders = int(sys.argv[2]) if sys.argv[2:] else -1
    if orders < 0:
        threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not break the frames
    _shared = mmap.mmap(int(sys.argv[1]), MARK.size)
    os.close(int(sys.argv[1]))
    signal.signal(signal.SIGPROF, _interrupt)
    gc.disable()
    leave_pandas_out()
    if orders >= 0:  # in the time that the command takes to say what is to be loaded
        with suppress(ImportError):  # said by those that need it
            for name in ("numpy.ma", "pyarrow.compute", "curate.filters.jit"):
                importlib.import_module(name)
    gc.enable()
    held = _threads_and_files() if orders >= 0 else 0
    for line in sys.stdin.buffer:
        if line == b"\n":
            orders = _be_forked(socket.socket(fileno=orders), out.fileno(), held)
            held = _threads_and_files() if orders >= 0 else 0  # the threads of the other stayed there
            continue
        request = json.loads(line)
        _limit_memory(request["memory"])
        _serve(request, out)
        memory.give_back()


def _be_forked(orders: socket.socket, out: int, held: int) -> int:
    """Fork when asked to (`starts.ORDER`), until the parent ends. Comes back in each new process, with pipes of its own, and its own
    socket where it is to be forked, too (else -1).

    A process with threads or open files beyond those `held` at first is not forked: the new one would lack the threads, and both
    would read the files by one place. What a recipe loads may have either.
    """
    global _shared
    gc.freeze()  # what is here is shared as long as nobody writes to it
    server = os.getpid()
    while True:
        asked, files, *_ = socket.recv_fds(orders, ORDER.size, 4)
        if not asked:
            os._exit(0)
        (answer,) = ORDER.unpack(asked)
        if files:
            try:
                answer = os.fork() if _threads_and_files() == held + len(files) else -errno.EDEADLK
            except OSError as error:
                answer = -(error.errno or errno.EAGAIN)
            if answer == 0:
                os.dup2(files[0], 0)
                os.dup2(files[1], out)
                _shared = mmap.mmap(files[2], MARK.size)
                orders.close()
                if not files[3:]:  # a server has no threads; it ends with its pipe or its socket
                    threading.Thread(target=_end_with, args=(server,), daemon=True).start()
            for file in files[:3]:
                os.close(file)
            if answer == 0:
                return files[3] if files[3:] else -1
            for file in files[3:]:
                os.close(file)
        else:
            ended, status = os.waitpid(answer, os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if ended else ALIVE
        orders.send(ORDER.pack(answer))


def _threads_and_files() -> int:
    """How many threads this process has, and open files, but for those that are mapped: nobody reads them by a place."""
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:
        mapped = {line.split(maxsplit=5)[-1].rstrip("\n") for line in file}
        here = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
        files = [os.readlink(path) for path in here if os.path.lexists(path)]
    return len(os.listdir("/proc/self/task")) + sum(path not in mapped for path in files)


def _end_with(parent: int) -> None:
    """End when the parent has ended: what an orphan still writes could fall into a folder that a later run has finished."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


@cache
def _held() -> int:
    """Bytes of data that this process holds when this is first asked: code, and what a recipe has loaded."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[5]) * resource.getpagesize()
    except OSError:
        return 0


def _limit_memory(limit: int) -> None:
    """Allow this process so many bytes of data more than it held before its first limit, so that pages have the same
    whatever recipe was loaded before; 0: as many as it was allowed at its start."""
    if hasattr(resource, "RLIMIT_DATA"):
        most = resource.getrlimit(resource.RLIMIT_DATA)[1]
        wanted = limit and _held() + limit
        allowed = most if not wanted else wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(resource.RLIMIT_DATA, (allowed, most))


class _Absent:
    """An importer that has none of a package."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Raise ImportError for the package; leave all else to the importers behind."""
        if name == self.package:
            raise ModuleNotFoundError(name)


@contextmanager
def _without(package: str) -> Iterator[None]:
    absent = _Absent(package)
    sys.meta_path.insert(0, absent)
    try:
        yield
    finally:
        sys.meta_path.remove(absent)


def leave_pandas_out() -> None:
    """Arrow imports pandas with its first array, to know its types, and looks once. For processes that are ours alone: in this
    one Arrow then makes no frames, and takes none."""
    if "pandas" not in sys.modules:
        with _without("pandas"):
            pa.array([0])


# ---- in the parent ----


class Child:
    """One child process. Use `lease()` to get one."""

    def __init__(self, memory: int, started: starts.Started | None = None) -> None:
        self.memory = memory
        try:
            self._started = started or starts.start()
        except OSError as error:
            if error.errno in starts.KILLED:
                raise ChildDied("killed", -1, "the process was killed (SIGKILL)") from error
            raise EngineError(f"no further process can be started ({error}): take fewer --cores") from error

    def request(self, reference: str, task: object, *, limited: bool = True) -> Iterator[pa.RecordBatch | object]:
        """Run `package.module:name` on `task` (JSON): yields its record batches, if any, and at last its result, as JSON.

        Not `limited`: the child's limit of memory is for later requests. Raises ChildError when the function raised, ChildDied when the process ended.
        """
        self.ask(reference, task, limited=limited)
        yield from self.answers()

    def ask(self, reference: str, task: object, *, limited: bool = True) -> None:
        """`request`, of which `answers` gives what comes of it."""
        try:
            message = Request(function=reference, task=task, memory=self.memory if limited else 0)
            self._started.requests.write(json.dumps(message).encode() + b"\n")
            self._started.requests.flush()
        except BrokenPipeError:
            raise self._died() from None

    def answers(self) -> Iterator[pa.RecordBatch | object]:
        """What `request` yields."""
        while True:
            kind, payload = self._receive()
            if kind == BATCH:
                yield from pa.ipc.open_stream(payload)
                continue
            answer = json.loads(payload)
            if kind == ERROR:
                if answer["user"]:
                    raise getattr(errors, answer["type"], CurateError)(answer["text"])
                if answer["type"] == "MemoryError":
                    raise ChildDied("memory", self.mark, "the process was out of memory")
                raise ChildError(answer["text"])
            yield answer
            return

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._started.process.pid

    @property
    def mark(self) -> int:
        """The page the child is at, or was when it died; -1 between pages."""
        return int(MARK.unpack_from(self._started.mark, 0)[0])

    def _receive(self) -> tuple[bytes, bytes]:
        header = self._started.answers.read(HEADER.size)
        if len(header) < HEADER.size:
            raise self._died()
        kind, length = HEADER.unpack(header)
        payload = self._started.answers.read(length)
        if len(payload) < length:
            raise self._died()
        return kind, payload

    def _died(self) -> ChildDied:
        code = self._started.process.wait()
        if code in (-signal.SIGVTALRM, -signal.SIGPROF, -signal.SIGXCPU):
            return ChildDied("timeout", self.mark, "ended by the kernel at the CPU limit")
        if -code in FROM_OUTSIDE:
            return ChildDied("killed", self.mark, f"the process was killed ({signal.Signals(-code).name})")
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return ChildDied("crash", self.mark, f"the process ended with {name}")

    def kill(self) -> None:
        """End the process and no more: another thread may be reading from it."""
        self._started.process.kill()

    def close(self) -> None:
        """End the process; safe to call at any time."""
        self._started.close()

    @property
    def alive(self) -> bool:
        """Whether it can take a request."""
        return self._started.process.poll() is None


_idle: list[Child] = []
_busy: set[Child] = set()
_lock = threading.Lock()
_ending = threading.Event()
"""Set when all children were killed on purpose: those that follow are no accidents."""


@contextmanager
def lease(memory: int = 0, *, fresh: bool = False) -> Iterator[Child]:
    """A child of this process with a memory limit in bytes (0: none), new (where `fresh` asks for it) or idle; it goes back
    when the block ends well.

    A limit can be lifted (starting a child costs a second) but is not put on a child that grew without one.
    """
    with _lock:
        fit = [child for child in _idle if child.alive and memory in (0, child.memory)]
        found = None if fresh else min(fit, key=lambda child: child.memory != memory, default=None)
        if found:
            _idle.remove(found)
            found.memory = memory
    child = found or Child(memory)
    with _lock:
        _busy.add(child)
    try:
        yield child
    except BaseException:
        with _lock:
            _busy.discard(child)
        child.close()
        raise
    with _lock:
        _busy.discard(child)
        _idle.append(child)


def call(function: Callable[[T], R], task: T, *, memory: int = 0) -> R:
    """Run a task in a child and return its result; once more in a fresh child where the first died. The task itself has no
    limit of memory; `memory` is that of the tasks for which the child is to be ready then.

    Tasks write what they write at their end, whole: a second run is harmless. Raises EngineError when that one dies too, CrashError
    where nobody killed it.
    """
    return typed.result_of(function, call_json(typed.reference(function), typed_json.dump(task), memory))


def load(function: Callable[[T], R], *tasks: T, memory: int = 0) -> None:
    """Run tasks that load what the children need, once for all of them: where they are forked and none is yet, in the processes that they
    are forked from, side by side. Children have what the first has loaded, after `turn` what the next has. Raises as `call` does."""
    for task in tasks if not _loaded(function, tasks) else ():
        call(function, task, memory=memory)


def _loaded(function: Callable[[T], R], tasks: Sequence[T]) -> bool:
    """Whether each task was run in the process that children are forked from at its turn."""
    try:
        servers = starts.apart(len(tasks))
        loading = [Child(0, one.started) for one in servers]
        for child, task in zip(loading, tasks, strict=False):
            child.ask(typed.reference(function), typed_json.dump(task), limited=False)
        for child in loading:
            for _ in child.answers():
                pass
    except (ChildDied, OSError):
        if _ending.is_set():
            raise
        return False
    return bool(servers)


def turn() -> None:
    """From now on children have what the next task of `load` has loaded. Nothing happens where there is none, and while children of
    another job are at work."""
    with _lock:
        if starts.more() and not _busy:
            _end_idle()
            starts.turn()


def call_json(reference: str, task: object, memory: int = 0, *, limited: bool = False) -> object:
    """`call` by the function's name, argument and result as JSON. `limited`: `memory` is what the task itself may take; where that, or
    the CPU time that it gives itself (`page`), is too little twice, it is a CrashError."""
    try:
        return _call(reference, task, memory, fresh=False, limited=limited)
    except ChildDied:
        if _ending.is_set():
            raise
    try:
        return _call(reference, task, memory, fresh=True, limited=limited)
    except ChildDied as died:
        own = died.reason == "crash" and "exit code" not in died.detail
        kind = CrashError if own or (limited and died.reason in ("memory", "timeout")) else EngineError
        raise kind(f"{describe(reference, task)} ended twice: {died.detail}{advice(died)}") from died


def _call(reference: str, task: object, memory: int, *, fresh: bool, limited: bool) -> object:
    with lease(memory, fresh=fresh) as child:
        *_, answer = child.request(reference, task, limited=limited)
    return answer


def describe(reference: str, task: object) -> str:
    """What a task was at, for a person: its function and its file."""
    named = task if isinstance(task, dict) else {}
    path = next((str(named[key]) for key in ("out", "data", "source", "path") if isinstance(named.get(key), str)), "")
    return f"the process of {reference.replace(':', '.')}" + (f" ({path})" if path else "")


def advice(died: ChildDied) -> str:
    """What a person can do about a process that ended so."""
    if died.reason in ("killed", "memory"):
        return (
            "; the machine (or its limit) may be short of memory: take fewer --cores, or give it more; --resume goes on"
        )
    return ""


def kill_all() -> None:
    """End every child at once, whatever it is at; for Ctrl-C. Their files under temporary names are left to `--resume`."""
    _ending.set()
    for child in [*_busy, *_idle]:
        child.kill()
    starts.kill()


def begin() -> None:
    """Children that die from now on are accidents: an earlier job of this process may have been stopped (Ctrl-C in a notebook)."""
    _ending.clear()


def ending() -> bool:
    """Whether children die on purpose: none is to be replaced."""
    return _ending.is_set()


def close_all() -> None:
    """End the idle children, and what they were forked from, unless some are at work."""
    with _lock:
        _end_idle()
        if not _busy:
            starts.close()


def _end_idle() -> None:
    for child in _idle:  # they end side by side; each is waited for, so that its CPU time is counted
        child.kill()
    while _idle:
        _idle.pop().close()
