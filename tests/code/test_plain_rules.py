"""Small rules of the code room against plain statements of them: globs and synopses (DEP-5, REUSE 3.3), expressions (SPDX), what
metadata states, names of files, entries of git, comment marks, scopes, titles, the XML of the license list."""

import itertools
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.code import arrays, comments, debian, evidence, git, marks, metadata, reuse, scopes, spdx, strangers, titles
from curate.code.debsource import parts
from curate.code.dedication import dedicates
from curate.code.heads import Program
from curate.code.languages import language_of
from curate.code.names import PROPRIETARY, UNKNOWN
from curate.code.terms import sets_terms
from curate.code.values import names_in

GLOBS = st.text("a/*?\\.\n", max_size=7)
NAMES = st.text("a/*?\\.\n", max_size=7)


def matches(glob: str, name: str, kinds: dict[str, str]) -> bool:
    """Whether a glob is all of a name, by trying: `kinds` gives for a sign what it may not stand for, many of it."""
    if not glob:
        return not name
    if glob[0] == "\\" and len(glob) > 1:
        return name[:1] == glob[1] and matches(glob[2:], name[1:], kinds)
    if glob[0] == "?" and "?" in kinds:
        return bool(name) and matches(glob[1:], name[1:], kinds)
    sign = next((sign for sign in sorted(kinds, key=len, reverse=True) if sign != "?" and glob.startswith(sign)), "")
    if sign:
        starts = (n for n in range(len(name) + 1) if not set(name[:n]) & set(kinds[sign]))
        return any(matches(glob[len(sign) :], name[n:], kinds) for n in starts)
    return name[:1] == glob[0] and matches(glob[1:], name[1:], kinds)


@given(GLOBS, NAMES)
def test_globs_of_debian(glob: str, name: str) -> None:
    pattern = strangers.any_of([debian.glob_pattern(glob)])
    assert pattern is not None
    assert bool(pattern.fullmatch(name)) == matches(glob.removeprefix("./"), name, {"*": "", "?": ""})


@given(GLOBS, NAMES)
def test_globs_of_reuse(glob: str, name: str) -> None:
    pattern = strangers.any_of([reuse.glob_pattern(glob)])
    assert pattern is not None
    assert bool(pattern.fullmatch(name)) == matches(glob, name, {"*": "/", "**": ""})


@pytest.mark.parametrize(
    ("glob", "name", "debian_s", "reuse_s"),
    [
        ("*", "a/b", True, False),
        ("**", "a/b", True, True),
        ("*.c", "x/a.c", True, False),
        ("a.c", "abc", False, False),
        ("./a", "a", True, False),
        ("a?", "ab", True, False),
        ("a?", "a?", True, True),
        (r"\*", "*", True, True),
        (r"\*", "a", False, False),
        (r"\?", "a", False, False),
        ("a/**", "a", False, False),
        ("*", "a\nb", True, True),
        ("**", "a\n/b", True, True),
    ],
)
def test_one_glob_in_both(glob: str, name: str, debian_s: bool, reuse_s: bool) -> None:
    found = [strangers.any_of([kind.glob_pattern(glob)]).fullmatch(name) for kind in (debian, reuse)]  # type: ignore[union-attr]
    assert [bool(one) for one in found] == [debian_s, reuse_s]


