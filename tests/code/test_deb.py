"""Debian packages: what is read, whose licence counts, and packages made to do harm."""

import gzip
import io
import lzma
import tarfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate.code.deb import deb_members, parts
from curate.code.detect import Detector
from curate.code.members import BROKEN, Bomb, Member
from curate.code.packages import survey_of
from curate.code.repository import licence_of, survey
from curate.code.show import evidence_of
from curate.code.source import _repository, code_source
from curate.code.spdx import plain
from curate.code.texts import spdx_data
from curate.read.source import FileTask

FORMAT = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
CODE = "def add(a, b):\n    return a + b\n"
COPYRIGHT = (
    FORMAT + "Files: *\nCopyright: a\nLicense: Expat\n\nFiles: src/b.c\nCopyright: b\nLicense: Apache-2.0\n\n"
    "Files: debian/*\nCopyright: c\nLicense: GPL-2+\n"
)
PLACE = "./usr/share/doc/pkg/copyright"
CONTROL = {"./control": "Package: pkg\nVersion: 1\n", "./postinst": "#!/bin/sh\nexit 0\n"}
PACKING = {
    "": bytes,
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".xz": lzma.compress,
    ".zst": lambda data: pa.compress(data, codec="zstd", asbytes=True),
}


def tar(files: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            item = tarfile.TarInfo(name)
            item.size = len(content)
            archive.addfile(item, io.BytesIO(content.encode()))
    return out.getvalue()


def member(name: str, data: bytes, size: str | None = None, end: bytes = b"`\n") -> bytes:
    numbers = f"{'0':<12}{'0':<6}{'0':<6}{'100644':<8}{size or str(len(data)):<10}"
    return f"{name:<16}{numbers}".encode() + end + data + b"\n" * (len(data) % 2)


VERSION = member("debian-binary", b"2.0\n")


def deb(folder: Path, files: dict[str, str], packing: str = ".xz", control: dict[str, str] = CONTROL) -> str:
    path = folder / "pkg_1_all.deb"
    pack = PACKING[packing]
    path.write_bytes(
        b"!<arch>\n"
        + VERSION
        + member("control.tar" + packing, pack(tar(control)))
        + member("_gpgorigin", b"sig")
        + member("data.tar" + packing, pack(tar(files)))
    )
    return str(path)


def raw(folder: Path, *found: bytes, magic: bytes = b"!<arch>\n") -> str:
    path = folder / "raw.deb"
    path.write_bytes(magic + b"".join(found))
    return str(path)


@pytest.fixture(scope="module")
def detector():
    return Detector()


@pytest.mark.parametrize("packing", PACKING)
def test_files_of_a_package(tmp_path, packing):
    path = deb(tmp_path, {PLACE: COPYRIGHT, "./usr/lib/a.py": CODE}, packing)
    found = {item.path: item.skipped or item.data.decode() for item in deb_members(path)}
    assert found == {
        "DEBIAN/control": CONTROL["./control"],
        "DEBIAN/postinst": CONTROL["./postinst"],
        "'_gpgorigin'": "no_archive",
        PLACE.removeprefix("./"): COPYRIGHT,
        "usr/lib/a.py": CODE,
    }


def test_rows_of_a_package(tmp_path, detector):
    path, skipped = deb(tmp_path, {PLACE: COPYRIGHT, "./usr/lib/a.py": CODE, "../up.py": CODE}), Counter[str]()
    rows = {
        r["path"]: (r["repo"], r["license"])
        for r in _repository(FileTask(name="0", file=path, source="x"), detector, skipped)
    }
    assert rows == {
        "usr/lib/a.py": ("pkg_1_all", "MIT AND Apache-2.0"),
        "DEBIAN/postinst": ("pkg_1_all", "GPL-2.0-or-later"),  # of the packaging
    }
    assert skipped["unsafe_name"] == 1
    assert [task.file for task in code_source([str(tmp_path / "*.deb")]).tasks] == [path]


def licence(path: str, detector: Detector, name: str = "usr/lib/a.py") -> str | None:
    licences = survey_of(path, detector)
    [found] = [item for item in deb_members(path) if item.path == name]
    return licence_of(found, licences, detector)[0]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({PLACE: "This is free software under the MIT license."}, "MIT"),
        ({PLACE: FORMAT + "Files: debian/*\nCopyright: c\nLicense: Expat\n"}, "MIT"),
        ({PLACE: FORMAT + "Files: *\nCopyright: c\nLicense: of-its-own\n"}, "LicenseRef-unknown"),
        ({"./usr/share/doc/other/copyright": COPYRIGHT}, None),
        ({"./DEBIAN/control": "Package: other\n", "./usr/share/doc/other/copyright": COPYRIGHT}, None),
        ({PLACE: COPYRIGHT, "./usr/lib/LICENSE": "This is free software under the ISC license."}, "ISC"),
        ({PLACE: COPYRIGHT + "\n" + COPYRIGHT}, "MIT AND Apache-2.0"),
    ],
)
def test_the_package_s_own_copyright_file_speaks_for_it(tmp_path, detector, files, expected):
    assert licence(deb(tmp_path, {**files, "./usr/lib/a.py": CODE}), detector) == expected


