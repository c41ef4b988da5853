"""Licence detection of several checkouts in lockstep: CPU seconds of one process each, 20 labelled files in turn, so that a busy
machine slows all alike.

    python -m benchmarks.licenses_states NAME=CHECKOUT[=ASSETS]... [--rounds N] [--folder FOLDER]

A third of the labelled files of `benchmarks.licenses`, by a hash of the path, in all nine sets; or `MOST` source files of a folder. ASSETS is the folder with the licence
database of a checkout that has another form of it. A first, unmeasured round makes each checkout's tables and compiled code.
"""

import argparse
import os
import pickle
import subprocess
import sys
import tempfile
from hashlib import sha1
from pathlib import Path

from benchmarks import licenses
from curate.code.languages import language_of

AT_ONCE = 20
MOST, LARGEST = 1_250, 300_000
"""Files of a folder, and bytes of one."""
CHILD = """
import pickle, sys, time
from curate.code.detect import Detector
detector = Detector()
for text in (b"# SPDX-License-Identifier: MIT", b"Licensed under the MIT license, GPL version 2 or BSD."):
    detector.detect(text, "LICENSE")
print(time.process_time(), flush=True)
with open(sys.argv[1], "rb") as file:
    cases = pickle.load(file)
for line in sys.stdin:
    started = time.process_time()
    for name, text in cases[int(line) : int(line) + int(sys.argv[2])]:
        detector.detect(text, name)
    print(time.process_time() - started, flush=True)
"""


def third(root: Path, scratch: Path) -> list[tuple[str, bytes]]:
    """(name, content) of a third of the labelled files."""
    found = [case.path for cases in licenses.sets_of(root, scratch).values() for case in cases]
    named = [(str(path).replace(str(scratch), "scratch").split("/")[-4:], path) for path in found]
    return [
        (path.name, path.read_bytes()) for parts, path in named if sha1("/".join(parts).encode()).digest()[0] % 3 == 0
    ]


def of_folder(root: Path) -> list[tuple[str, bytes]]:
    """(path, content) of source files below a folder, by a hash of the path; equal ones once."""
    paths = sorted(map(str, root.rglob("*")), key=lambda path: sha1(path.encode()).digest())
    found: dict[bytes, str] = {}
    for path in paths:
        if os.path.isfile(path) and os.path.getsize(path) <= LARGEST and len(found) < MOST:
            text = Path(path).read_bytes()
            if text and language_of(path, text):
                found.setdefault(text, path)
    return [(path, text) for text, path in found.items()]


def process(checkout: str, assets: str, cases: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": checkout, **({"CURATE_ASSETS": assets} if assets else {})}
    command = [sys.executable, "-c", CHILD, cases, str(AT_ONCE)]
    return subprocess.Popen(
        command, cwd=checkout, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def lockstep(states: dict[str, tuple[str, str]], cases: str, count: int) -> dict[str, tuple[float, list[float]]]:
    """CPU seconds of loading, and of each 20 files, by state."""
    running = {name: process(*where, cases) for name, where in states.items()}
    loading = {name: float(one.stdout.readline()) for name, one in running.items() if one.stdout}
    seconds: dict[str, list[float]] = {name: [] for name in states}
    for at in range(0, count, AT_ONCE):
        for name, one in running.items():
            assert one.stdin
            assert one.stdout
            print(at, file=one.stdin, flush=True)
            seconds[name].append(float(one.stdout.readline()))
    for one in running.values():
        one.communicate()
    return {name: (loading[name], seconds[name]) for name in states}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("states", metavar="NAME=CHECKOUT[=ASSETS]", nargs="+")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    root = Path(os.environ.get("CURATE_TESTDATA", "~/.cache/curate-testdata")).expanduser()
    if not options.folder and not (root / ".complete").exists():
        raise SystemExit("skipped: no test data (set CURATE_TESTDATA)")
    states: dict[str, tuple[str, str]] = {}
    for state in options.states:
        name, checkout, assets = [*state.split("="), ""][:3]
        states[name] = (checkout, assets)
    with tempfile.TemporaryDirectory() as scratch:
        cases = of_folder(options.folder) if options.folder else third(root, Path(scratch))
        file = Path(scratch) / "cases"
        file.write_bytes(pickle.dumps(cases))
        rounds = [lockstep(states, str(file), len(cases)) for _ in range(options.rounds + 1)][1:]
    print(f"{len(cases)} files, {sum(len(text) for _, text in cases) / 1e6:.1f} MB; CPU seconds\n")
    print("| state | loading | files | whole process | files, least of each 20 |\n|---|---|---|---|---|")
    for name in states:
        found = [one[name] for one in rounds]
        whole = [load + sum(seconds) for load, seconds in found]
        least = sum(map(min, zip(*(seconds for _, seconds in found), strict=True)))
        shown = (
            " ".join(f"{x:.2f}" for x in row) for row in ([a for a, _ in found], [sum(b) for _, b in found], whole)
        )
        print(f"| {name} | {' | '.join(shown)} | {least:.2f} |")


if __name__ == "__main__":
    main()
