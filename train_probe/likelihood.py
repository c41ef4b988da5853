"""The log-probability that a model gives to an ending after a context.

Decoders (GPT-2, LLaMA): the sum over the tokens of the ending, each given all before it.  BERT: the
pseudo-log-likelihood, each token of the ending given all others (Salazar et al. 2020).  T5: what its decoder makes of
the ending where a sentinel stands for it after the context, as in span corruption.  Figures of different families can't
be compared: only a decoder's is a probability of the text.
"""

from typing import NamedTuple, cast

import torch
from torch import Tensor

from train_probe.loss import token_losses
from train_probe.model import Model, sentinel

TOKENS = 16_384
"""Places per forward pass, filled up ones counted."""
_IGNORED = 1 << 30
"""The segment of places that only fill up: no other place sees them."""


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
    """Bytes of the text that was scored."""


Found = list[tuple[float, bool]]


def score(model: Model, rows: list[Row], sizes: list[int], end: int, mask: int) -> list[Answer]:
    """Each ending after its context, and after the end token that begins every document.

    Every token of an ending is scored exactly once: a context that is too long loses its beginning, an ending that is
    too long for the model by itself is scored in pieces (see `pieces`).  Rows of about one length are computed
    together, filled up on the right with places that no other place sees.
    """
    model.eval()
    room = longest_ending(model)
    parts = [(i, part) for i, row in enumerate(rows) for part in pieces(row, room)]
    found: list[tuple[float, bool]] = [(0.0, True)] * len(rows)
    with torch.no_grad():
        for members in batches([min(len(p.context) + len(p.ending) + 1, model.config.context) for _, p in parts]):
            for j, (total, greedy) in zip(
                members, _batch(model, [parts[j][1] for j in members], end, mask), strict=True
            ):
                i = parts[j][0]
                found[i] = (found[i][0] + total, found[i][1] and greedy)
    return [Answer(total, greedy, size) for (total, greedy), size in zip(found, sizes, strict=True)]


def longest_ending(model: Model) -> int:
    """Tokens of an ending that the model can score at once."""
    width = model.config.context
    return {"bert": width - 1, "t5": width - 2}.get(model.config.family, width)


def pieces(row: Row, room: int) -> list[Row]:
    """The row itself, or where its ending has more than `room` tokens, half a room of them at a time.

    Each piece has the context and all pieces before it for its context, of which the model sees at least half a room.
    """
    if len(row.ending) <= room:
        return [row]
    step = max(1, room // 2)
    whole = row.context + row.ending
    first = len(row.context)
    return [Row(whole[:at], whole[at : at + step]) for at in range(first, len(whole), step)]


def batches(lengths: list[int], tokens: int = TOKENS) -> list[list[int]]:
    """Numbers of rows to compute together: of about one length, at most `tokens` places when filled up."""
    out: list[list[int]] = []
    for i in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if out and (len(out[-1]) + 1) * lengths[i] <= tokens:
            out[-1].append(i)
        else:
            out.append([i])
    return out


def _batch(model: Model, rows: list[Row], end: int, mask: int) -> Found:
    family = model.config.family
    if family == "t5":
        return _span(model, rows, end)
    return _masked(model, rows, end, mask) if family == "bert" else _causal(model, rows, end)


def _causal(model: Model, rows: list[Row], end: int) -> Found:
    width = model.config.context
    whole = [[end, *row.context, *row.ending][-(width + 1) :] for row in rows]
    tokens = _filled(model, [ids[:-1] for ids in whole], end)
    counts = [min(len(row.ending), len(ids) - 1) for row, ids in zip(rows, whole, strict=True)]
    hidden_BTD = model(tokens)  # what fills up comes last, where no real place sees it
    hidden = [
        hidden_BTD[b, len(ids) - 1 - n : len(ids) - 1] for b, (ids, n) in enumerate(zip(whole, counts, strict=True))
    ]
    return _read(model, hidden, [ids[len(ids) - n :] for ids, n in zip(whole, counts, strict=True)])


def _masked(model: Model, rows: list[Row], end: int, mask: int) -> Found:
    """One row for each token of an ending, with this token hidden."""
    copies, places, targets = [], [], []
    for row in rows:
        ids = [end, *row.context, *row.ending][-model.config.context :]
        for place in range(len(ids) - len(row.ending), len(ids)):
            copies.append([*ids[:place], mask, *ids[place + 1 :]])
            places.append(place)
            targets.append(ids[place])
    hidden = []
    step = max(1, TOKENS // max(map(len, copies)))
    for first in range(0, len(copies), step):
        part = copies[first : first + step]
        place_BM = _tensor(model, [[p] for p in places[first : first + step]])
        hidden.append(model(_filled(model, part, end), _segments(model, part), place_BM)[:, 0])
    sizes = [len(row.ending) for row in rows]
    flat = torch.cat(hidden).split(sizes)
    return _read(model, list(flat), [part.tolist() for part in torch.tensor(targets).split(sizes)])


def _span(model: Model, rows: list[Row], end: int) -> Found:
    width, mark = model.config.context, sentinel(model.config, 0)
    inputs = [[*([end, *row.context][-(width - 1) :]), mark] for row in rows]
    given = [[end, mark, *row.ending[:-1]] for row in rows]
    decoder_BT = _filled(model, given, end)  # causal: what fills it up needs no segment of its own
    hidden_BTD = model(_filled(model, inputs, end), decoder_BT, _segments(model, inputs), torch.zeros_like(decoder_BT))
    hidden = [hidden_BTD[b, 1 : 1 + len(row.ending)] for b, row in enumerate(rows)]
    return _read(model, hidden, [row.ending for row in rows])


def _tensor(model: Model, ids: list[list[int]]) -> Tensor:
    return torch.tensor(ids, dtype=torch.int64, device=model.head_weight().device)


def _filled(model: Model, ids: list[list[int]], fill: int) -> Tensor:
    """int64 [B, longest], filled up on the right."""
    longest = max(map(len, ids))
    return _tensor(model, [[*row, *[fill] * (longest - len(row))] for row in ids])


def _segments(model: Model, ids: list[list[int]]) -> Tensor:
    """0 for what is real, another number for what fills up."""
    return _filled(model, [[0] * len(row) for row in ids], _IGNORED)


def _read(model: Model, hidden: list[Tensor], targets: list[list[int]]) -> Found:
    """For each row the sum over its targets that hidden [places, D] predicts, and whether all are the likeliest ids."""
    flat, wanted = torch.cat(hidden), _tensor(model, [[t for row in targets for t in row]])[0]
    losses, best = token_losses(flat, model.head_weight(), model.head_bias, wanted, best=True)
    sizes = [len(row) for row in targets]
    sums = [-float(part.double().sum()) for part in losses.split(sizes)]
    return list(zip(sums, [bool(part.all()) for part in cast(Tensor, best).split(sizes)], strict=True))
