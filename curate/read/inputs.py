"""What a person names as input, as a sorted list of files that can be opened anywhere.

A name is a file, a glob, a folder, or a list of paths (`wet.paths.gz`, `files.txt`); each may be local or begin with
`s3://`, `gs://`, `hdfs://`, `http://` or `https://` (a web server can't be asked for folders and globs).
"""

import fnmatch
import gzip
import io
import os
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, BinaryIO, cast
from urllib.parse import urljoin, urlsplit

from pyarrow import ArrowInvalid
from pyarrow import fs as arrow_fs

from curate.console.terminal import without_secrets
from curate.errors import InputError, nearest, said
from curate.files import storage, threads
from curate.files.remote import HttpFile, below, remote_size
from curate.read.files import note, tree
from curate.read.tables import ENDINGS
from curate.read.wacz import crawl_files, open_crawl_file

_ARCHIVE = re.compile(r"\.((warc|wet|wat|arc)(\.(gz|zst|lz4|bz2|xz))?|wacz)$", re.IGNORECASE)
_IN_WACZ = re.compile(r"(.*?\.wacz(?:\?.*?(?=/archive/))?)/(.+)", re.IGNORECASE | re.DOTALL)
"""`a.wacz/archive/b.warc.gz`; an address may have a query."""
_LIST = re.compile(r"(paths(\.txt)?|\.(txt|lst|list))(\.gz)?$", re.IGNORECASE)
_GLOB = re.compile(r"[*?\[]")
_SCHEMES = (*storage.SCHEMES, *storage.WEB)
_MAX_LIST = 256 << 20  # bytes of a list of paths, decompressed
_LISTED_AT_ONCE = 16
_FETCHED = re.compile(r"(fetched\.json|pages\.jsonl|urls\.json|index/.*)")
"""What `curate fetch` writes beside crawl files."""
NAMES = "*.warc.gz, *.wet.gz, *.arc.gz, each also plain, .zst, .lz4, .bz2 or .xz; *.wacz"


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file of a crawl."""

    path: str
    """As the person named it: the path or address that opens it."""
    size: int
    """Bytes."""
    kind: str
    """warc, wet or arc, by its name; the reader looks at the bytes."""
    splittable: bool = True
    """Whether reading may begin anywhere at no cost."""
    wacz: str = ""
    """The WACZ that it is in."""

    @property
    def name(self) -> str:
        """The path as it is written down: without what is secret in an address."""
        if self.wacz:
            return without_secrets(self.wacz) + self.path.removeprefix(self.wacz)
        return without_secrets(self.path)


def expand_inputs(names: Sequence[str], base: str | None = None) -> list[InputFile]:
    """The files that `names` stand for, each once, sorted by path.

    `base` is put before the relative paths in lists. Raises InputError for what can't be found, with the nearest
    thing that can, and for two addresses that differ in what must not be written down.
    """
    return expand_named(names, base)[0]


def expand_named(
    names: Sequence[str], base: str | None = None
) -> tuple[list[InputFile], dict[str, set[str]], list[str]]:
    """As `expand_inputs`, the paths that each name stands for, and a note of each folder with other files that may be meant. A folder or
    list that is named twice is asked once."""
    if not names:
        raise InputError("no input; give files, folders, globs, or a list such as warc.paths.gz")
    found: dict[str, int | None] = {}
    named: dict[str, set[str]] = {}
    notes: list[str] = []
    for name in dict.fromkeys(names):
        below = _expand(_local(name.strip()), base, notes)
        found.update(below)
        named[name] = set(below)
    for path in sorted(found):
        storage.check_name(path)
    missing = [path for path, size in found.items() if size is None]
    with threads.pool(_LISTED_AT_ONCE) as pool:
        found.update(zip(missing, pool.map(file_size, missing), strict=True))
    files = [file for path, size in sorted(found.items()) for file in _files(path, size or 0)]
    for name, count in Counter(file.name for file in files).items():
        if count > 1:
            raise InputError(f"{name}: {count} addresses differ in what is secret in them alone: download them first")
    return files, named, notes


def open_input(path: str) -> BinaryIO:
    """Open a local or remote file, or a crawl file in a WACZ, for reading anywhere. Raises InputError when there is none."""
    if inside := _in_wacz(path):
        wacz, name = inside
        return open_crawl_file(open_input(wacz), file_size(wacz), wacz, name)
    scheme = _scheme(path)
    if scheme in ("http", "https"):
        return cast(BinaryIO, HttpFile(path))
    try:
        if not scheme:
            storage.refuse_special(path)
            return cast(BinaryIO, open(path, "rb", buffering=0))
        system, inner = _filesystem(path)
        return cast(BinaryIO, system.open_input_file(inner))
    except FileNotFoundError:
        raise InputError(f"no such file: {path}") from None
    except (IsADirectoryError, PermissionError) as error:
        raise InputError(f"{path}: {error.strerror or error}") from None


def may_be_folder(name: str) -> bool:
    """Whether `name` can be a folder, by its looks alone: no pattern, no name of an archive, not on a web server."""
    return _scheme(name) not in ("http", "https") and not _GLOB.search(name) and not _ARCHIVE.search(name)


def may_hold_others(name: str) -> bool:
    """Whether `name` can stand for files that are no crawl files: it has not the name of one, and is not on a web server."""
    return _scheme(name) not in ("http", "https") and not _ARCHIVE.search(name)


def is_crawl_name(path: str) -> bool:
    """Whether a file is called as crawl files are."""
    return bool(_ARCHIVE.search(path))


def all_files(names: Sequence[str], *, missing_ok: bool = False) -> dict[str, int]:
    """Path -> bytes of the files, whatever they are called, that `names` (files, folders, globs, addresses) stand for,
    sorted by path; hidden ones apart. Raises InputError for what can't be found, unless `missing_ok`.
    """
    found: dict[str, int | None] = {}
    for name in (_local(name.strip()) for name in names):
        if _scheme(name) in ("http", "https"):
            found[name] = None
            continue
        below = _matches(name) if not _exists(name) and _GLOB.search(name) else _files_of(name)
        if not below and not missing_ok:
            raise InputError(f"{name}: no file there{_similar(name)}")
        found.update(below)
    for path in found:
        storage.check_name(path)
    return {path: file_size(path) if size is None else size for path, size in sorted(found.items())}


def _files_of(name: str) -> dict[str, int | None]:
    system, inner = _filesystem(name)
    info = _info(system, inner, name)
    if info.type == arrow_fs.FileType.NotFound:
        return {}
    if info.type == arrow_fs.FileType.Directory:
        return {path: size for path, size in _walk(system, inner, name)}  # noqa: C416 (the types differ)
    return {name: int(info.size)}


def holds_tables(name: str) -> bool:
    """Whether what a person names are tables of documents (Parquet, JSON) and no crawl files.

    Folders and patterns are told by the names in them, files by their first bytes where their name says nothing.
    Raises InputError for what can't be found.
    """
    name = _local(name.strip())
    if _scheme(name) in ("http", "https") or _is_list(name):
        return False
    if not _exists(name) and _GLOB.search(name):
        return _are_tables(_matches(name))
    system, inner = _filesystem(name)
    kind = _info(system, inner, name).type
    if kind == arrow_fs.FileType.Directory:
        return _are_tables(path for path, _ in _walk(system, inner, name))
    if kind == arrow_fs.FileType.NotFound or _ARCHIVE.search(name):
        return False
    return name.lower().endswith(ENDINGS) or read_head(name, 4096).lstrip()[:1] in (b"{", b"[") or _is_parquet(name)


def _are_tables(paths: Iterable[str]) -> bool:
    names = [path.lower() for path in paths]
    return not any(map(_ARCHIVE.search, names)) and any(name.endswith(ENDINGS) for name in names)


def _is_parquet(name: str) -> bool:
    with open_input(name) as file:
        return file.read(4) == b"PAR1"


def block_size(path: str) -> int:
    """How many bytes to read at once: much where every read is a request."""
    return (8 << 20) if _scheme(path) else (1 << 20)


def file_size(path: str) -> int:
    """The size of a file in bytes. Raises InputError when there is none."""
    if _scheme(path) in ("http", "https"):
        try:
            return remote_size(path)
        except OSError as error:
            raise InputError(str(error)) from None
    system, inner = _filesystem(path)
    info = _info(system, inner, path)
    if info.type != arrow_fs.FileType.File:
        raise InputError(f"no such file: {path}")
    return int(info.size)


def _local(name: str) -> str:
    if name.startswith("file://"):
        return urlsplit(name).path
    return name if _scheme(name) else os.path.expanduser(name)


def _scheme(path: str) -> str:
    head, mark, _ = path.partition("://")
    if not mark:
        return ""
    if head.lower() not in _SCHEMES:
        raise InputError(f"{path}: unknown scheme {head!r}{nearest(head, _SCHEMES)}")
    storage.check_name(path)
    return head.lower()


@lru_cache(maxsize=64)
def _filesystem_of(root: str) -> object:
    try:
        return (
            storage.filesystem(root)[0] if root.startswith(("gs:", "gcs:")) else arrow_fs.FileSystem.from_uri(root)[0]
        )
    except (OSError, ArrowInvalid) as error:
        address = root.partition("?")[0]
        raise InputError(f"{address}: {storage.reason(address, error)}") from None


def _filesystem(path: str) -> tuple[Any, str]:
    """The Arrow file system of `path`, and the path inside it."""
    scheme = _scheme(path)
    if not scheme:
        return arrow_fs.LocalFileSystem(), path
    parts = urlsplit(path)
    root = f"{scheme}://{parts.netloc}/"
    if scheme == "s3":
        return storage.filesystem(root)[0], path.partition("://")[2]
    inside = path.partition("://")[2]
    return _filesystem_of(root), inside if scheme in ("gs", "gcs", "hf") else "/" + inside.partition("/")[2]


def _info(system: Any, inner: str, path: str) -> Any:
    return storage.info(system, inner.rstrip("/") or "/", path)


def _expand(name: str, base: str | None, notes: list[str]) -> dict[str, int | None]:
    """Path -> size; None where it is not known yet."""
    if _scheme(name) in ("http", "https"):
        path = _path_of(name)
        if _GLOB.search(path) or path.endswith("/"):
            raise InputError(f"{name}: a web server can't be asked for a list; give a list of paths (*.paths.gz)")
        return _listed(name, base) if _is_list(name) else {name: None}
    if not _exists(name) and _GLOB.search(name):
        return _globbed(name)
    system, inner = _filesystem(name)
    info = _info(system, inner, name)
    if info.type == arrow_fs.FileType.NotFound:
        raise InputError(
            f"{name}: {storage.missing(name)}" if _scheme(name) else f"no such file: {name}{_similar(name)}"
        )
    if info.type == arrow_fs.FileType.Directory:
        return _folder(system, inner, name, notes)
    if _is_list(name):
        return _listed(name, base)
    _refuse_what_is_no_archive(name)
    return {name: int(info.size)}


def _exists(name: str) -> bool:
    return not _scheme(name) and os.path.lexists(name)


def _is_list(name: str) -> bool:
    path = _path_of(name)
    return bool(_LIST.search(path)) and not _ARCHIVE.search(path)


def _walk(system: Any, inner: str, name: str, left: list[str] | None = None) -> list[tuple[str, int]]:
    """(path as a person writes it, size) of all files below a folder; hidden ones apart. `left` gets the names of what is no file."""
    if not _scheme(name):  # Arrow stops at names that are not UTF-8
        below, others = tree(name)
        if left is not None:
            left += others
        return [(storage.join(name, file), size) for file, size in below.items() if not _is_hidden(file)]
    selector = arrow_fs.FileSelector(inner.rstrip("/") or "/", recursive=True)
    prefix = name[: len(name) - len(inner)] if name.endswith(inner) else ""
    found = []
    try:
        infos = system.get_file_info(selector)
    except OSError as error:
        raise InputError(f"{name}: {said(error)}") from None
    for info in infos:
        below = info.path[len(inner.rstrip("/")) :].strip("/")
        if info.type == arrow_fs.FileType.File and not _is_hidden(below):
            found.append((prefix + info.path, int(info.size)))
    return found


def _is_hidden(below: str) -> bool:
    return any(part[:1] in "._" for part in below.split("/"))


def _folder(system: object, inner: str, name: str, notes: list[str]) -> dict[str, int | None]:
    left = list[str]()
    files = _walk(system, inner, name, left)
    if left:
        notes.append(note(name, "linked", left))
    found: dict[str, int | None] = {path: size for path, size in files if _ARCHIVE.search(path)}
    if found:
        others = [path for path, _ in files if path not in found and not _is_beside(path, name)]
        if others:
            notes.append(note(name, "called", [os.path.basename(path) for path in others]))
        return found
    others = sorted(os.path.basename(path) for path, _ in files)
    hint = f"; it holds {len(others)} other files, such as {', '.join(others[:3])}" if others else "; it is empty"
    raise InputError(f"{name}: no crawl files ({NAMES}) in this folder{hint}")


def _is_beside(path: str, folder: str) -> bool:
    below = path.removeprefix(folder).lstrip("/")
    return _is_list(path) or _FETCHED.fullmatch(below) is not None


def _globbed(pattern: str) -> dict[str, int | None]:
    found = _matches(pattern)
    if not found:
        raise InputError(f"{pattern}: matches nothing{_similar(pattern)}")
    if lists := [path for path in found if _is_list(path)]:
        raise InputError(f"{pattern}: matches {lists[0]}, a list of paths; give lists by their own name")
    return found


def _matches(pattern: str) -> dict[str, int | None]:
    if not _scheme(pattern):
        paths = [p for p in storage.matching(pattern) if os.path.isfile(p)]
        return {path: os.path.getsize(path) for path in paths}
    head = _GLOB.split(pattern)[0].rpartition("/")[0]
    system, inner = _filesystem(head)
    return {p: s for p, s in _walk(system, inner, head) if fnmatch.fnmatchcase(p, pattern)}


def _similar(name: str) -> str:
    """What there is instead of a local file or glob that is not there."""
    if _scheme(name):
        return ""
    folder = os.path.dirname(name) or "."
    while not os.path.isdir(folder):
        parent = os.path.dirname(folder) or "."
        known = os.listdir(parent) if os.path.isdir(parent) else []
        if os.path.isdir(parent):
            return f"; there is no folder {folder}" + (nearest(os.path.basename(folder), known) if known else "")
        folder = parent
    names = [n for n in os.listdir(folder) if not n.startswith(".")]
    if len(names) > 20:
        names = [n for n in names if _ARCHIVE.search(n) or _LIST.search(n)][:20]
    return nearest(os.path.basename(name), names) if names else f"; {folder} is empty"


def read_head(path: str, size: int = 1 << 16) -> bytes:
    """The first bytes of a file, decompressed when they are gzip."""
    with open_input(path) as file:
        data = file.read(size)
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return zlib.decompressobj(31).decompress(data, size)
    except zlib.error:
        return b""


def read_whole(path: str, most: int) -> bytes:
    """All bytes of a file; of a larger one some more than `most`."""
    parts, size = list[bytes](), 0
    with closing(open_input(path)) as file:
        while size <= most and (part := file.read(1 << 20)):
            parts.append(part)
            size += len(part)
    return b"".join(parts)


def _refuse_what_is_no_archive(path: str) -> None:
    """A list of paths where an archive is wanted: people mix them up, and every line of it would be garbage."""
    lines = read_head(path, 4096).split(b"\n")[:3]
    text = [line.decode("utf-8", "replace").strip() for line in lines if line.strip()]
    if text and all(_ARCHIVE.search(line) and " " not in line for line in text[:2]):
        raise InputError(f"{path}: a list of paths, not a crawl file; rename it to end in .paths or .paths.gz")


def _listed(name: str, base: str | None) -> dict[str, int | None]:
    """The files that a list of paths names."""
    head = read_head(name)
    if head[:5].upper() == b"WARC/" or head[:9] == b"filedesc:":
        raise InputError(f"{name}: a crawl file, not a list of paths; rename it to end in .warc.gz (.wet.gz, .arc.gz)")
    lines = [line for line in _lines(name) if line and not line.startswith("#")]
    if not lines:
        raise InputError(f"{name}: a list of paths without a path in it")
    if bad := next((line for line in lines if not _ARCHIVE.search(_path_of(line))), None):
        raise InputError(f"{name}: {bad[:100]!r} is no crawl file ({NAMES})")
    return dict.fromkeys((_resolve(line, name, base) for line in lines), None)


def _lines(name: str) -> list[str]:
    data = read_whole(name, _MAX_LIST - 1)
    if data[:2] == b"\x1f\x8b":
        try:
            with gzip.open(io.BytesIO(data)) as unpacked:
                data = unpacked.read(_MAX_LIST)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{name}: {error}; download the list again") from None
    return [line.strip() for line in data.decode("utf-8", "replace").splitlines()]


def _resolve(line: str, name: str, base: str | None) -> str:
    """A line of a list as a path that opens."""
    if _scheme(line) or (os.path.isabs(line) and not base):
        return line
    if base:
        if _scheme(base) in ("http", "https"):
            return below(base, line)
        return base.rstrip("/") + "/" + line.lstrip("/")
    if _scheme(name):
        return urljoin(name, line) if _scheme(name) in ("http", "https") else name.rpartition("/")[0] + "/" + line
    beside = os.path.join(os.path.dirname(name), line)
    if os.path.exists(beside) or not line.startswith("crawl-data/"):
        return beside
    raise InputError(
        f"{name}: names {line}, which is not below its own folder; say where the files are with "
        "--base https://data.commoncrawl.org/ (or --base s3://commoncrawl/, or the folder they were downloaded to)"
    )


def _in_wacz(path: str) -> tuple[str, str] | None:
    """The WACZ and the name in it, where `path` is of a crawl file in one (and not in a folder of such a name)."""
    found = _IN_WACZ.fullmatch(path)
    return (found[1], found[2]) if found and (_scheme(path) or not os.path.isdir(found[1])) else None


def _files(path: str, size: int) -> list[InputFile]:
    """A crawl file, or those in a WACZ. One whose directory is damaged stands for itself: what it holds is found."""
    if not _path_of(path).lower().endswith(".wacz"):
        return [InputFile(path, size, _kind(path))]
    with closing(open_input(path)) as file:
        found = crawl_files(file, size)
    inner = [InputFile(f"{path}/{name}", bytes_, _kind(name), stored, path) for name, (bytes_, stored) in found.items()]
    return sorted(inner, key=lambda file: file.path) or [InputFile(path, size, "warc")]


def _path_of(name: str) -> str:
    """The path in a web address, which may have a query; other names are paths."""
    return urlsplit(name).path if name.lower().startswith(("http://", "https://")) else name


def _kind(path: str) -> str:
    found = _ARCHIVE.search(_path_of(path))
    return {"wet": "wet", "arc": "arc"}.get((found[2] or "").lower() if found else "", "warc")
