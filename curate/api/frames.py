"""`curate.apply`: a recipe on texts wherever they are: lists, pandas, polars, Arrow, Hugging Face datasets, Spark."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from curate.api import verdicts
from curate.api.told import told
from curate.api.verdicts import Filter, Steps, check_columns
from curate.errors import UsageError

if TYPE_CHECKING:
    import datasets
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    from pyspark.sql import DataFrame


@told
def apply(recipe: Steps, texts: object, *, text: str = "text", prefix: str = "") -> Any:
    """What a recipe says of each text: kept, reason, value (the measurement that decided) and the text as the steps left it.

    | texts | gives |
    |---|---|
    | a list, tuple or iterator of str | a list of Verdict |
    | a Series of pandas or polars; an Arrow array | a frame (Arrow: a table) of the four columns, in its order and with its index |
    | a DataFrame of pandas or polars; an Arrow table or batch; a Dataset of Hugging Face; a DataFrame of Spark | the same with the
      columns kept, reason and value, its column `text` edited |

    No row is dropped. Columns that are called as those of a document (url, id, language, license …) are seen by the steps.
    Raises as `filter` does, and UsageError for what is none of these.
    """
    rules = verdicts.filter(recipe, text=text, prefix=prefix)
    if isinstance(texts, str | bytes):
        raise UsageError("apply takes many texts; for one: curate.filter(recipe)(text)")
    library = type(texts).__module__.split(".")[0]
    if handler := _LIBRARIES.get(library):
        return handler(rules, texts)
    if hasattr(texts, "__arrow_c_stream__"):
        import pyarrow as pa

        return _arrow(rules, pa.table(texts))
    if not isinstance(texts, Iterable):
        raise UsageError(f"apply takes texts: a list, a frame or a dataset, not {type(texts).__name__}")
    return rules.verdicts(texts)


def _pandas(rules: Filter, texts: "pd.DataFrame | pd.Series") -> "pd.DataFrame":
    import pandas as pd

    if isinstance(texts, pd.Series):
        frame, rules = texts.rename(rules.text).to_frame(), Filter(rules.recipe, rules.text, rules.prefix)
    elif isinstance(texts, pd.DataFrame):
        frame = texts.copy()
    else:
        raise UsageError(f"apply takes a Series or a DataFrame of pandas, not {type(texts).__name__}")
    check_columns(map(str, frame.columns), rules.text, rules.prefix)
    others = {name: frame[name].tolist() for name in verdicts._FROM_ROW if name in frame.columns}
    found = rules.verdicts(_plain(frame[rules.text].tolist(), pd.NA), others)
    frame[rules.text] = pd.Series([one.text for one in found], index=frame.index, dtype=object)
    frame[f"{rules.prefix}kept"] = pd.Series([one.kept for one in found], index=frame.index, dtype=bool)
    frame[f"{rules.prefix}reason"] = pd.Series([one.reason for one in found], index=frame.index, dtype=object)
    frame[f"{rules.prefix}value"] = pd.Series([one.value for one in found], index=frame.index, dtype=float)
    return frame


def _plain(values: Sequence[object], missing: object) -> list[object]:
    return [None if value is missing else value for value in values]


def _polars(rules: Filter, texts: "pl.DataFrame | pl.Series") -> "pl.DataFrame":
    import polars as pl

    if isinstance(texts, pl.LazyFrame):
        raise UsageError("apply takes a DataFrame of polars: .collect() the LazyFrame first")
    frame = texts.alias(rules.text).to_frame() if isinstance(texts, pl.Series) else texts
    return pl.from_arrow(_arrow(rules, frame.to_arrow()))


def _arrow(rules: Filter, texts: "pa.Array | pa.ChunkedArray | pa.RecordBatch | pa.Table") -> "pa.Table":
    import pyarrow as pa

    if isinstance(texts, pa.Array | pa.ChunkedArray):
        texts = pa.table({rules.text: texts})
    elif isinstance(texts, pa.RecordBatch):
        texts = pa.Table.from_batches([texts])
    elif not isinstance(texts, pa.Table):
        raise UsageError(f"apply takes an array, a table or a batch of Arrow, not {type(texts).__name__}")
    check_columns(texts.column_names, rules.text, rules.prefix)
    return _judged_table(rules, texts)


def _judged_table(rules: Filter, table: "pa.Table") -> "pa.Table":
    """The table with the columns of the verdicts; its schema says the same for each table of one schema."""
    import pyarrow as pa

    others = {name: table[name].to_pylist() for name in verdicts._FROM_ROW if name in table.column_names}
    found = rules.verdicts(table[rules.text].to_pylist(), others)
    place = table.column_names.index(rules.text)
    kind = table.schema.field(place).type
    kind = pa.large_string() if pa.types.is_large_string(kind) else pa.string()
    table = table.set_column(place, rules.text, pa.array([one.text for one in found], kind))
    for name, type_ in (("kept", pa.bool_()), ("reason", pa.string()), ("value", pa.float64())):
        table = table.append_column(f"{rules.prefix}{name}", pa.array([getattr(one, name) for one in found], type_))
    return table


def _datasets(rules: Filter, texts: "datasets.Dataset") -> "datasets.Dataset":
    import datasets

    if isinstance(texts, dict):  # DatasetDict, IterableDatasetDict
        return type(texts)({name: _datasets(rules, split) for name, split in texts.items()})
    if texts.column_names is not None:
        check_columns(texts.column_names, rules.text, rules.prefix)
    if not isinstance(texts, datasets.Dataset):
        return texts.map(rules, batched=True)
    added = {"kept": "bool", "reason": "string", "value": "float64"}
    features = {**texts.features, **{f"{rules.prefix}{name}": datasets.Value(kind) for name, kind in added.items()}}
    return texts.map(rules, batched=True, features=datasets.Features(features), desc=f"curate {rules.recipe.name}")


def _spark(rules: Filter, texts: "DataFrame") -> "DataFrame":
    from pyspark.sql.types import BooleanType, DoubleType, StringType, StructField, StructType

    check_columns(texts.columns, rules.text, rules.prefix)
    added = {"kept": BooleanType(), "reason": StringType(), "value": DoubleType()}
    fields = [StructField(f"{rules.prefix}{name}", kind, True) for name, kind in added.items()]

    def run(batches: "Iterator[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
        import pyarrow as pa

        for batch in batches:
            yield from _judged_table(rules, pa.Table.from_batches([batch])).to_batches()

    return texts.mapInArrow(run, StructType([*texts.schema.fields, *fields]))


_LIBRARIES: dict[str, Callable[[Filter, Any], Any]] = {
    "pandas": _pandas,
    "polars": _polars,
    "pyarrow": _arrow,
    "datasets": _datasets,
    "pyspark": _spark,
}
"""By the package that a class comes from, so that none is imported to ask."""
