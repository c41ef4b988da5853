"""Gopher's quality rules, one step each: limits on words, symbols and lines that prose stays within.

Source of all: Rae et al., "Scaling Language Models: Methods, Analysis & Insights from Training Gopher"
(2021), appendix A.1.1, whose limits are the defaults. The paper does not define a word. Here it is a run of
characters without white space (in Chinese, Japanese, Thai and other scripts without spaces, a segment found by
`filters.scripts`), and only words with a letter or a digit are counted and measured. Toolkits that split off
punctuation (such as datatrove's tokenizer) count more and shorter words: `split_punctuation = true`. Blank lines are
not counted; toolkits that count them (such as datatrove) find smaller shares: `blank_lines = true`.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, NamedTuple
from unicodedata import category

from curate.filters.base import Decision, Document, Limit, drop, keep
from curate.filters.limits import OFF, above, check_limit
from curate.filters.text import combining, lines, lowered, parted, words

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
BULLETS = tuple(
    "\u2022\u2023\u2043\u2219\u25e6\u25aa\u25ab\u25cf\u25cb\u25a0\u25a1\u25b6\u25ba\u27a2\u27a4\xb7*-\u2013"
)
ELLIPSES = ("...", "\u2026")
CLOSERS = "\"'\u201d\u2019\xbb\u203a)]\u300d\u300f\uff09"
"""Quotation marks and brackets that may follow an ellipsis at the end of a line."""


_MIDDLE = "'\u2019.,\xb7\u2027"
_TOKEN = re.compile(rf"\w+(?:[{_MIDDLE}]\w+)*|[^\w\s]+")
"""A word as tokenizers have it, or a run of punctuation."""
_JOINERS = "\xad\u200c-\u200f\u2060\ufeff\u055b\u055c\u055e\u05f3"
"""What belongs to the letter before it: characters without width, tones that Armenian writes inside a word, the geresh (UAX 29: Format, ALetter)."""
_NO_MARKS = bytes([*range(0xCC), 0xE2])
"""Bytes of UTF-8 with which no mark begins: those of letters of Western Europe and of punctuation."""


@lru_cache(maxsize=1)
def _marked_token() -> re.Pattern[str]:
    """The same where letters may have marks and joiners, which are none to `re` (UAX 29, rule WB4: they belong to their letter)."""
    letter = rf"[\w{combining()}][\w{combining()}{_JOINERS}]*+"
    hebrew = r"(?<=[\u05d0-\u05ea])\"(?=[\u05d0-\u05ea])"  # typed for a gershayim (WB7b)
    return re.compile(
        rf"{letter}(?:(?:[{_MIDDLE}\u055f\u05f4\u066b\u066c]|{hebrew}){letter})*|[^\w\s\u200b{combining()}{_JOINERS}]+"
    )


def _tokens(text: str) -> list[str]:
    # A look at each byte costs a hundredth of what marks in a pattern cost.
    marked = not text.isascii() and text.encode("utf-8", "replace").translate(None, _NO_MARKS)
    return _marked_token().findall(parted(text)) if marked else _TOKEN.findall(text)


class _Words(NamedTuple):
    wordy: int
    """Words with a letter or a digit."""
    chars: int
    """Characters in them."""
    all: int
    """Words of any kind."""
    with_letter: int


@lru_cache(maxsize=8)
def _measure(text: str, split_punctuation: bool = False) -> _Words:
    found = _tokens(text) if split_punctuation else words(text)
    # Nearly every word starts with a letter, which answers both questions.
    wordy = [w for w in found if w[0].isalnum() or any(map(str.isalnum, w))]
    letters = sum(1 for w in wordy if w[0].isalpha() or any(map(str.isalpha, w)))
    return _Words(len(wordy), sum(map(len, wordy)), len(found), letters)


@dataclass(frozen=True)
class WordCount:
    """Drops documents with too few or too many words.

    Source: Gopher, appendix A.1.1: between 50 and 100,000 words. Differs from the source: the definition of a word,
    see above.
    """

    signals: ClassVar[tuple[str, ...]] = ("words",)
    limits: ClassVar[tuple[Limit, ...]] = (
        Limit("too_few", "words", "<", "minimum"),
        Limit("too_many", "words", ">", "maximum"),
    )

    minimum: int = 50
    maximum: int = 100_000
    split_punctuation: bool = False
    """Split punctuation off the words."""

    def __post_init__(self) -> None:
        if not 0 <= self.minimum <= self.maximum:
            raise ValueError(f"0 <= minimum <= maximum must hold, got {self.minimum} and {self.maximum}")

    def __call__(self, doc: Document) -> Decision:
        found = float(_measure(doc.text, self.split_punctuation).wordy)
        signals = {"words": found}
        if found < self.minimum:
            return drop(doc, "too_few", found, signals=signals)
        if found > self.maximum:
            return drop(doc, "too_many", found, signals=signals)
        return keep(doc, found, signals=signals)


@dataclass(frozen=True)
class WordLength:
    """Drops documents whose words are too short or too long on average.

    Source: Gopher, appendix A.1.1: mean word length of 3 to 10 characters. Differs from the source:
    punctuation attached to a word counts, unless it is split off.
    """

    signals: ClassVar[tuple[str, ...]] = ("mean_word_chars",)
    limits: ClassVar[tuple[Limit, ...]] = (
        Limit("too_short", "mean_word_chars", "<", "minimum"),
        Limit("too_long", "mean_word_chars", ">", "maximum"),
    )

    minimum: float = 3.0
    maximum: float = 10.0
    split_punctuation: bool = False
    """Split punctuation off the words."""

    def __post_init__(self) -> None:
        if not 0 <= self.minimum <= self.maximum:
            raise ValueError(f"0 <= minimum <= maximum must hold, got {self.minimum} and {self.maximum}")

    def __call__(self, doc: Document) -> Decision:
        measured = _measure(doc.text, self.split_punctuation)
        found = measured.chars / measured.wordy if measured.wordy else 0.0
        signals = {"mean_word_chars": found}
        if found < self.minimum:
            return drop(doc, "too_short", found, signals=signals)
        if found > self.maximum:
            return drop(doc, "too_long", found, signals=signals)
        return keep(doc, found, signals=signals)


@dataclass(frozen=True)
class SymbolRatio:
    """Drops documents with too many hashes or ellipses per word.

    Source: Gopher, appendix A.1.1: at most 0.1 of either per word. Ellipses are `...` and `\u2026`, as in
    datatrove.
    No other deviations.
    """

    signals: ClassVar[tuple[str, ...]] = ("hashes_per_word", "ellipses_per_word")
    limits: ClassVar[tuple[Limit, ...]] = (
        Limit("hashes", "hashes_per_word", ">", "maximum"),
        Limit("ellipses", "ellipses_per_word", ">", "maximum"),
    )

    maximum: float = 0.1
    """Symbols per word (words of any kind)."""
    split_punctuation: bool = False
    """Split punctuation off the words; runs of it are words of their own."""

    def __post_init__(self) -> None:
        if self.maximum != OFF and not self.maximum >= 0:
            raise ValueError(f"maximum must be at least 0, or -1 for off, got {self.maximum}")

    def __call__(self, doc: Document) -> Decision:
        total = _measure(doc.text, self.split_punctuation).all or 1
        hashes = doc.text.count("#") / total
        ellipses = sum(map(doc.text.count, ELLIPSES)) / total
        signals = {"hashes_per_word": hashes, "ellipses_per_word": ellipses}
        if above(hashes, self.maximum):
            return drop(doc, "hashes", hashes, signals=signals)
        if above(ellipses, self.maximum):
            return drop(doc, "ellipses", ellipses, signals=signals)
        return keep(doc, max(hashes, ellipses), signals=signals)


@dataclass(frozen=True)
class BulletLines:
    """Drops documents in which nearly every line starts with a bullet.

    Source: Gopher, appendix A.1.1: more than 90 % of the lines "starting with a bullet point". The paper lists no
    characters, so all common ones count (datatrove: `\u2022` and `-`; dolma: `*` and `-`). No other deviations.
    """

    signals: ClassVar[tuple[str, ...]] = ("bullet_lines",)
    limits: ClassVar[tuple[Limit, ...]] = (Limit("too_many", "bullet_lines", ">", "max_share"),)

    max_share: float = 0.9
    bullets: tuple[str, ...] = BULLETS
    blank_lines: bool = False
    """Count blank lines among the lines, as datatrove does."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "bullets", tuple(self.bullets))  # TOML gives a list
        if not all(self.bullets) or not self.bullets:
            raise ValueError("bullets must hold at least one text, and no empty one")
        check_limit("max_share", self.max_share)

    def __call__(self, doc: Document) -> Decision:
        found = _lines(doc.text, self.blank_lines)
        share = sum(line.startswith(self.bullets) for line in found) / len(found) if found else 0.0
        signals = {"bullet_lines": share}
        if above(share, self.max_share):
            return drop(doc, "too_many", share, signals=signals)
        return keep(doc, share, signals=signals)


