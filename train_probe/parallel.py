"""Several processes by torchrun: data parallel (DDP), sharded (FSDP2), tensor parallel.

Without torchrun everything here is the identity.  CUDA uses NCCL, processors gloo.
"""

import os
import time
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh

from train_probe.errors import ProbeError

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """This process among the others."""

    rank: int = 0
    size: int = 1
    device: torch.device = torch.device("cpu")  # noqa: RUF009 (immutable)

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and talks."""
        return self.rank == 0


def start(device: str = "auto") -> World:
    """Join the group that torchrun describes in the environment, if there is one.

    Raises ProbeError for a device that is not there.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ProbeError("no CUDA device is to be had here; use --device cpu")
    rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    where = torch.device(device)
    if device == "cuda":
        where = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(where)
    if size > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if where.type == "cuda" else "gloo")
    return World(rank, size, where)


def stop() -> None:
    """Leave the group."""
    if dist.is_initialized():
        dist.destroy_process_group()


def barrier() -> None:
    """Wait for all processes."""
    if dist.is_initialized():
        dist.barrier()


def is_main() -> bool:
    """Whether this process writes files: without torchrun, or its first."""
    return not dist.is_initialized() or dist.get_rank() == 0


def share(value: T) -> T:
    """What the main process has for `value`, in every process: for facts that must not differ between them."""
    if not dist.is_initialized():
        return value
    held = [value]
    dist.broadcast_object_list(held, src=0)
    return held[0]


def data_ranks(world: World, kind: str) -> tuple[int, int]:
    """(index, number) of this process among those that read different rows; tensor-parallel ones read the same."""
    return (0, 1) if kind == "tp" else (world.rank, world.size)


def spread(module: nn.Module, blocks: list[nn.Module], world: World, kind: str) -> nn.Module:
    """The module, ready for `world.size` processes.  `blocks` are the layers: the units of sharding."""
    if world.size == 1:
        return module
    if kind == "ddp":
        from torch.nn.parallel import DistributedDataParallel

        ids = [world.device.index] if world.device.type == "cuda" else None
        return DistributedDataParallel(module, device_ids=ids, gradient_as_bucket_view=True)
    mesh = dist.init_device_mesh(world.device.type, (world.size,))
    if kind == "fsdp":
        from torch.distributed.fsdp import fully_shard

        for block in blocks:
            fully_shard(block, mesh=mesh)
        fully_shard(module, mesh=mesh)
        return module
    for block in blocks:
        _split_block(block, mesh, world.size)
    return module


def _split_block(block: nn.Module, mesh: DeviceMesh, size: int) -> None:
    """Heads and inner units are divided; each process adds its part of the output (Shoeybi et al. 2019)."""
    from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

    plan: dict[str, Any] = {}
    for name in ("attention", "cross"):
        part = getattr(block, name, None)
        if part is not None:
            if (part.k.out_features // part.head_width) % size:
                raise ProbeError(f"{part.k.out_features // part.head_width} key-value heads can't be split {size} ways")
            plan |= {f"{name}.{w}": ColwiseParallel() for w in "qkv"} | {f"{name}.o": RowwiseParallel()}
    plan |= {"feed_forward.up": ColwiseParallel(), "feed_forward.down": RowwiseParallel()}
    if block.feed_forward.gate is not None:
        plan["feed_forward.gate"] = ColwiseParallel()
    parallelize_module(block, mesh, plan)


def mean(value: Tensor, world: World, kind: str) -> Tensor:
    """The mean over the processes that read different rows."""
    if world.size > 1 and kind != "tp":
        dist.all_reduce(value)
        value = value / world.size
    return value


def whole(x: Tensor) -> Tensor:
    """The full tensor of one that is spread over processes."""
    return cast(Tensor, x.full_tensor()) if hasattr(x, "full_tensor") else x


def like(x: Tensor, pattern: Tensor) -> Tensor:
    """`x`, spread over processes as `pattern` is."""
    if not hasattr(pattern, "device_mesh"):
        return x
    from torch.distributed.tensor import distribute_tensor

    return cast(Tensor, distribute_tensor(x, pattern.device_mesh, pattern.placements, src_data_rank=None))


def clip(model: nn.Module, largest: float) -> Tensor:
    """Scale all gradients so that their common norm is at most `largest` (0 = any); returns the norm before."""
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    kinds = {hasattr(g, "device_mesh") for g in gradients}
    if len(kinds) == 1:
        limit = largest or float("inf")
        return whole(torch.nn.utils.clip_grad_norm_(model.parameters(), limit, foreach=True)).detach()
    norm = torch.stack([whole(g.pow(2).sum()) for g in gradients]).sum().sqrt()
    if largest:
        factor = (largest / (norm + 1e-6)).clamp(max=1.0)
        for g in gradients:
            g.mul_(factor)
    return norm


# ---- what the device can do at most ----


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
