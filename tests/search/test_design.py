"""Designs: on the simplex, within the caps, the same each time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import UsageError
from curate.search import design

shares = st.lists(st.floats(0, 1), min_size=2, max_size=12).filter(lambda x: sum(x) > 0.01)


@settings(max_examples=60, deadline=None)
@given(shares, st.lists(st.floats(0.01, 1), min_size=12, max_size=12), st.integers(0, 5))
def test_mixtures_add_up_to_1_within_their_caps(prior: list[float], limits: list[float], seed: int) -> None:
    weights = np.array(prior) / sum(prior)
    caps = np.array(limits[: len(prior)])
    if caps.sum() < 1:
        caps = np.minimum(1.0, caps / caps.sum() * 1.0001)
    found = design.mixtures(weights, caps, 2 * len(prior) + 1, seed)
    assert found.shape == (2 * len(prior) + 1, len(prior))
    assert np.allclose(found.sum(1), 1, atol=1e-9)
    assert (found >= 0).all()
    assert (found <= caps + 1e-9).all()


def test_the_prior_is_first_and_a_longer_design_begins_with_the_shorter() -> None:
    prior, caps = np.array([0.6, 0.3, 0.1]), np.ones(3)
    short, long = (design.mixtures(prior, caps, count, 0) for count in (7, 11))
    assert np.allclose(short[0], prior)
    assert (long[:7] == short).all()
    assert len(np.unique(long.round(6), axis=0)) == 11
    assert (design.mixtures(prior, caps, 7, 1)[1:] != short[1:]).any()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 10**9), min_size=2, max_size=7), st.integers(0, 3))
def test_a_design_holds_as_many_different_mixtures_as_runs(sizes: list[int], seed: int) -> None:
    """Of two sources, chosen rows were alike now and then: the search refused itself."""
    prior, count = np.array(sizes) / sum(sizes), max(design.least(len(sizes)), 2 * len(sizes) + 1)
    found = design.mixtures(prior, np.ones(len(sizes)), count, seed).round(6)
    assert len(np.unique(design.alike(found))) == count


def test_where_little_differs_a_design_is_as_long_all_the_same() -> None:
    found = design.mixtures(np.array([0.5, 0.5]), np.array([0.5001, 0.5001]), 9, 0)
    assert len(np.unique(design.alike(found))) < len(found) == 9


def test_limits_follow_from_sizes() -> None:
    assert design.limits([100, 1000], 1000, 4).tolist() == [0.4, 1.0]
    with pytest.raises(UsageError, match="epochs"):
        design.limits([10, 10], 1000, 4)


def test_a_design_tells_more_than_random_rows() -> None:
    rng = np.random.default_rng(0)
    pool = rng.dirichlet(np.full(6, 0.5), 300)
    z = design.features(pool)
    z = (z - z.mean(0)) / z.std(0)

    def unknown(rows: np.ndarray) -> float:
        inverse = np.linalg.inv(z[rows].T @ z[rows] + 0.1 * np.eye(6))
        return float(np.einsum("ij,jk,ik->i", z, inverse, z).mean())

    assert unknown(design.choose(pool, 12)) < min(unknown(rng.permutation(300)[:12]) for _ in range(20))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(1e-3, 1.0), min_size=2, max_size=7), st.integers(0, 99))
def test_the_runs_of_a_search_are_different_mixtures(prior: list[float], seed: int) -> None:
    shares = np.array(prior) / sum(prior)
    count = max(design.least(len(prior)), 2 * len(prior) + 1)
    found = design.mixtures(shares, np.ones(len(prior)), count, seed).round(6)
    assert len(np.unique(design.alike(found))) == count


def test_where_few_mixtures_are_possible_they_come_again() -> None:
    found = design.mixtures(np.array([0.5, 0.5]), np.array([0.5, 0.5]), 10, 0)
    assert np.allclose(found, 0.5)