@dataclass(frozen=True)
class EllipsisLines:
    """Drops documents in which many lines end in an ellipsis: teasers, search results.

    Source: Gopher, appendix A.1.1: more than 30 % of the lines "ending with an ellipsis", `...` or `\u2026`, also `[\u2026]` and
    `\u2026\u201d` (datatrove: the ellipsis must be last, `closers = ""`). No deviations.
    """

    signals: ClassVar[tuple[str, ...]] = ("ellipsis_lines",)
    limits: ClassVar[tuple[Limit, ...]] = (Limit("too_many", "ellipsis_lines", ">", "max_share"),)

    max_share: float = 0.3
    closers: str = CLOSERS
    """What may follow the ellipsis."""
    blank_lines: bool = False
    """Count blank lines among the lines, as datatrove does."""

    def __post_init__(self) -> None:
        check_limit("max_share", self.max_share)

    def __call__(self, doc: Document) -> Decision:
        found = _lines(doc.text, self.blank_lines)
        share = sum(line.rstrip(self.closers).endswith(ELLIPSES) for line in found) / len(found) if found else 0.0
        signals = {"ellipsis_lines": share}
        if above(share, self.max_share):
            return drop(doc, "too_many", share, signals=signals)
        return keep(doc, share, signals=signals)


@dataclass(frozen=True)
class WordsWithoutLetters:
    """Drops documents in which too few words contain a letter: tables of numbers, logs.

    Source: Gopher, appendix A.1.1: at least 80 % of the words. No deviations. FineWeb was made with datatrove, whose
    tokenizer counts punctuation marks as words and is therefore much stricter; `split_punctuation` approximates it
    (95 % of the same decisions on 1,119 real texts, without it 84 %).
    """

    signals: ClassVar[tuple[str, ...]] = ("words_with_letter",)
    limits: ClassVar[tuple[Limit, ...]] = (Limit("too_few", "words_with_letter", "<", "min_share"),)

    min_share: float = 0.8
    split_punctuation: bool = False
    """Count punctuation marks next to a word as separate words."""

    def __post_init__(self) -> None:
        check_limit("min_share", self.min_share)

    def __call__(self, doc: Document) -> Decision:
        measured = _measure(doc.text, self.split_punctuation)
        share = measured.with_letter / measured.all if measured.all else 0.0
        signals = {"words_with_letter": share}
        if share < self.min_share:
            return drop(doc, "too_few", share, signals=signals)
        return keep(doc, share, signals=signals)


