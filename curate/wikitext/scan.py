"""Loops over the bytes of a page (UTF-8), compiled: footnotes and comments go, links and unknown templates become what they show.

They do what most of a page needs. Where they meet what needs more they say so: Python looks at one tag, link or template, and
they go on; or (BAIL) Python reads the whole page by the same rules: `text.py` has them in full, and the tests compare.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from curate.filters.jit import Array, Number, compiled, inner

DONE, ASK, BAIL, ASK_LINK = 0, 1, 2, 3
POS, SIZE, DEPTH, REST, TAKEN, FROM = range(6)
"""Of the state: place in the source, bytes of the text so far, frames that are open, braces that are still to be closed, how
many of them the template takes, where in the text its content begins."""
GONE, SPECIAL, TONGUE, OTHER = 1, 2, 3, 4
"""Kinds of a link's prefix: it never shows; not without a label; of another language, not without a label; a namespace like another."""
OPEN, COUNT, START, SIMPLE = range(4)
"""Of a frame: the sign that opens it, how many braces, where in the text its content begins, whether links without a label are all in it."""
_BASIS, _PRIME = 0xCBF29CE484222325, 0x100000001B3


def fnv(name: bytes) -> int:
    """FNV-1a of 64 bits."""
    value = _BASIS
    for byte in name:
        value = (value ^ byte) * _PRIME & 0xFFFFFFFFFFFFFFFF
    return value


def table(names: Mapping[str, int] | Iterable[str]) -> Array:
    """A table of names in lower case for the loops: their hashes, the last three bits the number of each (1 where there are names alone)."""
    pairs = names.items() if isinstance(names, Mapping) else [(name, 1) for name in names]
    known = {fnv(name.encode()) >> 3: number for name, number in pairs}
    size = 1 << (4 * len(known) + 8).bit_length()
    found = np.zeros(size, np.uint64)
    for key, number in known.items():
        place = key & size - 1
        while found[place]:
            place = (place + 1) & size - 1
        found[place] = key << 3 | number
    return found


@inner
def _kind(names: Array, key: Number) -> Number:
    """The number of a hash in a table; 0 where it is not there."""
    mask = len(names) - 1
    place = np.int64(key >> np.uint64(3)) & mask
    while names[place]:
        if names[place] >> np.uint64(3) == key >> np.uint64(3):
            return np.int64(names[place] & np.uint64(7))
        place = (place + 1) & mask
    return 0


@inner
def _is_space(byte: Number) -> Number:
    return byte == 32 or (byte >= 9 and byte <= 13) or (byte >= 28 and byte <= 31)


@inner
def _hash(data: Array, start: Number, end: Number) -> Number:
    """Of a name without the spaces around it, in lower case, with spaces for underscores; 0 where it is not of ASCII alone."""
    while start < end and _is_space(data[start]):
        start += 1
    while end > start and _is_space(data[end - 1]):
        end -= 1
    value = np.uint64(_BASIS)
    for at in range(start, end):
        byte = data[at]
        if byte >= 128:
            return np.uint64(0)
        if byte >= 65 and byte <= 90:
            byte += 32
        elif byte == 95:
            byte = 32
        value = (value ^ np.uint64(byte)) * np.uint64(_PRIME)
    return value if value else np.uint64(1)


@inner
def _space_at(data: Array, at: Number, size: Number) -> Number:
    """Bytes of the white space at a place; 0 where there is none."""
    byte = data[at]
    if byte < 128:
        return 1 if _is_space(byte) else 0
    if byte == 0xC2:
        return 2 if at + 1 < size and (data[at + 1] == 0x85 or data[at + 1] == 0xA0) else 0
    if at + 2 >= size:
        return 0
    two, three = data[at + 1], data[at + 2]
    if byte == 0xE1:
        return 3 if two == 0x9A and three == 0x80 else 0
    if byte == 0xE2:
        if two == 0x80:
            return 3 if three <= 0x8A or three == 0xA8 or three == 0xA9 or three == 0xAF else 0
        return 3 if two == 0x81 and three == 0x9F else 0
    if byte == 0xE3:
        return 3 if two == 0x80 and three == 0x80 else 0
    return 0


