"""Punkt's search for ends of sentences in compiled loops: the ends that the expressions of `filters.punkt` find, far faster.

It works on code points. What stands round a possible end is judged here where all of it is ASCII or one of the quotation marks and
dashes of `_PLAIN`; anything else (a letter with an accent, dots parted by spaces) is left to the caller.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from curate.filters.jit import Array, Number, compiled, compiled_making, inner
from curate.filters.sentence_ends import ANYWHERE

PIECE, BREAK, UNSURE = range(3)
"""What a row of `ends` is: the end of a piece of the text, of a sentence, or perhaps of one."""
STOP, NEXT, KIND, FROM, TO = range(5)
"""Columns of `ends`: where a sentence ends and the next one begins, what the row is, the words round it."""

_CONTEXT = (1 << 7) - 1
"""Flags of a word: NLTK's orthographic contexts, and what else it is."""
_ABBREVIATION, _STARTER, _BEFORE_NUMBER, _FIRST, _PAIR = 1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12
_BEG_LC, _MID_UC, _UC, _LC = 1 << 4, 1 << 2, 7 << 1, 7 << 4
_NUMBER = np.frombuffer("##number##".encode("utf-32-le"), np.uint32)
_BETWEEN = 0x10FFFF  # the two words of a collocation; no word that is looked up has it
_DOT, _COMMA, _DASH, _LOW_LINE = (ord(char) for char in ".,-_")

(
    _SPACE, _INSIDE, _NO_START, _LINE_END, _OTHER_END, _ODD, _MARK, _SMALL, _CAPITAL, _DIGIT, _IN_NUMBER, _PUNCTUATION
) = (1 << bit for bit in range(12))  # fmt: skip
_LETTER = _SMALL | _CAPITAL
_PLAIN = "\xa0\xab\xbb\u2013\u2014\u2018\u2019\u201c\u201d"
_CHARACTERS = {
    _SPACE: "\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B))),
    _INSIDE: ")\";}]*:@'({[\u2018\u2019\u201c\u201d\xab\xbb?!",
    _NO_START: '("`{[:;&#*@)}]-,',
    _LINE_END: "\n\x0b\x0c\r\x1c\x1d\x1e\x85\u2028\u2029",
    _OTHER_END: ANYWHERE,
    _ODD: "\x1c\x1d\x1e\x1f",  # white space to `str.strip`, not to the expressions
    _MARK: ".?!",
    _SMALL: "abcdefghijklmnopqrstuvwxyz",
    _CAPITAL: "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    _DIGIT: "0123456789",
    _IN_NUMBER: "0123456789,.-",
    _PUNCTUATION: ";:,.!?",
}
"""What characters are to `filters.punkt._patterns` and the rest."""


def _properties() -> NDArray[np.int16]:
    """The properties of characters, as bits; the last entry is for all beyond the table."""
    found = np.zeros(1 << 16, np.int16)
    for bit, chars in _CHARACTERS.items():
        found[[ord(char) for char in chars]] |= bit
    found[128:] |= _ODD
    found[[ord(char) for char in _PLAIN]] ^= _ODD
    return found


_PROPERTIES = _properties()


class Table(NamedTuple):
    """A model as one open-addressed table of words."""

    slots: NDArray[np.int32]  # number of a word, by hash; -1 is free
    pool: NDArray[np.uint32]  # the words' code points, one word after the other
    stops: NDArray[np.int64]  # (words + 1,) where they begin and end in it
    flags: NDArray[np.int64]  # (words,)
    longest: int  # code points of the longest


class Characters(NamedTuple):
    """A text."""

    points: NDArray[np.uint32]  # its code points
    properties: NDArray[np.int16]  # what they are


