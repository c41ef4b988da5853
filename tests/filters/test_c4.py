"""C4's rules against the released code's verdicts (c4_golden.json) and case by case."""

import json
from pathlib import Path
from typing import Any

import pytest

from curate.corpus import recipe
from curate.dedup import Lines, Urls
from curate.filters import c4, punkt
from curate.filters.base import Document

# "clean_page" and "sentences" were written by the released code: python -m benchmarks.c4_oracle --golden FILE
GOLDEN = json.loads((Path(__file__).parent / "c4_golden.json").read_text(encoding="utf-8"))


def clean(text: str) -> str | None:
    """What the steps of `c4-tfds` before line dedup leave of `text`."""
    doc = Document("0", text)
    for step in recipe.load("c4-tfds").steps:
        if isinstance(step, Lines):
            return doc.text
        if isinstance(step, Urls):
            continue
        decision = step(doc)
        if decision.reason:
            return None
        doc = decision.doc
    raise AssertionError("c4-tfds has no line dedup")


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["why"])
def test_released_code(case: dict[str, Any]) -> None:
    assert clean(case["text"]) == case["clean_page"]
    assert punkt.count(case["text"]) == case["sentences"]


def test_golden_has_both_verdicts() -> None:
    assert len(GOLDEN) > 40
    assert sum(case["clean_page"] is None for case in GOLDEN) > 10


@pytest.mark.parametrize(
    ("options", "line", "code"),
    [
        ({}, "Three words here.", None),
        ({}, "Two words.", "few_words"),
        ({"min_words": 5}, "Only four words here.", "few_words"),
        ({}, "Three words here", "no_end_mark"),
        ({}, "Three words here...", "no_end_mark"),
        ({"end_marks": ".?!\"'"}, "'Three words here.'", None),
        ({}, "'Three words here.'", None),
        ({"end_marks": '.?!"'}, "'Three words here.'", "no_end_mark"),
        *(({}, f"Three words here{mark}", None) for mark in "\u201d\u2019\xbb\u203a\u201c\u300d\u300f\u300b\uff02"),
        *(({}, f"He said \u201cno.{mark}", None) for mark in '"\u201d\u2019'),
        *(({}, f"Three words here{mark}", "no_end_mark") for mark in ",;:\u2026)]-\u2013|"),
        *(
            ({}, f"Three words here.{end}", None)
            for end in ("\u200b", "\ufeff", " \u200e ", "\u200f\u200b", "\xa0", "\t", "\xad")
        ),
        *(({"exact": True}, f"Three words here.{end}", "no_end_mark") for end in ("\u200b", "\ufeff", "\u200e")),
        ({}, "\u200b", "no_end_mark"),
        ({}, "We use\xa0cookies  here.", "policy"),
        ({}, "Read the terms\tof\u2009use.", "policy"),
        ({"exact": True}, "We use\xa0cookies  here.", None),
        ({"rules": ["policy"]}, "terms\xa0of use", "policy"),
        ({}, "Please enable JavaScript.", "javascript"),
        ({}, "Read our Privacy Policy now.", "policy"),
        ({"rules": ["javascript"]}, "Read our privacy policy", None),
        ({"max_word_chars": 6}, "Verylongword in here.", "long_word"),
        ({"count_after_citations": True}, "Two words [1] .", None),
        ({"min_words": 4, "count_after_citations": True}, "Two words [1] .", "few_words"),
        ({"min_words": 4, "count_after_citations": False}, "Two words [1] .", None),
    ],
)
def test_line_rules(options: dict[str, Any], line: str, code: str | None) -> None:
    ((_, found),) = c4.LineRules(**options).lines(line)
    assert found == code


