"""The embedded samples of dumps are recognised, and the same bytes each time."""

import pytest

from curate.read.dumps import head_of, known_reader
from curate.sample import dumps


@pytest.mark.parametrize(("write", "recipe"), [(dumps.write_wiki, "wikipedia"), (dumps.write_site, "stackexchange")])
def test_samples(tmp_path, write, recipe):
    first, second = write(tmp_path / "a"), write(tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    assert known_reader(head_of(str(first))).recipe == recipe
