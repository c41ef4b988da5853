"""The scanner: which blocks of text a piece of markup has, as browsers show it."""

import html as html_module
from html.entities import html5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.html.page import Page, read_page
from curate.html.tags import NAMES, fnv, hash_table
from curate.html.tape import (
    B_BOLD,
    B_END,
    B_FROM,
    B_LINKED,
    B_NODE,
    B_SOFT,
    B_START,
    B_TO,
    HIDDEN,
    N_DEPTH,
    N_FLAGS,
    N_PARENT,
    N_TAG,
)


def blocks(html: str) -> list[str]:
    page = read_page(html)
    return [page.text(i) for i in range(page.count)]


def path(page: Page, index: int) -> list[str]:
    node, names = int(page.facts.blocks[index, B_NODE]), []
    while node > 0:
        names.append(NAMES[page.facts.nodes[node, N_TAG]])
        node = int(page.facts.nodes[node, N_PARENT])
    return names[::-1]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("", []),
        ("plain", ["plain"]),
        ("<p>a<p>b", ["a", "b"]),
        ("<p>a <b>b</b>c</p>d", ["a bc", "d"]),
        ("a\n\t b &nbsp; c", ["a b c"]),
        ("<div>a<br>b<br/>c</div>", ["a", "b", "c"]),
        ("<ul><li>a<li>b<ul><li>c</ul>d</ul>e", ["a", "b", "c", "d", "e"]),
        ("<table><tr><td>a<td>b<tr><td>c</table>d", ["a", "b", "c", "d"]),
        ("<dl><dt>a<dd>b<dt>c</dl>", ["a", "b", "c"]),
        ("<pre>\n a\n  b\n</pre>c", [" a\n  b", "c"]),
        ("<pre> \n\t\n\ta:\n\t\tb  c \n\n\nd\t\n</pre>e", ["\ta:\n\t\tb  c \n\n\nd", "e"]),
        ("<pre>a\r\n&nbsp;&#160; b\xa0\xa0=&#9;c&Tab;d&NewLine;e</pre>", ["a\n   b  =\tc\td\ne"]),
        ("<pre><code>\tx</code>\n</pre><pre>  </pre><p>a\xa0\xa0b &nbsp; c", ["\tx", "a b c"]),
        ("<p>in<i>sep</i>arable w<wbr>ord s&shy;oft", ["inseparable word soft"]),
        ("a<!-- b -->c<!-->d<!--->e<!-- f --!>g", ["acdeg"]),
        ("a<!-- never closed", ["a"]),
        ("a<!doctype html>b<?xml c?>d</ e>f</>g", ["abdfg"]),
        ("a<script>var x = '<p>no</p>';</script>b<style>p{}</style>c", ["abc"]),
        ("a<script>never closed <p>b", ["a"]),
        ("a<svg><title>no</title><text>no</text></svg>b", ["ab"]),
        ("a<svg>not closed b", ["anot closed b"]),
        ("a<textarea><p>no</p></textarea>b<iframe>no</iframe>c", ["abc"]),
        ("<title>no</title>a", ["a"]),
        ("a < b && c <3 d", ["a < b && c <3 d"]),
        ("&lt;p&gt; &amp;amp; &eacute;&#233;&#xE9; &notit; &#128;", ["<p> &amp; ééé ¬it; €"]),
        ("&#0;&#xD800;&#x110000;&#99999999999999999999;", ["\ufffd\ufffd\ufffd\ufffd"]),
        ("&; &# &#x &#; &unknown; &", ["&; &# &#x &#; &unknown; &"]),
        ("<a href='x>y' title=\"<p>\">a</a>", ["a"]),
        ("<p class=a/b>c<p id=>d", ["c", "d"]),
        ("<p>a<unclosed", ["a"]),
        ("<P>a</P><DIV>b</DIV>", ["a", "b"]),
        ("a</p>b</div>c</span>d", ["a", "b", "cd"]),
        ("<select><option>a<option>b</select>", ["a", "b"]),
        ("<x-card>a</x-card>b", ["a", "b"]),
        ("a\x00b\ud800c", ["ab\ufffdc"]),
        ("日本語<br>русский 🙂", ["日本語", "русский 🙂"]),
    ],
)
def test_blocks_of(html: str, expected: list[str]) -> None:
    assert blocks(html) == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<div><p>a<div>x", ["div", "div"]),
        ("<ul><li><p>a<li>x", ["ul", "li"]),
        ("<ul><li>a<ul><li>b</ul>x", ["ul", "li"]),
        ("<table><tr><td>a<tr><td>x", ["table", "tr", "td"]),
        ("<table><tr><td><table><tr><td>a</table>x", ["table", "tr", "td"]),
        ("<table><tr><td></div>x", ["table", "tr", "td"]),
        ("<div><table><tr><td>a</table>x", ["div"]),
        ("<h1>a<h2>x", ["h2"]),
        ("<div><section></div>x", []),
        ("<p>a</p></p>x", []),
        ("<button>a<button>x", ["button"]),
    ],
)
def test_the_last_block_is_held_by(html: str, expected: list[str]) -> None:
    page = read_page(html)
    assert path(page, page.count - 1) == expected


