"""Where what can be made again is kept: the user's cache folder; and compiled code, which numba keeps beside the package or there,
else in a private folder.

A container often runs a job as a user without a home, on packages that it can't write to. numba then refuses to import
any function that is to be cached, and without a cache each process would compile for half a minute.
"""

import itertools
import os
import stat
import tempfile
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"


def choose_folder(package: Path) -> None:
    """Set NUMBA_CACHE_DIR where numba would find no folder for the code of `package`; to be called before numba is imported."""
    if os.environ.get(VARIABLE) or writable(package):
        return
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if not writable(Path(home)):
        os.environ[VARIABLE] = str(_private(Path(tempfile.gettempdir()) / f"curate-numba-{_user()}"))


def is_compiled(source: Path, function: str) -> bool:
    """Whether numba has compiled code of a function of the module at `source` in the folders where it keeps that: nothing is imported."""
    name = f"{source.stem}.{function}-*.nbi"
    named = os.environ.get(VARIABLE)
    beside = [] if named else (source.parent / "__pycache__").glob(name)
    found = itertools.chain(beside, Path(named or cache_home() / "numba").glob(f"*/{name}"))
    return any(file.stat().st_mtime >= source.stat().st_mtime for file in found)


def cache_home() -> Path:
    """The user's cache folder: $XDG_CACHE_HOME, else ~/.cache. A user without a home has one among the temporary files."""
    if named := os.environ.get("XDG_CACHE_HOME"):
        return Path(named)
    home = os.path.expanduser("~")
    return Path(home) / ".cache" if home != "~" else temporary_cache()


def temporary_cache() -> Path:
    """A folder of this user alone among the temporary files, for who can't write to a cache folder."""
    return _private(Path(tempfile.gettempdir()) / f"curate-cache-{_user()}")


def writable(folder: Path) -> bool:
    """Whether files can be made in `folder`, or the folder itself where it is missing."""
    while not os.path.exists(folder) and folder != folder.parent:  # a folder above it may be closed to us
        folder = folder.parent
    return os.access(folder, os.W_OK | os.X_OK)


def _private(folder: Path) -> Path:
    """`folder`, if it is this user's alone: what lies in it is executed. Else a new one."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == _user() and not found.st_mode & 0o077:
            return folder
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="curate-numba-"))


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0
