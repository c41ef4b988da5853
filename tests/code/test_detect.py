"""Licences read out of texts. Texts come from the shipped SPDX list, changed in the ways people change them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.code.debian import evidence_for, paragraphs, short_name
from curate.code.detect import Detector, is_license_file, with_exceptions
from curate.code.evidence import canonical, conjunction
from curate.code.known import Span
from curate.code.spdx import plain
from curate.code.texts import spdx_data
from curate.filters.base import Document
from curate.filters.licenses import AllowedLicense, allow_list, is_allowed


@pytest.fixture(scope="module")
def detector():
    return Detector()


def _text(license_id):
    return next(plain(r["template"]) for r in spdx_data()["texts"] if license_id in r["ids"] and r["kind"] == "license")


def _found(detector, text, name="LICENSE"):
    return conjunction(e.expression for e in detector.detect(text.encode(), name))


IDS = ["MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSD-4-Clause", "ISC", "0BSD", "Zlib", "BSL-1.0", "MPL-2.0"]


@pytest.mark.parametrize("license_id", [*IDS, "GPL-2.0-only", "GPL-3.0-only", "LGPL-2.1-only", "EPL-2.0", "Unlicense"])
def test_full_texts(detector, license_id):
    text = _text(license_id)
    assert _found(detector, text) == license_id
    if license_id not in (*IDS, "Unlicense") or license_id == "MPL-2.0":
        return  # numbers of their sections that wrapping brings to the start of a line would be labels
    words = text.split()
    reflowed = "\n".join(" * " + " ".join(words[n : n + 9]) for n in range(0, len(words), 9))
    assert _found(detector, f"/*\n{reflowed}\n */\nint main;\n", "a.c") == license_id


def test_names_and_years_are_filled_in(detector):
    text = _text("BSD-3-Clause").replace("<year>", "1999-2024").replace("<owner>", "The Regents of Nowhere")
    text = re.sub("the copyright holder(?! or)", "Example Corporation, Inc.", text)
    assert _found(detector, text) == "BSD-3-Clause"


@pytest.mark.parametrize(
    "added",
    [
        "The Software may not be used for commercial purposes.",
        "The Software shall be used for Good, not Evil.",
        "Use is permitted for academic research only, without redistribution for a fee.",
    ],
)
def test_a_changed_text_is_not_the_licence(detector, added):
    text = _text("MIT").replace("The above copyright notice", added + "\n\nThe above copyright notice")
    found = _found(detector, text)
    assert not is_allowed(found, allow_list("permissive")), found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# SPDX-License-Identifier: MIT\n", "MIT"),
        ("/* SPDX-License-Identifier: (GPL-2.0+ OR MIT) */\n", "GPL-2.0-or-later OR MIT"),
        ("// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception\n", "Apache-2.0 WITH LLVM-exception"),
        ("# SPDX-License-Identifier: whatever we like\n", "LicenseRef-unknown"),
        ("# Licensed under the Apache License, Version 2.0\n", "Apache-2.0"),
        ("# Released under the MIT license.\n", "MIT"),
        ("# Licensed under either the MIT license or the Apache License 2.0.\n", "MIT OR Apache-2.0"),
        ("# This file is distributed under the terms of the GNU General Public License, either version 2, or\n"
         "# (at your option) any later version.\n", "GPL-2.0-or-later"),
        ("# See https://opensource.org/licenses/BSD-3-Clause\n", "BSD-3-Clause"),
        ("def license_plate():\n    return 'MIT'\n", None),
        ("import os\n", None),
    ],
)  # fmt: skip
def test_notices(detector, text, expected):
    assert _found(detector, text, "a.py") == expected


def test_an_unknown_licence_is_no_choice(detector):
    text = "# Licensed under the MIT license, or for commercial use: evaluation only, confidential.\n"
    assert "LicenseRef-unknown" in _found(detector, text, "a.py")
    assert not is_allowed(_found(detector, text, "a.py"), allow_list("permissive"))


@given(st.binary(max_size=2000))
def test_any_bytes(data):
    for item in _DETECTOR.detect(data, "COPYING"):
        assert canonical(item.expression) == item.expression
        assert 0 <= item.score <= 1


_DETECTOR = Detector()


@pytest.mark.parametrize(
    ("name", "expected"),
    [("LICENSE", True), ("COPYING.LESSER", True), ("docs/LICENSE-MIT.txt", True), ("UNLICENSE", True),
     ("license.py", False), ("src/licenses.json", False), ("README.md", False)],
)  # fmt: skip
def test_licence_files(name, expected):
    assert is_license_file(name) is expected


@pytest.mark.parametrize(
    ("expression", "permissive", "llama"),
    [
        ("MIT", True, True),
        ("MIT OR GPL-3.0-only", True, True),
        ("MIT AND GPL-3.0-only", False, False),
        ("Zlib AND (GPL-2.0-only OR ISC)", True, False),
        ("Apache-2.0 WITH LLVM-exception", True, True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False, False),
        ("LicenseRef-unknown", False, False),
        ("not an expression at all (", False, False),
        ("", False, False),
        (None, False, False),
    ],
)
def test_expressions_are_logic(expression, permissive, llama):
    assert is_allowed(expression, allow_list("permissive")) is permissive
    assert is_allowed(expression, allow_list("apache-bsd-mit")) is llama


def test_reasons(tmp_path):
    own = tmp_path / "own.txt"
    own.write_text("GPL-3.0-only  # ours\n")
    reasons = [
        AllowedLicense()(Document("1", "x", license=x)).reason
        for x in (None, "MIT", "GPL-3.0-only", "LicenseRef-unknown")
    ]
    assert reasons == ["no_evidence", None, "not_allowed", "unknown"]
    assert AllowedLicense(str(own))(Document("1", "x", license="GPL-3.0-only")).reason is None
    wrong = tmp_path / "wrong.txt"
    wrong.write_text("GPL-3\n")
    with pytest.raises(ValueError, match="line 1: 'GPL-3'"):
        AllowedLicense(str(wrong))


DEP5 = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: 2020 A
License: GPL-2+ or Expat

Files: src/*.c
 vendor/\\*x
License: GPL-2
 On Debian systems …
"""


