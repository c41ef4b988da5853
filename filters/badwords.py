"""Bad words: pages with a word from a list go, per language.

Source of rule and lists: C4's released code (3.1.0, `get_badwords_filter_fn`) with LDNOOBW's "List of Dirty,
Naughty, Obscene, and Otherwise Bad Words" (CC BY 4.0). The public lists are fetched (`curate assets fetch
ldnoobw`); the package itself embeds a small list of its own.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import md5
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

from filters.assets import find
from filters.base import Decision, Document, drop, keep
from filters.text import lowered
from filters.urls import normalize_url

UNSPACED = frozenset({"ja", "th", "zh"})
"""Languages without spaces between words: here a listed word counts inside a longer one."""
ALLOWED = {"ja": frozenset({"sm", "グロ", "女の子"}), "zh": frozenset({"性"})}
"""Listed words that are common parts of harmless ones; the code takes them off the lists."""


@dataclass(frozen=True)
class BadWords:
    """Drops a page in which a listed word of its language stands, as a whole word, in any case.

    Source: the T5 paper, section 2.2, and C4's released code. There all English pages with a hit go; mC4
    drops 99.9 % of them (`drop_share = 0.999`), chosen by the md5 of the normalised URL. A page in a language
    without a list stays.
    Differs from the source: nothing with `words = "ldnoobw"`, which are the lists in the states that the code
    pins.
    """

    signals: ClassVar[tuple[str, ...]] = ("bad_words",)

    words: str = "own"
    """"own" (the small embedded lists), "ldnoobw" (the fetched public lists), or a path: a text file with a
    word or phrase per line for all languages, or a folder with a file per language named `en`, `en.txt` or
    `en.json`."""
    default_language: str = "en"
    """The language of documents whose language no step has told; empty lets them stay."""
    drop_share: float = 1.0
    """Share of the pages with a hit that goes."""

    def __post_init__(self) -> None:
        if not self.words:
            raise ValueError('words must be "own", "ldnoobw" or a path, got ""')
        if not 0.0 <= self.drop_share <= 1.0:
            raise ValueError(f"drop_share must be from 0 to 1, got {self.drop_share}")

    def files(self) -> tuple[Path, ...]:
        """The lists it reads that are not part of the package."""
        if self.words.startswith("ldnoobw"):
            return (find("ldnoobw"),)
        return () if self.words == "own" else (Path(self.words),)

    def prepare(self) -> None:
        """Load a list; AssetMissingError or FileNotFoundError says what is missing."""
        load_words(self.words, self.default_language or "en")

    def __call__(self, doc: Document) -> Decision:
        language = (doc.language or self.default_language).split("-")[0]
        matcher = _matcher(self.words, language)
        found = float(matcher.count(lowered(doc.text))) if matcher else 0.0
        signals = {"bad_words": found}
        if found and not self._spared(doc):
            return drop(doc, "found", found, signals=signals)
        return keep(doc, found, signals=signals)

    def _spared(self, doc: Document) -> bool:
        above, below = self.drop_share.as_integer_ratio()
        key = normalize_url(doc.url) if doc.url else doc.id
        digest = md5(key.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
        return int(digest, 16) % below >= above


class _Matcher:
    """Counts listed words. RE2 finds the few pages worth a look, Python's `re` decides on them.

    RE2 takes every non-ASCII letter for a word boundary and `re` does not, so RE2 finds a hit wherever `re`
    does.
    """

    def __init__(self, words: Iterable[str], inside: bool) -> None:
        import re2

        either = _alternatives(sorted(words))
        plain = "|".join(re2.escape(word) for word in sorted(words))
        options: Any = re2.Options()
        options.max_mem = 64 << 20
        options.log_errors = False
        self._loose = re2.compile(plain if inside else rf"(?:^|\W)(?:{plain})(?:\W|$)", options)
        self._exact = re.compile(either if inside else rf"(?<!\w)(?:{either})(?!\w)")

    def count(self, lower: str) -> int:
        """Hits in `lower`, a text in lower case."""
        if self._loose.search(lower) is None:
            return 0
        return sum(1 for _ in self._exact.finditer(lower))


def _alternatives(words: list[str]) -> str:
    """A regular expression for any of the sorted words, the longest first, with common beginnings written
    once.

    `re` tries alternatives one after the other: so it tries a few at each character instead of hundreds.
    """
    groups: dict[str, list[str]] = {}
    for word in filter(None, words):
        groups.setdefault(word[0], []).append(word)
    if not groups:
        return ""
    branches = []
    for group in groups.values():
        # What the first and the last of sorted words share, all share.
        pairs = enumerate(zip(group[0], group[-1], strict=False))
        shared = next((at for at, (one, other) in pairs if one != other), min(len(group[0]), len(group[-1])))
        branches.append(re.escape(group[0][:shared]) + _alternatives([word[shared:] for word in group]))
    either = branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"
    return f"(?:{either})?" if "" in words else either


@lru_cache(maxsize=64)
def _matcher(words: str, language: str) -> _Matcher | None:
    listed = load_words(words, language)
    return _Matcher(listed, language in UNSPACED) if listed else None


def load_words(words: str, language: str) -> frozenset[str]:
    """The list of `language` (two-letter code), lower-cased as given, empty when there is none.

    `words` is as in `BadWords`. Raises AssetMissingError for lists that were not fetched, FileNotFoundError
    for a path that is not there.
    """
    if words == "own":
        own = files("filters").joinpath("data", "badwords", f"{language}.txt")
        return (
            _parse(own.read_text("utf-8"), "")
            if language.isalnum() and language.islower() and own.is_file()
            else frozenset()
        )
    root = find("ldnoobw") if words == "ldnoobw" else Path(words).expanduser()
    if root.is_file():
        return _parse(root.read_text("utf-8"), root.suffix)
    if not root.is_dir():
        raise FileNotFoundError(f"no bad-word list at {root}: expected a text file or a folder with one per language")
    # Regional lists, such as fr-CA-u-sd-caqc, join the language's list.
    names = [path for path in root.iterdir() if path.name.split(".")[0].split("-")[0] == language]
    found = [_parse(path.read_text("utf-8"), path.suffix) for path in names if path.suffix in ("", ".txt", ".json")]
    return frozenset[str]().union(*found) - ALLOWED.get(language, frozenset())


def _parse(text: str, suffix: str) -> frozenset[str]:
    entries = json.loads(text) if suffix == ".json" else text.splitlines()
    return frozenset(entry.strip() for entry in entries) - {""}
