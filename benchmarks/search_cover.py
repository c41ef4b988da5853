"""How often does the region hold the best mixture? Published tables, each resample with another optimum.

    python -m benchmarks.search_cover regmix FOLDER [--resamples 100] [--rows 35] [--first 0] [--keep FILE] [--seconds S]
    python -m benchmarks.search_cover laws TABLE... [--resamples 100] [--keep FILE] [--seconds S]

regmix: rows of half of the 512 runs by design, the region among 64 other mixtures whose losses are known: of the 256 that the
authors trained beside, at 1M and at 60M (what the region says nothing about: that larger models want the same), and of all 768 but the fitted,
which has more optima to be drawn. One fit of all 13 losses serves several objectives: their mean, the mean of a random four, each alone (a row
of the table is their mean). laws: tables of the data mixing laws (Ye et al. 2024), fitted to a random two thirds of the runs,
the region among the others. Beside the region stands what it was before its spread was set by left-out errors ("as stated").
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search_regmix import load
from curate.search import choose, design, fit, tables
from curate.search.surface import Surface


def held(
    weights: np.ndarray,
    losses: np.ndarray,
    among: dict[str, tuple[np.ndarray, dict[str, np.ndarray]]],
    some: dict[str, list[int]],
) -> Any:
    """For each objective (places of its losses) and truth: the factor, and for both regions whether the best is in it, and the size.

    `among`: for each set of candidates their weights, and by name their true losses.
    """
    surface = Kept(Surface(weights, losses))
    order = np.random.Generator(np.random.PCG64(0)).permutation(len(weights))
    folds = [order[fold :: fit.FOLDS] for fold in range(fit.FOLDS)]
    without = [
        (Kept(Surface(weights[rest], losses[rest])), out) for out in folds for rest in [np.setdiff1d(order, out)]
    ]
    found: dict[str, list[float]] = {}
    for name, places in some.items():
        one = Only(surface, places)
        widen = fit.widening([(Only(s, places), out) for s, out in without], weights, losses[:, places])
        for which, (others, truths) in among.items():
            regions = [
                choose.among(one, others, weights.mean(0), 0.0, widen=factor).region.tolist() for factor in (1.0, widen)
            ]
            for size, truth in truths.items():
                best = int(truth[:, places].mean(1).argmin())
                row: list[float] = [widen]
                for region in regions:
                    row += [float(best in region), float(len(region))]
                found[f"{name}; {which}{size}"] = row
    return found


class Kept:
    """A fit that draws the same thing once."""

    name = "surface"

    def __init__(self, whole: fit.Fit) -> None:
        """Nothing is drawn yet."""
        self.whole = whole
        self.drawn: dict[Any, np.ndarray] = {}

    def mean(self, weights: np.ndarray) -> np.ndarray:
        """[k, metrics]."""
        return self.whole.mean(weights)

    def draws(self, weights: np.ndarray, count: int, seed: int, noise: bool = False) -> np.ndarray:
        """[count, k, metrics]."""
        key = (weights.tobytes(), count, seed, noise)
        if key not in self.drawn:
            self.drawn[key] = self.whole.draws(weights, count, seed, noise)
        return self.drawn[key]


class Only:
    """Some losses of a fit."""

    name = "surface"

    def __init__(self, whole: fit.Fit, places: list[int]) -> None:
        """`places` are columns."""
        self.whole, self.places = whole, places

    def mean(self, weights: np.ndarray) -> np.ndarray:
        """[k, places]."""
        return self.whole.mean(weights)[:, self.places]

    def draws(self, weights: np.ndarray, count: int, seed: int, noise: bool = False) -> np.ndarray:
        """[count, k, places]."""
        return self.whole.draws(weights, count, seed, noise)[:, :, self.places]


def regmix(folder: Path, resamples: int, count: int, first: int) -> Iterator[Any]:
    """Resamples of RegMix's tables; each is a function that does it."""
    train, test, larger = load(folder, "train", "1m"), load(folder, "test", "1m"), load(folder, "test", "60m")
    every = [np.concatenate([getattr(train, part), getattr(test, part)]) for part in ("weights", "losses")]
    for number in range(first, first + resamples):

        def one(number: int = number) -> Any:
            rng = np.random.default_rng(number)
            half = rng.permutation(len(train.weights))[: len(train.weights) // 2]
            places = half[design.choose(train.weights[half], count)]
            some = rng.permutation(len(test.weights))[:64]
            metrics = rng.permutation(train.losses.shape[1]).tolist()
            wide = rng.permutation(np.setdiff1d(np.arange(len(every[0])), places))[:64]
            among = {
                "the 256": (test.weights[some], {"": test.losses[some], " at 60M": larger.losses[some]}),
                "all others": (every[0][wide], {"": every[1][wide]}),
            }
            objectives = {"mean of 13": sorted(metrics), "mean of 4": metrics[:4]}
            objectives |= {f"loss {j}": [j] for j in sorted(metrics)}
            return held(train.weights[places], train.losses[places], among, objectives)

        yield f"{count} {number}", one


def laws(paths: list[str], resamples: int) -> Iterator[Any]:
    """Resamples of tables of the mixing laws."""
    for path in paths:
        runs = tables.read([path])
        for number in range(resamples):

            def one(number: int = number, runs: tables.Runs = runs, path: str = path) -> Any:
                order = np.random.default_rng(number).permutation(len(runs.weights))
                a, b = order[: 2 * len(order) // 3], order[2 * len(order) // 3 :]
                every = list(range(runs.losses.shape[1]))
                objectives = {Path(path).stem: every}
                return held(runs.weights[a], runs.losses[a], {"": (runs.weights[b], {"": runs.losses[b]})}, objectives)

            yield f"{Path(path).stem} {number}", one


def main() -> None:
    """Do what is not kept, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=("regmix", "laws"))
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--resamples", type=int, default=100)
    parser.add_argument("--rows", type=int, default=35)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--seconds", type=float, default=1e9)
    asked = parser.parse_args()
    began = time.monotonic()
    lines = asked.keep.read_text().splitlines() if asked.keep and asked.keep.exists() else []
    kept = {key: row for line in lines for key, row in json.loads(line).items()}
    wanted = (
        regmix(Path(asked.paths[0]), asked.resamples, asked.rows, asked.first)
        if asked.kind == "regmix"
        else laws(asked.paths, asked.resamples)
    )
    found: dict[str, list[list[float]]] = {}
    for key, one in wanted:
        if key not in kept and time.monotonic() - began < asked.seconds:
            kept[key] = one()
            if asked.keep:
                with asked.keep.open("a") as out:
                    out.write(json.dumps({key: kept[key]}) + "\n")
        rows: dict[str, list[list[float]]] = {}
        for name, row in kept.get(key, {}).items():
            objective, _, where = name.partition("; ")
            rows.setdefault(f"{'one loss' if objective.startswith('loss ') else objective}; {where}", []).append(row)
        for name, some in rows.items():
            found.setdefault(name, []).append(np.mean(some, 0).tolist())
    print("| objective; among | resamples | as stated: held, size | widened by left-out errors: held, size | factor |")
    print("|---|---:|---|---|---:|")
    for name, lines_of in found.items():
        widen, before, many, after, more = np.mean(lines_of, 0)
        print(f"| {name} | {len(lines_of)} | {before:.1%}, {many:.1f} | {after:.1%}, {more:.1f} | {widen:.2f} |")


if __name__ == "__main__":
    main()
