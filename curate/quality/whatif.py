"""What other limits would have kept, from stored columns alone: for each document kept, rejected, or not to be known.

A step with `limits` (see `curate.filters.base.Limit`) never changes a text and decides by what it measured, so its limits can be moved
and the rows of data/ and rejected/ judged again. What can't be known is said, and why: a document that was rejected early was
not measured behind a step that may change texts or compares documents; a document that leaves, or newly comes to, a
corpus-wide step may change what happens to its copies.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.corpus.by_language import ByLanguage
from curate.corpus.limits import bound, changes_instead, limits_of
from curate.corpus.lookup import opened, parts
from curate.corpus.recipe import Recipe, is_corpus_wide, variants
from curate.errors import RecipeError
from curate.filters.base import Limit
from curate.filters.labels import any_covers
from curate.quality.stored import Numbers, Stored

KEPT, REJECTED, UNKNOWN = 0, 1, 2


@dataclass(slots=True)
class Outcome:
    """What a changed recipe makes of the stored documents."""

    verdict: Numbers
    """KEPT, REJECTED or UNKNOWN, a row each."""
    reason: Numbers
    """Into `reasons`; -1 where kept or unknown."""
    reasons: list[str]
    unknown_at: Numbers
    """Place of the step from which on a document can't be followed, -1 for none."""
    newcomers: dict[str, int] = field(default_factory=dict)
    """By corpus-wide step: documents that newly come to it. Whether others lose something to them can't be known."""

    def count(self, verdict: int) -> int:
        return int(np.count_nonzero(self.verdict == verdict))


def check_change(old: Recipe, new: Recipe) -> None:
    """Raise RecipeError unless the two differ in limits alone."""
    kinds = [[type(variants(step)[0]) for step in recipe.steps] for recipe in (old, new)]
    if old.labels != new.labels or kinds[0] != kinds[1]:
        raise RecipeError("another list of steps can't be answered from stored columns: run it")
    for label, before, after in zip(old.labels, old.steps, new.steps, strict=True):
        if (isinstance(before, ByLanguage) or isinstance(after, ByLanguage)) and before != after:
            raise RecipeError(f"{label} has parameters by language, which the stored columns can't answer: run it")
        for one in dataclasses.fields(before) if dataclasses.is_dataclass(before) else ():
            if getattr(before, one.name) != getattr(after, one.name) and one.name not in adjustable(before):
                raise RecipeError(_not_adjustable(label, one.name, before))


def adjustable(step: object) -> list[str]:
    """Its parameters that only decide and measure nothing."""
    limits = [one for one in limits_of(step) if one.parameter and not changes_instead(step, one)]
    return list(dict.fromkeys(limit.parameter for limit in limits))


def _not_adjustable(label: str, name: str, step: object) -> str:
    names = adjustable(step)
    known = f"; its limits are {', '.join(names)}" if names else ""
    why = "compares documents" if is_corpus_wide(step) else "changes texts or measurements"
    return (
        f"{label}.{name} {why}, so the stored columns can't answer{known}. "
        "Write the recipe with --recipe and run: curate clean --input CORPUS --recipe FILE"
    )


def crossed(values: Numbers, relation: str, limit: float) -> Numbers:
    """Where `values relation limit` holds."""
    compare = {"<": np.less, ">": np.greater, "<=": np.less_equal, ">=": np.greater_equal}[relation]
    found: Numbers = compare(values, limit)
    return found


def _no_stricter(limit: Limit, old: Any, new: Any) -> bool:
    """Whether whatever passed the old bound passes the new one."""
    if new is None:
        return True
    if old is None:
        return False
    if limit.relation == "not in":
        return set(old) <= set(new)
    return bool(new <= old) if limit.relation in ("<", "<=") else bool(new >= old)


