"""Bits per byte of held-out text.

Nats per token can't be compared between tokenizers, bits per byte can: all bits that the model needs for the
tokens of a document, divided by the bytes of the document.  The end tokens are not counted: they have no bytes.

Everything here computes in fp32 without autocast, whatever the training used: the sums of 16-bit logits are off
by more than the differences that are looked for.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from train_probe import breakdown, objectives
from train_probe.data import Ints, TokenFile
from train_probe.errors import ProbeError
from train_probe.likelihood import TOKENS as MOST
from train_probe.loss import token_losses
from train_probe.model import Model
from train_probe.train import hidden_states, to_device

Floats = NDArray[np.float64]
ROWS, TOKENS = 8, 4096
"""Rows per forward pass; more where they are short: as many as hold TOKENS."""


@dataclass(frozen=True)
class Scores:
    """What a metric is the ratio of: sum(value) / sum(weight) over items (documents, or rows, or questions)."""

    values: Floats
    weights: Floats
    groups: list[str]
    """The source or task of each item."""
    chance: float | None = None
    """What guessing would give, where that is known."""

    def __post_init__(self) -> None:
        if not np.isfinite(self.values).all():
            raise ProbeError("what the model gives is not a number: its training ran away; use a smaller --lr-scale")

    @property
    def mean(self) -> float:
        """The metric over all items."""
        return float(self.values.sum() / self.weights.sum())

    def at_chance(self) -> bool:
        """Whether guessing explains the mean: not two standard errors (over items) above it."""
        if self.chance is None:
            return False
        error = float(np.std(self.values - self.mean * self.weights)) * math.sqrt(len(self.values)) / self.weights.sum()
        return bool(self.mean <= self.chance + 2 * error)

    def by_group(self) -> dict[str, float]:
        """The metric by source or task."""
        names = np.array(self.groups)
        return {
            str(name): float(self.values[names == name].sum() / self.weights[names == name].sum())
            for name in sorted(set(self.groups))
        }

    def only(self, group: str) -> "Scores":
        """The items of one source or task."""
        mine = np.array(self.groups) == group
        return Scores(self.values[mine], self.weights[mine], [group] * int(mine.sum()), self.chance)

    def to_dict(self) -> dict[str, Any]:
        """As JSON, exact."""
        saved = {"values": self.values.tolist(), "weights": self.weights.tolist(), "groups": self.groups}
        return saved | ({"chance": self.chance} if self.chance is not None else {})

    @classmethod
    def of(cls, saved: dict[str, Any]) -> "Scores":
        """Back from JSON."""
        return cls(np.array(saved["values"]), np.array(saved["weights"]), list(saved["groups"]), saved.get("chance"))


METRIC, MACRO = "bits per byte", "bits per byte, sources equal"


@dataclass(frozen=True)
class Measured:
    """What a model makes of the held-out text."""

    scores: dict[str, Scores]
    """METRIC over all bytes; with several sources MACRO, the mean of the sources' own."""
    parts: dict[str, dict[str, list[float]]]
    """[bits, bytes] by division and part (see breakdown.py), decoders only."""


def evaluate(model: Model, file: TokenFile, token_bytes: NDArray[np.integer] | None = None) -> Measured:
    """`held_out`, with the mean over sources and the parts where the model and the file have them."""
    parts: dict[str, dict[str, list[float]]] = {}
    if model.config.family in ("gpt2", "llama") and (file.path / "parts.json").exists():
        model.eval()
        with torch.no_grad():
            nats = stream_losses(model, np.asarray(file.tokens, dtype=np.int64), file.end)
        pooled, parts = _of_documents(file, nats), breakdown.to_json(breakdown.measure(file, nats))
    else:
        pooled = held_out(model, file, token_bytes)
    scores = {METRIC: pooled}
    if len(set(pooled.groups)) > 1:
        scores[MACRO] = sources_equal(pooled)
    return Measured(scores, parts)


def sources_equal(pooled: Scores) -> Scores:
    """The same items, weighted so that the metric is the mean of what it is for each group."""
    names, group = np.unique(np.array(pooled.groups), return_inverse=True)
    sizes = np.bincount(group, pooled.weights, minlength=len(names))[group]
    return Scores(pooled.values / sizes, pooled.weights / sizes, pooled.groups, pooled.chance)


def held_out(model: Model, file: TokenFile, token_bytes: NDArray[np.integer] | None = None) -> Scores:
    """Bits and bytes of each document of a held-out token file (decoders), or of each row (BERT, T5).

    BERT and T5 predict only what is hidden, so their bits are divided by the bytes of the hidden tokens, which needs
    `token_bytes`, the length of each id in bytes.  These figures are comparable only within one family.
    """
    model.eval()
    with torch.no_grad():
        if model.config.family in ("gpt2", "llama"):
            return _documents(model, file)
        if token_bytes is None:
            raise ValueError("BERT and T5 need the bytes of each token")
        return _rows(model, file, token_bytes)


