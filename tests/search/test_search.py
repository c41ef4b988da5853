"""From runs to an answer: a planted optimum is found, no difference is not decided, and the files fit together."""

import json
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from curate.commands.mix import mix
from curate.commands.mix_search import compared
from curate.errors import InputError, OutputError, UsageError
from curate.mixing import mixture
from curate.search import choose, command, design, fit, result, sound, surface, tables
from curate.search.laws import Forest, Law
from curate.search.surface import Surface

OPTIMUM = np.array([0.5, 0.3, 0.2])


def losses_of(weights: np.ndarray, noise: float, seed: int = 0) -> np.ndarray:
    """Two losses whose mean has its minimum near OPTIMUM: -sum of p log w."""
    rng = np.random.default_rng(seed)
    logs = np.log(weights + 0.003)
    planted = np.stack([3 - 2 * OPTIMUM[0] * logs[:, 0], 3 - 2 * (logs[:, 1:] * OPTIMUM[1:]).sum(1)], 1)
    return planted + noise * rng.standard_normal(planted.shape)


def runs(count: int = 16, noise: float = 0.003, effect: float = 1.0) -> tables.Runs:
    weights = design.mixtures(np.full(3, 1 / 3), np.ones(3), count, 0)
    losses = 3 + effect * (losses_of(weights, 0.0) - 3) + noise * np.random.default_rng(1).standard_normal((count, 2))
    names = tuple(str(i) for i in range(count))
    return tables.Runs(("web", "code", "books"), ("a", "b"), weights, losses, names)


def test_a_planted_optimum_is_in_the_region_and_near_the_best() -> None:
    found = result.search(runs(), prior=np.array([0.2, 0.2, 0.6]))
    assert found["decided"]
    assert found["form"] == "surface"
    for one, planted in zip(found["sources"], OPTIMUM, strict=True):
        assert abs(one["best"] - planted) < 0.1
        assert one["low"] - 0.03 <= planted <= one["high"] + 0.03
    true = [losses_of(np.array([w]), 0.0).mean() for w in ([0.2, 0.2, 0.6], [s["best"] for s in found["sources"]])]
    assert found["gain"]["low"] <= true[0] - true[1] <= found["gain"]["high"]


def test_noise_alone_is_not_decided() -> None:
    decided = [result.search(runs(effect=0.0, noise=0.01), seed=seed)["decided"] for seed in range(2)]
    assert decided == [False, False]


def test_a_search_is_the_same_twice() -> None:
    assert json.dumps(result.search(runs(), seed=3)) == json.dumps(result.search(runs(), seed=3))


