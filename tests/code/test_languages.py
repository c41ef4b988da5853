"""The language of a file, by name and first line."""

import pytest

from curate.code.languages import language_of
from tests.linear import assert_linear

C = b"#ifndef A_H\n#define A_H\n/*\n class of errors;\n * template <x>\n */\n#include <stdio.h>\nint f(int class_of);\n#endif\n"


@pytest.mark.parametrize(
    ("path", "data", "expected"),
    [
        ("a/b.PY", b"", "python"),
        ("Makefile", b"", "makefile"),
        ("rules.mk", b"", "makefile"),
        ("a.cts", b"", "typescript"),
        ("a.zig", b"", "zig"),
        ("a.tcl", b"", "tcl"),
        ("a.luau", b"", "lua"),
        ("a.fs", b"", "f#"),
        ("a.bat", b"", "batch"),
        ("a.ino", b"", "c++"),
        ("run", b"#!/usr/bin/env python3\n", "python"),
        ("run", b"#!/usr/bin/env -S node --flag\n", "javascript"),
        ("rules", b"#!/usr/bin/make -f\n", "makefile"),
        ("run", b"#!/usr/bin/awk -f\n", "awk"),
        ("run", b"#!\n", None),
        ("run", b"#!" + b"\xff" * 5000, None),
        ("a.svg", b"<svg/>", None),
        ("a.txt", b"", None),
        ("a.geojson", b"{}", None),
        ("", b"", None),
        ("a.h", C, "c"),
        ("a.h", b"#include <vector>\n", "c++"),
        ("a.h", b"  namespace a {\n", "c++"),
        ("a.h", b"class EXPORT A : public B {\n", "c++"),
        ("a.h", b"class A\r\n{\r\n", "c++"),
        ("a.h", b"int f(std::string);\n", "c++"),
        ("a.h", b"@interface A : B\n", "objective-c"),
        ("a.m", b"@implementation A\n", "objective-c"),
        ("a.m", b"\n% Copyright\nfunction y = f(x)\n", "matlab"),
        ("a.pl", b"use strict;\n", "perl"),
        ("a.pl", b":- module(a, [b/1]).\n", "prolog"),
        ("a.ts", b"export const a = <T>(x: T) => x\n", "typescript"),
        ("a.ts", b'\xef\xbb\xbf<?xml version="1.0"?>\n<!DOCTYPE TS>\n', "xml"),
        ("a.v", b"module a(input b);\n", "verilog"),
        ("a.v", b"Require Import List.\n", "coq"),
    ],
)
def test_language(path, data, expected):
    assert language_of(path, data) == expected


@pytest.mark.parametrize("ending", ["h", "m", "pl", "ts", "v"])
@pytest.mark.parametrize("piece", [b" ", b"\n", b"class ", b"a(", b"std:", b"class a a ", b"a(x) :", b"\t#"])
def test_odd_texts_are_quick(ending, piece):
    assert_linear(lambda size, salt: lambda: language_of(f"a.{ending}", piece * (size // len(piece))), ending, 1 << 20)
