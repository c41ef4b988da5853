"""Which mixtures to train: spread round the proportional one, within the limits of epochs, few and informative."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from curate.errors import UsageError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
FLOOR = 1e-3
"""Added to a share before its logarithm is taken."""
CURVED_FLOOR = 0.02
"""The same where mixtures are to be trained: shares below some percent differ by little."""
SAME = 5e-4
"""Shares that differ less are the same: tables are rounded to three decimals."""
ROUNDED = 1e-6
"""What rounding to six decimals may bring two shares nearer."""
POOL = 1000
"""Mixtures from which a design is chosen."""
SPREAD = (1.5, 20.0)
"""Concentrations of the Dirichlet, per source: the smaller, the farther from the proportional mixture."""


def limits(sizes: Sequence[float], budget: float, max_epochs: float) -> Floats:
    """The largest share of each source, [sources]: so that `budget` reads it `max_epochs` times at most.

    Raises UsageError when all sources together don't reach the budget.
    """
    caps = np.minimum(1.0, np.asarray(sizes, dtype=np.float64) * max_epochs / budget)
    if caps.sum() < 1:
        raise UsageError(
            f"{max_epochs:g} epochs of all sources are {caps.sum():.0%} of the budget; lower it, or raise --max-epochs"
        )
    return caps


def within(weights: Floats, caps: Floats) -> Floats:
    """The rows of `weights` with nothing above its cap: what is over goes to the others in proportion, [n, sources]."""
    found = np.maximum(np.asarray(weights, dtype=np.float64), 0)
    found = found / found.sum(1, keepdims=True)
    for _ in range(len(caps)):
        over = np.maximum(found - caps, 0).sum(1, keepdims=True)
        if not (over > 1e-12).any():
            break
        found = np.minimum(found, caps)
        room = np.where(found < caps, found, 0)
        empty = room.sum(1, keepdims=True) <= 0  # the others have no share: fill what has room
        room = np.where(empty, np.maximum(caps - found, 0), room)
        found = found + over * room / np.maximum(room.sum(1, keepdims=True), 1e-300)
    found = np.minimum(found, caps)
    short = np.maximum(1 - found.sum(1, keepdims=True), 0)
    room = caps - found
    filled: Floats = found + room * np.minimum(1.0, short / np.maximum(room.sum(1, keepdims=True), 1e-300))
    return filled


def pool(prior: Floats, caps: Floats, count: int, seed: int) -> Floats:
    """`count` mixtures round `prior` within `caps`, [count, sources]; the first is the prior itself.

    Dirichlet(c·m·prior) of random concentration c, the prior mixed with the uniform one so that small sources vary too.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    m = len(prior)
    centre = 0.8 * prior + 0.2 / m
    low, high = np.log(SPREAD)
    spread = np.exp(rng.uniform(low, high, count))
    draws = rng.standard_gamma(np.maximum(spread[:, None] * m * centre, 0.05)) + 1e-12
    found = within(draws, caps)
    found[0] = within(prior[None], caps)[0]
    return found


def features(weights: Floats, floor: float = FLOOR) -> Floats:
    """Logarithms of the shares, from -2 (none) to 0 (all), same shape."""
    scaled: Floats = 2 * np.log((weights + floor) / (1 + floor)) / np.log(1 / floor)
    return scaled


def choose(weights: Floats, count: int, given: Sequence[int] = (), ridge: float = 0.1, curved: bool = False) -> Ints:
    """Places of `count` rows that tell most about a log-linear surface, int64 [count]: `given` first.

    Greedy D-optimal: each next row is where the surface fitted to the rows so far is least known (Fedorov 1972), for
    standardised logarithms of shares and a small ridge, so that it goes on when there are more rows than sources.
    A plane is best known from its corners; `curved` asks for the squares, too, and so for rows from the middle.
    What is alike counts once (`alike`): it is chosen again only where nothing else is left.
    """
    if not 0 < count <= len(weights):
        raise UsageError(f"{count} mixtures can't be chosen from {len(weights)}")
    z = features(weights, CURVED_FLOOR if curved else FLOOR)
    z = np.concatenate([z, (z - z.mean(0)) ** 2], 1) if curved else z
    z = (z - z.mean(0)) / np.maximum(z.std(0), 1e-9)
    inverse = np.eye(z.shape[1]) / ridge
    unused, other = np.ones(len(z), dtype=bool), np.ones(len(z), dtype=bool)
    chosen: list[int] = []
    for i in range(count):
        known = np.where(other if other.any() else unused, np.einsum("ij,jk,ik->i", z, inverse, z), -1.0)
        at = int(given[i]) if i < len(given) else int(known.argmax())
        step = inverse @ z[at]
        inverse = inverse - np.outer(step, step) / (1 + z[at] @ step)
        unused[at] = False
        other &= np.abs(weights - weights[at]).max(1) > SAME + ROUNDED
        chosen.append(at)
    return np.array(chosen, dtype=np.int64)


def alike(weights: Floats) -> Ints:
    """A number for each row, the same for mixtures that differ nowhere by more than SAME: 0, 1 … in order of appearance."""
    found = np.full(len(weights), -1, dtype=np.int64)
    count = 0
    for i in range(len(weights)):
        if found[i] < 0:
            found[(found < 0) & (np.abs(weights - weights[i]).max(1) <= SAME)] = count
            count += 1
    return found


def different(weights: Floats) -> int:
    """How many of the rows are different mixtures."""
    return int(alike(weights).max(initial=-1)) + 1


def least(sources: int) -> int:
    """Different mixtures that a surface over so many sources needs."""
    return max(8, sources + 2)


def rows_of(groups: Ints, chosen: Ints) -> Ints:
    """Places of all rows of the chosen groups, group by group."""
    return np.concatenate([np.flatnonzero(groups == group) for group in chosen])


def mixtures(prior: Floats, caps: Floats, count: int, seed: int) -> Floats:
    """The design: `count` mixtures, [count, sources], the prior first. A longer design begins with the shorter ones."""
    if count > POOL:
        raise UsageError(f"--runs {count}: at most {POOL}")
    found = pool(prior, caps, POOL, seed)
    return found[choose(found, count, given=[0], curved=True)]