def table(
    abbreviations: Iterable[str],
    collocations: Iterable[tuple[str, str]],
    starters: Iterable[str],
    contexts: Mapping[str, int],
    before_numbers: Iterable[str],
) -> Table:
    """The table of a model's parts (see `PunktParameters` in NLTK)."""
    flags = {word: flag & _CONTEXT for word, flag in contexts.items()}
    pairs = list(collocations)
    for bit, words in (
        (_ABBREVIATION, abbreviations),
        (_STARTER, starters),
        (_BEFORE_NUMBER, before_numbers),
        (_FIRST, [first for first, _ in pairs]),
        (_PAIR, [chr(_BETWEEN).join(pair) for pair in pairs]),
    ):
        for word in words:
            flags[word] = flags.get(word, 0) | bit
    pool = np.frombuffer("".join(flags).encode("utf-32-le"), np.uint32)
    stops = np.cumsum([0, *map(len, flags)])
    slots = np.full(1 << (4 * len(flags)).bit_length(), -1, np.int32)
    _fill(pool, stops, slots)
    longest = max(len(_NUMBER), *map(len, flags))
    return Table(slots, pool, stops, np.array(list(flags.values()), np.int64), longest)


_Text: TypeAlias = tuple[Array, Array]
_Model: TypeAlias = tuple[Array, Array, Array, Array, int]
# `Characters` and `Table` as the loops take them


