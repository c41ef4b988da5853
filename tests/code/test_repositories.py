"""Repositories: hostile archives, whose licence counts, and the job from archives to a corpus."""

import csv
import io
import json
import os
import tarfile
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from curate.cli import group
from curate.code import members as reader
from curate.code.detect import Detector
from curate.code.members import Bomb, Member, members, safe_name
from curate.code.repository import licence_of, survey
from curate.filters.licenses import allow_list, is_allowed

MIT = (
    "MIT License\n\nCopyright (c) 2024 A Person\n\nPermission is hereby granted, free of charge, to any person obtaining a copy "
    'of this software and associated documentation files (the "Software"), to deal in the Software without restriction, '
    "including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies "
    "of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:\n\n"
    "The above copyright notice and this permission notice shall be included in all copies or substantial portions of the "
    'Software.\n\nTHE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED '
    "TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS "
    "OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR "
    "OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.\n"
)
PYTHON = "def add(first, second):\n    return first + second\n\n\nprint(add(1, 2))\n"


def tar(path: Path, files: dict[str, str | tarfile.TarInfo]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
                continue
            item = tarfile.TarInfo(name)
            item.size = len(content.encode())
            archive.addfile(item, io.BytesIO(content.encode()))
    return path


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    item = tarfile.TarInfo(name)
    item.type, item.linkname = kind, target
    return item


def test_names_that_try_to_escape(tmp_path):
    path = tar(
        tmp_path / "evil.tar.gz",
        {
            "ok.py": PYTHON,
            "../up.py": "x",
            "/abs.py": "x",
            "a/../../b.py": "x",
            "c:\\windows.py": "x",
            "esc\x1b[2J.py": "x",
            "link": special("link", tarfile.SYMTYPE, "/etc/passwd"),
            "hard": special("hard", tarfile.LNKTYPE, "ok.py"),
            "device": special("device", tarfile.CHRTYPE),
            "pipe": special("pipe", tarfile.FIFOTYPE),
        },
    )
    found = [(member.path, member.skipped) for member in members(str(path))]
    assert found[0] == ("ok.py", None)
    assert [kind for _, kind in found[1:]] == ["unsafe_name"] * 5 + ["link", "link", "device", "device"]
    assert sorted(os.listdir(tmp_path)) == ["evil.tar.gz"]


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/..", "/", "/etc/passwd", "a\\b", "C:/x", "a\nb", "a\x00b", "../../x"]
)
def test_unsafe_names(name):
    assert safe_name(name) is None


def test_bombs_are_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "MAX_TOTAL", 300 << 20)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(200):
            archive.writestr(f"{i}.py", "0" * (1 << 20))
    with pytest.raises(Bomb, match="times its size"):
        list(members(str(tmp_path / "bomb.zip")))
    monkeypatch.setattr(reader, "MAX_FILES", 10)
    tar(tmp_path / "many.tar.gz", {f"{i}.py": "x" for i in range(20)})
    with pytest.raises(Bomb, match="more than 10 files"):
        list(members(str(tmp_path / "many.tar.gz")))


def test_links_out_of_a_folder_are_not_followed(tmp_path):
    secret = tmp_path / "secret.py"
    secret.write_text("password = 1")
    repo = tmp_path / "repo"
    (repo / ".git").mkdir(parents=True)
    (repo / ".git" / "config").write_text("x")
    (repo / "link.py").symlink_to(secret)
    (repo / "folder").symlink_to(tmp_path)
    (repo / "a.py").write_text(PYTHON)
    found = {member.path: member.skipped for member in members(str(repo))}
    assert found == {"a.py": None, "link.py": "link"}


def _licence(files: dict[str, str], path: str) -> str | None:
    found = [Member(name, text.encode()) for name, text in files.items()]
    detector = Detector()
    return licence_of(next(m for m in found if m.path == path), survey(found, detector), detector)[0]


