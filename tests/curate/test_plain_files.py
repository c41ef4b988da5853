"""Files and what they say of themselves, against plain counting and the standard library."""

import bz2
import contextlib
import hashlib
import io
import json
import lzma
import os
import random
import struct
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate.corpus import checksums, lookup, schema, shards
from curate.errors import BalanceError, InputError, OutputError
from curate.files import fingerprints, locks, salvage, tar, threads, typed_json, zips

OFTEN = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])

# ---- what rows hold ----

ROWS = st.lists(st.tuples(st.text(max_size=5), st.none() | st.text(max_size=9)), max_size=9)


def content(rows: Sequence[tuple[str, str | None]]) -> checksums.Content:
    """The sums, spelled out."""
    keys = [xxhash.xxh3_64_intdigest(name.encode()) for name, _ in rows]
    texts = [
        xxhash.xxh3_64_intdigest((text or "").encode(), key) + (text is None)
        for key, (_, text) in zip(keys, rows, strict=True)
    ]
    size = sum(len((text or "").encode()) for _, text in rows)
    return checksums.Content(len(rows), size, sum(keys) % 2**64, sum(texts) % 2**64)


def table(rows: Sequence[tuple[str, str | None]]) -> pa.Table:
    names, texts = [name for name, _ in rows], [text for _, text in rows]
    return pa.table({"id": pa.array(names, pa.string()), "text": pa.array(texts, pa.string())})


@OFTEN
@given(ROWS, st.integers(0, 9), st.integers(0, 9))
def test_sums_of_rows_are_those_of_each_row(rows: list[tuple[str, str | None]], start: int, cut: int) -> None:
    assert checksums.of_rows(table(rows)) == content(rows)
    assert checksums.of_rows(table(rows).slice(start)) == content(rows[start:])  # a slice has no others in it
    one, other = content(rows[:cut]), content(rows[cut:])
    assert one + other == checksums.total([other, one]) == content(rows)
    assert checksums.difference(content(rows), one) == other
    assert checksums.from_dict(json.loads(json.dumps(one.to_dict()))) == one
    for batch in table(rows).to_batches(max_chunksize=2):
        assert checksums.of_rows(batch).rows == batch.num_rows


def test_bytes_behind_a_null_are_nobodys() -> None:
    texts = pa.Array.from_buffers(
        pa.string(), 2, [pa.py_buffer(b"\x02"), pa.py_buffer(struct.pack("<3i", 0, 3, 5)), pa.py_buffer(b"abcde")]
    )
    batch = pa.record_batch([pa.array(["x", "y"]), texts], names=["id", "text"])
    assert checksums.of_rows(batch) == content([("x", None), ("y", "de")])


@pytest.mark.parametrize(("text", "known"), [("0af9" * 8, True), ("0AF9" * 8, False), ("0af9" * 8 + "\n", False)])
def test_our_ids_are_32_digits_in_lower_case(text: str, known: bool) -> None:
    assert schema.is_id(text) is known
    assert not schema.is_id(text[:31])
    assert not schema.is_id(text + "0")


# ---- where row groups end ----


@OFTEN
@given(st.lists(st.integers(0, 9), max_size=30), st.integers(1, 8), st.integers(1, 20))
def test_a_row_group_ends_with_the_row_that_fills_it(sizes: list[int], most: int, most_bytes: int) -> None:
    start, ends = 0, []
    while (end := shards._group_end(np.array(sizes, np.int64), start, most, most_bytes)) is not None:
        ends.append(end)
        start = end
    wanted, rows, held = [], 0, 0
    for at, size in enumerate(sizes, 1):
        rows, held = rows + 1, held + size
        if rows == most or held >= most_bytes:
            wanted.append(at)
            rows, held = 0, 0
    assert ends == wanted


