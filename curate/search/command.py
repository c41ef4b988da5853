"""`curate mix --search --from`: from the words of the command line to an answer, without training."""

import math
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from curate.console import cells as plain
from curate.console.terminal import json_text, one_line
from curate.errors import OutputError, UsageError
from curate.files import storage
from curate.mixing import mixture
from curate.search import result, tables
from curate.search.page import Found

OBJECTIVES = "mean, mean:NAME,NAME…, or the name of a metric"

SECONDS = 3.0
"""Between lines that say how far it is."""


def from_tables(options: Mapping[str, Any], as_json: bool) -> None:
    """Read, fit, choose, write and print. Raises CurateError."""
    folder = options["output"]
    if folder and storage.exists(storage.join(folder, "search.json")):
        raise OutputError(f"{folder} holds a search already; choose another --output")
    runs = tables.read(options["tables"])
    runs = runs.only(metrics_of(options["objective"], runs.metrics))
    higher = [name for name in runs.metrics if tables.better_when_higher(name)]
    if higher:
        raise UsageError(
            f"{one_line(higher[0])} is better when higher, and the objective is lowered: name others (--objective mean:NAME,NAME), "
            "or give it as an error (1 - accuracy, called metric/…_error)"
        )
    prior = None
    if options["prior"]:
        stated = mixture.load(options["prior"])
        if stated.baseline:
            raise UsageError("--prior needs weights here: tables of runs don't say how large the sources are")
        prior = result.prior_of(stated.weights, runs.sources)
    candidates = tables.read_mixtures(options["among"], runs.sources) if options["among"] else None
    found = result.search(runs, prior, None, candidates, options["penalty"], options["seed"], talker(options["quiet"]))
    if folder:
        result.write(found, runs, folder)
    show(found, as_json, folder)


def talker(quiet: bool) -> Callable[[str], None]:
    """Says the first of the lines it is given, and then one every few seconds, on stderr."""
    told = -math.inf

    def log(line: str) -> None:
        nonlocal told
        if not quiet and time.monotonic() - told >= SECONDS:
            print(one_line(line, 300), file=sys.stderr)
            told = time.monotonic()

    return log


def metrics_of(objective: str | None, known: tuple[str, ...]) -> list[str]:
    """Names of the metrics whose mean is the objective."""
    if objective in (None, "mean"):
        return list(known)
    assert objective is not None
    if objective in known:
        return [objective]
    kind, mark, names = objective.partition(":")
    if kind == "mean" and mark:
        return [name.strip() for name in names.split(",") if name.strip()]
    found = [name for name in known if objective in name]
    if len(found) == 1:
        return found
    several = f" ({', '.join(found[:4])} all have it)" if found else ""
    raise UsageError(f"--objective {one_line(objective)}: {OBJECTIVES}{several}; metrics: {', '.join(known[:8])}")


def show(found: Found, as_json: bool, folder: str | None) -> None:
    """The table on stdout, the rest on stderr."""
    if as_json:
        print(json_text(found))
    else:
        plain.show(result.table(found))
    for line in result.said(found):
        print(one_line(line, 1000), file=sys.stderr)
    if folder:
        print(one_line(result.advice(found, folder), 1000), file=sys.stderr)
