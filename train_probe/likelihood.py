"""The log-probability that a model gives to an ending after a context.

Decoders (GPT-2, LLaMA): the sum over the tokens of the ending, each given all before it.  BERT: the
pseudo-log-likelihood, each token of the ending given all others (Salazar et al. 2020).  T5: what its decoder makes of
the ending where a sentinel stands for it after the context, as in span corruption.  Figures of different families can't
be compared: only a decoder's is a probability of the text.
"""

from collections import defaultdict
from typing import Any, NamedTuple

import torch
from torch import Tensor

from train_probe.loss import token_losses
from train_probe.model import Model, sentinel

_BATCH = 16


class Row(NamedTuple):
    """The ids of a context and of its ending."""

    context: list[int]
    ending: list[int]


class Answer(NamedTuple):
    """What the model makes of one choice."""

    log_probability: float
    greedy: bool
    """Every token of the ending is the most probable one."""
    size: int
    """Bytes of the ending."""


def score(model: Model, rows: list[Row], sizes: list[int], end: int, mask: int) -> list[Answer]:
    """Each ending after its context, and after the end token that begins every document.

    What is too long for the model is cut from the left.  Rows of one shape are computed together, so that nothing is
    filled up.
    """
    model.eval()
    by_shape: dict[tuple[int, int], list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        by_shape[len(row.context), len(row.ending)].append(i)
    family = model.config.family
    out: list[Answer | None] = [None] * len(rows)
    with torch.no_grad():
        for _, members in sorted(by_shape.items()):
            for first in range(0, len(members), _BATCH):
                chosen = members[first : first + _BATCH]
                batch = [rows[i] for i in chosen]
                if family == "t5":
                    found = _span(model, batch, end)
                else:
                    found = _masked(model, batch, end, mask) if family == "bert" else _causal(model, batch, end)
                for i, (total, greedy) in zip(chosen, found, strict=True):
                    out[i] = Answer(total, greedy, sizes[i])
    return [a for a in out if a is not None]


Found = list[tuple[float, bool]]


def _causal(model: Model, batch: list[Row], end: int) -> Found:
    width, count = model.config.context, len(batch[0].ending)
    tokens = _tensor(model, [[end, *row.context, *row.ending][-(width + 1) :] for row in batch])
    count = min(count, tokens.shape[1] - 1)
    hidden = model(tokens[:, :-1])[:, tokens.shape[1] - 1 - count :]
    return _read(model, hidden, tokens[:, tokens.shape[1] - count :])


def _masked(model: Model, batch: list[Row], end: int, mask: int) -> Found:
    """One row for each token of an ending, with this token hidden."""
    out: Found = []
    for row in batch:
        tokens = _tensor(model, [[end, *row.context, *row.ending][-model.config.context :]])[0]
        count = min(len(row.ending), len(tokens) - 1)
        places = torch.arange(len(tokens) - count, len(tokens), device=tokens.device)
        hidden = []
        for part in places.split(_BATCH):
            copies = tokens.repeat(len(part), 1)
            copies[torch.arange(len(part), device=tokens.device), part] = mask
            hidden.append(model(copies, None, part[:, None])[:, 0])
        out += _read(model, torch.cat(hidden)[None], tokens[places][None]) if hidden else [(0.0, True)]
    return out


def _span(model: Model, batch: list[Row], end: int) -> Found:
    width, mark = model.config.context, sentinel(model.config, 0)
    inputs = _tensor(model, [[*([end, *row.context][-(width - 1) :]), mark] for row in batch])
    endings = _tensor(model, [row.ending[-(width - 2) :] for row in batch])
    lead = _tensor(model, [[end, mark]] * len(batch))
    hidden = model(inputs, torch.cat([lead, endings[:, :-1]], dim=1))[:, 1:]
    return _read(model, hidden, endings)


def _tensor(model: Model, ids: list[list[int]]) -> Tensor:
    return torch.tensor(ids, dtype=torch.int64, device=model.head_weight().device)


def _read(model: Model, hidden: Tensor, targets: Tensor) -> Found:
    """Sums over [B, T] targets that hidden [B, T, D] predicts, and whether all are the most probable ids."""
    flat: Any = hidden.flatten(0, 1)
    losses = token_losses(flat, model.head_weight(), model.head_bias, targets.flatten()).double()
    best = torch.nn.functional.linear(flat, model.head_weight(), model.head_bias).argmax(-1)
    right = (best.view(targets.shape) == targets).all(1)
    return [(-float(t), bool(r)) for t, r in zip(losses.view(targets.shape).sum(1), right, strict=True)]
