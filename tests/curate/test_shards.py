"""Shards: their bytes depend on the rows alone."""

import hashlib
import itertools
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.corpus import checksums, schema, shards
from curate.dedup import tables
from curate.errors import BalanceError, OutputError
from curate.run import exchange, pipeline

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


def test_a_file_without_compression_holds_the_same(tmp_path):
    table = pa.table({"id": [f"{i:032x}" for i in range(99)], "text": ["x" * i for i in range(99)]}, SCHEMA)
    for packed in (True, False):
        with shards.ShardWriter(str(tmp_path / f"{packed}"), SCHEMA, scratch=True, packed=packed) as writer:
            writer.write(table)
        (batch,) = shards.read_checked(str(tmp_path / f"{packed}"))
        assert pa.table(batch).equals(table)
        assert pq.read_metadata(tmp_path / f"{packed}").row_group(0).column(1).compression == (
            "ZSTD" if packed else "UNCOMPRESSED"
        )


def test_row_groups_are_bounded_in_bytes(tmp_path):
    table = pa.table({"id": [f"{i:032x}" for i in range(30)], "text": ["y" * (5 << 20)] * 30}, SCHEMA)
    _write(tmp_path / "big.parquet", table, [7, 11])
    metadata = pq.read_metadata(tmp_path / "big.parquet")
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [7, 7, 7, 7, 2]


HELD = """
import sys
import pyarrow as pa
from curate.corpus import shards

before = pa.total_allocated_bytes()
with shards.ShardWriter(sys.argv[1], pa.schema([("id", pa.string()), ("text", pa.string())]), small=True) as writer:
    for batch in range(12):
        numbers = range(batch * 256, batch * 256 + 256)
        texts = [f"{number:04x}" * 2000 for number in numbers]
        writer.write(pa.table({"id": [f"{number:032x}" for number in numbers], "text": texts}))
print(pa.default_memory_pool().max_memory() - before, writer.groups)
"""


def test_a_writer_holds_its_row_group_once(tmp_path):
    """And pages of a megabyte: with a copy of the row group and pages as Arrow's writer makes them it was 4.5 times the group."""
    command = [sys.executable, "-c", HELD, str(tmp_path / "x.parquet")]
    peak, groups = map(int, subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.split())
    assert groups == 3
    assert shards.SMALL_BYTES < peak < 3 * shards.SMALL_BYTES


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
    pq.write_table(pa.Table.from_pylist(rows, table), tmp_path / "x.parquet")
    pipeline.finish(pipeline.FinishTask(str(tmp_path), 1, str(tmp_path / "out.parquet"), "web", "0", "g"))
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


# ---- the exchange ----


class Tasks:
    """A session that runs tasks here."""

    name, cores = "sail", 2

    def run(self, function, tasks):
        return map(function, tasks)


IDS = st.integers(0, 2**32 - 1).map(lambda n: f"{n:08x}".ljust(32, "7"))
RECORDS = st.tuples(IDS, st.text(max_size=30), st.sampled_from(["a", "b"]), st.integers(0, 5))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(RECORDS, max_size=25), min_size=1, max_size=4),
    st.integers(1, 9),
    st.sampled_from([0, 64]),
    st.sampled_from([60, 1 << 20]),
)
def test_rows_come_to_their_shards_whole_and_sorted(tmp_path_factory, files, count, merge_from, merge_bytes):
    folder, table = tmp_path_factory.mktemp("exchange"), schema.extracted("web")
    names, everything = ("id", "text", "file", "offset"), []
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"ROW_GROUP_ROWS": 10, "PIECE_ROWS": 3, "PIECE_BYTES": 40}.items():
            patch.setattr(shards, name, value)
        patch.setattr(exchange, "MERGE_SHARDS", merge_from)
        patch.setattr(exchange, "MERGE_BYTES", merge_bytes)
        parts = {}
        for n, rows in enumerate(files):
            path = str(folder / "splits" / f"{n}.parquet")
            listed = [{"source": "s", **dict(zip(names, row, strict=True))} for row in rows]
            with shards.ShardWriter(path, table, scratch=True, runs=["id"]) as writer:
                writer.write(pa.Table.from_pylist(listed, table))
            parts[path] = shards.read_written(path).content
            everything += rows
        outs = pipeline.exchange(Tasks(), parts, str(folder / "merged"), str(folder / "out"), count, "web")
    assert [path.rsplit("/", 1)[1] for path in outs] == [shards.part_name(i, count) for i in range(count)]
    found = [pq.read_table(path, partitioning=None).to_pylist() for path in outs]
    for i, rows in enumerate(found):
        assert all(shards.shard_of(row["id"], count) == i for row in rows)
    flat = [row for rows in found for row in rows]
    assert [row["id"] for row in flat] == sorted(row[0] for row in everything)
    assert sorted(tuple(row[name] for name in names) for row in flat) == sorted(everything)
    assert sum(row["verdict"] is None for row in flat) == len({row[0] for row in everything})
    assert not (folder / "merged").exists()


