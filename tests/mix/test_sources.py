import codecs
import gzip
import json
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate.errors import InputError
from curate.mixing import sources
from curate.mixing.hashing import content_id


def rows_of(path: Path, **columns: str) -> tuple[list[tuple[str, str]], dict[str, int]]:
    source = sources.find("s", str(path), **columns)
    skipped: Counter[str] = Counter()
    rows = [
        (row["id"], row["text"])
        for file in source.files
        for batch in sources.read(source.only(file), skipped)
        for row in batch.to_pylist()
    ]
    return rows, {kind: number for kind, number in skipped.items() if number}


def lines(*records: object) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def test_layouts_of_other_corpora(tmp_path: Path) -> None:
    dolma = tmp_path / "dolma" / "documents"
    dolma.mkdir(parents=True)
    (dolma / "cc-0000.json.gz").write_bytes(
        gzip.compress(lines({"id": "d1", "text": "dolma", "source": "cc", "metadata": {"x": 1}}))
    )
    red = tmp_path / "redpajama" / "arxiv"
    red.mkdir(parents=True)
    (red / "arxiv_0.jsonl").write_bytes(lines({"text": "red", "meta": {"url": "u"}}))
    (red / "arxiv_1.jsonl.zst").write_bytes(zstandard.compress(lines({"text": "pajama", "meta": {}})))
    fine = tmp_path / "fineweb" / "CC-MAIN-2024-10"
    fine.mkdir(parents=True)
    table = pa.table({"text": ["fine", "web"], "id": ["<urn:uuid:1>", "<urn:uuid:2>"], "token_count": [1, 1]})
    pq.write_table(table, fine / "000_00000.parquet")
    assert rows_of(tmp_path / "dolma")[0] == [("d1", "dolma")]
    assert rows_of(tmp_path / "redpajama")[0] == [(content_id(text), text) for text in ("red", "pajama")]
    assert rows_of(tmp_path / "fineweb")[0] == [("<urn:uuid:1>", "fine"), ("<urn:uuid:2>", "web")]


def test_our_own_output_is_read_from_data_alone(tmp_path: Path) -> None:
    for folder in ("data", "rejected", "heldout", "extracted"):
        (tmp_path / folder).mkdir()
        pq.write_table(pa.table({"id": [folder], "text": [folder]}), tmp_path / folder / "part.parquet")
    (tmp_path / "ledger.json").write_text('{"curate": "1"}')
    assert rows_of(tmp_path)[0] == [("data", "data")]


def test_json_beside_parquet_tells_of_the_files(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "part.parquet")
    (tmp_path / "index.json").write_text('{"parts": ["part.parquet"]}\n')
    assert rows_of(tmp_path) == ([(content_id("a"), "a")], {})


def test_hidden_and_marker_files_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines({"text": "a"}))
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / ".b.jsonl").write_bytes(lines({"text": "b"}))
    (tmp_path / "_temporary").mkdir()
    (tmp_path / "_temporary" / "c.jsonl").write_bytes(lines({"text": "c"}))
    assert [text for _, text in rows_of(tmp_path)[0]] == ["a"]


