"""The verdict of an experiment, from what is on disk.

The primary metric was fixed before the training and decides alone.  All pairs of mixtures are tested on it and
corrected by Holm.  The other metrics decide nothing: they have the same figures (difference, interval, p, power, seeds
needed).  The p of the second one, which follows from the first, is corrected by Holm over the pairs of both, that of the
others over all pairs and all metrics.  They are greyed where the mixtures differ less than twice the noise of a seed.  Three answers for a pair: one is better / no difference shown (the interval lies inside the smallest
difference that matters) / too small to tell, with the number of seeds it would take.
"""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from train_probe import breakdown, budget, looks, suite
from train_probe.data import TokenFile
from train_probe.errors import ProbeError, believed
from train_probe.evaluate import MACRO, METRIC, Scores
from train_probe.request import HELD_OUT, Request, load, planned_seeds, write_json
from train_probe.statistics import Difference, detectable, difference, holm, holm_step, power, seeds_needed
from train_probe.tables import LEVEL, Found, Metric, Pair, Runs, lower_is_better, text, ways
from train_probe.train import read_result

SMALLEST = 0.005
"""The smallest difference that matters: of bits, as a share of the metric."""
SMALLEST_OF = {"accuracy": 0.01, "accuracy per byte": 0.01, "probability": 0.005}
"""Of shares and probabilities in absolute terms: near chance a part of the metric would mostly be a part of the chance."""
SHORTER = 1.25
"""From this ratio of mean lengths on, a verdict for the corpus of the shorter documents is said to be favoured by them."""
SIGNAL = 2.0
"""Differences of a metric between mixtures below this many times the noise of a seed are greyed."""
PAIRED = 0.5
"""From this share of common documents on, seeds are compared in pairs; see benchmarks/results/probe.md for the
correlations that were measured."""
MOST_PLANNED = 100
SHARED = (
    "All seeds drew from the same documents: this holds for these documents, not yet for others of the same kind. "
    "More text, or fewer tokens for each run, gives each seed documents of its own."
)


def compare(output: Path, smallest: float = SMALLEST, now: bool = False, primary: str | None = None) -> Found:
    """Judge the finished runs below `output`; writes verdict.json and report.html there.

    The look is recorded and uses its share of the 5 % (see looks.py).  While seeds that were planned are missing there is
    no verdict, unless `now`.  With another `primary` than was stated before the training there is none either: the
    figures are given, no look is taken and nothing is written.  Raises ProbeError when nothing is finished.
    """
    with believed(output):
        return _compare(output, smallest, now, primary)


def _compare(output: Path, smallest: float, now: bool, primary: str | None) -> Found:
    request = load(output)
    runs = with_means(results(output, list(request.mixtures)), request.suites)
    if primary is not None:
        asked = suite.metric(primary, *_known(runs, request))
        if asked != request.primary:
            return _afterwards(output, runs, request, asked, smallest)
    planned = planned_seeds(output)
    seeds = len(set.intersection(*(set(runs.get(name, {})) for name in request.mixtures)))
    look = looks.take(output, seeds, planned, now) if len(request.mixtures) > 1 else None
    documents = _documents(output, request.seeds)
    alpha = look.alpha if look else looks.PLANNED
    further = () if documents["apart"] else looks.later(seeds, planned)
    found = judge(runs, request.primary, smallest, _shared(output, runs), alpha, further)
    if look is None:
        point = looks.next_point(seeds, planned)
        for pair in found["pairs"]:
            pair["verdict"] = (
                f"not yet: {seeds} {'seed is' if seeds == 1 else 'seeds are'} finished, the next verdict is at {point}"
            )
    found["look"] = None if look is None else asdict(look)
    found["documents"] = documents
    found["differences"] = _differences(runs, found["pairs"])
    found["unseen"], lengths = _unseen(output, runs)
    for pair in found["pairs"]:
        pair["caveat"] = _caveat(pair, lengths)
    found["note"] = SHARED if found["pairs"] and not found["documents"]["apart"] else None
    _contradicted(found)
    found["text"] = text(found)
    write_json(output / "verdict.json", found)
    from train_probe.report import write

    write(found, runs, output)
    return found


def _afterwards(output: Path, runs: Runs, request: Request, asked: str, smallest: float) -> Found:
    """The figures of a metric that was not stated before the training: they are not a verdict."""
    found = judge(runs, asked, smallest, _shared(output, runs), looks.PLANNED)
    for pair in found["pairs"]:
        pair["verdict"] = f"no verdict: {request.primary} was stated before the training, and decides"
    found["stated"] = request.primary
    found["text"] = text(found)
    return found


