"""What was found that says something of a licence, and how pieces of it become one SPDX expression."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache

from curate.code.names import UNKNOWN
from curate.code.texts import spelling
from curate.filters.licenses import spdx


@dataclass(frozen=True, slots=True)
class Evidence:
    """One sign of a licence."""

    expression: str
    """SPDX expression; `LicenseRef-unknown` for a licence that no list knows."""
    kind: str
    """spdx-header, full-text, header-notice, metadata or debian-copyright; mention for a licence that is only named, pointer for
    a file that the licence is said to stand in (its name is `text`), scope for a folder (`text`) that it does not hold for, doubt for words that nothing known explains."""
    where: str
    """Path of the file, with `:line` of the place."""
    text: str
    """The words that say it, or the name of the text that matches; at most 200 characters."""
    score: float
    """How sure: 1 for a valid SPDX tag, the similarity (0 to 1) for a text."""


_RENAMED = {
    "BSD-2-Clause-FreeBSD": "BSD-2-Clause-Views", "BSD-2-Clause-NetBSD": "BSD-2-Clause",
    "bzip2-1.0.5": "bzip2-1.0.6", "StandardML-NJ": "SMLNJ",
}  # fmt: skip
"""Deprecated ids that the library does not map itself."""


def _spelled(key: str) -> str:
    if key.lower().startswith(("licenseref-", "documentref-")):
        return key
    return _RENAMED.get(key) or spelling().get(key.lower()) or UNKNOWN


MAX_EVIDENCE, MAX_EXPRESSION = 500, 5_000
"""Signs that a row shows, and characters of an expression that is read: the time that it takes grows with their square."""


@lru_cache(maxsize=20_000)
def canonical(expression: str) -> str | None:
    """`expression` with SPDX ids in their own spelling, deprecated ids replaced; None when it is no expression.

    Ids that the list does not know become `LicenseRef-unknown`.
    """
    licensing = spdx()
    if len(expression) > MAX_EXPRESSION:
        return None
    if expression in licensing.known_symbols:  # as most are: not worth a parse
        return expression
    try:
        parsed = licensing.parse(expression)
        if parsed is None:
            return None
        spelled = {str(k): _spelled(str(k)) for k in licensing.unknown_license_keys(parsed)}
        rendered = str(parsed.render())
        for key in sorted((key for key, value in spelled.items() if value != key), key=len, reverse=True):
            alone = rendered == key  # not worth a pattern
            rendered = (
                spelled[key] if alone else re.sub(rf"(?<![\w.+-]){re.escape(key)}(?![\w.+-])", spelled[key], rendered)
            )
        return str(licensing.parse(rendered).render())
    except Exception:  # the library raises its own, boolean.py's and plain errors on odd input
        return None


def conjunction(expressions: Iterable[str]) -> str | None:
    """All of `expressions` at once, without repetition, in order; None for none."""
    return _joined(expressions, " AND ")


def choice(expressions: Iterable[str]) -> str | None:
    """One of `expressions` at the licensee's choice."""
    return _joined(expressions, " OR ")


def _joined(expressions: Iterable[str], operator: str) -> str | None:
    unique = list(dict.fromkeys(e for e in expressions if e))
    if len(unique) < 2:
        return unique[0] if unique else None
    return operator.join(f"({e})" if " OR " in e or " AND " in e else e for e in unique)


def ids(expression: str | None) -> frozenset[str]:
    """The licence ids (with exceptions as `A WITH B`) of an expression."""
    if not expression:
        return frozenset()
    words = expression.replace("(", " ").replace(")", " ")
    parts = (p.strip() for a in words.split(" AND ") for p in a.split(" OR "))
    return frozenset(p for p in parts if p)


def to_json(evidence: Sequence[Evidence]) -> str:
    """The column `license_evidence`: MAX_EVIDENCE signs of it at most, as each file of a folder repeats what is said of that."""
    return json.dumps([asdict(e) for e in evidence[:MAX_EVIDENCE]], ensure_ascii=False, sort_keys=True)
