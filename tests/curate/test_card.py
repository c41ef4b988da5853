"""The dataset card: front matter that parses, checksums that check, no name that breaks out."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.console.terminal import FunnelRow
from curate.corpus.recipe import load
from curate.report.card import card, fenced, front_matter, funnel_table
from curate.report.gather import ReportData, gather

yaml = pytest.importorskip("yaml")


@pytest.fixture(scope="module")
def ledger(small_corpus: Path) -> dict:
    return json.loads((small_corpus / "ledger.json").read_text())


@pytest.fixture(scope="module")
def written(small_corpus: Path, ledger: dict) -> str:
    recipe = load(str(small_corpus / "recipe.toml"))
    return card(ledger, gather(str(small_corpus), recipe), recipe, {"Python": "3.11"})


def test_front_matter(written: str) -> None:
    matter = yaml.safe_load(written.split("---\n")[1])
    assert matter["pretty_name"] == "small"
    assert matter["language"] == ["de", "en"]
    assert matter["size_categories"] == ["n<1K"]
    assert matter["configs"][0]["data_files"] == [{"split": "train", "path": "data/*.parquet"}]


def test_norwegian_is_a_string_and_names_stay_inside(ledger: dict) -> None:
    data = ReportData(looked_at={"kept": 3})
    data.languages["kept"].update({"no": 3})
    matter = yaml.safe_load(
        front_matter(ledger, data, 'x"\n---\nlicense: mit').split("---\n", 1)[1].rsplit("---", 1)[0]
    )
    assert matter["language"] == ["no"]
    assert matter["license"] == "other"


def test_checksums_are_those_of_the_files(written: str, small_corpus: Path) -> None:
    found = re.findall(r"^([0-9a-f]{64})  (data/\S+)$", written, re.M)
    assert found
    for digest, name in found:
        assert hashlib.sha256((small_corpus / name).read_bytes()).hexdigest() == digest


def test_card_says_what_was_done(written: str, small_corpus: Path) -> None:
    assert (small_corpus / "recipe.toml").read_text().strip() in written
    assert "curate clean --input" in written
    assert "| rejected | `TooFewSentences.too_few` | 1 |" in written
    for reader in ("load_dataset", "read_parquet", "spark.read", "DuckDB"):
        assert reader in written


def test_code_has_its_own_words(ledger: dict) -> None:
    text = card({**ledger, "kind": "code"}, ReportData(), None, {})
    assert "license_evidence" in text
    assert yaml.safe_load(text.split("---\n")[1])["language"] == ["code"]


def test_load_dataset_reads_the_folder(small_corpus: Path, written: str, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    files = str(small_corpus / "data" / "*.parquet")
    found = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path))
    assert found.num_rows == 3


def test_hostile_reasons_stay_in_their_cell() -> None:
    table = funnel_table([FunnelRow("failed", "evil|`x`\n| a | b |", 1, 0)])
    assert len(table.splitlines()) == 3
    assert table.splitlines()[2].count("|") == 5


@given(st.text(alphabet="`a\n ", max_size=60))
def test_fences_close_only_at_the_end(value: str) -> None:
    block = fenced(value, "sh")
    fence = re.match("`+", block)
    assert fence
    inside = block.split("\n", 1)[1].rsplit("\n", 1)[0]
    assert fence[0] not in inside
