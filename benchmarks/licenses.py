"""Licence detection on labelled sets: SPDX ids, the decision to allow, and speed, beside other Python tools.

    python -m benchmarks.licenses [--peer NAME=PYTHON]... [--sample N]

PYTHON is the interpreter of an environment that has the peer: scancode (scancode-toolkit, with `pluggy<1.6`), licenseclassifier,
askalono (pyaskalono), spdx-matcher. Sets come from CURATE_TESTDATA; the machine's own /usr/share/doc is used for Debian's
copyright files.
"""

import argparse
import csv
import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha1
from pathlib import Path
from typing import Any

import license_expression
from license_expression import build_licensing, get_license_index

from curate.code.debian import FORMAT, short_name
from curate.code.detect import Detector, is_license_file
from curate.code.evidence import canonical, conjunction, ids
from curate.filters.licenses import allow_list, is_allowed

UNKNOWN = "LicenseRef-unknown"
NEUTRAL = {"unknown-license-reference", "warranty-disclaimer", "license-intro", "license-clue", "generic-cla"}
"""Keys of scancode that name no licence; The Stack v2 leaves such ones out of the decision, too."""


_LICENSE = re.compile(r"^License:[ \t]*(\S[^\n]*)\n((?:[ \t][^\n]*\n?)+)", re.M)


@dataclass(frozen=True)
class Case:
    """One labelled file."""

    path: Path
    truth: str | None
    permissive_variant: bool = False
    """All licences of the label are permissive by scancode's category, whether SPDX lists them or not."""


@dataclass
class Score:
    """Counts over the cases of a set."""

    cases: int = 0
    same_ids: int = 0
    same_decision: int = 0
    false_allow: int = 0
    variants: int = 0
    """False allows whose label is a permissive licence that SPDX does not list."""
    false_deny: int = 0
    allowed: int = 0
    seconds: float = 0.0
    wrong: list[tuple[str, str | None, str | None]] = field(default_factory=list)

    def add(self, case: Case, found: str | None, allowed: frozenset[str]) -> None:
        says, should = is_allowed(found, allowed), is_allowed(case.truth, allowed)
        self.cases += 1
        self.same_ids += ids(found) == ids(case.truth)
        self.same_decision += says == should
        self.false_allow += says and not should
        self.variants += says and not should and case.permissive_variant
        self.false_deny += should and not says
        self.allowed += should
        if says and not should:
            self.wrong.append((str(case.path), case.truth, found))


class Keys:
    """Scancode's licence keys as SPDX expressions, by the index that license-expression ships."""

    def __init__(self) -> None:
        index = Path(license_expression.__file__).parent / "data" / "scancode-licensedb-index.json"
        self.rows = {row["license_key"]: row for row in json.loads(index.read_text())}
        self.licensing = build_licensing(get_license_index())

    def spdx(self, expression: str) -> str | None:
        try:
            return self._node(self.licensing.parse(expression))
        except Exception:  # labels with keys that are gone
            return UNKNOWN

    def permissive(self, expressions: list[str]) -> bool:
        keys = {str(k) for e in expressions for k in self.licensing.license_keys(e)} - NEUTRAL
        kinds = {(self.rows.get(k) or {}).get("category") for k in keys}
        return kinds <= {"Permissive", "Public Domain"} and bool(kinds)

    def _node(self, node: Any) -> str | None:
        operator = getattr(node, "operator", None)
        if operator:
            parts = list(dict.fromkeys(p for p in map(self._node, node.args) if p))
            joined = (" OR " if "OR" in operator else " AND ").join(parts)
            return f"({joined})" if len(parts) > 1 else (joined or None)
        if hasattr(node, "license_symbol"):
            a, b = self._key(node.license_symbol.key), self._key(node.exception_symbol.key)
            return UNKNOWN if not a or not b or UNKNOWN in a + b else f"{a} WITH {b}"
        return self._key(node.key)

    def _key(self, key: str) -> str | None:
        if key in NEUTRAL:
            return None
        if key == "public-domain":
            return "LicenseRef-public-domain"
        row = self.rows.get(key) or {}
        names = [row.get("spdx_license_key") or "", *(row.get("other_spdx_license_keys") or [])]
        spdx = next((name for name in names if not name.startswith("LicenseRef")), "")
        if not spdx:
            return UNKNOWN
        return canonical(spdx) or spdx