def test_links_bold_soft_breaks_and_hiding_are_noted() -> None:
    page = read_page("<p>a <a href=x>link</a><br><b>bold</b> x</p><div style='color:red; DISPLAY : none'>hid</div><p>y")
    rows = page.facts.blocks
    assert rows[:, B_LINKED].tolist() == [4, 0, 0, 0]
    assert rows[:, B_BOLD].tolist() == [0, 4, 0, 0]
    assert rows[:, B_SOFT].tolist() == [0, 1, 0, 0]
    assert [bool(page.facts.nodes[n, N_FLAGS] & HIDDEN) for n in rows[:, B_NODE]] == [False, False, True, False]


@pytest.mark.parametrize("value", ["nonexistent", "x:none", "display:block", "display", "none", "", "display:"])
def test_other_styles_hide_nothing(value: str) -> None:
    page = read_page(f"<div style='{value}'>x")
    assert not page.facts.nodes[1, N_FLAGS] & HIDDEN


def test_every_named_reference_is_python_s() -> None:
    silent = {"\u00ad", "\u200b", "\n", "\t", "\u00a0"}
    for name, value in html5.items():
        if not silent & set(value):
            assert blocks(f"x&{name} y") == [f"x{value} y"], name


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00")))
def test_escaped_text_comes_back(text: str) -> None:
    drop = dict.fromkeys(map(ord, "\u00ad\u200b\ufeff"))
    shown = [" ".join(line.replace("\xa0", " ").split(" ")) for line in [text.translate(drop)]]
    controls = {c: None for c in range(32) if chr(c) not in "\t\n\f\r\x0b"}
    want = [w for w in shown[0].translate(controls).replace("\xa0", " ").translate(_ASCII_SPACE).split(" ") if w]
    assert " ".join(blocks(html_module.escape(text))).split(" ") == (want or [""])


_ASCII_SPACE = {9: " ", 10: " ", 11: " ", 12: " ", 13: " "}

_SOUP = st.lists(
    st.sampled_from(
        [
            "<p>",
            "</p>",
            "<div>",
            "</div>",
            "<li>",
            "<td>",
            "<tr>",
            "<table>",
            "</table>",
            "<b>",
            "</b>",
            "<a>",
            "</a>",
            "<pre>",
            "</pre>",
            "<br>",
            "<!--",
            "-->",
            "<svg>",
            "</svg>",
            "<script>",
            "</script>",
            "<title>",
            "</title>",
            "<h1>",
            "<x-y>",
            "</x-y>",
            "&",
            "&amp",
            "&#65",
            "&#x;",
            ";",
            "<",
            ">",
            "/",
            "=",
            '"',
            "'",
            "\n",
            "text",
            "é",
            "日",
            "class=a",
            "<div\tid='x'style=display:none>",
            "<ul>",
            "</ul>",
            "<button>",
            "<select>",
            "<option>",
            "<!",
            "<?",
            "</",
            "\x00",
        ]
    ),
    max_size=60,
)


@settings(max_examples=300, deadline=None)
@given(_SOUP)
def test_tag_soup_keeps_every_invariant(parts: list[str]) -> None:
    page = read_page("".join(parts))
    facts, size = page.facts, len(page.source)
    nodes, rows = facts.nodes, facts.blocks
    assert (nodes[1:, N_PARENT] < range(1, len(nodes))).all()
    assert (nodes[1:, N_DEPTH] == nodes[nodes[1:, N_PARENT], N_DEPTH] + 1).all()
    assert (rows[:, B_NODE] < len(nodes)).all()
    assert (rows[:, B_START] < rows[:, B_END]).all()
    assert (rows[1:, B_START] >= rows[:-1, B_END]).all()
    assert ((rows[:, B_FROM] < rows[:, B_TO]) & (rows[:, B_TO] <= size)).all()
    assert (rows[:, B_LINKED] <= rows[:, B_END] - rows[:, B_START]).all()
    for i in range(page.count):
        text = page.text(i)
        assert text == text.strip(" \n")
        assert "\ufffd" not in text or "\ufffd" in "".join(parts)


@pytest.mark.parametrize(
    "piece",
    ["<div>", "<p>", "<b>", "<table><tr><td>", "<a href=x>", "<li>", "<svg>", "<!--", "<title>", "&amp", "<", "</div>",
     "<div class='" + "a " * 50 + "'>", "<x-y>", "<script></script>", "<p x='", "&", "<h1>a", "<ul><li>a"],
)  # fmt: skip
def test_depth_and_repetition_are_no_trap(piece: str) -> None:
    page = read_page("<p>first</p>" + piece * 3000 + "last")
    assert page.text(0) == "first"
    assert page.facts.nodes[:, N_DEPTH].max() < 256


def test_hash_tables_hold_every_word() -> None:
    words = [str(number).encode() for number in range(500)]
    keys, values = hash_table(words)
    slots = {int(key): int(value) for key, value in zip(keys, values, strict=True) if key}
    assert slots == {fnv(word): index for index, word in enumerate(words)}
