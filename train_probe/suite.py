"""Named sets of tasks, and which figure of an experiment decides.

A suite is a TOML file (those that come with the package are in suites/):

    name = "ours"
    about = "What it holds, in a sentence."
    score = "bits per byte"                 # which score's mean decides unless another is named (this one if left out)
    needs = "where the files come from"     # said where one is missing

    [[task]]
    use = "bundled:facts.jsonl"             # a task of the package

    [[task]]
    file = "arc_easy/rc_0shot/requests.jsonl.gz"    # in the folder of --task-files, or beside the recipe; .gz or not

The score is the bits per byte of the right answer unless another is named: in small models it moves long before the probability
among the choices leaves chance (benchmarks/results/probe.md).  What decides is written as `bpb`, TASK or mean:SUITE, each task or suite with a score behind a colon where another than its own
is meant (`facts:probability`, `mean:ours:accuracy`).  The mean of a suite gives every task the same weight, however many questions it
has: the mean over tasks of each task's score.
"""

import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from train_probe.errors import ProbeError
from train_probe.evaluate import METRIC, Scores, sources_equal

SCORES = {
    "bpb": "bits per byte",
    "probability": "probability",
    "accuracy": "accuracy",
    "accuracy-per-byte": "accuracy per byte",
}
"""Of a task, by what they are called on the command line."""
DEFAULT, GIVEN = "abilities", "given"
"""The bundled suite, and the tasks that were given as files."""
MEAN = "mean:"
BOTH = "--tasks names tasks, and --no-tasks leaves all out: give one of them"


@dataclass(frozen=True)
class Suite:
    """A named set of tasks."""

    name: str
    about: str
    score: str
    """The score whose mean decides (a value of SCORES)."""
    files: tuple[str, ...]
    """In the form that `tasks.read` takes."""


def bundled() -> list[str]:
    """Names of the suites that come with the package."""
    files = resources.files("train_probe").joinpath("suites").iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


def load(name: str, folder: Path | None = None) -> Suite:
    """A suite of the package by name, or a TOML file; `folder` is where files are looked for first.

    Raises ProbeError for one that is not known or not sound, and for files that are missing, with where they come from.
    """
    path: Any = Path(name)
    if name in bundled():
        path = resources.files("train_probe").joinpath("suites", f"{name}.toml")
    elif not name.endswith(".toml"):
        raise ProbeError(f"no suite {name!r}; known: {', '.join(bundled())}, or a file NAME.toml")
    try:
        saved = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProbeError(f"{path}: can't be read as a suite ({error})") from None
    _check(path, saved)
    folders = [folder] if folder else []
    if name not in bundled():
        folders.append(path.parent)
    found: list[str] = []
    missing: list[str] = []
    for entry in saved["task"]:
        there = entry["use"] if "use" in entry else _find(entry["file"], folders)
        (found if there else missing).append(there or entry["file"])
    if missing:
        where = f"not in {' or '.join(map(str, folders))}" if folders else "give their folder with --task-files"
        needs = f"; needed: {saved['needs']}" if saved.get("needs") else ""
        raise ProbeError(f"suite {saved['name']}: {len(missing)} files are missing ({missing[0]} ...): {where}{needs}")
    return Suite(saved["name"], saved.get("about", ""), saved.get("score", SCORES["bpb"]), tuple(found))


def _check(path: object, saved: dict[str, object]) -> None:
    extra = set(saved) - {"name", "about", "score", "needs", "task"}
    entries = saved.get("task")
    name = saved.get("name")
    if extra:
        raise ProbeError(f"{path}: unknown key {min(extra)!r}")
    if not isinstance(name, str) or not name or ":" in name or not isinstance(entries, list) or not entries:
        raise ProbeError(f"{path}: a suite has a name without a colon, and [[task]] entries")
    if any(not isinstance(saved.get(key, ""), str) for key in ("about", "needs")):
        raise ProbeError(f"{path}: about and needs are texts")
    if saved.get("score", SCORES["bpb"]) not in SCORES.values():
        raise ProbeError(f"{path}: score is one of {', '.join(SCORES.values())}, got {saved['score']!r}")
    for entry in entries:
        if not isinstance(entry, dict) or len(entry) != 1 or not set(entry) <= {"use", "file"}:
            raise ProbeError(f'{path}: a task is use = "bundled:..." or file = "...", got {entry!r}')
        if not isinstance(next(iter(entry.values())), str):
            raise ProbeError(f"{path}: a task is a text, got {entry!r}")


