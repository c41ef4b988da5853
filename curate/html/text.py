"""Characters between the tags: white space folded, character references resolved."""

import numpy as np

from curate.filters.jit import Array, Number, hot, inner
from curate.html.markup import FNV_PRIME, FNV_START, U64
from curate.html.tags import PRE, Tables
from curate.html.tape import BOLD_ON, BOLDED, CODE_ON, CODED, FROM, LINK, LINKED, SPACE, START, TEXT, Tape

LT, AMP, HASH, SEMICOLON = 60, 38, 35, 59
MAX_NAME = 32
ONE, TWO = U64(1), U64(2)
REPLACEMENT = 0xFFFD


@hot
def put(tape: Tape, at: Number, c: Number) -> None:
    """Add one byte to the block; `at` is its place in the page."""
    state = tape.state
    out = state[TEXT]
    if out == state[START]:
        state[FROM] = at
    elif state[SPACE]:
        tape.text[out] = 32
        out += 1
    state[SPACE] = 0
    tape.text[out] = c
    state[TEXT] = out + 1
    count(state, 1)


@hot
def count(state: Array, number: Number) -> None:
    if state[LINK]:
        state[LINKED] += number
    if state[BOLD_ON]:
        state[BOLDED] += number
    if state[CODE_ON]:
        state[CODED] += number


@hot
def characters(buf: Array, at: Number, stop: Number, tape: Tape, known: Tables, keep_space: Number) -> Number:
    """Text from `at` to the next "<" or to `stop`; the place reached."""
    state = tape.state
    i = at
    while i < stop and buf[U64(i)] != LT:
        c = buf[U64(i)]
        if c > 32 and c != AMP and c != 0xC2 and c < 0xE2:
            i = run(buf, i, stop, tape)
        elif c == AMP:
            i = reference(buf, i, stop, tape, known)
        elif c <= 32:
            if keep_space and c >= 9:
                kept_space(tape, i, c)
            elif c == 32 or 9 <= c <= 13:
                state[SPACE] = 1
            i += 1
        else:
            i = rare(buf, i, stop, tape)
    return i


@hot
def run(buf: Array, at: Number, stop: Number, tape: Tape) -> Number:
    """Copy plain bytes up to the next one that means something."""
    state = tape.state
    put(tape, at, buf[at])
    text = tape.text
    out, i, end = U64(state[TEXT]), U64(at + 1), U64(stop)
    while i < end:
        c = buf[i]
        if c <= 32 or c == LT or c == AMP or c == 0xC2 or c >= 0xE2:  # noqa: SIM109 (the hottest line)
            if c == 32 and i + ONE < end:  # one space between two words stays in the run
                d = buf[i + ONE]
                if d > 32 and d != LT and d != AMP and d != 0xC2 and d < 0xE2:
                    text[out] = 32
                    text[out + ONE] = d
                    out += TWO
                    i += TWO
                    continue
            break
        text[out] = c
        out += ONE
        i += ONE
    reached = np.int64(out)
    count(state, reached - state[TEXT])
    state[TEXT] = reached
    return np.int64(i)


@inner
def kept_space(tape: Tape, at: Number, c: Number) -> None:
    """White space of preformatted text: kept as it is, but for blank lines before the text and carriage returns."""
    state = tape.state
    state[SPACE] = 0
    if c == 10:
        first = state[TEXT]
        while first > state[START] and (tape.text[first - 1] == 32 or tape.text[first - 1] == 9):
            first -= 1
        if first == state[START]:
            state[TEXT] = first
            return
    if c != 13 and c != 12 and c != 11:
        put(tape, at, c)


@inner
def white_space(tape: Tape, at: Number, c: Number) -> None:
    """White space by a character reference."""
    if tape.opened[PRE] > 0:
        kept_space(tape, at, c)
    else:
        tape.state[SPACE] = 1


@inner
def no_break_space(tape: Tape, at: Number) -> None:
    """A space like others; in preformatted text, where it indents, one that counts."""
    white_space(tape, at, 32)


@inner
def rare(buf: Array, at: Number, stop: Number, tape: Tape) -> Number:
    """Bytes that may start a no-break space (a space), a soft hyphen or a zero-width character (nothing)."""
    c = buf[at]
    one = buf[at + 1] if at + 1 < stop else 0
    two = buf[at + 2] if at + 2 < stop else 0
    if c == 0xC2 and one == 0xA0:
        no_break_space(tape, at)
        return at + 2
    if c == 0xC2 and one == 0xAD:
        return at + 2
    if (c == 0xE2 and one == 0x80 and two == 0x8B) or (c == 0xEF and one == 0xBB and two == 0xBF):
        return at + 3
    put(tape, at, c)
    return at + 1


