"""Sentence counts must be NLTK's own, sentence by sentence."""

import re
from collections import defaultdict
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.filters import punkt
from curate.filters import punkt_loops as loops
from curate.filters.sentence_ends import ANYWHERE

PIECES = [
    ".", "?", "!", '"', "'", ")", "(", "\u201d", "\u2019", "\xbb", "-", "--", ",", ";", " ", " ", " ", "\n", "\t", "\x1c", "\x85",
    "\xa0", "a", "A", "Mr", "U.S", "etc", "1", "2.5", "-3", "I", "The", "the", "however", "\u2026", "...", ". . .", "\xe9", "_", ":",
    "[", "*", "@", "Inc", "Jan", "vs", "e.g", "Bach", "p.m", "No", "##number##", "\u3002", "\u0130",
]  # fmt: skip


@lru_cache
def nltk() -> Any:
    reference = pytest.importorskip("nltk.tokenize.punkt")
    from punkt.data import english

    parameters = reference.PunktParameters()
    parameters.abbrev_types = set(english.ABBREV_TYPES)
    parameters.collocations = set(english.COLLOCATIONS)
    parameters.sent_starters = set(english.SENT_STARTERS)
    parameters.ortho_context = defaultdict(int, english.ORTHO_CONTEXT)
    return reference.PunktSentenceTokenizer(parameters)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_nltk_on_pieces(text: str) -> None:
    assert punkt.count(text) == len(nltk().tokenize(text))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_sentences_begin_and_end_where_those_of_nltk_do(text: str) -> None:
    wanted = [(found.start, found.stop) for found in nltk()._slices_from_text(text)]
    assert list(punkt._slices(text, "unicode")) == wanted


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_nltk_on_any_text(text: str) -> None:
    assert punkt.count(text) == len(nltk().tokenize(text))


def test_where_a_word_was_seen_is_weighed_as_nltk_does() -> None:
    """Every combination of the six places of a word in the training text, before small and capital letters."""
    reference = pytest.importorskip("nltk.tokenize.punkt")
    parameters = reference.PunktParameters()
    tokenizer = reference.PunktSentenceTokenizer(parameters)
    for context in range(1 << 7):
        parameters.ortho_context["word"] = context
        model = punkt._Model(frozenset(), frozenset(), frozenset(), {"word": context})
        for word in ("word", "Word", "WORD", "w0rd", "1", ";", "\u65e5"):
            said = tokenizer._ortho_heuristic(reference.PunktToken(word))
            assert punkt._starts(word, punkt._type(word), model) is (None if said == "unknown" else said)
            for token in ("J.", "3.", "et.", "et..", "et", "?", "..."):
                first, after = reference.PunktToken(token), reference.PunktToken(word)
                annotated = list(tokenizer._annotate_tokens(iter([first, after])))
                assert punkt._ends(token, word, model) == bool(annotated[0].sentbreak), (token, word, context)


def test_an_abbreviation_before_a_number_ends_nothing() -> None:
    for word, after, english in (("No.", "5", False), ("no.", "12,", False), ("No.", "The", True), ("to.", "5", True)):
        assert punkt._ends(word, after, punkt._english(True)) is english
    assert punkt._ends("to.", "5", punkt._english(False))


@pytest.mark.parametrize(
    ("text", "unicode", "ascii"),
    [
        ("", 0, 0),
        ("  \n ", 0, 0),
        ("no mark at all", 1, 1),
        ("One. Two. Three.", 3, 3),
        ("\u201cGo.\u201d He went.", 2, 1),
        ('"Go." He went.', 2, 2),
    ],
)
def test_quotes(text: str, unicode: int, ascii: int) -> None:
    assert (punkt.count(text), punkt.count(text, "ascii")) == (unicode, ascii)


def test_real_text(testdata: Any) -> None:
    book = (testdata / "G-text/gutenberg/84/84.txt").read_text(encoding="utf-8", errors="replace")
    for piece in book[:150_000].split("\n\n"):
        assert punkt.count(piece) == len(nltk().tokenize(piece))


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Dr. Smith arrived at 5 p.m. on Jan. 5 with Mr. J. R. Jones Jr. of the U.S. Army.", 1),
        ("It was 5 p.m. Monday.", 1),
        ("The meeting is at 10 a.m. The hall is cold.", 2),
        ("Prof. Dr. M\u00fcller et al. wrote pp. 3-5, vol. 2, fig. 3, no. 4.", 1),
        ("He said no. Then he left.", 2),
        ("Use e.g. apples, i.e. fruit, etc. and so on.", 1),
        ("Apples, pears, etc. The end.", 2),
        ("Gen. Lee met Sen. Smith, Rep. Jones and Gov. Brown on Feb. 3.", 1),
        ("The U.S. is big. The U.K. is not.", 2),
        ("J. K. Rowling and Martin Luther King Jr. wrote it.", 1),
        ("It costs $3.50, not 3.5 million. See www.example.com/a.b?c.d!e for version 2.0.1 now.", 2),
        ("1. First item here.", 1),
        ("1. First one. 2. Second one. 3. Third one.", 3),
        ("a. First one. b. Second one.", 2),
        ("So . . . he waits. And then... nothing. And\u2026 nothing.", 3),
        ("What?! No!!! Really???", 3),
        ("He said \u201cno.\u201d She left. (It is so.) \u2018Go.\u2019 He went.", 5),
        ("First line\nsecond line", 1),
        ("\u4e00\u4e8c\u3002\u4e09\u56db\uff01", 2),
        ("\u042d\u0442\u043e \u0442\u0435\u0441\u0442. \u0412\u0442\u043e\u0440\u043e\u0439.", 2),
        ("", 0),
        ("1. 2. 3. ... !!! ?", 0),
    ],
)
def test_english(text: str, sentences: int) -> None:
    assert punkt.count_english(text) == sentences


