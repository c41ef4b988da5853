"""Do the tests notice? Small faults are put into the code, one at a time, and the tests that run the line are run.

    make mutants                                     (everything below, with what it needs)
    python -m benchmarks.mutants map                 which test runs which line, once; minutes
    python -m benchmarks.mutants run [--seed 1] [--count 300] [--results FILE] [--but FILE …]
    python -m benchmarks.mutants score FILE …

Of other modules than the fixed ones: `MUTANTS_MODULES="curate/dedup/*.py" python -m benchmarks.mutants map tests/curate/test_dedup_*.py`,
and the same before `run`; give them a map and a copy of their own (see below).

The faults are those of Cosmic Ray (https://cosmic-ray.readthedocs.io), and one of our own that it lacks: a statement that is left out.
Its own way to run them starts an interpreter and all tests for each fault; here a process that has imported the libraries forks, and runs
only the tests that run the line, the quickest first, until one fails. All is done in a copy of the tree (`build/mutants`).

A place in the code is drawn, then one fault of it: else the eleven faults of each `+` would be most of the sample. Which places tests
can't see is said by rules (`UNSEEN`), never one by one. `--but` leaves out places that were drawn before, `--again` tries survivors once
more. Two processes at a time need two copies: `MUTANTS_COPY=other … run --backwards`; `MUTANTS_MAP` names another map in `build/`.
"""

import argparse
import ast
import contextlib
import functools
import gc
import importlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import types
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import parso
from cosmic_ray import plugins
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator

ROOT = Path(__file__).parents[1]
COPY = ROOT / "build" / os.environ.get("MUTANTS_COPY", "mutants")
MAP = ROOT / "build" / os.environ.get("MUTANTS_MAP", "mutants.json")
SKIPPED = ("filters/__init__.py", "filters/jit.py", "filters/tables.py")
OTHERS = (
    "curate/run/languages.py",
    "curate/run/ledger.py",
    "curate/run/publish.py",
    "curate/dedup/lsh.py",
    "curate/mixing/draw.py",
    "train_probe/statistics.py",
)
TESTS = (
    "tests/filters",
    "tests/quality",
    "tests/code/test_secrets.py",
    "tests/curate/test_content.py",
    "tests/curate/test_dedup_minhash.py",
    "tests/curate/test_ledger.py",
    "tests/curate/test_lsh.py",
    "tests/curate/test_output_by_language.py",
    "tests/curate/test_passes.py",
    "tests/curate/test_publish.py",
    "tests/mix/test_budget.py",
    "tests/mix/test_draw.py",
    "tests/mix/test_pieces.py",
    "tests/mix/test_plan.py",
    "tests/train_probe/test_looks.py",
    "tests/train_probe/test_statistics.py",
)
"""Those in which these modules are looked at."""
SLOW = ("tests/filters/test_contract.py",)
"""Every filter on hundreds of texts: not among those that run, so what it alone would notice counts as not noticed."""
LIBRARIES = (
    "hypothesis",
    "numba",
    "pandas",
    "pyarrow.compute",
    "pyarrow.dataset",
    "pyarrow.parquet",
    "pytest",
    "regex",
    "re2",
    "rich",
)
"""Imported before the forks."""
PADDING = b"#" * 400
"""At the end of each module in the copy, so that a fault can leave its size as it was (and other modules the same compiled code)."""
LOOPS = {"compiled", "compiled_making", "inner", "inner_making", "hot", "njit"}
CACHES = {"lru_cache", "cache", "cached_property"}
MESSAGES = {"warn", "warning", "info", "debug", "exception"}
SIZES = {"RESAMPLES", "DRAWS", "KEPT", "STEPS", "CHUNK", "_AT_ONCE"}
"""How many steps or draws an estimate takes, and how much is worked on at once."""
TABLE = 16
"""A literal of a module of so many parts is data."""

