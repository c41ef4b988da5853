"""The statistics of a comparison: Student's t without SciPy, paired differences, Holm's correction."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RESAMPLES = 1000


@dataclass(frozen=True)
class Difference:
    """Mean of A minus mean of B, with what is known of its uncertainty."""

    delta: float
    seed_error: float
    """Standard error over seeds; infinite with one seed."""
    item_error: float
    """Standard error over the items (documents, questions), by bootstrap."""
    seeds: int
    correlation: float
    """Between the two over seeds; pairing helps where it is above 0.  NaN with fewer than three seeds."""

    @property
    def error(self) -> float:
        """Both errors together."""
        return math.hypot(self.seed_error, self.item_error)

    @property
    def freedom(self) -> float:
        """Degrees of freedom (Satterthwaite): near seeds - 1 where the seeds dominate."""
        if self.seeds < 2 or self.error == 0:
            return max(1.0, self.seeds - 1.0)
        return max(1.0, (self.seeds - 1) * (self.error / self.seed_error) ** 4) if self.seed_error else 1e6

    @property
    def p(self) -> float:
        """Two-sided p-value of no difference."""
        if self.seeds < 2:
            return 1.0
        if self.error == 0:
            return 1.0 if self.delta == 0 else 0.0
        return t_tail(abs(self.delta) / self.error, min(self.freedom, 1e6))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Confidence interval of the difference."""
        if self.seeds < 2:
            return -math.inf, math.inf
        half = t_quantile(1 - level, min(self.freedom, 1e6)) * self.error
        return self.delta - half, self.delta + half


def difference(a: list[tuple[Floats, Floats]], b: list[tuple[Floats, Floats]]) -> Difference:
    """The difference of two ratio metrics: for each common seed (values, weights) over the same items.

    Seeds are paired because a pair begins with the same weights and reads the shared documents in the same order.
    A paired test is valid whether or not that helps; choosing by the measured correlation would not be.
    """
    per_seed = np.array([va.sum() / wa.sum() - vb.sum() / wb.sum() for (va, wa), (vb, wb) in zip(a, b, strict=True)])
    count = len(per_seed)
    means = [np.array([v.sum() / w.sum() for v, w in side]) for side in (a, b)]
    varied = count > 2 and all(m.std() > 0 for m in means)
    return Difference(
        delta=float(per_seed.mean()),
        seed_error=float(per_seed.std(ddof=1) / math.sqrt(count)) if count > 1 else math.inf,
        item_error=_item_error(a, b),
        seeds=count,
        correlation=float(np.corrcoef(means[0], means[1])[0, 1]) if varied else math.nan,
    )


def _item_error(a: list[tuple[Floats, Floats]], b: list[tuple[Floats, Floats]]) -> float:
    value = np.mean([va - vb for (va, _), (vb, _) in zip(a, b, strict=True)], axis=0)
    weight = np.mean([wa for wa, _ in a], axis=0)
    rng = np.random.Generator(np.random.PCG64(0))
    draws = [rng.multinomial(len(value), np.full(len(value), 1 / len(value))) for _ in range(RESAMPLES)]
    ratios = [float((d * value).sum() / total) for d in draws if (total := (d * weight).sum()) > 0]
    return float(np.std(ratios))


def holm(p_values: list[float]) -> list[float]:
    """p-values corrected for being several (Holm 1979), in the given order."""
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        corrected[i] = highest
    return corrected


def t_tail(t: float, freedom: float) -> float:
    """P(|T| >= t) for Student's t: with x = sqrt(freedom) tan(angle) the density is a power of the cosine."""
    if freedom >= 1e5:
        return math.erfc(t / math.sqrt(2))
    angle = math.atan(t / math.sqrt(freedom))
    whole = math.exp(math.lgamma(freedom / 2) - math.lgamma((freedom + 1) / 2)) * math.sqrt(math.pi)
    nodes, weights = _legendre()
    half = (math.pi / 2 - angle) / 2
    angles = angle + half * (nodes + 1)
    return min(1.0, 2 * half * float((weights * np.cos(angles) ** (freedom - 1)).sum()) / whole)


@lru_cache
def _legendre() -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(200)
    return nodes, weights


def t_quantile(tail: float, freedom: float) -> float:
    """The t that is exceeded on either side with probability `tail` in all."""
    low, high = 0.0, 1e4
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if t_tail(middle, freedom) > tail else (low, middle)
    return (low + high) / 2


def more_seeds(found: Difference, target: float, level: float = 0.95) -> int | None:
    """About how many more seeds would show a difference of `target`; None when the items alone hide it."""
    if found.seeds < 2:
        return 2
    deviation = found.seed_error * math.sqrt(found.seeds)
    for count in range(found.seeds + 1, found.seeds + 101):
        error = math.hypot(deviation / math.sqrt(count), found.item_error)
        if t_quantile(1 - level, count - 1) * error <= target:
            return count - found.seeds
    return None
