"""docs/commands.md: every command with every option, from the commands themselves (`python -m curate.commands.reference`)."""

import inspect
from collections.abc import Iterator

import click

INTRODUCTION = """# Every command, every option

<!-- Written by `python -m curate.commands.reference > docs/commands.md` (make docs); a test compares the two. -->

`curate COMMAND --help` says the same in a terminal. `--debug` before the command (`curate --debug clean …`) shows the traceback of
an error, as `CURATE_DEBUG=1` does.
"""


def commands(group: click.Group, *before: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """All commands below a group, with their names as they are typed."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, *before, name)
        else:
            yield (*before, name), command


def reference() -> str:
    """The page in Markdown."""
    from curate.cli import group

    return "\n".join([INTRODUCTION, *(_section(names, command) for names, command in commands(group))])


def _section(names: tuple[str, ...], command: click.Command) -> str:
    title = " ".join(names)
    with click.Context(command, info_name=f"curate {title}") as context:
        usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
        about = "\n\n".join(map(_paragraph, inspect.cleandoc(command.help or "").split("\n\n")))
        options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
        rows = [_row(option, context) for option in options]
    table = ["| option | |", "|---|---|", *rows, ""] if rows else []
    return "\n".join([f"## {title}", "", f"```\n{usage}\n```", "", about, "", *table])


def _paragraph(text: str) -> str:
    """What click is told to leave as it stands (by a backspace) is code."""
    return f"```\n{text.removeprefix(chr(8)).strip()}\n```" if text.startswith("\b") else text


def _row(option: click.Option, context: click.Context) -> str:
    names, about = option.get_help_record(context) or ("", "")
    cells = (f"`{names}`", about)
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    print(reference(), end="")
