"""Removed only what is held elsewhere: the verification of MinHash's candidates by containment.

A document goes when a kept one holds its text: at least the share `minimum` of its distinct n-grams, and no run of more than
`gap` words of it is missing there. Of several that hold it, the one that holds most is its survivor. Documents are judged in
one order (of earlier runs first, then those with the most distinct n-grams, the longest, the earliest, the smallest id), each
against the kept ones before it that share a band with it. So a survivor is never removed itself, and no chain of small
changes carries a text to one that lacks a part of it.

Candidate components of up to `BLOCK` documents are judged by one task, many of them together. A larger one is cut into blocks
in the order of ranks: the first block is judged, then tasks compare the rest, slice by slice, with what that block keeps, and
so on with what is left. No task holds more than two blocks, and the order of comparisons does not depend on the slices.

Source of the rule: "each n-gram of the removed document stands in the survivor", the containment of Broder (1997, On the
resemblance and containment of documents).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from curate.corpus.shards import ShardWriter, opened, read_facts
from curate.dedup.tables import Prints, count, gather, summed, timed
from curate.dedup.verify import NEAR, candidates, flat, join, shared, unique_sets
from curate.files import storage
from curate.filters.jit import Array, compiled_like_numpy

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from curate.dedup.minhash import MinHash
    from curate.engine.session import Session

BLOCK = 20_000
"""Documents that are judged together, one after the other."""
BINS = (1.0, 0.999, 0.99, 0.98, 0.95, 0.9, 0.8, 0.5, 0.0)
"""Lower ends of the bins in which measured shares are counted."""
MEMBERS = pa.schema(
    [
        pa.field("doc", pa.int64()),
        pa.field("rank", pa.int64()),
        pa.field("component", pa.int64()),
        pa.field("bands", pa.list_(pa.int64())),
        pa.field("shingles", pa.list_(pa.int32())),
    ]
)


def contained(s: "Session", step: "MinHash", prints: Prints, work: str, seconds: dict[str, float]) -> dict[str, int]:
    """Of each candidate component, who is held by whom; a component of more than a block is spread over tasks."""
    from pyspark.sql import functions as F

    documents = count(f"{work}/components")
    components = s.read(f"{work}/components") if documents else None
    rule = Rule(step.minimum, step.gap, step.words, step.members)
    large = list[tuple[int, int]]()
    if components is not None and documents > BLOCK:
        sizes = components.groupBy("component").agg(F.count(F.lit(1)).alias("n")).where(f"n > {BLOCK}")
        large = sorted((row["component"], row["n"]) for row in sizes.collect())
    with timed(seconds, "gather"):
        slices = []
        if components is not None and large:
            slices = _slices(s, prints, work, components, large)
            named = s.spark.createDataFrame(large, "component bigint, n bigint").select("component")
            components = components.join(named, "component", "left_anti")
        buckets = gather(s, prints, work, components, documents - sum(n for _, n in large))
    tasks = [BucketTask(f"{work}/members/bucket={n}", f"{work}/near/{n:05d}.parquet", rule) for n in buckets]
    sums, rounds = summed(s, run_bucket, tasks), 0
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

    counts = [-(-n // BLOCK) for _, n in large]
    firsts = [sum(counts[:i]) for i in range(len(counts))]
    table = [(name, first, n) for (name, _), first, n in zip(large, firsts, counts, strict=True)]
    named = s.spark.createDataFrame(table, "component bigint, first bigint, slices bigint")
    number = (F.col("first") + F.pmod(F.col("doc"), F.col("slices"))).cast("int").alias("slice")
    members = components.join(named, "component").join(prints(["doc", "rank", "bands", "shingles"]), "doc")
    members = members.select("doc", "rank", "component", "bands", "shingles", number)
    s.write(s.clustered(members, "slice", sum(counts)), f"{work}/slices", by="slice")
    paths = [[f"{work}/slices/slice={first + i}" for i in range(n)] for first, n in zip(firsts, counts, strict=True)]
    return [(at, [path for path in found if storage.exists(path)]) for at, found in enumerate(paths)]


def _round(s: "Session", work: str, slices: Slices, rule: "Rule", number: int) -> tuple[Counter[str], Slices]:
    """Judge the next block of each large component, and compare its other documents with what that keeps; what is left."""
    blocks = [
        BlockTask(
            sources=tuple(sources),
            heads=f"{work}/heads/{number:04d}-{n:05d}.parquet",
            out=f"{work}/near/heads-{number:04d}-{n:05d}.parquet",
            rule=rule,
            block=BLOCK,
        )
        for n, sources in slices
    ]
    sums = summed(s, run_block, blocks)
    later = {
        n: [
            SliceTask(
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
    sums += summed(s, run_slice, [task for tasks in later.values() for task in tasks])
    left = [(n, [task.rest for task in tasks if read_facts(task.out)["left"]]) for n, tasks in later.items()]
    return sums, [(n, rests) for n, rests in left if rests]


@compiled_like_numpy
def _missing(values: Array, start: int, size: int, other: int, other_size: int, most: int) -> int:
    """How many of a sorted run of `values` do not stand in another one; stops counting above `most`."""
    i, j, missing = 0, 0, 0
    while i < size and missing <= most:
        x = values[start + i]
        while j < other_size and values[other + j] < x:
            j += 1
        missing += not (j < other_size and values[other + j] == x)
        i += 1
    return missing


@compiled_like_numpy
def _stands(values: Array, start: int, size: int, wanted: int) -> bool:
    """Whether `wanted` is in a sorted run of `values`."""
    low, high = start, start + size
    while low < high:
        middle = (low + high) // 2
        if values[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low < start + size and values[low] == wanted


@compiled_like_numpy
def longest_gap(ordered: Array, values: Array, start: int, size: int, ngram: int) -> int:
    """Words in a row that no n-gram covers which stands in a sorted run of `values`; `ordered`: the n-grams of a text in order."""
    longest, run, total = 0, 0, len(ordered)
    for i in range(total + 1):
        if i < total and not _stands(values, start, size, ordered[i]):
            run += 1
        elif run:
            words = run - (ngram - 1)
            words += (ngram - 1) * ((i == run) + (i == total))
            longest, run = max(longest, words), 0
    return longest


@compiled_like_numpy
def _judge(
    buckets: Array,
    members: Array,
    starts: Array,
    sizes: Array,
    values: Array,
    ordered: Array,
    lengths: Array,
    minimum: float,
    gap: int,
    ngram: int,
    kept: int,
    out: Array,
    shares: Array,
    tally: Array,
) -> None:
    """Greedy, in the order of preference: `out` is the place of each document's survivor (its own: it stays), `shares` what
    that holds of it.

    Where `kept` is not negative, the first `kept` documents stay, and the others are compared with those alone.
    """
    counts = np.zeros(len(members), np.int64)
    found = np.empty(buckets.shape[1] * members.shape[1] + 1, np.int64)
    for p in range(len(out)):
        if p >= kept:
            most = int((1.0 - minimum) * sizes[p] + 1e-9)
            for k in range(candidates(p, buckets, members, counts, found)):
                q = found[k]
                tally[0] += 1
                missing = _missing(values, starts[p], sizes[p], starts[q], sizes[q], most)
                if missing > most:
                    continue
                if longest_gap(ordered[starts[p] : starts[p] + lengths[p]], values, starts[q], sizes[q], ngram) > gap:
                    tally[3] += 1
                    continue
                tally[1] += 1
                out[p], shares[p] = q, 1.0 - missing / sizes[p]
                most = missing - 1  # another one must hold more
                if missing == 0:
                    break
        if out[p] == p and (kept < 0 or p < kept):
            join(p, buckets, members, counts, tally)


@dataclass(frozen=True, slots=True)
class Rule:
    """When a document is held."""

    minimum: float
    gap: int
    ngram: int
    limit: int
    """Documents of a band that others are compared with."""


def judge(
    table: pa.Table, rule: Rule, heads: int = -1
) -> tuple[pa.Table, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Who loses to whom in a table of MEMBERS: rows of NEAR, the numbers of the rows that stay, in
    order, and the tally.

    Where `heads` is not negative, its first `heads` rows stay and the others are compared with those alone.
    """
    doc, rank, component = (table[name].to_numpy() for name in ("doc", "rank", "component"))
    hashes, ends = flat(table["shingles"])
    ordered, offsets = hashes.view(np.uint32), np.concatenate([[0], ends])
    values, sizes = ordered.copy(), np.zeros(len(table), np.int64)
    unique_sets(values, offsets, sizes)
    place = np.arange(len(table))
    first = [np.where(place < heads, place, heads)] if heads >= 0 else [-sizes, rank >= 0, component]
    order = np.lexsort([doc, rank, *first])
    buckets, count = shared(flat(table["bands"])[0].reshape(len(table), -1)[order])
    survivors, members = np.arange(len(table)), np.empty((count, rule.limit), np.int64)
    shares, tally = np.ones(len(table), np.float64), np.zeros(4, np.int64)
    _judge(
        buckets, members, offsets[:-1][order], sizes[order], values, ordered, np.diff(offsets)[order],
        rule.minimum, rule.gap, rule.ngram, heads, survivors, shares, tally,
    )  # fmt: skip
    stays = survivors == np.arange(len(table))
    lost, docs = np.flatnonzero(~stays), doc[order]
    columns = [docs[lost], rank[order][lost], docs[survivors[lost]], shares[lost]]
    return pa.table([pa.array(c) for c in columns], schema=NEAR), order[stays], tally