def test_patterns_at_their_limits() -> None:
    most, wildcards = strangers.MAX_PATTERN, strangers.MAX_WILDCARDS
    assert strangers.any_of(["a" * most]) is not None
    assert strangers.any_of(["a" * (most + 1)]) is None
    assert strangers.any_of(["x"] * 3).fullmatch("x") is not None  # type: ignore[union-attr]
    assert strangers.any_of(["a" * (most // 2)] * 2) is None, "what stands between them counts"
    assert strangers.any_of(["a[^/]*"] * wildcards) is not None
    assert strangers.any_of(["a[^/]*"] * (wildcards + 1)) is None
    assert strangers.any_of([r"a\."] * (wildcards + 1)) is not None, "a full stop stands for itself"


ANNOTATIONS = """
[[annotations]]
path = ["a/*", "b"]
SPDX-License-Identifier = ["MIT", "ISC"]

[[annotations]]
path = "a/x"
precedence = "override"
SPDX-License-Identifier = "MIT OR ISC"

[[annotations]]
path = "a/y"
precedence = "odd"
SPDX-License-Identifier = "no licence of the list"

[[annotations]]
path = "a/z"
SPDX-FileCopyrightText = "2020 A"
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("b", ("MIT AND ISC", "closest", 1.0)),
        ("a/q", ("MIT AND ISC", "closest", 1.0)),
        ("a/x", ("MIT OR ISC", "override", 1.0)),
        ("a/y", (UNKNOWN, "closest", 0.5)),
        ("a/z", ("MIT AND ISC", "closest", 1.0)),
        ("c", None),
    ],
)
def test_the_last_annotation_that_matches_holds(path: str, expected: tuple[str, str, float] | None) -> None:
    found = reuse.annotation_for(reuse.annotations(ANNOTATIONS, "REUSE.toml"), path)
    assert (found and (found.evidence.expression, found.precedence, found.evidence.score)) == expected


@pytest.mark.parametrize(
    ("synopsis", "expression"),
    [
        ("Expat or BSD-3-clause and GPL-2", "MIT OR (BSD-3-Clause AND GPL-2.0-only)"),
        ("Expat or BSD-3-clause, and GPL-2", "(MIT OR BSD-3-Clause) AND GPL-2.0-only"),
        ("GPL-2, and Expat or ISC", "GPL-2.0-only AND (MIT OR ISC)"),
        ("Expat and ISC, or Zlib", "(MIT AND ISC) OR Zlib"),
        ("Expat, BSD-3-clause, and ISC", "MIT AND BSD-3-Clause AND ISC"),
        ("Expat, and Expat", "MIT"),
        ("GPL-2 | Expat", "GPL-2.0-only OR MIT"),
        ("Perl and Expat", "(Artistic-1.0-Perl OR GPL-1.0-or-later) AND MIT"),
        ("Expat or own", "MIT OR LicenseRef-unknown"),
        ("expat", "MIT"),
        ("GPL", "GPL-1.0-or-later"),
        ("LGPL", "LGPL-2.0-or-later"),
        ("GPL-2", "GPL-2.0-only"),
        ("GPL-2+", "GPL-2.0-or-later"),
        ("GPL-3.0+", "GPL-3.0-or-later"),
        ("LGPL-2.1", "LGPL-2.1-only"),
        ("agpl-3", "AGPL-3.0-only"),
        ("GFDL-1.3+", "GFDL-1.3-or-later"),
        ("GPL-2+ with OpenSSL exception", UNKNOWN),
        ("", UNKNOWN),
        (", and", UNKNOWN),
    ],
)
def test_short_names_of_debian(synopsis: str, expression: str) -> None:
    """`and` before `or`, and a comma before `and` the other way round (section "Disjunction and conjunction" of the format)."""
    assert debian.short_name(synopsis) == expression


def test_only_names_that_the_format_has_not_are_read_by_their_text() -> None:
    asked: list[str] = []

    def by_text(name: str) -> str | None:
        asked.append(name)
        return "ISC" if name == "own" else None

    assert debian.short_name("Expat or own, and other", by_text) == f"(MIT OR ISC) AND {UNKNOWN}"
    assert asked == ["own", "other"]


COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: 2020 A
License: own

Files: b c/*, d
License: Own
 first text
 .
 end

Files: e
Copyright: without a licence

License: own
 other text
"""


def test_paragraphs_of_debian() -> None:
    read: list[str] = []
    found = debian.paragraphs(
        COPYRIGHT.replace("\n", "\r\n"), "debian/copyright", lambda text: read.append(text) or "ISC"
    )
    assert [one.globs for one in found] == [("*",), ("b", "c/*", "d")]
    assert read == ["first text\n\nend", "first text\n\nend"], (
        "the first text under a name, a full stop as a blank line"
    )
    assert [one.evidence.score for one in found] == [1.0, 1.0]
    assert debian.evidence_for(found, "c/d/e") == found[1].evidence
    assert debian.evidence_for(found[1:], "a") is None
    unread = debian.paragraphs(COPYRIGHT, "debian/copyright")
    assert [(one.evidence.expression, one.evidence.score) for one in unread] == [(UNKNOWN, 0.5)] * 2
    assert debian.is_copyright("x/debian/copyright", COPYRIGHT)
    assert not debian.is_copyright("x/copyright", COPYRIGHT)
    assert not debian.is_copyright("debian/copyright", "\n" * 2000 + COPYRIGHT)


PLAIN = st.sampled_from(["MIT", "ISC", "Zlib", "GPL-2.0-only", "GPL-2.0-only WITH Classpath-exception-2.0"])
EXPRESSIONS = st.recursive(
    PLAIN,
    lambda inner: st.tuples(inner, st.sampled_from([" AND ", " OR "]), inner).map(
        lambda t: t[1].join(f"({e})" if " AND " in e or " OR " in e else e for e in (t[0], t[2]))
    ),
    max_leaves=4,
)


def holds(expression: str, given_: frozenset[str]) -> bool:
    """Whether an expression allows with the licences of a set, by reading it as Python."""
    for name in sorted({"MIT", "ISC", "Zlib", "GPL-2.0-only", "GPL-2.0-only WITH Classpath-exception-2.0"}, key=len)[
        ::-1
    ]:
        expression = expression.replace(name, str(name in given_))
    return bool(eval(expression.replace(" AND ", " and ").replace(" OR ", " or ")))


@given(st.lists(EXPRESSIONS, max_size=4), st.frozensets(PLAIN))
def test_all_of_several_and_one_of_several(several: list[str], given_: frozenset[str]) -> None:
    both, one = evidence.conjunction(several), evidence.choice(several)
    if not several:
        assert (both, one) == (None, None)
        return
    assert both is not None
    assert one is not None
    assert holds(both, given_) == all(holds(e, given_) for e in several)
    assert holds(one, given_) == any(holds(e, given_) for e in several)
    assert evidence.ids(both) == frozenset().union(*(evidence.ids(e) for e in several))
    assert holds(evidence.canonical(both) or "", given_) == holds(both, given_)
    assert evidence.conjunction([*several, *several, ""]) == both, "no repetition"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("mit", "MIT"),
        ("MIT or gpl-2.0-ONLY", "MIT OR GPL-2.0-only"),
        ("BSD-2-Clause-NetBSD", "BSD-2-Clause"),
        ("GPL-2.0+", "GPL-2.0-or-later"),
        ("MIT AND nonsense", f"MIT AND {UNKNOWN}"),
        ("LicenseRef-mine", "LicenseRef-mine"),
        ("MIT AND", None),
        ("(MIT", None),
        ("", None),
        (" OR ".join(["MIT"] * 1000), None),
    ],
)
def test_expressions_in_their_own_spelling(written: str, expected: str | None) -> None:
    assert evidence.canonical(written) == expected


def test_ids_and_the_column_of_evidence() -> None:
    assert evidence.choice(["A AND B", "C"]) == "(A AND B) OR C"
    assert evidence.ids(None) == evidence.ids("") == frozenset()
    assert evidence.ids("(A OR B WITH x) AND A") == {"A", "B WITH x"}
    signs = [evidence.Evidence("MIT", "mention", f"\u00e9:{n}", "", 1.0) for n in range(evidence.MAX_EVIDENCE + 1)]
    shown = json.loads(evidence.to_json(signs))
    assert len(shown) == evidence.MAX_EVIDENCE
    assert shown[-1]["where"] == f"\u00e9:{evidence.MAX_EVIDENCE - 1}"
    assert "\u00e9" in evidence.to_json(signs[:1])


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a/pyproject.toml", '[project]\nlicense = "MIT"\nclassifiers = ["License :: OSI Approved :: ISC License (ISCL)"]', "MIT"),
        ("pyproject.toml", '[project]\nlicense = {text = "ISC"}', "ISC"),
        ("pyproject.toml", '[project]\nlicense = {file = "LICENSE"}', None),
        ("pyproject.toml", '[project]\nclassifiers = ["License :: OSI Approved", "License :: OSI Approved :: MIT License"]', "MIT"),
        ("pyproject.toml", '[project]\nclassifiers = ["License :: OSI Approved"]', None),
        ("pyproject.toml", '[tool.x]\nlicense = "MIT"', None),
        ("setup.cfg", "[metadata]\nlicense = MIT\n", "MIT"),
        ("setup.cfg", "[options]\nlicense = MIT\n", None),
        ("setup.cfg", "[metadata]\nclassifiers =\n    License :: OSI Approved :: MIT License\n    X :: y\n", "MIT"),
        ("setup.py", "setup(license='MIT')", "MIT"),
        ("setup.py", "license='MIT'", None),
        ("setup.py", "setup(my.license='MIT')", None),
        ("setup.py", "setup(classifiers=['License :: OSI Approved :: MIT License'])", "MIT"),
        ("PKG-INFO", "License: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License\n\n", "MIT"),
        ("METADATA", "License: ISC\nLicense-Expression: MIT\n\n", "MIT"),
        ("METADATA", f"License: {'x' * 300}\nClassifier: License :: OSI Approved :: MIT License\n\n", "MIT"),
        ("package.json", '{"license": "MIT", "licenses": ["ISC"]}', "MIT"),
        ("package.json", '{"licenses": [{"type": "MIT"}, {"type": "ISC"}]}', "MIT AND ISC"),
        ("package.json", '{"licenses": {"type": "ISC"}}', "ISC"),
        ("package.json", '{"license": "UNLICENSED"}', PROPRIETARY),
        ("package.json", '{"license": " "}', None),
        ("package.json", "[]", None),
        ("Cargo.toml", '[package]\nlicense = "MIT/Apache-2.0"', "MIT OR Apache-2.0"),
        ("Cargo.toml", "[package]\nlicense = 3", None),
        ("pom.xml", "<licenses><license>\n<name>MIT License</name></license><license><name>ISC</name></license>", "MIT AND ISC"),
        ("pom.xml", "<name>MIT License</name>", None),
    ],
)  # fmt: skip
def test_what_metadata_states(path: str, text: str, expected: str | None) -> None:
    assert metadata.is_metadata(path)
    found = metadata.stated(path, text.encode())
    assert (found and found.expression) == expected
    assert found is None or found.score == (0.5 if UNKNOWN in found.expression else 1.0)
    assert not metadata.is_metadata(f"{path}.old")


