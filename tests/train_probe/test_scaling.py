"""Laws of the loss: planted ones are found, intervals hold what they say, orders at several sizes."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from curate.commands.budget import budget
from curate.errors import InputError

pytest.importorskip("torch")

from train_probe import scaling
from train_probe.__main__ import main
from train_probe.scaling import Law, Point, fit, form_of

TRUE = np.array([0.8, 40.0, 60.0, 0.34, 0.3])


def law_points(values, shape, noise=0.0, seeds=3, rng=None):
    """Points of a law: `shape` is (weights, tokens) of each."""
    law = Law("full", np.array(values))
    rng = rng or np.random.Generator(np.random.PCG64(0))
    return [Point(n, d, tuple(law.loss(n, d) * (1 + noise * rng.standard_normal(seeds)))) for n, d in shape]


GRID = [(n, d * n) for n in (1e6, 5e6, 2e7, 8e7) for d in (5, 20, 80)]
RAY = [(n, 20 * n) for n in (1e6, 5e6, 2e7, 8e7)]


def test_a_planted_law_is_found():
    found = fit(law_points(TRUE, GRID))
    assert found.form == "full"
    assert found.values == pytest.approx(TRUE, rel=0.03)
    assert found.loss(1e9, 2e10) == pytest.approx(Law("full", TRUE).loss(1e9, 2e10), rel=1e-3)


def test_the_best_size_is_the_least_loss_of_all_sizes_of_the_same_compute():
    law = Law("full", TRUE)
    n, d = law.best(1e20)
    assert 6 * n * d == pytest.approx(1e20)
    assert law.loss(n, d) == pytest.approx(
        min(law.loss(m, 1e20 / 6 / m) for m in np.geomspace(n / 30, n * 30, 999)), rel=1e-5
    )
    assert Law("compute", np.array([1.0, 5, 0, 0.2, 1])).best(1e20) is None
    assert Law("full", np.array([1.0, 5, 0, 0.2, 0.3])).best(1e20) is None


@pytest.mark.parametrize(
    ("shape", "form"),
    [
        (GRID, "full"),
        ([(1e6, 2e7), (1e6, 8e7), (4e6, 8e7), (4e6, 3e8)], "fixed"),
        (RAY, "compute"),
        (RAY[:3], "compute"),
        (RAY[:2], None),
        ([RAY[0]] * 5, None),
        ([(1e6, d) for d in (1e7, 2e7, 4e7, 8e7)], "compute"),
        ([], None),
    ],
)
def test_no_more_is_fitted_than_the_points_tell_apart(shape, form):
    points = law_points(TRUE, shape)
    assert form_of(points) == form
    assert (fit(points) is None) == (form is None)


@pytest.mark.parametrize(("shape", "form"), [(RAY, "compute"), (GRID, "fixed")])
def test_intervals_hold_the_true_loss_as_often_as_they_say(monkeypatch, shape, form):
    monkeypatch.setattr(scaling, "form_of", lambda points: form)
    monkeypatch.setattr(scaling, "DRAWS", 200)
    alpha, beta = (scaling.ALPHA, scaling.BETA) if form == "fixed" else (scaling.COMPUTE, scaling.COMPUTE)
    true = Law("full", np.array([0.8, 0.0 if form == "compute" else 40.0, 60.0, alpha, beta]))
    if form == "compute":
        true = Law("compute", np.array([0.8, 60.0, 0.0, scaling.COMPUTE, 1.0]))
    rng = np.random.Generator(np.random.PCG64(3))
    held = 0
    for trial in range(200):
        points = [Point(n, d, tuple(true.loss(n, d) * (1 + 0.004 * rng.standard_normal(3)))) for n, d in shape]
        low, high = scaling.interval(fit(points, trial).sampled(2e8, 4e9))
        held += low <= true.loss(2e8, 4e9) <= high
    assert held / 200 >= 0.9


def test_nothing_has_a_negative_part_and_one_seed_without_points_to_spare_has_no_interval():
    rng = np.random.Generator(np.random.PCG64(4))
    for points in (law_points((0.0, 9.0, 0.0, 0.3, 0.3), GRID, 0.05, rng=rng), law_points(TRUE, RAY, 0.3, rng=rng)):
        found = fit(points)
        assert (found.values >= 0).all()
        assert (found.draws >= 0).all()
    lone = [Point(p.weights, p.tokens, p.losses[:1]) for p in law_points(TRUE, RAY[:3])]
    assert len(fit(lone).draws) > 0  # three points, two numbers: what is left over is known
    assert "None" not in scaling.text({**_said([]), "orders": []})


def _said(rows):
    return {"primary": "bits per byte", "sizes": [], "orders": rows, "laws": {}, "ahead": {}}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([(-0.1, "a is better"), (-0.2, "a is better")], "holds"),
        ([(-0.1, "a is better"), (0.2, "b is better")], "turns"),
        (
            [(-0.1, "a is better"), (-0.2, "too small to tell: about 2 more seeds")],
            "decided at 1 of 2 sizes, the sign is the same",
        ),
        ([(-0.1, "no difference shown"), (0.2, "b is better")], "decided at 1 of 2 sizes, the signs differ"),
        ([(-0.1, "a is better")], "one size"),
    ],
)
def test_whether_an_order_holds(rows, said):
    assert said in scaling._holds([{"delta": delta, "verdict": verdict} for delta, verdict in rows])


def test_experiments_are_read_as_they_lie_and_compared_by_name(corpora, command, capsys):
    for tokens in ("1K", "3K", "9K"):
        words = [x if x != str(corpora / "out") else str(corpora / "runs" / tokens) for x in command("train")]
        assert main([*words, "--tokens", tokens, "--seeds", "2", "--no-tasks"]) == 0
    capsys.readouterr()
    assert main(["scale", str(corpora / "runs"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [size["name"] for size in found["sizes"]] == ["1K", "3K", "9K"]
    (pair,) = found["orders"]
    verdict = json.loads((corpora / "runs/3K/verdict.json").read_text())["pairs"][0]
    assert (pair["a"], pair["b"]) == ("web", "books")
    assert pair["sizes"][1]["delta"] == verdict["delta"]
    assert pair["sizes"][1]["interval"] == verdict["interval"]
    assert found["laws"]["web"]["form"] == "compute"  # one size of model: what can be told apart is compute
    point = found["sizes"][2]["mixtures"]["web"]
    assert point["flops"] == pytest.approx(6 * point["weights"] * point["tokens"])
    assert found["ahead"]["flops"] == pytest.approx(
        10 * max(p["flops"] for p in found["sizes"][2]["mixtures"].values())
    )
    low, high = found["ahead"]["pairs"][0]["interval"]
    assert low < found["ahead"]["pairs"][0]["delta"] < high
    assert main(["scale", str(corpora / "runs")]) == 0
    said = capsys.readouterr().out
    assert "web - books: " in said
    assert "E + K / (6 N D)^c" in said
    done = CliRunner().invoke(budget, ["--flops", "1e15", "--fit", str(corpora / "runs"), "--json"])
    fits = json.loads(done.stdout)["fits"]
    assert [one["mixture"] for one in fits] == ["web", "books"]
    for one in fits:
        assert 6 * one["parameters"] * one["tokens"] == pytest.approx(1e15)
        assert one["tokens"] / one["parameters"] == pytest.approx(point["tokens"] / point["weights"])
        assert one["interval"][0] < one["loss"] < one["interval"][1]
    done = CliRunner().invoke(budget, ["--flops", "1e15", "--fit", str(corpora / "runs"), "--unique-tokens", "1M"])
    assert "fit of web" in done.stdout
    done = CliRunner().invoke(budget, ["--flops", "1e15", "--fit", str(corpora / "web")])
    assert isinstance(done.exception, InputError)
    done = CliRunner().invoke(budget, ["--flops", "1e15", "--fit", str(corpora / "runs/1K")])
    assert "too few runs" in str(done.exception)
    turned = json.loads((corpora / "runs/9K/verdict.json").read_text())  # mixtures named in the other order
    pair = turned["pairs"][0]
    pair |= {"a": pair["b"], "b": pair["a"], "delta": -pair["delta"], "interval": [-x for x in pair["interval"][::-1]]}
    (corpora / "runs/9K/verdict.json").write_text(json.dumps(turned))
    assert main(["scale", str(corpora / "runs"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["orders"] == found["orders"]


def test_what_can_not_be_compared_is_refused(corpora, command, capsys):
    assert main(command("train", "--tokens", "1K", "--seeds", "1", "--no-tasks")) == 0
    other = [x if x != str(corpora / "out") else str(corpora / "two") for x in command("train")]
    assert main([*other, "--tokens", "1K", "--seeds", "1", "--no-tasks", "--held-out-bytes", "500"]) == 0
    capsys.readouterr()
    for words, said in (
        ([str(corpora / "out"), str(corpora / "two")], "different held-out text"),
        ([str(corpora / "web")], "no experiment here"),
        ([str(corpora / "gone")], "no experiment here"),
    ):
        assert main(["scale", *words]) == 2
        assert said in capsys.readouterr().err
    for content, said in ((b"[]", "damaged"), (b'{"pairs": 3}', "damaged"), (b"\xff", "damaged")):
        (corpora / "out/verdict.json").write_bytes(content)
        assert main(["scale", str(corpora / "out")]) == 2
        assert said in capsys.readouterr().err
    (corpora / "out/verdict.json").unlink()
    assert main(["scale", str(corpora / "out")]) == 2
    assert "no verdict yet" in capsys.readouterr().err
