"""Licences of one file, from its own text: SPDX tags, full texts, notices."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from curate.code.evidence import Evidence, canonical
from curate.code.match import Match, Matcher
from curate.code.names import PUBLIC_DOMAIN, UNKNOWN, mentions
from curate.code.notices import Span, combined, named, plain, strange, unknown_grant, windows
from curate.code.texts import american
from curate.code.tokens import words

ACCEPT = 0.75
"""Similarity from which a text counts as the licence; below it is a changed text, an unknown licence."""
COVERED = 0.86
"""Share of a licence's words that must be there."""
SHORT = 20
"""Words of a notice below which one that differs is no sign of anything: the names in it say more."""
MAX_BYTES = 400_000
"""Only the first bytes of a file are looked at."""

LICENSE_FILE = re.compile(
    r"^(?:.*[-_.])?(?:(?:un|mit-?|gpl-?|bsd-?|apache-?)?licen[sc]es?|copying|copyright|copyleft|legal|notice|patents|eula)(?:[-_.].*)?$", re.I
)  # fmt: skip
_SPDX = re.compile(rb"SPDX-License-Identifier:[ \t]*([^\r\n]{1,200})", re.I)
_SPDX_END = re.compile(r"\s*(?:\*/|-->|\*\)|\}\}|#\}|\"\"\"|['\"`,;]|\\n|</|\]\]).*$")
_ADDED = re.compile(
    r"\b(?:not|no|only|must|shall|prohibit\w*|restrict\w*|commercial\w*|except|unless|a?l?gpl|royalt\w*|fees?"
    r"|evil|military|nuclear|patents?|evaluation|academic|research|educational|advertis\w*|approval|consent|permission"
    r"|purposes?|terminat\w*|provided|require[sd]?|agree\w*|trademark\w*|forbid\w*|internal|sold|sell|resold|resell)\b"
)
"""Words whose addition to a licence may change what it permits; names, years and titles have none of them."""
_DEDICATIONS = frozenset({"CC0-1.0", "Unlicense", "PDDL-1.0"})
_HARMLESS = re.compile(
    r"\b(?:neither|nor|may not(?: be used)?(?! be sold)|without (?:specific )?prior written permission|all rights reserved)\b"
    r"|the following conditions are met|is not responsible"
)
"""Parts of the usual clauses that copies word differently."""
_TAGS = re.compile(rb"<(?:/?(?:p|br|div|span|li|ul|ol|h\d|b|i|em|strong|a|html|body|head|title|pre|td|tr|table)\b[^>]{0,300})>", re.I)  # fmt: skip
_ENTITIES = (
    (b"&quot;", b'"     '),
    (b"&amp;", b"&    "),
    (b"&lt;", b"<   "),
    (b"&gt;", b">   "),
    (b"&#39;", b"'    "),
)


def is_license_file(name: str) -> bool:
    """Whether a file of this name holds licences for the files around it."""
    base = PurePosixPath(name).name
    stem, _, suffix = base.rpartition(".")
    if stem and suffix.lower() in _CODE_SUFFIXES:
        return False
    return bool(LICENSE_FILE.match(base))


_CODE_SUFFIXES = frozenset(
    (  # noqa: SIM905 - fifty words are easier to read than fifty strings
        "py js ts jsx tsx c h cc cpp hpp java go rs rb php cs swift kt scala sh pl pm json xml yml yaml css scss vue"
        " lua r m mm d hs ml ex exs erl clj sql toml in am ac cmake mk gradle png jpg svg gif pyc class bat ps1"
    ).split()
)


