"""One deduplication on three engines and in 1, 2, 7 and 64 partitions: are the bytes the same?

    python -m benchmarks.dedup_engines [--documents 3000] [--cuts 1 2 7 64] [--engines sail local cluster] [--method substring|decontaminate]

The input is cut into that many files, and Spark and Sail are told that many partitions for each exchange. Sail runs
`curate dedup`; Spark runs `spark-submit jobs/dedup.py`, on this machine and on a standalone cluster of two workers, from a
folder that is not the checkout and with our code as `--py-files`. For one cut all published files must be equal byte for
byte; over cuts everything but the columns `file` and `offset`, which say where a document came from. `--method decontaminate` is
`curate decontaminate` on both engines, with tasks cut out of the documents.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.cluster import ROOT, SPARK, cluster, digest, environment
from curate.corpus import schema
from curate.corpus.schema import document_id

ORIGIN = {"file", "offset"}


def documents(count: int) -> list[dict[str, Any]]:
    """Texts in chains and stars, identical and near copies, on a few hosts."""
    source = np.random.default_rng(5).integers(0, 100_000, count * 100)
    rows = []
    for n in range(count):
        block, size = n // 40 * 40 * 100, 60 + n % 7  # nothing is shared between blocks of 40
        at = block + {0: n % 40 * 2, 1: 300, 2: 600}.get(n % 5, n % 40 * 90)
        words = [f"w{word}" for word in source[at : at + size]]
        if n % 5 == 2:
            words[-1] = f"x{n}"
        place = f"h{n % 9}.example"
        row = {"id": document_id("engines", n), "text": " ".join(words), "url": f"https://{place}/{n}", "host": place}
        rows.append({**row, "source": "engines", "file": "", "offset": n})
    return rows


def write_input(folder: Path, rows: list[dict[str, Any]], files: int) -> None:
    """The documents as a corpus of ours, which keeps its ids (those of others' rows hold file and row), in so many files."""
    folder.mkdir(parents=True)
    columns = schema.published("web", [])
    for number in range(files):
        pq.write_table(pa.Table.from_pylist(rows[number::files], columns), folder / f"{number:03d}.parquet")


def content(corpus: Path) -> str:
    """One SHA-256 over the published rows in their order, without where they came from."""
    total = hashlib.sha256()
    for folder in ("data", "rejected", "duplicates"):
        tables = [pq.read_table(path) for path in sorted((corpus / folder).glob("*.parquet"))]
        table = pa.concat_tables(tables)
        kept = table.select([name for name in table.column_names if name not in ORIGIN])
        total.update(json.dumps(kept.to_pylist(), default=str).encode())
    return total.hexdigest()


def write_tasks(path: Path, rows: list[dict[str, Any]]) -> None:
    """A question and its answer out of each fiftieth document."""
    words = [row["text"].split() for row in rows[::50]]
    path.write_text("".join(json.dumps({"question": " ".join(w[5:30]), "answer": w[31]}) + "\n" for w in words))


def decontaminate(engine: str, cut: int, tasks: Path) -> tuple[list[str], dict[str, str]]:
    """`command` of `curate decontaminate`."""
    given = {
        "sql.shuffle.partitions": cut,
        "default.parallelism": cut,
        "ui.enabled": "false",
        "driver.host": "127.0.0.1",
    }
    settings = " ".join([*(f"--conf spark.{name}={value}" for name, value in given.items()), "pyspark-shell"])
    partitions = {"SAIL_EXECUTION__DEFAULT_PARALLELISM": str(cut), "PYSPARK_SUBMIT_ARGS": settings}
    line = [sys.executable, "-m", "curate", "decontaminate", "--engine", {"local": "spark"}.get(engine, engine)]
    return [*line, "--against", str(tasks), "--cut"], {**os.environ, **partitions, "PYTHONPATH": str(ROOT)}


def command(engine: str, cut: int, bundle: Path, home: Path, master: str) -> tuple[list[str], dict[str, str]]:
    """What runs the job: its command line, but for the job's own arguments, and its environment."""
    if engine == "sail":
        partitions = {"SAIL_EXECUTION__DEFAULT_PARALLELISM": str(cut)}
        return [sys.executable, "-m", "curate", "dedup"], {**os.environ, **partitions, "PYTHONPATH": str(ROOT)}
    job = home / "dedup.py"
    job.write_bytes((ROOT / "jobs" / "dedup.py").read_bytes())
    line = [str(SPARK / "bin" / "spark-submit"), "--master", master, "--py-files", str(bundle)]
    settings = {
        "spark.driver.host": "127.0.0.1",
        "spark.executor.memory": "1g",
        "spark.log.level": "ERROR",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": str(cut),
        "spark.default.parallelism": str(cut),
    }
    for name, value in settings.items():
        line += ["--conf", f"{name}={value}"]
    return [*line, str(job)], environment(home)


def main() -> None:
    """Parse the command line, run, print a line a run; ends with 1 when anything differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=3000)
    parser.add_argument("--cuts", type=int, nargs="*", default=[1, 2, 7, 64])
    parser.add_argument("--method", default="minhash")
    parser.add_argument("--engines", nargs="*", default=["sail", "local", "cluster"])
    options = parser.parse_args()
    contents, bytes_of = set[str](), dict[int, set[str]]()
    with tempfile.TemporaryDirectory(prefix="curate-dedup-engines-") as name, ExitStack() as stack:
        home = Path(name)
        bundle = home / "curate.zip"
        subprocess.run(
            [sys.executable, "-m", "curate", "bundle", str(bundle)], check=True, cwd=ROOT, capture_output=True
        )
        masters = {"local": "local[2]", "sail": ""}
        if "cluster" in options.engines:
            masters["cluster"] = stack.enter_context(cluster(home))[0]
        rows = documents(options.documents)
        write_tasks(home / "tasks.jsonl", rows)
        for cut in options.cuts:
            write_input(home / f"in-{cut}", rows, cut)
            for engine in options.engines:
                output = home / f"{engine}-{cut}"
                if options.method == "decontaminate":
                    line, variables = decontaminate(engine, cut, home / "tasks.jsonl")
                else:
                    line, variables = command(engine, cut, bundle, home, masters[engine])
                    line += ["--method", options.method]
                line += [str(home / f"in-{cut}"), "--output", str(output), "--quiet", "--json"]
                started = time.monotonic()
                done = subprocess.run(line, cwd=home, env=variables, capture_output=True, text=True, check=False)
                if done.returncode:
                    raise SystemExit(f"{engine} {cut}: {done.stderr[-2000:]}")
                seconds, ledger = time.monotonic() - started, json.loads((output / "ledger.json").read_text())
                contents.add(content(output))
                bytes_of.setdefault(cut, set()).add(digest(output))
                print(
                    f"{engine} {cut} partitions: {seconds:.1f} s, kept {ledger['kept']:,} of {ledger['records']:,}, "
                    f"content {content(output)[:16]}, files {digest(output)[:16]}",
                    flush=True,
                )
    same = len(contents) == 1 and all(len(found) == 1 for found in bytes_of.values())
    print("all the same" if same else "DIFFERENT")
    raise SystemExit(not same)


if __name__ == "__main__":
    main()
