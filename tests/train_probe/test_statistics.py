"""Statistics against SciPy and by simulation."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")

from train_probe.statistics import Difference, difference, holm, t_quantile, t_tail


@pytest.mark.parametrize("freedom", [1, 2, 3.5, 10, 200])
def test_student_t_is_that_of_scipy(freedom):
    stats = pytest.importorskip("scipy.stats")
    for t in (0.0, 0.3, 2.0, 12.0):
        assert t_tail(t, freedom) == pytest.approx(2 * stats.t.sf(t, freedom), rel=1e-6)
    assert t_quantile(0.05, freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-6)


def test_equal_runs_show_no_difference():
    side = [(np.array([1.0, 2.0]), np.array([1.0, 1.0]))] * 3
    found = difference(side, side)
    assert found.p == 1.0
    assert found.interval() == (0.0, 0.0)


def test_one_seed_decides_nothing():
    one, two = [(np.array([1.0, 2.0]), np.ones(2))], [(np.array([5.0, 9.0]), np.ones(2))]
    assert difference(one, two).p == 1.0


def test_false_positives_stay_at_the_stated_rate():
    rng = np.random.Generator(np.random.PCG64(1))
    wrong = 0
    for _ in range(2000):
        d = rng.normal(0, 1, 3)
        found = Difference(d.mean(), d.std(ddof=1) / np.sqrt(3), 0.0, 3, 0.0)
        wrong += found.p < 0.05
    assert 0.035 < wrong / 2000 < 0.065


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_never_lowers_a_p_value_and_keeps_the_order(values):
    corrected = holm(values)
    assert all(c >= min(1.0, v) for c, v in zip(corrected, values, strict=True))
    order = sorted(range(len(values)), key=lambda i: values[i])
    assert all(corrected[a] <= corrected[b] for a, b in itertools.pairwise(order))
