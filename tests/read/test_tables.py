"""Parquet and JSON of others through the readers of dedup, mix and inspect: counts add up, texts are the same by content."""

import datetime
import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate.commands.inspect import inspect as inspect_command
from curate.corpus import schema
from curate.errors import InputError
from curate.mixing import sources
from curate.read import corpora, tables
from curate.report.inspect import inspect

TEXT = pa.array(["one", "two", "three"])


def mixed(path: Path, **asked: str) -> tuple[list[tuple[str, str]], Counter[str]]:
    """What `mix` reads."""
    source, skipped = sources.find("s", str(path), **asked), Counter[str]()
    batches = [batch for file in source.files for batch in sources.read(source.only(file), skipped)]
    return [(row["id"], row["text"]) for batch in batches for row in batch.to_pylist()], skipped


def deduped(path: Path, **asked: str) -> tuple[list[dict[str, Any]], Counter[str]]:
    """What `dedup` reads."""
    source, skipped = corpora.tables_source(str(path), **asked), Counter[str]()
    return [row for task in source.tasks for table in corpora.rows(task, skipped) for row in table.to_pylist()], skipped


def write(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table({"text": TEXT, **columns}), path)
    return path


@pytest.mark.parametrize(
    "column",
    [
        TEXT,
        TEXT.cast(pa.large_string()),
        TEXT.cast(pa.string_view()),
        TEXT.cast(pa.binary()),
        TEXT.cast(pa.large_binary()),
        TEXT.dictionary_encode(),
    ],
)
def test_text_however_it_is_stored(tmp_path: Path, column: pa.Array) -> None:
    write(tmp_path / "a.parquet", text=column)
    assert [text for _, text in mixed(tmp_path)[0]] == TEXT.to_pylist()
    assert [row["text"] for row in deduped(tmp_path)[0]] == TEXT.to_pylist()
    assert inspect(str(tmp_path)).characters == 11


@pytest.mark.parametrize(
    "column", [pa.array([["a"], [], None]), pa.array([{"body": "a"}] * 3), pa.array([1, 2, 3]), pa.array([True] * 3)]
)
def test_what_is_no_text_is_said_before_the_job(tmp_path: Path, column: pa.Array) -> None:
    write(tmp_path / "a.parquet", text=column)
    for reader in (mixed, deduped, lambda path: inspect(str(path))):
        with pytest.raises(InputError, match=r"a.parquet: column text is .*, not text; .*--text-column"):
            reader(tmp_path)


