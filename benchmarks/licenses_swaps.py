"""Permissive texts with words of other licences in them: how many are still allowed.

    python -m benchmarks.licenses_swaps [--count 3000] [--seed 1] [--list]

Where `licenses_edits` makes up what it changes, this takes it from licences that are not permissive: sentences, clauses, and runs of
words that begin and end as a run of the permissive text does and differ between. Both texts are those of the test data: SPDX's own
texts (of all licences that the list `permissive` allows, up to 700 words), and ScanCode's of the categories that are none. An edit
that leaves the words as they are is drawn anew. What is allowed is not thereby wrong: a disclaimer of another licence takes nothing.
"""

import os
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

from benchmarks.licenses import spdx_cases
from benchmarks.licenses_edits import asked, header
from curate.code.detect import Detector
from curate.code.evidence import Evidence, conjunction
from curate.filters.licenses import allow_list, is_allowed

KINDS = frozenset({"Commercial", "Proprietary Free", "Free Restricted", "Source-available", "Copyleft", "Copyleft Limited"})  # fmt: skip
MOST = 700
"""Words of the longest permissive text."""
WINDOW = (6, 8, 10, 12)
"""Words of a run that is swapped for one that begins and ends alike."""

Edit = Callable[["Sources", list[str], random.Random], "list[str] | None"]


class Sources:
    """What edits are made of."""

    def __init__(self, root: Path) -> None:
        allowed = allow_list("permissive")
        texts = [(c.truth or "", c.path.read_text(encoding="utf-8")) for c in spdx_cases(root)]
        self.permissive = [(n, t.split()) for n, t in texts if is_allowed(n, allowed) and len(t.split()) <= MOST]
        self.others = [words for text in _others(root) if len(words := text.split()) > 20]
        joined = [" ".join(words) for words in self.others]
        self.sentences = [s for text in joined for s in re.split(r"(?<=[.;:])\s+", text) if 4 <= len(s.split()) <= 40]
        self.clauses = [c for s in self.sentences for c in re.split(r",\s+", s) if 3 <= len(c.split()) <= 15]
        self.runs: dict[tuple[str, str, int], list[list[str]]] = defaultdict(list)
        for words in self.others:
            for size in WINDOW:
                for at in range(0, len(words) - size, 3):
                    run = words[at : at + size]
                    self.runs[_ends(run)].append(run)


def _ends(run: list[str]) -> tuple[str, str, int]:
    return " ".join(run[:2]).lower(), " ".join(run[-2:]).lower(), len(run)


def _others(root: Path) -> list[str]:
    found = []
    for path in sorted((root / "D-license" / "scancode-license-texts").rglob("*.LICENSE")):
        matched = re.match(r"---\n(.*?)\n---\n?(.*)\Z", path.read_text(encoding="utf-8"), re.S)
        kind = re.search(r"(?m)^category: (.*)$", matched.group(1)) if matched else None
        if matched and kind and kind.group(1).strip() in KINDS:
            found.append(matched.group(2))
    return found


def _clause(sources: Sources, words: list[str], rng: random.Random) -> list[str] | None:
    """A clause of the text for one of another licence."""
    ends = [n + 1 for n, word in enumerate(words) if word[-1] in ".,;:"]
    if len(ends) < 2:
        return None
    at = rng.randrange(len(ends) - 1)
    return [*words[: ends[at]], *rng.choice(sources.clauses).split(), *words[ends[at + 1] :]]


def _between(sources: Sources, words: list[str], rng: random.Random) -> list[str] | None:
    """A sentence of another licence between two of the text."""
    ends = [n + 1 for n, word in enumerate(words) if word[-1] in ".;:"]
    at = rng.choice(ends) if ends else len(words)
    return [*words[:at], *rng.choice(sources.sentences).split(), *words[at:]]


def _before(sources: Sources, words: list[str], rng: random.Random) -> list[str] | None:
    """The same before the text."""
    return [*rng.choice(sources.sentences).split(), *words]


def _behind(sources: Sources, words: list[str], rng: random.Random) -> list[str] | None:
    """The same behind the text."""
    return [*words, *rng.choice(sources.sentences).split()]


