"""Machine-readable copyright files of Debian packages (DEP-5): which licence holds for which files."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import re2

from curate.code.evidence import Evidence, canonical
from curate.code.names import UNKNOWN
from curate.code.strangers import EVERYTHING, MAX_STATEMENTS, any_of

FORMAT = re.compile(r"^Format(?:-Specification)?:\s*\S*(?:copyright-format|dep5|DEP5|dep-5)", re.M | re.I)
_NAMES = {
    "Expat": "MIT", "BSD-2-clause": "BSD-2-Clause", "BSD-3-clause": "BSD-3-Clause", "BSD-4-clause": "BSD-4-Clause",
    "Apache-2": "Apache-2.0", "Artistic": "Artistic-1.0-Perl", "Perl": "Artistic-1.0-Perl OR GPL-1.0-or-later",
    "GPL": "GPL-1.0-or-later", "LGPL": "LGPL-2.0-or-later", "zlib": "Zlib", "public-domain": "LicenseRef-public-domain",
    "CC0": "CC0-1.0", "Python": "Python-2.0", "PSF-2": "PSF-2.0", "W3C-Software": "W3C", "MPL-2": "MPL-2.0",
}  # fmt: skip
"""Short names of the format that differ from SPDX. `MIT` is not one that it has: it means several texts."""
MAX_NAME = 1_000
"""Characters of a short name, or of several with `and` and `or` between them."""
_GNU = re.compile(r"(A?GPL|LGPL|GFDL)-?(\d)(?:\.(\d))?(\+)?", re.I)


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One `Files:` paragraph."""

    pattern: Any
    """Compiled by RE2: globs of strangers may not take long to fail."""
    evidence: Evidence
    globs: tuple[str, ...] = ()
    """The same as it is written."""


def is_copyright(path: str, text: str) -> bool:
    """Whether a file is a copyright file in the machine-readable format."""
    return path.endswith("debian/copyright") and bool(FORMAT.search(text[:2000]))


Reader = Callable[[str], str | None]
"""What gives the expression of a licence's text; None where it says none."""


def paragraphs(text: str, path: str, read: Reader | None = None) -> list[Paragraph]:
    """The `Files:` paragraphs in order; the last that matches a file holds for it.

    What a short name means that the format does not have is what its text is, which stands in the file, by `read`.
    """
    found: list[Paragraph] = []
    blocks = [_fields(block) for block in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n"))]
    texts = _texts(blocks)
    for fields in blocks:
        if "files" not in fields or "license" not in fields:
            continue
        if len(found) == MAX_STATEMENTS:  # for which files which holds is not asked: for none is it free
            said = Evidence(UNKNOWN, "debian-copyright", path, f"more than {MAX_STATEMENTS:,} paragraphs", 0.5)
            return [Paragraph(EVERYTHING, said, ("*",))]
        name = fields["license"].split("\n", 1)[0].strip()
        own = partial(_of_text, _texts([fields]) or texts, read) if read else None
        expression = short_name(name, own)
        score = 1.0 if UNKNOWN not in expression else 0.5
        globs = tuple(fields["files"].replace(",", " ").split()[:5000])
        if globs:
            pattern = any_of(map(glob_pattern, globs))
            if pattern is None:  # for which files it holds is not known: for none is it free
                pattern, expression, score = EVERYTHING, UNKNOWN, 0.5
            evidence = Evidence(expression, "debian-copyright", path, name[:200], score)
            found.append(Paragraph(pattern, evidence, globs))
    return found


def evidence_for(found: list[Paragraph], path: str) -> Evidence | None:
    """What the paragraphs say of the file at `path` (relative to the folder that has `debian/`)."""
    return next((p.evidence for p in reversed(found) if p.pattern.fullmatch(path)), None)


def _texts(blocks: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The texts that stand behind short names, by these."""
    found: dict[str, str] = {}
    for fields in blocks:
        name, _, body = fields.get("license", "").partition("\n")
        if body.strip():
            found.setdefault(name.strip().lower(), re.sub(r"(?m)^\.$", "", body))
    return found


def _of_text(texts: Mapping[str, str], read: Reader, name: str) -> str | None:
    """The licence whose text stands behind a short name."""
    body = texts.get(name.lower())
    found = read(body) if body else None
    return found if found and UNKNOWN not in found else None


def short_name(name: str, by_text: Reader | None = None) -> str:
    """A licence synopsis (`GPL-2+ or Expat`, `GPL-2 with OpenSSL exception`) as an SPDX expression.

    `A or B and C` is A or both of the others, `A or B, and C` is C with one of the others, as the format has it.
    `by_text` is asked for the names that the format does not have.
    """
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME or re.search(r"\bwith\b", name, re.I):
        return UNKNOWN
    clauses = dict.fromkeys(_choice(clause, by_text) for clause in re.split(r"\s*,\s*and\s+", name))
    return canonical(" AND ".join(f"({c})" if " OR " in c and len(clauses) > 1 else c for c in clauses)) or UNKNOWN


def _choice(name: str, by_text: Reader | None) -> str:
    """A synopsis without a comma before an `and`: there `and` binds closer than `or`."""
    choices = []
    for choice in re.split(r"\s*[,|]?\s+or\s+|\s*\|\s*", name):
        parts = [_id(part.strip(" ,"), by_text) for part in re.split(r"\s+and\s+|\s*,\s*", choice) if part.strip(" ,")]
        choices.append(" AND ".join(f"({p})" if " OR " in p or " AND " in p else p for p in parts) or UNKNOWN)
    return " OR ".join(f"({c})" if " AND " in c and len(choices) > 1 else c for c in choices)


def _id(name: str, by_text: Reader | None) -> str:
    gnu = _GNU.fullmatch(name)
    if gnu:
        family, major, minor, later = gnu.groups()
        return f"{family.upper()}-{major}.{minor or 0}" + ("-or-later" if later else "-only")
    lower = {key.lower(): value for key, value in _NAMES.items()}
    known = lower.get(name.lower()) or (canonical(name) if " " not in name else None) or UNKNOWN
    return (by_text(name) if by_text and UNKNOWN in known else None) or known


def _fields(block: str) -> dict[str, str]:
    fields: dict[str, list[str]] = {}
    name = ""
    for line in block.split("\n"):
        if line[:1] in " \t" and name:
            fields[name].append(line.strip())
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = [value.strip()]
    return {name: "\n".join(lines) for name, lines in fields.items()}


def glob_pattern(glob: str) -> str:
    """A glob of the format as a regular expression: `*` and `?` match slashes too, a backslash escapes."""
    out, at = list[str](), 0
    glob = glob.removeprefix("./")
    while at < len(glob):
        c = glob[at]
        if c == "\\" and at + 1 < len(glob):
            at += 1
            out.append(re2.escape(glob[at]))
        elif c == "*":
            if not out or out[-1] != ".*":
                out.append(".*")
        else:
            out.append("." if c == "?" else re2.escape(c))
        at += 1
    return "".join(out)
