"""Submissions in every form they are kept in: each gives its files, or says why it has none."""

import gzip

import pytest

from curate.tex.submission import BadSubmissionError, kind, members
from tests.packing import tarred, zipped

TEX = b"\\documentclass{article}\\begin{document}Words.\\end{document}"


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (gzip.compress(TEX), "tex"),
        (TEX, "tex"),
        (gzip.compress(tarred({"a/m.tex": TEX, "f.eps": b"%!PS"})), "tex"),
        (tarred({"m.tex": TEX}), "tex"),
        (zipped({"m.tex": TEX}), "tex"),
        (gzip.compress(b"%auto-ignore\nwithdrawn"), "withdrawn"),
        (gzip.compress(b"<html><body>A page</body></html>"), "html"),
        (gzip.compress(tarred({"p.htm": b"<!DOCTYPE html><p>x", "g.gif": b"GIF"})), "html"),
        (gzip.compress(b"%PDF-1.4"), "pdf_only"),
        (gzip.compress(b"%!PS-Adobe"), "postscript_only"),
        (gzip.compress(tarred({"x.gif": b"GIF89a"})), "no_source"),
    ],
)
def test_kinds(data, found):
    files, damage = members(data, "2310.00001.gz")
    assert (kind(files), damage) == (found, "")


def test_names_that_climb_and_apples_doubles_are_no_files():
    files, _ = members(tarred({"../m.tex": TEX, "._m.tex": b"\x00\x05", "a.tex": TEX}), "x.tar")
    assert list(files) == ["a.tex"]


def test_a_tar_without_its_magic_word_is_one():
    data = bytearray(tarred({"m.tex": TEX}))
    data[257:265] = b"\x00" * 8
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\x00 " % sum(data[:512])
    assert kind(members(bytes(data), "x")[0]) == "tex"


def test_what_is_cut_gives_what_is_before():
    whole = gzip.compress(tarred({"m.tex": TEX, "big.tex": bytes(range(256)) * 4000}), 0)
    files, damage = members(whole[: len(whole) // 2], "x.gz")
    assert "m.tex" in files
    assert damage


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (gzip.compress(TEX)[:10], "damaged"),
        (gzip.compress(b"\x00" * (200 << 20), 9), "bomb"),
        (b"PK\x03\x04 no zip", "damaged"),
    ],
)
def test_bad_ones_say_why(data, reason):
    with pytest.raises(BadSubmissionError, match=reason):
        members(data, "x.gz")