def _documents(model: Model, file: TokenFile) -> Scores:
    return _of_documents(file, stream_losses(model, np.asarray(file.tokens, dtype=np.int64), file.end))


def _of_documents(file: TokenFile, losses: Floats) -> Scores:
    owner = np.repeat(np.arange(len(file.documents)), file.documents["tokens"].astype(np.int64))
    bits = np.bincount(owner, losses, minlength=len(file.documents)) / math.log(2)
    names = [file.sources[i] for i in file.documents["source"]]
    return Scores(bits, file.documents["bytes"].astype(np.float64), names)


def stream_losses(model: Model, tokens: Ints, end: int) -> Floats:
    """Nats of each token given what precedes it in its row and document; 0 for end tokens.

    The tokens are cut into rows end to end, as in training; so each is predicted exactly once.
    """
    width = model.config.context
    count = -(-(len(tokens) - 1) // width)
    padded = np.full(count * width + 1, end, dtype=np.int64)
    padded[: len(tokens)] = tokens
    index = np.arange(count)[:, None] * width + np.arange(width + 1)[None, :]
    losses = np.zeros(len(padded))
    device = model.head_weight().device
    rows = max(ROWS, TOKENS // width)
    for first in range(0, count, rows):
        batch = objectives.clm(padded[index[first : first + rows]], end)
        found = _losses(model, batch, device)
        losses[first * width + 1 : first * width + 1 + len(found)] = found
    losses[padded == end] = 0.0
    return losses[: len(tokens)]


def _losses(model: Model, batch: dict[str, Any], device: torch.device) -> Floats:
    tensors = to_device(batch, device)
    hidden = hidden_states(model, tensors).flatten(0, 1)
    losses, _ = token_losses(hidden, model.head_weight(), model.head_bias, tensors["targets"].flatten())
    found: Floats = losses.double().cpu().numpy()
    return found


def _rows(model: Model, file: TokenFile, token_bytes: NDArray[np.integer]) -> Scores:
    """Rows of the file, hidden tokens drawn as in training from a fixed seed."""
    width, tokens = model.config.context, np.asarray(file.tokens, dtype=np.int64)
    count = max(1, (len(tokens) - 1) // width)
    padded = np.concatenate([tokens, np.full(width + 1, file.end)])
    index = np.arange(count)[:, None] * width + np.arange(width + 1)[None, :]
    starts = np.searchsorted(file.documents["start"], np.arange(count) * width, side="right") - 1
    sizes = np.zeros(model.config.vocab)
    sizes[: len(token_bytes)] = token_bytes
    device, bits, weights = model.head_weight().device, [], []
    for first in range(0, count, ROWS):
        batch = objectives.make(model.config, padded[index[first : first + ROWS]], file.meta, 0, first, False)
        shape = batch["targets"].shape
        size = sizes[batch["targets"]]
        bits.append((_losses(model, batch, device).reshape(shape) * (size > 0)).sum(1) / math.log(2))
        weights.append(size.sum(1))
    names = [file.sources[i] for i in file.documents["source"][starts]]
    return Scores(np.concatenate(bits), np.concatenate(weights), names)


# ---- what it writes: the same beginnings of held-out documents, continued with the same random numbers ----

PROMPTS, GIVEN, WRITTEN = 3, 16, 48
"""Beginnings, their tokens, and the tokens that are written after each."""
WARMTH = 0.8
"""Probabilities are of logits divided by this: below 1 the likely is likelier."""


def prompts(file: TokenFile) -> list[list[int]]:
    """The beginnings of held-out documents, the first long enough by the hash of their ids: the end token and GIVEN tokens."""
    rows = sorted((row for row in file.documents if row["tokens"] > 2 * GIVEN), key=lambda row: int(row["key"]))
    return [[int(t) for t in file.tokens[int(row["start"]) : int(row["start"]) + GIVEN + 1]] for row in rows[:PROMPTS]]


def continued(model: Model, beginnings: Sequence[Sequence[int]], seed: int = 0) -> list[list[int]]:
    """WRITTEN tokens after each beginning (decoders), by the inverse of the distribution at numbers drawn from `seed`.

    The numbers do not depend on the model, so two models that agree write the same.
    """
    if model.config.family not in ("gpt2", "llama") or not beginnings:
        return []
    drawn = np.random.Generator(np.random.PCG64(seed)).random((WRITTEN, len(beginnings)))
    device = model.head_weight().device
    tokens = torch.tensor([list(row) for row in beginnings], dtype=torch.int64, device=device)
    room = min(model.config.context, max(1, MOST // len(beginnings)))
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
