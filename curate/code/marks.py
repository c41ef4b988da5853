"""Comment marks at the beginning and end of lines, in any of the usual languages, as blanks."""

import numpy as np

from curate.filters.jit import Array, Number, compiled, inner

_WORDS = np.frombuffer(b"dnl\0rem\0@rem", np.uint8)
_REPEATED = np.zeros(256, np.bool_)
_REPEATED[list(b"#;%'!|>*")] = True


@inner
def _stands(text: Array, at: Number, mark: Array) -> Number:
    if at + mark.size > text.size:
        return False
    for i in range(mark.size):
        c = text[at + i]
        if c != mark[i] and not (65 <= c <= 90 and c + 32 == mark[i]):
            return False
    return True


@inner
def _is_word(c: Number) -> Number:
    return 97 <= (c | 32) <= 122 or 48 <= c <= 57 or c == 95


@inner
def _mark_end(text: Array, at: Number, words: Array, repeated: Array) -> Number:
    """Where the comment mark that begins at `at` ends; `at` where none begins."""
    size = text.size
    c = text[at]
    following = text[at + 1] if at + 1 < size else np.uint8(0)
    if repeated[c]:
        end = at + 1
        while end < size and text[end] == c:
            end += 1
        if end < size and c == 42 and text[end] == 47:  # **/
            end += 1
        return end
    if c == 47 and (following == 42 or following == 47):  # /*** and ///; a ! behind it is a mark of its own
        end = at + 2
        while end < size and text[end] == following:
            end += 1
        return end
    if c == 45 and following == 45:  # ---
        end = at + 2
        while end < size and text[end] == 45:
            end += 1
        return end
    if (c == 40 and following == 42) or (c == 123 and following == 45) or (c == 58 and following == 58):  # (* {- ::
        return at + 2
    if c == 46 and following == 92 and at + 2 < size and text[at + 2] == 34:  # .\"
        return at + 3
    if c == 34 and following == 34 and at + 2 < size and text[at + 2] == 34:  # three quotes
        return at + 3
    if c == 60 and at + 3 < size and following == 33 and text[at + 2] == 45 and text[at + 3] == 45:  # <!--
        return at + 4
    if (c | 32) == 99 or c == 64:  # c or @c of Fortran and Texinfo, before a blank
        end = at + 1 if c != 64 else at + 2
        if end < size and text[end] == 32 and (text[end - 1] | 32) == 99:
            return end
    for word in (words[:3], words[4:7], words[8:]):
        if _stands(text, at, word) and (at + word.size >= size or not _is_word(text[at + word.size])):
            return at + word.size
    return at


@compiled
def _blank_marks(text: Array, words: Array, repeated: Array, out: Array) -> None:
    size = text.size
    i = 0
    while i < size:
        while True:
            while i < size and (text[i] == 32 or text[i] == 9):
                i += 1
            end = _mark_end(text, i, words, repeated) if i < size else i
            if end == i:
                break
            out[i:end] = 32
            i = end
        while i < size and text[i] != 10:
            i += 1
        last = i - 1
        while last > 1 and (text[last] == 32 or text[last] == 9 or text[last] == 13):
            last -= 1
        if last > 0 and text[last] != 10:
            a, b = text[last - 1], text[last]
            if (a == 42 and (b == 47 or b == 41)) or (a == 45 and b == 125):  # */ *) -}
                out[last - 1 : last + 1] = 32
            elif last > 1 and text[last - 2] == 45 and a == 45 and b == 62:  # -->
                out[last - 2 : last + 1] = 32
        i += 1


def unmarked(text: bytes) -> bytes:
    """`text` with the comment marks of its lines as blanks: of the same length, so that offsets stay valid."""
    out = bytearray(text)
    _blank_marks(np.frombuffer(text, np.uint8), _WORDS, _REPEATED, np.frombuffer(out, np.uint8))
    return bytes(out)
