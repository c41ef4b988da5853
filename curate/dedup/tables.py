"""Small helpers on the folders of Parquet files that the stages of a deduplication hand to each other."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from curate.corpus.shards import read_facts, row_count
from curate.engine.tasks import OutTask, missing
from curate.files import storage

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from curate.engine.session import Session

T = TypeVar("T", bound=OutTask)
Prints = Callable[[Sequence[str]], "DataFrame"]
"""The frame of the fingerprints of this run and of earlier ones, with these columns."""
BUCKET = 20_000
"""Documents of candidate components that one task verifies, about: 4 kB each at 1,000 words."""


def summed(s: "Session", function: Callable[[T], object], tasks: Sequence[T]) -> Counter[str]:
    """Run those tasks that are not done; the sums of what all of them tell, of those done before a kill, too."""
    for _ in s.run(function, missing(tasks)):
        pass
    sums = Counter[str]()
    for task in tasks:
        sums.update(read_facts(task.out))
    return sums


def count(folder: str) -> int:
    """Rows in the Parquet files right in `folder`, from their footers."""
    return sum(map(row_count, storage.list_files(folder, ".parquet")))


def size(folder: str) -> int:
    """Bytes of the Parquet files right in `folder`."""
    return sum(storage.file_size(path) for path in storage.list_files(folder, ".parquet"))


def smallest(rows: "DataFrame", *key: str) -> "DataFrame":
    """Of each group of `rows`, (key…, rank, doc) with the smallest (rank, doc).

    Two minima over plain numbers: the embedded engine needs 45 times as long for the minimum of a struct.
    """
    from pyspark.sql import functions as F

    first = rows.groupBy(*key).agg(F.min("rank").alias("rank"))
    return rows.join(first, [*key, "rank"]).groupBy(*key, "rank").agg(F.min("doc").alias("doc"))


def gather(s: "Session", prints: Prints, work: str, components: "DataFrame | None", documents: int) -> list[int]:
    """Write the candidates with their shingles to `members`, whole components in folders of about BUCKET documents; the
    numbers of the folders."""
    from pyspark.sql import functions as F

    buckets = max(1, -(-documents // BUCKET))
    if components is not None and documents:
        number = F.pmod(F.col("component"), F.lit(buckets)).cast("int").alias("bucket")
        members = components.join(prints(["doc", "rank", "bands", "shingles"]), "doc").select("*", number)
        s.write(s.clustered(members, "bucket", buckets), f"{work}/members", by="bucket")
    return [n for n in range(buckets) if storage.exists(f"{work}/members/bucket={n}")]


@contextmanager
def timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Add the wall time of the block to `seconds[name]`."""
    started = time.monotonic()
    yield
    seconds[name] = round(seconds.get(name, 0.0) + time.monotonic() - started, 3)
