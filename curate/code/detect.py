"""Licences of one file, from its own text: SPDX tags, texts, notices, pointers, and doubts about all of these.

What is allowed is what is known: a text equal to one of the list (`curate.code.known`), or a sentence that does no more than
name a licence (`curate.code.prose`). A file about licences may hold these, copyright notices and titles; every other sentence
in it is a doubt. In a source file doubts are sentences beside a notice that say more than names, and, anywhere in it, those
that name another licence, a restriction, an owner's reservation or a foreign origin.
"""

import hashlib
import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache

from curate.code.comments import head_comments
from curate.code.constants import doubtful_constants
from curate.code.evidence import Evidence, canonical, conjunction
from curate.code.heads import Program
from curate.code.known import WHOLE, Read, Span, meets, meets_ordered, read
from curate.code.marks import unmarked
from curate.code.names import UNKNOWN, Mention, folded, mentions_in
from curate.code.notices import asides, combined, gate, pointers, remark_gate
from curate.code.prose import Sentence, is_code, is_plain
from curate.code.remarks import doubtful_remarks
from curate.code.reserved import may_reserve
from curate.code.said import HEADING, MOST_DOUBTS, MOST_HEADING, Known, Said, doubt, said_about, said_in_source
from curate.code.scan import Literals, has, literals, places
from curate.code.texts import readable
from curate.code.values import licence_of_value, names_in

REMEMBERED = 5_000
"""Texts whose evidence is remembered: the same licence files come up again and again."""

