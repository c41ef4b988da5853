"""Tables of runs: the weights of each run, and what was measured of it. Three published forms are read.

* One table of CSV: a row a run, columns of weights and columns of losses.
* Two tables of CSV with a column that names the run (RegMix, Liu et al. 2024): weights in one, losses in the other.
* Lines of checkpoint, validation file and loss, between tabs (data mixing laws, Ye et al. 2024): the weights stand in the
  name of the checkpoint (`70M_3-0.125-0-0-0.125-0.75/13000`), whose last part is the step; the last step that all runs
  share is taken.

Rows that can't be used are left out with their reason, and counted; a table that gives no runs is an error.
"""

import csv
import io
import math
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from curate.errors import InputError, UsageError, nearest
from curate.files import storage
from curate.mixing.mixture import check_name

Floats = NDArray[np.float64]
MOST_BYTES = 256 << 20
"""A table of ten thousand runs has some megabytes."""
ROUNDING = 0.02
"""How far from 1 weights may add up: published tables are rounded to three decimals, and are scaled."""
_RUN = ("index", "run", "run_id", "id", "name", "mixture", "seed", "")
_METRIC = re.compile(r"^metrics?[/:.]|(^|[_/ .-])(loss|bpb|nll|perplexity|ppl)($|[_/ .-])|bits per byte", re.IGNORECASE)
_PREFIXES = ("train_", "weight/", "weight:", "weight_", "w_", "metric/", "metrics/", "metric:", "loss/", "loss:")
_SAYS_WEIGHT = re.compile(r"^weights?[/:_.]", re.IGNORECASE)
_KNOWN = re.compile(
    r"^((global|train|training|num|n|max|total|wall)[_ ]?)?(steps?|iterations?|iters?|epochs?|tokens?(_seen|_per_second)?|seeds?"
    r"|(time|clock|seconds|secs?|minutes|hours|duration|runtime|elapsed)(_?(s|secs?|seconds|min|minutes|h|hours|ms))?|date|timestamp"
    r"|params|parameters|flops|lr|learning_rate|batch(_size)?|gpus?|rank|(model_)?size|layers|width|throughput|mfu)$",
    re.IGNORECASE,
)
"""Columns that tables of runs have beside weights and losses."""
_HIGHER = re.compile(
    r"(^|[^a-z])(acc|accuracy|f1|em|exact[_ ]?match|bleu|rouge\w*|chrf|scores?|auc|auroc|mrr|ndcg|pass@\d+|win[_ ]?rate"
    r"|recall|precision|reward|log[_ ]?prob|log[_ ]?likelihood)($|[^a-z])",
    re.IGNORECASE,
)
_LOWER = re.compile(r"(^|[^a-z])(loss|bpb|nll|perplexity|ppl|err|error|neg\w*)($|[^a-z])|bits per byte", re.IGNORECASE)
_STEP = re.compile(r"^((global|train|training)_)?(steps?|iterations?|iters?)$", re.IGNORECASE)
_INSANE = 1e100
"""No loss: sums and squares of such numbers overflow."""
_CHECKPOINT = re.compile(r"-((?:\d+(?:\.\d+)?-)+\d+(?:\.\d+)?)/(\d+)$")


@dataclass(frozen=True)
class Runs:
    """Runs of one size of model, and what was measured of each."""

    sources: tuple[str, ...]
    metrics: tuple[str, ...]
    weights: Floats
    """[runs, sources], rows add up to 1."""
    losses: Floats
    """[runs, metrics], lower is better."""
    names: tuple[str, ...]
    """Of each run."""
    left_out: tuple[str, ...] = ()
    """Rows that were not used, each with its place and the reason."""
    notes: tuple[str, ...] = field(default=())

    def only(self, metrics: Sequence[str]) -> "Runs":
        """The same runs with these metrics. Raises UsageError for one that is not there."""
        for name in metrics:
            if name not in self.metrics:
                raise UsageError(f"no metric {name!r}{nearest(name, self.metrics)}; there are {_some(self.metrics)}")
        chosen = [self.metrics.index(name) for name in metrics]
        return replace(self, metrics=tuple(metrics), losses=self.losses[:, chosen])


@dataclass(frozen=True)
class _Table:
    path: str
    heads: list[str]
    rows: list[tuple[int, list[str]]]
    """Number of the line, cells."""
    left_out: list[str]
    notes: list[str]


