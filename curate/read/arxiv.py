"""E-prints as arXiv publishes their sources: bulk archives (`arXiv_src_2310_001.tar`), single submissions, zips."""

import functools
import io
import json
import re
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath
from typing import Any, ClassVar, NamedTuple

from curate.encodings.decode import decode_page
from curate.files import tar, typed_json
from curate.html.extractors import clean_text
from curate.html.whole import whole_text
from curate.read.dumps import Head, unpacked
from curate.read.inputs import open_input, read_whole
from curate.read.items import Fail, Item, ItemTask, Reject, Skip, file_by_file, refused
from curate.read.source import Source
from curate.read.unpack import Unbroken, pieces
from curate.tex import submission
from curate.tex.convert import Options, convert
from curate.tex.project import project

MATH = ("latex", "text", "drop")
MAX_SUBMISSION = 256 << 20
LIST = 1 << 16
"""Bytes at the end of a zip in which names of its files are looked for."""
_NEW = re.compile(r"(?<![\d.])(\d{4}\.\d{4,5})(v\d+)?(?=\.|$)")
_OLD = re.compile(r"(?:^|/)([a-z-]+(?:\.[A-Z]{2})?)(?:/papers)?(?:/\d{4})?/?(\d{7})(v\d+)?(?=\.|$)")
_NAMED = re.compile(r"(^|/)([a-z-]*\d{7}|\d{4}\.\d{4,5})(v\d+)?(\.tar)?(\.gz|\.zip|\.pdf|\.ps\.gz|\.html\.gz|)$")
_BULK = re.compile(r"arxiv_(src|pdf)_\d{4}_\d+\.tar(\.gz)?$", re.IGNORECASE)
_TEX = re.compile(
    rb"\\(documentclass|documentstyle|begin\s*\{document\}|input |magnification|section\s*\{)|^%auto-ignore"
)
_PACKED = (b"\x1f\x8b", b"PK")
_LINE_ID = re.compile(rb'\s*\{\s*"id"\s*:\s*"([^"\\]{1,40})"')
_LICENSES = {
    "by": "CC-BY",
    "by-sa": "CC-BY-SA",
    "by-nc": "CC-BY-NC",
    "by-nc-sa": "CC-BY-NC-SA",
    "by-nc-nd": "CC-BY-NC-ND",
}
_CC = re.compile(r"creativecommons\.org/licenses/([a-z-]+)/(\d\.\d)")


@dataclass(frozen=True)
class ArXiv:
    """Sources of e-prints; one document a submission."""

    what: ClassVar[str] = "sources of e-prints"
    recipe: ClassVar[str] = "arxiv"

    math: str = "latex"
    """latex: as written, the author's macros expanded; text: as characters; drop."""
    front: bool = False
    """Keep what stands before the first section, the abstract too. LLaMA drops it."""
    captions: bool = True
    """Keep the captions of figures."""
    metadata: str = ""
    """File of JSON lines as arXiv gives its metadata: date, title, categories and licence are taken from it."""

    def __post_init__(self) -> None:
        if self.math not in MATH:
            raise ValueError(f"math must be one of {', '.join(MATH)}, got {self.math!r}")

    def recognises(self, head: Head) -> bool:
        """A tar of submissions or of one; a .gz of a tar with TeX in it, or of TeX; TeX itself; a zip with TeX."""
        name = head.name.lower()
        if head.packed in ("gz", "") and submission.is_tar(head.data):
            return _BULK.search(name) is not None or _holds_source(head.data) or _NAMED.search(name) is not None
        if head.packed == "zip":
            named = b".tex" in head.data or _NAMED.search(name) is not None
            return not head.data[30:58].startswith(b"mimetype") and (named or b".tex" in _end(head))
        if head.packed in ("gz", "pdf") or not head.data:
            return _NAMED.search(name) is not None or bool(head.packed == "gz" and _TEX.search(head.data))
        return head.packed == "" and name.endswith((".tex", ".ltx", "")) and bool(_TEX.search(head.data))

    def source(self, files: Sequence[Head], name: str | None, split_bytes: int) -> Source:
        """A task a file."""
        del split_bytes
        uses = [self.metadata] if self.metadata else []
        return file_by_file("arxiv", submissions, files, name, cpu_seconds=60.0, options=asdict(self), uses=uses)


def _end(head: Head) -> bytes:
    """The last bytes of a file: of a zip its list."""
    with closing(open_input(head.path)) as raw:
        raw.seek(max(0, head.size - LIST))
        return raw.read(LIST) or b""


