"""One HTML page without scripts or anything from elsewhere: verdict, intervals, curves, tables, samples, how to repeat it."""

import base64
import hashlib
import json
from importlib import resources
from pathlib import Path
from typing import Any

from train_probe import charts, tables
from train_probe.charts import Interval, Line
from train_probe.shown import escape
from train_probe.tables import Found, Pair, Runs, counted_seeds, lower_is_better, said

ROWS = 30
"""Of a chart of intervals, at most; the tables have all."""


def page(found: Found, runs: Runs, output: Path) -> str:
    """The report as HTML; every name is escaped, and the page's own policy forbids scripts and requests."""
    asked = json.loads((output / "experiment.json").read_text(encoding="utf-8"))
    names = list(runs)
    all_parts = tables.parts(runs)
    body = [
        _verdicts(found),
        _section("Ranking", tables.ranking(found, runs).html()) if len(names) > 2 else "",
        _section("Differences", _intervals(found), _beside(found)),
        *_sentences("Where the difference is", found.get("differences", [])),
        _section("Seeds and training", _seeds(found, runs)),
        _parts(all_parts),
        *_sentences("What this can't see", found.get("unseen", [])),
        _samples(runs, output),
        _section(
            "Metrics",
            f"<p>What decides is {escape(found['primary'])}. Grey: no mixture is better than guessing, or they differ by less than "
            "twice the noise of a seed.</p>",
            tables.metrics(found, names).html(),
        ),
        _section("Tokens and epochs", tables.ledger(runs).html()),
        _section("Cost and health", tables.cost(runs).html()),
        _section(
            "To repeat it",
            '<p class="soft">All tables as CSV and LaTeX are in tables/ beside this page.</p>'
            f"<pre>{escape(json.dumps(asked['request'], indent=1, ensure_ascii=False))}</pre><details><summary>what the inputs held, and "
            f"versions</summary><pre>{escape(json.dumps(asked, indent=1, ensure_ascii=False))}</pre></details>",
        ),
    ]
    style = resources.files("train_probe").joinpath("report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Probe: which corpus is better?</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        f"<style>{style}</style></head>\n<body><main><h1>Which corpus is better?</h1>{''.join(body)}</main></body></html>\n"
    )


def write(found: Found, runs: Runs, output: Path) -> None:
    """report.html, and the tables as CSV and LaTeX in tables/."""
    (output / "report.html").write_text(page(found, runs, output), encoding="utf-8")
    every = [
        tables.ranking(found, runs),
        tables.differences(found),
        tables.metrics(found, list(runs)),
        tables.parts(runs),
    ]
    every += [tables.ledger(runs), tables.cost(runs)]
    tables.write([table for table in every if table is not None], output / "tables")


def _section(title: str, *parts: str) -> str:
    return f"<h2>{escape(title)}</h2>{''.join(parts)}"


def _sentences(title: str, lines: list[str]) -> list[str]:
    return [_section(title, "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>")] if lines else []


def _verdicts(found: Found) -> str:
    if not found["pairs"]:
        return "<p>One mixture: the table of metrics shows the noise of a seed.</p>"
    rows = []
    for p in found["pairs"]:
        decided = ' class="decided"' if p["verdict"].endswith(" is better") else ""
        effect = f"{p['delta']:+.4f}" + (f" ({p['percent']:+.2f} %)" if p["percent"] is not None else "")
        ends = f" [{p['interval'][0]:+.4f}, {p['interval'][1]:+.4f}]" if p["interval"][0] is not None else ""
        rows.append(
            f"<li{decided}><b>{escape(p['a'])} and {escape(p['b'])}: {escape(said(p))}</b><br>"
            f'<span class="soft">{escape(found["primary"])}: {effect}{ends}, p {p["p_corrected"]:.2g}, {counted_seeds(p["seeds"])}</span></li>'
        )
    note = f"<p>{escape(found['note'])}</p>" if found.get("note") else ""
    return f'<ul class="verdicts">{"".join(rows)}</ul>{note}'


def _better(metric: str) -> str:
    return "less is better" if lower_is_better(metric) else "more is better"


def _unit(metric: str) -> str:
    """What an axis says of a metric: bits are per byte, all others are shares."""
    return f"{metric}, difference ({_better(metric)})"


def _row(pair: Pair, label: str, series: int = 0) -> Interval:
    low, high = pair["interval"]
    percent = f" ({pair['percent']:+.2f} %)" if pair["percent"] is not None else ""
    return Interval(label, pair["delta"], low, high, f"{pair['delta']:+.4f}{percent}", series)


