"""How loops are compiled: cached on disk, without the interpreter's lock, floats in program order.

Most of these functions make no arrays: they write into those that Python gives them. They are compiled without counting
references, because a call that hands over the dozens of arrays of a page spends far more time on counting (atomic
operations) than on its work: the scanner is twenty times as fast without it.
"""

import pickle
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from numba import njit
from numba.core import caching, environment
from numba.core.cpu import CPUTargetOptions
from numba.core.runtime import rtsys
from numpy.typing import NDArray

from curate.filters.caching import ZippedCode

# What compiled code takes: widths of numbers are settled when it is compiled, from the arrays that it is given.
Number: TypeAlias = Any
Array: TypeAlias = NDArray[Any]

F = TypeVar("F", bound=Callable[..., Any])

_CALLED = {"nogil": True}
_SHARED = {**_CALLED, "cache": True}
_INNER = {**_SHARED, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
# numba's own switch for code that makes no arrays; where a later version lacks it, the code is only slower
_NO_COUNTS = {"_nrt": False} if hasattr(CPUTargetOptions, "_nrt") else {}

# Also numba's own; where a later version lacks it, each copy of a zip is compiled anew
if _locators := getattr(getattr(caching, "CacheImpl", None), "_locator_classes", None):
    _locators.insert(0, ZippedCode)


class _Unpickler(pickle.Unpickler):
    """Reads compiled code without importing the modules of numba that parts of it come from: code that handles no Python objects looks
    nothing up there."""

    def find_class(self, module: str, name: str) -> Any:
        return _environment if name == "_rebuild_env" else super().find_class(module, name)


def _environment(module: str, *told: Any) -> Any:
    return environment._rebuild_env("numba" if module.startswith("numba.") else module, *told)


class _File(caching.IndexDataCacheFile):  # type: ignore[misc]
    """A file of compiled code."""

    def _load_data(self, name: str) -> Any:
        with open(self._data_path(name), "rb") as file:
            return _Unpickler(file).load()


class _Cache(caching.FunctionCache):  # type: ignore[misc]
    """numba's cache of compiled code, read without what only compiling needs: it would import all that numba can compile first, scipy among
    it and a parser of C, .15 to .4 CPU seconds of each process.
    """

    counts: bool

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file.__class__ = _File

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        if self.counts:
            rtsys.initialize(target_context)  # such functions are linked with it
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)


def _cached(function: F, **options: Any) -> F:
    made: Any = njit(**_CALLED, **options)(function)
    made._cache = _Cache(function)
    made._cache.counts = options.get("_nrt", True)
    return made  # type: ignore[no-any-return]


def compiled(function: F) -> F:
    """A compiled function that Python calls. It makes no arrays."""
    return _cached(function, **_NO_COUNTS)


def compiled_making(function: F) -> F:
    """A compiled function that Python calls and that makes arrays."""
    return _cached(function)


def compiled_like_numpy(function: F) -> F:
    """The same, where a division by zero is no error but numpy's result: no check at each of them."""
    return _cached(function, error_model="numpy")


def inner(function: F) -> F:
    """A compiled function that only compiled functions call: no wrapper for Python, so it compiles far faster."""
    made: F = njit(**_INNER, **_NO_COUNTS)(function)
    return made


def inner_making(function: F) -> F:
    """An inner function that makes arrays."""
    made: F = njit(**_INNER)(function)
    return made


def hot(function: F) -> F:
    """An inner function that is put into its callers: a call hands over every array of a tape, which costs more
    than what these functions do.
    """
    made: F = njit(**_SHARED, **_NO_COUNTS, inline="always")(function)
    return made
