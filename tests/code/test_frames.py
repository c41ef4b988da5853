"""What stands around the name of a licence in the licence files of honest projects, and what must not be taken for it."""

import pytest

from curate.code.detect import Detector
from curate.code.evidence import conjunction
from curate.code.spdx import plain
from curate.code.texts import spdx_data
from curate.filters.licenses import allow_list, is_allowed

PERMISSIVE = allow_list("permissive")
MIT = next(plain(r["template"], optional=False) for r in spdx_data()["texts"] if r["ids"] == ["MIT"])


def _allowed(text: str) -> bool:
    found = [e for e in Detector().detect(text.encode(), "LICENSE") if e.kind != "pointer"]
    return is_allowed(conjunction(e.expression for e in found), PERMISSIVE)


@pytest.mark.parametrize(
    "before",
    [
        "Frob (and frobc) are licensed under the terms of the MIT license, reproduced below.",
        'The "frobs" project is licensed under the terms of the MIT license, as reproduced below.',
        "Frob is under the MIT license, as code derived from Baz.",
        "All contributions towards frob are MIT licensed.",
        "All additions and alterations are licensed under the Apache 2.0 License.",
        "Some Python files have been taken from the standard library and are therefore PSF licensed.",
        "Also some test files under test/baz have been copied from https://example.org/baz (Expat License == MIT License).",
        "Except when otherwise stated (look for LICENSE files in directories or information at the beginning of each file) all software and documentation is licensed as follows:",
        "Unless otherwise noted, the files in Frob are under the following MIT license:",
        "Parts of frob are licensed under different licenses (like the MIT license), reproduced below.",
        "Contributions to frob are made under the terms of *both* these licenses.",
        "Distributed under the terms of the MIT license, frob is free and open source software.",
        "Copyright 2014 Example.com, Inc. or its affiliates. All Rights Reserved.",
    ],
)  # fmt: skip
def test_usual_forms_around_the_name_of_a_licence_change_nothing(before: str):
    assert _allowed(f"{before}\n\n{MIT}")


@pytest.mark.parametrize(
    "before",
    [
        "Frob is licensed under the terms of the MIT license, reproduced below for schools.",
        "Frob is under the MIT license, as code derived from Baz must be paid for.",
        "All contributions towards frob are owned by Baz.",
        "All contributions towards frob are GPL-3.0 licensed.",
        "Some files have been taken from https://example.org/baz and are therefore not yours.",
        "Some files have been taken from https://example.org/baz and are therefore GPL licensed.",
        "Except when otherwise stated (ask Karin) all software is licensed as follows:",
        "Except for airlines, all software is licensed as follows:",
        "Distributed under the terms of the MIT license, frob is free and open source software for schools.",
    ],
)
def test_what_goes_on_behind_such_a_form_is_a_doubt(before: str):
    assert not _allowed(f"{before}\n\n{MIT}")


def test_parts_under_other_licences_deny_where_these_do_not_follow():
    assert not _allowed(f"{MIT}\n\nPortions of frob are licensed under different licenses.\n")


def test_foreign_code_denies_where_no_text_follows_that_may_be_its_own():
    assert not _allowed(f"{MIT}\n\nSome files have been taken from https://example.org/baz.\n")


def test_a_section_on_the_documentation_alone_says_nothing_of_the_code():
    docs = (
        'Documentation License\n\nThe documentation portion of Frob (the rendered contents of the\n"docs" directory of a software '
        'distribution or checkout) is supplied\nunder the "Creative Commons Attribution-ShareAlike 4.0\nInternational" (CC BY-SA 4.0) '
        "License as described by\nhttp://creativecommons.org/licenses/by-sa/4.0/\n"
    )
    assert _allowed(f"{MIT}\n\n{docs}")


DEBIAN = """This package was debianized by {by} on
Fri, 09 Feb 2007 12:12:29 -0500.

It was downloaded from https://example.org/frob/

Upstream Authors: Jane Doe <jane@example.org>

Copyright (c) 2017-2019 Jane Doe

License:

{licence}

The Debian packaging is © 2007, Max Doe <max@example.org> and
is licensed under the same terms as Frob, {end}.
"""


@pytest.mark.parametrize(
    ("by", "end", "allowed"),
    [
        ("Max Doe <max@example.org>", "see above", True),
        ("schools alone", "see above", False),
        ("Max Doe <max@example.org>", "in Belgium", False),
        ("Max Doe for members of the club", "see above", False),
    ],
)
def test_the_first_lines_of_debian_s_copyright_files(by: str, end: str, allowed: bool):
    assert _allowed(DEBIAN.format(by=by, end=end, licence=MIT)) is allowed


@pytest.mark.parametrize(
    ("behind", "allowed"),
    [
        ("licensed under the ISC license", True),
        ("licensed under the GPL, version 2", False),
        ("licensed under terms of its own", False),
        ("not licensed", False),
    ],
)
def test_an_origin_goes_on_behind_a_copyright_notice_with_its_licence(behind: str, allowed: bool):
    text = f"This work was derived from the 're' module of Frob 2.6 and Baz 3.1,\ncopyright (c) 1998-2001 by Jane Doe and {behind}.\n\n{MIT}"
    assert _allowed(text) is allowed


@pytest.mark.parametrize(
    ("years", "name", "kept"),
    [("1996,1997", "Silicon Graphics Computer Systems, Inc.", True), ("2001-2018", "For schools only", False), ("2001", "not for sale", False)],
)  # fmt: skip
def test_the_holder_stands_in_the_line_behind_the_years(years: str, name: str, kept: bool):
    source = f"/*\n * Copyright (c) {years}\n * {name}\n *\n * Licensed under the MIT license.\n */\nint a;\n".encode()
    found = Detector().detect(source, "a.c")
    assert is_allowed(conjunction(e.expression for e in found), PERMISSIVE) is kept
