"""Choose one of 64 mixtures at 1B from a few runs at 1M: RegMix's tables (Liu et al. 2024), 17 sources, 13 losses.

    python -m benchmarks.search_regmix FOLDER [--resamples 200] [--rows 35,70] [--keep FILE] [--seconds S]

FOLDER holds the published CSV files. A resample is a random half of the 512 runs, from which the design chooses its rows
without looking at a loss. Regret is what the chosen mixture's mean loss is above the lowest, in nats. The 64 mixtures have
one optimum, so for the coverage of the region 64 of 256 others are drawn each time, whose losses at 1M and 60M are known.
With --keep, resamples that are in the file are not done again; --seconds stops after that time.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from curate.search import choose, design, tables
from curate.search.fit import rank_correlation
from curate.search.laws import Forest, Law
from curate.search.surface import Surface

FORESTS = 20
"""Resamples that grow forests: they are slow, and far behind."""


def load(folder: Path, which: str, size: str) -> tables.Runs:
    """Weights and losses; `which` is train or test."""
    return tables.read([str(folder / f"{which}_{kind}_{size}.csv") for kind in ("mixture", "pile_loss")])


def ridge(weights: np.ndarray, losses: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Ridge over shares and their logarithms for each loss, strength by left-out error: the rule to beat."""

    def shape(w: np.ndarray) -> np.ndarray:
        return np.concatenate([w, np.log(w + 1e-3)], 1)

    x, middle = shape(weights), losses.mean(0)
    shift, scale = x.mean(0), np.maximum(x.std(0), 1e-9)
    u, s, vt = np.linalg.svd((x - shift) / scale, full_matrices=False)
    best: list[tuple[float, np.ndarray]] = [(np.inf, vt[0])] * losses.shape[1]
    for strength in (0.1, 1.0, 3.0, 10.0, 30.0):
        keep = s**2 / (s**2 + strength)
        own = (u**2 * keep).sum(1) + 1 / len(x)
        left = (losses - middle - u @ (keep[:, None] * (u.T @ (losses - middle)))) / (1 - own)[:, None]
        slope = vt.T @ ((s / (s**2 + strength))[:, None] * (u.T @ (losses - middle)))
        for j, error in enumerate((left**2).mean(0)):
            best[j] = min(best[j], (float(error), slope[:, j]), key=lambda one: one[0])
    return middle + (shape(asked) - shift) / scale @ np.stack([slope for _, slope in best], 1)


def resample(number: int, count: int, runs: dict[str, tables.Runs]) -> dict[str, Any]:
    """Regret and rank correlation of everything that chooses, and what the region held, for one half of the runs."""
    train, large = runs["train"], runs["1B"]
    truth = large.losses.mean(1)
    scores: dict[str, list[float]] = {}

    def add(name: str, predicted: np.ndarray) -> None:
        regret = float(truth[predicted.argmin()] - truth.min())
        scores[name] = [regret, rank_correlation(predicted, truth)]

    rng = np.random.default_rng(number)
    half = rng.permutation(len(train.weights))[: len(train.weights) // 2]
    held: dict[str, list[int]] = {}
    for how, places in (("by design", half[design.choose(train.weights[half], count)]), ("at random", half[:count])):
        w, y = train.weights[places], train.losses[places]
        surface = Surface(w, y)
        add(f"**surface**, rows {how}", surface.mean(large.weights).mean(1))
        add(f"ridge on shares and logarithms, {how}", ridge(w, y, large.weights).mean(1))
        add(f"exponential law per loss, {how}", Law(w, y).mean(large.weights).mean(1))
        if number < FORESTS:
            add(f"forest, {how} ({FORESTS} resamples)", Forest(w, y).mean(large.weights).mean(1))
        if how == "by design":
            some = rng.permutation(len(runs["1m"].weights))[:64]
            answers = {"1m": choose.among(surface, runs["1m"].weights[some], w.mean(0), 0.0)}
            answers |= {"60m": answers["1m"], "1B": choose.among(surface, large.weights, w.mean(0), 0.0)}
            for size, answer in answers.items():
                losses = runs[size].losses.mean(1)
                best = int((losses if size == "1B" else losses[some]).argmin())
                held[size] = [int(best in answer.region), len(answer.region)]
    add("rule: the most even mixture", (large.weights * np.log(np.maximum(large.weights, 1e-9))).sum(1))
    add("rule: nearest to the runs' mean", choose.divergence(large.weights, train.weights.mean(0)))
    add("rule: most web (Pile-CC)", -large.weights[:, large.sources.index("the_pile_pile_cc")])
    add("rule: one at random", rng.random(len(truth)))
    return {"number": number, "rows": count, "scores": scores, "held": held}


def show(found: list[dict[str, Any]], count: int) -> None:
    """Print the tables of one number of rows."""
    print(f"\n{count} runs at 1M, {len(found)} resamples\n")
    print(
        "| what chooses | regret, mean | 95 % of them below | finds the best | rank correlation |\n|---|---|---|---|---|"
    )
    for name in found[0]["scores"]:
        regrets, ranks = np.array([one["scores"][name] for one in found if name in one["scores"]]).T
        cells = [f"{regrets.mean():.4f}", f"{np.quantile(regrets, 0.95):.4f}", f"{(regrets == 0).mean():.0%}"]
        print(f"| {name} | {' | '.join(cells)} | {ranks.mean():.3f} |")
    print("\n| 95 % region: best of 64 at | holds it | mixtures in it |\n|---|---|---|")
    for size in found[0]["held"]:
        inside, many = np.mean([one["held"][size] for one in found], 0)
        print(f"| {size} | {inside:.1%} | {many:.1f} |")


def main() -> None:
    """Do what is not kept, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--resamples", type=int, default=200)
    parser.add_argument("--rows", default="35,70")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--seconds", type=float, default=1e9)
    asked = parser.parse_args()
    began = time.monotonic()
    runs = {"train": load(asked.folder, "train", "1m"), "1B": load(asked.folder, "test", "1B")}
    runs |= {size: load(asked.folder, "test", size) for size in ("1m", "60m")}
    kept = asked.keep.read_text().splitlines() if asked.keep and asked.keep.exists() else []
    found = [json.loads(line) for line in kept]
    done = {(one["number"], one["rows"]) for one in found}
    for number in range(asked.resamples):
        for count in map(int, asked.rows.split(",")):
            if (number, count) not in done and time.monotonic() - began < asked.seconds:
                found.append(resample(number, count, runs))
                if asked.keep:
                    with asked.keep.open("a") as out:
                        out.write(json.dumps(found[-1]) + "\n")
    for count in map(int, asked.rows.split(",")):
        some = sorted((one for one in found if one["rows"] == count), key=lambda one: one["number"])
        if some:
            show(some, count)


if __name__ == "__main__":
    main()
