"""Sentences at the head of a source file: descriptions of its program and known forms stay, all else is a doubt."""

import pytest

from benchmarks.licenses_adversary import CODE
from curate.code.detect import Detector
from curate.code.heads import Program, unknown_in_head
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
