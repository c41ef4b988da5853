"""Other people's files: what is read, what is counted, what is left out with a line, what is an error."""

import gzip
import json
import os
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from train_probe import inputs
from train_probe.errors import ProbeError


def texts(where, skipped=None):
    return [doc.text for doc in inputs.read(where, skipped)]


def parquet(path, **columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
@pytest.mark.parametrize("kind", [".jsonl", ".json", ".ndjson"])
def test_json_lines_are_read_plain_and_packed(tmp_path, kind, ending):
    lines = b'\xef\xbb\xbf{"text": "a\xc3\xa9", "id": 7}\n\n{"content": "b", "lang": "de"}\n{"raw_content": "c"}'
    pack = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}[ending]
    two = pack(lines[:40]) + pack(lines[40:]) if ending else lines  # two members in one file are one text
    (tmp_path / f"x{kind}{ending}").write_bytes(two)
    docs = list(inputs.read(tmp_path))
    assert [d.text for d in docs] == ["aé", "b", "c"]
    assert docs[0].key == inputs.hash64("7")
    assert docs[1].language == "de"
    assert {d.source for d in docs} == {tmp_path.name}


def test_lines_that_are_no_documents_are_counted_by_kind(tmp_path):
    lines = [
        '{"text": "ok"}',
        '{"text": ',
        "[1, 2]",
        '{"text": 5}',
        '{"text": null}',
        '{"id": 1}',
        '"x"',
        '{"text": ""}',
    ]
    (tmp_path / "x.jsonl").write_text("\n".join(lines))
    skipped = Counter()
    assert texts(tmp_path, skipped) == ["ok"]
    assert skipped == {"not JSON": 1, "no object": 2, "empty": 4}
    assert sum(skipped.values()) + 1 == len(lines)


def test_rows_that_are_no_documents_cost_themselves_alone(tmp_path):
    values = [b"fine", b"\xff\xfe", None, b"", b"also fine"]
    raw = pa.StringArray.from_buffers(5, *pa.array(values, pa.binary()).buffers()[1:], pa.array(values).buffers()[0])
    parquet(tmp_path / "x.parquet", text=raw, source=pa.array(["s", "s", "s", "s", None]))
    skipped = Counter()
    docs = list(inputs.read(tmp_path, skipped))
    assert [(d.text, d.source) for d in docs] == [("fine", "s"), ("also fine", tmp_path.name)]
    assert skipped == {"not UTF-8": 1, "empty": 2}


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_text_columns_of_every_type_are_read(tmp_path, kind):
    pq.write_table(pa.table({"text": pa.array(["a", None, "é"], pa.string()).cast(kind)}), tmp_path / "x.parquet")
    assert texts(tmp_path) == ["a", "é"]


def test_a_verdict_of_others_says_nothing_and_one_of_ours_does(tmp_path):
    verdicts = ["good", "rejected", None, "7", "failed", "kept"]
    parquet(tmp_path / "x.parquet", text=list("abcdef"), verdict=verdicts, reason=["r"] * 6)
    skipped = Counter()
    assert texts(tmp_path, skipped) == ["a", "c", "d", "f"]
    assert skipped == {"rejected": 2}


def test_lone_surrogates_are_no_reason_to_stop(tmp_path):
    (tmp_path / "x.jsonl").write_text('{"text": "a\\ud800b", "id": "\\udfff", "source": "\\ud800"}')
    (doc,) = inputs.read(tmp_path)
    assert doc.text == "a\ufffdb"
    doc.source.encode()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.jsonl", b"", "not one document could be read (no rows)"),
        ("x.jsonl", b'{"txt": "a"}\n{"txt": "b"}\n{', "not one document could be read (2 empty, 1 not JSON)"),
        ("x.json", b'[{"text": "a"}]', "a JSON array"),
        ("x.jsonl.gz", gzip.compress(b'{"text": "a"}\n' * 99, mtime=0)[:-9], "can't be read to its end"),
        ("x.jsonl.zst", b"junk", "can't be read to its end"),
        ("x.parquet", b"PAR1 not", "can't be read as Parquet"),
        ("x.txt", b"text", "no Parquet files or JSON lines"),
    ],
)
def test_an_input_of_which_nothing_can_be_read_is_an_error(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ProbeError) as error:
        texts(tmp_path)
    assert message in str(error.value)
    assert str(tmp_path) in str(error.value)


def test_columns_that_hold_no_text_are_an_error(tmp_path):
    parquet(tmp_path / "a/x.parquet", words=["x"])
    with pytest.raises(ProbeError, match="no column 'text'; it has words"):
        texts(tmp_path / "a")
    for name, column in (("list", [["x"]]), ("struct", [{"a": "x"}]), ("number", [1])):
        parquet(tmp_path / name / "x.parquet", text=column)
        with pytest.raises(ProbeError, match="not text"):
            texts(tmp_path / name)
    with pytest.raises(ProbeError, match="no such file"):
        texts(tmp_path / "gone")


