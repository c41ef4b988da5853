"""The XML of the SPDX License List as the detector reads it: one template a text, with its optional and replaceable parts.

`python -m curate.code.spdx FOLDER` makes `filters/data/licenses-spdx-templates.json.xz` of a checkout of the list's repository
(data under CC0-1.0). A template is a list of parts: a string is literal text, `["o", parts]` may be left out, and
`["v", pattern, original]` is any text that the regular expression `pattern` matches whole, `original` being SPDX's own.
What SPDX's matching guidelines leave out of the comparison (titles and copyright notices) is optional or not there.
"""

import json
import lzma
import re
import subprocess
import sys
import xml.etree.ElementTree as ET  # trusted: the list's own files, at build time only
from pathlib import Path
from typing import Any

Part = str | list[Any]
"""Literal text, `["o", parts]` or `["v", pattern, original]`."""

NAMESPACE = "{http://www.spdx.org/license}"
OUTPUT = Path(__file__).parents[2] / "filters" / "data" / "licenses-spdx-templates.json.xz"
_LEFT_OUT = {"copyrightText", "bullet"}
_OPTIONAL = {"optional", "titleText"}


def parts_of(element: ET.Element) -> list[Part]:
    """The content of an element as template parts, in order."""
    found: list[Part] = []
    _add(found, element.text or "")
    for child in element:
        name = child.tag.removeprefix(NAMESPACE)
        inner = parts_of(child)
        if name == "alt":
            found.append(["v", child.get("match") or ".*", plain(inner)])
        elif name in _OPTIONAL:
            if inner:
                found.append(["o", inner])
        elif name not in _LEFT_OUT:
            _add(found, "", "\n")
            for part in inner:
                found.append(part) if not isinstance(part, str) else _join(found, part)
            _add(found, "", "\n")
        _add(found, child.tail or "")
    return [part for part in found if not isinstance(part, str) or part.strip()]


def _add(found: list[Part], text: str, end: str = "") -> None:
    """Literal text behind what is there, with white space folded; `end` is the line break of an element."""
    _join(
        found,
        " ".join(text.split()).join((" " if text[:1].isspace() else "", " " if text[-1:].isspace() else "")) + end,
    )


def _join(found: list[Part], text: str) -> None:
    if found and isinstance(found[-1], str):
        found[-1] = re.sub(r" *\n\s*", "\n", found[-1] + text)
    elif text.strip():
        found.append(text)


def plain(parts: list[Part], optional: bool = True) -> str:
    """The text that the list itself has for a template, with or without what may be left out; one line a paragraph."""
    words = (p if isinstance(p, str) else p[2] if p[0] == "v" else plain(p[1]) if optional else "" for p in parts)
    text = " ".join(words)
    while "  " in text:
        text = text.replace("  ", " ")
    lines = (line.lstrip().rstrip(" ") for line in text.split("\n"))
    return "\n".join(line for line in lines if line).strip()


def templates_of(data: bytes) -> list[dict[str, Any]]:
    """Rows {"id", "name", "kind", "deprecated", "template"} of one file: the text, and its standard header if it has one."""
    rows = []
    for item in ET.fromstring(data):
        kind = item.tag.removeprefix(NAMESPACE)
        text = item.find(f"{NAMESPACE}text")
        if kind not in ("license", "exception") or text is None:
            continue
        shared = {
            "id": item.get("licenseId", ""),
            "name": item.get("name", ""),
            "deprecated": item.find(f".//{NAMESPACE}obsoletedBy") is not None or bool(item.get("deprecatedVersion")),
        }
        rows.append({**shared, "kind": kind, "template": parts_of(text)})
        headers = {plain(parts_of(h)): parts_of(h) for h in item.iter(f"{NAMESPACE}standardLicenseHeader")}
        rows += [{**shared, "kind": "header", "template": header} for header in headers.values() if header]
    return rows


def build(folder: Path) -> bytes:
    """The shipped file, from a checkout of the list's repository; the same bytes each time."""
    files = sorted([*folder.glob("src/*.xml"), *folder.glob("src/exceptions/*.xml")])
    rows = [row for file in files for row in templates_of(file.read_bytes())]
    groups: dict[str, dict[str, Any]] = {}
    for row in (r for r in rows if not r["deprecated"]):
        key = json.dumps([row["kind"], row["template"]])
        group = groups.setdefault(key, {"ids": [], "names": [], "kind": row["kind"], "template": row["template"]})
        group["ids"].append(row["id"])
        group["names"].append(row["name"])
    words = (line.split(",") for line in (folder / "equivalentwords.txt").read_text().splitlines() if "," in line)
    commit = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    data = {
        "source": f"SPDX License List, https://github.com/spdx/license-list-XML at {commit or 'unknown'}, CC0-1.0",
        "deprecated": sorted({r["id"] for r in rows if r["deprecated"]}),
        "equivalent": [[a.strip(), b.strip()] for a, b in words],
        "texts": sorted(groups.values(), key=lambda g: (g["ids"], g["kind"], json.dumps(g["template"]))),
    }
    packed = json.dumps(data, ensure_ascii=False, sort_keys=True).encode()
    return lzma.compress(packed, preset=9 | lzma.PRESET_EXTREME)


if __name__ == "__main__":
    OUTPUT.write_bytes(build(Path(sys.argv[1])))
