"""Where what can be made again is kept: the user's cache folder; and compiled code, which numba keeps beside the package or there,
else in a private folder.

A container often runs a job as a user without a home, on packages that it can't write to. numba then refuses to import
any function that is to be cached, and without a cache each process would compile for half a minute.
"""

import hashlib
import itertools
import os
import stat
import tempfile
import zipfile
from functools import lru_cache
from pathlib import Path
from types import FunctionType

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
    if zipped := _zipped(str(source)):
        return any(zipped.glob(name))
    named = os.environ.get(VARIABLE)
    beside = [] if named else (source.parent / "__pycache__").glob(name)
    found = itertools.chain(beside, Path(named or cache_home() / "numba").glob(f"*/{name}"))
    return any(file.stat().st_mtime >= source.stat().st_mtime for file in found)


class ZippedCode:
    """Where numba keeps compiled code of a module that is imported from a zip (`curate bundle`): by what is in the zip.

    numba itself keeps it by the zip's path, which Spark makes new for each executor of each job, and by the bytes of the one module:
    functions of others that are part of its compiled code may be older.
    """

    def __init__(self, folder: Path, line: int) -> None:
        self._folder = folder
        self._line = line

    @classmethod
    def from_function(cls, function: FunctionType, path: str) -> "ZippedCode | None":
        """None for a function that is not ours or in no zip, or where no folder can be written to."""
        folder = _zipped(path) if function.__module__.startswith("curate.") else None
        if folder is None:
            return None
        made = cls(folder, function.__code__.co_firstlineno)
        try:
            made.ensure_cache_path()
        except OSError:
            return None
        return made

    def ensure_cache_path(self) -> None:
        """Make the folder, and try whether it can be written to."""
        self._folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=self._folder).close()

    def get_cache_path(self) -> str:
        """The folder."""
        return str(self._folder)

    def get_source_stamp(self) -> str:
        """What tells old compiled code from new: nothing, as the folder does."""
        return ""

    def get_disambiguator(self) -> str:
        """What tells functions of one name apart."""
        return str(self._line)


def _zipped(source: str) -> Path | None:
    """The folder of compiled code of a module that is in a zip; None for any other."""
    archive, found, inside = source.partition(f".zip{os.sep}")
    return _kept(f"{archive}.zip") / Path(inside).parent if found and os.path.isfile(f"{archive}.zip") else None


@lru_cache(maxsize=4)
def _kept(zipped: str) -> Path:
    """The folder of compiled code of a zip, by the sums of its Python files."""
    with zipfile.ZipFile(zipped) as archive:
        files = sorted((item.filename, item.file_size, item.CRC) for item in archive.infolist())
    key = hashlib.sha256(repr([item for item in files if item[0].endswith(".py")]).encode()).hexdigest()
    return Path(os.environ.get(VARIABLE) or cache_home() / "numba") / f"zip-{key[:32]}"


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
