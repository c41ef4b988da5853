"""Rules on URLs: C4's normalisation, block lists of hosts and URLs, banned words in the host name."""

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

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

    Source: the UT1 lists' layout (Université Toulouse Capitole): a folder per category with a file `domains`
    (one host a line, its subdomains included) and `urls` (host and path prefix, without scheme), as FineWeb
    and RefinedWeb use them. No deviations.
    """

    signals: ClassVar[tuple[str, ...]] = ("url_blocklisted",)

    path: str = ""
    """Folder of UT1's layout, or one text file of hosts and URLs; either may be gzipped. Empty blocks
    nothing."""
    categories: tuple[str, ...] = ()
    """Sub-folders of `path` to use, e.g. ["adult", "malware"]; empty means `path` itself."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "categories", tuple(self.categories))  # TOML gives a list
        if any(Path(name).name != name for name in self.categories):
            raise ValueError(f"categories must be plain folder names, got {list(self.categories)}")

    def files(self) -> tuple[Path, ...]:
        """The lists."""
        return tuple(Path(self.path) / name for name in self.categories or ("",)) if self.path else ()

    def prepare(self) -> None:
        """Load the lists; FileNotFoundError says which is missing."""
        if self.path:
            _blocklist(self.path, self.categories)

    def __call__(self, doc: Document) -> Decision:
        code = self._hit(doc.url) if self.path and doc.url else None
        signals = {"url_blocklisted": float(code is not None)}
        return drop(doc, code, 1.0, signals=signals) if code else keep(doc, 0.0, signals=signals)

    def _hit(self, url: str) -> str | None:
        domains, urls, longest = _blocklist(self.path, self.categories)
        host = host_of(url)[-longest - 1 :]  # no more than an entry can hold, and a byte: a URL may be of any length
        starts = [0, *(i + 1 for i, char in enumerate(host) if char == ".")]
        if any(host[i:] in domains for i in starts):
            return "domain"
        plain = normalize_url(url).lower()
        # A listed URL blocks all that is below it.
        cuts = [i for i, char in enumerate(plain[: longest + 1]) if char in "/?#"] if urls else []
        return "url" if urls and any(plain[:i] in urls for i in [*cuts, len(plain)]) else None


@lru_cache(maxsize=8)
def _blocklist(path: str, categories: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str], int]:
    """(hosts, URLs with a path, characters of the longest) on the lists. FileNotFoundError when a list can't be found."""
    domains: set[str] = set()
    urls: set[str] = set()
    root = Path(path).expanduser()
    for place in [root / name for name in categories] or [root]:
        for entry in _entries(place):
            (urls if "/" in entry or "?" in entry else domains).add(entry)
    return frozenset(domains), frozenset(urls), max(map(len, domains | urls), default=0)


def _entries(place: Path) -> Iterator[str]:
    files = [place]
    if place.is_dir():
        files = [f for name in ("domains", "urls") for f in (place / name, place / f"{name}.gz") if f.exists()]
    if not files or not files[0].exists():
        raise FileNotFoundError(f"no block list at {place}: expected a text file, or a folder with a file 'domains'")
    for file in files:
        raw = file.read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8", "replace")
        for line in text.splitlines():
            entry = normalize_url(line.strip().lower())
            if entry and not entry.startswith("#"):
                yield entry


@dataclass(frozen=True)
class UrlWords:
    """Drops pages whose URL holds a banned word, or several suspicious ones.

    Source: the URL filter of RefinedWeb (Penedo et al. 2023, appendix G.1) and FineWeb: a hard word drops at
    once, soft words from two on. Words are the runs of letters and digits of the normalised URL.
    Differs from the source: it has no lists of its own; the recipe or the user gives them.
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
    """Soft words that a URL may hold."""

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
