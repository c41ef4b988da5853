"""Where a corpus is built: what is in the way, what a kill leaves, one run at a time."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from curate import cli
from curate.errors import OutputError
from curate.files import locks, output, storage
from tests.command import curate

IDENTITY = {"job": "test", "inputs": [["a", 1]], "contents": {"a": "1", "b": "2"}}


@contextmanager
def claimed(folder: Path, *, resume: bool = False, **more: Any) -> Iterator[Path]:
    with output.claimed(str(folder), {**IDENTITY, **more}, resume=resume):
        yield folder.with_name(folder.name + ".partial")


def test_a_folder_goes_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "lost"
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        (folder / name / "file").write_text(name)
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)  # killed before the first file is deleted
    storage.remove(str(folder))
    assert not folder.exists()
    monkeypatch.undo()
    assert [storage.GARBAGE in path.name for path in tmp_path.iterdir()] == [True]
    storage.remove_garbage(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_garbage_below_garbage(tmp_path: Path) -> None:
    for name in ("keep/x.tmp-1", "y.tmp-2/z.tmp-3", "y.tmp-2/w"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    storage.remove_garbage(str(tmp_path))
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["keep"]


def test_a_run_killed_before_it_wrote_a_word_is_none(tmp_path: Path) -> None:
    for left in ([], ["job.json.tmp-1"]):
        work = tmp_path / "out.partial"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        for name in left:
            (work / name).write_text("{")
        with claimed(tmp_path / "out", resume=bool(left)):
            assert [path.name for path in work.iterdir()] == ["job.json"]


def test_a_folder_of_somebody_is_not_built_in(tmp_path: Path) -> None:
    (tmp_path / "out.partial").mkdir()
    (tmp_path / "out.partial" / "thesis.tex").write_text("")
    for resume in (False, True):
        with pytest.raises(OutputError, match="no run of this program"), claimed(tmp_path / "out", resume=resume):
            pass
    assert (tmp_path / "out.partial" / "thesis.tex").exists()


def test_what_differs_is_named(tmp_path: Path) -> None:
    with claimed(tmp_path / "out"):
        pass
    with pytest.raises(OutputError, match="continue it with --resume"), claimed(tmp_path / "out"):
        pass
    changed = {"contents": {"a": "1", "b": "3"}, "inputs": [["a", 2]]}
    told = pytest.raises(OutputError, match=r"other contents \(b\), inputs: delete")
    with told, claimed(tmp_path / "out", resume=True, **changed):
        pass
    with claimed(tmp_path / "out", resume=True, inputs=(("a", 1),)):  # a tuple is what JSON has as a list
        pass


def test_what_was_promised_and_is_gone_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_text("")
    output.promised(str(tmp_path), ["data/a"], "ledger.json")
    with pytest.raises(OutputError, match=r"data/b is missing, and ledger\.json says"):
        output.promised(str(tmp_path), ["data/a", "data/b"], "ledger.json")


def test_finish_takes_the_garbage_along(tmp_path: Path) -> None:
    with claimed(tmp_path / "out") as work:
        for name in ("_scratch/lost/x", "data/part", "data/part.tmp-7", "ledger.json"):
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_text("{}")
        output.finish(str(tmp_path / "out"), ["_scratch"])
    assert sorted(path.name for path in (tmp_path / "out").rglob("*")) == ["data", "job.json", "ledger.json", "part"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    with pytest.raises(OutputError, match="complete already"), claimed(tmp_path / "out", resume=True):
        pass
    with pytest.raises(OutputError, match="choose another"), claimed(tmp_path / "out", resume=True, job="other"):
        pass


HOLDER = """
import sys, time
from curate.files import output
with output.claimed(sys.argv[1], {"job": "test"}, resume=False):
    print("held", flush=True)
    time.sleep(60)
"""


def test_two_runs_on_one_output(tmp_path: Path) -> None:
    """The second is told so while the first is at work; a kill frees the output at once."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path / "out")], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"held\n"
        for resume in (False, True):
            told = pytest.raises(OutputError, match="another run is writing it")
            with told, output.claimed(str(tmp_path / "out"), {"job": "test"}, resume=resume):
                pass
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    with output.claimed(str(tmp_path / "out"), {"job": "test"}, resume=True):
        pass
    assert [path.name for path in (tmp_path / "out.partial").iterdir()] == ["job.json"]


