"""Recipes: a TOML file that states a corpus. Every configuration error is raised here, with the nearest right name.

A recipe names classes by their dotted name and so runs their code: it is to be trusted like a program.
"""

import dataclasses
import hashlib
import importlib
import inspect
import json
import math
import re
import sys
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from functools import lru_cache, partial
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from curate.corpus import by_language
from curate.errors import RecipeError, UsageError, nearest, said
from curate.files import storage
from curate.html.extractors import DEFAULT, ENGINES, UNION, UNITED, check_extractor, named_extractor

SHOWN_PARAMETERS = 4_000
"""Characters of parameters that are shown with a recipe."""
CHANGING = ("index",)
"""Parameters that name what a step adds to."""


@dataclass(frozen=True, slots=True)
class Extract:
    """How pages become text, and what one page may cost."""

    engine: str = DEFAULT
    """curate, trafilatura or resiliparse; or the dotted name of a function `(html, url) -> text`."""
    title: bool = True
    """Whether the first line of a text is the title of its page, which is often not in the main text. With `curate`."""
    cpu_seconds: float = 30.0
    """CPU time a page may use. Generous: a slow machine must not change the corpus."""
    page_bytes: int = 20_000_000
    """Decoded bytes of the largest page that is tried."""
    memory_bytes: int = 4 << 30
    """Memory of the process that extracts, in bytes, beside what it holds before the first page."""

    def __post_init__(self) -> None:
        try:
            check_extractor(self.engine)
        except UsageError as error:
            raise ValueError(str(error)) from error


@dataclass(frozen=True, slots=True)
class Shards:
    """How the result is cut into files."""

    target_bytes: int = 256 << 20
    """Text bytes a published shard aims at, before compression."""
    work_bytes: int = 64 << 20
    """Text bytes a working shard aims at; one of them is in memory per task."""


@dataclass(frozen=True, slots=True)
class Output:
    """How the result is laid out."""

    by: str = ""
    """"language": the files of each language in a folder of its own, `data/language=hin_Deva/`. Empty: all together."""

    def __post_init__(self) -> None:
        if self.by not in ("", "language"):
            raise ValueError(f'by must be "language" or "", got {self.by!r}')


@dataclass(frozen=True, slots=True)
class Limits:
    """When a job stops rather than publish."""

    max_failed: float = 0.01
    """Share of the documents (not of damaged records) that may fail in a step before the job says no."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A parsed recipe. `steps` holds filters and corpus-wide steps in order; `labels` names them uniquely."""

    name: str
    steps: tuple[Any, ...] = ()
    labels: tuple[str, ...] = ()
    extract: Extract = field(default_factory=Extract)
    shards: Shards = field(default_factory=Shards)
    limits: Limits = field(default_factory=Limits)
    output: Output = field(default_factory=Output)
    description: str = ""
    source: Any = None
    """The reader of the dumps that it is for, with its options (see `curate.read.dumps`); None: it takes crawl files."""
    text: str = ""
    """The TOML it was made from."""

    @property
    def digest(self) -> str:
        """16 hex digits that change when any setting does."""
        return hashlib.blake2b(self.text.encode(), digest_size=8).hexdigest()

    @property
    def signals(self) -> list[str]:
        """Names of everything its steps measure, in order."""
        names: dict[str, None] = {}
        for step in self.steps:
            names.update(dict.fromkeys(getattr(step, "signals", ())))
        return list(names)

    @property
    def shown(self) -> str:
        """Its text for people: long parameters by language are counted, not listed."""
        text = self.text.strip()
        start = text.find("\n[parameters]\n")
        if start < 0 or len(text) - start <= SHOWN_PARAMETERS:
            return text
        rest = re.search(r"\n(?=\[)", text[start + 2 :])
        end = start + 2 + rest.start() if rest else len(text)
        listed = len(tomllib.loads(text[start:end])["parameters"])
        return f"{text[:start]}\n# [parameters] of {listed:,} languages: see recipe.toml{text[end:]}"

    def files(self) -> list[str]:
        """Files and folders that its steps read: what their own `files` say, and parameters that look like paths that exist;
        and the modules of steps that are not ours.

        What a step adds to (`index`) is not among them.
        """
        found: list[str] = []
        for step in (one for stated in self.steps for one in variants(stated)):
            found += _own_module(type(step))
            named = [str(path) for path in step.files()] if hasattr(step, "files") else []
            values = [getattr(step, item.name) for item in dataclasses.fields(step) if item.name not in CHANGING]
            named += [value for value in values if isinstance(value, str) and ("/" in value or Path(value).suffix)]
            found += [path for path in named if "://" in path or Path(path).expanduser().exists()]
        return sorted(set(found))

    def segments(self) -> list[tuple[int, int]]:
        """Runs [first, last) of per-document steps between corpus-wide ones; the step at `last`, if any, is corpus-wide."""
        cuts = [i for i, step in enumerate(self.steps) if is_corpus_wide(step)]
        starts = [0, *(cut + 1 for cut in cuts)]
        return list(zip(starts, [*cuts, len(self.steps)], strict=True))


