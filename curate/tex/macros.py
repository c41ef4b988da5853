"""The author's macros: what `\\newcommand`, `\\def` and their kin say, and what a use of one becomes."""

import re
from dataclasses import dataclass

from curate.tex.source import Source, without_comments

_PLACES = re.compile(r"(##|#[1-9])")
_WORD_AT_END = re.compile(r"\\[a-zA-Z@]+$")
_PARAMETERS = re.compile(r"((?:\\.|[^{}\\%\n]|%[^\n]*\n|\n(?![ \t]*\n)){0,300})\{", re.DOTALL)
_XPARSE = re.compile(r"[sm]|o|O\s*\{((?:[^{}]|\{[^{}]*\})*)\}|[tr]\S\S?|.")
NAME = re.compile(r"\s*(?:\{\s*)?\\([a-zA-Z@]+|[^a-zA-Z\s{}])\s*\}?")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a macro."""

    until: str = ""
    """What ends it, where that is not a group's end."""
    default: str | None = None
    """Of an optional one, in [ ]."""
    star: bool = False
    """Not an argument but a star that may be there."""


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro of the author's."""

    pieces: tuple[str, ...]
    """The body; every second piece is `#n` or `##`."""
    parameters: tuple[Parameter, ...] = ()
    before: str = ""
    """What must stand between the macro and its first argument."""
    letters: bool = False
    """Whether @ is a letter in the body."""


def macro(body: str, parameters: tuple[Parameter, ...] = (), before: str = "", letters: bool = False) -> Macro:
    """A macro from its body as it is written."""
    return Macro(tuple(_PLACES.split(without_comments(body))), parameters, before, letters)


def expansion(found: Macro, source: Source, most: int) -> str | None:
    """What a use of the macro becomes, its arguments taken from `source`.

    None where they are not there, or where it would be longer than `most` characters.
    """
    arguments = _arguments(found, source)
    if arguments is None:
        return None
    parts, size = list[str](), 0
    for number, piece in enumerate(found.pieces):
        if number % 2:
            place = 0 if piece == "##" else int(piece[1])
            piece = "#" if not place else arguments[place - 1] if place <= len(arguments) else ""
            if parts and piece[:1].isalpha() and _WORD_AT_END.search(parts[-1]):
                parts.append(" ")  # \bf#1 with x is \bf and x, not \bfx
        size += len(piece)
        if size > most:
            return None
        parts.append(piece)
    return "".join(parts)


def _arguments(found: Macro, source: Source) -> list[str] | None:
    if found.before and not source.take(found.before):
        return None
    values = list[str]()
    for parameter in found.parameters:
        value: str | None
        if parameter.star:
            value = "*" if source.peek() == "*" and source.take("*") else ""
        elif parameter.default is not None:
            value = source.optional()
            value = parameter.default if value is None else value
        elif parameter.until:
            value = source.until(parameter.until)
            value = _unbraced(value) if value is not None else None
        else:
            value = source.argument()
        if value is None:
            return None
        values.append(value)
    return values


def _unbraced(value: str) -> str:
    """A delimited argument that is one group comes without its braces."""
    inner = value[1:-1]
    return inner if value[:1] == "{" and value[-1:] == "}" and not re.search(r"[{}]", inner) else value


def read_newcommand(source: Source, letters: bool) -> tuple[str, Macro] | None:
    r"""What stands behind `\newcommand`: the name and the macro; None where it can't be understood."""
    source.take("*")
    name = source.match(NAME)
    if name is None:
        return None
    parameters = _counted(source)
    body = source.argument()
    return None if body is None else (name[1], macro(body, parameters, letters=letters))


def _counted(source: Source) -> tuple[Parameter, ...]:
    """`[2][default]`."""
    count, default = source.optional(), source.optional()
    number = min(9, int(count)) if count and count.strip().isdecimal() and len(count) < 4 else 0
    plain = [Parameter()] * number
    if default is not None and plain:
        plain[0] = Parameter(default=default)
    return tuple(plain)


def read_def(source: Source, letters: bool) -> tuple[str, Macro] | None:
    r"""What stands behind `\def`."""
    name = source.match(NAME)
    if name is None:
        return None
    head = source.match(_PARAMETERS)
    if head is None:
        return None
    frame = source.frames[-1]
    frame.at -= 1  # back to the brace
    body = source.argument()
    if body is None:
        return None
    text = without_comments(head[1]).strip() if "#" not in head[1] else without_comments(head[1])
    first, *rest = re.split(r"#([1-9])", text)
    ends = [end if end.strip() else "" for end in rest[1::2]]
    return name[1], macro(body, tuple(Parameter(until=end) for end in ends), first.strip(), letters)


def read_xparse(source: Source, letters: bool) -> tuple[str, Macro] | None:
    r"""What stands behind `\NewDocumentCommand`."""
    name = source.match(NAME)
    spec, body = source.argument(), source.argument()
    if name is None or spec is None or body is None:
        return None
    parameters = list[Parameter]()
    for found in _XPARSE.finditer(re.sub(r"[\s+]", "", spec)):
        kind = found[0][0]
        if kind in "st":
            parameters.append(Parameter(star=True))
        elif kind in "oO":
            parameters.append(Parameter(default=found[1] or ""))
        else:
            parameters.append(Parameter())
    return name[1], macro(body, tuple(parameters[:9]), letters=letters)


def read_environment(source: Source, letters: bool) -> tuple[str, Macro, str] | None:
    r"""What stands behind `\newenvironment`: its name, the macro of its begin, the code of its end."""
    source.take("*")
    name = source.argument()
    parameters = _counted(source)
    begin, end = source.argument(), source.argument()
    if name is None or begin is None or end is None:
        return None
    return name.strip(), macro(begin, parameters, letters=letters), without_comments(end)
