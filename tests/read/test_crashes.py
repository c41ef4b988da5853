"""A file that crashes its reader, twice, is one failed row of a job that goes on."""

import json
from pathlib import Path

import pytest

from curate.code.source import code_source
from curate.corpus.recipe import parse
from curate.corpus.shards import read_batches, read_written
from curate.engine.session import session
from curate.errors import CrashError, EngineError
from curate.read import crashes
from curate.read.corpora import corpus_source
from curate.run import pipeline
from curate.run.job import Job

SELF = "tests_crashing_reader"


@pytest.fixture(autouse=True)
def _reader(tmp_path, monkeypatch):
    """A module that children can import: real readers, but for files of one name."""
    (tmp_path / f"{SELF}.py").write_text(
        "import os, signal\n"
        "from curate.engine.children import function\n"
        "def run(task):\n"
        "    if 'bad' in (task.get('file') or task['path']): os.kill(os.getpid(), getattr(signal, task['signal']))\n"
        "    return function(task['real'])(task)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))


def broken(source, name="SIGSEGV"):
    for task in source.tasks:
        task.update(real=task["reader"], reader=f"{SELF}:run", signal=name)
    return source


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("bad", "good"):
        (folder / f"{name}.jsonl").write_text(json.dumps({"text": f"a {name} one"}) + "\n")
    return folder


@pytest.mark.engine
@pytest.mark.xdist_group("engine")
def test_a_table(files: Path, tmp_path: Path) -> None:
    job = Job(
        "dedup", broken(corpus_source(str(files))), parse("name = 'none'\nstep = []", "here"), str(tmp_path / "out")
    )
    with session("test", "sail", cores=1) as s:
        ledger = pipeline.run(s, job)
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
    assert crashes.run({**source.tasks[0], "out": out}) == {"records": 1, "rows": 1}
    assert read_written(out).facts["files"] == {str(tmp_path / "bad"): {"records": 1, "skipped": {}}}
    assert source.reference == "curate.read.crashes:run"


def test_killed_from_outside_is_no_fault_of_the_file(files: Path, tmp_path: Path) -> None:
    source = broken(corpus_source(str(files)), "SIGKILL")
    with pytest.raises(EngineError) as caught:
        crashes.run({**source.tasks[0], "out": str(tmp_path / "out.parquet")})
    assert not isinstance(caught.value, CrashError)
