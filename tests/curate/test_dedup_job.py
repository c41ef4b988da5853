"""`curate dedup` as a job: killed inside the resolution and resumed, on both engines; an alarm leaves no corpus."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from curate.engine import session
from curate.engine.session import EngineOptions
from curate.errors import AlarmError, InputError
from curate.jobs.dedup import Options, deduplicate

pytestmark = pytest.mark.engine
java = pytest.mark.skipif(session.java() is None, reason="no Java: install openjdk-17-jre-headless to test Spark here")

STAGES = ("identical", "edges", "rounds/picks-0", "components", "members", "lost")
"""Tables of the resolution, in the order in which they are written."""
KILLED = """
import os, signal, sys
from contextlib import nullcontext
from curate.engine import session
from curate.files import storage
from curate.jobs.dedup import Options, deduplicate

corpus, output, name, *stages = sys.argv[1:]
rename = storage.rename_folder

def job(stage, resume):
    def rename_or_die(source, target, **more):  # the table is written, but does not have its name yet
        if target.endswith("lost.work/" + stage):
            os.kill(os.getpid(), signal.SIGKILL)
        rename(source, target, **more)

    storage.rename_folder = rename_or_die
    options = session.EngineOptions(engine=name, cores=2, resume=resume, quiet=True)
    deduplicate(Options(corpus, output, command=()), options)

with session.session("killed", name, cores=2) if name == "spark" else nullcontext():
    for number, stage in enumerate(stages):
        if not (child := os.fork()):
            job(stage, bool(number))
            os._exit(7)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, (stage, status)
        assert not os.path.exists(output), stage
    job("none", True)
"""
"""Each job that is killed is a copy of one process, which has imported what they need; on Spark one Java serves all of them,
as one of a cluster would. When a job is killed none of its tasks runs."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """240 texts: near copies of a few, equal ones and others."""
    folder = tmp_path_factory.mktemp("corpus")
    rows = []
    for n in range(240):
        words = [f"w{word}" for word in np.random.RandomState(n if n % 3 == 0 else n % 12).randint(0, 50_000, 80)]
        if n % 3 == 1:
            words[40] = f"edited{n}"
        rows.append({"id": f"document {n}", "text": " ".join(words), "url": f"https://h{n % 5}.example/{n}"})
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def run(corpus: Path, output: Path, name: str = "sail", *, resume: bool = False, **parameters: float) -> None:
    options = Options(str(corpus), str(output), parameters=parameters, command=())
    deduplicate(options, EngineOptions(engine=name, cores=2, resume=resume, quiet=True))


def hashes(output: Path) -> dict[str, str]:
    """SHA-256 of each published Parquet file."""
    found = sorted(path for folder in ("data", "rejected", "duplicates") for path in (output / folder).iterdir())
    return {str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


@pytest.fixture(scope="module")
def wanted(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    output = tmp_path_factory.mktemp("whole") / "out"
    run(corpus, output)
    ledger = json.loads((output / "ledger.json").read_text())
    assert ledger["records"] == 240
    assert 80 < ledger["kept"] < 180
    assert ledger["dedup"][0]["compared"] > 0
    return hashes(output)


def _killed_in_every_stage(corpus: Path, output: Path, name: str) -> None:
    # A session of Sail in this process leaves its address in the environment.
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("SPARK", "PYSPARK"))}
    arguments = [sys.executable, "-c", KILLED, str(corpus), str(output), name, *STAGES]
    done = subprocess.run(arguments, stderr=subprocess.PIPE, text=True, env=clean, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
def test_killed_inside_the_resolution_and_resumed(corpus: Path, wanted: dict[str, str], tmp_path: Path) -> None:
    _killed_in_every_stage(corpus, tmp_path / "out", "sail")
    assert hashes(tmp_path / "out") == wanted
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@java
@pytest.mark.spark
@pytest.mark.slow
def test_killed_inside_the_resolution_on_spark(corpus: Path, wanted: dict[str, str], tmp_path: Path) -> None:
    _killed_in_every_stage(corpus, tmp_path / "out", "spark")
    assert hashes(tmp_path / "out") == wanted


def test_an_alarm_leaves_no_corpus(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(AlarmError, match="nothing was removed"):
        run(corpus, tmp_path / "out", alarm_from=5, max_cluster_share=0.01)
    assert not (tmp_path / "out").exists()


def test_an_input_of_which_nothing_can_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_text('x\n{"n": 1}\n{"text": ""}\n')
    told = r"no document could be read from 1 file: .*1 empty_text.*; in .*a\.jsonl: line [12]: "
    with pytest.raises(InputError, match=told):
        run(tmp_path / "in", tmp_path / "out")
    assert os.listdir(tmp_path) == ["in"]
