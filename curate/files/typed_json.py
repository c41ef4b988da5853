"""Dataclasses to JSON and back by their type hints: what goes between processes, and into files and out of them again."""

import functools
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar

T = TypeVar("T")
NAMES = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", type(None): "null"}


def dump(value: object) -> object:
    """A dataclass, a sequence or a mapping of these, or what JSON has itself, as JSON takes it. Raises TypeError for
    anything else."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: dump(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): dump(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [dump(item) for item in value]
    raise TypeError(f"{value!r} of type {type(value).__name__} does not go into JSON")


def load(kind: type[T], value: object, where: str = "") -> T:
    """What `dump` made, as `kind` again. Raises TypeError, with the field's name, for what does not fit."""
    return typing.cast("T", _load(kind, value, where or getattr(kind, "__name__", str(kind))))


def _load(kind: Any, value: object, where: str) -> object:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind in (object, Any):
        return value
    if origin in (typing.Union, types.UnionType):
        return _load_one_of(inner, value, where)
    if is_dataclass(kind):
        return _load_dataclass(kind, value, where)
    if (origin or kind) in (tuple, list, Sequence):
        return _load_list(kind, value, where)
    if (origin or kind) in (dict, Mapping):
        if not isinstance(value, dict):
            raise _misfit("an object", value, where)
        return {key: _load(inner[1], item, f"{where}.{key}") for key, item in value.items()} if inner else value
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not (type(None) if kind is None else kind):
        raise _misfit(NAMES.get(kind, str(kind)), value, where)
    return value


def _load_one_of(kinds: Sequence[object], value: object, where: str) -> object:
    problems = []
    for kind in kinds:
        try:
            return _load(kind, value, where)
        except TypeError as error:
            problems.append(str(error))
    raise TypeError("; ".join(problems))


def _load_list(kind: object, value: object, where: str) -> object:
    """A list, or a tuple: of one type (`tuple[int, ...]`) or of one each."""
    if not isinstance(value, list):
        raise _misfit("a list", value, where)
    origin, inner = typing.get_origin(kind) or kind, typing.get_args(kind) or (object, ...)
    if origin is not tuple or inner[-1] is ...:
        inner = (inner[0],) * len(value)
    if len(inner) != len(value):
        raise _misfit(f"a list of {len(inner)}", value, where)
    found = [_load(one, item, f"{where}[{at}]") for at, (one, item) in enumerate(zip(inner, value, strict=True))]
    return found if origin is list else tuple(found)


def _load_dataclass(kind: Any, value: object, where: str) -> object:
    if not isinstance(value, dict):
        raise _misfit("an object", value, where)
    hints = _hints(kind)
    for key in value:
        if key not in hints:
            raise TypeError(f"{where} has no field {key!r}")
    for field in fields(kind):
        if field.name not in value and field.default is MISSING and field.default_factory is MISSING:
            raise TypeError(f"{where} needs {field.name}")
    return kind(**{key: _load(hints[key], item, f"{where}.{key}") for key, item in value.items()})


@functools.cache
def _hints(kind: Any) -> dict[str, object]:
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _misfit(wanted: str, value: object, where: str) -> TypeError:
    return TypeError(f"{where} must be {wanted}, got {value!r}")
