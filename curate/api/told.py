"""The errors of the command line, for programs: whatever a person can mend is a `CurateError` with the same words."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from curate.errors import CurateError, of_disk, of_network, of_system

P = ParamSpec("P")
R = TypeVar("R")


def told(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, whose errors of the operating system are the CurateError that the command line would show."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except CurateError:
            raise
        except Exception as error:
            found = of_network(error)
            if isinstance(error, OSError):
                found = found or of_disk(error) or of_system(error)
            if found is None:
                raise
            raise found from error

    return call
