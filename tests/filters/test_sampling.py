"""Sampling by hash: fixed for ever, nested, uniform."""

import pytest

from curate.filters.base import Document
from curate.filters.sampling import Sample, uniform

PROMISED = (0.6230061320476734, 0.5468270135858955)
IDS = [f"{number:032x}" for number in range(4000)]


def test_values_never_change() -> None:
    """A changed hash would change every sampled corpus: these numbers are a promise."""
    assert (uniform("0" * 32), uniform("0" * 32, "salt")) == PROMISED


def test_uniform_and_independent_of_the_salt() -> None:
    one, two = ([uniform(name, salt) for name in IDS] for salt in ("", "other"))
    assert all(0.0 <= value < 1.0 for value in one)
    for low in (0.0, 0.25, 0.5, 0.75):
        share = sum(low <= value < low + 0.25 for value in one) / len(IDS)
        assert share == pytest.approx(0.25, abs=0.03)
    both = sum(a < 0.5 and b < 0.5 for a, b in zip(one, two, strict=True)) / len(IDS)
    assert both == pytest.approx(0.25, abs=0.03)


def test_samples_are_nested() -> None:
    small, large = ({i for i in IDS if Sample(share)(Document(i, "")).reason is None} for share in (0.1, 0.2))
    assert small < large
    assert len(large) / len(IDS) == pytest.approx(0.2, abs=0.03)


def test_ends() -> None:
    assert all(Sample(1.0)(Document(name, "")).reason is None for name in IDS)
    assert all(Sample(0.0)(Document(name, "")).reason == "not_drawn" for name in IDS)
    with pytest.raises(ValueError, match="share must be from 0 to 1"):
        Sample(2.0)
