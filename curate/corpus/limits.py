"""The limits of a recipe's steps (see `curate.filters.base.Limit`): what each compares with."""

from typing import Any

from curate.filters.base import Limit
from curate.filters.limits import OFF


def limits_of(step: object) -> tuple[Limit, ...]:
    """Its reasons that follow from what it has measured; empty where it has none such."""
    found: tuple[Limit, ...] = getattr(step, "limits", ())
    return found


def changes_instead(step: object, limit: Limit) -> bool:
    """Whether the step changes what crosses the limit instead of dropping it."""
    return bool(limit.unless and getattr(step, limit.unless))


def bound(step: object, limit: Limit) -> object:
    """What a limit compares with: a number, a tuple of texts, or None where it is switched off."""
    if (limit.when and not getattr(step, limit.when)) or changes_instead(step, limit):
        return None
    value: Any = getattr(step, limit.parameter) if limit.parameter else 0.0
    if limit.relation == "not in":
        return tuple(value) or None
    value = value if limit.at is None else value[limit.at]
    return None if limit.relation == ">" and value == OFF else value
