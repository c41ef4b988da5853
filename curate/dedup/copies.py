"""How many copies there were of each document that stays: the sizes of the clusters that deduplication made.

Of documents with one text a step keeps one; a later step may take that one for another. All that went for a document, by
whatever step and chain, count, and the document itself.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.corpus.shards import opened
from curate.dedup.base import WHOLE, doc64, shard_of
from curate.errors import BalanceError
from curate.files import storage

if TYPE_CHECKING:
    from curate.engine.session import Session

MORE = pa.schema([pa.field("doc", pa.int64()), pa.field("more", pa.int64())])
"""Documents that others went for, and how many of them."""


def write(s: "Session", lost: Sequence[str], out: str, shards: int) -> None:
    """Write MORE to `out`, in folders `shard=0/` …, from what the steps took, each a folder of LOST, in their order."""
    from pyspark.sql import functions as F

    more = None
    for folder in lost:
        names = [
            name for name in storage.names_below(folder) if name.startswith("shard=") and name.endswith(".parquet")
        ]
        if not names:
            continue
        gone = s.read([storage.join(folder, name) for name in names], ["doc", "pos", "survivor"])
        gone = gone.where(f"pos = {WHOLE} and survivor is not null").select("doc", "survivor")
        if more is None:
            found = gone.select(F.col("survivor").alias("doc"), F.lit(1).cast("bigint").alias("more"))
        else:
            with_theirs = gone.join(more, "doc", "left")
            found = with_theirs.select(
                F.col("survivor").alias("doc"), (F.coalesce("more", F.lit(0).cast("bigint")) + 1).alias("more")
            ).unionAll(more)
        more = found.groupBy("doc").agg(F.sum("more").alias("more"))
    if more is not None:
        rows = more.select(shard_of(more["doc"], shards).alias("shard"), "doc", "more")
        s.write(s.clustered(rows, "shard", shards), out, by="shard")


class Sizes:
    """The sizes of the clusters whose documents stay in one shard."""

    def __init__(self, folder: str, rows: int) -> None:
        """`folder` is one that `write` made, or is not there. Raises BalanceError when it does not hold `rows`."""
        tables = [MORE.empty_table()]
        for path in storage.list_files(folder, ".parquet"):
            with opened(path) as file:
                tables.append(file.read(MORE.names).cast(MORE))
        table = pa.concat_tables(tables).sort_by("doc")
        if table.num_rows != rows:
            raise BalanceError(f"{folder} holds {table.num_rows} sizes of clusters, and {rows} were written")
        self._docs, self._more = (table[name].to_numpy() for name in MORE.names)

    def of(self, ids: Sequence[str]) -> npt.NDArray[np.int32]:
        """How many copies of each document there were, itself included."""
        found: npt.NDArray[np.int32] = np.ones(len(ids), np.int32)
        if not len(self._docs):
            return found
        docs = doc64(ids)
        at = np.minimum(np.searchsorted(self._docs, docs), len(self._docs) - 1)
        return np.where(self._docs[at] == docs, found + np.minimum(self._more[at], (1 << 31) - 2), found).astype(
            np.int32
        )
