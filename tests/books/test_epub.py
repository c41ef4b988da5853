"""Books in zips: the chapters of the spine, in its order, and a reason for every one that can't be read."""

import io
import re
import zipfile
from pathlib import Path

import pytest
from lxml import etree

from curate.books.epub import BadBookError, read_epub
from curate.html.whole import whole_text

CONTAINER = '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="OPS/p.opf"/></rootfiles></container>'
OPF = """<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title>A Book</dc:title><dc:language>en-GB</dc:language><meta name="cover" content="c"/></metadata>
<manifest><item id="c" href="cover.xhtml" media-type="application/xhtml+xml"/>
<item id="n" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>
<item id="b" href="b%20c.xhtml" media-type="application/xhtml+xml"/>
<item id="a" href="text/a.xhtml" media-type="application/xhtml+xml"/>
<item id="x" href="../../etc/passwd.xhtml" media-type="application/xhtml+xml"/></manifest>
<spine><itemref idref="c"/><itemref idref="n"/><itemref idref="b"/><itemref idref="a"/></spine></package>"""
PAGE = '<?xml version="1.0"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body><a id="p"/><h1>{0}</h1><p>Text of&nbsp;{0}.<span class="pagenum">[12]</span></p></body></html>'


def epub(changed=None, without=()):
    files = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OPS/p.opf": OPF,
        "OPS/cover.xhtml": PAGE.format("Cover"),
        "OPS/nav.xhtml": PAGE.format("Nav"),
        "OPS/b c.xhtml": PAGE.format("One"),
        "OPS/text/a.xhtml": PAGE.format("Two"),
        **(changed or {}),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            if name not in without:
                archive.writestr(name, data)
    return buffer.getvalue()


def test_the_spine_is_the_order():
    book = read_epub(epub())
    assert book.text == "One\n\nText of One.\n\nTwo\n\nText of Two."
    assert (book.title, book.language, book.missing) == ("A Book", "en-GB", [])


def test_a_chapter_that_is_not_there_is_said():
    book = read_epub(epub(without={"OPS/text/a.xhtml"}))
    assert book.text == "One\n\nText of One."
    assert book.missing == ["OPS/text/a.xhtml"]


def test_a_chapter_outside_of_the_book_is_said():
    book = read_epub(epub({"OPS/p.opf": OPF.replace("</spine>", '<itemref idref="x"/></spine>')}))
    assert book.text == "One\n\nText of One.\n\nTwo\n\nText of Two."
    assert book.missing == ["../../etc/passwd.xhtml"]


def test_a_container_that_is_broken_is_done_without():
    assert read_epub(epub({"META-INF/container.xml": "<nothing"})).text.startswith("One")


ENTITIES = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>'


def test_no_entity_is_opened():
    text = read_epub(epub({"OPS/p.opf": ENTITIES + OPF.replace("A Book", "&b;&f;")})).title
    assert "aaaa" not in text
    assert "root" not in text
    page = ENTITIES + "<html><body><p>&f; ok</p></body></html>"
    assert "root" not in read_epub(epub({"OPS/b c.xhtml": page})).text


DRM = '<encryption xmlns:e="x"><e:EncryptedData><e:EncryptionMethod Algorithm="aes"/><e:CipherReference URI="OPS/{}"/></e:EncryptedData></encryption>'


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (epub()[:900], "damaged"),
        (b"PK\x03\x04", "damaged"),
        (epub({"META-INF/rights.xml": "<x/>"}), "encrypted"),
        (epub(without={"OPS/p.opf"}), "not_epub"),
        (epub({"OPS/b c.xhtml": "<p/>", "OPS/text/a.xhtml": "<p/>"}), "no_text"),
        (epub({"OPS/b c.xhtml": b"a" * (65 << 20)}), "bomb"),
        (epub({"META-INF/encryption.xml": DRM.format("b%20c.xhtml") + ""}, {"OPS/text/a.xhtml"}), "encrypted"),
    ],
)
def test_reasons(data, reason):
    with pytest.raises(BadBookError, match=f"^{reason}"):
        read_epub(data)


def test_hidden_fonts_are_no_encryption():
    told = DRM.format("b%20c.xhtml").replace('"aes"', '"http://www.idpf.org/2008/embedding"')
    assert read_epub(epub({"META-INF/encryption.xml": told})).text.startswith("One")


def test_pages_are_read_whole():
    html = "<title>T</title><h1>H</h1><ul><li>a<li>b</ul><table><tr><td>1<td>2</table><pre>x\n  y</pre><script>no</script>z<br/>w"
    assert whole_text(html) == ("H\n\n- a\n- b\n\n1 | 2\n\nx\n  y\n\nz\nw", "T")


def test_books_of_others_are_complete(testdata):
    """Beside an independent reading: the letters of all elements of each chapter in the spine."""
    found = 0
    for path in (testdata / "J-sources" / "books").rglob("*.epub"):
        data = path.read_bytes()
        book = read_epub(data)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            opf = next(name for name in archive.namelist() if name.endswith(".opf"))
            tree = etree.fromstring(archive.read(opf))
            items = {i.get("id"): i for i in tree.iter("{*}item")}
            chapters = []
            for reference in tree.iter("{*}itemref"):
                item = items[reference.get("idref")]
                if "nav" in (item.get("properties") or "") or item.get("href").startswith("cover"):
                    continue
                if not item.get("href").endswith(("html", "htm")):
                    continue
                page = etree.fromstring(
                    archive.read(str(Path(opf).parent / item.get("href"))), etree.HTMLParser(huge_tree=True)
                )
                for silent in (
                    "script",
                    "style",
                    "head",
                    "nav",
                    "select",
                    "option",
                    "button",
                    "svg",
                    "audio",
                    "video",
                    "object",
                    "iframe",
                    "canvas",
                    "noframes",
                    "map",
                    "annotation",
                    "annotation-xml",
                ):
                    for node in list(page.iter(silent)):
                        node.text = None
                        for child in list(node):
                            node.remove(child)
                for node in list(page.iter("div")):
                    if node.get("class") == "pagenum":
                        node.clear()
                chapters.append(re.sub(r"\W", "", "".join(page.itertext())))
        ours = re.sub(r"\W", "", book.text)
        assert all(chapter in ours for chapter in chapters), path.name
        found += 1
    assert found > 15
