"""Licences of one file, from its own text: SPDX tags, full texts, notices."""

import hashlib
import re
from collections.abc import Sequence

from curate.code.conditions import condition_beside
from curate.code.evidence import Evidence, canonical, ids
from curate.code.known import Known
from curate.code.marks import unmarked
from curate.code.names import PUBLIC_DOMAIN, UNKNOWN, folded
from curate.code.notices import (
    Span,
    combined,
    has_trigger,
    named,
    strange,
    unknown_grant,
    windows,
    without_asides,
)
from curate.code.texts import american

NAME = 20
"""Characters up to which a notice is little more than a name, and needs words around it that say what it is for."""
NOTICE = 150
"""Characters from which a notice counts beside SPDX tags."""
SHORT_FILE = 300
"""Bytes up to which a file that names a licence has nothing else to say."""
HEAD = 3_000
"""Characters in which a restriction counts in a file that names no licence."""
EDGE = 250
"""Characters at the ends of a recognised text that are looked at once more: a pattern may begin there and go on outside."""
REMEMBERED = 5_000
"""Texts whose evidence is remembered: the same licence files come up again and again."""
MAX_BYTES = 400_000
"""Only the first bytes of a file are looked at."""

LICENSE_FILE = re.compile(
    r"^(?:.*[-_.])?(?:(?:un|mit-?|gpl-?|bsd-?|apache-?)?licen[sc]es?|copying|copyright|copyleft|legal|notice|patents|eula)(?:[-_.].*)?$", re.I
)  # fmt: skip
_SPDX = re.compile(rb"SPDX-License-Identifier:[ \t]*([^\r\n]{1,200})", re.I)
_SPDX_END = re.compile(r"\s*(?:\*/|-->|\*\)|\}\}|#\}|\"\"\"|['\"`,;]|\\n|</|\]\]).*$")
_DEDICATIONS = frozenset({"CC0-1.0", "Unlicense", "PDDL-1.0"})
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
    base = name.rstrip("/").rpartition("/")[2]
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
    """Reads licences out of texts; holds the scratch memory of the matcher and what it read last, so one a thread."""

    def __init__(self) -> None:
        self.known = Known()
        self._read: dict[tuple[bytes, bool], list[Evidence]] = {}

    def detect(self, text: bytes, name: str) -> list[Evidence]:
        """All signs of a licence in one file.

        Args:
            text: Content, in UTF-8 or any superset of ASCII; only the first 400,000 bytes are read.
            name: Path of the file, shown in the evidence; its last part says whether it is a licence file.

        Returns:
            Evidence in the order of the text; empty when nothing speaks of a licence.
        """
        about = is_license_file(name)
        key = (hashlib.blake2b(text[:MAX_BYTES], digest_size=16).digest(), about)
        found = self._read.pop(key, None)
        if found is None:
            found = self._evidence_in(text[:MAX_BYTES], about)
        self._read[key] = found  # as the last one read
        if len(self._read) > REMEMBERED:
            del self._read[next(iter(self._read))]
        return [Evidence(e.expression, e.kind, name + e.where, e.text, e.score) for e in found]

    def _evidence_in(self, text: bytes, about: bool) -> list[Evidence]:
        """The evidence with the line alone as its place."""
        text, name = american(flat(text)), ""
        tags = spdx_tags(text, name)
        bare = unmarked(text)
        spans = self.known.spans(bare)
        if tags and not about:
            return tags + self._beside(tags, bare, spans, name)
        ranges = [(0, len(text))] if about else windows(text)
        if not ranges and not spans:
            return tags
        low = bare.decode("latin-1").lower().replace("\x00", " ")
        shown = _only(low, ranges)
        all_names = len(text) < (3_000 if about else SHORT_FILE)
        spans = [s for s in spans if all_names or s.end - s.start > NAME or has_trigger(low, s.start, s.end)]
        text_ = folded(_hollow(shown, spans))
        spans = named(shown, text_, spans, all_names)
        spans = without_asides(low, spans)
        if any(s.expression in _DEDICATIONS for s in spans):
            spans = [s for s in spans if s.expression != PUBLIC_DOMAIN]  # what they speak of is what they say
        until = len(low) if about or spans else HEAD
        odd = strange(text_, spans, until) or unknown_grant(text_, spans)
        if odd is None and about:
            odd = condition_beside(text_, spans)
        if odd is not None:
            spans.append(odd)
        return tags + self._evidence(low, [s for s in spans if s.expression], name)

    def _beside(self, tags: list[Evidence], bare: bytes, spans: list[Span], name: str) -> list[Evidence]:
        """Licences that a file with SPDX tags holds besides: texts and long notices of ids that no tag names."""
        stated = frozenset[str]().union(*(ids(tag.expression) for tag in tags))
        others = [s for s in spans if s.end - s.start > NOTICE and not ids(s.expression) <= stated]
        low = bare.decode("latin-1").lower() if others else ""
        return self._evidence(low, others, name)

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
    for match in _SPDX.finditer(text) if b"spdx-license-" in text.lower() else ():
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


def _hollow(shown: str, spans: Sequence[Span]) -> str:
    """`shown` without the inside of long spans: what stands there belongs to them, whatever it says.

    A letter that no pattern has keeps the two ends apart, and the length stays.
    """
    parts, at = [], 0
    for span in sorted(spans):
        start, end = max(at, span.start + EDGE), span.end - EDGE
        if end - start > EDGE:
            parts += [shown[at:start], "\x01", " " * (end - start - 2), "\x01"]
            at = end
    return "".join(parts) + shown[at:]


def _place(low: str, span: Span, name: str) -> str:
    return f"{name}:{low.count(chr(10), 0, span.start) + 1}"