def variants(step: object) -> list[Any]:
    """The steps that a step of a recipe stands for: itself, or one for each language."""
    return step.distinct() if isinstance(step, by_language.ByLanguage) else [step]


def _own_module(kind: type) -> list[str]:
    """The file of a class that is not ours, where it has one."""
    if kind.__module__.split(".")[0] == "curate":
        return []
    path = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return [path] if path and Path(path).is_file() else []


def load_steps(recipe: Recipe) -> None:
    """Load the models and lists of the steps. Raises RecipeError with what is missing, and how to get it."""
    for label, step in zip(recipe.labels, recipe.steps, strict=True):
        if hasattr(step, "prepare"):
            try:
                step.prepare()
            except (OSError, ValueError) as error:
                raise RecipeError(f"{recipe.name}: {label}: {error}") from error


@dataclass(frozen=True, slots=True)
class LoadTask:
    """What is to be loaded: the steps of a recipe, or what reads pages."""

    recipe: str
    """Its text."""
    where: str
    """Its name in messages."""
    module: str
    """Where the tasks are that need it."""
    engine: str = ""
    """The extractor of those that read pages."""


def load_in_child(task: LoadTask) -> None:
    """Task: load what the steps of a recipe need, or an extractor of ours. Raises RecipeError."""
    importlib.import_module(task.module)
    if task.engine in ("", UNION):  # union asks the steps for each page
        load_steps(parse(task.recipe, task.where))
    engines = UNITED if task.engine in ("curate", UNION) else (task.engine,)  # with what it falls back on
    for name in filter(ENGINES.__contains__, engines):
        named_extractor(name)("<p>a</p>", None)  # each imports the most with its first page


def is_corpus_wide(step: Any) -> bool:
    """Whether a step needs more than one document (see `curate.dedup.base.CorpusStep`)."""
    return hasattr(step, "resolve")


def built_in() -> list[str]:
    """Names of the recipes that come with the package."""
    folder = resources.files("curate").joinpath("recipes")
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


def load(
    name: str,
    overrides: Mapping[str, Any] | None = None,
    steps: Mapping[str, Mapping[str, Any]] | None = None,
    first: Sequence[Mapping[str, Any]] = (),
) -> Recipe:
    """Read a recipe by the name of a built-in one or by path. `overrides` replaces its values and keys of its tables, `steps` those of
    the steps of a class: `steps={"BadWords": {"words": "list.txt"}}`; `first` are steps before all others, as tables, where the recipe
    has none of their class. Modules that stand beside a recipe can be named in it.

    Raises RecipeError, which names the file, the table and the nearest right key.
    """
    if name in built_in():
        text = resources.files("curate").joinpath("recipes", f"{name}.toml").read_text(encoding="utf-8")
    elif Path(name).is_file():
        text = _text(Path(name).read_bytes(), name)
        if (beside := str(Path(name).resolve().parent)) not in sys.path:
            sys.path.append(beside)  # at the end: nothing is hidden; children of this process are told
    elif "://" in name:
        try:
            text = _text(storage.read_bytes(name), name)
        except OSError as error:
            why = storage.missing(name) if isinstance(error, FileNotFoundError) else said(error)
            raise RecipeError(f"no recipe {name}: {why}") from error
    else:
        hint = "" if name.endswith(".toml") else nearest(name, built_in())
        raise RecipeError(f"no recipe {name!r}: neither a file nor built in{hint}")
    return parse(_changed(text, name, overrides or {}, steps or {}, first), name)


