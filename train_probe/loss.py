"""Cross-entropy over a large vocabulary without the array of all logits.

The logits of 64 rows x 1,024 tokens over 50,304 ids would be 13 GB in fp32.  Here they exist for one piece of the
tokens at a time; the gradient of each piece is taken at once, so nothing is computed twice (the idea of Liger
Kernel, Hsu et al. 2024; exact, nothing is left out).
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

CHUNK = 8192
"""Tokens per piece."""


class _ChunkedMean(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, chunk: int) -> Tensor:
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        grad_hidden = torch.empty_like(hidden)
        grad_weight = torch.zeros(weight.shape, dtype=torch.float32, device=weight.device)
        grad_bias = None if bias is None else torch.zeros_like(bias, dtype=torch.float32)
        for piece in range(0, len(hidden), chunk):
            part = slice(piece, piece + chunk)
            logits = F.linear(hidden[part], weight, bias).float()
            log_z = logits.logsumexp(-1, keepdim=True)
            total += (log_z[:, 0] - logits.gather(1, targets[part, None])[:, 0]).sum()
            grad = logits.sub_(log_z).exp_()  # in place: an array of this size is slow to get from the system
            grad.scatter_add_(1, targets[part, None], grad.new_full((len(grad), 1), -1.0))
            grad_hidden[part] = grad.to(weight.dtype) @ weight
            grad_weight += grad.to(hidden.dtype).t() @ hidden[part]
            if grad_bias is not None:
                grad_bias += grad.sum(0)
        ctx.save_for_backward(grad_hidden, grad_weight.to(weight.dtype), grad_bias)
        ctx.count = len(hidden)
        return total / len(hidden)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        scale = grad / ctx.count
        hidden, weight, bias = ctx.saved_tensors
        return (hidden * scale).to(hidden.dtype), weight * scale, None if bias is None else bias * scale, None, None


def cross_entropy(hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, chunk: int = CHUNK) -> Tensor:
    """Mean negative log-probability in nats: hidden [N, D], weight [V, D], bias [V] or None, targets [N] of ids."""
    result: Tensor = _ChunkedMean.apply(hidden, weight, bias, targets, chunk)
    return result


def token_losses(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, chunk: int = CHUNK, best: bool = False
) -> tuple[Tensor, Tensor | None]:
    """Negative log-probability of each target in nats, fp32 [N]; for evaluation, without gradient.

    With `best` also whether each target is the most probable id, bool [N].
    """
    losses, right = [], []
    for i in range(0, len(hidden), chunk):
        logits = F.linear(hidden[i : i + chunk], weight, bias).float()
        losses.append(F.cross_entropy(logits, targets[i : i + chunk], reduction="none"))
        if best:
            right.append(logits.argmax(-1) == targets[i : i + chunk])
    return torch.cat(losses), torch.cat(right) if best else None
