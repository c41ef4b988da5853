"""Licences named in prose: "licensed under the …", and whether two of them are a choice or both at once."""

import bisect
import itertools
import re
from functools import lru_cache
from typing import NamedTuple

import re2

from curate.code.names import UNKNOWN, Fast, Folded, fast, folded, mentions_in, rough, spaced
from curate.code.scan import Literals, literals, places

_GATE = (
    "licenc", "licens", "gpl", "copyleft", "public domain", "public-domain", "free software", "redistribut", "permission",
    "proprietary", "opensource.org", "creativecommons", "noncommercial", "non-commercial", "same terms", "confidential", "copyright",
)  # fmt: skip
"""What a text that speaks of licences has somewhere near."""
_TRIGGERS = (
    r"\bunder\b|licen[sc]ed?\b|licen[sc]ing|licen[sc]e ?[:=(\-]|\bterms of\b|\bterms and\b|governed by|covered by"
    r"|subject to|conditions of|accordance with|copying|according to|permitted|distribut|released?|part of|copyright|\blic\b"
    r"|available"
)
_TRIGGER = re.compile(spaced(_TRIGGERS))
_ROUGH_TRIGGER = rough(spaced(_TRIGGERS).replace(r"\s", r"[\s\x0b\x1c-\x1f\x85\xa0]"))
_CHOICE = re.compile(
    spaced(
        r"\bor\b|\bor,|[a-z0-9)+]?/ ?$|alternative|at your (?:option|choice)|dual|either|choice|whichever|\||triple|tri-licen"
    )
)
_ANY_CHOICE = re.compile(r"alternative|\beither\b|at your option|choice|\bor under\b|\bor the\b")
_OF_ANY_CHOICE = ("alternative", "either", "at your option", "choice", "or under", "or the")
_BOTH = re.compile(r"\band\b|\bboth\b|portions|parts of|contains|includes")
_DUAL = re.compile(
    spaced(
        r"dual[ -]?licen[sc]|double[ -]licen[sc]|tri-?licen[sc]|triple[ -]licen[sc]|choice of (?:one of )?(?:two|three|the)|either of the following"
    )
)
_OF_DUAL = ("dual", "double", "tri-", "trili", "triple", "choice", "either")
"""One of these is in every text that `_DUAL` finds something in."""
_STRANGE = fast(
    r"non-?commercial|not (?:for|be used for) (?:any )?commercial|commercial use (?:is )?(?:prohibited|not|requires)"
    r"|evaluation (?:purposes?|only|licen[sc]e)|proprietary|\bconfidential\b|trade secret|internal use only|academic (?:use|purposes)|educational (?:use|purposes)|research (?:use|purposes) only"
    r"|personal use|may not (?:be )?(?:used?|cop(?:y|ied)|modif(?:y|ied)|distribut|redistribut|reproduce|sold|sell)"
    r"(?! (?:this|these|the) [a-z]{2,12},? except in compliance)"
    r"|no permission|without (?:the )?(?:express |prior |explicit )*(?:written )?(?:permission|consent|authorization|authorisation)"
    r"|you (?:also )?hereby (?:agree to )?grant|limited exception|under the conditions? that"
    r"|shall be used for good|\bnot evil\b|all rights reserved\. ?(?:no part|unauthori[sz]ed|reproduction)|unpublished"
    r"|(?:strictly )?prohibited|shareware|freeware|donat(?:e|ion) (?:is )?required|licen[sc]e fee|royalt(?:y|ies) (?!free)"
)  # fmt: skip


_GRANT = fast(
    r"permission (?:is|to use|to copy)(?! and distributed? verbatim copies of this)(?: [a-z,]+){0,12} (?:granted|given)|redistributions? and use in (?:source|binary)"
    r"|licen[sc]e is (?:hereby )?granted|\b(?:under|in|of|to) the (?!gnu )(?:[a-z.\-]{2,30} ){1,3}public licen[sc]e\b"
)
"""What grants something: a text with one that belongs to no licence recognised has terms that nobody has read."""


SHORT_NOTICE = 120
"""Characters up to which a notice may go on in words that it does not have."""
_LONGER_ID = re.compile(r"-[a-z]")


_ASIDES = (
    r"gpl[ -]?compatible|incompatible\"? with the gpl|compatible with (?:the )?(?:gnu )?(?:l?gpl|general public)|unlike the gpl"
    r"|(?:python|it) under the gpl|other software that is released under the gpl|another distribution licen[sc]e \[including the gnu"
)
_ASIDE, _ASIDE_IN_FOLDED = re.compile(spaced(_ASIDES)), re2.compile(_ASIDES.encode())
"""Where a text speaks of the GNU licences and is not under them, as the history in Python's licence does."""


class Span(NamedTuple):
    """A place in a text that says a licence."""

    start: int
    end: int
    expression: str
    kind: str
    score: float
    name: str


@lru_cache(maxsize=1)
def _gate() -> Literals:
    return literals(_GATE)


def windows(text: bytes, margin: int = 700, limit: int = 60_000) -> list[tuple[int, int]]:
    """Byte ranges of `text` that may speak of licences, merged, in order; at most `limit` bytes in all."""
    ranges: list[tuple[int, int]] = []
    total = 0
    for first, last in places(text, _gate()):
        start, end = max(0, first - margin), min(len(text), last + margin)
        if ranges and start <= ranges[-1][1]:
            total += end - ranges[-1][1]
            ranges[-1] = (ranges[-1][0], end)
        else:
            total += end - start
            ranges.append((start, end))
        if total > limit:
            break
    return ranges