def test_files_of_one_folder_may_differ(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", url=["http://a/"] * 3, id=[1, 2, 3])
    write(tmp_path / "b.parquet", url=[{"x": 1}] * 3, date=["2024"] * 3)
    pq.write_table(pa.table({"statistics": [1, 2]}), tmp_path / "c.parquet")
    write(tmp_path / "d.parquet", text=[["x"], ["y"], None])
    pq.write_table(pa.table({"other": pa.array([], pa.int64())}), tmp_path / "e.parquet")
    (tmp_path / "f.jsonl").write_text("")
    (tmp_path / "g.parquet").write_bytes(b"")
    texts, skipped = mixed(tmp_path)
    assert [text for _, text in texts] == TEXT.to_pylist() * 2
    assert skipped == {"no_column": 5, "damaged": 1}
    rows, skipped = deduped(tmp_path)
    assert [row["url"] for row in rows[:6]] == ["http://a/"] * 3 + [None] * 3
    assert Counter((row["verdict"], row["reason"]) for row in rows) == {
        (None, None): 6,
        ("failed", "no_column"): 5,
        ("failed", "damaged"): 1,
    }
    assert rows[6]["detail"].startswith("2 rows: no column text or content or raw_content (it has statistics)")
    assert not skipped


def test_columns_with_our_names_are_not_ours(tmp_path: Path) -> None:
    ours = [name for name in schema.judged("web", ["x"]).names if name not in ("text", "url", "date", "language")]
    write(tmp_path / "a.parquet", **{name: ["rejected", "kept", None] for name in ours if name != "id"})
    rows, _ = deduped(tmp_path)
    assert [row["text"] for row in rows] == TEXT.to_pylist()
    assert {row[name] for row in rows for name in ("verdict", "reason", "value", "detail", "status", "host")} == {None}
    assert [row["source"] for row in rows] == ["rejected", "kept", "corpus"]
    assert {row["file"] for row in rows} == {str(tmp_path / "a.parquet")}
    assert [row["offset"] for row in rows] == [0, 1, 2]
    (note,) = corpora.tables_source(str(tmp_path)).notes
    assert "columns that are not carried over: file, offset, host" in note


def test_what_is_not_carried_over_is_named_of_each_folder_and_inside_metadata(tmp_path: Path) -> None:
    inside = {"url": "http://a/", "Language": "en", "dump": "CC", "tokens": 3}
    for name in ("lines", "parquet", "used"):
        (tmp_path / name).mkdir()
    record = {"text": "a", "id": "<urn:uuid:1>", "metadata": inside, "score": 0.5, "Ärger": 1}
    (tmp_path / "lines" / "a.jsonl").write_text(json.dumps(record) + "\n")
    (tmp_path / "lines" / "b.jsonl").write_text('{"text": "b", "other": 1}\n')  # the first file tells for its folder
    pq.write_table(pa.table({"text": ["a"], "meta": [inside], "tags": [["x"]]}), tmp_path / "parquet" / "a.parquet")
    (tmp_path / "used" / "a.jsonl").write_text('{"text": "a", "metadata": "{\\"dump\\": 1}"}\n')
    folders = [str(tmp_path / name) for name in ("lines", "parquet", "used")]
    assert corpora.tables_source(folders).notes == [
        f"{folders[0]}: columns that are not carried over: score, Ärger, metadata.dump, metadata.tokens",
        f"{folders[1]}: columns that are not carried over: tags, meta.dump, meta.tokens",
    ]


def test_a_corpus_of_ours_is_known_by_its_mark(tmp_path: Path) -> None:
    ids = [schema.document_id(n) for n in range(3)]
    row = {"source": "CC", "status": 200, "charset": "utf-8", "host": "h"}
    made = [{**row, "id": ids[0], "text": "a"}, {**row, "id": ids[1], "verdict": "failed", "reason": "page_timeout"}]
    made.append({**row, "id": ids[2], "text": ""})
    table = pa.Table.from_pylist(made, schema.extracted("web"))
    pq.write_table(table, tmp_path / "ours.parquet")
    rows, skipped = deduped(tmp_path / "ours.parquet")
    assert [(one["id"], one["verdict"], one["reason"], one["status"]) for one in rows] == [
        (ids[0], None, None, 200),
        (ids[1], "failed", "page_timeout", 200),
    ]
    assert skipped == {"empty_text": 1}
    pq.write_table(table.replace_schema_metadata(None), tmp_path / "theirs.parquet")
    rows, skipped = deduped(tmp_path / "theirs.parquet")
    assert [(one["record_id"], one["verdict"], one["status"]) for one in rows] == [(ids[0], None, None)]
    assert rows[0]["id"] != ids[0]
    assert skipped == {"no_text": 1, "empty_text": 1}


def test_rows_of_one_id_are_two_documents(tmp_path: Path) -> None:
    same = "0" * 32
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "part-0.parquet", id=[same, same, None], text=["a", "a", "b"])
    rows, _ = deduped(tmp_path)
    assert len({row["id"] for row in rows}) == 6
    assert all(schema.is_id(row["id"]) for row in rows)
    assert Counter(row["record_id"] for row in rows) == {same: 4, None: 2}
    assert {row["id"] for row in deduped(tmp_path / "x")[0]}.isdisjoint(row["id"] for row in deduped(tmp_path / "y")[0])
    assert deduped(tmp_path)[0] == rows


