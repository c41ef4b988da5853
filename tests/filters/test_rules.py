"""Gopher's, FineWeb's and the repetition rules, case by case: text, reason, measured value."""

import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.filters import fineweb, gopher, repetition, sentence_ends
from curate.filters.base import Document

FIVE = "one two three four five"


@pytest.mark.parametrize(
    ("step", "text", "reason", "value"),
    [
        (gopher.WordCount(), "word " * 49, "too_few", 49),
        (gopher.WordCount(), "word " * 50, None, 50),
        (gopher.WordCount(), "word " * 49 + "-- ** |", "too_few", 49),
        (gopher.WordCount(maximum=50), "word " * 51, "too_many", 51),
        (gopher.WordLength(), "a bc d", "too_short", 4 / 3),
        (gopher.WordLength(), "abc", None, 3),
        (gopher.WordLength(), "abcdefghijk", "too_long", 11),
        (gopher.WordLength(), "--", "too_short", 0),
        (gopher.SymbolRatio(), "# one two three", "hashes", 0.25),
        (gopher.SymbolRatio(), "one... two three\u2026", "ellipses", 2 / 3),
        (gopher.SymbolRatio(), "#one " + "w " * 9, None, 0.1),
        (gopher.BulletLines(), "- a\n \u2022 b\n- c", "too_many", 1.0),
        (gopher.BulletLines(), "- a\n" * 9 + "b", None, 0.9),
        (gopher.BulletLines(), "* a\n* b", "too_many", 1.0),
        (gopher.BulletLines(bullets=("\u2022", "-")), "* a\n* b", None, 0.0),
        (gopher.BulletLines(), "\xa0\u25aa a\r\n\r\n \t\r\n\xb7 b\u2028\u2013 c", "too_many", 1.0),
        (gopher.BulletLines(), "\u2014 Who is there?\n\u2014 I am.", None, 0.0),  # speech
        (gopher.BulletLines(blank_lines=True), "- a\n\n- b\n", None, 2 / 3),
        (gopher.EllipsisLines(), "a...\nb", "too_many", 0.5),
        (gopher.EllipsisLines(), "a\u2026 \nb\nc\nd", None, 0.25),
        (gopher.EllipsisLines(), "a...\n\n \n\nb\nc", "too_many", 1 / 3),
        (gopher.EllipsisLines(blank_lines=True), "a...\n\n \n\nb\nc", None, 1 / 6),
        (gopher.EllipsisLines(), "Read [\u2026]\nor (...)\n\u201cso\u2026\u201d\nend", "too_many", 0.75),
        (gopher.EllipsisLines(closers=""), "Read [\u2026]\nor (...)\n\u201cso\u2026\u201d\nend", None, 0.0),
        (gopher.WordCount(split_punctuation=True), "word, " * 49 + "one/two", None, 51),
        (gopher.WordLength(split_punctuation=True), "one, two.", None, 3),
        (gopher.WordLength(), "one, two.", None, 4),
        (gopher.SymbolRatio(split_punctuation=True), "# a, b, c, d. e", None, 0.1),
        (
            gopher.WordsWithoutLetters(split_punctuation=True),
            "u\u0308ber \u0939\u093f\u0928\u094d\u0926\u0940",
            None,
            1.0,
        ),
        (gopher.WordsWithoutLetters(), "one 2 three four", "too_few", 0.75),
        (gopher.WordsWithoutLetters(), "one 2 three four five", None, 0.8),
        (gopher.WordsWithoutLetters(), "one, two, three.", None, 1.0),
        (gopher.WordsWithoutLetters(), "(one) 2nd \u201ctwo\u201d -three", None, 1.0),
        (gopher.WordsWithoutLetters(split_punctuation=True), "one, two, three.", "too_few", 0.5),
        (gopher.WordsWithoutLetters(split_punctuation=True), "don't 3.5 U.S x", "too_few", 0.75),
        (gopher.StopWords(), "The cat and dog", None, 2),
        (gopher.StopWords(), "the the the", "too_few", 1),
        (gopher.StopWords(), "the, of.", None, 2),
        (gopher.StopWords(split_punctuation=False), "the, of.", "too_few", 0),
        (gopher.StopWords(), "\u201cThe\u201d (of)", None, 2),
        (gopher.StopWords(), "_the_ word\u2014that", None, 2),
        (gopher.StopWords(), "That's it and/or", None, 2),
        (gopher.StopWords(), "the\u3000of", None, 2),
        (gopher.StopWords(), "them, offer. be\u0301, to\u0301", "too_few", 0),  # other words, other letters
        (gopher.StopWords(ignore_case=False), "The AND of", "too_few", 1),
        (gopher.StopWords(ignore_case=False, split_punctuation=True), "(The) to, of.", None, 2),
        (gopher.StopWords(minimum=1, words=("\u0939\u0948",)), "\u092f\u0939 \u0939\u0948\u0964", None, 1),
        (gopher.StopWords(minimum=1, words=("DER",)), "der Hund", None, 1),
        (gopher.StopWords(words=("དང་", "། །")), "བོད་དང་རྒྱ་ཡིག", "too_few", 1),  # parted as the text is
        (gopher.StopWords(minimum=1, words=("དང་",), split_punctuation=False), "བོད་དང་རྒྱ", None, 1),
        (gopher.StopWords(minimum=1, words=("བོད་ཡིག",)), "བོད་ཡིག་འདི།", None, 1),
        (gopher.StopWords(words=("에", "는")), "나는 학교에 간다", None, 2),  # particles end a word
        (gopher.StopWords(minimum=1, words=("학",)), "나는 학교에 간다", "too_few", 0),
        (gopher.StopWords(words=("al-", "г.")), "al-kitab 1990 г.а", None, 2),  # words that end with a mark
        (gopher.StopWords(minimum=1, words=("al-",)), "royal-blue", "too_few", 0),
        (fineweb.LinesWithoutPunctuation(), "One.\nTwo\n\nThree", None, 1 / 3),
        (fineweb.LinesWithoutPunctuation(), "One\nTwo", "too_few", 0.0),
        (fineweb.LinesWithoutPunctuation(), "\u6587\u3002\n", None, 1.0),
        (fineweb.LinesWithoutPunctuation(min_share=0.5), '"One."', "too_few", 0.0),
        (fineweb.LinesWithoutPunctuation(min_share=0.5, closers='"\u201d'), '"One."', None, 1.0),
        (fineweb.LinesWithoutPunctuation(), "One. \r\nTwo.\t\u2028Three.\xa0", None, 1.0),
        (fineweb.ShortLines(), "x" * 25 + " " * 10, "too_many", 1.0),
        (fineweb.NewlineRatio(), "a\rb\x85c", "too_many", 2 / 3),
        (fineweb.NewlineRatio(), "a b c d e f g h\n\n", None, 0.25),
        (fineweb.RepeatedLineChars(), "abc\r\nabc  \r\nde\r\n \r\n \r\n", "too_many", 3 / 8),
        (fineweb.ShortLines(), "x" * 31 + "\n" + "x" * 30, None, 0.5),
        (fineweb.ShortLines(), "x\n\ny\nz", "too_many", 1.0),
        (fineweb.RepeatedLineChars(), "abc\nabc\nde", "too_many", 3 / 8),
        (fineweb.RepeatedLineChars(), "abc\nabd\n\n\n", None, 0.0),
        (fineweb.NewlineRatio(), "a\nb\nc", "too_many", 2 / 3),
        (fineweb.NewlineRatio(), "a b c d\ne", None, 0.2),
        (repetition.RepeatedLines(), "a\nb\na\n\na", "lines", 0.5),
        (repetition.RepeatedLines(), "a\nb\nc\n" + "d" * 20 + "\n" + "d" * 20, "chars", 20 / 47),
        (repetition.RepeatedLines(), "a\nb", None, 0.0),
        (repetition.RepeatedLines(), "a\n \nb\n \nc\n \nd", None, 0.0),
        (repetition.RepeatedLines(blank_lines=True), "a\n \nb\n \nc\n \nd", None, 2 / 7),
        (repetition.RepeatedLines(), "a\r\n\r\nb \r\nb\r\n\tb", "lines", 0.5),
        (repetition.RepeatedLines(), "", None, 0.0),
        (repetition.RepeatedLines(), " \n ", None, 0.0),
        (repetition.RepeatedParagraphs(), "a b\r\n\r\nc\n \na b", "paragraphs", 1 / 3),
        (repetition.RepeatedParagraphs(blank_lines=True), "a b\n \nc\n \na b", None, 0.0),
        (repetition.RepeatedParagraphs(), "", None, 0.0),
        (repetition.RepeatedParagraphs(), "a b\n\nc\n\n\na b", "paragraphs", 1 / 3),
        (repetition.RepeatedParagraphs(), "a\nb\na\nb", None, 0.0),
        (repetition.TopNgrams(), "a b a b a b", "top_2gram", 9 / 11),
        (repetition.TopNgrams(), FIVE * 1, "top_2gram", 7 / 23),
        (repetition.RepeatedNgrams(), f"{FIVE} {FIVE}", "repeated_5gram", 19 / 47),
        (repetition.RepeatedNgrams(), FIVE, None, 0.0),
    ],
)
def test_rule(step: Any, text: str, reason: str | None, value: float) -> None:
    decision = step(Document("0", text))
    assert decision.reason == reason
    assert decision.value == pytest.approx(value)


