"""The embedded engine, behind a door that only this process can pass.

Sail speaks Spark Connect on a port of the loopback address and asks nobody for a password; whoever reaches the port runs
code as the job's owner. On Linux the kernel keeps all others out, without any privilege:

* the port is bound but does not listen until it has a key (`listen` is made to do nothing in the thread that starts Sail:
  seccomp); there is no moment at which it is open;
* the kernel drops every packet that is not signed with the key (TCP_MD5SIG, RFC 2385), which this process has drawn and
  nobody else knows. A packet filter did the same; since 2026 (Linux 5d39580f68e6) it takes CAP_NET_ADMIN;
* the client connects to a Unix socket, where the kernel says which process is at the other end (SO_PEERCRED), and a
  thread hands the bytes on, signed.

Where one of these can't be had (macOS, a sandbox that forbids them), the engine starts as it is, and `Sail.closed` says so.
"""

import ctypes
import os
import platform
import select
import socket
import stat
import struct
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar
from uuid import uuid4

T = TypeVar("T")

LISTEN = {"x86_64": (0xC000003E, 50), "aarch64": (0xC00000B7, 201)}
"""The kernel's number of the architecture (linux/audit.h) and of its system call `listen`."""
LOOPBACK = "127.0.0.1"
CONNECT_MODE = "SPARK_CONNECT_MODE_ENABLED"
"""What pyspark wants in the environment of a process with a Connect session."""
_TCP_MD5SIG_EXT, _MD5_PREFIX = 32, 1  # linux/tcp.h: the option, and its flag for a range of addresses
KEY_BYTES = 80
"""Of the longest key that the kernel takes."""
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _SECCOMP_MODE_FILTER = 22, 38, 2
_SECCOMP_ALLOW, _SECCOMP_ERRNO = 0x7FFF0000, 0x00050000
_LOAD_WORD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06  # classic BPF (linux/bpf_common.h)

