"""Children: results, errors, pages that hang, crash or eat memory."""

import errno
import importlib
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pytest

from curate.engine import children, memory, starts
from curate.engine.session import session
from curate.errors import EngineError, InputError
from tests.tasks import importable, runs, wait_for_end

SELF = "tests_worker_tasks"
load = children.load  # as it is, not as it is for jobs of tests
forked = pytest.mark.skipif(not starts.FORKS, reason="children are started here")


@pytest.fixture(scope="module", autouse=True)
def _tasks(tmp_path_factory):
    """A module of task functions that children can import."""
    code = (
        "import os, time, signal\n"
        "import pyarrow as pa\n"
        "from curate.engine import children\n"
        "from curate.errors import EngineError, InputError\n"
        "def double(task): return {'n': 2 * task['n'], 'pid': os.getpid()}\n"
        "def talk(task): print('noise on stdout'); return {'ok': True}\n"
        "def fail(task): raise ValueError('boom')\n"
        "def mistake(task): raise InputError('no such file')\n"
        "def batches(task):\n"
        "    for i in range(3): yield pa.RecordBatch.from_pydict({'i': [i]})\n"
        "def spin(task):\n"
        "    try:\n"
        "        with children.page(7, 0.2):\n"
        "            while True: pass\n"
        "    except children.PageTimeout: return {'timeout': True}\n"
        "def swallow(task):\n"
        "    try:\n"
        "        with children.page(7, 0.2):\n"
        "            end = time.process_time() + 0.6\n"
        "            while time.process_time() < end:\n"
        "                try:\n"
        "                    while time.process_time() < end: pass\n"
        "                except BaseException: pass\n"
        "    except children.PageTimeout: return {'timeout': True}\n"
        "    return {'timeout': False}\n"
        "def stuck(task):\n"
        "    with children.page(9, 0.1): sum(range(10 ** 11))\n"
        "def crash(task):\n"
        "    with children.page(5, 9): os.kill(os.getpid(), signal.SIGSEGV)\n"
        "def sleep(task):\n"
        "    with children.page(1, 0.2): time.sleep(0.5)\n"
        "    return {'ok': True}\n"
        "def limit(task):\n"
        "    import resource, sys\n"
        "    now = resource.getrlimit(resource.RLIMIT_DATA)[0]\n"
        "    return {'limit': now, 'pid': os.getpid(), 'pandas': 'pandas' in sys.modules,\n"
        "            'scipy': 'scipy.linalg' in sys.modules, 'held': len(HELD)}\n"
        "HELD = []\n"
        "def hold(task): HELD.append(bytearray(task['bytes'])); return {'ok': True}\n"
        "def at_work(task):\n"
        "    from curate.files import storage\n"
        "    return {'at_work': storage.at_work()}\n"
        "def wait(task): time.sleep(60)\n"
        "def killed(task):\n"
        "    try: os.close(os.open(task['mark'], os.O_CREAT | os.O_EXCL))\n"
        "    except FileExistsError: return {'ok': True}\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "def always(task): os.kill(os.getpid(), task['signal'])\n"
        "def eat(task):\n"
        "    with children.page(3, 9): x = bytearray(8 << 30)\n"
    )
    with pytest.MonkeyPatch.context() as patch, importable(patch, tmp_path_factory.mktemp("tasks"), SELF, code):
        yield


def _call(name, task=None, memory=0):
    with children.lease(memory) as child:
        return list(child.request(f"{SELF}:{name}", task or {}))


def test_result_and_reuse():
    first, second = _call("double", {"n": 4}), _call("double", {"n": 5})
    assert (first[0]["n"], second[0]["n"]) == (8, 10)
    assert first[0]["pid"] == second[0]["pid"] != os.getpid()


@forked
def test_what_is_loaded_is_there_in_all_children():
    children.close_all()
    starts.ahead(1 << 20)  # no memory: said by who needs it
    assert starts._servers == []
    starts.ahead(None)
    (server,) = starts._servers
    load(_hold, 1)
    with children.lease() as one, children.lease() as other:
        assert len({server.started.process.pid, one.pid, other.pid}) == 3
        assert [_ask(child, "_held") for child in (one, other)] == [1, 1]
        assert not HELD
    load(_hold, 2)  # they are there: one of them does it
    with children.lease() as one, children.lease() as other:
        assert sorted(_ask(child, "_held") for child in (one, other)) == [1, 2]