# ---- many bytes at once ----
#
# Most bytes of a page mean nothing to a loop. So each asks of some bytes together (which the processor compares at once) whether any
# does; where one does, it looks at each, and asks again behind them. Places are unsigned here: of one with a sign compiled code
# asks whether it counts from the end, and that is no longer many at once.

_U = np.uint64
FEW, SOME, MANY = 16, 32, 64
"""Bytes that are looked at together. How many depends on the question: of another number the compiler makes one byte after the other."""


@inner
def _among(data: Array, at: Number, sign: Number) -> Number:
    """Whether a sign is among MANY bytes."""
    found = np.uint8(0)
    for place in range(_U(at), _U(at) + _U(MANY)):
        found |= np.uint8(data[place] == sign)
    return found


@inner
def _brackets_among(data: Array, at: Number) -> Number:
    """Whether any of [ ] { } is among MANY bytes."""
    found = np.uint8(0)
    for place in range(_U(at), _U(at) + _U(MANY)):
        byte = data[place] | np.uint8(32)
        found |= np.uint8(byte == 123) | np.uint8(byte == 125)
    return found


@inner
def _markup_among(data: Array, at: Number) -> Number:
    """Whether any byte that XML does not take as it is, or that may begin a character that it doesn't take, is among SOME."""
    found = np.uint8(0)
    for place in range(_U(at), _U(at) + _U(SOME)):
        byte = data[place]
        found |= np.uint8(byte == 38) | np.uint8(byte == 60) | np.uint8(byte == 62) | np.uint8(byte == 0xEF)
        found |= np.uint8(byte < 32) & np.uint8(byte != 10) & np.uint8(byte != 9)
    return found


@inner
def _like_squeezed(byte: Number) -> Number:
    """Whether it is a byte that `_squeezes`, or any other up to 46."""
    return np.uint8(np.uint8(byte - np.uint8(32)) <= np.uint8(14)) | np.uint8(byte == 10)


@inner
def _untidy_among(data: Array, at: Number) -> Number:
    """Whether `tidied` may have to do anything to the FEW bytes at a place, where no run of what is squeezed begins before it."""
    found = np.uint8(0)
    for place in range(_U(at), _U(at) + _U(FEW)):
        byte, second, third = data[place], data[place + _U(1)], data[place + _U(2)]
        found |= np.uint8(byte == 40) | np.uint8(byte == 3) | np.uint8(byte == 0xC2) | np.uint8(byte == 0xE2)
        found |= np.uint8(byte == 32) & (np.uint8(second == 32) | np.uint8(second == 41))
        found |= _like_squeezed(byte) & _like_squeezed(second) & _like_squeezed(third)
    return found


@inner
def _copy(data: Array, at: Number, out: Array, made: Number, count: Number) -> None:
    for place in range(_U(count)):
        out[_U(made) + place] = data[_U(at) + place]


# ---- comments and footnotes ----


@inner
def _closing_ref(data: Array, at: Number, long: Number) -> Number:
    """Where `</ref>` (or, if `long`, `</references>`) begins; -1: nowhere; -2: that is for Python to say."""
    size = len(data)
    while at + 5 < size:
        if (
            data[at] != 60 or data[at + 1] != 47 or data[at + 2] | 32 != 114 or data[at + 3] | 32 != 101
            or data[at + 4] | 32 != 102
        ):  # fmt: skip
            at += 1
            continue
        behind = at + 5
        if long:
            if (
                behind + 6 > size or data[behind] | 32 != 101 or data[behind + 1] | 32 != 114 or data[behind + 2] | 32 != 101
                or data[behind + 3] | 32 != 110 or data[behind + 4] | 32 != 99 or data[behind + 5] | 32 != 101
            ):  # fmt: skip
                at += 1
                continue
            behind += 6
            if behind >= size or data[behind] | 32 != 115:
                at += 1
                continue
            behind += 1
        while behind < size and _is_space(data[behind]):
            behind += 1
        if behind < size and data[behind] >= 128:
            return -2
        if behind < size and data[behind] == 62:
            return at
        at += 1
    return -1


