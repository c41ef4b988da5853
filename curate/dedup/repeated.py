"""From windows of words to LOST: which runs stand elsewhere, in tasks on files, whatever the engine.

1. *split*: the windows of each file of keys, by the leading bits of their hash into partitions, a row group each;
2. *meet*: each partition reads its row group of every file; of windows that occur more than once, the place with the smallest
   (rank, doc, pos) owns it, and all others are lost, by shard;
3. *join*: each shard reads what its documents lost and own, and covers the words of lost windows by few runs, each of which
   stands at one place of one owner. Words of a window that its document owns stay, so that each window stays whole somewhere.

Windows are 36 bytes in memory; a partition is at most about `PARTITION` windows, unless one window occurs more often than that,
and a task holds the windows of a file of keys, a partition, or the removals of a shard. All of it is linear in the corpus.
"""

import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from curate.corpus.shards import FACTS, opened
from curate.dedup import index
from curate.dedup.base import REMOVALS
from curate.dedup.tables import summed, timed
from curate.files import storage
from curate.filters.jit import Array, compiled_like_numpy

if TYPE_CHECKING:
    from curate.dedup.substrings import Substrings
    from curate.engine.session import Session

GROUPS = b"curate.groups"
PARTITION = 4_000_000
I64 = npt.NDArray[np.int64]
FLAT = pa.schema(
    [
        pa.field("hi", pa.int64()),
        pa.field("lo", pa.int64()),
        pa.field("rank", pa.int64()),
        pa.field("doc", pa.int64()),
        pa.field("pos", pa.int32()),
        pa.field("size", pa.int16()),
    ]
)
"""A window: hash, rank and document that has it, its first word and how many it has."""
WINDOWS_REMOVED = pa.schema(
    [
        pa.field("doc", pa.int64()),
        pa.field("pos", pa.int32()),
        pa.field("size", pa.int16()),
        pa.field("survivor", pa.int64()),
        pa.field("place", pa.int32()),
    ]
)
"""A window that is lost: where it stood, and where it stays. One that is owned stays, and its `place` is OWNED."""
OWNED = -1


