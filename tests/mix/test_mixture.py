import itertools
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import CurateError, RecipeError, UsageError
from curate.mixing import mixture, published, units

SIZES = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 10**12).map(float), min_size=1)


def test_llama_table_as_published() -> None:
    found = mixture.builtin("llama")
    assert dict(found.weights) == {
        "commoncrawl": 0.67,
        "c4": 0.15,
        "github": 0.045,
        "wikipedia": 0.045,
        "books": 0.045,
        "arxiv": 0.025,
        "stackexchange": 0.02,
    }
    assert found.trained_tokens == 1_400_000_000_000
    assert dict(found.epochs)["wikipedia"] == 2.45
    assert "2302.13971" in found.reference


@pytest.mark.parametrize("name", mixture.builtin_names())
def test_every_built_in_mixture_is_settled_and_has_a_source(name: str) -> None:
    found = mixture.builtin(name)
    assert found.reference
    settled = mixture.settle(found, found.weights)
    assert math.isclose(math.fsum(settled.weights.values()), 1)


def test_gpt3_weights_are_scaled_and_the_printed_sum_is_said() -> None:
    value = published.details("gpt3")
    assert value["weights_sum"] == pytest.approx(1.01)
    rows = {row["source"]: row for row in value["sources"]}
    assert rows["commoncrawl"]["weight"] == pytest.approx(0.60 / 1.01)
    assert rows["webtext2"]["epochs"] == pytest.approx(0.22 / 1.01 * 300 / 19)
    assert rows["webtext2"]["printed_epochs"] == 2.9


def test_tokens_that_follow_from_the_llama_table_agree_with_the_reported_sizes() -> None:
    implied = {row["source"]: row["implied_tokens"] for row in published.details("llama")["sources"]}
    for source, reported in mixture.builtin("llama-1.25t").sizes.items():
        assert implied[source] == pytest.approx(reported, rel=0.14)


def test_pile_epochs_follow_from_sizes_and_weights() -> None:
    found = mixture.builtin("pile")
    effective = {name: found.sizes[name] * found.epochs[name] for name in found.weights}
    total = sum(effective.values())
    for name, weight in found.weights.items():
        assert weight == pytest.approx(effective[name] / total, abs=1.2e-4)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("web=0.8,code=0.3", "web=0.7272727273,code=0.2727272727"),
        ("web=0.8,code=0.3", "--normalise"),
        ("web=80,code=20", "percent"),
        ("web=-1,code=2", "negative"),
        ("web=nan,code=1", "not a number"),
        ("web=x", "not a number"),
        ("web=1,web=0", "twice"),
        ("web=0,code=0", "all weights are 0"),
        ("../x=1", "file"),
        ("_hidden=1", "can't name a source"),
        ("web", "no such mixture"),
        ("lama", "llama"),
        ("temperature", "temperature=5"),
        ("temperature=0", "positive"),
        ("uniform=3", "no value"),
        ("web=1", "code has no weight"),
        ("web=0.5,code=0.2,books=0.3", "books"),
        ("web=0.5,code=0.2,books=0.3", "--drop-missing"),
    ],
)
def test_wrong_weights_say_what_and_how_to_mend_it(text: str, part: str) -> None:
    with pytest.raises(CurateError) as error:
        mixture.settle(mixture.load(text), ["web", "code"])
    assert part in str(error.value) or (part == "file" and ("toml" in str(error.value) or "name" in str(error.value)))


def test_the_offered_weights_are_accepted() -> None:
    with pytest.raises(RecipeError) as error:
        mixture.settle(mixture.load("web=0.7,code=0.7,books=0.7"), ["web", "code", "books"])
    offered = str(error.value).rpartition("--weights ")[2]
    assert mixture.settle(mixture.load(offered), ["web", "code", "books"]).weights["web"] == pytest.approx(
        1 / 3, abs=1e-6
    )


def test_normalise_and_drop_missing() -> None:
    stated = mixture.load("web=3,code=1,books=4")
    settled = mixture.settle(stated, ["web", "code"], normalise=True, drop=True)
    assert settled.weights == {"web": 0.75, "code": 0.25}


