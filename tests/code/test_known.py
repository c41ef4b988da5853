"""Notices known word for word, texts that SPDX does not list, and the machinery that finds them."""

import random
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.code.detect import Detector
from curate.code.evidence import conjunction
from curate.code.known import Span, meets, meets_ordered
from curate.code.marks import unmarked
from curate.code.names import fast, folded, mentions
from curate.code.nearest import nearest
from curate.code.notices import without_chosen
from curate.code.phrases import found_in, phrases
from curate.code.prose import is_name
from curate.code.said import MOST_DOUBTS
from curate.code.spdx import plain
from curate.code.texts import database, hash_table, lookup, readable, spdx_data
from curate.code.tokens import words
from curate.filters.licenses import allow_list, is_allowed


@pytest.fixture(scope="module")
def detector():
    return Detector()


def found(detector, text, name="a.py"):
    return conjunction(e.expression for e in detector.detect(text.encode(), name))


def text_of(spdx_id):
    return next(
        plain(row["template"]) for row in spdx_data()["texts"] if row["ids"] == [spdx_id] and row["kind"] == "license"
    )


def allowed(expression):
    return is_allowed(expression, allow_list("permissive"))


NOTICE = (
    "# Use of this source code is governed by a BSD-style license that can be\n# found in the LICENSE file.\n"
    "import os\n"
)


def test_a_notice_known_word_for_word(detector):
    notice, pointer = detector.detect(NOTICE.encode(), "a.py")
    assert (notice.expression, notice.score) == ("BSD-3-Clause", 1.0)
    assert (pointer.kind, pointer.text) == ("pointer", "LICENSE")


def test_every_notice_is_found_in_itself():
    known = phrases()
    for expression, texts in list(database()["notices"].items())[::40]:
        for text, _ in texts[:3]:
            split = words(readable(text.encode()))
            spans = found_in(split.hashes)
            assert spans, text
            assert any(known.said(p.number)[0] == expression for p in spans) or len(spans) < len(split.hashes)


def test_a_name_that_goes_on_takes_the_place_of_a_notice(detector):
    text = (
        "# under the terms of the GNU General Public License, either version 2, or (at your option) any later version\n"
    )
    assert found(detector, text) == "GPL-2.0-or-later"


def test_a_second_licence_beside_a_tag_holds_too(detector):
    text = "/* SPDX-License-Identifier: MIT */\n\n" + text_of("BSD-4-Clause")
    assert found(detector, text, "a.c") == "MIT AND BSD-4-Clause"
    assert found(detector, "/* SPDX-License-Identifier: MIT */\n" + text_of("MIT"), "a.c") == "MIT"


def test_texts_that_spdx_does_not_list_are_denied(detector):
    rows = [row for row in database()["texts"] if row["kind"] == "license"]
    wrong = [row["ids"] for row in rows[::12] if allowed(found(detector, row["text"], "LICENSE"))]
    assert len(wrong) <= 1, wrong


