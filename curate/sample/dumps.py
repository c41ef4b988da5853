"""The embedded samples of dumps: a wiki and a site of questions in their true forms, the same bytes on every machine."""

import bz2
import io
from collections.abc import Iterator
from html import escape
from pathlib import Path

from curate.sample.prose import Writer

WIKI, SITE = "samplewiki-20260101-pages-articles.xml.bz2", "sample.stackexchange.com.7z"
MADE = 134_117_568_000_000_000
"""The time in the archive, in its own units: 2026-01-01."""
ARTICLES, QUESTIONS = 60, 60
_HEAD = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="en">
  <siteinfo>
    <sitename>Sample</sitename>
    <dbname>samplewiki</dbname>
    <base>https://sample.example/wiki/Main_Page</base>
    <namespaces>
      <namespace key="0" case="first-letter" />
      <namespace key="1" case="first-letter">Talk</namespace>
      <namespace key="6" case="first-letter">File</namespace>
      <namespace key="10" case="first-letter">Template</namespace>
      <namespace key="14" case="first-letter">Category</namespace>
    </namespaces>
  </siteinfo>
"""


def write_wiki(folder: Path) -> Path:
    """Write a dump of a wiki into `folder` (made where missing): articles, redirects, a disambiguation, a talk page."""
    folder.mkdir(parents=True, exist_ok=True)
    data = (_HEAD + "".join(_pages()) + "</mediawiki>\n").encode()
    (folder / WIKI).write_bytes(bz2.compress(data, 1))
    return folder / WIKI


def _pages() -> Iterator[str]:
    for number in range(ARTICLES):
        yield _page(number + 1, f"Article {number + 1}", _article(number))
    yield _page(901, "Old name", "#REDIRECT [[Article 1]]", extra='    <redirect title="Article 1" />\n')
    yield _page(902, "Article", "'''Article''' may be:\n* [[Article 1]]\n* [[Article 2]]\n{{disambiguation}}")
    yield _page(903, "Talk:Article 1", "A remark. ~~~~", space=1)


def _article(number: int) -> str:
    """Wikitext with what articles have: an infobox, a file, references, links, a table, a section of references alone."""
    writer = Writer(f"article {number}")
    one, two, three = (writer.paragraph(4) for _ in range(3))
    return (
        f"{{{{Infobox thing\n| name = Article {number}\n| size = {{{{convert|{number + 1}|km|mi}}}}\n}}}}\n"
        f"[[File:A{number}.jpg|thumb|A [[picture]] of it]]\n"
        f"'''Article {number}''' is {{{{convert|{number + 1}|km|mi}}}} long.<ref>{{{{cite web|url=https://source.example/{number}"
        f"|title=Source}}}}</ref> {one}\n\n== History ==\n{two} See [[Article {number % 7 + 1}|another article]].\n\n"
        f'{{| class="wikitable"\n! Year !! Length\n|-\n| {1900 + number} || {number}\n|}}\n\n{three}\n\n'
        "== References ==\n{{reflist}}\n\n[[Category:Articles]]\n"
    )


def _page(number: int, title: str, text: str, space: int = 0, extra: str = "") -> str:
    return (
        f"  <page>\n    <title>{escape(title)}</title>\n    <ns>{space}</ns>\n    <id>{number}</id>\n{extra}    <revision>\n"
        f"      <id>{number + 5000}</id>\n      <timestamp>2025-01-01T00:00:00Z</timestamp>\n      <model>wikitext</model>\n"
        f'      <text bytes="{len(text.encode())}" xml:space="preserve">{escape(text, quote=False)}</text>\n'
        "    </revision>\n  </page>\n"
    )


def write_site(folder: Path) -> Path:
    """Write an archive of a site into `folder` (made where missing): questions, answers, wikis of tags, comments."""
    import py7zr

    folder.mkdir(parents=True, exist_ok=True)
    packed = io.BytesIO()
    with py7zr.SevenZipFile(packed, "w", filters=[{"id": py7zr.FILTER_BZIP2}]) as archive:
        archive.writestr(_table("comments", _comments()), "Comments.xml")
        archive.writestr(_table("posts", _posts()), "Posts.xml")
        for entry in archive.header.files_info.files:  # else the time of writing
            entry["lastwritetime"] = entry["creationtime"] = py7zr.helpers.ArchiveTimestamp(MADE)
    (folder / SITE).write_bytes(packed.getvalue())
    return folder / SITE


def _table(name: str, rows: Iterator[str]) -> bytes:
    return b"\xef\xbb\xbf" + f'<?xml version="1.0" encoding="utf-8"?>\r\n<{name}>\r\n{"".join(rows)}</{name}>'.encode()


def _row(values: dict[str, object]) -> str:
    told = " ".join(f'{key}="{escape(str(value)).replace(chr(10), "&#xA;")}"' for key, value in values.items())
    return f"  <row {told} />\r\n"


def _posts() -> Iterator[str]:
    day = "2019-05-06T07:08:09.100"
    for number in range(QUESTIONS):
        writer = Writer(f"question {number}")
        first = 1 + 4 * number
        common = {"CreationDate": day, "ContentLicense": "CC BY-SA 4.0"}
        body = f"<p>{writer.paragraph(3)}</p>\n<pre><code>for n in range({number}):\n    print(n)\n</code></pre>"
        yield _row(
            {"Id": first, "PostTypeId": 1, "AcceptedAnswerId": first + 2, "Score": number, "Body": body}
            | {"Title": f"How is step {number} done?", "Tags": "|steps|numbers|", **common}
        )
        for at, score in enumerate((2, 10, -1), 1):
            answer = f"<p>{writer.paragraph(2)}</p>"
            yield _row({"Id": first + at, "PostTypeId": 2, "ParentId": first, "Score": score, "Body": answer, **common})
    yield _row({"Id": 9001, "PostTypeId": 4, "CreationDate": day, "Score": 0, "Body": "About steps."})
    yield _row(
        {
            "Id": 9002,
            "PostTypeId": 2,
            "ParentId": 8888,
            "CreationDate": day,
            "Score": 1,
            "Body": "<p>Of a lost question.</p>",
        }
    )


def _comments() -> Iterator[str]:
    for number in range(0, QUESTIONS, 5):
        yield _row({"Id": number + 1, "PostId": 2 + 4 * number, "Score": 0, "Text": "That is &quot;right&quot;."})