@forked
def test_what_is_needed_in_turn_is_loaded_side_by_side():
    children.close_all()
    load(_hold, 1, 2)
    servers = starts.server_pids()
    assert len(set(servers)) == 3
    with children.lease() as one, children.lease() as other:
        assert [_ask(child, "_first") for child in (one, other)] == [1, 1]
        before = {one.pid, other.pid}
    with children.lease():
        children.turn()  # not while one is at work
        assert starts.server_pids() == servers
    children.turn()
    assert starts.server_pids() == servers[1:]
    assert not any(map(runs, {*before, servers[0]}))
    with children.lease() as one, children.lease() as other:
        assert [_ask(child, "_first") for child in (one, other)] == [2, 2]
        assert not {one.pid, other.pid} & before
    children.turn()  # there is no next one
    assert starts.server_pids() == servers[1:]
    children.close_all()
    assert not any(map(runs, servers))


@forked
def test_a_job_that_ended_before_its_children_were_forked_leaves_nothing_to_wait_for():
    """The next one in the process asked those that had loaded for the one before, and waited for ever."""
    children.close_all()
    load(_hold, 1, 2)
    servers = starts.server_pids()
    load(_hold, 3, 4)  # as after an output that was in the way
    assert starts.server_pids() == servers
    with children.lease() as one:
        assert _ask(one, "_all") == [1, 3, 4]
    load(_hold, 5)
    children.close_all()
    with pytest.raises(InputError):
        load(_mistaken_if, "", "no")
    load(_hold, 6)
    with children.lease() as one:
        assert _ask(one, "_all") == [6]
    children.close_all()


