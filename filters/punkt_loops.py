"""Punkt's search for ends of sentences in compiled loops: the ends that the expressions of `filters.punkt` find, far faster.

It works on a byte for each character. What stands round a possible end is judged here where all of it is ASCII, a common letter or one of the quotation
marks and dashes of `_PLAIN`; anything else (an accent that is a character of its own, dots parted by spaces) is left to the caller.
"""

import itertools
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
_NUMBER = np.frombuffer(b"##number##", np.uint8)
_BETWEEN = 0xFF  # between the two words of a collocation; no word that is looked up has it
_DOT, _COMMA, _DASH, _LOW_LINE = (ord(char) for char in ".,-_")

(
    _SPACE, _INSIDE, _NO_START, _LINE_END, _OTHER_END, _ODD, _MARK, _SMALL, _CAPITAL, _DIGIT, _IN_NUMBER, _PUNCTUATION, _NO_CASE
) = (1 << bit for bit in range(13))  # fmt: skip
_LETTER = _SMALL | _CAPITAL | _NO_CASE
_CASED = (range(0xC0, 0x250), range(0x370, 0x530), range(0x1E00, 0x1F00))
_UNCASED = (
    *(range(0x5D0, 0x5EB), range(0x620, 0x64B), range(0x3041, 0x3097), range(0x30A1, 0x30FB), range(0x4E00, 0x9FA6)),
    range(0xAC00, 0xD7A4),
)
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


def _letters() -> dict[int, list[int]]:
    """Common letters beyond ASCII, by kind. The model has no word with one, so it is enough to know whether it is a capital. \u0130 is none
    of them: its small letter begins with an i."""
    cased = [char for codes in _CASED for char in map(chr, codes) if char.isalpha() and char != "\u0130"]
    capital = [ord(char) for char in cased if char.isupper()]
    small = [ord(char) for char in cased if char.islower()]
    others = {*map(ord, cased), *itertools.chain(*_UNCASED)}.difference(capital, small)
    return {_SMALL: small, _CAPITAL: capital, _NO_CASE: list(others)}


def _coded() -> tuple[NDArray[np.uint8], NDArray[np.int16]]:
    """(for each character of the basic plane the byte that stands for it, what each byte is, as bits). ASCII and `_PLAIN` have one each,
    the others one for each kind that there is. The last character stands for all beyond."""
    found = np.zeros(1 << 16, np.int16)
    for bit, chars in _CHARACTERS.items():
        found[[ord(char) for char in chars]] |= bit
    found[128:] |= _ODD
    plain = [ord(char) for char in _PLAIN]
    found[plain] ^= _ODD
    for kind, letters in _letters().items():
        found[letters] = kind
    others, numbers = np.unique(found[128:], return_inverse=True)
    kinds = np.zeros(256, np.int16)
    kinds[:128] = found[:128]
    kinds[128 : 128 + len(plain)] = found[plain]
    first = 128 + len(plain)
    kinds[first : first + len(others)] = others
    codes = np.arange(1 << 16, dtype=np.int64)
    codes[128:] = first + numbers
    codes[plain] = np.arange(128, first)
    return codes.astype(np.uint8), kinds


_CODES, _KINDS = _coded()


class Table(NamedTuple):
    """A model as one open-addressed table of words."""

    slots: NDArray[np.int32]  # number of a word, by hash; -1 is free
    pool: NDArray[np.uint8]  # the words' characters, one word after the other
    stops: NDArray[np.int64]  # (words + 1,) where they begin and end in it
    flags: NDArray[np.int64]  # (words,)
    longest: int  # characters of the longest


class Characters(NamedTuple):
    """A text."""

    codes: NDArray[np.uint8]  # a byte for each of its code points
    kinds: NDArray[np.int16]  # what the bytes are


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
        (_PAIR, ["\0".join(pair) for pair in pairs]),
    ):
        for word in words:
            flags[word] = flags.get(word, 0) | bit
    points = np.frombuffer("".join(flags).encode("utf-32-le"), np.uint32)
    pool = np.where(points == 0, _BETWEEN, _CODES[points]).astype(np.uint8)
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
    data = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
    if len(data) == len(text):
        return Characters(data, _KINDS)
    codes = np.empty(len(text), np.uint8)
    _encode(data, _CODES, codes)
    return Characters(codes, _KINDS)


def ends(text: Characters, model: Table, *, lines: bool, other_ends: bool) -> NDArray[np.int64]:
    """The ends of sentences and pieces in `text`, in order, one a row. Pieces are parted by line ends (those of `str.splitlines`)
    and by other scripts' marks, where asked; one without a sentence's end inside has the row of its own end alone."""
    parted = (_LINE_END if lines else 0) | (_OTHER_END if other_ends else 0)
    word = np.empty(2 * model.longest + 1, np.uint8)
    room = len(text.codes) // 32 + 16
    while True:
        rows = np.empty((room, 5), np.int64)
        # plain tuples: numba's cache would remember classes by the name of their module
        found = _ends((*text,), parted, (*model,), word, rows)
        if found >= 0:
            return rows[:found]
        room = len(text.codes) + 1


