"""How long each run trains, and which documents each seed reads: fixed once for an experiment, in budget.json."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from train_probe.config import Preset, chinchilla_tokens
from train_probe.data import TokenFile
from train_probe.errors import ProbeError

DOCUMENTS = ("auto", "apart", "shared")
_MOST_PARTS = 1000


@dataclass(frozen=True)
class Budget:
    """The same for every run of an experiment."""

    steps: int
    tokens: int
    parts: int = 1
    """Parts that the documents of each mixture are cut into; seed s reads part s modulo `parts`."""


def kept(output: Path) -> Budget | None:
    """What was fixed before; None before the first run."""
    try:
        saved = json.loads((output / "budget.json").read_text(encoding="utf-8"))
        return Budget(int(saved["steps"]), int(saved["tokens"]), int(saved.get("parts", 1)))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ProbeError(f"{output / 'budget.json'}: damaged ({error}); choose another --output") from None


def decide(
    question: Any, chosen: Preset, files: list[TokenFile], flops: float, minutes: float, speed: Callable[[], float]
) -> Budget:
    """Steps, tokens and parts of an experiment (`question`: request.Request).

    Tokens as asked, or what `flops` of one run or `minutes` of all runs come to at `speed()` tokens per second, or 20
    per weight.
    """
    per_step = max(1, (question.batch_tokens or chosen.batch) // chosen.model.context) * chosen.model.context
    tokens = question.tokens
    if not tokens and flops:
        tokens = int(flops / chosen.model.flops_per_token())
    if not tokens and minutes:
        tokens = int(speed() * 60 * minutes / (question.seeds * len(files)))
    tokens = tokens or chinchilla_tokens(chosen.model)
    steps = max(1, -(-tokens // per_step))
    return Budget(steps, steps * per_step, parts(question.documents, question.seeds, steps * per_step, files))


def parts(documents: str, seeds: int, tokens: int, files: list[TokenFile]) -> int:
    """How many parts to cut the documents of each mixture into.

    `auto`: as many as hold a run's tokens each, when that is enough for the seeds; else 1: cutting would make a run
    read its documents oftener than the mixture as a whole would, and that is another question.  `apart`: at least one
    for each seed, however often it is read then.  `shared`: 1.
    """
    if documents == "shared" or seeds < 2:
        return 1
    room = min(min(int(f.meta["tokens"]) // max(1, tokens), len(np.unique(f.documents["key"])) // 4) for f in files)
    room = min(room, _MOST_PARTS)
    if documents == "apart":
        return max(seeds, room)
    return room if room >= seeds else 1


def check_seeds(budget: Budget, seeds: int) -> None:
    """Raise ProbeError when more seeds are asked for than there are parts: the further seeds would not be new data."""
    if budget.parts > 1 and seeds > budget.parts:
        raise ProbeError(
            f"there are documents for {budget.parts} seeds that read none of the others', {seeds} were asked for; "
            "take more text or fewer --tokens, or --documents shared (in another --output)"
        )