@dataclass(frozen=True)
class _Columns:
    """Places of the columns of a table."""

    weights: list[int]
    metrics: list[int]
    aside: list[int]
    """Numbers that are neither."""


def better_when_higher(metric: str) -> bool:
    """Whether a metric has the name of what is not to be lowered: an accuracy, a score."""
    return bool(_HIGHER.search(metric)) and not _LOWER.search(metric)


def read(paths: Sequence[str]) -> Runs:
    """The runs of one or several tables. Raises InputError."""
    texts = [(path, _text(path)) for path in paths]
    if all("\t" in text.partition("\n")[0] and _checkpoints(text) for _, text in texts):
        return _mixing_laws(texts)
    return _of_tables([_table(path, text) for path, text in texts])


def read_mixtures(path: str, sources: Sequence[str]) -> tuple[tuple[str, ...], Floats]:
    """Names and weights [mixtures, sources] of the mixtures in a table. Raises InputError."""
    table = _table(path, _text(path))
    found, named = _weights(table), _run_column(table)
    names = _short_names([table.heads[i] for i in found])
    missing = [name for name in sources if name not in names]
    if missing:
        raise InputError(f"{path}: no column for the source {missing[0]!r}{nearest(missing[0], names)}")
    order = [found[names.index(name)] for name in sources]
    left_out = list(table.left_out)
    kept = [row for row in _numbered(table, [order], left_out) if row is not None]
    if not kept or left_out:
        raise InputError(f"{path}: {left_out[0] if left_out else 'no rows'}")
    labels = tuple(table.rows[i][1][named] if named is not None else str(i + 1) for i in range(len(kept)))
    return labels, np.array([row[0] for row in kept])


def _text(path: str) -> str:
    try:
        if storage.is_local(path) and not os.path.isfile(path):
            raise InputError(f"--from {path}: {'a folder, not a table' if os.path.isdir(path) else 'no such file'}")
        if storage.file_size(path) > MOST_BYTES:
            raise InputError(f"--from {path}: larger than {MOST_BYTES >> 20} MiB; that is no table of runs")
        text = storage.read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"--from {path}: not UTF-8 text at byte {error.start}") from error
    except OSError as error:
        raise InputError(f"--from {path}: {storage.reason(path, error)}") from error
    if "\0" in text:
        raise InputError(f"--from {path}: not a table (a zero byte at character {text.index(chr(0))})")
    if not text.strip():
        raise InputError(f"--from {path}: empty")
    return text


