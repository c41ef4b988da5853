"""Does twice the input take twice the time? CPU time, never the clock; medians, and six tries on a machine that is busy.

What takes less than 20 ms at its largest size is let through, whatever its order.
"""

import gc
import time
from collections.abc import Callable
from math import sqrt
from statistics import median
from typing import Any

ENOUGH, FACTOR, TRIES = 0.02, 2.3, 6
FIRST, LARGEST = 1 << 14, 1 << 16

Work = Callable[[int, int], Callable[[], Any]]
"""(size in characters or bytes, salt) -> what is timed. Another salt makes another input, so that no cache knows it."""


class _Clock:
    """Seconds of CPU time of a kind of work, on an input never seen before each time."""

    def __init__(self, work: Work) -> None:
        self._work, self._salt = work, 0

    def __call__(self, size: int) -> float:
        self._salt += 1
        task = self._work(size, self._salt)
        gc.disable()
        try:
            start = time.process_time()
            task()
            return time.process_time() - start
        finally:
            gc.enable()


def _ratios(work: Work, first: int, largest: int) -> list[float]:
    """How many times as long twice the input takes, in up to six tries; none where it is too fast to tell.

    From the second try on it is the square root of what four times the input takes: a step at one size, where memory of the
    process outgrows a cache or what the allocator holds, counts half, and an order above the first as much as before.
    """
    seconds, size = _Clock(work), first
    while (took := seconds(size)) < ENOUGH:
        if size >= largest:
            return []
        size *= 4 if took < ENOUGH / 8 else 2
    once, twice = seconds(size), seconds(2 * size)
    ratios = [twice / once]
    while len(ratios) < TRIES and ratios[-1] >= FACTOR:
        pairs = [(seconds(size), seconds(4 * size)) for _ in range(5)]
        ratios.append(sqrt(median(four for _, four in pairs) / median(once for once, _ in pairs)))
    return ratios


def assert_linear(work: Work, what: str, largest: int = LARGEST, first: int = FIRST) -> None:
    """Fail when twice the size takes over 2.3 times the CPU time. `first` and `largest` bound the sizes that are tried."""
    ratios = _ratios(work, first, largest)
    shown = ", ".join(f"{ratio:.1f}" for ratio in ratios)
    assert not ratios or ratios[-1] < FACTOR, f"{what}: twice the input takes {shown} times as long"
