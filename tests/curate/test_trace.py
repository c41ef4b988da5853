"""Tracing a document: the same result as the job, and the lines add up to the text."""

from hypothesis import given
from hypothesis import strategies as st

from curate.corpus.recipe import parse
from curate.dedup.keep_first import OWNER
from curate.report import trace as trace_module
from curate.report.trace import RemovalRow, cut_spans, trace

RECIPE = parse(
    """
[[step]]
use = "filters.c4.LineRules"
[[step]]
use = "curate.dedup.Spans"
[[step]]
use = "filters.c4.TooFewSentences"
minimum = 1
""",
    "test",
)
words = st.sampled_from(
    ["The", "ferry", "came", "late", "[3]", "javascript", "today.", "again?", "said:", "cookies", "so..."]
)
line = st.lists(words, min_size=0, max_size=12).map(" ".join)
texts = st.lists(line, max_size=12).map("\n".join)
removals = st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=4)


def row(text: str) -> dict[str, object]:
    return {"id": "0" * 32, "text": text, "source": "s", "verdict": None}


def lost(pairs: list[tuple[int, bool]]) -> dict[str, list[RemovalRow]]:
    return {"Spans": [RemovalRow(pos, "0" * 16 if own else "f" * 16, OWNER if own else 2.0) for pos, own in pairs]}


@given(texts, removals)
def test_what_is_left_of_the_lines_is_the_text(text: str, pairs: list[tuple[int, bool]]) -> None:
    found = trace(row(text), RECIPE, lost(pairs))
    assert [line.text for line in found.lines] == text.splitlines()
    if found.verdict == "kept":
        left = [line.left for line in found.lines if line.left is not None]
        assert [" ".join(part.split()) for part in left] == [" ".join(part.split()) for part in found.text.splitlines()]


@given(texts, removals)
def test_every_change_of_a_line_names_its_rule(text: str, pairs: list[tuple[int, bool]]) -> None:
    for line in trace(row(text), RECIPE, lost(pairs)).lines:
        changed = line.left is None or line.left.strip() != line.text.strip()
        assert changed == bool(line.rules), line
        assert "".join(piece for piece, _ in cut_spans(line)) == line.text


@given(texts, removals)
def test_removed_counts_are_those_of_the_lines(text: str, pairs: list[tuple[int, bool]]) -> None:
    found = trace(row(text), RECIPE, lost(pairs))
    cut = [line for line in found.lines if line.text.strip() and line.left is None]  # empty lines are gaps
    gone = sum(line.rules[-1].startswith("LineRules.") for line in cut)
    assert gone == sum(found.stages[0].removed.values())


def test_a_step_that_raises_fails_the_document() -> None:
    class Broken:
        def __call__(self, doc: object) -> object:
            raise ZeroDivisionError("no")

    recipe = type(RECIPE)("x", (Broken(),), ("Broken",))
    found = trace(row("text"), recipe, {})
    assert (found.verdict, found.reason) == ("failed", "Broken.ZeroDivisionError")
    assert found.stages[0].detail == "no"


def test_what_extraction_decided_is_all_there_is() -> None:
    failed = {**row(""), "verdict": "failed", "reason": "damaged", "detail": "broken"}
    found = trace(failed, RECIPE, {})
    assert (found.verdict, found.reason, len(found.stages)) == ("failed", "damaged", 1)


def test_large_survivor_numbers_are_signed() -> None:
    found = trace(row("One. Two. Three. Four."), RECIPE, {"Spans": [RemovalRow(0, "f" * 16, 2.0)]})
    assert found.text == "Four."
    assert found.stages[1].removed == {"Spans.duplicate": 3}
    assert [piece for piece, gone in cut_spans(found.lines[0]) if gone] == ["One. Two. Three. "]


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "a b", "c a b", "d"]), st.booleans()), max_size=30))
def test_long_texts_are_paired_in_one_walk(lines: list[tuple[str, bool]]) -> None:
    before, after = [line for line, _ in lines], [line for line, kept in lines if kept]
    assert [left for left in trace_module._paired_fast(before, after) if left is not None] == after


def test_a_part_of_a_line_is_paired_with_it() -> None:
    for paired in (trace_module._paired, trace_module._paired_fast):
        assert paired(["menu", "a b. [1] c", "a", "end"], ["a b. c", "end"]) == [None, "a b. c", None, "end"]
