"""What documents of a shard lost: by document, and as evidence."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.corpus import schema
from curate.dedup import REMOVALS, Removal
from curate.dedup.base import doc_hex
from curate.dedup.removals import Removals, hexes, rows_by_shard
from curate.errors import BalanceError

NUMBERS = st.integers(-(2**63), 2**63 - 1)
ROW = st.tuples(st.integers(-2, 2), st.integers(-1, 3), st.none() | NUMBERS, st.none() | st.floats(0, 9))


def table(rows: list[tuple[int, int, int | None, float | None]]) -> pa.Table:
    columns = ("doc", "pos", "survivor", "value")
    return pa.Table.from_pylist([{"shard": 0, **dict(zip(columns, row, strict=True))} for row in rows], REMOVALS)


@settings(deadline=None)  # the first one loads what the others find loaded
@given(st.lists(ROW, max_size=20))
def test_losses_and_their_evidence(rows: list[tuple[int, int, int | None, float | None]]) -> None:
    removals = Removals(table(rows))
    removed = [(f"{doc_hex(doc)}tail", doc) for doc in (1, -2, 0) if any(row[0] == doc for row in rows)]
    for doc in range(-3, 4):
        own = [Removal(*row[1:]) for row in rows if row[0] == doc]
        assert removals.of(doc) == sorted(own, key=lambda lost: (lost.pos, lost.survivor or 0))
    wanted = [
        {
            "step": "Spans",
            "id": name,
            "pos": lost.pos,
            "survivor": doc_hex(lost.survivor) if lost.survivor is not None else "",
            "value": lost.value,
            "place": None,
            "note": None,
        }
        for name, doc in removed
        for lost in removals.of(doc)
    ]
    evidence = removals.evidence("Spans", removed)
    assert evidence.schema == schema.DUPLICATES
    assert evidence.to_pylist() == sorted(wanted, key=lambda row: (row["id"], row["pos"], row["survivor"]))


@given(st.lists(NUMBERS))
def test_hexes(numbers: list[int]) -> None:
    assert hexes(np.array(numbers, np.int64)).to_pylist() == [doc_hex(number) for number in numbers]


def test_losses_of_a_folder(tmp_path: Path) -> None:
    assert Removals.read(str(tmp_path / "none")).of(1) == []
    assert Removals.read(str(tmp_path / "none")).evidence("Urls", []).num_rows == 0
    for n, row in enumerate([(1, 2, None, 3.0), (1, 0, 5, 2.0)]):
        pq.write_table(table([row]), tmp_path / f"{n}.parquet")
    assert Removals.read(str(tmp_path)).of(1) == [Removal(0, 5, 2.0), Removal(2, None, 3.0)]


def test_losses_that_went_missing_are_no_losses_of_nobody(tmp_path: Path) -> None:
    """A folder of removals that is not there, or half there, is not taken for "nothing was lost"."""
    (tmp_path / "shard=1").mkdir()
    pq.write_table(table([(1, 0, 5, 2.0), (1, 2, None, 3.0)]), tmp_path / "shard=1" / "0.parquet")
    pq.write_table(table([(3, 0, 5, 2.0)]), tmp_path / "shard=1" / "1.parquet")
    assert rows_by_shard(str(tmp_path), 3) == [0, 3, 0]
    Removals.read(str(tmp_path / "shard=1"), 3)
    Removals.read(str(tmp_path / "shard=2"), 0)
    (tmp_path / "shard=1" / "0.parquet").unlink()
    for folder in ("shard=1", "shard=2"):
        with pytest.raises(BalanceError, match="and 3 were written"):
            Removals.read(str(tmp_path / folder), 3)


def test_a_loss_of_nobody_is_an_error() -> None:
    removals = Removals(table([(1, 0, 5, 2.0), (7, 0, 5, 2.0)]))
    removals.check([("a", 1), ("b", 7)])
    with pytest.raises(BalanceError, match="1 documents lost something and are not in their shard: 0000000000000007"):
        removals.check([("a", 1)])
