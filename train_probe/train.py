"""The training loop: one code for processors and accelerators, for one process and many.

A `Trainer` builds (and compiles) a model once and trains it as often as asked, each time from the initial weights
of a seed: runs of one seed differ by nothing but the corpus.
"""

import contextlib
import json
import math
import os
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from train_probe import objectives, parallel
from train_probe.attention import has_varlen
from train_probe.config import Log, ModelConfig, TrainConfig
from train_probe.data import Stream, prefetch
from train_probe.errors import DAMAGE, ProbeError, shortly
from train_probe.loss import cross_entropy
from train_probe.model import Model, build
from train_probe.optim import optimizers, rate
from train_probe.parallel import World, like, whole


class ModelWithLoss(nn.Module):
    """Model and loss in one module, so that wrappers and the compiler see the whole step."""

    def __init__(self, model: Model) -> None:
        """Wrap a model."""
        super().__init__()
        self.model = model

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """The mean loss of a batch in nats per target."""
        hidden = hidden_states(self.model, batch)
        weight = self.model.head_weight()
        return cross_entropy(hidden.flatten(0, 1), weight, self.model.head_bias, batch["targets"].flatten())


def hidden_states(model: Model, batch: dict[str, Tensor]) -> Tensor:
    """What the model makes of a batch, [B, places, D]; one place for each of `batch["targets"]`."""
    kind = model.config.family
    if kind == "t5":
        arguments = (batch["inputs"], batch["decoder"], batch["input_segments"], batch["segments"])
        return cast(Tensor, model(*arguments))
    if kind == "bert":
        return cast(Tensor, model(batch["tokens"], batch["segments"], batch["places"], batch.get("borders")))
    return cast(Tensor, model(batch["tokens"], batch["segments"], batch.get("borders")))


def use_bf16(precision: str, device: torch.device) -> bool:
    """Whether to compute in bf16: as asked, or where the device has instructions for it."""
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return bool(getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)())


def to_device(batch: dict[str, object], device: torch.device) -> dict[str, Tensor]:
    """Arrays to tensors on the device, without waiting for the copy."""
    out = {}
    for name, array in batch.items():
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        out[name] = tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor
    return out


class Spent(NamedTuple):
    """What a run took so far, in all of its processes that came to a checkpoint."""

    steps: int
    seconds: float
    waited: float
    """Seconds of these for data."""


