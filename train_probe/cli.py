"""The commands of the probe: `python -m train_probe train` and `curate probe-train` are the same objects."""

import difflib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from train_probe.config import FAMILIES, PRESETS, parse
from train_probe.errors import ProbeError
from train_probe.request import Request, RunConfig, named, proportional, stated
from train_probe.shown import visible


class Refused(click.ClickException):
    """An error of the person who runs the probe: one line, exit code 2."""

    exit_code = 2

    def show(self, file: object = None) -> None:
        """On stderr, control characters made visible."""
        click.echo(f"error: {visible(self.message)}", err=True)


class Command(click.Command):
    """A command whose ProbeErrors are one line, and whose interruption says how to go on."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it."""
        try:
            import torch  # noqa: F401
        except ImportError:
            raise Refused("the probe needs torch: pip install 'curate-corpora[probe]'") from None
        try:
            return super().invoke(ctx)
        except ProbeError as error:
            raise Refused(str(error)) from None
        except KeyboardInterrupt:
            click.echo("stopped; finished runs are kept, the same command goes on", err=True)
            raise click.exceptions.Exit(130) from None


class Quantity(click.ParamType[float]):
    """150K, 50M, 2B, 1e9."""

    name = "quantity"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number, which is at least 1."""
        if isinstance(value, int | float):
            return float(value)
        try:
            return parse(str(value), 1e30 if param is not None and param.name == "flops" else 2.0**62)
        except ProbeError as error:
            self.fail(str(error), param, ctx)


def _add(options: list[Any]) -> Callable[[Any], Any]:
    def add(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add


_folder = click.Path(path_type=Path)


def _experiment(seeds: int) -> Callable[[Any], Any]:
    """The options that decide the result."""
    return _add(
        [
            click.option(
                "--shards",
                multiple=True,
                metavar="[NAME=]PATH",
                help="A corpus: a folder or file of Parquet or JSON lines. Repeatable.",
            ),
            click.option("--output", type=_folder, required=True, metavar="DIR", help="Folder of the experiment."),
            click.option(
                "--preset",
                type=click.Choice(list(PRESETS)),
                default="20m",
                show_default=True,
                help="Size of the model.",
            ),
            click.option(
                "--family", type=click.Choice(FAMILIES), default="llama", show_default=True, help="Model family."
            ),
            click.option(
                "--tokens", type=Quantity(), metavar="N", help="Tokens per run (50M).  [default: 20 per weight]"
            ),
            click.option(
                "--bytes", "size", type=Quantity(), metavar="N", help="Instead: bytes of text per run (200MB)."
            ),
            click.option(
                "--minutes", type=click.FloatRange(min=0, min_open=True), help="Instead: minutes for all runs together."
            ),
            click.option("--flops", type=Quantity(), metavar="N", help="Instead: FLOPs per run (1e15)."),
            click.option(
                "--max-epochs",
                type=click.FloatRange(min=0, min_open=True),
                default=4.0,
                show_default=True,
                help="Refuse to read a corpus more often than this.",
            ),
            click.option(
                "--seeds",
                type=click.IntRange(min=1),
                default=seeds,
                show_default=True,
                help="Runs per corpus, planned from the start.",
            ),
            click.option(
                "--held-out",
                default="",
                metavar="PATH",
                help="All of this is held out.  [default: heldout/ of the mixtures, or a part of each]",
            ),
            click.option(
                "--held-out-bytes", type=Quantity(), metavar="N", help="At most this many bytes of each source."
            ),
            click.option(
                "--tokenizer",
                default="",
                metavar="FILE",
                help="tokenizer.json, or 'bytes'.  [default: the shipped one]",
            ),
            click.option(
                "--tasks",
                multiple=True,
                metavar="FILE",
                help="Questions as JSON lines. Repeatable.  [default: the bundled ones]",
            ),
            click.option("--no-tasks", is_flag=True, help="Use held-out text only."),
            click.option(
                "--primary",
                metavar="WHAT",
                help="Primary metric: bpb, TASK or mean:SUITE, fixed before training (docs/probe.md).  [default: bpb]",
            ),
            click.option("--task-files", type=_folder, metavar="DIR", help="Folder with a suite's files."),
            click.option(
                "--documents",
                type=click.Choice(["auto", "apart", "shared"]),
                default="auto",
                show_default=True,
                help="Whether each seed reads its own documents.",
            ),
            click.option(
                "--max-uneven",
                type=click.FloatRange(0, 1, min_open=True),
                default=0.05,
                show_default=True,
                help="Refuse if a run's share of a source would be further off target than this.",
            ),
            click.option(
                "--lr-scale",
                type=click.FloatRange(min=0, min_open=True),
                default=1.0,
                show_default=True,
                help="Factor for all learning rates.",
            ),
            click.option(
                "--optimizer",
                type=click.Choice(["muon", "adamw"]),
                default="muon",
                show_default=True,
                help="For the hidden matrices; everything else uses AdamW.",
            ),
            click.option(
                "--schedule",
                type=click.Choice(["wsd", "cosine"]),
                default="wsd",
                show_default=True,
                help="Learning rate schedule: warm-up, stable, decay; or a cosine.",
            ),
        ]
    )


_machine = _add(
    [
        click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 …"),
        click.option(
            "--precision",
            type=click.Choice(["auto", "fp32", "bf16"]),
            default="auto",
            show_default=True,
            help="auto: bf16 if the device supports it.",
        ),
        click.option("--compile", is_flag=True, help="Compile the model first."),
        click.option(
            "--parallel",
            type=click.Choice(["ddp", "fsdp", "tp"]),
            default="ddp",
            show_default=True,
            help="How several devices share a run, under torchrun.",
        ),
        click.option(
            "--micro-rows", type=click.IntRange(min=0), default=0, help="Rows per forward pass of one device."
        ),
        click.option(
            "--checkpoint-every",
            type=click.IntRange(min=0),
            default=0,
            metavar="STEPS",
            help="Write checkpoints to resume from after a stop.  [default: at the end only]",
        ),
        click.option("--tensorboard", is_flag=True, help="Also write the curves for TensorBoard."),
        click.option(
            "--only", type=click.Choice(["prepare", "run"]), help="Run one half: prepare here, train elsewhere."
        ),
    ]
)


@click.command("train", cls=Command)
@_experiment(seeds=3)
@_machine
def train(**options: Any) -> None:
    """Train a small model on every corpus with every seed, and report which corpus is better.

    \b
    curate probe-train --shards mixes/a --shards mixes/b --preset 20m --tokens 400M --output runs/ab
    """
    _train(named, options)


@click.command("control", cls=Command)
@_experiment(seeds=5)
@_machine
def control(**options: Any) -> None:
    """Measure the noise of every metric: all corpora as one, with several seeds."""
    _train(proportional, options)


def _train(mixtures: Callable[[list[str]], dict[str, str | list[str]]], a: dict[str, Any]) -> None:
    from train_probe import experiment, suite

    shards = mixtures(list(a["shards"]))
    request: Request | None = None
    run_config: RunConfig | None = None
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and a["only"] != "run":
        raise ProbeError(
            "several processes: prepare first (--only prepare, without torchrun), then torchrun with --only run"
        )
    if a["only"] != "run":
        before = stated(a["output"])
        if before is not None and not (a["primary"] or a["tasks"] or a["no_tasks"]):
            asked = suite.Asked(before.tasks, before.suites, before.primary)
        else:
            asked = suite.ask(a["primary"], a["tasks"], a["no_tasks"], a["task_files"])
        request = Request(
            mixtures=shards,
            preset=a["preset"],
            family=a["family"],
            tokens=int(a["tokens"] or 0),
            bytes=int(a["size"] or 0),
            seeds=a["seeds"],
            held_out=a["held_out"],
            held_out_bytes=int(a["held_out_bytes"] or 0),
            tokenizer=a["tokenizer"],
            lr_scale=a["lr_scale"],
            optimizer=a["optimizer"],
            schedule=a["schedule"],
            tasks=asked.tasks,
            suites=asked.suites,
            primary=asked.primary,
            documents=a["documents"],
            max_epochs=a["max_epochs"],
            max_uneven=a["max_uneven"],
        )
    if a["only"] != "prepare":
        names = ("device", "precision", "compile", "parallel", "micro_rows", "checkpoint_every", "tensorboard")
        run_config = RunConfig(
            **{name: a[name] for name in names}, minutes=a["minutes"] or 0.0, flops=a["flops"] or 0.0
        )
    if compared := experiment.conduct(request, a["output"], run_config, _log):
        click.echo(visible(compared["text"]))


@click.command("compare", cls=Command)
@click.argument("output", type=_folder)
@click.option(
    "--now", is_flag=True, help="Give a verdict before all planned seeds are finished: it uses up its share of the 5 %."
)
@click.option("--primary", metavar="WHAT", help="Show another metric than the stated one: it gives no verdict.")
@click.option("--json", "as_json", is_flag=True, help="Print all figures as JSON.")
def compare(output: Path, now: bool, primary: str | None, as_json: bool) -> None:
    """Repeat the verdict from the results on disk, and write report.html."""
    from train_probe.compare import compare as judge

    found = judge(output, now=now, primary=primary)
    click.echo(json.dumps(found, indent=1) if as_json else visible(found["text"]))


@click.command("scale", cls=Command)
@click.argument("runs", type=_folder, nargs=-1, required=True)
@click.option(
    "--further",
    type=click.FloatRange(min=1),
    default=10.0,
    show_default=True,
    metavar="X",
    help="Extrapolate the fits to X times the largest compute.",
)
@click.option("--json", "as_json", is_flag=True, help="Print all figures as JSON.")
def scale(runs: tuple[Path, ...], further: float, as_json: bool) -> None:
    """Show whether a ranking holds at several sizes, and how each mixture's loss falls with compute.

    RUNS are folders of experiments that compare the same mixtures at different sizes or budgets, or a folder of them.

    \b
    curate probe-scale runs/ab-nano runs/ab-4m runs/ab-20m
    """
    from train_probe import scaling

    found = scaling.scale(runs, further)
    click.echo(json.dumps(found, indent=1) if as_json else visible(scaling.text(found)))


@click.command("eval", cls=Command)
@click.argument("checkpoint", type=_folder)
@click.option(
    "--tasks", multiple=True, metavar="FILE", help="Questions as JSON lines. Repeatable.  [default: the bundled ones]"
)
@click.option("--no-tasks", is_flag=True, help="Use held-out text only.")
@click.option(
    "--shots", type=click.IntRange(min=0), default=0, show_default=True, help="Solved examples before each question."
)
@click.option(
    "--examples",
    type=_folder,
    metavar="FILE",
    help="File to take them from, the first ones.  [default: the task itself]",
)
@click.option("--held-out", type=_folder, metavar="PATH", help="A token file, or Parquet or JSON lines.")
@click.option("--tokenizer", type=_folder, metavar="FILE", help="[default: the one next to the checkpoint]")
@click.option("--json", "as_json", is_flag=True, help="Print all figures as JSON.")
def evaluate(
    checkpoint: Path,
    tasks: tuple[str, ...],
    no_tasks: bool,
    shots: int,
    examples: Path | None,
    held_out: Path | None,
    tokenizer: Path | None,
    as_json: bool,
) -> None:
    """Evaluate a checkpoint on held-out text and on tasks.

    CHECKPOINT is the folder of a run, its checkpoint.pt, or a Hugging Face folder (GPT-2, LLaMA).
    """
    import numpy as np

    from train_probe import suite
    from train_probe import tasks as questions
    from train_probe.breakdown import contributions
    from train_probe.checkpoint import held_out_file, open_model
    from train_probe.evaluate import evaluate as measure
    from train_probe.tokenizer import token_bytes

    if no_tasks and tasks:
        raise ProbeError(suite.BOTH)
    opened = open_model(checkpoint, tokenizer)
    scores: dict[str, Any] = {}
    parts: dict[str, Any] = {}
    if held_out:
        with held_out_file(held_out, opened.tokenizer) as file:
            found = measure(opened.model, file, np.array(token_bytes(opened.tokenizer)))
        scores |= found.scores
        parts = {division: contributions(some) for division, some in found.parts.items() if len(some) > 1}
    solved = questions.read(examples) if examples else None
    for name in [] if no_tasks else list(tasks) or questions.bundled():
        task = questions.with_examples(questions.read(name), shots, solved)
        scores |= questions.evaluate(opened.model, questions.encode(task, opened.tokenizer))
    if as_json:
        shown: dict[str, Any] = {name: value.mean for name, value in scores.items()}
        click.echo(json.dumps(shown | ({"parts of the bits per byte": parts} if parts else {}), indent=1))
        return
    for name, value in scores.items():
        click.echo(f"{value.mean:.4f}  {visible(name)}{'  (at chance)' if value.at_chance() else ''}")
    for division, some in parts.items():
        told = ", ".join(f"{name} {value:.4f}" for name, value in some.items())
        click.echo(f"of the bits per byte by {division}: {visible(told)}")


@click.command("export", cls=Command)
@click.argument("checkpoint", type=_folder)
@click.argument("folder", type=_folder)
def export(checkpoint: Path, folder: Path) -> None:
    """Write a checkpoint as a Hugging Face folder."""
    from train_probe.export import export as write

    write(checkpoint, folder)


class Group(click.Group):
    """Commands by name, with the nearest one for a misspelt name; `evaluate` is `eval`."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        return super().get_command(ctx, "eval" if cmd_name == "evaluate" else cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments ask for."""
        if args and self.get_command(ctx, args[0]) is None:
            near = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            ctx.fail(f"no command {args[0]!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def group() -> None:
    """Which of several corpora is better, measured by training small models on them."""


for _command in (train, control, compare, scale, evaluate, export):
    group.add_command(_command)


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
