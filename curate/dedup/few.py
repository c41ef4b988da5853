"""An election over few keys, in this process: the embedded engine takes a second to start, and this a hundredth of that.

`keep_first.elect` holds it where the engine is on this machine; for more keys, and on clusters, it asks the engine. Both
write the same rows of LOST and tell the same facts.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.corpus.shards import opened
from curate.dedup.base import REMOVALS
from curate.engine.memory import give_back
from curate.files import storage

MOST_KEYS = 1 << 20
"""Keys that are few: a tenth of a gigabyte at the peak."""
COLUMNS = ("shard", "doc", "pos", "survivor", "value")
LARGEST = 10
"""Groups that the facts name."""
Numbers = npt.NDArray[np.int64]


class Group(NamedTuple):
    """A repeated key."""

    survivor: int
    copies: int


class Found(NamedTuple):
    """The rows of LOST, the repeated keys by the power of two that their copies reach (power, keys, copies), the largest ones."""

    lost: pa.Table
    bins: list[tuple[int, int, int]]
    largest: list[Group]


def elect(
    folders: Sequence[str], names: Sequence[str], shards: int, *, keep_one: bool, owners: bool, owner_value: float
) -> Found:
    """The election over the rows `names` (keep_first.KEYS) of some folders; see `keep_first.elect`."""
    columns = _read(folders, names)
    give_back()
    hi, lo = columns["hi"], columns["lo"]
    order = np.lexsort((lo, hi))
    new = np.ones(len(order), np.bool_)
    new[1:] = (np.diff(hi[order]) != 0) | (np.diff(lo[order]) != 0)
    starts = np.flatnonzero(new)
    sizes = np.diff(np.append(starts, len(order)))
    order = order[np.repeat(sizes > 1, sizes)]  # what is repeated, key by key
    sizes = sizes[sizes > 1]
    starts = np.cumsum(sizes) - sizes
    del hi, lo
    for name in names:  # one after the other: old and new ones side by side take twice the memory
        columns[name] = columns[name][order]
    hi, lo, rank, doc, pos, again = (columns[name] for name in ("hi", "lo", "rank", "doc", "pos", "again"))
    if not len(order):
        none = np.zeros(0, np.int64)
        return Found(_table(none, none, none, none, np.zeros(0), keep_one=keep_one), [], [])
    first = (rank == np.repeat(np.minimum.reduceat(rank, starts), sizes)) & ~again
    survivor = np.minimum.reduceat(np.where(first, doc, np.iinfo(np.int64).max), starts)
    decided = np.logical_or.reduceat(first, starts)  # as the join of the engine has it
    owner = first & (doc == np.repeat(survivor, sizes))
    gone = (rank >= 0) & np.repeat(decided, sizes)
    if keep_one and not owners:
        gone &= ~owner
    copies = np.repeat(sizes, sizes)
    value = np.where(owner, owner_value, copies) if owners else copies.astype(np.float64)
    shard = (doc[gone].view(np.uint64) >> np.uint64(32)).astype(np.int64) * shards >> 32
    lost = _table(shard, doc[gone], pos[gone], np.repeat(survivor, sizes)[gone], value[gone], keep_one=keep_one)
    survivor, sizes, starts = survivor[decided], sizes[decided], starts[decided]
    top = np.lexsort((lo[starts], hi[starts], survivor, -sizes))[:LARGEST]
    largest = [Group(*one) for one in zip(survivor[top].tolist(), sizes[top].tolist(), strict=True)]
    return Found(lost, _bins(sizes), largest)


def _read(folders: Sequence[str], names: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    tables, columns = list[pa.Table](), dict[str, npt.NDArray[Any]]()
    for folder in folders:
        for path in storage.list_files(folder, ".parquet"):
            with opened(path) as file:
                tables.append(file.read(list(names), use_threads=False))
    for name in names:  # what was copied is let go before the next one
        columns[name] = np.concatenate([table[name].to_numpy() for table in tables])
        tables = [table.drop_columns(name) for table in tables]
    return columns


def _table(
    shard: Numbers, doc: Numbers, pos: Numbers, survivor: Numbers, value: npt.NDArray[np.float64], *, keep_one: bool
) -> pa.Table:
    columns = dict(zip(COLUMNS, (shard, doc, pos, survivor, value), strict=True))
    made = {name: pa.array(column, REMOVALS.field(name).type, safe=False) for name, column in columns.items()}
    if not keep_one:
        made["survivor"] = pa.nulls(len(doc), pa.int64())
    return pa.table(made)


def _bins(sizes: Numbers) -> list[tuple[int, int, int]]:
    powers = np.frexp(sizes.astype(np.float64))[1] - 1
    return [
        (power, int(np.count_nonzero(powers == power)), int(sizes[powers == power].sum()))
        for power in np.unique(powers).tolist()
    ]
