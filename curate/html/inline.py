"""Inline elements that mean more than their text: raised and lowered characters, ruby, and what nobody sees."""

import numpy as np

from curate.filters.jit import Array, Number, inner
from curate.html.markup import U8, U64, fnv_lower, is_letter, is_space, skip_comment, tag_end
from curate.html.start import (
    GT,
    HIDDEN_NAME,
    SLASH,
    STYLE,
    attribute_name,
    attribute_value,
    find_close,
    hides,
    until_found,
)
from curate.html.tags import BLOCK, BODY, FORMULA, META, RAW, SCRIPT, SKIP, TITLE, VOID_BLOCK, Tables, fnv
from curate.html.tape import (
    FAILED,
    FORMULAS,
    RAISED_CLOSE,
    RAISED_END,
    RAISED_FROM,
    RAISED_OPEN,
    READING_ON,
    SPACE,
    START,
    TEXT,
    Tape,
)
from curate.html.text import AMP, HASH, SEMICOLON, put

LT, BANG = 60, 33
LONGEST_RAISED = 200  # bytes of markup
LONGEST_HIDDEN = 20_000
MOST_FAILED = 64  # hidden elements of a page whose end is not found; the bound of the time that looking for ends takes
OPEN_BRACKET, CLOSE_BRACKET, OPEN_ROUND, CLOSE_ROUND, CARET, LOW_LINE, BLANK = 91, 93, 40, 41, 94, 95, 32
A, SUP = np.uint64(fnv(b"a")), np.uint64(fnv(b"sup"))
BLOCK_BYTES = 32  # that are compared at once
NON, HID, TEX = ((U8(a), U8(b), U8(c)) for a, b, c in (b"non", b"hid", b"tex"))  # of none, hidden
EXPONENTS = np.frombuffer(b"ijkmnpqtxyzTN", np.uint8)


@inner
def raise_or_lower(buf: Array, at: Number, name: Number, tape: Tape) -> None:
    """Write what opens a `sup` or `sub` whose content begins at `at`, and remember what closes it.

    Exponents and indices are as in plain mathematics, 10^6, x^(n+1), x_i, CO2; marks of notes stand in brackets; what is
    raised by custom (4th, 1er) is plain.
    """
    close_at, links, letters, digits, signs, first, last = content(buf, at, name)
    if close_at < 0 or letters + digits + signs == 0:
        return
    state = tape.state
    here = state[TEXT] > state[START] and not state[SPACE]
    before = tape.text[state[TEXT] - 1] if here else 0
    after = behind(buf, close_at)
    if name == SUP:
        opening, closing = exponent(tape, before, after, links, letters, digits, signs, first, last)
    else:
        opening, closing = index(before, letters, digits, signs)
    if opening == BLANK:
        state[SPACE] = 1
    state[RAISED_OPEN] = 0
    if opening and opening != BLANK:
        put(tape, at, opening)
        state[RAISED_OPEN] = 1
        if closing == CLOSE_ROUND:
            put(tape, at, OPEN_ROUND)
            state[RAISED_OPEN] = 2
    state[RAISED_END], state[RAISED_CLOSE], state[RAISED_FROM] = close_at, closing, state[TEXT]


@inner
def content(buf: Array, at: Number, name: Number) -> tuple[Number, Number, Number, Number, Number, Number, Number]:
    """Of the element at `at`: where its end tag is (-1: too far), links, letters, digits, other characters, first, last."""
    links, letters, digits, signs = 0, 0, 0, 0
    first: Number = 0
    last: Number = 0
    i = at
    limit = min(len(buf), at + LONGEST_RAISED)
    while i < limit:
        c = buf[i]
        if c == LT and i + 1 < limit:
            closing = buf[i + 1] == SLASH
            tag, _ = fnv_lower(buf, i + 2 if closing else i + 1)
            if closing and tag == name:
                return i, links, letters, digits, signs, first, last
            links += tag == A
            i = tag_end(buf, i + 1)
            continue
        if c == AMP:  # a character by its name or number is one sign
            first = c if first == 0 else first
            last = c
            signs += 1
            i = after_reference(buf, i, limit)
            continue
        if not is_space(c):
            first = c if first == 0 else first
            last = c
            if 48 <= c <= 57:
                digits += 1
            elif is_letter(c):
                letters += 1
            elif c < 128 or c >= 192:
                signs += 1
        i += 1
    return -1, links, letters, digits, signs, first, last


@inner
def after_reference(buf: Array, at: Number, limit: Number) -> Number:
    """The place after the character reference at `at`, or after its "&" where it is none."""
    for i in range(at + 1, min(limit, at + 12)):
        if buf[i] == SEMICOLON:
            return i + 1
        if buf[i] != HASH and not is_letter(buf[i]) and not (48 <= buf[i] <= 57):
            break
    return at + 1