@pytest.mark.parametrize(
    "added",
    [
        "Use of this code is disallowed for the user ken.",
        "Redistributions must be unmodified.",
        "You hereby grant to the author a licence to your enhancements.",
    ],
)
@pytest.mark.parametrize("licence", ["BSD-2-Clause", "MIT"])
def test_a_restriction_inside_or_after_a_text_denies(detector, licence, added):
    text = text_of(licence)
    half = text.index(". ", len(text) // 3) + 1
    assert not allowed(found(detector, f"{text[:half]}\n\n{added}\n\n{text[half:]}", "LICENSE"))


def test_no_choice_is_assumed_beside_a_licence_that_is_not_listed(detector):
    text = "Licensed under the MIT license, or alternatively the proprietary license below: all rights reserved, evaluation only.\n"
    assert not allowed(found(detector, text, "LICENSE"))


def test_what_only_speaks_of_a_licence_is_not_under_it(detector):
    history = (
        "Note: GPL-compatible doesn't mean that we're distributing Python under the GPL. All Python licenses, unlike the GPL, "
        "let you distribute a modified version without making your changes open source. The GPL-compatible licenses make it "
        "possible to combine Python with other software that is released under the GPL; the others don't.\n\n"
    )
    expression = found(detector, history + text_of("Python-2.0"), "LICENSE")
    assert "GPL" not in expression


@pytest.mark.parametrize(
    "text",
    [
        "/* a */",
        "// a",
        "#! a",
        "dnl a",
        "REM a",
        "C a",
        "<!-- a -->",
        "(* a *)",
        "{- a -}",
        " * a",
        '.\\" a',
        '""" a',
        ":: a",
    ],
)
def test_comment_marks(text):
    assert unmarked(text.encode()).split() == [b"a"]


def test_words_are_no_comment_marks():
    assert unmarked(b"remark\ncat\nc(1)\n@copy\na - b") == b"remark\ncat\nc(1)\n@copy\na - b"


@given(st.binary(max_size=300))
def test_unmarked_keeps_places(data):
    out = unmarked(data)
    assert len(out) == len(data)
    assert all(a in (b, 32) for a, b in zip(out, data, strict=True))


@settings(deadline=None)
@given(st.text(alphabet="gpl mit/or-2.0\n\t(c)é", max_size=200))
def test_the_rough_pattern_loses_nothing(text):
    pattern = fast(r"(?<!x)\bgpl\b(?! not)|mit(?= or)")
    whole = folded(text)
    assert [m.span() for m in pattern.finditer(whole)] == [m.span() for m in pattern.exact.finditer(whole.text)]


@settings(deadline=None)
@given(st.text(alphabet="us e,is ok1", max_size=80))
def test_nor_does_it_without_counts(text):
    pattern = fast(r"\bus(?:e|ing)\b[a-z ,]{0,8}(?:is|es){1,5}(?! no) (?:[a-z]{2,4} ){0,6}ok\b")
    whole = folded(text)
    assert [m.span() for m in pattern.finditer(whole)] == [m.span() for m in pattern.exact.finditer(whole.text)]


@given(st.text(alphabet="a \n\t\r", max_size=200))
def test_folded_places_lead_back(text):
    whole = folded(text)
    assert " ".join(text.split()) == " ".join(whole.text.split())
    assert all(text[whole.unfolded(n)] == c for n, c in enumerate(whole.text) if c == "a")


@given(st.lists(st.integers(1, 2**64 - 1), unique=True, max_size=50), st.lists(st.integers(1, 2**64 - 1), max_size=20))
def test_hash_tables(hashes, others):
    table = hash_table(np.array(hashes, np.uint64))
    places = {h: n for n, h in enumerate(hashes)}
    wanted = [*hashes, *others]
    assert lookup(table, np.array(wanted, np.uint64)).tolist() == [places.get(h, -1) for h in wanted]


def test_mentions_in_a_long_text_take_linear_time():
    assert len(mentions("gpl " * 20_000)) == 20_000


ZERO = (
    "Zero-Clause BSD License\n\nPermission to use, copy, modify, and/or distribute this software for any "
    "purpose with or without fee is hereby granted.\n\n"
)


def test_a_text_that_goes_on_into_another_is_two(detector):
    zero = text_of("0BSD")
    text = text_of("BSD-3-Clause") + "\n\n" + ZERO + zero[zero.index("THE SOFTWARE IS") :]
    expression = found(detector, text, "LICENSE")
    assert allowed(expression), expression
    assert "0BSD" in expression
    assert "BSD-3-Clause" in expression
    longer = text + "\n\nYou may not use the software for commercial purposes without a fee.\n"
    assert not allowed(found(detector, longer, "LICENSE"))


def _filled_in():
    text = re.sub("(?i)the university of california", "Example Laboratories", text_of("PostgreSQL"))
    return "Some Database\n\n" + text[text.index("Permission to use") :]


def test_names_and_titles_may_differ(detector):
    assert found(detector, _filled_in(), "LICENSE") == "PostgreSQL"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("for any purpose", "for academic purposes"),
        ("and without a written agreement", "and with a written agreement"),
        ("without fee", "for internal use"),
        ("copy, modify, and distribute", "copy and distribute"),
    ],
)
def test_what_is_given_may_not_differ(detector, old, new):
    changed = _filled_in().replace(old, new)
    assert changed != _filled_in()
    assert not allowed(found(detector, changed, "LICENSE"))


