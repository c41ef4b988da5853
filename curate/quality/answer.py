"""The answer to a question of `curate whatif`: its figures, and the page that shows them."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

import numpy as np

from curate.console.terminal import number, share
from curate.corpus.recipe import Recipe, is_corpus_wide
from curate.errors import CurateError, OutputError
from curate.files import storage
from curate.quality import stored, whatif
from curate.quality.changes import Sweep, changed, settings, sweep
from curate.quality.stored import Stored
from curate.report.charts import bar_table, breakable, text

SAMPLE = 50_000
"""Rows that the curves of a page are made of."""
CURVE_POINTS = 15
Row = tuple[str, int, int, int]


@dataclass(frozen=True)
class Answer:
    """What would be kept."""

    stored: Stored
    recipe: Recipe
    """With the changes."""
    rows: int
    kept_before: int
    kept: int
    rejected: int
    unknown: int
    changes: Mapping[str, Any]
    limits: Sequence[tuple[str, Any]]
    """Every limit of the recipe that can be moved, with its value there."""
    reasons: Sequence[tuple[str, int, int]]
    """(reason, documents before, documents now)."""
    tables: Mapping[str, Sequence[Row]]
    """By language, host and length: (name, kept before, kept now, not known)."""
    swept: str
    curve: Sequence[tuple[float, int, int]]
    """(value, kept, not known)."""
    notes: Sequence[str]
    """What can't be known, and why."""


def ask(corpus: str, changes: Sequence[str] = (), span: str | None = None) -> Answer:
    """The answer for a corpus, changes (`Step.parameter=value`) and a sweep (`Step.parameter=from:to`).

    Raises InputError for what is no corpus, UsageError for a name that is none, RecipeError for a value that can't be or that
    stored columns can't answer.
    """
    known = stored.read(corpus)
    old = known.recipe
    values = settings(old, changes)
    asked = sweep(old, span) if span else None
    judge = whatif.Judge(known)
    new = changed(old, values) if values else old
    outcome = judge(new)
    found = whatif.lengths(known, outcome)
    tables: dict[str, Sequence[Row]] = {name: list(whatif.shares(known, outcome, name)) for name in known.texts}
    if found[0]:
        tables[f"length ({found[0]})"] = found[1]
    return Answer(
        stored=known,
        recipe=new,
        rows=known.rows,
        kept_before=known.kept,
        kept=outcome.count(whatif.KEPT),
        rejected=outcome.count(whatif.REJECTED),
        unknown=outcome.count(whatif.UNKNOWN),
        changes={f"{old.labels[at]}.{name}": value for (at, name), value in values.items()},
        limits=list(_limits(old)),
        reasons=whatif.by_reason(known, outcome),
        tables=tables,
        swept=f"{old.labels[asked.step]}.{asked.parameter}" if asked else "",
        curve=_curve(judge, new, asked) if asked else [],
        notes=_notes(known, outcome, found[0]),
    )


def _limits(recipe: Recipe) -> list[tuple[str, Any]]:
    return [
        (f"{label}.{name}", getattr(step, name))
        for label, step in zip(recipe.labels, recipe.steps, strict=True)
        for name in whatif.adjustable(step)
    ]


def _curve(judge: whatif.Judge, recipe: Recipe, asked: Sweep) -> list[tuple[float, int, int]]:
    found = []
    for value in asked.values:
        outcome = judge(changed(recipe, {(asked.step, asked.parameter): value}))
        found.append((value, outcome.count(whatif.KEPT), outcome.count(whatif.UNKNOWN)))
    return found


def _notes(known: Stored, outcome: whatif.Outcome, length: str) -> list[str]:
    notes = []
    for label, count in whatif.unknown_from(known, outcome):
        step = known.recipe.steps[known.recipe.labels.index(label)]
        if is_corpus_wide(step):
            why = "compares documents, and who leaves it or newly comes to it changes who loses to whom"
        elif whatif.limits_of(step):
            why = "has not measured them as they would come to it"
        else:
            why = "may change texts or was not run on them"
        notes.append(f"{number(count)} documents can't be followed from {label} on: it {why}")
    for label, count in outcome.newcomers.items():
        notes.append(
            f"{number(count)} documents newly come to {label}: whatever loses to them there still counts as kept"
        )
    if not length:
        notes.append("no step has stored a length, so there is no table by length")
    return notes


def write_recipe(found: Answer, path: str) -> None:
    """The changed recipe as a file. Raises OutputError where one is there already."""
    if storage.exists(path):
        raise OutputError(f"{path} exists already")
    storage.write_text(path, found.recipe.text)


def as_json(found: Answer) -> dict[str, Any]:
    """The figures with stable keys."""
    return {
        "corpus": found.stored.corpus,
        "recipe": found.recipe.name,
        "changes": dict(found.changes),
        "documents": found.rows,
        "kept_before": found.kept_before,
        "kept": found.kept,
        "rejected": found.rejected,
        "unknown": found.unknown,
        "limits": [{"name": name, "value": value} for name, value in found.limits],
        "reasons": [{"reason": name, "before": a, "now": b} for name, a, b in found.reasons],
        "tables": {
            key: [{"name": name, "before": a, "now": b, "unknown": c} for name, a, b, c in rows]
            for key, rows in found.tables.items()
        },
        "sweep": {
            "limit": found.swept,
            "points": [{"value": value, "kept": kept, "unknown": unknown} for value, kept, unknown in found.curve],
        },
        "notes": list(found.notes),
    }


# ---- the page ----


def write_page(found: Answer, path: str) -> None:
    """One page without a script: the answer, the sweep, and a small curve for each limit of the recipe."""
    storage.write_text(path, _page(found))


