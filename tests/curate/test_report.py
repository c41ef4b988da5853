"""The report: complete, the same each time, and harmless in a real browser."""

import hashlib
import json
import re
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.corpus import schema
from curate.corpus.recipe import load
from curate.report import gather as gather_module
from curate.report.charts import bar, histogram, short, text
from curate.report.gather import KEPT_SAMPLES, LONGEST, MOST_LINES, Reservoir, gather
from curate.report.measured import Axis, thresholds
from curate.report.page import _duplicates, page
from curate.report.write import versions, write_report

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


@pytest.fixture(scope="module")
def html(small_corpus: Path) -> str:
    return make(small_corpus)


def make(corpus: Path, **changes: object) -> str:
    ledger = {**json.loads((corpus / "ledger.json").read_text()), **changes}
    recipe = load(str(corpus / "recipe.toml"))
    return page(ledger, gather(str(corpus), recipe), recipe, {"Python": "3.11"})


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_markup_is_balanced_and_inert(html: str) -> None:
    parser = Tags()
    parser.feed(html)
    assert parser.open == []
    names = {tag for tag, _ in parser.tags}
    assert names.isdisjoint(
        {"script", "img", "iframe", "object", "embed", "link", "base", "form", "input", "foreignobject"}
    )
    for tag, attributes in parser.tags:
        assert not any(name.startswith("on") or name in ("style", "src", "srcset") for name in attributes), tag
        assert (attributes.get("href") or "#").startswith("#"), attributes
    anchors = {attributes["href"] for tag, attributes in parser.tags if tag == "a"}
    assert anchors <= {f"#{attributes.get('id')}" for _, attributes in parser.tags}


def test_a_reason_leads_into_a_sample_and_the_list_to_each(html: str) -> None:
    """The anchor stands within the folded part: a browser that is sent there unfolds it."""
    assert re.search(r'<table class="funnel">.*<a href="#dropped-\d+">Too<wbr>Few<wbr>Sentences', html, re.S)
    inside = re.findall(r'<details class="doc[^>]*><summary>.*?</summary><div class="text" id="([\w-]+)"', html, re.S)
    (listed,) = re.findall(r"<summary>List of the \d+ documents shown</summary>(.*?)</details>", html, re.S)
    assert re.findall(r'href="#([\w-]+)"', listed) == inside


@pytest.mark.parametrize(
    ("values", "limits", "axis"),
    [
        ([1, 2, 2, 9], [5], Axis(1, 9, 9, whole=True)),
        ([0.0, 0.5, 1.0], [], Axis(0.005, 0.995, 30)),
        ([10.0, 20.0, 9_000.0], [50, 1e12], Axis(10.1, 8910.2, 30, logarithmic=True)),
        ([0.9, 0.95, 1.0], [0.85], Axis(0.85, 0.9995, 30)),
        ([0.99, 1.0, 1.0], [0.1], Axis(0.9901, 1.0, 30)),
        ([0.0] * 999 + [7.5], [1], Axis(0.0, 7.5, 30)),
    ],
)
def test_an_axis_shows_values_and_the_limits_that_lie_near(
    values: list[float], limits: list[float], axis: Axis
) -> None:
    found = Axis.over(np.array(values, float), limits)
    assert (found.bins, found.logarithmic, found.whole) == (axis.bins, axis.logarithmic, axis.whole)
    assert (found.low, found.high) == pytest.approx((axis.low, axis.high), rel=0.02)
    assert found.count(np.array(values, float)).sum() == len(values)


@given(
    st.lists(st.floats(-1e6, 1e6) | st.integers(-5, 5).map(float), min_size=2, max_size=50),
    st.lists(st.floats(-1e7, 1e7), max_size=3),
)
def test_any_values_have_an_axis(values: list[float], limits: list[float]) -> None:
    if min(values) == max(values):
        return
    axis = Axis.over(np.array(values), limits)
    assert axis.low < axis.high
    assert int(axis.count(np.array(values)).sum()) == len(values)
    assert all(0 <= axis.edge(limit, "<") <= 340 for limit in limits)


def test_limits_of_a_recipe_by_signal() -> None:
    found = thresholds(load("fineweb"))
    assert [one.told for one in found["words"]] == ["WordCount drops below 50", "WordCount drops above 100,000"]
    assert [one.told for one in found["top_3gram_chars"]] == ["TopNgrams drops above 0.18"]
    (ours,) = thresholds(load("fineweb-2"))["newlines_per_word"]
    assert ours.low == ours.high or "(by language)" in ours.told
    assert any("(by language)" in one.told for ones in thresholds(load("fineweb-2")).values() for one in ones)
    assert thresholds(None) == {}


