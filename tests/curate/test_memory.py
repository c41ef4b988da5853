"""What limits memory, and what is said before the work."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from curate.engine import memory
from curate.engine.session import session
from curate.errors import EngineError, UsageError
from curate.sample import crawl
from tests.command import limited

MB = 1 << 20
ROOT = Path(__file__).parents[2]


def machine(root: Path, files: dict[str, str], free: int = 8000 * MB) -> Path:
    """A file system with what the kernel says of memory."""
    said = {"proc/meminfo": f"MemTotal: 99 kB\nMemAvailable: {free >> 10} kB\n", **files}
    for name, text in said.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


V2 = {
    "proc/self/cgroup": "0::/job/step\n",
    "proc/self/mountinfo": "30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
}
V1 = {
    "proc/self/cgroup": "9:name=systemd:/\n4:memory:/job/step\n0::/\n",
    "proc/self/mountinfo": "30 20 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
}


def group(place: str, limit: int | str, used: int, cache: int = 0, name: str = "memory.max") -> dict[str, str]:
    folder = f"sys/fs/cgroup/{place}".rstrip("/")
    return {
        f"{folder}/{name}": f"{limit}\n",
        f"{folder}/memory.current": f"{used}\n",
        f"{folder}/memory.stat": f"anon 5\ninactive_file {cache}\n",
    }


def test_the_machine_alone(tmp_path: Path) -> None:
    assert memory.available(machine(tmp_path, {})) == 8000 * MB
    assert memory.available(tmp_path / "nothing") is None


@pytest.mark.parametrize("place", ["", "job", "job/step"])
@pytest.mark.parametrize("name", ["memory.max", "memory.high"])
def test_the_least_of_all_groups_above_counts(tmp_path: Path, place: str, name: str) -> None:
    free = group("job/step", "max", 50 * MB)
    said = {**V2, **free, **group(place, 500 * MB, 200 * MB, 30 * MB, name)}
    assert memory.available(machine(tmp_path, said)) == 330 * MB


def test_groups_of_version_1(tmp_path: Path) -> None:
    folder = "sys/fs/cgroup/memory/job"
    said = {
        **V1,
        f"{folder}/memory.limit_in_bytes": str(700 * MB),
        f"{folder}/memory.usage_in_bytes": str(100 * MB),
        f"{folder}/memory.stat": f"inactive_file 1\ntotal_inactive_file {20 * MB}\n",
        f"{folder}/step/memory.limit_in_bytes": "9223372036854771712",
        f"{folder}/step/memory.usage_in_bytes": "5",
    }
    assert memory.available(machine(tmp_path, said)) == 620 * MB


def test_a_container_that_sees_its_own_group_at_the_top(tmp_path: Path) -> None:
    said = {**V2, "proc/self/cgroup": "0::/\n", **group("", 600 * MB, 100 * MB)}
    assert memory.available(machine(tmp_path, said)) == 500 * MB
    said["proc/self/mountinfo"] = "30 20 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
    assert memory.available(machine(tmp_path, said)) == 500 * MB
    said["proc/self/cgroup"] = "0::/docker/abc/job\n"
    said.update(group("job", 300 * MB, 100 * MB))
    assert memory.available(machine(tmp_path, said)) == 200 * MB


@pytest.mark.parametrize(
    ("there", "cores"), [(None, 8), (100_000 * MB, 8), (2000 * MB, 4), (1100 * MB, 2), (700 * MB, 1), (460 * MB, 1)]
)
def test_fewer_tasks_at_once_where_memory_is_short(there: int | None, cores: int) -> None:
    assert memory.cores_that_fit(8, there and int(there), None) == cores


def test_too_little_is_refused_with_the_estimate() -> None:
    with pytest.raises(EngineError, match=r"about 450 MB of memory or more.*and 300 MB are free"):
        memory.cores_that_fit(2, 300 * MB, None)
    with pytest.raises(EngineError, match=r"ulimit -v.* allows a process 1,000 MB"):
        memory.cores_that_fit(2, None, 1000 * MB)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2G", 2 << 30),
        ("1500M", 1500 * MB),
        ("1.5 GiB", 3 << 29),
        ("700mb", 700 * MB),
        ("1t", 1 << 40),
        ("1048576", MB),
        ("8kB", 8192),
    ],
)
def test_amounts_of_memory(text: str, size: int) -> None:
    assert memory.size(text) == size


@pytest.mark.parametrize("text", ["", "G", "0", "0G", "-2G", "2X", "2GG", "two", "1e9", "2 0G", "\u0662G\n2G"])
def test_what_is_no_amount_of_memory(text: str) -> None:
    with pytest.raises(UsageError, match="such as 2G"):
        memory.size(text)


def test_what_a_limit_leaves_is_less_what_all_processes_hold(tmp_path: Path) -> None:
    own = os.getpid()
    said = {
        f"proc/{own}/smaps_rollup": "00-ff ---p [rollup]\nRss: 900000 kB\nPss: 102400 kB\nPss_Anon: 7 kB\n",
        f"proc/{own}/task/{own}/children": "11 ",
        f"proc/{own}/task/77/children": "12 13 ",
        "proc/11/smaps_rollup": "Pss: 204800 kB\n",
        "proc/11/task/11/children": "14",
        "proc/14/smaps_rollup": "Pss: 1024 kB\n",
        "proc/12/smaps_rollup": "Pss: 2048 kB\n",
    }
    root = machine(tmp_path, said)
    assert memory.held(own, root) == 303 * MB
    assert memory.free(1000 * MB, root) == 697 * MB
    assert memory.free(None, root) == memory.free(1 << 50, root) == 8000 * MB


def test_a_job_that_does_not_fit_its_memory_is_refused_before_the_work(tmp_path: Path) -> None:
    path, output = crawl.write(tmp_path / "crawl")[0], tmp_path / "corpus"
    command = [sys.executable, "-m", "curate", "clean", "--input", str(path), "--output", str(output), "--quiet"]
    done = subprocess.run([*command, "--memory", "400M"], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode != 0
    assert "of the 400 MB of --memory" in done.stderr
    assert "Traceback" not in done.stderr
    assert not output.exists()
    with pytest.raises(UsageError, match="embedded engine"), session("test", "spark", limit=1 << 30):
        pass


@pytest.mark.engine
def test_a_limit_of_addresses_ends_a_job_before_it_begins(tmp_path: Path) -> None:
    path, output = crawl.write(tmp_path / "crawl")[0], tmp_path / "corpus"
    words = ["clean", "--input", str(path), "--output", str(output), "--quiet"]
    done = limited("RLIMIT_AS", 1900 * MB, *words)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: a limit (ulimit -v) allows a process 1,900 MB")
    assert not output.exists()


GROUPS = Path("/sys/fs/cgroup/memory")


def _gone(group: Path) -> None:
    """Remove a control group, which is busy as long as the kernel has not taken away its last process."""
    until = time.monotonic() + 30
    while True:
        try:
            return group.rmdir()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


@pytest.mark.engine
@pytest.mark.skipif(not os.access(GROUPS / "cgroup.procs", os.W_OK), reason="takes root and control groups, version 1")
@pytest.mark.parametrize(("limit", "ends"), [(440, "error: a job takes about"), (800, "note: memory is short: 1 task")])
def test_a_real_control_group(tmp_path: Path, limit: int, ends: str) -> None:
    path, output = crawl.write(tmp_path / "crawl")[0], tmp_path / "corpus"
    group = GROUPS / f"curate-test-{os.getpid()}-{limit}"
    group.mkdir()
    try:
        (group / "memory.limit_in_bytes").write_text(str(limit * MB))
        command = [
            sys.executable,
            "-m",
            "curate",
            "clean",
            "--input",
            str(path),
            "--output",
            str(output),
            "--cores",
            "2",
        ]
        inside = f'echo $$ > {group}/cgroup.procs; exec "$@"'
        done = subprocess.run(
            ["sh", "-c", inside, "sh", *command], capture_output=True, text=True, check=False, cwd=ROOT
        )
    finally:
        for process in map(int, (group / "cgroup.procs").read_text().split()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)  # a child may outlive its parent by a moment, and the group with it
        _gone(group)
    assert ends in done.stderr, done.stderr
    assert done.returncode == (2 if ends.startswith("error") else 0)