HASH = "0123456789" * 4


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"HEAD": HASH}, HASH),
        ({"HEAD": "ref: refs/heads/a\n", "refs/heads/a": f"{HASH}\n", "packed-refs": f"{'f' * 40} refs/heads/a\n"}, HASH),
        ({"HEAD": "ref: refs/heads/a\n", "packed-refs": f"# pack\n{'f' * 40} refs/heads/aa\n{'e' * 40} x/refs/heads/a\n{HASH} refs/heads/a\n"}, HASH),
        ({"HEAD": "ref: refs/heads/a\n", "packed-refs": f"{HASH} refs/heads/b\n"}, None),
        ({"HEAD": "ref: refs/heads/a\n"}, None),
        ({"HEAD": "ref: refs/../a\n", "a": HASH, "refs/b": HASH}, None),
        ({"HEAD": HASH.upper().replace("0", "A")}, None),
        ({"HEAD": HASH + "0"}, None),
        ({"HEAD": HASH, "objects/info/alternates": "/x"}, None),
    ],
)  # fmt: skip
def test_the_commit_that_head_names(tmp_path: Path, files: dict[str, str], expected: str | None) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    if expected is None:
        with pytest.raises(OSError, match=r"HEAD|commit|alternates"):
            git.head_of(str(tmp_path))
    else:
        assert git.head_of(str(tmp_path)) == expected


