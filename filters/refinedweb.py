"""RefinedWeb's line-wise corrections: cuts lines that are not prose, and drops pages with many of them."""

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import ClassVar

from curate.filters.base import Decision, Document, drop, keep
from curate.filters.scripts import part_words

_COUNTER = re.compile(
    r"\W*\d[\d.,]*[kKmMbB]?\s+(?:likes?|shares?|comments?|retweets?|reposts?|quotes?|bookmarks?|upvotes?|downvotes?|downloads?"
    r"|views?|followers?)\W*",
    re.I,
)
_SHORT = 10
"""Words up to which a line is looked at for phrases."""


@dataclass(frozen=True)
class LineCorrections:
    """Cuts lines of capitals, of digits only, of one word, counters ("3 likes") and navigation phrases; drops a page
    if they contain more than `max_share` of its words.

    Source: RefinedWeb (Penedo et al. 2023, appendix G.2): mainly upper-case characters, only numerical ones, a counter, one word; in
    lines of ten words or less `sign-in` at the beginning, `read more...` at the end, `items in cart` anywhere; more than 5 % of the
    words. More than half of the characters is DCLM's interpretation of "mainly" upper-case. Differs from the source:
    the paper edits a line that contains a phrase, here the whole line is cut; only the phrases given above are
    searched for.
    """

    signals: ClassVar[tuple[str, ...]] = ("refinedweb_cut_words",)

    max_share: float = 0.05
    """Maximum share of the words in lines that are cut."""
    capitals: float = 0.5
    """Share of a line's characters above which it counts as written in capitals."""

    def __post_init__(self) -> None:
        for name in ("max_share", "capitals"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1, got {getattr(self, name)}")

    def __call__(self, doc: Document) -> Decision:
        kept: list[str] = []
        removed: Counter[str] = Counter()
        words = cut = 0
        for line in doc.text.splitlines():
            count = len(part_words(line).split())
            code = self._code(line.strip(), count) if count else None
            words += count
            if code is None:
                kept.append(line)
                continue
            removed[code] += 1
            cut += count
        share = cut / words if words else 0.0
        signals = {"refinedweb_cut_words": share}
        if share > self.max_share:
            return drop(doc, "too_many_cut", share, signals=signals, removed=removed)
        if not removed:
            return keep(doc, share, signals=signals)
        text = "\n".join(kept).strip()
        if not text:
            return drop(doc, "no_line_left", share, signals=signals, removed=removed)
        return keep(replace(doc, text=text), share, signals=signals, removed=removed)

    def _code(self, line: str, words: int) -> str | None:
        """Why a line that is not blank goes."""
        if words < 2:
            return "one_word"
        if sum(map(str.isupper, line)) > self.capitals * len(line):
            return "capitals"
        if all(char.isdigit() or char.isspace() for char in line):
            return "digits"
        if words > _SHORT:
            return None
        if _COUNTER.fullmatch(line):
            return "counter"
        low = line.lower()
        phrase = (
            low.startswith("sign-in") or low.endswith(("read more...", "read more\u2026")) or "items in cart" in low
        )
        return "phrase" if phrase else None
