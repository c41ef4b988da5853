"""What the sentences of a text say beside its known texts: licences that they put something under or name, and doubts.

A licence file may hold known sentences, titles and names; every other sentence in it is a doubt. In a source file a sentence
counts that names a licence, that has a word of the gate (`curate.code.notices`), or that stands near a notice.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curate.code.comments import comments_with, head_comments
from curate.code.dedication import dedicates
from curate.code.described import curt, introduces, is_common, is_name_described, is_subject, is_title, unexplained
from curate.code.evidence import canonical, conjunction
from curate.code.frames import is_origin, is_said, unframed
from curate.code.heads import Program, describes, is_field, unknown_in_head, without_objects
from curate.code.known import WHOLE, Read, Span, meets
from curate.code.names import PUBLIC_DOMAIN, UNKNOWN, mentions
from curate.code.notices import (
    ACCORDING,
    comes_from,
    doubtful,
    foreign_copy,
    gate,
    has_trigger,
    off_form,
    remark_gate,
    remarks,
    unknown_name,
)
from curate.code.prose import SINGLE, Sentence, condition_in, is_code, is_code_line, is_plain, sentences, takes_back
from curate.code.reserved import reserved_in_head
from curate.code.scan import places
from curate.code.scopes import files_of_others, is_for_other_things, said_of_parts
from curate.code.titles import odd_title
from curate.code.values import says_no_more

HEADING = 1_000
"""Characters at the head of a file in which a sentence speaks of all of it."""
MORE = 20
"""Characters behind a title of a comment that says more."""
MOST_HEADING = 20_000
MOST_DOUBTS = 8
"""Doubts behind which a source file is not read any further: one denies it, and these are shown."""
BLOCK = 1_500
"""Characters before and after a notice in which every sentence is read for conditions; code ends it."""


class Said(NamedTuple):
    """What the sentences of a text say beside its known texts."""

    named: list[Span]
    """Licences that sentences put something under."""
    mentioned: list[Span]
    """Licences that are only named."""
    doubts: list[Span]
    scopes: list[Span]
    """Folders that the text does not hold for."""


class Known(NamedTuple):
    """What is known of a text before its sentences are read."""

    read: Read
    whole: Sequence[Span]
    """Tags and known texts, in order."""
    short: Sequence[Span]
    """Short notices and names of licences outside of these, in order."""
    covered: Sequence[Span]
    """Other places that say a licence and are no sentences."""
    outside: str
    """The text with blanks for the inside of known texts."""
    low: str
    """The same in small letters."""
    most: int = MOST_DOUBTS
    """Doubts of a source file of which the rest of it is not read."""


class _Spoken(NamedTuple):
    """A sentence, and the licences that it names."""

    at: Sentence
    words: str
    inside: Sequence[Span]
    """Short notices and names in it."""
    behind: str = ""
    """The address that a sentence ends before: "a copy of the license at"."""

    @property
    def names(self) -> list[Span]:
        return [s for s in self.inside if s.expression]

    @property
    def places(self) -> list[tuple[int, int]]:
        """Where in `words` these stand."""
        first, last = self.at
        return [(max(0, s.start - first), min(s.end, last) - first) for s in self.inside] if self.inside else []

    @property
    def unnamed(self) -> str:
        """The words with blanks for what names known licences."""
        words = self.words
        for start, end in self.places:
            words = f"{words[:start]}{' ' * (end - start)}{words[end:]}"
        return words


def said_about(known: Known) -> Said:
    """What the sentences of a file about licences say: known ones, titles and names; every other one is a doubt."""
    text, said = known.read.text, _nothing_said(known)
    for sentence in _sentences(known, None, known.read.copyrights):
        spoken = _spoken(text, sentence, _inside(known.short, sentence))
        _add_about(said, spoken, text, known.whole, known.read.copyrights)
    several = len({s.expression for s in said.named}) > 1
    if several and not known.whole and not _STATES_ANY.search(text.lower()):
        said.doubts.append(said.named[0]._replace(expression=UNKNOWN, kind="doubt", name="a list of names"))
    return said


def _add_about(
    said: Said, spoken: _Spoken, text: str, whole: Sequence[Span], copyrights: Sequence[tuple[int, int]]
) -> None:
    """Adds what a sentence of a licence file says."""
    names, shown = spoken.names, spoken.words
    others = any(s.start >= spoken.at.end and s.words >= WHOLE for s in whole)
    spoken = spoken._replace(words=unframed(spoken.words, bool(names), others))
    sentence, words = spoken.at, spoken.words
    if is_said(words):
        return
    others_files = files_of_others(
        words, text[max(0, sentence.start - 300) : sentence.start], text[sentence.end : sentence.end + 4_000]
    )
    if others_files:
        said.scopes.extend(Span(sentence.start, sentence.end, UNKNOWN, "scope", 0.5, path) for path in others_files)
        return
    if _goes_on_with_licence(text, sentence, words, copyrights):
        return
    titled = _is_over(sentence, whole) and (names or not spoken.inside)
    if titled and odd_title(words, text[sentence.end : sentence.end + 40], spoken.places):
        said.doubts.append(doubt(sentence, shown))
        return
    if _heads(sentence, words, whole) or _introduced(text, sentence, words, whole):
        return
    exact = canonical(" ".join(words.split())) if _EXPRESSION.fullmatch(words) else None
    if exact and UNKNOWN not in exact:
        said.named.append(Span(sentence.start, sentence.end, exact, "header-notice", 1.0, words))
    elif names and is_for_other_things(words):
        return
    elif is_plain(words, spoken.places):
        foreign = not names and not others and comes_from(words)
        if (
            foreign
            or foreign_copy(f"{words} {spoken.behind}")
            or off_form(words)
            or unknown_name(spoken.unnamed)
            or (not spoken.inside and not _is_heading(text, spoken, whole))
        ):
            said.doubts.append(doubt(sentence, shown))
        elif names:
            (said.named if _gives(spoken) else said.mentioned).extend(names)
    elif not _of_parts(sentence, words, said) and (spoken.inside or not is_title(words)):
        said.doubts.append(doubt(sentence, shown))


def _goes_on_with_licence(text: str, sentence: Sentence, words: str, copyrights: Sequence[tuple[int, int]]) -> bool:
    """Whether a sentence tells where the work is from, and goes on behind a copyright notice with the licence of that."""
    if not is_origin(words):
        return False
    at = bisect_left(copyrights, (sentence.end,))
    held = copyrights[at] if at < len(copyrights) else None
    near = held is not None and not text[sentence.end : held[0]].strip(" \t\r\n,")
    return near and held is not None and _AND_UNDER.match(text, held[1]) is not None


_AND_UNDER = re.compile(r"[\s,]*(?:and\s+)?(?:is\s+|are\s+)?licen[cs]ed\s+under\s", re.I)


def _is_over(sentence: Sentence, whole: Sequence[Span]) -> bool:
    """Whether a sentence stands at the head of a licence file, over the text of a licence."""
    following = next((s for s in whole if s.words >= WHOLE), None)
    return (
        following is not None
        and sentence.end <= following.start
        and sentence.start < BLOCK // 5
        and following.start - sentence.end < BLOCK // 2
    )


def _gives(spoken: _Spoken) -> bool:
    """Whether a sentence that names the public domain puts something into it; True for licences."""
    return spoken.names[0].expression != PUBLIC_DOMAIN or dedicates(spoken.words)


def _is_heading(text: str, spoken: _Spoken, whole: Sequence[Span]) -> bool:
    """Whether a sentence is a title, or words of notices right before a text, that change nothing of it."""
    if not is_title(spoken.words) or reserved_in_head(spoken.words):
        return False
    if is_subject(spoken.words):
        return True
    return not _runs_into(text, spoken.at, whole) or is_common(spoken.words)


class _Around(NamedTuple):
    """Where the sentences of a source file stand that count although they name no licence."""

    anchors: list[Span]
    """Notices."""
    zones: list[tuple[int, int]]
    """What stands round these."""
    heading: int
    """Where the head of the file ends."""
    low: str
    """The text in small letters, with blanks for the inside of known texts."""


def said_in_source(known: Known, raw: str, program: Program | None = None) -> Said:
    """What the sentences of a source file say; `raw` is its text with the comment marks.

    With `program`, each sentence of the comments at its head must be of a known kind.
    """
    text, said = known.read.text, _nothing_said(known)
    anchors = [s for s in known.whole if s.expression]
    around = _Around(anchors, [_zone(text, s) for s in anchors], _heading(text), known.low)
    outside = known.outside.encode("latin-1")
    hits = places(outside, gate())
    marks = places(outside, remark_gate())
    heads = head_comments(raw)
    points = [
        *range(0, heads[-1][1] if heads else 1, BLOCK),
        *hits,
        *marks,
        *(s.start for s in known.short),
        *(s.start for s in anchors),
        *(s.end for s in anchors),
    ]
    silent, left = list[Sentence](), list[_Spoken]()
    apart = sorted([*known.read.copyrights, *((end, end) for _, end in heads)])
    for sentence in _sentences(known, points, apart):
        first, last = sentence
        inside = _inside(known.short, sentence)
        named = inside or bisect_left(hits, first) < bisect_left(hits, last)
        if not named and bisect_left(marks, first) == bisect_left(marks, last):
            silent.append(sentence)
            continue
        spoken = _spoken(text, sentence, inside)
        if not named or not _add_named(said, spoken, text, around):
            left.append(spoken)
        if len(said.doubts) >= known.most:
            return said
    head = _Head(raw, heads, program)
    beside = _doubts_beside(text, head, left, silent, around, known.whole)
    said.doubts.extend(islice(beside, known.most - len(said.doubts)))
    return said


class _Head(NamedTuple):
    """What a source file begins with."""

    raw: str
    """Its text with the comment marks."""
    comments: Sequence[tuple[int, int]]
    program: Program | None


def _add_named(said: Said, spoken: _Spoken, text: str, around: _Around) -> bool:
    """Adds what a sentence of a source file says of licences; False where its other words must be looked at as well."""
    sentence, words, names = spoken.at, spoken.words, spoken.names
    heads = sentence.start < around.heading
    under = any(
        has_trigger(around.low, s.start, s.end) or _STATES.search(around.low, max(0, s.start - 12), s.end)
        for s in names
    )
    if is_plain(words, spoken.places):
        if off_form(words):
            said.doubts.append(doubt(sentence, words))
            return True
        elsewhere = not names and (comes_from(words) or remarks(words) or (heads and reserved_in_head(words)))
        foreign = elsewhere or foreign_copy(f"{words} {spoken.behind}") or _limited(spoken)
        if foreign or (unknown_name(spoken.unnamed) and not _titles(sentence, words, around.anchors)):
            said.doubts.append(doubt(sentence, words))
        elif names and under and _gives(spoken):
            said.named.extend(names)
            around.zones.append(_zone(text, names[0]))
            around.anchors.append(names[0])
        else:
            said.mentioned.extend(names)
        return True
    if names and (under or (heads and _is_subject(sentence, names[0], words))):
        said.doubts.append(doubt(sentence, words))
        return True
    said.mentioned.extend(names)
    return False


def _nothing_said(known: Known) -> Said:
    return Said([], [], [_difference(known.read)] if known.read.near else [], [])


def _sentences(known: Known, points: Sequence[int] | None, apart: Sequence[tuple[int, int]]) -> Iterator[Sentence]:
    """The sentences near some points (all of them for None) that nothing known covers, in order; none goes on over what is `apart`."""
    read = known.read
    free = _free(read, [*known.whole, *known.covered])
    for first, last in _ranges(read, points):
        yield from sentences(read.text, read.starts[first:last], read.ends[first:last], free[first:last], apart)


def _inside(short: Sequence[Span], sentence: Sentence) -> Sequence[Span]:
    """Of short notices and names those in a sentence."""
    at = bisect_left(short, (sentence.start,))
    at -= at > 0 and short[at - 1].end > sentence.start  # one that began in the sentence before
    return short[at : bisect_left(short, (sentence.end,))]


def _spoken(text: str, sentence: Sentence, inside: Sequence[Span]) -> _Spoken:
    words = text[sentence.start : sentence.end]
    goes_on = _ADDRESS_BEHIND.match(text, sentence.end) if words.endswith(_ENDS) else None
    return _Spoken(sentence, words, inside, goes_on.group(1) if goes_on else "")


_ENDS = (" at", " from", " in", " on", " here", "\tat")
_ADDRESS_BEHIND = re.compile(r"[\s<(\"':*#/;-]{0,80}?((?:https?://|www\.)[^\s<>\"')\]]+)")


def _limited(spoken: _Spoken) -> bool:
    """Whether brackets behind the name of a licence say what it is for: "MIT (API only)"."""
    for _, end in spoken.places if spoken.names else ():
        match = _IN_BRACKETS.match(spoken.words, end)
        if match and not says_no_more(match.group("what")):
            return True
    return False


_IN_BRACKETS = re.compile(r"\s{0,2}\((?P<what>[^()\n]{1,80})(?:\)|\Z)")


def _doubts_beside(
    text: str, head: _Head, left: Sequence[_Spoken], silent: Sequence[Sentence], around: _Around, whole: Sequence[Span]
) -> Iterator[Span]:
    """Sentences that name no licence and cast a doubt on those that are named: beside them, in their comment, or anywhere."""
    anchors, zones, heading, _ = around
    blocks = comments_with(head.raw, [(s.start, s.end) for s in anchors])
    texts = [s for s in whole if s.words >= WHOLE]
    near = [s for s in silent if s.start < heading or meets(s, zones) or meets(s, blocks)]
    for sentence, words in [*((s.at, s.words) for s in left), *((s, text[s.start : s.end]) for s in near)]:
        in_comment = meets(sentence, blocks)
        if is_field(words) or (anchors and ACCORDING.fullmatch(" ".join(words.split()))):
            continue
        beside = (
            (_is_beside(text, sentence, words, anchors) and condition_in(without_objects(words)))
            or (meets(sentence, zones) and takes_back(words))
            or (in_comment and unexplained(without_objects(words)))
        )
        why = (
            (in_comment and _is_joined(text, sentence, words, texts) and "beside a text")
            or (beside and not _is_plainly(text, head, sentence, words, texts) and beside)
            or doubtful(words, sentence.start < heading)
            or _in_head(head, sentence, heading, words)
        )
        if why:
            yield doubt(sentence, f"{why}: {words}")


_COMMENTED = re.compile(r"(?:^|\s)(?:#|//|--|;|%)|/\*|\*/|^\s*\*")


def _is_line_of_code(raw: str, sentence: Sentence) -> bool:
    """Whether a sentence stands in a line of code, before any comment in it."""
    first = raw.rfind("\n", 0, sentence.start) + 1
    last = raw.find("\n", sentence.start)
    last = last if last >= 0 else len(raw)
    if "\n" in raw[sentence.start : sentence.end] or _COMMENTED.search(raw[first : sentence.end]):
        return False
    return is_code(raw[first:last])


def _is_plainly(text: str, head: _Head, sentence: Sentence, words: str, texts: Sequence[Span]) -> bool:
    """Whether a sentence beside a notice is code, or a description that runs into no text."""
    if _is_line_of_code(head.raw, sentence):
        return True
    described = head.program is not None and describes(words, head.program)
    return described and not _touches_any(text, sentence, texts)


def _touches_any(text: str, sentence: Sentence, texts: Sequence[Span]) -> bool:
    return any(_touches(text, sentence, span) for span in texts)


def _is_joined(text: str, sentence: Sentence, words: str, texts: Sequence[Span]) -> bool:
    """Whether a sentence that is no title goes on where a text ends, or runs into one."""
    return not is_title(words) and any(_touches(text, sentence, span) for span in texts)


def _is_beside(text: str, sentence: Sentence, words: str, anchors: Sequence[Span]) -> bool:
    """Whether a sentence, and no line of code, stands in the paragraph of a notice."""
    beside = any(_beside(text, sentence, span) for span in anchors)
    return beside and "::" not in words and not is_code(words)


def _in_head(head: _Head, sentence: Sentence, heading: int, words: str) -> str | None:
    """What a sentence takes back because it stands at the head of a file, or that it is of no known kind."""
    at = sentence.start
    comment = next(((start, end) for start, end in head.comments if start <= at < end), None)
    if (at >= heading and comment is None) or _in_code(head.raw, sentence, comment is not None):
        return None
    words = without_objects(words)
    if comment is None or at >= heading:
        return reserved_in_head(words)
    if _is_under_its_file(head.raw, sentence):
        return reserved_in_head(words)
    found = reserved_in_head(words) or curt(words, comment[1] - comment[0])
    if found or head.program is None or head.raw[at - 1 : at] == "@":
        return found
    first = not any(c.isalnum() for c in head.raw[comment[0] : at]) and comment[1] - sentence.end > MORE
    return unknown_in_head(words, head.program, first)


_FILE_LINE = re.compile(r"\W*[\w+.-]+\.(?:swift|mm?|h|c|cc|cpp|hpp|kt|java|metal)\W*")


def _is_under_its_file(raw: str, sentence: Sentence) -> bool:
    """Whether a line is one name of a project, under the line with the name of the file, as Xcode writes them."""
    first = raw.rfind("\n", 0, sentence.start) + 1
    before = raw[raw.rfind("\n", 0, max(0, first - 1)) + 1 : first]
    word = raw[sentence.start : sentence.end]
    alone = raw[first : raw.find("\n", first)].strip(" \t\r/*")
    return (
        word == alone
        and word[:1].isupper()
        and SINGLE.search(word) is None
        and word.isalnum()
        and _FILE_LINE.fullmatch(before) is not None
    )


def _in_code(raw: str, sentence: Sentence, commented: bool) -> bool:
    """Whether a sentence begins in a line of code: it is a string or a name, not what a comment says.

    In a comment, code has more than a word that begins a line of it, and quotes are those of prose.
    """
    first = raw.rfind("\n", 0, sentence.start) + 1
    last = raw.find("\n", sentence.start)
    line = raw[first : last if last >= 0 else len(raw)]
    if commented:
        return is_code(_MARK.sub("", line))
    return is_code_line(line) or bool(_QUOTED.search(raw[first : sentence.start]))


_MARK = re.compile(r"^\s*(?:#+|//+!?|--+|;+|%+|\*+|/\*+)\s*")


_QUOTED = re.compile(r"(?<![\"'])[\"'](?![\"'])")


def _heading(text: str) -> int:
    """Where the head of a file ends: at its first line of code, but not before `HEADING`."""
    at = 0
    for line in text[:MOST_HEADING].splitlines(keepends=True):
        if at > HEADING and is_code_line(line):
            break
        at += len(line)
    return max(HEADING, at)


def _is_subject(sentence: Sentence, name: Span, words: str) -> bool:
    """Whether a sentence begins with the name of a licence, and is no line of code: "MIT for …"."""
    return name.start - sentence.start < 8 and not is_code(words)


def _touches(text: str, sentence: Sentence, span: Span) -> bool:
    """Whether a sentence goes on where a text ends, or runs into one."""
    if sentence.start >= span.end:
        return (
            sentence.start - span.end < 200
            and not re.search(r"\n[ \t\r]*\n|\*/", text[span.end : sentence.start])
            and not is_code(text[sentence.start : sentence.end])
        )
    return _runs_into(text, sentence, [span])


def _titles(sentence: Sentence, words: str, anchors: Sequence[Span]) -> bool:
    """Whether a line calls the known text behind it after the program: "FROB LICENSE"."""
    following = next((s for s in anchors if s.start >= sentence.end and s.kind == "full-text"), None)
    near = following is not None and following.start - sentence.end < BLOCK // 2
    return near and _OWN_TITLE.fullmatch(" ".join(words.split())) is not None


_OWN_TITLE = re.compile(r"(?:the )?[\w.-]+(?: software)? licen[cs]e", re.I)


def _heads(sentence: Sentence, words: str, whole: Sequence[Span]) -> bool:
    """Whether a sentence is the title of a licence file: it calls the known text behind it after the program, or says what that is."""
    following = next((s for s in whole if s.start >= sentence.end), None)
    near = following is not None and following.kind == "full-text" and following.start - sentence.end < 300
    return (
        near
        and sentence.start < 100
        and (_OWN_TITLE.fullmatch(" ".join(words.split())) is not None or _describes(words))
        and not mentions(words.lower())
    )


def _introduced(text: str, sentence: Sentence, words: str, whole: Sequence[Span]) -> bool:
    """Whether a sentence says what the known text is for that stands right behind it. All texts of a file hold at once."""
    following = next((s for s in whole if s.start >= sentence.end), None)
    if following is None or following.words < WHOLE or not introduces(words):
        return False
    gap = _MARKS.sub(" ", text[sentence.end : following.start])
    return not gap.strip(" \t\r\n:.-=*#_")


_MARKS = re.compile(
    r"-{3,}[ \w]{0,40}-{3,}|^\W*[\w.+-]+(?: [\w.+-]+)? licen[cs]e[ \t]*\r?\n[=~-]{3,}|^\W*(?:MIT|BSD|ISC|Apache|zlib|Expat|PSF)(?: [\w.-]+){0,3}\b licen[cs]e\b|^\W*(?:MIT|BSD|ISC|Apache|zlib|Expat|PSF) licen[cs]e\b|copyright[^\n]*(?:(?<=,)\n[^\n]*){0,9}|\(c\)[^\n]*|all rights reserved\.?",
    re.I,
)
"""What may stand between: "--- begin license block ---", the licence's name, copyright notices."""


