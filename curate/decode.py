"""Bytes of a page to text: header, byte order mark, meta tag, detection; and whether the bytes are a page at all."""

import codecs
import re

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

_HEAD = 4096  # bytes searched for a meta tag; browsers search 1024, and real pages have later ones
_SAMPLE = 64 << 10  # bytes of a page that detection looks at
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_META = re.compile(rb"<meta[^>]{0,400}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:\-]{1,40})", re.IGNORECASE)
_XML = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9_.:\-]{1,40})", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_SURROGATES = re.compile("[\ud800-\udfff]")
_MAGIC = (
    b"%PDF-", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"PK\x03\x04", b"\x1f\x8b", b"RIFF", b"OggS", b"ID3", b"\x7fELF",
    b"MZ\x90", b"Rar!", b"7z\xbc\xaf", b"BZh", b"\xfd7zXZ", b"\xd0\xcf\x11\xe0", b"wOFF", b"wOF2", b"\x00\x00\x01\x00",
    b"FWS", b"CWS", b"\x28\xb5\x2f\xfd", b"SQLite format 3", b"\xca\xfe\xba\xbe", b"%!PS-",
)  # fmt: skip


def decode(body: bytes, http_charset: str | None = None, *, html: bool = True) -> tuple[str, str]:
    """Text of a page and the name of the charset that decoded it (Python's name, lower case).

    The charset is that of the HTTP header, the byte order mark, the meta tag (`html`), or detection, the first there
    is; labels mean what the WHATWG Encoding Standard says they mean (`iso-8859-1` is windows-1252). Bytes that are
    invalid in it become U+FFFD; so do NULs and lone surrogates, so that any text can be stored. Never raises.
    """
    charset = charset_of(body, http_charset, html=html)
    try:
        text = body.decode(charset, "replace")
    except (LookupError, UnicodeError):
        charset = "utf-8"
        text = body.decode(charset, "replace")
    text = text.removeprefix("\ufeff").replace("\0", "\ufffd")
    return _SURROGATES.sub("\ufffd", text), charset


def charset_of(body: bytes, http_charset: str | None, *, html: bool = True) -> str:
    """The charset that `decode` takes."""
    for label in (http_charset, _mark(body), _declared(body) if html else None):
        if label and (name := known_charset(label)):
            return name
    return _detect(body)


def known_charset(label: str) -> str | None:
    """Python's name of the codec for a WHATWG label; None when the label is unknown."""
    name = map_encoding_to_html5(label.strip().lower(), False)
    if not name:
        return None
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None


def looks_binary(body: bytes) -> bool:
    """Whether bytes that were served as a page are something else: an image, an archive, a program.

    True for a known file signature, and for control characters (other than white space, escape and form feed) in more than 1 % of
    the first kilobytes that are no UTF-16.
    """
    if body.startswith(_MAGIC):
        return True
    head = body[:4096]
    if _mark(body) or _is_utf16(head):
        return False
    control = sum(head.count(byte) for byte in _CONTROL)
    return control > len(head) // 100


_CONTROL = [bytes([b]) for b in range(32) if b not in (9, 10, 12, 13, 27)] + [b"\x7f"]


def _is_utf16(head: bytes) -> bool:
    """Markup in UTF-16 without a byte order mark: every other byte of it is zero."""
    return head[1:2] == b"\0" and head[:1] == b"<" or head[:2] == b"\0<"


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


def _detect(body: bytes) -> str:
    head = body[:_SAMPLE]
    if _is_utf16(head):
        return "utf-16-be" if head[:1] == b"\0" else "utf-16-le"
    try:
        head.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError as error:
        if error.start >= len(head) - 3 and error.reason == "unexpected end of data" and len(body) > len(head):
            return "utf-8"
    return known_charset(detect_encoding(body, max_len=_SAMPLE) or "utf-8") or "utf-8"
