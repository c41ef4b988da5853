"""Sentences between known words, and quick looks that leave out nothing."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.code.heads import OBJECTS, without_objects
from curate.code.names import folded
from curate.code.notices import asides
from curate.code.prose import Sentence, _lines_part, is_code_line, sentences
from curate.code.tokens import words

TEXT = st.lists(
    st.sampled_from(
        [*"ab .!?*-=_#\n\r\"')]/,\t", "if", "Note: ", "---", "\n\n", '",\n', "',\r\n", "\xe3\x80\x82", "\xa0"]
    )
).map("".join)

PART = re.compile(r"\*/|[.!?]+[\"')\]]*\s|\n[ \t\r]*\n|[.!?]?\s[*\-=_#]{3,}\s|[\"'],[ \t]*\r?\n\s*[\"']")


@settings(deadline=None)  # the first call loads compiled code
@given(TEXT, st.data())
def test_sentences_end_where_a_gap_parts_them(text, data):
    _, starts, ends = words(text.encode("latin-1"))
    free = np.array(data.draw(st.lists(st.booleans(), min_size=len(starts), max_size=len(starts))), np.bool_)
    apart = sorted((at, at) for at in data.draw(st.sets(st.integers(0, len(text)), max_size=3)))
    expected: list[Sentence] = []
    for n, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        goes_on = (
            n > 0
            and free[n - 1]
            and not PART.search(text[ends[n - 1] : start])
            and not ("\n" in text[ends[n - 1] : start] and _lines_part(text, int(ends[n - 1]), start))
            and not any(ends[n - 1] <= at < start for at, _ in apart)
        )
        if free[n]:
            first = expected.pop().start if goes_on else start
            expected.append(Sentence(first, end))
    found = list(sentences(text, starts, ends, free, apart))
    assert _without_breaks_in_dull_gaps(found, apart) == _without_breaks_in_dull_gaps(expected, apart)


def _without_breaks_in_dull_gaps(found, apart):
    """Sentences; those on both sides of a break count as one: a break between words with nothing but blanks and commas parts none."""
    out = []
    for one in found:
        if out and any(out[-1].end <= at < one.start for at, _ in apart):
            out[-1] = Sentence(out[-1].start, one.end)
        else:
            out.append(one)
    return out


@pytest.mark.parametrize(
    "said",
    [
        "check the permission bits first",
        "the LICENSE plate of a car",
        "a secret key is kept",
        "takes it from the free list",
        "by trial division",
        "a race condition",
        "licence headers in files",
        "The file access permissions",
        "nothing of the kind",
    ],
)
def test_things_with_words_of_rights(said):
    assert without_objects(said) == OBJECTS.sub("bits", said)
    assert ("bits" in without_objects(said)) == ("nothing" not in said)


@pytest.mark.parametrize(
    "said",
    [
        "is gpl-compatible",
        'incompatible" with the gpl',
        "compatible with the\n gnu general public",
        "unlike the\tgpl",
        "put it under  the\n gpl",
        "other software that is released under the gpl",
        "another distribution license [including the  gnu",
    ],
)
def test_asides_are_not_passed_over(said):
    assert len(asides(said, folded(said).text)) == 1


@given(TEXT)
def test_lines_of_code(line):
    begins = re.compile(
        r"\s*(?:(?:import|from|def|class|package|use|using|var|let|const|function|module|struct|enum|public|private|static|return|if|for|while|#include|#define|#ifndef|#ifdef|#pragma|@\w+\s*$)\b|(?:\w+\s*(?:=|:=|\+=|\()|[\w.-]+\s*=))"
    )
    assert is_code_line(line) == (line.rstrip()[-1:] in (";", "{", "}") or begins.match(line) is not None)
