"""The pages and the blocks of shell on them: what people copy."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import click

from curate.cli import group

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
FENCE = re.compile(r"^( *)```([\w-]*)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
PROGRAMS = (
    "curate|make|spark-submit|torchrun|srun|python(?:3[.0-9]*)?|pip|git|docker|gcloud|dolma|hf"  # of a line of a block
)


def blocks(page: Path) -> Iterator[str]:
    """The blocks of a page, fenced or indented, that are shell: a line begins with a program. In the order of the page."""
    text = page.read_text(encoding="utf-8")
    indented = re.compile(r"(?<=\n\n)(?:^    .*\n)+", re.MULTILINE)
    found = [(at.start(), at[3]) for at in FENCE.finditer(text) if at[2] in ("", "bash", "sh")]
    blank = FENCE.sub(lambda at: " " * len(at[0]), text)
    found += [(at.start(), re.sub(r"^    ", "", at[0], flags=re.MULTILINE)) for at in indented.finditer(blank)]
    for _, code in sorted(found):
        if re.search(rf"^(?:{PROGRAMS}) ", code, re.MULTILINE) and "[OPTIONS]" not in code:
            yield code


def mentions(page: Path) -> Iterator[str]:
    """The commands that stand in the prose of a page, between backticks, in its order."""
    rest = FENCE.sub("", page.read_text(encoding="utf-8"))
    program = r"(?:curate|make|spark-submit|python -m (?:curate|train_probe)) "
    for line in re.findall(rf"`({program}[^`]*)`", re.sub(r"^    .*$", "", rest, flags=re.MULTILINE)):
        yield " ".join(line.split())


def recipes(page: Path) -> dict[str, str]:
    """The recipes that a page shows as files: blocks of TOML that begin with `# NAME.toml`, by name."""
    found = [at[3] for at in FENCE.finditer(page.read_text(encoding="utf-8")) if at[2] == "toml"]
    return {name[1]: code for code in found if (name := re.match(r"# (\w+\.toml)\n", code))}


def find(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that words name, and the words behind its name."""
    if words[0] == "spark-submit":
        at = next(i for i, word in enumerate(words) if re.search(r"(^|/)jobs/\w+\.py$", word))
        module = importlib.import_module(f"curate.submit.{Path(words[at]).stem}")
        (command,) = [value for value in vars(module).values() if isinstance(value, click.Command)]
        return command, words[at + 1 :]
    command, rest = group, words[1:]
    if words[0] == "python":
        command, rest = importlib.import_module(f"{words[2]}.cli").group, words[3:]
    while isinstance(command, click.Group) and rest and rest[0] not in ("COMMAND", "--version"):
        if rest[0] == "--debug":
            rest = rest[1:]
            continue
        found = command.get_command(click.Context(command), rest[0])
        assert found is not None, f"no command {rest[0]}"
        command, rest = found, rest[1:]
    return command, rest
