"""Keyed elections: of all who hold a key one keeps it, the others lose.

The rows are (hi, lo, rank, doc, pos): a 128-bit key and its holder. The owner is the holder with the smallest
(rank, doc, pos): a total order on content, so the result is the same however the rows are spread and in
whatever order they come. A negative rank marks a holder of an earlier run: it wins, and never loses.

A million holders of one key are a million rows of 36 bytes that meet one row of the group: no pairs are
formed.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from curate import storage
from curate.dedup.base import doc_hex, shard_of

if TYPE_CHECKING:
    from curate.engine import Session

KEYS = pa.schema(
    [
        pa.field("hi", pa.int64()),
        pa.field("lo", pa.int64()),
        pa.field("rank", pa.int64()),
        pa.field("doc", pa.int64()),
        pa.field("pos", pa.int32()),
    ]
)
OWNER = 0.0
"""`value` of a row of LOST that names the kept copy of a repeated key (only with `owners=True`)."""


def table(
    digests: Sequence[bytes],
    ranks: npt.NDArray[np.int64],
    docs: npt.NDArray[np.int64],
    positions: Sequence[int] | npt.NDArray[np.int32],
) -> pa.Table:
    """Rows of KEYS from 16-byte digests and their holders, all of one length."""
    words = np.frombuffer(b"".join(digests), ">i8").astype(np.int64).reshape(-1, 2)
    columns = [words[:, 0], words[:, 1], ranks, docs, np.asarray(positions, np.int32)]
    return pa.table([pa.array(c) for c in columns], schema=KEYS)


def digests(values: Iterable[str]) -> list[bytes]:
    """128-bit XXH3 of each string (UTF-8; a lone surrogate can't stand in Arrow text, so it can't come
    here).
    """
    return [xxhash.xxh3_128_digest(value.encode()) for value in values]


def digest(value: bytes) -> bytes:
    """128-bit XXH3 of bytes."""
    return xxhash.xxh3_128_digest(value)


def elect(
    s: "Session", keys: str, out: str, shards: int, *, keep_one: bool = True, owners: bool = False
) -> dict[str, Any]:
    """Hold the election over the folder `keys` of KEYS rows; writes LOST to `out` and returns facts.

    `keep_one=False` keeps no copy of a key that occurs more than once (CCNet). `owners=True` also writes a
    row with value OWNER for each kept copy of a repeated key, so that `apply` can guard it.
    """
    from pyspark.sql import functions as F

    held = f"{out}.repeated"
    rows = s.read(keys)
    s.write(_repeated(rows), held)
    if not storage.list_files(held, ".parquet"):
        s.write(_nothing(s), out)
        return _facts(rows.count(), [], [])
    groups = s.read(held)
    joined = rows.join(groups, ["hi", "lo"])
    owner = (
        (F.col("doc") == F.col("survivor"))
        & (F.col("pos") == F.col("owner_pos"))
        & (F.col("rank") == F.col("owner_rank"))
    )
    loses = ~owner if keep_one else F.lit(True)
    copies = F.col("copies").cast("double")
    value = F.when(owner, F.lit(OWNER)).otherwise(copies) if owners else copies
    lost = joined.where((F.col("rank") >= 0) & (F.lit(True) if owners else loses)).select(
        shard_of(F.col("doc"), shards).alias("shard"),
        "doc",
        "pos",
        (F.col("survivor") if keep_one else F.lit(None).cast("bigint")).alias("survivor"),
        value.alias("value"),
    )
    s.write(s.clustered(lost, "shard", shards), out, by="shard")
    return _facts(rows.count(), *_histogram(groups))


def _repeated(rows: Any) -> Any:
    """Keys with more than one holder: hi, lo, copies and the owner."""
    from pyspark.sql import functions as F

    first = F.min(F.struct("rank", "doc", "pos")).alias("first")
    groups = rows.groupBy("hi", "lo").agg(first, F.count(F.lit(1)).alias("copies")).where(F.col("copies") > 1)
    return groups.select(
        "hi",
        "lo",
        "copies",
        F.col("first.rank").alias("owner_rank"),
        F.col("first.doc").alias("survivor"),
        F.col("first.pos").alias("owner_pos"),
    )


def _histogram(groups: Any) -> tuple[list[Any], list[Any]]:
    """([(power of two, groups, copies)], the ten largest groups)."""
    from pyspark.sql import functions as F

    power = F.floor(F.log2(F.col("copies").cast("double"))).cast("int").alias("power")
    bins = groups.groupBy(power).agg(F.count(F.lit(1)).alias("groups"), F.sum("copies").alias("copies")).collect()
    order = groups.orderBy(F.desc("copies"), "survivor", "hi", "lo")
    largest = order.limit(10).select("survivor", "owner_pos", "copies").collect()
    return sorted((r["power"], r["groups"], r["copies"]) for r in bins), largest


def _facts(keys: int, bins: list[Any], largest: list[Any]) -> dict[str, Any]:
    repeated, copies = sum(b[1] for b in bins), sum(b[2] for b in bins)
    return {
        "keys": keys,
        "clusters": repeated,
        "copies": copies,
        "sizes": {f"{2**power}-{2 ** (power + 1) - 1}": count for power, count, _ in bins},
        "largest": [
            {"survivor": doc_hex(r["survivor"]), "pos": r["owner_pos"], "copies": r["copies"]} for r in largest
        ],
    }


def _nothing(s: "Session") -> Any:
    return s.spark.createDataFrame([], "shard int, doc bigint, pos int, survivor bigint, value double")