def names(found):
    return [str(p.relative_to(found.root)) for p in found.files]


def test_test_splits_are_left_out_with_a_line(tmp_path):
    for name in ("data/train-00000-of-00001", "data/test-00000-of-00001", "data/validation-00000-of-00001"):
        parquet(tmp_path / "hub" / f"{name}.parquet", text=["x"])
    found = inputs.find(tmp_path / "hub")
    assert names(found) == ["data/train-00000-of-00001.parquet"]
    (line,) = found.left_out
    assert "2 files of a test or validation split" in line
    assert "data/test-00000-of-00001.parquet" in line
    for folder in ("train", "test", "dev"):
        parquet(tmp_path / "folders" / folder / "0.parquet", text=["x"])
    assert names(inputs.find(tmp_path / "folders")) == ["train/0.parquet"]
    parquet(tmp_path / "only" / "test-0.parquet", text=["x"])  # who names a test split means it
    assert names(inputs.find(tmp_path / "only")) == ["test-0.parquet"]
    parquet(tmp_path / "words" / "testament.parquet", text=["x"])
    parquet(tmp_path / "words" / "train.parquet", text=["x"])
    assert len(inputs.find(tmp_path / "words").files) == 2


def test_folders_of_others_are_read_and_our_own_side_folders_are_not(tmp_path):
    for folder in ("extracted", "rejected", "heldout", "more"):
        parquet(tmp_path / "theirs" / folder / "0.parquet", text=["x"])
    assert len(inputs.find(tmp_path / "theirs").files) == 4
    for folder in ("data", "rejected", "heldout"):
        parquet(tmp_path / "ours" / folder / "0.parquet", text=["x"])
    (tmp_path / "ours/ledger.json").write_text("{}")
    found = inputs.find(tmp_path / "ours")
    assert (names(found), found.left_out) == (["data/0.parquet"], ())
    (tmp_path / "ours/ledger.json").unlink()
    found = inputs.find(tmp_path / "ours")
    assert names(found) == ["data/0.parquet"]
    assert "2 files outside its data/ (heldout/0.parquet, rejected/0.parquet)" in found.left_out[0]


def test_json_beside_parquet_is_about_the_data(tmp_path):
    parquet(tmp_path / "0.parquet", text=["x"])
    (tmp_path / "dataset_infos.json").write_text("{}")
    (tmp_path / "more.jsonl").write_text('{"text": "y"}')
    found = inputs.find(tmp_path)
    assert names(found) == ["0.parquet", "more.jsonl"]
    assert ".json beside Parquet" in found.left_out[0]


def test_inputs_are_known_by_their_content(tmp_path):
    first = tmp_path / "a"
    for name in ("x", "y"):
        parquet(first / f"{name}.parquet", text=[name * 100])
    before = inputs.fingerprint(inputs.find(first))
    moved = first.rename(tmp_path / "b")
    os.utime(moved / "x.parquet", (1, 1))
    assert inputs.changed(before, inputs.fingerprint(inputs.find(moved), before)) == []
    parquet(moved / "y.parquet", text=["z" * 100])
    assert inputs.changed(before, inputs.fingerprint(inputs.find(moved), before)) == ["y.parquet"]
    (moved / "y.parquet").unlink()
    parquet(moved / "z.parquet", text=["z"])
    assert inputs.changed(before, inputs.fingerprint(inputs.find(moved), before)) == ["y.parquet", "z.parquet"]


def test_one_byte_between_the_samples_is_another_content(tmp_path):
    """A file of equal size, changed where no sample looks: the time of change sends us to read it whole."""
    path = tmp_path / "x.jsonl"
    data = bytearray(json.dumps({"text": "a" * 2_000_000}).encode())
    path.write_bytes(data)
    before = inputs.fingerprint(inputs.find(tmp_path))
    data[500_000] = ord("b")
    path.write_bytes(data)
    os.utime(path, ns=(1, before[0][2] + 1))
    assert inputs.changed(before, inputs.fingerprint(inputs.find(tmp_path), before)) == ["x.jsonl"]


def test_ids_of_any_kind_are_keys(tmp_path):
    parquet(tmp_path / "x.parquet", text=["a", "b"], id=np.array([1, 2]))
    (tmp_path / "y.jsonl").write_text('{"text": "c", "id": "1"}')
    keys = [d.key for d in inputs.read(tmp_path)]
    assert keys == [inputs.hash64("1"), inputs.hash64("2"), inputs.hash64("1")]
