"""Comments, docstrings and strings of a source file in any language, roughly, found in compiled passes over its bytes.

    \"\"\" … \"\"\"   ''' … '''   /* … */   {- … -}   (* … *)   <!-- … -->   --[[ … ]]   =pod … =cut

and, up to the end of the line, `#` (but no directive of C), `//`, `-- `, `;`, `%`, `!` and `{` behind white space, `;`, `{` or `}`;
and lines that begin with `'`, `"`, `*`, `dnl` or `rem`, which are comments in Vim, Basic, Fortran, M4 and batch files. What is not
closed goes on to the end of the text.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from curate.filters.jit import Array, Number, compiled, inner

_WHITE = np.array([chr(byte).isspace() for byte in range(256)])
_WORD = np.array([chr(byte).isalnum() or byte == 95 for byte in range(256)])
_AHEAD = _WHITE.copy()
_AHEAD[list(b";{}")] = True
"""What a mark stands behind that comments out the rest of a line."""
_TO_LINE_END = np.zeros(256, np.bool_)
_TO_LINE_END[list(b";%!{")] = True

_BEGINS = np.zeros(256, np.bool_)
_BEGINS[list(b"\"'/{(<=#;%!-")] = True
"""What all marks begin with."""


def _listed(*words: str) -> NDArray[np.uint8]:
    """Words one after the other, each closed by a 0."""
    return np.frombuffer("".join(f"{word}\0" for word in words).encode(), np.uint8)


_DIRECTIVES = _listed("include", "define", "if", "else", "endif", "pragma", "undef", "import")
_POD = _listed("pod", "over", "item", "begin", "encoding", *(f"head{n}" for n in range(10)))
_CUT = _listed("=cut")
_SPELLED = _listed("dnl", "rem", "@rem")
_TABLES = (_WHITE, _WORD, _AHEAD, _TO_LINE_END, _DIRECTIVES, _POD, _CUT, _SPELLED, _BEGINS)

LEAST, LONGEST = 12, 2_000
"""Characters (an escaped one counts once) of the strings that are read."""


@inner
def _is_at(text: Array, at: Number, words: Array, word: Array, folds: bool) -> Number:
    """Where one of some words ends that stands whole at a place; 0 for none. `folds` takes upper case for lower."""
    begin = 0
    while begin < words.size:
        i = 0
        while words[begin + i]:
            c = text[at + i] if at + i < text.size else 0
            if folds and 65 <= c <= 90:
                c += 32
            if c != words[begin + i]:
                break
            i += 1
        if words[begin + i] == 0 and (at + i >= text.size or not word[text[at + i]]):
            return at + i
        while words[begin + i]:
            i += 1
        begin += i + 1
    return 0


@inner
def _behind(text: Array, at: Number, a: Number, b: Number, c: Number) -> Number:
    """Where the marks a, b and (unless it is 0) c end that stand first from a place on; the end of the text for none."""
    size = 3 if c else 2
    while at + size <= text.size:
        if text[at] == a and text[at + 1] == b and (c == 0 or text[at + 2] == c):
            return at + size
        at += 1
    return text.size


@inner
def _line_end(text: Array, at: Number) -> Number:
    while at < text.size and text[at] != 10:
        at += 1
    return at


@inner
def _pod_end(text: Array, at: Number, cut: Array, word: Array) -> Number:
    while at < text.size:
        if text[at] == 61 and text[at - 1] == 10:
            end = _is_at(text, at, cut, word, False)
            if end:
                return end
        at += 1
    return text.size


@inner
def _block_end(text: Array, at: Number, tables: Number) -> Number:
    """Where the block that begins at a place ends; 0 where none begins."""
    _, word, _, _, _, pod, cut, _, _ = tables
    c = text[at]
    one = text[at + 1] if at + 1 < text.size else 0
    two = text[at + 2] if at + 2 < text.size else 0
    three = text[at + 3] if at + 3 < text.size else 0
    if (c == 34 or c == 39) and one == c and two == c:  # quotes
        return _behind(text, at + 3, c, c, c)
    if (c == 47 or c == 40) and one == 42:  # /* (*
        return _behind(text, at + 2, 42, 47 if c == 47 else 41, 0)
    if c == 123 and one == 45:  # {-
        return _behind(text, at + 2, 45, 125, 0)
    if c == 60 and one == 33 and two == 45 and three == 45:  # <!--
        return _behind(text, at + 4, 45, 45, 62)
    if c == 45 and one == 45 and two == 91 and three == 91:  # --[[
        return _behind(text, at + 4, 93, 93, 0)
    if c == 61 and (at == 0 or text[at - 1] == 10):
        end = _is_at(text, at + 1, pod, word, False)
        if end:
            return _pod_end(text, end, cut, word)
    return 0


@inner
def _comment_end(text: Array, at: Number, tables: Number) -> Number:
    """Where the comment that begins at a place ends; 0 where none begins."""
    end = _block_end(text, at, tables)
    if end:
        return end
    white, word, ahead, to_line_end, directives, _, _, _, _ = tables
    if at > 0 and not ahead[text[at - 1]]:
        return 0
    c = text[at]
    one = text[at + 1] if at + 1 < text.size else 0
    two = text[at + 2] if at + 2 < text.size else 0
    if (
        to_line_end[c]
        or (c == 35 and _is_at(text, at + 1, directives, word, False) == 0)  # #
        or (c == 47 and one == 47)  # //
        or (c == 45 and one == 45 and at + 2 < text.size and (two == 45 or white[two]))  # --
    ):
        return _line_end(text, at)
    return 0


@inner
def _quoted_line_end(text: Array, at: Number, tables: Number) -> Number:
    """Where a line that begins at a place ends if it is a comment for what it begins with; 0 for none."""
    while at < text.size and (text[at] == 32 or text[at] == 9):
        at += 1
    if at == text.size:
        return 0
    c = text[at]
    if (c == 39 or c == 34) and at + 2 < text.size and text[at + 1] == c and text[at + 2] == c:
        return 0  # a docstring, which goes on behind the line
    if c == 39 or c == 34 or c == 42 or _is_at(text, at, tables[7], tables[1], True):
        return _line_end(text, at)
    return 0


@inner
def _follows(text: Array, end: Number, at: Number) -> Number:
    """Whether a place is in the line below another one, with nothing but blanks between."""
    lines = 0
    for i in range(end, at):
        c = text[i]
        if c == 10:
            lines += 1
        elif c != 32 and c != 9 and c != 13:
            return False
    return lines == 1


@compiled
def _comments(text: Array, tables: Number, starts: Array, ends: Array) -> int:
    """How many comments there are: those found by marks, and by what lines begin with, less what begins inside of one before."""
    n = 0
    at = line = 0  # where the next comment of each kind is looked for
    first = last = begin = end = -1
    while True:
        if first < 0:  # the next one by marks
            first, last = text.size + 1, 0
            while at < text.size:
                last = _comment_end(text, at, tables) if tables[8][text[at]] else 0
                if last:
                    first = at
                    break
                at += 1
            at = last if last else text.size + 1
        if begin < 0:  # the next one by lines
            begin, end = text.size + 1, 0
            while line < text.size:
                end = _quoted_line_end(text, line, tables)
                if end:
                    begin = line
                    line = end + 1
                    break
                line = _line_end(text, line) + 1
            if end == 0:
                line = text.size + 1
        if first > text.size and begin > text.size:
            return n
        by_marks = first < begin or (first == begin and last >= end)
        start, stop = (first, last) if by_marks else (begin, end)
        if by_marks:
            first = -1
        else:
            begin = -1
        if n and start < ends[n - 1]:
            continue
        if n and text[starts[n - 1]] == text[start] and _follows(text, ends[n - 1], start):
            ends[n - 1] = stop
            continue
        starts[n], ends[n] = start, stop
        n += 1


@compiled
def _strings(text: Array, least: Number, longest: Number, starts: Array, ends: Array) -> int:
    n = at = 0
    while at < text.size:
        quote = text[at]
        at += 1
        if quote != 34 and quote != 39:
            continue
        i, units = at, 0
        while i < text.size and text[i] != quote and text[i] != 10 and units <= longest:
            if text[i] == 92:
                i += 1
                if i >= text.size or text[i] == 10:
                    break
            i += 1
            units += 1
        if i < text.size and text[i] == quote and least <= units <= longest:
            starts[n], ends[n] = at, i
            n += 1
            at = i + 1
    return n


@compiled
def _with_places(starts: Array, ends: Array, places: Array) -> int:
    """How many spans have one of some places in them or at their edges; they are put first."""
    n = at = 0
    for i in range(starts.size):
        while at < places.size and places[at] < starts[i]:
            at += 1
        if at < places.size and places[at] <= ends[i]:
            starts[n], ends[n] = starts[i], ends[i]
            n += 1
    return n


def _spans(n: int, starts: NDArray[np.int32], ends: NDArray[np.int32], places: NDArray[np.int32] | None) -> Iterator[tuple[int, int]]:  # fmt: skip
    kept = n if places is None else _with_places(starts[:n], ends[:n], places)
    return zip(starts[:kept].tolist(), ends[:kept].tolist(), strict=True)


def comments(text: bytes, places: NDArray[np.int32] | None = None) -> Iterator[tuple[int, int]]:
    """(start, end) of the comments and docstrings of Latin-1 `text`; line comments that follow each other are one.

    With `places`, in order, only of those that one of them is in, or at an edge of.
    """
    starts, ends = np.empty(len(text) + 1, np.int32), np.empty(len(text) + 1, np.int32)
    n = _comments(np.frombuffer(text, np.uint8), _TABLES, starts, ends)
    return _spans(n, starts, ends, places)


def strings(text: bytes, places: NDArray[np.int32] | None = None) -> Iterator[tuple[int, int]]:
    """(start, end) of what stands between quotes in a line of Latin-1 `text`; with `places` as for `comments`."""
    most = len(text) // LEAST + 1
    starts, ends = np.empty(most, np.int32), np.empty(most, np.int32)
    n = _strings(np.frombuffer(text, np.uint8), LEAST, LONGEST, starts, ends)
    return _spans(n, starts, ends, places)


@inner
def _mark_end(text: Array, at: Number) -> Number:
    """Where the comment mark that begins at a place ends; `at` where none begins."""
    size = text.size
    c = text[at]
    one = text[at + 1] if at + 1 < size else np.uint8(0)
    begins = c == 35 or c == 59 or c == 37 or c == 33 or c == 123 or c == 39 or c == 34 or c == 42  # # ; % ! { ' " *
    pair = ((c == 47 or c == 40) and one == 42) or (c == one and (c == 47 or c == 45))  # /* (* // --
    if not (begins or pair):
        return at
    end = at + 1
    while end < size and text[end] == (one if pair else c):
        end += 1
    if end < size and ((c == 42 and text[end] == 47) or (c == 47 and text[end] == 33)):  # */ and ! behind /* or //
        end += 1
    return end


@compiled
def _sentences(text: Array, white: Array, out: Array, starts: Array, ends: Array) -> int:
    i = 0
    while i < text.size:
        at = i
        while at < text.size and (text[at] == 32 or text[at] == 9):
            at += 1
        end = _mark_end(text, at) if at < text.size else at
        if end > at:
            end += end < text.size and (text[end] == 32 or text[end] == 9)
            out[i:end] = 32
        i = _line_end(text, end) + 1
    n = first = at = 0
    while at < out.size:
        end = at
        c = out[at - 1] if at else np.uint8(0)
        if c == 46 or c == 33 or c == 63 or c == 59:  # . ! ? ;
            while end < out.size and (white[out[end]] or out[end] == 34 or out[end] == 39 or out[end] == 42):
                end += 1
        if end == at and out[at] == 10:
            end += 1
            while end < out.size and (out[end] == 32 or out[end] == 9):
                end += 1
            end = end + 1 if end < out.size and out[end] == 10 else at
        if end > at:
            starts[n], ends[n] = first, at
            n += 1
            first = end
        at = max(end, at + 1)
    starts[n], ends[n] = first, out.size
    return n + 1


def sentences_of(comment: str) -> tuple[str, list[tuple[int, int]]]:
    """A comment (Latin-1) with blanks for the marks at the beginning of its lines, and the places of its sentences."""
    data = comment.encode("latin-1")
    out, most = bytearray(data), len(data) // 2 + 2
    starts, ends = np.empty(most, np.int32), np.empty(most, np.int32)
    n = _sentences(np.frombuffer(data, np.uint8), _WHITE, np.frombuffer(out, np.uint8), starts, ends)
    return out.decode("latin-1"), list(zip(starts[:n].tolist(), ends[:n].tolist(), strict=True))
