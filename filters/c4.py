"""The rules of C4: the T5 paper's text and the released code's details, each a step.

Sources: Raffel et al., "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer",
JMLR 21 (2020), section 2.2 ("the paper"); `tensorflow_datasets/text/c4_utils.py`, C4 version 3.1.0 ("the
code"); for mC4, Xue et al., "mT5", NAACL 2021. The two differ, and the order of steps is part of both, so the recipe
determines which C4 it is: in the code, for instance, "lorem ipsum" counts only in lines that passed the first four
line rules, so `LoremIpsum` comes after them. Lines are those of `str.splitlines`.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from curate.filters import punkt
from curate.filters.base import Decision, Document, Limit, drop, keep
from curate.filters.scripts import part_words
from curate.filters.sentence_ends import ends_line
from curate.filters.text import count_sentences, decoded, encoded, lowered

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LINE_RULES = ("long_word", "citation", "no_end_mark", "few_words", "javascript", "policy")
"""The line rules in the code's order; `citation` edits the line, the others cut it."""

POLICY_PHRASES = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)
_SPACED_PHRASES = tuple(re.compile(phrase.replace(" ", r"\s+")) for phrase in POLICY_PHRASES)
_CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]")
END_MARKS = ".?!\"'\u201d\u2019\xbb\u203a\u201c\u2018\xab\u2039\u300d\u300f\u300b\u3009\u301e\u301f\uff02\uff07"
"""Full stop, question and exclamation mark, and the marks that end a quotation in some language."""
SPLITTERS = ("regex", "english", "punkt", "punkt-ascii")
_WITHOUT_WIDTH = "\xad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
_SPACES = " \t\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_LOREM_IPSUM = re.compile(r"lorem\s+ipsum")


