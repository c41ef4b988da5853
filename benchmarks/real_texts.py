"""Real texts to measure filters on: web pages (main text and all text), books and sentences in 75
languages."""

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHUNK = 8_000


@dataclass(frozen=True)
class Text:
    """A text with the URL (real, or made from its path) that rules on URLs and elections see."""

    kind: str
    url: str
    text: str


def real_texts(root: Path) -> Iterator[Text]:
    """All of them, always in the same order; `root` is the folder of test data."""
    yield from pages(root)
    yield from books(root)
    yield from languages(root)


def pages(root: Path) -> Iterator[Text]:
    """Each labelled page twice: its main text, and all its text with menus, so that many rules fire."""
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding
    from resiliparse.parse.html import HTMLTree

    with (root / "B-html/PAGES.tsv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    for row in rows:
        path = root / "B-html" / row["path"]
        body = (path if path.exists() else path.with_suffix("")).read_bytes()  # some are unpacked as plain files
        body = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
        tree = HTMLTree.parse(bytes_to_str(body, detect_encoding(body)))
        url = row["url"] if "://" in row["url"] else f"http://test.example/{row['path']}"
        for kind, main in (("main text", True), ("all text", False)):
            text = extract_plain_text(tree, main_content=main, alt_texts=False)
            if text.strip():
                yield Text(kind, url if main else f"{url}#all", text)


def books(root: Path) -> Iterator[Text]:
    """Books and corpora in plain text, cut at paragraphs into pieces of about 8,000 characters."""
    for path in sorted((root / "G-text").rglob("*.txt")):
        if path.name.startswith(("README", "_")):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")[:800_000]
        piece: list[str] = []
        number = size = 0
        for paragraph in text.split("\n\n"):
            piece.append(paragraph)
            size += len(paragraph)
            if size > CHUNK:
                yield Text("book", f"http://test.example/{path.relative_to(root)}/{number}", "\n\n".join(piece))
                piece, size, number = [], 0, number + 1


def languages(root: Path) -> Iterator[Text]:
    """Sentences in 75 languages, ten to a text, ten texts a language; the language stands in the URL."""
    for path in sorted((root / "C-langid/lingua-testdata").rglob("sentences/*.txt")):
        lines = path.read_text(encoding="utf-8").splitlines()
        for start in range(0, min(100, len(lines) - 9), 10):
            url = f"http://test.example/{path.stem}/{start // 10}"
            yield Text("sentences", url, "\n".join(lines[start : start + 10]))
