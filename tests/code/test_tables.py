"""Tables of source files: names of columns, what the license column says, and rows that are none."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.code import source, tables
from curate.code.tables import rows, stated
from curate.errors import InputError
from curate.read.source import FileTask

CODE = "def add(first, second):\n    return first + second\n"


def read(path: Path) -> tuple[list[dict], Counter[str], list[dict]]:
    out = path.parent / "out.parquet"
    source.run(FileTask(name="000000", file=str(path), source="code", out=str(out)))
    from curate.corpus.shards import read_facts

    facts = read_facts(str(out))
    return (
        sorted(pq.read_table(out).to_pylist(), key=lambda row: row["offset"] or 0),
        Counter(facts["files"][str(path)]["skipped"]),
        facts,
    )


def test_parquet_with_the_columns_of_the_stack(tmp_path):
    table = pa.table(
        {
            "max_stars_repo_name": ["a/b", "a/b", "c/d", "c/d"],
            "max_stars_repo_path": ["x.py", "own.py", "y.py", "../z.py"],
            "max_stars_repo_licenses": [["MIT", "Apache-2.0"], ["MIT"], [], ["MIT"]],
            "content": [CODE, "# SPDX-License-Identifier: GPL-3.0-only\n" + CODE, CODE, CODE],
            "stars": [1, 2, 3, 4],
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    found, skipped, facts = read(tmp_path / "t.parquet")
    assert [(r["repo"], r["path"], r["license"]) for r in found] == [
        ("a/b", "x.py", "MIT AND Apache-2.0"),
        ("a/b", "own.py", "GPL-3.0-only"),  # the file's own header beats the column
        ("c/d", "y.py", None),
    ]
    assert skipped == {"unsafe_name": 1}
    assert facts["files"][str(tmp_path / "t.parquet")]["records"] == 4
    assert json.loads(found[0]["license_evidence"])[0]["where"].endswith("t.parquet:1")


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz", ".jsonl.zst"])
def test_json_lines_with_rows_that_are_none(tmp_path, ending):
    lines = [
        json.dumps({"repo": "a", "path": "x.py", "content": CODE, "license": "mit"}),
        "not json",
        json.dumps([1, 2]),
        json.dumps({"repo": "a", "path": "x.py", "content": CODE, "license": "mit"}),
        json.dumps({"repo": 5, "path": 7, "content": CODE}),
        json.dumps({"repo": "a", "path": "bad\ud800.py", "content": "x = 1\ud800\n", "license": "\ud800"}),
        "[" * 100_000,
        "",
        json.dumps({"repo": "a", "path": "big.py", "content": "x" * (2 << 20)}),
    ]
    data = "\n".join(lines).encode()
    path = tmp_path / f"t{ending}"
    if ending.endswith("gz"):
        data = gzip.compress(data)
    elif ending.endswith("zst"):
        data = pa.Codec("zstd").compress(data, asbytes=True)
    path.write_bytes(data)
    found, skipped, _ = read(path)
    assert [(r["path"], r["license"]) for r in found] == [("x.py", "MIT"), ("bad\ufffd.py", "LicenseRef-unknown")]
    assert skipped == {"bad_record": 4, "repeated": 1, "too_large": 1}


def test_a_repository_in_a_table_has_its_licence_file(tmp_path, monkeypatch):
    mit = (Path(tables.__file__).parents[2] / "LICENSE").read_text()
    records = [
        {"repo": "a", "path": "pkg/x.py", "content": CODE},
        {"repo": "b", "path": "y.py", "content": CODE},
        {"repo": "a", "path": "LICENSE", "content": mit},
    ]
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(map(json.dumps, records)))
    found, skipped, _ = read(path)
    assert found[0]["license"] is not None
    assert found[1]["license"] is None
    assert skipped == {"no_source_file": 1}


def test_a_line_without_end_is_skipped(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "MAX_LINE", 1000)
    good = json.dumps({"path": "x.py", "content": CODE})
    (tmp_path / "t.jsonl").write_text(good + "\n" + "x" * 5000 + "\n" + good + "\n")
    assert [row.member.skipped for row in rows(str(tmp_path / "t.jsonl"))] == [None, "bad_record", None]


def test_a_table_without_contents_says_what_is_missing(tmp_path):
    pq.write_table(pa.table({"repo": ["a"], "path": ["x.py"]}), tmp_path / "t.parquet")
    with pytest.raises(InputError, match="no column for the content"):
        list(rows(str(tmp_path / "t.parquet")))


def test_a_damaged_table_is_a_failed_record(tmp_path):
    (tmp_path / "t.parquet").write_bytes(b"PAR1" + b"\x00" * 50)
    found, _, _ = read(tmp_path / "t.parquet")
    assert [(r["verdict"], r["reason"]) for r in found] == [("failed", "archive_damaged")]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("mit", "MIT"),
        (["MIT", "GPL-2.0-only"], "MIT AND GPL-2.0-only"),
        ("MIT OR Apache-2.0", "MIT OR Apache-2.0"),
        ("whatever I like", "LicenseRef-unknown"),
        (["mit", "whatever"], "MIT AND LicenseRef-unknown"),
        ("NOASSERTION", None),
        (None, None),
        ([], None),
        (7, None),
    ],
)
def test_what_a_license_column_says(value, expected):
    found = stated(value, "t:1")
    assert (found.expression if found else None) == expected


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=30), st.lists, max_leaves=5))
def test_no_value_of_the_column_is_an_error(value):
    found = stated(value, "t:1")
    assert found is None or found.expression
