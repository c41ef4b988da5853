"""From a fitted surface to an answer: a best mixture, the region that can't be told apart from it, a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from curate.search import design
from curate.search.fit import Fit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
DRAWS, KEPT, LEVEL = 1000, 400, 0.95
PENALTY = 0.02
"""Weight of the distance to the prior (Kullback-Leibler, nats), in units of the spread of the measured objective."""


@dataclass(frozen=True)
class Answer:
    """What the runs say about the weights."""

    best: Floats
    """[sources]: lowest prediction plus penalty."""
    at: int
    """Its place among the candidates."""
    region: Ints
    """Places of the candidates that can't be told apart from the best, the likeliest first."""
    inside: Floats
    """The mixtures of the region, [region, sources]."""
    low: Floats
    high: Floats
    """The range of each source's share over the region."""
    predicted: float
    """Objective of the best."""
    gain: float
    """Objective of the prior minus that of the best: above 0 is better than the prior."""
    gain_low: float
    gain_high: float
    decided: bool
    """Whether the interval of the gain lies above 0."""
    holds_prior: bool
    """Whether the prior is in the region."""
    everywhere: Floats
    """Mixtures from all over, the best first: the region where nothing can be told apart, [k, sources]."""


def divergence(weights: Floats, prior: Floats) -> Floats:
    """Kullback-Leibler divergence of each row from `prior` in nats, [n]; shares of 0 in the prior count as 1e-6."""
    safe = np.maximum(prior, 1e-6)
    safe = safe / safe.sum()
    found: Floats = np.where(weights > 0, weights * np.log(np.maximum(weights, 1e-300) / safe), 0.0).sum(-1)
    return found


def among(fit: Fit, candidates: Floats, prior: Floats, penalty: float, seed: int = 0, widen: float = 1.0) -> Answer:
    """The answer for given mixtures, each of which is one run: [k, sources]. `penalty` is in units of the objective.

    What is drawn is spread `widen` times as far about its mean as the fit says (fit.widening).
    """
    return _answer(fit, candidates, prior, penalty, seed, widen, noise=True)


def anywhere(
    fit: Fit, prior: Floats, caps: Floats, runs: Floats, penalty: float, seed: int = 0, widen: float = 1.0
) -> Answer:
    """The answer over all mixtures within `caps`, looked for twice: round the prior, then round what is good.

    No source gets more than the runs gave it: the surface is not asked where nothing was measured.
    """
    caps = np.minimum(caps, np.maximum(runs.max(0), prior))
    rng = np.random.Generator(np.random.PCG64(seed))
    wide = np.concatenate([design.pool(prior, caps, 4000, seed), design.within(runs, caps)])
    for spread in (300.0, 3000.0):
        score = fit.mean(wide).mean(1) + penalty * divergence(wide, prior)
        good = wide[np.argsort(score, kind="stable")[:50]]
        near = rng.standard_gamma(np.maximum(np.repeat(good, 20, 0) * spread, 0.02)) + 1e-12
        wide = np.concatenate([wide[: 4000 + len(runs)], good, design.within(near, caps)])
    score = fit.mean(wide).mean(1) + penalty * divergence(wide, prior)
    order = np.argsort(score, kind="stable")
    likely = order[: KEPT // 4]
    others = order[KEPT // 4 :]
    spread_out = others[np.linspace(0, len(others) // 2, KEPT - len(likely) - 1).astype(np.int64)]
    kept = np.unique(np.concatenate([[0], likely, spread_out]))
    found = _answer(fit, wide[kept], prior, penalty, seed, widen, noise=False)
    return replace(found, everywhere=np.concatenate([found.best[None], wide[:KEPT]]))


def _answer(
    fit: Fit, candidates: Floats, prior: Floats, penalty: float, seed: int, widen: float, noise: bool
) -> Answer:
    """The prior is drawn with the candidates, so that the gain is a difference within each draw."""
    k = len(candidates)
    everything = np.concatenate([candidates, prior[None]])
    toll = penalty * divergence(everything, prior)
    mean = fit.mean(everything).mean(1)
    at = int((mean + toll)[:k].argmin())
    draws = _wider(fit.draws(everything, DRAWS, seed, noise).mean(2), widen)
    region = credible((draws[:, :k] + toll[:k]).argmin(1), k)
    region = np.concatenate([[at], region[region != at]]) if at in region else region
    smooth = _wider(fit.draws(everything[[at, k]], DRAWS, seed + 1).mean(2), widen)
    gains = smooth[:, 1] - smooth[:, 0]
    low, high = np.quantile(gains, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    inside = candidates[region]
    return Answer(
        best=candidates[at],
        at=at,
        region=region,
        inside=inside,
        low=np.minimum(inside.min(0), candidates[at]),
        high=np.maximum(inside.max(0), candidates[at]),
        predicted=float(mean[at]),
        gain=float(mean[k] - mean[at]),
        gain_low=float(low),
        gain_high=float(high),
        decided=bool(low > 0),
        holds_prior=bool(np.isclose(inside, prior, atol=1e-9).all(1).any()),
        everywhere=np.concatenate([candidates[[at]], np.delete(candidates, at, 0)]),
    )


def undecided(answer: Answer, error: float) -> Answer:
    """The same where the fit says nothing of runs that it has not seen: no candidate can be told apart, and the gain may be
    anything within two such errors."""
    every = answer.everywhere
    return replace(
        answer,
        region=np.concatenate([[answer.at], np.delete(np.arange(len(every)), min(answer.at, len(every) - 1))]),
        inside=every,
        low=every.min(0),
        high=every.max(0),
        gain_low=min(answer.gain_low, answer.gain - 2 * error),
        gain_high=max(answer.gain_high, answer.gain + 2 * error),
        decided=False,
        holds_prior=True,
    )


def _wider(draws: Floats, factor: float) -> Floats:
    """Draws [draws, k] spread so many times as far about their mean."""
    middle = draws.mean(0)
    found: Floats = middle + factor * (draws - middle)
    return found


def credible(best: Ints, count: int, level: float = LEVEL) -> Ints:
    """The fewest of `count` candidates that hold the best of at least `level` of the draws, the likeliest first."""
    votes = np.bincount(best, minlength=count)
    order = np.argsort(-votes, kind="stable")
    held = np.cumsum(votes[order])
    return order[: int(np.searchsorted(held, level * len(best) - 1e-9)) + 1]


def penalty_of(measured: Floats, strength: float = PENALTY) -> float:
    """The penalty per nat in units of the objective, from the objective of the runs [n]."""
    return strength * float(np.std(measured))


def shares(names: Sequence[str], weights: Floats) -> dict[str, float]:
    """Weights by name, rounded so that they add up to 1 in the file."""
    rounded = np.floor(weights * 1e6 + 0.5).astype(np.int64)
    rounded[int(rounded.argmax())] += 1_000_000 - int(rounded.sum())
    return {name: int(value) / 1e6 for name, value in zip(names, rounded, strict=True)}