class _Knowledge:
    """Which stored value of a step's signal is that step's own, by where the document was stopped."""

    def __init__(self, recipe: Recipe) -> None:
        self.steps = recipe.steps
        self.segment = np.zeros(len(recipe.steps) + 1, np.int64)
        for number, (first, last) in enumerate(recipe.segments()):
            self.segment[first : last + 1] = number

    def follows(self, at: int) -> bool:
        """Whether documents stopped before this step were measured by it as it would see them."""
        return bool(limits_of(self.steps[at])) and not getattr(self.steps[at], "costly", False)

    def owned(self, at: int, signal: str) -> Numbers:
        """For each place to stop (and the end): whether `signal` as stored is what the step `at` has measured."""
        found = np.zeros(len(self.steps) + 1, bool)
        for stop in range(len(self.steps) + 1):
            ran = [j for j, step in enumerate(self.steps) if _writes(step, signal) and self._ran(j, stop)]
            same = bool(ran) and (ran[-1] == at or self._same(at, ran[-1]))
            found[stop] = same and (at <= stop or self._unchanged(stop, at))
        return found

    def _ran(self, at: int, stop: int) -> bool:
        measured = self.segment[at] == self.segment[min(stop, len(self.steps) - 1)]
        return at <= stop or (bool(measured) and not getattr(self.steps[at], "costly", False))

    def _same(self, at: int, last: int) -> bool:
        """Whether the step `last` measures as `at` does, and the same text."""
        one, other = self.steps[at], self.steps[last]
        first, second = sorted((at, last))
        return type(one) is type(other) and _measuring(one) == _measuring(other) and self._unchanged(first, second)

    def _unchanged(self, stop: int, at: int) -> bool:
        """Whether no step behind `stop` and before `at` may change the text."""
        return all(limits_of(step) for step in self.steps[stop:at])


def _measuring(step: Any) -> dict[str, object]:
    """Its parameters that decide what it measures."""
    limits = adjustable(step)
    return {one.name: getattr(step, one.name) for one in dataclasses.fields(step) if one.name not in limits}


def _writes(step: object, signal: str) -> bool:
    if signal == "language":
        return any(limit.signal == "language" for limit in limits_of(step))
    return signal in getattr(step, "signals", ())


