"""What `curate clean` and `curate dedup` do under a limit of memory: refused before the work, or done; and the peak.

    python -m benchmarks.memory clean CRAWL 500 700 2000
    python -m benchmarks.memory dedup 20000 450 1000 2000
    python -m benchmarks.memory grow CRAWL 1 6 24 [--memory 2G]

CRAWL is a folder of crawl files; for `dedup` a corpus of so many documents is made up, a tenth of them near-duplicates. Limits
are MB. Each run is in a control group of its own (version 1, which takes root on Linux). The peak is of what processes hold
themselves, looked at 20 times a second; pages of files that the kernel keeps count for the limit, too, but are given back.
Prints rows of a Markdown table. The corpora of all limits must be the same, byte by byte. `grow` cleans the crawl so many times over,
without a limit (or with `--memory`, the command's own), and prints the peak of what all its processes hold (Pss, looked at 5 times a
second).
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from curate.engine.memory import held

GROUPS = Path("/sys/fs/cgroup/memory")
MB = 1 << 20


def run_limited(command: list[str], limit: int) -> tuple[int, str, int, int, float]:
    """(exit status, stderr, peak bytes, times that the kernel killed, seconds) of a command in a group of `limit` bytes."""
    group = GROUPS / f"curate-memory-{os.getpid()}"
    group.mkdir()
    started, peak = time.monotonic(), 0
    (group / "memory.limit_in_bytes").write_text(str(limit))
    inside = f'echo $$ > {group}/cgroup.procs; exec "$@"'
    process = subprocess.Popen(["sh", "-c", inside, "sh", *command], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        while process.poll() is None:
            peak = max(peak, statistic(group / "memory.stat", "total_rss"))
            time.sleep(0.05)
        assert process.stderr is not None
        said = process.stderr.read().decode()
        killed = statistic(group / "memory.oom_control", "oom_kill")
    finally:
        if process.poll() is None:
            process.kill()
        while True:
            try:
                group.rmdir()
                break
            except OSError:  # a child is still ending
                time.sleep(0.1)
    return process.returncode, said, peak, killed, time.monotonic() - started


def statistic(path: Path, name: str) -> int:
    """A number in one of a group's files."""
    return next((int(line.split()[1]) for line in path.read_text().splitlines() if line.split()[0] == name), 0)


def grow(crawl: Path, times: int, memory: str, folder: Path) -> tuple[object, ...]:
    """The row for `curate clean` of the crawl so many times over."""
    from benchmarks.throughput import multiply

    source = multiply(crawl, folder / f"x{times}", times)
    output = folder / f"out-{times}"
    command = [sys.executable, "-m", "curate", "clean", "--input", str(source), "--output", str(output), "--quiet"]
    started, peak = time.monotonic(), 0
    process = subprocess.Popen([*command, *(["--memory", memory] if memory else [])], stdout=subprocess.DEVNULL)
    while process.poll() is None:
        peak = max(peak, held(process.pid))
        time.sleep(0.2)
    megabytes = sum(path.stat().st_size for path in source.glob("*.warc.gz")) / 1e6
    seconds = time.monotonic() - started
    return "grow", f"{times} x, {megabytes:,.0f} MB", memory, process.returncode, f"{peak / MB:,.0f}", f"{seconds:.0f}"


def write_corpus(path: Path, documents: int) -> None:
    """Made-up documents of 200 words; every tenth repeats the one before but for a word."""
    chance = random.Random(7)
    words = [f"w{number:x}" for number in range(30_000)]
    with path.open("w") as file:
        text: list[str] = []
        for number in range(documents):
            if number % 10 == 9:
                text[chance.randrange(200)] = "another"
            else:
                text = chance.choices(words, k=200)
            file.write(json.dumps({"id": str(number), "text": " ".join(text)}) + "\n")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["clean", "dedup", "grow"])
    parser.add_argument("input", help="a folder of crawl files, or a number of documents")
    parser.add_argument("--memory", default="", help="grow: given to the command")
    parser.add_argument("limits", nargs="+", type=int, metavar="MB", help="limits; grow: how many times over")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    corpora = set()
    with tempfile.TemporaryDirectory(prefix="memory-") as folder:
        source = Path(asked.input)
        if asked.command == "grow":
            for times in asked.limits:
                print("| " + " | ".join(map(str, grow(source, times, asked.memory, Path(folder)))) + " |", flush=True)
            return
        if asked.command == "dedup":
            source = Path(folder, "in.jsonl")
            write_corpus(source, int(asked.input))
        for limit in asked.limits:
            output = Path(folder, f"out-{limit}")
            named = ["--input", str(source)] if asked.command == "clean" else [str(source)]
            command = [sys.executable, "-m", "curate", asked.command, *named, "--output", str(output), "--quiet"]
            code, said, peak, killed, seconds = run_limited(command, limit * MB)
            ends = "done" if code == 0 else "refused" if not Path(f"{output}.partial/_scratch").exists() else "stopped"
            if code == 0:
                corpora.add(
                    json.dumps([part["sha256"] for part in json.loads((output / "ledger.json").read_text())["data"]])
                )
            told = next((line for line in said.splitlines() if line.startswith(("error", "note"))), "").replace(
                "|", "/"
            )
            row = (
                asked.command,
                asked.input,
                f"{limit:,}",
                f"{ends} ({code})",
                f"{peak / MB:,.0f}",
                killed,
                f"{seconds:.0f}",
                told,
            )
            print("| " + " | ".join(map(str, row)) + " |", flush=True)
    if len(corpora) > 1:
        sys.exit("the corpora differ")


if __name__ == "__main__":
    main()
