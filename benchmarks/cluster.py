"""A standalone Spark cluster of two workers on this machine: the main job through spark-submit, one worker killed half way.

    python -m benchmarks.cluster CRAWL_GLOB [--no-kill]

The executors have our dependencies but not our code: it is shipped with `curate bundle` and --py-files, as
docs/cluster.md says. Prints one JSON object: seconds, sha256 of the published files beside those of the embedded engine.
"""

import argparse
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyspark

ROOT = Path(__file__).parents[1]
SPARK = Path(pyspark.__file__).parent


def digest(corpus: Path) -> str:
    """One SHA-256 over all published Parquet files, names included."""
    total = hashlib.sha256()
    for folder in ("data", "rejected", "duplicates", "extracted"):
        for path in sorted((corpus / folder).glob("*.parquet")):
            total.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def environment(home: Path) -> dict[str, str]:
    """Python with our dependencies on its path and without our code: the base interpreter, site-packages as a plain path."""
    base = str(Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}")
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL", "SPARK"))},
        "SPARK_HOME": str(SPARK),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYTHONPATH": sysconfig.get_paths()["purelib"],
        "PYSPARK_PYTHON": base,
        "PYSPARK_DRIVER_PYTHON": base,
        "SPARK_WORKER_DIR": str(home / "work"),
    }


@contextmanager
def cluster(home: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A master and two workers of one core each; yields the master's URL and the workers."""
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str, *arguments: str) -> Path:
        log = home / f"{name}.log"
        command = [str(SPARK / "bin" / "spark-class"), *arguments]
        with log.open("wb") as out:
            started.append(
                subprocess.Popen(command, env=environment(home), stdout=out, stderr=out, start_new_session=True)
            )
        return log

    try:
        master_log = start(
            "master", "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", "0", "--webui-port", "0"
        )
        url = _wait_for(master_log, r"Starting Spark master at (spark://\S+)")
        for name in ("one", "two"):
            log = start(
                name,
                "org.apache.spark.deploy.worker.Worker",
                "--cores",
                "1",
                "--memory",
                "2g",
                "--webui-port",
                "0",
                url,
            )
            _wait_for(log, r"Successfully registered with master")
        yield url, started[1:]
    finally:
        for process in started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_for(log: Path, pattern: str, seconds: float = 90) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = re.search(pattern, log.read_text(errors="replace"))
        if found:
            return found.group(found.lastindex or 0)
        time.sleep(0.3)
    raise TimeoutError(f"no {pattern!r} in {log}: {log.read_text(errors='replace')[-2000:]}")


def submit(url: str, home: Path, bundle: Path, crawl: str, output: Path, split_mb: int) -> subprocess.Popen[bytes]:
    """spark-submit the main job from a folder that is not the checkout."""
    job = home / "c4_clean.py"
    job.write_bytes((ROOT / "jobs" / "c4_clean.py").read_bytes())
    command = [str(SPARK / "bin" / "spark-submit"), "--master", url, "--py-files", str(bundle), "--conf"]
    command += ["spark.driver.host=127.0.0.1", "--conf", "spark.executor.memory=1g", "--conf", "spark.log.level=ERROR"]
    command += [str(job), "--input", crawl, "--output", str(output), "--extractor", "resiliparse", "--quiet"]
    command += ["--split-mb", str(split_mb), "--json"]
    return subprocess.Popen(command, env=environment(home), cwd=home, stdout=subprocess.DEVNULL)


def embedded(crawl: str, output: Path) -> str:
    """Run the job on the embedded engine; the digest of what it writes."""
    command = [sys.executable, "-m", "curate", "clean", "--input", crawl, "--output", str(output)]
    command += ["--extractor", "resiliparse", "--quiet", "--json"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return digest(output)


def run(crawl: str, kill: bool, split_mb: int = 4, wanted: str = "") -> dict[str, object]:
    """Run the job on the cluster, and embedded where its digest is not given as `wanted`; returns what is printed."""
    with tempfile.TemporaryDirectory(prefix="curate-cluster-") as name:
        home = Path(name)
        bundle = home / "curate.zip"
        subprocess.run([sys.executable, "-m", "curate", "bundle", str(bundle)], check=True, stdout=subprocess.DEVNULL)
        wanted = wanted or embedded(crawl, home / "embedded")
        with cluster(home) as (url, workers):
            started = time.monotonic()
            process = submit(url, home, bundle, crawl, home / "cluster", split_mb)
            killed = _kill_half_way(home / "cluster.partial", process, workers[0]) if kill else 0
            code = process.wait(timeout=900)
            seconds = time.monotonic() - started
        if code:
            raise SystemExit(f"spark-submit ended with {code}")
        found = digest(home / "cluster")
        return {
            "seconds": round(seconds, 1),
            "worker_killed_after_tasks": killed,
            "same_bytes": found == wanted,
            "sha256": found,
        }


def _kill_half_way(work: Path, process: subprocess.Popen[bytes], worker: subprocess.Popen[bytes]) -> int:
    """Kill a worker and its executor when some of the extraction tasks are done."""
    while process.poll() is None:
        done = len(list((work / "_scratch" / "splits").glob("*.parquet"))) if work.exists() else 0
        if done >= 3:
            _kill_tree(worker.pid)
            return done
        time.sleep(0.1)
    return 0


def _kill_tree(pid: int) -> None:
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
    for child in children:
        _kill_tree(int(child))
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def main() -> None:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("crawl")
    parser.add_argument("--no-kill", action="store_true")
    arguments = parser.parse_args()
    print(json.dumps(run(arguments.crawl, not arguments.no_kill), indent=1))


if __name__ == "__main__":
    main()