class Trainer:
    """A model shape and training settings, ready to train on one corpus after another."""

    def __init__(self, shape: ModelConfig, settings: TrainConfig, world: World, log: Log = lambda _: None) -> None:
        """Build, spread and (if asked) compile the model."""
        self.shape, self.settings, self.world, self.log = shape, settings, world, log
        self.model = build(shape, settings.seed).to(world.device)
        with_loss: Any = ModelWithLoss(self.model)
        blocks = [m for m in self.model.modules() if type(m).__name__ == "Block"]
        self.with_loss: Any = parallel.spread(with_loss, blocks, world, settings.parallel)
        self.forward: Any = torch.compile(self.with_loss, dynamic=False) if settings.compile else self.with_loss
        self.bf16 = use_bf16(settings.precision, world.device)
        self.peak = parallel.measured_peak(world.device, self.bf16)
        rank, ranks = parallel.data_ranks(world, settings.parallel)
        rows, micro = settings.batch_rows, settings.micro_rows
        if rows % ranks or (rows // ranks) % min(micro, rows // ranks):
            raise ProbeError(f"{rows} rows per step can't be divided over {ranks} processes in parts of {micro}")
        self.rows = rows // ranks
        self.micro = min(micro, self.rows)
        self.first_row = rank * self.rows
        self.room = 0
        """For how many documents a batch has room, over all runs: one length, one graph."""

    def run(self, stream: Stream, out: Path | None = None, resume: bool = True) -> dict[str, Any]:
        """Train on a stream; returns the facts of the run, with the loss curve under "curve".

        With `out`, the folder gets checkpoint.pt; a checkpoint there is continued, and the run then ends as if it had
        never stopped.  Raises ProbeError when the checkpoint is of other settings.
        """
        c = self.settings
        self.model.reset(c.seed)
        made = optimizers(self.model, c)
        step, curve, spent = 0, cast("list[dict[str, float]]", []), Spent(0, 0.0, 0.0)
        path = out / "checkpoint.pt" if out is not None else None
        if path is not None and resume and parallel.share(path.exists()):
            step, curve, spent = self._restore(path, made, stream)
        began, first = time.monotonic(), step
        waited = 0.0

        def so_far() -> Spent:
            return Spent(spent.steps + step - first, spent.seconds + time.monotonic() - began, spent.waited + waited)

        losses: list[tuple[int, Tensor, Tensor]] = []
        batches = prefetch(lambda s: self._batch(stream, s), step, c.steps)
        while step < c.steps:
            asked = time.monotonic()
            batch = next(batches)
            waited += time.monotonic() - asked
            losses.append((step, *self._step(batch, made, step)))
            step += 1
            if step % c.log_every == 0 or step == c.steps:
                curve += self._log(losses, step, first, began)
                losses = []
            if path is not None and (step == c.steps or (c.checkpoint_every and step % c.checkpoint_every == 0)):
                curve += self._log(losses, step, first, began)
                losses = []
                self._save(path, made, stream, step, curve, so_far())
        batches.close()
        return self._facts(stream, curve, so_far())

    def _batch(self, stream: Stream, step: int) -> list[dict[str, Any]]:
        """The micro-batches of this process at a step."""
        made = []
        varlen = self.bf16 and has_varlen(self.world.device)
        for i in range(0, self.rows, self.micro):
            first = self.first_row + i
            rows = stream.batch(step, self.settings.batch_rows, self.shape.context, first, self.micro)
            place = step * self.settings.batch_rows + first
            kind = (self.shape, rows, stream.file.meta, self.settings.seed, place, varlen, self.room)
            made.append(objectives.make(*kind))
            if varlen:
                self.room = len(made[-1]["borders"])
        return made

    def _step(
        self, batches: list[dict[str, object]], made: list[torch.optim.Optimizer], step: int
    ) -> tuple[Tensor, Tensor]:
        """One update; returns (loss, gradient norm) as tensors, so that nothing waits for the device."""
        total = torch.zeros((), device=self.world.device)
        for i, batch in enumerate(batches):
            last = i == len(batches) - 1
            with self._accumulate(last), torch.autocast(self.world.device.type, torch.bfloat16, enabled=self.bf16):
                loss = self.forward(to_device(batch, self.world.device)) / len(batches)
            with self._accumulate(last):
                loss.backward()
            total += loss.detach()
        norm = parallel.clip(self.model, self.settings.clip)
        share = rate(self.settings, step)
        for optimizer in made:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * share
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return total, norm

    def _accumulate(self, last: bool) -> contextlib.AbstractContextManager[Any]:
        """Gradients are exchanged between processes once per step, with the last part of the batch."""
        if self.world.size > 1 and self.settings.parallel == "ddp" and not last:
            return cast("contextlib.AbstractContextManager[Any]", self.with_loss.no_sync())
        if self.world.size > 1 and self.settings.parallel == "fsdp":
            self.with_loss.set_requires_gradient_sync(last)
        return contextlib.nullcontext()

    def _log(
        self, losses: list[tuple[int, Tensor, Tensor]], step: int, first: int, began: float
    ) -> list[dict[str, float]]:
        if not losses:
            return []
        c, tokens = self.settings, self.settings.batch_rows * self.shape.context
        values = parallel.mean(torch.stack([loss for _, loss, _ in losses]), self.world, c.parallel).tolist()
        norms = torch.stack([norm for _, _, norm in losses]).tolist()
        if not all(map(math.isfinite, values)):
            raise ProbeError(f"the loss is not a number at step {step}; use a smaller --lr-scale")
        speed = (step - first) * tokens / max(1e-9, time.monotonic() - began)
        left = (c.steps - step) * tokens / speed
        self.log(
            f"step {step}/{c.steps}  loss {values[-1]:.3f}  {speed:,.0f} tokens/s  {100 * self._utilisation(speed):.1f} % MFU"
            f"  {left:,.0f} s left"
        )
        return [
            {"step": s + 1, "tokens": (s + 1) * tokens, "loss": v, "norm": n, "rate": rate(c, s)}
            for (s, _, _), v, n in zip(losses, values, norms, strict=True)
        ]

    def _utilisation(self, speed: float) -> float:
        """Model FLOPs at `speed` tokens per second, over the measured peak of the devices: 1 at most.

        A rate above the measured peak shows that the machine was busy when it was measured: then it is the peak.
        """
        rate = speed * self.shape.flops_per_token() / self.world.size
        self.peak = parallel.seen(self.world.device, self.bf16, rate)
        return rate / self.peak

    def _facts(self, stream: Stream, curve: list[dict[str, float]], spent: Spent) -> dict[str, Any]:
        per_step = self.settings.batch_rows * self.shape.context
        tokens = self.settings.steps * per_step
        speed = spent.steps * per_step / spent.seconds if spent.steps else 0.0
        self.peak = parallel.measured_peak(
            self.world.device, self.bf16
        )  # again: it was measured on a machine that may have been busy
        return {
            "identity": identity(self.shape, self.settings, stream),
            "model": self.shape.to_dict(),
            "train": self.settings.to_dict(),
            "tokens": tokens,
            "weights": sum(p.numel() for p in self.model.parameters()),
            "flops": tokens * self.shape.flops_per_token(),
            "seconds": spent.seconds,
            "tokens_per_second": speed,
            "mfu": self._utilisation(speed),
            "peak_flops_per_second": self.peak,
            "flops_per_second": speed * self.shape.flops_per_token(),
            "data_wait": spent.waited / spent.seconds if spent.seconds else 0.0,
            "precision": "bf16" if self.bf16 else "fp32",
            "device": torch.cuda.get_device_name(self.world.device) if self.world.device.type == "cuda" else "cpu",
            "processes": self.world.size,
            "bytes": stream.bytes_of(tokens),
            "ledger": ledger(stream, tokens),
            "health": health(curve),
            "curve": curve,
        }

    def _save(
        self,
        path: Path,
        made: list[torch.optim.Optimizer],
        stream: Stream,
        step: int,
        curve: list[dict[str, float]],
        spent: Spent,
    ) -> None:
        """Write the checkpoint as one process would, so that any number of processes can go on from it."""
        names = {id(p): name for name, p in self.model.named_parameters()}
        weights = {name: whole(p.detach()).cpu() for name, p in self.model.named_parameters()}
        state = {
            names[id(p)]: {k: whole(v).cpu() if isinstance(v, Tensor) else v for k, v in values.items()}
            for optimizer in made
            for p, values in optimizer.state.items()
        }
        if self.world.is_main:
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f"{path.name}.tmp-{os.getpid()}")
            saved = {
                "identity": identity(self.shape, self.settings, stream),
                "step": step,
                "model": weights,
                "state": state,
                "curve": curve,
                "spent": list(spent),
            }
            torch.save(saved, part)
            part.rename(path)
        parallel.barrier()

    def _restore(
        self, path: Path, made: list[torch.optim.Optimizer], stream: Stream
    ) -> tuple[int, list[dict[str, float]], Spent]:
        saved = read_checkpoint(path, self.world.device)
        if saved["identity"] != (wanted := identity(self.shape, self.settings, stream)):
            changed = [k for k in wanted if saved["identity"].get(k) != wanted[k]]
            raise ProbeError(f"{path} is of other settings ({', '.join(changed)}); choose another --output")
        if saved["model"].keys() != dict(self.model.named_parameters()).keys():
            raise ProbeError(f"{path}: {_GARBAGE} (other weights)")
        with torch.no_grad():
            for name, weight in self.model.named_parameters():
                weight.copy_(like(saved["model"][name], weight))
        weights = dict(self.model.named_parameters())
        owner = {id(p): optimizer for optimizer in made for group in optimizer.param_groups for p in group["params"]}
        for name, values in saved["state"].items():
            weight = weights[name]
            owner[id(weight)].state[weight] = {
                k: like(v, weight) if isinstance(v, Tensor) and v.shape == weight.shape else _host(v)
                for k, v in values.items()
            }
        return saved["step"], saved["curve"], Spent(*saved["spent"][:3])


