"""How well models of quality tell texts apart, and how fast: `python -m benchmarks.quality --data DIR --work DIR`.

DIR of --data is the test data (CURATE_TESTDATA). Trained is on the format labels of `J-sources/domains`, hosts apart; the contested
human labels of `J-sources/quality` only judge.
"""

import argparse
import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from curate.corpus.schema import host
from curate.filters import linear
from curate.filters.sampling import uniform
from curate.quality import train
from curate.quality.labelled import Labelled, Text
from curate.quality.measures import auc_with_interval

GOOD_FORMATS = {0, 2, 7, 10, 11, 17, 22}
"""Academic, creative, knowledge article, news article, nonfiction, questions and answers, tutorial."""
BAD_FORMATS = {1, 6, 12, 16, 18, 19}
"""Content listing, truncated, about an organisation, product page, spam, structured data."""


GOOD_TOPICS = {2, 4, 12, 13, 16, 17, 19}
"""Software development, education, health, history, literature, politics, science."""
BAD_TOPICS = {0, 8, 11, 14, 22, 23}
"""Adult, fashion, games, home and hobbies, transportation, travel."""


def pages(data: Path) -> Iterator[tuple[int, int, Text]]:
    """(topic, format, text), good where nothing else is said."""
    for path in sorted((data / "J-sources" / "domains").rglob("examples/topic*_format*.json")):
        topic, kind = (int(one) for one in re.findall(r"\d+", path.stem))
        for row in json.loads(path.read_text(encoding="utf-8")):
            yield topic, kind, Text(row["text"], True, host(row.get("url")) or "", "en")


def domains(data: Path, by_topic: bool = False) -> list[Text]:
    """Pages with a format (or topic) that is plainly good or bad, each text once."""
    good, bad = (GOOD_TOPICS, BAD_TOPICS) if by_topic else (GOOD_FORMATS, BAD_FORMATS)
    found: dict[int, Text] = {}
    for topic, kind, one in pages(data):
        label = topic if by_topic else kind
        if label in good | bad:
            found.setdefault(one.digest, replace(one, good=label in good))
    return [found[digest] for digest in sorted(found)]


def apart(texts: Sequence[Text]) -> tuple[list[Text], list[Text]]:
    """(texts to learn from, texts of the fifth of the hosts that judge)."""
    back = [uniform(f"{one.group:016x}", "benchmark") < 0.2 for one in texts]
    learnt = [one for one, away in zip(texts, back, strict=True) if not away]
    return learnt, [one for one, away in zip(texts, back, strict=True) if away]


def contested(data: Path) -> list[Text]:
    """The human labels on which raters did not agree."""
    path = data / "J-sources" / "quality" / "mlfoundations__dclm" / "contested.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [Text(row["text"], bool(row["label"]), "", "en") for row in rows]


def shown(name: str, scores: Any, texts: Sequence[Text]) -> None:
    good = np.array([one.good for one in texts])
    area = auc_with_interval(np.asarray(scores, float), good, [one.group for one in texts])
    print(f"| {name} | {area.value:.3f} | {area.low:.3f} to {area.high:.3f} |", flush=True)


def trivial(texts: Sequence[Text]) -> dict[str, Any]:
    """Signals by themselves."""
    stops = linear.hashes(linear.STOP_WORDS)
    found = np.stack([linear.features(one.text, stops, 1 << 10).signals for one in texts])
    return {name: found[:, at] for at, name in enumerate(linear.SIGNALS)}


def curve(learnt: Sequence[Text], kept_back: Sequence[Text]) -> None:
    """GPT-3's way with few references: so many good texts against all bad ones."""
    both = [*learnt, *kept_back]
    rows = train.rows_of([one.text for one in both], linear.STOP_WORDS, train.BUCKETS)
    good = np.array([one.good for one in both])
    rest = np.arange(len(learnt), len(both))
    goods, bads = np.flatnonzero(good[: len(learnt)]), np.flatnonzero(~good[: len(learnt)])
    print("\n| good texts | AUC on other hosts | 95 % |\n|---|---|---|")
    for count in (30, 100, 300, 1000, len(goods)):
        at = np.sort(np.concatenate([goods[:count], bads]))  # they are in the order of a hash
        weights = train.learn(train._part(rows, at), good[at], [both[i].digest for i in at.tolist()], train.BUCKETS)
        shown(f"{count:,}", train.scores(weights, train._part(rows, rest)), kept_back)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--fasttext", action="store_true", help="Also train and score fastText's supervised model.")
    parser.add_argument("--curve", action="store_true", help="Also train with few good texts.")
    parser.add_argument("--topics", action="store_true", help="Instead: train on topics.")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    texts, judge = domains(options.data, options.topics), contested(options.data)
    learnt, kept_back = apart(texts)
    hosts = len({one.group for one in kept_back})
    print(f"{len(learnt)} texts to learn from, {len(kept_back)} of {hosts} other hosts, {len(judge)} contested")
    model = options.work / "linear"
    start = time.process_time()
    if not model.exists():
        train.train(Labelled(learnt), str(model), {"good": ["formats"], "bad": ["formats"]})
        print(f"trained in {time.process_time() - start:.1f} s of CPU time")
    loaded = linear.load(model)
    first = f"{'topics' if options.topics else 'formats'}, other hosts"
    for title, some in ((first, kept_back), ("contested", judge)):
        print(f"\n| {title} | AUC | 95 % |\n|---|---|---|")
        shown("linear model", [linear.score(loaded, one.text) for one in some], some)
        for name, values in trivial(some).items():
            shown(name, values, some)
        if options.fasttext:
            shown("fastText", _fasttext(options.work, learnt, some), some)
    if options.curve:
        curve(learnt, kept_back)
    sample = [one.text for one in texts[:2000]]
    for _ in range(2):
        start = time.process_time()
        for text in sample:
            linear.score(loaded, text)
        spent = time.process_time() - start
    print(
        f"\nlinear score: {len(sample) / spent:,.0f} documents/s a core, {np.mean([len(t) for t in sample]):,.0f} characters each"
    )


def _fasttext(work: Path, learnt: Sequence[Text], some: Sequence[Text]) -> list[float]:
    import fasttext

    path = work / "fasttext.bin"
    if not path.exists():
        lines = [f"__label__{int(one.good)} {' '.join(one.text.lower().split())}" for one in learnt]
        (work / "fasttext.txt").write_text("\n".join(lines), encoding="utf-8")
        start = time.process_time()
        made = fasttext.train_supervised(
            str(work / "fasttext.txt"), wordNgrams=2, thread=1, bucket=1 << 18, epoch=5, verbose=0
        )
        print(f"fastText trained in {time.process_time() - start:.1f} s of CPU time")
        made.save_model(str(path))
    inner = fasttext.load_model(str(path)).f
    found = []
    start = time.process_time()
    for one in some:
        best = {
            label: chance
            for chance, label in inner.predict(" ".join(one.text.lower().split()) + "\n", 2, 0.0, "replace")
        }
        found.append(best.get("__label__1", 0.0))
    print(f"fastText: {len(some) / (time.process_time() - start):,.0f} documents/s a core", flush=True)
    return found


if __name__ == "__main__":
    main()