def scancode_cases(root: Path) -> Iterator[Case]:
    """Files of scancode's own tests with the licences they hold; all of them together count."""
    import yaml  # type: ignore[import-untyped]

    keys, base = Keys(), root / "D-license" / "scancode-licensedcode-tests"
    for label in sorted(base.rglob("*.yml")):
        path = label.with_suffix("")
        if not path.is_file():
            continue
        expressions = (yaml.safe_load(label.read_text(encoding="utf-8")) or {}).get("license_expressions") or []
        truth = conjunction(t for t in map(keys.spdx, expressions) if t)
        yield Case(path, canonical(truth) if truth else None, keys.permissive(expressions))


def is_lone_url(path: Path) -> bool:
    """Whether a file holds a URL and nothing else: what licence that is, only a table of web pages can say."""
    text = path.read_bytes().strip()
    return text.startswith((b"http://", b"https://")) and len(text.split()) == 1


def part(path: Path, root: Path) -> int:
    """0 to 3 by the name of the case. Rules were made with 0, 1 and 2; no case of 3 was looked at, only its totals."""
    name = path.relative_to(root / "D-license" / "scancode-licensedcode-tests")
    return int(sha1(str(name).encode()).hexdigest(), 16) % 4


def database_cases(root: Path, scratch: Path) -> Iterator[Case]:
    """The texts of ScanCode's licence database, most of which must be denied; exceptions left out."""
    import yaml

    keys = Keys()
    for path in sorted((root / "D-license" / "scancode-license-texts").rglob("*.LICENSE")):
        matched = re.match(r"---\n(.*?)\n---\n?(.*)\Z", path.read_text(encoding="utf-8"), re.S)
        head = yaml.safe_load(matched.group(1)) if matched else {}
        if not matched or head.get("is_exception") or head.get("is_deprecated") or len(matched.group(2).split()) < 20:
            continue
        copy = scratch / f"{path.stem}.txt"
        copy.write_text(matched.group(2).strip(), encoding="utf-8")
        yield Case(copy, keys.spdx(head["key"]), keys.permissive([head["key"]]))


def choosealicense_cases(root: Path, scratch: Path) -> Iterator[Case]:
    """The texts of choosealicense.com, with the id that each states."""
    for path in sorted((root / "D-license" / "choosealicense" / "_licenses").glob("*.txt")):
        head, _, body = path.read_text(encoding="utf-8").removeprefix("---").partition("\n---\n")
        stated = re.search(r"^spdx-id: (\S+)", head, re.M)
        if stated:
            copy = scratch / f"choose-{path.name}"
            copy.write_text(body.strip(), encoding="utf-8")
            yield Case(copy, canonical(stated.group(1)))


def licensee_cases(root: Path) -> Iterator[Case]:
    """Licence files of licensee's tests, with the key expected of the project; `other` and none are unknown licences."""
    import yaml

    folder = root / "D-license" / "licensee-fixtures" / "spec" / "fixtures"
    expected = yaml.safe_load((folder / "fixtures.yml").read_text(encoding="utf-8"))
    for name, row in sorted(expected.items()):
        files = [p for p in sorted((folder / name).glob("*")) if p.is_file() and is_license_file(p.name)]
        if len(files) == 1:
            key = row.get("key") if row else None
            yield Case(files[0], canonical(key) if key and key not in ("other", "none") else UNKNOWN)


def spdx_cases(root: Path) -> Iterator[Case]:
    """The texts of the SPDX list (its own test files); deprecated ids and exceptions left out."""
    from curate.code.texts import spelling

    for path in sorted((root / "D-license" / "spdx-license-texts").rglob("*.txt")):
        known = spelling().get(path.stem.lower())
        if known and known == canonical(known) and "exception" not in known:
            yield Case(path, known)