def of_corpus(corpus: str) -> Recipe | None:
    """The recipe that a corpus was made with, None where it has none. The corpus may be somebody else's: of its folder nothing is run,
    so a step that is neither ours nor installed can't be named. Raises RecipeError."""
    path = storage.join(corpus, "recipe.toml")
    if not storage.exists(path):
        return None
    try:
        return parse(_text(storage.read_bytes(path), path), path)
    except UnknownModuleError as error:
        told = f"{error}: a corpus brings no code; put the folder of a module that you trust into PYTHONPATH"
        raise RecipeError(told) from error


class UnknownModuleError(RecipeError):
    """A recipe names a module that isn't there."""


def _text(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecipeError(f"{where}: not UTF-8 (byte {error.start:,})") from error


def _changed(
    text: str, where: str, overrides: Mapping[str, Any], steps: Mapping[str, Any], first: Sequence[Mapping[str, Any]]
) -> str:
    """The recipe with what the command line changes, so that its text still states the whole corpus."""
    if not overrides and not steps and not first:
        return text
    table = _toml(text, where)
    for key, values in overrides.items():
        table[key] = {**table.get(key, {}), **values} if isinstance(values, Mapping) else values
    named = {str(item.get("use")).rpartition(".")[2] for item in table.get("step", [])}
    more = [dict(item) for item in first if str(item["use"]).rpartition(".")[2] not in named]
    if more:
        table["step"] = [*more, *table.get("step", [])]
    for item in table.get("step", []):
        item.update(steps.get(str(item.get("use")).rpartition(".")[2], {}))
    found = {str(item.get("use")).rpartition(".")[2] for item in table.get("step", [])}
    for name in steps:
        if name not in found:
            raise RecipeError(f"{where}: has no step {name}, so there is nothing to set it on")
    return to_toml(table)


def to_toml(table: Mapping[str, Any]) -> str:
    """Write a recipe's table (whatever TOML can hold) as TOML."""
    lines = [f"{_key(key)} = {_literal(value)}" for key, value in table.items() if not _is_table(value)]
    for key, value in table.items():
        for item in (value if isinstance(value, list) else [value]) if _is_table(value) else []:
            lines += ["", f"[[{_key(key)}]]" if isinstance(value, list) else f"[{_key(key)}]"]
            lines += [f"{_key(name)} = {_literal(inner)}" for name, inner in item.items()]
    return "\n".join(lines) + "\n"


def _is_table(value: Any) -> bool:
    """Whether a value is written under a heading of its own."""
    return isinstance(value, dict) or (
        isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)
    )


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _literal(name)


def _literal(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(name)} = {_literal(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_literal, value)) + "]"
    if isinstance(value, date | time):  # a moment is a date, too
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    # A JSON text, number or boolean is TOML as it stands, but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _toml(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{where}: not TOML: {error}") from error


def parse(text: str, where: str) -> Recipe:
    """Parse the text of a recipe; `where` names it in messages.

    Parameters by language that lie in files become a part of its text, as far as its steps ask for them. Raises
    RecipeError.
    """
    text = _with_parameters(text, where)
    table = _toml(text, where)
    known = ("name", "description", "parameters", "source", "extract", "shards", "limits", "output", "step")
    _check_keys(table, known, where, "the recipe")
    tables: dict[str, Any] = {}
    for key, kind in (("extract", Extract), ("shards", Shards), ("limits", Limits), ("output", Output)):
        tables[key] = _build(kind, table.get(key, {}), f"{where}: [{key}]")
    reader = _reader(table["source"], f"{where}: [source]") if "source" in table else None
    steps = table.get("step", [])
    if not isinstance(steps, list):
        raise RecipeError(f"{where}: write [[step]], with two brackets, for each step")
    parameters = table.get("parameters")
    built = [_step(item, parameters, f"{where}: [[step]] {i}") for i, item in enumerate(steps, 1)]
    labels = _unique([item.get("name") or item["use"].rpartition(".")[2] for item in steps])
    name = str(table.get("name") or Path(where).stem)
    description = str(table.get("description", ""))
    return Recipe(name, tuple(built), labels, description=description, source=reader, text=text, **tables)