@pytest.mark.parametrize("control", [{}, {"./control": "Version: 1\n"}, {"./control": "Package: ../../etc\n"}])
def test_a_package_without_a_name_has_no_copyright_file(tmp_path, detector, control):
    assert licence(deb(tmp_path, {PLACE: COPYRIGHT, "./usr/lib/a.py": CODE}, control=control), detector) is None


def test_shown(tmp_path):
    found = evidence_of(deb(tmp_path, {PLACE: COPYRIGHT}), frozenset({"MIT", "Apache-2.0"}))
    assert {entry["path"]: entry["allowed"] for entry in found} == {".": True, "DEBIAN": False}


TAR = member("control.tar", tar(CONTROL))


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ([], "no Debian package"),
        ([VERSION, TAR], "no Debian package"),
        ([TAR, TAR], "no Debian package"),
        ([VERSION, TAR, member("data.tar", b""), member("data.tar.gz", b"")], "no Debian package"),
        ([VERSION, member("data.tar", b""), TAR], "no Debian package"),
        ([VERSION, TAR, member("../data.tar", b"")], "no Debian package"),
        ([VERSION, member("control.tar", b"x", size="9999999999")], "9999999999 bytes at byte"),
        ([VERSION, member("control.tar", b"x", size="-1")], "no header"),
        ([VERSION, member("control.tar", b"x", size="1e9")], "no header"),
        ([VERSION, member("control.tar", b"x", size="²")], "no header"),
        ([VERSION, member("control.tar", b"x", end=b"xx")], "no header"),
        ([VERSION, TAR[:30]], "no header"),
        ([VERSION * 30], "more than 20 members"),
    ],
)
def test_an_archive_that_is_no_package(tmp_path, found, message):
    with pytest.raises(OSError, match=message):
        list(deb_members(raw(tmp_path, *found)))


def test_no_ar_archive(tmp_path):
    with pytest.raises(OSError, match="no ar archive"):
        list(deb_members(raw(tmp_path, VERSION, magic=b"!<arcx>\n")))


