"""Wikitext to text."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.wikitext.kinds import is_disambiguation, is_list
from curate.wikitext.site import Site
from curate.wikitext.text import to_text
from tests.linear import assert_linear

SITE = Site(namespaces={"file": 6, "category": 14, "datei": 6, "kategorie": 14, "hilfe": 12})


def text(source, site=SITE):
    return to_text(source, site, "Title").text


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("A [[link]], [[target|label]]s and [[a (b)|]].", "A link, labels and a (b)."),
        ("[[File:x.jpg|thumb|A [[cat]] {{lang|fr|chat}}]]Text.", "Text."),
        ("[[Datei:x.jpg|mini|hoch]][[Bild:y.png]]Text.[[Kategorie:K]]", "Text."),
        ("Text [[de:Titel]][[:de:Titel]] [[:Category:K|all]]", "Text de:Titel all"),
        ("'''Bold''' ''it'' '''''both''''' l''''amour'''", "Bold it both l'amour"),
        ("a<!-- [[ {{ -->b<!-- no end", "ab"),
        ("x<ref name=a>{{cite web|url=http://a.b/c|title=T}}</ref><ref name=a /> y", "x y"),
        ("[http://a.b c d] [http://a.b] [//a.b e] [mailto:x@y f]", "c d e f"),
        ("<math>\\frac{{a}|{b}}</math>", "\\frac{{a}|{b}}"),
        ("<nowiki>{{x}} [[y]]</nowiki> &lt;b&gt; &amp;nbsp;", "{{x}} [[y]] <b> &nbsp;"),
        (
            "<syntaxhighlight lang=c>\nif (a  ||  b) {\n    c[0];\n}\n</syntaxhighlight>",
            "if (a  ||  b) {\n    c[0];\n}",
        ),
        ("a\n<poem>\nfirst\nsecond\n</poem>", "a\n\nfirst\nsecond"),
        ("{{Infobox x\n| a = {{convert|1|km}}\n| b = [[c]]\n}}\nText", "Text"),
        ("He (born {{unknown}}) and ({{unknown|x}}; 1900).", "He (born) and (1900)."),
        ("== Empty ==\n{{reflist}}\n=== Sub ===\n== Full ==\nText", "Full\n\nText"),
        ("* a\n** b\n# one\n# two\n; term\n: definition", "- a\n  - b\n1. one\n2. two\nterm\ndefinition"),
        ('{| class="wikitable"\n|+ Cap\n! A !! B\n|-\n| style="x" | 1 || 2<br>3\n|}', "Cap\nA\tB\n1\t2 3"),
        ('{|\n! A\n!! style="x" | B\n! colspan="2" ! scope="col" | C\n|}', "A\tB\tC"),
        (
            '{|\n| colspan="2" {{unknown}} || bgcolor=white colspan=3\n| style="x" {{yes}} || E = mc2\n|}',
            "Yes\tE = mc2",
        ),
        ('{| class="infobox"\n| gone\n|}\nText', "Text"),
        ("{|\n| out\n{|\n| in\n|}\n|}", "out in"),
        ("__NOTOC__ a __x__", "a __x__"),
        ("H<sub>2</sub>O, #include <stdio.h>, a<br/>b", "H2O, #include <stdio.h>, a\nb"),
        ("-{zh-hans:a;zh-hant:b}- -{c}-", "a c"),
        ("[[File:a.jpg|thumb|never closed\n\nText", "Text"),
        ("{{Infobox never closed\n| a = b\n\nText", "Infobox never closed\n\nText"),
        ("{{{1|default}}} {{{2}}}{{{{{a}}}}}", "default"),
    ],
)
def test_markup(source, expected):
    assert text(source).strip() == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{convert|5|km|mi}}", "5 kilometres (3.1 mi)"),
        ("{{convert|100|ft|m|abbr=on}}", "100 ft (30 m)"),
        ("{{convert|20|C}}", "20 °C (68 °F)"),
        ("{{convert|10|-|20|km}}", "10–20 kilometres (6.2–12.4 mi)"),
        ("{{convert|1|mi|km|0}}", "1 mile (2 km)"),
        ("{{convert|5|ft|10|in}} {{convert|5|ft|10|in|m|abbr=on}}", "5 feet 10 inches (1.78 m) 5 ft 10 in (1.78 m)"),
        ("{{convert|3|parrots}}", "3 parrots"),
        ("{{lang|fr|bonjour}}", "bonjour"),
        ("{{lang-de|Haus}}", "German: Haus"),
        ("{{nihongo|Tokyo Tower|東京タワー|Tōkyō tawā}}", "Tokyo Tower (東京タワー, Tōkyō tawā)"),
        ("{{IPA|/ˈsuːz/}}", "/ˈsuːz/"),
        ("{{IPAc-en|ˈ|æ|l}}", "/ˈæl/"),
        ("{{chem|H|2|O}}", "H2O"),
        ("{{val|5.2|u=m}}", "5.2 m"),
        ("{{frac|1|2}} {{sfrac|3}}", "1/2 1/3"),
        ("{{birth date|1990|1|2}} {{birth date|1990|1|2|df=y}}", "January 2, 1990 2 January 1990"),
        ("{{death date and age|2000|3|1|1950|4|1}}", "March 1, 2000 (aged 49)"),
        ("{{quote|To be|Hamlet}}", "To be\n— Hamlet"),
        ("{{formatnum:1234567.5}} {{nts|9000}}", "1234567.5 9,000"),
        ("{{lang|fr|2=[[a|b]] {{nowrap|c}}}}", "b c"),
        ("{{unbulleted list|a|b}}", "- a\n- b"),
        ("{{circa|1500}}{{snd}}{{as of|2009|3}}", "c. 1500 – As of March 2009"),
        ("{{PAGENAME}}", "Title"),
        ("{{cite book|title=T}}{{citation needed|date=May 2010}}", ""),
    ],
)
def test_templates_that_carry_text(source, expected):
    assert text(source).strip() == expected


def test_templates_of_other_languages_stand_alone():
    assert text("{{lang-en|House}}", Site(language="de")) == "House"


def test_links_are_told_from_references():
    found = to_text("[https://a.b/c?d=e x].<ref>{{cite|url=http://f.g/h}}.</ref> See http://i.j/k.", SITE).links
    assert [(link.url, link.reference) for link in found] == [
        ("http://f.g/h", True),
        ("https://a.b/c?d=e", False),
        ("http://i.j/k", False),
    ]


PARTS = [
    "{{",
    "}}",
    "{{{",
    "[[",
    "]]",
    "|",
    "=",
    "\n",
    "{|",
    "|}",
    "<ref>",
    "</ref>",
    "<!--",
    "-->",
    "''",
    "lang",
    "File:",
    "x",
    "==",
    "*",
]


@given(st.lists(st.sampled_from(PARTS), max_size=60).map("".join))
def test_nothing_is_left_open(source):
    found = text(source)
    assert not any(
        mark in found for mark in ("{{", "}}", "[[", "]]", "<ref", "<!--", "\x00", "\x01", "\x02", "\x03", "\x04")
    )


@given(st.text(alphabet=st.characters(min_codepoint=9), max_size=200))
def test_any_text_goes_through(source):
    text(source)


@pytest.mark.parametrize(
    "unit",
    [
        "{{",
        "[[",
        "{{lang|x|",
        "[[File:a|",
        "<ref>",
        "<!-- ",
        "{|\n|",
        "[http://a ",
        "= ",
        "'",
        "(",
        "({{x}}, ",
        "<b ",
        "}}",
        "<math>",
        "( ,",
    ],
)
def test_hostile_pages_take_time_linear_in_their_length(unit):
    assert_linear(lambda size, salt: partial(text, f"{salt} " + unit * (size // len(unit))), unit, 1 << 17)


def test_pages_that_are_no_articles():
    assert is_disambiguation("'''X''' may be:\n* [[a]]\n{{disambig|geo}}")
    assert is_disambiguation("{{Begriffsklärung}}")
    assert not is_disambiguation("{{about|x|y (disambiguation)}} A text.")
    assert is_list("Liste der Flüsse")
    assert not is_list("Listening")
