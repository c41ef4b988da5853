"""The verdict: which metrics are greyed, when seeds are paired, what is said."""

import json

import numpy as np
import pytest

pytest.importorskip("torch")

from train_probe import compare, looks, prepare, tables, tokenizer
from train_probe.__main__ import main
from train_probe.errors import ProbeError
from train_probe.evaluate import Scores

ITEMS = 40


def run(bits, accuracy, chance=0.25):
    """A finished run with a given mean of the two metrics."""
    right = np.zeros(ITEMS)
    right[: round(accuracy * ITEMS)] = 1.0
    ones = np.ones(ITEMS)
    scores = {
        "bits per byte": Scores(np.full(ITEMS, bits) + np.linspace(-0.001, 0.001, ITEMS), ones, ["s"] * ITEMS),
        "quiz accuracy": Scores(right, ones, ["quiz"] * ITEMS, chance),
    }
    return {"scores": {name: s.to_dict() for name, s in scores.items()}}


def two(a, b):
    return {"a": {i: run(*x) for i, x in enumerate(a)}, "b": {i: run(*x) for i, x in enumerate(b)}}


def test_a_task_at_chance_is_greyed_and_one_above_it_is_not():
    found = compare.judge(two([(2.0, 0.25), (2.1, 0.3)], [(2.0, 0.3), (2.1, 0.2)]), "bits per byte")
    assert found["metrics"]["quiz accuracy"]["silent"] == "at chance"
    found = compare.judge(two([(2.0, 0.9), (2.1, 0.95)], [(2.0, 0.25), (2.1, 0.3)]), "bits per byte")
    assert found["metrics"]["quiz accuracy"]["silent"] is None
    found = compare.judge(two([(2.0, 0.9), (2.1, 0.7)], [(2.0, 0.75), (2.1, 0.9)]), "bits per byte")
    assert found["metrics"]["quiz accuracy"]["silent"] == "within noise"
    assert "within noise" in tables.text(found)


def test_metrics_below_twice_the_noise_are_greyed_at_the_stated_ratio():
    for distance, silent in ((0.19, "within noise"), (0.22, None)):
        a = [(2.0, 0.5), (2.0 + 0.1 * np.sqrt(2), 0.5)]  # noise of a seed: 0.1
        b = [(x + distance, y) for x, y in a]
        metric = compare.judge(two(a, b), "quiz accuracy")["metrics"]["bits per byte"]
        assert metric["noise"] == pytest.approx(0.1)
        assert metric["silent"] == silent


def test_the_other_metrics_decide_nothing():
    """The primary metric does not differ; a task that does changes nothing about the verdict."""
    same = [2.0, 2.1, 2.05]
    found = compare.judge(
        two([(x, 0.9) for x in same], [(x, 0.3) for x in same]), "bits per byte", shared={("a", "b"): 1.0}
    )
    assert found["metrics"]["quiz accuracy"]["shows"]
    assert found["pairs"][0]["verdict"] == "no difference shown"


def test_of_several_pairs_the_corrected_p_decides():
    """One of six pairs is below 5 % by itself and not among six; another one is below it in any case."""
    means = {"a": 2.0, "b": 2.055, "c": 2.30, "d": 2.31}
    runs = {name: {i: run(x + 0.02 * (i - 1), 0.5) for i in range(3)} for name, x in means.items()}
    pairs = {(p["a"], p["b"]): p for p in compare.judge(runs, "bits per byte")["pairs"]}
    near, far = pairs["a", "b"], pairs["a", "d"]
    assert near["p"] < 0.05 <= near["p_corrected"]
    assert "better" not in near["verdict"]
    assert far["p_corrected"] < 0.05
    assert far["verdict"] == "a is better"


