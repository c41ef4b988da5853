"""SPDX's templates as programs that say whether a text stands at a place, word by word.

The matching guidelines (annex B of the SPDX specification) leave out white space, case, quotes, dashes, bullets, titles and
copyright notices. Differs: all punctuation is left out; and where a template lets any text be replaced (`.+`), names and the
words of the list's own text may stand, not any sentence.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from curate.code.arrays import Arrays, of_strings, saved, strings
from curate.code.prose import copyright_lines, is_name
from curate.code.spdx import Part, plain
from curate.code.texts import APART, Table, hash_table, of_table, readables, spdx_data, table_of, variants
from curate.code.tokens import anchors_in, grams, some_of, words_of
from curate.filters.jit import Array, Number, compiled, inner

ANCHOR = 4
"""Words by which the start of a text is found."""
MOST_NAMES = 30
"""Words that may stand for a replaceable part of any text."""
SHORT = 24
"""Words that a text and one of the list may share at their beginning by chance."""


WORD = 8
"""Bytes of a word's hash."""


class Text:
    """A text to be searched: its words, and the characters between them."""

    def __init__(
        self, hashes: NDArray[np.uint64], starts: NDArray[np.int32], ends: NDArray[np.int32], characters: str
    ) -> None:
        self.raw = hashes.tobytes() + bytes(WORD)
        """The hashes; behind the last word stands 0, which no word is."""
        self.hashes = np.frombuffer(self.raw, np.uint64)
        self.starts, self.ends, self.characters = starts, ends, characters
        self.furthest = 0

    def stands(self, words: bytes, at: int) -> bool:
        """Whether words (their hashes one behind the other) stand at a place."""
        return self.raw.startswith(words, WORD * at)

    def alike(self, words: bytes, at: int) -> int:
        """How many words stand at a place before one differs."""
        wanted = np.frombuffer(words, np.uint64)
        found = self.hashes[at : at + len(wanted)]
        differs = np.flatnonzero(found != wanted[: len(found)])
        return int(differs[0]) if len(differs) else len(found)

    def between(self, first: int, last: int) -> str:
        """The characters of words `first` to `last`, with white space folded."""
        return " ".join(self.characters[self.starts[first] : self.ends[last - 1]].split()) if first < last else ""


Then = Callable[[Text, int], int]
"""What is left of a template, compiled: from a place in a text to where it ends, or -1."""


Firsts = frozenset[int] | None
"""Hashes of the words by which what follows begins; None for any."""


class Literal(NamedTuple):
    """Words that must stand there."""

    hashes: tuple[int, ...]


class Optional(NamedTuple):
    """Parts that may be left out."""

    parts: "tuple[Literal | Optional | Variable, ...]"


class Variable(NamedTuple):
    """Words that a pattern allows, or the list's own."""

    pattern: str | None
    """None for any name."""
    original: tuple[int, ...]
    most: int
    """Words."""


Op = Literal | Optional | Variable


@lru_cache(maxsize=4_000)
def _ready(pattern: str) -> re.Pattern[str]:
    """A pattern when it is first needed: most templates are given up before."""
    return re.compile(pattern, re.I | re.S)


def _sizes(text: Text, at: int, most: int, after: Firsts) -> Iterable[int]:
    """How many words (below `most`) may stand at a place before what begins by `after`."""
    if after is None:
        return range(most)
    return [n for n, word in enumerate(text.hashes[at : at + most].tolist()) if word in after]


def _allows(pattern: str | None, words_: str) -> bool:
    """Whether words may stand for a replaceable part."""
    if pattern is None:
        return is_name(words_)
    ready = _ready(pattern)
    match = ready.fullmatch(words_) or ready.fullmatch(words_.strip(" .,;:()\"'*_"))
    return match is not None and all(is_name(group) for group in match.groupdict().values() if group)


def _literal(words: bytes, rest: Then) -> Then:
    """The words, and then the rest."""
    size, first = len(words) // WORD, words[:WORD]

    def match(text: Text, at: int) -> int:
        if text.stands(words, at):
            return rest(text, at + size)
        if at + size > text.furthest and text.stands(first, at):
            text.furthest = max(text.furthest, at + text.alike(words, at))
        return -1

    return match


def _optional(inner: Then, rest: Then) -> Then:
    """Parts with the rest behind them, or else the rest alone."""

    def match(text: Text, at: int) -> int:
        end = inner(text, at)
        return end if end >= 0 else rest(text, at)

    return match


