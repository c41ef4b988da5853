"""The command line: a group that imports a command when it is asked for, so that `curate --help` is quick."""

import errno
import gc
import importlib
import importlib.util
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

import click

import curate
from curate.errors import DISK, GOES_ON, in_words, refuse_empty
from curate.files.home import at_home

COMMANDS = {
    "clean": ("curate.commands.clean:clean", "Turn crawl files into a clean, sharded corpus."),
    "dedup": ("curate.commands.dedup:dedup", "Remove duplicate documents, lines or spans from a corpus."),
    "decontaminate": ("curate.commands.decontaminate:decontaminate", "Remove evaluation tasks from a corpus."),
    "code": ("curate.commands.code:code", "Build a corpus from source code with permitted licences."),
    "links": ("curate.commands.links:links", "Collect the pages that Reddit, or other pages, link to."),
    "mix": ("curate.commands.mix:mix", "Mix corpora at given weights."),
    "probe-train": ("train_probe.cli:train", "Train a small model on each mixture and compare."),
    "probe-compare": ("train_probe.cli:compare", "Repeat the verdict from the results on disk."),
    "probe-control": ("train_probe.cli:control", "Measure the noise of every metric."),
    "probe-scale": ("train_probe.cli:scale", "Compare at several model sizes; fit scaling laws."),
    "probe-eval": ("train_probe.cli:evaluate", "Evaluate a checkpoint on tasks."),
    "probe-export": ("train_probe.cli:export", "Export a checkpoint to Hugging Face format."),
    "inspect": ("curate.commands.inspect:inspect", "Show what is in a corpus."),
    "card": ("curate.commands.card:card", "Write what the EU and California require to be published."),
    "explain": ("curate.commands.explain:explain", "Explain why a page was kept or dropped."),
    "whatif": ("curate.commands.whatif:whatif", "Show what other limits of the recipe would keep."),
    "quality": ("curate.commands.quality:quality", "Train and evaluate a quality model."),
    "ngram": ("curate.commands.ngram:ngram", "Train an n-gram model, for perplexity."),
    "extract": ("curate.commands.extract:extract", "Extract the text of one page, with the reasons."),
    "license": ("curate.commands.license:license", "Show the licence of a file or repository."),
    "filters": ("curate.commands.filters:filters", "List the filters with their parameters."),
    "recipes": ("curate.commands.recipes:recipes", "List the built-in recipes and mixtures."),
    "budget": ("curate.commands.budget:budget", "Compute-optimal model and data size."),
    "tokenizer": ("curate.commands.tokenizer:tokenizer", "Train a byte-level BPE tokenizer."),
    "fetch": ("curate.commands.fetch:fetch", "Download Common Crawl files."),
    "assets": ("curate.commands.assets:assets", "Fetch models and word lists that are not part of the package."),
    "sample-crawl": ("curate.commands.sample_crawl:sample_crawl", "Write the embedded sample crawl."),
    "sample-dumps": ("curate.commands.sample_dumps:sample_dumps", "Write the embedded samples of dumps."),
    "push": ("curate.commands.push:push", "Push a corpus or a mixture to the Hugging Face Hub."),
    "export": ("curate.commands.export:export", "Export a corpus as JSON lines, tar files or a Lance table."),
    "bundle": ("curate.commands.bundle:bundle", "Pack the code for a Spark cluster's --py-files."),
}


ALONE = "curate.alone"
"""In the `obj` of click's contexts, true where the process is this command's alone."""


