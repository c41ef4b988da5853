"""What files are told to be, what of them is left out, and where reading goes on behind damage."""

import gzip
import io
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.read import buckets, dumps, files, rows, tables
from curate.read.dumps import Head
from curate.read.jsonl import Problem, records
from curate.read.robots import reservations
from curate.read.unpack import Piece, pieces

EMPTY_ZIP = b"PK\x05\x06" + bytes(18)


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (Head("a", 0, "", b""), "empty"),
        (Head("a", 22, "", EMPTY_ZIP), "an archive that holds nothing, or a file of zeros"),
        (Head("a", 99, "", bytes(50)), "an archive that holds nothing, or a file of zeros"),
        (Head("a", 99, "gz", bytes(50)), "an archive that holds nothing, or a file of zeros"),
        (Head("a", 99, "7z", b"7z"), "a 7z archive whose list of files is damaged"),
        (Head("a", 99, "7z", b"7z", ("b",)), "none of the dumps that are known (7z)"),
        (Head("a", 99, "xz", b""), "of xz data that are damaged from the start"),
        (Head("a", 99, "zst", b"some"), "none of the dumps that are known (zst)"),
        (Head("a", 99, "", b"some"), "none of the dumps that are known"),
        (Head("a", 99, "pdf", b"%PDF-"), "none of the dumps that are known (pdf)"),
        (Head("a", 9, "", b'<mediawiki version="0.11">'), "a dump of a wiki"),
    ],
)
def test_what_a_file_is_in_words(head: Head, told: str) -> None:
    assert dumps.kind_of(head) == told


def test_an_archive_whose_list_is_damaged_has_no_members(tmp_path: Path) -> None:
    import py7zr

    path = tmp_path / "a.7z"
    with py7zr.SevenZipFile(path, "w") as archive:
        archive.writestr(b"text", "b.txt")
    assert dumps.head_of(str(path)).members == ("b.txt",)
    path.write_bytes(path.read_bytes()[:40])
    found = dumps.head_of(str(path))
    assert (found.packed, found.members) == ("7z", ())


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["b"], "here: 1 file is left out, of an unfinished job (b)"),
        (["c", "b"], "here: 2 files are left out, of an unfinished job (b, c)"),
        ([f"{n:04}" for n in range(1200)], "here: 1,200 files are left out, of an unfinished job ({first} …)"),
    ],
)
def test_what_is_left_out_is_told_by_its_first_names(names: list[str], told: str) -> None:
    first = ", ".join(sorted(names)[: files.SHOWN])
    assert files.note("here", "unfinished", names) == told.format(first=first)


# ---- JSON lines ----


def read(text: str) -> list[Any]:
    return [
        one.value.kind if isinstance(one.value, Problem) else one.value for one in records(io.BytesIO(text.encode()))
    ]


def test_only_what_a_file_begins_with_is_an_array_over_lines() -> None:
    assert read('[\n{"a": 1},\n{"a": 2}\n]\n') == [{"a": 1}, {"a": 2}]
    broken = read('[x\n[\n{"a": 1}\n]\n{"a": 2}\n')
    assert broken == ["not_json", "not_json", {"a": 1}, "not_json", {"a": 2}]


@settings(deadline=None, max_examples=80)
@given(st.lists(st.sampled_from(['{"a": 1}', '{"b": [2]}', "[3]", '"x"', "{", "]", "", "  ", "nul"]), max_size=8))
def test_lines_are_read_one_by_one(lines: list[str]) -> None:
    """Behind a first line that is a record each line stands for itself."""
    found = read("\n".join(['{"first": 0}', *lines]))
    wanted: list[Any] = [{"first": 0}]
    for line in lines:
        try:
            value = json.loads(line)
        except ValueError:
            wanted += ["not_json"] if line.strip() else []
            continue
        wanted.append(value if isinstance(value, dict) else "not_object")
    assert found == wanted


# ---- behind damage ----


@pytest.mark.parametrize("false", [0, 1, 3])
def test_reading_goes_on_at_the_next_member_that_can_be_unpacked(tmp_path: Path, false: int) -> None:
    """What only looks like the beginning of a member (three bytes, once in 16 MB by chance) is passed over."""
    dice = random.Random(2)
    text = [dice.randbytes(3000) for _ in range(3)]
    first, second, third = (gzip.compress(one, mtime=0) for one in text)
    damaged = second[:1500] + b"\xff" * 400 + (b"\x1f\x8b\x08" + bytes(7) + b"\xff" * 30) * false
    (tmp_path / "a.gz").write_bytes(first + damaged + third)
    found = list(pieces(str(tmp_path / "a.gz"), "gz", 0, 1 << 30))
    data = b"".join(piece.data for piece in found)
    assert data.startswith(text[0] + text[1][:1000])
    assert data.endswith(text[2])
    problems = [piece.problem for piece in found if piece.problem]
    assert len(problems) == 1
    assert problems[0].startswith("damaged: ")


