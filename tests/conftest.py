"""What all tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

# Before anything loads torch or numpy. Threads of inputs this small wait for each other, and do so busily: with two workers on two cores
# a test that trains took seven times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

from curate.engine import children
from tests.warm import warm_children  # noqa: F401

LONG = (
    "test_engines.py",
    "test_docs_run.py",
    "test_crash_points.py",
    "test_dedup_job.py",
    "test_differential.py",
    "test_pipeline.py",
    "test_surroundings.py",
    "test_experiment.py",
    "test_digests.py",
    "test_train.py",
)
"""Files of tests that take longest."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first: a worker that took one at the end would leave the other with nothing to do."""
    rank = {name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path.name, len(LONG)))


@pytest.fixture(autouse=True)
def _no_child_is_killed_on_purpose() -> None:
    """Whatever job an earlier test has stopped."""
    children.begin()


@pytest.fixture(scope="session")
def _one_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("here")


@pytest.fixture
def here(_one_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder, the same one for each test: children that wait for the next job know where they are (`tests/warm.py`).
    What is left in it moves to a folder of the test's own."""
    monkeypatch.chdir(_one_folder)
    yield _one_folder
    (tmp_path / "was here").mkdir()
    for path in _one_folder.iterdir():
        path.rename(tmp_path / "was here" / path.name)


@pytest.fixture(scope="session")
def testdata() -> Path:
    """The folder of real crawl files and labelled sets, where the machine has it."""
    root = Path(os.environ.get("CURATE_TESTDATA", "~/.cache/curate-testdata")).expanduser()
    if not (root / ".complete").exists():
        pytest.skip("no test data (set CURATE_TESTDATA)")
    return root


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """No bytes in the names of tests: those of packed data have the time in them, and workers that collect a second apart
    would not agree on the names."""
    return argname if isinstance(val, bytes) else None
