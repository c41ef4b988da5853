"""The compiled loops give what Python gives: on pages of all kinds of markup, whole and broken."""

import html
import random
import subprocess
import sys
from html.entities import html5

import numpy as np
import pytest

from curate.wikitext import kinds, scan, text
from curate.wikitext.site import Site

SITE = Site(namespaces={"file": 6, "category": 14, "datei": 6, "special": -1, "wikipedia": 4, "категория": 14})
PARTS = [
    "[[", "]]", "{{", "}}", "{{{", "}}}", "[", "]", "{", "}", "|", "=", "\n", " ", "  ", "\xa0", "\u2009", "\u3000", "(", ")", "( , ", "()",
    ",", " .", " ,\n", ". ", ":", "''", "'''", "== H ==\n", "<", ">", "<ref>", "</ref>", "<ref name=a />", "<REF>", "</ref >", "</ref\xa0>", "<refx>",
    "<references>", "</references>", "<references/>", "<!--", "-->", "<math>x|y</math>", "<nowiki>[[</nowiki>", "<code>a\nb</code>", "<gallery>",
    "<br>", "[[a]]", "[[a|b=c]]", "[[a|b [[c=d]] e]]", "[[File:x.jpg|thumb|y]]", "[[Category:K]]", "[[de:T]]", "[[:de:T]]", "[[Special:X]]",
    "[[Категория:К]]", "[[\xa0a\xa0]]", "[[Wikipedia:X|y]]", "{{convert|5|km}}", "{{lang|fr|a=b}}", "{{quote|1=", "{{unknown|", "{{!}}", "{{NAME_x}}",
    "{{·}}", "{{PAGENAME}}", "{{lc:ABC}}", "{{lang-de|x}}", "http://a.b/c(d)", "https://x.y/?a&amp;b.", "ftp://z", "HTTP://Q.r", "&nbsp;", "&lt;",
    "\x03", "word", "слово", "語", "🙂", "<onlyinclude>", "__TOC__", "{|\n", "|-\n", "|}\n", "! a !! b\n", "-{a}-",
]  # fmt: skip


def found(source):
    article = text.to_text(source, SITE, "Title")
    return article.text, article.links


def plain(r):
    """Text without any mark, such as the loops look at many bytes at once of."""
    return "".join(r.choices(["word", "слово", "a", ", ", " ", ".\n", "é", "–"], k=r.choice([1, 10, 40])))


@pytest.mark.parametrize("seed", range(12))
def test_broken_pages_come_out_the_same(seed, monkeypatch):
    r = random.Random(seed)
    pages = ["".join(r.choices(PARTS, k=r.randrange(1, 120))) for _ in range(150)]
    pages += ["".join(r.choices(r.sample(PARTS, 6), k=40)) for _ in range(150)]
    pages += ["".join(part + plain(r) for part in r.choices(PARTS, k=12)) for _ in range(150)]
    monkeypatch.setattr(text, "_COMPILED", 0)
    compiled = [found(page) for page in pages]
    monkeypatch.setattr(text, "_COMPILED", 1 << 60)
    assert compiled == [found(page) for page in pages]


def test_the_loops_read_usual_pages_to_their_end():
    page = "A [[b]], [[c|d]] and [[File:x.jpg|y]] {{unknown|{{convert|1|km}}}}<ref>n</ref> {{lang|fr|z}}."
    out = text._scanned(page.encode(), SITE, "", [], [])
    assert out == "A b, d and   z."


@pytest.mark.parametrize("name", ["Disambig", "geo-disambig", " dab\n", "Other disambiguation", "пояснение"])
def test_disambiguations_are_told_by_any_template(name):
    assert kinds.is_disambiguation("text {{a|b}} {{" + name + "|c}}")
    assert not kinds.is_disambiguation("text {{a|b}} {{x" + name + "x|c}}")


@pytest.mark.parametrize(
    ("escaped", "expected"),
    [
        (b"a &lt;b&gt; &amp;amp; &quot;c&quot;\n\t", b'a <b> &amp; "c"\n\t'),
        (b"a &#39; b", None),
        (b"a &lt b", None),
        (b"a < b", None),
        (b"a > b", None),
        (b"a\rb", None),
        (b"a\x00b", None),
        (b"\xef\xbf\xbf", None),
        (b"&", None),
    ],
)
def test_text_of_xml(escaped, expected):
    for before in range(0, 100, 3):  # it is somewhere among bytes that are looked at together
        for behind in (0, 40):
            data = np.frombuffer(b"a" * before + escaped + b"b" * behind, np.uint8)
            out = np.zeros(len(data), np.uint8)
            size = scan.unescaped(data, out)
            whole = None if expected is None else b"a" * before + expected + b"b" * behind
            assert (None if size < 0 else out[:size].tobytes()) == whole


def test_loops_are_loaded_before_the_time_of_a_page_begins():
    code = """
from curate.read.wikipedia import Page, WikiSplit, WikiTask, Wikipedia, page_row, prepare
from curate.wikitext import scan
from curate.wikitext.site import Site

def loaded():
    return {name: len(f.signatures) for name, f in vars(scan).items() if hasattr(f, "signatures") and hasattr(f, "py_func")}

task = WikiTask(name="w", split=WikiSplit("w.xml", 0, 1, "", ""), source="w", site=Site(), options=Wikipedia(namespaces=(14,)))
assert not any(loaded().values())
prepare(task)
before = loaded()
text = "{{x|[[File:a.jpg|b]]}} &lt;ref&gt;http://a.example&lt;/ref&gt; {| \\n|a||b\\n|} &lt;math&gt;x&lt;/math&gt; ( , ) " * 40
row = page_row(Page(f"<page><title>T</title><ns>14</ns><id>1</id><revision><id>1</id><text>{text}</text></revision></page>".encode(), 0), task)
assert row["text"], row
assert before["matched"] == before["without_notes"] == 1, before
assert loaded() == before, (loaded(), before)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_references_to_characters_are_found_before_they_are_resolved():
    r = random.Random(1)
    pieces = [
        "&",
        "a",
        "lt",
        "gt;",
        "amp",
        "#",
        "38;",
        "x26",
        ";",
        "=",
        "copy",
        "nbsp",
        " ",
        *r.sample(sorted(html5), 30),
    ]
    for _ in range(20_000):
        source = "".join(r.choices(pieces, k=r.randrange(1, 9)))
        assert text._REFERENCE.search(source) or html.unescape(source) == source
