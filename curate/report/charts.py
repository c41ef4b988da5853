"""Charts of the report as inline SVG: no script, no inline style, everything escaped."""

import re
from collections.abc import Mapping, Sequence
from html import escape

from curate.console.terminal import clean, number, share

WIDTH, HEIGHT, BASE = 560, 190, 150
"""A histogram in SVG units; BASE is where its bars stand."""


_BREAKS = re.compile(r"(?<=[._])|(?<=[a-z])(?=[A-Z])")


def text(value: object) -> str:
    """`value` for HTML text and attributes: control characters gone, everything escaped."""
    return escape(clean(str(value)))


def breakable(value: object) -> str:
    """A name for HTML, with places where a narrow column may break it."""
    return _BREAKS.sub("<wbr>", text(value))


def bar(parts: Sequence[tuple[float, str]], whole: float) -> str:
    """A horizontal bar: parts of `whole` from left to right, each with its CSS class."""
    at, shapes = 0.0, []
    for value, kind in parts:
        width = 100 * value / whole if whole else 0.0
        shown = max(width, 0.35) if value else 0.0  # a single document stays visible
        shapes.append(f'<rect class="{kind}" x="{min(at, 100 - shown):.3f}" width="{shown:.3f}" height="10"/>')
        at += width
    return (
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="track" width="100" height="10"/>{"".join(shapes)}</svg>'
    )


def linked(value: object, links: Mapping[str, str]) -> str:
    """A breakable name; a link to the anchor that `links` has for it."""
    anchor = links.get(str(value))
    return f'<a href="#{text(anchor)}">{breakable(value)}</a>' if anchor else breakable(value)


def bar_table(
    rows: Sequence[tuple[str, int]],
    kind: str,
    heading: str,
    total: int | None = None,
    links: Mapping[str, str] | None = None,
) -> str:
    """A table of names and counts with bars as long as the counts; shares are of `total` (else of their sum). `links`: anchors
    by name."""
    if not rows:
        return '<p class="soft">None.</p>'
    most = max(count for _, count in rows)
    whole = total if total is not None else sum(count for _, count in rows)
    body = "".join(
        f'<tr><td class="name">{linked(label, links or {})}</td><td class="bar">{bar([(count, kind)], most)}</td>'
        f'<td class="n">{number(count)}</td><td class="n soft">{share(count, whole)}</td></tr>'
        for label, count in rows
    )
    head = f'<tr><th>{text(heading)}</th><th></th><th class="n">count</th><th class="n">share</th></tr>'
    return f"<table>{head}{body}</table>"


def histogram(series: Sequence[tuple[str, str, Mapping[int, int]]], labels: Mapping[int, str], title: str) -> str:
    """Bars side by side for each bin; series are (name, CSS class, count by bin); empty bins between stay."""
    used = [key for _, _, counts in series for key, count in counts.items() if count]
    if not used:
        return '<p class="soft">Nothing to show.</p>'
    bins = range(min(used), max(used) + 1)
    most = max(max(counts.values(), default=0) for _, _, counts in series)
    slot = WIDTH / len(bins)
    wide = min(34.0, slot * 0.8 / len(series))
    shapes = []
    for index, key in enumerate(bins):
        left = index * slot + (slot - wide * len(series)) / 2
        for offset, (name, kind, counts) in enumerate(series):
            shapes.append(_column(left + offset * wide, wide, counts.get(key, 0), most, kind, f"{name}, {labels[key]}"))
        if len(bins) <= 14 or index % 2 == 0:
            shapes.append(
                f'<text x="{(index + 0.5) * slot:.1f}" y="{BASE + 16}" text-anchor="middle">{labels[key]}</text>'
            )
    legend = "".join(
        f'<span><svg viewBox="0 0 10 10"><rect class="{kind}" width="10" height="10" rx="2"/></svg>{text(name)}</span>'
        for name, kind, _ in series
    )
    return (
        f'<p class="legend">{legend if len(series) > 1 else ""}</p>'
        f'<svg class="histogram" viewBox="0 0 {WIDTH} {HEIGHT - 15}" role="img" aria-label="{text(title)}">'
        f'<line class="axis" x1="0" x2="{WIDTH}" y1="{BASE}" y2="{BASE}"/>{"".join(shapes)}</svg>'
    )


def _column(left: float, wide: float, count: int, most: int, kind: str, title: str) -> str:
    if not count:
        return ""
    high = max(1.5, (BASE - 18) * count / most)
    label = short(count)
    return (
        f'<rect class="{kind}" x="{left + 0.5:.1f}" y="{BASE - high:.1f}" width="{max(1.0, wide - 1):.1f}" '
        f'height="{high:.1f}" rx="1.5"><title>{text(title)}: {number(count)}</title></rect>'
        f'<text class="count" x="{left + wide / 2:.1f}" y="{BASE - high - 4:.1f}" text-anchor="middle">{label}</text>'
    )


def short(count: float) -> str:
    """12, 1.2k, 34k, 5.6M: for labels in a chart."""
    for unit in ("", "k", "M", "G"):
        if abs(count) < 999.5 or unit == "G":
            break
        count /= 1000
    return f"{count:.0f}{unit}" if not unit or count >= 10 else f"{count:.1f}".removesuffix(".0") + unit
