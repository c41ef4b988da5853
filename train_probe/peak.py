"""What the device can do at most: the rate of dense matrix products, measured, not read from a data sheet."""

import time
from functools import lru_cache

import torch


def synchronize(device: torch.device) -> None:
    """Wait for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize()


@lru_cache
def measured_peak(device: torch.device, bf16: bool, size: int = 0, repeat: int = 5) -> float:
    """FLOP/s of a square product (8,192 wide on an accelerator, 512 on a processor): the best of three rounds."""
    size = size or (8192 if device.type == "cuda" else 512)
    a = torch.randn(size, size, device=device, dtype=torch.bfloat16 if bf16 else torch.float32)
    best = 0.0
    a @ a
    for _ in range(3):
        synchronize(device)
        began = time.perf_counter()
        for _ in range(repeat):
            a @ a
        synchronize(device)
        best = max(best, 2 * size**3 * repeat / (time.perf_counter() - began))
    return best
