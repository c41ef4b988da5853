"""Which documents of a file are drawn, how often, and what is said of it: document by document."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.mixing import draw
from curate.mixing.hashing import DRAW, HELD_OUT, ORDER, document_keys, numbers

FULL = 1 << 64


class Rows:
    """Stands for a writer of shards."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def write(self, table: pa.Table) -> None:
        self.rows += table.to_pylist()


def task(**changed: Any) -> Any:
    plain: dict[str, Any] = {
        "file": SimpleNamespace(source="web", path="a.jsonl"), "seed": 3, "whole": 1, "threshold": FULL // 2, "extra": (),
        "held_out": 0.25, "held_out_shown": 0.1, "shards": 7,
    }  # fmt: skip
    return SimpleNamespace(**{**plain, **changed})


def signed(place: int) -> int:
    """Numbers from 0 to 2^64 - 1 as signed ones of the same order."""
    return place - (1 << 63)


@settings(deadline=None, max_examples=30)
@given(
    st.integers(0, 40),
    st.integers(0, 3),
    st.sampled_from([0, FULL // 3, FULL]),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.integers(1, 9),
)
def test_rows_are_those_of_drawing_one_by_one(
    count: int, whole: int, threshold: int, held: float, shown: float, shards: int
) -> None:
    ids = [f"id-{n}" for n in range(count)]
    batch = pa.RecordBatch.from_pylist([{"id": one, "text": f"text {one}"} for one in ids], draw.KEPT_BACK.empty_table().select(["id", "text"]).schema)  # fmt: skip
    keys = document_keys(ids)
    part: Any = SimpleNamespace(
        key=keys,
        tokens=np.arange(count),
        times=np.arange(count) % 3,
        contaminated=np.arange(count) % 5 == 0,
    )
    drawn = numbers(keys, DRAW, 3, "web", whole)
    extra = tuple(int(one) for one in drawn[:2])
    asked = task(
        whole=whole, threshold=threshold, extra=extra, held_out=held, held_out_shown=held * shown, shards=shards
    )
    out, kept, facts = Rows(), Rows(), Counter[str]()
    draw._draw_batch(batch, part, asked, out, kept, facts)  # type: ignore[arg-type]

    places, of_held = numbers(keys, HELD_OUT, 0, "", 0), []
    wanted, told = [], Counter[str]()
    for n, one in enumerate(ids):
        if int(places[n]) < round(held * FULL):
            told["held_out"] += 1
            if int(places[n]) < round(held * shown * FULL):
                of_held.append({"place": signed(int(places[n])), "source": "web", "id": one, "text": f"text {one}", "tokens": n})  # fmt: skip
            continue
        if n % 5 == 0:
            told["contaminated"] += 1
            continue
        times = (whole + (int(drawn[n]) < threshold or int(drawn[n]) in extra)) * (n % 3)
        told["drawn"] += times > 0
        told["rows"] += times
        for epoch in range(times):
            place = int(numbers(keys[n : n + 1], ORDER, 3, "web", epoch)[0])
            shard = (place >> 32) * shards >> 32
            wanted.append({"shard": shard, "place": signed(place), "source": "web", "epoch": epoch, "id": one, "text": f"text {one}", "tokens": n})  # fmt: skip
    assert sorted(out.rows, key=lambda row: (row["epoch"], row["tokens"])) == sorted(
        wanted, key=lambda row: (row["epoch"], row["tokens"])
    )
    assert [{name: row[name] for name in of_held[0]} for row in kept.rows] == of_held if of_held else not kept.rows
    assert {name: facts[name] for name in ("held_out", "contaminated", "drawn", "rows")} == {
        name: told[name] for name in ("held_out", "contaminated", "drawn", "rows")
    }


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, 1.0),
        (1, 1.0),
        (draw.HELD_OUT_BYTES, 1.0),
        (2 * draw.HELD_OUT_BYTES, 0.5),
        (64 * draw.HELD_OUT_BYTES, 1 / 64),
    ],
)
def test_a_file_of_held_out_documents_has_about_so_much_text(size: int, shown: float) -> None:
    job = SimpleNamespace(
        request=SimpleNamespace(held_out=0.2, shards=4), scratch=lambda *names: "/".join(names), beats=None
    )
    planned = SimpleNamespace(seed=5, number_of_shards=lambda asked: asked + 1)
    stock = SimpleNamespace(held_out=SimpleNamespace(bytes=size))
    drawn = SimpleNamespace(stock=stock, whole=2, threshold=9, extra=(1,))
    source = SimpleNamespace(name="web", only=lambda name: f"only {name}")
    file = SimpleNamespace(file="a", path="counts", contamination="hits")
    made = draw.draw_task(job, planned, source, drawn, file, 12)  # type: ignore[arg-type]
    assert (made.held_out, made.held_out_shown) == (0.2, 0.2 * shown)
    assert (made.seed, made.whole, made.threshold, made.extra, made.shards) == (5, 2, 9, (1,), 5)
    assert (made.file, made.counts, made.contamination) == ("only a", "counts", "hits")
    assert (made.out, made.held_out_file) == ("drawn/web-000012.parquet", "kept-back/web-000012.parquet")


def test_other_documents_than_were_counted_are_noticed() -> None:
    batch = pa.RecordBatch.from_pylist([{"id": "a"}, {"id": "b"}])
    draw._same_documents(batch, SimpleNamespace(key=document_keys(["a", "b"])), task())  # type: ignore[arg-type]
    for ids in (["a"], ["a", "c"], ["b", "a"], ["c", "b"], ["a", "b", "c"]):
        with pytest.raises(Exception, match=r"a.jsonl changed after it was counted; start again"):
            draw._same_documents(batch, SimpleNamespace(key=document_keys(ids)), task())  # type: ignore[arg-type]
