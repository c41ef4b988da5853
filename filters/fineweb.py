"""The rules that FineWeb added to those of C4 and Gopher.

Source of all: Penedo et al., "The FineWeb Datasets" (2024), section 3.6, and datatrove's
`FineWebQualityFilter`, which made the corpus and whose limits are the defaults. Lines are split at any line break and
stripped; datatrove splits only at line feeds and does not strip. In texts extracted by trafilatura, as FineWeb's
were, this makes no difference.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from curate.filters.base import Decision, Document, Limit, drop, keep
from curate.filters.limits import OFF, above, check_limit
from curate.filters.repetition import repeated
from curate.filters.sentence_ends import INVISIBLE, ends_line
from curate.filters.text import lines, words


@lru_cache(maxsize=8)
def _filled(text: str) -> tuple[str, ...]:
    """The lines with something in them, trimmed."""
    return tuple([trimmed for line in lines(text) if (trimmed := line.strip())])


@dataclass(frozen=True)
class LinesWithoutPunctuation:
    """Drops documents in which too few lines end in a sentence's punctuation: lists, menus, product listings.

    Source: FineWeb: fewer than 12 % of the lines. Differs from the source: FineWeb's list has a few more Khmer marks
    and fewer from scripts added to Unicode later; here Tibetan shads, the Greek `;` and the Armenian `:` count as
    well, and zero-width characters after a mark do not hide it. Closing quotation marks are not in the list: a line
    that ends in `.\u201d` does not count, unless `closers` contains the quotation mark.
    """

    signals: ClassVar[tuple[str, ...]] = ("punctuated_lines",)
    limits: ClassVar[tuple[Limit, ...]] = (Limit("too_few", "punctuated_lines", "<", "min_share"),)

    min_share: float = 0.12
    closers: str = ""
    """Quotation marks and brackets that may follow the punctuation."""

    def __post_init__(self) -> None:
        check_limit("min_share", self.min_share)

    def __call__(self, doc: Document) -> Decision:
        found = _filled(doc.text)
        share = sum(ends_line(line.rstrip(INVISIBLE + self.closers)) for line in found) / len(found) if found else 0.0
        signals = {"punctuated_lines": share}
        if share < self.min_share:
            return drop(doc, "too_few", share, signals=signals)
        return keep(doc, share, signals=signals)


@dataclass(frozen=True)
class ShortLines:
    """Drops documents in which most lines are short.

    Source: FineWeb: more than 67 % of the lines have 30 characters or less. No deviations.
    """

    signals: ClassVar[tuple[str, ...]] = ("short_lines",)
    limits: ClassVar[tuple[Limit, ...]] = (Limit("too_many", "short_lines", ">", "max_share"),)

    max_share: float = 0.67
    max_chars: int = 30
    """Maximum length of a short line."""

    def __post_init__(self) -> None:
        check_limit("max_share", self.max_share)
        if self.max_chars < 0:
            raise ValueError(f"max_chars must be at least 0, got {self.max_chars}")

    def __call__(self, doc: Document) -> Decision:
        found = _filled(doc.text)
        share = sum(len(line) <= self.max_chars for line in found) / len(found) if found else 0.0
        signals = {"short_lines": share}
        if above(share, self.max_share):
            return drop(doc, "too_many", share, signals=signals)
        return keep(doc, share, signals=signals)


@dataclass(frozen=True)
class RepeatedLineChars:
    """Drops documents with more than a trace of repeated lines, measured in characters.

    Source: FineWeb: more than 1 % of the characters, not counting line breaks. No deviations.
    """

    signals: ClassVar[tuple[str, ...]] = ("repeated_line_char_share",)
    limits: ClassVar[tuple[Limit, ...]] = (Limit("too_many", "repeated_line_char_share", ">", "max_share"),)

    max_share: float = 0.01

    def __post_init__(self) -> None:
        check_limit("max_share", self.max_share)

    def __call__(self, doc: Document) -> Decision:
        found = _filled(doc.text)
        chars = repeated(found)[1]
        share = chars / sum(map(len, found)) if chars else 0.0
        signals = {"repeated_line_char_share": share}
        if above(share, self.max_share):
            return drop(doc, "too_many", share, signals=signals)
        return keep(doc, share, signals=signals)


@dataclass(frozen=True)
class NewlineRatio:
    """Drops documents with too many line breaks per word: lists.

    Source: FineWeb: more than 0.3 line breaks per word. Differs from the source: words are separated by white space,
    or segmented in scripts without spaces; FineWeb's tokenizer splits off punctuation and so counts more of them.
    """

    signals: ClassVar[tuple[str, ...]] = ("newlines_per_word",)
    limits: ClassVar[tuple[Limit, ...]] = (Limit("too_many", "newlines_per_word", ">", "maximum"),)

    maximum: float = 0.3

    def __post_init__(self) -> None:
        if self.maximum != OFF and not self.maximum >= 0:
            raise ValueError(f"maximum must be at least 0, or -1 for off, got {self.maximum}")

    def __call__(self, doc: Document) -> Decision:
        ratio = _breaks(doc.text) / (len(words(doc.text)) or 1)
        signals = {"newlines_per_word": ratio}
        if above(ratio, self.maximum):
            return drop(doc, "too_many", ratio, signals=signals)
        return keep(doc, ratio, signals=signals)


def _breaks(text: str) -> int:
    """Line breaks of any kind in `text`."""
    ends_in_one = text[-1:].splitlines() == [""]
    return len(lines(text)) - (bool(text) and not ends_in_one)