def _with_parameters(text: str, where: str) -> str:
    """The text with the parameters that its steps ask for, under `[parameters]`, instead of where these lie."""
    table = _toml(text, where)
    stated = table.get("parameters")
    if stated is None or not isinstance(table.get("step", []), list):
        return text
    if not isinstance(stated, str | dict) or (isinstance(stated, dict) and not _of_tables(stated)):
        raise RecipeError(f'{where}: parameters = "folder/" (or a TOML file), or [parameters.hin_Deva] and the like')
    found = stated if isinstance(stated, dict) else by_language.read(_beside(stated, where), where)
    keys = [key for item in table.get("step", []) for key in by_language.keys_in(item)]
    needed = by_language.narrowed(found, keys, where)
    if needed == stated:
        return text
    wanted = {**table, "parameters": needed}
    if isinstance(stated, str):  # the rest of the text, with its comments, stays as it is
        kept = re.sub(r"(?m)^parameters[ \t]*=.*\n?", "", text, count=1).rstrip("\n")
        made = f"{kept}\n\n{to_toml({'parameters': needed})[1:]}"
        try:
            if tomllib.loads(made) == wanted:
                return made
        except tomllib.TOMLDecodeError:
            pass
    return to_toml(wanted)


def _of_tables(value: Mapping[str, Any]) -> bool:
    return all(isinstance(one, dict) for one in value.values())


def _beside(named: str, where: str) -> Path | Traversable:
    """Parameters lie beside the recipe; else where the path leads from here."""
    path = Path(named).expanduser()
    if where in built_in() and not path.is_absolute():
        return resources.files("curate").joinpath("recipes", *path.parts)
    beside = Path(where).parent / path
    return beside if beside.exists() else path


def _unique(labels: list[str]) -> tuple[str, ...]:
    seen: dict[str, int] = {}
    out = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        out.append(label if seen[label] == 1 else f"{label}{seen[label]}")
    return tuple(out)


def _check_keys(table: Mapping[str, Any], known: typing.Iterable[str], where: str, what: str) -> None:
    for key in table:
        if key not in known:
            raise RecipeError(f"{where}: {what} has no key {key!r}{nearest(key, known)}")


def _step(item: Mapping[str, Any], parameters: Mapping[str, Any] | None, where: str) -> Any:
    kind = _class(item, where)
    is_step = inspect.isclass(kind) and any("__call__" in vars(k) or "resolve" in vars(k) for k in kind.__mro__[:-1])
    if not (is_step and dataclasses.is_dataclass(kind)):
        raise RecipeError(f"{where}: {item['use']} is not a step (a dataclass with __call__, or a corpus-wide one)")
    values = {k: v for k, v in item.items() if k not in ("use", "name")}
    if parameters is None:
        for name, value in values.items():
            if isinstance(value, str) and re.fullmatch(r"@[A-Za-z_]\w*", value):
                raise RecipeError(
                    f'{where}: {name} = "{value}" is looked up by language: the recipe needs parameters = "folder/"'
                )
    if parameters is None or not any(by_language.keys_in(values)):
        return _build(kind, values if parameters is None else by_language.replaced(values, {}), where)
    if is_corpus_wide(kind):
        raise RecipeError(
            f"{where}: {item['use']} compares documents of all languages: it has no parameters by language"
        )
    by_language.check_told(values, kind, where)
    return by_language.build(values, parameters, partial(_build, kind), where)


def _reader(item: Any, where: str) -> Any:
    """The reader that a recipe's [source] names, with its options."""
    if not isinstance(item, dict):
        raise RecipeError(f"{where}: write [source], with one bracket, once")
    kind = _class(item, where)
    if not (inspect.isclass(kind) and dataclasses.is_dataclass(kind) and hasattr(kind, "recognises")):
        raise RecipeError(f"{where}: {item['use']} is not a reader (a dataclass with recognises and source)")
    return _build(kind, {k: v for k, v in item.items() if k != "use"}, where)