class Judge:
    """Judges the stored rows by changed recipes, one after the other."""

    def __init__(self, stored: Stored) -> None:
        self.stored, self.old = stored, stored.recipe
        self._knowledge = _Knowledge(stored.recipe)
        self._owned: dict[tuple[int, str], Numbers] = {}
        self._removals: dict[str, tuple[list[str], list[str]]] | None = None

    def __call__(self, new: Recipe) -> Outcome:
        """What `new` makes of the rows. Raises RecipeError when it differs in more than limits."""
        check_change(self.old, new)
        stopped = self.stored.stopped
        reasons = [*self.stored.reasons.values]
        state = _State(
            reason=np.where(stopped < 0, self.stored.reasons.codes, -1),
            unknown_at=np.full(len(stopped), -1, np.int64),
            open=stopped >= 0,
        )
        newcomers: dict[str, int] = {}
        for at, (label, step) in enumerate(zip(new.labels, new.steps, strict=True)):
            if is_corpus_wide(step):
                count = self._compared(state, at, label)
                if count:
                    newcomers[label] = count
            elif not limits_of(step):
                self._opaque(state, at)
            else:
                for limit, gone in self._limits(state, at, step):
                    state.reason[gone] = len(reasons)
                    reasons.append(f"{label}.{limit}")
            self._as_before(state, at, step)
        verdict = np.where(state.reason >= 0, REJECTED, np.where(state.unknown_at >= 0, UNKNOWN, KEPT))
        return Outcome(verdict, state.reason, reasons, state.unknown_at, newcomers)

    def _as_before(self, state: "_State", at: int, step: object) -> None:
        """Documents that the step `at` stopped, and that an unchanged step stops again."""
        here = (self.stored.stopped == at) & (state.reason < 0) & state.open
        again = here if step == self.old.steps[at] else here & self.stored.failed
        state.reason[again & (state.unknown_at < 0)] = self.stored.reasons.codes[again & (state.unknown_at < 0)]
        # Unsure before, its fate here is the same: the text is, and unsure it was about an earlier reason alone.
        unsure = again & (state.unknown_at >= 0)
        state.reason[unsure] = self.stored.reasons.codes[unsure]

    def _opaque(self, state: "_State", at: int) -> None:
        """A step that may change texts: who was stopped before it can't be followed."""
        new = (self.stored.stopped < at) & (state.reason < 0) & state.open
        state.lose(new, at)

    def _compared(self, state: "_State", at: int, label: str) -> int:
        """A step that compares documents; returns how many newly come to it."""
        stopped = self.stored.stopped
        here = stopped >= at
        alive = (state.reason < 0) & (state.open | (state.unknown_at >= 0))
        new = alive & (~here | state.uncertain)
        leaving = here & ((state.reason >= 0) | (state.unknown_at >= 0))
        if getattr(self.old.steps[at], "uses_signals", ()) and (new | leaving).any():
            state.uncertain |= here & (state.reason < 0)  # it ranks: what becomes of one hangs on all the others
            state.lose((state.reason < 0) & state.open, at)
            return int(np.count_nonzero(new))
        state.lose(alive & ~here & state.open, at)
        if leaving.any():
            touched = self._copies_of(leaving, label) & (state.reason < 0)
            state.uncertain |= touched
            state.lose(touched & state.open, at)
        return int(np.count_nonzero(new))

    def _copies_of(self, leaving: Numbers, label: str) -> Numbers:
        """Documents that lost something to those that leave, or to whom those that leave lost something, too."""
        if self._removals is None:
            self._removals = _read_removals(self.stored.corpus)
        removed, survivor_ids = self._removals.get(label, ([], []))
        if not removed:
            return np.zeros(len(leaving), bool)
        left = pa.array(pc.utf8_slice_codeunits(self.stored.ids.filter(pa.array(leaving)), 0, 16).to_pylist())
        lost, kept = pa.array(removed), pa.array(survivor_ids)
        short = pc.utf8_slice_codeunits(lost, 0, 16)
        of_them = pc.or_(pc.is_in(short, left), pc.is_in(kept, left))
        groups = pc.unique(kept.filter(of_them))
        touched = pc.unique(lost.filter(pc.is_in(kept, groups)))
        found: Numbers = pc.is_in(self.stored.ids, touched).to_numpy()
        return found

    def _limits(self, state: "_State", at: int, step: object) -> Iterator[tuple[str, Numbers]]:
        """The limits of a step: each with the rows that it rejects. What is not known is marked."""
        stored, old = self.stored, self.old.steps[at]
        judged = (state.reason < 0) & state.open & ~stored.failed
        judged &= (stored.stopped < at) if step == old else np.ones_like(judged)
        if not judged.any():
            return
        open_question = np.zeros_like(judged)
        for limit in limits_of(step):
            limit_now, limit_then = bound(step, limit), bound(old, limit)
            if limit_now is None:
                continue
            known, beyond = self._measured(at, limit, limit_now)
            passes = (stored.stopped > at) if _no_stricter(limit, limit_then, limit_now) else np.zeros_like(judged)
            gone = judged & known & beyond & ~passes
            open_question |= judged & ~known & ~passes
            yield limit.reason, gone
            judged &= ~gone
        state.unknown_at[open_question & judged & (state.unknown_at < 0)] = at

    def _measured(self, at: int, limit: Limit, limit_now: Any) -> tuple[Numbers, Numbers]:
        """(whether the value is known, whether it crosses the limit) of each row."""
        stored = self.stored
        key = (at, limit.signal)
        if key not in self._owned:
            self._owned[key] = self._knowledge.owned(at, limit.signal)
        owned = self._owned[key][np.maximum(stored.stopped, 0)]
        if limit.signal == "language":
            names = stored.texts.get("language")
            if names is None:
                return np.zeros_like(owned), np.zeros_like(owned)
            allowed = [code for code, name in enumerate(names.values) if any_covers(limit_now, name)]
            score = stored.signals.get(self.old.steps[at].signals[0])
            measured = owned if score is None else owned & ~np.isnan(score)
            here = stored.stopped == at
            return measured & ((names.codes >= 0) | here), ~np.isin(names.codes, allowed)
        values = stored.signals.get(limit.signal)
        values = np.full(stored.rows, np.nan) if values is None else np.where(owned, values, np.nan)
        decided = [
            code for code, name in enumerate(stored.reasons.values) if name == f"{self.old.labels[at]}.{limit.reason}"
        ]
        if decided:
            values = np.where(stored.reasons.codes == decided[0], stored.value, values)
        known = ~np.isnan(values)
        return known, known & crossed(values, limit.relation, limit_now)


@dataclass(slots=True)
class _State:
    """Where each row stands while the steps go by."""

    reason: Numbers
    unknown_at: Numbers
    open: Numbers
    """Whether the steps to come can judge it."""
    uncertain: Numbers = field(init=False)
    """Rejected by a corpus-wide step, and now perhaps not."""

    def __post_init__(self) -> None:
        self.uncertain = np.zeros(len(self.reason), bool)

    def lose(self, rows: Numbers, at: int) -> None:
        """From the step `at` on these rows can't be followed."""
        self.unknown_at[rows & (self.unknown_at < 0)] = at
        self.open = self.open & ~rows


