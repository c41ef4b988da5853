"""The whole job on an engine."""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.engine import session
from curate.errors import BalanceError, OutputError
from curate.mixing import draw, finish, ledger, mixture, sources
from curate.mixing.job import MixJob, Request
from curate.report.mixture import finish_mixture
from curate.run import exchange, runner
from curate.tokens import tokenizer

Make = Callable[..., Path]
WEIGHTS = "web=0.6,code=0.25,wiki=0.15"


@pytest.fixture(scope="module")
def sail() -> Iterator[session.Session]:
    with session.session("test", "sail", cores=2) as found:
        yield found


@pytest.fixture
def ask(make_source: Make, tmp_path: Path, bpe: tokenizer.TokenizerFile) -> Callable[..., Request]:
    folders = {
        "web": make_source("web", 400, files=3, kind="jsonl.gz"),
        "code": make_source("code", 150, kind="parquet"),
        "wiki": make_source("wiki", 40),
    }

    def make(**more: Any) -> Request:
        stated = mixture.settle(mixture.load(more.pop("weights", WEIGHTS)), folders)
        found = tuple(sources.find(name, str(path)) for name, path in folders.items())
        more = {"budget": 60_000, "held_out": 0.05, "shards": 3, "max_epochs": 40, **more}
        return Request(stated, found, bpe, str(tmp_path / "counts"), **more)

    return make


