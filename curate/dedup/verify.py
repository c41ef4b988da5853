"""Candidates to clusters, with true Jaccard similarity: the last part of MinHash, one bucket of components at a time.

A candidate component (texts that share bands, directly or over others) is taken apart again, in the order in which
documents are preferred. Each document is compared with those before it that share a band with it, up to a limit of
members a band. Two ways to go on from there:

* *components*: similar pairs are edges, clusters are the components of what is left;
* *representative*: a document that is similar to a kept one goes, all others stay. No chain can carry a text to one
  that it does not resemble.
"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset as pads

from curate.corpus.shards import ShardWriter
from curate.dedup.tables import Prints, count, gather, summed, timed
from curate.files import storage
from curate.filters.jit import Array, compiled_like_numpy

if TYPE_CHECKING:
    from curate.dedup.minhash import MinHash
    from curate.engine.session import Session

NEAR = pa.schema(
    [
        pa.field("doc", pa.int64()),
        pa.field("rank", pa.int64()),
        pa.field("survivor", pa.int64()),
        pa.field("value", pa.float64()),  # true Jaccard similarity to the survivor
    ]
)


def verified(s: "Session", step: "MinHash", prints: Prints, work: str, seconds: dict[str, float]) -> dict[str, int]:
    """Send each candidate component, with its shingles, to one worker and take apart there what is not similar."""
    documents = count(f"{work}/components")
    with timed(seconds, "gather"):
        buckets = gather(s, prints, work, s.read(f"{work}/components") if documents else None, documents)
    asked = (step.threshold, step.representative, step.members)
    tasks = [ClusterTask(f"{work}/members/bucket={n}", f"{work}/near/{n:05d}.parquet", *asked) for n in buckets]
    sums = summed(s, run, tasks)
    return {"candidate_documents": documents, **{name: sums[name] for name in ("compared", "similar", "refused")}}


@compiled_like_numpy
def unique_sets(values: Array, offsets: Array, sizes: Array) -> None:
    """Sort the numbers of each document in place and drop repeated ones; `sizes` gets how many are left."""
    for i in range(len(offsets) - 1):
        part = values[offsets[i] : offsets[i + 1]]
        part.sort()
        size = 0
        for k in range(len(part)):
            if k == 0 or part[k] != part[k - 1]:
                part[size] = part[k]
                size += 1
        sizes[i] = size


@compiled_like_numpy
def jaccard(values: Array, start: int, size: int, other: int, other_size: int) -> float:
    """Jaccard similarity of two sorted runs of `values`; 0 where one is empty."""
    i, j, common = 0, 0, 0
    while i < size and j < other_size:
        x, y = values[start + i], values[other + j]
        common += x == y
        i += x <= y
        j += y <= x
    union = size + other_size - common
    return common / union if union else 0.0


@compiled_like_numpy
def _root(parents: Array, p: int) -> int:
    while parents[p] != p:
        parents[p] = parents[parents[p]]
        p = parents[p]
    return p


@compiled_like_numpy
def candidates(p: int, buckets: Array, members: Array, counts: Array, found: Array) -> int:
    """The documents before `p` that share a band with it, ascending and once each, to `found`; how many."""
    total = 0
    for j in range(buckets.shape[1]):
        g = buckets[p, j]
        if g >= 0:
            for k in range(counts[g]):
                found[total] = members[g, k]
                total += 1
    part = found[:total]
    part.sort()
    size = 0
    for k in range(total):
        if k == 0 or part[k] != part[k - 1]:
            part[size] = part[k]
            size += 1
    return size


@compiled_like_numpy
def _similar(p: int, q: int, starts: Array, sizes: Array, values: Array, threshold: float, tally: Array) -> bool:
    """Whether two documents are similar; counts the comparison, which sizes too different save."""
    if min(sizes[p], sizes[q]) < threshold * max(sizes[p], sizes[q]):
        return False
    tally[0] += 1
    found = jaccard(values, starts[p], sizes[p], starts[q], sizes[q]) >= threshold
    tally[1] += nb.int64(found)
    return bool(found)


@compiled_like_numpy
def join(p: int, buckets: Array, members: Array, counts: Array, tally: Array) -> None:
    """Make `p` a member of its bands, where there is room."""
    for j in range(buckets.shape[1]):
        g = buckets[p, j]
        if g >= 0 and counts[g] < members.shape[1]:
            members[g, counts[g]] = p
            counts[g] += 1
        elif g >= 0:
            tally[2] += 1


@compiled_like_numpy
def _connect(
    buckets: Array,
    members: Array,
    starts: Array,
    sizes: Array,
    values: Array,
    threshold: float,
    out: Array,
    tally: Array,
) -> None:
    """Union-find over similar candidates. `out` is the position of each document's root, its component's first.

    The first `one[g]` members of a band are in one component, and stay so: a document of that component passes over
    them at once. So a star of n near copies costs n steps, and not n times the members of its bands.
    """
    counts, one = np.zeros(len(members), np.int64), np.zeros(len(members), np.int64)
    seen = np.full(len(out), -1, np.int64)
    for p in range(len(out)):
        for j in range(buckets.shape[1]):
            g = buckets[p, j]
            if g < 0 or counts[g] == 0:
                continue
            first = _root(out, members[g, 0])
            while one[g] < counts[g] and _root(out, members[g, one[g]]) == first:
                one[g] += 1
            for k in range(one[g] if first == _root(out, p) else 0, counts[g]):
                q = members[g, k]
                if seen[q] == p or _root(out, q) == _root(out, p):
                    continue
                seen[q] = p
                if _similar(p, q, starts, sizes, values, threshold, tally):
                    a, b = _root(out, p), _root(out, q)
                    out[max(a, b)] = min(a, b)
        join(p, buckets, members, counts, tally)
    for p in range(len(out)):
        out[p] = _root(out, p)


@compiled_like_numpy
def _represent(
    buckets: Array,
    members: Array,
    starts: Array,
    sizes: Array,
    values: Array,
    threshold: float,
    out: Array,
    tally: Array,
) -> None:
    """Greedy: a document goes to the first kept one that it is similar to, and else is kept itself."""
    counts = np.zeros(len(members), np.int64)
    found = np.empty(buckets.shape[1] * members.shape[1] + 1, np.int64)
    for p in range(len(out)):
        for k in range(candidates(p, buckets, members, counts, found)):
            if _similar(p, found[k], starts, sizes, values, threshold, tally):
                out[p] = found[k]
                break
        if out[p] == p:
            join(p, buckets, members, counts, tally)


@compiled_like_numpy
def _similarities(survivors: Array, starts: Array, sizes: Array, values: Array, out: Array) -> None:
    for p in range(len(survivors)):
        q = survivors[p]
        out[p] = jaccard(values, starts[p], sizes[p], starts[q], sizes[q])


@compiled_like_numpy
def _firsts(keys: Array, slots: Array, firsts: Array, copies: Array) -> None:
    """For each key the place of its first occurrence, and there how often it occurs.

    An open-addressed table of places, empty ones -1, of a size that is a power of two: keys are hashes already.
    """
    mask = len(slots) - 1
    for i in range(len(keys)):
        at = keys[i] & mask
        while slots[at] >= 0 and keys[slots[at]] != keys[i]:
            at = at + 1 & mask
        if slots[at] < 0:
            slots[at] = i
        firsts[i] = slots[at]
        copies[slots[at]] += 1


def shared(bands: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], int]:
    """Band keys, (n, bands), as numbers of buckets; -1 where no other document has the key. And the number of buckets."""
    keys = np.ascontiguousarray(bands).ravel()
    slots = np.full(1 << max(1, 2 * len(keys) - 1).bit_length(), -1, np.int64)
    firsts, copies = np.empty(len(keys), np.int64), np.zeros(len(keys), np.int32)
    _firsts(keys, slots, firsts, copies)
    shared = copies > 1
    numbers = np.where(shared, np.cumsum(shared) - 1, -1)
    return numbers[firsts].reshape(bands.shape), int(shared.sum())


def cluster(
    table: pa.Table, threshold: float, *, representative: bool, limit: int
) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    """Who loses to whom in a table of (doc, rank, component, bands, shingles): rows of NEAR, and the tally."""
    doc, rank, component = (table[name].to_numpy() for name in ("doc", "rank", "component"))
    order = np.lexsort([doc, rank, component])
    doc, rank = doc[order], rank[order]
    hashes, ends = flat(table["shingles"])
    values, offsets = hashes.view(np.uint32).copy(), np.concatenate([[0], ends])
    sizes = np.zeros(len(table), np.int64)
    unique_sets(values, offsets, sizes)
    starts, sizes = offsets[:-1][order], sizes[order]
    buckets, count = shared(flat(table["bands"])[0].reshape(len(table), -1)[order])
    # `buckets` is (n, bands); documents are in order of preference.
    survivors, members = np.arange(len(table)), np.empty((count, limit), np.int64)
    tally = np.zeros(3, np.int64)  # pairs compared, pairs found similar, places refused because a band was full
    go = _represent if representative else _connect
    go(buckets, members, starts, sizes, values, threshold, survivors, tally)
    similarities = np.zeros(len(table), np.float64)
    _similarities(survivors, starts, sizes, values, similarities)
    lost = np.flatnonzero(doc[survivors] != doc)
    columns = [doc[lost], rank[lost], doc[survivors[lost]], similarities[lost]]
    return pa.table([pa.array(c) for c in columns], schema=NEAR), tally


def flat(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(values, ends) of a column of lists."""
    values = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in column.chunks]
    lengths = [chunk.value_lengths().to_numpy(zero_copy_only=False) for chunk in column.chunks]
    return np.concatenate(values), np.cumsum(np.concatenate(lengths), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class ClusterTask:
    """A bucket of candidates (the folder `source`), and what counts as similar."""

    source: str
    out: str
    threshold: float
    representative: bool
    limit: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What was compared."""

    documents: int
    compared: int
    similar: int
    refused: int


def run(task: ClusterTask) -> Tally:
    """Task: cluster the documents of one bucket and write NEAR to the file `out`; its facts are the result."""
    fs, inner = storage.filesystem(task.source)
    table = pads.dataset(inner, filesystem=fs, format="parquet").to_table()
    near, tally = cluster(table, task.threshold, representative=task.representative, limit=task.limit)
    found = Tally(len(table), *tally.tolist())
    with ShardWriter(task.out, NEAR, scratch=True) as writer:
        writer.write(near)
        writer.facts = asdict(found)
    return found
