"""Bytes of a page to text: byte order mark, header, meta tag, detection; and whether the bytes are a page at all."""

import codecs
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from resiliparse.parse.encoding import detect_encoding

from curate.encodings.labels import DOUBLE_BYTE, decode_as, encoding_of
from curate.encodings.mojibake import is_sound, may_hold_utf8, meant, repaired
from curate.encodings.prescan import prescan

if TYPE_CHECKING:
    from curate.encodings.counts import Seen

_SAMPLE = 16 << 10  # bytes, from the first beyond ASCII on, that detection looks at; it takes 1 ms for each KiB
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16le"), (codecs.BOM_UTF16_BE, "utf-16be"))
_ZEROS = {b"<\0": "utf-16le", b"\0<": "utf-16be"}  # how markup in UTF-16 without a byte order mark begins
_ISO_2022_JP = re.compile(rb"\x1b(?:\$[@B]|\(I)")  # to kanji, to katakana
_STATEFUL = re.compile(rb"\x1b|\x0e|~\{")  # what the 7-bit encodings that became "replacement" switch with
_BY_CHANCE = DOUBLE_BYTE | {"windows-874"}  # encodings that have a pair of bytes in common with UTF-8 now and then
_MARK, _TWICE = "\ufeff", "ï»¿"
_MARKED = _MARK.encode(), _TWICE.encode()
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_BEYOND_ASCII = re.compile("[^\x00-\x7f]+")
_WITH_C1 = ("utf", "iso-8859")  # the others have no C1 characters, and nobody encodes twice in them
_GUESSES = {
    "cp949": "euc-kr",
    "euc_jp": "euc-jp",
    "mac-cyrillic": "windows-1251",
    "mac-centraleurope": "windows-1250",
    "iso8859-16": "windows-1250",
    "iso8859-13": "windows-1257",
    "iso8859-3": "windows-1252",
    "iso8859-10": "windows-1252",
    "iso8859-14": "windows-1252",
}
"""What uchardet says that is no label, or hardly on the web: short Russian is "mac-cyrillic" to it, Romanian ISO-8859-16,
few accents in Italian or Dutch ISO-8859-10. Browsers don't guess these either."""
_RIVALS = {
    "iso-8859-2": "windows-1250",
    "windows-1250": "iso-8859-2",
    "iso-8859-7": "windows-1253",
    "windows-1253": "iso-8859-7",
    "koi8-r": "koi8-u",
    "cp852": "windows-1250",
    "cp865": "windows-1250",
}
"""Encodings with the same letters at most places, and signs in one where the other has letters. uchardet takes short texts
from windows-1252 and from windows-1250 for IBM's."""
_ODD = re.compile(
    r"[\x80-\x9f\ufffd]"  # no text has controls
    r"|(?<=[^\W\d_])[¤¦¬±´¶¸ˇ˘˛˝˙\u2500-\u25ff]|[¤¦¬±´¶¸ˇ˘˛˝˙\u2500-\u25ff](?=[^\W\d_])"
    r"|(?<=[^\W\d_])[©«®°»§¨¹²³¼½¾¿¡£¥](?=[^\W\d_])"
    r"|(?<=[α-ώ])Ά"
)
"""Signs in words: letters of another encoding."""
_KIN = {
    "gb18030": "gbk",
    "iso-8859-7": "windows-1253",
    "iso-8859-8": "windows-1255",
    "iso-8859-8-i": "windows-1255",
    "iso-8859-2": "windows-1250",
    "koi8-u": "koi8-r",
}
"""Encodings that differ in so little that detection takes one for the other."""
SIGNATURES = {
    "gz": b"\x1f\x8b",
    "bz2": b"BZh",
    "xz": b"\xfd7zXZ",
    "zst": b"\x28\xb5\x2f\xfd",
    "7z": b"7z\xbc\xaf",
    "lz4": b"\x04\x22\x4d\x18",
    "zip": b"PK\x03\x04",
    "pdf": b"%PDF-",
}
"""How a packed file begins, by what it is packed with."""
_MAGIC = (
    *(SIGNATURES[kind] for kind in ("pdf", "zip", "gz", "7z", "xz", "zst")),
    b"\x89PNG", b"\xff\xd8\xff", b"\x7fELF", b"MZ\x90", b"\xd0\xcf\x11\xe0", b"\x00\x00\x01\x00", b"\xca\xfe\xba\xbe", b"%!PS-",
)  # fmt: skip
_WORDS = (b"GIF8", b"RIFF", b"OggS", b"ID3", b"Rar!", b"BZh", b"wOFF", b"wOF2", b"FWS", b"CWS", b"SQLite format 3")
"""Signatures that a text may begin with, too."""