def _describes(words: str) -> bool:
    return is_name_described(words) and not reserved_in_head(words)


def _runs_into(text: str, sentence: Sentence, spans: Sequence[Span]) -> bool:
    """Whether a text begins where a sentence ends, in the same line and with no mark between."""
    following = next((s for s in spans if s.start >= sentence.end and s.words >= WHOLE), None)
    gap = text[sentence.end : following.start] if following else "."
    return len(gap) < 40 and not re.search(r"[.:;!?\n]", gap)


def _of_parts(sentence: Sentence, words: str, said: Said) -> bool:
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


_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")


def _beside(text: str, sentence: Sentence, span: Span) -> bool:
    """Whether a sentence stands in the paragraph of a notice, after its start or right before it."""
    first, last = (sentence.end, span.start) if sentence.start < span.start else (span.end, sentence.start)
    return last - first < BLOCK and not _BLANK_LINE.search(text, first, last)


def _ranges(known: Read, points: Sequence[int] | None) -> list[tuple[int, int]]:
    """Words (first, one after last) near places of interest, merged, in order; all of them for None."""
    if points is None:
        return [(0, len(known.starts))]
    ranges: list[tuple[int, int]] = []
    ordered = np.array(sorted(points))
    firsts, lasts = (np.searchsorted(known.starts, ordered + step).tolist() for step in (-BLOCK, BLOCK))
    for first, last in zip(firsts, lasts, strict=True):
        if ranges and first <= ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], max(last, ranges[-1][1]))
        else:
            ranges.append((first, last))
    return ranges


