"""Folders that may not be looked into: they are told of, never taken for empty."""

from collections.abc import Callable
from pathlib import Path

import pytest

from curate.code.members import members
from curate.errors import InputError
from curate.files import storage
from curate.mixing import decontam_items
from curate.read.files import tree
from tests.powerless import powerless
from train_probe import inputs


@pytest.fixture(params=[0o000, 0o111, 0o444], ids=["nothing", "enter", "list"])
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Two files that may be read, and one in a folder that is closed in one of three ways."""
    for name in ("a/1.jsonl", "b/2.jsonl", "closed/3.jsonl"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text('{"text": "x"}\n')
    (tmp_path / "closed").chmod(request.param)
    return tmp_path


@pytest.mark.parametrize(
    "read",
    [
        lambda folder: tree(str(folder)),
        lambda folder: storage.matching(f"{folder}/*/*.jsonl"),
        lambda folder: storage.matching(f"{folder}/**/*.jsonl"),
        lambda folder: storage.matching(f"{folder}/**"),
        lambda folder: decontam_items.files([str(folder)]),
        lambda folder: list(members(str(folder))),
        lambda folder: inputs.find(folder),
    ],
    ids=["folder", "glob", "globs", "all", "tasks", "code", "probe"],
)
def test_a_folder_that_may_not_be_looked_into_is_named(folder: Path, read: Callable[[Path], object]) -> None:
    told = powerless(lambda: read(folder))
    assert isinstance(told, InputError | PermissionError)
    assert f"{folder}/closed" in str(told)


def test_a_closed_folder_that_nobody_asked_for_is_no_matter(folder: Path) -> None:
    assert powerless(lambda: storage.matching(f"{folder}/[ab]/*.jsonl")) == [
        f"{folder}/a/1.jsonl",
        f"{folder}/b/2.jsonl",
    ]
    assert powerless(lambda: storage.matching(f"{folder}/*")) == [f"{folder}/{name}" for name in ("a", "b", "closed")]
