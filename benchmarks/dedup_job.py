"""The whole job, JSON lines in and deduplicated files out, beside datatrove's four stages: seconds and CPU seconds.

    python -m benchmarks.dedup_job --datatrove PYTHON [--documents 20000] [--files 4] [--rounds 1]

Texts of 1,000 words; one in eight repeats the one before it, half of those with one word changed. 14 bands of 8 rows over
word 5-grams. Each tool runs as a process of its own on one core (`taskset`), starts included: curate with one worker,
datatrove with one task a file, one after the other. PYTHON is of a venv with datatrove[processing].
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.dedup_speed import corpus
from curate.corpus.schema import document_id

BANDS, ROWS = 14, 8
ROOT = Path(__file__).parents[1]


def write_input(folder: Path, documents: int, files: int) -> int:
    """JSON lines in `files` files; returns the bytes of text."""
    folder.mkdir()
    texts = corpus(documents)
    for at in range(1, documents, 8):
        words = texts[at - 1].split(" ")
        if at % 16 == 1:
            words[len(words) // 2] = f"changed{at}"
        texts[at] = " ".join(words)
    for number in range(files):
        with (folder / f"{number:03d}.jsonl").open("w", encoding="utf-8") as out:
            for at in range(number, documents, files):
                out.write(json.dumps({"id": document_id("bench", at), "text": texts[at]}) + "\n")
    return sum(len(text.encode()) for text in texts)


def measured(command: list[str]) -> dict[str, Any]:
    """Run a command on one core; wall seconds, CPU seconds (children included) and what it printed last."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, "DUMP": "0"}, check=False
    )
    wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{command[0]}: {done.stderr[-2000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": round(wall, 2), "cpu": round(cpu, 2), "said": done.stdout}


def by_curate(source: Path, output: Path, *more: str) -> dict[str, Any]:
    shutil.rmtree(output, ignore_errors=True)
    command = [sys.executable, "-m", "curate", "dedup", str(source), "--output", str(output), "--quiet", "--json"]
    command += ["--bands", str(BANDS), "--rows", str(ROWS), "--cores", "1", *more]
    found = measured(command)
    ledger = json.loads(found.pop("said"))
    found["stages"] = {stage["name"]: stage["seconds"] for stage in ledger["stages"]}
    found["kept"] = ledger["kept"]
    return found


def by_datatrove(python: str, source: Path, work: Path, files: int) -> dict[str, Any]:
    command = [python, "benchmarks/dedup_datatrove.py", str(source), str(work), str(BANDS), str(ROWS), str(files)]
    found = measured(command)
    said = json.loads(found.pop("said").splitlines()[-1])
    return {**found, "stages": {k: round(v, 2) for k, v in said["seconds"].items()}, "kept": said["kept"]}


def shown(name: str, runs: list[dict[str, Any]], documents: int, size: int) -> float:
    """Print a row of the table; returns documents a CPU second."""
    wall, cpu = (statistics.median(run[key] for run in runs) for key in ("wall", "cpu"))
    print(
        f"| {name} | {wall:.1f} | {cpu:.1f} | {documents / wall:,.0f} | {size / wall / 1e6:.2f} | {documents / cpu:,.0f} "
        f"| {runs[-1]['kept']:,} | {runs[-1]['stages']} |",
        flush=True,
    )
    return documents / cpu


def main() -> None:
    """Parse the command line, run, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datatrove", metavar="PYTHON")
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--files", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="curate-dedup-job-") as name:
        home = Path(name)
        size = write_input(home / "in", options.documents, options.files)
        print(f"{options.documents:,} documents, {size / 1e6:.1f} MB of text in {options.files} files")
        print("| tool | wall s | CPU s | documents/s | MB/s | documents a CPU second | kept | stages, s |")
        print("|---|--:|--:|--:|--:|--:|--:|---|")
        runs: dict[str, list[dict[str, Any]]] = {}
        for _ in range(options.rounds):
            runs.setdefault("curate", []).append(by_curate(home / "in", home / "out", "--no-verify"))
            runs.setdefault("curate, verified", []).append(by_curate(home / "in", home / "out"))
            if options.datatrove:
                found = by_datatrove(options.datatrove, home / "in", home / "work", options.files)
                runs.setdefault("datatrove", []).append(found)
        rates = {tool: shown(tool, found, options.documents, size) for tool, found in runs.items()}
        if "datatrove" in rates:
            print({tool: f"{rate / rates['datatrove']:.1f}x" for tool, rate in rates.items()})


if __name__ == "__main__":
    main()
