"""Suites of tasks, and which figure decides: stated before the training, and kept."""

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from train_probe import compare, suite, tables, tasks  # noqa: E402
from train_probe.__main__ import main  # noqa: E402
from train_probe.errors import ProbeError  # noqa: E402
from train_probe.evaluate import Scores  # noqa: E402

QUESTION = '{"context": "the", "choices": [" cat", " mat"], "answer": 0}\n'
OURS = """name = "ours"
about = "Two."
score = "bits per byte"
needs = "a shop"

[[task]]
file = "a/q.jsonl"

[[task]]
use = "bundled:facts.jsonl"
"""


def scored(values, task, chance=None):
    return Scores(np.array(values, dtype=float), np.ones(len(values)), [f"{task}, level 1"] * len(values), chance)


def test_every_task_of_a_suite_counts_the_same():
    scores = {"a probability": scored([1, 0, 0, 0], "a", 0.5), "b probability": scored([1, 1], "b", 0.25)}
    scores["a bits per byte"] = scored([8], "a")
    (found,) = suite.means(scores, {"s": ["a", "b"]}).items()
    assert found[0] == "mean:s probability"
    assert found[1].mean == pytest.approx((0.25 + 1.0) / 2)
    assert found[1].chance == pytest.approx(0.375)
    assert found[1].by_group() == pytest.approx({"a": 0.25, "b": 1.0})
    assert suite.means(scores, {"s": ["a", "c"]}) == {}


def test_a_mean_at_chance_is_known_whatever_the_sizes_of_its_tasks():
    rng = np.random.Generator(np.random.PCG64(0))
    for mean, at_chance in ((0.5, True), (0.62, False)):
        parts = {f"{t} accuracy": scored(rng.random(n) < mean, t, 0.5) for t, n in (("a", 40), ("b", 700))}
        assert suite.means(parts, {"s": ["a", "b"]})["mean:s accuracy"].at_chance() == at_chance