@pytest.mark.parametrize("form", [Surface, Law, Forest])
def test_each_form_predicts_and_draws(form: type) -> None:
    some = runs(24)
    model = form(some.weights, some.losses)
    new = design.mixtures(np.full(3, 1 / 3), np.ones(3), 40, 5)
    true = losses_of(new, 0.0).mean(1)
    assert fit.rank_correlation(model.mean(new).mean(1), true) > 0.6
    draws = model.draws(new, 60, 0)
    assert draws.shape == (60, 40, 2)
    assert np.isfinite(draws).all()
    assert (draws == model.draws(new, 60, 0)).all()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_loss_that_ends_above_0_is_fitted_above_its_bottom(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Of a planted law with a bottom, half of the lowest loss and more, the logarithm alone is no such surface."""

    def planted(weights: np.ndarray) -> np.ndarray:
        return 2 + 0.5 * (weights + 0.01) ** -0.4

    rng = np.random.default_rng(seed)
    weights, others = rng.dirichlet(np.full(4, 0.5), 40), rng.dirichlet(np.full(4, 0.5), 200)
    losses = planted(weights) * np.exp(0.003 * rng.standard_normal(weights.shape))
    errors = []
    for bottoms in (surface.BOTTOMS, (0.0,)):
        monkeypatch.setattr(surface, "BOTTOMS", bottoms)
        errors.append(float(np.abs(Surface(weights, losses).mean(others) - planted(others)).mean()))
    assert errors[0] < 0.5 * errors[1]
    assert errors[0] < 0.01


def test_errors_of_metrics_go_together_as_left_out_errors_do() -> None:
    some = runs(24, noise=0.05)
    twice = some.losses[:, [0, 0]] + 1e-3 * np.random.default_rng(2).standard_normal((24, 2))
    new = design.mixtures(np.full(3, 1 / 3), np.ones(3), 10, 5)
    draws = Surface(some.weights, twice).draws(new, 400, 0)
    middle = draws.mean(0)
    both = [np.corrcoef(draws[:, i, 0] - middle[i, 0], draws[:, i, 1] - middle[i, 1])[0, 1] for i in range(10)]
    assert np.mean(both) > 0.7


def test_an_exponential_law_is_recovered() -> None:
    weights = design.mixtures(np.full(3, 1 / 3), np.ones(3), 20, 0)
    y = 1.5 + np.exp(0.3 + weights @ np.array([-2.0, 0.4, 0.1]))
    new = design.mixtures(np.full(3, 1 / 3), np.ones(3), 30, 9)
    true = 1.5 + np.exp(0.3 + new @ np.array([-2.0, 0.4, 0.1]))
    assert np.abs(Law(weights, y[:, None]).mean(new)[:, 0] - true).max() < 0.05


def test_losses_of_0_and_less_are_fitted_too() -> None:
    some = runs()
    found = Surface(some.weights, some.losses - 10).mean(some.weights)
    assert np.abs(found - some.losses + 10).max() < 0.1


def test_the_credible_set_is_the_smallest() -> None:
    best = np.array([2] * 90 + [0] * 6 + [1] * 4)
    assert choose.credible(best, 3).tolist() == [2, 0]


class Flat:
    """Predicts 3, and believes its errors to have this standard deviation."""

    name = "flat"

    def __init__(self, deviation: float) -> None:
        self.deviation = deviation

    def mean(self, weights: np.ndarray) -> np.ndarray:
        return np.full((len(weights), 2), 3.0)

    def draws(self, weights: np.ndarray, count: int, seed: int, noise: bool = False) -> np.ndarray:
        both = np.random.default_rng(seed).standard_normal((count, len(weights), 1))
        return 3 + self.deviation * np.repeat(both, 2, 2)


@pytest.mark.parametrize(("believed", "factor"), [(0.1, 1.0), (0.05, 2.0), (0.2, 1.0), (0.0, fit.WIDEST)])
def test_a_fit_that_is_too_sure_is_widened_by_its_left_out_errors(believed: float, factor: float) -> None:
    weights = design.mixtures(np.full(3, 1 / 3), np.ones(3), 200, 0)
    losses = np.repeat(3 + 0.1 * np.random.default_rng(3).standard_normal((200, 1)), 2, 1)
    without = [(Flat(believed), np.arange(fold, 200, 5)) for fold in range(5)]
    assert fit.widening(without, weights, losses) == pytest.approx(factor, rel=0.12)


def test_what_is_widened_has_a_larger_region_and_a_wider_gain() -> None:
    some = runs(16, noise=0.02)
    model = Surface(some.weights, some.losses)
    prior, new = np.array([0.2, 0.2, 0.6]), design.mixtures(np.full(3, 1 / 3), np.ones(3), 60, 4)
    once, thrice = (choose.among(model, new, prior, 0.0, widen=factor) for factor in (1.0, 3.0))
    assert once.at == thrice.at
    assert len(thrice.region) > len(once.region)
    assert thrice.gain == once.gain
    assert thrice.gain_high - thrice.gain_low == pytest.approx(3 * (once.gain_high - once.gain_low))


def test_a_search_takes_the_factor(monkeypatch: pytest.MonkeyPatch) -> None:
    gains, regions = {}, {}
    for factor in (1.0, 4.0):
        monkeypatch.setattr(fit, "widening", lambda *_, factor=factor: factor)
        found = result.search(runs())
        gains[factor] = found["gain"]["high"] - found["gain"]["low"]
        regions[factor] = sum(one["high"] - one["low"] for one in found["sources"])
    assert gains[4.0] == pytest.approx(4 * gains[1.0])
    assert regions[4.0] > regions[1.0]


def test_the_factor_is_told(tmp_path: Path) -> None:
    found = result.search(runs())
    assert 1.0 <= found["widened"] < fit.WIDEST
    result.write(found, runs(), str(tmp_path))
    assert f"{found['widened']:.2f} times as wide" in (tmp_path / "report.html").read_text()


def with_rows(some: tables.Runs, weights: np.ndarray, losses: np.ndarray) -> tables.Runs:
    names = (*some.names, *(f"more {i}" for i in range(len(weights))))
    both = np.concatenate([some.weights, weights]), np.concatenate([some.losses, losses])
    return replace(some, weights=both[0], losses=both[1], names=names)


@pytest.mark.parametrize("value", [1e6, 11.0, 0.0, -5.0])
@pytest.mark.parametrize("many", [1, 3])
def test_runs_that_diverged_change_nothing(value: float, many: int) -> None:
    weights = np.array([[0.27, 0.43, 0.3], [0.6, 0.2, 0.2], [0.1, 0.1, 0.8]])[:many]
    told = result.search(with_rows(runs(), weights, np.full((many, 2), value)))
    clean = result.search(runs())
    assert told["sources"] == clean["sources"]
    assert told["gain"] == clean["gain"]
    assert [f"'more {i}'" in line for i, line in enumerate(told["left_out"])] == [True] * many


def test_a_mixture_that_is_far_worse_is_no_broken_run() -> None:
    corner = np.array([[1.0, 0.0, 0.0]])
    some = with_rows(runs(24), corner, losses_of(corner, 0.0))
    assert sound.distances(some.losses).max() > sound.FAR
    assert len(sound.steady(some).names) == 25


def test_many_broken_runs_are_not_decided_and_the_region_is_wide() -> None:
    """A third of the runs is no exception that may be left out."""
    weights = design.mixtures(np.full(3, 1 / 3), np.ones(3), 8, 7)
    wild = np.random.default_rng(0).uniform(10, 1e4, (8, 2))
    found = result.search(with_rows(runs(), weights, wild))
    assert not found["decided"]
    assert found["gain"]["low"] < 0 < found["gain"]["high"]
    assert all(one["high"] - one["low"] > 0.5 for one in found["sources"])
    assert any("no better than" in note for note in found["notes"])


@pytest.mark.parametrize("rounded", [True, False])
def test_mixtures_count_not_runs(rounded: bool) -> None:
    weights = np.repeat(np.eye(3), 6, 0)
    losses = np.repeat([[3.1], [3.0], [3.2]], 6, 0) + (0 if rounded else np.linspace(0, 0.01, 18)[:, None])
    some = tables.Runs(("a", "b", "c"), ("loss",), weights, losses, tuple(map(str, range(18))))
    with pytest.raises(InputError, match="8 different mixtures"):
        result.search(some)


def test_copies_of_runs_count_once_whatever_they_are_called() -> None:
    some = runs()
    found = result.search(with_rows(some, some.weights, some.losses))
    assert found["sources"] == result.search(some)["sources"]
    assert len(found["runs"]) == 16
    assert any("copy" in note for note in found["notes"])


def test_seeds_of_a_mixture_are_left_out_and_drawn_together() -> None:
    weights = np.repeat(design.mixtures(np.full(3, 1 / 3), np.ones(3), 10, 0), 3, 0)
    losses = losses_of(weights, 0.01)
    for form in (Surface, Law, Forest):
        for _, out in fit._tried(form, weights, losses, 0, None).without:
            assert all(np.isin(np.flatnonzero((weights == weights[i]).all(1)), out).all() for i in out)
    assert design.alike(weights).tolist() == np.repeat(np.arange(10), 3).tolist()
    assert sorted(design.rows_of(design.alike(weights), np.array([2, 2, 0]))) == [0, 1, 2, 6, 6, 7, 7, 8, 8]


@pytest.mark.parametrize("effect", [1.0, 0.0])
def test_what_to_use_is_what_the_verdict_says(tmp_path: Path, effect: float) -> None:
    some = runs(effect=effect, noise=0.003 if effect else 0.01)
    (tmp_path / "r.csv").write_text(result.runs_csv(some))
    words = ["--search", "--from", str(tmp_path / "r.csv"), "--output", str(tmp_path / "out")]
    done = CliRunner().invoke(mix, [*words, "--prior", "web=0.2,code=0.2,books=0.6"])
    found = json.loads((tmp_path / "out/search.json").read_text())
    last = done.stderr.splitlines()[-1]
    assert found["decided"] == bool(effect)
    assert ("keep the prior" in found["verdict"]) == last.startswith("keep the prior")
    assert f"--weights {tmp_path}/out/{'best' if effect else 'prior'}.toml" in last
    assert mixture.load(str(tmp_path / "out/prior.toml")).weights == {"web": 0.2, "code": 0.2, "books": 0.6}


@pytest.mark.parametrize(("proposal", "advised"), [(1.0, "use it"), (2.0, "use it"), (3.0, "keep the prior")])
def test_what_training_showed_is_said_and_heeded(proposal: float, advised: str) -> None:
    """A search that had found its proposal worse than the prior advised it."""
    found = result.search(runs(noise=0.003), np.array([0.2, 0.2, 0.6]))
    assert found["decided"]
    assert result.advice(found, "out").startswith("use it")
    found["check"] = compared(
        {"proposal": [proposal, proposal + 0.01], "prior": [2.0, 2.0], "best sampled": [2.0, 2.0]}
    )
    told = result.said(found)
    assert [line.partition(" [")[0] for line in told if line.startswith("trained, 2 seeds: ")] == [
        f"trained, 2 seeds: proposal - {name} {proposal - 1.995:+.4f}" for name in ("prior", "best sampled")
    ]
    assert result.advice(found, "out").startswith(advised)
    alone = compared({"proposal": [3.0], "prior": [2.0]})["said"]
    assert alone == ["trained, 1 seed: proposal - prior +1.0000 (one seed: no interval): not decided"]


@pytest.mark.parametrize("quiet", [True, False])
def test_it_says_what_it_does_before_it_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quiet: bool) -> None:
    monkeypatch.setattr(command, "SECONDS", 0.0)
    (tmp_path / "r.csv").write_text(result.runs_csv(runs()))
    words = ["--search", "--from", str(tmp_path / "r.csv"), *(["--quiet"] if quiet else [])]
    said = CliRunner().invoke(mix, words).stderr
    assert ("surface: left-out runs, 1 of 5" in said) == ("trees: left-out runs, 5 of 5" in said) == (not quiet)


USED = {"search", "tables", "objective", "prior", "among", "penalty", "seed", "output", "quiet", "as_json"}


def test_an_option_that_tables_of_runs_do_not_use_is_refused(tmp_path: Path) -> None:
    """Every one of them, and any that comes later."""
    (tmp_path / "r.csv").write_text(result.runs_csv(runs()))
    for option in mix.params:
        if option.name in USED or not isinstance(option, click.Option):
            continue
        value = (
            option.type.choices[0]
            if isinstance(option.type, click.Choice)
            else {"sources": "a=x"}.get(option.name or "", "1")
        )
        words = [option.opts[0]] if option.is_flag else [option.opts[0], str(value)]
        done = CliRunner().invoke(mix, ["--search", "--from", str(tmp_path / "r.csv"), *words])
        assert isinstance(done.exception, UsageError), option.name
        assert option.opts[0] in str(done.exception) or option.name == "weights"


def test_shares_add_up_in_the_file() -> None:
    shares = choose.shares(["a", "b", "c"], np.full(3, 1 / 3))
    assert sum(round(x * 1e6) for x in shares.values()) == 1_000_000


def test_too_few_or_equal_runs_are_refused() -> None:
    some = runs(16)
    few = tables.Runs(some.sources, some.metrics, some.weights[:5], some.losses[:5], some.names[:5])
    with pytest.raises(InputError, match="too few"):
        result.search(few)
    flat = tables.Runs(some.sources, some.metrics, some.weights, np.ones((16, 2)), some.names)
    with pytest.raises(InputError, match="same loss"):
        result.search(flat)


def test_the_command_writes_what_mix_reads(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(result.runs_csv(runs()))
    again = tables.read([str(tmp_path / "r.csv")])
    assert np.allclose(again.weights, runs().weights)
    words = ["--search", "--from", str(tmp_path / "r.csv"), "--output", str(tmp_path / "out"), "--prior"]
    done = CliRunner().invoke(mix, [*words, "web=0.2,code=0.2,books=0.6"])
    assert done.exit_code == 0, done.exception
    stated = mixture.load(str(tmp_path / "out" / "best.toml"))
    assert set(mixture.settle(stated, ["web", "code", "books"]).weights) == {"web", "code", "books"}
    assert json.loads((tmp_path / "out" / "search.json").read_text())["decided"]
    again_done = CliRunner().invoke(mix, [*words, "web=1"])
    assert isinstance(again_done.exception, OutputError)


def test_among_given_mixtures(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(result.runs_csv(runs()))
    (tmp_path / "c.csv").write_text("name,books,web,code\nx,0.2,0.5,0.3\ny,0.9,0.05,0.05\nz,0,0,1\n")
    words = ["--search", "--from", str(tmp_path / "r.csv"), "--among", str(tmp_path / "c.csv"), "--json"]
    done = CliRunner().invoke(mix, words)
    assert done.exit_code == 0, done.exception
    found = json.loads(done.stdout)
    assert found["best_mixture"] == "x"
    assert found["region"] == ["x"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--from", "x.csv"], "needs --search"),
        (["--weights", "web=1", "--runs", "9"], "--runs needs --search"),
        (["--weights", "web=1", "--compile"], "--compile needs --search"),
        (["--search", "--weights", "web=1"], "looks for weights"),
        ([], "--weights"),
    ],
)
def test_options_that_do_not_go_together(words: list[str], said: str) -> None:
    done = CliRunner().invoke(mix, words)
    assert isinstance(done.exception, UsageError)
    assert said in str(done.exception)


def test_the_page_escapes_names_and_has_no_script() -> None:
    some = runs()
    evil = tables.Runs(some.sources, ("<script>alert(1)</script>", "b"), some.weights, some.losses, some.names)
    found = result.search(evil)
    found["runs"][0]["run"] = '"><img src=x onerror=alert(1)>'
    from curate.search.page import page

    shown = page(found)
    assert "<script" not in shown
    assert "<img" not in shown
    assert "default-src 'none'" in shown
    assert "width=device-width" in shown