@dataclass(frozen=True, slots=True)
class Tally:
    """What was compared."""

    documents: int
    compared: int
    held: int
    refused: int
    gaps: int
    """Pairs of which enough is held, but for a run of words that is too long."""
    left: int
    """Documents that are still to be judged."""


def _tally(documents: int, tally: npt.NDArray[np.int64], left: int = 0) -> Tally:
    compared, held, refused, gaps = tally.tolist()
    return Tally(documents, compared, held, refused, gaps, left)


def _write(out: str, near: pa.Table, found: Tally) -> Tally:
    with ShardWriter(out, NEAR, scratch=True) as writer:
        writer.write(near)
        writer.facts = asdict(found)
    return found


def _read(folder: str) -> pa.Table:
    fs, inner = storage.filesystem(folder)
    return pads.dataset(inner, filesystem=fs, format="parquet").to_table(columns=MEMBERS.names).cast(MEMBERS)


@dataclass(frozen=True, slots=True)
class BucketTask:
    """Whole components (the folder `source`), and when a document is held."""

    source: str
    out: str
    rule: Rule


def run_bucket(task: BucketTask) -> Tally:
    """Task: judge the components of one bucket; NEAR to the file `out`, its facts are the result."""
    table = _read(task.source)
    near, _, tally = judge(table, task.rule)
    return _write(task.out, near, _tally(len(table), tally))