@compiled
def without_notes(data: Array, out: Array, notes: Array, state: Array, names: Array) -> Number:
    """Copy a page without comments and `ref`s, whose content goes to `notes`. `names` holds those of the tags that count.

    `state`: place in the page, bytes of the text, bytes of the notes, whether `ref` and `references` are known to have no end,
    whether there was any tag. ASK: another tag that counts begins at the place; Python takes it.
    """
    at, size, made, noted = state[0], len(data), state[1], state[2]
    singly: Number = at
    while at < size:
        if at >= singly:
            if at + MANY <= size and made + MANY <= len(out) and not _among(data, at, 60):
                _copy(data, at, out, made, MANY)
                at += MANY
                made += MANY
                continue
            singly = at + MANY
        byte = data[at]
        if byte != 60:
            out[made] = byte
            made += 1
            at += 1
            continue
        if at + 3 < size and data[at + 1] == 33 and data[at + 2] == 45 and data[at + 3] == 45:
            state[5] = 1
            at += 4
            while at < size and not (at + 2 < size and data[at] == 45 and data[at + 1] == 45 and data[at + 2] == 62):
                at += 1
            at = min(size, at + 3)
            continue
        singly = 0
        end = at + 1
        value = np.uint64(_BASIS)
        while end < size and data[end] | 32 >= 97 and data[end] | 32 <= 122 and data[end] < 128:
            value = (value ^ np.uint64(data[end] | 32)) * np.uint64(_PRIME)
            end += 1
        kind = _kind(names, value) if end >= at + 3 else 0
        if kind and end < size and data[end] >= 128:
            return BAIL
        if kind and end < size and (data[end] == 45 or data[end] == 95 or (data[end] >= 48 and data[end] <= 57)):
            kind = 0
        behind = end
        if kind:
            while behind < size and data[behind] != 60 and data[behind] != 62:
                behind += 1
            if behind == size or data[behind] == 60:
                kind = 0
        if kind == 0:
            out[made] = byte
            made += 1
            at += 1
            continue
        state[5] = 1
        if kind == 1:
            state[0], state[1], state[2] = at, made, noted
            return ASK
        long = 1 if kind == 3 else 0
        at = behind + 1
        if (behind > end and data[behind - 1] == 47) or state[3 + long]:
            continue
        closing = _closing_ref(data, at, long)
        if closing == -2:
            return BAIL
        if closing < 0:
            state[3 + long] = 1
            continue
        while at < closing:
            notes[noted] = data[at]
            noted += 1
            at += 1
        notes[noted] = 10
        noted += 1
        while data[at] != 62:
            at += 1
        at += 1
    state[0], state[1], state[2] = at, made, noted
    return DONE


@compiled
def addresses(data: Array, spans: Array, at: Number) -> Number:
    """Where addresses of other sites stand from `at` on: where each begins, its colon, and its end. How many there are, at most as
    many as there is room for."""
    size, count = len(data), 0
    singly: Number = at
    while at + 3 < size:
        if at >= singly:
            if at + MANY <= size and not _among(data, at, 58):
                at += MANY
                continue
            singly = at + MANY
        if data[at] != 58 or data[at + 1] != 47 or data[at + 2] != 47:
            at += 1
            continue
        start = at
        if at >= 3 and data[at - 1] | 32 == 112 and data[at - 2] | 32 == 116:  # …tp
            if at >= 4 and data[at - 3] | 32 == 116 and data[at - 4] | 32 == 104:
                start = at - 4
            elif data[at - 3] | 32 == 102:
                start = at - 3
        elif (
            at >= 5 and data[at - 1] | 32 == 115 and data[at - 2] | 32 == 112 and data[at - 3] | 32 == 116
            and data[at - 4] | 32 == 116 and data[at - 5] | 32 == 104
        ):  # fmt: skip
            start = at - 5
        end = at + 3
        while end < size:
            byte = data[end]
            if (
                byte <= 8 or byte == 60 or byte == 62 or byte == 91 or byte == 93 or byte == 123 or byte == 125 or byte == 124
                or byte == 34 or _space_at(data, end, size)
            ):  # fmt: skip
                break
            end += 1
        if end > at + 3 and start < at:
            spans[count, 0], spans[count, 1], spans[count, 2] = start, at, end
            count += 1
            if count == len(spans):
                return count
        at = max(end, at + 3) if end > at + 3 else at + 1
    return count


