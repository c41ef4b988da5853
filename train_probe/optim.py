"""Optimizers and schedules.  Every time scale is a share of the run, so a budget can change without re-tuning."""

import math
from collections import defaultdict
from typing import Any

import torch
from torch import Tensor, nn

from train_probe.config import TrainConfig
from train_probe.parallel import like, whole

_A, _B, _C = 3.4445, -4.7750, 2.0315


def orthogonalize(x: Tensor, steps: int = 5) -> Tensor:
    """Bring all singular values of matrices [..., M, N] near 1 by Newton-Schulz steps (Jordan et al. 2024)."""
    x = x.bfloat16() if x.is_cuda else x.float()
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = _A * x + (_B * gram + _C * gram @ gram) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Momentum whose update is orthogonalized, for matrices inside the network (Jordan et al. 2024).

    Sharded matrices are gathered for the update, which every process then computes alike.
    """

    def __init__(
        self, params: list[nn.Parameter], lr: float, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        """`weight_decay` is decoupled and multiplied with the learning rate."""
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    def step(self, closure: None = None) -> None:
        """One update of every matrix that has a gradient; matrices of one shape are updated together."""
        with torch.no_grad():
            for group in self.param_groups:
                shapes: dict[Any, list[nn.Parameter]] = defaultdict(list)
                for weight in group["params"]:
                    if weight.grad is not None:
                        shapes[tuple(weight.shape)].append(weight)
                for weights in shapes.values():
                    self._update(weights, group)

    def _update(self, weights: list[nn.Parameter], group: dict[str, Any]) -> None:
        directions = []
        for weight in weights:
            state = self.state[weight]
            if "momentum" not in state:
                state["momentum"] = torch.zeros_like(weight)
            state["momentum"].lerp_(weight.grad, 1 - group["momentum"])
            directions.append(whole(weight.grad.lerp(state["momentum"], group["momentum"])))
        turned = orthogonalize(torch.stack(directions))
        scale = max(1.0, weights[0].shape[0] / weights[0].shape[1]) ** 0.5
        for weight, update in zip(weights, turned, strict=True):
            weight.mul_(1 - group["lr"] * group["weight_decay"])
            weight.sub_(like(update.to(weight.dtype), weight), alpha=group["lr"] * scale)


def adamw_lr(weights: int) -> float:
    """Peak rate of AdamW alone by the number of weights: OLMo-core's ladder, 0.0047/2 * (N/108M)^(-1/3), at most 0.01."""
    return float(min(0.01, 0.00235 * (weights / 108e6) ** (-1 / 3)))


def optimizers(model: nn.Module, c: TrainConfig) -> list[torch.optim.Optimizer]:
    """The optimizers of a run.

    `muon`: matrices of the blocks by Muon; embeddings, head, norms and biases by AdamW.  `adamw`: all by AdamW;
    weight decay on matrices only (GPT-3's recipe).  Each group remembers its peak as `peak`.
    """
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    inside = [p for n, p in named if p.ndim == 2 and "embed" not in n and not _is_table(n)]
    rest = [p for n, p in named if not any(p is q for q in inside)]
    size = sum(p.numel() for _, p in named)
    lr = c.lr or (0.003 if c.optimizer == "muon" else adamw_lr(size))
    kind = {"betas": (0.9, c.beta2), "eps": 1e-10}
    if c.parallel == "tp":  # split and whole weights can't be updated by one kernel
        kind["foreach"] = False
    elif next(model.parameters()).is_cuda:
        kind["fused"] = True
    if c.optimizer == "muon":
        made = [
            Muon(inside, c.muon_lr * c.lr_scale, weight_decay=c.weight_decay),
            torch.optim.AdamW(rest, lr=lr * c.lr_scale, weight_decay=0.0, **kind),
        ]
    else:
        tables = [p for p in rest if p.ndim == 2]
        flat = [p for p in rest if p.ndim != 2]
        groups = [
            {"params": inside + tables, "weight_decay": c.weight_decay},
            {"params": flat, "weight_decay": 0.0},
        ]
        made = [torch.optim.AdamW(groups, lr=lr * c.lr_scale, **{**kind, "eps": 1e-8})]
    for optimizer in made:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return made


def _is_table(name: str) -> bool:
    """Embeddings by another name, and the output head: Muon is not for these."""
    return any(part in name for part in ("head", "positions", "relative"))


def rate(c: TrainConfig, step: int) -> float:
    """The learning rate at a step as a share of its peak: warm-up, then the schedule; above 0 at every step."""
    warmup = max(1, round(c.warmup * c.steps))
    if step < warmup:
        return (step + 1) / warmup
    if c.schedule == "cosine":
        done = (step - warmup) / max(1, c.steps - warmup)
        return 0.1 + 0.45 * (1 + math.cos(math.pi * done))
    left = (c.steps - step) / max(1, round(c.decay * c.steps))
    return min(1.0, left)
