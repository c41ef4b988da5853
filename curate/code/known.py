"""Licence texts and notices known by their words: like texts by similarity, notices word for word."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from curate.code.match import Match, Matcher
from curate.code.names import UNKNOWN, mentions
from curate.code.notices import Span
from curate.code.phrases import Phrase, found_in, phrases
from curate.code.texts import Reference
from curate.code.tokens import Words, words
from curate.code.wording import difference, spelled

ACCEPT = 0.75
"""Similarity from which a text counts as the licence; below it is a changed text, an unknown licence."""
COVERED = 0.86
"""Share of a licence's words that must be there."""
SHORT = 20
"""Words of a notice below which one that differs is no sign of anything: the names in it say more."""
COPYRIGHT = 60
"""Words of a licence's own copyright line."""
PIECE = 6
"""Words in a row that a text does not have, with which another text may begin."""
WHOLE = 0.9
"""Similarity of a text that begins inside of what another one seemed to cover."""
EXPLAINED = 0.85
"""Share of a changed text that exact notices must cover to speak for it."""

_GIVES = re.compile(
    rb"licen[cs]|(?<!extent )permi|grant|redistribut|consent|agree|\brights?\b|allow|free|\bmay\b|public domain", re.I
)
"""Any of these is in what gives or limits a right."""
_ADDED = re.compile(
    r"\b(?:not|no|only|must|shall|prohibit\w*|restrict\w*|commercial\w*|except|unless|a?l?gpl|royalt\w*|fees?|unmodified"
    r"|evil|military|nuclear|patents?|evaluation|(?:academic|research|educational)(?= (?:use|purposes?|only|and|or)\b)|advertis\w*|approval|consent|permission"
    r"|purposes?|terminat\w*|provided|require[sd]?|agree\w*|trademark\w*|forbid\w*|disallow\w*|hereby grant|without modification|internal|sold|sell|resold|resell)\b"
)
"""Words whose addition to a licence may change what it permits; names, years and titles have none of them."""
SENTENCE = 5
"""Words without capitals from which an addition can be a sentence of its own."""
_MARKS = ".,;:()\"'`"
_NO_SENTENCE = re.compile(
    r"\S+@\S+|\b\w+ AT \w+|(?:https?://|www\.)\S+|\S+\.(?:com|org|net|edu)\b\S*"
    r"|(?:copyright|\(c\)) [^.;]{0,200}?(?=all rights|copyright|[.;]|$)",
    re.I,
)
"""Addresses and copyright lines."""
_VERB = re.compile(
    r"\b(?:is|are|be|has|have|can|will|do|does|may|should|shall|must|needs?|ends|appl(?:y|ies)|agrees?|extends?|covers?|includes?)\b"
)
_HARMLESS = re.compile(
    r"\b(?:neither|nor|may not(?: be used)?(?! be sold)|without (?:specific )?prior written permission|all rights reserved)\b"
    r"|the following conditions are met|can be found (?:in|at|on)|this licen[sc]e (?:is derived and fully compatible with|takes effect)"
    r"|is distributed in the hope that it will be useful,? but without any warranty(?:[;,]? without even the implied warranty of)?"
    r"|including the next paragraph|and associated documentation files|and the following disclaimer|(?:the )?names? of (?:any |the |its )?(?:(?:[a-z]+ )?members|contributors)?"
    r"|see the license for the specific language governing permissions and limitations under the license"
    r"|software distributed under the licen[sc]e is distributed|(?:the above copyright notice and )?this permission notice(?: shall be included(?: in all copies or substantial portions of the software)?)?|(?:with )?or without modification|software is provided|is not responsible",
    re.I,
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
            region = self._region(match, others, text, split)
            pieces = self._pieces(match, split) if region.span.expression == UNKNOWN else []
            for piece in pieces:
                beside = [*others, *((m.first, m.last) for m in pieces if m is not piece)]
                regions.append(self._region(piece, beside, text, split))
            if not pieces:
                regions.append(region)
        return [region for region in regions if _says_something(region, text)]

    def _region(self, match: Match, others: Sequence[tuple[int, int]], text: bytes, split: Words) -> _Region:
        end = int(split.ends[match.last - 1])
        reference = self.matcher.index.references[match.reference]
        kind = "header-notice" if reference.kind == "header" else "full-text"
        expression = self._expression(match, others, text, split)
        first = _with_copyright(match, others, text, split, reference)
        start = int(split.starts[first])
        return _Region(first, match.last, Span(start, end, expression, kind, round(match.score, 3), reference.ids[0]))

    def _pieces(self, match: Match, split: Words) -> list[Match]:
        """Two texts of which the second was taken for a change of the first, whose words it shares; else none."""
        for begin, end in self.matcher.foreign_runs(match, split):
            if end - begin < PIECE:
                continue
            heads = self.matcher.matches(_part(split, match.first, begin))
            tails = self.matcher.matches(_part(split, begin, match.last))
            head = next(
                (m for m in heads if m.reference == match.reference and m.covered >= match.covered - 0.01), None
            )
            if head is not None and tails and all(m.score >= WHOLE for m in tails):
                return [_moved(head, match.first), *(_moved(m, begin) for m in tails)]
        return []

    def _expression(self, match: Match, others: Sequence[tuple[int, int]], text: bytes, split: Words) -> str:
        """What the region says: the licence, or an unknown one where it was changed."""
        reference = self.matcher.index.references[match.reference]
        name = reference.ids[0]
        if reference.kind == "exception":
            return f"WITH {name}"
        runs = self.matcher.foreign_runs(match, split)
        if (
            match.score >= ACCEPT
            and match.covered >= COVERED
            and not self._changed(runs, others, text, split, reference)
        ):
            return name
        if name.startswith("LicenseRef-") or match.last - match.first < SHORT:
            return UNKNOWN
        beside = difference(match.reference, spelled(text, split, match.first, match.last), match.first)
        if beside.gives_less or self._changed(beside.added, others, text, split, reference):
            return UNKNOWN
        return name

    @staticmethod
    def _changed(
        runs: Sequence[tuple[int, int]],
        others: Sequence[tuple[int, int]],
        text: bytes,
        split: Words,
        reference: Reference,
    ) -> bool:
        """Whether runs of added words that lie in no other text may change what the licence permits."""
        parts = [
            " ".join(text[split.starts[a] : split.ends[b - 1]].decode("latin-1").split())
            for run in runs
            for a, b in _outside(run, others)
        ]
        if any(is_sentence(part, reference.optional) for part in parts):
            return True
        return changes(" ".join(parts).lower(), reference.ids[0], reference.optional)


def _part(split: Words, first: int, last: int) -> Words:
    return Words(split.hashes[first:last], split.starts[first:last], split.ends[first:last])


def _with_copyright(
    match: Match, others: Sequence[tuple[int, int]], text: bytes, split: Words, reference: Reference
) -> int:
    """First word of a text with its own copyright line, of which `template` made no part of the reference."""
    first = match.first
    least = max([0, first - COPYRIGHT, *(last for _, last in others if last <= first)])
    while first > least and spelled(text, split, first - 1, first)[0] in reference.optional:
        first -= 1
    return first


def _moved(match: Match, by: int) -> Match:
    return match._replace(first=match.first + by, last=match.last + by)


def _says_something(region: _Region, text: bytes) -> bool:
    """Whether a region is a sign of a licence: a changed short notice is none, and neither is a disclaimer alone."""
    span = region.span
    if span.expression != UNKNOWN:
        return True
    short = span.kind == "header-notice" and region.last - region.first < SHORT
    return not short and bool(_GIVES.search(text, span.start, span.end))


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


def is_sentence(added: str, optional: frozenset[str]) -> bool:
    """Whether added words say something, whatever it is; names, copyright lines, addresses and titles don't."""
    rest = _NO_SENTENCE.sub(" ", _HARMLESS.sub(" ", added))
    new = [word for word in rest.split() if word.strip(_MARKS).lower() not in optional]
    small = [word for word in new if word.islower() and word.strip(_MARKS).isalpha()]
    return len(small) >= SENTENCE or (len(new) >= SENTENCE and bool(_VERB.search(" ".join(new).lower())))


def changes(added: str, name: str, optional: frozenset[str]) -> bool:
    """Whether words added to the licence `name` (lower case) may change what it permits; `optional` ones can't."""
    known = re.sub(r"[a-z0-9]+", lambda m: " " if m.group() in optional else m.group(), added)
    rest = _HARMLESS.sub(" ", known)
    return bool(_ADDED.search(rest)) or any(m.expression != name for m in mentions(rest))
