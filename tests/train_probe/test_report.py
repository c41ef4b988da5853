"""The report: charts that hold what they are given, tables in three forms, samples, a page that runs nothing."""

import csv
import io
import json
import math
import re
import shutil
import subprocess
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from train_probe import charts, evaluate, report, tables, tokenizer  # noqa: E402
from train_probe.__main__ import main  # noqa: E402
from train_probe.config import ModelConfig  # noqa: E402
from train_probe.data import TokenFile  # noqa: E402
from train_probe.model import build  # noqa: E402

FINITE = st.floats(-1e9, 1e9, allow_nan=False).filter(lambda x: x == 0 or abs(x) > 1e-6)
NAMES = st.text(max_size=12)


def drawn(chart):
    """The figure as XML, which it must be."""
    return ElementTree.fromstring(f"<x>{chart}</x>")


def places(figure):
    """Every coordinate that says where something is."""
    numbers = [
        float(e.get(k)) for e in figure.iter() for k in ("x", "x1", "x2", "cx", "y", "y1", "y2", "cy") if e.get(k)
    ]
    return numbers + [float(n) for e in figure.iter("polyline") for n in re.findall(r"-?[\d.]+", e.get("points"))]


@given(st.floats(-1e3, 1e3), st.floats(1e-4, 1e6))
def test_ticks_are_round_few_and_inside(low, width):
    found = charts.ticks(low, low + width)
    assert 1 <= len(found) <= 7
    assert all(low - 1e-6 * width <= x <= low + width * (1 + 1e-6) for x in found)


@given(st.lists(st.tuples(NAMES, FINITE, st.none() | FINITE), max_size=5), st.floats(0, 10), st.booleans())
def test_a_chart_of_intervals_is_well_formed_and_stays_inside(rows, band, zero):
    made = [
        charts.Interval(n, v, None if w is None else v - abs(w), None if w is None else v + abs(w), n)
        for n, v, w in rows
    ]
    made = [
        charts.Interval(re.sub(r"[^\x20-\x7e]", "?", r.label), r.value, r.low, r.high, "", i)
        for i, r in enumerate(made)
    ]
    figure = drawn(charts.intervals(made, "bits", "a <title>", band, zero))
    assert len(list(figure.iter("circle"))) == len(rows)
    assert all(-1 <= x <= charts.WIDE + 38 * len(rows) + 80 and math.isfinite(x) for x in places(figure))


def test_names_of_strangers_are_text_alone():
    name = "\x1b]0;title\x07<b>\u202e\ud800"
    seen = "\\x1b]0;title\\x07<b>\\u202e\\ud800"
    table = tables.Table("t", [(name, ""), ("n", ".1f")], [[name, 1.0]])
    cells = drawn(table.html())
    assert [cell.text for cell in cells.iter() if cell.tag in ("th", "td")] == [seen, "n", seen, "1.0"]
    assert (
        drawn(charts.intervals([charts.Interval(name, 1, 0, 2, "")], "bits", "t")).find(".//text[@class='row']").text
        == seen
    )
    assert list(csv.reader(io.StringIO(table.csv())))[1] == [seen, "1.0"]
    assert "\x1b" not in table.latex()


@example([[(5e-324, 0.0)]])
@given(st.lists(st.lists(st.tuples(st.floats(0, 1e9), FINITE), max_size=9), max_size=4))
def test_a_chart_of_curves_is_well_formed_and_stays_inside(curves):
    made = [charts.Line(f"<{i % 2}>", points) for i, points in enumerate(curves)]
    figure = drawn(charts.lines(made, "tokens", "nats & bits", "loss"))
    if any(curves):
        assert len(list(figure.iter("polyline"))) == len(curves)
        texts = [e.text for e in figure.iter("text")]
        assert {"tokens", "nats & bits"} <= set(texts)
        assert [e.text or e[0].tail for e in figure.iter("span")] == list(dict.fromkeys(line.name for line in made))
    assert all(-1 <= x <= charts.WIDE and math.isfinite(x) for x in places(figure))


