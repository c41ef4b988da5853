"""An experiment on disk: mixtures prepared once, then one run for each mixture and seed.

    OUTPUT/
      experiment.json            what was asked: mixtures, preset, budget, seeds, primary metric
      tokenizer.json             token_bytes.npy
      data/held-out/             token file of the documents that nobody trains on
      data/NAME/                 token file of each mixture
      data/tasks/                questions as ids
      runs/NAME/seed-S/          checkpoint.pt, result.json (facts, curve, ledger, scores per document)
      verdict.json, report.html  written by compare.py

Preparing needs pyarrow and tokenizers; a prepared folder can be trained where only torch and numpy are.
"""

import json
import os
import platform
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from train_probe import __version__
from train_probe import budget as budgets
from train_probe.config import PRESETS, Preset, TrainConfig, preset
from train_probe.data import Stream, TokenFile
from train_probe.errors import ProbeError
from train_probe.request import HELD_OUT, TASKS, How, Request

Talk = Callable[[str], None]


def prepare(request: Request, output: Path, talk: Talk) -> None:
    """Choose the held-out documents, tokenize everything.  What is finished already is not done again.

    Raises ProbeError when `output` holds an experiment with another question.
    """
    file = output / "experiment.json"
    asked = json.loads(json.dumps(asdict(request)))
    if file.exists():
        before = json.loads(file.read_text(encoding="utf-8"))["request"]
        changed = [k for k in asked if before.get(k) != asked[k] and k != "seeds"]
        if changed:
            raise ProbeError(
                f"{output} holds another experiment (different: {', '.join(changed)}); choose another --output"
            )
    output.mkdir(parents=True, exist_ok=True)
    _tokenize(request, output, talk)
    write_json(file, {"version": 1, "request": asked, "environment": environment()})


def _tokenize(request: Request, output: Path, talk: Talk) -> None:
    from train_probe import prepare as files
    from train_probe import tasks
    from train_probe import tokenizer as tokenizers

    data = output / "data"
    wanted = [data / name for name in (HELD_OUT, *request.mixtures)]
    if all((path / "meta.json").exists() for path in wanted):
        return
    tokenizer = _tokenizer(request)
    tokenizer.save(output / "tokenizer.json")
    np.save(output / "token_bytes.npy", np.array(tokenizers.token_bytes(tokenizer), dtype=np.int32))
    folders = {name: [Path(p) for p in _several(paths)] for name, paths in request.mixtures.items()}
    origin = [Path(request.held_out)] if request.held_out else [p for paths in folders.values() for p in paths]
    for task in read_tasks(request.tasks):
        tasks.encode(task, tokenizer).save(data / TASKS / f"{task.name}.json")
    docs = files.choose_held_out(origin, request.held_out_bytes, request.held_out_share)
    held_out = files.HeldOut()
    for doc in docs:
        held_out.add(doc)
    meta = files.write_tokens(docs, tokenizer, data / HELD_OUT)
    talk(f"held out: {meta['documents']:,} documents, {meta['bytes']:,} bytes")
    for name, paths in folders.items():
        skipped: Counter[str] = Counter()
        meta = files.write_tokens(_read_all(paths, skipped), tokenizer, data / name, held_out, skipped)
        left_out = ", ".join(f"{n:,} {reason}" for reason, n in meta["skipped"].items()) or "nothing"
        talk(f"{name}: {meta['documents']:,} documents, {meta['tokens']:,} tokens; left out: {left_out}")


def _several(paths: str | list[str]) -> list[str]:
    return [paths] if isinstance(paths, str) else paths


def _read_all(paths: list[Path], skipped: Counter[str]) -> Iterator[Any]:
    from train_probe import prepare as files

    for path in paths:
        yield from files.read(path, skipped)


def read_tasks(names: list[str]) -> list[Any]:
    """The tasks of these files.  Raises ProbeError for a bad one, or for two of one name."""
    from train_probe import tasks

    found = [tasks.read(name) for name in names]
    twice = [name for name, n in Counter(task.name for task in found).items() if n > 1]
    if twice:
        raise ProbeError(f"two tasks are called {twice[0]!r}: rename one of the files")
    return found


def _tokenizer(request: Request) -> Any:
    from train_probe import tokenizer as tokenizers

    if request.tokenizer == "bytes":
        return tokenizers.from_merges([])
    if request.tokenizer:
        return tokenizers.load(Path(request.tokenizer))
    return tokenizers.shipped(request.vocab or min(16_384, PRESETS[request.preset].model.vocab))