PAGE = (
    "\u201cThe mill is closed,\u201d said Ann. \u201cCome again.\u201d\n" * 1
    + "We went home by the river. It was late. It rained. Nobody spoke."
)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\x0b", "\x85", "\u2028", "\u2029"])
def test_c4_keeps_what_ends_in_a_curly_quote(line_end: str) -> None:
    doc = Document("0", PAGE.replace("\n", line_end), language="en")
    for step in recipe.load("c4").steps:
        if step.__class__.__module__ == "curate.filters.c4":
            decision = step(doc)
            assert decision.reason is None, step
            doc = decision.doc
    assert doc.text == PAGE
    assert clean(PAGE) == PAGE.split("\n")[1]  # the released code loses the line


def test_line_rules_count_what_they_cut() -> None:
    decision = c4.LineRules()(Document("0", "Home\nThe first real line.\n\nOne two.\nUse javascript on it."))
    assert decision.doc.text == "The first real line."
    assert decision.removed == {"no_end_mark": 1, "few_words": 1, "javascript": 1}
    assert decision.signals == {"c4_lines": 4.0, "c4_lines_kept": 1.0}


def test_repeat_cuts_until_nothing_is_left() -> None:
    text = " [1] Nested [[[2]]] marks all go away."
    assert c4.LineRules(repeat=True)(Document("0", text)).doc.text == "Nested  marks all go away."
    assert c4.LineRules()(Document("0", text)).doc.text == "Nested [[]] marks all go away."


@pytest.mark.parametrize(
    ("step", "text", "reason", "value"),
    [
        (c4.CurlyBracket(), "a } b", "found", 1.0),
        (c4.CurlyBracket(marks="{"), "a } b", None, 0.0),
        (c4.CurlyBracket(), "{{}", "found", 3.0),
        (c4.LoremIpsum(), "LOREM Ipsum", "found", 1.0),
        (c4.LoremIpsum(), "lorem\nipsum and Lorem\xa0 IPSUM", "found", 2.0),
        (c4.LoremIpsum(), "loremipsum, lorem or ipsum", None, 0.0),
        (c4.LoremIpsum(exact=True), "lorem\nipsum", None, 0.0),
        (c4.LoremIpsum(exact=True), "lorem ipsum", "found", 1.0),
        (c4.TooLong(max_chars=3), "abcd", "too_long", 4.0),
        (c4.TooLong(max_chars=4), "abcd", None, 4.0),
        (c4.TooLong(), "x" * 190_001, "too_long", 190_001.0),
        (c4.TooFewSentences(minimum=2), "One. Two.", None, 2.0),
        (c4.TooFewSentences(minimum=3), "One. Two.", "too_few", 2.0),
        (c4.TooFewSentences(minimum=1, splitter="punkt"), "Mr. Smith left.", None, 1.0),
        (c4.TooFewSentences(minimum=1), "Mr. Smith left.", None, 2.0),
        (c4.TooFewSentences(minimum=1, splitter="punkt"), 'He said "x"\nNo mark', None, 2.0),
        (c4.TooFewSentences(minimum=1, splitter="punkt", per_line=False), 'He said "x"\nNo mark', None, 1.0),
        (c4.FewLongLines(), "\n".join(["x" * 200] * 3), None, 200.0),
        (c4.FewLongLines(), "\n".join(["x" * 200] * 2), "too_short", 0.0),
        (c4.FewLongLines(), "\n".join(["x" * 200, "y" * 300, "z" * 199]), "too_short", 199.0),
    ],
)
def test_pages(step: Any, text: str, reason: str | None, value: float) -> None:
    decision = step(Document("0", text))
    assert (decision.reason, decision.value) == (reason, value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: c4.LineRules(min_words=0), "min_words must be at least 1, got 0"),
        (lambda: c4.LineRules(rules=("javscript",)), "javscript"),
        (lambda: c4.LineRules(end_marks=""), "end_marks"),
        (lambda: c4.CurlyBracket(marks=""), "marks"),
        (lambda: c4.TooFewSentences(splitter="spacy"), "regex, english, punkt, punkt-ascii"),
        (lambda: c4.TooLong(max_chars=0), "max_chars"),
        (lambda: c4.FewLongLines(min_lines=0), "min_lines"),
    ],
)
def test_wrong_parameters(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
