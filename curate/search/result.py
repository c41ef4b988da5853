"""What a search leaves in its folder: search.json, best.toml, prior.toml, runs.csv, report.html; and its table for a terminal."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from curate import __version__
from curate.console.terminal import json_text, one_line
from curate.errors import InputError, UsageError
from curate.files import storage
from curate.mixing.units import percent
from curate.search import choose, design, fit, page, sound
from curate.search.tables import Runs

Floats = NDArray[np.float64]


def search(
    runs: Runs,
    prior: Floats | None = None,
    caps: Floats | None = None,
    candidates: tuple[Sequence[str], Floats] | None = None,
    penalty: float = choose.PENALTY,
    seed: int = 0,
    tell: Callable[[str], None] | None = None,
) -> page.Found:
    """Fit and choose; the answer as JSON. The objective is the mean over the metrics of `runs`, lower is better.

    Without a prior it is the mean of the runs' weights. Copies of a run count once, runs that diverged are left out. `tell` is
    called with a line before each long step. Raises InputError for too few mixtures.
    """
    if penalty < 0 or not np.isfinite(penalty):
        raise UsageError(f"--penalty must be 0 or more, got {penalty:g}")
    runs = sound.once(runs)
    _enough(runs)
    if tell:
        tell(f"{_count(len(runs.weights), 'run')} over {_count(len(runs.sources), 'source')}: looking for broken ones")
    runs = sound.steady(runs)
    _enough(runs)
    measured = runs.losses.mean(1)
    if np.ptp(measured) == 0:
        raise InputError("all runs have the same loss: nothing can be fitted")
    start = runs.weights.mean(0) if prior is None else prior
    m = len(runs.sources)
    used, tried = fit.fit(runs.weights, runs.losses, seed, tell)
    toll = choose.penalty_of(measured, penalty)
    kept = next(one for one in tried if one.name == used.name)
    widen = fit.widening(kept.without, runs.weights, runs.losses, seed, tell)
    if tell:
        tell(f"{used.name}: the region is drawn")
    if candidates is not None:
        answer = choose.among(used, candidates[1], start, toll, seed, widen)
    else:
        answer = choose.anywhere(used, start, np.ones(m) if caps is None else caps, runs.weights, toll, seed, widen)
    spread = float(measured.std())
    blind = kept.error >= spread
    if blind:
        answer = choose.undecided(answer, kept.error)
    sources = [
        {"source": name, "prior": float(start[i]), "best": float(answer.best[i])}
        | {"low": float(answer.low[i]), "high": float(answer.high[i])}
        for i, name in enumerate(runs.sources)
    ]
    return {
        "curate": __version__,
        "verdict": verdict(answer),
        "decided": answer.decided,
        "sources": sources,
        "best_mixture": None if candidates is None else str(candidates[0][answer.at]),
        "region": [] if candidates is None else [str(candidates[0][i]) for i in answer.region],
        "region_weights": [] if candidates is not None else answer.inside.round(4).tolist(),
        "prior_in_region": answer.holds_prior,
        "objective": list(runs.metrics),
        "predicted": answer.predicted,
        "gain": {"mean": answer.gain, "low": answer.gain_low, "high": answer.gain_high, "level": choose.LEVEL},
        "penalty": penalty,
        "seed": seed,
        "form": used.name,
        "forms": [{"form": one.name, "error": one.error, "rank_correlation": one.correlation} for one in tried],
        "widened": widen,
        "noise_differs": bool(getattr(used, "uneven", np.ones(1)).std() > 0),
        "runs": [
            {"run": name, "weights": w.tolist(), "measured": float(y), "predicted": float(p)}
            for name, w, y, p in zip(runs.names, runs.weights, measured, kept.predicted, strict=True)
        ],
        "left_out": list(runs.left_out),
        "notes": [*runs.notes, *([_BLIND.format(kept.error, spread)] if blind else [])],
    }


_BLIND = (
    "left-out runs are predicted no better than by the mean of the runs (error {:.4g}, spread of the runs {:.4g}): the runs don't "
    "tell mixtures apart, and the region is all of them"
)


def _enough(runs: Runs) -> None:
    """Raises InputError where there are fewer different mixtures than a surface needs."""
    n, m = runs.weights.shape
    least, mixtures = design.least(m), design.different(runs.weights)
    if mixtures >= least:
        return
    left = f" ({len(runs.left_out)} rows were left out, the first: {runs.left_out[0]})" if runs.left_out else ""
    notes = f" ({'; '.join(runs.notes)})" if runs.notes else ""
    what = f"{n} runs" if mixtures == n else f"{n} runs of {mixtures} different mixtures"
    why = "" if mixtures == n else "; more runs of a mixture tell the noise, not what other weights would do"
    raise InputError(
        f"{what} over {m} sources are too few: give {least} different mixtures or more, 2 a source are usual{why}{left}{notes}"
    )


def verdict(answer: choose.Answer) -> str:
    """One sentence."""
    said = f"{answer.gain:+.4f} [{answer.gain_low:+.4f}, {answer.gain_high:+.4f}]"
    if answer.decided:
        return f"the best mixture is predicted to lower the objective of the prior by {said}, 95 % interval"
    return f"not decided: the predicted gain over the prior is {said}, 95 % interval; keep the prior, or add runs"


def table(found: page.Found) -> list[list[str]]:
    """Rows for a terminal."""
    head = ["source", "prior", "best", "region from", "to"]
    rows = found["sources"]
    return [
        head,
        *([one_line(r["source"], 60), *(percent(r[k]) for k in ("prior", "best", "low", "high"))] for r in rows),
    ]


def said(found: page.Found) -> list[str]:
    """What to know, a line each."""
    kept = next(one for one in found["forms"] if one["form"] == found["form"])
    lines = [found["verdict"]]
    if found["best_mixture"] is not None:
        lines.append(f"best: mixture {found['best_mixture']}; can't be told apart: {', '.join(found['region'])}")
    lines.append(
        f"{len(found['runs'])} runs, {_count(len(found['objective']), 'metric')}; form: {found['form']}, error of left-out runs "
        f"{kept['error']:.4f}, rank correlation {kept['rank_correlation']:.2f}"
    )
    if left_out := found["left_out"]:
        lines.append(f"{_count(len(left_out), 'row')} left out: {left_out[0]}" + (" …" * (len(left_out) > 1)))
    return [*lines, *found.get("check", {}).get("said", []), *found["notes"]]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def mixture_toml(found: page.Found, which: str) -> str:
    """The mixture `best` or `prior`, as `curate mix --weights` takes it."""
    weights = choose.shares(
        [one["source"] for one in found["sources"]], np.array([one[which] for one in found["sources"]])
    )
    lines = [f"{_quoted(name)} = {weight:.6f}" for name, weight in weights.items()]
    about = _quoted(f"curate mix --search: {found['verdict']}")
    return "\n".join([f'name = "{which}"', f"about = {about}", "", "[weights]", *lines, ""])


def advice(found: page.Found, folder: str) -> str:
    """Which of the files to mix with: the best only where it is predicted to be better than the prior, and was not worse when trained."""
    best, prior = (storage.join(folder, f"{which}.toml") for which in ("best", "prior"))
    worse = any(one["against"] == "prior" and one["low"] > 0 for one in found.get("check", {}).get("differences", []))
    if worse:
        return f"keep the prior: curate mix --weights {prior} …  ({best} was worse when both were trained)"
    if found["decided"]:
        return f"use it: curate mix --weights {best} …"
    return (
        f"keep the prior: curate mix --weights {prior} …  ({best} is what is predicted lowest, not shown to be better)"
    )


def _quoted(text: str) -> str:
    """A basic string of TOML, which is one of JSON but for DEL."""
    return json_text(text).replace("\x7f", "\\u007f")


def runs_csv(runs: Runs) -> str:
    """The runs in the form that `--from` reads."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["run", *(f"weight/{name}" for name in runs.sources), *(f"metric/{name}" for name in runs.metrics)])
    for name, weights, losses in zip(runs.names, runs.weights, runs.losses, strict=True):
        writer.writerow([name, *(f"{x:.9g}" for x in weights), *(f"{x:.9g}" for x in losses)])
    return out.getvalue()


def write(found: page.Found, runs: Runs, folder: str) -> None:
    """The files of a search, search.json last."""
    storage.write_text(storage.join(folder, "runs.csv"), runs_csv(runs))
    storage.write_text(storage.join(folder, "best.toml"), mixture_toml(found, "best"))
    storage.write_text(storage.join(folder, "prior.toml"), mixture_toml(found, "prior"))
    storage.write_text(storage.join(folder, "report.html"), page.page(found))
    storage.write_text(storage.join(folder, "search.json"), json_text(found) + "\n")


def prior_of(weights: Mapping[str, float], sources: Sequence[str]) -> Floats:
    """A stated mixture as shares in the order of `sources`. Raises UsageError for another set of names."""
    unknown = [name for name in weights if name not in sources]
    if unknown:
        raise UsageError(f"--prior names {unknown[0]!r}, which is no source of the runs")
    found = np.array([weights.get(name, 0.0) for name in sources])
    shares: Floats = design.within(found[None], np.ones(len(sources)))[0]
    return shares
