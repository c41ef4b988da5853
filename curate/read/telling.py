"""Whether the meta tags of a page can hold a word that `curate.read.opt_outs` looks for: those of most pages can't."""

from collections.abc import Iterator

import numpy as np

from curate.filters.jit import Array, Number, compiled, inner
from curate.html.markup import GT, U64, find, is_space

_LT, _SLASH, _AMP, _HASH, _DASH, _BLANK, _QUOTE, _APOSTROPHE = 60, 47, 38, 35, 45, 32, 34, 39
_A, _B, _D, _E, _I, _L, _M, _N, _O, _T, _Y = b"abdeilmnoty"
_LONGEST = 16_000  # bytes: the longest tag that is read has 4,000 characters


def telling(utf8: bytes) -> Iterator[str]:
    """The attributes of the meta tags before the body that hold `noai`, `noi`, `noml`, `none`, `tdm-` or `&#`, in either case, or of
    which it is not plain what they hold; with what stands behind them."""
    page, at = np.frombuffer(utf8, np.uint8), 0
    while (at := _next(page, at)) >= 0:
        yield utf8[at : at + _LONGEST].decode("utf-8", "ignore")


@compiled
def _next(page: Array, at: Number) -> Number:
    """Where the name of the next such tag ends that begins at `at` or later; -1 for none."""
    end = len(page)
    at = find(page, at, end, _LT)
    while at + 6 < end:
        first = page[at + 1] | 32
        if first == _M and spells(page, at + 2, _E, _T, _A):
            behind = page[at + 5]
            if (is_space(behind) or behind == _SLASH or behind < _BLANK or behind >= 0x80) and tells(page, at + 5):
                return at + 5
        elif first == _B and spells(page, at + 2, _O, _D, _Y) and (is_space(page[at + 5]) or page[at + 5] == GT):
            return -1
        at = find(page, at + 1, end, _LT)
    return -1


@inner
def spells(page: Array, at: Number, one: Number, two: Number, three: Number) -> Number:
    """Whether three letters stand at `at`, in either case."""
    return page[at] | 32 == one and page[at + 1] | 32 == two and page[at + 2] | 32 == three


@inner
def tells(page: Array, start: Number) -> Number:
    """Whether a word of ours may be in the tag whose name ends at `start`."""
    limit = min(len(page), start + _LONGEST)
    close = find(page, start, limit, GT)
    last = close - 1
    while last > start and (page[last] == _BLANK or page[last] == _SLASH):
        last -= 1
    if close == limit or (page[last] != _QUOTE and page[last] != _APOSTROPHE and quoted(page, start, close)):
        return True  # the ">" may stand in a value
    for i in range(start, close - 2):
        c = page[U64(i)]
        if c == _AMP:
            if page[i + 1] == _HASH:
                return True
        elif c | 32 == _N:
            if page[i + 1] | 32 == _O and is_refusal(page[i + 2] | 32, page[i + 3] | 32):
                return True
        elif c | 32 == _T and page[i + 1] | 32 == _D and page[i + 2] | 32 == _M and page[i + 3] == _DASH:
            return True
    return False


@inner
def quoted(page: Array, start: Number, end: Number) -> Number:
    """Whether a quotation mark stands there."""
    return find(page, start, end, _QUOTE) < end or find(page, start, end, _APOSTROPHE) < end


@inner
def is_refusal(third: Number, fourth: Number) -> Number:
    """Whether "no" goes on as one of the words does."""
    return (
        third == _I
        or (third == _A and fourth == _I)
        or (third == _M and fourth == _L)
        or (third == _N and fourth == _E)
    )