def _page(found: Answer) -> str:
    style = files("curate.report").joinpath("style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    asked = ", ".join(f"{name} = {value}" for name, value in found.changes.items()) or "nothing changed"
    parts = [
        f"<h1>What if: {text(found.recipe.name)}</h1><p>{text(asked)}</p>",
        f"<p>Kept {number(found.kept_before)} of {number(found.rows)} before, {number(found.kept)} "
        f"({share(found.kept, found.rows)}) with these limits; {number(found.unknown)} not known.</p>",
        "".join(f"<p>{text(note)}.</p>" for note in found.notes),
        _chart(found.swept, found.curve, found.rows) if found.curve else "",
        "<h2>Reasons now</h2>" + bar_table([(n, b) for n, _, b in found.reasons if b][:30], "rejected", "reason"),
    ]
    for name, rows in found.tables.items():
        parts.append(f"<h2>By {text(name)}</h2>" + _rows(rows[:30]))
    parts.append("<h2>Every limit by itself</h2>" + "".join(_curves(found)))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>What if: {text(found.recipe.name)}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n"
        f"{''.join(parts)}\n</main>\n</body>\n</html>\n"
    )


def _rows(rows: Sequence[Row]) -> str:
    head = '<tr><th></th><th class="n">kept before</th><th class="n">now</th><th class="n">not known</th></tr>'
    body = "".join(
        f"<tr><td>{breakable(name)}</td>" + "".join(f'<td class="n">{number(one)}</td>' for one in counts) + "</tr>"
        for name, *counts in rows
    )
    return f"<table>{head}{body}</table>"


def _curves(found: Answer) -> list[str]:
    """A curve for each limit that is a number: the others as they stand, over the middle of what was measured."""
    small = _sample(found.stored)
    judge = whatif.Judge(small)
    charts = []
    for at, (label, step) in enumerate(zip(found.recipe.labels, found.recipe.steps, strict=True)):
        for limit in whatif.limits_of(step):
            values = small.signals.get(limit.signal)
            if not limit.parameter or limit.at is not None or values is None or np.isnan(values).all():
                continue
            low, high = np.nanquantile(values, [0.02, 0.98])
            now = getattr(step, limit.parameter)
            whole = isinstance(now, int)
            ends = sorted({float(low), float(high), float(now)} if low <= now <= high else {float(low), float(high)})
            if ends[0] == ends[-1]:
                continue
            points = np.linspace(ends[0], ends[-1], CURVE_POINTS)
            tried = dict.fromkeys(round(float(v)) if whole else float(f"{v:.6g}") for v in points)
            curve = []
            for value in tried:
                try:
                    outcome = judge(changed(found.recipe, {(at, limit.parameter): value}))
                except CurateError:  # a value that the step does not take
                    continue
                curve.append((value, outcome.count(whatif.KEPT), outcome.count(whatif.UNKNOWN)))
            charts.append(_chart(f"{label}.{limit.parameter} (now {now})", curve, small.rows))
    return charts


def _sample(known: Stored) -> Stored:
    """Every n-th row, so that at most SAMPLE are left: ids are uniform hashes, so it is a fair sample."""
    step = -(-known.rows // SAMPLE)
    if step <= 1:
        return known
    at = np.arange(0, known.rows, step)
    return replace(
        known,
        kept=int(np.count_nonzero(at < known.kept)),
        ids=known.ids.take(at),
        stopped=known.stopped[at],
        failed=known.failed[at],
        reasons=stored.Names(known.reasons.codes[at], known.reasons.values),
        value=known.value[at],
        signals={name: values[at] for name, values in known.signals.items()},
        texts={name: stored.Names(one.codes[at], one.values) for name, one in known.texts.items()},
    )


WIDTH, HEIGHT, EDGE = 560, 150, 34


def _chart(title: str, curve: Sequence[tuple[float, int, int]], rows: int) -> str:
    """Share kept (line), and with those that are not known (band), by value."""
    if len(curve) < 2:
        return ""
    low, high = min(value for value, *_ in curve), max(value for value, *_ in curve)

    def point(value: float, count: int) -> str:
        x = EDGE + (WIDTH - EDGE - 10) * (value - low) / ((high - low) or 1)
        return f"{x:.1f},{HEIGHT - 20 - (HEIGHT - 30) * count / (rows or 1):.1f}"

    line = [point(value, kept) for value, kept, _ in curve]
    band = [*line, *(point(value, kept + unknown) for value, kept, unknown in reversed(curve))]
    labels = "".join(
        f'<text x="{EDGE if value == low else WIDTH - 10}" y="{HEIGHT - 4}" '
        f'text-anchor="{"start" if value == low else "end"}">{value:g}</text>'
        for value in (low, high)
    )
    marks = "".join(
        f'<text x="2" y="{HEIGHT - 16 - (HEIGHT - 30) * part:.0f}">{part:.0%}</text>' for part in (0, 0.5, 1)
    )
    steps = "".join(
        f'<circle class="kept" cx="{at.partition(",")[0]}" cy="{at.partition(",")[2]}" r="3">'
        f"<title>{value:g}: {number(kept)} kept, {number(unknown)} not known</title></circle>"
        for at, (value, kept, unknown) in zip(line, curve, strict=True)
    )
    return (
        f"<h3>{text(title)}</h3>"
        f'<svg class="histogram" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{text(title)}">'
        f'<polygon class="track" points="{" ".join(band)}"/>'
        f'<polyline fill="none" stroke="currentColor" points="{" ".join(line)}"/>{steps}{labels}{marks}</svg>'
    )