def identity(shape: ModelConfig, settings: TrainConfig, stream: Stream) -> dict[str, Any]:
    """What must be equal for a checkpoint to be continued, and for a result to be taken for finished."""
    kept = settings.to_dict()
    for name in ("checkpoint_every", "log_every", "micro_rows", "compile", "parallel"):
        kept.pop(name)
    return {
        "model": shape.to_dict(),
        "train": kept,
        "data": stream.file.meta["fingerprint"],
        "data_seed": stream.seed,
        "data_part": list(stream.part),
    }


def finished(folder: Path, identity: dict[str, object] | None = None) -> bool:
    """Whether a run is finished.  Raises ProbeError when its result is damaged, or of another `identity`."""
    path = folder / "result.json"
    if not path.exists():
        return False
    found = read_result(path).get("identity")
    if identity is not None and found != json.loads(json.dumps(identity)):
        raise ProbeError(f"{path} is of other data or settings than this experiment; delete {folder} to run it again")
    return True


def read_result(path: Path) -> dict[str, object]:
    """A finished run.  Raises ProbeError when the file is damaged."""
    try:
        saved: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(saved["scores"], dict):
            raise TypeError("no scores")
    except DAMAGE as error:
        raise ProbeError(f"{path}: damaged ({shortly(error)}); delete it to run this again") from None
    return saved


