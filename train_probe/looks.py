"""How often the result may be looked at, and what of the 5 % each look may use.

Whoever adds seeds until something shows finds something: with a test at 5 % after every further seed, equal corpora are
called different in about one of five experiments.  So the seeds are planned before the first run, and the numbers of seeds
at which there is a verdict follow from the plan alone, never from what was seen:

    all planned seeds               4 %
    twice as many, four times ...   0.4 %, 0.2 % ... (more seeds after an undecided verdict)
    fewer, when asked for           0.2 % in all, the same for each number from two on

All together that is less than 5 %, which bounds the false verdicts of an experiment whenever one stops and however much
the looks depend on each other (Bonferroni's inequality).  Figures may be watched in between: they decide nothing.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from train_probe.errors import DAMAGE, ProbeError, shortly
from train_probe.request import write_json

ALPHA, PLANNED, MORE, FEWER = 0.05, 0.04, 0.008, 0.002
"""False verdicts of an experiment of equal corpora, at most; of these at the plan, after it, before it."""


def share(seeds: int, planned: int) -> float | None:
    """What of ALPHA a verdict on so many seeds may use; None where there is none."""
    if seeds == planned:
        return PLANNED
    if 2 <= seeds < planned:
        return FEWER / (planned - 2)
    doubled, rest = divmod(seeds, planned)
    if rest or doubled & (doubled - 1) or doubled < 2:
        return None
    return MORE / doubled


def next_point(seeds: int, planned: int) -> int:
    """The least number of seeds from `seeds` on at which there is a verdict without asking for it."""
    point = planned
    while point < seeds:
        point *= 2
    return point


def later(seeds: int, planned: int, most: int = 64) -> list[tuple[int, float]]:
    """The looks after one at `seeds`, up to `most` times the plan: seeds in all, and what each may use of ALPHA."""
    found, point = [], planned
    while point <= most * planned:
        if point > seeds:
            found.append((point, share(point, planned) or 0.0))
        point *= 2
    return found


@dataclass(frozen=True)
class Look:
    """A verdict on the finished seeds of every mixture."""

    seeds: int
    planned: int
    alpha: float
    """False verdicts that it may give, at most."""


def read(output: Path) -> list[Look]:
    """The looks taken so far.  Raises ProbeError when the record is damaged."""
    path = output / "looks.json"
    try:
        saved: Any = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(saved, list):
            raise TypeError("no list")
        return [Look(int(one["seeds"]), int(one["planned"]), float(one["alpha"])) for one in saved]
    except FileNotFoundError:
        return []
    except DAMAGE as error:
        raise ProbeError(f"{path}: damaged ({shortly(error)}); delete it if you know which looks were taken") from None


def take(output: Path, seeds: int, planned: int, now: bool = False) -> Look | None:
    """The look at so many finished seeds, which is recorded; None where there is none, or none unless `now`."""
    taken = read(output)
    alpha = share(seeds, planned)
    if alpha is None or (seeds < planned and not now and all(look.seeds != seeds for look in taken)):
        return None
    look = Look(seeds, planned, alpha)
    if look not in taken:
        write_json(output / "looks.json", [asdict(one) for one in [*taken, look]])
    return look
