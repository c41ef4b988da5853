"""Files of many documents: what a reader may get wrong, and what bytes may make of it, costs no more than it must."""

import bz2
import gzip
import lzma
import random
from functools import partial

import pytest

from curate.read import items
from curate.read.dumps import head_of
from curate.read.items import Fail, Item, file_by_file, open_unpacked

LINES = [f"line {n} {random.Random(n).random()}\n".encode() for n in range(5_000)]
GOOD = {"text": "good"}
ENDS = {
    "value": ValueError("no such thing"),
    "memory": MemoryError(),
    "skip": items.Skip("kind"),
    "fail": Fail("no_end: a list is open"),
    "gone": OSError("gone"),
}
PACKS = [gzip.compress, partial(bz2.compress, compresslevel=1), lzma.compress]


def listed(task):
    """A reader of a document for each entry of the option `makes`, which ends in the error `ends` of ENDS, if any."""
    for number, made in enumerate(task.options["makes"]):
        yield Item(number * 10, str(number), lambda made=made: made)
    if error := task.options.get("ends"):
        raise ENDS[error]


def by_line(task):
    with open_unpacked(task.split.file) as file:
        at = file.tell()
        while line := file.readline():
            yield Item(at, str(at), lambda line=line: {"text": line.decode()})
            at = file.tell()


def rows(path, reader=listed, kind="titled", **options):
    (task,) = file_by_file(kind, reader, [head_of(str(path))], None, cpu_seconds=5.0, options=options).tasks
    return [row for batch in items.items(items.ItemsTask(task)) for row in batch.to_pylist()]


@pytest.fixture
def path(tmp_path):
    (tmp_path / "x").write_bytes(b"any")
    return tmp_path / "x"


def test_a_column_that_the_kind_lacks_is_said_and_not_lost(path):
    one, two = rows(path, kind="web", makes=[{"text": "a", "title": "A"}, GOOD])
    assert (one["verdict"], one["reason"], one["text"]) == ("failed", "page_TypeError", None)
    assert "title are no columns of the kind 'web' (curate/corpus/schema.py)" in one["detail"]
    assert (two["verdict"], two["text"]) == (None, "good")
    assert rows(path, makes=[{"text": "a", "title": "A"}])[0]["title"] == "A"


@pytest.mark.parametrize(
    ("kind", "column", "value"),
    [
        ("titled", "date", "yesterday"),
        ("titled", "title", "half \ud83d"),
        ("titled", "text", "half \ud83d"),
        ("titled", "title", 7),
        ("web", "status", 1 << 20),
        ("web", "status", 1 << 80),
        ("web", "opt_outs", 7),
        ("wikipedia", "links", [{"url": "\udc80", "reference": True}]),
    ],
)
def test_a_value_that_is_none_of_its_column_costs_its_document(path, kind, column, value):
    before, bad, behind = rows(path, kind=kind, makes=[GOOD, {**GOOD, column: value}, GOOD])
    assert before["text"] == behind["text"] == "good"
    assert (bad["verdict"], bad["offset"], bad["file"], bad["text"]) == ("failed", 10, str(path), None)
    assert bad["id"]
    assert bad["reason"].startswith("page_")
    assert bad["detail"].startswith(f"column {column}: ")


@pytest.mark.parametrize(
    ("error", "reason", "why"),
    [
        ("value", "reading_ValueError", "no such thing"),
        ("memory", "reading_MemoryError", ""),
        ("skip", "reading_Skip", "kind"),
        ("fail", "no_end", "a list is open"),
    ],
)
def test_what_the_reader_itself_raises_is_a_row_for_the_rest_of_the_file(path, error, reason, why):
    *good, last = rows(path, makes=[GOOD] * 3, ends=error)
    assert [row["text"] for row in good] == ["good"] * 3
    assert (last["verdict"], last["reason"], last["offset"]) == ("failed", reason, 20)
    assert last["detail"] == f"what follows document 3 (at byte 20) could not be read: {why}".strip()
    (only,) = rows(path, makes=[], ends=error)
    assert only["detail"] == f"the file could not be read: {why}".strip()
    assert only["id"] == last["id"]


def test_a_file_that_is_gone_ends_the_job(path):
    with pytest.raises(OSError, match="gone"):
        rows(path, makes=[GOOD], ends="gone")


@pytest.mark.parametrize("pack", [bytes, *PACKS])
def test_lines_and_their_places_are_those_of_the_unpacked_file(path, pack):
    whole = b"".join(LINES)
    path.write_bytes(pack(whole))
    with open_unpacked(str(path)) as file:
        found = []
        while not found or found[-1][1]:
            found.append((file.tell(), file.readline()))
    assert [line for _, line in found] == [*LINES, b""]
    assert all(whole[at : at + len(line)] == line for at, line in found)
    assert head_of(str(path)).data == whole[: len(head_of(str(path)).data)]


def test_utf_16_is_read_as_its_head_shows_it(path):
    path.write_bytes("Zürich\nBern\n".encode("utf-16"))
    with open_unpacked(str(path)) as file:
        assert file.read() == "Zürich\nBern\n".encode() == head_of(str(path)).data


@pytest.mark.parametrize("pack", PACKS)
def test_of_a_file_that_is_cut_all_lines_before_come_through(path, pack):
    packed = pack(b"".join(LINES))
    path.write_bytes(packed[: len(packed) * 3 // 4])
    *good, last = rows(path, by_line)
    assert [row["text"].encode() for row in good] == [line.rstrip() + b"\n" for line in LINES[: len(good)]]
    assert len(good) > len(LINES) // 4
    assert (last["verdict"], last["reason"], last["offset"]) == ("failed", "damaged", good[-1]["offset"])
    with open_unpacked(str(path)) as file, pytest.raises(Fail, match="damaged: "):
        file.read()
