"""Books in epub 2 and 3: the text of the chapters, in the order in which they are read.

An epub is a zip: `META-INF/container.xml` names a package file, whose spine lists the chapters. Nothing is written to
disk, no entity is resolved, no address followed; what unpacks to too much is given up.
"""

import io
import posixpath
import re
import stat
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from lxml import etree

from curate.encodings.decode import decode_page
from curate.html.whole import whole_text

MAX_FILES, MAX_FILE, MAX_TOTAL, MAX_RATIO = 20_000, 64 << 20, 1 << 30, 200
"""Entries of a book; bytes of one, of all; how many times its size a book of more than 64 MiB may unpack to."""
MAX_DIRECTORY = 64 << 20
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,
    NotImplementedError,
    ValueError,
    etree.LxmlError,
)
_PAGES = ("application/xhtml+xml", "text/html", "text/x-oeb1-document", "application/x-dtbook+xml")
_CHAPTERS = re.compile(r"\.(x?html?|xml)$", re.IGNORECASE)
_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
"""Ways to hide fonts, which are no text."""
_NOTES = ("annotation", "annotation-xml", "rp", "nav")


class BadBookError(Exception):
    """A book that can't be read; the first word of the message is the reason: not_epub, damaged, encrypted, bomb, no_text."""


@dataclass(slots=True)
class Epub:
    """A book."""

    text: str
    title: str = ""
    language: str = ""
    rights: str = ""
    missing: list[str] = field(default_factory=list)
    """Chapters that the spine names and that could not be read."""


class _Room:
    """Counts what a book unpacks to."""

    def __init__(self, archive: zipfile.ZipFile, size: int) -> None:
        self.archive, self.size, self.total = archive, max(1, size), 0
        self.names = dict[str, zipfile.ZipInfo]()
        for item in archive.infolist():
            if not item.is_dir():
                self.names.setdefault(item.filename, item)
        if len(self.names) > MAX_FILES:
            raise BadBookError(f"bomb: more than {MAX_FILES} files")

    def read(self, name: str) -> bytes:
        item = self.names.get(name)
        if item is None:
            raise KeyError(name)
        if item.flag_bits & 1:
            raise BadBookError(f"encrypted: {name} needs a password")
        if stat.S_ISLNK(item.external_attr >> 16):
            raise BadBookError(f"damaged: {name} is a link")
        with self.archive.open(item) as packed:
            data = packed.read(MAX_FILE + 1)  # the size in the directory may lie
        self.total += len(data)
        if (
            len(data) > MAX_FILE
            or self.total > MAX_TOTAL
            or (self.total > 64 << 20 and self.total > MAX_RATIO * self.size)
        ):
            raise BadBookError(f"bomb: {name} unpacks to too much")
        return data


