"""Documents in the report: kept and dropped side by side, with what was cut struck through; records that failed."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from curate.console.terminal import number, one_line
from curate.read.tables import where
from curate.report.charts import breakable, text
from curate.report.gather import ReportData, Sample
from curate.report.trace import Line, cut_spans

TEXT_CHARS = 4_000
"""Characters of a document that are shown."""
RUN = 4
"""Removed lines in a row that are all shown."""
LONG = "<b>the beginning</b> of a long document, as it is stored"
OPEN = 2
"""Documents on each side that are shown unfolded."""


def anchors_of(data: ReportData) -> dict[str, str]:
    """The anchor of the first sample of each reason."""
    found: dict[str, str] = {}
    for at, sample in enumerate(data.dropped):
        found.setdefault(str(sample.row.get("reason") or ""), f"dropped-{at}")
    return found


def samples(data: ReportData, kept: int) -> str:
    """A list of all, and two columns: kept documents on the left, dropped ones on the right."""
    left = "".join(_document(sample, at < OPEN, False, f"kept-{at}") for at, sample in enumerate(data.kept))
    right = "".join(_document(sample, at < OPEN, True, f"dropped-{at}") for at, sample in enumerate(data.dropped))
    nothing = '<p class="soft">None.</p>'
    what = (
        "Chosen by a hash of the id, so the same corpus shows the same documents. Texts stand as they were extracted; "
        "what a rule cut is struck through, with the rule behind it."
    )
    return (
        f'<section id="samples">\n<h2>Samples</h2>\n<p class="soft">{what}</p>\n{_index(data)}<div class="samples">'
        f"<div><h3>Kept: {number(len(data.kept))} of {number(kept)}</h3>{left or nothing}</div>"
        f"<div><h3>Dropped: some of each reason</h3>{right or nothing}</div></div>\n</section>\n"
    )


def _name(row: Mapping[str, Any]) -> str:
    return row.get("url") or "/".join(part for part in (row.get("repo"), row.get("path")) if part) or str(row["id"])


def _index(data: ReportData) -> str:
    """All samples in a list of links, which the browser's own search looks through; a link opens its document."""
    rows = [
        (f"{side}-{at}", sample.row.get("reason") or "kept", sample.row.get("language") or "", _name(sample.row))
        for side, found in (("kept", data.kept), ("dropped", data.dropped))
        for at, sample in enumerate(found)
    ]
    body = "".join(
        f'<tr><td><a href="#{anchor}">{text(one_line(name, 120))}</a></td><td>{breakable(reason)}</td><td>{text(language)}</td></tr>'
        for anchor, reason, language, name in rows
    )
    summary = f"<summary>List of the {number(len(rows))} documents shown</summary>"
    head = "<tr><th>document</th><th>what became of it</th><th>language</th></tr>"
    return f'<details class="more">{summary}<table>{head}{body}</table></details>\n' if rows else ""


def _document(sample: Sample, opened: bool, dropped: bool, anchor: str) -> str:
    """A folded document. The anchor stands within it: a browser that is sent there unfolds it."""
    row = sample.row
    name = _name(row)
    facts = []
    if dropped:
        facts.append(f"<b>{text(row.get('reason') or '')}</b>")
        if row.get("value") is not None:
            facts.append(f"measured {number(row['value'])}")
    if row.get("language"):
        score = row.get("language_score")
        facts.append(text(row["language"]) + (f" {score:.2f}" if score is not None else ""))
    facts += [f"{number(count)} lost in {text(step)}" for step, count in sample.removals.items()]
    if not dropped or sample.long:
        facts.insert(0, LONG if sample.long else _cut_summary(sample.lines))
    css = "doc dropped" if dropped else "doc"
    survivor = f'<span class="url">kept: {text(one_line(sample.survivor, 300))}</span>' if sample.survivor else ""
    body = "text code" if row.get("path") else "text"
    return (
        f'<details class="{css}"{" open" if opened else ""}><summary>{" · ".join(facts)}'
        f'<span class="url">{text(one_line(name, 300))}</span>{survivor}</summary>'
        f'<div class="{body}" id="{anchor}">{_lines(sample.lines)}</div></details>\n'
    )


def _cut_summary(lines: Sequence[Line]) -> str:
    shown = [line for line in lines if line.text.strip()]
    left = sum(line.left is not None for line in shown)
    return f"<b>{number(left)}</b> of {number(len(shown))} lines kept"


def _lines(lines: Sequence[Line]) -> str:
    """The lines as paragraphs, up to TEXT_CHARS characters; blank ones are left out, long removed stretches folded."""
    shown = [line for line in lines if line.text.strip()]
    parts: list[str] = []
    left, at = TEXT_CHARS, 0
    for (gone, rules), run in groupby(shown, key=lambda line: (line.left is None, line.rules)):
        stretch = list(run)
        head = stretch[:2] if gone and len(stretch) > RUN else stretch
        for line in head:
            if left <= 0:
                return "".join([*parts, f'<p class="soft">… {number(len(shown) - at)} more lines</p>'])
            parts.append(_line(line, left))
            left -= len(line.text)
            at += 1
        if len(head) < len(stretch):
            told = f"… {number(len(stretch) - 2)} more lines removed"
            parts.append(f'<p class="soft small">{told}{_tags(rules)}</p>')
            at += len(stretch) - 2
    return "".join(parts) or '<p class="soft">No text is stored.</p>'


def _tags(rules: Sequence[str]) -> str:
    return "".join(f'<span class="rule">{text(rule)}</span>' for rule in rules)


def _line(line: Line, most: int) -> str:
    shown, left = [], most
    for piece, gone in cut_spans(line):
        part = text(piece[:left])
        shown.append(f"<del>{part}</del>" if gone else part)
        left -= len(piece)
        if left <= 0:
            shown.append("…")
            break
    return f'<p dir="auto">{"".join(shown)}{_tags(line.rules)}</p>'


def failures(data: ReportData, total: int) -> str:
    """A table of damaged records and failed pages."""
    if not data.failures:
        return ""
    rows = "".join(_failure(row) for row in data.failures)
    head = '<tr><th>reason</th><th>where</th><th class="n">at</th><th>what was wrong</th></tr>'
    what = f"{number(len(data.failures))} of {number(total)}: damaged records, pages and steps that broke."
    intro = f'<h2>Failures</h2>\n<p class="soft">{what}</p>'
    return f'<section id="failures">\n{intro}\n<table>{head}{rows}</table>\n</section>\n'


def _failure(row: Mapping[str, Any]) -> str:
    name = row.get("url") or row.get("path") or row.get("file") or ""
    return (
        f"<tr><td>{text(row.get('reason') or '')}</td><td>{text(one_line(name, 200))}</td>"
        f'<td class="n">{where(row.get("file"), row.get("offset"))}</td>'
        f"<td>{text(one_line(row.get('detail') or '', 300))}</td></tr>"
    )
