"""A log-linear surface per metric with a smooth remainder: a Gaussian process on logarithms of shares.

The logarithm of each loss is a constant, plus a linear function of log(share + floor), plus a smooth function of the same,
plus noise. How much of each, how smooth, and which floor is not chosen but averaged over a grid by the evidence (marginal
likelihood) of each, metric by metric: one metric may be log-linear in the share of its own source, another curved. (The
linear part alone is ridge regression on log shares.) What stays unknown is drawn: a grid point, the surface given it, the
errors of metrics correlated as their left-out errors are, Student's t for a scale that was estimated from the runs.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curate.search.design import features

Floats = NDArray[np.float64]
FLOORS, LENGTHS, LINEAR, NOISE = (1e-4, 1e-3, 1e-2), (1.5, 3.0, 6.0, 12.0), (0.0, 0.3, 3.0), (1e-3, 1e-2, 1e-1)
"""The grid; variances are relative to that of the smooth part."""
CONSTANT = 100.0
LEAST = 0.03
"""Grid points with less of the best one's evidence are left out."""
MOST_UNEVEN = 10.0
"""How far the variance of the noise may differ between mixtures from its mean, either way."""
Setting = tuple[float, float, float, float]


@dataclass(frozen=True)
class _Fitted:
    setting: Setting
    inverse: Floats
    """Of the covariance of the runs, [n, n]."""
    solved: Floats
    """inverse @ y, [n, metrics]."""

    def left_out(self) -> Floats:
        """Each run's error when it is predicted from the others, in its standard deviations (up to one scale)."""
        found: Floats = self.solved / np.sqrt(np.diag(self.inverse))[:, None]
        return found

    def evidence(self, y: Floats) -> Floats:
        """Logarithm of the marginal likelihood with the scale at its best, [metrics]."""
        _, log_determinant = np.linalg.slogdet(self.inverse)
        power = np.maximum((y * self.solved).mean(0), 1e-300)
        found: Floats = -0.5 * (len(y) * np.log(power) - log_determinant)
        return found


