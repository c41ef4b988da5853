"""Bytes that MinHash moves between tasks, by table, from Spark's own event log.

    python -m benchmarks.dedup_shuffle [--documents 100000]

Runs the resolution on local Spark over the documents of `dedup_scale` and adds up "Shuffle Bytes Written" of all tasks, by
the table that the query writes. What is needed at the least is a key and a name of 8 bytes each a band.
"""

import argparse
import json
import os
import re
import tempfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.dedup_scale import BANDS, CHUNK, STEP, ids, ordinary
from curate.engine.session import session


def shuffled(logs: Path) -> Counter[str]:
    """Bytes written to shuffles by the table that the query wrote, from the event logs in a folder."""
    table, execution, stage_of, found = dict[int, str](), dict[int, int](), dict[int, int](), Counter[str]()
    events = [json.loads(line) for path in sorted(logs.rglob("*")) if path.is_file() for line in path.open()]
    for event in events:
        kind = event["Event"]
        if kind.endswith("SQLExecutionStart"):
            target = re.search(r"/([\w-]+)\.tmp-[0-9a-f]+", event["physicalPlanDescription"])
            table[event["executionId"]] = target.group(1) if target else "counts and samples"
        elif kind == "SparkListenerJobStart":
            execution[event["Job ID"]] = int(event["Properties"].get("spark.sql.execution.id", -1))
            stage_of.update({stage: event["Job ID"] for stage in event["Stage IDs"] if stage not in stage_of})
        elif kind == "SparkListenerTaskEnd" and event.get("Task Metrics"):
            written = event["Task Metrics"]["Shuffle Write Metrics"]["Shuffle Bytes Written"]
            found[table.get(execution[stage_of[event["Stage ID"]]], "other")] += written
    return found


def main() -> None:
    """Parse the command line, run, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="curate-shuffle-") as name:
        home = Path(name)
        (home / "keys").mkdir()
        (home / "log").mkdir()
        for number, first in enumerate(range(0, options.documents, CHUNK)):
            count = min(CHUNK, options.documents - first)
            batch = pa.RecordBatch.from_arrays([ids(first, count), ordinary(first, count)], ["id", "text"])
            pq.write_table(STEP.keys(batch), home / "keys" / f"{number}.parquet", compression="zstd")
        settings = {"enabled": "true", "dir": f"file://{home}/log", "compress": "false", "rolling.enabled": "false"}
        words = [f"--conf spark.eventLog.{key}={value}" for key, value in settings.items()]
        os.environ["PYSPARK_SUBMIT_ARGS"] = " ".join([*words, "pyspark-shell"])
        with session("shuffle", engine="spark", cores=2) as s:
            facts = STEP.resolve(s, str(home / "keys"), str(home / "lost"), 16)
        found = shuffled(home / "log")
    n = options.documents
    print(f"{n:,} documents, {BANDS} bands, {facts['candidates']:,} edges, {facts['candidate_documents']:,} candidates")
    print("| table | bytes shuffled | bytes a document |\n|---|--:|--:|")
    for table, size in found.most_common():
        print(f"| {table} | {size:,} | {size / n:.1f} |")
    print(f"| all | {found.total():,} | {found.total() / n:.1f} |")
    print(f"the least for the bands: {16 * BANDS} bytes a document")


if __name__ == "__main__":
    main()