def _class(item: Mapping[str, Any], where: str) -> Any:
    """What `use` names."""
    dotted = item.get("use")
    if not isinstance(dotted, str) or "." not in dotted:
        raise RecipeError(f'{where}: needs use = "package.module.Class"')
    module_name, _, class_name = dotted.rpartition(".")
    try:
        module = importlib.import_module(_full(module_name))
    except ModuleNotFoundError as error:
        itself = error.name and f"{module_name}.".startswith(f"{error.name}.")
        missing = "" if itself else f" (it imports {error.name!r}, which is not installed)"
        raise UnknownModuleError(f"{where}: no module {module_name!r}{missing}{_near_module(module_name)}") from error
    except Exception as error:  # whatever a person's own module raises
        raise RecipeError(f"{where}: {module_name} can't be imported: {type(error).__name__}: {error}") from error
    kind = getattr(module, class_name, None)
    if kind is None:
        steps = [n for n, k in vars(module).items() if inspect.isclass(k) and dataclasses.is_dataclass(k)]
        raise RecipeError(f"{where}: {module_name} has no {class_name!r}{nearest(class_name, steps)}")
    return kind


FILTERS = "filters."
"""What names of our filters begin with in a recipe: short for `curate.filters.`"""


def _own_filters() -> list[str]:
    files = resources.files("curate.filters").iterdir()
    return [file.name.removesuffix(".py") for file in files if file.name.endswith(".py")]


def _full(name: str) -> str:
    """The module that a recipe names. A person's own `filters.py` is found as well, under any name that we don't have."""
    return f"curate.{name}" if name.startswith(FILTERS) and name.removeprefix(FILTERS) in _own_filters() else name


def _near_module(name: str) -> str:
    return nearest(name, [f"{FILTERS}{own}" for own in _own_filters()]) if name.startswith(FILTERS) else ""


def _build(kind: Any, values: Mapping[str, Any], where: str) -> Any:
    fields, hints = _fields(kind)
    for key in values:
        if key not in fields:
            raise RecipeError(f"{where}: {kind.__name__} has no parameter {key!r}{nearest(key, fields)}")
    cast = {
        key: _fit(value, hints.get(key, object), f"{where}: {kind.__name__}.{key}") for key, value in values.items()
    }
    try:
        return kind(**cast)
    except (ValueError, TypeError) as error:
        raise RecipeError(f"{where}: {kind.__name__}: {error}") from error


@lru_cache(maxsize=256)
def _fields(kind: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters of a class and their types."""
    return {f.name: f for f in dataclasses.fields(kind) if f.init}, typing.get_type_hints(kind)


def _fit(value: Any, hint: Any, where: str) -> Any:
    """The value as the field wants it: lists become tuples, whole numbers floats; anything else must be of the type."""
    if isinstance(value, list):
        value = tuple(value)
    origin = typing.get_origin(hint)
    kinds = typing.get_args(hint) if origin in (typing.Union, types.UnionType) else (hint,)
    plain = tuple(typing.get_origin(k) or k for k in kinds)
    if any(k in (object, Any, typing.Literal) or isinstance(k, typing.TypeVar) for k in plain):
        return value
    if float in plain and type(value) is int:
        return float(value)
    if isinstance(value, bool) and bool not in plain:
        raise RecipeError(f"{where} must be {_type_names(plain)}, got {value!r}")
    if not isinstance(value, tuple(k for k in plain if isinstance(k, type))):
        raise RecipeError(f"{where} must be {_type_names(plain)}, got {value!r}")
    if any(typing.get_args(k) == (str, ...) for k in kinds) and isinstance(value, tuple):
        odd = next((one for one in value if not isinstance(one, str)), None)
        if odd is not None:  # YAML takes an unquoted no for false
            raise RecipeError(f"{where} must be a list of texts, got {odd!r} in it: write it in quotes")
    return value


def _type_names(kinds: tuple[Any, ...]) -> str:
    names = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", tuple: "a list"}
    return " or ".join(
        names.get(kind, getattr(kind, "__name__", str(kind))) for kind in kinds if kind is not type(None)
    )
