"""Which reader takes a file, and what is said of files that none takes."""

import bz2
import gzip
import lzma
from dataclasses import dataclass
from pathlib import PurePath
from typing import ClassVar

import pytest

from curate.corpus.recipe import load, parse
from curate.errors import InputError, RecipeError
from curate.read import dumps
from curate.read.documents import document_source
from curate.read.source import ReadTask, Source
from tests.packing import zipped

WARC = b"WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 0\r\n\r\n\r\n\r\n"


@dataclass(frozen=True)
class Ballads:
    """Files that begin with a line of a song."""

    what: ClassVar[str] = "a collection of ballads"
    recipe: ClassVar[str] = "ballads"
    verses: int = 3

    def recognises(self, head):
        return head.data.startswith(b"# ballads")

    def source(self, files, name, split_bytes):
        return Source("web", None, [ReadTask(name=head.name) for head in files], [], str(self.verses))


@pytest.fixture
def recipe():
    return parse(f'[source]\nuse = "{Ballads.__module__}.Ballads"\nverses = 2\n', "ballads")


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_a_head_is_unpacked(tmp_path, pack):
    (tmp_path / "x").write_bytes(pack(b"# ballads\n" * 20_000))
    head = dumps.head_of(str(tmp_path / "x"))
    assert head.data.startswith(b"# ballads\n# ballads")
    assert len(head.data) <= dumps.HEAD
    assert head.name == "x"


def test_a_damaged_head_is_empty(tmp_path):
    (tmp_path / "x").write_bytes(b"BZh9" + b"nothing of the kind" * 10)
    assert dumps.head_of(str(tmp_path / "x")).data == b""


def test_options_of_a_reader_are_in_the_recipe(recipe):
    assert recipe.source.verses == 2
    with pytest.raises(RecipeError, match="verses"):
        parse(f'[source]\nuse = "{Ballads.__module__}.Ballads"\nverse = 2\n', "x")
    with pytest.raises(RecipeError, match="not a reader"):
        parse('[source]\nuse = "filters.c4.TooLong"\n', "x")


def test_what_no_reader_takes_is_left_out_of_a_folder(tmp_path, recipe):
    (tmp_path / "a").write_bytes(b"# ballads")
    (tmp_path / "b").write_bytes(gzip.compress(b"# ballads"))
    (tmp_path / "README").write_bytes(b"read me")
    source = document_source([str(tmp_path)], recipe, ("", ""))
    assert [task.name for task in source.tasks] == ["a", "b"]
    assert source.digest == "2"
    (note,) = source.notes
    assert note.startswith(f"{tmp_path}/README: none of the dumps")


def test_a_file_of_another_kind_that_was_named_is_an_error(tmp_path, recipe):
    (tmp_path / "a").write_bytes(b"# ballads")
    (tmp_path / "b").write_bytes(b"")
    with pytest.raises(InputError, match="b: empty, and this recipe reads a collection of ballads"):
        document_source([str(tmp_path / "a"), str(tmp_path / "b")], recipe, ("", ""))
    with pytest.raises(InputError, match="no file"):
        document_source([str(tmp_path / "c")], recipe, ("", ""))


def test_a_recipe_for_crawls_says_which_recipe_reads_a_dump(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"# ballads")
    monkeypatch.setattr(dumps, "READERS", (f"{Ballads.__module__}.Ballads",))
    with pytest.raises(InputError, match="a: a collection of ballads: read it with --recipe ballads"):
        document_source([str(tmp_path / "a")], parse("", "c4"), ("", ""))


BOOK = b"*** START OF THE PROJECT GUTENBERG EBOOK A ***\n\nText\n"


@pytest.mark.parametrize(
    "other",
    ["a.wacz", "zz.wacz", "a.zip", "zz.zip", "a.epub", "zz.epub", "a.docx", "a.jar", "a.txt", "zz.txt", "a.xml"],
)
@pytest.mark.parametrize(
    "data",
    [
        zipped({"datapackage.json": b"{}", "data/archive/test.txt": b"x"}),
        zipped({"1.txt": BOOK}),
        zipped({"1.txt": BOOK})[:40],
        zipped({}),
        BOOK,
        b"<mediawiki>",
    ],
    ids=["WACZ without crawl files", "zip of books", "cut zip", "empty zip", "book", "wiki"],
)
def test_a_folder_of_crawl_files_is_one_whatever_lies_in_it(tmp_path, other, data):
    (tmp_path / "crawl.warc").write_bytes(WARC)
    (tmp_path / other).write_bytes(data)
    source = document_source([str(tmp_path)], load("c4"), ("", ""))
    expected = {"crawl.warc", other} if other.endswith(".wacz") else {"crawl.warc"}
    assert {PurePath(path).name for path, _ in source.inputs} == expected


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
def test_files_without_the_name_of_a_crawl_file_are_told_by_all_of_them(tmp_path, names):
    crawl, book = names
    (tmp_path / crawl).write_bytes(gzip.compress(WARC))
    (tmp_path / book).write_bytes(BOOK)
    assert len(document_source([f"{tmp_path}/*"], load("c4"), ("", "")).inputs) == 2
    (tmp_path / crawl).write_bytes(b"nothing that is known")
    with pytest.raises(InputError, match=f"{book}: books: read it with --recipe books"):
        document_source([f"{tmp_path}/*"], load("c4"), ("", ""))