Instruction = tuple[int, int, int, int]
"""Code, jump if true, jump if false, operand."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def _program(instructions: list[Instruction]) -> _Program:
    return _Program(len(instructions), b"".join(struct.pack("=HBBI", *item) for item in instructions))


def sign(port: socket.socket, key: bytes) -> None:
    """Have the kernel sign what this socket sends, to whatever address, and drop what comes without the signature."""
    every = struct.pack("H126x", socket.AF_INET)  # as a sockaddr_storage: 0.0.0.0, with a prefix of no bits
    told = struct.pack(f"BBHi{KEY_BYTES}s", _MD5_PREFIX, 0, len(key), 0, key)
    port.setsockopt(socket.IPPROTO_TCP, _TCP_MD5SIG_EXT, every + told)


def _mute_listen() -> bool:
    """From here on `listen` does nothing in this thread and those that it starts. Whether that could be had."""
    if not sys.platform.startswith("linux") or platform.machine() not in LISTEN:
        return False
    architecture, call = LISTEN[platform.machine()]
    program = _program(
        [
            (_LOAD_WORD, 0, 0, 4),
            (_IF_EQUAL, 0, 3, architecture),
            (_LOAD_WORD, 0, 0, 0),
            (_IF_EQUAL, 0, 1, call),
            (_RETURN, 0, 0, _SECCOMP_ERRNO),  # error 0: success, and nothing done
            (_RETURN, 0, 0, _SECCOMP_ALLOW),
        ]
    )
    try:
        prctl = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return False
    if prctl(_PR_SET_NO_NEW_PRIVS, *map(ctypes.c_ulong, (1, 0, 0, 0))):
        return False
    return not prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_MODE_FILTER), ctypes.byref(program))


def closable() -> bool:
    """Whether this system can keep others out of a port, tried on one of its own."""

    def start() -> bool:
        if not _mute_listen():
            return False
        port.listen(1)
        return True

    with socket.socket() as port:
        port.bind((LOOPBACK, 0))
        return bool(_in_thread(start)) and _shut(port, os.urandom(KEY_BYTES))


def _shut(port: socket.socket, key: bytes) -> bool:
    """Let a bound port listen to those with the key alone; whether it does."""
    listened = bool(port.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    try:
        sign(port, key)
        signed = True
    except OSError:
        signed = False
    port.listen(16)
    return signed and not listened and not reachable(port.getsockname())


class Sail:
    """A running Sail. `target` is where gRPC finds it; `closed` says whether only this process can."""

    def __init__(self) -> None:
        from pysail.spark import SparkConnectServer

        self._server = SparkConnectServer(LOOPBACK)
        self._key = os.urandom(KEY_BYTES)
        self._door: socket.socket | None = None
        self._listener = self._start()
        self.closed = self._listener is not None
        self._address: tuple[str, int] = self._server.listening_address
        self.target = f"{LOOPBACK}:{self._address[1]}"
        if self.closed:
            self.target = self._open_door()

    def _start(self) -> socket.socket | None:
        """Start the server; returns its socket once nobody can reach it, None where that can't be had."""
        muted = _in_thread(lambda: _mute_listen() and (self._server.start(background=True) or True))
        if not muted:
            self._server.start(background=True)
            return None
        listener = socket_at(self._server.listening_address)
        if _shut(listener, self._key):
            # Sail's runtime met a socket that did not listen, and would ask for connections without end: let it wait.
            listener.setblocking(True)
            return listener
        listener.close()
        return None

    def _open_door(self) -> str:
        # Abstract: no file to leave behind, and no path that is too long. The kernel says who comes in.
        name = f"curate-{uuid4().hex}"
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(f"\0{name}")
        self._door.listen(4)
        threading.Thread(target=self._serve, args=(self._door,), name="door", daemon=True).start()
        return f"unix-abstract:{name}"

    def _serve(self, door: socket.socket) -> None:
        while True:
            try:
                client = door.accept()[0]
            except OSError:  # closed
                return
            if peer(client) == os.getpid():
                threading.Thread(target=self._hand_on, args=(client,), name="door", daemon=True).start()
            else:
                client.close()

    def _hand_on(self, client: socket.socket) -> None:
        """Carry bytes between the client and the server until one of them has enough."""
        with client, socket.socket() as server:
            try:
                sign(server, self._key)
                server.connect(self._address)
                back = threading.Thread(target=_copy, args=(server, client), name="door", daemon=True)
                back.start()
                _copy(client, server)
                back.join()
            except OSError:
                pass  # the server went: the client sees its connection end

    def connect(self) -> Any:
        """A SparkSession on this server."""
        from pyspark.sql.connect.client import ChannelBuilder
        from pyspark.sql.connect.session import SparkSession

        target = self.target

        class Channel(ChannelBuilder):  # type: ignore[misc]
            host = LOOPBACK

            def toChannel(self) -> object:  # noqa: N802 (pyspark's name)
                return self._insecure_channel(target)

        return SparkSession.builder.channelBuilder(Channel()).create()

    def stop(self) -> None:
        """End the server."""
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)  # its `accept` returns
        self._server.stop()
        if self._door is not None:
            with suppress(OSError):
                self._door.shutdown(socket.SHUT_RDWR)  # `accept` in the other thread returns
            self._door.close()
        if self._listener is not None:
            self._listener.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 18):
            target.sendall(data)
    for end, how in ((source, socket.SHUT_RD), (target, socket.SHUT_WR)):
        with suppress(OSError):
            end.shutdown(how)


def _in_thread(call: Callable[[], T]) -> T:
    """What `call` returns, called in a thread that ends with it."""
    found: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            found.append(call())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return found[0]


def peer(client: socket.socket) -> int:
    """The number of the process at the other end of a Unix socket."""
    return int(struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0])


def socket_at(address: tuple[str, int]) -> socket.socket:
    """This process's TCP socket that is bound to `address` and not connected; a second handle on it."""
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # closed by now
            if not stat.S_ISSOCK(os.stat(int(name)).st_mode):
                continue
            found = socket.socket(fileno=os.dup(int(name)))
            if found.family == socket.AF_INET and found.getsockname() == tuple(address) and not _connected(found):
                return found
            found.close()
    raise OSError(f"no socket at {address}")


def _connected(found: socket.socket) -> bool:
    try:
        found.getpeername()
    except OSError:
        return False
    return True


def reachable(address: tuple[str, int], seconds: float = 0.02) -> bool:
    """Whether a connection without the key comes about. On the loopback address it does at once, if at all."""
    with socket.socket() as stranger:
        stranger.setblocking(False)
        if stranger.connect_ex(tuple(address)) == 0:
            return True
        answered = select.select([], [stranger], [], seconds)[1]
        return bool(answered) and stranger.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
