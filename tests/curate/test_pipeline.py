"""The job end to end on the embedded engine: bytes, resume, damage, hostile pages, accounting."""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.engine.session import EngineOptions, Session
from curate.errors import BalanceError, InputError, OutputError
from curate.jobs.clean import Options
from curate.jobs.clean import clean as run_clean
from curate.read import web
from curate.read.source import ReadTask
from curate.run import exchange, ledger, passes, pipeline
from curate.sample import crawl as sample_crawl
from tests.command import curate

pytestmark = [pytest.mark.engine]

PUBLISHED = ("data", "rejected", "duplicates", "extracted")


def hashes(corpus: Path) -> dict[str, str]:
    """SHA-256 of each published Parquet file."""
    found = sorted(path for folder in PUBLISHED for path in (corpus / folder).glob("*.parquet"))
    return {str(path.relative_to(corpus)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def clean(crawl: Path, output: Path, cores: int | None = None, resume: bool = False, **more):
    """The main job, fast and quiet."""
    options = Options(inputs=[str(crawl)], output=str(output), extractor="resiliparse", **more)
    return run_clean(options, EngineOptions(cores=cores, resume=resume, quiet=True))


@pytest.fixture(scope="module")
def crawl(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("crawl")
    sample_crawl.write(folder)
    return folder


@pytest.fixture(scope="module")
def corpus(crawl, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("out") / "corpus"
    clean(crawl, output)
    return output


def test_the_ledger_accounts_for_every_record(corpus):
    ledger = json.loads((corpus / "ledger.json").read_text())
    for entry in (ledger, *ledger["files"].values()):
        parts = [sum(entry[verdict].values()) for verdict in ("skipped", "rejected", "failed")]
        assert entry["records"] == entry["kept"] + sum(parts)
    rows = sum(pq.read_metadata(path).num_rows for path in (corpus / "data").glob("*.parquet"))
    assert rows == ledger["kept"] > 50
    assert set(ledger["contents"]) == set(ledger["files"])
    assert all(ledger["contents"].values())


def test_documents_are_sorted_and_unique(corpus):
    ids = [i for path in sorted((corpus / "data").glob("*.parquet")) for i in pq.read_table(path)["id"].to_pylist()]
    assert ids == sorted(set(ids))


def test_other_splits_and_cores_give_the_same_bytes(crawl, corpus, tmp_path):
    output = tmp_path / "corpus"
    clean(crawl, output, split_bytes=50_000, cores=1)
    assert hashes(output) == hashes(corpus)


def test_a_corpus_is_the_input_of_another_recipe(crawl, corpus, tmp_path):
    again = tmp_path / "again"
    ledger = clean(corpus, again)
    assert hashes(again) == hashes(corpus)
    assert "extract" not in {stage["name"] for stage in ledger["stages"]}
    other = clean(corpus, tmp_path / "other", recipe="gopher")
    assert other["records"] == ledger["records"]
    assert other["kept"] != ledger["kept"]


def test_output_in_the_way(crawl, corpus, tmp_path):
    with pytest.raises(OutputError, match="exists: choose another --output"):
        clean(crawl, corpus)


def test_a_finished_job_that_is_started_once_more_is_no_failure(crawl, corpus, capsys):
    """As by a scheduler that puts it back into its queue."""
    before = hashes(corpus)
    ledger = clean(crawl, corpus, resume=True)
    assert ledger["kept"] == json.loads((corpus / "ledger.json").read_text())["kept"]
    assert "complete already, made by this very job: nothing to resume" in capsys.readouterr().err
    assert hashes(corpus) == before
    with pytest.raises(OutputError, match="exists: choose another --output"):
        clean(crawl, corpus, recipe="gopher", resume=True)


KILLED = """
import sys
from curate.jobs.clean import Options, clean
from curate.engine.session import EngineOptions
options = Options(inputs=[sys.argv[1]], output=sys.argv[2], extractor="resiliparse", split_bytes=60_000)
clean(options, EngineOptions(resume=sys.argv[3] == "again", quiet=True))
"""


@pytest.mark.slow
def test_killed_at_any_point_and_resumed(crawl, corpus, tmp_path):
    output = tmp_path / "corpus"
    for wait in (2.0, 3.5, 5.0, 6.5):
        if output.exists():
            break
        again = "again" if output.with_name("corpus.partial").exists() else "first"
        arguments = [sys.executable, "-c", KILLED, str(crawl), str(output), again]
        process = subprocess.Popen(arguments, start_new_session=True)
        try:
            process.wait(timeout=wait)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        assert process.returncode in (0, -signal.SIGKILL)
        assert not (output.exists() and not (output / "ledger.json").exists())
    if not output.exists():
        clean(crawl, output, resume=True, split_bytes=60_000)
    assert json.loads((output / "job.json").read_text())["keep_extracted"]
    assert hashes(output) == hashes(corpus)
    assert not output.with_name("corpus.partial").exists()


def test_an_unfinished_run_of_another_job_is_not_mixed_in(crawl, tmp_path):
    output = tmp_path / "corpus"
    work = tmp_path / "corpus.partial"
    work.mkdir()
    (work / "job.json").write_text(json.dumps({"recipe": "other"}))
    with pytest.raises(OutputError, match="continue it with --resume"):
        clean(crawl, output)
    with pytest.raises(OutputError, match="was made from other"):
        clean(crawl, output, resume=True)


def test_usual_readers_open_it_as_it_is(corpus, monkeypatch):
    import duckdb
    import pandas

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    kept = json.loads((corpus / "ledger.json").read_text())["kept"]
    pattern = str(corpus / "data" / "*.parquet")
    loaded = datasets.load_dataset("parquet", data_files=pattern, split="train", cache_dir=str(corpus.parent / "hf"))
    assert loaded.num_rows == kept
    assert {"id", "text", "url", "host", "date", "language", "file", "offset", "signals"} <= set(loaded.column_names)
    assert duckdb.sql(f"select count(*), count(signals.sentences) from '{pattern}'").fetchall() == [(kept, kept)]
    assert len(pandas.concat(pandas.read_parquet(path) for path in (corpus / "data").glob("*.parquet"))) == kept
    streamed = datasets.load_dataset("parquet", data_files=pattern, split="train", streaming=True)
    assert sum(1 for _ in streamed) == kept


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--input", "nowhere/*.warc.gz"], "nowhere"),
        (["--recipe", "c5"], "no recipe 'c5'"),
        (["--engine", "sail", "--master", "local[1]"], "takes no --master"),
        (["--master", "somewhere"], "is no master of Spark"),
        (["--extractor", "dragnet"], "no extractor is called 'dragnet'"),
    ],
)
def test_mistakes_get_one_line_and_exit_code_2(crawl, tmp_path, arguments, message, monkeypatch):
    monkeypatch.setattr(pipeline, "is_compiled", lambda *_: False)  # on a machine where nothing ran yet
    inputs = [] if "--input" in arguments else ["--input", str(crawl)]
    done = curate("clean", "--output", str(tmp_path / "out"), "--quiet", *inputs, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_of_somebody_is_never_touched(crawl, tmp_path, resume):
    output = tmp_path / "mine"
    (output / "only" / "folders").mkdir(parents=True)
    with pytest.raises(OutputError, match="exists"):
        clean(crawl, output, resume=resume)
    assert (output / "only" / "folders").is_dir()


def test_what_another_cut_of_the_input_left_is_deleted(tmp_path):
    """Resumed with another --split-mb, the exchange would find files that no task has made."""
    tasks = [ReadTask(name="000000-b"), ReadTask(name="000001-b")]
    for name in ("000000-a.parquet", "000000-b.parquet", "000001-a.parquet", "000001-b.parquet.tmp-1"):
        (tmp_path / name).write_bytes(b"x")
    assert pipeline._remove_others(str(tmp_path), tasks) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"000000-b.parquet", "000001-b.parquet.tmp-1"}
    assert pipeline._remove_others(str(tmp_path / "none"), tasks) == 0


def test_resume_redoes_nothing_that_is_finished(crawl, corpus, tmp_path, monkeypatch):
    output = tmp_path / "corpus"

    def stop(*_):
        raise RuntimeError("the power went")

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "check", stop)
        with pytest.raises(RuntimeError, match="power"):
            clean(crawl, output)
    scratch = tmp_path / "corpus.partial" / "_scratch"
    before = json.loads((scratch / "stages.json").read_text())
    clean(crawl, output, resume=True)
    after = {stage.pop("name"): stage for stage in json.loads((output / "ledger.json").read_text())["stages"]}
    assert after == before
    assert hashes(output) == hashes(corpus)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="no /proc")
def test_a_run_whose_children_are_killed_now_and_then_writes_the_same_bytes(crawl, corpus, tmp_path):
    output, killed = tmp_path / "corpus", []
    command = [sys.executable, "-m", "curate", "clean", "--input", str(crawl), "--output", str(output), "--cores", "2"]
    command += ["--extractor", "resiliparse", "--quiet"]
    chance = random.Random(7)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as run:
        while run.poll() is None:
            time.sleep(chance.uniform(0.3, 1.5))
            children = [child for child in _children(run.pid) if child not in killed]
            if children and len(killed) < 4:
                killed.append(chance.choice(children))
                with suppress(ProcessLookupError):
                    os.kill(killed[-1], signal.SIGKILL)
        told = run.stderr.read()
    assert killed
    if run.returncode:  # one task met it twice, as is likely on a slow machine
        assert "ended twice: the process was killed (SIGKILL)" in told
        again = subprocess.run(
            [*command, "--resume"], capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False
        )
        assert again.returncode == 0, again.stderr
    assert hashes(output) == hashes(corpus)


def _children(pid: int) -> list[int]:
    """The processes of `curate.engine.children` that `pid` has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if parent == pid and b"curate.engine.children" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def test_a_run_that_could_read_nothing_fails_and_one_that_could_read_something_does_not(tmp_path, crawl):
    inputs = tmp_path / "in"
    inputs.mkdir()
    (inputs / "a.warc.gz").write_bytes(b"%PDF-1.4 no archive at all")
    (inputs / "b.wacz").write_bytes(b"PK\3\4 cut off")
    with pytest.raises(InputError, match=r"no document could be read from 2 files: 2 not_an_archive; in .*not_an"):
        clean(inputs, tmp_path / "none")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    shutil.copy(next(crawl.glob("*.warc.gz")), inputs / "c.warc.gz")
    assert clean(inputs, tmp_path / "some")["kept"]


# ---- what a stage wrote, the next one checks ----


def _swapped(path: Path) -> None:
    """Two texts of a file change places; what the file says of itself stays."""
    facts = {key: value for key, value in pq.read_metadata(path).metadata.items() if key.startswith(b"curate")}
    table = pq.read_table(path, partitioning=None)
    long = sorted(range(table.num_rows), key=lambda at: -len(table["text"][at].as_py() or ""))[:2]
    places = list(range(table.num_rows))
    places[long[0]], places[long[1]] = long[1], long[0]
    at = table.schema.get_field_index("text")
    changed = table.set_column(at, table.schema.field(at), table["text"].take(places))
    assert not changed.equals(table)
    pq.write_table(changed.replace_schema_metadata(facts), path)


@pytest.mark.parametrize(
    ("after", "folder"),
    [
        (web.run, "_scratch/splits"),
        (pipeline.finish, "extracted"),
        (passes.run, "_scratch/pass-1"),
        (passes.run, "_scratch/pass-2"),
    ],
)
def test_texts_that_change_places_between_two_stages(crawl, tmp_path, monkeypatch, after, folder):
    real, spoiled = Session.run, []

    def run(self, function, tasks):
        yield from real(self, function, tasks)
        found = sorted((tmp_path / "corpus.partial" / folder).glob("*.parquet"), key=lambda path: path.stat().st_size)
        if function is after and found and not spoiled:
            spoiled.append(found[-1])
            _swapped(found[-1])

    monkeypatch.setattr(Session, "run", run)
    with pytest.raises(BalanceError, match=f"{folder}/.*parquet holds"):
        clean(crawl, tmp_path / "corpus")
    assert spoiled
    assert not (tmp_path / "corpus").exists()


def test_shards_do_not_depend_on_splits(crawl, corpus, tmp_path, monkeypatch):
    """Many shards out of merged files hold the rows of few, in the same order."""
    monkeypatch.setattr(pipeline, "MINIMUM_SHARDS", 70)
    monkeypatch.setattr(exchange, "MERGE_BYTES", 100_000)
    output = tmp_path / "corpus"
    clean(crawl, output, split_bytes=50_000)
    assert len(list((output / "extracted").glob("*.parquet"))) == 70
    for folder in ("data", "rejected", "extracted"):
        found = [sorted((root / folder).glob("*.parquet")) for root in (corpus, output)]
        few, many = (pa.concat_tables([pq.read_table(path) for path in paths]) for paths in found)
        assert few.equals(many)
