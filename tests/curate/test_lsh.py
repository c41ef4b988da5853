"""Banding by what the S-curve says, in closed form."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.dedup import lsh

BANDS, ROWS = st.integers(1, 40), st.integers(1, 12)


@given(st.floats(0, 1), BANDS, ROWS)
def test_a_pair_is_found_unless_every_band_misses_it(jaccard, bands, rows):
    missed = 1.0
    for _ in range(bands):
        missed *= 1 - jaccard**rows
    assert float(lsh.probability(jaccard, bands, rows)) == pytest.approx(1 - missed, abs=1e-12)


def test_probabilities_of_many_at_once():
    many = lsh.probability(np.array([0.0, 0.5, 1.0]), 2, 1)
    assert many.tolist() == [0.0, 0.75, 1.0]


@given(st.floats(0, 1), st.integers(1, 12))
def test_areas_are_those_of_the_integrals(threshold, rows):
    """One band: under j^r up to t lies t^(r+1) / (r+1), over it from t on what is left."""
    below, above = lsh.areas(threshold, 1, rows)
    at = threshold ** (rows + 1) / (rows + 1)
    assert below == pytest.approx(at, abs=1e-5)
    assert above == pytest.approx(1 - threshold - (1 / (rows + 1) - at), abs=1e-5)


def test_what_a_person_wants_to_know():
    """Two bands of one row: 2 j - j^2, whose integral is j^2 - j^3 / 3."""
    told = lsh.expected(0.5, 2, 1)
    under = 0.25 - 0.125 / 3
    assert told == {
        "false_positive_rate": pytest.approx(under / 0.5, abs=1e-4),
        "false_negative_rate": pytest.approx((0.5 - (2 / 3 - under)) / 0.5, abs=1e-4),
        "found_at_threshold": 0.75,
        "half_at": pytest.approx(1 - 0.5**0.5, abs=1e-4),
    }
    assert all(value == round(value, 4) for value in told.values())


@pytest.mark.parametrize(("threshold", "positive", "negative"), [(0.0, 0.0, 0.5), (1.0, 0.5, 0.0)])
def test_a_threshold_at_either_end_has_one_kind_of_errors(threshold, positive, negative):
    told = lsh.expected(threshold, 1, 1)
    assert (told["false_positive_rate"], told["false_negative_rate"]) == (positive, negative)
    assert told["found_at_threshold"] == threshold
    assert told["half_at"] == 0.5


@given(BANDS, ROWS)
def test_half_of_the_pairs_are_found_at_half(bands, rows):
    at = lsh.expected(0.8, bands, rows)["half_at"]
    assert float(lsh.probability(at, bands, rows)) == pytest.approx(0.5, abs=0.005 * bands)


@pytest.mark.parametrize(("threshold", "permutations", "chosen"), [(0.8, 128, (9, 13)), (0.5, 128, (25, 5)), (0.9, 16, (1, 15)), (0.0, 8, (8, 1))])  # fmt: skip
def test_the_balanced_choice_has_the_smallest_areas(threshold, permutations, chosen):
    assert lsh.balanced(threshold, permutations) == chosen
    every = [(b, r) for b, r in itertools.product(range(1, permutations + 1), repeat=2) if b * r <= permutations]
    least = sum(lsh.areas(threshold, *chosen))
    assert all(least <= sum(lsh.areas(threshold, b, r)) for b, r in every if r < 20)


@given(st.floats(0.3, 1), st.integers(1, 200), st.floats(0.5, 0.99))
def test_the_searching_choice_is_the_most_selective_that_finds_enough(threshold, permutations, recall):
    bands, rows = lsh.searching(threshold, permutations, recall)
    enough = [
        r for r in range(1, permutations + 1) if float(lsh.probability(threshold, permutations // r, r)) >= recall
    ]
    assert rows == max(enough, default=1)
    assert bands == permutations // rows


def test_recall_is_95_percent_where_nothing_is_said_and_the_ends_have_choices():
    assert lsh.searching(0.8, 128) == lsh.searching(0.8, 128, 0.95) == (18, 7)
    assert lsh.searching(0.8, 128, 0.999) == (25, 5)
    assert lsh.searching(1.0, 7) == (1, 7)
    assert lsh.searching(0.0, 7) == (7, 1)  # nothing finds it: all bands there are
    assert lsh.searching(0.95, 1) == (1, 1)