LICENSE_FILE = re.compile(
    r"^(?:.*[-_.])?(?:(?:un|mit-?|gpl-?|bsd-?|apache-?)?licen[sc]es?|copying|copyright|copyleft|legal|notice|patents|eula)(?:[-_.].*)?$", re.I
)  # fmt: skip
_SPDX = re.compile(rb"SPDX-License-Identifier:[ \t]*([^\r\n]{1,200})", re.I)
_SPDX_END = re.compile(r"\s*(?:\*/|-->|\*\)|\}\}|#\}|\"\"\"|['\"`,;]|\\n|</|\]\]).*$")
_TAGS = re.compile(rb"<(?:/?(?:p|br|div|span|li|ul|ol|h\d|b|i|u|em|strong|sup|sub|font|center|small|big|tt|code|hr|img|dl|dt|dd|a|html|body|head|meta|link|title|pre|td|th|tr|tbody|table|section|article|main|header|footer|nav|blockquote)\b[^>]{0,300})>", re.I)  # fmt: skip
_ENTITIES = (
    (b"&quot;", b'"     '),
    (b"&amp;", b"&    "),
    (b"&lt;", b"<   "),
    (b"&gt;", b">   "),
    (b"&#39;", b"'    "),
    (b"&nbsp;", b"      "),
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
    """Reads licences out of texts; remembers what it read last.

    A source file is read up to `most` doubts: one denies it.
    """

    def __init__(self, most: int = MOST_DOUBTS) -> None:
        self._most = most
        self._read: dict[tuple[bytes, str], list[Evidence]] = {}

    def detect(self, text: bytes, name: str) -> list[Evidence]:
        """All signs of a licence in one file.

        Args:
            text: Content, in UTF-8, UTF-16 with a mark, or any superset of ASCII; all of it is read.
            name: Path of the file, shown in the evidence; its last part says whether it is a licence file.

        Returns:
            Evidence in the order of the text; empty when nothing speaks of a licence.
        """
        about = is_license_file(name)
        key = (hashlib.blake2b(text, digest_size=16).digest(), "" if about else name)
        found = self._read.pop(key, None)
        if found is None:
            found = evidence_in(text, about, name, self._most)
        self._read[key] = found  # as the last one read
        if len(self._read) > REMEMBERED:
            del self._read[next(iter(self._read))]
        return [Evidence(e.expression, e.kind, name + e.where, e.text, e.score) for e in found]

    def licence_of_text(self, text: str) -> str | None:
        """The expression of a licence's text, as if it stood in a file of its own; None where it says none."""
        return conjunction(item.expression for item in self.detect(text.encode(), "LICENSE") if item.kind != "scope")


def evidence_in(text: bytes, about: bool, name: str = "", most: int = MOST_DOUBTS) -> list[Evidence]:
    """The evidence of a text with the line alone as its place; `about` for a file that is about licences.

    What the head of a source file says is known by the words of its code, and of its path `name`.
    """
    program = None if about or _MARKUP.search(name) else Program(text.decode("latin-1"), name)
    found, whole = _evidence_in(text, about, program, most)
    if program is None:
        return found
    beside = list(doubtful_constants(text, program))
    if most > MOST_DOUBTS or not any(e.kind == "doubt" for e in found):  # one denies a file
        beside += doubtful_remarks(text, program, whole)
    if not beside:
        return found
    raw = text.decode("latin-1")
    return [*found, *_plain_evidence(raw, [doubt(place, words) for place, words in beside])]


def _evidence_in(text: bytes, about: bool, program: Program | None, most: int) -> tuple[list[Evidence], Sequence[Span]]:
    """The evidence of a text but for remarks and constants, and the known texts in it."""
    if not about and not has(text, gate()) and not has(text, remark_gate()):
        text, commented = _head(text)
        if not may_reserve(text) and (program is None or not commented):
            return _named_first(text), []
    data = flat(readable(text))
    known = read(unmarked(data))
    if about:  # what is said of folders, or of documentation alone, is read for itself
        known = known._replace(
            spans=[s for s in known.spans if s.kind != "header-notice" or not _is_of_folders(known.text, s)]
        )
    tags, assigned = spdx_tags(data), _assigned(data)
    tags = [*tags, *(a for a in assigned if a.kind != "mention" and not meets(a, tags))]
    whole = sorted([*tags, *(s for s in known.spans if s.words >= WHOLE and not meets(s, tags))])
    outside = _outside(known.text, whole)
    low = outside.lower()
    short = _short(known, whole, low)
    facts = Known(known, whole, short, [a for a in assigned if not meets(a, whole)], outside, low, most)
    said = said_about(facts) if about else said_in_source(facts, data.decode("latin-1"), program)
    spans = with_exceptions(sorted([*(s for s in whole if s.expression), *said.named]))
    beside = _beside_all(said, assigned, whole) + _pointers(known, [*whole, *said.scopes], outside)
    return [*_evidence(known.text, spans), *_plain_evidence(known.text, beside)], whole


_MARKUP = re.compile(
    r"\.(?:md|mdx|markdown|rst|txt|adoc|asciidoc|org|tex|html?|xhtml|xml|svg|csv|tsv|json|ipynb)$", re.I
)
"""Endings of texts and data, whose first lines are no comment."""


def _head(text: bytes) -> tuple[bytes, bool]:
    """A text up to where the comments at its head end, but not less than of a heading, and whether there are any."""
    head = head_comments(text[:MOST_HEADING].decode("latin-1"))
    return text[: max(HEADING, head[-1][1] if head else 0)], bool(head)


_NAME_FIRST = re.compile(rb"(?:#![^\n]*\n)?[\s#/*;%\"'!<-]*((?:MIT|BSD|ISC|ZLIB|Zlib|Apache)\b[^\n]*)")


def _named_first(text: bytes) -> list[Evidence]:
    """A doubt where a file begins with the short name of a licence and goes on: "MIT for …"."""
    match = _NAME_FIRST.match(text)
    words = match.group(1).decode("latin-1") if match else ""
    if not words or is_code(words) or is_plain(words, [(0, len(words.split()[0]))]):
        return []
    return _plain_evidence(words, [doubt(Sentence(0, len(words)), words)])


def _beside_all(said: Said, assigned: Sequence[Span], whole: Sequence[Span]) -> list[Span]:
    """What holds besides the licences that a text is under."""
    named = [s._replace(kind="mention") for s in said.mentioned]
    weak = [a for a in assigned if a.kind == "mention" and not meets(a, whole)]
    return [*weak, *(s for s in named if not meets(s, weak)), *said.doubts, *said.scopes]


def _is_of_folders(text: str, span: Span) -> bool:
    """Whether a notice speaks of folders, or of documentation alone, which the words before it may say."""
    of_docs = _OF_DOCUMENTATION.search(text, max(0, span.start - 200), span.start)
    return of_docs is not None or _OF_FOLDERS.search(text, span.start, span.end) is not None


_OF_DOCUMENTATION = re.compile(r"\bdocumentation portion of [^.;:]{1,150}\Z", re.I)
_OF_FOLDERS = re.compile(r"\bdirector(?:y|ies)\b|\bfolders?\b|\b(?:docs|documentation) (?:(?:is|are) )?(?:released|licensed) under\b", re.I)  # fmt: skip


EDGE = 300
"""Characters at the edges of a known text that are read with what stands outside of it: no name of a licence is longer."""


def _outside(text: str, whole: Sequence[Span]) -> str:
    """A text with blanks for the inside of known texts, where nothing is looked for; of the same length."""
    kept, at = [], 0
    for span in whole:
        if span.expression and span.start >= at and span.end - span.start > 3 * EDGE:
            first, last = span.start + EDGE, span.end - EDGE
            kept += [text[at:first], " " * (last - first)]
            at = last
    return "".join([*kept, text[at:]]) if kept else text


def _short(known: Read, whole: Sequence[Span], low: str) -> list[Span]:
    """Short notices, and names of licences outside of texts, in order: of two at one place the longer one."""
    short = [s for s in known.spans if s.words < WHOLE and not meets_ordered(s, whole)]
    named: list[Span] = []
    shorter = set[int]()
    for mention in _mentions(low):
        place = (mention.start, mention.end)
        if meets_ordered(place, whole):
            continue
        first = bisect_left(short, place)
        first -= first > 0 and short[first - 1].end > mention.start
        beside = range(first, bisect_left(short, (mention.end,)))
        if all(short[n].end < mention.end for n in beside):
            name = " ".join(low[max(0, mention.start - 40) : mention.end + 20].split())
            named.append(Span(mention.start, mention.end, mention.expression, "header-notice", 0.9, name))
            shorter.update(beside)
    return sorted([*(s for n, s in enumerate(short) if n not in shorter), *named])


def _mentions(low: str) -> list[Mention]:
    line = folded(low)
    aside = asides(low, line.text)
    found = mentions_in(line)
    return [m for m in found if not meets((m.start, m.end), aside)] if aside else found


_ASSIGNED = re.compile(
    rb"(?P<own>__|@)?[\"']?licen[sc]e(?:__)?[\"']?\s*[:=]\s*[\"'](?P<value>[^\"'\n]{2,100})[\"']", re.I
)


@lru_cache(maxsize=1)
def _keys() -> Literals:
    return literals(("license", "licence"))


def _assigned(data: bytes) -> list[Span]:
    """Licences given as the value of a name: `__license__ = "MIT"`, which speaks for the file, `license="MIT"`, which may not."""
    found = []
    for start in places(data, _keys()):
        before = 2 if data[start - 2 : start] == b"__" else 1 if data[start - 1 : start] in (b"@", b'"', b"'") else 0
        match = _ASSIGNED.match(data, start - before)
        if match is None:
            continue
        value = match.group("value").decode("utf-8", "replace")
        expression = licence_of_value(value)
        own = match.group("own") is not None
        if own or UNKNOWN not in expression or value[:1].isupper() or names_in(value):
            found.append(
                Span(match.start(), match.end(), expression, "header-notice" if own else "mention", 0.9, value)
            )
    return found


def _pointers(known: Read, whole: Sequence[Span], outside: str) -> list[Span]:
    """Files that the text says its licence stands in, outside of texts of licences; none where an address of the licence is given too."""
    texts = [s for s in whole if s.kind in ("full-text", "scope")]
    found = []
    for start, end, name in pointers(outside):
        sentence = known.text[max(0, start - 200) : end + 200]
        if not meets((start, end), texts) and not _AT_ADDRESS.search(sentence):
            found.append(Span(start, end, UNKNOWN, "pointer", 0.5, name))
    for span in known.spans:
        for name in span.pointer.split():
            if (
                is_license_file(name)
                and not name.startswith(("/usr/", "http"))
                and not meets(span, texts)
                and not _AT_ADDRESS.search(known.text[span.start : span.end])
            ):
                found.append(Span(span.start, span.end, UNKNOWN, "pointer", 0.5, name))
    return list({s.name: s for s in reversed(found)}.values())


_AT_ADDRESS = re.compile(r"https?://(?:www\.)?(?:boost\.org/LICENSE|apache\.org/licenses|opensource\.org/licen|spdx\.org/licenses|creativecommons\.org/publicdomain|gnu\.org/licenses|mozilla\.org/MPL)", re.I)  # fmt: skip


def _evidence(text: str, spans: Sequence[Span]) -> list[Evidence]:
    """Licences that hold, one each, or one for all of them where there is a choice."""
    whole = combined(text, spans)
    if whole is None:
        return []
    if len({s.expression for s in spans}) > 1 and " OR " in whole:
        best = min(spans, key=lambda s: s.score)
        name = "; ".join(dict.fromkeys(s.name for s in spans))
        return [Evidence(canonical(whole) or UNKNOWN, best.kind, _place(text, spans[0]), name[:200], best.score)]
    if " OR " in " ".join(s.expression for s in spans) and " OR " not in whole:
        return [Evidence(canonical(whole) or UNKNOWN, spans[0].kind, _place(text, spans[0]), spans[0].name[:200], 0.9)]
    return _plain_evidence(text, spans)


def _plain_evidence(text: str, spans: Sequence[Span]) -> list[Evidence]:
    lines = _lines(text, spans)
    rows = [
        Evidence(canonical(s.expression) or UNKNOWN, s.kind, f":{lines[s.start]}", _shown(s.name), s.score)
        for s in spans
    ]
    return list({(e.expression, e.kind, e.text): e for e in reversed(rows)}.values())[::-1]


def _shown(name: str) -> str:
    return name.encode("latin-1", "replace").decode("utf-8", "replace")[:200]


def _lines(text: str, spans: Sequence[Span]) -> dict[int, int]:
    """The lines that spans begin in, by the place where they do."""
    found, line, at = {}, 1, 0
    for start in sorted({span.start for span in spans}):
        line += text.count("\n", at, start)
        found[start], at = line, start
    return found


def _place(text: str, span: Span) -> str:
    return f":{text.count(chr(10), 0, span.start) + 1}"


def spdx_tags(data: bytes) -> list[Span]:
    """`SPDX-License-Identifier` tags; a tag that is no valid expression counts as an unknown licence."""
    found: list[Span] = []
    for match in _SPDX.finditer(data) if b"spdx-license-" in data.lower() else ():
        value = _SPDX_END.sub("", match.group(1).decode("utf-8", "replace"))
        expression = canonical(value.strip().strip(" .*/#;")) or UNKNOWN
        score = 1.0 if UNKNOWN not in expression else 0.5
        end = match.start(1) + len(value.rstrip().encode())
        found.append(Span(match.start(), end, expression, "spdx-header", score, value.strip()[:200]))
    return found


def with_exceptions(spans: Sequence[Span]) -> list[Span]:
    """Exceptions (`WITH x`) joined to the GNU licence before them, or else after; alone they are unknown."""
    plain = [s for s in spans if not s.expression.startswith("WITH ")]
    for exception in (s for s in spans if s.expression.startswith("WITH ")):
        hosts = [n for n, s in enumerate(plain) if "GPL" in s.expression and " WITH " not in s.expression]
        if not hosts:
            plain.append(exception._replace(expression=UNKNOWN))
        for n in hosts:
            plain[n] = plain[n]._replace(expression=f"{plain[n].expression} {exception.expression}")
    return sorted(plain)


def flat(text: bytes) -> bytes:
    """HTML as text of the same length; other texts as they are."""
    if b"&" in text:
        for entity, value in _ENTITIES:
            text = text.replace(entity, value)
    if b"<p" not in text and b"<br" not in text and b"<html" not in text[:400].lower():
        return text
    return _TAGS.sub(lambda m: b" " * len(m.group()), text)
