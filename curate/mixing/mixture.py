"""A mixture as stated: names of sources with weights, from a TOML file, from the command line or built in; and with their paths."""

import fnmatch
import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any

from curate.errors import RecipeError, UsageError, nearest, refuse_empty, said
from curate.files import storage
from curate.mixing import units
from curate.read import files

TOLERANCE = 1e-6
"""How far from 1 the weights may add up: no rounding of printed weights is hidden, float error is."""

BASELINES = ("proportional", "uniform", "temperature", "unimax")
KEYS = {
    "name",
    "about",
    "reference",
    "weights",
    "normalise",
    "trained_tokens",
    "sizes",
    "epochs",
    "unit",
    "notes",
}
LONGEST_NAME = 60
"""Characters of a name made of weights; with more it says how many sources there are."""


@dataclass(frozen=True)
class Mixture:
    """Weights by source, and what was published beside them."""

    name: str
    weights: Mapping[str, float] = field(default_factory=dict)
    """As stated; empty for a baseline, whose weights follow from the sizes of the sources."""
    baseline: str = ""
    """One of BASELINES, or empty."""
    parameter: float | None = None
    """The temperature, or the epoch cap of unimax."""
    normalise: bool = False
    """Scale weights that don't add up to 1 instead of refusing them."""
    about: str = ""
    reference: str = ""
    """Where the numbers were published."""
    trained_tokens: int | None = None
    """Tokens that the published model saw."""
    unit: str = "tokens"
    """What `sizes` are in: tokens or bytes."""
    sizes: Mapping[str, float] = field(default_factory=dict)
    """Published size of each source."""
    epochs: Mapping[str, float] = field(default_factory=dict)
    """Published epochs of each source."""
    notes: str = ""


def load(text: str) -> Mixture:
    """A mixture from what follows `--weights`: inline weights, a TOML file, or the name of a built-in one.

    Inline: `web=0.8,code=0.2`; baselines: `proportional`, `uniform`, `temperature=5`, `unimax`, `unimax=2`.
    Raises RecipeError.
    """
    word, _, value = text.partition("=")
    if word in BASELINES and "," not in text:
        return _baseline(word, value)
    if text.endswith(".toml") or "/" in text or Path(text).is_file():
        return _from_file(Path(text))
    if "=" in text:
        name = ", ".join(part.strip() for part in text.split(","))
        return Mixture(name if len(name) <= LONGEST_NAME else f"of {text.count('=')} sources", weights=_inline(text))
    if text in builtin_names():
        return builtin(text)
    raise RecipeError(f"--weights {text}: no such mixture{nearest(text, [*builtin_names(), *BASELINES])}")


def builtin_names() -> list[str]:
    """Names of the published mixtures that come with the package, sorted."""
    found = (resources.files("curate") / "mixtures").iterdir()
    return sorted(item.name.removesuffix(".toml") for item in found if item.name.endswith(".toml"))


def builtin(name: str) -> Mixture:
    """One of the published mixtures."""
    text = (resources.files("curate") / "mixtures" / f"{name}.toml").read_text(encoding="utf-8")
    return from_toml(text, f"{name}.toml (built in)", name)


