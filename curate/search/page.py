"""The report of a search as one HTML page: the region, where the runs lie, predicted against measured. No script."""

import base64
import hashlib
import math
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, TypedDict

from curate.mixing.units import percent
from curate.report.charts import bar, text
from curate.report.page import headings, section

STYLE = """
svg.search { display: block; width: 100%; max-width: 620px; height: auto; }
svg.search text { font: 12px system-ui, sans-serif; fill: var(--soft); }
svg.search .axis { stroke: var(--line); fill: none; } svg.search .run { fill: none; stroke: var(--second); }
svg.search .good { stroke: var(--kept); fill: none; } svg.search .bestline { stroke: var(--rejected); fill: none; stroke-width: 3; }
svg.search .priorline { stroke: var(--records); fill: none; stroke-width: 3; stroke-dasharray: 5 3; }
.scroll { overflow-x: auto; } @media (max-width: 600px) { svg.search text { font-size: 17px; } }
"""
SIDE, EDGE = 520.0, 50.0


class Found(TypedDict, total=False):
    """What a search found: `search.json`."""

    curate: str
    verdict: str
    decided: bool
    sources: list[dict[str, Any]]
    """source, and as shares prior, best, low and high."""
    best_mixture: str | None
    region: list[str]
    region_weights: list[list[float]]
    prior_in_region: bool
    objective: list[str]
    predicted: float
    gain: dict[str, float]
    penalty: float
    seed: int
    form: str
    forms: list[dict[str, Any]]
    """form, error, rank_correlation."""
    widened: float
    """Factor on the spread that the form states, from its left-out errors."""
    noise_differs: bool
    runs: list[dict[str, Any]]
    """run, weights, measured, predicted."""
    left_out: list[str]
    notes: list[str]
    target_tokens: float
    check: dict[str, Any]
    """The models that were trained to test the answer."""


def page(found: Found) -> str:
    """The whole page; everything in it is escaped."""
    style = files("curate.report").joinpath("style.css").read_text(encoding="utf-8") + STYLE
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    plot = _ternary(found) if len(found["sources"]) == 3 else _parallel(found)
    kind = "Where the mixtures lie"
    legend = (
        '<p class="soft">Outlined: runs; the tenth with the lowest losses is green. Red: best. Blue: prior.'
        f"{' Green dots: the region that cannot be told apart from the best.' if len(found['sources']) == 3 else ''}</p>"
    )
    body = [
        f"<header>\n<h1>Which weights?</h1>\n<p>{text(found['verdict'][:1].upper() + found['verdict'][1:])}.</p>\n</header>\n",
        section("Weights", "weights", _weights(found)),
        section(kind, "mixtures", legend, f'<div class="scroll">{plot}</div>'),
        section("Predicted against measured", "fit", _forms(found), f'<div class="scroll">{_scatter(found)}</div>'),
        section("Checked by training", "check", _check(found)) if found.get("check") else "",
        section("Notes", "notes", _notes(found)),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Search of a mixture</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n{''.join(body)}\n"
        f"<footer>Written by curate {text(found['curate'])}.</footer>\n</main>\n</body>\n</html>\n"
    )


def _weights(found: Found) -> str:
    most = max(one[key] for one in found["sources"] for key in ("prior", "best", "high"))
    rows = "".join(
        f'<tr><td class="name">{text(one["source"])}</td><td class="bar">{bar([(one["prior"], "records")], most)}'
        f'{bar([(one["best"], "rejected")], most)}</td><td class="n">{percent(one["prior"])}</td>'
        f'<td class="n">{percent(one["best"])}</td><td class="n">{percent(one["low"])} – {percent(one["high"])}</td></tr>'
        for one in found["sources"]
    )
    what = "<p>The upper bar is the prior, the lower one the best. Mixtures in the region can't be told apart.</p>"
    return f"{what}<table>{headings('source', '', '#prior', '#best', '#region')}{rows}</table>"


