"""Bare git repositories: what is read, and what a hostile one can't do."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from curate.code import git
from curate.code import members as reader
from curate.code.members import Bomb, members

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="no git")


def run(*arguments: str, cwd: Path) -> str:
    env = {
        **os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.org",
    }  # fmt: skip
    return subprocess.run(["git", *arguments], cwd=cwd, env=env, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def bare(tmp_path):
    work = tmp_path / "work"
    (work / "pkg").mkdir(parents=True)
    run("init", "-q", "-b", "main", ".", cwd=work)
    (work / "a.py").write_bytes(b"x = 1\n")
    (work / "pkg" / "b c\u00e9.py").write_bytes(b"")
    (work / "big.py").write_bytes(b"x" * ((1 << 20) + 1))
    (work / "link.py").symlink_to("/etc/passwd")
    (work / ".gitattributes").write_text("*.py filter=evil text eol=crlf\n")
    run("add", "-A", cwd=work)
    run("commit", "-q", "-m", "first", cwd=work)
    run("clone", "-q", "--bare", "--no-local", f"file://{work}", str(tmp_path / "repo.git"), cwd=tmp_path)
    return tmp_path / "repo.git"


def found(path: Path) -> dict[str, bytes | str]:
    return {member.path: member.skipped or member.data for member in members(str(path))}


EXPECTED = {
    ".gitattributes": b"*.py filter=evil text eol=crlf\n",
    "a.py": b"x = 1\n",
    "big.py": "too_large",
    "link.py": "link",
    "pkg/b c\u00e9.py": b"",
}


def test_the_files_at_head(bare):
    assert found(bare) == EXPECTED


def test_nothing_of_its_settings_runs(bare, tmp_path):
    marker = tmp_path / "ran"
    with (bare / "config").open("a") as file:
        file.write(
            f'[core]\n\tfsmonitor = "touch {marker}"\n\tpager = "touch {marker}"\n\tsshCommand = "touch {marker}"\n'
        )
        file.write(f'[filter "evil"]\n\tsmudge = "touch {marker}"\n\tclean = "touch {marker}"\n\trequired = true\n')
        file.write(f'[alias]\n\tls-tree = "!touch {marker}"\n[include]\n\tpath = /dev/zero-not-there\n[broken\n')
    for hook in ("post-checkout", "pre-commit", "reference-transaction"):
        (bare / "hooks").mkdir(exist_ok=True)
        (bare / "hooks" / hook).write_text(f"#!/bin/sh\ntouch {marker}\n")
        (bare / "hooks" / hook).chmod(0o755)
    assert found(bare) == EXPECTED
    assert not marker.exists()


@pytest.mark.parametrize(
    "head", ["ref: ../../secret", "ref: refs/heads/../../x", "ref: refs/heads/none", "--upload-pack=x", "", "a" * 39]
)
def test_heads_that_are_none(bare, head):
    (bare / "HEAD").write_text(head)
    with pytest.raises(OSError, match=r"HEAD|branch"):
        found(bare)


def test_objects_of_others_are_not_borrowed(bare):
    (bare / "objects" / "info").mkdir(exist_ok=True)
    (bare / "objects" / "info" / "alternates").write_text("/somewhere/objects\n")
    with pytest.raises(OSError, match="other folders"):
        found(bare)


def test_damaged_objects_are_said(bare):
    for pack in (bare / "objects" / "pack").glob("*.pack"):
        pack.chmod(0o644)
        data = pack.read_bytes()
        pack.write_bytes(data[: len(data) // 2])
    for loose in (bare / "objects").glob("??/*"):
        loose.unlink()
    with pytest.raises(OSError, match=r"git|object"):
        found(bare)


def test_too_many_files(bare, monkeypatch):
    monkeypatch.setattr(reader, "MAX_FILES", 3)
    with pytest.raises(Bomb, match="more than 3 files"):
        found(bare)


def _read_on(path: Path) -> None:
    with git.opened(str(path)) as objects:
        for _ in range(100_000):
            list(objects.tree(git.head_of(str(path))))


def test_the_clock_ends_it(bare, monkeypatch):
    monkeypatch.setattr(git, "TIME_LIMIT", 0.0)
    with pytest.raises(OSError, match="longer than"):
        _read_on(bare)