def test_one_bad_date_costs_one_date(tmp_path: Path) -> None:
    dates: list[str | None] = ["2024-01-31T00:00:00Z"] * 1023 + ["not a date"]
    texts = [f"text {n}" for n in range(1024)]
    write(tmp_path / "a.parquet", text=texts, date=dates)
    lines = [json.dumps({"text": text, "date": date}) for text, date in zip(texts, dates, strict=True)]
    (tmp_path / "b.jsonl").write_text("\n".join(lines))
    found = Counter(row["date"] for row in deduped(tmp_path)[0])
    assert found == {datetime.datetime(2024, 1, 31, tzinfo=datetime.UTC): 2046, None: 2}


def test_bad_bytes_cost_a_character_or_a_row(tmp_path: Path) -> None:
    raw = pa.array([b"good", b"b\xffad", b"fine"])
    write(tmp_path / "a.parquet", text=raw.view(pa.string()), url=raw.view(pa.string()))
    assert [text for _, text in mixed(tmp_path)[0]] == ["good", "b\ufffdad", "fine"]
    write(tmp_path / "a.parquet", text=raw)
    rows, _ = deduped(tmp_path)
    assert [(row["text"], row["reason"], row["detail"]) for row in rows] == [
        ("good", None, None),
        (None, "not_utf8", "row 2: the bytes of the text are no UTF-8"),
        ("fine", None, None),
    ]


@pytest.mark.parametrize(
    "metadata",
    [
        pa.array([{"url": f"http://{n}/", "lang": "de"} for n in range(3)]),
        pa.array([json.dumps({"url": f"http://{n}/", "lang": "de"}) for n in range(3)]),
        pa.array([[("url", f"http://{n}/"), ("lang", "de")] for n in range(3)], pa.map_(pa.string(), pa.string())),
    ],
)
@pytest.mark.parametrize("name", ["metadata", "meta", "META"])
def test_metadata_in_parquet_and_in_json(tmp_path: Path, name: str, metadata: pa.Array) -> None:
    write(tmp_path / "a.parquet", **{name: metadata})
    values = [dict(value) if isinstance(value, list) else value for value in metadata.to_pylist()]
    lines = [json.dumps({"text": text, name: value}) for text, value in zip(TEXT.to_pylist(), values, strict=True)]
    (tmp_path / "b.jsonl").write_text("\n".join(lines))
    rows, _ = deduped(tmp_path)
    assert [row["url"] for row in rows] == [f"http://{n}/" for n in range(3)] * 2
    assert {(row["host"], row["language"]) for row in rows} == {(str(n), "de") for n in range(3)}


