"""What a page declares in its markup: real attributes of real meta tags."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.encodings.prescan import prescan
from tests.linear import assert_linear

SCRIPT = b"<script>" + b"var a=1;" * 700 + b"</script>"


@pytest.mark.parametrize(
    ("page", "name"),
    [
        (b"<meta charset=koi8-r>", "koi8-r"),
        (b"<META CHARSET = ' KOI8-R '>", "koi8-r"),
        (b"<meta/charset=koi8-r/>", None),  # the slash is part of the value
        (b'<meta name=x charset="koi8-r" charset="big5">', "koi8-r"),
        (b'<meta http-equiv="Content-Type" content="text/html; charset=gbk">', "gbk"),
        (b"<meta content=\"text/html;charset = 'gbk' ; x\" http-equiv=content-type>", "gbk"),
        (b'<meta http-equiv="Content-Type" content="charset=gbk">', "gbk"),
        (b'<meta http-equiv=content-type content="charset; charset=gbk">', "gbk"),
        (b'<meta name="description" content="How to set charset=iso-8859-1"><meta charset="iso-8859-2">', "iso-8859-2"),
        (b'<meta name="keywords" content="charset=utf-8">', None),
        (b'<meta http-equiv="refresh" content="0; charset=gbk">', None),
        (b'<meta property="og:title" content="<meta charset=gbk>"><meta charset=big5>', "big5"),
        (b"<link title='<meta charset=gbk>' rel=x><meta charset=big5>", "big5"),
        (b"<a title=it's><meta charset=gbk>", "gbk"),  # a quote inside an unquoted value is none
        (b"<!-- <meta charset=gbk> --><meta charset=big5>", "big5"),
        (b"<!--><meta charset=gbk>", "gbk"),  # a whole comment
        (b"<!-- <meta charset=gbk>", None),
        (b"<script>document.write('<meta charset=gbk>')</script><meta charset=big5>", "big5"),
        (b"<title><meta charset=gbk></title><style><meta charset=gbk></style><meta charset=big5>", "big5"),
        (b"<script><meta charset=gbk>", "gbk"),  # never closed: better than nothing
        (b"</p <meta charset=gbk><meta charset=big5>", "big5"),
        (b"<? php <meta charset=gbk><meta charset=big5>", "big5"),
        (b"<metadata charset=gbk><meta\ncharset=big5>", "big5"),
        (b"<meta charset=bogus><meta charset=big5>", "big5"),
        (b'<meta charset=bogus http-equiv=content-type content="charset=gbk">', None),
        (b"<meta charset=utf-16><p>", "utf-8"),  # it was read as ASCII
        (b"<meta charset=utf-16be><p>", "utf-8"),
        (b"<meta charset=x-user-defined>", "windows-1252"),
        (b"<meta charset=hz-gb-2312>", "replacement"),
        (b"<head>" + SCRIPT + b"<meta charset=iso-8859-2>", "iso-8859-2"),  # late, as browsers take it
        (b"<head>" + SCRIPT + b"</head><body><meta charset=iso-8859-2>", None),
        (b"<body><meta charset=gbk>", "gbk"),  # in the first 1024 bytes it may stand anywhere
        (b'<?xml version="1.0" encoding="iso-8859-2"?><html>', "iso-8859-2"),
        (b"<?xml version='1.0' encoding = 'utf-16'?><html>", "utf-8"),
        (b'<?xml version="1.0" encoding="iso-8859-2"?><meta charset=big5>', "big5"),
        (b'<p><?xml version="1.0" encoding="iso-8859-2"?>', None),
        (b"<meta charset=", None),
        (b"<meta charset='gbk>", None),
        (b"charset=gbk", None),
        (b"", None),
    ],
)
def test_prescan(page: bytes, name: str | None) -> None:
    assert prescan(page) == name


@settings(deadline=None, derandomize=True)
@given(st.lists(st.sampled_from([*b"<>='\"/ -!", *b"meta", *b"charset", 0xFF]), max_size=200))
def test_never_raises(page: list[int]) -> None:
    prescan(bytes(page))


@pytest.mark.parametrize(
    "piece", [b"<script>", b"<", b"<!", b"<a ", b"<a b='", b'<a b="', b"<meta c=x ", b"<title", b"="]
)
def test_twice_the_page_takes_twice_the_time(piece: bytes) -> None:
    def work(size: int, salt: int) -> Callable[[], Any]:
        page = piece * (size // len(piece))
        return lambda: prescan(page)

    assert_linear(work, repr(piece), 400_000)
