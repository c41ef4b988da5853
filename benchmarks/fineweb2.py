"""FineWeb-2's published settings: all are read, and decisions are compared with datatrove's on the same texts.

    python -m benchmarks.fineweb2 --configs fineweb-2/configs --texts texts.jsonl --peer /venv-with-datatrove/bin/python

`texts.jsonl` has a text and a label (`{"text": …, "language": "hin_Deva"}`) a line, and may have a `kind` (benchmarks.good_pages makes such a
file). --drops FILE writes what each side drops, and why. The step that tells languages and MinHash are
left out on both sides. datatrove (0.10.1) runs in a Python of its own, as it pins other packages.
"""

import argparse
import json
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

PEER = r"""
import json, sys, yaml
from datatrove.data import Document
from datatrove.pipeline.filters import FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter
made = {}
def filters(label):
    if label not in made:
        c = yaml.safe_load(open(f"{sys.argv[1]}/{label}.yml"))
        made[label] = [
            GopherRepetitionFilter(language=label, dup_para_frac=0, dup_line_char_frac=0, dup_para_char_frac=0,
                dup_line_frac=c["dup_line_frac"], top_n_grams=c["top_n_grams"], dup_n_grams=c["dup_n_grams"]),
            FineWebQualityFilter(language=label, short_line_thr=999, char_duplicates_ratio=0.1,
                line_punct_thr=c["line_punct_thr"], new_line_ratio=c["new_line_ratio"]),
            GopherQualityFilter(language=label, max_avg_word_length=c["max_avg_word_length"],
                min_avg_word_length=c["min_avg_word_length"], stop_words=c["stopwords"],
                max_non_alpha_words_ratio=c["max_non_alpha_words_ratio"], min_stop_words=2),
        ]
    return made[label]
for line in sys.stdin:
    row = json.loads(line)
    reason = None
    try:
        for one in filters(row["language"]):
            said = one.filter(Document(text=row["text"], id="0"))
            if said is not True:
                reason = said[1] if isinstance(said, tuple) else "dropped"
                break
    except Exception as error:
        reason = f"error: {type(error).__name__}: {error}"[:100]
    print(json.dumps(reason), flush=True)
"""


def main() -> None:
    """Read, compare, print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configs", required=True)
    parser.add_argument("--texts", required=True)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--drops")
    options = parser.parse_args()
    from curate.corpus import recipe
    from curate.corpus.by_language import ByLanguage
    from curate.filters.base import Document

    started = time.process_time()
    found = recipe.load("fineweb-2", {"parameters": str(Path(options.configs).absolute())})
    languages = {len(step.steps) for step in found.steps if isinstance(step, ByLanguage)}
    print(
        f"Read: {languages.pop():,} configurations as they are, in {time.process_time() - started:.1f} s of CPU time.\n"
    )
    lines = Path(options.texts).read_text(encoding="utf-8").splitlines(keepends=True)
    rows = [json.loads(line) for line in lines]
    ran = subprocess.run(
        [options.peer, "-c", PEER, options.configs], input="".join(lines), capture_output=True, text=True
    )
    if ran.returncode:
        sys.exit(ran.stderr[-2000:])
    theirs = [json.loads(line) for line in ran.stdout.splitlines()]
    steps = [
        (label, step)
        for label, step in zip(found.labels, found.steps, strict=True)
        if label not in ("FastText", "MinHash")
    ]
    table: dict[str, Counter[str]] = defaultdict(Counter)
    differences = Counter[str]()
    drops: list[str] = []
    for row, their in zip(rows, theirs, strict=True):
        doc = Document("0", row["text"], language=row["language"])
        said = ((label, step(doc).reason) for label, step in steps)
        ours = next((f"{label}.{reason}" for label, reason in said if reason), None)
        counts = table[f"{row['language']} {row.get('kind', '')}".strip()]
        if ours or their:
            drops.append(json.dumps({"ours": ours, "theirs": their, **row}, ensure_ascii=False))
        counts["texts"] += 1
        counts["ours"] += ours is None
        counts["theirs"] += their is None
        counts["same"] += (ours is None) == (their is None)
        if (ours is None) != (their is None):
            differences[f"{row['language']}: we {ours or 'keep'}, datatrove {their or 'keeps'}"] += 1
    if options.drops:
        Path(options.drops).write_text("".join(f"{line}\n" for line in drops), encoding="utf-8")
    print("| language | texts | we keep | datatrove keeps | same decision |\n|---|--:|--:|--:|--:|")
    for language, counts in sorted(table.items()):
        print(f"| {language} | {counts['texts']} | {counts['ours']} | {counts['theirs']} | {counts['same']} |")
    whole = sum(table.values(), Counter[str]())
    print(
        f"| all | {whole['texts']} | {whole['ours']} | {whole['theirs']} | {whole['same']} ({whole['same'] / whole['texts']:.1%}) |"
    )
    print("\nDifferences:\n")
    for what, count in differences.most_common():
        print(f"- {count}: {what}")


if __name__ == "__main__":
    main()