UNSEEN = {
    "note": "annotations, docstrings, `TYPE_CHECKING`, `__all__`",
    "message": "words of a message: arguments of an exception that is raised, of a warning, of logging",
    "identity": "`is` for `==`, and the like: the same for what is compared here",
    "speed": "caches, their sizes, `slots`, `frozen`; how many draws or steps (`for _ in range(16)`) an estimate takes, how much is worked on at once, and what is compared with that",
    "room": "sizes of arrays that loops fill (`np.empty`): more than is used changes nothing, less is written behind the end unchecked",
    "guard": "`strict` of `zip`: a check of what holds already",
    "loop": "compiled loops (each fault is compiled for minutes; tests hold them against plain functions), and constants of their modules",
    "table": "tables of data",
}


class RemoveStatement(Operator):
    """Leaves out a call, a `raise`, or an assignment that adds to something: `pass` instead."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        if node.type != "simple_stmt":
            return
        first = node.children[0]
        called = (
            first.type == "atom_expr"
            and first.children[-1].type == "trailer"
            and first.children[-1].children[0].value == "("
        )
        added = (
            first.type == "expr_stmt"
            and first.children[1].type == "operator"
            and first.children[1].value not in ("=", ":")
        )
        if called or added or first.type == "raise_stmt":
            yield first.start_pos, first.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        first = node.children[0]
        node.children[0] = parso.python.tree.Keyword("pass", first.start_pos, first.get_first_leaf().prefix)
        return node

    @classmethod
    def examples(cls) -> tuple[()]:
        return ()


@dataclass(frozen=True)
class Fault:
    """One fault in one place."""

    module: str
    line: int
    column: int
    operator: str
    occurrence: int
    unseen: str | None
    """Why no test can see it: a key of UNSEEN."""

    @property
    def place(self) -> tuple[str, int, int, str]:
        return self.module, self.line, self.column, family(self.operator)


def family(operator: str) -> str:
    """The kind of a fault: `ReplaceBinaryOperator` of `core/ReplaceBinaryOperator_Add_Sub`."""
    return operator.partition("/")[2].partition("_")[0] or operator


def operators() -> dict[str, Operator]:
    """By name; those of variables need names to be given."""
    found = {name: plugins.get_operator(name) for name in plugins.operator_names()}
    made = {name: kind() for name, kind in found.items() if not kind.arguments() and not name.endswith("NoOp")}
    return {**made, "own/RemoveStatement": RemoveStatement()}


def faults(module: str, all_operators: dict[str, Operator]) -> list[Fault]:
    """All faults of a module, in the order of places."""
    code = (ROOT / module).read_text()
    unseen = Unseen(code)
    found = []
    counts: Counter[str] = Counter()

    def walk(node: Any) -> None:
        for name, operator in all_operators.items():
            for start, _ in operator.mutation_positions(node):
                line, column = start
                found.append(Fault(module, line, column, name, counts[name], unseen.why(line, column, name)))
                counts[name] += 1
        for child in getattr(node, "children", ()):
            walk(child)

    walk(parso.parse(code))
    dotted = {
        number
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.ExceptHandler) and node.type
        if any(isinstance(part, ast.Attribute) for part in ast.walk(node.type))
        for number in range(node.lineno, (node.type.end_lineno or 0) + 1)
    }
    found = [
        one for one in found if "Exception" not in one.operator or one.line not in dotted
    ]  # which it can't replace
    return sorted(found, key=lambda fault: (fault.line, fault.column, fault.operator, fault.occurrence))


class Unseen:
    """The places of a module that no test can see, with the reason."""

    def __init__(self, code: str) -> None:
        self.spans: list[tuple[tuple[int, int], tuple[int, int], str]] = []
        tree = ast.parse(code)
        self.lines = code.splitlines()
        self.compiled = any(isinstance(n, ast.FunctionDef) and LOOPS & set(_decorators(n)) for n in ast.walk(tree))
        for node in tree.body:
            self._statement(node)
        for node in ast.walk(tree):
            self._node(node)

    def _add(self, node: Any, why: str) -> None:
        self.spans.append(((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset), why))

    def _statement(self, node: ast.stmt) -> None:
        """One of the module's own."""
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            self._add(node, "note")
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            return
        if self.compiled:
            self._add(node, "loop")
        if SIZES & {
            target.id for target in ast.walk(node) if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store)
        }:
            self._add(node, "speed")
        if "__all__" in ast.unparse(node) or "TypeAlias" in ast.unparse(node):
            self._add(node, "note")
        for part in ast.walk(node):
            if len(getattr(part, "elts", getattr(part, "keys", ()))) >= TABLE:
                self._add(part, "table")

    def _node(self, node: ast.AST) -> None:
        for name in ("annotation", "returns"):
            if getattr(node, name, None) is not None:
                self._add(getattr(node, name), "note")
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            self._decorated(node)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            for part in [*node.exc.args, *node.exc.keywords]:
                self._add(part, "message")
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in MESSAGES:
            self._add(node, "message")
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "np.empty":
            self._add(node.args[0], "room")
        if isinstance(node, ast.Compare) and SIZES & {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}:
            self._add(node, "speed")
        if isinstance(node, ast.For) and re.fullmatch(
            r"_ in range\(\d\d+\)", f"{ast.unparse(node.target)} in {ast.unparse(node.iter)}"
        ):
            self._add(node.iter, "speed")
        if isinstance(node, ast.keyword) and node.arg == "strict":
            self._add(node, "guard")

    def _decorated(self, node: ast.FunctionDef | ast.ClassDef) -> None:
        for decorator, name in zip(node.decorator_list, _decorators(node), strict=True):
            if name in CACHES:
                self._add(decorator, "speed")
            if name == "dataclass" and isinstance(decorator, ast.Call):
                for part in decorator.keywords:
                    self._add(part, "speed")
            if name in LOOPS:
                self.spans.append(((decorator.lineno, 0), (node.end_lineno or 0, 10**6), "loop"))

    def why(self, line: int, column: int, operator: str) -> str | None:
        if operator.endswith(("Eq_Is", "Eq_IsNot", "Is_Eq", "IsNot_NotEq", "Is_NotEq", "IsNot_Eq")):
            return "identity"
        column = len(self.lines[line - 1][:column].encode())  # as `ast` counts
        here = line, column + ("RemoveDecorator" in operator)
        return next((why for start, end, why in self.spans if start <= here < end), None)


