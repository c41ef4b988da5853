"""`curate inspect`: counts, exact quantiles, documents chosen by hash."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from curate.commands.inspect import inspect as command
from curate.corpus.schema import published
from curate.corpus.shards import ShardWriter
from curate.errors import InputError
from curate.report.inspect import inspect, quantiles


def write(path: Path, texts: list[str | None], **columns: list) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"text": pa.array(texts, pa.string()), **columns}), path)


def test_corpus_counts_what_was_published(small_corpus: Path) -> None:
    found = inspect(str(small_corpus), random=2)
    assert found.documents == pq.read_table(small_corpus / "data").num_rows == 3
    assert found.counts["host"] == {"host.example": 1, "evil.example": 1, "other.example": 1}
    assert found.counts["language"] == {"en": 2, "de": 1}
    assert len(found.documents_shown) == 2


def test_any_folder_of_parquet(tmp_path: Path) -> None:
    write(tmp_path / "b" / "x.parquet", ["ab", "", None, "żółw"])
    write(tmp_path / "a.parquet", ["a" * 100])
    write(tmp_path / ".hidden" / "x.parquet", ["no"])
    write(tmp_path / "_temporary" / "x.parquet", ["no"])
    found = inspect(str(tmp_path), random=5)
    assert (found.files, found.documents, found.empty) == (2, 5, 2)
    assert (found.characters, found.text_bytes) == (106, 2 + 7 + 100)
    assert len(found.documents_shown) == 5


def test_random_documents_do_not_depend_on_files(tmp_path: Path) -> None:
    texts = [f"Document number {n}." for n in range(500)]
    ids = [f"{n:032x}" for n in range(500)]
    write(tmp_path / "one" / "all.parquet", texts, id=ids)
    for part in range(5):
        write(tmp_path / "many" / f"{9 - part}.parquet", texts[part::5], id=ids[part::5])
    chosen = [
        [row["id"] for row in inspect(str(tmp_path / name), random=7, seed=seed).documents_shown]
        for name, seed in (("one", "1"), ("many", "1"), ("one", "2"))
    ]
    assert chosen[0] == chosen[1] != chosen[2]
    assert len(set(chosen[0])) == 7


@given(st.lists(st.integers(0, 300), min_size=1))
def test_quantiles_are_exact(lengths: list[int]) -> None:
    for share, value in quantiles(Counter(lengths)).items():
        assert value == np.quantile(lengths, share, method="inverted_cdf")


def test_quantiles_of_nothing() -> None:
    assert quantiles({}) == {}


def test_other_text_column(tmp_path: Path) -> None:
    pq.write_table(pa.table({"body": ["abc"]}), tmp_path / "x.parquet")
    with pytest.raises(InputError, match=r"no column text .*\(it has body\)"):
        inspect(str(tmp_path))
    found = inspect(str(tmp_path / "x.parquet"), text="body", random=1)
    assert found.documents_shown[0]["text"] == "abc"


def test_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        inspect(str(tmp_path / "none"))
    with pytest.raises(InputError, match="an empty folder"):
        inspect(str(tmp_path))
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no PAR1")
    with pytest.raises(InputError, match=r"nothing in it can be read: 1 damaged \(.*bad.parquet: "):
        inspect(str(tmp_path))


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_a_file_without_a_document_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.jsonl").write_text(text)
    result = CliRunner().invoke(command, [str(tmp_path / "a.jsonl"), "--quiet"])
    assert isinstance(result.exception, InputError)
    assert "there is no document in it" in str(result.exception)
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "b.parquet")
    with pytest.raises(InputError, match="no document"):
        inspect(str(tmp_path / "b.parquet"))


def test_a_corpus_of_ours_may_be_empty(tmp_path: Path) -> None:
    with ShardWriter(str(tmp_path / "a.parquet"), published("web", [])):
        pass
    assert inspect(str(tmp_path / "a.parquet")).documents == 0


def test_json_and_table(small_corpus: Path) -> None:
    result = CliRunner().invoke(command, [str(small_corpus), "--json", "--random", "1", "--quiet"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert found["documents"] == 3
    assert set(found["length"]) == {"min", "max", "mean", "quantiles"}
    assert found["length"]["quantiles"]["0.5"] > 0
    result = CliRunner().invoke(command, [str(small_corpus), "--random", "3", "--quiet"])
    assert result.exit_code == 0
    assert "evil.example" in result.output
    assert "\x1b[2J" not in result.output
