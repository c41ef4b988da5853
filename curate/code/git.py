"""The files of a bare git repository, at its HEAD, through `git ls-tree` and `git cat-file --batch`.

A repository is hostile input. Git runs on an empty repository of our own that borrows only the objects, so the settings,
hooks, attributes and replacements of the repository are never read; it may use no network. Both commands only read
objects, and both are watched: by the limits of archives, and by the clock.
"""

import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple, cast

from curate.files import temporary

TIME_LIMIT = 1800.0
"""Seconds for one repository."""
MAX_NAME = 8192
"""Bytes of one entry of a tree listing; git's own limit on depth keeps real ones far below."""
_HASH = re.compile(r"[0-9a-f]{40}")
_REF = re.compile(r"ref: (refs/[A-Za-z0-9._/@+-]{1,200})")
_PACKED_REFS = 64 << 20


class Blob(NamedTuple):
    """One entry of the tree at HEAD."""

    mode: str
    """`100644`, `100755` (files), `120000` (link) or `160000` (submodule)."""
    name: str
    """Object id."""
    size: int
    """Bytes; 0 for what is no file."""
    path: str


def is_bare(path: str) -> bool:
    """Whether `path` is a bare git repository: HEAD, objects/ and refs/ (or packed-refs)."""
    return (
        os.path.isfile(os.path.join(path, "HEAD"))
        and os.path.isdir(os.path.join(path, "objects"))
        and (os.path.isdir(os.path.join(path, "refs")) or os.path.isfile(os.path.join(path, "packed-refs")))
    )


def head_of(path: str) -> str:
    """Id of the commit that HEAD names. Raises OSError when there is none, or it lies elsewhere."""
    head = _small(Path(path, "HEAD"), 1000)
    match = _REF.fullmatch(head)
    if match is None:
        return _checked(head, path)
    ref = match.group(1)
    if ".." in ref:
        raise OSError(f"HEAD names {ref!r}, which is no branch")
    if os.path.isfile(os.path.join(path, ref)):
        return _checked(_small(Path(path, ref), 1000), path)
    packed = Path(path, "packed-refs")
    if packed.is_file():
        for line in _small(packed, _PACKED_REFS).splitlines():
            if line.endswith(" " + ref):
                return _checked(line.split(" ", 1)[0], path)
    raise OSError(f"the branch {ref} has no commit")


def _small(path: Path, limit: int) -> str:
    if path.is_symlink():
        raise OSError(f"{path.name} is a link")
    with open(path, "rb") as file:
        return file.read(limit).decode("utf-8", "replace").strip()


def _checked(value: str, path: str) -> str:
    if not _HASH.fullmatch(value):
        raise OSError("HEAD is no commit id of 40 hex digits (SHA-256 repositories are not read)")
    if os.path.exists(os.path.join(path, "objects", "info", "alternates")):
        raise OSError("objects lie in other folders (objects/info/alternates): clone it without --shared first")
    return value


class Objects:
    """Reads trees and files of one repository; made by `opened`."""

    def __init__(self, path: str, empty: str) -> None:
        self.path, self.empty = path, empty
        self._running: list[subprocess.Popen[bytes]] = []
        self._timed_out = False

    def tree(self, commit: str) -> Iterator[Blob]:
        """Entries of the tree of `commit`, in git's order. Raises OSError when it can't be read."""
        process = self._git("ls-tree", "-r", "-z", "-l", "--full-tree", commit)
        rest = b""
        while block := self._out(process).read(1 << 16):
            *whole, rest = (rest + block).split(b"\0")
            if len(rest) > MAX_NAME:
                raise OSError("a name in the tree is too long")
            yield from map(_entry, whole)
        self._end(process)

    def files(self) -> "Reader":
        """A reader of file contents."""
        return Reader(self._git("cat-file", "--batch"), self)

    def stop(self, timed_out: bool = False) -> None:
        """End what runs."""
        self._timed_out = self._timed_out or timed_out
        for process in self._running:
            if process.poll() is None:
                process.kill()

    def close(self) -> None:
        """End what runs, and wait for its end."""
        self.stop()
        for process in self._running:
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    try:
                        pipe.close()
                    except OSError:  # what was still to be written to a process that is gone
                        continue
            process.wait()

    def damaged(self, what: str) -> OSError:
        """The error to raise for `what`."""
        return OSError(f"took longer than {TIME_LIMIT:.0f} s" if self._timed_out else what)

    def _git(self, *arguments: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            ["git", "--no-pager", "--no-replace-objects", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self.empty,
            env=_environment(self.path, self.empty),
        )
        self._running.append(process)
        if self._timed_out:  # the clock may have rung before there was anything to end
            raise self.damaged("")
        return process

    def _out(self, process: "subprocess.Popen[bytes]") -> IO[bytes]:
        return cast(IO[bytes], process.stdout)

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        if process.wait() != 0:
            raise self.damaged("git can't read the tree at HEAD")


class Reader:
    """`git cat-file --batch`: one request, one answer."""

    def __init__(self, process: "subprocess.Popen[bytes]", objects: Objects) -> None:
        self._process, self._objects = process, objects

    def read(self, blob: Blob) -> bytes:
        """The bytes of a file. Raises OSError when they are missing or differ from what the tree says."""
        stdin, stdout = cast(IO[bytes], self._process.stdin), cast(IO[bytes], self._process.stdout)
        try:
            stdin.write(blob.name.encode() + b"\n")
            stdin.flush()
            if stdout.readline(200) != f"{blob.name} blob {blob.size}\n".encode():
                raise self._objects.damaged(f"object {blob.name} is missing or damaged")
            data = stdout.read(blob.size + 1)
        except BrokenPipeError as error:
            raise self._objects.damaged("git ended early") from error
        if len(data) != blob.size + 1:
            raise self._objects.damaged(f"object {blob.name} is cut short")
        return data[:-1]


@contextmanager
def opened(path: str) -> Iterator[Objects]:
    """The objects of the bare repository at `path`, for at most TIME_LIMIT seconds."""
    with tempfile.TemporaryDirectory(dir=temporary.folder()) as empty:
        for folder in ("refs", "objects"):
            os.mkdir(os.path.join(empty, folder))
        Path(empty, "HEAD").write_text("ref: refs/heads/none\n")
        objects = Objects(path, empty)
        clock = threading.Timer(TIME_LIMIT, objects.stop, kwargs={"timed_out": True})
        clock.daemon = True
        clock.start()
        try:
            yield objects
        finally:
            clock.cancel()
            objects.close()


def _environment(path: str, empty: str) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "HOME": empty,
        "GIT_DIR": empty,
        "GIT_OBJECT_DIRECTORY": os.path.abspath(os.path.join(path, "objects")),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_ALLOW_PROTOCOL": "file",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
    }


def _entry(row: bytes) -> Blob:
    facts, _, path = row.partition(b"\t")
    parts = facts.decode("ascii", "replace").split()
    if len(parts) != 4:
        raise OSError("git's listing of the tree can't be read")
    size = int(parts[3]) if parts[3].isdigit() else 0
    return Blob(parts[0], parts[2], size, path.decode("utf-8", "backslashreplace"))
