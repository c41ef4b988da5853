"""Shards: their bytes depend on the rows alone."""

import hashlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate import schema, shards

SCHEMA = pa.schema([("id", pa.string()), ("text", pa.string())])


def _write(path, table, cuts):
    with shards.ShardWriter(str(path), SCHEMA) as writer:
        start = 0
        for stop in [*sorted(cuts), table.num_rows]:
            writer.write(table.slice(start, stop - start))
            start = stop
        writer.facts = {"rows": table.num_rows}
    return hashlib.sha256(path.read_bytes()).hexdigest()


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_batches_do_not_change_the_bytes(tmp_path_factory, data):
    rows = data.draw(st.integers(0, 9000))
    table = pa.table({"id": [f"{i:032x}" for i in range(rows)], "text": ["x" * (i % 50) for i in range(rows)]}, SCHEMA)
    cuts = data.draw(st.lists(st.integers(0, rows), max_size=6))
    folder = tmp_path_factory.mktemp("shards")
    assert _write(folder / "a.parquet", table, cuts) == _write(folder / "b.parquet", table, [])
    assert pq.read_table(folder / "a.parquet").equals(table)
    assert shards.read_facts(str(folder / "a.parquet")) == {"rows": rows}


def test_row_groups_are_bounded_in_bytes(tmp_path):
    table = pa.table({"id": [f"{i:032x}" for i in range(30)], "text": ["y" * (5 << 20)] * 30}, SCHEMA)
    _write(tmp_path / "big.parquet", table, [7, 11])
    metadata = pq.read_metadata(tmp_path / "big.parquet")
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [7, 7, 7, 7, 2]


def test_nothing_appears_when_writing_fails(tmp_path):
    def fail() -> None:
        with shards.ShardWriter(str(tmp_path / "x.parquet"), SCHEMA) as writer:
            writer.write(pa.table({"id": ["a"], "text": ["b"]}, SCHEMA))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


@given(st.text("0123456789abcdef", min_size=32, max_size=32), st.integers(1, 10_000))
def test_shards_are_ranges_of_ids(name, count):
    shard = shards.shard_of(name, count)
    assert 0 <= shard < count
    assert shards.shard_of("0" * 32, count) == 0
    assert shards.shard_of("f" * 32, count) == count - 1


def test_a_record_read_twice_is_kept_once(tmp_path):
    table = schema.extracted("web")
    rows = [
        {"id": "0" * 32, "text": "t", "source": "s", "file": file, "offset": offset}
        for file, offset in [("b", 0), ("a", 9), ("a", 3)]
    ] + [{"id": "1" * 32, "text": "u", "source": "s", "file": "a", "offset": 1}]
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    pq.write_table(pa.Table.from_pylist(rows, table), bucket / "x.parquet")
    shards.finish({"bucket": str(bucket), "out": str(tmp_path / "out.parquet"), "kind": "web"})
    found = pq.read_table(tmp_path / "out.parquet").select(["file", "offset", "verdict", "reason"]).to_pylist()
    assert [(row["file"], row["offset"], row["reason"]) for row in found] == [
        ("a", 3, None),
        ("a", 9, "duplicate_record"),
        ("b", 0, "duplicate_record"),
        ("a", 1, None),
    ]


@given(st.lists(st.text()), st.lists(st.text()))
def test_ids_tell_their_parts_apart(first, second):
    same = schema.document_id(*first) == schema.document_id(*second)
    assert same == (first == second)
