"""How long each run trains, and which documents each seed reads: fixed once for an experiment, in budget.json."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from train_probe.config import Preset, chinchilla_tokens, short
from train_probe.data import Stream, TokenFile
from train_probe.errors import DAMAGE, ProbeError, shortly
from train_probe.request import UNEVEN, Request, RunConfig, settings_for, write_json


@dataclass(frozen=True)
class Budget:
    """The same for every run of a mixture."""

    steps: int
    tokens: int
    parts: int = 1
    """Parts that the documents of each mixture are cut into; seed s reads part s modulo `parts`."""
    by_mixture: dict[str, int] = field(default_factory=dict)
    """Steps of each mixture where they differ: a budget in bytes."""
    unit: str = "tokens"

    def steps_of(self, mixture: str) -> int:
        """Steps of each run of a mixture."""
        return self.by_mixture.get(mixture, self.steps)


def kept(output: Path) -> Budget | None:
    """What was fixed before; None before the first run."""
    try:
        saved = json.loads((output / "budget.json").read_text(encoding="utf-8"))
        steps = {str(name): int(count) for name, count in saved.get("by_mixture", {}).items()}
        found = Budget(int(saved["steps"]), int(saved["tokens"]), int(saved.get("parts", 1)), steps)
        return Budget(found.steps, found.tokens, found.parts, steps, str(saved.get("unit", "tokens")))
    except FileNotFoundError:
        return None
    except DAMAGE as error:
        raise ProbeError(f"{output / 'budget.json'}: damaged ({shortly(error)}); choose another --output") from None


def fixed(request: Request, run_config: RunConfig, chosen: Preset, output: Path, files: dict[str, TokenFile]) -> Budget:
    """What the first run fixed, or fixed now: by the main process, for all."""
    from train_probe import parallel

    found = parallel.share(kept(output))
    if found is None:
        rate = (
            _speed(request, run_config, chosen, output)
            if run_config.minutes and not (request.tokens or request.bytes)
            else 0.0
        )
        rate = parallel.share(rate)  # each process measures another one, and all must train as long
        found = decide(request, chosen, files, run_config.flops, run_config.minutes, lambda: rate)
        if parallel.is_main():
            write_json(output / "budget.json", asdict(found))
        parallel.barrier()
    check_seeds(found, request.seeds)
    return found


def _speed(request: Request, run_config: RunConfig, chosen: Preset, output: Path) -> float:
    """Tokens per second of a short run on the first mixture, whose start-up is not counted."""
    from train_probe import parallel
    from train_probe.train import Trainer

    settings = settings_for(request, run_config, chosen, 8, 0)
    trainer = Trainer(chosen.model, settings, parallel.start(run_config.device))
    stream = Stream(TokenFile.open(output / "data" / next(iter(request.mixtures))), 0)
    trainer.run(stream)
    return float(trainer.run(stream)["tokens_per_second"])


def decide(
    question: Request,
    chosen: Preset,
    files: Mapping[str, TokenFile],
    flops: float,
    minutes: float,
    speed: Callable[[], float],
) -> Budget:
    """Steps, tokens and parts of an experiment.

    Tokens or bytes as asked, or what `flops` of one run or `minutes` of all runs come to at `speed()` tokens per second,
    or 20 tokens per weight.  Raises ProbeError when a corpus would be read more than `question.max_epochs` times, or when
    what some run would read of a source differs from what was asked (see `unevenness`).
    """
    per_step = max(1, (question.batch_tokens or chosen.batch) // chosen.model.context) * chosen.model.context
    tokens = question.tokens
    if not tokens and flops:
        tokens = int(flops / chosen.model.flops_per_token())
    if not tokens and minutes:
        tokens = int(speed() * 60 * minutes / (question.seeds * len(files)))
    tokens = tokens or chinchilla_tokens(chosen.model)
    by_mixture = {}
    if question.bytes:
        by_mixture = {
            name: max(1, round(question.bytes * int(f.meta["tokens"]) / int(f.meta["bytes"]) / per_step))
            for name, f in files.items()
        }
        tokens = max(by_mixture.values()) * per_step
    steps = max(1, -(-tokens // per_step))
    wanted = {name: by_mixture.get(name, steps) * per_step for name in files}
    cut = parts(question.documents, question.seeds, wanted, files, min(question.max_uneven, UNEVEN))
    for name, file in files.items():
        _check_epochs(name, files, wanted[name], per_step, cut, question.max_epochs)
        worst = unevenness(file, wanted[name], question.seeds, cut)
        if worst.share > _allowed(file, wanted[name], question.max_uneven):
            raise ProbeError(
                f"{name}: seed {worst.seed} would read {worst.seen:.0%} of {worst.source!r} where {worst.asked:.0%} was asked: its "
                f"documents are too few or too long for {short(wanted[name])} tokens; take more --tokens, --documents "
                f"shared, shorter documents, or allow it with --max-uneven {worst.share + 0.01:.2f}"
            )
    return Budget(steps, steps * per_step, cut, by_mixture, "bytes" if question.bytes else "tokens")


def _check_epochs(name: str, files: Mapping[str, TokenFile], tokens: int, per_step: int, cut: int, most: float) -> None:
    """Raises ProbeError when a run would read its documents oftener than `most` times; it names tokens that all mixtures have."""
    file = files[name]
    have = int(file.meta["tokens"]) / cut
    if tokens > _limit(file, cut, most):
        which = "its" if cut == 1 else f"its part's (1 of {cut})"
        fitting = min(_fitting(one, per_step, cut, most) for one in files.values())
        raise ProbeError(
            f"{name}: a run of {short(tokens)} tokens would read {which} {short(have)} tokens {tokens / have:,.1f} times, more "
            f"than {most:g}; give {f'--tokens {short(fitting)}, ' if fitting else ''}more text, or a larger --max-epochs"
        )


def _limit(file: TokenFile, cut: int, most: float) -> float:
    """Tokens above which a run reads a part too often; steps are whole, and so are documents."""
    return most * int(file.meta["tokens"]) / cut * 1.01 + float(file.documents["tokens"].max(initial=0))


def _fitting(file: TokenFile, per_step: int, cut: int, most: float) -> int:
    """The most tokens that may be asked for, in three digits, rounded down; 0 where one step is too much."""
    steps = int(_limit(file, cut, most)) // per_step * per_step
    found = min(steps, int(most * int(file.meta["tokens"]) / cut))
    scale: int = 10 ** max(0, len(str(found)) - 3)
    return found // scale * scale


def parts(
    documents: str, seeds: int, tokens: Mapping[str, int], files: Mapping[str, TokenFile], most: float = UNEVEN
) -> int:
    """How many parts to cut the documents of each mixture into: one for each seed, or 1.

    `auto`: one each where every mixture has a run's `tokens` for every seed (else cutting would make a run read its
    documents oftener than the mixture as a whole would, and that is another question) and where every part has what was
    asked of each source.  `apart`: one each, however often it is read then.  `shared`: 1.
    """
    if documents == "shared" or seeds < 2 or any(len(np.unique(f.documents["key"])) < seeds for f in files.values()):
        return 1
    if documents == "apart":
        return seeds
    if any(int(f.meta["tokens"]) < seeds * tokens[name] for name, f in files.items()):
        return 1
    even = all(
        unevenness(f, tokens[name], seeds, seeds).share <= _allowed(f, tokens[name], most) for name, f in files.items()
    )
    return seeds if even else 1


def _allowed(file: TokenFile, tokens: int, most: float) -> float:
    middling = float(np.median(file.documents["tokens"])) if len(file.documents) else 0.0
    return max(most, 2 * middling / tokens)


@dataclass(frozen=True)
class Uneven:
    """The source of a run that is farthest from its share; shares are of the run's tokens."""

    seed: int
    source: str
    asked: float
    seen: float

    @property
    def share(self) -> float:
        """How far."""
        return abs(self.seen - self.asked)


def unevenness(file: TokenFile, tokens: int, seeds: int, cut: int) -> Uneven:
    """The worst of all sources and seeds, for runs of `tokens` tokens that read one part of `cut` each."""
    have = np.bincount(file.documents["source"], file.documents["tokens"], minlength=len(file.sources))
    worst = Uneven(0, "", 0.0, 0.0)
    if len(file.sources) < 2:
        return worst
    for seed in range(seeds):
        seen = Stream(file, seed, seed % cut, cut).consumed(tokens)
        for i, source in enumerate(file.sources):
            found = Uneven(seed, source, float(have[i] / have.sum()), seen[source] / tokens)
            worst = max(worst, found, key=lambda u: u.share)
    return worst


def check_seeds(budget: Budget, seeds: int) -> None:
    """Raise ProbeError when more seeds are asked for than there are parts: the further seeds would not be new data."""
    if budget.parts > 1 and seeds > budget.parts:
        raise ProbeError(
            f"the documents were cut into parts for the {budget.parts} seeds that were planned, {seeds} were asked for: "
            "plan them from the start; another experiment on the same text is a further look, and its 5 % come on top"
        )
