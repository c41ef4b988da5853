"""What takes a licence back outside of the licence's text: heads of files, metadata, READMEs, licence files that give nothing."""

import pytest

from curate.code.comments import head_comments
from curate.code.detect import Detector
from curate.code.members import Member
from curate.code.metadata import stated
from curate.code.repository import licence_of, survey
from curate.filters.licenses import allow_list, is_allowed
from tests.code.test_repositories import MIT, PYTHON

DETECTOR = Detector()


def kept(files: dict[str, str], path: str = "src/a.py") -> bool:
    members = [Member(name, text.encode()) for name, text in files.items()]
    expression, _ = licence_of(next(m for m in members if m.path == path), survey(members, DETECTOR), DETECTOR)
    return is_allowed(expression, allow_list("permissive"))


def head(said: str) -> dict[str, str]:
    return {"LICENSE": MIT, "src/a.py": f"# {said}\n\n{PYTHON}"}


@pytest.mark.parametrize(
    "said",
    [
        "Companies above 10 million revenue need a paid plan.",
        "Startups: ask us first.",
        "Free until version 3; afterwards ask us.",
        "This file is confidential.",
        "Copyright 2020 Frob Inc. All rights reserved. Do not distribute.",
        "Property of Frob Inc.",
        "Belongs to Frob Ltd and its clients.",
        "This file is exempt from the project's licence.",
        "The licence of the repository does not cover this file.",
        "A different licence applies here.",
        "License: see the vendor's terms",
        "Licence: on request",
        "The licence of this file is in TERMS.txt.",
        "You need a valid subscription to use this file.",
        "Academic use only. Contact us for other uses.",
        "Students only.",
        "This code may be read but not copied.",
        "Never use it in weapons.",
        "No forks, please.",
        "Under NDA.",
        "Get a key at frob.example before you run this.",
        "A valid key is necessary for production.",
        "Order a serial number from frob.example before installing.",
        "For use at school.",
        "For use in kitchens.",
        "Only for owners of a Frob device.",
        "Bots may not read this.",
        "Language models must never be trained on it.",
    ],
)
def test_the_head_of_a_file_takes_back_what_the_root_gives(said):
    assert not kept(head(said))


@pytest.mark.parametrize(
    "said",
    [
        "Parse the answers of the companies endpoint.",
        "Models for schools and students.",
        "For testing purposes only.",
        "Do not import this module directly.",
        "This code should not be used in new programs.",
        "These helpers must not be used outside of this package.",
        "Note: this module only works on Linux.",
        "Publish messages to a queue; messages are never copied.",
        "Property of an object, by name.",
        "Needs a key to decrypt messages.",
        "For use in unit tests.",
        "To be used in the main loop.",
        "For use by callers.",
        "stylelint-disable property-disallowed-list",
        "Crawlers that do not read robots.txt.",
        "License: see LICENSE",
        "Copyright 2020 Contributors to the frob project",
    ],
)
def test_heads_that_speak_of_programs_take_nothing_back(said):
    assert kept(head(said))


def test_strings_in_code_are_no_heads():
    code = 'if not plan:\n    raise Error("You need a valid subscription to use this file.")\n'
    assert kept({"LICENSE": MIT, "src/a.py": code + PYTHON})


def test_comments_at_the_head():
    text = '#!/bin/sh\n# one\n# two\n\n# three\n\n"""four"""\nfrom __future__ import x\n/* five */\ncode()\n# six\n'
    assert [text[a:b] for a, b in head_comments(text)] == ["# one\n# two", "# three", '"""four"""', "/* five */"]
    assert head_comments("#include <a.h>\n// x\n") == []


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("setup.py", 'from setuptools import setup\nsetup(name="a", license="GPLv3")\n', "GPL-3.0-only"),
        ("setup.py", 'setup(classifiers=["License :: OSI Approved :: MIT License"])\n', "MIT"),
        ("setup.py", "setup(license=read('LICENSE'))\n", None),
        ("setup.cfg", "[metadata]\nname = a\nlicense = Apache-2.0\n", "Apache-2.0"),
        ("setup.cfg", "[metadata]\nclassifiers =\n    License :: OSI Approved :: ISC License (ISCL)\n", "ISC"),
        ("setup.cfg", "[flake8]\nmax-line-length = 100\n", None),
        ("setup.cfg", "not = an\n[ini\n", None),
        ("package.json", '{"license": "UNLICENSED"}', "LicenseRef-proprietary"),
        ("pyproject.toml", '[project]\nclassifiers = ["License :: Free For Home Use"]\n', "LicenseRef-proprietary"),
        ("PKG-INFO", "Name: a\nLicense: MIT for hobbyists, commercial otherwise\n", "LicenseRef-proprietary"),
    ],
)
def test_more_metadata(name, text, expected):
    found = stated(name, text.encode())
    assert (found.expression if found else None) == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("setup.py", 'setup(name="a", license="GPLv3")\n'),
        ("package.json", '{"name": "a", "license": "UNLICENSED"}'),
        ("pyproject.toml", '[project]\nclassifiers = ["License :: Other/Proprietary License"]\n'),
        ("README.md", "# a\n\n## License\n\nGPL-3.0\n"),
        ("README.rst", "a\n=\n\nLicense\n-------\n\nFree for non-commercial use.\n"),
    ],
)
def test_what_stands_beside_the_text_holds_as_well(name, text):
    assert not kept({"LICENSE": MIT, name: text, "src/a.py": PYTHON})


@pytest.mark.parametrize("said", ["MIT", "This project is licensed under the MIT License - see LICENSE for details.", "Code by A Person, and see the wiki."])  # fmt: skip
def test_a_readme_that_says_the_same_or_nothing_known(said):
    assert kept({"LICENSE": MIT, "README.md": f"# a\n\n## License\n\n{said}\n\n## Other\n\nGPL\n", "src/a.py": PYTHON})


def test_the_licence_of_the_manual_is_not_that_of_the_code():
    by = "released under [Creative Commons](https://creativecommons.org/licenses/by-nc/3.0/)."
    readme = f"# a\n\n## License\n\nCode released under the MIT License. Docs {by}\n"
    assert kept({"LICENSE": MIT, "README.md": readme, "src/a.py": PYTHON})
    assert kept({"LICENSE": f"{MIT}\n\nDocs {by}\n", "src/a.py": PYTHON})
    assert not kept({"LICENSE": f"{MIT}\n\nDocs and code {by}\n", "src/a.py": PYTHON})


def test_a_readme_alone_gives_nothing():
    assert not kept({"README.md": "# a\n\n## License\n\nMIT\n", "src/a.py": PYTHON})


def test_a_licence_file_that_reserves_all_rights():
    files = {"LICENSE": "Frob Inc. All rights\nreserved.\n", "package.json": '{"license": "MIT"}', "src/a.py": PYTHON}
    assert not kept(files)
    assert kept({**files, "LICENSE": MIT, "NOTICE": "Frob\nCopyright 2020 Frob Inc. All rights reserved.\n"})
