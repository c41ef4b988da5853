"""What comments and strings say in other languages than English of commerce, leave, bans, rights, secrets, and of taking.

The words are a table (`filters/data/licenses-tongues.tsv`), so that whoever speaks a language can review them.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import re2

from curate.code.names import first_place
from curate.code.needles import EDGE, looked_for
from curate.filters.tables import lines_of

NEAR = 120
"""Bytes between a word of leave and what is dealt with that are said together."""
_NO_BLANKS = frozenset({"zh", "ja", "ko", "ar", "he"})
"""Languages in which words begin anywhere: without blanks, or behind short words that are written with them."""


@lru_cache(maxsize=1)
def _rows() -> list[list[str]]:
    return [line.split("\t") for line in lines_of("licenses-tongues.tsv")]


def _pattern(words: list[tuple[str, str]]) -> Any:
    """What finds the beginnings of words of some languages in UTF-8."""
    begun = "|".join(re.escape(word) for language, word in words if language not in _NO_BLANKS)
    anywhere = "|".join(re.escape(word) for language, word in words if language in _NO_BLANKS)
    kinds = [kind for kind, some in ((rf"(?:^|[^\pL\pN_])(?:{begun})", begun), (f"(?:{anywhere})", anywhere)) if some]
    options = re2.Options()
    options.max_mem = 64 << 20
    options.log_errors = False
    options.never_capture = True
    return re2.compile("|".join(kinds), options)


def _words(row: list[str], column: int) -> list[tuple[str, str]]:
    return [(row[0], word) for word in row[column].split(";") if word]


@lru_cache(maxsize=1)
def _tables() -> tuple[Any, Any, Any]:
    """(what restricts alone, words of leave and bans, words of taking) of all languages."""
    alone, limits, taken = ([word for row in _rows() for word in _words(row, column)] for column in (1, 2, 4))
    return _pattern(alone), _pattern(limits), _pattern(taken)


@lru_cache(maxsize=200)
def _of_language(row: int, column: int) -> Any:
    """The words of one language: when they are first needed, since few texts have any."""
    return _pattern(_words(_rows()[row], column))


def beginnings() -> frozenset[str]:
    """What each text of ASCII alone has one of (as `needles.Gates` look for it) in which `said_in_tongues` finds something."""
    words = [word for row in _rows() for column in (1, 2, 4) for word in _words(row, column)]
    return frozenset(looked_for(word if language in _NO_BLANKS else f"{EDGE}{word}") for language, word in words if word.isascii())  # fmt: skip


def said_in_tongues(text: str) -> Iterator[tuple[int, int]]:
    """Places of `text` (in small letters) that restrict or reserve in a language of the table, or tell of taking."""
    alone, limits, taken = _tables()
    for pattern in (alone, taken):
        match = pattern.search(text)
        if match:
            yield match.span()
    for row in _languages(limits, text):
        for match in _of_language(row, 2).finditer(text):
            first = max(0, match.start() - NEAR)
            around = _paragraph(text, first, match.start(), match.end())
            if _of_language(row, 3).search(around):
                yield match.span()
                break


def _languages(limits: Any, text: str) -> list[int]:
    """The languages that may have a word of leave or bans in a text."""
    found, data, at = set[bytes](), text.encode(), 0
    while place := first_place(limits, data, at):
        found.add(data[place[0] : place[1]])
        at = place[0] + 1
    begun = [_BOUNDARY.sub("", one.decode("utf-8", "replace")) for one in found]
    rows = enumerate(_rows()) if begun else ()
    return [n for n, row in rows if any(w in b or w.startswith(b) for _, w in _words(row, 2) for b in begun)]


_BOUNDARY = re.compile(r"\A[\W_]")


def _paragraph(text: str, first: int, start: int, end: int) -> str:
    """What stands around a place without blank lines between."""
    before = _BLANK.split(text[first:start])[-1]
    behind = _BLANK.split(text[end : end + NEAR])[0]
    return f"{before} {behind}"


_BLANK = re.compile(r"\n[ \t\r*#/;%-]*\n|(?<=[.!?]) ")
