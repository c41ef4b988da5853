"""Usual notices, titles and names of modules from their first to their last word: what stands in, before or behind them is a doubt."""

import pytest

from tests.code.test_reserved import MIT, kept

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
    assert kept({"LICENSE": MIT, "lib/Fold.pm": text.format("")})
    assert not kept({"LICENSE": MIT, "lib/Fold.pm": text.format(behind)})


@pytest.mark.parametrize("before", ["In Norway ", "For Frobcorp ", "Within Frobcorp "])
def test_a_place_or_a_person_before_the_name_of_a_licence(before):
    assert kept({"LICENSE": MIT, "a.py": "# Released under the MIT license.\nx = 1\n"})
    assert not kept({"LICENSE": MIT, "a.py": f"# {before}released under the MIT license.\nx = 1\n"})
