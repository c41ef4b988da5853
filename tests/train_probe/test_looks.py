"""Looks share one 5 %: simulated, recorded, and none before the planned seeds are finished."""

import json

import numpy as np
import pytest

pytest.importorskip("torch")

from train_probe import looks
from train_probe.errors import ProbeError
from train_probe.statistics import difference, t_quantile

LOOKS = 20


@pytest.mark.parametrize("planned", [2, 3, 5, 20])
def test_all_looks_together_use_less_than_five_percent(planned):
    shares = [looks.share(n, planned) or 0.0 for n in range(2, 2000)]
    assert 0.04 < sum(shares) <= looks.ALPHA
    assert looks.share(planned, planned) == 0.04
    assert looks.share(planned + 1, planned) is None or planned == 1
    assert looks.share(2 * planned, planned) == pytest.approx(0.004)
    assert looks.next_point(planned + 1, planned) == 2 * planned


def errors(a, b, paired):
    """Standard error and degrees of freedom of the differences of means, arrays over trials [trials, seeds]."""
    count = a.shape[1]
    if paired:
        return (a - b).std(1, ddof=1) / np.sqrt(count), np.full(len(a), count - 1.0)
    parts = np.stack([a.var(1, ddof=1), b.var(1, ddof=1)]) / count
    return np.sqrt(parts.sum(0)), parts.sum(0) ** 2 / ((parts**2).sum(0) / (count - 1))


def quantiles(tail, freedom):
    """Quantiles of Student's t for many degrees of freedom, between those of a grid."""
    grid = np.geomspace(1, 100, 80)
    return np.interp(np.log(freedom), np.log(grid), [t_quantile(tail, f) for f in grid])


@pytest.mark.parametrize("planned", [3, 6, 22])
@pytest.mark.parametrize("paired", [False, True])
def test_twenty_looks_at_equal_corpora_are_wrong_five_times_in_a_hundred_at_most(paired, planned):
    """A look after every further seed, from 3 to 22, stopping at the first that shows something.

    The same looks at 5 % each are wrong far oftener.
    """
    trials = 20_000
    a, b = np.random.Generator(np.random.PCG64(11)).normal(size=(2, trials, 3 + LOOKS))
    shown, fooled = np.zeros((2, trials), dtype=bool)
    for look in range(LOOKS):
        count = 3 + look
        distance = abs(a[:, :count].mean(1) - b[:, :count].mean(1))
        error, freedom = errors(a[:, :count], b[:, :count], paired)
        alpha = looks.share(count, planned)
        if alpha is not None:
            shown |= distance > quantiles(alpha, freedom) * error
        fooled |= distance > quantiles(0.05, freedom) * error
    assert 0 < shown.mean() <= 0.05
    assert fooled.mean() > 0.2
    one = np.ones(1)
    found = difference([(a[0, i : i + 1], one) for i in range(5)], [(b[0, i : i + 1], one) for i in range(5)], paired)
    error, freedom = errors(a[:1, :5], b[:1, :5], paired)  # the same error as the verdict's
    assert found.half(0.05) == pytest.approx(float(quantiles(0.05, freedom)[0] * error[0]), rel=2e-3)


def test_looks_are_recorded(tmp_path):
    assert looks.take(tmp_path, 2, 3) is None
    assert looks.take(tmp_path, 4, 3) is None
    assert looks.read(tmp_path) == []
    for _ in range(3):
        assert looks.take(tmp_path, 3, 3).alpha == pytest.approx(0.04)
    assert looks.take(tmp_path, 2, 3, now=True).alpha == pytest.approx(0.002)
    assert looks.take(tmp_path, 2, 3).alpha == pytest.approx(0.002)  # it was asked for before
    assert looks.take(tmp_path, 6, 3).alpha == pytest.approx(0.004)
    assert looks.take(tmp_path, 5, 3, now=True) is None
    assert [look.seeds for look in looks.read(tmp_path)] == [3, 2, 6]
    assert len(json.loads((tmp_path / "looks.json").read_text())) == 3


def test_a_damaged_record_is_an_error(tmp_path):
    (tmp_path / "looks.json").write_text("[{]")
    with pytest.raises(ProbeError, match="damaged"):
        looks.read(tmp_path)
