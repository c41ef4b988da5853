"""Charsets of pages: who is asked first, who is believed, and what never happens."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.encodings.decode import decode, decode_page, looks_binary
from curate.encodings.labels import encoding_of

RUSSIAN = "Съешь же ещё этих мягких французских булок, да выпей чаю"
JAPANESE = "いろはにほへと ちりぬるを わかよたれそ つねならむ"
CHINESE = "这是一个中文网页，用来测试编码。" * 5
GREEK = "Αυτή είναι μια ελληνική σελίδα. " * 5
FRENCH = "Dès Noël, où un zéphyr haï me vêt de glaçons würmiens"


UNLABELLED = {
    "iso8859-2": "<p>Później wziął książkę i usiadł w ogródku, żeby ją przeczytać.</p>",
    "cp1250": "<p>Copiii se joacă în grădină, după ce a nins toată noaptea.</p>",
    "koi8-u": "<p>Діти граються в саду, її книга лежить на столі, і всі про це знають.</p>",
    "koi8-r": "<p>Дети играют в саду, книга лежит на столе, и все об этом знают.</p>",
    "iso8859-7": "<p>Τα παιδιά παίζουν στον κήπο, γι’ αυτό άργησαν. Άλλοι γύρισαν νωρίς, γι’ άλλο λόγο.</p>",
    "cp1252": "<p>Il libro è sul tavolo, e i bambini giocano nel giardino.</p>",
}
DETECTED = {
    "iso8859-2": "iso-8859-2",
    "cp1250": "windows-1250",
    "koi8-u": "koi8-u",
    "koi8-r": "koi8-r",
    "iso8859-7": "iso-8859-7",
    "cp1252": "windows-1252",
}


def meta(charset: str, text: str = "") -> str:
    return f'<html><head><meta charset="{charset}"></head><body>{text}</body></html>'


@pytest.mark.parametrize(
    ("body", "http", "charset"),
    [
        (meta("koi8-r", RUSSIAN).encode("cp1251"), "windows-1251", "windows-1251"),  # the header before the meta tag
        (b"\xef\xbb\xbf" + meta("iso-8859-1", RUSSIAN).encode(), None, "utf-8"),  # the mark before the meta tag
        (b"\xff\xfe" + RUSSIAN.encode("utf-16-le"), None, "utf-16le"),
        (b"\xfe\xff" + RUSSIAN.encode("utf-16-be"), "utf-16", "utf-16be"),
        (meta("koi8-r", RUSSIAN).encode("koi8-r"), None, "koi8-r"),
        (meta("Shift_JIS", JAPANESE).encode("shift_jis"), "bogus", "shift_jis"),  # an unknown label is none
        (f'<?xml version="1.0" encoding="euc-jp"?><p>{JAPANESE}'.encode("euc-jp"), None, "euc-jp"),
        (RUSSIAN.encode(), None, "utf-8"),  # detection
        ((RUSSIAN * 5).encode("cp1251"), None, "windows-1251"),
        ((JAPANESE * 5).encode("euc-jp"), None, "euc-jp"),
        (FRENCH.encode("cp1252"), "iso-8859-1", "windows-1252"),
        (meta("iso-8859-1", FRENCH).encode(), "ISO-8859-1", "utf-8"),  # a server's default that is wrong
        (FRENCH.encode("cp1252"), "utf-8", "windows-1252"),  # a header that can't be right
        (meta("koi8-r", RUSSIAN).encode("koi8-r"), "utf-8", "koi8-r"),
        (RUSSIAN.encode("utf-8")[:-1], "utf-8", "utf-8"),  # cut off inside a character
        (meta("utf-16", RUSSIAN).encode(), None, "utf-8"),  # a meta tag that was read can't be UTF-16
        ("<p>한국어 똠방각하</p>".encode("cp949"), "euc-kr", "euc-kr"),  # beyond KS X 1001
        ("<p>€ “quotes”</p>".encode("cp1252"), "iso-8859-1", "windows-1252"),
        (b"", None, "utf-8"),
        (b"plain", "us-ascii", "windows-1252"),
        (b"caf\xe9", "iso-8859-1", "windows-1252"),  # not a character of UTF-8 that was cut off
        ("\n plain text".encode("utf-16-le"), None, "utf-16le"),
        ("\n plain text".encode("utf-16-be"), "utf-8", "utf-16be"),
        (b"\xff\xfe" + RUSSIAN.encode("utf-16-le"), "utf-8", "utf-16le"),  # the mark before the header
        (b"\xff\xfe" + RUSSIAN.encode("utf-16-le"), "ISO-8859-1", "utf-16le"),
        (b"\xef\xbb\xbf" + RUSSIAN.encode("cp1251"), "windows-1251", "windows-1251"),  # a mark put before anything
        (meta("x", RUSSIAN).encode("utf-16-le"), "utf-8", "utf-16le"),  # every other byte is zero
        (meta("x", RUSSIAN).encode(), "utf-16", "utf-8"),  # and here none is
        (b"plain English", "utf-16", "utf-8"),
        (meta("windows-1251", RUSSIAN).encode("cp1251"), "iso-8859-1", "windows-1251"),  # a default; two witnesses
        (meta("gb2312", CHINESE).encode("gbk"), "iso-8859-1", "gbk"),  # detected as gb18030
        (meta("windows-1253", GREEK).encode("cp1253"), "iso-8859-1", "windows-1253"),  # detected as iso-8859-7
        (meta("windows-1251", FRENCH * 3).encode("cp1252"), "iso-8859-1", "windows-1252"),  # one only
        (meta("iso-2022-jp", JAPANESE).encode("iso-2022-jp"), None, "iso-2022-jp"),
        (JAPANESE.encode("iso-2022-jp"), None, "iso-2022-jp"),  # though every 7-bit body is UTF-8
        (JAPANESE.encode("iso-2022-jp"), "iso-2022-jp", "iso-2022-jp"),
        (meta("shift_jis", JAPANESE).encode("iso-2022-jp"), "utf-8", "iso-2022-jp"),
        (b"\x1b[1mbold\x1b[0m \x1b(B", None, "utf-8"),  # a terminal's escape sequences
        (("이 페이지는 문자 인코딩을 시험하기 위하여 " * 5).encode("cp949"), None, "euc-kr"),
        ("联".encode("gbk") + b"<p>" + "好友".encode("gbk"), "gbk", "gbk"),
        ("媒".encode("gbk"), "gbk", "gbk"),  # C3 BD is UTF-8 by chance
        ("it’s".encode(), "gbk", "utf-8"),  # three bytes are not
        ("éèà".encode(), "big5", "utf-8"),
        ("ก".encode("cp874") + b"<p>", "tis-620", "windows-874"),
        (b"~{<:Ky2;VbL~}", "hz-gb-2312", "replacement"),
        (b"plain English", "hz-gb-2312", "utf-8"),  # and nothing of it is in HZ
        (RUSSIAN.encode(), "iso-2022-kr", "utf-8"),
        (meta("x-user-defined", FRENCH).encode("cp1252"), None, "windows-1252"),
        *[(UNLABELLED[name].encode(name), None, charset) for name, charset in DETECTED.items()],
        ((RUSSIAN * 3).encode("cp1251"), "euc-jp", "windows-1251"),  # a quarter of it is invalid
    ],
)
def test_charset(body: bytes, http: str | None, charset: str) -> None:
    text, found = decode(body, http)
    assert found == charset
    assert "\ufffd" not in text[:-1]


def test_the_text_is_right() -> None:
    assert decode(meta("koi8-r", RUSSIAN).encode("cp1251"), "windows-1251")[0] == meta("koi8-r", RUSSIAN)
    assert decode(b"\xef\xbb\xbfabc")[0] == "abc"
    assert decode("똠방".encode("cp949"), "euc-kr")[0] == "똠방"
    assert decode(FRENCH.encode("cp1252"))[0] == FRENCH
    assert decode("①㈱".encode("cp932"), "shift_jis")[0] == "①㈱"
    assert decode(b"caf\xe9")[0] == "café"
    assert decode(b"caf\xe9", "utf-8")[0] == "café"


def test_c1_characters_and_doubly_encoded_text_are_what_was_meant() -> None:
    page = f"<p>{FRENCH}</p>" * 3
    assert decode_page("we\x92ve \x85".encode(), "utf-8") == ("we’ve …", "utf-8", False)
    assert decode("we\x92ve".encode("latin-1"), "iso-8859-15")[0] == "we’ve"
    assert decode(page.encode().decode("cp1252").encode(), "utf-8") == (page, "utf-8")
    mixed = b"\xe9 " + page.encode()  # UTF-8, and one byte that is not, declared as Latin-1
    assert decode(mixed, "iso-8859-1") == ("é " + page, "windows-1252")
    assert decode("ï»¿<p>é".encode(), "utf-8")[0] == "<p>é"


def test_one_bad_byte_does_not_change_the_charset() -> None:
    body = RUSSIAN.encode() + b"\xff" + RUSSIAN.encode()
    assert decode(body, "utf-8") == (f"{RUSSIAN}\ufffd{RUSSIAN}", "utf-8")
    assert decode(b"\xef\xbb\xbf" + body, "koi8-r") == (f"{RUSSIAN}\ufffd{RUSSIAN}", "utf-8")
    japanese = JAPANESE.encode("iso-2022-jp")
    assert decode(japanese + b" \x1b$B\x7f\x21\x1b(B") == (JAPANESE + " \ufffd\ufffd", "iso-2022-jp")
    euc = JAPANESE.encode("euc-jp")
    assert decode(euc + b"\xf5\xa1" + euc, "euc-jp") == (f"{JAPANESE}\ufffd{JAPANESE}", "euc-jp")


def test_meta_tags_in_comments_and_in_plain_text_do_not_count() -> None:
    assert decode(b"<!-- <meta charset='koi8-r'> -->" + RUSSIAN.encode())[1] == "utf-8"
    assert decode(b'<meta charset="koi8-r">' + RUSSIAN.encode(), html=False)[1] == "utf-8"


def test_nuls_become_replacement_characters() -> None:
    assert decode(b"a\0b", "utf-8")[0] == "a\ufffdb"


@pytest.mark.parametrize(
    "label", ["base64", "rot13", "idna", "utf-7", "hz-gb-2312", "iso-2022-kr", "unicode_escape", ""]
)
def test_labels_that_are_no_charsets_of_pages(label: str) -> None:
    assert encoding_of(label) in (None, "replacement")
    assert decode(b"YWJj", label) == ("YWJj", "utf-8")


labels = st.sampled_from(
    ["utf-8", "utf-16", "utf-16be", "gb18030", "shift_jis", "iso-2022-jp", "big5", "x-user-defined"]
)


@settings(deadline=None, derandomize=True)
@given(st.binary(max_size=300), st.none() | labels | st.text(max_size=12), st.booleans())
def test_any_bytes_become_text_that_can_be_stored(body: bytes, label: str | None, html: bool) -> None:
    text, charset, as_it_was = decode_page(body, label, html=html)
    assert "\0" not in text
    assert pa.array([text, charset]).to_pylist() == [text, charset]
    assert not as_it_was or text.encode() == body


def test_bytes_that_need_not_be_encoded_again() -> None:
    assert decode_page(RUSSIAN.encode(), "utf-8") == (RUSSIAN, "utf-8", True)
    assert not decode_page(b"\xef\xbb\xbfabc").as_it_was
    assert not decode_page(b"a\0b", "utf-8").as_it_was
    assert not decode_page(RUSSIAN.encode("koi8-r"), "koi8-r").as_it_was


@pytest.mark.parametrize(
    ("body", "binary"),
    [
        (b"%PDF-1.7 ...", True),
        (b"\x89PNG\r\n\x1a\n", True),
        (b"\xff\xd8\xff\xe0", True),
        (b"PK\x03\x04", True),
        (bytes(range(256)) * 4, True),
        (b"<html>" + b"\0" * 200 + b"x" * 300, True),
        (b"<html>one NUL\0" + b"x" * 300, False),
        ("<html>".encode("utf-16-le") * 50, False),
        ("\nplain text".encode("utf-16-be") * 50, False),
        (b"\1\0\2\0\3\0" * 50, True),
        (b"\xff\xfe" + "text".encode("utf-16-le") * 50, False),
        (RUSSIAN.encode("koi8-r"), False),
        (JAPANESE.encode("iso-2022-jp"), False),
        (b"", False),
        (b"ID3\3\0\0\0\0\0\x0e", True),
        (b"ID3 tags, and how to read them", False),  # a page's title, in a WET file
        (b"FWS - Fish and Wildlife Service", False),
        (b"RIFF\x24\0\0\0WAVE", True),
        (b"BZh91AY&SY\x00\x01", True),
    ],
)
def test_looks_binary(body: bytes, binary: bool) -> None:
    assert looks_binary(body) is binary


def test_real_pages_decode(testdata: Path) -> None:
    pages = sorted((testdata / "B-html").rglob("*.html"))[::40]
    assert len(pages) > 30
    for page in pages:
        text, _ = decode(page.read_bytes())
        assert text.count("\ufffd") <= len(text) // 200, page