def _table(path: str, text: str) -> _Table:
    """Cells of CSV; rows of another length than the heading are left out."""
    first = text.lstrip().partition("\n")[0]
    mark = max(",;\t", key=first.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    try:
        rows = [(lines.line_num, [cell.strip() for cell in cells]) for cells in lines if any(map(str.strip, cells))]
    except csv.Error as error:
        raise InputError(f"--from {path}: line {lines.line_num}: not CSV ({error})") from error
    heads = rows[0][1]
    twice = [name for name, count in Counter(heads).items() if count > 1]
    if twice:
        raise InputError(f"--from {path}: two columns are called {twice[0]!r}")
    good = [row for row in rows[1:] if len(row[1]) == len(heads)]
    bad = [f"{path}, line {n}: {len(c)} cells, not {len(heads)}" for n, c in rows[1:] if len(c) != len(heads)]
    table = _Table(path, heads, good, bad, [])
    return table if _run_column(table) is None else _each_once(table)


def _each_once(table: _Table) -> _Table:
    """Rows that are there again, with the same name of the run and all else, are the same run."""
    first: dict[tuple[str, ...], tuple[int, list[str]]] = {}
    for row in table.rows:
        first.setdefault(tuple(row[1]), row)
    again = len(table.rows) - len(first)
    note = f"{table.path}: {again:,} {'row is' if again == 1 else 'rows are'} there twice to the letter: counted once"
    return replace(table, rows=list(first.values()), notes=[*table.notes, *([note] if again else [])])


def _run_column(table: _Table) -> int | None:
    return next((i for i, head in enumerate(table.heads) if head.lower() in _RUN), None)


def _columns(table: _Table) -> _Columns:
    """Which columns are weights, which metrics; columns whose first cells are no numbers are nothing.

    Where columns are called `weight/NAME` these are the weights. Else they are all that are no metrics, without those of known
    other names (steps, seconds, an accuracy) where rows don't add up to 1 with them.
    """
    numeric = [
        i
        for i, head in enumerate(table.heads)
        if head.lower() not in _RUN and any(_number(cells[i]) is not None for _, cells in table.rows[:20])
    ]
    metrics = [i for i in numeric if _METRIC.search(table.heads[i])]
    rest = [i for i in numeric if i not in metrics]
    said = [i for i in rest if _SAYS_WEIGHT.search(table.heads[i])]
    known = [i for i in rest if _KNOWN.search(table.heads[i]) or better_when_higher(table.heads[i])]
    if said:
        weights = said
    elif known and len(known) < len(rest) and not _add_up(table, rest):
        weights = [i for i in rest if i not in known]
    else:
        weights = rest
    return _Columns(weights, metrics, [i for i in rest if i not in weights])


def _add_up(table: _Table, columns: Sequence[int], to: float = 1.0) -> bool:
    """Whether most rows do."""
    rows = [[_number(cells[i]) or 0.0 for i in columns] for _, cells in table.rows]
    return 2 * sum(abs(math.fsum(row) / to - 1) <= ROUNDING for row in rows) > len(rows)


def _weights(table: _Table) -> list[int]:
    """Places of the weights. Raises InputError where some columns can't be any, by their values."""
    found = _columns(table).weights

    def outside(column: int) -> bool:
        values = [x for _, cells in table.rows if (x := _number(cells[column])) is not None]
        return 2 * sum(not -ROUNDING <= x <= 1 + ROUNDING for x in values) > len(values)

    odd = [table.heads[i] for i in found if outside(i)]
    if odd and _add_up(table, found, 100.0):
        raise InputError(f"--from {table.path}: the weights add up to 100: give shares from 0 to 1, not percent")
    if 0 < len(odd) < len(found):
        raise InputError(
            f"--from {table.path}: {_some(odd)} can't be weights: most values are not between 0 and 1. Call the columns of "
            "weights weight/NAME, and other columns are left out"
        )
    return found


def _of_tables(tables: Sequence[_Table]) -> Runs:
    if len(tables) == 1:
        weights, losses = tables[0], tables[0]
    else:
        having = {bool(_columns(table).metrics): table for table in tables}
        if len(tables) > 2 or len(having) < 2:
            paths = ", ".join(table.path for table in tables)
            raise InputError(f"--from {paths}: give one table, or one of weights and one of losses")
        weights, losses = having[False], having[True]
    first, second = _weights(weights), _columns(losses).metrics
    for what, found, table in (("weights", first, weights), ("losses", second, losses)):
        if not found:
            heads = _some(table.heads)
            raise InputError(
                f"--from {table.path}: no columns of {what} among {heads}. Losses are called metric/NAME or NAME_loss "
                "(loss, bpb, nll, perplexity); the other columns of numbers are weights"
            )
    left_out = [reason for table in tables for reason in table.left_out]
    notes = [note for table in tables for note in (*table.notes, *_left_aside(table))]
    if weights is losses:
        weights = losses = _last_steps(weights, first, left_out, notes)
        joined = list(_numbered(weights, [first, second], left_out))
        keys = [_key(weights, i) for i in range(len(weights.rows))]
    else:
        joined, keys = _joined(weights, losses, first, second, left_out)
    kept = [(key, row) for key, row in zip(keys, joined, strict=True) if row is not None]
    if not kept:
        taken = _some([weights.heads[i] for i in first])
        raise InputError(
            f"--from {weights.path}: no run can be used ({len(left_out):,} rows, the first: {left_out[0] if left_out else 'none'}). Taken for weights: {taken}; call the columns of "
            "weights weight/NAME, and other columns are left out"
        )
    sources = _short_names([weights.heads[i] for i in first])
    for name in sources:
        check_name(name, weights.path)
    shares = np.array([row[0] for _, row in kept])
    sums = shares.sum(1)
    if abs(sums - 1).max() > 1e-4:  # less is how they were printed
        notes.append(f"weights add up to {sums.min():.4g} … {sums.max():.4g}: scaled to 1")
    return Runs(
        sources=tuple(sources),
        metrics=tuple(_short_names([losses.heads[i] for i in second])),
        weights=shares / sums[:, None],
        losses=np.array([row[1] for _, row in kept]),
        names=tuple(key for key, _ in kept),
        left_out=tuple(left_out),
        notes=tuple(notes),
    )


def _left_aside(table: _Table) -> list[str]:
    """What is said of columns that are neither weights nor metrics."""
    aside = [table.heads[i] for i in _columns(table).aside]
    if not aside:
        return []
    higher = [name for name in aside if better_when_higher(name)]
    told = f"; what is better when higher is not lowered: {_some(higher)}" if higher else ""
    return [f"{table.path}: {_some(aside)} taken for neither weights nor losses (losses are called metric/NAME){told}"]


def _last_steps(table: _Table, weights: Sequence[int], left_out: list[str], notes: list[str]) -> _Table:
    """Of several rows of one run at different steps, one: at the last step that three of four runs have.

    Where runs have steps of their own, the last of each.
    """
    column = next((i for i, head in enumerate(table.heads) if i not in weights and _STEP.search(head)), None)
    if column is None:
        return table
    said = [i for i, head in enumerate(table.heads) if head.lower() in _RUN] + list(weights)
    runs: dict[tuple[str, ...], dict[float, list[tuple[int, list[str]]]]] = {}
    for line, cells in table.rows:
        steps = runs.setdefault(tuple(cells[i] for i in said), {})
        step = _number(cells[column])
        steps.setdefault(-1.0 if step is None else step, []).append((line, cells))
    if all(len(steps) == 1 for steps in runs.values()):
        return table
    having = Counter(step for steps in runs.values() for step in steps)
    common = max((step for step, count in having.items() if 4 * count >= 3 * len(runs)), default=-1.0)
    shared = common >= 0
    rows = []
    for steps in runs.values():
        if not shared or common in steps:
            rows += steps[common if shared else max(steps)]
        else:
            left_out.append(
                f"{table.path}, line {next(iter(steps.values()))[0][0]}: this run has no row at step {common:g}"
            )
    which = f"at step {common:g}" if shared else "at its last step"
    notes.append(f"{table.path}: several rows of a run by {table.heads[column]!r}: each is taken {which}")
    return replace(table, rows=sorted(rows))


def _key(table: _Table, row: int) -> str:
    column = _run_column(table)
    return str(row + 1) if column is None else table.rows[row][1][column]


def _numbered(
    table: _Table, groups: Sequence[Sequence[int]], left_out: list[str]
) -> Iterator[tuple[list[float], ...] | None]:
    """For each row the numbers of each group of columns, or None; the first group are weights, others losses."""
    for line, cells in table.rows:
        made = [[_number(cells[i]) for i in group] for group in groups]
        reason = _weights_reason(made[0])
        bad = [
            table.heads[i]
            for group, row in zip(groups, made, strict=True)
            for i, x in zip(group, row, strict=True)
            if x is None
        ]
        reason = f"{bad[0]} is no finite number" if bad else reason
        if reason:
            left_out.append(f"{table.path}, line {line}: {reason}")
            yield None
        else:
            yield tuple([x for x in row if x is not None] for row in made)


def _weights_reason(row: Sequence[float | None]) -> str:
    numbers = [x for x in row if x is not None]
    if any(x < 0 for x in numbers):
        return "a weight is negative"
    if abs(math.fsum(numbers) - 1) > ROUNDING:
        return f"the weights add up to {math.fsum(numbers):.4g}, not 1"
    return ""


def _joined(
    weights: _Table, losses: _Table, first: Sequence[int], second: Sequence[int], left_out: list[str]
) -> tuple[list[tuple[list[float], ...] | None], list[str]]:
    """Rows of two tables that name the same run. Without such a column in both, row by row."""
    columns = _run_column(weights), _run_column(losses)
    if None in columns and len(weights.rows) != len(losses.rows):
        raise InputError(
            f"--from {weights.path}, {losses.path}: {len(weights.rows)} and {len(losses.rows)} rows, and no column "
            "'index' or 'run' in both that says which belong together"
        )
    plain = None in columns
    places: dict[str, int] = {}
    for i in range(len(losses.rows)):
        key = str(i) if plain else _key(losses, i)
        if key in places:
            raise InputError(f"--from {losses.path}, line {losses.rows[i][0]}: the run {key!r} is there twice")
        places[key] = i
    measured: dict[int, list[float]] = {}
    for i, (line, cells) in enumerate(losses.rows):
        numbers = [_number(cells[j]) for j in second]
        if None in numbers:
            left_out.append(
                f"{losses.path}, line {line}: {losses.heads[second[numbers.index(None)]]} is no finite number"
            )
        else:
            measured[i] = [x for x in numbers if x is not None]
    found: list[tuple[list[float], ...] | None] = []
    seen: set[str] = set()
    for i, row in enumerate(_numbered(weights, [first], left_out)):
        key = str(i) if plain else _key(weights, i)
        where = f"{weights.path}, line {weights.rows[i][0]}: the run {key!r}"
        if key in seen:
            raise InputError(f"--from {where} is there twice")
        seen.add(key)
        at = places.get(key)
        if row is not None and at is None:
            left_out.append(f"{where} has no losses")
        found.append((row[0], measured[at]) if row is not None and at in measured else None)
    left_out += [f"{losses.path}: the run {key!r} has no weights" for key in places if key not in seen]
    return found, [_key(weights, i) for i in range(len(weights.rows))]


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < _INSANE else None


def _short_names(names: Sequence[str]) -> list[str]:
    """Without what all have in front (`train_`, `metric/` …)."""
    for prefix in _PREFIXES:
        if names and all(name.startswith(prefix) and len(name) > len(prefix) for name in names):
            return [name.removeprefix(prefix) for name in names]
    return list(names)


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:5])
    return shown + (f" … ({len(names):,} in all)" if len(names) > 5 else "")


