"""Tokens per second and utilisation of each preset: `python -m benchmarks.probe_gpu [PRESET …] [--steps 20]`.

Utilisation is model FLOPs (train_probe/config.py has the convention) over the peak of dense bf16 matrix products
that is measured in the same run, not the one on the data sheet.  Rows are random ids in documents of about 400
tokens.  Written for one accelerator; on a processor it measures fp32 or bf16 as training would use.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from train_probe import prepare, tokenizer
from train_probe.config import PRESETS, TrainConfig, preset
from train_probe.data import Stream, TokenFile
from train_probe.parallel import World, start
from train_probe.train import Trainer, measured_peak, use_bf16


def stream(folder: Path, size: int, tokens: int) -> Stream:
    """Random documents, enough for `tokens` tokens."""
    rng = np.random.Generator(np.random.PCG64(0))
    ids = tokenizer.shipped(min(size, 16_384))
    words = [chr(97 + i) * (1 + i % 5) for i in range(26)]
    texts = [" ".join(rng.choice(words, 400)) for _ in range(max(8, tokens // 2000))]
    docs = (prepare.Text(i, i, text, "s") for i, text in enumerate(texts))
    prepare.write_tokens(docs, ids, folder)
    return Stream(TokenFile.open(folder), 0)


def measure(name: str, world: World, steps: int, peak: float, compiled: bool, micro: int) -> dict[str, Any]:
    """One preset: warm up, then time `steps` steps."""
    chosen = preset(name)
    rows = max(1, chosen.batch // chosen.model.context)
    c = TrainConfig(steps, rows, min(rows, micro or chosen.micro), compile=compiled, log_every=steps)
    trainer = Trainer(chosen.model, c, world)
    with tempfile.TemporaryDirectory() as folder:
        data = stream(Path(folder), chosen.model.vocab, min(4_000_000, c.steps * chosen.batch))
        trainer.run(data)
        facts = trainer.run(data)
    return {
        "preset": name,
        "tokens_per_second": round(facts["tokens_per_second"]),
        "tflops": round(facts["flops_per_second"] / 1e12, 3),
        "share_of_measured_peak": round(facts["flops_per_second"] / peak, 4),
        "data_wait": round(facts["data_wait"], 4),
        "weights": facts["weights"],
        "precision": facts["precision"],
        "device": facts["device"],
    }


def main() -> None:
    """Print one line of JSON for the peak and one for each preset."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("presets", nargs="*", default=["20m", "60m", "150m", "350m"])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--micro-rows", type=int, default=0)
    parser.add_argument("--no-compile", action="store_true")
    asked = parser.parse_args()
    unknown = set(asked.presets) - set(PRESETS)
    if unknown:
        parser.error(f"unknown presets: {', '.join(sorted(unknown))}")
    world = start("auto")
    peak = measured_peak(world.device, use_bf16("auto", world.device))
    print(json.dumps({"measured_peak_tflops": round(peak / 1e12, 3), "torch": str(torch.__version__)}), flush=True)
    for name in asked.presets:
        found = measure(name, world, asked.steps, peak, not asked.no_compile, asked.micro_rows)
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