@OFTEN
@given(st.lists(st.integers(0, 5), max_size=12), st.integers(1, 6), st.integers(1, 9))
def test_batches_hold_what_was_written_and_are_bounded(
    tmp_path: Path, groups: list[int], rows: int, together: int
) -> None:
    """Of row groups that are small enough together batches are full; a group that makes them full ends its batch."""
    wanted = list(range(sum(groups)))
    path, start = tmp_path / "a.parquet", 0
    with pq.ParquetWriter(path, pa.schema([("n", pa.int64())])) as writer:
        for size in groups:
            if size:
                writer.write_table(pa.table({"n": wanted[start : start + size]}))
                start += size
    with pytest.MonkeyPatch.context() as patch, pq.ParquetFile(path) as file:
        bytes_of = [file.metadata.row_group(n).total_byte_size for n in range(file.num_row_groups)]
        patch.setattr(shards, "TOGETHER", together * 100)
        found = [batch.column(0).to_pylist() for batch in shards.bounded_batches(file, rows)]
    assert [n for batch in found for n in batch] == wanted
    runs, size, count = [], 0, 0
    for held, of in zip(bytes_of, [size for size in groups if size], strict=True):
        size, count = size + held, count + of
        if size >= together * 100:
            runs.append(count)
            size, count = 0, 0
    runs += [count] if count else []
    assert [len(batch) for batch in found] == [min(rows, run - at) for run in runs for at in range(0, run, rows)]


def test_a_file_that_holds_other_rows_than_were_written_is_refused(tmp_path: Path) -> None:
    path, rows = tmp_path / "a.parquet", [("a", "one"), ("b", None)]
    with shards.ShardWriter(str(path), table(rows).schema) as writer:
        writer.write(table(rows))
        writer.facts = {"n": 3}
    told = shards.read_written(str(path))
    assert told == ({"n": 3}, content(rows))
    assert [batch.num_rows for batch in shards.read_checked(str(path), rows=1)] == [1, 1]
    pq.write_table(table(rows[::-1]).replace_schema_metadata(pq.read_metadata(path).metadata), path)
    assert sum(batch.num_rows for batch in shards.read_checked(str(path))) == 2  # in whatever order
    pq.write_table(table([("a", "one"), ("b", "")]).replace_schema_metadata(pq.read_metadata(path).metadata), path)
    with pytest.raises(BalanceError, match="holds 2 rows, 3 bytes of text"):
        list(shards.read_checked(str(path)))
    pq.write_table(table(rows), path)
    with pytest.raises(BalanceError, match="does not say what it holds"):
        shards.read_written(str(path))
    assert shards.read_facts(str(path)) == {}
    shards.write_facts(str(tmp_path / "facts"), {"b": 1, "a": [2]})
    assert shards.read_facts(str(tmp_path / "facts")) == {"a": [2], "b": 1}


# ---- looking up ----


@pytest.mark.parametrize(
    ("reason", "seen"),
    [(None, True), ("C4.short", True), ("extract.no_text", False), ("damaged", False), ("duplicate_record", False)],
)
def test_rows_that_the_steps_saw(reason: str | None, seen: bool) -> None:
    assert lookup.judged({"reason": reason}) is seen
    assert lookup.judged({}) is True


