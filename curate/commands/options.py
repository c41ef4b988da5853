"""Options that several commands share."""

import functools
import gc
import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from curate.cli import ALONE
from curate.engine import starts
from curate.engine.memory import size

if TYPE_CHECKING:
    from rich.console import Console

FILE_WIDTH = 200
"""Columns that a table may take in a file or a pipe; lines have no blanks at their ends there."""


def collect_rarely() -> None:
    """As a program (`cli.ALONE`), not inside another one: what imports make is no garbage, and to go through it takes up to a tenth of a second."""
    if (click.get_current_context().obj or {}).get(ALONE):
        gc.set_threshold(50_000)


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--engine, --master, --cores, --memory, --resume, --quiet, --private: keyword arguments of these names. As a program
    (`cli.ALONE`), not inside another one, the command runs without pandas in Arrow, and its first children start before it."""

    @functools.wraps(command)
    def light(*arguments: Any, **options: Any) -> Any:
        if (click.get_current_context().obj or {}).get(ALONE):
            if options["engine"] != "spark" and not options["master"]:
                starts.ahead(options["memory"])
            from curate.engine.children import leave_pandas_out

            collect_rarely()
            leave_pandas_out()
            importlib.import_module("curate.console.tables")  # while the first child begins: the command ends with one
        return command(*arguments, **options)

    options = [
        click.option(
            "--engine",
            type=click.Choice(["sail", "spark"]),
            help="sail: embedded, no Java (default). spark: local Spark, needs Java 17.",
        ),
        click.option("--master", metavar="URL", help="A Spark cluster: spark://host:7077, local[4], sc://host:15002 …"),
        click.option(
            "--cores", type=click.IntRange(min=1), help="Parallel tasks on this machine.  [default: all cores]"
        ),
        click.option(
            "--memory",
            metavar="SIZE",
            callback=lambda _context, _option, text: text and size(text),
            help="Memory limit for all processes together, such as 2G: runs fewer tasks in parallel, or refuses.  [default: what is free]",
        ),
        click.option("--resume", is_flag=True, help="Resume an unfinished run of the same job."),
        click.option("--quiet", is_flag=True, help="No progress."),
        click.option(
            "--private",
            is_flag=True,
            help="Refuse to run if other users of this machine can't be kept out of the engine.",
        ),
    ]
    for option in reversed(options):
        light = option(light)
    return light


def given() -> list[str]:
    """Names of the parameters of the running command that were on its command line."""
    context = click.get_current_context()
    typed = click.core.ParameterSource.COMMANDLINE
    return [str(one.name) for one in context.command.params if context.get_parameter_source(str(one.name)) == typed]


def spelled(name: str) -> str:
    """A parameter of the running command as it is typed: --run-tokens."""
    context = click.get_current_context()
    return next((one.opts[0] for one in context.command.params if one.name == name), name)


def inputs_option(what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """--input, repeatable, of which `what` says what it takes, and paths without it, which is what a shell makes of an unquoted
    pattern: keyword argument inputs, one at least."""

    def both(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def named(more: tuple[str, ...], inputs: tuple[str, ...], **options: Any) -> Any:
            if not inputs and not more:
                raise click.UsageError("no input: --input PATH, or the paths alone")
            return command(inputs=(*inputs, *more), **options)

        option = click.option("--input", "inputs", multiple=True, metavar="PATH", help=what)
        return click.argument("more", nargs=-1, metavar="[PATH]...")(option(named))

    return both


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--json: keyword argument as_json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON with stable keys instead of a table.")(
        command
    )


def on_console(show: Callable[["Console"], None]) -> None:
    """Let `show` print to a terminal of any width; a file gets one form: FILE_WIDTH columns, no blanks at the ends of lines."""
    import io

    from rich.console import Console

    if (console := Console(highlight=False, markup=False, emoji=False)).is_terminal:
        show(console)
        return
    text = io.StringIO()
    show(Console(file=text, width=FILE_WIDTH, color_system=None, highlight=False, markup=False, emoji=False))
    click.echo("\n".join(line.rstrip() for line in text.getvalue().removesuffix("\n").split("\n")))


def printed(value: Any, as_json: bool, table: Callable[[], Any]) -> None:
    """Print `value` as JSON, or what `table` makes of it (a rich renderable or a text), to stdout."""
    if as_json:
        from curate.console.terminal import json_text

        click.echo(json_text(value))
        return
    from rich.console import Console

    from curate.console.terminal import plain

    if (console := Console()).is_terminal:
        console.print(table())
    else:
        click.echo(plain(table(), width=FILE_WIDTH))  # whatever the width of a terminal that isn't there
