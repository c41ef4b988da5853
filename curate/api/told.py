"""The errors of the command line, for programs: whatever a person can mend is a `CurateError` with the same words. And its paths."""

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from curate.errors import in_words
from curate.files.home import at_home

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


def housed(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, whose arguments are those of a command: `~/` is the home folder in them as on the command line, in texts, paths, and lists
    and tables of these."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return function(*map(_housed, args), **{name: _housed(value) for name, value in kwargs.items()})

    return call


def _housed(value: Any) -> Any:
    if isinstance(value, str):
        return at_home(value)
    if isinstance(value, os.PathLike):
        path = os.fspath(value)
        return at_home(path) if isinstance(path, str) else value
    if isinstance(value, Mapping):
        return {name: _housed(one) for name, one in value.items()}
    return type(value)(map(_housed, value)) if type(value) in (list, tuple) else value
