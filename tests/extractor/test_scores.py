"""The measures that engines are compared by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

scores = pytest.importorskip("benchmarks.extractor_scores")
labelled = pytest.importorskip("benchmarks.extractor_pages")

_LINES = st.lists(st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=6).map(" ".join), max_size=4).map("\n".join)


def test_tokens_are_words_and_single_characters_where_words_have_no_spaces() -> None:
    assert scores.tokens("Don't_stop, 日本 été2!") == ["don", "t", "stop", "日", "本", "été2"]


def test_a_text_is_scored_by_what_it_shares_with_gold() -> None:
    done = scores.score("a b c x", "a b c d e f")
    assert done.precision == 0.75
    assert done.recall == 0.5
    assert done.f1 == pytest.approx(0.6)


@pytest.mark.parametrize(("text", "gold", "expected"), [("", "", 1.0), ("a", "", 0.0), ("", "a", 0.0)])
def test_nothing_matches_only_nothing(text: str, gold: str, expected: float) -> None:
    done = scores.score(text, gold)
    assert (done.precision, done.recall, done.f1, done.rouge) == (expected,) * 4
    assert scores.score_f1(text, gold) == expected


def test_rouge_unites_the_lines_of_the_text() -> None:
    # Lin 2004, section 3.2: gold w1 w2 w3 w4 w5, text "w1 w2 w6 w7 w8" and "w1 w3 w8 w9 w5": the union has four of five
    text, gold = "w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5", "w1 w2 w3 w4 w5"
    assert scores.rouge_lsum(text, gold) == pytest.approx(scores.f_measure(4 / 10, 4 / 5))


@given(_LINES, _LINES)
def test_scores_stay_in_bounds_and_a_text_matches_itself(text: str, gold: str) -> None:
    done = scores.score(text, gold)
    for value in (done.precision, done.recall, done.f1, done.rouge):
        assert 0 <= value <= 1
    assert done.f1 == pytest.approx(scores.score_f1(text, gold))
    assert done.rouge <= done.f1 + 1e-9
    assert scores.score(gold, gold).rouge == pytest.approx(1)


def test_the_interval_resamples_whole_domains() -> None:
    one, other = [0.5] * 10, [0.4] * 10
    assert scores.paired_interval(one, other, list("aabbccddee")) == pytest.approx((0.1, 0.1, 0.1))
    mean, low, high = scores.paired_interval([1.0, 1, 0, 0], [0.0] * 4, list("aabb"))
    assert mean == 0.5
    assert (low, high) == (0, 1)


def test_domains_group_sites() -> None:
    row = {"set": "s", "path": "s/x/y.html"}
    assert labelled.domain_of("https://blog.example.co.uk/a", row) == "example.co.uk"
    assert labelled.domain_of("https://www.example.com/a", row) == "example.com"
    assert labelled.domain_of(None, row) == "s/x/y.html"


@pytest.mark.parametrize(
    ("label", "url", "gold", "kind"),
    [
        ("forum", None, "text", "forum"),
        ("article", "https://a.com/blog/x", "text", "blog"),
        (None, "https://forum.a.com/thread/1", "text", "discussion"),
        (None, "https://a.com/x", "text", "article"),
        ("article", "https://a.com/blog/x", "Это русский текст", "non-Latin"),
    ],
)
def test_kinds(label: str | None, url: str | None, gold: str, kind: str) -> None:
    assert labelled.kind_of("wcxb-dev", label, url, gold) == kind


def test_recipes_are_recipes() -> None:
    assert labelled.kind_of("recipe-scrapers", None, None, "flour") == "recipe"
