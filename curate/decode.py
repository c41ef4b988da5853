"""Bytes of a page to text: header, byte order mark, meta tag, detection; and whether the bytes are a page at all."""

import codecs
import re
from collections.abc import Iterator
from typing import NamedTuple

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

_HEAD = 4096  # bytes searched for a meta tag; browsers search 1024, and real pages have later ones
_SAMPLE = 16 << 10  # bytes, from the first beyond ASCII on, that detection looks at; it takes 1 ms for each KiB
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_META = re.compile(rb"<meta[^>]{0,400}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:\-]{1,40})", re.IGNORECASE)
_XML = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9_.:\-]{1,40})", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_BEYOND_ASCII = re.compile("[^\x00-\x7f]+")
_SURROGATES = re.compile("[\ud800-\udfff]")
_CODECS = {  # what the standard's charsets hold beyond Python's codecs of these names
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "gbk": "gb18030",
    "iso8859-11": "cp874",
}
_EXTRA = {"x-mac-cyrillic": "mac-cyrillic", "x-mac-ukrainian": "mac-cyrillic", "x-user-defined": "cp1252"}
_MAGIC = (
    b"%PDF-", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"PK\x03\x04", b"\x1f\x8b", b"RIFF", b"OggS", b"ID3", b"\x7fELF",
    b"MZ\x90", b"Rar!", b"7z\xbc\xaf", b"BZh", b"\xfd7zXZ", b"\xd0\xcf\x11\xe0", b"wOFF", b"wOF2", b"\x00\x00\x01\x00",
    b"FWS", b"CWS", b"\x28\xb5\x2f\xfd", b"SQLite format 3", b"\xca\xfe\xba\xbe", b"%!PS-",
)  # fmt: skip


class Decoded(NamedTuple):
    """Text of a page, the charset that decoded it (Python's name, lower case), and whether the bytes are its UTF-8."""

    text: str
    charset: str
    as_it_was: bool = False


def decode(body: bytes, http_charset: str | None = None, *, html: bool = True) -> tuple[str, str]:
    """Text of a page and the name of the charset that decoded it: see `decode_page`."""
    return decode_page(body, http_charset, html=html)[:2]


def decode_page(body: bytes, http_charset: str | None = None, *, html: bool = True) -> Decoded:
    """Text of a page, how it was decoded, and whether encoding it would only give its bytes back.

    The charset is that of the HTTP header, the byte order mark, the meta tag (`html`), or detection: the first whose
    bytes these can be, see `fits`. Labels mean what the WHATWG Encoding Standard says they mean (`iso-8859-1` is
    windows-1252). Bytes that are invalid become U+FFFD, and so do NULs, so that any text can be stored. Never raises.
    """
    first: tuple[str, str] | None = None
    for charset in _candidates(body, http_charset, html):
        if charset == "utf-8" and (whole := _strict(body)) is not None:
            # most pages: one pass over the bytes, and no more to check (a NUL is found in bytes several times as fast)
            if b"\0" in body or whole.startswith("\ufeff"):
                return Decoded(_without_marks(whole), charset)
            return Decoded(whole, charset, as_it_was=True)
        text = body.decode(_CODECS.get(charset, charset), "replace")
        if first is None:
            first = text, charset
        if fits(body, text, charset):
            return Decoded(_storable(text), charset)
    assert first is not None  # detection always has an answer
    return Decoded(_storable(first[0]), first[1])


def _strict(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def fits(body: bytes, text: str, charset: str) -> bool:
    """Whether `body` can be text in `charset`, so that `text` is what was meant.

    It can't when a quarter of what lies beyond ASCII is invalid; nor when another charset than UTF-8 is claimed and
    all of it is valid UTF-8, which text in another charset hardly ever is: a server's default, or a page that was
    converted and kept its meta tag.
    """
    if text.isascii():
        return True
    if not charset.startswith("utf"):
        return not _is_utf8(body)
    invalid = text.count("\ufffd")
    return invalid == 0 or invalid * 4 < sum(len(run) for run in _BEYOND_ASCII.findall(text))


def known_charset(label: str) -> str | None:
    """The charset that a WHATWG label names; None when there is none, or none that is safe to decode."""
    label = label.strip().lower()
    return _EXTRA.get(label) or map_encoding_to_html5(label, False)


def _candidates(body: bytes, http_charset: str | None, html: bool) -> Iterator[str]:
    seen = set()
    mark = _mark(body)
    if mark and (http_charset or "").strip().lower() == "utf-16":
        http_charset = mark  # the label does not say which end comes first
    for label in (http_charset, mark, _declared(body) if html else None):
        if label and (charset := known_charset(label)) and charset not in seen:
            seen.add(charset)
            yield charset
    yield _detect(body)


def _storable(text: str) -> str:
    """Text without a byte order mark, NULs and lone surrogates: what Arrow and UTF-8 take."""
    text = _without_marks(text)
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        return _SURROGATES.sub("\ufffd", text)


def _without_marks(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\0", "\ufffd")


def looks_binary(body: bytes) -> bool:
    """Whether bytes that were served as a page are something else: an image, an archive, a program.

    True for a known file signature, and when more than 1 % of the first 4 KiB, unless they are UTF-16, are control
    characters (white space, escape and form feed apart).
    """
    if body.startswith(_MAGIC):
        return True
    head = body[:4096]
    if _mark(body) or _is_utf16(head):
        return False
    control = len(head) - len(head.translate(None, _CONTROL))
    return control > len(head) // 100


_CONTROL = bytes(b for b in (*range(32), 127) if b not in (9, 10, 12, 13, 27))


def _is_utf16(head: bytes) -> bool:
    """Markup in UTF-16 without a byte order mark: every other byte of it is zero."""
    return head[:2] in (b"<\0", b"\0<")


def _mark(body: bytes) -> str | None:
    return next((name for mark, name in _MARKS if body.startswith(mark)), None)


def _declared(body: bytes) -> str | None:
    head = _COMMENT.sub(b"", body[:_HEAD])
    found = _META.search(head) or _XML.match(head)
    if not found:
        return None
    label = found[1].decode("ascii")
    # The declaration was read as ASCII, so it can't be UTF-16 (WHATWG: prescan a byte stream, step 14).
    return "utf-8" if label.lower().startswith("utf-16") else label


def _is_utf8(body: bytes) -> bool:
    """Whether bytes are UTF-8, or were before something cut them."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.end == len(body) and error.reason == "unexpected end of data"
    return True


def _detect(body: bytes) -> str:
    if _is_utf16(body):
        return "utf-16-be" if body[:1] == b"\0" else "utf-16-le"
    if _is_utf8(body):
        return "utf-8"
    first = _NOT_ASCII.search(body)
    start = max(0, first.start() - 64) if first else 0
    guess = detect_encoding(body[start : start + _SAMPLE], max_len=0, html5_compatible=False)
    if guess == "mac-cyrillic":  # uchardet's guess for short Russian texts; the web has hardly any
        return "cp1251"
    return (known_charset(guess) if guess else None) or "cp1252"
