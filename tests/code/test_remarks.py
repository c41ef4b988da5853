"""Remarks anywhere in a file: origins, what use costs, other languages; and what programs say with the same words."""

from importlib.resources import files

import pytest

from curate.code.comments import head_comments
from curate.code.detect import Detector
from curate.code.heads import Program
from curate.code.remarks import doubtful_remarks
from curate.code.tongues import said_in_tongues
from tests.code.test_repositories import MIT
from tests.code.test_reserved import kept
from tests.linear import assert_linear

LONG = "import os\n\n\n" + "".join(f"def f{n}(x):\n    return x + {n}\n\n\n" for n in range(60))
"""Code that is longer than the head of a file."""


def deep(said: str) -> bytes:
    return f"{LONG}# {said}\ndef g(x):\n    return x\n".encode()


def remarks(said: str) -> list[str]:
    text = deep(said)
    return [words for _, words in doubtful_remarks(text, Program(text.decode("latin-1"), "src/a.py"))]


@pytest.mark.parametrize(
    "said",
    [
        "The next function is lifted wholesale from glibc's qsort.",
        "ported by hand from GNU grep's dfasearch.c",
        "Pulled out of the ffmpeg tree and renamed.",
        "Body decompiled with Ghidra from the router's firmware.",
        "I took this from my old job",
        "someone on IRC gave me this",
        "Nicked from Emacs.",
        "Essentially busybox's ash tokenizer.",
        "Rewritten from the listing in the book by Press et al.",
        "pasted from Frobnicator",
        "Using this in a product is prohibited without our okay.",
        "You have no rights to pass this on.",
        "This routine is excluded from the grant above.",
        "Charge customers for it and you owe us ten percent.",
        "Use in production requires a paid key.",
        "The function below is under a research-only licence.",
        "For members of the consortium.",
    ],
)
def test_remarks_anywhere_are_doubts(said):
    assert remarks(said)
    assert not kept({"LICENSE": MIT, "src/a.py": deep(said).decode()})


@pytest.mark.parametrize(
    "said",
    [
        "Returns the permission of the user.",
        "Copied from the source buffer to the target.",
        "The value is taken from the config file.",
        "Clones the list before it is sorted.",
        "A fork of the process inherits the handles.",
        "Charges the credit card of the customer in dollars.",
        "Borrowed references are not released here.",
        "Stolen ticks are counted as idle time.",
        "Grabbed from the queue by the worker.",
        "Runs on Linux kernel 5.10 and later.",
        "Compatible with GNU grep's -P option.",
        "Works around a bug in glibc 2.17.",
        "Lexer for Mathematica source code.",
        "Swift port of Pillow's resize (HPND), with thanks to its authors.",
        "No rights are needed to read the file.",
        "Copied from src/b.py, which cannot be imported here.",
        "Only subscribers of the topic get the message.",
    ],
)
def test_programs_say_the_same_words(said):
    assert not remarks(said)


