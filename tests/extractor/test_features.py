"""What the model sees of a block: repeats, the page's description, words of many languages."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.html.columns import FEATURES
from curate.html.features import fill
from curate.html.measure import CHARS, IN_TITLE, LONGEST, STOPS, WORDS, is_stop
from curate.html.page import as_bytes, read_page
from curate.html.tags import fnv
from curate.html.words import _STOP, stop_words


def column(html: str, name: str) -> list[float]:
    """One feature of every block."""
    page = read_page(html)
    rows = np.zeros((page.count, len(FEATURES)), np.float32)
    fill(page.facts, 0, page.count, rows)
    return [float(x) for x in rows[:, FEATURES.index(name)]]


def test_repeats_are_counted_in_all_and_before() -> None:
    html = "<p>one two<p>three four<p>one two<p>One two"
    assert column(html, "repeats") == [3, 1, 3, 3]
    assert column(html, "repeats_before") == [0, 0, 1, 2]


@pytest.mark.parametrize(
    "meta",
    [
        '<meta name="description" content="the silver river">',
        "<meta content='The silver river' property=og:description>",
        '<meta name=description content="the"><meta property="og:description" content="the silver river">',
    ],
)
def test_words_of_the_description_are_known(meta: str) -> None:
    html = f"{meta}<p>silver river bed</p><p>menu</p>"
    assert column(html, "described") == pytest.approx([2 / 3, 0])
    assert column(html, "describes") == pytest.approx([2 / 3, 0])
    assert column(html, "description_words") == [3, 3]


@pytest.mark.parametrize("meta", ['<meta name="keywords" content="silver river">', "<meta name=description>", ""])
def test_other_contents_are_no_description(meta: str) -> None:
    assert column(f"{meta}<p>silver river bed</p>", "described") == [0]


def test_the_largest_group_is_the_one_with_most_words() -> None:
    html = "<ul><li class=a>one two three<li class=a>four five six</ul><p>seven eight"
    assert column(html, "in_largest_group") == [1, 1, 0]
    assert column(html, "largest_group_share") == pytest.approx([0.75] * 3)


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("정부는 오늘 새로운 정책을 발표했다고 한다", 0.4),
        ("وقال الوزير إن الحكومة في البلاد لم تكن على علم", 0.2),
        ("यह शहर की सबसे पुरानी इमारत है और इस में", 0.3),
        ("Chính phủ đã không có những người trong các", 0.3),
        ("the man who was in the house", 0.5),
    ],
)
def test_prose_has_frequent_words_in_many_languages(text: str, least: float) -> None:
    measures = read_page(f"<p>{text}</p>").facts.measures[0]
    assert measures[STOPS] / measures[WORDS] >= least


@pytest.mark.parametrize("word", ["comment", "comments", "commentBody", "my-commentlist", "wp_commenters"])
def test_class_words_that_begin_with_comment_mark_comments(word: str) -> None:
    assert column(f'<div class="{word}"><p>What a page!</p></div>', "in_comments") == [1]
    assert column('<div class="communal commen"><p>What a page!</p></div>', "in_comments") == [0]


def test_any_string_has_bytes() -> None:
    assert as_bytes("a\x00b\ud800c\U0001f600") == "ab\ufffdc\U0001f600".encode()


@pytest.mark.parametrize(
    ("title", "same", "other"),
    [
        ("北国的河流", "北国的河流从山里流出。", "首页新闻体育财经娱乐"),
        ("北の川の物語", "この北の川の物語は山から始まる。", "ホーム ニュース スポーツ"),
        ("แม่น้ำทางเหนือ", "แม่น้ำทางเหนือไหลลงทะเล", "หน้าแรก ข่าว กีฬา"),
        ("북쪽의 강물이 흐른다", "북쪽에서 강물은 산을 지나 바다로", "홈 뉴스 스포츠 연예"),
        ("Rivers of the north", "the rivers of the north", "home news sport"),
    ],
)
def test_the_words_of_the_title_are_known_in_every_script(title: str, same: str, other: str) -> None:
    shares = column(f"<title>{title}</title><p>{same}</p><p>{other}</p>", "title_share")
    assert shares[0] >= 0.5
    assert shares[1] <= 0.2  # Thai words share pairs of letters


@pytest.mark.parametrize(
    "text",
    [
        "北国的河流。",
        "「北の川。」",
        "北の川（山。）",
        "He said “no.”",
        "(He left.)",
        "ይህ ነው።",
        "នេះជាប្រយោគ។",
        "ဒါပါ။",
        "Սա է։",
        "Սա է:",
        "Τι είναι;",
        "یہ ہے۔",
        "यह है॥",
        "本です．",
        "ꯃꯁꯤ꯫",
        "זה ספר.\u200f",
    ],
)
def test_a_quote_or_bracket_behind_the_end_does_not_hide_it(text: str) -> None:
    assert column(f"<p>{text}</p>", "terminal") == [1]
    assert column(f"<p>{text}x</p>", "terminal") == [0]


def test_each_frequent_word_is_one_and_no_other() -> None:
    frequent = sorted(set(_STOP.split()))
    rows = stop_words()
    assert sorted(rows[rows > 0].tolist()) == sorted({fnv(word.encode()) for word in frequent})
    others = [f"{word}xq" for word in frequent if word.isascii()]
    measures = read_page("".join(f"<p>{word}" for word in (*frequent, *others))).facts.measures
    ours = [word for word in frequent if word.isalnum()]  # letters alone: marks on letters part words here
    found = dict(zip([*frequent, *others], measures[:, STOPS].tolist(), strict=True))
    assert [word for word in ours if found[word] < 1] == []
    assert [word for word in others if found[word]] == []


WORDS_OF_TITLES = st.lists(st.text("abcdefgh", min_size=3, max_size=6), min_size=1, max_size=60)


@given(WORDS_OF_TITLES, WORDS_OF_TITLES)
def test_words_of_the_title_are_found_however_many_it_has(title: list[str], words: list[str]) -> None:
    page = read_page(f"<title>{' '.join(title)}</title><p>{' '.join(words)}")
    assert page.facts.measures[0, IN_TITLE] == sum(word in set(title) for word in words)


def test_no_word_is_the_one_that_fills_rows_up() -> None:
    assert not is_stop.py_func(stop_words(), np.uint64(0))
    assert is_stop.py_func(stop_words(), np.uint64(fnv(b"the")))


def test_a_word_is_as_long_as_it_is() -> None:
    """Counts one by one end where single precision does, lengths don't."""
    measures = read_page(f"<p>{'a' * 17_000_002}").facts.measures[0]
    assert (measures[LONGEST], measures[CHARS]) == (17_000_002, 1 << 24)
