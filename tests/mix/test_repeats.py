"""Documents repeated by how many copies of them there were."""

import bisect
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import InputError, UsageError
from curate.mixing import job, mixture, plan, repeats, sources
from curate.mixing.job import Request
from curate.mixing.repeats import Repeats
from tests.mix.conftest import text_of
from tests.mix.test_plan import draw_rows, planned_of

SIZES = [None, 0, 1, 2, 3, 4, 5, 7, 99, 100, 999, 1000, 50_000]


def times(rule: str, sizes: list[Any], name: str = "web") -> list[int]:
    found = repeats.read(rule, [name])[name]
    return found.of(pa.array([None if size is None else str(size) for size in sizes], pa.string()), "file").tolist()


def test_the_published_weights_are_those_of_its_code() -> None:
    weights = {1: 1, 2: 2, 3: 3, 5: 5, 100: 8, 1000: 1}
    limits = sorted(weights)
    theirs = [weights[limits[bisect.bisect_right(limits, size) - 1]] for size in SIZES[2:]]
    assert times("cluster_size=fineweb-2", SIZES) == [1, 1, *theirs]
    assert times("cluster_size=fineweb-2", [4]) == [3]


@given(
    st.dictionaries(st.integers(1, 60), st.integers(0, 10), min_size=1, max_size=8),
    st.lists(st.integers(0, 90), max_size=9),
)
def test_weights_by_language_are_used_as_published(weights: dict[int, int], sizes: list[int]) -> None:
    # As in FineWeb-2's block for its files: a weight for each size up to the last that is named, 1 before the first.
    expanded = [1]
    for size in range(1, max(weights) + 1):
        expanded.append(weights.get(size, expanded[-1]))
    theirs = [expanded[min(size, len(expanded) - 1)] for size in sizes]
    assert times("cluster_size=" + ",".join(f"{a}:{b}" for a, b in weights.items()), sizes) == theirs


