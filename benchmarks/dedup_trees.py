"""MinHash's kernel of two trees of this project beside each other, on the same real texts, in turn.

    python -m benchmarks.dedup_trees --before TREE --texts good.jsonl [--rounds 9]

TREE is a checkout of the commit to compare with; good.jsonl is what `benchmarks.good_pages` writes; `CURATE_TESTDATA` has the pages of
"crawl" (main text of 1,900 pages in many languages). Each tree has a process of its own, which holds all texts; they are asked for one
set after the other, in turn, so that a busy machine slows both. CPU seconds of one thread: medians, and the median of the
quotients of two calls that followed each other.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any

SETS = {
    "English": ["eng_Latn"],
    "German": ["deu_Latn"],
    "French": ["fra_Latn"],
    "Spanish, Portuguese, Italian": ["spa_Latn", "por_Latn", "ita_Latn"],
    "Polish, Czech, Turkish": ["pol_Latn", "ces_Latn", "tur_Latn"],
    "Vietnamese": ["vie_Latn"],
    "Russian": ["rus_Cyrl"],
    "Greek": ["ell_Grek"],
    "Arabic": ["arb_Arab"],
    "Hindi": ["hin_Deva"],
}
LEAST = 1_500_000
"""Bytes of a set: its texts are repeated up to there, so that a call takes tens of milliseconds."""


def texts(path: Path, testdata: Path) -> dict[str, list[str]]:
    """The sets."""
    from benchmarks import dedup_speed, real_texts

    rows = [json.loads(line) for line in path.open(encoding="utf-8")]
    found = {"ASCII, made": dedup_speed.corpus(600)}
    for name, labels in SETS.items():
        found[name] = [row["text"] for row in rows if row["language"] in labels]
        if name in ("English", "German"):
            found[f"{name}, pages with Chinese letters left out"] = [
                text for text in found[name] if not any("\u2e80" < char < "\ua000" for char in text)
            ]
    found["crawl"] = [one.text for one in real_texts.pages(testdata) if one.kind == "main text"]
    return {name: some * (LEAST // sum(len(one.encode()) for one in some) + 1) for name, some in found.items()}


def measure(path: str) -> None:
    """What the process of a tree does: the CPU seconds of the set of which it reads the number."""
    import pyarrow as pa

    from curate.dedup import kernel

    columns = [pa.array(some) for some in json.loads(Path(path).read_text(encoding="utf-8")).values()]
    for column in columns:
        kernel.fingerprints(column, 5, 16, 8, 1, shingles=False)
    for line in sys.stdin:
        began = time.process_time()
        kernel.fingerprints(columns[int(line)], 5, 16, 8, 1, shingles=False)
        print(time.process_time() - began, flush=True)


def started(tree: Path, sets: str) -> "subprocess.Popen[str]":
    """A process with the kernel of `tree`."""
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    command = [sys.executable, "-P", str(Path(__file__).resolve()), "--measure", sets]
    return subprocess.Popen(
        command, cwd=tree, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def asked(process: "subprocess.Popen[str]", at: int) -> float:
    """CPU seconds of a set."""
    ask: IO[str] | Any = process.stdin
    answer: IO[str] | Any = process.stdout
    print(at, file=ask, flush=True)
    return float(answer.readline())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    if options.measure:
        return measure(options.measure)
    sets = texts(options.texts, Path(os.environ["CURATE_TESTDATA"]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sets.json"
        path.write_text(json.dumps(sets), encoding="utf-8")
        processes = [started(tree.resolve(), str(path)) for tree in (options.before, Path(__file__).parents[1])]
        pairs: list[list[tuple[float, float]]] = [[] for _ in sets]
        for turn in range(options.rounds):
            for at in range(len(sets)):
                first, second = (asked(process, at) for process in processes[:: 1 - 2 * (turn % 2)])
                pairs[at].append((second, first) if turn % 2 else (first, second))
        for process in processes:
            process.communicate()
    print("| texts | MB | before, MB/s | now, MB/s | CPU time |\n|---|--:|--:|--:|--:|")
    for (name, some), found in zip(sets.items(), pairs, strict=True):
        size = sum(len(one.encode()) for one in some) / 1e6
        before, now = (size / statistics.median(one) for one in zip(*found, strict=True))
        quotient = statistics.median(now / before for before, now in found) - 1
        print(f"| {name} | {size:.1f} | {before:.1f} | {now:.1f} | {quotient:+.1%} |")
    return None


if __name__ == "__main__":
    main()
