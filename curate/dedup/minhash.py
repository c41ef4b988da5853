"""Near-duplicates: MinHash signatures, banding, verified clusters (Broder 1997; Leskovec et al., chapter 3).

`keys` makes fingerprints of the documents of a shard; `resolve` goes from those of all shards to LOST, in stages that are DataFrames:

1. *identical*: documents with equal normalised texts become one, so a million copies of a page are one row from here on;
2. *bands*: documents that share a band key become edges to the smallest document of that band: a star, never pairs;
3. *components* of those edges;
4. *clusters*: each component is verified in workers (`verify.py`, `contain.py`), or taken as it is;
5. *lost*: who is gone, for whom.

Each stage is a folder of Parquet files under `<out>.work/`; a stage whose folder stands there is not done again. What
moves between machines in stage 2 is 16 bytes a band: the key and the document.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.dedup import index, lsh, memory, safety_limits
from curate.dedup.base import WHOLE, doc64, doc_hex, doc_number, shard_of, survivor_rank
from curate.dedup.base import column as column_of
from curate.dedup.components import connected_components
from curate.dedup.tables import Prints, count, smallest, timed
from curate.files import storage
from curate.filters import scripts

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from curate.engine.session import Session

PRINTS = pa.schema(
    [
        pa.field("doc", pa.int64()),
        pa.field("rank", pa.int64()),
        pa.field("same", pa.int64()),  # hash of the normalised text
        pa.field("host", pa.string()),  # host, repository or source: what the alarm looks at
        pa.field("source", pa.string()),
        pa.field("bands", pa.list_(pa.int64())),
        pa.field("shingles", pa.list_(pa.int32())),  # hash of each shingle; empty where nothing is verified
    ]
)

VERIFY = ("containment", "jaccard", "none")
NUMBER = r"\p{Nd}+([.,:/-]\p{Nd}+)*"
"""A number, date or time (RE2)."""
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


@dataclass(frozen=True)
class MinHash:
    """Near-duplicates: a text goes when another one that stays holds it (`verify="containment"`), or resembles it ("jaccard").

    A text of fewer than `ngram` words is one shingle. `docs/dedup.md` explains the parameters.
    """

    copies: ClassVar[bool] = True

    threshold: float = 0.8
    """Jaccard similarity of the pairs that are looked for; with `verify="jaccard"`, of those that are removed."""
    ngram: int = 0
    """Words of a shingle; 0: 3 for containment, else 5."""
    permutations: int = 128
    """Upper limit: bands x rows are used."""
    bands: int = 0
    rows: int = 0
    """0: chosen from the threshold, see `curate.dedup.lsh`."""
    seed: int = 1
    verify: str | bool = "containment"
    """What is measured of candidates: "containment" (the share of a text's n-grams that its kept copy holds), "jaccard" (or
    true: the true similarity), "none" (or false: sharing a band is enough)."""
    minimum: float = 0.99
    """Of containment: the share of a removed text's n-grams that its kept copy holds at least."""
    gap: int = 3
    """Of containment: the longest run of words of a removed text that its kept copy may lack."""
    merge_near: str = ""
    """"numbers": texts that differ in their numbers alone are the same."""
    representative: bool = False
    """Remove a text only for its similarity to a kept one; else clusters are connected components."""
    members: int = 64
    """Documents of one band that others are compared with."""
    max_cluster_share: float = 0.2
    """Alarm when one cluster loses a larger share of all documents than this."""
    max_host_share: float = 0.95
    """Alarm when one host (repository, source) loses a larger share of its documents than this."""
    max_source_share: float = 0.5
    """Alarm when one source loses a larger share of its documents than this."""
    alarm_from: int = 1000
    """No alarm for clusters, hosts and sources that lose fewer documents than this."""
    index: str = ""
    """Folder of what earlier runs kept: their documents win, and what this run keeps is added."""
    against: str = ""
    """Folder of another corpus: its documents win."""

    def __post_init__(self) -> None:
        for name in ("threshold", "minimum"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be above 0 and at most 1, got {getattr(self, name)}")
        for name, least in {"ngram": 0, "gap": 0, "permutations": 1, "members": 1}.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if isinstance(self.verify, bool):
            object.__setattr__(self, "verify", "jaccard" if self.verify else "none")
        if self.verify not in VERIFY:
            raise ValueError(f"verify must be one of {', '.join(VERIFY)}, got {self.verify!r}")
        if self.merge_near not in ("", "numbers"):
            raise ValueError(f"merge_near must be numbers or empty, got {self.merge_near!r}")
        if (self.bands > 0) != (self.rows > 0) or min(self.bands, self.rows) < 0:
            raise ValueError(f"bands and rows go together, got {self.bands} and {self.rows}")
        safety_limits.check_limits(self)
        if self.representative and self.verify != "jaccard":
            raise ValueError(f"representative needs verify = jaccard, got {self.verify}: it chooses by similarity")

    @property
    def measure(self) -> str:
        """What is verified: one of VERIFY."""
        return str(self.verify)

    def banding(self) -> tuple[int, int]:
        """(bands, rows): as given, or chosen. Verified candidates may be many, unverified ones must be few."""
        if self.bands:
            return self.bands, self.rows
        choose = lsh.balanced if self.verify == "none" else lsh.searching
        return choose(self.threshold, self.permutations)

    @property
    def words(self) -> int:
        """Words of a shingle."""
        return self.ngram or (3 if self.verify == "containment" else 5)

    def key_parameters(self) -> dict[str, object]:
        """What its keys depend on."""
        bands, rows = self.banding()
        stored = self.verify != "none"
        own = {"merge_near": self.merge_near} if self.merge_near else {}
        found = {"ngram": self.words, "seed": self.seed, "verify": stored, "bands": bands, "rows": rows, **own}
        return {**found, "words": scripts.segmenter()}

    def keys(self, batch: pa.RecordBatch, /) -> pa.Table:
        """Fingerprints of the documents."""
        from curate.dedup import kernel  # numba takes 0.2 s to import, and recipes without MinHash don't need it

        bands, rows = self.banding()
        verified, column = self.verify != "none", batch.column("text")
        if self.merge_near:
            column = pc.replace_substring_regex(column, NUMBER, "0")
        prints = kernel.fingerprints(column, self.words, bands, rows, self.seed, shingles=verified)
        ends = prints.ends if verified else np.zeros(len(batch), np.int64)
        columns = [
            pa.array(doc64(batch.column("id").to_pylist())),
            pa.array(survivor_rank(batch)),
            pa.array(prints.same),
            pa.array(safety_limits.hosts(batch), pa.string()),
            pa.array(column_of(batch, "source"), pa.string()),
            _lists(np.arange(1, len(batch) + 1) * bands, prints.bands.ravel()),
            _lists(ends, prints.shingles.view(np.int32)),
        ]
        return pa.table(columns, schema=PRINTS)

    def resolve(self, s: "Session", keys: str, out: str, shards: int, /) -> Mapping[str, object]:
        """Find the clusters and who survives in each: LOST to `out`; facts for the ledger. Raises AlarmError, EngineError."""
        work, seconds = f"{out}.work", dict[str, float]()
        bands, rows = self.banding()
        documents = count(keys)
        earlier = index.earlier(s, self, keys, f"{work}/against")
        prints = partial(_prints, s, keys, earlier)
        needed = memory.check(s, documents + sum(count(folder) for folder in earlier), bands)
        with timed(seconds, "identical"):
            _identical(s, prints, work)
        with timed(seconds, "bands"):
            s.write(_edges(s, prints, work, shards), f"{work}/edges")
        with timed(seconds, "components"):
            rounds = connected_components(s, f"{work}/edges", f"{work}/rounds", f"{work}/components")
        with timed(seconds, "clusters"):
            verified = _verified(s, self, prints, work, seconds)
        with timed(seconds, "lost"):
            s.write(_named(s, _removals(s, work), earlier), f"{work}/lost")
        sizes = _sizes(s, work, documents)
        facts: dict[str, object] = {
            "documents": documents,
            "keys": documents * bands,
            "parameters": {
                "bands": bands,
                "rows": rows,
                "ngram": self.words,
                "threshold": self.threshold,
                "verify": self.measure,
            },
            "expected": lsh.expected(self.threshold, bands, rows),
            "earlier": len(earlier),
            "candidates": count(f"{work}/edges"),
            "rounds": rounds,
            **verified,
            **sizes,
            "memory_estimate": needed,
            "bytes_exchanged_per_document": 16 * bands,
            "seconds": seconds,
        }
        if self.measure == "containment":
            facts["held_share"] = _shares(s, f"{work}/lost")
        with timed(seconds, "alarms"):
            _check(s, self, prints, work, documents, sizes)
        found = s.read(f"{work}/lost") if count(f"{work}/lost") else None
        index.remember(s, self, keys, found, ["doc"])
        lost = _no_removals(s) if found is None else found
        columns = [shard_of(lost["doc"], shards).alias("shard"), "doc", _whole().alias("pos"), "survivor", "value"]
        s.write(s.clustered(lost.select(*columns), "shard", shards), out, by="shard")
        storage.remove(work)
        return facts


def _lists(ends: object, values: object) -> pa.ListArray:
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values))


