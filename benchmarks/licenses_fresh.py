"""Small repositories that somebody wrote who has not read the detector: how many are decided otherwise than the writer says.

    curate assets fetch licensedb                # once
    curate license FILE                          # one file by itself: expression, allowed or not, evidence
    python -m benchmarks.licenses_fresh CASES    # a folder of repositories

How to be a fresh adversary. Read docs/code.md up to "Heuristics" and the text of licences, nothing else: no file of `curate/code`, no list
`filters/data/licenses-*`, none of the benchmarks' lists and no page of results, which tell what was tried. Write each case before any is run:

    CASES/deny/NAME/…     a repository of which no file may come through
    CASES/allow/NAME/…    one of which each file must

A repository is a folder with a licence file, source files, and whatever else speaks of licences. Worth trying: a word of a true text changed,
dropped or moved; a sentence before, in or behind it; a title that limits; headers, docstrings, strings and metadata that take something
back; choices, exceptions, pointers, folders with terms of their own; harmless sentences that honest projects have there. Two hundred, at
least a quarter of them to be allowed. **The first run is the figure**: what is mended afterwards says nothing of what comes next.
"""

import argparse
from collections import Counter
from pathlib import Path

from curate.code.detect import Detector, is_license_file
from curate.code.languages import language_of
from curate.code.members import members
from curate.code.repository import licence_of, survey
from curate.filters.licenses import allow_list, is_allowed


def decided(folder: Path, detector: Detector, allowed: frozenset[str]) -> dict[str, tuple[bool, str | None]]:
    """(allowed, expression) of each source file of a repository, by path."""
    found = [m for m in members(str(folder)) if not m.skipped]
    licences = survey(found, detector)
    out = {}
    for member in found:
        if not is_license_file(member.path) and language_of(member.path, member.data) is not None:
            expression, _ = licence_of(member, licences, detector)
            out[member.path] = is_allowed(expression, allowed), expression
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path)
    options = parser.parse_args()
    detector, allowed = Detector(), allow_list("permissive")
    counts = Counter[tuple[str, bool]]()
    for wanted in ("deny", "allow"):
        for folder in sorted(p for p in (options.cases / wanted).glob("*") if p.is_dir()):
            files = decided(folder, detector, allowed)
            if not files:
                raise SystemExit(f"{folder} has no source file: add one, since decisions are made of these")
            wrong = {path: said for path, (kept, said) in files.items() if kept != (wanted == "allow")}
            counts[wanted, bool(wrong)] += 1
            for path, said in wrong.items():
                print(f"to {wanted}, decided otherwise: {folder.name}/{path}: {said}")
    for wanted in ("deny", "allow"):
        total = counts[wanted, True] + counts[wanted, False]
        print(f"to {wanted}: {total} repositories, {counts[wanted, True]} decided otherwise")


if __name__ == "__main__":
    main()
