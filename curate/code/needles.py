"""Words without one of which a pattern matches nothing, looked for in one compiled pass over a text.

Patterns of hundreds of alternatives are costly where they match nothing, which is nearly everywhere: so it is first asked which of
them may match at all, and where. What a pattern needs is read off the pattern itself (as Google's code search does for its
trigrams: Cox 2012, "Regular expression matching with a trigram index"), so that a changed pattern changes it too.

All that is no letter, digit or underscore counts as one gap, so that line breaks, comment marks and quotes between words do not
matter; upper case counts as lower.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from re import _constants, _parser  # type: ignore[attr-defined]  # what `re` itself reads patterns with
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from curate.code.arrays import Arrays
from curate.filters.jit import Array, Number, compiled

MOST = 400
"""Strings that a part of a pattern may match and still be followed one by one."""
FEW = 4
"""Characters of a class that are followed one by one."""
EDGE = "\b"
"""Stands for an edge of a word in a string."""
_SIGN = "$"
"""What is a gap, and looked for all the same."""
_COMMON = frozenset("a an the of to in on at by from for with and or is are was be not no this that it if we you i as out off own our my s use used read code file class copy need get set only".split())  # fmt: skip  # noqa: SIM905


class _Part(NamedTuple):
    """What a part of a pattern needs."""

    exact: frozenset[str] | None
    """All that it matches, where that is little."""
    needs: frozenset[str] | None
    """Strings of which each match has one; None where none are known."""

    @property
    def best(self) -> frozenset[str] | None:
        return _better(self.needs, self.exact and _plain(self.exact))


_NOTHING, _ANYTHING = _Part(frozenset({""}), None), _Part(None, None)


def needed(pattern: str) -> frozenset[str]:
    """Strings (small letters, gaps as one blank) of which any text has one that `pattern` matches in. ValueError where none are known."""
    found = _sequence(_parser.parse(pattern)).best
    if not found:
        raise ValueError(f"nothing that it always needs: {pattern[:100]}")
    return found


def _sequence(items: Iterable[tuple[Any, Any]]) -> _Part:
    exact: frozenset[str] = frozenset({""})
    needs: frozenset[str] | None = None
    whole, listed = True, list(items)
    for n, (kind, what) in enumerate(listed):
        part = _part(kind, _with_edges(kind, what, listed[:n][-1:], listed[n + 1 : n + 2]))
        if part.exact is not None and len(part.exact) * len(exact) <= MOST:
            exact = frozenset(a + b for a in exact for b in part.exact)
            continue
        whole = False
        needs = _better(_better(needs, _plain(exact)), part.needs)
        exact = part.exact if part.exact is not None else frozenset({""})
    return _Part(exact, needs) if whole else _Part(None, _better(needs, _plain(exact)))


def _with_edges(kind: Any, what: Any, before: list[tuple[Any, Any]], behind: list[tuple[Any, Any]]) -> Any:
    """What stands between edges of words, with these inside of it: the edges of `\\b(?:x|y)\\b` are those of x and of y."""
    before, behind = ([item for item in beside if item[0] is _constants.AT] for beside in (before, behind))
    if kind is _constants.SUBPATTERN:
        return (*what[:3], [*before, *what[3], *behind])
    if kind is _constants.BRANCH:
        return (what[0], [[*before, *option, *behind] for option in what[1]])
    return what


def _part(kind: Any, what: Any) -> _Part:
    made = _KINDS.get(str(kind))
    return made(what) if made else _ANYTHING


def _literal(code: int) -> _Part:
    return _Part(frozenset({chr(code).lower()}), None) if code < 128 else _ANYTHING


def _class(items: Sequence[tuple[Any, Any]]) -> _Part:
    found: set[str] = set()
    for kind, what in items:
        if kind is _constants.LITERAL and what < 128:
            found.add(chr(what).lower())
        elif kind is _constants.RANGE and what[1] < 128 and what[1] - what[0] < FEW:
            found.update(chr(code).lower() for code in range(what[0], what[1] + 1))
        else:
            return _ANYTHING
    return _Part(frozenset(found), None) if len(found) <= FEW else _ANYTHING


def _branch(what: tuple[Any, Sequence[Any]]) -> _Part:
    parts = [_sequence(option) for option in what[1]]
    exact = [part.exact for part in parts if part.exact is not None]
    if len(exact) == len(parts) and sum(map(len, exact)) <= MOST:
        return _Part(frozenset().union(*exact), None)
    best = [part.best for part in parts]
    return _Part(None, frozenset().union(*(b for b in best if b)) if all(best) else None)


def _repeat(what: tuple[int, int, Any]) -> _Part:
    least, most, items = what
    part = _sequence(items)
    if (least, most) == (1, 1):
        return part
    if least == 0:
        once = most == 1 and part.exact is not None
        return _Part(part.exact | {""}, None) if once and part.exact is not None else _ANYTHING
    return _Part(None, part.best)


_KINDS: dict[str, Callable[[Any], _Part]] = {
    "LITERAL": _literal,
    "IN": _class,
    "BRANCH": _branch,
    "MAX_REPEAT": _repeat,
    "MIN_REPEAT": _repeat,
    "SUBPATTERN": lambda what: _sequence(what[3]),
    "ATOMIC_GROUP": _sequence,
    "ASSERT": lambda _: _NOTHING,
    "ASSERT_NOT": lambda _: _NOTHING,
    "AT": lambda where: _Part(frozenset({EDGE}), None) if where is _constants.AT_BOUNDARY else _NOTHING,
}


def _plain(exact: frozenset[str]) -> frozenset[str] | None:
    """Strings as they are looked for; None where one of them says nothing."""
    found = frozenset(map(looked_for, exact))
    return found if all(found) and all(one != " " for one in found) else None


def looked_for(said: str) -> str:
    """A string with gaps as one blank; an edge of a word is one where the word is known. A sign is looked for alone."""
    if _SIGN in said:
        return _SIGN
    out = ""
    for n, char in enumerate(said):
        if char != EDGE:
            gap = not _is_letter(char)
            out += " " if gap and out[-1:] != " " else "" if gap else char
        elif out[-1:] != " " and (_is_letter(said[n + 1 : n + 2]) != (out != "")):
            out += " "
    return out


def _is_letter(char: str) -> bool:
    return char.isalnum() or char == "_"


def _better(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    """Of two sets the one whose strings are rarer."""
    if not one or not other:
        return one or other
    return min(one, other, key=_cost)


_OF_LICENCES = frozenset({"license", "licence"})
"""What nearly every text has that has any of these patterns."""


def _cost(found: frozenset[str]) -> float:
    return sum(map(_commonness, found))


def _commonness(said: str) -> float:
    words = said.split()
    if _COMMON.issuperset(words):
        return float(10.0 / 10 ** len(words))
    return 0.02 if _OF_LICENCES.issuperset(words) else float(4.0 ** -len(said.strip()))


class Gates(NamedTuple):
    """Words of some patterns, each with the bits of those that need it, as an automaton (Aho and Corasick 1975)."""

    classes: NDArray[np.uint8]
    """Class of each byte: 0 for gaps, the last one for letters that no word has."""
    following: NDArray[np.uint32]
    """Where the row of the next state begins: one column a class."""
    bits: NDArray[np.uint8] | NDArray[np.uint64]
    """Of each row, by the place where it begins: the patterns that need a word that ends there."""
    alone: NDArray[np.uint8] | NDArray[np.uint64]
    """Of each byte: patterns that need nothing but this sign."""


def gates(needs: Mapping[int, frozenset[str]], kind: type[np.uint8] | type[np.uint64] = np.uint8) -> Arrays:
    """The arrays of `Gates`: words as of `needed`, by bit, of which `kind` has room for all."""
    words: dict[str, int] = {}
    for bit, found in needs.items():
        for word in found:
            words[word] = words.get(word, 0) | bit
    single = np.zeros(256, kind)
    single[ord(_SIGN)] = words.pop(_SIGN, 0)
    letters = sorted({letter for word in words for letter in word} - {" "})
    classes = np.full(256, len(letters) + 1, np.uint8)
    for byte in range(256):
        char = chr(byte).lower()
        classes[byte] = letters.index(char) + 1 if char in letters else len(letters) + 1 if _is_letter(char) else 0
    rows: list[dict[int, int]] = [{}]
    bits = [0]
    for word, bit in words.items():
        state = 0
        for letter in classes[[ord(char) for char in word]].tolist():
            if letter not in rows[state]:
                rows[state][letter] = len(rows)
                rows.append({})
                bits.append(0)
            state = rows[state][letter]
        bits[state] |= bit
    following = np.zeros((len(rows), len(letters) + 2), np.uint32)
    waiting, fail = [0], [0] * len(rows)
    for state in waiting:  # by depth: a state's row needs those of shorter ones
        following[state] = following[fail[state]]
        bits[state] |= bits[fail[state]]
        for letter, child in rows[state].items():
            fail[child] = int(following[state, letter]) if state else 0
            following[state, letter] = child
            waiting.append(child)
    return {
        "classes": classes,
        "following": (following * np.uint32(len(letters) + 2)).ravel(),
        "bits": np.repeat(np.array(bits, kind), len(letters) + 2),
        "alone": single,
    }


@compiled
def _open(
    text: Array, classes: Array, following: Array, bits: Array, alone: Array, places: Array, found: Array
) -> Number:
    """How many places there are where a word ends; they go into `places`, and the bits into `found`."""
    n = 0
    before = np.uint8(0)
    state = following[0]  # what stands before the text is a gap, and so is what stands behind it
    for i in range(text.size + 1):
        kind = classes[text[i]] if i < text.size else np.uint8(0)
        opened = alone[text[i]] if i < text.size else np.uint8(0)
        if kind != 0 or before != 0:
            state = following[state + kind]
            opened |= bits[state]
        before = kind
        if opened:
            places[n] = i
            found[n] = opened
            n += 1
    return n


@compiled
def _all(text: Array, classes: Array, following: Array, bits: Array, alone: Array) -> Number:
    """The bits of all places together."""
    found = alone[0]
    before = classes[0]  # a gap
    state = following[0]
    for i in range(text.size):
        kind = classes[text[i]]
        found |= alone[text[i]]
        if kind != 0 or before != 0:
            state = following[state + kind]
            found |= bits[state]
        before = kind
    return found | bits[following[state]] if before != 0 else found


def opens(text: bytes, wanted: Gates) -> int:
    """The bits of all patterns that may match in Latin-1 `text`."""
    return int(_all(np.frombuffer(text, np.uint8), *wanted))


def opened(text: bytes, wanted: Gates) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Places of Latin-1 `text` where words end (the byte, or the one after it), in order, and the bits of the patterns that need them."""
    places, found = np.empty(len(text) + 1, np.int32), np.empty(len(text) + 1, np.uint8)
    n = _open(np.frombuffer(text, np.uint8), *wanted, places, found)
    return places[:n], found[:n]
