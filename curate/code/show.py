"""What `curate license` says of a path."""

import os
from typing import TYPE_CHECKING, Any

from curate.code.detect import Detector
from curate.code.evidence import Evidence, conjunction
from curate.code.members import BROKEN, Bomb
from curate.code.names import UNKNOWN
from curate.code.nearest import nearest
from curate.code.packages import is_package, survey_of
from curate.console.terminal import one_line
from curate.errors import InputError
from curate.filters.licenses import is_allowed

if TYPE_CHECKING:
    from rich.table import Table


SHOWN = 4
ALL = 1_000_000
"""Doubts of a file that is asked for by name."""
DIFFERENCES = 10


def evidence_of(path: str, allowed: frozenset[str]) -> list[dict[str, Any]]:
    """One entry a file, or a folder with evidence: {"path", "license", "allowed", "evidence": [...]}.

    Of a single file that is no text known, "nearest" says which text comes nearest and how it differs.
    """
    if not is_package(path):
        with open(path, "rb") as file:
            data = file.read()
        entry = _entry(path, Detector(ALL).detect(data, os.path.basename(path)), allowed)
        beside = nearest(data) if UNKNOWN in (entry["license"] or UNKNOWN) else None
        if beside and beside.lines:
            entry["nearest"] = {"license": beside.name, "difference": list(beside.lines)}
        return [entry]
    try:
        licences = survey_of(path, Detector())
    except (Bomb, *BROKEN) as error:
        raise InputError(f"{path}: can't be read: {error}") from error
    folders = sorted({"", *licences.texts, *licences.metadata})
    return [_entry(folder or ".", licences.of_folder(folder), allowed) for folder in folders]


def _entry(path: str, found: list[Evidence], allowed: frozenset[str]) -> dict[str, Any]:
    expression = conjunction(item.expression for item in found)
    evidence = [
        {"license": e.expression, "kind": e.kind, "where": e.where, "text": e.text, "score": e.score} for e in found
    ]
    return {"path": path, "license": expression, "allowed": is_allowed(expression, allowed), "evidence": evidence}


def table(found: list[dict[str, Any]]) -> "Table":
    """The entries as a table for a terminal."""
    from rich.text import Text

    from curate.console.tables import Table

    out = Table(box=None, pad_edge=False)
    for name in ("path", "license", "allowed", "evidence"):
        out.add_column(name)
    for entry in found:
        shown, more = entry["evidence"][:SHOWN], len(entry["evidence"]) - SHOWN
        said = "\n".join(
            f"{e['kind']} {e['score']:.2f} {one_line(e['where'], 60)}: {one_line(e['text'], 60)}" for e in shown
        )
        said += f"\n… {more} more (--json shows all)" if more > 0 else ""
        allowed = Text("yes", "green") if entry["allowed"] else Text("no", "red")
        if "nearest" in entry:
            lines = [one_line(line, 110) for line in entry["nearest"]["difference"][:DIFFERENCES]]
            said += "\n".join([f"\nnot {entry['nearest']['license']}:", *lines])
        out.add_row(Text(one_line(entry["path"], 60)), Text(entry["license"] or "no evidence"), allowed, Text(said))
    return out
