"""What a user may not do, tried by root as well: a thread that has given up its capabilities."""

import ctypes
import os
import struct
import threading
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")
_VERSION = 0x20080522  # linux/capability.h


def powerless(call: Callable[[], T]) -> T | Exception:
    """What `call` returns or raises for a user whom permissions bind. Skips the test where root can't be one."""
    found: list[T | Exception] = []

    def run() -> None:
        if os.geteuid() == 0 and ctypes.CDLL(None).capset(struct.pack("Ii", _VERSION, 0), bytes(24)):
            return
        try:
            found.append(call())
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if not found:
        pytest.skip("root can't give up its capabilities here")
    return found[0]
