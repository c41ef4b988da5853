"""Licences of one file, from its own text: SPDX tags, texts, notices, pointers, and doubts about all of these.

What is allowed is what is known: a text equal to one of the list (`curate.code.known`), or a sentence that does no more than
name a licence (`curate.code.prose`). A file about licences may hold these, copyright notices and titles; every other sentence
in it is a doubt. In a source file doubts are sentences beside a notice that say more than names, and, anywhere in it, those
that name another licence, a restriction, an owner's reservation or a foreign origin.
"""

import hashlib
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from curate.code.comments import comments_with, head_comments
from curate.code.dedication import dedicates
from curate.code.described import curt, is_common, is_title, unexplained
from curate.code.evidence import Evidence, canonical, conjunction
from curate.code.known import WHOLE, Read, Span, read
from curate.code.marks import unmarked
from curate.code.names import PUBLIC_DOMAIN, UNKNOWN, Mention, folded, mentions, mentions_in
from curate.code.notices import ASIDE, combined, doubtful, gate, has_trigger, pointers, unknown_name
from curate.code.prose import CODE_LINE, Sentence, condition_in, is_plain, sentences, takes_back
from curate.code.reserved import may_reserve, reserved_in_head
from curate.code.scan import Literals, literals, places
from curate.code.scopes import said_of_parts
from curate.code.texts import readable

REMEMBERED = 5_000
"""Texts whose evidence is remembered: the same licence files come up again and again."""
HEADING = 1_000
"""Characters at the head of a file in which a sentence speaks of all of it."""
MOST_HEADING = 20_000
BLOCK = 1_500
"""Characters before and after a notice in which every sentence is read for conditions; code ends it."""

LICENSE_FILE = re.compile(
    r"^(?:.*[-_.])?(?:(?:un|mit-?|gpl-?|bsd-?|apache-?)?licen[sc]es?|copying|copyright|copyleft|legal|notice|patents|eula)(?:[-_.].*)?$", re.I
)  # fmt: skip
_SPDX = re.compile(rb"SPDX-License-Identifier:[ \t]*([^\r\n]{1,200})", re.I)
_SPDX_END = re.compile(r"\s*(?:\*/|-->|\*\)|\}\}|#\}|\"\"\"|['\"`,;]|\\n|</|\]\]).*$")
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
    """Reads licences out of texts; remembers what it read last."""

    def __init__(self) -> None:
        self._read: dict[tuple[bytes, bool], list[Evidence]] = {}

    def detect(self, text: bytes, name: str) -> list[Evidence]:
        """All signs of a licence in one file.

        Args:
            text: Content, in UTF-8, UTF-16 with a mark, or any superset of ASCII; all of it is read.
            name: Path of the file, shown in the evidence; its last part says whether it is a licence file.

        Returns:
            Evidence in the order of the text; empty when nothing speaks of a licence.
        """
        about = is_license_file(name)
        key = (hashlib.blake2b(text, digest_size=16).digest(), about)
        found = self._read.pop(key, None)
        if found is None:
            found = evidence_in(text, about)
        self._read[key] = found  # as the last one read
        if len(self._read) > REMEMBERED:
            del self._read[next(iter(self._read))]
        return [replace(e, where=name + e.where) for e in found]


def evidence_in(text: bytes, about: bool) -> list[Evidence]:
    """The evidence of a text with the line alone as its place; `about` for a file that is about licences."""
    if not about and not places(text, gate()):
        text = _head(text)
        if not may_reserve(text):
            return _named_first(text)
    data = flat(readable(text))
    known = read(unmarked(data))
    if about:  # what is said of folders is read for itself
        known = known._replace(
            spans=[
                s
                for s in known.spans
                if not _OF_FOLDERS.search(known.text, s.start, s.end) or s.kind != "header-notice"
            ]
        )
    tags, assigned = spdx_tags(data), _assigned(data)
    tags = [*tags, *(a for a in assigned if a.kind != "mention" and not _meets(a, tags))]
    whole = sorted([*tags, *(s for s in known.spans if s.words >= WHOLE and not _meets(s, tags))])
    short = _short(known, whole)
    said = _said(known, data.decode("latin-1"), whole, short, [a for a in assigned if not _meets(a, whole)], about)
    spans = with_exceptions(sorted([*(s for s in whole if s.expression), *said.named]))
    return [
        *_evidence(known.text, spans),
        *_plain_evidence(known.text, _beside_all(said, assigned, whole) + _pointers(known, [*whole, *said.scopes])),
    ]