@dataclass(frozen=True, slots=True)
class BlockTask:
    """The slices of one large component (folders or files), and where what the first block keeps goes."""

    sources: tuple[str, ...]
    heads: str
    out: str
    rule: Rule
    block: int


def run_block(task: BlockTask) -> Tally:
    """Task: judge the first documents of a component, by rank; NEAR to `out`, those that stay to `heads`.

    The last one's rank and doc are the metadata `last` of `heads`: slices go on behind it.
    """
    firsts = [_firsts(source, task.block) for source in task.sources]
    ranks, docs = (np.concatenate([first[i] for first in firsts]) for i in (0, 1))
    order = np.lexsort([docs, ranks])[: task.block]
    rank, doc = int(ranks[order[-1]]), int(docs[order[-1]])
    table = pa.concat_tables(table for source in task.sources for table in _before(source, rank, doc)).combine_chunks()
    near, stays, tally = judge(table, task.rule)
    kept = table.take(pa.array(stays))
    kept = kept.replace_schema_metadata({b"last": f"{rank} {doc}".encode()})
    with storage.atomic(task.heads) as temporary:
        pq.write_table(kept, temporary, compression="zstd")
    return _write(task.out, near, _tally(len(table), tally))


def _parts(source: str) -> list[str]:
    return [source] if source.endswith(".parquet") else storage.list_files(source, ".parquet")


def _batches(source: str, columns: list[str]) -> "list[pa.RecordBatch]":
    found = []
    for path in _parts(source):
        with opened(path) as file:
            found += list(file.iter_batches(columns=columns))
    return found


def _firsts(source: str, most: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(ranks, docs) of the first documents of a slice."""
    batches = _batches(source, ["rank", "doc"])
    ranks, docs = (
        np.concatenate([np.zeros(0, np.int64), *(b[name].to_numpy() for b in batches)]) for name in ("rank", "doc")
    )
    order = np.lexsort([docs, ranks])[:most]
    return ranks[order], docs[order]


def _behind(table: pa.Table, rank: int, doc: int) -> pa.Array:
    """Which rows stand behind (rank, doc)."""
    same = pc.and_(pc.equal(table["rank"], rank), pc.greater(table["doc"], doc))
    return pc.or_(pc.greater(table["rank"], rank), same)


def _before(source: str, rank: int, doc: int) -> list[pa.Table]:
    """The rows of a slice up to (rank, doc), read a row group at a time."""
    found = [MEMBERS.empty_table()]
    for path in _parts(source):
        with opened(path) as file:
            for batch in file.iter_batches(columns=MEMBERS.names):
                table = pa.Table.from_batches([batch]).select(MEMBERS.names).cast(MEMBERS)
                found.append(table.filter(pc.invert(_behind(table, rank, doc))))
    return found


@dataclass(frozen=True, slots=True)
class SliceTask:
    """A slice of a large component, and what the block before it keeps."""

    source: str
    heads: str
    rest: str
    """File for the documents of the slice that are still to be judged."""
    out: str
    rule: Rule


def run_slice(task: SliceTask) -> Tally:
    """Task: compare the documents behind the last head with the heads; NEAR to `out`, who is not held to `rest`."""
    fs, inner = storage.filesystem(task.heads)
    heads = pq.read_table(inner, filesystem=fs)
    rank, doc = map(int, heads.schema.metadata[b"last"].split())
    heads = heads.select(MEMBERS.names).cast(MEMBERS)
    tables = [MEMBERS.empty_table()]
    for path in _parts(task.source):
        folder, name = storage.filesystem(path)
        tables.append(pq.ParquetFile(name, filesystem=folder).read(MEMBERS.names).select(MEMBERS.names).cast(MEMBERS))
    rows = pa.concat_tables(tables)
    rows = rows.filter(_behind(rows, rank, doc))
    near, stays, tally = judge(pa.concat_tables([heads, rows]), task.rule, len(heads))
    rest = rows.take(pa.array(np.sort(stays[stays >= len(heads)]) - len(heads)))
    with storage.atomic(task.rest) as temporary:
        pq.write_table(rest, temporary, compression="zstd")
    return _write(task.out, near, _tally(len(rows), tally, len(rest)))
