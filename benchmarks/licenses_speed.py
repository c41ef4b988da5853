"""Speed of licence detection beside scancode-toolkit: CPU time a file, each text once, and start-up.

    python -m benchmarks.licenses_speed --scancode PYTHON [--sample N]

From each labelled set N files with different contents, by a hash of the path. curate reads them three times, each time
with a new detector (which remembers no text), and the median counts; scancode reads them once, after a first file that
loads its index. Both in CPU seconds of one process, so that a busy machine changes the ratio little.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha1
from pathlib import Path

from benchmarks import licenses

SCANCODE = """
import json, sys, time
from licensedcode.cache import get_licenses_db
from scancode.api import get_licenses
paths = json.load(sys.stdin)
get_licenses(paths[0])
loaded, started = time.process_time(), time.process_time()
for path in paths:
    get_licenses(path)
json.dump({"seconds": time.process_time() - started, "start": loaded}, sys.stdout)
"""
START = """
import time
from curate.code.detect import Detector
Detector().detect(b"Licensed under the MIT license.", "LICENSE")
print(time.process_time())
"""


def sets(root: Path, scratch: Path) -> Iterator[tuple[str, list[licenses.Case]]]:
    """The labelled sets by name."""
    cases = list(licenses.scancode_cases(root))
    yield "scancode tests", [case for case in cases if not licenses.is_lone_url(case.path)]
    yield "scancode tests, only a URL", [case for case in cases if licenses.is_lone_url(case.path)]
    yield "SPDX texts", list(licenses.spdx_cases(root))
    yield "npm licence files", list(licenses.npm_cases(root, scratch))
    yield "choosealicense", list(licenses.choosealicense_cases(root, scratch))
    yield "licensee fixtures", list(licenses.licensee_cases(root))
    yield "ScanCode LicenseDB texts", list(licenses.database_cases(root, scratch))
    yield "Debian copyright", list(licenses.debian_cases(scratch))


def sample(cases: list[licenses.Case], most: int) -> list[Path]:
    """Files of different contents, by a hash of the end of the path."""
    ordered = sorted((sha1("/".join(c.path.parts[-3:]).encode()).digest(), c.path) for c in cases)
    return list({path.read_bytes(): path for _, path in reversed(ordered)}.values())[::-1][:most]


def ours(paths: list[Path]) -> list[float]:
    """CPU seconds of three readings."""
    times = []
    for _ in range(3):
        find = licenses.ours()
        started = time.process_time()
        for path in paths:
            find(path)
        times.append(time.process_time() - started)
    return times


def theirs(python: str, paths: list[Path]) -> tuple[float, float]:
    """CPU seconds of scancode for the files, and of its start with the first one."""
    text = json.dumps([str(path) for path in paths])
    done = subprocess.run([python, "-c", SCANCODE], input=text, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout[done.stdout.index('{"seconds"') :])
    return answer["seconds"], answer["start"]


def start() -> float:
    """CPU seconds of a process of ours until the first file is read."""
    done = [subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True) for _ in range(3)]
    return statistics.median(float(one.stdout) for one in done)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scancode", metavar="PYTHON", required=True)
    parser.add_argument("--sample", type=int, default=40, help="files of each set")
    options = parser.parse_args()
    root = Path(os.environ.get("CURATE_TESTDATA", "~/.cache/curate-testdata")).expanduser()
    if not (root / ".complete").exists():
        raise SystemExit("skipped: no test data (set CURATE_TESTDATA)")
    print("| set | files | bytes a file | curate ms | scancode ms | times |\n|---|---|---|---|---|---|")
    starts = []
    with tempfile.TemporaryDirectory() as scratch:
        for name, cases in sets(root, Path(scratch)):
            paths = sample(cases, options.sample)
            median = statistics.median(ours(paths))
            seconds, started = theirs(options.scancode, paths)
            starts.append(started)
            size = sum(path.stat().st_size for path in paths) // len(paths)
            each = [1000 * s / len(paths) for s in (median, seconds)]
            print(
                f"| {name} | {len(paths)} | {size:,} | {each[0]:.2f} | {each[1]:.1f} | {seconds / median:.0f} |",
                flush=True,
            )
    print(f"\nstart-up in CPU seconds: curate {start():.1f}, scancode {statistics.median(starts):.1f}")


if __name__ == "__main__":
    main()
