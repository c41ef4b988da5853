"""How large a model a compute budget trains, on how many tokens, for how long, and whether the data suffices.

Hoffmann et al. 2022 (Chinchilla, arXiv:2203.15556): parameters and tokens grow alike with compute. Three answers are
given side by side: the rule of 20 tokens a parameter, the paper's parametric fit (approach 3), and the re-estimate of
that fit by Besiroglu et al. 2024 (arXiv:2404.10102), which agrees with the rule. Compute is 6 FLOPs a parameter and
token (Kaplan et al. 2020), without attention.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from curate.errors import UsageError, nearest

TOKENS_PER_PARAMETER = 20.0
FLOPS_PER_PARAMETER_TOKEN = 6.0
MFU = 0.4
"""Model FLOPs utilisation of a good training run of a dense transformer on one kind of GPU, against the nominal
peak."""
EPOCHS_WITHOUT_LOSS = 4.0
HALF_LIFE = 15.39
"""R_D* of Muennighoff et al. 2023 (arXiv:2305.16264): how fast repeats lose their worth."""

PEAKS: Mapping[str, float] = {
    "a100": 312e12,
    "a10": 125e12,
    "b200": 2250e12,
    "gh200": 989.4e12,
    "h100": 989.4e12,
    "h100-pcie": 756e12,
    "h200": 989.4e12,
    "l4": 121e12,
    "l40s": 362e12,
    "mi300x": 1307.4e12,
    "rtx3090": 71e12,
    "rtx4090": 165.2e12,
    "v100": 125e12,
}
"""Nominal dense peak in FLOP/s, bfloat16 with float32 sums (float16 on the V100), from the makers' data sheets."""


@dataclass(frozen=True)
class Law:
    """Loss = E + A / N**alpha + B / D**beta for N parameters and D tokens, in nats a token."""

    name: str
    e: float
    a: float
    b: float
    alpha: float
    beta: float

    def best(self, flops: float) -> tuple[float, float]:
        """Parameters and tokens of least loss with 6 N D = `flops` (closed form: Hoffmann et al. 2022, equation 4)."""
        product = flops / FLOPS_PER_PARAMETER_TOKEN
        ratio = (self.alpha * self.a / (self.beta * self.b)) ** (1 / (self.alpha + self.beta))
        parameters = ratio * product ** (self.beta / (self.alpha + self.beta))
        return parameters, product / parameters

    def loss(self, parameters: float, tokens: float) -> float:
        """Predicted loss."""
        return float(self.e + self.a / parameters**self.alpha + self.b / tokens**self.beta)


# As printed, with rounded exponents: it asks for far more tokens a parameter than the paper's other two approaches.
HOFFMANN = Law("Hoffmann et al. 2022, approach 3", 1.69, 406.4, 410.7, 0.34, 0.28)
BESIROGLU = Law("Besiroglu et al. 2024, re-estimate", 1.8172, 482.01, 2085.43, 0.3478, 0.3658)


@dataclass(frozen=True)
class Answer:
    """One answer: a model, its data, and what it takes."""

    rule: str
    parameters: float
    tokens: float
    flops: float
    loss: float
    """Predicted by the re-estimated law, so that answers compare. For web text and Chinchilla's tokenizer; no promise
    for other data."""


@dataclass(frozen=True)
class Supply:
    """Whether unique tokens suffice."""

    unique: float
    wanted: float
    epochs: float
    worth: float
    """Tokens of new data that the repeated ones are worth."""
    verdict: str


def answers(flops: float) -> list[Answer]:
    """The compute-optimal model by the rule of thumb and by two fits. Raises UsageError for a senseless budget."""
    _check("--flops", flops)
    parameters = math.sqrt(flops / (FLOPS_PER_PARAMETER_TOKEN * TOKENS_PER_PARAMETER))
    sizes = [(f"{TOKENS_PER_PARAMETER:g} tokens a parameter", parameters, TOKENS_PER_PARAMETER * parameters)]
    sizes += [(law.name, *law.best(flops)) for law in (HOFFMANN, BESIROGLU)]
    return [Answer(name, n, d, flops, BESIROGLU.loss(n, d)) for name, n, d in sizes]


def flops_of(parameters: float, tokens: float) -> float:
    """Training compute of a model: 6 N D."""
    return FLOPS_PER_PARAMETER_TOKEN * parameters * tokens


def peak(gpu: str) -> float:
    """Nominal FLOP/s of a GPU by name. Raises UsageError with the nearest name."""
    found = PEAKS.get(gpu.lower())
    if found is None:
        raise UsageError(f"--gpu {gpu}: not known{nearest(gpu.lower(), PEAKS)}")
    return found


def seconds(flops: float, gpu: str, gpus: int, mfu: float) -> float:
    """Wall-clock seconds of training. Raises UsageError when the numbers make no sense."""
    if not 0 < mfu <= 1:
        raise UsageError(f"--mfu must lie above 0 and at most 1, got {mfu:g}")
    if gpus < 1:
        raise UsageError(f"--gpus must be at least 1, got {gpus}")
    return flops / (peak(gpu) * gpus * mfu)


def supply(unique: float, wanted: float) -> Supply:
    """How often `unique` tokens are repeated to give `wanted`, and what that is worth (Muennighoff et al. 2023).

    U unique tokens seen 1 + R times are worth U + U R* (1 - exp(-R / R*)) tokens of new data.
    """
    if not unique > 0:
        raise UsageError(f"the sources must hold at least one token, got {unique:g}")
    epochs = wanted / unique
    repeats = max(0.0, epochs - 1)
    worth = min(wanted, unique * (1 + HALF_LIFE * (1 - math.exp(-repeats / HALF_LIFE))))
    if epochs <= 1:
        verdict = f"enough: {epochs:.2f} epochs"
    elif epochs <= EPOCHS_WITHOUT_LOSS:
        verdict = f"{epochs:.2f} epochs: up to about {EPOCHS_WITHOUT_LOSS:g} repeats are nearly as good as new data"
    else:
        verdict = f"too little: {epochs:.1f} epochs, worth {worth / wanted:.0%} of as much new data"
    return Supply(unique, wanted, epochs, worth, verdict)


def _check(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise UsageError(f"{name} must be a positive number, got {value:g}")