def test_policy_allows_the_style_and_nothing_else(html: str) -> None:
    style = re.search(r"<style>(.*?)</style>", html, re.S)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert style
    assert policy
    digest = b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy[1].split("; ") == [
        "default-src 'none'", f"style-src 'sha256-{digest}'", "base-uri 'none'", "form-action 'none'",
    ]  # fmt: skip
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_every_section_is_there(html: str) -> None:
    for part in ("funnel", "rules", "contents", "measured", "duplicates", "samples", "failures", "work", "recipe"):
        assert f'<section id="{part}">' in html
    assert "Too<wbr>Few<wbr>Sentences.<wbr>too_<wbr>few" in html
    assert "host.<wbr>example" in html
    assert "&lt;script&gt;document.title=" in html
    assert re.search(r"<del>Home</del><span class=\"rule\">LineRules.no_end_mark</span>", html)
    assert "<b>sentences</b>" in html
    assert re.search(r"TooFewSentences drops below \d+</span>.*<line class=\"limit\"", html, re.S)
    assert '<span class="url">kept: https://host.example/1</span>' in html
    assert html.count("Urls.<wbr>duplicate") >= 2


def hostile(value: Any) -> Any:
    """Every name and every text of a ledger with a tag in it."""
    if isinstance(value, dict):
        plain = LEDGER_KEYS | {"web"}
        return {key if key in plain else f"{key}<hostile>": hostile(one) for key, one in value.items()}
    if isinstance(value, list):
        return [hostile(one) for one in value]
    return f'{value}<hostile title="\'">\u202e' if isinstance(value, str) else value


_KEYS = """
version curate job kind command recipe name digest steps records skipped rejected failed kept removed content extracted published rows
bytes ids texts input text_extracted text_kept stages seconds dedup step keys clusters copies sizes largest limits failed_share
max_failed files data file sha256 languages
"""
LEDGER_KEYS = frozenset(_KEYS.split())


def test_no_name_of_a_ledger_is_markup(small_corpus: Path) -> None:
    """Files, reasons, steps, stages: all of them may be somebody's, and none may become a tag."""
    ledger = hostile(json.loads((small_corpus / "ledger.json").read_text()))
    ledger["dedup"] = [
        {"step": "Urls<hostile>", "keys": 7, "clusters": 1, "copies": 2, "sizes": {"2-3": 1}, "largest": []}
    ]
    assert "a.warc.gz<hostile>" in ledger["files"]
    html = page(ledger, gather(str(small_corpus), None), None, {"Python<hostile>": "3.11<hostile>"})
    parser = Tags()
    parser.feed(html)
    assert "hostile" not in {tag for tag, _ in parser.tags}
    assert "\u202e" not in html
    for told in ("a.warc.gz", ledger["data"][0]["file"].partition("<")[0], "pass 1", "small", "3.11", "curate clean"):
        assert re.search(re.escape(told) + "[^<]*&lt;hostile", html), told


def test_control_characters_do_not_reach_the_page(html: str) -> None:
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", html)


def test_the_same_corpus_gives_the_same_page(small_corpus: Path, html: str) -> None:
    assert make(small_corpus) == html


def test_a_ledger_that_does_not_add_up_is_shown_as_such(small_corpus: Path, html: str) -> None:
    assert '<li class="bad">' not in html
    assert '<li class="bad">records = skipped' in make(small_corpus, kept=99)


def test_works_without_extracted_and_recipe(make_corpus: Callable[[Path], Path], tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "corpus")
    shutil.rmtree(corpus / "extracted")
    ledger = json.loads((corpus / "ledger.json").read_text())
    ledger["dedup"] = []
    write_report(ledger, gather(str(corpus), None), str(corpus / "report.html"))
    written = (corpus / "report.html").read_text()
    assert "The harbour was quiet" in written
    assert "no step that compares documents" in written


def test_empty_corpus(tmp_path: Path, small_corpus: Path) -> None:
    ledger = json.loads((small_corpus / "ledger.json").read_text())
    nothing = {"records": 0, "skipped": {}, "rejected": {}, "failed": {}, "kept": 0}
    ledger |= {**nothing, "removed": {}, "data": [], "files": {}, "stages": [], "dedup": []}
    assert "records read" in page(ledger, gather(str(tmp_path), None), None, versions())


def test_samples_are_bounded_and_fair(tmp_path: Path) -> None:
    rows = []
    for number in range(3_000):
        row = dict.fromkeys(schema.judged("web", []).names)
        row |= {"id": hashlib.md5(str(number).encode()).hexdigest(), "text": "x " * 30, "source": "s"}
        row |= {
            "verdict": "rejected",
            "reason": "Big.one" if number % 100 else f"Small.{number // 100:02d}",
            "removed": [],
        }
        rows.append(row)
    rows.sort(key=lambda row: row["id"])
    (tmp_path / "rejected").mkdir()
    pq.write_table(pa.Table.from_pylist(rows, schema.judged("web", [])), tmp_path / "rejected" / "a.parquet")
    dropped = gather(str(tmp_path), None).dropped
    assert len(dropped) == 33  # three of the big reason, one of each small
    assert [sample.row["reason"] for sample in dropped] == sorted(sample.row["reason"] for sample in dropped)


