"""A corpus of a stranger: what its JSON says leads nowhere else, and is no traceback."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import curate
from curate.cli import group
from curate.dedup import Exact
from curate.errors import CurateError, InputError, OutputError
from curate.files.output import extracted_parts, read_json
from curate.sample import crawl


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hostile")
    (root / "recipe.toml").write_text('name = "none"\nstep = []\n')
    (root / "crawl").mkdir()
    crawl.write(root / "crawl")
    curate.clean(root / "crawl", root / "corpus", recipe=str(root / "recipe.toml"), cores=1)
    return root


def copied(corpus: Path, to: Path, name: str, change: dict[str, Any]) -> Path:
    shutil.copytree(corpus / "corpus", to)
    path = to / name
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    return to


@pytest.mark.parametrize(
    "part", ["../../.profile", "/etc/passwd", "..", "", "part-00000-of-00001.parquet/../../x", 5, None]
)
def test_parts_that_lead_elsewhere(corpus: Path, tmp_path: Path, part: object) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/.profile").write_text("evil")
    there = copied(corpus, tmp_path / "theirs/corpus", "extracted/_index.json", {"parts": [part]})
    (tmp_path / "mine").mkdir()
    with pytest.raises(InputError, match="no parts of a corpus"):
        curate.clean(there, tmp_path / "mine/out", recipe=str(corpus / "recipe.toml"))
    assert list((tmp_path / "mine").iterdir()) == []


def test_the_parts_of_a_corpus_of_ours(corpus: Path) -> None:
    assert all(
        (corpus / "corpus/extracted" / name).is_file() for name in extracted_parts(str(corpus / "corpus/extracted"))
    )


@pytest.mark.parametrize(
    "change",
    [{"inputs": 5}, {"inputs": [5]}, {"inputs": ["x"]}, {"inputs": [["x", "y"]]}, {"source": None, "inputs": None}],
)
def test_a_job_that_says_something_else(corpus: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    there = copied(corpus, tmp_path / "corpus", "job.json", change)
    with pytest.raises(CurateError):
        curate.clean(there, tmp_path / "out", recipe=str(corpus / "recipe.toml"))


@pytest.mark.parametrize(
    "change", [{"records": "\u202eten"}, {"records": []}, {"rejected": 5}, {"data": [{}]}, {"data": 5}, {"inputs": [5]}]
)
def test_a_card_of_a_ledger_that_says_something_else(corpus: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    there = copied(corpus, tmp_path / "corpus", "ledger.json", change)
    for law in ("--eu", "--ab2013"):
        found = CliRunner().invoke(group, ["card", str(there), law])
        assert found.exception is None or isinstance(found.exception, CurateError), found.exception


def test_json_that_is_nested_too_deeply(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[" * 100_000)
    with pytest.raises(CurateError, match="damaged"):
        read_json(str(tmp_path / "a.json"))


@pytest.mark.parametrize("name", ["data/../../x.parquet", "data//x.parquet", "data/./x.parquet", "data/\\x.parquet"])
def test_files_of_a_ledger_that_lead_elsewhere(corpus: Path, tmp_path: Path, name: str) -> None:
    there = copied(corpus, tmp_path / "corpus", "ledger.json", {"data": [{"file": name}]})
    shutil.copy(next((there / "data").glob("*.parquet")), tmp_path / "x.parquet")
    for words in (
        ["export", str(there), "--format", "jsonl.zst", "--output", str(tmp_path / "out")],
        ["push", str(there), "hf://datasets/a/b", "--dry-run"],
    ):
        found = CliRunner().invoke(group, words)
        assert isinstance(found.exception, InputError), found.output
        assert "no file of a corpus" in str(found.exception)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("extracted/_index.json", {"files": {"sample-00000.warc.gz": 5}}),
        ("extracted/_index.json", {"content": None}),
        ("ledger.json", {"data": [5]}),
    ],
)
def test_an_unfinished_run_of_a_stranger_is_no_traceback(
    corpus: Path, tmp_path: Path, name: str, change: dict[str, Any]
) -> None:
    there = copied(corpus, tmp_path / "out.partial", name, change)
    if name != "ledger.json":
        (there / "ledger.json").unlink()
        for folder in ("data", "rejected", "duplicates"):
            shutil.rmtree(there / folder, ignore_errors=True)
    with pytest.raises(CurateError, match="holds what no job of ours has written"):
        curate.clean(corpus / "crawl", tmp_path / "out", recipe=str(corpus / "recipe.toml"), cores=1, resume=True)


def test_keys_of_a_pass_that_are_missing_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy was kept, and nothing said."""
    (tmp_path / "in.jsonl").write_text(
        "".join(json.dumps({"text": text}) + "\n" for text in ("a b c", "a b c", "d e f"))
    )
    (tmp_path / "one.toml").write_text('name = "one"\n[[step]]\nuse = "curate.dedup.Exact"\n')

    def killed(*_: object) -> None:
        raise RuntimeError("killed")

    whole = Exact.resolve
    monkeypatch.setattr(Exact, "resolve", killed)
    with pytest.raises(RuntimeError, match="killed"):
        curate.clean(tmp_path / "in.jsonl", tmp_path / "out", recipe=str(tmp_path / "one.toml"), cores=1)
    monkeypatch.setattr(Exact, "resolve", whole)
    next((tmp_path / "out.partial/_scratch/keys-1").iterdir()).unlink()
    with pytest.raises(OutputError, match="is missing, and pass 1 says that it was written"):
        curate.clean(tmp_path / "in.jsonl", tmp_path / "out", recipe=str(tmp_path / "one.toml"), cores=1, resume=True)
