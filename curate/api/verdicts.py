"""`curate.filter`: the steps of a recipe as one function on texts, for whatever calls functions on batches."""

import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from inspect import isfunction
from typing import Any, NamedTuple, overload

from curate.api.told import told
from curate.corpus.recipe import Recipe, is_corpus_wide, load, load_steps, parse
from curate.corpus.schema import document_id
from curate.errors import RecipeError, UsageError
from curate.files.home import at_home
from curate.filters.base import Decision, Document
from curate.run.passes import DOCUMENT_FIELDS, Row, judge

OneStep = Callable[[Document], Decision]
Batch = dict[str, Sequence[object]]
Steps = str | Recipe | OneStep | Sequence[OneStep]
"""A recipe by its name or path, or as it is; or steps as objects."""
FIELDS = ("kept", "reason", "value")
"""Columns that a verdict adds; `text` is replaced by what the steps made of it."""
NO_TEXT = "extract.no_text"
"""The reason of a row without a text, as in a corpus."""
_FROM_ROW = tuple(name for name in DOCUMENT_FIELDS if name not in ("text", "language_score", "redacted"))
_BLANK = {"verdict": None, "reason": None, "value": None, "detail": None, "source": ""}


class Verdict(NamedTuple):
    """What a recipe says of one text."""

    kept: bool
    reason: str | None
    """Step.code, None of what is kept."""
    value: float | None
    """The measurement that decided."""
    text: str | None
    """As the steps left it."""


@dataclass(frozen=True)
class Filter:
    """The steps of a recipe that look at one document. Call it with a text, or with a batch of columns (a mapping of lists)."""

    recipe: Recipe
    text: str = "text"
    """Column of the texts."""
    prefix: str = ""
    """Before the names of the columns that are added."""
    drop: bool = False
    """Of batches: give only the rows that are kept."""

    @cached_property
    def steps(self) -> list[tuple[str, Any]]:
        """Label and step, without those that compare documents."""
        pairs = zip(self.recipe.labels, self.recipe.steps, strict=True)
        return [(label, step) for label, step in pairs if not is_corpus_wide(step)]

    @overload
    def __call__(self, batch: str) -> Verdict: ...
    @overload
    def __call__(self, batch: Mapping[str, Sequence[object]]) -> Batch: ...
    def __call__(self, batch: str | Mapping[str, Sequence[object]]) -> Verdict | Batch:
        """The verdict on a text; or the batch with the columns kept, reason ("" where kept) and value (NaN where none), and with the
        texts as the steps left them, as `datasets.Dataset.map(…, batched=True)` wants it.

        Raises UsageError for a batch without the column, or with one that would be overwritten.
        """
        if isinstance(batch, str):
            return self.verdicts([batch])[0]
        check_columns(batch, self.text, self.prefix)
        found = self.verdicts(batch[self.text], {name: batch[name] for name in _FROM_ROW if name in batch})
        if self.drop:
            rows = [number for number, one in enumerate(found) if one.kept]
            left: Batch = {name: [values[number] for number in rows] for name, values in batch.items()}
            return {**left, self.text: [found[number].text for number in rows]}
        added: Batch = {
            "kept": [one.kept for one in found],
            "reason": [one.reason or "" for one in found],  # not None: a first batch of None alone would have no type
            "value": [math.nan if one.value is None else one.value for one in found],
        }
        # `datasets` keeps columns that are not given back; to read them here would decode every image
        rest = {} if type(batch).__module__.startswith("datasets.") else dict(batch)
        texts = [one.text for one in found]
        return {**rest, self.text: texts, **{f"{self.prefix}{name}": values for name, values in added.items()}}

    def verdicts(self, texts: Iterable[object], others: Mapping[str, Sequence[object]] | None = None) -> list[Verdict]:
        """The verdict on each text (None and NaN have none). `others` are columns of the documents, such as url, by name.

        Raises UsageError for what is no text.
        """
        return [self._judged(text, number, others or {}) for number, text in enumerate(texts)]

    def _judged(self, text: object, number: int, others: Mapping[str, Sequence[object]]) -> Verdict:
        if text is None or text != text:  # NaN, pandas' way to say that there is none
            return Verdict(False, NO_TEXT, None, None)
        if not isinstance(text, str):
            raise UsageError(f"row {number}: a text is wanted, not {type(text).__name__} ({text!r:.40})")
        given: Row = {name: values[number] for name, values in others.items() if isinstance(values[number], str)}
        said = others["opt_outs"][number] if "opt_outs" in others else None
        if isinstance(said, Iterable) and not isinstance(said, str):
            given["opt_outs"] = [str(entry) for entry in said]
        row: Row = {**_BLANK, "id": document_id(text), "text": text, "language": None, "signals": {}, "removed": {}}
        row.update(given)
        judge([row], self.steps)
        value = None if row["value"] is None else float(row["value"])
        return Verdict(row["verdict"] is None, row["reason"], value, row["text"])

    def __reduce__(self) -> tuple[object, ...]:
        if not self.recipe.text:
            return Filter, (self.recipe, self.text, self.prefix, self.drop)
        return _again, (self.recipe.text, self.recipe.name, self.text, self.prefix, self.drop)


def _again(recipe: str, name: str, text: str, prefix: str, drop: bool) -> Filter:
    return Filter(parse(recipe, name), text, prefix, drop)


def check_columns(names: Iterable[str], text: str, prefix: str) -> None:
    """Raise UsageError where there is no column `text`, or one of those that are added is there already."""
    there = list(names)
    if text not in there:
        raise UsageError(f"no column {text!r} of texts; there are: {', '.join(there)}; name one with text=")
    for name in FIELDS:
        if f"{prefix}{name}" in there:
            raise UsageError(f"there is a column {prefix}{name!r} already: give prefix='first_', or rename it")


def recipe_of(recipe: Steps) -> Recipe:
    """A recipe by name, path or as it is; or one of a step, or of several, that are objects. Raises RecipeError."""
    if isinstance(recipe, Recipe):
        return recipe
    if isinstance(recipe, str):
        return load(at_home(recipe))
    steps = tuple(recipe) if isinstance(recipe, Sequence) else (recipe,)
    for step in steps:
        if not (callable(step) or is_corpus_wide(step)):
            raise RecipeError(f"{step!r:.60} is not a step: a callable that takes a document and says keep or drop")
    names = [one.__name__ if isfunction(one) else type(one).__name__ for one in steps]
    return Recipe("steps", steps, tuple(f"{name}{names[:i].count(name) + 1}" if name in names[:i] else name
                                        for i, name in enumerate(names)))  # fmt: skip


@told
def filter(recipe: Steps, *, text: str = "text", prefix: str = "", drop: bool = False) -> Filter:
    """The steps of a recipe (a name, a path, steps as objects) as a function on a text or on a batch of columns.

        dataset.map(curate.filter("fineweb"), batched=True)

    Steps that compare documents (deduplication) are left out, and a warning names them. Raises RecipeError for a recipe
    that is wrong, or whose models and lists are not on this machine.
    """
    found = recipe_of(recipe)
    load_steps(found)
    if left := [label for label, step in zip(found.labels, found.steps, strict=True) if is_corpus_wide(step)]:
        told_of = (
            f"{found.name} without {', '.join(left)}, which compare documents: curate.clean and curate.dedup do that"
        )
        warnings.warn(told_of, stacklevel=3)
    return Filter(found, text, prefix, drop)
