"""What stays when the deletion of a folder on an object store is stopped, and in the index when that of a run is."""

from pathlib import Path

import pyarrow.fs as pafs
import pytest

from benchmarks.crash_points import Store
from curate.files import storage

FILES = ("a/_COMPLETE", "a/X.parquet", "a/y.parquet", "rounds/b/k=1/X.parquet", "rounds/b/_COMPLETE", "c/1.parquet")


class Stopped(Exception):
    pass


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store in `tmp_path`, of which each request that changes something is counted; `allow` so many."""

    class Counter:
        left = 10**6

        def __call__(self, name: str, path: str) -> None:
            self.left -= 1
            if self.left < 0:
                raise Stopped

    count = Counter()
    found = pafs.PyFileSystem(Store(pafs.LocalFileSystem(), count))
    monkeypatch.setattr(storage, "filesystem", lambda path: (found, str(tmp_path / path.removeprefix("mem://"))))
    return count


def test_no_mark_outlives_a_file_of_its_folder(store, tmp_path):
    stopped = 0
    for allowed in range(len(FILES) + 3):
        for name in FILES:
            path = tmp_path / "work" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
        store.left = allowed
        try:
            storage.remove("mem://work")
        except Stopped:
            stopped += 1
        left = {
            str(path.relative_to(tmp_path / "work")) for path in Path(tmp_path, "work").rglob("*") if path.is_file()
        }
        for mark in (name for name in left if name.endswith("_COMPLETE")):
            folder = mark.removesuffix("_COMPLETE")
            assert {name for name in FILES if name.startswith(folder)} <= left
    assert stopped == len(FILES) + 1
    assert not left