@pytest.mark.parametrize(("limit", "value"), [("LONGEST", 40), ("MOST_LINES", 2)])
def test_of_a_long_document_its_beginning_is_shown(
    small_corpus: Path, html: str, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    """Four pages of 19 MB with a line for every second byte took 5.9 GB and four minutes."""
    assert "of a long document" not in html
    monkeypatch.setattr(gather_module, limit, value)
    recipe = load(str(small_corpus / "recipe.toml"))
    data = gather(str(small_corpus), recipe)
    shown = [*data.kept, *data.dropped]
    long = [sample for sample in shown if sample.long]
    assert 1 <= len(long) <= len(shown)
    for sample in long:
        assert len(sample.lines) <= MOST_LINES if limit == "LONGEST" else len(sample.lines) == value
        assert len("".join(line.text for line in sample.lines)) <= (value if limit == "LONGEST" else LONGEST)
    for sample in shown:
        if not sample.long:
            assert len(sample.lines) <= (value if limit == "MOST_LINES" else MOST_LINES)
    assert make(small_corpus).count("of a long document") == len(long)


def test_large_corpora_are_sampled_by_row_groups(tmp_path: Path) -> None:
    ids = sorted(hashlib.md5(str(number).encode()).hexdigest() for number in range(2_000))
    table = pa.table({"id": ids, "text": ["abc"] * 2_000, "host": ["h"] * 2_000, "language": ["en"] * 2_000})
    (tmp_path / "data").mkdir()
    pq.write_table(table, tmp_path / "data" / "a.parquet", row_group_size=50)
    data = gather(str(tmp_path), None, limit=500)
    assert 200 <= data.looked_at["kept"] <= 900
    assert len(data.kept) == KEPT_SAMPLES
    assert gather(str(tmp_path), None, limit=500).looked_at == data.looked_at


@given(st.permutations(range(60)))
def test_reservoir_ignores_the_order(order: list[int]) -> None:
    straight, shuffled = Reservoir(5), Reservoir(5)
    for reservoir, numbers in ((straight, range(60)), (shuffled, order)):
        for number in numbers:
            if reservoir.wants(str(number)):
                reservoir.add({"id": str(number)})
    assert straight.rows() == shuffled.rows()


@given(st.text())
def test_text_is_inert(value: str) -> None:
    shown = text(value)
    assert not set(shown) & set("<>\"'")
    assert not re.search(r"&(?!(amp|lt|gt|quot|#x27);)", shown)


def test_bars_and_histograms() -> None:
    assert 'width="0.350"' in bar([(1, "kept")], 1e9)
    assert bar([(1, "kept")], 0).count("<rect") == 2
    assert "Nothing to show" in histogram([("a", "kept", {})], {}, "t")
    drawn = histogram([("a", "kept", {1: 5, 3: 10}), ("b", "second", {1: 1})], {1: "x", 2: "y", 3: "<z>"[1]}, "t")
    assert drawn.count("<title>") == 3
    assert [short(n) for n in (0, 999, 1_000, 1_234, 34_500, 5e6)] == ["0", "999", "1k", "1.2k", "34k", "5M"]


def browse(path: Path) -> tuple[str, str]:
    """(DOM after load, console messages) of a page in a real browser."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        pytest.skip("no browser on this machine")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--virtual-time-budget=2000"]
    profile = f"--user-data-dir={path.parent / 'profile'}"
    command = [browser, *flags, profile, "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


@pytest.mark.slow
def test_nothing_runs_in_a_real_browser(html: str, tmp_path: Path) -> None:
    control = tmp_path / "control.html"
    control.write_text("<title>a</title><script>document.title='owned';console.error('ran')</script>")
    dom, console = browse(control)
    assert "<title>owned</title>" in dom
    assert "ran" in console  # so the browser would tell
    report = tmp_path / "report.html"
    report.write_text(html, encoding="utf-8")
    dom, console = browse(report)
    assert "<title>Corpus report: small</title>" in dom
    assert "Samples" in dom
    assert console == ""


@pytest.mark.slow
def test_the_policy_holds_where_escaping_would_fail(html: str, tmp_path: Path) -> None:
    """A second line of defence: markup that gets into the page does nothing."""
    report = tmp_path / "report.html"
    report.write_text(html.replace("<main>", "<main><script>document.title='owned'</script>"), encoding="utf-8")
    dom, console = browse(report)
    assert "<title>Corpus report: small</title>" in dom
    assert "Content Security Policy" in console


def test_bytes_of_memory_have_a_unit() -> None:
    shown = _duplicates({"dedup": [{"step": "Urls", "keys": 299, "memory_estimate": 419_490_200, "sizes": {"2": 1}}]})
    assert "419.5 MB memory estimate" in shown
    assert "299 keys" in shown