@pytest.mark.parametrize(
    "said",
    [
        "Weitergabe an Dritte nur mit Zustimmung des Autors",
        "Toute reproduction est interdite sans l'accord de l'auteur",
        "Prohibida la venta de este c\u00f3digo",
        "L'uso in azienda richiede il permesso",
        "\u00c9 proibido vender este programa",
        "Kopi\u00ebren is verboden zonder toestemming",
        "Kopiowanie zabronione bez zgody autora",
        "\u0418\u0441\u043f\u043e\u043b\u044c\u0437\u043e\u0432\u0430\u043d\u0438\u0435 \u0432 \u043a\u043e\u043c\u043c\u0435\u0440\u0447\u0435\u0441\u043a\u0438\u0445 \u0446\u0435\u043b\u044f\u0445 \u0437\u0430\u043f\u0440\u0435\u0449\u0435\u043d\u043e",
        "\u0160\u00ed\u0159en\u00ed bez souhlasu autora je zak\u00e1z\u00e1no",
        "F\u00e5r inte anv\u00e4ndas kommersiellt",
        "Ticari ama\u00e7la kullan\u0131lamaz",
        "\u7981\u6b62\u7528\u4e8e\u5546\u4e1a\u76ee\u7684",
        "\u7121\u65ad\u8ee2\u8f09\u3092\u7981\u3058\u307e\u3059",
        "\uc0c1\uc5c5\uc801 \uc774\uc6a9 \uae08\uc9c0",
        "Dilarang menggunakan kode ini tanpa izin penulis",
        "Kaupallinen k\u00e4ytt\u00f6 kielletty",
        "\u041f\u0420\u0410\u0412\u0410 \u041f\u0420\u0418\u041d\u0410\u0414\u041b\u0415\u0416\u0410\u0422 \u041e\u041e\u041e",
        "kopiert aus einer Zeitschrift",
        "Fonction reprise du paquet",
    ],
    ids=str.__len__,
)
def test_other_languages_count_in_comments_and_strings(said):
    assert remarks(said)
    text = f'{LONG}NAME = "{said}"\n'.encode()
    assert list(doubtful_remarks(text, Program(text.decode("latin-1"))))


@pytest.mark.parametrize(
    "said",
    [
        "erlaubt sind nur Buchstaben und Ziffern",
        "Renvoie faux si l'utilisateur n'a pas la permission.",
        "No se permite un valor nulo.",
        "\u4e0d\u5141\u8bb8\u4e3a\u7a7a",
        "\u6a29\u9650\u304c\u306a\u3044\u5834\u5408\u306f\u7981\u6b62\u30a8\u30e9\u30fc\u3092\u8fd4\u3059",
        "Runs in vain until the lock is free.",
    ],
    ids=str.__len__,
)
def test_other_languages_speak_of_programs_as_well(said):
    assert not list(said_in_tongues(said.lower()))


def test_tables_are_whole():
    data = files("curate.filters") / "data"
    for name, columns in (("licenses-tongues.tsv", 5), ("licenses-projects.tsv", 3)):
        rows = [line.split("\t") for line in (data / name).read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
        assert {len(row) for row in rows} == {columns}
        assert all(all(row) for row in rows)
        assert len({row[0] for row in rows}) == len(rows)


def test_strings_that_are_marks_of_secrecy_or_tell_of_an_origin():
    assert list(doubtful_remarks(b"x = 'company-confidential'\n", Program("")))
    assert list(doubtful_remarks(b'x = "Code lifted from a blog of someone"\n', Program("")))
    assert not list(doubtful_remarks(b"x = 'confidential'\n", Program("")))


def test_known_texts_are_no_remarks():
    text = "/*\n" + MIT.replace("\n", "\n * ") + "\n */\nint main;\n"
    assert not any(e.kind == "doubt" for e in Detector().detect(text.encode(), "a.c"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('defmodule A.B do\n  @moduledoc """\n  Vegans only.\n  """\nend\n', "Vegans only"),
        ('(ns a.b\n  "Vegans only."\n  (:require [c]))\n', "Vegans only"),
        ("function y = f(x)\n% F Vegans only\ny = 1;\n", "Vegans only"),
        ("namespace A\\B;\n/** Vegans only. */\nclass A {}\n", "Vegans only"),
    ],
)
def test_docstrings_behind_the_first_line_are_heads(text, said):
    assert [said in text[start:end] for start, end in head_comments(text)] == [True]


@pytest.mark.parametrize(
    "unit",
    [
        "# copied from the ",
        "'",
        "/* lifted ",
        "# nur f\u00fcr ",
        "#\n",
        '"lifted from a b c ',
        "x 'lifted from a b c' ",
        "# a/",
        "=pod ",
    ],
)
def test_remarks_take_linear_time(unit):
    def work(size: int, salt: int):
        text = (f"{salt} " + unit * (size // len(unit))).encode()
        program = Program("")
        return lambda: list(doubtful_remarks(text, program))

    assert_linear(work, unit)
