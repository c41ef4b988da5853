"""`curate mix --search` with training: design, runs, fit, and a check of the answer by training it."""

import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.console.terminal import one_line
from curate.errors import InputError, UsageError
from curate.files import locks, storage
from curate.mixing import mixture, units
from curate.mixing.mixture import source_paths
from curate.search import choose, command, design, result
from curate.search.page import Found
from curate.search.tables import Runs

Floats = NDArray[np.float64]


def train(options: Mapping[str, Any], output: str | None, as_json: bool, quiet: bool) -> None:
    """Search by training small models on `--source`s. Raises CurateError; a stopped search goes on with the same words."""
    if not output:
        raise UsageError("--search that trains needs --output DIR: runs are kept there, and a stopped search goes on")
    storage.check_name(output)
    if not storage.is_local(output):
        raise UsageError(f"--output {one_line(output)}: training needs a folder of this machine")
    output = storage.filesystem(output)[1]
    try:
        from train_probe import swarm as swarms
        from train_probe.errors import ProbeError
    except ImportError as error:
        raise UsageError(f"training needs torch: pip install 'curate-corpora[probe]' ({error})") from error
    paths = source_paths(options["sources"])
    if len(paths) < 2:
        raise UsageError("--search needs two --source NAME=PATH or more (or --from FILE)")
    held_out, tasks = _objective(options["objective"], options["task_files"])
    swarm = swarms.Swarm(
        sources=paths,
        output=output,
        preset=options["preset"],
        run_tokens=units.parse(options["run_tokens"], "--run-tokens") if options["run_tokens"] else 0,
        held_out=held_out,
        tasks=tasks,
        tokenizer=options["tokenizer"] or "",
        compile=options["compile_model"],
    )

    def log(line: str) -> None:
        if not quiet:
            print(one_line(line, 300), file=sys.stderr)

    try:
        with locks.held(output, f"{output}: another search is at work there at this moment; wait for it"):
            found, runs = _search(swarms, swarm, options, log)
            result.write(found, runs, output)
    except ProbeError as error:
        raise InputError(str(error)) from error
    command.show(found, as_json, output)


def _search(swarms: Any, swarm: Any, options: Mapping[str, Any], log: Any) -> tuple[Found, Runs]:
    ready = swarms.prepare(swarm, log)
    names = list(swarm.sources)
    sizes = [float(ready.tokens[name]) for name in names]
    target = float(units.parse(options["tokens"], "--tokens")) if options["tokens"] else sum(sizes)
    caps = design.limits(sizes, target, options["max_epochs"])
    prior = design.within(_prior(options["prior"], names, sizes)[None], caps)[0]
    count = _count(options["runs"], len(names))
    wanted = [
        dict(zip(names, row.round(6).tolist(), strict=True))
        for row in design.mixtures(prior, caps, count, options["seed"])
    ]
    least, different = design.least(len(names)), design.different(np.array([list(row.values()) for row in wanted]))
    if different < least:
        raise UsageError(
            f"within --max-epochs there are only {different} different mixtures of {len(names)} sources, and a search needs "
            f"{least}: lower --tokens, or raise --max-epochs"
        )
    log(
        f"{count} runs of {swarms.run_tokens(swarm):,} tokens; each source read in the part that makes its epochs those of {target:,.0f} tokens"
    )
    trained = swarms.train(swarm, ready, [(row, 0) for row in wanted], target, log)
    more = swarms.others(ready, trained)
    if more:
        log(f"{len(more)} more runs of these sources are in {swarm.output}/runs: they are used, too")
    runs = as_runs(names, [*trained, *more])
    found = result.search(runs, prior, caps, None, options["penalty"], options["seed"], log)
    best = choose.shares(names, np.array([one["best"] for one in found["sources"]]))
    lowest = int(runs.losses.mean(1).argmin())
    sampled = dict(zip(names, runs.weights[lowest].round(6).tolist(), strict=True))
    found["target_tokens"] = target
    if options["check_seeds"]:
        arms = {"proposal": best, "prior": wanted[0], "best sampled": sampled}
        seeds = range(1, options["check_seeds"] + 1)
        measured: dict[str, list[float]] = {}
        for seed in seeds:  # seeds first: what stops the search leaves arms with equal numbers of seeds
            for name, weights in arms.items():
                done = swarms.train(swarm, ready, [(weights, seed)], target, log)[0]
                measured.setdefault(name, []).append(float(np.mean(list(done["losses"].values()))))
        found["check"] = compared(measured)
    return found, runs


