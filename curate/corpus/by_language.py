"""Parameters by language: a value `"@key"` in a recipe stands for the value that each language has for `key`.

The parameters are a folder with a file a language (`hin_Deva.yml`, `.toml`, `.json`), or one TOML with a table a language. `default`
stands for languages and keys that are not there. All languages are built, and so checked, when the recipe is read.
"""

import json
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from curate.errors import RecipeError, nearest
from curate.filters import labels, writing
from curate.filters.base import Decision, Document, drop

DEFAULT = "default"
FORMS = (".toml", ".yml", ".yaml", ".json")
Table = Mapping[str, Any]
Tables = dict[str, dict[str, Any]]
"""{label: {key: value}}."""


def read(path: Path | Traversable, where: str) -> Tables:
    """{label: {key: value}} of a folder or a file. Raises RecipeError with the file that is wrong."""
    if path.is_file():
        tables = _load(path)
        for label, table in tables.items():
            if not isinstance(table, dict):
                raise RecipeError(
                    f"{path}: {label!r} is not a table: write [hin_Deva] and the like, a table a language"
                )
        return _checked(tables, str(path))
    if not path.is_dir():
        raise RecipeError(f"{where}: no parameters at {path}: expected a folder with a file a language, or a TOML file")
    files = sorted(
        (one for one in path.iterdir() if one.name.endswith(FORMS) and one.is_file()), key=lambda one: one.name
    )
    if not files:
        raise RecipeError(f"{path}: no file of parameters in it ({', '.join(FORMS)}, named by language: hin_Deva.yml)")
    found: dict[str, dict[str, Any]] = {}
    for file in files:
        label = file.name.rpartition(".")[0]
        if label in found:
            raise RecipeError(f"{file}: another file in the folder is for {label} too")
        found[label] = _load(file)
    return _checked(found, str(path))


def _load(path: Path | Traversable) -> dict[str, Any]:
    """The table of one file, by the end of its name."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.name.endswith(".toml"):
            table = tomllib.loads(text)
        elif path.name.endswith(".json"):
            table = json.loads(text)
        else:
            table = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise RecipeError(f"{path}: can't be read: {' '.join(str(error).split())}") from error
    if not isinstance(table, dict):
        raise RecipeError(f"{path}: holds no table of keys and values")
    return table


def _checked(tables: Tables, where: str) -> Tables:
    """The tables, of languages that can be told apart."""
    seen: dict[str, str] = {}
    for label, table in tables.items():
        if label != DEFAULT and not labels.is_label(label):
            raise RecipeError(f"{where}: {label!r} is no name of a language, such as hin_Deva")
        if other := seen.get(labels.folder(label)):
            raise RecipeError(f"{where}: {label} and {other} are one language")
        seen[labels.folder(label)] = label
        for key in table:
            if not isinstance(key, str):
                raise RecipeError(f"{where}: {label}: the key {key!r} is not a text")
    return dict(tables)


def keys_in(value: object) -> Iterator[str]:
    """The keys of the `"@key"` that stand in a value; `"@@"` is an @."""
    if isinstance(value, str) and value.startswith("@") and not value.startswith("@@"):
        yield value[1:]
    elif isinstance(value, list | tuple):
        for one in value:
            yield from keys_in(one)
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from keys_in(one)


def narrowed(tables: Mapping[str, Table], keys: Iterable[str], where: str) -> Tables:
    """Of each table what `keys` name. Raises RecipeError for a key that no language has, and for a language without a value for one."""
    wanted = list(dict.fromkeys(keys))
    known = sorted({key for table in tables.values() for key in table})
    for key in wanted:
        if key not in known:
            raise RecipeError(f'{where}: "@{key}": no language has a parameter {key!r}{nearest(key, known)}')
    default = tables.get(DEFAULT, {})
    for label, table in tables.items():
        missing = [key for key in wanted if key not in table and key not in default]
        if missing and label != DEFAULT:
            raise RecipeError(f"{where}: {label} has no {missing[0]!r}, and neither has a {DEFAULT}")
    return {label: {key: table[key] for key in wanted if key in table} for label, table in tables.items()}


def replaced(value: object, table: Table) -> Any:
    """`value` with each `"@key"` replaced by what `table` has for it."""
    if isinstance(value, str) and value.startswith("@"):
        return value[1:] if value.startswith("@@") else table[value[1:]]
    if isinstance(value, list | tuple):
        return [replaced(one, table) for one in value]
    if isinstance(value, Mapping):
        return {key: replaced(one, table) for key, one in value.items()}
    return value


class ByLanguage:
    """A step whose parameters depend on the language of a document: the real step, one for each language.

    A document in a language without parameters, where there is no default, is dropped as `no_parameters`.
    """

    def __init__(self, steps: Table) -> None:
        self.steps = dict(steps)
        self._any = next(iter(self.steps.values()))
        self.signals: tuple[str, ...] = tuple(getattr(self._any, "signals", ()))
        self.costly = bool(getattr(self._any, "costly", False))
        self._chooser = Chooser(label for label in steps if label != DEFAULT)
        self._missing = Missing(self._any)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByLanguage) and self.steps == other.steps

    __hash__ = None  # type: ignore[assignment]

    def distinct(self) -> list[Any]:
        """The steps, each once."""
        return list({id(step): step for step in self.steps.values()}.values())

    def of(self, doc: Document) -> Any:
        """The real step for a document."""
        language = told(self._any, doc).language
        label = self._chooser.label(language, doc)
        return self.steps.get(label or DEFAULT, self.steps.get(DEFAULT, self._missing))

    def __call__(self, doc: Document, /) -> Decision:
        decision: Decision = self.of(doc)(doc)
        return decision

    def prepare(self) -> None:
        """As each step's."""
        for step in self.distinct():
            if hasattr(step, "prepare"):
                step.prepare()

    def files(self) -> list[Path]:
        """As the steps'."""
        return [path for step in self.distinct() if hasattr(step, "files") for path in step.files()]


