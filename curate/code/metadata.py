"""Licences that package metadata states: pyproject.toml, PKG-INFO, package.json, Cargo.toml, pom.xml."""

import json
import re
import tomllib
from email.parser import HeaderParser
from pathlib import PurePosixPath
from typing import Any

from curate.code.evidence import Evidence, canonical, conjunction
from curate.code.names import UNKNOWN, mentions

NAMES = frozenset({"pyproject.toml", "PKG-INFO", "METADATA", "package.json", "Cargo.toml", "pom.xml"})
_TROVE = {
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "zlib/libpng License": "Zlib",
}
"""Trove classifiers that mean one licence. "BSD License" means several and so none."""
_POM = re.compile(r"<license>\s*<name>([^<]{1,200})</name>", re.I)


def is_metadata(path: str) -> bool:
    """Whether a file of this name can state the licence of the package it lies in."""
    return PurePosixPath(path).name in NAMES


def stated(path: str, data: bytes) -> Evidence | None:
    """What the metadata file says, if it says a licence; a statement that names none we know is an unknown licence."""
    text = data.decode("utf-8", "replace")
    name = PurePosixPath(path).name
    try:
        found = _READERS[name](text)
    except (ValueError, TypeError, AttributeError, RecursionError, KeyError):
        return None
    values = [value for value in found if isinstance(value, str) and value.strip()]
    if not values:
        return None
    expression = conjunction(_expression(value) for value in values) or UNKNOWN
    return Evidence(expression, "metadata", path, "; ".join(values)[:200], 1.0 if UNKNOWN not in expression else 0.5)


def _expression(value: str) -> str:
    """SPDX expression of what a person wrote: an expression, a classifier, or a name such as "MIT License"."""
    value = value.strip()
    if value in _TROVE:
        return _TROVE[value]
    exact = canonical(value)
    if exact and UNKNOWN not in exact:
        return exact
    named = mentions(value.lower()) if len(value) < 300 else []
    return named[0].expression if len(named) == 1 else UNKNOWN


def _pyproject(text: str) -> list[Any]:
    project = tomllib.loads(text).get("project", {})
    licence = project.get("license")
    if isinstance(licence, dict):
        licence = licence.get("text")
    return [licence] if licence else _classifiers(project.get("classifiers", []))


def _classifiers(lines: list[str]) -> list[str]:
    return [line.rsplit(" :: ", 1)[1] for line in lines if line.startswith("License ::") and line.count("::") > 1]


def _headers(text: str) -> list[Any]:
    found = HeaderParser().parsestr(text)
    stated_ = found.get("License-Expression") or found.get("License")
    if stated_ and stated_.strip().upper() != "UNKNOWN" and len(stated_) < 300:
        return [stated_]
    return _classifiers(found.get_all("Classifier") or [])


def _package_json(text: str) -> list[Any]:
    found = json.loads(text)
    several = found.get("licenses") or []
    one = found.get("license")
    values = [one] if one else several if isinstance(several, list) else [several]
    return [value.get("type") if isinstance(value, dict) else value for value in values]


def _cargo(text: str) -> list[Any]:
    licence = tomllib.loads(text).get("package", {}).get("license")
    return [licence.replace("/", " OR ") if isinstance(licence, str) else licence]


def _pom(text: str) -> list[Any]:
    return _POM.findall(text[:200_000])


_READERS = {
    "pyproject.toml": _pyproject,
    "PKG-INFO": _headers,
    "METADATA": _headers,
    "package.json": _package_json,
    "Cargo.toml": _cargo,
    "pom.xml": _pom,
}