def _head(text: bytes) -> bytes:
    """A text up to where the comments at its head end, but not less than of a heading."""
    head = head_comments(text[:MOST_HEADING].decode("latin-1"))
    return text[: max(HEADING, head[-1][1] if head else 0)]


_NAME_FIRST = re.compile(rb"(?:#![^\n]*\n)?[\s#/*;%\"'!<-]*((?:MIT|BSD|ISC|ZLIB|Zlib|Apache)\b[^\n]*)")


def _named_first(text: bytes) -> list[Evidence]:
    """A doubt where a file begins with the short name of a licence and goes on: "MIT for …"."""
    match = _NAME_FIRST.match(text)
    words = match.group(1).decode("latin-1") if match else ""
    if not words or CODE_LINE.search(words) or is_plain(words, [(0, len(words.split()[0]))]):
        return []
    return _plain_evidence(words, [_doubt(Sentence(0, len(words)), words)])


def _beside_all(said: "_Said", assigned: Sequence[Span], whole: Sequence[Span]) -> list[Span]:
    """What holds besides the licences that a text is under."""
    named = [s._replace(kind="mention") for s in said.mentioned]
    weak = [a for a in assigned if a.kind == "mention" and not _meets(a, whole)]
    return [*weak, *(s for s in named if not _meets(s, weak)), *said.doubts, *said.scopes]


_OF_FOLDERS = re.compile(r"\bdirector(?:y|ies)\b|\bfolders?\b", re.I)


class _Said(NamedTuple):
    """What the sentences of a text say beside its known texts."""

    named: list[Span]
    """Licences that sentences put something under."""
    mentioned: list[Span]
    """Licences that are only named."""
    doubts: list[Span]
    scopes: list[Span]
    """Folders that the text does not hold for."""


def _short(known: Read, whole: Sequence[Span]) -> list[Span]:
    """Short notices, and names of licences outside of texts, in order: of two at one place the longer one."""
    low = known.text.lower()
    found = [s for s in known.spans if s.words < WHOLE and not _meets(s, whole)]
    for mention in _mentions(low):
        name = " ".join(low[max(0, mention.start - 40) : mention.end + 20].split())
        span = Span(mention.start, mention.end, mention.expression, "header-notice", 0.9, name)
        beside = [s for s in found if _meets(span, [s])]
        if not _meets(span, whole) and not any(span.end <= s.end for s in beside):
            found = [s for s in found if s not in beside] + [span]
    return sorted(found)


def _meets(span: tuple[int, ...] | Span, others: Sequence[tuple[int, ...] | Span]) -> bool:
    return any(span[0] < o[1] and o[0] < span[1] for o in others)


def _mentions(low: str) -> list[Mention]:
    asides = [m.span() for m in ASIDE.finditer(low)] if "gpl" in low or "gnu" in low else []
    return [m for m in mentions_in(folded(low)) if not _meets((m.start, m.end), asides)]


