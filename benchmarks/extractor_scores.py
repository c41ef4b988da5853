"""How well a text matches gold: precision, recall and F1 of tokens, ROUGE-LSum, and a bootstrap over domains."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

# One token a word, but one a character in scripts that are written without spaces.
_TOKEN = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]|[^\W_]+")
CATASTROPHE = 0.3  # below this F1 a page counts as lost


@dataclass(frozen=True)
class Score:
    """Token-level precision, recall and F1 (multisets, lower case), and the F of ROUGE-LSum; all 0 to 1."""

    precision: float
    recall: float
    f1: float
    rouge: float


def tokens(text: str) -> list[str]:
    """The words of `text` in lower case, in order."""
    return _TOKEN.findall(text.lower())


def score(text: str, gold: str) -> Score:
    """`text` against `gold`; two empty texts match in full."""
    have, want = tokens(text), tokens(gold)
    if not have or not want:
        same = float(not have and not want)
        return Score(same, same, same, same)
    common = (Counter(have) & Counter(want)).total()
    precision, recall = common / len(have), common / len(want)
    return Score(precision, recall, f_measure(precision, recall), rouge_lsum(text, gold))


def score_f1(text: str, gold: str) -> float:
    """Token-level F1 alone: quicker than `score`."""
    have, want = Counter(tokens(text)), Counter(tokens(gold))
    if not have or not want:
        return float(not have and not want)
    common = (have & want).total()
    return f_measure(common / have.total(), common / want.total())


def f_measure(precision: float, recall: float) -> float:
    """The harmonic mean, 0 when both are 0."""
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def rouge_lsum(text: str, gold: str) -> float:
    """Summary-level ROUGE-L (Lin 2004, section 3.2) with lines as sentences, no stemming; the F measure.

    For each gold line: the union of its longest common subsequences with every line of the text. A token counts
    no more often than both sides have it.
    """
    have = [tokens(line) for line in text.split("\n")]
    want = [tokens(line) for line in gold.split("\n")]
    names: dict[str, int] = {}
    encode = [[[names.setdefault(word, len(names)) for word in line] for line in side] for side in (want, have)]
    flat = [np.array([w for line in side for w in line], np.int32) for side in encode]
    ends = [np.cumsum([0] + [len(line) for line in side]).astype(np.int64) for side in encode]
    if not len(flat[0]) or not len(flat[1]):
        return float(not len(flat[0]) and not len(flat[1]))
    hits = _union_lcs(flat[0], ends[0], flat[1], ends[1], len(names))
    return f_measure(hits / len(flat[1]), hits / len(flat[0]))


@njit(cache=True)  # type: ignore[untyped-decorator]
def _union_lcs(
    want: NDArray[np.int32],
    want_ends: NDArray[np.int64],
    have: NDArray[np.int32],
    have_ends: NDArray[np.int64],
    vocabulary: int,
) -> int:
    left = np.zeros((2, vocabulary), np.int64)
    for word in want:
        left[0, word] += 1
    for word in have:
        left[1, word] += 1
    hits = 0
    for i in range(len(want_ends) - 1):
        a = want[want_ends[i] : want_ends[i + 1]]
        union = np.zeros(len(a), np.bool_)
        for j in range(len(have_ends) - 1):
            _mark_lcs(a, have[have_ends[j] : have_ends[j + 1]], union)
        for k in range(len(a)):
            if union[k] and left[0, a[k]] > 0 and left[1, a[k]] > 0:
                hits += 1
                left[0, a[k]] -= 1
                left[1, a[k]] -= 1
    return hits


@njit(cache=True)  # type: ignore[untyped-decorator]
def _mark_lcs(a: NDArray[np.int32], b: NDArray[np.int32], union: NDArray[np.bool_]) -> None:
    table = np.zeros((len(a) + 1, len(b) + 1), np.int32)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            if a[i - 1] == b[j - 1]:
                table[i, j] = table[i - 1, j - 1] + 1
            else:
                table[i, j] = max(table[i - 1, j], table[i, j - 1])
    i, j = len(a), len(b)
    while i > 0 and j > 0:
        if a[i - 1] == b[j - 1]:
            union[i - 1] = True
            i -= 1
            j -= 1
        elif table[i - 1, j] > table[i, j - 1]:
            i -= 1
        else:
            j -= 1


def paired_interval(
    one: Sequence[float], other: Sequence[float], domains: Sequence[str], rounds: int = 2000
) -> tuple[float, float, float]:
    """Mean of `one - other` and its 95 % interval, by resampling whole domains (a fixed seed)."""
    difference = np.asarray(one) - np.asarray(other)
    _, group = np.unique(np.asarray(domains), return_inverse=True)
    sums = np.bincount(group, weights=difference)
    counts = np.bincount(group)
    picks = np.random.default_rng(0).integers(0, len(sums), (rounds, len(sums)))
    means = sums[picks].sum(axis=1) / counts[picks].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(difference.mean()), float(low), float(high)
