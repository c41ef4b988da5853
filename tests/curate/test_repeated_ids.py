"""Ids that stand several times in a corpus: records that were read again, damaged copies, empty files of one name."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from curate.corpus.recipe import load
from curate.engine.session import EngineOptions
from curate.jobs.clean import Options, clean
from curate.report.explain import explain
from curate.report.explain_view import view
from curate.report.gather import Reservoir, gather
from curate.report.inspect import inspect
from curate.report.page import page
from curate.sample import crawl
from tests.command import curate

pytestmark = [pytest.mark.engine]


def run(folder: Path, output: Path, **more: Any) -> dict[str, Any]:
    options = Options(inputs=[str(folder)], output=str(output), extractor="resiliparse", **more)
    ledger = clean(options, EngineOptions(cores=2, quiet=True))
    for entry in (ledger, *ledger["files"].values()):
        parts = [sum(entry[verdict].values()) for verdict in ("skipped", "rejected", "failed")]
        assert entry["records"] == entry["kept"] + sum(parts)
    return ledger


def record(body: str, *, cut: int = 0) -> bytes:
    """A WARC file of one page; `cut` bytes are missing at its end, as after an interrupted download."""
    http = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html><body><p>{body}</p></body></html>".encode()
    head = (
        "WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:0b1a4f6e-0000-4000-8000-000000000001>\r\n"
        "WARC-Target-URI: https://host.example/page\r\nWARC-Date: 2026-01-01T00:00:00Z\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
    ).encode()
    whole = head + http + b"\r\n\r\n"
    return whole[: len(whole) - cut] if cut else whole


STORY = " ".join(f"This is the sentence number {n} of a quiet story." for n in range(40))


@pytest.fixture(scope="module")
def thrice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of a crawl that was downloaded twice and a half: each id stands in it two or three times."""
    root = tmp_path_factory.mktemp("thrice")
    for name in ("a", "b", "c"):
        crawl.write(root / "crawl" / name)
    run(root / "crawl", root / "corpus", keep_rejected=True)
    return root / "corpus"


@pytest.mark.parametrize(("first", "second"), [("a", "b"), ("b", "a")])
def test_an_interrupted_download_fetched_again(tmp_path: Path, first: str, second: str) -> None:
    for name, data in ((first, record(STORY, cut=700)), (second, record(STORY))):
        (tmp_path / "crawl" / name).mkdir(parents=True)
        (tmp_path / "crawl" / name / f"{name}.warc").write_bytes(data)
    ledger = run(tmp_path / "crawl", tmp_path / "corpus")
    assert (ledger["kept"], sum(ledger["failed"].values()), sum(ledger["rejected"].values())) == (1, 1, 0)
    (row,) = pq.read_table(tmp_path / "corpus" / "data").to_pylist()
    assert STORY in row["text"]
    assert row["file"].endswith(f"{second}.warc")


def test_empty_files_of_one_name(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "crawl" / name).mkdir(parents=True)
        (tmp_path / "crawl" / name / "x.warc.gz").write_bytes(b"")
    (tmp_path / "crawl" / "good.warc").write_bytes(record(STORY))
    ledger = run(tmp_path / "crawl", tmp_path / "corpus")
    assert ledger["kept"] == 1
    assert sum(ledger["failed"].values()) == 2


def test_the_job_and_its_report_of_three_downloads(thrice: Path) -> None:
    ledger = json.loads((thrice / "ledger.json").read_text())
    files = list(ledger["files"].values())
    assert ledger["rejected"]["duplicate_record"] > 100
    assert sum(entry["kept"] for entry in files) == ledger["kept"] > 50
    assert "duplicate_record" in (thrice / "report.html").read_text().replace("<wbr>", "")
    data = gather(str(thrice), load(str(thrice / "recipe.toml")))
    again = gather(str(thrice), load(str(thrice / "recipe.toml")))
    assert page(ledger, data, None, {}) == page(ledger, again, None, {})
    for sample in data.dropped:
        if (
            sample.row["reason"] == "duplicate_record"
        ):  # its own text stands there, and no removal of the one that is kept
            assert not sample.removals
            assert all(line.left == line.text for line in sample.lines)


def test_each_record_of_an_id_is_explained_by_itself(thrice: Path) -> None:
    kept = pq.read_table(thrice / "data", columns=["id", "file", "url"]).to_pylist()[0]
    for query in (kept["id"], kept["url"]):
        found = explain(str(thrice), query)
        mine = [one for one in found if one.row["id"] == kept["id"]]
        assert sorted(str(one.reason) for one in mine) == ["None", "duplicate_record", "duplicate_record"]
        by_file = {one.row["file"]: one for one in mine}
        assert by_file[kept["file"]].verdict == "kept"
        assert {one.verdict for file, one in by_file.items() if file != kept["file"]} == {"rejected"}
        assert all(not one.removals and not one.copies for file, one in by_file.items() if file != kept["file"])
        console = Console(width=100, file=io.StringIO())
        for one in found:
            for part in view(one, 100):
                console.print(part)


def test_they_are_explained_where_the_extracted_texts_are_gone(thrice: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(thrice, corpus, ignore=shutil.ignore_patterns("extracted"))
    kept = pq.read_table(corpus / "data", columns=["id"]).to_pylist()[0]["id"]
    assert sorted(one.verdict for one in explain(str(corpus), kept)) == ["kept", "rejected", "rejected"]
    data = gather(str(corpus), load(str(corpus / "recipe.toml")))
    assert "duplicate_record" in {sample.row["reason"] for sample in data.dropped}


def test_a_step_that_rejects_one_of_them(thrice: Path) -> None:
    rows = pq.read_table(thrice / "rejected", columns=["id", "reason"]).to_pylist()
    document = next(row["id"] for row in rows if row["reason"].startswith("Urls."))
    found = explain(str(thrice), document)
    assert sorted(one.reason or "" for one in found) == ["Urls.duplicate", "duplicate_record", "duplicate_record"]
    (lost,) = [one for one in found if one.reason == "Urls.duplicate"]
    (survivor,) = lost.survivors.values()
    assert survivor.url
    assert survivor.text


def test_inspect_chooses_among_them(thrice: Path, tmp_path: Path) -> None:
    shutil.copy(next((thrice / "rejected").glob("*.parquet")), tmp_path / "a.parquet")
    shown = inspect(str(tmp_path), random=40).documents_shown
    assert len(shown) == 40
    assert [row["id"] for row in shown] == [row["id"] for row in inspect(str(tmp_path), random=40).documents_shown]
    said = curate("explain", str(thrice), shown[0]["id"], "--json")
    assert said.returncode == 0
    assert len(json.loads(said.stdout)) == 3


def test_a_reservoir_of_rows_with_one_id() -> None:
    reservoir = Reservoir(3)
    for n in range(9):
        reservoir.add({"id": "same", "n": n, "list": [{}]})
    assert [row["n"] for row in reservoir.rows()] == [0, 1, 2]
    reservoir.add({"id": "other", "n": 9})
    assert len(reservoir.rows()) == 3
