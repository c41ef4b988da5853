"""Bad words: drops pages that contain a listed word, per language.

Source of rule and lists: C4's released code (3.1.0, `get_badwords_filter_fn`) with LDNOOBW's "List of Dirty, Naughty,
Obscene, and Otherwise Bad Words" (CC BY 4.0). The public lists are fetched with `curate assets fetch ldnoobw`; a
small list of our own is included.

There are two English lists. The latest public version (commit 5faf2ba, which the code uses for the other 27
languages) has 403 entries: `words = "ldnoobw"`. For English the code pins an older version (25e679f) with 377:
`words = "ldnoobw-c4"`.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import md5, sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar
from unicodedata import normalize

from curate.filters.assets import find
from curate.filters.base import Decision, Document, drop, keep
from curate.filters.labels import is_label, names, same
from curate.filters.text import combining, lowered, parted
from curate.filters.urls import normalize_url

UNSPACED = frozenset({"ja", "th", "zh"})
"""Languages without spaces between words: here the code counts a listed word inside a longer one."""
ALLOWED = {"ja": frozenset({"sm", "グロ", "女の子"}), "zh": frozenset({"性"})}
"""Listed words that are common parts of harmless ones; the code takes them off the lists."""
PUBLIC = ("ldnoobw", "ldnoobw-c4")
_ADDED = """
b16bfd06 5a8ad1f5 d5273ab9 4dc94185 1adc8217 9915ba2d e273db21 4140197e 1bd77c80 2944474a 74305616 544fc854 c6603565
d6da8cf4 f64c6fad c1ee0017 e6836793 6ef9d9fd 9557070a 94a877e2 12c1129b dc10e452 732b31ee 0d98e540 9ae315a9 9bca34fe
"""
ADDED_AFTER = frozenset(_ADDED.split())
"""First 8 hex digits of the sha256 of the 26 English entries that joined the list after the commit that C4's code pins."""


@dataclass(frozen=True)
class BadWords:
    """Drops a page that contains a listed word of its language, as a whole word, ignoring case.

    Source: the T5 paper, section 2.2, and C4's released code. C4 drops all English pages with a hit; mC4 drops 99.9 %
    of them (`drop_share = 0.999`), chosen by the md5 of the normalised URL. A page in a language without a list is
    kept. Differs from the source: the code lower-cases pages but not its lists, and compares accents as they are
    encoded. So it never finds entries with a capital letter: all Spanish ones and some German, Turkish and Chinese
    ones. `words = "ldnoobw-c4"` with `as_listed = true` reproduces the code exactly.
    """

    signals: ClassVar[tuple[str, ...]] = ("bad_words",)

    words: str = "own"
    """"own" (small embedded lists in 11 languages), "ldnoobw" (the fetched public lists), "ldnoobw-c4" (the same with the
    older English one that C4's code pins), or a path: a text file with a word or phrase per line for all languages,
    or a folder with a file per language named `en`, `en.txt` or `eng_Latn.json`."""
    default_language: str = "en"
    """Fallback when no earlier step set the language; empty keeps such documents."""
    drop_share: float = 1.0
    """Share of the pages with a hit that is dropped."""
    as_listed: bool = False
    """Compare lower-cased pages with the unchanged entries, as the code does, so that entries with a capital are
    never found."""
    whole_words: bool = False
    """Match whole words only, in all scripts. As published, an entry also matches inside longer words in Chinese,
    Japanese and Thai (words as in `curate.filters.scripts`), and before a vowel sign, as in Hindi, where short
    entries are parts of harmless words."""

    def __post_init__(self) -> None:
        if not self.words:
            raise ValueError('words must be "own", "ldnoobw", "ldnoobw-c4" or a path, got ""')
        if not 0.0 <= self.drop_share <= 1.0:
            raise ValueError(f"drop_share must be from 0 to 1, got {self.drop_share}")

    def files(self) -> tuple[Path, ...]:
        """The lists it reads that are not part of the package."""
        return () if self.words == "own" else (_root(self.words),)

    def prepare(self) -> None:
        """Load a list; AssetMissingError or FileNotFoundError says what is missing."""
        load_words(self.words, self.default_language or "en")

    def __call__(self, doc: Document) -> Decision:
        language = doc.language or self.default_language
        if self.as_listed and language.endswith("-Latn"):  # the code has lists by cld3's labels, and none for these
            language = ""
        matcher = _matcher(self.words, language, self.as_listed, self.whole_words) if language else None
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


_MARK = rf"(?![\u0591-\u06ed])[{combining()}]"
"""A mark without which the word is another one: vowel signs of Hebrew and Arabic are optional."""