def test_what_is_bare(tmp_path: Path) -> None:
    made = ("HEAD", "objects", "refs", "packed-refs")
    for n, some in enumerate(s for k in range(5) for s in itertools.combinations(made, k)):
        folder = tmp_path / str(n)
        folder.mkdir()
        for name in some:
            (folder / name).touch() if name in ("HEAD", "packed-refs") else (folder / name).mkdir()
        assert git.is_bare(str(folder)) == ({"HEAD", "objects"} < set(some)), some


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (b"100644 blob abc     12\ta b\tc", ("100644", "abc", 12, "a b\tc")),
        (b"160000 commit abc       -\tsub", ("160000", "abc", 0, "sub")),
        (b"100755 blob abc 0\t\xff", ("100755", "abc", 0, "\\xff")),
    ],
)
def test_entries_of_a_tree(row: bytes, expected: tuple[str, str, int, str]) -> None:
    assert tuple(git._entry(row)) == expected
    with pytest.raises(OSError, match="listing"):
        git._entry(row.replace(b" ", b"", 1))


@pytest.mark.parametrize(
    ("path", "data", "expected"),
    [
        ("Makefile.py", b"", "python"),
        ("x/GNUmakefile", b"", "makefile"),
        ("CMakeLists.txt", b"", "cmake"),
        ("a.py.txt", b"", None),
        ("a.h", b"\n" * 19_990 + b"std::a", "c++"),
        ("a.h", b"\n" * 20_000 + b"std::a", "c"),
        ("a.js", b"#!/usr/bin/python\n", "javascript"),
        ("run", b"#!/bin/sh\n", "shell"),
        ("run", b"#!/usr/bin/zsh\n", "shell"),
        ("run", b"#! /usr/bin/perl5.30 -w\n", "perl"),
        ("run", b"#!/usr/bin/Rscript\n", "r"),
        ("run", b" #!/bin/sh\n", None),
    ],
)
def test_languages_by_name_then_ending_then_first_line(path: str, data: bytes, expected: str | None) -> None:
    assert language_of(path, data) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("## a", "   a"), ("##! a", "    a"), ("// a", "   a"), ("///! a", "     a"), ("/*** a */", "     a   "),
        (" * a */", "   a   "), ("**/", "   "), ("-- a", "   a"), ("- a", "- a"), ("(* a *)", "   a   "), ("{- a -}", "   a   "),
        (":: a", "   a"), (": a", ": a"), ("dnl a", "    a"), ("dnla", "dnla"), ("dnl_", "dnl_"), ("REM a", "    a"), ("remark", "remark"),
        ("@rem a", "     a"), ('.\\" a', "    a"), ('.\\a', '.\\a'), ('""" a', "    a"), ('"" a', '"" a'), ("<!-- a -->", "     a    "), ("<!- a ->", "<!- a ->"),
        ("c a", "  a"), ("C a", "  a"), ("@c a", "   a"), ("ca", "ca"), ("b a", "b a"), ("; a", "  a"), ("%% a", "   a"), ("> ' | a", "      a"),
        ("//! # a", "      a"), ("\t# a", "\t  a"), ("x # a", "x # a"), ("a --> b", "a --> b"), ("a */ \t\r", "a    \t\r"), ("a -]", "a -]"), ("a /", "a /"),
        ("rem", "   "), ("dnl", "   "), ("c", "c"), ("", ""),
    ],
)  # fmt: skip
def test_comment_marks_as_blanks(line: str, expected: str) -> None:
    assert marks.unmarked(line.encode()).decode() == expected
    assert marks.unmarked(f"x\n{line}\ny".encode()).decode() == f"x\n{expected}\ny"


