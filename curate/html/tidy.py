"""Whether a text is as `curate.html.extractors.clean_text` leaves texts: most are, and one look is all that they need."""

import numpy as np

from curate.filters.jit import Array, Number, compiled, inner
from curate.html.markup import U8, U64

_TAB, _LINE_FEED, _BLANK, _DELETE = 9, 10, 32, 127
_PRINTABLE = _DELETE - _BLANK
_BLOCK = 32  # bytes that are compared at once


def is_tidy(utf8: bytes, gaps: bool) -> bool:
    """Whether there is nothing to take out of a text in UTF-8: control characters, byte order marks, line ends other than line feeds,
    white space at the ends of lines, line feeds at both ends of the whole; without `gaps`, other white space there, and more than one blank
    line in a row. C1 characters are looked for, doubly encoded text is not.
    """
    return bool(_is_tidy(np.frombuffer(utf8, np.uint8), gaps))


@compiled
def _is_tidy(text: Array, gaps: Number) -> Number:
    size = len(text)
    if size == 0:
        return True
    if text[0] == _LINE_FEED or text[size - 1] == _LINE_FEED or ends_in_space(text, size):
        return False
    if not gaps and begins_with_space(text):
        return False
    i = next_odd(text, 0)
    while i < size:
        c = text[i]
        if c == _LINE_FEED:
            if ends_in_space(text, i) or (not gaps and text[i - 1] == _LINE_FEED and text[i - 2] == _LINE_FEED):
                return False
        elif c < _BLANK:
            if c != _TAB:
                return False
        elif c == _DELETE or (c >= 0xC2 and is_unwanted(c, text[i + 1 : i + 3])):
            return False
        i = next_odd(text, i + 1)
    return True


@inner
def next_odd(text: Array, at: Number) -> Number:
    """The next place from `at` on of a byte that is no printable one of ASCII, or the end. Blocks without are passed over as a whole."""
    i, end = U64(at), U64(len(text))
    while i + U64(_BLOCK) <= end:
        odd = U8(0)
        for k in range(_BLOCK):
            odd |= U8(U8(text[i + U64(k)] - U8(_BLANK)) >= _PRINTABLE)
        if odd:
            break
        i += U64(_BLOCK)
    while i < end and U8(text[i] - U8(_BLANK)) < _PRINTABLE:
        i += U64(1)
    return np.int64(i)


@inner
def is_unwanted(lead: Number, rest: Array) -> Number:
    """Whether a character is a C1 one, a byte order mark, or one of Unicode's ends of lines and paragraphs."""
    if lead == 0xC2:
        return rest[0] < 0xA0
    if lead == 0xE2:
        return rest[0] == 0x80 and (rest[1] == 0xA8 or rest[1] == 0xA9)
    return lead == 0xEF and rest[0] == 0xBB and rest[1] == 0xBF


@inner
def ends_in_space(text: Array, end: Number) -> Number:
    """Whether white space other than a line feed stands before `end`."""
    last = text[end - 1]
    if last < 0x80:
        return last in (_BLANK, _TAB)
    if text[end - 2] == 0xC2:
        return last == 0xA0
    return end >= 3 and is_wide_space(text[end - 3], text[end - 2], last)


@inner
def begins_with_space(text: Array) -> Number:
    """Whether the first character is white space."""
    first = text[0]
    if first < 0x80:
        return first <= _BLANK
    if first == 0xC2:
        return text[1] == 0xA0
    return len(text) >= 3 and is_wide_space(first, text[1], text[2])


@inner
def is_wide_space(one: Number, two: Number, three: Number) -> Number:
    """Whether three bytes are U+1680, U+2000 to U+200A, U+202F, U+205F or U+3000."""
    if one == 0xE2:
        return (two == 0x80 and (three <= 0x8A or three == 0xAF)) or (two == 0x81 and three == 0x9F)
    return (one == 0xE3 and two == 0x80 and three == 0x80) or (one == 0xE1 and two == 0x9A and three == 0x80)
