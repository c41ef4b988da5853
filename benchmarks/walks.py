"""Walks: which files one enters, in order, who follows a command from its first line to what it writes, and how often one turns back.

    python -m benchmarks.walks clean --input crawl/ --output corpus/ --cores 1

The command runs with all tasks in this process, and functions note when they are entered for the first time. Of these count

* functions of the rooms that say what a command does. Services are taken at their word (SERVICES: console, files, engine, the parsers,
  tables of columns, steps of a recipe, the model that is trained). Of what is written beside the output (BESIDE: report, card) the
  first function counts;
* no function in a function: it is read with the one around it; and nothing that modules call as they are imported;
* no look-up: a call into a file that is known already, below which no other file is entered.

A file is entered when a function in it counts; a turn back is where the walk goes on in another file that it was in before.
"""

import ast
import builtins
import contextlib
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

ROOT = str(Path(__file__).parents[1]) + "/"
SERVICES = (
    *(
        f"curate/{one}"
        for one in (
            "console/", "files/", "engine/", "encodings/", "html/", "warc/", "tex/", "wikitext/", "errors.py", "sample/", "tokens/", "dedup/",
            "corpus/checksums", "corpus/schema", "corpus/shards", "corpus/opt_outs", "corpus/lookup", "mixing/units", "commands/options",
        )
    ),
    *(
        f"train_probe/{one}"
        for one in (
            "errors", "charts", "tables", "statistics", "model", "attention", "optim", "loss", "parallel", "precision", "objectives",
            "health", "tokenizer", "config", "items",
        )
    ),
)  # fmt: skip
BESIDE = ("curate/report/", "train_probe/report")


class Trace:
    """Functions in the order in which they are entered first, each with the one that called it."""

    def __init__(self) -> None:
        self.codes: dict[CodeType, int] = {}
        self.entered: list[tuple[str, str, int]] = []
        """File, name, number of the caller (-1: none)."""

    def enter(self) -> None:
        """Called at the beginning of every function."""
        frame = sys._getframe(1)
        if frame.f_code in self.codes:
            return
        at = frame.f_back
        while at is not None and at.f_code not in self.codes and at.f_code.co_name != "<module>":
            at = at.f_back
        if at is not None and at.f_code.co_name == "<module>" and at.f_globals["__name__"] != "__main__":
            return  # a module is being imported
        file = frame.f_code.co_filename.removeprefix(ROOT)
        self.codes[frame.f_code] = len(self.entered)
        self.entered.append((file, frame.f_code.co_qualname, -1 if at is None else self.codes.get(at.f_code, -1)))


class Loader(SourceFileLoader):
    """Of a module, with a call of `Trace.enter` in each function that is not compiled."""

    def get_code(self, fullname: str) -> CodeType:
        """The code."""
        path = self.get_filename(fullname)
        tree = ast.parse(self.get_data(path))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and not any(
                word in ast.unparse(one)
                for one in node.decorator_list
                for word in ("jit", "compiled", "inner", "hot", "intrinsic", "overload")
            ):
                documented = isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant)
                call = ast.copy_location(ast.parse("__entered__()").body[0], node.body[0])
                node.body.insert(int(documented), call)
        return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)


class Finder:
    """Finds the modules that are traced."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """The module with a loader of ours."""
        if not name.startswith(("curate.", "train_probe.")) or name.startswith(("curate.filters", "curate.html")):
            return None
        spec = PathFinder.find_spec(name, path)
        if spec and isinstance(spec.loader, SourceFileLoader):
            spec.loader = Loader(spec.loader.name, spec.loader.path)
        return spec


def walk(entered: list[tuple[str, str, int]]) -> Iterator[tuple[str, str]]:
    """(file, function) of those that count, in order."""
    inside = [False] * len(entered)  # below what is written beside the output
    counts = [False] * len(entered)
    below = [set[str]() for _ in entered]
    for i, (file, name, caller) in enumerate(entered):
        inside[i] = caller >= 0 and (inside[caller] or entered[caller][0].startswith(BESIDE))
        counts[i] = not file.startswith(SERVICES) and not inside[i] and "<locals>" not in name
    for i in reversed(range(len(entered))):
        file, _, caller = entered[i]
        if caller >= 0:
            below[caller] |= below[i] | ({file} if counts[i] else set())
    known, looked_up = set[str](), set[int]()
    for i, (file, name, caller) in enumerate(entered):
        if caller in looked_up:
            looked_up.add(i)
        elif counts[i]:
            up = caller
            while up >= 0 and not counts[up]:
                up = entered[up][2]
            if file in known and not below[i] - {file} and (up < 0 or entered[up][0] != file):
                looked_up.add(i)
            else:
                known.add(file)
                yield file, name


def _in_this_process() -> None:
    """Let children do their tasks here."""
    from curate.engine import children, starts, tasks

    starts.FORKS = False

    def request(self: object, reference: str, task: object, **_: object) -> Iterator[object]:
        answer = tasks.call_json(tasks.function(reference), task)
        if isinstance(answer, Iterator):
            yield from answer
            answer = {}
        yield answer

    def init(self: Any, memory: int) -> None:
        self.memory = memory

    child: Any = children.Child
    child.request, child.__init__, child.alive, child.mark = request, init, True, -1
    child.close = child.kill = lambda self: None
    page: Any = lambda mark, cpu_seconds: contextlib.nullcontext()  # noqa: E731
    children.page = page


def main() -> None:
    """Run a command and print its walk."""
    trace = Trace()
    setattr(builtins, "__entered__", trace.enter)  # noqa: B010
    sys.dont_write_bytecode = True
    sys.meta_path.insert(0, Finder)  # type: ignore[arg-type]
    _in_this_process()
    from curate.cli import group

    with contextlib.suppress(SystemExit):
        group(sys.argv[1:], standalone_mode=False)
    files, turns, last = list[str](), 0, ""
    for file, name in walk(trace.entered):
        if file != last:
            turns += file in files
            print("   turns back to" if file in files else "enters", f"{file}: {name}")
            files += [] if file in files else [file]
            last = file
    print(f"{len(files)} files, {turns} turns back")


if __name__ == "__main__":
    main()
