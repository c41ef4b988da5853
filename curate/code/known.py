"""Licence texts and notices known by their words: like texts by similarity, notices word for word."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from curate.code.match import Match, Matcher
from curate.code.names import UNKNOWN, mentions
from curate.code.notices import Span
from curate.code.phrases import Phrase, found_in, phrases
from curate.code.tokens import Words, words

ACCEPT = 0.75
"""Similarity from which a text counts as the licence; below it is a changed text, an unknown licence."""
COVERED = 0.86
"""Share of a licence's words that must be there."""
SHORT = 20
"""Words of a notice below which one that differs is no sign of anything: the names in it say more."""
EXPLAINED = 0.85
"""Share of a changed text that exact notices must cover to speak for it."""

_ADDED = re.compile(
    r"\b(?:not|no|only|must|shall|prohibit\w*|restrict\w*|commercial\w*|except|unless|a?l?gpl|royalt\w*|fees?|unmodified"
    r"|evil|military|nuclear|patents?|evaluation|(?:academic|research|educational)(?= (?:use|purposes?|only|and|or)\b)|advertis\w*|approval|consent|permission"
    r"|purposes?|terminat\w*|provided|require[sd]?|agree\w*|trademark\w*|forbid\w*|disallow\w*|hereby grant|without modification|internal|sold|sell|resold|resell)\b"
)
"""Words whose addition to a licence may change what it permits; names, years and titles have none of them."""
_HARMLESS = re.compile(
    r"\b(?:neither|nor|may not(?: be used)?(?! be sold)|without (?:specific )?prior written permission|all rights reserved)\b"
    r"|the following conditions are met|(?:with )?or without modification|software is provided|is not responsible"
)
"""Parts of the usual clauses that copies word differently."""


class _Region(NamedTuple):
    first: int
    last: int
    span: Span


class Known:
    """Finds texts and notices; holds the scratch memory of the matcher, so one a thread."""

    def __init__(self) -> None:
        self.matcher = Matcher()

    def spans(self, text: bytes) -> list[Span]:
        """Places in `text` (without comment marks) that are known, in no order, without overlaps.

        A span with an empty expression says no licence, and what stands there is no sign of one.
        """
        split = words(text)
        texts = self._texts(text, split)
        notices = [_Region(p.first, p.last, _notice(p, split)) for p in found_in(split)]
        texts = [t for t in texts if not _explained(t, notices)]
        notices = [n for n in notices if not any(_inside(n, t) for t in texts)]
        return [region.span for region in (*texts, *notices)]

    def _texts(self, text: bytes, split: Words) -> list[_Region]:
        regions = []
        found = self.matcher.matches(split)
        for match in found:
            others = [(m.first, m.last) for m in found if m is not match]
            added = b" ".join(
                text[split.starts[a] : split.ends[b - 1]]
                for run in self.matcher.foreign_runs(match, split)
                for a, b in _outside(run, others)
            )
            span = self._span(match, split, added.decode("latin-1").lower())
            if span.expression != UNKNOWN or span.kind == "full-text" or match.last - match.first >= SHORT:
                regions.append(_Region(match.first, match.last, span))
        return regions

    def _span(self, match: Match, split: Words, added: str) -> Span:
        start, end = int(split.starts[match.first]), int(split.ends[match.last - 1])
        reference = self.matcher.index.references[match.reference]
        kind = "header-notice" if reference.kind == "header" else "full-text"
        name = reference.ids[0]
        same = match.score >= ACCEPT and match.covered >= COVERED
        expression = name if same and not changes(added, name, reference.optional) else UNKNOWN
        if reference.kind == "exception":
            expression = f"WITH {name}"
        return Span(start, end, expression, kind, round(match.score, 3), name)


def _notice(phrase: Phrase, split: Words) -> Span:
    start, end = int(split.starts[phrase.first]), int(split.ends[phrase.last - 1])
    expression = phrases().expressions[phrase.number]
    kind = "full-text" if phrase.last - phrase.first > 100 else "header-notice"
    return Span(start, end, expression, kind, 1.0, f"notice of {expression}")


def _explained(text: _Region, notices: Sequence[_Region]) -> bool:
    """Whether exact notices say better what a text is: one that is as long, or for a changed text several that fill it."""
    shared = [min(text.last, n.last) - max(text.first, n.first) for n in notices]
    size = text.last - text.first
    listed = text.span.score > 0.97 and not text.span.expression.startswith("LicenseRef-")
    if not listed and any(s >= 0.9 * size for s in shared):
        return True
    return text.span.expression == UNKNOWN and sum(s for s in shared if s > 0) >= EXPLAINED * size


def _inside(notice: _Region, text: _Region) -> bool:
    return 2 * (min(text.last, notice.last) - max(text.first, notice.first)) > notice.last - notice.first


def _outside(run: tuple[int, int], others: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The parts of a run of words that lie in no other text: that one speaks for itself."""
    parts = [run]
    for first, last in others:
        cut = [piece for a, b in parts for piece in ((a, min(b, first)), (max(a, last), b))]
        parts = [(a, b) for a, b in cut if a < b]
    return parts


def changes(added: str, name: str, optional: frozenset[str]) -> bool:
    """Whether words added to the licence `name` (lower case) may change what it permits; `optional` ones can't."""
    known = re.sub(r"[a-z0-9]+", lambda m: " " if m.group() in optional else m.group(), added)
    rest = _HARMLESS.sub(" ", known)
    return bool(_ADDED.search(rest)) or any(m.expression != name for m in mentions(rest))
