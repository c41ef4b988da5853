"""Comparing with what was there before: another corpus (`against`), or all that earlier runs kept (`index`).

Both are tables like the keys of this run, whose ranks are negative: (rank - 2^63) of what they were. So every document
of before wins over every new one, and never loses anything.

An index is a folder: `parameters.json`, and a folder of Parquet files for each run, named by a digest of the run's
documents. A run that is repeated (or resumed) leaves its own entry out, so it does not find itself.
"""

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate import storage
from curate.dedup.tables import count
from curate.errors import InputError, UsageError

if TYPE_CHECKING:
    from curate.engine import Session

FIXED = ("ngram", "seed", "verify", "fold", "rule", "sentences")
"""Parameters of a step that change its keys."""
ODD = np.uint64(0x9E3779B97F4A7C15)


def parameters(step: Any) -> dict[str, Any]:
    """What the keys of a step depend on: keys made with other parameters can't be compared."""
    found = {name: value for name, value in asdict(step).items() if name in FIXED}
    if hasattr(step, "banding"):
        found["bands"], found["rows"] = step.banding()
    return {"step": type(step).__name__, **found}


def earlier(s: "Session", step: Any, keys: str, work: str) -> list[str]:
    """Folders of keys with negative ranks to compare with, made if need be (in `work`)."""
    folders = []
    if step.against:
        folders.append(keys_of_corpus(s, step, step.against, work))
    if step.index and storage.exists(storage.join(step.index, "parameters.json")):
        _check_parameters(step)
        own = run_name(keys)
        runs = json.loads(storage.read_bytes(storage.join(step.index, "runs.json")))
        folders.extend(storage.join(step.index, name) for name in runs if name != own)
    return [folder for folder in folders if count(folder)]


def _check_parameters(step: Any) -> None:
    path = storage.join(step.index, "parameters.json")
    stored = json.loads(storage.read_bytes(path))
    wanted = parameters(step)
    if stored != wanted:
        names = sorted(name for name in {*stored, *wanted} if stored.get(name) != wanted.get(name))
        told = ", ".join(f"{name} {stored.get(name)} instead of {wanted.get(name)}" for name in names)
        raise UsageError(f"{step.index} was made with {told}: take another --index, or those parameters")


def run_name(keys: str) -> str:
    """A digest of the documents in the folder `keys`, whatever their order and files."""
    total, rows = 0, 0
    for path in storage.list_files(keys, ".parquet"):
        fs, inner = storage.filesystem(path)
        with pq.ParquetFile(inner, filesystem=fs) as file:
            for batch in file.iter_batches(columns=["doc"]):
                docs = batch.column(0).to_numpy().view(np.uint64)
                total = (total + int(np.add.reduce((docs ^ docs >> np.uint64(29)) * ODD))) % 2**64
                rows += len(docs)
    return hashlib.blake2b(f"{rows} {total}".encode(), digest_size=8).hexdigest()


def remember(s: "Session", step: Any, keys: str, lost: Any, on: list[str]) -> None:
    """Add to the index what this run keeps: its keys without the rows whose `on` stands in the frame `lost` (or None)."""
    if not step.index:
        return
    from pyspark.sql import functions as F

    name = run_name(keys)
    rows = s.read(keys)
    if lost is not None:
        rows = rows.join(lost.select(*on).distinct(), on, "left_anti")
    s.write(rows.withColumn("rank", F.col("rank") - F.lit(2**62) - F.lit(2**62)), storage.join(step.index, name))
    path = storage.join(step.index, "runs.json")
    runs = json.loads(storage.read_bytes(path)) if storage.exists(path) else []
    storage.write_text(path, json.dumps([*(run for run in runs if run != name), name], indent=1) + "\n")
    storage.write_text(storage.join(step.index, "parameters.json"), json.dumps(parameters(step), indent=1) + "\n")


def keys_of_corpus(s: "Session", step: Any, corpus: str, out: str) -> str:
    """Write the keys of a corpus (its `data/`, or a folder of Parquet files) with negative ranks to the folder `out`."""
    data = storage.join(corpus, "data")
    files = storage.list_files(data if storage.exists(data) else corpus, ".parquet")
    if not files:
        raise InputError(f"{corpus}: no Parquet files in it or in its data/: --against takes a corpus")
    outs = [storage.join(out, f"{number:05d}.parquet") for number in range(len(files))]
    kind = f"{type(step).__module__}:{type(step).__qualname__}"
    own = {**asdict(step), "against": "", "index": ""}
    tasks = [{"in": a, "out": b, "step": kind, "parameters": own} for a, b in zip(files, outs, strict=True)]
    todo = [task for task, name in zip(tasks, outs, strict=True) if not storage.exists(name)]
    for _ in s.run(f"{__name__}:write_keys", todo):
        pass
    return out


def write_keys(task: dict[str, Any]) -> dict[str, Any]:
    """Task: the keys of one file of documents, with negative ranks."""
    from curate import workers

    kind: Any = workers.function(task["step"])
    step = kind(**task["parameters"])
    fs, inner = storage.filesystem(task["in"])
    rows = 0
    with storage.atomic(task["out"]) as temporary, pq.ParquetFile(inner, filesystem=fs) as file:
        empty = step.keys(pa.RecordBatch.from_pylist([], schema=file.schema_arrow))
        with pq.ParquetWriter(temporary, empty.schema, compression="zstd") as writer:
            for batch in file.iter_batches(batch_size=1024):
                keys = step.keys(batch)
                rank = keys.schema.get_field_index("rank")
                old = pa.array(keys["rank"].to_numpy() + np.int64(-(2**63)))
                writer.write_table(keys.set_column(rank, "rank", old))
                rows += len(keys)
    return {"keys": rows}
