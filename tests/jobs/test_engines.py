"""One job, three engines, the same bytes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from curate import engine, sample_crawl
from curate.errors import EngineError, UsageError

ROOT = Path(__file__).parents[2]
java = pytest.mark.skipif(engine.java() is None, reason="no Java: install openjdk-17-jre-headless to test Spark here")


@pytest.fixture(scope="module")
def crawl(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("crawl")
    sample_crawl.write(folder)
    return folder


def _clean(crawl: Path, output: Path, *more: str) -> str:
    from benchmarks.cluster import digest

    command = [sys.executable, "-m", "curate", "clean", "--input", str(crawl), "--output", str(output)]
    command += ["--extractor", "resiliparse", "--quiet", "--json", *more]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return digest(output)


@pytest.fixture(scope="module")
def embedded(crawl, tmp_path_factory) -> str:
    return _clean(crawl, tmp_path_factory.mktemp("sail") / "corpus")


@java
@pytest.mark.spark
def test_local_spark_writes_the_bytes_of_sail(crawl, embedded, tmp_path):
    assert _clean(crawl, tmp_path / "corpus", "--engine", "spark") == embedded


@java
@pytest.mark.spark
@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_writes_the_same_bytes(crawl):
    from benchmarks.cluster import run

    found = run(str(crawl), kill=False)
    assert found["same_bytes"]


def test_no_java_names_the_package(monkeypatch):
    monkeypatch.setattr(engine, "java", lambda: None)
    with pytest.raises(EngineError, match="openjdk-17-jre-headless"), engine.session("x", engine="spark"):
        pass


def test_contradictions_are_told():
    with pytest.raises(UsageError, match="takes no --master"), engine.session("x", engine="sail", master="local[1]"):
        pass
    with pytest.raises(UsageError, match="not 'dask'"), engine.session("x", engine="dask"):
        pass


@pytest.mark.engine
def test_bundle_imports_from_the_zip(tmp_path):
    bundle = tmp_path / "curate.zip"
    subprocess.run([sys.executable, "-m", "curate", "bundle", str(bundle)], check=True, cwd=ROOT, capture_output=True)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import curate, filters, curate.recipe\n"
        "assert all('.zip' in m.__file__ for m in (curate, filters)), curate.__file__\n"
        "from filters.base import Document\n"
        "recipe = curate.recipe.load('c4')\n"
        "step = next(s for s in recipe.steps if type(s).__name__ == 'BadWords')\n"
        "assert step(Document('1', 'a clean text')).reason is None\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(bundle)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
