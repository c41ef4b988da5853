"""Texts and notices that are known word for word, where they stand in a file."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curate.code.equal import Near, Text, equal_to
from curate.code.phrases import found_in, phrases
from curate.code.prose import copyright_lines, ordinary
from curate.code.texts import plainest
from curate.code.tokens import words

WHOLE = 25
"""Words from which a known text is one, and not a way to name a licence inside of a sentence."""


class Span(NamedTuple):
    """A place in a text that says a licence."""

    start: int
    end: int
    expression: str
    """Empty where it says none: a disclaimer, a false friend."""
    kind: str
    score: float
    name: str
    pointer: str = ""
    """Files that it points to, by blanks."""
    words: int = 0


def meets(span: tuple[int, ...] | Span, others: Sequence[tuple[int, ...] | Span]) -> bool:
    """Whether a place overlaps one of some others."""
    start, end = span[0], span[1]
    for other in others:  # noqa: SIM110 - asked for each sentence and each name
        if start < other[1] and other[0] < end:
            return True
    return False


def meets_ordered(span: tuple[int, ...] | Span, others: Sequence[tuple[int, ...] | Span]) -> bool:
    """The same for places in order that do not overlap each other: a look at one of them is enough."""
    at = bisect_left(others, (span[1],)) - 1
    return at >= 0 and others[at][1] > span[0]


class Read(NamedTuple):
    """A text with what is known in it."""

    text: str
    """Latin-1 of its bytes."""
    starts: NDArray[np.int32]
    """Places of its words, less those of copyright notices."""
    ends: NDArray[np.int32]
    spans: list[Span]
    copyrights: list[tuple[int, int]]
    near: Near | None
    """The text of the list that a part of the file begins with and then differs from."""


_HYPHEN = re.compile(rb"-([ \t]*\r?\n[ \t]*)([a-z]{2,}|[A-Z]{2,})(?![A-Za-z-])")
_FIRST_HALF = re.compile(rb"(?:\A|[^A-Za-z-])([A-Za-z]{2,})\Z")
MOST_HALF = 40
"""Letters of the first half of a word that lines part; no word of licences is longer."""


def joined(data: bytes) -> bytes:
    """A text with words of licences that lines part by a hyphen ("modifica-", "tion") put together; of the same length."""
    out, at = [], 0
    for match in _HYPHEN.finditer(data):
        gap, rest = match.groups()
        half = _FIRST_HALF.search(data[max(at, match.start() - MOST_HALF) : match.start()])
        if half and (half.group(1) + rest).lower().decode("ascii") in ordinary():
            out += [data[at : match.start()], rest, b" ", gap]
            at = match.end()
    return b"".join([*out, data[at:]]) if out else data


def read(data: bytes) -> Read:
    """What is known in a text (without comment marks): no two places overlap, of two that would the longer one counts.

    Where lines part words of licences, the text as it stands or the one with whole words, whichever has more that is known.
    """
    whole, plain = joined(data), _read(data)
    if whole == data:
        return plain
    other = _read(whole)
    return max(plain, other, key=lambda read: sum(span.words for span in read.spans))


def _read(data: bytes) -> Read:
    text = data.decode("latin-1")
    split = words(data)
    copyrights = copyright_lines(text)
    hashes, starts, ends = split
    if copyrights:
        kept = np.ones(len(starts), np.bool_)
        for first, last in np.searchsorted(starts, np.array(copyrights, np.int32)).tolist():
            kept[first:last] = False
        hashes, starts, ends = hashes[kept], starts[kept], ends[kept]
    equal, near = equal_to(Text(hashes, starts, ends, text), hashes)
    found = [
        (e.first, e.last, _expression(e.template.ids, e.template.kind), _KINDS[e.template.kind], "") for e in equal
    ]
    known = phrases()
    for phrase in found_in(hashes):
        said, files = known.said(phrase.number)
        kind = "full-text" if phrase.last - phrase.first > 100 else "header-notice"
        found.append((phrase.first, phrase.last, said, kind, files))
    taken = bytearray(len(hashes))
    spans = []
    for first, last, said, kind, pointer in sorted(found, key=lambda f: (f[0] - f[1], f[0])):
        if taken.find(1, first, last) < 0:
            taken[first:last] = b"\1" * (last - first)
            name = f"{kind.replace('-', ' ')} of {said}" if said else "no licence"
            spans.append(Span(int(starts[first]), int(ends[last - 1]), said, kind, 1.0, name, pointer, last - first))
    spans = [_with_tail(s, text, starts, ends, taken) for s in spans]
    if near is not None and taken.find(1, near.first, near.last) >= 0:
        near = None
    return Read(text, starts, ends, _apart(spans), copyrights, near)


def _apart(spans: Sequence[Span]) -> list[Span]:
    """Spans in order, less those that begin inside of the one before."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start, -s.end)):
        if not found or span.start >= found[-1].end:
            found.append(span)
    return found


_TAIL = re.compile(r"\W*END OF TERMS AND CONDITIONS\W", re.I)
TAIL = 600
"""Words of the longest advice on how to apply a GNU licence, behind its terms."""


def _with_tail(span: Span, text: str, starts: NDArray[np.int32], ends: NDArray[np.int32], taken: bytearray) -> Span:
    """A text of a GNU licence with the advice behind its terms, which has no terms and which copies word in many ways."""
    if span.kind != "full-text" or "GPL" not in span.expression or not _TAIL.match(text, span.end):
        return span
    first = int(np.searchsorted(starts, span.end))
    last = min(first + TAIL, len(starts))
    taken[first:last] = b"\1" * (last - first)
    return span._replace(end=int(ends[last - 1]))


_KINDS = {"license": "full-text", "header": "header-notice", "exception": "full-text"}


def _expression(ids: Sequence[str], kind: str) -> str:
    """Of ids that share a text the one that permits least; an exception as `WITH` it."""
    if tuple(ids) == ("none",):
        return ""
    plain = plainest(ids)
    return f"WITH {plain}" if kind == "exception" else plain
