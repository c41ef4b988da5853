"""An explanation as a person reads it in a terminal: verdict, steps, lines, duplicates side by side."""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from curate.console.terminal import clean, number, one_line, side_by_side
from curate.dedup.difference import excerpts
from curate.read.tables import where
from curate.report.explain import Difference, Explanation, Survivor, differences
from curate.report.trace import Line, RemovalRow, Stage, cut_spans

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

VERDICT_STYLE = {"kept": "bold green", "rejected": "bold red", "failed": "bold yellow"}
OUTCOME_STYLE = {"kept": "green", "edited": "yellow", "rejected": "bold red", "failed": "bold red", "not_run": "dim"}
LONG_PARAMETER = 40
SHOWN_REMOVALS = 12


def view(found: Explanation, width: int = 120, full: bool = False, colours: bool = True) -> Iterator["RenderableType"]:
    """The parts of the explanation, for `rich`.

    `full` shows every line, else stretches that were left alone are folded. Without `colours` what was cut stands in
    `[-` and `-]`.
    """
    yield _heading(found)
    yield _facts(found)
    if found.trace:
        yield _steps(found.trace.stages) if found.trace.stages else _text(("the recipe has no steps", "dim"))
        yield from (_moved(stage) for stage in found.trace.stages if stage.moved)
        if found.verdict != found.trace.verdict or (found.reason or None) != found.trace.reason:
            yield _warning(found)
        if found.trace.lines:
            yield _lines(found.trace.lines, full, colours)
    else:
        yield _stored(found)
    yield from _duplicates(found, width, full, colours)
    if found.copies:
        yield _copies(found)


def _text(*parts: tuple[str, str]) -> "Text":
    from rich.text import Text

    return Text.assemble(*((clean(text), style) for text, style in parts))


def _heading(found: Explanation) -> "Text":
    verdict = found.verdict.upper()
    parts = [(verdict, VERDICT_STYLE.get(found.verdict, "bold"))]
    if found.reason:
        parts.append((f"  {found.reason}", "bold"))
    if found.value is not None:
        parts.append((f"  measured {number(found.value)}", ""))
    if found.detail:
        parts.append((f"  {one_line(found.detail, 300)}", ""))
    return _text(*parts)


def _facts(found: Explanation) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    row = found.row
    at = where(row.get("file"), row.get("offset"))
    facts: dict[str, Any] = {name: row.get(name) for name in ("url", "repo", "path", "id", "record_id")}
    facts |= {"date": row.get("date"), "record": f"{row['file']} at {at}" if row.get("file") and at else ""}
    facts |= {name: row.get(name) for name in ("status", "content_type", "charset", "truncated", "language", "license")}
    for name, value in facts.items():
        if value not in (None, ""):
            table.add_row(Text(name, style="dim"), Text(one_line(str(value), 500), overflow="fold"))
    return table


def _steps(stages: Sequence[Stage]) -> "Table":
    """One row a step: what it did, what it measured, what its limits are."""
    from rich.text import Text

    from curate.console.tables import Table

    table = Table(title="Steps", title_justify="left", box=None, header_style="bold", pad_edge=False)
    for name in ("step", "outcome", "measured", "removed", "set to"):
        table.add_column(name, overflow="fold")
    for stage in stages:
        outcome = stage.reason.split(".", 1)[-1] if stage.reason else stage.outcome.replace("_", " ")
        measured = {**stage.signals} or ({"value": stage.value} if stage.value is not None else {})
        if stage.reason and stage.value is not None and stage.value not in measured.values():
            measured["value"] = stage.value
        cells = [
            Text(clean(stage.step)),
            Text(
                clean(f"{outcome}{': ' + stage.detail if stage.detail else ''}"), OUTCOME_STYLE.get(stage.outcome, "")
            ),
            Text(", ".join(f"{name} {number(value)}" for name, value in measured.items() if value is not None)),
            Text(", ".join(f"{rule.split('.', 1)[-1]} {count}" for rule, count in stage.removed.items())),
            Text(clean(_parameters(stage)), style="dim"),
        ]
        table.add_row(*cells)
    return table


def _moved(stage: Stage) -> "Text":
    """Signals and words that moved a score, and what each added to the sum before it became one."""
    told = "  ".join(f"{one_line(name, 40)} {added:+.2f}" for name, added in stage.moved)
    return _text((f"{stage.step}: moved by  ", "bold"), (told, ""))


def _parameters(stage: Stage) -> str:
    return ", ".join(f"{name}={_short(value)}" for name, value in stage.parameters.items())


def _short(value: object) -> str:
    """A value, or as much of it as fits: of a list whole items."""
    if not isinstance(value, tuple | list):
        return one_line(str(value), LONG_PARAMETER)
    text = ",".join(map(str, value))
    while len(text) > LONG_PARAMETER and len(value) > 1:
        value = value[:-1]
        text = ",".join([*map(str, value), "…"])
    return text


def _warning(found: Explanation) -> "Text":
    now = found.trace
    assert now is not None
    text = (
        f"Run again just now the recipe says {now.verdict}{f' ({now.reason})' if now.reason else ''}: "
        "the code, a model or a word list has changed since the corpus was made."
    )
    return _text((text, "yellow"))


