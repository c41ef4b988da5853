"""Cross-validate the extraction engine: five folds by domain, then each labelled set left out.

    python -m benchmarks.extractor_cv OUT [--size trees,trees_two,depth,leaves ...] [--sets | --groups] [--news WEIGHT]

Writes OUT/curate-cv-SIZE.jsonl: for each page the text that a model made which saw no page of its domain, and the
expected F1. With `--sets`, OUT/curate-sets-SIZE.jsonl likewise from models that never saw the page's set. `benchmarks.extraction` reads them.
With `--groups`, OUT/curate-groups-SIZE.jsonl: sets, and languages of the news, left out in three groups.
With `--news` the news in five languages are tested, too, and trained on with that weight (0: not at all).
"""

import argparse
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks.extractor_pages import NEWS
from benchmarks.extractor_scores import score_f1
from benchmarks.extractor_train import Example, Size, Weights, fold_of, predict, read_examples, read_words, train
from curate.html.extract import Judged, assemble, decide
from curate.html.extractors import clean_text
from curate.html.measure import WORDS

GROUPS = {  # sets, and languages of the news, that are left out together: half the trainings of one by one, and the stricter test
    "wcxb-dev": "WCXB", "article-extraction-benchmark": "two sets of articles", "newspaper": "two sets of articles",
    "Chinese": "two sets of articles", "Greek": "two sets of articles", "fundus-news": "three sets", "mozilla-readability": "three sets",
    "cleanportaleval": "three sets", "Polish": "three sets", "Russian": "three sets", "English": "three sets",
}  # fmt: skip


def parse_size(text: str) -> Size:
    """ "120,120,6,40" as a Size."""
    return Size(*(int(part) for part in text.split(",")))


def out_of_fold(
    examples: Sequence[Example], group: Callable[[Example], object], sizes: Sequence[Size]
) -> list[list[tuple[str, float]]]:
    """For each size, for each page: its text by a model that saw no page of its group, and the expected F1."""
    found: list[list[tuple[str, float]]] = [[("", 0.0)] * len(examples) for _ in sizes]
    groups = [group(item) for item in examples]
    for held in sorted(set(groups), key=str):
        start = perf_counter()
        rest = [item for item, own in zip(examples, groups, strict=True) if own != held and item.weights.any()]
        known = read_words(rest)
        for which, size in enumerate(sizes):
            weights = train(rest, size, known)
            for index, own in enumerate(groups):
                if own == held:
                    found[which][index] = judged_text(examples[index], weights)
        print(f"held out {held}: {perf_counter() - start:.0f} s", flush=True)
    return found


def judged_text(item: Example, weights: Weights) -> tuple[str, float]:
    """The engine's text of a page and its expected F1, before any fall-back."""
    p = predict(item, weights)
    keep, expected = decide(p, item.page.facts.measures[:, WORDS].astype(np.float64))
    return clean_text(assemble(Judged(item.page, p, keep, expected, False))), expected


def left_out(item: Example) -> str:
    """The group that a page is left out with: that of its set, or of its language if it is a page of news."""
    return GROUPS[item.labelled.kind if item.labelled.set == NEWS else item.labelled.set]


PROTOCOLS: dict[str, Callable[[Example], object]] = {
    "cv": lambda item: fold_of(item.labelled.domain, 5),
    "sets": lambda item: item.labelled.set,
    "groups": left_out,
}


def write(path: Path, examples: Sequence[Example], texts: Sequence[tuple[str, float]]) -> None:
    """One JSON object a page: path, text, expected."""
    with open(path, "w", encoding="utf-8") as out:
        for item, (text, expected) in zip(examples, texts, strict=True):
            row = {"path": item.labelled.path, "text": text, "expected": expected}
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", type=parse_size, action="append")
    parser.add_argument(
        "--news", type=float, help="test the news in five languages too, and train on them with this weight"
    )
    parser.add_argument("--sets", action="store_true", help="leave out each labelled set instead of folds of domains")
    parser.add_argument(
        "--groups", action="store_true", help="leave out sets and languages of the news in three groups"
    )
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    testdata = Path(os.environ.get("CURATE_TESTDATA", "~/.cache/curate-testdata")).expanduser()
    sizes = args.size or [Size()]
    examples = read_examples(testdata, args.news)
    print(f"{len(examples)} pages, {sum(item.page.count for item in examples)} blocks", flush=True)
    protocol = "groups" if args.groups else "sets" if args.sets else "cv"
    group = PROTOCOLS[protocol]
    for size, texts in zip(sizes, out_of_fold(examples, group, sizes), strict=True):
        f1 = [score_f1(text, item.labelled.gold) for item, (text, _) in zip(examples, texts, strict=True)]
        name = f"{size.trees},{size.trees_two},{size.depth},{size.leaves}"
        print(f"{name}: F1 {np.mean(f1):.4f}, below .3: {np.mean(np.array(f1) < 0.3):.3%}", flush=True)
        write(args.out / f"curate-{protocol}-{name}.jsonl", examples, texts)


if __name__ == "__main__":
    main()
