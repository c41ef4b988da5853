"""The next piece of a short program (Python, JavaScript, C).

Level 1: brackets and the words of the language.  Level 2: the name that must come.  Level 3: what the program does.

Names are two words that nobody joins, so that real programs don't contain these by chance.  Each program begins with a
comment of thirteen words or more with such a name in it: by these `curate mix` finds a copy.
"""

from collections.abc import Iterator

from train_probe.items.base import Item, number

FIRST = ("lantern", "gravel", "teapot", "walnut", "harbor", "pillow", "copper", "meadow", "bucket", "candle")
SECOND = ("sum", "rows", "size", "list", "name", "count", "index", "value", "total", "items")


def items() -> Iterator[Item]:
    """All questions of this ability."""
    for i, first in enumerate(FIRST):
        for j, second in enumerate(SECOND):
            name, other, third = (
                f"{first}_{second}",
                f"{FIRST[(i + 3) % 10]}_{SECOND[(j + 1) % 10]}",
                f"{first}_{SECOND[(j + 4) % 10]}",
            )
            yield from _python(name, other, third, 2 + (i + j) % 7)
            yield from _others(name, other, third)


def _comment(mark: str, name: str) -> str:
    said = name.replace("_", " ")
    return f"{mark} A short exercise for those who begin to learn about the {said} and how it is used.\n"


def _python(name: str, other: str, third: str, n: int) -> Iterator[Item]:
    note = _comment("#", name)
    head = f"{note}def {name}({other}):\n    {third} = 0\n    for {name}_x in {other}"
    yield Item(head, ":\n", (")\n", "]\n"), 1)
    yield Item(f"{head}:\n        {third} +=", f" {name}_x\n", (f" {name}\n", f" {FIRST[n]}\n"), 2)
    yield Item(
        f"{head}:\n        {third} += {name}_x\n   ",
        f" return {third}\n",
        (f" return {name}_x\n", f" import {third}\n"),
        2,
    )
    test = f"{note}def test_{name}():\n    {other} = [{', '.join(str(n + k) for k in range(3))}]\n    {third} = len({other})\n"
    yield Item(f"{test}    assert {third} ==", " 3\n", (" 4\n", f" {n + 7}\n", " 0\n"), 3)
    yield Item(f"{test}    assert {other}[0] ==", f" {n}\n", (f" {n + 1}\n", f" {n + 2}\n", f" {n + 7}\n"), 3)
    yield Item(
        f"{note}class {name.title().replace('_', '')}:\n    def __init__(self, {other}):\n        self",
        f".{other} = {other}\n",
        (f"({other}) = {other}\n", f" {other} {other}\n"),
        1,
    )
    yield Item(
        f"{note}if {name} is not None and {other} > {n}:\n    print({name}, {other})\n",
        "else:\n",
        ("then:\n", "end:\n"),
        1,
    )


def _others(name: str, other: str, third: str) -> Iterator[Item]:
    note = _comment("//", name)
    script = f"{note}function {name}({other}) {{\n  let {third} = {other}.length;\n  if ({third} > 0"
    yield Item(script, ") {\n", ("] {\n", "} (\n"), 1)
    yield Item(f"{script}) {{\n    return", f" {third};\n", (f" {name}_y;\n", f" {FIRST[number(name) % 10]};\n"), 2)
    program = f"{note}int {name}(int {other}) {{\n    int {third} = {other} * 2;\n    while ({third} > 10) {{\n        {third}"
    yield Item(program, " -= 1;\n", (" -= 1:\n", " 1 -=;\n"), 1)
    yield Item(f"{program} -= 1;\n    }}\n    return", f" {third};\n", (f" {name};\n", f" {other}_z;\n"), 2)