class Lazy(click.Group):
    """Commands by name; the module of a command is imported when it runs, not when it is listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in COMMANDS if _there(name)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS or not _there(cmd_name):
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return _refusing_empty(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS:
            from curate.errors import nearest

            ctx.fail(f"no command {args[0]!r}{nearest(args[0], self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


_PATHS = {"--input", "--output", "--against", "--shards"}
"""Options of any command that name what is read or written."""


def _refusing_empty(command: click.Command) -> click.Command:
    """The command, to which a path that is empty is an error: arguments and options of _PATHS, of its own commands as well."""
    for one in command.commands.values() if isinstance(command, click.Group) else ():
        _refusing_empty(one)
    for parameter in command.params:
        named = isinstance(parameter, click.Argument) or _PATHS & {*parameter.opts}
        if named and isinstance(
            parameter.type, click.Path | _NotEmpty | type(click.STRING)
        ):  # --shards of mix is a number
            parameter.type = _NotEmpty(parameter)
    return command


class _NotEmpty(click.ParamType):  # type: ignore[type-arg]
    """The type of a parameter, for values that are not empty."""

    def __init__(self, parameter: click.Parameter) -> None:
        self.of: Any = parameter.type.of if isinstance(parameter.type, _NotEmpty) else parameter.type
        self.name = self.of.name
        self.what = next((name for name in parameter.opts if name in _PATHS - {"--input"}), "an input")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str):
            refuse_empty(value, self.what)
        return self.of.convert(value, param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> Any:
        return self.of.shell_complete(ctx, param, incomplete)


def _there(name: str) -> bool:
    try:
        return importlib.util.find_spec(COMMANDS[name][0].partition(":")[0]) is not None
    except ModuleNotFoundError:  # the trainer is a package of its own, which `curate bundle` leaves out
        return False


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--debug", is_flag=True, help="Show the traceback of an error (as CURATE_DEBUG=1 does).")
@click.version_option(curate.__version__, prog_name="curate")
def group(debug: bool) -> None:
    """Raw web crawls to pretraining corpora, and a probe that says which corpus is better.

    Every command that prints a table takes --json. Data goes to stdout, messages to stderr; the exit code is 0 only
    on success. Shell completion: eval "$(_CURATE_COMPLETE=bash_source curate)".
    """
    if debug:
        os.environ["CURATE_DEBUG"] = "1"


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `curate`."""
    # Arrow, which is loaded later, soon gives back what is freed, as in children (engine/starts.py).
    os.environ.setdefault("MIMALLOC_PURGE_DELAY", "3")
    run(group, arguments, "curate")


def _answer(command: click.Command, words: Sequence[str], name: str, *, alone: bool) -> Any:
    """What the command gives back. click takes every EOFError for a person who ended the input; nobody is asked anything here, so it
    is a file that is cut short."""
    try:
        return command.main(
            args=list(words),
            prog_name=name,
            standalone_mode=False,
            obj={ALONE: alone},
        )
    except click.Abort as stop:
        if isinstance(stop.__cause__, EOFError):
            raise stop.__cause__ from None
        raise


_AT_ONCE = frozenset({"inspect", "card", "explain", "whatif", "quality", "ngram", "extract", "license", "filters", "recipes", "budget", "tokenizer", "probe-compare", "probe-eval", "probe-export", "sample-crawl", "sample-dumps", "bundle"})  # fmt: skip
"""Commands that only look, or write when all is done: stopped, they begin anew."""


def _stopped(command: click.Command, words: Sequence[str]) -> str:
    """What is said of a stopped command: how it goes on. Those without --resume, and searches, look themselves for what is there; a
    search in tables of runs has trained nothing."""
    tables = "--search" in words and any(word.partition("=")[0] == "--from" for word in words)
    if tables or _typed(words) in _AT_ONCE:
        return "stopped"
    way = "--resume" if _resumes(command, words) else "the same command"
    return f"stopped; what is finished is kept, {way} goes on from there"


def _typed(words: Sequence[str]) -> str:
    """The name of the command."""
    return next((word for word in words if not word.startswith("-")), "")


def _resumes(command: click.Command, words: Sequence[str]) -> bool:
    """Whether the command that was typed has --resume, and heeds it."""
    found = command.get_command(click.Context(command), _typed(words)) if isinstance(command, click.Group) else command
    return found is not None and any("--resume" in one.opts for one in found.params) and "--search" not in words


def run(command: click.Command, arguments: Sequence[str] | None, name: str) -> None:
    """Run a click command as a program: our own errors in one line with exit code 2, Ctrl-C with 130, SIGTERM (of a
    scheduler, of `kill`) likewise with 143."""
    stopped, words = 0, [at_home(word) for word in sys.argv[1:]] if arguments is None else list(arguments)

    def interrupt(number: int, _frame: object) -> None:
        nonlocal stopped
        stopped = 128 + number
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
            if signal.getsignal(number) == usual:
                signal.signal(number, interrupt)
    try:
        answer: Any = _answer(command, words, name, alone=arguments is None)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        _leave(command, words, stopped or 130)
    except Exception as error:
        if stopped:  # a library lost the interrupt, and was left half loaded
            _leave(command, words, stopped)
        if in_words(error) is None:
            raise  # a fault of ours: the traceback is for a report
        _fail(error, words, _resumes(command, words))
    if arguments is None:
        gc.freeze()  # the interpreter would look through all that is loaded once more, .05 s
    sys.exit(answer if isinstance(answer, int) else 0)


