"""What "the same" means: lines, sentences and texts.

`same` is the one normalisation of exact, near, line and span deduplication: it knows one text in several forms of Unicode.
MinHash also leaves out accents and punctuation (`kernel.py`). `line` and `plain` are the published ones of C4 and CCNet.
What any of them gives is part of the keys: raise `curate.dedup.index.FORMAT` with a change.
"""

import functools
import re
import unicodedata
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from curate.filters.sentence_ends import ANYWHERE, IN_CONTEXT, MAY_DEPEND, WESTERN, in_basic_plane
from curate.filters.sentence_ends import INVISIBLE as INVISIBLES

END = WESTERN + "\u203d"
"""Western marks behind which a sentence may end."""
_CLOSING = rf"[\"'\u201d\u2019\u00bb)\]\u300d\u300f\uff09{INVISIBLES}]*+"
# Possessive, and from the start of a run only: a megabyte of dots must not cost its square.
SENTENCE_END = re.compile(
    rf"(?<![{END}])[{END}]++{_CLOSING}(?=\s)(?!\s++[a-z])"
    rf"|(?<![{ANYWHERE}])[{ANYWHERE}]++{_CLOSING}|(?:{IN_CONTEXT.pattern}){_CLOSING}"
)
# The same for a text of Western marks alone: what begins with one class is searched for in C. A line break; or always a whole
# run of marks, with the white space after it as a group where a sentence ends there.
_BREAK = re.compile(rf"[{END}\n](?:(?<=\n)|[{END}]*+{_CLOSING}(?:([^\S\n]++)(?![a-z]))?)")


def fold(text: str) -> str:
    """Lower case, and each run of white space one space."""
    return " ".join(text.lower().split())


_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
INVISIBLE = re.compile(f"[{_INVISIBLE}]+")
"""Unicode's Default_Ignorable_Code_Point: soft hyphens, joiners, spaces without width, marks of direction, byte order marks."""
_DROPPED = "\u0640\u07fa"  # joining type C: they lengthen a line of Arabic or N'Ko
_ONE_FOR_ANOTHER = (
    (
        "'",
        "\u2018\u2019\u201a\u201b\u2039\u203a\u02bb\u02bc\xb4\u2032\u05f3",
    ),  # Quotation_Mark, and what is typed for one
    ('"', "\u201c\u201d\u201e\u201f\xab\xbb\u2033\u05f4\u301d\u301e\u301f"),
    ("-", "\u058a\u05be\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58"),  # Dash
    ("~", "\u301c"),
    ("i", "\u0130\u0131"),
    ("\u015f", "\u0218\u0219"),  # Romanian: with a cedilla before Unicode 3.0, and on many keyboards after
    ("\u0163", "\u021a\u021b"),
    ("\u064a", "\u06cc\u0649"),  # the same letters in the Arabic, Persian and Urdu layouts of a keyboard
    ("\u0643", "\u06a9\u06aa"),
    (
        "\u0647",
        "\u06c1\u06d5",
    ),  # \u06d5 and \u06c0 were written as \u0647 with a joiner or a hamza before they had a place
    ("\u0629", "\u06c3"),
    ("\u0627", "\u0671"),
    *((chr(0x660 + digit), chr(0x6F0 + digit)) for digit in range(10)),
)
_IN_PARTS = {
    "\u0d7a": "\u0d23\u0d4d", "\u0d7b": "\u0d28\u0d4d", "\u0d7c": "\u0d30\u0d4d", "\u0d7d": "\u0d32\u0d4d", "\u0d7e": "\u0d33\u0d4d",
    "\u0d7f": "\u0d15\u0d4d", "\u09ce": "\u09a4\u09cd", "\u0972": "\u0905\u0945", "\u05f0": "\u05d5\u05d5", "\u05f1": "\u05d5\u05d9",
    "\u05f2": "\u05d9\u05d9",
}  # fmt: skip
"""Letters that texts also write in two, which Unicode's normal forms keep apart: chillus of Malayalam and the Bengali khanda ta (a virama
and a joiner, before Unicode 5.1 and 4.1; table DoNotEmit), the candra a of Marathi, digraphs of Yiddish."""
_FORMS = ("wide", "narrow", "compat", "noBreak", "initial", "medial", "final", "isolated", "vertical", "font")
"""Decompositions of Unicode that are one text in another form. Exponents, fractions and circled numbers are others."""
_LEFT_ALONE = (
    range(0x0E33, 0x0E34),
    range(0x0EB3, 0x0EB4),
    range(0x3130, 0x3190),
)  # SARA AM is one letter; lone Korean letters would join
_WITH_FORMS = (
    range(0x80, 0x3400),
    range(0xA000, 0xAC00),
    range(0xF900, 0x20000),
    range(0x2F800, 0x2FA20),
    range(0xE0000, 0xE1000),
)
"""Where characters are that have another form: not in Han and Hangul."""
_SPLIT_AM = re.compile("([\u0e4d\u0ecd])([\u0e48-\u0e4b\u0ec8-\u0ecb]?)([\u0e32\u0eb2])")