class _Careful(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY:
            raise zipfile.BadZipFile(f"a directory of more than {MAX_DIRECTORY >> 20} MiB")
        return super().read(size)


def read_epub(data: bytes) -> Epub:
    """The text of a book: its chapters in the order of the spine, a blank line between; without the cover, the table of
    contents and other navigation. Raises BadBookError with the reason why there is none."""
    try:
        with zipfile.ZipFile(_Careful(data)) as archive:
            return _read(_Room(archive, len(data)))
    except BROKEN as error:
        raise BadBookError(f"damaged: {str(error)[:200] or type(error).__name__}") from None


def _read(room: _Room) -> Epub:
    if "META-INF/rights.xml" in room.names or "META-INF/sinf.xml" in room.names:
        raise BadBookError("encrypted: the book has digital rights management")
    hidden = _encrypted(room)
    try:
        opf = _package(room)
        package = read_xml(room.read(opf))
    except KeyError as error:
        raise BadBookError(f"not_epub: no {str(error)[:100]} in it") from None
    return read_package(package, opf, room.read, hidden)


def read_package(package: etree._Element, opf: str, read: Any, hidden: frozenset[str]) -> Epub:
    """The text of the chapters that a package file names; `read` gives the bytes of a path or raises KeyError."""
    items = {item.get("id"): item for item in _all(package, "item")}
    skipped = _covers(package, items)
    parts, missing, encrypted, seen = list[str](), list[str](), 0, set[str]()
    for reference in _all(package, "itemref"):
        item = items.get(reference.get("idref"))
        if item is None:
            missing.append(str(reference.get("idref")))
            continue
        path = _resolved(opf, item.get("href"))
        if path is None:
            missing.append(str(item.get("href"))[:300])
        kind = (item.get("media-type") or "").strip().lower()
        navigation = "nav" in (item.get("properties") or "").split() or item.get("id") in skipped
        if (
            path is None
            or path in seen
            or navigation
            or path in skipped
            or not (kind in _PAGES or _CHAPTERS.search(path))
        ):
            continue
        seen.add(path)
        if path in hidden:
            encrypted += 1
            continue
        try:
            parts.append(_chapter(read(path)))
        except KeyError:
            missing.append(path)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
            missing.append(path)
    text = "\n\n".join(filter(None, parts))
    if encrypted and not text:
        raise BadBookError(f"encrypted: {encrypted} chapters")
    missing += [path for path in hidden if path in seen]
    if not text:
        raise BadBookError(
            "damaged: no chapter of the spine can be read" if missing else "no_text: the spine has no words"
        )
    title, language, rights = (_first(package, name) for name in ("title", "language", "rights"))
    return Epub(text, title, language, rights, missing)


def _chapter(data: bytes) -> str:
    page, _, _ = decode_page(data, None, html=True)
    return whole_text(page, _NOTES, ("pagenum", "pageno"))[0]


def _package(room: _Room) -> str:
    """Path of the package file."""
    try:
        container = read_xml(room.read("META-INF/container.xml"))
        for found in _all(container, "rootfile"):
            path = unquote(found.get("full-path") or "").lstrip("/")
            if path in room.names:
                return path
    except KeyError:
        pass
    except etree.LxmlError:
        pass
    found_opf = next((name for name in sorted(room.names) if name.lower().endswith(".opf")), None)
    if found_opf is None:
        raise BadBookError("not_epub: no META-INF/container.xml and no package file in the zip")
    return found_opf


def _encrypted(room: _Room) -> frozenset[str]:
    """Paths of what is encrypted; fonts that are hidden are none of it."""
    try:
        tree = read_xml(room.read("META-INF/encryption.xml"))
    except KeyError:
        return frozenset()
    found = set()
    for data in _all(tree, "EncryptedData"):
        methods = [one.get("Algorithm") for one in _all(data, "EncryptionMethod")]
        if not any(method in _FONTS for method in methods):
            found |= {unquote(one.get("URI") or "") for one in _all(data, "CipherReference")}
    return frozenset(found)


def _covers(package: etree._Element, items: Mapping[str, Any]) -> set[str]:
    """Ids and paths of the cover page and of tables of contents, as the metadata and the guide say."""
    found = {meta.get("content") for meta in _all(package, "meta") if meta.get("name") == "cover"}
    spine = next(iter(_all(package, "spine")), None)
    if spine is not None and spine.get("toc"):
        found.add(spine.get("toc"))
    paths = {item.get("href"): name for name, item in items.items()}
    for reference in _all(package, "reference"):
        if (reference.get("type") or "").lower() in ("cover", "toc"):
            target = (reference.get("href") or "").partition("#")
            if not target[2]:  # a place in a chapter is no page of its own
                found.add(paths.get(target[0]))
    return {str(name) for name in found if name}


def _resolved(base: str, href: str | None) -> str | None:
    """Path in the archive of what a package file names; None for what is outside it."""
    try:
        parts = urlsplit(href or "")
    except ValueError:
        return None
    if parts.scheme or parts.netloc or not parts.path:
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(base), unquote(parts.path)))
    return None if path.startswith(("..", "/")) else path


def read_xml(data: bytes) -> etree._Element:
    """The root of an XML file, mended where it is broken; no entity is resolved. Raises LxmlError where there is none."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=True, huge_tree=False)
    root = etree.fromstring(data, parser)
    if root is None:
        raise etree.LxmlError("no XML in it")
    return root


def _all(root: etree._Element, name: str) -> list[etree._Element]:
    """Elements of a local name, wherever and in whatever namespace."""
    return [node for node in root.iter() if isinstance(node.tag, str) and node.tag.rpartition("}")[2] == name]


def _first(root: object, name: str) -> str:
    for node in _all(root, name):
        if node.tag.startswith("{http://purl.org/dc/") and (text := "".join(node.itertext()).strip()):
            return " ".join(text.split())[:500]
    return ""
