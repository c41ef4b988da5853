"""Killed before some of its file operations and resumed, each command publishes the same bytes.

All operations: `python -m benchmarks.crash_points [--store s3]`; what that gave is in benchmarks/results/crash_points.md.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.crash_points import read_results, summary

pytestmark = [pytest.mark.engine]


def sweep(*arguments: str) -> list[dict[str, object]]:
    command = [sys.executable, "-m", "benchmarks.crash_points", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stdout + done.stderr
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


def check(found: list[dict[str, object]], commands: list[str], points: int) -> None:
    assert [one["command"] for one in found] == commands
    for one in found:
        assert one["points"] == points
        assert one["wrong"] == {}
        assert int(str(one["operations"])) > 50
        assert int(str(one["compared"])) > 3


@pytest.mark.slow
def test_some_points() -> None:
    commands = ["clean", "index", "dedup", "mix", "code"]
    check(sweep(*commands, "--points", "4"), commands, 4)


@pytest.mark.slow
def test_some_points_on_an_object_store_killed_twice() -> None:
    pytest.importorskip("moto.server")
    for one in sweep("dedup", "mix", "--points", "3", "--store", "s3", "--twice"):
        assert one["wrong"] == {}


def test_a_sweep_in_pieces_goes_on_where_it_ended(tmp_path: Path) -> None:
    results = str(tmp_path / "results.jsonl")
    order = ("mix", "--points", "2", "--results", results)
    assert [one["points"] for one in sweep(*order)] == [2]
    assert [one["points"] for one in sweep(*order)] == [0]
    told = summary(read_results(results))
    assert told.splitlines()[-1].startswith("| `mix` | local | once | ")
    assert told.endswith(" | 2 | 0 |")