# ---- templates and links ----


@inner
def _stops(byte: Number) -> Number:
    """[ ] { } | or the end of a line."""
    return byte == 91 or byte == 93 or byte == 123 or byte == 125 or byte == 124 or byte == 10


@inner
def _plain(data: Array, at: Number, found: Array) -> Number:
    """Whether `[[x]]` or `[[x|y]]` begins at `at`, without anything in it: what shows is found[0] … found[1], its end found[2]."""
    size = len(data)
    first = at + 2
    end = first
    while end < size and not _stops(data[end]) and data[end] != 58:
        end += 1
    if end == first or end + 1 >= size:
        return False
    if data[end] == 124:
        first = end + 1
        end = first
        while end < size and not _stops(data[end]):
            end += 1
        if end == first or end + 1 >= size:
            return False
    if data[end] != 93 or data[end + 1] != 93:
        return False
    found[0], found[1], found[2] = first, end, end + 2
    return True


@inner
def _ends_in_space(data: Array, start: Number, end: Number) -> Number:
    """Whether the last character is white space outside ASCII."""
    if data[end - 1] < 128 or end - start < 2:
        return False
    if data[end - 2] == 0xC2:
        return bool(_space_at(data, end - 2, end))
    return end - start >= 3 and data[end - 3] >= 0xE0 and _space_at(data, end - 3, end) == 3


@inner
def _shield(out: Array, start: Number, end: Number) -> None:
    """What a template around it must not part."""
    for at in range(start, end):
        if out[at] == 124:
            out[at] = 1
        elif out[at] == 61:
            out[at] = 2


@inner
def _has(out: Array, start: Number, end: Number, sign: Number) -> Number:
    for at in range(start, end):  # noqa: SIM110 (compiled)
        if out[at] == sign:
            return True
    return False


@inner
def _moved(out: Array, start: Number, end: Number, to: Number) -> Number:
    """Move bytes to the left; where they end then."""
    if start == to:
        return end
    for at in range(start, end):
        out[to] = out[at]
        to += 1
    return to


@inner
def _link(out: Array, start: Number, end: Number, simple: Number, depth: Number, prefixes: Array) -> Number:
    """Leave what the link of the content start … end shows; where that ends, or -1: Python has to say."""
    bar = start
    while bar < end and out[bar] != 124:
        bar += 1
    first, last = start, bar
    while first < last and _is_space(out[first]):
        first += 1
    while last > first and _is_space(out[last - 1]):
        last -= 1
    if first < last and ((out[first] >= 128 and _space_at(out, first, last)) or _ends_in_space(out, first, last)):
        return -1
    colon = first
    while colon < last and out[colon] != 58:
        colon += 1
    if colon < last and colon > first:
        value = _hash(out, first, colon)
        if value == 0:
            return -1
        kind = _kind(prefixes, value)
        if kind == GONE or ((kind == SPECIAL or kind == TONGUE) and bar == end):  # noqa: SIM109 (compiled)
            return start
    if bar < end - 1:
        label = end
        while out[label - 1] != 124:
            label -= 1
        if simple and colon == last and label == bar + 1 and bar > start:
            for at in range(start, end):
                if out[at] != 124 and _stops(out[at]):
                    simple = 0
                    break
        else:
            simple = 0
        end = _moved(out, label, end, start)
    else:
        simple = 0
        while first < last and out[first] == 58:
            first += 1
        end = _moved(out, first, last, start)
    if depth and not simple:
        _shield(out, start, end)
    return end


