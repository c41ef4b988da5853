"""Pipes and devices named as input are refused: they hang, never end, or ended the command with a traceback."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from curate.code.source import code_source
from curate.errors import InputError
from curate.mixing.decontam_items import records
from curate.read import files, inputs, tables


@pytest.mark.parametrize(
    "read",
    [
        lambda path: code_source([path]),
        lambda path: list(records(path)),
        files.find,
        lambda path: inputs.expand_inputs([path]),
        lambda path: inputs.all_files([path]),
        inputs.holds_tables,
        lambda path: list(tables.read(path, ["text"])),
    ],
)
def test_pipes_and_devices_are_refused(read: Callable[[str], object], tmp_path: Path) -> None:
    pipe, link = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    os.mkfifo(pipe)
    link.symlink_to("/dev/zero")
    for path in (str(pipe), str(link), "/dev/zero"):
        with pytest.raises(InputError, match="a pipe or a device"):
            read(path)
