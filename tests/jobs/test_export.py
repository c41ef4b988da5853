"""`curate export`: the documents of a corpus in other people's files."""

import datetime as dt
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from click.testing import CliRunner

from curate.commands.export import export as command
from curate.corpus import exports
from curate.corpus.shards import ShardWriter
from curate.engine.session import EngineOptions
from curate.errors import BalanceError, InputError, OutputError, UsageError
from curate.jobs import export as jobs

WHEN = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
SCHEMA = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("text", pa.string()),
        pa.field("url", pa.string()),
        pa.field("date", pa.timestamp("us", tz="UTC")),
        pa.field("score", pa.float64()),
        pa.field("tags", pa.list_(pa.string())),
    ]
)
ROWS: list[dict[str, Any]] = [
    {
        "id": "../../etc/passwd",
        "text": "a\nb\u2028c\x00\r",
        "url": "http://é/",
        "date": WHEN,
        "score": 1.5,
        "tags": ["x"],
    },
    {"id": "b.c", "text": "", "url": None, "date": None, "score": float("nan"), "tags": None},
    {"id": "漢" * 200, "text": '"}\n{"text": "🙂"}', "url": "", "date": WHEN, "score": float("inf"), "tags": []},
]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Three documents in two files of two languages."""
    root = tmp_path / "corpus"
    names = ["data/language=en/part-00000.parquet", "data/language=tha_Thai/part-00000.parquet"]
    for name, rows in zip(names, (ROWS[:2], ROWS[2:]), strict=True):
        with ShardWriter(str(root / name), SCHEMA) as writer:
            writer.write(pa.Table.from_pylist(rows, SCHEMA))
    data = [{"file": name, "bytes": (root / name).stat().st_size} for name in names]
    (root / "ledger.json").write_text(json.dumps({"kept": 3, "data": data}))
    return root


def run(corpus: Path, kind: str, output: Path, *, resume: bool = False) -> dict[str, Any]:
    return jobs.export(jobs.Options(str(corpus), kind, str(output)), EngineOptions(quiet=True, resume=resume))


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((folder / "data").rglob("*"))
        if path.is_file()
    }


def expected(row: dict[str, Any]) -> dict[str, Any]:
    whole = {**row, "date": row["date"] and "2026-01-02T03:04:05+00:00"}
    return {**whole, "score": 1.5 if row["score"] == 1.5 else None}


@pytest.mark.engine
def test_json_lines(corpus: Path, tmp_path: Path) -> None:
    ledger = run(corpus, "jsonl.zst", tmp_path / "out")
    files = sorted((tmp_path / "out/data").rglob("*.zst"))
    assert [path.parent.name for path in files] == ["language=en", "language=tha_Thai"]
    lines = [
        line
        for path in files
        for line in zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read().split(b"\n")[:-1]
    ]
    assert [json.loads(line) for line in lines] == [expected(row) for row in ROWS]
    assert b"NaN" not in b"".join(lines)
    assert (ledger["records"], ledger["kept"]) == (3, 3)
    assert {one["file"]: one["sha256"] for one in ledger["data"]} == digests(tmp_path / "out")
    again = run(corpus, "jsonl.zst", tmp_path / "again")
    assert again["data"] == ledger["data"]


@pytest.mark.engine
def test_tar_files(corpus: Path, tmp_path: Path) -> None:
    run(corpus, "webdataset", tmp_path / "out")
    found, names = [], []
    for path in sorted((tmp_path / "out/data").rglob("*.tar")):
        with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as tar:
            for member in tar:
                names.append(member.name)
                file = tar.extractfile(member)
                assert file is not None
                found.append(file.read())
                assert (member.mtime, member.uid, member.isfile()) == (0, 0, True)
    assert names == [
        f"{file:05d}-{row:08d}.{kind}" for file, row in ((0, 0), (0, 1), (1, 0)) for kind in ("txt", "json")
    ]
    assert [one.decode() for one in found[::2]] == [row["text"] for row in ROWS]
    rest = [{key: value for key, value in expected(row).items() if key != "text"} for row in ROWS]
    assert [json.loads(one) for one in found[1::2]] == rest


@pytest.mark.engine
def test_a_mixture_goes_with_its_repeats(corpus: Path, tmp_path: Path) -> None:
    """Its ledger's `kept` counts documents once, `rows` as often as they stand there."""
    ledger = json.loads((corpus / "ledger.json").read_text())
    (corpus / "ledger.json").write_text(json.dumps(ledger | {"kept": 2, "rows": 3}))
    assert run(corpus, "jsonl.zst", tmp_path / "out")["kept"] == 3
    (corpus / "ledger.json").write_text(json.dumps(ledger | {"kept": 2, "rows": 4}))
    with pytest.raises(BalanceError, match="has 4 documents, 3 were written"):
        run(corpus, "jsonl.zst", tmp_path / "more")