def test_files_that_the_ledger_lists_are_there_whole(tmp_path: Path) -> None:
    for name in ("b/1.parquet", "a.parquet", "b/.hidden/2.parquet", ".x.parquet", "c.json"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_bytes(b"12345")
    assert lookup.parts(str(tmp_path), "data") == [f"{tmp_path}/data/{name}" for name in ("a.parquet", "b/1.parquet")]
    lookup.check_whole(str(tmp_path), [{"file": "data/a.parquet", "bytes": 5}, {"file": "data/c.json"}])
    with pytest.raises(InputError, match=r"a\.parquet: 5 bytes, not the 1,006 that the ledger says"):
        lookup.check_whole(str(tmp_path), [{"file": "data/a.parquet", "bytes": 1006}])
    with pytest.raises(InputError, match=r"d\.parquet: missing, but the ledger lists it"):
        lookup.check_whole(str(tmp_path), [{"file": "data/a.parquet", "bytes": 5}, {"file": "data/d.parquet"}])


# ---- dataclasses as JSON ----


@dataclass
class Inner:
    number: float
    names: tuple[str, ...] = ()


@dataclass
class Outer:
    one: Inner
    pair: tuple[int, str]
    many: list[Inner] = field(default_factory=list)
    by_name: dict[str, int] = field(default_factory=dict)
    maybe: int | None = None
    anything: Any = None
    flag: bool = False


INNER = st.builds(Inner, st.floats(allow_nan=False, allow_infinity=False), st.lists(st.text()).map(tuple))
OUTER = st.builds(
    Outer, INNER, st.tuples(st.integers(), st.text()), st.lists(INNER, max_size=3), st.dictionaries(st.text(), st.integers(), max_size=3),
    st.none() | st.integers(), st.none() | st.lists(st.integers()), st.booleans(),
)  # fmt: skip


@OFTEN
@given(OUTER)
def test_a_dataclass_comes_back_from_json(value: Outer) -> None:
    assert typed_json.load(Outer, json.loads(json.dumps(typed_json.dump(value)))) == value


PLAIN: dict[str, Any] = {"one": {"number": 1}, "pair": [1, "a"]}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"one": {"number": "1"}}, "Outer.one.number must be a number, got '1'"),
        ({"one": {"number": True}}, "Outer.one.number must be a number, got True"),
        ({"one": []}, r"Outer.one must be an object, got \[\]"),
        ({"one": {}}, "Outer.one needs number"),
        ({"pair": [1]}, r"Outer.pair must be a list of 2, got \[1\]"),
        ({"pair": [1, 2]}, r"Outer.pair\[1\] must be a text, got 2"),
        ({"pair": "ab"}, "Outer.pair must be a list, got 'ab'"),
        ({"many": [{"number": 1}, {"number": None}]}, r"Outer.many\[1\].number must be a number, got None"),
        ({"by_name": {"a": 1.5}}, "Outer.by_name.a must be a whole number, got 1.5"),
        ({"by_name": [1]}, r"Outer.by_name must be an object, got \[1\]"),
        ({"maybe": "1"}, "Outer.maybe must be a whole number, got '1'; Outer.maybe must be null, got '1'"),
        ({"flag": 1}, "Outer.flag must be true or false, got 1"),
        ({"more": 1}, "Outer has no field 'more'"),
    ],
)
def test_json_that_does_not_fit_is_told_with_its_place(change: dict[str, Any], told: str) -> None:
    found = typed_json.load(Outer, PLAIN)
    assert (found.one, found.pair, found.many, found.maybe) == (Inner(1.0), (1, "a"), [], None)
    assert type(found.one.number) is float
    with pytest.raises(TypeError, match=f"^{told}$"):
        typed_json.load(Outer, {**PLAIN, **change})
    with pytest.raises(TypeError, match=r"^task\.json"):
        typed_json.load(Outer, {**PLAIN, **change}, "task.json")


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, Inner])
def test_what_json_has_not_does_not_go_into_it(value: object) -> None:
    with pytest.raises(TypeError, match="does not go into JSON"):
        typed_json.dump([value])


# ---- zips without their list ----

MEMBERS = st.lists(
    st.tuples(st.text("ab/é", min_size=1, max_size=6), st.binary(max_size=60), st.booleans()),
    max_size=5,
    unique_by=lambda one: one[0],
)