def _host(value: object) -> Any:
    """Step counters live on the host unless the fused kernels hold them, which move them by themselves."""
    return value.cpu() if isinstance(value, Tensor) and not torch.cuda.is_available() else value


def ledger(stream: Stream, tokens: int) -> dict[str, dict[str, float]]:
    """By source: tokens in the corpus, tokens asked for (its share of the budget), tokens seen, epochs.

    Unique tokens and epochs are those of the part that the run read.
    """
    used, unique = stream.consumed(tokens), stream.unique_tokens()
    documents = stream.file.documents
    have = np.bincount(documents["source"], documents["tokens"], minlength=len(used))
    return {
        name: {
            "corpus": int(have[i]),
            "unique": unique[name],
            "asked": tokens * float(have[i]) / float(have.sum()),
            "seen": seen,
            "epochs": seen / unique[name] if unique[name] else 0.0,
        }
        for i, (name, seen) in enumerate(used.items())
    }


def health(curve: list[dict[str, float]]) -> list[str]:
    """What is odd about a loss curve, in words; empty when nothing is."""
    values = np.array([point["loss"] for point in curve])
    if len(values) < 20:
        return []
    window = max(2, len(values) // 50)
    smooth = np.convolve(values, np.ones(window) / window, mode="valid")
    found = []
    if smooth[-1] > smooth.min() + 0.05:
        found.append(f"the loss ends {smooth[-1] - smooth.min():.2f} nats above its lowest point")
    jumps = smooth[window:] - smooth[:-window]
    late = jumps[len(jumps) // 5 :]
    if len(late) and late.max() > 0.5:
        found.append(f"the loss jumped by {late.max():.2f} nats")
    return found


_GARBAGE = "not a checkpoint of the probe; delete it to train this run again"
_KEYS = {"identity": dict, "step": int, "model": dict, "state": dict, "curve": list, "spent": list}


def read_checkpoint(path: Path, device: torch.device) -> dict[str, Any]:
    """What a checkpoint holds.  Raises ProbeError for whatever is none; no code in it is run."""
    if not path.is_file():
        raise ProbeError(f"{path}: {'not a file' if path.exists() else 'no such file or folder'}")
    try:
        with warnings.catch_warnings(action="ignore"):
            saved = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # bytes that mean nothing raise nearly anything: pickle, zip, key, value errors ...
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ProbeError(f"{path}: {_GARBAGE} ({reason[:200]})") from None
    if isinstance(saved, dict):
        saved.setdefault("spent", [0, 0.0, 0.0])  # older ones don't say
    if not isinstance(saved, dict) or not all(isinstance(saved.get(k), kind) for k, kind in _KEYS.items()):
        raise ProbeError(f"{path}: {_GARBAGE}")
    return saved


def load_weights(path: Path, device: torch.device) -> tuple[Model, dict[str, Any]]:
    """The model of a checkpoint, and its identity.  Raises ProbeError when it can't be read."""
    saved = read_checkpoint(path, device)
    try:
        model = build(ModelConfig(**saved["identity"]["model"])).to(device)
        model.load_state_dict(saved["model"])
    except (KeyError, TypeError, RuntimeError, AttributeError) as error:
        raise ProbeError(f"{path}: {_GARBAGE} ({str(error).splitlines()[0]})") from None
    return model, saved["identity"]