@dataclass(frozen=True)
class Missing:
    """What stands for the step of a language without parameters."""

    step: Any
    """Any of the others: it can tell the language, if its class does."""

    def __call__(self, doc: Document, /) -> Decision:
        return drop(told(self.step, doc), "no_parameters")


def told(step: object, doc: Document) -> Document:
    """The document with what a step that tells the language says of it; as it is, where the step tells none."""
    known: Document = step.told(doc) if hasattr(step, "told") else doc
    return known


class Chooser:
    """Finds the label that parameters have for the language that a model gave."""

    def __init__(self, known: Iterable[str]) -> None:
        self.known = set(known)
        self._alike: dict[str, list[str]] = {}
        for label in sorted(self.known):
            self._alike.setdefault(labels.same(label).language, []).append(label)

    def label(self, language: str | None, doc: Document) -> str | None:
        """The label as it stands; else the one of the same language and script; where one has no script, any (of several the
        one in the script of the text)."""
        if language is None or language in self.known:
            return language
        told = labels.same(language)
        alike = self._alike.get(told.language, [])
        script = told.script
        if script is None and len(alike) > 1:
            script = labels.same(f"{told.language}_{doc.script or writing.script(doc.text) or ''}").script
        found = [one for one in alike if script is None or labels.same(one).script in (script, None)]
        # Of one with a script and one without, the one with it says more.
        return min(found, key=lambda one: (labels.same(one).script is None, one), default=None)


def chosen(step: object, doc: Document) -> Any:
    """The real step for a document."""
    return step.of(doc) if isinstance(step, ByLanguage) else step


def build(item: Table, parameters: Mapping[str, Table], make: Callable[[Table, str], object], where: str) -> ByLanguage:
    """One frozen step a language from the table of a step; `make` builds it from a table without `"@key"`, and is told where it
    stands. Raises RecipeError, with the language."""
    default = parameters.get(DEFAULT, {})
    made: dict[str, Any] = {}
    steps: dict[str, Any] = {}
    keys = sorted(set(keys_in(item)))
    for label, table in parameters.items():
        whole = {**default, **table}
        if label == DEFAULT and not all(key in whole for key in keys):
            continue  # it only lends single values
        values = {key: whole[key] for key in keys}
        seen = repr(values)
        if seen not in made:
            made[seen] = make(replaced(item, values), f"{where}: {label}")
        steps[label] = made[seen]
    if not steps:
        raise RecipeError(f"{where}: there are parameters of no language")
    return ByLanguage(steps)


def check_told(item: Table, step: object, where: str) -> None:
    """Raise RecipeError for a parameter by language that a step which tells the language must know before. `step` is its class."""
    allowed: Iterable[str] | None = getattr(step, "by_language", None)
    for name, value in item.items():
        if allowed is not None and name not in allowed and any(keys_in(value)):
            raise RecipeError(
                f'{where}: {name} = "{value}": this step tells the language, so {name} is one for all; by language are '
                f"{', '.join(allowed)}"
            )