def _shared(output: Path, runs: Runs) -> dict[tuple[str, str], float]:
    """The share of documents that the mixtures of each pair have in common."""
    return {
        (a, b): shared_documents(output / "data" / a, output / "data" / b) for a, b in itertools.combinations(runs, 2)
    }


def _known(runs: Runs, request: Request) -> tuple[set[str], dict[str, str]]:
    """Tasks that the runs were scored on, and the score of each suite."""
    scores = next(iter(next(iter(runs.values())).values()))["scores"]
    endings = [f" {score}" for score in suite.SCORES.values()]
    names = {name.removesuffix(end) for name in scores for end in endings if name.endswith(end)}
    stated = [s for s in endings if request.primary.endswith(s)]
    score = stated[0].strip() if stated and request.primary.startswith(suite.MEAN) else suite.SCORES["bpb"]
    return {name for name in names if not name.startswith(suite.MEAN)}, dict.fromkeys(request.suites, score)


def with_means(runs: Runs, suites: dict[str, list[str]]) -> Runs:
    """The runs with the mean of each suite among their scores."""

    def filled(run: dict[str, Any]) -> dict[str, object]:
        scores = {name: Scores.of(saved) for name, saved in run["scores"].items()}
        return {**run, "scores": run["scores"] | {n: s.to_dict() for n, s in suite.means(scores, suites).items()}}

    return (
        {name: {seed: filled(run) for seed, run in seeds.items()} for name, seeds in runs.items()} if suites else runs
    )


def results(output: Path, names: list[str]) -> Runs:
    """The finished runs by mixture and seed."""
    runs: Runs = {}
    for name in names:
        for path in sorted((output / "runs" / name).glob("seed-*/result.json")):
            seed = int(path.parent.name.removeprefix("seed-"))
            runs.setdefault(name, {})[seed] = read_result(path)
    if not runs:
        raise ProbeError(f"{output}: no finished runs yet; train with probe-train")
    return runs


def shared_documents(a: Path, b: Path) -> float:
    """What share of the tokens of two token files is of documents that both have; 0 where the files are gone.

    Documents are known by their id, each counts with the fewer of its tokens in the two: a corpus and a tenth of it
    ten times over have a tenth in common.
    """
    try:
        files = [TokenFile.open(path) for path in (a, b)]
    except ProbeError:  # the runs alone were kept: unpaired is right then, if wider
        return 0.0
    counted = []
    for file in files:
        keys, place = np.unique(file.documents["key"], return_inverse=True)
        counted.append((keys, np.bincount(place, file.documents["tokens"])))
    (keys, tokens), (others, more) = counted
    _, here, there = np.intersect1d(keys, others, assume_unique=True, return_indices=True)
    common = float(np.minimum(tokens[here], more[there]).sum())
    return 2 * common / max(1.0, float(tokens.sum() + more.sum()))


def _documents(output: Path, seeds: int) -> dict[str, int]:
    """Whether the seeds read documents of their own: decides what the interval holds."""
    found = budget.kept(output)
    parts = found.parts if found else 1
    return {"parts": parts, "apart": parts >= seeds > 1}


def _differences(runs: Runs, pairs: list[Pair]) -> list[str]:
    """For each pair and division of the held-out text (byte class, position ...) where most of the difference is."""
    found = []
    for pair in pairs:
        sides = [[run["parts"] for run in runs[x].values() if run.get("parts")] for x in (pair["a"], pair["b"])]
        if all(sides):
            found += breakdown.largest(sides[0], sides[1], (pair["a"], pair["b"]))
    return found


def _caveat(pair: Pair, lengths: dict[str, float]) -> str | None:
    """What is to be said beside a verdict for the corpus of the shorter documents (`lengths`: bytes a document)."""
    for winner, other in ((pair["a"], pair["b"]), (pair["b"], pair["a"])):
        ratio = lengths.get(other, 0.0) / lengths.get(winner, 1.0)
        if pair["verdict"] == f"{winner} is better" and ratio > SHORTER:
            return (
                f"its documents are {ratio:.1f} times shorter, which this budget and context favour: not an answer to whether "
                "long documents should be cut"
            )
    return None


