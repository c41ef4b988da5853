"""datatrove's four MinHash stages over a JSON-lines file, for `dedup_quality` and `dedup_job`. Runs in a venv of its own:

    DATATROVE_PYTHON benchmarks/dedup_datatrove.py input.jsonl work/ bands rows tasks > result.json

Prints {"seconds": {stage: s}, "clusters": {id: cluster}, "kept": n}.
"""

import glob
import gzip
import json
import os
import shutil
import sys
import time

from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers.jsonl import JsonlWriter
from datatrove.utils.hashing import HashConfig


def main(source: str, work: str, bands: int, rows: int, tasks: int) -> None:
    shutil.rmtree(work, ignore_errors=True)
    config = MinhashConfig(hash_config=HashConfig(precision=64), num_buckets=bands, hashes_per_bucket=rows, n_grams=5)
    reader = JsonlReader(source, glob_pattern="*.jsonl", id_key="id")
    part = {name: f"{work}/{name}" for name in ("signatures", "buckets", "remove", "kept", "removed", "logs")}
    ids = {"save_cluster_id": True}
    stages = {
        "signature": ([reader, MinhashDedupSignature(part["signatures"], config)], tasks),
        "buckets": ([MinhashDedupBuckets(part["signatures"], part["buckets"], config=config)], bands),
        "cluster": ([MinhashDedupCluster(part["buckets"], part["remove"], config=config, **ids)], 1),
        "filter": (
            [
                reader,
                MinhashDedupFilter(
                    part["remove"], load_cluster_ids=True, exclusion_writer=JsonlWriter(part["removed"])
                ),
                JsonlWriter(part["kept"]),
            ],
            tasks,
        ),
    }
    seconds = {}
    for name, (pipeline, count) in stages.items():
        started = time.monotonic()
        LocalPipelineExecutor(
            pipeline,
            tasks=count,
            workers=min(count, int(os.environ.get("WORKERS", "1"))),
            logging_dir=f"{part['logs']}/{name}",
        ).run()
        seconds[name] = time.monotonic() - started
    clusters, kept = {}, 0
    for folder in ("kept", "removed"):
        for path in glob.glob(f"{part[folder]}/*.gz"):
            with gzip.open(path, "rt") as lines:
                for line in lines:
                    row = json.loads(line)
                    kept += folder == "kept"
                    cluster = row.get("metadata", {}).get("minhash_cluster_id")
                    if cluster is not None and cluster != -1:
                        clusters[row["id"]] = cluster
    print(json.dumps({"seconds": seconds, "clusters": clusters, "kept": kept}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *(int(value) for value in sys.argv[3:6]))
