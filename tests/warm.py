"""Children that outlive their job, for tests: to start one costs a second, and each job would start its own.

A child that waits is taken by a later job only where one started now would be the same: same environment, module path, working
folder and limits. What it remembers of files (recipes, readers) it forgets when a job ends, as those of the next may have their names.
"""

import functools
import gc
import os
import resource
import sys
import types

import pytest

from curate.engine import children, session, starts

_dropped: list[starts.Server] = []
"""Processes that children were forked from when the surroundings were others."""
KEPT = 2
"""How many wait, with and without a limit of memory each."""
PASSING = frozenset({"PYTEST_CURRENT_TEST", "RUST_LOG", session.sail.CONNECT_MODE})
"""Variables that jobs and pytest set, and that say nothing to a child."""
READ = (
    "curate.run.",
    "curate.read.",
    "curate.corpus.",
    "curate.mixing.",
    "curate.links.",
    "curate.tokens.",
    "curate.files.storage",
)
"""Whose caches hold what was read from files that somebody named."""
LIMITS = [getattr(resource, name) for name in ("RLIMIT_DATA", "RLIMIT_AS", "RLIMIT_FSIZE") if hasattr(resource, name)]


def forget(_task: object) -> dict[str, object]:
    """Task of a child: empty the caches of what it has read."""
    for cache in gc.get_objects():
        if isinstance(cache, functools._lru_cache_wrapper) and str(cache.__module__).startswith(READ):
            cache.cache_clear()
    return {}


def _surroundings() -> tuple[object, ...]:
    """All that a child takes over from this process."""
    environment = {name: value for name, value in os.environ.items() if name not in PASSING}
    return environment, list(sys.path), os.getcwd(), [resource.getrlimit(limit) for limit in LIMITS]


class _Server(starts.Server):
    """What children are forked from, likewise."""

    def __init__(self, base: starts.Server | None = None) -> None:
        self.around = _surroundings()
        super().__init__(base)


class _Child(children.Child):
    """A child that knows where it was started."""

    def __init__(self, memory: int, started: starts.Started | None = None) -> None:
        self.started = _surroundings()
        if any(isinstance(one, _Server) and one.around != self.started for one in starts._servers):
            _dropped.extend(starts._servers)
            starts._servers.clear()
        super().__init__(memory, started)

    @property
    def alive(self) -> bool:
        return super().alive and self.started == _surroundings()


def _rest() -> None:
    """Keep a few of the children that wait; close the others."""
    with children._lock:
        waiting = [children._idle.pop() for _ in list(children._idle)]
        for limited in (True, False):
            fit = [child for child in waiting if child.alive and bool(child.memory) is limited]
            children._idle.extend(fit[:KEPT])
    kept = list(children._idle)
    for child in waiting:
        if child not in kept:
            child.close()
    for child in kept:
        list(child.request("tests.warm:forget", None))


def _load(function, *tasks, memory=0):
    """What a job loads is not for the next one's."""
    for task in tasks:
        children.call(function, task, memory=memory)


@pytest.fixture(scope="session", autouse=True)
def warm_children():
    """Jobs of this process leave their children to the next one."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(children, "Child", _Child)
        patched.setattr(starts, "Server", _Server)
        patched.setattr(children, "load", _load)
        patched.setattr(session, "children", types.SimpleNamespace(**{**vars(children), "close_all": _rest}))
        yield
    children.close_all()
    for server in _dropped:
        server.close()
