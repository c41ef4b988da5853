"""How much memory there is for a job, whoever limits it, and how many tasks at once that allows: said before the work."""

import ctypes
import os
import re
import resource
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import cast

from curate.errors import EngineError, UsageError

DRIVER = 230 << 20
"""Bytes that the process of a job needs, the embedded engine among it (before joins: see curate/dedup/memory.py)."""
TASK, SMALL_TASK = 400 << 20, 220 << 20
"""Bytes that a child needs: on real crawls 300 to 460 MB at its peak, on small ones that much."""
ADDRESSES = 2 << 30
"""Bytes of address space (`ulimit -v`) that a child takes with its libraries; measured 1.9 GB."""
NO_LIMIT = 1 << 60
"""What version 1 of cgroups says where there is none is beyond this."""


UNITS = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)


def size(text: str) -> int:
    """Bytes of `2G`, `1500 MB`, `1.5GiB` or a plain number; K, M, G and T are powers of 1,024. Raises UsageError for anything else."""
    found = _SIZE.fullmatch(text.strip())
    if not found or not (count := int(float(found[1]) * (1 << UNITS[found[2].lower()]))):
        raise UsageError(f"an amount of memory is a number and K, M, G or T, such as 2G, not {text!r}")
    return count


def free(limit: int | None = None, root: Path = Path("/"), servers: Sequence[int] = ()) -> int | None:
    """Bytes that this process and its children may still take, of the machine and of the `limit` that they were given; None when
    unknown. What the largest of the processes `servers` holds counts as free: children are forked from one of them at a time and share it."""
    found = (
        []
        if limit is None
        else [limit - held(os.getpid(), root) + max((share(one, root) for one in servers), default=0)]
    )
    there = available(root)
    if there is not None:
        found.append(there + max((anonymous(one, root) for one in servers), default=0))
    return min(found, default=None)


def held(pid: int, root: Path = Path("/")) -> int:
    """Bytes that a process and all below it hold; what several share is counted once (the kernel's Pss). 0 where that is unknown."""
    threads = root / f"proc/{pid}/task"
    below = [int(child) for path in threads.glob("*/children") for line in _lines(path) for child in line.split()]
    return share(pid, root) + sum(held(child, root) for child in below)


def share(pid: int, root: Path = Path("/")) -> int:
    """What a process alone adds to `held`."""
    return _statistic(root / f"proc/{pid}/smaps_rollup", "Pss:") << 10


def anonymous(pid: int, root: Path = Path("/")) -> int:
    """Bytes that a process holds and that are of no file, with what it shares; 0 where that is unknown."""
    return _statistic(root / f"proc/{pid}/smaps_rollup", "Anonymous:") << 10


def available(root: Path = Path("/")) -> int | None:
    """Bytes of memory that this process and its children may still take together; None when unknown.

    The least of what the machine has (MemAvailable) and what each control group above this process leaves, of version 2
    (memory.max, memory.high) and 1; pages of files that a group could give back count as free. `root` is for tests.
    """
    return min([*_machine(root), *_groups(root)], default=None)


def allowed(kind: int = resource.RLIMIT_AS) -> int | None:
    """Bytes of address space (RLIMIT_AS) or of data (RLIMIT_DATA) that one process may have; None: as many as it likes."""
    limit = resource.getrlimit(kind)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def cpu_count() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cores_that_fit(cores: int, there: int | None, addresses: int | None, limit: int | None = None) -> int:
    """Tasks at once, `cores` at most, for so many bytes of memory that are left (of `limit`, where there is one) and of addresses.
    Raises EngineError when not even one."""
    if addresses is not None and addresses < ADDRESSES:
        raise EngineError(
            f"a limit (ulimit -v) allows a process {addresses >> 20:,} MB of address space, and it takes about "
            f"{ADDRESSES >> 20:,} MB (most of them never used): raise it, and limit memory by a control group"
        )
    if there is None:
        return cores
    if there < DRIVER + SMALL_TASK:
        of = f" of the {limit >> 20} MB of --memory" if limit is not None else ""
        raise EngineError(
            f"a job takes about {(DRIVER + SMALL_TASK) >> 20} MB of memory or more ({(DRIVER + TASK) >> 20} MB on large "
            f"inputs), and {max(there, 0) >> 20} MB are free here{of}: give it more (of the machine, or of its container)"
        )
    return max(1, min(cores, (there - DRIVER) // TASK))


def _machine(root: Path) -> Iterator[int]:
    for line in _lines(root / "proc/meminfo"):
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) << 10


def _groups(root: Path) -> Iterator[int]:
    """What each control group above this process leaves."""
    names = dict(_memberships(root))
    for line in _lines(root / "proc/self/mountinfo"):
        fields, _, rest = line.partition(" - ")
        kind, _, options = [*rest.split(" ", 2), "", ""][:3]
        version = 2 if kind == "cgroup2" else 1 if kind == "cgroup" and "memory" in options.split(",") else 0
        if version not in names:
            continue
        top, place = (_unescaped(text) for text in fields.split()[3:5])
        group = names[version]
        inside = os.path.relpath(group, top) if (group + "/").startswith(top.rstrip("/") + "/") else "."
        folder = root / place.lstrip("/")
        for name in (".", *_prefixes(inside)):
            yield from _left(folder / name, version)


def _memberships(root: Path) -> Iterator[tuple[int, str]]:
    """(2 or 1, the group) of this process: lines `0::/path` and `4:memory:/path`."""
    for line in _lines(root / "proc/self/cgroup"):
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            yield 2, path
        elif "memory" in controllers.split(","):
            yield 1, path


def _prefixes(path: str) -> list[str]:
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return ["/".join(parts[: n + 1]) for n in range(len(parts))] if ".." not in parts else []


def _left(group: Path, version: int) -> Iterator[int]:
    limits, used, cache = (
        (("memory.max", "memory.high"), "memory.current", "inactive_file")
        if version == 2
        else (("memory.limit_in_bytes",), "memory.usage_in_bytes", "total_inactive_file")
    )
    taken = _number(group / used)
    for limit in (_number(group / name) for name in limits):
        if limit is not None and taken is not None and limit < NO_LIMIT:
            yield limit - taken + _statistic(group / "memory.stat", cache)


def _statistic(path: Path, name: str) -> int:
    return next((int(line.split()[1]) for line in _lines(path) if line.split()[:1] == [name]), 0)


def _number(path: Path) -> int | None:
    lines = _lines(path)
    return int(lines[0]) if lines and lines[0].strip().isdigit() else None  # not there, or "max"


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _unescaped(text: str) -> str:
    """A path of mountinfo, where white space stands as \\040."""
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text


def give_back() -> None:
    """Give the system what this process has freed and holds on to: allocators keep what the largest task so far took."""
    import pyarrow as pa  # there by then; `starts` imports this module before it

    pa.default_memory_pool().release_unused()
    if trim := _trim():
        trim(0)


@cache
def _trim() -> Callable[[int], object] | None:
    """The C library's own way; glibc has it."""
    try:
        return cast("Callable[[int], object]", ctypes.CDLL(None).malloc_trim)
    except (OSError, AttributeError, TypeError):
        return None
