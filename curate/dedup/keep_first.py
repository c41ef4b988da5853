"""Keyed elections: of all who hold a key one keeps it, the others lose.

The rows are (hi, lo, rank, doc, pos, again): a 128-bit key and its holder. The owner is the holder with the smallest
(rank, doc, pos): a total order on content, so the result is the same however the rows are spread and in whatever order
they come. A negative rank marks a holder of an earlier run: it wins, and never loses.

A million holders of one key are a million rows that meet one row of the group: no pairs are formed. The minima are
taken one column at a time, over plain numbers: the embedded engine needs 45 times as long for the minimum of a struct.
On one machine an election over few keys needs no engine at all (`few`), which then does not start.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypedDict

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from curate.dedup import few, index, memory, safety_limits
from curate.dedup.base import CorpusStep, doc_hex, shard_of
from curate.dedup.tables import count
from curate.files import storage

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from curate.engine.session import Session

KEYS = pa.schema(
    [
        pa.field("hi", pa.int64()),
        pa.field("lo", pa.int64()),
        pa.field("rank", pa.int64()),
        pa.field("doc", pa.int64()),
        pa.field("pos", pa.int32()),
        pa.field("again", pa.bool_()),  # the same document holds the key at an earlier place too
    ]
)
HOSTED = KEYS.append(pa.field("host", pa.string()))
"""KEYS of whole documents, with what the alarm looks at; it does not take part in the exchange."""
OWNER = 0.0
"""`value` of a row of LOST that names the kept copy of a repeated key (only with `owners=True`)."""


def table(
    digests: Sequence[bytes],
    ranks: npt.NDArray[np.int64],
    docs: npt.NDArray[np.int64],
    positions: Sequence[int] | npt.NDArray[np.int32],
    hosts: Sequence[str | None] | None = None,
) -> pa.Table:
    """Rows of KEYS (of HOSTED where hosts are given) from 16-byte digests and their holders, all of one length."""
    rows = table_of(words(digests), ranks, docs, positions)
    return rows if hosts is None else rows.append_column(HOSTED.field("host"), pa.array(hosts, pa.string()))


def words(digests: Iterable[bytes]) -> npt.NDArray[np.int64]:
    """(digests, 2): the halves of 16-byte digests as numbers."""
    return np.frombuffer(b"".join(digests), ">i8").astype(np.int64).reshape(-1, 2)


def table_of(
    words: npt.NDArray[np.int64],
    ranks: npt.NDArray[np.int64],
    docs: npt.NDArray[np.int64],
    positions: Sequence[int] | npt.NDArray[np.int32],
) -> pa.Table:
    """Rows of KEYS from `words` and their holders, all of one length."""
    hi, lo, place = words[:, 0], words[:, 1], np.asarray(positions, np.int32)
    columns = [hi, lo, ranks, docs, place, _again(hi, lo, docs, place)]
    return pa.table([pa.array(c) for c in columns], schema=KEYS)


def _again(*columns: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
    """Whether (hi, lo, doc) of a row stands in a row with a smaller pos too."""
    hi, lo, doc, pos = columns
    order = np.lexsort((pos, lo, hi, doc))
    again = np.zeros(len(order), np.bool_)
    same = (np.diff(doc[order]) == 0) & (np.diff(hi[order]) == 0) & (np.diff(lo[order]) == 0)
    again[order[1:]] = same
    return again


def digests(values: Iterable[str]) -> list[bytes]:
    """128-bit XXH3 of each string (UTF-8; a lone surrogate can't stand in Arrow text, so it can't come
    here).
    """
    return [xxhash.xxh3_128_digest(value.encode()) for value in values]


def digest(value: bytes) -> bytes:
    """128-bit XXH3 of bytes."""
    return xxhash.xxh3_128_digest(value)


class Largest(TypedDict):
    """A key and its copies."""

    survivor: str
    """As `doc_hex` writes it."""
    copies: int


class Facts(TypedDict):
    """What an election found, for the ledger."""

    keys: int
    memory_estimate: int
    clusters: int
    copies: int
    sizes: dict[str, int]
    largest: list[Largest]


def elect(
    s: "Session",
    step: CorpusStep,
    keys: str,
    out: str,
    shards: int,
    *,
    keep_one: bool = True,
    owners: bool = False,
    limits: safety_limits.Limits | None = None,
) -> Facts:
    """Hold the election over the folder `keys` of KEYS rows; writes LOST to `out` and returns facts.

    What the step's `index` and `against` hold takes part, and always wins.

    `keep_one=False` keeps no copy of a key that occurs more than once (CCNet). `owners=True` also writes a
    row with value OWNER for each kept copy of a repeated key, so that `apply` can guard it. With `limits` (keys are
    HOSTED, one a document) AlarmError stops a job that would lose too much of one kind.
    """
    earlier = index.earlier(s, step, keys, f"{out}.against")
    rows = sum(count(folder) for folder in (keys, *earlier))
    if s.name == "sail" and rows <= few.MOST_KEYS and not step.index:
        needed = memory.check_few(s, rows)
        found = few.elect([keys, *earlier], KEYS.names, shards, keep_one=keep_one, owners=owners, owner_value=OWNER)
        facts = _facts(count(keys), found.bins, found.largest, needed)
        if not _alarming(limits, facts):
            s.write_table(found.lost, out, by="shard")
            return facts
    return _by_engine(s, step, keys, earlier, out, shards, keep_one=keep_one, owners=owners, limits=limits)


def _alarming(limits: safety_limits.Limits | None, facts: Facts) -> bool:
    """Whether so much would be lost that the alarm has to look."""
    return limits is not None and facts["copies"] - facts["clusters"] >= limits.alarm_from


def _by_engine(
    s: "Session",
    step: CorpusStep,
    keys: str,
    earlier: Sequence[str],
    out: str,
    shards: int,
    *,
    keep_one: bool,
    owners: bool,
    limits: safety_limits.Limits | None,
) -> Facts:
    from pyspark.sql import functions as F

    held, won = f"{out}.repeated", f"{out}.owners"
    needed = memory.check_keys(s, sum(count(folder) for folder in (keys, *earlier)))
    rows = s.clustered(s.read([keys, *earlier], KEYS.names), "hi", shards)
    counted = rows.groupBy("hi", "lo").agg(F.min("rank").alias("least"), F.count(F.lit(1)).alias("copies"))
    s.write(rows.join(counted.where("copies > 1"), ["hi", "lo"]), held)
    if not count(held):
        s.write(_nothing(s), out)
        index.remember(s, step, keys, None, ["doc", "pos"])
        return _facts(count(keys), [], [], needed)
    holders = s.read(held)
    first = holders.where("rank = least and not again").groupBy("hi", "lo", "copies")
    s.write(first.agg(F.min("doc").alias("survivor")), won)
    owners_of = s.read(won)
    joined = holders.join(owners_of.select("hi", "lo", "survivor"), ["hi", "lo"])
    # A document of before may have the id of a new one, which is none the more its owner for that.
    owner = (F.col("rank") == F.col("least")) & (F.col("doc") == F.col("survivor")) & ~F.col("again")
    copies = F.col("copies").cast("double")
    lost = joined.where((F.col("rank") >= 0) & (F.lit(True) if owners or not keep_one else ~owner)).select(
        shard_of(F.col("doc"), shards).alias("shard"),
        "doc",
        "pos",
        (F.col("survivor") if keep_one else F.lit(None).cast("bigint")).alias("survivor"),
        (F.when(owner, F.lit(OWNER)).otherwise(copies) if owners else copies).alias("value"),
    )
    bins, largest = _histogram(owners_of)
    facts = _facts(count(keys), bins, largest, needed)
    if limits and _alarming(limits, facts):
        groups = [safety_limits.Cluster(*one) for one in largest]
        hosts = s.read(keys, ["doc", "host"])
        safety_limits.check(limits, facts["keys"], groups, lost.select("doc", "survivor", "value"), hosts)
    s.write(s.clustered(lost, "shard", shards), out, by="shard")
    index.remember(s, step, keys, lost.where(F.col("value") != OWNER), ["doc", "pos"])
    for scratch in (held, won):
        storage.remove(scratch)
    return facts


def _histogram(groups: "DataFrame") -> tuple[list[tuple[int, int, int]], list[few.Group]]:
    """([(power of two, groups, copies)], the ten largest groups)."""
    from pyspark.sql import functions as F

    power = F.floor(F.log2(F.col("copies").cast("double"))).cast("int").alias("power")
    bins = groups.groupBy(power).agg(F.count(F.lit(1)).alias("groups"), F.sum("copies").alias("copies")).collect()
    largest = (
        groups.orderBy(F.desc("copies"), "survivor", "hi", "lo")
        .limit(few.LARGEST)
        .select("survivor", "copies")
        .collect()
    )
    found = [few.Group(row["survivor"], row["copies"]) for row in largest]
    return sorted((r["power"], r["groups"], r["copies"]) for r in bins), found


def _facts(keys: int, bins: list[tuple[int, int, int]], largest: list[few.Group], memory_estimate: int) -> Facts:
    repeated, copies = sum(b[1] for b in bins), sum(b[2] for b in bins)
    return {
        "keys": keys,
        "memory_estimate": memory_estimate,
        "clusters": repeated,
        "copies": copies,
        "sizes": {f"{2**power}-{2 ** (power + 1) - 1}": count for power, count, _ in bins},
        "largest": [{"survivor": doc_hex(one.survivor), "copies": one.copies} for one in largest],
    }


def _nothing(s: "Session") -> "DataFrame":
    return s.spark.createDataFrame([], "shard int, doc bigint, pos int, survivor bigint, value double")
