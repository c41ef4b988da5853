"""What the device can do at most: the rate of dense matrix products, measured, not read from a data sheet."""

import time

import torch


def synchronize(device: torch.device) -> None:
    """Wait for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize()


_best: dict[tuple[str, bool], float] = {}


def measured_peak(device: torch.device, bf16: bool, size: int = 0, repeat: int = 5) -> float:
    """FLOP/s of a square product (8,192 wide on an accelerator, 512 on a processor): the best that was ever measured.

    A machine at work for somebody else shows less than it has, so the figure can only grow: call it again later.
    """
    size = size or (8192 if device.type == "cuda" else 512)
    a = torch.randn(size, size, device=device, dtype=torch.bfloat16 if bf16 else torch.float32)
    key = (str(device), bf16)
    a @ a
    for _ in range(3):
        synchronize(device)
        began = time.perf_counter()
        for _ in range(repeat):
            a @ a
        synchronize(device)
        seen(device, bf16, 2 * size**3 * repeat / (time.perf_counter() - began))
    return _best[key]


def seen(device: torch.device, bf16: bool, rate: float) -> float:
    """Remember that the device reached this rate, in whatever way; returns the best rate so far."""
    key = (str(device), bf16)
    _best[key] = max(rate, _best.get(key, 0.0))
    return _best[key]