def load(output: Path) -> Request:
    """The question of an experiment on disk.  Raises ProbeError when there is none."""
    try:
        return Request(**json.loads((output / "experiment.json").read_text(encoding="utf-8"))["request"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProbeError(f"{output}: no experiment here ({error}); start one with probe-train") from None


def run(output: Path, how: How, talk: Talk) -> None:
    """Train and evaluate every mixture with every seed; finished runs are kept, unfinished ones continued.

    Seeds come first, mixtures second, so that whatever stops the experiment leaves mixtures with equal numbers of
    seeds, and a slower hour of the machine hits all alike.
    """
    from train_probe import parallel
    from train_probe.train import Trainer

    request = load(output)
    world = parallel.start(how.device)
    token_files = {name: TokenFile.open(output / "data" / name) for name in request.mixtures}
    held_out = TokenFile.open(output / "data" / HELD_OUT)
    chosen = preset(request.preset, request.family, held_out.meta["size"])
    budget = _budget(request, how, chosen, output, list(token_files.values()))
    steps, parts = budget.steps, budget.parts
    if chosen.below_floor and world.is_main:
        talk(f"{request.preset} is below the size from which orders are stable: use it to screen")
    if world.is_main and request.seeds > 1:
        talk(_which_documents(parts, budget.tokens, token_files))
    trainer: Trainer | None = None
    try:
        for seed in range(request.first_seed, request.first_seed + request.seeds):
            settings = settings_for(request, how, chosen, steps, seed)
            for name, file in token_files.items():
                folder = output / "runs" / name / f"seed-{seed}"
                if (folder / "result.json").exists():
                    continue
                if world.is_main:
                    talk(
                        f"{name}, seed {seed}: {steps:,} steps of {settings.batch_rows * chosen.model.context:,} tokens"
                    )
                if trainer is not None:
                    trainer.settings = settings  # only the seed differs: what is compiled is used again
                trainer = trainer or Trainer(chosen.model, settings, world, talk if world.is_main else _silent)
                facts = trainer.run(Stream(file, seed, seed % parts, parts), folder)
                if world.is_main:
                    _finish(folder, trainer, facts, held_out, output, request, how, talk)
                parallel.barrier()
    finally:
        parallel.stop()


def _which_documents(parts: int, tokens: int, files: dict[str, TokenFile]) -> str:
    if parts > 1:
        return f"each seed reads documents of its own: part s of {parts}"
    most = max(tokens / int(f.meta["tokens"]) for f in files.values())
    return (
        f"all seeds draw from the same documents (a run reads up to {most:.2g} times a whole mixture): the interval "
        "will not hold the luck of which documents a mixture has"
    )


def settings_for(request: Request, how: How, chosen: Preset, steps: int, seed: int) -> TrainConfig:
    """The training settings of one run."""
    rows = max(1, (request.batch_tokens or chosen.batch) // chosen.model.context)
    return TrainConfig(
        steps=steps,
        batch_rows=rows,
        micro_rows=min(rows, how.micro_rows or chosen.micro),
        seed=seed,
        optimizer=request.optimizer,
        schedule=request.schedule,
        lr_scale=request.lr_scale,
        checkpoint_every=how.checkpoint_every,
        log_every=max(1, min(50, steps // 10)),
        precision=how.precision,
        compile=how.compile,
        parallel=how.parallel,
    )


def _budget(request: Request, how: How, chosen: Preset, output: Path, files: list[TokenFile]) -> budgets.Budget:
    """What the first run fixed, or fixed now."""
    found = budgets.kept(output)
    if found is None:
        speed = partial(_speed, request, how, chosen, output)
        found = budgets.decide(request, chosen, files, how.flops, how.minutes, speed)
        write_json(output / "budget.json", asdict(found))
    budgets.check_seeds(found, request.seeds)
    return found


def _speed(request: Request, how: How, chosen: Preset, output: Path) -> float:
    """Tokens per second of a short run on the first mixture, whose start-up is not counted."""
    from train_probe import parallel
    from train_probe.train import Trainer

    settings = settings_for(request, how, chosen, 8, 0)
    trainer = Trainer(chosen.model, settings, parallel.start(how.device))
    stream = Stream(TokenFile.open(output / "data" / next(iter(request.mixtures))), 0)
    trainer.run(stream)
    return float(trainer.run(stream)["tokens_per_second"])


def _finish(
    folder: Path,
    trainer: Any,
    facts: dict[str, Any],
    held_out: TokenFile,
    output: Path,
    request: Request,
    how: How,
    talk: Talk,
) -> None:
    from train_probe import tasks
    from train_probe.evaluate import held_out as evaluate
    from train_probe.train import load_weights

    began = time.monotonic()
    model = trainer.model
    if trainer.world.size > 1:  # its weights may be spread over processes that are not here
        model, _ = load_weights(folder / "checkpoint.pt", trainer.world.device)
    sizes = np.load(output / "token_bytes.npy")
    scores = {"bits per byte": evaluate(model, held_out, sizes).to_dict()}
    for path in sorted((output / "data" / TASKS).glob("*.json")):
        found = tasks.evaluate(model, tasks.Encoded.load(path))
        scores |= {name: value.to_dict() for name, value in found.items()}
    trainer.model.train()
    facts["evaluation_seconds"] = time.monotonic() - began
    if how.tensorboard:
        _tensorboard(folder, facts, scores)
    write_json(folder / "result.json", {**facts, "scores": scores})
    bits = scores["bits per byte"]
    talk(f"  {sum(bits['values']) / sum(bits['weights']):.4f} bits per byte of the held-out text")


def _tensorboard(folder: Path, facts: dict[str, Any], scores: dict[str, dict[str, Any]]) -> None:
    """Loss, gradient norm and learning rate over tokens, and the final scores."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ProbeError("--tensorboard needs the package tensorboard: pip install tensorboard") from None
    writer: Any = SummaryWriter(str(folder / "tensorboard"))  # type: ignore[no-untyped-call,unused-ignore]
    for point in facts["curve"]:
        for name in ("loss", "norm", "rate"):
            writer.add_scalar(name, point[name], int(point["tokens"]))
    for name, score in scores.items():
        writer.add_scalar(f"scores/{name}", sum(score["values"]) / sum(score["weights"]), int(facts["tokens"]))
    writer.close()


def environment() -> dict[str, str]:
    """Versions that can change a figure."""
    import torch

    return {
        "train_probe": __version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }


def _silent(_: str) -> None:
    return


def write_json(path: Path, value: Any) -> None:
    """Write JSON whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    part.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")
    part.rename(path)