@given(st.text("#/*-!<>c dnlrem@\"'.\\\n\ta(){}:;%|", max_size=40))
def test_marks_change_no_place_and_no_other_line(text: str) -> None:
    data = text.encode()
    out = marks.unmarked(data)
    assert len(out) == len(data)
    assert all(a in (b, ord(" ")) for a, b in zip(out, data, strict=True))
    assert out == b"\n".join(marks.unmarked(line) for line in data.split(b"\n"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/* a @ c */ x", "/* a @ c "),
        ("/* x */\n@\n/* y */", "/* x */\n@\n/* y */"),
        ("# a\n# @\n# c\n\n# d\n", "# a\n# @\n# c"),
        ("x = 1\n# @\n# b\ny", "# @\n# b"),
        ("// a\n# @\n// b", "# @"),
        ("-- a\n-- @\nx", "-- a\n-- @"),
        ('x\n"""a\n\n@ b""" y', '"""a\n\n@ b'),
        ('"""a""" @ """b"""', '"""a""" @ """b"""'),
        ("a\n\nb\n@\nc\n\nd", "b\n@\nc"),
        ("{- a\n\n@ -}", "{- a\n\n@ "),
        ("<!-- a -->\n\n@\n", "@"),
        ("/* @ never ends", "/* @ never ends"),
        ("@", "@"),
    ],
)
def test_the_comment_around_a_place(text: str, expected: str) -> None:
    at = text.index("@")
    [(start, end)] = comments.comments_with(text, [(at, at + 1), (at, at + 1)])
    assert text[start:end] == expected


