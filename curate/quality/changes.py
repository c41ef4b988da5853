"""What a person asks to change in a recipe: `Step.parameter=value` and `Step.parameter=from:to`."""

import dataclasses
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from curate.corpus.recipe import Recipe, parse, to_toml, variants
from curate.errors import UsageError, nearest
from curate.quality.whatif import adjustable

POINTS, MOST_POINTS = 21, 1000


@dataclass(frozen=True, slots=True)
class Sweep:
    """A limit, and the values that it is to have one after the other."""

    step: int
    """Place in the recipe."""
    parameter: str
    values: tuple[float, ...]


def named(recipe: Recipe, words: str) -> tuple[int, str]:
    """(place of the step, parameter) of `Step.parameter`; a step goes by its label, or by its class where one step alone is of it.

    Raises UsageError with the nearest right name.
    """
    label, dot, parameter = words.strip().rpartition(".")
    if not dot or not label or not parameter:
        raise UsageError(f"{words!r}: write Step.parameter")
    found = [at for at, name in enumerate(recipe.labels) if name == label]
    found = found or [at for at, step in enumerate(recipe.steps) if type(variants(step)[0]).__name__ == label]
    if len(found) > 1:
        names = ", ".join(recipe.labels[at] for at in found)
        raise UsageError(f"{words}: {len(found)} steps are a {label}; name one of {names}")
    if not found:
        raise UsageError(f"the recipe {recipe.name} has no step {label!r}{nearest(label, recipe.labels)}")
    known = [one.name for one in dataclasses.fields(variants(recipe.steps[found[0]])[0]) if one.init]
    if parameter not in known:
        hint = nearest(parameter, adjustable(recipe.steps[found[0]]) or known)
        raise UsageError(f"{label} has no parameter {parameter!r}{hint}")
    return found[0], parameter


def changed(recipe: Recipe, values: Mapping[tuple[int, str], object]) -> Recipe:
    """The recipe with other values of parameters of steps. Raises RecipeError for a value that the step does not take."""
    table = tomllib.loads(recipe.text)
    for (at, parameter), value in values.items():
        table["step"][at][parameter] = value
    return parse(to_toml(table), recipe.name)


def settings(recipe: Recipe, words: Sequence[str]) -> dict[tuple[int, str], Any]:
    """The changes of `Step.parameter=value`, values as in a recipe (a text needs no quotation marks)."""
    found = {}
    for one in words:
        name, sign, value = one.partition("=")
        if not sign:
            raise UsageError(f"{one!r}: write Step.parameter=value")
        found[named(recipe, name)] = _value(value.strip())
    return found


def _value(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def sweep(recipe: Recipe, words: str) -> Sweep:
    """The values of `Step.parameter=from:to`, or `from:to:points`, both ends among them."""
    name, sign, span = words.partition("=")
    ends = span.split(":")
    at, parameter = named(recipe, name)
    whole = isinstance(getattr(recipe.steps[at], parameter), int)
    if isinstance(getattr(recipe.steps[at], parameter), bool | str | tuple):
        raise UsageError(f"{name} is no number, so there is nothing to sweep; try --set")
    try:
        first, last = float(ends[0]), float(ends[1])
        points = int(ends[2]) if len(ends) == 3 else POINTS
    except (ValueError, IndexError):
        raise UsageError(f"{words!r}: write Step.parameter=from:to, two numbers") from None
    if not sign or len(ends) > 3 or not 2 <= points <= MOST_POINTS or not np.isfinite([first, last]).all():
        raise UsageError(f"{words!r}: write Step.parameter=from:to or from:to:points, at most {MOST_POINTS} points")
    values = np.linspace(first, last, points)
    found = [round(float(value)) for value in values] if whole else [float(f"{value:.12g}") for value in values]
    return Sweep(at, parameter, tuple(dict.fromkeys(found)))
