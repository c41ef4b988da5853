"""The questions that come with the package: made from templates and small tables, all written for this project.

`python -m train_probe.items train_probe/tasks` writes the files again, the same bytes each time.  One ability a module;
every question has a level (1 to 3) that says by construction how hard it is, not by what some model made of it.

Contexts have 13 words or more: that is what `curate mix` knows them by, to keep them out of mixtures.
"""

import json

from train_probe.items import agreement, arithmetic, code, facts, narrative, senses
from train_probe.items.base import chosen

ABILITIES = {
    "agreement": (agreement, 200),
    "senses": (senses, 256),
    "arithmetic": (arithmetic, 140),
    "facts": (facts, 200),
    "narrative": (narrative, 190),
    "code": (code, 120),
}
"""Module, and how many questions of each level at most."""


def lines(name: str) -> str:
    """The file of an ability."""
    module, each = ABILITIES[name]
    return "".join(json.dumps(item.row(), ensure_ascii=False) + "\n" for item in chosen(module.items(), each))
