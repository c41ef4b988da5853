"""Tasks: dataclasses that go through JSON, functions that another process can import."""

import json
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.engine import tasks
from curate.files import typed_json


@dataclass(frozen=True, slots=True)
class Inner:
    name: str
    share: float = 0.5


@dataclass(frozen=True, slots=True)
class Task:
    out: str
    number: int
    inner: Inner
    names: tuple[str, ...] = ()
    pairs: tuple[tuple[str, int], ...] = ()
    found: dict[str, Inner] = field(default_factory=dict)
    maybe: Inner | None = None
    flag: bool = False


TASKS = st.builds(
    Task,
    out=st.text(),
    number=st.integers(-(2**70), 2**70),
    inner=st.builds(Inner, st.text(), st.floats(allow_nan=False)),
    names=st.lists(st.text()).map(tuple),
    pairs=st.lists(st.tuples(st.text(), st.integers())).map(tuple),
    found=st.dictionaries(st.text(), st.builds(Inner, st.text())),
    maybe=st.none() | st.builds(Inner, st.text()),
    flag=st.booleans(),
)


@given(TASKS)
def test_a_dataclass_comes_back_from_json_as_it_was(task: Task) -> None:
    assert typed_json.load(Task, json.loads(json.dumps(typed_json.dump(task)))) == task


GOOD = {"out": "a", "number": 1, "inner": {"name": "x"}}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"number": "1"}, "Task.number must be a whole number, got '1'"),
        ({"number": True}, "Task.number must be a whole number, got True"),
        ({"inner": {"name": 3}}, "Task.inner.name must be a text, got 3"),
        ({"inner": {}}, "Task.inner needs name"),
        ({"names": "ab"}, "Task.names must be a list, got 'ab'"),
        ({"names": ["a", 1]}, r"Task.names\[1\] must be a text"),
        ({"pairs": [["a"]]}, r"Task.pairs\[0\] must be a list of 2"),
        ({"found": []}, "Task.found must be an object"),
        ({"nmber": 1}, "Task has no field 'nmber'"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, object], told: str) -> None:
    with pytest.raises(TypeError, match=told):
        typed_json.load(Task, {**GOOD, **change})


def test_what_json_has_not_is_refused() -> None:
    with pytest.raises(TypeError, match="does not go into JSON"):
        typed_json.dump({1, 2})


def double(task: Inner) -> Inner:
    return Inner(task.name * 2, task.share * 2)


def test_a_function_goes_by_its_name() -> None:
    name = tasks.reference(double)
    assert tasks.function(name) is double
    answer = tasks.call_json(tasks.function(name), {"name": "ab"})
    assert tasks.result_of(double, answer) == Inner("abab", 1.0)


def test_a_function_that_can_not_be_imported_is_refused() -> None:
    def local(task: Inner) -> Inner:
        return task

    for function in (local, lambda task: task):
        with pytest.raises(TypeError, match="can't be imported"):
            tasks.reference(function)