@compiled
def _encode(data: Array, table: Array, codes: Array) -> None:
    """Write the byte for each code point of a text in UTF-8."""
    at = 0
    for i in range(len(codes)):
        byte = np.int64(data[at])
        if byte < 0x80:
            codes[i] = byte
            at += 1
        elif byte < 0xE0:
            codes[i] = table[(byte & 31) << 6 | data[at + 1] & 63]
            at += 2
        elif byte < 0xF0:
            codes[i] = table[(byte & 15) << 12 | (data[at + 1] & 63) << 6 | data[at + 2] & 63]
            at += 3
        else:
            codes[i] = table[-1]
            at += 4


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
    """FNV-1a over characters."""
    value = np.uint64(14695981039346656037)
    for i in range(start, stop):
        value = (value ^ np.uint64(points[i])) * np.uint64(1099511628211)
    return np.int64(value >> np.uint64(20))


@compiled
def _ends(text: _Text, parted: int, model: _Model, word: Array, rows: Array) -> int:
    """Write the rows of all pieces; how many there are, -1 where there is no room for them. `word` is room for two of the longest words and what is between."""
    codes, kinds = text
    count = start = 0
    for at in range(len(codes) + 1):
        if at < len(codes) and kinds[codes[at]] & parted == 0:
            continue
        count = _ends_of(text, start, at, model, word, rows, count)
        if count < 0 or count == len(rows):
            return -1
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
    """The rows of one piece, behind `count` others: `_slices` of `filters.punkt`; how many there are then, or -1."""
    codes, kinds = text
    word_start = word_stop = start
    pending = False
    end = following = last = 0
    for at in range(start, stop + 1):
        if at < stop:
            if kinds[codes[at]] & _MARK == 0:
                continue
            after = at + 1
            while after < stop and kinds[codes[after]] & _SPACE:
                after += 1
            beside = after == at + 1
            if after == stop or (beside and kinds[codes[after]] & _INSIDE == 0):
                continue
            new_start = at
            while new_start > word_stop and not (9 <= codes[new_start - 1] <= 13 or codes[new_start - 1] == 32):
                new_start -= 1
            if (
                new_start <= word_stop + 1
            ):  # no space between, or at the very start of the stretch alone, which counts as none
                new_start = word_start
        if pending and (at == stop or word_stop <= new_start):
            kind = _broken(text, word_start, last, model, word)
            if kind:
                if count == len(rows):
                    return -1
                _write(rows, count, end, following, kind, word_start, last)
                count += 1
        if at < stop:
            word_start, word_stop, pending = new_start, at, True
            end, following, last = at + 1, at + 1, after + 1
            if not beside:
                following = after
                while last < stop and kinds[codes[last]] & _SPACE == 0:
                    last += 1
    return count


@inner
def _broken(text: _Text, start: int, stop: int, model: _Model, word: Array) -> int:
    """BREAK, UNSURE or 0: whether a token of the words [start, stop) but the last ends a sentence."""
    codes, kinds = text
    for i in range(start, stop):
        if kinds[codes[i]] & _ODD:
            return UNSURE
    before, until = -1, -1
    at = start
    while at < stop:
        if kinds[codes[at]] & _SPACE:
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
    codes, kinds = text
    several = _several(codes, kinds, at, stop)
    if several != 0:
        return at + several if several > 0 else -1
    end = at + 1
    if kinds[codes[at]] & _NO_START:
        return end
    while end < stop:
        behind = end
        if codes[end] == _COMMA:  # ends a token only before what would end one without it
            behind = end + 1
            if behind == stop:
                return end
        if kinds[codes[behind]] & (_SPACE | _INSIDE):
            return end
        several = _several(codes, kinds, behind, stop)
        if several != 0:
            return end if several > 0 else -1
        end += 1
    return end


@inner
def _several(codes: Array, kinds: Array, at: int, stop: int) -> int:
    """How many dashes or dots stand here, where it is two or more; -1 where dots may be parted by spaces; else 0."""
    char = codes[at]
    if char not in (_DASH, _DOT):
        return 0
    end = at + 1
    while end < stop and codes[end] == char:
        end += 1
    if end - at > 1:
        return end - at
    return -1 if char == _DOT and end + 1 < stop and kinds[codes[end]] & _SPACE and codes[end + 1] == _DOT else 0