def _decorators(node: ast.FunctionDef | ast.ClassDef) -> list[str]:
    names = (ast.unparse(one.func if isinstance(one, ast.Call) else one) for one in node.decorator_list)
    return [name.rpartition(".")[2] for name in names]


def modules() -> list[str]:
    """Those that faults are put into: of `MUTANTS_MODULES` (patterns), where it is set."""
    if asked := os.environ.get("MUTANTS_MODULES", "").split():
        found = (path for pattern in asked for path in ROOT.glob(pattern))
        return sorted({str(path.relative_to(ROOT)) for path in found if path.name != "__init__.py"})
    named = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "filters").glob("*.py"))
    return [name for name in named if name not in SKIPPED] + list(OTHERS)


# ---- the copy, and the tests in it ----


def copy_tree() -> None:
    """Files that git has or would take; compiled code that lies in the copy already stays, where its module is as it was."""
    listed = subprocess.check_output(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT)
    for name in filter(None, listed.decode().split("\0")):
        source, target = ROOT / name, COPY / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink():
            if not target.is_symlink():
                target.symlink_to(os.readlink(source))
        elif source.exists():
            content = source.read_bytes() + (PADDING if name.endswith(".py") else b"")
            if not target.exists() or target.read_bytes() != content:
                target.write_bytes(content)


def fork(work: Callable[[], int], log: Path, limit: float) -> int | None:
    """What `work` gives in a process of its own; None where it took longer than `limit` seconds."""
    child = os.fork()
    if child == 0:
        os.setsid()
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, 1)
        os.dup2(file, 2)
        code = 1
        with contextlib.suppress(BaseException):
            code = work()
        os._exit(code)
    end = time.monotonic() + limit
    while time.monotonic() < end:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)  # whatever it started
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


