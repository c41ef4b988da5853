"""The same comparison at several sizes: does the order hold, and how does the loss of each mixture fall with compute?

Each experiment is one size (or one budget).  Its verdict is read, not made again.  The fit is the form of Hoffmann et al. 2022
(Chinchilla, section 3.3) for each mixture, in bits per byte of the held-out text:

    L(N, D) = E + A / N^alpha + B / D^beta          N: FLOPs of a token / 6, D: tokens, so that compute is 6 N D

with E, A, B at least 0, by least squares of relative errors.  Five numbers need points that tell them apart:

    full      six points or more, three sizes or more, tokens per weight that differ
    fixed     four points or more, two sizes or more, tokens per weight that differ: alpha .3478, beta .3658 (Besiroglu et al. 2024)
    compute   three points or more: L = E + K / (6 N D)^c, c = alpha beta / (alpha + beta) of these, along the line of the runs

Intervals are of a parametric bootstrap: the fitted points with noise of the seeds (pooled over points), or of what the fit
leaves over where that is more, from Student's t with the degrees of freedom that it has.
"""

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train_probe.errors import DAMAGE, ProbeError, shortly
from train_probe.evaluate import METRIC, Scores
from train_probe.request import load
from train_probe.tables import counted_seeds

Floats = NDArray[np.float64]
ALPHA, BETA = 0.3478, 0.3658
COMPUTE = ALPHA * BETA / (ALPHA + BETA)
DRAWS, LEVEL = 400, 0.95
APART = 1.5
"""Tokens per weight differ when the most is this many times the least."""


@dataclass(frozen=True)
class Point:
    """A mixture at one size and budget."""

    weights: float
    """N: FLOPs of a token / 6."""
    tokens: float
    losses: tuple[float, ...]
    """Bits per byte of the held-out text by seed."""

    @property
    def flops(self) -> float:
        """Of the training: 6 N D."""
        return 6 * self.weights * self.tokens

    @property
    def loss(self) -> float:
        """The mean over seeds."""
        return float(np.mean(self.losses))


@dataclass(frozen=True)
class Size:
    """One experiment."""

    name: str
    preset: str
    primary: str
    points: dict[str, Point]
    """By mixture."""
    pairs: list[dict[str, Any]]
    """Of its verdict."""
    items: list[float]
    """Bytes of the held-out documents: they must be the same in all."""


@dataclass(frozen=True)
class Law:
    """A fitted law, and draws of it for intervals (none: no interval)."""

    form: str
    values: Floats
    """E, A, B, alpha, beta; of the form `compute` E, K, 0, c, 1."""
    draws: Floats = field(default_factory=lambda: np.zeros((0, 5)))
    """The same five for each draw, [draws, 5]."""

    def loss(self, weights: float, tokens: float) -> float:
        """Predicted bits per byte."""
        return float(self._of(self.values[None], weights, tokens)[0])

    def sampled(self, weights: float, tokens: float) -> Floats:
        """The same by every draw."""
        return self._of(self.draws, weights, tokens)

    def best(self, flops: float) -> tuple[float, float] | None:
        """Weights and tokens of least loss for so much compute (Hoffmann et al. 2022, equation 4); None without such a point."""
        _, a, b, alpha, beta = (float(x) for x in self.values)
        if self.form == "compute" or a <= 0 or b <= 0:
            return None
        product = flops / 6
        weights = (alpha * a / (beta * b)) ** (1 / (alpha + beta)) * product ** (beta / (alpha + beta))
        return weights, product / weights

    def _of(self, values: Floats, weights: float, tokens: float) -> Floats:
        e, a, b, alpha, beta = values.T
        if self.form == "compute":
            return np.asarray(e + a / (6 * weights * tokens) ** alpha)
        return np.asarray(e + a / weights**alpha + b / tokens**beta)


def interval(draws: Floats) -> tuple[float, float] | None:
    """Of LEVEL; None without draws."""
    if not len(draws):
        return None
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def find(paths: Sequence[Path]) -> list[Size]:
    """The experiments in these folders, or one folder deeper, by their compute.  Raises ProbeError."""
    folders = []
    for path in paths:
        inside = (
            [path] if (path / "experiment.json").exists() else sorted(p.parent for p in path.glob("*/experiment.json"))
        )
        if not inside:
            raise ProbeError(f"{path}: no experiment here, nor in its folders; train with probe-train")
        folders += [folder for folder in inside if folder not in folders]
    sizes = [_size(folder) for folder in folders]
    first = sizes[0]
    for size in sizes[1:]:
        if len(size.items) != len(first.items) or not np.allclose(size.items, first.items):
            raise ProbeError(
                f"{first.name} and {size.name} have different held-out text: give both the same --held-out"
            )
        if size.primary != first.primary:
            raise ProbeError(
                f"different things decide: {first.primary} in {first.name}, {size.primary} in {size.name}; state one with --primary"
            )
    return sorted(sizes, key=lambda size: max(point.flops for point in size.points.values()))


