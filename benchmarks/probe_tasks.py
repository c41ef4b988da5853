"""Do the bundled questions see what a corpus is worth?  `python -m benchmarks.probe_tasks train OUT SECONDS [ARM...]`, then `score OUT SECONDS`, `report OUT`.

--preset nano or 4m, --seeds and --tokens make the models larger than those of two layers; give them to each of the three.

One text (English books and the Brown corpus, a fifth Python code, out of CURATE_TESTDATA), and the same with a share of each
document's words in random places: the order of these corpora is known.  A small model is trained on each with some seeds,
each seed on documents of its own, and scored on held-out documents of the sound text and on all bundled questions.

train   trains what is missing, the first seed of every corpus first, and stops after SECONDS; weights and a file for each run
score   asks every model the questions
report  each ability, sound against wholly shuffled; the ladder, every pair, by metric: how many in the right order, how many decided
"""

import io
import itertools
import json
import os
import re
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.probe import Docs, shuffled
from train_probe import prepare, suite, tasks, tokenizer
from train_probe.compare import judge, with_means
from train_probe.config import ModelConfig, TrainConfig, preset
from train_probe.data import Stream, TokenFile
from train_probe.evaluate import held_out
from train_probe.model import build
from train_probe.parallel import World
from train_probe.request import write_json
from train_probe.tables import lower_is_better
from train_probe.train import Trainer

SEEDS, VOCAB, TOKENS, ROWS = 3, 2048, 250_000, 4
SHAPE = ModelConfig(layers=2, width=64, heads=2, vocab=VOCAB, context=128)
FLAGS = ("--preset", "--seeds", "--tokens")
LADDER = {"sound": 0.0, "5 % of words moved": 0.05, "15 %": 0.15, "40 %": 0.4, "all words moved": 1.0}
PROSE = "sound, no code"
ARMS = [*LADDER, PROSE]
SUITES = {"abilities": [tasks.name_of(file) for file in suite.load("abilities").files]}
METRICS = ("bits per byte", "probability")


def corpus(data: Path) -> Docs:
    """The sound text in pieces of about 1,000 characters; `source` says prose or code."""
    folder = data / "G-text"
    prose: Docs = []
    for name in ("11/11-0.txt", "84/84-0.txt", "98/98-0.txt", "1661/1661-8.txt", "2701/2701-0.txt"):
        prose += _pieces(
            (folder / "gutenberg" / name).read_text("utf-8", "replace").replace("\r", "").split("\n\n"), "prose"
        )
    prose += _pieces(_brown(folder / "nltk-corpora" / "brown.zip"), "prose")
    code: Docs = []
    size, most = 0, sum(len(doc.text) for doc in prose) // 4
    for wheel in sorted((folder / "python-wheels").glob("*.whl"), reverse=True):
        with zipfile.ZipFile(wheel) as archive:
            for name in sorted(n for n in archive.namelist() if n.endswith(".py")):
                if size < most and "test" not in name:
                    found = _pieces(re.split(r"(?=\n\n)", archive.read(name).decode("utf-8", "replace")), "code")
                    size += sum(len(doc.text) for doc in found)
                    code += found
    return list({doc.key: doc for doc in [*prose, *code]}.values())


def _pieces(paragraphs: Any, source: str) -> Docs:
    found, piece = [], ""
    for paragraph in paragraphs:
        piece += paragraph if source == "code" else " ".join(paragraph.split()) + "\n"
        if len(piece) > 1000:
            key = prepare.hash64(piece)
            found.append(prepare.Text(key, key, piece.strip("\n"), source))
            piece = ""
    return found


def _brown(path: Path) -> Iterator[str]:
    """Paragraphs of the Brown corpus without its tags."""
    with zipfile.ZipFile(path) as archive:
        for name in sorted(n for n in archive.namelist() if re.fullmatch(r"brown/c[a-r]\d\d", n)):
            text = io.TextIOWrapper(archive.open(name), "utf-8").read()
            for paragraph in re.split(r"\n\s*\n\s*\n", text):
                words = " ".join(token.rsplit("/", 1)[0] for token in paragraph.split())
                words = re.sub(r" ([,.;:?!')])", r"\1", words.replace("`` ", '"').replace(" ''", '"'))
                yield re.sub(r"([(]) ", r"\1", words)


def arm(docs: Docs, name: str) -> Docs:
    """One of the corpora."""
    if name == PROSE:
        return [doc for doc in docs if doc.source == "prose"]
    return [shuffled(doc, LADDER[name]) for doc in docs] if LADDER[name] else docs


