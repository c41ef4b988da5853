"""Dumps as others publish them (an encyclopedia, questions and answers, e-prints, books): which reader takes which file.

A reader is a dataclass whose fields are the options of its source. A recipe names it, as it names its steps:

    [source]
    use = "curate.read.wikipedia.Wikipedia"
    lists = true

It says by a file's first bytes, never by its name alone, whether the file is its own (`recognises`), and makes the source
of those that are (`source`). READERS are those that come with the package: so a person who names the wrong recipe is told
what the file is.
"""

import codecs
import importlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, runtime_checkable

from curate.encodings.decode import SIGNATURES
from curate.read.inputs import file_size, open_input
from curate.read.source import Source
from curate.read.unpack import CODECS, beginning
from curate.warc.codecs import is_skippable

HEAD = 1 << 16
"""Bytes that decide what a file is, unpacked."""
BLOCK = 1 << 20
"""Bytes of a bzip2 file that surely hold its first block: nothing is unpacked of less."""


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a file."""

    path: str
    """As the person named it."""
    size: int
    """Bytes of the file."""
    packed: str
    """gz, bz2, xz, zst, lz4, 7z, zip, pdf; or nothing."""
    data: bytes
    """The first bytes, unpacked for gz, bz2, xz, zst and lz4, UTF-16 as UTF-8; else as they are. Nothing where unpacking
    fails."""
    members: tuple[str, ...] = field(default=())
    """Names of the files in a 7z archive, in order; none where its list is damaged."""
    encoding: str = ""
    """`utf-16` where the text begins with its byte order mark; such a file can't be read from the middle."""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rsplit("/", 1)[-1]


@runtime_checkable
class Reader(Protocol):
    """What makes documents of one kind of dump: a frozen dataclass of the source's options."""

    what: ClassVar[str]
    """What its files are called, as in "a dump of a wiki"."""
    recipe: ClassVar[str]
    """The built-in recipe for it."""

    def recognises(self, head: Head) -> bool:
        """Whether a file is of this kind, by its content; by its name as well where the content is damaged."""
        ...

    def source(self, files: Sequence[Head], name: str | None, split_bytes: int) -> Source:
        """The source of those files. `name` goes into the column `source` (None: the reader's own choice), `split_bytes`
        is what a task should read (0: the reader's own choice)."""
        ...


READERS: tuple[str, ...] = (
    "curate.read.wikipedia.Wikipedia",
    "curate.read.stackexchange.StackExchange",
    "curate.read.arxiv.ArXiv",
    "curate.read.books.Books",
)
"""The readers that come with the package, in the order in which they are asked."""


def head_of(path: str, size: int | None = None) -> Head:
    """The beginning of a file. Raises InputError when it can't be opened."""
    with closing(open_input(path)) as file:
        data = file.read(HEAD) or b""
        found = next((kind for kind, magic in SIGNATURES.items() if data.startswith(magic)), "")
        found = found or ("zst" if is_skippable(data) else "")  # as pzstd begins
        while found == "bz2" and len(data) < BLOCK and (more := file.read(BLOCK - len(data))):
            data += more
        members: tuple[str, ...] = ()
        if found == "7z":
            members = _members(file)
    start = unpacked(data, found)
    encoding = "utf-16" if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else ""
    if encoding:
        start = start[: len(start) & ~1].decode("utf-16", "ignore").encode()
    return Head(path, file_size(path) if size is None else size, found, start, members, encoding)


def _members(file: Any) -> tuple[str, ...]:
    import py7zr

    try:
        file.seek(0)
        with py7zr.SevenZipFile(file) as archive:
            return tuple(info.filename for info in archive.list() if not info.is_directory)
    except Exception:  # whatever it raises on a damaged list of files: said when the file is read
        return ()


def unpacked(data: bytes, packed: str) -> bytes:
    """What the beginning of a packed file begins with, HEAD bytes at most, up to where it is damaged."""
    return beginning(data, packed, HEAD) if packed in CODECS else data


def known_reader(head: Head) -> Any | None:
    """The reader of the package that takes a file, with its usual options; None for what is no dump."""
    for reader in map(built_in, READERS):
        if reader.recognises(head):
            return reader
    return None


def built_in(dotted: str) -> Any:
    """A reader of the package with its usual options."""
    module, _, name = dotted.rpartition(".")
    return getattr(importlib.import_module(module), name)()


def kind_of(head: Head) -> str:
    """What a file is, in words."""
    reader = known_reader(head)
    if reader:
        return str(reader.what)
    if head.size == 0:
        return "empty"
    if head.data.startswith(b"PK\x05\x06") or (head.packed in ("", "gz") and not head.data.strip(b"\x00")):
        return "an archive that holds nothing, or a file of zeros"
    if head.packed == "7z" and not head.members:
        return "a 7z archive whose list of files is damaged"
    if head.packed in CODECS and not head.data:
        return f"of {head.packed} data that are damaged from the start"
    return f"none of the dumps that are known{f' ({head.packed})' if head.packed else ''}"


def place(path: str) -> str:
    """What of a path identifies a file: its last part, so that ids do not depend on the folder."""
    return path.rsplit("/", 1)[-1]
