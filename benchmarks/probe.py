"""Is the verdict of the probe right?  `python -m benchmarks.probe PART BOOKS OUT`: PART is aa, planted or truth.

BOOKS is a folder of plain text files.  Text is cut into documents of about 1,000 characters.

aa       pairs of corpora that are random parts of the same text: a verdict "better" is a false positive
planted  a corpus against itself with the words of 10 % of its documents shuffled
truth    clean, 30 % of words shuffled, every document 10 times (a tenth of the text), half boilerplate
"""

import itertools
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from train_probe import prepare, tokenizer
from train_probe.compare import judge
from train_probe.config import ModelConfig, TrainConfig
from train_probe.data import Stream, TokenFile
from train_probe.evaluate import held_out
from train_probe.parallel import World
from train_probe.train import Trainer

VOCAB = 1024
Docs = list[prepare.Text]


def documents(folder: Path) -> Docs:
    """All text files below a folder, by paragraphs, in pieces of about 1,000 characters."""
    found: dict[int, prepare.Text] = {}
    for path in sorted(folder.rglob("*.txt")):
        piece: list[str] = []
        for paragraph in path.read_text(encoding="utf-8", errors="replace").split("\n\n"):
            piece.append(" ".join(paragraph.split()))
            if sum(map(len, piece)) > 1000:
                text = "\n".join(piece)
                found.setdefault(
                    prepare.hash64(text), prepare.Text(prepare.hash64(text), prepare.hash64(text), text, "s")
                )
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


class Bench:
    """Trains many small corpora with one model."""

    def __init__(self, out: Path, held: Docs, steps: int, shape: ModelConfig, rows: int) -> None:
        """`held` is the text that all are judged by."""
        self.out, self.shape, self.rows, self.steps = out, shape, rows, steps
        self.tokenizer = tokenizer.shipped(VOCAB)
        prepare.write_tokens(held, self.tokenizer, out / "held")
        self.held = TokenFile.open(out / "held")

    def runs(self, docs: Docs, seeds: int) -> dict[int, dict[str, Any]]:
        """One result for each seed, as compare.judge reads them."""
        prepare.write_tokens(docs, self.tokenizer, self.out / "now")
        file, made = TokenFile.open(self.out / "now"), {}
        for seed in range(seeds):
            c = TrainConfig(self.steps, self.rows, self.rows, seed, precision="fp32", log_every=self.steps)
            trainer = Trainer(self.shape, c, World())
            facts = trainer.run(Stream(file, seed))
            made[seed] = {"scores": {"bits per byte": held_out(trainer.model, self.held).to_dict()}, **facts}
        return made


def main(part: str, books: Path, out: Path) -> None:
    """Run one part; prints JSON."""
    torch.set_num_threads(1)
    docs = documents(books)
    held, rest = docs[: len(docs) // 20], docs[len(docs) // 20 :]
    began = time.process_time()
    found = {"aa": same, "planted": planted, "truth": truth}[part](out, held, rest)
    print(json.dumps({**found, "documents": len(docs), "cpu_seconds": round(time.process_time() - began)}, indent=1))


TINY = ModelConfig(layers=1, width=32, heads=2, vocab=VOCAB, context=64)


def same(out: Path, held: Docs, rest: Docs, parts: int = 21, seeds: int = 3, trials: int = 200) -> dict[str, Any]:
    """Disjoint random parts of one text, compared pairwise."""
    bench = Bench(out, held[:30], 25, TINY, 8)
    runs = [bench.runs(rest[i::parts], seeds) for i in range(parts)]
    pairs = list(itertools.combinations(range(parts), 2))
    chosen = np.random.Generator(np.random.PCG64(0)).permutation(len(pairs))[:trials]
    verdicts = [
        judge({"a": runs[pairs[i][0]], "b": runs[pairs[i][1]]}, "bits per byte")["pairs"][0]["verdict"] for i in chosen
    ]
    wrong = sum("better" in v for v in verdicts)
    return {"trials": trials, "corpora": parts, "false_positives": wrong, "rate": wrong / trials}


def planted(out: Path, held: Docs, rest: Docs, parts: int = 10, seeds: int = 3) -> dict[str, Any]:
    """Each part against itself with a tenth of its documents shuffled."""
    bench = Bench(out, held[:60], 400, ModelConfig(layers=2, width=64, heads=2, vocab=VOCAB, context=64), 16)
    pairs = []
    for i in range(parts):
        clean = rest[i::parts]
        worse = [shuffled(d, 1.0) if d.key % 10 == 0 else d for d in clean]
        runs = {"clean": bench.runs(clean, seeds), "shuffled": bench.runs(worse, seeds)}
        pairs.append(judge(runs, "bits per byte")["pairs"][0])
    return {"trials": parts, "found": sum(p["verdict"] == "clean is better" for p in pairs), "pairs": pairs}


def truth(out: Path, held: Docs, rest: Docs, seeds: int = 3) -> dict[str, Any]:
    """Four corpora of known order."""
    shape = ModelConfig(layers=2, width=64, heads=2, vocab=VOCAB, context=64)
    bench = Bench(out, held[:60], 400, shape, 16)
    clean = rest[::3]
    menu = (
        "Home | About us | Contact | Terms of use | Privacy policy | Log in | Share this page | All rights reserved. "
    )
    corpora = {
        "clean": clean,
        "30 % of words shuffled": [shuffled(d, 0.3) for d in clean],
        "a tenth of it, 10 times": [d for d in clean[::10] for _ in range(10)],
        "half boilerplate": [d._replace(text=(menu * 20)[: len(d.text)] + d.text) for d in clean],
    }
    runs = {name: bench.runs(docs, seeds) for name, docs in corpora.items()}
    found = judge(runs, "bits per byte")
    return {"pairs": found["pairs"], "mean": found["metrics"]["bits per byte"]["mean"]}


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
