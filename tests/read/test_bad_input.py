"""Bad input, kind by kind and source by source: the rest of a file comes through, what does not is a row with its place."""

import bz2
import gzip
import io
import json
import lzma
import zipfile

import py7zr
import pytest

from curate.errors import InputError
from curate.links import tasks
from curate.read import books, stackexchange
from curate.read.arxiv import ArXiv
from curate.read.books import Books
from curate.read.documents import dump_source
from curate.read.dumps import head_of
from curate.read.stackexchange import StackExchange
from curate.read.unpack import marks, unpack_block, unpack_open
from curate.read.wikipedia import Wikipedia
from curate.tex import submission
from tests.books.test_epub import epub
from tests.packing import tarred, zipped
from tests.read import bad_input as bad
from tests.read.bad_input import (
    BOOKS,
    COUNT,
    PACK,
    PAPERS,
    PARTED,
    READERS,
    REDDIT,
    SITE,
    WAT,
    WIKI,
    read,
    read_links,
    sevenz,
    texts,
    words,
    written,
)

ALL = list(range(COUNT))
STREAMS = {
    "wiki": ("dewiki-20260101-pages-articles.xml", WIKI),
    "site": ("beer.stackexchange.com/Posts.xml", SITE),
}
TITLES = {words(number)[:300] for number in ALL}
CUT, FLIP, CHECKSUM = "cut", "flip", "checksum"


def damaged(data, how):
    """`data` cut at three fifths, or with a byte changed there, or with a byte of what checks it changed (near the end)."""
    at = len(data) * 3 // 5
    if how == CUT:
        return data[:at]
    at = len(data) - 8 if how == CHECKSUM else at
    return data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]


# ---- cut, a byte changed, a wrong checksum ----


@pytest.mark.parametrize("ending", PARTED)
@pytest.mark.parametrize("source", STREAMS)
@pytest.mark.parametrize("how", [CUT, FLIP])
def test_of_a_dump_in_several_streams_one_is_lost(tmp_path, source, ending, how):
    name, data = STREAMS[source]
    packed = PARTED[ending](data)
    path = written(tmp_path, name + ending, damaged(packed, how))
    good, failed = texts(read(READERS[source], tmp_path, path)[0])
    assert good == [number for number in ALL if number in good]
    assert len(good) >= (COUNT - 5 if how == FLIP else COUNT // 2 - 1)
    assert [row["reason"] for row in failed if row["reason"].startswith("dump")] in (["dump_cut"], ["dump_damaged"])
    assert all(0 <= row["offset"] <= max(len(packed), len(data)) for row in failed)


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".xz"])
@pytest.mark.parametrize("source", STREAMS)
def test_a_wrong_checksum_costs_no_document(tmp_path, source, ending):
    name, data = STREAMS[source]
    path = written(tmp_path, name + ending, damaged(PACK[ending](data), CHECKSUM))
    good, failed = texts(read(READERS[source], tmp_path, path)[0])
    assert good == ALL
    assert [row["reason"] for row in failed] in (["dump_damaged"], ["dump_cut"])


@pytest.mark.parametrize("ending", [".gz", ".xz"])
@pytest.mark.parametrize("source", STREAMS)
def test_of_one_stream_comes_all_before_the_cut(tmp_path, source, ending):
    name, data = STREAMS[source]
    packed = PACK[ending](data)
    path = written(tmp_path, name + ending, damaged(packed, CUT))
    good, failed = texts(read(READERS[source], tmp_path, path)[0])
    assert good == ALL[: len(good)]
    assert len(good) >= COUNT // 2 - 1
    assert len(failed) == 1
    assert failed[0]["offset"] > len(data) // 3


@pytest.mark.parametrize("ending", [ending for ending in PACK if ending])
@pytest.mark.parametrize("source", STREAMS)
def test_a_dump_of_which_nothing_can_be_unpacked_is_one_row(tmp_path, source, ending):
    name, data = STREAMS[source]
    packed = PACK[ending](data)
    cut = packed[:20] + b"\xff" * 40
    good, failed = texts(read(READERS[source], tmp_path, written(tmp_path, name + ending, cut))[0])
    assert good == []
    assert len(failed) == 1


