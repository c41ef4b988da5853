"""Candidates to clusters, with true Jaccard similarity: the last part of MinHash, one bucket of components at a time.

A candidate component (texts that share bands, directly or over others) is taken apart again, in the order in which
documents are preferred. Each document is compared with those before it that share a band with it, up to a limit of
members a band. Two ways to go on from there:

* *components*: similar pairs are edges, clusters are the components of what is left;
* *representative*: a document that is similar to a kept one goes, all others stay. No chain can carry a text to one
  that it does not resemble.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from curate import storage
from curate.dedup.xxh3 import compiled

NEAR = pa.schema(
    [
        pa.field("doc", pa.int64()),
        pa.field("rank", pa.int64()),
        pa.field("survivor", pa.int64()),
        pa.field("value", pa.float64()),  # true Jaccard similarity to the survivor
    ]
)


@compiled
def _unique_sets(values: Any, offsets: Any, sizes: Any) -> None:
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


@compiled
def jaccard(values: Any, start: int, size: int, other: int, other_size: int) -> float:
    """Jaccard similarity of two sorted runs of `values`; 0 where one is empty."""
    i, j, common = 0, 0, 0
    while i < size and j < other_size:
        x, y = values[start + i], values[other + j]
        common += x == y
        i += x <= y
        j += y <= x
    union = size + other_size - common
    return common / union if union else 0.0


@compiled
def _root(parents: Any, p: int) -> int:
    while parents[p] != p:
        parents[p] = parents[parents[p]]
        p = parents[p]
    return p


@compiled
def _candidates(p: int, buckets: Any, members: Any, counts: Any, found: Any) -> int:
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


@compiled
def _cluster(
    buckets: Any, members: Any, starts: Any, sizes: Any, values: Any, threshold: float, representative: bool, out: Any
) -> Any:
    """Fill `out`, the position of each document's survivor (documents are in order of preference).

    `buckets` is (n, bands), -1 for a band nobody shares; `members` is (buckets, limit). Returns [pairs compared, pairs
    found similar, places refused because a band was full].
    """
    n, bands = buckets.shape
    counts = np.zeros(len(members), np.int64)
    found = np.empty(bands * members.shape[1] + 1, np.int64)
    tally = np.zeros(3, np.int64)
    for p in range(n):
        out[p] = p
    for p in range(n):
        for k in range(_candidates(p, buckets, members, counts, found)):
            q = found[k]
            if not representative and _root(out, q) == _root(out, p):
                continue
            if min(sizes[p], sizes[q]) < threshold * max(sizes[p], sizes[q]):
                continue
            tally[0] += 1
            if jaccard(values, starts[p], sizes[p], starts[q], sizes[q]) >= threshold:
                tally[1] += 1
                a, b = _root(out, p), _root(out, q)
                out[max(a, b)] = min(a, b)
                if representative:
                    break
        if representative and out[p] != p:
            continue
        for j in range(bands):
            g = buckets[p, j]
            if g >= 0 and counts[g] < members.shape[1]:
                members[g, counts[g]] = p
                counts[g] += 1
            elif g >= 0:
                tally[2] += 1
    for p in range(n):
        out[p] = _root(out, p)
    return tally


@compiled
def _similarities(survivors: Any, starts: Any, sizes: Any, values: Any, out: Any) -> None:
    for p in range(len(survivors)):
        q = survivors[p]
        out[p] = jaccard(values, starts[p], sizes[p], starts[q], sizes[q])


def cluster(
    table: pa.Table, threshold: float, *, representative: bool, limit: int
) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    """Who loses to whom in a table of (doc, rank, component, bands, shingles): rows of NEAR, and the tally."""
    order = np.lexsort([table[name].to_numpy() for name in ("doc", "rank", "component")])
    table = table.take(pa.array(order))
    shingles = table["shingles"].combine_chunks()
    values = shingles.flatten().to_numpy(zero_copy_only=False).view(np.uint32).copy()
    offsets = np.concatenate([[0], np.cumsum(shingles.value_lengths().to_numpy(zero_copy_only=False))]).astype(np.int64)
    sizes = np.zeros(len(table), np.int64)
    _unique_sets(values, offsets, sizes)
    buckets, count = _shared(table["bands"].combine_chunks(), len(table))
    survivors = np.zeros(len(table), np.int64)
    members = np.empty((count, limit), np.int64)
    tally = _cluster(buckets, members, offsets[:-1], sizes, values, threshold, representative, survivors)
    similarities = np.zeros(len(table), np.float64)
    _similarities(survivors, offsets[:-1], sizes, values, similarities)
    docs = table["doc"].to_numpy()
    lost = np.flatnonzero(docs[survivors] != docs)
    columns = [docs[lost], table["rank"].to_numpy()[lost], docs[survivors[lost]], similarities[lost]]
    return pa.table([pa.array(c) for c in columns], schema=NEAR), tally


def _shared(bands: pa.ListArray, rows: int) -> tuple[npt.NDArray[np.int64], int]:
    """Band keys as numbers of buckets, (rows, bands); -1 where no other document has the key."""
    flat = bands.flatten().to_numpy(zero_copy_only=False)
    _, inverse, counts = np.unique(flat, return_inverse=True, return_counts=True)
    numbers = np.where(counts > 1, np.cumsum(counts > 1) - 1, -1)
    return numbers[inverse].reshape(rows, -1).astype(np.int64), int((counts > 1).sum())


def run(task: dict[str, Any]) -> dict[str, Any]:
    """Task: cluster the documents of one bucket (folder `in`) and write NEAR to the file `out`."""
    fs, inner = storage.filesystem(task["in"])
    table = pads.dataset(inner, filesystem=fs, format="parquet").to_table()
    near, tally = cluster(table, task["threshold"], representative=task["representative"], limit=task["limit"])
    with storage.atomic(task["out"]) as temporary:
        pq.write_table(near, temporary, compression="zstd")
    compared, similar, refused = tally.tolist()
    return {"documents": len(table), "compared": compared, "similar": similar, "refused": refused}
