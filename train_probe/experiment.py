"""An experiment on disk: mixtures prepared once (prepare.py), then one run for each mixture and seed (here), then the verdict
(compare.py).

    OUTPUT/
      experiment.json            what was asked: mixtures, preset, budget, seeds, primary metric; what the inputs held
      tokenizer.json             token_bytes.npy
      data/held-out/             token file of the documents that nobody trains on
      data/NAME/                 token file of each mixture
      data/tasks/                questions as ids
      data/prepared.json         which question all of data/ was prepared for
      budget.json                steps, tokens and parts, fixed before the first run
      runs/NAME/seed-S/          checkpoint.pt, result.json (facts, curve, ledger, scores per document)
      looks.json                 how often the result was looked at
      verdict.json, report.html  written by compare.py

Preparing needs pyarrow and tokenizers; a prepared folder can be trained where only torch and numpy are.
"""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from train_probe import budget as budgets
from train_probe.config import Log, preset
from train_probe.data import Stream, TokenFile
from train_probe.errors import ProbeError
from train_probe.request import HELD_OUT, TASKS, Request, RunConfig, load, prepared, settings_for, write_json

if TYPE_CHECKING:
    from train_probe.tables import Found


def conduct(request: Request | None, output: Path, run_config: RunConfig | None, log: Log) -> "Found | None":
    """Prepare what is asked (None: that was done before), train (None: that is done elsewhere) and compare.

    Returns what `compare` does in the main process of a run, else None. Raises ProbeError as `prepare`, `run` and `compare` do.
    """
    from train_probe.compare import compare
    from train_probe.prepare import prepare

    main_process = int(os.environ.get("RANK", "0")) == 0
    if request is not None:
        prepare(request, output, log)
    if run_config is None:
        return None
    run(output, run_config, log)
    return compare(output) if main_process else None


def run(output: Path, run_config: RunConfig, log: Log) -> None:
    """Train and evaluate every mixture with every seed; finished runs are kept, unfinished ones continued.

    Seeds come first, mixtures second, so that whatever stops the experiment leaves mixtures with equal numbers of
    seeds, and a slower hour of the machine hits all alike.
    """
    from train_probe import parallel
    from train_probe.train import Trainer, finished, identity

    request = load(output)
    if prepared(output) is None:
        raise ProbeError(f"{output} was not prepared to its end; run the command without --only run")
    world = parallel.start(run_config.device)
    say = log if world.is_main else _silent
    token_files = {name: TokenFile.open(output / "data" / name) for name in request.mixtures}
    held = TokenFile.open(output / "data" / HELD_OUT)
    chosen = preset(request.preset, request.family, held.meta["size"])
    budget = budgets.fixed(request, run_config, chosen, output, token_files)
    if chosen.below_floor:
        say(f"{request.preset} is below the size from which orders are stable: use it to screen")
    if request.tokens and budget.tokens > 1.5 * request.tokens:
        steps = budget.steps_of(next(iter(token_files)))
        say(f"asked for {request.tokens:,} tokens; each run trains {budget.tokens:,}: steps are whole, {steps} of them")
    if request.seeds > 1:
        say(_which_documents(budget.parts, budget.tokens, token_files))
    trainer: Trainer | None = None
    try:
        for seed in range(request.first_seed, request.first_seed + request.seeds):
            for name, file in token_files.items():
                settings = settings_for(request, run_config, chosen, budget.steps_of(name), seed)
                stream = Stream(file, seed, seed % budget.parts, budget.parts)
                folder = output / "runs" / name / f"seed-{seed}"
                if parallel.share(finished(folder, identity(chosen.model, settings, stream))):
                    continue
                if trainer is not None:
                    trainer.settings = settings  # only seed and length differ: what is compiled is used again
                trainer = trainer or Trainer(chosen.model, settings, world, say)
                say(
                    f"{name}, seed {seed}: {settings.steps:,} steps of {settings.batch_rows * chosen.model.context:,} tokens"
                )
                facts = trainer.run(stream, folder)
                if world.is_main:
                    _finish(folder, trainer, facts, held, output, run_config, log)
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


def _finish(
    folder: Path,
    trainer: Any,
    facts: dict[str, Any],
    held: TokenFile,
    output: Path,
    run_config: RunConfig,
    log: Log,
) -> None:
    from train_probe import evaluate, tasks
    from train_probe.train import load_weights

    began = time.monotonic()
    model = trainer.model
    if trainer.world.size > 1:  # its weights may be spread over processes that are not here
        model, _ = load_weights(folder / "checkpoint.pt", trainer.world.device)
    sizes = np.load(output / "token_bytes.npy")
    measured = evaluate.evaluate(model, held, sizes)
    scores = {name: value.to_dict() for name, value in measured.scores.items()}
    for path in sorted((output / "data" / TASKS).glob("*.json")):
        found = tasks.evaluate(model, tasks.Encoded.load(path))
        scores |= {name: value.to_dict() for name, value in found.items()}
    given = evaluate.prompts(held)
    written = [{"given": a, "written": b} for a, b in zip(given, evaluate.continued(model, given), strict=False)]
    trainer.model.train()
    facts["evaluation_seconds"] = time.monotonic() - began
    if run_config.tensorboard:
        _tensorboard(folder, facts, scores)
    write_json(folder / "result.json", {**facts, "scores": scores, "parts": measured.parts, "samples": written})
    bits = scores["bits per byte"]
    log(f"  {sum(bits['values']) / sum(bits['weights']):.4f} bits per byte of the held-out text")


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


def _silent(_: str) -> None:
    return