class _Matcher:
    """Counts listed words. RE2 finds the few pages worth a look, Python's `re` decides on them.

    RE2 takes every non-ASCII letter for a word boundary and `re` does not, so RE2 finds a hit wherever `re`
    does.
    """

    def __init__(self, words: Iterable[str], inside: bool, apart: bool, composed: bool, marks: bool) -> None:
        """`inside`: in longer words, too; `apart`: words are looked for by the segmenter; `marks`: a mark behind a letter is a part of the word."""
        import re2

        self._composed, self._apart = composed, apart
        if apart:
            words = {_spaced(word) for word in words}
        either = _alternatives(sorted(words))
        plain = "|".join(re2.escape(word) for word in sorted(words))
        options: Any = re2.Options()
        options.max_mem = 64 << 20
        options.log_errors = False
        self._loose = re2.compile(plain if inside else rf"(?:^|\W)(?:{plain})(?:\W|$)", options)
        before, after = (rf"(?<![\w{combining()}])", rf"(?!\w|{_MARK})") if marks else (r"(?<!\w)", r"(?!\w)")
        self._exact = re.compile(either if inside else f"{before}(?:{either}){after}")

    def count(self, lower: str) -> int:
        """Hits in `lower`, a text in lower case."""
        if self._composed and not lower.isascii():
            lower = normalize("NFC", lower)
        if self._apart:
            lower = _spaced(lower)
        if self._loose.search(lower) is None:
            return 0
        return sum(1 for _ in self._exact.finditer(lower))


def _spaced(text: str) -> str:
    """The words of `text` with a space between any two."""
    return " ".join(parted(text).split())


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
def _matcher(words: str, language: str, as_listed: bool, whole_words: bool) -> _Matcher | None:
    listed = load_words(words, language)
    if not as_listed:
        listed = frozenset(normalize("NFC", word.lower()) for word in listed)
    # A letter with an accent has two encodings; where no entry has such a letter, pages need not be brought to one.
    composed = not as_listed and any(normalize("NFD", word) != word for word in listed)
    unspaced = not UNSPACED.isdisjoint(names(language))
    if not listed:
        return None
    return _Matcher(listed, unspaced and not whole_words, unspaced and whole_words, composed, whole_words)


def load_words(words: str, language: str) -> frozenset[str]:
    """The list of `language` as given, empty when there is none; by whatever name (`zh`, `cmn_Hani`, `zho_Hant`: see `filters.labels`).

    `words` is as in `BadWords`. Raises AssetMissingError for lists that were not fetched, FileNotFoundError
    for a path that is not there, ValueError for a file that is no list.
    """
    known = names(language)
    if words == "own":
        own = [files("curate.filters").joinpath("data", "badwords", f"{name}.txt") for name in known if is_label(name)]
        return next((_parse(path.read_bytes(), path.name) for path in own if path.is_file()), frozenset())
    root = _root(words)
    if root.is_file():
        return _parse(root.read_bytes(), str(root))
    if not root.is_dir():
        raise FileNotFoundError(f"no bad-word list at {root}: expected a text file or a folder with one per language")
    # Regional lists, such as fr-CA-u-sd-caqc, join the language's list.
    paths = [path for path in root.iterdir() if _is_of(path.name, language) and path.is_file()]
    found = [_parse(path.read_bytes(), str(path)) for path in paths if path.suffix in ("", ".txt", ".json")]
    listed = frozenset[str]().union(*found)
    for name in known:
        listed -= ALLOWED.get(name, frozenset())
    return frozenset(filter(_pinned, listed)) if words == "ldnoobw-c4" and "en" in known else listed


def _is_of(name: str, language: str) -> bool:
    """Whether a list named so (`fr-CA.txt`, `fra_Latn`) is one of a language, in any script where one of the two names none."""
    listed, told = same(name.split(".")[0].split("-")[0]), same(language)
    return listed.language == told.language and (None in (listed.script, told.script) or listed.script == told.script)


def _root(words: str) -> Path:
    return find("ldnoobw") if words in PUBLIC else Path(words).expanduser()


def _pinned(entry: str) -> bool:
    return sha256(entry.encode()).hexdigest()[:8] not in ADDED_AFTER


def _parse(data: bytes, name: str) -> frozenset[str]:
    """The entries of a list: a line each, or a JSON list of texts. ValueError names the file that is neither."""
    try:
        text = data.decode("utf-8-sig")
        entries = json.loads(text) if name.endswith(".json") else text.splitlines()
        return frozenset(entry.strip() for entry in entries) - {""}
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(
            f"{name} is no bad-word list in UTF-8, a line (or in JSON a text) for each word: {error}"
        ) from error
