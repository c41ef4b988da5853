"""What each model writes: the same beginnings of held-out documents, continued with the same random numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from train_probe.data import TokenFile
from train_probe.likelihood import TOKENS
from train_probe.model import Model

PROMPTS, GIVEN, WRITTEN = 3, 16, 48
"""Beginnings, their tokens, and the tokens that are written after each."""
WARMTH = 0.8
"""Probabilities are of logits divided by this: below 1 the likely is likelier."""


def prompts(file: TokenFile) -> list[list[int]]:
    """The beginnings of held-out documents, the first long enough by the hash of their ids: the end token and GIVEN tokens."""
    rows = sorted((row for row in file.documents if row["tokens"] > 2 * GIVEN), key=lambda row: int(row["key"]))
    return [[int(t) for t in file.tokens[int(row["start"]) : int(row["start"]) + GIVEN + 1]] for row in rows[:PROMPTS]]


def write(model: Model, beginnings: Sequence[Sequence[int]], seed: int = 0) -> list[list[int]]:
    """WRITTEN tokens after each beginning (decoders), by the inverse of the distribution at numbers drawn from `seed`.

    The numbers do not depend on the model, so two models that agree write the same.
    """
    if model.config.family not in ("gpt2", "llama") or not beginnings:
        return []
    drawn = np.random.Generator(np.random.PCG64(seed)).random((WRITTEN, len(beginnings)))
    device = model.head_weight().device
    tokens = torch.tensor([list(row) for row in beginnings], dtype=torch.int64, device=device)
    room = min(model.config.context, max(1, TOKENS // len(beginnings)))
    with torch.no_grad():
        for step in range(WRITTEN):
            hidden: Any = model(tokens[:, -room:])[:, -1].float()
            logits = hidden @ model.head_weight().float().T
            if model.head_bias is not None:
                logits = logits + model.head_bias.float()
            share = torch.softmax(logits.double() / WARMTH, 1).cumsum(1)
            at = torch.tensor(drawn[step], device=device)[:, None] * share[:, -1:]
            found = torch.searchsorted(share, at).clamp(max=share.shape[1] - 1)
            tokens = torch.cat([tokens, found], 1)
    return [[int(t) for t in row[len(beginnings[0]) :]] for row in tokens]
