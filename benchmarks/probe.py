"""Is the verdict of the probe right?  `python -m benchmarks.probe PART BOOKS OUT [TRIALS [FIRST]]`, PART one of:

aa       two disjoint random parts of one text: a verdict "better" is a false positive
planted  a random part of it, and the same with the words of 10 % of its documents shuffled
truth    clean, 30 % of words shuffled, a tenth of it 10 times, half boilerplate: is the order right?

BOOKS is a folder of plain text files; text is cut into documents of about 1,000 characters.  Every trial draws its
held-out documents and its corpora anew from all documents, by the number of the trial (from FIRST on), so that given
the text the trials are independent.  Seeds read documents of their own, as `probe-train` does by default.  One line of
JSON for each trial, and one at the end.
"""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from train_probe import prepare, tokenizer
from train_probe.compare import judge, shared_documents
from train_probe.config import ModelConfig, TrainConfig
from train_probe.data import Stream, TokenFile
from train_probe.evaluate import held_out
from train_probe.parallel import World
from train_probe.train import Trainer

VOCAB, METRIC, HELD = 1024, "bits per byte", "held-out"
Docs = list[prepare.Text]
NARROW = ModelConfig(layers=1, width=32, heads=2, vocab=VOCAB, context=64)
WIDER = ModelConfig(layers=1, width=64, heads=2, vocab=VOCAB, context=64)
DEEPER = ModelConfig(layers=2, width=64, heads=2, vocab=VOCAB, context=64)
MENU = "Home | About us | Contact | Terms of use | Privacy policy | Log in | Share this page | All rights reserved. "


def documents(folder: Path) -> Docs:
    """All text files below a folder, by paragraphs, in pieces of about 1,000 characters."""
    found: dict[int, prepare.Text] = {}
    for path in sorted(folder.rglob("*.txt")):
        piece: list[str] = []
        for paragraph in path.read_text(encoding="utf-8", errors="replace").split("\n\n"):
            piece.append(" ".join(paragraph.split()))
            if sum(map(len, piece)) > 1000:
                text = "\n".join(piece)
                key = prepare.hash64(text)
                found.setdefault(key, prepare.Text(key, key, text, "s"))
                piece = []
    return [found[key] for key in sorted(found)]


def shuffled(doc: prepare.Text, share: float) -> prepare.Text:
    """The document with `share` of its words in random places."""
    words = doc.text.split(" ")
    rng = np.random.Generator(np.random.PCG64(doc.key))
    places = np.flatnonzero(rng.random(len(words)) < share)
    moved = list(words)
    for a, b in zip(places, rng.permutation(places), strict=True):
        moved[a] = words[b]
    return doc._replace(text=" ".join(moved))


def drawn(docs: Docs, trial: int, *sizes: int) -> list[Docs]:
    """Disjoint random lists of documents of these sizes."""
    order = np.random.Generator(np.random.PCG64(trial)).permutation(len(docs))
    ends = np.cumsum(sizes)
    if ends[-1] > len(docs):
        raise SystemExit(f"{ends[-1]:,} documents are needed, there are {len(docs):,}")
    return [[docs[i] for i in order[end - size : end]] for size, end in zip(sizes, ends, strict=True)]


class Bench:
    """Trains small corpora with one model and compares them."""

    def __init__(self, out: Path, shape: ModelConfig, seeds: int, steps: int, rows: int = 8) -> None:
        """`rows` of the shape's context per step."""
        self.out, self.shape, self.seeds = out, shape, seeds
        self.settings = TrainConfig(steps, rows, rows, precision="fp32", log_every=steps)
        self.trainer = Trainer(shape, self.settings, World())
        self.tokens = steps * rows * shape.context
        self.tokenizer = tokenizer.shipped(shape.vocab)

    def compare(self, held: Docs, corpora: dict[str, Docs]) -> dict[str, Any]:
        """The verdict on some corpora, as probe-compare gives it."""
        prepare.write_tokens(held, self.tokenizer, self.out / HELD)
        judges = TokenFile.open(self.out / HELD)
        runs = {name: self._runs(docs, name, judges) for name, docs in corpora.items()}
        names = list(runs)
        shared = {
            (a, b): shared_documents(self.out / a, self.out / b) for i, a in enumerate(names) for b in names[i + 1 :]
        }
        return judge(runs, METRIC, shared=shared)

    def _runs(self, docs: Docs, name: str, judges: TokenFile) -> dict[int, dict[str, Any]]:
        prepare.write_tokens(docs, self.tokenizer, self.out / name)
        file, made = TokenFile.open(self.out / name), {}
        if file.meta["tokens"] < self.seeds * self.tokens:
            raise SystemExit(f"{name}: {file.meta['tokens']:,} tokens, {self.seeds * self.tokens:,} are needed")
        for seed in range(self.seeds):
            self.trainer.settings = replace(self.settings, seed=seed)
            self.trainer.run(Stream(file, seed, seed, self.seeds))
            made[seed] = {"scores": {METRIC: held_out(self.trainer.model, judges).to_dict()}}
        return made