# ---- stages, in their order ----


def _prints(s: "Session", keys: str, earlier: list[str], columns: Sequence[str]) -> "DataFrame":
    """The fingerprints of this run and of before: these under other numbers, as a copy may have the id of its original."""
    new = s.read(keys, columns)
    if not earlier:
        return new
    before = s.read(earlier, columns)
    return new.unionAll(before.withColumn("doc", _other(before["doc"])).select(*new.columns))


def _other(doc: "Column") -> "Column":
    from pyspark.sql import functions as F

    return doc.bitwiseXOR(F.lit(BEFORE).cast("bigint"))


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


def _verified(s: "Session", step: MinHash, prints: Prints, work: str, seconds: dict[str, float]) -> dict[str, int]:
    """Clusters of candidate components, by what the step verifies; facts of it."""
    from curate.dedup import contain, verify  # with numba

    measures = {"containment": contain.contained, "jaccard": verify.verified, "none": _taken}
    return measures[step.measure](s, step, prints, work, seconds)


def _taken(s: "Session", step: MinHash, prints: Prints, work: str, seconds: dict[str, float]) -> dict[str, int]:
    """Without verification: each candidate component is a cluster."""
    from pyspark.sql import functions as F

    if count(f"{work}/components"):
        ranked = s.read(f"{work}/components").join(prints(["doc", "rank"]), "doc")
        first = smallest(ranked, "component").select("component", F.col("doc").alias("survivor"))
        near = ranked.join(first, "component").where("doc != survivor")
        s.write(near.select("doc", "rank", "survivor", F.lit(None).cast("double").alias("value")), f"{work}/near")
    return {}


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