@compiled
def matched(data: Array, out: Array, frames: Array, state: Array, names: Array, prefixes: Array) -> Number:
    """Copy a page with links and templates as what they show. ASK, ASK_LINK: what stands behind state[FROM] in `out` is the content
    of a template or link that Python has to put in its place; then `resumed` is to be called, and this once more."""
    at, made, depth, rest = state[POS], state[SIZE], state[DEPTH], state[REST]
    size, deepest, found = len(data), len(frames), state[6:]
    singly: Number = at
    while True:
        if rest >= 2:
            # a template that ends gives up the links in it that were never closed
            below = depth
            while below > 0 and frames[below - 1, OPEN] == 91:
                below -= 1
            if below == 0:
                rest = 0
                continue
            while depth > below:
                if _has(out, frames[depth - 1, START], made, 58):
                    return BAIL
                depth -= 1
            frame = depth - 1
            start = frames[frame, START]
            taken = min(3 if frames[frame, COUNT] >= 3 and rest >= 3 and frames[frame, COUNT] != 4 else 2, rest)
            bar = start
            while bar < made and out[bar] != 124:
                bar += 1
            if taken == 3:
                made = _moved(out, bar + 1, made, start) if bar < made else start
                _shield(out, start, made)
            else:
                value = _hash(out, start, bar)
                ask = value == 0 or made - bar > 1 << 20 or _kind(names, value) != 0 or _has(out, start, bar, 58)
                if not ask:  # lang-…, ipa-…, transl-…
                    for place in range(start, bar):
                        if out[place] == 45:
                            ask = True
                            break
                if ask and bar - start <= 800:
                    state[POS], state[SIZE], state[DEPTH], state[REST], state[TAKEN] = at, made, depth, rest, taken
                    state[FROM] = start
                    return ASK
                made = start
            rest -= taken
            frames[frame, COUNT] -= taken
            if frames[frame, COUNT] < 2:
                depth -= 1
            continue
        if at >= size:
            break
        if at >= singly:
            if at + MANY <= size and made + MANY <= len(out) and not _brackets_among(data, at):
                _copy(data, at, out, made, MANY)
                at += MANY
                made += MANY
                continue
            singly = at + MANY
        byte = data[at]
        if byte != 91 and byte != 93 and byte != 123 and byte != 125:
            out[made] = byte
            made += 1
            at += 1
            continue
        singly = 0
        run = at + 1
        while run < size and data[run] == byte:
            run += 1
        count = run - at
        if count == 1:
            out[made] = byte
            made += 1
            at += 1
            continue
        if byte == 123:
            if depth > 0:
                frames[depth - 1, SIMPLE] = 0
            if depth < deepest:
                frames[depth, OPEN], frames[depth, COUNT], frames[depth, START], frames[depth, SIMPLE] = (
                    123,
                    count,
                    made,
                    0,
                )
                depth += 1
            at = run
        elif byte == 125:
            if depth > 0:
                frames[depth - 1, SIMPLE] = 0
            rest = count
            at = run
        elif byte == 91:
            plain = _plain(data, run - 2, found)
            if not plain and count > 2 and count & 1:
                return BAIL
            many = (count - 2 if plain else count) >> 1
            if many and depth > 0:
                frames[depth - 1, SIMPLE] = 0
            for _ in range(many):
                if depth < deepest:
                    frames[depth, OPEN], frames[depth, COUNT], frames[depth, START], frames[depth, SIMPLE] = (
                        91,
                        0,
                        made,
                        1,
                    )
                    depth += 1
            if count & 1:
                out[made] = 91
                made += 1
            at = run
            if plain:
                if depth > 0 and found[0] > run:
                    frames[depth - 1, SIMPLE] = 0
                for place in range(found[0], found[1]):
                    out[made] = data[place]
                    made += 1
                at = found[2]
        else:  # one ]] after the other
            at += 2
            below = depth
            while below > 0 and frames[below - 1, OPEN] == 123:
                below -= 1
            if below == 0:
                continue
            depth = below - 1
            start = frames[depth, START]
            simple = frames[depth, SIMPLE]
            if depth > 0:
                frames[depth - 1, SIMPLE] = 0
            end = _link(out, start, made, simple, depth, prefixes)
            if end < 0:
                state[POS], state[SIZE], state[DEPTH], state[REST], state[FROM] = at, made, depth, 0, start
                return ASK_LINK
            made = end
    while depth > 0:
        if frames[depth - 1, OPEN] == 91 and _has(out, frames[depth - 1, START], made, 58):
            return BAIL
        depth -= 1
    for place in range(made):
        if out[place] == 1:
            out[place] = 124
        elif out[place] == 2:
            out[place] = 61
    state[SIZE] = made
    return DONE


