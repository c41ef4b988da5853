"""Comments and strings of the compiled passes are those of plain patterns."""

import random
import re

import numpy as np
import pytest

from curate.code.spoken import LEAST, LONGEST, comments, sentences_of, strings

_COMMENTS = re.compile(
    r"[\"'/{(<=#;%!-](?:"
    r'(?<=")""[\s\S]*?(?:"""|\Z)'
    r"|(?<=')''[\s\S]*?(?:'''|\Z)|(?<=/)\*[\s\S]*?(?:\*/|\Z)|(?<=\{)-[\s\S]*?(?:-\}|\Z)|(?<=\()\*[\s\S]*?(?:\*\)|\Z)|(?<=<)!--[\s\S]*?(?:-->|\Z)|(?<=-)-\[\[[\s\S]*?(?:\]\]|\Z)"
    r"|(?<=\n=)(?:pod|head\d|over|item|begin|encoding)\b[\s\S]*?(?:^=cut\b|\Z)|(?:(?<=[\s;{}]#)(?!(?:include|define|if|else|endif|pragma|undef|import)\b)|(?<=[\s;{}]/)/|(?<=[\s;{}]-)-(?=[\s-])|(?<=[\s;{}][;%!{]))[^\n]*)",
    re.M,
)
_LINES_OF_QUOTES = re.compile(r"^[ \t]*(?:'(?!'')|\"(?!\"\")|\*|dnl\b|@?rem\b)[^\n]*", re.M | re.I)
_UNITS = f"{{{LEAST},{LONGEST}}}"
_STRINGS = re.compile(rf"\"((?:[^\"\\\n]|\\.){_UNITS})\"|'((?:[^'\\\n]|\\.){_UNITS})'")
PIECES = (
    '"""', "'''", "/*", "*/", "{-", "-}", "(*", "*)", "<!--", "-->", "--[[", "]]", "\n=pod", "\n=cut", "\n=head1", "=head", "\n", "\n", "\n", " ", "\t", "\r", "#", "#if ", "#include", "#define x",
    ";", "%", "!", "{", "}", "//", "--", "-", "-- ", "dnl ", "REM", "@rem ", "rem", "remx", "\xa0", "\x85", "a", "b c", "_", '"', "'", "\\", '\\"', "abcdefghijkl", "xyz one two three",
    '"hello world foo bar"', "*", "=", "<", "(", "/", "1", "\xe9",
)  # fmt: skip


def plain_comments(text):
    found, behind = [], f"\n{text}"
    matches = [*_COMMENTS.finditer(behind), *_LINES_OF_QUOTES.finditer(behind)]
    for match in sorted(matches, key=lambda m: (m.start(), -m.end())):
        start, end = match.start() - 1, match.end() - 1
        if found and start < found[-1][1]:
            continue
        if found and text[found[-1][1] : start].strip(" \t\r") == "\n" and text[found[-1][0]] == text[start]:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


@pytest.mark.parametrize("seed", range(8))
def test_comments_and_strings_are_those_of_the_patterns(seed):
    chance = random.Random(seed)
    for _ in range(500):
        text = "".join(chance.choice(PIECES) for _ in range(chance.randint(0, 16)))
        data = text.encode("latin-1")
        assert list(comments(data)) == plain_comments(text), text
        assert list(strings(data)) == [(m.start() + 1, m.end() - 1) for m in _STRINGS.finditer(text)], text


def test_long_strings_are_none():
    for units in (LEAST - 1, LEAST, LONGEST, LONGEST + 1):
        for unit in ("a", "\\n"):
            assert len(list(strings(f'"{unit * units}"'.encode()))) == (LEAST <= units <= LONGEST)


def test_spans_with_places_are_those_that_a_place_is_in():
    text = b"# one\nx\n# two\ny\n# three\n"
    assert list(comments(text)) == [(0, 5), (8, 13), (16, 23)]
    assert list(comments(text, np.array([6, 13, 23, 24], np.int32))) == [(8, 13), (16, 23)]
    assert not list(comments(text, np.array([], np.int32)))


def test_comments_are_found_in_many_languages():
    for text in (
        "x = 1 # one two\n", "int x; // one two\n", "/* one\n two */", "-- one two\n", "; one two\n", "% one two\n", "{- one two -}", "(* one two *)", "=pod\n\none two\n\n=cut\n",
        '"""one two"""', "<!-- one two -->", "! one two\n", "' one two\n", '" one two\n',
    ):  # fmt: skip
        found = [text[start:end] for start, end in comments(text.encode())]
        assert any("one" in said and "two" in said for said in found), text


def test_an_indented_docstring_is_one_comment_to_its_end() -> None:
    text = b'def f():\n    """First line.\n\n    Usage rights: this stays inside the group.\n    """\n    x = 1\n'
    assert [text[a:b] for a, b in comments(text)] == [text[text.index(b'"""') : text.rindex(b'"""') + 3]]


_MARKS = re.compile(r"^[ \t]*(?:/\*+!?|\*+/?|#+|//+!?|--+|;+|%+|!+|\{+|\(\*+|'+|\"+)[ \t]?", re.M)
_GAPS = re.compile(r"(?<=[.!?;])[\s\"'*]+|\n[ \t]*\n")
_IN_COMMENTS = [*"/*#-;%!{('\" \t\n\n\n.?aB\r\x85\xa0\x0b", "*/", "//", "--", "/**", "a b", "\n\n"]


@pytest.mark.parametrize("seed", range(20))
def test_sentences_of_a_comment_are_those_between_the_gaps_of_plain_patterns(seed):
    draw = random.Random(seed)
    for _ in range(200):
        comment = "".join(draw.choices(_IN_COMMENTS, k=draw.randrange(20)))
        plain = _MARKS.sub(lambda match: " " * len(match.group()), comment)
        gaps = [match.span() for match in _GAPS.finditer(plain)]
        starts, ends = [0, *(end for _, end in gaps)], [*(start for start, _ in gaps), len(plain)]
        assert sentences_of(comment) == (plain, list(zip(starts, ends, strict=True)))
