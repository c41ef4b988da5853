"""Weights that follow from the sizes of the sources alone: what a chosen mixture is compared with."""

import math
from collections.abc import Mapping

from curate.errors import RecipeError


def proportional(sizes: Mapping[str, float]) -> dict[str, float]:
    """Each source as often as it is large: every source gets the same number of epochs."""
    return temperature(sizes, 1.0)


def uniform(sizes: Mapping[str, float]) -> dict[str, float]:
    """The same weight for each source."""
    return {name: 1 / len(sizes) for name in sizes}


def temperature(sizes: Mapping[str, float], tau: float) -> dict[str, float]:
    """Shares raised to 1/tau and normalised: tau=1 is proportional, large tau goes to uniform.

    Raffel et al. 2020 (T5), section 3.5.2; the exponent of mT5 (Xue et al. 2021, alpha = 0.3) is 1/tau.
    """
    if not (math.isfinite(tau) and tau > 0):
        raise RecipeError(f"the temperature must be a positive number, got {tau}")
    largest = max(sizes.values(), default=0.0)
    if not largest > 0:
        raise RecipeError("every source is empty")
    power = min(1 / tau, 1e300)  # of the share in the largest: its own is 1 whatever the power, and the sum is never 0
    powers = {name: (size / largest) ** power if size else 0.0 for name, size in sizes.items()}
    scale = sum(powers.values())
    return {name: power / scale for name, power in powers.items()}


def unimax(sizes: Mapping[str, float], budget: float, max_epochs: float) -> dict[str, float]:
    """As uniform as possible while no source is repeated more than `max_epochs` times.

    Chung et al. 2023 (UniMax), algorithm 1: smallest source first; each takes an equal share of what is left
    of the budget, or `max_epochs` times its size where that is less.
    """
    if not (math.isfinite(max_epochs) and max_epochs > 0):
        raise RecipeError(f"the epoch cap of unimax must be a positive number, got {max_epochs}")
    left, drawn = float(budget), {}
    for done, name in enumerate(sorted(sizes, key=lambda name: (sizes[name], name))):
        drawn[name] = min(left / (len(sizes) - done), max_epochs * sizes[name])
        left = max(0.0, left - drawn[name])  # the last one takes what is left, but for rounding
    total = sum(drawn.values())
    if total <= 0:
        raise RecipeError("unimax: every source is empty")
    return {name: drawn[name] / total for name in sizes}