class Chosen:
    """Plugin of pytest: these tests alone, in this order."""

    def __init__(self, names: list[str]) -> None:
        self.order = {name: place for place, name in enumerate(names)}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self.order), key=lambda item: self.order[item.nodeid]
        )


class Collected:
    """Plugin of pytest: instead of running what was collected, it does `work`, which asks for tests by name (`noticed`)."""

    def __init__(self, work: Callable[["Collected"], None]) -> None:
        self.work, self.items = work, dict[str, Any]()

    def pytest_runtestloop(self, session: Any) -> bool:
        self.session, self.items = session, {item.nodeid: item for item in session.items}
        self.work(self)
        return True

    def noticed(self, names: list[str]) -> bool:
        """Whether one of these tests fails."""
        items = [self.items[name] for name in names if name in self.items]
        for item, following in zip(items, [*items[1:], None], strict=False):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.session.testsfailed:
                return True
        return False


class Watch:
    """Plugin of pytest: which lines each test runs, and how long it takes."""

    def __init__(self, watched: Any) -> None:
        self.watched, self.seconds = watched, dict[str, float]()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.watched.switch_context(nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration


QUIET = [
    "-x",
    "-q",
    "-p",
    "no:cacheprovider",
    "--hypothesis-profile",
    "ci",
    "--tb",
    "line",
    "-m",
    "not spark and not slow",
]


def in_copy() -> None:
    """Go into the copy, and import from there."""
    os.chdir(COPY)
    os.environ["PYTHONPATH"] = str(COPY)
    sys.path[:] = [str(COPY), *(path for path in sys.path if Path(path or ".").resolve() != ROOT)]
    forget()


def forget() -> None:
    """Drop what is imported of the project."""
    for name in [
        name
        for name in sys.modules
        if name.partition(".")[0] in ("curate", "train_probe", "benchmarks", "tests", "conftest")
    ]:
        del sys.modules[name]


def patch(path: Path, mutated: str, first: int) -> bool:
    """Give the imported function whose first line is `first` its new code, and empty all caches; False where there is none."""
    new = next((one for one in _codes(compile(mutated, str(path), "exec")) if one.co_firstlineno == first), None)
    found = False
    for one in gc.get_objects():
        if type(one) is types.FunctionType and one.__code__.co_firstlineno == first:
            fits = new and one.__code__.co_name == new.co_name and one.__code__.co_freevars == new.co_freevars
            if fits and Path(one.__code__.co_filename).resolve() == path:
                one.__code__ = new
                found = True
        elif type(one) is functools._lru_cache_wrapper and str(one.__module__).startswith(("curate.", "train_probe.")):
            one.cache_clear()
    return found


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            yield part
            yield from _codes(part)


def function_at(tree: ast.AST, line: int) -> int:
    """First line of the outermost function in whose body `line` is; 0 where there is none."""
    for node in ast.walk(tree):  # the outer ones come first
        if isinstance(node, ast.FunctionDef) and node.body[0].lineno <= line <= (node.end_lineno or 0):
            return min([node.lineno, *(one.lineno for one in node.decorator_list)])
    return 0


def make_map(chosen: list[str]) -> None:
    """Run the tests once, file by file, and write which of them run which line."""
    copy_tree()
    for name in LIBRARIES:
        importlib.import_module(name)
    in_copy()
    known = json.loads(MAP.read_text()) if MAP.exists() else {"lines": {}, "seconds": {}}
    done = {name.partition("::")[0] for name in known["seconds"]}
    for file in test_files(chosen or TESTS):
        if file in done:
            continue
        part, start = MAP.with_suffix(".part"), time.monotonic()
        code = fork(functools.partial(map_file, file, part), MAP.with_suffix(".log"), 900)
        if code is None or not part.exists():
            print("no map of", file, code, flush=True)
            continue
        found = json.loads(part.read_text())
        part.unlink()
        known["seconds"].update(found["seconds"])
        for module, lines in found["lines"].items():
            here = known["lines"].setdefault(module, {})
            for line, names in lines.items():
                here[line] = sorted({*here.get(line, ()), *names})
        MAP.write_text(json.dumps(known))
        print(file, code, len(found["seconds"]), f"{time.monotonic() - start:.0f} s", flush=True)


def test_files(chosen: Iterable[str]) -> list[str]:
    found = []
    for name in chosen:
        path = COPY / name
        found += sorted(path.rglob("test_*.py")) if path.is_dir() else [path]
    return [name for path in found if (name := str(path.relative_to(COPY))) not in SLOW]


def map_file(file: str, out: Path) -> int:
    """Run the tests of one file and write the lines and the seconds of each."""
    import coverage
    import pytest

    watched = coverage.Coverage(
        data_file=None, include=[str(COPY / name) for name in modules()] + ["*/curate/filters/*"]
    )
    watch = Watch(watched)
    watched.start()
    code = pytest.main([*QUIET[1:], file], plugins=[watch])
    watched.stop()
    data, lines = watched.get_data(), dict[str, dict[str, set[str]]]()
    for measured in data.measured_files():
        here = lines.setdefault(str(Path(measured).resolve().relative_to(COPY)), {})
        for line, names in data.contexts_by_lineno(measured).items():
            here.setdefault(str(line), set()).update(names)
    listed = {module: {line: sorted(names) for line, names in here.items()} for module, here in lines.items()}
    out.write_text(json.dumps({"lines": listed, "seconds": watch.seconds}))
    return int(code)


def tests_of(fault: Fault, known: dict[str, Any], code: list[str], most: float) -> list[str]:
    """The tests that run the line of a fault, the quickest first; those of the module, and of files that name it, where it runs as
    it is imported."""
    lines: dict[str, list[str]] = known["lines"].get(fault.module, {})
    seconds: dict[str, float] = known["seconds"]
    first, last = statement(code, fault.line)
    imported = not function_at(ast.parse("\n".join(code)), fault.line)
    if imported:
        first, last = 1, len(code)
    found = {name for line in range(first, last + 1) for name in lines.get(str(line), ())}
    if imported or not found - {""}:
        found = {name for names in lines.values() for name in names} | of_files(Path(fault.module).stem, seconds)
    elif kept := kept_at(ast.parse("\n".join(code)), fault.line):
        found |= who_names(kept, known)
    found.discard("")
    if len(found) == 1:  # perhaps only because what it calls is kept
        found |= of_files(Path(fault.module).stem, seconds)
    chosen, total = [], 0.0
    for name in sorted(found, key=lambda name: (seconds.get(name, 0.0), name)):
        total += seconds.get(name, 0.0)
        if total > most and chosen:
            break
        chosen.append(name)
    return chosen


def kept_at(tree: ast.AST, line: int) -> str:
    """The function at `line` whose results are kept (`CACHES`): only the first test that calls it ran its lines; "" where there is none."""
    inside = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.lineno <= line)
    return next((one.name for one in inside if line <= (one.end_lineno or 0) and CACHES & set(_decorators(one))), "")


