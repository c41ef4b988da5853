"""What files of strangers may hold that parsers take forever for, or that no automaton holds."""

import json

import pytest

from curate.code import debian, reuse, source
from curate.code.detect import Detector
from curate.code.evidence import MAX_EVIDENCE, Evidence, canonical, to_json
from curate.code.members import Member
from curate.code.metadata import stated
from curate.code.names import UNKNOWN
from curate.code.repository import Licences, licence_of, survey
from curate.code.strangers import MAX_PARTS, MAX_POINTERS, MAX_STATEMENTS, toml
from tests.code.test_repositories import MIT

FORMAT = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
MANY = "a*" * 100_000


@pytest.mark.parametrize(
    "name", ["a" + ".a" * 50_000 + " = 1", "[" + '"a" . ' * 50_000 + "b]", "['a'" + ".'a'" * 50_000 + "]"]
)
def test_names_of_many_parts_are_refused_at_once(name: str) -> None:
    with pytest.raises(ValueError, match="parts"):
        toml(name)
    assert stated("Cargo.toml", f'[package]\nlicense = "MIT"\n{name}'.encode()) is None
    assert reuse.annotations(name, "REUSE.toml") == []


def test_names_of_some_parts_and_texts_of_many_points_are_read() -> None:
    table = toml("a" + ".a" * (MAX_PARTS - 1) + ' = "..........."\nb = "1.2.3.4, 5.6.7.8"\n')
    assert table["b"] == "1.2.3.4, 5.6.7.8"


@pytest.mark.parametrize("lines", ["x" + " " * 60_000 + "y\n", "x\n" * 500_000])
def test_a_configuration_of_blanks_or_of_lines_that_are_none(lines: str) -> None:
    assert stated("setup.cfg", f"[metadata]\nlicense = MIT\n{lines}".encode()) is None


def test_a_configuration_with_blanks_inside() -> None:
    found = stated(
        "setup.cfg", b"[metadata]\nname   =   a\nlicense    =    MIT    License   \nclassifiers =\n    License :: x\n"
    )
    assert found is not None
    assert found.expression == "MIT"


def test_a_synopsis_of_blanks() -> None:
    said = FORMAT + "Files: *\nLicense: GPL-2" + " " * 50_000 + "or" + " " * 50_000 + "Expat\n"
    assert debian.paragraphs(said, "debian/copyright")[0].evidence.expression == "GPL-2.0-only OR MIT"
    assert debian.short_name("MIT or " * 10_000 + "MIT") == UNKNOWN


def test_globs_that_no_automaton_holds_leave_all_files_unknown(capfd: pytest.CaptureFixture[str]) -> None:
    said = FORMAT + f"Files: *\nLicense: Expat\n\nFiles: \x1b[31m{MANY}\nLicense: Expat\n"
    found = debian.evidence_for(debian.paragraphs(said, "debian/copyright"), "src/a.c")
    assert found is not None
    assert found.expression == UNKNOWN
    table = f'[[annotations]]\npath = ["{MANY}"]\nSPDX-License-Identifier = "MIT"\n'
    stated_ = reuse.annotation_for(reuse.annotations(table, "REUSE.toml"), "src/a.c")
    assert stated_ is not None
    assert stated_.evidence.expression == UNKNOWN
    assert capfd.readouterr() == ("", "")  # RE2 writes what it can't compile to the terminal, as it is


def test_a_licence_that_takes_too_long_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "CPU_SECONDS", 0.2)
    detector = source.Patient()
    assert [item.expression for item in detector.detect(b"Copyright (c) " * 20_000, "LICENSE")] == [UNKNOWN]
    assert [item.expression for item in detector.detect(MIT.encode(), "LICENSE")] == ["MIT"]


DEP5 = FORMAT + "Files: *\nLicense: Expat\n\n"
REUSE = '[[annotations]]\npath = "*"\nSPDX-License-Identifier = "MIT"\n'


@pytest.mark.parametrize(
    "files",
    [
        {"debian/copyright": DEP5 + "Files: a\nLicense: Expat\n\n" * MAX_STATEMENTS},
        {"REUSE.toml": REUSE * (MAX_STATEMENTS + 1)},
        {f"{number}/REUSE.toml": REUSE * 100 for number in range(MAX_STATEMENTS // 100 + 1)},
        {f"{number}/debian/copyright": DEP5 * 100 for number in range(MAX_STATEMENTS // 100 + 1)},
    ],
)
def test_more_statements_than_are_tried_on_each_file_leave_it_unknown(files: dict[str, str]) -> None:
    detector = Detector()
    stating = [Member(path, text.encode()) for path, text in {**files, "LICENSE": MIT}.items()]
    licences = survey(stating, detector)
    assert sum(map(len, [*licences.debian.values(), *licences.reuse.values()])) <= MAX_STATEMENTS
    expression, evidence = licence_of(Member("src/a.c", b"int a;"), licences, detector)
    assert UNKNOWN in str(expression)
    assert any(f"more than {MAX_STATEMENTS:,}" in item.text for item in evidence)
    least = survey(stating[1:], detector) if len(files) > 1 else None
    if least:  # one of them less, and all are tried
        assert licence_of(Member("src/a.c", b"int a;"), least, detector)[0] == "MIT"


def test_more_said_of_a_folder_than_is_put_together_leaves_it_unknown() -> None:
    detector = Detector()
    many = [Member("package.json", b'{"license": "MIT"}')] * (MAX_STATEMENTS + 1)
    assert licence_of(Member("a.c", b"int a;"), survey(many[1:], detector), detector)[0] == "MIT"
    expression, evidence = licence_of(Member("a.c", b"int a;"), survey(many, detector), detector)
    assert UNKNOWN in str(expression)
    assert len(json.loads(to_json(evidence))) == MAX_EVIDENCE


def test_expressions_and_pointers_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    assert canonical(" AND ".join(["MIT", *(f"x{number}" for number in range(100_000))])) is None
    pointers = [Evidence(UNKNOWN, "pointer", f"a.c:{line}", "LICENSE", 0.9) for line in range(1_000)]
    asked: list[str] = []
    monkeypatch.setattr(Licences, "_target", lambda _self, name, *_: asked.append(name))
    assert Licences().resolved(pointers, "") == pointers
    assert len(asked) == MAX_POINTERS