def npm_cases(root: Path, scratch: Path) -> Iterator[Case]:
    """Licence files of npm packages; the truth is what the package states."""
    folder = root / "D-license" / "npm-packages"
    subprocess.run(["tar", "--zstd", "-xf", folder / "node_modules.tar.zst", "-C", scratch], check=True)
    with (folder / "PACKAGES.tsv").open() as file:
        for row in csv.DictReader(file, delimiter="\t"):
            name = row["license_files"].replace(";", ",").split(",")[0].strip()
            path = scratch / "node_modules" / row["path"] / name
            if row["license"] and name and path.is_file():
                yield Case(path, canonical(row["license"]))


def debian_cases(scratch: Path) -> Iterator[Case]:
    """License paragraphs of the machine's machine-readable copyright files: the short name is the truth for the text."""
    for path in sorted(Path("/usr/share/doc").glob("*/copyright")):
        text = path.read_text(encoding="utf-8", errors="replace")
        if path.parent.is_symlink() or not FORMAT.search(text[:2000]):
            continue
        for number, found in enumerate(_LICENSE.finditer(text)):
            truth, body = short_name(found.group(1).strip()), re.sub(r"(?m)^[ \t]+\.?", "", found.group(2))
            if UNKNOWN not in truth and len(body.split()) >= 20:
                copy = scratch / f"{path.parent.name}-{number}.copyright"
                copy.write_text(body, encoding="utf-8")
                yield Case(copy, truth)


def ours() -> Callable[[Path], str | None]:
    """This project's detector. Folders that a licence file excepts are no part of what it gives for the others."""
    detector = Detector()

    def find(path: Path) -> str | None:
        found = conjunction(e.expression for e in detector.detect(path.read_bytes(), path.name) if e.kind != "scope")
        return canonical(found) if found else None

    for text in (b"# SPDX-License-Identifier: MIT", b"Licensed under the MIT license, GPL version 2 or BSD."):
        detector.detect(text, "LICENSE")  # compiles and loads what is needed once
    return find


def identify() -> Callable[[Path], str | None]:
    """`identify.identify.license_id`: full texts only."""
    from identify.identify import license_id

    def find(path: Path) -> str | None:
        try:
            found = license_id(str(path))
        except UnicodeDecodeError:
            return None
        return canonical(found) if found else None

    return find


PEERS = {
    "scancode": """
from licensedcode.cache import get_licenses_db
from scancode.api import get_licenses
def find(path):
    return get_licenses(path).get("detected_license_expression_spdx")
""",
    "licenseclassifier": """
from licenseclassifier import identify_license
def find(path):
    text = open(path, encoding="utf-8", errors="replace").read()
    return " AND ".join(sorted({found.id for found in identify_license(text)}))
""",
    "askalono": """
from askalono import identify
def find(path):
    found = identify(open(path, encoding="utf-8", errors="replace").read())
    return found.name if found.score >= 0.8 else None
""",
    "spdx-matcher": """
from spdx_matcher import analyse_license_text
def find(path):
    found, _ = analyse_license_text(open(path, encoding="utf-8", errors="replace").read())
    return " AND ".join(sorted(found["licenses"]))
""",
}
"""What a peer makes of a file; all licences that it finds hold at once. askalono's own command asks for a score of 0.8, too."""
FAST = frozenset({"licenseclassifier"})
"""Peers that read whole sets; the others read the samples."""
CHILD = """
import json, sys, time
paths = json.load(sys.stdin)
find(paths[0])
out = []
started = time.monotonic()
for path in paths:
    try:
        out.append(find(path) or None)
    except Exception:
        out.append(None)
print("\\n" + json.dumps({"seconds": time.monotonic() - started, "found": out}))
"""