def characters(text: str) -> Characters:
    """A text as the loops read it."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    return Characters(points, _PROPERTIES[np.minimum(points, len(_PROPERTIES) - 1)])


def ends(text: Characters, model: Table, *, lines: bool, other_ends: bool) -> NDArray[np.int64]:
    """The ends of sentences and pieces in `text`, in order, one a row. Pieces are parted by line ends (those of `str.splitlines`)
    and by other scripts' marks, where asked; one without a sentence's end inside has the row of its own end alone."""
    parted = (_LINE_END if lines else 0) | (_OTHER_END if other_ends else 0)
    rows = np.empty((1 + np.count_nonzero(text.properties & (_MARK | parted)), 5), np.int64)
    word = np.empty(2 * model.longest + 1, np.uint32)
    # plain tuples: numba's cache would remember classes by the name of their module
    return rows[: _ends((*text,), parted, (*model,), word, rows)]


@compiled
def _fill(pool: Array, stops: Array, slots: Array) -> None:
    """Put the words into the free table `slots`."""
    mask = len(slots) - 1
    for number in range(len(stops) - 1):
        slot = _hash(pool, stops[number], stops[number + 1]) & mask
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = number


@inner
def _hash(points: Array, start: int, stop: int) -> Number:
    """FNV-1a over code points."""
    value = np.uint64(14695981039346656037)
    for i in range(start, stop):
        value = (value ^ np.uint64(points[i])) * np.uint64(1099511628211)
    return np.int64(value >> np.uint64(20))


@compiled
def _ends(text: _Text, parted: int, model: _Model, word: Array, rows: Array) -> int:
    """Write the rows of all pieces; how many there are. `word` is room for two of the longest words and what is between."""
    _, properties = text
    count = start = 0
    for at in range(len(properties) + 1):
        if at < len(properties) and properties[at] & parted == 0:
            continue
        count = _ends_of(text, start, at, model, word, rows, count)
        _write(rows, count, at, at + 1, PIECE, at, at)
        count += 1
        start = at + 1
    return count


@inner
def _write(rows: Array, count: int, stop: int, following: int, kind: int, first: int, last: int) -> None:
    rows[count, STOP], rows[count, NEXT], rows[count, KIND] = stop, following, kind
    rows[count, FROM], rows[count, TO] = first, last


@inner
def _ends_of(text: _Text, start: int, stop: int, model: _Model, word: Array, rows: Array, count: int) -> int:
    """The rows of one piece, behind `count` others: `_slices` of `filters.punkt`."""
    points, properties = text
    word_start = word_stop = start
    pending = False
    end = following = last = 0
    for at in range(start, stop + 1):
        if at < stop:
            if properties[at] & _MARK == 0:
                continue
            after = at + 1
            while after < stop and properties[after] & _SPACE:
                after += 1
            beside = after == at + 1
            if after == stop or (beside and properties[after] & _INSIDE == 0):
                continue
            new_start = at
            while new_start > word_stop and not (9 <= points[new_start - 1] <= 13 or points[new_start - 1] == 32):
                new_start -= 1
            if (
                new_start <= word_stop + 1
            ):  # no space between, or at the very start of the stretch alone, which counts as none
                new_start = word_start
        if pending and (at == stop or word_stop <= new_start):
            kind = _broken(text, word_start, last, model, word)
            if kind:
                _write(rows, count, end, following, kind, word_start, last)
                count += 1
        if at < stop:
            word_start, word_stop, pending = new_start, at, True
            end, following, last = at + 1, at + 1, after + 1
            if not beside:
                following = after
                while last < stop and properties[last] & _SPACE == 0:
                    last += 1
    return count


@inner
def _broken(text: _Text, start: int, stop: int, model: _Model, word: Array) -> int:
    """BREAK, UNSURE or 0: whether a token of the words [start, stop) but the last ends a sentence."""
    _, properties = text
    for i in range(start, stop):
        if properties[i] & _ODD:
            return UNSURE
    before, until = -1, -1
    at = start
    while at < stop:
        if properties[at] & _SPACE:
            at += 1
            continue
        end = _token(text, at, stop)
        if end < 0:
            return UNSURE
        if before >= 0 and _closes(text, before, until, at, end, model, word):
            return BREAK
        before, until, at = at, end, end
    return 0


@inner
def _token(text: _Text, at: int, stop: int) -> int:
    """Where the token that begins at `at` ends; -1 where dots are parted by spaces."""
    points, properties = text
    several = _several(points, properties, at, stop)
    if several != 0:
        return at + several if several > 0 else -1
    end = at + 1
    if properties[at] & _NO_START:
        return end
    while end < stop:
        behind = end
        if points[end] == _COMMA:  # ends a token only before what would end one without it
            behind = end + 1
            if behind == stop:
                return end
        if properties[behind] & (_SPACE | _INSIDE):
            return end
        several = _several(points, properties, behind, stop)
        if several != 0:
            return end if several > 0 else -1
        end += 1
    return end


@inner
def _several(points: Array, properties: Array, at: int, stop: int) -> int:
    """How many dashes or dots stand here, where it is two or more; -1 where dots may be parted by spaces; else 0."""
    char = points[at]
    if char not in (_DASH, _DOT):
        return 0
    end = at + 1
    while end < stop and points[end] == char:
        end += 1
    if end - at > 1:
        return end - at
    return -1 if char == _DOT and end + 1 < stop and properties[end] & _SPACE and points[end + 1] == _DOT else 0


@inner
def _closes(text: _Text, start: int, stop: int, after: int, end: int, model: _Model, word: Array) -> bool:
    """`_ends` of `filters.punkt`: whether the token [start, stop) ends a sentence before the one of [after, end)."""
    points, properties = text
    length = stop - start
    if points[stop - 1] != _DOT:
        return length == 1 and properties[start] & _MARK != 0
    if properties[after] & _DIGIT and _flags(points, start, stop - 1, model, word) & _BEFORE_NUMBER:
        return False
    breaks = _dot_ends(points, start, stop, model, word)
    number = _is_number(points, properties, start, stop)
    other_number = _is_number(points, properties, after, end)
    kind_end = stop - 1 if length > 1 else stop
    other_end = end - 1 if end - after > 1 and _dot_ends(points, after, end, model, word) else end
    if _are_pair(points, start, kind_end, number, after, other_end, other_number, model, word):
        return False
    initial = length == 2 and (properties[start] & _LETTER != 0 or points[start] == _LOW_LINE)
    abbreviation = length > 1 and not breaks and (points[stop - 2] != _DOT or _are_dots(points, start, stop))
    if not (abbreviation or initial or number):
        return breaks
    context = _find(word, _type(points, after, other_end, other_number, model[-1], word, 0), model)
    capital = properties[after] & _CAPITAL != 0
    starts = _starts(properties, after, end, context)
    if abbreviation and not initial and (starts == 1 or (capital and context & _STARTER)):
        return True
    if initial or number:
        if starts == 0:
            return False
        if starts < 0 and initial and capital and not context & _LC:
            return False
    return breaks


@inner
def _dot_ends(points: Array, start: int, stop: int, model: _Model, word: Array) -> bool:
    """Whether a token ends in one dot and is no abbreviation, nor is its part behind the last dash; a dot alone is such a token."""
    if points[stop - 1] != _DOT:
        return False
    if stop - start == 1:
        return True
    if points[stop - 2] == _DOT:
        return False
    behind = start
    for i in range(start, stop - 1):
        if points[i] == _DASH:
            behind = i + 1
    known = _flags(points, start, stop - 1, model, word)
    if behind > start:
        known |= _flags(points, behind, stop - 1, model, word)
    return not known & _ABBREVIATION


@inner
def _are_dots(points: Array, start: int, stop: int) -> bool:
    for i in range(start, stop):  # noqa: SIM110 (compiled)
        if points[i] != _DOT:
            return False
    return True


@inner
def _starts(properties: Array, after: int, end: int, context: int) -> int:
    """1 or 0: the token [after, end) begins a sentence or does not; -1: the model can't tell."""
    if end - after == 1 and properties[after] & _PUNCTUATION:
        return 0
    if properties[after] & _CAPITAL and context & _LC and not context & _MID_UC:
        return 1
    if properties[after] & _SMALL and (context & _UC or not context & _BEG_LC):
        return 0
    return -1