def test_the_seeds_that_are_said_are_those_of_a_look_after_the_correction():
    """More pairs need more seeds; of this experiment's looks only 2N, 4N ... count, where there are any."""
    means = {"a": 2.0, "b": 2.03, "c": 2.01, "d": 2.02}
    runs = {name: {i: run(x + 0.02 * (i - 1), 0.5) for i in range(3)} for name, x in means.items()}
    few = {name: runs[name] for name in "ab"}
    (alone,) = compare.judge(few, "bits per byte", alpha=0.04, further=looks.later(3, 3))["pairs"]
    among = compare.judge(runs, "bits per byte", alpha=0.04, further=looks.later(3, 3))["pairs"][0]
    assert (alone["a"], alone["b"]) == (among["a"], among["b"]) == ("a", "b")
    assert alone["detectable"] < among["detectable"]
    assert alone["plan"] < among["plan"]
    assert alone["more"] in (3, 9, 21, 45)
    assert f"too small to tell: {alone['more']} more seeds (--seeds {3 + alone['more']}) or another" in alone["verdict"]
    assert f"experiment of {alone['plan']} seeds would show a difference of 0.0300 with power .8" in alone["verdict"]
    (apart,) = compare.judge(few, "bits per byte", alpha=0.04)["pairs"]
    assert apart["more"] is None
    assert apart["verdict"].startswith(f"too small to tell: another experiment of {alone['plan']} seeds would show")
    (one,) = compare.judge({n: {0: s[0]} for n, s in few.items()}, "bits per byte")["pairs"]
    assert one["verdict"] == "too small to tell: one seed does not show how much seeds differ"


def test_seeds_are_paired_where_documents_are_shared():
    runs = two([(2.0, 0.5), (2.4, 0.5), (2.2, 0.5)], [(2.1, 0.5), (2.5, 0.5), (2.3, 0.5)])
    for share, paired in ((0.9, True), (0.1, False)):
        pair = compare.judge(runs, "bits per byte", shared={("a", "b"): share})["pairs"][0]
        assert pair["paired"] is paired
        assert ("better" in pair["verdict"]) is paired  # all seeds agree, but differ widely among themselves


@pytest.mark.parametrize(("lengths", "said"), [((3000, 1000), True), ((1000, 3000), False), ((1000, 1100), False)])
def test_a_verdict_for_shorter_documents_says_so(lengths, said):
    runs = two([(2.2, 0.5), (2.21, 0.5), (2.22, 0.5)], [(2.0, 0.5), (2.01, 0.5), (2.02, 0.5)])
    pair = compare.judge(runs, "bits per byte")["pairs"][0]
    assert pair["verdict"] == "b is better"
    pair["caveat"] = compare._caveat(pair, dict(zip("ab", lengths, strict=True)))
    assert ("3.0 times shorter" in tables.said(pair)) is said
    assert tables.said(pair).startswith("b is better")


def test_shared_documents_are_counted_by_tokens(tmp_path):
    ids = tokenizer.from_merges([])
    docs = [prepare.Text(i, i, "x" * 9, "s") for i in range(20)]
    for name, chosen in (("all", docs), ("half", docs[:10]), ("tenth", docs[:2] * 10), ("other", docs[10:])):
        prepare.write_tokens(chosen, ids, tmp_path / name)
    share = compare.shared_documents
    assert share(tmp_path / "all", tmp_path / "all") == 1.0
    assert share(tmp_path / "all", tmp_path / "half") == pytest.approx(2 / 3)
    assert share(tmp_path / "all", tmp_path / "tenth") == pytest.approx(0.1)
    assert share(tmp_path / "half", tmp_path / "other") == 0.0
    assert share(tmp_path / "half", tmp_path / "gone") == 0.0


def test_the_control_trains_on_all_sources_in_proportion(corpora, command, capsys):
    asked = [x for name in ("grammar", "knowledge") for x in ("--tasks", f"bundled:{name}.jsonl")]
    assert main(command("control", "--tokens", "2000", "--seeds", "2", "--tensorboard", *asked)) == 0
    found = json.loads((corpora / "out/verdict.json").read_text())
    assert list(found["metrics"]["bits per byte"]["mean"]) == ["proportional"]
    assert found["metrics"]["bits per byte"]["noise"] > 0
    assert {"grammar accuracy", "knowledge probability"} <= set(found["metrics"])
    assert found["metrics"]["grammar accuracy"]["silent"] == "at chance"  # after 2,000 tokens of twelve words
    out = capsys.readouterr()
    assert "(at chance)" in out.out
    assert "% MFU" in out.err
    result = json.loads((corpora / "out/runs/proportional/seed-0/result.json").read_text())
    assert set(result["ledger"]) == {"web", "books"}
    assert result["ledger"]["web"]["seen"] == pytest.approx(result["ledger"]["web"]["asked"], abs=400)
    assert 0 < result["mfu"] < 1
    assert "at chance" in (corpora / "out/report.html").read_text()
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    logged = events.EventAccumulator(str(corpora / "out/runs/proportional/seed-0/tensorboard"))
    logged.Reload()
    losses = logged.Scalars("loss")
    assert [x.step for x in losses] == [point["tokens"] for point in result["curve"]]
    assert losses[-1].value == pytest.approx(result["curve"][-1]["loss"])
    score = result["scores"]["bits per byte"]
    assert logged.Scalars("scores/bits per byte")[0].value == pytest.approx(
        sum(score["values"]) / sum(score["weights"])
    )