def test_flattened_metadata(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", **{"metadata.url": ["http://h/"] * 3, "meta.text": ["no"] * 3})
    assert {(row["url"], row["host"]) for row in deduped(tmp_path)[0]} == {("http://h/", "h")}


def test_two_columns_of_one_name(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_arrays([TEXT, pa.array([1, 2, 3])], names=["text", "text"]), tmp_path / "a.parquet")
    assert [text for _, text in mixed(tmp_path)[0]] == TEXT.to_pylist()


def test_columns_by_name(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", body=["x", "y", "z"], key=[7, 8, 9], id=["no"] * 3)
    assert mixed(tmp_path, text_column="body", id_column="key")[0] == [("7", "x"), ("8", "y"), ("9", "z")]
    rows, _ = deduped(tmp_path, text="body", ident="key")
    assert [(row["record_id"], row["text"]) for row in rows] == [("7", "x"), ("8", "y"), ("9", "z")]


def test_a_damaged_row_group_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    texts = [f"{n} {'x' * 500}" for n in range(300)]
    pq.write_table(pa.table({"text": texts}), path, row_group_size=100, compression="zstd", use_dictionary=False)
    start = pq.read_metadata(path).row_group(1).column(0).data_page_offset
    data = bytearray(path.read_bytes())
    data[start : start + 16] = b"\xff" * 16
    path.write_bytes(data)
    rows, _ = deduped(path)
    assert [row["text"] for row in rows if row["text"]] == texts[:100] + texts[200:]
    (bad,) = [row for row in rows if row["verdict"]]
    assert (bad["verdict"], bad["reason"], bad["offset"]) == ("failed", "damaged", 100)
    assert bad["detail"].startswith("rows 101 to 200 can't be read: ")


def test_a_row_of_a_table_is_called_a_row() -> None:
    assert tables.where("c/data/a.parquet", 74) == "row 75"
    assert tables.where("c/a.JSONL.gz", 0) == "row 1"
    assert tables.where("c/a.warc.gz", 75) == "byte 75"
    assert tables.where(None, None) == ""


def test_inspect_says_what_it_could_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a", "url": "http://h/"}\nno\n{"text": null}\n{"n": 1}\n')
    (tmp_path / "b.csv").write_text("x")
    done = CliRunner().invoke(inspect_command, [str(tmp_path), "--quiet"])
    assert done.exit_code == 0, done.output
    assert "not_json" in done.output
    assert "line 2: Expecting value" in done.output
    assert "1 file is left out, no Parquet and no JSON lines (b.csv)" in done.stderr
    found = inspect(str(tmp_path))
    assert (found.documents, found.empty, found.unreadable) == (2, 1, {"not_json": 1, "no_column": 1})


# ---- any table ---------------------------------------------------------------------------------------------

TEXTS = st.none() | st.text(max_size=8)
TYPES: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "string": (pa.string(), TEXTS),
    "large": (pa.large_string(), TEXTS),
    "view": (pa.string_view(), TEXTS),
    "binary": (pa.binary(), st.none() | st.binary(max_size=5)),
    "dictionary": (pa.dictionary(pa.int8(), pa.string()), TEXTS),
    "null": (pa.null(), st.none()),
    "int": (pa.int64(), st.none() | st.integers(-(2**63), 2**63 - 1)),
    "float": (pa.float64(), st.none() | st.floats()),
    "bool": (pa.bool_(), st.none() | st.booleans()),
    "seconds": (pa.timestamp("us"), st.none() | st.integers(-(2**62), 2**62)),
    "nanoseconds": (pa.timestamp("ns", tz="Asia/Kolkata"), st.none() | st.integers(-(2**62), 2**62)),
    "day": (pa.date32(), st.none() | st.integers(-(2**31), 2**31 - 1)),
    "list": (pa.list_(pa.string()), st.none() | st.lists(TEXTS, max_size=2)),
    "struct": (
        pa.struct([("url", pa.string()), ("date", pa.int64())]),
        st.none() | st.just({"url": "http://h/", "date": 2**60}),
    ),
    "map": (pa.map_(pa.string(), pa.string()), st.none() | st.just([("url", "http://h/"), ("id", "")])),
    "json": (pa.string(), st.sampled_from(['{"url": "http://h/"}', "{", "[1]", None, '{"url": 5, "date": [1]}'])),
    "raw": (pa.string(), st.none() | st.binary(max_size=5)),
}
NAMES = [
    "id",
    "url",
    "date",
    "language",
    "language_score",
    "source",
    "metadata",
    "meta",
    "verdict",
    "file",
    "offset",
    "host",
    "Text",
]


@st.composite
def any_table(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(0, 5))
    columns = {}
    for name in ["text", *draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=4))]:
        kind, values = TYPES[draw(st.sampled_from(["string", "raw", "binary"] if name == "text" else sorted(TYPES)))]
        found = draw(st.lists(values, min_size=rows, max_size=rows))
        if any(isinstance(value, bytes) for value in found) and kind == pa.string():
            columns[name] = pa.array(found, pa.binary()).view(pa.string())
        else:
            columns[name] = pa.array(found, kind)
    return pa.table(columns)