def _spliced(sources: Sources, words: list[str], rng: random.Random) -> list[str] | None:
    """The text up to some word, and another licence from some word on."""
    other = rng.choice(sources.others)
    return [*words[: rng.randrange(len(words) // 4, len(words))], *other[rng.randrange(len(other)) :]]


def _alike(sources: Sources, words: list[str], rng: random.Random) -> list[str] | None:
    """A run of words for one of another licence that begins and ends with the same two words."""
    places = [(at, size) for size in WINDOW for at in range(len(words) - size)]
    rng.shuffle(places)
    for at, size in places[:400]:
        run = words[at : at + size]
        found = [r for r in sources.runs.get(_ends(run), []) if _plain(r) != _plain(run)]
        if found:
            return [*words[:at], *rng.choice(found), *words[at + size :]]
    return None


EDITS: dict[str, Edit] = {
    "clause for clause": _clause,
    "sentence inside": _between,
    "sentence before": _before,
    "sentence behind": _behind,
    "spliced": _spliced,
    "run of words, same ends": _alike,
}
NOTICES = {
    "beside a tag, header": "// SPDX-License-Identifier: MIT\n//\n{}\n",
    "beside a notice, header": "// Copyright (c) 2019 Jane Roe\n// Licensed under the MIT license.\n//\n{}\n",
    "alone, header": "{}\n",
}
CODE = "\nint add(int a, int b) {\n    return a + b;\n}\n"


def _plain(words: list[str]) -> list[str]:
    return re.sub(r"[^a-z0-9 ]", "", " ".join(words).lower()).split()


def allows(evidence: list[Evidence], source: bool, allowed: frozenset[str]) -> bool:
    """Whether a file is kept: a source file without a notice of its own is under the root's licence, MIT here."""
    under = [e for e in evidence if e.kind not in ("mention", "doubt", "pointer", "scope")]
    said = conjunction([*(e.expression for e in evidence), *(["MIT"] if source and not under else [])])
    return is_allowed(said, allowed)


def main() -> None:
    options = asked(__doc__)
    root = Path(os.environ.get("CURATE_TESTDATA", "~/.cache/curate-testdata")).expanduser()
    if not (root / ".complete").exists():
        raise SystemExit("skipped: no test data (set CURATE_TESTDATA)")
    sources, detector, allowed = Sources(root), Detector(), allow_list("permissive")
    rng, total, wrong = random.Random(options.seed), Counter[str](), Counter[str]()

    def try_one(kind: str, text: str, name: str, said: str) -> None:
        total[kind] += 1
        if allows(detector.detect(text.encode(), name), name != "LICENSE", allowed):
            wrong[kind] += 1
            if options.list:
                print(f"{kind}: {said}")

    while sum(total.values()) < options.count:
        if rng.random() < 0.3:
            sentence = rng.choice(sources.sentences)
            comment = "\n".join(f"// {line}" for line in re.findall(r"\S.{0,70}(?:\s|$)", sentence))
            kind = rng.choice(list(NOTICES))
            try_one(kind, NOTICES[kind].format(comment) + CODE, "add.c", sentence)
            continue
        kind = rng.choice(list(EDITS))
        licence, words = rng.choice(sources.permissive)
        changed = EDITS[kind](sources, words, rng)
        if changed is None or _plain(changed) == _plain(words):
            continue
        text = " ".join(changed)
        shown = f"{licence}: {_shown(words, changed)}"
        try_one(f"{kind}, LICENSE", text, "LICENSE", shown)
        try_one(f"{kind}, header", header(text), "add.c", shown)
    print("| edit | made | allowed |\n|---|---|---|")
    for name in sorted(total):
        print(f"| {name} | {total[name]} | {wrong[name]} |")
    made, kept = sum(total.values()), sum(wrong.values())
    print(f"| all | {made} | {kept} ({100 * kept / made:.2f} %) |")


def _shown(words: list[str], changed: list[str]) -> str:
    """What differs, with a few words around it."""
    same = next(
        (n for n, (a, b) in enumerate(zip(words, changed, strict=False)) if a != b), min(len(words), len(changed))
    )
    tail = next((n for n, (a, b) in enumerate(zip(words[::-1], changed[::-1], strict=False)) if a != b), 0)
    return f"… {' '.join(changed[max(0, same - 5) : same])} [{' '.join(words[same : max(same, len(words) - tail)])[:300]} => {' '.join(changed[same : max(same, len(changed) - tail)])[:600]}]"


if __name__ == "__main__":
    main()
