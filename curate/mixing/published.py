"""What is built in, for `curate recipes`: the published mixtures with what follows from their numbers."""

import math
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any

from curate.errors import RecipeError, nearest
from curate.mixing import mixture
from curate.mixing.units import percent, short, short_bytes

BASELINES = {
    "proportional": "each source as often as it is large: the same number of epochs for all",
    "uniform": "the same weight for each source",
    "temperature=T": "shares to the power 1/T: 1 is proportional, large T is uniform (Raffel et al. 2020)",
    "unimax": "as uniform as --max-epochs allows; unimax=N caps at N epochs (Chung et al. 2023)",
}


def overview() -> dict[str, object]:
    """Names and one line each, by kind."""
    mixtures = [mixture.builtin(name) for name in mixture.builtin_names()]
    return {
        "cleaning": _cleaning(),
        "mixtures": [{"name": one.name, "about": one.about, "reference": one.reference} for one in mixtures],
        "baselines": [{"name": name, "about": about} for name, about in BASELINES.items()],
    }


def _cleaning() -> list[dict[str, str]]:
    root = resources.files("curate") / "recipes"
    if not root.is_dir():
        return []
    found = []
    for item in sorted(root.iterdir(), key=lambda one: one.name):
        if item.name.endswith(".toml"):
            table = tomllib.loads(item.read_text(encoding="utf-8"))
            about = table.get("about") or table.get("description") or ""
            found.append({"name": item.name.removesuffix(".toml"), "about": str(about)})
    return found


def sources_of(name: str) -> dict[str, str]:
    """The texts of what is built in under a name, by kind: `recipes` for cleaning, `mixtures`. A name may say which one it means:
    `mixtures/llama`. Raises RecipeError for an unknown one."""
    kind, _, plain = name.rpartition("/")
    names = {"recipes": [one["name"] for one in _cleaning()], "mixtures": mixture.builtin_names()}
    root = resources.files("curate")
    found = {
        folder: (root / folder / f"{plain}.toml").read_text(encoding="utf-8")
        for folder, known in names.items()
        if plain in known and kind in ("", folder)
    }
    if not found:
        raise RecipeError(
            f"no recipe or mixture {name}{nearest(plain, [one for known in names.values() for one in known])}"
        )
    return found


def overview_table(value: Mapping[str, Any]) -> object:
    """The overview for a terminal."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    for kind, command in (
        ("cleaning", "curate clean --recipe"),
        ("mixtures", "curate mix --weights"),
        ("baselines", ""),
    ):
        table.add_row(f"[bold]{kind}[/bold]", f"[dim]{command}[/dim]")
        for one in value[kind]:
            table.add_row(f"  {one['name']}", one["about"])
    return table


def details(name: str) -> dict[str, Any]:
    """A published mixture: weights as printed and as used, sizes, printed epochs, and those that follow.

    Raises RecipeError when there is no such mixture.
    """
    if name not in mixture.builtin_names():
        raise RecipeError(f"no mixture {name}{nearest(name, mixture.builtin_names())}")
    found = mixture.builtin(name)
    used = mixture.normalised(found.weights)
    return {
        "name": found.name,
        "about": found.about,
        "reference": found.reference,
        "notes": found.notes,
        "trained_tokens": found.trained_tokens,
        "unit": found.unit,
        "weights_sum": math.fsum(found.weights.values()),
        "sources": [_row(found, source, used[source]) for source in found.weights],
    }


def _row(found: mixture.Mixture, source: str, weight: float) -> dict[str, Any]:
    size, epochs = found.sizes.get(source), found.epochs.get(source)
    tokens = found.trained_tokens * weight if found.trained_tokens else None
    known = size if found.unit == "tokens" else None
    implied = tokens / epochs if tokens and epochs else None
    return {
        "source": source,
        "printed_weight": found.weights[source],
        "weight": weight,
        "size": size,
        "printed_epochs": epochs,
        "tokens_drawn": tokens,
        "epochs": tokens / known if tokens and known else None,
        "implied_tokens": implied,
        "implied_bytes_per_token": size / implied if size and implied and found.unit == "bytes" else None,
    }


def details_table(value: Mapping[str, Any]) -> object:
    """The details for a terminal."""
    from rich.console import Group

    from curate.console.tables import Table

    heads = ["source", "weight", "size", "tokens drawn", "epochs printed", "epochs computed", "tokens implied"]
    table = Table(box=None, pad_edge=False)
    for place, head in enumerate([*heads, "bytes a token"]):
        table.add_column(head, justify="left" if place == 0 else "right")
    size = short_bytes if value["unit"] == "bytes" else short
    for row in value["sources"]:
        cells = [size(row["size"]), short(row["tokens_drawn"]), _plain(row["printed_epochs"]), _plain(row["epochs"])]
        cells += [short(row["implied_tokens"]), _plain(row["implied_bytes_per_token"])]
        table.add_row(row["source"], percent(row["weight"]), *cells)
    lines = [value["about"], value["reference"]]
    if abs(value["weights_sum"] - 1) > mixture.TOLERANCE:
        lines.append(f"The printed weights add up to {value['weights_sum']:g}; they are scaled to 1 here.")
    return Group(*(line for line in [*lines, value["notes"]] if line), "", table)


def _plain(number: float | None) -> str:
    return "—" if number is None else f"{number:.2f}"