def test_places_of_what_is_unpacked_follow_each_other(tmp_path: Path) -> None:
    parts = [bytes([n]) * (n * 1000) for n in range(1, 5)]
    (tmp_path / "a.gz").write_bytes(b"".join(gzip.compress(part, mtime=0) for part in parts))
    at = 0
    for piece in pieces(str(tmp_path / "a.gz"), "gz", 0, 1 << 30):
        assert isinstance(piece, Piece)
        assert piece.offset == at
        at += len(piece.data)
    assert at == sum(map(len, parts))


# ---- rows and batches ----


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 9), max_size=12), st.integers(1, 5), st.integers(1, 12))
def test_a_batch_ends_with_the_row_that_fills_it(sizes: list[int], most: int, size: int) -> None:
    schema = pa.schema([("text", pa.string())])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "BATCH_BYTES", size)
        asked = ({"text": "x" * one} for one in sizes)
        found = [[len(text) for text in batch["text"].to_pylist()] for batch in rows.in_batches(asked, schema, most)]
    assert [one for batch in found for one in batch] == sizes
    for place, batch in enumerate(found):
        full = len(batch) == most or sum(batch) >= size
        assert full or place == len(found) - 1
        assert len(batch) <= most
        assert sum(batch[:-1]) < size


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.integers(1, 30))
def test_a_batch_is_halved_until_it_fits(sizes: list[int], most: int) -> None:
    batch = pa.record_batch({"text": ["x" * size for size in sizes]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "BATCH_BYTES", most)
        found = [[len(text) for text in part["text"].to_pylist()] for part in tables._sliced(batch, "text")]
    assert [one for part in found for one in part] == sizes
    assert all(sum(part) <= most or len(part) == 1 for part in found)
    if sum(sizes) <= most:
        assert len(found) == 1


def test_a_value_that_is_none_of_its_column_fails_its_row_alone() -> None:
    schema = pa.schema([("id", pa.string()), ("n", pa.int8()), ("text", pa.string()), ("verdict", pa.string()), ("reason", pa.string()), ("detail", pa.string())])  # fmt: skip
    good, bad = {"id": "a", "n": 5}, {"id": "b", "n": 500}
    (batch,) = rows.in_batches([good, bad, {"id": "c", "text": "\ud800"}], schema, 9)
    found = batch.to_pylist()
    assert (found[0]["id"], found[0]["n"], found[0]["verdict"]) == ("a", 5, None)
    assert (found[1]["id"], found[1]["n"], found[1]["verdict"]) == ("b", None, "failed")
    assert found[1]["detail"].startswith("column n: ")
    assert (found[2]["id"], found[2]["text"], found[2]["verdict"]) == ("c", None, "failed")
    assert rows.printable("x" * 301) == "x" * 300
    assert rows.printable("a\ud800b") == "a?b"


# ---- parted records ----

RECORDS = st.lists(
    st.tuples(st.integers(0, 3), st.lists(st.none() | st.integers() | st.text(max_size=4), max_size=3)), max_size=12
)


@settings(deadline=None, max_examples=50)
@given(RECORDS, st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4), st.sampled_from([1, 300, 1 << 20]))
def test_records_come_out_of_their_bucket_as_they_went_in(
    tmp_path_factory: pytest.TempPathFactory, found: list[tuple[int, list[Any]]], numbers: list[int], held: int
) -> None:
    path = str(tmp_path_factory.mktemp("b") / "a")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buckets, "HELD", held)
        with buckets.BucketWriter(path) as writer:
            for bucket, record in found:
                writer.add(bucket, record)
            writer.numbers.extend(numbers)
            writer.facts = {"n": len(found)}
    file = buckets.BucketFile(path)
    assert file.facts == {"n": len(found)}
    assert file.numbers().tolist() == numbers
    for bucket in range(5):
        assert list(file.read(bucket)) == [record for at, record in found if at == bucket]


# ---- reservations ----


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ({"location": "/", "tdm-reservation": 1}, [("/", True, "")]),
        ({"location": "/", "tdm-reservation": "1"}, [("/", True, "")]),
        ({"location": "/", "tdm-reservation": 0}, [("/", False, "")]),
        ({"location": "/", "tdm-reservation": "0"}, [("/", False, "")]),
        ({"location": "/", "tdm-reservation": 2}, []),
        ({"location": "/"}, []),
        ({"location": "", "tdm-reservation": 1}, []),
        ({"location": 5, "tdm-reservation": 1}, []),
        ({"location": "/", "tdm-reservation": 1, "tdm-policy": 7}, [("/", True, "")]),
        (
            {"location": "/", "tdm-reservation": 1, "tdm-policy": "https://a.example/p"},
            [("/", True, "https://a.example/p")],
        ),
        ("text", []),
    ],
)
def test_rules_of_the_reservation_protocol(rule: Any, found: list[Any]) -> None:
    assert reservations(json.dumps([rule])) == found
    assert reservations(json.dumps([rule, {"location": "/b", "tdm-reservation": 1}])) == [*found, ("/b", True, "")]
    if isinstance(rule, dict):
        assert reservations(json.dumps(rule)) == found