def _lines(lines: Sequence[Line], full: bool, colours: bool) -> "Table":
    """The text as extracted, line by line; what was cut is struck through and named."""
    from rich.table import Table
    from rich.text import Text

    lines = [line for line in lines if line.text.strip()]
    gone = sum(line.left is None for line in lines)
    edited = sum(line.left is not None and bool(line.rules) for line in lines)
    title = f"Text as extracted: {number(len(lines))} lines, {number(gone)} removed, {number(edited)} shortened"
    table = Table(title=title, title_justify="left", box=None, show_header=False, pad_edge=False)
    table.add_column(justify="right", style="dim")
    table.add_column(overflow="fold", ratio=1)
    table.add_column(style="red", no_wrap=True)
    for at, line in enumerate(lines, 1):
        if not full and not line.rules and _dull(lines, at - 1):
            if not _dull(lines, at - 2):
                table.add_row("", Text("…", style="dim"), "")
            continue
        text = Text()
        for piece, cut in cut_spans(line):
            marked = clean(piece) if colours or not cut else f"[-{clean(piece)}-]"
            text.append(marked, style="red strike" if cut else "")
        table.add_row(str(at), text, Text(clean(", ".join(line.rules))))
    return table


def _dull(lines: Sequence[Line], at: int) -> bool:
    """Whether a line and its neighbours were left alone: such stretches are folded."""
    return all(not line.rules for line in lines[max(0, at - 1) : at + 2]) and 0 < at < len(lines) - 1


def _stored(found: Explanation) -> "Text":
    removed = ", ".join(f"{rule} {count}" for rule, count in found.removed.items()) or "nothing"
    signals = ", ".join(f"{name} {number(value)}" for name, value in found.signals.items()) or "nothing"
    text = (
        f"measured: {signals}\nremoved: {removed}\n"
        "The text as extracted was not kept with this corpus, so the lines can't be shown "
        "(jobs keep it in extracted/ unless told not to)."
    )
    return _text((text, ""))


def _duplicates(found: Explanation, width: int, full: bool, colours: bool) -> Iterator["RenderableType"]:
    """Who keeps what was lost, and the text next to it."""
    own, compared = found.row["id"][:16], differences(found)
    for step, removals in found.removals.items():
        lost = [removal for removal in removals if removal.survivor != own]
        if not lost:
            continue
        if notes := [json.loads(removal.note) for removal in lost if removal.note]:
            yield _evidence(step, notes)
            continue
        yield _text((f"{step}: lost to", "bold"))
        for name, count in _by_survivor(lost)[:SHOWN_REMOVALS]:
            survivor = found.survivors.get(name, Survivor(name, None, None))
            what = (
                "the whole document" if any(removal.pos < 0 for removal in lost) else f"{number(count)} spans or lines"
            )
            yield _text((f"  {what}  {survivor.url or ''}  {survivor.id}", ""))
        name = _by_survivor(lost)[0][0]
        first = found.survivors.get(name)
        if name in compared:
            yield from _difference(compared[name], first.url or first.id if first else name, width, full, colours)
        elif not found.row.get("text"):
            yield _text(
                ("  Its text was not kept with this corpus, so that the two can't be compared: --keep-rejected", "dim")
            )
        elif first and first.text:
            mine = found.row.get("text") or ""
            yield side_by_side(mine, first.text, width, ("this document", f"kept copy: {first.url or first.id}"))


def _evidence(step: str, notes: Sequence[dict[str, Any]]) -> "Text":
    """Items of evaluation tasks that the document holds."""
    rows = [(f"{step}: holds items of evaluation tasks\n", "bold")]
    for note in notes[:SHOWN_REMOVALS]:
        what = "question and answer" if note["part"] == "both" else note["part"]
        where = f"{note['held']:.0%} of its 3-grams, {number(note['run'])} words in a row, in {number(note['documents'])} documents"
        rows.append(
            (f"  {note['task']} line {number(note['item'])}: {what}, {where}: {one_line(note['words'], 200)}\n", "")
        )
    return _text(*rows)


def _difference(found: Difference, survivor: str, width: int, full: bool, colours: bool) -> Iterator["RenderableType"]:
    """What of the removed document the one that stays lacks, and both texts, marked word by word."""
    from rich.table import Table
    from rich.text import Text

    lacking = found.lacking
    told = "every one stands in the text that stays"
    if lacking:
        told = (
            f"{number(sum(lacking))} of them do not stand in the text that stays, in {number(len(lacking))} places; "
            f"{number(max(lacking))} in a row at most"
        )
    yield _text((f"  {number(found.words)} words: {told}", ""))
    table = Table(width=width, header_style="bold")
    sides = (
        ("this document", found.removed, "[-", "-]", "red"),
        (f"kept copy: {survivor}", found.survivor, "{+", "+}", "green"),
    )
    cells = []
    for title, parts, start, end, style in sides:
        table.add_column(Text(one_line(title, 500), overflow="fold"), ratio=1, overflow="fold")
        text = Text()
        for piece in parts if full else excerpts(parts):
            words = clean(piece.text)
            marked = words if piece.held or colours else f"{start}{words.rstrip()}{end} "
            text.append(marked, style="dim" if piece.held else style)
        cells.append(text)
    table.add_row(*cells)
    yield table


def _copies(found: Explanation) -> "Text":
    """Documents that went because this one stays."""
    rows = [(f"Kept instead of the same in {number(len(found.copies))} other documents\n", "bold")]
    for copy in found.copies[:SHOWN_REMOVALS]:
        rows.append((f"  {copy.id}  {copy.step}  {number(copy.removals)} lost, value {number(copy.value)}\n", ""))
    if len(found.copies) > SHOWN_REMOVALS:
        rows.append((f"  and {number(len(found.copies) - SHOWN_REMOVALS)} more\n", "dim"))
    return _text(*rows)


def _by_survivor(removals: Sequence[RemovalRow]) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for removal in removals:
        counts[removal.survivor] = counts.get(removal.survivor, 0) + 1
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
