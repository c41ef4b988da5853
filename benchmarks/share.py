"""TopShare keeps the same documents however the job runs: `python -m benchmarks.share --data DIR --work DIR [--spark 7 64]`.

DIR of --data is the test data (CURATE_TESTDATA): pages of `J-sources/domains`, in languages by turns. A job of MeanLineLength and two
TopShares is run with 1, 2, 7 and 64 working shards on Sail; with --spark so many on local Spark as well; and is killed by SIGKILL at
some moments and resumed. Compared are ids with their fates, the cuts in the ledger, and between engines and after kills all bytes.
"""

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.cluster import digest
from benchmarks.quality import domains

RECIPE = """
name = "share"
[shards]
work_bytes = 1_000_000_000
[[step]]
use = "filters.quality.MeanLineLength"
[[step]]
use = "curate.quality.share.TopShare"
name = "Tail"
signal = "mean_line_chars"
share = 0.6
cuts = [0.3]
[[step]]
use = "filters.quality.StopWordShare"
[[step]]
use = "curate.quality.share.TopShare"
signal = "stop_word_share"
share = 0.25
by_language = false
"""
JOB = """
import sys
from curate.jobs.clean import Options, clean
from curate.run import pipeline
from curate.run.start import EngineOptions
shards, engine, resume, recipe, output, *inputs = sys.argv[1:]
pipeline.MINIMUM_SHARDS = int(shards)
clean(Options(inputs, output, recipe), EngineOptions(quiet=True, engine=engine, resume=resume == "True"))
"""


def start(work: Path, output: Path, shards: int, engine: str, resume: bool = False) -> "subprocess.Popen[bytes]":
    inputs = [str(path) for path in sorted(work.glob("in-*.jsonl"))]
    command = [
        sys.executable,
        "-c",
        JOB,
        str(shards),
        engine,
        str(resume),
        str(work / "recipe.toml"),
        str(output),
        *inputs,
    ]
    return subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE)


def run(*job: object) -> float:
    begin = time.perf_counter()
    child = start(*job)  # type: ignore[arg-type]
    _, told = child.communicate()
    assert child.returncode == 0, told.decode()[-2000:]
    return time.perf_counter() - begin


def fates(corpus: Path) -> str:
    """A digest of all ids, whether each is kept, and of the ledger's cuts."""
    rows = []
    for name in ("data", "rejected"):
        for path in sorted((corpus / name).glob("*.parquet")):
            table = pq.read_table(path, columns=["id"] + (["reason"] if name == "rejected" else []))
            rows += [(name, *row.values()) for row in table.to_pylist()]
    ledger = json.loads((corpus / "ledger.json").read_text())
    facts = [{key: one.get(key) for key in ("documents", "lost", "worst_kept", "cuts")} for one in ledger["dedup"]]
    return hashlib.sha256(json.dumps([sorted(rows), facts]).encode()).hexdigest()[:16]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--spark", type=int, nargs="*", default=[])
    parser.add_argument("--kills", type=int, default=6)
    options = parser.parse_args()
    work = options.work
    work.mkdir(parents=True, exist_ok=True)
    texts = domains(options.data)[:1500]
    for part in range(4):
        rows = [
            {"text": one.text, "language": ("en", "de", None)[at % 3]} for at, one in enumerate(texts) if at % 4 == part
        ]
        (work / f"in-{part}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (work / "recipe.toml").write_text(RECIPE)
    print("| engine | shards | ids, fates and cuts | bytes |\n|---|---|---|---|")
    for shards in (1, 2, 7, 64):
        for engine in ["sail", *(["spark"] if shards in options.spark else [])]:
            out = work / f"{engine}-{shards}"
            if not out.exists():
                run(work, out, shards, engine)
            print(f"| {engine} | {shards} | {fates(out)} | {digest(out)[:16]} |", flush=True)
    whole = run(work, work / "timed", 7, "sail")
    for kill in range(options.kills):
        out = work / f"killed-{kill}"
        child = start(work, out, 7, "sail")
        time.sleep(whole * (kill + 1) / (options.kills + 1))
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        run(work, out, 7, "sail", True)
        same = "the same bytes" if digest(out) == digest(work / "sail-7") else "OTHER BYTES"
        print(f"killed after {kill + 1}/{options.kills + 1} of the time and resumed: {same}", flush=True)


if __name__ == "__main__":
    main()
