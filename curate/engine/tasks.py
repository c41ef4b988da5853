"""What a task is: a function of a module and one small dataclass for it; both go to another process, as a name and JSON."""

import functools
import importlib
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from curate.files import storage, typed_json

T = TypeVar("T")
R = TypeVar("R")


class Run(Protocol):
    """What runs tasks: `Session.run`, or `here`."""

    def __call__(self, function: Callable[[T], R], tasks: Sequence[T], /) -> Iterable[R]: ...


class OutTask(Protocol):
    """A task that is done when one file stands there."""

    @property
    def out(self) -> str: ...


Out = TypeVar("Out", bound=OutTask)


def missing(tasks: Sequence[Out]) -> list[Out]:
    """The tasks whose file is not there yet."""
    there = storage.existing(task.out for task in tasks)
    return [task for task in tasks if task.out not in there]


def here(function: Callable[[T], R], tasks: Sequence[T]) -> Iterator[R]:
    """Run tasks one after the other in this process."""
    return map(function, tasks)


def reference(function: Callable[..., object]) -> str:
    """`package.module:name` of a function. Raises TypeError for one that another process can't import."""
    module, name = function.__module__, function.__qualname__
    if module == "__main__" or getattr(importlib.import_module(module), name, None) is not function:
        raise TypeError(f"{module}:{name} can't be imported: a task is a function at the top of a module")
    return f"{module}:{name}"


def function(reference: str) -> Callable[..., object]:
    """The reverse of `reference`."""
    module, _, name = reference.partition(":")
    found: Callable[..., object] = getattr(importlib.import_module(module), name)
    return found


def supervises(function: Callable[[T], R]) -> Callable[[T], R]:
    """Mark a task function that does its work in children of its own, so that Sail calls it in this process."""
    function.supervises = True  # type: ignore[attr-defined]
    return function


@functools.cache
def _types(function: Callable[..., object]) -> tuple[Any, Any]:
    """Types of the argument and of the result; what is not said is JSON as it comes."""
    hints = typing.get_type_hints(function)
    result = hints.pop("return", object)
    return next(iter(hints.values()), object), result


def call_json(function: Callable[..., object], task: object) -> object:
    """Call a function on its argument as JSON; the result as JSON, or the iterator of batches that it gave."""
    answer = function(typed_json.load(_types(function)[0], task))
    return answer if isinstance(answer, Iterator) else typed_json.dump(answer)


def result_of(function: Callable[[T], R], answer: object) -> R:
    """The result of a task from its JSON."""
    found: R = typed_json.load(_types(function)[1], answer)
    return found