@inner
def _is_number(points: Array, properties: Array, start: int, stop: int) -> bool:
    """`_NUMBER` of `filters.punkt`."""
    at = start
    if points[at] == _DASH:
        at += 1
    if at < stop and points[at] in (_DOT, _COMMA):
        at += 1
    if at == stop or not properties[at] & _DIGIT:
        return False
    for i in range(at, stop):  # noqa: SIM110 (compiled)
        if not properties[i] & _IN_NUMBER:
            return False
    return True


@inner
def _are_pair(
    points: Array,
    start: int,
    stop: int,
    number: bool,
    after: int,
    end: int,
    other_number: bool,
    model: _Model,
    word: Array,
) -> bool:
    """Whether the two words are a collocation."""
    length = _type(points, start, stop, number, model[-1], word, 0)
    if not _find(word, length, model) & _FIRST:
        return False
    word[length] = _BETWEEN
    length = _type(points, after, end, other_number, model[-1], word, length + 1)
    return _find(word, length, model) & _PAIR != 0


@inner
def _flags(points: Array, start: int, stop: int, model: _Model, word: Array) -> int:
    """The flags of a word in any case; 0 where the model has no such word."""
    return _find(word, _type(points, start, stop, False, model[-1], word, 0), model)


@inner
def _type(points: Array, start: int, stop: int, number: bool, longest: int, word: Array, to: int) -> int:
    """Write a word to `word[to:]` as the model knows it (in small letters, all numbers as one), return where it ends; -1 where it
    is too long to be known."""
    if number:
        for i in range(len(_NUMBER)):
            word[to + i] = _NUMBER[i]
        return to + len(_NUMBER)
    if stop - start > longest:
        return -1
    for i in range(stop - start):
        char = points[start + i]
        word[to + i] = char + 32 if 65 <= char <= 90 else char
    return to + stop - start


@inner
def _find(word: Array, length: int, model: _Model) -> int:
    """The flags of the first `length` code points of `word`; 0 where they are no word, or -1."""
    if length < 0:
        return 0
    slots, pool, stops, flags, _ = model
    mask = len(slots) - 1
    slot = _hash(word, 0, length) & mask
    while slots[slot] >= 0:
        number = slots[slot]
        start = stops[number]
        same = stops[number + 1] - start == length
        for i in range(length if same else 0):
            if pool[start + i] != word[i]:
                same = False
                break
        if same:
            return int(flags[number])
        slot = (slot + 1) & mask
    return 0


@compiled_making
def with_words(properties: Array, rows: Array) -> tuple[Number, Array]:
    """How many of the sentences that `rows` end have a word: two letters side by side. And numbers of rows whose sentence has none
    of ASCII, but may have one of others."""
    count, unsure = 0, np.empty(len(rows), np.int64)
    left = start = 0
    for row in range(len(rows)):
        found = odd = False
        for i in range(start, rows[row, STOP]):
            odd = odd or properties[i] & _ODD != 0
            if i > start and properties[i] & _LETTER and properties[i - 1] & _LETTER:
                found = True
                break
        count += found
        if odd and not found:
            unsure[left] = row
            left += 1
        start = rows[row, NEXT]
    return count, unsure[:left]