def _said(
    known: Read, raw: str, whole: Sequence[Span], short: Sequence[Span], covered: Sequence[Span], about: bool
) -> _Said:
    text, low = known.text, known.text.lower()
    said = _Said([], [], [_difference(known)] if known.near else [], [])
    anchors = [] if about else [s for s in whole if s.expression]
    zones = [_zone(text, s) for s in anchors]
    free, hits = (
        _free(known, [*whole, *covered]),
        [] if about else [start for start, _ in places(text.encode("latin-1"), gate())],
    )
    heading = _heading(text)
    left, rest, found = list[tuple[Sentence, str]](), list[Sentence](), list[Sentence]()
    points = (
        None if about else [0, *hits, *(s.start for s in short), *(s.start for s in anchors), *(s.end for s in anchors)]
    )
    for first, last in _ranges(known, points):
        found.extend(
            sentences(
                text,
                known.starts[first:last].tolist(),
                known.ends[first:last].tolist(),
                free[first:last],
                known.copyrights,
            )
        )
    for sentence in found:
        first = bisect_left(short, (sentence.start,))
        first -= first > 0 and short[first - 1].end > sentence.start  # one that began in the sentence before
        inside = short[first : bisect_left(short, (sentence.end,))]
        if not about and not inside and bisect_left(hits, sentence.start) == bisect_left(hits, sentence.end):
            rest.append(sentence)
            continue
        words = text[sentence.start : sentence.end]
        names = [s for s in inside if s.expression]
        places_ = [(max(0, s.start - sentence.start), min(s.end, sentence.end) - sentence.start) for s in inside]
        plain = is_plain(words, places_)
        under = about or any(
            has_trigger(low, s.start, s.end) or _STATES.search(low, max(0, s.start - 12), s.end) for s in names
        )
        exact = canonical(" ".join(words.split())) if about and _EXPRESSION.fullmatch(words) else None
        if about and _heads(sentence, words, whole):
            continue
        if exact and UNKNOWN not in exact:
            said.named.append(Span(sentence.start, sentence.end, exact, "header-notice", 1.0, words))
        elif plain and (
            unknown_name(_blanked(words, places_))
            or (not about and not names and sentence.start < heading and reserved_in_head(words))
            or (
                about
                and not inside
                and (not is_title(words) or (_runs_into(text, sentence, whole) and not is_common(words)))
            )
        ):
            said.doubts.append(_doubt(sentence, words))
        elif plain and names:
            under = under and (names[0].expression != PUBLIC_DOMAIN or dedicates(words))
            (said.named if under else said.mentioned).extend(names)
            if under and not about:
                zones.append(_zone(text, names[0]))
                anchors.append(names[0])
        elif plain or (about and (_of_parts(sentence, words, said) or (not inside and is_title(words)))):
            continue
        elif about or (names and (under or (sentence.start < heading and _is_subject(sentence, names[0], words)))):
            said.doubts.append(_doubt(sentence, words))
        else:
            said.mentioned.extend(names)
            left.append((sentence, words))
    said.doubts.extend(_doubts_beside(text, raw, left, rest, anchors, zones, whole, heading))
    if about and not whole and len({s.expression for s in said.named}) > 1 and not _STATES_ANY.search(low):
        said.doubts.append(said.named[0]._replace(expression=UNKNOWN, kind="doubt", name="a list of names"))
    return said


def _doubts_beside(
    text: str,
    raw: str,
    left: list[tuple[Sentence, str]],
    rest: Sequence[Sentence],
    anchors: Sequence[Span],
    zones: Sequence[tuple[int, int]],
    whole: Sequence[Span],
    heading: int,
) -> Iterator[Span]:
    """Sentences that name no licence and cast a doubt on those that are named: beside them, in their comment, or anywhere."""
    blocks = comments_with(raw, [(s.start, s.end) for s in anchors])
    heads = head_comments(raw)
    left += [(s, text[s.start : s.end]) for s in rest if s.start < heading or _meets(s, zones) or _meets(s, blocks)]
    texts = [s for s in whole if s.words >= WHOLE]
    for sentence, words in left:
        beside = any(_beside(text, sentence, span) for span in anchors)
        why = (
            "beside a text"
            if _meets(sentence, blocks)
            and not is_title(words)
            and any(_touches(text, sentence, span) for span in texts)
            else None
        )
        why = (
            why
            or (beside and "::" not in words and not CODE_LINE.search(words) and condition_in(words))
            or (_meets(sentence, zones) and takes_back(words))
            or (_meets(sentence, blocks) and unexplained(words))
            or doubtful(words, sentence.start < heading)
            or _in_head(raw, sentence, heading, heads, words)
        )
        if why:
            yield _doubt(sentence, f"{why}: {words}")


