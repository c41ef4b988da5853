"""Shapes of models, presets, budgets and the accounting of FLOPs.

FLOPs per token, one convention everywhere: 6 per weight that takes part in a matrix product (the output head
counts, the input embedding does not) plus attention, 6*L*d*T where attention is causal (half of the T x T scores
are needed) and 12*L*d*T where it is not.  So utilisation never counts work that a good kernel would skip.
"""

import math
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from train_probe.errors import ProbeError

Log = Callable[[str], None]
"""Told each line of progress."""

FAMILIES = ("llama", "gpt2", "bert", "t5")
OBJECTIVES = {"llama": "clm", "gpt2": "clm", "bert": "mlm", "t5": "spans"}
"""What each family is trained to do: next token, masked tokens (BERT), span corruption (T5)."""

SENTINELS = 100
"""Extra ids at the end of T5's vocabulary, as in the published models."""


@dataclass(frozen=True)
class ModelConfig:
    """The shape of one model.  Widths are in units, `context` and `vocab` in tokens."""

    family: str = "llama"
    layers: int = 4
    width: int = 128
    heads: int = 2
    vocab: int = 4096
    """Size of the embedding: the tokenizer's size, rounded up to a multiple of 64 (T5: with its sentinels)."""
    context: int = 256
    kv_heads: int = 0
    """Heads of keys and values (grouped heads, LLaMA only); 0 = as many as `heads`."""
    hidden: int = 0
    """Inner width of the feed-forward block; 0 = the family's rule."""
    tied: bool = False
    """One matrix for input and output; always so in GPT-2, BERT and T5."""
    rope_theta: float = 10_000.0
    eps: float = 1e-5

    def __post_init__(self) -> None:
        """Refuse shapes that can't be built."""
        if self.family not in FAMILIES:
            raise ProbeError(f"unknown family {self.family!r}; known: {', '.join(FAMILIES)}")
        if self.width % self.heads:
            raise ProbeError(f"width {self.width} is not a multiple of {self.heads} heads")
        if self.heads % self.num_kv_heads:
            raise ProbeError(f"{self.heads} heads are not a multiple of {self.num_kv_heads} key-value heads")
        if self.family == "llama" and (self.width // self.heads) % 2:
            raise ProbeError("rotary positions need an even head width")

    @property
    def head_width(self) -> int:
        """Units per head."""
        return self.width // self.heads

    @property
    def num_kv_heads(self) -> int:
        """Heads of keys and values."""
        return self.kv_heads or self.heads

    @property
    def num_hidden(self) -> int:
        """Inner width: 4d for GPT-2 and BERT, about 8d/3 in multiples of 64 for the gated blocks."""
        if self.hidden:
            return self.hidden
        return 4 * self.width if self.family in ("gpt2", "bert") else -(-8 * self.width // 3 // 64) * 64

    @property
    def is_tied(self) -> bool:
        """Whether input and output share their matrix."""
        return self.tied or self.family in ("gpt2", "bert", "t5")

    def matmul_weights(self) -> int:
        """Weights that take part in a matrix product, output head included, input embedding not."""
        d, kv = self.width, self.num_kv_heads * self.head_width
        attention = 2 * d * d + 2 * d * kv
        gated = self.family in ("llama", "t5")
        feed_forward = (3 if gated else 2) * d * self.num_hidden
        head = self.vocab * d + (d * d if self.family == "bert" else 0)
        if self.family == "t5":  # as many encoder as decoder layers; these have a second attention
            return self.layers * (3 * attention + 2 * feed_forward) + head
        return self.layers * (attention + feed_forward) + head

    def flops_per_token(self) -> float:
        """Floating-point operations to train on one token of the stream, forward and backward."""
        attention = 6.0 * self.layers * self.width * self.context
        if self.family == "bert":
            head = self.vocab * self.width + self.width**2  # only at the masked 15 %
            return 6.0 * (self.matmul_weights() - 0.85 * head) + 2 * attention
        if self.family == "t5":  # the encoder sees about 0.90 of a token, the decoder 0.20 (15 % in spans of 3)
            d = self.width
            encoder = 4 * d * d + 3 * d * self.num_hidden
            decoder = 8 * d * d + 3 * d * self.num_hidden
            weights = self.layers * (0.9 * encoder + 0.2 * decoder) + 0.2 * self.vocab * d
            return 6.0 * weights + (2 * 0.9**2 + 0.2**2 + 2 * 0.9 * 0.2) * attention
        return 6.0 * self.matmul_weights() + attention

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Preset:
    """A model shape with the batch and the learning rates that suit it."""

    model: ModelConfig
    batch: int
    """Tokens per step."""
    micro: int
    """Rows per forward pass on one accelerator: whole batches are accumulated from these."""
    below_floor: bool = False
    """Smaller than about 15 M weights: good for screening, its order is less stable at scale."""


PRESETS: dict[str, Preset] = {
    "nano": Preset(ModelConfig(layers=4, width=128, heads=2, vocab=4096, context=256), 2_048, 8, True),
    "4m": Preset(ModelConfig(layers=6, width=256, heads=4, vocab=8192, context=512), 32_768, 128, True),
    "20m": Preset(ModelConfig(layers=8, width=384, heads=6, vocab=16384, context=1024), 65_536, 64),
    "60m": Preset(ModelConfig(layers=10, width=640, heads=10, vocab=32768, context=1024), 131_072, 64),
    "150m": Preset(ModelConfig(layers=12, width=768, heads=12, vocab=32768, context=1024), 262_144, 64),
    "350m": Preset(ModelConfig(layers=24, width=1024, heads=16, vocab=32768, context=2048), 524_288, 16),
}
"""`nano` for a processor, `4m` to screen, `20m` the first size above the proxy floor, the others to confirm."""


def preset(name: str, family: str = "llama", vocab: int = 0) -> Preset:
    """The preset of that name, for a family and a tokenizer of `vocab` ids (0 = the preset's own).

    Raises ProbeError for an unknown name.
    """
    if name not in PRESETS:
        raise ProbeError(f"unknown preset {name!r}; known: {', '.join(PRESETS)}")
    found = PRESETS[name]
    size = model_vocab(vocab or found.model.vocab, family)
    eps = {"bert": 1e-12, "t5": 1e-6}.get(family, 1e-5)
    return replace(found, model=replace(found.model, family=family, vocab=size, eps=eps))


def model_vocab(tokenizer_size: int, family: str) -> int:
    """Ids of the embedding: room for T5's sentinels, rounded up to a multiple of 64 (matrix units like that)."""
    needed = tokenizer_size + (SENTINELS if family == "t5" else 0)
    return -(-needed // 64) * 64


def chinchilla_tokens(model: ModelConfig) -> int:
    """20 tokens per weight (Hoffmann et al. 2022), the default budget."""
    return 20 * model.matmul_weights()


@dataclass(frozen=True)
class TrainConfig:
    """One training run, apart from its data."""

    steps: int
    batch_rows: int
    """Rows of `context` tokens per step, over all processes."""
    micro_rows: int = 8
    """Rows per forward pass of one process; gradients are accumulated over the batch."""
    seed: int = 0
    optimizer: str = "muon"
    """`muon` (matrices by Muon, the rest by AdamW) or `adamw`."""
    lr: float = 0.0
    """Peak learning rate of AdamW's part; 0 = a rule by width (see optim.py)."""
    muon_lr: float = 0.02
    lr_scale: float = 1.0
    """Multiplies all learning rates: a second value shows whether an order depends on it."""
    weight_decay: float = 0.1
    beta2: float = 0.95
    schedule: str = "wsd"
    """`wsd` (warm-up, stable, linear decay to 0) or `cosine` (to a tenth)."""
    warmup: float = 0.05
    """Share of the run."""
    decay: float = 0.5
    """Share of the run, `wsd` only."""
    clip: float = 1.0
    """Largest norm of the gradient; 0 = off."""
    checkpoint_every: int = 0
    """Steps between checkpoints; 0 = only at the end."""
    log_every: int = 10
    precision: str = "auto"
    """`fp32`, `bf16` or `auto` (bf16 where the processor or the accelerator has it)."""
    compile: bool = False
    parallel: str = "ddp"
    """With several processes: `ddp`, `fsdp` or `tp`."""

    def __post_init__(self) -> None:
        """Refuse settings that would fail later."""
        if self.steps < 1 or self.batch_rows < 1 or self.micro_rows < 1:
            raise ProbeError(
                f"steps, batch and micro rows must be at least 1, got {self.steps}, {self.batch_rows}, {self.micro_rows}"
            )
        for name, value, known in (
            ("optimizer", self.optimizer, ("muon", "adamw")),
            ("schedule", self.schedule, ("wsd", "cosine")),
            ("precision", self.precision, ("auto", "fp32", "bf16")),
            ("parallel", self.parallel, ("ddp", "fsdp", "tp")),
        ):
            if value not in known:
                raise ProbeError(f"unknown {name} {value!r}; known: {', '.join(known)}")

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


# ---- numbers as people write them: 150K tokens, 2B, 10MB, 1e18 operations ----

_SCALES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12, "P": 10**15, "E": 10**18}
_QUANTITY = re.compile(r"(\d+(?:_\d+)*(?:\.\d+)?(?:e\+?\d+)?)\s*([KMGBTPE]?)B?", re.IGNORECASE)


def parse(text: str, most: float = 2.0**62) -> float:
    """A number of at least 1, with decimal scales (2B = 2e9; a B behind a scale, as in 10MB, changes nothing).

    Raises ProbeError for what is none, or is above `most`.
    """
    match = _QUANTITY.fullmatch(text.strip())
    value = float(match[1].replace("_", "")) * _SCALES[match[2].upper()] if match else math.nan
    if not 1 <= value <= most:
        raise ProbeError(f"{text!r} is not a number from 1 to {most:.2g}, such as 150K, 50M, 2B or 1e9")
    return value


def short(value: float) -> str:
    """Three significant digits and a scale: 1.23B, 45.6M, 789."""
    for scale, letter in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "K")):
        if value >= 0.9995 * scale:
            return f"{value / scale:.3g}{letter}"
    return f"{value:.3g}"