def composed(text: str) -> str:
    """The text in Unicode's normal form C."""
    return text if text.isascii() or unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def same(text: str) -> str:
    """What is one text: lower case (full case folding), each run of white space one space, and one form of what Unicode can
    write in several: normal form C, no invisible characters, full and half width, ligatures, presentation forms, quotation marks
    and dashes of one kind each, no optional vowel signs of Arabic and Hebrew, no tatweel, one letter for the same one of two
    keyboards (\u064a \u06cc), one i with and without dot. Stable: `same(same(text)) == same(text)`.
    """
    return fold(text) if text.isascii() else " ".join(one_form(text).split())


def one_form(text: str) -> str:
    """`same` with white space as it stands."""
    if text.isascii():
        return text.lower()
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    known = np.minimum(points, len(_TABLE) - 1)
    found = _TABLE[known]
    if np.bitwise_or.reduce(found) & UNKNOWN:
        learn(np.unique(known).tolist())
        found = _TABLE[known]
    kinds = int(np.bitwise_or.reduce(found))
    if kinds & TOGETHER:
        return _one_form_of_all(text)
    several = set(points[found & SEVERAL != 0].tolist()) if kinds & SEVERAL else ()
    made = (found[found & NONE == 0] if kinds & NONE else found) & POINT
    one = made.tobytes().decode("utf-32-le")
    for code in several:
        one = one.replace(chr(code), _one_form_of(chr(code)))
    return one


NONE, SEVERAL, TOGETHER, UNKNOWN = 1 << 24, 1 << 25, 1 << 26, 1 << 27
POINT = NONE - 1
_COMMON = (range(0x80), range(0x80, 0x3400), range(0xA000, 0xAC00), range(0xF900, 0x10000), range(0x1F000, 0x1FB00))
"""Where the characters of nearly all texts are that have another form, and emoji."""


def _unlearnt() -> NDArray[np.uint32]:
    table = np.arange(_COMMON[-1].stop + 1, dtype=np.uint32)
    table[0xD800:0xE000] |= TOGETHER
    table[0x10000 : _COMMON[-1].start] |= TOGETHER
    table[-1] |= TOGETHER
    for codes in _COMMON[1:]:
        table[codes.start : codes.stop] |= UNKNOWN
    table[ord("A") : ord("Z") + 1] += 32
    return table


_TABLE = _unlearnt()
"""For each code point that of its one form, where that is one character whatever stands beside it; else its own and NONE
(it is left out), SEVERAL, or TOGETHER, which also stands for what is rare; or UNKNOWN: a text has few characters, and most are
never met. The last entry is for all beyond the table."""


def learn(codes: Iterable[int]) -> NDArray[np.uint32]:
    """`_TABLE`, with no code point of `codes` (below its length) UNKNOWN."""
    for code in codes:
        if _TABLE[code] & UNKNOWN:
            _TABLE[code] = _learnt(chr(code))
    return _TABLE


def _learnt(char: str) -> int:
    one = _one_form_of(char)
    if any(unicodedata.combining(other) or ord(other) in _joining() for other in char + one):
        return ord(char) | TOGETHER
    return ord(one) if len(one) == 1 else ord(char) | (SEVERAL if one else NONE)


@functools.lru_cache(maxsize=1)
def _joining() -> frozenset[int]:
    """What composes with a character before it."""
    parts = [unicodedata.decomposition(chr(code)).split() for codes in _COMMON for code in codes]
    seconds = {int(pair[1], 16) for pair in parts if len(pair) == 2 and pair[0][0] != "<"}
    return frozenset({0x0E4D, 0x0ECD, *range(0x1100, 0x1200), *seconds})


