"""Real texts of six kinds as JSON lines, for the benchmark of mixing: books, questions, code, papers, articles,
pages."""

import csv
import gzip
import html
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

TAG = re.compile(r"<[^>]+>")
BOOKS = ("11/11-0.txt", "84/84-0.txt", "98/98-0.txt", "1661/1661.txt", "2701/2701-0.txt")


def books(root: Path) -> Iterator[str]:
    """Five novels, cut at paragraphs into pieces of about 6,000 characters."""
    for name in BOOKS:
        piece, size = list[str](), 0
        text = (root / "G-text/gutenberg" / name).read_text(encoding="utf-8", errors="replace").replace("\r", "")
        for paragraph in text.split("\n\n"):
            piece.append(paragraph)
            size += len(paragraph)
            if size > 6000:
                yield "\n\n".join(piece)
                piece, size = [], 0
        yield "\n\n".join(piece)


def questions(root: Path) -> Iterator[str]:
    """Posts of three Stack Exchange dumps, tags removed."""
    for path in sorted((root / "G-text/stackexchange").rglob("Posts.xml")):
        for _, row in ElementTree.iterparse(path):
            if body := row.get("Body"):
                yield html.unescape(TAG.sub("", body)).strip()


def code(root: Path) -> Iterator[str]:
    """Python files of two wheels."""
    for path in sorted((root / "G-text/python-wheels").glob("[dn]*.whl")):
        with zipfile.ZipFile(path) as wheel:
            for name in sorted(wheel.namelist()):
                if name.endswith(".py"):
                    yield wheel.read(name).decode("utf-8", "replace")


def papers(root: Path) -> Iterator[str]:
    """Sections of arXiv papers in LaTeX."""
    for path in sorted((root / "G-text/arxiv-sample").rglob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield from re.split(r"(?=\\section)", json.loads(line)["text"])


def articles(root: Path) -> Iterator[str]:
    """Wikipedia articles: pages as text, and the articles of WikiText-2's validation and test sets."""
    for path in sorted((root / "G-text/wikitext-pages").rglob("*.txt")):
        if path.name != "README.txt":
            yield path.read_text(encoding="utf-8", errors="replace")
    for path in sorted((root / "G-text/wikitext2-valid-test").rglob("*.txt")):
        if path.name != "README.txt":
            yield from re.split(r"(?m)(?=^ = [^=]+ = $)", path.read_text(encoding="utf-8", errors="replace"))


def pages(root: Path) -> Iterator[str]:
    """Main texts of web pages."""
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding
    from resiliparse.parse.html import HTMLTree

    with (root / "B-html/PAGES.tsv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    for row in rows:
        path = root / "B-html" / row["path"]
        body = (path if path.exists() else path.with_suffix("")).read_bytes()
        body = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
        tree = HTMLTree.parse(bytes_to_str(body, detect_encoding(body) or "utf-8"))
        yield extract_plain_text(tree, main_content=True)


KINDS: dict[str, Callable[[Path], Iterator[str]]] = {
    "commoncrawl": pages,
    "github": code,
    "wikipedia": articles,
    "books": books,
    "arxiv": papers,
    "stackexchange": questions,
}
"""By the name of the source in LLaMA's table."""


@cache
def texts_of(name: str, root: Path) -> tuple[str, ...]:
    """The texts of one source."""
    return tuple(text for text in KINDS[name](root) if text.strip())


def write(root: Path, out: Path, copies: int = 1, files: int = 4) -> dict[str, int]:
    """Write `out/<source>/<n>.jsonl`, each document `copies` times under ids of its own; gives bytes of text by
    source."""
    sizes = {}
    for name in KINDS:
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        found = texts_of(name, root)
        streams = [(folder / f"{place}.jsonl").open("w", encoding="utf-8") for place in range(files)]
        for copy in range(copies):
            for number, text in enumerate(found):
                row = {"id": f"{name}-{number}-{copy}", "text": text}
                streams[number % files].write(json.dumps(row, ensure_ascii=False) + "\n")
        for stream in streams:
            stream.close()
        sizes[name] = copies * sum(len(text.encode("utf-8", "replace")) for text in found)
    return sizes