def test_seeds_read_documents_of_their_own_where_there_are_enough(corpora, command, capsys):
    assert main(command("train", "--tokens", "2000", "--seeds", "2", "--no-tasks")) == 0
    assert json.loads((corpora / "out/budget.json").read_text())["parts"] >= 2
    found = json.loads((corpora / "out/verdict.json").read_text())
    assert found["documents"]["apart"]
    assert found["note"] is None
    assert found["pairs"][0]["paired"] is False
    assert main(command("train", "--tokens", "2000", "--seeds", "64", "--no-tasks")) == 2
    assert "plan them from the start" in capsys.readouterr().err


def test_the_verdict_says_when_seeds_shared_their_documents(corpora, command, capsys):
    assert main(command("train", "--tokens", "9000", "--seeds", "2", "--no-tasks")) == 0
    found = json.loads((corpora / "out/verdict.json").read_text())
    assert not found["documents"]["apart"]
    assert "same documents" in capsys.readouterr().out
    assert "same documents" in (corpora / "out/report.html").read_text()


def test_two_tasks_of_one_name_are_refused(tmp_path):
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "quiz.jsonl").write_text('{"context": "a", "choices": ["b", "c"], "answer": 0}')
    with pytest.raises(ProbeError, match="'quiz'"):
        prepare.read_tasks([str(tmp_path / f / "quiz.jsonl") for f in ("x", "y")])


@pytest.mark.parametrize(
    ("metric", "mean", "smallest"),
    [
        ("bits per byte", 2.0, 0.01),
        ("mean:abilities bits per byte", 3.0, 0.015),
        ("quiz accuracy", 0.3, 0.01),
        ("quiz accuracy per byte", 0.3, 0.01),
        ("quiz probability", 0.3, 0.005),
    ],
)
def test_the_smallest_difference_that_matters_is_the_stated_one(metric, mean, smallest):
    assert compare.smallest_of(metric, mean) == pytest.approx(smallest)


@pytest.mark.parametrize(("distance", "verdict"), [(0.0095, "no difference shown"), (0.0105, "a is better")])
def test_equal_within_half_a_percent_is_no_difference(distance, verdict):
    """Pairs that differ by nearly the same: the interval is that difference."""
    a = [2.0, 2.1, 2.05]
    b = [x + distance + e for x, e in zip(a, (-1e-4, 0.0, 1e-4), strict=True)]
    found = compare.judge(two([(x, 0.5) for x in a], [(x, 0.5) for x in b]), "bits per byte", shared={("a", "b"): 1.0})
    pair = found["pairs"][0]
    assert pair["smallest"] == pytest.approx(0.005 * pair["mean"])
    if verdict == "no difference shown":  # below it the test may still show which is better
        assert max(map(abs, pair["interval"])) < pair["smallest"]
        assert compare._verdict({**pair, "p_corrected": 1.0}, "bits per byte") == verdict
    else:
        assert pair["verdict"] == verdict
        assert "too small" in compare._verdict({**pair, "p_corrected": 1.0}, "bits per byte")


def test_a_look_decides_at_its_own_level():
    """A p between 4 and 5 % shows something to a look that may use 5 %, and nothing to one that may use 4 %."""
    a = [(2.0, 0.5), (2.1, 0.5), (2.2, 0.5)]
    for distance in np.arange(0.15, 0.35, 0.002):
        runs = two(a, [(x + distance, y) for x, y in a])
        pair = compare.judge(runs, "bits per byte")["pairs"][0]
        if 0.042 < pair["p"] < 0.048:
            break
    assert 0.042 < pair["p"] < 0.048
    assert pair["verdict"] == "a is better"
    planned = compare.judge(runs, "bits per byte", alpha=0.04)["pairs"][0]
    assert planned["p"] == pair["p"]
    assert planned["p_corrected"] == pytest.approx(pair["p"] * 1.25)
    assert "better" not in planned["verdict"]
    assert planned["interval"][0] < pair["interval"][0]