def test_comments_come_once_in_order_and_end() -> None:
    text = "# a\n# b\n\n/* c */\n"
    found = comments.comments_with(text, [(text.index(w), text.index(w) + 1) for w in "cba"])
    assert [text[start:end] for start, end in found] == ["# a\n# b", "/* c "]
    far = comments.FURTHEST
    long = "/*" + "x" * 2 * far + "@" + "x" * 2 * far + "*/"
    at = long.index("@")
    assert comments.comments_with(long, [(at, at + 1)]) == [(at - far, at + 1 + far)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# a\n# b\n\n# c\nx", ["# a\n# b", "# c"]),
        ("#!/bin/sh\n\n# a\nx # b", ["# a"]),
        ("// a\n# b\n", ["// a", "# b"]),
        ("<?php\n/* a */\n# b\nx\n/* c */", ["/* a */", "# b"]),
        ('"""a\n"""\n# b\nx', ['"""a\n"""', "# b"]),
        ("from __future__ import x\n'''a'''", ["'''a'''"]),
        ("package a.b;\n/* a */", ["/* a */"]),
        ("#include <a>\n/* b */", []),
        ("#define A\n// b", []),
        ("x\n# a", []),
        ("/* a", ["/* a"]),
        ("function y = f(x)\n% a\n% b\ny", ["% a\n% b"]),
        ("", []),
    ],
)
def test_comments_at_the_head(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in comments.head_comments(text)] == expected


S = scopes.Scope


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ('Content under the "enterprise/" directory is licensed under the Foo License', ([S("enterprise", "the Foo License")], None)),
        ("The ee/ directory and its contents are licensed under X", ([S("ee", "X")], None)),
        ("All files in `lib/`, and `src/b/` are licensed under X", ([S("lib", "X"), S("src/b", "X")], None)),
        ("Everything outside of ee/ and web/ is licensed under the MIT license", ([S("ee", ""), S("web", "")], " is licensed under the MIT license")),
        ("Content outside of the above mentioned directories is available under the MIT license", ([], " is available under the MIT license")),
        ("Icons: CC BY 4.0", ([], None)),
        ("Fonts are licensed under the OFL", ([], None)),
        ("Third-party components are licensed under their respective licenses", ([], None)),
        ("Documentation and source code: MIT", None),
        ("The code is nice", None),
        ("Icons: " + "x" * 593, ([], None)),
        ("Icons: " + "x" * 594, None),
    ],
)  # fmt: skip
def test_what_is_said_of_parts(sentence: str, expected: tuple[list[scopes.Scope], str | None] | None) -> None:
    found = scopes.said_of_parts(sentence)
    assert (found and tuple(found)) == expected


LISTS = "The following files are derived from Foo and are subject to the same license as Foo"


@pytest.mark.parametrize(
    ("sentence", "before", "behind", "expected"),
    [
        (LISTS, "", ":\n\n  - src/a.c\n  * `b.h`\n lib/x/ directory\nMIT License\nc.h\n", ["src/a.c", "b.h", "lib/x"]),
        (
            LISTS,
            "",
            ":\n" + "\n".join(f"f{n}.c" for n in range(100)),
            [f"f{n}.c" for n in range(2 * scopes.MOST_FILES - 1)],
        ),
        (LISTS.replace("as Foo", "as Bar"), "", ":\na.c\n", []),
        ("backport from cpython Lib/x.py", "src/y.py\n--------\n", "\n", ["src/y.py"]),
        ("backport from cpython Lib/x.py", "src/y.py\n--------\n", " and more", []),
        ("backport from cpython Lib/x.py", "no title\n--------\n", "\n", []),
    ],
)
def test_files_of_others(sentence: str, before: str, behind: str, expected: list[str]) -> None:
    assert scopes.files_of_others(sentence, before, behind) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("LICENSE-fonts", True), ("docs/LICENSE", False), ("LICENSE.docs", True), ("OFL.txt", True), ("CC-BY-4.0.txt", True), ("fontsy", False),
        ("LICENSE", False), ("LICENSE_icons.md", True), ("artifact", False),
    ],
)  # fmt: skip
def test_licence_files_of_other_things(name: str, expected: bool) -> None:
    assert scopes.is_for_other_files(name) is expected


def test_sentences_about_other_things() -> None:
    assert scopes.is_for_other_things("Docs released\n under CC-BY")
    assert scopes.is_for_other_things("All the icons are licensed under MIT")
    assert not scopes.is_for_other_things("The code and docs are licensed under MIT")
    assert not scopes.is_for_other_things("Docs are here")