def _holds_source(data: bytes) -> bool:
    """Whether the first header of a tar is of something that a submission or a bulk archive begins with."""
    first = data[:100].rstrip(b"\x00").decode("utf-8", "replace").lower()
    return bool(re.search(r"\.(tex|ltx|bbl|sty|cls|eps|htm|html|gz|pdf)$|^\d{4}/?|/$", first)) and (
        _TEX.search(data) is not None or bool(re.search(r"(^|/)\d{4}(\.\d{4,5}|\d{3})?|^\d{4}/", first))
    )


def submissions(task: ItemTask) -> Iterator[Item]:
    """The submissions of one file, in its order. A bulk archive that is damaged ends in an item that says where."""
    options = typed_json.load(ArXiv, task.options)
    path = task.split.file
    with closing(open_input(path)) as raw:
        head = raw.read(1 << 16) or b""
    packed = "gz" if head.startswith(b"\x1f\x8b") else ""
    head = unpacked(head, packed)
    bulk = submission.is_tar(head) and _is_bulk(head, path)
    known = _Known(options.metadata, path, bulk)
    if not bulk:
        yield _item(path, 0, lambda: read_whole(path, MAX_SUBMISSION), options, known)
        return
    for at, name, data, problem in _entries(path, packed):
        if problem:
            yield refused(at, name or f"{PurePosixPath(path).name} {at}", problem)
        else:
            yield _item(name, at, lambda data=data: data, options, known)


class _Entry(NamedTuple):
    """A submission in a bulk archive; or what is none, or a place from which on the archive can't be read."""

    offset: int
    name: str
    data: bytes = b""
    problem: Skip | Fail | None = None


def _entries(path: str, packed: str, *, contents: bool = True) -> Iterator[_Entry]:
    """What a bulk archive holds. Behind a damaged place it goes on with the next header that is whole; not in a packed one."""
    start: int | None = 0
    while start is not None:
        with closing(open_input(path)) as raw:
            raw.seek(start)
            whole: Any = Unbroken(pieces(path, packed, 0, 0)) if packed else raw
            at = base = start
            try:
                for entry, read in tar.entries(io.BufferedReader(whole, 1 << 20)):
                    at = base + entry.offset_data
                    if kind := _not_read(entry):
                        yield _Entry(at, entry.name, problem=Skip(kind))
                    elif entry.isreg():
                        yield _Entry(at, entry.name, read(MAX_SUBMISSION + 1) if contents else b"")
                    at += entry.size
                return
            except submission.BROKEN as error:
                start = None if packed else tar.next_header(raw, at + 1)
                until = "" if start is None else f" up to byte {start}"
                broken = getattr(whole, "problem", None)
                why = broken.problem if broken else str(error) or type(error).__name__
                told = f"damaged_archive: {why}; what follows byte {at}{until} could not be read"
                yield _Entry(at, "", problem=Fail(told))


def _not_read(entry: tarfile.TarInfo) -> str:
    """Why a file of a bulk archive is no submission with a source; empty for one that may be, and for folders."""
    if entry.isdir():
        return ""
    if not entry.isreg():
        return "link_or_device"
    if PurePosixPath(entry.name).name.startswith("._"):
        return "apple_double"
    return "pdf_only" if entry.name.lower().endswith(".pdf") else ""


def _is_bulk(head: bytes, path: str) -> bool:
    """Whether a tar holds submissions, not the files of one."""
    first = head[:100].rstrip(b"\x00").decode("utf-8", "replace").lower()
    name = PurePosixPath(path).name
    inside = re.search(r"\.(gz|pdf)$", first) or re.fullmatch(r"\d{4}/?", first)
    return bool(_BULK.search(name) or (inside and not _NAMED.search(name)))


_Members = Callable[[], tuple[dict[str, bytes], str]]
"""The files of a submission, and what of them is damaged."""


def _item(name: str, offset: int, read: Any, options: ArXiv, known: "_Known") -> Item:
    ident = arxiv_id(name)
    row = {"arxiv_id": ident, "url": f"https://arxiv.org/abs/{ident}" if ident else None, **known.of(ident)}
    base = "/".join(name.split("/")[-2:])
    whole = functools.cache(read)  # asked for the text, and for what is damaged
    members = functools.cache(lambda: submission.members(whole(), name))
    return Item(offset, base, lambda: _text(whole(), members, name, options, row), row, lambda: _lost(whole(), members))


def _lost(data: bytes, members: _Members) -> str:
    """What of a submission could not be read, where some of it could."""
    if len(data) > MAX_SUBMISSION or data.startswith(b"%PDF"):
        return ""
    _, damage = members()
    return f"damaged: {damage}; what is before it was read" if damage else ""