_KINDS = (
    (SIGNATURES["pdf"], "a PDF"),
    (SIGNATURES["zip"], "a zip archive, or a document in one (docx, epub …)"),
    (SIGNATURES["gz"], "a gzip file"),
    (SIGNATURES["zst"], "a zst file"),
    (SIGNATURES["xz"], "an xz file"),
    (SIGNATURES["bz2"], "a bz2 file"),
    (SIGNATURES["7z"], "a 7z archive"),
    (b"Rar!", "a rar archive"),
    (b"\xd0\xcf\x11\xe0", "a document of Microsoft Office"),
    (b"%!PS-", "a PostScript file"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3", "a database of SQLite"),
    *[(magic, "an image") for magic in (b"\x89PNG", b"\xff\xd8\xff", b"GIF8")],
    *[(magic, "a program") for magic in (b"\x7fELF", b"MZ\x90", b"\xca\xfe\xba\xbe")],
)
"""What binary files are, by how they begin."""


class Decoded(NamedTuple):
    """Text of a page, the encoding that decoded it (the standard's name, lower case), whether the bytes are its UTF-8."""

    text: str
    charset: str
    as_it_was: bool = False


def decode(body: bytes, http_charset: str | None = None, *, html: bool = True) -> tuple[str, str]:
    """Text of a page and the name of the encoding that decoded it: see `decode_page`."""
    return decode_page(body, http_charset, html=html)[:2]


def decode_page(body: bytes, http_charset: str | None = None, *, html: bool = True) -> Decoded:
    """Text of a page, how it was decoded, and whether encoding it would only give its bytes back: see `utf8_page`."""
    utf8, charset = utf8_page(body, http_charset, html=html)
    return Decoded(utf8.decode(), charset, utf8 is body)


def utf8_page(body: bytes, http_charset: str | None = None, *, html: bool = True) -> tuple[bytes, str]:
    """A page in UTF-8 (`body` itself, where it is that already), and the encoding that decoded it.

    The encoding is that of the byte order mark, the HTTP header, the markup (`html`), or it is detected, as the HTML
    standard has it (section 13.2.3.2): the first whose bytes these can be, see `fits`. Labels and decoders are those of
    the WHATWG Encoding Standard (`iso-8859-1` is windows-1252). What is invalid becomes U+FFFD, and so do NULs, so that
    any text can be stored. C1 characters and doubly encoded UTF-8 are repaired (`curate.encodings.mojibake`). Never raises.
    """
    from curate.encodings.counts import checked  # with numba: not for who only plans what others read

    first: tuple[str, str] | None = None
    for charset in _candidates(body, http_charset, html):
        if charset == "utf-8" and (seen := checked(body)):
            return _utf8(body, seen), charset
        text = decode_as(body, charset)
        decoded = text, charset
        if fits(body, text, charset):
            first = decoded
            break
        first = first or decoded
    assert first is not None  # detection always has an answer
    text, charset = _without_marks(first[0]), first[1]
    wrong = may_hold_utf8(body) if charset == "windows-1252" else charset.startswith(_WITH_C1)
    return (repaired(text) if wrong else text).encode(), charset


def _utf8(body: bytes, seen: "Seen") -> bytes:
    """Most pages: one pass over the bytes, and hardly more to check."""
    if b"\0" in body or body.startswith(_MARKED):
        return repaired(_without_marks(body.decode())).encode()
    if is_sound(body, seen):
        return body
    clean = meant(body, None, seen)
    return body if clean is None else clean


def fits(body: bytes, text: str, charset: str) -> bool:
    """Whether `body` can be text in `charset`, so that `text` is what was meant. Browsers believe any label.

    It can't when a quarter of what lies beyond ASCII is invalid; nor when another encoding than UTF-8 is claimed and all
    of it is valid UTF-8, which text in another encoding hardly ever is: a server's default, or a page that was
    converted and kept its meta tag.
    """
    if charset != "utf-8" and _is_utf8(body) and _meant_as_utf8(body, text, charset):
        return False
    if charset == "replacement":
        return _STATEFUL.search(body) is not None
    if text.isascii():
        return True
    invalid = text.count("\ufffd")
    return invalid == 0 or invalid * 4 < sum(len(run) for run in _BEYOND_ASCII.findall(text))


def _meant_as_utf8(body: bytes, text: str, charset: str) -> bool:
    """Whether valid UTF-8 that is labelled otherwise is UTF-8, and not so by chance."""
    if charset.startswith("utf-16"):
        return b"\0" not in body  # UTF-16 has NULs wherever it has ASCII
    if body.isascii():
        return False
    if charset not in _BY_CHANCE or "\ufffd" in text:
        return True
    beyond = "".join(_BEYOND_ASCII.findall(body.decode("utf-8", "ignore")))
    return len(beyond) > 2 or max(beyond, default="") >= "\u0800"  # one pair of GBK in seven is a pair of UTF-8


def _candidates(body: bytes, http_charset: str | None, html: bool) -> Iterator[str]:
    seen = set()
    for name in _declared(body, http_charset, html):
        if name and name not in seen:
            seen.add(name)
            yield name
    yield _detect(body)


def _declared(body: bytes, http_charset: str | None, html: bool) -> Iterator[str | None]:
    yield _mark(body)
    if b"\x1b" in body and _is_iso_2022_jp(body):
        yield "iso-2022-jp"  # whatever is declared: no text in another encoding has its escape sequences
    http = encoding_of(http_charset or "")
    if http == "windows-1252" and html and (own := prescan(body)) not in (None, http) and _are_kin(own, _detect(body)):
        yield own  # a server's default, and two witnesses against it
    yield http
    if html:
        yield prescan(body)


def _are_kin(one: str | None, other: str) -> bool:
    return one is not None and _KIN.get(one, one) == _KIN.get(other, other)


def _is_iso_2022_jp(body: bytes) -> bool:
    """Whether ASCII bytes switch to Japanese, and to Japanese that there is: as ASCII they would be garbage."""
    if not _ISO_2022_JP.search(body) or not body.isascii():
        return False
    text = decode_as(body, "iso-2022-jp")
    return not text.isascii() and fits(body, text, "iso-2022-jp")


def _without_marks(text: str) -> str:
    """Without a byte order mark, encoded twice or once, and NULs."""
    return text.removeprefix(_MARK).removeprefix(_TWICE).replace("\0", "\ufffd")


def looks_binary(body: bytes) -> bool:
    """Whether bytes that were served as a page are something else: an image, an archive, a program.

    True for a known file signature, and when more than 1 % of the first 4 KiB, unless they are UTF-16, are control
    characters (white space, escape and form feed apart). A signature of letters may begin a text ("ID3 tags"): it needs
    one control character, which all such files have, behind it.
    """
    head = body[:4096]
    control = len(head) - len(head.translate(None, _CONTROL))
    if head.startswith(_MAGIC) or (control and head.startswith(_WORDS)):
        return True
    if _mark(body):
        return False
    return control > len(head) // 100


def kind_of_binary(body: bytes) -> str:
    """What a file is, in words, that `looks_binary`; nothing for text."""
    if not looks_binary(body):
        return ""
    return next((kind for magic, kind in _KINDS if body.startswith(magic)), "a binary file")


_PRINTABLE = bytes((9, 10, 12, 13, *range(32, 127)))
_CONTROL = bytes(b for b in (*range(32), 127) if b not in (9, 10, 12, 13, 27))


def _mark(body: bytes) -> str | None:
    """The encoding of a byte order mark, or of UTF-16 that has none: of markup, or of ASCII with a zero beside each."""
    name = next((name for mark, name in _MARKS if body.startswith(mark)), None) or _ZEROS.get(body[:2])
    if name or b"\0" not in body[:4]:
        return name
    even, odd = body[:64:2], body[1:64:2]
    for name, zeros, chars in (("utf-16le", odd, even), ("utf-16be", even, odd)):
        if not zeros.strip(b"\0") and not chars.translate(None, _PRINTABLE):
            return name
    return None


def _is_utf8(body: bytes) -> bool:
    """Whether bytes are UTF-8, or were before something cut them in a character that was not the first beyond ASCII."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        cut = error.end == len(body) and error.reason == "unexpected end of data"
        return cut and not body[: error.start].isascii()
    return True


def _detect(body: bytes) -> str:
    if _is_utf8(body):
        return "utf-8"
    first = _NOT_ASCII.search(body)
    start = max(0, first.start() - 64) if first else 0
    sample = body[start : start + _SAMPLE]
    guess = detect_encoding(sample, max_len=0, html5_compatible=False) or ""
    name = _GUESSES.get(guess) or encoding_of(guess) or ""
    if name in ("", "replacement") or (name == "utf-8" and not fits(sample, decode_as(sample, name), name)):
        name = "windows-1252"
    rival = _RIVALS.get(guess) or _RIVALS.get(name)
    return rival if rival and _oddities(sample, rival) < _oddities(sample, name) else name


def _oddities(sample: bytes, name: str) -> int:
    return sum(1 for _ in _ODD.finditer(decode_as(sample, name)))