def _unseen(output: Path, runs: Runs) -> tuple[list[str], dict[str, float]]:
    """What the budget and the context can't see, in sentences (equal tokens are not equal text); bytes a document."""
    try:
        files = {name: TokenFile.open(output / "data" / name) for name in runs}
        held = TokenFile.open(output / "data" / HELD_OUT)
    except ProbeError:  # the runs alone were kept
        return [], {}
    facts = {name: _facts(file, runs[name]) for name, file in files.items()}
    context = int(next(iter(next(iter(runs.values())).values()))["model"]["context"])
    seen = context * int(held.meta["bytes"]) / max(1, int(held.meta["tokens"]))
    sizes = held.documents["bytes"].astype(float)
    deep = float(np.maximum(sizes - seen, 0).sum() / sizes.sum())
    found = budget.kept(output)
    unit = found.unit if found else "tokens"
    each = ", ".join(
        f"{name} {next(iter(runs[name].values()))['tokens']:,} ({f['bytes']:,.0f})" for name, f in facts.items()
    )
    lines = [
        f"the budget is in {unit}; tokens of a run (bytes): {each}",
        f"the context of {context:,} tokens is about {seen:,.0f} bytes: what a document says farther back than that is not "
        f"seen ({deep:.0%} of the held-out bytes have more before them)",
    ]
    for label, key, ratio in (
        ("bytes a document", "length", SHORTER),
        ("bytes a token", "density", 1.05),
        ("documents begun in a run", "begun", 1.25),
        ("bytes read in a run", "bytes", 1.05),
    ):
        values = {name: f[key] for name, f in facts.items()}
        if len(values) > 1 and max(values.values()) > ratio * min(values.values()):
            lines.append(f"{label} differ: " + ", ".join(f"{name} {value:,.4g}" for name, value in values.items()))
    lengths = {name: f["length"] for name, f in facts.items()}
    if max(lengths.values()) > SHORTER * min(lengths.values()):
        lines.append(
            "at equal budgets a corpus of shorter documents shows more of them: if one corpus is the other cut short, this "
            "favours the cut one, and what was cut off is worth more at longer contexts; look at the bits by position"
        )
    return lines, lengths


def _facts(file: TokenFile, seeds: dict[int, dict[str, Any]]) -> dict[str, float]:
    documents, tokens, size = (int(file.meta[k]) for k in ("documents", "tokens", "bytes"))
    run = next(iter(seeds.values()))
    read = int(run["tokens"])
    return {
        "length": size / documents,
        "density": size / tokens,
        "begun": read * documents / tokens,
        "bytes": float(run.get("bytes", read * size / tokens)),
    }


def judge(
    runs: Runs,
    primary: str,
    smallest: float = SMALLEST,
    shared: dict[tuple[str, str], float] | None = None,
    alpha: float = looks.ALPHA,
    further: Sequence[tuple[int, float]] = (),
) -> Found:
    """Every pair on the primary metric, and every metric by mixture.

    `alpha` is what this look may use of the 5 %: intervals are of that level, and p-values are stretched accordingly, so
    that they are below 5 % where the look decides.  `further` are the looks still to come (seeds in all, what each may use).
    Power and seeds are those of the test that decides: at this level, over what Holm's correction leaves of it.  `shared` is the share of documents (by tokens) that a pair has in common: from PAIRED on, it is compared seed by
    seed.
    """
    shared = shared or {}
    metrics = sorted({m for seeds in runs.values() for run in seeds.values() for m in run["scores"]})
    if primary not in metrics:
        raise ProbeError(f"the runs have no metric {primary!r}; they have {', '.join(metrics)}")
    compared = {
        metric: [
            _pair(runs, a, b, metric, shared.get((a, b), 0.0) >= PAIRED, alpha, smallest)
            for a, b in itertools.combinations(runs, 2)
            if metric == primary or all(metric in run["scores"] for name in (a, b) for run in runs[name].values())
        ]
        for metric in metrics
    }
    beside = second(primary, metrics)
    deciding = compared[primary]
    stated = [*deciding, *compared.get(beside or "", [])]  # what stands beside it is as fixed before the training
    others = [one for metric, some in compared.items() if metric not in (primary, beside) for one in some]
    for family, first in ((deciding, 0), (stated, len(deciding)), ([*stated, *others], len(stated))):
        values = [_stretched(pair, alpha) for pair, _ in family]
        steps = holm_step(values, 1 - LEVEL)
        for (pair, found), p, step in list(zip(family, holm(values), steps, strict=True))[first:]:
            pair["p_corrected"] = p
            _planned(pair, found, alpha / step, [(seeds, share / step) for seeds, share in further], step)
    every = {metric: [pair for pair, _ in some] for metric, some in compared.items()}
    pairs = every.pop(primary)
    for pair in pairs:
        pair["verdict"] = _verdict(pair, primary)
    return {
        "version": 2,
        "primary": primary,
        "second": beside,
        "groups": {m: _groups(runs, m, shared, alpha, smallest) for m in (primary, beside) if m},
        "level": LEVEL,
        "smallest": smallest,
        "pairs": pairs,
        "others": every,
        "metrics": {metric: _metric(runs, metric) for metric in metrics},
    }