def _text(data: bytes, members: _Members, name: str, options: ArXiv, row: dict[str, object]) -> dict[str, object]:
    if len(data) > MAX_SUBMISSION:
        raise Fail(f"too_large: more than {MAX_SUBMISSION >> 20} MiB")
    if data.startswith(b"%PDF"):
        raise Skip("pdf_only")
    try:
        files, _ = members()
    except submission.BadSubmissionError as error:
        raise Fail(str(error)) from None
    kind = submission.kind(files)
    if kind == "html":
        texts = [whole_text(decode_page(page, None, html=True)[0]) for page in submission.pages(files)]
        return {
            "text": clean_text("\n\n".join(text for text, _ in texts)),
            "title": row.get("title") or texts[0][1] or None,
        }
    if kind != "tex":
        if kind == "no_source" and name.lower().endswith((".gz", ".zip")) and not data.startswith(_PACKED):
            raise Fail("damaged: packed by its name, but not by its first bytes")
        raise Skip(kind)
    found = project(files)
    if not found.root:
        raise Reject("no_root_file")
    made = convert(found.root, found.files, Options(options.math, options.front, options.captions))
    if not made.text.strip():
        raise Reject("no_text")
    return {"text": clean_text(made.text), "title": row.get("title") or made.title[:1000] or None}


def arxiv_id(name: str) -> str | None:
    """`2310/2310.08262v2.gz` -> 2310.08262; `9901/hep-th9901001.gz`, `hep-th/papers/9901/9901001.gz` -> hep-th/9901001."""
    if found := _NEW.search(PurePosixPath(name).name):
        return found[1]
    if old := _OLD.search(name):
        return f"{old[1]}/{old[2]}"
    return None


def year_of(ident: str | None) -> int | None:
    """The year that an identifier begins with: 1991 to 2090."""
    digits = re.search(r"(?:^|/)(\d\d)", ident or "")
    if digits is None:
        return None
    return (1900 if int(digits[1]) > 90 else 2000) + int(digits[1])


class _Known:
    """What the metadata says of the submissions of one file: the file of metadata is read once, and those lines kept."""

    def __init__(self, metadata: str, path: str, bulk: bool) -> None:
        self._rows = dict[str, dict[str, Any]]()
        if metadata:
            idents = {ident for name in (_names(path) if bulk else [path]) if (ident := arxiv_id(name))}
            self._rows = dict(read_metadata(metadata, idents))

    def of(self, ident: str | None) -> dict[str, object]:
        """Columns of one submission."""
        return self._rows.get(ident or "", {"year": year_of(ident)})


def _names(path: str) -> Iterator[str]:
    with closing(open_input(path)) as raw:
        packed = "gz" if (raw.read(2) or b"").startswith(b"\x1f\x8b") else ""
    yield from (found.name for found in _entries(path, packed, contents=False))


def read_metadata(path: str, wanted: set[str]) -> Iterator[tuple[str, dict[str, object]]]:
    """Columns of the submissions in `wanted`, by identifier, out of arXiv's metadata (JSON lines)."""
    with closing(open_input(path)) as raw:
        for line in io.BufferedReader(raw, 1 << 20):  # type: ignore[type-var]
            found = _LINE_ID.match(line)
            ident = found[1].decode() if found else ""
            if found and ident not in wanted:
                continue
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(entry, dict) and (ident := str(entry.get("id"))) in wanted:
                yield ident, columns(ident, entry)


def columns(ident: str, entry: dict[str, object]) -> dict[str, object]:
    """What a line of the metadata says, as columns."""
    versions = entry.get("versions")
    first = versions[0] if isinstance(versions, list) and versions and isinstance(versions[0], dict) else {}
    date = _date(first.get("created"))
    title, categories = entry.get("title"), entry.get("categories")
    if isinstance(categories, list):
        categories = " ".join(str(one) for one in categories)
    return {
        "title": " ".join(str(title).split()) if title else None,
        "date": date,
        "year": date.year if date else year_of(ident),
        "categories": categories.split() if isinstance(categories, str) else None,
        "license": spdx(entry.get("license")),
    }


def _date(text: object) -> datetime | None:
    try:
        found = parsedate_to_datetime(str(text))
    except (TypeError, ValueError):
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def spdx(address: object) -> str | None:
    """The licence that an address stands for, as an SPDX expression; None where none is given."""
    if not isinstance(address, str) or not address:
        return None
    if found := _CC.search(address):
        return f"{_LICENSES.get(found[1], 'LicenseRef-CC-' + found[1])}-{found[2]}"
    if "publicdomain/zero" in address:
        return "CC0-1.0"
    if "arxiv.org/licenses/" in address:
        return "LicenseRef-arXiv-" + re.sub(r"[^a-z0-9.]+", "-", address.rstrip("/").split("licenses/")[1])
    return "LicenseRef-other"
