"""Licences that package metadata states: pyproject.toml, setup.cfg, setup.py, PKG-INFO, package.json, Cargo.toml, pom.xml."""

import configparser
import json
import re
from email.parser import HeaderParser
from pathlib import PurePosixPath
from typing import Any

from curate.code.evidence import Evidence, canonical, conjunction
from curate.code.names import PROPRIETARY, UNKNOWN, mentions
from curate.code.strangers import single_blanks, toml
from curate.code.values import names_in, says_no_more

NAMES = frozenset({"pyproject.toml", "setup.cfg", "setup.py", "PKG-INFO", "METADATA", "package.json", "Cargo.toml", "pom.xml"})  # fmt: skip
_TROVE = {
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "zlib/libpng License": "Zlib",
}
"""Trove classifiers that mean one licence and that the table of names does not have as they are; others are read as names."""
_CLOSED = re.compile(
    r"\bpropriet|\bcommercial|non-?commercial|\ball rights reserved|\bunlicensed\b|\b(?:educational|home|academic|internal|personal|private) use|\b(?:free|share)ware\b|\bevaluation|\bconfidential|\bclosed[- ]source",
    re.I,
)
"""What a value says that gives no licence to all: no vague word, so that it holds beside a licence's text."""
_SETUP = re.compile(r"(?<![\w.])license\s{0,20}=\s{0,20}[bru]?([\"'])(?P<value>[^\"'\n]{1,200})\1")
_SETUP_CLASSIFIER = re.compile(r"[\"'](License :: [^\"'\n]{1,200})[\"']")
_APPROVED = frozenset({"License :: OSI Approved", "License :: DFSG approved"})
"""Classifiers of some licence or other."""
MAX_CONFIG = 64 << 10
"""Characters of a setup.cfg that is read: the time that lines which are none take its parser grows with their square."""
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
    except (ValueError, TypeError, AttributeError, RecursionError, KeyError, configparser.Error):
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
    further = len(value) < 300 and names_in(value) and not says_no_more(value)
    if _CLOSED.search(value) or further:
        return conjunction([*(m.expression for m in named), PROPRIETARY]) or PROPRIETARY
    return named[0].expression if len(named) == 1 else UNKNOWN


def _pyproject(text: str) -> list[Any]:
    project = toml(text).get("project", {})
    licence = project.get("license")
    if isinstance(licence, dict):
        licence = licence.get("text")
    return [licence] if licence else _classifiers(project.get("classifiers", []))


def _classifiers(lines: list[str]) -> list[str]:
    found = [line.strip() for line in lines]
    return [line.rsplit(" :: ", 1)[1] for line in found if line.startswith("License :: ") and line not in _APPROVED]


def _setup_cfg(text: str) -> list[Any]:
    found = configparser.ConfigParser(interpolation=None, strict=False)
    if len(text) > MAX_CONFIG:
        raise ValueError(f"more than {MAX_CONFIG} characters")
    found.read_string(single_blanks(text))
    if not found.has_section("metadata"):
        return []
    fields = found["metadata"]
    licence = fields.get("license", "").strip()
    lines = (fields.get("classifiers") or fields.get("classifier") or "").splitlines()
    return [licence] if licence and len(licence) < 300 else _classifiers([line.strip() for line in lines])


def _setup_py(text: str) -> list[Any]:
    """Values that stand in the call as they are; what is computed says nothing."""
    licence = _SETUP.search(text) if "setup(" in text else None
    return [licence.group("value")] if licence else _classifiers(_SETUP_CLASSIFIER.findall(text))


def _headers(text: str) -> list[Any]:
    found = HeaderParser().parsestr(text)
    stated_ = found.get("License-Expression") or found.get("License")
    if stated_ and stated_.strip().upper() != "UNKNOWN" and len(stated_) < 300:
        return [stated_]
    return _classifiers(found.get_all("Classifier") or [])


def _package_json(text: str) -> list[object]:
    found = json.loads(text)
    several = found.get("licenses") or []
    one = found.get("license")
    values = [one] if one else several if isinstance(several, list) else [several]
    return [value.get("type") if isinstance(value, dict) else value for value in values]


def _cargo(text: str) -> list[object]:
    licence = toml(text).get("package", {}).get("license")
    return [licence.replace("/", " OR ") if isinstance(licence, str) else licence]


def _pom(text: str) -> list[object]:
    return _POM.findall(text[:200_000])


_READERS = {
    "pyproject.toml": _pyproject,
    "setup.cfg": _setup_cfg,
    "setup.py": _setup_py,
    "PKG-INFO": _headers,
    "METADATA": _headers,
    "package.json": _package_json,
    "Cargo.toml": _cargo,
    "pom.xml": _pom,
}
