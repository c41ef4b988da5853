"""What the steps measured, in the report: a histogram of each signal with the limits that decided drawn in it, and quantiles."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.console.terminal import number
from curate.corpus.limits import bound, limits_of
from curate.corpus.recipe import Recipe, variants
from curate.report.charts import breakable, short, text
from curate.report.gather import ReportData

Values = npt.NDArray[np.float64]
WIDTH, HIGH, TOP, BOTTOM = 340.0, 92.0, 16.0, 18.0
"""A chart in SVG units: bars stand at TOP + HIGH, with room above for the names of limits, and below for numbers."""
BINS = 30
WORDS = {"<": "below {}", ">": "above {}", "<=": "{} or less", ">=": "{} or more"}
"""What a limit drops, by its relation."""


@dataclass(frozen=True)
class Threshold:
    """A limit of a step on a signal; `low` and `high` differ where each language has its own."""

    step: str
    relation: str
    low: float
    high: float

    @property
    def told(self) -> str:
        values = plain(self.low) if self.low == self.high else f"{plain(self.low)} … {plain(self.high)} (by language)"
        return f"{self.step} drops {WORDS[self.relation].format(values)}"


def thresholds(recipe: Recipe | None) -> dict[str, list[Threshold]]:
    """The limits of a recipe that are numbers, by the signal that they are compared with, in the order of the recipe."""
    found: dict[str, list[Threshold]] = {}
    for label, step in zip(recipe.labels, recipe.steps, strict=True) if recipe else ():
        ones = variants(step)
        for limit in limits_of(ones[0]):
            values = [value for one in ones if isinstance(value := bound(one, limit), int | float)]
            if limit.relation in WORDS and values:
                found.setdefault(limit.signal, []).append(
                    Threshold(label, limit.relation, float(min(values)), float(max(values)))
                )
    return found


def measured(data: ReportData, recipe: Recipe | None) -> str:
    """The section; empty where nothing was measured."""
    limits = thresholds(recipe)
    charts, same = [], []
    for signal, by_verdict in data.signals.items():
        kept, rejected = (_finite(by_verdict[verdict]) for verdict in ("kept", "rejected"))
        both = np.concatenate([kept, rejected])
        if len(both) and both.min() < both.max():
            charts.append(_chart(signal, kept, rejected, limits.get(signal, [])))
        elif len(both):
            same.append(f"{text(signal)} {plain(float(both[0]))}")
    if not data.signals:
        return ""
    what = (
        "What the steps measured, whether it decided or not: documents by value, those that were kept below, those that were rejected (by "
        "any rule) above them. A dashed line is a limit, and what lies on its shaded side is dropped. The outermost bars hold what lies "
        "beyond. A limit can be chosen again from the column signals (curate whatif)."
    )
    legend = (
        '<p class="legend"><span><svg viewBox="0 0 10 10"><rect class="kept" width="10" height="10" rx="2"/></svg>kept</span>'
        '<span><svg viewBox="0 0 10 10"><rect class="rejected" width="10" height="10" rx="2"/></svg>rejected</span></p>'
    )
    alike = f'<p class="soft small">The same in all documents: {", ".join(same)}.</p>' if same else ""
    return (
        f'<section id="measured">\n<h2>Measured</h2>\n<p class="soft">{what}</p>{legend}'
        f'<div class="charts">{"".join(charts)}</div>{alike}{_table(data)}\n</section>\n'
    )


def _finite(arrays: Sequence[Values]) -> Values:
    values = np.concatenate(arrays).astype(float) if arrays else np.empty(0)
    found: Values = values[np.isfinite(values)]
    return found


def plain(value: float) -> str:
    """A value as people write it: 100,000, 0.65, 1.5."""
    return number(int(value)) if value == int(value) else f"{value:.4g}"


def _chart(signal: str, kept: Values, rejected: Values, limits: Sequence[Threshold]) -> str:
    """One figure: bars of kept and rejected documents on each other, and the limits."""
    axis = Axis.over(np.concatenate([kept, rejected]), [end for one in limits for end in (one.low, one.high)])
    counts = [axis.count(kept), axis.count(rejected)]
    most = max(int((counts[0] + counts[1]).max()), 1)
    shapes = [_side(axis, one) for one in limits]
    wide = WIDTH / axis.bins
    for at, (below, above) in enumerate(zip(*counts, strict=True)):
        title = f"<title>{text(axis.name(at))}: {number(int(below))} kept, {number(int(above))} rejected</title>"
        base = TOP + HIGH
        for count, kind in ((int(below), "kept"), (int(above), "rejected")):
            if count:
                high = max(1.2, HIGH * count / most)
                base -= high
                shapes.append(
                    f'<rect class="{kind}" x="{at * wide + 0.4:.1f}" y="{max(base, 0):.1f}" width="{max(wide - 0.8, 0.8):.1f}" '
                    f'height="{high:.1f}">{title}</rect>'
                )
    shapes += [_line(axis, one) for one in limits]
    ends = (
        f'<text x="0" y="{TOP + HIGH + 13:.0f}">{plain(axis.low)}</text>'
        f'<text x="{WIDTH:.0f}" y="{TOP + HIGH + 13:.0f}" text-anchor="end">{plain(axis.high)}</text>'
        f'<text x="{WIDTH / 2:.0f}" y="{TOP + HIGH + 13:.0f}" text-anchor="middle">highest bar {short(most)}</text>'
    )
    beyond = [one for one in limits if not axis.shows(one.low) and not axis.shows(one.high)]
    told = "; ".join(text(one.told) + (" (outside this chart)" if one in beyond else "") for one in limits)
    scale = ", logarithmic" if axis.logarithmic else ""
    return (
        f'<figure><figcaption><b>{breakable(signal)}</b><span class="soft">{scale}</span>'
        f'<span class="limit">{told or "&nbsp;"}</span></figcaption>'
        f'<svg class="signal" viewBox="0 0 {WIDTH:.0f} {TOP + HIGH + BOTTOM:.0f}" role="img" aria-label="{text(signal)}">'
        f'{"".join(shapes)}<line class="axis" x1="0" x2="{WIDTH:.0f}" y1="{TOP + HIGH}" y2="{TOP + HIGH}"/>{ends}</svg></figure>\n'
    )


def _side(axis: "Axis", one: Threshold) -> str:
    """The shaded side of a limit, which is dropped."""
    left = one.relation in ("<", "<=")
    at = axis.edge(one.low if left else one.high, one.relation)
    start, end = (0.0, at) if left else (at, WIDTH)
    return f'<rect class="dropside" x="{start:.1f}" y="{TOP}" width="{max(end - start, 0):.1f}" height="{HIGH}"/>'


def _line(axis: "Axis", one: Threshold) -> str:
    shapes = []
    for value in dict.fromkeys((one.low, one.high)):
        if axis.shows(value):
            x = axis.edge(value, one.relation)
            anchor = "start" if x < WIDTH * 0.15 else "end" if x > WIDTH * 0.85 else "middle"
            shapes.append(
                f'<line class="limit" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 2}" y2="{TOP + HIGH}"/>'
                f'<text class="limit" x="{x:.1f}" y="{TOP - 5}" text-anchor="{anchor}">{plain(value)}</text>'
            )
    return "".join(shapes)


@dataclass(frozen=True)
class Axis:
    """The values that a chart shows, from `low` to `high`, in `bins` bars; each value of few whole numbers has a bar of its own."""

    low: float
    high: float
    bins: int
    logarithmic: bool = False
    whole: bool = False

    @classmethod
    def over(cls, values: Values, limits: Sequence[float]) -> "Axis":
        """For values that are not all the same: the middle 99 % of them, and limits that lie near."""
        low, high = (float(end) for end in np.quantile(values, (0.005, 0.995)))
        if low == high:
            low, high = float(values.min()), float(values.max())
        logarithmic = bool(values.min() > 0) and high > 50 * low
        for limit in limits:  # not so far that two thirds of the chart would be empty
            if logarithmic and limit > 0:
                near = math.log(high / low) > abs(math.log(limit / (low if limit < low else high))) / 2
            else:
                near = not logarithmic and 2 * (high - low) > max(low - limit, limit - high)
            if near:
                low, high = min(low, limit), max(high, limit)
        if not logarithmic and high - low < BINS and bool((values == np.round(values)).all()):
            low, high = math.floor(low), math.ceil(high)
            return cls(low, high, int(high - low) + 1, whole=True)
        return cls(low, high, BINS, logarithmic)

    def shows(self, value: float) -> bool:
        return self.low <= value <= self.high

    def _share(self, values: Any) -> Any:
        if self.logarithmic:
            return np.log(np.maximum(values, self.low) / self.low) / math.log(self.high / self.low)
        return (values - self.low + (0.5 if self.whole else 0)) / (self.high - self.low + self.whole)

    def edge(self, limit: float, relation: str) -> float:
        """Where what a limit drops begins or ends, in SVG units: between bars where each whole number has one."""
        if self.whole:
            limit = math.ceil(limit) - 0.5 if relation in ("<", ">=") else math.floor(limit) + 0.5
        return float(np.clip(self._share(np.float64(limit)), 0, 1)) * WIDTH

    def count(self, values: Values) -> npt.NDArray[np.int64]:
        """Values by bar."""
        at = np.clip(np.floor(self._share(values) * self.bins), 0, self.bins - 1).astype(np.int64)
        found: npt.NDArray[np.int64] = np.bincount(at, minlength=self.bins)
        return found

    def name(self, at: int) -> str:
        """The values of a bar."""
        if self.whole:
            return plain(self.low + at)
        ends = [
            self.low * (self.high / self.low) ** (n / self.bins)
            if self.logarithmic
            else self.low + (self.high - self.low) * n / self.bins
            for n in (at, at + 1)
        ]
        return f"{ends[0]:.4g} to {ends[1]:.4g}"


def _table(data: ReportData) -> str:
    """Quantiles of every signal, of kept and of rejected documents."""
    rows = []
    for signal, by_verdict in data.signals.items():
        cells = []
        for verdict in ("kept", "rejected"):
            found = by_verdict[verdict]
            points = np.quantile(np.concatenate(found), (0.05, 0.5, 0.95)) if found else ()
            cells += [f'<td class="n">{number(float(point))}</td>' for point in points] or ["<td></td>"] * 3
        rows.append(f"<tr><td>{breakable(signal)}</td>{''.join(cells)}</tr>")
    names = [f"{name}, {at}" for name in ("kept", "rejected") for at in ("5 %", "median", "95 %")]
    head = "".join(f'<th class="n">{name}</th>' for name in names)
    return (
        f'<details class="more"><summary>Quantiles of all {number(len(rows))}</summary><div class="wide"><table>'
        f"<tr><th>signal</th>{head}</tr>{''.join(rows)}</table></div></details>"
    )
