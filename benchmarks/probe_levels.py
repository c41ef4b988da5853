"""Levels and power of the verdict by simulation, without training: `python -m benchmarks.probe_levels [TRIALS]`.

level   how often equal corpora are called different at a test of 5 %, by seeds and held-out documents, few and uneven ones among
        them (their sizes are lognormal, a factor of e either way), seeds alone or with as much noise of documents
looks   the same over 20 looks, one after each further seed, stopping at the first that shows something
power   what an experiment says it would find with power .8, given to other experiments: how often they show it; for 2 to 12 seeds,
        and of three mixtures corrected by Holm
seeds   how often the seeds that an experiment says a difference would take do show it: planned anew, and added at its own next looks
parts   how far what a seed reads is from what was asked, when a corpus of few documents in a source is cut into parts
"""

import sys
from typing import Any

import numpy as np

from train_probe import compare, looks, statistics
from train_probe.data import DOCUMENTS, part_of
from train_probe.evaluate import Scores
from train_probe.statistics import Difference, Floats, detectable, difference, seeds_needed


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
    """Table of levels."""
    print(
        "| seeds | held-out documents | noise of documents | compared | level (5 % asked) |\n|---:|---:|---:|---|---:|"
    )
    for seeds in (2, 3, 5):
        for items in (5, 12, 40, 200):
            for noise in (0.0, 0.7):
                for shared in (0.0, 0.9):
                    rng = np.random.Generator(np.random.PCG64(17))
                    found = [sides(rng, seeds, items, noise, shared) for _ in range(trials)]
                    wrong = np.mean([abs(one.delta) > one.half(0.05) for one in found])
                    print(f"| {seeds} | {items} | {noise:g} | {kind(shared)} | {wrong:.1%} |", flush=True)


def kind(shared: float) -> str:
    """How seeds are compared."""
    return "in pairs" if shared >= 0.5 else "apart"


def promised(trials: int, seeds: int, items: int, noise: float, shared: float, tail: float, others: int = 8) -> float:
    """How often `others` other experiments show what each of `trials` says it would find with power .8."""
    rng = np.random.Generator(np.random.PCG64(20))
    again = [sides(rng, seeds, items, noise, shared) for _ in range(trials)]
    found, half = np.array([one.delta for one in again]), np.array([one.half(tail) for one in again])
    says = [detectable(sides(rng, seeds, items, noise, shared), tail) for _ in range(trials)]
    picked = rng.integers(0, trials, (trials, others))
    return float((abs(found[picked] + np.array(says)[:, None]) > half[picked]).mean())


def powers(trials: int) -> None:
    """Table of promised and attained power."""
    print(
        "\n| seeds | compared | seeds alone | 40 documents | 5 documents | corrected for 3 pairs |\n|---:|---|---:|---:|---:|---:|"
    )
    for seeds in (2, 3, 4, 5, 6, 8, 10, 12):
        for shared in (0.9, 0.0):
            cells = [(40, 0.0, 0.04), (40, 0.7, 0.04), (5, 0.7, 0.04), (40, 0.0, 0.04 / 3)]
            row = [promised(trials, seeds, items, noise, shared, tail) for items, noise, tail in cells]
            print(f"| {seeds} | {kind(shared)} | " + " | ".join(f"{x:.0%}" for x in row) + " |", flush=True)


def three(trials: int) -> None:
    """Promised and attained power where three mixtures are corrected by Holm, by the verdicts themselves."""
    print("\n| seeds | third mixture | a - b shown (.8 said) |\n|---:|---|---:|")
    for seeds in (3, 5, 8):
        for third, place in (("far from both, shown", 40.0), ("between them", 0.5), ("as a", 0.0)):
            rng, shown = np.random.Generator(np.random.PCG64(21)), 0
            for _ in range(trials):
                far = place if place > 1 else 0.0
                says = verdict(rng, seeds, (0.0, 0.0, far))["detectable"] or 0.0
                means = (0.0, says, far or place * says)
                shown += verdict(rng, seeds, means)["verdict"].endswith(" is better")
            print(f"| {seeds} | {third} | {shown / trials:.0%} |", flush=True)


def verdict(rng: np.random.Generator, seeds: int, means: tuple[float, ...]) -> Any:
    """The pair a, b of mixtures with these means and noise 1 of a seed, 12 documents, as the probe judges it."""
    ones = np.ones(12)
    runs = {
        name: {
            i: {"scores": {"bits per byte": Scores(np.full(12, 1000 + x), ones, ["s"] * 12).to_dict()}}
            for i, x in enumerate(mean + rng.normal(size=seeds))
        }
        for name, mean in zip("abc", means, strict=True)
    }
    return compare.judge(runs, "bits per byte", 1e-9, alpha=looks.PLANNED)["pairs"][0]


def seeds_said(trials: int) -> None:
    """How often the seeds that are said do show the difference."""
    print(
        "\n| planned | true difference | compared | planned anew: seeds, shown | added at the next looks: seeds in all, shown |\n|---:|---:|---|---|---|"
    )
    anew = [(n, looks.PLANNED) for n in range(2, 101)]
    for planned in (3, 5, 8):
        for size in (1.0, 1.5):
            for shared in (0.0, 0.9):
                rng = np.random.Generator(np.random.PCG64(22))
                true = size * (1.0 if shared < 0.5 else 0.4)
                rows = []
                for _ in range(trials):
                    both, own = rng.normal(size=64 * planned), rng.normal(size=(2, 64 * planned))
                    a, b = np.sqrt(shared) * both + np.sqrt(1 - shared) * own
                    first = plain(a[:planned] + true, b[:planned], shared)
                    if abs(first.delta) > first.half(looks.PLANNED):
                        continue
                    new = seeds_needed(first, true, anew)
                    more = seeds_needed(first, true, looks.later(planned, planned))
                    if new is None or more is None:
                        continue
                    x, y = np.sqrt(shared) * rng.normal(size=new) + np.sqrt(1 - shared) * rng.normal(size=(2, new))
                    other, longer = plain(x + true, y, shared), plain(a[:more] + true, b[:more], shared)
                    shown = abs(other.delta) > other.half(looks.PLANNED)
                    rows.append((new, shown, more, abs(longer.delta) > longer.half(looks.share(more, planned) or 0.0)))
                new, shown, more, later = np.mean(rows, 0)
                cells = f"{new:.0f}, {shown:.0%} | {more:.0f}, {later:.0%}"
                print(f"| {planned} | {true:g} | {kind(shared)} | {cells} |", flush=True)


def plain(a: Floats, b: Floats, shared: float) -> Difference:
    """The difference of figures of one item each."""
    one = np.ones(1)
    x, y = ([(side[i : i + 1], one) for i in range(len(side))] for side in (a, b))
    return difference(x, y, shared >= 0.5)


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
            print(f"| {planned} | {kind(shared)} | {shown.mean():.1%} | {fooled.mean():.1%} |", flush=True)


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
    powers(trials)
    three(trials)
    seeds_said(trials)
    levels(trials)
    peeking(trials // 2)
