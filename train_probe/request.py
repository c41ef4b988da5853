"""What an experiment compares, and how a machine runs it."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from train_probe import budget
from train_probe.config import FAMILIES, PRESETS, preset
from train_probe.errors import ProbeError

HELD_OUT, TASKS = "held-out", "tasks"
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
    max_epochs: float = budget.MAX_EPOCHS
    """How often a run may read a corpus (or its part of it)."""
    max_uneven: float = budget.UNEVEN
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
        if self.documents not in budget.DOCUMENTS:
            raise ProbeError(f"unknown documents {self.documents!r}; known: {', '.join(budget.DOCUMENTS)}")
        if self.tokens and self.bytes:
            raise ProbeError("give the budget in --tokens or in --bytes, not in both")
        if self.max_epochs <= 0 or not 0 < self.max_uneven <= 1:
            raise ProbeError(
                f"--max-epochs must be above 0 and --max-uneven up to 1, got {self.max_epochs}, {self.max_uneven}"
            )


@dataclass(frozen=True)
class How:
    """How a machine runs it: changes the time, not the question."""

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