def _in_head(raw: str, sentence: Sentence, heading: int, heads: Sequence[tuple[int, int]], words: str) -> str | None:
    """What a sentence takes back because it stands at the head of a file."""
    if sentence.start >= heading or _in_code(raw, sentence):
        return None
    comment = next((end - start for start, end in heads if start <= sentence.start < end), None)
    return reserved_in_head(words) or (None if comment is None else curt(words, comment))


def _in_code(raw: str, sentence: Sentence) -> bool:
    """Whether a sentence begins in a line of code: it is a string or a name, not what a comment says."""
    first = raw.rfind("\n", 0, sentence.start) + 1
    last = raw.find("\n", sentence.start)
    line = raw[first : last if last >= 0 else len(raw)]
    return CODE_LINE.search(line) is not None or bool(_QUOTED.search(raw[first : sentence.start]))


_QUOTED = re.compile(r"(?<![\"'])[\"'](?![\"'])")


def _heading(text: str) -> int:
    """Where the head of a file ends: at its first line of code, but not before `HEADING`."""
    at = 0
    for line in text[:MOST_HEADING].splitlines(keepends=True):
        if at > HEADING and CODE_LINE.search(line):
            break
        at += len(line)
    return max(HEADING, at)


def _is_subject(sentence: Sentence, name: Span, words: str) -> bool:
    """Whether a sentence begins with the name of a licence, and is no line of code: "MIT for …"."""
    return name.start - sentence.start < 8 and CODE_LINE.search(words) is None


def _touches(text: str, sentence: Sentence, span: Span) -> bool:
    """Whether a sentence goes on where a text ends, or runs into one."""
    if sentence.start >= span.end:
        return (
            sentence.start - span.end < 200
            and not re.search(r"\n[ \t\r]*\n|\*/", text[span.end : sentence.start])
            and CODE_LINE.search(text[sentence.start : sentence.end]) is None
        )
    return _runs_into(text, sentence, [span])


_OWN_TITLE = re.compile(r"(?:the )?[\w.-]+(?: software)? licen[cs]e", re.I)


def _heads(sentence: Sentence, words: str, whole: Sequence[Span]) -> bool:
    """Whether a sentence is the title of a licence file that calls the known text behind it after the program."""
    following = next((s for s in whole if s.start >= sentence.end), None)
    near = following is not None and following.kind == "full-text" and following.start - sentence.end < 300
    return (
        near
        and sentence.start < 100
        and _OWN_TITLE.fullmatch(" ".join(words.split())) is not None
        and not mentions(words.lower())
    )


def _runs_into(text: str, sentence: Sentence, spans: Sequence[Span]) -> bool:
    """Whether a text begins where a sentence ends, in the same line and with no mark between."""
    following = next((s for s in spans if s.start >= sentence.end and s.words >= WHOLE), None)
    gap = text[sentence.end : following.start] if following else "."
    return len(gap) < 40 and not re.search(r"[.:;!?\n]", gap)


def _of_parts(sentence: Sentence, words: str, said: _Said) -> bool:
    """Whether a sentence of a licence file speaks of folders or of fonts and images in a usual form; adds what it says."""
    parts = said_of_parts(words)
    if parts is None:
        return False
    left = re.sub(r"[\"'`]", " ", parts.rest or "")
    named = mentions(left.lower())
    if parts.rest and (not named or not is_plain(left, [(m.start, m.end) for m in named])):
        return False
    said.named.extend(
        Span(sentence.start, sentence.end, m.expression, "header-notice", 0.9, words[:100]) for m in named
    )
    for scope in parts.scopes:
        own = mentions(scope.rest.lower())
        sure = own and is_plain(scope.rest, [(m.start, m.end) for m in own])
        expression = conjunction(m.expression for m in own) if sure else UNKNOWN
        said.scopes.append(Span(sentence.start, sentence.end, expression or UNKNOWN, "scope", 0.9, scope.folder))
    return True