def _one_form_of(char: str) -> str:
    """`_one_form_of_all` of one character, without the table of all."""
    text = composed("".join(map(form, composed(char))).casefold())
    return composed(text.replace("i\u0307", "i")) if "i\u0307" in text else text


def _one_form_of_all(text: str) -> str:
    pattern, table = _forms()
    text = pattern.sub(lambda found: table.get(found[0]) or _form_of_rare(found[0]), composed(text))
    text = composed(text.casefold())
    while "i\u0307" in text:
        text = composed(text.replace("i\u0307", "i"))
    return _SPLIT_AM.sub(_joined_am, text) if "\u0e4d" in text or "\u0ecd" in text else text


def _joined_am(found: re.Match[str]) -> str:
    return found[2] + ("\u0e33" if found[1] == "\u0e4d" else "\u0eb3")


@functools.lru_cache(maxsize=1)
def _forms() -> tuple[re.Pattern[str], dict[str, str]]:
    """Characters whose one form is not just their lower case, and all beyond the basic plane: one range of those is faster;
    and the forms of the former."""
    codes = (code for codes in _WITH_FORMS for code in codes if code < 0x10000)
    table = {char: one for char in map(chr, codes) if (one := form(char)) != char.casefold()}
    return re.compile(f"[{''.join(map(re.escape, table))}\U00010000-\U0010ffff]"), table


@functools.lru_cache(maxsize=4096)
def _form_of_rare(char: str) -> str:
    return form(char)


def left_out_or_other() -> set[str]:
    """The characters that `same` leaves out, and the letters that it takes for others: what stands before such a one may compose
    with a mark behind it (\u06cc and a hamza is \u0626)."""
    gone = {char for codes in _WITH_FORMS for char in map(chr, codes) if not form(char)}
    return gone | set(filter(str.isalpha, _others()))


@functools.lru_cache(maxsize=1)
def _others() -> dict[str, str]:
    found = {char: one for one, others in _ONE_FOR_ANOTHER for char in others}
    return found | _IN_PARTS | dict.fromkeys(_DROPPED, "")


def form(char: str) -> str:
    """The one form of a character: what `same` makes of it. Stable."""
    found = _others().get(char)
    if found is None:
        found = "" if INVISIBLE.match(char) or _optional(char) else _parts(char)
    return char if found == char else unicodedata.normalize("NFC", "".join(map(form, found)))


def _parts(char: str) -> str:
    """What a character is made of where that is the same text, else its lower case."""
    kind, _, rest = unicodedata.decomposition(char).rpartition("> ")
    codes = rest.split()
    if not codes or (
        kind and (kind[1:] not in _FORMS or codes[0] == "0020" or any(ord(char) in r for r in _LEFT_ALONE))
    ):
        return char.casefold()  # a mark alone is written as a space with it: that is no other form
    if kind or any(form(chr(int(code, 16))) != chr(int(code, 16)) for code in codes):
        return "".join(chr(int(code, 16)) for code in codes)
    return char


def _optional(char: str) -> bool:
    """Vowel signs and marks of recitation in Arabic, Hebrew, Syriac and Samaritan; not what makes another letter (hamza, madda)."""
    if unicodedata.category(char) != "Mn" or char in "\u0653\u0654\u0655":
        return False
    return unicodedata.name(char, "").startswith(("ARABIC ", "HEBREW ", "SYRIAC ", "SAMARITAN "))


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
    """The sentences of all lines of `text`, each in its one form."""
    pieces = text_sentences(text)
    if "\0" in text:
        return [same(piece) for piece in pieces]
    whole = same("\0".join(pieces))  # at once, which is less work than one by one
    return [piece.strip() for piece in whole.split("\0")] if pieces else []


def text_sentences(text: str) -> list[str]:
    """The `sentences` of all lines of `text`."""
    if MAY_DEPEND.search(text):
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
    if MAY_DEPEND.search(line) is None:
        return text_sentences(line)
    pieces: list[str] = []
    start, length = 0, len(line)
    for match in SENTENCE_END.finditer(in_basic_plane(line)):
        stop = match.end()
        while stop < length and line[stop].isspace():
            stop += 1
        pieces.append(line[start:stop])
        start = stop
    if start < length:
        pieces.append(line[start:])
    return pieces
