"""The engine: lines of text, trafilatura where it is unsure, and what `curate extract` prints."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from curate.commands.extract import extract as command
from curate.errors import InputError, UsageError
from curate.html.extract import Extraction, assemble, extract, extract_page, is_cold, judge, model
from curate.html.extractors import clean_text, extractor
from curate.html.lines import CELL, MEANING, ROW, TERM, joined
from curate.html.show import page_html
from curate.html.tape import B_END, B_START, BLOCK_COLUMNS
from curate.html.title import _headings as headings
from curate.html.title import _tokens as tokens
from curate.html.title import title_of, with_title

PARAGRAPH = "The river rises in the hills above the town, and it reaches the sea after two hundred miles. "
PAGE = f"""<title>Rivers of the north</title><body><nav><ul>{"<li><a href=/>Home page</a>" * 12}</ul></nav>
<article class="article-body"><h1>Rivers of the north</h1>{f"<p>{PARAGRAPH * 3}" * 8}
<table><tr><th>River</th><th>Miles</th></tr><tr><td>Ouse</td><td>129</td></tr></table></article>
<footer><p>Copyright 2020. <a href=/privacy>Privacy policy</a></footer>"""


def all_kept(html: str) -> str:
    """The lines of a page of which everything is kept."""
    judged = judge(html)
    return assemble(dataclasses.replace(judged, keep=judged.probability >= 0))


def test_paragraphs_are_lines_and_menus_are_gone() -> None:
    done = extract_page(PAGE)
    lines = done.text.split("\n")
    assert done.engine == "curate"
    assert lines.count((PARAGRAPH * 3).strip()) == 8
    assert "Home page" not in done.text
    assert "Privacy" not in done.text


@pytest.mark.parametrize(
    ("html", "lines"),
    [
        ("<h2>Head</h2><p>One.</p><p>Two.<br>Three.</p>", ["Head", "One.", "Two.", "Three."]),
        ("<ul><li>One<li>Two<ul><li>Three</ul></ul>", ["One", "Two", "Three"]),
        ("<table><tr><th>a<th>b<tr><td>c<td>d</table>", ["a | b", "c | d"]),
        ("<table><tr><td>a<td><p>b</p><td><div><a href=/>c</a></div></table>", ["a | b | c"]),
        ("<table><tr><td>a<br>b<td>c<td>d</table>", ["a", "b", "c | d"]),
        ("<table><tr><td>a<td><ul><li>b</ul><td>c</table>", ["a", "b", "c"]),
        ("<table><tr><td><table><tr><td>a<td>b</table><td>c</table>", ["a | b", "c"]),
        (
            "<dl><dt>One<dd>The first.<dd>Not two.<dt>Two:<dd><p>The second.</dl>",
            ["One: The first.", "Not two.", "Two: The second."],
        ),
        ("<dl><dt>A<dt>B<dd>Both.<dt>C<dd><ul><li>D</ul></dl>", ["A", "B: Both.", "C", "D"]),
        ("<dl><div><dt>Age</dt><dd>25</dd></div><div><dt>Name<dd>Eve</div></dl>", ["Age: 25", "Name: Eve"]),
        ("<p>One.<br><br>Two.<br/>Three.</br>Four.", ["One.", "Two.", "Three.", "Four."]),
        ("<ol><li>a<ol><li>b<ul><li>c</ul></ol><li>d</ol>", ["a", "b", "c", "d"]),
        (f"<table><tr><td>{'a ' * 200}<td>c</table>", [("a " * 200).strip(), "c"]),
        ("<pre>def f():\n    return 1\n\n\nf()</pre>", ["def f():", "    return 1", "", "", "f()"]),
        ("<pre>a<br>  b<br><br>\tc</pre>", ["a", "  b", "", "\tc"]),
        ("<pre>\n&nbsp;&nbsp;a\u00a0\u00a0b\r\n    c</pre>", ["  a  b", "    c"]),
        ("<p>un<b>glu</b>ed</p><div>a</div><div>b</div>", ["unglued", "a", "b"]),
    ],
)
def test_lines(html: str, lines: list[str]) -> None:
    assert all_kept(html).split("\n") == lines


def test_trafilatura_takes_over_where_the_model_is_unsure(monkeypatch: pytest.MonkeyPatch) -> None:
    sure = model()
    monkeypatch.setattr("curate.html.extract.model", lambda: dataclasses.replace(sure, unsure=2.0))
    done = extract_page(PAGE, "https://example.org/")
    assert done.engine == "trafilatura"
    assert done.text == extractor("trafilatura")(PAGE, "https://example.org/")
    monkeypatch.setattr("curate.html.extract.model", lambda: dataclasses.replace(sure, unsure=0.0))
    assert extract_page(PAGE).engine == "curate"


@pytest.mark.parametrize(
    ("html", "line"),
    [
        ("10<sup>6</sup> m<sup>2</sup>", "10^6 m^2"),
        ("10<sup>-6</sup>, 10<sup>&minus;6</sup>, Ca<sup>2+</sup>", "10^-6, 10^\u22126, Ca^2+"),
        ("x<sup>n+1</sup> and e<sup>x</sup> and (a+b)<sup>2</sup>", "x^(n+1) and e^x and (a+b)^2"),
        ("2<sup>n</sup>, \u03c0<sup>2</sup>, 5<sup>1/2</sup>", "2^n, \u03c0^2, 5^(1/2)"),
        ("CO<sub>2</sub>, x<sub>i</sub>, x<sub>i</sub><sup>2</sup>, 101<sub>2</sub>", "CO2, x_i, x_i^2, 101_2"),
        ("V<sub>max</sub>, a<sub>i, j</sub>, (CH<sub>2</sub>)<sub>3</sub>", "V_max, a_(i, j), (CH2)3"),
        ("the 4<sup>th</sup>, 1<sup>er</sup>, 5<sup>e</sup>, Brand<sup>TM</sup>", "the 4th, 1er, 5e, BrandTM"),
        ("3<sup>1</sup>/<sub>2</sub> or <sup>1</sup>&frasl;<sub>2</sub>", "3 1/2 or 1\u20442"),
        ("said.<sup>1</sup> Word<sup>2</sup> end", "said.[1] Word[2] end"),
        ("said<sup><a href='#n1'>1</a></sup>, so<sup id=r><a href='#n'>[2]</a></sup>", "said[1], so[2]"),
        ("said<sup><a href=#a>a</a>,<a href=#b>b</a></sup> *<sup>*</sup>", "said[a,b] **"),
        ("said<sup><a href=#a><span hidden>1</span></a></sup> so", "said so"),
        ("<sup>1</sup>Department", "1 Department"),
        ("open<sup>2 " + "never closed " * 30, "open2 " + ("never closed " * 30).strip()),
    ],
)
def test_raised_and_lowered_characters(html: str, line: str) -> None:
    assert all_kept(f"<p>{html}</p>") == line


@pytest.mark.parametrize(
    ("html", "line"),
    [
        (
            "<ruby>\u6f22<rp>(</rp><rt>kan</rt><rp>)</rp>\u5b57<rp>(</rp><rt>ji</rt><rp>)</rp></ruby>x",
            "\u6f22(kan)\u5b57(ji)x",
        ),
        ("<ruby>\u6f22<rt>kan<rb>\u5b57<rt>ji</ruby>x", "\u6f22(kan)\u5b57(ji)x"),
        ("<ruby>\u6f22<rp>\uff08<rt>kan<rp>\uff09</ruby>x", "\u6f22(kan)x"),
        ("<ruby>\u6f22<rt></rt></ruby>x <rt>y", "\u6f22x y"),
    ],
)
def test_readings_of_ruby_stand_in_brackets(html: str, line: str) -> None:
    assert all_kept(f"<p>{html}</p>") == line


@pytest.mark.parametrize(
    ("html", "line"),
    [
        ("Rivers<a class=headerlink href=#rivers>\u00b6</a>", "Rivers"),
        ("Rivers <a href=#rivers>#</a>", "Rivers"),
        ("The note. <a href=#ref1>\u21a9\ufe0e</a>", "The note."),
        ("C<a href=/sharp>#5</a> and <a href=/x>one</a>", "C#5 and one"),
    ],
)
def test_links_that_are_a_sign_are_no_text(html: str, line: str) -> None:
    assert all_kept(f"<p>{html}</p>") == line


@pytest.mark.parametrize(
    ("html", "lines"),
    [
        (
            '<p>[vc_row][vc_column width="1/2"]Text[/vc_column][/vc_row]</p><p>[gallery ids="1,2"]</p><p>End.',
            ["Text", "End."],
        ),
        ("<p>[et_pb_section fb_built=\u201d1\u2033][et_pb_row]Text here", ["Text here"]),
        (
            '<p>[caption id="a" width=300]A cat.[/caption] One [1], [sic], a[i] and [name].',
            ["A cat. One [1], [sic], a[i] and [name]."],
        ),
        ("<p>[quote=Eve]She [b]said[/b] so.[/quote] [img]http://example.org/a.png[/img] Yes.", ["She said so. Yes."]),
        (
            '<pre>[b]bold[/b]</pre><p>Write <code>[gallery ids="1"]</code> there.',
            ["[b]bold[/b]", 'Write [gallery ids="1"] there.'],
        ),
    ],
)
def test_shortcodes_are_no_text(html: str, lines: list[str]) -> None:
    assert all_kept(html).split("\n") == lines


TITLED = f"<title>{{}}</title><article><h1>{{}}</h1>{f'<p>{PARAGRAPH * 3}' * 5}"


@pytest.mark.parametrize(
    ("title", "heading", "first"),
    [
        ("The long river - Maps", "The long river", "The long river"),
        ("Maps | The long river", "Maps", "The long river"),
        ("The long river", "", "The long river"),
        ("", "The long river", "The long river"),
        (
            "\u6d41\u611f\u6025\u901f\u5347\u6eab\uff5c\u65b0\u805e",
            "\u66f4\u591a \u65b0\u805e",
            "\u6d41\u611f\u6025\u901f\u5347\u6eab\uff5c\u65b0\u805e",
        ),
    ],
)
def test_the_title_is_the_first_line(title: str, heading: str, first: str) -> None:
    page = TITLED.format(title, heading)
    lines = extractor("curate", title=True)(page, "https://maps.example.org/1").split("\n")
    assert lines[0] == first
    assert lines.count(first) == 1
    assert lines.count((PARAGRAPH * 3).strip()) == 5


@pytest.mark.parametrize(
    ("title", "shown", "first"),
    [
        (
            "The Herald - Four rivers of the old map - Science",
            "Four rivers of the old map",
            "Four rivers of the old map",
        ),
        ("The Herald - Rivers - a map of them - Science", "Rivers - a map of them", "Rivers - a map of them"),
        ("Rivers | The Herald of all the rivers", "Rivers", "Rivers"),
        (
            "Old rivers - who drew them? > Science of the past",
            "Old rivers - who drew them?",
            "Old rivers - who drew them?",
        ),
        ("Rivers ㅣ The Herald of all the rivers", "Rivers", "Rivers"),
        # no block is it, or only the name of the site at its end
        ("Rivers | The Herald of all the rivers", "Rivers of old", "Rivers | The Herald of all the rivers"),
        (
            "Rivers | The Herald of all the rivers",
            "The Herald of all the rivers",
            "Rivers | The Herald of all the rivers",
        ),
    ],
)
def test_a_title_without_a_heading_is_what_a_block_shows_of_it(title: str, shown: str, first: str) -> None:
    page = (
        f"<title>{title}</title><body><div class=logo>The Herald</div><div class=big>{shown}</div>"
        + f"<p>{PARAGRAPH * 3}</p>" * 5
    )
    assert title_of(judge(page).page, "https://example.org/1") == first
    assert extractor("curate", title=True)(page, "https://example.org/1").split("\n").count(first) == 1


def test_a_title_of_many_parts_and_a_page_of_many_blocks_take_no_longer() -> None:
    page = f"<title>{' - '.join('ab' for _ in range(5000))}</title><body>" + "<p>ab</p>" * 20_000
    assert title_of(judge(page).page) == "ab"


@pytest.mark.parametrize("longest", [300, 1200])
def test_words_of_a_hostile_title_are_not_looked_for_in_each_heading(longest: int) -> None:
    """A million steps for each of 200 headings once: a page has 30 s."""
    words = [f"{'a' * 590}{n:04}" for n in range(2000)]
    page = f"<title>{' '.join(words)}</title>" + f"<h2>{'a' * longest}</h2>" * 200 + "<p>text"
    assert title_of(judge(page).page) == " ".join(words)[:300]
    words = [f"b{n}" for n in range(100_000)]
    page = f"<title>{' '.join(words)}</title>" + f"<h2>{'a ' * (longest // 2)}</h2>" * 200 + "<p>text"
    assert title_of(judge(page).page) == " ".join(words)[:300]


def test_no_text_no_title() -> None:
    assert extractor("curate", title=True)("<title>Rivers</title><body>", None) == ""
    assert extractor("trafilatura", title=True)(PAGE, None) == extractor("trafilatura")(PAGE, None)


SECRET = f"<p>Unseen. {PARAGRAPH * 3}</p>"


@pytest.mark.parametrize(
    "hidden",
    [
        "<div hidden>{}</div>",
        '<div style="color: red; DISPLAY : none ;">{}</div>',
        "<div style=visibility:hidden><div>{}</div></div>",
        '<section aria-hidden="true">{}</section>',
        "<template>{}</template>",
        "<noscript>{}</noscript>",
        "<dialog>{}</dialog>",
        "<!-- {} -->",
        "<video src=a>{}</video>",
        "<canvas>{}</canvas>",
    ],
)
def test_what_the_page_hides_is_no_text(hidden: str) -> None:
    shown = f"<p>{PARAGRAPH * 3}</p>" * 16
    text = extract(f"<title>Rivers</title><article><h1>Rivers</h1>{shown}{hidden.format(SECRET)}{shown}</article>")
    assert text.count((PARAGRAPH * 3).strip()) == 32
    assert "Unseen" not in text


@pytest.mark.parametrize(
    "hides", ["hidden", 'style="display:none !important"', "style=visibility:hidden", "hidden=hidden"]
)
def test_hidden_words_in_a_line_are_no_text(hides: str) -> None:
    assert all_kept(f"<p>One <span {hides}>two <b>three</b> <span>four</span></span>five.") == "One five."
    assert all_kept(f"<p>One <a href=/ {hides}>two</a>three.") == "One three."
    assert all_kept(f"<p>One <span {hides}>two<p>three.").split("\n") == ["One two", "three."]  # it has no end


@pytest.mark.parametrize("hides", ["hidden", "HIDDEN", 'style="display:none"', "style=visibility:HIDDEN"])
def test_what_hides_is_found_wherever_it_stands_in_a_long_tag(hides: str) -> None:
    """Tags are looked through in blocks: at the edges of blocks, and at the end of the page."""
    for before in range(70):
        tag = f'<span title="{"x" * before}" {hides}'
        for behind in ("", " title=" + "y" * 40):
            assert all_kept(f"<p>One {tag}{behind}>two</span>three.{'<!-- -->' * 20}") == "One three."
        assert all_kept(f"<p>One {tag}>two</span>") == "One"


def test_words_that_are_not_read_aloud_are_shown() -> None:
    assert (
        all_kept("<p>For <s aria-hidden=true>39</s> <b title=hidden>29</b> <i class=hidden>now</i>.")
        == "For 39 29 now."
    )


def test_beside_an_article_more_may_be_hidden() -> None:
    shown = f"<p>{PARAGRAPH * 3}</p>" * 3
    assert "Unseen" not in extract(f"<title>Rivers</title><article><h1>Rivers</h1>{shown}<div hidden>{SECRET}</div>")


@pytest.mark.parametrize(
    "shown",
    [
        "<div hidden=until-found>{}</div>",
        "<dialog open>{}</dialog>",
        "<details>{}</details>",
        '<div aria-hidden="false">{}</div>',
        "<div>{}</div>",
    ],
)
def test_what_the_page_shows_is_text(shown: str) -> None:
    around = f"<p>{PARAGRAPH * 3}" * 16
    assert "Unseen" in extract(f"<title>Rivers</title><article>{around}{shown.format(SECRET)}{around}</article>")


@pytest.mark.parametrize(
    "body", ["<body style=display:none>{}", "<body><div hidden>{}</div>", "<div aria-hidden=true>{}"]
)
def test_a_page_that_hides_its_article_until_it_is_loaded_keeps_it(body: str) -> None:
    assert extract(f"<title>Rivers</title>{body.format(f'<p>{PARAGRAPH * 3}' * 8)}").count(PARAGRAPH.strip()) == 24


def test_preformatted_text_keeps_tabs_indents_and_blank_lines() -> None:
    code = "\tif x:\n\t\treturn 1\n\n\nall:\n\tgcc -o a a.c"
    page = f"<title>Make</title><article>{f'<p>{PARAGRAPH * 3}' * 4}<pre><code>{code}\n</code></pre>{f'<p>{PARAGRAPH * 3}' * 4}"
    assert f"\n{code}\n" in extractor("curate")(page, None)


def json_ld(body: str) -> str:
    data = {"@context": "https://schema.org", "@graph": [{"@type": "NewsArticle", "articleBody": body}]}
    return f'<script type="application/ld+json">{json.dumps(data)}</script>'


def test_an_article_that_is_in_json_ld_alone_is_taken_from_there() -> None:
    shell = f"<title>Rivers</title>{json_ld(PARAGRAPH * 8)}<body><div id=root></div><p>Loading"
    assert extract_page(shell) == Extraction(PARAGRAPH * 8, "curate")
    assert extract(shell.replace("NewsArticle", "Person")) == extract("<title>Rivers</title><p>Loading")
    marked = "<title>Rivers</title>" + json_ld(f"<p>{PARAGRAPH * 4}</p><p>One &amp; two.</p>")
    assert extract(marked) == (PARAGRAPH * 4).strip() + "\nOne & two."
    assert extract(json_ld("Another text. " * 100) + PAGE) == extract(PAGE)


@pytest.mark.parametrize(
    "script",
    [
        "{",
        "[" * 100_000,
        '{"articleBody": 5}',
        '{"articleBody": ""}',
        json.dumps({"a": [{"articleBody": "few words"}]}),
    ],
)
def test_damaged_json_ld_is_nothing(script: str) -> None:
    page = f'<script type="application/ld+json">{script} "@type":"Article"</script><p>Loading'
    assert extract(page) == extract("<p>Loading")


def test_one_process_compiles_and_the_others_wait(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; from time import sleep; from types import SimpleNamespace\n"
        "from curate.html import extract as engine\n"
        f"engine._cache, engine.is_cold = lambda: Path({str(tmp_path)!r}), lambda: True\n"
        "engine.judge = lambda page: print('in', flush=True) or SimpleNamespace(page=None)\n"
        "engine.assemble = lambda judged: sleep(.3)\n"
        "engine.title_of = lambda page, url: print('out', flush=True)\n"
        "engine.prepare()"
    )
    log = tmp_path / "log"
    with log.open("a") as out:
        running = [subprocess.Popen([sys.executable, "-c", program], stdout=out) for _ in range(3)]
        assert [process.wait() for process in running] == [0, 0, 0]
    assert log.read_text().split() == ["in", "out"] * 3  # never two at once


def test_compiled_code_is_known_to_be_there() -> None:
    extract(PAGE)
    assert not is_cold()


def test_a_page_without_text_gives_none() -> None:
    assert extract("<body><script>x</script>") == ""
    assert extract("") == ""
    assert extract_page("<body><script>x</script>").engine == "curate"  # nothing to be unsure of


def test_real_pages_come_out_clean(testdata: Path) -> None:
    folder = testdata / "B-html" / "mozilla-readability" / "test" / "test-pages"
    pages = sorted(folder.glob("*/source.html"))[:20]
    assert pages
    run = extractor("curate")
    for page in pages:
        text = run(page.read_text(encoding="utf-8", errors="replace"), None)
        assert text
        assert text == clean_text(text, gaps=True)


def test_the_picture_of_a_page_runs_nothing() -> None:
    html = f"<p>{PARAGRAPH}&lt;script&gt;alert(1)&lt;/script&gt;</p><p class='\"><script>'>x</p>"
    shown = page_html(judge(html), "<script>bad</script>.html")
    assert "<script" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "default-src 'none'" in shown


def test_the_command_prints_text_blocks_or_a_picture(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(PAGE)
    run = CliRunner()
    assert run.invoke(command, [str(page)]).output.rstrip("\n") == extractor("curate")(PAGE, None)
    assert 'class="kept"' in run.invoke(command, [str(page), "--html"]).output
    value = json.loads(run.invoke(command, [str(page), "--json"]).output)
    assert list(value) == ["text", "engine", "expected_f1", "blocks"]
    block = next(one for one in value["blocks"] if one["text"].startswith("The river"))
    assert block["keep"]
    assert block["path"] == "article > p"
    assert block["features"]["words"] == len(PARAGRAPH.split()) * 3
    source = PAGE.encode()[slice(*block["bytes"])].decode()
    assert source.strip() == (PARAGRAPH * 3).strip()
    asked = run.invoke(command, ["-", "--extractor", "resiliparse"], input=PAGE)
    assert asked.output.strip()
    former = run.invoke(command, ["-", "--engine", "resiliparse"], input=PAGE)
    assert former.stdout == asked.stdout
    assert "--engine is called --extractor" in former.stderr


@pytest.mark.parametrize(
    "options",
    [
        ["--html", "--json"],
        ["--html", "--extractor", "resiliparse"],
        ["--extractor", "curat"],
        ["--extractor", "curate", "--engine", "curate"],
    ],
)
def test_wrong_options_are_said(tmp_path: Path, options: list[str]) -> None:
    page = tmp_path / "page.html"
    page.write_text(PAGE)
    assert isinstance(CliRunner().invoke(command, [str(page), *options]).exception, UsageError)


def test_a_missing_page_is_said(tmp_path: Path) -> None:
    assert isinstance(CliRunner().invoke(command, [str(tmp_path / "no.html")]).exception, InputError)


def titled(text: str, title: str) -> str:
    """`with_title` by its definition: the first line of the title's words, wherever it is."""
    for place, line in enumerate(lines := text.split("\n")):
        if len(line) <= 600 and tokens(line) == tokens(title):
            return text if place >= 10 else "\n".join([line, *lines[:place], *lines[place + 1 :]])
    return f"{title}\n{text}"