def _no_removals(s: "Session") -> "DataFrame":
    return s.spark.createDataFrame([], "doc bigint, survivor bigint, value double")


def _named(s: "Session", lost: "DataFrame", earlier: list[str]) -> "DataFrame":
    """(doc, survivor, value) with survivors of before by the numbers that they have."""
    from pyspark.sql import functions as F

    if not earlier:
        return lost
    named = s.read(earlier, ["doc"]).select(F.col("doc").alias("name")).distinct()
    named = named.select("name", _other(named["name"]).alias("survivor"))
    return lost.join(named, "survivor", "left").select("doc", F.coalesce("name", "survivor").alias("survivor"), "value")


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


def _shares(s: "Session", lost: str) -> dict[str, int]:
    """How much of the removed documents their survivors hold: the number of documents by share, see `contain.BINS`."""
    from pyspark.sql import functions as F

    from curate.dedup import contain

    if not count(lost):
        return {}
    sums = Counter[float]()
    for row in s.read(lost, ["value"]).groupBy("value").agg(F.count(F.lit(1)).alias("n")).collect():
        sums[next(low for low in contain.BINS if row["value"] >= low)] += row["n"]
    return {f"{low:g}": sums[low] for low in contain.BINS if sums[low]}


def _check(s: "Session", step: MinHash, prints: Prints, work: str, documents: int, sizes: Sizes) -> None:
    if sizes["removed"] < step.alarm_from:
        return
    largest = [safety_limits.Cluster(doc_number(c["survivor"]), c["documents"]) for c in sizes["largest"]]
    holders = prints(["doc", "rank", "host", "source"]).where("rank >= 0").select("doc", "host", "source")
    safety_limits.check(step, documents, largest, s.read(f"{work}/lost"), holders)


def _whole() -> "Column":
    from pyspark.sql import functions as F

    return F.lit(WHOLE).cast("int")