def test_a_disclaimer_alone_is_no_licence(detector):
    disclaimer = (
        "\n\nThis library is distributed in the hope that it will be useful, but WITHOUT ANY WARRANTY; without even the implied "
        "warranty of MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.\n"
    )
    assert not allowed(found(detector, disclaimer, "LICENSE"))
    assert not allowed(
        found(detector, text_of("BSD-2-Clause") + disclaimer, "LICENSE")
    )  # it gives nothing, and is no part


def test_what_a_text_permits_for_itself_is_no_other_licence(detector):
    text = text_of("MIT") + "\n\nPermission to copy and distribute verbatim copies of this document is granted.\n"
    assert found(detector, text, "LICENSE") == "MIT"


def test_an_unlisted_text_that_stands_there_whole_goes_before_a_listed_one(detector):
    rows = {row["ids"][0]: row["text"] for row in database()["texts"]}
    for key in ("ssleay", "twisted-snmp", "componentace-jcraft"):
        text = "Copyright (c) 2001 Some Person. All rights reserved.\n\n" + rows[f"LicenseRef-scancode-{key}"]
        assert not allowed(found(detector, text, "LICENSE")), key


def test_a_text_holds_its_own_copyright_line(detector):
    text = "Copyright (c) 1998-2024 by Jane Doe and the Example Laboratories. All rights reserved.\n\n" + text_of("MIT")
    assert found(detector, text, "LICENSE") == "MIT"
    assert not allowed(found(detector, "Unpublished, confidential.\n\n" + text_of("MIT"), "LICENSE"))


# Sentences whose words no list of the detector has: inside of a text it must not matter what they say.
ADDED = [
    "Recipients owe the author a postcard from their home town.",
    "Hospitals and police forces are denied these rights.",
    "Changes are sent back to us before they are published.",
    "It is free for hobbyists; everyone else pays.",
    "Derived programs carry the same license as this one.",
]