@dataclass(frozen=True)
class LineRules:
    """Keeps the lines that look like sentences and cuts citation marks out of them.

    Source: the code's `clean_page`, tests 1 to 4, 6 and 8; the paper, section 2.2, for `min_words = 3`. A
    page with no line left is dropped here (the code drops it a step later, for too few sentences).
    The paper names "a terminal punctuation mark (i.e. a period, exclamation mark, question mark, or end quotation mark)",
    so curly and angled quotation marks count; the code knows only `"` (`end_marks = '.?!"'`). No other deviations
    with `exact = true`. The code strips a line before it cuts the marks, not after, and cuts them once, so its output
    may change when it is cleaned again; `repeat` repeats this until nothing changes.
    """

    signals: ClassVar[tuple[str, ...]] = ("c4_lines", "c4_lines_kept")

    min_words: int = 3
    """Minimum words per line: 3 in the paper, 5 in the code."""
    max_word_chars: int = 1000
    """A line with a longer word is cut (the code only)."""
    end_marks: str = END_MARKS
    """A line ends in one of these, and not in `...`. The default is the paper's (with it the full stops and question marks of all
    scripts count, unless `exact`), `.?!"` the code's."""
    count_after_citations: bool = True
    """Count words after citation marks are cut (the code) or before (most re-implementations)."""
    rules: tuple[str, ...] = LINE_RULES
    """The active rules. Always applied in the order of `LINE_RULES`."""
    repeat: bool = False
    """Strip and cut citation marks again until the line stays the same; then a second run changes nothing."""
    exact: bool = False
    """Compare as the code does: words are separated by white space in any script, a zero-width character hides the
    end mark before it, and the words of a phrase are separated by exactly one space."""

    def __post_init__(self) -> None:
        if self.min_words < 1:
            raise ValueError(f"min_words must be at least 1, got {self.min_words}")
        if self.max_word_chars < 1:
            raise ValueError(f"max_word_chars must be at least 1, got {self.max_word_chars}")
        if not self.end_marks:
            raise ValueError("end_marks must hold at least one character; leave 'no_end_mark' out of rules instead")
        unknown = [rule for rule in self.rules if rule not in LINE_RULES]
        if unknown or not self.rules:
            raise ValueError(f"rules must be some of {', '.join(LINE_RULES)}, got {list(self.rules)}")
        object.__setattr__(self, "rules", tuple(self.rules))  # TOML gives a list

    def prepare(self) -> None:
        """Load the compiled code."""
        self._applied("One two three.")

    def __call__(self, doc: Document) -> Decision:
        if self._cannot_fire(doc.text):
            return keep(doc)
        text, kept, removed = self._applied(doc.text)
        signals = self._signals(kept, removed.total())
        if not text:
            return drop(doc, "no_line_left", 0.0, signals=signals, removed=removed)
        if text == doc.text:
            return keep(doc, signals=signals, removed=removed)
        return keep(replace(doc, text=text), signals=signals, removed=removed)

    def lines(self, text: str) -> Iterator[tuple[str, str | None]]:
        """Each line of `text` as it would stand, with the rule that cuts it or None."""
        return map(self._line, text.splitlines())

    def _line(self, raw: str) -> tuple[str, str | None]:
        long_word, citation, no_end_mark, few_words, javascript, policy = self._on
        line = raw.strip() if self._shapes else raw
        if no_end_mark and not self.exact and line and not line[-1].isprintable():
            line = line.rstrip(_WITHOUT_WIDTH + _SPACES)
        # A line no longer than the limit has no longer word.
        if long_word and len(line) > self.max_word_chars and self._has_long_word(line):
            return line, "long_word"
        before = line
        if citation and "[" in line:
            line = self._without_citations(line)
        if no_end_mark and (not self._ends(line) or line.endswith("...")):
            return line, "no_end_mark"
        if few_words and self._has_few_words(line if self.count_after_citations else before):
            return line, "few_words"
        return line, self._phrase(line) if javascript or policy else None

    def _phrase(self, line: str) -> str | None:
        """The rule of a phrase in a line."""
        lower = line.lower()
        if self._on[4] and "javascript" in lower:
            return "javascript"
        return "policy" if self._on[5] and _has_policy(lower, self.exact) else None

    def _applied(self, text: str) -> tuple[str, int, Counter[str]]:
        """The text of the lines that stay, how many these are, and the lines that each rule cut."""
        if self._on[2] or self._on[3]:
            return self._applied_by_loops(text)
        kept: list[str] = []
        removed = Counter[str]()
        for raw in text.splitlines():
            self._add(raw, kept, removed)
        return "\n".join(kept).strip(), len(kept), removed

    def _add(self, raw: str, kept: list[str], removed: Counter[str]) -> None:
        line, code = self._line(raw)
        if code is None:
            kept.append(line)
        elif raw.strip():  # an empty line is a gap, not a line that a rule cut
            removed[code] += 1

    def _applied_by_loops(self, text: str) -> tuple[str, int, Counter[str]]:
        from curate.filters import c4_loops as loops  # with numba: not for who only reads a recipe

        data = encoded(text)
        rules = sum(1 << bit for bit, on in enumerate(self._on[:4]) if on)
        rows, (no_end_mark, few_words, many) = loops.judge(
            data,
            self._kinds,
            rules,
            self.min_words,
            self.max_word_chars,
            exact=self.exact,
            phrases=self._on[4] or self._on[5],
        )
        cut = {"no_end_mark": no_end_mark, "few_words": few_words}
        removed = Counter({code: count for code, count in cut.items() if count})
        if len(rows) == 1 and rows[0] == [0, len(data), 0]:
            return text, many, removed
        pieces: list[bytes] = []
        for start, stop, unsure in rows:
            piece = data[start:stop]
            if unsure:
                kept: list[str] = []
                self._add(decoded(piece), kept, removed)
                pieces += map(encoded, kept)
                many += len(kept)
            else:
                pieces.append(piece)
        return decoded(b"\n".join(pieces)).strip(), many, removed

    @cached_property
    def _kinds(self) -> "NDArray[np.uint8]":
        from curate.filters import c4_loops as loops

        others = not self.exact and self.end_marks == END_MARKS
        return loops.kinds(self.end_marks, others, "" if self.exact else _WITHOUT_WIDTH)

    @cached_property
    def _on(self) -> tuple[bool, ...]:
        return tuple(rule in self.rules for rule in LINE_RULES)

    @cached_property
    def _shapes(self) -> bool:
        """Whether a rule is on that looks at the shape of a line. Phrase rules alone leave lines as they
        are."""
        return any(self._on[:4])

    @cached_property
    def _marks(self) -> frozenset[str]:
        return frozenset(self.end_marks)

    def _cannot_fire(self, text: str) -> bool:
        """True when only phrase rules are on and no phrase is in the text, which then is not split at all."""
        if self._shapes or not text:
            return False
        lower = lowered(text)
        return not (self._on[4] and "javascript" in lower) and not (self._on[5] and _has_policy(lower, self.exact))

    def _signals(self, kept: int, removed: int) -> dict[str, float]:
        # Phrase rules alone, in a second step, must not overwrite the counts of the first.
        return {"c4_lines": float(kept + removed), "c4_lines_kept": float(kept)} if self._shapes else {}

    def _ends(self, line: str) -> bool:
        if line[-1:] in self._marks:
            return True
        return not line.isascii() and not self.exact and self.end_marks == END_MARKS and ends_line(line)

    def _has_long_word(self, line: str) -> bool:
        if max(map(len, line.split())) <= self.max_word_chars:
            return False
        return self.exact or max(map(len, part_words(line).split())) > self.max_word_chars

    def _has_few_words(self, line: str) -> bool:
        if len(line.split(None, self.min_words - 1)) >= self.min_words:
            return False
        return self.exact or len(part_words(line).split()) < self.min_words

    def _without_citations(self, line: str) -> str:
        cut = _CITATION.sub("", line)
        while self.repeat and cut != line:
            line = cut.strip()
            cut = _CITATION.sub("", line)
        return cut


