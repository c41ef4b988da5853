"""Wheels: what `NAME.dist-info` says speaks for the files beside it, and for no others."""

import zipfile

import pytest

from curate.code.detect import Detector
from curate.code.members import members
from curate.code.packages import survey_of
from curate.code.repository import licence_of
from curate.filters.licenses import allow_list, is_allowed
from tests.code.test_repositories import MIT, PYTHON

META = "Metadata-Version: 2.4\nName: x\nVersion: 1.0\n"
OWN = MIT.replace("free of charge", "for a fee")
ISC = "# SPDX-License-Identifier: ISC\n"


def wheel(path, files, listed=None, folder="x-1.0.dist-info"):
    """A wheel of these files; those whose name begins with `.` lie in its metadata."""
    named = {f"{folder}/{name[1:]}" if name[0] == "." else name: text for name, text in files.items()}
    named.setdefault("x/a.py", PYTHON)
    rows = [f"{name},sha256=abc,1" for name in named] if listed is None else listed
    named[f"{folder}/RECORD"] = "\n".join([*rows, f"{folder}/RECORD,,"]) + "\n"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in named.items():
            archive.writestr(name, text)
    return path


def licence(tmp_path, files, path="x/a.py", **more):
    made, detector = str(wheel(tmp_path / "x-1.0-py3-none-any.whl", files, **more)), Detector()
    member = next(one for one in members(made) if one.path == path)
    return licence_of(member, survey_of(made, detector), detector)[0]


def allowed(expression):
    return is_allowed(expression, allow_list("permissive"))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({".METADATA": META + "License-Expression: MIT\n", ".licenses/LICENSE": MIT}, "MIT"),
        ({".METADATA": META + "License-Expression: MIT\nLicense-File: LICENSE\n", ".licenses/LICENSE": MIT}, "MIT"),
        ({".METADATA": META + "License-File: LICENSE\n", ".LICENSE": MIT}, "MIT"),
        ({".METADATA": META + "License-Expression: BSD-3-Clause\n"}, "BSD-3-Clause"),
        ({".METADATA": META + "License-File: AUTHORS.rst\n", ".licenses/LICENSE": MIT, ".licenses/AUTHORS.rst": "A\n"}, "MIT"),
        ({".METADATA": META + "License: " + MIT.replace("\n", "\n        ") + "\n"}, "MIT"),
        ({".METADATA": META, ".licenses/LICENSE": MIT, "x/a.py": "# See LICENSE for details.\n" + PYTHON}, "MIT"),
        ({".METADATA": META, ".licenses/LICENSE": MIT, "x/a.py": ISC + PYTHON}, "ISC"),
        ({".METADATA": META}, None),
    ],
)  # fmt: skip
def test_metadata_of_a_wheel_speak_for_its_files(tmp_path, files, expected):
    assert licence(tmp_path, files) == expected


@pytest.mark.parametrize(
    "files",
    [
        {".METADATA": META + "License-Expression: MIT\n", ".licenses/LICENSE": OWN},
        {".METADATA": META + "License-Expression: MIT\n", ".licenses/COPYING": "SPDX-License-Identifier: GPL-3.0-only\n"},
        {".METADATA": META + "License-Expression: MIT\n", ".licenses/LICENSE": MIT, ".licenses/b/LICENSE": OWN},
        {".METADATA": META + "License-Expression: MIT\nLicense-File: LICENSE\n"},
        {".METADATA": META + "License-File: TERMS.txt\n", ".licenses/LICENSE": MIT, ".licenses/TERMS.txt": "Ask first.\n"},
        {".METADATA": META + "License-Expression: MIT AND LicenseRef-Ours\n", ".licenses/LICENSE": MIT},
        {".METADATA": META + "License-Expression: MIT\nLicense-Expression: GPL-3.0-only\n", ".licenses/LICENSE": MIT},
        {".METADATA": META + "License: " + OWN.replace("\n", "\n        ") + "\nClassifier: License :: OSI Approved :: MIT License\n"},
        {".METADATA": META + "Classifier: License :: Other/Proprietary License\n", ".licenses/LICENSE": MIT},
        {".METADATA": META + "License-Expression: MIT\n\n# x\n\n## License\n\nFor non-commercial use only.\n", ".licenses/LICENSE": MIT},
        {".METADATA": META, ".licenses/LICENSE": MIT + '\nContent under the "src/x/ee/" directory is licensed under ee/LICENSE.\n'},
        {".METADATA": META, ".licenses/LICENSE": MIT, "LICENSE": OWN},
        {".METADATA": META, ".licenses/LICENSE": MIT, ".licenses/b/LICENSE": OWN, "x/a.py": "# See LICENSE for details.\n" + PYTHON},
    ],
)  # fmt: skip
def test_what_a_wheel_says_otherwise_denies(tmp_path, files):
    assert not allowed(licence(tmp_path, files))


GOOD = {".METADATA": META + "License-Expression: MIT\n", ".licenses/LICENSE": MIT}


@pytest.mark.parametrize(
    ("files", "path"),
    [
        ({"x/_vendor/y.py": PYTHON}, "x/_vendor/y.py"),
        ({"x/bundled/y/a.py": PYTHON, "x/bundled/y-2.dist-info/METADATA": META}, "x/bundled/y/a.py"),
        ({"x/bundled/y/a.py": PYTHON, "x/bundled/y.egg-info": META}, "x/bundled/y/a.py"),
        ({"x/LICENSE": OWN}, "x/a.py"),
        ({"y-1.0.dist-info/METADATA": META}, "x/a.py"),
    ],
)
def test_for_whom_a_wheel_does_not_speak(tmp_path, files, path):
    assert allowed(licence(tmp_path, {**GOOD, "x/b.py": PYTHON}, "x/b.py"))
    assert not allowed(licence(tmp_path, {**GOOD, **files}, path))


def test_a_file_that_no_record_lists_has_no_evidence(tmp_path):
    listed = [f"x-1.0.dist-info/{name}" for name in ("METADATA", "licenses/LICENSE")]
    assert licence(tmp_path, GOOD, listed=[*listed, "x/a.py"]) == "MIT"
    assert licence(tmp_path, GOOD, listed=listed) is None
    assert licence(tmp_path, GOOD, listed=['"' + "a" * 200_000]) is None


def test_an_archive_of_another_kind_is_no_wheel(tmp_path):
    made, detector = str(wheel(tmp_path / "x.zip", GOOD)), Detector()
    member = next(one for one in members(made) if one.path == "x/a.py")
    assert licence_of(member, survey_of(made, detector), detector)[0] is None
