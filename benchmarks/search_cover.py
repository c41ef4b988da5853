"""How often does the region hold the best mixture? Published tables, each resample with another optimum.

    python -m benchmarks.search_cover regmix FOLDER [--resamples 100] [--rows 35] [--keep FILE] [--seconds S]
    python -m benchmarks.search_cover laws TABLE... [--resamples 100] [--keep FILE] [--seconds S]

regmix: rows of half of the 512 runs by design, the region among 64 of 256 other mixtures whose losses are known. One fit of
all 13 losses serves several objectives: their mean, the mean of a random four, a random one. laws: tables of the data
mixing laws (Ye et al. 2024), fitted to a random two thirds of the runs, the region among the others. Beside the region stands what it was
before its spread was set by left-out errors ("as stated").
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
    weights: np.ndarray, losses: np.ndarray, others: np.ndarray, truth: np.ndarray, some: dict[str, list[int]]
) -> Any:
    """For each objective (places of its losses): the factor, and for both regions whether the best is in it, and the size."""
    surface = Surface(weights, losses)
    order = np.random.Generator(np.random.PCG64(0)).permutation(len(weights))
    folds = [order[fold :: fit.FOLDS] for fold in range(fit.FOLDS)]
    without = [(Surface(weights[rest], losses[rest]), out) for out in folds for rest in [np.setdiff1d(order, out)]]
    found = {}
    for name, places in some.items():
        one = Only(surface, places)
        widen = fit.widening([(Only(s, places), out) for s, out in without], weights, losses[:, places])
        best = int(truth[:, places].mean(1).argmin())
        row: list[float] = [widen]
        for factor in (1.0, widen):
            answer = choose.among(one, others, weights.mean(0), 0.0, widen=factor)
            row += [float(best in answer.region), float(len(answer.region))]
        found[name] = row
    return found


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


def regmix(folder: Path, resamples: int, count: int) -> Iterator[Any]:
    """Resamples of RegMix's tables; each is a function that does it."""
    train, test = load(folder, "train", "1m"), load(folder, "test", "1m")
    for number in range(resamples):

        def one(number: int = number) -> Any:
            rng = np.random.default_rng(number)
            half = rng.permutation(len(train.weights))[: len(train.weights) // 2]
            places = half[design.choose(train.weights[half], count)]
            some = rng.permutation(len(test.weights))[:64]
            metrics = rng.permutation(train.losses.shape[1]).tolist()
            objectives = {"mean of 13": sorted(metrics), "mean of 4": metrics[:4], "one loss": metrics[:1]}
            return held(train.weights[places], train.losses[places], test.weights[some], test.losses[some], objectives)

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
                return held(runs.weights[a], runs.losses[a], runs.weights[b], runs.losses[b], objectives)

            yield f"{Path(path).stem} {number}", one


def main() -> None:
    """Do what is not kept, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=("regmix", "laws"))
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--resamples", type=int, default=100)
    parser.add_argument("--rows", type=int, default=35)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--seconds", type=float, default=1e9)
    asked = parser.parse_args()
    began = time.monotonic()
    lines = asked.keep.read_text().splitlines() if asked.keep and asked.keep.exists() else []
    kept = {key: row for line in lines for key, row in json.loads(line).items()}
    wanted = (
        regmix(Path(asked.paths[0]), asked.resamples, asked.rows)
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
        for name, row in kept.get(key, {}).items():
            found.setdefault(name, []).append(row)
    print("| objective | resamples | as stated: held, size | widened by left-out errors: held, size | factor |")
    print("|---|---:|---|---|---:|")
    for name, rows in found.items():
        widen, before, many, after, more = np.mean(rows, 0)
        print(f"| {name} | {len(rows)} | {before:.1%}, {many:.1f} | {after:.1%}, {more:.1f} | {widen:.2f} |")


if __name__ == "__main__":
    main()
