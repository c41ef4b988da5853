"""ScanCode's licence database (LicenseDB) as the detector reads it: exact texts with SPDX ids.

`curate assets fetch licensedb` gets the wheel of `licensedcode-data` (CC-BY-4.0) and `build` makes one small file of it. Kept are
the rules (notices, references, wordings of texts) of at most 300 words, longer ones when all that they name is on the list
`permissive` (ScanCode's copies of these licences among them), the texts of licences that the SPDX list does not have, and the web
addresses of all licences.
"""

import io
import json
import lzma
import re
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from curate.code.dedication import dedicates
from curate.code.evidence import canonical
from curate.code.evidence import ids as ids_of
from curate.code.names import PUBLIC_DOMAIN, UNKNOWN
from curate.code.prose import without_copyright
from curate.code.texts import readable
from curate.code.tokens import words
from curate.filters.licenses import allow_list

LONGEST = 300
"""Words of the longest rule that is kept whatever it names."""
LONGEST_PERMISSIVE = 6_000
NEUTRAL = {
    "unknown-license-reference", "warranty-disclaimer", "license-intro", "license-clue", "generic-cla", "see-license",
}  # fmt: skip
"""Keys that name no licence."""
SOURCE = "ScanCode LicenseDB, PyPI package licensedcode-data 32.1.0, (c) nexB Inc. and others, CC-BY-4.0"
_GRANT = re.compile(
    r"permission|permit|redistribut|grant|licen[cs]|\bmay\b|\bcan\b|free|public domain|consent|rights|agree", re.I
)
"""A text without any of these is a disclaimer alone."""
_OF_ITSELF = re.compile(r"verbatim copies of this (?:licen[cs]e )?document", re.I)
"""What GNU and other licences say of their own text."""
_ADDRESSES = ("homepage_url", "text_urls", "osi_url", "other_urls")