def _size(folder: Path) -> Size:
    from train_probe.compare import results

    request = load(folder)
    runs = results(folder, list(request.mixtures))
    try:
        saved = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
        pairs = [dict(pair) for pair in saved["pairs"]]
    except FileNotFoundError:
        raise ProbeError(f"{folder}: no verdict yet; let it finish, or say probe-compare {folder}") from None
    except DAMAGE as error:
        raise ProbeError(
            f"{folder / 'verdict.json'}: damaged ({shortly(error)}); say probe-compare {folder} again"
        ) from None
    points, items = {}, []
    for name, seeds in runs.items():
        try:
            found = [Scores.of(run["scores"][METRIC]) for run in seeds.values()]
            run = next(iter(seeds.values()))
            tokens, flops = float(run["tokens"]), float(run["flops"])
        except DAMAGE as error:
            raise ProbeError(f"{folder}: a result of {name} is damaged ({shortly(error)})") from None
        points[name] = Point(flops / (6 * tokens), tokens, tuple(score.mean for score in found))
        items = found[0].weights.tolist()
    return Size(folder.name, request.preset, request.primary, points, pairs, items)


def orders(sizes: Sequence[Size]) -> list[dict[str, Any]]:
    """For each pair of mixtures its verdict at every size that has both, and whether the order holds."""
    found = []
    names = list(dict.fromkeys(name for size in sizes for name in size.points))
    for a, b in itertools.combinations(names, 2):
        at = [(size, pair) for size in sizes for pair in size.pairs if {pair["a"], pair["b"]} == {a, b}]
        rows = []
        for size, pair in at:
            turned = -1.0 if pair["a"] == b else 1.0
            low, high = pair["interval"]
            ends = [turned * x for x in (low, high)] if low is not None else None
            rows.append(
                {
                    "size": size.name,
                    "delta": turned * pair["delta"],
                    "interval": sorted(ends) if ends else None,
                    "verdict": pair["verdict"],
                    "seeds": pair["seeds"],
                }
            )
        if rows:
            found.append({"a": a, "b": b, "sizes": rows, "said": _holds(rows)})
    return found


def _holds(rows: list[dict[str, Any]]) -> str:
    """Whether the order is the same at all sizes."""
    if len(rows) < 2:
        return "one size: nothing to compare"
    decided = [row["delta"] for row in rows if row["verdict"].endswith(" is better")]
    signs = {math.copysign(1, row["delta"]) for row in rows if row["delta"]}
    if len({math.copysign(1, delta) for delta in decided}) > 1:
        return "turns: decided one way at one size and the other way at another"
    if len(decided) == len(rows):
        return "holds: decided the same way at all sizes"
    same = "the sign is the same at all sizes" if len(signs) < 2 else "the signs differ"
    return f"not shown: decided at {len(decided)} of {len(rows)} sizes, {same}"


def form_of(points: Sequence[Point]) -> str | None:
    """Which form these points tell apart; None when they are too few."""
    distinct = {(round(math.log(p.weights), 2), round(math.log(p.tokens), 2)) for p in points}
    sizes = len({n for n, _ in distinct})
    ratios = [p.tokens / p.weights for p in points]
    if not points or len({round(math.log(p.flops), 2) for p in points}) < 3:
        return None
    if max(ratios) < APART * min(ratios) or sizes < 2 or len(distinct) < 4:
        return "compute"
    return "full" if len(distinct) >= 6 and sizes >= 3 else "fixed"


def fit(points: Sequence[Point], seed: int = 0) -> Law | None:
    """The law of some points; None when they are too few for any."""
    form = form_of(points)
    if form is None:
        return None
    loss = np.array([p.loss for p in points])
    values = _least(form, points, loss[None])[0]
    law = Law(form, values)
    fitted = np.array([law.loss(p.weights, p.tokens) for p in points])
    spread = _spread(points, loss, fitted, {"full": 5, "fixed": 3, "compute": 2}[form])
    if spread is None:
        return law
    sizes, freedom = spread
    rng = np.random.Generator(np.random.PCG64(seed))
    noise = rng.standard_t(freedom, (DRAWS, len(points))) * sizes
    return Law(form, values, _least(form, points, fitted * (1 + noise), 20))