@pytest.mark.parametrize(
    ("source", "name", "member"),
    [
        ("wiki", "dewiki-20260101-pages-meta-history.xml.7z", "dewiki-20260101-pages-meta-history.xml"),
        ("site", "beer.stackexchange.com.7z", "Posts.xml"),
    ],
)
@pytest.mark.parametrize("how", ["header", "content"])
def test_7z(tmp_path, source, name, member, how):
    """Its list stands at the end: of a cut one nothing can be had. A changed byte is found by the checksum of the whole."""
    data = sevenz(member, filters=[{"id": py7zr.FILTER_COPY}])(STREAMS[source][1])
    at = data.index(b"Mark7x") + 40
    broken = data[:-30] if how == "header" else data[:at] + b"_" + data[at + 1 :]
    good, failed = texts(read(READERS[source], tmp_path, written(tmp_path, name, broken))[0])
    assert good == ([] if how == "header" else [number for number in ALL if number != 7])
    assert [row["reason"] for row in failed] == ["dump_damaged"]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("how", "lost"),
    [("cut", [6, 7, 8, 9, 10, 11]), ("header", [6]), ("name", [6]), ("content", [6]), ("checksum of a paper", [])],
)
def test_bulk_archives(tmp_path, how, lost, packed):
    data = tarred(PAPERS)
    name, content = (data.index(one) for one in (b"2310/2310.00006.gz", PAPERS["2310/2310.00006.gz"]))
    if how == "cut":
        data = data[: content + 100]
    elif how == "checksum of a paper":
        at = content + len(PAPERS["2310/2310.00006.gz"]) - 6
        data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    else:
        at = {"header": name + 130, "name": name + 5, "content": content + 60}[how]
        data = data[:at] + b"\xff" * 12 + data[at + 12 :]
    if packed and how in ("header", "name"):
        lost = ALL[6:]  # nothing is looked for behind a damaged header in a packed archive
    file = f"arXiv_src_2310_001.tar{'.gz' if packed else ''}"
    path = written(tmp_path, file, gzip.compress(data, mtime=0) if packed else data)
    good, failed = texts(read(READERS["papers"], tmp_path, path)[0])
    assert good == [number for number in ALL if number not in lost]
    assert len(failed) == 1
    assert name - 512 <= failed[0]["offset"] <= content


def test_a_cut_archive_of_archives_is_cut_there(tmp_path):
    path = written(tmp_path, "arXiv_src_2310_001.tar.gz", gzip.compress(tarred(PAPERS), mtime=0)[:-2000])
    good, failed = texts(read(READERS["papers"], tmp_path, path)[0])
    assert good == ALL[: len(good)]
    assert len(good) >= COUNT - 5
    assert "cut: the gzip data end too early" in failed[0]["detail"]


@pytest.mark.parametrize("pack", [lambda data: gzip.compress(data, mtime=0), zipped])
def test_a_damaged_project_gives_the_files_that_are_whole(tmp_path, pack):
    """A row says what was lost, behind the paper."""
    tex = rf"\documentclass{{a}}\begin{{document}}\section{{One}} {words(3)}\end{{document}}".encode()
    files = {"main.tex": tex, "pictures.eps": bytes(range(256)) * 40}
    data = pack(tarred(files) if pack is not zipped else files)
    path = written(tmp_path, "2310.00003" + (".zip" if pack is zipped else ".gz"), data[:-60])
    rows, _ = read(READERS["papers"], tmp_path, path)
    good, failed = texts(rows)
    assert good == [3]
    assert [(row["reason"], row["offset"]) for row in failed] == [("damaged", 0)]


@pytest.mark.parametrize(
    ("how", "lost", "rows"),
    [("cut", ALL[6:], 2), ("list", [], 1), ("offsets", [], 0), ("content", [6], 1), ("header", [6], 1)],
)
def test_zips_of_books(tmp_path, how, lost, rows):
    data = zipped(BOOKS)
    at = data.index(b"PK\x03\x04", data.index(b"6.txt") - 40)
    tail = data.rindex(b"PK\x05\x06")
    broken = {
        "cut": data[: at + 200],
        "list": data[:tail],
        "offsets": data[: tail + 16] + bytes([data[tail + 16] ^ 3]) + data[tail + 17 :],
        "content": data[: at + 100] + bytes([data[at + 100] ^ 1]) + data[at + 101 :],
        "header": data[:at] + b"XX" + data[at + 2 :],
    }[how]
    good, failed = texts(read(READERS["books"], tmp_path, written(tmp_path, "books.zip", broken))[0])
    assert good == [number for number in ALL if number not in lost]
    assert [row["reason"] for row in failed] == ["damaged"] * rows
    assert all(row["offset"] in (at, len(broken)) for row in failed)