LINE_RULES = (
    gopher.BulletLines(), gopher.EllipsisLines(), repetition.RepeatedLines(), fineweb.LinesWithoutPunctuation(),
    fineweb.ShortLines(), fineweb.RepeatedLineChars(),
)  # fmt: skip
PARAGRAPHS = repetition.RepeatedParagraphs()


@given(
    st.lists(st.sampled_from(["- a", "b...", "The cat.", "c", "d" * 40, "\u2022 e\u2026"]), min_size=1, max_size=12),
    st.sampled_from(["\r\n", "\r", "\x0b", "\x85", "\u2028", "\n\n", "\r\n \t\r\n", "\n\xa0\n", " \n", "\u3000\n  "]),
)
def test_line_ends_and_blank_lines_change_no_share(found: list[str], line_end: str) -> None:
    """The same lines in the files of another system, with other gaps: the same measures."""
    plain, other = Document("0", "\n".join(found)), Document("0", line_end.join([*found, ""]))
    for step in LINE_RULES:
        assert step(other).signals == pytest.approx(step(plain).signals), step
    apart, gaps = Document("0", "\n\n".join(found)), Document("0", f"\n{line_end} \n".join(found))
    assert PARAGRAPHS(gaps).signals == PARAGRAPHS(apart).signals


@given(st.text(st.sampled_from("ab- .\n\u2026\u2022"), max_size=60))
def test_datatrove_counts_blank_lines(text: str) -> None:
    """`blank_lines` and the like give datatrove's shares, written the plain way."""
    every = text.splitlines()
    bullets = sum(line.lstrip().startswith(("\u2022", "-")) for line in every) / (len(every) or 1)
    assert gopher.BulletLines(bullets=("\u2022", "-"), blank_lines=True)(Document("0", text)).value == bullets
    dots = sum(line.rstrip().endswith(("...", "\u2026")) for line in every) / (len(every) or 1)
    assert gopher.EllipsisLines(closers="", blank_lines=True)(Document("0", text)).value == dots
    for step, items in (
        (repetition.RepeatedLines(blank_lines=True), re.split("\n+", text)),
        (repetition.RepeatedParagraphs(blank_lines=True), re.split("\n{2,}", text.strip())),
    ):
        again = [item for at, item in enumerate(items) if item in items[:at]]
        shares = list(step(Document("0", text)).signals.values())
        assert shares == [len(again) / len(items), sum(map(len, again)) / (len(text) or 1)]