def _read_removals(corpus: str) -> dict[str, tuple[list[str], list[str]]]:
    """By corpus-wide step: ids that lost something, and the first 16 digits of the ids that keep it; each pair once."""
    import pyarrow.parquet as pq

    tables = []
    for path in parts(corpus, "duplicates"):
        inner, fs = opened(path)
        tables.append(pq.read_table(inner, filesystem=fs, columns=["step", "id", "survivor"]))
    if not tables:
        return {}
    pairs = pa.concat_tables(tables).replace_schema_metadata().group_by(["step", "id", "survivor"]).aggregate([])
    found = {}
    for step in pc.unique(pairs["step"]).to_pylist():
        mine = pairs.filter(pc.equal(pairs["step"], step))
        found[step] = (mine["id"].to_pylist(), mine["survivor"].to_pylist())
    return found


def shares(stored: Stored, outcome: Outcome, column: str) -> Iterator[tuple[str, int, int, int]]:
    """(name, kept before, kept now, not known) of each value of `language` or `host`, the most changed first."""
    names = stored.texts.get(column)
    if names is None:
        return
    yield from _grouped(names.codes, [*names.values, "none"], stored, outcome)


def _grouped(
    codes: Numbers, labels: Sequence[str], stored: Stored, outcome: Outcome
) -> list[tuple[str, int, int, int]]:
    codes = np.where(codes < 0, len(labels) - 1, codes)
    was = np.bincount(codes[: stored.kept], minlength=len(labels))
    now = np.bincount(codes[outcome.verdict == KEPT], minlength=len(labels))
    unknown = np.bincount(codes[outcome.verdict == UNKNOWN], minlength=len(labels))
    used = np.flatnonzero(was + now + unknown).tolist()
    rows = [(labels[i], int(was[i]), int(now[i]), int(unknown[i])) for i in used]
    return sorted(rows, key=lambda row: (-abs(row[2] - row[1]), -row[1], row[0]))


def lengths(stored: Stored, outcome: Outcome) -> tuple[str, list[tuple[str, int, int, int]]]:
    """(signal that says the length, rows as of `shares` by powers of two in their order); ("", []) without such a signal."""
    from curate.quality.stored import LENGTHS

    name = next((one for one in LENGTHS if one in stored.signals), "")
    if not name:
        return "", []
    values = stored.signals[name]
    bins = np.where(values >= 1, np.log2(np.maximum(np.nan_to_num(values), 1)).astype(int), 0)
    known = ~np.isnan(values)
    top = int(bins[known].max(initial=0)) + 1
    labels = [f"{1 << n if n else 0} to {(2 << n) - 1}" for n in range(top)] + ["not measured"]
    found = _grouped(np.where(known, bins, -1), labels, stored, outcome)
    return name, sorted(found, key=lambda row: labels.index(row[0]))


def by_reason(stored: Stored, outcome: Outcome) -> list[tuple[str, int, int]]:
    """(reason, documents before, documents now) of each, the most first."""
    was: dict[str, int] = {}
    now: dict[str, int] = {}
    for counts, codes, names in (
        (was, stored.reasons.codes, stored.reasons.values),
        (now, outcome.reason, outcome.reasons),
    ):
        for code, count in enumerate(np.bincount(codes[codes >= 0], minlength=len(names))):
            counts[names[code]] = counts.get(names[code], 0) + int(count)
    names = [name for name in {**was, **now} if was.get(name) or now.get(name)]
    rows = [(name, was.get(name, 0), now.get(name, 0)) for name in names]
    return sorted(rows, key=lambda row: (-max(row[1:]), row[0]))


def unknown_from(stored: Stored, outcome: Outcome) -> list[tuple[str, int]]:
    """(label of the step from which on documents can't be followed, how many)."""
    at = outcome.unknown_at[outcome.verdict == UNKNOWN]
    counts = np.bincount(at, minlength=len(stored.recipe.steps))
    return [(stored.recipe.labels[i], int(counts[i])) for i in np.flatnonzero(counts)]


__all__ = [
    "KEPT",
    "REJECTED",
    "UNKNOWN",
    "Judge",
    "Outcome",
    "Stored",
    "bound",
    "by_reason",
    "lengths",
    "limits_of",
    "shares",
]
