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
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypedDict

from curate.corpus.shards import read_facts
from curate.dedup import contain, index, lsh, memory, safety_limits, verify
from curate.dedup.base import WHOLE, doc_hex, doc_number, shard_of
from curate.dedup.components import connected_components
from curate.dedup.tables import count, smallest, summed, timed
from curate.files import storage

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from curate.dedup.minhash import MinHash
    from curate.engine.session import Session

Prints = Callable[[Sequence[str]], "DataFrame"]
"""The frame of the fingerprints of this run and of earlier ones, with these columns."""
BEFORE = 0x1F83D9ABFB41BD6B
"""Turns the number of a document of before into another one, and back. Any number will do."""
BUCKET = 20_000
"""Documents of candidate components that one task verifies, about: 4 kB each at 1,000 words."""


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


def _verified(s: "Session", step: "MinHash", prints: Prints, work: str, seconds: dict[str, float]) -> dict[str, int]:
    """Send each candidate component, with its shingles, to one worker and take apart there what is not similar."""
    documents = count(f"{work}/components")
    with timed(seconds, "gather"):
        buckets = _gather(s, prints, work, s.read(f"{work}/components") if documents else None, documents)
    asked = (step.threshold, step.representative, step.members)
    tasks = [verify.ClusterTask(f"{work}/members/bucket={n}", f"{work}/near/{n:05d}.parquet", *asked) for n in buckets]
    sums = summed(s, verify.run, tasks)
    return {"candidate_documents": documents, **{name: sums[name] for name in ("compared", "similar", "refused")}}


def _gather(s: "Session", prints: Prints, work: str, components: "DataFrame | None", documents: int) -> list[int]:
    """Write the candidates with their shingles to `members`, whole components in folders of about BUCKET documents; the
    numbers of the folders."""
    from pyspark.sql import functions as F

    buckets = max(1, -(-documents // BUCKET))
    if components is not None and documents:
        number = F.pmod(F.col("component"), F.lit(buckets)).cast("int").alias("bucket")
        members = components.join(prints(["doc", "rank", "bands", "shingles"]), "doc").select("*", number)
        s.write(s.clustered(members, "bucket", buckets), f"{work}/members", by="bucket")
    return [n for n in range(buckets) if storage.exists(f"{work}/members/bucket={n}")]


def _contained(s: "Session", step: "MinHash", prints: Prints, work: str, seconds: dict[str, float]) -> dict[str, int]:
    """Of each candidate component, who is held by whom; a component of more than a block is spread over tasks."""
    from pyspark.sql import functions as F

    documents = count(f"{work}/components")
    components = s.read(f"{work}/components") if documents else None
    rule = contain.Rule(step.minimum, step.gap, step.words, step.members)
    large = list[tuple[int, int]]()
    if components is not None and documents > contain.BLOCK:
        sizes = components.groupBy("component").agg(F.count(F.lit(1)).alias("n")).where(f"n > {contain.BLOCK}")
        large = sorted((row["component"], row["n"]) for row in sizes.collect())
    with timed(seconds, "gather"):
        slices = []
        if components is not None and large:
            slices = _slices(s, prints, work, components, large)
            named = s.spark.createDataFrame(large, "component bigint, n bigint").select("component")
            components = components.join(named, "component", "left_anti")
        buckets = _gather(s, prints, work, components, documents - sum(n for _, n in large))
    tasks = [contain.BucketTask(f"{work}/members/bucket={n}", f"{work}/near/{n:05d}.parquet", rule) for n in buckets]
    sums, rounds = summed(s, contain.run_bucket, tasks), 0
    while slices:
        found, slices = _round(s, work, slices, rule, rounds)
        sums, rounds = sums + found, rounds + 1
    told = {name: sums[name] for name in ("compared", "held", "gaps", "refused")}
    return {"candidate_documents": documents, "large_components": len(large), "blocks": rounds, **told}


Slices = list[tuple[int, list[str]]]
"""Of large components: number, and the folders or files of the documents that are still to be judged."""


def _slices(
    s: "Session", prints: Prints, work: str, components: "DataFrame", large: Sequence[tuple[int, int]]
) -> Slices:
    """Write the documents of the components `large` (name, documents) to slices of about a block."""
    from pyspark.sql import functions as F

    counts = [-(-n // contain.BLOCK) for _, n in large]
    firsts = [sum(counts[:i]) for i in range(len(counts))]
    table = [(name, first, n) for (name, _), first, n in zip(large, firsts, counts, strict=True)]
    named = s.spark.createDataFrame(table, "component bigint, first bigint, slices bigint")
    number = (F.col("first") + F.pmod(F.col("doc"), F.col("slices"))).cast("int").alias("slice")
    members = components.join(named, "component").join(prints(["doc", "rank", "bands", "shingles"]), "doc")
    members = members.select("doc", "rank", "component", "bands", "shingles", number)
    s.write(s.clustered(members, "slice", sum(counts)), f"{work}/slices", by="slice")
    paths = [[f"{work}/slices/slice={first + i}" for i in range(n)] for first, n in zip(firsts, counts, strict=True)]
    return [(at, [path for path in found if storage.exists(path)]) for at, found in enumerate(paths)]


def _round(s: "Session", work: str, slices: Slices, rule: contain.Rule, number: int) -> tuple[Counter[str], Slices]:
    """Judge the next block of each large component, and compare its other documents with what that keeps; what is left."""
    blocks = [
        contain.BlockTask(
            sources=tuple(sources),
            heads=f"{work}/heads/{number:04d}-{n:05d}.parquet",
            out=f"{work}/near/heads-{number:04d}-{n:05d}.parquet",
            rule=rule,
            block=contain.BLOCK,
        )
        for n, sources in slices
    ]
    sums = summed(s, contain.run_block, blocks)
    later = {
        n: [
            contain.SliceTask(
                source=source,
                heads=block.heads,
                rest=f"{work}/rest/{number:04d}-{n:05d}-{i:05d}.parquet",
                out=f"{work}/near/rest-{number:04d}-{n:05d}-{i:05d}.parquet",
                rule=rule,
            )
            for i, source in enumerate(sources)
        ]
        for (n, sources), block in zip(slices, blocks, strict=True)
    }
    sums += summed(s, contain.run_slice, [task for tasks in later.values() for task in tasks])
    left = [(n, [task.rest for task in tasks if read_facts(task.out)["left"]]) for n, tasks in later.items()]
    return sums, [(n, rests) for n, rests in left if rests]


CLUSTERS = {"containment": _contained, "jaccard": _verified, "none": _taken}
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
