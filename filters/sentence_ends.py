"""Where sentences end, in every script: one table for filters, deduplication and the extractor."""

import re
from functools import lru_cache

# Code points of Unicode's property Sentence_Terminal (Unicode 17), as ranges of hexadecimal numbers.
TERMINAL = """
37e f0d-f11 21 2e 3f 589 61d-61f 6d4 700-702 7f9 837 839 83d-83e 964-965 104a-104b 1362 1367-1368 166e 1735-1736 17d4-17d5 1803 1809
1944-1945 1aa8-1aab 1b4e-1b4f 1b5a-1b5b 1b5e-1b5f 1b7d-1b7f 1c3b-1c3c 1c7e-1c7f 2024 203c-203d 2047-2049 2cf9-2cfb 2e2e
2e3c 2e53-2e54 2e60-2e61 3002 a4ff a60e-a60f a6f3 a6f7 a876-a877 a8ce-a8cf a92f a9c8-a9c9 aa5d-aa5f aaf0-aaf1 abeb fe12 fe15-fe16
fe52 fe56-fe57 ff01 ff0e ff1f ff61 10a56-10a57 10f55-10f59 10f86-10f89 11047-11048 110be-110c1 11141-11143 111c5-111c6
111cd 111de-111df 11238-11239 1123b-1123c 112a9 113d4-113d5 1144b-1144c 115c2-115c3 115c9-115d7 11641-11642 1173c-1173e
11944 11946 11a42-11a43 11a9b-11a9c 11c41-11c42 11ef7-11ef8 11f43-11f44 16a6e-16a6f 16af5 16b37-16b38 16b44 16d6e-16d6f
16e98 1bc9f 1da88
"""

"""With Tibetan shads, which Unicode counts as terminal punctuation alone, and the Greek question mark."""
WESTERN = ".?!\u2026"
"""Marks that end a sentence where white space follows: they stand in numbers, names and addresses, too."""
WIDE_DOT = "\uff0e"
_INVISIBLE = (
    *(0xAD, 0x34F, 0x61C, *range(0x180B, 0x1810), *range(0x200B, 0x2010), *range(0x202A, 0x202F)),
    *(*range(0x2060, 0x2070), *range(0xFE00, 0xFE10), 0xFEFF),
)
INVISIBLE = "".join(map(chr, _INVISIBLE))
"""Marks of direction, characters without width and selectors of a form (an emoji has one): behind an end they are not there."""
_GREEK, _ARMENIAN = "\u0370-\u03ff\u1f00-\u1fff", "\u0531-\u0588"
_CHINESE = "\u3005-\u3007\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_LATIN = "0-9A-Za-z\uff10-\uff19\uff21-\uff3a\uff41-\uff5a"


@lru_cache(maxsize=1)
def terminals() -> frozenset[str]:
    """Characters that end a sentence in some script. Closing quotes are not among them."""
    found: set[str] = set()
    for entry in TERMINAL.split():
        first, _, last = entry.partition("-")
        found.update(map(chr, range(int(first, 16), int(last or first, 16) + 1)))
    return frozenset(found)


ANYWHERE = "".join(sorted(char for char in terminals() if "\x7f" < char < "\U00010000" and char not in "\u2024\uff0e"))
"""Marks of the basic plane that end a sentence wherever they stand."""
_BEYOND = sorted(char for char in terminals() if char >= "\U00010000")
_MAY_BE_BEYOND = re.compile(f"[{_BEYOND[0]}-{_BEYOND[-1]}]")
_FOR_BEYOND = dict.fromkeys(map(ord, _BEYOND), "\u0964")
_BEHIND = rf"(?=[\s\"'\u201d\u2019\xbb)\]{INVISIBLE}]|$)"
_MORE_CONTEXT = (
    rf"(?<=[{_GREEK}]);{_BEHIND}|(?<=[{_ARMENIAN}]):{_BEHIND}|\u1361{{2,}}"
    rf"|{WIDE_DOT}(?![{_LATIN}])|(?<=[{_CHINESE}])[.?!]++(?=[{_CHINESE}])"
)
IN_CONTEXT = re.compile(_MORE_CONTEXT)
"""Ends that depend on what stands beside them: Greek `;`, Armenian `:` (typed for \u0589), two Ethiopic word spaces, the wide full
stop (not in numbers), a Western mark between Chinese or Japanese characters."""
MAY_DEPEND = re.compile(f"[{ANYWHERE}{WIDE_DOT}\u1361{_GREEK}{_ARMENIAN}{_CHINESE}{_BEYOND[0]}-{_BEYOND[-1]}]")
"""Finds nothing in a text whose ends are Western marks alone."""


def in_basic_plane(text: str) -> str:
    """`text` with a danda for each mark beyond the basic plane (Chakma, Newa), at the same places: in patterns they would double the time of all texts."""
    return text.translate(_FOR_BEYOND) if _MAY_BE_BEYOND.search(text) else text


_LAST = re.compile(rf"[{_GREEK}];\Z|[{_ARMENIAN}]:\Z|\u1361\u1361\Z")


def ends_line(line: str) -> bool:
    """Whether a line, without white space at its end, ends as a sentence does. Quotation marks are for the caller to take off."""
    last = line[-1:]
    if last in terminals():
        return bool(last)
    if not last or (last.isalnum() and last.isascii()):
        return False
    line = line.rstrip(INVISIBLE)
    return line[-1:] in terminals() or _LAST.search(line[-2:]) is not None