def test_no_sources() -> None:
    with pytest.raises(UsageError, match="--source"):
        mixture.settle(mixture.load("web=1"), [])


def test_toml_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('about = "x"\n[weights]\nweb = 0.25\ncode = 0.75\n')
    found = mixture.load(str(path))
    assert (found.name, found.weights) == ("mine", {"web": 0.25, "code": 0.75})


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("weight = 1", "did you mean 'weights'"),
        ("[weights]\n", "[weights]"),
        ("[weights]\nweb = '1'", "not a number"),
        ("[weights]\nweb = true", "not a number"),
        ("[weights]\nweb = 1\n[sizes]\nwob = 1", "did you mean 'web'"),
        ("normalise = 1\n[weights]\nweb = 1", "true or false"),
        ("unit = 'words'\n[weights]\nweb = 1", "tokens or bytes"),
        ("trained_tokens = 'many'\n[weights]\nweb = 1", "trained_tokens"),
        ("x = ", "TOML"),
    ],
)
def test_wrong_files_name_file_and_key(tmp_path: Path, text: str, part: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(CurateError) as error:
        mixture.load(str(path))
    assert part in str(error.value)
    assert "mine.toml" in str(error.value)


def test_missing_file_is_said() -> None:
    with pytest.raises(RecipeError, match=r"nowhere\.toml"):
        mixture.load("nowhere.toml")


# ---- baselines ----


@given(SIZES, st.floats(0.1, 50))
@settings(deadline=None)
def test_temperature_lies_between_proportional_and_uniform(sizes: dict[str, float], tau: float) -> None:
    weights = mixture.temperature(sizes, tau)
    assert math.isclose(sum(weights.values()), 1, rel_tol=1e-9)
    order = sorted(sizes, key=lambda name: sizes[name])
    for small, large in itertools.pairwise(order):
        assert weights[small] <= weights[large] * (1 + 1e-9)
        ratio = (sizes[large] / sizes[small]) ** (1 / tau)
        assert weights[large] / weights[small] == pytest.approx(ratio, rel=1e-6)


def test_temperature_one_is_proportional_and_large_is_uniform() -> None:
    sizes = {"a": 1.0, "b": 3.0}
    assert mixture.temperature(sizes, 1) == mixture.proportional(sizes) == {"a": 0.25, "b": 0.75}
    assert mixture.temperature(sizes, 1e9)["a"] == pytest.approx(0.5)
    assert mixture.uniform(sizes) == {"a": 0.5, "b": 0.5}


@given(SIZES, st.floats(0.05, 10), st.floats(0.2, 8))
@settings(deadline=None)
def test_unimax_keeps_the_cap_and_is_as_uniform_as_it_can(sizes: dict[str, float], part: float, cap: float) -> None:
    budget = part * sum(sizes.values())
    weights = mixture.unimax(sizes, budget, cap)
    assert math.isclose(sum(weights.values()), 1, rel_tol=1e-9)
    total = min(budget, cap * sum(sizes.values()))
    drawn = {name: weights[name] * total for name in sizes}
    for name in sizes:
        assert drawn[name] <= cap * sizes[name] * (1 + 1e-9)
    free = [drawn[name] for name in sizes if drawn[name] < cap * sizes[name] * (1 - 1e-9)]
    for name in sizes:  # whoever is not at the cap gets the same, and no less than those at the cap
        if free:
            assert drawn[name] <= max(free) * (1 + 1e-6)
    if free:
        assert max(free) == pytest.approx(min(free), rel=1e-6)


def test_unimax_example_worked_by_hand() -> None:
    # Budget 12 for sizes 1, 4, 100 and cap 2: the smallest takes 2 (its cap, less than 12/3), then 10/2 = 5 each.
    weights = mixture.unimax({"a": 1, "b": 4, "c": 100}, 12, 2)
    assert weights == pytest.approx({"a": 2 / 12, "b": 5 / 12, "c": 5 / 12})


# ---- quantities ----


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("2B", 2 * 10**9),
        ("50M", 5 * 10**7),
        ("1.4T", 14 * 10**11),
        ("1e9", 10**9),
        ("10GB", 10**10),
        ("7", 7),
        ("1", 1),
        ("3 k", 3000),
        ("1_000", 1000),
        ("2e+3", 2000),
        ("5g", 5 * 10**9),
        ("6KB", 6000),
        (" 1.5 MB ", 1_500_000),
        ("2.6", 3),
        ("4.6e18", 4_600_000_000_000_000_000),
    ],
)
def test_quantities(text: str, number: int) -> None:
    assert units.parse(text) == number


