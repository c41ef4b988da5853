"""Pipes and devices named as input are refused: they hang, never end, or ended the command with a traceback."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from curate.code.source import code_source
from curate.errors import InputError
from curate.files import storage
from curate.mixing.decontam_items import records
from curate.read import files, inputs, tables
from curate.tokens import tokenizer


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
        storage.read_bytes,
        tokenizer.load,
        inputs.open_input,
    ],
)
def test_pipes_and_devices_are_refused(read: Callable[[str], object], tmp_path: Path) -> None:
    pipe, link = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    os.mkfifo(pipe)
    link.symlink_to("/dev/zero")
    for path in (str(pipe), str(link), "/dev/zero"):
        with pytest.raises(InputError, match="a pipe or a device"):
            read(path)


def test_a_pipe_in_a_folder_of_crawl_files_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.warc.gz").write_bytes(b"")
    os.mkfifo(tmp_path / "b.warc.gz")
    found, _, notes = inputs.expand_named([str(tmp_path)])
    assert [file.path for file in found] == [str(tmp_path / "a.warc.gz")]
    assert notes == [
        f"{tmp_path}: 1 file is left out, links to nowhere or to what is read already, pipes, devices (b.warc.gz)"
    ]