def test_a_table_is_the_same_in_every_form():
    table = tables.Table("t", [("a_b", ""), ("n", ".2f")], [["x & <y>", 1.23456], ["50 % #1", None]], frozenset([1]))
    assert list(csv.reader(io.StringIO(table.csv()))) == [["a_b", "n"], ["x & <y>", "1.23456"], ["50 % #1", ""]]
    assert r"a\_b & n \\" in table.latex()
    assert r"x \& <y> & 1.23 \\" in table.latex()
    assert r"50 \% \#1 & -- \\" in table.latex()
    rows = list(drawn(table.html()).iter("tr"))
    assert [[cell.text for cell in row] for row in rows[1:]] == [["x & <y>", "1.23"], ["50 % #1", "–"]]
    assert [row.get("class") for row in rows] == [None, None, "grey"]
    assert table.cut(1).grey == {0}
    assert tables._latex("\\~^{}") == r"\textbackslash{}\textasciitilde{}\textasciicircum{}\{\}"


def test_places_are_those_that_decided_pairs_leave():
    def pair(a, b, verdict):
        return {"a": a, "b": b, "verdict": verdict}

    found = {"primary": "bits per byte", "metrics": {"bits per byte": {"mean": {"a": 2.0, "b": 2.1, "c": 3.0}}}}
    found["pairs"] = [pair("a", "b", "too small to tell"), pair("a", "c", "a is better"), pair("b", "c", "b is better")]
    assert [row[:2] for row in tables.ranking(found, {}).rows] == [["1 to 2", "a"], ["1 to 2", "b"], ["3", "c"]]


def test_models_that_agree_write_the_same_and_what_is_likely(monkeypatch):
    shape = ModelConfig(layers=1, width=32, heads=2, vocab=64, context=16)
    beginnings = [[0, 5, 6, 7], [0, 9, 9, 9]]
    first, again = (evaluate.continued(build(shape, seed=3).eval(), beginnings) for _ in range(2))
    assert first == again
    assert [len(row) for row in first] == [evaluate.WRITTEN] * 2  # longer than the context
    assert first != evaluate.continued(build(shape, seed=3).eval(), beginnings, seed=1)
    monkeypatch.setattr(evaluate, "WARMTH", 1e-4)  # nearly nothing but the most likely
    model = build(shape, seed=4).eval()
    torch.nn.init.normal_(model.head.weight if hasattr(model, "head") else model.head_weight(), std=1.0)
    with torch.no_grad():
        likely = (model(torch.tensor(beginnings))[:, -1] @ model.head_weight().T).argmax(1)
    assert [row[0] for row in evaluate.continued(model, beginnings)] == likely.tolist()
    assert (
        evaluate.continued(
            build(ModelConfig(family="bert", layers=1, width=32, heads=2, vocab=64, context=16)), beginnings
        )
        == []
    )


def test_the_page_has_every_part_and_runs_nothing(corpora, command):
    (corpora / "q.jsonl").write_text('{"context": "the", "choices": [" cat", " mat"], "answer": 0}\n' * 2)
    third = ["--shards", f"third={corpora / 'web'}", "--tasks", str(corpora / "q.jsonl"), "--documents", "shared"]
    assert main(command("train", "--tokens", "2K", "--seeds", "2", *third)) == 0
    out = corpora / "out"
    page = (out / "report.html").read_text()
    for part in (
        "Ranking",
        "Differences",
        "training loss, nats a token",
        "every seed, and the mean",
        "What the models write",
    ):
        assert part in page, part
    assert "<script" not in page
    assert "style=" not in page
    assert "default-src 'none'; style-src 'sha256-" in page
    result = json.loads((out / "runs/web/seed-0/result.json").read_text())
    held, words = TokenFile.open(out / "data/held-out"), tokenizer.from_merges([])
    assert result["samples"]
    for one in result["samples"]:
        assert one["given"][0] == held.end
        assert len(one["written"]) == evaluate.WRITTEN
        text = words.inner.decode(one["given"][1:])
        assert text in page
    bits = [row for row in csv.DictReader((out / "tables/differences.csv").open()) if row["metric"] == "bits per byte"]
    pairs = json.loads((out / "verdict.json").read_text())["pairs"]
    assert [float(row["difference"]) for row in bits] == [pair["delta"] for pair in pairs]
    assert {p.name for p in (out / "tables").iterdir()} == {
        f"{name}.{kind}"
        for name in ("ranking", "differences", "metrics", "parts", "ledger", "cost")
        for kind in ("csv", "tex")
    }
    groups = json.loads((out / "verdict.json").read_text())["groups"]["bits per byte"]
    whole = np.mean([groups[name][0]["delta"] for name in ("web", "books")])
    assert whole == pytest.approx(pairs[0]["delta"], abs=0.02)  # the sources are of about one size


