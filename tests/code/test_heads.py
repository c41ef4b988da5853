"""Sentences at the head of a source file: descriptions of its program and known forms stay, all else is a doubt."""

import pytest

from benchmarks.licenses_adversary import CODE
from curate.code.detect import Detector
from curate.code.heads import Program, unknown_in_head
from curate.code.terms import sets_terms
from tests.linear import assert_linear

SUMS = Program(CODE, "src/sums.py")
SHOP = Program(
    "class Customer:\n    def __init__(self, prices, permission):\n        self.basket = []\n", "shop/models.py"
)


@pytest.mark.parametrize(
    "said",
    [
        "Not for use in nuclear plants.",
        "Universities only.",
        "You must buy a seat if you employ over ten people.",
        "Ask Karin before shipping this.",
        "Gold members get to use this module.",
        "Vegans only.",
        "For Siemens.",
        "Good until the end of the beta.",
        "Origin unclear.",
        "Private.",
        "Viral terms apply.",
        "One machine per household.",
        "Team blue owns this.",
        "Made for Karl.",
        "Nur f\u00fcr den internen Gebrauch.",
        "\u0422\u043e\u043b\u044c\u043a\u043e \u0434\u043b\u044f \u0432\u043d\u0443\u0442\u0440\u0435\u043d\u043d\u0435\u0433\u043e \u0438\u0441\u043f\u043e\u043b\u044c\u0437\u043e\u0432\u0430\u043d\u0438\u044f.",
        "\u793e\u5916\u79d8",
    ],
    ids=str.__len__,
)
def test_what_is_no_known_kind_is_a_doubt(said):
    assert unknown_in_head(said.encode().decode("latin-1"), SUMS)


@pytest.mark.parametrize(
    "said",
    [
        "Parses the command line.",
        "This module only handles ASCII input.",
        "The caller must hold the lock.",
        "Only used by the tests.",
        "For internal use by the parser.",
        "Do not import this module directly.",
        "You must call init() first.",
        "Written by John Smith in 2004.",
        "Author: Temuri Doghonadze <temuri dot doghonadze at example dot com>",
        "author Emily Stark",
        "flake8: noqa",
        "Regression test for https://example.org/issues/4733",
        "Theory of operation",
        "See README for how to use it.",
        "Sums of rows",
        "It differs from ordinary Fortuna in a few ways, though",
    ],
)
def test_descriptions_and_known_forms_stay(said):
    assert unknown_in_head(said, SUMS) is None


def test_the_words_of_the_code_explain_its_head():
    said = "Baskets of the customers, with prices"
    assert unknown_in_head(said, SUMS)
    assert unknown_in_head(said, SHOP) is None
    assert unknown_in_head("Customers only.", SHOP)
    assert unknown_in_head("Without permission from us nobody may run it.", SHOP)


def test_only_comments_at_the_head_of_code_count():
    detector, said = Detector(), "Vegans only."
    assert detector.detect(f"# {said}\n\n{CODE}".encode(), "a.py")
    assert detector.detect(f'"""Sums of rows.\n\n{said}\n"""\n\n{CODE}'.encode(), "a.py")
    far = f'"""{"Sums of rows. " * 200}\n\n{said}\n"""\n\n{CODE}'
    assert detector.detect(far.encode(), "a.py")
    assert not detector.detect(f"{CODE}\n# {said}\n".encode(), "a.py")
    assert not detector.detect(b"# Sausages for lunch\n\nSome text.\n", "a.md")


def test_tags_of_one_word():
    detector = Detector()
    assert not detector.detect(f"/**\n * Sums of rows.\n * @private\n */\n{CODE}".encode(), "a.js")
    assert detector.detect(f"/**\n * Sums of rows.\n * Private\n */\n{CODE}".encode(), "a.js")


@pytest.mark.parametrize(
    "piece",
    ["/*", '"', '\\"', "'''", '"""\'', "a ", "fooBar "],
    ids=["block", "quote", "escaped", "three", "mixed", "words", "names"],
)
def test_names_of_code_are_found_in_linear_time(piece):
    assert_linear(lambda size, salt: lambda: Program(f"{salt} " + (piece * size)[:size]).stems, "names of code")


