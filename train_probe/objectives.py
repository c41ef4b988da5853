"""What a model is asked: the next token, masked tokens (BERT), or corrupted spans (T5).

Each function turns rows of the stream into the arrays of one training step, with the same shapes at every step.
What is hidden is drawn from (seed, place of the row in the run), so it never depends on how rows are spread over
processes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from train_probe.attention import borders
from train_probe.config import ModelConfig
from train_probe.data import Ints, segments
from train_probe.model import sentinel

Batch = dict[str, NDArray[Any]]
MASKED = 0.15
SPAN = 3


def make(
    config: ModelConfig, rows: Ints, meta: dict[str, Any], seed: int, first_row: int, varlen: bool, room: int = 0
) -> Batch:
    """The arrays for `rows` int64 [B, T+1], the first of which is row `first_row` of the run.

    With `varlen` also where documents begin, with room for `room` of them (see attention.borders).
    """
    end, mask = int(meta["end"]), int(meta["mask"])
    if config.family == "t5":
        return spans(config, rows, end, seed, first_row)
    batch = mlm(rows, end, mask, int(meta["size"]), seed, first_row) if config.family == "bert" else clm(rows, end)
    if varlen:
        batch["borders"] = borders(batch["segments"], room)
    return batch


def clm(rows: Ints, end: int) -> Batch:
    """Predict each next token: tokens, segments, targets, all [B, T]."""
    tokens = rows[:, :-1]
    return {"tokens": tokens, "segments": segments(tokens, end), "targets": rows[:, 1:]}


def mlm(rows: Ints, end: int, mask: int, size: int, seed: int, first_row: int) -> Batch:
    """Hide 15 % of the tokens, of these 80 % by the mask, 10 % by any token, 10 % not (Devlin et al. 2018, 3.1).

    tokens, segments [B, T]; places, targets [B, M] with M = 15 % of T.
    """
    original = rows[:, :-1]
    tokens = original.copy()
    count = masked_count(tokens.shape[1])
    places = np.empty((len(tokens), count), dtype=np.int64)
    for i, row in enumerate(tokens):
        rng = generator(seed, first_row + i)
        places[i] = np.sort(rng.choice(len(row), count, replace=False))
        how = rng.random(count)
        anything = rng.integers(0, size, count)
        row[places[i]] = np.where(how < 0.8, mask, np.where(how < 0.9, anything, row[places[i]]))
    targets = np.take_along_axis(original, places, axis=1)
    return {"tokens": tokens, "segments": segments(original, end), "places": places, "targets": targets}


def spans(config: ModelConfig, rows: Ints, end: int, seed: int, first_row: int) -> Batch:
    """Cut 15 % of the tokens out in spans of 3 on average; each leaves a sentinel (Raffel et al. 2020, 3.1.4).

    inputs, input_segments [B, S]; decoder (what the decoder is given), targets, segments [B, U].  A sentinel belongs
    to the document where its span begins.  Rows longer than the sentinels allow use longer spans.
    """
    originals = rows[:, :-1]
    segment = segments(originals, end)
    made = [_one(config, row, segment[i], end, generator(seed, first_row + i)) for i, row in enumerate(originals)]
    names = ("inputs", "input_segments", "decoder", "targets", "segments")
    return {name: np.stack([m[j] for m in made]) for j, name in enumerate(names)}


def _one(config: ModelConfig, row: Ints, segment: Ints, end: int, rng: np.random.Generator) -> tuple[Ints, ...]:
    hidden = noise_mask(len(row), rng)
    begins = hidden & ~np.roll(hidden, 1)  # place 0 is never hidden
    number = np.cumsum(begins) - 1
    marks = np.array([sentinel(config, i) for i in range(int(begins.sum()))])
    inputs = np.where(begins, marks[np.maximum(number, 0)], row)[~hidden | begins]
    input_segments = segment[~hidden | begins]
    places = np.flatnonzero(hidden)
    before = np.flatnonzero(begins[places])  # a sentinel goes before the first token of each span
    targets = np.append(np.insert(row[places], before, marks), end)
    target_segments = np.insert(segment[places], before, segment[places][before])
    target_segments = np.append(target_segments, target_segments[-1])
    decoder = np.concatenate([[end], targets[:-1]])
    return inputs, input_segments, decoder, targets, target_segments


def masked_count(length: int) -> int:
    """How many of `length` tokens are hidden: 15 %, at least one."""
    return max(1, round(MASKED * length))


def noise_mask(length: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which tokens are cut out, bool [length]: always the same number of tokens and of spans, the first stays."""
    hidden = min(masked_count(length), length - 1)
    count = max(1, min(round(hidden / SPAN), 100, hidden, length - hidden))
    noise, kept = _parts(hidden, count, rng), _parts(length - hidden, count, rng)
    lengths = np.stack([kept, noise], axis=1).ravel()
    return np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)


def _parts(total: int, count: int, rng: np.random.Generator) -> Ints:
    """`count` positive integers that add up to `total`, every way equally likely."""
    cuts = np.sort(rng.choice(total - 1, count - 1, replace=False)) + 1
    return np.diff(np.concatenate([[0], cuts, [total]])).astype(np.int64)


def generator(seed: int, row: int) -> np.random.Generator:
    """Random numbers of one row of a run."""
    return np.random.Generator(np.random.Philox(key=[seed & (2**64 - 1), row]))
