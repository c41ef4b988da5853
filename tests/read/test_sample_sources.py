"""The samples of e-prints, books, code and submissions are read as what they are, and are the same bytes each time."""

import pytest

from curate.read.arxiv import ArXiv
from curate.read.books import Books
from curate.read.dumps import head_of
from curate.sample import sources


def heads(folder):
    return [head_of(str(path)) for path in sorted(folder.rglob("*")) if path.is_file()]


@pytest.mark.parametrize(
    ("write", "reader"), [(sources.write_arxiv, ArXiv()), (sources.write_books, Books())], ids=["arxiv", "books"]
)
def test_dumps_are_known(tmp_path, write, reader):
    write(tmp_path / "a")
    write(tmp_path / "b")
    found = heads(tmp_path / "a")
    assert found
    assert all(map(reader.recognises, found))
    assert [head.data for head in found] == [head.data for head in heads(tmp_path / "b")]


def test_submissions(tmp_path):
    from curate.jobs.links import Options, links

    sources.write_reddit(tmp_path)
    ledger = links(Options([str(tmp_path / "RS_2019-01.zst")], str(tmp_path / "links")))
    assert ledger["records"] == sources.SUBMISSIONS
    assert {"self_post", "over_18", "low_score"} == set(ledger["skipped"])
    assert 0 < ledger["kept"] < ledger["links"]