@inner
def behind(buf: Array, close_at: Number) -> Number:
    """The byte after the end tag at `close_at`; a slash for the fraction slash as well."""
    i = tag_end(buf, close_at + 2)
    if i + 2 < len(buf) and buf[i] == 0xE2 and buf[i + 1] == 0x81 and buf[i + 2] == 0x84:
        return SLASH
    if i + 3 < len(buf) and buf[i] == AMP and buf[i + 1] == 102 and buf[i + 2] == 114 and buf[i + 3] == 97:  # &fra(sl;)
        return SLASH
    return buf[i] if i < len(buf) else 0


@inner
def exponent(
    tape: Tape, before: Number, after: Number, links: Number, letters: Number, digits: Number, signs: Number,
    first: Number, last: Number,
) -> tuple[Number, Number]:  # fmt: skip
    """What opens and closes raised text; 0 for nothing."""
    if first in (OPEN_BRACKET, OPEN_ROUND):
        return 0, 0
    if after == SLASH and digits > 0 and letters + signs == 0:  # the upper half of a fraction
        return (BLANK if 48 <= before <= 57 else 0), 0
    if links > 0:
        mark = digits > 0 or letters <= 2
        return (OPEN_BRACKET, CLOSE_BRACKET) if mark and letters + digits > 0 else (0, 0)
    if before == 0:
        return 0, (BLANK if digits > 0 and letters + signs == 0 else 0)
    if digits > 0 and letters + signs == 0:
        return (CARET, CARET) if is_base(tape, before, 2) else (OPEN_BRACKET, CLOSE_BRACKET)
    if letters > 0 and digits + signs == 0:
        alone = letters == 1 and is_base(tape, before, 1)
        return (CARET, CARET) if alone and is_exponent(first) else (0, 0)
    if digits > 0 and signs == 1 and letters == 0 and first != 44 and is_base(tape, before, 2):
        signed = not (48 <= first <= 57) or not (48 <= last <= 57)  # -1, 2+; else 1/2, 1-3
        return (CARET, CARET) if signed else (CARET, CLOSE_ROUND)
    if letters + digits > 0 and letters < 8 and is_base(tape, before, 2):
        return CARET, CLOSE_ROUND
    return 0, 0


@inner
def index(before: Number, letters: Number, digits: Number, signs: Number) -> tuple[Number, Number]:
    """What opens and closes lowered text; 0 for nothing."""
    number = 48 <= before <= 57
    if before == 0 or before == SLASH or letters + digits + signs > 12:
        return 0, 0
    if letters + signs == 0:
        return (LOW_LINE, LOW_LINE) if number else (0, 0)  # CO2 and x1, but 101_2
    if not (number or is_letter(before) or before >= 128 or before in (CLOSE_ROUND, CLOSE_BRACKET)):
        return 0, 0
    return (LOW_LINE, LOW_LINE) if signs == 0 else (LOW_LINE, CLOSE_ROUND)


@inner
def is_base(tape: Tape, before: Number, most: Number) -> Number:
    """Whether the text so far ends in what can have an exponent: a number, a bracket, or a name of at most `most` letters.

    A longer word that is followed by a raised number has a note.
    """
    if 48 <= before <= 57 or before in (CLOSE_ROUND, CLOSE_BRACKET):
        return True
    state, text = tape.state, tape.text
    at = state[TEXT] - 1
    if before >= 128:  # one Greek letter
        greek = at - 1 >= state[START] and (text[at - 1] == 0xCE or text[at - 1] == 0xCF)
        return greek and (at - 2 < state[START] or not (is_letter(text[at - 2]) or text[at - 2] >= 128))
    if not is_letter(before):
        return False
    length = 0
    while at >= state[START] and length <= most and (is_letter(text[at]) or text[at] >= 128):
        length += 1
        at -= 1
    return length <= most


@inner
def is_exponent(c: Number) -> Number:
    for one in EXPONENTS:  # noqa: SIM110 (compiled)
        if one == c:
            return True
    return False


@inner
def end_raised(tape: Tape, at: Number) -> None:
    """The end tag at `at` of a `sup` or `sub`."""
    state = tape.state
    if state[RAISED_END] != at:
        return
    state[RAISED_END] = -1
    closing = state[RAISED_CLOSE]
    if state[TEXT] == state[RAISED_FROM]:  # nothing of it is seen
        state[TEXT] -= state[RAISED_OPEN]
    elif closing == BLANK:
        state[SPACE] = 1
    elif closing in (CLOSE_BRACKET, CLOSE_ROUND) and state[TEXT] > state[START]:
        state[SPACE] = 0
        put(tape, at, closing)


@inner
def begin_reading(tape: Tape, at: Number) -> None:
    """A reading in ruby begins: it stands in brackets behind what it is the reading of."""
    end_reading(tape, at)
    state = tape.state
    if state[TEXT] > state[START]:
        state[SPACE] = 0
        put(tape, at, OPEN_ROUND)
        state[READING_ON] = state[TEXT]


