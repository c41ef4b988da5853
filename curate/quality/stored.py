"""The columns of a finished corpus that say what became of each document, without its text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.corpus.lookup import opened, parts, schema_of
from curate.corpus.recipe import Recipe, of_corpus
from curate.errors import InputError

Numbers = npt.NDArray[Any]
LENGTHS = ("chars", "words", "sentences")
"""Signals that say how long a text is, the best first."""


@dataclass(slots=True)
class Names:
    """A column of texts as numbers: -1 where there is none."""

    codes: Numbers
    values: list[str]


@dataclass(slots=True)
class Stored:
    """Rows of data/ and rejected/, those that are kept first."""

    corpus: str
    recipe: Recipe
    kept: int
    """Rows of data/."""
    ids: pa.ChunkedArray
    stopped: Numbers
    """Place in the recipe of the step that decided; the number of steps for kept ones, -1 where the reader decided."""
    failed: Numbers
    reasons: Names
    value: Numbers
    """What was measured when it was rejected."""
    signals: Mapping[str, Numbers]
    """By name; NaN where it was not measured."""
    texts: Mapping[str, Names] = field(default_factory=dict)
    """`language` and `host` (or `repo`), where there are such columns."""

    @property
    def rows(self) -> int:
        return len(self.stopped)


def read(corpus: str) -> Stored:
    """The columns of the corpus of a finished job. Raises InputError where it is none, or its recipe is not there."""
    recipe = of_corpus(corpus)
    data, rejected = parts(corpus, "data"), parts(corpus, "rejected")
    if not recipe or not data:
        raise InputError(f"{corpus} is no corpus of ours: expected data/*.parquet and recipe.toml, which jobs write")
    named = schema_of(data[0])
    place = next((name for name in ("host", "repo", "wiki", "site") if name in named.names), None)
    texts = [name for name in ("language", place) if name and name in named.names]
    measured = [one.name for one in named.field("signals").type] if "signals" in named.names else []
    plain = [*texts, *(f"signals.{name}" for name in measured)]
    kept = _table(data, ["id", *plain])
    gone = _table(rejected, ["id", *plain, "verdict", "reason", "value"]) if rejected else kept.slice(0, 0)
    both = pa.concat_tables([kept, gone], promote_options="default")
    verdicts, reasons, value = (_outcome(both, name) for name in ("verdict", "reason", "value"))
    coded = _names(reasons)
    at = np.array([*(_step_of(reason, recipe.labels) for reason in coded.values), len(recipe.steps)])
    return Stored(
        corpus=corpus,
        recipe=recipe,
        kept=kept.num_rows,
        ids=both["id"],
        stopped=at[coded.codes],  # the code of none, -1, is the last entry
        failed=pc.fill_null(pc.equal(verdicts, "failed"), False).to_numpy(zero_copy_only=False),
        reasons=coded,
        value=value.cast(pa.float64()).to_numpy(zero_copy_only=False),
        signals={name: _numbers(both, name) for name in measured},
        texts={"host" if name == place else name: _names(both[name].combine_chunks()) for name in texts},
    )


def _table(paths: Sequence[str], columns: Sequence[str]) -> pa.Table:
    tables = []
    for path in paths:
        inner, fs = opened(path)
        with pq.ParquetFile(inner, filesystem=fs) as file:
            tables.append(_plain(file.read(columns=list(columns)).replace_schema_metadata()))
    return pa.concat_tables(tables)


def _plain(table: pa.Table) -> pa.Table:
    """With texts as texts: where there is a folder a language, the column of languages is coded."""
    plain = [one.with_type(one.type.value_type) if pa.types.is_dictionary(one.type) else one for one in table.schema]
    return table.cast(pa.schema(plain))


def _outcome(table: pa.Table, name: str) -> Any:
    if name in table.schema.names:
        return table[name].combine_chunks()
    return pa.nulls(table.num_rows, pa.float64() if name == "value" else pa.string())


def _numbers(table: pa.Table, name: str) -> Numbers:
    found: Numbers = pc.struct_field(table["signals"], name).to_numpy(zero_copy_only=False)
    return found.astype(np.float64, copy=False)


def _names(column: Any) -> Names:
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    coded = column.dictionary_encode()
    codes = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)
    return Names(codes, coded.dictionary.to_pylist())


def _step_of(reason: str, labels: Sequence[str]) -> int:
    """The place of the step that a reason names, -1 for none: the reader's."""
    found = [at for at, label in enumerate(labels) if reason.startswith(f"{label}.")]
    return max(found, key=lambda at: len(labels[at]), default=-1)