@pytest.mark.parametrize("name", suite.bundled())
def test_suites_of_the_package_are_whole_and_say_what_they_need(tmp_path, name):
    recipe = Path(suite.__file__).parent.joinpath("suites", f"{name}.toml")
    given = [entry["file"] for entry in suite.tomllib.loads(recipe.read_text())["task"] if "file" in entry]
    if given:
        with pytest.raises(ProbeError, match=r"--task-files.*pip download"):
            suite.load(name)
    for file in given:
        path = tmp_path / file.removesuffix(".gz")  # unpacked is as good
        path.parent.mkdir(parents=True)
        path.write_text(QUESTION)
    found = suite.load(name, tmp_path)
    assert len({tasks.name_of(file) for file in found.files}) == len(found.files) >= 2
    assert all(tasks.read(file).questions for file in found.files if "code" not in file)
    assert found.name == name
    assert found.score in suite.SCORES.values()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = 1", "a suite has a name"),
        ('name = "x"', r"\[\[task\]\]"),
        ('name = "x:y"\n[[task]]\nuse = "bundled:facts.jsonl"', "colon"),
        ('name = "x"\nscores = "bpb"\n[[task]]\nuse = "bundled:facts.jsonl"', "'scores'"),
        ('name = "x"\nscore = "bpb"\n[[task]]\nuse = "bundled:facts.jsonl"', "bits per byte"),
        ('name = "x"\n[[task]]\nurl = "y"', "url"),
        ('name = "x"\n[[task]]\nfile = 3', "text"),
        ("name = ", "can't be read"),
        ("\udcff", "can't be read"),
    ],
)
def test_a_recipe_that_is_not_sound_is_an_error_with_its_name(tmp_path, text, said):
    (tmp_path / "s.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ProbeError, match=said) as caught:
        suite.load(str(tmp_path / "s.toml"))
    assert "s.toml" in str(caught.value)


def test_what_decides_is_named(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "q.jsonl").write_text(QUESTION)
    (tmp_path / "s.toml").write_text(OURS)
    path = str(tmp_path / "s.toml")

    def asked(primary, given=(), no_tasks=False, folder=None):
        return suite.ask(primary, list(given), no_tasks, folder)

    assert asked("bpb").primary == "bits per byte"
    assert asked("facts").primary == "facts bits per byte"
    assert asked("facts:probability").primary == "facts probability"
    assert asked("facts accuracy per byte").primary == "facts accuracy per byte"
    assert asked("mean:abilities:accuracy").primary == "mean:abilities accuracy"
    assert asked(f"mean:{path}").primary == "mean:ours bits per byte"
    found = asked(f"mean:{path}:probability", ["x/own.jsonl"])
    assert found.primary == "mean:ours probability"
    assert found.tasks == ["x/own.jsonl", str(tmp_path / "a" / "q.jsonl"), "bundled:facts.jsonl"]
    assert found.suites == {"given": ["own"], "ours": ["q", "facts"]}
    assert asked("mean:given", ["x/own.jsonl"]).primary == "mean:given bits per byte"
    again = asked(f"mean:{path}", [str(tmp_path / "a" / "q.jsonl"), "bundled:facts.jsonl"])
    assert again.suites == {"ours": ["q", "facts"]}  # the same tasks under two names would be two lines of one figure
    assert asked("bpb", no_tasks=True) == suite.Asked([], {}, "bits per byte")
    for bad, said in (("fact", "known: bpb, agreement"), ("mean:x", "no suite 'x'"), ("facts:f1", "facts")):
        with pytest.raises(ProbeError, match=said):
            asked(bad)
    with pytest.raises(ProbeError, match="--no-tasks"):
        asked("mean:abilities", no_tasks=True)
    (tmp_path / "a" / "q.jsonl").unlink()
    with pytest.raises(ProbeError, match=r"a/q.jsonl.*a shop"):
        asked(f"mean:{path}")


def seeds(bits, probability):
    """Runs of one mixture: a value for each seed; the items around them are the same in all."""
    around = np.linspace(-0.02, 0.02, 50)
    ones = np.ones(50)
    return {
        seed: {
            "scores": {
                "bits per byte": Scores(np.full(50, b) + around, ones, ["s"] * 50).to_dict(),
                "q probability": Scores(np.full(50, p) + around, ones, ["q"] * 50, 0.25).to_dict(),
            }
        }
        for seed, (b, p) in enumerate(zip(bits, probability, strict=True))
    }


def test_tasks_decide_and_what_held_out_text_says_stands_beside_it():
    runs = {"a": seeds([2.30, 2.31, 2.29], [0.4, 0.41, 0.405]), "b": seeds([2.0, 2.01, 1.99], [0.3, 0.31, 0.305])}
    runs = compare.with_means(runs, {"s": ["q"]})
    found = compare.judge(runs, "mean:s probability", alpha=0.04)
    compare._contradicted(found)
    (pair,) = found["pairs"]
    assert pair["verdict"] == "a is better"
    assert pair["smallest"] == 0.005
    assert "bits per byte says the opposite: +0.3000" in pair["caveat"]
    (beside,) = found["others"]["bits per byte"]
    assert beside["smallest"] == pytest.approx(0.005 * beside["mean"])
    assert {"delta", "interval", "p_corrected", "power", "detectable", "more"} <= set(beside)
    text = tables.text(found)
    assert "beside it bits per byte, which decides nothing" in text
    assert f"power {beside['power']:.2f} for {beside['smallest']:.4f}" in text
    assert "of the held-out text" not in text.splitlines()[0]
    assert compare.judge(runs, "bits per byte")["second"] == "mean:s probability"


def test_p_values_beside_the_primary_are_corrected_for_their_family():
    runs = {n: seeds([2.0 + d, 2.05 + d, 1.95 + d], [0.3, 0.31, 0.29]) for n, d in (("a", 0.0), ("b", 0.1), ("c", 0.2))}
    runs = compare.with_means(runs, {"s": ["q"]})
    found = compare.judge(runs, "q probability")
    pairs, beside, others = found["pairs"], found["others"]["bits per byte"], found["others"]["mean:s probability"]
    for family, mine in ((pairs, pairs), (pairs + beside, beside), (pairs + beside + others, others)):
        corrected = compare.holm([p["p"] for p in family])[-len(mine) :]
        assert [p["p_corrected"] for p in mine] == pytest.approx(corrected)


@pytest.mark.parametrize(
    ("metric", "mean", "smallest"),
    [
        ("bits per byte", 2.0, 0.01),
        ("q bits per byte", 4.0, 0.02),
        ("mean:s probability", 0.26, 0.005),
        ("q accuracy per byte", 0.26, 0.01),
    ],
)
def test_the_smallest_difference_that_matters_is_of_the_kind_of_score(metric, mean, smallest):
    assert compare.smallest_of(metric, mean) == pytest.approx(smallest)


def test_what_was_stated_stays_and_another_figure_is_no_verdict(corpora, command, capsys):
    (corpora / "q.jsonl").write_text(QUESTION + QUESTION.replace("the", "a"))
    words = command("train", "--tokens", "1K", "--seeds", "2", "--tasks", str(corpora / "q.jsonl"))
    out = corpora / "out"
    assert main([*words, "--primary", "mean:given:probability"]) == 0
    assert json.loads((out / "experiment.json").read_text())["request"]["primary"] == "mean:given probability"
    before = {name: (out / name).read_bytes() for name in ("verdict.json", "looks.json", "report.html")}
    assert json.loads(before["verdict.json"])["primary"] == "mean:given probability"
    capsys.readouterr()
    assert main([*words, "--primary", "bpb"]) == 2
    assert "different: primary" in capsys.readouterr().err
    assert main(["compare", str(out), "--primary", "bpb"]) == 0
    said = capsys.readouterr().out
    assert "bits per byte was not stated before the training (mean:given probability was)" in said
    assert "no verdict" in said
    assert {name: (out / name).read_bytes() for name in before} == before
    assert main(["compare", str(out), "--primary", "mean:given"]) == 0  # the stated one, by the score that was stated
    assert "no verdict" not in capsys.readouterr().out
    assert main(["compare", str(out), "--primary", "nonsense"]) == 2
    assert "known: bpb, q" in capsys.readouterr().err
    assert main(command("train", "--tokens", "1K", "--seeds", "2")) == 0  # nothing stated anew: what was stated stays
    assert json.loads((out / "verdict.json").read_text())["primary"] == "mean:given probability"


def test_other_questions_are_prepared_before_the_training_and_refused_after(corpora, command, capsys):
    words, quiz = command("train", "--tokens", "1K", "--seeds", "1"), ("--tasks", "bundled:knowledge.jsonl")
    for more, there in (("--no-tasks",), False), (quiz, True), (("--no-tasks",), False):
        assert main([*words, "--only", "prepare", *more]) == 0
        assert (corpora / "out/data/tasks/knowledge.json").exists() == there
    assert main([*words, "--no-tasks"]) == 0
    capsys.readouterr()
    assert main([*words, *quiz]) == 2
    assert "different: suites, tasks" in capsys.readouterr().err