def in_python(text: str) -> int:
    """`punkt.count_english` by the expressions alone."""
    pieces = re.split(f"[{ANYWHERE}]", punkt._ELLIPSES.sub("...", text))
    return sum(
        punkt._HAS_WORD.search(piece, start, stop) is not None
        for piece in pieces
        for start, stop in punkt._slices(piece, "english")
    )


WORDS = [
    "Dr",
    "dr",
    "St",
    "U",
    "etc",
    "lt",
    "no",
    "No",
    "Sen",
    "Louis",
    "dogs",
    "Fig",
    "fig",
    "Yahoo",
    "x-etc",
    "edelman",
    "b",
]
ENGLISH = [*PIECES, *WORDS, "\u2014", "\u2013", "\u0130", "\x1f", "\u3000", ". .", "-", "\u2028", "\r"]


@settings(max_examples=1500, deadline=None)
@given(st.lists(st.sampled_from(ENGLISH), max_size=14).map("".join), st.booleans())
def test_compiled_loops_find_what_the_expressions_find(text: str, lines: bool) -> None:
    pieces = text.splitlines() if lines else [text]
    assert punkt.count_english(text, lines=lines) == sum(map(in_python, pieces))
    assert punkt.count(text, lines=lines) == sum(
        punkt._count(piece, punkt._slices(piece, "unicode"), "unicode") for piece in pieces
    )


@settings(max_examples=500, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [*WORDS, "Jan", "The", "the", "he", "He", "5", "1,5", "-3", "A", "word", "etc.)", "however", "U.S", "I"]
            ),
            st.sampled_from([".", "!", "?", "...", '."', ".)", ".,", "", ":", "--", ".-"]),
            st.sampled_from([" ", "  ", "\n", "\xa0"]),
        ),
        max_size=8,
    )
)
def test_they_do_in_sentences_too(words: list[tuple[str, str, str]]) -> None:
    text = "".join(map("".join, words))
    assert punkt.count_english(text) == in_python(text)


def test_they_do_in_a_book(testdata: Any) -> None:
    book = (testdata / "G-text/gutenberg/84/84.txt").read_text(encoding="utf-8", errors="replace")[:100_000]
    assert punkt.count_english(book, lines=True) == sum(map(in_python, book.splitlines())) > 1000
    assert punkt.count_english(book) == in_python(book)


def test_a_lone_surrogate_is_a_character() -> None:
    assert punkt.count_english("One \ud800. Two words.") == in_python("One \ud800. Two words.") == 2


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([one for one in PIECES if one.isascii() and one != "\x1c"]), max_size=20).map("".join))
def test_older_rules_differ_in_other_quotes_and_spaces_alone(text: str) -> None:
    assert punkt.count(text, "ascii") == len(nltk().tokenize(text))
    lines = sum(len(nltk().tokenize(line)) for line in text.splitlines())
    assert punkt.count(text, "ascii", lines=True) == punkt.count(text, lines=True) == lines


def words_of_each_kind() -> list[str]:
    """Words of the model, of each kind of places in which it has seen them (beginning, middle, in capitals, small)."""
    found: dict[int, list[str]] = defaultdict(list)
    for word, seen in sorted(punkt._english(False).contexts.items()):
        if word.isalpha() and len(found[seen]) < 2:
            found[seen].append(word)
    return [word for kind in found.values() for word in kind]


@pytest.mark.parametrize("token", ["etc.", "a.", "B.", "5.", "mr.", "fell.", "...", "x-etc.", "u.s."])
def test_every_kind_of_word_behind_a_dot(token: str) -> None:
    words = [*words_of_each_kind(), *sorted(punkt._english(False).starters)[:10], ",", "12"]
    for word in words:
        for form in (word, word.capitalize(), word.upper()):
            text = f"They saw {token} {form} ran."
            wanted = len(nltk().tokenize(text))
            assert punkt.count(text) == wanted, text
            assert punkt._count(text, punkt._slices(text, "unicode"), "unicode") == wanted, text


def test_words_that_stand_together_are_not_parted() -> None:
    for first, second in sorted(punkt._english(False).collocations)[::20]:
        text = f"By {first}. {second} and {second.capitalize()}. It {first.capitalize()}. {second.capitalize()}. Go."
        wanted = len(nltk().tokenize(text))
        assert punkt.count(text) == punkt._count(text, punkt._slices(text, "unicode"), "unicode") == wanted, text


def test_letters_that_the_loops_know() -> None:
    """No word of the model has one; what the expressions ask of a letter is what its kind says."""
    model = punkt._english(True)
    assert "".join(
        [*model.abbreviations, *model.starters, *model.contexts, *map("".join, model.collocations)]
    ).isascii()
    for kind, codes in loops._letters().items():
        for char in map(chr, codes):
            assert re.fullmatch(r"[^\W\d_]", char)
            assert char.lower().isascii() is char.isdigit() is False
            assert (char.isupper(), char.islower()) == (kind == loops._CAPITAL, kind == loops._SMALL)


def test_they_are_letters_to_sentences() -> None:
    codes = [
        *range(0x80, 0x600),
        *range(0x600, 0x3400, 3),
        *range(0x3400, 0xD800, 301),
        *range(0xE000, 0x10000, 7),
        0x1F600,
    ]
    for char in map(chr, codes):
        text = f"A{char} {char}b. {char}. {char}x etc. {char}y no. {char} U.{char}. Dr. {char.upper()}z a{char}. {char}"
        assert punkt.count_english(text) == in_python(text), hex(ord(char))