HEADERS = {
    "a.hs": "{-|\nModule      : Data.Rot\nDescription : Rotates words\nCopyright   : (c) Ann Lee, 2019\nLicense     : MIT\nMaintainer  : ann@example.org\nStability   : experimental\nPortability : POSIX\n\nRotates the letters of words.\n-}\nmodule Data.Rot where\n",
    "b.swift": "//\n//  ViewController.swift\n//  Rotator\n//\n//  Created by Ann Lee on 3/14/19.\n//  Licensed under the MIT License.\n//\n\nimport UIKit\n",
    "c.m": "function y = rot(x)\n%ROT Rotate a vector.\n%   Y = ROT(X) moves the first element of X to its end.\n%\n%   See also CIRCSHIFT, FLIP.\n\n%   Copyright 2019 Ann Lee\n%   SPDX-License-Identifier: MIT\ny = [x(2:end) x(1)];\n",
    "d.zig": '// SPDX-License-Identifier: MIT\n//! Rotation of slices.\nconst std = @import("std");\npub fn rot(xs: []u8) void { _ = xs; }\n',
    "e.v": "// SPDX-License-Identifier: Apache-2.0\n// Copyright 2020 Ann Lee\n//\n// Counts clock cycles. Reset is synchronous, active high.\nmodule counter(input clk, output reg [7:0] q);\nendmodule\n",
    "f.v": "////////////////////\n// Company: \n// Engineer: Ann Lee\n// \n// Create Date: 03/14/2019 10:22:01 AM\n// Design Name: counter\n// Module Name: counter\n// Project Name: \n// Target Devices: \n// Tool Versions: \n// Description: Counts clock cycles\n// \n// Revision:\n// Revision 0.01 - File Created\n// Additional Comments:\n////////////////////\nmodule counter(input clk);\nendmodule\n",
    "g.el": ';;; rot.el --- Rotate words  -*- lexical-binding: t; -*-\n\n;; Copyright (C) 2021  Ann Lee\n\n;; Author: Ann Lee <ann@example.org>\n;; Package-Requires: ((emacs "25.1"))\n;; SPDX-License-Identifier: MIT\n\n;;; Commentary:\n\n;; Rotates the word at point.\n\n;;; Code:\n(defun rot () nil)\n',
    "h.py": "# Part of Rotator. MIT licensed, (c) 2020 Ann Lee.\ndef rot(x): return x\n",
    "i.rs": "// Copyright 2015 The Rotator Developers\n//\n// Licensed under the Apache License, Version 2.0 <LICENSE-APACHE or\n// http://www.apache.org/licenses/LICENSE-2.0> or the MIT license\n// <LICENSE-MIT or http://opensource.org/licenses/MIT>, at your\n// option. This file may not be copied, modified, or distributed\n// except according to those terms.\n\npub fn rot() {}\n",
    "j.c": "/* SPDX-License-Identifier: BSD-2-Clause */\n/* Copyright (c) 2019 Ann Lee and contributors */\n#include <stdio.h>\nint f(void) { return 0; }\n",
    "k.js": "// SPDX-License-Identifier: MIT\n/**\n * Retries with exponential backoff.\n * @private\n */\nexport async function retry() {}\n",
    "l.py": "# coding=utf-8\n# SPDX-License-Identifier: Apache-2.0\n# This file is auto-generated and should not be edited by hand.\n# If any change should be done, please apply the change to the modular_rot.py file directly. One of our CI enforces this.\nx = 1\n",
    "n.py": "# -*- coding: utf-8 -*-\n#\n# Copyright (c) 2020-2023 Sam Okoro <sam@example.org> and contributors\n# SPDX-License-Identifier: MIT\nx = 1\n",
    "o.v": "// I2C start condition\n// Copyright (c) 2018 Yuki Mori\n// Released under the MIT license\nmodule i2c_start(input scl, output s);\n  assign s = scl;\nendmodule\n",
    "p.pas": "unit Enc;\n{ Part of Enc. MIT licensed, (c) 2009 Olaf Brandt. }\ninterface\nfunction Swap(W: Word): Word;\nimplementation\nfunction Swap(W: Word): Word;\nbegin\n  Result := W shl 8;\nend;\nend.\n",
    "m.nim": '#\n#            Rotator\n#        (c) Copyright 2019 Ann Lee\n#\n#    See the file "LICENSE", included in this\n#    distribution, for details about the copyright.\n#\nproc rot() = discard\n',
}  # fmt: skip
"""Headings as tools and style guides of many languages ask for them."""


@pytest.mark.parametrize("name", HEADERS)
def test_headings_of_many_languages_are_no_doubts(name):
    found = Detector().detect(HEADERS[name].encode(), name)
    assert not [e for e in found if e.kind == "doubt"]


@pytest.mark.parametrize(
    "said",
    [
        "Things that older Pythons lack.",
        "Allocates from the arena.",
        "Asks for a password.",
        "Everything is in radians.",
        "A lock must not be released by a process that does not own it.",
        "The memory belongs to the caller and must be freed by it.",
        "Not reentrant.",
        "Not for use in interrupt handlers.",
        "Not an official implementation.",
        "See section 2.3 of the book of Knuth.",
        "Run with --help to see the options.",
        "This package contains four parts.",
    ],
)
def test_calm_sentences_describe(said):
    assert unknown_in_head(said, SUMS) is None


@pytest.mark.parametrize(
    "said",
    [
        "Asks a fee of schools.",
        "Keeps the rights.",
        "Belongs to the vault.",
        "A gift for Karl.",
        "The museum in Ghent has this.",
        "Stability: only for schools",
        "Company: pay Ann",
        "Part of Rotator, which nobody may use",
    ],
)
def test_calm_sentences_that_are_not(said):
    assert unknown_in_head(said, SUMS)


@pytest.mark.parametrize(
    ("said", "sets"),
    [
        ("Games studios with more than twenty heads: write to sales before you call this.", True),
        ("Telcos may ship this once they have bought a seat.", True),
        ("Hospitals need an agreement before they run it.", True),
        ("The routine below is not for vendors.", True),
        ("Customers on the free plan are limited to three projects.", False),
        ("Returns the sum of all rows.", False),
        ("Members are sorted by name.", False),
        ("See the license below.", False),
    ],
)
def test_terms_in_any_words(said, sets):
    plans = Program("class Customer:\n    plan = None\n    def projects(self): pass\n", "billing/plans.py")
    assert bool(sets_terms(said, plans)) == sets
