"""What a user may not do, tried by root as well: a thread that has given up its capabilities."""

import ctypes
import os
import struct
from collections.abc import Callable
from typing import TypeVar

import pytest

from curate.engine.sail import _in_thread

T = TypeVar("T")
_VERSION = 0x20080522  # linux/capability.h


def powerless(call: Callable[[], T]) -> T | Exception:
    """What `call` returns or raises for a user whom permissions bind. Skips the test where root can't be one."""

    def run() -> T:
        if os.geteuid() == 0 and ctypes.CDLL(None).capset(struct.pack("Ii", _VERSION, 0), bytes(24)):
            pytest.skip("root can't give up its capabilities here")
        return call()

    try:
        return _in_thread(run)
    except Exception as error:
        return error
