"""Draw the documents of one source file: a row for each time a document is drawn, with its place in the
shuffle.

The place is a number of its own (hash of seed, source, id and epoch): its upper bits name the shard, all of
it the order within the shard. So the shuffle is global, and neither files nor cores nor partitions have a
part in it.
"""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.corpus.shards import ShardWriter, read_written
from curate.errors import InputError
from curate.files import storage
from curate.mixing.counts import Amounts, read_amounts
from curate.mixing.hashing import DRAW, HELD_OUT, ORDER, U64, below, document_keys, held_out, numbers
from curate.mixing.sources import Source, read

DRAWN = pa.schema(
    [
        pa.field("shard", pa.int32(), nullable=False),
        pa.field("place", pa.int64(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("epoch", pa.int32(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("tokens", pa.int64(), nullable=False),
    ]
)
RUNS = ("shard", "place")
"""How rows are sorted in what `draw_file` writes, for the exchange."""
SIGN = np.uint64(1 << 63)
"""Turns the order of unsigned into that of signed numbers: engines have no unsigned ones."""
KEPT_BACK = pa.schema([field for field in DRAWN if field.name not in ("shard", "epoch")])


def draw_file(task: dict[str, Any]) -> dict[str, Any]:
    """Write the drawn rows (`out`) and the held-out rows (`held_out_file`) of one file. Runs in a worker.

    Gives {"file", "source", "records", "skipped", "held_out", "contaminated", "drawn", "rows", "out", "content"}; the
    same facts stand in the written file, which is not made again when it is there. Raises InputError when the file
    changed since it was counted.
    """
    if storage.exists(task["out"]):
        found = read_written(task["out"])
        return {**found.facts, "out": task["out"], "content": found.content.to_dict()}
    source = Source(task["source"], "", (task["file"],), task["text_column"], task["id_column"])
    counted = read_amounts(task["counts"], task["contamination"])
    skipped: Counter[str] = Counter()
    facts: Counter[str] = Counter()
    with (
        ShardWriter(task["out"], DRAWN, scratch=True, runs=RUNS) as out,
        ShardWriter(task["held_out_file"], KEPT_BACK) as kept,
    ):
        start = 0
        for batch in read(source, task["file"], skipped):
            part = counted.slice(start, start + batch.num_rows)
            start += batch.num_rows
            _same_documents(batch, part, task)
            _draw_batch(batch, part, task, out, kept, facts)
        if start != len(counted.key):
            raise InputError(_changed(task))
        out.facts = {
            "file": task["file"],
            "source": task["source"],
            "records": start + sum(skipped.values()),
            "skipped": {kind: number for kind, number in sorted(skipped.items()) if number},
            **{name: facts[name] for name in ("held_out", "contaminated", "drawn", "rows")},
        }
    return {**out.facts, "out": task["out"], "content": out.content.to_dict()}


def _same_documents(batch: pa.RecordBatch, part: Amounts, task: dict[str, Any]) -> None:
    keys = document_keys(batch.column("id").to_pylist())
    if len(keys) != len(part.key) or bool((keys != part.key).any()):
        raise InputError(_changed(task))


def _changed(task: dict[str, Any]) -> str:
    return f"{task['file']} changed after it was counted; start again"


def _draw_batch(
    batch: pa.RecordBatch,
    part: Amounts,
    task: dict[str, Any],
    out: ShardWriter,
    kept: ShardWriter,
    facts: Counter[str],
) -> None:
    back = held_out(part.key, task["held_out"])
    free = ~back & ~part.contaminated
    times = _times(part.key, task, free)
    facts["held_out"] += int(back.sum())
    facts["contaminated"] += int((~back & part.contaminated).sum())
    facts["drawn"] += int((times > 0).sum())
    facts["rows"] += int(times.sum())
    for epoch in range(int(times.max(initial=0))):
        chosen = np.flatnonzero(times > epoch)
        places = numbers(part.key[chosen], ORDER, task["seed"], task["source"], epoch)
        out.write(_rows(batch, part, chosen, task, places, epoch))
    shown = np.flatnonzero(back & held_out(part.key, task["held_out_shown"]))
    places = numbers(part.key[shown], HELD_OUT, 0, "", 0)
    kept.write(_rows(batch, part, shown, task, places, 0))


def _times(keys: U64, task: dict[str, Any], free: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How often each document is drawn: floor or ceil of the epochs that were asked for."""
    whole, threshold = task["whole"], int(task["threshold"], 16)
    values = numbers(keys, DRAW, task["seed"], task["source"], whole)
    partly = below(values, threshold)
    for extra in task["extra"]:
        partly |= values == np.uint64(int(extra, 16))
    return np.where(free, whole + partly.astype(np.int64), 0)


def _rows(
    batch: pa.RecordBatch, part: Amounts, chosen: NDArray[np.int64], task: dict[str, Any], places: U64, epoch: int
) -> pa.Table:
    count = len(chosen)
    taken = batch.take(pa.array(chosen))
    shards = (places >> np.uint64(32)) * np.uint64(task["shards"]) >> np.uint64(32)
    columns = [
        pa.array(shards.astype(np.int32)),
        pa.array((places ^ SIGN).view(np.int64)),
        pa.array([task["source"]] * count, pa.string()),
        pa.array(np.full(count, epoch, np.int32)),
        taken.column("id").cast(pa.string()),
        taken.column("text").cast(pa.string()),
        pa.array(part.tokens[chosen]),
    ]
    return pa.table(columns, schema=DRAWN)
