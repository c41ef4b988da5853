"""The engines behind one call: names, cleaned output, hostile markup, no memory of earlier pages."""

import importlib
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.corpus.recipe import parse
from curate.errors import RecipeError, UsageError
from curate.filters.base import Document
from curate.filters.c4 import LineRules
from curate.html.extractors import _UNWANTED, DEFAULT, ENGINES, clean_html, clean_text, extractor, extractor_version
from curate.html.tidy import is_tidy

PARAGRAPH = "The river rises in the hills above the town and reaches the sea after two hundred miles. "
PAGE = f"""<!DOCTYPE html><html><head><title>Rivers</title><script>var junk = 1;</script></head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/about">About</a></li></ul></nav>
<article><h1>Rivers of the north</h1><p>{PARAGRAPH * 3}</p><p>{PARAGRAPH.replace("river", "stream") * 3}</p>
<ul><li>First thing that is listed here.</li><li>Second thing that is listed here.</li></ul></article>
<footer><p>Copyright 2020, all rights reserved</p></footer></body></html>"""

every_engine = pytest.mark.parametrize("name", sorted(ENGINES))


@every_engine
def test_the_main_text_is_found_in_lines(name: str) -> None:
    text = extractor(name)(PAGE, "https://example.org/rivers")
    lines = text.splitlines()
    assert (PARAGRAPH * 3).strip() in lines
    assert "var junk" not in text
    assert "About" not in lines
    assert name != DEFAULT or any("First thing" in line for line in lines)
    assert not any("First thing" in line and "Second thing" in line for line in lines)


@every_engine
@pytest.mark.parametrize(
    "html",
    [
        "",
        " ",
        "\x00",
        "plain words without any tag",
        "<",
        "<html>",
        "<!-- never closed",
        "<script>never closed",
        "&#x0; &#xD800; &#99999999999; &nosuch; &amp",
        "<p>a\x00b\ud800c</p>",
        "<p " + "a=1 " * 5000 + ">text</p>",
        "<table><tr><td>" * 500 + "text",
        "<b><i><p>" * 1000 + "text",
        "<?xml version='1.0' encoding='utf-16'?><html><body><p>text</p></body></html>",
        "<svg><title>x</title><p>y</p></svg><math><mi>z</mi></math>",
    ],
)
def test_hostile_markup_gives_text_or_nothing(name: str, html: str) -> None:
    text = extractor(name)(html, None)
    assert text == clean_text(text)
    text.encode()


@every_engine
def test_a_page_does_not_depend_on_the_pages_before_it(name: str) -> None:
    engine = extractor(name)
    first = engine(PAGE, None)
    assert all(engine(PAGE, None) == first for _ in range(5))


def test_an_unknown_engine_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="'trafilatura'"):
        extractor("trafilatur")
    assert DEFAULT in ENGINES


@every_engine
def test_every_engine_can_be_imported_and_has_a_version(name: str) -> None:
    assert callable(getattr(importlib.import_module(ENGINES[name].module), ENGINES[name].function))
    assert extractor_version(name)


def test_an_engine_of_somebody_is_named_by_its_dotted_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "tests_shouting.py"
    module.write_text("def shout(html, url):\n    return html.upper()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert extractor("tests_shouting.shout")("a page", None) == "A PAGE"
    assert parse('[extract]\nengine = "tests_shouting.shout"\n', "r").extract.engine == "tests_shouting.shout"
    before = extractor_version("tests_shouting.shout")
    module.write_text("def shout(html, url):\n    return html.upper() + '!'\n")
    assert extractor_version("tests_shouting.shout") != before
    for wrong in ("tests_shouting.whisper", "tests_nowhere.shout"):
        with pytest.raises(RecipeError, match="extractor"):
            parse(f'[extract]\nengine = "{wrong}"\n', "r")


def test_the_default_is_one() -> None:
    assert parse("", "r").extract.engine == DEFAULT


@given(st.text(st.characters(codec=None, categories=None)))
def test_cleaned_text_is_clean(text: str) -> None:
    clean = clean_text(text)
    assert clean_text(clean) == clean
    assert clean.split("\n") == (clean.splitlines() or [""])
    assert not any(line != line.rstrip() for line in clean.split("\n"))
    assert "\x00" not in clean
    clean.encode()


@given(st.text(st.characters(codec=None, categories=None)))
def test_cleaned_markup_can_be_encoded(text: str) -> None:
    assert "\x00" not in clean_html(text)
    clean_html(text).encode()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["<p>", "</p>", "<div", ">", "<b>", "&", "x ", "<!--", "-->", "'", "<td>"])))