def _free(known: Read, whole: Sequence[Span]) -> NDArray[np.bool_]:
    """Which words lie in no whole text."""
    free = np.ones(len(known.starts), np.bool_)
    firsts = np.searchsorted(known.ends, np.array([s.start for s in whole], np.int32), "right")
    lasts = np.searchsorted(known.starts, np.array([s.end for s in whole], np.int32))
    for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
        free[first:last] = False
    return free


_STATES = re.compile(r"licen[sc]e\w*[\"']?\s*[:=]\s*\S*$|licen[sc]e", re.I)
_STATES_ANY = re.compile(r"licen[sc]ed\b|licen[sc]ing|\bunder\b|\bterms\b|\bor\b|\band\b|\bdual|\beither\b|/", re.I)


_EXPRESSION = re.compile(r"[A-Za-z][\w.+-]*(?:\s+(?:OR|AND|WITH)\s+[A-Za-z][\w.+-]*){0,4}")
"""An SPDX id, or an expression of some."""


def _difference(known: Read) -> Span:
    """Where a text begins as one of the list and goes on otherwise."""
    near = known.near
    assert near is not None
    start, end = known.starts[near.first], known.ends[min(near.last, len(known.ends) - 1)]
    words = " ".join(_WHITE.split(known.text[known.starts[max(near.first, near.last - 8)] : end]))
    return Span(
        start,
        end,
        UNKNOWN,
        "doubt",
        0.5,
        f"not {near.template.ids[0]}, word {near.last - near.first + 1} differs: … {words}",
    )


def doubt(sentence: Sentence, said: str) -> Span:
    """The doubt that a sentence is; `said` is shown as its evidence."""
    shown = " ".join(_WHITE.split(said.strip(" \t\r\n\f\v")))
    return Span(sentence.start, sentence.end, UNKNOWN, "doubt", 0.5, shown)


_WHITE = re.compile(r"[ \t\r\n\f\v]+")
"""White space of ASCII; what else Latin-1 has may be a part of a character here."""


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
        end = text.find("\n", at)
        at = end if end >= 0 else len(text)
        limit = min(len(text), at + BLOCK)
        lines = text[at:limit].split("\n")[1:]
    for line in lines:
        if is_code_line(line):
            return at
        at += step * (len(line) + 1)
    return limit
