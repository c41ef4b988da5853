"""`curate mix`, and what `jobs/mix.py` runs."""

import json
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import click

from curate.commands.options import engine_options, given, json_option, spelled
from curate.errors import UsageError

Command = Callable[..., None]


def _sources(command: Command) -> Command:
    options = [
        click.option(
            "--weights",
            metavar="FILE|NAME|LIST",
            help="TOML file, NAME=WEIGHT,NAME=WEIGHT, a published mixture or a baseline: see 'curate recipes'.",
        ),
        click.option(
            "--source",
            "sources",
            multiple=True,
            metavar="NAME=PATH",
            help="Folder, file or glob of Parquet or JSON lines (.gz, .zst). Repeatable. 'corpus/data/language=*': one source per language.",
        ),
        click.option(
            "--text-column", multiple=True, metavar="[NAME=]COLUMN", help="Text column, of one source or all."
        ),
        click.option("--id-column", multiple=True, metavar="[NAME=]COLUMN", help="Id column, of one source or all."),
        click.option(
            "--repeat-by",
            metavar="COLUMN=RULE",
            help="Repeat documents according to a numeric column: cluster_size=fineweb-2, =1:1,2:2,5:5 or =FILE.json.",
        ),
        click.option("--normalise", is_flag=True, help="Rescale weights that do not add up to 1."),
        click.option("--drop-missing", is_flag=True, help="Drop weights without a --source."),
    ]
    return _add(command, options)


def _amounts(command: Command) -> Command:
    options = [
        click.option("--tokens", metavar="N", help="Budget, e.g. 2B.  [default: as much as fits without repeats]"),
        click.option(
            "--bytes", "size", metavar="N", help="Budget in bytes of text (10GB); weights are shares of bytes."
        ),
        click.option("--documents", metavar="N", help="Budget in documents; weights are shares of documents."),
        click.option(
            "--unit",
            type=click.Choice(["tokens", "bytes", "documents"]),
            help="What weights are shares of, if no budget implies it.  [default: tokens]",
        ),
        click.option(
            "--max-epochs", default=4.0, show_default=True, help="Refuse to repeat a source more often than this."
        ),
        click.option("--seed", default=0, show_default=True, help="The same seed samples the same documents first."),
        click.option(
            "--held-out", default=0.01, show_default=True, help="Share of the ids that is excluded from every mixture."
        ),
        click.option(
            "--tokenizer", metavar="FILE", help="tokenizer.json to count with.  [default: the probe trainer's]"
        ),
    ]
    return _add(command, options)


def _cleanliness(command: Command) -> Command:
    options = [
        click.option(
            "--decontaminate",
            "tasks",
            multiple=True,
            metavar="PATH",
            help="Evaluation tasks to keep out: JSON lines, or a folder of them.  [default: the bundled ones]",
        ),
        click.option("--no-decontaminate", is_flag=True, help="Don't check for evaluation tasks."),
        click.option(
            "--common",
            type=click.IntRange(min=0),
            default=10,
            show_default=True,
            help="A question found without its answer in more documents than this is common text, and is kept.",
        ),
        click.option(
            "--report-only", is_flag=True, help="Report documents that contain evaluation tasks, and keep them."
        ),
    ]
    return _add(command, options)


