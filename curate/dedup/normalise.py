"""What "the same" means: lines, sentences and texts.

`fold` is the mildest (case and white space) and is what C4 compares; `same` also knows one text in several forms of
Unicode; `plain` is CCNet's. The words of
MinHash have a normalisation of their own, in the kernel (`kernel.py`).
"""

import functools
import re
import unicodedata

_END = r".!?\u2026\u203d\u061f\u06d4\u0964"
_WIDE = r"\u3002\uff01\uff1f\uff61"
# Possessive, and from the start of a run only: a megabyte of dots must not cost its square.
SENTENCE_END = re.compile(
    rf"(?<![{_END}])[{_END}]++[\"'\u201d\u2019\u00bb)\]]*+(?=\s)(?!\s++[a-z])"
    rf"|(?<![{_WIDE}])[{_WIDE}]++[\u300d\u300f\u201d\u2019\uff09]*+"
)
_HAS_WIDE = re.compile(rf"[{_WIDE}]")
# The same without the scripts of `_WIDE`: what begins with one class is searched for in C. A line break; or always a whole
# run of marks, with the white space after it as a group where a sentence ends there.
_BREAK = re.compile(rf"[{_END}\n](?:(?<=\n)|[{_END}]*+[\"'\u201d\u2019\u00bb)\]]*+(?:([^\S\n]++)(?![a-z]))?)")


def fold(text: str) -> str:
    """Lower case, and each run of white space one space."""
    return " ".join(text.lower().split())


_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
INVISIBLE = re.compile(f"[{_INVISIBLE}]+")
"""Unicode's Default_Ignorable_Code_Point: soft hyphens, joiners, spaces without width, marks of direction, byte order marks."""


def composed(text: str) -> str:
    """The text in Unicode's normal form C."""
    return text if text.isascii() or unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def same(text: str) -> str:
    """`fold` of a text in normal form C with full case folding and without invisible characters; one i, with and without dot."""
    if text.isascii():
        return fold(text)
    text = INVISIBLE.sub("", composed(text)).casefold().replace("i\u0307", "i").replace("\u0131", "i")
    return " ".join(composed(text).split())


def line(text: str) -> str:
    """The released C4 code's key of a line: `strip().lower()`."""
    return text.strip().lower()


def plain(text: str) -> str:
    """CCNet's key of a paragraph: lower case, digits 0, without punctuation and non-printing characters."""
    return text.strip().lower().translate(_plain_table())


class _Plain(dict[int, int | None]):
    """Translation table that fills itself: code point -> code point or None (removed)."""

    def __missing__(self, code: int) -> int | None:
        kind = unicodedata.category(chr(code))
        value = ord("0") if kind == "Nd" else None if kind[0] in "PC" else code
        self[code] = value
        return value


@functools.lru_cache(maxsize=1)
def _plain_table() -> _Plain:
    return _Plain()


def folded_sentences(text: str) -> list[str]:
    """The sentences of all lines of `text`, each folded."""
    pieces = text_sentences(text)
    if "\0" in text:
        return [fold(piece) for piece in pieces]
    whole = " ".join("\0".join(pieces).lower().split())  # at once, which is less work than one by one
    return [piece.strip() for piece in whole.split("\0")] if pieces else []


def text_sentences(text: str) -> list[str]:
    """The `sentences` of all lines of `text`."""
    if _HAS_WIDE.search(text):
        return [piece for line in text.split("\n") for piece in sentences(line)]
    pieces: list[str] = []
    start = 0
    for match in _BREAK.finditer(text):
        at, end = match.span()
        if match.end(1) >= 0:
            pieces.append(text[start:end])
            start = end
        elif text[at] == "\n":
            if start < at and not (rest := text[start:at]).isspace():
                pieces.append(rest)
            start = at + 1
    if start < len(text) and not (rest := text[start:]).isspace():
        pieces.append(rest)
    return pieces


def sentences(line: str) -> list[str]:
    """The sentences of one line, each with the white space after it: joined they are the line. Blank lines
    have none.

    A sentence ends at . ! ? … (and their Arabic, Indic and CJK kin) when white space follows and no
    lower-case letter after that. A line end always closes a sentence.
    """
    if _HAS_WIDE.search(line) is None:
        return text_sentences(line)
    pieces: list[str] = []
    start, length = 0, len(line)
    for match in SENTENCE_END.finditer(line):
        stop = match.end()
        while stop < length and line[stop].isspace():
            stop += 1
        pieces.append(line[start:stop])
        start = stop
    if start < length:
        pieces.append(line[start:])
    return pieces