@pytest.mark.parametrize(
    ("words", "behind", "expected"),
    [
        ("MIT License", "\n", None),
        ("The MIT License (MIT)", "", None),
        ("Formerly: MIT License", "", "formerly"),
        ("MIT License (from 2030)", "", "from"),
        ("Modified MIT License", "", "modified"),
        ("Modified BSD License", "", None),
        ("Foo: MIT License", "", "of 'Foo'"),
        ("MIT License, for others", "", "goes on behind the name"),
        ("Released under the former MIT License", "", None),
        ("Former MIT License" + " x" * 60, "", None),
        ("Community Edition", "\n", "of an edition"),
        ("Modified", "\n", "Modified"),
        ("Modified", " works by X", None),
    ],
)
def test_titles(words: str, behind: str, expected: str | None) -> None:
    assert titles.odd_title(words, behind, [(m.start, m.end) for m in names_in(words)]) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Companies must pay a fee.", True),
        ("Companies must pay a fee" + " again" * 36, False),
        ("Students may use it.", True),
        ("Please ask my lawyer before using it.", True),
        ("Companies.", False),
        ("The price is 5.", False),
        ("Returns the sum of the values.", False),
        ("No member function may be used here for free.", False),
    ],
)
def test_sentences_that_set_terms(said: str, expected: bool) -> None:
    assert (sets_terms(said, Program("")) is not None) is expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("This file is in the public domain.", True),
        ("Released into the\n public domain, no warranty.", True),
        ("Public domain", True),
        ("No copyright is claimed", True),
        ("Based on code that is in the public domain.", False),
        ("Portions are in the public domain.", False),
        ("The public domain is a fine thing.", False),
        ("MIT License", False),
    ],
)
def test_gifts_to_the_public_domain(said: str, expected: bool) -> None:
    assert dedicates(said) is expected


NS = f'xmlns="{spdx.NAMESPACE[1:-1]}"'


def test_templates_of_the_license_list() -> None:
    text = (
        "<text><titleText><p>Title</p></titleText><copyrightText>C</copyrightText><p>One  <alt name='x' match='a|b'>a</alt>\n two</p>"
        "<list><item><bullet>1.</bullet>three</item></list><optional>four</optional><optional></optional></text>"
    )
    body = f"<license licenseId='A' name='N'>{text}<standardLicenseHeader>Head</standardLicenseHeader></license>"
    other = body.replace("licenseId='A'", "licenseId='B' deprecatedVersion='1'").replace("license", "exception", 1)
    other = other.removesuffix("</license>") + "</exception>"
    rows = spdx.templates_of(f"<r {NS}>{body}{other}<note/><license licenseId='C'/></r>".encode())
    assert [(r["id"], r["kind"], r["deprecated"]) for r in rows] == [
        ("A", "license", False), ("A", "header", False), ("B", "exception", True), ("B", "header", True),
    ]  # fmt: skip
    template = rows[0]["template"]
    assert template[0][0] == "o"
    assert [p for p in template if p[0] == "v"] == [["v", "a|b", "a"]]
    assert spdx.plain(template).split() == ["Title", "One", "a", "two", "three", "four"]
    assert spdx.plain(template, optional=False) == "One a two\nthree"
    assert spdx.parts_of(ET.fromstring(f"<text {NS}><alt>x</alt></text>")) == [["v", ".*", "x"]]


@given(st.integers(0, 10_000))
def test_places_of_arrays(size: int) -> None:
    assert arrays._aligned(size) == next(n for n in range(size, size + arrays.ALIGN) if n % arrays.ALIGN == 0)


def test_the_parts_of_a_debian_source(tmp_path: Path) -> None:
    dsc = tmp_path / "a.dsc"
    lines = [f" {'0' * 32} 1 a.orig.tar.gz", f" {'0' * 64} 1 a.debian.tar.xz", f" {'1' * 32} 1 a.orig.tar.gz"]
    dsc.write_text("\n".join(["Files:", *lines, f" {'0' * 31} 1 short", f" {'0' * 65} 1 long"]))
    assert parts(str(dsc)) == [str(tmp_path / "a.debian.tar.xz"), str(tmp_path / "a.orig.tar.gz")]
    dsc.write_text("".join(f" {'0' * 32} 1 {n}\n" for n in range(100)))
    assert len(parts(str(dsc))) == 100
    for bad in ("".join(f" {'0' * 32} 1 {n}\n" for n in range(101)), "", f" {'0' * 32} 1 ..\n"):
        dsc.write_text(bad)
        with pytest.raises(OSError, match="dsc names"):
            parts(str(dsc))
