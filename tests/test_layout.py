"""The shape of the project: who imports whom, what a light import loads, what the wheel holds."""

import ast
import functools
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {"filters": {"curate"}, "curate": {"curate"}, "train_probe": {"train_probe"}}
OURS = {"filters", "curate", "jobs", "train_probe", "benchmarks", "tests"}


def _statements(path: Path) -> Iterator[ast.AST]:
    """All statements of a file. Most nodes are parts of expressions, which hold none."""
    todo: list[ast.AST] = [ast.parse(path.read_text())]
    while todo:
        node = todo.pop()
        yield node
        for name in ("body", "orelse", "handlers", "finalbody", "cases"):
            inner = getattr(node, name, [])
            todo += inner if isinstance(inner, list) else []  # of `a if b else c` it is an expression


@functools.cache
def _imports(path: Path) -> frozenset[str]:
    names: set[str] = set()
    for node in _statements(path):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)


def test_filters_import_filters_only():
    for path in (ROOT / "filters").glob("*.py"):
        ours = {name for name in _imports(path) if name.split(".")[0] == "curate"}
        assert all(name == "curate.filters" or name.startswith("curate.filters.") for name in ours), path


@pytest.mark.parametrize("folder", ["filters", "curate", "jobs", "train_probe", "tests", "benchmarks"])
def test_filters_have_one_name(folder):
    """`curate.filters`: people have a `filters.py` of their own. The folder stands under `curate` as a link."""
    for path in (ROOT / folder).rglob("*.py"):
        wrong = [name for name in _imports(path) if name.split(".")[0] in ("filters", "jobs")]
        assert not wrong, f"{path}: write curate.{wrong[0]}"


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_layers(package):
    files = list((ROOT / package).rglob("*.py"))
    assert files
    for path in files:
        roots = {name.split(".")[0] for name in _imports(path)} & OURS
        assert roots <= ALLOWED[package] | ({"train_probe"} if {"commands", "api"} & set(path.parts) else set()), path


ROOMS = {
    "console": "",
    "files": "console",
    "engine": "files",
    "encodings": "",
    "html": "encodings",
    "corpus": "files html",
    "warc": "",
    "tex": "files",
    "books": "encodings html",
    "wikitext": "",
    "read": "console files engine encodings html corpus warc tex books wikitext",
    "links": "files warc read",
    "dedup": "console files engine corpus read",
    "tokens": "files dedup",
    "run": "console files engine corpus read dedup",
    "mixing": "console files engine corpus read dedup tokens run",
    "code": "console files corpus warc read",
    "report": "console files engine corpus warc read dedup run mixing",
    "search": "console files mixing report",
    "quality": "console files engine corpus read dedup report",
    "sample": "",
    "jobs": "console files engine corpus read dedup tokens run mixing code report links",
    "api": "console files engine encodings html corpus run report sample jobs",
    "commands": "console files engine encodings html tokens run mixing code report search quality sample jobs",
}
"""A room of `curate/` and those it may import, from the ground up: each only names rooms above it in this table, so there
is no cycle. All may import `curate.errors`."""
LINKS = {"filters": "filters", "submit": "jobs"}
"""Names under `curate` and the folders beside it that they are: in a checkout by a link, in wheel and bundle as folders."""
FRONT_DOOR = {"__init__", "__main__", "cli", "errors"}


def test_rooms_stand_in_order():
    for number, allowed in enumerate(ROOMS.values()):
        assert set(allowed.split()) <= set(list(ROOMS)[:number])


def test_nothing_is_loose():
    assert {path.stem for path in (ROOT / "curate").glob("*.py")} == FRONT_DOOR
    assert {path.parent.name for path in (ROOT / "curate").glob("*/__init__.py")} == set(ROOMS) | set(LINKS)


@pytest.mark.parametrize("name", sorted(LINKS))
def test_folders_beside_stand_under_curate_as_links(name):
    link = ROOT / "curate" / name
    assert link.is_symlink()
    assert link.resolve() == ROOT / LINKS[name]


@pytest.mark.parametrize("room", ROOMS)
def test_rooms(room):
    """Imports within functions count as well."""
    for path in (ROOT / "curate" / room).rglob("*.py"):
        found = {name.split(".")[1] for name in _imports(path) if name.startswith("curate.")} & set(ROOMS)
        assert found <= {room, *ROOMS[room].split()}, path


def _top_level_imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def test_pyspark_is_imported_by_functions_only():
    for path in (ROOT / "curate").rglob("*.py"):
        assert "pyspark" not in path.read_text() or "pyspark" not in _top_level_imports(path), path


def test_a_light_import_is_light():
    code = "import sys, curate.filters, curate.cli, curate.corpus.recipe; print(*(m for m in ('pyspark','pandas','torch','numba') if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == []


def test_job_names_shadow_nothing():
    names = {path.stem for path in (ROOT / "jobs").glob("*.py")} - {"__init__"}
    assert names
    assert not names & (set(sys.stdlib_module_names) | OURS | {"pyspark", "numpy", "pandas", "pyarrow"})


def test_wheel_packages():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["curate", "train_probe"]
    assert project["project"]["name"] != "curate"


def test_every_command_has_help_and_a_module():
    from click.testing import CliRunner

    from curate.cli import COMMANDS, group

    for name in COMMANDS:
        done = CliRunner().invoke(group, [name, "--help"])
        assert done.exit_code == 0, (name, done.output)
        assert len(done.output.splitlines()) > 4, name


MOST_ANY = 0.08
"""Share of the functions of `filters`, `curate` and `train_probe` with Any in their signature: to be lowered, never raised."""


def _says_any(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    named = function.args
    every = [*named.posonlyargs, *named.args, *named.kwonlyargs, named.vararg, named.kwarg]
    annotations = [one.annotation for one in every if one] + [function.returns]
    nodes = [node for one in annotations if one for node in ast.walk(one)]
    return any(isinstance(node, ast.Name) and node.id == "Any" for node in nodes)


def test_signatures_say_types():
    files = [path for package in ("curate", "filters", "train_probe") for path in (ROOT / package).rglob("*.py")]
    nodes = (node for path in files for node in _statements(path))
    said = [_says_any(node) for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert sum(said) / len(said) <= MOST_ANY
