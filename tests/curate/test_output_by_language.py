"""`[output] by = "language"`: a folder a language, one ledger, the same bytes however it is run, read by everybody's readers."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from curate.commands.explain import explain
from curate.commands.inspect import inspect
from curate.corpus.lookup import by_id, parts
from curate.engine.session import EngineOptions
from curate.errors import OutputError, RecipeError, UsageError
from curate.jobs.clean import Options, clean
from curate.mixing.mixture import source_paths
from curate.report.languages import funnels, outliers
from curate.run import languages

RECIPE = """
[output]
by = "language"
[shards]
target_bytes = 20_000
work_bytes = 4_000
[[step]]
use = "filters.gopher.WordCount"
minimum = 5
maximum = 100
"""
LABELS = ["hin_Deva", "eng_Latn", "EN", "../../etc", None, "jpn_Jpan"]


def rows() -> list[dict[str, object]]:
    made = []
    for at in range(600):
        label = LABELS[at * 5 % 7 % len(LABELS)]
        words = 2 if label == "jpn_Jpan" and at % 3 else 30
        made.append(
            {"text": f"{label} {at}: " + "word " * words, "url": f"http://h{at % 5}.org/{at}", "language": label}
        )
    return made


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("languages")
    for part in range(3):
        (folder / f"{part}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows()[part::3]))
    (folder / "r.toml").write_text(RECIPE)
    make(folder, "out")
    return folder / "out"


def make(folder: Path, out: str, recipe: str = "r.toml", **engine: object) -> dict[str, object]:
    options = Options([str(folder / f"{n}.jsonl") for n in range(3)], str(folder / out), str(folder / recipe))
    return clean(options, EngineOptions(quiet=True, **engine))  # type: ignore[arg-type]


def hashes(corpus: Path) -> dict[str, str]:
    found = [path for name in ("data", "rejected", "duplicates") for path in (corpus / name).rglob("*.parquet")]
    return {str(path.relative_to(corpus)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(found)}


@pytest.mark.engine
def test_every_document_is_in_the_folder_of_its_language_once(corpus: Path) -> None:
    ledger = json.loads((corpus / "ledger.json").read_text())
    assert sorted(path.name for path in (corpus / "data").iterdir()) == [
        f"language={name}" for name in ("en", "eng_Latn", "hin_Deva", "jpn_Jpan", "und")
    ]
    folders = {"EN": "en", "../../etc": "und", None: "und"}
    wanted = Counter(folders.get(row["language"], row["language"]) for row in rows() if row["text"].count("word") > 2)  # type: ignore[call-overload, attr-defined]
    found = Counter[str]()
    texts = set()
    for part in ledger["data"]:
        table = pq.read_table(corpus / part["file"], partitioning=None)
        assert table.num_rows == part["rows"]
        assert "cluster_size" not in table.column_names  # no step took copies away
        ids = table["id"].to_pylist()
        assert ids == sorted(ids)
        found[part["file"].split("/")[1].partition("=")[2]] += table.num_rows
        texts |= set(table["text"].to_pylist())
    assert found == wanted
    assert len(texts) == sum(found.values()) == ledger["kept"]
    assert (
        len([part for part in ledger["data"] if "hin_Deva" in part["file"]]) > 1
    )  # in files of about the size asked for
    told = ledger["languages"]
    assert sum(one["kept"] for one in told.values()) == ledger["kept"]
    assert sum(sum(one["rejected"].values()) for one in told.values()) == sum(ledger["rejected"].values())
    assert told["jpn_Jpan"]["rejected"]["WordCount.too_few"] == sum(
        row["language"] == "jpn_Jpan" and row["text"].count("word") == 2
        for row in rows()  # type: ignore[attr-defined]
    )
    assert sum(one["text_kept"] for one in told.values()) == ledger["bytes"]["text_kept"]


@pytest.mark.engine
def test_same_bytes_with_other_partitions_and_after_a_stop(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = corpus.parent
    wanted = hashes(corpus)
    whole = languages.grouped

    def stop(*_: object) -> None:
        raise OutputError("stopped here")

    monkeypatch.setattr(languages, "grouped", stop)  # when the pieces are there
    with pytest.raises(OutputError, match="stopped here"):
        make(folder, "stopped", cores=1)
    monkeypatch.setattr(languages, "grouped", whole)
    make(folder, "stopped", cores=3, resume=True)
    assert hashes(folder / "stopped") == wanted
    (folder / "flat.toml").write_text(RECIPE.replace('by = "language"', ""))
    flat = make(folder, "flat", "flat.toml")
    by = json.loads((corpus / "ledger.json").read_text())
    assert {name: flat[name] for name in ("kept", "rejected", "languages", "content")} == {
        name: by[name] for name in ("kept", "rejected", "languages", "content")
    }


@pytest.mark.engine
def test_others_read_it(corpus: Path, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    datasets = pytest.importorskip("datasets")
    kept = json.loads((corpus / "ledger.json").read_text())["kept"]
    found = duckdb.sql(f"select language, count(*) from '{corpus}/data/**/*.parquet' group by 1").fetchall()
    assert sum(count for _, count in found) == kept
    assert {name for name, _ in found} == {"en", "eng_Latn", "hin_Deva", "jpn_Jpan", "und"}
    frame = pd.read_parquet(corpus / "data")
    assert len(frame) == kept
    assert set(frame["language"].dropna()) >= {"eng_Latn", "hin_Deva", "jpn_Jpan"}
    datasets.disable_progress_bars()
    hindi = datasets.load_dataset(str(corpus), "hin_Deva", split="train", cache_dir=str(tmp_path))
    assert set(hindi["language"]) == {"hin_Deva"}
    whole = datasets.load_dataset(str(corpus), split="train", cache_dir=str(tmp_path))
    assert len(whole) == kept


@pytest.mark.engine
def test_our_commands_read_it(corpus: Path) -> None:
    paths = parts(str(corpus), "data")
    some = pq.read_table(paths[-1], partitioning=None).slice(0, 1).to_pylist()[0]
    assert [row["text"] for row in by_id(paths, some["id"])] == [some["text"]]
    ran = CliRunner().invoke(explain, [str(corpus), some["id"]])
    assert "KEPT" in ran.output
    ran = CliRunner().invoke(inspect, [str(corpus), "--by", "language", "--json", "--quiet"])
    told = json.loads(ran.output)
    kept = json.loads((corpus / "ledger.json").read_text())["kept"]
    assert told["documents"] == sum(row["documents"] for row in told["groups"]) == kept
    groups = {row["value"]: row for row in told["groups"]}
    assert groups["hin_Deva"]["read"] == groups["hin_Deva"]["documents"]
    assert groups["jpn_Jpan"]["lost"]["WordCount.too_few"] > 0
    shown = CliRunner().invoke(inspect, [str(corpus), "--by", "language", "--quiet"]).output
    assert "hin_Deva" in shown
    assert "most lost to" in " ".join(shown.split())
    page = (corpus / "report.html").read_text()
    assert '<section id="languages">' in page


def test_a_source_a_language(tmp_path: Path) -> None:
    for name in ("language=hin_Deva", "language=eng_Latn", "language=", "other=x", "plain"):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "part.parquet").touch()
    root = f"{tmp_path}/data"
    assert source_paths([f"{root}/language=*_*", "web=x=y/"]) == {
        "eng_Latn": f"{root}/language=eng_Latn", "hin_Deva": f"{root}/language=hin_Deva", "web": "x=y/",
    }  # fmt: skip
    assert source_paths([f"{root}/language=hin_Deva/"]) == {"hin_Deva": f"{root}/language=hin_Deva"}
    for wrong in (f"{root}/nothing=*", f"{root}/plain", "name"):
        with pytest.raises(UsageError, match="--source"):
            source_paths([wrong])
    with pytest.raises(RecipeError, match="can't name a source"):
        source_paths([f"{root}/language=*"])


def test_pieces_are_grouped_by_size() -> None:
    sizes = {"a": 5, "b": 5, "c": 5, "d": 100, "e": 5}
    assert languages.grouped(sizes, 1000) == [("a", "b", "c", "d", "e")]
    assert [name for group in languages.grouped(sizes, 30) for name in group] == list(sizes)
    assert len(languages.grouped(sizes, 30)) <= 5
    assert languages.grouped({}, 10) == [()]
    assert languages.grouped({"a": 0, "b": 0}, 10) == [("a", "b")]


def test_a_rule_that_eats_one_script_is_seen() -> None:
    languages = {
        f"l{n}": {"kept": 90, "rejected": {"WordCount.too_few": 8, "X.y": 2}, "failed": {}, "text_kept": 1000}
        for n in range(5)
    }
    languages["tha_Thai"] = {"kept": 10, "rejected": {"WordCount.too_few": 90}, "failed": {}, "text_kept": 10}
    languages["rare"] = {"kept": 0, "rejected": {"X.y": 3}, "failed": {}, "text_kept": 0}  # too few to tell
    found = funnels({"languages": languages})
    assert [(one.name, reason) for one, reason, _ in outliers(found)] == [("tha_Thai", "WordCount.too_few")]