def train(out: Path, seconds: float, arms: list[str]) -> None:
    """Train what is missing until `seconds` have passed; weights and bits per byte of the held-out text are kept."""
    torch.set_num_threads(1)
    began = time.monotonic()
    words = tokenizer.shipped(VOCAB)
    docs = corpus(Path(os.environ["CURATE_TESTDATA"]))
    held = [doc for doc in docs if doc.key % 40 == 0]
    rest = [doc for doc in docs if doc.key % 40]
    prepare.write_tokens(held, words, out / "data" / "held-out")
    judges = TokenFile.open(out / "data" / "held-out")
    rows = max(1, ROWS * 128 // SHAPE.context)
    steps = TOKENS // (rows * SHAPE.context)
    settings = TrainConfig(steps, rows, rows, precision="fp32", log_every=steps)
    trainer = Trainer(SHAPE, settings, World())
    for seed, name in itertools.product(range(SEEDS), arms):
        path = out / "runs" / name.replace(" ", "_") / f"seed-{seed}.json"
        if path.exists():
            continue
        if time.monotonic() - began > seconds:
            return
        folder = out / "data" / name.replace(" ", "_")
        if not folder.exists():
            prepare.write_tokens(arm(rest, name), words, folder)
        trainer.settings = replace(settings, seed=seed)
        before = time.process_time()
        facts = trainer.run(Stream(TokenFile.open(folder), seed, seed, SEEDS))
        bits = held_out(trainer.model, judges)
        trainer.model.train()
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(trainer.model.state_dict(), path.with_suffix(".pt"))
        write_json(path, {"tokens": facts["tokens"], "scores": {"bits per byte": bits.to_dict()}})
        spent = round(time.process_time() - before, 1)
        print(name, seed, round(bits.mean, 4), f"{spent} s of processor time", flush=True)


def score(out: Path, seconds: float) -> None:
    """The questions, of every trained model that has not answered them as they are now, until so much processor time is spent."""
    torch.set_num_threads(1)
    words = tokenizer.shipped(VOCAB)
    questions = [tasks.encode(tasks.read(name), words) for name in tasks.bundled()]
    asked = f"{prepare.hash64(repr([(task.rows, task.answers) for task in questions])):x}"
    for path in sorted((out / "runs").glob("*/seed-*.json"), key=lambda path: path.name):
        saved = json.loads(path.read_text())
        if saved.get("asked") == asked:
            continue
        if time.process_time() > seconds:
            return
        model = build(SHAPE)
        model.load_state_dict(torch.load(path.with_suffix(".pt"), weights_only=True))
        scores = {"bits per byte": saved["scores"]["bits per byte"]}
        for task in questions:
            scores |= {name: one.to_dict() for name, one in tasks.evaluate(model, task).items()}
        write_json(path, {**saved, "scores": scores, "asked": asked})
        print(path.parent.name, path.stem, f"{time.process_time():.0f} s of processor time in all", flush=True)


def load(out: Path, arms: list[str]) -> dict[str, dict[int, Any]]:
    """Finished runs, those seeds that every arm has."""
    runs = {
        name: {
            int(path.stem.removeprefix("seed-")): json.loads(path.read_text())
            for path in (out / "runs" / name.replace(" ", "_")).glob("seed-*.json")
        }
        for name in arms
    }
    common = set.intersection(*(set(seeds) for seeds in runs.values()))
    return {name: {seed: seeds[seed] for seed in sorted(common)} for name, seeds in runs.items()}


def report(out: Path) -> None:
    """Tables for benchmarks/results/probe.md."""
    ends = load(out, ["sound", "all words moved"])
    print("| figure | sound | all words moved | difference | 95 % interval | chance |\n|---|---|---|---|---|---|")
    found = judge(with_means(ends, SUITES), "bits per byte", shared={("sound", "all words moved"): 1.0})
    every = {"bits per byte": found["pairs"], **found["others"]}
    for metric, (pair,) in every.items():
        if metric.endswith(METRICS):
            means = found["metrics"][metric]
            low, high = pair["interval"]
            values = " | ".join(f"{means['mean'][name]:.4f}" for name in ends)
            chance = f"{means['chance']:.3f}" if means["chance"] else ""
            print(f"| {metric} | {values} | {pair['delta']:+.4f} | {low:+.4f} to {high:+.4f} | {chance} |")
    print("\nby level, sound minus all words moved (means over seeds):")
    for metric, m in found["metrics"].items():
        if metric.endswith(METRICS) and any("level" in group for group in m["groups"]):
            print(metric, {g: round(v["sound"] - v["all words moved"], 4) for g, v in m["groups"].items()})
    runs = with_means(load(out, [name for name in LADDER if (out / "runs" / name.replace(" ", "_")).exists()]), SUITES)
    seeds = len(next(iter(runs.values())))
    shared = dict.fromkeys(itertools.combinations(runs, 2), 1.0)
    print(
        f"\n| metric | pairs in the right order | decided | decided wrongly | difference / what is found with power .8, median ({seeds} seeds) |\n|---|---|---|---|---|"
    )
    for metric in (
        "bits per byte",
        "mean:abilities probability",
        "mean:abilities bits per byte",
        "mean:abilities accuracy",
    ):
        pairs = judge(runs, metric, shared=shared)["pairs"]
        better = [
            (pair["delta"] < 0) == lower_is_better(metric) for pair in pairs
        ]  # the first of a pair is the better one
        decided = [ok for ok, pair in zip(better, pairs, strict=True) if pair["verdict"].endswith(" is better")]
        finds = float(np.median([abs(pair["delta"]) / pair["detectable"] for pair in pairs]))
        print(
            f"| {metric} | {sum(better)} of {len(pairs)} | {sum(decided)} | {len(decided) - sum(decided)} | {finds:.2f} |"
        )


def sized(words: list[str]) -> None:
    """Take the flags out of the words of the command line."""
    global SHAPE, VOCAB, SEEDS, TOKENS
    for flag in FLAGS:
        if flag in words:
            at = words.index(flag)
            value = words[at + 1]
            del words[at : at + 2]
            if flag == "--preset":
                SHAPE = preset(value).model
                VOCAB = SHAPE.vocab
            elif flag == "--seeds":
                SEEDS = int(value)
            else:
                TOKENS = int(value)


if __name__ == "__main__":
    sized(sys.argv)
    if sys.argv[1] == "score":
        score(Path(sys.argv[2]), float(sys.argv[3]))
    elif sys.argv[1] == "report":
        report(Path(sys.argv[2]))
    elif sys.argv[1] == "train":
        train(Path(sys.argv[2]), float(sys.argv[3]), sys.argv[4:] or list(LADDER))
