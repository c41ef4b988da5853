"""The embedded samples of dumps are recognised, and the same bytes each time."""

import json
from pathlib import Path

import pytest

from curate.read.dumps import head_of, known_reader
from curate.sample import dumps
from tests import command


@pytest.mark.parametrize(("write", "recipe"), [(dumps.write_wiki, "wikipedia"), (dumps.write_site, "stackexchange")])
def test_samples(tmp_path, write, recipe):
    first, second = write(tmp_path / "a"), write(tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    assert known_reader(head_of(str(first))).recipe == recipe


def test_their_paths_as_json(tmp_path):
    paths = [Path(row["path"]) for row in json.loads(command.curate("sample-dumps", str(tmp_path), "--json").stdout)]
    assert {path.relative_to(tmp_path).parts[0] for path in paths} == {folder.name for folder in tmp_path.iterdir()}
    assert all(path.exists() for path in paths)
