"""The compiled line rules against the plain ones, on real lines, random text and the edges of both."""

from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curate.filters import c4, c4_loops
from curate.filters.sentence_ends import INVISIBLE, terminals

STEPS = [
    c4.LineRules(),
    c4.LineRules(repeat=True, max_word_chars=9, min_words=2),
    c4.LineRules(count_after_citations=False, min_words=4),
    c4.LineRules(
        end_marks='.?!"', exact=True, min_words=5, rules=("long_word", "citation", "no_end_mark", "few_words")
    ),
    c4.LineRules(end_marks=".\U0001d7d9;", exact=True),
    c4.LineRules(exact=True, max_word_chars=9, min_words=1),
    c4.LineRules(end_marks=".:", rules=("no_end_mark", "javascript")),
    c4.LineRules(rules=("few_words", "policy")),
]
PIECES = [
    *(
        "Three words here.",
        "a b",
        "one two three four five",
        "word",
        "x" * 11,
        "Use cookies, always.",
        "the coo\u212aie policy.",
        "We use coo\u212aies here.",
    ),
    *(
        "terms of use.",
        "needs JavaScript on.",
        "javascript",
        "Cut it.[1]",
        "[edit]",
        "[citation needed]",
        "[e",
        "[\u0661]",
        "[]",
    ),
    *(
        "...",
        ".",
        "?",
        '"',
        "\u201d",
        "\u2026",
        ";",
        ":",
        "\u03b1;",
        "\u0561:",
        "\u1361",
        "\u1361\u1361",
        "\u0964",
        "\uff0e",
    ),
    *(
        "\u3053\u3093\u306b\u3061\u306f\u3002",
        "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
        "\u0f56\u0f7c\u0f51\u0f0b",
        "\U0001f600",
    ),
    *("\U00011047", "\u0130", "\xe9t\xe9.", "\ufe0f", "\u200b", "\xad", "\ufeff", "\x00", "\x7f", "\ud800"),
    *(*c4_loops.SPACES, "\r\n", "\n\n", " "),
]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=20).map("".join)


def plain(step: c4.LineRules, text: str) -> tuple[str, int, Counter[str]]:
    kept: list[str] = []
    removed = Counter[str]()
    for raw in text.splitlines():
        step._add(raw, kept, removed)
    return "\n".join(kept).strip(), len(kept), removed


@pytest.mark.parametrize("step", STEPS, ids=range(len(STEPS)))
@settings(deadline=None)
@given(text=TEXTS)
@example("")
@example("\n")
@example("One two three.\n" * 200 + "x\n" * 300)
@example("We use coo\u212aies here.\nThree words here.")
@example("One two three.\n\nFour five six.\r\nSeven eight nine.\rTen eleven twelve.\x85Not this")
def test_loops_say_what_the_rules_say(step: c4.LineRules, text: str) -> None:
    assert step._applied_by_loops(text) == plain(step, text)


def test_many_short_lines() -> None:
    """More of them than there is room for at first."""
    step = c4.LineRules(rules=("few_words",), min_words=1)
    for text in ("a\r\r" * 999, "\x85".join(["a."] * 999)):
        assert step._applied_by_loops(text) == plain(step, text)


@pytest.mark.parametrize("step", STEPS[:4], ids=range(4))
def test_every_character_at_an_end(step: c4.LineRules) -> None:
    chars = [chr(code) for code in range(0x10000) if code not in range(0x3400, 0xD800)]
    chars += [*terminals(), *INVISIBLE, "\U0001f600", "\U000e0100"]
    text = "\n".join(f"Three more w\u03b1{char}" for char in chars) + "\n".join(f"A few words.{char}" for char in chars)
    assert step._applied_by_loops(text) == plain(step, text)


def test_what_characters_are() -> None:
    everything = list(map(chr, range(0x110000)))
    assert set(c4_loops.SPACES) == {char for char in everything if char.isspace()}
    assert set(c4_loops.BREAKS) == {char for char in everything if len(f"a{char}b".splitlines()) > 1}
    # those beyond ASCII with an ASCII letter as their small one: neither is in lorem ipsum, and k is thought of
    assert {
        char
        for char in everything[128:]
        if not char.lower().isascii() and set(char.lower()) & set("abcdefghijklmnopqrstuvwxyz")
    } == {"\u0130"}
    assert [char for char in everything[128:] if char.lower().isascii()] == ["\u212a"]


@pytest.mark.parametrize(
    "word", ["Cookie policy", "our POLICY", "uses cookies", "javascript", "JavaScript", "terms of use"]
)
def test_a_phrase_is_found_wherever_it_stands_in_a_long_line(word: str) -> None:
    """Lines are looked through in blocks: at the edges of blocks, at the end of the text, and with letters of one before it."""
    step = c4.LineRules()
    for size in (40, 110):
        for at in range(size):
            line = "a te poli" + "x" * at + f" {word} " + "y" * (size - at) + "."
            for text in (line, f"{line}\nOne two three.", f"One two three.\n{line}"):
                kept, counts = text.splitlines(), Counter[str]()
                _, code = step._line(line)
                if code:
                    kept.remove(line)
                    counts[code] += 1
                assert step._applied(text) == ("\n".join(kept), len(kept), counts)


@given(
    st.integers(0, 80), st.integers(0, 80), st.sampled_from(["lorem", "LoReM", "lore", "orem", "l\u00f6rem", "cook"])
)
@example(31, 0, "lorem")
def test_a_word_is_found_in_either_case(before: int, after: int, word: str) -> None:
    text = "lore" * before + word + " ipsum" + "mlo" * after
    assert c4.LoremIpsum()._count(text) == text.lower().count("lorem ipsum")