def test_a_file_of_weights_is_looked_up_by_the_name_of_the_source(tmp_path: Path) -> None:
    path = tmp_path / "weights.json"
    path.write_text(json.dumps({"ita_Latn": {"1": 1, "2": 3}, "cmn_Hani": {"1": 2}, "default": {"1": 1, "9": 9}}))
    found = repeats.read(f"minhash_cluster_size={path}", ["ita_Latn", "zho_Hans", "und"])
    column = "minhash_cluster_size"
    assert found["ita_Latn"] == Repeats(column, (1, 2), (1, 3))
    assert found["zho_Hans"] == Repeats(column, (1,), (2,))
    assert found["und"] == Repeats(column, (1, 9), (1, 9))
    path.write_text('{"1": 1, "2": 4}')
    assert repeats.read(f"n={path}", ["any"]) == {"any": Repeats("n", (1, 2), (1, 4))}
    for hostile in ('{"1": 1e999}', '{"1": 1.5}', '{"1": NaN}', '{"1": ' + "[" * 3000):
        path.write_text(hostile)
        with pytest.raises(UsageError, match=r"numbers|can't be read"):
            repeats.read(f"n={path}", ["any"])


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("cluster_size", "write COLUMN="),
        ("=1:1", "write COLUMN="),
        ("n=fineweb", "did you mean 'fineweb-2'"),
        ("n=1:1,2", "no two whole numbers"),
        ("n=1:1,1:2", "twice"),
        ("n=1:1,01:2", "twice"),
        ("n=1:-1", "0 to 1000 times"),
        ("n=1:1.5", "no two whole numbers"),
        ("n=missing.json", "can't be read"),
        ("n=list.json", "holds no table"),
        ("n=some.json", "no weights for the source web"),
    ],
)
def test_wrong_rules(rule: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("list.json").write_text("[1]")
    Path("some.json").write_text('{"ita_Latn": {"1": 1}}')
    with pytest.raises(UsageError, match=message):
        repeats.read(rule, ["web"])


def test_values_that_are_no_numbers_are_named() -> None:
    with pytest.raises(InputError, match="file: cluster_size is 'two' in a row"):
        times("cluster_size=fineweb-2", ["two"])
    assert times("cluster_size=1:1,2:2", ["9" * 30]) == [2]


def corpus(folder: Path, count: int, kind: str) -> dict[str, int]:
    """A source with a column of copies; {id: how often an epoch has it} by FineWeb-2's weights."""
    folder.mkdir()
    sizes = [SIZES[place % len(SIZES)] for place in range(count)]
    rows = [{"id": f"d{i}", "text": text_of("d", i), "cluster_size": size} for i, size in enumerate(sizes)]
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), folder / "a.parquet")
    else:
        (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return dict(zip((str(row["id"]) for row in rows), times("cluster_size=fineweb-2", sizes), strict=True))


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
@pytest.mark.parametrize("unit", ["bytes", "documents"])
def test_what_is_drawn_is_what_was_planned(kind: str, unit: str, tmp_path: Path) -> None:
    wanted = corpus(tmp_path / "web", 600, kind)
    by = repeats.read("cluster_size=fineweb-2", ["web"])["web"]
    source = sources.find("web", str(tmp_path / "web"))
    asked = Request(
        mixture.settle(mixture.load("web=1"), ["web"]), (sources.Source("web", source.path, source.files, repeats=by),), None,
        counts=str(tmp_path / "counts"), unit=unit,
    )  # fmt: skip
    whole = planned_of(asked)
    rows = draw_rows(asked, whole, tmp_path)
    drawn = Counter(row["id"] for row in rows)
    held_out = wanted.keys() - drawn.keys()
    assert whole.draws[0].stock.held_out.documents == len(held_out) > 0
    assert drawn == {name: number for name, number in wanted.items() if name not in held_out}
    assert whole.drawn.documents == len(rows) == whole.draws[0].stock.available.documents
    assert whole.drawn.bytes == sum(len(row["text"].encode()) for row in rows)
    assert len({row["place"] for row in rows}) == len(rows)  # copies stand in places of their own
    again = replace(asked, budget=int(1.6 * whole.drawn.of(unit)))
    planned = planned_of(again)
    drawn = Counter(row["id"] for row in draw_rows(again, planned, tmp_path))
    assert all(drawn[name] in (wanted[name], 2 * wanted[name]) for name in drawn)
    assert planned.drawn.documents == drawn.total()
    assert planned.drawn.of(unit) == pytest.approx(again.budget, rel=0.02)


def test_counts_with_other_weights_are_counted_anew(tmp_path: Path) -> None:
    corpus(tmp_path / "web", 40, "parquet")
    found = []
    for rule in (None, "cluster_size=1:1,2:2", "cluster_size=1:1,2:3"):
        by = repeats.read(rule, ["web"])["web"] if rule else None
        source = sources.find("web", str(tmp_path / "web"))
        order = Request(
            mixture.load("proportional"), (sources.Source("web", source.path, source.files, repeats=by),), None,
            counts=str(tmp_path / "counts"), unit="documents", held_out=0,
        )  # fmt: skip
        found.append(plan.stock("web", job.measure(order, lambda f, tasks: map(f, tasks))[0], 0).available.documents)
    few = sum(1 for place in range(40) if (SIZES[place % len(SIZES)] or 0) < 2)
    assert found == [40, few + 2 * (40 - few), few + 3 * (40 - few)]


def test_a_source_without_the_column_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "one", "id": "1"}\n')
    by = repeats.read("cluster_size=fineweb-2", ["web"])["web"]
    file = sources.Source("web", "", (), repeats=by).only(str(tmp_path / "a.jsonl"))
    with pytest.raises(InputError, match=r"source web: .*no column cluster_size"):
        list(sources.read(file, Counter()))
    assert np.array_equal(by.times, (1, 2, 3, 5, 8, 1))
