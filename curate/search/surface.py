"""A log-linear surface per metric with a smooth remainder: a Gaussian process on logarithms of shares.

The logarithm of what each loss is above a bottom, which more of any source would not lower, is a constant, plus a linear
function of log(share + floor), plus a smooth function of the same, plus noise. How much of each, how smooth, which floor and which
bottom is not chosen but averaged over a grid by the evidence (marginal likelihood) of each, metric by metric: one metric may
be log-linear in the share of its own source, another curved. (The linear part alone is ridge regression on log shares.)
Without a bottom good mixtures are predicted too good, and their order too sure: see benchmarks/results/search.md. What stays
unknown is drawn: a grid point, the surface given it, the errors of metrics correlated as their left-out errors are, Student's
t for a scale that was estimated from the runs.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curate.search.design import features

Floats = NDArray[np.float64]
FLOORS, LENGTHS, LINEAR, NOISE = (1e-4, 1e-3, 1e-2), (1.5, 3.0, 6.0, 12.0), (0.0, 0.3, 3.0), (1e-3, 1e-2, 1e-1)
"""The grid; variances are relative to that of the smooth part."""
BOTTOMS = (0.0, 0.5, 0.8, 0.9, 0.95)
"""And the bottom of a loss, as a share of the lowest of the runs."""
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
    log_determinant: float
    """Of the inverse."""
    solved: Floats
    """inverse @ y, [n, metrics]."""
    bottom: int
    """Place of the bottom that y was taken above."""

    def left_out(self) -> Floats:
        """Each run's error when it is predicted from the others, in its standard deviations (up to one scale)."""
        found: Floats = self.solved / np.sqrt(np.diag(self.inverse))[:, None]
        return found

    def evidence(self, y: Floats) -> Floats:
        """Logarithm of the marginal likelihood with the scale at its best, [metrics]."""
        power = np.maximum((y * self.solved).mean(0), 1e-300)
        found: Floats = -0.5 * (len(y) * np.log(power) - self.log_determinant)
        return found


class Surface:
    """Fitted losses of any mixture."""

    name = "surface"

    def __init__(self, weights: Floats, losses: Floats) -> None:
        """Fit to runs: [n, sources] and [n, metrics]. Losses that are not all above 0 are fitted as they are."""
        self._weights = weights
        self._forms = _forms(losses)
        self.uneven = np.ones(len(weights))
        """Variance of the noise of each run, relative to the mean of all."""
        self._trend: Floats | None = None
        self._fit(self.uneven)
        self._look_for_uneven_noise()

    def mean(self, weights: Floats) -> Floats:
        """Predicted losses, [k, metrics]."""
        found = np.zeros((len(weights), self._share.shape[1]))
        for share, one in zip(self._share, self._fitted, strict=True):
            found += share * self._forms[one.bottom].back(_covariance(weights, self._weights, one.setting) @ one.solved)
        return found

    def draws(self, weights: Floats, count: int, seed: int, noise: bool = False) -> Floats:
        """`count` surfaces that the runs allow, at `weights`: [count, k, metrics]; with the noise of a run if asked."""
        rng = np.random.Generator(np.random.PCG64(seed))
        k, m, n = len(weights), self._share.shape[1], len(self._weights)
        root = np.linalg.cholesky(self._correlation())
        tail = np.sqrt(n / rng.chisquare(n, count))[:, None, None]
        smooth = rng.standard_normal((count, k, m)) @ root.T * tail
        rough = rng.standard_normal((count, k, m)) @ root.T * tail
        which = np.stack([rng.choice(len(self._fitted), count, p=self._share[:, j]) for j in range(m)], 1)
        uneven = np.sqrt(self._uneven_at(weights))
        found = np.zeros((count, k, m))
        setting: Setting | None = None
        for g, one in enumerate(self._fitted):
            if not (which == g).any():
                continue
            if one.setting != setting:  # those with other bottoms follow each other
                setting = one.setting
                cross = _covariance(weights, self._weights, setting)
                lower = _root(_covariance(weights, weights, setting) - cross @ one.inverse @ cross.T)
            scale = np.sqrt((one.left_out() ** 2).mean(0))
            middle = cross @ one.solved
            for j in range(m):
                here = np.flatnonzero(which[:, j] == g)
                error = smooth[here, :, j] @ lower.T
                if noise:
                    error += np.sqrt(one.setting[3]) * uneven * rough[here, :, j]
                found[here, :, j] = self._forms[one.bottom].back(middle[:, j] + scale[j] * error, j)
        return found

    def _fit(self, uneven: Floats) -> None:
        every = list(_fits(self._weights, self._forms, uneven))
        evidence = np.array(
            [one.evidence(self._forms[one.bottom].y) + self._forms[one.bottom].density for one in every]
        )
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
        gain = -0.5 * float((np.log(expected) + square / expected - square).sum()) * self._share.shape[1]
        if gain > 2.0 * self._share.shape[1]:
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


@dataclass(frozen=True)
class _Form:
    """Losses as the surface sees them: above a bottom, logarithms, mean 0 and standard deviation 1."""

    y: Floats
    """[n, metrics]."""
    bottom: Floats | None
    """[metrics]; None: no logarithms."""
    middle: Floats
    scale: Floats
    density: Floats
    """What the logarithm of the density of the losses has beside that of `y`, [metrics]: bottoms can be compared."""

    @staticmethod
    def of(losses: Floats, bottom: Floats | None) -> "_Form":
        raw = losses if bottom is None else np.log(losses - bottom)
        middle, scale = raw.mean(0), np.maximum(raw.std(0), 1e-12)
        density = -len(raw) * np.log(scale) - (0.0 if bottom is None else raw.sum(0))
        return _Form((raw - middle) / scale, bottom, middle, scale, density)

    def back(self, y: Floats, metric: int | slice = slice(None)) -> Floats:
        """Losses again; of one metric if asked."""
        found: Floats = y * self.scale[metric] + self.middle[metric]
        return found if self.bottom is None else self.bottom[metric] + np.exp(found)


def _forms(losses: Floats) -> list[_Form]:
    """One for each bottom."""
    if not (losses > 0).all():
        return [_Form.of(losses, None)]
    return [_Form.of(losses, share * losses.min(0)) for share in BOTTOMS]


def _even(log_size: Floats) -> Floats:
    """Variances about 1 from their logarithms, bounded."""
    found: Floats = np.exp(np.clip(log_size - log_size.mean(), -np.log(MOST_UNEVEN), np.log(MOST_UNEVEN)))
    return found


def _fits(weights: Floats, forms: list[_Form], uneven: Floats) -> Iterator[_Fitted]:
    """One for each point of the grid and each bottom."""
    for floor in FLOORS:
        for length in LENGTHS:
            for linear in LINEAR:
                covariance = _covariance(weights, weights, (floor, length, linear, 0.0))
                for noise in NOISE:
                    inverse = np.asarray(np.linalg.inv(covariance + noise * np.diag(uneven)), dtype=np.float64)
                    size = float(np.linalg.slogdet(inverse)[1])
                    for bottom, form in enumerate(forms):
                        yield _Fitted((floor, length, linear, noise), inverse, size, inverse @ form.y, bottom)


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