def test_debian_copyright():
    found = paragraphs(DEP5, "debian/copyright")
    assert [evidence_for(found, p).expression for p in ("a.py", "src/deep/a.c", "vendor/*x")] == [
        "GPL-2.0-or-later OR MIT", "GPL-2.0-only", "GPL-2.0-only"
    ]  # fmt: skip
    assert short_name("BSD-3-clause and Apache-2.0") == "BSD-3-Clause AND Apache-2.0"
    assert short_name("GPL-2 with OpenSSL exception") == "LicenseRef-unknown"
    assert short_name("custom") == "LicenseRef-unknown"


@pytest.mark.parametrize(
    ("line", "generated"),
    [
        ("# Generated by Django 4.2\n", True),
        ("/* This file was generated by SWIG */\n", True),
        ("// Code generated by protoc-gen-go. DO NOT EDIT.\n", True),
        ('"""AST nodes generated by the parser for the compiler.\n', False),
    ],
)
def test_generated_files_say_so_of_themselves(line, generated):
    from curate.filters.base import Document
    from curate.filters.code import Generated

    assert (Generated()(Document("0", line + "x = 1\n")).reason is not None) == generated


def test_an_exception_stays_with_the_gnu_licence_before_it_and_is_unknown_alone():
    def span(start: int, expression: str) -> Span:
        return Span(start, start + 10, expression, "header-notice", 1.0, "")

    mit, gnu, exception = span(0, "MIT"), span(20, "GPL-2.0-only"), span(40, "WITH Classpath-exception-2.0")
    together = [s.expression for s in with_exceptions([mit, gnu, exception])]
    assert together == ["MIT", "GPL-2.0-only WITH Classpath-exception-2.0"]
    assert [s.expression for s in with_exceptions([mit, exception])] == ["MIT", "LicenseRef-unknown"]