@inner
def _closes(text: _Text, start: int, stop: int, after: int, end: int, model: _Model, word: Array) -> bool:
    """`_ends` of `filters.punkt`: whether the token [start, stop) ends a sentence before the one of [after, end)."""
    codes, kinds = text
    length = stop - start
    if codes[stop - 1] != _DOT:
        return length == 1 and kinds[codes[start]] & _MARK != 0
    if kinds[codes[after]] & _DIGIT and _flags(codes, start, stop - 1, model, word) & _BEFORE_NUMBER:
        return False
    breaks = _dot_ends(codes, start, stop, model, word)
    number = _is_number(codes, kinds, start, stop)
    other_number = _is_number(codes, kinds, after, end)
    kind_end = stop - 1 if length > 1 else stop
    other_end = end - 1 if end - after > 1 and _dot_ends(codes, after, end, model, word) else end
    if _are_pair(codes, start, kind_end, number, after, other_end, other_number, model, word):
        return False
    initial = length == 2 and (kinds[codes[start]] & _LETTER != 0 or codes[start] == _LOW_LINE)
    abbreviation = length > 1 and not breaks and (codes[stop - 2] != _DOT or _are_dots(codes, start, stop))
    if not (abbreviation or initial or number):
        return breaks
    context = _find(word, _type(codes, after, other_end, other_number, model[-1], word, 0), model)
    capital = kinds[codes[after]] & _CAPITAL != 0
    starts = _starts(codes, kinds, after, end, context)
    if abbreviation and not initial and (starts == 1 or (capital and context & _STARTER)):
        return True
    if initial or number:
        if starts == 0:
            return False
        if starts < 0 and initial and capital and not context & _LC:
            return False
    return breaks


@inner
def _dot_ends(codes: Array, start: int, stop: int, model: _Model, word: Array) -> bool:
    """Whether a token ends in one dot and is no abbreviation, nor is its part behind the last dash; a dot alone is such a token."""
    if codes[stop - 1] != _DOT:
        return False
    if stop - start == 1:
        return True
    if codes[stop - 2] == _DOT:
        return False
    behind = start
    for i in range(start, stop - 1):
        if codes[i] == _DASH:
            behind = i + 1
    known = _flags(codes, start, stop - 1, model, word)
    if behind > start:
        known |= _flags(codes, behind, stop - 1, model, word)
    return not known & _ABBREVIATION


@inner
def _are_dots(codes: Array, start: int, stop: int) -> bool:
    for i in range(start, stop):  # noqa: SIM110 (compiled)
        if codes[i] != _DOT:
            return False
    return True


@inner
def _starts(codes: Array, kinds: Array, after: int, end: int, context: int) -> int:
    """1 or 0: the token [after, end) begins a sentence or does not; -1: the model can't tell."""
    if end - after == 1 and kinds[codes[after]] & _PUNCTUATION:
        return 0
    if kinds[codes[after]] & _CAPITAL and context & _LC and not context & _MID_UC:
        return 1
    if kinds[codes[after]] & _SMALL and (context & _UC or not context & _BEG_LC):
        return 0
    return -1


@inner
def _is_number(codes: Array, kinds: Array, start: int, stop: int) -> bool:
    """`_NUMBER` of `filters.punkt`."""
    at = start
    if codes[at] == _DASH:
        at += 1
    if at < stop and codes[at] in (_DOT, _COMMA):
        at += 1
    if at == stop or not kinds[codes[at]] & _DIGIT:
        return False
    for i in range(at, stop):  # noqa: SIM110 (compiled)
        if not kinds[codes[i]] & _IN_NUMBER:
            return False
    return True


@inner
def _are_pair(
    codes: Array,
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
    length = _type(codes, start, stop, number, model[-1], word, 0)
    if not _find(word, length, model) & _FIRST:
        return False
    word[length] = _BETWEEN
    length = _type(codes, after, end, other_number, model[-1], word, length + 1)
    return _find(word, length, model) & _PAIR != 0


@inner
def _flags(codes: Array, start: int, stop: int, model: _Model, word: Array) -> int:
    """The flags of a word in any case; 0 where the model has no such word."""
    return _find(word, _type(codes, start, stop, False, model[-1], word, 0), model)


@inner
def _type(codes: Array, start: int, stop: int, number: bool, longest: int, word: Array, to: int) -> int:
    """Write a word to `word[to:]` as the model knows it (in small letters, all numbers as one), return where it ends; -1 where it
    is too long to be known."""
    if number:
        for i in range(len(_NUMBER)):
            word[to + i] = _NUMBER[i]
        return to + len(_NUMBER)
    if stop - start > longest:
        return -1
    for i in range(stop - start):
        char = codes[start + i]
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
def with_words(codes: Array, kinds: Array, rows: Array) -> tuple[Number, Array]:
    """How many of the sentences that `rows` end have a word: two letters side by side. And numbers of rows whose sentence has none
    of ASCII, but may have one of others."""
    count, unsure = 0, np.empty(len(rows), np.int64)
    left = start = 0
    for row in range(len(rows)):
        found = odd = False
        for i in range(start, rows[row, STOP]):
            odd = odd or kinds[codes[i]] & _ODD != 0
            if i > start and kinds[codes[i]] & _LETTER and kinds[codes[i - 1]] & _LETTER:
                found = True
                break
        count += found
        if odd and not found:
            unsure[left] = row
            left += 1
        start = rows[row, NEXT]
    return count, unsure[:left]
