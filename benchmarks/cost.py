"""What a crawl costs: CPU seconds, the most disk a job holds, and what it leaves, by recipe.

    python -m benchmarks.cost CRAWL_FOLDER [--times 1 6] [--recipes c4 fineweb] [--cores 2]

`--times N` multiplies the input with addresses of its own (benchmarks/throughput.py). Prints a Markdown row a run: CPU seconds of
all processes, megabytes of the parts, the largest `<output>.partial`, seen every half second. docs/costs.md does the arithmetic.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.throughput import multiply

PARTS = ("data", "extracted", "rejected", "duplicates")


def megabytes(folder: Path) -> float:
    """Of all files below a folder; one that is gone meanwhile counts nothing."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total / 1e6


def measure(crawl: Path, recipe: str, cores: int) -> dict[str, float | str]:
    """One run of `curate clean`."""
    with tempfile.TemporaryDirectory() as work:
        output = Path(work, "corpus")
        command = [sys.executable, "-m", "curate", "clean", "--input", str(crawl), "--output", str(output)]
        command += ["--recipe", recipe, "--cores", str(cores), "--quiet", "--json"]
        before, start, most = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic(), 0.0
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as job:
            while job.poll() is None:
                most = max(most, megabytes(Path(f"{output}.partial")))
                time.sleep(0.5)
        if job.returncode:
            raise SystemExit(f"{recipe}: ended with {job.returncode}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        ledger = json.loads((output / "ledger.json").read_text())
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return {
            "recipe": recipe,
            "MB of crawl": sum(file.stat().st_size for file in crawl.glob("*.warc.gz")) / 1e6,
            "records": ledger["records"],
            "kept": ledger["kept"],
            "wall s": time.monotonic() - start,
            "CPU s": cpu,
            "most disk MB": most,
            **{f"{part} MB": megabytes(output / part) for part in PARTS},
        }


def main() -> None:
    """Measure each recipe on each size, a row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("crawl", type=Path)
    parser.add_argument("--times", type=int, nargs="+", default=[1, 6])
    parser.add_argument("--recipes", nargs="+", default=["c4"])
    parser.add_argument("--cores", type=int, default=2)
    given = parser.parse_args()
    head = False
    for times in given.times:
        with tempfile.TemporaryDirectory() as work:
            crawl = given.crawl if times == 1 else multiply(given.crawl, Path(work), times)
            for recipe in given.recipes:
                row = measure(crawl, recipe, given.cores)
                if not head:
                    print("| " + " | ".join(row) + " |\n|" + "---|" * len(row))
                    head = True
                cells = (
                    f"{v:,.1f}" if isinstance(v, float) else f"{v:,}" if isinstance(v, int) else v for v in row.values()
                )
                print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