def _find(name: str, folders: Iterable[Path]) -> str | None:
    """The file, packed or not, whichever is there."""
    others = {name, name.removesuffix(".gz"), f"{name.removesuffix('.gz')}.gz"}
    for folder in folders:
        for other in sorted(others, key=lambda text: text != name):
            if (folder / other).is_file():
                return str(folder / other)
    return None


@dataclass(frozen=True)
class Asked:
    """What is scored beside the held-out text, and what decides."""

    tasks: list[str]
    """Files, or names of bundled tasks."""
    suites: dict[str, list[str]]
    """Names of the tasks of each suite."""
    primary: str
    """Name of the metric."""


def ask(primary: str | None, given: Sequence[str], no_tasks: bool, folder: Path | None) -> Asked:
    """What the options of a command come to: `given` files of tasks (none: the bundled ones), and what decides.

    A suite that decides brings its tasks along.  Raises ProbeError.
    """
    from train_probe import tasks

    if no_tasks and given:
        raise ProbeError(BOTH)
    files = [] if no_tasks else list(given) or tasks.bundled()
    scores = {}
    suites = {}
    if given:
        suites[GIVEN], scores[GIVEN] = [tasks.name_of(name) for name in files], SCORES["bpb"]
    if set(load(DEFAULT).files) <= set(files):
        suites[DEFAULT], scores[DEFAULT] = [tasks.name_of(name) for name in load(DEFAULT).files], load(DEFAULT).score
    text = primary or "bpb"
    head, colon, tail = text.rpartition(":")
    named = head if colon and tail in SCORES else text
    name = named.removeprefix(MEAN)
    if named.startswith(MEAN) and name not in suites:
        if no_tasks:
            raise ProbeError(f"--primary {text} needs tasks, and --no-tasks was given")
        found = load(name, folder)
        files += [file for file in found.files if file not in files]
        suites[found.name], scores[found.name] = [tasks.name_of(file) for file in found.files], found.score
        text = MEAN + found.name + text.removeprefix(named)
    same = [other for other in suites if other != GIVEN and set(suites[other]) == set(suites.get(GIVEN, ()))]
    if same and named != MEAN + GIVEN:
        del suites[GIVEN], scores[GIVEN]
    return Asked(files, suites, metric(text, [tasks.name_of(file) for file in files], scores))


def metric(text: str, tasks: Collection[str], suites: Mapping[str, str]) -> str:
    """The name of the figure that `text` asks for (see the head of this module), among these tasks and suites (score by name).

    Raises ProbeError, with what there is.
    """
    if text in ("bpb", METRIC):
        return METRIC
    head, colon, tail = text.rpartition(":")
    named, score = (head, SCORES[tail]) if colon and tail in SCORES else (text, "")
    if named.startswith(MEAN) and named.removeprefix(MEAN) in suites:
        return f"{named} {score or suites[named.removeprefix(MEAN)]}"
    if named in tasks:
        return f"{named} {score or SCORES['bpb']}"
    full = {f"{name} {score}" for name in [*tasks, *(MEAN + s for s in suites)] for score in SCORES.values()}
    if text in full:
        return text
    known = ["bpb", *sorted(tasks), *(MEAN + name for name in suites)]
    raise ProbeError(
        f"--primary {text}: no such figure here; known: {', '.join(known)} (with :{' :'.join(SCORES)} behind a task or suite)"
    )


def means(scores: Mapping[str, Scores], suites: Mapping[str, Collection[str]]) -> dict[str, Scores]:
    """The mean of each suite (task names by suite) for each score that all of its tasks have."""
    out = {}
    for name, tasks in suites.items():
        for score in SCORES.values():
            parts = [(task, scores.get(f"{task} {score}")) for task in tasks]
            found = [(task, part) for task, part in parts if part is not None]
            if len(found) == len(parts) and found:
                out[f"{MEAN}{name} {score}"] = _mean(found)
    return out


def _mean(parts: list[tuple[str, Scores]]) -> Scores:
    """All items, weighted so that every task counts the same."""
    chances = [part.chance for _, part in parts if part.chance is not None]
    whole = Scores(
        np.concatenate([part.values for _, part in parts]),
        np.concatenate([part.weights for _, part in parts]),
        [task for task, part in parts for _ in part.values],
        float(np.mean(chances)) if len(chances) == len(parts) else None,
    )
    return sources_equal(whole)
