"""The engine: lines of text, trafilatura where it is unsure, and what `curate extract` prints."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from curate.commands.extract import extract as command
from curate.errors import InputError, UsageError
from curate.html.extract import Extraction, assemble, extract, extract_page, is_cold, judge, model
from curate.html.extractors import clean_text, extractor
from curate.html.show import page_html

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
        ("<table><tr><td>a<td><p>b</p><td>c</table>", ["a", "b", "c"]),
        ("<table><tr><td>a<br>b<td>c</table>", ["a", "b | c"]),
        (f"<table><tr><td>{'a ' * 200}<td>c</table>", [("a " * 200).strip(), "c"]),
        ("<pre>def f():\n    return 1\n\n\nf()</pre>", ["def f():", "    return 1", "", "", "f()"]),
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
    ],
)
def test_what_the_page_hides_is_no_text(hidden: str) -> None:
    shown = f"<p>{PARAGRAPH * 3}</p>" * 16
    text = extract(f"<title>Rivers</title><article><h1>Rivers</h1>{shown}{hidden.format(SECRET)}{shown}</article>")
    assert text.count((PARAGRAPH * 3).strip()) == 32
    assert "Unseen" not in text


@pytest.mark.parametrize(
    "shown", ["<dialog open>{}</dialog>", "<details>{}</details>", '<div aria-hidden="false">{}</div>', "<div>{}</div>"]
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
        "from pathlib import Path; from curate.html import extract as engine\n"
        f"engine._cache = lambda: Path({str(tmp_path)!r})\n"
        "engine.judge = lambda page: (print('in', flush=True), __import__('time').sleep(.3), print('out', flush=True))\n"
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