def packed(members: Sequence[tuple[str, bytes, bool]], *, streamed: bool) -> bytes:
    """A zip; `streamed` writes sizes behind the files, as into a pipe."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return not streamed

        def seek(self, *place: int) -> int:
            if streamed:
                raise io.UnsupportedOperation
            return super().seek(*place)

    out = Pipe()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data, deflated in members:
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED)
    return out.getvalue()


@OFTEN
@given(MEMBERS, st.booleans())
def test_a_zip_is_read_without_its_list(members: list[tuple[str, bytes, bool]], streamed: bool) -> None:
    members = [(name, data, deflated or streamed) for name, data, deflated in members]
    data = packed(members, streamed=streamed)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        places = [one.header_offset for one in archive.infolist()]
    for end in (len(data), data.find(b"PK\x01\x02")):  # with its list, and without
        found = list(zips.entries(data[:end] if end >= 0 else data))
        assert [(one.name, one.offset) for one in found] == list(zip([m[0] for m in members], places, strict=True))
        for one, (_, content, _) in zip(found, members, strict=True):
            assert zips.read(data, one, 1000) == content
            assert zips.read(data, one, len(content) or 1) == content
            assert zips.read(data, one, max(1, len(content) - 1)) == content[: max(1, len(content) - 1)]
            assert (one.size is None) == (one.crc is None) == streamed
            assert not one.encrypted


@pytest.mark.parametrize("deflated", [True, False])
def test_a_file_of_a_zip_that_is_not_whole_is_refused(deflated: bool) -> None:
    data = packed([("a", random.Random(1).randbytes(50) * 2, deflated)], streamed=False)
    (one,) = zips.entries(data)
    assert one.size is not None
    end = one.start + one.size
    with pytest.raises(zipfile.BadZipFile, match="a is cut off"):
        zips.read(data[: end - 1], one, 1000)
    wrong = bytearray(data)
    wrong[14] ^= 1  # of the checksum in the header
    (other,) = zips.entries(bytes(wrong))
    with pytest.raises(zipfile.BadZipFile, match="Bad CRC-32 for file 'a'"):
        zips.read(bytes(wrong), other, 1000)
    assert len(zips.read(bytes(wrong), other, 99)) == 99  # of a part nobody knows the checksum
    with pytest.raises(NotImplementedError, match="method 12"):
        zips.read(data, one._replace(method=12), 10)
    if not deflated:
        with pytest.raises(NotImplementedError, match="does not say its size"):
            zips.read(data, one._replace(size=None), 10)
    assert next(iter(zips.entries(data[:6] + b"\x01" + data[7:]))).encrypted
    assert list(zips.entries(data[: zips._HEADER.size - 1])) == []


# ---- what is left of damage ----


@pytest.mark.parametrize("damage", ["cut", "wrong"])
@pytest.mark.parametrize("known", [0, 1, 70_000])
def test_what_stands_before_a_damage_is_salvaged_to_the_byte(damage: str, known: int) -> None:
    """All that zlib gives byte by byte, without the part that is known already."""
    text = bytes(n * n % 251 for n in range(300_000)) + random.Random(1).randbytes(3000)
    data = zlib.compress(text)[:-2500] + (b"\xff" * 2500 if damage == "wrong" else b"")
    plain, inflater = b"", zlib.decompressobj()
    with contextlib.suppress(zlib.error):
        for place in range(len(data)):
            plain += inflater.decompress(data[place : place + 1])
    found = salvage.salvaged(zlib.decompressobj, data, known, (zlib.error,))
    assert found.startswith(plain[known:])
    assert len(found) <= len(plain) - known + 258  # the last step of the other way lost one match at most
    if damage == "cut":
        assert text[known:].startswith(found)


def archive(names: Sequence[str], pack: Callable[[bytes], bytes] = bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as made:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 700
            made.addfile(info, io.BytesIO(name.encode() * 700))
    return pack(out.getvalue())


@pytest.mark.parametrize(
    "pack", [bytes, bz2.compress, lzma.compress, lambda data: lzma.compress(data, lzma.FORMAT_ALONE)]
)
def test_a_tar_is_read_however_it_is_packed(pack: Callable[[bytes], bytes]) -> None:
    found = [(item.name, read(9)) for item, read in tar.entries(io.BytesIO(archive(["a", "b"], pack)))]
    assert found == [("a", b"a" * 9), ("b", b"b" * 9)]


@pytest.mark.parametrize(
    ("at", "wanted"), [(0, 0), (1, 1536), (512, 1536), (1536, 1536), (1537, 3072), (3072, 3072), (3073, None)]
)
def test_the_next_header_of_a_tar_is_found_from_any_place(at: int, wanted: int | None) -> None:
    """A header of 512 bytes, two blocks of content each."""
    data = archive(["a", "b", "c"])
    assert tar.next_header(io.BytesIO(data), at) == wanted
    wrong = data[:1536] + b"x" + data[1537:]  # another name than the checksum is of
    assert tar.next_header(io.BytesIO(wrong), at) == (3072 if wanted == 1536 else wanted)
    far = bytes(3 << 20) + data
    assert tar.next_header(io.BytesIO(far), at) == (3 << 20)


# ---- what a file held ----


def test_a_stamp_changes_with_head_middle_tail_time_and_size(tmp_path: Path) -> None:
    path, piece = tmp_path / "a", fingerprints.PIECE
    data = bytes(10 * piece)
    seen = set()
    for place in (None, 0, piece - 1, 5 * piece - piece // 2, 5 * piece + piece // 2 - 1, 9 * piece, 10 * piece - 1):
        changed = bytearray(data)
        if place is not None:
            changed[place] = 1
        path.write_bytes(changed)
        os.utime(path, (5, 5))
        seen.add(fingerprints.stamp(str(path)))
    assert len(seen) == 7
    path.write_bytes(data)
    os.utime(path, (5, 6))
    seen.add(fingerprints.stamp(str(path)))
    path.write_bytes(data + b"\0")
    os.utime(path, (5, 5))
    seen.add(fingerprints.stamp(str(path)))
    assert len(seen) == 9


def test_a_digest_is_of_every_byte_and_name_but_of_hidden_folders(tmp_path: Path) -> None:
    (tmp_path / "f" / ".git").mkdir(parents=True)
    for name in ("a", "b", ".git/x"):
        (tmp_path / "f" / name).write_text("1")
    assert fingerprints.digest(str(tmp_path / "f" / "a")) == hashlib.sha256(b"1").hexdigest()
    one = hashlib.sha256(b"1").hexdigest()
    assert fingerprints.digest(str(tmp_path / "f")) == hashlib.sha256(f"a {one}\nb {one}".encode()).hexdigest()
    (tmp_path / "f" / ".git" / "x").write_text("2")
    assert fingerprints.digest(str(tmp_path / "f")) == hashlib.sha256(f"a {one}\nb {one}".encode()).hexdigest()
    with pytest.raises(InputError, match="nothing"):
        fingerprints.digest(str(tmp_path / "nothing"))


@pytest.mark.parametrize(("value", "same"), [({"b": 1, "a": 2}, {"a": 2, "b": 1}), ([1, 2], (1, 2))])
def test_a_digest_of_json_knows_no_order_of_keys(value: Any, same: Mapping[str, int]) -> None:
    found = fingerprints.digest_of(value)
    assert found == fingerprints.digest_of(same) != fingerprints.digest_of([value])
    assert len(found) == 16


def test_an_error_does_not_wait_for_threads() -> None:
    """What was not begun is not done; and without an error all is."""
    done = list[int]()

    def work(number: int) -> None:
        time.sleep(0.01)
        done.append(number)

    def stopped() -> None:
        with threads.pool(1) as pool:
            for number in range(200):
                pool.submit(work, number)
            raise KeyError

    with pytest.raises(KeyError):
        stopped()
    assert len(done) < 200
    count = len(done)
    with threads.pool(2) as pool:
        for number in range(5):
            pool.submit(work, number)
    assert len(done) >= count + 5


def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("1")
    with pytest.raises(OutputError, match=r"file/out can't be made: .*: choose another folder"):
        locks.held(str(tmp_path / "file" / "out"), "busy").__enter__()
    with locks.held(str(tmp_path / "new"), "busy"), pytest.raises(OutputError, match=r"^busy$"):
        locks.held(str(tmp_path / "new"), "busy").__enter__()
    assert not (tmp_path / "new").exists()  # nothing was put into it
