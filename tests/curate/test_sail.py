"""Who reaches the embedded engine: this process, and nobody else."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from curate.engine import sail, session
from curate.errors import EngineError, UsageError

ROOT = Path(__file__).parents[2]
closable = pytest.mark.skipif(not sail.closable(), reason="this system can't close a port")
ATTACK = """
import os, sys
from pyspark.sql.connect.session import SparkSession
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
spark = SparkSession.builder.remote(f"sc://{sys.argv[1]}:{sys.argv[2]}").create()
evidence = sys.argv[3]
def code(batches):
    open(evidence, "w").write(str(os.getuid()))
    yield from batches
spark.range(1).mapInArrow(code, "id bigint").collect()
"""
"""A second user (nobody, once Python is loaded) who sends a function to a Spark Connect server."""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that listens on the loopback address."""
    with socket.socket() as found:
        found.bind((sail.LOOPBACK, 0))
        found.listen(8)
        yield found


def _gets_in(listener: socket.socket, address: str, key: bytes = b"") -> bool:
    with socket.socket() as client:
        client.bind((address, 0))
        client.settimeout(0.1)
        if key:
            sail.sign(client, key)
        try:
            client.connect(listener.getsockname())
        except TimeoutError:
            return False
        return True


@closable
def test_only_who_has_the_key_comes_in_from_whatever_address(listener: socket.socket) -> None:
    addresses = (sail.LOOPBACK, "127.0.0.2")
    assert all(_gets_in(listener, address) for address in addresses)
    for _ in addresses:
        listener.accept()[0].close()
    key = os.urandom(sail.KEY_BYTES)
    sail.sign(listener, key)
    for address in addresses:
        assert not _gets_in(listener, address)
        assert not _gets_in(listener, address, key[:-1])
        assert not _gets_in(listener, address, key[:-1] + bytes([key[-1] ^ 1]))
    with socket.socket() as friend:
        sail.sign(friend, key)
        friend.settimeout(1)
        friend.connect(listener.getsockname())
        served = listener.accept()[0]
        friend.sendall(b"ping")
        assert served.recv(9) == b"ping"
        served.sendall(b"pong" * 50_000)
        assert len(friend.makefile("rb").read(200_000)) == 200_000
        served.close()


@closable
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="to give up its rights takes root")
def test_it_takes_no_privilege() -> None:
    """A packet filter did, from Linux 5d39580f68e6 on: all but root were told that others can reach the engine."""
    code = (
        "import os\nfrom curate.engine import sail\nos.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "print(sail.closable())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


@closable
def test_a_muted_thread_opens_no_port() -> None:
    with socket.socket() as port, socket.socket() as other:
        port.bind((sail.LOOPBACK, 0))
        assert sail._in_thread(lambda: sail._mute_listen() and port.listen(1) is None)
        assert not port.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        other.listen(1)  # other threads are as they were
        assert other.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)


def _listening() -> list[tuple[str, int]]:
    """Where this process listens on TCP."""
    inodes = {os.stat(f"/proc/self/fd/{fd}").st_ino for fd in os.listdir("/proc/self/fd") if _there(fd)}
    found = []
    for name, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/self/net/{name}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[9]) in inodes:
                address, port = fields[1].split(":")
                words = b"".join(
                    int(address[i : i + 8], 16).to_bytes(4, sys.byteorder) for i in range(0, len(address), 8)
                )
                found.append((socket.inet_ntop(family, words), int(port, 16)))
    return found


def _there(fd: str) -> bool:
    return os.path.exists(f"/proc/self/fd/{fd}")


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="no /proc")
def test_looking_for_a_socket_leaves_no_handle_behind(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w"), socket.socket() as port:
        port.bind((sail.LOOPBACK, 0))
        before = os.listdir("/proc/self/fd")
        with sail.socket_at(port.getsockname()) as found:
            assert found.getsockname() == port.getsockname()
        assert os.listdir("/proc/self/fd") == before
        with pytest.raises(OSError, match="no socket"):
            sail.socket_at((sail.LOOPBACK, 1))
        assert os.listdir("/proc/self/fd") == before


@closable
@pytest.mark.engine
def test_another_process_gets_nowhere() -> None:
    connect = (
        "import socket, sys\n"
        "try: socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=0.3)\n"
        "except OSError: sys.exit(7)"
    )
    door = (
        "import socket, sys\n"
        "s = socket.socket(socket.AF_UNIX); s.connect(chr(0) + sys.argv[1].split(':')[1]); s.settimeout(9)\n"
        "sys.exit(7 if s.recv(1) == b'' else 0)"
    )
    with session.session("test", "sail", cores=2, private=True) as s:
        assert s.closed
        assert _listening() == []  # nothing runs before it is needed
        assert s.spark.range(5).count() == 5
        open_to_all = _listening()
        assert len(open_to_all) == 1
        for address, port in open_to_all:
            done = subprocess.run([sys.executable, "-c", connect, address, str(port)], check=False)
            assert done.returncode == 7
        other = sail.Sail()
        done = subprocess.run([sys.executable, "-c", door, other.target], check=False)
        assert done.returncode == 7
        other.stop()
        assert s.spark.range(5).count() == 5
    assert _listening() == []


@closable
@pytest.mark.engine
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="a second user takes root")
def test_another_user_runs_no_code_here(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.getbasetemp()
    evidence = folder / "ran-as"

    def attack(seconds: float) -> bool:
        evidence.unlink(missing_ok=True)
        (address,) = _listening()
        command = [sys.executable, "-c", ATTACK, *map(str, address), str(evidence)]
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(command, timeout=seconds, check=False, capture_output=True)
        return evidence.exists() and evidence.read_text() == str(os.getuid())

    with monkeypatch.context() as patched:
        patched.setattr(sail, "_mute_listen", lambda: False)
        with session.session("test", "sail", cores=1) as s:
            assert not s.closed
            s.spark.range(1).count()
            began = time.monotonic()
            assert attack(60)  # or the attack below proves nothing
            enough = 3 * (time.monotonic() - began)
    with session.session("test", "sail", cores=1) as s:
        s.spark.range(1).count()
        assert not attack(enough)
        assert s.spark.range(5).count() == 5


def test_private_is_refused_where_it_can_not_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sail, "_mute_listen", lambda: False)
    with pytest.raises(EngineError, match="--private"), session.session("test", "sail", private=True):
        pass
    for words in ({"master": "spark://host:7077"}, {"master": "sc://host:15002"}):
        with pytest.raises(UsageError, match=r"spark\.authenticate"), session.session("test", private=True, **words):
            pass


@pytest.mark.engine
def test_an_open_engine_is_told_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from curate.sample import crawl

    path = crawl.write(tmp_path / "crawl")[0]
    code = (
        "from curate import cli\nfrom curate.engine import sail\n"
        "sail._mute_listen = lambda: False\n"
        f"cli.main(['clean', '--input', {str(path)!r}, '--output', {str(tmp_path / 'out')!r}, '--cores', '1'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "note: other users of this machine can reach" in done.stderr


def test_an_engine_that_waits_costs_nothing() -> None:
    """Its runtime met a socket that did not listen yet, and once asked it for connections without end: a core's time."""
    program = (
        "import time; from curate.engine.sail import Sail; engine = Sail(); session = engine.connect(); "
        "session.range(3).count(); started = time.process_time(); time.sleep(1); "
        "print(time.process_time() - started); session.stop(); engine.stop()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert float(done.stdout) < 0.6  # of a second
