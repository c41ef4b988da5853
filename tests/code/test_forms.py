"""Usual notices, titles and names of modules from their first to their last word: what stands in, before or behind them is a doubt."""

import pytest

from curate.code.constants import doubtful_constants
from curate.code.heads import Program
from tests.code.test_repositories import PYTHON
from tests.code.test_reserved import MIT, kept
from tests.linear import assert_linear

BSD_STYLE = "# Use of this source code is governed by an MIT-style\n# license that can be found in the LICENSE file.\n"


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("code is", "code by its owners is"),
        ("code is", "code in Norway is"),
        ("is governed", "is, at weekends, governed"),
        ("Use of", "Partial use of"),
    ],
)
def test_a_notice_with_other_words_before_its_verb(part, other):
    code = "\nx = 1\n"
    assert kept({"LICENSE": MIT, "src/a.py": BSD_STYLE + code})
    assert not kept({"LICENSE": MIT, "src/a.py": BSD_STYLE.replace(part, other) + code})


@pytest.mark.parametrize("behind", [", in Norway", " for Norwegians", ", within Frobcorp", ", at weekends"])
def test_free_software_with_words_behind(behind):
    text = "# Copyright 2004 Ilse Vos\n# This module is free software{}.\npackage Fold;\n"
    assert kept({"LICENSE": MIT, "src/Fold.pm": text.format("")}, "src/Fold.pm")
    assert not kept({"LICENSE": MIT, "src/Fold.pm": text.format(behind)}, "src/Fold.pm")


@pytest.mark.parametrize("before", ["In Norway ", "For Frobcorp ", "Within Frobcorp "])
def test_a_place_or_a_person_before_the_name_of_a_licence(before):
    assert kept({"LICENSE": MIT, "src/a.py": "# Released under the MIT license.\nx = 1\n"})
    assert not kept({"LICENSE": MIT, "src/a.py": f"# {before}released under the MIT license.\nx = 1\n"})


@pytest.mark.parametrize(
    "said",
    [
        '__status__ = "Beta"',
        '__status__ = "5 - Production/Stable"',
        '__copyright__ = "Copyright (c) 2016-2023, Frob Development Team."',
        '__copyright__ = f"2014 {__author__}"',
        '__copyright__ = "Copyright 2013, Ilse Vos; MIT License"',
        '__credits__ = ["Ilse Vos", "Bo Li"]',
        '__author__ = "Ilse Vos <ilse@example.org> and contributors"',
    ],
)
def test_what_modules_say_of_themselves(said):
    assert kept({"LICENSE": MIT, "src/a.py": f"{said}\ndef f(): return 1\n"})


@pytest.mark.parametrize(
    "said",
    [
        '__status__ = "Restricted"',
        '__status__ = "Frobcorp Internal"',
        '__copyright__ = "Frobcorp, for its members"',
        '__copyright__ = "Copyright 2019 Frobcorp. Guests pay."',
        '__credits__ = [\n    "Ilse Vos",\n    "Ghidra output of frob.dll",\n]',
        '__author__ = "Ilse Vos, for Frobcorp only"',
        'NOTICE = "Unregistered copy"',
        'static final String LEGAL_NOTICE = "Not for guests.";',
    ],
)
def test_what_modules_say_of_themselves_that_is_not_of_its_kind(said):
    assert not kept({"LICENSE": MIT, "src/a.py": f"x = 1\n{said}\n"})


@pytest.mark.parametrize("piece", ["NOTICE = '", "__credits__ = [" + "'a', " * 5, "__status__ = (((", "NOTICE "])
def test_looking_for_such_strings_is_linear(piece):
    def work(size, salt):
        text = f"{salt} {piece * (size // len(piece))}".encode()
        return lambda: list(doubtful_constants(text, Program("x = 1")))

    assert_linear(work, piece)


TEXT = MIT.split("\n", 1)[1]


@pytest.mark.parametrize(
    "title",
    ["The MIT License (MIT)", "MIT License (Expat)", "Requests", "License: MIT", "Requests\n\nMIT License", "Software License Agreement"],
)  # fmt: skip
def test_titles_that_name_the_licence_or_the_program(title):
    assert kept({"LICENSE": f"{title}\n{TEXT}", "src/a.py": PYTHON})


@pytest.mark.parametrize(
    "title",
    [
        "Formerly: MIT License",
        "MIT License (from 2031)",
        "MIT License, amended",
        "Altered MIT License",
        "Bindings: MIT License",
        "Core: see CORE_TERMS. Samples:",
        "Hobby Edition\n\nMIT License",
        "Client Library",
    ],
)
def test_titles_that_change_what_the_text_is_for(title):
    assert not kept({"LICENSE": f"{title}\n{TEXT}", "src/a.py": PYTHON})


def test_a_part_behind_an_owner():
    assert not kept({"LICENSE": MIT.replace("A Person", "A Person (parser only)"), "src/a.py": PYTHON})
