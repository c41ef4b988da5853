"""`curate budget`."""

import math
import os
from pathlib import Path
from typing import Any

import click

from curate.commands.options import json_option, printed
from curate.errors import InputError, UsageError


@click.command()
@click.option("--flops", type=float, help="Training compute, e.g. 1e20.")
@click.option("--hours", type=float, help="Instead: hours on the GPUs below.")
@click.option("--parameters", metavar="N", help="Instead: a model size (70B); data by the 20 : 1 rule.")
@click.option("--gpu", default="h100", show_default=True, help="Name of the GPU; an unknown name lists the known ones.")
@click.option("--gpus", default=1, show_default=True, help="How many.")
@click.option("--mfu", default=0.4, show_default=True, help="Share of the GPU's nominal peak that training reaches.")
@click.option("--unique-tokens", metavar="N", help="Unique tokens in the data (3B).")
@click.option(
    "--source", "sources", multiple=True, metavar="[NAME=]PATH", help="Or count them from Parquet or JSON lines."
)
@click.option("--tokenizer", metavar="FILE", help="tokenizer.json to count with.  [default: the probe trainer's]")
@click.option(
    "--fit",
    "fits",
    multiple=True,
    metavar="DIR",
    help="Probe experiments at several sizes: also fit laws to their own loss.",
)
@json_option
def budget(
    unique_tokens: str | None,
    sources: tuple[str, ...],
    tokenizer: str | None,
    fits: tuple[str, ...],
    as_json: bool,
    **asked: Any,
) -> None:
    """Compute-optimal model size and tokens for a compute budget, and how long training takes.

    \b
    curate budget --flops 1e20
    curate budget --hours 8 --gpu a100 --gpus 4 --source corpus/
    curate budget --flops 1e18 --fit runs/
    """
    from curate.mixing import budget as rules
    from curate.mixing import units

    flops = _flops(**asked)
    gpu, gpus, mfu = asked["gpu"], asked["gpus"], asked["mfu"]
    seconds = rules.seconds(flops, gpu, gpus, mfu)
    found = rules.answers(flops)
    unique = _unique(sources, tokenizer) if sources else None
    if unique_tokens:
        if sources:
            raise UsageError("give --unique-tokens or --source, not both")
        unique = units.parse(unique_tokens, "--unique-tokens")
    supplies = [rules.supply(unique, one.tokens) if unique is not None else None for one in found]
    fitted = _fitted(fits, flops) if fits else []
    for one in fitted:
        has = rules.supply(unique, one["tokens"]) if unique is not None else None
        one["supply"] = vars(has) if has else None
    value = {
        "flops": flops,
        "gpu": gpu,
        "gpus": gpus,
        "mfu": mfu,
        "seconds": seconds,
        "unique_tokens": unique,
        "answers": [
            {**vars(one), "supply": vars(has) if has else None} for one, has in zip(found, supplies, strict=True)
        ],
        "fits": fitted,
    }
    printed(value, as_json, lambda: _table(value))


def _flops(flops: float | None, hours: float | None, parameters: str | None, gpu: str, gpus: int, mfu: float) -> float:
    from curate.mixing import budget as rules
    from curate.mixing import units

    if sum(value is not None for value in (flops, hours, parameters)) != 1:
        raise UsageError("give one of --flops, --hours and --parameters")
    if parameters is not None:
        size = units.parse(parameters, "--parameters")
        return rules.flops_of(size, rules.TOKENS_PER_PARAMETER * size)
    if hours is not None:
        if not (math.isfinite(hours) and hours > 0):
            raise UsageError(f"--hours must be a positive number, got {hours:g}")
        return hours * 3600 / rules.seconds(1.0, gpu, gpus, mfu)
    return float(flops or 0)


def _fitted(folders: tuple[str, ...], flops: float) -> list[dict[str, Any]]:
    """What the laws of probe experiments make of the budget (see train_probe/scaling.py)."""
    try:
        from train_probe import scaling
        from train_probe.errors import ProbeError
    except ImportError as error:
        raise UsageError(f"--fit needs torch: pip install 'curate-corpora[probe]' ({error})") from error
    try:
        return scaling.spent([Path(folder) for folder in folders], flops)
    except ProbeError as error:
        raise InputError(f"--fit: {error}") from error


def _unique(paths: tuple[str, ...], tokenizer: str | None) -> int:
    """Count the tokens of the sources on this machine, or take the counts that are kept."""
    from curate.console.terminal import notes
    from curate.engine.tasks import here
    from curate.mixing import counts, sources
    from curate.tokens import tokenizer as tokenizers

    file = tokenizers.find(tokenizer)
    total = 0
    for place, text in enumerate(paths):
        name, equals, path = text.partition("=")
        if not equals or os.path.exists(text):  # a path may hold a =, as folders dump=… do
            name, path = "", text
        source = sources.find(name or f"source-{place}", path)
        notes(source.notes)
        tasks = counts.tasks(source, counts.cache_folder(), file)
        total += sum(result.totals.tokens for result in here(counts.count_file, tasks))
    return total


def _table(value: dict[str, Any]) -> Any:
    from rich.console import Group
    from rich.text import Text

    from curate.console.tables import Table
    from curate.console.terminal import duration
    from curate.mixing.units import short

    table = Table(box=None, pad_edge=False)
    for place, name in enumerate(("rule", "parameters", "tokens", "tokens a parameter", "predicted loss", "data")):
        table.add_column(name, justify="left" if place in (0, 5) else "right")
    for one in value["answers"]:
        ratio = one["tokens"] / one["parameters"]
        supply = one["supply"]["verdict"] if one["supply"] else "—"
        numbers = (short(one["parameters"]), short(one["tokens"]), f"{ratio:.1f}", f"{one['loss']:.3f}")
        table.add_row(one["rule"], *numbers, supply)
    for one in value["fits"]:
        low_high = f" [{one['interval'][0]:.3f}, {one['interval'][1]:.3f}]" if one["interval"] else ""
        rule = f"fit of {one['mixture']}" + ("" if one["best"] else ", tokens a parameter as in its largest run")
        table.add_row(
            Text(rule),  # names are of folders: no markup
            short(one["parameters"]),
            short(one["tokens"]),
            f"{one['tokens'] / one['parameters']:.1f}",
            f"{one['loss']:.3f}{low_high} bits a byte",
            one["supply"]["verdict"] if one["supply"] else "—",
        )
    where = f"{value['gpus']} x {value['gpu']} at {value['mfu']:.0%} of its nominal peak"
    days = value["seconds"] / 86400
    time = f"{days:,.1f} days" if days > 2 else duration(value["seconds"])
    lines = [f"{value['flops']:.3g} FLOPs: {time} on {where}"]
    if value["fits"]:
        beyond = max(one["beyond"] for one in value["fits"])
        lines.append(
            f"fits: bits a byte of the experiments' held-out text, {beyond:.3g} times beyond their largest run; parameters are FLOPs of "
            "a token / 6"
        )
    if value["unique_tokens"] is not None:
        lines.append(f"unique tokens: {short(value['unique_tokens'])} (repeats: Muennighoff et al. 2023)")
    return Group(*lines, "", table)
