"""Steps of a user's own that return what no column holds: each costs its document, none the job."""

from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa
import pytest

from curate.corpus import schema
from curate.filters.base import Decision, Document, drop, keep
from curate.run.passes import judged_batch

TABLE = schema.judged("web", ("size",))
MADE: dict[str, Callable[[Document], object]] = {
    "half a character": lambda doc: keep(replace(doc, text="a\ud800"), 1),
    "bytes": lambda doc: keep(replace(doc, text=b"\xff"), 1),  # type: ignore[arg-type]
    "a number": lambda doc: keep(replace(doc, text=5), 1),  # type: ignore[arg-type]
    "half a character in a reason": lambda doc: drop(doc, "\ud800", 1),
    "a number for a reason": lambda doc: drop(doc, 5, 1),  # type: ignore[arg-type]
    "a text for a number": lambda doc: keep(doc, 1, signals={"size": "x"}),  # type: ignore[dict-item]
    "a number too large": lambda doc: keep(doc, 1, signals={"size": 10**400}),
    "a count that is none": lambda doc: Decision(doc, None, 1, {}, {"rule": "x"}),  # type: ignore[dict-item]
    "nothing": lambda doc: None,
}


@pytest.mark.parametrize("name", list(MADE))
def test_what_a_step_returns(name: str) -> None:
    def step(doc: Document) -> object:
        return MADE[name](doc) if "bad" in doc.text else keep(doc, 1, signals={"size": 1.0})

    texts = ["a good one", "a bad one", "another"]
    rows = [{"id": f"{i:032x}", "text": text, "source": "s"} for i, text in enumerate(texts)]
    batch = pa.RecordBatch.from_pylist(rows, schema.extracted("web"))
    found = judged_batch(batch, [("Step", step)], TABLE).to_pylist()
    assert [row["verdict"] for row in found] == [None, "failed", None]
    assert [row["text"] for row in found] == texts
    assert all(row["reason"] for row in found[1:2])