def test_a_shards_ids_begin_where_the_one_before_ends():
    for count in (1, 3, 8, 1000, 65537):
        for shard in {0, 1, count // 2, count - 1, count}:
            if shard < count:
                assert shards.shard_of(shards.first_id(shard, count), count) == shard
            if shard:
                last = int(shards.first_id(shard, count), 16) - 1 if shard < count else 2**32 - 1
                assert shards.shard_of(f"{last:08x}", count) == shard - 1


def test_a_task_reads_the_pieces_of_its_range_alone(tmp_path):
    table = schema.extracted("web")
    rows = [
        {"id": f"{n * 2654435761 % 2**32:08x}".ljust(32, "0"), "text": "t" * 900, "source": "s"} for n in range(9000)
    ]
    with shards.ShardWriter(str(tmp_path / "a.parquet"), table, runs=["id"]) as writer:
        writer.write(pa.Table.from_pylist(rows, table))
    metadata = pq.read_metadata(tmp_path / "a.parquet")
    assert metadata.num_row_groups == 32 + 32 + 7
    read = list(exchange._between(str(tmp_path / "a.parquet"), "id", shards.first_id(3, 8), shards.first_id(4, 8)))
    assert len(read) <= 3 * (4 + 2)  # an eighth of each of three runs, and their ends
    assert sum(part.num_rows for part in read) == sum(shards.shard_of(row["id"], 8) == 3 for row in rows)


def test_a_file_that_is_missing_is_told(tmp_path):
    with pytest.raises(BalanceError, match="0 files instead of 2"):
        exchange.between(str(tmp_path / "gone"), 2, "id", "0", "g", schema.extracted("web"))


# ---- of two copies the whole one ----

FATES = {
    "whole": {"text": "A whole page. With two sentences."},
    "short": {"text": "A whole page."},
    "cut": {"text": "A whole page. With two sentences. And what is not in others.", "truncated": "length"},
    "empty": {"text": ""},
    "nothing": {"verdict": "rejected", "reason": "extract.no_text", "value": 3.0},
    "damaged": {"verdict": "failed", "reason": "damaged", "detail": "checksum"},
}


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
@pytest.mark.parametrize(("better", "worse"), itertools.combinations(FATES, 2))
def test_damaged_never_beats_whole(tmp_path, names, better, worse):
    if (better, worse) == ("cut", "empty"):  # the crawler's cut page holds more than nothing
        better, worse = "empty", "cut"
    table = schema.extracted("web")
    rows = [
        {"id": "0" * 32, "source": "s", "file": name, "offset": 1, **FATES[fate]}
        for name, fate in zip(names, (better, worse), strict=True)
    ]
    (tmp_path / "in").mkdir()
    pq.write_table(pa.Table.from_pylist(rows, table), tmp_path / "in" / "x.parquet")
    pipeline.finish(pipeline.FinishTask(str(tmp_path / "in"), 1, str(tmp_path / "out.parquet"), "web", "0", "g"))
    first, second = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert first["file"] == names[0]
    assert (first["verdict"], first["reason"]) == (FATES[better].get("verdict"), FATES[better].get("reason"))
    if "verdict" in FATES[worse]:  # what happened to it stays said
        assert (second["verdict"], second["reason"]) == (FATES[worse]["verdict"], FATES[worse]["reason"])
    else:
        assert (second["verdict"], second["reason"], second["detail"]) == ("rejected", "duplicate_record", "0" * 16)


# ---- the writer ----


def test_many_small_writes_copy_each_row_a_few_times(tmp_path, monkeypatch):
    copied = []
    real = pa.concat_tables
    monkeypatch.setattr(shards.pa, "concat_tables", lambda t, *a: copied.append(sum(map(len, t))) or real(t, *a))
    looked = []
    measured = checksums.of_rows
    monkeypatch.setattr(shards.checksums, "of_rows", lambda rows: looked.append(len(rows)) or measured(rows))
    wide = SCHEMA.append(pa.field("url", pa.string()))
    table = pa.table({"id": ["a" * 32] * 2, "text": ["x"] * 2, "url": ["u" * 100_000] * 2}, wide)
    with shards.ShardWriter(str(tmp_path / "x.parquet"), wide) as writer:
        for _ in range(5000):
            writer.write(table)
    assert sum(copied) <= 2 * 10_000
    assert sum(looked) == 10_000
    assert pq.read_metadata(tmp_path / "x.parquet").num_rows == 10_000


def test_ids_alone_have_statistics(tmp_path):
    """A reader that trusts minima where there are none (Sail 0.7.2) can't go wrong in columns that have none at all."""
    table = schema.judged("web", ["words"])
    rows = [{"id": f"{n:032x}", "text": "t", "source": "s", "removed": [], "signals": {"words": 1.0}} for n in range(3)]
    with shards.ShardWriter(str(tmp_path / "x.parquet"), table) as writer:
        writer.write(pa.Table.from_pylist(rows, table))
    group = pq.read_metadata(tmp_path / "x.parquet").row_group(0)
    columns = [group.column(i) for i in range(group.num_columns)]
    with_minimum = {column.path_in_schema for column in columns if column.statistics and column.statistics.has_min_max}
    assert with_minimum == {"id"}


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped"])
def test_a_damaged_part_is_named(tmp_path, damage):
    """As a machine leaves it that lost its power: `--resume` ended in a traceback without its name."""
    path = tmp_path / "part.parquet"
    _write(path, pa.table({"id": [f"{n:032x}" for n in range(99)], "text": [f"text {n}" for n in range(99)]}), [])
    data = bytearray(path.read_bytes())
    data[8:60] = bytes(52)
    path.write_bytes({"empty": b"", "cut": data[: len(data) // 2], "flipped": data}[damage])
    for read in (shards.read_batches, shards.read_checked, lambda name: exchange._between(name, "id", "0", "g")):
        with pytest.raises(OutputError, match=f"{path} is damaged .*: delete it, and go on with --resume"):
            list(read(str(path)))
    if damage != "flipped":
        for read in (shards.read_facts, shards.read_written, shards.row_count, lambda _: tables.count(str(tmp_path))):
            with pytest.raises(OutputError, match="is damaged"):
                read(str(path))
    with pytest.raises(FileNotFoundError):
        shards.read_facts(str(tmp_path / "none"))


def test_batches_end_with_row_groups_that_are_large(tmp_path, monkeypatch):
    """A batch of Arrow goes over their ends: 256 documents of 20 MB were held at once."""
    path = tmp_path / "a.parquet"
    with pq.ParquetWriter(path, SCHEMA) as writer:
        for size in (10, 10, 9_000, 10, 9_000, 9_000, 10):
            writer.write_table(pa.table({"id": ["a", "b"], "text": ["x" * size] * 2}, SCHEMA))
    rows = lambda: [batch.num_rows for batch in shards.read_batches(str(path))]  # noqa: E731
    assert rows() == [14]
    monkeypatch.setattr(shards, "TOGETHER", 300)  # Arrow writes a text that comes twice once
    sizes = [pq.ParquetFile(path).metadata.row_group(group).total_byte_size for group in range(7)]
    assert min(sizes[2], sizes[4], sizes[5]) > 300 > sizes[0] + sizes[1]
    assert rows() == [6, 4, 2, 2]
    with pq.ParquetFile(path) as file:
        assert [batch.num_rows for batch in shards.bounded_batches(file, 1, [0, 4, 6])] == [1] * 6
        assert [batch.num_rows for batch in shards.bounded_batches(file, 9, [0, 4, 6], ["id"])] == [4, 2]
    assert pa.Table.from_batches(shards.read_batches(str(path))) == pq.read_table(path)