def slow_repeated(words: Sequence[str], n: int) -> int:
    """The published rule, written the plain way."""
    seen: set[tuple[str, ...]] = set()
    at = chars = 0
    while at + n <= len(words):
        gram = tuple(words[at : at + n])
        if gram in seen:
            chars += sum(map(len, gram))
            at += n
        else:
            seen.add(gram)
            at += 1
    return chars


@given(st.lists(st.sampled_from("abcd"), max_size=80))
def test_repeated_ngrams_are_those_of_the_plain_rule(words: list[str]) -> None:
    expected = [slow_repeated(words, n) for n in range(5, 11)]
    assert repetition.repeated_ngrams(tuple(words), 5, 10) == expected


def test_n_grams_whose_numbers_need_more_than_64_bits() -> None:
    """With 256 words a number of ten has 80 bits; of what is left of it in 64 the first two words would be lost."""
    words = [f"w{number}" for number in range(254)]
    one, other, last = words[:2], words[20:22], words[4:12]
    text = [*words, *one, *last, "!", *one, *last[:7], "?", *other, *last, "!", *other, *last[:7], "?"]
    expected = [slow_repeated(text, n) for n in range(5, 11)]
    assert len(set(text)) == 256
    assert expected[-1] == 0 < expected[-2]
    assert repetition.repeated_ngrams(tuple(text), 5, 10) == expected


