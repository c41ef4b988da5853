"""What a model of quality is worth to a model of language: `python -m benchmarks.quality_probe --data DIR --work DIR [--tokens 200K] [--seeds 3]`.

DIR of --data is the test data (CURATE_TESTDATA). A model of quality learns formats of pages of half of the hosts of `J-sources/domains`.
Of the pages of the other hosts it takes the best tenth; beside it a random tenth, and as many random pages that pass the rules of the
recipe `gopher`. `curate probe-train` gives each as many tokens. Held out is text that is no web page, which neither chose: news of
Reuters, two novels, articles of WikiText-2, as much of each.
"""

import argparse
import html
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.quality import BAD_FORMATS, GOOD_FORMATS, pages
from curate.corpus.recipe import load
from curate.filters import linear
from curate.filters.base import Document
from curate.filters.sampling import uniform
from curate.quality import train
from curate.quality.labelled import Labelled, Text
from train_probe.__main__ import main as probe

SHARE, HELD_OUT_BYTES, PIECE = 0.1, 150_000, 3000


def halves(data: Path) -> tuple[list[Text], list[Text]]:
    """(labelled texts to learn from, all texts of the other hosts), each text once."""
    learnt: dict[int, Text] = {}
    others: dict[int, Text] = {}
    for _, kind, one in pages(data):
        if uniform(f"{one.group:016x}", "probe") >= 0.5:
            others.setdefault(one.digest, one)
        elif kind in GOOD_FORMATS | BAD_FORMATS:
            learnt.setdefault(one.digest, replace(one, good=kind in GOOD_FORMATS))
    return [learnt[key] for key in sorted(learnt)], [others[key] for key in sorted(others)]


def passes_rules(text: str) -> bool:
    """Whether a page passes all steps of the recipe `gopher`."""
    doc = Document("0", text)
    for step in load("gopher").steps:
        decision = step(doc)
        if decision.reason:
            return False
        doc = decision.doc
    return True


def held_out(data: Path) -> Iterator[tuple[str, str]]:
    """(source, text) in pieces of some thousand characters."""
    text = data / "G-text"
    news = "\n".join(path.read_text("latin-1") for path in sorted((text / "reuters21578").glob("*.sgm"))[:2])
    bodies = re.findall(r"<BODY>(.*?)</BODY>", news, re.DOTALL)
    sources = {
        "news": "\n\n".join(html.unescape(one).replace("\x03", "").strip() for one in bodies),
        "novels": "\n".join((text / "gutenberg" / book / f"{book}.txt").read_text(errors="replace")[5000:] for book in ("84", "98")),
        "encyclopedia": next((text / "wikitext2-valid-test").rglob("valid.txt")).read_text(),
    }  # fmt: skip
    for name, whole in sources.items():
        size = HELD_OUT_BYTES // 2 if name == "novels" else HELD_OUT_BYTES
        parts = [whole[:size], whole[len(whole) // 2 :][:size]] if name == "novels" else [whole[:size]]
        for part in parts:
            yield from ((name, part[at : at + PIECE]) for at in range(0, len(part), PIECE))


def write(path: Path, texts: Sequence[str], source: str = "web") -> str:
    path.write_text("".join(json.dumps({"text": text, "source": source}) + "\n" for text in texts))
    return str(path)


def corpora(data: Path, work: Path) -> dict[str, str]:
    """Files of the three corpora, by name."""
    learnt, others = halves(data)
    if not (work / "model").exists():
        train.train(Labelled(learnt), str(work / "model"), {})
    model = linear.load(work / "model")
    count = round(SHARE * len(others))
    drawn = sorted(others, key=lambda one: uniform(f"{one.digest:016x}", "draw"))
    ruled = [one for one in drawn[: 3 * count] if passes_rules(one.text)]
    found = {
        "quality": sorted(others, key=lambda one: -linear.score(model, one.text))[:count],
        "random": drawn[:count],
        "rules": ruled[:count],
    }
    sizes = ", ".join(
        f"{name} {len(some)} ({sum(len(one.text) for one in some):,} characters)" for name, some in found.items()
    )
    print(f"learnt from {len(learnt)} pages; of {len(others)} pages of other hosts: {sizes}", flush=True)
    return {name: write(work / f"{name}.jsonl", [one.text for one in some]) for name, some in found.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--tokens", default="200K")
    parser.add_argument("--seeds", default="3")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    found = corpora(options.data, options.work)
    rows = [json.dumps({"text": text, "source": name}) + "\n" for name, text in held_out(options.data)]
    (options.work / "held_out.jsonl").write_text("".join(rows))
    named = [word for name, path in found.items() for word in ("--shards", f"{name}={path}")]
    asked = ["--held-out", str(options.work / "held_out.jsonl"), "--preset", "nano", "--tokens", options.tokens]
    asked += ["--seeds", options.seeds, "--no-tasks", "--device", "cpu", "--output", str(options.work / "probe")]
    return probe(["train", *named, *asked])


if __name__ == "__main__":
    sys.exit(main())
