"""Words, lines and sentences: the units that rules count.

Several steps measure the same text one after the other, so the splits of the last few texts are remembered.
The results are tuples: a step can't spoil them for the next one.
"""

import re
from functools import lru_cache

# A sentence ends at . ? ! … or a CJK full stop, closing quotes and brackets included, before white space or
# the end. The full-width marks end one wherever they stand: those scripts put no space between sentences.
# Possessive, and from the start of a run only: a megabyte of dots must not cost its square.
_SENTENCE_END = re.compile(
    r"""(?<![.?!…])[.?!…]++["'”’»)\]]*+(?=\s|$)|(?<![。！？｡।॥۔؟])[。！？｡।॥۔؟]++[」』”’）]*+|\n++"""
)
_HAS_WORD = re.compile(r"\w")


@lru_cache(maxsize=8)
def words(text: str) -> tuple[str, ...]:
    """The words of `text`, separated by white space (Unicode's, as `str.split` sees it)."""
    return tuple(text.split())


@lru_cache(maxsize=8)
def lines(text: str) -> tuple[str, ...]:
    """The lines of `text` as they stand, with `str.splitlines`' idea of a line break."""
    return tuple(text.splitlines())


@lru_cache(maxsize=8)
def sentences(text: str) -> tuple[str, ...]:
    """The sentences of `text`, trimmed, by punctuation alone; a line break always ends one.

    No list of abbreviations, so "Dr. Who" counts as two: fast, the same for every language, and good enough
    for a rule that asks for five. Pieces without a letter or a digit are no sentences. For NLTK's model see
    `filters.punkt`.
    """
    found: list[str] = []
    start = 0
    for match in _SENTENCE_END.finditer(text):
        _add(found, text[start : match.end()])
        start = match.end()
    _add(found, text[start:])
    return tuple(found)


def _add(found: list[str], piece: str) -> None:
    if _HAS_WORD.search(piece):
        found.append(piece.strip())