@given(st.lists(st.sampled_from(["a", "bc", "d"]), max_size=30), st.integers(2, 4))
def test_top_ngram(words: list[str], n: int) -> None:
    grams = [" ".join(words[i : i + n]) for i in range(len(words) - n + 1)]
    most = max((grams.count(gram) for gram in grams), default=0)
    first = next((gram for gram in grams if grams.count(gram) == most), "")
    assert repetition.top_ngram(tuple(words), n) == len(first) * most


def test_terminals_are_unicode_sentence_terminals() -> None:
    marks = sentence_ends.terminals()
    assert {".", "!", "?", "\u3002", "\u061f", "\u0964"} <= marks
    assert not {'"', ",", ":", "\u2026", ")"} & marks


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: gopher.WordCount(minimum=5, maximum=4), "got 5 and 4"),
        (lambda: gopher.BulletLines(max_share=90), r"max_share must be a share .* got 90; percent\? 90 % is 0.9"),
        (lambda: gopher.BulletLines(bullets=("-", "")), "bullets"),
        (lambda: gopher.StopWords(words=("a", "A")), "minimum must be from 0 to 1"),
        (lambda: gopher.StopWords(minimum=9), "minimum must be from 0 to 8"),
        (lambda: repetition.TopNgrams(max_chars=(0.2,)), "needs 3 values, got 1"),
        (lambda: repetition.RepeatedLines(max_share=-0.1), "0 to 1"),
        (lambda: repetition.RepeatedLines(max_share=-0.1, zero_is_off=True), "0 to 1"),
        (lambda: fineweb.NewlineRatio(maximum=-2), "at least 0"),
    ],
)
def test_wrong_parameters(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


OFF = [
    (gopher.BulletLines, {"max_share": -1}, "- a\n- b"),
    (gopher.EllipsisLines, {"max_share": -1}, "a...\nb..."),
    (gopher.SymbolRatio, {"maximum": -1}, "# # #"),
    (gopher.WordsWithoutLetters, {"min_share": -1}, "1 2 3"),
    (fineweb.LinesWithoutPunctuation, {"min_share": -1}, "a\nb"),
    (fineweb.ShortLines, {"max_share": -1}, "a\nb"),
    (fineweb.RepeatedLineChars, {"max_share": -1}, "a\na\na"),
    (fineweb.NewlineRatio, {"maximum": -1}, "a\nb\nc"),
    (repetition.RepeatedLines, {"max_share": -1, "max_chars": -1}, "a\na\na"),
    (repetition.RepeatedLines, {"max_share": 0, "max_chars": 0, "zero_is_off": True}, "a\na\na"),
    (repetition.RepeatedParagraphs, {"max_share": -1, "max_chars": -1}, "a\n\na\n\na"),
    (repetition.TopNgrams, {"max_chars": [[2, -1], [3, -1], [4, -1]]}, "a b " * 9),
    (repetition.RepeatedNgrams, {"max_chars": [-1] * 6}, "a b c " * 9),
]


@pytest.mark.parametrize(("kind", "options", "text"), OFF)
def test_limits_that_are_off(kind: Any, options: dict[str, Any], text: str) -> None:
    """Published settings turn a rule off with -1, or with a share that can't be passed."""
    name = next(iter(options))
    assert kind(**{name: [0] * len(options[name]) if isinstance(options[name], list) else 0} if name != "min_share" else {"min_share": 1})(
        Document("0", text)
    ).reason is not None  # fmt: skip
    assert kind(**options)(Document("0", text)).reason is None
    if "share" in name:
        assert kind(**{name: 1.32}) != kind()
        for value in (30, -0.5, float("nan"), float("inf")):
            with pytest.raises(ValueError, match=r"must be a share.*off"):
                kind(**{name: value})


def test_limits_by_n_as_pairs() -> None:
    pairs = [[2, 0.208], [3, 0.198], [4, 0.161]]
    assert repetition.TopNgrams(max_chars=pairs) == repetition.TopNgrams(max_chars=[0.208, 0.198, 0.161])
    for wrong in (
        [[2, 0.2], [4, 0.1], [3, 0.1]],
        [[2, 0.2]],
        [0.2, [3, 0.1], [4, 0.1]],
        [[2, 0.2], [3, 0.1], [4, "x"]],
    ):
        with pytest.raises(ValueError, match="max_chars"):
            repetition.TopNgrams(max_chars=wrong)
