"""What an experiment compares, how a machine runs it, and the question of an experiment on disk."""

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from train_probe.config import FAMILIES, PRESETS, Preset, TrainConfig, preset
from train_probe.errors import DAMAGE, ProbeError, shortly

HELD_OUT, TASKS = "held-out", "tasks"
DOCUMENTS = ("auto", "apart", "shared")
UNEVEN = 0.05
"""What a run reads of a source may differ from what was asked by so much of the run (or two middling documents)."""
MAX_EPOCHS = 4.0
"""Up to about four epochs repeated data is nearly as good as new (Muennighoff et al. 2023)."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Request:
    """What is to be compared, and how.  Everything here decides the result; nothing else does."""

    mixtures: dict[str, str | list[str]]
    """Folder of each mixture by its name, or several folders that are read as one."""
    preset: str = "20m"
    family: str = "llama"
    tokens: int = 0
    """Tokens to train on in each run; 0 = 20 per weight."""
    bytes: int = 0
    """Instead: bytes of text in each run."""
    max_epochs: float = MAX_EPOCHS
    """How often a run may read a corpus (or its part of it)."""
    max_uneven: float = UNEVEN
    """How far what a run reads of a source may be from what was asked, as a share of the run."""
    seeds: int = 3
    first_seed: int = 0
    held_out: str = ""
    """A folder that is held out, all of it; "" = the mixtures' own held-out documents, or an equal part of each."""
    held_out_bytes: int = 0
    """At most so many bytes of each source; 0 = all of a folder that was given, 2 MB of what the mixtures have."""
    tokenizer: str = ""
    """A tokenizer.json; "" = the shipped one; "bytes" = one id per byte."""
    vocab: int = 0
    """Ids of the shipped tokenizer; 0 = the preset's."""
    optimizer: str = "muon"
    schedule: str = "wsd"
    lr_scale: float = 1.0
    batch_tokens: int = 0
    """Tokens per step; 0 = the preset's."""
    tasks: list[str] = field(default_factory=list)
    """Files of questions, or names of bundled ones (see tasks.py)."""
    documents: str = "auto"
    """Whether seeds read documents of their own (`apart`), the same (`shared`), or apart where there are enough."""
    primary: str = "bits per byte"
    """The metric that decides, fixed before anything is trained."""
    suites: dict[str, list[str]] = field(default_factory=dict)
    """Names of the tasks of each suite whose mean is taken (see suite.py)."""

    def __post_init__(self) -> None:
        """Refuse requests that can't be run."""
        if not self.mixtures:
            raise ProbeError("nothing to train on: give at least one --shards FOLDER")
        for name in self.mixtures:
            if not _NAME.fullmatch(name) or name in (HELD_OUT, TASKS, "prepared.json"):
                raise ProbeError(f"{name!r} can't name a mixture: letters, digits, '.', '_' and '-', at most 64")
        if self.preset not in PRESETS or self.family not in FAMILIES:
            preset(self.preset)
            raise ProbeError(f"unknown family {self.family!r}; known: {', '.join(FAMILIES)}")
        if self.seeds < 1 or self.tokens < 0:
            raise ProbeError(f"seeds must be at least 1 and tokens at least 0, got {self.seeds} and {self.tokens}")
        if self.documents not in DOCUMENTS:
            raise ProbeError(f"unknown documents {self.documents!r}; known: {', '.join(DOCUMENTS)}")
        if self.tokens and self.bytes:
            raise ProbeError("give the budget in --tokens or in --bytes, not in both")
        if self.max_epochs <= 0 or not 0 < self.max_uneven <= 1:
            raise ProbeError(
                f"--max-epochs must be above 0 and --max-uneven up to 1, got {self.max_epochs}, {self.max_uneven}"
            )


@dataclass(frozen=True)
class RunConfig:
    """Hardware, precision and budget of the runs: what changes their time, not what is compared."""

    device: str = "auto"
    precision: str = "auto"
    compile: bool = False
    parallel: str = "ddp"
    micro_rows: int = 0
    checkpoint_every: int = 0
    minutes: float = 0.0
    """Instead of a number of tokens: time for all runs together, measured on this machine first."""
    flops: float = 0.0
    """Instead of a number of tokens: floating-point operations for each run."""
    tensorboard: bool = False


def named(shards: list[str]) -> dict[str, str | list[str]]:
    """Mixtures by name: `NAME=FOLDER`, or the folder's own name.  Raises ProbeError when two have one name."""
    found: dict[str, str | list[str]] = {}
    for text in shards:
        name, mark, path = text.partition("=")
        if not mark or "/" in name:
            name, path = Path(text).resolve().name, text
        if name in found:
            raise ProbeError(f"two mixtures are called {name!r}: write NAME=FOLDER")
        found[name] = path
    return found


def proportional(shards: list[str]) -> dict[str, str | list[str]]:
    """One mixture of all these folders, each with the share that it has of their text: what a control trains on."""
    if len(shards) < 2:
        return named(shards)
    return {"proportional": [str(path) for path in named(shards).values()]}


def settings_for(request: Request, run_config: RunConfig, chosen: Preset, steps: int, seed: int) -> TrainConfig:
    """The training settings of one run."""
    rows = max(1, (request.batch_tokens or chosen.batch) // chosen.model.context)
    return TrainConfig(
        steps=steps,
        batch_rows=rows,
        micro_rows=min(rows, run_config.micro_rows or chosen.micro),
        seed=seed,
        optimizer=request.optimizer,
        schedule=request.schedule,
        lr_scale=request.lr_scale,
        checkpoint_every=run_config.checkpoint_every,
        log_every=max(1, min(50, steps // 10)),
        precision=run_config.precision,
        compile=run_config.compile,
        parallel=run_config.parallel,
    )


# ---- the question of an experiment on disk ----


def load(output: Path) -> Request:
    """The question of an experiment on disk.  Raises ProbeError when there is none."""
    try:
        return Request(**json.loads((output / "experiment.json").read_text(encoding="utf-8"))["request"])
    except FileNotFoundError:
        raise ProbeError(f"{output}: no experiment here; start one with probe-train") from None
    except DAMAGE as error:
        raise ProbeError(f"{output}: no experiment here ({shortly(error)}); start one with probe-train") from None


def stated(output: Path) -> Request | None:
    """The question of an experiment whose training has begun, from when on it stands; None before."""
    return load(output) if (output / "experiment.json").exists() and begun(output) else None


def begun(output: Path) -> bool:
    """Whether anything was trained: from then on the question stands."""
    return (output / "budget.json").exists() or (output / "runs").exists()


def planned_seeds(output: Path) -> int:
    """The seeds that were planned when the first run began."""
    return int(saved(output)["planned"])


def prepared(output: Path) -> str | None:
    """Which question the whole of data/ was prepared for; None when it is not finished."""
    try:
        return str(json.loads((output / "data" / "prepared.json").read_text(encoding="utf-8"))["identity"])
    except DAMAGE:
        return None


def saved(output: Path) -> dict[str, Any]:
    """All of experiment.json.  Raises ProbeError when it is of another version, or damaged."""
    file = output / "experiment.json"
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        kinds = {"request": dict, "inputs": dict, "planned": int}
        if not all(isinstance(found[name], kind) for name, kind in kinds.items()):
            raise TypeError("of another version")
    except DAMAGE as error:
        raise ProbeError(f"{file}: can't be read ({shortly(error)}); choose another --output") from None
    return found


def write_json(path: Path, value: object) -> None:
    """Write JSON whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    part.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")
    part.rename(path)
