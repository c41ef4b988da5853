"""One document through a recipe again, step by step, with every line that a step cut: for `explain` and the report.

Per-document steps run anew on the text as extracted; what a corpus-wide step took is given as removals, since it can
not be known from one document.
"""

import dataclasses
import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from curate.corpus.by_language import chosen
from curate.corpus.recipe import Recipe, is_corpus_wide
from curate.dedup.base import Removal
from curate.filters.base import Decision, Document, decision_of
from curate.run.passes import take_away

LONG_LINE = 3_000
"""Lines of so many characters are compared by words, those of so many words not at all: comparing is quadratic."""
FIELDS = ("id", "source", "url", "language", "language_score", "repo", "path", "license")


@dataclass(frozen=True)
class RemovalRow:
    """A row of `duplicates/`: what a corpus-wide step took from the document, and who keeps it."""

    pos: int
    survivor: str
    """First 16 hex digits of the id of the survivor; empty where no copy is kept."""
    value: float
    note: str | None = None
    """Evidence as JSON, where the step has some: the item of an evaluation task."""


@dataclass(frozen=True)
class Line:
    """A line of the text as extracted, and its end."""

    text: str
    left: str | None
    """What stands in the end: the line, a shorter one, or None when the line is gone."""
    rules: tuple[str, ...] = ()
    """The rules (Step.code) that cut it or cut from it."""


@dataclass(frozen=True)
class Stage:
    """What one step did."""

    step: str
    """Its label in the recipe."""
    parameters: Mapping[str, Any]
    outcome: str
    """kept, edited, rejected, failed, or not_run (an earlier step had decided)."""
    reason: str | None = None
    value: float | None = None
    signals: Mapping[str, float] = field(default_factory=dict)
    removed: Mapping[str, int] = field(default_factory=dict)
    removals: tuple[RemovalRow, ...] = ()
    detail: str = ""
    moved: tuple[tuple[str, float], ...] = ()
    """What moved a score, the strongest first."""


@dataclass(frozen=True)
class Trace:
    """The whole way of a document."""

    verdict: str
    """kept, rejected or failed."""
    reason: str | None
    stages: tuple[Stage, ...]
    lines: tuple[Line, ...]
    text: str
    """What stands in the end: for kept documents what is published."""


def trace(row: Mapping[str, Any], recipe: Recipe, removals: Mapping[str, Sequence[RemovalRow]]) -> Trace:
    """Run `recipe` over `row` of `extracted/`; `removals` by label of the corpus-wide step.

    A row that extraction decided (failed, no text) is traced as that alone. Never raises for what a step raises.
    """
    if row.get("verdict"):
        return Trace(row["verdict"], row.get("reason"), (_extraction(row),), (), row.get("text") or "")
    known = {name: row.get(name) for name in FIELDS}
    doc = Document(text=row.get("text") or "", opt_outs=tuple(row.get("opt_outs") or ()), **known)  # type: ignore[arg-type]
    lines = _Lines(doc.text)
    stages: list[Stage] = []
    verdict, reason = "kept", None
    for label, step in zip(recipe.labels, recipe.steps, strict=True):
        step = chosen(step, doc)
        if verdict != "kept":
            stages.append(Stage(label, parameters(step), "not_run"))
            continue
        stage, decision = _run(label, step, doc, removals.get(label, ()))
        stages.append(stage)
        if stage.outcome in ("rejected", "failed"):
            verdict, reason = stage.outcome, stage.reason
        if decision:
            lines.follow(label, step, doc.text, decision)
            doc = decision.doc
    return Trace(verdict, reason, tuple(stages), lines.result(), doc.text)


def _extraction(row: Mapping[str, Any]) -> Stage:
    detail = row.get("detail") or ""
    return Stage("extract", {}, row["verdict"], row.get("reason"), row.get("value"), detail=detail)


def parameters(step: object) -> dict[str, Any]:
    """The fields of a step: what it was told in the recipe, or its defaults."""
    if not dataclasses.is_dataclass(step):
        return {}
    return {item.name: getattr(step, item.name) for item in dataclasses.fields(step) if item.init}


def _run(label: str, step: Any, doc: Document, removals: Sequence[RemovalRow]) -> tuple[Stage, Decision | None]:
    known = parameters(step)
    if is_corpus_wide(step) and not removals:
        return Stage(label, known, "kept"), None
    try:
        taken = [_removal(removal) for removal in removals]
        decision = decision_of(partial(take_away, step, taken) if taken else step, doc)
    except Exception as error:
        return Stage(label, known, "failed", f"{label}.{type(error).__name__}", detail=str(error)), None
    edited = decision.doc.text != doc.text
    outcome = "rejected" if decision.reason else "edited" if edited or decision.removed else "kept"
    return Stage(
        step=label,
        parameters=known,
        outcome=outcome,
        reason=f"{label}.{decision.reason}" if decision.reason else None,
        value=decision.value,
        signals=dict(decision.signals),
        removed={f"{label}.{code}": count for code, count in decision.removed.items()},
        removals=tuple(removals),
        moved=tuple(step.moved(doc.text)) if hasattr(step, "moved") else (),
    ), decision