class Detector:
    """Reads licences out of texts; holds the scratch memory of the matcher, so one a thread."""

    def __init__(self) -> None:
        self.matcher = Matcher()

    def detect(self, text: bytes, name: str) -> list[Evidence]:
        """All signs of a licence in one file.

        Args:
            text: Content, in UTF-8 or any superset of ASCII; only the first 400,000 bytes are read.
            name: Path of the file, shown in the evidence; its last part says whether it is a licence file.

        Returns:
            Evidence in the order of the text; empty when nothing speaks of a licence.
        """
        text = american(flat(text[:MAX_BYTES]))
        about = is_license_file(name)
        tags = spdx_tags(text, name)
        if tags and not about:
            return tags
        spans = self.texts(text)
        ranges = [(0, len(text))] if about else windows(text)
        if not ranges and not spans:
            return tags
        low = plain(text)
        shown = _only(low, ranges)
        spans += named(shown, spans, all_names=about and len(text) < 3_000)
        if any(s.expression in _DEDICATIONS for s in spans):
            spans = [s for s in spans if s.expression != PUBLIC_DOMAIN]  # what they speak of is what they say
        odd = strange(shown if about or spans else _head(shown), spans) or unknown_grant(shown, spans)
        if odd is not None:
            spans.append(odd)
        return tags + self._evidence(low, spans, name)

    def texts(self, text: bytes) -> list[Span]:
        """Licence texts and standard notices in `text`, exceptions joined to what they except from."""
        split = words(text)
        spans = []
        found = self.matcher.matches(split)
        for match in found:
            start, end = int(split.starts[match.first]), int(split.ends[match.last - 1])
            others = [(m.first, m.last) for m in found if m is not match]
            added = b" ".join(
                text[split.starts[a] : split.ends[b - 1]]
                for run in self.matcher.foreign_runs(match, split)
                for a, b in _outside(run, others)
            )
            span = self._span(match, start, end, added.decode("latin-1").lower())
            if span.expression != UNKNOWN or span.kind == "full-text" or match.last - match.first >= SHORT:
                spans.append(span)
        return spans

    def _span(self, match: Match, start: int, end: int, added: str) -> Span:
        reference = self.matcher.index.references[match.reference]
        kind = "header-notice" if reference.kind == "header" else "full-text"
        name = reference.ids[0]
        same = match.score >= ACCEPT and match.covered >= COVERED
        expression = name if same and not changes(added, name, reference.optional) else UNKNOWN
        if reference.kind == "exception":
            expression = f"WITH {name}"
        return Span(start, end, expression, kind, round(match.score, 3), name)

    def _evidence(self, low: str, spans: Sequence[Span], name: str) -> list[Evidence]:
        spans = with_exceptions(sorted(spans))
        whole = combined(low, spans)
        if whole is None:
            return []
        if len({s.expression for s in spans}) > 1 and " OR " in whole:
            best = min(spans, key=lambda s: s.score)
            text = "; ".join(dict.fromkeys(s.name for s in spans))
            return [
                Evidence(
                    canonical(whole) or UNKNOWN,
                    best.kind,
                    _place(low, spans[0], name),
                    text[:200],
                    best.score,
                )
            ]
        return [
            Evidence(canonical(s.expression) or UNKNOWN, s.kind, _place(low, s, name), s.name[:200], s.score)
            for s in spans
        ]


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


def flat(text: bytes) -> bytes:
    """HTML as text of the same length; other texts as they are."""
    if b"<p" not in text and b"<br" not in text and b"<html" not in text[:400].lower():
        return text
    for entity, value in _ENTITIES:
        text = text.replace(entity, value)
    return _TAGS.sub(lambda m: b" " * len(m.group()), text)


def spdx_tags(text: bytes, name: str) -> list[Evidence]:
    """`SPDX-License-Identifier` tags; a tag that is no valid expression counts as an unknown licence."""
    found: list[Evidence] = []
    for match in _SPDX.finditer(text):
        value = _SPDX_END.sub("", match.group(1).decode("utf-8", "replace")).strip()
        expression = canonical(value.strip(" .*/#;")) or UNKNOWN
        line = text.count(b"\n", 0, match.start()) + 1
        score = 1.0 if UNKNOWN not in expression else 0.5
        evidence = Evidence(expression, "spdx-header", f"{name}:{line}", value[:200], score)
        if all(e.expression != expression for e in found):
            found.append(evidence)
    return found


def with_exceptions(spans: Sequence[Span]) -> list[Span]:
    """Exceptions (`WITH x`) joined to the GNU licence before them, or else after; alone they are unknown."""
    plain_spans = [s for s in spans if not s.expression.startswith("WITH ")]
    for exception in (s for s in spans if s.expression.startswith("WITH ")):
        hosts = [n for n, s in enumerate(plain_spans) if "GPL" in s.expression and " WITH " not in s.expression]
        if not hosts:
            plain_spans.append(exception._replace(expression=UNKNOWN))
            continue
        for n in hosts:
            host = plain_spans[n]
            plain_spans[n] = host._replace(expression=f"{host.expression} {exception.expression}")
    return sorted(plain_spans)


def _only(low: str, ranges: list[tuple[int, int]]) -> str:
    """`low` with everything outside `ranges` blanked."""
    if ranges == [(0, len(low))]:
        return low
    parts, at = [], 0
    for start, end in ranges:
        parts += [" " * (start - at), low[start:end]]
        at = end
    return "".join(parts)


def _head(low: str) -> str:
    return low[:3_000]


def _place(low: str, span: Span, name: str) -> str:
    return f"{name}:{low.count(chr(10), 0, span.start) + 1}"