# ---- the gaps that templates left ----


@inner
def _blank_at(data: Array, at: Number, size: Number) -> Number:
    """Bytes of a space that becomes a usual one (U+00A0, U+2009, U+202F), or of one; 0 where there is none."""
    byte = data[at]
    if byte == 32:
        return 1
    if byte == 0xC2:
        return 2 if at + 1 < size and data[at + 1] == 0xA0 else 0
    if byte == 0xE2:
        return 3 if at + 2 < size and data[at + 1] == 0x80 and (data[at + 2] == 0x89 or data[at + 2] == 0xAF) else 0
    return 0


@inner
def _squeezed(out: Array, start: Number, end: Number) -> Number:
    """A run of spaces, brackets, commas, full stops and line ends as `text._tidy` has it; where it ends then."""
    to = start
    for at in range(start, end):  # spaces to one, none before )
        byte = out[at]
        if byte == 32 and to > start and out[to - 1] == 32:
            continue
        if byte == 41 and to > start and out[to - 1] == 32:
            to -= 1
        out[to] = byte
        to += 1
    end, to = to, start
    for at in range(start, end):  # none behind (
        byte = out[at]
        if byte == 32 and at > start and out[at - 1] == 40:
            # what was moved to the left is read no more: the place before is still as it was, or equal
            continue
        out[to] = byte
        to += 1
    end = to
    for mark in (44, 46):
        for behind in (32, 10):
            at = to = start
            while at < end:
                if at + 2 < end and out[at] == 32 and out[at + 1] == mark and out[at + 2] == behind:
                    out[to], out[to + 1] = mark, behind
                    to += 2
                    at += 3
                else:
                    out[to] = out[at]
                    to += 1
                    at += 1
            end = to
    return end


@inner
def _squeezes(byte: Number) -> Number:
    return byte == 32 or byte == 40 or byte == 41 or byte == 44 or byte == 46 or byte == 10


@inner
def _usual(out: Array, at: Number) -> Number:
    """Whether two such signs, one a space, are no `( ` and no ` )`."""
    return out[at] != 40 and out[at + 1] != 41


@compiled
def tidied(data: Array, out: Array) -> Number:
    """`text._tidy`: the bytes that it leaves in `out`."""
    at, size, made = 0, len(data), 0
    run, spaces = -1, 0  # where in `out` a run begins of what is squeezed; the spaces in it
    singly: Number = 0
    while at < size:
        if run < 0 and at >= singly:
            if at + FEW + 2 <= size and not _untidy_among(data, at):
                _copy(data, at, out, made, FEW)
                few = FEW  # but for a run that may begin here, of two bytes at most: it comes again
                while _squeezes(data[at + few - 1]):
                    few -= 1
                at += few
                made += few
                continue
            singly = at + FEW
        byte = data[at]
        if byte >= 128:
            blank = _blank_at(data, at, size)
            if blank:
                byte = 32
                at += blank - 1
        at += 1
        if byte == 40:
            # ( , x) loses its comma; one without anything in it goes
            behind = at
            while behind < size and (data[behind] == 9 or data[behind] == 32 or data[behind] >= 128):
                more = 1 if data[behind] == 9 else _blank_at(data, behind, size)
                if more == 0:
                    break
                behind += more
            if behind < size and (data[behind] == 44 or data[behind] == 58 or data[behind] == 59):
                while behind < size:
                    sign = data[behind]
                    more = 1 if sign == 9 or sign == 44 or sign == 58 or sign == 59 else _blank_at(data, behind, size)
                    if more == 0:
                        break
                    behind += more
                at = behind
            behind = at
            while behind < size:
                sign = data[behind]
                more = 1 if sign == 44 or sign == 58 or sign == 59 else _space_at(data, behind, size)
                if more == 0:
                    break
                behind += more
            if behind < size and data[behind] == 41:
                at = behind + 1
                continue
        if _squeezes(byte):
            if run < 0:
                run, spaces = made, 0
            spaces += byte == 32
        elif run >= 0:
            if spaces and made - run > 1 and not (spaces == 1 and made - run == 2 and _usual(out, run)):
                made = _squeezed(out, run, made)
            run = -1
        out[made] = 32 if byte == 3 else byte
        made += 1
    if run >= 0 and made - run > 1:
        made = _squeezed(out, run, made)
    return made


