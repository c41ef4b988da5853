"""The models: GPT-2's and LLaMA's decoder, BERT's encoder, T5's encoder-decoder.

Shapes in names: B rows, T tokens of a row, S tokens of another row (T5's encoder seen by its decoder), D width,
H heads, K heads of keys and values, E width of a head, V vocabulary.  Every forward takes `segments`, int64
[B, T]: tokens see only tokens of their own document.  It returns hidden states; the loss multiplies them with
`head_weight` in pieces, because [B*T, V] is the largest array of the whole step.

Weights are plain `nn.Linear`s with the published models' meaning, so that export.py is a table of names.
"""

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from train_probe.attention import Mask, attend
from train_probe.config import SENTINELS, ModelConfig
from train_probe.parallel import like


class RMSNorm(nn.Module):
    """Scale by the root mean square, in fp32 (Zhang & Sennrich 2019)."""

    def __init__(self, width: int, eps: float) -> None:
        """`width` scales, all 1."""
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x_BTD: Tensor) -> Tensor:
        """The same shape and type."""
        x = x_BTD.float()
        x = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)
        return cast(Tensor, (self.weight * x.to(x_BTD.dtype)))


def rotary(x_BHTE: Tensor, theta: float) -> Tensor:
    """Turn the two halves of each head by angles that grow with the position (Su et al. 2021)."""
    length, width = x_BHTE.shape[-2:]
    frequency = theta ** -(torch.arange(0, width, 2, device=x_BHTE.device, dtype=torch.float32) / width)
    angle = torch.outer(torch.arange(length, device=x_BHTE.device, dtype=torch.float32), frequency)
    cos, sin = angle.cos(), angle.sin()
    a, b = x_BHTE.float().chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1).to(x_BHTE.dtype)


class Attention(nn.Module):
    """Multi-head attention; keys and values of `context` where one is given (T5), else of the input."""

    def __init__(self, c: ModelConfig) -> None:
        """GPT-2 and BERT have biases; T5 does not scale the scores."""
        super().__init__()
        bias = c.family in ("gpt2", "bert")
        kv = c.num_kv_heads * c.head_width
        self.q = nn.Linear(c.width, c.width, bias=bias)
        self.k = nn.Linear(c.width, kv, bias=bias)
        self.v = nn.Linear(c.width, kv, bias=bias)
        self.o = nn.Linear(c.width, c.width, bias=bias)
        self.head_width = c.head_width
        self.theta = c.rope_theta if c.family == "llama" else 0.0
        self.scale = 1.0 if c.family == "t5" else 1 / math.sqrt(c.head_width)

    def forward(self, x_BTD: Tensor, mask: Mask, context_BSD: Tensor | None = None) -> Tensor:
        """[B, T, D].  The number of heads is read from the weights: tensor parallelism leaves a part of them here."""
        source = x_BTD if context_BSD is None else context_BSD
        q, k, v = (
            f(y).unflatten(-1, (-1, self.head_width)).transpose(1, 2)
            for f, y in ((self.q, x_BTD), (self.k, source), (self.v, source))
        )
        if self.theta:
            q, k = rotary(q, self.theta), rotary(k, self.theta)
        return cast(Tensor, self.o(attend(q, k, v, mask, self.scale).transpose(1, 2).flatten(2)))


class FeedForward(nn.Module):
    """Two layers with GELU (GPT-2: its tanh form), or three with a gate: SiLU in LLaMA, tanh GELU in T5 1.1."""

    def __init__(self, c: ModelConfig) -> None:
        """Biases where the published model has them."""
        super().__init__()
        bias = c.family in ("gpt2", "bert")
        self.gate = nn.Linear(c.width, c.num_hidden, bias=False) if c.family in ("llama", "t5") else None
        self.up = nn.Linear(c.width, c.num_hidden, bias=bias)
        self.down = nn.Linear(c.num_hidden, c.width, bias=bias)
        self.family = c.family

    def forward(self, x_BTD: Tensor) -> Tensor:
        """[B, T, D]."""
        if self.gate is None:
            return cast(
                Tensor, self.down(F.gelu(self.up(x_BTD), approximate="none" if self.family == "bert" else "tanh"))
            )
        gate = self.gate(x_BTD)
        gate = F.silu(gate) if self.family == "llama" else F.gelu(gate, approximate="tanh")
        return cast(Tensor, self.down(gate * self.up(x_BTD)))


def norm(c: ModelConfig) -> nn.Module:
    """The family's normalisation."""
    if c.family in ("llama", "t5"):
        return RMSNorm(c.width, c.eps)
    return cast(nn.Module, nn.LayerNorm(c.width, eps=c.eps))


