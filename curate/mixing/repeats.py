"""How often an epoch holds a document, by a number that the document carries: how many copies of it there were.

FineWeb-2 keeps one document of each cluster of duplicates with the size of the cluster, and repeats it by that ("rehydration"): what
others copied a few times is better on average than what nobody or a thousand pages have (Penedo et al., "FineWeb2", 2025).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.errors import InputError, UsageError, nearest, said
from curate.files import storage
from curate.filters import labels

PUBLISHED: Mapping[str, Mapping[int, int]] = {"fineweb-2": {1: 1, 2: 2, 3: 3, 5: 5, 100: 8, 1000: 1}}
"""FineWeb-2's README, all languages alike. Its files of weights by language are read as they are."""
DEFAULT = "default"
MOST = 1000


@dataclass(frozen=True, slots=True)
class Repeats:
    """A column, and how often a document is repeated from which value of it on."""

    column: str
    starts: tuple[int, ...]
    """Rising. Below the first, and where there is no value, a document is there once."""
    times: tuple[int, ...]

    def of(self, values: pa.Array, file: str) -> NDArray[np.int64]:
        """How often each document is there, from what its column says, as text. Raises InputError for what is no whole number."""
        sizes = np.array([self._number(value, file) for value in values.to_pylist()], np.int64)
        found: NDArray[np.int64] = np.array((1, *self.times), np.int64)[np.searchsorted(self.starts, sizes, "right")]
        return found

    def _number(self, value: str | None, file: str) -> int:
        try:
            # Values of other people's tables may be as large as they like.
            return -1 if value is None else min(int(value), np.iinfo(np.int64).max)
        except ValueError:
            raise InputError(
                f"{file}: {self.column} is {(value or '')[:40]!r} in a row: --repeat-by needs whole numbers"
            ) from None


def read(text: str, sources: Iterable[str]) -> dict[str, Repeats]:
    """What --repeat-by says, for each source: `COLUMN=1:1,2:2,5:5` (value:times), the name of published weights, or a JSON file, one
    table `{"1": 1, "2": 2}` or one for each language by the names of the sources. Raises UsageError."""
    column, equals, rule = text.partition("=")
    if not (column and equals and rule):
        raise UsageError(f"--repeat-by {text}: write COLUMN=1:1,2:2,5:5 (from which value on how often), or {_names()}")
    names = list(sources)
    if rule in PUBLISHED:
        return dict.fromkeys(names, _checked(column, PUBLISHED[rule], "--repeat-by"))
    if rule.endswith(".json"):
        return _of_file(column, rule, names)
    if ":" not in rule:
        raise UsageError(
            f"--repeat-by: no weights are called {rule!r}{nearest(rule, list(PUBLISHED))}; they are {_names()}"
        )
    pairs = [part.partition(":")[::2] for part in rule.split(",")]
    if len(dict(pairs)) < len(pairs):
        raise UsageError(f"--repeat-by {text}: a value stands there twice")
    return dict.fromkeys(names, _checked(column, dict(pairs), "--repeat-by"))


def _names() -> str:
    return f"{', '.join(PUBLISHED)}, or FILE.json"


def _of_file(column: str, path: str, names: Iterable[str]) -> dict[str, Repeats]:
    try:
        table = json.loads(storage.read_bytes(path))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"--repeat-by: {path} can't be read: {said(error)}") from error
    if not isinstance(table, dict) or not table:
        raise UsageError(f'--repeat-by: {path} holds no table such as {{"1": 1, "2": 2}}')
    if not any(isinstance(value, dict) for value in table.values()):
        return dict.fromkeys(names, _checked(column, table, path))
    found = {}
    for name in names:
        label = next((one for one in (name, *_alike(name, table), DEFAULT) if one in table), None)
        if label is None or not isinstance(table[label], dict):
            raise UsageError(f"--repeat-by: {path} has no weights for the source {name}, and no {DEFAULT}")
        found[name] = _checked(column, table[label], f"{path}: {label}")
    return found


def _alike(name: str, table: Iterable[str]) -> list[str]:
    """The labels of the same language and script, by other names (`zho_Hans`: `cmn_Hani`)."""
    return [label for label in table if labels.is_label(name) and labels.same(label) == labels.same(name)]


def _checked(column: str, table: Mapping[int, int] | Mapping[str, object], where: str) -> Repeats:
    pairs = []
    for start, times in table.items():
        try:
            if isinstance(times, float) and not times.is_integer():
                raise ValueError
            pairs.append((int(start), int(times)))  # type: ignore[call-overload]
        except (TypeError, ValueError):
            raise UsageError(
                f"{where}: {start}: {times} are no two whole numbers (from which value on how often)"
            ) from None
    pairs.sort()
    if any(start < 0 or not 0 <= times <= MOST for start, times in pairs):
        raise UsageError(f"{where}: values begin at 0, and a document is repeated 0 to {MOST} times, got {dict(pairs)}")
    if len({start for start, _ in pairs}) < len(pairs):
        raise UsageError(f"{where}: a value stands there twice")
    starts, times = zip(*pairs, strict=True)
    return Repeats(column, starts, times)