def _has_policy(lower: str, exact: bool) -> bool:
    # All the phrases but one hold "cookie" or "policy": three searches rule out nearly every line.
    if "cookie" not in lower and "policy" not in lower and "terms" not in lower:
        return False
    if exact:
        return any(phrase in lower for phrase in POLICY_PHRASES)
    return any(phrase.search(lower) for phrase in _SPACED_PHRASES)


@dataclass(frozen=True)
class CurlyBracket:
    """Drops a page with a curly bracket: it is more likely code than prose.

    Source: the paper, section 2.2 (`marks = "{}"`, before the line rules: anywhere in the page); the code's
    test 7 (`marks = "{"`, after the line rules and "javascript": only in lines that passed them). No deviations.
    """

    signals: ClassVar[tuple[str, ...]] = ("curly_brackets",)
    limits: ClassVar[tuple[Limit, ...]] = (Limit("found", "curly_brackets", ">"),)

    marks: str = "{}"
    """The characters that drop a page."""

    def __post_init__(self) -> None:
        if not self.marks:
            raise ValueError("marks must hold at least one character")

    def __call__(self, doc: Document) -> Decision:
        there = [mark for mark in self.marks if mark in doc.text]  # most have none, which is told faster
        found = sum(map(doc.text.count, there))
        signals = {"curly_brackets": float(found)}
        if found:
            return drop(doc, "found", float(found), signals=signals)
        return keep(doc, 0.0, signals=signals)


@dataclass(frozen=True)
class LoremIpsum:
    """Drops a page that contains the placeholder text "lorem ipsum", ignoring case.

    Source: the paper, section 2.2 (before the line rules: anywhere in the page); the code's test 5 (after the first
    four line rules). Differs from the source: any white space may separate the two words, including a line break;
    with `exact = true`, no deviations.
    """

    signals: ClassVar[tuple[str, ...]] = ("lorem_ipsum",)
    limits: ClassVar[tuple[Limit, ...]] = (Limit("found", "lorem_ipsum", ">"),)

    exact: bool = False
    """One space, as in the code."""

    def __call__(self, doc: Document) -> Decision:
        found = self._count(doc.text)
        signals = {"lorem_ipsum": float(found)}
        if found:
            return drop(doc, "found", float(found), signals=signals)
        return keep(doc, 0.0, signals=signals)

    def _count(self, text: str) -> int:
        if (
            b"lorem" not in encoded(text).lower()
        ):  # bytes: ASCII alone, and no other letter has a small one in this word
            return 0
        lower = lowered(text)
        return lower.count("lorem ipsum") if self.exact else len(_LOREM_IPSUM.findall(lower))