def test_names_and_kinds_that_are_refused(tmp_path):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        kinds = {"/etc/passwd": tarfile.REGTYPE, "a/../../b": tarfile.REGTYPE, "null": tarfile.CHRTYPE}
        for name, kind in {**kinds, "link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE}.items():
            item = tarfile.TarInfo(name)
            item.type, item.linkname = kind, "/etc/passwd"
            archive.addfile(item)
    found = list(deb_members(raw(tmp_path, VERSION, TAR, member("data.tar", out.getvalue()))))[2:]
    assert [item.skipped for item in found] == ["unsafe_name", "unsafe_name", "device", "link", "link"]


@pytest.mark.parametrize("packing", [".gz", ".xz", ".zst"])
def test_a_bomb_is_given_up(tmp_path, packing):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        item = tarfile.TarInfo("zeros")
        item.size = 80 << 20
        archive.addfile(item, io.BytesIO(bytes(item.size)))
    path = raw(tmp_path, VERSION, TAR, member("data.tar" + packing, PACKING[packing](out.getvalue())))
    with pytest.raises(Bomb, match="times its size"):
        list(deb_members(path))


@pytest.mark.parametrize("packing", [".gz", ".xz", ".zst", ""])
@pytest.mark.parametrize("damage", ["cut", "garbage"])
def test_damage_inside(tmp_path, packing, damage):
    files = {f"f{n}": f"{n * 7919}" * 300 for n in range(50)}
    data = PACKING[packing](tar(files))
    data = data[: len(data) // 2] if damage == "cut" else b"garbage!" * 100
    path = raw(tmp_path, VERSION, TAR, member("data.tar" + packing, data))
    with pytest.raises(BROKEN):
        list(deb_members(path))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_packages_end_in_the_known_errors(tmp_path, data):
    good = bytearray(
        Path(deb(tmp_path, {PLACE: COPYRIGHT, "./a.py": CODE}, data.draw(st.sampled_from(list(PACKING))))).read_bytes()
    )
    for _ in range(data.draw(st.integers(1, 6))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    path = raw(tmp_path, bytes(good[: data.draw(st.integers(0, len(good)))]), magic=b"")
    try:
        found = list(deb_members(path))
    except (Bomb, *BROKEN):
        return
    assert all(".." not in item.path.split("/") and not item.path.startswith("/") for item in found if not item.skipped)


@given(st.binary(max_size=400))
def test_any_bytes_behind_the_magic(data):
    blob = b"!<arch>\n" + data
    try:
        found = list(parts(io.BytesIO(blob), len(blob)))
    except OSError:
        return
    assert all(part.start + part.size <= len(blob) for part in found)


INSTALLED = "usr/lib/python3/dist-packages/frob/a.py"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (INSTALLED, "MIT"),
        ("usr/lib/python3.11/dist-packages/a.py", "MIT"),
        ("usr/lib/python3/dist-packages/frob/_vendor/a.py", None),
        ("usr/lib/python3/dist-packages/frob/dist-packages/a.py", None),
        ("opt/dist-packages/a.py", None),
    ],
)
def test_what_debian_installs_for_python_is_the_package_s_own(tmp_path, detector, name, expected):
    copyright_ = FORMAT + "Files: *\nCopyright: a\nLicense: Expat\n"
    assert licence(deb(tmp_path, {PLACE: copyright_, f"./{name}": CODE}), detector, name) == expected


def test_the_same_folder_in_a_repository_is_a_copy(detector):
    found = [Member("LICENSE", b"Under the MIT license."), Member(INSTALLED, CODE.encode())]
    assert licence_of(found[1], survey(found, detector), detector)[0] is None


def test_see_license_is_the_copyright_file_of_the_package(tmp_path, detector):
    copyright_ = FORMAT + "Files: *\nCopyright: a\nLicense: Expat\n"
    code = f"# Copyright 2020 Jane Doe\n# See LICENSE for details.\n{CODE}"
    files = {PLACE: copyright_, f"./{INSTALLED}": code}
    assert licence(deb(tmp_path, files), detector, INSTALLED) == "MIT"
    files[PLACE] = copyright_.replace("Expat", "GPL-2")
    assert "GPL-2.0-only" in (licence(deb(tmp_path, files), detector, INSTALLED) or "")
    assert licence(deb(tmp_path, {f"./{INSTALLED}": code}), detector, INSTALLED) == "LicenseRef-unknown"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("License: Frob\n\nLicense: Frob\n {}\n", "ISC"),
        ("License: Frob\n {}\n", "ISC"),
        ("License: Expat and Frob\n\nLicense: frob\n {}\n", "MIT AND ISC"),
        ("License: Frob\n\nLicense: Other\n {}\n", "LicenseRef-unknown"),
        ("License: Frob\n\nLicense: Frob\n {}\n .\n Not for schools.\n", "LicenseRef-unknown"),
        ("License: Frob with Baz exception\n\nLicense: Frob with Baz exception\n {}\n", "LicenseRef-unknown"),
    ],
)
def test_a_short_name_of_its_own_means_its_text(tmp_path, detector, said, expected):
    text = next(plain(row["template"], optional=False) for row in spdx_data()["texts"] if row["ids"] == ["ISC"])
    body = "\n ".join(line or "." for line in text.strip().split("\n"))
    copyright_ = FORMAT + "Files: *\nCopyright: a\n" + said.format(body)
    assert licence(deb(tmp_path, {PLACE: copyright_, "./usr/lib/a.py": CODE}), detector) == expected
