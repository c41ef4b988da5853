"""The same job on each engine and on growing input: seconds, peak memory, pages per core and second, sha256.

    python -m benchmarks.engines CRAWL_FOLDER [--times 1 4 16] [--engines sail spark] [--extractor resiliparse]

Peak memory is the highest resident size seen (every 0.2 s) of the driver, of the largest worker (a child process or a
Python worker), and of the JVM where there is one. The time to the first result is when the first extracted split stands
on disk. Prints one JSON object.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.cluster import digest
from benchmarks.throughput import multiply, read_only
from curate.engine.memory import cpu_count

PAGE = os.sysconf("SC_PAGE_SIZE")


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    found, waiting = [], [pid]
    while waiting:
        at = waiting.pop()
        found.append(at)
        try:
            for task in Path(f"/proc/{at}/task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue
    return found


def sample(pid: int, peaks: dict[str, int]) -> None:
    """Raise `peaks` (bytes: driver, worker, jvm, total) to what the process tree uses now."""
    total = 0
    for at in tree(pid):
        try:
            resident = int(Path(f"/proc/{at}/statm").read_text().split()[1]) * PAGE
            program = Path(f"/proc/{at}/comm").read_text().strip()
        except OSError:
            continue
        kind = "jvm" if program.startswith("java") else "driver" if at == pid else "worker"
        peaks[kind] = max(peaks.get(kind, 0), resident)
        total += resident
    peaks["total"] = max(peaks.get("total", 0), total)


def measure(crawl: Path, engine: str, extractor: str) -> dict[str, Any]:
    """One run of the main job."""
    with tempfile.TemporaryDirectory(prefix="curate-engines-") as folder:
        output = Path(folder) / "corpus"
        command = [sys.executable, "-m", "curate", "clean", "--input", str(crawl), "--output", str(output), "--json"]
        command += ["--extractor", extractor, "--engine", engine, "--quiet", "--split-mb", "16"]
        peaks: dict[str, int] = {}
        started, first = time.monotonic(), 0.0
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            sample(process.pid, peaks)
            if not first and any((output.with_name("corpus.partial") / "_scratch" / "splits").glob("*.parquet")):
                first = time.monotonic() - started
            time.sleep(0.2)
        seconds = time.monotonic() - started
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
        ledger = json.loads((output / "ledger.json").read_text())
        stages = {stage["name"]: stage["seconds"] for stage in ledger["stages"]}
        return {
            "engine": engine,
            "seconds": round(seconds, 1),
            "first_result_s": round(first, 1),
            "peak_mb": {kind: round(value / 1e6) for kind, value in sorted(peaks.items())},
            "stages": stages,
            "kept": ledger["kept"],
            "sha256": digest(output),
        }


def main() -> None:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("crawl", type=Path)
    parser.add_argument("--times", type=int, nargs="*", default=[1, 4])
    parser.add_argument("--engines", nargs="*", default=["sail", "spark"])
    parser.add_argument("--extractor", default="resiliparse")
    arguments = parser.parse_args()
    rows = []
    for times in arguments.times:
        name = arguments.crawl.with_name(f"{arguments.crawl.name}-x{times}")
        crawl = multiply(arguments.crawl, name, times) if times > 1 else arguments.crawl
        pages = sum(read_only(str(path)) for path in sorted(crawl.glob("*.warc.gz")))
        megabytes = sum(path.stat().st_size for path in crawl.glob("*.warc.gz")) / 1e6
        for engine in arguments.engines:
            row = measure(crawl, engine, arguments.extractor)
            rate = round(pages / row["seconds"] / cpu_count(), 1)
            rows.append({"times": times, "input_mb": round(megabytes), "pages": pages, "pages_per_core_s": rate, **row})
            print(json.dumps(rows[-1]), file=sys.stderr)
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
