"""What packed bytes hold that are damaged: all up to the damage, to the byte."""

from collections.abc import Callable
from typing import Any

AT_ONCE = 256 << 10


def salvaged(begin: Callable[[], Any], data: bytes, known: int, errors: tuple[type[Exception], ...]) -> bytes:
    """What a damaged member unpacks to behind its first `known` bytes: first in steps, then byte by byte.

    A decompressor that finds damage keeps what it had unpacked in that step, so the last steps are small. `begin` makes one
    with the interface of zlib's; `errors` are what it raises.
    """
    found = b""
    for step in (4096, 1):
        inflater, rest, done = begin(), data, 0
        try:
            while not inflater.eof:
                left = known + len(found) - done
                part = inflater.decompress(rest, min(left, AT_ONCE) if left > 0 else step)
                rest = inflater.unconsumed_tail
                done += len(part)
                if left <= 0:
                    found += part
                if not part and not rest:
                    break
        except errors:
            pass
    return found
