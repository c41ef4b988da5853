"""Connected components by contraction, in DataFrames: O(log n) rounds, and nothing on the driver.

In each round every document picks, among itself and its neighbours, the one with the smallest hash (another hash each
round), and all that picked the same one become one, named by that hash. The hash is as good as a coin, so a fixed share
of the documents goes in each round whatever the graph looks like: a chain of 10,000 and a star of a million alike
(Bögeholz, Brand, Todor, *In-database connected component analysis*, 2020). Edges shrink with the documents, so all
rounds together cost a small multiple of the first. XXH64 of one number is a bijection: names never collide.

Each round is written as Parquet and read again: no lineage grows, and a killed job goes on at the last round.
"""

from typing import TYPE_CHECKING

from curate.dedup.tables import count
from curate.errors import CurateError

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from curate.engine.session import Session

MAX_ROUNDS = 100


def connected_components(s: "Session", edges: str, work: str, out: str) -> int:
    """Write (doc, component) to the folder `out` for each document in `edges` (a, b); returns the rounds it took.

    A component's name is a number that means nothing. `work` is a folder for the rounds' tables.
    """
    from pyspark.sql import functions as F

    rounds, left = 0, edges
    while count(left):
        if rounds == MAX_ROUNDS:
            raise CurateError(f"{edges}: components not found in {MAX_ROUNDS} rounds; {count(left)} edges left")
        pairs = s.read(left, ["a", "b"])
        s.write(_picks(pairs, rounds), f"{work}/picks-{rounds}")
        picks = s.read(f"{work}/picks-{rounds}")
        moved = pairs.join(picks.select(F.col("doc").alias("a"), F.col("pick").alias("u")), "a")
        moved = moved.join(picks.select(F.col("doc").alias("b"), F.col("pick").alias("v")), "b").where("u != v")
        ends = moved.select(F.least("u", "v").alias("a"), F.greatest("u", "v").alias("b"))
        left = f"{work}/edges-{rounds + 1}"
        s.write(ends.distinct(), left)
        rounds += 1
    s.write(_composed(s, work, rounds), out)
    return rounds


def _picks(pairs: "DataFrame", number: int) -> "DataFrame":
    """(doc, pick): the smallest hash, in this round, of a document and its neighbours."""
    from pyspark.sql import functions as F

    salt = number * 0x9E3779B97F4A7C15 % 2**64 - 2**63

    def hashed(name: str) -> "Column":
        if number == 0:  # candidates come as stars around their smallest document: they fall in one round
            return F.col(name)
        return F.xxhash64(F.col(name).bitwiseXOR(F.lit(salt).cast("bigint")))

    near = pairs.select(F.col("a").alias("doc"), hashed("b").alias("hash"))
    near = near.unionAll(pairs.select(F.col("b").alias("doc"), hashed("a").alias("hash")))
    best = near.groupBy("doc").agg(F.min("hash").alias("best"))
    return best.select("doc", F.least("best", hashed("doc")).alias("pick"))


def _composed(s: "Session", work: str, rounds: int) -> "DataFrame":
    """(doc, component): what each document's picks lead to, from the last round back to the first."""
    from pyspark.sql import functions as F

    if not rounds:
        return s.spark.createDataFrame([], "doc bigint, component bigint")
    last = s.read(f"{work}/picks-{rounds - 1}").select("doc", F.col("pick").alias("component"))
    for number in range(rounds - 2, -1, -1):
        after = last.select(F.col("doc").alias("pick"), "component")
        picks = s.read(f"{work}/picks-{number}").join(after, "pick", "left")
        last = picks.select("doc", F.coalesce("component", "pick").alias("component"))
    return last