def who_names(function: str, known: dict[str, Any]) -> set[str]:
    """The tests that run a line with the name of a function, and those of the files that have it; where the line is in another one
    whose results are kept, those of its name, too."""
    names, tests = [function], set[str]()
    for name in names:  # grows
        named = re.compile(rf"\b{name}\b")
        tests |= of_files(name, known["seconds"])
        for module, of_lines in known["lines"].items():
            code, tree = source(module)
            for number in (number for number, line in enumerate(code, 1) if named.search(line)):
                tests.update(of_lines.get(str(number), ()))
                names += [kept] if (kept := kept_at(tree, number)) and kept not in names else []
    return tests


def of_files(word: str, tests: Iterable[str]) -> set[str]:
    """Those of the tests in whose files a word stands."""
    by_file = defaultdict(set)
    for test in tests:
        by_file[test.partition("::")[0]].add(test)
    return {
        test for file, some in by_file.items() if re.search(rf"\b{word}\b", (ROOT / file).read_text()) for test in some
    }


@functools.cache
def source(module: str) -> tuple[list[str], ast.AST]:
    """Lines and syntax of a module."""
    code = (ROOT / module).read_text()
    return code.splitlines(), ast.parse(code)


def statement(code: list[str], line: int) -> tuple[int, int]:
    """First and last line of the innermost simple statement (or head of a compound one) at `line`."""
    best = line, line
    for node in ast.walk(ast.parse("\n".join(code))):
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0):
            body = getattr(node, "body", None)
            last = max(node.lineno, body[0].lineno - 1) if body else node.end_lineno or line
            if node.lineno <= line <= last:
                best = node.lineno, last
    return best


