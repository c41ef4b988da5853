"""Made-up edits of thirty permissive licences: how many are still allowed.

    python -m benchmarks.licenses_edits [--count 3000] [--seed 1] [--list]

Each edit changes what a text gives: it drops a run of words, swaps two, negates, narrows who may or what for, adds a condition; at a
random place, in a licence file and in the header of a source file. Words are drawn from lists that the detector doesn't have.
An edit that leaves the words of the text as they are (or that only touches copyright notices) is drawn anew.
"""

import argparse
import random
import re
from collections import Counter
from collections.abc import Callable

from curate.code.detect import Detector
from curate.code.evidence import conjunction
from curate.code.spdx import plain
from curate.code.texts import spdx_data
from curate.filters.licenses import allow_list, is_allowed

LICENCES = (
    "MIT", "BSD-2-Clause", "BSD-3-Clause", "BSD-4-Clause", "BSD-1-Clause", "0BSD", "ISC", "Apache-2.0", "Apache-1.1", "Zlib", "BSL-1.0", "Unlicense",
    "X11", "NCSA", "PostgreSQL", "MIT-0", "Libpng", "UPL-1.0", "BlueOak-1.0.0", "HPND", "NTP", "curl", "ICU", "TCL", "Fair", "MITNFA", "BSD-3-Clause-Clear",
    "ZPL-2.1", "WTFPL", "FSFAP",
)  # fmt: skip
NOT = ("not", "never", "in no case", "hardly ever")
WHO = ("dentists", "any left-handed person", "residents of Atlantis", "owners of a lighthouse", "schools", "clubs", "natives", "the fleet", "widows", "farmers")  # fmt: skip
WHAT = ("while on holiday", "on Sundays", "for chess", "inside one building", "in print", "for up to nine days", "aboard ships", "on paper", "for weddings", "at night")  # fmt: skip
CONDITIONS = (
    "A postcard is owed to the author.", "Each copy costs one coin.", "The author gets half of what is earned.", "Users sing the anthem first.", "Airlines are left out.",
    "Tell us about every change within a week.", "One machine at a time.", "It lapses after a year.", "Forks are unwelcome.", "Robots are not to read it.",
    "Only the blue parts are free.", "Ask Bob first.", "Commercial shops buy a licence.", "Weapons makers stay away.", "Teach nobody with it.",
)  # fmt: skip


def _drop(words: list[str], rng: random.Random) -> list[str]:
    at, count = rng.randrange(len(words)), rng.choice((1, 2, 3, 5, 8))
    return words[:at] + words[at + count :]


def _swap(words: list[str], rng: random.Random) -> list[str]:
    a, b = rng.sample(range(len(words)), 2)
    out = list(words)
    out[a], out[b] = out[b], out[a]
    return out


def _insert(choices: tuple[str, ...]) -> Callable[[list[str], random.Random], list[str]]:
    def edit(words: list[str], rng: random.Random) -> list[str]:
        at = rng.randrange(len(words) + 1)
        return [*words[:at], *rng.choice(choices).split(), *words[at:]]

    return edit


def _narrow_who(words: list[str], rng: random.Random) -> list[str]:
    text = " ".join(words)
    found = list(re.finditer(r"(?i)\b(?:any person|anyone|you|everyone|any party|licensee|persons?)\b", text))
    if not found:
        return _insert(tuple(f"to {who}" for who in WHO))(words, rng)
    place = rng.choice(found)
    return f"{text[: place.start()]}{rng.choice(WHO)}{text[place.end() :]}".split()


EDITS: dict[str, Callable[[list[str], random.Random], list[str]]] = {
    "drop": _drop,
    "swap": _swap,
    "negate": _insert(NOT),
    "narrow the grantee": _narrow_who,
    "narrow the purpose": _insert(WHAT),
    "add a condition": _insert(CONDITIONS),
}


def _plain_words(words: list[str]) -> str:
    return re.sub(r"[^a-z0-9 ]", "", " ".join(words).lower())


def edits(count: int, seed: int) -> list[tuple[str, str, str]]:
    """(licence, kind of edit, text) of so many edits."""
    texts = {r["ids"][0]: plain(r["template"], optional=False) for r in spdx_data()["texts"] if r["kind"] == "license"}
    rng, out = random.Random(seed), list[tuple[str, str, str]]()
    while len(out) < count:
        licence, kind = rng.choice(LICENCES), rng.choice(list(EDITS))
        words = texts[licence].split()
        changed = EDITS[kind](words, rng)
        if _plain_words(changed).split() != _plain_words(words).split():
            out.append((licence, kind, " ".join(changed)))
    return out


def header(text: str) -> str:
    """The text as the comment at the head of a source file."""
    lines = re.sub(r"(.{1,70})(?: |$)", r" * \1\n", text)
    return f"/*\n{lines} */\n\nint add(int a, int b) {{\n    return a + b;\n}}\n"


def asked(about: str | None) -> argparse.Namespace:
    """The options of a generator of edits: count, seed, list."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", action="store_true", help="name the edits that are allowed")
    return parser.parse_args()


def main() -> None:
    options = asked(__doc__)
    detector, allowed = Detector(), allow_list("permissive")
    total, wrong = Counter[str](), Counter[str]()
    for licence, kind, text in edits(options.count, options.seed):
        for place, content, name in (("LICENSE", text, "LICENSE"), ("header", header(text), "add.c")):
            evidence = detector.detect(content.encode(), name)
            expression = (
                conjunction(e.expression for e in evidence) or "MIT"
            )  # a header that says nothing is under the root's
            under = [e for e in evidence if e.kind not in ("mention", "doubt", "pointer", "scope")]
            said = expression if under or place == "LICENSE" else f"{expression} AND MIT"
            total[f"{kind}, {place}"] += 1
            if (evidence and is_allowed(said, allowed)) or (not evidence and place == "header"):
                wrong[f"{kind}, {place}"] += 1
                if options.list:
                    print(f"{licence} {kind} {place}: {said}: {text[:6000]}")
    print("| edit | made | allowed |\n|---|---|---|")
    for name in sorted(total):
        print(f"| {name} | {total[name]} | {wrong[name]} |")
    print(
        f"| all | {sum(total.values())} | {sum(wrong.values())} ({100 * sum(wrong.values()) / sum(total.values()):.2f} %) |"
    )
    whole = [name for name in LICENCES if not is_allowed(conjunction(e.expression for e in detector.detect(next(plain(r["template"], optional=False) for r in spdx_data()["texts"] if r["ids"][0] == name and r["kind"] == "license").encode(), "LICENSE")), allowed)]  # fmt: skip
    print("unchanged texts that are denied:", ", ".join(whole) or "none")


if __name__ == "__main__":
    main()
