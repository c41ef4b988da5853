"""From fingerprints to LOST: the stages of MinHash that need all documents, as DataFrames.

1. *identical*: documents with equal normalised texts become one, so a million copies of a page are one row from here on;
2. *bands*: documents that share a band key become edges to the smallest document of that band: a star, never pairs;
3. *components* of those edges;
4. *clusters*: each component is verified in workers (`verify.py`, `contain.py`), or taken as it is;
5. *lost*: who is gone, for whom.

Each stage is a folder of Parquet files under `<out>.work/`; a stage whose folder stands there is not done again. What
moves between machines in stage 2 is 16 bytes a band: the key and the document.
"""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, TypedDict

from curate.dedup import contain, index, lsh, memory, safety_limits, verify
from curate.dedup.base import WHOLE, doc_hex, doc_number, shard_of
from curate.dedup.components import connected_components
from curate.dedup.tables import Prints, count, smallest, timed
from curate.files import storage

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from curate.dedup.minhash import MinHash
    from curate.engine.session import Session

BEFORE = 0x1F83D9ABFB41BD6B
"""Turns the number of a document of before into another one, and back. Any number will do."""


class Largest(TypedDict):
    """A cluster."""

    survivor: str
    """As `doc_hex` writes it."""
    documents: int


class Sizes(TypedDict):
    """How many documents are taken away, and clusters by size."""

    removed: int
    kept: int
    clusters: int
    sizes: dict[str, int]
    largest: list[Largest]


def resolve(s: "Session", step: "MinHash", keys: str, out: str, shards: int) -> dict[str, object]:
    """Run the stages over the folder `keys` and write LOST to `out`; returns facts for the ledger."""
    work, seconds = f"{out}.work", dict[str, float]()
    bands, rows = step.banding()
    documents = count(keys)
    earlier = index.earlier(s, step, keys, f"{work}/against")
    prints = partial(_prints, s, keys, earlier)
    needed = memory.check(s, documents + sum(count(folder) for folder in earlier), bands)
    with timed(seconds, "identical"):
        _identical(s, prints, work)
    with timed(seconds, "bands"):
        s.write(_edges(s, prints, work, shards), f"{work}/edges")
    with timed(seconds, "components"):
        rounds = connected_components(s, f"{work}/edges", f"{work}/rounds", f"{work}/components")
    with timed(seconds, "clusters"):
        verified = CLUSTERS[step.measure](s, step, prints, work, seconds)
    with timed(seconds, "lost"):
        s.write(_named(s, _removals(s, work), earlier), f"{work}/lost")
    sizes = _sizes(s, work, documents)
    facts: dict[str, object] = {
        "documents": documents,
        "keys": documents * bands,
        "parameters": {
            "bands": bands,
            "rows": rows,
            "ngram": step.words,
            "threshold": step.threshold,
            "verify": step.measure,
        },
        "expected": lsh.expected(step.threshold, bands, rows),
        "earlier": len(earlier),
        "candidates": count(f"{work}/edges"),
        "rounds": rounds,
        **verified,
        **sizes,
        "memory_estimate": needed,
        "bytes_exchanged_per_document": 16 * bands,
        "seconds": seconds,
    }
    if step.measure == "containment":
        facts["held_share"] = _shares(s, f"{work}/lost")
    with timed(seconds, "alarms"):
        _check(s, step, prints, work, documents, sizes)
    found = s.read(f"{work}/lost") if count(f"{work}/lost") else None
    index.remember(s, step, keys, found, ["doc"])
    lost = _no_removals(s) if found is None else found
    columns = [shard_of(lost["doc"], shards).alias("shard"), "doc", _whole().alias("pos"), "survivor", "value"]
    s.write(s.clustered(lost.select(*columns), "shard", shards), out, by="shard")
    storage.remove(work)
    return facts


def _prints(s: "Session", keys: str, earlier: list[str], columns: Sequence[str]) -> "DataFrame":
    """The fingerprints of this run and of before: these under other numbers, as a copy may have the id of its original."""
    new = s.read(keys, columns)
    if not earlier:
        return new
    before = s.read(earlier, columns)
    return new.unionAll(before.withColumn("doc", _other(before["doc"])).select(*new.columns))


def _named(s: "Session", lost: "DataFrame", earlier: list[str]) -> "DataFrame":
    """(doc, survivor, value) with survivors of before by the numbers that they have."""
    from pyspark.sql import functions as F

    if not earlier:
        return lost
    named = s.read(earlier, ["doc"]).select(F.col("doc").alias("name")).distinct()
    named = named.select("name", _other(named["name"]).alias("survivor"))
    return lost.join(named, "survivor", "left").select("doc", F.coalesce("name", "survivor").alias("survivor"), "value")


def _other(doc: "Column") -> "Column":
    from pyspark.sql import functions as F

    return doc.bitwiseXOR(F.lit(BEFORE).cast("bigint"))


def _check(s: "Session", step: "MinHash", prints: Prints, work: str, documents: int, sizes: Sizes) -> None:
    if sizes["removed"] < step.alarm_from:
        return
    largest = [safety_limits.Cluster(doc_number(c["survivor"]), c["documents"]) for c in sizes["largest"]]
    holders = prints(["doc", "rank", "host", "source"]).where("rank >= 0").select("doc", "host", "source")
    safety_limits.check(step, documents, largest, s.read(f"{work}/lost"), holders)


def _whole() -> "Column":
    from pyspark.sql import functions as F

    return F.lit(WHOLE).cast("int")


