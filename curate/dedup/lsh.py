"""Banding: how many bands of how many rows, and what that finds.

Two texts of Jaccard similarity j agree in one row with probability j, in all `rows` of a band with j^rows, and share at
least one of `bands` bands with 1 - (1 - j^rows)^bands: the S-curve. (Leskovec, Rajaraman, Ullman, *Mining of Massive
Datasets*, section 3.4.)
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
STEPS = 1001


def probability(jaccard: float | Floats, bands: int, rows: int) -> Floats:
    """Probability that two texts of this similarity become candidates."""
    return np.asarray(1.0 - (1.0 - np.asarray(jaccard, float) ** rows) ** bands)


def areas(threshold: float, bands: int, rows: int) -> tuple[float, float]:
    """(false positives, false negatives): the area under the S-curve below the threshold, and over it above."""
    below, above = np.linspace(0.0, threshold, STEPS), np.linspace(threshold, 1.0, STEPS)
    positive = np.trapezoid(probability(below, bands, rows), below)
    negative = np.trapezoid(1.0 - probability(above, bands, rows), above)
    return float(positive), float(negative)


def expected(threshold: float, bands: int, rows: int) -> dict[str, float]:
    """What a person wants to know of a choice: rates over pairs spread evenly below and above the threshold, and the
    probability to find a pair that lies right at the threshold."""
    positive, negative = areas(threshold, bands, rows)
    return {
        "false_positive_rate": round(positive / threshold, 4) if threshold else 0.0,
        "false_negative_rate": round(negative / (1.0 - threshold), 4) if threshold < 1 else 0.0,
        "found_at_threshold": round(float(probability(threshold, bands, rows)), 4),
        "half_at": round(float((1 - 0.5 ** (1 / bands)) ** (1 / rows)), 4),
    }


def balanced(threshold: float, permutations: int) -> tuple[int, int]:
    """(bands, rows) with the smallest sum of both areas: datasketch's choice at equal weights."""
    choices = ((b, r) for b in range(1, permutations + 1) for r in range(1, permutations // b + 1))
    return min(choices, key=lambda choice: sum(areas(threshold, *choice)))


def searching(threshold: float, permutations: int, recall: float = 0.95) -> tuple[int, int]:
    """(bands, rows), the most selective that still finds a pair at the threshold with probability `recall`.

    For candidates that are verified: what is found wrongly costs a comparison, what is missed is missed.
    """
    for rows in range(permutations, 0, -1):
        bands = permutations // rows
        if float(probability(threshold, bands, rows)) >= recall:
            return bands, rows
    return permutations, 1
