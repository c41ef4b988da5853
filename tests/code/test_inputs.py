"""Debian source packages, REUSE.toml, and source files among the pages of a crawl."""

import gzip
import hashlib
import io
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from curate.code.debsource import parts, source_members
from curate.code.detect import Detector
from curate.code.members import Member
from curate.code.pages import page_language, pages, place
from curate.code.repository import licence_of, survey
from curate.code.reuse import annotations, glob_pattern
from curate.code.source import _crawl, _repository, _source_file, code_source
from curate.read.source import FileTask
from tests.linear import assert_linear

COPYRIGHT = (
    "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
    "Files: *\nCopyright: a\nLicense: Expat\n\nFiles: contrib/*\nCopyright: b\nLicense: GPL-2+\n"
)
CODE = "def add(a, b):\n    return a + b\n"


@pytest.fixture(scope="module")
def detector():
    return Detector()


def tar(path: Path, files: dict[str, str]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            item = tarfile.TarInfo(name)
            item.size = len(content)
            archive.addfile(item, io.BytesIO(content.encode()))
    return path


def dsc(folder: Path, *names: str) -> Path:
    path = folder / "pkg_1.0-1.dsc"
    path.write_text("Format: 3.0 (quilt)\nFiles:\n" + "".join(f" {'0' * 32} 10 {name}\n" for name in names))
    return path


def package(folder: Path) -> Path:
    tar(folder / "pkg_1.0.orig.tar.gz", {"pkg-1.0/a.py": CODE, "pkg-1.0/contrib/b.py": CODE, "../up.py": CODE})
    tar(folder / "pkg_1.0.orig-extra.tar.gz", {"extra-2/c.py": CODE})
    tar(folder / "pkg_1.0-1.debian.tar.gz", {"debian/copyright": COPYRIGHT, "debian/rules": "x"})
    return dsc(folder, "pkg_1.0.orig.tar.gz", "pkg_1.0.orig-extra.tar.gz", "pkg_1.0-1.debian.tar.gz", "a.asc")


def task(path: Path) -> FileTask:
    return FileTask(name="0", file=str(path), source="code")


def test_a_debian_source_is_one_repository(tmp_path, detector):
    path, skipped = package(tmp_path), Counter[str]()
    rows = {row["path"]: row["license"] for row in _repository(task(path), detector, skipped)}
    assert rows == {"a.py": "MIT", "contrib/b.py": "GPL-2.0-or-later", "extra/c.py": "MIT"}
    assert skipped["unsafe_name"] == 1
    [listed] = code_source([str(path), str(tmp_path / "*.tar.gz")]).tasks  # the parts aren't read for themselves
    assert listed.file == str(path)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a\\b.tar.gz", ".."])
def test_a_dsc_that_names_files_elsewhere_is_refused(tmp_path, name):
    with pytest.raises(OSError, match="outside its folder"):
        parts(str(dsc(tmp_path, name)))


def test_a_dsc_without_its_archives_fails(tmp_path):
    with pytest.raises(OSError, match="archive"):
        list(source_members(str(dsc(tmp_path, "pkg_1.0.orig.tar.gz"))))
    with pytest.raises(OSError, match="0 files"):
        list(source_members(str(dsc(tmp_path))))


REUSE = """
version = 1
[[annotations]]
path = "**"
SPDX-License-Identifier = "MIT"
[[annotations]]
path = ["vendor/*.py", "data/**"]
precedence = "override"
SPDX-License-Identifier = "GPL-3.0-or-later"
[[annotations]]
path = "both.py"
precedence = "aggregate"
SPDX-License-Identifier = ["Apache-2.0"]
[[annotations]]
path = "odd.py"
SPDX-License-Identifier = "no such licence"
"""


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a/b.py", CODE, "MIT"),
        ("a/b.py", "# SPDX-License-Identifier: ISC\n" + CODE, "ISC"),
        ("vendor/x.py", "# SPDX-License-Identifier: ISC\n" + CODE, "GPL-3.0-or-later"),
        ("vendor/deep/x.py", CODE, "MIT"),
        ("data/deep/x.py", CODE, "GPL-3.0-or-later"),
        ("both.py", "# SPDX-License-Identifier: ISC\n" + CODE, "ISC AND Apache-2.0"),
        ("odd.py", CODE, "LicenseRef-unknown"),
    ],
)
def test_reuse(detector, path, text, expected):
    licences = survey([Member("REUSE.toml", REUSE.encode())], detector)
    assert licence_of(Member(path, text.encode()), licences, detector)[0] == expected