def _no_removals(s: "Session") -> "DataFrame":
    return s.spark.createDataFrame([], "doc bigint, survivor bigint, value double")


def _identical(s: "Session", prints: Prints, work: str) -> None:
    """Write `identical`: (doc, rank, survivor) of each document whose normalised text another one has too."""
    from pyspark.sql import functions as F

    docs = prints(["doc", "rank", "same"])
    repeated = docs.groupBy("same").agg(F.count(F.lit(1)).alias("copies")).where("copies > 1").select("same")
    s.write(docs.join(repeated, "same"), f"{work}/repeated")
    if count(f"{work}/repeated"):
        held = s.read(f"{work}/repeated")
        first = smallest(held, "same").select("same", F.col("doc").alias("survivor"))
        s.write(held.join(first, "same").where("doc != survivor").drop("same"), f"{work}/identical")
    else:
        s.write(s.spark.createDataFrame([], "doc bigint, rank bigint, survivor bigint"), f"{work}/identical")


def _edges(s: "Session", prints: Prints, work: str, partitions: int) -> "DataFrame":
    """(a, b): the smallest document of a band and each other one of it, for all bands, once each."""
    from pyspark.sql import functions as F

    # That no `doc` is null is said once, up here: else Spark says it in one of the two uses, takes them for different
    # and exchanges all band keys twice.
    alone = prints(["doc", "bands"]).where("doc is not null")
    if count(f"{work}/identical"):
        alone = alone.join(s.read(f"{work}/identical").select("doc"), "doc", "left_anti")
    keyed = s.clustered(alone.select("doc", F.explode("bands").alias("band")), "band", partitions)
    shared = keyed.groupBy("band").agg(F.min("doc").alias("a"), F.count(F.lit(1)).alias("copies"))
    edges = keyed.join(shared.where("copies > 1"), "band").select("a", F.col("doc").alias("b"))
    return edges.where("a != b").distinct()


def _taken(s: "Session", step: "MinHash", prints: Prints, work: str, seconds: dict[str, float]) -> dict[str, int]:
    """Without verification: each candidate component is a cluster."""
    from pyspark.sql import functions as F

    if count(f"{work}/components"):
        ranked = s.read(f"{work}/components").join(prints(["doc", "rank"]), "doc")
        first = smallest(ranked, "component").select("component", F.col("doc").alias("survivor"))
        near = ranked.join(first, "component").where("doc != survivor")
        s.write(near.select("doc", "rank", "survivor", F.lit(None).cast("double").alias("value")), f"{work}/near")
    return {}


CLUSTERS = {"containment": contain.contained, "jaccard": verify.verified, "none": _taken}
"""What makes clusters of candidate components, by what a step verifies."""


def _shares(s: "Session", lost: str) -> dict[str, int]:
    """How much of the removed documents their survivors hold: the number of documents by share, see `contain.BINS`."""
    from pyspark.sql import functions as F

    if not count(lost):
        return {}
    sums = Counter[float]()
    for row in s.read(lost, ["value"]).groupBy("value").agg(F.count(F.lit(1)).alias("n")).collect():
        sums[next(low for low in contain.BINS if row["value"] >= low)] += row["n"]
    return {f"{low:g}": sums[low] for low in contain.BINS if sums[low]}


def _removals(s: "Session", work: str) -> "DataFrame":
    """(doc, survivor, value): near-duplicates, and identical ones with the survivor of the text they are equal to."""
    from pyspark.sql import functions as F

    found = []
    near = s.read(f"{work}/near") if count(f"{work}/near") else None
    if near is not None:
        found.append(near.select("doc", "rank", "survivor", "value"))
    if count(f"{work}/identical"):
        same = s.read(f"{work}/identical").select("doc", "rank", "survivor")
        if near is None:
            found.append(same.withColumn("value", F.lit(1.0)))
        else:
            after = near.select(F.col("doc").alias("survivor"), F.col("survivor").alias("last"), F.col("value"))
            moved = same.join(after, "survivor", "left")
            similarity = F.when(F.col("last").isNull(), F.lit(1.0)).otherwise(F.col("value"))
            last = F.coalesce("last", "survivor")
            found.append(moved.select("doc", "rank", last.alias("survivor"), similarity.alias("value")))
    if not found:
        return _no_removals(s)
    removals = found[0] if len(found) == 1 else found[0].unionAll(found[1])
    return removals.where("rank >= 0").select("doc", "survivor", "value")


def _sizes(s: "Session", work: str, documents: int) -> Sizes:
    """Clusters by size and the ten largest; removed documents."""
    from pyspark.sql import functions as F

    removed = count(f"{work}/lost")
    facts = Sizes(removed=removed, kept=documents - removed, clusters=0, sizes={}, largest=[])
    if not removed:
        return facts
    groups = s.read(f"{work}/lost").groupBy("survivor").agg((F.count(F.lit(1)) + 1).alias("documents"))
    power = F.floor(F.log2(F.col("documents").cast("double"))).cast("int").alias("power")
    bins = sorted((row["power"], row["n"]) for row in groups.groupBy(power).agg(F.count(F.lit(1)).alias("n")).collect())
    largest = groups.orderBy(F.desc("documents"), "survivor").limit(10).collect()
    facts["clusters"] = sum(n for _, n in bins)
    facts["sizes"] = {f"{2**power}-{2 ** (power + 1) - 1}": n for power, n in bins}
    facts["largest"] = [{"survivor": doc_hex(r["survivor"]), "documents": r["documents"]} for r in largest]
    return facts
