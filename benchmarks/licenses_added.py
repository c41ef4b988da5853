"""Licence files with one made-up sentence more: which are still allowed.

    python -m benchmarks.licenses_added [--list]

Each sentence of `licenses_added.json` is put before, into (after two thirds of the words), after, and right at the end of
twelve permissive texts. A "restriction" should deny wherever it stands, a "harmless" sentence nowhere but inside. The
first list was looked at while the words of `licenses-conditions.txt` were gathered; the second and the third were written
by hands that had not seen them, and read once each, after which some of what they showed was added.
"""

import argparse
import json
from collections import Counter
from pathlib import Path

from curate.code.detect import Detector
from curate.code.evidence import conjunction
from curate.code.texts import reference_text
from filters.licenses import allow_list, is_allowed

TEXTS = [
    "MIT",
    "BSD-3-Clause",
    "BSD-2-Clause",
    "ISC",
    "Apache-2.0",
    "Zlib",
    "BSL-1.0",
    "0BSD",
    "Unlicense",
    "X11",
    "NCSA",
    "PostgreSQL",
]
PLACES = ("before", "inside", "after", "at the end")


def with_sentence(text: str, sentence: str, place: str) -> str:
    """`text` with `sentence` at `place`."""
    if place == "before":
        return f"{sentence}\n\n{text}"
    if place == "inside":
        words = text.split()
        at = len(words) * 2 // 3
        return " ".join([*words[:at], sentence, *words[at:]])
    return f"{text.rstrip()}{' ' if place == 'at the end' else chr(10) * 2}{sentence}\n"


def main() -> None:
    """Print a table of lists, kinds and places."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--list", action="store_true", help="name the sentences of which a text is judged wrongly after its end"
    )
    options = parser.parse_args()
    detector, allowed = Detector(), allow_list("permissive")

    def is_allowed_file(text: str) -> bool:
        return is_allowed(conjunction([e.expression for e in detector.detect(text.encode(), "LICENSE")]), allowed)

    texts: dict[str, str] = {}
    for n, reference in enumerate(detector.known.matcher.index.references):
        if reference.kind not in ("header", "exception") and reference.ids[0] in TEXTS:
            texts.setdefault(reference.ids[0], reference_text(n).decode())
    wrong: Counter[tuple[str, str]] = Counter()
    print(f"{len(texts)} texts, all allowed: {all(map(is_allowed_file, texts.values()))}\n")
    print("| list | kind | texts | " + " | ".join(f"allowed: {place}" for place in PLACES) + " |")
    print("|---" * (3 + len(PLACES)) + "|")
    for name, kinds in json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8")).items():
        for kind, sentences in kinds.items():
            counts = Counter[str]()
            for place in PLACES:
                for sentence in sentences:
                    passed = [is_allowed_file(with_sentence(text, sentence, place)) for text in texts.values()]
                    counts[place] += sum(passed)
                    if place == "after":
                        wrong[kind, sentence] += passed.count(kind == "restriction")
            cells = " | ".join(str(counts[place]) for place in PLACES)
            print(f"| {name} | {kind} | {len(sentences) * len(texts)} | {cells} |", flush=True)
    for (kind, sentence), count in wrong.items() if options.list else ():
        if count:
            print(f"{kind}, {count} wrong: {sentence}")


if __name__ == "__main__":
    main()
