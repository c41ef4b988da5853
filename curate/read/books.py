"""Books: Project Gutenberg's texts and pages, epub 2 and 3 (packed, or unpacked as their source is kept), HTML, plain text,
and zips of these."""

import functools
import io
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO, ClassVar, NamedTuple

from curate.books.epub import BROKEN, BadBookError, Epub, read_epub, read_package, read_xml
from curate.books.gutenberg import between_markers, is_gutenberg
from curate.encodings.decode import decode_page, looks_binary
from curate.errors import InputError
from curate.files import zips
from curate.html.extractors import clean_text
from curate.html.whole import whole_text
from curate.read.dumps import Head
from curate.read.inputs import open_input, read_whole
from curate.read.items import Fail, Item, ItemTask, Reject, Skip, file_by_file, refused
from curate.read.source import Source

MAX_BOOK = 256 << 20
"""Bytes of a book; and of a text in a zip."""
MAX_INSIDE, MAX_ZIP = 200_000, 1 << 40
"""Files of a zip that are read, and bytes of them together (of each MAX_BOOK at most)."""
MAX_DAMAGED = 1 << 30
"""Bytes of a zip whose list is damaged in which files are looked for."""
_HTML = re.compile(
    rb"\s*(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head)\b",
    re.IGNORECASE | re.DOTALL,
)
_PAGES, _TEXTS = (".html", ".htm", ".xhtml"), (".txt", ".text", ".utf8")
_NO_BOOKS = ("datapackage.json", "[content_types].xml", "meta-inf/manifest.mf")
"""What zips hold that are no books, whatever else is in them: WACZ, docx, jar."""
_WORDS = re.compile(rb"[^\W\d_]+,? [^\W\d_]+")
_LICENSED = re.compile(r"creativecommons\.org/(licenses/([a-z-]+)/(\d\.\d)|publicdomain/zero)")
_LANGUAGES = {
    "english": "en", "french": "fr", "german": "de", "spanish": "es", "italian": "it", "dutch": "nl", "finnish": "fi",
    "portuguese": "pt", "latin": "la", "chinese": "zh", "swedish": "sv", "greek": "el", "hungarian": "hu", "danish": "da",
    "esperanto": "eo", "tagalog": "tl", "catalan": "ca", "polish": "pl", "japanese": "ja", "norwegian": "no",
    "russian": "ru", "czech": "cs", "welsh": "cy", "icelandic": "is", "romanian": "ro", "bulgarian": "bg",
}  # fmt: skip


@dataclass(frozen=True)
class Books:
    """Books; one document each."""

    what: ClassVar[str] = "books"
    recipe: ClassVar[str] = "books"

    def recognises(self, head: Head) -> bool:
        """A text with Gutenberg's markers or a page of a book; an epub, packed or not; a zip of these; prose."""
        name = head.name.lower()
        if head.packed == "zip":
            return name.endswith(".epub") or _zip_of_books(head.data)
        if name.endswith((".epub", ".opf")):
            return True
        if head.packed or looks_binary(head.data):
            return False
        if name.endswith(_PAGES):
            return bool(_HTML.match(head.data[:4096]))
        if is_gutenberg(head.data.decode("utf-8", "replace")):
            return True
        return name.endswith(_TEXTS) and len(_WORDS.findall(head.data)) > 20

    def source(self, files: Sequence[Head], name: str | None, split_bytes: int) -> Source:
        """A task a file. Chapters that lie beside a package file (.opf) are of its book."""
        del split_bytes
        folders = [head.path[: -len(head.name)] for head in files if head.name.lower().endswith(".opf")]
        own = [
            head
            for head in files
            if head.name.lower().endswith(".opf") or not any(head.path.startswith(f) for f in folders)
        ]
        return file_by_file("books", books, own, name, cpu_seconds=120.0)


def _zip_of_books(data: bytes) -> bool:
    """Whether a zip that begins so is an epub, or holds texts or pages and is no format of its own."""
    names = {entry.name.lower() for entry in zips.entries(data)}
    if b"application/epub+zip" in data[30:4096].lower() or "meta-inf/container.xml" in names:
        return True
    first = (entry.name.lower() for entry in zips.entries(data[:4096]))
    return names.isdisjoint(_NO_BOOKS) and any(name.endswith((*_TEXTS, *_PAGES, ".epub")) for name in first)