def same(out: Path, docs: Docs, trials: range) -> dict[str, Any]:
    """Pairs of disjoint random parts of one text."""
    bench, wrong, correlations = Bench(out, NARROW, 3, 25), 0, []
    for trial in trials:
        held, a, b = drawn(docs, trial, 40, 120, 120)
        pair = bench.compare(held, {"a": a, "b": b})["pairs"][0]
        wrong += "better" in pair["verdict"]
        correlations.append(pair["correlation"])
        show(trial, pair)
    return {"false_positives": wrong, "rate": wrong / len(trials), "correlation": float(np.median(correlations))}


def planted(out: Path, docs: Docs, trials: range) -> dict[str, Any]:
    """A random part against itself with a tenth of its documents shuffled."""
    bench, found, correlations = Bench(out, WIDER, 8, 60), 0, []
    for trial in trials:
        held, clean = drawn(docs, trial, 60, 800)
        worse = [shuffled(d, 1.0) if d.key % 10 == 0 else d for d in clean]
        pair = bench.compare(held, {"clean": clean, "shuffled": worse})["pairs"][0]
        found += pair["verdict"] == "clean is better"
        correlations.append(pair["correlation"])
        show(trial, pair)
    return {"found": found, "rate": found / len(trials), "correlation": float(np.median(correlations))}


def truth(out: Path, docs: Docs, trials: range) -> dict[str, Any]:
    """Four corpora of known order."""
    bench, right, means = Bench(out, DEEPER, 3, 400), 0, []
    for trial in trials:
        held, clean = drawn(docs, trial, 60, 1900)
        corpora = {
            "clean": clean,
            "30 % of words shuffled": [shuffled(d, 0.3) for d in clean],
            "a tenth of it, 10 times": [d for d in clean[::10] for _ in range(10)],
            "half boilerplate": [d._replace(text=(MENU * 20)[: len(d.text)] + d.text) for d in clean],
        }
        found = bench.compare(held, corpora)
        for pair in found["pairs"]:
            show(trial, pair)
        right += all(p["verdict"] == "clean is better" for p in found["pairs"][:3])
        means.append(found["metrics"][METRIC]["mean"])
    return {"clean_first": right, "means": means}


def show(trial: int, pair: dict[str, Any]) -> None:
    """One line of JSON."""
    names = (
        "a",
        "b",
        "delta",
        "interval",
        "p_corrected",
        "seed_error",
        "item_error",
        "paired",
        "correlation",
        "verdict",
    )
    rounded = {n: round(v, 5) if isinstance(v := pair[n], float) else v for n in names}
    print(json.dumps({"trial": trial, **rounded}), flush=True)


def main(part: str, books: Path, out: Path, trials: int, first: int) -> None:
    """Run one part; prints JSON lines."""
    torch.set_num_threads(1)
    docs = documents(books)
    began = time.process_time()
    found = {"aa": same, "planted": planted, "truth": truth}[part](out, docs, range(first, first + trials))
    facts = {"part": part, "trials": trials, "first": first, "documents": len(docs)}
    print(json.dumps({**facts, **found, "cpu_seconds": round(time.process_time() - began)}), flush=True)


if __name__ == "__main__":
    part, books, out, trials, first = (sys.argv[1:] + ["200", "0"][len(sys.argv) - 4 :])[:5]
    main(part, Path(books), Path(out), int(trials), int(first))