def _checkpoints(text: str) -> bool:
    return bool(_CHECKPOINT.search(text.lstrip().partition("\t")[0]))


def _mixing_laws(texts: Sequence[tuple[str, str]]) -> Runs:
    found: dict[tuple[str, str, int], tuple[list[float], float]] = {}
    left_out: list[str] = []
    for path, text in texts:
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip():
                continue
            cells = line.split("\t")
            name = _CHECKPOINT.search(cells[0])
            loss = _number(cells[-1])
            if len(cells) != 3 or name is None or loss is None:
                left_out.append(f"{path}, line {number}: not 'checkpoint, file, loss' between tabs")
                continue
            weights = [float(x) for x in name[1].split("-")]
            if reason := _weights_reason(weights):
                left_out.append(f"{path}, line {number}: {reason}")
                continue
            run = cells[0].rpartition("/")[0].rpartition("/")[2]
            metric = re.sub(r"\.(bin|npy|jsonl?)$", "", cells[1].rpartition("/")[2]).rpartition(".")[2]
            found[run, metric, int(name[2])] = weights, loss
    return _at_last_step(found, left_out, texts[0][0])


def _at_last_step(
    found: Mapping[tuple[str, str, int], tuple[list[float], float]], left_out: list[str], path: str
) -> Runs:
    widths = Counter(len(weights) for weights, _ in found.values())
    if len(widths) != 1:
        raise InputError(f"--from {path}: runs over different numbers of sources ({sorted(widths) or 'none'})")
    runs, metrics = sorted({key[0] for key in found}), sorted({key[1] for key in found})
    complete = {
        step: [run for run in runs if all((run, metric, step) in found for metric in metrics)]
        for step in {key[2] for key in found}
    }
    step = max(complete, key=lambda one: (len(complete[one]), one))
    kept = complete[step]
    if not kept:
        raise InputError(f"--from {path}: no step at which a run has a loss on each of {_some(metrics)}")
    left_out += [f"{path}: the run {run!r} lacks losses at step {step}" for run in runs if run not in kept]
    count = next(iter(widths))
    table = np.array([found[run, metrics[0], step][0] for run in kept])
    return Runs(
        sources=tuple(f"source-{i + 1}" for i in range(count)),
        metrics=tuple(metrics),
        weights=table / table.sum(1, keepdims=True),
        losses=np.array([[found[run, metric, step][1] for metric in metrics] for run in kept]),
        names=tuple(kept),
        left_out=tuple(left_out),
        notes=(f"losses at step {step:,}; this form has no names of sources: source-1, source-2 … in their order",),
    )
