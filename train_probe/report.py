"""One HTML page without scripts or anything from elsewhere: verdict, curves, metrics, ledger, how to repeat it."""

import html
import json
from pathlib import Path
from typing import Any

_STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:.5em 0 1.5em}td,th{padding:.25em .8em;border-bottom:1px solid #ddd;text-align:right}
td:first-child,th:first-child{text-align:left}.grey{color:#999}.verdict{font-size:1.2em;font-weight:600}
pre{background:#f6f6f6;padding:1em;overflow:auto}svg{width:100%;height:auto}"""
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 800, 320, 50, 30


def page(found: dict[str, Any], runs: dict[str, dict[int, dict[str, Any]]], output: Path) -> str:
    """The report as HTML; every name is escaped, and the page's own policy forbids scripts and requests."""
    asked = json.loads((output / "experiment.json").read_text(encoding="utf-8"))
    from train_probe.compare import said

    verdicts = "".join(f'<p class="verdict">{_e(p["a"])} and {_e(p["b"])}: {_e(said(p))}</p>' for p in found["pairs"])
    parts = [
        verdicts or "<p>One mixture: the table of metrics shows the noise of a seed.</p>",
        "<h2>Differences</h2><p>Black: what decides, p corrected for all pairs (Holm). Grey: what stands beside it and decides "
        "nothing, p corrected for all pairs and all metrics.</p>",
        _pairs(found),
        *([f"<p>{_e(found['note'])}</p>"] if found.get("note") else []),
        *_sentences("Where the difference is", found.get("differences", [])),
        *_divisions(runs),
        *_sentences("What this can't see", found.get("unseen", [])),
        "<h2>Training loss</h2>",
        _curves(runs),
        "<h2>Metrics</h2><p>The first metric below decides: "
        + _e(found["primary"])
        + ". Greyed: no mixture is better than "
        "guessing, or they differ by less than twice the noise of a seed.</p>",
        _metrics(found, list(runs)),
        "<h2>Tokens and epochs</h2>",
        _ledger(runs),
        "<h2>Cost and health</h2>",
        _cost(runs),
        "<h2>To repeat it</h2><pre>" + _e(json.dumps(asked, indent=1, ensure_ascii=False)) + "</pre>",
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Probe</title>'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<style>{_STYLE}</style></head><body><h1>Which corpus is better?</h1>{''.join(parts)}</body></html>\n"
    )


def _e(value: object) -> str:
    return html.escape(str(value))


def _table(head: list[str], rows: list[tuple[str, list[str]]]) -> str:
    """Rows are (CSS class, cells); all is escaped here."""
    top = "".join(f"<th>{_e(h)}</th>" for h in head)
    body = "".join(f'<tr class="{_e(c)}">' + "".join(f"<td>{_e(x)}</td>" for x in cells) + "</tr>" for c, cells in rows)
    return f"<table><tr>{top}</tr>{body}</table>"


def _pairs(found: dict[str, Any]) -> str:
    """Differences of what decides, and of what stands beside it."""
    rows = [("", _difference(found["primary"], p)) for p in found["pairs"]]
    rows += [("grey", _difference(found["second"], p)) for p in found["others"].get(found["second"], [])]
    head = ["metric", "pair", "difference", "of it", "95 % interval", "p", "found with power .8", "matters from"]
    return _table([*head, "power for that", "seeds", "correlation of seeds"], rows)


def _difference(metric: str, p: dict[str, Any]) -> list[str]:
    low, high = p["interval"]
    return [
        metric,
        f"{p['a']} - {p['b']}",
        f"{p['delta']:+.4f}",
        f"{p['percent']:+.2f} %" if p["percent"] is not None else "–",
        f"{low:+.4f} … {high:+.4f}" if low is not None else "unknown",
        f"{p['p_corrected']:.3g}",
        f"{p['detectable']:.4f}" if p["detectable"] is not None else "–",
        f"{p['smallest']:.4f}",
        f"{p['power']:.2f}",
        f"{p['seeds']} ({'paired' if p['paired'] else 'unpaired'})",
        f"{p['correlation']:.2f}" if p.get("correlation") is not None else "–",
    ]


def _metrics(found: dict[str, Any], names: list[str]) -> str:
    rows = []
    first = found["primary"]
    for metric, m in sorted(found["metrics"].items(), key=lambda item: item[0] != first):
        ratio = f"{m['signal_to_noise']:.1f}" if m["signal_to_noise"] is not None else "–"
        noise = f"{m['noise']:.4f}" if m["noise"] is not None else "–"
        values = [f"{m['mean'][n]:.4f}" if n in m["mean"] else "–" for n in names]
        chance = f"{m['chance']:.3f}" if m["chance"] is not None else "–"
        rows.append(("" if m["shows"] else "grey", [metric, *values, chance, noise, ratio, m["silent"] or "differs"]))
        for group, by_name in m["groups"].items():
            values = [f"{by_name[n]:.4f}" if n in by_name else "–" for n in names]
            if len(m["groups"]) > 1:
                rows.append(("" if m["shows"] else "grey", [f"  {group}", *values, "", "", "", ""]))
    return _table(["metric", *names, "chance", "noise of a seed", "signal / noise", ""], rows)


def _sentences(title: str, lines: list[str]) -> list[str]:
    if not lines:
        return []
    return [f"<h2>{_e(title)}</h2><ul>" + "".join(f"<li>{_e(line)}</li>" for line in lines) + "</ul>"]


def _divisions(runs: dict[str, dict[int, dict[str, Any]]]) -> list[str]:
    """Bits per byte of the parts of the held-out text, means over seeds, and what each adds to the whole."""
    parts = {name: [run["parts"] for run in seeds.values() if run.get("parts")] for name, seeds in runs.items()}
    parts = {name: some for name, some in parts.items() if some}
    if not parts:
        return []
    out = [
        "<h2>Bits per byte by part of the held-out text</h2><p>In brackets what the part adds to the whole: these add up.</p>"
    ]
    first = next(iter(parts.values()))[0]
    for division in first:
        whole = sum(size for _, size in first[division].values())
        rows = []
        for part, (_, size) in first[division].items():
            cells = []
            for some in parts.values():
                bits = sum(p[division][part][0] for p in some) / len(some)
                cells.append(f"{bits / size:.4f} ({bits / whole:.4f})" if size else "–")
            rows.append(("", [part, f"{size / whole:.1%}", *cells]))
        out.append(_table([division, "of the bytes", *parts], rows))
    return out


def _ledger(runs: dict[str, dict[int, dict[str, Any]]]) -> str:
    rows = []
    for name, seeds in runs.items():
        for seed, run in seeds.items():
            for source, row in run["ledger"].items():
                counts = [f"{row[k]:,.0f}" for k in ("unique", "asked", "seen")]
                shares = [f"{row[k] / run['tokens']:.1%}" for k in ("asked", "seen")]
                rows.append(("", [f"{name}, seed {seed}", source, *counts, *shares, f"{row['epochs']:.2f}"]))
    return _table(["run", "source", "unique tokens", "asked", "seen", "share asked", "share seen", "epochs"], rows)


def _cost(runs: dict[str, dict[int, dict[str, Any]]]) -> str:
    rows = []
    for name, seeds in runs.items():
        for seed, r in seeds.items():
            cells = [f"{name}, seed {seed}", f"{r['tokens']:,}", f"{r['flops']:.3g}", f"{r['seconds']:.0f}"]
            cells += [
                f"{r['tokens_per_second']:,.0f}",
                f"{100 * r['mfu']:.1f} %",
                r["device"],
                r["precision"],
                "; ".join(r["health"]) or "well",
            ]
            rows.append(("", cells))
    return _table(["run", "tokens", "FLOPs", "seconds", "tokens/s", "MFU", "device", "precision", "health"], rows)


def _curves(runs: dict[str, dict[int, dict[str, Any]]]) -> str:
    """Loss over tokens, one line for each run, smoothed over a fiftieth of the run."""
    lines = [(i, name, _smooth(run["curve"])) for i, (name, seeds) in enumerate(runs.items()) for run in seeds.values()]
    points = [point for _, _, line in lines for point in line]
    if not points:
        return ""
    right = max(x for x, _ in points)
    low, high = min(y for _, y in points), sorted(y for _, y in points)[int(0.98 * (len(points) - 1))]
    span = max(high - low, 1e-9)
    drawn = []
    for i, _, line in lines:
        path = " ".join(
            f"{_LEFT + x / right * (_WIDTH - _LEFT - 10):.1f},{10 + (1 - (min(y, high) - low) / span) * (_HEIGHT - _BOTTOM - 10):.1f}"
            for x, y in line
        )
        drawn.append(
            f'<polyline fill="none" stroke="{_COLOURS[i % len(_COLOURS)]}" stroke-opacity=".7" points="{path}"/>'
        )
    for i, name in enumerate(runs):
        drawn.append(
            f'<text x="{_WIDTH - 200}" y="{25 + 18 * i}" fill="{_COLOURS[i % len(_COLOURS)]}">{_e(name)}</text>'
        )
    for y, value in ((20, high), (_HEIGHT - _BOTTOM, low)):
        drawn.append(f'<text x="2" y="{y}">{value:.2f}</text>')
    drawn.append(f'<text x="{_WIDTH - 160}" y="{_HEIGHT - 8}">{right:,.0f} tokens</text>')
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="training loss">{"".join(drawn)}</svg>'


def _smooth(curve: list[dict[str, float]]) -> list[tuple[float, float]]:
    window = max(1, len(curve) // 50)
    groups = [curve[i : i + window] for i in range(0, len(curve), window)]
    return [(g[-1]["tokens"], sum(p["loss"] for p in g) / len(g)) for g in groups]
