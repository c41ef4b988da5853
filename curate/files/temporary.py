"""The folder for temporary files of this process: one, gone when the process is, however it ended.

A process holds the lock of its folder as long as it lives. So whoever starts or ends later can tell the folder of a process
that was killed, and deletes it.
"""

import atexit
import os
import shutil
import tempfile
from contextlib import suppress
from functools import lru_cache

PREFIX = "curate-tmp-"


def folder() -> str:
    """The folder of this process, made when it is asked for first."""
    return _folder(os.getpid())[0]


@lru_cache(maxsize=1)
def _folder(process: int) -> tuple[str, int]:
    sweep()
    while True:
        path = tempfile.mkdtemp(prefix=PREFIX)
        handle = _locked(path)
        if handle is not None and os.path.isdir(path):  # else swept between the two
            atexit.register(close)
            return path, handle


def close() -> None:
    """Delete the folder of this process, if there is one, and those of its children that were killed."""
    if _folder.cache_info().currsize:
        path, handle = _folder(os.getpid())
        _folder.cache_clear()
        shutil.rmtree(path, ignore_errors=True)
        os.close(handle)
    sweep()


def sweep() -> None:
    """Delete the folders of processes of this user that are no more."""
    root = tempfile.gettempdir()
    with suppress(OSError):
        for name in os.listdir(root):
            path = os.path.join(root, name)
            if name.startswith(PREFIX) and (handle := _locked(path)) is not None:
                shutil.rmtree(path, ignore_errors=True)
                os.close(handle)


def _locked(path: str) -> int | None:
    """A handle that holds the lock of a folder of this user, or None."""
    import fcntl

    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        if os.fstat(handle).st_uid == os.geteuid():
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
    except OSError:  # its process lives
        pass
    os.close(handle)
    return None