def test_reuse_of_a_folder_and_an_override_above(detector):
    above = b'[[annotations]]\npath = "sub/x.py"\nprecedence = "override"\nSPDX-License-Identifier = "GPL-2.0-only"\n'
    below = b'[[annotations]]\npath = "*.py"\nSPDX-License-Identifier = "MIT"\n'
    licences = survey([Member("REUSE.toml", above), Member("sub/REUSE.toml", below)], detector)
    assert licence_of(Member("sub/x.py", CODE.encode()), licences, detector)[0] == "GPL-2.0-only"
    assert licence_of(Member("sub/y.py", CODE.encode()), licences, detector)[0] == "MIT"
    assert licence_of(Member("y.py", CODE.encode()), licences, detector)[0] is None


@pytest.mark.parametrize(
    "text",
    ["not toml [", "annotations = 3", "[[annotations]]\npath = 3\n", "a = " + "[" * 5000, "annotations = [1, 2]"],
)
def test_reuse_that_says_nothing(text):
    assert annotations(text, "REUSE.toml") == []


@pytest.mark.parametrize("glob", ["*" * 60 + "z", "*a" * 40 + "z"])
def test_a_glob_of_many_stars_is_quick(glob):
    [annotation] = annotations(f'[[annotations]]\npath = "{glob}"\nSPDX-License-Identifier = "MIT"\n', "REUSE.toml")
    assert_linear(lambda size, salt: lambda: annotation.pattern.fullmatch("a" * size), glob, 1 << 13)
    assert not annotation.pattern.fullmatch("a" * 3000)
    assert glob_pattern("a\\*b") == "a\\*b"


def response(url: str, kind: str, body: bytes, status: str = "200 OK") -> bytes:
    http = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2026-01-01T00:00:00Z\r\n"
        f"WARC-Record-ID: <urn:uuid:{hashlib.md5(url.encode()).hexdigest()}>\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + http + b"\r\n\r\n")


RAW = "https://raw.githubusercontent.com/owner/name/main/"
TAGGED = b"# SPDX-License-Identifier: MIT\n" + CODE.encode()


def crawl(path: Path) -> Path:
    records = [
        response("http://e.org/tool.py", "text/plain; charset=utf-8", TAGGED),
        response("http://e.org/x?id=3", "text/x-python", b"#!/usr/bin/env python\n" + TAGGED),
        response("http://e.org/lib/app.js", "application/javascript", b"var a = 1;\n"),
        response("http://e.org/page.html", "text/html", b"<p>page</p>"),
        response("http://e.org/notes.md", "text/plain", b"# notes"),
        response("http://e.org/gone.py", "text/plain", TAGGED, "404 Not Found"),
        response("http://e.org/%2e%2e/%2e%2e/up.py", "text/x-python", TAGGED),
        response("http://e.org/bin.py", "text/x-python", b"\x00\x01\x02"),
        response(RAW + "src/a.py", "text/plain", CODE.encode()),
        response(RAW + "LICENSE", "text/plain", b"This project is licensed under the Apache License, Version 2.0\n"),
        response("http://e.org/LICENSE", "text/plain", b"This project is licensed under the MIT license.\n"),
    ]
    path.write_bytes(b"".join(records) + b"\x1f\x8b\x08 broken")
    return path


def test_source_files_of_a_crawl(tmp_path, detector):
    skipped = Counter[str]()
    rows = list(_crawl(task(crawl(tmp_path / "c.warc.gz")), detector, skipped))
    assert {(row["repo"], row["path"]): row["license"] for row in rows} == {
        ("e.org", "tool.py"): "MIT",
        ("e.org", "x"): "MIT",
        ("e.org", "lib/app.js"): None,
        ("raw.githubusercontent.com/owner/name", "src/a.py"): "Apache-2.0",
    }
    assert skipped["unsafe_name"] == 1
    assert skipped["binary"] == 1
    assert skipped["damaged"] == 1
    assert len(rows) + sum(skipped.values()) == len(list(pages(str(tmp_path / "c.warc.gz"))))


def test_a_byte_order_mark_is_no_text():
    found = _source_file(Member("a.py", b"\xef\xbb\xbfprint(1)\n"), Counter())
    assert found is not None
    assert found.text == "print(1)\n"


@pytest.mark.parametrize("url", ["", "http://[bad", "http://e.org", "http://e.org/a%00b.py", "x" * 9000])
def test_odd_addresses_have_no_safe_name_or_no_host(url):
    repo, path, shared = place(url)
    assert not shared
    assert not path or not repo


def test_documents_are_no_source_files():
    assert page_language("readme.md", b"") is None
    assert page_language("a.py", b"") == "python"