# ---- pages that are no articles; text in XML ----


@inner
def _ends_with(data: Array, start: Number, end: Number, part: Array) -> Number:
    """Whether a name ends with `part`, in any case, spaces apart."""
    while _is_space(data[end - 1]):
        end -= 1
    place = end - len(part)
    if place < start:
        return False
    for at in range(len(part)):  # noqa: SIM110 (compiled)
        if data[place + at] | 32 != part[at]:
            return False
    return True


@compiled
def named_so(data: Array, names: Array, one: Array, other: Array) -> Number:
    """Whether any template may have one of the names in a table, or end with one of two others: one not of ASCII alone may, too."""
    size = len(data)
    at = 0
    singly: Number = 0
    while at + 1 < size:
        if at >= singly:
            if at + MANY <= size and not _among(data, at, 123):
                at += MANY
                continue
            singly = at + MANY
        if data[at] != 123 or data[at + 1] != 123:
            at += 1
            continue
        at += 2
        while at < size and (_is_space(data[at]) or data[at] == 123):
            at += 1
        start = at
        while at < size and data[at] != 123 and data[at] != 125 and data[at] != 124 and data[at] != 10:
            at += 1
        if at == start:
            continue
        value = _hash(data, start, at)
        if value == 0 or _kind(names, value):
            return True
        if _ends_with(data, start, at, one) or _ends_with(data, start, at, other):
            return True
    return False


@compiled
def unescaped(data: Array, out: Array) -> Number:
    """The text of an XML element without elements in it, its entities resolved; bytes, or -1 for what an XML parser has to look at."""
    at, made, size = 0, 0, len(data)
    singly: Number = 0
    while at < size:
        if at >= singly:
            if at + SOME <= size and not _markup_among(data, at):
                _copy(data, at, out, made, SOME)
                at += SOME
                made += SOME
                continue
            singly = at + SOME
        byte = data[at]
        if byte == 38:
            singly = 0
            if (
                at + 3 < size
                and data[at + 2] == 116
                and data[at + 3] == 59
                and (data[at + 1] == 108 or data[at + 1] == 103)
            ):
                byte = 60 if data[at + 1] == 108 else 62
                at += 3
            elif (
                at + 4 < size
                and data[at + 1] == 97
                and data[at + 2] == 109
                and data[at + 3] == 112
                and data[at + 4] == 59
            ):
                at += 4
            elif (
                at + 5 < size and data[at + 1] == 113 and data[at + 2] == 117 and data[at + 3] == 111 and data[at + 4] == 116
                and data[at + 5] == 59
            ):  # fmt: skip
                byte = 34
                at += 5
            else:
                return -1
        elif byte == 60 or byte == 62 or (byte < 32 and byte != 10 and byte != 9):
            return -1
        elif byte == 0xEF and at + 1 < size and data[at + 1] == 0xBF:
            return -1  # U+FFFE and U+FFFF are no characters of XML
        out[made] = byte
        made += 1
        at += 1
    return made