def expected(column: pa.ChunkedArray) -> list[str | None]:
    """What the texts are, by their bytes."""
    binary = column.type == pa.binary()
    found: list[str | None] = []
    for value in column.cast(pa.binary()).to_pylist():
        text = None if value is None else value.decode("utf-8", "replace")
        found.append(None if binary and text is not None and text.encode() != value else text)
    return [text or None for text in found]


@given(table=any_table())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_table_through_each_reader(tmp_path: Path, table: pa.Table) -> None:
    path = tmp_path / "any.parquet"
    pq.write_table(table, path, row_group_size=2)
    texts = [text for text in expected(table["text"]) if text is not None]
    found, skipped = mixed(path)
    assert [text for _, text in found] == texts
    assert len(found) + sum(skipped.values()) == table.num_rows
    rows, skipped = deduped(path)
    assert [row["text"] for row in rows if row["verdict"] is None] == texts
    assert len(rows) + sum(skipped.values()) == table.num_rows
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        assert row["text"] == expected(table["text"])[row["offset"]]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.lists(st.dictionaries(st.sampled_from(["text", *NAMES]), VALUES, max_size=5), max_size=5))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_through_each_reader(tmp_path: Path, records: list[dict[str, Any]]) -> None:
    path = tmp_path / "any.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    wanted = [record.get("text", record.get("Text")) for record in records]
    texts = [tables.columns.encodable(text) for text in wanted if isinstance(text, str) and text]
    found, skipped = mixed(path)
    assert [text for _, text in found] == texts
    assert len(found) + sum(skipped.values()) == len(records)
    rows, skipped = deduped(path)
    assert [row["text"] for row in rows if row["verdict"] is None] == texts
    assert len(rows) + sum(skipped.values()) == len(records)


def test_times_in_int96_keep_their_century(tmp_path: Path) -> None:
    days = [datetime.datetime(year, 12, 31) for year in (1, 2024, 9999)]
    pq.write_table(
        pa.table({"text": TEXT, "date": pa.array(days, pa.timestamp("us"))}),
        tmp_path / "a.parquet",
        use_deprecated_int96_timestamps=True,
    )
    rows, _ = deduped(tmp_path)
    assert [row["date"].replace(tzinfo=None) for row in rows] == days


def test_names_that_are_no_utf_8(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"\\ud800": 1}\n{"text": "a"}\n')
    rows, _ = deduped(tmp_path)
    assert [(row["text"], row["reason"]) for row in rows] == [(None, "no_column"), ("a", None)]
    assert "\ufffd" in rows[0]["detail"]
    (tmp_path / "a.jsonl").unlink()
    raw = write(tmp_path / "b.parquet", title=TEXT).read_bytes()
    (tmp_path / "b.parquet").write_bytes(raw.replace(b"title", b"t\xfftle"))
    rows, _ = deduped(tmp_path)
    assert [(row["text"], row["reason"]) for row in rows] == [(None, "damaged")]


def test_a_broken_footer_ends_no_process(tmp_path: Path) -> None:
    """Arrow aborts where facts of a column are asked for that contradict each other: they are not asked for."""
    path = write(tmp_path / "a.parquet")
    raw = path.read_bytes()
    footer, child = len(raw) - 8 - int.from_bytes(raw[-8:-4], "little"), "import sys\n" + READ_MUTATED
    result = subprocess.run([sys.executable, "-c", child, str(path), str(footer)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-2000:]


READ_MUTATED = """
from pathlib import Path
from curate.read import columns, tables
path, footer = Path(sys.argv[1]), int(sys.argv[2])
raw = path.read_bytes()
for at in range(footer, len(raw)):
    path.write_bytes(raw[:at] + bytes([raw[at] ^ 4]) + raw[at + 1:])
    tables.fault(str(path), columns.USUAL), tables.column_types(str(path))
    rows = [row for batch in tables.read(str(path), ("text", "id")) for row in batch.to_pylist()]
    assert any(row["_problem"] for row in rows) or len(rows) == 3, at
"""


def test_batches_are_bounded_by_all_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "BATCH_BYTES", 1000)
    rows = [{"text": "a", "url": "u" * 600}] * 6
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    batches = list(tables.read(str(tmp_path / "a.jsonl"), ("text", "url")))
    assert [batch.num_rows for batch in batches] == [2, 2, 2]


