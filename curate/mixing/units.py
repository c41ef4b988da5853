"""Numbers as people write them: 2B tokens, 50M documents, 10GB."""

import re

from curate.errors import UsageError

SCALES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12}
_QUANTITY = re.compile(r"\s*(\d+(?:[._]\d+)*(?:e[+]?\d+)?)\s*([KMGBT]?)(B?)\s*", re.IGNORECASE)


def parse(text: str, option: str = "a quantity") -> int:
    """A positive count: `50M`, `2B`, `1.4T`, `1e9`, `10GB`, `3000`. Decimal scales, not powers of two.

    Raises UsageError that names `option`.
    """
    match = _QUANTITY.fullmatch(text)
    if not match:
        raise UsageError(f"{option}: {text!r} is not a number such as 50M, 2B, 1.4T or 10GB")
    try:
        value = float(match[1].replace("_", "")) * SCALES[match[2].upper()]
    except ValueError as error:
        raise UsageError(f"{option}: {text!r} is not a number such as 50M, 2B, 1.4T or 10GB") from error
    if not 1 <= value < 2**62:
        raise UsageError(f"{option} must lie between 1 and 4e18, got {text!r}")
    return round(value)


def short(value: float | None) -> str:
    """Three significant digits and a scale: 1.23 B, 45.6 M, 789; an em dash for None."""
    if value is None:
        return "—"
    for scale, letter in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "K")):
        if abs(value) >= 0.9995 * scale:
            return f"{value / scale:.3g} {letter}" if abs(value) < 999.5 * scale else f"{value / scale:.0f} {letter}"
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.3g}"


def rounded_down(value: float) -> int:
    """A limit in the three digits that `short` shows, none of them above it: who asks for what is shown keeps to it."""
    scale: int = 10 ** max(0, len(str(int(value))) - 3)
    return int(value) // scale * scale


def short_bytes(value: float | None) -> str:
    """Like `short`, in bytes: 1.23 GB."""
    if value is None:
        return "—"
    text = short(value).replace(" B", " G")
    return f"{text}B" if " " in text else f"{text} B"


def percent(share: float) -> str:
    """A share as percent with as many decimals as it needs to be told from its neighbours: 67 %, 4.5 %, 0.012
    %."""
    value = 100 * share
    digits = 2 if abs(value) >= 1 or value == 0 else 3
    return f"{value:.{digits}f}".rstrip("0").rstrip(".") + " %"
