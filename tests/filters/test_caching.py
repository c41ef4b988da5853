"""Where compiled code is kept when neither the package nor the home can be written to."""

import os
import stat
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

from curate.filters import caching, jit


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine where only the temporary folder can be written to."""
    shared = tmp_path / "tmp"
    shared.mkdir()
    monkeypatch.delenv(caching.VARIABLE, raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(caching, "writable", lambda folder: False)
    monkeypatch.setattr(tempfile, "tempdir", str(shared))
    return shared


def _chosen() -> Path | None:
    caching.choose_folder(Path("package"))
    value = os.environ.pop(caching.VARIABLE, None)
    return Path(value) if value else None


def test_a_private_folder_that_stays_the_same(locked: Path) -> None:
    first = _chosen()
    assert first is not None
    assert first.parent == locked
    assert stat.S_IMODE(first.stat().st_mode) == 0o700
    assert _chosen() == first


def test_a_folder_that_others_can_write_to_is_not_taken(locked: Path) -> None:
    first = _chosen()
    assert first is not None
    first.chmod(0o777)
    second = _chosen()
    assert second not in (None, first)
    first.rmdir()
    (locked / "elsewhere").mkdir()
    first.symlink_to(locked / "elsewhere")
    assert _chosen() not in (None, first)


def test_a_user_without_a_home_has_a_cache_among_the_temporary_files(
    locked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert caching.cache_home().parent == locked
    assert caching.cache_home() == caching.temporary_cache()
    monkeypatch.setattr(os.path, "expanduser", lambda path: path.replace("~", "/home/me"))
    assert caching.cache_home() == Path("/home/me/.cache")
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert caching.cache_home() == Path("/elsewhere")


def test_a_place_that_cannot_be_a_folder_is_not_taken(locked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _chosen()
    assert first is not None
    first.rmdir()
    first.touch()
    second = _chosen()
    assert second is not None
    assert second != first
    assert second.is_dir()


def test_what_the_person_says_stays(locked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(caching.VARIABLE, "/chosen")
    caching.choose_folder(Path("package"))
    assert os.environ[caching.VARIABLE] == "/chosen"


def test_writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(caching.VARIABLE, raising=False)
    assert caching.writable(tmp_path / "not" / "there")
    caching.choose_folder(tmp_path)
    assert caching.VARIABLE not in os.environ
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert not caching.writable(tmp_path / "not" / "there")


def test_it_comes_before_numba() -> None:
    code = (
        "import os; real = os.access; os.access = lambda *a, **k: False\n"
        "import curate; os.access = real\n"
        "from numba import config; print(config.CACHE_DIR)"
    )
    environment = {k: v for k, v in os.environ.items() if k != caching.VARIABLE}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert "curate-numba-" in done.stdout


def test_compiled_code_is_looked_for_where_numba_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, named, home = tmp_path / "loops.py", tmp_path / "named", tmp_path / "home"
    source.touch()
    monkeypatch.delenv(caching.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    places = {
        folder: folder / "loops.f-1.py311.nbi" for folder in (tmp_path / "__pycache__", named / "a", home / "numba/a")
    }
    for at, path in places.items():
        at.mkdir(parents=True)
        path.touch()
        for variable, folders in ((None, (tmp_path / "__pycache__", home / "numba/a")), (str(named), (named / "a",))):
            monkeypatch.delenv(caching.VARIABLE, raising=False)
            if variable:
                monkeypatch.setenv(caching.VARIABLE, variable)
            assert caching.is_compiled(source, "f") is (at in folders)
            os.utime(path, (1, 1))  # older than the module
            assert not caching.is_compiled(source, "f")
            os.utime(path)
        monkeypatch.delenv(caching.VARIABLE, raising=False)
        assert not caching.is_compiled(source, "g")
        path.rename(at / "others.f-1.py311.nbi")
        assert not caching.is_compiled(source, "f")


def _bundle(path: Path, text: str) -> Path:
    """A zip with a package curate of one compiled function, which adds what a function beside it returns."""
    members = {
        "curate/__init__.py": "",
        "curate/filters/__init__.py": "",
        "curate/filters/caching.py": Path(caching.__file__).read_text(),
        "curate/filters/jit.py": Path(jit.__file__).read_text(),
        "curate/filters/beside.py": text,
        "curate/filters/loops.py": (
            "from curate.filters.beside import beside\nfrom curate.filters.jit import compiled\n\n"
            "@compiled\ndef total(a):\n    return a + beside(a)\n"
        ),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_compiled_code_of_a_zip_is_kept_by_what_is_in_it(tmp_path: Path) -> None:
    """Spark gives each executor of each job a copy of its own."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", caching.VARIABLE)}
    environment["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\nfrom pathlib import Path\n"
        "from curate.filters import caching, loops\n"
        "before = caching.is_compiled(Path(loops.__file__), 'total')\n"
        "result = loops.total(4)\n"
        "print(before, caching.is_compiled(Path(loops.__file__), 'total'), result, sum(loops.total.stats.cache_hits.values()))\n"
    )

    def run(path: Path) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, text=True, env=environment, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    one = "from curate.filters.jit import inner\n\n@inner\ndef beside(a):\n    return 1\n"
    assert run(_bundle(tmp_path / "a" / "curate.zip", one)) == "False True 5 0"
    assert run(_bundle(tmp_path / "b" / "curate.zip", one)) == "True True 5 1"
    # numba asks for the module's own bytes alone, which are the same
    assert run(_bundle(tmp_path / "c" / "curate.zip", one.replace("1", "2"))) == "False True 6 0"