@inner
def end_reading(tape: Tape, at: Number) -> None:
    """A reading ends, if one has begun; one without text is none."""
    state = tape.state
    begun = state[READING_ON]
    state[READING_ON] = 0
    if begun <= state[START] or begun > state[TEXT]:
        return
    state[SPACE] = 0
    if begun == state[TEXT]:
        state[TEXT] -= 1
    else:
        put(tape, at, CLOSE_ROUND)


@inner
def may_hold(
    buf: Array, at: Number, end: Number, one: tuple[Number, Number, Number], other: tuple[Number, Number, Number]
) -> Number:
    """Whether one of two times three letters, in either case, may begin between `at` and `end`: bytes are compared in blocks."""
    i = U64(at)
    while i < U64(end):
        if i + U64(BLOCK_BYTES + 2) > U64(len(buf)):
            return True
        found = U8(0)
        for k in range(BLOCK_BYTES):
            a, b, c = buf[i + U64(k)] | U8(32), buf[i + U64(k + 1)] | U8(32), buf[i + U64(k + 2)] | U8(32)
            found |= U8((a == one[0]) & (b == one[1]) & (c == one[2])) | U8(
                (a == other[0]) & (b == other[1]) & (c == other[2])
            )
        if found:
            return True
        i += U64(BLOCK_BYTES)
    return False


@inner
def shows_tex(buf: Array, at: Number, end: Number) -> Number:
    """Whether the tag of a picture from `at` on has the word "tex" or "latex" at the end of a class, or before ".php"."""
    if not may_hold(buf, at, end, TEX, TEX):
        return 0
    for i in range(at, min(end, len(buf)) - 3):
        if buf[i] == 116 and buf[i + 1] == 101 and buf[i + 2] == 120:
            c = buf[i + 3]
            if c == 34 or c == 39 or c == 46 or is_space(c):
                return 1
    return 0


@inner
def is_concealed(buf: Array, at: Number, end: Number) -> Number:
    """Whether the attributes from `at` on, of the tag that ends before `end`, hide the element.

    `aria-hidden` does not hide here: prices, stars and signs have it that a page shows, beside other words for those who hear.
    """
    if not may_hold(buf, at, end, NON, HID):
        return False
    for i in range(at, min(end, len(buf)) - 4):
        c = buf[U64(i)] | 32
        if c == 110 and (buf[i + 1] | 32) == 111 and (buf[i + 2] | 32) == 110 and (buf[i + 3] | 32) == 101:  # none
            return says_hidden(buf, at, end)
        if c == 104 and (buf[i + 1] | 32) == 105 and (buf[i + 2] | 32) == 100 and (buf[i + 3] | 32) == 100:  # hidd(en)
            return says_hidden(buf, at, end)
    return False


@inner
def says_hidden(buf: Array, at: Number, end: Number) -> Number:
    i = at
    while i < end:
        c = buf[i]
        if c == GT:
            return False
        if is_space(c) or c == SLASH:
            i += 1
            continue
        name, i = attribute_name(buf, i)
        start, stop, i = attribute_value(buf, i)
        if (name == HIDDEN_NAME and not until_found(buf, start, stop)) or (name == STYLE and hides(buf, start, stop)):
            return True
    return False


@inner
def after_concealed(buf: Array, at: Number, name: Number, tape: Tape, known: Tables) -> Number:
    """The place after the inline element whose content begins at `at`; -1 where it does not end before a block does."""
    state = tape.state
    if state[FAILED] >= MOST_FAILED:
        return -1
    depth = 1
    i = at
    limit = min(len(buf), at + LONGEST_HIDDEN)
    while i < limit:
        if buf[i] != LT or i + 1 >= limit:
            i += 1
            continue
        if buf[i + 1] == BANG:
            i = skip_comment(buf, i + 2, True)
            continue
        closing = buf[i + 1] == SLASH
        first = i + 2 if closing else i + 1
        if first >= limit or not is_letter(buf[first]):
            i += 1
            continue
        tag, after = fnv_lower(buf, first)
        role = role_of(tag, known)
        if role in (BLOCK, BODY, META, TITLE, VOID_BLOCK):
            break
        if role == FORMULA:  # what hides it is for the eye: there is a picture beside it
            state[FORMULAS] = 1
        if tag == name:
            depth += -1 if closing else 1
        i = tag_end(buf, after)
        if depth == 0:
            return i
        if not closing and role in (SCRIPT, RAW, SKIP):
            i = tag_end(buf, find_close(buf, i, tag) + 2)
    state[FAILED] += 1
    return -1


@inner
def role_of(name: Number, known: Tables) -> Number:
    """The role of the tag whose name has this hash; inline where it is not known."""
    mask = len(known.tag_keys) - 1
    slot = int(name) & mask
    while known.tag_keys[slot] != 0:
        if known.tag_keys[slot] == name:
            return known.role[known.tag_ids[slot]]
        slot = (slot + 1) & mask
    return 0
