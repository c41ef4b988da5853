"""Threads that wait for servers and disks, without keeping a person waiting."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def pool(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Threads for a block. What ends the block early, Ctrl-C or an error, doesn't wait for those that are in the middle of a
    request; nothing they find is used, so they may only read."""
    found = ThreadPoolExecutor(workers)
    try:
        yield found
    except BaseException:
        found.shutdown(wait=False, cancel_futures=True)
        raise
    found.shutdown()