@inner
def reference(buf: Array, at: Number, stop: Number, tape: Tape, known: Tables) -> Number:
    """The character reference at the "&" at `at`, or that character itself; the place after it."""
    i = at + 1
    if i < stop and buf[i] == HASH:
        return numeric(buf, at, stop, tape, known)
    value = FNV_START
    mask = len(known.entity_keys) - 1
    best_slot, best_end = -1, at
    while i < stop and i - at <= MAX_NAME:
        c = buf[i]
        if not ((97 <= c <= 122) or (65 <= c <= 90) or (48 <= c <= 57)):
            break
        value = (value ^ np.uint64(c)) * FNV_PRIME
        i += 1
        if i < stop and buf[i] == SEMICOLON:
            slot = lookup(known.entity_keys, value, mask)
            if slot >= 0:
                best_slot, best_end = slot, i + 1
        elif i - at <= 7 and lookup(known.legacy_keys, value, len(known.legacy_keys) - 1) >= 0:
            best_slot, best_end = lookup(known.entity_keys, value, mask), i
    if best_slot < 0:
        put(tape, at, AMP)
        return at + 1
    start, end = known.entity_span[best_slot, 0], known.entity_span[best_slot, 1]
    put_bytes(tape, at, known.entity_bytes, start, end)
    return best_end


@inner
def lookup(keys: Array, value: Number, mask: Number) -> Number:
    slot = int(value) & mask
    while keys[slot] != 0:
        if keys[slot] == value:
            return slot
        slot = (slot + 1) & mask
    return -1


@inner
def put_bytes(tape: Tape, at: Number, data: Array, start: Number, end: Number) -> None:
    """Add a decoded character; the no-break space is a space, soft hyphen and zero-width space are nothing."""
    if end - start == 2 and data[start] == 0xC2 and data[start + 1] == 0xA0:
        no_break_space(tape, at)
        return
    if end - start == 2 and data[start] == 0xC2 and data[start + 1] == 0xAD:
        return
    if end - start == 1 and (data[start] == 10 or data[start] == 9):
        white_space(tape, at, data[start])
        return
    for i in range(start, end):
        put(tape, at, data[i])


@inner
def numeric(buf: Array, at: Number, stop: Number, tape: Tape, known: Tables) -> Number:
    i = at + 2
    base = 10
    if i < stop and (buf[i] | 32) == 120:
        base = 16
        i += 1
    first = i
    code = 0
    while i < stop:
        c = buf[i]
        digit = c - 48 if 48 <= c <= 57 else (c | 32) - 87 if base == 16 and 97 <= (c | 32) <= 102 else 99
        if digit >= base:
            break
        code = min(code * base + digit, 0x110000)
        i += 1
    if i == first:
        put(tape, at, AMP)
        return at + 1
    if 128 <= code < 160:
        code = known.windows[code - 128]
    put_code(tape, at, code)
    return i + 1 if i < stop and buf[i] == SEMICOLON else i


@inner
def put_code(tape: Tape, at: Number, code: Number) -> None:
    """Add a code point in UTF-8; what is no character becomes U+FFFD, controls and soft hyphens nothing."""
    if code == 0 or code > 0x10FFFF or 0xD800 <= code < 0xE000:
        code = REPLACEMENT
    if code == 0xA0:
        no_break_space(tape, at)
    elif code == 32 or 9 <= code <= 13:
        white_space(tape, at, code)
    elif code == 0xAD or code == 0x200B or code == 0xFEFF or code < 32:
        return
    elif code < 0x80:
        put(tape, at, code)
    elif code < 0x800:
        put(tape, at, 0xC0 | (code >> 6))
        put(tape, at, 0x80 | (code & 63))
    elif code < 0x10000:
        put(tape, at, 0xE0 | (code >> 12))
        put(tape, at, 0x80 | ((code >> 6) & 63))
        put(tape, at, 0x80 | (code & 63))
    else:
        put(tape, at, 0xF0 | (code >> 18))
        put(tape, at, 0x80 | ((code >> 12) & 63))
        put(tape, at, 0x80 | ((code >> 6) & 63))
        put(tape, at, 0x80 | (code & 63))
