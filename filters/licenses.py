"""Licence allowlists: SPDX expressions evaluated logically against a list of ids.

`A OR B` is allowed when one side is, `A AND B` when both are. `A WITH E` is allowed when the list names `A WITH E`,
or names `A` and `E` is an exception of the SPDX list (all of them only add permissions). Anything not on the list is
not allowed, and neither is a document without a licence.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

from license_expression import LicenseWithExceptionSymbol, get_spdx_licensing

from curate.filters.base import Decision, Document, drop, keep

LISTS = ("apache-bsd-mit", "permissive")
"""Lists that come with the package: `filters/data/licenses-NAME.txt`, each with its source."""

_ID = re.compile(r"[A-Za-z0-9.+-]+(?: WITH [A-Za-z0-9.+-]+)?")


@lru_cache(maxsize=1)
def spdx() -> Any:
    """The SPDX list as a parser of expressions; building it takes a second, so it is built once a process."""
    return get_spdx_licensing()


@lru_cache(maxsize=32)
def allow_list(name: str) -> frozenset[str]:
    """Ids of a list that comes with the package, or of a person's own file.

    A file has one id a line; `#` starts a comment.

    Raises:
        ValueError: No such list or file, an empty one, or a line that is no SPDX id.
    """
    if name in LISTS:
        text = (files("curate.filters") / "data" / f"licenses-{name}.txt").read_text(encoding="utf-8")
    else:
        try:
            text = Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(
                f"no allow-list {name!r}: not one of {', '.join(LISTS)}, and no readable file ({error})"
            ) from error
    entries = ((n, line.split("#", 1)[0].strip()) for n, line in enumerate(text.splitlines(), 1))
    ids = [(n, entry) for n, entry in entries if entry]
    known = spdx().known_symbols
    for number, entry in ids:
        listed = name in LISTS or entry.startswith("LicenseRef-") or all(i in known for i in entry.split(" WITH "))
        if not listed or not _ID.fullmatch(entry):
            raise ValueError(f"{name}, line {number}: {entry!r} is not an SPDX licence id")
    if not ids:
        raise ValueError(f"the allow-list {name!r} is empty")
    return frozenset(entry for _, entry in ids)


@lru_cache(maxsize=20_000)
def is_allowed(expression: str | None, allowed: frozenset[str]) -> bool:
    """Whether an SPDX expression is satisfied by licences of `allowed` alone; an invalid one never is."""
    if not expression:
        return False
    try:
        parsed = spdx().parse(expression)
    except Exception:  # the library raises several kinds on odd input; doubt denies
        return False
    return parsed is not None and _holds(parsed, allowed)


def _holds(node: Any, allowed: frozenset[str]) -> bool:
    operator = getattr(node, "operator", None)
    if operator is not None and "OR" in operator:
        return any(_holds(arg, allowed) for arg in node.args)
    if operator is not None and "AND" in operator:
        return all(_holds(arg, allowed) for arg in node.args)
    if isinstance(node, LicenseWithExceptionSymbol):
        base = node.license_symbol.key
        return f"{base} WITH {node.exception_symbol.key}" in allowed or (
            bool(node.exception_symbol.is_exception) and _listed(base, allowed)
        )
    return _listed(str(getattr(node, "key", "")), allowed)


def _listed(key: str, allowed: frozenset[str]) -> bool:
    symbol = spdx().known_symbols.get(key)
    names = {key, *(symbol.aliases if symbol is not None else ())}
    return any(name in allowed for name in names if not name.startswith("LicenseRef-") or name == key)


@dataclass(frozen=True, slots=True)
class AllowedLicense:
    """Drops code whose licence is not on the list of allowed ones.

    Reasons: `no_evidence` (no licence was found: all rights are reserved), `unknown` (there is one, but it is
    unrecognised or its text was changed), `not_allowed` (recognised, but not on the list). Source: LLaMA (Touvron et
    al. 2023, section 2.1) and The Stack (Kocetkov et al. 2022, section 3).
    """

    allow: str = "permissive"
    """`permissive`, `apache-bsd-mit`, or the path of a file with one SPDX id per line."""

    signals: ClassVar[tuple[str, ...]] = ("license_allowed",)

    def __post_init__(self) -> None:
        allow_list(self.allow)

    def files(self) -> tuple[Path, ...]:
        """The list, where it is not one of ours."""
        return () if self.allow in LISTS else (Path(self.allow),)

    def __call__(self, doc: Document) -> Decision:
        if not doc.license:
            return drop(doc, "no_evidence", 0.0, signals=_NO)
        if is_allowed(doc.license, allow_list(self.allow)):
            return keep(doc, 1.0, signals=_YES)
        reason = "unknown" if "LicenseRef-unknown" in doc.license else "not_allowed"
        return drop(doc, reason, 0.0, signals=_NO)


_YES: Mapping[str, float] = {"license_allowed": 1.0}
_NO: Mapping[str, float] = {"license_allowed": 0.0}
