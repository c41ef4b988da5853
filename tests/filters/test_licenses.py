"""Expressions of licences: what an allow-list lets in, against the plain meaning of OR, AND and WITH."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.filters.base import Document
from curate.filters.licenses import AllowedLicense, allow_list, is_allowed

ALLOWED = frozenset({"MIT", "Apache-2.0", "GPL-2.0-only WITH Classpath-exception-2.0", "LicenseRef-own"})
ONE = {
    "MIT": True,
    "Apache-2.0": True,
    "Apache-2.0 WITH LLVM-exception": True,  # an exception only gives
    "GPL-3.0-only": False,
    "GPL-3.0-only WITH Classpath-exception-2.0": False,
    "GPL-2.0-only WITH Classpath-exception-2.0": True,  # as the list says
    "GPL-2.0-only": False,
    "LicenseRef-own": True,
    "LicenseRef-other": False,
}
EXPRESSIONS = st.recursive(
    st.sampled_from(sorted(ONE)).map(lambda one: (one, ONE[one])),
    lambda inner: st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(
        lambda t: (f"({t[0][0]} {t[1]} {t[2][0]})", (t[0][1] and t[2][1]) if t[1] == "AND" else (t[0][1] or t[2][1]))
    ),
    max_leaves=6,
)


@settings(deadline=None)
@given(EXPRESSIONS)
def test_or_takes_one_side_and_and_takes_both(expression: tuple[str, bool]) -> None:
    text, allowed = expression
    assert is_allowed(text, ALLOWED) is allowed


@pytest.mark.parametrize(
    "text", ["", None, "MIT AND", "(MIT", "MIT OR OR MIT", "MIT MIT", "MIT WITH MIT", "WITH", "no licence at all"]
)
def test_doubt_denies(text: str | None) -> None:
    assert not is_allowed(text, ALLOWED)


def test_other_names_of_a_licence_are_it_but_none_of_ones_own() -> None:
    assert is_allowed("GPL-2.0", frozenset({"GPL-2.0-only"}))
    assert is_allowed("mit", ALLOWED)
    assert not is_allowed("LicenseRef-mit", ALLOWED)


@pytest.mark.parametrize(
    ("license", "reason"),
    [
        (None, "no_evidence"),
        ("", "no_evidence"),
        ("MIT", None),
        ("MIT OR GPL-3.0-only", None),
        ("GPL-3.0-only", "not_allowed"),
        ("MIT AND GPL-3.0-only", "not_allowed"),
        ("LicenseRef-unknown", "unknown"),
        ("MIT AND LicenseRef-unknown", "unknown"),
    ],
)
def test_what_becomes_of_a_file(license: str | None, reason: str | None) -> None:
    decision = AllowedLicense()(Document("1", "x", license=license))
    allowed = float(reason is None)
    assert (decision.reason, decision.value, decision.signals) == (reason, allowed, {"license_allowed": allowed})


def test_a_list_of_ones_own(tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_text("# mine\n\nGPL-3.0-only  # so be it\nLicenseRef-own\nGPL-2.0-only WITH Classpath-exception-2.0\n")
    assert allow_list(str(own)) == {"GPL-3.0-only", "LicenseRef-own", "GPL-2.0-only WITH Classpath-exception-2.0"}
    step = AllowedLicense(str(own))
    assert step.files() == (own,)
    assert AllowedLicense().files() == AllowedLicense("apache-bsd-mit").files() == ()
    assert step(Document("1", "x", license="GPL-3.0-only")).reason is None
    assert step(Document("1", "x", license="MIT")).reason == "not_allowed"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("MIT\nno licence\n", r"line 2: 'no licence' is not an SPDX"),
        ("\n\nMIT OR Apache-2.0", r"line 3: "),
        ("MIT WITH Something-else", "line 1"),
        ("LicenseRef-a b", "line 1"),
        ("# nothing\n", "is empty"),
    ],
)
def test_lists_that_are_refused(tmp_path: Path, text: str, told: str) -> None:
    wrong: Any = tmp_path / "wrong.txt"
    wrong.write_text(text)
    with pytest.raises(ValueError, match=told):
        AllowedLicense(str(wrong))


def test_lists_that_are_not_there(tmp_path: Path) -> None:
    for name in ("none", str(tmp_path)):
        with pytest.raises(ValueError, match="not one of apache-bsd-mit, permissive, and no readable file"):
            AllowedLicense(name)