def _variable_part(pattern: str | None, own: bytes, most: int, rest: Then, after: Firsts) -> Then:
    """Words that may stand there, and then the rest, which begins by the words `after`."""
    size_of_own = len(own) // WORD

    def match(text: Text, at: int) -> int:
        if own and text.stands(own, at):
            end = rest(text, at + size_of_own)
            if end >= 0:
                return end
        furthest = text.furthest
        for size in _sizes(text, at, min(most, len(text.starts) - at) + 1, after):
            end = rest(text, at + size)
            if end >= 0 and _allows(pattern, text.between(at, at + size)):
                return end
        text.furthest = furthest
        return -1

    return match


def _chained(parts: Sequence[Any], words: NDArray[np.uint64], rest: Then, after: Firsts) -> tuple[Then, Firsts]:
    """The parts of a program as `_Pool.packed` made JSON of it, one after the other, and then `rest`, which begins by the words `after`; and by
    which words all that begins."""
    for kind, *more in reversed(parts):
        if kind == "o":
            inner, begins = _chained(more[0], words, rest, after)
            rest = _optional(inner, rest)
            after = begins | after if begins is not None and after is not None else None
        elif kind == "v":
            pattern, first, size, most = more
            rest, after = _variable_part(pattern, words[first : first + size].tobytes(), most, rest, after), None
        else:
            rest = _literal(words[kind : kind + more[0]].tobytes(), rest)
            after = frozenset((int(words[kind]),))
    return rest, after


def _done(_: Text, end: int) -> int:
    return end


Literals = Callable[[str], "Sequence[Op]"]
"""The words of a piece of a template."""


def literals_of(texts: Iterable[str]) -> dict[str, list[Op]]:
    """The words of pieces of templates less their copyright notices, at one go.

    Where a notice stands inside of a piece, the last of its names may be left over: in a copy it may have come to the next
    line, which a notice does not reach.
    """
    unique = list(dict.fromkeys(texts))
    pieces = readables(unique)
    (hashes, starts, _), bounds = words_of(pieces, APART.encode())
    flat = APART.encode().join(pieces).decode("latin-1")
    notices = [np.searchsorted(starts, place).tolist() for place in copyright_lines(flat)]
    found: dict[str, list[Op]] = {}
    n = 0
    for piece, text in enumerate(unique):
        at, end = bounds[piece : piece + 2].tolist()
        ops: list[Op] = []
        while n < len(notices) and notices[n][0] < end:
            first, last = notices[n]
            _add(ops, tuple(hashes[at:first].tolist()))
            if ops and last - first > 1 and last < end:
                ops.append(Optional((Literal(tuple(hashes[last - 1 : last].tolist())),)))
            at, n = last, n + 1
        _add(ops, tuple(hashes[at:end].tolist()))
        found[text] = ops
    return found


_ANY = re.compile(r"(?<!\\)\.(?:\+|\*|\{\d+,\d*\})\??")
_PLACEHOLDER = re.compile(r"<[^<>\n:@]{1,80}>|\[(?:yyyy|year|name of [^\[\]\n]{1,60}|fullname)\]|\{[^{}\n]{1,60}\}")


