"""The errors of the command line, for programs: whatever a person can mend is a `CurateError` with the same words."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from curate.errors import in_words

P = ParamSpec("P")
R = TypeVar("R")


def told(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, whose errors of the operating system are the CurateError that the command line would show."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            found = in_words(error)
            if found is None or found is error:
                raise
            raise found from error

    return call