def books(task: ItemTask) -> Iterator[Item]:
    """The books of one file."""
    path = task.split.file
    base = PurePosixPath(path).name
    key = f"{'/'.join(PurePosixPath(path).parts[-2:])} {task.split.size}"
    if base.lower().endswith(".opf"):
        yield _with_losses(0, key, lambda: _epub(_unpacked(path)))
        return
    with closing(open_input(path)) as file:
        head = file.read(64) or b""
        file.seek(max(0, task.split.size - (1 << 20)))
        end = file.read(1 << 20) or b""
        if head.startswith(zips.SIGNATURE) and not _is_epub(head + end, base, file):
            yield from _zipped(file, key)
            return
    yield _item(0, key, lambda: read_whole(path, MAX_BOOK), base)


def _is_epub(data: bytes, name: str, file: BinaryIO) -> bool:
    """An epub, whatever it is called (`data`: beginning and end of the `file`): its first file is `mimetype`, or its list names the
    container's (where the list is damaged, its last bytes do). A zip of epubs is none, though their lists stand in it; nor is a text
    that speaks of the container's file."""
    if name.lower().endswith(".epub"):
        return True
    if not data.startswith(zips.SIGNATURE):
        return False
    if data[30:38] == b"mimetype":
        return True
    try:
        return "META-INF/container.xml" in zipfile.ZipFile(file).namelist()
    except BROKEN:
        return b"META-INF/container.xml" in data[-(1 << 20) :]


def _zipped(file: BinaryIO, base: str) -> Iterator[Item]:
    """The books in a zip. What it can't give is an item that says so."""
    total, listed = 0, _listed(file)
    data = _whole(file) if listed is None else b""
    for number, entry in enumerate(_walked(data) if listed is None else listed):
        name = entry.name
        key = f"{base} {name}"
        if number >= MAX_INSIDE or total > MAX_ZIP:
            yield refused(entry.offset, key, Fail("bomb: the zip holds too much"))
            return
        if name.endswith("/"):
            continue
        if not name.lower().endswith((*_PAGES, *_TEXTS, ".epub")) or PurePosixPath(name).name.startswith("."):
            yield refused(entry.offset, key, Skip("no_book"))
            continue
        total += min(entry.size, MAX_BOOK)
        yield _item(entry.offset, key, _of_zip(entry), PurePosixPath(name).name)
    if listed is None:
        yield refused(len(data), base, Fail("damaged: the list of files at its end is damaged or cut off"))


class _Zipped(NamedTuple):
    """A file in a zip."""

    name: str
    offset: int
    size: int
    """Bytes, as it says."""
    packed: int
    encrypted: bool
    read: Callable[[int], bytes]


def _whole(file: BinaryIO) -> bytes:
    """The bytes of a damaged zip, MAX_DAMAGED at most."""
    file.seek(0)
    data = bytearray()
    while len(data) < MAX_DAMAGED and (more := file.read(1 << 20)):
        data += more
    return bytes(data)


def _listed(file: BinaryIO) -> list[_Zipped] | None:
    """The files of a zip by its list; None where that is damaged. A file that is not where the list says is looked for."""
    try:
        archive = zipfile.ZipFile(file)
        infos = archive.infolist()
    except BROKEN:
        return None
    walked: dict[str, zips.Entry] | None = None
    data = b""
    found = []
    for info in infos:
        name, at = info.filename, info.header_offset
        read = functools.partial(_read_listed, archive, info)
        file.seek(at)
        if file.read(4) != zips.SIGNATURE:
            if walked is None:
                data = _whole(file)
                walked = {entry.name: entry for entry in zips.entries(data)}
            if entry := walked.get(name):
                at, read = entry.offset, functools.partial(zips.read, data, entry)
        found.append(_Zipped(name, at, info.file_size, info.compress_size, bool(info.flag_bits & 1), read))
    return found


