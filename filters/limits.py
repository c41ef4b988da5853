"""Limits of rules: what values they may have, and when one is passed."""

import math

OFF = -1.0
"""A limit that nothing passes: how published settings turn a rule off."""
_MOST = 10.0


def check_limit(name: str, value: float) -> None:
    """Raise ValueError unless `value` can be a limit of a share: from 0 on, or -1. Published limits above 1 exist (repeated n-grams may overlap; for
    other shares they turn the rule off); far above it percent are meant."""
    if value == OFF or 0.0 <= value <= _MOST:
        return
    hint = f"; percent? {value:g} % is {value / 100:g}" if math.isfinite(value) and 1 < value <= 100 else ""
    raise ValueError(f"{name} must be a share (0 to 1; above 1 nothing passes it), or -1 for off; got {value:g}{hint}")


def above(value: float, limit: float) -> bool:
    """Whether `value` is more than a maximum that is not off."""
    return limit >= 0 and value > limit
