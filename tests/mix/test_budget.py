import json
import math
from collections.abc import Callable

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.commands.budget import budget as command
from curate.errors import UsageError
from curate.mixing import budget


def test_chinchilla_itself() -> None:
    # 70 B parameters on 1.4 T tokens.
    rule = budget.answers(budget.flops_of(70e9, 1.4e12))[0]
    assert (rule.parameters, rule.tokens) == pytest.approx((70e9, 1.4e12))


def test_chinchilla_beats_gopher_at_the_same_compute() -> None:
    assert budget.BESIROGLU.loss(70e9, 1.4e12) < budget.BESIROGLU.loss(280e9, 0.3e12)


@given(st.floats(1e17, 1e26))
@settings(deadline=None)
def test_answers_use_the_whole_budget_and_fits_are_optimal(flops: float) -> None:
    for one in budget.answers(flops):
        assert budget.flops_of(one.parameters, one.tokens) == pytest.approx(flops)
    for law in (budget.HOFFMANN, budget.BESIROGLU):
        parameters, tokens = law.best(flops)
        for change in (0.9, 1.1):
            assert law.loss(parameters * change, tokens / change) > law.loss(parameters, tokens)


@given(st.floats(1e17, 1e24))
@settings(deadline=None)
def test_four_times_the_compute_doubles_both(flops: float) -> None:
    small, large = budget.answers(flops)[0], budget.answers(4 * flops)[0]
    assert large.parameters / small.parameters == pytest.approx(2)
    assert large.tokens / small.tokens == pytest.approx(2)


def test_wall_clock() -> None:
    assert budget.seconds(989.4e12 * 0.4 * 8 * 3600, "h100", 8, 0.4) == pytest.approx(3600)


@given(st.floats(1e6, 1e12), st.floats(0.1, 100))
@settings(deadline=None)
def test_repeats_are_worth_less_than_new_tokens_and_more_than_none(unique: float, epochs: float) -> None:
    found = budget.supply(unique, unique * epochs)
    assert found.worth <= found.wanted * (1 + 1e-9)
    assert found.worth >= min(unique, found.wanted) * (1 - 1e-9)
    if epochs <= 4:
        assert found.worth >= 0.93 * found.wanted
    assert found.worth <= unique * (1 + budget.HALF_LIFE)


@pytest.mark.parametrize(
    ("wanted", "verdict"),
    [
        (5, "enough: 0.50 epochs"),
        (10, "enough: 1.00 epochs"),
        (11, "1.10 epochs: up to about 4 repeats are nearly as good as new data"),
        (40, "4.00 epochs: up to about 4 repeats are nearly as good as new data"),
        (41, "too little: 4.1 epochs, worth 93% of as much new data"),
        (1000, "too little: 100.0 epochs, worth 16% of as much new data"),
    ],
)
def test_verdicts(wanted: float, verdict: str) -> None:
    assert budget.supply(10, wanted).verdict == verdict


def test_what_repeats_are_worth_at_most_and_after_their_half_life() -> None:
    """R* = 15.39 (Muennighoff et al. 2023): of so many repeats all but 1/e of what they can give is there; more than 1 + R* there never is."""
    unique, most = 1e9, 15.39
    assert budget.supply(unique, unique * (1 + most)).worth == pytest.approx(unique * (1 + most * (1 - 1 / math.e)))
    assert budget.supply(unique, unique * 1e6).worth == pytest.approx(unique * (1 + most))
    assert budget.supply(unique, unique / 2).worth == unique / 2