def _variable(pattern: str, own: tuple[int, ...], original: str) -> Variable:
    """A replaceable part: what its pattern leaves open must be a name."""
    if _ANY.fullmatch(pattern.strip("() ")) or pattern in ("(.*)?", ".*?"):
        return Variable(None, own, MOST_NAMES)
    count = 0

    def named(_: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return f"(?P<n{count}>.*?)"

    open_ = _ANY.search(pattern) is not None
    closed = re.sub(r"\[ \\t\\r\\n\\f\]\{\d+,\d+\}", r"\\s*", _ANY.sub(named, pattern)).replace("&quot;", '"')
    try:
        re.compile(closed)
    except re.error:
        return Variable(re.escape(original), own, len(own))
    longest = max(len(branch.split(r"\s")) + len(branch.split()) for branch in pattern.split("|"))
    return Variable(closed, own, (MOST_NAMES if open_ else 0) + longest + 1)


_SUBLICENSE = re.compile(r"\b(sublicense)\b", re.I)
"""What SPDX's guidelines also spell in two words."""


def _hashes(ops: Sequence[Op]) -> tuple[int, ...]:
    return tuple(word for op in ops if isinstance(op, Literal) for word in op.hashes)


def program_of(parts: Sequence[Part], literals: Literals) -> tuple[Op, ...]:
    """A template as a program; `literals` gives the words of its pieces."""
    found: list[Op] = []
    for part in parts:
        if isinstance(part, str) and "sublicense" in part.lower() and _SUBLICENSE.search(part):
            pieces = _SUBLICENSE.split(part)
            spelled = [p if n % 2 == 0 else ["v", r"sub[ -]?licen[cs]e", "sublicense"] for n, p in enumerate(pieces)]
            found.extend(program_of([p for p in spelled if p], literals))
        elif isinstance(part, str):
            at = 0
            for hole in _PLACEHOLDER.finditer(part):
                _extend(found, literals(part[at : hole.start()]))
                found.append(Variable(None, _hashes(literals(hole.group())), MOST_NAMES))
                at = hole.end()
            _extend(found, literals(part[at:]))
        elif part[0] == "o":
            inner = program_of(part[1], literals)
            if inner:
                found.append(Optional(inner))
        else:
            found.append(_variable(part[1], _hashes(literals(part[2])), part[2]))
    return tuple(found)


def _extend(found: list[Op], literals: Sequence[Op]) -> None:
    for op in literals:
        if isinstance(op, Literal):
            _add(found, op.hashes)
        else:
            found.append(op)


def _add(found: list[Op], hashes: tuple[int, ...]) -> None:
    if hashes and found and isinstance(found[-1], Literal):
        found[-1] = Literal(found[-1].hashes + hashes)
    elif hashes:
        found.append(Literal(hashes))


class Template(NamedTuple):
    """One text of the list."""

    ids: tuple[str, ...]
    kind: str
    """license, header (the notice a licence asks to put into files) or exception."""
    number: int

    def matches(self, text: Text, at: int) -> int:
        """Where the text of the list ends that begins at a place; -1 where it does not stand there."""
        return _program(self.number)(text, at)


def _starts(program: Sequence[Op]) -> Iterable[tuple[Op, ...]]:
    """The programs by which a template may begin: at its first literal, or with what may stand before it."""
    for n, op in enumerate(program):
        rest = tuple(program[n + 1 :])
        if isinstance(op, Literal):
            yield (op, *rest)
            return
        if isinstance(op, Optional):
            yield from (_joined(start, rest) for start in _starts(op.parts))
        elif op.pattern is not None and op.original:
            yield _joined((Literal(op.original),), rest)


def _joined(start: tuple[Op, ...], rest: tuple[Op, ...]) -> tuple[Op, ...]:
    """Two programs one after the other; literals that meet become one, so that an anchor reaches over the seam."""
    if isinstance(start[-1], Literal) and rest and isinstance(rest[0], Literal):
        return (*start[:-1], Literal(start[-1].hashes + rest[0].hashes), *rest[1:])
    return (*start, *rest)


class Templates(NamedTuple):
    """The texts of the list by the first words (up to ANCHOR) that they begin with."""

    tables: tuple[Table, ...]
    """For 1 to ANCHOR words the anchors of so many, with their numbers."""
    starting: tuple[NDArray[np.int32], ...]
    """The same: templates of anchor a are numbered `starting[a]` to `starting[a + 1]`."""
    most: int
    """Templates of the anchor that has the most."""
    pairs: NDArray[np.uint8]
    """The first two words of the anchors, as of `some_of`."""
    words: NDArray[np.uint64]
    """The words of all literals."""
    nodes: NDArray[np.int32]
    """The programs for `_reaches`, as rows (kind, first word, size, most words, node behind it, node inside of it)."""
    entries: NDArray[np.int32]
    """The node by which template n begins, a literal."""
    programs: Sequence[str]
    """ids, kind and parts of each, as JSON: a part is [first, size] of `words`, ["o", parts] or ["v", pattern, first, size, most]."""


@lru_cache(maxsize=1)
def templates() -> Templates:
    """The texts of the list; takes about three seconds where no process has made them yet."""
    found = saved("templates", _built)
    widths = range(1, ANCHOR + 1)
    starting = tuple(found[f"starting-{w}"] for w in widths)
    return Templates(
        tuple(table_of(f"anchors-{w}", found) for w in widths),
        starting,
        max(int(np.diff(numbers).max(initial=0)) for numbers in starting),
        found["pairs"],
        found["words"],
        found["nodes"].reshape(-1, 6),
        found["entries"],
        strings("programs", found),
    )


@lru_cache(maxsize=4_000)
def template(number: int) -> Template:
    """One of them."""
    ids, kind, _ = json.loads(templates().programs[number])
    return Template(tuple(ids), kind, number)


@lru_cache(maxsize=4_000)
def _program(number: int) -> Then:
    """A text of the list, ready to be matched: made when one begins with its first words whole, which few do."""
    known = templates()
    return _chained(json.loads(known.programs[number])[2], known.words, _done, None)[0]


def _by_first_words() -> dict[tuple[int, ...], list[tuple[Any, tuple[Op, ...]]]]:
    """The texts of the list, each with its row, by the words (up to ANCHOR) that it may begin with."""
    found: dict[tuple[int, ...], list[tuple[Any, tuple[Op, ...]]]] = defaultdict(list)
    reviewed = [{"ids": [name], "kind": "license", "template": marked(text)} for name, text in variants()]
    bodies = [(row, body) for row in [*spdx_data()["texts"], *reviewed] for body in _bodies(row["template"])]
    pieces: dict[str, list[Op]] = {}
    for _, body in bodies:
        program_of(body, lambda text: pieces.setdefault(text, []))  # which pieces there are
    pieces = literals_of(pieces)
    for row, body in bodies:
        for program in _starts(program_of(body, pieces.__getitem__)):
            if isinstance(program[0], Literal):
                found[program[0].hashes[:ANCHOR]].append((row, program))
    return found


def _built() -> Arrays:
    """The arrays of `templates`."""
    found = _by_first_words()
    arrays: dict[str, NDArray[Any]] = {}
    pool = _Pool()
    packed: list[str] = []
    nodes = [[_DONE, 0, 0, 0, 0, 0]]
    entries: list[int] = []
    for width in range(1, ANCHOR + 1):
        keys = [key for key in found if len(key) == width]
        table = hash_table(np.array([grams(np.array(key, np.uint64), width)[0] for key in keys], np.uint64))
        starting = [len(packed)]
        for key in keys:
            for row, program in found[key]:
                parts = pool.packed(program)
                packed.append(json.dumps([row["ids"], row["kind"], parts]))
                entries.append(_linked(parts, 0, nodes))
            starting.append(len(packed))
        arrays |= of_table(f"anchors-{width}", table)
        arrays[f"starting-{width}"] = np.array(starting, np.int32)
    return {
        **arrays,
        "pairs": some_of(np.array([grams(np.array(key, np.uint64), 2)[0] for key in found if len(key) > 1], np.uint64)),
        "words": np.array(pool.words, np.uint64),
        "nodes": np.array(nodes, np.int32).ravel(),
        "entries": np.array(entries, np.int32),
        **of_strings("programs", packed),
    }


_DONE, _LITERAL, _OPTIONAL, _VARIABLE = range(4)


def _linked(parts: Sequence[Any], following: int, nodes: list[list[int]]) -> int:
    """Adds the nodes of parts (as `_Pool.packed` made them) that another node follows; the first of them."""
    for kind, *more in reversed(parts):
        if kind == "o":
            row = [_OPTIONAL, 0, 0, 0, following, _linked(more[0], following, nodes)]
        elif kind == "v":
            row = [_VARIABLE, *more[1:], following, 0]
        else:
            row = [_LITERAL, kind, more[0], 0, following, 0]
        nodes.append(row)
        following = len(nodes) - 1
    return following


class _Pool:
    """The words of literals, each run of them once."""

    def __init__(self) -> None:
        self.words: list[int] = []
        self.places: dict[tuple[int, ...], int] = {}

    def place(self, hashes: tuple[int, ...]) -> list[int]:
        """First word and number of words of a literal."""
        if hashes not in self.places:
            self.places[hashes] = len(self.words)
            self.words += hashes
        return [self.places[hashes], len(hashes)]

    def packed(self, parts: Sequence[Op]) -> list[Any]:
        """A program as JSON."""
        return [self._part(part) for part in parts]

    def _part(self, part: Op) -> list[Any]:
        if isinstance(part, Literal):
            return self.place(part.hashes)
        if isinstance(part, Optional):
            return ["o", self.packed(part.parts)]
        return ["v", part.pattern, *self.place(part.original), part.most]


def marked(text: str) -> list[Part]:
    """A wording of our list as a template."""
    pieces = re.split(r"\{\{(.*?)\}\}", text, flags=re.S)
    return [["v", ".+", piece] if n % 2 else piece for n, piece in enumerate(pieces) if piece.strip()]


def _bodies(template: list[Part]) -> Iterable[list[Part]]:
    """A template, and without its appendix where it has one."""
    short = without_appendix(template)
    return [template] if short is template else [template, short]


_END_OF_TERMS = "END OF TERMS AND CONDITIONS"


def without_appendix(parts: list[Part]) -> list[Part]:
    """A template up to the end of its terms, as many copies have it; the whole where it has no appendix."""
    for n, part in enumerate(parts):
        if isinstance(part, str) and _END_OF_TERMS in part and len(plain(parts[:n])) + part.index(_END_OF_TERMS) > 2000:
            return [*parts[:n], part[: part.index(_END_OF_TERMS)]]
        if not isinstance(part, str) and part[0] == "o" and _END_OF_TERMS in plain([part]) and n > 3:
            return parts[:n]
    return parts


class Equal(NamedTuple):
    """A text of the list that stands in a text."""

    first: int
    last: int
    """One after its last word."""
    template: Template


class Near(NamedTuple):
    """The text of the list of which most words stand at a place, before one differs."""

    first: int
    last: int
    """The first word that differs."""
    number: int

    @property
    def template(self) -> Template:
        """The text of the list."""
        return template(self.number)


@inner
def _alike(text: Array, at: Number, words: Array, first: Number, size: Number) -> Number:
    """How many of some words stand at a place before one differs."""
    most = min(size, text.size - at)
    same = 0
    while same < most and text[at + same] == words[first + same]:
        same += 1
    return same


@inner
def _reaches(text: Array, at: Number, node: Number, nodes: Array, words: Array, furthest: Array) -> Number:
    """Where a program ends if any words may stand for its replaceable parts; -1 where it can't, and how far it came then.

    The same steps as those of the functions that `_program` makes, which are asked where it ends.
    """
    while True:
        kind, first, size, following = nodes[node, 0], nodes[node, 1], nodes[node, 2], nodes[node, 4]
        if kind == _DONE:
            return at
        same = _alike(text, at, words, first, size)
        if kind == _LITERAL:
            if same < size:
                if same > 0:
                    furthest[0] = max(furthest[0], at + same)
                return -1
            at += size
        elif kind == _OPTIONAL:
            end = _reaches(text, at, nodes[node, 5], nodes, words, furthest)
            if end >= 0:
                return end
        else:
            if size > 0 and same == size:
                end = _reaches(text, at + size, following, nodes, words, furthest)
                if end >= 0:
                    return end
            before = furthest[0]
            literal = nodes[following, 0] == _LITERAL
            for width in range(min(nodes[node, 3], text.size - at) + 1):
                if literal and (at + width == text.size or text[at + width] != words[nodes[following, 1]]):
                    continue
                end = _reaches(text, at + width, following, nodes, words, furthest)
                if end >= 0:
                    return end
            furthest[0] = before
            return -1
        node = following


@compiled
def _begun(
    text: Array,
    anchors: Array,
    starting: tuple[Array, ...],
    programs: tuple[Array, Array, Array],
    furthest: Array,
    out: Array,
) -> Number:
    """How many rows of `out` there are: (word, template, where it may end or -1, how far it came) where the first literal of a template stands
    whole, or further than one before.

    By the width of the anchor, then by place. A text that can't be the template is found out here already, since nearly all
    templates that begin at a place can't.
    """
    words, nodes, entries = programs
    found = 0
    best = SHORT
    for width in range(1, len(starting) + 1):
        for anchor in range(anchors.shape[0]):
            if anchors[anchor, 0] != width:
                continue
            at, row = anchors[anchor, 1], anchors[anchor, 2]
            for n in range(starting[width - 1][row], starting[width - 1][row + 1]):
                size = nodes[entries[n], 2]
                same = _alike(text, at, words, nodes[entries[n], 1], size)
                furthest[0] = at + same
                end = -1
                if same == size:
                    furthest[0] = at
                    end = _reaches(text, at, entries[n], nodes, words, furthest)
                    if end < 0 and furthest[0] - at <= SHORT:
                        continue
                elif same > best:
                    best = same
                else:
                    continue
                out[found, 0], out[found, 1], out[found, 2], out[found, 3] = at, n, end, furthest[0]
                found += 1
    return found


def equal_to(text: Text, hashes: NDArray[np.uint64]) -> tuple[list[Equal], Near | None]:
    """The texts of the list in a text, those that begin at one word by length; and the one that came nearest, if by more than `SHORT` words."""
    known = templates()
    found: list[Equal] = []
    near: Near | None = None
    anchors = anchors_in(hashes, known.pairs, known.tables, 1)
    out = np.empty((len(anchors) * known.most, 4), np.int64)
    programs = (known.words, known.nodes, known.entries)
    size = _begun(hashes, anchors, known.starting, programs, np.zeros(1, np.int64), out)
    for at, number, end, furthest in out[:size].tolist():
        text.furthest = furthest if end < 0 else at
        whole = _program(number)(text, at) if end >= 0 else -1
        if whole >= 0:
            found.append(Equal(at, whole, template(number)))
        elif text.furthest - at > (near.last - near.first if near else SHORT):
            near = Near(at, text.furthest, number)
    return found, near