def test_a_lock_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands for a lock where there are none: tried on a local file, as it is made of reads and writes alone."""
    path = str(tmp_path / locks.NAME)

    def other(**more: Any) -> None:
        held = {"token": "t", "machine": "m", "process": 1, "born": "7", "time": time.time(), **more}
        Path(path).write_text(json.dumps(held))

    told = pytest.raises(OutputError, match=f"busy \\(process {os.getpid()} of ")
    with locks._remote(path, "busy"), told, locks._remote(path, "busy"):
        pass
    assert not os.path.exists(path)
    other()
    with pytest.raises(OutputError, match="busy"), locks._remote(path, "busy"):
        pass
    for gone in ({"time": time.time() - 1000}, {"machine": locks.machine(), "process": 1 << 30}):
        other(**gone)
        with locks._remote(path, "busy"):
            assert json.loads(Path(path).read_text())["process"] == os.getpid()
    other(machine=locks.machine(), process=os.getpid(), born="another time")  # the number was given away again
    with locks._remote(path, "busy"):
        pass
    monkeypatch.setattr(locks, "BEAT", 0.01)
    with locks._remote(path, "busy"):
        first = Path(path).read_text()
        deadline = time.monotonic() + 60
        while Path(path).read_text() == first and time.monotonic() < deadline:
            time.sleep(0.01)
        assert Path(path).read_text() != first


@pytest.mark.parametrize("name", ["out", "out.partial"])
@pytest.mark.parametrize("target", ["nowhere", "folder"])
def test_what_is_planted_under_the_names_of_a_job(tmp_path: Path, name: str, target: str) -> None:
    """A link cost the work of the whole job, with a traceback; or the corpus was somebody else's folder."""
    (tmp_path / "folder").mkdir()
    (tmp_path / name).symlink_to(target)
    told = pytest.raises(OutputError, match=rf"/{name} is a link: name the folder that it leads to")
    with told, output.claimed(str(tmp_path / "out"), {"job": "test"}, resume=False):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", name]


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_is_planted_in_a_run_that_is_resumed(tmp_path: Path, kind: str) -> None:
    """Files of the job were written to where the link led."""
    with output.claimed(str(tmp_path / "out"), {"job": "test"}, resume=False):
        (tmp_path / "out.partial/_scratch").mkdir()
    planted = tmp_path / "out.partial/_scratch/pass-1"
    planted.symlink_to(tmp_path) if kind == "link" else os.mkfifo(planted)
    told = pytest.raises(OutputError, match="/_scratch/pass-1 is a link, a pipe or a device")
    with told, output.claimed(str(tmp_path / "out"), {"job": "test"}, resume=True):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to make a folder of somebody else")
def test_a_folder_of_another_user_is_not_built_in(tmp_path: Path) -> None:
    planted = tmp_path / "out.partial"
    planted.mkdir()
    os.chown(planted, 65534, 65534)
    with (
        pytest.raises(OutputError, match="made by another user"),
        output.claimed(str(tmp_path / "out"), {"job": "test"}, resume=False),
    ):
        pass
    (planted / "job.json").write_text(output.dump_json({"job": "test"}))  # a run to go on with, where one asks for it
    with output.claimed(str(tmp_path / "out"), {"job": "test"}, resume=True):
        pass


@pytest.mark.parametrize("text", ["", "[]", '{"job": '])
def test_a_damaged_note_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "out.partial").mkdir()
    (tmp_path / "out.partial" / "job.json").write_text(text)
    told = pytest.raises(OutputError, match=r"job.json is damaged: delete")
    with told, output.claimed(str(tmp_path / "out"), {"job": "test"}, resume=True):
        pass


@pytest.mark.parametrize("suffix", ["", ".partial"])
def test_an_output_that_is_a_file_is_refused_and_left(tmp_path: Path, suffix: str) -> None:
    """It ended in a traceback, after the work in some commands."""
    (tmp_path / f"out{suffix}").write_text("mine")
    with pytest.raises(OutputError, match="is a file"), output.claimed(str(tmp_path / "out"), {}, resume=False):
        pass
    assert (tmp_path / f"out{suffix}").read_text() == "mine"


def test_a_pipe_or_a_device_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", ""):
        with pytest.raises(OutputError, match="not a file"):
            storage.write_text(str(tmp_path / name), "text")
    assert (tmp_path / "pipe").is_fifo()


def test_what_the_system_refuses_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    command = ["sample-crawl", str(tmp_path / "file" / "below")]
    done = curate(*command)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr == f"error: {tmp_path}/file/below: Not a directory\n"
    monkeypatch.setenv("CURATE_DEBUG", "1")
    with pytest.raises(SystemExit) as stop:
        cli.main(command)
    said = capsys.readouterr().err
    assert stop.value.code == 2
    assert "NotADirectoryError" in said
    assert said.endswith(done.stderr)