def _leave(command: click.Command, words: Sequence[str], code: int) -> NoReturn:
    """Say how a stopped command goes on, and end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C would end the clearing up in a traceback
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    click.echo(_stopped(command, words), err=True)
    _end(code)


def _fail(error: Exception, words: Sequence[str], resumes: bool) -> NoReturn:
    """Say what a person can mend, and end."""
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    if os.environ.get("CURATE_DEBUG"):
        click.echo("\n".join(map(printable, traceback.format_exc().splitlines())), err=True)
    said = _of_stdout(error) or located(str(in_words(error)), words)
    if not resumes:
        said = said.replace(GOES_ON, "")
    click.echo(f"error: {printable(said)}", err=True)
    waiting = any(not one.daemon and one is not threading.main_thread() for one in threading.enumerate())
    if waiting or "pysail" in sys.modules:  # its threads may be at work still, and abort when the interpreter ends
        _end(2)
    sys.exit(2)


_FULL = re.compile("|".join(re.escape(DISK[number].split(" (")[0]) for number in (errno.ENOSPC, errno.EDQUOT)))


def _of_stdout(error: Exception) -> str:
    """What is to be said where it is the standard output that can't be written, to a full disk say; nothing of other errors.

    The interpreter would try once more at its end, and complain; so the output is led into nothing.
    """
    if not isinstance(error, OSError) or error.errno not in DISK or error.filename is not None:
        return ""
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    echoed = step is not None and step.tb_frame.f_globals.get("__name__") == "click.utils"
    try:
        sys.stdout.flush()
        if not echoed:
            return ""
    except OSError:  # what was not written is in it still
        pass
    except (AttributeError, ValueError):  # there is none, or it is closed
        return ""
    with suppress(OSError, ValueError):  # no file but an object of Python, or closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return f"standard output: {DISK[error.errno]}"


_STORE = re.compile("the server can't be|the store |Google Cloud Storage|no such bucket|AWS Error")
"""How messages about stores begin that name none."""


def located(told: str, words: Sequence[str]) -> str:
    """A message that names no place, with the place: of a full disk the folder that has the least room, the output or that of
    temporary files; of a store the address on the command line."""
    given = [word.partition("=")[2] if "=" in word and "://" in word.partition("=")[2] else word for word in words]
    if _FULL.match(told):
        at = next((at for at, word in enumerate(words) if word in ("--output", "-o")), len(words))
        typed = [word.partition("=")[2] for word in words if word.startswith("--")]
        typed += [word for word in words[1:] if "=" not in word]  # NAME=PATH is read
        # The last of these that has the least room: an output is named behind what is read, and --output is one.
        local = [tempfile.gettempdir(), *filter(_writable, typed)]
        local += [place for place in words[at + 1 : at + 2] if "://" not in place]
        return f"{min(reversed(local), key=_room)}: {told}"
    addresses = [word for word in given if re.match(r"(s3|gs|gcs|hf|hdfs|viewfs)://", word)]
    if _STORE.match(told) and len(set(addresses)) == 1 and "/".join(addresses[0].split("/")[:3]) not in told:
        return f"{addresses[0]}: {told}"
    return told


def _writable(place: str) -> bool:
    """Whether a word names a place here that may be written to: it has a slash, or is there."""
    if "://" in place or not (os.sep in place or os.path.exists(place)):
        return False
    folder = place if os.path.isdir(place) else os.path.dirname(place.rstrip("/")) or "."
    return not os.path.isdir(folder) or os.access(folder, os.W_OK)


def _room(folder: str) -> int:
    """Free bytes of the disk on which a folder is, or would be."""
    while folder and not os.path.exists(folder):
        folder = os.path.dirname(folder.rstrip("/"))
    try:
        return shutil.disk_usage(folder or ".").free
    except OSError:
        return sys.maxsize


def _end(code: int) -> NoReturn:
    """Leave at once: an engine's threads may still be at work and would keep the process."""
    from curate.engine import children
    from curate.files import temporary

    children.kill_all()
    temporary.close()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def printable(text: str) -> str:
    """Text with control characters (terminal escapes among them) and unseen ones made visible, and without secrets."""
    from curate.console.terminal import visible, without_secrets

    return visible(without_secrets(text))