def test_tag_soup_never_raises(parts: list[str]) -> None:
    for name in ENGINES:
        extractor(name)("".join(parts), None).encode()


MINUTES = [
    f"The committee number {i} met in the old town hall on a rainy day. It decided to build a bridge." for i in range(6)
]
AROUND = f"<h1>Prices</h1><p>{PARAGRAPH * 2}</p>%s<p>{PARAGRAPH.replace('river', 'stream') * 2}</p>"


def _sentences(text: str) -> set[str]:
    """What C4's line rules leave of `text`."""
    kept = LineRules()(Document("0", text)).doc.text
    return {minute for minute in MINUTES if minute in kept}


@every_engine
@pytest.mark.parametrize("side", ["before", "after", "alone", "rows", "cells"])
def test_sentences_in_a_layout_table_are_kept_as_in_a_div(name: str, side: str) -> None:
    menu = '<td width="10%"><a href="/">Home</a><br><a href="/news">News</a></td>'
    body = "".join(f"<p>{minute}</p>" for minute in MINUTES)
    rows = {
        "before": f"<tr>{menu}<td>{body}</td></tr>",
        "after": f"<tr><td>{body}</td>{menu}</tr>",
        "alone": f"<tr><td>{body}</td></tr>",
        "rows": "".join(f"<tr><td>{minute}</td></tr>" for minute in MINUTES),
        "cells": f"<tr>{''.join(f'<td>{minute}</td>' for minute in MINUTES)}</tr>",
    }[side]
    page = "<html><head><title>T</title></head><body>%s</body></html>"
    table = extractor(name)(page % f"<table width='100%'>{rows}</table>", None)
    div = extractor(name)(page % f"<div>{body}</div>", None)
    assert _sentences(div) == set(MINUTES)
    assert _sentences(table) == set(MINUTES)


@pytest.mark.parametrize("bar", ["|", "&#124;", "&#x7C;", "&vert;"])
def test_rows_of_trafilatura_have_no_bar_at_their_ends(bar: str) -> None:
    table = (
        "<table><tr><th>Name</th><th>Price</th></tr><tr><td>Apple</td><td>3</td></tr><tr><td>---</td><td>2</td></tr>"
        f"<tr><td>Pear {bar} big</td><td></td></tr><tr><td></td><td>5</td></tr></table><pre>a {bar} b {bar}\n{bar} c {bar}</pre>"
    )
    lines = extractor("trafilatura")(AROUND % table, None).splitlines()
    assert lines[1:-1] == ["Name | Price", "Apple | 3", "--- | 2", "Pear | big", "5", "a | b |", "| c |"]
    assert lines[0] == (PARAGRAPH * 2).strip()


@given(st.lists(st.sampled_from(["a", "|", "\u2758", "\u23d0", " ", "&#124;", "b."]), max_size=20).map("".join))
@settings(max_examples=40, deadline=None)
def test_bars_of_the_page_stand(words: str) -> None:
    text = extractor("trafilatura")(AROUND % f"<p>Here is {words} and so on.</p>", None)
    shown = " ".join(words.replace("&#124;", "|").split())
    assert f"Here is {shown} and so on.".replace("  ", " ") in " ".join(text.split())


ODD = "\n\t \r\x0b\x1f\x7f\x85\xa0\u1680\u2000\u2003\u200a\u200b\u2028\u2029\u202f\u205f\u3000\ufeff"


@given(
    st.text(st.one_of(st.sampled_from("ab\n\n\n é”中😀" + ODD), st.characters(exclude_categories=["Cs"]))),
    st.booleans(),
)
def test_a_text_is_tidy_where_nothing_is_to_be_cleaned(text: str, gaps: bool) -> None:
    """The compiled look and the plain rules agree, but for doubly encoded text, which the look leaves to others."""
    lines = [line.rstrip() for line in _UNWANTED.sub("", text).splitlines()]
    whole = "\n".join(lines)
    cleaned = whole.strip("\n") if gaps else re.sub("\n{3,}", "\n\n", whole.strip())
    assert is_tidy(text.encode(), gaps) == (cleaned == text)