def named(low: str, text: Folded, taken: list[Span], all_names: bool) -> list[Span]:
    """`taken` and the licences named in `low` (without comment marks) outside of them.

    A name that goes on where a short notice ends ("under the GNU General Public License" + "version 2 or later") says
    more than it and takes its place.

    Args:
        low: Lower-case text without comment marks.
        text: The same, folded.
        taken: Texts and notices already recognised.
        all_names: Take a name without a verb beside it too, as in files that are about licences.
    """
    spans, found = sorted(taken), []
    for mention in mentions_in(text):
        near = neighbours(spans, mention.start, mention.end)
        if any(t.end - t.start > SHORT_NOTICE or mention.end <= t.end for t in near):
            continue
        if _LONGER_ID.match(low, mention.end) and "-" in low[mention.start : mention.end]:
            continue  # `bsd-3-clause` in `bsd-3-clause-no-nuclear-license`
        if not near and not all_names and not has_trigger(low, mention.start, mention.end):
            continue
        words = low[max(0, mention.start - 40) : mention.end + 20].split()
        spans = [s for s in spans if s not in near] if near else spans
        found.append(Span(mention.start, mention.end, mention.expression, "header-notice", 0.9, " ".join(words)))
    return spans + found


def has_trigger(low: str, start: int, end: int) -> bool:
    """Whether the words around a name say that something is under it."""
    if ".org/" in low[start:end] or ".com/" in low[start:end]:
        return True
    first = max(0, start - 160)
    near = _ROUGH_TRIGGER.search(low[first:start].encode("latin-1", "replace"))
    return bool(near and _TRIGGER.search(low, first + near.start(), start)) or bool(
        re.match(r"[\s:,.)]*(?:licen[sc]ed|lic\b|see\b|for more|for details)", low[end : end + 40])
    )


def without_asides(low: str, spans: list[Span]) -> list[Span]:
    """`spans` without short ones at a place that only speaks of a licence."""
    if not spans or ("gpl" not in low and "gnu" not in low) or not _ASIDE_IN_FOLDED.search(folded(low).data):
        return spans
    ordered = sorted(spans)
    beside = {s for m in _ASIDE.finditer(low) for s in neighbours(ordered, *m.span()) if s.end - s.start <= 60}
    return [s for s in spans if s not in beside]


def neighbours(spans: list[Span], start: int, end: int) -> list[Span]:
    """Those of `spans` (sorted, apart from each other) that overlap [start, end)."""
    last = bisect.bisect_left(spans, (end,))
    first = last
    while first > 0 and spans[first - 1].end > start:
        first -= 1
    return spans[first:last]


def strange(text: Folded, taken: list[Span], until: int) -> Span | None:
    """The first restriction in words before `until` that belongs to no licence recognised."""
    return _outside(_STRANGE, text, taken, until)


def unknown_grant(text: Folded, taken: list[Span]) -> Span | None:
    """The first grant of rights in words that belongs to no licence recognised; None where none was recognised."""
    return _outside(_GRANT, text, taken, 1 << 62) if taken else None


def _outside(pattern: Fast, text: Folded, taken: list[Span], until: int) -> Span | None:
    ordered = sorted(taken)
    for match in pattern.finditer(text):
        start, end = text.unfolded(match.start()), text.unfolded(match.end() - 1) + 1
        if start >= until:
            return None
        if not neighbours(ordered, start, end):
            return Span(start, end, UNKNOWN, "header-notice", 0.5, match.group())
    return None


def combined(low: str, spans: list[Span]) -> str | None:
    """One expression for `spans` in order of place: neighbours joined by "or" are a choice, all else holds at once."""
    ordered = sorted(spans)
    if not ordered:
        return None
    groups: list[list[str]] = [[ordered[0].expression]]
    for before, span in itertools.pairwise(ordered):
        gap = low[before.end : span.start]
        near = len(gap) < 600
        lead = low[max(0, before.start - 80) : before.start]
        doubt = any("LicenseRef-" in e for e in (before.expression, span.expression))  # a choice that may be none
        is_choice = (
            near
            and not doubt
            and (
                (len(gap) < 160 and _CHOICE.search(gap) and not _BOTH.search(gap))
                or (any(word in gap for word in _OF_ANY_CHOICE) and _ANY_CHOICE.search(gap))
                or (len(gap) < 60 and re.search(r"\beither\b", lead))
                or (len(ordered) < 5 and any(word in low for word in _OF_DUAL) and _DUAL.search(low))
            )
        )
        if is_choice:
            groups[-1].append(span.expression)
        else:
            groups.append([span.expression])
    parts = []
    for group in groups:
        unique = list(dict.fromkeys(group))
        parts.append(unique[0] if len(unique) == 1 else "(" + " OR ".join(unique) + ")")
    unique = list(dict.fromkeys(parts))
    if len(unique) == 1:
        return unique[0].removeprefix("(").removesuffix(")") if unique[0].startswith("(") else unique[0]
    return " AND ".join(f"({p})" if " OR " in p and not p.startswith("(") else p for p in unique)