def test_nothing_of_a_corpus_is_markup_on_the_page(corpora, command):
    """Its sources, its texts, the names of its folders and of the tasks."""
    for name in ("web", "books"):
        (corpora / name).rename(corpora / f"<u>{name}")
        rows = pq.read_table(corpora / f"<u>{name}" / "a.parquet").to_pylist()
        rows = [{"text": "<u>" + row["text"], "source": f"<u>{name}"} for row in rows]
        pq.write_table(pa.Table.from_pylist(rows), corpora / f"<u>{name}" / "a.parquet")
    (corpora / "<u>q.jsonl").write_text('{"context": "the", "choices": [" cat", " mat"], "answer": 0}\n' * 2)
    asked = command("train", "--tokens", "2K", "--seeds", "2", "--tasks", str(corpora / "<u>q.jsonl"))
    named = {str(corpora / name): f"{name}={corpora}/<u>{name}" for name in ("web", "books")}
    assert main([named.get(word, word) for word in asked]) == 0
    page = (corpora / "out/report.html").read_text()
    body = page[page.index("<body>") :]
    assert "u" not in re.findall(r"<\s*/?\s*(\w+)", body)
    sections = dict(re.findall(r"<h2>([^<]*)</h2>(.*?)(?=<h2>|</main>)", body, re.DOTALL))
    for title in ("Differences", "What the models write", "To repeat it"):
        assert "&lt;u&gt;" in sections[title], title


def test_names_and_what_models_write_are_no_markup_either(corpora, command, monkeypatch):
    """Names of mixtures can hold none as they are given, those of metrics are ours: a page of results in which they do."""
    taken = []
    monkeypatch.setattr(report, "write", lambda *given: taken.append(given))
    assert main(command("train", "--tokens", "1K", "--seeds", "2", "--no-tasks")) == 0
    found, runs, out = taken[0]
    for seeds in runs.values():
        for run in seeds.values():
            for sample in run["samples"]:
                sample["written"] = tokenizer.from_merges([]).inner.encode("<u>" * 3).ids
    marked = {"web": "<u>web", "books": "<u>books", "bits per byte": "<u>bits per byte"}

    def named(value):
        if isinstance(value, dict):
            return {named(key): named(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [named(one) for one in value]
        return marked.get(value, value) if isinstance(value, str) else value

    found = named({**found, "note": "<u>a note", "pairs": [{**pair, "caveat": "<u>so"} for pair in found["pairs"]]})
    body = report.page(found, named(runs), out).partition("<body>")[2]
    assert "<u>" not in body
    for said in ("web", "books", "bits per byte", "a note", "so"):
        assert f"&lt;u&gt;{said}" in body
    assert "&lt;u&gt;&lt;u&gt;&lt;u&gt;" in body


def test_no_part_of_the_page_is_wider_than_a_phone(corpora, command, tmp_path):
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no browser")
    assert main(command("train", "--tokens", "1K", "--seeds", "2", "--no-tasks")) == 0
    page = (corpora / "out/report.html").read_text()
    policy = re.search(r'<meta http-equiv="Content-Security-Policy"[^>]*>', page)[0]
    asks = "<script>document.title='wide '+document.documentElement.scrollWidth</script>"
    (tmp_path / "p.html").write_text(page.replace(policy, "").replace("</body>", asks + "</body>"))
    words = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=500,900", "--dump-dom"]
    done = subprocess.run(
        [*words, f"file://{tmp_path / 'p.html'}"], capture_output=True, text=True, timeout=120, check=False
    )
    assert int(re.search(r"<title>wide (\d+)", done.stdout)[1]) <= 500
