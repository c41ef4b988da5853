"""Mixing from S3 to S3, against a local S3 server: the same bytes as on a local disk."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from curate.engine import children
from curate.engine.session import EngineOptions, Session
from curate.errors import OutputError
from curate.files import storage
from curate.mixing import mixture, sources
from curate.mixing.job import MixJob, Request
from curate.report.mixture import finish_mixture
from curate.run import runner
from curate.run.runner import run_job
from curate.tokens.tokenizer import TokenizerFile
from tests.command import curate
from tests.faulty_s3 import serve

pytestmark = [pytest.mark.engine, pytest.mark.slow]


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of an S3 server on this machine with a bucket `curate-mix`, and the environment that points to it."""
    pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    with serve() as store:
        for name, value in store.environment.items():
            monkeypatch.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket="curate-mix")
        yield client


@pytest.mark.parametrize("shards", ["1", "3"])
def test_from_s3_to_s3(
    s3: Any, make_source: Callable[..., Path], tmp_path: Path, bpe: TokenizerFile, shards: str
) -> None:
    folders = {
        "web": make_source("web", 200, files=2, kind="jsonl.gz"),
        "code": make_source("code", 80, kind="parquet"),
    }
    for name, folder in folders.items():
        for path in folder.iterdir():
            s3.upload_file(str(path), "curate-mix", f"in/{name}/{path.name}")
    found = []
    for root, counts in (("s3://curate-mix/in", "s3://curate-mix/counts"), (str(tmp_path), str(tmp_path / "counts"))):
        words = [f"--source={name}={root}/{name}" for name in folders]
        out = f"s3://curate-mix/out-{shards}" if root.startswith("s3") else str(tmp_path / "out")
        words += ["--weights", "web=0.7,code=0.3", "--tokens", "3000", "--tokenizer", bpe.path, "--counts", counts]
        words += ["--no-decontaminate", "--quiet", "--json", "--shards", shards, "--output", out]
        done = curate("mix", *words)
        assert done.returncode == 0, done.stderr[-2000:]
        found.append(json.loads(done.stdout))
    assert found[0]["data"] == found[1]["data"]
    assert found[0]["rows"] > 0
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="curate-mix")["Contents"]]
    assert f"out-{shards}/ledger.json" in keys
    assert not [key for key in keys if "partial" in key]


@pytest.mark.parametrize("copied", [0, 4])
def test_a_half_copied_mixture_is_resumed(
    s3: Any, make_source: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copied: int
) -> None:
    """Killed while it gets its name on a store: what is there is a part of what stands finished, and the rest is copied."""
    folder = make_source("web", 60, files=2)

    def job(output: str) -> MixJob:
        found = (sources.find("web", str(folder)),)
        stated = mixture.settle(mixture.load("web=1"), ["web"])
        order = Request(stated, found, None, str(tmp_path / "counts"), unit="bytes", held_out=0.1, shards=3)
        return MixJob(order, output, finishers=(finish_mixture,))

    children.close_all()  # they have the address of another server
    engine = Session("sail", lambda: None, 2)  # type: ignore[arg-type, return-value]
    whole = runner.run(engine, job(str(tmp_path / "whole")))
    real, calls = storage.pafs.copy_files, list[str]()

    def copy(start: str, *more: Any, **names: Any) -> None:
        if ".partial/" in start:  # not what is written there
            if len(calls) == copied:
                raise KeyboardInterrupt
            calls.append(start)
        real(start, *more, **names)

    out = f"s3://curate-mix/mix-{copied}"
    with monkeypatch.context() as patch:
        patch.setattr(storage.pafs, "copy_files", copy)
        with pytest.raises(KeyboardInterrupt):
            runner.run(engine, job(out))
    assert len(calls) == copied
    if copied:
        with pytest.raises(OutputError, match="exists"):
            runner.run(engine, job(out))
    monkeypatch.setattr(runner, "session", lambda *_: pytest.fail("an engine was started"))
    ledger = run_job(job(out), EngineOptions(resume=True, quiet=True))
    assert ledger["data"] == whole["data"]
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="curate-mix", Prefix=f"mix-{copied}/")["Contents"]]
    assert {key.removeprefix(f"mix-{copied}/") for key in keys} == set(storage.names_below(str(tmp_path / "whole")))
    again = run_job(job(out), EngineOptions(resume=True, quiet=True))  # a scheduler starts it once more
    assert again["data"] == whole["data"]
