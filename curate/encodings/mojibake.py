"""Text that was decoded wrongly before it came to us, and what it was.

C1 characters: nobody means U+0080 to U+009F. They are windows-1252's curly quotes, dashes and ellipsis, taken for
ISO-8859-1 by some program. The HTML standard reads numeric references to them so (section 13.2.5.80), and so do we.

Doubly encoded UTF-8: its bytes were taken for windows-1252 (or ISO-8859-1, or windows-1251) and encoded again, so that
"é" is "Ã©" and "П" is "Рџ". Any two characters of the right kinds could be such a pair: "Å²" of a physicist, "MANHÔ and a closing quote
in Portuguese. So a text is repaired only if nearly all that it has beyond ASCII is such sequences, and if they are
several different ones, or one that no language writes. Sequences with a C1 character in them are repaired wherever they
stand, except those that may be a letter and a closing quote or a dash.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from curate.encodings.labels import decode_as

if TYPE_CHECKING:
    from curate.encodings.counts import Seen

_BYTES = bytes(range(0x80, 0x100))
_PE = b"\xd0"  # how the most common letters of Cyrillic begin in UTF-8
_WITH_C1 = re.compile("Â[\x80-\x9f]|Ã[\x80-\x84\x86-\x90\x95\x98-\x9f]|â[\x80-\x9f][\x80-\xbf]")
_WINDOWS = dict(zip(map(chr, range(0x80, 0xA0)), decode_as(_BYTES[:32], "windows-1252"), strict=True))
_C1_CHARACTER = re.compile("[\x80-\x9f]")
_C1_UTF8 = re.compile(b"\xc2[\x80-\x9f]")
_BEFORE_C1 = tuple(f"{letter}\x80".encode()[:-1] for letter in "ÂÃâ")
"""What stands before the last byte of the first two characters of `_WITH_C1`: few texts have it, and to search for it takes no time."""
_BEYOND_ASCII = re.compile("[^\x00-\x7f]{2,}")
_SHARE = 0.8  # of the characters beyond ASCII, in sequences; what a program has lost of them makes up for the rest
_DIFFERENT = 3  # sequences that are enough where none is clear
# Beyond doubt where the share is right: Â and Ã before what is no end of a word or quotation, â€ ™ “ and the like, â‚¬
# (the euro sign), â„¢, and a byte order mark.
_CLEAR = re.compile("Ã[^\xa0\xad…‘’“”–—»]|Â.|â€.|â‚¬|â„¢|ï»¿", re.DOTALL)


class _Reading(NamedTuple):
    """What UTF-8 looks like when read in a single-byte encoding."""

    likely: Callable[[bytes, "Seen", str | None], bool]
    """Whether a text in UTF-8, given with its counts, and as it is where it is known, is worth a closer look."""
    sequence: re.Pattern[str]
    to_byte: dict[int, int]


def _decoded(match: re.Match[str]) -> str:
    """A sequence of Latin-1 characters whose bytes are UTF-8 for certain: `_WITH_C1` takes care of that."""
    return match[0].encode("latin-1").decode()


def without_c1(text: str) -> str:
    """`text` with its C1 characters read as windows-1252; the five bytes that have no character there stay."""
    return _C1_CHARACTER.sub(lambda match: _WINDOWS[match[0]], text)  # str.translate looks at each character of a page


def repaired(text: str, utf8: bytes | None = None) -> str:
    """`text` without C1 characters and, where it is doubly encoded UTF-8, as it was meant; else the same object.

    `utf8` is the text's UTF-8 where it is there already. Idempotent: what was encoded three times is repaired twice.
    """
    if text.isascii():
        return text
    if utf8 is None:
        utf8 = _utf8(text)
    found = meant(utf8, text)
    return text if found is None else found.decode("utf-8", "surrogatepass")


def meant(utf8: bytes, text: str | None = None, seen: "Seen | None" = None) -> bytes | None:
    """What `repaired` makes of a text in UTF-8, in UTF-8; None where it is as it was meant. `text` is the text, and `seen` what was counted
    in it, where these are there already."""
    seen = seen or _look(utf8)
    if not seen.c1:
        return _undoubled(utf8, text, seen)
    plain = _C1_UTF8.sub(lambda match: without_c1(match[0].decode()).encode(), utf8)
    whole = _undoubled(plain, None, _look(plain))
    if whole is not None:
        return whole
    if not any(before in utf8 for before in _BEFORE_C1):
        return plain
    text = _text(utf8, text)
    while (better := _WITH_C1.sub(_decoded, text)) != text:
        text = better
    return _utf8(without_c1(text))


def _text(utf8: bytes, text: str | None) -> str:
    return utf8.decode("utf-8", "surrogatepass") if text is None else text


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def is_sound(utf8: bytes, seen: "Seen") -> bool:
    """Whether it is known without a closer look that `repaired` would leave a text alone, given its UTF-8 and what was counted in it."""
    return not seen.c1 and not _like_windows_1252(utf8, seen, None) and _PE not in utf8


def _look(utf8: bytes) -> "Seen":
    from curate.encodings.counts import look  # with numba: not for who only plans what others read

    return look(utf8)


def _undoubled(utf8: bytes, text: str | None, seen: "Seen") -> bytes | None:
    """What was encoded twice, in UTF-8; None where nothing was."""
    found = None
    for name in ("windows-1252", "windows-1251"):
        reading = _reading(name)
        while reading.likely(utf8, seen, text) and (better := _undone(_text(utf8, text), reading)) is not None:
            utf8 = found = _utf8(without_c1(better))
            text, seen = None, _look(utf8)
    return found


def may_hold_utf8(data: bytes) -> bool:
    """Whether bytes in windows-1252 have so many pairs of UTF-8 among those beyond ASCII that a closer look is worth it."""
    array = np.frombuffer(data, np.uint8)
    pairs = np.count_nonzero((array[:-1] > 0xC1) & (array[1:] & 0xC0 == 0x80))
    return bool(pairs and 4 * pairs >= _SHARE * np.count_nonzero(array & 0x80))


def _like_windows_1252(utf8: bytes, seen: "Seen", text: str | None) -> bool:
    """Whether half of what may lead a sequence (C3 in UTF-8) stands before what may follow, as all do in such text, and
    whether these sequences, the longest have four characters, can be the share that is needed."""
    if not seen.leading or 2 * seen.beyond < seen.leading:  # after most letters stands ASCII
        return False
    return 2 * seen.following >= seen.leading and 4 * seen.following >= _SHARE * seen.characters


def _like_windows_1251(utf8: bytes, seen: "Seen", text: str | None) -> bool:
    """Whether the letter that leads every other pair (D0) is more common than the commonest letter of Cyrillic text."""
    if _PE not in utf8:
        return False
    text = _text(utf8, text)
    some = text[:: 1 + len(text) // 4096]
    return some.count("Р") > some.count("о")


def _undone(text: str, reading: _Reading) -> str | None:
    beyond = len(text) - len(text.encode("ascii", "ignore"))
    found: set[str] = set()
    covered = 0

    def undo(match: re.Match[str]) -> str:
        nonlocal covered
        try:
            char = match[0].translate(reading.to_byte).encode("latin-1").decode()
        except UnicodeDecodeError:
            return match[0]
        found.add(match[0])
        covered += len(match[0])
        return char

    better = _BEYOND_ASCII.sub(lambda run: reading.sequence.sub(undo, run[0]), text)
    if covered < _SHARE * beyond:
        return None
    return better if len(found) >= _DIFFERENT or any(map(_CLEAR.fullmatch, found)) else None


@cache
def _reading(name: str) -> _Reading:
    chars = without_c1(decode_as(_BYTES, name))
    follow = f"[{re.escape(chars[:64])}]"
    if name == "windows-1251":  # what was Cyrillic (D0 to D3) and its punctuation (C2, E2)
        sequence, likely = f"[ВРСТУ]{follow}|в{follow}{{2}}", _like_windows_1251
    else:
        two, three, four = (re.escape(chars[a:b]) for a, b in ((0x42, 0x60), (0x60, 0x70), (0x70, 0x75)))
        sequence, likely = f"[{two}]{follow}|[{three}]{follow}{{2}}|[{four}]{follow}{{3}}", _like_windows_1252
    return _Reading(likely, re.compile(sequence), {ord(char): 0x80 + i for i, char in enumerate(chars)})
