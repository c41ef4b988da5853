"""How this package's loops are compiled: cached on disk, without the interpreter's lock, floats in program order."""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from numba import njit
from numpy.typing import NDArray

# What compiled code takes: widths of numbers are settled when it is compiled, from the arrays that it is given.
Number: TypeAlias = Any
Array: TypeAlias = NDArray[Any]

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """A compiled function that Python calls."""
    made: F = njit(cache=True, nogil=True)(function)
    return made


def inner(function: F) -> F:
    """A compiled function that only compiled functions call: no wrapper for Python, so it compiles far faster."""
    made: F = njit(cache=True, nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)
    return made


def hot(function: F) -> F:
    """An inner function that is put into its callers: a call hands over every array of a tape, which costs more
    than what these functions do.
    """
    made: F = njit(cache=True, nogil=True, inline="always")(function)
    return made