def test_whose_licence_counts():
    files = {
        "LICENSE": MIT,
        "package.json": json.dumps({"license": "GPL-3.0-only"}),
        "a.py": PYTHON,
        "own.py": "# SPDX-License-Identifier: Apache-2.0\n" + PYTHON,
        "sub/package.json": json.dumps({"license": "ISC"}),
        "sub/deep/b.py": PYTHON,
    }
    assert _licence(files, "a.py") == "MIT AND GPL-3.0-only"  # they contradict each other: the stricter decides
    assert _licence({"LICENSE": MIT, "package.json": '{"license": "MIT"}', "a.py": PYTHON}, "a.py") == "MIT"
    assert _licence(files, "own.py") == "Apache-2.0"
    assert _licence(files, "sub/deep/b.py") == "ISC"
    assert _licence({"a.py": PYTHON}, "a.py") is None
    prose = "Modules under GPL are rare: use a permissive license such as the MIT license.\n"
    files = {"package.json": '{"license": "GPL-2.0-only"}', "README.md": prose}
    assert "GPL-2.0-only" in (_licence(files, "README.md") or "").split(" AND ")


def test_metadata_made_up_for_a_test_does_not_beat_the_licence_above():
    root = {
        "LICENSE": MIT,
        "tests/a.py": PYTHON,
        "tests/data/pkg/b.py": PYTHON,
        "tests/PKG-INFO": "Name: x\nLicense: BSD\n",
    }
    assert _licence(root, "tests/a.py") == "MIT"
    stricter = {**root, "tests/data/pkg/package.json": '{"license": "GPL-3.0-only"}'}
    assert _licence(stricter, "tests/data/pkg/b.py") == "MIT AND GPL-3.0-only"
    assert _licence(stricter, "tests/a.py") == "MIT"
    alone = {name: text for name, text in root.items() if name != "LICENSE"}
    assert _licence(alone, "tests/a.py") == "LicenseRef-unknown"
    with_text = {**root, "tests/LICENSE": MIT.replace("MIT License", "") + "\nEvaluation only.\n"}
    assert "LicenseRef-unknown" in (_licence(with_text, "tests/a.py") or "")


def test_a_page_of_a_manual_is_no_licence_file():
    page = "How to state a license\n\n" + "Write ``license = MIT`` or GPL-3.0-or-later, licensed under the GPL.\n" * 40
    files = {"LICENSE": MIT, "docs/guide/license_migration.rst": page, "docs/guide/conf.py": PYTHON}
    assert _licence(files, "docs/guide/conf.py") == "MIT"
    files["docs/guide/license.rst"] = "MPL-2.0\n\n" + MIT
    assert "MPL-2.0" in (_licence(files, "docs/guide/conf.py") or "")
    files = {
        "LICENSE": MIT,
        "docs/license_notice.md": "For evaluation only, all rights reserved.\n" + page,
        "docs/a.py": PYTHON,
    }
    assert "LicenseRef-unknown" in (_licence(files, "docs/a.py") or "")


def test_a_long_licence_file_is_read_whole():
    from curate.code.spdx import plain
    from curate.code.texts import spdx_data

    text = next(
        plain(r["template"]) for r in spdx_data()["texts"] if "Apache-2.0" in r["ids"] and r["kind"] == "license"
    )
    assert len(text) > 8_000
    assert _licence({"LICENSE": text}, "LICENSE") == "Apache-2.0"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("pyproject.toml", '[project]\nlicense = "MIT OR Apache-2.0"', "MIT OR Apache-2.0"),
        ("pyproject.toml", '[project]\nlicense = {text = "ISC"}', "ISC"),
        ("pyproject.toml", '[project]\nclassifiers = ["License :: OSI Approved :: MIT License"]', "MIT"),
        ("pyproject.toml", "not [ toml", None),
        ("PKG-INFO", "Metadata-Version: 2.1\nName: x\nLicense-Expression: BSD-3-Clause\n", "BSD-3-Clause"),
        ("PKG-INFO", "Metadata-Version: 2.1\nName: x\nLicense: UNKNOWN\n", None),
        ("package.json", '{"licenses": [{"type": "MIT"}]}', "MIT"),
        ("package.json", '{"license": "SEE LICENSE IN FILE"}', "LicenseRef-unknown"),
        ("package.json", "[" * 5000, None),
        ("Cargo.toml", '[package]\nlicense = "MIT/Apache-2.0"', "MIT OR Apache-2.0"),
        ("pom.xml", "<licenses><license><name>Apache-2.0</name></license></licenses>", "Apache-2.0"),
    ],
)
def test_what_metadata_states(name, text, expected):
    from curate.code.metadata import stated

    found = stated(name, text.encode())
    assert (found.expression if found else None) == expected


