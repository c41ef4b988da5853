"""What a step may have is written down in a protocol, and nobody asks for anything else."""

import ast
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest

import curate.dedup as dedup
from curate.corpus import schema
from curate.dedup import index
from curate.dedup.base import documents_of, with_signals
from curate.errors import UsageError
from curate.filters.base import Parts

ROOT = Path(__file__).parents[1]
CORPUS_WIDE = {"resolve", "index", "against", "key_parameters", "uses_signals", "copies", "apply"}


def _asked() -> set[str]:
    """Names that are asked for with getattr or hasattr of something called a step."""
    found = set()
    for path in (ROOT / "curate").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            if node.func.id in ("getattr", "hasattr") and ast.unparse(node.args[0]) in ("step", "type(step)"):
                found |= {node.args[1].value} if isinstance(node.args[1], ast.Constant) else set()
    return {name for name in found if not name.startswith("__")}  # what any object has is no part of a step


def test_optional_parts_of_a_step_are_those_of_the_protocol() -> None:
    known = {name for name in dir(Parts) if not name.startswith("_")} | set(Parts.__annotations__)
    assert {"prepare", "costly", "lines", "files", "signals", "limits", "moved", "told", "by_language"} == known
    assert _asked() <= known | CORPUS_WIDE
    assert known & _asked() == known


BATCH = pa.RecordBatch.from_pylist(
    [
        {
            "id": f"{n:032x}",
            "text": f"One day {n % 2} it rained. Two men came. They left. They did so again.\nThe END",
            "url": f"h/{n}",
        }
        for n in range(6)
    ],
    schema.DOCUMENTS["web"],
)
OTHER: dict[str, Any] = {"rule": "ccnet", "bands": 3, "rows": 4, "threshold": 0.5}


@pytest.mark.parametrize("name", ["Exact", "Lines", "MinHash", "Spans", "Substrings", "Urls"])
def test_what_changes_keys_is_declared(name: str) -> None:
    step = getattr(dedup, name)()
    keys, declared = step.keys(BATCH), step.key_parameters()
    for one in fields(step):
        value = getattr(step, one.name)
        other = OTHER.get(
            one.name,
            not value
            if isinstance(value, bool)
            else value + 1
            if value and not isinstance(value, (str, float))
            else value,
        )
        both = {one.name: other, **({"bands": 3, "rows": 4} if one.name in ("bands", "rows") else {})}
        try:
            changed = replace(step, **both)
        except ValueError:
            continue
        if not changed.keys(BATCH).equals(keys):
            assert changed.key_parameters() != declared, one.name


@dataclass(frozen=True)
class Longest:
    """A corpus-wide step that looks at what a filter measured, and does not say what its keys depend on."""

    uses_signals: ClassVar[tuple[str, ...]] = ("words", "nobody_measured")
    index: str = "folder"
    against: str = ""


def test_a_step_sees_the_signals_it_asks_for() -> None:
    documents = schema.DOCUMENTS["web"]
    signals = pa.array([{"words": float(n), "lines": 1.0} for n in range(6)])
    judged = pa.RecordBatch.from_arrays([*BATCH.columns, signals], names=[*BATCH.schema.names, "signals"])
    seen = with_signals(Longest(), judged, documents)  # type: ignore[arg-type]
    assert seen.schema == documents_of(Longest(), documents)  # type: ignore[arg-type]
    assert seen["words"].to_pylist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert seen["nobody_measured"].null_count == 6
    assert with_signals(Longest(), BATCH, documents)["words"].null_count == 6  # type: ignore[arg-type]
    assert with_signals(dedup.Exact(), judged, documents).schema == documents


def test_a_step_that_does_not_say_what_its_keys_depend_on_has_no_index() -> None:
    with pytest.raises(UsageError, match="Longest can have no index"):
        index.parameters(Longest())  # type: ignore[arg-type]
