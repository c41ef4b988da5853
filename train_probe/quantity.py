"""Numbers as people write them: 150K tokens, 2B, 10MB, 1e18 operations."""

import math
import re

from train_probe.errors import ProbeError

_SCALES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12, "P": 10**15, "E": 10**18}
_QUANTITY = re.compile(r"(\d+(?:_\d+)*(?:\.\d+)?(?:e\+?\d+)?)\s*([KMGBTPE]?)B?", re.IGNORECASE)


def parse(text: str, most: float = 2.0**62) -> float:
    """A number of at least 1, with decimal scales (2B = 2e9; a B behind a scale, as in 10MB, changes nothing).

    Raises ProbeError for what is none, or is above `most`.
    """
    match = _QUANTITY.fullmatch(text.strip())
    value = float(match[1].replace("_", "")) * _SCALES[match[2].upper()] if match else math.nan
    if not 1 <= value <= most:
        raise ProbeError(f"{text!r} is not a number from 1 to {most:.2g}, such as 150K, 50M, 2B or 1e9")
    return value


def short(value: float) -> str:
    """Three significant digits and a scale: 1.23B, 45.6M, 789."""
    for scale, letter in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "K")):
        if value >= 0.9995 * scale:
            return f"{value / scale:.3g}{letter}"
    return f"{value:.3g}"