def _spread(points: Sequence[Point], loss: Floats, fitted: Floats, numbers: int) -> tuple[Floats, float] | None:
    """Relative standard error of each point and its degrees of freedom: of the seeds, or of what is left over if that is more."""
    several = [p for p in points if len(p.losses) > 1]
    seeds, freedom = np.zeros(len(points)), 0.0
    if several:
        freedom = float(sum(len(p.losses) - 1 for p in several))
        squares = sum(float(((np.array(p.losses) / p.loss - 1) ** 2).sum()) for p in several)
        seeds = math.sqrt(squares / freedom) / np.sqrt([len(p.losses) for p in points])
    over = len(points) - numbers
    left = math.sqrt(float(((loss / fitted - 1) ** 2).sum()) / over) if over > 0 else 0.0
    if left > float(np.mean(seeds)):
        return np.full(len(points), left), float(over)
    return (seeds, freedom) if several else None


def _least(form: str, points: Sequence[Point], losses: Floats, steps: int = 30) -> Floats:
    """E, A, B, alpha, beta of the least relative squares for each row of `losses` [rows, points]: float64 [rows, 5].

    For given exponents the rest is linear, with nothing below 0: the best of all subsets of the three columns.  The exponents
    are those of a grid, which for one row is made finer three times round the best.
    """
    weights, tokens = np.array([p.weights for p in points]), np.array([p.tokens for p in points])
    if form == "compute":
        return _linear(losses, (6 * weights * tokens)[None] ** -COMPUTE, None, np.array([[COMPUTE, 1.0]]))[0]
    spans = [(ALPHA, ALPHA), (BETA, BETA)] if form == "fixed" else [(0.05, 1.5), (0.05, 1.5)]
    best, error = np.zeros((len(losses), 5)), np.full(len(losses), np.inf)
    for _ in range(4 if form == "full" and len(losses) == 1 else 1):
        grid = [np.geomspace(low, high, steps if high > low else 1) for low, high in spans]
        exponents = np.array(list(itertools.product(*grid)))
        values, squares = _linear(losses, weights ** -exponents[:, :1], tokens ** -exponents[:, 1:], exponents)
        better = squares < error
        best[better], error[better] = values[better], squares[better]
        ratio = [(high / low) ** (2 / (steps - 1)) for low, high in spans]
        spans = [(x / r, x * r) for x, r in zip(best[0, 3:], ratio, strict=True)]
    return best


def _linear(losses: Floats, first: Floats, second: Floats | None, exponents: Floats) -> tuple[Floats, Floats]:
    """The best of several pairs of exponents [pairs, 2] for each row: five numbers, and the relative squares.

    `first` and `second` [pairs, points] are the columns beside the constant; each row's coefficients are at least 0.
    """
    columns = [np.ones_like(first), first] + ([second] if second is not None else [])
    scale = losses.mean(0)
    whole, wanted = np.stack(columns, axis=2) / scale[:, None], losses / scale
    values, error = np.zeros((len(losses), 5)), np.full(len(losses), np.inf)
    for size in range(1, len(columns) + 1):
        for used in itertools.combinations(range(len(columns)), size):
            some = whole[:, :, used]  # [pairs, points, used]
            found = np.einsum("gkp,rp->rgk", np.linalg.pinv(some, rcond=1e-12), wanted)
            squares = ((np.einsum("rgk,gpk->rgp", found, some) - wanted[:, None]) ** 2).sum(2)
            squares = np.where((found >= 0).all(2), squares, np.inf)
            pair = squares.argmin(1)
            rows = np.flatnonzero(squares.min(1) < error)
            values[rows] = 0.0
            values[rows[:, None], np.array(used)] = found[rows, pair[rows]]
            values[rows, 3:] = exponents[pair[rows]]
            error[rows] = squares[rows, pair[rows]]
    return values, error


def scale(paths: Sequence[Path], further: float = 10.0) -> dict[str, Any]:
    """Orders, laws, and what they say of `further` times the largest compute.  Raises ProbeError."""
    sizes = find(paths)
    names = list(dict.fromkeys(name for size in sizes for name in size.points))
    laws = {
        name: fit([size.points[name] for size in sizes if name in size.points], 1 + i) for i, name in enumerate(names)
    }
    top = max((p for size in sizes for p in size.points.values()), key=lambda p: p.flops)
    root = math.sqrt(further)
    ahead = (top.weights * root, top.tokens * root)
    return {
        "primary": sizes[0].primary,
        "sizes": [
            {
                "name": size.name,
                "preset": size.preset,
                "mixtures": {
                    name: {
                        "weights": p.weights,
                        "tokens": p.tokens,
                        "flops": p.flops,
                        "loss": p.loss,
                        "seeds": len(p.losses),
                    }
                    for name, p in size.points.items()
                },
            }
            for size in sizes
        ],
        "orders": orders(sizes),
        "laws": {name: _said(law) for name, law in laws.items() if law},
        "ahead": _ahead({name: law for name, law in laws.items() if law}, ahead),
    }