@pytest.mark.parametrize("law", [budget.HOFFMANN, budget.BESIROGLU])
def test_a_law_falls_to_its_least_loss_by_its_exponents(law: budget.Law) -> None:
    """E + A / N^alpha + B / D^beta: with all data and parameters E is left, and each doubling takes the same share of a term."""
    assert law.loss(1e300, 1e300) == pytest.approx(law.e)
    for size in (1e6, 1e9):
        assert (law.loss(size, 1e300) - law.e) * size**law.alpha == pytest.approx(law.a)
        assert (law.loss(1e300, size) - law.e) * size**law.beta == pytest.approx(law.b)
    flops = 5.76e23  # Gopher's
    parameters, tokens = law.best(flops)
    slope_of_parameters = law.alpha * law.a / parameters**law.alpha
    slope_of_tokens = law.beta * law.b / tokens**law.beta
    assert slope_of_parameters == pytest.approx(slope_of_tokens)  # the optimum: both fall alike


def test_the_re_estimated_law_agrees_with_the_rule_and_the_printed_one_asks_for_more_data() -> None:
    """Besiroglu et al. 2024: about 20 tokens a parameter at Chinchilla's budget; the rounded constants of the paper ask for some 70."""
    parameters, tokens = budget.BESIROGLU.best(budget.flops_of(70e9, 1.4e12))
    assert 15 < tokens / parameters < 25
    parameters, tokens = budget.HOFFMANN.best(budget.flops_of(70e9, 1.4e12))
    assert 60 < tokens / parameters < 120


def test_answers_are_named_and_compared_by_one_law() -> None:
    found = budget.answers(1e21)
    assert [one.rule for one in found] == [
        "20 tokens a parameter",
        "Hoffmann et al. 2022, approach 3",
        "Besiroglu et al. 2024, re-estimate",
    ]
    assert all(one.loss == budget.BESIROGLU.loss(one.parameters, one.tokens) for one in found)
    assert found[2].loss == min(one.loss for one in found)
    assert {one.flops for one in found} == {1e21}


@pytest.mark.parametrize(
    ("run", "value"),
    [
        (lambda: budget.seconds(312e12, "A100", 1, 1), 1),  # all of the peak is allowed, and any case
        (lambda: budget.seconds(312e12, "a100", 2, 0.25), 2),
        (lambda: budget.answers(1e-3)[0].flops, 1e-3),
    ],
)
def test_limits_are_allowed(run: Callable[[], float], value: float) -> None:
    assert run() == pytest.approx(value)


@pytest.mark.parametrize(
    ("run", "part"),
    [
        (lambda: budget.answers(-1), "--flops"),
        (lambda: budget.answers(0), "--flops"),
        (lambda: budget.answers(math.inf), "--flops"),
        (lambda: budget.answers(math.nan), "--flops"),
        (lambda: budget.seconds(1, "h100", 1, 0), "--mfu"),
        (lambda: budget.peak("h10"), "h100"),
        (lambda: budget.seconds(1, "h100", 1, 1.5), "--mfu"),
        (lambda: budget.seconds(1, "h100", 0, 0.5), "--gpus"),
        (lambda: budget.supply(0, 1), "at least one token"),
    ],
)
def test_errors(run: "pytest.FixtureRequest", part: str) -> None:
    with pytest.raises(UsageError, match=part):
        run()  # type: ignore[operator]


def test_command() -> None:
    done = CliRunner().invoke(command, ["--flops", "1e20", "--unique-tokens", "3B", "--json"])
    assert done.exit_code == 0
    value = json.loads(done.stdout)
    assert value["answers"][0]["parameters"] == pytest.approx(913e6, rel=1e-3)
    assert value["answers"][0]["supply"]["epochs"] == pytest.approx(6.09, rel=1e-2)
    assert value["seconds"] == pytest.approx(1e20 / (989.4e12 * 0.4))
    hours = CliRunner().invoke(command, ["--hours", str(value["seconds"] / 3600), "--json"])
    assert json.loads(hours.stdout)["flops"] == pytest.approx(1e20)
    assert isinstance(CliRunner().invoke(command, []).exception, UsageError)
    assert isinstance(CliRunner().invoke(command, ["--flops", "1", "--hours", "2"]).exception, UsageError)
