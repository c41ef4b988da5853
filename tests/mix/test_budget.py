import json
import math

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


def test_verdicts() -> None:
    assert budget.supply(10, 5).verdict.startswith("enough")
    assert "nearly as good" in budget.supply(10, 30).verdict
    assert budget.supply(10, 100).verdict.startswith("too little")


@pytest.mark.parametrize(
    ("run", "part"),
    [
        (lambda: budget.answers(-1), "--flops"),
        (lambda: budget.answers(math.inf), "--flops"),
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
