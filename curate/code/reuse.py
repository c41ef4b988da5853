"""`REUSE.toml`: licences that a project states for paths (specification of REUSE 3.3, section "REUSE.toml")."""

import re
from dataclasses import dataclass
from typing import Any

import re2

from curate.code.evidence import Evidence, canonical, conjunction
from curate.code.names import UNKNOWN
from curate.code.strangers import EVERYTHING, MAX_STATEMENTS, any_of, toml

PRECEDENCES = ("closest", "aggregate", "override")
MAX_PATTERNS = 5_000


@dataclass(frozen=True, slots=True)
class Annotation:
    """One `[[annotations]]` table."""

    pattern: Any
    """Compiled by RE2: globs of strangers may not take long to fail."""
    evidence: Evidence
    precedence: str
    """closest: for files that say nothing themselves; aggregate: besides what they say; override: instead of it."""


def annotations(text: str, path: str) -> list[Annotation]:
    """The annotations of a file, in order; none of one that can't be read. The last that matches a path holds for it."""
    try:
        tables = toml(text).get("annotations", [])
    except (ValueError, RecursionError):
        return []
    if (
        isinstance(tables, list) and len(tables) > MAX_STATEMENTS
    ):  # which holds for which file is not asked: for none is it free
        said = Evidence(UNKNOWN, "metadata", path, f"more than {MAX_STATEMENTS:,} annotations", 0.5)
        return [Annotation(EVERYTHING, said, "override")]
    read = (_annotation(table, path) for table in tables) if isinstance(tables, list) else ()
    return [annotation for annotation in read if annotation]


def _annotation(table: object, path: str) -> Annotation | None:
    if not isinstance(table, dict):
        return None
    globs, stated = _strings(table.get("path")), _strings(table.get("SPDX-License-Identifier"))
    if not globs or not stated:
        return None
    pattern = any_of(glob_pattern(glob) for glob in globs[:MAX_PATTERNS])
    expression = conjunction(canonical(value) or UNKNOWN for value in stated) or UNKNOWN
    if pattern is None:  # for which files it holds is not known: for none is it free
        pattern, expression = EVERYTHING, UNKNOWN
    precedence = table.get("precedence", "closest")
    evidence = Evidence(expression, "metadata", path, "; ".join(stated)[:200], 0.5 if UNKNOWN in expression else 1.0)
    return Annotation(pattern, evidence, precedence if precedence in PRECEDENCES else "closest")


def _strings(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [v for v in values if isinstance(v, str) and v.strip()]


def glob_pattern(glob: str) -> str:
    """A glob as a regular expression: `*` is anything but a slash, `**` anything, a backslash escapes."""
    out: list[str] = []
    for token in re.findall(r"\\.|\*\*+|\*|[^*\\]+|\\", glob, re.S):
        piece = {"*": "[^/]*", "**": ".*"}.get(token[:2] if token.startswith("**") else token)
        piece = piece or re2.escape(token[1:] if len(token) > 1 and token[0] == "\\" else token)
        if not out or out[-1] != piece or "*" not in token:  # a*b*c stays; repeated stars would take long to fail
            out.append(piece)
    return "".join(out)


def annotation_for(found: list[Annotation], path: str) -> Annotation | None:
    """What the annotations say of the file at `path` (relative to the folder of REUSE.toml)."""
    return next((a for a in reversed(found) if a.pattern.fullmatch(path)), None)
