"""MinHash from 10^4 to 5·10^6 short documents: seconds, CPU seconds and peak memory a stage, and three skewed inputs.

    python -m benchmarks.dedup_scale [--sizes 10000 100000 1000000] [--engine sail] [--skew]

Documents of 50 words; one in eight repeats the one before it, half of those with the last word changed (similarity
0.96). 14 bands of 8 rows, verified. Each size runs in a process of its own.
"""

import argparse
import json
import math
import multiprocessing
import resource
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.dedup import MinHash, contain, minhash, verify
from curate.engine.session import session

WORDS, CHUNK, BANDS, ROWS = 50, 50_000, 14, 8
STEP = MinHash(bands=BANDS, rows=ROWS, max_cluster_share=1.0, max_host_share=1.0)


def ids(first: int, count: int) -> pa.Array:
    """Uniform hex ids, a pure function of the number (splitmix64 twice)."""
    x = np.arange(first, first + count, dtype=np.uint64)[:, None] * np.uint64(2) + np.arange(2, dtype=np.uint64)
    x = (x + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ x >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ x >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return pa.array([row.tobytes().hex() for row in x ^ x >> np.uint64(31)])


def texts(numbers: Any) -> pa.Array:
    """(n, words) numbers below 10^6 as texts of words such as `w012345`."""
    n, words = numbers.shape
    letters = np.full((n, words, 8), ord(" "), np.uint8)
    letters[:, :, 0] = ord("w")
    for digit in range(6):
        letters[:, :, 6 - digit] = 48 + numbers // 10**digit % 10
    offsets = pa.array(np.arange(0, n + 1, dtype=np.int32) * (8 * words))
    return pa.StringArray.from_buffers(n, offsets.buffers()[1], pa.py_buffer(letters.tobytes()))


def ordinary(first: int, count: int) -> pa.Array:
    numbers = np.random.default_rng(first).integers(0, 1_000_000, (count, WORDS))
    repeated = np.arange(1, count, 8)
    numbers[repeated] = numbers[repeated - 1]
    numbers[repeated[::2], -1] += 1
    return texts(numbers % 1_000_000)


def identical(first: int, count: int) -> pa.Array:
    return texts(np.tile(np.arange(WORDS), (count, 1)))


def star(first: int, count: int) -> pa.Array:
    """All similar to one text: its last word differs in each."""
    numbers = np.tile(np.arange(WORDS), (count, 1))
    numbers[:, -1] = np.arange(first, first + count) % 1_000_000
    return texts(numbers)


def chain(first: int, count: int) -> pa.Array:
    """Each shares 92 % of its shingles with the next (two of 50 words move on), nothing with one far away."""
    source = np.random.default_rng(7).integers(0, 1_000_000, 2 * (first + count) + WORDS)
    return texts(np.stack([source[2 * i : 2 * i + WORDS] for i in range(first, first + count)]))


@contextmanager
def peak() -> Iterator[list[float]]:
    """Fills [GiB]: the peak resident memory of this process (engine included) inside the block."""
    found: list[float] = []
    Path("/proc/self/clear_refs").write_text("5")
    yield found
    line = next(li for li in Path("/proc/self/status").read_text().splitlines() if li.startswith("VmHWM:"))
    found.append(int(line.split()[1]) / 2**20)


def measure(make: str, size: int, engine: str, step: MinHash, result: Any) -> None:
    folder = Path(tempfile.mkdtemp(prefix="curate-scale-"))
    (folder / "keys").mkdir()
    keys_seconds, text_bytes, memory = 0.0, 0, dict[str, float]()
    for number, first in enumerate(range(0, size, CHUNK)):
        count = min(CHUNK, size - first)
        column = globals()[make](first, count)
        batch = pa.RecordBatch.from_arrays([ids(first, count), column], ["id", "text"])
        text_bytes += int(column.nbytes)
        started = time.process_time()
        pq.write_table(step.keys(batch), folder / "keys" / f"{number:05d}.parquet", compression="zstd")
        keys_seconds += time.process_time() - started
    timed = minhash.timed

    cpu = dict[str, float]()

    @contextmanager
    def watched(seconds: dict[str, float], name: str) -> Iterator[None]:
        before = time.process_time()
        with peak() as found, timed(seconds, name):
            yield
        cpu[name] = round(cpu.get(name, 0) + time.process_time() - before, 2)
        memory[name] = round(max(memory.get(name, 0), found[0]), 2)

    for module in (minhash, contain, verify):
        setattr(module, "timed", watched)  # noqa: B010
    with session("scale", engine=engine) as s:
        started, before = time.monotonic(), time.process_time()
        facts = step.resolve(s, str(folder / "keys"), str(folder / "lost"), 16)
        wall, busy = time.monotonic() - started, time.process_time() - before
    children = resource.getrusage(resource.RUSAGE_CHILDREN)  # the workers, which have ended
    facts.pop("largest")
    result.put(
        {
            "case": make,
            "size": size,
            "keys": keys_seconds,
            "wall": wall,
            "cpu": busy + children.ru_utime + children.ru_stime,
            "stages": cpu,
            "memory": memory,
            "text": text_bytes,
            "facts": facts,
        }
    )
    shutil.rmtree(folder)


def run(make: str, size: int, engine: str, step: MinHash) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    result = context.Queue()
    process = context.Process(target=measure, args=(make, size, engine, step, result))
    process.start()
    found: dict[str, Any] = {}
    reader = threading.Thread(target=lambda: found.update(result.get()), daemon=True)
    reader.start()
    process.join()
    reader.join(5)
    if process.exitcode:
        raise SystemExit(f"{make} {size}: exit code {process.exitcode}")
    return found


def shown(found: dict[str, Any]) -> None:
    facts, size = found["facts"], found["size"]
    stages = " ".join(
        f"{k}={v}s/{found['stages'].get(k, 0)}s/{found['memory'].get(k, 0)}GiB" for k, v in facts["seconds"].items()
    )
    total = found["keys"] + found["cpu"]
    print(
        f"{found['case']} {size:,}: keys {found['keys']:.1f}s resolve {found['wall']:.1f}s, CPU {found['cpu']:.1f}s; "
        f"all CPU {total:.1f}s, {total / size * 1e6:.1f} µs/doc"
    )
    print(f"  wall/CPU of the engine/peak: {stages}")
    print(
        "  "
        + json.dumps({k: facts[k] for k in ("candidates", "rounds", "compared", "refused", "removed", "clusters")}),
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--engine", default="sail")
    parser.add_argument("--skew", action="store_true")
    options = parser.parse_args()
    points = []
    for size in options.sizes:
        found = run("ordinary", size, options.engine, STEP)
        shown(found)
        points.append((size, found["keys"] + found["cpu"]))
    if len(points) > 2:
        for what, start in (("as measured", 0.0), ("without the start, the seconds of the smallest", points[0][1])):
            logs = [(math.log(size), math.log(seconds - start)) for size, seconds in points[1:]]
            slope = np.polyfit([x for x, _ in logs], [y for _, y in logs], 1)[0]
            print(f"slope of log CPU seconds over log documents from {points[1][0]:,} on, {what}: {slope:.3f}")
    if options.skew:
        for make, size in (("identical", 1_000_000), ("star", 1_000_000), ("chain", 10_000)):
            shown(run(make, size, options.engine, STEP))
        wanted = MinHash(bands=BANDS, rows=ROWS, representative=True, max_cluster_share=1.0, max_host_share=1.0)
        shown(run("chain", 10_000, options.engine, wanted))


if __name__ == "__main__":
    main()
