"""A file that crashes its reader, twice, is one failed row of a job that goes on."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from curate.code.source import code_source
from curate.corpus.recipe import parse
from curate.corpus.shards import read_batches, read_written
from curate.engine.session import session
from curate.errors import CrashError, EngineError
from curate.read import rows
from curate.read.corpora import corpus_source
from curate.read.source import ReadResult
from curate.run import runner
from curate.run.pipeline import CorpusJob
from tests.tasks import importable

SELF = "tests_crashing_reader"


@pytest.fixture(autouse=True)
def _reader(tmp_path, monkeypatch):
    """A module that children can import: real readers, but for files of one name."""
    code = (
        "import os, signal\n"
        "from curate.engine.tasks import call_json, function\n"
        "def run(task):\n"
        "    name, real = task.pop('signal'), task.pop('real')\n"
        "    if 'bad' in task['file'] and name == 'KeyError': raise KeyError(chr(0xd800))\n"
        "    if 'bad' in task['file']: os.kill(os.getpid(), getattr(signal, name))\n"
        "    return call_json(function(real), task)\n"
    )
    with importable(monkeypatch, tmp_path, SELF, code):
        yield


def broken(source, name="SIGSEGV"):
    tasks = [
        replace(task, reader=f"{SELF}:run", task={**task.task, "real": task.reader, "signal": name})
        for task in source.tasks
    ]
    return replace(source, tasks=tasks)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("bad", "good"):
        (folder / f"{name}.jsonl").write_text(json.dumps({"text": f"a {name} one"}) + "\n")
    return folder


@pytest.mark.engine
def test_a_table(files: Path, tmp_path: Path) -> None:
    job = CorpusJob(
        "dedup", broken(corpus_source(str(files))), parse("name = 'none'\nstep = []", "here"), str(tmp_path / "out")
    )
    with session("test", "sail", cores=1) as s:
        ledger = runner.run(s, job)
    assert ledger["kept"] == 1
    assert ledger["failed"] == {"reading_crash": 1}
    assert ledger["files"][str(files / "bad.jsonl")]["failed"] == {"reading_crash": 1}
    (row,) = (row for batch in read_batches(ledger_file(tmp_path)) for row in batch.to_pylist())
    assert row["detail"] == "read twice, and each time the process ended with SIGSEGV"


def ledger_file(root: Path) -> str:
    (path,) = (root / "out" / "rejected").iterdir()
    return str(path)


def test_a_repository(tmp_path: Path) -> None:
    pytest.importorskip("license_expression")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.py").write_text("x = 1\n")
    source = broken(code_source([str(tmp_path / "bad")]))
    out = str(tmp_path / "out.parquet")
    assert rows.run_safe(replace(source.tasks[0], out=out)) == ReadResult(1, 1)
    assert read_written(out).facts["files"] == {str(tmp_path / "bad"): {"records": 1, "skipped": {}}}
    assert source.run is rows.run_safe


def test_killed_from_outside_is_no_fault_of_the_file(files: Path, tmp_path: Path) -> None:
    source = broken(corpus_source(str(files)), "SIGKILL")
    with pytest.raises(EngineError) as caught:
        rows.run_safe(replace(source.tasks[0], out=str(tmp_path / "out.parquet")))
    assert not isinstance(caught.value, CrashError)


def test_a_reader_that_raises_what_nobody_knows_costs_its_file(files: Path, tmp_path: Path) -> None:
    source = broken(corpus_source(str(files)), "KeyError")
    tasks = [replace(task, out=str(tmp_path / task.name)) for task in source.tasks]
    found = [
        row for task in tasks if rows.run_safe(task) for batch in read_batches(task.out) for row in batch.to_pylist()
    ]
    assert [(row["verdict"], row["reason"]) for row in found] == [("failed", "reading_KeyError"), (None, None)]