def _groups(
    runs: Runs, metric: str, shared: dict[tuple[str, str], float], alpha: float, share: float
) -> dict[str, list[Pair]]:
    """The pairs on each source or task of a metric alone; empty where there is one.  Of no verdict: not corrected."""
    scores = {n: {s: _scores(run, metric) for s, run in seeds.items()} for n, seeds in runs.items()}
    names = sorted({group for seeds in scores.values() for score in seeds.values() for group in score.groups})
    found = {}
    for group in names if len(names) > 1 else []:
        some: Runs = {
            n: {s: {"scores": {metric: score.only(group).to_dict()}} for s, score in seeds.items()}
            for n, seeds in scores.items()
        }
        found[group] = [
            _pair(some, a, b, metric, shared.get((a, b), 0.0) >= PAIRED, alpha, share)[0]
            for a, b in itertools.combinations(runs, 2)
        ]
    return found


def _stretched(pair: Pair, alpha: float) -> float:
    return min(1.0, float(pair["p"]) * looks.ALPHA / alpha)


def second(primary: str, metrics: list[str]) -> str | None:
    """What is shown beside the primary metric: held-out text beside tasks, and the mean of tasks beside held-out text."""
    if primary != METRIC:
        return METRIC if METRIC in metrics else None
    means = [m for m in metrics if m.startswith(suite.MEAN)]
    return next((m for score in (METRIC, "probability") for m in means if m.endswith(f" {score}")), None)


def _contradicted(found: Found) -> None:
    """Say beside a verdict when the second metric says the opposite (its p is below 5 % among the pairs of both)."""
    metric = found["second"] or ""
    beside = {(p["a"], p["b"]): p for p in found["others"].get(metric, [])}
    for pair in found["pairs"]:
        other = beside.get((pair["a"], pair["b"]))
        if not pair["verdict"].endswith(" is better") or other is None or other["p_corrected"] >= 1 - LEVEL:
            continue
        if _better(other, metric) != _better(pair, found["primary"]):
            said = f"{metric} says the opposite: {other['delta']:+.4f}, p {other['p_corrected']:.2g}"
            pair["caveat"] = f"{pair['caveat']}; {said}" if pair.get("caveat") else said


def smallest_of(metric: str, mean: float, share: float = SMALLEST) -> float:
    """The smallest difference of a metric that matters, in its own unit; `share` of the bits is."""
    for score, size in SMALLEST_OF.items():
        if metric.endswith(f" {score}"):
            return size
    return share * abs(mean)


def _better(pair: Pair, metric: str) -> str:
    return str(pair["a"] if (pair["delta"] < 0) == lower_is_better(metric) else pair["b"])


def _pair(
    runs: Runs, a: str, b: str, metric: str, paired: bool, alpha: float, share: float = SMALLEST
) -> tuple[Pair, Difference | None]:
    """A pair without what depends on the others: no difference where no seed is finished on both."""
    seeds = sorted(set(runs[a]) & set(runs[b]))
    if not seeds:
        return {
            "a": a,
            "b": b,
            "seeds": 0,
            "delta": 0.0,
            "interval": [None, None],
            "p": 1.0,
            "paired": paired,
            "mean": 0.0,
            "percent": None,
            "smallest": 0.0,
        }, None
    sides = [[_scores(runs[name][seed], metric) for seed in seeds] for name in (a, b)]
    if any(x.groups != sides[0][0].groups for side in sides for x in side):
        raise ProbeError(f"{a} and {b} were evaluated on different items: run them in one experiment")
    left, right = ([(x.values, x.weights) for x in side] for side in sides)
    found = difference(left, right, paired)
    low, high = found.interval(1 - alpha)
    mean = float(np.mean([x.mean for side in sides for x in side]))
    base = float(np.mean([x.mean for x in sides[1]]))
    smallest = smallest_of(metric, mean, share)
    return {
        "a": a,
        "b": b,
        "seeds": found.seeds,
        "delta": found.delta,
        "interval": [low, high] if found.seeds > 1 else [None, None],
        "p": found.p,
        "seed_error": found.seed_error if found.seeds > 1 else None,
        "item_error": found.item_error,
        "paired": paired,
        "correlation": None if np.isnan(found.correlation) else found.correlation,
        "mean": mean,
        "percent": 100 * found.delta / base if base else None,
        "smallest": smallest,
    }, found