def as_runs(names: Sequence[str], trained: Sequence[Mapping[str, Any]]) -> Runs:
    """Results of the trainer as a table of runs."""
    metrics = list(trained[0]["losses"])
    return Runs(
        sources=tuple(names),
        metrics=tuple(metrics),
        weights=np.array([[one["weights"].get(name, 0.0) for name in names] for one in trained]),
        losses=np.array([[one["losses"][metric] for metric in metrics] for one in trained]),
        names=tuple(f"{i + 1} ({one['key']})" for i, one in enumerate(trained)),
    )


def compared(measured: Mapping[str, Sequence[float]]) -> dict[str, object]:
    """Means of the arms, and the proposal minus each other one with its 95 % interval (Student's t over paired seeds)."""
    from train_probe.statistics import t_quantile

    proposal = np.array(measured["proposal"])
    count = len(proposal)
    said, differences = [], []
    for name, values in measured.items():
        if name == "proposal":
            continue
        gaps = proposal - np.array(values)
        half = t_quantile(0.05, count - 1) * float(gaps.std(ddof=1)) / math.sqrt(count) if count > 1 else math.inf
        mean = float(gaps.mean())
        differences.append({"against": name, "regret": mean, "low": mean - half, "high": mean + half})
        word = "better" if mean + half < 0 else "worse" if mean - half > 0 else "not decided"
        interval = f"[{mean - half:+.4f}, {mean + half:+.4f}]" if count > 1 else "(one seed: no interval)"
        said.append(
            f"trained, {count} seed{'' if count == 1 else 's'}: proposal - {name} {mean:+.4f} {interval}: {word}"
        )
    arms = [{"mixture": name, "mean": float(np.mean(v)), "seeds": len(v)} for name, v in measured.items()]
    return {"mixtures": arms, "differences": differences, "said": said}


def _objective(text: str | None, task_files: str | None = None) -> tuple[str, tuple[str, ...]]:
    """(folder of held-out text, tasks)."""
    if text in (None, "bpb"):
        return "", ()
    assert text is not None
    kind, _, rest = text.partition(":")
    if kind == "held-out" and rest:
        return rest, ()
    if kind == "mean" and rest:
        return "", _tasks(rest.split(","), Path(task_files) if task_files else None)
    raise UsageError(
        f"--objective {one_line(text)}: bpb, held-out:FOLDER or mean:NAME,NAME (suites, tasks, or files of tasks)"
    )


def _tasks(names: Sequence[str], folder: Path | None) -> tuple[str, ...]:
    """The files of suites and tasks by name, or files of tasks; each once."""
    from train_probe import suite, tasks
    from train_probe.errors import ProbeError

    there = {tasks.name_of(name): name for name in tasks.bundled()}
    files: list[str] = []
    for name in names:
        if name in suite.bundled() or name.endswith(".toml"):
            try:
                files += suite.load(name, folder).files
            except ProbeError as error:
                raise UsageError(f"--objective: {error}") from error
        else:
            files.append(there.get(name, name))
    return tuple(dict.fromkeys(files))


def _prior(text: str | None, names: Sequence[str], sizes: Sequence[float]) -> Floats:
    """Shares of the prior, by default those of the tokens that the sources have."""
    if not text:
        return np.array(sizes) / sum(sizes)
    stated = mixture.load(text)
    if stated.baseline:
        weights = mixture.resolve(stated, dict(zip(names, sizes, strict=True)), sum(sizes), 1.0)
        return np.array([weights[name] for name in names])
    return result.prior_of(stated.weights, names)


def _count(text: str, sources: int) -> int:
    least = design.least(sources)
    if text == "auto":
        return max(least, 2 * sources + 1)
    if not text.isascii() or not text.isdigit() or int(text) < least:
        raise UsageError(f"--runs {one_line(text)}: auto, or a number from {least} on for {sources} sources")
    return int(text)


__all__ = ["as_runs", "compared", "train"]
