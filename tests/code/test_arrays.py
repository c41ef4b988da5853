"""Arrays that one process makes and others map; and that what is found with them is what each template finds alone."""

import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.code import arrays, names
from curate.code.detect import Detector
from curate.code.equal import SHORT, Text, equal_to, template, templates
from curate.code.spdx import plain
from curate.code.texts import spdx_data
from curate.code.tokens import words

MADE = {
    "numbers": np.arange(1000, dtype=np.int32),
    "none": np.empty(0, np.uint64),
    "bytes": np.frombuffer(b"abc", np.uint8),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CURATE_ASSETS", str(tmp_path))
    return tmp_path


def make():
    return {name: array.copy() for name, array in MADE.items()}


def refuse():
    raise AssertionError("made again")


def same(found):
    assert list(found) == list(MADE)
    for name, array in MADE.items():
        assert found[name].dtype == array.dtype
        assert found[name].tolist() == array.tolist()
        assert not found[name].flags.writeable


def test_what_one_process_made_the_next_one_maps(folder):
    same(arrays.saved("some", make))
    same(arrays.saved("some", refuse))
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["some"]  # no half-written file is left


@pytest.mark.parametrize("damage", ["cut", "changed", "empty"])
def test_a_file_that_is_not_as_it_was_written_is_made_again(folder, damage):
    arrays.saved("some", make)
    file = next(path for path in folder.rglob("some"))
    data = bytearray(file.read_bytes())
    data[-200] ^= 1
    file.write_bytes({"cut": data[: len(data) // 2], "changed": data, "empty": b""}[damage])
    same(arrays.saved("some", make))
    same(arrays.saved("some", refuse))


def test_a_folder_that_cannot_be_written_costs_time_alone(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CURATE_ASSETS", str(tmp_path / "file"))
    same(arrays.saved("some", make))
    same(arrays.saved("some", make))


@pytest.mark.parametrize("pattern", [r"(?P<a>x|y{2,5}) (z)|(?<!q)\xe9(?P<b>[\w-]+)", r"(?is)a.b|(c)\1", "plain"])
def test_a_pattern_from_a_file_is_the_one_that_re_makes(folder, monkeypatch, pattern):
    wanted = re.compile(pattern)
    first = names.made(pattern)
    monkeypatch.setattr(names._compiler, "_code", refuse)
    for found in (first, names.made(pattern)):
        assert found == wanted  # as far as their code
        assert (found.groups, dict(found.groupindex)) == (wanted.groups, dict(wanted.groupindex))
        match = found.match("y" * 3 + " z") or found.match("\xe9-") or found.match("CC") or found.match("A\nB")
        assert match is None or match.lastgroup == wanted.match(match.string).lastgroup


NOTICE = b"# Copyright 2020 Ann\n# Licensed under the MIT license, GPL version 2 or BSD."


def test_what_is_compiled_is_loaded_without_what_only_compiling_needs():
    Detector().detect(NOTICE, "LICENSE")  # compiled by now
    code = f"""
import sys
from curate.code.detect import Detector
assert Detector().detect({NOTICE!r}, "LICENSE")
print(*({{"numba.np.arraymath", "scipy.linalg", "cffi.cparser"}} & set(sys.modules)))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_tables_of_older_states_are_deleted(folder, monkeypatch):
    for number in range(6):
        monkeypatch.setattr(arrays, "state", lambda number=number: f"{number}")
        same(arrays.saved("some", make))
    left = {path.name for path in folder.iterdir()}
    assert len(left) == arrays.KEPT
    assert "licences-5" in left


@given(st.lists(st.text("aé字\t\n ", max_size=20), max_size=6))
def test_strings_come_back(values):
    assert arrays.strings("x", arrays.of_strings("x", values)) == values


MIT = next(plain(row["template"]) for row in spdx_data()["texts"] if row["ids"] == ["MIT"] and row["kind"] == "license")
TEXTS = [
    MIT[:700].replace("sublicense", "sub-license"),
    MIT[:600].replace("without restriction", "with restriction"),
    "Copyright 2019 Jane Roe This program is free software: you can redistribute it and/or modify it under the terms of the "
    "GNU General Public License as published by the Free Software Foundation, either version 3 of the License, or (at your "
    "option) any later version.",
    "This Makefile.in is free software; Jane Roe gives unlimited permission to copy and/or distribute it, with or without "
    "modifications, as long as this notice is preserved.",
]


@pytest.mark.parametrize("number", range(len(TEXTS)))
def test_what_is_found_is_what_each_template_finds_alone(number):
    data = TEXTS[number].encode()
    hashes, starts, ends = words(data)
    text = Text(hashes, starts, ends, data.decode("latin-1"))
    alone, furthest = set(), 0
    for n in range(len(templates().programs)):
        for at in range(len(hashes)):
            text.furthest = at
            end = template(n).matches(text, at)
            if end >= 0:
                alone.add((at, end, template(n).ids))
            else:
                furthest = max(furthest, text.furthest - at)
    found, near = equal_to(text, hashes)
    assert {(e.first, e.last, e.template.ids) for e in found} == alone
    assert (near.last - near.first if near else 0) == (furthest if furthest > SHORT else 0)