def _said(law: Law) -> dict[str, object]:
    names = ("E", "K", "", "c", "") if law.form == "compute" else ("E", "A", "B", "alpha", "beta")
    fixed = {"full": (), "fixed": ("alpha", "beta"), "compute": ("c",)}[law.form]
    values = {
        name: {
            "value": float(law.values[i]),
            "interval": None if name in fixed or not len(law.draws) else interval(law.draws[:, i]),
        }
        for i, name in enumerate(names)
        if name
    }
    return {"form": law.form, "values": values}


def _ahead(laws: dict[str, Law], at: tuple[float, float]) -> dict[str, object]:
    """Predictions at a size beyond the largest, and the differences of pairs with intervals."""
    losses = {name: {"value": law.loss(*at), "interval": interval(law.sampled(*at))} for name, law in laws.items()}
    pairs = []
    for a, b in itertools.combinations(laws, 2):
        both = len(laws[a].draws) and len(laws[b].draws)
        ends = interval(laws[a].sampled(*at) - laws[b].sampled(*at)) if both else None
        pairs.append({"a": a, "b": b, "delta": laws[a].loss(*at) - laws[b].loss(*at), "interval": ends})
    return {"weights": at[0], "tokens": at[1], "flops": 6 * at[0] * at[1], "losses": losses, "pairs": pairs}


def spent(paths: Sequence[Path], flops: float) -> list[dict[str, Any]]:
    """For each mixture of these experiments what its law makes of so much compute: the best weights and tokens, and the loss.

    Where the law can't tell weights from tokens, those of the largest run's ratio (`best` False).  Raises ProbeError, also
    when nothing can be fitted.
    """
    sizes = find(paths)
    out = []
    for i, name in enumerate(dict.fromkeys(name for size in sizes for name in size.points)):
        points = [size.points[name] for size in sizes if name in size.points]
        law = fit(points, 1 + i)
        if law is None:
            continue
        top = max(points, key=lambda p: p.flops)
        ratio = top.tokens / top.weights
        at = law.best(flops) or (math.sqrt(flops / 6 / ratio), math.sqrt(flops / 6 * ratio))
        out.append(
            {
                "mixture": name,
                "form": law.form,
                "best": law.best(flops) is not None,
                "parameters": at[0],
                "tokens": at[1],
                "loss": law.loss(*at),
                "interval": interval(law.sampled(*at)),
                "beyond": flops / top.flops,
            }
        )
    if not out:
        raise ProbeError(
            "too few runs for a fit: three sizes or budgets are needed (six, of different tokens per weight, for all exponents)"
        )
    return out


def text(found: dict[str, Any]) -> str:
    """For a terminal."""
    from train_probe.config import short

    lines = [f"what decides: {found['primary']}"]
    for size in found["sizes"]:
        lines.append(f"{size['name']} ({size['preset']}):")
        for name, p in size["mixtures"].items():
            lines.append(
                f"  {p['loss']:.4f} bits per byte  {name}  ({short(p['weights'])} weights, {short(p['tokens'])} tokens, "
                f"{p['flops']:.2g} FLOPs, {counted_seeds(p['seeds'])})"
            )
    for pair in found["orders"]:
        lines.append(f"{pair['a']} - {pair['b']}: {pair['said']}")
        lines += [
            f"  {row['size']}: {row['delta']:+.4f}{_ends(row['interval'], '+')}, {counted_seeds(row['seeds'])}: {row['verdict']}"
            for row in pair["sizes"]
        ]
    if not found["laws"]:
        return "\n".join(
            [*lines, "no fit: it needs three sizes or budgets (six, of different tokens per weight, for all exponents)"]
        )
    lines.append("bits per byte of the held-out text by N (FLOPs of a token / 6) and D (tokens):")
    for name, law in found["laws"].items():
        form = "E + K / (6 N D)^c" if law["form"] == "compute" else "E + A / N^alpha + B / D^beta"
        values = ", ".join(f"{n} {v['value']:.4g}{_ends(v['interval'])}" for n, v in law["values"].items())
        lines.append(f"  {name}: {form}: {values}")
    ahead = found["ahead"]
    lines.append(
        f"at {ahead['flops']:.2g} FLOPs ({short(ahead['weights'])} weights, {short(ahead['tokens'])} tokens), if the law goes on:"
    )
    lines += [f"  {v['value']:.4f}{_ends(v['interval'])}  {name}" for name, v in ahead["losses"].items()]
    lines += [f"  {p['a']} - {p['b']}: {p['delta']:+.4f}{_ends(p['interval'], '+')}" for p in ahead["pairs"]]
    return "\n".join(lines)


def _ends(ends: Sequence[float] | None, sign: str = "") -> str:
    return f" [{ends[0]:{sign}.4g}, {ends[1]:{sign}.4g}]" if ends else ""