def run_fault(fault: Fault, operator: Operator, known: dict[str, Any], most: float, tests: Collected) -> dict[str, Any]:
    """What the tests say of one fault."""
    path = COPY / fault.module
    before, code = path.stat(), path.read_text()
    mutated = mutate_code(code, operator, fault.occurrence)
    assert mutated is not None
    names, first_line = tests_of(fault, known, code.splitlines(), most), function_at(ast.parse(code), fault.line)
    imported = not first_line or "" in known["lines"].get(fault.module, {}).get(str(fault.line), ())
    limit = 60 + 5 * sum(known["seconds"].get(name, 0.0) for name in names)
    bare = mutated.encode().rstrip(
        b"#"
    )  # numba knows what it has compiled by size and time of a file: loops are as before
    path.write_bytes(bare + b"#" * (before.st_size - len(bare)))  # for processes that the tests start
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    start = time.monotonic()

    def work() -> int:
        if not imported and patch(path, mutated, first_line):
            return int(tests.noticed(names))
        import pytest

        forget()  # whoever has values of the module is imported anew
        return int(pytest.main([*QUIET, *sorted({name.partition("::")[0] for name in names})], plugins=[Chosen(names)]))

    log = COPY.with_suffix(".log")
    try:
        code_of_exit = fork(work, log, limit) if names else 0
    finally:
        path.write_text(code)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    told = "late" if code_of_exit is None else "survived" if code_of_exit in (0, 5) else "killed"
    old, new = code.splitlines(), mutated.splitlines()
    first = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), fault.line - 1)
    return {
        **asdict(fault),
        "result": told,
        "tests": len(names),
        "by": _failed(log) if told == "killed" else "",
        "seconds": round(time.monotonic() - start, 1),
        "old": old[first].strip(),
        "new": new[first].strip(),
    }


def _failed(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.startswith(("FAILED", "ERROR"))]
    return lines[0][:200] if lines else ""


def draw(seed: int, count: int, but: set[tuple[Any, ...]]) -> tuple[list[Fault], Counter[str]]:
    """So many places that tests can see, a fault in each; and how many places there are, by the rule that leaves them out."""
    places = defaultdict(list)
    all_operators = operators()
    for module in modules():
        for fault in faults(module, all_operators):
            places[fault.place].append(fault)
    counts = Counter(found[0].unseen or "seen" for found in places.values())
    chance, drawn = random.Random(seed), list[Fault]()
    for place in chance.sample(sorted(places), len(places)):
        found = [fault for fault in places[place] if fault.unseen is None]
        if len(drawn) < count and found and place not in but:
            fault = chance.choice(found)
            drawn.append(fault)
    return drawn, counts