def _removal(removal: RemovalRow) -> Removal:
    survivor = int(removal.survivor, 16) if removal.survivor else None
    if survivor is not None and survivor >= 1 << 63:
        survivor -= 1 << 64
    return Removal(removal.pos, survivor, removal.value)


MOST_PAIRS = 1 << 18
"""Up to so many pairs of lines are compared with each other, which takes the square of their number."""


class _Lines:
    """The lines of the text as extracted, and what the steps so far left of each."""

    def __init__(self, text: str) -> None:
        self.texts = text.splitlines()
        self.left: list[str | None] = list(self.texts)
        self.rules: list[list[str]] = [[] for _ in self.texts]

    def follow(self, label: str, step: object, before: str, decision: Decision) -> None:
        """Take over what `step` did to the text `before`."""
        alive = [at for at, left in enumerate(self.left) if left is not None]
        if hasattr(step, "lines") and decision.removed:
            told = list(step.lines(before))
            if len(told) == len(alive):
                for at, (text, code) in zip(alive, told, strict=True):
                    self._set(at, None if code else text, f"{label}.{code or 'edited'}")
                return
        if decision.doc.text != before:
            codes = list(decision.removed)
            self._match(alive, decision.doc.text.splitlines(), f"{label}.{codes[0] if codes else 'edited'}")
        elif decision.reason and decision.removed:  # dropped because nothing was left
            for at in alive:
                self._set(at, None, f"{label}.{next(iter(decision.removed))}")

    def _set(self, at: int, text: str | None, rule: str) -> None:
        if text != self.left[at] and (text is None or text.strip() != (self.left[at] or "").strip()):
            self.rules[at].append(rule)
        self.left[at] = text

    def _match(self, alive: Sequence[int], after: Sequence[str], rule: str) -> None:
        """Find the lines that are left, or what is left of them, among the lines alive."""
        before = [self.left[at] or "" for at in alive]
        found = _paired(before, after) if len(before) * len(after) <= MOST_PAIRS else _paired_fast(before, after)
        for at, text in zip(alive, found, strict=True):
            self._set(at, text, rule)

    def result(self) -> tuple[Line, ...]:
        return tuple(
            Line(text, left, tuple(rules)) for text, left, rules in zip(self.texts, self.left, self.rules, strict=True)
        )


def _paired(before: Sequence[str], after: Sequence[str]) -> list[str | None]:
    """For each line of `before` what is left of it in `after`, which follows the same order; None for nothing."""
    found: list[str | None] = [None] * len(before)
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for tag, first, last, start, end in matcher.get_opcodes():
        if tag == "equal":
            found[first:last] = before[first:last]
            continue
        new = iter(after[start:end])
        candidate = next(new, None)
        for at in range(first, last):
            if candidate is not None and _is_part(candidate, before[at]):
                found[at], candidate = candidate, next(new, None)
    return found


def _paired_fast(before: Sequence[str], after: Sequence[str]) -> list[str | None]:
    """The same in one walk, for long texts: a line that stands in `after` as it is waits for its last place in `before`."""
    found: list[str | None] = [None] * len(before)
    last = {text: at for at, text in enumerate(before)}
    new = iter(after)
    candidate = next(new, None)
    for at, text in enumerate(before):
        if candidate is not None and (
            candidate == text or (last.get(candidate, -1) < at and _is_part(candidate, text))
        ):
            found[at], candidate = candidate, next(new, None)
    return found


def _is_part(short: str, long: str) -> bool:
    """Whether the words of `short` occur in `long` in their order."""
    if len(short) > len(long):
        return False
    words = iter(long.split())
    return all(word in words for word in short.split())


def cut_spans(line: Line) -> list[tuple[str, bool]]:
    """The line as (piece, gone?) in order, for highlighting."""
    if line.left is None:
        return [(line.text, True)]
    if line.left == line.text or not line.rules:
        return [(line.text, False)]
    unit = "(?s)." if len(line.text) < LONG_LINE else r"\S*\s*"
    before, after = re.findall(unit, line.text), re.findall(unit, line.left)
    if len(before) > LONG_LINE:
        return [(line.text, False)]
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    codes = [(tag, first, last) for tag, first, last, _, _ in matcher.get_opcodes() if first < last]
    return [("".join(before[first:last]), tag != "equal") for tag, first, last in codes]
