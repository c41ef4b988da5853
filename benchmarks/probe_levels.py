"""Levels and power of the verdict by simulation, without training: `python -m benchmarks.probe_levels [TRIALS]`.

level   how often equal corpora are called different at a test of 5 %, by seeds and held-out documents, few and uneven ones among
        them (their sizes are lognormal, a factor of e either way), seeds alone or with as much noise of documents
looks   the same over 20 looks, one after each further seed, stopping at the first that shows something
power   how often a difference of the size "found with power .8" (median over the trials) is shown
parts   how far what a seed reads is from what was asked, when a corpus of few documents in a source is cut into parts
"""

import sys

import numpy as np

from train_probe import looks, statistics
from train_probe.data import DOCUMENTS, part_of
from train_probe.statistics import Difference, detectable, difference


def sides(rng: np.random.Generator, seeds: int, items: int, noise: float, shared: float) -> Difference:
    """A comparison of equals: noise of seeds of 1, of which a pair shares `shared`, and `noise` of the documents' mean."""
    both, own = rng.normal(size=seeds), rng.normal(size=(2, seeds))
    level = np.sqrt(shared) * both + np.sqrt(1 - shared) * own
    size = rng.lognormal(0, 1, items)
    of_item = rng.normal(size=items) * noise * np.sqrt(size * size.sum())  # long documents have more to add
    a = [((x * size + of_item), size) for x in level[0]]
    b = [(x * size, size) for x in level[1]]
    return difference(a, b, shared >= 0.5)


def levels(trials: int) -> None:
    """Tables of level and power."""
    print(
        "| seeds | held-out documents | noise of documents | compared | level (5 % asked) | power at 'finds' (.8 stated) |"
    )
    print("|---:|---:|---:|---|---:|---:|")
    for seeds in (2, 3, 5):
        for items in (5, 12, 40, 200):
            for noise in (0.0, 0.7):
                for shared in (0.0, 0.9):
                    rng = np.random.Generator(np.random.PCG64(17))
                    found = [sides(rng, seeds, items, noise, shared) for _ in range(trials)]
                    halves = np.array([one.half(0.05) for one in found])
                    deltas = np.array([one.delta for one in found])
                    size = float(np.median([detectable(one, 0.05) for one in found[:300]]))
                    wrong, shown = (abs(deltas) > halves).mean(), (abs(deltas + size) > halves).mean()
                    kind = "in pairs" if shared else "apart"
                    print(f"| {seeds} | {items} | {noise:g} | {kind} | {wrong:.1%} | {shown:.0%} |", flush=True)


def peeking(trials: int) -> None:
    """False verdicts over 20 looks."""
    print("\n| planned seeds | compared | stated looks | a test at 5 % after each |\n|---:|---|---:|---:|")
    for planned in (3, 6, 22):
        for shared in (0.0, 0.9):
            rng = np.random.Generator(np.random.PCG64(18))
            both, own = rng.normal(size=(trials, 22)), rng.normal(size=(2, trials, 22))
            a, b = np.sqrt(shared) * both + np.sqrt(1 - shared) * own
            shown, fooled = np.zeros((2, trials), dtype=bool)
            one = np.ones(1)
            for trial in range(trials):
                for count in range(3, 23):
                    alpha = looks.share(count, planned)
                    some = ([(x[trial, i : i + 1], one) for i in range(count)] for x in (a, b))
                    found = difference(*some, shared >= 0.5)
                    shown[trial] |= alpha is not None and abs(found.delta) > found.half(alpha)
                    fooled[trial] |= abs(found.delta) > found.half(0.05)
                    if shown[trial] and fooled[trial]:
                        break
            kind = "in pairs" if shared else "apart"
            print(f"| {planned} | {kind} | {shown.mean():.1%} | {fooled.mean():.1%} |", flush=True)


def parts() -> None:
    """The largest distance of a part's share of a source from the asked one."""
    print("\n| documents of the small source | parts | asked | seen by the parts |\n|---:|---:|---:|---|")
    for documents, count in ((13, 3), (40, 3), (40, 5), (400, 5)):
        rng = np.random.Generator(np.random.PCG64(19))
        table = np.zeros(documents + 3000, dtype=DOCUMENTS)
        table["key"] = rng.integers(0, 2**63, len(table))
        table["source"][:documents] = 1
        table["tokens"][:documents] = rng.lognormal(8, 1, documents)
        table["tokens"][documents:] = rng.lognormal(5, 1, 3000)
        cut = part_of(table, ["web", "code"], count)
        tokens = np.array([np.bincount(table["source"][cut == i], table["tokens"][cut == i], 2) for i in range(count)])
        asked = table["tokens"][:documents].sum() / table["tokens"].sum()
        seen = ", ".join(f"{share:.1%}" for share in tokens[:, 1] / tokens.sum(1))
        print(f"| {documents} | {count} | {asked:.1%} | {seen} |")


if __name__ == "__main__":
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    statistics.RESAMPLES = 200
    parts()
    print()
    levels(trials)
    peeking(trials // 2)
