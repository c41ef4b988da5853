"""Words, lines and sentences: the units that rules count.

Several steps measure the same text one after the other, so the splits of the last few texts are remembered.
The results are tuples: a step can't spoil them for the next one.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from unicodedata import category

from curate.filters.scripts import part_words
from curate.filters.sentence_ends import ANYWHERE, IN_CONTEXT, INVISIBLE, MAY_DEPEND, WESTERN, in_basic_plane

_CLOSERS = rf"""["'\u201d\u2019\xbb)\]\u300d\u300f\uff09{INVISIBLE}]*+"""
# A run of marks or line breaks, and the quotes and brackets it closes. One class first and no look around it:
# the search skips to the next mark in C, and a megabyte of dots is one match.
_MARKS = re.compile(rf"[{WESTERN}{ANYWHERE}\n]++{_CLOSERS}")
_ALL_MARKS = re.compile(rf"((?:{IN_CONTEXT.pattern}){_CLOSERS})|{_MARKS.pattern}")
_ENDS_ANYWHERE = re.compile(rf"[{ANYWHERE}\n]")
_HAS_WORD = re.compile(r"\w")
# What `_spans` finds in a text without Eastern marks, in one pattern: from a letter or digit to the end of its sentence.
_SENTENCE = re.compile(rf"\w[^{WESTERN}\n]*+(?:[{WESTERN}]++{_CLOSERS}(?=\S)[^{WESTERN}\n]*+)*+")


@lru_cache(maxsize=8)
def words(text: str) -> tuple[str, ...]:
    """The words of `text`: parted by white space (Unicode's, as `str.split` sees it), and by `curate.filters.scripts` where a script
    puts none between words. Punctuation is part of the word that it stands at.
    """
    return tuple(parted(text).split())


@lru_cache(maxsize=8)
def parted(text: str) -> str:
    """`text` with a space between words also where its script puts none."""
    return part_words(text)


@lru_cache(maxsize=1)
def combining() -> str:
    """Unicode's marks (accents, vowel signs) as the inside of a character class: `\\w` leaves them out."""
    last = 0x1E94A + 1
    marks = [code for code in range(0x300, last) if category(chr(code))[0] == "M"]
    starts = [code for at, code in enumerate(marks) if at == 0 or marks[at - 1] != code - 1]
    stops = [code for at, code in enumerate(marks) if at + 1 == len(marks) or marks[at + 1] != code + 1]
    ranges = "".join(f"{chr(start)}-{chr(stop)}" for start, stop in zip(starts, stops, strict=True))
    return ranges + "\U000e0100-\U000e01ef"  # variation selectors


@lru_cache(maxsize=8)
def lowered(text: str) -> str:
    """`text` in lower case."""
    return text.lower()


@lru_cache(maxsize=8)
def encoded(text: str) -> bytes:
    """`text` in UTF-8; lone surrogates as they stand."""
    return text.encode("utf-8", "surrogatepass")


def decoded(data: bytes) -> str:
    """The text of which this is `encoded`."""
    return data.decode("utf-8", "surrogatepass")


CAPITALS = 0.8
"""Share of the letters with a case from which a text counts as written in capitals."""
_SAMPLE = 128
_SMALL = b"abcdefghijklmnopqrstuvwxyz"


def without_capitals(text: str) -> str:
    """`text` in small letters if it is written in capitals, else as it stands.

    Models of languages learnt from ordinary text and know no words in capitals: English ones are taken for Chinese. A
    capital I is a dotless one where \u0130 shows that the text is Turkish or Azerbaijani.
    """
    sample = text[:: len(text) // _SAMPLE + 1]
    code = sample.encode("utf-8", "replace")
    if 4 * (len(code) - len(code.translate(None, _SMALL))) > len(sample):  # most texts end here, in a microsecond
        return text
    if 3 * sum(map(str.isupper, sample)) < len(sample) or _capitals(text) < CAPITALS:
        return text
    if "\u0130" in text:
        text = text.replace("I", "\u0131").replace("\u0130", "i")
    return text.lower()


def _capitals(text: str) -> float:
    """Capitals among the letters that have a case."""
    large, small = sum(map(str.isupper, text)), sum(map(str.islower, text))
    return large / (large + small or 1)


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
    return tuple(text[start:end].strip() for start, end in _spans(text))


def count_sentences(text: str) -> int:
    """How many `sentences` there are, without cutting them out."""
    if MAY_DEPEND.search(text):
        return sum(1 for _ in _spans(text))
    return len(_SENTENCE.findall(text))


def _spans(text: str) -> Iterator[tuple[int, int]]:
    has_word, ends_anywhere = _HAS_WORD.search, _ENDS_ANYWHERE.search
    marks = _MARKS
    if MAY_DEPEND.search(text):
        marks, text = _ALL_MARKS, in_basic_plane(text)
    start, length = 0, len(text)
    for match in marks.finditer(text):
        at, end = match.span()
        # The marks of some scripts, and line breaks, end a sentence wherever they stand; others before white
        # space.
        sure = match.lastindex or end == length or text[at] == "\n" or text[end].isspace()
        if not sure and not ends_anywhere(text, at, end):
            continue
        if has_word(text, start, end):
            yield start, end
        start = end
    if has_word(text, start):
        yield start, len(text)