def _read_listed(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    with archive.open(info) as packed:
        return packed.read(most)


def _walked(data: bytes) -> Iterator[_Zipped]:
    for entry in zips.entries(data):
        size = entry.size or 0
        yield _Zipped(
            entry.name, entry.offset, size, size or 1 << 20, entry.encrypted, functools.partial(zips.read, data, entry)
        )


def _of_zip(entry: _Zipped) -> Callable[[], bytes]:
    def content() -> bytes:
        if entry.encrypted:
            raise Fail("encrypted: it needs a password")
        try:
            found = entry.read(MAX_BOOK + 1)
        except BROKEN as error:
            raise Fail(f"damaged: {error}") from None
        if len(found) > (64 << 20) and len(found) > 200 * max(1, entry.packed):
            raise Fail("bomb: it unpacks to more than 200 times its size")
        return found

    return content


def _item(offset: int, key: str, content: Callable[[], bytes], name: str) -> Item:
    """A book, and what of it can't be read."""
    return _with_losses(offset, key, lambda: _book(content(), name))


def _with_losses(offset: int, key: str, read: Callable[[], dict[str, object]]) -> Item:
    made = list[str]()

    def make() -> dict[str, object]:
        made[:] = [""]
        row = read()
        made[:] = [str(row.get("detail") or "")]
        return row

    def lost() -> str:
        if not made:
            make()
        return f"chapters_missing: {made[0]}" if made[0] else ""

    return Item(offset, key, make, lost=lost)


def _book(data: bytes, name: str) -> dict[str, object]:
    if len(data) > MAX_BOOK:
        raise Fail(f"too_large: more than {MAX_BOOK >> 20} MiB")
    if not data.strip():
        raise Fail("empty: no bytes")
    if _is_epub(data, name, io.BytesIO(data)):
        return _epub(lambda: read_epub(data))
    if looks_binary(data):
        raise Reject("binary")
    page = bool(_HTML.match(data[:4096])) or name.lower().endswith(_PAGES)
    text, _, _ = decode_page(data, None, html=page)
    title = ""
    if page:
        text, title = whole_text(text, (), ("pagenum", "pageno"))
    marked = is_gutenberg(text)
    found = between_markers(text) if marked else None
    body = found.text if found else text
    gaps = "\n\n\n" in body and not page
    return {
        "text": clean_text(body, gaps=gaps),
        "title": (found and found.title) or title or None,
        "language": _language(found.language) if found else None,
        "form": "gutenberg" if found and found.markers else "html" if page else "text",
    }


def _epub(read: Callable[[], Epub]) -> dict[str, object]:
    try:
        book = read()
    except BadBookError as error:
        raise (Reject("no_text") if str(error).startswith("no_text") else Fail(str(error))) from None
    licensed = _LICENSED.search(book.rights)
    name = None
    if licensed:
        name = "CC0-1.0" if licensed[2] is None else f"CC-{licensed[2].upper()}-{licensed[3]}"
    missing = f"{len(book.missing)} chapters could not be read: {', '.join(book.missing[:3])}" if book.missing else None
    return {
        "text": clean_text(book.text),
        "title": book.title or None,
        "language": _language(book.language),
        "license": name,
        "detail": missing,
        "form": "epub",
    }


def _unpacked(path: str) -> Callable[[], Epub]:
    """A book that lies unpacked round its package file."""

    def read() -> Epub:
        def chapter(name: str) -> bytes:
            try:
                return read_whole(f"{path.rpartition('/')[0]}/{name}" if "/" in path else name, MAX_BOOK)
            except InputError:
                raise KeyError(name) from None

        return read_package(read_xml(read_whole(path, MAX_BOOK)), "book.opf", chapter, frozenset())

    return read


def _language(said: str) -> str | None:
    """A header's English name, or the code of a package, as a two-letter code."""
    said = said.strip().lower()
    if said in _LANGUAGES:
        return _LANGUAGES[said]
    found = re.fullmatch(r"([a-z]{2,3})([-_].*)?", said)
    return found[1] if found else None
