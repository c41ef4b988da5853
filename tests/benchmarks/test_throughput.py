"""The benchmark beside another tool: it ends, says what is missing, and counts all processes of both sides."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORK = "import time\nwhile time.process_time() < 0.4: pass"
LEFT_BEHIND = f"""import os, subprocess, sys
child = subprocess.Popen([sys.executable, '-c', {WORK!r}], stdout=subprocess.PIPE, start_new_session=True)
child.stdout.read()
os._exit(0)"""


def call(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", f"from benchmarks.throughput import *\n{code}"]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems don't hand over orphans")
@pytest.mark.parametrize("code", [WORK, LEFT_BEHIND], ids=["its own", "left behind"])
def test_all_processes_are_counted(code: str) -> None:
    done = call(f"adopt(); print(measured([sys.executable, '-c', {code!r}], 60)[1])")
    assert float(done.stdout) > 0.4, done.stderr


def test_what_does_not_end_is_ended_with_all_its_processes(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    child = f"import os, time; open({str(file)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    code = f"""
import threading
def wait_for(*_):
    while not Path({str(file)!r}).exists() or not Path({str(file)!r}).read_text(): time.sleep(0.01)
subprocess.Popen.wait, wait = (lambda self, limit=None: (wait_for(), wait(self, 0.01))[1] if limit else wait(self)), subprocess.Popen.wait
adopt(); measured([sys.executable, "-c", {parent!r}], 1)
"""
    done = call(code)
    assert done.returncode == 1
    assert "took longer than 1 s" in done.stderr
    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text()), 0)


def test_what_fails_says_what_it_said() -> None:
    done = call("measured([sys.executable, '-c', 'raise SystemExit(\"no such crawl\")'], 60)")
    assert done.returncode == 1
    assert "ended with 1" in done.stderr
    assert "no such crawl" in done.stderr


def test_an_environment_without_the_peer_is_told_what_to_install(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho \"ModuleNotFoundError: No module named 'spacy'\" >&2\nexit 1\n")
    python.chmod(0o755)
    done = call(f"print(refuse_peer({str(python)!r})); print(refuse_peer({str(tmp_path / 'none')!r}))")
    missing, nothing = done.stdout.splitlines()
    assert "No module named 'spacy'" in missing
    assert "pip install 'datatrove[io,processing]' spacy" in missing
    assert "can't be used" in nothing