def test_glob_and_single_file(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.jsonl").write_bytes(lines({"text": name}))
    assert [text for _, text in rows_of(tmp_path / "[ab].jsonl")[0]] == ["a", "b"]
    assert [text for _, text in rows_of(tmp_path / "c.jsonl")[0]] == ["c"]


def test_nothing_to_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        sources.find("s", str(tmp_path / "nowhere"))
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(InputError, match="1 file is left out, no Parquet and no JSON lines"):
        sources.find("s", str(tmp_path))


def test_bad_records_are_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    good = {"id": 7, "text": "good"}
    data = (
        lines({"text": "first"})
        + b"{broken\n\xff\xfe\n\n[1]\n3\n"
        + lines({"id": "x"}, {"text": 5}, {"text": ""}, good)
    )
    (tmp_path / "a.jsonl").write_bytes(data + b'{"text": "no newline"}')
    rows, skipped = rows_of(tmp_path)
    assert [text for _, text in rows] == ["first", "good", "no newline"]
    assert rows[1][0] == "7"
    assert skipped == {"not_json": 2, "not_object": 2, "no_column": 1, "not_text": 1, "empty_text": 1}


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_a_truncated_file_gives_what_came_before_the_damage(tmp_path: Path, suffix: str) -> None:
    data = lines(*({"id": str(i), "text": f"text {i} " * (i % 50)} for i in range(1, 3000)))
    packed = gzip.compress(data, mtime=0) if suffix == "gz" else zstandard.compress(data)
    path = tmp_path / f"a.jsonl.{suffix}"
    path.write_bytes(packed)
    whole = rows_of(path)
    path.write_bytes(packed[: len(packed) * 2 // 3])
    rows, skipped = rows_of(path)
    assert skipped.get("damaged") == 1
    assert rows == whole[0][: len(rows)]
    if suffix == "gz":
        assert len(rows) > 500


def test_a_file_that_is_not_parquet_is_counted(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 no, it is not")
    assert rows_of(tmp_path) == ([], {"damaged": 1})


def test_lone_surrogates_and_deep_nesting(tmp_path: Path) -> None:
    deep = b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"
    (tmp_path / "a.jsonl").write_bytes(b'{"id": "\\ud800", "text": "a\\udfffb"}\n' + deep)
    rows, skipped = rows_of(tmp_path)
    assert rows == [("\ufffd", "a\ufffdb")]
    assert sum(skipped.values()) == 1


def test_columns_by_name(tmp_path: Path) -> None:
    pq.write_table(pa.table({"body": ["x"], "key": [5]}), tmp_path / "a.parquet")
    assert rows_of(tmp_path, text_column="body", id_column="key")[0] == [("5", "x")]
    with pytest.raises(InputError, match=r"source s: .*a\.parquet: no column text .*--text-column"):
        rows_of(tmp_path)
    with pytest.raises(InputError, match="no column nope"):
        rows_of(tmp_path, text_column="body", id_column="nope")
    with pytest.raises(InputError, match="is int64, not text"):
        rows_of(tmp_path, text_column="key")


def test_sources_may_differ_in_everything_else(tmp_path: Path) -> None:
    kinds = [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
    for place, kind in enumerate(kinds):
        columns = {"text": pa.array([f"t{place}", None, ""]).cast(kind), f"other{place}": [{"a": place}] * 3}
        pq.write_table(pa.table(columns), tmp_path / f"{place}.parquet")
    rows, skipped = rows_of(tmp_path)
    assert [text for _, text in rows] == ["t0", "t1", "t2", "t3"]
    assert skipped == {"no_text": 4, "empty_text": 4}


def test_missing_ids_are_made_from_the_text(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["a", None, ""], "text": ["x", "y", "z"]}), tmp_path / "a.parquet")
    assert rows_of(tmp_path)[0] == [("a", "x"), (content_id("y"), "y"), (content_id("z"), "z")]


def test_large_texts_come_in_small_batches(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["x" * (10 << 20)] * 9}), tmp_path / "a.parquet")
    source = sources.find("s", str(tmp_path))
    sizes = [batch.num_rows for batch in sources.read(source.only(source.files[0]), Counter())]
    assert sum(sizes) == 9
    assert max(sizes) <= 4


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=40).map(
                lambda data: data.translate(None, b'0123456789-"[{tfnNI')
            ),  # begins no JSON value
            st.text(max_size=20).map(lambda text: json.dumps({"text": text}).encode()),
            st.just(codecs.BOM_UTF8),
        )
    )
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_line_is_a_document_or_counted(tmp_path: Path, found: list[bytes]) -> None:
    path = tmp_path / "fuzz.jsonl"
    data = b"\n".join([b'{"text": "first"}', *found])  # a first line that is none might begin an array over lines
    path.write_bytes(data)
    rows, skipped = rows_of(path)
    lines = [line.removeprefix(codecs.BOM_UTF8).strip() for line in data.split(b"\n")]
    assert len(rows) + sum(skipped.values()) == sum(map(bool, lines))
