"""What `curate license` says of a path."""

import os
from typing import TYPE_CHECKING, Any

from curate.code.detect import Detector
from curate.code.evidence import Evidence, conjunction
from curate.code.members import BROKEN, Bomb
from curate.code.packages import is_package, survey_of
from curate.errors import InputError
from curate.terminal import one_line
from filters.licenses import is_allowed

if TYPE_CHECKING:
    from rich.table import Table


SHOWN = 4


def evidence_of(path: str, allowed: frozenset[str]) -> list[dict[str, Any]]:
    """One entry a file, or a folder with evidence: {"path", "license", "allowed", "evidence": [...]}."""
    if not is_package(path):
        with open(path, "rb") as file:
            found = Detector().detect(file.read(400_000), os.path.basename(path))
        return [_entry(path, found, allowed)]
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
    from rich.table import Table
    from rich.text import Text

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
        out.add_row(Text(one_line(entry["path"], 60)), Text(entry["license"] or "no evidence"), allowed, Text(said))
    return out