@pytest.mark.engine
def test_from_archives_to_a_corpus(tmp_path):
    body = "".join(f"def f{i}(value):\n    return value * {i} + len(str(value))\n\n\n" for i in range(30))
    other = body.replace("value", "number").replace("len", "abs")
    tar(
        tmp_path / "good-1.0.tar.gz",
        {"good/LICENSE": MIT, "good/a.py": body, "good/copy.py": body, "good/x.png": "\x00\x01"},
    )
    tar(tmp_path / "none-1.0.tar.gz", {"none/b.py": other})
    (tmp_path / "broken-1.0.tar.gz").write_bytes((tmp_path / "good-1.0.tar.gz").read_bytes()[:200])
    done = CliRunner().invoke(
        group, ["code", "--input", str(tmp_path / "*.tar.gz"), "--output", str(tmp_path / "out"), "--quiet", "--json"]
    )
    assert done.exit_code == 0, done.output
    ledger = json.loads(done.stdout)
    assert ledger["kept"] == 1
    assert ledger["rejected"]["AllowedLicense.no_evidence"] == 1
    assert ledger["rejected"]["Exact.duplicate"] == 1
    assert ledger["failed"] == {"archive_damaged": 1}
    rows = list(csv.DictReader((tmp_path / "out" / "LICENSES.csv").open()))
    assert [(row["repository"], row["license"], row["files"]) for row in rows] == [("good-1.0", "MIT", "1")]


def test_repositories_of_one_name_with_other_licences(tmp_path):
    """The same file under two licences is two documents: that without one must not take the place of that with one."""
    import pyarrow.parquet as pq

    from curate.code.source import run
    from curate.read.source import FileTask

    found = []
    for folder, licence in (("a", ""), ("b", MIT)):
        files = {"utils/add.py": PYTHON, **({"utils/LICENSE": licence} if licence else {})}
        (tmp_path / folder).mkdir()
        path = str(tar(tmp_path / folder / "utils.tar.gz", files))
        run(FileTask(name="0", file=path, source="code", out=str(tmp_path / folder / "out.parquet")))
        found += pq.read_table(tmp_path / folder / "out.parquet").select(["repo", "license", "id"]).to_pylist()
    assert [(row["repo"], row["license"]) for row in found] == [("utils", None), ("utils", "MIT")]
    assert found[0]["id"] != found[1]["id"]


OPEN_CORE = (
    'Portions of this software are licensed as follows:\n\n* All content that resides under the "ee/" directory of this repository, if that '
    'directory exists, is licensed under the license defined in "ee/LICENSE".\n* Content outside of the above mentioned directories or '
    'restrictions above is available under the "MIT Expat" license as defined below.\n\n'
)


def test_a_folder_that_the_licence_does_not_hold_for():
    files = {"LICENSE": OPEN_CORE + MIT, "src/a.py": PYTHON, "ee/b.py": PYTHON, "ee/deep/c.py": PYTHON}
    assert _licence(files, "src/a.py") == "MIT"
    assert _licence(files, "ee/b.py") == _licence(files, "ee/deep/c.py") == "LicenseRef-unknown"
    files["ee/LICENSE"] = "MPL-2.0\n"
    assert _licence(files, "ee/deep/c.py") == "MPL-2.0"
    both = {
        "LICENSE": "Everything outside `enterprise/` is available under the MIT License.\n\n" + MIT,
        "enterprise/a.py": PYTHON,
        "b.py": PYTHON,
    }
    assert _licence(both, "b.py") == "MIT"
    assert _licence(both, "enterprise/a.py") == "LicenseRef-unknown"


@pytest.mark.parametrize(
    "folder", ["vendor/x", "extern", "third-party/x", "deps/x", "Pods/X", "a/_vendor/x", "site-packages/x", "Godeps/x"]
)
def test_the_root_says_nothing_of_vendored_folders(folder):
    files = {"LICENSE": MIT, f"{folder}/a.py": PYTHON}
    assert _licence(files, f"{folder}/a.py") is None
    files[f"{folder}/LICENSE"] = "GPL-3.0-only\n"
    assert _licence(files, f"{folder}/a.py") == "GPL-3.0-only"