_ASSIGNED = re.compile(
    rb"(?P<own>__|@)?[\"']?licen[sc]e(?:__)?[\"']?\s*[:=]\s*[\"'](?P<value>[^\"'\n]{2,100})[\"']", re.I
)


@lru_cache(maxsize=1)
def _keys() -> Literals:
    return literals(("license", "licence"))


def _assigned(data: bytes) -> list[Span]:
    """Licences given as the value of a name: `__license__ = "MIT"`, which speaks for the file, `license="MIT"`, which may not."""
    found = []
    for start, _ in places(data, _keys()):
        before = 2 if data[start - 2 : start] == b"__" else 1 if data[start - 1 : start] in (b"@", b'"', b"'") else 0
        match = _ASSIGNED.match(data, start - before)
        if match is None:
            continue
        value = match.group("value").decode("utf-8", "replace")
        expression = canonical(value)
        if not expression or UNKNOWN in expression:
            named = mentions(f"license: {value.lower()}")
            sure = len(named) == 1 and is_plain(
                value, [(0, len(value))] if len(value) < 20 else [(m.start - 9, m.end - 9) for m in named]
            )
            expression = named[0].expression if sure else UNKNOWN
        own = match.group("own") is not None
        if own or UNKNOWN not in expression or value[:1].isupper():
            found.append(
                Span(match.start(), match.end(), expression, "header-notice" if own else "mention", 0.9, value)
            )
    return found


def _beside(text: str, sentence: Sentence, span: Span) -> bool:
    """Whether a sentence stands in the paragraph of a notice, after its start or right before it."""
    first, last = (sentence.end, span.start) if sentence.start < span.start else (span.end, sentence.start)
    return last - first < BLOCK and not re.search(r"\n[ \t\r]*\n", text[first:last])


def _ranges(known: Read, points: Sequence[int] | None) -> list[tuple[int, int]]:
    """Words (first, one after last) near places of interest, merged, in order; all of them for None."""
    if points is None:
        return [(0, len(known.starts))]
    ranges: list[tuple[int, int]] = []
    for point in sorted(points):
        first = int(np.searchsorted(known.starts, point - BLOCK))
        last = int(np.searchsorted(known.starts, point + BLOCK))
        if ranges and first <= ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], max(last, ranges[-1][1]))
        else:
            ranges.append((first, last))
    return ranges


def _free(known: Read, whole: Sequence[Span]) -> list[bool]:
    """Which words lie in no whole text."""
    free = np.ones(len(known.starts), np.bool_)
    for span in whole:
        first, last = np.searchsorted(known.ends, span.start, "right"), np.searchsorted(known.starts, span.end)
        free[first:last] = False
    return free.tolist()


_STATES = re.compile(r"licen[sc]e\w*[\"']?\s*[:=]\s*\S*$|licen[sc]e", re.I)
_STATES_ANY = re.compile(r"licen[sc]ed\b|licen[sc]ing|\bunder\b|\bterms\b|\bor\b|\band\b|\bdual|\beither\b|/", re.I)


_EXPRESSION = re.compile(r"[A-Za-z][\w.+-]*(?:\s+(?:OR|AND|WITH)\s+[A-Za-z][\w.+-]*){0,4}")
"""An SPDX id, or an expression of some."""


def _blanked(words: str, named: Sequence[tuple[int, int]]) -> str:
    """A sentence with what names known licences as blanks."""
    for start, end in named:
        words = f"{words[:start]}{' ' * (end - start)}{words[end:]}"
    return words