def peer(name: str, python: str, cases: list[Case], allowed: frozenset[str]) -> Score:
    """Score of a peer in its own interpreter; its start-up is left out."""
    paths = json.dumps([str(case.path) for case in cases])
    done = subprocess.run([python, "-c", PEERS[name] + CHILD], input=paths, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout.splitlines()[-1])
    score = Score(seconds=answer["seconds"])
    for case, said in zip(cases, answer["found"], strict=True):
        score.add(case, canonical(said.replace("LicenseRef-scancode-", "LicenseRef-")) if said else None, allowed)
    return score


def run(cases: list[Case], find: Callable[[Path], str | None], allowed: frozenset[str]) -> Score:
    """Score of one detector on one set."""
    score = Score()
    for case in cases:
        started = time.monotonic()
        found = find(case.path)
        score.seconds += time.monotonic() - started
        score.add(case, found, allowed)
    return score


def line(name: str, tool: str, score: Score) -> str:
    """One row of the table."""
    n = score.cases
    return (
        f"| {name} | {tool} | {n} | {score.allowed} | {100 * score.same_ids / n:.1f} | {100 * score.same_decision / n:.1f}"
        f" | {score.false_allow} ({score.variants}) | {score.false_deny} | {n / score.seconds:.1f} |"
    )


def sets_of(root: Path, scratch: Path) -> dict[str, list[Case]]:
    """The cases by set."""
    cases = list(scancode_cases(root))
    texts = [case for case in cases if not is_lone_url(case.path)]
    held = {True: "scancode tests, held out", False: "scancode tests, tuned on"}
    return {
        **{name: [c for c in texts if (part(c.path, root) == 3) == flag] for flag, name in held.items()},
        "scancode tests, only a URL": [case for case in cases if is_lone_url(case.path)],
        "SPDX texts": list(spdx_cases(root)),
        "npm licence files": list(npm_cases(root, scratch)),
        "choosealicense": list(choosealicense_cases(root, scratch)),
        "licensee fixtures": list(licensee_cases(root)),
        "ScanCode LicenseDB texts": list(database_cases(root, scratch)),
        "Debian copyright": list(debian_cases(scratch)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", metavar="NAME=PYTHON", action="append", default=[], help=", ".join(PEERS))
    parser.add_argument("--scancode", metavar="PYTHON", help="the same as --peer scancode=PYTHON")
    parser.add_argument("--sample", type=int, default=60, help="files of each set that slow peers read")
    parser.add_argument("--wrong", action="store_true", help="list the false allows")
    parser.add_argument("--alone", action="store_true", help="no peer, not even identify")
    options = parser.parse_args()
    peers = dict(item.split("=", 1) for item in options.peer)
    if options.scancode:
        peers["scancode"] = options.scancode
    if set(peers) - set(PEERS):
        parser.error(f"no such peer: {', '.join(sorted(set(peers) - set(PEERS)))}")
    root = Path(os.environ.get("CURATE_TESTDATA", "~/.cache/curate-testdata")).expanduser()
    if not (root / ".complete").exists():
        raise SystemExit("skipped: no test data (set CURATE_TESTDATA)")
    allowed = allow_list("permissive")
    print(
        "| set | tool | files | to be allowed | same ids % | same decision % | false allow (variants) | false deny | files/s |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for name, members in sets_of(root, Path(scratch)).items():
            for tool, find in [("curate", ours())] + ([] if options.alone else [("identify", identify())]):
                score = run(members, find, allowed)
                print(line(name, tool, score), flush=True)
                if options.wrong and tool == "curate":
                    print(*score.wrong, sep="\n")
            sample = sorted(members, key=lambda c: sha1(str(c.path.name).encode()).digest())[: options.sample]
            for tool, python in peers.items():
                if tool in FAST:
                    print(line(name, tool, peer(tool, python, members, allowed)), flush=True)
            slow = {tool: python for tool, python in peers.items() if tool not in FAST}
            if slow:
                print(line(f"{name}, sample", "curate", run(sample, ours(), allowed)), flush=True)
            for tool, python in slow.items():
                print(line(f"{name}, sample", tool, peer(tool, python, sample, allowed)), flush=True)


if __name__ == "__main__":
    main()
