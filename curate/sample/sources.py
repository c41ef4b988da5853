"""The embedded samples of e-prints, books, code and submissions, in the forms they are published in, the same bytes everywhere."""

import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path

from backports import zstd

from curate.sample.prose import Writer, load

PAPERS, BOOKS, REPOSITORIES, SUBMISSIONS = 40, 12, 30, 400
DAY = 1_672_531_200
"""2023-01-01, where a file has a time."""
_PAPER = r"""\documentclass{{article}}
\newcommand{{\R}}{{\mathbb{{R}}}}   % the reals
\def\set#1{{\{{ #1 \}}}}
\title{{{title}}}
\begin{{document}}
\maketitle
\begin{{abstract}} {abstract} \end{{abstract}}
\section{{{title}}}
{first} Let $x \in \R$ and $y \in \set{{1, {number}}}$~\cite{{a}}.
% a remark of the author's
\begin{{equation}} x^2 + y = {number} \end{{equation}}
{second}
\section{{{other}}}
{third}
\begin{{figure}}\includegraphics{{f.pdf}}\caption{{{caption}}}\end{{figure}}
\begin{{thebibliography}}{{9}}\bibitem{{a}} Somebody.\end{{thebibliography}}
\end{{document}}
"""
_HEADER = """The Project Gutenberg eBook of {title}

Title: {title}

Language: English

*** START OF THE PROJECT GUTENBERG EBOOK {upper} ***
"""
_FOOTER = "*** END OF THE PROJECT GUTENBERG EBOOK {upper} ***\n\nThe licence would stand here.\n"
_MIT = """MIT License

Copyright (c) 2023 The authors of the sample

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""
_MODULE = '''"""Adds the values above a limit, each multiplied by the limit."""


def {name}(values):
    """{about}"""
    total = {number}
    for value in values:
        if value > {number}:
            total += value * {number}
    return total


if __name__ == "__main__":
    print({name}([1, 2, {number}]))
'''


def write_arxiv(folder: Path) -> Path:
    """Write a bulk archive: papers of one file and of projects, a PDF, a withdrawn one, Apple's double of a file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "arXiv_src_2301_001.tar"
    members = {"2301/._2301.00000.gz": b"\x00\x05\x16\x07"}
    for number in range(PAPERS):
        tex = _paper(number).encode()
        whole = tex if number % 3 else _tar({"main.tex": tex, "f.pdf": b"%PDF-1.4"})
        members[f"2301/2301.{number:05d}.gz"] = gzip.compress(whole, mtime=0)
    members["2301/2301.09000.pdf"] = b"%PDF-1.4\n"
    members["2301/2301.09001.gz"] = gzip.compress(b"%auto-ignore\n", mtime=0)
    path.write_bytes(_tar(members))
    return path


def _paper(number: int) -> str:
    writer = Writer(f"paper {number}", topic=_topic(number))
    title, other, caption = (_plain(writer.sentence()) for _ in range(3))
    parts = {name: _plain("\n\n".join(writer.article(4))) for name in ("abstract", "first", "second", "third")}
    return _PAPER.format(title=title.rstrip("."), other=other.rstrip("."), caption=caption, number=number + 2, **parts)


def _topic(number: int) -> str:
    topics: list[str] = sorted(load("prose")["topic"])
    return topics[number % len(topics)]


def _plain(text: str) -> str:
    """Text as an author writes it into TeX."""
    return "".join(f"\\{sign}" if sign in "%&$#_{}" else sign for sign in text)


def _tar(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), DAY
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def write_books(folder: Path) -> Path:
    """Write books: Gutenberg's texts, and epubs."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(BOOKS):
        writer = Writer(f"book {number}", topic=_topic(number))
        title = writer.sentence().rstrip(".")
        chapters = ["\n\n".join(writer.article(12)) for _ in range(3)]
        if number % 3 == 2:
            (folder / f"book-{number}.epub").write_bytes(_epub(title, chapters))
            continue
        text = "\n\n\n".join(f"CHAPTER {at}\n\n{chapter}" for at, chapter in enumerate(chapters, 1))
        upper = title.upper()
        whole = f"{_HEADER.format(title=title, upper=upper)}\n\n{text}\n\n\n{_FOOTER.format(upper=upper)}"
        (folder / f"{number}-0.txt").write_text(whole, encoding="utf-8", newline="\r\n")
    return folder


def _epub(title: str, chapters: list[str]) -> bytes:
    files = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles>'
        '<rootfile full-path="OPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>',
        "OPS/book.opf": '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata xmlns:dc="http://purl.org/dc/'
        f'elements/1.1/"><dc:title>{title}</dc:title><dc:language>en</dc:language></metadata><manifest>'
        + "".join(
            f'<item id="c{n}" href="c{n}.xhtml" media-type="application/xhtml+xml"/>' for n in range(len(chapters))
        )
        + "</manifest><spine>"
        + "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
        + "</spine></package>",
    }
    for number, chapter in enumerate(chapters):
        paragraphs = "".join(f"<p>{part}</p>" for part in chapter.split("\n\n"))
        page = f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>{title}</title></head><body>{paragraphs}</body></html>'
        files[f"OPS/c{number}.xhtml"] = page
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2023, 1, 1, 0, 0, 0)), data)
    return packed.getvalue()


def write_code(folder: Path) -> Path:
    """Write source archives of small projects under MIT."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(REPOSITORIES):
        writer = Writer(f"code {number}", topic=_topic(number))
        files = {f"project-{number}/LICENSE": _MIT.encode()}
        for part in range(3):
            words = {"about": writer.paragraph(2), "name": f"count_{number}_{part}"}
            files[f"project-{number}/part_{part}.py"] = _MODULE.format(number=7 * number + part + 2, **words).encode()
        (folder / f"project-{number}.tar.gz").write_bytes(gzip.compress(_tar(files), mtime=0))
    return folder


def write_reddit(folder: Path) -> Path:
    """Write a dump of submissions that link to pages of the sample crawl's kind, and of those that count for nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number in range(SUBMISSIONS):
        writer = Writer(f"submission {number}")
        row = {
            "author": f"user{number}",
            "title": writer.sentence(),
            "url": f"https://www.site{number % 30}.example/page/{number % 20}",
            "score": str(number % 11) if number % 2 else number % 11,
            "is_self": number % 13 == 0,
            "over_18": number % 17 == 0,
            "domain": f"site{number % 30}.example",
        }
        lines.append(json.dumps(row) + "\n")
    (folder / "RS_2019-01.zst").write_bytes(zstd.compress("".join(lines).encode()))
    return folder / "RS_2019-01.zst"
