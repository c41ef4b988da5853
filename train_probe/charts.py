"""Charts as inline SVG: axes with titles and units, a legend, everything escaped, colours by CSS class (report.css)."""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from train_probe.shown import escape

WIDE, LEFT, RIGHT, TOP, BOTTOM = 460, 52, 14, 12, 42
"""SVG units, about those of a phone's screen."""
HIGH = 280
COLOURS = 7
"""Classes c0 ... c6; further series begin again."""


@dataclass(frozen=True)
class Line:
    """One curve of a chart: points from left to right."""

    name: str
    """Lines of one name have one colour and one place in the legend."""
    points: Sequence[tuple[float, float]]
    title: str = ""
    """Said when the pointer rests on it."""


@dataclass(frozen=True)
class Interval:
    """One row of a chart of intervals."""

    label: str
    value: float
    low: float | None
    high: float | None
    said: str = ""
    """At the end of the label's line."""
    series: int = 0


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten) from `low` to `high`, about so many."""
    step = (high - low) / wanted
    if not math.isfinite(step) or step < sys.float_info.min:  # of less there is no power of ten
        return [low]
    power = 10.0 ** math.floor(math.log10(step))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= step * 0.999)
    first = math.ceil(low / step - 1e-9)
    found = []
    while first * step <= high + 1e-9 * step:
        found.append(round(first * step, 12))
        first += 1
    return found


def label(value: float) -> str:
    """A number at a tick: 1.5M, 20k, 0.35."""
    for scale, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= scale:
            return f"{value / scale:.3g}{letter}"
    return f"{value:.3g}".replace("-", "−")


def legend(names: Sequence[str]) -> str:
    """Names with their colours."""
    return (
        '<p class="legend">'
        + "".join(
            f'<span><svg viewBox="0 0 12 12" aria-hidden="true"><rect class="f{i % COLOURS}" width="12" height="12" rx="2"/></svg>'
            f"{escape(name)}</span>"
            for i, name in enumerate(names)
        )
        + "</p>"
    )


def lines(series: Sequence[Line], across: str, up: str, title: str) -> str:
    """Curves; `across` and `up` are the titles of the axes, with their units.  "" when there are no points."""
    points = [(x, y) for line in series for x, y in line.points if math.isfinite(x) and math.isfinite(y)]
    if not points:
        return ""
    names = list(dict.fromkeys(line.name for line in series))
    right = max(x for x, _ in points)
    values = sorted(y for _, y in points)
    low, high = values[0], values[int(0.98 * (len(values) - 1))]  # a spike does not flatten the rest
    low, high = (low, high) if high > low else (low - 0.5, high + 0.5)

    def place(x: float, y: float) -> tuple[float, float]:
        at = (WIDE - LEFT - RIGHT) * (x / right if right else 0.0)
        share = (min(max(y, low), high) - low) / (high - low)
        return LEFT + at, TOP + (HIGH - TOP - BOTTOM) * (1 - share)

    drawn = [_frame(ticks(0, right), ticks(low, high), place, across, up)]
    for line in series:
        path = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in line.points if math.isfinite(y))
        hint = f"<title>{escape(line.title or line.name)}</title>"
        drawn.append(f'<polyline class="s{names.index(line.name) % COLOURS}" points="{path}">{hint}</polyline>')
    return _chart(drawn, HIGH, title, legend(names))


def _frame(xs: Sequence[float], ys: Sequence[float], place: object, across: str, up: str) -> str:
    assert callable(place)
    out = []
    bottom = HIGH - BOTTOM
    for y in ys:
        at = place(0, y)[1]
        out.append(f'<line class="grid" x1="{LEFT}" x2="{WIDE - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        out.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{label(y)}</text>')
    for x in xs:
        at = place(x, ys[0])[0]
        out.append(f'<line class="axis" x1="{at:.1f}" x2="{at:.1f}" y1="{bottom}" y2="{bottom + 4}"/>')
        out.append(f'<text x="{at:.1f}" y="{bottom + 17}" text-anchor="middle">{label(x)}</text>')
    out.append(f'<line class="axis" x1="{LEFT}" x2="{WIDE - RIGHT}" y1="{bottom}" y2="{bottom}"/>')
    out.append(
        f'<text class="title" x="{(LEFT + WIDE - RIGHT) / 2:.0f}" y="{HIGH - 6}" text-anchor="middle">{escape(across)}</text>'
    )
    middle = (TOP + bottom) / 2
    out.append(
        f'<text class="title" transform="translate(12 {middle:.0f}) rotate(-90)" text-anchor="middle">{escape(up)}</text>'
    )
    return "".join(out)


def intervals(rows: Sequence[Interval], across: str, title: str, band: float = 0.0, zero: bool = True) -> str:
    """A row for each interval, its label above it; a line at 0 and a band of ± `band` where `zero`.  "" without rows."""
    rows = [row for row in rows if math.isfinite(row.value)]
    if not rows:
        return ""
    ends = [x for row in rows for x in (row.value, row.low, row.high) if x is not None and math.isfinite(x)]
    ends += [0.0, band, -band] if zero else []
    low, high = min(ends), max(ends)
    room = (high - low or 1.0) * 0.05
    low, high = low - room, high + room
    height = TOP + 38 * len(rows) + BOTTOM

    def place(x: float) -> float:
        return 22 + (WIDE - 44) * (x - low) / (high - low)

    bottom = height - BOTTOM
    out = []
    if zero and band:
        out.append(
            f'<rect class="band" x="{place(-band):.1f}" y="{TOP}" width="{place(band) - place(-band):.1f}" height="{bottom - TOP}"/>'
        )
    for x in ticks(low, high):
        out.append(f'<line class="grid" x1="{place(x):.1f}" x2="{place(x):.1f}" y1="{TOP}" y2="{bottom}"/>')
        out.append(f'<text x="{place(x):.1f}" y="{bottom + 17}" text-anchor="middle">{label(x)}</text>')
    if zero:
        out.append(f'<line class="axis" x1="{place(0):.1f}" x2="{place(0):.1f}" y1="{TOP}" y2="{bottom}"/>')
    for i, row in enumerate(rows):
        y, kind = TOP + 38 * i, row.series % COLOURS
        out.append(f'<text class="row" x="8" y="{y + 13}">{escape(row.label)}</text>')
        out.append(f'<text x="{WIDE - 8}" y="{y + 13}" text-anchor="end">{escape(row.said)}</text>')
        if row.low is not None and row.high is not None:
            out.append(
                f'<line class="s{kind} whisker" x1="{place(row.low):.1f}" x2="{place(row.high):.1f}" y1="{y + 26}" y2="{y + 26}"/>'
            )
        out.append(f'<circle class="f{kind}" cx="{place(row.value):.1f}" cy="{y + 26}" r="4.5"/>')
    out.append(f'<text class="title" x="{WIDE / 2:.0f}" y="{height - 6}" text-anchor="middle">{escape(across)}</text>')
    return _chart(out, height, title, "")


def dots(rows: Sequence[tuple[str, Sequence[float]]], across: str, title: str) -> str:
    """A row of points for each name: the seeds of a mixture, and a mark at their mean."""
    values = [x for _, some in rows for x in some if math.isfinite(x)]
    if not values:
        return ""
    low, high = min(values), max(values)
    room = (high - low or abs(high) * 0.01 or 1.0) * 0.08
    low, high = low - room, high + room
    height = TOP + 34 * len(rows) + BOTTOM

    def place(x: float) -> float:
        return 22 + (WIDE - 44) * (x - low) / (high - low)

    bottom = height - BOTTOM
    out = []
    for x in ticks(low, high):
        out.append(f'<line class="grid" x1="{place(x):.1f}" x2="{place(x):.1f}" y1="{TOP}" y2="{bottom}"/>')
        out.append(f'<text x="{place(x):.1f}" y="{bottom + 17}" text-anchor="middle">{label(x)}</text>')
    for i, (name, some) in enumerate(rows):
        y, kind = TOP + 34 * i, i % COLOURS
        mean = sum(some) / len(some)
        out.append(f'<text class="row" x="8" y="{y + 13}">{escape(name)}</text>')
        out.append(f'<text x="{WIDE - 8}" y="{y + 13}" text-anchor="end">{mean:.4f}</text>')
        out += [f'<circle class="f{kind} seed" cx="{place(x):.1f}" cy="{y + 24}" r="4"/>' for x in some]
        out.append(f'<line class="s{kind}" x1="{place(mean):.1f}" x2="{place(mean):.1f}" y1="{y + 17}" y2="{y + 31}"/>')
    out.append(f'<text class="title" x="{WIDE / 2:.0f}" y="{height - 6}" text-anchor="middle">{escape(across)}</text>')
    return _chart(out, height, title, "")


def _chart(drawn: Sequence[str], height: float, title: str, above: str) -> str:
    return (
        f'<figure><figcaption>{escape(title)}</figcaption>{above}<svg viewBox="0 0 {WIDE} {height:.0f}" role="img" '
        f'aria-label="{escape(title)}">{"".join(drawn)}</svg></figure>'
    )
