"""Books: Project Gutenberg's texts and pages, epub 2 and 3 (packed, or unpacked as their source is kept), HTML, plain text,
and zips of these."""

import io
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, ClassVar

from curate.books.epub import BROKEN, BadBookError, Epub, read_epub, read_package, read_xml
from curate.books.gutenberg import between_markers, is_gutenberg
from curate.encodings.decode import decode_page, looks_binary
from curate.errors import InputError
from curate.html.extractors import clean_text
from curate.html.whole import whole_text
from curate.read.dumps import Head
from curate.read.inputs import read_whole
from curate.read.items import Fail, Item, ItemTask, Reject, Skip, file_by_file, refused
from curate.read.source import Source

MAX_BOOK = 256 << 20
"""Bytes of a book; and of a text in a zip."""
MAX_INSIDE = 10_000
_HTML = re.compile(
    rb"\s*(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head)\b",
    re.IGNORECASE | re.DOTALL,
)
_PAGES, _TEXTS = (".html", ".htm", ".xhtml"), (".txt", ".text", ".utf8")
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
            first = head.data[30:4096].lower()
            return (
                name.endswith(".epub")
                or b"application/epub+zip" in first
                or any(e.encode() in first for e in (*_TEXTS, *_PAGES))
            )
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


def books(task: ItemTask) -> Iterator[Item]:
    """The books of one file."""
    path = task.split.file
    base = PurePosixPath(path).name
    key = f"{'/'.join(PurePosixPath(path).parts[-2:])} {task.split.size}"
    if base.lower().endswith(".opf"):
        yield Item(0, key, lambda: _epub(_unpacked(path)))
        return
    data = read_whole(path, MAX_BOOK)
    if data.startswith(b"PK\x03\x04") and not _is_epub(data, base):
        yield from _zipped(data, key)
        return
    yield Item(0, key, lambda: _book(data, base))


def _is_epub(data: bytes, name: str) -> bool:
    """An epub, whatever it is called: its first file is `mimetype`, or its directory names the container's."""
    return (
        name.lower().endswith(".epub") or data[30:38] == b"mimetype" or b"META-INF/container.xml" in data[-(1 << 20) :]
    )


def _zipped(data: bytes, base: str) -> Iterator[Item]:
    """The books in a zip. What it can't give is an item that says so."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = archive.infolist()
    except BROKEN as error:
        told = f"damaged: {error}"
        yield refused(0, base, Fail(told))
        return
    total = 0
    for number, entry in enumerate(entries):
        name = entry.filename
        key = f"{base} {name}"
        if number >= MAX_INSIDE or total > 2 * MAX_BOOK:
            yield refused(entry.header_offset, key, Fail("bomb: the zip holds too much"))
            return
        if entry.is_dir():
            continue
        if not name.lower().endswith((*_PAGES, *_TEXTS, ".epub")) or PurePosixPath(name).name.startswith("."):
            yield refused(entry.header_offset, key, Skip("no_book"))
            continue
        total += min(entry.file_size, MAX_BOOK)
        yield Item(entry.header_offset, key, _of_zip(archive, entry, name))


def _of_zip(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> Callable[[], dict[str, object]]:
    def make() -> dict[str, Any]:
        if entry.flag_bits & 1:
            raise Fail("encrypted: it needs a password")
        try:
            with archive.open(entry) as packed:
                content = packed.read(MAX_BOOK + 1)
        except BROKEN as error:
            raise Fail(f"damaged: {error}") from None
        if len(content) > (64 << 20) and len(content) > 200 * max(1, entry.compress_size):
            raise Fail("bomb: it unpacks to more than 200 times its size")
        return _book(content, PurePosixPath(name).name)

    return make


def _book(data: bytes, name: str) -> dict[str, object]:
    if len(data) > MAX_BOOK:
        raise Fail(f"too_large: more than {MAX_BOOK >> 20} MiB")
    if not data.strip():
        raise Fail("empty: no bytes")
    if _is_epub(data, name):
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
