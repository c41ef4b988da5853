"""Books to rows, from every container."""

import io
import zipfile
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from curate.corpus.shards import read_facts
from curate.read.books import Books
from curate.read.dumps import head_of
from curate.read.items import run
from tests.books.test_epub import epub
from tests.packing import zipped

PROSE = "It was a dark night, and the rain fell on the roofs of the town without an end. " * 20
GUTENBERG = f"Title: A Book\n\nLanguage: English\n\n*** START OF THE PROJECT GUTENBERG EBOOK A BOOK ***\n\n{PROSE}\n\n*** END OF THE PROJECT GUTENBERG EBOOK A BOOK ***\nlicence"


def rows_of(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    head = head_of(str(path))
    assert Books().recognises(head)
    out = tmp_path / "out.parquet"
    run(replace(Books().source([head], None, 0).tasks[0], out=str(out)))
    table = pq.read_table(out)
    return table.to_pylist(), next(iter(read_facts(str(out))["files"].values()))


@pytest.mark.parametrize(
    ("name", "data", "form", "title"),
    [
        ("1.txt", GUTENBERG, "gutenberg", "A Book"),
        ("1.txt", GUTENBERG.replace("A Book", "Café").encode("latin-1"), "gutenberg", "Café"),
        (
            "1.htm",
            f"<html><head><title>T</title></head><body><pre>{GUTENBERG}</pre></body></html>",
            "gutenberg",
            "A Book",
        ),
        ("p.html", f"<html><head><title>T</title></head><body><p>{PROSE}</p></body></html>", "html", "T"),
        ("p.txt", PROSE, "text", None),
        ("b.epub", epub(), "epub", "A Book"),
        ("any-name", epub(), "epub", "A Book"),
    ],
)
def test_forms(tmp_path, name, data, form, title):
    [row], counted = rows_of(tmp_path, name, data)
    assert (row["verdict"], row["form"], row["title"]) == (None, form, title)
    assert "licence" not in row["text"]
    assert counted == {"records": 1, "skipped": {}}


def test_a_zip_of_books(tmp_path):
    rows, counted = rows_of(
        tmp_path, "b.zip", zipped({"1.txt": GUTENBERG, "images/a.jpg": b"\xff\xd8", "b.epub": epub()})
    )
    assert counted == {"records": 3, "skipped": {"no_book": 1}}
    assert {row["form"] for row in rows} == {"gutenberg", "epub"}
    assert len({row["id"] for row in rows}) == 2


@pytest.mark.parametrize("names", [("a.epub",), ("1.txt", "a.epub"), ("a.epub", "1.txt")])
def test_a_zip_of_epubs_that_are_not_packed_again(tmp_path, names):
    """Their lists of files stand in it as they are, and name the container's file."""
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_STORED) as archive:
        for name in names:
            archive.writestr(name, {"1.txt": GUTENBERG, "a.epub": epub()}[name])
    assert Books().recognises(head_of(str(tmp_path / "b.zip")))
    rows, counted = rows_of(tmp_path, "b.zip", (tmp_path / "b.zip").read_bytes())
    assert counted == {"records": len(names), "skipped": {}}
    assert {row["form"] for row in rows} == {"epub" if name == "a.epub" else "gutenberg" for name in names}


@pytest.mark.parametrize("name", ["p.html", "p.txt"])
def test_a_text_that_speaks_of_an_epub_is_none(tmp_path, name):
    [row], _ = rows_of(tmp_path, name, f"<html><body><p>META-INF/container.xml {PROSE}</p></body></html>".encode())
    assert (row["verdict"], row["form"]) == (None, "html")


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["mimetype", "META-INF/container.xml", "c1.xhtml"], True),  # an epub that does not say so first
        (["META-INF/container.xml", "a.bin"], True),
        (["cover.jpg", "1.TXT"], True),
        (["datapackage.json", "data/archive/test.txt"], False),
        (["archive/data.warc.gz", "pages/a.html", "datapackage.json"], False),
        (["[Content_Types].xml", "word/a.html"], False),
        (["META-INF/MANIFEST.MF", "META-INF/LICENSE.txt"], False),
        (["list.txt.gz", "a.html/b.bin"], False),
    ],
)
def test_which_zips_are_books(tmp_path, names, told):
    (tmp_path / "a.zip").write_bytes(zipped(dict.fromkeys(names, b"x")))
    assert Books().recognises(head_of(str(tmp_path / "a.zip"))) is told


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("b.epub", epub()[:700], "damaged"),
        ("b.epub", b"not a zip at all", "damaged"),
        ("b.epub", epub({"META-INF/rights.xml": "<x/>"}), "encrypted"),
        ("b.zip", zipped({"a.txt": b"a" * (70 << 20)}), "bomb"),
    ],
)
def test_what_can_not_be_read_says_why(tmp_path, name, data, reason):
    [row], _ = rows_of(tmp_path, name, data)
    assert (row["verdict"], row["reason"]) == ("failed", reason)


def test_a_book_that_lies_unpacked_is_one_document(tmp_path):
    with zipfile.ZipFile(io.BytesIO(epub())) as archive:
        archive.extractall(tmp_path / "b")
    heads = [head_of(str(path)) for path in sorted((tmp_path / "b").rglob("*")) if path.is_file()]
    source = Books().source([head for head in heads if Books().recognises(head)], None, 0)
    [task] = source.tasks
    run(replace(task, out=str(tmp_path / "out.parquet")))
    [row] = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert row["text"] == "One\n\nText of One.\n\nTwo\n\nText of Two."