def records(archive: zipfile.ZipFile, folder: str) -> Iterator[dict[str, Any]]:
    """Front matter and text of each file of a folder, by name."""
    import yaml  # type: ignore[import-untyped]

    names = [name for name in archive.namelist() if str(PurePosixPath(name).parent) == f"licensedcode/data/{folder}"]
    for name in sorted(names):
        text = archive.read(name).decode().replace("\r\n", "\n").replace("\r", "\n")
        matched = re.match(r"---\n(.*?)\n---\n?(.*)\Z", text, re.S)
        if matched:
            found = yaml.load(matched.group(1), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or {}
            yield {**found, "text": matched.group(2).strip()}


class Ids:
    """ScanCode's keys as SPDX ids."""

    def __init__(self, licences: list[dict[str, Any]]) -> None:
        self.of = {row["key"]: row.get("spdx_license_key") or f"LicenseRef-scancode-{row['key']}" for row in licences}
        self.of |= {
            row["key"]: self.of[row["key"][:-3]]
            for row in licences
            if row["key"][:-3] in self.of and row["key"].endswith("-en")
        }
        self.of |= {
            row["key"]: "LicenseRef-public-domain"
            for row in licences
            if row.get("category") == "Public Domain" and self.of[row["key"]].startswith("LicenseRef-")
        }
        self.of |= dict.fromkeys(("unknown", "free-unknown"), UNKNOWN)

    def expression(self, keys: str) -> str | None:
        """SPDX expression; "" when all keys are neutral, None when one is not known."""
        tokens = re.findall(r"\(|\)|[^\s()]+", keys)
        if all(t.lower() in NEUTRAL | {"and", "or", "with", "(", ")"} for t in tokens):
            return ""
        if any(t in NEUTRAL for t in tokens):
            tokens = [t for t in re.split(r"\s+AND\s+", keys, flags=re.I) if t.strip() not in NEUTRAL]
            return self.expression(" AND ".join(tokens)) if not any(n in " ".join(tokens) for n in NEUTRAL) else None
        spelled = [t.upper() if t.lower() in ("and", "or", "with") else self.of.get(t, t) for t in tokens]
        return canonical(" ".join(spelled))


def notices(rules: list[dict[str, Any]], ids: Ids) -> dict[str, list[list[str]]]:
    """Expression to [text, files that the text points to]; "" for texts that say none (false positives, "see the file LICENSE")."""
    found: dict[str, list[list[str]]] = {}
    seen: set[bytes] = set()
    permissive = allow_list("permissive")
    for rule in rules:
        text = without_copyright(re.sub(r"\{\{|\}\}", "", rule["text"]))
        hashes = words(readable(text.encode())).hashes
        if rule.get("is_deprecated") or not 2 <= len(hashes) <= LONGEST_PERMISSIVE or hashes.tobytes() in seen:
            continue
        if not rule.get("is_false_positive") and (rule.get("relevance") or 100) < 90:
            continue
        expression = "" if rule.get("is_false_positive") else ids.expression(rule.get("license_expression", "?"))
        if len(hashes) > LONGEST and not (expression and ids_of(expression) <= permissive):
            continue
        if expression == UNKNOWN and len(hashes) < 4:
            continue
        if _OF_ITSELF.search(text) and len(hashes) < 40:
            expression = ""
        if expression and PUBLIC_DOMAIN in expression and not dedicates(text):
            expression = expression.replace(PUBLIC_DOMAIN, "LicenseRef-scancode-public-domain")
        if expression is not None:
            seen.add(hashes.tobytes())
            found.setdefault(expression, []).append([text, " ".join(rule.get("referenced_filenames") or [])])
    return found


def texts(licences: list[dict[str, Any]], ids: Ids) -> list[dict[str, Any]]:
    """Texts of licences that the SPDX list does not have."""
    out = []
    for row in licences:
        name = ids.of[row["key"]]
        if name.startswith("LicenseRef-scancode-") and _is_text(row):
            kind = "exception" if row.get("is_exception") else "license"
            out.append({"ids": [name], "kind": kind, "text": without_copyright(row["text"])})
    return out


def _is_text(row: dict[str, Any]) -> bool:
    return not row.get("is_deprecated") and len(row["text"].split()) >= 20 and bool(_GRANT.search(row["text"]))


def addresses(licences: list[dict[str, Any]], ids: Ids) -> dict[str, str]:
    """Web addresses (without scheme and `www.`) that belong to one licence alone."""
    owners: dict[str, set[str]] = {}
    for row in licences:
        values = [row.get(name) or [] for name in _ADDRESSES]
        for address in (a for v in values for a in (v if isinstance(v, list) else [v])):
            bare = re.sub(r"^https?://(?:www\.)?", "", str(address).strip().lower()).rstrip("/")
            owners.setdefault(bare, set()).add(ids.of[row["key"]])
    return {a: next(iter(o)) for a, o in sorted(owners.items()) if len(o) == 1 and "/" in a}


def own_texts(licences: list[dict[str, object]], ids: Ids) -> list[dict[str, object]]:
    """ScanCode's copies of the licences that are on the list `permissive`, as rules for them."""
    permissive = allow_list("permissive")
    kept = [row for row in licences if ids.of[row["key"]] in permissive and _is_text(row)]
    return [{"text": row["text"], "license_expression": row["key"]} for row in kept]


def build(wheel: bytes) -> bytes:
    """The file of the detector, from the bytes of the wheel; the same bytes each time. Takes some 15 seconds."""
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        licences = list(records(archive, "licenses"))
        ids = Ids(licences)
        data: dict[str, Any] = {
            "source": SOURCE,
            "texts": texts(licences, ids),
            "notices": notices([*records(archive, "rules"), *own_texts(licences, ids)], ids),
            "addresses": addresses(licences, ids),
        }
    packed = json.dumps(data, ensure_ascii=False, sort_keys=True).encode()
    return lzma.compress(packed, preset=9 | lzma.PRESET_EXTREME)
