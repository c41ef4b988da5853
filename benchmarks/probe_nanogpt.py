"""Loss per token beside nanoGPT's recipe on the same data: `python -m benchmarks.probe_nanogpt BOOKS OUT [STEPS [SHAPE]]`.

SHAPE is `small`, the shape of GPT-2 scaled down for a processor (4 layers of width 64), or `124m`, GPT-2's own (12 layers
of width 768, 50,304 ids as in nanoGPT; rows of 256, since a processor takes seconds for a step).  Three trainings read the same batches of BOOKS (a
folder of plain text files) and are judged by the same held-out documents:

plain    a loop of plain PyTorch written for this page after nanoGPT's published settings (karpathy/nanoGPT, train.py):
         normal weights of 0.02, those that write into the residual stream divided by sqrt(2 layers); AdamW with betas
         0.9 and 0.95, weight decay 0.1 on matrices, warm-up then cosine to a tenth, clipping at 1; attention across
         the borders of documents
adamw    the probe with `--optimizer adamw --schedule cosine` and the same peak rate
muon     the probe's defaults
"""

import json
import math
import os
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.probe import VOCAB, documents, drawn
from train_probe import prepare, tokenizer
from train_probe.config import ModelConfig, TrainConfig
from train_probe.data import Stream, TokenFile
from train_probe.evaluate import held_out
from train_probe.parallel import World
from train_probe.train import Trainer

WARMUP, SEEDS = 0.05, 1


@dataclass(frozen=True)
class Setting:
    """What is trained, and how."""

    shape: ModelConfig
    vocab: int  # ids of the tokenizer
    rows: int  # a step
    rate: float  # peak
    held: int  # documents


SETTINGS = {
    "small": Setting(ModelConfig("gpt2", layers=4, width=64, heads=4, vocab=VOCAB, context=64), VOCAB, 12, 1e-3, 100),
    "124m": Setting(ModelConfig("gpt2", layers=12, width=768, heads=12, vocab=50304, context=256), 16384, 2, 6e-4, 10),
}


class PlainBlock(nn.Module):
    """Attention and feed-forward as GPT-2 has them, with nothing of the probe's."""

    def __init__(self, width: int, heads: int) -> None:
        """Biases everywhere."""
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.heads = heads

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, D]."""
        q, k, v = (y.unflatten(-1, (self.heads, -1)).transpose(1, 2) for y in self.qkv(self.norm1(x)).chunk(3, -1))
        x = x + self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


class Plain(nn.Module):
    """A small GPT-2 with tied head and the initial weights of nanoGPT."""

    def __init__(self, c: ModelConfig, seed: int) -> None:
        """Draw the weights from `seed`."""
        super().__init__()
        self.tokens, self.places = nn.Embedding(c.vocab, c.width), nn.Embedding(c.context, c.width)
        self.blocks = nn.ModuleList(PlainBlock(c.width, c.heads) for _ in range(c.layers))
        self.norm = nn.LayerNorm(c.width)
        generator = torch.Generator().manual_seed(seed)
        for name, p in self.named_parameters():
            with torch.no_grad():
                if p.ndim == 2:
                    scale = 1 / math.sqrt(2 * c.layers) if name.endswith(("out.weight", "down.weight")) else 1.0
                    p.normal_(0, 0.02 * scale, generator=generator)
                elif name.endswith("bias"):
                    p.zero_()

    def forward(self, ids: Tensor) -> Tensor:
        """Logits [B, T, V]."""
        x = self.tokens(ids) + self.places.weight[: ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        return F.linear(self.norm(x), self.tokens.weight)


def plain(c: Setting, stream: Stream, held: TokenFile, seed: int, steps: int) -> dict[str, Any]:
    """Train the plain loop; its curve, and its bits per byte of the held-out text in rows as the probe cuts them."""
    model = Plain(c.shape, seed)
    groups = [
        {"params": [p for p in model.parameters() if p.ndim == 2], "weight_decay": 0.1},
        {"params": [p for p in model.parameters() if p.ndim != 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=c.rate, betas=(0.9, 0.95))
    warmup, curve = max(1, round(WARMUP * steps)), []
    for step in range(steps):
        done = max(0.0, (step - warmup) / (steps - warmup))
        share = min(1.0, (step + 1) / warmup) if step < warmup else 0.1 + 0.45 * (1 + math.cos(math.pi * done))
        for group in optimizer.param_groups:
            group["lr"] = c.rate * share
        rows = torch.from_numpy(stream.batch(step, c.rows, c.shape.context))
        loss = F.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        curve.append(loss.item())
    return {"curve": curve, "bits per byte": plain_bits(model, held, c.shape.context)}


def plain_bits(model: Plain, held: TokenFile, width: int) -> float:
    """Bits per byte; end tokens are not counted."""
    ids = np.asarray(held.tokens, dtype=np.int64)
    nats = 0.0
    with torch.no_grad():
        for first in range(0, len(ids) - 1, width):
            row = torch.from_numpy(ids[first : first + width + 1])[None]
            losses = F.cross_entropy(model(row[:, :-1])[0], row[0, 1:], reduction="none")
            nats += float(losses[row[0, 1:] != held.end].sum())
    return nats / math.log(2) / int(held.meta["bytes"])


def ours(c: Setting, stream: Stream, held: TokenFile, seed: int, steps: int, optimizer: str) -> dict[str, Any]:
    """The probe's trainer on the same batches."""
    kind: dict[str, Any] = {"lr": c.rate, "schedule": "cosine"} if optimizer == "adamw" else {}
    how = TrainConfig(steps, c.rows, c.rows, seed, optimizer, warmup=WARMUP, precision="fp32", log_every=steps, **kind)
    trainer = Trainer(c.shape, how, World())
    curve = [point["loss"] for point in trainer.run(stream)["curve"]]
    return {"curve": curve, "bits per byte": held_out(trainer.model, held).mean}


def main(books: Path, out: Path, steps: int, setting: Setting) -> None:
    """Print one line of JSON for each training."""
    torch.set_num_threads(1 if setting.shape.width < 512 else os.cpu_count() or 1)
    held_docs, rest = drawn(documents(books), 0, setting.held, 2000 + setting.held)
    ids = tokenizer.shipped(setting.vocab)
    for name, docs in (("held-out", held_docs), ("text", rest)):
        prepare.write_tokens(docs, ids, out / name)
    held, text = TokenFile.open(out / "held-out"), TokenFile.open(out / "text")
    for seed in range(SEEDS):
        stream = Stream(text, seed)
        for name in ("plain", "adamw", "muon"):
            train = plain if name == "plain" else partial(ours, optimizer=name)
            run = train(setting, stream, held, seed, steps)
            tenths = [round(float(np.mean(part)), 3) for part in np.array_split(run["curve"], 10)]
            found = {"training": name, "seed": seed, "loss_by_tenth": tenths, "bits_per_byte": run["bits per byte"]}
            print(json.dumps({**found, "tokens": steps * setting.rows * setting.shape.context}), flush=True)


if __name__ == "__main__":
    books, out, *rest = sys.argv[1:]
    steps, shape = (rest + ["800", "small"][len(rest) :])[:2]
    main(Path(books), Path(out), int(steps), SETTINGS[shape])