def test_addresses_are_no_documents(corpus: Path, tmp_path: Path) -> None:
    path = corpus / "data/language=en/part-00000.parquet"
    pq.write_table(pa.table({"url": ["https://a.example/"], "score": [3]}), path)
    ledger = json.loads((corpus / "ledger.json").read_text())
    ledger["data"][0]["bytes"] = path.stat().st_size
    (corpus / "ledger.json").write_text(json.dumps(ledger))
    with pytest.raises(InputError, match="holds no documents"):
        run(corpus, "jsonl.zst", tmp_path / "out")


@pytest.mark.engine
def test_a_stopped_run_goes_on(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(corpus, "jsonl.zst", tmp_path / "whole")
    with monkeypatch.context() as patched:
        patched.setattr(jobs, "framed", _killed)
        with pytest.raises(KeyboardInterrupt):
            run(corpus, "jsonl.zst", tmp_path / "out")
    (tmp_path / "out.partial/data/language=en/part-00000.jsonl.zst").unlink()  # as if killed before its rename
    (tmp_path / "out.partial/_scratch/counts/000000.parquet").unlink()
    assert not (tmp_path / "out").exists()
    with pytest.raises(OutputError, match="--resume"):
        run(corpus, "jsonl.zst", tmp_path / "out")
    assert run(corpus, "jsonl.zst", tmp_path / "out", resume=True)["data"] == whole["data"]


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("kind", ["jsonl.zst", "webdataset"])
def test_what_is_missing_in_a_written_file_is_found(corpus: Path, tmp_path: Path, kind: str) -> None:
    write, count = exports.PER_FILE[kind]
    path = tmp_path / f"out.{kind}"
    with open(path, "wb") as stream:
        write(pa.Table.from_pylist(ROWS, SCHEMA).to_batches(), stream, 0)
    assert count(str(path)) == 3
    with pytest.raises(BalanceError, match="2 documents, 3 were read"):
        exports.counted(str(tmp_path / "counts"), 3, 2, str(path))


def test_what_can_not_be_exported(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no ledger\.json"):
        run(tmp_path, "jsonl.zst", tmp_path / "out")
    with pytest.raises(UsageError, match="--format"):
        run(corpus, "csv", tmp_path / "out")
    (corpus / "data/language=en/part-00000.parquet").write_bytes(b"cut")
    with pytest.raises(InputError, match=r"part-00000\.parquet: 3 bytes, not the"):
        run(corpus, "jsonl.zst", tmp_path / "out")
    assert not (tmp_path / "out.partial").exists()


def test_the_command_offers_all_formats() -> None:
    (option,) = (one for one in command.params if one.name == "format")
    assert tuple(option.type.choices) == exports.FORMATS  # type: ignore[attr-defined]


@pytest.mark.engine
def test_lance(corpus: Path, tmp_path: Path) -> None:
    lance = pytest.importorskip("lance")
    done = CliRunner().invoke(command, [str(corpus), "--format", "lance", "--output", str(tmp_path / "out"), "--quiet"])
    assert done.exit_code == 0, done.exception
    assert "3 documents" in done.output
    table = lance.dataset(str(tmp_path / "out/data.lance")).to_table()
    texts = pa.concat_tables(pq.read_table(path) for path in sorted((corpus / "data").rglob("*.parquet")))["text"]
    assert table["text"].to_pylist() == texts.to_pylist()
    assert table["id"].to_pylist() == [row["id"] for row in ROWS]


def test_without_lance_the_person_is_told(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "lance", None)
    with pytest.raises(UsageError, match=r"curate-corpora\[lance\]"):
        run(corpus, "lance", tmp_path / "out")


def test_a_corpus_of_no_documents_is_refused(corpus: Path, tmp_path: Path) -> None:
    ledger = json.loads((corpus / "ledger.json").read_text())
    (corpus / "ledger.json").write_text(json.dumps(ledger | {"kept": 0}))
    for kind in exports.FORMATS:
        with pytest.raises((InputError, UsageError), match=r"no documents|lance"):
            run(corpus, kind, tmp_path / "out")
    assert not (tmp_path / "out").exists()
