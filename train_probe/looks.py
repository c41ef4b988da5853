"""How often the result was looked at, and what of the 5 % each look may use.

Whoever adds seeds until something shows finds something: with a test at 5 % after every further seed, equal corpora are
called different in about one of five experiments.  So the seeds are fixed before the first run, the verdict comes when
all are finished, and the 5 % are one account for the whole experiment: the first look uses 4 %, each further one (more
seeds, or a verdict before all are finished) half of what is left.  The shares add up to less than 5 %, so that much bounds
the false verdicts of any number of looks, however much they depend on each other (Bonferroni's inequality).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from train_probe.errors import ProbeError

ALPHA, FIRST = 0.05, 0.8
"""False verdicts of an experiment of equal corpora, at most; the share of the first look."""
Seeds = dict[str, list[int]]


def share(number: int) -> float:
    """What look `number` (from 0) may use of ALPHA."""
    return ALPHA * (FIRST if number == 0 else (1 - FIRST) * 0.5**number)


@dataclass(frozen=True)
class Look:
    """One look at the finished seeds."""

    number: int
    planned: int
    """Seeds of each mixture that were planned when it was taken."""
    seeds: Seeds

    @property
    def alpha(self) -> float:
        """False verdicts that it may give, at most."""
        return share(self.number)


def read(output: Path) -> list[Look]:
    """The looks taken so far.  Raises ProbeError when the record is damaged."""
    path = output / "looks.json"
    try:
        saved: Any = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(saved, list):
            raise TypeError("no list")
        return [Look(i, int(one["planned"]), dict(one["seeds"])) for i, one in enumerate(saved)]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProbeError(f"{path}: damaged ({error}); without it no verdict holds what it says") from None


def take(output: Path, seeds: Seeds, planned: int, now: bool = False) -> Look | None:
    """The look at these finished seeds: the one already taken at them, or a new one, which is recorded.

    None while seeds that were planned are missing, unless `now`.
    """
    taken = read(output)
    for look in taken:
        if look.seeds == seeds:
            return look
    if not now and any(len(some) < planned for some in seeds.values()):
        return None
    look = Look(len(taken), planned, seeds)
    from train_probe.experiment import write_json

    write_json(output / "looks.json", [{"planned": x.planned, "seeds": x.seeds} for x in [*taken, look]])
    return look