def job(asked: Request, output: Path, command: str = "") -> MixJob:
    return MixJob(asked, str(output), command, finishers=(finish_mixture,))


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of all data files."""
    names = [
        name for part in ("data", "heldout", "contaminated", "tokens") for name in sorted((folder / part).glob("*"))
    ]
    return {str(name.relative_to(folder)): hashlib.sha256(name.read_bytes()).hexdigest() for name in names}


def rows(folder: Path) -> list[dict[str, Any]]:
    return [row for path in sorted((folder / "data").glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


@pytest.mark.engine
def test_what_is_written(
    sail: session.Session, ask: Callable[..., Request], tmp_path: Path, bpe: tokenizer.TokenizerFile
) -> None:
    ledger = runner.run(sail, job(ask(tokenize=True), tmp_path / "mix"))
    out = tmp_path / "mix"
    assert json.loads((out / "ledger.json").read_text()) == ledger
    written = rows(out)
    # The ledger, the files and the tokenizer agree.
    encoder = tokenizer.load(bpe.path)
    for one in ledger["sources"]:
        mine = [row for row in written if row["source"] == one["source"]]
        assert one["written"]["rows"] == len(mine)
        assert one["written"]["tokens"] == sum(tokenizer.count(encoder, [row["text"] for row in mine]))
        assert one["written"]["tokens"] == sum(row["tokens"] for row in mine)
        times = Counter(row["id"] for row in mine)
        assert set(times.values()) <= {int(one["epochs"]), int(one["epochs"]) + 1}
        assert sorted((row["id"], row["epoch"]) for row in mine) == sorted(
            (name, epoch) for name, count in times.items() for epoch in range(count)
        )
        held = pq.read_table(out / "heldout" / f"{one['source']}.parquet")["id"].to_pylist()
        assert len(held) == one["held_out"]["documents"]
        assert not set(held) & set(times)
    assert ledger["records"] == 590
    page = (out / "report.html").read_text()
    assert "<script" not in page
    assert all(f">{name}<" in page for name in ("web", "code", "wiki"))
    # Every file is in the manifest with its checksum.
    manifest = {one["file"]: one["sha256"] for one in json.loads((out / "manifest.json").read_text())["files"]}
    assert manifest == digests(out)
    assert not (tmp_path / "mix.partial").exists()


@pytest.mark.engine
def test_the_order_is_shuffled_across_sources_and_files(
    sail: session.Session, ask: Callable[..., Request], tmp_path: Path
) -> None:
    runner.run(sail, job(ask(shards=4), tmp_path / "mix"))
    written = rows(tmp_path / "mix")
    sizes = [pq.read_metadata(path).num_rows for path in sorted((tmp_path / "mix" / "data").glob("*"))]
    assert max(sizes) < 1.5 * min(sizes)
    web = np.array([row["source"] == "web" for row in written])
    parts = [part.mean() for part in np.array_split(web, 4)]
    assert max(parts) - min(parts) < 0.15
    places = [int(row["id"].split("-")[1]) for row in written if row["source"] == "web"]
    assert abs(np.corrcoef(places, range(len(places)))[0, 1]) < 0.15
    epochs = np.array([row["epoch"] for row in written if row["source"] == "wiki"])
    assert abs(np.corrcoef(epochs, range(len(epochs)))[0, 1]) < 0.2


@pytest.mark.engine
def test_the_trainer_opens_the_packed_tokens(
    sail: session.Session, ask: Callable[..., Request], tmp_path: Path, bpe: tokenizer.TokenizerFile
) -> None:
    data = pytest.importorskip("train_probe.data")
    ledger = runner.run(sail, job(ask(tokenize=True), tmp_path / "mix"))
    file = data.TokenFile.open(tmp_path / "mix" / "tokens")
    written = rows(tmp_path / "mix")
    encoder = tokenizer.load(bpe.path)
    assert len(file.documents) == len(written)
    for place in (0, 1, len(written) // 2, len(written) - 1):
        row = written[place]
        assert list(file.document(place)) == [file.end, *tokenizer.encode(encoder, [row["text"]])[0]]
        assert file.sources[file.documents[place]["source"]] == row["source"]
        assert file.documents[place]["copy"] == row["epoch"]
    assert file.meta["tokens"] == ledger["packed_tokens"] + len(written)
    assert file.meta["tokenizer"] == bpe.digest


@pytest.mark.engine
def test_shards_and_cores_change_the_files_not_the_rows(
    sail: session.Session, ask: Callable[..., Request], tmp_path: Path
) -> None:
    found = []
    for count in (1, 5):
        runner.run(sail, job(ask(shards=count), tmp_path / f"mix-{count}"))
        found.append(rows(tmp_path / f"mix-{count}"))
    assert found[0] == found[1]  # in this very order: a shard is a range of places


@pytest.mark.engine
def test_resume_gives_the_same_bytes(
    sail: session.Session, ask: Callable[..., Request], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.run(sail, job(ask(tokenize=True), tmp_path / "whole"))
    broken = job(ask(tokenize=True), tmp_path / "mix")
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "check", lambda ledger: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            runner.run(sail, broken)
    assert not (tmp_path / "mix").exists()
    for folder in ("data", "_scratch/counts"):  # as if it had been killed before that shard
        (tmp_path / "mix.partial" / folder / "part-00001-of-00003.parquet").unlink()
    with pytest.raises(OutputError, match="--resume"):
        runner.run(sail, job(ask(tokenize=True), tmp_path / "mix"))
    with pytest.raises(OutputError, match="was made from other seed"):
        runner.run(sail, job(ask(tokenize=True, seed=3), tmp_path / "mix"), resume=True)
    runner.run(sail, job(ask(tokenize=True), tmp_path / "mix"), resume=True)
    assert digests(tmp_path / "mix") == digests(tmp_path / "whole")
    with pytest.raises(OutputError, match="exists"):
        runner.run(sail, job(ask(), tmp_path / "mix"))


def _swap(table: pa.Table) -> pa.Table:
    at = table.schema.get_field_index("text")
    places = pa.array([1, 0, *range(2, table.num_rows)])
    return table.set_column(at, table.schema.field(at), table["text"].take(places))


MUTATIONS: dict[str, Callable[[pa.Table], pa.Table]] = {
    "swapped": _swap,
    "lost": lambda table: table.slice(1),
    "lost and doubled": lambda table: pa.concat_tables([table.slice(1), table.slice(1, 1)]),
}


def _spoil(path: Path, name: str) -> None:
    """Change a file, which says of itself what it said before."""
    facts = {key: value for key, value in pq.read_metadata(path).metadata.items() if key.startswith(b"curate")}
    table = MUTATIONS[name](pq.read_table(path, partitioning=None))
    pq.write_table(table.replace_schema_metadata(facts), path)


@pytest.mark.engine
@pytest.mark.parametrize("name", MUTATIONS)
@pytest.mark.parametrize("folder", ["drawn", "kept-back"])
def test_rows_that_change_between_two_stages_are_noticed(
    sail: session.Session, ask: Callable[..., Request], tmp_path: Path, name: str, folder: str
) -> None:
    class Spoiler(session.Session):
        def run(self, function: Any, tasks: Any) -> Any:
            yield from super().run(function, tasks)
            if function is draw.draw_file:
                found = (tmp_path / "mix.partial" / "_scratch" / folder).glob("*.parquet")
                _spoil(max(found, key=lambda path: path.stat().st_size), name)

    with pytest.raises(BalanceError, match=rf"{folder}/.*parquet holds"):
        runner.run(Spoiler(sail.name, sail.spark, sail.cores), job(ask(), tmp_path / "mix"))


@pytest.mark.engine
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_shard_that_is_not_what_was_written(
    sail: session.Session, ask: Callable[..., Request], tmp_path: Path, name: str
) -> None:
    runner.run(sail, job(ask(), tmp_path / "mix"))
    path = min((tmp_path / "mix" / "data").glob("*.parquet"))
    assert finish.recount(str(path))
    _spoil(path, name)
    with pytest.raises(BalanceError, match="holds"):
        finish.recount(str(path))


@pytest.mark.engine
def test_many_shards_come_from_merged_files(
    sail: session.Session, ask: Callable[..., Request], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.run(sail, job(ask(), tmp_path / "direct"))
    monkeypatch.setattr(exchange, "MERGE_SHARDS", 1)
    monkeypatch.setattr(exchange, "MERGE_BYTES", 2000)
    runner.run(sail, job(ask(), tmp_path / "merged"))
    assert digests(tmp_path / "merged") == digests(tmp_path / "direct")


def _a_task(folder: Path) -> tuple[str, str]:
    """A file of a task whose question is the longest text of the first file of wiki, and the id of that."""
    rows = map(json.loads, (folder / "wiki" / "00.jsonl").read_text().splitlines())
    longest = max(rows, key=lambda row: len(row["text"]))
    (folder / "tasks.jsonl").write_text(json.dumps({"question": longest["text"]}) + "\n")
    return str(folder / "tasks.jsonl"), longest["id"]


@pytest.mark.engine
def test_contaminated_documents_are_left_out_and_counted(
    sail: session.Session, ask: Callable[..., Request], tmp_path: Path, make_source: Make
) -> None:
    tasks, name = _a_task(tmp_path)
    ledger = runner.run(sail, job(ask(tasks=(tasks,), common=1000), tmp_path / "mix"))
    (wiki,) = (one for one in ledger["sources"] if one["source"] == "wiki")
    assert wiki["contaminated"]["documents"] >= 1
    assert ledger["decontamination"]["removed"]["wiki"] == wiki["contaminated"]["documents"]
    assert ledger["rejected"]["contaminated"] == sum(ledger["decontamination"]["removed"].values())
    assert name not in {row["id"] for row in rows(tmp_path / "mix")}


@pytest.mark.engine
def test_bytes_without_a_tokenizer(sail: session.Session, ask: Callable[..., Request], tmp_path: Path) -> None:
    asked = ask(unit="bytes", weights="uniform")
    asked = Request(asked.mixture, asked.sources, None, asked.counts, unit="bytes", budget=50_000)
    ledger = runner.run(sail, job(asked, tmp_path / "mix"))
    (path,) = (tmp_path / "mix" / "data").glob("*.parquet")
    assert pq.read_schema(path).names == ["source", "epoch", "id", "text"]
    for one in ledger["sources"]:
        assert one["share"] == pytest.approx(1 / 3, rel=0.02)


@pytest.mark.engine
def test_hostile_texts_are_harmless_in_the_report(sail: session.Session, tmp_path: Path) -> None:
    rows_ = [{"id": f"{i}", "text": f"<script>alert({i})</script>\x1b[31m &amp; \u202e{i}"} for i in range(30)]
    (tmp_path / "bad.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows_))
    found = (sources.find("bad", str(tmp_path / "bad.jsonl")),)
    asked = Request(mixture.settle(mixture.load("bad=1"), ["bad"]), found, None, str(tmp_path / "counts"), unit="bytes")
    runner.run(sail, job(asked, tmp_path / "mix", "curate mix '<b>'"))
    page = (tmp_path / "mix" / "report.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;alert(" in page
    assert "\x1b" not in page + (tmp_path / "mix" / "README.md").read_text()


@pytest.mark.engine
def test_datasets_opens_it(sail: session.Session, ask: Callable[..., Request], tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    runner.run(sail, job(ask(), tmp_path / "mix"))
    found = datasets.load_dataset(str(tmp_path / "mix"), cache_dir=str(tmp_path / "cache"))
    assert found["train"].num_rows == len(rows(tmp_path / "mix"))
    held = datasets.load_dataset(str(tmp_path / "mix"), "heldout", cache_dir=str(tmp_path / "cache"))
    assert held["test"].num_rows > 0


@pytest.mark.engine
@pytest.mark.spark
def test_spark_and_sail_write_the_same_bytes(
    sail: session.Session, ask: Callable[..., Request], tmp_path: Path
) -> None:
    if not session.java():
        pytest.skip("no Java")
    tasks, _ = _a_task(tmp_path)
    asked = ask(tokenize=True, tasks=(tasks,), common=1000)
    runner.run(sail, job(asked, tmp_path / "sail"))
    words = ["--weights", WEIGHTS, "--tokens", "60000", "--held-out", "0.05", "--shards", "3", "--max-epochs", "40"]
    words += [f"--source={one.name}={one.path}" for one in asked.sources]
    words += [
        "--tokenizer",
        str(asked.tokenizer and asked.tokenizer.path),
        "--tokenize",
        "--decontaminate",
        tasks,
        "--common",
        "1000",
    ]
    words += ["--counts", str(tmp_path / "own"), "--output", str(tmp_path / "spark"), "--engine", "spark", "--json"]
    # A process of its own, without what Sail's client put into the environment: one can't hold both kinds of session.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SPARK_")}
    command = [sys.executable, "-m", "curate", "mix", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=clean)
    assert done.returncode == 0, done.stderr[-2000:]
    assert digests(tmp_path / "sail") == digests(tmp_path / "spark")
    assert json.loads(done.stdout) == json.loads((tmp_path / "spark" / "ledger.json").read_text())