def _planned(
    pair: Pair, found: Difference | None, tail: float, further: Sequence[tuple[int, float]], step: int
) -> None:
    """Fill in the power of the test that leaves out `tail`, and the seeds that it takes: at `further` looks, or planned anew."""
    pair["target"] = max(abs(pair["delta"]), pair["smallest"])
    pair["power"], pair["detectable"], pair["more"], pair["plan"] = 0.0, None, None, None
    if found is None or found.seeds < 2:
        return
    pair["power"] = power(found, pair["smallest"], tail)
    pair["detectable"] = detectable(found, tail)
    seeds = seeds_needed(found, pair["target"], further)
    pair["more"] = None if seeds is None else seeds - found.seeds
    anew = (*range(2, 21), *range(25, 51, 5), *range(60, MOST_PLANNED + 1, 10))
    pair["plan"] = seeds_needed(found, pair["target"], [(n, looks.PLANNED / step) for n in anew])


def _scores(run: dict[str, Any], metric: str) -> Scores:
    if metric not in run["scores"]:
        raise ProbeError(f"a run has no metric {metric!r}; it has {', '.join(sorted(run['scores']))}")
    return Scores.of(run["scores"][metric])


def _verdict(pair: Pair, metric: str) -> str:
    if pair["p_corrected"] < 1 - LEVEL and pair["seeds"] > 1:
        return f"{_better(pair, metric)} is better"
    low, high = pair["interval"]
    if low is not None and high is not None and max(abs(low), abs(high)) <= pair["smallest"]:
        return "no difference shown"
    small = "too small to tell"
    if pair["seeds"] < 2:
        return f"{small}: one seed does not show how much seeds differ"
    if pair["plan"] is None and pair["more"] is None:
        what = "held-out text" if metric in (METRIC, MACRO) else "questions"
        return f"{small}: more than {MOST_PLANNED} seeds, more {what} or much larger runs would be needed"
    return f"{small}: {ways(pair)}"


def _metric(runs: Runs, metric: str) -> Metric:
    """Mean and noise of a metric by mixture, by group, and whether the mixtures differ by more than the noise.

    `silent` says why a metric shows nothing: every mixture at the level of chance, or differences below twice the
    noise of a seed.
    """
    scores = {
        name: [Scores.of(run["scores"][metric]) for run in seeds.values() if metric in run["scores"]]
        for name, seeds in runs.items()
    }
    scores = {name: found for name, found in scores.items() if found}
    means = {name: [s.mean for s in found] for name, found in scores.items()}
    spread = [np.var(values, ddof=1) for values in means.values() if len(values) > 1]
    noise = float(np.sqrt(np.mean(spread))) if spread else None
    centers = [float(np.mean(values)) for values in means.values()]
    signal = max(centers) - min(centers)
    groups: dict[str, dict[str, float]] = {}
    for name, found in scores.items():
        by_group = [s.by_group() for s in found]
        for group in sorted(by_group[0]):
            groups.setdefault(group, {})[name] = float(np.mean([g[group] for g in by_group]))
    silent = _silent(scores, signal, noise)
    return {
        "mean": {name: float(np.mean(values)) for name, values in means.items()},
        "noise": noise,
        "signal_to_noise": signal / noise if noise else None,
        "chance": next(iter(scores.values()))[0].chance,
        "silent": silent,
        "shows": silent is None,
        "groups": groups,
    }


def _silent(scores: dict[str, list[Scores]], signal: float, noise: float | None) -> str | None:
    """Why a metric decides nothing; None when it shows a difference."""
    over_seeds = [replace(s[0], values=np.mean([x.values for x in s], axis=0)) for s in scores.values()]
    if all(s.at_chance() for s in over_seeds):
        return "at chance"
    if noise is None:
        return "noise unknown"
    return None if noise == 0 or len(scores) < 2 or signal / noise >= SIGNAL else "within noise"
