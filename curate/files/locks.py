"""One run at a time on a folder: a lock that is gone when its holder is, however it ended.

On a local disk it is the kernel's lock on the folder itself (`flock`): no file, nothing left after a kill. On an object
store, which has none, it is an object `_lock.json` that says who holds it and is written again every half minute: a holder
on this machine is looked for among the processes, one elsewhere counts as gone when it has said nothing for two minutes.
Between two runs that begin on a store in the same second the store's last word decides; that is as good as it gets there.
"""

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from curate.errors import OutputError
from curate.files import storage

NAME = "_lock.json"
BEAT = 30.0
"""Seconds between two signs of life on an object store."""
SILENCE = 120.0
"""Seconds without one after which a holder on another machine counts as gone."""


@contextmanager
def held(folder: str, busy: str) -> Iterator[None]:
    """Hold the lock of `folder` in the block: made if need be, gone again when nothing was put into it. Raises OutputError
    with the words `busy` when another run holds it."""
    with _local(folder, busy) if storage.is_local(folder) else _remote(storage.join(folder, NAME), busy):
        yield


@contextmanager
def _local(folder: str, busy: str) -> Iterator[None]:
    import fcntl

    inner = storage.filesystem(folder)[1]
    try:
        os.makedirs(inner, exist_ok=True)
        handle = os.open(inner, os.O_RDONLY)
    except OSError as error:
        raise OutputError(f"{folder} can't be made: {error.strerror}: choose another folder") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(busy) from None
        except OSError:  # a file system without locks
            pass
        if not os.path.isdir(inner) or os.fstat(handle).st_ino != os.stat(inner).st_ino:
            raise OutputError(busy)  # it was renamed by the run that held it until now
        yield
    finally:
        with suppress(OSError):  # not empty, or renamed
            os.rmdir(inner)
        os.close(handle)


@contextmanager
def _remote(path: str, busy: str) -> Iterator[None]:
    own = {"token": uuid.uuid4().hex, "machine": machine(), "process": os.getpid(), "born": _born(os.getpid())}
    holder = _read(path)
    if holder and _alive(holder):
        raise OutputError(f"{busy} (process {holder.get('process')} of {str(holder.get('machine')).split('/')[0]})")
    _beat(path, own)
    if _read(path).get("token", own["token"]) != own["token"]:
        raise OutputError(busy)
    ended = threading.Event()
    beats = threading.Thread(target=_beats, args=(path, own, ended), daemon=True)
    beats.start()
    try:
        yield
    finally:
        ended.set()
        beats.join()
        with suppress(OSError):
            storage.remove(path)


def _beats(path: str, own: dict[str, object], ended: threading.Event) -> None:
    while not ended.wait(BEAT):
        with suppress(OSError):  # the next one will get through, or the lock was of no use
            _beat(path, own)


def _beat(path: str, own: dict[str, object]) -> None:
    storage.write_text(path, json.dumps({**own, "time": time.time()}) + "\n")


def _read(path: str) -> dict[str, Any]:
    try:
        found = json.loads(storage.read_bytes(path))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _alive(holder: dict[str, Any]) -> bool:
    if holder.get("machine") == machine():
        return _born(int(holder.get("process") or 0)) == holder.get("born") != ""
    return time.time() - float(holder.get("time") or 0) < SILENCE


def machine() -> str:
    """A name for the space of process ids that this process lives in: host, boot and container."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return "/".join(parts)


def _born(process: int) -> str:
    """When a process of this machine began, so that its number is not taken for another's; empty when there is none."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        if os.path.isdir("/proc/self"):
            return ""
    try:  # no /proc: whether there is one of that number must do
        os.kill(process, 0)
    except (OSError, OverflowError):
        return ""
    return "?"