@pytest.mark.parametrize("text", ["", "many", "-5", "0", "0.9", "4.7e18", "2 KMB", "1e40", "1.2.3B", "B", "nan", "inf"])
def test_wrong_quantities(text: str) -> None:
    with pytest.raises(UsageError, match="--tokens"):
        units.parse(text, "--tokens")


@given(st.floats(1, 1e15))
@settings(deadline=None)
def test_short_numbers_are_right_to_three_digits(value: float) -> None:
    assert units.parse(units.short(round(value))) == pytest.approx(round(value), rel=6e-3)


@pytest.mark.parametrize(
    ("value", "text", "in_bytes"),
    [
        (None, "—", "—"),
        (0, "0", "0 B"),
        (0.5, "0.5", "0.5 B"),
        (789, "789", "789 B"),
        (999, "999", "999 B"),
        (999.4, "999", "999 B"),
        (999.5, "1 K", "1 KB"),
        (1000, "1 K", "1 KB"),
        (999_499, "999 K", "999 KB"),
        (999_500, "1 M", "1 MB"),
        (45_600_000, "45.6 M", "45.6 MB"),
        (1_234_000_000, "1.23 B", "1.23 GB"),
        (-1_234_000_000, "-1.23 B", "-1.23 GB"),
        (7e12, "7 T", "7 TB"),
        (999.4e12, "999 T", "999 TB"),
        (12_345e12, "12345 T", "12345 TB"),
    ],
)
def test_short_numbers(value: float | None, text: str, in_bytes: str) -> None:
    assert units.short(value) == text
    assert units.short_bytes(value) == in_bytes


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (0.67, "67 %"),
        (0.045, "4.5 %"),
        (0.01, "1 %"),
        (0.00012, "0.012 %"),
        (0.12345, "12.35 %"),
        (1, "100 %"),
    ],
)
def test_percent(share: float, text: str) -> None:
    assert units.percent(share) == text


EXTREME = [5e-324, 1e-300, 1e-4, 1e-3, 0.5, 1.0, 1e4, 1e300, 1.7e308]


@pytest.mark.parametrize("number", EXTREME)
@pytest.mark.parametrize(
    "sizes", [{"a": 1.0}, {"a": 1.0, "b": 1e15, "c": 7.0}, {"a": 3.0, "b": 3.0}, {"a": 0.0, "b": 2.0}]
)
def test_every_baseline_takes_every_number_it_allows(sizes: dict[str, float], number: float) -> None:
    made = [
        mixture.proportional(sizes),
        mixture.uniform(sizes),
        mixture.temperature(sizes, number),
        mixture.unimax(sizes, 1e9, max(number, 1e-290)),
        mixture.unimax(sizes, max(1.0, min(number, 1e18)), 4.0),
    ]
    for weights in made:
        assert set(weights) == set(sizes)
        assert all(0 <= weight <= 1 for weight in weights.values())
        assert math.fsum(weights.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    "made", [lambda s: mixture.temperature(s, 2.0), mixture.proportional, lambda s: mixture.unimax(s, 9.0, 4.0)]
)
def test_a_baseline_of_empty_sources_is_one_line(made: object) -> None:
    with pytest.raises(RecipeError, match="empty"):
        made({"a": 0.0, "b": 0.0})  # type: ignore[operator]


def test_a_temperature_near_0_is_the_largest_source() -> None:
    assert mixture.temperature({"a": 10.0, "b": 11.0}, 1e-4) == {"a": 0.0, "b": 1.0}