def test_names_of_columns_are_shown_cut(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"n" * 100_000: 1}))
    (batch,) = tables.read(str(tmp_path / "a.jsonl"), ("text",))
    assert len(batch["_detail"][0].as_py()) < 300


@pytest.mark.skipif(sys.platform != "linux", reason="a limit of a process's memory holds on Linux")
def test_a_dictionary_that_unpacks_to_the_memory_is_a_failed_row(tmp_path: Path) -> None:
    one = pa.DictionaryArray.from_arrays(pa.array([0] * 2000, pa.int32()), pa.array(["a " * 16_000_000]))
    (tmp_path / "in").mkdir()
    pq.write_table(
        pa.table({"text": one}), tmp_path / "in/a.parquet", compression="zstd", dictionary_pagesize_limit=1 << 30
    )
    pq.write_table(pa.table({"text": ["Good words."]}), tmp_path / "in/b.parquet")
    source = corpora.corpus_source(str(tmp_path / "in"))
    assert source.run is not None
    assert source.memory_bytes > 4 << 30
    tasks = [replace(task, out=str(tmp_path / task.name)) for task in source.tasks]
    assert [source.run(task).rows for task in tasks] == [1, 1]
    rows = [row for task in tasks for row in pq.read_table(task.out).to_pylist()]
    assert [(row["verdict"], row["reason"]) for row in rows] == [("failed", "damaged"), (None, None)]


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_failed_rows_without_end_are_one_row(tmp_path, monkeypatch, name):
    monkeypatch.setattr(tables, "MAX_ROWLESS", 10)
    monkeypatch.setattr(tables, "BATCH_ROWS", 4)

    def read(values: list[object]) -> list[tuple[int, str | None, str | None]]:
        path = tmp_path / name
        if name == "a.jsonl":
            path.write_text("".join(json.dumps({"n": 1} if one == b"\xff" else {"text": one}) + "\n" for one in values))
        else:
            whole = [one.encode() if isinstance(one, str) else one for one in values]
            pq.write_table(pa.table({"text": pa.array(whole, pa.binary())}), path)
        found = [row for batch in tables.read(str(path), ["text"]) for row in batch.to_pylist()]
        return [(row["_row"], row["text"], row["_problem"]) for row in found]

    bad, kind = b"\xff", "no_column" if name == "a.jsonl" else "not_utf8"
    rows = read([bad] * 30)
    assert rows == [*((at, None, kind) for at in range(12)), (12, None, "given_up")]
    rows = read(["a", *[bad] * 13, None, bad, "b", bad, bad, "c"])
    assert rows == [
        (0, "a", None), *((at, None, kind) for at in range(1, 12)), (14, None, "no_text"), (16, "b", None),
        (19, "c", None), (12, None, "given_up"),
    ]  # fmt: skip
    assert read([None] * 30) == [(at, None, "no_text") for at in range(30)]
    assert read([bad] * 12) == [(at, None, kind) for at in range(12)]


def test_a_parquet_file_of_many_rows_without_text_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "MAX_ROWLESS", 2_000)
    pq.write_table(pa.table({"n": range(9_000)}), tmp_path / "a.parquet")
    found = [row for batch in tables.read(str(tmp_path / "a.parquet"), ["text"]) for row in batch.to_pylist()]
    assert (len(found), found[-1]["_problem"], found[-1]["_row"]) == (2_049, "given_up", 2_048)
