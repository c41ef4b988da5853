"""Exact substring deduplication: megabytes a second, peak memory, and whether it is linear.

    python -m benchmarks.dedup_substrings [--megabytes 4 8 16 32] [--unit token]

Texts of 200 words drawn like a language (Zipf over 100,000 words); one in five holds a run of 60 words of another. The stages run
in this process, one after the other: CPU seconds are those of all of it, the peak is that of a fresh process a size.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.dedup import Substrings
from curate.dedup.repeated import JoinTask, MeetTask, SplitTask, join, meet, split

SHARD = 8 << 20


def texts(megabytes: int) -> list[str]:
    """About so much text."""
    generator = np.random.default_rng(megabytes)
    vocabulary = np.array([f"w{n:x}" for n in range(100_000)])
    count = (megabytes << 20) // 1000
    drawn = np.minimum(generator.zipf(1.2, (count, 200)) - 1, 99_999)
    copied = generator.random(count) < 0.2
    for n in np.flatnonzero(copied[1:]) + 1:
        drawn[n, 70:130] = drawn[generator.integers(n), 70:130]
    return [" ".join(row) for row in vocabulary[drawn].tolist()]


def measured(megabytes: int, unit: str) -> None:
    """Run the stages over texts of that size and print what it took."""
    rows = texts(megabytes)
    size = sum(map(len, rows))
    step = Substrings(unit=unit, length=50 if unit == "token" else 100)
    ids = [f"{n * 0x9E3779B97F4A7C15 % 2**64:016x}" + "0" * 16 for n in range(len(rows))]
    step.keys(pa.RecordBatch.from_pydict({"id": ids[:1], "text": rows[:1]}))
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        files, part = [], max(1, len(rows) * SHARD // size)
        for n, first in enumerate(range(0, len(rows), part)):
            batch = pa.RecordBatch.from_pydict({"id": ids[first : first + part], "text": rows[first : first + part]})
            pq.write_table(step.keys(batch), f"{folder}/keys-{n}.parquet", compression="none", use_dictionary=False)
            files.append(
                SplitTask(f"{folder}/keys-{n}.parquet", f"{folder}/split-{n}.parquet", max(1, megabytes // 16))
            )
        disk = sum(path.stat().st_size for path in Path(folder).iterdir())
        windows = sum(split(task).windows for task in files)
        names = tuple(task.out for task in files)
        meets = [MeetTask(names, n, f"{folder}/met-{n}.parquet", 4) for n in range(files[0].partitions)]
        repeated = sum(meet(task).repeated for task in meets)
        names = tuple(task.out for task in meets)
        runs = sum(join(JoinTask(names, n, f"{folder}/lost-{n}.parquet", f"{folder}/out-{n}")).runs for n in range(4))
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"| {megabytes} | {windows:,} | {repeated:,} | {runs:,} | {seconds:.2f} | {size / 1e6 / seconds:.1f} "
        f"| {peak / 1024:.0f} ({(peak - before) / 1024:.0f}) | {disk / size:.2f} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[4, 8, 16, 32])
    parser.add_argument("--unit", choices=["token", "byte"], default="token")
    options = parser.parse_args()
    if len(options.megabytes) == 1:
        measured(options.megabytes[0], options.unit)
        return
    print(
        "| MB | windows | repeated | runs | CPU s | MB/s | peak MiB (above the texts) | bytes on disk a byte of text |"
    )
    print("|--:|--:|--:|--:|--:|--:|--:|--:|", flush=True)
    for size in options.megabytes:
        command = [
            sys.executable,
            "-m",
            "benchmarks.dedup_substrings",
            "--unit",
            options.unit,
            "--megabytes",
            str(size),
        ]
        subprocess.run(command, check=True, env=os.environ.copy())


if __name__ == "__main__":
    main()