@pytest.mark.parametrize("added", ADDED)
@pytest.mark.parametrize("licence", ["MIT", "BSD-3-Clause", "Zlib", "Apache-2.0", "ISC"])
def test_a_sentence_inside_a_text_denies_whatever_it_says(detector, licence, added):
    text = text_of(licence)
    place = re.compile(r"\.\s").search(text, len(text) // 2).end()
    assert not allowed(found(detector, f"{text[:place]} {added} {text[place:]}", "LICENSE"))


BESIDE = [
    "Military use is forbidden.",
    "A fee of ten dollars is payable for each copy.",
    "Companies have to buy a license.",
    "Competitors of ours are not welcome to ship this.",
    "Free for hobbyists, everybody else gets in touch about pricing.",
    "This grant ends automatically one year after the download.",
    "No fossil fuel industry.",
    "We ask that you send us a postcard.",
    "本项目仅供学习交流使用，禁止用于商业用途。",
    "이 소프트웨어는 상업적으로 사용할 수 없습니다.",
    "Коммерческое использование запрещено без согласия автора.",
    "Die kommerzielle Nutzung ist untersagt.",
]
HARMLESS = [
    "The above license applies to all files in this directory.",
    "Example is a registered trademark of Example, Inc.",
    "Copyright (c) 2020 王小明 and Łukasz Żółkiewski",
    "Авторы: Иван Петров, Анна Иванова",
    "$OpenBSD: atomicio.c,v 1.10 2011/01/08 00:47:19 jeremy Exp $",
    "/usr/share/common-licenses/Apache-2.0 (on Debian systems)",
    "This library is a fork of 'better-frobs' by Kat Marchán, extended and distributed under the terms of the MIT license above.",
    "Copyright (c) 2014-present, Frob, Inc. (ONLY ./src/helpers/regenerator* files)",
    "Copyright (c) 2011-2021, Gary Roe until https://forge.example/gary/uri-js/commit/a1acf730b4",
    "Copyright npm, Inc.",
    "The following license applies to all parts of this software except as documented below:",
    "For exact contribution history, see the revision history available at https://forge.example/frob/frob",
    "Copyright (c) 2007-2014, Alexandra Roe <hello [at) alexandra (dot] example>",
    "Copyright (c) 2003, The Regents of the University of California, through Lawrence Berkeley National Laboratory (subject to receipt of"
    " any required approvals from the U.S. Dept. of Energy). All rights reserved.",
]


@pytest.mark.parametrize("added", BESIDE)
def test_a_condition_beside_a_text_denies(detector, added):
    for text in (f"{text_of('MIT')}\n\n{added}\n", f"{added}\n\n{text_of('BSD-2-Clause')}\n"):
        assert not allowed(found(detector, text, "LICENSE"))


@pytest.mark.parametrize("added", HARMLESS)
def test_what_else_stands_beside_a_text_does_not_matter(detector, added):
    for text in (f"{text_of('MIT')}\n\n{added}\n", f"{added}\n\n{text_of('BSD-2-Clause')}\n"):
        assert allowed(found(detector, text, "LICENSE"))


@pytest.mark.parametrize(
    "added",
    [
        "Thanks to all who sent patches over the years.",
        "See NOTICE for the list of third-party components.",
        "You can do whatever you like with it, and you don't have to pay us.",
        "Teachers and pupils enjoy it.",
        "Forks are unwelcome.",
        "This is a port of the Ruby library of the same name; see https://only.example/not/free.",
        "The moon is made of cheese.",
        "Only src/free/* files.",
        "to any left-handed person",
        "for Frob and friends",
        "Copyright (c) 2020 Frob, Inc. (only src/free/* files for members)",
        "Copyright (c) 2020 Frob, Inc. until 2027",
        "Copyright npm, Inc, for members",
        "$Id: free until 2027 $",
    ],
)
def test_every_other_sentence_in_a_licence_file_is_a_doubt(detector, added):
    assert not allowed(found(detector, f"{text_of('MIT')}\n\n{added}\n", "LICENSE"))


@pytest.mark.parametrize(
    ("licence", "old", "new"),
    [
        ("MIT", "associated documentation", "associated documen-\n * tation"),
        ("BSD-2-Clause", "MERCHANTABILITY", "MER-\nCHANTABILITY"),
        ("AFL-3.0", "Lawrence Rosen", "Lawrence\nRosen"),
        ("MulanPSL-2.0", "此处的控制是指有受控方", "此处的控制是\n    指有受控方"),
        ("MulanPSL-2.0", "请您补充", "1， 请您补充"),
    ],
)
def test_lines_end_anywhere(detector, licence, old, new):
    text = text_of(licence)
    assert old in text
    assert found(detector, text.replace(old, new), "LICENSE") == licence


@pytest.mark.parametrize(
    ("licence", "old", "new"),
    [
        ("MIT", "without restriction", "with-\nrestriction"),
        ("AFL-3.0", "Lawrence Rosen", "Lawrence\nRosen and no other"),
        ("MulanPSL-2.0", "不论修改与否", "不论修改\n否"),
    ],
)
def test_and_change_nothing(detector, licence, old, new):
    text = text_of(licence)
    assert old in text
    evidence = detector.detect(text.replace(old, new).encode(), "LICENSE")
    assert not allowed(conjunction(e.expression for e in evidence))
    assert not any("\ufffd" in e.text for e in evidence)  # what is shown is whole characters


def test_a_notice_of_another_author(detector):
    text = """"THE BEER-WARE LICENSE" (Revision 42):
<jane@roe.example> wrote this file. As long as you retain this notice you can do whatever you want with this stuff. If we meet
some day, and you think this stuff is worth it, you can buy me a beer in return. Jane Roe
"""
    assert found(detector, text, "LICENSE") == "Beerware"
    assert not allowed(found(detector, text.replace("you can do whatever", "members can do whatever"), "LICENSE"))


def test_names_are_names():
    assert is_name("2001 by Jane Doe and the University of Nowhere. All rights reserved")
    assert is_name("Example Laboratories, Inc. and the Board of Trustees of Nowhere")
    assert not is_name("hospitals and police forces are denied these rights")
    assert not is_name("HOSPITALS AND POLICE FORCES ARE DENIED THESE RIGHTS")
    assert not is_name("2020 Foo, for research only")


# Single changes of MIT, BSD-3-Clause, ISC and Zlib, in a licence file and in a header.
EDITS = [
    ("MIT", "without restriction", "with restriction"),
    ("MIT", "to any person obtaining", "to any individual obtaining"),
    ("MIT", "to any person obtaining", "to any person in Germany obtaining"),
    ("MIT", "in all copies or", "in all commercial copies or"),
    ("MIT", "the rights to use", "the rights to evaluate"),
    ("MIT", "use, copy, modify", "use, copy, not modify"),
    ("BSD-3-Clause", ", with or without modification, are", " are"),
    ("BSD-3-Clause", "Redistribution and use in source and binary forms", "Use in source and binary forms"),
    ("BSD-3-Clause", "are permitted provided", "are permitted for research provided"),
    ("BSD-3-Clause", "Redistribution and use", "Non-profit use"),
    ("ISC", "for any purpose", "for educational purpose"),
    ("ISC", "is hereby granted", "is hereby denied"),
    ("Zlib", "and to alter it and redistribute it freely", "and to redistribute it freely"),
    ("Zlib", "to anyone to use", "to members to use"),
]


@pytest.mark.parametrize(("licence", "old", "new"), EDITS)
def test_a_single_change_denies(detector, licence, old, new):
    text = " ".join(text_of(licence).split())
    changed = text.replace(old, new, 1)
    assert changed != text
    assert allowed(found(detector, text, "LICENSE"))
    assert not allowed(found(detector, changed, "LICENSE"))
    header = "/*\n" + re.sub(r"(.{1,70})(?: |$)", r" * \1\n", changed) + " */\nint x;\n"
    assert not allowed(found(detector, header, "a.c"))


RESTRICTED = [
    "It may be used under the terms of the MIT licence, except that it must not be used in nuclear plants.",
    "Licensed under the MIT license; large companies must buy a licence.",
    "MIT licensed. You may not use this to make money.",
    "MIT licence - hobby projects only.",
    "Licensed under the MIT License. No use by competitors of Example Inc.",
    "Free under the MIT License for users outside of Ruritania.",
    "Licensed under the MIT License until 2025, afterwards all rights are reserved.",
    "Licensed under the MIT License. Do not feed this code to machine learning.",
    "Licensed under the MIT License. Not for use in weapons.",
    "This code is under the MIT license. Military organisations may not use it.",
    "Licensed under the MIT License with the Commons Clause.",
    "Licensed under the MIT License. Resale is forbidden.",
    "Licensed under Apache 2.0 except the folder enterprise, which is proprietary.",
]


@pytest.mark.parametrize("said", RESTRICTED)
def test_a_restriction_in_one_line_denies(detector, said):
    assert not allowed(found(detector, f"/* {said} */\nint x;\n", "a.c"))


FOREIGN = [
    "// taken from https://github.com/x/y (GPL-3.0)",
    "# based on code from the foo project, GPLv2",
    '__license__ = "GPLv3"',
    "// from https://stackoverflow.com/a/123, CC BY-SA 4.0",
    "// Code from http://stackoverflow.com/questions/3561493/is-there-a-regexp-escape-function",
    "// The walk is borrowed from netstat/inet.c",
    "// Copied from frob's src/lists/walk.py",
    "// Licensed under the Confluent Community License",
    "/* Use is subject to the Functional Source License */",
    "// Released under the Sustainable Use License",
    "// Unity Companion License applies: licensed under the Unity Companion License",
    "/* For internal use only. Example Inc. confidential. */",
]


@pytest.mark.parametrize("said", FOREIGN)
@pytest.mark.parametrize("at", [0, 500_000])
def test_a_foreign_notice_anywhere_is_a_doubt(detector, said, at):
    code = "x = [1, 2, 3]\n" * 40
    text = "y = 1\n" * (at // 6) + f"{said}\n" + code
    evidence = detector.detect(text.encode(), "a.py")
    if not (at and said.startswith("/* For internal")):
        assert evidence
        assert not allowed(conjunction(e.expression for e in [*evidence])), said
    assert detector.detect(code.encode(), "a.py") == []


def test_choices_are_read_by_grammar(detector):
    assert found(detector, "/* Dual licensed under GPLv2 or MIT */\n", "a.c") == "GPL-2.0-only OR MIT"
    assert not allowed(found(detector, "/* by A. Person - MIT & GPL */\n", "a.c"))
    both = "/* Dual licensed under the MIT and GPL licenses. Both licenses apply. */\n"
    assert not allowed(found(detector, both, "a.c"))


def test_a_list_of_names_is_no_licence(detector):
    assert not allowed(found(detector, "MIT License\nApache-2.0\nBSD-3-Clause\nISC License\n", "LICENSE.txt"))


def test_the_difference_is_shown():
    text = text_of("MIT").replace("without restriction", "with restriction")
    difference = nearest(text.encode())
    assert difference is not None
    assert difference.name == "MIT"
    assert [line for line in difference.lines if "[-without-]{+with+}" in line]


def test_a_notice_before_a_choice_holds_besides(detector):
    gnu = (
        "This program is free software; you can redistribute it and/or modify it under the terms of the GNU General Public License "
        "as published by the Free Software Foundation; version 2.\n\n"
    )
    choice = "This file is licensed under either the GNU General Public License version 2 or the MIT license.\n"
    assert not allowed(found(detector, gnu + choice, "a.c"))
    assert allowed(found(detector, choice + "\n" + text_of("MIT"), "a.c"))


def test_a_gnu_notice_before_a_choice_stays_and_a_text_goes():
    choice = Span(5000, 6000, "GPL-2.0-only OR MIT", "full-text", 1.0, "", words=200)
    notice = Span(0, 900, "GPL-2.0-only", "full-text", 1.0, "", words=130)
    assert without_chosen([notice, choice]) == [notice, choice]
    assert without_chosen([notice._replace(words=2900), choice]) == [choice]
    assert without_chosen([choice, notice._replace(start=7000, end=7900)]) == [choice]


@pytest.mark.parametrize("seed", range(20))
def test_places_in_order_are_met_by_one_look(seed):
    rng = random.Random(seed)
    edges = sorted(rng.sample(range(100), 20))
    others = list(zip(edges[::2], edges[1::2], strict=True))
    for start in range(99):
        for end in range(start + 1, 100):
            assert meets_ordered((start, end), others) == meets((start, end), others)


def test_a_source_file_is_read_up_to_its_first_doubts():
    restrictions = "\n".join(
        f"# Do not redistribute part {n} without written permission.\nx = {n}\n" for n in range(50)
    )
    text = f"# SPDX-License-Identifier: MIT\n{restrictions}".encode()
    shown, every = Detector().detect(text, "a.py"), Detector(1_000).detect(text, "a.py")
    assert len(shown) < len(every)
    assert shown == every[: len(shown)]
    assert [e.kind for e in shown].count("doubt") == MOST_DOUBTS


def test_a_licence_file_is_read_whole():
    text = text_of("MIT") + "\n\n".join(f"Part {n} is for members alone." for n in range(50))
    assert Detector().detect(text.encode(), "LICENSE") == Detector(1_000).detect(text.encode(), "LICENSE")


def test_the_inside_of_a_known_text_hides_nothing_behind_it(detector):
    text = f"{text_of('MIT')}\n\nParts are under the GNU General Public License, version 2.\n\n{text_of('MIT')}"
    assert any("GPL-2.0" in e.expression for e in detector.detect(text.encode(), "LICENSE"))
