"""A search that trains: resumed, grown, keyed by content; what the loader draws is what was asked."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

import pyarrow as pa
import pyarrow.parquet as pq

from curate.commands import mix_search
from curate.commands.mix import mix
from curate.errors import InputError, OutputError, UsageError
from curate.files import locks
from curate.mixing import mixture
from train_probe import blend, config, swarm
from train_probe.data import DOCUMENTS, TokenFile

WORDS = {
    "web": ["the", "cat", "sat", "on", "a", "mat"],
    "code": ["def", "return", "x", "=", "(", ")"],
    "books": ["once", "upon", "time", "there", "was", "one"],
}


@settings(max_examples=80, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=9).filter(lambda x: sum(x) > 0.01), st.integers(1, 300))
def test_every_beginning_of_a_run_has_the_weights(raw: list[float], rows: int) -> None:
    weights = np.array(raw) / sum(raw)
    order = blend.schedule(weights, rows)
    seen = np.cumsum(order[:, None] == np.arange(len(weights))[None], 0)
    asked = np.arange(1, rows + 1)[:, None] * weights[None]
    assert np.abs(seen - asked).max() < 1
    assert not seen[-1][weights == 0].any()


def token_file(tmp_path: Path, sizes: list[int], first: int) -> TokenFile:
    documents = np.zeros(len(sizes), DOCUMENTS)
    documents["key"] = np.random.default_rng(0).integers(0, 2**63, len(sizes))
    documents["tokens"], documents["bytes"] = sizes, sizes
    documents["start"] = np.cumsum(sizes) - sizes
    tokens = np.arange(first, first + sum(sizes))
    meta = {"tokenizer": "t", "end": 0, "mask": 0, "fingerprint": str(first), "sources": ["x"], "size": 10}
    return TokenFile(tmp_path, tokens, documents, meta)


def test_rows_of_a_source_are_its_stream_end_to_end(tmp_path: Path) -> None:
    files = {"a": token_file(tmp_path, [40, 25, 60], 1000), "b": token_file(tmp_path, [500], 5000)}
    made = blend.Blend(files, {"a": 0.25, "b": 0.75}, rows=40, width=8, seed=3)
    batches = np.concatenate([made.batch(step, 4, 8) for step in range(10)])
    mine = batches[made.order == 0]
    assert (mine[:, -1][:-1] == mine[:, 0][1:]).all()  # the target of the last place is the next row's first token
    assert (mine[:, :-1].ravel() == made.streams[0].read(0, mine.shape[0] * 8)).all()
    assert made.consumed(320) == {"a": 80, "b": 240}
    assert (made.batch(2, 4, 8, first=1, take=2) == made.batch(2, 4, 8)[1:3]).all()


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9, 1.0, 3.0])
def test_part_of_a_source_is_near_its_share_and_nested(tmp_path: Path, share: float) -> None:
    file = token_file(tmp_path, [int(x) for x in np.random.default_rng(1).integers(5, 60, 200)], 0)
    some = blend.some_of(file, share)
    total = file.documents["tokens"].sum()
    assert abs(some.documents["tokens"].sum() - min(1.0, share) * total) <= 60
    wider = blend.some_of(file, share * 1.2)
    assert set(some.documents["key"]) <= set(wider.documents["key"])


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    tiny = config.Preset(config.ModelConfig(layers=1, width=32, heads=2, vocab=320, context=32), 128, 4, True)
    monkeypatch.setitem(config.PRESETS, "nano", tiny)
    rng = np.random.default_rng(0)
    for name, words in WORDS.items():
        (tmp_path / name).mkdir()
        rows = [{"text": " ".join(rng.choice(words, 30)) + f" {name} {i}"} for i in range(120)]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / name / "a.parquet")

    def call(*more: str, output: str = "out", names: tuple[str, ...] = ("web", "code", "books")) -> Result:
        base = [x for name in names for x in ("--source", f"{name}={tmp_path / name}")]
        base += ["--search", "--preset", "nano", "--run-tokens", "2K", "--tokenizer", "bytes"]
        return CliRunner().invoke(mix, [*base, "--output", str(tmp_path / output), *more])

    return call


def results(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "runs").glob("*.json")}


@pytest.mark.slow
def test_a_search_trains_goes_on_grows_and_says_the_same(ask: Any, tmp_path: Path) -> None:
    done = ask("--check-seeds", "2", "--json")
    assert done.exit_code == 0, done.exception
    found = json.loads(done.stdout)
    out = tmp_path / "out"
    first = results(out)
    assert len(found["runs"]) == 8
    assert {one["against"] for one in found["check"]["differences"]} == {"prior", "best sampled"}
    assert "Checked by training" in (out / "report.html").read_text()
    assert set(mixture.settle(mixture.load(str(out / "best.toml")), list(WORDS)).weights) == set(WORDS)
    for one in map(json.loads, first.values()):
        for name, weight in one["weights"].items():
            assert abs(one["ledger"][name]["seen"] - weight * one["tokens"]) <= 32  # a row
    lost = sorted(first)[:2]
    for name in lost:  # as if it had been killed before them
        (out / "runs" / name).unlink()
    again = json.loads(ask("--check-seeds", "2", "--json").stdout)
    same = {k: v for k, v in again.items() if k != "curate"}
    assert same == {k: v for k, v in found.items() if k != "curate"}
    grown = json.loads(ask("--check-seeds", "0", "--runs", "10", "--json").stdout)
    assert [one["run"] for one in grown["runs"]][:8] == [one["run"] for one in found["runs"]]
    assert len(grown["runs"]) == 10


@pytest.mark.slow
def test_results_are_keyed_by_what_sources_hold(ask: Any, tmp_path: Path) -> None:
    assert ask("--check-seeds", "0").exit_code == 0
    before = set(results(tmp_path / "out"))
    for name in WORDS:  # other paths, same contents
        shutil.move(tmp_path / name, tmp_path / f"{name}-moved")
        (tmp_path / name).symlink_to(tmp_path / f"{name}-moved")
    assert ask("--check-seeds", "0").exit_code == 0
    assert set(results(tmp_path / "out")) == before
    (tmp_path / "web").unlink()
    rows = [{"text": f"quite another text {i} " * 10} for i in range(100)]
    (tmp_path / "web").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "web" / "a.parquet")
    assert ask("--check-seeds", "0").exit_code == 0
    assert len(set(results(tmp_path / "out")) - before) == 8


@pytest.mark.slow
def test_a_later_source_takes_up_what_is_there(ask: Any, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    rows = [{"text": f"the cat sat on def x return once upon a time {i}"} for i in range(30)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "target" / "a.parquet")
    words = ("--check-seeds", "0", "--objective", f"held-out:{tmp_path / 'target'}", "--tokens", "20K", "--json")
    first = json.loads(ask(*words, names=("web", "code")).stdout)
    second = json.loads(ask(*words).stdout)
    assert len(first["runs"]) == 8
    assert len(second["runs"]) == 16
    assert [one["measured"] for one in second["runs"][8:]] != []
    old = {one["run"].split("(")[1]: one["measured"] for one in first["runs"]}
    new = {one["run"].split("(")[1]: one for one in second["runs"]}
    assert all(new[key]["measured"] == value and new[key]["weights"][2] == 0 for key, value in old.items())


@pytest.mark.slow
def test_a_damaged_result_is_named(ask: Any, tmp_path: Path) -> None:
    assert ask("--check-seeds", "0").exit_code == 0
    one = next(iter((tmp_path / "out" / "runs").glob("*.json")))
    one.write_text("{")
    done = ask("--check-seeds", "0")
    assert isinstance(done.exception, InputError)
    assert one.name in str(done.exception)


def test_an_objective_names_tasks_suites_and_files(tmp_path: Path) -> None:
    from curate.commands.mix_search import _objective

    (tmp_path / "own.toml").write_text(
        'name = "own"\n[[task]]\nfile = "q.jsonl"\n[[task]]\nuse = "bundled:facts.jsonl"\n'
    )
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "q.jsonl").write_text("")
    assert _objective("mean:facts,abilities")[1] == tuple(
        f"bundled:{name}.jsonl" for name in ("facts", "agreement", "senses", "arithmetic", "narrative", "code")
    )
    found = _objective(f"mean:{tmp_path / 'own.toml'},x.jsonl", str(tmp_path / "files"))
    assert found == ("", (str(tmp_path / "files" / "q.jsonl"), "bundled:facts.jsonl", "x.jsonl"))


def test_what_can_not_be_asked_is_refused(ask: Any) -> None:
    for words, said in [
        (("--runs", "3"), "--runs"),
        (("--runs", "x"), "--runs"),
        (("--objective", "nonsense"), "--objective"),
        (("--objective", "mean:olmes-easy"), "--task-files"),
        (("--objective", "mean:olmes-easy", "--task-files", "nowhere"), "arc_easy/rc_0shot"),
        (("--tokens", "1B"), "epochs"),
        (("--among", "x.csv"), "--among"),
        (("--bytes", "1GB"), "--bytes"),
        (("--text-column", "x"), "--text-column"),
    ]:
        done = ask(*words)
        assert isinstance(done.exception, UsageError), (words, done.exception)
        assert said in str(done.exception)
    assert isinstance(ask(names=("web",)).exception, UsageError)
    assert isinstance(ask("--output", "s3://bucket/x").exception, UsageError)


def test_two_searches_in_one_folder_are_refused(ask: Any, tmp_path: Path) -> None:
    with locks.held(str(tmp_path / "out"), "busy"):
        done = ask()
    assert isinstance(done.exception, OutputError)
    assert "another search" in str(done.exception)


def test_the_key_forgets_names_and_keeps_contents(tmp_path: Path) -> None:
    shape = config.preset("nano")

    def key(contents: dict[str, str], weights: dict[str, float]) -> str:
        ready = swarm.Prepared(tmp_path, {}, {"held-out": "h", "tasks": "", **contents})
        return swarm.key(ready, weights, shape, {"steps": 3}, 0.5)

    a = key({"source web": "1", "source code": "2"}, {"web": 0.25, "code": 0.75})
    assert a == key({"source w": "1", "source c": "2", "source new": "3"}, {"c": 0.75, "w": 0.25})
    assert a != key({"source web": "1", "source code": "9"}, {"web": 0.25, "code": 0.75})
    assert a != key({"source web": "1", "source code": "2"}, {"web": 0.26, "code": 0.74})


def test_the_regret_has_an_interval() -> None:
    found = mix_search.compared(
        {"proposal": [1.0, 1.1, 1.2], "prior": [2.0, 2.1, 2.2], "best sampled": [1.0, 1.2, 1.1]}
    )
    by = {one["against"]: one for one in found["differences"]}
    assert by["prior"]["high"] < 0
    assert by["best sampled"]["low"] < 0 < by["best sampled"]["high"]
    assert "not decided" in found["said"][1]