def _intervals(found: Found) -> str:
    """The pairs on what decides and on what stands beside it, and both by source or task."""
    drawn = []
    every = {found["primary"]: found["pairs"], **found["others"]}
    look = found.get("look")
    level = f"{100 * (1 - look['alpha']):.4g}" if look else "96"
    for metric in filter(None, (found["primary"], found["second"])):
        pairs = every.get(metric, [])[:ROWS]
        if not pairs:
            continue
        rows = [_row(p, f"{p['a']} − {p['b']}") for p in pairs]
        which = "what decides" if metric == found["primary"] else "beside it"
        alone = " of each pair alone" if len(pairs) > 1 else ""
        title = f"{which}: {metric}, {level} % intervals{alone}; the band is too small to matter"
        drawn.append(charts.intervals(rows, _unit(metric), title, max(p["smallest"] for p in pairs)))
        groups = found.get("groups", {}).get(metric, {})
        rows = [
            _row(p, f"{group}: {p['a']} − {p['b']}" if len(pairs) > 1 else group, i)
            for group, some in groups.items()
            for i, p in enumerate(some)
        ][:ROWS]
        if rows:
            title = f"{metric} by source or task: {level} % intervals of each alone, not corrected"
            drawn.append(charts.intervals(rows, _unit(metric), title))
    return f'<div class="charts">{"".join(drawn)}</div>' if drawn else ""


def _beside(found: Found) -> str:
    """The table of differences: what decides and what stands beside it, the rest folded."""
    if not found["pairs"]:
        return ""
    table = tables.differences(found)
    first = len(found["pairs"]) + len(found["others"].get(found["second"] or "", []))
    folded = f"<details><summary>all other metrics</summary>{table.cut(first).html()}</details>"
    return (
        "<p>Black: what decides, p corrected for all pairs (Holm). Grey: what decides nothing; p of the first of it is corrected for "
        "the pairs of both, of all others for all pairs and all metrics. A difference matters from the stated size on; the power "
        "is the chance that the test shows one of that size. Seeds to add, or to plan anew: those that show a difference as large as "
        f"the measured one, or the smallest that matters, with power .8.</p>{table.cut(0, first).html()}"
        + (folded if len(table.rows) > first else "")
    )


def _seeds(found: Found, runs: Runs) -> str:
    """What decides by seed, and the training loss of every run, smoothed over a fiftieth of it."""
    primary = found["primary"]
    by_seed = []
    for name, seeds in runs.items():
        scores = [run["scores"][primary] for run in seeds.values() if primary in run["scores"]]
        if scores:
            by_seed.append((name, [sum(s["values"]) / sum(s["weights"]) for s in scores]))
    curves = [
        Line(name, _smooth(run["curve"]), f"{name}, seed {seed}")
        for name, seeds in runs.items()
        for seed, run in seeds.items()
    ]
    return (
        '<div class="charts">'
        + charts.dots(by_seed, f"{primary} ({_better(primary)})", f"{primary}: every seed, and the mean")
        + charts.lines(curves, "tokens", "training loss, nats a token", "Training loss, a line for each seed")
        + "</div>"
    )


def _smooth(curve: list[dict[str, float]]) -> list[tuple[float, float]]:
    window = max(1, len(curve) // 50)
    groups = [curve[i : i + window] for i in range(0, len(curve), window)]
    return [(g[-1]["tokens"], sum(p["loss"] for p in g) / len(g)) for g in groups]


def _parts(table: tables.Table | None) -> str:
    if table is None:
        return ""
    return _section(
        "Bits per byte by part of the held-out text",
        '<p class="soft">What a part adds to the whole: of each division these add up to the bits per byte of all.</p>',
        table.html(),
    )


def _samples(runs: Runs, output: Path) -> str:
    """The same beginnings, as each mixture's first seed goes on; "" where nothing was written or can be read."""
    first = {name: next(iter(seeds.values())).get("samples") for name, seeds in runs.items()}
    decode = _decoder(output)
    if decode is None or not all(first.values()):
        return ""
    out = []
    for i, sample in enumerate(next(some for some in first.values() if some)):
        out.append(f"<p><b>{escape(decode(sample['given'][1:]))}</b> …</p>")
        cells = [
            f"<div><h3>{escape(name)}</h3>{escape(decode(some[i]['written']))}</div>"
            for name, some in first.items()
            if some
        ]
        out.append(f'<div class="samples">{"".join(cells)}</div>')
    note = '<p class="soft">Beginnings of held-out documents, continued by the first seed with the same random numbers.</p>'
    return _section("What the models write", note, *out)


def _decoder(output: Path) -> Any:
    """Ids to text, a ¶ where a document ends; None without the tokenizer or its package."""
    from train_probe.errors import ProbeError
    from train_probe.tokenizer import load

    try:
        tokenizer = load(output / "tokenizer.json")
    except (ImportError, ProbeError):
        return None

    def decode(ids: list[int]) -> str:
        pieces: list[list[int]] = [[]]
        for token in ids:
            if token == tokenizer.end:
                pieces.append([])
            else:
                pieces[-1].append(token)
        return " ¶ ".join(str(tokenizer.inner.decode(piece)) for piece in pieces)

    return decode