@forked
def test_a_library_that_can_not_be_imported_is_told_by_who_needs_it(tmp_path):
    """It was said that the process was killed, and that memory may be short."""
    (tmp_path / "numba.py").write_text("raise ImportError('Numba needs another NumPy')")
    done = subprocess.run(
        [sys.executable, "-c", ALONE],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert done.stdout.split("\n") == ["1", "ImportError: Numba needs another NumPy", ""]


@forked
@pytest.mark.parametrize("threads", ["true", "false"])
def test_both_are_forked_whatever_threads_the_first_has(threads):
    done = subprocess.run(
        [sys.executable, "-c", BOTH],
        env={**os.environ, "JE_ARROW_MALLOC_CONF": f"background_thread:{threads}"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["1", "2"]


@forked
def test_one_of_two_that_load_side_by_side_dies_or_makes_a_mistake(tmp_path):
    children.close_all()
    load(_killed, str(tmp_path / "first"), str(tmp_path / "second"))
    children.turn()
    assert _call("double", {"n": 1})[0]["n"] == 2
    children.close_all()
    for tasks in (["", "no"], ["no", ""]):
        with pytest.raises(InputError, match="no such file"):
            load(_mistaken_if, *tasks)
        children.close_all()


@forked
def test_both_that_load_end_with_the_command():
    """It ends while they load, or when they have."""
    for seconds in ("1", "0"):
        with subprocess.Popen([sys.executable, "-c", LOADING, seconds], stdout=subprocess.PIPE, text=True) as command:
            pids = [int(pid) for pid in command.stdout.readline().split()]
            command.kill()
        assert len(pids) == 3
        wait_for_end(pids)


@forked
def test_a_task_that_kills_what_children_are_forked_from_is_done_again(tmp_path):
    children.close_all()
    load(_killed, str(tmp_path / "mark"))
    assert _call("double", {"n": 1})[0]["n"] == 2
    children.close_all()
    with pytest.raises(InputError, match="no such file"):
        load(_mistaken, 0)


@forked
@pytest.mark.parametrize(("what", "forked"), [("thread", False), ("file", False), ("mapped", True)])
def test_a_process_with_threads_or_open_files_is_not_forked(what, forked):
    children.close_all()
    load(_hold_open, what)
    first = starts._servers[0]
    with children.lease() as child:
        assert _ask(child, "_held") == int(forked)
    assert (starts._servers[0] is first) == forked


@forked
def test_children_outlive_each_other_and_end_with_what_they_were_forked_from():
    children.close_all()
    with children.lease() as one, children.lease() as other:
        os.kill(one.pid, signal.SIGTERM)
        with pytest.raises(children.ChildDied, match="SIGTERM"):
            list(one.request(f"{SELF}:double", {"n": 1}))
        assert _ask(other, "_held") == 0
        starts._servers[0].started.process.kill()
        with pytest.raises(children.ChildDied) as died:
            list(other.request(f"{SELF}:wait", {}))
        assert died.value.reason == "killed"
    assert _call("double", {"n": 1})[0]["n"] == 2


@forked
@pytest.mark.parametrize("killed", [2, 3])
def test_a_server_that_is_killed_as_it_begins(monkeypatch, killed):
    """It was said that no further process can be started, and to take fewer cores."""
    children.close_all()
    real, tried = starts.Server.fork, []

    def fork(server, *files):
        tried.append(server.started.process.pid)
        if len(tried) <= killed:
            server.started.process.kill()
            server.started.process.wait()
        return real(server, *files)

    monkeypatch.setattr(starts.Server, "fork", fork)
    if killed < starts.SERVERS:
        assert _call("double", {"n": 1})[0]["n"] == 2
    else:
        with pytest.raises(children.ChildDied, match="killed") as died:
            _call("double", {"n": 1})
        assert (died.value.reason, died.value.mark) == ("killed", -1)
    assert len(set(tried)) == 3
    assert starts.server_pids() in ([], tried[-1:])


@forked
def test_an_error_of_the_machine_ends_no_server(monkeypatch):
    children.close_all()
    with children.lease() as one:
        monkeypatch.setattr(starts.Server, "ask", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOMEM, "no room")))
        with pytest.raises(EngineError, match="no further process can be started"), children.lease():
            pass
        monkeypatch.undo()
        assert _ask(one, "_held") == 0


@forked
@pytest.mark.engine
def test_what_children_share_is_no_memory_that_they_lack():
    children.close_all()
    limit = memory.held(os.getpid()) + memory.DRIVER + memory.SMALL_TASK + (30 << 20)
    starts.ahead(None)
    load(_hold, 1)
    (server,) = starts.server_pids()
    assert memory.share(server) > memory.anonymous(server) > 40 << 20
    with session("limited", "sail", cores=1, limit=limit):
        pass
    children.close_all()
    assert starts.server_pids() == []


def test_children_that_can_not_be_forked_are_started(monkeypatch):
    children.close_all()
    monkeypatch.setattr(starts, "FORKS", False)
    load(_hold, 1)
    assert starts._servers == []
    with pytest.raises(children.ChildDied) as died:
        _call("crash")
    assert (died.value.reason, died.value.mark) == ("crash", 5)
    assert _call("double", {"n": 1})[0]["n"] == 2
    children.close_all()


def _ask(child: children.Child, name: str) -> object:
    (answer,) = child.request(f"tests.curate.test_workers:{name}", 0)
    return answer


HELD: list[object] = []


def _hold(value: int) -> None:
    """Task: keep a value."""
    HELD.append(value)


def _held(_: int) -> int:
    """Task: how many values are kept."""
    return len(HELD)


def _first(_: int) -> object:
    """Task: the first value that was kept."""
    return HELD[0]


def _compile(_: int) -> None:
    """Task: load what compiles."""
    importlib.import_module("curate.filters.jit")


def _wait(seconds: str) -> None:
    """Task: take a while."""
    time.sleep(float(seconds))


def _all(_: int) -> object:
    """Task: the values that are kept."""
    return HELD


ALONE = """
from curate.engine import children
from tests.curate.test_workers import _ask, _compile, _first, _hold
children.load(_hold, 1, 2)
with children.lease() as child:
    print(_ask(child, "_first"))
    try:
        _ask(child, "_compile")
    except children.ChildError as error:
        print(str(error).splitlines()[-1])
"""
BOTH = """
from curate.engine import children, starts
from tests.curate.test_workers import _ask, _first, _hold
children.load(_hold, 1, 2)
for _ in range(2):
    with children.lease() as child:
        print(_ask(child, "_first"))
    children.turn()
children.close_all()
"""
LOADING = """
import sys, threading
from curate.engine import children, starts
from tests.curate.test_workers import _wait
load = threading.Thread(target=children.load, args=(_wait, sys.argv[1], sys.argv[1]), daemon=True)
load.start()
while len(starts.server_pids()) < 3 or (sys.argv[1] == "0" and load.is_alive()):
    pass
print(*starts.server_pids(), flush=True)
threading.Event().wait()
"""


def _hold_open(what: str) -> None:
    """Task: keep a thread or a file."""
    if what == "thread":
        HELD.append(threading.Thread(target=time.sleep, args=(60,), daemon=True))
        HELD[-1].start()
    else:
        HELD.append(open(__file__) if what == "file" else np.memmap(__file__))  # noqa: SIM115


def _killed(mark: str) -> None:
    """Task: die, but not twice."""
    if not os.path.exists(mark):
        with open(mark, "w"):
            os.kill(os.getpid(), signal.SIGKILL)


def _mistaken_if(what: str) -> None:
    """Task: a mistake of the person's where there is any."""
    if what:
        raise InputError("no such file")


def _mistaken(_: int) -> None:
    """Task: a mistake of the person's."""
    raise InputError("no such file")


def test_a_limit_is_lifted_but_not_put_on_a_child_that_grew_without():
    children.close_all()
    limit = 2 << 30
    (limited,), (free,) = _call("limit", memory=limit), _call("limit")
    assert limited["limit"] >= limit  # and what the process held before: its code
    assert free["pid"] == limited["pid"]
    assert free["limit"] != limit
    (again,) = _call("limit", memory=limit)
    assert again["pid"] != free["pid"]
    assert limit <= again["limit"] < free["limit"] or free["limit"] < 0
    assert not again["pandas"]
    assert not again["scipy"]


def test_what_a_call_has_loaded_does_not_count_against_the_limit_of_the_pages():
    """The child that loads a recipe reads pages afterwards: with the recipe's models they have as much as without."""
    children.close_all()
    limit = 1 << 30
    assert children.call_json(f"{SELF}:hold", {"bytes": 3 << 30}, limit) == {"ok": True}  # by itself without a limit
    (limited,) = _call("limit", memory=limit)
    assert limited["held"]
    assert limited["limit"] >= 4 << 30


def test_prints_do_not_break_the_frames():
    assert _call("talk") == [{"ok": True}]


def test_batches_come_before_the_result():
    *batches, result = _call("batches")
    assert [batch.to_pydict() for batch in batches] == [{"i": [0]}, {"i": [1]}, {"i": [2]}]
    assert all(isinstance(batch, pa.RecordBatch) for batch in batches)
    assert result == {}


def test_an_exception_is_told_with_its_traceback():
    with pytest.raises(children.ChildError, match=r"(?s)Traceback.*boom"):
        _call("fail")


def test_a_mistake_of_the_person_keeps_its_words():
    with pytest.raises(InputError, match="no such file"):
        _call("mistake")


def test_a_page_that_spins_in_python_is_interrupted():
    assert _call("spin") == [{"timeout": True}]


def test_a_timeout_that_a_library_swallows_still_counts():
    assert _call("swallow") == [{"timeout": True}]


def test_a_page_stuck_in_c_ends_the_child_with_its_number():
    started = time.process_time()
    with pytest.raises(children.ChildDied) as died:
        _call("stuck")
    assert (died.value.reason, died.value.mark) == ("timeout", 9)
    assert time.process_time() - started < 1


def test_a_crash_names_the_page_and_the_signal():
    with pytest.raises(children.ChildDied) as died:
        _call("crash")
    assert (died.value.reason, died.value.mark) == ("crash", 5)
    assert signal.Signals.SIGSEGV.name in died.value.detail


def test_waiting_is_not_cpu_time():
    assert _call("sleep") == [{"ok": True}]


def test_memory_is_limited():
    with pytest.raises(children.ChildDied) as died:
        _call("eat", memory=2 << 30)
    assert (died.value.reason, died.value.mark) == ("memory", 3)


def test_a_dead_child_is_replaced():
    with pytest.raises(children.ChildDied):
        _call("crash")
    assert _call("double", {"n": 1})[0]["n"] == 2


def test_a_task_whose_process_is_killed_is_done_again(tmp_path):
    assert children.call_json(f"{SELF}:killed", {"mark": str(tmp_path / "mark")}) == {"ok": True}


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV"])
def test_a_task_whose_process_ends_each_time_is_named(name):
    with pytest.raises(EngineError, match=rf"{SELF}\.always \(part-1\) ended twice: .*{name}") as found:
        children.call_json(f"{SELF}:always", {"signal": int(signal.Signals[name]), "out": "part-1"})
    assert ("--cores" in str(found.value)) == (name == "SIGKILL")


@pytest.mark.engine
def test_a_job_behind_one_that_was_stopped_replaces_children_again(tmp_path):
    with pytest.raises(KeyboardInterrupt), session("stopped", "sail", cores=1):
        raise KeyboardInterrupt
    assert children.ending()
    with session("next", "sail", cores=1):
        assert not children.ending()
        assert children.call_json(f"{SELF}:killed", {"mark": str(tmp_path / "mark")}) == {"ok": True}


def test_children_that_are_killed_on_purpose_are_not_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(children, "_ending", threading.Event())
    with _lease_of_a_sleeper() as (thread, errors):
        children.kill_all()
        thread.join()
    assert [type(error) for error in errors] == [children.ChildDied]
    assert not children._busy


@contextmanager
def _lease_of_a_sleeper():
    errors = []

    def run():
        try:
            children.call_json(f"{SELF}:wait", {})
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    while not children._busy:
        time.sleep(0.01)
    yield thread, errors


def test_a_process_that_can_not_be_started_is_told(monkeypatch):
    def refuse(*_, **__):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    children.close_all()  # one that an earlier test has left would do the task
    monkeypatch.setattr(starts.subprocess, "Popen", refuse)
    with pytest.raises(EngineError, match=r"Resource temporarily unavailable.*--cores"):
        children.call_json(f"{SELF}:double", {"n": 1})


def test_a_child_works_for_a_job():
    """So it asks a busy store with a job's patience."""
    assert _call("at_work") == [{"at_work": True}]
