"""Words, lines, sentences."""

import re
import sys
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.filters.text import combining, count_sentences, lines, sentences, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        (" \n ", []),
        ("No end", ["No end"]),
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ('He said "no." Then (he left.) Then?!', ['He said "no."', "Then (he left.)", "Then?!"]),
        ("Version 3.5 is out. See a.org now.", ["Version 3.5 is out.", "See a.org now."]),
        ("A line\nanother line.\n\nlast", ["A line", "another line.", "last"]),
        ("\u4e00\u4e8c\u3002\u4e09\u56db\uff01\u4e94", ["\u4e00\u4e8c\u3002", "\u4e09\u56db\uff01", "\u4e94"]),
        ("... --- !!!", []),
        ("Dr. Who", ["Dr.", "Who"]),
    ],
)
def test_sentences(text: str, found: list[str]) -> None:
    assert list(sentences(text)) == found


@given(st.text(max_size=200))
def test_sentences_lose_no_word(text: str) -> None:
    letters = [char for char in text if char.isalnum()]
    assert [char for piece in sentences(text) for char in piece if char.isalnum()] == letters


@given(st.text(alphabet=" \n\t\r.!?\u2026\"')abA1\u2028\x1c\u0301_\u3002\x85\xa0\u00e9"))
def test_sentences_are_counted_as_they_are_cut(text: str) -> None:
    assert count_sentences(text) == len(sentences(text))


def test_words_and_lines() -> None:
    assert words(" a\u00a0b\nc ") == ("a", "b", "c")
    assert lines("a\r\nb\u2028c\n") == ("a", "b", "c")


def test_combining_are_all_marks_of_unicode() -> None:
    """Marks stand for themselves in the class and not for a range; variation selectors are among them."""
    found = re.findall(f"[{combining()}]", "".join(map(chr, range(sys.maxunicode + 1))))
    assert found == [char for char in map(chr, range(sys.maxunicode + 1)) if category(char)[0] == "M"]
