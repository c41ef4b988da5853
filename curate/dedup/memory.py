"""Whether the embedded engine can hold the exchange: said before the run, not by the kernel in the middle of it.

Sail keeps a join's rows in memory (Spark spills them to disk), so its peak grows with documents x bands.
"""

from typing import TYPE_CHECKING

from curate.engine import children
from curate.engine.memory import allowed, free
from curate.errors import EngineError

if TYPE_CHECKING:
    from curate.engine.session import Session

BASE = 400 << 20
BYTES_PER_ROW = 135
"""Peak memory per document and band; measured, see benchmarks/results/dedup.md."""
BYTES_PER_KEY = 200
"""Peak memory per key of an election (a line, a span, a document); measured too."""


def estimate(documents: int, bands: int) -> int:
    """Bytes that the embedded engine needs at its peak."""
    return BASE + documents * bands * BYTES_PER_ROW


def check(s: "Session", documents: int, bands: int) -> int:
    """The estimate for this engine (0 on Spark, which spills). Raises EngineError when there is not enough memory."""
    what, way_out = f"{documents:,} documents x {bands} bands", ", or take fewer bands"
    return _check(s, estimate(documents, bands), what, way_out)


def check_keys(s: "Session", keys: int) -> int:
    """The same for an election over so many keys."""
    return _check(s, BASE + keys * BYTES_PER_KEY, f"{keys:,} keys", "")


def check_few(s: "Session", keys: int) -> int:
    """The same for one that is held without the engine."""
    return _check(s, keys * BYTES_PER_KEY, f"{keys:,} keys", "")


def _check(s: "Session", needed: int, what: str, way_out: str) -> int:
    if s.name != "sail":
        return 0
    there = _free(s)
    if there is not None and needed > there:
        children.close_all()  # those that wait for more tasks hold what they grew to: a new one costs a second
        there = _free(s)
    if there is not None and needed > there:
        raise EngineError(
            f"{what} need about {needed / 2**30:.1f} GiB in the embedded engine, and {there / 2**30:.1f} GiB are free: "
            f"run it with --engine spark (Java 17; it spills to disk) or on a cluster (--master, spark-submit){way_out}"
        )
    return needed


def _free(s: "Session") -> int | None:
    """Bytes of the machine and its groups, of the session's limit and of address space; None when unknown."""
    return min((size for size in (free(s.memory), allowed()) if size is not None), default=None)