TITLES = st.lists(
    st.sampled_from(["Straße", "STRASSE", "ſs", "\u212aelvin", "kelvin", "the", "日本語", "...", "_"]), max_size=3
)


@given(TITLES.map(" ".join), st.lists(TITLES.map(", ".join), max_size=14))
def test_the_line_with_the_title_is_found_in_any_script(title: str, lines: list[str]) -> None:
    text = "\n".join(lines)
    assert with_title(text, title) == (titled(text, title) if title and text else text)


def test_headings_are_those_of_the_three_first_levels() -> None:
    heads = "".join(f"<h{level}><b>Head {level}</b> one</h{level}><p>text</p>" for level in range(1, 7))
    page = judge(f"<body>{heads}<h1>{'long ' * 300}</h1><h2><div>inner</div></h2>").page
    assert headings(page) == [(1, "Head 1 one"), (2, "Head 2 one"), (3, "Head 3 one"), (2, "inner")]


def plainly_joined(texts: list[bytes], near: list[list[int]]) -> bytes:
    """`joined` by its definition."""
    out, before = b"", -1
    for i, text in enumerate(texts):
        if not text:
            continue
        if before >= 0:
            one, other, last = near[before], near[i], texts[before][-1:]
            if other[ROW] >= 0 and other[ROW] == one[ROW] and other[CELL] != one[CELL]:
                out += b" | "
            elif one[TERM] >= 0 and other[MEANING] == one[TERM]:
                out += b": " if last.isalnum() or last in b")]\"'" or last >= b"\x80" else b" "
            else:
                out += b"\n"
        out += text
        before = i
    return out


small = st.integers(-1, 2)


@given(st.lists(st.tuples(st.sampled_from(["", "a", "b:", "c)", "é", "9?", "long " * 30]), small, small, small, small)))
def test_blocks_are_joined_as_their_elements_say(rows: list[tuple[str, int, int, int, int]]) -> None:
    texts, near = [row[0].encode() for row in rows], [list(row[1:]) for row in rows]
    blocks = np.zeros((len(rows), BLOCK_COLUMNS), np.int32)
    blocks[:, B_END] = np.cumsum([len(text) for text in texts])
    blocks[1:, B_START] = blocks[:-1, B_END]
    text = np.frombuffer(b"".join(texts), np.uint8)
    assert joined(text, blocks, np.array(near, np.int32).reshape(-1, 4)) == plainly_joined(texts, near)
