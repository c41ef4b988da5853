"""Rows by the beginning of their id."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.corpus import lookup
from curate.corpus.lookup import by_id, by_ids

IDS = st.text("01f", min_size=4, max_size=4).map(lambda text: text.ljust(32, "7"))


def write(folder: Path, ids: list[str], cuts: list[int], rows: int = 2) -> list[str]:
    paths = []
    for n, (first, last) in enumerate(zip([0, *cuts], [*cuts, len(ids)], strict=True)):
        paths.append(str(folder / f"part-{n:05d}.parquet"))
        pq.write_table(pa.table({"id": pa.array(ids[first:last], pa.string())}), paths[-1], row_group_size=rows)
    return paths


@settings(max_examples=60, deadline=None)
@given(
    st.lists(IDS, max_size=12),
    st.lists(st.integers(0, 12), max_size=6),
    st.lists(st.text("01f", max_size=5), max_size=4),
)
def test_rows_by_ids(
    tmp_path_factory: pytest.TempPathFactory, ids: list[str], cuts: list[int], prefixes: list[str]
) -> None:
    ids = sorted(ids)
    paths = write(tmp_path_factory.mktemp("l"), ids, sorted(min(cut, len(ids)) for cut in cuts))
    assert [row["id"] for row in by_ids(paths, prefixes)] == [i for i in ids if i.startswith(tuple(prefixes))]
    for prefix in prefixes:
        assert [row["id"] for row in by_id(paths, prefix)] == [i for i in ids if i.startswith(prefix)]


def test_few_files_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [f"{n:02x}".ljust(32, "0") for n in range(256)]
    paths = write(tmp_path, ids, list(range(2, 256, 2)))
    seen = []
    monkeypatch.setattr(lookup, "opened", lambda path, real=lookup.opened: seen.append(path) or real(path))
    assert [row["id"][:2] for row in by_ids(paths, ["7b"])] == ["7b"]
    assert len(seen) < 14 < len(paths)


def test_files_that_are_not_sorted(tmp_path: Path) -> None:
    paths = write(tmp_path, [letter * 32 for letter in "fa0b1"], [1, 3, 4])
    assert [[row["id"][0] for row in by_id(paths, letter)] for letter in "fab01c"] == [
        ["f"],
        ["a"],
        ["b"],
        ["0"],
        ["1"],
        [],
    ]
