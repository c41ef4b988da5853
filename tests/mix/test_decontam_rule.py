"""What counts as an item of a task (docs/mixing.md, "What counts"), at its limits: against plain counting of words.

All words here are words of their own, so that n of them in a row hold exactly n - 2 of the question's 3-grams.
"""

from collections.abc import Sequence

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.mixing.decontam_items import Item
from curate.mixing.decontam_match import Found, Tasks

ANSWER = "seventyfive"


def run_of(name: str, count: int) -> list[str]:
    return [f"{name}{n}" for n in range(count)]


def item(size: int, *answers: str, passage: int = 0, name: str = "q") -> Item:
    return Item("t", 1, " ".join(run_of(name, size)), answers or (ANSWER,), " ".join(run_of("p", passage)))


def found(words: Sequence[str], *known: Item) -> list[Found]:
    return list(Tasks(known).find(pa.array([" ".join(words)], pa.large_string())))


def part(words: Sequence[str], known: Item) -> str:
    return ",".join(one.part for one in found(words, known))


def as_documented(size: int, run: int, answer: str, *, stands: bool) -> str:
    """Of a question of `size` words `run` stand in a row in a document, and the answer near them or not."""
    held = (run - 2) / (size - 2)
    if stands:
        if size < 8 and run == size:
            return "both"
        if size >= 8 and held >= (0.8 if size < 13 or len(answer) <= 2 else 0.5):
            return "both"
    return "question" if (held >= 0.8 and run >= 13) or run >= 50 else ""


@settings(deadline=None, max_examples=150)
@given(
    st.integers(4, 80) | st.integers(100, 200),  # of which 50 words are less than half
    st.floats(0.3, 1),
    st.floats(0, 1),
    st.sampled_from([ANSWER, "75", "750"]),
    st.sampled_from(["before", "behind", "nowhere"]),
    st.integers(0, 60),
)
def test_a_run_of_a_question_counts_from_the_documented_length_on(
    size: int, share: float, start: float, answer: str, place: str, before: int
) -> None:
    run = max(3, round(share * size))
    first = round(start * (size - run))
    said = run_of("q", size)[first : first + run]
    text = [*run_of("a", before), answer if place == "before" else "x", *said]
    text += [answer if place == "behind" else "y", *run_of("b", 30)]
    told = found(text, item(size, answer))
    assert ",".join(one.part for one in told) == as_documented(size, run, answer, stands=place != "nowhere")
    for one in told:
        assert (one.row, one.item, one.run) == (0, 0, run)
        assert one.held == pytest.approx((run - 2) / (size - 2))
        begins, ends = before + 1, before + 1 + run
        if one.part == "both":  # from the question to its answer
            begins, ends = (begins - 1, ends) if place == "before" else (begins, ends + 1)
        assert (one.first, one.end) == (begins, ends)


@pytest.mark.parametrize(
    ("runs", "told"),
    [
        ([13, 13, 4], "question"),  # 24 of 28 3-grams, 13 words in a row
        ([12, 12, 6], ""),  # as many, but never 13 in a row
        ([16, 12], "question"),  # as many, too
        ([16, 10], ""),  # 22 of 28 3-grams are less than four fifths
    ],
)
def test_a_question_without_its_answer_needs_four_fifths_and_a_run(runs: list[int], told: str) -> None:
    words, at = list[str](), 0
    for n, size in enumerate(runs):
        words += [*run_of("q", 30)[at : at + size], f"foreign{n}"]
        at += size
    assert part(words, item(30)) == told


@pytest.mark.parametrize(("gap", "told"), [(0, "both"), (249, "both"), (250, "")])
@pytest.mark.parametrize("behind", [True, False])
def test_the_answer_stands_within_250_words(gap: int, told: str, behind: bool) -> None:
    said, between = run_of("q", 20)[:11], run_of("x", gap)
    assert part([*said, *between, ANSWER] if behind else [ANSWER, *between, *said], item(20)) == told


@pytest.mark.parametrize("answers", [("none", ANSWER), (ANSWER, "none"), ("", "...", ANSWER)])
def test_any_of_the_right_answers_will_do(answers: tuple[str, ...]) -> None:
    assert part([*run_of("q", 20), ANSWER], item(20, *answers)) == "both"


def test_the_answer_behind_the_question_is_told_before_one_in_front_of_it() -> None:
    (one,) = found([ANSWER, *run_of("x", 5), *run_of("q", 20), "so", ANSWER], item(20))
    assert (one.first, one.end) == (6, 28)


@pytest.mark.parametrize(("count", "told"), [(49, ""), (50, "passage"), (51, "passage")])
def test_a_passage_counts_from_50_words_in_a_row(count: int, told: str) -> None:
    words = run_of("p", 90)[7 : 7 + count]
    assert part([*run_of("a", 9), *words, *run_of("b", 9)], item(20, passage=90)) == told
    assert part([*words[:25], "foreign", *words[25:]], item(20, passage=90)) == ""


@pytest.mark.parametrize(("items", "told"), [(10, 10), (11, 0)])
def test_3_grams_of_more_than_ten_items_count_for_none(items: int, told: int) -> None:
    known = [item(20, f"answer{n}") for n in range(items)]
    everything = [*run_of("q", 20), *(f"answer{n}" for n in range(items))]
    assert [one.part for one in found(everything, *known)] == ["both"] * told
    assert Tasks(known).too_short == (0 if told else items)


@pytest.mark.parametrize(("right", "told"), [(7, "both"), (6, "")])
def test_of_a_worked_solution_half_of_its_3_grams_will_do(right: int, told: str) -> None:
    """Of an answer of 14 words (12 3-grams); one of up to 13 words stands there as a whole."""
    solution = run_of("s", 14)
    said = [*run_of("q", 20)[:12], *solution[: right + 1], "foreign"]
    assert part(said, item(20, " ".join(solution))) == told
    assert part(said, item(20, " ".join(solution[:13]))) == ""
    assert part([*said[:12], *solution[:13]], item(20, " ".join(solution[:13]))) == "both"


def test_the_words_of_a_question_stand_close_together() -> None:
    said = run_of("q", 20)
    assert part([*said[:8], *run_of("x", 10), *said[8:16], ANSWER], item(20)) == "both"
    assert part([*said[:8], *run_of("x", 400), *said[8:16], ANSWER], item(20)) == ""
    known = item(20)
    far = [*said[:4], *run_of("x", 400), *said[4:], ANSWER]  # the stretch that holds most is told, not the first
    assert [(one.part, one.first, one.end) for one in found(far, known)] == [("both", 404, 421)]


def test_each_document_and_item_is_told_once_and_in_order() -> None:
    first, second = item(20), item(20, name="r")
    one, other = [*run_of("q", 20), ANSWER], [*run_of("r", 20), ANSWER]
    texts = ["", " ".join(other), " ".join([*other, *one]), "nothing", " ".join([*one, *run_of("x", 99), *one])]
    told = Tasks([first, second]).find(pa.array(texts, pa.large_string()))
    assert [(found.row, found.item) for found in told] == [(1, 1), (2, 0), (2, 1), (4, 0)]
