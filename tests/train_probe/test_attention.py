"""The kernel for rows of documents, in either form of its arguments, against the mask; and that lengths stay the same."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from train_probe import attention, objectives, train
from train_probe.config import ModelConfig, TrainConfig
from train_probe.data import segments
from train_probe.model import build
from train_probe.parallel import World


def kernel(q, k, v, begins, begins_k, longest, longest_k, causal, scale):
    """Each document as a sequence of its own."""
    assert begins is begins_k
    assert longest == longest_k
    out = torch.zeros_like(q)
    for a, b in zip(begins[:-1].tolist(), begins[1:].tolist(), strict=True):
        if a < b:
            part = (x[a:b].transpose(0, 1)[None] for x in (q, k, v))
            seen = torch.nn.functional.scaled_dot_product_attention(*part, is_causal=causal, scale=scale)
            out[a:b] = seen[0].transpose(0, 1)
    return out


def by_flag(q, k, v, cu_seq_q, cu_seq_k, max_q, max_k, is_causal=False, scale=None):
    """As PyTorch 2.10 and 2.11 have it."""
    return kernel(q, k, v, cu_seq_q, cu_seq_k, max_q, max_k, is_causal, scale)


def by_window(q, k, v, cu_seq_q, cu_seq_k, max_q, max_k, *, scale=None, window_size=(-1, -1)):
    """As later ones have it."""
    assert window_size in ((-1, 0), (-1, -1))
    return kernel(q, k, v, cu_seq_q, cu_seq_k, max_q, max_k, window_size == (-1, 0), scale)


def rows(seed, count=6, width=96, documents=9):
    rng = np.random.default_rng(seed)
    made = rng.integers(1, 300, (count, width + 1))
    for row in made:
        row[rng.choice(width, rng.integers(0, documents), replace=False)] = 0
    return made


@pytest.mark.parametrize("family", ["llama", "gpt2", "bert"])
@pytest.mark.parametrize("form", [by_flag, by_window])
def test_both_forms_of_the_kernel_see_what_the_mask_lets_see(monkeypatch, family, form):
    monkeypatch.setattr(attention, "varlen_attn", form)
    monkeypatch.setattr(attention, "_CAUSAL", set(attention.inspect.signature(form).parameters))
    config = ModelConfig(family, layers=2, width=32, heads=2, vocab=320, context=96)
    meta = {"end": 0, "mask": 300, "size": 300}
    batch = objectives.make(config, rows(1), meta, 0, 0, True, 64)
    assert len(batch["borders"]) == 64
    model = build(config)
    with torch.no_grad():
        for weight in model.parameters():  # outputs begin at zero: let them say something
            weight.add_(0.05 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(weight.numel())))
        tokens, segment, begins = (torch.from_numpy(batch[name]) for name in ("tokens", "segments", "borders"))
        masked, by_documents = model(tokens, segment), model(tokens, segment, borders=begins)
    assert torch.allclose(masked, by_documents, atol=2e-5)


def test_the_installed_kernel_takes_one_of_the_forms():
    found = attention.has_varlen(torch.device("cuda"))
    if not found:
        pytest.skip("this PyTorch has no such kernel")
    assert attention._CAUSAL & {"is_causal", "window_size"}
    assert "scale" in attention._CAUSAL


def test_one_length_serves_all_batches():
    """As a trainer does it: the length of one batch is the room of the next."""
    room, lengths, plain = 0, set(), set()
    for seed in range(200):
        made = segments(rows(seed)[:, :-1], 0)
        begins = int((np.diff(made, axis=1) != 0).sum()) + len(made)
        found = attention.borders(made, room)
        room = len(found)
        lengths.add(room)
        plain.add(begins)
        assert (found[:begins] < made.size).all()
        assert (found[begins:] == made.size).all()
        assert begins < room
    assert len(lengths) == 1
    assert len(plain) > 10


def test_more_documents_than_there_is_room_for_make_room():
    few, many = np.zeros((2, 50), dtype=np.int64), np.arange(100).reshape(2, 50)
    room = len(attention.borders(few))
    assert room == 8  # twice two, and the next power of two
    grown = attention.borders(many, room)
    assert len(grown) == 256
    assert len(attention.borders(few, len(grown))) == 256
    assert grown[:100].tolist() == list(range(100))


def test_a_trainer_gives_all_its_batches_one_length(monkeypatch):
    """Over steps, parts of a batch and runs: with `dynamic=False` each length would be compiled anew."""

    class Rows:
        """A stream of any rows."""

        file = type("File", (), {"meta": {"end": 0, "mask": 300, "size": 300}})

        def batch(self, step, count, width, first, take):
            return rows(step * count + first, take, width)

    monkeypatch.setattr(train, "has_varlen", lambda device: True)
    trainer = train.Trainer(
        ModelConfig(layers=1, width=32, heads=2, vocab=320, context=96), TrainConfig(9, 8, 4), World()
    )
    trainer.bf16 = True
    parts = [part for _ in range(2) for step in range(20) for part in trainer._batch(Rows(), step)]
    assert len(parts) == 80
    assert len({len(part["borders"]) for part in parts}) == 1
