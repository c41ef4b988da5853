"""Licences as values: a known name whole, with nothing left over."""

import pytest

from curate.code.detect import Detector
from curate.code.metadata import stated
from curate.code.names import UNKNOWN
from curate.code.values import licence_of_value


@pytest.mark.parametrize(
    ("value", "expression"),
    [
        ("The MIT License", "MIT"),
        ("MIT, see LICENSE for more details.", "MIT"),
        ("MIT license (https://opensource.org/licenses/MIT)", "MIT"),
        ("MIT (Expat)", "MIT"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"),
        ("MIT or Apache-2.0", "MIT OR Apache-2.0"),
        ("MIT License Copyright (c) 2010 Joe Smith", "MIT"),
        ("3-clause BSD", "BSD-3-Clause"),
    ],
)
def test_a_known_name_with_what_names_have_beside_them(value, expression):
    assert licence_of_value(value) == expression


MORE = ["MIT, research", "MIT; paid", "MIT - classroom", "MIT, less resale", "MIT for friends", "MIT, in Norway"]


@pytest.mark.parametrize("value", MORE)
def test_words_left_over_leave_no_known_licence(value):
    assert licence_of_value(value) == UNKNOWN
    assert licence_of_value(f"{value} Copyright (c) 2010 Joe Smith, only for him") == UNKNOWN


@pytest.mark.parametrize("value", MORE)
@pytest.mark.parametrize("form", ['__license__ = "{}"\n', 'export const license = "{}"\n', '  s.license = "{}"\n'])
def test_an_assignment_says_what_its_whole_value_says(form, value):
    found = Detector().detect(form.format(value).encode(), "src/about.py")
    assert [e.expression for e in found] == [UNKNOWN]


@pytest.mark.parametrize("value", MORE)
def test_metadata_that_says_more_than_a_name_does_not_give_way_to_a_text(value):
    found = stated("setup.cfg", f"[metadata]\nlicense = {value}\n".encode())
    assert found is not None
    assert "LicenseRef-proprietary" in found.expression