def _good(found: Found) -> float:
    losses = sorted(one["measured"] for one in found["runs"])
    return float(losses[max(0, len(losses) // 10 - 1)])


def _ternary(found: Found) -> str:
    """A triangle whose corners are the sources."""
    high = SIDE * math.sqrt(3) / 2
    corners = [(EDGE, EDGE / 2 + high), (EDGE + SIDE, EDGE / 2 + high), (EDGE + SIDE / 2, EDGE / 2)]

    def place(weights: Sequence[float]) -> tuple[float, float]:
        return tuple(sum(w * c[i] for w, c in zip(weights, corners, strict=True)) for i in (0, 1))  # type: ignore[return-value]

    limit = _good(found)
    shapes = ['<path class="axis" d="M' + " L".join(f"{x:.1f} {y:.1f}" for x, y in corners) + ' Z"/>']
    for part in (0.25, 0.5, 0.75):
        for i in range(3):
            ends = [
                place([part if j == i else (1 - part if j == k else 0.0) for j in range(3)]) for k in range(3) if k != i
            ]
            shapes.append(
                f'<path class="axis" d="M{ends[0][0]:.1f} {ends[0][1]:.1f} L{ends[1][0]:.1f} {ends[1][1]:.1f}"/>'
            )
    for weights in found["region_weights"][:300]:
        x, y = place(weights)
        shapes.append(f'<circle class="kept" opacity=".35" cx="{x:.1f}" cy="{y:.1f}" r="3"/>')
    for one in found["runs"]:
        x, y = place(one["weights"])
        kind = "good" if one["measured"] <= limit else "run"
        label = f"{text(one['run'])}: {one['measured']:.4f}"
        shapes.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="5"><title>{label}</title></circle>')
    for key, kind in (("prior", "records"), ("best", "rejected")):
        x, y = place([one[key] for one in found["sources"]])
        shapes.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="7"><title>{key}</title></circle>')
    anchors = ("start", "end", "middle")
    for (x, y), one, anchor in zip(corners, found["sources"], anchors, strict=True):
        below = y + 22 if anchor != "middle" else y - 8
        shapes.append(f'<text x="{x:.1f}" y="{below:.1f}" text-anchor="{anchor}">{text(one["source"])}: all</text>')
    return _svg(SIDE + 2 * EDGE, high + EDGE + 20, shapes, "Runs, prior and best in the triangle of weights")


def _parallel(found: Found) -> str:
    """A line for each run over one axis for each source."""
    count = len(found["sources"])
    top = max([w for one in found["runs"] for w in one["weights"]] + [s["best"] for s in found["sources"]]) or 1.0
    left, step = 84, SIDE / max(1, count - 1)
    high = 290 + 9.2 * max(len(one["source"]) for one in found["sources"])  # names stand upright below their axes

    def line(weights: Sequence[float]) -> str:
        return "M" + " L".join(f"{left + i * step:.1f} {40 + 220 * (1 - w / top):.1f}" for i, w in enumerate(weights))

    limit = _good(found)
    shapes = []
    for i, one in enumerate(found["sources"]):
        x = left + i * step
        shapes.append(f'<path class="axis" d="M{x:.1f} 40 L{x:.1f} 260"/>')
        shapes.append(f'<text transform="translate({x - 4:.1f} 268) rotate(90)">{text(one["source"])}</text>')
    for kind in ("run", "good"):
        chosen = [one for one in found["runs"] if (one["measured"] <= limit) == (kind == "good")]
        shapes += [f'<path class="{kind}" opacity=".45" d="{line(one["weights"])}"/>' for one in chosen[:500]]
    shapes.append(f'<path class="priorline" d="{line([s["prior"] for s in found["sources"]])}"/>')
    shapes.append(f'<path class="bestline" d="{line([s["best"] for s in found["sources"]])}"/>')
    marks = ((p, f"{44 + 220 * (1 - p):.0f}") for p in (0.0, 0.5, 1.0))
    shapes += [f'<text x="{left - 8}" y="{y}" text-anchor="end">{percent(p * top)}</text>' for p, y in marks]
    shapes.append('<text x="4" y="16">share of the mixture, by source</text>')
    return _svg(SIDE + left + EDGE, high, shapes, "Runs, prior and best, an axis a source")


def _scatter(found: Found) -> str:
    edge = 1.4 * EDGE  # room for numbers
    points = [(one["predicted"], one["measured"]) for one in found["runs"]]
    low, high = min(min(p) for p in points), max(max(p) for p in points)
    span = (high - low) or 1.0

    def at(value: float) -> float:
        return float(380 * (value - low) / span)

    shapes = [
        f'<path class="axis" d="M{edge} 400 L{edge + 380} 400 M{edge} 400 L{edge} 20 M{edge} 400 L{edge + 380} 20"/>'
    ]
    shapes += [f'<circle class="run" cx="{edge + at(x):.1f}" cy="{400 - at(y):.1f}" r="4"/>' for x, y in points]
    for part in (0.0, 0.5, 1.0):
        value = low + part * span
        shapes.append(f'<text x="{edge + 380 * part:.0f}" y="418" text-anchor="middle">{value:.3f}</text>')
        shapes.append(f'<text x="{edge - 4}" y="{404 - 380 * part:.0f}" text-anchor="end">{value:.3f}</text>')
    shapes.append(
        f'<text x="{edge + 190}" y="438" text-anchor="middle">objective, predicted from the other runs</text>'
    )
    shapes.append(f'<text x="{edge + 6}" y="14">objective, measured</text>')
    return _svg(500, 445, shapes, "Predicted against measured objective of each run")


def _svg(wide: float, high: float, shapes: Sequence[str], title: str) -> str:
    return f'<svg class="search" viewBox="0 0 {wide:.0f} {high:.0f}" role="img" aria-label="{text(title)}">{"".join(shapes)}</svg>'


def _forms(found: Found) -> str:
    rows = "".join(
        f"<tr><td>{text(one['form'])}{' (used)' if one['form'] == found['form'] else ''}</td>"
        f'<td class="n">{one["error"]:.4f}</td><td class="n">{one["rank_correlation"]:.2f}</td></tr>'
        for one in found["forms"]
    )
    return f"<table>{headings('form', '#error of left-out runs', '#rank correlation')}{rows}</table>"


def _check(found: Found) -> str:
    rows = "".join(
        f'<tr><td>{text(one["mixture"])}</td><td class="n">{one["mean"]:.4f}</td><td class="n">{one["seeds"]}</td></tr>'
        for one in found["check"]["mixtures"]
    )
    lines = "".join(f"<p>{text(line)}</p>" for line in found["check"]["said"])
    return f"{lines}<table>{headings('mixture', '#objective, mean', '#seeds')}{rows}</table>"


def _notes(found: Found) -> str:
    lines = [
        f"Objective: the mean of {', '.join(found['objective'])}; lower is better.",
        f"{len(found['runs'])} runs were used, {len(found['left_out'])} rows left out.",
        "The size of the noise differs by mixture."
        if found["noise_differs"]
        else "One size of noise for all mixtures.",
        f"Region and intervals are {found['widened']:.2f} times as wide as the form says, by its errors on left-out runs.",
        *found["notes"],
        *found["left_out"][:50],
    ]
    return "<ul>" + "".join(f"<li>{text(line)}</li>" for line in lines) + "</ul>"