def from_toml(text: str, where: str, name: str) -> Mixture:
    """Read a mixture; `where` is named in errors, `name` is used when the file gives none."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{where}: not TOML: {error}") from error
    for key in table:
        if key not in KEYS:
            raise RecipeError(f"{where}: unknown key {key!r}{nearest(key, KEYS)}")
    if not isinstance(table.get("weights"), dict) or not table["weights"]:
        raise RecipeError(f"{where}: needs a table [weights] with one line per source, e.g. web = 0.8")
    weights = _checked(table["weights"], where)
    for key in ("sizes", "epochs"):
        table[key] = _numbers(table.get(key, {}), f"{where}: [{key}]")
        for source in table[key]:
            if source not in weights:
                raise RecipeError(f"{where}: [{key}] names {source!r}, which has no weight{nearest(source, weights)}")
    trained = table.get("trained_tokens")
    tokens = units.parse(str(trained), f"{where}: trained_tokens") if trained is not None else None
    table.update(weights=weights, trained_tokens=tokens, name=str(table.get("name", name)))
    return Mixture(**_typed(table, where))


def _typed(table: dict[str, object], where: str) -> dict[str, Any]:
    if not isinstance(table.get("normalise", False), bool):
        raise RecipeError(f"{where}: normalise must be true or false")
    if table.get("unit", "tokens") not in ("tokens", "bytes"):
        raise RecipeError(f"{where}: unit must be tokens or bytes, got {table['unit']!r}")
    for key in ("about", "reference", "notes"):
        if not isinstance(table.get(key, ""), str):
            raise RecipeError(f"{where}: {key} must be a string")
    return table


def _from_file(path: Path) -> Mixture:
    try:
        text = storage.read_bytes(str(path)).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"--weights {path}: {said(error)}") from error
    return from_toml(text, str(path), path.stem)


def _baseline(word: str, value: str) -> Mixture:
    if not value:
        if word == "temperature":
            raise RecipeError("temperature needs its value, e.g. temperature=5 (1 is proportional, large is uniform)")
        return Mixture(word, baseline=word)
    if word in ("proportional", "uniform"):
        raise RecipeError(f"{word} takes no value")
    try:
        parameter = float(value)
    except ValueError as error:
        raise RecipeError(f"{word}={value}: not a number") from error
    if not (math.isfinite(parameter) and parameter > 0):
        raise RecipeError(f"{word}={value}: must be a positive number")
    return Mixture(f"{word}={value}", baseline=word, parameter=parameter)


def _inline(text: str) -> dict[str, float]:
    weights: dict[str, Any] = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if not equals:
            raise RecipeError(f"--weights: {part!r} is not NAME=WEIGHT")
        if name.strip() in weights:
            raise RecipeError(f"--weights names {name.strip()!r} twice")
        try:
            weights[name.strip()] = float(value)
        except ValueError as error:
            raise RecipeError(f"--weights: {value!r} is not a number (in {part!r})") from error
    return _checked(weights, "--weights")


def _checked(weights: Mapping[str, object], where: str) -> dict[str, float]:
    """Weights that are finite, not negative and not all zero, under names that can be file names."""
    found = _numbers(weights, where)
    for name in found:
        check_name(name, where)
    if sum(found.values()) <= 0:
        raise RecipeError(f"{where}: all weights are 0")
    return found


def _numbers(table: object, where: str) -> dict[str, float]:
    if not isinstance(table, dict):
        raise RecipeError(f"{where} must be a table of numbers")
    found = {}
    for name, value in table.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise RecipeError(f"{where}: {name} = {value!r} is not a number")
        if value < 0:
            raise RecipeError(f"{where}: {name} = {value} is negative")
        found[str(name)] = float(value)
    return found


def normalised(weights: Mapping[str, float]) -> dict[str, float]:
    """The same proportions, adding up to 1."""
    total = math.fsum(weights.values())
    return {name: value / total for name, value in weights.items()}


def settle(mixture: Mixture, sources: Iterable[str], *, normalise: bool = False, drop: bool = False) -> Mixture:
    """The mixture for the sources at hand: same names on both sides, weights that add up to 1.

    `normalise` scales the weights; `drop` leaves out what has a weight but no source (and scales). Sources of
    weight 0 are left out. Raises RecipeError for the first thing that does not fit, with the way out.
    """
    names = list(sources)
    if not names:
        raise UsageError("no sources: give --source NAME=FOLDER at least once")
    if mixture.baseline:
        return mixture
    weights = dict(mixture.weights)
    for name in names:
        if name not in weights:
            raise RecipeError(f"--source {name} has no weight in {mixture.name}{nearest(name, weights)}")
    missing = [name for name, value in weights.items() if name not in names and value > 0]
    if missing and not drop:
        raise RecipeError(
            f"{mixture.name} gives weight to {', '.join(missing)}, but there is no such --source. "
            "Add it, or write --drop-missing to share its weight among the others"
        )
    kept = {name: weights[name] for name in names if weights[name] > 0}
    if not kept:
        raise RecipeError(f"{mixture.name}: none of the sources has a weight above 0")
    total = math.fsum(weights.values())
    if abs(total - 1) > TOLERANCE and not (normalise or mixture.normalise):
        raise RecipeError(_sum_message(mixture.name, total, weights))
    return replace(mixture, weights=normalised(kept))


def _sum_message(name: str, total: float, weights: Mapping[str, float]) -> str:
    offer = ",".join(f"{source}={value:.10g}" for source, value in normalised(weights).items())
    percent = " (percent? weights are shares of 1)" if abs(total - 100) < 2 else ""
    return (
        f"the weights of {name} add up to {total:.6g}, not 1{percent}. "
        f"Write --normalise (normalise=True in Python) to scale them, or use: --weights {offer}"
    )


def resolve(mixture: Mixture, sizes: Mapping[str, float], budget: float, max_epochs: float) -> dict[str, float]:
    """Weights that add up to 1: the stated ones, or those of a baseline for these sizes and this budget."""
    if not mixture.baseline:
        return dict(mixture.weights)
    if mixture.baseline == "uniform":
        return uniform(sizes)
    if mixture.baseline == "proportional":
        return proportional(sizes)
    if mixture.baseline == "temperature":
        return temperature(sizes, mixture.parameter or 1.0)
    return unimax(sizes, budget, mixture.parameter or max_epochs)


# ---- weights that follow from the sizes of the sources alone: what a chosen mixture is compared with ----


def proportional(sizes: Mapping[str, float]) -> dict[str, float]:
    """Each source as often as it is large: every source gets the same number of epochs."""
    return temperature(sizes, 1.0)


def uniform(sizes: Mapping[str, float]) -> dict[str, float]:
    """The same weight for each source."""
    return {name: 1 / len(sizes) for name in sizes}


def temperature(sizes: Mapping[str, float], tau: float) -> dict[str, float]:
    """Shares raised to 1/tau and normalised: tau=1 is proportional, large tau goes to uniform.

    Raffel et al. 2020 (T5), section 3.5.2; the exponent of mT5 (Xue et al. 2021, alpha = 0.3) is 1/tau.
    """
    if not (math.isfinite(tau) and tau > 0):
        raise RecipeError(f"the temperature must be a positive number, got {tau}")
    largest = max(sizes.values(), default=0.0)
    if not largest > 0:
        raise RecipeError("every source is empty")
    power = min(1 / tau, 1e300)  # of the share in the largest: its own is 1 whatever the power, and the sum is never 0
    powers = {name: (size / largest) ** power if size else 0.0 for name, size in sizes.items()}
    scale = sum(powers.values())
    return {name: power / scale for name, power in powers.items()}


def unimax(sizes: Mapping[str, float], budget: float, max_epochs: float) -> dict[str, float]:
    """As uniform as possible while no source is repeated more than `max_epochs` times.

    Chung et al. 2023 (UniMax), algorithm 1: smallest source first; each takes an equal share of what is left
    of the budget, or `max_epochs` times its size where that is less.
    """
    if not (math.isfinite(max_epochs) and max_epochs > 0):
        raise RecipeError(f"the epoch cap of unimax must be a positive number, got {max_epochs}")
    left, drawn = float(budget), {}
    for done, name in enumerate(sorted(sizes, key=lambda name: (sizes[name], name))):
        drawn[name] = min(left / (len(sizes) - done), max_epochs * sizes[name])
        left = max(0.0, left - drawn[name])  # the last one takes what is left, but for rounding
    total = sum(drawn.values())
    if total <= 0:
        raise RecipeError("unimax: every source is empty")
    return {name: drawn[name] / total for name in sizes}


# ---- sources as they are named on the command line ----


def source_paths(texts: Sequence[str]) -> dict[str, str]:
    """Path of each source by name, from NAME=PATH, or from FOLDER/KEY=* with a source a folder: `corpus/data/language=*`.

    Raises UsageError.
    """
    found: dict[str, str] = {}
    for name, path in (pair for text in texts for pair in _named(text)):
        check_name(name, "--source")
        if name in found:
            raise UsageError(f"--source {name} is given twice; a glob pattern can name several folders")
        found[name] = path
    return found


def _named(text: str) -> list[tuple[str, str]]:
    """(name, path) of one --source."""
    name, equals, path = text.partition("=")
    if equals and path and "/" not in name:
        return [(name, path)]
    refuse_empty(text, "--source")
    if name and equals:
        refuse_empty(path, f"the path of --source {name}")
    folder, slash, last = text.rstrip("/").rpartition("/")
    if not (slash and "=" in last):
        raise UsageError(f"--source {text}: write NAME=PATH, or FOLDER/language=* for a source a language")
    if not storage.exists(folder):
        raise UsageError(f"--source {text}: there is no folder {folder}; a name has no slash: NAME=PATH")
    below = {name.split("/")[0] for name in files.tree(folder)[0] if "/" in name}
    matching = sorted(one for one in below if one == last or fnmatch.fnmatchcase(one, last))
    if not matching:
        if storage.exists(text):
            raise UsageError(f"--source {text}: is a file: write NAME={text}")
        raise UsageError(f"--source {text}: no folder in {folder} is called so")
    return [(one.partition("=")[2], storage.join(folder, one)) for one in matching]


def columns_by_source(texts: Sequence[str], names: Mapping[str, str], option: str) -> dict[str, str]:
    """Column by source, from COLUMN (for all) and SOURCE=COLUMN."""
    found: dict[str, str] = {}
    for text in sorted(texts, key=lambda one: "=" in one):
        source, equals, column = text.rpartition("=")
        if not equals:
            found.update(dict.fromkeys(names, column))
        elif source in names:
            found[source] = column
        else:
            raise UsageError(f"{option} {text}: no source {source!r}{nearest(source, names)}")
    return found


def check_name(name: str, where: str) -> None:
    """Refuse names of sources that can't be names of files on every system."""
    allowed = name and len(name) <= 80 and name[0] not in "._-" and all(c.isalnum() or c in "._-+" for c in name)
    if not allowed:
        raise RecipeError(f"{where}: {name!r} can't name a source (letters, digits, . _ - +; at most 80)")
