"""The last task of a shard: sort it into the order of the shuffle, write it, count what was written."""

from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.corpus.shards import ShardWriter, read_checked, read_written
from curate.files import storage
from curate.mixing.draw import DRAWN, KEPT_BACK
from curate.run.exchange import between
from curate.tokens import pack

HELD_OUT = pa.schema([KEPT_BACK.field(name) for name in ("source", "id", "text", "tokens")])
IN_ORDER = [(name, "ascending") for name in ("place", "source", "id", "epoch", "text")]
"""Place alone orders nearly everything; the rest settles what shares an id."""


def published(*, counted: bool) -> pa.Schema:
    """Columns of a mixture: source, epoch, id, text, and tokens where a tokenizer counted."""
    names = ["source", "epoch", "id", "text", *(["tokens"] if counted else [])]
    return pa.schema([DRAWN.field(name) for name in names])


def finish_shard(task: dict[str, Any]) -> dict[str, Any]:
    """Write one shard of the mixture (and its tokens where asked) and count it from the written file. In a
    worker.

    Gives {"sources": {name: {"rows", "tokens", "bytes", "epochs"}}, "content"}: rows by epoch, so that repeats are
    counted.
    """
    schema = published(counted=bool(task["tokenizer"]))
    if not storage.exists(task["out"]):
        table = between(task["in"], task["files"], "shard", task["shard"], task["shard"] + 1, DRAWN)
        with ShardWriter(task["out"], schema) as writer:
            writer.write(table.take(pc.sort_indices(table, IN_ORDER)).select(schema.names))
    facts: dict[str, Any] = {"out": task["out"], "sources": recount(task["out"])}
    facts["content"] = read_written(task["out"]).content.to_dict()
    if task["packed"]:
        batches = read_checked(task["out"], ["id", "text", "source", "epoch"], pack.BATCH)
        facts["packed"] = pack.write_part(task["packed"], batches, task)
    facts["rows"] = sum(one["rows"] for one in facts["sources"].values())
    return facts


def recount(path: str) -> dict[str, dict[str, Any]]:
    """Rows, tokens, bytes and rows by epoch of each source in a written shard. Raises BalanceError when it does not hold
    the rows that were written there."""
    fs, inner = storage.filesystem(path)
    counted = "tokens" in pq.read_schema(inner, filesystem=fs).names
    found: dict[str, dict[str, Any]] = {}
    for batch in read_checked(path, ["source", "epoch", "id", "text", *(["tokens"] if counted else [])], rows=8192):
        sizes = pc.binary_length(batch.column("text")).cast(pa.int64())
        tokens = batch.column("tokens") if counted else pa.array([0] * batch.num_rows, pa.int64())
        table = pa.table([batch.column("source"), batch.column("epoch"), tokens, sizes], ["s", "e", "t", "b"])
        sums = table.group_by(["s", "e"]).aggregate([([], "count_all"), ("t", "sum"), ("b", "sum")])
        for row in sums.to_pylist():
            entry = found.setdefault(row["s"], {"rows": 0, "tokens": 0, "bytes": 0, "epochs": Counter()})
            entry["rows"] += row["count_all"]
            entry["tokens"] += row["t_sum"]
            entry["bytes"] += row["b_sum"]
            entry["epochs"][str(row["e"])] += row["count_all"]
    return {name: {**entry, "epochs": dict(sorted(entry["epochs"].items()))} for name, entry in sorted(found.items())}


def write_held_out(task: dict[str, Any]) -> dict[str, Any]:
    """Write the held-out documents of one source in the order of their numbers: any beginning of the file is
    a sample."""
    batches = (batch for path in task["parts"] for batch in read_checked(path))
    table = pa.Table.from_batches(batches, KEPT_BACK).combine_chunks()
    order = pc.sort_indices(table, [(name, "ascending") for name in ("place", "id", "text")])
    with ShardWriter(task["out"], HELD_OUT) as writer:
        writer.write(table.take(order).select(HELD_OUT.names))
    size = pc.sum(pc.binary_length(table["text"])).as_py() or 0
    return {"source": task["source"], "out": task["out"], "rows": table.num_rows, "bytes": int(size)}