GO = "// Use of this source code is governed by a BSD-style\n// license that can be found in the LICENSE file.\npackage x\n"


def test_a_pointer_is_what_it_points_to():
    assert "LicenseRef-unknown" in (_licence({"x.go": GO}, "x.go") or "")
    assert "MPL-2.0" in (_licence({"LICENSE": "MPL-2.0\n", "x.go": GO}, "x.go") or "")
    proprietary = {"LICENSE": "Proprietary. You may not copy this software.\n", "x.go": GO}
    assert "LicenseRef-unknown" in (_licence(proprietary, "x.go") or "")
    said = _licence({"LICENSE": MIT, "a/x.go": GO}, "a/x.go")
    assert said == "BSD-3-Clause AND MIT"


def test_licences_of_fonts_say_nothing_of_code():
    files = {"LICENSE": MIT, "LICENSE-fonts.txt": "SIL Open Font License 1.1\n", "a.py": PYTHON}
    assert _licence(files, "a.py") == "MIT"


@pytest.mark.parametrize(
    ("files", "path"),
    [
        ({"package.json": '{"name": "a", "license": "(OFL-1.1 AND MIT)"}', "scss/a.scss": ".a { color: red; }\n"}, "scss/a.scss"),
        ({"LICENSE": MIT, "NOTICE": f"Frob includes code adapted from Baz.\n\nBaz License\n===========\n\n{MIT.split(chr(10), 2)[2]}", "a.py": PYTHON}, "a.py"),
        ({"LICENSE": MIT, "README.md": "# License\n\nMIT. All licenses allow for non-commercial and commercial use.\n", "a.py": PYTHON}, "a.py"),
    ],
    ids=["fonts in metadata", "a notice of what is included", "all uses"],
)  # fmt: skip
def test_honest_packages_are_kept(files, path):
    members = [Member(name, text.encode()) for name, text in files.items()]
    detector = Detector()
    member = next(m for m in members if m.path == path)
    expression, _ = licence_of(member, survey(members, detector), detector)
    assert is_allowed(expression, allow_list("permissive"))


LISTS = (
    "The following files are derived from Stackless Frob and are subject to the\nsame license as Stackless Frob:\n\n\tsrc/frob/select.h\n"
    "\tfiles in src/frob/platform/ directory\n\nSee LICENSE.PSF and http://www.example.org/ for details.\n\n"
)


def _kept(files: dict[str, str]) -> set[str]:
    allowed = allow_list("permissive")
    return {path for path in files if path.endswith((".c", ".h")) and is_allowed(_licence(files, path), allowed)}


def test_files_that_a_licence_file_lists_as_those_of_another_project():
    sources = dict.fromkeys(("a.c", "src/frob/select.h", "src/frob/platform/b.h", "src/frob/c.h"), "int a;\n")
    assert _kept({"LICENSE": LISTS + MIT, "LICENSE.PSF": MIT, **sources}) == {"a.c", "src/frob/c.h"}
    assert _kept({"LICENSE": LISTS + MIT, **sources}) == set()  # the file that it points to is not there
    other = LISTS.replace("same license as Stackless Frob", "same license as Baz")
    assert _kept({"LICENSE": other + MIT, "LICENSE.PSF": MIT, **sources}) == set()
    more = LISTS.replace("are subject to", "are, in Belgium, subject to")
    assert _kept({"LICENSE": more + MIT, "LICENSE.PSF": MIT, **sources}) == set()


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("backport from python3 Lib/test/support.py", {"a.c", "own.c"}),
        ("backport from python3 Lib/test/support.py, for schools", set()),
        ("Not for sale.", set()),
    ],
)
def test_a_notice_says_under_its_path_where_a_file_is_from(said, kept):
    own = "/* This file is part of frob released under the MIT license.\n * See the NOTICE for more information. */\nint a;\n"
    files = {
        "LICENSE": MIT,
        "NOTICE": f"Frob is released under the MIT license.\n\nutil/unlink.c\n-------------\n\n{said}\n",
        "own.c": own,
    }
    assert _kept({**files, "a.c": "int a;\n", "util/unlink.c": "int a;\n", "frob/util/unlink.c": own}) == kept
