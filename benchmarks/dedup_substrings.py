"""Exact substring deduplication: megabytes a second, peak memory, and whether it is linear.

    python -m benchmarks.dedup_substrings [--megabytes 64 128 256 512 1024] [--unit token] [--google BINARY]

Texts of 200 words drawn like a language (Zipf over 100,000 words); one in five holds a run of 60 words of another. They are made shard
by shard (64 MiB, as in a job), and are not counted. The stages run in this process, one after the other: CPU seconds are those of
each of them, the peak is that of a fresh process a size, made texts and compiler included. With `--google` the
published tool (deduplicate-text-datasets, `dedup_dataset` built with --release) has the same texts in one file: suffix array, repeated
runs of 100 bytes, their places; CPU seconds and peak of its processes.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.dedup import Substrings
from curate.dedup.repeated import PARTITION, JoinTask, MeetTask, SplitTask, join, meet, split

SHARD, DOCUMENT, POOL = 64 << 20, 790, 20_000


def shards(megabytes: int) -> Iterator[list[str]]:
    """About so much text, a shard at a time."""
    generator = np.random.default_rng(megabytes)
    vocabulary = np.array([f"w{n:x}" for n in range(100_000)], object)
    left, pool = (megabytes << 20) // DOCUMENT, np.zeros((0, 200), np.int64)
    while left:
        count = min(left, SHARD // DOCUMENT)
        drawn = np.minimum(generator.zipf(1.2, (count, 200)) - 1, 99_999)
        pool = np.concatenate([pool, drawn])[-POOL:]
        copied = np.flatnonzero(generator.random(count) < 0.2)
        drawn[copied, 70:130] = pool[generator.integers(len(pool), size=len(copied)), 70:130]
        yield [" ".join(row) for row in vocabulary[drawn]]
        left -= count


def measured(megabytes: int, unit: str) -> None:
    """Run the stages over texts of that size and print what it took."""
    step = Substrings(unit=unit, length=50 if unit == "token" else 100)
    step.keys(pa.RecordBatch.from_pydict({"id": ["0" * 32], "text": ["a b"]}))
    size, windows, number, spent = 0, 0, 0, dict[str, float]()
    partitions = max(1, -(-(megabytes << 20) * 150 // DOCUMENT // PARTITION))

    def took(stage: str, since: float) -> None:
        spent[stage] = spent.get(stage, 0.0) + time.process_time() - since

    with tempfile.TemporaryDirectory() as folder:
        names, disk = list[str](), 0
        for n, texts in enumerate(shards(megabytes)):
            size += sum(map(len, texts))
            ids = [f"{(number + k) * 0x9E3779B97F4A7C15 % 2**64:016x}" + "0" * 16 for k in range(len(texts))]
            number += len(texts)
            keys, started = f"{folder}/keys-{n}.parquet", time.process_time()
            with pq.ParquetWriter(
                keys, step.keys(pa.RecordBatch.from_pydict({"id": [], "text": pa.array([], pa.string())})).schema
            ) as out:
                for at in range(0, len(texts), 1024):
                    batch = pa.RecordBatch.from_pydict({"id": ids[at : at + 1024], "text": texts[at : at + 1024]})
                    out.write_table(step.keys(batch))
            took("keys", started)
            started = time.process_time()
            task = SplitTask(keys, f"{folder}/split-{n}.parquet", partitions)
            windows += split(task).windows
            took("split", started)
            disk += os.path.getsize(keys) + os.path.getsize(task.out)
            os.remove(keys)
            names.append(task.out)
        started, count = time.process_time(), len(names)
        meets = [MeetTask(tuple(names), n, f"{folder}/met-{n}.parquet", count) for n in range(partitions)]
        repeated = sum(meet(task).repeated for task in meets)
        took("meet", started)
        started, met = time.process_time(), tuple(task.out for task in meets)
        runs = sum(join(JoinTask(met, n, f"{folder}/lost-{n}.parquet", f"{folder}/out-{n}")).runs for n in range(count))
        took("join", started)
    total, peak = sum(spent.values()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    stages = " | ".join(f"{spent[stage]:.1f}" for stage in ("keys", "split", "meet", "join"))
    print(
        f"| {megabytes} | {windows:,} | {repeated:,} | {runs:,} | {stages} | {total:.1f} | {size / 1e6 / total:.1f} "
        f"| {peak / 1024:.0f} | {disk / size:.2f} |",
        flush=True,
    )


def google(megabytes: int, binary: str) -> None:
    """What the published tool takes for the same texts."""
    with tempfile.TemporaryDirectory() as folder:
        text, cache, tmp = (Path(folder, name) for name in ("text", "cache", "tmp"))
        cache.mkdir()
        tmp.mkdir()
        with text.open("w", encoding="utf-8") as out:
            out.writelines("\n\n".join(texts) + "\n\n" for texts in shards(megabytes))
        size, length = text.stat().st_size, ["--length-threshold", "100"]
        common = ["--data-file", str(text)]
        steps = [["make", *common]]
        steps += [["self-similar", *common, *length, "--cache-dir", str(cache), "--num-threads", "2"]]
        steps += [["collect", *common, *length, "--cache-dir", str(cache)]]
        spent = []
        for step in steps:
            before = _children()
            done = subprocess.run([binary, *step], cwd=folder, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(done.stderr)
            spent.append(_children() - before)
        pairs = [line.split() for line in done.stdout.splitlines()]
        cut = sum(int(pair[1]) - int(pair[0]) for pair in pairs if len(pair) == 2 and "".join(pair).isdigit())
        disk = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(
        f"| {megabytes} | {cut:,} bytes cut | {' | '.join(f'{one:.1f}' for one in spent)} | {sum(spent):.1f} ", end=""
    )
    print(f"| {size / 1e6 / sum(spent):.2f} | {peak:.0f} | {disk / size:.1f} |", flush=True)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[64, 128, 256, 512, 1024])
    parser.add_argument("--unit", choices=["token", "byte"], default="token")
    parser.add_argument("--google", metavar="BINARY")
    options = parser.parse_args()
    if options.google:
        google(options.megabytes[0], options.google)
        return
    if len(options.megabytes) == 1:
        measured(options.megabytes[0], options.unit)
        return
    print(
        "| MB | windows | repeated | runs | keys | split | meet | join | CPU s | MB/s | peak MiB | bytes on disk a byte |"
    )
    print("|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|", flush=True)
    for size in options.megabytes:
        command = [sys.executable, "-m", "benchmarks.dedup_substrings", "--unit", options.unit]
        subprocess.run([*command, "--megabytes", str(size)], check=True, env=os.environ.copy())


if __name__ == "__main__":
    main()