class Surface:
    """Fitted losses of any mixture."""

    name = "surface"

    def __init__(self, weights: Floats, losses: Floats) -> None:
        """Fit to runs: [n, sources] and [n, metrics]. Losses that are all above 0 are fitted by their logarithms."""
        self._log = bool((losses > 0).all())
        y = np.log(losses) if self._log else losses
        self._weights, self._middle = weights, y.mean(0)
        self._scale = np.maximum(y.std(0), 1e-12)
        self._y = (y - self._middle) / self._scale
        self.uneven = np.ones(len(weights))
        """Variance of the noise of each run, relative to the mean of all."""
        self._trend: Floats | None = None
        self._fit(self.uneven)
        self._look_for_uneven_noise()

    def mean(self, weights: Floats) -> Floats:
        """Predicted losses, [k, metrics]."""
        found = np.zeros((len(weights), len(self._middle)))
        for share, one in zip(self._share, self._fitted, strict=True):
            found += share * (_covariance(weights, self._weights, one.setting) @ one.solved)
        return self._back(found)

    def deviation(self, weights: Floats) -> Floats:
        """Standard deviations of the predicted losses, without the noise of a run, [k, metrics]."""
        total = np.zeros((len(weights), len(self._middle)))
        mean = np.zeros_like(total)
        square = np.zeros_like(total)
        for share, one in zip(self._share, self._fitted, strict=True):
            cross = _covariance(weights, self._weights, one.setting)
            spread = _own(weights, one.setting) - np.einsum("ij,jk,ik->i", cross, one.inverse, cross)
            here = cross @ one.solved
            mean += share * here
            square += share * here**2
            total += share * np.maximum(spread, 0)[:, None] * (one.left_out() ** 2).mean(0)
        sd = np.sqrt(total + np.maximum(square - mean**2, 0)) * self._scale
        found: Floats = sd * self._back(mean) if self._log else sd
        return found

    def draws(self, weights: Floats, count: int, seed: int, noise: bool = False) -> Floats:
        """`count` surfaces that the runs allow, at `weights`: [count, k, metrics]; with the noise of a run if asked."""
        rng = np.random.Generator(np.random.PCG64(seed))
        k, m, n = len(weights), len(self._middle), len(self._weights)
        root = np.linalg.cholesky(self._correlation())
        tail = np.sqrt(n / rng.chisquare(n, count))[:, None, None]
        smooth = rng.standard_normal((count, k, m)) @ root.T * tail
        rough = rng.standard_normal((count, k, m)) @ root.T * tail
        which = np.stack([rng.choice(len(self._fitted), count, p=self._share[:, j]) for j in range(m)], 1)
        uneven = np.sqrt(self._uneven_at(weights))
        found = np.zeros((count, k, m))
        for g, one in enumerate(self._fitted):
            if not (which == g).any():
                continue
            cross = _covariance(weights, self._weights, one.setting)
            spread = _covariance(weights, weights, one.setting) - cross @ one.inverse @ cross.T
            lower = _root(spread)
            scale = np.sqrt((one.left_out() ** 2).mean(0))
            middle = cross @ one.solved
            for j in range(m):
                here = np.flatnonzero(which[:, j] == g)
                error = smooth[here, :, j] @ lower.T
                if noise:
                    error += np.sqrt(one.setting[3]) * uneven * rough[here, :, j]
                found[here, :, j] = middle[:, j] + scale[j] * error
        return self._back(found)

    def _fit(self, uneven: Floats) -> None:
        every = list(_fits(self._weights, self._y, uneven))
        evidence = np.array([one.evidence(self._y) for one in every])
        share = np.exp(evidence - evidence.max(0))
        share[share < LEAST] = 0
        share /= share.sum(0)
        used = share.any(1)
        self._share: Floats = share[used]
        """[grid points, metrics], columns add up to 1."""
        self._fitted = [one for one, keep in zip(every, used, strict=True) if keep]
        self.evidence = float(evidence.max(0).sum())

    def _left_out(self) -> Floats:
        """Standardised left-out errors, [n, metrics]."""
        errors = sum(share * one.left_out() for share, one in zip(self._share, self._fitted, strict=True))
        found = np.asarray(errors, dtype=np.float64)
        scaled: Floats = found / np.maximum(np.sqrt((found**2).mean(0)), 1e-12)
        return scaled

    def _correlation(self) -> Floats:
        errors = self._left_out()
        found: Floats = errors.T @ errors / len(errors)
        return 0.9 * found + 0.1 * np.eye(len(found))

    def _look_for_uneven_noise(self) -> None:
        """Let the noise follow the mixture where that predicts the size of left-out errors.

        The logarithm of a run's squared error is fitted by ridge regression on log shares. It is taken when the density of
        errors that took no part in it is higher than that of one size for all, by more than two units.
        """
        n, m = self._weights.shape
        if n < 2 * m + 1:
            return
        z = features(self._weights)
        z = (z - z.mean(0)) / np.maximum(z.std(0), 1e-9)
        square = (self._left_out() ** 2).mean(1)
        size = np.log(np.maximum(square, 1e-6))
        hat = z @ np.linalg.solve(z.T @ z + n * np.eye(m), z.T)
        middle = (size.sum() - size) / (n - 1)
        own = np.diag(hat)
        without = middle + (hat @ (size - size.mean()) - own * (size - size.mean())) / (1 - own)
        expected = _even(without - middle)
        gain = -0.5 * float((np.log(expected) + square / expected - square).sum()) * self._y.shape[1]
        if gain > 2.0 * self._y.shape[1]:
            before = self.evidence, self._share, self._fitted, self.uneven
            self._trend = np.linalg.solve(z.T @ z + n * np.eye(m), z.T @ (size - size.mean()))
            self.uneven = self._uneven_at(self._weights)
            self._fit(self.uneven)
            if self.evidence <= before[0] + 2.0:
                self.evidence, self._share, self._fitted, self.uneven = before
                self._trend = None

    def _uneven_at(self, weights: Floats) -> Floats:
        if self._trend is None:
            return np.ones(len(weights))
        z = features(self._weights)
        return _even(((features(weights) - z.mean(0)) / np.maximum(z.std(0), 1e-9)) @ self._trend)

    def _back(self, y: Floats) -> Floats:
        found: Floats = y * self._scale + self._middle
        return np.exp(found) if self._log else found


def _even(log_size: Floats) -> Floats:
    """Variances about 1 from their logarithms, bounded."""
    found: Floats = np.exp(np.clip(log_size - log_size.mean(), -np.log(MOST_UNEVEN), np.log(MOST_UNEVEN)))
    return found


def _fits(weights: Floats, y: Floats, uneven: Floats) -> Iterator[_Fitted]:
    """One for each point of the grid."""
    for floor in FLOORS:
        for length in LENGTHS:
            for linear in LINEAR:
                covariance = _covariance(weights, weights, (floor, length, linear, 0.0))
                for noise in NOISE:
                    inverse = np.asarray(np.linalg.inv(covariance + noise * np.diag(uneven)), dtype=np.float64)
                    yield _Fitted((floor, length, linear, noise), inverse, inverse @ y)


def _covariance(a: Floats, b: Floats, setting: Setting) -> Floats:
    """Of the surface between mixtures, [len(a), len(b)], without noise."""
    floor, length, linear, _ = setting
    x, z = features(a, floor), features(b, floor)
    inner = x @ z.T
    square = np.maximum((x * x).sum(1)[:, None] + (z * z).sum(1)[None, :] - 2 * inner, 0)
    found: Floats = np.exp(-square / (2 * length**2)) + linear * inner / a.shape[1] + CONSTANT
    return found


def _root(covariance: Floats) -> Floats:
    """The symmetric square root of a covariance, which may lack full rank (equal mixtures) and be slightly off by rounding.

    Not any root will do: errors of metrics whose settings differ are to go together, so roots of alike covariances must
    be alike, and eigenvectors by themselves have arbitrary signs.
    """
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    found: Floats = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return found


def _own(a: Floats, setting: Setting) -> Floats:
    """The diagonal of `_covariance(a, a)`."""
    floor, _, linear, _ = setting
    found: Floats = 1 + linear * (features(a, floor) ** 2).sum(1) / a.shape[1] + CONSTANT
    return found
