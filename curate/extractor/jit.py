"""How this package's loops are compiled: cached on disk, without the interpreter's lock, floats in program order."""

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """A compiled function that Python calls."""
    made: F = njit(cache=True, nogil=True)(function)
    return made


def inner(function: F) -> F:
    """A compiled function that only compiled functions call: no wrapper for Python, so it compiles far faster."""
    made: F = njit(cache=True, nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)
    return made
