"""Every entry of every encoding of the WHATWG Encoding Standard, and what an error swallows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.encodings import digest, garbage, sequences
from curate.encodings.labels import LABELS, decode_as, encoding_of

# Of the standard's own indexes and decoders: benchmarks/encodings.py --digests makes them, without any code of ours.
DIGESTS = {
    "big5": "5b684d7cc69be398",
    "euc-jp": "c6d616eb0ef762ed",
    "euc-kr": "dfa80352b95b94c1",
    "gb18030": "ba2481c60b8e3650",
    "gbk": "4028bb1eb389c706",
    "ibm866": "cf1ec68263c2e8cd",
    "iso-2022-jp": "977d6afd6bc03f87",
    "iso-8859-10": "ae1b5626c7703a09",
    "iso-8859-13": "2b01493e8bb8053f",
    "iso-8859-14": "9f1d82b6ff3d1880",
    "iso-8859-15": "97d54091c6b3c2b2",
    "iso-8859-16": "f58cd7b8057954b7",
    "iso-8859-2": "48f3ff43f22d410c",
    "iso-8859-3": "c36463337d6c355a",
    "iso-8859-4": "c624c47e345911f3",
    "iso-8859-5": "5ca76527ecf1041c",
    "iso-8859-6": "4a188eca35e58638",
    "iso-8859-7": "3af4fa5b97454dcd",
    "iso-8859-8": "1261b86e237da3b5",
    "iso-8859-8-i": "9a77af1567419146",
    "koi8-r": "e5410a83d7f8dbbc",
    "koi8-u": "c1a17313777a4a68",
    "macintosh": "0b7336d6962a6775",
    "replacement": "47ac2b73c76ab67e",
    "shift_jis": "56ab52069b413d17",
    "utf-16be": "99f2eb5df86679b2",
    "utf-16le": "2fef22f25f19e794",
    "utf-8": "cf5b508843f91560",
    "windows-1250": "4a33c4a6f5f53644",
    "windows-1251": "78ffba61c30d5a79",
    "windows-1252": "7adbca2c8599afd9",
    "windows-1253": "7a9f0c9188fbdbb2",
    "windows-1254": "c84613da13522a0d",
    "windows-1255": "33d4fbbfb681a7d7",
    "windows-1256": "9d5fca60e7d8c655",
    "windows-1257": "b3e2ced6ce176a31",
    "windows-1258": "4a82df64eaab953f",
    "windows-874": "835fde82aaf82a4c",
    "x-mac-cyrillic": "e374396b449a8aee",
    "x-user-defined": "dad9af4cdb61209c",
}


def test_all_encodings_are_there() -> None:
    assert set(LABELS.values()) == DIGESTS.keys()
    assert len(LABELS) == 228


@pytest.mark.parametrize("name", DIGESTS)
def test_every_entry(name: str) -> None:
    assert digest(decode_as(item, name) for item in [*sequences(name), garbage(name)]) == DIGESTS[name]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        (" \tUTF8\r\n", "utf-8"),
        ("Latin1", "windows-1252"),
        ("us-ascii", "windows-1252"),
        ("ISO-8859-9", "windows-1254"),
        ("tis-620", "windows-874"),
        ("x-sjis", "shift_jis"),
        ("ks_c_5601-1987", "euc-kr"),
        ("gb2312", "gbk"),
        ("utf-16", "utf-16le"),
        ("unicodeFFFE", "utf-16be"),
        ("csISO2022KR", "replacement"),
        ("hz-gb-2312", "replacement"),
        ("x-mac-ukrainian", "x-mac-cyrillic"),
        ("visual", "iso-8859-8"),
        ("logical", "iso-8859-8-i"),
        ("utf-7", None),
        ("utf-32", None),
        ("cp437", None),
        ("\xa0utf-8", None),  # white space is that of ASCII
        ("", None),
    ],
)
def test_labels(label: str, name: str | None) -> None:
    assert encoding_of(label) == name


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("euc-jp", b"\xad\xa1\xad\xea\xf9\xa1", "①㈱纊"),  # NEC's rows
        ("shift_jis", b"\x87\x40\xfa\x40\xf0\x40", "①ⅰ\ue000"),
        ("iso-2022-jp", b"\x1b$B-!-j\x1b(J\\\x1b(Ia\x1b(B~", "①㈱¥\ufffd~"),
        ("big5", b"\x87\x40\x88\x62\xc6\xa1", "䏰Ê̄①"),
        ("gbk", b"\x80\xa6\xd9\x81\x30\x81\x30", "€︐\x80"),  # A6D9 is U+FE10 since GB18030-2022
        ("gb18030", b"\xa8\xbc\x81\x35\xf4\x37", "ḿ\ue7c7"),
        ("euc-kr", b"\x8c\x63\xc9\xa1\x41", "똠\ufffdA"),
        ("windows-1252", bytes([0x80, 0x81, 0x92]), "€\x81’"),
        ("x-user-defined", b"a\x80\xff", "a\uf780\uf7ff"),
        ("replacement", b"abc", "\ufffd"),
        ("koi8-u", b"\xae\xbe", "ўЎ"),
    ],
)
def test_entries_that_others_have_otherwise(name: str, data: bytes, text: str) -> None:
    assert decode_as(data, name) == text


@pytest.mark.parametrize(
    ("name", "before", "bad", "after"),
    [
        ("shift_jis", "前の文", b"\xfd\xa1", "後ろの文章"),
        ("shift_jis", "前の文", b"\x81", "<p>後ろの文章"),  # the lead of a pair, and the tag behind it stays a tag
        ("euc-jp", "前の文", b"\xf5\xa1", "後ろの文章"),
        ("euc-jp", "前の文", b"\x8f\xa1", "<p>後ろの文章"),
        ("euc-kr", "앞 문장", b"\xc9\xa1", "뒤의문장은바르게"),
        ("gbk", "前面的句子", b"\xff", "后面的句子"),
        ("big5", "前面的句子", b"\x81\xfe", "後面的句子"),
    ],
)
def test_one_bad_pair_does_not_garble_what_follows(name: str, before: str, bad: bytes, after: str) -> None:
    text = decode_as(before.encode(name) + bad + after.encode(name), name)
    assert text.startswith(before + "\ufffd")
    assert text.endswith(after)


@settings(deadline=None, derandomize=True)
@given(st.binary(max_size=200), st.sampled_from(sorted(DIGESTS)))
def test_any_bytes_become_text_without_surrogates(data: bytes, name: str) -> None:
    decode_as(data, name).encode()
