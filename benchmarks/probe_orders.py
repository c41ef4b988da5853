"""Corpora of known order, each against the clean one: `python -m benchmarks.probe_orders OUT [--nano] [--trials 1] [--first 0]`.

English books, the Brown corpus (out of CURATE_TESTDATA) in documents of about 1,000 characters, and the same spoilt in one
way each. Every trial draws its held-out documents (clean, whole) and its corpora anew; three seeds, each on documents of its own,
one planned look. "Cut to 30 %" has the known bias of equal tokens, so what is counted is whether the verdict says so beside it;
of "5 % code" no order is known. One line of JSON for a pair, which are kept in OUT, and a table.
"""

import argparse
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.probe import MENU, Bench, Docs, drawn
from benchmarks.probe_tasks import corpus
from train_probe import compare, looks, prepare
from train_probe.config import ModelConfig
from train_probe.data import TokenFile

SMALL = ModelConfig(layers=2, width=64, heads=2, vocab=1024, context=64)
NANO = ModelConfig(layers=4, width=128, heads=2, vocab=4096, context=256)
METRIC, SEEDS = "bits per byte", 3
WORDS = [
    "time",
    "house",
    "water",
    "people",
    "state",
    "world",
    "year",
    "hand",
    "part",
    "place",
    "week",
    "case",
    "point",
    "number",
    "group",
    "problem",
    "fact",
]
LINES = MENU.replace(" | ", "\n").strip()


def french(data: Path) -> list[str]:
    """The book of Genesis in pieces of about 1,000 characters."""
    with zipfile.ZipFile(data / "G-text" / "nltk-corpora" / "genesis.zip") as archive:
        text = io.TextIOWrapper(archive.open("genesis/french.txt"), "utf-8", errors="replace").read()
    return [text[i : i + 1000] for i in range(0, len(text), 1000)]


def _rng(doc: prepare.Text) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(doc.key))


def _noisy(doc: prepare.Text) -> prepare.Text:
    """15 % of its words are others, drawn from a short list."""
    rng, words = _rng(doc), doc.text.split(" ")
    return doc._replace(text=" ".join(str(rng.choice(WORDS)) if rng.random() < 0.15 else word for word in words))


def spoilt(docs: Docs, others: list[str], code: Docs) -> dict[str, Docs]:
    """The clean corpus and the others, by name."""
    foreign = [prepare.Text(k, k, text, "s") for text in others for k in [prepare.hash64(text)]]
    fifth, twentieth = len(docs) // 5, len(docs) // 20
    times = -(-fifth // len(foreign))
    return {
        "clean": docs,
        "cut to the first 30 %": [d._replace(text=d.text[: len(d.text) * 3 // 10]) for d in docs],
        "15 % random words": [_noisy(d) for d in docs],
        "boilerplate lines": [d._replace(text=f"{LINES}\n{d.text}") for d in docs],
        "lower case": [d._replace(text=d.text.lower()) for d in docs],
        "20 % another language": docs[fifth:] + (foreign * times)[:fifth],
        "an eighth, 8 times": [d for d in docs[::8] for _ in range(8)],
        "5 % code": docs[twentieth:] + code[:twentieth],
    }


def trial(bench: Bench, number: int, prose: Docs, others: list[str], code: Docs, count: int) -> list[dict[str, Any]]:
    """Each corpus against the clean one."""
    held, clean = drawn(prose, number, 60, count)
    corpora = spoilt(clean, others, code)
    prepare.write_tokens(held, bench.tokenizer, bench.out / "held-out")
    judges = TokenFile.open(bench.out / "held-out")
    runs = {name: bench._runs(docs, name, judges) for name, docs in corpora.items()}
    lengths = {name: float(np.mean([len(d.text.encode()) for d in docs])) for name, docs in corpora.items()}
    found = []
    for name in list(corpora)[1:]:
        shared = compare.shared_documents(bench.out / "clean", bench.out / name)
        both = {"clean": runs["clean"], name: runs[name]}
        pair = compare.judge(both, METRIC, shared={("clean", name): shared}, alpha=looks.PLANNED)["pairs"][0]
        pair["caveat"] = compare._caveat(pair, lengths)
        kept = {key: pair[key] for key in ("b", "delta", "interval", "p_corrected", "paired", "verdict", "caveat")}  # type: ignore[literal-required]
        found.append({"trial": number, **kept})
    return found


def main() -> None:
    """Do what is not kept, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--nano", action="store_true")
    parser.add_argument("--trials", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    data = Path(os.environ["CURATE_TESTDATA"])
    every = corpus(data)
    prose = [d._replace(source="s") for d in every if d.source == "prose"]
    code = [d._replace(source="s") for d in every if d.source == "code"]
    asked.out.mkdir(parents=True, exist_ok=True)
    bench = Bench(asked.out, NANO, SEEDS, 30) if asked.nano else Bench(asked.out, SMALL, SEEDS, 100)
    path = asked.out / ("nano.jsonl" if asked.nano else "small.jsonl")
    kept = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    for number in range(asked.first, asked.first + asked.trials):
        if number not in {row["trial"] for row in kept}:
            some = trial(bench, number, prose, french(data), code, 3200 if asked.nano else 2000)
            kept += some
            with path.open("a") as out:
                out.writelines(json.dumps(row) + "\n" for row in some)
    print(f"{bench.tokens:,} tokens a run, {SEEDS} seeds\n")
    print(
        "| clean against | trials | clean is better | not decided | the other is better (said beside it) | difference |"
    )
    print("|---|---:|---:|---:|---:|---:|")
    for name in dict.fromkeys(row["b"] for row in kept):
        rows = [row for row in kept if row["b"] == name]
        right = sum(row["verdict"] == "clean is better" for row in rows)
        wrong = [row for row in rows if row["verdict"] == f"{name} is better"]
        beside = sum(bool(row["caveat"]) for row in wrong)
        median = float(np.median([row["delta"] for row in rows]))
        cells = f"{right} | {len(rows) - right - len(wrong)} | {len(wrong)} ({beside})"
        print(f"| {name} | {len(rows)} | {cells} | {median:+.4f} |")


if __name__ == "__main__":
    main()