def _add(command: Command, options: Sequence[Callable[[Command], Command]]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def _search(command: Command) -> Command:
    options = [
        click.option("--search", is_flag=True, help="Search for weights instead of using given ones: docs/search.md."),
        click.option(
            "--from",
            "tables",
            multiple=True,
            metavar="FILE",
            help="With --search: tables of existing runs (CSV: weights and losses); nothing is trained.",
        ),
        click.option(
            "--objective", metavar="WHAT", help="With --search: what to minimise.  [default: mean of all metrics]"
        ),
        click.option(
            "--task-files", metavar="DIR", help="With --search: folder with the files of an objective's suite."
        ),
        click.option("--prior", metavar="FILE|LIST", help="With --search: weights to start from and compare with."),
        click.option("--among", metavar="FILE", help="With --search --from: choose one of these mixtures (CSV)."),
        click.option(
            "--penalty",
            default=0.02,
            show_default=True,
            help="With --search: cost of moving away from the prior, per nat of divergence in units of the runs' spread.",
        ),
        click.option(
            "--runs",
            default="auto",
            show_default=True,
            metavar="N",
            help="With --search: models to train, 2 per source + 1.",
        ),
        click.option("--preset", default="4m", show_default=True, help="With --search: model size (nano, 4m …)."),
        click.option("--run-tokens", metavar="N", help="With --search: tokens per run.  [default: 20 per weight]"),
        click.option(
            "--check-seeds",
            default=3,
            show_default=True,
            type=click.IntRange(min=0, max=100),
            help="With --search: seeds for training the answer, the prior and the best sampled mixture, to compare them.",
        ),
        click.option("--compile", "compile_model", is_flag=True, help="With --search: compile the model first."),
    ]
    return _add(command, options)


SEARCH_ONLY = (
    "tables",
    "objective",
    "task_files",
    "prior",
    "among",
    "penalty",
    "runs",
    "preset",
    "run_tokens",
    "check_seeds",
    "compile_model",
)


@click.command()
@_sources
@_amounts
@_cleanliness
@_search
@click.option("--output", metavar="DIR", help="Folder of the mixture; must not exist.")
@click.option("--plan", "plan_only", is_flag=True, help="Print the table and write nothing.")
@click.option("--tokenize", is_flag=True, help="Also write packed token ids, for memory mapping.")
@click.option(
    "--format",
    "format",
    type=click.Choice(["curate", "nanogpt", "megatron", "datatrove", "mosaic", "litgpt"]),
    help="With --tokenize: file format, by trainer.  [default: curate, the probe's]",
)
@click.option(
    "--sequence-length",
    type=click.IntRange(1, 1 << 20),
    metavar="N",
    help="With --format mosaic: tokens per sample.  [default: 2048]",
)
@click.option("--shards", type=click.IntRange(min=1), help="Files to write.  [default: one per 256 MB of text]")
@click.option(
    "--counts",
    metavar="DIR",
    help="Cache folder for token counts; on a cluster, a shared one.  [default: ~/.cache/curate]",
)
@engine_options
@json_option
def mix(plan_only: bool, as_json: bool, **options: Any) -> None:
    """Mix corpora at given weights, counted in tokens.

    \b
    curate mix --weights web=0.8,code=0.2 --source web=corpus/ --source code=code/ --tokens 50M --plan
    curate mix --weights llama --drop-missing --source wikipedia=wiki/ … --tokens 2B --output mixes/llama
    curate mix --search --source web=… --source code=… --preset 4m --output search/   # which weights?
    curate mix --search --from runs.csv --output search/        # the same from runs that others trained
    curate mix --weights search/best.toml --source …
    """
    if options.pop("search"):
        _searched(options, as_json)
        return
    asked_for = given()
    for name in SEARCH_ONLY:
        if name in asked_for:
            raise UsageError(f"{spelled(name)} needs --search")
        del options[name]
    if not options["weights"]:
        raise UsageError("give --weights FILE, NAME or LIST (or --search to look for them)")
    from curate.engine.session import EngineOptions
    from curate.jobs import mix as jobs
    from curate.mixing import ledger as ledgers
    from curate.report import mixture_card

    engine = EngineOptions(**{found.name: options.pop(found.name) for found in fields(EngineOptions)})
    asked = jobs.Options(**options)
    if plan_only:
        planned, order = jobs.show(asked, engine)
        told = ledgers.rule_of_thumb(planned), ledgers.warnings(planned)
        _show(ledgers.plan_json(planned), mixture_card.plan_table(planned), *told, as_json)
        planned.check_repeats(order.max_epochs)
    else:
        ledger = jobs.mix(asked, engine)
        _show(ledger, mixture_card.ledger_table(ledger), ledger["rule_of_thumb"], ledger["warnings"], as_json)


_OF_BOTH = ("search", "tables", "objective", "prior", "penalty", "seed", "output", "quiet", "as_json")
_OF_TRAINING = (
    "resume",
    "sources",
    "task_files",
    "runs",
    "preset",
    "run_tokens",
    "check_seeds",
    "compile_model",
    "tokens",
    "max_epochs",
    "tokenizer",
)


def _searched(options: dict[str, Any], as_json: bool) -> None:
    if options["weights"]:
        raise UsageError("--search looks for weights: give --weights or --search (and --prior for a start)")
    if not options["tables"] and options["among"]:
        raise UsageError("--among needs --from FILE: tables of runs")
    used = {*_OF_BOTH, *(("among",) if options["tables"] else _OF_TRAINING)}
    if unused := [name for name in given() if name not in used]:
        names = ", ".join(spelled(name) for name in unused)
        why = (
            "tables of runs are read, and nothing is drawn or trained" if options["tables"] else "no mixture is written"
        )
        raise UsageError(f"--search {'--from' if options['tables'] else 'that trains'} has no {names}: {why}")
    if options["tables"]:
        from curate.search import command

        command.from_tables(options, as_json)
        return
    from curate.commands import mix_search

    mix_search.train(options, options["output"], as_json, options["quiet"])


def _show(value: Any, rows: Sequence[Sequence[str]], rule: str, warnings: Sequence[str], as_json: bool) -> None:
    """A plan or what was written, as JSON or as a table, on stdout; what to know on stderr."""
    from curate.console import cells

    if as_json:
        click.echo(json.dumps(value, indent=1))
    else:
        cells.show(rows)
    for line in filter(None, [rule, *(f"note: {one}" for one in warnings)]):
        click.echo(line, err=True)
