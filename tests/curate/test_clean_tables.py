"""`curate clean` on a corpus that exists: other people's Parquet and JSON, and ours."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.engine.session import EngineOptions
from curate.errors import InputError, UsageError
from curate.jobs.clean import Options, clean
from curate.jobs.dedup import Options as DedupOptions
from curate.jobs.dedup import deduplicate
from curate.read.inputs import holds_tables
from curate.sample import crawl as sample_crawl

RECIPE = 'name = "long"\n[[step]]\nuse = "filters.gopher.WordCount"\nminimum = 5\nmaximum = 100\n'
LONG, SHORT = "One text of more than five words, kept. Number {}.", "Number {}."
QUIET = EngineOptions(quiet=True)


def texts(corpus: Path) -> list[str]:
    return sorted(pq.read_table(corpus / "data", columns=["text"])["text"].to_pylist())


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    (tmp_path / "long.toml").write_text(RECIPE)
    return str(tmp_path / "long.toml")


@pytest.mark.engine
def test_a_corpus_of_others_is_filtered_and_ours_again(tmp_path: Path, recipe: str) -> None:
    inputs = tmp_path / "dataset"
    (inputs / "data").mkdir(parents=True)
    table = pa.table({"content": [LONG.format(1), SHORT.format(2), None], "uri": ["http://a.org/1", None, None]})
    pq.write_table(table, inputs / "data" / "train-00000-of-00001.parquet")
    lines = [{"content": LONG.format(3), "meta": {"url": "http://a.org/3"}}, {"content": 5}]
    more = tmp_path / "more.jsonl.gz"
    more.write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    options = Options(inputs=[str(inputs), str(more)], output=str(tmp_path / "out"), recipe=recipe)
    ledger = clean(options, QUIET)
    assert ledger["records"] == 5
    assert ledger["rejected"] == {"WordCount.too_few": 1}
    assert (ledger["skipped"], ledger["failed"]) == ({"no_text": 1}, {"not_text": 1})
    assert texts(tmp_path / "out") == [LONG.format(1), LONG.format(3)]
    urls = pq.read_table(tmp_path / "out" / "data", columns=["url"])["url"].to_pylist()
    assert sorted(urls) == ["http://a.org/1", "http://a.org/3"]

    deduplicate(DedupOptions(corpus=str(tmp_path / "out"), output=str(tmp_path / "unique"), method="exact"), QUIET)
    clean(Options(inputs=[str(tmp_path / "unique")], output=str(tmp_path / "again"), recipe=recipe), QUIET)
    assert texts(tmp_path / "again") == [LONG.format(1), LONG.format(3)]
    ids = [pq.read_table(tmp_path / name / "data", columns=["id"])["id"].to_pylist() for name in ("out", "again")]
    assert ids[0] == ids[1]

    (tmp_path / "none.toml").write_text(RECIPE.replace("minimum = 5", "minimum = 1"))
    filtered = Options(
        inputs=[str(tmp_path / "out")], output=str(tmp_path / "more"), recipe=str(tmp_path / "none.toml")
    )
    assert clean(filtered, QUIET)["records"] == 2  # its data/: it was not made from crawl files
    assert texts(tmp_path / "more") == [LONG.format(1), LONG.format(3)]


@pytest.mark.engine
def test_the_number_of_files_follows_from_the_texts_that_are_kept(tmp_path: Path, recipe: str) -> None:
    """Not from those that were read: a strict recipe would leave many small files."""
    with open(recipe, "a", encoding="utf-8") as more:
        more.write("[shards]\ntarget_bytes = 2000\n")
    kept = [LONG.format(n) for n in range(20)]
    rows = [*kept, *(f"Word {n}. " * 200 for n in range(100))]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in rows))
    ledger = clean(Options([str(tmp_path / "in.jsonl")], str(tmp_path / "out"), recipe), QUIET)
    assert texts(tmp_path / "out") == sorted(kept)
    assert [part["file"] for part in ledger["data"]] == ["data/part-00000-of-00001.parquet"]


@pytest.mark.engine
@pytest.mark.parametrize(("source", "index"), [(None, "_index.json"), ("mine", "index.json")])
def test_another_recipe_starts_from_the_texts_of_a_crawl(
    tmp_path: Path, recipe: str, source: str | None, index: str
) -> None:
    """A corpus whose crawl had a name (--source) was refused. Older corpora have an index under another name."""
    crawl = sample_crawl.write(tmp_path)[0]
    first = clean(Options([str(crawl)], str(tmp_path / "out"), recipe, "resiliparse", source=source), QUIET)
    extracted = tmp_path / "out" / "extracted"
    assert pq.read_table(extracted).num_rows == first["records"] - sum(first["skipped"].values())
    (extracted / "_index.json").rename(extracted / index)
    second = clean(Options([str(tmp_path / "out")], str(tmp_path / "again"), recipe, "resiliparse"), QUIET)
    assert second["data"] == first["data"]
    assert (tmp_path / "again" / "extracted" / "_index.json").exists()
    with pytest.raises(InputError, match="other extraction settings"):
        clean(Options([str(tmp_path / "out")], str(tmp_path / "third"), recipe, "curate"), QUIET)


@pytest.mark.parametrize(
    ("name", "data", "tables"),
    [
        ("a.parquet", b"PAR1", True),
        ("a.jsonl.zst", b"", True),
        ("no-ending", b'{"text": "a"}', True),
        ("no-ending", b"PAR1...", True),
        ("no-ending.gz", gzip.compress(b' \n{"text": "a"}', mtime=0), True),
        ("a.warc.gz", b'{"text": "a"}', False),
        ("a", b"WARC/1.0\r\n", False),
        ("a.txt", b"b.warc.gz\n", False),
        ("a.wacz", b"PK", False),
    ],
)
def test_tables_are_told_from_crawl_files(tmp_path: Path, name: str, data: bytes, tables: bool) -> None:
    (tmp_path / name).write_bytes(data)
    assert holds_tables(str(tmp_path / name)) is tables
    if "ending" not in name and name not in ("a", "a.txt"):
        assert holds_tables(str(tmp_path)) is tables
        assert holds_tables(f"{tmp_path}/*") is tables


def test_crawl_files_in_a_folder_go_first_and_nothing_is_found_nowhere(tmp_path: Path) -> None:
    (tmp_path / "a.warc.gz").write_bytes(b"")
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    assert not holds_tables(str(tmp_path))
    assert not holds_tables(str(tmp_path / "none"))
    assert not holds_tables("https://a.org/a.parquet")


@pytest.mark.parametrize(
    ("more", "error", "message"),
    [
        (
            {"inputs": ["t.jsonl", "c.warc.gz"]},
            InputError,
            r"t.jsonl holds tables of documents and c.warc.gz crawl files",
        ),
        ({"inputs": ["t.jsonl"], "base": "https://a.org/"}, UsageError, "--base and --split-mb are for crawl files"),
        ({"inputs": ["t.jsonl"], "extractor": "curate"}, UsageError, "--extractor is for crawl files"),
        ({"inputs": ["c.warc.gz"], "text_column": "x"}, UsageError, "--text-column and --id-column are for tables"),
        ({"inputs": ["t.jsonl"], "text_column": "x"}, InputError, "no document could be read from 1 file: 1 no_column"),
    ],
)
@pytest.mark.engine
def test_what_does_not_go_together_is_said_at_once(
    tmp_path: Path, recipe: str, monkeypatch: pytest.MonkeyPatch, more: dict[str, object], error: type, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.jsonl").write_text('{"text": "a"}\n')
    (tmp_path / "c.warc.gz").write_bytes(b"")
    with pytest.raises(error, match=message):
        clean(Options(output=str(tmp_path / "out"), recipe=recipe, **more), QUIET)  # type: ignore[arg-type]
