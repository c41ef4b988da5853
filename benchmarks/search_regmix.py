"""Choose one of 64 mixtures at 1B from a few runs at 1M: RegMix's tables (Liu et al. 2024), 17 sources, 13 losses.

    python benchmarks/search_regmix.py FOLDER [--resamples 200] [--rows 35,70]

FOLDER holds the published CSV files. A resample is a random half of the 512 runs, from which the design chooses its rows
without looking at a loss. Regret is what the chosen mixture's mean loss is above the lowest, in nats. The 64 mixtures have
one optimum, so for the coverage of the region 64 of 256 others are drawn each time, whose losses at 1M and 60M are known.
"""

import argparse
from pathlib import Path

import numpy as np

from curate.search import choose, design, tables
from curate.search.fit import rank_correlation
from curate.search.laws import Forest, Law
from curate.search.surface import Surface


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


def row(name: str, regrets: list[float], ranks: list[float]) -> None:
    """Print a line of the table."""
    found = np.array(regrets)
    hit = f"{(found == 0).mean():.0%}"
    print(
        f"| {name} | {found.mean():.4f} | {np.quantile(found, 0.95):.4f} | {hit} | {np.mean(ranks):.3f} |", flush=True
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--resamples", type=int, default=200)
    parser.add_argument("--rows", default="35,70")
    asked = parser.parse_args()
    train, large = load(asked.folder, "train", "1m"), load(asked.folder, "test", "1B")
    small, middle = load(asked.folder, "test", "1m"), load(asked.folder, "test", "60m")
    truth = large.losses.mean(1)
    for count in map(int, asked.rows.split(",")):
        scores: dict[str, tuple[list[float], list[float]]] = {}
        held: dict[str, list[tuple[bool, int]]] = {"1m": [], "60m": [], "1B": []}

        def add(name: str, predicted: np.ndarray, scores: dict[str, tuple[list[float], list[float]]] = scores) -> None:
            kept = scores.setdefault(name, ([], []))
            kept[0].append(float(truth[predicted.argmin()] - truth.min()))
            kept[1].append(rank_correlation(predicted, truth))

        for number in range(asked.resamples):
            rng = np.random.default_rng(number)
            half = rng.permutation(len(train.weights))[: len(train.weights) // 2]
            chosen, others = half[design.choose(train.weights[half], count)], half[:count]
            for how, places in (("by design", chosen), ("at random", others)):
                w, y = train.weights[places], train.losses[places]
                surface = Surface(w, y)
                add(f"**surface**, rows {how}", surface.mean(large.weights).mean(1))
                add(f"ridge on shares and logarithms, {how}", ridge(w, y, large.weights).mean(1))
                add(f"exponential law per loss, {how}", Law(w, y).mean(large.weights).mean(1))
                if number < 25:
                    add(f"forest, {how} (25 resamples)", Forest(w, y).mean(large.weights).mean(1))
                if how == "by design":
                    some = rng.permutation(len(small.weights))[:64]
                    prior = w.mean(0)
                    answer = choose.among(surface, small.weights[some], prior, 0.0)
                    for size, runs in (("1m", small), ("60m", middle)):
                        best = int(runs.losses[some].mean(1).argmin())
                        held[size].append((best in answer.region, len(answer.region)))
                    answer = choose.among(surface, large.weights, prior, 0.0)
                    held["1B"].append((int(truth.argmin()) in answer.region, len(answer.region)))
            entropy = (large.weights * np.log(np.maximum(large.weights, 1e-9))).sum(1)
            add("rule: the most even mixture", entropy)
            add("rule: nearest to the runs' mean", choose.divergence(large.weights, train.weights.mean(0)))
            add("rule: most web (Pile-CC)", -large.weights[:, large.sources.index("the_pile_pile_cc")])
            add("rule: one at random", rng.random(len(truth)))
        print(f"\n{count} runs at 1M, {asked.resamples} resamples\n")
        print(
            "| what chooses | regret, mean | 95 % of them below | finds the best | rank correlation |\n|---|---|---|---|---|"
        )
        for name, (regrets, ranks) in scores.items():
            row(name, regrets, ranks)
        print("\n| 95 % region: best of 64 | holds it | mixtures in it |\n|---|---|---|")
        for size, found in held.items():
            print(
                f"| {size} | {np.mean([a for a, _ in found]):.1%} | {np.mean([b for _, b in found]):.1f} |", flush=True
            )


if __name__ == "__main__":
    main()
