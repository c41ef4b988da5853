"""What patterns need, and where it stands."""

import random
import re

import numpy as np
import pytest

from curate.code.names import BITS, _present, _table
from curate.code.needles import Gates, gates, needed, opened, opens
from curate.code.remarks import _MAY_TAKE, _patterns
from curate.code.reserved import anywhere
from curate.code.terms import MAY_SET
from curate.code.tongues import beginnings, said_in_tongues
from curate.filters.tables import lines_of


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (r"\bfee\b", {" fee "}),
        (r"fees?", {"fee", "fees"}),
        (r"\b(?:seats?|purchas\w+)\b", {" seat ", " seats ", " purchas"}),
        (r"\b(?:port|copy) (?:of|from) [A-Z]", {" port of ", " port from ", " copy of ", " copy from "}),
        (r"the [a-z]+ licen[cs]e", {" licence", " license"}),
        (r"[$] ?\d|cut-and-paste", {"$", "cut and paste"}),
        (r"(?:not )?for sale(?! of)", {"not for sale", "for sale"}),
        (r"a{2,3}(?:owner)+", {"owner"}),
    ],
)
def test_needed_words_are_read_off_a_pattern(pattern, words):
    assert needed(pattern) == words


@pytest.mark.parametrize("pattern", [r"\w+", r"a|\d+", r"(?:for|of)?", r"[^a]b?"])
def test_what_needs_nothing_is_an_error(pattern):
    with pytest.raises(ValueError, match="always needs"):
        needed(pattern)


def test_places_and_bits_of_words():
    found = Gates(**gates({1: frozenset({" fee ", "$"}), 2: frozenset({"feed", " a fee "})}))
    places, bits = opened(b"A // Fee, feed; $5", found)
    assert (places.tolist(), bits.tolist()) == ([8, 13, 16], [3, 2, 1])
    assert opened(b"fee", found)[0].tolist() == [3]
    assert not len(opened(b"coffees", found)[0])


def plain(text):
    """A text with gaps as one blank, one at either end."""
    return f" {re.sub(r'[^0-9a-z_]+', ' ', text.lower())} ".replace("  ", " ")


def test_each_match_has_a_needed_word():
    """Texts made of pieces of the patterns themselves, of which many match."""
    any_, projects = (pattern.pattern for pattern in _patterns())
    chance, matched = random.Random(3), 0
    for number, pattern in enumerate((any_, projects, _MAY_TAKE, anywhere(), MAY_SET)):
        words = sorted(needed(pattern))
        exact, gate = re.compile(pattern), Gates(**gates({1: frozenset(words)}))
        pieces = [*re.findall(r"[a-z']{2,}", pattern), "from", "of", "the", "this", "is", "for", "to", "us", "$5"]
        for _ in range(250):
            text = " ".join(chance.choice(pieces) for _ in range(chance.randint(3, 9)))
            said = text.replace(" ", chance.choice([" ", "\n# ", "\n * "])).title() if number else text
            has = any(word in plain(text) for word in words if word != "$") or ("$" in words and "$" in text)
            assert (len(opened(said.encode(), gate)[0]) > 0) == has, text
            if exact.search(text):
                matched += 1
                assert has, text
    assert matched > 60


def test_words_of_other_languages_open_what_they_begin():
    gate = Gates(**gates({1: beginnings()}))
    for row in lines_of("licenses-tongues.tsv"):
        for word in ";".join(row.split("\t")[1:]).split(";"):
            text = f"# x, {word}s y. Firma, usage, autor.".lower()
            if text.isascii() and list(said_in_tongues(text)):
                assert len(opened(text.encode(), gate)[0]), text
    assert len(opened(b"usage interne", gate)[0])
    assert not len(opened(b"returns the value", gate)[0])


@pytest.mark.parametrize("kind", [np.uint8, np.uint64])
def test_bits_of_a_text_are_those_of_its_places(kind):
    words = {1: frozenset({" fee "}), 2: frozenset({"feed", "$"}), 4: frozenset({" a fee "}), 128: frozenset({"x y"})}
    small, wanted = Gates(**gates(words)), Gates(**gates(words, kind))
    draw = random.Random(1)
    for _ in range(500):
        text = "".join(draw.choice(["fee", "feed", " ", "a", "$", ",\n", "x", "y", "\xe9"]) for _ in range(8)).encode(
            "latin-1"
        )
        assert opens(text, wanted) == int(np.bitwise_or.reduce(opened(text, small)[1]))


def test_names_of_licences_are_looked_for_where_they_may_stand():
    for number, (pattern, _) in enumerate(_table()):
        for word in needed(pattern.pattern):
            assert opens(word.encode(), _present()) >> number % BITS & 1