class Block(nn.Module):
    """Attention, attention to the encoder (T5's decoder), feed-forward; each added to what went in.

    Normalised before each part, in BERT after it.
    """

    def __init__(self, c: ModelConfig, cross: bool = False) -> None:
        """`cross`: with attention to an encoder."""
        super().__init__()
        self.attention, self.feed_forward = Attention(c), FeedForward(c)
        self.norm1, self.norm2 = norm(c), norm(c)
        self.cross = Attention(c) if cross else None
        self.norm_cross = norm(c) if cross else None
        self.after = c.family == "bert"

    def forward(
        self, x_BTD: Tensor, mask: Mask, context_BSD: Tensor | None = None, cross_mask: Mask | None = None
    ) -> Tensor:
        """[B, T, D]."""
        if self.after:
            x_BTD = self.norm1(x_BTD + self.attention(x_BTD, mask))
            return cast(Tensor, self.norm2(x_BTD + self.feed_forward(x_BTD)))
        x_BTD = x_BTD + self.attention(self.norm1(x_BTD), mask)
        if self.cross is not None and self.norm_cross is not None and cross_mask is not None:
            x_BTD = x_BTD + self.cross(self.norm_cross(x_BTD), cross_mask, context_BSD)
        return cast(Tensor, x_BTD + self.feed_forward(self.norm2(x_BTD)))


class Model(nn.Module):
    """What all four share: an embedding, a head, and how weights begin."""

    def __init__(self, c: ModelConfig) -> None:
        """Weights are set by `reset`."""
        super().__init__()
        self.config = c
        self.embed = nn.Embedding(c.vocab, c.width)
        self.head = None if c.is_tied else nn.Linear(c.width, c.vocab, bias=False)
        self.head_bias: nn.Parameter | None = None

    def head_weight(self) -> Tensor:
        """[V, D]."""
        return cast(Tensor, self.embed.weight if self.head is None else self.head.weight)

    def reset(self, seed: int) -> None:
        """Draw all weights from `seed`: normal, 0.02 (embeddings, head) or 0.4/sqrt(fan-in) … 0 for outputs.

        Matrices that write into the residual stream begin at zero, so each block begins as nothing and the first
        steps are stable at any depth.  The draw does not depend on the corpus: runs of one seed begin alike.
        """
        generator = torch.Generator().manual_seed(seed)
        for name, weight in sorted(self.named_parameters()):
            with torch.no_grad():
                draw = torch.empty(weight.shape, dtype=torch.float32)
                weight.copy_(like(_initial(name, draw, generator, self.config.family).to(weight.device), weight))


def _initial(name: str, weight: Tensor, generator: torch.Generator, family: str) -> Tensor:
    if name.endswith("bias"):
        return weight.zero_()
    if weight.ndim == 1:
        return weight.fill_(1.0)
    if name.endswith((".o.weight", ".down.weight")):
        return weight.zero_()
    if family == "t5" and name == "embed.weight":  # also the head, whose input is scaled by 1/sqrt(width)
        return weight.normal_(0, 1.0, generator=generator)
    if "embed" in name or "head" in name or "positions" in name or "relative" in name:
        return weight.normal_(0, 0.02, generator=generator)
    return weight.normal_(0, 0.4 / math.sqrt(weight.shape[1]), generator=generator)


class Decoder(Model):
    """GPT-2 (learned positions, LayerNorm, GELU, biases, tied head) and LLaMA (rotary, RMSNorm, SwiGLU)."""

    def __init__(self, c: ModelConfig) -> None:
        """Weights are set by `reset`."""
        super().__init__(c)
        self.positions = nn.Embedding(c.context, c.width) if c.family == "gpt2" else None
        self.blocks = nn.ModuleList(Block(c) for _ in range(c.layers))
        self.norm = norm(c)

    def forward(self, tokens_BT: Tensor, segments_BT: Tensor | None = None, borders: Tensor | None = None) -> Tensor:
        """Hidden states [B, T, D] that predict the next token of each place."""
        x_BTD = self.embed(tokens_BT)
        if self.positions is not None:
            x_BTD = x_BTD + self.positions.weight[: tokens_BT.shape[1]]
        mask = Mask.of(segments_BT, segments_BT, causal=True, borders=borders)
        for block in self.blocks:
            x_BTD = block(x_BTD, mask)
        return cast(Tensor, self.norm(x_BTD))