@dataclass(frozen=True)
class TooFewSentences:
    """Drops a page with too few sentences.

    Source: the paper, section 2.2 (at least 5); the code (at least 3, NLTK's English Punkt): `clean_page`
    adds up the sentences of each line (`per_line = true`), and counts once more after line dedup, on the page as one
    text. The paper does not say how it splits sentences. `regex` splits at punctuation and line breaks in any script,
    so "Dr. Who" counts as two; `punkt` counts as NLTK 3.10 does, `punkt-ascii` as NLTK before 3.10; `english` is
    Punkt with more abbreviations, and list numbers and ellipses don't count as sentences. No deviations with `punkt`.
    """

    signals: ClassVar[tuple[str, ...]] = ("sentences",)
    limits: ClassVar[tuple[Limit, ...]] = (Limit("too_few", "sentences", "<", "minimum"),)

    minimum: int = 5
    """Minimum sentences per page."""
    splitter: str = "regex"
    """regex, english, punkt or punkt-ascii."""
    per_line: bool = True
    """Count line by line and add up (`regex` always does)."""

    def __post_init__(self) -> None:
        if self.minimum < 1:
            raise ValueError(f"minimum must be at least 1, got {self.minimum}")
        if self.splitter not in SPLITTERS:
            raise ValueError(f"splitter must be one of {', '.join(SPLITTERS)}, got {self.splitter!r}")

    def prepare(self) -> None:
        """Load the model and the compiled code, for texts of ASCII and for others."""
        for text in ("One. Two.", "Eins. Zw\u00f6lf."):
            self._count(text)

    def __call__(self, doc: Document) -> Decision:
        found = float(self._count(doc.text))
        signals = {"sentences": found}
        if found < self.minimum:
            return drop(doc, "too_few", found, signals=signals)
        return keep(doc, found, signals=signals)

    def _count(self, text: str) -> int:
        if self.splitter == "regex":
            return count_sentences(text)
        if self.splitter == "english":
            return punkt.count_english(text, lines=self.per_line)
        return punkt.count(text, "ascii" if self.splitter == "punkt-ascii" else "unicode", lines=self.per_line)


@dataclass(frozen=True)
class TooLong:
    """Drops a page that is too long to be one: concatenations, dumps, lists.

    Source: the code's `is_valid_length` (190,000 characters). No deviations.
    """

    signals: ClassVar[tuple[str, ...]] = ("chars",)
    limits: ClassVar[tuple[Limit, ...]] = (Limit("too_long", "chars", ">", "max_chars"),)

    max_chars: int = 190_000
    """Maximum characters per page."""

    def __post_init__(self) -> None:
        if self.max_chars < 1:
            raise ValueError(f"max_chars must be at least 1, got {self.max_chars}")

    def __call__(self, doc: Document) -> Decision:
        found = float(len(doc.text))
        signals = {"chars": found}
        if found > self.max_chars:
            return drop(doc, "too_long", found, signals=signals)
        return keep(doc, found, signals=signals)


@dataclass(frozen=True)
class FewLongLines:
    """Drops a page with too few long lines: menus and lists have none.

    Source: mC4's paragraph filter (mT5 paper, section 3.1; the code's `paragraph_filter`): at least three
    lines of 200 characters or more. The value is the length of the `min_lines`-th longest line.
    No deviations.
    """

    signals: ClassVar[tuple[str, ...]] = ("nth_longest_line",)
    limits: ClassVar[tuple[Limit, ...]] = (Limit("too_short", "nth_longest_line", "<", "min_chars"),)

    min_lines: int = 3
    """Minimum number of long lines."""
    min_chars: int = 200
    """Minimum length of a long line, in characters."""

    def __post_init__(self) -> None:
        for name in ("min_lines", "min_chars"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")

    def __call__(self, doc: Document) -> Decision:
        lengths = sorted(map(len, doc.text.split("\n")), reverse=True)
        found = float(lengths[self.min_lines - 1]) if len(lengths) >= self.min_lines else 0.0
        signals = {"nth_longest_line": found}
        if found < self.min_chars:
            return drop(doc, "too_short", found, signals=signals)
        return keep(doc, found, signals=signals)