@dataclass(frozen=True)
class StopWords:
    """Drops documents without common English words: not prose, or not English.

    Source: Gopher, appendix A.1.1: at least two of eight words. Distinct words are counted, ignoring case and
    adjacent punctuation. No deviations in English. (datatrove is case-sensitive; DCLM counts two occurrences of one
    word.) Stop words are segmented like the text: Tibetan ones may include their tsheg. With `split_punctuation` a
    Hangul stop word may be the end of a longer word: particles are attached to the noun, and FineWeb-2's lists
    contain them.
    """

    signals: ClassVar[tuple[str, ...]] = ("stop_words",)
    limits: ClassVar[tuple[Limit, ...]] = (Limit("too_few", "stop_words", "<", "minimum"),)

    minimum: int = 2
    """Minimum number of distinct stop words."""
    words: tuple[str, ...] = STOP_WORDS
    split_punctuation: bool = True
    """Split punctuation off the words: "the, of." contains two, "that's" contains "that"."""
    ignore_case: bool = True

    def __post_init__(self) -> None:
        # TOML gives a list
        spelt = [word.lower() for word in self.words] if self.ignore_case else self.words
        object.__setattr__(self, "words", tuple(dict.fromkeys(spelt)))
        if not 0 <= self.minimum <= len(self.words):
            raise ValueError(f"minimum must be from 0 to {len(self.words)}, got {self.minimum}")

    def __call__(self, doc: Document) -> Decision:
        found = float(self._count(lowered(doc.text) if self.ignore_case else doc.text))
        signals = {"stop_words": found}
        if found < self.minimum:
            return drop(doc, "too_few", found, signals=signals)
        return keep(doc, found, signals=signals)

    def _count(self, text: str) -> int:
        if self.split_punctuation:
            text = parted(text)
            return sum(any(_stands(form, text) for form in _forms(word)) for word in self.words)
        return sum(any(form in _vocabulary(text) for form in _forms(word)) for word in self.words)


@lru_cache(maxsize=1 << 12)
def _forms(word: str) -> tuple[str, ...]:
    """How `word` may stand in a text whose words are parted: as it is, and parted itself (of Tibetan without its tsheg)."""
    return tuple(dict.fromkeys([word, " ".join(parted(word).split()) or word]))


def _stands(word: str, text: str) -> bool:
    """Whether `word` is somewhere in `text` with no letter, digit or mark beside those of its own; before Hangul they may be."""
    first = bool(word) and _joins(word[0]) and not "\uac00" <= word[0] <= "\ud7a3"
    last = bool(word) and _joins(word[-1])
    at = text.find(word)
    while at >= 0:
        stop = at + len(word)
        if not (first and at and _joins(text[at - 1])) and not (last and stop < len(text) and _joins(text[stop])):
            return True
        at = text.find(word, at + 1)
    return False


def _joins(char: str) -> bool:
    return char.isalnum() or category(char)[0] == "M"


@lru_cache(maxsize=4)
def _vocabulary(text: str) -> frozenset[str]:
    return frozenset(words(text))


@lru_cache(maxsize=8)
def _lines(text: str, blank: bool) -> tuple[str, ...]:
    """The lines without the white space at both ends; with or without the blank ones."""
    return tuple([trimmed for line in lines(text) if (trimmed := line.strip()) or blank])