def resolve(s: "Session", step: "Substrings", keys: str, out: str, shards: int) -> dict[str, object]:
    """Run the stages over the folder `keys` and write LOST to `out`; returns facts for the ledger."""
    work, seconds = f"{out}.work", dict[str, float]()
    earlier = index.earlier(s, step, keys, f"{work}/against")
    files = [path for folder in (keys, *earlier) for path in storage.list_files(folder, ".parquet")]
    held = sum(_windows_of(path) for path in files)
    partitions = max(1, -(-held // PARTITION))
    with timed(seconds, "split"):
        splits = [SplitTask(path, f"{work}/split/{n:06d}.parquet", partitions) for n, path in enumerate(files)]
        windows = summed(s, split, splits)["windows"]
    with timed(seconds, "meet"):
        names = tuple(task.out for task in splits)
        meets = [MeetTask(names, n, f"{work}/met/{n:06d}.parquet", shards) for n in range(partitions)]
        met = summed(s, meet, meets)
    with timed(seconds, "join"):
        names = tuple(task.out for task in meets)
        joins = [JoinTask(names, n, f"{out}/shard={n}/runs.parquet", f"{work}/joined/{n}") for n in range(shards)]
        cut = summed(s, join, joins)
    storage.remove(work)
    return {
        "windows": windows,
        "repeated": met["repeated"],
        "lost_windows": met["lost"],
        "runs": cut["runs"],
        "words": cut["words"],
        "documents_cut": cut["documents"],
        "partitions": partitions,
        "parameters": dict(step.key_parameters()),
        "seconds": seconds,
    }


def _windows_of(path: str) -> int:
    """Windows in a file of keys, from its footer."""
    with opened(path) as file:
        leaves = [file.schema.column(k).path for k in range(len(file.schema.names))]
        column = next(k for k, name in enumerate(leaves) if name.startswith("hi."))
        groups = range(file.metadata.num_row_groups)
        return sum(file.metadata.row_group(g).column(column).num_values for g in groups)


@dataclass(frozen=True, slots=True)
class SplitTask:
    """A file of keys, and into how many partitions."""

    source: str
    out: str
    partitions: int


@dataclass(frozen=True, slots=True)
class Split:
    """Windows."""

    windows: int


def split(task: SplitTask) -> Split:
    """Task: write the windows of a file by partition, a row group each, to `out`."""
    with opened(task.source) as file:
        tables = [flat(pa.Table.from_batches([batch])) for batch in file.iter_batches(1024)]
    table = pa.concat_tables([FLAT.empty_table(), *tables])
    part = partition(table["hi"].to_numpy(), task.partitions)
    ends = np.concatenate([[0], np.cumsum(np.bincount(part, minlength=task.partitions))])
    # 16 bits are sorted in one pass over them; and once for all, as `take` puts the chunks of a table together at each call
    order = np.argsort(part.astype(np.uint16) if task.partitions <= 1 << 16 else part, kind="stable")
    columns = dict[str, pa.Array]()
    for name in FLAT.names:  # one after the other: a second table is never there whole
        columns[name] = pa.array(table[name].to_numpy()[order])
        table = table.drop_columns(name)
    ordered = pa.table(columns, FLAT)
    groups = (ordered.slice(a, b - a) for a, b in itertools.pairwise(ends))
    found = Split(len(ordered))
    _write(task.out, FLAT, groups, asdict(found))
    return found


def _write(out: str, schema: pa.Schema, groups: Iterable[pa.Table], facts: dict[str, int]) -> None:
    """Write tables as a row group each; which of them have rows stands in the metadata `groups`."""
    there = []
    with (
        storage.atomic(out) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd", use_dictionary=False, write_statistics=False) as writer,
    ):
        for number, table in enumerate(groups):
            if len(table):
                writer.write_table(table, row_group_size=len(table))
                there.append(number)
        writer.add_key_value_metadata({FACTS: json.dumps(facts).encode(), GROUPS: json.dumps(there).encode()})


def _group(path: str, number: int) -> pa.Table | None:
    """A table of those that were written to a file; None where it has no rows."""
    with opened(path) as file:
        there = json.loads(file.metadata.metadata[GROUPS])
        return file.read_row_group(there.index(number)) if number in there else None


def _of_all(paths: Sequence[str], number: int, schema: pa.Schema) -> pa.Table:
    found = [table for path in paths if (table := _group(path, number)) is not None]
    return pa.concat_tables([schema.empty_table(), *found])


def flat(keys: pa.Table) -> pa.Table:
    """Rows of `substrings.WINDOWS` as rows of FLAT."""
    from curate.dedup.verify import flat as values

    hi, ends = values(keys["hi"])
    lengths = np.diff(ends, prepend=0)
    starts = np.repeat(ends - lengths, lengths)
    rank, doc = (np.repeat(keys[name].to_numpy(), lengths) for name in ("rank", "doc"))
    columns = [
        hi,
        values(keys["lo"])[0],
        rank,
        doc,
        (np.arange(len(hi)) - starts).astype(np.int32),
        values(keys["sizes"])[0],
    ]
    return pa.table([pa.array(c) for c in columns], schema=FLAT)


def partition(hi: I64, partitions: int) -> I64:
    """The partition of each hash: its upper 32 bits as a share of all."""
    upper = hi.view(np.uint64) >> np.uint64(32)
    found: I64 = (upper * np.uint64(partitions) >> np.uint64(32)).astype(np.int64)
    return found


@dataclass(frozen=True, slots=True)
class MeetTask:
    """A partition of the windows in `sources`, and the number of shards of those that lose."""

    sources: tuple[str, ...]
    number: int
    out: str
    shards: int


@dataclass(frozen=True, slots=True)
class Met:
    """Different windows that occur more than once, and places that lose one."""

    repeated: int
    lost: int


def meet(task: MeetTask) -> Met:
    """Task: who loses which window to whom in one partition, to `out`, a row group a shard."""
    removals, repeated = removed(_of_all(task.sources, task.number, FLAT))
    lost = len(removals) - int(owned(removals).sum())
    shard = (removals["doc"].to_numpy().view(np.uint64) >> np.uint64(32)) * np.uint64(task.shards) >> np.uint64(32)
    order = np.argsort(shard, kind="stable")
    ends = np.searchsorted(shard[order], np.arange(task.shards + 1))
    found = Met(repeated, lost)
    groups = (removals.take(pa.array(order[a:b])) for a, b in itertools.pairwise(ends))
    _write(task.out, WINDOWS_REMOVED, groups, asdict(found))
    return found


def removed(windows: pa.Table) -> tuple[pa.Table, int]:
    """Rows of WINDOWS_REMOVED from rows of FLAT: all places of repeated windows, of which the first owns it; and how many windows
    are repeated.

    Documents of before (their ranks are negative) lose nothing, and what they own needs no row.
    """
    hi = windows["hi"].to_numpy()
    order = np.argsort(hi, kind="stable")
    same = np.diff(hi[order]) == 0
    wanted = np.zeros(len(hi), np.bool_)
    wanted[order[1:][same]] = wanted[order[:-1][same]] = True
    some = windows.filter(pa.array(wanted))  # most windows occur once: the rest is sorted by all columns
    columns = {name: some[name].to_numpy() for name in FLAT.names}
    order = np.lexsort([columns[name] for name in ("pos", "doc", "rank", "lo", "hi")])
    columns = {name: column[order] for name, column in columns.items()}
    new = np.ones(len(order), np.bool_)
    new[1:] = (np.diff(columns["hi"]) != 0) | (np.diff(columns["lo"]) != 0)
    firsts = np.flatnonzero(new)
    owner = firsts[np.cumsum(new) - 1] if len(order) else firsts
    counts = np.diff(np.append(firsts, len(order)))
    repeated = np.repeat(counts > 1, counts)
    rows = np.flatnonzero(repeated & (columns["rank"] >= 0))
    found = [columns[name][rows] for name in ("doc", "pos", "size")]
    # An owner of before may have the number of a new document, so that the place alone tells what is owned.
    found += [columns["doc"][owner[rows]], np.where(owner[rows] == rows, OWNED, columns["pos"][owner[rows]])]
    return pa.table([pa.array(c) for c in found], schema=WINDOWS_REMOVED), int((counts > 1).sum())


@dataclass(frozen=True, slots=True)
class JoinTask:
    """What the documents of a shard lost in all partitions."""

    sources: tuple[str, ...]
    number: int
    lost: str
    """File for LOST; none where nothing is lost."""
    out: str


@dataclass(frozen=True, slots=True)
class Joined:
    """Runs that are cut, their words, and the documents that they are cut from."""

    runs: int
    words: int
    documents: int


def join(task: JoinTask) -> Joined:
    """Task: the lost windows of a shard as runs, to `lost`; its facts to `out`."""
    table = runs(_of_all(task.sources, task.number, WINDOWS_REMOVED))
    found = Joined(len(table), int(table["value"].to_numpy().sum()), len(np.unique(table["doc"].to_numpy())))
    if len(table):
        with storage.atomic(task.lost) as temporary:
            pq.write_table(table, temporary, compression="zstd")
    _write(task.out, REMOVALS, [], asdict(found))
    return found


def owned(removals: pa.Table) -> npt.NDArray[np.bool_]:
    """Which windows stay where they stand."""
    found: npt.NDArray[np.bool_] = removals["place"].to_numpy() == OWNED
    return found


def runs(removals: pa.Table) -> pa.Table:
    """Windows of WINDOWS_REMOVED as runs (doc, pos, survivor, value, place): `value` is the number of words; runs do not overlap, and
    `place` is the word of the survivor where the run stands."""
    stays = owned(removals)
    doc, pos, size, survivor, place = (removals[name].to_numpy().astype(np.int64) for name in WINDOWS_REMOVED.names)
    order = np.lexsort([pos, doc])
    lost, kept = order[~stays[order]], order[stays[order]]
    found = np.empty((len(order), 5), np.int64)  # a run ends where a lost window does, or where an owned one begins
    count = _runs(
        doc[lost],
        pos[lost],
        size[lost],
        survivor[lost],
        place[lost],
        doc[kept],
        pos[kept],
        pos[kept] + size[kept],
        found,
    )
    docs, starts, sizes, survivor_ids, places = found[:count].T
    columns = [docs, starts.astype(np.int32), survivor_ids, sizes.astype(np.float64), places.astype(np.int32)]
    return pa.table([pa.array(c) for c in columns], names=["doc", "pos", "survivor", "value", "place"])


@compiled_like_numpy
def _runs(
    doc: Array,
    pos: Array,
    size: Array,
    survivor: Array,
    place: Array,
    own_doc: Array,
    own_pos: Array,
    own_end: Array,
    found: Array,
) -> int:
    """Cover the words of lost windows but for those of owned ones. Both are in order of document and word, and of two windows
    of a document the later one ends no earlier; from each word on the run is that of the window that reaches furthest."""
    count, i, own, end = 0, 0, 0, -1
    while i < len(doc):
        start = max(pos[i], end)
        while own < len(own_doc) and (own_doc[own] < doc[i] or (own_doc[own] == doc[i] and own_pos[own] <= start)):
            if own_doc[own] == doc[i]:
                start = max(start, own_end[own])
            own += 1
        while i + 1 < len(doc) and doc[i + 1] == doc[i] and pos[i + 1] <= start:
            i += 1
        stop = pos[i] + size[i]
        if own < len(own_doc) and own_doc[own] == doc[i]:
            stop = min(stop, own_pos[own])
        end = start
        if start < stop:
            at, last = place[i] + start - pos[i], count - 1
            joins = count > 0 and found[last, 0] == doc[i] and found[last, 1] + found[last, 2] == start
            if joins and found[last, 3] == survivor[i] and found[last, 4] + found[last, 2] == at:
                found[last, 2] += stop - start
            else:
                found[count, 0], found[count, 1], found[count, 2] = doc[i], start, stop - start
                found[count, 3], found[count, 4] = survivor[i], at
                count += 1
            end = stop
        if end >= pos[i] + size[i]:
            i += 1
            if i < len(doc) and doc[i] != doc[i - 1]:
                end = -1
    return count