def test_a_zip_of_books_is_read_piece_by_piece(tmp_path, monkeypatch):
    """It may be larger than a book may be."""
    monkeypatch.setattr(books, "MAX_BOOK", 2000)
    good, failed = texts(read(READERS["books"], tmp_path, written(tmp_path, "books.zip", zipped(BOOKS)))[0])
    assert (good, failed) == (ALL, [])


def test_a_chapter_that_can_not_be_read_is_a_row_behind_the_book(tmp_path):
    data = bytearray(epub())
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        data[archive.getinfo("OPS/b c.xhtml").header_offset] = 0
    rows, _ = read(READERS["books"], tmp_path, written(tmp_path, "b.epub", bytes(data)))
    assert [(row["verdict"], row["reason"]) for row in rows] == [(None, None), ("failed", "chapters_missing")]


@pytest.mark.parametrize("ending", [*PARTED, ""])
@pytest.mark.parametrize("how", [CUT, FLIP])
def test_submissions(tmp_path, ending, how):
    data = PARTED[ending](REDDIT) if ending else REDDIT
    rows, failed = read_links(tmp_path, written(tmp_path, "RS_2019-01" + ending, damaged(data, how)))
    good = [row for row in rows if row["text"] in TITLES]
    assert len(good) >= (COUNT - 5 if how == FLIP else COUNT // 2 - 1)
    places = [row for row in failed if row["reason"].startswith("dump_")]
    assert len(places) == (1 if ending and len(good) < COUNT else 0)
    assert all(0 < row["offset"] <= max(len(data), len(REDDIT)) for row in places)


@pytest.mark.parametrize("how", [CUT, FLIP])
def test_links_of_pages(tmp_path, how):
    rows, failed = read_links(tmp_path, written(tmp_path, "a.warc.wat.gz", damaged(WAT, how)))
    assert len(rows) == (COUNT - 1 if how == FLIP else COUNT * 3 // 5)
    assert len(failed) == 1
    assert 0 < failed[0]["offset"] < len(WAT)


def test_a_block_of_bzip2_without_an_end_is_found():
    data = bz2.compress(WIKI)
    first, last = (bit for bit, _ in marks(data))
    broken = data[:-10] + b"\0" * 60
    assert unpack_open(broken, first, 8 * len(broken)) == unpack_block(data, first, last) == WIKI
    assert unpack_open(broken[: len(data) // 2], first, 4 * len(data)) is None
    assert unpack_open(data, first, last) is None  # where it ends in front of a mark there is nothing to look for


# ---- bombs, and what is too large (with smaller limits) ----


def test_large_rows_cost_themselves(tmp_path, monkeypatch):
    monkeypatch.setattr(stackexchange, "LONGEST_ROW", 20_000)
    large = bad.post(99, 1, Title="T", Body="x" * 1_500_000)
    data = bad.table("posts", bad.post(1, 1, Body=words(1)), large, bad.post(2, 1, Body=words(2)))
    path = written(tmp_path, "beer.stackexchange.com/Posts.xml.gz", gzip.compress(data))
    good, failed = texts(read(StackExchange(), tmp_path, path)[0])
    assert good == [1, 2]
    assert [row["reason"] for row in failed] == ["row_too_large"]


def test_large_lines_cost_themselves(tmp_path, monkeypatch):
    monkeypatch.setattr(tasks, "MAX_RECORD", 20_000)
    large = json.dumps({"url": "http://a.example/", "title": "x" * 1_500_000}).encode() + b"\n"
    path = written(tmp_path, "RS_2019-01.xz", lzma.compress(REDDIT + large + REDDIT))
    rows, failed = read_links(tmp_path, path)
    assert len(rows) == COUNT
    assert [(row["reason"], row["line"]) for row in failed] == [("long_line", COUNT + 1)]


def test_large_pages_cost_themselves(tmp_path, monkeypatch):
    large = bad.page(99, bad.revision(99, "x" * 1_500_000))
    data = bad.dump([bad.page(1, bad.revision(1, words(1))), large, bad.page(2, bad.revision(2, words(2)))])
    path = written(tmp_path, "dewiki.xml.7z", sevenz("dewiki.xml")(data))
    good, failed = texts(read(Wikipedia(page_bytes=20_000), tmp_path, path)[0])
    assert good == [1, 2]
    assert [row["reason"] for row in failed] == ["page_too_large"]


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: gzip.compress(tarred({"m.tex": data}))])
def test_papers_that_unpack_to_too_much_cost_themselves(tmp_path, monkeypatch, pack):
    monkeypatch.setattr(submission, "MAX_TOTAL", 100_000)
    monkeypatch.setattr(submission, "MAX_RATIO", 0)
    monkeypatch.setattr(submission, "LEAST_BOMB", 100_000)
    files = {**PAPERS, "2310/2310.00003.gz": pack(b"\\documentclass{a}" + b" " * 1_500_000)}
    rows, _ = read(READERS["papers"], tmp_path, written(tmp_path, "arXiv_src_2310_001.tar", tarred(files)))
    good, failed = texts(rows)
    assert good == [number for number in ALL if number != 3]
    assert [row["reason"] for row in failed] == ["bomb"]


# ---- entities, names, nesting ----

BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/hostname">]>'


def test_entities_of_books_are_not_expanded(tmp_path):
    page = f'{BOMB}<html xmlns="http://www.w3.org/1999/xhtml"><body><p>{words(1)} &b; &c;</p></body></html>'
    with zipfile.ZipFile(io.BytesIO(epub())) as archive:
        chapters = [name for name in archive.namelist() if name.endswith("xhtml")]
    rows, _ = read(READERS["books"], tmp_path, written(tmp_path, "b.epub", epub(dict.fromkeys(chapters, page))))
    assert texts(rows)[0] == [1]
    assert "aaaa" not in rows[0]["text"]
    hosted = written(
        tmp_path, "x.html", f"{BOMB.replace('x [', 'html [')}<html><body>{words(2)} &b; &c;</body></html>".encode()
    )
    assert "aaaa" not in read(READERS["books"], tmp_path, hosted)[0][0]["text"]


def test_names_lead_nowhere(tmp_path):
    """No name in an archive is a path of this machine, and none is followed out of its submission."""
    outside = written(tmp_path, "secret.tex", b"never")
    tex = rf"\documentclass{{a}}\begin{{document}}\section{{One}} {words(1)} \input{{../../secret}} \input{{{outside}}}\end{{document}}"
    files = {"../../../2310/2310.00001.gz": gzip.compress(tex.encode()), "/2310.00002.gz": PAPERS["2310/2310.00002.gz"]}
    rows, _ = read(READERS["papers"], tmp_path, written(tmp_path, "d/e/arXiv_src_2310_001.tar", tarred(files)))
    assert texts(rows)[0] == [1, 2]
    assert "never" not in "".join(row["text"] for row in rows)
    names = zipped({"../../1.txt": BOOKS["1.txt"], "/etc/2.txt": BOOKS["2.txt"]})
    assert texts(read(READERS["books"], tmp_path, written(tmp_path, "b.zip", names))[0])[0] == [1, 2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.zip", "d", "secret.tex"]


DEEP = 20_000


@pytest.mark.parametrize(
    ("source", "name", "data"),
    [
        ("wiki", "a.xml", bad.dump([bad.page(1, bad.revision(1, "{{a|" * DEEP + "[[b|" * DEEP + words(1))), bad.page(2, bad.revision(2, words(2)))])),
        ("wiki", "a.xml", bad.dump([bad.page(1, bad.revision(1, "{{Seite 1}}" + words(1) + "<div>" * DEEP), title="Seite 1"), bad.page(2, bad.revision(2, words(2)))])),
        ("site", "s/Posts.xml", bad.table("posts", bad.post(1, 1, Body="<div><b>" * DEEP + words(1)), bad.post(2, 1, Body=words(2)))),
        ("papers", "arXiv_src_2310_001.tar", tarred({"2310/2310.00001.gz": gzip.compress(rb"\documentclass{a}\def\a{x\a\a}\newcommand\b[1]{\b{#1#1}}\begin{document}\section{One}" + words(1).encode() + rb" \a \b{c}" + b"{" * DEEP + rb"\end{document}"), "2310/2310.00002.gz": PAPERS["2310/2310.00002.gz"]})),
        ("books", "b.zip", zipped({"1.html": b"<html><body>" + words(1).encode() + b"<div><b>" * DEEP + b"</body></html>", "2.txt": BOOKS["2.txt"]})),
    ],
    ids=["templates", "itself", "html", "macros", "book"],
)  # fmt: skip
def test_what_nests_without_end_costs_nothing_else(tmp_path, source, name, data):
    rows, _ = read(READERS[source], tmp_path, written(tmp_path, name, data))
    assert texts(rows)[0] == [1, 2]
    assert len(rows) == 2


# ---- another kind, nothing, a mixture ----

KINDS = {
    "wiki": ("dewiki.xml.bz2", bz2.compress(WIKI), "a dump of a wiki"),
    "site": ("beer.stackexchange.com/Posts.xml", SITE, "a dump of Stack Exchange"),
    "papers": ("arXiv_src_2310_001.tar", tarred(PAPERS), "sources of e-prints"),
    "books": ("1.txt", BOOKS["1.txt"], "books"),
}


@pytest.mark.parametrize("source", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_a_dump_of_another_kind_is_named(tmp_path, source, other):
    name, data, what = KINDS[other]
    path = written(tmp_path, name, data)
    if source == other:
        assert dump_source([str(path)], READERS[source], None, 0).tasks
        return
    with pytest.raises(InputError, match=f"{path.name}: {what}, and this recipe reads .*; read it with --recipe"):
        dump_source([str(path)], READERS[source], None, 0)


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("empty", b"", "empty"),
        ("x.pdf", b"%PDF-1.7 \xff", r"none of the dumps that are known \(pdf\)"),
        ("x.parquet", b"PAR1\x00\xff\xfePAR1", "none of the dumps that are known"),
        ("x.7z", b"7z\xbc\xaf\x27\x1c" + b"\x00" * 40, "a 7z archive whose list of files is damaged"),
        ("x.zst", b"\x28\xb5\x2f\xfd" + b"\xff" * 40, "of zst data that are damaged from the start"),
    ],
    ids=["empty", "pdf", "parquet", "7z", "zst"],
)
def test_what_is_no_dump_is_named(tmp_path, reader, name, data, told):
    with pytest.raises(InputError, match=f"{name}: {told}, and this recipe reads {reader.what}"):
        dump_source([str(written(tmp_path, name, data))], reader, None, 0)


@pytest.mark.parametrize(
    ("source", "name", "data"),
    [
        ("wiki", "x.xml", bad.dump([])),
        ("site", "s/Posts.xml", bad.table("posts")),
    ],
    ids=["wiki", "site"],
)
def test_of_an_empty_dump_there_are_no_rows(tmp_path, source, name, data):
    """The job says so then: `refuse_nothing`."""
    assert read(READERS[source], tmp_path, written(tmp_path, name, data))[0] == []


@pytest.mark.parametrize(
    ("source", "name", "data"),
    [("papers", "arXiv_src_2310_001.tar", tarred({})), ("books", "b.zip", zipped({}))],
    ids=["papers", "books"],
)
def test_an_archive_of_nothing_is_an_error(tmp_path, source, name, data):
    with pytest.raises(InputError, match="an archive that holds nothing"):
        dump_source([str(written(tmp_path, name, data))], READERS[source], None, 0)


def test_of_a_mixed_folder_each_recipe_reads_its_own_and_says_what_it_leaves(tmp_path):
    for name, data, _ in KINDS.values():
        written(tmp_path / "in", name, data)
    written(tmp_path / "in", "RS_2019-01.gz", gzip.compress(REDDIT))
    written(tmp_path / "in", "a.warc.wat.gz", WAT)
    written(tmp_path / "in", "picture.png", b"\x89PNG\r\n\x1a\n\x00\xff")
    for source, reader in READERS.items():
        (tmp_path / source).mkdir()
        rows, notes = read(reader, tmp_path / source, tmp_path / "in")
        good, failed = texts(rows)
        assert (good, failed) == ([1] if source == "books" else ALL, [])
        assert len(notes) == 6
        assert all(note.endswith("; left out") for note in notes)
    assert isinstance(reader, Books)
    assert ArXiv().recognises(head_of(str(tmp_path / "in" / "arXiv_src_2310_001.tar")))