def _difference(known: Read) -> Span:
    """Where a text begins as one of the list and goes on otherwise."""
    near = known.near
    assert near is not None
    start, end = known.starts[near.first], known.ends[min(near.last, len(known.ends) - 1)]
    words = " ".join(known.text[known.starts[max(near.first, near.last - 8)] : end].split())
    return Span(
        start,
        end,
        UNKNOWN,
        "doubt",
        0.5,
        f"not {near.template.ids[0]}, word {near.last - near.first + 1} differs: … {words}",
    )


def _pointers(known: Read, whole: Sequence[Span]) -> list[Span]:
    """Files that the text says its licence stands in, outside of texts of licences; none where an address of the licence is given too."""
    texts = [s for s in whole if s.kind in ("full-text", "scope")]
    found = []
    for start, end, name in pointers(known.text):
        sentence = known.text[max(0, start - 200) : end + 200]
        if not _meets((start, end), texts) and not _AT_ADDRESS.search(sentence):
            found.append(Span(start, end, UNKNOWN, "pointer", 0.5, name))
    for span in known.spans:
        for name in span.pointer.split():
            if (
                is_license_file(name)
                and not name.startswith(("/usr/", "http"))
                and not _meets(span, texts)
                and not _AT_ADDRESS.search(known.text[span.start : span.end])
            ):
                found.append(Span(span.start, span.end, UNKNOWN, "pointer", 0.5, name))
    return list({s.name: s for s in reversed(found)}.values())


_AT_ADDRESS = re.compile(r"https?://(?:www\.)?(?:boost\.org/LICENSE|apache\.org/licenses|opensource\.org/licen|spdx\.org/licenses|creativecommons\.org/publicdomain|gnu\.org/licenses|mozilla\.org/MPL)", re.I)  # fmt: skip


def _evidence(text: str, spans: Sequence[Span]) -> list[Evidence]:
    """Licences that hold, one each, or one for all of them where there is a choice."""
    whole = combined(text.lower(), spans)
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
    breaks = [m.start() for m in re.finditer("\n", text)]
    rows = [
        Evidence(
            canonical(s.expression) or UNKNOWN, s.kind, f":{bisect_left(breaks, s.start) + 1}", _shown(s.name), s.score
        )
        for s in spans
    ]
    return list({(e.expression, e.kind, e.text): e for e in reversed(rows)}.values())[::-1]


def _shown(name: str) -> str:
    return name.encode("latin-1", "replace").decode("utf-8", "replace")[:200]


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


def _doubt(sentence: Sentence, said: str) -> Span:
    return Span(sentence.start, sentence.end, UNKNOWN, "doubt", 0.5, " ".join(said.split()))


def _zone(text: str, span: Span) -> tuple[int, int]:
    """What stands round a notice in a source file: lines before and after up to the first of code."""
    return _edge(text, span.start, -1), _edge(text, span.end, 1)


def _edge(text: str, at: int, step: int) -> int:
    """Where the lines before (`step` -1) or after a place, its own line among them, come to code, or the limit."""
    if step < 0:
        at = text.rfind("\n", 0, at) + 1
        limit = max(0, at - BLOCK)
        lines = text[limit:at].split("\n")[:-1][::-1]
    else:
        at = text.find("\n", at) if "\n" in text[at:] else len(text)
        limit = min(len(text), at + BLOCK)
        lines = text[at:limit].split("\n")[1:]
    for line in lines:
        if CODE_LINE.search(line):
            return at
        at += step * (len(line) + 1)
    return limit


def flat(text: bytes) -> bytes:
    """HTML as text of the same length; other texts as they are."""
    if b"&" in text:
        for entity, value in _ENTITIES:
            text = text.replace(entity, value)
    if b"<p" not in text and b"<br" not in text and b"<html" not in text[:400].lower():
        return text
    return _TAGS.sub(lambda m: b" " * len(m.group()), text)