class Encoder(Model):
    """BERT with its masked-token head (Devlin et al. 2018); segment ids of sentence pairs are left out (always 0)."""

    def __init__(self, c: ModelConfig) -> None:
        """Weights are set by `reset`."""
        super().__init__(c)
        self.positions = nn.Embedding(c.context, c.width)
        self.embed_type = nn.Embedding(2, c.width)
        self.embed_norm = nn.LayerNorm(c.width, eps=c.eps)
        self.blocks = nn.ModuleList(Block(c) for _ in range(c.layers))
        self.transform = nn.Linear(c.width, c.width)
        self.norm = nn.LayerNorm(c.width, eps=c.eps)
        self.head_bias = nn.Parameter(torch.zeros(c.vocab))

    def forward(
        self,
        tokens_BT: Tensor,
        segments_BT: Tensor | None = None,
        places_BM: Tensor | None = None,
        borders: Tensor | None = None,
    ) -> Tensor:
        """Hidden states that predict the tokens themselves: [B, T, D], or [B, M, D] for the given places of each row."""
        x_BTD = self.embed(tokens_BT) + self.positions.weight[: tokens_BT.shape[1]] + self.embed_type.weight[0]
        x_BTD = self.embed_norm(x_BTD)
        mask = Mask.of(segments_BT, segments_BT, causal=False, borders=borders)
        for block in self.blocks:
            x_BTD = block(x_BTD, mask)
        if places_BM is not None:
            x_BTD = x_BTD.gather(1, places_BM[..., None].expand(-1, -1, x_BTD.shape[-1]))
        return cast(Tensor, self.norm(F.gelu(self.transform(x_BTD))))


class EncoderDecoder(Model):
    """T5 (Raffel et al. 2020) with the gated GELU of version 1.1: relative positions by bias, shared by all layers."""

    BUCKETS, FARTHEST = 32, 128

    def __init__(self, c: ModelConfig) -> None:
        """As many decoder as encoder layers.  Weights are set by `reset`."""
        super().__init__(c)
        self.encoder = nn.ModuleList(Block(c) for _ in range(c.layers))
        self.decoder = nn.ModuleList(Block(c, cross=True) for _ in range(c.layers))
        self.relative_encoder = nn.Embedding(self.BUCKETS, c.heads)
        self.relative_decoder = nn.Embedding(self.BUCKETS, c.heads)
        self.norm_encoder, self.norm = norm(c), norm(c)

    def forward(
        self,
        inputs_BS: Tensor,
        targets_BT: Tensor,
        input_segments_BS: Tensor | None = None,
        target_segments_BT: Tensor | None = None,
    ) -> Tensor:
        """Hidden states [B, T, D] that predict the next target; `targets_BT` begins with the start token."""
        context_BSD = self.embed(inputs_BS)
        bias = self._bias(self.relative_encoder, inputs_BS.shape[1], both=True)
        mask = Mask.of(input_segments_BS, input_segments_BS, causal=False, bias=bias)
        for block in self.encoder:
            context_BSD = block(context_BSD, mask)
        context_BSD = self.norm_encoder(context_BSD)
        x_BTD = self.embed(targets_BT)
        bias = self._bias(self.relative_decoder, targets_BT.shape[1], both=False)
        mask = Mask.of(target_segments_BT, target_segments_BT, causal=True, bias=bias)
        cross = Mask.of(target_segments_BT, input_segments_BS, causal=False)
        for block in self.decoder:
            x_BTD = block(x_BTD, mask, context_BSD, cross)
        x_BTD = self.norm(x_BTD)
        return cast(Tensor, x_BTD * self.config.width**-0.5 if self.config.is_tied else x_BTD)

    def _bias(self, table: nn.Module, length: int, both: bool) -> Tensor:
        """[1, H, T, T]: a learned number for each head and bucket of distance."""
        place = torch.arange(length, device=self.embed.weight.device)
        bucket_TT = relative_bucket(place[None, :] - place[:, None], both, self.BUCKETS, self.FARTHEST)
        return cast(Tensor, table(bucket_TT).permute(2, 0, 1)[None])


def relative_bucket(distance: Tensor, both: bool, buckets: int, farthest: int) -> Tensor:
    """Near distances have a bucket each, far ones share them by logarithm (T5, section 2.1)."""
    first = torch.zeros_like(distance)
    if both:
        buckets //= 2
        first = (distance > 0).long() * buckets
        distance = distance.abs()
    else:
        distance = -distance.clamp(max=0)
    exact = buckets // 2
    far = torch.log(distance.clamp(min=1).float() / exact) / math.log(farthest / exact) * (buckets - exact)
    far_bucket = (exact + far.long()).clamp(max=buckets - 1)
    return first + torch.where(distance < exact, distance, far_bucket)


def build(c: ModelConfig, seed: int = 0) -> Model:
    """The model of a shape, with the initial weights of `seed`."""
    kinds: dict[str, type[Model]] = {"gpt2": Decoder, "llama": Decoder, "bert": Encoder, "t5": EncoderDecoder}
    model = kinds[c.family](c)
    model.reset(seed)
    return model


def sentinel(c: ModelConfig, number: int) -> int:
    """T5's id that stands for span `number`: they count down from the last id."""
    if number >= SENTINELS:
        raise ValueError(f"only {SENTINELS} spans can be told apart, asked for number {number}")
    return c.vocab - 1 - number