def run(options: argparse.Namespace) -> None:
    """Put in the faults that are asked for, and write what the tests say of each to `options.results`."""
    copy_tree()
    for name in LIBRARIES:
        importlib.import_module(name)
    before = {place(entry) for path in options.but for entry in read(path)}
    drawn, counts = draw(options.seed, options.count, before) if options.count else ([], Counter())
    names = [field.name for field in fields(Fault)]
    survived = [entry for path in options.again for entry in read(path) if entry["result"] == "survived"]
    drawn = [Fault(**{name: entry[name] for name in names}) for entry in survived] + drawn
    print(dict(counts), len(drawn), flush=True)
    known, in_order = json.loads(MAP.read_text()), list(enumerate(drawn))[:: -1 if options.backwards else 1]
    done = {place(entry) for entry in read(options.results)} if options.results.exists() else set()
    all_operators = operators()

    def work(tests: Collected) -> None:
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # bytecode of a fault must not be found by the next
        sys.dont_write_bytecode = True
        for name in modules():
            for cached in Path(sys.pycache_prefix or COPY).rglob(f"{Path(name).stem}.*.pyc"):
                cached.unlink(missing_ok=True)
        with options.results.open("a") as file:
            for number, fault in in_order:
                if fault.place in done or not fault.module.startswith(tuple(options.only.split(","))):
                    continue
                told = run_fault(fault, all_operators[fault.operator], known, options.most, tests)
                file.write(json.dumps(told) + "\n")
                file.flush()
                print(number, told["result"], fault.module, fault.line, told["seconds"], flush=True)

    in_copy()
    pytest = importlib.import_module("pytest")
    files = sorted({name.partition("::")[0] for name in known["seconds"]})
    pytest.main([*QUIET, "-s", *files], plugins=[Collected(work)])


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def place(entry: dict[str, Any]) -> tuple[str, int, int, str]:
    return entry["module"], entry["line"], entry["column"], family(entry["operator"])


def score(files: list[Path]) -> None:
    """Print a table by module, and what nobody noticed. Of a fault in several files the last result counts."""
    last = {place(entry): entry for path in files for entry in read(path)}
    unseen = {module: Unseen((ROOT / module).read_text()) for module in {entry["module"] for entry in last.values()}}
    seen = [
        e
        for e in last.values()
        if e["module"] not in SKIPPED and not unseen[e["module"]].why(e["line"], e["column"], e["operator"])
    ]
    by_module: dict[str, Counter[str]] = defaultdict(Counter)
    for entry in seen:
        by_module[entry["module"]][entry["result"]] += 1
        by_module["all"][entry["result"]] += 1
    print("| module | faults | noticed | share |\n|---|--:|--:|--:|")
    for name, counts in sorted(by_module.items()):
        noticed = counts["killed"] + counts["late"]
        print(f"| {name} | {counts.total()} | {noticed} | {noticed / counts.total():.0%} |")
    for entry in seen:
        if entry["result"] == "survived":
            print(f"{entry['module']}:{entry['line']} {entry['operator']} ({entry['tests']} tests)")
            print(f"    - {entry['old']}\n    + {entry['new']}")


def here(name: str) -> Path:
    """A path from where the command was given: the run goes into the copy."""
    return Path(name).absolute()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["map", "run", "score", "count"])
    parser.add_argument("paths", nargs="*")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument(
        "--most", type=float, default=60.0, help="seconds of tests for a fault, by the map; the quickest first"
    )
    parser.add_argument(
        "--again", type=here, nargs="*", default=[], help="results whose survivors are tried again, before others"
    )
    parser.add_argument("--only", default="", help="of what was drawn, the modules whose paths begin so")
    parser.add_argument("--backwards", action="store_true", help="begin with the last, so that two processes meet")
    parser.add_argument("--results", type=here, default=ROOT / "build" / "mutants.jsonl")
    parser.add_argument("--but", type=here, nargs="*", default=[])
    options = parser.parse_args()
    if options.command == "map":
        make_map(options.paths)
    elif options.command == "run":
        run(options)
    elif options.command == "count":
        _, counts = draw(0, 0, set())
        print(counts)
    else:
        score([Path(path) for path in options.paths])


if __name__ == "__main__":
    main()
