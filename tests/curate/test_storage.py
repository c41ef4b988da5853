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


@pytest.mark.parametrize(
    ("theirs", "ours", "same"), [(0o600, 0o755, False), (0o644, 0o700, False), (0o644, 0o755, True)]
)
def test_a_second_name_has_the_permissions_of_its_new_folder(
    tmp_path: Path, theirs: int, ours: int, same: bool
) -> None:
    """A link would have those of the corpus that was read: others could, or could not, read the copy."""
    (tmp_path / "a").write_text("x")
    (tmp_path / "a").chmod(theirs)
    (tmp_path / "new").mkdir()
    (tmp_path / "new").chmod(ours)
    storage.link(str(tmp_path / "a"), str(tmp_path / "new" / "b"))
    assert (tmp_path / "new" / "b").read_text() == "x"
    assert (tmp_path / "new" / "b").samefile(tmp_path / "a") == same
