"""URL rules: C4's normalisation, block lists of hosts and URLs, banned words."""

import gzip
import re
import tarfile
import zlib
from array import array
from bisect import bisect_left
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import ClassVar, NamedTuple, cast
from urllib.parse import urlsplit

import numpy as np

from curate.filters.base import Decision, Document, Limit, drop, keep

_SCHEME = re.compile(r"https?://(www\.)?")
_TRACKING = re.compile(r"\?(utm_|ref|feed).*")
_LABELS = re.compile(r"[^a-z0-9]+")


def normalize_url(url: str) -> str:
    """`url` as C4 compares it: without scheme, `www.`, a query that starts with utm_, ref or feed, and last
    slashes.

    Source: `normalize_url` of C4's released code (3.1.0); nothing differs. Case, port and fragment stay.
    """
    return _TRACKING.sub("", _SCHEME.sub("", url)).rstrip("/")


def host_of(url: str | None) -> str:
    """The lower-case host name of `url` without port and `www.`; empty when there is none."""
    if not url:
        return ""
    try:
        host = urlsplit(url if "//" in url else f"//{url}").hostname or ""
    except ValueError:  # e.g. an unclosed bracket in the host
        return ""
    return host.removeprefix("www.").rstrip(".")


@dataclass(frozen=True)
class UrlBlocklist:
    """Drops pages whose host, parent domain or URL is on a block list.

    Source: the UT1 lists' layout (Université Toulouse Capitole): a folder per category with a file `domains` (one
    host per line, including its subdomains) and `urls` (host and path without scheme, including everything below), or
    an archive of it, `category.tar.gz`, as used by FineWeb and RefinedWeb. No deviations. Lists of your own may also
    have lines as in hosts files (`0.0.0.0 host`) and browser filter lists (`||host^`, `*.host`).
    """

    signals: ClassVar[tuple[str, ...]] = ("url_blocklisted",)

    path: str = ""
    """Folder in UT1's layout, an archive of it, or a text file of hosts and URLs; files may be gzipped. Empty blocks
    nothing."""
    categories: tuple[str, ...] = ()
    """Sub-folders of `path` to use, e.g. ["adult", "malware"]; empty means `path` itself."""
    lists: tuple[str, ...] = ()
    """More text files, or folders and archives of a category."""

    def __post_init__(self) -> None:
        for name in ("categories", "lists"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # TOML gives a list
        if any(Path(name).name != name for name in self.categories):
            raise ValueError(f"categories must be plain folder names, got {list(self.categories)}")

    def files(self) -> tuple[Path, ...]:
        """The lists."""
        return tuple(dict.fromkeys(place for place, _ in self._places()))

    def prepare(self) -> None:
        """Load the lists; FileNotFoundError says which is missing."""
        if places := self._places():
            _blocklist(places)

    def __call__(self, doc: Document) -> Decision:
        places = self._places() if doc.url else ()
        code = _blocklist(places).hit(doc.url or "") if places else None
        signals = {"url_blocklisted": float(code is not None)}
        return drop(doc, code, 1.0, signals=signals) if code else keep(doc, 0.0, signals=signals)

    def _places(self) -> tuple[tuple[Path, str], ...]:
        return _places(self.path, self.categories, self.lists)


@lru_cache(maxsize=32)
def _places(path: str, categories: tuple[str, ...], lists: tuple[str, ...]) -> tuple[tuple[Path, str], ...]:
    """Files and folders, with the category where an archive holds several."""
    found: list[tuple[Path, str]] = []
    root = Path(path).expanduser()
    for name in (categories or ("",)) if path else ():
        packed = root / f"{name}.tar.gz"
        if name and _is_archive(root):
            found.append((root, name))
        else:
            found.append((packed if name and not (root / name).exists() and packed.exists() else root / name, ""))
    return (*found, *((Path(name).expanduser(), "") for name in lists))


class _Blocklist(NamedTuple):
    """Hosts and URLs as sorted hashes of 8 bytes: a million take 8 MB, where a set of texts takes some 120."""

    domains: "array[int]"
    urls: "array[int]"
    longest: int
    """Characters of the longest entry."""

    def hit(self, url: str) -> str | None:
        """`domain` or `url` where the lists have the host, one of its parents, or the address or what it is below."""
        host = _ascii(host_of(url))[
            -self.longest - 1 :
        ]  # no more than an entry can hold, and a byte: a URL may be of any length
        starts = [0, *(i + 1 for i, char in enumerate(host) if char == ".")]
        if self.domains and any(_holds(self.domains, host[i:]) for i in starts):
            return "domain"
        if not self.urls:
            return None
        plain = normalize_url(url).lower()
        cuts = [i for i, char in enumerate(plain[: self.longest + 1]) if char in "/?#"]
        return "url" if any(_holds(self.urls, plain[:i]) for i in [*cuts, len(plain)]) else None


def _holds(hashes: "array[int]", entry: str) -> bool:
    key = _hashed(entry)
    at = bisect_left(hashes, key)
    return at < len(hashes) and hashes[at] == key


def _hashed(entry: str) -> int:
    return int.from_bytes(blake2b(entry.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


@lru_cache(maxsize=8)
def _blocklist(places: tuple[tuple[Path, str], ...]) -> _Blocklist:
    """All entries of the lists. FileNotFoundError when one can't be found, ValueError for a file that is no list or can't be read."""
    found, longest = {False: array("Q"), True: array("Q")}, 0
    for place, category in places:
        for entry in _entries(place, category):
            found["/" in entry or "?" in entry].append(_hashed(entry))
            longest = max(longest, len(entry))
    for hashes in found.values():
        hashes[:] = array("Q", np.unique(np.frombuffer(hashes, np.uint64)).tobytes()) if hashes else hashes
    return _Blocklist(found[False], found[True], longest)


def _entries(place: Path, category: str) -> Iterator[str]:
    try:
        for lines in _files(place, category):
            yield from _checked(place, lines)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{place}: a damaged archive: {error}") from error


def _checked(place: Path, lines: Iterable[bytes]) -> Iterator[str]:
    """The entries of one file. ValueError where most of its lines can be none, or it is no text: it would block nothing, unsaid."""
    good, bad, first = 0, 0, ""
    for number, line in enumerate(lines, 1):
        if b"\0" in line:
            raise ValueError(f"{place}: no list of hosts and URLs: it is no text ({_WANTED})")
        if number == 1:
            line = line.removeprefix(BOM_UTF8)
        if entry := _entry(line.decode("utf-8", "replace")):
            if _NAMES_A_HOST.match(entry):
                good += 1
            else:
                bad += 1
                first = first or f"line {number} is {entry[:60]!r}"
            yield entry
    if bad > good:
        raise ValueError(f"{place}: no list of hosts and URLs: {first} ({_WANTED})")


def _files(place: Path, category: str) -> Iterator[Iterable[bytes]]:
    """Lines of each file of hosts or URLs at a place. FileNotFoundError where there is none."""
    if _is_archive(place) and place.exists():
        with tarfile.open(place, "r|*") as archive:
            yield from _members(archive, place, category)
        return
    files = [place]
    if place.is_dir():
        files = [f for name in _NAMES for f in (place / name, place / f"{name}.gz") if f.exists()]
    if not files or not files[0].exists():
        raise FileNotFoundError(
            f"no block list at {place}: expected a text file, an archive, or a folder with a file 'domains'"
        )
    for path in files:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as file:
            yield cast("Iterable[bytes]", file)


def _members(archive: tarfile.TarFile, place: Path, category: str) -> Iterator[Iterable[bytes]]:
    found = False
    for member in archive:
        *folders, name = member.name.split("/")
        wanted = member.isfile() and name in _NAMES and (not category or category in folders[-1:])
        if wanted and (file := archive.extractfile(member)):
            found = True
            yield file
    if not found:
        what = f"{category}/domains" if category else "'domains'"
        raise FileNotFoundError(f"no block list in {place}: expected a file {what}")


def _is_archive(place: Path) -> bool:
    return place.name.lower().endswith((".tar.gz", ".tgz", ".tar"))


_NAMES = ("domains", "urls")
_WANTED = "expected one a line, # before comments"
_PLAIN = re.compile(r"[a-z0-9_-][a-z0-9._-]*")
_NAMES_A_HOST = re.compile(r"(?:[\w-][\w.-]*|\[[0-9a-f:.]+\])(?::\d+)?(?:[/?#]|$)")
_HOSTS_FILE = re.compile(r"(?:0\.0\.0\.0|127\.0\.0\.1|::1?)\s+(\S+)")
_BROWSERS = re.compile(r"\|\|([^/^$*|]+)\^?(?:\$.*)?")


def _entry(line: str) -> str:
    """What a line of a list names, as it is compared; empty for a comment."""
    line = line.strip().lower()
    if _PLAIN.fullmatch(line):
        return line.removeprefix("www.")  # as `host_of` takes it from an address
    if not line or line[0] in "#!":
        return ""
    line = line.partition(" #")[0].rstrip()
    if (found := _HOSTS_FILE.fullmatch(line)) or (found := _BROWSERS.fullmatch(line)):
        line = found[1]
    entry = normalize_url(line.removeprefix("*.").removeprefix("."))
    return entry if "/" in entry or "?" in entry else _ascii(entry.removeprefix("www."))


def _ascii(host: str) -> str:
    """A host name in letters of other scripts as it goes over the wire."""
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


@dataclass(frozen=True)
class UrlWords:
    """Drops pages whose URL contains a banned word, or several suspicious ones.

    Source: the URL filter of RefinedWeb (Penedo et al. 2023, appendix G.1) and FineWeb: one hard word or two soft
    words drop the page. Words are runs of letters and digits in the normalised URL. Differs from the source: there
    are no built-in lists; the recipe or the user supplies them.
    """

    signals: ClassVar[tuple[str, ...]] = ("url_hard_words", "url_soft_words")
    limits: ClassVar[tuple[Limit, ...]] = (
        Limit("hard_word", "url_hard_words", ">"),
        Limit("soft_words", "url_soft_words", ">", "max_soft"),
    )

    hard: tuple[str, ...] = ()
    """One of these drops the page."""
    soft: tuple[str, ...] = ()
    """`max_soft` + 1 of these drop the page."""
    max_soft: int = 1
    """Soft words that a URL may contain."""

    def __post_init__(self) -> None:
        for name in ("hard", "soft"):
            object.__setattr__(self, name, tuple(word.lower() for word in getattr(self, name)))
        if self.max_soft < 0:
            raise ValueError(f"max_soft must be at least 0, got {self.max_soft}")

    def __call__(self, doc: Document) -> Decision:
        found = _LABELS.split(normalize_url(doc.url or "").lower())
        hard = float(sum(word in self.hard for word in found))
        soft = float(sum(word in self.soft for word in found))
        signals = {"url_hard_words": hard, "url_soft_words": soft}
        if hard:
            return drop(doc, "hard_word", hard, signals=signals)
        if soft > self.max_soft:
            return drop(doc, "soft_words", soft, signals=signals)
        return keep(doc, soft, signals=signals)
