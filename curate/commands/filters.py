"""`curate filters`: every step there is, found by looking into the package `curate.filters`."""

import ast
import dataclasses
import importlib
import inspect
import json
import pkgutil
import textwrap
from typing import Any

import click


def catalogue() -> list[dict[str, Any]]:
    """All per-document steps in the order of modules and of classes in them.

    Keys: use (dotted name for a recipe), summary, about (rest of the docstring), costly, signals, and
    parameters, a list of {name, type, default, about}.
    """
    from curate import filters

    found = []
    for module_info in pkgutil.iter_modules(filters.__path__):
        module = importlib.import_module(f"curate.filters.{module_info.name}")
        for member in vars(module).values():
            if not (inspect.isclass(member) and member.__module__ == module.__name__):
                continue
            if dataclasses.is_dataclass(member) and hasattr(member, "signals"):
                found.append(_describe(member))
    return found


def _describe(step: type[Any]) -> dict[str, object]:
    summary, _, about = inspect.cleandoc(step.__doc__ or "").partition("\n\n")
    notes = _field_notes(step)
    return {
        "use": f"{step.__module__.removeprefix('curate.')}.{step.__name__}",
        "summary": " ".join(summary.split()),
        "about": about,
        "costly": bool(getattr(step, "costly", False)),
        "signals": list(step.signals),
        "parameters": [
            {
                "name": field.name,
                "type": field.type if isinstance(field.type, str) else _type_name(field.type),
                "default": _default(field),
                "about": notes.get(field.name, ""),
            }
            for field in dataclasses.fields(step)
        ],
    }


def _type_name(kind: object) -> str:
    return kind.__name__ if isinstance(kind, type) and not hasattr(kind, "__args__") else str(kind)


def _default(field: dataclasses.Field[Any]) -> object:
    if field.default is not dataclasses.MISSING:
        value = field.default
    elif field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    else:
        return None
    return sorted(value) if isinstance(value, frozenset | set) else value


def _field_notes(step: type[Any]) -> dict[str, str]:
    """Field -> the string that stands below it in the source."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(step))).body
    assert isinstance(body, ast.ClassDef)
    notes = {}
    for statement, after in zip(body.body, body.body[1:], strict=False):
        if not (isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)):
            continue
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            notes[statement.target.id] = " ".join(str(after.value.value).split())
    return notes


def reference() -> str:
    """The reference page in Markdown (docs/filters.md is this text)."""
    parts = [INTRODUCTION]
    module = ""
    for step in catalogue():
        name, _, title = step["use"].rpartition(".")
        if name != module:
            module = name
            about = inspect.cleandoc(importlib.import_module(f"curate.{name}").__doc__ or "")
            parts.append(f"## {name}\n\n{about}\n")
        parts.append(f"### {title}\n\n{step['summary']}\n")
        if step["about"]:
            parts.append(f"{step['about']}\n")
        if step["parameters"]:
            rows = "\n".join(_row(parameter) for parameter in step["parameters"])
            parts.append(f"| parameter | type | default | |\n|---|---|---|---|\n{rows}\n")
        signals = ", ".join(f"`{name}`" for name in step["signals"]) or "none"
        parts.append(f"Signals: {signals}." + (" Costly.\n" if step["costly"] else "\n"))
    return "\n".join(parts)


def _row(parameter: dict[str, Any]) -> str:
    default = json.dumps(parameter["default"], ensure_ascii=False)
    if len(default) > 60:
        default = default[:57] + " …"
    cells = (f"`{parameter['name']}`", parameter["type"], f"`{default}`", parameter["about"])
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


INTRODUCTION = """# Filters

<!-- Written by `curate filters --markdown > docs/filters.md`; a test compares the two. -->

A step looks at one document and decides whether to keep or drop it, why, and what it measured. A recipe lists steps by
their dotted names, with their parameters as keys; see [recipes.md](recipes.md). The reason of a rejection is shown as
`ClassName.code`. Measurements are stored for kept and rejected documents alike, in the column `signals` under the names
given here, so a limit can be changed without reading the crawl again. A costly step is not run just for its signals on
documents that another step has rejected.
"""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per filter.")
@click.option("--markdown", is_flag=True, help="Print the reference page.")
def filters(as_json: bool, markdown: bool) -> None:
    """List the filters with their parameters and defaults.

    The keys of --json are use, summary, about, costly, signals and parameters (name, type, default, about).
    """
    if markdown:
        click.echo(reference(), nl=False)
        return
    rows = catalogue()
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for row in rows:
        click.secho(row["use"], bold=True)
        click.echo(f"    {row['summary']}")
        for parameter in row["parameters"]:
            default = json.dumps(parameter["default"], ensure_ascii=False)
            click.echo(f"    {parameter['name']} = {default[:90]}")
